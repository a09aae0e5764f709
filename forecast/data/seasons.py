"""Seasons and cycles of a panel, and whether values persist."""

import numpy as np

from forecast.arrays import Array, mean_observed
from forecast.data.clock import CYCLES
from forecast.data.panel import Panel


def persists(values: Array, share: float = 1.0) -> bool:
    """Whether values (n,) are on average as close to the one before as to their median, as a level
    is and returns are not; False without any.

    share: how much closer to the one before, as the share of the distance to the median.
    """
    seen = values[~np.isnan(values)]
    if not len(seen):
        return False
    return bool(mean_observed(np.abs(np.diff(values))) <= share * np.abs(seen - np.median(seen)).mean())


def cycles_seen(past: Panel) -> tuple[str, ...]:
    """The cycles of the calendar that the past has seen twice: a season seen once is no season yet."""
    if not past.clock.cycles:
        return ()
    span = max(
        int((past.times[stop - 1] - past.times[start]).astype("int64"))
        for start, stop in zip(past.starts, past.stops, strict=True)
    )
    return tuple(name for name in past.clock.cycles if 2 * CYCLES[name] <= span)


def season_of(past: Panel) -> int:
    """The shortest season of a panel in steps: from the clock, or on the step clock found in the
    values; 1 where there is none.
    """
    fitting = [season for season in past.clock.seasons if 2 * season <= past.lengths.max(initial=0)]
    if past.clock.kind != "step":
        return fitting[0] if fitting else 1
    found = [find_season(past.values[past.rows(i), 0]) for i in range(len(past.ids))]
    return int(np.median(found)) if found else 1


def seasonal_errors(past: Panel, power: int = 1) -> Array:
    """The mean |y_t - y_(t - season)|^power of each series, (S,): the errors of its seasonal naive
    forecast; NaN where none can be formed.
    """
    season = season_of(past)
    errors = np.full(len(past.ids), np.nan)
    for i in range(len(past.ids)):
        target = past.values[past.rows(i), 0]
        if len(target) > season:
            apart = np.abs(target[season:] - target[:-season])
            errors[i] = float(mean_observed(apart**power))
    return errors


def find_season(values: Array, most: int = 2000) -> int:
    """The season of one series in steps: the highest peak of the autocorrelation of its last rows
    after it first falls below zero; else 1.

    A peak counts from .5 on; the linear trend is taken out first. Missing values count as the mean.
    """
    correlation = _autocorrelation(values[-4 * most :])
    negative = np.flatnonzero(correlation < 0)
    if not len(negative):
        return 1
    later = correlation[negative[0] : most]
    peaks = np.flatnonzero((later[1:-1] > later[:-2]) & (later[1:-1] >= later[2:])) + 1
    if not len(peaks):
        return 1
    high = peaks[later[peaks] > max(0.5, 0.9 * later[peaks].max())]
    return int(negative[0] + high[0]) if len(high) else 1


def _autocorrelation(recent: Array) -> Array:
    """The autocorrelation of values (n,) without their linear trend, at lags up to half of them;
    empty where under 8 are observed or they do not vary.
    """
    seen = ~np.isnan(recent)
    if seen.sum() < 8:
        return np.zeros(0)
    steps = np.arange(len(recent))
    line = np.polyfit(steps[seen], recent[seen], 1)
    centred = np.where(seen, recent - np.polyval(line, steps), 0.0)
    power = np.abs(np.fft.rfft(centred, 2 * len(recent))) ** 2
    correlation = np.fft.irfft(power)[: len(recent) // 2 + 1]
    if correlation[0] <= 1e-12:
        return np.zeros(0)
    # each lag is divided by its number of pairs, so a pure sine keeps its height at every multiple
    pairs = len(recent) - np.arange(len(correlation))
    return correlation / correlation[0] * (len(recent) / pairs)
