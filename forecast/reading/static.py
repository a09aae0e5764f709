"""Static columns: what holds for all of a series, such as the elevation of a station or its kind."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from forecast.arrays import Array
from forecast.data.findings import Report, listed
from forecast.data.panel import Column
from forecast.reading.grid import Rows
from forecast.reading.tables import Table


def static_values(rows: Rows, columns: Sequence[Column], newer: bool, table: Table, report: Report) -> Array:
    """What each static column says of each series, float64 (S, K), NaN where no row has a value.

    Rows are in order of their series. A column that varies within a series is refused, and one that
    is the same in all series, unless these are newer rows.
    """
    places = [place for place, column in enumerate(columns) if column.role == "static"]
    values = np.full((len(rows.ids), len(places)), np.nan)
    for k, place in enumerate(places):
        values[:, k], varying = _of_each_series(rows, place)
        if varying:
            _say_varying(rows, columns[place], place, varying, table, report)
            continue
        different = np.unique(values[~np.isnan(values[:, k]), k])
        if not newer and len(different) < 2:
            report.say(
                "equal-static",
                f"Column {columns[place].name!r} of `static` has the same value in every series,"
                " and tells none from another.",
                remedy="Leave it out of `static`.",
            )
    report.stop()
    if places:
        names = listed([columns[place].name for place in places])
        report.say("static", f"static columns, the same in all rows of a series: {names}")
    return values


def _of_each_series(rows: Rows, place: int) -> tuple[Array, list[tuple[int, int, int]]]:
    """The first value (S,) of a column in each series, and where it varies: (series, its row, the
    other row).
    """
    values = np.full(len(rows.ids), np.nan)
    varying: list[tuple[int, int, int]] = []
    for i, (start, stop) in enumerate(pairwise(rows.bounds())):
        seen = start + np.flatnonzero(~np.isnan(rows.values[start:stop, place]))
        if not len(seen):
            continue
        values[i] = rows.values[seen[0], place]
        others = seen[rows.values[seen, place] != values[i]]
        if len(others):
            varying.append((i, int(seen[0]), int(others[0])))
    return values, varying


def hold(values: Array, columns: Sequence[Column], bounds: Array, told: Array) -> None:
    """Write what the static columns say of each series `told` (S, K) into all rows of the series in
    `values` (n, C), also where a gap was filled.
    """
    places = [place for place, column in enumerate(columns) if column.role == "static"]
    for i, (start, stop) in enumerate(pairwise(bounds)):
        values[start:stop, places] = told[i]


def _say_varying(
    rows: Rows, column: Column, place: int, varying: list[tuple[int, int, int]], table: Table, report: Report
) -> None:
    """Name the series in which a static column varies, with two rows of the first."""
    series, *two = varying[0]
    records = rows.record(np.array(two))
    one, other = (_cell(column, value) for value in rows.values[two, place])
    names = listed([rows.ids[i] for i, *_ in varying])
    report.say(
        "varying-static",
        f"Column {column.name!r} of `static` varies within {names}:"
        f" {table.at(records[:1]).lower()} of"
        f" {rows.ids[series]!r} says {one}, {table.at(records[1:]).lower()} {other}.",
        rows=table.rows(records),
        example=other,
        remedy="Mend it, or read the column with `past` or `future`.",
    )


def _cell(column: Column, value: float) -> str:
    """A value of a column as its file has it: a number, or a name."""
    if column.names is None:
        return f"{value:.8g}"
    return repr(column.names[int(value)])
