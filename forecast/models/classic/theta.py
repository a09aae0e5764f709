"""The theta method: the mean of a straight line and of exponential smoothing around it.

It is asked at any number of origins by one pass.
"""

from dataclasses import dataclass
from functools import partial
from typing import Annotated, NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from pydantic import Field

from forecast.arrays import Array
from forecast.data.panel import Panel
from forecast.data.seasons import season_of
from forecast.models.answers import NormalAnswers, in_chunks, recent
from forecast.models.base import Watch
from forecast.models.classic.smoothing import WINDOW, States, decompose, mean_of, smooth, unrolled
from forecast.results import Log
from forecast.task import Goal

# tried for the smoothing: its squared error is flat around the best
ALPHAS = np.append(np.arange(0.02, 1, 0.02), 0.999)
SIGNIFICANT = (
    1.645  # standard errors of the autocorrelation at the season of a seasonal series, as in M4's benchmarks
)


@dataclass(frozen=True)
class Theta:
    """The standard theta method (Assimakopoulos & Nikolopoulos 2000) with additive seasonal adjustment.

    It is fitted to the last rows before each origin. The theta line of 0 is the least-squares line; that of 2, twice the
    values less the line, is smoothed; the forecast is their mean. Its errors are those of simple exponential smoothing
    with drift (Hyndman & Billah 2003). alpha: of the smoothing; None = least squares.
    """

    name: str = "theta"
    alpha: Annotated[float, Field(gt=0, le=1)] | None = None

    def fit(self, past: Panel, goal: Goal, *, seed: int, watch: Watch) -> "Lines":
        """Test each series for a season, and estimate alpha and the spread of the one-step errors.

        Series that come later get the medians.
        """
        season = season_of(past)
        if 2 * season > WINDOW:
            season = 1
        ends = np.stack([np.arange(len(past.ids)), past.lengths], axis=1)
        alphas = ALPHAS if self.alpha is None else np.array([self.alpha])
        table = in_chunks(partial(_estimate, past, season=season, alphas=alphas), ends)
        seasonal = int((table[:, 0] > 0).sum())
        note = "no season found"
        if seasonal:
            note = f"season of {season} steps in {seasonal} of {len(past.ids)} series"
        table = np.concatenate([table, np.median(table, axis=0)[None]])
        found, alpha, spreads = table.T.copy()
        return Lines(goal, season, (found > 0).astype("int64"), alpha, spreads, Log((note,)))

    def restore(self, arrays: dict[str, Array], goal: Goal) -> "Lines":
        """The Lines whose `arrays()` these are."""
        season = int(arrays["season"][0])
        return Lines(goal, season, arrays["seasonal"], arrays["alpha"], arrays["spreads"], Log())


@dataclass(frozen=True, eq=False)
class Lines(NormalAnswers):
    """season in steps, 1 = none · seasonal int64 (0 or 1), alpha, spreads (scaled): (S + 1,).

    The last row is that of the series that were not fitted.
    """

    season: int
    seasonal: Array
    alpha: Array
    spreads: Array
    log: Log
    context = WINDOW  # rows before an origin that a forecast reads

    def normal(self, panel: Panel, origins: Array, rows: Array) -> tuple[Array, Array]:
        """Points and widths (M, H) from the rows before each origin, all origins at once."""
        alpha = self.alpha[rows]
        steps = np.arange(self.goal.horizon)
        values = recent(panel, origins, WINDOW).T
        found = adjust(values, self.season, self.seasonal[rows] > 0)
        _, smoothed = simple(2 * found.adjusted - found.line, alpha)
        line = found.line[-1][:, None] + found.slope[:, None] * (1 + steps)
        point = (line + smoothed[:, None]) / 2 + found.profile[steps % self.season].T
        growth = np.sqrt(1 + steps * alpha[:, None] ** 2)
        return point, self.spreads[rows][:, None] * growth


class Adjusted(NamedTuple):
    """Values (L, K) less their season, the least-squares line (L, K) through what is left, its slope (K,), and the
    seasonal profile (m, K).
    """

    adjusted: Array
    line: Array
    slope: Array
    profile: Array


def adjust(values: Array, season: int, seasonal: Array) -> Adjusted:
    """Values (L, K) taken apart; `seasonal` (K,) says which have a season."""
    slope, profile = decompose(values, season, seasonal)
    adjusted = values - unrolled(profile, len(values))
    rising = slope * np.arange(len(values))[:, None]
    line = rising + mean_of(adjusted - rising, ~np.isnan(adjusted))
    return Adjusted(adjusted, line, slope, profile)


def simple(values: Array, alpha: Array) -> tuple[Array, Array]:
    """Simple exponential smoothing of values (L, K) from their first observed one.

    Squared one-step errors and last levels, both of the shape of alpha (..., K).
    """
    seen = ~np.isnan(values)
    opening = values[seen.argmax(0), np.arange(values.shape[1])]
    first = np.where(seen.any(0), np.nan_to_num(opening), 0.0)
    none = np.zeros(alpha.shape)
    parameters = np.array([alpha, none, none, none])
    squares, states = smooth(values, parameters, States(first, none, none[None]))
    return squares, states.level


def is_seasonal(values: Array, season: int) -> Array:
    """Whether values (L, K) less their trend are autocorrelated at the season, bool (K,), by Bartlett's formula.

    M4 tests the values themselves, and so finds a season in most random walks. Missing values count as the mean. Fewer
    than three seasons are none.
    """
    straight = less_trend(values, season)
    seen = ~np.isnan(straight)
    centred = np.where(seen, straight - mean_of(straight, seen), 0.0)
    variance = np.maximum((centred**2).sum(0), 1e-12)
    products = [(centred[lag:] * centred[: len(centred) - lag]).sum(0) for lag in range(1, season + 1)]
    correlation = np.array([product / variance for product in products])
    before = (correlation[:-1] ** 2).sum(0)
    limit = SIGNIFICANT * np.sqrt((1 + 2 * before) / np.maximum(seen.sum(0), 1))
    enough = (~np.isnan(values)).sum(0) >= 3 * season
    significant: Array = (correlation[-1] > limit) & (season > 1) & enough
    return significant


def less_trend(values: Array, season: int) -> Array:
    """Values (L, K) less the centred moving average over a season, without the half season at either end that has none.

    (Classical decomposition.) What is left of a random walk one season apart shares no step of it, so it is uncorrelated
    there.
    """
    weights = np.ones(season + 1 - season % 2)
    if season % 2 == 0:
        weights[[0, -1]] = 0.5
    seen = ~np.isnan(values)
    sums = _moving(np.where(seen, values, 0.0), weights)
    counts = _moving(seen.astype("float64"), weights)
    half = len(weights) // 2
    return values[half : len(values) - half] - sums / np.maximum(counts, 0.5)


def _moving(values: Array, weights: Array) -> Array:
    """Weighted sums (L - m + 1, K) of values (L, K) in windows of m rows."""
    sums: Array = sliding_window_view(values, len(weights), axis=0) @ weights
    return sums


def _estimate(past: Panel, ends: Array, season: int, alphas: Array) -> Array:
    """(K, 3) of the series that end at `ends` (K, 2): whether seasonal, alpha, the spread of the one-step errors."""
    values = recent(past, ends, WINDOW).T
    seasonal = is_seasonal(values, season)
    found = adjust(values, season, seasonal)
    tried = np.repeat(alphas[:, None], len(ends), axis=1)
    squares, _ = simple(2 * found.adjusted - found.line, tried)
    best = squares.argmin(0)
    # the forecast is the mean of the line and the smoothed values, so its error is half that of the smoothing
    count = (~np.isnan(values)).sum(0)
    errors = squares[best, np.arange(len(ends))] / 4 / np.maximum(count - 2, 1)
    return np.stack([seasonal, alphas[best], np.sqrt(errors)], axis=1)
