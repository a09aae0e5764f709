"""What models share when they answer: recent rows, bounded memory, quantiles of a normal distribution."""

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

from forecast.arrays import Array
from forecast.data.panel import Panel
from forecast.task import Goal


@dataclass(frozen=True, eq=False)
class NormalAnswers(ABC):
    """What a model learned whose errors are normal: of each forecast it says a point and a standard deviation.

    A subclass is a dataclass that has what was learned as fields: arrays, and whole numbers.
    """

    goal: Goal

    @abstractmethod
    def normal(self, panel: Panel, origins: Array, rows: Array) -> tuple[Array, Array]:
        """Points (M, H) and standard deviations (M, H), scaled, at origins (M, 2).

        rows (M,): the place of each series among those that were fitted, -1 where it was not: by that the last row is read.
        """

    def predict(self, panel: Panel, origins: Array, fitted: Array) -> Array:
        """Forecasts (M, H, P), scaled: the quantiles of normal distributions, the point alone without levels."""
        return in_chunks(partial(self._answer, panel, fitted), origins)

    def _answer(self, panel: Panel, fitted: Array, origins: Array) -> Array:
        point, widths = self.normal(panel, origins, fitted[origins[:, 0]])
        return normal_quantiles(point, widths, self.goal.levels)

    def arrays(self) -> dict[str, Array]:
        """The fields that are arrays, and whole numbers as int64 (1,)."""
        found: dict[str, Array] = {}
        for one in dataclasses.fields(self):
            value = getattr(self, one.name)
            if isinstance(value, int):
                value = np.array([value], "int64")
            if isinstance(value, np.ndarray):
                found[one.name] = value
        return found


def normal_quantiles(point: Array, widths: Array, levels: tuple[float, ...]) -> Array:
    """(M, H, Q): quantiles of normal distributions around points (M, H) with standard deviations (M, H).

    Without levels the points alone, (M, H, 1).
    """
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
    begins = range(0, max(len(origins), 1), size)
    return np.concatenate([answer(origins[begin : begin + size]) for begin in begins])


def shortened(names: list[str]) -> str:
    """The first three of some names, and how many more there are."""
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(names[:3]) + more
