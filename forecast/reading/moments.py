"""Stamps as they were read become moments; what was seen is said: their form, cells that are none, hours that do not exist."""

import re
import zoneinfo
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from forecast.arrays import Array
from forecast.data.clock import Clock, show
from forecast.data.findings import Report
from forecast.reading.local import to_moments
from forecast.reading.roles import DATE_NAMES
from forecast.reading.sources import as_text
from forecast.reading.stamps import EXCEL, MODIFIED, Stamps, parse_text
from forecast.reading.tables import Table

_OFFSET = re.compile(
    r"(?:UTC|GMT)\s?([+-](?!0?0(?::?00)?\b)\d{1,2}(?::?\d{2})?)\b"
)  # in the name of a column
ZONE_NAMES = ("tz", "timezone", "time_zone", "utc_offset", "zone")
_PLACE = re.compile(r"[A-Z][a-z]+(?:/[A-Z][A-Za-z_-]+)+")
YEAR = np.timedelta64(366, "D")
_CENTRAL = re.compile(r"\b(?:CET|CEST|MEZ|MESZ)\b", re.IGNORECASE)


def without_empty_rows(table: Table, stamps: Stamps, report: Report) -> tuple[Table, Stamps]:
    """The table without rows that hold nothing at all."""
    unknown = np.isnat(stamps.wall)
    unknown[stamps.bad] = False
    unknown[stamps.outside] = False
    if not unknown.any():
        return table, stamps
    void = unknown.copy()
    for column in table.columns.values():
        empty = pc.is_null(column, nan_is_null=pa.types.is_floating(column.type))
        void &= empty.to_numpy()
    if not void.any():
        return table, stamps
    if void.all():
        report.refuse(
            "no-rows",
            f"{table.where} has rows, but no value in any of them.",
            remedy="Check the delimiter and which columns were written.",
        )
    report.say(
        "empty-rows",
        f"{table.at(np.flatnonzero(void)).lower()} without any value {'is' if void.sum() == 1 else 'are'} left out",
    )
    place = np.cumsum(~void) - 1

    kept = replace(stamps, wall=stamps.wall[~void], bad=place[stamps.bad], outside=place[stamps.outside])
    if stamps.offset is not None and stamps.zoned is not None:
        kept = replace(kept, offset=stamps.offset[~void], zoned=stamps.zoned[~void])
    if stamps.rival is not None:
        kept = replace(kept, rival=stamps.rival[~void])
    if stamps.clash:
        kept = replace(kept, clash=tuple(place[[*stamps.clash]].tolist()))
    return table.keep(~void), kept


def say_stamps(table: Table, names: tuple[str, ...], stamps: Stamps, tz: str | None, report: Report) -> None:
    """How the stamps were read; cells that are none, or that leave their meaning open, are errors."""
    where = f"column {names[0]!r}" if len(names) == 1 else f"columns {', '.join(names)}"

    def cell(row: int) -> str:
        cells = [table.columns[name][row].as_py() for name in names]
        return " ".join(
            "" if one is None else f"{one:.0f}" if isinstance(one, float) and one.is_integer() else str(one)
            for one in cells
        )

    def complain(code: str, rows: Array, what: str, remedy: str) -> None:
        if len(rows):
            report.say(
                code,
                f"{table.at(rows[:1])} {what} in {where}{f': found {cell(rows[0])!r}' if cell(rows[0]) else ''} ({table.many(rows)}).",
                rows=table.rows(rows),
                example=cell(rows[0]),
                remedy=remedy,
            )

    if stamps.clash:
        orders = ("day", "month") if len(stamps.clash) > 1 else (stamps.first,)
        told = {"day": "month", "month": "day"}[orders[0]]
        shown = [
            f"{table.at([row])} can only be {order}-first ({cell(row)})"
            for row, order in zip(stamps.clash, orders, strict=True)
        ]
        report.say(
            "mixed-day-first",
            f"{' and '.join([shown[0], *(one[0].lower() + one[1:] for one in shown[1:])])} in {where}"
            f"{'' if shown[1:] else f', where the {told} comes first, as told by --{told}first or by the run'}.",
            rows=table.rows(stamps.clash),
            example=cell(stamps.clash[0]),
            remedy="Write them in one order, best as 2013-01-31."
            if shown[1:]
            else f"Mend the row, or leave --{told}first out.",
        )
        report.stop()
    complain("unreadable-stamp", stamps.bad, "has no readable stamp", "Mend or remove it.")
    complain(
        "out-of-range", stamps.outside, "has a stamp outside of the years 1678 to 2261", "Mend or remove it."
    )
    missing = np.setdiff1d(np.flatnonzero(np.isnat(stamps.wall)), [*stamps.bad, *stamps.outside])
    complain("missing-stamp", missing, "has no stamp", "Fill it in, or remove the row.")
    if stamps.zoned is not None:
        bare = np.flatnonzero(~stamps.zoned & ~np.isnat(stamps.wall))
        complain(
            "mixed-zones",
            bare,
            "says no offset from UTC while other rows do",
            "Write all stamps with an offset, or all without and name --tz.",
        )
    report.stop()
    hours = bool((stamps.wall != stamps.wall.astype("datetime64[D]")).any())
    if hours and not tz and not stamps.zone and stamps.offset is None:
        _say_zone_in_words(table, names, report)
    if stamps.first:
        order = f"the {stamps.first} first"
        if stamps.rival is not None:
            open_ = np.flatnonzero(stamps.rival != stamps.wall)
            report.say(
                "ambiguous-day-first",
                f"stamps in {', '.join(names)}: no row tells the order of day, month and year; {order} is assumed:"
                f" {cell(open_[0])} is {show(stamps.wall[open_[0]])} and not {show(stamps.rival[open_[0]])} ({table.at(open_).lower()})",
                rows=table.rows(open_),
                example=cell(open_[0]),
                remedy=f"(--{'monthfirst' if stamps.dayfirst else 'dayfirst'} if that is wrong, --{'dayfirst' if stamps.dayfirst else 'monthfirst'}"
                " if it is right)",
            )
        else:
            report.say(
                "day-first",
                f"stamps in {', '.join(names)}: {order}, as {cell(0)} is {show(stamps.wall[0])}",
                example=cell(0),
            )
    elif (rival := _other_days(stamps)) is not None:
        row, form, moment, remedy = rival
        report.say(
            "ambiguous-day-numbers",
            f"stamps in {', '.join(names)}: read as {EXCEL[0]}, {cell(row)} is {show(stamps.wall[row])}; as {form} it is {show(moment)}",
            rows=table.rows([row]),
            example=cell(row),
            remedy=remedy,
        )
    elif stamps.form not in ("timestamps", "dates", "year-month-day"):
        report.say(
            "time-format",
            f"stamps in {', '.join(names)}: read as {stamps.form}, {cell(0)} is {show(stamps.wall[0])}",
            example=cell(0),
        )


def _other_days(stamps: Stamps) -> tuple[int, str, Any, str] | None:
    """(last row, another reading, its stamp, what to do) of day numbers of Excel in the future, or so early that they may count from 1970."""
    if stamps.form != EXCEL[0]:
        return None
    last, now = (
        int(stamps.wall.astype("int64").argmax()),
        np.datetime64("now"),
    )  # an empty stamp is the lowest number
    since = stamps.wall[last] + np.timedelta64(int(EXCEL[2]), "D")
    if stamps.wall[last] > now + YEAR:
        return (
            last,
            MODIFIED[0],
            since - np.timedelta64(int(MODIFIED[2]), "D"),
            f"(call the column {MODIFIED[1][0]} if they are those)",
        )
    if since < now + YEAR:
        return last, "days since 1970", since, "(write them as 2013-01-31 if they are those)"
    return None


def _say_zone_in_words(table: Table, names: tuple[str, ...], report: Report) -> None:
    """Say which zone the names of the columns of stamps seem to tell, or else a column of zones or the lines above, where stamps are read as UTC."""
    told = [(f"column {name!r} seems", zone) for name in names if (zone := _zone_in(name))]
    for name, column in table.columns.items():
        if name.lower() in ZONE_NAMES and len(cells := pc.unique(column.drop_null())) == 1:
            cell = str(cells[0].as_py())
            told += [
                (f"column {name!r} seems", zone) for zone in (_places(cell) or _OFFSET.findall(f"UTC{cell}"))
            ]
    told += [("the lines above the table seem", zone) for zone in _places(table.notes)]
    for words, zone in told[:1]:
        report.say(
            "zone-in-name",
            f"{words} to say that stamps are of {zone}; they are read as UTC",
            example=zone,
            remedy=f"(--tz {zone} if they are local time there)",
        )


def _zone_in(name: str) -> str:
    """The zone that a name tells: an offset from UTC, a place, or that of Paris for CET; empty where it tells none."""
    offset = _OFFSET.search(name)
    return offset[1] if offset else next(iter(_places(name)), "Europe/Paris" if _CENTRAL.search(name) else "")


def _places(words: str) -> list[str]:
    """The zones such as Europe/Berlin that stand in words."""
    known = zoneinfo.available_timezones() if "/" in words else set()
    return [found for found in _PLACE.findall(words) if found in known and not found.startswith("Etc/")]


def refuse_unread_stamps(table: Table, text: list[str], report: Report) -> None:
    """A column of text with a year in its cells or called date, each its own, is one of stamps in a form that is not known here."""
    for name in text:
        cells = pc.cast(table.columns[name].drop_null(), pa.string())
        dated = pc.match_substring_regex(
            cells, r"\d" if name.lower() in (*DATE_NAMES, "time") else r"(?:^|\D)(?:1[89]|20)\d\d(?:\D|$)"
        )
        if pc.mean(dated).as_py() >= 0.9 and pc.count_distinct(cells).as_py() >= 0.9 * table.count > 2:
            read, cell = parse_text(as_text(table.columns[name])), cells.filter(dated)[0].as_py()
            if 0 < len(read.bad) < len(cells):  # a form is known, but too few are written in it
                odd = as_text(table.columns[name])[int(read.bad[0])].as_py()
                report.refuse(
                    "unreadable-stamp",
                    f"{table.at(read.bad[:1])} has no stamp in column {name!r} as others there, {read.form}: found {odd!r} ({table.many(read.bad)}).",
                    rows=table.rows(read.bad),
                    example=odd,
                    remedy="Write them in one form, best as 2013-01-31 06:00, or remove the rows.",
                )
            report.refuse(
                "unreadable-stamp",
                f"Column {name!r} seems to hold stamps, of which none can be read: found {cell!r}.",
                example=cell,
                remedy="Write them as 2013-01-31 06:00, a zone not by name but as an offset such as +01:00 or by --tz Europe/Paris; or remove the"
                " column.",
            )


def read_moments(
    table: Table, stamps: Stamps, tz: str, series: Array, clock: Clock | None, values: Array, report: Report
) -> tuple[Array, str, bool]:
    """(times, zone, whether they are dates); rows without values whose local time does not exist get NaT."""
    moments = to_moments(stamps, tz, series, None if clock is None or clock.kind == "step" else clock.dated)
    times = moments.times
    if moments.missing is not None and len(moments.missing):
        full = moments.missing[~np.isnan(values[moments.missing]).all(axis=1)]
        if len(full):
            report.refuse(
                "nonexistent-time",
                f"{table.at(full[:1])} has the stamp {show(stamps.wall[full[0]])}, which does not exist in {moments.zone}: clocks skip it"
                f" ({table.many(full)}).",
                rows=table.rows(full),
                example=show(stamps.wall[full[0]]),
                remedy="Leave --tz away if the stamps are no local time, or name a fixed offset such as --tz +01:00.",
            )
        skipped = moments.missing
        report.say(
            "nonexistent-empty",
            f"{table.at(skipped)} without values {'has a stamp that does' if len(skipped) == 1 else 'have stamps that do'} not exist in"
            f" {moments.zone} and {'is' if len(skipped) == 1 else 'are'} left out",
            rows=table.rows(skipped),
            example=show(stamps.wall[skipped[0]]),
        )
    if moments.single is not None and len(moments.single):
        single = moments.single
        report.say(
            "ambiguous-time",
            f"{table.at(single)} {'has a local time' if len(single) == 1 else 'have local times'} that the clocks of {moments.zone} show twice, and"
            f" which is there once; the first is taken",
            rows=table.rows(single),
            example=show(stamps.wall[single[0]]),
        )
    if moments.dates and (tz or stamps.zone or stamps.offset is not None):
        report.say(
            "zone",
            f"a step is a day or longer: stamps are dates{f' of {tz or stamps.zone}' if tz or stamps.zone else ''}",
        )
    elif moments.zone:
        known = stamps.zone or stamps.offset is not None
        report.say(
            "zone",
            f"stamps are {'moments, days are those of' if known else 'local time of'} {moments.zone}; inside they are UTC",
        )
    elif stamps.offset is not None:
        report.say("zone", "stamps say their offset from UTC; inside they are UTC")
    return times, moments.zone, moments.dates
