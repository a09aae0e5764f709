"""What makes up a forecast: one sum for all models, in which each part has an owner.

Everything departs from the window whose columns all stay at their last observed values. It has the
same last value as the window itself, so only what the rows before it said is shared out among them.

Axes: M origins, J chosen steps of the horizon, L rows before the origin, H steps, C columns.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Self

import numpy as np

from forecast.arrays import Array


@dataclass(frozen=True, eq=False)
class Contributions:
    """The parts of M forecasts at J steps; their sum is the forecast.

    anchor (M, J): what the forecast starts from, mostly the last observed target · bias (M, J): what
    a model adds for any window · series (M, J): what it adds for this series, against the mean of
    all · calendar (M, J) · level (M, J, C): what the last value of a column says against its mean,
    and of a static column its value · window (M, J, L, C): what a column said in each row before the
    origin, the newest first, so that place l is lag l + 1 · skip (M, J, L): what a linear path of a
    net says of the target there, in addition · ahead (M, J, H, C): what a future column says in each
    row of the horizon, against its last value.
    """

    anchor: Array
    bias: Array
    series: Array
    calendar: Array
    level: Array
    window: Array
    skip: Array
    ahead: Array

    @property
    def total(self) -> Array:
        """The sum of all parts (M, J): the forecast."""
        return self.held + self.skip.sum(2) + self.window.sum((2, 3)) + self.ahead.sum((2, 3))

    @property
    def held(self) -> Array:
        """The forecast (M, J) of a window, and future columns, that stay at their last values."""
        return self.anchor + self.bias + self.series + self.calendar + self.level.sum(2)

    def times(self, factor: Array) -> Self:
        """Each part times a factor (M,)."""
        scaled = {}
        for name, part in self.parts().items():
            scaled[name] = part * factor.reshape((-1,) + (1,) * (part.ndim - 1))
        return replace(self, **scaled)

    def only_from(self, anchor: Array) -> Self:
        """The same where anchor (M, J) is NaN; elsewhere the forecast is the anchor, and nothing else says anything."""
        replaced = ~np.isnan(anchor)
        made = {}
        for name, part in self.parts().items():
            gone = replaced.reshape(replaced.shape + (1,) * (part.ndim - 2))
            made[name] = np.where(gone, 0.0, part)
        made["anchor"] = np.where(replaced, np.nan_to_num(anchor), self.anchor)
        return replace(self, **made)

    def reaching(self, rows: int) -> Self:
        """The same with so many rows before the origin: those that were not read say nothing."""
        more = rows - self.window.shape[2]
        if not more:
            return self
        nothing = ((0, 0), (0, 0), (0, more))
        return replace(self, window=np.pad(self.window, (*nothing, (0, 0))), skip=np.pad(self.skip, nothing))

    def parts(self) -> dict[str, Array]:
        """The parts by name."""
        return {one.name: getattr(self, one.name) for one in fields(self)}


def nothing(origins: int, steps: int, rows: int, horizon: int, columns: int) -> Contributions:
    """Contributions of zero, to be filled in place."""
    at = (origins, steps)
    return Contributions(
        anchor=np.zeros(at),
        bias=np.zeros(at),
        series=np.zeros(at),
        calendar=np.zeros(at),
        level=np.zeros((*at, columns)),
        window=np.zeros((*at, rows, columns)),
        skip=np.zeros((*at, rows)),
        ahead=np.zeros((*at, horizon, columns)),
    )


def mean_of(found: Sequence[Contributions]) -> Contributions:
    """The contributions to the mean of several forecasts: their means."""
    rows = max(one.window.shape[2] for one in found)
    padded = [one.reaching(rows).parts() for one in found]
    return Contributions(**{name: np.mean([one[name] for one in padded], axis=0) for name in padded[0]})


def chained(found: Sequence[Contributions]) -> Contributions:
    """Contributions of origins one after another."""
    rows = max(one.window.shape[2] for one in found)
    padded = [one.reaching(rows).parts() for one in found]
    return Contributions(**{name: np.concatenate([one[name] for one in padded]) for name in padded[0]})


def put(made: Contributions, where: Array, found: Contributions) -> None:
    """Write the contributions of some origins into those of all, in place."""
    rows = made.window.shape[2]
    target = made.parts()
    for name, part in found.reaching(rows).parts().items():
        target[name][where] = part
