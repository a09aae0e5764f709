"""The Panel: every file becomes one, once, at the door; inside there is nothing else."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
import pandas as pd

from forecast.arrays import Array
from forecast.data.clock import Clock, show
from forecast.data.findings import Finding, listed
from forecast.data.options import Reading
from forecast.data.vintages import Issues, Vintages, issues_of, make_vintages
from forecast.data.zones import to_local
from forecast.errors import ForecastError

Role = Literal["target", "past", "future", "static"]
Made = Literal["", "angle", "indicator", "neighbour", "stack", "event", "return", "variance"]
GIVE_ITS_PANEL = (
    "Give the panel that the forecast was made from, or one that also has its rows;"
    " of a run folder that is fc.rows(RUN)."
)


@dataclass(frozen=True)
class Column:
    """A column of a panel: the target, a `past` column that is known up to the origin, a `future`
    one that is known over the horizon too, or a `static` one, which is the same in all rows of a
    series.

    names: of a category, whose value i stands for names[i] and whose missing cells are NaN; None =
    it holds numbers.
    made: "" = it is a column of the file and has its name; else how it was made from the column
    `of`, and `part` is what it holds of that: `sin` or `cos` of an angle, one name of a category as
    an indicator, one series as a neighbour. A `stack` is the target of a file with one series per
    column: all of these, one below the other. An `event` is made by the condition `of`, a `return` is the log return of
    the price `of`, a `variance` that of its returns, measured as `part` says.
    ordered: of names, whether they stand in an order of their own, the lowest first.
    lag: after which span, or number of steps, a value of it is published; "" = at its stamp. A row holds the latest one that
    had been published by then.
    """

    name: str
    role: Role = "past"
    names: tuple[str, ...] | None = None
    made: Made = ""
    of: str = ""
    part: str = ""
    lag: str = ""
    ordered: bool = False

    @property
    def read_as(self) -> str:
        """Its name in the panel that was read: that of the category for an indicator."""
        return self.of if self.made == "indicator" else self.name


@dataclass(frozen=True, eq=False)
class Panel:
    """Series of one clock as flat rows: S series, N rows, C columns.

    ids (S,) unique, in natural order · starts, stops int64 (S,): series i is rows
    starts[i]:stops[i] · times (N,) datetime64[ns] UTC or int64 on the step clock · values float64
    (N, C), column 0 is the target, missing = NaN, never inf. Stamps increase strictly and lie on
    the clock; a gap is rows of NaN (not on the sessions clock). With future columns a series may go
    on after its last observed target.
    reading: how its file was read, as found and decided; the default where the panel was not read
    from a file.
    vintages: of future columns that are forecasts of others, what was issued when; their `values` are those of the
    newest issue by the stamp of each row, which an origin before it may not have seen: `ahead` gives what it has.
    zeros (S,): of a scaled panel what 0 of the target is in its units, NaN where it has none; None =
    0 itself.
    """

    ids: tuple[str, ...]
    starts: Array
    stops: Array
    times: Array
    values: Array
    columns: tuple[Column, ...]
    clock: Clock
    findings: tuple[Finding, ...] = ()
    reading: Reading = field(default_factory=Reading)
    vintages: Vintages | None = None
    zeros: Array | None = None

    def __post_init__(self) -> None:
        for array in (self.starts, self.stops, self.times, self.values):
            array.flags.writeable = False

    @property
    def target(self) -> str:
        """The name of column 0."""
        return self.columns[0].name

    @property
    def wide(self) -> bool:
        """Whether each series is a column of the file."""
        return self.columns[0].made == "stack"

    @property
    def names(self) -> tuple[str, ...]:
        """The names (K,) that the target may have; () where it is a number."""
        return self.columns[0].names or ()

    @property
    def kind(self) -> str:
        """What the target is: a number, an event (one of two names), or names (one of several)."""
        if not self.names:
            return "number"
        return "event" if len(self.names) == 2 else "names"

    @property
    def future(self) -> list[int]:
        """The places of the columns that are known over the horizon."""
        return [i for i, column in enumerate(self.columns) if column.role == "future"]

    @property
    def static(self) -> list[int]:
        """The places of the columns that do not change within a series."""
        return [i for i, column in enumerate(self.columns) if column.role == "static"]

    @property
    def moving(self) -> list[int]:
        """The places of all other columns, the target first."""
        return [i for i, column in enumerate(self.columns) if column.role != "static"]

    @property
    def lengths(self) -> Array:
        """Rows of each series, int64 (S,)."""
        return self.stops - self.starts

    def rows(self, series: int) -> slice:
        """The rows of one series in `times` and `values`."""
        return slice(int(self.starts[series]), int(self.stops[series]))

    def until(self, rows: Array) -> "Panel":
        """The first `rows` (S,) rows of each series: a view, nothing is copied."""
        return replace(self, stops=self.starts + np.minimum(rows, self.lengths))

    def tail(self, rows: int) -> "Panel":
        """The last `rows` rows of each series: a view, nothing is copied."""
        return replace(self, starts=np.maximum(self.starts, self.stops - rows))

    def history(self) -> "Panel":
        """The rows up to the last observed target of each series, where future columns go on after
        it: what can be learned from and scored.
        """
        return self.until(self.known()) if self.future else self

    def compact(self) -> "Panel":
        """The same series in arrays of their own, without the rows around them."""
        keep = np.concatenate(
            [np.arange(start, stop) for start, stop in zip(self.starts, self.stops, strict=True)]
            or [np.arange(0)]
        )
        stops = np.cumsum(self.lengths)
        return replace(
            self,
            starts=stops - self.lengths,
            stops=stops,
            times=self.times[keep],
            values=self.values[keep],
            vintages=None if self.vintages is None else self.vintages.take(keep),
        )

    def known(self) -> Array:
        """How many rows of each series end with an observed target, int64 (S,); 0 where the target
        was never observed.
        """
        return np.array([_last(self.values[self.rows(i), 0]) for i in range(len(self.ids))], "int64")

    def ends(self) -> Array:
        """The origins (S, 2) after the last observed target of each series that has one: what a
        forecast of tomorrow is asked at.
        """
        known = self.known()
        series = np.flatnonzero(known)
        return np.stack([series, known[series]], axis=1)

    def cutoffs(self, origins: Array) -> Array:
        """The last known stamp (M,) before each of `origins` (M, 2)."""
        return self.times[self.starts[origins[:, 0]] + origins[:, 1] - 1]

    def origins_at(self, names: Array, cutoffs: Array) -> Array:
        """The origins (M, 2) of the series called `names` (M,) whose last known stamp is `cutoffs`
        (M,): the opposite of `cutoffs`.

        Row numbers hold in one panel only, names and stamps in every panel of the same data.
        ForecastError where there is no series of a name, or no row of it at a cutoff.
        """
        place = {name: i for i, name in enumerate(self.ids)}
        codes, found = pd.factorize(names)
        absent = [name for name in found if name not in place]
        if absent:
            raise ForecastError(f"{_absent_series(absent, self.ids)} {GIVE_ITS_PANEL}")
        origins = np.empty((len(names), 2), "int64")
        order = np.argsort(codes, kind="stable")
        ends = np.cumsum(np.bincount(codes, minlength=len(found)))[:-1]
        for name, asked in zip(found, np.split(order, ends), strict=False):
            origins[asked, 0] = place[name]
            origins[asked, 1] = self._rows_until(place[name], cutoffs[asked])
        return origins

    def _rows_until(self, series: int, cutoffs: Array) -> Array:
        """How many rows (M,) of a series end with the row at each of `cutoffs` (M,)."""
        times = self.times[self.rows(series)]
        missing = np.ones(len(cutoffs), bool)
        if cutoffs.dtype.kind == times.dtype.kind:
            missing = ~np.isin(cutoffs, times)
        if missing.any():
            first = self._shown(cutoffs[missing][0])
            has = "it has no rows"
            if len(times):
                has = f"its rows are those from {self._shown(times[0])} to {self._shown(times[-1])}"
            raise ForecastError(
                f"The panel has no row of series {self.ids[series]!r} at {first}, the last stamp"
                f" known to a forecast; {has}. {GIVE_ITS_PANEL}"
            )
        return np.searchsorted(times, cutoffs) + 1

    def _shown(self, stamp: Any) -> str:
        """A stamp as a user knows it: of the place of this panel, or a step."""
        if not isinstance(stamp, np.datetime64):
            return f"step {stamp}"
        return show(to_local(np.array([stamp]), self.clock.tz)[0])

    def stamps(self, origins: Array, horizon: int) -> Array:
        """The stamps (M, H) of the forecast rows of `origins` (M, 2): those of the panel, and
        beyond its end those of the clock.
        """
        series, row = origins[:, 0], origins[:, 1]
        ahead = self.starts[series] + row
        times = self.clock.after(self.cutoffs(origins), np.arange(1, horizon + 1))
        if (
            self.clock.kind == "sessions"
        ):  # a session that took place has its own date, whatever the weekdays promised
            index = ahead[:, None] + np.arange(horizon)
            times = np.where(
                index < self.stops[series][:, None], self.times[np.minimum(index, len(self.times) - 1)], times
            )
        return times

    def stamp(self, row: int) -> str:
        """The stamp of a row of `times` in words: local time where the panel has a zone, a number
        on the step clock.
        """
        if self.clock.kind == "step":
            return f"step {self.times[row]}"
        return show(to_local(self.times[[row]], self.clock.tz)[0])

    def last(self, origins: Array) -> Array:
        """The last observed target (M,) before each of `origins` (M, 2); NaN where there is none."""
        latest = self.latest(origins)
        return np.where(latest >= 0, self.values[latest, 0], np.nan)

    def latest(self, origins: Array) -> Array:
        """The row of `values` (M,) with the last observed target before each of `origins` (M, 2),
        however old; -1 where there is none.
        """
        first = self.starts[origins[:, 0]]
        origin = first + origins[:, 1]
        seen = np.append(last_seen(self.values[:, 0]), -1)[origin - 1]  # origin 0 reads the -1 at the end
        return np.where(seen >= first, seen, -1)

    def ahead(self, origins: Array, horizon: int) -> Array:
        """The future columns (M, H, F) of the rows that `origins` forecast, of those with vintages what the newest issue
        by the last known stamp says; NaN beyond the end of a series.
        """
        index, inside = self._coming(origins, horizon)
        known = self.values[index][..., self.future]
        if self.vintages is not None:
            issued = self.vintages.known(index, self.cutoffs(origins)[:, None])
            place = self.vintages.of([self.columns[i].name for i in self.future])
            known[..., place >= 0] = issued[..., place[place >= 0]]
        return np.where(inside[..., None], known, np.nan)

    def as_known(self) -> "Panel":
        """The panel as a forecast from its end sees it, without vintages: after the last observed
        target their columns hold what the newest issue by then says.
        """
        if self.vintages is None:
            return self
        values = self.values.copy()
        place = self.vintages.of([column.name for column in self.columns])
        seen = np.flatnonzero(place >= 0)
        origins = self.ends()
        for (series, known), cutoff in zip(origins, self.cutoffs(origins), strict=True):
            rows = np.arange(self.starts[series] + known, self.stops[series])
            newest = self.vintages.known(rows, np.full(len(rows), cutoff))
            values[np.ix_(rows, seen)] = newest[:, place[seen]]
        return replace(self, values=values, vintages=None)

    def truth(self, origins: Array, horizon: int) -> Array:
        """The target (M, H) of the rows that `origins` forecast; NaN beyond the end of a series."""
        index, inside = self._coming(origins, horizon)
        return np.where(inside, self.values[index, 0], np.nan)

    def _coming(self, origins: Array, horizon: int) -> tuple[Array, Array]:
        """The rows (M, H) that `origins` forecast, 0 beyond the end of a series, and which of them
        there are.
        """
        series = origins[:, 0]
        index = (self.starts[series] + origins[:, 1])[:, None] + np.arange(horizon)
        inside = index < self.stops[series][:, None]
        return np.where(inside, index, 0), inside


def with_vintages(panel: Panel, sources: Sequence[Panel]) -> Panel:
    """The panel with the vintages of panels whose rows it holds, found by series and stamp; of one issue in several of
    them that of the last holds.
    """
    held = [source for source in sources if source.vintages is not None]
    if not held:
        return panel
    names = next(source.vintages.names for source in held if source.vintages is not None)
    issues: dict[str, Issues] = {}
    for name in panel.ids:
        parts = [_issues_of_series(source, name, names) for source in held if name in source.ids]
        if parts:
            joined = [np.concatenate(part) for part in zip(*parts, strict=True)]
            issues[name] = issues_of(joined[0], joined[1], joined[2])
    bounds = [panel.rows(i) for i in range(len(panel.ids))]
    return replace(panel, vintages=make_vintages(names, panel.ids, bounds, panel.times, issues))


def _issues_of_series(panel: Panel, name: str, names: Sequence[str]) -> tuple[Array, Array, Array]:
    """The stamps, moments of issue and values, in units of the file, of the issues about the rows of a series."""
    assert panel.vintages is not None
    rows = panel.rows(panel.ids.index(name))
    owner = panel.vintages.owners()
    own = np.flatnonzero((owner >= rows.start) & (owner < rows.stop))
    order = panel.vintages.of(names)
    return panel.times[owner[own]], panel.vintages.issued[own], panel.vintages.values[own][:, order]


def natural_order(names: Sequence[str]) -> list[int]:
    """The places of names in the order of people: by their text, and numbers within it by their
    size, so that 2 is before 10.
    """
    return sorted(range(len(names)), key=lambda place: (_natural(names[place]), names[place]))


def _natural(name: str) -> list[tuple[int, str]]:
    """The parts of a name, text and numbers in turn, so that they compare in natural order."""
    parts: list[tuple[int, str]] = []
    for text, digits in re.findall(r"(\D*)(\d*)", name):
        parts.append((0, text))
        if digits:
            parts.append((int(digits), ""))
    return parts


def last_seen(target: Array) -> Array:
    """The last row at or before each row of a target (N,) in which it was observed, int64 (N,); -1
    where there is none.
    """
    return np.maximum.accumulate(np.where(np.isnan(target), -1, np.arange(len(target))))


def _last(values: Array) -> int:
    seen = np.flatnonzero(~np.isnan(values))
    return int(seen[-1]) + 1 if len(seen) else 0


def _absent_series(absent: Sequence[str], ids: Sequence[str]) -> str:
    """In a sentence, which series of a forecast a panel lacks, and which it has."""
    noun = "series" if len(absent) == 1 else f"{len(absent)} series"
    return f"The panel lacks {noun} {listed([repr(name) for name in absent])} of a forecast; it has {listed(ids)}."


def same(one: Panel, two: Panel) -> bool:
    """Whether two panels hold the same rows of the same series."""
    return (
        one.ids == two.ids
        and np.array_equal(one.stops - one.starts, two.stops - two.starts)
        and np.array_equal(one.times, two.times)
        and np.array_equal(one.values, two.values, equal_nan=True)
        and _issues(one) == _issues(two)
    )


def _issues(panel: Panel) -> int:
    """How many issues there are about the rows of a panel."""
    return 0 if panel.vintages is None else int((panel.vintages.stops - panel.vintages.starts).sum())


def require_panel(found: object) -> None:
    """Refuse what is no panel: reading has findings, so it is the user who reads."""
    if not isinstance(found, Panel):
        home = type(found).__module__.partition(".")[0]
        kind = type(found).__name__ if home == "builtins" else f"{home} {type(found).__name__}"
        raise ForecastError(
            f"A panel is needed here; found a {kind}. fc.read(...) makes a panel of a file, a"
            " pandas frame or series, or an Arrow table:"
            f" look at panel.findings, then give the panel."
        )


def make_panel(
    ids: tuple[str, ...],
    times: list[Array],
    values: list[Array],
    columns: tuple[Column, ...],
    clock: Clock,
    findings: tuple[Finding, ...] = (),
) -> Panel:
    """A panel from one array of stamps and one of values (n, C) a series, in the natural order of
    ids.
    """
    order = natural_order(ids)
    stops = np.cumsum([len(times[i]) for i in order]).astype("int64")
    starts = np.concatenate([[0], stops[:-1]]).astype("int64")
    flat = np.concatenate([values[i] for i in order]).astype("float64")
    return Panel(
        tuple(ids[i] for i in order),
        starts,
        stops,
        np.concatenate([times[i] for i in order]),
        flat,
        columns,
        clock,
        findings,
    )
