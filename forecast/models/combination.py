"""Several models as one: the mean of their forecasts, each part as important as any other."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np

from forecast.data.panel import Panel
from forecast.files import Array, under
from forecast.models.base import Goal, Learned, Refits, Spec, Watch
from forecast.results import Log, header, log_of, point_of

Done = dict[int, tuple[Learned, Log]]  # what parts have learned, by their place, and how


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
        return tuple(dict.fromkeys(role for part in self.parts for role in part.reads))

    def settle(self, past: Panel, horizon: int) -> Self:
        """Each part with its sizes chosen from the past."""
        return replace(self, parts=tuple(part.settle(past, horizon) for part in self.parts))

    def fit(self, past: Panel, goal: Goal, *, seed: int, watch: Watch) -> "LearnedCombination":
        """Fit one part after the other; those that a killed fit had ended are taken up."""
        return self._others(self._taken_up(goal, watch), past, goal, seed, watch)

    def refit(self, past: Panel, goal: Goal, start: dict[str, Array], *, seed: int, watch: Watch) -> "LearnedCombination | None":
        """Go on from an earlier fit with the parts that can, and fit the others anew; None where no part can."""
        self.restore(start, goal)  # raises before a part has been trained
        done = self._taken_up(goal, watch)
        for place, part in enumerate(self.parts):
            if place not in done and isinstance(part, Refits):
                learned = part.refit(past, goal, under(start, f"{place}."), seed=seed, watch=self._watch(place, done, watch))
                if learned is not None:
                    done[place] = learned, replace(learned.log, warm=True)
        return self._others(done, past, goal, seed, watch) if any(log.warm for _, log in done.values()) else None

    def restore(self, arrays: dict[str, Array], goal: Goal) -> "LearnedCombination":
        """The LearnedCombination whose `arrays()` these are."""
        return LearnedCombination(goal, tuple(part.restore(under(arrays, f"{place}."), goal) for place, part in enumerate(self.parts)), Log())

    def space(self, trial: Any) -> Self:
        """This spec: its parts are tuned each by itself."""
        return self

    def _others(self, done: Done, past: Panel, goal: Goal, seed: int, watch: Watch) -> "LearnedCombination":
        """Fit the parts that are not done, and join all."""
        for place, part in enumerate(self.parts):
            if place not in done:
                learned = part.fit(past, goal, seed=seed, watch=self._watch(place, done, watch))
                done[place] = learned, learned.log
        made = [done[place] for place in range(len(self.parts))]
        log = _joined([part.name for part in self.parts], [log for _, log in made])
        return LearnedCombination(goal, tuple(learned for learned, _ in made), log)

    def _taken_up(self, goal: Goal, watch: Watch) -> Done:
        """The parts that the checkpoint of a killed fit holds; none without one."""
        arrays, values = watch.load() or ({}, {"ended": {}})
        return {int(place): (self.parts[int(place)].restore(under(arrays, f"{place}."), goal), log_of(log)) for place, log in values["ended"].items()}

    def _watch(self, place: int, done: Done, watch: Watch) -> "PartWatch":
        return PartWatch(watch, place, len(self.parts), done)


@dataclass(frozen=True)
class PartWatch(Watch):
    """The watch of the part at `place`: its checkpoints carry the parts that are done, its steps are counted through all of them."""

    watch: Watch
    place: int
    parts: int
    done: Done

    def report(self, step: int, of: int, value: float) -> None:
        """Progress through all parts."""
        self.watch.report(len(self.done) * of + step, self.parts * of, value)

    def load(self) -> tuple[dict[str, Array], dict[str, Any]] | None:
        """The checkpoint, where it is of this part."""
        arrays, values = self.watch.load() or ({}, {"place": None})
        return (under(arrays, f"{self.place}."), values["values"]) if values["place"] == self.place else None

    def store(self, arrays: dict[str, Array], values: dict[str, Any]) -> None:
        """A checkpoint with all that ended before."""
        known = {place: learned.arrays() for place, (learned, _) in self.done.items()}
        logs = {place: header(log) for place, (_, log) in self.done.items()}
        self.watch.store(_numbered({**known, self.place: arrays}), {"place": self.place, "values": values, "ended": logs})


@dataclass(frozen=True, eq=False)
class LearnedCombination:
    """What each part has learned."""

    goal: Goal
    parts: tuple[Learned, ...]
    log: Log

    @property
    def context(self) -> int:
        """How many rows before an origin a forecast reads: those of the part that reads most."""
        return max(part.context for part in self.parts)

    def predict(self, panel: Panel, origins: Array, fitted: Array) -> Array:
        """Forecasts (M, H, P), scaled: means over the parts, of quantiles (P = Q) where all have them, else of points (P = 1)."""
        answers = [part.predict(panel, origins, fitted) for part in self.parts]
        if len({answer.shape[2] for answer in answers}) > 1:
            answers = [point_of(answer, self.goal.levels)[..., None] for answer in answers]
        mean: Array = np.mean(answers, axis=0)
        return mean

    def arrays(self) -> dict[str, Array]:
        """Those of each part, behind its place: 0.weights, 1.weights."""
        return _numbered({place: part.arrays() for place, part in enumerate(self.parts)})


def _numbered(parts: Mapping[int, Mapping[str, Array]]) -> dict[str, Array]:
    return {f"{place}.{name}": array for place, arrays in parts.items() for name, array in arrays.items()}


def _joined(names: list[str], logs: list[Log]) -> Log:
    """One log of all parts: notes say whose they are, steps are counted on."""
    notes = tuple(note if note.startswith(f"{name}:") else f"{name}: {note}" for name, log in zip(names, logs, strict=True) for note in log.notes)
    history: tuple[tuple[int, float, float], ...] = ()
    for log in logs:
        before = history[-1][0] if history else 0
        history += tuple((before + step, train, validation) for step, train, validation in log.history)
    return Log(notes, history)
