"""A value at a glance: what a notebook or a prompt shows of it, one line of text or a small table.

What a value says of itself is `facts`, a few names and texts; the line and the table are made of them here. The methods that
draw are short for public functions, which `public` asks the package for by name, so that no room knows those above it.
"""

import html
from collections.abc import Mapping, Sequence
from typing import Any

MOST_NAMED = 3  # names in a line
LONGEST = 60  # characters of a text in a line
RULE = "1px solid rgba(128, 128, 128, .35)"  # seen on light and on dark
CELL = f"text-align: left; padding: 2px 12px 2px 0; border-bottom: {RULE}"


class Glance:
    """A value that shows `facts` about itself in place of its arrays."""

    def facts(self) -> Mapping[str, str]:
        """What is shown, each text under its name."""
        raise NotImplementedError

    def __repr__(self) -> str:
        return line(type(self).__name__, self.facts())

    def _repr_html_(self) -> str:
        return page(type(self).__name__, self.facts())


def line(kind: str, facts: Mapping[str, str]) -> str:
    """A value in one line: Panel(26,130 rows, 3 series, ...)."""
    shown = [f"{name}: {_short(text)}" for name, text in facts.items() if text]
    return f"<{kind} {'; '.join(shown)}>"


def page(kind: str, facts: Mapping[str, str]) -> str:
    """A value as a table of HTML whose colours are those of the page around it, light or dark; all text is escaped."""
    rows = []
    for name, text in facts.items():
        if text:
            rows.append(_row(name, text))
    head = f'<tr><th colspan="2" scope="col" style="{CELL}">{html.escape(kind)}</th></tr>'
    style = "border-collapse: collapse; color: inherit; background: transparent"
    return f'<table style="{style}"><thead>{head}</thead><tbody>{"".join(rows)}</tbody></table>'


def _row(name: str, text: str) -> str:
    """A row of the table."""
    head = f'<th scope="row" style="{CELL}; font-weight: normal; opacity: .75">{html.escape(name)}</th>'
    return f'<tr>{head}<td style="{CELL}">{html.escape(text)}</td></tr>'


def _short(text: str) -> str:
    """A text that fits into a line, without line breaks."""
    flat = " ".join(text.split())
    return flat if len(flat) <= LONGEST else f"{flat[: LONGEST - 3]}..."


def few(names: Sequence[object]) -> str:
    """The first of some names, and how many more there are."""
    shown = ", ".join(map(str, names[:MOST_NAMED]))
    more = len(names) - MOST_NAMED
    return f"{shown} and {more} more" if more > 0 else shown


def public(name: str) -> Any:
    """A public name of the package: the function that a method is short for."""
    import importlib

    return getattr(importlib.import_module("forecast"), name)
