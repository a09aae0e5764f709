"""The theta method: the mean of a straight line and of exponential smoothing around it, asked at any number of origins by one pass."""

from dataclasses import dataclass
from functools import partial
from typing import Annotated

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from pydantic import Field

from forecast.arrays import Array
from forecast.data.panel import Panel
from forecast.data.seasons import season_of
from forecast.models.answers import in_chunks, normal_quantiles, recent
from forecast.models.base import Watch
from forecast.models.classic.smoothing import WINDOW, States, decompose, mean_of, smooth, unrolled
from forecast.results import Log
from forecast.task import Goal

ALPHAS = np.append(
    np.arange(0.02, 1, 0.02), 0.999
)  # tried for the smoothing: its squared error is flat around the best
SIGNIFICANT = 1.645  # standard errors of the autocorrelation at the season from which on a series is seasonal, as in M4's benchmarks


@dataclass(frozen=True)
class Theta:
    """The standard theta method (Assimakopoulos & Nikolopoulos 2000) with additive seasonal adjustment, on the last rows before each origin.

    The theta line of 0 is the least-squares line; that of 2, twice the values less the line, is smoothed; the forecast is their mean.
    Its errors are those of simple exponential smoothing with drift (Hyndman & Billah 2003). alpha: of the smoothing; None = least squares.
    """

    name: str = "theta"
    alpha: Annotated[float, Field(gt=0, le=1)] | None = None

    def fit(self, past: Panel, goal: Goal, *, seed: int, watch: Watch) -> "Lines":
        """Test each series for a season, and estimate alpha and the spread of the one-step errors; medians for series that come later."""
        season = season_of(past)
        season = season if 2 * season <= WINDOW else 1
        ends = np.stack([np.arange(len(past.ids)), past.lengths], axis=1)
        alphas = ALPHAS if self.alpha is None else np.array([self.alpha])
        table = in_chunks(partial(_estimate, past, season=season, alphas=alphas), ends)
        table = np.concatenate([table, np.median(table, axis=0)[None]])
        seasonal = int((table[:-1, 0] > 0).sum())
        note = (
            f"season of {season} steps in {seasonal} of {len(past.ids)} series"
            if seasonal
            else "no season found"
        )
        return Lines(goal, season, table[:, 0] > 0, table[:, 1], table[:, 2], Log((note,)))

    def restore(self, arrays: dict[str, Array], goal: Goal) -> "Lines":
        """The Lines whose `arrays()` these are."""
        return Lines(
            goal, int(arrays["season"][0]), arrays["seasonal"] > 0, arrays["alpha"], arrays["spreads"], Log()
        )


@dataclass(frozen=True, eq=False)
class Lines:
    """season in steps, 1 = none · seasonal bool, alpha, spreads (scaled): (S + 1,), the last for the series that were not fitted."""

    goal: Goal
    season: int
    seasonal: Array
    alpha: Array
    spreads: Array
    log: Log

    @property
    def context(self) -> int:
        """How many rows before an origin a forecast reads."""
        return WINDOW

    def predict(self, panel: Panel, origins: Array, fitted: Array) -> Array:
        """Forecasts (M, H, P), scaled, from the rows before each origin, all origins side by side; normal quantiles."""
        return in_chunks(partial(self._answer, panel, fitted=fitted), origins)

    def _answer(self, panel: Panel, origins: Array, fitted: Array) -> Array:
        row = fitted[origins[:, 0]]
        alpha, steps = self.alpha[row], np.arange(self.goal.horizon)
        adjusted, line, slope, profile = adjust(
            recent(panel, origins, WINDOW).T, self.season, self.seasonal[row]
        )
        smoothed = simple(2 * adjusted - line, alpha)[1][:, None]
        point = (line[-1][:, None] + slope[:, None] * (1 + steps) + smoothed) / 2 + profile[
            steps % self.season
        ].T
        widths = self.spreads[row][:, None] * np.sqrt(1 + steps * alpha[:, None] ** 2)
        return normal_quantiles(point, widths, self.goal.levels)

    def arrays(self) -> dict[str, Array]:
        """season and seasonal (as int64), alpha, spreads."""
        return {
            "season": np.array([self.season], "int64"),
            "seasonal": self.seasonal.astype("int64"),
            "alpha": self.alpha,
            "spreads": self.spreads,
        }


def adjust(values: Array, season: int, seasonal: Array) -> tuple[Array, Array, Array, Array]:
    """Values (L, K) less their season, the least-squares line (L, K) through what is left, its slope (K,), and the profile (m, K)."""
    slope, profile = decompose(values, season, seasonal)
    adjusted = values - unrolled(profile, len(values))
    rows = slope * np.arange(len(values))[:, None]
    return adjusted, rows + mean_of(adjusted - rows, ~np.isnan(adjusted)), slope, profile


def simple(values: Array, alpha: Array) -> tuple[Array, Array]:
    """Simple exponential smoothing of values (L, K) from their first observed one: squared one-step errors and last levels (..., K)."""
    seen = ~np.isnan(values)
    first = np.where(seen.any(0), np.nan_to_num(values[seen.argmax(0), np.arange(values.shape[1])]), 0.0)
    none = np.zeros(alpha.shape)
    squares, states = smooth(values, np.array([alpha, none, none, none]), States(first, none, none[None]))
    return squares, states.level


def is_seasonal(values: Array, season: int) -> Array:
    """Whether the autocorrelation at the season of values (L, K) less their trend is significant, bool (K,), by Bartlett's formula.

    M4 tests the values themselves, and so finds a season in most random walks. Missing values count as the mean. Fewer than three seasons are none.
    """
    straight = less_trend(values, season)
    seen = ~np.isnan(straight)
    centred = np.where(seen, straight - mean_of(straight, seen), 0.0)
    variance = np.maximum((centred**2).sum(0), 1e-12)
    correlation = np.array(
        [(centred[lag:] * centred[: len(centred) - lag]).sum(0) / variance for lag in range(1, season + 1)]
    )
    limit = SIGNIFICANT * np.sqrt((1 + 2 * (correlation[:-1] ** 2).sum(0)) / np.maximum(seen.sum(0), 1))
    significant: Array = (correlation[-1] > limit) & (season > 1) & ((~np.isnan(values)).sum(0) >= 3 * season)
    return significant


def less_trend(values: Array, season: int) -> Array:
    """Values (L, K) less the centred moving average over a season, without the half season at either end that has none.

    (Classical decomposition.) What is left of a random walk one season apart shares no step of it, so it is uncorrelated there.
    """
    weights = np.ones(season + 1 - season % 2)
    if season % 2 == 0:
        weights[[0, -1]] = 0.5
    seen = ~np.isnan(values)
    sums, counts = (
        sliding_window_view(one, len(weights), axis=0) @ weights
        for one in (np.where(seen, values, 0.0), seen.astype("float64"))
    )
    half = len(weights) // 2
    return values[half : len(values) - half] - sums / np.maximum(counts, 0.5)


def _estimate(past: Panel, ends: Array, season: int, alphas: Array) -> Array:
    """(K, 3) of the series that end at `ends` (K, 2): whether seasonal, alpha, the spread of the one-step errors."""
    values = recent(past, ends, WINDOW).T
    seasonal = is_seasonal(values, season)
    adjusted, line, _, _ = adjust(values, season, seasonal)
    squares, _ = simple(2 * adjusted - line, np.repeat(alphas[:, None], len(ends), axis=1))
    best = squares.argmin(0)
    # the forecast is the mean of the line and the smoothed values, so its error is half that of the smoothing
    errors = squares[best, np.arange(len(ends))] / 4 / np.maximum((~np.isnan(values)).sum(0) - 2, 1)
    return np.stack([seasonal, alphas[best], np.sqrt(errors)], axis=1)
