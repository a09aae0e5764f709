"""Folds: few fits, many origins. Every row that is scored lies after every row that was fitted on."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
import pandas as pd
from pydantic import Field

from forecast.data.clock import Clock
from forecast.data.panel import Panel
from forecast.data.zones import to_utc
from forecast.errors import ForecastError
from forecast.files import Array

MOST = 2000  # origins a series, unless a stride is given


@dataclass(frozen=True)
class WalkForward:
    """How a panel is walked through.

    horizon: steps ahead, or a span such as "24h" or "7d"; None = the clock's default.
    test: the last share of the stamps, or a number of steps, or the first date of the test.
    align: "stamp", an origin is one moment for all series; "end", origins are counted back from the last observed target of each series, for
    panels whose series end at different dates (M4). `test` is then the last rows of each series, as a number or as a share of the longest. A fit
    sees no row of a series from its first origin on, but of series that end later it sees dates after that: for series that move together a mild
    leak, and a leaderboard says so.
    folds: blocks of the test, one fit before each.
    stride: steps between origins; None = the smallest with at most 2,000 origins a series.
    gap: steps after each origin that are forecast but not scored: data that come late, orders that need a day.
    max_past: rows of each series that a fit sees at most, a window that slides; None = all, a window that grows.
    refit: "cold", each fold is fitted anew; "warm", from the second on a net goes on from its weights in the fold before, for the share `finish` of
    its steps (0 leaves them as they are), on all rows of its past. Other models are fitted cold, and so is a net whose series or columns changed,
    or that forecast its anchor.
    """

    horizon: int | str | None = None
    test: float | int | str = 0.2
    folds: Annotated[int, Field(ge=1)] = 3
    stride: Annotated[int, Field(ge=1)] | None = None
    gap: Annotated[int, Field(ge=0)] = 0
    max_past: Annotated[int, Field(ge=1)] | None = None
    align: Literal["stamp", "end"] = "stamp"
    refit: Literal["cold", "warm"] = "cold"

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

    Raises ForecastError, with the number of rows that are needed, where the panel is too short.
    """
    horizon = walk.ahead(panel.clock)
    places = grid_places(panel, walk)
    count = _length(places)
    first, last = _first_test(places, walk, panel), count - horizon
    stride = walk.stride or max(1, math.ceil((last - first + 1) / MOST))
    asked = np.arange(first, last + 1, stride)
    least = 2 * (2 * horizon + 1)  # what a net needs to train and to validate
    if len(asked) < walk.folds or first < least:
        needed = _needed(horizon, walk, least)
        raise ForecastError(
            f"{count} rows are too few for a horizon of {horizon} with {walk.folds} folds in the test part: at least {needed} are needed."
            f" Take a shorter --horizon, fewer --folds, or a longer file."
        )
    for index, block in enumerate(np.array_split(asked, walk.folds)):
        yield Fold(index, rows_before(places, block[0]), *_origins(places, block, horizon))


def first_test_row(panel: Panel, walk: WalkForward) -> Array:
    """Rows (S,) of each series before the first test origin: what tuning may see."""
    places = grid_places(panel, walk)
    return rows_before(places, _first_test(places, walk, panel))


def grid_places(panel: Panel, walk: WalkForward) -> list[Array]:
    """The places of each series' rows on the grid of a walk, rising: the number of their stamp among all, or rows counted so that all ends meet."""
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


def _length(places: list[Array]) -> int:
    return max(int(own[-1]) + 1 for own in places if len(own))


def _first_test(places: list[Array], walk: WalkForward, panel: Panel) -> int:
    """The place on the grid where the test begins."""
    count = _length(places)
    if isinstance(walk.test, str):
        if panel.clock.kind == "step":
            raise ForecastError(f"test={walk.test!r} is a date, but these rows have none. Give a share such as 0.2, or a number of steps.")
        if walk.align == "end":
            raise ForecastError(f"test={walk.test!r} is a date, but align=end counts rows from each end. Give a number of steps or a share.")
        try:
            date = np.datetime64(pd.Timestamp(walk.test), "ns")
        except ValueError:
            raise ForecastError(f"test={walk.test!r} is neither a share, a number of steps, nor a date.") from None
        date = to_utc(np.array([date]), panel.clock.tz)[0]  # the day begins where the panel is
        rows = [int(np.searchsorted(panel.times[panel.rows(i)], date)) for i in range(len(places))]
        return min((int(own[row]) for own, row in zip(places, rows, strict=True) if row < len(own)), default=count)
    if walk.test <= 0:
        raise ForecastError(f"test={walk.test} leaves nothing to test on. Give a share such as 0.2, a number of steps, or a date.")
    return count - (math.ceil(count * walk.test) if walk.test < 1 else int(walk.test))


def _needed(horizon: int, walk: WalkForward, least: int) -> int:
    """How many stamps the walk needs: for a share the larger of what the past and what the test part ask for."""
    origins = (walk.folds - 1) * (walk.stride or 1) + horizon
    if isinstance(walk.test, str) or walk.test >= 1:
        return least + origins
    return max(math.ceil(least / (1 - walk.test)) + 1, math.ceil(origins / walk.test))


def _origins(places: list[Array], asked: Array, horizon: int) -> tuple[Array, Array]:
    """Origins (M, 2), series after series, and their places (M,): rows at the places asked for, with one known before and a whole horizon to come."""
    pairs, found = [], []
    for i, own in enumerate(places):
        row = np.searchsorted(own, asked)
        there = (row > 0) & (row + horizon <= len(own))
        there[there] = own[row[there]] == asked[there]
        pairs.append(np.stack([np.full(there.sum(), i), row[there]], axis=1))
        found.append(asked[there])
    return np.concatenate(pairs).astype("int64"), np.concatenate(found)
