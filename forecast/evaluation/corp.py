"""CORP: what of a Brier score is miscalibration, and a reliability curve without bins (Dimitriadis, Gneiting, Jordan 2021).

The probabilities are recalibrated by isotonic regression of the outcomes, which pools neighbours where the share of
outcomes would fall although the probability rises.
"""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import isotonic_regression

from forecast.arrays import Array

DRAWS = 200  # of a consistency band
COVERAGE = 90.0  # percent, of a consistency band


@dataclass(frozen=True)
class Corp:
    """The three parts of a mean Brier score: brier = miscalibration - discrimination + uncertainty.

    miscalibration: what recalibrating would gain, >= 0, 0 is best · discrimination: how much better than the base rate
    the recalibrated probabilities are, >= 0 · uncertainty: the score of the base rate. All are in units of the score.
    """

    miscalibration: float
    discrimination: float
    uncertainty: float

    @property
    def brier(self) -> float:
        """The mean squared difference of probability and outcome."""
        return self.miscalibration - self.discrimination + self.uncertainty


@dataclass(frozen=True, eq=False)
class Reliability:
    """A reliability curve: how often the outcome came, for each probability that was given.

    probability (U,): the different ones, rising · count (U,): how often each was given · observed (U,): the recalibrated
    probability, which never falls · low, high (U,): where `observed` would lie in COVERAGE percent of draws if every
    probability were right.
    """

    probability: Array
    count: Array
    observed: Array
    low: Array
    high: Array


def corp(probability: Array, outcome: Array) -> Corp:
    """The parts of the Brier score of probabilities (n,) for outcomes (n,) of 0 and 1; NaN where there is none."""
    if not len(probability):
        return Corp(np.nan, np.nan, np.nan)
    _, places, count = np.unique(probability, return_inverse=True, return_counts=True)
    came = np.bincount(places, outcome)
    calibrated = _isotonic(came, count)[places]
    rate = outcome.mean()
    score = _brier(probability, outcome)
    of_calibrated = _brier(calibrated, outcome)
    of_rate = _brier(np.full(len(outcome), rate), outcome)
    return Corp(score - of_calibrated, of_rate - of_calibrated, of_rate)


def reliability(probability: Array, outcome: Array, *, seed: int = 0) -> Reliability:
    """The reliability curve of probabilities (n,), n > 0, for outcomes (n,) of 0 and 1, with its consistency band.

    The band is made of DRAWS draws of outcomes that come as often as the probabilities say.
    """
    values, places, count = np.unique(probability, return_inverse=True, return_counts=True)
    observed = _isotonic(np.bincount(places, outcome), count)
    random = np.random.default_rng(seed)
    drawn = random.binomial(count, np.clip(values, 0, 1), size=(DRAWS, len(values)))
    curves = np.array([_isotonic(came, count) for came in drawn])
    beyond = (100 - COVERAGE) / 200
    low, high = np.quantile(curves, [beyond, 1 - beyond], axis=0)
    return Reliability(values, count, observed, low, high)


def _isotonic(came: Array, count: Array) -> Array:
    """The shares came / count (U,) made to rise: least squares, each weighted by its count."""
    rising: Array = isotonic_regression(came / count, weights=count.astype("float64")).x
    return rising


def _brier(probability: Array, outcome: Array) -> float:
    """The mean squared difference."""
    return float(np.mean((probability - outcome) ** 2))
