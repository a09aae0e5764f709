"""Text that means numbers. Which marks a column uses, 1,234.5 or 1.234,5, is decided over all of its cells."""

import re
import shlex
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Literal

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
_SPACES = " '\u00a0\u2009\u202f\u2019"  # what separates thousands apart from a point or a comma
_MONEY = r"[$€£¥₹₩]|USD|EUR|GBP|CHF|JPY"
_CELL = re.compile(  # no m, t: metres, tonnes; no b behind a space: a flag of Eurostat
    rf"^(?P<sign>[+-]?)(?:(?:{_MONEY})\s?)?"
    rf"(?P<body>\d(?:[\d.,{_SPACES}]*[\d.,])?|[.,]\d+)(?P<exp>[eE][+-]?\d+)?"
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
        " It seems to hold a value and a flag, as NOAA's hourly files do: split it at the comma; the value is"
        " in tenths.",
    ),
    (
        r"[+-]?\d[\d.,]*\s?[bcdefnprsuz]{1,2}",
        " It seems to hold a number and a flag, as cells of Eurostat and NOAA do: write the number alone, and"
        " the flag into a separate column.",
    ),
    (r".*\d\s?[^\W\d_°]*°?[^\W\d_]+|.*\d\s?[*#<>]|[<>~]\s?\d.*", " Write the number alone."),
)
MENDED = 5  # different cells for which `missing` is advised at most; more are no signs of missing
FLAGGED = 10  # different cells of a column that are enough to tell a flag from tenths
_PLAIN = re.compile(r"^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$")
Match = re.Match[str] | None


@dataclass(frozen=True)
class Numbers:
    """A column of text read as numbers.

    values: float64 (n,), NaN where missing · bad (k,): the rows that hold no number · signs (k,): those
    that hold one of SIGNS that nobody named · named (k,): those that hold what was given as missing ·
    decimal: the decimal mark, where a cell has one · words: how the cells were read · units: those that
    are next to each other in the column and are not converted, such as $ and €, or % and none.
    """

    values: Array
    bad: Array
    signs: Array
    named: Array
    decimal: Decimal | None
    words: str
    units: tuple[str, ...]


@dataclass(frozen=True)
class _Marks:
    """The decimal mark of a column, and what separates its thousands, "" where nothing does."""

    decimal: Decimal
    thousands: str

    def shape(self) -> re.Pattern[str]:
        """The digits of a cell: thousands, or lakhs, between marks, then perhaps decimals."""
        between = f"[{_SPACES}{re.escape(self.thousands)}]"
        thousands = rf"\d{{1,3}}(?:{between}\d{{3}})+"
        lakhs = rf"\d{{1,2}}(?:{between}\d{{2}})+{between}\d{{3}}"
        return re.compile(rf"^(?:{thousands}|{lakhs}|\d*)(?:{re.escape(self.decimal)}\d*)?$")


def numberish(cells: Sequence[str]) -> float:
    """The share of cells that can be numbers; missing ones are not counted.

    Cells with a flag behind a comma are none.
    """
    trimmed = [cell.strip() for cell in cells]
    known = [cell for cell in trimmed if cell not in MISSING]
    if not known or _flagged(known):
        return 0.0
    return sum(_match(_signed(cell)) is not None for cell in known) / len(known)


def _flagged(cells: Sequence[str]) -> bool:
    """Whether cells are a pressure and its flag, as in 10150,1 of NOAA.

    Tenths of real numbers are many, and 0 is among them.
    """
    packed = {cell for cell in cells if re.fullmatch(r"\d{5},\d", cell)}
    flags = {cell[-1] for cell in packed}
    if len(packed) < FLAGGED or not packed.issuperset(cells):
        return False
    return len(flags) <= 4 and "0" not in flags


def _match(cell: str) -> Match:
    """The parts of a cell that can be a number.

    1.234.567 can; the date 2024.01.31 and the packed cell +0047,1 cannot.
    """
    match = _CELL.match(cell)
    if match and match["body"] and _NO_NUMBER.match(match["body"]):
        return None
    return match


def plain(cell: str) -> bool:
    """Whether any program reads a cell as the same number; a code such as 007 is a name."""
    return _PLAIN.match(cell) is not None and re.match(r"^[+-]?0\d", cell) is None


def parse_numbers(
    column: pa.ChunkedArray,
    missing: Collection[str] = (),
    decimal: Decimal | None = None,
    hint: Decimal | None = None,
) -> Numbers:
    """Numbers from a column of strings.

    missing: cells that mean missing · decimal: the mark as given · hint: the mark that the rest of the
    file uses, followed where the cells allow it.
    """
    codes, given = _different(column)
    cells = [_signed(cell) for cell in given]
    void = {*MISSING, *missing}
    matches = {cell: _match(cell) for cell in cells if cell not in void}
    bodies = [match["body"] for match in matches.values() if match and match["body"]]
    marks = _marks(bodies, decimal, hint)
    shape = marks.shape()
    read = {cell: _value(match, shape, marks.decimal) for cell, match in matches.items()}
    values, wrong = _values(cells, read)
    turned = any(one != cell and one.endswith((")", "-")) for one, cell in zip(given, cells, strict=True))
    return Numbers(
        values[codes],
        _rows(wrong, codes),
        _rows([cell in SIGNS and cell not in missing for cell in cells], codes),
        _rows([cell in missing for cell in cells], codes),
        marks.decimal if _holds(bodies, marks.decimal) else None,
        _words(matches, bodies, marks.decimal, turned),
        _mixed(matches, read),
    )


def _values(cells: list[str], read: dict[str, float | None]) -> tuple[Array, list[bool]]:
    """float64 (k + 1,): the numbers of k cells, the last NaN for missing rows; which cells are wrong."""
    values = np.full(len(cells) + 1, np.nan)
    wrong = []
    for place, cell in enumerate(cells):
        number = read.get(cell)
        if number is not None:
            values[place] = number
        wrong.append(cell in read and number is None)
    return values, wrong


def _different(column: pa.ChunkedArray) -> tuple[Array, list[str]]:
    """int64 (n,): for each row the place of its cell, and the different cells, trimmed.

    The place of a missing row is behind the last cell.
    """
    whole = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    coded = whole if pa.types.is_dictionary(whole.type) else whole.dictionary_encode()
    cells = [(cell or "").strip() for cell in coded.dictionary.to_pylist()]
    codes = pc.fill_null(coded.indices, len(cells)).to_numpy(zero_copy_only=False)
    return codes.astype("int64"), cells


def _rows(which: list[bool], codes: Array) -> Array:
    """The rows whose cell is one of those that are marked."""
    if not any(which):
        return np.zeros(0, "int64")
    marked = np.array([*which, False])
    return np.flatnonzero(marked[codes])


def _holds(bodies: list[str], mark: str) -> bool:
    return any(mark in body for body in bodies)


def _has_money(cell: str) -> bool:
    return re.search(_MONEY, cell, re.IGNORECASE) is not None


def _mixed(matches: dict[str, Match], read: dict[str, float | None]) -> tuple[str, ...]:
    """The units that are mixed: several currencies, or percent and no unit; a zero needs none."""
    money = set()
    units = set()
    for cell, match in matches.items():
        if not match:
            continue
        currency = re.search(_MONEY, cell, re.IGNORECASE)
        if currency:
            money.add(currency[0].upper())
        if read[cell] != 0:
            units.add(match["unit"] or "")
    if len(money) > 1:
        return tuple(sorted(money))
    return ("%", "no unit") if {"%", ""} <= units else ()


def mend(cells: Sequence[str]) -> str:
    """What to do about cells that are no numbers, the first of each kind."""
    given = [cell.strip() for cell in cells if cell.strip()]
    hint = _hint(given[0]) if given else ""
    valued = len(given) > 1 and any(re.search(r"\d", cell) for cell in given)
    in_list = not any("," in cell for cell in given)  # `missing` takes names with commas between them
    if not given or len(given) > MENDED or valued or not in_list:
        return f"Mend the cell{'s' if len(cells) > 1 else ''}.{hint}"
    setting = f"`missing={shlex.quote(','.join(given))}`"
    if len(given) > 1:
        return f"Mend the cells, or say with {setting} that they mean missing.{hint}"
    return f"Mend the cell, or say with {setting} that it means missing.{hint}"


def _hint(cell: str) -> str:
    """What a cell that is no number usually is; empty where that is not known."""
    for pattern, words in _HINTS:
        if re.fullmatch(pattern, cell):
            return words
    return ""


def _signed(cell: str) -> str:
    """A cell with its minus in front, and that of ASCII; a lone dash stays what it is."""
    if len(cell) < 2:
        return cell
    plain_minus = cell.replace("\u2212", "-").replace("\u2013", "-")
    return _NEGATIVE.sub(r"-\1\2\3", plain_minus)


def _value(match: Match, shape: re.Pattern[str], mark: str) -> float | None:
    """The number of a cell; None where it is none."""
    if match is None:
        return None
    if match["inf"]:
        return float(match["inf"])
    body = match["body"]
    if not shape.match(body):
        return None
    digits = "".join(sign for sign in body if sign.isdigit() or sign == mark).replace(mark, ".")
    number = float(f"{match['sign']}{digits}{match['exp'] or ''}")
    return number * _UNITS[(match["unit"] or "").upper()]


def _marks(bodies: list[str], decimal: Decimal | None, hint: Decimal | None) -> _Marks:
    """The decimal mark of a column and what else separates its thousands."""
    found = decimal or _decimal(bodies, hint)
    other = "," if found == "." else "."
    return _Marks(found, other if _holds(bodies, other) else "")


def _decimal(bodies: list[str], hint: Decimal | None) -> Decimal:
    """The decimal mark, over all cells: the last of two marks, else the one that no thousands have.

    hint: the mark of the rest of the file, where the cells leave it open.
    """
    both = [body for body in bodies if "." in body and "," in body]
    if both:
        comma_last = sum(body.rfind(",") > body.rfind(".") for body in both)
        return "," if 2 * comma_last > len(both) else "."
    commas = [body for body in bodies if "," in body]
    points = [body for body in bodies if "." in body]
    points_group = all(grouped(body, ".") for body in points)
    if commas:
        several_commas = any(body.count(",") > 1 for body in commas)
        if all(grouped(body, ",") for body in commas) and (hint != "," or several_commas):
            return "."
        return "," if points_group else "."
    several_points = any(body.count(".") > 1 for body in points)
    if points and points_group and (several_points or hint == ","):
        return ","
    return "."


def grouped(body: str, mark: str) -> bool:
    """Whether a mark stands between thousands, or lakhs as in 12,34,567, alone."""
    mark = re.escape(mark)
    thousands = rf"\d{{0,2}}(?:{mark}\d{{3}})+"
    lakhs = rf"\d?(?:{mark}\d{{2}})+{mark}\d{{3}}"
    return re.match(rf"^[1-9](?:{thousands}|{lakhs})$", body) is not None


def _words(matches: dict[str, Match], bodies: list[str], mark: str, turned: bool) -> str:
    """How the cells were read, in words; empty where they are plain.

    turned: whether a cell has its minus behind, or stands in brackets in place of one.
    """
    words = []
    if mark == "," and _holds(bodies, ","):
        words.append("decimal comma")
    other = "." if mark == "," else ","
    if _holds(bodies, other):
        words.append(f"thousands separated by {other!r}")
    for space in _SPACES:
        if _holds(bodies, space):
            name = "spaces" if space.isspace() else "apostrophes"
            words.append(f"thousands separated by {name}")
    if any(match and _has_money(cell) for cell, match in matches.items()):
        words.append("a currency")
    if turned:
        words.append("negatives written as (1) or 1-")
    words += _units_in_words(matches)
    return ", ".join(dict.fromkeys(words))


def _units_in_words(matches: dict[str, Match]) -> list[str]:
    """What the units behind the numbers were taken for, as one item; none where there are none."""
    units = {match["unit"].upper() for match in matches.values() if match and match["unit"]}
    if not units:
        return []
    words = []
    for unit in sorted(units):
        words.append("% left as it is" if unit == "%" else f"{unit} = {_UNITS[unit]:g}")
    return [f"units {' '.join(words)}"]
