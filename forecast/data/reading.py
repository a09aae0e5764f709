"""The door: a file, folder or frame becomes a Panel, or one sentence that says why not.

What is inferred (time, series, target, past columns, clock) is inferred from names and stamps, and said in the panel's findings, with every
repair. What only looks wrong is said and left as it is.
"""

import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence, Set
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from forecast.data.buckets import HOWS, How, clock_of_buckets, gather
from forecast.data.cells import Choices, read_values
from forecast.data.checks import look_at_series
from forecast.data.clock import Clock, begin_of, clock_of, in_hours, missing_bars, show
from forecast.data.columns import (
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
from forecast.data.exchanges import exchange, sessions_of
from forecast.data.findings import Report, counted, listed
from forecast.data.grid import SAID, Rows, in_order, on_clock, without_duplicates
from forecast.data.melting import melted
from forecast.data.moments import read_moments, refuse_unread_stamps, say_stamps, without_empty_rows
from forecast.data.neighbours import choose_series
from forecast.data.numbers import Decimal
from forecast.data.panel import SEVERAL, Column, Panel, Role, Roles
from forecast.data.sources import load_table
from forecast.data.stamps import Stamps, part_of
from forecast.data.static import hold, static_values
from forecast.data.tables import Needed, Request, Table
from forecast.data.zones import timezone_of, to_local
from forecast.errors import ForecastError, nearest
from forecast.files import Array

Names = str | Sequence[str] | None
WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


def read(
    source: "str | Path | Any",
    *,
    target: Names = None,
    time: Names = None,
    id: str | None = None,
    past: Names = None,
    future: Names = None,
    category: Names = None,
    neighbours: Names = None,
    series: Names = None,
    static: Names = None,
    clock: Clock | None = None,
    tz: str | None = None,
    every: str | None = None,
    how: str = "mean",
    missing: Names = None,
    circular: Names = None,
    dayfirst: bool | None = None,
    decimal: str | None = None,
    calendar: str | None = None,
) -> Panel:
    """A panel from CSV, Parquet, a folder of them or a frame, long (a column of series names) or wide (a column a series).

    source: a path, a pandas frame or series, or anything that hands over Arrow columns (polars, pyarrow).
    target: one column, or several (or "all") of a wide file, each a series of its own. time, id: the columns of stamps (several, where each
    holds a part) and of series names ("latitude,longitude" joins two); found by name and type where absent. past: other columns that are known
    up to the origin; by default every other numeric column, "none" for none. future: columns that are known over the horizon too, such as a
    holiday; rows after the last target may carry them alone. category: those of past and future whose cells are names, as all text is; an empty
    cell is a name too. static: columns that are the same in all rows of a series, numbers or names, such as the elevation of a station; an empty
    cell says nothing. neighbours: series whose targets are past columns of every other one, or "all". series: those that are forecast, by
    default all. clock: known beforehand (a file of a few new rows); else the step that most rows have.
    tz: the zone of stamps without one, such as "Europe/Paris"; days are the days there. every, how: gather into steps such as "1h", "1D", "M"
    by mean, max, min, sum or last. missing: cells that mean missing, such as -9999. circular: columns of angles in degrees, read as their sine
    and cosine. dayfirst, decimal: the order of day and month (False: the year comes first where the month cannot, as in 24-01-31) and the decimal
    mark ("," or "."), where a file leaves them open; a row that contradicts the order is refused. calendar: the exchange whose sessions trading
    days, or bars of trading hours, are, such as "XNYS" (needs exchange_calendars): those to come are then known, and those of the file are compared
    with it.
    Raises ReadingError, a ForecastError with findings, where the file cannot be read without guessing. What was inferred, noticed and repaired is
    in `panel.findings`.
    """
    if tz:
        timezone_of(tz)  # an unknown zone or exchange is refused before anything is read
    if calendar:
        sessions_of(calendar)
    if how not in HOWS:
        raise ForecastError(f"There is no way {how!r} for --how.{nearest(how, HOWS)}")
    if how != "mean" and every is None:
        raise ForecastError(
            f"--how {how} says how readings become a longer step: give that too, such as --every 1D."
        )
    mark, wanted, newer = _mark(decimal), None if every is None else clock_of(every), clock is not None
    asked: dict[Role, list[str] | None] = {
        "target": None if target is None else _texts(target),
        "past": None if past is None else _texts(past),
        "future": _texts(future),
        "static": _texts(static),
    }
    report = Report()

    request = Request(_needed(target, time, id, past, future, static), mark, dayfirst)
    table, kinds = _load(source, request, id, {*_texts(time)}, {*_texts(target)}, report)
    table, names, stamps = _stamped(
        table, kinds, time, dayfirst, tz, {id, *_texts(past), *_texts(future)}, report
    )
    ident = read_id(table, kinds, id, names, stamps, report)
    if stamps is None and ident is None and target is None:
        refuse_nameless_rows(table, kinds, report)
    table = with_joined(table, ident, report)
    owner, ids = read_series(table, ident, report)

    free = {name: kind for name, kind in kinds.items() if name not in (*names, *_named_by(ident))}
    use, categories = read_roles(asked, free, _texts(category), ident, table, report)
    choices = Choices(tuple(_texts(missing)), tuple(_texts(circular)), categories, mark)
    rest = {name: table.columns[name] for name, kind in free.items() if kind == "text" and name not in use}
    taken, table = (
        dict(table.columns),
        replace(table, columns=rest),
    )  # handed over, so that each is let go once it is in `values`
    values, columns, decimal_found = read_values(table, taken, use, choices, report)
    targets = _having(use, "target")

    rows, zone, dates = _timed(
        table,
        stamps,
        Rows(ids or (targets[0],), owner, None, values),
        tz,
        clock if wanted is None else None,
        report,
    )
    rows = in_order(rows, table, report)
    told = static_values(rows, columns, newer, table, report)
    if wanted is None:
        others = {i: column.name for i, column in enumerate(columns) if column.role != "target"}
        rows = without_duplicates(rows, zone, table, report, others)
    else:
        rows = gather(rows, wanted, how, _own_ways(columns, choices.circular), tz or zone, table, report)
        clock, dates = clock or clock_of_buckets(rows, wanted, zone), wanted.dated
    rows, bounds, clock = on_clock(rows, clock, zone, dates, table, report)
    hold(rows.values, columns, bounds, told)
    if calendar:
        clock = _on_exchange(calendar, rows, bounds, clock, table, report)
    if clock.bars > 1:
        bare = stamps is not None and stamps.offset is None and not stamps.zone
        _say_other_hours(rows, clock, bare, table, report)
        _say_missing_bars(rows, bounds, clock, table, report)

    panel = _panel(rows, bounds, clock, targets, columns)
    _describe(panel, use, names, ident, report)
    look_at_series(panel, report, newer=newer)
    roles = Roles(
        names[0] if len(names) == 1 else names or None,
        ident,
        targets,
        _having(use, "past"),
        _having(use, "future"),
        categories,
        static=_having(use, "static"),
        tz=tz,
        every=every,
        how=how,
        missing=choices.missing,
        circular=choices.circular,
        dayfirst=None if stamps is None else stamps.dayfirst,
        decimal=decimal or decimal_found,
        calendar=calendar,
    )
    return _chosen(replace(panel, roles=roles), series, neighbours, newer, report)


def _mark(decimal: str | None) -> Decimal | None:
    """The decimal mark as told, "." or ","; no other is one."""
    if decimal not in (None, ".", ","):
        raise ForecastError(f'A decimal mark is "." or ","; found {decimal!r} for --decimal.')
    return None if decimal is None else "," if decimal == "," else "."


def _load(
    source: Any, request: Request, ident: str | None, time: Set[str], target: Set[str], report: Report
) -> tuple[Table, dict[str, str]]:
    """The table of a source, one row a stamp and series, and the kinds of its columns. time, target: the columns that were named as such."""
    table = load_table(source, report, request, ID_NAMES)
    if not table.columns or not table.count:
        report.refuse(
            "no-rows",
            f"{table.where} holds no rows.",
            remedy="A table with a header and at least some dozens of rows is needed.",
        )
    kinds = kinds_of(table)
    table = melted(table, kinds, time, target, _named_by(ident), request.dayfirst, report)
    table = with_joined(table, ident, report)
    return table, kinds if list(kinds) == list(table.columns) else kinds_of(table)


def _stamped(
    table: Table,
    kinds: dict[str, str],
    time: Names,
    dayfirst: bool | None,
    tz: str | None,
    others: Set[str | None],
    report: Report,
) -> tuple[Table, tuple[str, ...], Stamps | None]:
    """The table without rows that hold nothing, the columns of its stamps and these; none where rows are steps.

    others: columns that were named as something else than time.
    """
    names, stamps = read_time(table, kinds, time, dayfirst, report)
    if stamps is None:
        refuse_unread_stamps(
            table, [name for name, kind in kinds.items() if kind == "text" and name not in others], report
        )
        report.say("time", "no time column: rows are taken as steps in the order of the file")
        return table, names, None
    table, stamps = without_empty_rows(table, stamps, report)
    say_stamps(table, names, stamps, tz, report)
    return table, names, stamps


def _timed(
    table: Table, stamps: Stamps | None, rows: Rows, tz: str | None, clock: Clock | None, report: Report
) -> tuple[Rows, str, bool]:
    """The rows with their moments, the zone of these, and whether they are dates; without rows of an hour that does not exist and holds nothing."""
    if stamps is None:
        return rows, "", False
    times, zone, dates = read_moments(table, stamps, tz or "", rows.series, clock, rows.values, report)
    rows = replace(rows, times=times)
    return rows.take(np.flatnonzero(~np.isnat(times))) if np.isnat(times).any() else rows, zone, dates


def _own_ways(columns: Sequence[Column], circular: Collection[str]) -> dict[int, How]:
    """How columns are gathered that have no maximum or sum, by their place: of names and what does not change the last, of angles the mean."""
    ways: dict[int, How] = {
        i: "last" for i, column in enumerate(columns) if column.names is not None or column.role == "static"
    }
    return ways | {
        i: "mean"
        for i, column in enumerate(columns)
        if column.name.endswith(("_sin", "_cos")) and column.name[:-4] in circular
    }


def _having(use: Mapping[str, Role], role: Role) -> tuple[str, ...]:
    """The columns of a role."""
    return tuple(name for name, own in use.items() if own == role)


def _chosen(panel: Panel, series: Names, neighbours: Names, newer: bool, report: Report) -> Panel:
    """The panel of the series that are forecast, with their neighbours; its findings, and the roles by which the next file is read."""
    assert panel.roles is not None
    made = choose_series(panel, _texts(series), _texts(neighbours), newer, report)
    others = tuple(
        column.name.removeprefix(f"{panel.target}@") for column in made.columns[len(panel.columns) :]
    )
    roles = replace(panel.roles, neighbours=others, series=tuple(_texts(series)))
    return replace(made, findings=tuple(report.findings), roles=roles)


def _named_by(ident: str | None) -> tuple[str, ...]:
    """The columns of series names: one, or also those that it joins."""
    return () if ident is None else (ident, *(part.strip() for part in ident.split(",")))


def _texts(values: Names) -> list[str]:
    return [] if values is None else [values] if isinstance(values, str) else [str(value) for value in values]


def _needed(target: Names, time: Names, ident: str | None, *others: Names) -> Needed:
    """Which columns of a file to read: with a target and past columns named, which are the first of `others`, no other number."""

    def needed(kinds: Mapping[str, str]) -> set[str]:
        wanted = {
            *_texts(target),
            *_texts(time),
            *_texts(ident),
            *(name for names in others for name in _texts(names)),
        }
        if (
            target is None or others[0] is None or "all" in wanted or not {*_texts(target)} & set(kinds)
        ):  # perhaps to be melted
            return set(kinds)
        parts = {part for name in (*_texts(time), *_texts(ident)) for part in re.split(r"\s*,\s*", name)}
        return {
            name
            for name, kind in kinds.items()
            if kind != "number"
            or name in wanted | parts
            or name.lower() in (*NUMERIC_TIME_NAMES, *ID_NAMES)
            or part_of(name)
        }

    return needed


def _on_exchange(
    calendar: str, rows: Rows, bounds: Array, clock: Clock, table: Table, report: Report
) -> Clock:
    """The clock of the sessions of an exchange, of days or bars; rows on other days, and sessions without a row, are said."""
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
    for name, (start, stop) in zip(rows.ids, pairwise(bounds), strict=True):
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


def _say_other_hours(rows: Rows, clock: Clock, bare: bool, table: Table, report: Report) -> None:
    """Say which bars lie outside of the hours that sessions to come are given, as half of the year does where a zone is not told.

    bare: whether stamps have no offset, so that a zone would be that of their hours.
    """
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


def _say_missing_bars(rows: Rows, bounds: Array, clock: Clock, table: Table, report: Report) -> None:
    """For each of the first series that lack bars of their sessions: how many, and after which row of the file the first is absent."""
    assert rows.times is not None
    lacking: list[str] = []
    for name, (start, stop) in zip(rows.ids, pairwise(bounds), strict=True):
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


def _panel(rows: Rows, bounds: Array, clock: Clock, targets: Sequence[str], columns: list[Column]) -> Panel:
    """The panel of rows on their clock; with several targets each of their columns is a series, and the other columns stand beside each."""
    assert rows.times is not None
    if len(targets) == 1:
        return Panel(
            rows.ids,
            bounds[:-1].astype("int64"),
            bounds[1:].astype("int64"),
            rows.times,
            rows.values,
            tuple(columns),
            clock,
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
        (Column(SEVERAL, "target"), *columns[count:]),
        clock,
    )


def _edges(panel: Panel) -> tuple[Any, Any]:
    """The first and the last stamp of all series."""
    full = panel.lengths > 0
    return panel.times[panel.starts[full]].min(), panel.times[panel.stops[full] - 1].max()


def _describe(
    panel: Panel, use: Mapping[str, Role], time: tuple[str, ...], ident: str | None, report: Report
) -> None:
    """What was inferred, in words."""
    clock = panel.clock
    targets, extra, ahead = _having(use, "target"), _having(use, "past"), _having(use, "future")
    if time:
        zone = "" if clock.dated else f" {clock.tz or 'UTC'}"
        first, last = (show(to_local(np.array([stamp]), clock.tz)[0]) for stamp in _edges(panel))
        report.say("clock", f"stamps in {', '.join(time)}: {clock.words}, {first} to {last}{zone}")
        if clock.assumed:
            report.say(
                "assumed-stamps",
                f"the dates of future sessions are assumed: {_assumed(clock)}, holidays are not known",
            )
    report.say(
        "target",
        f"target {targets[0]}" if len(targets) == 1 else f"targets {', '.join(targets)}: each a series",
    )
    if ident is not None:
        report.say(
            "series",
            f"series by {ident}: {len(panel.ids)} ({', '.join(panel.ids[:5])}{', ...' if len(panel.ids) > 5 else ''})",
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
