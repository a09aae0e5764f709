"""The median of the past: the constant of lowest absolute error, and as its quantiles the distribution of the past."""

from dataclasses import dataclass

import numpy as np

from forecast.arrays import Array
from forecast.data.panel import Panel
from forecast.models.base import Watch
from forecast.results import Log
from forecast.task import Goal


@dataclass(frozen=True)
class Median:
    """The median of what was observed of each series, at every step; its quantiles are those of the past.

    Of all constants it has the lowest mean absolute error, so that a model of a target that is mostly zero has to beat it.
    """

    name: str = "median"

    def fit(self, past: Panel, goal: Goal, *, seed: int, watch: Watch) -> "Distribution":
        """Learn the quantiles of each series, and their means for the series that come later."""
        levels = np.array(goal.levels or (0.5,))
        learned = [np.nanquantile(past.values[past.rows(i), 0], levels) for i in range(len(past.ids))]
        return Distribution(
            goal, np.stack([*learned, np.mean(learned, axis=0)]), Log(("the median of the past",))
        )

    def restore(self, arrays: dict[str, Array], goal: Goal) -> "Distribution":
        """The Distribution whose `arrays()` these are."""
        return Distribution(goal, arrays["quantiles"], Log())


@dataclass(frozen=True, eq=False)
class Distribution:
    """quantiles (S + 1, Q): of each series at `goal.levels`, the median alone without any; the last row is their mean."""

    goal: Goal
    quantiles: Array
    log: Log

    @property
    def context(self) -> int:
        """How many rows before an origin a forecast reads: one, where the series is known by."""
        return 1

    def predict(self, panel: Panel, origins: Array, fitted: Array) -> Array:
        """Forecasts (M, H, Q), scaled: the same at every step."""
        rows = self.quantiles[fitted[origins[:, 0]]]
        return np.repeat(rows[:, None], self.goal.horizon, axis=1)

    def arrays(self) -> dict[str, Array]:
        """quantiles float64 (S + 1, Q)."""
        return {"quantiles": self.quantiles}
