"""The naive forecasts: what every other model has to beat."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from forecast.arrays import Array
from forecast.data.panel import Panel
from forecast.data.seasons import season_of
from forecast.models.base import CONTEXT, Watch
from forecast.results import Log
from forecast.task import Goal

SEASONS = 4  # looked through, the newest first, for an observed value of the same phase


@dataclass(frozen=True)
class Naive:
    """The last observed value for ever, the last season again, or the last value and the mean step of the past from there.

    (Hyndman & Athanasopoulos, Forecasting: Principles and Practice, 3rd ed., section 5.2.)
    """

    name: str = "naive"
    kind: Literal["last", "seasonal", "drift"] = "last"

    def fit(self, past: Panel, goal: Goal, *, seed: int, watch: Watch) -> "Repeated":
        """Learn the season of the panel, or the drift of each series."""
        if self.kind == "seasonal":
            season = season_of(past)
            return Repeated(
                goal,
                season,
                np.zeros(0),
                Log((f"season of {season} steps" if season > 1 else "no season found",)),
            )
        slopes = [
            mean_step(past.values[past.rows(i), 0]) if self.kind == "drift" else 0.0
            for i in range(len(past.ids))
        ]
        return Repeated(goal, 1, np.array(slopes), Log())

    def restore(self, arrays: dict[str, Array], goal: Goal) -> "Repeated":
        """The Repeated whose `arrays()` these are."""
        return Repeated(goal, int(arrays["season"][0]), arrays["slopes"], Log())


@dataclass(frozen=True, eq=False)
class Repeated:
    """season: in steps, 1 = none · slopes (S,): scaled units a step; none for the seasonal kind."""

    goal: Goal
    season: int
    slopes: Array
    log: Log

    @property
    def context(self) -> int:
        """How many rows before an origin a forecast reads."""
        return max(CONTEXT, SEASONS * self.season)

    def predict(self, panel: Panel, origins: Array, fitted: Array) -> Array:
        """Forecasts (M, H, 1), scaled, from the last observed value, however old; 0, the mean, where there is none. A cold series has drift 0."""
        steps = np.arange(self.goal.horizon)
        origin = panel.starts[origins[:, 0]] + origins[:, 1]
        first = panel.starts[origins[:, 0]]
        target = panel.values[:, 0]
        latest = panel.latest(origins)
        forecast = np.repeat(np.where(latest >= 0, target[latest], 0.0)[:, None], len(steps), axis=1)
        if self.season > 1:
            for back in range(SEASONS, 0, -1):  # the newest season is written last, over the older ones
                index = origin[:, None] - back * self.season + steps % self.season
                value = np.where(index >= first[:, None], target[np.maximum(index, 0)], np.nan)
                forecast = np.where(np.isnan(value), forecast, value)
        if len(self.slopes):
            row = fitted[origins[:, 0]]
            slope = np.where((row >= 0) & (latest >= 0), self.slopes[row], 0.0)
            forecast += slope[:, None] * (origin[:, None] + steps - latest[:, None])
        return forecast[..., None]

    def arrays(self) -> dict[str, Array]:
        """season int64 (1,) and slopes float64 (S,)."""
        return {"season": np.array([self.season], "int64"), "slopes": self.slopes}


def mean_step(target: Array) -> float:
    """The mean step from the first to the last observed value of (n,); 0 where fewer than two are observed."""
    seen = np.flatnonzero(~np.isnan(target))
    return float((target[seen[-1]] - target[seen[0]]) / (seen[-1] - seen[0])) if len(seen) > 1 else 0.0
