"""From sequences to what a net reads: numbers scaled as the training rows were, or texts as tokens."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from forecast.arrays import Array
from forecast.data.scaling import Units
from forecast.errors import ForecastError
from forecast.models.base import FAR
from forecast.sequences.net.batches import Steps, joined
from forecast.sequences.text import End, Vocabulary
from forecast.sequences.values import Sequences


@dataclass(frozen=True, eq=False)
class NumbersRead:
    """How sequences of numbers are read.

    columns (C,): their names · loc, spread (C,): of all training rows together, so that the level of a sequence, which may
    tell the classes apart, is not taken away · length: rows read of a sequence at most, 0 = all · keep: the end of a longer
    one that is read.
    """

    columns: tuple[str, ...]
    loc: Array
    spread: Array
    length: int
    keep: End

    def read(self, sequences: Sequences) -> Steps:
        """Rows (n, C) of each in scaled units, cut at FAR spreads, NaN where one is missing; of an empty one a missing row."""
        if sequences.kind != "numbers" or sequences.columns != self.columns:
            raise ForecastError(
                f"The model has learned from the columns {', '.join(self.columns)}; {_found(sequences)}."
                " Give sequences with these columns, in this order."
            )
        scaled = np.clip((sequences.values - self.loc) / self.spread, -FAR, FAR).astype("float32")
        missing = np.full((1, len(self.columns)), np.nan, "float32")
        parts = []
        for first, stop in zip(sequences.offsets[:-1], sequences.offsets[1:], strict=True):
            rows = scaled[first:stop]
            parts.append(self._kept(rows) if len(rows) else missing)
        return joined(parts)

    def _kept(self, rows: Array) -> Array:
        if not self.length:
            return rows
        return rows[: self.length] if self.keep == "first" else rows[-self.length :]

    def arrays(self) -> dict[str, Array]:
        """Location and spread."""
        return {"loc": self.loc, "spread": self.spread}

    def values(self) -> dict[str, Any]:
        """Everything else."""
        return {"columns": list(self.columns), "length": self.length, "keep": self.keep}


@dataclass(frozen=True, eq=False)
class TextsRead:
    """How texts are read."""

    vocabulary: Vocabulary

    def read(self, sequences: Sequences) -> Steps:
        """The tokens of each text."""
        if sequences.kind != "texts":
            raise ForecastError(f"The model has learned from texts; {_found(sequences)}. Give texts.")
        return joined([self.vocabulary.encode(text) for text in sequences.texts])

    def arrays(self) -> dict[str, Array]:
        """None."""
        return {}

    def values(self) -> dict[str, Any]:
        """The vocabulary."""
        vocabulary = self.vocabulary
        return {"words": list(vocabulary.words), "length": vocabulary.length, "keep": vocabulary.keep}


Read = NumbersRead | TextsRead


def learn_numbers(past: Sequences, length: int | None, keep: End) -> NumbersRead:
    """Mean and spread of each column over the rows of a training part."""
    loc, spread = Units().measure(past.values)
    return NumbersRead(past.columns, loc, spread, length or 0, keep)


def read_of(arrays: Mapping[str, Array], values: Mapping[str, Any]) -> Read:
    """What `arrays` and `values` of one have kept."""
    if "words" in values:
        return TextsRead(Vocabulary(tuple(values["words"]), values["length"], values["keep"]))
    columns = tuple(values["columns"])
    return NumbersRead(columns, arrays["loc"], arrays["spread"], values["length"], values["keep"])


def _found(sequences: Sequences) -> str:
    if sequences.kind == "texts":
        return "these are texts"
    return f"these have {', '.join(sequences.columns)}"
