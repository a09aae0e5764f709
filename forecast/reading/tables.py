"""A table as it was found: Arrow columns by name, and for every record the row that an editor shows. Nothing is interpreted here."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from forecast.arrays import Array
from forecast.data.findings import SHOWN, Report, counted, listed
from forecast.reading.numbers import Decimal
from forecast.reading.stamps import parse_text

Needed = Callable[
    [Mapping[str, str]], set[str]
]  # name -> number, stamp or text, as a sample shows it; answers which columns to read


@dataclass(frozen=True)
class Request:
    """What is asked of a file before it is read: which columns, with which decimal mark its text is written, and whether the day comes first in
    its dates, None = not known. names: columns that hold the names of series, in small letters or as they are, whose
    cells stay the text that they are.
    """

    columns: Needed
    decimal: Decimal | None = None
    dayfirst: bool | None = None
    names: tuple[str, ...] = ()


@dataclass(frozen=True)
class Origin:
    """Where some records come from: a file, how many, and the row in it of record numbers int64 (k,)."""

    name: str
    count: int
    number: Callable[[Array], Array]


@dataclass(frozen=True, eq=False)
class Table:
    """where: its name in messages · columns of `count` records · origins: the files they come from · kept: which of their records these are
    (None = all) · decimal: the decimal mark that its text columns use, where that is known · notes: what stands above it in its file.
    """

    where: str
    columns: dict[str, pa.ChunkedArray]
    count: int
    origins: tuple[Origin, ...]
    kept: Array | None = None
    decimal: str | None = None
    notes: str = ""

    def keep(self, mask: Array) -> "Table":
        """The records where `mask` (n,) holds."""
        kept = np.flatnonzero(mask) if self.kept is None else self.kept[mask]
        chosen = pa.array(mask)
        return replace(
            self,
            columns={name: c.filter(chosen) for name, c in self.columns.items()},
            count=int(mask.sum()),
            kept=kept,
        )

    def rows(self, records: Sequence[int] | Array) -> list[int]:
        """The first SHOWN rows of records in their file, as an editor counts them, each once."""
        return [row for _, row in self._places(self._each(records)[:SHOWN])]

    def at(self, records: Sequence[int] | Array) -> str:
        """Records in words: `Row 7`, `Rows 7 and 9`, `Row 7 of AAPL.csv`; of many rows, the first three."""
        each = self._each(records)
        words = [
            f"{row}" if len(self.origins) == 1 else f"{row} of {file}" for file, row in self._places(each[:3])
        ]
        if len(each) > 3:
            return f"Rows {', '.join(words)} and {len(each) - 3:,} more"
        return f"Row{'s' if len(words) > 1 else ''} {' and '.join([', '.join(words[:-1]), words[-1]] if len(words) > 1 else words)}"

    def many(self, records: Sequence[int] | Array) -> str:
        """How many rows of the file records are, in words: `1,234 such rows`."""
        return counted(len(self._each(records)), "such row")

    def _each(self, records: Sequence[int] | Array) -> Array:
        """The numbers of records in their files, each once: of a melted table many come from one row."""
        wanted = np.asarray(records, "int64")
        return wanted if self.kept is None else pd.unique(self.kept[wanted])

    def _places(self, wanted: Array) -> list[tuple[str, int]]:
        stops = np.cumsum([origin.count for origin in self.origins])
        places = []
        for record in wanted:
            i = int(np.searchsorted(stops, record, side="right"))
            origin = self.origins[i]
            places.append(
                (origin.name, int(origin.number(np.array([record - (stops[i] - origin.count)]))[0]))
            )
        return places


def cell_type(column: pa.ChunkedArray) -> pa.DataType:
    """The type of a column's cells, also where they are coded by a dictionary."""
    return column.type.value_type if pa.types.is_dictionary(column.type) else column.type


def is_number(kind: pa.DataType) -> bool:
    """Whether a type is one of numbers: whole, floating or decimal."""
    return pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)


def is_text(kind: pa.DataType) -> bool:
    """Whether a type is one of text."""
    return pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)


def clean_names(names: Sequence[object], report: Report) -> list[str]:
    """Names that are there, trimmed and unique; what was changed is said."""
    texts = [
        re.sub(r"^<(.*)>$", r"\1", re.sub(r"\s*[\r\n]+\s*", " ", str(name).strip("\ufeff \t\r\n")))
        if name is not None
        else ""
        for name in names
    ]
    trimmed = [text for text, name in zip(texts, names, strict=True) if text != str(name) and text]
    if trimmed:
        report.say(
            "column-names",
            f"spaces and brackets around column names, and line ends in them, are left out: {listed(trimmed)}",
        )
    seen: dict[str, int] = {}
    unique = []
    for i, text in enumerate(texts):
        name = text or f"column {i + 1}"
        seen[name] = seen.get(name, 0) + 1
        unique.append(name if seen[name] == 1 else f"{name} ({seen[name]})")
    twice = [name for name, count in seen.items() if count > 1]
    if twice:
        renamed = [name for name, text in zip(unique, texts, strict=True) if name != (text or name)]
        report.say(
            "duplicate-column",
            f"several columns have the same name: {listed(twice)}; the later ones are called {listed(renamed)}",
            example=twice[0],
        )
    return unique


def nameless(name: str) -> bool:
    """Whether a column has no name, or one that pandas gives to an index without one."""
    return (
        not name.strip() or re.fullmatch(r"Unnamed: \d+(\.\d+|_level_\d+)?|index|level_0", name) is not None
    )


def without_empty(table: Table, unnamed: Sequence[str], report: Report) -> Table:
    """The table without unnamed columns that hold nothing or only count the rows."""
    columns = dict(table.columns)
    for name in unnamed:
        column = columns.get(name)
        if column is None:
            continue
        if column.null_count == len(column):
            del columns[name]
            report.say("empty-column", f"{name} has neither a name nor a value, and is left out")
        elif _counts(column):
            del columns[name]
            report.say("index-column", f"{name} has no name and only counts the rows, and is left out")
    return replace(table, columns=columns)


def _counts(column: pa.ChunkedArray) -> bool:
    """Whether a column is 0, 1, 2 ... or 1, 2, 3 ..."""
    if not is_number(column.type) or column.null_count:
        return False
    values = pc.cast(column, pa.float64(), safe=False).to_numpy()
    return bool(len(values) and values[0] in (0, 1) and (np.diff(values) == 1).all())


def concatenated(tables: Sequence[Table], where: str, dayfirst: bool | None, report: Report) -> Table:
    """Tables one below the other; a column that one of them lacks is missing there. dayfirst: of dates, as told."""
    tables = _spelled_alike(tables)
    names = list(dict.fromkeys(name for table in tables for name in table.columns))
    columns = {}
    for name in names:
        _refuse_types(name, tables, report)
        parts = [table.columns.get(name, pa.chunked_array([pa.nulls(table.count)])) for table in tables]
        columns[name] = pa.chunked_array(
            [chunk for part in _one_type(name, parts, dayfirst, report) for chunk in part.chunks]
        )
    partial = [name for name in names if any(name not in table.columns for table in tables)]
    if partial:
        report.say(
            "files", f"not every file has these columns, which are missing values there: {listed(partial)}"
        )
    origins = tuple(origin for table in tables for origin in table.origins)
    decimal = next((table.decimal for table in tables if table.decimal), None)
    notes = "\n".join(dict.fromkeys(table.notes for table in tables))
    return Table(where, columns, sum(table.count for table in tables), origins, decimal=decimal, notes=notes)


def _spelled_alike(tables: Sequence[Table]) -> list[Table]:
    """The tables with one spelling of each name, the first: Close and close are one column, but not of a file that has both."""
    alike = [
        table for table in tables if len({name.casefold() for name in table.columns}) == len(table.columns)
    ]
    spelled: dict[str, str] = {}
    for table in alike:
        spelled = {**{name.casefold(): name for name in table.columns}, **spelled}
    return [
        replace(table, columns={spelled[name.casefold()]: column for name, column in table.columns.items()})
        if table in alike
        else table
        for table in tables
    ]


def _refuse_types(name: str, tables: Sequence[Table], report: Report) -> None:
    """A column that holds lists, structs, bytes or durations in one file holds nothing that those of other files can be brought to."""
    held = {table.where: cell_type(table.columns[name]) for table in tables if name in table.columns}
    odd = next(
        (where for where, kind in held.items() if not (is_number(kind) or is_text(kind) or _is_plain(kind))),
        None,
    )
    other = next(
        (where for where, kind in held.items() if odd and kind != held[odd] and not pa.types.is_null(kind)),
        None,
    )
    if odd and other:
        report.refuse(
            "other-type",
            f"Column {name!r} is of type {held[odd]} in {odd} and of type {held[other]} in {other}.",
            example=held[odd],
            remedy="Write it in one type in all files, or read each file alone.",
        )


def _is_plain(kind: pa.DataType) -> bool:
    return (
        pa.types.is_boolean(kind)
        or pa.types.is_null(kind)
        or (pa.types.is_temporal(kind) and not pa.types.is_duration(kind))
    )


def _one_type(
    name: str, parts: list[pa.ChunkedArray], dayfirst: bool | None, report: Report
) -> list[pa.ChunkedArray]:
    """Columns of one type: their own where they agree, else float64 of numbers, timestamps where all text can be read so, else text."""
    parts = [part.cast(part.type.value_type) if pa.types.is_dictionary(part.type) else part for part in parts]
    if any(is_number(part.type) for part in parts):  # beside numbers True is 1, as it is alone
        parts = [pc.cast(part, pa.uint8()) if pa.types.is_boolean(part.type) else part for part in parts]
    if any(pa.types.is_timestamp(part.type) for part in parts):
        parts = [_moments(name, part, dayfirst, report) if is_text(part.type) else part for part in parts]
    kinds = {part.type for part in parts if not pa.types.is_null(part.type)}
    if len(kinds) <= 1:
        kind = next(iter(kinds), pa.null())
    elif all(is_number(one) for one in kinds):
        kind = pa.float64()
    elif (
        all(pa.types.is_timestamp(one) or pa.types.is_date(one) for one in kinds)
        and len({getattr(one, "tz", None) for one in kinds}) == 1
    ):
        kind = pa.timestamp("ns", next(iter({getattr(one, "tz", None) for one in kinds})))
    else:
        kind = pa.string()
    return [part if part.type == kind else pc.cast(part, kind) for part in parts]


def _moments(name: str, text: pa.ChunkedArray, dayfirst: bool | None, report: Report) -> pa.ChunkedArray:
    """A column of text of one file as timestamps, as it is in the others, where all its cells can be read; an open order of day and month is said."""
    read = parse_text(text, dayfirst)
    if len(read.bad) or len(read.outside) or read.clash or read.offset is not None or read.form == "nothing":
        return text
    if read.rival is None:
        first = next((cell for cell in text.to_pylist() if cell), "")
        report.say(
            "time-format",
            f"{name}: not every file writes stamps in one form; {first} is read as {read.form}",
            example=first,
        )
    else:
        row = int(np.flatnonzero(read.rival != read.wall)[0])
        taken, other = (moments[row].astype("datetime64[D]") for moments in (read.wall, read.rival))
        wrong, right = ("--monthfirst", "--dayfirst") if read.dayfirst else ("--dayfirst", "--monthfirst")
        report.say(
            "ambiguous-day-first",
            f"{name}: not every file writes stamps in one form, and in one of them no row tells the order of day, month and year: {text[row]} is"
            f" read as {taken} and not {other}",
            example=text[row],
            remedy=f"({wrong} if that is wrong, {right} if it is right)",
        )
    return pa.chunked_array([pa.array(read.wall)])
