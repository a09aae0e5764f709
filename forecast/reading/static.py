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
    """What each static column says of each series, float64 (S, K), NaN where no row of it has a value; rows are in order of their series.

    A column that varies within a series is refused, and one that is the same in all series, unless these are newer rows.
    """
    places = [place for place, column in enumerate(columns) if column.role == "static"]
    values = np.full((len(rows.ids), len(places)), np.nan)
    for k, place in enumerate(places):
        varying = []
        for i, (start, stop) in enumerate(pairwise(rows.bounds())):
            seen = start + np.flatnonzero(~np.isnan(rows.values[start:stop, place]))
            if len(seen):
                values[i, k] = rows.values[seen[0], place]
                varying += [(i, seen[0], row) for row in seen[rows.values[seen, place] != values[i, k]][:1]]
        if varying:
            _say_varying(rows, columns[place], place, varying, table, report)
        elif not newer and len(np.unique(values[~np.isnan(values[:, k]), k])) < 2:
            report.say(
                "equal-static",
                f"Column {columns[place].name!r} of --static has the same value in every series, and tells none from another.",
                remedy="Leave it out of --static.",
            )
    report.stop()
    if places:
        report.say(
            "static",
            f"static columns, the same in all rows of a series: {listed([columns[place].name for place in places])}",
        )
    return values


def hold(values: Array, columns: Sequence[Column], bounds: Array, told: Array) -> None:
    """Write what the static columns say of each series `told` (S, K) into all rows of the series in `values` (n, C), also where a gap was filled."""
    places = [place for place, column in enumerate(columns) if column.role == "static"]
    for i, (start, stop) in enumerate(pairwise(bounds)):
        values[start:stop, places] = told[i]


def _say_varying(
    rows: Rows, column: Column, place: int, varying: list[tuple[int, int, int]], table: Table, report: Report
) -> None:
    """Name the series in which a static column varies, with two rows of the first."""
    series, *two = varying[0]
    records = rows.record(np.array(two))
    one, other = (
        f"{value:.8g}" if column.names is None else repr(column.names[int(value)])
        for value in rows.values[two, place]
    )
    report.say(
        "varying-static",
        f"Column {column.name!r} of --static varies within {listed([rows.ids[i] for i, *_ in varying])}: {table.at(records[:1]).lower()} of"
        f" {rows.ids[series]!r} says {one}, {table.at(records[1:]).lower()} {other}.",
        rows=table.rows(records),
        example=other,
        remedy="Mend it, or read the column with --past or --future.",
    )
