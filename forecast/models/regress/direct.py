"""What regressions straight to the horizon share: which windows they learn from, and what of a window they read.

Like the nets they subtract each column's last observed value, the anchor, from the window, and add that of the target to
the forecast: a series that wanders is forecast from where it is. Axes: M origins, L context, R rows of the past columns,
C columns, H horizon.
"""

from typing import NamedTuple

import numpy as np

from forecast.arrays import Array, mean_observed
from forecast.data.panel import Panel
from forecast.data.windows import Windows
from forecast.models.base import FAR

LONGEST = 336  # rows of context: two weeks of hours
DAY = 24  # rows of the past columns at most
CELLS = 500  # values of all past columns together at most, and of all future ones


class Reach(NamedTuple):
    """Rows that are read before an origin: of the target, and of the past columns."""

    context: int
    past: int


class Reading(NamedTuple):
    """What was read at M origins, float64, missing = NaN.

    anchor (M,): the last observed target, 0 where there is none · target (M, L) and past (M, R, ...), the columns next to
    it that are not static, less their last observed values · last (M, C): these, of all columns. A target without an
    observed value begins with the last one before.
    """

    anchor: Array
    target: Array
    past: Array
    last: Array


def reach_of(past: Panel, horizon: int) -> Reach:
    """A week of the horizon, four weeks of days, or two seasons; of the past columns the last season.

    At most half of the longest series.
    """
    season = min(past.clock.seasons, default=1)
    most = max(1, (int(past.lengths.max()) - 2 * horizon) // 2)
    context = min(max(7 * min(horizon, 48), 28, 2 * season), LONGEST, most)
    others = max(1, len(past.moving) - 1)
    fair = max(1, CELLS // others)
    usual = season if season > 1 else 10
    return Reach(context, min(usual, DAY, fair, context))


def read(windows: Windows, origins: Array, reach: Reach) -> Reading:
    """The rows before `origins` (M, 2)."""
    rows = windows.rows(origins)[:, : windows.context]
    target = windows.values[rows[:, -reach.context :], 0]
    empty, latest = windows.older(origins)
    target[empty, 0] = windows.values[latest, 0]
    past = windows.values[rows[:, -reach.past :], 1:].astype("float64")
    columns = [target.astype("float64"), *np.moveaxis(np.clip(past, -FAR, FAR), 2, 0)]
    last = np.stack([last_of(column) for column in columns], axis=1)
    anchors = np.nan_to_num(last)
    anchored = [column - anchors[:, [place]] for place, column in enumerate(columns)]
    others = np.zeros((len(origins), reach.past, 0))
    if len(windows.panel.moving) > 1:
        others = np.stack([anchored[place] for place in windows.panel.moving[1:]], axis=2)
    return Reading(anchors[:, 0], anchored[0], others, last)


def last_of(values: Array) -> Array:
    """The last observed value (M,) in each row of (M, L); NaN where there is none."""
    place = values.shape[1] - 1 - (~np.isnan(values))[:, ::-1].argmax(1)
    return values[np.arange(len(values)), place]


def truth_of(windows: Windows, origins: Array) -> Array:
    """The targets (M, H) after `origins` (M, 2), missing = NaN."""
    return windows.values[windows.rows(origins)[:, windows.context :], 0].astype("float64")


def ahead_of(windows: Windows, origins: Array) -> Array:
    """The future columns (M, H, K) of the rows that `origins` (M, 2) forecast, missing = NaN."""
    rows = windows.rows(origins)[:, windows.context :]
    return np.clip(windows.values[rows][..., windows.panel.future].astype("float64"), -FAR, FAR)


def some(windows: Windows, most: int, seed: int) -> Array:
    """The origins (M, 2) of all windows, or of `most` of them drawn at random, in order."""
    index = np.arange(len(windows))
    if len(index) > most:
        index = np.sort(np.random.default_rng(seed).choice(index, most, replace=False))
    return windows.origins(index)


def joined_spreads(errors: Array) -> Array:
    """The root mean square (H,) of errors (M, H), missing = NaN, for each step; a step without errors takes that of all."""
    seen = ~np.isnan(errors)
    squares = np.where(seen, errors, 0.0) ** 2
    overall = squares.sum() / max(seen.sum(), 1)
    each = squares.sum(0) / np.maximum(seen.sum(0), 1)
    return np.sqrt(np.where(seen.any(0), each, overall))


def harmonics(panel: Panel, stamps: Array, cycles: tuple[str, ...], pairs: int) -> Array:
    """Sines and cosines of the calendar at stamps (...): (..., 2 pairs a cycle)."""
    none = np.zeros((*stamps.shape, 0))
    parts = [panel.clock.harmonics(stamps, cycle, pairs) for cycle in cycles]
    return np.concatenate([none, *parts], axis=-1)


def phases_of(target: Array, steps: Array, season: int) -> Array:
    """(M, J, 3): the value of a step's phase in the last season of windows (M, L), in the one before, and its mean.

    NaN where it was not seen.
    """
    blocks = target.shape[1] // season
    if season == 1 or not blocks:
        return np.zeros((*steps.shape, 0))
    folded = target[:, target.shape[1] - blocks * season :].reshape(len(target), blocks, season)
    latest = folded[:, [-1, max(-2, -blocks)]]
    means = np.stack([mean_observed(folded[:, :, phase], axis=1) for phase in range(season)], axis=1)
    table = np.concatenate([latest, means[:, None]], axis=1)
    phases = (steps % season)[:, None]
    return np.moveaxis(np.take_along_axis(table, phases, axis=2), 1, 2)
