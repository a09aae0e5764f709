"""Scores of class probabilities. Each weighs the sequences, so that a bootstrap resamples by weights alone.

shares (n, K), labels (n,) as places of classes, weights (n,) >= 0, in all functions.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from forecast.arrays import Array
from forecast.errors import ForecastError, nearest
from forecast.evaluation.corp import Corp, corp
from forecast.evaluation.probabilities import auc_of

LEAST = 1e-15  # below which a share counts as this in the log loss, as in scikit-learn
BINS = 15  # of equal mass, of the calibration error


@dataclass(frozen=True)
class Score:
    """A row of METRICS: its name in words, whether it ranks and whether more is better, and its function.

    losses: (n,) of which the score is the weighted mean, None where it is no mean.
    """

    label: str
    higher: bool
    ranks: bool
    of: Callable[[Array, Array, Array], float]
    losses: Callable[[Array, Array], Array] | None = None


def given(shares: Array, labels: Array) -> Array:
    """The share (n,) of the true class."""
    return np.asarray(shares[np.arange(len(labels)), labels])


def log_losses(shares: Array, labels: Array) -> Array:
    """-log of the share of the true class (n,)."""
    return -np.log(np.maximum(given(shares, labels), LEAST))


def brier_losses(shares: Array, labels: Array) -> Array:
    """Half the sum (n,) of the squared errors of the shares, which of two classes is that of either (Brier 1950)."""
    truth = np.eye(shares.shape[1])[labels]
    return np.asarray(((shares - truth) ** 2).sum(1) / 2)


def hits(shares: Array, labels: Array) -> Array:
    """1 (n,) where the class of the largest share is the true one."""
    return np.asarray(shares.argmax(1) == labels, "float64")


def _mean(losses: Callable[[Array, Array], Array]) -> Callable[[Array, Array, Array], float]:
    """The weighted mean of losses."""
    return lambda shares, labels, weights: float(np.average(losses(shares, labels), weights=weights))


def confusion(shares: Array, labels: Array, weights: Array) -> Array:
    """Weights (K, K) by true class and named class."""
    classes = shares.shape[1]
    cells = labels * classes + shares.argmax(1)
    return np.bincount(cells, weights, classes**2).reshape(classes, classes)


def balanced_accuracy(shares: Array, labels: Array, weights: Array) -> float:
    """The mean over the classes that occur of the share that is named rightly."""
    table = confusion(shares, labels, weights)
    total = table.sum(1)
    occur = total > 0
    return float((np.diag(table)[occur] / total[occur]).mean())


def f1_macro(shares: Array, labels: Array, weights: Array) -> float:
    """The mean over classes of F1, the harmonic mean of precision and recall; 0 for one that is never named rightly."""
    table = confusion(shares, labels, weights)
    both = table.sum(0) + table.sum(1)
    occur = both > 0
    return float((2 * np.diag(table)[occur] / both[occur]).mean())


def mcc(shares: Array, labels: Array, weights: Array) -> float:
    """The correlation of true and named classes (Matthews 1975; Gorodkin 2004); 0 where one of them never varies."""
    table = confusion(shares, labels, weights)
    total = table.sum()
    true = table.sum(1)
    named = table.sum(0)
    covariance = np.diag(table).sum() * total - true @ named
    spread = np.sqrt((total**2 - named @ named) * (total**2 - true @ true))
    return float(covariance / spread) if spread > 0 else 0.0


def auc(shares: Array, labels: Array, weights: Array) -> float:
    """The chance that a member of a class has a larger share of it than another sequence; ties count half.

    Of more than two classes the mean over them, each against all others. NaN where there is one class alone.
    """
    places = [1] if shares.shape[1] == 2 else range(shares.shape[1])
    found = [auc_of(shares[:, place], labels == place, weights) for place in places]
    known = [value for value in found if not np.isnan(value)]
    return float(np.mean(known)) if known else np.nan


def ece(shares: Array, labels: Array, weights: Array) -> float:
    """How far the largest share is from how often it is right, in BINS of equal mass (Naeini et al. 2015).

    Sequences with the same largest share are in one bin.
    """
    _, rank = np.unique(shares.max(1), return_inverse=True)
    mass = np.bincount(rank, weights)
    middle = (np.cumsum(mass) - mass / 2) / mass.sum()
    bins = np.minimum((middle * BINS).astype("int64"), BINS - 1)[rank]
    gaps = np.bincount(bins, weights * (shares.max(1) - hits(shares, labels)))
    return float(np.abs(gaps).sum() / weights.sum())


def parts_of_brier(shares: Array, labels: Array) -> Corp:
    """Miscalibration, discrimination and uncertainty of the Brier score: half their sums over the classes."""
    places = range(shares.shape[1])
    parts = [corp(shares[:, place], (labels == place).astype("float64")) for place in places]
    return Corp(
        miscalibration=sum(part.miscalibration for part in parts) / 2,
        discrimination=sum(part.discrimination for part in parts) / 2,
        uncertainty=sum(part.uncertainty for part in parts) / 2,
    )


METRICS: dict[str, Score] = {
    "log_loss": Score("log loss", False, True, _mean(log_losses), log_losses),
    "accuracy": Score("accuracy", True, True, _mean(hits), hits),
    "balanced_accuracy": Score("balanced accuracy", True, True, balanced_accuracy),
    "f1_macro": Score("F1", True, True, f1_macro),
    "auc": Score("AUC", True, True, auc),
    "mcc": Score("MCC", True, True, mcc),
    "brier": Score("Brier score", False, True, _mean(brier_losses), brier_losses),
    "ece": Score("calibration error", False, False, ece),
}


def ranking(name: str) -> Score:
    """The metric of a name, which ranks; ForecastError where there is none, or it does not rank."""
    if name not in METRICS:
        raise ForecastError(f"There is no metric {name!r} of classes.{nearest(name, METRICS)}")
    if not METRICS[name].ranks:
        ranks = [one for one, score in METRICS.items() if score.ranks]
        raise ForecastError(f"The metric {name} does not rank models. There is: {', '.join(ranks)}.")
    return METRICS[name]


def scores_of(shares: Array, labels: Array) -> dict[str, float]:
    """All metrics by name, and the parts of the Brier score."""
    weights = np.ones(len(labels))
    found = {name: score.of(shares, labels, weights) for name, score in METRICS.items()}
    parts = parts_of_brier(shares, labels)
    return {
        **found,
        "miscalibration": parts.miscalibration,
        "discrimination": parts.discrimination,
        "uncertainty": parts.uncertainty,
    }
