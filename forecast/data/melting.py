"""Tables with stamps, or the numbers of steps, across their columns become tables with a row for each: a series a row, or a year a row."""

import re
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from forecast.data.columns import codes_of, distinct, joined
from forecast.data.findings import Report, listed
from forecast.data.sources import FILE_ID, as_text
from forecast.data.stamps import month_of, parse_text, part_of
from forecast.data.tables import Table
from forecast.files import Array

LEAST = 10  # columns across that such a table has
_YEAR = re.compile(r"(1[5-9]\d\d|20\d\d)(?:\s*\[YR\1\])?")  # as the World Bank writes it, too


def melted(table: Table, kinds: dict[str, str], report: Report) -> Table:
    """The table as columns unique_id, time and value where it has stamps or steps across, as time and value where it has months; else as it is."""
    if any(kind == "stamp" for kind in kinds.values()):
        return table
    months = {month: name for name in table.columns if (month := month_of(name))}
    year = next((name for name in table.columns if part_of(name) == "year" and kinds[name] == "number"), None)
    if year is not None and len(months) == 12:
        return _from_years(table, year, [months[month] for month in sorted(months)], report)
    names = list(table.columns)
    across = _stamped(names) or _counted([name for name in names if kinds[name] in ("number", "empty")])
    text = [name for name in names if kinds[name] == "text" and name not in across]
    if len(across) < LEAST or not text:
        return table
    stamps = np.array(list(across.values()))
    named = next((name for name in text if _each_its_own(table.columns[name])), None)
    labels = as_text(table.columns[named]) if named else joined([table.columns[name] for name in text])
    if stamps.dtype == object and not named:
        return table
    if not named and not _each_its_own(labels):
        report.refuse(
            "which-id",
            f"The columns of {table.where} are stamps, so that each row is a series, but {listed(text)} name some of them alike.",
            remedy="Give each row a name of its own.",
        )
    report.say("row-series", f"each row is a series, named by {named or ' '.join(text)}: {table.count} ({listed(labels.to_pylist())})")
    _say_left([name for name in names if name not in across and name != named], report)
    made = _long(table, list(across), None if stamps.dtype == object else np.tile(stamps, table.count))
    codes, ids = codes_of(labels)
    ident = pa.DictionaryArray.from_arrays(pa.array(np.repeat(codes, len(across)).astype("int32")), list(ids))
    made = replace(made, columns={FILE_ID: pa.chunked_array([ident]), **made.columns})
    return made if stamps.dtype != object else made.keep(_before_the_end(made.columns["value"], len(across)))


def _from_years(table: Table, year: str, months: list[str], report: Report) -> Table:
    """A table with a row a year and a column a month as one of a row a month."""
    years = pc.cast(table.columns[year], pa.float64(), safe=False).to_numpy()
    if not ((years == np.floor(years)) & (np.abs(years) < 10_000)).all():
        return table
    report.say("row-series", f"each row is a year, named by {year}, and each month a column: read as one series of months")
    _say_left([name for name in table.columns if name != year and name not in months], report)
    first = (years.astype("int64") - 1970).astype("datetime64[Y]").astype("datetime64[M]")
    return _long(table, months, (first[:, None] + np.arange(12)).astype("datetime64[ns]").ravel())


def _long(table: Table, across: list[str], times: Array | None) -> Table:
    """The cells of the columns `across` below each other, row by row, with their stamps (rows x columns,) if there are any."""
    columns = [table.columns[name] for name in across]
    if all(pa.types.is_integer(one.type) or pa.types.is_floating(one.type) or one.null_count == len(one) for one in columns):
        cells = pa.array(np.stack([pc.cast(column, pa.float64(), safe=False).to_numpy() for column in columns], axis=1).ravel(), from_pandas=True)
    else:
        texts = np.stack([as_text(column).to_numpy() for column in columns], axis=1)
        cells = pa.array(texts.ravel(), pa.string())
    kept = np.repeat(np.arange(table.count) if table.kept is None else table.kept, len(across))
    made = {} if times is None else {"time": pa.chunked_array([pa.array(times)])}
    return replace(table, columns={**made, "value": pa.chunked_array([cells])}, count=len(cells), kept=kept)


def _stamped(names: list[str]) -> dict[str, object]:
    """The names that are stamps, with their stamps; none where fewer than LEAST are."""
    years = {name: np.datetime64(found[1], "ns") for name in names if (found := _YEAR.fullmatch(name))}
    if len(years) >= LEAST:
        return dict(years)
    read = parse_text(pa.chunked_array([pa.array(names, pa.string())]))
    good = {name: stamp for name, stamp in zip(names, read.wall, strict=True) if not np.isnat(stamp)}
    return good if len(good) >= LEAST and not read.tie and read.clash is None else {}


def _counted(names: list[str]) -> dict[str, object]:
    """Names such as V2, V3, V4 that count the steps of a series, without stamps; none where they do not."""
    tails = [re.fullmatch(r"(\D*)(\d+)", name) for name in names]
    counts = all(tails) and all(one and two and one[1] == two[1] and int(two[2]) == int(one[2]) + 1 for one, two in pairwise(tails))
    return dict.fromkeys(names) if counts else {}


def _each_its_own(column: pa.ChunkedArray) -> bool:
    return column.null_count == 0 and distinct(column) == len(column)


def _before_the_end(values: pa.ChunkedArray, width: int) -> Array:
    """Which cells (rows x width,) are not among the empty ones at the end of their row."""
    seen = ~pc.is_null(values, nan_is_null=pa.types.is_floating(values.type)).to_numpy().reshape(-1, width)
    return (np.cumsum(seen[:, ::-1], axis=1)[:, ::-1] > 0).ravel()


def _say_left(names: list[str], report: Report) -> None:
    if names:
        report.say("text", f"columns beside them are left out: {listed(names, 20)}")
