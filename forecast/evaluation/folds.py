"""Folds: few fits, many origins. Every row that is scored lies after every row that was fitted on."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
import pandas as pd
from pydantic import Field

from forecast.data.clock import Clock
from forecast.data.panel import Panel
from forecast.errors import ForecastError
from forecast.files import Array

MOST = 2000  # origins a series, unless a stride is given


@dataclass(frozen=True)
class WalkForward:
    """How a panel is walked through.

    horizon: steps ahead, or a span such as "24h" or "7d"; None = the clock's default.
    test: the last share of the stamps, or a number of steps, or the first date of the test.
    folds: blocks of the test, one fit before each.
    stride: steps between origins; None = the smallest with at most 2,000 origins a series.
    gap: steps after each origin that are forecast but not scored: data that come late, orders that need a day.
    max_past: rows of each series that a fit sees at most, a window that slides; None = all, a window that grows.
    """

    horizon: int | str | None = None
    test: float | int | str = 0.2
    folds: Annotated[int, Field(ge=1)] = 3
    stride: Annotated[int, Field(ge=1)] | None = None
    gap: Annotated[int, Field(ge=0)] = 0
    max_past: Annotated[int, Field(ge=1)] | None = None

    def ahead(self, clock: Clock) -> int:
        """Steps that are forecast: the gap and the horizon."""
        return self.gap + clock.steps(self.horizon)

    def past(self, panel: Panel) -> Panel:
        """What a fit sees of what is known."""
        known = panel.history()
        return known if self.max_past is None else known.tail(self.max_past)


@dataclass(frozen=True, eq=False)
class Fold:
    """One block: `fit` sees the first until[i] rows of series i; then forecasts are asked at origins (M, 2), all at or after `until`."""

    index: int
    until: Array
    origins: Array


def walk_forward(panel: Panel, walk: WalkForward) -> Iterator[Fold]:
    """The folds of a panel. An origin is one moment for all series; a series without a row there, or without a whole horizon after it, has none.

    Raises ForecastError, with the number of rows that are needed, where the panel is too short.
    """
    horizon, panel = walk.ahead(panel.clock), panel.history()
    grid = np.unique(panel.times[_rows(panel)])
    first = _first_test(grid, walk, panel)
    last = len(grid) - horizon
    stride = walk.stride or max(1, math.ceil((last - first + 1) / MOST))
    positions = np.arange(first, last + 1, stride)
    least = 2 * (2 * horizon + 1)  # what a net needs to train and to validate
    if len(positions) < walk.folds or first < least:
        needed = _needed(horizon, walk, least)
        raise ForecastError(
            f"{len(grid)} rows are too few for a horizon of {horizon} with {walk.folds} folds in the test part: at least {needed} are needed."
            f" Take a shorter --horizon, fewer --folds, or a longer file."
        )
    for index, block in enumerate(np.array_split(positions, walk.folds)):
        yield Fold(index, _before(panel, grid[block[0]]), _origins(panel, grid[block], horizon))


def first_test_row(panel: Panel, walk: WalkForward) -> Array:
    """Rows (S,) of each series before the first test origin: what tuning may see."""
    panel = panel.history()
    grid = np.unique(panel.times[_rows(panel)])
    return _before(panel, grid[_first_test(grid, walk, panel)])


def _rows(panel: Panel) -> Array:
    return np.concatenate([np.arange(start, stop) for start, stop in zip(panel.starts, panel.stops, strict=True)])


def _first_test(grid: Array, walk: WalkForward, panel: Panel) -> int:
    """The position on the grid of stamps where the test begins."""
    if isinstance(walk.test, str):
        if panel.clock.kind == "step":
            raise ForecastError(f"test={walk.test!r} is a date, but these rows have none. Give a share such as 0.2, or a number of steps.")
        try:
            date = np.datetime64(pd.Timestamp(walk.test), "ns")
        except ValueError:
            raise ForecastError(f"test={walk.test!r} is neither a share, a number of steps, nor a date.") from None
        return int(np.searchsorted(grid, date))
    if walk.test <= 0:
        raise ForecastError(f"test={walk.test} leaves nothing to test on. Give a share such as 0.2, a number of steps, or a date.")
    return len(grid) - (math.ceil(len(grid) * walk.test) if walk.test < 1 else int(walk.test))


def _needed(horizon: int, walk: WalkForward, least: int) -> int:
    """How many stamps the walk needs: for a share the larger of what the past and what the test part ask for."""
    origins = (walk.folds - 1) * (walk.stride or 1) + horizon
    if isinstance(walk.test, str) or walk.test >= 1:
        return least + origins
    return max(math.ceil(least / (1 - walk.test)) + 1, math.ceil(origins / walk.test))


def _before(panel: Panel, stamp: Any) -> Array:
    return np.array([np.searchsorted(panel.times[panel.rows(i)], stamp) for i in range(len(panel.ids))], "int64")


def _origins(panel: Panel, stamps: Array, horizon: int) -> Array:
    """(M, 2), series after series: the rows that carry these stamps, with something known before and a whole horizon to come."""
    pairs = []
    for i in range(len(panel.ids)):
        times = panel.times[panel.rows(i)]
        row = np.searchsorted(times, stamps)
        there = (row > 0) & (row + horizon <= len(times))
        there[there] = times[row[there]] == stamps[there]
        pairs.append(np.stack([np.full(there.sum(), i), row[there]], axis=1))
    return np.concatenate(pairs).astype("int64")
