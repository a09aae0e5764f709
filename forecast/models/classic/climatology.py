"""The mean of the past, and that at this hour, day of the week and day of the year: what the calendar alone can tell."""

from dataclasses import dataclass, replace
from typing import Annotated, Any, ClassVar, Self

import numpy as np
from pydantic import Field

from forecast.arrays import Array, log_mean, spread_of
from forecast.data.clock import CYCLES
from forecast.data.panel import Panel
from forecast.data.seasons import cycles_seen, season_of
from forecast.errors import ForecastError
from forecast.models.answers import NormalAnswers, in_chunks
from forecast.models.base import Watch
from forecast.models.classic.harmonics import Cycles, called, cycles_from_arrays, cycles_to_arrays, waves
from forecast.models.classic.tallies import (
    Choices,
    Logits,
    described,
    fitted,
    inflation_of,
    searched,
    tallies_of,
    together,
)
from forecast.models.names import floored, names_of_windows
from forecast.results import Log
from forecast.task import Goal

Pairs = Annotated[int, Field(ge=0, le=20)]
AT_ONCE = 50_000  # stamps whose shares are formed together


@dataclass(frozen=True)
class Climatology:
    """Least squares on sines and cosines of the calendar: so many pairs for each cycle that the past has seen twice.

    Without any it is the mean. On the step clock, which has no calendar, the season found in the values stands for the day.
    (Wilks, Statistical Methods in the Atmospheric Sciences, 4th ed., section 10.4, harmonic analysis.)
    Of names the logits of their shares have such harmonics, of each cycle as many as AICc chooses, up to those asked for,
    given how much less than independent rows dependent ones tell.
    Where one answer is about all of the horizon, windows of its length are counted by the stamp of their first row.
    smeared: of a target in logs the point is its mean, by the mean of the exponentials of the residuals (Duan 1983).
    """

    targets: ClassVar[tuple[str, ...]] = ("number", "event", "names")
    name: str = "climatology"
    day: Pairs = 4
    week: Pairs = 3
    year: Pairs = 3
    smeared: bool = False

    def fit(self, past: Panel, goal: Goal, *, seed: int, watch: Watch) -> "Waves | CalendarShares":
        """Weights and spread of the residuals for each series, and their means for the series that come later.

        Of names the logits of each series, drawn to those of all series together.
        """
        if goal.names:
            return self._counted(past, goal)
        if self.smeared and not goal.units.plain_logs:
            raise ForecastError(
                f"{self.name}.smeared is of logs: add `transform=log` and `scale=none`, or leave it out."
            )
        cycles = self._cycles(past)
        columns = 1 + 2 * sum(pairs for _, pairs in cycles)
        weights = np.zeros((len(past.ids) + 1, columns))
        spreads = np.zeros(len(weights))
        lifts = np.zeros(len(weights))
        for i in range(len(past.ids)):
            own, errors = _fitted(past, i, cycles)
            weights[i, : len(own)] = own
            spreads[i] = spread_of(errors)
            lifts[i] = log_mean(errors) if self.smeared else 0.0
        weights[-1] = weights[:-1].mean(0)
        spreads[-1] = spreads[:-1].mean()
        lifts[-1] = lifts[:-1].mean()
        names = [called(name) for name, _ in cycles]
        note = f"cycles: {', '.join(names)}" if names else "the mean of the past"
        return Waves(goal, cycles, weights, spreads, lifts, Log((note,)))

    def _counted(self, past: Panel, goal: Goal) -> "CalendarShares":
        """Logits of the names of each series."""
        asked = self._cycles(past)
        cycles = tuple(name for name, _ in asked)
        tried = [list(range(pairs + 1)) for _, pairs in asked]
        most = max((pairs for _, pairs in asked), default=0)
        names = [names_of_windows(past.values[past.rows(i), 0], goal) for i in range(len(past.ids))]
        parts = tallies_of(past, names, len(goal.names), cycles, max(most, 1), 0)
        inflation = inflation_of(
            names, len(goal.names)
        )  # rows are not independent, and less so as windows overlap
        shape = searched(together(parts), Choices([0], tried, [False]), inflation)
        note = f"{described(shape, cycles)}, by AICc"
        return CalendarShares(goal, fitted(parts, shape, cycles), Log((note,)))

    def restore(self, arrays: dict[str, Array], goal: Goal) -> "Waves | CalendarShares":
        """The Waves or CalendarShares whose `arrays()` these are."""
        cycles = cycles_from_arrays(arrays)
        if goal.names:
            return CalendarShares(goal, Logits(cycles, arrays["level"], arrays["swing"]), Log())
        spreads = arrays["spreads"]
        lifts = arrays.get("lifts", np.zeros_like(spreads))
        return Waves(goal, cycles, arrays["weights"], spreads, lifts, Log())

    def space(self, trial: Any) -> Self:
        """This spec with the numbers of pairs that the trial suggests.

        A cycle that this spec leaves out stays out, so that the mean stays the mean.
        """
        tried: dict[str, Any] = {}
        for cycle, pairs in self._asked().items():
            if pairs:
                tried[cycle] = trial.suggest_int(cycle, 1, max(6, pairs))
        return replace(self, **tried)

    def _cycles(self, past: Panel) -> Cycles:
        """The cycles that are used, each with its number of pairs."""
        asked = self._asked()
        if past.clock.kind != "step":
            return tuple((name, asked[name]) for name in cycles_seen(past) if asked[name])
        season = season_of(past) if self.day else 1
        pairs = min(self.day, season // 2)
        return ((float(season), pairs),) if season > 1 else ()

    def _asked(self) -> dict[str, int]:
        return {"day": self.day, "week": self.week, "year": self.year}


def _fitted(past: Panel, series: int, cycles: Cycles) -> tuple[Array, Array]:
    """Weights of the cycles that one series saw twice, and its residuals."""
    target = past.values[past.rows(series), 0]
    seen = ~np.isnan(target)
    times = past.times[past.rows(series)][seen]
    design = waves(past.clock, times, seen_twice(cycles, times))
    weights = np.linalg.lstsq(design, target[seen], rcond=1e-8)[0]
    return weights, target[seen] - design @ weights


@dataclass(frozen=True, eq=False)
class Waves(NormalAnswers):
    """cycles: (name, or steps; pairs) · weights (S + 1, 1 + 2 pairs), spreads, lifts (S + 1,), scaled: one row per series.

    The last row is that of the series that were not fitted. lifts: by how much the point lies above the middle of the normal
    distribution, 0 but where logs are smeared.
    """

    cycles: Cycles
    weights: Array
    spreads: Array
    lifts: Array
    log: Log
    context = (
        1  # rows before an origin that a forecast reads: none of their values, but one row must be known
    )

    def normal(self, panel: Panel, origins: Array, rows: Array) -> tuple[Array, Array]:
        """Points and widths (M, H): the waves at the stamps that are asked for, and a constant width."""
        design = waves(panel.clock, panel.stamps(origins, self.goal.horizon), self.cycles)
        point = np.einsum("mhp,mp->mh", design, self.weights[rows])
        return point, np.broadcast_to(self.spreads[rows][:, None], point.shape)

    def _answer(self, panel: Panel, fitted: Array, origins: Array) -> Array:
        made = super()._answer(panel, fitted, origins)
        if not self.lifts.any():
            return made
        point = self.goal.levels.index(0.5) if self.goal.levels else 0
        made[..., point] += self.lifts[fitted[origins[:, 0]]][:, None]
        return made

    def arrays(self) -> dict[str, Array]:
        """weights, spreads, lifts where there are any, cycles int64 (cycles, 2) as (place in CYCLES, pairs), and the season of the step clock (1,).

        The place of that season is the last.
        """
        learned = {"weights": self.weights, "spreads": self.spreads}
        if self.lifts.any():
            learned["lifts"] = self.lifts
        return {**learned, **cycles_to_arrays(self.cycles)}


@dataclass(frozen=True, eq=False)
class CalendarShares:
    """logits: of each name with the calendar, by series."""

    goal: Goal
    logits: Logits
    log: Log
    context = 1  # one row must be known

    def predict(self, panel: Panel, origins: Array, fitted: Array) -> Array:
        """Shares (M, A, K) at the stamps that are asked for, or at the first where one answer is about all."""
        stamps = panel.stamps(origins, self.goal.horizon)[:, : self.goal.answered]
        series = np.repeat(fitted[origins[:, 0]], stamps.shape[1])

        def answer(part: Array) -> Array:
            return self.logits.at(panel.clock, stamps.ravel()[part], series[part])[:, 0]

        shares = in_chunks(answer, np.arange(stamps.size), AT_ONCE)
        return floored(shares.reshape(*stamps.shape, -1))

    def arrays(self) -> dict[str, Array]:
        """level, swing, cycles, season."""
        level, swing = self.logits.level, self.logits.swing
        return {"level": level, "swing": swing, **cycles_to_arrays(self.logits.cycles)}


def seen_twice(cycles: Cycles, stamps: Array) -> Cycles:
    """The first of the cycles, shortest first, that one series saw twice with three values a weight."""
    columns = 1
    for kept, (name, pairs) in enumerate(cycles):
        columns += 2 * pairs
        length = CYCLES[name] if isinstance(name, str) else int(name)
        if 2 * length > int(stamps[-1] - stamps[0]) or 3 * columns > len(stamps):
            return cycles[:kept]
    return cycles
