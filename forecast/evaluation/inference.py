"""What chance can do: tests and intervals for differences of losses whose horizons overlap."""

import math

import numpy as np

from forecast.arrays import Array

LEVEL = 0.05  # of the tests behind the verdict; the skill's interval and the confidence set have 1 - LEVEL
FEWEST_HORIZONS = 8  # of test, below which no verdict is given
RESAMPLES = 1000


def diebold_mariano(differences: Array, horizons: float) -> float | None:
    """Two-sided p of equal accuracy from loss differences (T,) in order of time; None where the test is too short, 1 where all are equal.

    Diebold and Mariano 1995, with the standard error and the quantiles of `standard_error`.
    """
    differences = differences[~np.isnan(differences)]
    found = standard_error(differences, horizons)
    if found is None:
        return None
    mean, (error, freedom) = differences.mean(), found
    if error <= 1e-12 * max(1.0, abs(mean)) / math.sqrt(len(differences)):
        return 1.0 if abs(mean) < 1e-12 else 0.0
    from scipy.stats import t

    return float(2 * t.sf(abs(mean) / error, freedom))


def standard_error(values: Array, horizons: float) -> tuple[float, int] | None:
    """The standard error of the mean of values (T,) in order of time, and the degrees of freedom of its t; None where the test is too short.

    The long-run variance is the mean square of B equal-weighted cosine transforms, B = min(12, horizons / 2), where `horizons` is the span of the
    test in horizons (Lazarus, Lewis, Stock and Watson 2018).
    """
    count = len(values)
    cosines = min(12, int(horizons / 2), count - 1)
    if horizons < FEWEST_HORIZONS or cosines < 1:
        return None
    angles = np.pi * np.outer(np.arange(1, cosines + 1), (np.arange(count) + 0.5) / count)
    variance = np.mean((np.sqrt(2 / count) * np.cos(angles) @ (values - values.mean())) ** 2)
    return float(np.sqrt(variance / count)), cosines


def holm(values: list[float | None]) -> list[float | None]:
    """p values corrected for their number, step down (Holm 1979); None, no test, does not count."""
    tests = sorted((p, i) for i, p in enumerate(values) if p is not None)
    corrected, largest = list(values), 0.0
    for rank, (p, i) in enumerate(tests):
        largest = max(largest, min(1.0, p * (len(tests) - rank)))
        corrected[i] = largest
    return corrected


def skill_interval(losses: Array, baseline: Array, horizons: float) -> tuple[float, float]:
    """The 95 % interval of 1 - mean loss / mean loss of the baseline; NaN where the test is too short.

    By the delta method with the standard error of the test of equal accuracy, so that interval and test say the same: a moving-block bootstrap of the
    ratio held 85 to 92 % in simulations at 24 steps and stride 1, this 94 %.
    """
    seen = ~np.isnan(losses) & ~np.isnan(baseline)
    losses, baseline = losses[seen], baseline[seen]
    if not len(losses) or baseline.mean() <= 0:
        return math.nan, math.nan
    ratio = losses.mean() / baseline.mean()
    found = standard_error(losses - ratio * baseline, horizons)
    if found is None:
        return math.nan, math.nan
    from scipy.stats import t

    reach = t.isf(LEVEL / 2, found[1]) * found[0] / baseline.mean()
    return float(1 - ratio - reach), float(1 - ratio + reach)


def resampled_means(losses: Array, horizons: float, seed: int = 0) -> Array:
    """Means (RESAMPLES, K) of losses (T, K) over moving blocks that wrap around (Politis and Romano 1992), all columns in the same blocks.

    A block is as long as two horizons, and at least 1.5 T^(1/3): what belongs together stays together.
    """
    count = len(losses)
    length = min(count, max(math.ceil(2 * count / max(horizons, 1)), math.ceil(1.5 * count ** (1 / 3))))
    sums = np.cumsum(np.concatenate([np.zeros((1, losses.shape[1])), losses, losses[:length]]), axis=0)
    starts = np.random.default_rng(seed).integers(0, count, (RESAMPLES, math.ceil(count / length)))
    return np.asarray((sums[starts + length] - sums[starts]).mean(1) / length)


def confidence_set(losses: list[Array], horizons: float) -> set[int]:
    """The models (by place) among which the best one is, with 95 % confidence: the model confidence set (Hansen, Lunde and Nason 2011).

    The worst is taken out while the largest of the studentised distances to the mean is more than the bootstrap's chance.
    """
    table = np.stack(losses, axis=1)
    table = table[~np.isnan(table).any(1)]
    inside = list(range(len(losses)))
    if len(table) < 2:
        return set(inside)
    drawn, means = resampled_means(table, horizons), table.mean(0)
    while len(inside) > 1:
        gap = means[inside] - means[inside].mean()
        centred = (drawn[:, inside] - drawn[:, inside].mean(1, keepdims=True)) - gap
        error = np.sqrt((centred**2).mean(0))
        if (error <= 1e-12 * max(1.0, float(np.abs(means).max()))).all():
            break
        statistic = gap / np.maximum(error, 1e-300)
        chance = ((centred / np.maximum(error, 1e-300)).max(1) >= statistic.max()).mean()
        if chance >= LEVEL:
            break
        inside.pop(int(statistic.argmax()))
    return set(inside)
