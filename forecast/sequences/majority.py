"""majority: the shares of the classes in the training part, for every sequence. What has to be beaten at least."""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from forecast.arrays import Array
from forecast.models.base import Watch
from forecast.results import Log
from forecast.sequences.values import Sequences


@dataclass(frozen=True)
class Majority:
    """The shares of the classes among the sequences that were learned from."""

    kinds: ClassVar[tuple[str, ...]] = ("numbers", "texts")
    name: str = "majority"

    def fit(self, past: Sequences, *, seed: int, watch: Watch) -> "Counted":
        """Count the classes."""
        count = np.bincount(past.labels, minlength=len(past.classes))
        return Counted(count / count.sum(), Log())

    def restore(
        self, arrays: dict[str, Array], values: dict[str, Any], classes: tuple[str, ...]
    ) -> "Counted":
        """The Counted whose `arrays()` these are."""
        return Counted(arrays["share"], Log())


@dataclass(frozen=True, eq=False)
class Counted:
    """share (K,) of each class."""

    share: Array
    log: Log

    def shares(self, sequences: Sequences) -> Array:
        """The same shares (S, K) for all."""
        return np.tile(self.share, (len(sequences), 1))

    def arrays(self) -> dict[str, Array]:
        """share (K,)."""
        return {"share": self.share}

    def values(self) -> dict[str, Any]:
        """Nothing else is learned."""
        return {}
