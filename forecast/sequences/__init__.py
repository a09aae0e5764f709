"""Whole sequences, and which class each is of: a label for a review, a spoken digit, a week of weather.

`forecast.sequences(...)` reads them: the room and its door have one name, so the module is called as `door.sequences` is.
"""

import sys
from types import ModuleType
from typing import Any


class _Room(ModuleType):
    """A module that is called as its door."""

    def __call__(self, *given: Any, **options: Any) -> Any:
        """Sequences from a file or frame: see `forecast.sequences.door.sequences`."""
        from forecast.sequences.door import sequences

        return sequences(*given, **options)


sys.modules[__name__].__class__ = _Room
