"""The mean of the past, and the mean of the past at this hour, day of the week and day of the year: what the calendar alone can tell."""

from dataclasses import dataclass, replace
from functools import partial
from typing import Annotated, Any, Self

import numpy as np
from pydantic import Field

from forecast.arrays import Array, spread_of
from forecast.data.clock import CYCLES, Clock
from forecast.data.panel import Panel
from forecast.data.seasons import cycles_seen, season_of
from forecast.models.answers import in_chunks, normal_quantiles
from forecast.models.base import Watch
from forecast.results import Log
from forecast.task import Goal

Cycles = tuple[
    tuple[str | float, int], ...
]  # (name in CYCLES, or steps of the step clock; pairs of sine and cosine), shortest first
Pairs = Annotated[int, Field(ge=0, le=20)]


@dataclass(frozen=True)
class Climatology:
    """Least squares on sines and cosines of the calendar: so many pairs for each cycle that the past has seen twice; without any, the mean.

    On the step clock, which has no calendar, the season found in the values stands for the day.
    (Wilks, Statistical Methods in the Atmospheric Sciences, 4th ed., section 10.4, harmonic analysis.)
    """

    name: str = "climatology"
    day: Pairs = 4
    week: Pairs = 3
    year: Pairs = 3

    def fit(self, past: Panel, goal: Goal, *, seed: int, watch: Watch) -> "Waves":
        """Weights and spread of the residuals for each series, and their means for the series that come later."""
        cycles = self._cycles(past)
        weights = np.zeros((len(past.ids) + 1, 1 + 2 * sum(pairs for _, pairs in cycles)))
        spreads = np.zeros(len(weights))
        for i in range(len(past.ids)):
            target, times = past.values[past.rows(i), 0], past.times[past.rows(i)]
            seen = ~np.isnan(target)
            design = waves(past.clock, times[seen], seen_twice(cycles, times[seen]))
            weights[i, : design.shape[1]] = np.linalg.lstsq(design, target[seen], rcond=1e-8)[0]
            spreads[i] = spread_of(target[seen] - design @ weights[i, : design.shape[1]])
        weights[-1], spreads[-1] = weights[:-1].mean(0), spreads[:-1].mean()
        said = ", ".join(name if isinstance(name, str) else f"{name:g} steps" for name, _ in cycles)
        note = f"cycles: {said}" if said else "the mean of the past"
        return Waves(goal, cycles, weights, spreads, Log((note,)))

    def restore(self, arrays: dict[str, Array], goal: Goal) -> "Waves":
        """The Waves whose `arrays()` these are."""
        names = [*CYCLES, float(arrays["season"][0])]
        cycles = tuple((names[place], pairs) for place, pairs in arrays["cycles"].tolist())
        return Waves(goal, cycles, arrays["weights"], arrays["spreads"], Log())

    def space(self, trial: Any) -> Self:
        """This spec with the numbers of pairs that the trial suggests; a cycle that it leaves out stays out, so the mean stays the mean."""
        return replace(
            self,
            **{
                cycle: trial.suggest_int(cycle, 1, max(6, pairs))
                for cycle, pairs in self._asked().items()
                if pairs
            },
        )

    def _cycles(self, past: Panel) -> Cycles:
        """The cycles that are used, each with its number of pairs."""
        asked = self._asked()
        if past.clock.kind == "step":
            season = season_of(past) if self.day else 1
            return ((float(season), min(self.day, season // 2)),) if season > 1 else ()
        return tuple((name, asked[name]) for name in cycles_seen(past) if asked[name])

    def _asked(self) -> dict[str, int]:
        return {"day": self.day, "week": self.week, "year": self.year}


@dataclass(frozen=True, eq=False)
class Waves:
    """cycles: (name, or steps; pairs) · weights (S + 1, 1 + 2 pairs), spreads (S + 1,), scaled: a row a series, the last for the cold ones."""

    goal: Goal
    cycles: Cycles
    weights: Array
    spreads: Array
    log: Log

    @property
    def context(self) -> int:
        """How many rows before an origin a forecast reads: none of their values, but one row must be known."""
        return 1

    def predict(self, panel: Panel, origins: Array, fitted: Array) -> Array:
        """Forecasts (M, H, P), scaled: the waves at the stamps that are asked for, with normal quantiles of constant width."""
        return in_chunks(partial(self._answer, panel, fitted=fitted), origins)

    def _answer(self, panel: Panel, origins: Array, fitted: Array) -> Array:
        row = fitted[origins[:, 0]]
        design = waves(panel.clock, panel.stamps(origins, self.goal.horizon), self.cycles)
        point = np.einsum("mhp,mp->mh", design, self.weights[row])
        return normal_quantiles(
            point, np.broadcast_to(self.spreads[row][:, None], point.shape), self.goal.levels
        )

    def arrays(self) -> dict[str, Array]:
        """weights, spreads, cycles int64 (cycles, 2) as (place in CYCLES, pairs), and the season of the step clock (1,), whose place is the last."""
        place = {name: i for i, name in enumerate(CYCLES)}
        used = [(place[name] if isinstance(name, str) else len(place), pairs) for name, pairs in self.cycles]
        season = next((name for name, _ in self.cycles if not isinstance(name, str)), 1.0)
        table = np.array(used, "int64").reshape(-1, 2)
        return {
            "weights": self.weights,
            "spreads": self.spreads,
            "cycles": table,
            "season": np.array([season], "float64"),
        }


def seen_twice(cycles: Cycles, stamps: Array) -> Cycles:
    """The first of the cycles, shortest first, that one series saw twice with three values a weight."""
    kept, columns = 0, 1
    for name, pairs in cycles:
        columns += 2 * pairs
        length = CYCLES[name] if isinstance(name, str) else int(name)
        if 2 * length > int(stamps[-1] - stamps[0]) or 3 * columns > len(stamps):
            break
        kept += 1
    return cycles[:kept]


def waves(clock: Clock, stamps: Array, cycles: Cycles) -> Array:
    """A constant and the sines and cosines of each cycle at stamps (...): (..., 1 + 2 pairs)."""
    return np.concatenate(
        [np.ones((*stamps.shape, 1)), *(clock.harmonics(stamps, cycle, pairs) for cycle, pairs in cycles)],
        axis=-1,
    )
