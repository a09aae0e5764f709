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
    moment = np.cumsum(np.append(0, stamps[1:] != stamps[:-1]))
    mean = np.bincount(moment, size) / np.bincount(moment)
    variance = long_run_variance(mean)
    smallest = 1e-12 * max(float(mean.mean()) ** 2, 1e-300)
    if variance <= smallest:
        return float(len(errors))
    count = size.var() * len(mean) / variance
    return float(np.clip(count, 1, len(errors)))


def long_run_variance(values: Array) -> float:
    """The autocovariances of values (n,), summed over lags until the first that is not above zero.

    The initial positive sequence of Geyer 1992.
    """
    centred = values - values.mean()
    power = np.abs(np.fft.rfft(centred, 2 * len(values))) ** 2
    covariance = np.fft.irfft(power)[: len(values)] / len(values)
    ended = np.flatnonzero(covariance <= 0)
    end = ended[0] if len(ended) else None
    return float(covariance[0] + 2 * covariance[1:end].sum())
