"""The site: Sphinx with MyST, so that pages stay Markdown, and the pydata theme. `make docs` builds it."""

import re
import sys
from importlib.metadata import version as version_of
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

import generate
import lessons

generate.write()
lessons.write()

project = "forecast"
copyright = "the authors, Apache-2.0"
version = release = version_of("forecast-toolkit")
extensions = ["myst_parser", "sphinx.ext.autodoc"]
exclude_patterns = ["_build", "_extra"]
html_theme = "pydata_sphinx_theme"
html_title = "forecast"
html_extra_path = ["_extra"]
html_show_sourcelink = False
html_theme_options = {
    "navbar_align": "left",
    "navigation_with_keys": False,
    "secondary_sidebar_items": ["page-toc"],
    "show_prev_next": True,
}
myst_heading_anchors = 3
myst_enable_extensions: list[str] = []
autodoc_typehints = "none"  # the signature is long enough, and a docstring names types where they matter
autodoc_member_order = "bysource"
CODE = re.compile(r"(?<!`)`([^`]+)`(?!`)")
FIELD = re.compile(r"([a-z]\w*(?:, \w+)*): ")


def plain(app: Any, what: str, name: str, thing: Any, options: Any, lines: list[str]) -> None:
    """A docstring of plain English as reStructuredText: a block of `name: meaning` is a list, any other a paragraph."""
    made: list[str] = []
    for block in "\n".join(lines).split("\n\n"):
        made += [*_joined(block.splitlines()), ""]
    lines[:] = made


def _joined(block: list[str]) -> list[str]:
    """The lines of a block as one paragraph, or as one item per name that begins a line."""
    items: list[str] = []
    listed = bool(block) and bool(FIELD.match(block[0]))
    for line in block:
        field = FIELD.match(line) if listed else None
        if field:
            items.append(f"- **{field[1]}**: {_escaped(line[field.end() :])}")
        elif items:
            items[-1] += f" {_escaped(line.strip())}"
        else:
            items.append(_escaped(line.strip()))
    return items


def _escaped(line: str) -> str:
    """A line in which stars, bars and underscores are themselves, and backticks are code."""
    parts = CODE.split(line)
    for odd in range(0, len(parts), 2):
        parts[odd] = re.sub(r"([*|\\]|_(?=\W|$))", r"\\\1", parts[odd])
    for code in range(1, len(parts), 2):
        parts[code] = f"``{parts[code]}``"
    return "".join(parts)


def setup(app: Any) -> None:
    """Called by Sphinx."""
    app.connect("autodoc-process-docstring", plain)
