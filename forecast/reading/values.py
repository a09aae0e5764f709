"""Columns of cells become columns of float64: numbers, the numbers of names, the sines and cosines of angles."""

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from forecast.arrays import Array
from forecast.data.findings import Report, counted, listed
from forecast.data.panel import Column, Role
from forecast.errors import nearest
from forecast.reading.checks import look_at_values
from forecast.reading.columns import ALL, scaled
from forecast.reading.numbers import Decimal, Numbers, mend, parse_numbers
from forecast.reading.roles import codes_of
from forecast.reading.sources import as_text
from forecast.reading.tables import Table, cell_type, is_text

MOST_NAMES = 50  # that a target may have


@dataclass(frozen=True)
class Choices:
    """How cells are to be read, as told: what means missing, which columns hold angles or names, the decimal mark, and by what numbers are
    multiplied: by column, ALL for all others.
    """

    missing: tuple[str, ...]
    circular: tuple[str, ...]
    category: tuple[str, ...]
    decimal: Decimal | None
    factors: Mapping[str, float] = field(default_factory=dict)

    def factor(self, name: str) -> float:
        """What the numbers of a column are multiplied by."""
        return self.factors.get(name, self.factors.get(ALL, 1.0))

    @property
    def numbers(self) -> list[float]:
        """The numbers among the signs for missing."""
        found = []
        for sign in self.missing:
            try:
                found.append(float(sign))
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
    """float64 (n, C) in the order of the file, its columns, and the decimal mark of text where one was seen."""
    others = [name for name, role in roles.items() if role != "target" and name not in choices.category]
    for name in choices.circular:
        if roles.get(name) == "target":
            report.refuse(
                "not-an-angle",
                f"Column {name!r} is the target and cannot be --circular as well.",
                remedy="Name another column.",
            )
        if name not in others:
            report.refuse(
                "no-such-column",
                f"There is no past, future or static column {name!r} of numbers for --circular.{nearest(name, others)}",
            )
    columns: list[Column] = []
    parts: list[Array] = []
    decimal: str | None = None
    for name, role in roles.items():
        if name in choices.category:
            empty = (
                () if role in ("past", "future") else ("",)
            )  # an empty cell of a target or a whole series is not known
            missing = (*choices.missing, *empty)
            codes, names = _codes(taken.pop(name), missing)
            if role == "target":
                codes, names = _target_names(name, codes, names, report)
            else:
                _say_category(name, [one for one in names if one not in missing], report)
            columns.append(Column(name, role, names))
            parts.append(codes)
            continue
        column, mark = _floats(table, name, taken.pop(name), choices, report)
        decimal = decimal or mark
        look_at_values(name, column, table, report)
        column = scaled(column, choices.factor(name))
        if name in choices.circular:
            angle = np.deg2rad(_angles(name, column, table, report))
            columns += [
                Column(f"{name}_{part}", role, made="angle", of=name, part=part) for part in ("sin", "cos")
            ]
            with np.errstate(invalid="ignore"):  # infinite ones are errors already
                parts += [np.sin(angle), np.cos(angle)]
        else:
            columns.append(Column(name, role))
            parts.append(column)
    report.stop()
    pa.default_memory_pool().release_unused()
    values = np.empty((table.count, len(columns)))
    for start in range(
        0, table.count, 1 << 14
    ):  # block by block, so that a row's values are written while they are near
        for j, part in enumerate(parts):
            values[start : start + (1 << 14), j] = part[start : start + (1 << 14)]
    return values, columns, decimal


def _say_category(name: str, names: list[str], report: Report) -> None:
    """Say how many names a category has."""
    known = [one or "(empty)" for one in names]
    report.say(
        "category",
        f"{name}: a category of {counted(len(known), 'name')} ({listed(known)})",
        example=known[0] if known else "",
    )


def _codes(column: pa.ChunkedArray, missing: tuple[str, ...]) -> tuple[Array, tuple[str, ...]]:
    """The number of each cell's name float64 (n,), NaN where it says missing, and the names; an empty cell has the empty name."""
    codes, names = codes_of(pc.utf8_trim_whitespace(pc.fill_null(as_text(column), "")))
    values = np.where(np.isin(codes, [i for i, one in enumerate(names) if one in missing]), np.nan, codes)
    return values, names


def _target_names(
    name: str, codes: Array, names: tuple[str, ...], report: Report
) -> tuple[Array, tuple[str, ...]]:
    """The codes (n,) and names of a target without those that no row has; one or too many are refused."""
    seen = np.unique(codes[~np.isnan(codes)]).astype("int64")
    kept = tuple(names[code] for code in seen)
    if len(kept) < 2:
        only = f"only {kept[0]!r}" if kept else "no name"
        report.refuse(
            "which-target",
            f"The target {name!r} has {only}, so there is nothing to forecast.",
            remedy="Name another column with --target.",
        )
    if len(kept) > MOST_NAMES:
        report.refuse(
            "which-target",
            f"The target {name!r} has {len(kept):,} different names ({listed(kept)}); shares of at most {MOST_NAMES} are forecast.",
            remedy="Name another column with --target, or gather the names into fewer.",
        )
    report.say(
        "named-target", f"{name}: shares of {counted(len(kept), 'name')} are forecast ({listed(kept)})"
    )
    place = np.full(len(names) + 1, np.nan)
    place[seen] = np.arange(len(kept))
    return place[np.where(np.isnan(codes), len(names), codes).astype("int64")], kept


def _floats(
    table: Table, name: str, column: pa.ChunkedArray, choices: Choices, report: Report
) -> tuple[Array, str | None]:
    """A column as float64 (n,), NaN where missing, and the decimal mark that its text showed."""
    mark: str | None = None
    if is_text(cell_type(column)):
        read = parse_numbers(column, choices.missing, choices.decimal, "," if table.decimal == "," else None)
        values, mark = read.values, read.decimal
        if read.words:
            report.say("number-format", f"{name}: numbers with {read.words}", example=_first(column, values))
        if read.units:
            report.say(
                "mixed-units",
                f"{name}: cells are in {' and '.join(read.units)}, and are read as they stand, without conversion",
            )
        _say_missing(table, name, column, read, report)
        if len(read.bad):
            cells = _different(column, read.bad)
            report.say(
                "text-in-numbers",
                f"{table.at(read.bad[:1])} has no number in column {name!r}: found {cells[0]!r} ({table.many(read.bad)}).",
                rows=table.rows(read.bad),
                example=cells[0],
                remedy=mend(cells),
            )
    else:
        if pa.types.is_boolean(column.type):
            column = pc.cast(column, pa.uint8())
        if pa.types.is_decimal(column.type):
            column = pc.cast(
                column, pa.string()
            )  # straight to float64 it would miss the nearest number by a bit
        values = pc.cast(column, pa.float64(), safe=False).to_numpy()
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


def _say_missing(table: Table, name: str, column: pa.ChunkedArray, read: Numbers, report: Report) -> None:
    """Say which cells of a column of text mean missing, as told, or as signs such as a lone dash are taken."""
    if len(read.named):
        cells = _different(column, read.named)
        report.say(
            "named-missing",
            f"{name}: {counted(len(read.named), 'cell')} of {listed(cells)}, taken as missing as told",
            example=cells[0],
        )
    if len(read.signs):
        cells, many = _different(column, read.signs), len(read.signs) > 1
        report.say(
            "assumed-missing",
            f"{name}: {' and '.join(map(repr, cells[:5]))} in {table.at(read.signs).lower()} {'are' if many else 'is'} taken as missing",
            rows=table.rows(read.signs),
            example=cells[0],
            remedy=f"(--missing {shlex.quote(','.join(cells))} says so; if {'they mean' if many else 'it means'} zero, write 0)",
        )


def _different(column: pa.ChunkedArray, rows: Array) -> list[str]:
    """The different cells of some rows of a column, in their order."""
    return list(
        dict.fromkeys(str(cell).strip() for cell in pc.unique(column.take(pa.array(rows))).to_pylist())
    )


def _first(column: pa.ChunkedArray, values: Array) -> str:
    """The first cell of a column that is a number."""
    seen = np.flatnonzero(~np.isnan(values))
    return str(column[int(seen[0])].as_py()) if len(seen) else ""


def _angles(name: str, values: Array, table: Table, report: Report) -> Array:
    """A column of degrees; what lies outside of a circle is refused."""
    wrong = np.flatnonzero((values < -360) | (values > 360))
    if len(wrong):
        report.say(
            "not-an-angle",
            f"{table.at(wrong[:1])} has {values[wrong[0]]:g} in the circular column {name!r}, which is no angle in degrees ({table.many(wrong)}).",
            rows=table.rows(wrong),
            example=f"{values[wrong[0]]:g}",
            remedy=f"Say what means missing, such as --missing {values[wrong[0]]:g}, or leave --circular away.",
        )
    else:
        report.say("circular", f"{name}: an angle in degrees, read as its sine and cosine")
    return values
