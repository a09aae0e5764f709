"""Several classifiers as one: the mean of their calibrated probabilities, with equal weights (`bag+lstm`) or with weights that
sequences which none of them has learned from bear out (`mix(bag,lstm)`)."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from forecast.arrays import Array, under
from forecast.errors import ForecastError
from forecast.models.base import Watch
from forecast.results import Log
from forecast.sequences.base import Classifier, CountsWords, Held, HoldsOut, Named
from forecast.sequences.calibrating import cooled, settled, temperature_of, weights_of
from forecast.sequences.judges import folds_of
from forecast.sequences.values import Sequences

JUDGING = 0.15  # share of the training sequences that judge where no part holds any out itself


@dataclass(frozen=True)
class Mix:
    """A mixture of its parts' probabilities, each at a temperature.

    Temperatures and weights come from training sequences that no part has learned from: those that a part holds out to judge
    itself, where it does, else a fold of `folds_of`. Parts that have learned from them are fitted once more without. An equal
    mean of a calibrated and an overconfident model is worse than the better of the two, so each is calibrated first.

    weights: equal, or learned by likelihood (Dempster et al. 1977), drawn to equal ones where few sequences judge.
    """

    name: str
    parts: tuple[Classifier, ...]
    weights: Literal["equal", "learned"] = "learned"

    def __post_init__(self) -> None:
        """ForecastError where there are not several parts, or two of one name."""
        names = [part.name for part in self.parts]
        if len(names) < 2:
            raise ForecastError(f"{self.name}: a mixture has at least two parts.")
        for name in names:
            if names.count(name) > 1:
                raise ForecastError(
                    f"{self.name} has {name} twice: a mixture is of models that differ. Leave one out."
                )

    @property
    def kinds(self) -> tuple[str, ...]:
        """What all of its parts can read."""
        first, *others = self.parts
        return tuple(kind for kind in first.kinds if all(kind in part.kinds for part in others))

    def fit(self, past: Sequences, *, seed: int, watch: Watch) -> "Mixed":
        """Fit each part on all sequences, and where it held none out, also on those that do not judge.

        Each fit has checkpoints of its own.
        """
        fits = _Fits(past, seed, watch, 2 * len(self.parts))
        whole = [fits.fit(part, past, 2 * place) for place, part in enumerate(self.parts)]
        folds = _folds(whole, past, seed)
        judging = np.flatnonzero(folds >= 0)
        labels = past.labels[judging]
        temperatures = []
        shares = []
        for given in self._given(fits, whole, folds):
            temperature = temperature_of(given[judging], labels)
            temperatures.append(temperature)
            shares.append(cooled(given[judging], temperature))
        weights = np.full(len(self.parts), 1 / len(self.parts))
        if self.weights == "learned":
            weights = weights_of(np.stack(shares), labels)
        made = Mixed(self, tuple(whole), tuple(temperatures), tuple(map(float, weights)), Log())
        return replace(made, log=_log(made, fits, len(judging)))

    def _given(self, fits: "_Fits", whole: list[Named], folds: Array) -> Iterator[Array]:
        """What each part gives the sequences (S, K) that judge, without having learned from them."""
        for place, part in enumerate(self.parts):
            held = _held(whole[place], folds)
            if held is None:
                held = fits.without(part, folds, 2 * place + 1)
            yield held

    def restore(self, arrays: dict[str, Array], values: dict[str, Any], classes: tuple[str, ...]) -> "Mixed":
        """The Mixed whose `arrays()` and `values()` these are."""
        parts = []
        for place, part in enumerate(self.parts):
            parts.append(part.restore(under(arrays, f"{place}."), values["parts"][place], classes))
        return Mixed(self, tuple(parts), tuple(values["temperatures"]), tuple(values["weights"]), Log())


@dataclass(frozen=True, eq=False)
class Mixed:
    """What each part has learned, its temperature, and its weight."""

    spec: Mix
    parts: tuple[Named, ...]
    temperatures: tuple[float, ...]
    weights: tuple[float, ...]
    log: Log

    def shares(self, sequences: Sequences) -> Array:
        """Probabilities (S, K): the weighted mean of those of the parts."""
        total: Array = np.zeros(())
        for part, temperature, weight in zip(self.parts, self.temperatures, self.weights, strict=True):
            total = total + weight * cooled(part.shares(sequences), temperature)
        return settled(total)

    def tokens(self, sequences: Sequences) -> Array:
        """How many words of each text are known and how many are not, int64 (S, 2), to the part that knows the most."""
        counts = [part.tokens(sequences) for part in self.parts if isinstance(part, CountsWords)]
        if not counts:
            return np.zeros((len(sequences), 2), "int64")
        known = np.stack(counts)
        best = known[:, :, 0].argmax(0)
        return known[best, np.arange(len(sequences))]

    def arrays(self) -> dict[str, Array]:
        """Those of each part, behind its place: 0.loc, 1.loc."""
        made: dict[str, Array] = {}
        for place, part in enumerate(self.parts):
            made |= {f"{place}.{name}": array for name, array in part.arrays().items()}
        return made

    def values(self) -> dict[str, Any]:
        """Those of each part, temperatures and weights."""
        return {
            "parts": [part.values() for part in self.parts],
            "temperatures": list(self.temperatures),
            "weights": list(self.weights),
        }


class _Fits:
    """The fits that make up a mixture, each with its own checkpoints, and what they took."""

    def __init__(self, past: Sequences, seed: int, watch: Watch, of: int) -> None:
        self.past = past
        self.seed = seed
        self.watch = watch
        self.of = of
        self.logs: list[tuple[str, Log]] = []
        self.seconds = 0.0

    def fit(self, part: Classifier, past: Sequences, place: int) -> Named:
        """One part, and its log."""
        made = part.fit(past, seed=self.seed, watch=self.watch.inner(place, self.of))
        self.logs.append((part.name, made.log))
        self.seconds += made.log.seconds
        return made

    def without(self, part: Classifier, folds: Array, place: int) -> Array:
        """What a part gives the sequences (S, K) of each fold after a fit on all others; NaN where none holds it out."""
        given = np.full((len(folds), len(self.past.classes)), np.nan)
        watch = self.watch.inner(place, self.of)
        numbers = [int(fold) for fold in np.unique(folds) if fold >= 0]
        for number, fold in enumerate(numbers):
            others = self.past.part(np.flatnonzero(folds != fold))
            made = part.fit(others, seed=self.seed, watch=watch.inner(number, len(numbers)))
            own = np.flatnonzero(folds == fold)
            given[own] = made.shares(self.past.part(own))
            self.seconds += made.log.seconds
        return given


def _folds(whole: list[Named], past: Sequences, seed: int) -> Array:
    """The folds (S,) that judge: those that the first part held out itself, else one of `folds_of`."""
    for part in whole:
        held = _held_by(part)
        if held is not None and (held.folds >= 0).any():
            return held.folds
    folds = folds_of(past, JUDGING, seed)
    if (folds == 0).any():
        return np.where(folds == 0, 0, -1)
    return folds


def _held_by(part: Named) -> Held | None:
    return part.held if isinstance(part, HoldsOut) else None


def _held(part: Named, folds: Array) -> Array | None:
    """What a part gave these folds when it had not learned from them; None where it held out others, or none."""
    held = _held_by(part)
    if held is None or not np.array_equal(held.folds, folds):
        return None
    return held.shares


def _log(made: Mixed, fits: _Fits, judging: int) -> Log:
    """One log of all parts, with the weights."""
    notes = []
    for name, log in fits.logs:
        notes += [note if note.startswith(f"{name}:") else f"{name}: {note}" for note in log.notes]
    parts = []
    for part, weight, temperature in zip(made.spec.parts, made.weights, made.temperatures, strict=True):
        parts.append(f"{part.name} {weight:.0%} at temperature {temperature:.2f}")
    how = "equal weights" if made.spec.weights == "equal" else "weights"
    notes.append(f"{made.spec.name}: {how} and temperatures from {judging:,} sequences: {', '.join(parts)}")
    return Log(tuple(notes), _history(fits), fits.seconds)


def _history(fits: _Fits) -> tuple[tuple[int, float, float], ...]:
    """The loss histories of all parts, steps counted on."""
    history: list[tuple[int, float, float]] = []
    for _, log in fits.logs:
        before = history[-1][0] if history else 0
        history += [(before + step, train, validation) for step, train, validation in log.history]
    return tuple(history)
