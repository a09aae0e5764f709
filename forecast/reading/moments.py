"""Stamps as they were read become moments; what was seen is said: their form, cells that are none, hours that do not exist."""

import re
import shlex
import zoneinfo
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from forecast.arrays import Array
from forecast.data.clock import Clock, show
from forecast.data.findings import Report
from forecast.reading.clocks import PLACES, ZONE_OFFSETS, is_hour_name, times_of_day
from forecast.reading.local import Moments, to_moments
from forecast.reading.numbers import numberish
from forecast.reading.roles import DATE_NAMES
from forecast.reading.sources import as_text
from forecast.reading.stamps import EPOCH, EXCEL, MODIFIED, Stamps, parse_text, stampish
from forecast.reading.tables import Table, cell_type, is_text

_OFFSET = re.compile(  # in the name of a column
    r"(?:UTC|GMT)\s?([+-](?!0?0(?::?00)?\b)\d{1,2}(?::?\d{2})?)\b"
)
ZONE_NAMES = ("tz", "timezone", "time_zone", "utc_offset", "zone")
_PLACE = re.compile(r"[A-Z][a-z]+(?:/[A-Z][A-Za-z_-]+)+")
YEAR = np.timedelta64(366, "D")
DAY_LONG = np.timedelta64(1, "D")
HOUR_LONG = np.timedelta64(1, "h")
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
    rows = table.at(np.flatnonzero(void)).lower()
    are = "is" if void.sum() == 1 else "are"
    report.say("empty-rows", f"{rows} without any value {are} left out")
    return table.keep(~void), _kept(stamps, ~void)


def _kept(stamps: Stamps, full: Array) -> Stamps:
    """The stamps of the rows where `full` (n,) holds, among which are all that are bad."""
    place = np.cumsum(full) - 1
    kept = replace(stamps, wall=stamps.wall[full], bad=place[stamps.bad], outside=place[stamps.outside])
    if stamps.offset is not None and stamps.zoned is not None:
        kept = replace(kept, offset=stamps.offset[full], zoned=stamps.zoned[full])
    if stamps.rival is not None:
        kept = replace(kept, rival=stamps.rival[full])
    if stamps.since is not None:
        kept = replace(kept, since=stamps.since[full])
    if stamps.clash:
        kept = replace(kept, clash=tuple(place[[*stamps.clash]].tolist()))
    return kept


@dataclass(frozen=True, eq=False)
class _Column:
    """The columns of stamps of a table, in the words of messages."""

    table: Table
    names: tuple[str, ...]
    report: Report

    @property
    def where(self) -> str:
        """The column, or columns, by name."""
        if len(self.names) == 1:
            return f"column {self.names[0]!r}"
        return f"columns {', '.join(self.names)}"

    def cell(self, row: int) -> str:
        """What a row holds there."""
        return " ".join(_written(self.table.columns[name][int(row)]) for name in self.names)

    def complain(self, code: str, rows: Array, what: str, remedy: str) -> None:
        """Record an error about rows, where there are some."""
        if not len(rows):
            return
        cell = self.cell(rows[0])
        found = f": found {cell!r}" if cell else ""
        many = self.table.many(rows)
        self.report.say(
            code,
            f"{self.table.at(rows[:1])} {what} in {self.where}{found} ({many}).",
            rows=self.table.rows(rows),
            example=cell,
            remedy=remedy,
        )

    def note(self, code: str, row: int, words: str) -> None:
        """Say how stamps were read, with the cell of a row as the example."""
        cell = self.cell(row)
        message = f"stamps in {', '.join(self.names)}: {words}"
        self.report.say(code, message, example=cell)


def _written(scalar: pa.Scalar) -> str:
    """A cell of a column of stamps as text; a whole number without a decimal point.

    A stamp beyond the year 9999, which Python has not, is its number.
    """
    try:
        cell = scalar.as_py()
    except (ValueError, OverflowError):
        return f"{scalar.cast(pa.int64()).as_py()} ({scalar.type})"
    if cell is None:
        return ""
    return f"{cell:.0f}" if isinstance(cell, float) and cell.is_integer() else str(cell)


def say_stamps(table: Table, names: tuple[str, ...], stamps: Stamps, tz: str | None, report: Report) -> None:
    """How the stamps were read; cells that are none, or that leave their meaning open, are errors."""
    column = _Column(table, names, report)
    if stamps.clash:
        _say_clash(column, stamps)
        report.stop()
    _say_unread(column, stamps)
    report.stop()
    hours = bool((stamps.wall != stamps.wall.astype("datetime64[D]")).any())
    if hours and not tz and not stamps.zone and stamps.offset is None:
        _say_zone_in_words(table, names, report)
    if stamps.first:
        _say_order(column, stamps)
        return
    other = _other_days(stamps)
    if other is not None:
        cell = column.cell(other.row)
        taken = f"read as {EXCEL[0]}, {cell} is {show(stamps.wall[other.row])}"
        report.say(
            "ambiguous-day-numbers",
            f"stamps in {', '.join(names)}: {taken}; as {other.form} it is {show(other.moment)}",
            rows=table.rows([other.row]),
            example=cell,
            remedy=other.remedy,
        )
    elif stamps.form not in ("timestamps", "dates", "year-month-day"):
        words = f"read as {stamps.form}, {column.cell(0)} is {show(stamps.wall[0])}"
        column.note("time-format", 0, words)


def _say_clash(column: _Column, stamps: Stamps) -> None:
    """Rows that show that dates are written in two orders, or in another one than was given."""
    rows = stamps.clash
    both = len(rows) > 1
    orders = ("day", "month") if both else (stamps.first,)
    shown = []
    for row, order in zip(rows, orders, strict=True):
        shown.append(f"{column.table.at([row])} can only be {order}-first ({column.cell(row)})")
    if both:
        message = f"{shown[0]} and {shown[1][0].lower()}{shown[1][1:]} in {column.where}."
        remedy = "Write them in one order, best as 2013-01-31."
    else:
        given = "month" if stamps.first == "day" else "day"
        setting = f"`dayfirst={given == 'day'}`"
        message = f"{shown[0]} in {column.where}, where the {given} comes first, as given by {setting} or by the run."
        remedy = f"Mend the row, or leave {setting} out."
    example = column.cell(rows[0])
    column.report.say(
        "mixed-day-first", message, rows=column.table.rows(rows), example=example, remedy=remedy
    )


def _say_unread(column: _Column, stamps: Stamps) -> None:
    """Cells that hold no stamp, or one that cannot be held, or that lack an offset that others have."""
    column.complain("unreadable-stamp", stamps.bad, "has no readable stamp", "Mend or remove it.")
    years = "has a stamp outside of the years 1678 to 2261"
    column.complain("out-of-range", stamps.outside, years, "Mend or remove it.")
    void = np.flatnonzero(np.isnat(stamps.wall))
    missing = np.setdiff1d(void, [*stamps.bad, *stamps.outside])
    column.complain("missing-stamp", missing, "has no stamp", "Fill it in, or remove the row.")
    if stamps.zoned is not None:
        bare = np.flatnonzero(~stamps.zoned & ~np.isnat(stamps.wall))
        column.complain(
            "mixed-zones",
            bare,
            "says no offset from UTC while other rows do",
            "Write all stamps with an offset, or all without and name `tz`.",
        )


def _say_order(column: _Column, stamps: Stamps) -> None:
    """Which of day, month and year comes first, and what else an open order could mean."""
    order = f"the {stamps.first} first"
    if stamps.rival is None:
        column.note("day-first", 0, f"{order}, as {column.cell(0)} is {show(stamps.wall[0])}")
        return
    rows = np.flatnonzero(stamps.rival != stamps.wall)
    row = rows[0]
    cell = column.cell(row)
    table = column.table
    wrong = f"`dayfirst={not stamps.dayfirst}`"
    right = f"`dayfirst={stamps.dayfirst}`"
    column.report.say(
        "ambiguous-day-first",
        f"stamps in {', '.join(column.names)}: no row tells the order of day, month and year;"
        f" {order} is assumed: {cell} is {show(stamps.wall[row])} and not {show(stamps.rival[row])}"
        f" ({table.at(rows).lower()})",
        rows=table.rows(rows),
        example=cell,
        remedy=f"({wrong} if that is wrong, {right} if it is right)",
    )


@dataclass(frozen=True)
class _Other:
    """Another reading of numbers of days: the last row, its name, the stamp there, and what to do."""

    row: int
    form: str
    moment: np.datetime64
    remedy: str


def _other_days(stamps: Stamps) -> _Other | None:
    """Another reading of day numbers of Excel in the future, or so early that they may count from 1970."""
    if stamps.form != EXCEL[0]:
        return None
    last = int(stamps.wall.astype("int64").argmax())  # an empty stamp is the lowest number
    soon = np.datetime64("now") + YEAR
    number = stamps.wall[last] + np.timedelta64(int(EXCEL[2]), "D")  # of the row, as days since 1970
    if stamps.wall[last] > soon:
        moment = number - np.timedelta64(int(MODIFIED[2]), "D")
        return _Other(last, MODIFIED[0], moment, f"(call the column {MODIFIED[1][0]} if they are those)")
    if number < soon:
        return _Other(last, "days since 1970", number, "(write them as 2013-01-31 if they are those)")
    return None


def _say_zone_in_words(table: Table, names: tuple[str, ...], report: Report) -> None:
    """Say the first zone that names, a column of zones or the lines above seem to tell.

    For stamps that are read as UTC.
    """
    for words, zone in _zones_in_words(table, names):
        report.say(
            "zone-in-name",
            f"{words} to say that stamps are of {zone}; they are read as UTC",
            example=zone,
            remedy=f"(`tz={zone}` if they are local time there)",
        )
        return


def _zones_in_words(table: Table, names: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """(who seems to say it, zone): the names of the columns of stamps, then a column of zones, then the notes."""
    for name in names:
        zone = _zone_in(name) or _zone_of_times(table, name)
        if zone:
            yield f"column {name!r} seems", zone
    for name, column in table.columns.items():
        if name.lower() not in ZONE_NAMES:
            continue
        cells = pc.unique(column.drop_null())
        if len(cells) != 1:
            continue
        cell = str(cells[0].as_py())
        for zone in _places(cell) or _OFFSET.findall(f"UTC{cell}"):
            yield f"column {name!r} seems", zone
    for zone in _places(table.notes):
        yield "the lines above the table seem", zone


def _zone_in(name: str) -> str:
    """The zone that a name tells: an offset from UTC, a place, or that of Paris for CET; empty for none."""
    offset = _OFFSET.search(name)
    if offset:
        return offset[1]
    places = _places(name)
    if places:
        return places[0]
    return "Europe/Paris" if _CENTRAL.search(name) else ""


def _zone_of_times(table: Table, name: str) -> str:
    """The zone whose name stands behind the times of day of a column, as in 12:00 AM EST; empty for none."""
    column = table.columns[name]
    if not is_text(column.type):
        return ""
    times = times_of_day(pc.unique(column).to_pylist(), name)
    if times is None or not times.zone:
        return ""
    hours = ZONE_OFFSETS[times.zone]
    known = times.zone if hours is None else f"{hours:+03}:00"
    return PLACES.get(times.zone, known)


def _places(words: str) -> list[str]:
    """The zones such as Europe/Berlin that stand in words."""
    known = zoneinfo.available_timezones() if "/" in words else set()
    return [found for found in _PLACE.findall(words) if found in known and not found.startswith("Etc/")]


def refuse_unread_stamps(table: Table, text: list[str], report: Report) -> None:
    """Refuse a column of text that holds stamps in a form that is not known here.

    It has a year in its cells or is called date, and each of its cells is another one.
    """
    for name in text:
        column = as_text(table.columns[name])
        cells = pc.cast(column.drop_null(), pa.string())
        usual = name.lower() in (*DATE_NAMES, "time")
        dated = pc.match_substring_regex(cells, r"\d" if usual else r"(?:^|\D)(?:1[89]|20)\d\d(?:\D|$)")
        different = pc.count_distinct(cells).as_py()
        if pc.mean(dated).as_py() < 0.9 or not different >= 0.9 * table.count > 2:
            _refuse_half_read(name, column, cells, table, report)
            continue
        read = parse_text(column)
        if 0 < len(read.bad) < len(cells):  # a form is known, but too few are written in it
            odd = column[int(read.bad[0])].as_py()
            rows = table.at(read.bad[:1])
            report.refuse(
                "unreadable-stamp",
                f"{rows} has no stamp in column {name!r} as others there, {read.form}: found {odd!r}"
                f" ({table.many(read.bad)}).",
                rows=table.rows(read.bad),
                example=odd,
                remedy="Write them in one form, best as 2013-01-31 06:00, or remove the rows.",
            )
        cell = cells.filter(dated)[0].as_py()
        report.refuse(
            "unreadable-stamp",
            f"Column {name!r} seems to hold stamps, of which none can be read: found {cell!r}.",
            example=cell,
            remedy="Write them as 2013-01-31 06:00, a zone not by name but as an offset such as +01:00, or left out"
            " and given by `tz`; or remove the column.",
        )


def _refuse_half_read(
    name: str, column: pa.ChunkedArray, cells: pa.ChunkedArray, table: Table, report: Report
) -> None:
    """Refuse a column of text of which at least half of the cells are stamps, and the others none."""
    if len(cells) < 3 or stampish(cells[:300].to_pylist()) < 0.5:
        return
    read = parse_text(column)
    if not 0 < len(read.bad) <= len(cells) / 2:
        return
    odd = column[int(read.bad[0])].as_py()
    report.refuse(
        "unreadable-stamp",
        f"{table.at(read.bad[:1])} has no readable stamp in column {name!r}, where most cells are stamps: found {odd!r}"
        f" ({table.many(read.bad)}).",
        rows=table.rows(read.bad),
        example=odd,
        remedy=f"Mend or remove them; if it is no column of stamps, leave it out: `leave={shlex.quote(name)}`.",
    )


def refuse_unread_hours(
    table: Table, time: tuple[str, ...], stamps: Stamps, ident: str | None, report: Report
) -> None:
    """Refuse days that repeat, where a column of text is called by the hour and its cells are none that are known.

    Each of its names would else be a series of one value a day. ident: the column of series names, as given.
    """
    if (stamps.wall != stamps.wall.astype("datetime64[D]")).any():
        return
    days = stamps.wall.astype("int64")
    if len(np.unique(days)) == len(days):
        return
    for name, column in table.columns.items():
        if name in time or name == ident or not is_hour_name(name) or not is_text(cell_type(column)):
            continue
        cells = as_text(column).combine_chunks().dictionary_encode()
        if cells.null_count or len(np.unique(_pairs(days, cells))) < len(days):
            continue
        different = cells.dictionary.to_pylist()
        if numberish(different) > 0.5 or times_of_day(different, name) is not None:
            continue
        cell = column.drop_null()[0].as_py()
        quoted = shlex.quote(name)
        report.refuse(
            "unreadable-stamp",
            f"Column {name!r} seems to hold the hour of each row, in a form that is not known: found {cell!r}.",
            example=cell,
            remedy=f"Write it as 13:00 or 13, or say with `id={quoted}` that it names series.",
        )


def _pairs(days: Array, cells: pa.DictionaryArray) -> Array:
    """One number for each pair of a day and a cell."""
    _, day = np.unique(days, return_inverse=True)
    codes = cells.indices.to_numpy(zero_copy_only=False)
    return day.astype("int64") * (len(cells.dictionary) + 1) + codes


def read_moments(
    table: Table, stamps: Stamps, tz: str, series: Array, clock: Clock | None, values: Array, report: Report
) -> tuple[Array, str, bool]:
    """(times, zone, whether they are dates); rows without values whose local time does not exist get NaT."""
    dated = None if clock is None or clock.kind == "step" else clock.dated
    moments = to_moments(stamps, tz, series, dated)
    if moments.missing is not None and len(moments.missing):
        void = np.isnan(values[moments.missing]).all(axis=1)
        _refuse_skipped(table, stamps, moments.missing[~void], moments.zone, report)
        _say_skipped(table, stamps, moments.missing, moments.zone, report)
    if moments.single is not None and len(moments.single):
        _say_single(table, stamps, moments.single, moments.zone, report)
    if stamps.form.startswith(EPOCH) and not tz:
        _say_open_midnights(table, stamps, report)
    _say_zone(stamps, tz, moments, report)
    return moments.times, moments.zone, moments.dates


def _refuse_skipped(table: Table, stamps: Stamps, rows: Array, zone: str, report: Report) -> None:
    """Refuse rows with values whose local time does not exist."""
    if not len(rows):
        return
    stamp = show(stamps.wall[rows[0]])
    report.refuse(
        "nonexistent-time",
        f"{table.at(rows[:1])} has the stamp {stamp}, which does not exist in {zone}: clocks skip it"
        f" ({table.many(rows)}).",
        rows=table.rows(rows),
        example=stamp,
        remedy="Leave `tz` away if the stamps are no local time, or name a fixed offset such as `tz=+01:00`.",
    )


def _say_skipped(table: Table, stamps: Stamps, rows: Array, zone: str, report: Report) -> None:
    """Say which rows without values have a local time that does not exist."""
    have = "have stamps that do" if len(rows) > 1 else "has a stamp that does"
    are = "are" if len(rows) > 1 else "is"
    report.say(
        "nonexistent-empty",
        f"{table.at(rows)} without values {have} not exist in {zone} and {are} left out",
        rows=table.rows(rows),
        example=show(stamps.wall[rows[0]]),
    )


def _say_single(table: Table, stamps: Stamps, rows: Array, zone: str, report: Report) -> None:
    """Say which rows have a time that the clocks show twice, and are there once."""
    have = "have local times" if len(rows) > 1 else "has a local time"
    report.say(
        "ambiguous-time",
        f"{table.at(rows)} {have} that the clocks of {zone} show twice, and which is there once;"
        " the first is taken",
        rows=table.rows(rows),
        example=show(stamps.wall[rows[0]]),
    )


def _say_open_midnights(table: Table, stamps: Stamps, report: Report) -> None:
    """Numbers since 1970, a day apart, that are no midnights in UTC: they may be those of a place.

    Where the clocks of the place change in the file the rows lie at two hours, and are refused; at one hour
    this is said, for days would be called by the date in UTC.
    """
    known = np.unique(stamps.wall[~np.isnat(stamps.wall)])
    steps = np.diff(known)
    if not len(steps) or np.median(steps) != DAY_LONG:
        return
    hours = np.unique((known - known.astype("datetime64[D]")) // HOUR_LONG)
    whole = bool((known == known.astype("datetime64[h]")).all())
    if not whole or (len(hours) == 1 and hours[0] == 0):
        return
    if len(hours) == 1:
        report.say(
            "zone-in-name",
            f"each day begins at {hours[0]:02}:00 in UTC and is called by its date there;"
            " numbers since 1970 may be the midnights of a place",
            example=show(known[0]),
            remedy="(`tz=Europe/Madrid`, or whichever place, takes its days)",
        )
    elif len(hours) == 2 and (hours[1] - hours[0]) in (1, 23):
        moved = known[:-1][steps != DAY_LONG]
        row = int(np.flatnonzero(stamps.wall == moved[0])[0])
        report.refuse(
            "off-grid",
            f"Days begin at {hours[0]:02}:00 in UTC and at {hours[1]:02}:00, as the midnights of a place do whose clocks"
            f" change: first after {table.at([row]).lower()}.",
            rows=table.rows([row]),
            example=show(moved[0]),
            remedy="Name the place, such as `tz=Europe/Madrid`: days are then those of it.",
        )


def _say_zone(stamps: Stamps, tz: str, moments: Moments, report: Report) -> None:
    """Say what the zone of stamps was taken to be, where one is known."""
    known = bool(stamps.zone) or stamps.offset is not None
    zone = tz or stamps.zone
    if moments.dates and (zone or known):
        of_zone = f" of {zone}" if zone else ""
        report.say("zone", f"a step is a day or longer: stamps are dates{of_zone}")
    elif moments.zone:
        what = "moments, days are those of" if known else "local time of"
        report.say("zone", f"stamps are {what} {moments.zone}; inside they are UTC")
    elif stamps.form.startswith(EPOCH):
        report.say("zone", "numbers since 1970 are moments in UTC")
    elif stamps.offset is not None:
        report.say("zone", "stamps say their offset from UTC; inside they are UTC")
