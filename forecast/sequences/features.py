"""Statistics of sequences of numbers: what a linear model and trees read of them."""

from itertools import pairwise

import numpy as np

from forecast.arrays import Array
from forecast.sequences.values import Sequences

NAMES = ("mean", "deviation", "first", "middle", "last", "third 1", "third 2", "third 3")  # of each column


def statistics_of(sequences: Sequences) -> Array:
    """The statistics (S, 8 C) of sequences of numbers: NAMES of each column, NaN where nothing was observed.

    Thirds are the means of the first, second and last third of the steps. Those of a sequence do not depend on the
    others.
    """
    values = sequences.values
    begin = sequences.offsets[:-1]
    end = sequences.offsets[1:]
    length = end - begin
    mean = _means(values, begin, end)
    centred = values - np.repeat(mean, length, axis=0)
    deviation = np.sqrt(_means(centred**2, begin, end))
    first = values[begin]
    middle = values[begin + (length - 1) // 2]
    last = values[end - 1]
    cuts = [begin + -(-length * part // 3) for part in range(4)]
    thirds = [_means(values, low, high) for low, high in pairwise(cuts)]
    return np.concatenate([mean, deviation, first, middle, last, *thirds], axis=1)


def _means(values: Array, begin: Array, end: Array) -> Array:
    """The means (S, C) of the observed values in rows begin to end; NaN where there is none."""
    seen = ~np.isnan(values)
    total = _sums(np.where(seen, values, 0.0), begin, end)
    count = _sums(seen.astype("float64"), begin, end)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def _sums(values: Array, begin: Array, end: Array) -> Array:
    """Sums (S, C) of rows begin to end, 0 where there is none; each over its own rows alone."""
    padded = np.concatenate([values, np.zeros((1, values.shape[1]))])
    bounds = np.stack([begin, end], axis=1).ravel()
    sums = np.add.reduceat(padded, bounds, axis=0)[::2]
    return np.where((end > begin)[:, None], sums, 0.0)
