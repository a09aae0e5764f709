"""nearest: the class of the nearest training sequence, padded with zeros. What a distance alone can do."""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from forecast.arrays import Array
from forecast.models.base import Watch
from forecast.results import Log
from forecast.sequences.values import Sequences

JUDGED = 1_000  # sequences, at most, whose own nearest neighbour says how often it is right
AT_ONCE = 64  # sequences whose distances are in memory together


@dataclass(frozen=True)
class Nearest:
    """The nearest neighbour by Euclidean distance of all steps, in spreads of the training part; gaps and padding are 0.

    The share of its class is how often the nearest other sequence has the class of one, among the training sequences.
    """

    kinds: ClassVar[tuple[str, ...]] = ("numbers",)
    name: str = "nearest"

    def fit(self, past: Sequences, *, seed: int, watch: Watch) -> "Neighbours":
        """Keep the sequences, and find how often the nearest other one is right."""
        location, spread = _scale(past.values)
        known = _padded(past, location, spread, int(past.lengths.max()))
        right = _right(known, past.labels, seed)
        log = Log(
            (
                f"{len(past)} sequences of at most {past.lengths.max()} steps; the nearest is right {right:.1%}",
            )
        )
        return Neighbours(location, spread, known, past.labels, len(past.classes), right, log)

    def restore(
        self, arrays: dict[str, Array], values: dict[str, Any], classes: tuple[str, ...]
    ) -> "Neighbours":
        """The Neighbours whose `arrays()` and `values()` these are."""
        return Neighbours(
            location=arrays["location"],
            spread=arrays["spread"],
            known=arrays["known"],
            labels=arrays["labels"],
            classes=len(classes),
            right=values["right"],
            log=Log(),
        )


@dataclass(frozen=True, eq=False)
class Neighbours:
    """location, spread (C,) · known (S, L, C), scaled, zero where nothing is · labels (S,) · right: share."""

    location: Array
    spread: Array
    known: Array
    labels: Array
    classes: int
    right: float
    log: Log

    def shares(self, sequences: Sequences) -> Array:
        """The shares (M, K): `right` for the class of the nearest, the rest equally for the others."""
        steps = max(self.known.shape[1], int(sequences.lengths.max(initial=0)))
        known = _longer(self.known, steps)
        others = (1 - self.right) / (self.classes - 1)
        made = np.full((len(sequences), self.classes), others)
        for begin in range(0, len(sequences), AT_ONCE):
            places = np.arange(begin, min(begin + AT_ONCE, len(sequences)))
            asked = _padded(sequences.part(places), self.location, self.spread, steps)
            made[places, self.labels[_distances(asked, known).argmin(1)]] = self.right
        return made

    def arrays(self) -> dict[str, Array]:
        """location and spread (C,), known (S, L, C), labels (S,)."""
        return {
            "location": self.location,
            "spread": self.spread,
            "known": self.known,
            "labels": self.labels,
        }

    def values(self) -> dict[str, Any]:
        """How often the nearest is right."""
        return {"right": self.right}


def _scale(values: Array) -> tuple[Array, Array]:
    """Mean and deviation (C,) of the observed values (N, C), pooled over all rows."""
    seen = ~np.isnan(values)
    count = np.maximum(seen.sum(0), 1)
    location = np.where(seen, values, 0.0).sum(0) / count
    spread = np.sqrt((np.where(seen, values - location, 0.0) ** 2).sum(0) / count)
    return location, np.where(spread > 0, spread, 1.0)


def _padded(sequences: Sequences, location: Array, spread: Array, steps: int) -> Array:
    """Scaled values (S, steps, C), 0 where none is observed and after the end."""
    scaled = (sequences.values - location) / spread
    made = np.zeros((len(sequences), steps, len(location)))
    inside = np.arange(steps) < sequences.lengths[:, None]
    made[inside] = np.where(np.isnan(scaled), 0.0, scaled)
    return made


def _longer(known: Array, steps: int) -> Array:
    """Sequences (S, L, C) with zeros up to `steps`."""
    return np.pad(known, ((0, 0), (0, steps - known.shape[1]), (0, 0)))


def _distances(asked: Array, known: Array) -> Array:
    """Squared Euclidean distances (M, S); those of a sequence do not depend on the others."""
    from scipy.spatial.distance import cdist

    return np.asarray(cdist(asked.reshape(len(asked), -1), known.reshape(len(known), -1), "sqeuclidean"))


def _right(known: Array, labels: Array, seed: int) -> float:
    """How often the nearest other sequence has the same class, as if one had and one had not been seen before."""
    random = np.random.default_rng(seed)
    judged = np.sort(random.permutation(len(known))[:JUDGED])
    hits = 0
    for begin in range(0, len(judged), AT_ONCE):
        places = judged[begin : begin + AT_ONCE]
        distances = _distances(known[places], known)
        distances[np.arange(len(places)), places] = np.inf
        hits += int((labels[distances.argmin(1)] == labels[places]).sum())
    return (hits + 1) / (len(judged) + 2)
