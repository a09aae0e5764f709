"""Task: one question as one value. What is forecast, how far ahead, in which units, and by what it is judged."""

import dataclasses
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, get_type_hints

from forecast.arrays import Array
from forecast.data.clock import Clock
from forecast.data.panel import Panel
from forecast.data.scaling import AUTO, Units, usual_transform
from forecast.errors import ForecastError, nearest, validated

Bounds = tuple[float | None, float | None]
Span = Literal["each", "any", "all"]
LEVELS = (
    0.005,
    *(round(0.05 * step, 2) for step in range(1, 20)),
    0.995,
)  # that the commands calibrate and keep


@dataclass(frozen=True)
class Task:
    """What is asked of every model alike. It is JSON, and a model's own settings are no part of it.

    horizon: steps ahead, or a span such as "24h" or "7d"; None = the clock's default.
    intervals: central intervals in percent, such as (80, 95), that frames, files and figures show; () = none.
    levels: quantile levels that are calibrated and kept next to the ends of the intervals; the median is always among them.
    bounds: (lowest, highest) that the target can be, None = open; forecasts and intervals are cut there.
    transform: of the target before scaling, undone after the forecast: none, log, log1p, asinh, yeo-johnson, or
        auto: log or log1p where the spread grows with the level in the rows before the test, else none.
    scale: of every column: standard, robust, minmax, mean-abs, none, inputs (all but the target) or shared; what each learns
        is said in `forecast.data.scaling`.
    metric: the row of METRICS by which models are ranked; None = chosen from the rows before the test.
    reduce: of an event: whether it is asked of `each` step, of `any` step of the horizon, or of `all` of them.

    Raises ForecastError where a field is not what its annotation allows.
    """

    horizon: int | str | None = None
    intervals: tuple[float, ...] = ()
    levels: tuple[float, ...] = ()
    bounds: Bounds = (None, None)
    transform: str = "none"
    scale: str = "standard"
    metric: str | None = None
    reduce: Span = "each"

    def __post_init__(self) -> None:
        for name, hint in get_type_hints(type(self), include_extras=True).items():
            checked = validated(hint, getattr(self, name), name)
            object.__setattr__(self, name, checked)
        _check_bounds(self.bounds)
        ends = quantile_levels(self.intervals)
        object.__setattr__(self, "levels", joined_levels(self.levels, ends))
        _ = self.units

    @property
    def units(self) -> Units:
        """How the values that a model sees are made from the target; unchanged as long as `auto` is not settled."""
        return Units("none" if self.transform == AUTO else self.transform, self.scale)

    def with_transform(self, past: Panel) -> "Task":
        """The task with a transform in place of `auto`, chosen from the rows of `past` alone."""
        if self.transform != AUTO:
            return self
        return replace(self, transform=usual_transform(past)[0])

    @property
    def count(self) -> int:
        """The horizon as a number of steps; it is one once `steps` has been asked."""
        if not isinstance(self.horizon, int):
            raise AssertionError("the horizon of this task is not yet a number of steps")
        return self.horizon

    @property
    def answered(self) -> int:
        """How many answers a forecast has, A: one per step, or one for the whole horizon."""
        return self.count if self.reduce == "each" else 1

    @property
    def over(self) -> int:
        """How many steps each answer is about: one, or all of the horizon."""
        return self.count // self.answered

    def steps(self, clock: Clock, gap: int = 0) -> "Task":
        """The same task with its horizon in steps of a clock, and `gap` steps before those that are scored."""
        return replace(self, horizon=gap + clock.steps(self.horizon))


def _check_bounds(bounds: Bounds) -> None:
    """ForecastError where bounds are no numbers, or the lowest value is not below the highest."""
    low, high = bounds
    open_low = -math.inf if low is None else low
    open_high = math.inf if high is None else high
    if not open_low < open_high:  # which NaN is not either
        raise ForecastError(
            f"`bounds={low},{high}` is no range: the lowest value of the target is a number below the highest, such as 0 and"
            f" 100. Leave a side that is open empty (None)."
        )


@dataclass(frozen=True)
class Goal:
    """What one model is to predict: a Task, and the columns that it sees, the target first.

    `future` columns are known over the horizon, `static` ones do not change within a series. names (K,): those that the
    target may have, of which shares are forecast; () = it is a number. read_as: the column of the panel that was read
    for each of `columns`, which for an indicator is its category; () = their own names. The task's horizon is a number of
    steps here.
    """

    task: Task
    columns: tuple[str, ...]
    future: tuple[str, ...] = ()
    static: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    read_as: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.read_as:
            object.__setattr__(self, "read_as", self.columns)

    @property
    def horizon(self) -> int:
        """Steps ahead."""
        return self.task.count

    @property
    def answered(self) -> int:
        """How many answers a forecast has, A: one per step, or one for the whole horizon."""
        return self.task.answered

    @property
    def over(self) -> int:
        """How many steps each answer is about: one, or all of the horizon."""
        return self.task.over

    @property
    def levels(self) -> tuple[float, ...]:
        """The quantile levels (Q,) that are asked for, rising, .5 among them; none = points, or shares of names, alone."""
        return () if self.names else self.task.levels

    @property
    def bounds(self) -> Bounds:
        """What the target cannot cross."""
        return self.task.bounds

    @property
    def units(self) -> Units:
        """How the values that a model sees are made from the target."""
        return self.task.units

    @property
    def moving(self) -> tuple[str, ...]:
        """The columns that are not static, the target first."""
        return tuple(name for name in self.columns if name not in self.static)


FIELDS = tuple(one.name for one in dataclasses.fields(Task))


def task_of(task: "Task | int | str | None", keywords: Mapping[str, Any]) -> Task:
    """A task, or a horizon, with some of its fields changed by keyword; ForecastError where a keyword is not a field."""
    for name in keywords:
        if name not in FIELDS:
            raise ForecastError(f"There is no option {name!r}.{nearest(name, FIELDS)}")
    base = task if isinstance(task, Task) else Task(horizon=task)
    return replace(base, **keywords) if keywords else base


def reduced(codes: Array, span: Span) -> Array:
    """Events (M, H), 1 where one took place, 0 where not, NaN where it is not known, as they are asked: (M, A).

    An answer about the whole horizon is NaN where any of its steps is: if those with an event counted none the less, and
    those without one did not, events would seem more frequent than they are.
    """
    if span == "each":
        return codes
    found = codes.max(axis=1) if span == "any" else codes.min(axis=1)
    return found[:, None]


def quantile_levels(coverages: Iterable[float]) -> tuple[float, ...]:
    """The quantile levels of central intervals in percent, rising, with the median.

    (80, 95) gives (.025, .1, .5, .9, .975), and () gives (). ForecastError where one is not between 0 and 100.
    """
    shares = [coverage / 100 for coverage in coverages]
    if any(not 0 < share < 1 for share in shares):
        found = ", ".join(f"{100 * share:g}" for share in shares)
        raise ForecastError(f"Intervals are percentages between 0 and 100, such as 80,95; found {found}.")
    if not shares:
        return ()
    edges = {0.5}
    for share in shares:
        edges.add(round(0.5 - share / 2, 10))
        edges.add(round(0.5 + share / 2, 10))
    return tuple(sorted(edges))


def joined_levels(levels: Iterable[float], others: Iterable[float]) -> tuple[float, ...]:
    """Two sets of quantile levels as one, rising, with the median; () where both are empty.

    ForecastError where one is not between 0 and 1.
    """
    found = {round(level, 10) for level in (*levels, *others)}
    for level in sorted(found):
        if not 0 < level < 1:
            raise ForecastError(f"A quantile level lies between 0 and 1, such as 0.05; found {level:g}.")
    return tuple(sorted(found | {0.5})) if found else ()


def bands(intervals: Iterable[float], levels: tuple[float, ...]) -> list[tuple[float, int, int]]:
    """The shown intervals, narrowest first: coverage in percent, and the places of its lower and upper level in `levels`."""
    found = []
    for coverage in sorted(set(intervals)):
        ends = quantile_levels([coverage])
        if ends[0] in levels and ends[-1] in levels:
            found.append((float(coverage), levels.index(ends[0]), levels.index(ends[-1])))
    return found
