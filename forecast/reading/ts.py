"""Files of the time-series classification archives (`.ts`): after `@data` a sequence per line, columns divided by `:`.

A sequence becomes a run of rows, so that what is read is a long table: `id`, the columns, `label`.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa

from forecast.arrays import Array
from forecast.data.findings import Report
from forecast.reading.tables import Origin, Request, Table

ID = "id"
LABEL = "label"
ENDING = ".ts"
_MISSING = {"?", "NaN", "nan", ""}


def read_ts(path: Path, report: Report, request: Request) -> Table:
    """The long table of a `.ts` file; its sequences are called by their number, the first 1.

    Raises ReadingError where a line is no sequence, or the file has stamps in it.
    """
    text = path.read_text(encoding=request.encoding or "utf-8-sig", errors="replace")
    header, lines = _parted(text.splitlines())
    if header.get("timestamps", "").lower() == "true":
        report.refuse(
            "not-a-table",
            f"{path.name} has a stamp before each value (@timeStamps true), which is not read here.",
            remedy="Write it as a long table: id, time, value, label.",
        )
    labelled = header.get("classlabel", "true").lower().startswith("true")
    rows: list[Array] = []
    labels: list[str] = []
    for number, line in lines:
        *parts, last = line.split(":") if labelled else [*line.split(":"), ""]
        rows.append(_sequence(parts, path.name, number, report))
        labels.append(last.strip())
    if not rows:
        report.refuse(
            "no-rows", f"{path.name} has no line below @data.", remedy="A sequence per line is needed."
        )
    _refuse_widths(rows, path.name, lines, report)
    return _table(path.name, rows, labels if labelled else None, [number for number, _ in lines])


def _parted(lines: Sequence[str]) -> tuple[dict[str, str], list[tuple[int, str]]]:
    """What the lines that begin with @ say, by name in small letters, and (row, text) of each line below @data."""
    header: dict[str, str] = {}
    body: list[tuple[int, str]] = []
    for number, line in enumerate(lines, 1):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        if "data" in header:
            body.append((number, text))
        elif text.startswith("@"):
            name, _, value = text[1:].partition(" ")
            header[name.lower()] = value.strip()
    return header, body


def _sequence(parts: Sequence[str], where: str, number: int, report: Report) -> Array:
    """The values (n, C) of a line; columns that are shorter than others end in missing values."""
    columns = [_numbers(part, where, number, report) for part in parts]
    if not columns:
        report.refuse(
            "not-a-table",
            f"Row {number} of {where} has no `:` before its class.",
            rows=[number],
            remedy="Write value,value:value,value:class, or @classLabel false where there are no classes.",
        )
    values = np.full((max(len(column) for column in columns), len(columns)), np.nan)
    for place, column in enumerate(columns):
        values[: len(column), place] = column
    return values


def _numbers(part: str, where: str, number: int, report: Report) -> Array:
    """The numbers (n,) of one column of a line."""
    cells = [cell.strip() for cell in part.split(",")]
    try:
        return np.array([np.nan if cell in _MISSING else float(cell) for cell in cells])
    except ValueError as error:
        report.refuse("text-in-numbers", f"Row {number} of {where} holds no number: {error}.", rows=[number])


def _refuse_widths(
    rows: Sequence[Array], where: str, lines: Sequence[tuple[int, str]], report: Report
) -> None:
    """Refuse a line that has other columns than the first."""
    width = rows[0].shape[1]
    for values, (number, _) in zip(rows, lines, strict=True):
        if values.shape[1] != width:
            report.refuse(
                "ragged-rows",
                f"Row {number} of {where} has {values.shape[1]} columns divided by `:`, the first line {width}.",
                rows=[number],
            )


def _table(where: str, rows: Sequence[Array], labels: list[str] | None, numbers: Sequence[int]) -> Table:
    """Sequences (n, C) as a long table."""
    lengths = np.array([len(values) for values in rows])
    owner = np.repeat(np.arange(len(rows)), lengths)
    values = np.concatenate(rows)
    width = values.shape[1]
    names = ["x"] if width == 1 else [f"x_{place}" for place in range(width)]
    columns = {ID: pa.chunked_array([pa.array(owner + 1)])}
    for place, name in enumerate(names):
        columns[name] = pa.chunked_array([pa.array(values[:, place])])
    if labels is not None:
        codes = pa.array(owner.astype("int32"))
        whole = pa.DictionaryArray.from_arrays(codes, pa.array(labels)).cast(pa.string())
        columns[LABEL] = pa.chunked_array([whole])
    origin = Origin(where, len(owner), _line_of(owner, np.array(numbers)))
    return Table(where, columns, len(owner), (origin,))


def _line_of(owner: Array, numbers: Array) -> Callable[[Array], Array]:
    """The line of each record of the long table."""
    return lambda records: numbers[owner[records]]
