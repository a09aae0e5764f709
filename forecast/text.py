"""Numbers and tables as text, the same in the terminal, in sentences and on the page."""

import math
from collections.abc import Sequence

LETTERS_WITH_AN = "AEFHILMNORSX"  # spoken with a vowel first: an MAE, an RMSE
LARGEST_SHARE = 10  # a share from which on percent would not be read


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table of text: the first column aligned left, all others right, two blanks between them."""
    lines = [head, *rows]
    widths = [max(len(line[place]) for line in lines) for place in range(len(head))]
    made = []
    for line in lines:
        first = line[0].ljust(widths[0])
        others = [f"  {cell:>{width}}" for cell, width in zip(line[1:], widths[1:], strict=True)]
        made.append(first + "".join(others))
    return "\n".join(made)


def signed(share: float) -> str:
    """A share in percent, with its sign; of one beyond LARGEST_SHARE only that; empty where it is NaN.

    Next to a baseline that is nearly exact a share would be millions of percent.
    """
    if math.isnan(share):
        return ""
    if abs(share) < LARGEST_SHARE:
        return f"{100 * share:+z,.1f} %"
    side = "<" if share < 0 else ">"
    return f"{side} {math.copysign(100 * LARGEST_SHARE, share):+,.0f} %"


def p_cell(p: float | None) -> str:
    """A p value in a table; empty where there is none."""
    if p is None:
        return ""
    return "< .001" if p < 0.001 else f"{p:.3f}"


def p_words(p: float) -> str:
    """A p value in a sentence."""
    return "p < .001" if p < 0.001 else f"p = {p:.3f}"


def with_article(noun: str) -> str:
    """A noun with a or an, as it is spoken: an MAE, a pinball loss, an RMSE of logs."""
    first = noun.split()[0]
    vowels = LETTERS_WITH_AN if first.isupper() else "aeiouAEIOU"
    article = "an" if first[0] in vowels else "a"
    return f"{article} {noun}"


def joined(words: Sequence[str], last: str = "and") -> str:
    """Words in a sentence: a; a and b; a, b and c."""
    *first, end = words
    return f"{', '.join(first)} {last} {end}" if first else end


def plural(noun: str, count: int) -> str:
    """A noun as it is written after a number."""
    return noun if count == 1 else f"{noun}s"
