"""Scaling: learned from the past of each series, undone after the forecast. What was learned is a value; the inverse takes it."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from forecast.data.panel import Panel
from forecast.errors import ForecastError, nearest
from forecast.files import Array


@dataclass(frozen=True)
class Transform:
    """A strictly increasing function of the target and its inverse; values above `least` have one."""

    forward: Callable[[Array], Array]
    inverse: Callable[[Array], Array]
    least: float


TRANSFORMS: dict[str, Transform] = {
    "none": Transform(np.asarray, np.asarray, -np.inf),
    "log": Transform(np.log, np.exp, 0.0),
    "log1p": Transform(np.log1p, np.expm1, -1.0),
    "asinh": Transform(np.arcsinh, np.sinh, -np.inf),
}


@dataclass(frozen=True, eq=False)
class Scaling:
    """z = (x - loc) / spread for each fitted series and column, the target transformed first; strictly increasing, NaN stays NaN.

    ids (S,): the series that were fitted, those with an observed target · loc, spread float64 (S, C), spread > 0 · transform of the target.
    """

    ids: tuple[str, ...]
    loc: Array
    spread: Array
    transform: str = "none"

    def fitted(self, panel: Panel) -> Array:
        """For each of the panel's series its row here, int64 (S,); -1 = cold, never fitted."""
        row = {name: i for i, name in enumerate(self.ids)}
        return np.array([row.get(name, -1) for name in panel.ids], "int64")

    def apply(self, panel: Panel) -> Panel:
        """The panel in z; series that were not fitted are left NaN."""
        panel = transformed(panel, self.transform)
        values = np.full_like(panel.values, np.nan)
        for i, row in enumerate(self.fitted(panel)):
            if row >= 0:
                values[panel.rows(i)] = (panel.values[panel.rows(i)] - self.loc[row]) / self.spread[row]
        return replace(panel, values=values)

    def invert(self, z: Array, rows: Array) -> Array:
        """Target values of z (M, ...) that belong to the fitted rows (M,)."""
        shape = (-1,) + (1,) * (z.ndim - 1)
        return TRANSFORMS[self.transform].inverse(z * self.spread[rows, 0].reshape(shape) + self.loc[rows, 0].reshape(shape))

    def forward(self, values: Array, rows: Array) -> Array:
        """z of target values (M, ...) that belong to the fitted rows (M,); NaN where a value has no transform."""
        shape, transform = (-1,) + (1,) * (values.ndim - 1), TRANSFORMS[self.transform]
        inside = transform.forward(np.where(values > transform.least, values, np.nan))
        return (inside - self.loc[rows, 0].reshape(shape)) / self.spread[rows, 0].reshape(shape)


def transformed(panel: Panel, transform: str) -> Panel:
    """The panel with its target transformed; ForecastError, with the first such value, where one has no transform."""
    if transform not in TRANSFORMS:
        raise ForecastError(f"There is no transform {transform!r}.{nearest(transform, TRANSFORMS)}")
    if transform == "none":
        return panel
    chosen, values = TRANSFORMS[transform], panel.values.copy()
    for i, name in enumerate(panel.ids):
        target = values[panel.rows(i), 0]
        outside = np.flatnonzero(target <= chosen.least)
        if len(outside):
            raise ForecastError(
                f"transform={transform} needs values above {chosen.least:g}; {panel.target} of series {name!r} is {target[outside[0]]:g} at"
                f" {panel.times[panel.rows(i)][outside[0]]} ({len(outside)} such values). Choose another transform, or none."
            )
        values[panel.rows(i), 0] = chosen.forward(target)
    return replace(panel, values=values)


def standard(values: Array) -> tuple[Array, Array]:
    """Mean and population standard deviation of the observed values of each column of (n, C); 0 and 1 for an empty one, 1 for a constant."""
    seen = ~np.isnan(values)
    count = np.maximum(seen.sum(0), 1)
    loc = np.where(seen, values, 0).sum(0) / count
    spread = np.sqrt((np.where(seen, values - loc, 0) ** 2).sum(0) / count)
    return loc, np.where(spread > 1e-12 * np.maximum(1, np.abs(loc)), spread, 1.0)


def fit_scaling(past: Panel, transform: str = "none") -> Scaling:
    """Scaling by mean and standard deviation of each series with an observed target, from the rows of `past` alone."""
    past = transformed(past, transform)
    rows = [i for i, known in enumerate(past.known()) if known]
    pairs = [standard(past.values[past.rows(i)]) for i in rows]
    shape = (0, len(past.columns))
    return Scaling(
        tuple(past.ids[i] for i in rows),
        np.array([loc for loc, _ in pairs]).reshape(-1, shape[1]),
        np.array([spread for _, spread in pairs]).reshape(-1, shape[1]),
        transform,
    )


def cold_panel(panel: Panel, origins: Array, context: int, horizon: int = 0, transform: str = "none") -> tuple[Panel, Array, Scaling]:
    """Series that were never fitted, one short series per origin, each scaled on all its own rows before that origin.

    Returns the panel of M series of at most `context` rows, its origins (M, 2) at their ends, and the scaling of each (M rows). Where there are
    future columns a series goes on over the rows of the horizon that it has.
    """
    panel = transformed(panel, transform)
    series, row = origins[:, 0], origins[:, 1]
    begin = panel.starts[series]
    pairs = [standard(panel.values[first : first + known]) for first, known in zip(begin, row, strict=True)]
    loc, spread = np.array([loc for loc, _ in pairs]), np.array([spread for _, spread in pairs])
    short = np.minimum(row, context)
    ahead = np.minimum(panel.lengths[series] - row, horizon if panel.future else 0)
    stops, at = np.cumsum(short + ahead), begin + row
    keep = np.concatenate([np.arange(first, last) for first, last in zip(at - short, at + ahead, strict=True)])
    owner = np.repeat(np.arange(len(origins)), short + ahead)
    ids = tuple(f"{panel.ids[i]}@{known}" for i, known in origins)
    values = (panel.values[keep] - loc[owner]) / spread[owner]
    made = replace(panel, ids=ids, starts=stops - short - ahead, stops=stops, times=panel.times[keep], values=values)
    return made, np.stack([np.arange(len(origins)), short], axis=1), Scaling(ids, loc, spread, transform)
