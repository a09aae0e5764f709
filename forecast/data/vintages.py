"""Vintages: forecasts of others, such as those of a weather model, of which each is about one row and
was issued at one moment. At an origin only what had been issued by then is seen.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from forecast.arrays import Array


@dataclass(frozen=True, eq=False)
class Vintages:
    """What was issued of K future columns of a panel of N rows, E issues in all.

    names (K,): the columns · starts, stops int64 (N,): row n has the issues starts[n]:stops[n], the
    oldest first · issued datetime64[ns] (E,): the moments of issue on the clock of the panel ·
    values float64 (E, K) in units of the file; a cell that an issue leaves empty holds that of the
    issue before · loc, spread (N, K): what is subtracted from the values of a row, and what they are
    then divided by.
    """

    names: tuple[str, ...]
    starts: Array
    stops: Array
    issued: Array
    values: Array
    loc: Array
    spread: Array

    def known(self, rows: Array, cutoffs: Array) -> Array:
        """The values (..., K) of rows (...) of the panel as the newest issue by the cutoffs (...) has
        them; NaN where nothing had been issued.
        """
        low = self.starts[rows]
        high = self.stops[rows]
        while (low < high).any():
            middle = (low + high) // 2
            inside = np.minimum(middle, max(len(self.issued) - 1, 0))
            earlier = (low < high) & (self.issued[inside] <= cutoffs)
            high = np.where((low < high) & ~earlier, middle, high)
            low = np.where(earlier, middle + 1, low)
        found = low > self.starts[rows]
        newest = np.where(found, low - 1, 0)
        if not len(self.values):
            return np.full((*rows.shape, len(self.names)), np.nan)
        known = np.where(found[..., None], self.values[newest], np.nan)
        scaled: Array = (known - self.loc[rows]) / self.spread[rows]
        return scaled

    def take(self, rows: Array) -> "Vintages":
        """Those of the rows of the panel at `rows` (n,)."""
        return replace(
            self,
            starts=self.starts[rows],
            stops=self.stops[rows],
            loc=self.loc[rows],
            spread=self.spread[rows],
        )

    def of(self, names: Sequence[str]) -> Array:
        """For each of the named columns its place here, int64 (n,); -1 where it has no vintages."""
        place = {name: i for i, name in enumerate(self.names)}
        return np.array([place.get(name, -1) for name in names], "int64")

    def rewritten(self, later: Array, values: Array) -> "Vintages":
        """The same with other values (n, K) in the issues `later` (E,), a mask of n of them."""
        changed = self.values.copy()
        changed[later] = values
        return replace(self, values=changed)

    def owners(self) -> Array:
        """The row of the panel (E,) that each issue is about; -1 of one that is about none of its rows."""
        owner = np.full(len(self.issued), -1, "int64")
        counts = self.stops - self.starts
        rows = np.repeat(np.arange(len(counts)), counts)
        first = np.repeat(np.cumsum(counts) - counts, counts)
        owner[np.repeat(self.starts, counts) + np.arange(len(rows)) - first] = rows
        return owner


@dataclass(frozen=True, eq=False)
class Issues:
    """Issues by the stamp that they are about: stamps datetime64[ns] (E,), issued (E,) and values (E, K), in order of both."""

    stamps: Array
    issued: Array
    values: Array


def issues_of(stamps: Array, issued: Array, values: Array) -> Issues:
    """Issues (E,) of one series in order of the stamp that they are about and of their issue. Of two that
    agree in both the later one stays; an empty cell holds that of the issue before.
    """
    order = np.lexsort((issued, stamps))
    stamps = stamps[order]
    issued = issued[order]
    values = values[order]
    numbers = np.arange(len(stamps))[:, None]
    first = np.searchsorted(stamps, stamps, side="left")[:, None]
    observed = np.where(np.isnan(values), first, numbers)
    values = np.take_along_axis(values, np.maximum.accumulate(observed, axis=0), axis=0)
    last = np.ones(len(stamps), bool)
    last[:-1] = (stamps[1:] != stamps[:-1]) | (issued[1:] != issued[:-1])
    return Issues(stamps[last], issued[last], values[last])


def make_vintages(
    names: tuple[str, ...],
    ids: Sequence[str],
    bounds: Sequence[slice],
    times: Array,
    issues: Mapping[str, Issues],
) -> Vintages:
    """The vintages of a panel whose series `ids` (S,) are the rows `bounds` (S,) at `times` (N,), unscaled.

    issues: those of each series; one that is about no row of it is left out.
    """
    starts = np.zeros(len(times), "int64")
    stops = np.zeros(len(times), "int64")
    issued = [np.zeros(0, "datetime64[ns]")]
    values = [np.zeros((0, len(names)))]
    count = 0
    for name, rows in zip(ids, bounds, strict=True):
        if name not in issues:
            continue
        own = issues[name]
        starts[rows] = count + np.searchsorted(own.stamps, times[rows], side="left")
        stops[rows] = count + np.searchsorted(own.stamps, times[rows], side="right")
        issued.append(own.issued)
        values.append(own.values)
        count += len(own.stamps)
    shape = (len(times), len(names))
    return Vintages(
        names, starts, stops, np.concatenate(issued), np.concatenate(values), np.zeros(shape), np.ones(shape)
    )
