"""What the columns of a table are for: time, series, target, past. Decided by names and types;
where two would do, the user is asked.
"""

import datetime
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from forecast.arrays import Array
from forecast.data.clock import even_step, show
from forecast.data.findings import Report, listed, visible
from forecast.data.options import as_list, split_names
from forecast.data.panel import Role, natural_order
from forecast.errors import nearest
from forecast.reading.clocks import clock_times, is_hour_name
from forecast.reading.numbers import MISSING, mend, numberish, parse_numbers
from forecast.reading.sources import FILE_ID, as_text
from forecast.reading.stamps import (
    DAY_NUMBERS,
    PART_NAMES,
    Stamps,
    join_parts,
    month_of,
    parse_stamps,
    part_of,
    stampish,
    stamps_across,
    with_zone_of,
)
from forecast.reading.tables import Table, cell_type, is_number, is_text

DATE_NAMES = (
    "ds",
    "date",
    "datetime",
    "date_time",
    "date time",
    "timestamp",
    "valid_time",
    "observation_date",
    "datum",
    "mess_datum",
    "fecha",
)
TIME_NAMES = (*DATE_NAMES, "zeit", "time", "time_hour", "day", "month", "period")
ID_NAMES = (
    "unique_id",
    "id",
    "series",
    "series_id",
    "station",
    "station_id",
    "stations_id",
    "location_id",
    "symbol",
    "ticker",
    "item_id",
    "name",
)
MINUTE = 60 * 10**9  # ns
PLACE_NAMES = (("latitude", "longitude"), ("lat", "lon"), ("lat", "lng"), ("lat", "long"))
SOME = 100  # rows in which a column that counts shows that it does
COUNTER_NAMES = (
    "no",
    "nr",
    "number",
    "index",
    "idx",
    "id",
    "row",
    "rownum",
    "row_number",
    "record",
    "n",
    "#",
)
FEWEST_COUNTED = 10  # rows from which on a column of such a name counts them
MANY_COUNTED = 100  # rows from which on any column does
NUMBERS_AMONG_NAMES = (
    0.5  # share of cells that begin as numbers from which on a column of text holds no names
)
TARGET_NAMES = ("y", "target", "value", "close", "adj close", "price", "temperature", "temp", "temp_c")
COMPACT_NAMES = (
    "yyyymmdd",
    "yyyymm",
    "yyyymmddhh",
    "yyyymmddhhmm",
    "aaaammjj",
    "aaaamm",
    "aaaammjjhh",
    "aaaammjjhhmn",
)
DAY_NAMES = tuple(name for _, names, *_ in DAY_NUMBERS for name in names)
NUMERIC_TIME_NAMES = (
    *TIME_NAMES,
    "epoch",
    "unix",
    "unixtime",
    "unix_time",
    "year",
    "yr",
    *COMPACT_NAMES,
    *DAY_NAMES,
)


def kinds_of(table: Table) -> dict[str, str]:
    """number, stamp, text or empty for each column, by its type or by a sample of its text."""
    return {name: _kind(name, column) for name, column in table.columns.items()}


def _kind(name: str, column: pa.ChunkedArray) -> str:
    kind = cell_type(column)
    if column.null_count == len(column):
        return "empty"
    if is_number(kind) or pa.types.is_boolean(kind):
        return "number"
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        return "stamp"
    if not is_text(kind):
        return "other"
    known = column.drop_null()
    cells = pc.cast(
        known.take(pa.array(np.linspace(0, len(known) - 1, min(300, len(known))).astype("int64"))),
        pa.string(),
    ).to_pylist()
    usual = name.lower() in TIME_NAMES
    numeric = numberish(cells)
    if (usual or numeric < 0.9) and stampish(cells[:100]) > (0.5 if usual else 0.9):
        return "stamp"
    if numeric < 0.5 and _void(column, cells):
        return "empty"
    return "number" if numeric >= 0.5 else "text"


def _void(column: pa.ChunkedArray, some: Sequence[str]) -> bool:
    """Whether a column holds one sign of missing and nothing else; of several such they may be
    names. some: of its cells.
    """
    signs = {cell.strip() for cell in some} - {""}
    return (
        len(signs) < 2
        and signs.issubset(MISSING)
        and {str(cell).strip() for cell in pc.unique(column.drop_null()).to_pylist()} <= {"", *signs}
    )


def named(table: Table, name: str, flag: str, report: Report) -> str:
    """A column that a flag names; else the nearest ones are said."""
    if name not in table.columns:
        report.refuse(
            "no-such-column", f"There is no column {name!r} for `{flag}`.{nearest(name, table.columns)}"
        )
    kind = table.columns[name].type
    if (
        pa.types.is_nested(kind)
        or pa.types.is_binary(kind)
        or pa.types.is_large_binary(kind)
        or pa.types.is_duration(kind)
    ):
        report.refuse(
            "no-such-column",
            f"Column {name!r} for `{flag}` is of type {kind}, which is no name, number or stamp.",
        )
    return name


def read_time(
    table: Table,
    kinds: dict[str, str],
    time: str | Sequence[str] | None,
    dayfirst: bool | None,
    report: Report,
) -> tuple[tuple[str, ...], Stamps | None]:
    """The columns of stamps and what they hold; none for a table whose rows are steps."""
    if time is not None:
        return _named_time(table, time, dayfirst, report)
    found = [name for name in table.columns if kinds[name] == "stamp"]
    if len(found) > 1:  # the day on which a table was made is no time of its rows
        found = [name for name in found if distinct(table.columns[name]) > 1] or found
    usual = [name for name in found if name.lower() in TIME_NAMES]
    if len(found) > 1 and len(usual) != 1:
        report.refuse(
            "which-time",
            f"Several columns hold stamps: {listed(found, 20)}.",
            remedy="Name the one to use with `time`.",
        )
    if not found:
        return _numeric_time(table, kinds, report)
    chosen = (usual or found)[0]
    _refuse_side_by_side(table, chosen, found, report)
    stamps = parse_stamps(table.columns[chosen], dayfirst)
    return _with_hours(table, kinds, (chosen,), stamps) or ((chosen,), stamps)


def _refuse_side_by_side(table: Table, chosen: str, found: Sequence[str], report: Report) -> None:
    """Tables beside each other, each with a column of stamps of one name, are one table where these
    are the same in all rows.
    """
    for name in found:
        if not re.fullmatch(rf"{re.escape(chosen)} \(\d+\)", name):
            continue
        one, other = (pc.fill_null(as_text(table.columns[column]), "") for column in (chosen, name))
        apart = np.flatnonzero(pc.not_equal(one, other).to_numpy())
        if len(apart):
            row = int(apart[0])
            stamps = [
                show(cell) if isinstance(cell, datetime.date) else str(cell)
                for cell in (table.columns[c][row].as_py() for c in (chosen, name))
            ]
            report.refuse(
                "which-time",
                f"Two columns of stamps are called {chosen}, and differ in {len(apart):,} rows,"
                f" first in {table.at([row]).lower()}:"
                f" {stamps[0]} and {stamps[1]}.",
                rows=table.rows(apart),
                example=stamps[1],
                remedy="Tables stand side by side: give each a file of its own, or join them by"
                " their stamps.",
            )


def _named_time(
    table: Table, time: str | Sequence[str], dayfirst: bool | None, report: Report
) -> tuple[tuple[str, ...], Stamps]:
    """The columns that `time` names: one, or several that hold a part each."""
    given = (time,) if isinstance(time, str) else tuple(time)
    names = tuple(named(table, name, "time", report) for name in split_names(given, table.columns))
    if len(names) == 1:
        return names, _only_time(table, names[0], dayfirst, report)
    parts = {name: _part(table, name) or _hours(table.columns[name]) for name in names}
    dates = [name for name in names if parts[name] is None]
    known = dict(part for part in parts.values() if part is not None)
    if len(dates) == 1 and not {"year", "month", "day", "doy"} & set(known):
        stamps = join_parts(known, parse_stamps(table.columns[dates[0]], dayfirst))
        for name in names:
            if name != dates[0]:
                stamps = with_zone_of(stamps, table.columns[name], name)
        return names, stamps
    for name in dates:
        if part_of(name):
            _refuse_part(table, name, report)
    if dates or "year" not in known or len(known) != len(names):
        called = ", ".join(f"{part} ({' '.join(usual[:3])})" for part, usual in PART_NAMES.items())
        report.refuse(
            "which-time",
            f"The columns {', '.join(names)} of `time` are no parts of a stamp.",
            remedy=f"Name one column, a date and a time of day, or parts that are called {called}.",
        )
    return names, join_parts(known)


def _only_time(table: Table, name: str, dayfirst: bool | None, report: Report) -> Stamps:
    """What the one column of stamps holds; times of day without a date, and numbers, are refused."""
    column = table.columns[name]
    if pa.types.is_time(column.type):
        report.refuse(
            "which-time",
            f"Column {name!r} holds times of day without a date.",
            remedy="Name both with `time`, the date first.",
        )
    stamps = parse_stamps(column, dayfirst, name)
    if stamps.form == "numbers":
        first = _example(column)
        report.refuse(
            "unreadable-stamp",
            f"Column {name!r} holds numbers ({first} first), not stamps.",
            example=first,
            remedy="Write them as 2013-01-31 or 2013-01-31 06:00.",
        )
    return stamps


def _refuse_part(table: Table, name: str, report: Report) -> None:
    """Name the first cell of a part of a stamp that is no number."""
    bad = parse_numbers(as_text(table.columns[name])).bad
    if len(bad):
        cell = as_text(table.columns[name])[int(bad[0])].as_py()
        report.refuse(
            "unreadable-stamp",
            f"{table.at(bad[:1])} has no number in column {name!r}, a part of the stamp: found"
            f" {cell!r} ({table.many(bad)}).",
            rows=table.rows(bad),
            example=cell,
            remedy="Mend or remove it.",
        )


def _part(table: Table, name: str) -> tuple[str, Array] | None:
    """(part, values) of a column that holds a part of a stamp by its name, or a time of day such as
    13:30; None for any other.
    """
    column = table.columns[name]
    part = (
        "hour"
        if name.lower() == "time"
        else _part_called(name, {name: "number" if is_number(column.type) else "text"})
    )
    if is_number(column.type):
        return None if part is None else (part, pc.cast(column, pa.float64(), safe=False).to_numpy())
    if pa.types.is_time(column.type):
        day = pc.cast(column, pa.time64("ns")).cast(pa.int64())
        return "clock", pc.cast(day, pa.float64()).to_numpy()
    if not is_text(cell_type(column)):
        return None
    if (
        part is not None and numberish([cell or "" for cell in column[:100].to_pylist()]) == 1
    ):  # such as 0030, half past midnight
        read = parse_numbers(column)
        return None if len(read.bad) else (part, read.values)
    codes, cells = codes_of(column)
    if part == "month" and all(map(month_of, cells)):  # January, February ...
        return part, np.array([*map(month_of, cells), np.nan], "float64")[codes]
    if {cell.strip().upper() for cell in cells} in ({"AM"}, {"PM"}, {"AM", "PM"}):
        return "half", np.array([*(float(cell.strip().upper() == "PM") for cell in cells), np.nan])[codes]
    values = clock_times(cells, name)
    return None if values is None else ("clock", np.append(values, np.nan)[codes])


def _part_called(name: str, kinds: Mapping[str, str]) -> str | None:
    """The part of a stamp that a column holds by its name; a period in words is a month, as the BLS
    has it.
    """
    return "month" if name.lower() == "period" and kinds[name] == "text" else part_of(name)


def _hours(column: pa.ChunkedArray) -> tuple[str, Array] | None:
    """Whole numbers up to 24, of a column that was named as a part of a stamp, as hours."""
    if not is_number(column.type):
        return None
    values = pc.cast(column, pa.float64(), safe=False).to_numpy()
    return ("hour", values) if np.isin(values, range(25)).all() else None


def _numeric_time(
    table: Table, kinds: dict[str, str], report: Report
) -> tuple[tuple[str, ...], Stamps | None]:
    """Numbers called time that can be dates or an epoch; else columns of year, month, day, hour;
    else none.
    """
    of_parts = _time_of_parts(table, kinds, report)
    if of_parts is not None:
        return of_parts
    numbers = [name for name in table.columns if kinds[name] == "number"]
    called = _time_by_name(table, kinds, numbers, report)
    if called is not None:
        return called
    return _time_by_values(table, numbers, report)


def _time_of_parts(
    table: Table, kinds: dict[str, str], report: Report
) -> tuple[tuple[str, ...], Stamps] | None:
    """Columns of the year and of what lies within it, joined; None where there are none."""
    parts: dict[str, str] = {}
    for name in table.columns:
        part = _part_called(name, kinds)
        if part and part not in parts and _holds_part(table, kinds, name, part):
            parts[part] = name
    _refuse_odd_months(table, kinds, parts, report)
    within = next((part for part in ("month", "doy", "week", "quarter") if part in parts), None)
    if "year" not in parts or not within:
        return None
    wanted = {"year", within, "hour", "minute", "second"}
    if within == "month":
        wanted.add("day")
    chosen = {part: name for part, name in parts.items() if part in wanted}
    names = tuple(chosen.values())
    stamps = join_parts({part: _floats(table, name) for part, name in chosen.items()})
    return _with_hours(table, kinds, names, stamps) or (names, stamps)


def _holds_part(table: Table, kinds: dict[str, str], name: str, part: str) -> bool:
    """Whether a column that is called so holds a part of a date: numbers, or names of months."""
    if kinds[name] == "number":
        return True
    return part == "month" and kinds[name] == "text" and _part(table, name) is not None


def _time_by_name(
    table: Table, kinds: dict[str, str], numbers: list[str], report: Report
) -> tuple[tuple[str, ...], Stamps] | None:
    """The first column of numbers that is called time and can be read as stamps; those that cannot are reported."""
    for name in numbers:
        if name.lower() not in NUMERIC_TIME_NAMES:
            continue
        stamps = parse_stamps(table.columns[name], name=name)
        counted = stamps.form == "years" and part_of(name) != "year" and name.lower() not in DATE_NAMES
        if counted:
            continue
        if stamps.form not in ("numbers", "nothing"):
            return _with_hours(table, kinds, (name,), stamps) or ((name,), stamps)
        cell = _example(table.columns[name])
        report.say(
            "unread-time",
            f"column {name!r} holds numbers ({cell} first) that are read as no stamps",
            example=cell,
            remedy="(write them as 2013-01-31 or 2013-01-31 06:00 if they are)",
        )
    return None


def _time_by_values(
    table: Table, numbers: list[str], report: Report
) -> tuple[tuple[str, ...], Stamps | None]:
    """The first column of numbers whose values are stamps at steady steps; those that only could be stamps are reported."""
    for name in numbers:
        stamps = parse_stamps(table.columns[name])
        if _steady(stamps):
            return (name,), stamps
        if stamps.form.startswith("yyyymmdd") and distinct(table.columns[name]) > 2:
            cell = _example(table.columns[name])
            report.say(
                "unread-time",
                f"column {name!r} holds numbers ({cell} first) that could be stamps,"
                f" {stamps.form}, and are not read so, for they go back and forth",
                example=cell,
                remedy=f"(`time={shlex.quote(name)}` if they are)",
            )
    return (), None


def _refuse_odd_months(table: Table, kinds: dict[str, str], parts: Mapping[str, str], report: Report) -> None:
    """Name the first cell, beside a year, of a column of names of months that is none."""
    for name in table.columns if "year" in parts and "month" not in parts else ():
        if _part_called(name, kinds) != "month" or kinds[name] != "text":
            continue
        codes, cells = codes_of(table.columns[name])
        odd = [i for i, cell in enumerate(cells) if not month_of(cell)]
        rows = np.flatnonzero(np.isin(codes, odd))
        if 0 < len(odd) < len(cells) / 2:
            report.refuse(
                "unreadable-stamp",
                f"{table.at(rows[:1])} has no month in column {name!r}, beside the year: found"
                f" {cells[codes[rows[0]]]!r} ({table.many(rows)}).",
                rows=table.rows(rows),
                example=cells[codes[rows[0]]],
                remedy="Mend it.",
            )


def _steady(stamps: Stamps) -> bool:
    """Whether numbers of a name that says nothing are stamps: of eight digits and more, none goes
    back, and most steps are one of a minute or longer.

    Numbers that count, such as those of orders, have shorter steps, or look like fewer digits. Rows
    of one stamp may follow each other.
    """
    if not stamps.form.startswith(("yyyymmdd", "epoch")):
        return False
    steps = np.diff(stamps.wall.astype("int64"))
    steps = steps[steps != 0]
    one_way = (steps > 0).all() or (steps < 0).all()
    return bool(
        len(steps) > 1
        and one_way
        and abs(np.median(steps)) >= MINUTE
        and 2 * np.count_nonzero(steps == np.median(steps)) > len(steps)
    )


def _floats(table: Table, name: str) -> Array:
    column = table.columns[name]
    if is_text(cell_type(column)):
        named = _part(table, name)
        return parse_numbers(column).values if named is None else named[1]
    return pc.cast(column, pa.float64(), safe=False).to_numpy()


def _with_hours(
    table: Table, kinds: dict[str, str], chosen: tuple[str, ...], stamps: Stamps
) -> tuple[tuple[str, ...], Stamps] | None:
    """The columns of dates together with one of the time of day, where the dates repeat and there
    is one.
    """
    for part in (stamps.wall[:1000], stamps.wall):  # most columns of hours show it in their first rows
        known = part[~np.isnat(part)].astype("int64")
        if (known % (86_400 * 10**9)).any():
            return None
    if not _repeats(stamps.wall):
        return None
    for name in table.columns:
        called = is_hour_name(name) or part_of(name) in ("hour", "minute")
        if name in chosen or not (called or _clocks(table.columns[name])):
            continue
        found = _part(table, name)
        if found is None:
            continue
        names = (*chosen, name)
        parts = dict([found])
        minute = next(
            (other for other in table.columns if part_of(other) == "minute" and kinds[other] == "number"),
            None,
        )
        if found[0] == "hour" and minute is not None:
            names = (*names, minute)
            parts["minute"] = _floats(table, minute)
        text = [other for other, kind in kinds.items() if kind == "text" and found[0] == "hour"]
        half = next(
            ((other, told) for other in text if (told := _part(table, other)) and told[0] == "half"), None
        )
        if half is not None:
            names = (*names, half[0])
            parts["half"] = half[1][1]
        joined = with_zone_of(join_parts(parts, stamps), table.columns[name], name)
        return None if len(joined.bad) else (names, joined)
    return None


def _clocks(column: pa.ChunkedArray) -> bool:
    """Whether a column holds times of day, or of text begins with them."""
    text = is_text(cell_type(column)) and column.null_count < len(column)
    return pa.types.is_time(column.type) or (text and clock_times(column[:100].to_pylist()) is not None)


def _repeats(times: Array) -> bool:
    """Whether a stamp stands in more than one row."""
    if even_step(times):
        return False
    known = times[~np.isnat(times)] if np.isnat(times[:1]).any() or np.isnat(times).any() else times
    return bool((known[1:] <= known[:-1]).any()) and len(np.unique(known)) < len(known)


def with_joined(table: Table, ident: str | None, report: Report) -> Table:
    """The table with a column that joins those of an `id` such as latitude,longitude, where no
    column has that name.
    """
    if ident is None or ident in table.columns or "," not in ident:
        return table
    parts = [table.columns[named(table, part, "id", report)] for part in split_names(ident, ())]
    return replace(table, columns={**table.columns, ident: joined(parts)})


def distinct(column: pa.ChunkedArray) -> int:
    """How many different names a column has."""
    return pc.count_distinct(as_text(column)).as_py()


def joined(columns: Sequence[pa.ChunkedArray]) -> pa.ChunkedArray:
    """The names of several columns as one, with spaces between them."""
    return pc.binary_join_element_wise(*(pc.fill_null(as_text(column), "") for column in columns), " ")


def read_id(
    table: Table,
    kinds: dict[str, str],
    ident: str | None,
    time: tuple[str, ...],
    stamps: Stamps | None,
    report: Report,
) -> str | None:
    """The column of series names: named, else by its name, else the one text column that tells
    repeated stamps apart.
    """
    if ident is not None:
        return named(table, ident, "id", report)
    others = [name for name in table.columns if name not in time]
    usual = [name for name in others if name.lower() in ID_NAMES and kinds[name] not in ("empty", "other")]
    if stamps is None:
        usual = [
            name for name in usual if kinds[name] == "text" and distinct(table.columns[name]) < table.count
        ]
        choices = usual
    elif FILE_ID in others and kinds[FILE_ID] == "text":
        return FILE_ID
    elif not _repeats(stamps.wall):
        names = [
            name for name in usual if kinds[name] == "text"
        ]  # a name that is another in each row is none
        return next((name for name in names if 1 < distinct(table.columns[name]) < table.count), None)
    else:
        many = table.count >= 1.5 * len(np.unique(stamps.wall))
        text = [name for name in others if kinds[name] == "text"] if many else []
        choices = usual or [name for name in text if _tells_apart(table.columns[name], stamps.wall)]
    place = _place(others)
    if place and not choices and stamps is not None and _repeats(stamps.wall):
        return as_list(place)
    if len(choices) > 1:
        report.refuse(
            "which-id",
            f"Several columns could name the series: {listed(choices, 20)}.",
            remedy="Name one with `id`.",
        )
    return choices[0] if choices else None


def _place(names: Sequence[str]) -> list[str]:
    """The columns of a latitude and a longitude; none where there are not both."""
    for pair in PLACE_NAMES:
        found = [name for name in names if name.lower() in pair]
        if len(found) == 2:
            return found
    return []


def _tells_apart(column: pa.ChunkedArray, times: Array) -> bool:
    """Whether hardly any stamp repeats within the rows of one name."""
    codes, _ = codes_of(column)
    return bool(pd.DataFrame({"name": codes, "time": times}).duplicated().mean() < 0.01)


def codes_of(column: pa.ChunkedArray) -> tuple[Array, tuple[str, ...]]:
    """int64 (n,) numbers of the sorted different names of a column, -1 where missing, and these
    names (S,).
    """
    coded = pc.utf8_trim_whitespace(as_text(column)).combine_chunks().dictionary_encode()
    found = [str(name) for name in coded.dictionary.to_pylist()]
    order = sorted(range(len(found)), key=found.__getitem__)
    place = np.append(np.argsort(order), -1).astype("int64")
    codes = pc.fill_null(coded.indices, len(found)).to_numpy(zero_copy_only=False)
    return place[codes], tuple(visible(found[i]) for i in order)


def refuse_nameless_rows(table: Table, kinds: Mapping[str, str], report: Report) -> None:
    """Refuse a table without a time column across which stamps stand: each row is a series, but no
    number is known to name it.
    """
    numbers = [name for name, kind in kinds.items() if kind == "number"]
    across = stamps_across(numbers)
    if any(name.lower() in TARGET_NAMES for name in numbers):
        return
    if across is None:
        told = stamps_across(numbers, dayfirst=True)
        if told is not None:
            report.refuse(
                "which-time",
                f"{table.where} has {len(told[0])} stamps across, {told[0][0]} to {told[0][-1]},"
                " and none tells the order of day and month.",
                example=told[0][0],
                remedy="Say it with `dayfirst=true` or `dayfirst=false`.",
            )
        return
    names, times = across
    naming = next(
        (name for name in numbers if name not in names and distinct(table.columns[name]) == table.count),
        "NAME",
    )
    report.refuse(
        "which-id",
        f"{table.where} has {len(names)} columns that are stamps, {show(times.min())} to"
        f" {show(times.max())}, so each row seems to be a series,"
        " but no column of text names it.",
        remedy=f"Name the column that does with `id={shlex.quote(naming)}`, or take `target=all`"
        " if each column is a series.",
    )


def read_series(table: Table, ident: str | None, report: Report) -> tuple[Array, tuple[str, ...]]:
    """The number of each row's series, and the names; without a column of them one series, whose
    name is that of the target.
    """
    if ident is None:
        return np.zeros(table.count, "int8"), ()
    codes, found = codes_of(table.columns[ident])
    order = natural_order(found)
    ids = tuple(found[place] for place in order)
    series = np.append(np.argsort(order), -1)[codes]
    nameless = np.flatnonzero(series < 0)
    if len(nameless):
        report.refuse(
            "missing-id",
            f"{table.at(nameless[:1])} names no series in column {ident!r} ({table.many(nameless)}).",
            rows=table.rows(nameless),
            remedy="Fill it in, or remove the row.",
        )
    return series, ids


def read_roles(
    asked: Mapping[Role, list[str] | None],
    kinds: Mapping[str, str],
    category: Sequence[str],
    ident: str | None,
    table: Table,
    report: Report,
) -> tuple[dict[str, Role], tuple[str, ...]]:
    """What columns are for, by their names, and which are categories: all text, and those that are
    said to be.

    asked: the names that a role was given, None for those that are to be found · kinds: of the
    columns that hold neither stamps nor series.
    """
    wanted = {role: names or [] for role, names in asked.items()}
    beside = [*wanted["past"], *wanted["future"], *wanted["static"]]
    known = [*wanted["target"], *beside]
    numbers = [
        name for name, kind in kinds.items() if kind == "number" or (kind == "empty" and name in known)
    ]
    text = [name for name, kind in kinds.items() if kind == "text" or (name in category and kind != "other")]
    named_target = _target_of_names(wanted["target"], text, kinds, category, table, report)
    if named_target:
        targets = [named_target]
    else:
        free = [name for name in numbers if name not in beside]
        targets = _targets(asked["target"], free, text, table, report)
    if ident is not None and len(targets) > 1:
        report.refuse(
            "which-target",
            f"{table.where} has a series column {ident!r}, so it has one target; found {', '.join(targets)}.",
            remedy="Name one with `target`.",
        )
    others = _roles_beside(asked, numbers, text, targets, report)
    _say_left(kinds, [*others, *targets], known, report)
    for name in category:
        if name not in others and name != named_target:
            report.refuse(
                "no-such-column",
                f"There is no past, future or static column {name!r} for"
                f" `category`.{nearest(name, list(others))}",
            )
    categories = tuple(name for name in others if name in text)
    if named_target:
        categories = (named_target, *categories)
    return {**dict.fromkeys(targets, "target"), **others}, categories


def _roles_beside(
    asked: Mapping[Role, list[str] | None],
    numbers: list[str],
    text: list[str],
    targets: list[str],
    report: Report,
) -> dict[str, Role]:
    """The roles of the columns next to the targets: those that were given one, and as past columns,
    where none was named and there is one target, all other numbers.
    """
    future = _others("future", asked["future"] or [], numbers, text, targets, report)
    past = _others("past", asked["past"] or [], numbers, text, targets, report)
    if asked["past"] is None and len(targets) == 1:
        past = [name for name in numbers if name not in targets]
    still = [name for name in text if name not in future]
    static = _others("static", asked["static"] or [], numbers, still, [*targets, *future], report)
    roles: dict[str, Role] = {}
    for name in past:
        if name not in (*future, *static):
            roles[name] = "past"
    roles.update(dict.fromkeys(future, "future"))
    roles.update(dict.fromkeys(static, "static"))
    return roles


def _say_left(kinds: Mapping[str, str], used: Sequence[str], known: Sequence[str], report: Report) -> None:
    """Report columns that are left out: those that are not numbers, and those without any value.

    used: those that have a role · known: those that were named.
    """
    others = ("text", "stamp", "other")
    left = [name for name, kind in kinds.items() if kind in others and name not in used]
    if left:
        report.say("text", f"columns that are not numbers are left out: {listed(left, 20)}")
    void = [name for name, kind in kinds.items() if kind == "empty" and name not in known]
    if void:
        report.say("empty-column", f"columns without any value are left out: {listed(void, 20)}")


def without_row_numbers(
    roles: Mapping[str, Role], categories: Sequence[str], table: Table, owner: Array, report: Report
) -> dict[str, Role]:
    """The roles without past columns that only count the rows, or the series: what they say is
    their place.

    owner (n,): the number of each row's series.
    """
    kept = dict(roles)
    for name, role in roles.items():
        if role != "past" or name in categories:
            continue
        least = FEWEST_COUNTED if name.strip(" ._").lower() in COUNTER_NAMES else MANY_COUNTED
        what = _counted_by(table.columns[name], owner, least)
        if what:
            del kept[name]
            report.say(
                "index-column",
                f"column {name!r} only counts the {what}, and is left out"
                f" (`past={shlex.quote(name)}` keeps it)",
            )
    return kept


def _counted_by(column: pa.ChunkedArray, owner: Array, least: int) -> str:
    """What a column of numbers counts: rows, those of each series, or series; "" where it counts
    none, or has fewer than `least` rows.
    """
    some = _whole_numbers(column[:SOME])
    if some is None or len(np.unique(np.diff(some))) > SOME // 4:
        return ""
    values = _whole_numbers(column)
    if values is None or len(values) < least:
        return ""
    if _counts(values):
        return "rows"
    order = np.argsort(owner, kind="stable")
    grouped = values[order]
    series = owner[order]
    within = np.diff(grouped)[series[1:] == series[:-1]]
    if not len(within) or series[0] == series[-1]:
        return ""
    if (within == 1).all() or (within == -1).all():
        return "rows of each series"
    first = np.sort(np.unique(owner, return_index=True)[1])
    if (within == 0).all() and len(first) > 2 and _counts(values[first]):
        return "series"
    return ""


def _counts(values: Array) -> bool:
    """Whether numbers (n,) go up, or down, by one from each to the next."""
    steps = np.diff(values)
    return bool((steps == 1).all() or (steps == -1).all())


def _whole_numbers(column: pa.ChunkedArray) -> Array | None:
    """A column of whole numbers as float64 (n,); None where a cell is none."""
    if pa.types.is_boolean(column.type):
        return None
    cells = column
    if is_text(cell_type(column)):
        cells = pa.chunked_array([parse_numbers(column).values])
    values = pc.cast(cells, pa.float64(), safe=False).to_numpy()
    if not np.isfinite(values).all() or (values != np.floor(values)).any():
        return None
    return values


def hours_name_ends(table: Table, time: Sequence[str]) -> bool:
    """Whether hours go from 1 to 24, so that a stamp names the end of its hour: 24:00, and no
    00:00.
    """
    for name in time:
        column = table.columns[name]
        found = _part(table, name) or _hours(column)
        if found is None:
            if is_text(cell_type(column)) and _ends_of_day(column):
                return True
            continue
        part, values = found
        known = values[~np.isnan(values)]
        day = {"hour": 24.0, "clock": float(24 * 60 * MINUTE)}.get(part)
        if day is not None and len(known) and known.max() == day and known.min() > 0:
            return True
    return False


def _ends_of_day(column: pa.ChunkedArray) -> bool:
    """Whether stamps of text have 24:00 and never 00:00."""
    late = pc.any(pc.match_substring_regex(column, r"[ T]24:00")).as_py()
    return bool(late) and not pc.any(pc.match_substring_regex(column, r"[ T]00:\d\d")).as_py()


def _target_of_names(
    wanted: Sequence[str],
    text: Sequence[str],
    kinds: Mapping[str, str],
    category: Sequence[str],
    table: Table,
    report: Report,
) -> str | None:
    """The target where its cells are names: text that is not nearly all numbers, true and false, or
    any column that `category` names.
    """
    for name in wanted:
        if name not in kinds:
            continue
        column = table.columns[name]
        spoken = name in category or pa.types.is_boolean(column.type)
        if not spoken and name in text:
            cells = [cell or "" for cell in as_text(column.drop_null()[:1000]).to_pylist()]
            spoken = sum(map(_begins_as_number, cells)) < NUMBERS_AMONG_NAMES * len(cells)
        if not spoken:
            continue
        if len(wanted) > 1:
            others = listed([other for other in wanted if other != name])
            report.refuse(
                "which-target",
                f"Column {name!r} holds names, and a target of names is forecast alone; found"
                f" {others} next to it.",
                remedy=f"Take `target={shlex.quote(name)}`.",
            )
        return name
    return None


def _begins_as_number(cell: str) -> bool:
    """Whether a cell begins as numbers do, such as 12.3A or +0101,5: a value with a flag is no
    name.
    """
    return re.match(r"\s*[-+]?[.,]?\d", cell) is not None


def _targets(
    wanted: list[str] | None, numbers: list[str], text: list[str], table: Table, report: Report
) -> list[str]:
    """The target columns: named, "all", or found by name. numbers, text: the columns that are free."""
    where = table.where
    for name in wanted or ():
        if name in table.columns:
            named(table, name, "target", report)
    if not numbers:
        found = [f"column {name!r} holds {_example(table.columns[name])!r}" for name in text]
        nested = [
            f"column {name!r} is of type {column.type}"
            for name, column in table.columns.items()
            if pa.types.is_nested(column.type)
        ]
        report.refuse(
            "which-target",
            f"{where} has no numeric column, so nothing can be"
            f" forecast{': ' if found or nested else ''}{', '.join([*nested, *found][:3])}.",
            remedy="Write what is in it as columns of numbers, one value a cell."
            if nested
            else "Check the delimiter and the decimal mark, and write numbers alone, without a unit.",
        )
    if wanted is None:
        known = [name for usual in TARGET_NAMES for name in numbers if name.lower() == usual]
        if len(numbers) > 1 and not known:
            report.refuse(
                "which-target",
                f"{where} has several numeric columns and none has a target's usual name:"
                f" {listed(numbers, 20)}.",
                remedy="Name one with `target` (the others help to forecast it), or take"
                " `target=all` to forecast each.",
            )
        return (known or numbers)[:1]
    if wanted == ["all"] and "all" not in numbers:
        return numbers
    for name in wanted:
        if name in text and name not in numbers:
            cell = _example(table.columns[name])
            report.refuse(
                "no-such-column",
                f"Column {name!r} for `target` holds no numbers: found {cell!r}.",
                example=cell,
                remedy=f"{mend([cell])} If its cells are names, add `category={shlex.quote(name)}`.",
            )
        if name not in numbers:
            report.refuse(
                "no-such-column", f"There is no numeric column {name!r} for `target`.{nearest(name, numbers)}"
            )
    return list(dict.fromkeys(wanted))


def _example(column: pa.ChunkedArray) -> str:
    """The first cell of a column that is not empty, as text."""
    return next((cell for cell in as_text(column.drop_null()[:100]).to_pylist() if cell.strip()), "")


def _others(
    flag: str, wanted: list[str], numbers: list[str], text: list[str], targets: list[str], report: Report
) -> list[str]:
    """The columns that `past` or `future` names, numbers or text; none where it names none."""
    if wanted == ["none"]:
        return []
    others = [name for name in numbers if name not in targets]
    for name in wanted:
        if name not in (*others, *text):
            report.refuse(
                "no-such-column",
                f"There is no numeric or text column {name!r} for `{flag}` beside the"
                f" target.{nearest(name, others + text)}",
            )
    return list(dict.fromkeys(wanted))
