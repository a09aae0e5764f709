"""statistics: multinomial logistic regression on a few statistics of each column. Most small benchmarks are decided by these."""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from forecast.arrays import Array
from forecast.models.base import Watch
from forecast.results import Log
from forecast.sequences.features import statistics_of
from forecast.sequences.linear import PENALTIES, Softmax, fit_softmax
from forecast.sequences.values import Sequences


@dataclass(frozen=True)
class Statistics:
    """Logistic regression on mean, deviation, first, middle, last value and the means of the thirds of each column.

    What is not observed is the mean of the training part. The penalty is chosen by cross-validation inside it.
    """

    kinds: ClassVar[tuple[str, ...]] = ("numbers",)
    name: str = "statistics"

    def fit(self, past: Sequences, *, seed: int, watch: Watch) -> "Linear":
        """Scale the statistics by those of the training part, and fit."""
        raw = statistics_of(past)
        location, spread = _scale(raw)
        features = _scaled(raw, location, spread)
        model, chosen = fit_softmax(features, past.labels, len(past.classes), past.groups, seed, PENALTIES)
        log = Log((f"{raw.shape[1]} statistics, {chosen.words}",))
        return Linear(location, spread, model, log)

    def restore(self, arrays: dict[str, Array], values: dict[str, Any], classes: tuple[str, ...]) -> "Linear":
        """The Linear whose `arrays()` these are."""
        model = Softmax(arrays["weight"], arrays["bias"])
        return Linear(arrays["location"], arrays["spread"], model, Log())


@dataclass(frozen=True, eq=False)
class Linear:
    """location, spread (F,) of the statistics in the training part, and the regression on them."""

    location: Array
    spread: Array
    model: Softmax
    log: Log

    def shares(self, sequences: Sequences) -> Array:
        """The shares (S, K) of the classes."""
        return self.model.shares(_scaled(statistics_of(sequences), self.location, self.spread))

    def arrays(self) -> dict[str, Array]:
        """location and spread (F,), weight (F, K), bias (K,)."""
        return {"location": self.location, "spread": self.spread, **self.model.arrays()}

    def values(self) -> dict[str, Any]:
        """Nothing else is learned."""
        return {}


def _scale(raw: Array) -> tuple[Array, Array]:
    """The mean and the deviation (F,) of what is observed of each statistic; 0 and 1 where nothing varies."""
    seen = ~np.isnan(raw)
    count = np.maximum(seen.sum(0), 1)
    location = np.where(seen, raw, 0.0).sum(0) / count
    squares = np.where(seen, raw - location, 0.0) ** 2
    spread = np.sqrt(squares.sum(0) / count)
    return location, np.where(spread > 1e-12 * np.abs(location), spread, np.inf)


def _scaled(raw: Array, location: Array, spread: Array) -> Array:
    """Statistics (S, F) in spreads from the mean; 0 where one is missing, or never varied."""
    scaled = (raw - location) / spread
    return np.where(np.isnan(scaled), 0.0, scaled)
