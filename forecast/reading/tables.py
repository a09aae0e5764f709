"""A table as it was found: Arrow columns by name, and for every record the row that an editor shows.

Nothing is interpreted here.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from forecast.arrays import Array
from forecast.data.findings import SHOWN, Report, counted, listed, visible
from forecast.reading.numbers import Decimal
from forecast.reading.stamps import parse_text

Needed = Callable[[Mapping[str, str]], set[str]]  # kinds by name, from a sample -> columns to read


@dataclass(frozen=True)
class Request:
    """What is asked of a file before it is read.

    columns: which to read · decimal: the decimal mark of its text, dayfirst: whether the day comes first in
    its dates, encoding: the codec of its text, header: the row of its names; None = not known ·
    names: columns that hold the names of series, in small letters or as they are, whose cells stay text.
    """

    columns: Needed
    decimal: Decimal | None = None
    dayfirst: bool | None = None
    encoding: str | None = None
    header: int | None = None
    names: tuple[str, ...] = ()


@dataclass(frozen=True)
class Origin:
    """Where some records come from: a file, how many, and the row in it of record numbers int64 (k,)."""

    name: str
    count: int
    number: Callable[[Array], Array]


@dataclass(frozen=True, eq=False)
class Table:
    """Columns of `count` records.

    where: its name in messages · origins: the files they come from · kept: which of their records these are
    (None = all) · decimal: the decimal mark that its text columns use, where that is known · notes: what
    stands above it in its file.
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
        columns = {name: column.filter(chosen) for name, column in self.columns.items()}
        return replace(self, columns=columns, count=int(mask.sum()), kept=kept)

    def rows(self, records: Sequence[int] | Array) -> list[int]:
        """The first SHOWN rows of records in their file, as an editor counts them, each once."""
        return [row for _, row in self._places(self._each(records)[:SHOWN])]

    def at(self, records: Sequence[int] | Array) -> str:
        """Records in words: `Row 7`, `Rows 7 and 9`, `Row 7 of AAPL.csv`; of many rows, the first three."""
        each = self._each(records)
        words = []
        for file, row in self._places(each[:3]):
            words.append(f"{row}" if len(self.origins) == 1 else f"{row} of {file}")
        if len(each) > 3:
            return f"Rows {', '.join(words)} and {len(each) - 3:,} more"
        if len(words) == 1:
            return f"Row {words[0]}"
        return f"Rows {', '.join(words[:-1])} and {words[-1]}"

    def many(self, records: Sequence[int] | Array) -> str:
        """How many rows of the file records are, in words: `1,234 such rows`."""
        return counted(len(self._each(records)), "such row")

    def _each(self, records: Sequence[int] | Array) -> Array:
        """The numbers of records in their files, each once: of a melted table many come from one row."""
        wanted = np.asarray(records, "int64")
        return wanted if self.kept is None else pd.unique(self.kept[wanted])

    def _places(self, wanted: Array) -> list[tuple[str, int]]:
        """(file, row) of records."""
        stops = np.cumsum([origin.count for origin in self.origins])
        places = []
        for record in wanted:
            i = int(np.searchsorted(stops, record, side="right"))
            origin = self.origins[i]
            within = record - (stops[i] - origin.count)
            row = origin.number(np.array([within]))[0]
            places.append((origin.name, int(row)))
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
    texts = [_clean_name(name) for name in names]
    trimmed = [text for text, name in zip(texts, names, strict=True) if text and text != str(name)]
    if trimmed:
        words = "spaces and brackets around column names, and line ends in them, are left out"
        if any("\\x" in text for text in trimmed):
            words += ", and control characters are written as \\x1b"
        report.say("column-names", f"{words}: {listed(trimmed)}")
    seen: dict[str, int] = {}
    unique = []
    renamed = []
    for i, text in enumerate(texts):
        name = text or f"column {i + 1}"
        seen[name] = seen.get(name, 0) + 1
        if seen[name] == 1:
            unique.append(name)
            continue
        unique.append(f"{name} ({seen[name]})")
        renamed.append(unique[-1])
    if renamed:
        twice = [name for name, count in seen.items() if count > 1]
        report.say(
            "duplicate-column",
            f"several columns have the same name: {listed(twice)};"
            f" the later ones are called {listed(renamed)}",
            example=twice[0],
        )
    return unique


def _clean_name(name: object) -> str:
    """A name without line ends, and without spaces or <brackets> around it; control characters are visible."""
    if name is None:
        return ""
    trimmed = str(name).strip("\ufeff \t\r\n")
    one_line = re.sub(r"\s*[\r\n]+\s*", " ", trimmed)
    return visible(re.sub(r"^<(.*)>$", r"\1", one_line))


def nameless(name: str) -> bool:
    """Whether a column has no name, or one that pandas gives to an index without one."""
    pandas = r"Unnamed: \d+(\.\d+|_level_\d+)?|index|level_0"
    return not name.strip() or re.fullmatch(pandas, name) is not None


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
    """Tables one below the other; a column that one of them lacks is missing there.

    dayfirst: of dates, as given. Raises ReadingError where a column is of types that have nothing in common.
    """
    tables = _spelled_alike(tables)
    names = list(dict.fromkeys(name for table in tables for name in table.columns))
    columns = {}
    partial = []
    for name in names:
        _refuse_types(name, tables, report)
        parts = []
        for table in tables:
            parts.append(table.columns.get(name, pa.chunked_array([pa.nulls(table.count)])))
        chunks: list[pa.Array] = []
        for part in _one_type(name, parts, dayfirst, report):
            chunks += part.chunks
        columns[name] = pa.chunked_array(chunks)
        if any(name not in table.columns for table in tables):
            partial.append(name)
    if partial:
        lacking = "not every file has these columns, which are missing values there"
        report.say(
            "partial-column",
            f"{lacking}: {listed(partial)}",
            remedy="(give it the same name by `names` where it is called otherwise there)",
        )
    origins = tuple(origin for table in tables for origin in table.origins)
    marks = [table.decimal for table in tables if table.decimal]
    notes = "\n".join(dict.fromkeys(table.notes for table in tables))
    count = sum(table.count for table in tables)
    return Table(where, columns, count, origins, decimal=marks[0] if marks else None, notes=notes)


def _spelled_alike(tables: Sequence[Table]) -> list[Table]:
    """The tables with one spelling of each name, the first.

    Close and close are one column, but not of a file that has both.
    """
    spelled: dict[str, str] = {}
    alike = []
    for table in tables:
        if not _has_two_spellings(table):
            for name in table.columns:
                spelled.setdefault(name.casefold(), name)
    for table in tables:
        if _has_two_spellings(table):
            alike.append(table)
            continue
        columns = {spelled[name.casefold()]: column for name, column in table.columns.items()}
        alike.append(replace(table, columns=columns))
    return alike


def _has_two_spellings(table: Table) -> bool:
    return len({name.casefold() for name in table.columns}) < len(table.columns)


def _refuse_types(name: str, tables: Sequence[Table], report: Report) -> None:
    """Refuse a column that holds lists, structs, bytes or durations in one file and another type in another."""
    held = {table.where: cell_type(table.columns[name]) for table in tables if name in table.columns}
    odd = [where for where, kind in held.items() if not _is_common(kind)]
    if not odd:
        return
    others = [where for where, kind in held.items() if kind != held[odd[0]] and not pa.types.is_null(kind)]
    if others:
        report.refuse(
            "other-type",
            f"Column {name!r} is of type {held[odd[0]]} in {odd[0]}"
            f" and of type {held[others[0]]} in {others[0]}.",
            example=held[odd[0]],
            remedy="Write it in one type in all files, or read each file alone.",
        )


def _is_common(kind: pa.DataType) -> bool:
    """Whether cells of a type can be brought to those of another: numbers, text, true and false, stamps."""
    if is_number(kind) or is_text(kind) or pa.types.is_boolean(kind) or pa.types.is_null(kind):
        return True
    return pa.types.is_temporal(kind) and not pa.types.is_duration(kind)


def _one_type(
    name: str, parts: list[pa.ChunkedArray], dayfirst: bool | None, report: Report
) -> list[pa.ChunkedArray]:
    """Columns of one type.

    Their own where they agree, else float64 of numbers, timestamps where all text can be read so, else text.
    """
    numbers = any(is_number(cell_type(part)) for part in parts)
    stamps = any(pa.types.is_timestamp(cell_type(part)) for part in parts)
    brought = []
    for part in parts:
        if pa.types.is_dictionary(part.type):
            part = part.cast(part.type.value_type)
        if numbers and pa.types.is_boolean(part.type):  # next to numbers True is 1, as it is alone
            part = pc.cast(part, pa.uint8())
        if stamps and is_text(part.type):
            part = _moments(name, part, dayfirst, report)
        brought.append(part)
    kind = _common_type({part.type for part in brought if not pa.types.is_null(part.type)})
    return [part if part.type == kind else pc.cast(part, kind) for part in brought]


def _common_type(kinds: set[pa.DataType]) -> pa.DataType:
    """The type that holds the cells of several types."""
    if not kinds:
        return pa.null()
    if len(kinds) == 1:
        return next(iter(kinds))
    if all(is_number(kind) for kind in kinds):
        return pa.float64()
    zones = {getattr(kind, "tz", None) for kind in kinds}
    if len(zones) == 1 and all(pa.types.is_timestamp(kind) or pa.types.is_date(kind) for kind in kinds):
        return pa.timestamp("ns", next(iter(zones)))
    return pa.string()


def _moments(name: str, text: pa.ChunkedArray, dayfirst: bool | None, report: Report) -> pa.ChunkedArray:
    """A column of text of one file as timestamps, as in the other files, where all its cells can be read.

    An open order of day and month is said.
    """
    read = parse_text(text, dayfirst)
    if len(read.bad) or len(read.outside) or read.clash or read.offset is not None or read.form == "nothing":
        return text
    forms = f"{name}: not every file writes stamps in one form"
    if read.rival is None:
        first = next((cell for cell in text.to_pylist() if cell), "")
        report.say("time-format", f"{forms}; {first} is read as {read.form}", example=first)
        return pa.chunked_array([pa.array(read.wall)])
    row = int(np.flatnonzero(read.rival != read.wall)[0])
    taken = read.wall[row].astype("datetime64[D]")
    other = read.rival[row].astype("datetime64[D]")
    report.say(
        "ambiguous-day-first",
        f"{forms}, and in one of them no row tells the order of day, month and year:"
        f" {text[row]} is read as {taken} and not {other}",
        example=text[row],
        remedy=f"(`dayfirst={not read.dayfirst}` if that is wrong, `dayfirst={read.dayfirst}` if it is right)",
    )
    return pa.chunked_array([pa.array(read.wall)])
