"""The door: a file, folder or frame becomes a Panel, or one sentence that says why not.

What is inferred (time, series, target, past columns, clock) is inferred from names and stamps, and
said in the panel's findings, with every repair. What only looks wrong is said and left as it is.
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from forecast.arrays import Array
from forecast.data.bounds import MANY_ZEROS, share_of_zeros
from forecast.data.categories import say_unseen, with_seen_names
from forecast.data.clock import Clock, clock_of, show
from forecast.data.derived import GARMAN_KLASS, OF_BARS, with_event, with_returns, with_variance
from forecast.data.events import Condition, condition_of
from forecast.data.every import every_of
from forecast.data.exchanges import sessions_of
from forecast.data.findings import Report, counted
from forecast.data.options import Names, Reading, make_reading, names_of, split_names
from forecast.data.panel import Column, Panel, Role, natural_order
from forecast.data.vintages import Issues
from forecast.data.zones import timezone_of, to_local
from forecast.errors import ForecastError
from forecast.reading.buckets import Gathering, How, clock_of_buckets, gather, ways_of
from forecast.reading.checks import look_at_jumps, look_at_series
from forecast.reading.columns import factors_of, refuse_absent, say_units, units_of
from forecast.reading.encodings import codec_of
from forecast.reading.events import (
    look_at_event,
    refuse_absent_in_event,
    with_its_columns,
    with_its_target,
)
from forecast.reading.grid import Rows, in_order, on_clock, rounded, without_duplicates
from forecast.reading.issues import as_published, by_issue, issue_moments, issued_of, lags_of
from forecast.reading.melting import melted
from forecast.reading.moments import (
    read_moments,
    refuse_unread_hours,
    refuse_unread_stamps,
    say_stamps,
    without_empty_rows,
)
from forecast.reading.neighbours import choose_series
from forecast.reading.numbers import Decimal
from forecast.reading.order import in_order_of_names, order_of
from forecast.reading.prices import (
    look_at_bars,
    look_at_price,
    look_at_returns,
    look_at_variance,
    refuse_two_targets,
    say_adjusted,
    with_bars,
)
from forecast.reading.profiles import by_profile, may_match, refuse_unknown
from forecast.reading.roles import (
    ID_NAMES,
    NUMERIC_TIME_NAMES,
    hours_name_ends,
    kinds_of,
    read_id,
    read_roles,
    read_series,
    read_time,
    refuse_nameless_rows,
    with_joined,
    without_row_numbers,
)
from forecast.reading.sessions import assumed_sessions, on_exchange, say_missing_bars, say_other_hours
from forecast.reading.sources import load_table
from forecast.reading.stamps import Stamps, part_of
from forecast.reading.static import hold, static_values
from forecast.reading.steps import say_changes, step_by_part
from forecast.reading.tables import Needed, Request, Table
from forecast.reading.values import Choices, read_values

DECIMAL_COMMA = re.compile(r"\s*[-+]?\d*,\d+\s*")  # such as -99,9


@dataclass(frozen=True, eq=False)
class Found:
    """What a source holds, and what each of its columns is.

    table: the source without the columns in `cells` · cells: its columns; `read_values` takes out
    those that it reads, so that each is let go once it is numbers · ends: hours go from 1 to 24,
    and name the end of their reading · time: the columns of stamps ·
    stamps: what they say, None where rows are steps · id: the column of series names ·
    owner (n,): the number of each row's series · ids (S,): the names of the series, () of one
    without a name · roles: of the columns that are read · categories: those of them that hold
    names · issued: the column of moments of issue.
    """

    table: Table
    cells: dict[str, pa.ChunkedArray]
    time: tuple[str, ...]
    stamps: Stamps | None
    id: str | None
    owner: Array
    ids: tuple[str, ...]
    roles: Mapping[str, Role]
    categories: tuple[str, ...]
    ends: bool
    issued: pa.ChunkedArray | None = None

    def having(self, role: Role) -> tuple[str, ...]:
        """The columns of a role."""
        return tuple(name for name, own in self.roles.items() if own == role)


@dataclass(frozen=True, eq=False)
class Observed:
    """The rows of a source in order of series and time.

    columns: those of the values · zone: of the moments, "" where none is known · bare: stamps have
    no offset, so that a zone would be that of their hours · dates: whether a step is a day or
    longer · decimal: the mark of text, None where none was seen · issues: of each series, what was
    issued of its future columns.
    """

    rows: Rows
    columns: list[Column]
    zone: str
    bare: bool
    dates: bool
    decimal: str | None
    issues: Mapping[str, Issues]


@dataclass(frozen=True, eq=False)
class Laid:
    """Rows on their clock; those of series i are bounds[i]:bounds[i + 1]."""

    rows: Rows
    bounds: Array
    clock: Clock


def read(
    source: "str | Path | Any",
    reading: Reading | None = None,
    *,
    clock: Clock | None = None,
    **options: Any,
) -> Panel:
    """A panel from CSV, Parquet, a folder of them or a frame, long (a column of series names) or
    wide (one column per series).

    source: a path, a pandas frame or series, or anything that hands over Arrow columns (polars,
    pyarrow).
    reading, options: which column is what, and what its cells and stamps mean. `read(source,
    Reading(target="y"))` and `read(source, target="y")` are the same; with both, an option wins
    over that of `reading`. `help(forecast.Reading)` lists the options with their meanings. What is
    not given is found in the file.
    clock: known beforehand (a file of a few new rows); else the step that most rows have.

    Raises ReadingError, a ForecastError with findings, where the file cannot be read without
    guessing, and ForecastError where an option is unknown or not of its type, or two contradict
    each other. What was inferred, noticed and repaired is in `panel.findings`, and `panel.reading`
    reads the next file of its kind in the same way.
    """
    reading = make_reading(reading, options)
    _refuse_contradictions(reading)
    condition = None if reading.event is None else condition_of(reading.event)
    if condition is not None:
        reading = with_its_target(reading, condition)
    report = Report()
    newer = clock is not None
    table, reading = by_profile(_load(source, reading, report), reading, newer, report)
    if not newer:
        _refuse_absent_columns(table, reading, report)
    reading = _with_names(reading, table)
    found = _find(table, reading, condition, report)
    say_units(units_of(names_of(reading.unit)), found.roles, report)
    observed = _observe(found, reading, clock, report)
    laid = _lay_out(found, observed, reading, clock, report)
    panel = _panel(laid, found.having("target"), observed.columns)
    panel = as_published(panel, lags_of(names_of(reading.lag)), report)
    _describe(panel, found, report)
    newer = clock is not None
    look_at_series(panel, report, newer=newer)
    panel = in_order_of_names(panel, reading.ordered, newer, report)
    panel = _with_derived_target(panel, reading, condition, report, newer)
    if panel.future and not newer:
        say_unseen(panel, with_seen_names(panel.history()), report)
    chosen = choose_series(
        panel,
        split_names(reading.series, panel.ids),
        split_names(reading.neighbours, panel.ids),
        newer,
        report,
    )
    if found.issued is not None:
        future = [column.name for column in observed.columns if column.role == "future"]
        chosen = issued_of(chosen, future, observed.issues, report)
    decided = _decided(reading, found, observed, chosen)
    return replace(chosen, findings=tuple(report.findings), reading=decided)


def _refuse_contradictions(reading: Reading) -> None:
    """ForecastError where an option has a value that there is not, or needs another one: before
    anything is read.
    """
    if reading.tz:
        timezone_of(reading.tz)
    if reading.calendar:
        sessions_of(reading.calendar)
    ways_of(split_names(reading.how, ()))
    if reading.how != "mean" and reading.every is None:
        shown = ",".join(names_of(reading.how))
        raise ForecastError(
            f"`how={shown}` says how readings become a longer step: give that too, such as `every=1D`."
        )
    _mark(reading.decimal)
    if reading.encoding is not None:
        codec_of(reading.encoding)
    if reading.header is not None and reading.header < 1:
        raise ForecastError(f"`header={reading.header}` is no row: rows of a file are counted from 1.")
    if reading.stamp not in (None, "start", "end"):
        raise ForecastError(
            f"`stamp={reading.stamp}`: a stamp names the `start` or the `end` of its reading."
        )
    if reading.stamp is not None and reading.every is None:
        raise ForecastError(
            f"`stamp={reading.stamp}` says into which step a reading is gathered: give that too,"
            " such as `every=1D`."
        )
    if reading.round is not None and clock_of(reading.round).kind != "fixed":
        raise ForecastError(
            f"`round={reading.round}`: stamps are moved to a number of s, min, h or D, such as 1h."
        )
    if reading.every is not None:
        every_of(reading.every)
    if reading.issued is not None:
        _refuse_issues_without(reading)
    refuse_two_targets(reading)
    order_of(reading.ordered)
    refuse_unknown(reading.profile)
    lags_of(names_of(reading.lag))
    factors_of(names_of(reading.factor))
    units_of(names_of(reading.unit))


def _refuse_issues_without(reading: Reading) -> None:
    """ForecastError where issues have no future columns, or would be gathered."""
    if not names_of(reading.future):
        raise ForecastError(
            f"`issued={reading.issued}` says when forecasts of others were issued: name their columns too, with `future`."
        )
    if reading.every is not None:
        raise ForecastError(
            "`issued` keeps each forecast with the stamp that it is about, and `every` would gather several. Give one of"
            " them."
        )


def _refuse_absent_columns(table: Table, reading: Reading, report: Report) -> None:
    """Refuse a column of `factor` or `unit` that is not in the file."""
    refuse_absent("factor", factors_of(names_of(reading.factor)), table.columns, report)
    refuse_absent("unit", units_of(names_of(reading.unit)), table.columns, report)
    if reading.issued is not None:
        refuse_absent("issued", (reading.issued,), table.columns, report)


def _with_derived_target(
    panel: Panel, reading: Reading, condition: Condition | None, report: Report, newer: bool
) -> Panel:
    """The panel with what is asked as its target, where that is made of its columns: an event, returns, a variance."""
    if condition is not None:
        panel = with_event(panel, condition)
        look_at_event(panel, report, newer=newer)
    if reading.returns:
        look_at_price(panel, "returns", report)
        panel = with_returns(panel)
        look_at_returns(panel, report)
    if reading.volatility is not None:
        look_at_price(panel, "volatility", report)
        if reading.volatility == GARMAN_KLASS:
            look_at_bars(panel, report)
        panel = with_variance(panel, reading.volatility)
        look_at_variance(panel, report)
    return panel


def _find(loaded: Table, reading: Reading, condition: Condition | None, report: Report) -> Found:
    """The columns of a source: the stamps of its rows, the series they are of, and what each other
    column is for.
    """
    whole, kinds = _one_row_per_stamp(loaded, reading, report)
    if reading.issued in kinds:
        kinds[reading.issued] = "issued"
    kept, time, stamps = _stamped(whole, kinds, reading, report)
    ident = read_id(kept, kinds, reading.id, time, stamps, report)
    if stamps is None and ident is None and reading.target is None:
        refuse_nameless_rows(kept, kinds, report)
    table = with_joined(kept, ident, report)
    owner, ids = read_series(table, ident, report)
    keys = (*time, *_named_by(ident), reading.issued)
    free = {name: kind for name, kind in kinds.items() if name not in keys}
    roles, categories = _find_roles(table, free, ident, reading, condition, report)
    if reading.past is None:
        roles = without_row_numbers(roles, categories, table, owner, report)
    text = [name for name, kind in free.items() if kind == "text" and name not in roles]
    return Found(
        table=replace(table, columns={name: table.columns[name] for name in text}),
        cells=dict(table.columns),
        time=time,
        stamps=stamps,
        id=ident,
        owner=owner,
        ids=ids,
        roles=roles,
        categories=categories,
        ends=reading.every is not None and hours_name_ends(table, time),
        issued=None if reading.issued is None else table.columns.get(reading.issued),
    )


def _find_roles(
    table: Table,
    free: dict[str, str],
    ident: str | None,
    reading: Reading,
    condition: Condition | None,
    report: Report,
) -> tuple[dict[str, Role], tuple[str, ...]]:
    """What each column but those of stamps and series is for, those that a target is made of among them."""
    if condition is not None:
        refuse_absent_in_event(condition, free, report)
    category = names_of(reading.category)
    roles, categories = read_roles(_roles_given(reading), free, category, ident, table, report)
    if condition is not None:
        roles, categories = with_its_columns(roles, categories, condition, free)
    if reading.volatility == GARMAN_KLASS:
        roles = with_bars(roles, free, report)
    numbers = [name for name, kind in free.items() if kind == "number"]
    targets = [name for name, role in roles.items() if role == "target"]
    say_adjusted(targets, numbers, report)
    return roles, categories


def _roles_given(reading: Reading) -> dict[Role, list[str] | None]:
    """The columns that were named for each role, None for those that are to be found."""
    return {
        "target": None if reading.target is None else list(names_of(reading.target)),
        "past": None if reading.past is None else list(names_of(reading.past)),
        "future": list(names_of(reading.future)),
        "static": list(names_of(reading.static)),
    }


def _observe(found: Found, reading: Reading, clock: Clock | None, report: Report) -> Observed:
    """The values of a source with their moments, in order."""
    choices = Choices(
        names_of(reading.missing),
        names_of(reading.circular),
        found.categories,
        _mark(reading.decimal),
        factors_of(names_of(reading.factor)),
        newer=clock is not None,
    )
    values, columns, decimal = read_values(found.table, found.cells, found.roles, choices, report)
    ids = found.ids or found.having("target")[:1]
    rows = Rows(ids, found.owner, None, values)
    known = clock if reading.every is None else None
    timed, zone, dates = _timed(found, rows, reading, known, report)
    stamps = found.stamps
    bare = stamps is not None and stamps.offset is None and not stamps.zone
    # rows by issue are in the order of these, which is nothing to report
    ordered = in_order(timed, found.table, report if found.issued is None else Report())
    issues: dict[str, Issues] = {}
    if found.issued is not None:
        ordered, issues = _with_issues(found, ordered, columns, reading, zone, dates, report)
    targets = [place for place, column in enumerate(columns) if column.role == "target" and not column.names]
    look_at_jumps(ordered, columns, targets, found.table, report)
    return Observed(ordered, columns, zone, bare, dates, decimal, issues)


def _with_issues(
    found: Found,
    ordered: Rows,
    columns: Sequence[Column],
    reading: Reading,
    zone: str,
    dates: bool,
    report: Report,
) -> tuple[Rows, dict[str, Issues]]:
    """Rows in order as one per stamp, and what was issued of the future columns of each series."""
    if ordered.times is None or found.issued is None:
        raise ForecastError("`issued` needs stamps of the rows too: name their column with `time`.")
    name = str(reading.issued)
    tz = reading.tz or zone
    moments = issue_moments(found.issued, name, dates, tz, found.owner, found.table, report)
    own = moments[ordered.record(np.arange(len(ordered.series)))]
    return by_issue(ordered, own, columns, zone, found.table, report)


def _lay_out(found: Found, observed: Observed, reading: Reading, clock: Clock | None, report: Report) -> Laid:
    """The rows on their clock, one row per step: without duplicates or gathered, a gap filled,
    static columns in all rows.
    """
    table = found.table
    columns = observed.columns
    ends = reading.stamp == "end" or (reading.stamp is None and found.ends)
    statics = static_values(observed.rows, columns, clock is not None, table, report)
    laid = _on_steps(table, observed, reading, ends, clock, report)
    hold(laid.rows.values, columns, laid.bounds, statics)
    if reading.calendar:
        clock = on_exchange(reading.calendar, laid.rows, laid.bounds, laid.clock, table, report)
        laid = replace(laid, clock=clock)
    if laid.clock.bars > 1:
        say_other_hours(laid.rows, laid.clock, observed.bare, table, report)
        say_missing_bars(laid.rows, laid.bounds, laid.clock, table, report)
    return laid


def _on_steps(
    table: Table, observed: Observed, reading: Reading, ends: bool, clock: Clock | None, report: Report
) -> Laid:
    """One row per step of the clock: the rows without duplicates, or gathered by `every`. The clock
    is found where it is None.
    """
    zone = observed.zone
    columns = observed.columns
    if reading.every is None:
        others = {i: column.name for i, column in enumerate(columns) if column.role != "target"}
        single = without_duplicates(observed.rows, zone, table, report, others)
        if clock is None and single.times is not None:
            changes = step_by_part(single)
            say_changes(single, changes, zone, "(`every` brings them to one step)", table, report)
        return Laid(*on_clock(single, clock, zone, observed.dates, table, report))
    every = every_of(reading.every)
    how, of_columns = ways_of(split_names(reading.how, ()))
    known = [column.of or column.name for column in columns]
    refuse_absent("how", of_columns, known, report)
    price = (reading.returns or reading.volatility is not None) and reading.how == "mean"
    words = [how, *(f"{name} by {way}" for name, way in of_columns.items())]
    if price:
        words.append("the price by last")
    ways = Gathering(
        every=every,
        how=how,
        own=_own_ways(columns, of_columns, price),
        words=", ".join(words),
        zone=reading.tz or zone,
        ends=ends,
        known=any(column.role == "future" for column in columns),
    )
    gathered = gather(observed.rows, ways, table, report)
    own = clock or clock_of_buckets(gathered, every.clock, zone)
    return Laid(*on_clock(gathered, own, zone, every.clock.dated, table, report))


def _decided(reading: Reading, found: Found, observed: Observed, panel: Panel) -> Reading:
    """The reading with what was found in the file, so that the next file of its kind is read in the
    same way.
    """
    time = found.time[0] if len(found.time) == 1 else found.time or None
    stamps = found.stamps
    neighbours = tuple(column.part for column in panel.columns if column.made == "neighbour")
    return replace(
        reading,
        time=time,
        id=found.id,
        target=found.having("target"),
        past=found.having("past"),
        future=found.having("future"),
        category=found.categories,
        static=found.having("static"),
        neighbours=neighbours,
        stamp="end" if found.ends and reading.stamp is None else reading.stamp,
        dayfirst=None if stamps is None else stamps.dayfirst,
        decimal=reading.decimal or observed.decimal,
    )


def _mark(decimal: str | None) -> Decimal | None:
    """The decimal mark as given, "." or ","; no other is one."""
    marks: tuple[Decimal, ...] = (".", ",")
    if decimal is None:
        return None
    for mark in marks:
        if decimal == mark:
            return mark
    raise ForecastError(f'A decimal mark is "." or ","; found `decimal={decimal}`.')


def _load(source: Any, reading: Reading, report: Report) -> Table:
    """The table of a source, of the columns that are needed."""
    codec = None if reading.encoding is None else codec_of(reading.encoding)
    ids = tuple(names_of(reading.id)) + split_names(reading.id, ())
    request = Request(
        columns=_needed(reading),
        decimal=_mark(reading.decimal),
        dayfirst=reading.dayfirst,
        encoding=codec,
        header=reading.header,
        names=(*ids, *ID_NAMES),
    )
    table = load_table(source, report, request, ID_NAMES)
    if not table.columns or not table.count:
        report.refuse(
            "no-rows",
            f"{table.where} holds no rows.",
            remedy="A table with a header and at least some dozens of rows is needed.",
        )
    return table


def _with_names(reading: Reading, table: Table) -> Reading:
    """The reading with each option that holds names taken apart at its commas, where no column is
    called so; a number for missing with a decimal comma is one where the file has such.
    """
    given: dict[str, Any] = {}
    for option in ("target", "past", "future", "category", "static", "circular"):
        value = getattr(reading, option)
        parts = split_names(value, table.columns)
        if parts != names_of(value):
            given[option] = parts
    if reading.missing is not None:
        whole: tuple[str, ...] = ()
        if (reading.decimal or table.decimal) == ",":
            whole = tuple(sign for sign in names_of(reading.missing) if DECIMAL_COMMA.fullmatch(sign))
        signs = split_names(reading.missing, whole)
        if signs != names_of(reading.missing):
            given["missing"] = signs
    return replace(reading, **given)


def _one_row_per_stamp(table: Table, reading: Reading, report: Report) -> tuple[Table, dict[str, str]]:
    """The table with one row per stamp and series, where stamps or hours stand across its columns,
    and the kinds of its columns.
    """
    kinds = kinds_of(table)
    time = {*names_of(reading.time)}
    target = {*names_of(reading.target)}
    long = melted(table, kinds, time, target, _named_by(reading.id), reading.dayfirst, report)
    whole = with_joined(long, reading.id, report)
    if list(kinds) != list(whole.columns):
        kinds = kinds_of(whole)
    return whole, kinds


def _stamped(
    table: Table, kinds: dict[str, str], reading: Reading, report: Report
) -> tuple[Table, tuple[str, ...], Stamps | None]:
    """The table without rows that hold nothing, the columns of its stamps and these; none where
    rows are steps.
    """
    names, stamps = read_time(table, kinds, reading.time, reading.dayfirst, report)
    if stamps is None:
        others = {reading.id, *names_of(reading.past), *names_of(reading.future)}
        text = [name for name, kind in kinds.items() if kind == "text" and name not in others]
        refuse_unread_stamps(table, text, report)
        report.say("time", "no time column: rows are taken as steps in the order of the file")
        return table, names, None
    kept, known = without_empty_rows(table, stamps, report)
    refuse_unread_hours(kept, names, known, reading.id, report)
    say_stamps(kept, names, known, reading.tz, report)
    return kept, names, known


def _timed(
    found: Found, rows: Rows, reading: Reading, clock: Clock | None, report: Report
) -> tuple[Rows, str, bool]:
    """The rows with their moments, the zone of these, and whether they are dates; without rows of
    an hour that does not exist and holds nothing.
    """
    if found.stamps is None:
        return rows, "", False
    times, zone, dates = read_moments(
        found.table, found.stamps, reading.tz or "", rows.series, clock, rows.values, report
    )
    if reading.round is not None:
        times, dates = rounded(times, reading.round, zone, report)
    timed = replace(rows, times=times)
    unknown = np.isnat(times)
    if unknown.any():
        timed = timed.take(np.flatnonzero(~unknown))
    return timed, zone, dates


def _own_ways(columns: Sequence[Column], given: Mapping[str, How], price: bool) -> dict[int, How]:
    """How columns are gathered that have a way of their own, by their place: given by name; else of
    names and what does not change the last, of angles the mean.

    price: the target is a price whose returns are asked for, and no way is given for all columns: it is the last too, since
    the returns of means are smaller, and follow each other (Working 1960).
    """
    ways: dict[int, How] = {}
    for place, column in enumerate(columns):
        if column.name in given:
            ways[place] = given[column.name]
            continue
        if column.made == "angle":
            ways[place] = "mean"
        elif column.names is not None or column.role == "static" or (price and column.role == "target"):
            ways[place] = "last"
    return ways


def _named_by(ident: str | None) -> tuple[str, ...]:
    """The columns of series names: one, or also those that it joins."""
    return () if ident is None else (ident, *split_names(ident, ()))


def _needed(reading: Reading) -> Needed:
    """Which columns of a file to read: with a target and past columns named, no other number."""
    target = _perhaps(reading.target)
    others = (reading.time, reading.id, reading.past, reading.future, reading.static, reading.issued)
    wanted = target.union(*map(_perhaps, others))
    if reading.event is not None:
        wanted |= {*condition_of(reading.event).columns}
    wanted |= {*factors_of(names_of(reading.factor)), *units_of(names_of(reading.unit))}
    usual = {*NUMERIC_TIME_NAMES, *ID_NAMES}
    if reading.volatility == GARMAN_KLASS:
        usual |= {*OF_BARS}

    def needed(kinds: Mapping[str, str]) -> set[str]:
        melts = "all" in wanted or not target & set(kinds)  # perhaps
        named = reading.names is not None or reading.leave is not None or may_match(kinds, reading)
        if reading.target is None or reading.past is None or melts or named:
            return set(kinds)
        return {
            name
            for name, kind in kinds.items()
            if kind != "number" or name in wanted or name.lower() in usual or part_of(name)
        }

    return needed


def _perhaps(value: Names) -> set[str]:
    """The names that an option may hold, before it is known which names have commas in them."""
    return {*names_of(value), *split_names(value, ())}


def _panel(laid: Laid, targets: Sequence[str], columns: list[Column]) -> Panel:
    """The panel of rows on their clock; with several targets each of their columns is a series."""
    if len(targets) > 1:
        return _stacked(laid, targets, columns)
    rows = laid.rows
    assert rows.times is not None
    return Panel(
        ids=rows.ids,
        starts=laid.bounds[:-1].astype("int64"),
        stops=laid.bounds[1:].astype("int64"),
        times=rows.times,
        values=rows.values,
        columns=tuple(columns),
        clock=laid.clock,
    )


def _stacked(laid: Laid, targets: Sequence[str], columns: list[Column]) -> Panel:
    """The panel whose series are the columns `targets`, one below the other, with the other columns
    next to each.
    """
    rows = laid.rows
    assert rows.times is not None
    count = len(targets)
    length = len(rows.times)
    order = natural_order(targets)
    values = np.ascontiguousarray(rows.values[:, order].T).reshape(-1, 1)
    if len(columns) > count:
        others = np.tile(rows.values[:, count:], (count, 1))
        values = np.concatenate([values, others], axis=1)
    stops = length * np.arange(1, count + 1)
    return Panel(
        ids=tuple(targets[i] for i in order),
        starts=stops - length,
        stops=stops,
        times=np.tile(rows.times, count),
        values=values,
        columns=(Column("value", "target", made="stack"), *columns[count:]),
        clock=laid.clock,
    )


def _describe(panel: Panel, found: Found, report: Report) -> None:
    """Report what was inferred: the stamps, the target, the series, and the columns next to them."""
    if found.time:
        _say_clock(panel, found.time, report)
    targets = found.having("target")
    if len(targets) == 1:
        report.say("target", f"target {targets[0]}")
    else:
        report.say("target", f"targets {', '.join(targets)}: each a series")
    _say_zeros(panel, report)
    if found.id is not None:
        more = ", ..." if len(panel.ids) > 5 else ""
        first = ", ".join(panel.ids[:5])
        report.say("series", f"series by {found.id}: {len(panel.ids)} ({first}{more})")
    past = found.having("past")
    if past:
        names = ", ".join(past)
        report.say("past", f"past columns, known up to the origin: {names} (`past=none` leaves them out)")
    future = found.having("future")
    if future:
        ahead = Counter((panel.lengths - panel.known()).tolist()).most_common(1)[0][0]
        report.say(
            "future",
            f"future columns, known over the horizon: {', '.join(future)};"
            f" the file has them for {counted(ahead, 'row')} after the last target",
        )


def _say_zeros(panel: Panel, report: Report) -> None:
    """Report the share of zeros of a target that is 0 in over a quarter of its rows, and nowhere below."""
    if panel.names or (panel.values[:, 0] < 0).any():
        return
    zeros = share_of_zeros(panel)
    if MANY_ZEROS < zeros < 1:
        report.say(
            "zeros", f"{zeros:.0%} of {panel.target} is 0 and nothing below: an amount that is mostly absent"
        )


def _say_clock(panel: Panel, time: Sequence[str], report: Report) -> None:
    """Report the step, the first and the last stamp, and when future sessions are assumed."""
    clock = panel.clock
    full = panel.lengths > 0
    first = panel.times[panel.starts[full]].min()
    last = panel.times[panel.stops[full] - 1].max()
    edges = to_local(np.array([first, last]), clock.tz)
    zone = "" if clock.dated else f" {clock.tz or 'UTC'}"
    report.say(
        "clock",
        f"stamps in {', '.join(time)}: {clock.words}, {show(edges[0])} to {show(edges[1])}{zone}",
    )
    if clock.assumed:
        days = assumed_sessions(clock)
        report.say(
            "assumed-stamps", f"the dates of future sessions are assumed: {days}, holidays are not known"
        )
