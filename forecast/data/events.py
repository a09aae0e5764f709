"""Events: a condition on columns of a panel, such as "precip_mm > 0", that each row meets or does not. It is parsed, never evaluated.

    condition  = comparison | comparison "and" comparison | comparison "or" comparison
    comparison = quantity sign value
    quantity   = column | return(column) | return(column, steps) | change(column) | change(column, steps)
    sign       = > | >= | < | <= | == | !=
    value      = a number, or a name where the column holds names

A column whose name has other characters than letters, digits, "_", "." and "-" stands in double quotes.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from forecast.arrays import Array
from forecast.data.panel import Column, Panel
from forecast.errors import ForecastError, nearest

NAMES = ("no", "yes")  # those of an event, by their code
RIGHT = '`event="precip_mm > 0"`'  # an example of a right condition
TOKEN = re.compile(
    r"""\s*(?:(?P<quoted>"[^"]*"|'[^']*'|`[^`]*`)"""
    r"""|(?P<number>[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?(?![\w.]))"""
    r"""|(?P<word>[^\W][\w.\-]*)|(?P<sign>>=|<=|==|!=|>|<)|(?P<mark>[(),=]))"""
)
SIGNS: dict[str, Callable[[Array, float], Array]] = {
    ">": np.greater,
    ">=": np.greater_equal,
    "<": np.less,
    "<=": np.less_equal,
    "==": np.equal,
    "!=": np.not_equal,
}
MADE = ("return", "change")

Made = Literal["", "return", "change"]


@dataclass(frozen=True)
class Comparison:
    """One quantity compared with one value.

    made: "" = the column itself; return, its relative change over `steps`; change, its difference over `steps` ·
    value: a number, or a name of the column.
    """

    column: str
    sign: str
    value: float | str
    made: Made = ""
    steps: int = 1

    def __str__(self) -> str:
        name = _quoted(self.column)
        over = f"{name}, {self.steps}" if self.steps > 1 else name
        quantity = f"{self.made}({over})" if self.made else name
        value = f"{self.value:g}" if isinstance(self.value, float) else _quoted(self.value)
        return f"{quantity} {self.sign} {value}"

    def met(self, numbers: Array) -> Array:
        """Whether numbers (...) meet it: 1 or 0, NaN where a number is missing; of names these are their codes."""
        assert isinstance(self.value, float)
        found = SIGNS[self.sign](numbers, self.value).astype("float64")
        return np.where(np.isnan(numbers), np.nan, found)


@dataclass(frozen=True)
class Condition:
    """One comparison, or two that are joined by `and` or `or`."""

    parts: tuple[Comparison, ...]
    joint: str = ""

    def __str__(self) -> str:
        return f" {self.joint} ".join(str(part) for part in self.parts)

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that it reads, each once."""
        return tuple(dict.fromkeys(part.column for part in self.parts))

    def joined(self, met: Sequence[Array]) -> Array:
        """The answers (...) of its comparisons as one; missing where any of them is."""
        if len(met) == 1:
            return met[0]
        join = np.minimum if self.joint == "and" else np.maximum
        together: Array = join(met[0], met[1])
        return together


def condition_of(text: str) -> Condition:
    """The condition that a text states; ForecastError with what is wrong in it, and a right example."""
    reader = _Reader(text, _tokens(text))
    parts = [reader.comparison()]
    joint = reader.joint()
    if joint:
        parts.append(reader.comparison())
    reader.end()
    return Condition(tuple(parts), joint)


@dataclass(frozen=True)
class _Token:
    """A piece of a condition: its kind (quoted, number, word, sign or mark) and its text."""

    kind: str
    text: str


def _tokens(text: str) -> list[_Token]:
    """The pieces of a condition."""
    found: list[_Token] = []
    place = 0
    whole = text.rstrip()
    while place < len(whole):
        match = TOKEN.match(whole, place)
        if match is None or match.lastgroup is None:
            raise _wrong(
                text,
                f"{whole[place:].strip()[:20]!r} is no part of a condition; a name with such characters"
                " stands in double quotes",
            )
        piece = match.group(match.lastgroup)
        if match.lastgroup == "quoted":
            piece = piece[1:-1]
        found.append(_Token(match.lastgroup, piece))
        place = match.end()
    return found


class _Reader:
    """Takes the pieces of a condition one after another."""

    def __init__(self, text: str, tokens: list[_Token]) -> None:
        self.text = text
        self.tokens = tokens
        self.place = 0

    def comparison(self) -> Comparison:
        """The next comparison."""
        column, made, steps = self._quantity()
        sign = self._sign()
        return Comparison(column, sign, self._value(), made, steps)

    def joint(self) -> str:
        """`and` or `or` where it comes next, else nothing."""
        token = self._peek()
        if token is None or token.kind != "word" or token.text.lower() not in ("and", "or"):
            return ""
        self.place += 1
        return token.text.lower()

    def end(self) -> None:
        """Nothing may follow."""
        token = self._peek()
        if token is None:
            return
        if token.kind == "word" and token.text.lower() in ("and", "or"):
            raise self._error("it joins more than two comparisons")
        before = self.tokens[self.place - 1]
        if before.kind == "number" and token.kind == "word":
            raise self._error(f"{before.text} {token.text} has a unit; give the number alone")
        raise self._error(f"{token.text!r} follows a whole condition")

    def _quantity(self) -> tuple[str, Made, int]:
        """A column, how it is changed, and over how many steps."""
        token = self._next("a column")
        if token.kind not in ("word", "quoted"):
            raise self._error(f"it begins with {token.text!r}, not with a column")
        opened = self._peek()
        if token.kind == "quoted" or opened is None or opened.text != "(":
            return token.text, "", 1
        if token.text not in MADE:
            raise self._error(f"{token.text}() is not known: there is return(column) and change(column)")
        made: Made = "return" if token.text == "return" else "change"
        self.place += 1
        column = self._next("a column")
        if column.kind not in ("word", "quoted"):
            raise self._error(f"{made}() takes a column; found {column.text!r}")
        steps = 1
        closing = self._next("')'")
        if closing.text == ",":
            count = self._next("a number of steps")
            if not count.text.isdigit() or int(count.text) < 1:
                raise self._error(f"{made}() is over a whole number of steps; found {count.text!r}")
            steps = int(count.text)
            closing = self._next("')'")
        if closing.text != ")":
            raise self._error(f"{made}( is not closed by ')'")
        return column.text, made, steps

    def _sign(self) -> str:
        token = self._next("a sign such as > and a value")
        if token.text == "=":
            raise self._error("equality is written ==")
        if token.kind != "sign":
            raise self._error(f"a sign such as > is needed where {token.text!r} stands")
        return token.text

    def _value(self) -> float | str:
        token = self._next("a value")
        if token.kind == "number":
            return float(token.text)
        if token.kind == "quoted":
            return token.text
        if token.kind != "word":
            raise self._error(f"a value is needed where {token.text!r} stands")
        follows = self._peek()
        if follows is not None and follows.text == "(":
            raise self._error(f"{token.text}() is no value: give a number or a name")
        return token.text

    def _next(self, wanted: str) -> _Token:
        token = self._peek()
        if token is None:
            raise self._error(f"it ends where {wanted} is needed")
        self.place += 1
        return token

    def _peek(self) -> _Token | None:
        return self.tokens[self.place] if self.place < len(self.tokens) else None

    def _error(self, what: str) -> ForecastError:
        return _wrong(self.text, what)


def _wrong(text: str, what: str) -> ForecastError:
    return ForecastError(f"`event={text}` is no condition: {what}. A right one is {RIGHT}.")


def _quoted(name: str) -> str:
    """A name as a condition writes it: in double quotes where it is not a word."""
    return name if re.fullmatch(r"[^\W\d][\w.\-]*", name) else f'"{name}"'


def of_one_number(condition: Condition) -> bool:
    """Whether a condition is about one column, which it compares with numbers."""
    return len(condition.columns) == 1 and not any(isinstance(part.value, str) for part in condition.parts)


def bound_to(condition: Condition, panel: Panel) -> Condition:
    """The condition with the code of each name that it compares with, by the columns of a panel.

    ForecastError where a column is not there, is known ahead or does not change, or where a name is compared with
    numbers, or the other way round.
    """
    return replace(condition, parts=tuple(_bound(part, condition, panel) for part in condition.parts))


def _bound(part: Comparison, condition: Condition, panel: Panel) -> Comparison:
    """One comparison with a number as its value."""
    column = _column(part, condition, panel)
    if column.names is None:
        if isinstance(part.value, str) and re.match(r"[-+]?\d", part.value):
            raise _wrong(str(condition), f"{part.value!r} is no number; give it without a unit")
        if isinstance(part.value, str):
            raise _wrong(str(condition), f"{part.column} holds numbers, and {part.value!r} is none")
        return part
    if part.made or part.sign not in ("==", "!="):
        what = f"{part.made}() of it" if part.made else f"{part.sign}"
        raise _wrong(str(condition), f"{part.column} holds names, which have no {what}; compare by == or !=")
    name = part.value if isinstance(part.value, str) else f"{part.value:g}"
    if name not in column.names:
        raise ForecastError(
            f"`event={condition}`: {part.column} is never {name!r}.{nearest(name, column.names)}"
        )
    return replace(part, value=float(column.names.index(name)))


def _column(part: Comparison, condition: Condition, panel: Panel) -> Column:
    """The column that a comparison reads."""
    known = {column.name: column for column in panel.columns if column.made in ("", "stack")}
    column = known.get(part.column)
    if column is None:
        angles = {column.of for column in panel.columns if column.made == "angle"}
        if part.column in angles:
            raise _wrong(
                str(condition),
                f"{part.column} is an angle, read as its sine and cosine; leave it out of `circular`",
            )
        raise ForecastError(
            f"`event={condition}`: there is no column {part.column!r}.{nearest(part.column, known)}"
        )
    if column.role in ("future", "static"):
        why = "is known ahead" if column.role == "future" else "does not change within a series"
        raise _wrong(
            str(condition),
            f"{part.column} is a {column.role} column, which {why}: there is nothing to forecast",
        )
    return column


def happened(condition: Condition, panel: Panel) -> Array:
    """Whether each row of a panel meets a condition: 1 or 0 (N,), NaN where a value that it reads is missing.

    The first rows of a series have no return and no change.
    """
    bound = bound_to(condition, panel)
    return bound.joined([part.met(_quantity(part, panel)) for part in bound.parts])


def _quantity(part: Comparison, panel: Panel) -> Array:
    """The numbers (N,) that a comparison looks at."""
    place = next(i for i, column in enumerate(panel.columns) if column.name == part.column)
    values = panel.values[:, place]
    if not part.made:
        return values
    return changed(values, before_steps(panel, values, part.steps), part.made)


def before_steps(panel: Panel, values: Array, steps: int) -> Array:
    """Values (N,) so many rows before each row of its series, NaN in the first ones."""
    before = np.full(len(values), np.nan)
    for start, stop in zip(panel.starts, panel.stops, strict=True):
        before[start + steps : stop] = values[start : max(stop - steps, start)]
    return before


def changed(values: Array, before: Array, made: Made) -> Array:
    """The change of values (...) since `before` (...), or their return, which is relative to it; NaN where that is not above 0."""
    if made == "change":
        return values - before
    positive = before > 0
    ratio = values / np.where(positive, before, 1.0)
    return np.where(positive, ratio - 1, np.nan)
