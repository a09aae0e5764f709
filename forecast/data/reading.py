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
import pyarrow.compute as pc

from forecast.data.buckets import How, gather
from forecast.data.checks import look_at_series, look_at_values
from forecast.data.clock import DAY, Clock, clock_of, infer_clock, show
from forecast.data.columns import (
    DATE_NAMES,
    ID_NAMES,
    NUMERIC_TIME_NAMES,
    codes_of,
    kinds_of,
    read_id,
    read_others,
    read_targets,
    read_time,
    with_joined,
)
from forecast.data.exchanges import sessions_of
from forecast.data.findings import SHOWN, Report, listed
from forecast.data.grid import Rows, in_order, on_clock, without_duplicates
from forecast.data.melting import melted
from forecast.data.neighbours import choose_series
from forecast.data.numbers import Decimal, mend, parse_numbers
from forecast.data.panel import Column, Panel, Role, Roles
from forecast.data.sources import as_text, load_table
from forecast.data.stamps import Stamps, part_of
from forecast.data.static import hold, static_values
from forecast.data.tables import Needed, Table
from forecast.data.zones import timezone_of, to_local, to_moments
from forecast.errors import ForecastError, nearest
from forecast.files import Array

Names = str | Sequence[str] | None


@dataclass(frozen=True)
class Choices:
    """How a file is to be read: the arguments of `read`, beside those that name columns."""

    tz: str
    every: str | None
    how: str
    missing: tuple[str, ...]
    circular: tuple[str, ...]
    category: tuple[str, ...]
    decimal: Decimal | None

    @property
    def numbers(self) -> list[float]:
        """The numbers among the signs for missing."""
        found = []
        for sign in self.missing:
            try:
                found.append(float(sign))
            except ValueError:
                continue
        return found


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
    and cosine. dayfirst, decimal: the order of day and month and the decimal mark ("," or "."), where a file leaves them open. calendar: the
    exchange whose sessions trading days are, such as "XNYS" (needs exchange_calendars): those to come are then known, and those of the file are
    compared with it.
    Raises ReadingError, a ForecastError with findings, where the file cannot be read without guessing. What was inferred, noticed and repaired is
    in `panel.findings`.
    """
    if decimal not in (None, ".", ","):
        raise ForecastError(f'A decimal mark is "." or ","; found {decimal!r} for --decimal.')
    if tz:
        timezone_of(tz)  # an unknown zone is refused before anything is read
    if calendar:
        sessions_of(calendar)
    mark: Decimal | None = None if decimal is None else "," if decimal == "," else "."
    choices = Choices(tz or "", every, how, tuple(_texts(missing)), tuple(_texts(circular)), tuple(_texts(category)), mark)
    wanted, newer = None if every is None else clock_of(every), clock is not None
    report = Report()
    table = load_table(source, report, _needed(target, time, id, past, future, static), ID_NAMES)
    if not table.columns or not table.count:
        report.refuse("no-rows", f"{table.where} holds no rows.", remedy="A table with a header and at least some dozens of rows is needed.")
    kinds, found = kinds_of(table), table
    if not {*_texts(time), *_texts(target)} & set(table.columns):
        table = melted(table, kinds, _named_by(id), report)
    table = with_joined(table, id, report)
    kinds = kinds if table is found else kinds_of(table)
    names, stamps = read_time(table, kinds, time, dayfirst, report)
    if stamps is not None:
        table, stamps = _without_empty_rows(table, stamps, report)
        _say_stamps(table, names, stamps, report)
    else:
        _refuse_unread_stamps(
            table, [name for name, kind in kinds.items() if kind == "text" and name not in (id, *_texts(past), *_texts(future))], report
        )
        report.say("time", "no time column: rows are taken as steps in the order of the file")
    ident = read_id(table, kinds, id, names, stamps, report)
    table = with_joined(table, ident, report)
    owner, ids = _series(table, ident, report)
    beside = [*_texts(past), *_texts(future), *_texts(static)]
    asked = [*_texts(target), *beside]
    free = {name: kind for name, kind in kinds.items() if name not in (*names, *_named_by(ident))}
    numbers = [name for name, kind in free.items() if kind == "number" or (kind == "empty" and name in asked)]
    text = [name for name, kind in free.items() if kind == "text" or (name in choices.category and kind != "other")]
    targets = read_targets(target, [name for name in numbers if name not in beside], text, table, report)
    if ident is not None and len(targets) > 1:
        report.refuse(
            "which-target",
            f"{table.where} has a series column {ident!r}, so it has one target; found {', '.join(targets)}.",
            remedy="Name one with --target.",
        )
    ahead = read_others("future", future, numbers, text, targets, report)
    if past is not None:
        extra = read_others("past", past, numbers, text, targets, report)
    else:
        extra = [name for name in numbers if name not in targets] if len(targets) == 1 else []
    fixed = read_others("static", static, numbers, [name for name in text if name not in ahead], [*targets, *ahead], report)
    extra = [name for name in extra if name not in (*ahead, *fixed)]
    left = [name for name, kind in free.items() if kind in ("text", "stamp", "other") and name not in (*extra, *ahead, *fixed)]
    if left:
        report.say("text", f"columns that are not numbers are left out: {listed(left, 20)}")
    void = [name for name, kind in free.items() if kind == "empty" and name not in asked]
    if void:
        report.say("empty-column", f"columns without any value are left out: {listed(void, 20)}")

    rest = {name: table.columns[name] for name in left if kinds[name] == "text"}
    taken, table = dict(table.columns), replace(table, columns=rest)  # handed over, so that each is let go once it is in `values`
    choices = replace(choices, category=_categories([*extra, *ahead, *fixed], text, choices, report))
    roles_of: dict[str, Role] = {**dict.fromkeys(targets, "target"), **dict.fromkeys(extra, "past"), **dict.fromkeys(ahead, "future")}
    roles_of |= dict.fromkeys(fixed, "static")
    values, columns, decimal_found = _values(table, taken, roles_of, choices, report)
    ids = ids or (targets[0],)
    zone, dates, times = "", False, None
    if stamps is not None:
        times, zone, dates = _moments(table, stamps, choices, owner, clock if wanted is None else None, values, report)
    rows = Rows(ids, owner, times, values)
    if times is not None and np.isnat(times).any():  # rows of a local time that does not exist and hold nothing
        rows = rows.take(np.flatnonzero(~np.isnat(times)))
    rows = in_order(rows, table, report)
    told = static_values(rows, columns, newer, table, report)
    if wanted is not None:
        own: dict[int, How] = {i: "last" for i, column in enumerate(columns) if column.names is not None or column.role == "static"}
        own |= {i: "mean" for i, column in enumerate(columns) if column.name.endswith(("_sin", "_cos")) and column.name[:-4] in choices.circular}
        rows = gather(rows, wanted, how, own, tz or zone, table, report)
        clock = clock or _clock_of_buckets(rows, wanted, zone)
        dates = wanted.dated
    else:
        others = {i: column.name for i, column in enumerate(columns) if column.role != "target"}
        rows = without_duplicates(rows, zone, table, report, others)
    rows, bounds, clock = on_clock(rows, clock, zone, dates, table, report)
    hold(rows.values, columns, bounds, told)
    if calendar:
        clock = _on_exchange(calendar, rows, bounds, clock, table, report)
    panel = _panel(rows, bounds, clock, targets, columns)
    _describe(panel, targets, extra, ahead, names, ident, report)
    look_at_series(panel, report, newer=newer)
    roles = Roles(
        names[0] if len(names) == 1 else names or None,
        ident,
        tuple(targets),
        tuple(extra),
        tuple(ahead),
        choices.category,
        static=tuple(fixed),
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


def _chosen(panel: Panel, series: Names, neighbours: Names, newer: bool, report: Report) -> Panel:
    """The panel of the series that are forecast, with their neighbours; its findings, and the roles by which the next file is read."""
    assert panel.roles is not None
    made = choose_series(panel, _texts(series), _texts(neighbours), newer, report)
    others = tuple(column.name.removeprefix(f"{panel.target}@") for column in made.columns[len(panel.columns) :])
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
        wanted = {*_texts(target), *_texts(time), *_texts(ident), *(name for names in others for name in _texts(names))}
        if target is None or others[0] is None or "all" in wanted or not wanted & set(kinds):
            return set(kinds)
        parts = {part for name in (*_texts(time), *_texts(ident)) for part in re.split(r"\s*,\s*", name)}
        return {
            name
            for name, kind in kinds.items()
            if kind != "number" or name in wanted | parts or name.lower() in (*NUMERIC_TIME_NAMES, *ID_NAMES) or part_of(name)
        }

    return needed


def _without_empty_rows(table: Table, stamps: Stamps, report: Report) -> tuple[Table, Stamps]:
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
            "no-rows", f"{table.where} has rows, but no value in any of them.", remedy="Check the delimiter and which columns were written."
        )
    report.say("empty-rows", f"{table.at(np.flatnonzero(void)).lower()} without any value {'is' if void.sum() == 1 else 'are'} left out")
    place = np.cumsum(~void) - 1

    kept = replace(stamps, wall=stamps.wall[~void], bad=place[stamps.bad], outside=place[stamps.outside])
    if stamps.offset is not None and stamps.zoned is not None:
        kept = replace(kept, offset=stamps.offset[~void], zoned=stamps.zoned[~void])
    return table.keep(~void), kept


def _say_stamps(table: Table, names: tuple[str, ...], stamps: Stamps, report: Report) -> None:
    """How the stamps were read; cells that are none, or that leave their meaning open, are errors."""
    where = f"column {names[0]!r}" if len(names) == 1 else f"columns {', '.join(names)}"

    def cell(row: int) -> str:
        cells = [table.columns[name][row].as_py() for name in names]
        return " ".join("" if one is None else f"{one:.0f}" if isinstance(one, float) and one.is_integer() else str(one) for one in cells)

    def complain(code: str, rows: Array, what: str, remedy: str) -> None:
        if len(rows):
            report.say(
                code,
                f"{table.at(rows[:1])} {what} in {where}{f': found {cell(rows[0])!r}' if cell(rows[0]) else ''} ({len(rows):,} such rows).",
                rows=table.rows(rows[:SHOWN]),
                example=cell(rows[0]),
                remedy=remedy,
            )

    if stamps.clash is not None:
        day, month = stamps.clash
        report.say(
            "mixed-day-first",
            f"{table.at([day])} can only be day-first ({cell(day)}) and {table.at([month]).lower()} only month-first ({cell(month)}) in {where}.",
            rows=table.rows(stamps.clash),
            example=cell(day),
            remedy="Write them in one order, best as 2013-01-31.",
        )
        report.stop()
    complain("unreadable-stamp", stamps.bad, "has no readable stamp", "Mend or remove it.")
    complain("out-of-range", stamps.outside, "has a stamp outside of the years 1678 to 2261", "Mend or remove it.")
    missing = np.setdiff1d(np.flatnonzero(np.isnat(stamps.wall)), [*stamps.bad, *stamps.outside])
    complain("missing-stamp", missing, "has no stamp", "Fill it in, or remove the row.")
    if stamps.zoned is not None:
        bare = np.flatnonzero(~stamps.zoned & ~np.isnat(stamps.wall))
        complain("mixed-zones", bare, "says no offset from UTC while other rows do", "Write all stamps with an offset, or all without and name --tz.")
    report.stop()
    if stamps.first:
        order = f"the {stamps.first} first"
        if stamps.tie:
            report.say(
                "ambiguous-day-first",
                f"stamps in {', '.join(names)}: no row tells day and month apart; {order} is assumed ({cell(0)} is {show(stamps.wall[0])})",
                rows=table.rows([0]),
                example=cell(0),
                remedy=f"(--{'monthfirst' if stamps.dayfirst else 'dayfirst'} if not)",
            )
        else:
            report.say("day-first", f"stamps in {', '.join(names)}: {order}, as {cell(0)} is {show(stamps.wall[0])}", example=cell(0))
    elif stamps.form not in ("timestamps", "dates", "year-month-day"):
        report.say("time-format", f"stamps in {', '.join(names)}: read as {stamps.form}, {cell(0)} is {show(stamps.wall[0])}", example=cell(0))


def _refuse_unread_stamps(table: Table, text: list[str], report: Report) -> None:
    """A column of text with a year in its cells or called date, each its own, is one of stamps in a form that is not known here."""
    for name in text:
        cells = pc.cast(table.columns[name].drop_null(), pa.string())
        dated = pc.match_substring_regex(cells, r"\d" if name.lower() in (*DATE_NAMES, "time") else r"(?:^|\D)(?:1[89]|20)\d\d(?:\D|$)")
        if pc.mean(dated).as_py() >= 0.9 and pc.count_distinct(cells).as_py() >= 0.9 * table.count > 2:
            report.refuse(
                "unreadable-stamp",
                f"Column {name!r} seems to hold stamps, of which none can be read: found {cells[0].as_py()!r}.",
                example=cells[0].as_py(),
                remedy="Write them as 2013-01-31 06:00, with an offset such as +01:00 in place of a zone's name; or remove the column.",
            )


def _series(table: Table, ident: str | None, report: Report) -> tuple[Array, tuple[str, ...]]:
    """The number of each row's series, and the names; without a column of them one series, whose name is that of the target."""
    if ident is None:
        return np.zeros(table.count, "int8"), ()
    series, ids = codes_of(table.columns[ident])
    nameless = np.flatnonzero(series < 0)
    if len(nameless):
        report.refuse(
            "missing-id",
            f"{table.at(nameless[:1])} names no series in column {ident!r} ({len(nameless):,} such rows).",
            rows=table.rows(nameless[:SHOWN]),
            remedy="Fill it in, or remove the row.",
        )
    return series, ids


def _categories(others: list[str], text: list[str], choices: Choices, report: Report) -> tuple[str, ...]:
    """The past, future and static columns whose cells are names: all text, and those that --category names."""
    for name in choices.category:
        if name not in others:
            report.refuse("no-such-column", f"There is no past, future or static column {name!r} for --category.{nearest(name, others)}")
    return tuple(name for name in others if name in text)


def _values(
    table: Table, taken: dict[str, pa.ChunkedArray], roles: Mapping[str, Role], choices: Choices, report: Report
) -> tuple[Array, list[Column], str | None]:
    """float64 (n, C) in the order of the file, its columns, and the decimal mark of text where one was seen."""
    others = [name for name, role in roles.items() if role != "target" and name not in choices.category]
    for name in choices.circular:
        if roles.get(name) == "target":
            report.refuse("not-an-angle", f"Column {name!r} is the target and cannot be --circular as well.", remedy="Name another column.")
        if name not in others:
            report.refuse("no-such-column", f"There is no past, future or static column {name!r} of numbers for --circular.{nearest(name, others)}")
    columns: list[Column] = []
    parts: list[Array] = []
    decimal: str | None = None
    for name, role in roles.items():
        if name in choices.category:
            empty = ("",) if role == "static" else ()  # what is left empty of a whole series is not known
            codes, names = _codes(name, taken.pop(name), (*choices.missing, *empty), report)
            columns.append(Column(name, role, names))
            parts.append(codes)
            continue
        column, mark = _floats(table, name, taken.pop(name), choices, report)
        decimal = decimal or mark
        look_at_values(name, column, table, report)
        if name in choices.circular:
            angle = np.deg2rad(_angles(name, column, table, report))
            columns += [Column(f"{name}_sin", role), Column(f"{name}_cos", role)]
            with np.errstate(invalid="ignore"):  # infinite ones are errors already
                parts += [np.sin(angle), np.cos(angle)]
        else:
            columns.append(Column(name, role))
            parts.append(column)
    report.stop()
    pa.default_memory_pool().release_unused()
    values = np.empty((table.count, len(columns)))
    for start in range(0, table.count, 1 << 14):  # block by block, so that a row's values are written while they are near
        for j, part in enumerate(parts):
            values[start : start + (1 << 14), j] = part[start : start + (1 << 14)]
    return values, columns, decimal


def _codes(name: str, column: pa.ChunkedArray, missing: tuple[str, ...], report: Report) -> tuple[Array, tuple[str, ...]]:
    """The number of each cell's name float64 (n,), NaN where it says missing, and the names; an empty cell has the empty name."""
    codes, names = codes_of(pc.utf8_trim_whitespace(pc.fill_null(as_text(column), "")))
    values = np.where(np.isin(codes, [i for i, one in enumerate(names) if one in missing]), np.nan, codes)
    known = tuple(one or "(empty)" for one in names if one not in missing)
    report.say("category", f"{name}: a category of {len(known)} names ({listed(known)})", example=known[0] if known else "")
    return values, names


def _floats(table: Table, name: str, column: pa.ChunkedArray, choices: Choices, report: Report) -> tuple[Array, str | None]:
    """A column as float64 (n,), NaN where missing, and the decimal mark that its text showed."""
    mark: str | None = None
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type) or pa.types.is_dictionary(column.type):
        read = parse_numbers(column, choices.missing, choices.decimal, "," if table.decimal == "," else None)
        values, mark = read.values, read.decimal
        if read.words:
            report.say("number-format", f"{name}: numbers with {read.words}", example=_first(column, values))
        if len(read.bad):
            cell = str(column[int(read.bad[0])].as_py())
            report.say(
                "text-in-numbers",
                f"{table.at(read.bad[:1])} has no number in column {name!r}: found {cell!r} ({len(read.bad):,} such rows).",
                rows=table.rows(read.bad[:SHOWN]),
                example=cell,
                remedy=mend(cell),
            )
    else:
        if pa.types.is_boolean(column.type):
            column = pc.cast(column, pa.uint8())
        if pa.types.is_integer(column.type):
            _say_overflow(name, column, table, report)
        values = pc.cast(column, pa.float64(), safe=False).to_numpy()
    for number in choices.numbers:
        same = values == number
        if same.any():
            values = np.where(same, np.nan, values)
            report.say("named-missing", f"{name}: {int(same.sum()):,} values of {number:g} are taken as missing, as told", example=f"{number:g}")
    return values, mark


def _say_overflow(name: str, column: pa.ChunkedArray, table: Table, report: Report) -> None:
    """Whole numbers that float64 cannot tell apart."""
    if not (pa.types.is_int64(column.type) or pa.types.is_uint64(column.type)):
        return
    large = pc.greater(column, pa.scalar(2**53, column.type))
    if pa.types.is_int64(column.type):
        large = pc.or_(large, pc.less(column, -(2**53)))
    rows = np.flatnonzero(pc.fill_null(large, False).to_numpy())
    if len(rows):
        report.say(
            "int-overflow",
            f"{name}: {len(rows):,} whole numbers beyond 2^53, of which only the first 15 to 16 digits are kept",
            rows=table.rows(rows[:SHOWN]),
            example=column[int(rows[0])].as_py(),
        )


def _first(column: pa.ChunkedArray, values: Array) -> str:
    """The first cell of a column that is a number."""
    seen = np.flatnonzero(~np.isnan(values))
    return str(column[int(seen[0])].as_py()) if len(seen) else ""


def _angles(name: str, values: Array, table: Table, report: Report) -> Array:
    """A column of degrees; what lies outside of a circle is refused."""
    wrong = np.flatnonzero((values < -360) | (values > 360))
    if len(wrong):
        report.say(
            "not-an-angle",
            f"{table.at(wrong[:1])} has {values[wrong[0]]:g} in the circular column {name!r}, which is no angle in degrees"
            f" ({len(wrong):,} such rows).",
            rows=table.rows(wrong[:SHOWN]),
            example=f"{values[wrong[0]]:g}",
            remedy=f"Say what means missing, such as --missing {values[wrong[0]]:g}, or leave --circular away.",
        )
    else:
        report.say("circular", f"{name}: an angle in degrees, read as its sine and cosine")
    return values


def _moments(
    table: Table, stamps: Stamps, choices: Choices, series: Array, clock: Clock | None, values: Array, report: Report
) -> tuple[Array, str, bool]:
    """(times, zone, whether they are dates); rows without values whose local time does not exist get NaT."""
    moments = to_moments(stamps, choices.tz, series, None if clock is None or clock.kind == "step" else clock.dated)
    times = moments.times
    if moments.missing is not None and len(moments.missing):
        full = moments.missing[~np.isnan(values[moments.missing]).all(axis=1)]
        if len(full):
            report.refuse(
                "nonexistent-time",
                f"{table.at(full[:1])} has the stamp {show(stamps.wall[full[0]])}, which does not exist in {moments.zone}: clocks skip it"
                f" ({len(full):,} such rows).",
                rows=table.rows(full[:SHOWN]),
                example=show(stamps.wall[full[0]]),
                remedy="Leave --tz away if the stamps are no local time, or name a fixed offset such as --tz +01:00.",
            )
        skipped = moments.missing
        report.say(
            "nonexistent-empty",
            f"{table.at(skipped)} without values {'has a stamp that does' if len(skipped) == 1 else 'have stamps that do'} not exist in"
            f" {moments.zone} and {'is' if len(skipped) == 1 else 'are'} left out",
            rows=table.rows(skipped[:SHOWN]),
            example=show(stamps.wall[skipped[0]]),
        )
    if moments.single is not None and len(moments.single):
        single = moments.single
        report.say(
            "ambiguous-time",
            f"{table.at(single)} {'has a local time' if len(single) == 1 else 'have local times'} that the clocks of {moments.zone} show twice, and"
            f" which is there once; the first is taken",
            rows=table.rows(single[:SHOWN]),
            example=show(stamps.wall[single[0]]),
        )
    if moments.dates and (choices.tz or stamps.zone or stamps.offset is not None):
        report.say("zone", f"a step is a day or longer: stamps are dates{f' of {choices.tz or stamps.zone}' if choices.tz or stamps.zone else ''}")
    elif moments.zone:
        known = stamps.zone or stamps.offset is not None
        report.say("zone", f"stamps are {'moments, days are those of' if known else 'local time of'} {moments.zone}; inside they are UTC")
    elif stamps.offset is not None:
        report.say("zone", "stamps say their offset from UTC; inside they are UTC")
    return times, moments.zone, moments.dates


def _clock_of_buckets(rows: Rows, wanted: Clock, zone: str) -> Clock:
    """The clock of gathered rows: the step that was asked for, but sessions where only some weekdays, or hours of them, have readings."""
    wanted = replace(wanted, tz="" if wanted.dated else zone)
    if wanted.kind != "fixed" or wanted.step > DAY:
        return wanted
    assert rows.times is not None
    bounds = rows.bounds()
    found = infer_clock([rows.times[start:stop] for start, stop in pairwise(bounds)], wanted.tz)
    same = found.freq in ("session", "B") if wanted.dated else found.kind == "sessions" and found.freq == wanted.freq
    return found if same else wanted


def _on_exchange(calendar: str, rows: Rows, bounds: Array, clock: Clock, table: Table, report: Report) -> Clock:
    """The clock of the sessions of an exchange; rows on other days, and sessions without a row, are said."""
    if rows.times is None or clock.freq not in ("session", "B"):
        report.refuse("no-trading-days", f"--calendar {calendar} is for trading days, one row a session; these rows are {clock.words}.")
    sessions, days = sessions_of(calendar), rows.times.astype("datetime64[D]")
    report.say("calendar", f"sessions are those of {calendar}, also the ones to come")
    odd = np.flatnonzero(~np.isin(days, sessions) & (days >= sessions[0]) & (days <= sessions[-1]))
    if len(odd):
        records = rows.record(odd)
        report.say(
            "not-a-session",
            f"{table.at(records)} {'have days' if len(odd) > 1 else 'has a day'} on which {calendar} was closed, the first {days[odd[0]]};"
            f" {'they are' if len(odd) > 1 else 'it is'} kept",
            rows=table.rows(records[:SHOWN]),
            example=days[odd[0]],
        )
    for name, (start, stop) in zip(rows.ids, pairwise(bounds), strict=True):
        own = days[start:stop]
        absent = np.setdiff1d(sessions[(sessions >= own[0]) & (sessions <= own[-1])], own) if len(own) else own
        if len(absent):
            row = start + np.searchsorted(own, absent[:1]) - 1
            report.say(
                "missing-session",
                f"{name}: {len(absent):,} sessions of {calendar} have no row, the first {absent[0]} after {table.at(rows.record(row)).lower()};"
                f" nothing is filled in",
                rows=table.rows(rows.record(row)),
                example=absent[0],
            )
    return Clock("sessions", "session", calendar=calendar)


def _panel(rows: Rows, bounds: Array, clock: Clock, targets: list[str], columns: list[Column]) -> Panel:
    """The panel of rows on their clock; with several targets each of their columns is a series, and the other columns stand beside each."""
    assert rows.times is not None
    if len(targets) == 1:
        return Panel(rows.ids, bounds[:-1].astype("int64"), bounds[1:].astype("int64"), rows.times, rows.values, tuple(columns), clock)
    count, length = len(targets), len(rows.times)
    order = sorted(range(count), key=targets.__getitem__)
    values = np.ascontiguousarray(rows.values[:, order].T).reshape(-1, 1)
    if len(columns) > count:
        values = np.concatenate([values, np.tile(rows.values[:, count:], (count, 1))], axis=1)
    stops = length * np.arange(1, count + 1)
    times = np.tile(rows.times, count)
    return Panel(tuple(targets[i] for i in order), stops - length, stops, times, values, (Column("value", "target"), *columns[count:]), clock)


def _edges(panel: Panel) -> tuple[Any, Any]:
    """The first and the last stamp of all series."""
    full = panel.lengths > 0
    return panel.times[panel.starts[full]].min(), panel.times[panel.stops[full] - 1].max()


def _describe(panel: Panel, targets: list[str], extra: list[str], ahead: list[str], time: tuple[str, ...], ident: str | None, report: Report) -> None:
    """What was inferred, in words."""
    clock = panel.clock
    if time:
        zone = "" if clock.dated else f" {clock.tz or 'UTC'}"
        first, last = (show(to_local(np.array([stamp]), clock.tz)[0]) for stamp in _edges(panel))
        report.say("clock", f"stamps in {', '.join(time)}: {clock.words}, {first} to {last}{zone}")
        if clock.assumed:
            days = " ".join(day for day, on in zip(("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"), clock.weekmask, strict=True) if on == "1")
            ends = [(clock.opens + bar * clock.step) // 10**9 // 60 for bar in (0, clock.bars - 1)] if clock.bars > 1 else []
            hours = " " + " to ".join(f"{minute // 60:02}:{minute % 60:02}" for minute in ends) if ends else ""
            report.say("assumed-stamps", f"the dates of future sessions are assumed: every {days}{hours}, holidays are not known")
    report.say("target", f"target {targets[0]}" if len(targets) == 1 else f"targets {', '.join(targets)}: each a series")
    if ident is not None:
        report.say("series", f"series by {ident}: {len(panel.ids)} ({', '.join(panel.ids[:5])}{', ...' if len(panel.ids) > 5 else ''})")
    if extra:
        report.say("past", f"past columns, known up to the origin: {', '.join(extra)} (--past none leaves them out)")
    if ahead:
        rows = Counter((panel.lengths - panel.known()).tolist()).most_common(1)[0][0]
        report.say("future", f"future columns, known over the horizon: {', '.join(ahead)}; the file has them for {rows:,} rows after the last target")
