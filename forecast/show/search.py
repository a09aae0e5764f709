"""Series that a figure shows by their names, and JSON in a page."""

import json
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup


@dataclass(frozen=True, eq=False)
class Search:
    """Series that a figure can show one at a time: of each trace the place of its stamps, and its values.

    stamps: lists that series share · series: name -> (place in `stamps`, values) of each trace.
    """

    stamps: list[list[Any]]
    series: dict[str, list[tuple[int, list[float | None]]]]

    @property
    def ids(self) -> list[str]:
        """The names of the series."""
        return list(self.series)

    @property
    def script(self) -> Markup:
        """All of it as JSON in a <script>."""
        return in_script(json.dumps({"stamps": self.stamps, "series": self.series}))


def in_script(text: str) -> Markup:
    """JSON that can stand in a <script>: no text in it can close the tag."""
    for mark, code in (("&", "\\u0026"), ("<", "\\u003c"), (">", "\\u003e")):
        text = text.replace(mark, code)
    return Markup(text)
