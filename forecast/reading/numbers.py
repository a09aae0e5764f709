"""Text that means numbers. Which marks a column uses, 1,234.5 or 1.234,5, is decided over all of its cells."""

import re
import shlex
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from forecast.arrays import Array

Decimal = Literal[".", ","]
WORDS = (  # that say that a value is missing
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
    "#N/A N/A",
    "NaT",
    *(
        "(null)",
        "\\N",
        "NIL",
        "N.A.",
        "n.a.",
        "ND",
        "NoData",
        "NODATA",
        "no data",
        "No data",
        "missing",
        "Missing",
    ),
    *("-nan", "-NaN", "1.#QNAN", "1.#IND", "-1.#IND"),  # of C
)
SIGNS = (  # that are taken so, and said: a dash may also be a zero
    *("-", "--", "---", "\u2013", "\u2014", "?"),
    *(".", "..", "...", "***", "****"),  # of FRED, of tables of means
    *(":", *(f": {flag}" for flag in "bcdefinprsuz")),  # of Eurostat, also with a flag
    *("#DIV/0!", "#VALUE!", "#REF!", "#NUM!", "#NAME?", "#NULL!"),  # of spreadsheets
)
MISSING = (*WORDS, *SIGNS)
_SPACES = " '\u00a0\u2009\u202f\u2019"  # what separates thousands beside a point or a comma
_MONEY = r"[$€£¥₹₩]|USD|EUR|GBP|CHF|JPY"
_CELL = re.compile(  # no m and t, which are metres and tonnes, and no b behind a space, which is a flag of Eurostat
    rf"^(?P<sign>[+-]?)(?:(?:{_MONEY})\s?)?(?P<body>\d(?:[\d.,{_SPACES}]*[\d.,])?|[.,]\d+)(?P<exp>[eE][+-]?\d+)?"
    rf"(?:\s?(?P<unit>%|(?-i:[KMBT]|(?<!\s)[kb])))?(?:\s?(?:{_MONEY}))?$|^(?P<inf>[+-]?inf(?:inity)?)$",
    re.IGNORECASE,
)
_NEGATIVE = re.compile(
    rf"^({_MONEY})?\s?\((.*\d.*)\)$|^(.*\d)-$", re.IGNORECASE
)  # as accountants and SAP write them: (12.5), $(12.5) and 12.5-
_UNITS = {"": 1.0, "%": 1.0, "K": 1e3, "M": 1e6, "B": 1e9, "T": 1e12}
_NO_NUMBER = re.compile(r"^0\d{3,4},\d$|^(?!\d{1,3}(?:\.\d{3})+(?:,\d*)?$)\d+\.\d+\.")
_HINTS = (  # what a cell that is no number usually is
    (r"(?i)t|tr|trace|ip", " A trace of rain is usually written as 0."),
    (
        r"[+-]?\d{4,5},\w",
        " It seems to hold a value and a flag, as NOAA's hourly files do: split it at the comma; the value is in tenths.",
    ),
    (
        r"[+-]?\d[\d.,]*\s?[bcdefnprsuz]{1,2}",
        " It seems to hold a number and a flag, as cells of Eurostat and NOAA do: write the number alone, and the flag into a column of its own.",
    ),
    (r".*\d\s?[^\W\d_°]*°?[^\W\d_]+|.*\d\s?[*#<>]|[<>~]\s?\d.*", " Write the number alone."),
)
MENDED = 5  # different cells for which --missing is advised at most; with more they are no signs of missing
FLAGGED = 10  # different cells of a column that are enough to tell a flag from tenths
_PLAIN = re.compile(r"^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$")


@dataclass(frozen=True)
class Numbers:
    """A column of text read as numbers: values float64 (n,), NaN where missing · bad (k,): the rows that hold no number · signs (k,): those that
    hold one of SIGNS that nobody named · named (k,): those that hold what was said to mean missing · what was read how · units: those that stand
    beside each other in the column and are not converted, such as $ and €, or % and none.
    """

    values: Array
    bad: Array
    signs: Array
    named: Array
    decimal: Decimal | None
    words: str
    units: tuple[str, ...]


def numberish(cells: Sequence[str]) -> float:
    """The share of cells that can be numbers; missing ones are not counted. Cells with a flag behind a comma are none."""
    known = [cell.strip() for cell in cells if cell.strip() not in MISSING]
    return (
        sum(_match(_signed(cell)) is not None for cell in known) / len(known)
        if known and not _flagged(known)
        else 0.0
    )


def _flagged(cells: Sequence[str]) -> bool:
    """Whether cells are a pressure and its flag as in 10150,1 of NOAA: tenths of real numbers are many, and 0 is among them."""
    packed = {cell for cell in cells if re.fullmatch(r"\d{5},\d", cell)}
    flags = {cell[-1] for cell in packed}
    return len(packed) >= FLAGGED and packed.issuperset(cells) and len(flags) <= 4 and "0" not in flags


def _match(cell: str) -> "re.Match[str] | None":
    """The parts of a cell that can be a number: 1.234.567 can, the date 2024.01.31 and the packed cell +0047,1 cannot."""
    match = _CELL.match(cell)
    return None if match and match["body"] and _NO_NUMBER.match(match["body"]) else match


def plain(cell: str) -> bool:
    """Whether a cell is a number that any program reads in the same way, without leading zeros (a code such as 007 is a name)."""
    return _PLAIN.match(cell) is not None and re.match(r"^[+-]?0\d", cell) is None


def parse_numbers(
    column: pa.ChunkedArray,
    missing: Collection[str] = (),
    decimal: Decimal | None = None,
    hint: Decimal | None = None,
) -> Numbers:
    """Numbers from a column of strings. decimal: as told; hint: what the rest of the file uses, followed where the cells allow it."""
    whole = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    coded = whole if pa.types.is_dictionary(whole.type) else whole.dictionary_encode()
    given = [None if cell is None else cell.strip() for cell in coded.dictionary.to_pylist()]
    cells = [None if cell is None else _signed(cell) for cell in given]
    names = {*MISSING, *missing}
    known = [cell for cell in cells if cell is not None and cell not in names]
    matches = {cell: _match(cell) for cell in known}
    bodies = [match["body"] for match in matches.values() if match and match["body"]]
    mark, thousands = _marks(bodies, decimal, hint)
    between = f"[{_SPACES}{re.escape(thousands)}]"
    whole_part = rf"\d{{1,3}}(?:{between}\d{{3}})+|\d{{1,2}}(?:{between}\d{{2}})+{between}\d{{3}}|\d*"
    shape = re.compile(rf"^(?:{whole_part})(?:{re.escape(mark)}\d*)?$")
    read = {cell: _value(match, shape, mark) for cell, match in matches.items()}
    each = np.array([np.nan if cell is None or cell in names else read[cell][0] for cell in cells] + [np.nan])
    wrong, signs, named = (
        np.array([*which, False])
        for which in (
            [cell in read and not read[cell][1] for cell in cells],
            [cell in SIGNS and cell not in missing for cell in cells],
            [cell in missing for cell in cells],
        )
    )
    codes = pc.fill_null(coded.indices, len(cells)).to_numpy(zero_copy_only=False).astype("int64")
    turned = any(
        one != cell and one.endswith((")", "-")) for one, cell in zip(given, cells, strict=True) if one
    )
    words = _words(matches, bodies, mark, turned)
    bad, signed, told = (
        np.flatnonzero(which[codes]) if which.any() else np.zeros(0, "int64")
        for which in (wrong, signs, named)
    )
    return Numbers(
        each[codes],
        bad,
        signed,
        told,
        mark if any(mark in body for body in bodies) else None,
        words,
        _mixed(matches, read),
    )


def _mixed(matches: dict[str, Any], read: dict[str, tuple[float, bool]]) -> tuple[str, ...]:
    """The currencies of the cells where these are several, or percent where others have no unit; a zero needs none."""
    money = {
        found[0].upper()
        for cell, match in matches.items()
        if match and (found := re.search(_MONEY, cell, re.IGNORECASE))
    }
    units = {match["unit"] or "" for cell, match in matches.items() if match and read[cell][0]}
    return tuple(sorted(money)) if len(money) > 1 else ("%", "no unit") if {"%", ""} <= units else ()


def mend(cells: Sequence[str]) -> str:
    """What to do about cells that are no numbers, the first of each kind."""
    told = [cell.strip() for cell in cells if cell.strip()]
    hint = next((words for pattern, words in _HINTS if told and re.fullmatch(pattern, told[0])), "")
    valued = len(told) > 1 and any(re.search(r"\d", cell) for cell in told)
    if (
        not told or len(told) > MENDED or valued or any("," in cell for cell in told)
    ):  # --missing takes a list
        return f"Mend the cell{'s' if len(cells) > 1 else ''}.{hint}"
    cell, means = ("cells", "they mean") if len(told) > 1 else ("cell", "it means")
    return f"Mend the {cell}, or say with --missing {shlex.quote(','.join(told))} that {means} missing.{hint}"


def _signed(cell: str) -> str:
    """A cell with its minus in front, and that of ASCII; a lone dash stays what it is."""
    return (
        cell
        if len(cell) < 2
        else _NEGATIVE.sub(r"-\1\2\3", cell.replace("\u2212", "-").replace("\u2013", "-"))
    )


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
            by_commas, by_points = all(grouped(b, ",") for b in commas), all(grouped(b, ".") for b in points)
            several = any(b.count(".") > 1 for b in points)
            if commas and (not by_commas or (hint == "," and not any(b.count(",") > 1 for b in commas))):
                decimal = "," if by_points or not points else "."
            else:
                decimal = "," if points and by_points and (several or hint == ",") and not commas else "."
    other = "," if decimal == "." else "."
    return decimal, other if any(other in body for body in bodies) else ""


def grouped(body: str, mark: str) -> bool:
    """Whether a mark stands between thousands, or lakhs as in 12,34,567, alone."""
    mark = re.escape(mark)
    return (
        re.match(rf"^[1-9](?:\d{{0,2}}(?:{mark}\d{{3}})+|\d?(?:{mark}\d{{2}})+{mark}\d{{3}})$", body)
        is not None
    )


def _words(matches: dict[str, Any], bodies: list[str], mark: str, turned: bool) -> str:
    """How the cells were read, in words; empty where they are plain."""
    words = ["decimal comma"] if mark == "," and any("," in body for body in bodies) else []
    other = "." if mark == "," else ","
    for sign, name in (
        (other, repr(other)),
        *((space, "spaces" if space.isspace() else "apostrophes") for space in _SPACES),
    ):
        if any(sign in body for body in bodies):
            words.append(f"thousands separated by {name}")
    units = sorted({match["unit"].upper() for match in matches.values() if match and match["unit"]})
    if any(re.search(_MONEY, cell, re.IGNORECASE) for cell, match in matches.items() if match):
        words.append("a currency")
    if turned:
        words.append("negatives written as (1) or 1-")
    if units:
        words.append(
            "units "
            + " ".join(f"{unit} = {_UNITS[unit]:g}" if unit != "%" else "% left as it is" for unit in units)
        )
    return ", ".join(dict.fromkeys(words))
