"""The blocks of a walk, at whose beginnings something is learned anew, and how many independent errors lie behind one."""

from dataclasses import dataclass

import numpy as np

from forecast.arrays import Array

BLOCKS = 100  # of a walk


@dataclass(frozen=True, eq=False)
class Blocks:
    """The blocks of a walk: number (M,) of the one that each origin lies in; series, how many an average moment has.

    known (blocks + 1,): the moment until which each block may look, when it begins; and last, the end of the walk.
    """

    number: Array
    known: Array
    series: float


def blocks_of(asked: Array, stamps: Array) -> Blocks:
    """The blocks of origins asked (M,), whose steps have the stamps (M, H)."""
    moments, moment = np.unique(asked, return_inverse=True)
    chunks = np.array_split(np.arange(len(moments)), min(BLOCKS, len(moments)))
    starts = np.array([chunk[0] for chunk in chunks])
    number = np.searchsorted(starts, moment, side="right") - 1
    known = np.append(moments[starts], stamps.max())
    return Blocks(number, known, len(asked) / len(moments))


def independent(errors: Array, stamps: Array) -> float:
    """How many independent errors the errors (n,) that matured at stamps (n,), rising, count as: between 1 and n.

    It is the number that would leave the mean size of an error as uncertain as it is, by the long-run variance of its
    mean at each stamp. Errors of several series at one stamp count as many where they are unrelated, and as one where
    they are the same. Sizes, not signs: the ends of an interval depend on how large errors are.
    """
    size = np.abs(errors)
    mean = _means_of_moments(size, stamps)
    variance = long_run_variance(mean - mean.mean())
    smallest = 1e-12 * max(float(mean.mean()) ** 2, 1e-300)
    if variance <= smallest:
        return float(len(errors))
    count = size.var() * len(mean) / variance
    return float(np.clip(count, 1, len(errors)))


def independent_windows(levels: Array, stamps: Array) -> float:
    """How many independent windows the windows of levels (T, H) with origins at stamps (T,), rising, count as.

    Like `independent`, of the mean normal score of a window, whose mean is known to be 0: windows that overlap all lie on
    one side.
    """
    from scipy.special import ndtri

    scores = ndtri(levels).mean(1)
    mean = _means_of_moments(scores, stamps)
    variance = long_run_variance(mean)
    if variance <= 0:
        return float(len(levels))
    count = (scores**2).mean() * len(mean) / variance
    return float(np.clip(count, 1, len(levels)))


def _means_of_moments(values: Array, stamps: Array) -> Array:
    """The mean of values (n,) at each of their stamps (n,), which rise."""
    moment = np.cumsum(np.append(0, stamps[1:] != stamps[:-1]))
    made: Array = np.bincount(moment, values) / np.bincount(moment)
    return made


def long_run_variance(centred: Array) -> float:
    """The autocovariances of values (n,) around their mean, summed over lags until the first that is not above zero.

    The initial positive sequence of Geyer 1992.
    """
    power = np.abs(np.fft.rfft(centred, 2 * len(centred))) ** 2
    covariance = np.fft.irfft(power)[: len(centred)] / len(centred)
    ended = np.flatnonzero(covariance <= 0)
    end = ended[0] if len(ended) else None
    return float(covariance[0] + 2 * covariance[1:end].sum())
