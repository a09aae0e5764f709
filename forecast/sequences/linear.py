"""Multinomial logistic regression by scikit-learn, kept as arrays; its penalty is chosen inside the training part."""

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np

from forecast.arrays import Array
from forecast.sequences.parts import inner_folds

PENALTIES = (1e-3, 1e-2, 1e-1, 1.0, 10.0, 100.0, 1000.0)  # the inverse of the penalty, C of scikit-learn
LEAST = 1e-15  # a share below which a log loss is not formed
ITERATIONS = 2000  # at most, of the solver


@dataclass(frozen=True, eq=False)
class Softmax:
    """Weights (F, K) and biases (K,) of a multinomial logistic regression."""

    weight: Array
    bias: Array

    def shares(self, features: Any) -> Array:
        """The shares (n, K) at features (n, F), dense or sparse; those of a row do not depend on the others."""
        if isinstance(features, np.ndarray):
            scores = np.stack([(features * column).sum(1) for column in self.weight.T], axis=1)
        else:
            scores = np.asarray(features @ self.weight)
        return softmax(scores + self.bias)

    def arrays(self) -> dict[str, Array]:
        """The weights and biases."""
        return {"weight": self.weight, "bias": self.bias}


@dataclass(frozen=True)
class Penalised:
    """What the choice of a penalty gave: the inverse penalty, and its log loss on the held rows of the training part.

    loss: NaN where a class has too few members to hold any back.
    """

    inverse: float
    loss: float

    @property
    def words(self) -> str:
        """The choice in words."""
        if np.isnan(self.loss):
            return f"C = {self.inverse:g}, as a class has too few members to choose by cross-validation"
        return f"C = {self.inverse:g} by cross-validation in the training part (log loss {self.loss:.4f})"


def softmax(scores: Array) -> Array:
    """Shares (n, K) of scores (n, K)."""
    powers = np.exp(scores - scores.max(1, keepdims=True))
    return powers / powers.sum(1, keepdims=True)


def fit_softmax(
    features: Any, labels: Array, classes: int, groups: Array | None, seed: int, penalties: tuple[float, ...]
) -> tuple[Softmax, Penalised]:
    """The regression of labels (n,) on features (n, F), with the best of some inverse penalties.

    That is the one with the lowest log loss on held parts of these rows, stratified, and by group where there are groups.
    """
    chosen = _choose(features, labels, classes, groups, seed, penalties)
    return _fitted(features, labels, classes, chosen.inverse), chosen


def _choose(
    features: Any, labels: Array, classes: int, groups: Array | None, seed: int, penalties: tuple[float, ...]
) -> Penalised:
    """The inverse penalty with the lowest log loss on held rows."""
    folds = inner_folds(labels, groups, seed)
    if not folds:
        return Penalised(1.0, np.nan)
    losses = np.zeros(len(penalties))
    held = 0
    for train, test in folds:
        held += len(test)
        for place, inverse in enumerate(penalties):
            made = _fitted(features[train], labels[train], classes, inverse)
            shares = made.shares(features[test])
            losses[place] += -np.log(np.maximum(shares[np.arange(len(test)), labels[test]], LEAST)).sum()
    best = int(losses.argmin())
    return Penalised(penalties[best], float(losses[best] / held))


def _fitted(features: Any, labels: Array, classes: int, inverse: float) -> Softmax:
    """The regression with one penalty."""
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(C=inverse, max_iter=ITERATIONS)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a fit that is cut off at ITERATIONS is one of a weaker penalty
        model.fit(features, labels)
    weight = np.zeros((features.shape[1], classes))
    bias = np.full(classes, -np.inf)
    bias[model.classes_] = 0.0
    if len(model.classes_) == 2:
        weight[:, model.classes_[1]] = model.coef_[0]
        bias[model.classes_[1]] = model.intercept_[0]
    else:
        weight[:, model.classes_] = model.coef_.T
        bias[model.classes_] = model.intercept_
    return Softmax(weight, bias)
