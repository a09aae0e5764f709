"""The contract of a classifier. It gets the sequences of a training part as they were read, and nothing else.

Whatever is learned from them (vocabulary, scaling, statistics, the part that judges, temperature) is learned in `fit`,
so that no test row can reach it.
"""

from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from forecast.arrays import Array
from forecast.models.base import Watch
from forecast.results import Log
from forecast.sequences.values import Sequences


class Named(Protocol):
    """What a classifier learned."""

    def shares(self, sequences: Sequences) -> Array:
        """The probability (S, K) of each class, in the order of the classes that were learned; rows sum to 1.

        That of a sequence does not depend on which others it is asked with.
        """

    def arrays(self) -> dict[str, Array]:
        """Everything learned that is an array."""

    def values(self) -> dict[str, Any]:
        """Everything else learned, as JSON values: a vocabulary, choices."""

    @property
    def log(self) -> Log:
        """Choices and mishaps in words, the loss history, CPU seconds."""


@runtime_checkable
class CountsWords(Protocol):
    """Optional of a Named that reads texts: how many of their words it knows."""

    def tokens(self, sequences: Sequences) -> Array:
        """How many of the words that are read of each text are known, and how many are not, int64 (S, 2)."""


class Classifier(Protocol):
    """A frozen dataclass of hyper-parameters: equal, hashable, JSON; nothing learned in it."""

    @property
    def name(self) -> str:
        """The row's name in tables and files."""

    @property
    def kinds(self) -> tuple[str, ...]:
        """What it can read: numbers, texts."""

    def fit(self, past: Sequences, *, seed: int, watch: Watch) -> Named:
        """Learn from sequences all of which have a label, and whose classes all have members."""

    def restore(self, arrays: dict[str, Array], values: dict[str, Any], classes: tuple[str, ...]) -> Named:
        """The Named whose `arrays()` and `values()` these are."""


@dataclass(frozen=True, eq=False)
class Held:
    """What a fit gave those of its sequences that it did not learn from.

    folds (S,): sequences with one number were held out together, -1 = never held out · shares (S, K), NaN there.
    """

    folds: Array
    shares: Array


@runtime_checkable
class HoldsOut(Protocol):
    """Optional of a Named: it held some sequences out of its fit, to judge by. Without it nothing is known of these."""

    @property
    def held(self) -> Held | None:
        """What it gave them; None where it learned from them in the end."""
