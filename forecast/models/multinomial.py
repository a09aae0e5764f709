"""Multinomial logistic regression on counts, by Newton's method with a quadratic penalty.

The logits of K names, those of the first being 0, are linear in the features: weights (F, K - 1). (Agresti, Categorical Data
Analysis, 3rd ed., section 8.1; for K = 2 it is logistic regression, and Newton's method iteratively reweighted least squares.)
Axes: N rows, F features, K names.
"""

from typing import NamedTuple

import numpy as np

from forecast.arrays import Array

STEPS = 40  # of Newton's method at most; it needs 4 to 8
HALVINGS = 8  # of one step at most
CLOSE = 1e-7  # relative gain of the penalised likelihood below which the weights have been found


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
    """weights (F, K - 1) · loss: minus the log likelihood, without the penalty · freedom: how many weights were free.

    The freedom is the trace of (H + P)^-1 H, of the Hessian H of the loss and that of the penalty, P (Gray 1992).
    """

    weights: Array
    loss: float
    freedom: float


def solved(problem: Problem, start: Array | None = None) -> Solution:
    """The weights of the highest penalised likelihood, looked for from `start`, or from the prior."""
    weights = problem.prior if start is None else start
    cost, shares = _cost(problem, weights)
    hessian = np.zeros(0)
    for _ in range(STEPS):
        hessian = _hessian(problem.features, problem.counts, shares)
        step = _step(problem, weights, shares, hessian)
        before = cost
        weights, cost, shares = _walked(problem, weights, step, cost, shares)
        if before - cost <= CLOSE * abs(before):
            break
    return Solution(weights, _loss(problem.counts, shares), _freedom(problem, hessian))


def chances(features: Array, weights: Array) -> Array:
    """Shares (N, K) of names at features (N, F), by weights (F, K - 1)."""
    logits = np.zeros((len(features), weights.shape[1] + 1))
    logits[:, 1:] = features @ weights
    logits -= logits.max(1, keepdims=True)
    made = np.exp(logits)
    made /= made.sum(1, keepdims=True)
    return made


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


def _step(problem: Problem, weights: Array, shares: Array, hessian: Array) -> Array:
    """Newton's step (F, K - 1)."""
    total = problem.counts.sum(1, keepdims=True)
    excess = problem.counts[:, 1:] - total * shares[:, 1:]
    pull = problem.penalty[:, None] * (weights - problem.prior)
    gradient = problem.features.T @ excess - pull
    penalised = hessian + np.diag(np.tile(problem.penalty, weights.shape[1]))
    found = np.linalg.solve(penalised, gradient.T.ravel())
    step: Array = found.reshape(weights.shape[1], -1).T
    return step


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


def _freedom(problem: Problem, hessian: Array) -> float:
    """How many weights were free, of those that the penalty holds."""
    copies = len(hessian) // len(problem.penalty)
    penalised = hessian + np.diag(np.tile(problem.penalty, copies))
    return float(np.trace(np.linalg.solve(penalised, hessian)))
