"""What models share when they answer: recent rows, bounded memory, quantiles of a normal distribution."""

from collections.abc import Callable

import numpy as np

from forecast.arrays import Array
from forecast.data.panel import Panel


def normal_quantiles(point: Array, widths: Array, levels: tuple[float, ...]) -> Array:
    """(M, H, Q): quantiles of normal distributions around points (M, H) with standard deviations (M, H); the points alone without levels."""
    if not levels:
        return point[..., None]
    from scipy.special import ndtri

    made = point[..., None] + widths[..., None] * ndtri(np.array(levels))
    made[..., levels.index(0.5)] = point
    return made


def recent(panel: Panel, origins: Array, rows: int) -> Array:
    """The target (M, L) in the last `rows` rows before each of `origins` (M, 2); NaN where a series has not begun yet.

    Where none of them was observed, the first holds the last observed one before them, however old.
    """
    begin = panel.starts[origins[:, 0]]
    index = (begin + origins[:, 1])[:, None] + np.arange(-rows, 0)
    inside = index >= begin[:, None]
    values = np.where(inside, panel.values[np.where(inside, index, 0), 0], np.nan)
    empty = np.flatnonzero(np.isnan(values).all(axis=1))
    if len(empty):
        values[empty, 0] = panel.last(origins[empty])
    return values


def in_chunks(answer: Callable[[Array], Array], origins: Array, size: int = 2048) -> Array:
    """`answer(origins)`, asked for `size` origins at a time, so that memory is bounded at any number of them."""
    return np.concatenate(
        [answer(origins[begin : begin + size]) for begin in range(0, max(len(origins), 1), size)]
    )
