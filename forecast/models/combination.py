"""Several models as one: the mean of their forecasts, each part as important as any other."""

import math
from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from forecast.arrays import Array, under
from forecast.data.panel import Panel
from forecast.data.scaling import Units
from forecast.models.base import (
    Learned,
    Spec,
    Watch,
    context_of,
    examined,
    explained,
    has_hurdle,
    is_unscaled,
    reads_of,
    refitted,
    report_of,
    sized,
    targets_of,
)
from forecast.models.contributions import Contributions, mean_of
from forecast.results import Log, point_of
from forecast.task import Goal


@dataclass(frozen=True)
class Combination:
    """The equal-weight mean of its parts' forecasts (Bates and Granger 1969): parts that err in different ways make up for each other, and weights
    that have to be estimated are seldom worth their error (Clemen 1989; Makridakis et al. 2020, M4).

    Each part is fitted as it is alone, with the same seed. The mean is taken in the units that models see: of a target in logs it is geometric.
    Where every part answers with quantiles they are averaged level by level (Vincent 1912; Lichtendahl et al. 2013), else the points alone are.
    """

    name: str
    parts: tuple[Spec, ...]

    @property
    def reads(self) -> tuple[str, ...]:
        """What any part reads."""
        return tuple(dict.fromkeys(role for part in self.parts for role in reads_of(part)))

    @property
    def targets(self) -> tuple[str, ...]:
        """What every part can forecast."""
        kinds = [targets_of(part) for part in self.parts]
        return tuple(kind for kind in kinds[0] if all(kind in others for others in kinds))

    @property
    def unscaled(self) -> bool:
        """Whether all parts are; a part that is not cannot be joined with one that is."""
        return all(is_unscaled(part) for part in self.parts)

    def settle(self, past: Panel, horizon: int) -> Self:
        """Each part with its sizes chosen from the past."""
        return replace(self, parts=tuple(sized(part, past, horizon) for part in self.parts))

    def examine(self, past: Panel, units: Units, price: bool) -> tuple[str, ...]:
        """The warnings of all parts; raises as they do."""
        warnings: list[str] = []
        for part in self.parts:
            warnings += examined(part, past, units, price)
        return tuple(dict.fromkeys(warnings))

    def fit(self, past: Panel, goal: Goal, *, seed: int, watch: Watch) -> "LearnedCombination":
        """Fit one part after the other, each with checkpoints of its own."""
        return self._with_others({}, past, goal, seed, watch)

    def refit(
        self, past: Panel, goal: Goal, start: dict[str, Array], *, seed: int, watch: Watch
    ) -> "LearnedCombination | None":
        """Go on from an earlier fit with the parts that can, and fit the others anew; None where no part can."""
        self.restore(start, goal)  # raises before a part has been trained
        done: dict[int, Learned] = {}
        for place, part in enumerate(self.parts):
            own = under(start, f"{place}.")
            inner = watch.inner(place, len(self.parts))
            learned = refitted(part, past, goal, own, seed=seed, watch=inner)
            if learned is not None:
                done[place] = learned
        return self._with_others(done, past, goal, seed, watch) if done else None

    def restore(self, arrays: dict[str, Array], goal: Goal) -> "LearnedCombination":
        """The LearnedCombination whose `arrays()` these are."""
        return LearnedCombination(
            goal,
            tuple(part.restore(under(arrays, f"{place}."), goal) for place, part in enumerate(self.parts)),
            Log(),
        )

    def _with_others(
        self, done: dict[int, Learned], past: Panel, goal: Goal, seed: int, watch: Watch
    ) -> "LearnedCombination":
        """Fit the parts that are not done, and join all."""
        for place, part in enumerate(self.parts):
            if place not in done:
                inner = watch.inner(place, len(self.parts))
                done[place] = part.fit(past, goal, seed=seed, watch=inner)
                if not report_of(done[place]).history:
                    inner.report(1, 1, math.nan)  # it has no looks, and has ended
        parts = tuple(done[place] for place in range(len(self.parts)))
        names = [part.name for part in self.parts]
        log = _joined(names, [report_of(part) for part in parts])
        return LearnedCombination(goal, parts, log)


@dataclass(frozen=True, eq=False)
class LearnedCombination:
    """What each part has learned."""

    goal: Goal
    parts: tuple[Learned, ...]
    log: Log

    @property
    def context(self) -> int:
        """How many rows before an origin a forecast reads: those of the part that reads most."""
        return max(context_of(part) for part in self.parts)

    @property
    def hurdle(self) -> bool:
        """Whether the distributions of all parts have a mass at 0."""
        return all(has_hurdle(part) for part in self.parts)

    def predict(self, panel: Panel, origins: Array, fitted: Array) -> Array:
        """Forecasts (M, H, P), scaled: means over the parts, of quantiles (P = Q) where all have them, else of points (P = 1)."""
        answers = [part.predict(panel, origins, fitted) for part in self.parts]
        if len({answer.shape[2] for answer in answers}) > 1:
            answers = [point_of(answer, self.goal.levels)[..., None] for answer in answers]
        mean: Array = np.mean(answers, axis=0)
        return mean

    def explain(
        self, panel: Panel, origins: Array, fitted: Array, steps: Array, integration: int
    ) -> Contributions | None:
        """The means of what makes up the forecasts of the parts; None where one of them cannot say it."""
        found = []
        for part in self.parts:
            own = explained(part, panel, origins, fitted, steps, integration)
            if own is None:
                return None
            found.append(own)
        return mean_of(found)

    def arrays(self) -> dict[str, Array]:
        """Those of each part, behind its place: 0.weights, 1.weights."""
        return {
            f"{place}.{name}": array
            for place, part in enumerate(self.parts)
            for name, array in part.arrays().items()
        }


def _joined(names: list[str], logs: list[Log]) -> Log:
    """One log of all parts: notes say whose they are, steps are counted on."""
    notes = tuple(
        note if note.startswith(f"{name}:") else f"{name}: {note}"
        for name, log in zip(names, logs, strict=True)
        for note in log.notes
    )
    history: tuple[tuple[int, float, float], ...] = ()
    for log in logs:
        before = history[-1][0] if history else 0
        history += tuple((before + step, train, validation) for step, train, validation in log.history)
    return Log(notes, history, sum(log.seconds for log in logs))
