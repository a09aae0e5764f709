"""How sure probabilities may be: one temperature, and the weights of several models, each from sequences that none of them has
learned from."""

import math

import numpy as np

from forecast.arrays import Array

SPREAD = 0.5  # of the log of a temperature before anything is seen: few sequences move it little
COLDEST = -2.0  # lowest and highest log of a temperature
HOTTEST = 3.0
LEAST = 1e-12  # of a probability, so that its log is finite
ROUNDS = 200  # in which the weights of a mixture are found
SEEN_BEFORE = 10.0  # sequences that an equal mixture counts as, before anything is seen


def cooled(shares: Array, temperature: float) -> Array:
    """Probabilities (S, K) at another temperature: their powers 1 / T, summing to 1 again. 1 leaves them as they are."""
    powers = np.log(np.maximum(shares, LEAST)) / temperature
    powers -= powers.max(1, keepdims=True)
    made = np.exp(powers)
    return made / made.sum(1, keepdims=True)


def temperature_of(shares: Array, labels: Array) -> float:
    """The temperature at which probabilities (S, K) of labels (S,) have the lowest log loss (Guo et al. 2017).

    The most probable one where its log is normal around 0 with SPREAD: of few sequences, all named rightly, the likeliest
    temperature would be 0, certainty.
    """
    from scipy.optimize import minimize_scalar

    if not len(labels):
        return 1.0
    rows = np.arange(len(labels))

    def unlikely(log: float) -> float:
        chosen = cooled(shares, math.exp(log))[rows, labels]
        return float(-np.log(np.maximum(chosen, LEAST)).sum() + log**2 / (2 * SPREAD**2))

    found = minimize_scalar(unlikely, bounds=(COLDEST, HOTTEST), method="bounded", options={"xatol": 1e-4})
    return math.exp(found.x)


def weights_of(shares: Array, labels: Array) -> Array:
    """The weights (P,) of a mixture of probabilities (P, S, K) under which labels (S,) are the likeliest.

    By expectation and maximisation (Dempster et al. 1977), where SEEN_BEFORE sequences are shared out equally before.
    """
    parts = len(shares)
    given = shares[:, np.arange(len(labels)), labels]
    weights = np.full(parts, 1 / parts)
    for _ in range(ROUNDS):
        each = weights[:, None] * given
        owed = each / np.maximum(each.sum(0), LEAST)
        weights = (owed.sum(1) + SEEN_BEFORE / parts) / (len(labels) + SEEN_BEFORE)
    return weights


def log_loss(shares: Array, labels: Array) -> float:
    """The mean of -log of the probability (S, K) that each label (S,) was given."""
    given = shares[np.arange(len(labels)), labels]
    return float(-np.log(np.maximum(given, LEAST)).mean())


def settled(shares: Array) -> Array:
    """Probabilities (S, K) on a grid of 1e-10: what is the same but for rounding is the same in its bits; rows sum to 1."""
    made = np.round(shares, DIGITS)
    rows = np.arange(len(made))
    first = made.argmax(1)
    others = made.sum(1) - made[rows, first]
    made[rows, first] = np.round(1 - others, DIGITS)
    return made


DIGITS = 10
