"""What a panel can be read from: delimited text, Parquet, a folder of files, frames of pandas, polars and Arrow. Each becomes a Table."""

import ast
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pyarrow.parquet as pq

from forecast.data.delimited import read_delimited
from forecast.data.findings import Report, listed
from forecast.data.tables import Origin, Request, Table, clean_names, concatenated, is_number, nameless, without_empty
from forecast.errors import nearest
from forecast.files import Array

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
        beside = [file.name for file in path.parent.glob("*") if file.name.lower().endswith(tuple(READERS))] if path.parent.is_dir() else []
        report.refuse("no-such-file", f"There is no file {path}.{nearest(path.name, sorted(beside))}")
    if suffix is None:
        kinds = ", ".join(ending for ending in READERS if ending.count(".") == 1)
        report.refuse("not-a-table", f"{path.name} is not a kind of file that is read here. There is: {kinds}, the text ones also as .gz or .zst.")
    try:
        return READERS[suffix](path, report, request)
    except (pa.ArrowException, ValueError, OSError, EOFError) as error:
        text = (str(error).strip().splitlines() or [type(error).__name__])[0]
        report.refuse("not-a-table", f"{path.name} is not a table that can be read as {suffix[1:]}: {text}")


def _parquet(path: Path, report: Report, request: Request) -> Table:
    file = pq.ParquetFile(path)
    schema = file.schema_arrow
    wanted = request.columns({name: _kind(kind) for name, kind in zip(schema.names, schema.types, strict=True)})
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
    table = table.drop_columns([name for name in set(table.column_names) if index.fullmatch(name) and not pa.types.is_temporal(table[name].type)])
    given = [_levels(name) if not index.fullmatch(name) else "" for name in table.column_names]  # what pandas calls an index without a name
    names = clean_names(given, report)
    made = Table(where, dict(zip(names, table.columns, strict=True)), table.num_rows, (Origin(where, table.num_rows, _from(first)),))
    return without_empty(made, [name for name, old in zip(names, given, strict=True) if nameless(old)], report)


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
    if pa.types.is_dictionary(kind) and not (pa.types.is_string(kind.value_type) or pa.types.is_large_string(kind.value_type)):
        if pa.types.is_string_view(kind.value_type):
            parts = [pa.DictionaryArray.from_arrays(one.indices, pc.cast(one.dictionary, pa.string())) for one in column.chunks]
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
    """A partitioned Parquet data set, or files one below the other: each a series named by its file, unless a column names the series."""
    inside = [path for path in sorted(folder.rglob("*")) if path.is_file() and not any(part[0] in "._" for part in path.relative_to(folder).parts)]
    files = [path for path in inside if path.name.lower().endswith(tuple(READERS))]
    if not files:
        report.refuse(
            "no-such-file",
            f"{folder} is a folder that holds no CSV or Parquet file.",
            remedy=f"There is: {listed([f.name for f in inside])}." if inside else "",
        )
    if any("=" in part for file in files for part in file.relative_to(folder).parts[:-1]):
        return _data_set(folder, files, report)
    notes = Report()
    made = {file: _file(file, notes, replace(request, columns=_all)) for file in files}
    seen: set[tuple[str, str]] = set()
    for finding in notes.findings:
        if (finding.code, finding.message) not in seen:
            report.findings.append(finding)
            seen.add((finding.code, finding.message))
    void = [file.name for file, table in made.items() if not table.count]
    if void:
        report.say("empty-file", f"files without a row below their header are passed over: {listed(void)}")
    files, tables = [file for file in files if made[file].count], [table for table in made.values() if table.count]
    if not tables:
        report.refuse("no-rows", f"No file of {folder.name} holds a row.", remedy="Tables with a header and at least some dozens of rows are needed.")
    _refuse_strangers(tables, report)
    parts = all(re.fullmatch(r"(part|data|chunk)?[-_.]?\d+.*|part[-_].*", file.name) for file in files)
    named = any(name.lower() in id_names for table in tables for name in table.columns)
    if not parts and not named:
        tables = [_with_id(table, file) for table, file in zip(tables, files, strict=True)]
        report.say("files", f"{len(files)} files, each a series named by its file: {listed([_stem(file) for file in files])}")
    else:
        report.say("files", f"{len(files)} files, read as one table: {listed([file.name for file in files])}")
    return concatenated(tables, folder.name, request.dayfirst, report)


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


def _with_id(table: Table, file: Path) -> Table:
    ident = pa.chunked_array([pa.DictionaryArray.from_arrays(pa.array(np.zeros(table.count, "int32")), [_stem(file)])])
    return replace(table, columns={FILE_ID: ident, **table.columns})


def _data_set(folder: Path, files: list[Path], report: Report) -> Table:
    """A folder of Parquet files whose sub-folders are called column=value."""
    try:
        table = ds.dataset([str(file) for file in files], partitioning=ds.partitioning(flavor="hive"), partition_base_dir=str(folder)).to_table()
    except (pa.ArrowException, ValueError, OSError) as error:
        report.refuse("not-a-table", f"{folder.name} is not a Parquet data set: {str(error).splitlines()[0]}")
    counts = [pq.read_metadata(file).num_rows for file in files]
    made = _arrow(table, folder.name, report, 1)
    report.say("files", f"a data set of {len(files)} Parquet files")
    origins = tuple(Origin(str(file.relative_to(folder)), count, _from(1)) for file, count in zip(files, counts, strict=True))
    return replace(made, origins=origins)


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
    report.refuse("not-a-table", f"A panel is read from a path, a frame, a series with stamps or an Arrow table; found {kind}.")


def _pandas(frame: pd.DataFrame) -> pa.Table:
    """A pandas frame as Arrow columns; an index that means something (a name, stamps) has become columns."""
    means = any(name is not None for name in frame.index.names) or isinstance(frame.index, pd.DatetimeIndex | pd.PeriodIndex | pd.MultiIndex)
    index = frame.index.to_frame(index=False) if means else pd.DataFrame(index=range(len(frame)))
    stamped = [pd.api.types.is_datetime64_any_dtype(kind) or isinstance(kind, pd.PeriodDtype) for kind in index.dtypes]
    given = [own if own is not None else "time" if stamp else FILE_ID for own, stamp in zip(frame.index.names, stamped, strict=False)]
    columns = [*zip(given, (index.iloc[:, i] for i in range(index.shape[1])), strict=False)]
    columns += [(name, frame.iloc[:, i]) for i, name in enumerate(frame.columns)]
    return pa.Table.from_arrays([_pandas_column(column) for _, column in columns], names=[_words(name) for name, _ in columns])


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
    except (pa.ArrowException, TypeError, ValueError, OverflowError):  # objects of several types: as text, to be looked at cell by cell
        made = pa.array([None if pd.isna(cell) else str(cell) for cell in column], pa.string())
    return made if isinstance(made, pa.ChunkedArray) else pa.chunked_array([made])


def as_text(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """A column of names: whole numbers without a decimal point, all else as it is written."""
    if pa.types.is_floating(column.type):
        values = column.drop_null().to_numpy()
        if (values == np.floor(values)).all() and (np.abs(values) < 2**63).all():
            column = pc.cast(column, pa.int64())
    return pc.cast(column, pa.string())
