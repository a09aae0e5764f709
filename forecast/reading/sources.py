"""What a panel can be read from: delimited text, Parquet, a folder of files, frames of pandas, polars and Arrow.

Each becomes a Table.
"""

import ast
import errno
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from forecast.arrays import Array
from forecast.data.findings import ReadingError, Report, listed
from forecast.errors import ForecastError, nearest, of_system
from forecast.reading.archives import aemo_table, is_aemo, tsf_table
from forecast.reading.delimited import read_delimited
from forecast.reading.tables import (
    Origin,
    Request,
    Table,
    clean_names,
    concatenated,
    is_number,
    nameless,
    without_empty,
)
from forecast.reading.ts import ENDING, read_ts

FILE_ID = "unique_id"  # the column that says which file of a folder a row comes from
_TEXT = (".csv", ".tsv", ".txt", ".dat", ".1")  # of which the last is how OMIE numbers its files
_PACKED = ("", ".gz", ".zst", ".bz2")
_INDEX = re.compile(r"__index_level_\d+__")  # what pandas calls an index without a name
_PART = re.compile(r"(part|data|chunk)?[-_.]?\d+.*|part[-_].*")  # a file that is a piece of one table


def load_table(source: Any, report: Report, request: Request, id_names: tuple[str, ...] = ()) -> Table:
    """The table of a path or frame. A folder whose files have a column of `id_names` is one table."""
    if isinstance(source, str | Path):
        path = Path(source).expanduser()
        if path.is_dir():
            return _folder(path, report, request, id_names)
        return _file(path, report, request)
    _refuse_options_of_text("a frame", request)
    return _frame(source, report)


def _refuse_options_of_text(where: str, request: Request) -> None:
    """ForecastError where an option of text files is given for another source."""
    for name, value in (("encoding", request.encoding), ("header", request.header)):
        if value is not None:
            raise ForecastError(f"`{name}={value}` is for files of text; {where} is none. Leave it out.")


def _file(path: Path, report: Report, request: Request) -> Table:
    """The table of a file, read as its name ends."""
    if not path.exists():
        known = [file.name for file in path.parent.glob("*") if _suffix(file)]
        report.refuse("no-such-file", f"There is no file {path}.{nearest(path.name, sorted(known))}")
    suffix = _suffix(path)
    if suffix is None:
        kinds = ", ".join(ending for ending in READERS if ending.count(".") == 1)
        report.refuse(
            "not-a-table",
            f"{path.name} is not a kind of file that is read here. There is: {kinds}, the text ones also as"
            " .gz or .zst.",
        )
    try:
        return READERS[suffix](path, report, request)
    except ForecastError:
        raise
    except (pa.ArrowException, ValueError, OSError, EOFError) as error:
        if isinstance(error, OSError) and error.errno == errno.EIO:
            raise of_system(error, path) from None
        lines = str(error).strip().splitlines() or [type(error).__name__]
        unreadable = f"{path.name} is not a table that can be read as {suffix[1:]}: {lines[0]}"
        report.refuse("not-a-table", unreadable)


def _suffix(path: Path) -> str | None:
    """The ending of READERS that a file has, the longest; None where it has none."""
    endings = [ending for ending in READERS if path.name.lower().endswith(ending)]
    return max(endings, key=len, default=None)


def _parquet(path: Path, report: Report, request: Request) -> Table:
    """The table of a Parquet file, of which only the columns that are needed are read."""
    _refuse_options_of_text(path.name, request)
    file = pq.ParquetFile(path)
    schema = file.schema_arrow
    kinds = {field.name: _kind(field.type) for field in schema}
    wanted = request.columns(kinds)
    chosen = [name for name in schema.names if name in wanted]
    table = file.read(columns=chosen) if len(chosen) < len(schema.names) else file.read()
    return _arrow(table, path.name, report, 1)


def _text(path: Path, report: Report, request: Request) -> Table:
    """The table of a text file: delimited, or one of those in a file of AEMO."""
    if not is_aemo(path):
        return read_delimited(path, report, request)
    found, comment, places = aemo_table(path, request.header, report)
    table = _arrow(found, path.name, report, 1)
    origin = Origin(path.name, table.count, lambda records: places[records])
    return replace(table, origins=(origin,), notes=comment)


def _tsf(path: Path, report: Report, request: Request) -> Table:
    """The table of a file of the Monash archive, whose rows are counted as observations."""
    _refuse_options_of_text(path.name, request)
    return _arrow(tsf_table(path, report), path.name, report, 1)


READERS: dict[str, Callable[[Path, Report, Request], Table]] = {
    **{text + packed: read_delimited for text in _TEXT for packed in _PACKED},
    **dict.fromkeys(_TEXT, _text),
    ".tsf": _tsf,
    ".parquet": _parquet,
    ".pq": _parquet,
    ENDING: read_ts,
}


def _kind(kind: pa.DataType) -> str:
    if is_number(kind):
        return "number"
    return "stamp" if pa.types.is_temporal(kind) else "text"


def _from(first: int) -> Callable[[Array], Array]:
    """Rows of records that are counted from `first`."""
    return lambda records: records + first


def _arrow(table: pa.Table, where: str, report: Report, first: int) -> Table:
    """An Arrow table as a Table whose rows are counted from `first`."""
    given = []
    kept = []
    numbered = False
    for name, raw in zip(table.column_names, table.columns, strict=True):
        column = _plain(raw)
        is_index = _INDEX.fullmatch(name) is not None
        if is_index and is_number(column.type):
            numbered = True
            continue
        given.append("" if is_index else _levels(name))
        kept.append(column)
    if numbered:
        report.say("index-column", "what numbers the rows, an index of pandas without a name, is left out")
    names = clean_names(given, report)
    unnamed = [name for name, old in zip(names, given, strict=True) if nameless(old)]
    columns = dict(zip(names, kept, strict=True))
    origin = Origin(where, table.num_rows, _from(first))
    return without_empty(Table(where, columns, table.num_rows, (origin,)), unnamed, report)


def _plain(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """A column of plain types.

    Views and bytes become text, a dictionary of other than text its values, periods stamps.
    """
    kind = column.type
    if isinstance(kind, pa.BaseExtensionType):
        series = column.to_pandas()
        if isinstance(series.dtype, pd.PeriodDtype):
            return _pandas_column(series)
        return pa.chunked_array([chunk.storage for chunk in column.chunks], kind.storage_type)
    if pa.types.is_dictionary(kind):
        return _plain_dictionary(column)
    if pa.types.is_string_view(kind):
        return pc.cast(column, pa.large_string())
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        try:
            return pc.cast(column, pa.large_string())
        except pa.ArrowInvalid:  # bytes that are no text
            return column
    return column


def _plain_dictionary(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """A column that is coded by a dictionary of text; the values of any other dictionary."""
    kind = column.type
    values = kind.value_type
    if pa.types.is_string(values) or pa.types.is_large_string(values):
        return column
    if not pa.types.is_string_view(values):
        return _plain(pc.cast(column, values))
    parts = []
    for chunk in column.chunks:
        text = pc.cast(chunk.dictionary, pa.string())
        parts.append(pa.DictionaryArray.from_arrays(chunk.indices, text))
    return pa.chunked_array(parts, pa.dictionary(kind.index_type, pa.string()))


def _folder(folder: Path, report: Report, request: Request, id_names: tuple[str, ...]) -> Table:
    """Files one below the other: each a series named by its file, unless a column names the series.

    Of a partitioned data set, whose folders are called column=value, each file has these columns too.
    """
    files = _files(folder, report)
    partitions = {file: _partitions(folder, file) for file in files}
    partitioned = any(partitions.values())
    aside = [file for file in files if partitioned and not partitions[file]]
    if aside:
        outside = "files outside of the folders of the data set are passed over"
        report.say("files", f"{outside}: {listed([file.name for file in aside])}")
    tables = _members(folder, [file for file in files if file not in aside], report, request)
    _refuse_strangers([*tables.values()], report)
    if partitioned:
        columns = dict.fromkeys(name for file in tables for name in partitions[file])
        words = f"a data set of {len(tables)} files, with columns {listed([*columns])}"
        added = partitions
    elif _is_one_table(tables, id_names):
        words = f"{len(tables)} files, read as one table: {listed([file.name for file in tables])}"
        added = {}
    else:
        stems = [_stem(file) for file in tables]
        words = f"{len(tables)} files, each a series named by its file: {listed(stems)}"
        added = {file: {FILE_ID: _stem(file)} for file in tables}
    report.say("files", words)
    whole = [_with_names(table, added.get(file, {})) for file, table in tables.items()]
    return concatenated(whole, folder.name, request.dayfirst, report)


def _files(folder: Path, report: Report) -> list[Path]:
    """The files of a folder that can be read, by name; hidden ones and those of hidden folders are none."""
    inside = []
    for path in sorted(folder.rglob("*")):
        hidden = any(part[0] in "._" for part in path.relative_to(folder).parts)
        if path.is_file() and not hidden:
            inside.append(path)
    files = [path for path in inside if _suffix(path)]
    if not files:
        report.refuse(
            "no-such-file",
            f"{folder} is a folder that holds no CSV or Parquet file.",
            remedy=f"There is: {listed([f.name for f in inside])}." if inside else "",
        )
    return files


def _partitions(folder: Path, file: Path) -> dict[str, str]:
    """The columns that the folders of a file tell, as in year=2024/month=1."""
    found = {}
    for part in file.relative_to(folder).parts[:-1]:
        name, mark, value = part.partition("=")
        if mark:
            found[name] = unquote(value)
    return found


def _members(folder: Path, files: list[Path], report: Report, request: Request) -> dict[Path, Table]:
    """The tables of files that hold rows; what is found in several of them is said once."""
    notes = Report()
    tables = {}
    void = []
    for file in files:
        empty = not file.stat().st_size
        table = None if empty else _member(folder, file, notes, replace(request, columns=_all))
        if table is None or not table.count:
            void.append(str(file.relative_to(folder)))
        else:
            tables[file] = table
    seen: set[tuple[str, str]] = set()
    for finding in notes.findings:
        if (finding.code, finding.message) not in seen:
            report.findings.append(finding)
            seen.add((finding.code, finding.message))
    if void:
        report.say("empty-file", f"files without a row below their header are passed over: {listed(void)}")
    if not tables:
        report.refuse(
            "no-rows",
            f"No file of {folder.name} holds a row.",
            remedy="Tables with a header and at least some dozens of rows are needed.",
        )
    return tables


def _is_one_table(tables: Mapping[Path, Table], id_names: tuple[str, ...]) -> bool:
    """Whether files are pieces of one table: by their names, or because a column names the series."""
    if all(_PART.fullmatch(file.name) for file in tables):
        return True
    names = {name.lower() for table in tables.values() for name in table.columns}
    return not names.isdisjoint(id_names)


def _member(folder: Path, file: Path, report: Report, request: Request) -> Table:
    """A file of a folder, called by its path in it.

    Where it is no table, that it may have no business there is said.
    """
    where = str(file.relative_to(folder))
    try:
        table = _file(file, report, request)
    except ReadingError as error:
        *before, last = error.findings
        if last.code != "not-a-table":
            raise
        remedy = f"{last.remedy} If it is none of the data, move it out of the folder.".strip()
        raise ReadingError([*before, replace(last, remedy=remedy)]) from None
    origins = tuple(replace(origin, name=where) for origin in table.origins)
    return replace(table, where=where, origins=origins)


def _refuse_strangers(tables: list[Table], report: Report) -> None:
    """Files that have no column of the first one cannot be one table."""
    known = {name.casefold() for name in tables[0].columns}
    for table in tables[1:]:
        if not known & {name.casefold() for name in table.columns}:
            report.refuse(
                "no-common-column",
                f"{tables[0].where} and {table.where} have no column in common:"
                f" found {listed([*tables[0].columns])} and {listed([*table.columns])}.",
                remedy="Give the columns of one kind the same name in all files, or read each file alone.",
            )


def _all(names: Any) -> set[str]:
    return set(names)


def _stem(file: Path) -> str:
    """The name of a file without the ending by which it is read."""
    return file.name[: -len(_suffix(file) or "")]


def _with_names(table: Table, names: Mapping[str, str]) -> Table:
    """The table with columns in front that have one name in all rows."""
    made = {}
    for column, name in names.items():
        codes = pa.array(np.zeros(table.count, "int32"))
        made[column] = pa.chunked_array([pa.DictionaryArray.from_arrays(codes, [name])])
    return replace(table, columns={**made, **table.columns})


def _frame(source: Any, report: Report) -> Table:
    """A frame or series of pandas, or anything that hands over Arrow columns (polars, pyarrow).

    Rows are counted from 0.
    """
    if isinstance(source, pd.Series):
        source = source.to_frame("y" if source.name is None else source.name)
    if isinstance(source, pd.DataFrame):
        return _arrow(_pandas(source), "the frame", report, 0)
    if hasattr(source, "__arrow_c_stream__"):
        try:
            table = pa.table(source)
        except pa.ArrowInvalid:  # a single column
            table = pa.table({"y": pa.chunked_array(source)})
        return _arrow(table, "the table", report, 0)
    kind = type(source).__name__
    report.refuse(
        "not-a-table",
        f"A panel is read from a path, a frame, a series with stamps or an Arrow table; found {kind}.",
    )


def _pandas(frame: pd.DataFrame) -> pa.Table:
    """A pandas frame as Arrow columns; an index that means something (a name, stamps) has become columns."""
    names: list[object] = []
    columns = []
    index = frame.index
    known = isinstance(index, pd.DatetimeIndex | pd.PeriodIndex | pd.MultiIndex)
    text = index.inferred_type in ("string", "date", "datetime")  # perhaps stamps
    if known or text or any(name is not None for name in index.names):
        levels = index.to_frame(index=False)
        for i, name in enumerate(index.names):
            columns.append(levels.iloc[:, i])
            names.append(_index_name(levels.dtypes.iloc[i], text) if name is None else name)
    for i, name in enumerate(frame.columns):
        columns.append(frame.iloc[:, i])
        names.append(name)
    return pa.Table.from_arrays(
        [_pandas_column(column) for column in columns], names=[_words(name) for name in names]
    )


def _index_name(kind: Any, text: bool) -> str:
    """The name of a level of an index that has none, by its type. text: whether it may be stamps in words."""
    if pd.api.types.is_datetime64_any_dtype(kind) or isinstance(kind, pd.PeriodDtype):
        return "time"
    return "" if text else FILE_ID


def _levels(name: str) -> str:
    """A column's name, also of several levels as pandas writes it into Parquet: ('Close', 'A')."""
    if not name.startswith("("):
        return name
    try:
        return _words(ast.literal_eval(name))
    except (ValueError, SyntaxError):
        return name


def _words(name: object) -> str:
    """A column's name; of several levels all that say something."""
    if not isinstance(name, tuple):
        return str(name)
    return " ".join(str(level) for level in name if str(level))


def _pandas_column(column: "pd.Series[Any]") -> pa.ChunkedArray:
    """A column of pandas; objects of several types become text, to be looked at cell by cell."""
    if isinstance(column.dtype, pd.PeriodDtype):
        column = column.dt.to_timestamp()
    try:
        made = pa.array(column, from_pandas=True)
    except (pa.ArrowException, TypeError, ValueError, OverflowError):
        cells = [None if pd.isna(cell) else str(cell) for cell in column]
        made = pa.array(cells, pa.string())
    return made if isinstance(made, pa.ChunkedArray) else pa.chunked_array([made])


def as_text(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """A column of names: whole numbers without a decimal point, all else as it is written."""
    if pa.types.is_floating(column.type):
        values = column.drop_null().to_numpy()
        if (values == np.floor(values)).all() and (np.abs(values) < 2**63).all():
            column = pc.cast(column, pa.int64())
    return pc.cast(column, pa.string())
