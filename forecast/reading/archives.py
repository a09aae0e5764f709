"""Two layouts of text that are no table yet: `.tsf` of the Monash archive, one line per series, and the
files of AEMO, whose rows say what they are by their first cell.
"""

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from forecast.arrays import Array
from forecast.data.findings import Report, listed

TAGS = ("relation", "attribute", "frequency", "horizon", "missing", "equallength", "data")
STEPS = {  # the frequencies of .tsf, as spans that pandas knows
    "4_seconds": "4s",
    "minutely": "1min",
    "10_minutes": "10min",
    "15_minutes": "15min",
    "half_hourly": "30min",
    "hourly": "1h",
    "daily": "1D",
    "weekly": "7D",
}
MONTHS = {"monthly": 1, "quarterly": 3, "yearly": 12}
STAMP = "%Y-%m-%d %H-%M-%S"
HOLD = "C"  # the first cell of AEMO's comments, of the names of a table, and of its rows
NAMES = "I"
ROW = "D"
KEYS = 4  # cells before the columns of a table of AEMO: the kind of row, the report, the table, its version


@dataclass
class _Head:
    """What stands above the series of a .tsf file: tag -> its words, and the names and types of the attributes."""

    tags: dict[str, str] = field(default_factory=dict)
    attributes: list[tuple[str, str]] = field(default_factory=list)


def tsf_table(path: Path, report: Report) -> pa.Table:
    """The long table of a `.tsf` file: its attributes, `ds` where series have a first stamp, and `value`.

    The layout is that of Godahewa and others, Monash Time Series Forecasting Archive, 2021.
    """
    with path.open(encoding="utf-8", errors="replace") as file:
        lines = ((number, line.strip()) for number, line in enumerate(file, 1))
        known = ((number, line) for number, line in lines if line and not line.startswith("#"))
        head = _tsf_head(known, path, report)
        series = [_tsf_series(number, line, head, path, report) for number, line in known]
    if not series:
        report.refuse("no-rows", f"{path.name} has no series below @data.")
    lengths = [len(values) for _, values in series]
    columns: dict[str, pa.Array] = {}
    for place, (name, kind) in enumerate(head.attributes):
        cells = [attributes[place] for attributes, _ in series]
        if kind == "date":
            starts = _starts(cells, name, path, report)
            stamps = [
                _stamps(start, count, head, path, report)
                for start, count in zip(starts, lengths, strict=True)
            ]
            columns["ds"] = pa.array(np.concatenate(stamps))
        else:
            columns[name] = pa.array(np.repeat(np.array(cells, object), lengths), pa.string())
    columns["value"] = pa.array(np.concatenate([values for _, values in series]), from_pandas=True)
    said = [f"{tag} {head.tags[tag]}" for tag in ("relation", "frequency", "horizon") if tag in head.tags]
    report.say("preamble", f"{path.name} says of itself: {', '.join(said)}")
    return pa.table(columns)


def _tsf_head(lines: Iterator[tuple[int, str]], path: Path, report: Report) -> _Head:
    """The tags of a .tsf file, up to @data."""
    head = _Head()
    for number, line in lines:
        tag, _, words = line.removeprefix("@").partition(" ")
        if not line.startswith("@") or tag.lower() not in TAGS:
            report.refuse(
                "not-a-table",
                f"Row {number} of {path.name} is none that a .tsf file has above its series: {line[:60]!r}.",
                rows=[number],
                remedy=f"There are @{', @'.join(TAGS)}.",
            )
        if tag.lower() == "data":
            return head
        if tag.lower() == "attribute":
            name, _, kind = words.strip().rpartition(" ")
            head.attributes.append((name, kind))
        else:
            head.tags[tag.lower()] = words.strip()
    report.refuse("not-a-table", f"{path.name} has no line @data, below which its series would stand.")


def _tsf_series(number: int, line: str, head: _Head, path: Path, report: Report) -> tuple[list[str], Array]:
    """The attributes of a series, and its values (n,); ? is missing."""
    *attributes, text = line.split(":")
    cells = text.split(",")
    if len(attributes) != len(head.attributes):
        report.refuse(
            "ragged-rows",
            f"Row {number} of {path.name} has {len(attributes)} attributes, and {len(head.attributes)} are named above.",
            rows=[number],
        )
    try:
        values = np.array([np.nan if cell.strip() in ("?", "NaN", "") else float(cell) for cell in cells])
    except ValueError as error:
        report.refuse(
            "text-in-numbers",
            f"Row {number} of {path.name} has a value that is no number: {error}.",
            rows=[number],
            remedy="Write ? where a value is missing.",
        )
    return attributes, values


def _starts(cells: list[str], name: str, path: Path, report: Report) -> Array:
    """The first stamps datetime64[ns] (S,) of series."""
    starts = pd.to_datetime(pd.Series(cells), format=STAMP, errors="coerce")
    wrong = np.flatnonzero(starts.isna())
    if len(wrong):
        report.refuse(
            "unreadable-stamp",
            f"{name} of {path.name} is {cells[wrong[0]]!r}, and is written as 1996-03-18 00-00-00 there.",
            example=cells[wrong[0]],
            remedy="Mend it.",
        )
    return starts.to_numpy().astype("datetime64[ns]")


def _stamps(start: np.datetime64, count: int, head: _Head, path: Path, report: Report) -> Array:
    """The stamps (n,) of a series from its first on; of months and longer the first day of each."""
    frequency = head.tags.get("frequency", "").lower()
    numbers = np.arange(count)
    if frequency in MONTHS:
        months = start.astype("datetime64[M]") + MONTHS[frequency] * numbers
        return months.astype("datetime64[ns]")
    if frequency not in STEPS:
        report.refuse(
            "not-a-table",
            f"{path.name} has first stamps and no @frequency that is known: {frequency!r}.",
            remedy=f"There is: {listed([*STEPS, *MONTHS], 20)}.",
        )
    step = np.timedelta64(pd.Timedelta(STEPS[frequency]).as_unit("ns").value, "ns")
    return start + step * numbers


def is_aemo(path: Path) -> bool:
    """Whether a file begins as those of AEMO do: a row of comment, then the names of a table."""
    try:
        with path.open(encoding="utf-8") as file:
            first = file.readline(1000)
            second = file.readline(1000)
    except (UnicodeDecodeError, OSError):
        return False
    return first.startswith(f"{HOLD},") and second.startswith(f"{NAMES},")


def aemo_table(path: Path, header: int | None, report: Report) -> tuple[pa.Table, str, Array]:
    """(the table of a file of AEMO, its comment, the row of the file of each of its rows (n,)).

    header: the row of the file that names the columns of the table to read, where it has several.
    """
    names: dict[tuple[str, ...], tuple[int, list[str]]] = {}
    rows: dict[tuple[str, ...], list[list[str]]] = {}
    places: dict[tuple[str, ...], list[int]] = {}
    comment = ""
    with path.open(encoding="utf-8", errors="replace", newline="") as file:
        for number, cells in enumerate(csv.reader(file), 1):
            key = tuple(cells[1:KEYS])
            if cells[:1] == [HOLD]:
                comment = comment or ",".join(cells)
            elif cells[:1] == [NAMES]:
                names.setdefault(key, (number, cells[KEYS:]))
            elif cells[:1] == [ROW] and key in names:
                rows.setdefault(key, []).append(cells[KEYS:])
                places.setdefault(key, []).append(number)
    key = _chosen(names, rows, header, path, report)
    columns = names[key][1]
    ragged = [number for number, row in zip(places[key], rows[key], strict=True) if len(row) != len(columns)]
    if ragged:
        report.refuse(
            "ragged-rows",
            f"Row {ragged[0]} of {path.name} has another number of cells than row {names[key][0]}, which names them.",
            rows=ragged,
        )
    cells_of = zip(*rows[key], strict=True)
    arrays = [pa.array([cell or None for cell in cells], pa.string()) for cells in cells_of]
    return pa.table(arrays, names=columns), comment, np.array(places[key])


def _chosen(
    names: Mapping[tuple[str, ...], tuple[int, list[str]]],
    rows: Mapping[tuple[str, ...], list[list[str]]],
    header: int | None,
    path: Path,
    report: Report,
) -> tuple[str, ...]:
    """Which table of a file is read: the only one with rows, or that whose names stand in the row `header`."""
    held = {key: names[key][0] for key in names if key in rows}
    if not held:
        report.refuse("no-rows", f"{path.name} names tables, and has no row of any of them.")
    if header is not None:
        key = next((key for key, number in held.items() if number == header), None)
        if key is None:
            known = listed([f"{' '.join(key[:2])} (row {number})" for key, number in held.items()], 20)
            report.refuse("no-such-row", f"Row {header} of {path.name} names no table; there is: {known}.")
        return key
    if len(held) > 1:
        found = [
            f"{' '.join(key[:2])} ({len(rows[key]):,} rows, `header={number}`)"
            for key, number in held.items()
        ]
        report.refuse(
            "second-table",
            f"{path.name} holds {len(held)} tables of AEMO.",
            remedy=f"Read one by the row of its names: {listed(found, 20)}.",
        )
    return next(iter(held))
