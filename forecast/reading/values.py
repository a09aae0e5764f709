"""Columns of cells become columns of float64: numbers, the numbers of names, the sines and cosines
of angles.
"""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from forecast.arrays import Array
from forecast.data.findings import Report, counted, listed
from forecast.data.options import as_list
from forecast.data.panel import Column, Role
from forecast.errors import nearest
from forecast.reading.checks import look_at_values
from forecast.reading.columns import ALL, scaled
from forecast.reading.numbers import Decimal, Numbers, mend, parse_numbers
from forecast.reading.roles import codes_of
from forecast.reading.sources import as_text
from forecast.reading.tables import Table, cell_type, is_text

MOST_NAMES = 50  # that a target may have
BLOCK = 1 << 14  # rows that are written at once


@dataclass(frozen=True)
class Choices:
    """How cells are to be read, as given: what means missing, which columns hold angles or names, the decimal
    mark, and by what numbers are multiplied: by column, ALL for all others.

    newer: these are rows that follow others, whose target need not have all of its names.
    """

    missing: tuple[str, ...]
    circular: tuple[str, ...]
    category: tuple[str, ...]
    decimal: Decimal | None
    factors: Mapping[str, float] = field(default_factory=dict)
    newer: bool = False

    def factor(self, name: str) -> float:
        """What the numbers of a column are multiplied by."""
        return self.factors.get(name, self.factors.get(ALL, 1.0))

    @property
    def numbers(self) -> list[float]:
        """The numbers among the signs for missing."""
        found = []
        for sign in self.missing:
            try:
                found.append(float(sign.replace(",", ".") if self.decimal == "," else sign))
            except ValueError:
                continue
        return found


def read_values(
    table: Table,
    taken: dict[str, pa.ChunkedArray],
    roles: Mapping[str, Role],
    choices: Choices,
    report: Report,
) -> tuple[Array, list[Column], str | None]:
    """float64 (n, C) in the order of the file, its columns, and the decimal mark of text where one
    was seen.
    """
    _check_angles(roles, choices, report)
    columns: list[Column] = []
    parts: list[Array] = []
    decimal: str | None = None
    for name, role in roles.items():
        cells = taken.pop(name)
        if name in choices.category:
            codes, names = _category(name, role, cells, choices, report)
            columns.append(Column(name, role, names))
            parts.append(codes)
            continue
        if role == "target" and pa.types.is_boolean(cells.type):
            report.say(
                "boolean-target",
                f"{name} is true or false, and is read as 1 and 0",
                remedy=f"(as names, of which shares are forecast, with `category={shlex.quote(name)}`)",
            )
        column, mark = _floats(table, name, cells, choices, report)
        del cells
        decimal = decimal or mark
        look_at_values(name, column, table, report)
        column = scaled(column, choices.factor(name))
        if name not in choices.circular:
            columns.append(Column(name, role))
            parts.append(column)
            continue
        angle = np.deg2rad(_angles(name, column, table, report))
        with np.errstate(invalid="ignore"):  # infinite ones are errors already
            parts += [np.sin(angle), np.cos(angle)]
        for part in ("sin", "cos"):
            columns.append(Column(f"{name}_{part}", role, made="angle", of=name, part=part))
    report.stop()
    pa.default_memory_pool().release_unused()
    return _beside_each_other(parts, table.count), columns, decimal


def _beside_each_other(parts: Sequence[Array], count: int) -> Array:
    """Columns (n,) as one array (n, C), block by block, so that a row's values are written while
    they are near in memory.
    """
    values = np.empty((count, len(parts)))
    for start in range(0, count, BLOCK):
        block = slice(start, start + BLOCK)
        for j, part in enumerate(parts):
            values[block, j] = part[block]
    return values


def _check_angles(roles: Mapping[str, Role], choices: Choices, report: Report) -> None:
    """Refuse angles that are the target, or no column of numbers that is read."""
    others = [name for name, role in roles.items() if role != "target" and name not in choices.category]
    for name in choices.circular:
        if roles.get(name) == "target":
            report.refuse(
                "not-an-angle",
                f"Column {name!r} is the target and cannot be `circular` as well.",
                remedy="Name another column.",
            )
        if name not in others:
            report.refuse(
                "no-such-column",
                f"There is no past, future or static column {name!r} of numbers for"
                f" `circular`.{nearest(name, others)}",
            )


def _category(
    name: str, role: Role, cells: pa.ChunkedArray, choices: Choices, report: Report
) -> tuple[Array, tuple[str, ...]]:
    """The codes (n,) and the names of a column of names. An empty cell is a name too, but of a
    target or a whole series it is not known.
    """
    missing = choices.missing
    if role not in ("past", "future"):
        missing = (*missing, "")
    codes, names = _codes(cells, missing)
    if role == "target":
        return _target_names(name, codes, names, choices.newer, report)
    _say_category(name, [one for one in names if one not in missing], report)
    return codes, names


def _say_category(name: str, names: list[str], report: Report) -> None:
    """Say how many names a category has."""
    known = [one or "(empty)" for one in names]
    report.say(
        "category",
        f"{name}: a category of {counted(len(known), 'name')} ({listed(known)})",
        example=known[0] if known else "",
    )


def _codes(column: pa.ChunkedArray, missing: tuple[str, ...]) -> tuple[Array, tuple[str, ...]]:
    """The number of each cell's name float64 (n,), NaN where it says missing, and the names; an
    empty cell has the empty name.
    """
    codes, names = codes_of(pc.utf8_trim_whitespace(pc.fill_null(as_text(column), "")))
    values = np.where(np.isin(codes, [i for i, one in enumerate(names) if one in missing]), np.nan, codes)
    return values, names


def _target_names(
    name: str, codes: Array, names: tuple[str, ...], newer: bool, report: Report
) -> tuple[Array, tuple[str, ...]]:
    """The codes (n,) and names of a target without those that no row has; one, but of newer rows, or too many are
    refused.
    """
    seen = np.unique(codes[~np.isnan(codes)]).astype("int64")
    kept = tuple(names[code] for code in seen)
    if len(kept) < 2 and not newer:
        only = f"only {kept[0]!r}" if kept else "no name"
        report.refuse(
            "which-target",
            f"The target {name!r} has {only}, so there is nothing to forecast.",
            remedy="Name another column with `target`.",
        )
    if len(kept) > MOST_NAMES:
        report.refuse(
            "which-target",
            f"The target {name!r} has {len(kept):,} different names ({listed(kept)}); shares of"
            f" at most {MOST_NAMES} are forecast.",
            remedy="Name another column with `target`, or gather the names into fewer.",
        )
    if not newer:
        _say_names(name, kept, report)
    place = np.full(len(names) + 1, np.nan)
    place[seen] = np.arange(len(kept))
    return place[np.where(np.isnan(codes), len(names), codes).astype("int64")], kept


def _say_names(name: str, kept: tuple[str, ...], report: Report) -> None:
    """Report that shares of names are forecast."""
    report.say(
        "named-target", f"{name}: shares of {counted(len(kept), 'name')} are forecast ({listed(kept)})"
    )


def _floats(
    table: Table, name: str, column: pa.ChunkedArray, choices: Choices, report: Report
) -> tuple[Array, str | None]:
    """A column as float64 (n,), NaN where missing, and the decimal mark that its text showed."""
    mark: str | None = None
    if is_text(cell_type(column)):
        values, mark = _parsed(table, name, column, choices, report)
    else:
        values = _cast(column)
    for number in choices.numbers:
        same = values == number
        if same.any():
            values = np.where(same, np.nan, values)
            report.say(
                "named-missing",
                f"{name}: {counted(int(same.sum()), 'value')} of {number:g}, taken as missing as told",
                example=f"{number:g}",
            )
    return values, mark


def _parsed(
    table: Table, name: str, column: pa.ChunkedArray, choices: Choices, report: Report
) -> tuple[Array, str | None]:
    """A column of text as float64 (n,) and the decimal mark that it showed; reports what is odd in
    it.
    """
    usual: Decimal | None = "," if table.decimal == "," else None
    read = parse_numbers(column, choices.missing, choices.decimal, usual)
    if read.words:
        report.say("number-format", f"{name}: numbers with {read.words}", example=_first(column, read.values))
    if read.units:
        units = " and ".join(read.units)
        report.say("mixed-units", f"{name}: cells are in {units}, and are read unchanged, without conversion")
    _say_missing(table, name, column, read, report)
    if len(read.bad):
        cells = _different(column, read.bad)
        report.say(
            "text-in-numbers",
            f"{table.at(read.bad[:1])} has no number in column {name!r}: found {cells[0]!r}"
            f" ({table.many(read.bad)}).",
            rows=table.rows(read.bad),
            example=cells[0],
            remedy=mend(cells),
        )
    return read.values, read.decimal


def _cast(column: pa.ChunkedArray) -> Array:
    """A column of numbers, or of true and false, as float64 (n,)."""
    if pa.types.is_boolean(column.type):
        column = pc.cast(column, pa.uint8())
    if pa.types.is_decimal(column.type):  # straight to float64 it would miss the nearest number by a bit
        column = pc.cast(column, pa.string())
    return pc.cast(column, pa.float64(), safe=False).to_numpy()


def _say_missing(table: Table, name: str, column: pa.ChunkedArray, read: Numbers, report: Report) -> None:
    """Report which cells of a column of text mean missing: those that were named, and signs such as
    a lone dash.
    """
    if len(read.named):
        cells = _different(column, read.named)
        report.say(
            "named-missing",
            f"{name}: {counted(len(read.named), 'cell')} of {listed(cells)}, taken as missing as told",
            example=cells[0],
        )
    if len(read.signs):
        _say_signs(table, name, column, read.signs, report)


def _say_signs(table: Table, name: str, column: pa.ChunkedArray, rows: Array, report: Report) -> None:
    """Report cells that usually mean missing, and how to say that they do."""
    cells = _different(column, rows)
    are = "is"
    they_mean = "it means"
    if len(rows) > 1:
        are = "are"
        they_mean = "they mean"
    signs = " and ".join(map(repr, cells[:5]))
    naming = shlex.quote(as_list(cells))
    report.say(
        "assumed-missing",
        f"{name}: {signs} in {table.at(rows).lower()} {are} taken as missing",
        rows=table.rows(rows),
        example=cells[0],
        remedy=f"(`missing={naming}` says so; if {they_mean} zero, write 0)",
    )


def _different(column: pa.ChunkedArray, rows: Array) -> list[str]:
    """The different cells of some rows of a column, in their order."""
    cells = pc.unique(column.take(pa.array(rows))).to_pylist()
    return list(dict.fromkeys(str(cell).strip() for cell in cells))


def _first(column: pa.ChunkedArray, values: Array) -> str:
    """The first cell of a column that is a number."""
    seen = np.flatnonzero(~np.isnan(values))
    return str(column[int(seen[0])].as_py()) if len(seen) else ""


def _angles(name: str, values: Array, table: Table, report: Report) -> Array:
    """A column of degrees; what lies outside of a circle is refused."""
    wrong = np.flatnonzero((values < -360) | (values > 360))
    if len(wrong):
        found = f"{values[wrong[0]]:g}"
        report.say(
            "not-an-angle",
            f"{table.at(wrong[:1])} has {found} in the circular column {name!r},"
            f" which is no angle in degrees ({table.many(wrong)}).",
            rows=table.rows(wrong),
            example=found,
            remedy=f"Say what means missing, such as `missing={found}`, or leave `circular` away.",
        )
    else:
        report.say("circular", f"{name}: an angle in degrees, read as its sine and cosine")
    return values
