"""Exponential smoothing of many series at once: the filter that `ets` and `theta` share.

The filter is a loop over rows, and each of its steps is one array operation over all columns: series, candidates, or origins. A forecast at an
origin is by definition the filter run over the last WINDOW rows before it, from states read off that window: so it depends on nothing earlier,
and thousands of origins take one pass of WINDOW steps. Axes: L rows, K columns, m season.
"""

from typing import NamedTuple

import numpy as np

from forecast.arrays import Array

WINDOW = 512  # rows before an origin that are filtered: 21 days of hours
ROUNDS = 4  # of backfitting slope, blocks and seasonal profile to each other
OPENING = 10  # observed values, or one season, that give the first level


class States(NamedTuple):
    """level (..., K), slope (..., K) and season (m, ..., K) before the first row, or after the last: season[0] is the next row's."""

    level: Array
    slope: Array
    season: Array


def smooth(values: Array, parameters: Array, start: States) -> tuple[Array, States]:
    """The sum of squared one-step errors (..., K) and the states after the last row of values (L, K), missing = NaN.

    parameters (4, ..., K): alpha, beta, gamma, phi of the additive recursions in Hyndman, Koehler, Ord & Snyder,
    Forecasting with Exponential Smoothing (2008), table 2.2: with e = y - l - phi b - s, l += phi b + alpha e,
    b = phi b + beta e, s += gamma e. No trend is phi = beta = 0. A missing row moves the states without an error; rows
    before the first observed one do nothing.
    """
    alpha, beta, gamma, phi = parameters
    seen = ~np.isnan(values)
    filled = np.where(seen, values, 0.0)
    begun = np.logical_or.accumulate(seen, axis=0)
    level = np.broadcast_to(start.level, alpha.shape)
    slope = np.broadcast_to(start.slope, alpha.shape)
    m = len(start.season)
    season = np.broadcast_to(start.season, (m, *alpha.shape)).copy()
    squares = np.zeros(alpha.shape)
    for row in range(len(values)):
        phase = (row - len(values)) % m
        trend = phi * slope
        error = (filled[row] - level - trend - season[phase]) * seen[row]
        squares += error * error
        level = level + trend * begun[row] + alpha * error
        slope = np.where(begun[row], trend, slope) + beta * error
        season[phase] += gamma * error
    return squares, States(level, slope, season)


def extend(states: States, phi: Array, horizon: int) -> Array:
    """Forecasts (K, H) from states after the last row: l + (phi + ... + phi^h) b + s."""
    steps = np.arange(horizon)
    damped = np.cumsum(phi[:, None] ** (1 + steps), axis=1)
    line = states.level[:, None] + damped * states.slope[:, None]
    return line + states.season[steps % len(states.season)].T


def first_states(values: Array, season: int, sloped: Array, seasonal: Array) -> States:
    """States before the first observed row of values (L, K).

    The masks (K,) say which columns have a slope and which a season. The slope is that of the least-squares line through
    the seasonally adjusted rows; the first level is the mean of the opening rows, carried back along the slope.
    """
    slope, profile = decompose(values, season, seasonal)
    slope = np.where(sloped, slope, 0.0)
    adjusted = values - unrolled(profile, len(values))
    seen = ~np.isnan(values)
    opening = seen & (np.cumsum(seen, axis=0) <= max(OPENING, season))
    rows = np.arange(len(values))[:, None]
    before = np.where(seen.any(0), seen.argmax(0), 0) - 1
    level = mean_of(adjusted - slope * (rows - before), opening)
    return States(level, slope, profile)


def decompose(values: Array, season: int, seasonal: Array) -> tuple[Array, Array]:
    """Slope (K,) per row and seasonal profile (m, K) of values (L, K), by backfitting.

    The profile sums to 0 and begins after the last row. Each block of a season has a mean of its own, so a wandering level
    does not enter the profile. A phase that was observed in fewer than two blocks has none, and a column that `seasonal`
    (K,) denies one neither.
    """
    rows, columns = values.shape
    padded = np.concatenate([np.full((-rows % season, columns), np.nan), values])
    seen = ~np.isnan(padded)
    index = np.arange(len(padded))[:, None]
    time = np.where(seen, index, np.nan)
    centred = np.nan_to_num(time - mean_of(time, seen))
    steepness = np.maximum((centred**2).sum(0), 1.0)
    blocks = seen.reshape(-1, season, columns)
    repeated = blocks.sum(0) > 1
    profile = np.zeros((season, columns))
    for _ in range(ROUNDS):
        adjusted = np.where(seen, padded - unrolled(profile, len(padded)), 0.0)
        slope = (centred * adjusted).sum(0) / steepness
        if season == 1:
            break
        straight = (padded - slope * index).reshape(-1, season, columns)
        means = mean_of(straight - profile, blocks, axis=1)
        found = mean_of(straight - means[:, None], blocks)
        profile = np.where(repeated, found, 0.0)
        profile = (profile - profile.mean(0)) * seasonal
    return slope, profile


def unrolled(profile: Array, rows: int) -> Array:
    """A seasonal profile (m, K) repeated over `rows` rows (L, K), such that it begins anew after the last one."""
    return profile[np.arange(-rows, 0) % len(profile)]


def mean_of(values: Array, where: Array, axis: int = 0) -> Array:
    """The mean of the values in a mask along an axis; 0 where the mask is empty."""
    return np.where(where, values, 0.0).sum(axis) / np.maximum(where.sum(axis), 1)
