"""The door: a file, folder or frame becomes a Panel, or one sentence that says why not.

What is inferred (time, series, target, past columns, clock) is inferred from names and stamps, and said in the panel's findings, with every
repair. What only looks wrong is said and left as it is.
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from forecast.arrays import Array
from forecast.data.clock import Clock, begin_of, clock_of, in_hours, missing_bars, show
from forecast.data.exchanges import exchange, sessions_of
from forecast.data.findings import Report, counted, listed
from forecast.data.options import Reading, make_reading, names_of
from forecast.data.panel import Column, Panel, Role
from forecast.data.zones import timezone_of, to_local
from forecast.errors import ForecastError, nearest
from forecast.reading.buckets import HOWS, How, clock_of_buckets, gather
from forecast.reading.checks import look_at_series
from forecast.reading.columns import factors_of, refuse_absent, say_units, units_of
from forecast.reading.encodings import codec_of
from forecast.reading.grid import SAID, Rows, in_order, on_clock, without_duplicates
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
from forecast.reading.profiles import by_profile, may_match, refuse_unknown
from forecast.reading.roles import (
    ID_NAMES,
    NUMERIC_TIME_NAMES,
    kinds_of,
    read_id,
    read_roles,
    read_series,
    read_time,
    refuse_nameless_rows,
    with_joined,
)
from forecast.reading.sources import load_table
from forecast.reading.stamps import Stamps, part_of
from forecast.reading.static import hold, static_values
from forecast.reading.tables import Needed, Request, Table
from forecast.reading.values import Choices, read_values

WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


@dataclass(frozen=True, eq=False)
class Found:
    """What a source holds, and what each of its columns is.

    table: the source without the columns in `cells` · cells: its columns; `read_values` takes out those that it reads, so that each is let go
    once it is numbers · time: the columns of stamps · stamps: what they say, None where rows are steps · id: the column of series names ·
    owner (n,): the number of each row's series · ids (S,): the names of the series, () of one without a name · roles: of the columns that are
    read · categories: those of them that hold names.
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

    def having(self, role: Role) -> tuple[str, ...]:
        """The columns of a role."""
        return tuple(name for name, own in self.roles.items() if own == role)


@dataclass(frozen=True, eq=False)
class Observed:
    """The rows of a source in order of series and time.

    columns: those of the values · zone: of the moments, "" where none is known · bare: stamps have no offset, so that a zone would be that of
    their hours · dates: whether a step is a day or longer · decimal: the mark of
    text, None where none was seen.
    """

    rows: Rows
    columns: list[Column]
    zone: str
    bare: bool
    dates: bool
    decimal: str | None


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
    """A panel from CSV, Parquet, a folder of them or a frame, long (a column of series names) or wide (a column a series).

    source: a path, a pandas frame or series, or anything that hands over Arrow columns (polars, pyarrow).
    reading, options: which column is what, and what its cells and stamps mean. `read(source, Reading(target="y"))` and `read(source, target="y")`
    are the same; with both, an option wins over that of `reading`. `help(forecast.Reading)` lists the options with their meanings. What is not
    given is found in the file.
    clock: known beforehand (a file of a few new rows); else the step that most rows have.

    Raises ReadingError, a ForecastError with findings, where the file cannot be read without guessing, and ForecastError where an option is
    unknown or not of its type, or two contradict each other. What was inferred, noticed and repaired is in `panel.findings`, and `panel.reading`
    reads the next file of its kind in the same way.
    """
    reading = make_reading(reading, options)
    _refuse_contradictions(reading)
    newer = clock is not None
    report = Report()
    loaded, reading = by_profile(_load(source, reading, report), reading, newer, report)
    if not newer:
        _refuse_absent_columns(loaded, reading, report)
    found = _find(loaded, reading, report)
    say_units(units_of(names_of(reading.unit)), found.roles, report)
    observed = _observe(found, reading, clock, report)
    laid = _lay_out(found.table, observed, reading, clock, report)
    panel = _panel(laid, found.having("target"), observed.columns)
    _describe(panel, found, report)
    look_at_series(panel, report, newer=newer)
    chosen = choose_series(panel, names_of(reading.series), names_of(reading.neighbours), newer, report)
    neighbours = tuple(column.part for column in chosen.columns if column.made == "neighbour")
    decided = replace(_decided(reading, found, observed), neighbours=neighbours)
    return replace(chosen, findings=tuple(report.findings), reading=decided)


def _refuse_contradictions(reading: Reading) -> None:
    """ForecastError where an option has a value that there is not, or needs another one: before anything is read."""
    if reading.tz:
        timezone_of(reading.tz)
    if reading.calendar:
        sessions_of(reading.calendar)
    if reading.how not in HOWS:
        raise ForecastError(f"There is no way {reading.how!r} for --how.{nearest(reading.how, HOWS)}")
    if reading.how != "mean" and reading.every is None:
        raise ForecastError(
            f"--how {reading.how} says how readings become a longer step: give that too, such as --every 1D."
        )
    _mark(reading.decimal)
    if reading.encoding is not None:
        codec_of(reading.encoding)
    if reading.header is not None and reading.header < 1:
        raise ForecastError(f"`header={reading.header}` is no row: rows of a file are counted from 1.")
    if reading.every is not None:
        clock_of(reading.every)
    refuse_unknown(reading.profile)
    factors_of(names_of(reading.factor))
    units_of(names_of(reading.unit))


def _refuse_absent_columns(table: Table, reading: Reading, report: Report) -> None:
    """Refuse a column of `factor` or `unit` that is not in the file."""
    refuse_absent("factor", factors_of(names_of(reading.factor)), table.columns, report)
    refuse_absent("unit", units_of(names_of(reading.unit)), table.columns, report)


def _find(loaded: Table, reading: Reading, report: Report) -> Found:
    """The columns of a table: the stamps of its rows, the series they are of, and what each other column is for."""
    long, kinds = _long(loaded, reading, report)
    kept, time, stamps = _stamped(long, kinds, reading, report)
    ident = read_id(kept, kinds, reading.id, time, stamps, report)
    if stamps is None and ident is None and reading.target is None:
        refuse_nameless_rows(kept, kinds, report)
    table = with_joined(kept, ident, report)
    owner, ids = read_series(table, ident, report)
    keys = (*time, *_named_by(ident))
    free = {name: kind for name, kind in kinds.items() if name not in keys}
    category = names_of(reading.category)
    roles, categories = read_roles(_roles_given(reading), free, category, ident, table, report)
    text = {name: table.columns[name] for name, kind in free.items() if kind == "text" and name not in roles}
    rest = replace(table, columns=text)
    return Found(rest, dict(table.columns), time, stamps, ident, owner, ids, roles, categories)


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
    )
    values, columns, decimal = read_values(found.table, found.cells, found.roles, choices, report)
    ids = found.ids or found.having("target")[:1]
    rows = Rows(ids, found.owner, None, values)
    known = clock if reading.every is None else None
    timed, zone, dates = _timed(found, rows, reading.tz, known, report)
    stamps = found.stamps
    bare = stamps is not None and stamps.offset is None and not stamps.zone
    return Observed(in_order(timed, found.table, report), columns, zone, bare, dates, decimal)


def _lay_out(table: Table, observed: Observed, reading: Reading, clock: Clock | None, report: Report) -> Laid:
    """The rows on their clock, one row per step: without duplicates or gathered, a gap filled, static columns in all rows."""
    columns = observed.columns
    statics = static_values(observed.rows, columns, clock is not None, table, report)
    laid = _on_steps(table, observed, reading, clock, report)
    hold(laid.rows.values, columns, laid.bounds, statics)
    if reading.calendar:
        laid = replace(laid, clock=_on_exchange(reading.calendar, laid, table, report))
    if laid.clock.bars > 1:
        _say_other_hours(laid, observed.bare, table, report)
        _say_missing_bars(laid, table, report)
    return laid


def _on_steps(
    table: Table, observed: Observed, reading: Reading, clock: Clock | None, report: Report
) -> Laid:
    """One row per step of the clock: the rows without duplicates, or gathered by `every`. The clock is found where it is None."""
    zone = observed.zone
    columns = observed.columns
    if reading.every is None:
        others = {i: column.name for i, column in enumerate(columns) if column.role != "target"}
        single = without_duplicates(observed.rows, zone, table, report, others)
        return Laid(*on_clock(single, clock, zone, observed.dates, table, report))
    wanted = clock_of(reading.every)
    ways = _own_ways(columns)
    gathered = gather(observed.rows, wanted, reading.how, ways, reading.tz or zone, table, report)
    own = clock or clock_of_buckets(gathered, wanted, zone)
    return Laid(*on_clock(gathered, own, zone, wanted.dated, table, report))


def _decided(reading: Reading, found: Found, observed: Observed) -> Reading:
    """The reading with what was found in the file."""
    time = found.time[0] if len(found.time) == 1 else found.time or None
    stamps = found.stamps
    return replace(
        reading,
        time=time,
        id=found.id,
        target=found.having("target"),
        past=found.having("past"),
        future=found.having("future"),
        category=found.categories,
        static=found.having("static"),
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
    raise ForecastError(f'A decimal mark is "." or ","; found {decimal!r} for --decimal.')


def _load(source: Any, reading: Reading, report: Report) -> Table:
    """The table of a source, as it is laid out there."""
    codec = None if reading.encoding is None else codec_of(reading.encoding)
    request = Request(_needed(reading), _mark(reading.decimal), reading.dayfirst, codec, reading.header)
    table = load_table(source, report, request, ID_NAMES)
    if not table.columns or not table.count:
        report.refuse(
            "no-rows",
            f"{table.where} holds no rows.",
            remedy="A table with a header and at least some dozens of rows is needed.",
        )
    return table


def _long(table: Table, reading: Reading, report: Report) -> tuple[Table, dict[str, str]]:
    """The table with one row per stamp and series, and the kinds of its columns."""
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
    """The table without rows that hold nothing, the columns of its stamps and these; none where rows are steps."""
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
    found: Found, rows: Rows, tz: str | None, clock: Clock | None, report: Report
) -> tuple[Rows, str, bool]:
    """The rows with their moments, the zone of these, and whether they are dates; without rows of an hour that does not exist and holds nothing."""
    if found.stamps is None:
        return rows, "", False
    times, zone, dates = read_moments(
        found.table, found.stamps, tz or "", rows.series, clock, rows.values, report
    )
    timed = replace(rows, times=times)
    unknown = np.isnat(times)
    if unknown.any():
        timed = timed.take(np.flatnonzero(~unknown))
    return timed, zone, dates


def _own_ways(columns: Sequence[Column]) -> dict[int, How]:
    """How columns are gathered that have no maximum or sum, by their place: of names and what does not change the last, of angles the mean."""
    ways: dict[int, How] = {}
    for place, column in enumerate(columns):
        if column.made == "angle":
            ways[place] = "mean"
        elif column.names is not None or column.role == "static":
            ways[place] = "last"
    return ways


def _named_by(ident: str | None) -> tuple[str, ...]:
    """The columns of series names: one, or also those that it joins."""
    return () if ident is None else (ident, *(part.strip() for part in ident.split(",")))


def _needed(reading: Reading) -> Needed:
    """Which columns of a file to read: with a target and past columns named, no other number."""
    target = {*names_of(reading.target)}
    keys = (*names_of(reading.time), *names_of(reading.id))
    parts = {part for name in keys for part in re.split(r"\s*,\s*", name)}
    others = (*names_of(reading.past), *names_of(reading.future), *names_of(reading.static))
    scaled = factors_of(names_of(reading.factor))
    with_unit = units_of(names_of(reading.unit))
    wanted = {*target, *keys, *parts, *others, *scaled, *with_unit}
    usual = {*NUMERIC_TIME_NAMES, *ID_NAMES}

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


def _on_exchange(calendar: str, laid: Laid, table: Table, report: Report) -> Clock:
    """The clock of the sessions of an exchange, of days or bars; rows on other days, and sessions without a row, are said."""
    rows = laid.rows
    clock = laid.clock
    if rows.times is None or clock.weekly or (clock.kind != "sessions" and clock.freq != "B"):
        report.refuse(
            "no-trading-days",
            f"--calendar {calendar} is for trading days, one row a session, and for bars of trading hours;"
            f" these rows are {clock.words}.",
            remedy="Leave it out, or bring the rows to days with --every 1D --how last.",
        )
    sessions, days = sessions_of(calendar), to_local(rows.times, clock.tz).astype("datetime64[D]")
    half = ", half days with fewer bars" if clock.bars > 1 else ""
    report.say("calendar", f"sessions are those of {calendar}, also the ones to come{half}")
    odd = np.flatnonzero(~np.isin(days, sessions) & (days >= sessions[0]) & (days <= sessions[-1]))
    if len(odd):
        records = rows.record(odd)
        report.say(
            "not-a-session",
            f"{table.at(records)} {'have days' if len(odd) > 1 else 'has a day'} on which {calendar} was closed, the first {days[odd[0]]};"
            f" {'they are' if len(odd) > 1 else 'it is'} kept",
            rows=table.rows(records),
            example=days[odd[0]],
        )
    for name, (start, stop) in zip(rows.ids, pairwise(laid.bounds), strict=True):
        own = days[start:stop]
        absent = (
            np.setdiff1d(sessions[(sessions >= own[0]) & (sessions <= own[-1])], own) if len(own) else own
        )
        if len(absent):
            row = start + np.searchsorted(own, absent[:1]) - 1
            report.say(
                "missing-session",
                f"{name}: no row for {counted(len(absent), 'session')} of {calendar}, the first {absent[0]} after"
                f" {table.at(rows.record(row)).lower()}; nothing is filled in",
                rows=table.rows(rows.record(row)),
                example=absent[0],
            )
    return (
        replace(clock, calendar=calendar)
        if clock.bars > 1
        else Clock("sessions", "session", calendar=calendar)
    )


def _say_other_hours(laid: Laid, bare: bool, table: Table, report: Report) -> None:
    """Say which bars lie outside of the hours that sessions to come are given, as half of the year does where a zone is not given.

    bare: whether stamps have no offset, so that a zone would be that of their hours.
    """
    rows = laid.rows
    clock = laid.clock
    assert rows.times is not None
    local = to_local(rows.times, clock.tz)
    odd = np.flatnonzero(~in_hours(local, clock))
    if not len(odd):
        return
    place = str(exchange(clock.calendar).tz) if clock.calendar else "America/New_York"
    moves = f"(--tz {place} if the clocks of the exchange change{'; stamps in UTC then have to end in Z' if bare else ''})"
    records = rows.record(odd)
    report.say(
        "other-hours",
        f"{table.at(records)} {'lie' if len(odd) > 1 else 'lies'} outside of {_hours(clock)} {clock.tz or 'UTC'}, the hours of sessions to come",
        rows=table.rows(records),
        example=show(local[odd[0]]),
        remedy="" if clock.tz else moves,
    )


def _say_missing_bars(laid: Laid, table: Table, report: Report) -> None:
    """For each of the first series that lack bars of their sessions: how many, and after which row of the file the first is absent."""
    rows = laid.rows
    clock = laid.clock
    assert rows.times is not None
    lacking: list[str] = []
    for name, (start, stop) in zip(rows.ids, pairwise(laid.bounds), strict=True):
        stamps, before = missing_bars(to_local(rows.times[start:stop], clock.tz), clock)
        if not len(stamps):
            continue
        lacking.append(name)
        if len(lacking) <= SAID:
            records, many = (
                rows.record(start + before),
                f"{len(stamps):,} bars are" if len(stamps) > 1 else "a bar is",
            )
            report.say(
                "missing-bar",
                f"{name}: {many} missing in sessions, the first {show(stamps[0])} after {table.at(records[:1]).lower()}; nothing is filled in",
                rows=table.rows(records),
                example=show(stamps[0]),
            )
    if len(lacking) > SAID:
        report.say(
            "missing-bar",
            f"{len(lacking) - SAID} more series lack bars in sessions: {listed(lacking[SAID:])}; nothing is filled in",
        )


def _hours(clock: Clock) -> str:
    """The first and the last bar of a session, such as 09:30 to 15:30, or of each part of it."""
    begins = [0, *(before for before, _ in clock.pauses), clock.bars]
    parts = np.array([(begin, end - 1) for begin, end in pairwise(begins)])
    minutes = begin_of(parts, clock) // 10**9 // 60
    return " and ".join(
        " to ".join(_clock_time(minute, clock.weekly) for minute in dict.fromkeys(part))
        for part in minutes.tolist()
    )


def _clock_time(minute: int, weekly: bool) -> str:
    """A minute after midnight as 22:00; of a week, after midnight of its Monday, as Sun 22:00."""
    day, within = divmod(minute, 1440)
    time = f"{within // 60:02}:{within % 60:02}"
    return f"{WEEKDAYS[day % 7]} {time}" if weekly else time


def _assumed(clock: Clock) -> str:
    """When sessions to come are assumed: on which weekdays, and at which hours where they are of several bars."""
    if clock.weekly:
        return f"every week {_hours(clock)}"
    days = " ".join(day for day, traded in zip(WEEKDAYS, clock.weekmask, strict=True) if traded == "1")
    hours = f" {_hours(clock)}" if clock.bars > 1 else ""
    return f"every {days}{hours}"


def _panel(laid: Laid, targets: Sequence[str], columns: list[Column]) -> Panel:
    """The panel of rows on their clock; with several targets each of their columns is a series, and the other columns stand next to each."""
    rows = laid.rows
    assert rows.times is not None
    if len(targets) == 1:
        return Panel(
            rows.ids,
            laid.bounds[:-1].astype("int64"),
            laid.bounds[1:].astype("int64"),
            rows.times,
            rows.values,
            tuple(columns),
            laid.clock,
        )
    count, length = len(targets), len(rows.times)
    order = sorted(range(count), key=targets.__getitem__)
    values = np.ascontiguousarray(rows.values[:, order].T).reshape(-1, 1)
    if len(columns) > count:
        values = np.concatenate([values, np.tile(rows.values[:, count:], (count, 1))], axis=1)
    stops = length * np.arange(1, count + 1)
    times = np.tile(rows.times, count)
    return Panel(
        tuple(targets[i] for i in order),
        stops - length,
        stops,
        times,
        values,
        (Column("value", "target", made="stack"), *columns[count:]),
        laid.clock,
    )


def _edges(panel: Panel) -> tuple[Any, Any]:
    """The first and the last stamp of all series."""
    full = panel.lengths > 0
    return panel.times[panel.starts[full]].min(), panel.times[panel.stops[full] - 1].max()


def _describe(panel: Panel, found: Found, report: Report) -> None:
    """What was inferred, in words."""
    clock = panel.clock
    targets = found.having("target")
    extra = found.having("past")
    ahead = found.having("future")
    if found.time:
        zone = "" if clock.dated else f" {clock.tz or 'UTC'}"
        first, last = (show(to_local(np.array([stamp]), clock.tz)[0]) for stamp in _edges(panel))
        report.say("clock", f"stamps in {', '.join(found.time)}: {clock.words}, {first} to {last}{zone}")
        if clock.assumed:
            report.say(
                "assumed-stamps",
                f"the dates of future sessions are assumed: {_assumed(clock)}, holidays are not known",
            )
    report.say(
        "target",
        f"target {targets[0]}" if len(targets) == 1 else f"targets {', '.join(targets)}: each a series",
    )
    if found.id is not None:
        report.say(
            "series",
            f"series by {found.id}: {len(panel.ids)} ({', '.join(panel.ids[:5])}{', ...' if len(panel.ids) > 5 else ''})",
        )
    if extra:
        report.say(
            "past", f"past columns, known up to the origin: {', '.join(extra)} (--past none leaves them out)"
        )
    if ahead:
        rows = Counter((panel.lengths - panel.known()).tolist()).most_common(1)[0][0]
        report.say(
            "future",
            f"future columns, known over the horizon: {', '.join(ahead)}; the file has them for {counted(rows, 'row')} after the last target",
        )
