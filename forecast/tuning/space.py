"""The space of a study: what a model varies by itself, narrowed and widened by a table of values and ranges such as `[tune.gru]`."""

import dataclasses
import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, get_args, get_origin, get_type_hints

import numpy as np

from forecast.arrays import Array
from forecast.errors import ForecastError, nearest, validated
from forecast.models.base import Spec, varied

GRID_VALUES = 4  # of a range
MOST_POINTS = 10_000  # of a grid

Values = dict[str, Any]


@dataclass(frozen=True)
class Range:
    """Values from low to high, both of them possible; log: as many between 1 and 10 as between 10 and 100; whole: integers alone."""

    low: float
    high: float
    log: bool = False
    whole: bool = False

    def holds(self, value: Any) -> bool:
        """Whether a value lies in it."""
        return isinstance(value, int | float) and self.low <= value <= self.high

    def ask(self, trial: Any, name: str) -> Any:
        """A value that the trial suggests."""
        if self.whole:
            return trial.suggest_int(name, int(self.low), int(self.high), log=self.log)
        return trial.suggest_float(name, self.low, self.high, log=self.log)


@dataclass(frozen=True)
class Choices:
    """Some values; one alone is fixed, and no trial is asked for it."""

    values: tuple[Any, ...]

    def holds(self, value: Any) -> bool:
        """Whether a value is one of them."""
        return value in self.values

    def ask(self, trial: Any, name: str) -> Any:
        """The one that the trial suggests; a study knows lists by their text."""
        if len(self.values) == 1:
            return self.values[0]
        shown = {_shown(value): value for value in self.values}
        return shown[trial.suggest_categorical(name, list(shown))]


def _shown(value: Any) -> Any:
    """A value as Optuna's categories can have it: a number, a word, or the text of a list."""
    return json.dumps(value) if isinstance(value, tuple) else value


@dataclass(frozen=True)
class Narrowed:
    """A trial that answers from a table before it asks the trial behind it."""

    trial: Any
    table: Mapping[str, Range | Choices]
    asked: set[str] = field(default_factory=set)

    def ask(self, name: str) -> Any:
        """The value of a setting that the table names."""
        self.asked.add(name)
        return self.table[name].ask(self.trial, name)

    def suggest_categorical(self, name: str, choices: Sequence[Any]) -> Any:
        """As the table says, else one of the choices."""
        return self.ask(name) if name in self.table else self.trial.suggest_categorical(name, choices)

    def suggest_float(self, name: str, low: float, high: float, **more: Any) -> Any:
        """As the table says, else from low to high."""
        return self.ask(name) if name in self.table else self.trial.suggest_float(name, low, high, **more)

    def suggest_int(self, name: str, low: int, high: int, **more: Any) -> Any:
        """As the table says, else from low to high."""
        return self.ask(name) if name in self.table else self.trial.suggest_int(name, low, high, **more)


@dataclass(frozen=True)
class Space:
    """What a study tries of a model: its own space, and in place of that or beside it what `table` says."""

    base: Spec
    table: Mapping[str, Range | Choices]

    def ask(self, trial: Any) -> tuple[Spec, Values]:
        """The model with what the trial suggests in its own space, and the settings beside that."""
        narrowed = Narrowed(trial, self.table)
        made = varied(self.base, narrowed)
        return made, {name: narrowed.ask(name) for name in self.table if name not in narrowed.asked}

    def candidate(self, trial: Any) -> Spec:
        """The model with all that the trial suggests; ForecastError where that contradicts itself."""
        made, more = self.ask(trial)
        chosen: Spec = dataclasses.replace(made, **more) if more else made  # type: ignore[type-var]
        return chosen

    @property
    def fixed(self) -> Values:
        """The settings that have one value."""
        return {
            name: one.values[0]
            for name, one in self.table.items()
            if isinstance(one, Choices) and len(one.values) == 1
        }

    def default(self, settled: Spec) -> Values:
        """The settled default as the parameters of a trial."""
        own = _Own(settled)
        self.ask(own)
        return own.found

    def outside(self, settled: Spec) -> list[str]:
        """In words, each setting of the settled default that the table leaves no place for."""
        return [
            f"{name} = {getattr(settled, name)}"
            for name, one in self.table.items()
            if not one.holds(getattr(settled, name))
        ]

    def grid(self, seed: int) -> list[Values]:
        """All points of a grid over it, in an order drawn with the seed; of a range GRID_VALUES values.

        ForecastError where these are too many.

        What is asked may depend on what was answered, so each point is answered step by step.
        """
        points: list[Values] = []
        level: list[Values] = [{}]
        while level:
            deeper: list[Values] = []
            for given in level:
                found = self._next(given)
                if found is None:
                    points.append(given)
                else:
                    deeper += [{**given, found.name: value} for value in found.values]
            level = deeper
            if len(points) + len(level) > MOST_POINTS:
                raise ForecastError(
                    f"The grid of {self.base.name} has more than {MOST_POINTS:,} points, already of {', '.join(level[0])};"
                    f" at most {MOST_POINTS:,} are tried. Narrow it under [tune.{self.base.name}], or take another sampler."
                )
        random.Random(seed).shuffle(points)
        return points

    def _next(self, given: Values) -> "_Question | None":
        """What is asked after `given` has answered; None where that is all, or a contradiction, which its trial reports."""
        try:
            self.ask(_Given(given))
        except _Question as question:
            return question
        except ForecastError:
            return None
        return None


class _Own:
    """A trial that suggests what a spec has already."""

    def __init__(self, spec: Spec) -> None:
        self.spec = spec
        self.found: Values = {}

    def suggest(self, name: str, *_: Any, **__: Any) -> Any:
        self.found[name] = _shown(getattr(self.spec, name))
        return self.found[name]

    suggest_int = suggest_float = suggest_categorical = suggest


class _Question(Exception):  # noqa: N818 (a signal, not an error)
    """A setting that was asked for, and the values that a grid has of it."""

    def __init__(self, name: str, values: Sequence[Any]) -> None:
        super().__init__(name)
        self.name, self.values = name, list(dict.fromkeys(values))


@dataclass(frozen=True)
class _Given:
    """A trial that answers what it was given, and raises the first question beyond that."""

    given: Values

    def suggest_categorical(self, name: str, choices: Sequence[Any]) -> Any:
        return self._answer(name, choices)

    def suggest_float(self, name: str, low: float, high: float, *, log: bool = False) -> Any:
        return self._answer(name, _spread(low, high, log).tolist())

    def suggest_int(self, name: str, low: int, high: int, *, log: bool = False) -> Any:
        if high - low < GRID_VALUES:
            return self._answer(name, range(low, high + 1))
        return self._answer(name, np.rint(_spread(low, high, log)).astype(int).tolist())

    def _answer(self, name: str, values: Sequence[Any]) -> Any:
        if name not in self.given:
            raise _Question(name, values)
        return self.given[name]


def _spread(low: float, high: float, log: bool) -> Array:
    """The values (GRID_VALUES,) of a range in a grid."""
    if log:
        return np.geomspace(low, high, GRID_VALUES)
    return np.linspace(low, high, GRID_VALUES)


def space_of(base: Spec, table: Mapping[str, Any] | None = None) -> Space:
    """The space of a model, narrowed by a table.

    For each setting it has a list of values, a range {"low": 1e-4, "high": 1e-2, "log": True}, or one fixed value. A value
    may be a list itself: {"units": [[64, 32], 32]} is two layers or one. ForecastError, by name, where there is no such
    setting, a value is none that it can have, or a range is none.
    """
    hints = get_type_hints(type(base), include_extras=True)
    names = [one.name for one in dataclasses.fields(base) if one.name != "name"]  # type: ignore[arg-type]
    read: dict[str, Range | Choices] = {}
    for name, value in (table or {}).items():
        if name not in names:
            raise ForecastError(f"{base.name} has no setting {name!r} to tune.{nearest(name, names)}")
        where = f"tune.{base.name}.{name}"
        if isinstance(value, Mapping):
            read[name] = _range(where, hints[name], value)
        else:
            read[name] = _choices(where, hints[name], value)
    return Space(base, read)


def _range(where: str, hint: Any, table: Mapping[str, Any]) -> Range:
    """The range that a table says."""
    for key in table:
        if key not in ("low", "high", "log"):
            raise ForecastError(f"{where} has no {key!r}.{nearest(key, ['low', 'high', 'log'])}")
    kinds = _kinds(hint)
    if not kinds & {int, float} or bool in kinds:
        raise ForecastError(f"{where} has no range: it takes a list of values.")
    if not {"low", "high"} <= set(table):
        raise ForecastError(
            f"{where} = {dict(table)}: a range has low and high, such as {{low = 1, high = 10}}."
        )
    low = validated(hint, table["low"], where)
    high = validated(hint, table["high"], where)
    log = bool(table.get("log", False))
    if not low < high or (log and low <= 0):
        raise ForecastError(f"{where} = {dict(table)}: low is below high, and above 0 where log is true.")
    return Range(low, high, log, float not in kinds)


def _choices(where: str, hint: Any, value: Any) -> Choices:
    """The values that a list says, or the one that is fixed."""
    values = list(value) if isinstance(value, list | tuple) else [value]
    if not values or any(isinstance(one, Mapping) for one in values):
        raise ForecastError(f"{where} = {value!r}: a list of values is tried, such as [1, 2].")
    return Choices(tuple(dict.fromkeys(validated(hint, one, where) for one in values)))


def _kinds(hint: Any) -> set[Any]:
    """The plain types in an annotation, those of a tuple left out."""
    origin = get_origin(hint)
    if origin in (Literal, tuple):
        return {origin}
    inner = get_args(hint)
    if hasattr(hint, "__metadata__"):
        inner = inner[:1]
    return set().union(*map(_kinds, inner)) if inner else {hint}
