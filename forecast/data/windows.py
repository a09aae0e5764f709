"""Supervised sequences: which rows a window reads, by index arithmetic. Windows are never stored;
memory is that of the series.

A window that holds no observed target begins with the last one before it, however old: what is
forecast from the last value is so in any gap.
"""

from dataclasses import dataclass, replace

import numpy as np

from forecast.arrays import Array
from forecast.data.panel import Panel, last_seen
from forecast.errors import ForecastError


@dataclass(frozen=True, eq=False)
class Windows:
    """All windows of a panel whose origins lie in a range of rows of each series.

    values float32 (N + 1, C), the last row NaN: what lies outside a series is read from there ·
    first, count int64 (S,): series i has origins at rows first[i], first[i] + 1, ... · seen int64
    (N,): the last row at or before each one whose target was observed, of any series · L = context,
    H = horizon. Window w reads the L rows before its origin and the H after.
    """

    panel: Panel
    values: Array
    context: int
    horizon: int
    first: Array
    count: Array
    seen: Array

    def __len__(self) -> int:
        return int(self.count.sum())

    def origins(self, index: Array) -> Array:
        """The origins (M, 2) of windows `index` (M,), counted through the series one after another."""
        ends = np.cumsum(self.count)
        series = np.searchsorted(ends, index, side="right")
        return np.stack([series, self.first[series] + index - (ends - self.count)[series]], axis=1)

    def rows(self, origins: Array) -> Array:
        """Rows of `values` (M, L + H) that windows at `origins` (M, 2) read; the NaN row wherever
        the series has none.
        """
        series = origins[:, 0]
        index = (self.panel.starts[series] + origins[:, 1])[:, None] + np.arange(-self.context, self.horizon)
        outside = (index < self.panel.starts[series][:, None]) | (index >= self.panel.stops[series][:, None])
        index[outside] = len(self.values) - 1
        return index

    def ahead(self, origins: Array) -> Array:
        """The future columns (M, H, F) of the rows that windows at `origins` (M, 2) forecast, as known there."""
        if self.panel.vintages is not None:
            return self.panel.ahead(origins, self.horizon).astype("float32")
        rows = self.rows(origins)[:, self.context :]
        return self.values[rows][..., self.panel.future]

    def older(self, origins: Array) -> tuple[Array, Array]:
        """Which windows at `origins` (M, 2) hold no observed target but follow one (K,), and the
        rows (K,) of `values` with the last one.
        """
        start = self.panel.starts[origins[:, 0]]
        origin = start + origins[:, 1]
        latest = self.seen[origin - 1]
        empty = np.flatnonzero((latest >= start) & (latest < origin - self.context))
        return empty, latest[empty]

    def begins(self, origins: Array) -> Array | None:
        """The first rows (M,) of `values` that windows at `origins` (M, 2) read; None unless each
        lies whole within its series.
        """
        series = origins[:, 0]
        begin = self.panel.starts[series] + origins[:, 1] - self.context
        whole = (origins[:, 1] >= self.context) & (
            begin + self.context + self.horizon <= self.panel.stops[series]
        )
        return begin if whole.all() else None


def make_windows(
    panel: Panel, context: int, horizon: int, first: Array | None = None, last: Array | None = None
) -> Windows:
    """Windows whose origins are rows first[i] .. last[i] of series i; by default those with a whole
    context and a whole horizon.
    """
    first = np.full(len(panel.ids), context, "int64") if first is None else first
    last = panel.lengths - horizon if last is None else last
    values = np.empty((len(panel.values) + 1, panel.values.shape[1]), "float32")
    values[:-1] = panel.values
    values[-1] = np.nan
    count = np.maximum(last - first + 1, 0)
    return Windows(panel, values, context, horizon, first, count, last_seen(panel.values[:, 0]))


def split_windows(panel: Panel, context: int, horizon: int, share: float) -> tuple[Windows, Windows, Windows]:
    """Windows for training, for validation, and all of both: the last `share` of the longest series
    validates, and as many rows of the others.

    Of a short series it is at most a quarter, so that it teaches too; of any at least one horizon.
    No target row of training is a target row of validation; a validation window may read training
    rows as its context, as a forecast does.
    """
    lengths = panel.lengths
    tail = np.maximum(
        horizon, np.minimum(round(share * int(lengths.max())), np.maximum(lengths // 4, share * lengths))
    ).astype("int64")
    cut = lengths - tail
    least = np.minimum(
        context, np.maximum(lengths // 2, 1)
    )  # a short series also trains on windows that begin before its first row
    whole = make_windows(panel, context, horizon, least)
    train = replace(whole, count=np.maximum(cut - horizon - least + 1, 0))
    begin = np.maximum(cut, least)
    validation = replace(whole, first=begin, count=np.maximum(lengths - horizon - begin + 1, 0))
    if not len(train) or not len(validation):
        needed = 2 * (2 * horizon + 1)
        raise ForecastError(
            f"The longest series has {int(lengths.max())} rows before the first forecast, too"
            f" few to train on windows of a horizon of {horizon}:"
            f" at least {needed} are needed. Take a shorter `horizon`, or models without windows"
            " (`models=arima,naive`)."
        )
    return train, validation, whole
