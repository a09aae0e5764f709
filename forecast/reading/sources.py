"""What a panel can be read from: delimited text, Parquet, a folder of files, frames of pandas, polars and Arrow. Each becomes a Table."""

import ast
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
from forecast.errors import nearest
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

FILE_ID = "unique_id"  # the column that says which file of a folder a row comes from
_TEXT = (".csv", ".tsv", ".txt", ".dat")
_PACKED = ("", ".gz", ".zst", ".bz2")


def load_table(source: Any, report: Report, request: Request, id_names: tuple[str, ...] = ()) -> Table:
    """The table of a path or frame. A folder whose files have a column of `id_names` is one table."""
    if isinstance(source, str | Path):
        path = Path(source).expanduser()
        if path.is_dir():
            return _folder(path, report, request, id_names)
        return _file(path, report, request)
    return _frame(source, report)


def _file(path: Path, report: Report, request: Request) -> Table:
    suffix = next((ending for ending in READERS if path.name.lower().endswith(ending)), None)
    if not path.exists():
        beside = (
            [file.name for file in path.parent.glob("*") if file.name.lower().endswith(tuple(READERS))]
            if path.parent.is_dir()
            else []
        )
        report.refuse("no-such-file", f"There is no file {path}.{nearest(path.name, sorted(beside))}")
    if suffix is None:
        kinds = ", ".join(ending for ending in READERS if ending.count(".") == 1)
        report.refuse(
            "not-a-table",
            f"{path.name} is not a kind of file that is read here. There is: {kinds}, the text ones also as .gz or .zst.",
        )
    try:
        return READERS[suffix](path, report, request)
    except (pa.ArrowException, ValueError, OSError, EOFError) as error:
        text = (str(error).strip().splitlines() or [type(error).__name__])[0]
        report.refuse("not-a-table", f"{path.name} is not a table that can be read as {suffix[1:]}: {text}")


def _parquet(path: Path, report: Report, request: Request) -> Table:
    file = pq.ParquetFile(path)
    schema = file.schema_arrow
    wanted = request.columns(
        {name: _kind(kind) for name, kind in zip(schema.names, schema.types, strict=True)}
    )
    chosen = [name for name in schema.names if name in wanted]
    table = file.read(columns=chosen) if len(chosen) < len(schema.names) else file.read()
    return _arrow(table, path.name, report, 1)


READERS: dict[str, Callable[[Path, Report, Request], Table]] = {
    **{text + packed: read_delimited for text in _TEXT for packed in _PACKED},
    ".parquet": _parquet,
    ".pq": _parquet,
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
    table = pa.Table.from_arrays([_plain(column) for column in table.columns], names=table.column_names)
    index = re.compile(r"__index_level_\d+__")
    numbers = [
        name for name in set(table.column_names) if index.fullmatch(name) and is_number(table[name].type)
    ]
    if numbers:
        report.say("index-column", "what numbers the rows, an index of pandas without a name, is left out")
    table = table.drop_columns(numbers)
    given = [
        _levels(name) if not index.fullmatch(name) else "" for name in table.column_names
    ]  # what pandas calls an index without a name
    names = clean_names(given, report)
    made = Table(
        where,
        dict(zip(names, table.columns, strict=True)),
        table.num_rows,
        (Origin(where, table.num_rows, _from(first)),),
    )
    return without_empty(
        made, [name for name, old in zip(names, given, strict=True) if nameless(old)], report
    )


def _plain(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """A column without what Arrow has beside plain types: views and bytes become text, a dictionary of other than text its values, periods stamps."""
    kind = column.type
    if isinstance(kind, pa.BaseExtensionType):
        series = column.to_pandas()
        return (
            _pandas_column(series)
            if isinstance(series.dtype, pd.PeriodDtype)
            else pa.chunked_array([c.storage for c in column.chunks], kind.storage_type)
        )
    if pa.types.is_dictionary(kind) and not (
        pa.types.is_string(kind.value_type) or pa.types.is_large_string(kind.value_type)
    ):
        if pa.types.is_string_view(kind.value_type):
            parts = [
                pa.DictionaryArray.from_arrays(one.indices, pc.cast(one.dictionary, pa.string()))
                for one in column.chunks
            ]
            return pa.chunked_array(parts, pa.dictionary(kind.index_type, pa.string()))
        return _plain(pc.cast(column, kind.value_type))
    if pa.types.is_string_view(kind):
        return pc.cast(column, pa.large_string())
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        try:
            return pc.cast(column, pa.large_string())
        except pa.ArrowInvalid:  # bytes that are no text
            return column
    return column


def _folder(folder: Path, report: Report, request: Request, id_names: tuple[str, ...]) -> Table:
    """Files one below the other: each a series named by its file, unless a column names the series. Of a partitioned data set, whose folders are
    called column=value, each file has these columns too.
    """
    inside = [
        path
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not any(part[0] in "._" for part in path.relative_to(folder).parts)
    ]
    files = [path for path in inside if path.name.lower().endswith(tuple(READERS))]
    if not files:
        report.refuse(
            "no-such-file",
            f"{folder} is a folder that holds no CSV or Parquet file.",
            remedy=f"There is: {listed([f.name for f in inside])}." if inside else "",
        )
    partitions = {
        file: [part.partition("=") for part in file.relative_to(folder).parts[:-1] if "=" in part]
        for file in files
    }
    partitioned = any(partitions.values())
    aside = [file for file in files if partitioned and not partitions[file]]
    if aside:
        report.say(
            "files",
            f"files outside of the folders of the data set are passed over: {listed([file.name for file in aside])}",
        )
    notes = Report()
    files = [file for file in files if file not in aside]
    made = {
        file: _member(folder, file, notes, replace(request, columns=_all))
        for file in files
        if file.stat().st_size
    }
    seen: set[tuple[str, str]] = set()
    for finding in notes.findings:
        if (finding.code, finding.message) not in seen:
            report.findings.append(finding)
            seen.add((finding.code, finding.message))
    void = [str(file.relative_to(folder)) for file in files if file not in made or not made[file].count]
    if void:
        report.say("empty-file", f"files without a row below their header are passed over: {listed(void)}")
    tables = {file: table for file, table in made.items() if table.count}
    if not tables:
        report.refuse(
            "no-rows",
            f"No file of {folder.name} holds a row.",
            remedy="Tables with a header and at least some dozens of rows are needed.",
        )
    _refuse_strangers([*tables.values()], report)
    parts = all(re.fullmatch(r"(part|data|chunk)?[-_.]?\d+.*|part[-_].*", file.name) for file in tables)
    named = any(name.lower() in id_names for table in tables.values() for name in table.columns)
    if partitioned:
        report.say(
            "files",
            f"a data set of {len(tables)} files, with columns {listed([*dict.fromkeys(p[0] for f in tables for p in partitions[f])])}",
        )
        tables = {
            file: _with_names(table, {name: unquote(value) for name, _, value in partitions[file]})
            for file, table in tables.items()
        }
    elif not parts and not named:
        report.say(
            "files",
            f"{len(tables)} files, each a series named by its file: {listed([_stem(file) for file in tables])}",
        )
        tables = {file: _with_names(table, {FILE_ID: _stem(file)}) for file, table in tables.items()}
    else:
        report.say(
            "files", f"{len(tables)} files, read as one table: {listed([file.name for file in tables])}"
        )
    return concatenated([*tables.values()], folder.name, request.dayfirst, report)


def _member(folder: Path, file: Path, report: Report, request: Request) -> Table:
    """A file of a folder, called by its path in it; where it is no table, that it may have no business there is said."""
    where = str(file.relative_to(folder))
    try:
        table = _file(file, report, request)
        return replace(
            table, where=where, origins=tuple(replace(origin, name=where) for origin in table.origins)
        )
    except ReadingError as error:
        *before, last = error.findings
        if last.code != "not-a-table":
            raise
        raise ReadingError(
            [
                *before,
                replace(
                    last,
                    remedy=f"{last.remedy} If it is none of the data, move it out of the folder.".strip(),
                ),
            ]
        ) from None


def _refuse_strangers(tables: list[Table], report: Report) -> None:
    """Files that have no column of the first one cannot be one table."""
    known = {name.casefold() for name in tables[0].columns}
    for table in tables[1:]:
        if not known & {name.casefold() for name in table.columns}:
            report.refuse(
                "no-common-column",
                f"{tables[0].where} and {table.where} have no column in common: found {listed([*tables[0].columns])} and {listed([*table.columns])}.",
                remedy="Give the columns of one kind the same name in all files, or read each file alone.",
            )


def _all(names: Any) -> set[str]:
    return set(names)


def _stem(file: Path) -> str:
    suffix = max((ending for ending in READERS if file.name.lower().endswith(ending)), key=len)
    return file.name[: -len(suffix)]


def _with_names(table: Table, names: Mapping[str, str]) -> Table:
    """The table with columns in front that have one name in all rows."""
    made = {
        column: pa.chunked_array(
            [pa.DictionaryArray.from_arrays(pa.array(np.zeros(table.count, "int32")), [name])]
        )
        for column, name in names.items()
    }
    return replace(table, columns={**made, **table.columns})


def _frame(source: Any, report: Report) -> Table:
    """A frame or series of pandas, or anything that hands over Arrow columns (polars, pyarrow); rows are counted from 0."""
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
    known = isinstance(frame.index, pd.DatetimeIndex | pd.PeriodIndex | pd.MultiIndex)
    text = frame.index.inferred_type in ("string", "date", "datetime")  # perhaps stamps
    means = known or text or any(name is not None for name in frame.index.names)
    index = frame.index.to_frame(index=False) if means else pd.DataFrame(index=range(len(frame)))
    stamped = [
        pd.api.types.is_datetime64_any_dtype(kind) or isinstance(kind, pd.PeriodDtype)
        for kind in index.dtypes
    ]
    given = [
        own if own is not None else "time" if stamp else "" if text else FILE_ID
        for own, stamp in zip(frame.index.names, stamped, strict=False)
    ]
    columns = [*zip(given, (index.iloc[:, i] for i in range(index.shape[1])), strict=False)]
    columns += [(name, frame.iloc[:, i]) for i, name in enumerate(frame.columns)]
    return pa.Table.from_arrays(
        [_pandas_column(column) for _, column in columns], names=[_words(name) for name, _ in columns]
    )


def _levels(name: str) -> str:
    """A column's name, also of several levels as pandas writes it into Parquet: ('Close', 'A')."""
    try:
        return _words(ast.literal_eval(name)) if name.startswith("(") else name
    except (ValueError, SyntaxError):
        return name


def _words(name: object) -> str:
    """A column's name; of several levels all that say something."""
    return " ".join(str(level) for level in name if str(level)) if isinstance(name, tuple) else str(name)


def _pandas_column(column: "pd.Series[Any]") -> pa.ChunkedArray:
    if isinstance(column.dtype, pd.PeriodDtype):
        column = column.dt.to_timestamp()
    try:
        made = pa.array(column, from_pandas=True)
    except (
        pa.ArrowException,
        TypeError,
        ValueError,
        OverflowError,
    ):  # objects of several types: as text, to be looked at cell by cell
        made = pa.array([None if pd.isna(cell) else str(cell) for cell in column], pa.string())
    return made if isinstance(made, pa.ChunkedArray) else pa.chunked_array([made])


def as_text(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """A column of names: whole numbers without a decimal point, all else as it is written."""
    if pa.types.is_floating(column.type):
        values = column.drop_null().to_numpy()
        if (values == np.floor(values)).all() and (np.abs(values) < 2**63).all():
            column = pc.cast(column, pa.int64())
    return pc.cast(column, pa.string())
