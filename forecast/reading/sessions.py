"""Trading days and bars of trading hours: what an exchange's calendar knows of them, and what a
file lacks of them.
"""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np

from forecast.arrays import Array
from forecast.data.clock import Clock, begin_of, in_hours, missing_bars, show
from forecast.data.exchanges import exchange, sessions_of
from forecast.data.findings import Report, counted, listed
from forecast.data.zones import to_local
from forecast.reading.grid import SAID, Rows
from forecast.reading.tables import Table

WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


def on_exchange(
    calendar: str, rows: Rows, bounds: Array, clock: Clock, table: Table, report: Report
) -> Clock:
    """The clock of the sessions of an exchange, of days or bars, for rows bounds[i]:bounds[i + 1]
    of series i.

    Reports rows on other days, and sessions without a row. Refuses rows that are neither trading
    days nor their bars.
    """
    days_of_week = clock.kind == "sessions" or clock.freq == "B"
    if rows.times is None or clock.weekly or not days_of_week:
        report.refuse(
            "no-trading-days",
            f"`calendar={calendar}` is for trading days, one row a session, and for bars of"
            " trading hours;"
            f" these rows are {clock.words}.",
            remedy="Leave it out, or bring the rows to days with `every=1D` `how=last`.",
        )
    half = ", half days with fewer bars" if clock.bars > 1 else ""
    report.say("calendar", f"sessions are those of {calendar}, also the ones to come{half}")
    days = to_local(rows.times, clock.tz).astype("datetime64[D]")
    _say_other_days(calendar, days, rows, table, report)
    _say_missing_sessions(calendar, days, rows, bounds, table, report)
    if clock.bars > 1:
        return replace(clock, calendar=calendar)
    return Clock("sessions", "session", calendar=calendar)


def _say_other_days(calendar: str, days: Array, rows: Rows, table: Table, report: Report) -> None:
    """Report rows of days (n,) on which the exchange was closed, of those that its calendar knows."""
    sessions = sessions_of(calendar)
    known = (days >= sessions[0]) & (days <= sessions[-1])
    odd = np.flatnonzero(known & ~np.isin(days, sessions))
    if not len(odd):
        return
    records = rows.record(odd)
    have = "have days" if len(odd) > 1 else "has a day"
    they_are = "they are" if len(odd) > 1 else "it is"
    report.say(
        "not-a-session",
        f"{table.at(records)} {have} on which {calendar} was closed, the first {days[odd[0]]};"
        f" {they_are} kept",
        rows=table.rows(records),
        example=days[odd[0]],
    )


def _say_missing_sessions(
    calendar: str, days: Array, rows: Rows, bounds: Array, table: Table, report: Report
) -> None:
    """Report for each series which sessions between its first and its last day have no row."""
    sessions = sessions_of(calendar)
    for name, (start, stop) in zip(rows.ids, pairwise(bounds), strict=True):
        own = days[start:stop]
        if not len(own):
            continue
        within = (sessions >= own[0]) & (sessions <= own[-1])
        absent = np.setdiff1d(sessions[within], own)
        if not len(absent):
            continue
        before = rows.record(start + np.searchsorted(own, absent[:1]) - 1)
        report.say(
            "missing-session",
            f"{name}: no row for {counted(len(absent), 'session')} of {calendar}, the first"
            f" {absent[0]} after"
            f" {table.at(before).lower()}; nothing is filled in",
            rows=table.rows(before),
            example=absent[0],
        )


def say_other_hours(rows: Rows, clock: Clock, bare: bool, table: Table, report: Report) -> None:
    """Report bars outside of the hours that future sessions are given, as half of the year where no
    zone is given.

    bare: whether stamps have no offset, so that a zone would be that of their hours.
    """
    assert rows.times is not None
    local = to_local(rows.times, clock.tz)
    odd = np.flatnonzero(~in_hours(local, clock))
    if not len(odd):
        return
    place = str(exchange(clock.calendar).tz) if clock.calendar else "America/New_York"
    ends = "; stamps in UTC then have to end in Z" if bare else ""
    moves = f"(`tz={place}` if the clocks of the exchange change{ends})"
    records = rows.record(odd)
    lie = "lie" if len(odd) > 1 else "lies"
    report.say(
        "other-hours",
        f"{table.at(records)} {lie} outside of {_hours(clock)} {clock.tz or 'UTC'}, the hours of"
        " sessions to come",
        rows=table.rows(records),
        example=show(local[odd[0]]),
        remedy="" if clock.tz else moves,
    )


def say_missing_bars(rows: Rows, bounds: Array, clock: Clock, table: Table, report: Report) -> None:
    """Report for the first series that lack bars how many, and after which row of the file the
    first one is absent.
    """
    assert rows.times is not None
    lacking: list[str] = []
    for name, (start, stop) in zip(rows.ids, pairwise(bounds), strict=True):
        stamps, before = missing_bars(to_local(rows.times[start:stop], clock.tz), clock)
        if not len(stamps):
            continue
        lacking.append(name)
        if len(lacking) <= SAID:
            _say_bars_of(name, stamps, rows.record(start + before), table, report)
    if len(lacking) > SAID:
        others = listed(lacking[SAID:])
        report.say(
            "missing-bar",
            f"{len(lacking) - SAID} more series lack bars in sessions: {others}; nothing is filled in",
        )


def _say_bars_of(name: str, stamps: Array, records: Array, table: Table, report: Report) -> None:
    """Report the bars (k,) that one series lacks, by the records before them (k,)."""
    many = f"{len(stamps):,} bars are" if len(stamps) > 1 else "a bar is"
    after = table.at(records[:1]).lower()
    report.say(
        "missing-bar",
        f"{name}: {many} missing in sessions, the first {show(stamps[0])} after {after}; nothing"
        " is filled in",
        rows=table.rows(records),
        example=show(stamps[0]),
    )


def _hours(clock: Clock) -> str:
    """The first and the last bar of a session, such as 09:30 to 15:30, or of each part of it."""
    begins = [0, *(before for before, _ in clock.pauses), clock.bars]
    edges = np.array([(begin, end - 1) for begin, end in pairwise(begins)])
    minutes = begin_of(edges, clock) // 10**9 // 60
    return " and ".join(_part_of_day(part, clock.weekly) for part in minutes.tolist())


def _part_of_day(minutes: Sequence[int], weekly: bool) -> str:
    """The minutes at which a part of a session begins and has its last bar, in words; once where
    they are the same.
    """
    different = dict.fromkeys(minutes)
    return " to ".join(_clock_time(minute, weekly) for minute in different)


def _clock_time(minute: int, weekly: bool) -> str:
    """A minute after midnight as 22:00; of a week, after midnight of its Monday, as Sun 22:00."""
    day, within = divmod(minute, 1440)
    time = f"{within // 60:02}:{within % 60:02}"
    return f"{WEEKDAYS[day % 7]} {time}" if weekly else time


def assumed_sessions(clock: Clock) -> str:
    """When future sessions are assumed: on which weekdays, and at which hours where they are of
    several bars.
    """
    if clock.weekly:
        return f"every week {_hours(clock)}"
    traded = [day for day, open_ in zip(WEEKDAYS, clock.weekmask, strict=True) if open_ == "1"]
    hours = f" {_hours(clock)}" if clock.bars > 1 else ""
    return f"every {' '.join(traded)}{hours}"
