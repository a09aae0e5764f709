"""Text that means numbers. Which marks a column uses, 1,234.5 or 1.234,5, is decided over all of its cells."""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from forecast.files import Array

Decimal = Literal[".", ","]
MISSING = (
    "",
    "NA",
    "N/A",
    "n/a",
    "na",
    "NaN",
    "nan",
    "NAN",
    "null",
    "NULL",
    "Null",
    "None",
    "none",
    "<NA>",
    "#N/A",
    "#NA",
    "NaT",
    "-",
    "--",
    "---",
    "?",
)
_SPACES = " '\u00a0\u202f\u2019"  # what separates thousands beside a point or a comma
_MONEY = r"[$€£¥]|USD|EUR|GBP|CHF|JPY"
_CELL = re.compile(
    rf"^(?P<sign>[+-]?)(?:(?:{_MONEY})\s?)?(?P<body>\d(?:[\d.,{_SPACES}]*[\d.,])?|[.,]\d+)(?P<exp>[eE][+-]?\d+)?\s?(?P<unit>%|[KMBT])?"
    rf"(?:\s?(?:{_MONEY}))?$|^(?P<inf>[+-]?inf(?:inity)?)$",
    re.IGNORECASE,
)
_NEGATIVE = re.compile(r"^\((.*\d.*)\)$|^(.*\d)-$")  # as accountants and SAP write them: (12.5) and 12.5-
_UNITS = {"": 1.0, "%": 1.0, "K": 1e3, "M": 1e6, "B": 1e9, "T": 1e12}
_PLAIN = re.compile(r"^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$")


@dataclass(frozen=True)
class Numbers:
    """A column of text read as numbers: values float64 (n,), NaN where missing · bad (k,): the rows that hold no number · what was read how."""

    values: Array
    bad: Array
    decimal: Decimal | None
    words: str


def numberish(cells: Sequence[str]) -> float:
    """The share of cells that can be numbers; missing ones are not counted."""
    known = [cell.strip() for cell in cells if cell.strip() not in MISSING]
    return sum(_CELL.match(_signed(cell)) is not None for cell in known) / len(known) if known else 0.0


def plain(cell: str) -> bool:
    """Whether a cell is a number that any program reads in the same way, without leading zeros (a code such as 007 is a name)."""
    return _PLAIN.match(cell) is not None and re.match(r"^[+-]?0\d", cell) is None


def parse_numbers(column: pa.ChunkedArray, missing: Collection[str] = (), decimal: Decimal | None = None, hint: Decimal | None = None) -> Numbers:
    """Numbers from a column of strings. decimal: as told; hint: what the rest of the file uses, followed where the cells allow it."""
    whole = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    coded = whole if pa.types.is_dictionary(whole.type) else whole.dictionary_encode()
    cells = [None if cell is None else _signed(cell.strip()) for cell in coded.dictionary.to_pylist()]
    names = {*MISSING, *missing}
    known = [cell for cell in cells if cell is not None and cell not in names]
    matches = {cell: _CELL.match(cell) for cell in known}
    bodies = [match["body"] for match in matches.values() if match and match["body"]]
    mark, thousands = _marks(bodies, decimal, hint)
    shape = re.compile(rf"^(?:\d{{1,3}}(?:[{_SPACES}{re.escape(thousands)}]\d{{3}})+|\d*)(?:{re.escape(mark)}\d*)?$")
    read = {cell: _value(match, shape, mark) for cell, match in matches.items()}
    each = np.array([np.nan if cell is None or cell in names else read[cell][0] for cell in cells] + [np.nan])
    wrong = np.array([cell in read and not read[cell][1] for cell in cells] + [False])
    codes = pc.fill_null(coded.indices, len(cells)).to_numpy(zero_copy_only=False).astype("int64")
    return Numbers(each[codes], np.flatnonzero(wrong[codes]), mark if any(mark in body for body in bodies) else None, _words(matches, bodies, mark))


def first_text(column: pa.ChunkedArray, row: int) -> str:
    """The cell of a row as text, for a message."""
    return str(column[row].as_py())


def _signed(cell: str) -> str:
    """A cell with its minus in front, and that of ASCII."""
    return _NEGATIVE.sub(r"-\1\2", cell.replace("\u2212", "-"))


def _value(match: "re.Match[str] | None", shape: "re.Pattern[str]", mark: str) -> tuple[float, bool]:
    """The number of a cell, and whether it is one."""
    if match is None:
        return np.nan, False
    if match["inf"]:
        return float(match["inf"]), True
    if not shape.match(match["body"]):
        return np.nan, False
    digits = "".join(sign for sign in match["body"] if sign.isdigit() or sign == mark).replace(mark, ".")
    return float(f"{match['sign']}{digits}{match['exp'] or ''}") * _UNITS[(match["unit"] or "").upper()], True


def _marks(bodies: list[str], decimal: Decimal | None, hint: Decimal | None) -> tuple[Decimal, str]:
    """The decimal mark of a column and what else separates its thousands ("" where nothing does)."""
    if decimal is None:
        both = [body for body in bodies if "." in body and "," in body]
        if both:
            decimal = "," if sum(body.rfind(",") > body.rfind(".") for body in both) * 2 > len(both) else "."
        else:
            commas, points = [b for b in bodies if "," in b], [b for b in bodies if "." in b]
            by_commas, by_points = all(_grouped(b, ",") for b in commas), all(_grouped(b, ".") for b in points)
            several = any(b.count(".") > 1 for b in points)
            if commas and (not by_commas or (hint == "," and not any(b.count(",") > 1 for b in commas))):
                decimal = "," if by_points or not points else "."
            else:
                decimal = "," if points and by_points and (several or hint == ",") and not commas else "."
    other = "," if decimal == "." else "."
    return decimal, other if any(other in body for body in bodies) else ""


def _grouped(body: str, mark: str) -> bool:
    return re.match(rf"^[1-9]\d{{0,2}}(?:{re.escape(mark)}\d{{3}})+$", body) is not None


def _words(matches: dict[str, Any], bodies: list[str], mark: str) -> str:
    """How the cells were read, in words; empty where they are plain."""
    words = ["decimal comma"] if mark == "," and any("," in body for body in bodies) else []
    other = "." if mark == "," else ","
    for sign, name in ((other, repr(other)), *((space, "spaces" if space.isspace() else "apostrophes") for space in _SPACES)):
        if any(sign in body for body in bodies):
            words.append(f"thousands separated by {name}")
    units = sorted({match["unit"].upper() for match in matches.values() if match and match["unit"]})
    if units:
        words.append("units " + " ".join(f"{unit} = {_UNITS[unit]:g}" if unit != "%" else "% left as it is" for unit in units))
    return ", ".join(dict.fromkeys(words))
