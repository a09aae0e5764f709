"""Multinomial logistic regression on counts, by Newton's method with a quadratic penalty.

The logits of K names, those of the first being 0, are linear in the features: weights (F, K - 1). (Agresti, Categorical Data
Analysis, 3rd ed., section 8.1; for K = 2 it is logistic regression, and Newton's method iteratively reweighted least squares.)
Axes: N rows, F features, K names.
"""

from typing import NamedTuple

import numpy as np

from forecast.arrays import Array

STEPS = 60  # of Newton's method at most; it needs 4 to 8
HALVINGS = 8  # of one step at most
CLOSE = (
    1e-7  # promised gain of the penalised likelihood, relative to it, below which the weights have been found
)
SERVES = 0.2  # share of the gain promised before, up to which a Hessian is used again


class Problem(NamedTuple):
    """Weights are looked for that make counts (N, K) likely given features (N, F).

    A row of counts says how often each name was seen with these features, and may be all 0. penalty (F,): how much
    half the square of a weight's distance from prior (F, K - 1) costs, in units of the log likelihood.
    """

    features: Array
    counts: Array
    penalty: Array
    prior: Array


class Solution(NamedTuple):
    """weights (F, K - 1) · loss: minus the log likelihood, without the penalty · hessian of the loss, maybe of a step before."""

    weights: Array
    loss: float
    hessian: Array


def solved(problem: Problem, near: Solution | None = None) -> Solution:
    """The weights of the highest penalised likelihood, looked for from those of a problem that is near, or from the prior.

    A Hessian is used as long as it serves, also that of the problem that is near: it is what costs most.
    """
    weights = problem.prior if near is None else near.weights
    cost, shares = _cost(problem, weights)
    hessian = None if near is None else near.hessian
    last = np.inf
    for _ in range(STEPS):
        fresh = hessian is None
        if hessian is None:
            hessian = _hessian(problem.features, problem.counts, shares)
        step, gain = _step(problem, weights, shares, hessian)
        if gain <= CLOSE * (abs(cost) + 1):
            break
        before = cost
        weights, cost, shares = _walked(problem, weights, step, cost, shares)
        if fresh and cost >= before:
            break
        if gain > SERVES * last or cost >= before:
            hessian = None
        last = gain
    if hessian is None:
        hessian = _hessian(problem.features, problem.counts, shares)
    return Solution(weights, _loss(problem.counts, shares), hessian)


def freedom(problem: Problem, found: Solution) -> float:
    """How many weights were free, of those that the penalty holds: the trace of (H + P)^-1 H (Gray 1992)."""
    hessian = _hessian(problem.features, problem.counts, chances(problem.features, found.weights))
    return float(np.trace(np.linalg.solve(_penalised(problem, hessian), hessian)))


def chances(features: Array, weights: Array) -> Array:
    """Shares (N, K) of names at features (N, F), by weights (F, K - 1)."""
    logits = np.zeros((len(features), weights.shape[1] + 1))
    logits[:, 1:] = features @ weights
    logits -= logits.max(1, keepdims=True)
    made = np.exp(logits)
    made /= made.sum(1, keepdims=True)
    return made


def loss_of(problem: Problem, weights: Array) -> float:
    """Minus the log likelihood of the counts of a problem under some weights."""
    return _loss(problem.counts, chances(problem.features, weights))


def _loss(counts: Array, shares: Array) -> float:
    """Minus the log likelihood of counts (N, K) under shares (N, K)."""
    seen = counts > 0
    return -float(counts[seen] @ np.log(np.maximum(shares[seen], 1e-300)))


def _cost(problem: Problem, weights: Array) -> tuple[float, Array]:
    """The penalised loss of some weights, and the shares (N, K) that they give."""
    shares = chances(problem.features, weights)
    distance = (weights - problem.prior) ** 2
    cost = _loss(problem.counts, shares) + 0.5 * float(problem.penalty @ distance.sum(1))
    return cost, shares


def _step(problem: Problem, weights: Array, shares: Array, hessian: Array) -> tuple[Array, float]:
    """Newton's step (F, K - 1), and the gain that it promises."""
    total = problem.counts.sum(1, keepdims=True)
    excess = problem.counts[:, 1:] - total * shares[:, 1:]
    pull = problem.penalty[:, None] * (weights - problem.prior)
    gradient = (problem.features.T @ excess - pull).T.ravel()
    found = np.linalg.solve(_penalised(problem, hessian), gradient)
    step = found.reshape(weights.shape[1], -1).T
    return step, 0.5 * float(gradient @ found)


def _penalised(problem: Problem, hessian: Array) -> Array:
    """The Hessian of the loss and the penalty."""
    copies = len(hessian) // len(problem.penalty)
    made: Array = hessian + np.diag(np.tile(problem.penalty, copies))
    return made


def _walked(
    problem: Problem, weights: Array, step: Array, cost: float, shares: Array
) -> tuple[Array, float, Array]:
    """The weights after a step, or after a part of it that lowers the cost; where none does, those before it."""
    size = 1.0
    for _ in range(HALVINGS):
        tried = weights + size * step
        new, found = _cost(problem, tried)
        if new <= cost:
            return tried, new, found
        size /= 2
    return weights, cost, shares


def _hessian(features: Array, counts: Array, shares: Array) -> Array:
    """That of the loss, ((K - 1) F, (K - 1) F), name by name."""
    others = shares.shape[1] - 1
    width = features.shape[1]
    total = counts.sum(1)
    made = np.empty((others, width, others, width))
    for one in range(others):
        for two in range(one, others):
            same = float(one == two)
            curve = total * shares[:, one + 1] * (same - shares[:, two + 1])
            block = features.T @ (features * curve[:, None])
            made[one, :, two] = block
            made[two, :, one] = block
    return made.reshape(others * width, others * width)
