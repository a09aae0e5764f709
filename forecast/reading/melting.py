"""Tables with stamps, hours or the numbers of steps across their columns become tables with a row
for each: a series, a year or a day a row.
"""

import re
from collections.abc import Collection, Set
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from forecast.arrays import Array
from forecast.data.findings import Report, listed
from forecast.reading.roles import COMPACT_NAMES, DATE_NAMES, ID_NAMES, MINUTE, distinct, joined
from forecast.reading.sources import FILE_ID, as_text
from forecast.reading.stamps import (
    ACROSS,
    YEARS,
    hours_across,
    month_of,
    parse_stamps,
    part_of,
    stamps_across,
)
from forecast.reading.tables import Table, is_number


def melted(
    table: Table,
    kinds: dict[str, str],
    time: Set[str],
    target: Set[str],
    named: Collection[str],
    dayfirst: bool | None,
    report: Report,
) -> Table:
    """The table with a row for each cell under stamps or steps across, as columns time and value,
    beside text and the columns `named` as those of series; where none was named and each row is a
    series, unique_id names it. Of hours across, beside the columns of days that are there, hour and
    value. Any other table as it is, also one with a column that is named as the target, or, without
    hours across, as the time.
    """
    if target & set(table.columns):
        return table
    of_hours = _hours_below(table, kinds, target, named, dayfirst, report)
    if of_hours is not None:
        return of_hours
    if "stamp" in kinds.values() or time & set(table.columns):
        return table
    of_years = _years_below(table, kinds, named, report)
    if of_years is not None:
        return of_years
    return _series_below(table, kinds, named, dayfirst, report)


def _hours_below(
    table: Table,
    kinds: dict[str, str],
    target: Set[str],
    named: Collection[str],
    dayfirst: bool | None,
    report: Report,
) -> Table | None:
    """A table of days with the hours across as a row for each hour; None of any other table."""
    hours = hours_across(list(table.columns))
    if hours is None or "all" in target:
        return None
    others = {name: kind for name, kind in kinds.items() if name not in hours[0]}
    days = _days(table, others, dayfirst)
    if not days:
        return None
    return _from_hours(table, kinds, days, *hours, named, report)


def _years_below(table: Table, kinds: dict[str, str], named: Collection[str], report: Report) -> Table | None:
    """A table of years with twelve months across as a row for each month; None of any other table."""
    years = [name for name in table.columns if part_of(name) == "year" and kinds[name] == "number"]
    months = {month: name for name in table.columns if (month := month_of(name))}
    if not years or len(months) < 12:
        return None
    in_order = [months[month] for month in sorted(months)]
    return _from_years(table, kinds, years[0], in_order, named, report)


def _series_below(
    table: Table, kinds: dict[str, str], named: Collection[str], dayfirst: bool | None, report: Report
) -> Table:
    """A table with a row for each series, stamps or steps across, as a row for each cell; any other as it is."""
    unnamed = {name: kind for name, kind in kinds.items() if name not in named}
    across, times = _across(unnamed, dayfirst)
    names, text = _beside(table, kinds, across, named)
    naming = names or _naming(table, text, times is not None)
    if len(across) < ACROSS or not naming:
        return table
    labels = joined([table.columns[name] for name in naming])
    if not _each_its_own(labels):
        if times is None:
            return table
        report.refuse(
            "which-id",
            f"Each row of {table.where} is a series, for stamps or steps stand across, but"
            f" {listed(naming)} name some of them alike.",
            remedy="Give each row a name of its own, or name the columns that do with `id`, with commas between them.",
        )
    report.say(
        "row-series",
        f"each row is a series, named by {' '.join(naming)}: {table.count} ({listed(labels.to_pylist())})",
    )
    if not names:
        others = {name: column for name, column in table.columns.items() if name not in naming}
        table = replace(table, columns={FILE_ID: labels, **others})
        names = [FILE_ID]
    rest = [name for name in text if name not in naming]
    made = _long(table, across, times, [*names, *rest], report)
    if times is not None:
        return made
    return made.keep(_before_the_end(made.columns["value"], len(across)))


def _naming(table: Table, text: list[str], under_stamps: bool) -> list[str]:
    """The columns of text that name the series of rows: one that does so alone, under stamps otherwise all together."""
    alone = [name for name in text if _each_its_own(table.columns[name])]
    if alone:
        return alone[:1]
    return text if under_stamps else []


def _days(table: Table, kinds: dict[str, str], dayfirst: bool | None) -> list[str]:
    """The columns that say the day of each row; none where they do not say it, or one of them tells
    the time of day too.
    """
    stamps = [name for name, kind in kinds.items() if kind == "stamp"]
    walls = [parse_stamps(table.columns[name], dayfirst).wall for name in stamps]
    parts = {part_of(name): name for name, kind in kinds.items() if kind == "number" and part_of(name)}
    if {"hour", "minute"} & {*parts} or any(
        (wall != wall.astype("datetime64[D]"))[~np.isnat(wall)].any() for wall in walls
    ):
        return []
    compact = [
        name
        for name, kind in kinds.items()
        if kind == "number" and name.lower() in (*DATE_NAMES, *COMPACT_NAMES)
    ]
    if stamps or compact:
        return stamps or compact[:1]
    for day in (("year", "month", "day"), ("year", "doy")):
        if {*day} <= {*parts}:
            return [parts[one] for one in day]
    return []


def _from_hours(
    table: Table,
    kinds: dict[str, str],
    days: list[str],
    hours: list[str],
    begins: Array,
    named: Collection[str],
    report: Report,
) -> Table:
    """A table with a row a day and a column an hour, or a shorter part of the day, as one of a row
    a part; begins (width,) in ns since midnight.
    """
    first, last = (f"{at // (60 * MINUTE):02}:{at // MINUTE % 60:02}" for at in (begins[0], begins[-1]))
    part = "an hour" if len(hours) == 24 else "a part"
    report.say(
        "row-series",
        f"each row is a day, and each of {len(hours)} columns {part} of it: {hours[0]} is read"
        f" as what begins at {first}, {hours[-1]} at {last}",
        example=hours[0],
    )
    names, text = _beside(table, kinds, [*hours, *days], named)
    known = [
        name
        for name, kind in kinds.items()
        if kind == "number" and name.lower() in ID_NAMES and name not in names
    ]
    others = {name: column for name, column in table.columns.items() if name not in days}
    made = _long(replace(table, columns=others), hours, None, [*names, *known, *text], report)
    row = pa.array(np.repeat(np.arange(table.count), len(hours)))
    dated = {name: pa.chunked_array([table.columns[name].combine_chunks().take(row)]) for name in days}
    of_day = {"hour": begins // (60 * MINUTE), "minute": begins // MINUTE % 60}
    told = {
        name: pa.chunked_array([np.tile(values, table.count)])
        for name, values in of_day.items()
        if name == "hour" or values.any()
    }
    return replace(made, columns={**dated, **told, **made.columns})


def _from_years(
    table: Table, kinds: dict[str, str], year: str, months: list[str], named: Collection[str], report: Report
) -> Table:
    """A table with a row a year and a column a month as one of a row a month."""
    years = pc.cast(table.columns[year], pa.float64(), safe=False).to_numpy()
    if not ((years == np.floor(years)) & (years >= YEARS[0]) & (years <= YEARS[1])).all():
        return table
    report.say(
        "row-series",
        f"each row is a year, named by {year}, and each month a column: read as series of months",
    )
    first = (years.astype("int64") - 1970).astype("datetime64[Y]").astype("datetime64[M]")
    names, text = _beside(table, kinds, months, named)
    others = {name: column for name, column in table.columns.items() if name != year}
    return _long(
        replace(table, columns=others), months, first[:, None] + np.arange(12), [*names, *text], report
    )


def _across(kinds: dict[str, str], dayfirst: bool | None) -> tuple[list[str], Array | None]:
    """The columns that are stamps, and these; else those that count the steps of a series, such as
    V2, V3, V4, without stamps.
    """
    names = list(kinds)
    found = stamps_across(names, dayfirst)
    if found is not None:
        return found
    numbers = [name for name, kind in kinds.items() if kind in ("number", "empty")]
    tails = [re.fullmatch(r"(\D*)(\d+)", name) for name in numbers]
    count = all(
        one and two and one[1] == two[1] and int(two[2]) == int(one[2]) + 1 for one, two in pairwise(tails)
    )
    return numbers if count else [], None


def _beside(
    table: Table, kinds: dict[str, str], across: Collection[str], named: Collection[str]
) -> tuple[list[str], list[str]]:
    """The columns beside those across that were named as those of series, and the others of text."""
    others = [name for name in table.columns if name not in across]
    return [name for name in others if name in named], [
        name for name in others if name not in named and kinds[name] == "text"
    ]


def _long(table: Table, across: list[str], times: Array | None, beside: list[str], report: Report) -> Table:
    """The cells of the columns `across` below each other, row by row, with their stamps (width,) or
    (rows, width) and the columns `beside`.
    """
    columns = [table.columns[name] for name in across]
    if all(is_number(one.type) or one.null_count == len(one) for one in columns):
        cells = pa.array(
            np.stack(
                [pc.cast(column, pa.float64(), safe=False).to_numpy() for column in columns], axis=1
            ).ravel(),
            from_pandas=True,
        )
    else:
        cells = pa.array(
            np.stack([as_text(column).to_numpy() for column in columns], axis=1).ravel(), pa.string()
        )
    left = [name for name in table.columns if name not in (*across, *beside)]
    if left:
        report.say("text", f"columns beside them are left out: {listed(left, 20)}")
    row = np.repeat(np.arange(table.count), len(across))
    made = {
        name: as_text(table.columns[name]).combine_chunks().dictionary_encode().take(pa.array(row))
        for name in beside
    }
    if times is not None:
        made["time"] = pa.array(
            np.broadcast_to(times.astype("datetime64[ns]"), (table.count, len(across))).ravel()
        )
    made["value"] = cells
    chunked = {name: pa.chunked_array([column]) for name, column in made.items()}
    return replace(
        table, columns=chunked, count=len(cells), kept=row if table.kept is None else table.kept[row]
    )


def _each_its_own(column: pa.ChunkedArray) -> bool:
    return column.null_count == 0 and distinct(column) == len(column)


def _before_the_end(values: pa.ChunkedArray, width: int) -> Array:
    """Which cells (rows x width,) are not among the empty ones at the end of their row."""
    seen = ~pc.is_null(values, nan_is_null=pa.types.is_floating(values.type)).to_numpy().reshape(-1, width)
    return (np.cumsum(seen[:, ::-1], axis=1)[:, ::-1] > 0).ravel()
