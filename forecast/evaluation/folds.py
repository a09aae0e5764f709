"""Folds: few fits, many origins. Every row that is scored lies after every row that was fitted on."""

import math
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Literal, get_type_hints

import numpy as np
import pandas as pd
from pydantic import Field

from forecast.arrays import Array
from forecast.data.clock import Clock, parse_horizon
from forecast.data.findings import counted
from forecast.data.panel import Panel
from forecast.data.zones import to_utc
from forecast.errors import ForecastError, validated
from forecast.text import joined

MOST = 2000  # origins a series, unless a stride is given or more than half as many folds


@dataclass(frozen=True)
class WalkForward:
    """How a panel is walked through.

    horizon: steps ahead, or a span such as "24h" or "7d"; None = the clock's default.
    test: the last share of the stamps, or a number of steps, or the first date of the test.
    align: "stamp", an origin is one moment for all series; "end", origins are counted back from the last observed target
    of each series, for panels whose series end at different dates (M4). `test` is then the last rows of each series, as a
    number or as a share of the longest. A fit sees no row of a series from its first origin on, but of series that end
    later it sees dates after that: for series that move together a mild leak, which a leaderboard mentions.
    folds: blocks of the test, one fit before each.
    stride: steps between origins; None = the smallest with at most 2,000 origins per series, or two per fold.
    gap: steps after each origin that are forecast but not scored: data that come late, orders that need a day.
    max_past: rows of each series that a fit sees at most, a window that slides; None = all, a window that grows.
    refit: "cold", each fold is fitted anew; "warm", from the second on a net continues from its weights in the fold before,
    for the share `finish` of its steps (0 leaves them unchanged), on all rows of its past. Other models are fitted cold,
    and so is a net whose series or columns changed, or that forecast its anchor.
    """

    horizon: int | str | None = None
    test: float | int | str = 0.2
    folds: Annotated[int, Field(ge=1)] = 3
    stride: Annotated[int, Field(ge=1)] | None = None
    gap: Annotated[int, Field(ge=0)] = 0
    max_past: Annotated[int, Field(ge=1)] | None = None
    align: Literal["stamp", "end"] = "stamp"
    refit: Literal["cold", "warm"] = "cold"

    def __post_init__(self) -> None:
        """ForecastError where a field is not what its annotation allows."""
        for name, hint in get_type_hints(type(self), include_extras=True).items():
            object.__setattr__(self, name, validated(hint, getattr(self, name), f"walk.{name}"))
        if self.horizon is not None:
            parse_horizon(self.horizon)
        if isinstance(self.test, str):
            self._refuse_no_date(self.test)
        elif not 0 < self.test < math.inf:
            raise ForecastError(
                f"test={self.test} leaves nothing to test on. Give a share such as 0.2, a number of steps, or a date."
            )
        elif self.test > 1 and self.test % 1:
            raise ForecastError(
                f"test={self.test} is no number of steps. Give a whole number of steps, a share below 1 such as 0.2, or a date."
            )

    def _refuse_no_date(self, test: str) -> None:
        """ForecastError where the first day of the test is none, or is not asked for."""
        try:
            dated = not pd.isna(pd.Timestamp(test))
        except ValueError:
            dated = False
        if not dated:
            raise ForecastError(f"test={test!r} is neither a share, a number of steps, nor a date.")
        if self.align == "end":
            raise ForecastError(
                f"test={test!r} is a date, but align=end counts rows from each end. Give a number of steps or a share."
            )

    def ahead(self, clock: Clock) -> int:
        """Steps that are forecast: the gap and the horizon."""
        return self.gap + clock.steps(self.horizon)

    def past(self, panel: Panel) -> Panel:
        """What a fit sees of what is known."""
        known = panel.history()
        return known if self.max_past is None else known.tail(self.max_past)


@dataclass(frozen=True, eq=False)
class Fold:
    """One block: `fit` sees the first until[i] rows of series i; then forecasts are asked at origins (M, 2), all at or after `until`.

    places (M,): where each origin lies on the grid of the walk; origins of one place are one moment.
    """

    index: int
    until: Array
    origins: Array
    places: Array


def walk_forward(panel: Panel, walk: WalkForward) -> Iterator[Fold]:
    """The folds of a panel. A series without a row at a place of the grid, or without a whole horizon after it, has no origin there.

    Raises ForecastError, with the number of rows that are needed or the tests that would do, where past or test part is too short.
    """
    horizon = walk.ahead(panel.clock)
    places = grid_places(panel, walk)
    count = length_of(places)
    first = _first_test(places, walk, panel)
    last = count - horizon
    if not _suffices(count, count - first, horizon, walk.folds, walk.stride or 1):
        raise _too_short(count, count - first, horizon, walk)
    most = max(MOST, 2 * walk.folds)
    stride = walk.stride or max(1, math.ceil((last - first + 1) / most))
    asked = np.arange(first, last + 1, stride)
    for index, block in enumerate(np.array_split(asked, walk.folds)):
        yield Fold(index, rows_before(places, block[0]), *_origins(places, block, horizon))


def first_test_row(panel: Panel, walk: WalkForward) -> Array:
    """Rows (S,) of each series before the first test origin: what tuning may see."""
    places = grid_places(panel, walk)
    return rows_before(places, _first_test(places, walk, panel))


def grid_places(panel: Panel, walk: WalkForward) -> list[Array]:
    """The places of each series' rows on the grid of a walk, rising.

    A place is the number of the stamp among all; or rows are counted so that all series end at the same place.
    """
    if walk.align == "end":
        known = panel.known()
        return [np.arange(known.max() - own, known.max()) for own in known]
    panel = panel.history()
    times = [panel.times[panel.rows(i)] for i in range(len(panel.ids))]
    grid = np.unique(np.concatenate(times))
    return [np.searchsorted(grid, own) for own in times]


def rows_before(places: list[Array], place: int) -> Array:
    """How many rows (S,) of each series lie before a place of the grid."""
    return np.array([np.searchsorted(own, place) for own in places], "int64")


def length_of(places: list[Array]) -> int:
    """The places of the grid."""
    return max(int(own[-1]) + 1 for own in places if len(own))


def _first_test(places: list[Array], walk: WalkForward, panel: Panel) -> int:
    """The place on the grid where the test begins."""
    count = length_of(places)
    if isinstance(walk.test, str):
        if panel.clock.kind == "step":
            raise ForecastError(
                f"test={walk.test!r} is a date, but these rows have none. Give a share such as 0.2, or a number of steps."
            )
        midnight = np.array([np.datetime64(pd.Timestamp(walk.test), "ns")])
        date = to_utc(midnight, panel.clock.tz)[0]  # the day begins where the panel is
        later = []
        for i, own in enumerate(places):
            row = int(np.searchsorted(panel.times[panel.rows(i)], date))
            later += own[row : row + 1].tolist()
        return min(later, default=count)
    return count - _tested(count, walk.test)


def _tested(count: int, test: float) -> int:
    """The rows of the test part, from a share of all or their number."""
    return math.ceil(count * test) if test < 1 else int(test)


def rows_needed(horizon: int, walk: WalkForward) -> int:
    """The least rows of the longest series, or stamps of all, that a walk whose test is a share needs."""
    share = float(walk.test)
    stride = walk.stride or 1

    def suffices(rows: int) -> bool:
        return _suffices(rows, _tested(rows, share), horizon, walk.folds, stride)

    return bisect_left(range(2**62), True, key=suffices)


def _suffices(count: int, tested: int, horizon: int, folds: int, stride: int) -> bool:
    """Whether `count` rows, `tested` of them in the test part, leave a net enough to be fitted on and each fold an origin."""
    return count - tested >= _least_past(horizon) and tested >= _least_test(horizon, folds, stride)


def _least_past(horizon: int) -> int:
    """What a net needs to train and to validate."""
    return 2 * (2 * horizon + 1)


def _least_test(horizon: int, folds: int, stride: int) -> int:
    """An origin for each fold, and a whole horizon after the last."""
    return (folds - 1) * stride + horizon


def _too_short(count: int, tested: int, horizon: int, walk: WalkForward) -> ForecastError:
    """What would do in place of `tested` rows of `count`.

    For a share more rows; else another test; else more rows with the shortest test.
    """
    folds = walk.folds
    stride = walk.stride or 1
    shortest = _least_test(horizon, folds, stride)
    longest = count - _least_past(horizon)
    tests = f"`test={shortest}`" if shortest == longest else f"`test={shortest}` to {longest}"
    helps = {
        tests: shortest <= longest,
        "a shorter `horizon`": _suffices(count, tested, 1 + walk.gap, folds, stride),
        "fewer `folds`": _suffices(count, tested, horizon, 1, stride),
        "a smaller `stride`": _suffices(count, tested, horizon, folds, 1),
    }
    ways = [way for way, does in helps.items() if does]
    gap = ", its gap included," if walk.gap else ""
    asked = f"a horizon of {horizon}{gap} with {counted(folds, 'fold')}"
    if not isinstance(walk.test, str) and walk.test < 1:
        needed = rows_needed(horizon, walk)
        fault = f"{count} rows are too few for {asked} in the test part: at least {needed} are needed."
        ways.append("a longer file")
    elif shortest <= longest:
        size = "short" if tested < shortest else "long"
        fault = f"A test part of {tested} of {count} rows is too {size} for {asked}."
    else:
        needed = shortest + _least_past(horizon)
        fault = (
            f"{count} rows are too few for {asked}, wherever the test part begins: at least {needed} are needed, with"
            f" `test={shortest}`."
        )
        ways.append("a longer file")
    return ForecastError(f"{fault} Take {joined(ways, 'or')}.")


def _origins(places: list[Array], asked: Array, horizon: int) -> tuple[Array, Array]:
    """Origins (M, 2), series after series, and their places (M,): rows at the places asked for.

    Each has a known row before it and a whole horizon after it.
    """
    pairs = []
    found = []
    for i, own in enumerate(places):
        row = np.searchsorted(own, asked)
        there = (row > 0) & (row + horizon <= len(own))
        there[there] = own[row[there]] == asked[there]
        pairs.append(np.stack([np.full(there.sum(), i), row[there]], axis=1))
        found.append(asked[there])
    return np.concatenate(pairs).astype("int64"), np.concatenate(found)
