"""What regressions on a target of names read of a window: which names there were, and the columns next to them.

A name is a column of 0 and 1 here, of each name but the first. Axes: M origins, L context, K names, F features.
"""

from typing import NamedTuple

import numpy as np

from forecast.arrays import Array, mean_observed
from forecast.data.panel import Panel
from forecast.data.windows import Windows
from forecast.models.base import FAR
from forecast.models.regress.direct import Reach, ahead_of, last_of
from forecast.task import Goal

LAGS = np.array([2, 3, 4, 5, 6, 7, 8, 12, 14, 18, 21, 24, 36, 48, 72, 120, 168])  # rows ago of the names
MEANS = np.array([3, 7, 14, 28, 84])  # rows over which names are counted, and over the whole context
PAST_LAGS = np.array([2, 3, 4, 8, 16])  # rows ago of the columns next to it
PAST_MEANS = np.array([3, 7, 24])  # rows over which these are averaged


class Window(NamedTuple):
    """What was read at M origins, float64, missing = NaN.

    last (M,): the code of the last observed name, however old · codes (M, L) of the names · columns (M, R, C): the
    values next to it that are not static, cut at FAR spreads · static (M, C).
    """

    last: Array
    codes: Array
    columns: Array
    static: Array


def read_window(windows: Windows, origins: Array, reach: Reach) -> Window:
    """The rows before `origins` (M, 2). The columns that say which name a row has are not among those next to it."""
    rows = windows.rows(origins)[:, : windows.context]
    codes = windows.values[rows[:, -reach.context :], 0].astype("float64")
    empty, latest = windows.older(origins)
    last = last_of(codes)
    last[empty] = windows.values[latest, 0]
    panel = windows.panel
    beside = beside_of(panel)
    columns = windows.values[rows[:, -reach.past :]][:, :, beside].astype("float64")
    static = windows.values[rows[:, -1]][:, panel.static].astype("float64")
    return Window(last, codes, np.clip(columns, -FAR, FAR), np.clip(static, -FAR, FAR))


def beside_of(panel: Panel) -> list[int]:
    """The places of the columns next to the target that are not static, but for those made of the target's own names."""
    made = [column.made == "indicator" and column.of == panel.target for column in panel.columns]
    return [place for place in panel.moving[1:] if not made[place]]


class Features(NamedTuple):
    """values (M, F), missing = NaN · age (F,): the rows ago of each, 1 where it is of no one row."""

    values: Array
    age: Array


def joined(parts: list[Features]) -> Features:
    """Features next to each other."""
    values = np.concatenate([part.values for part in parts], axis=1)
    return Features(values, np.concatenate([part.age for part in parts]))


def aged(values: Array, rows: int = 1) -> Features:
    """Features (M, F) of so many rows ago."""
    return Features(values, np.full(values.shape[1], float(rows)))


def of_names(window: Window, number: int) -> Features:
    """Which name was the last, which stood at each lag, and how often each was seen of late."""
    context = window.codes.shape[1]
    parts = [aged(indicated(window.last, number))]
    for lag in LAGS[context >= LAGS]:
        parts.append(aged(indicated(window.codes[:, -lag], number), lag))
    for rows in (*MEANS[context > MEANS], context):
        seen = indicated(window.codes[:, -rows:], number)
        parts.append(aged(mean_observed(seen, axis=1)))
    return joined(parts)


def of_columns(window: Window) -> Features:
    """The last observed value of each column, its values at each lag, and its means of late; and what is static."""
    rows = window.columns.shape[1]
    parts = [aged(last_of(column)[:, None]) for column in np.moveaxis(window.columns, 2, 0)]
    for lag in PAST_LAGS[rows >= PAST_LAGS]:
        parts.append(aged(window.columns[:, -lag], lag))
    for count in PAST_MEANS[rows >= PAST_MEANS]:
        parts.append(aged(mean_observed(window.columns[:, -count:], axis=1)))
    return joined([*parts, aged(window.static)])


def indicated(codes: Array, number: int) -> Array:
    """1 where codes (...) are those of each name but the first, 0 where not, NaN where missing: (..., K - 1)."""
    found = codes[..., None] == np.arange(1, number)
    return np.where(np.isnan(codes)[..., None], np.nan, found)


def of_steps(windows: Windows, origins: Array, goal: Goal) -> Array:
    """The future columns of each step (M, H, F), missing = NaN.

    Where one answer is about the whole horizon, their mean, least and greatest over it (M, 1, 3 F).
    """
    ahead = ahead_of(windows, origins)
    if goal.task.reduce == "each":
        return ahead
    known = ~np.isnan(ahead)
    least = np.where(known, ahead, np.inf).min(1)
    greatest = np.where(known, ahead, -np.inf).max(1)
    found = np.concatenate([mean_observed(ahead, axis=1), least, greatest], axis=1)
    return np.where(np.isfinite(found), found, np.nan)[:, None]
