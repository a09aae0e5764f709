"""Scaling: learned from the past of each series, undone after the forecast. What was learned is a
value; the inverse takes it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from forecast.arrays import Array
from forecast.data.findings import counted
from forecast.data.panel import Panel
from forecast.data.vintages import Vintages
from forecast.errors import ForecastError, nearest

LEAST_BLOCK = 8  # values of a block by which a spread is judged
BLOCKS = 8  # of a series that say something
WIDE = 1.0  # logs between the lowest and the highest level that tell a slope
STEEP = 0.6  # slope of the spread's log from which on logs are taken
STRONG = 0.6  # its correlation
MOST = 2000  # values that a power is learned from; of a series with more, so many are drawn


def _untaught(values: Array) -> float:
    """The power of a transform that has none."""
    return 1.0


def _powered(values: Array, power: Array | float) -> Array:
    """Yeo-Johnson: sign(x) ((1 + |x|)^p - 1) / p with p = power where x >= 0, else 2 - power; log(1
    + |x|) where p is 0.
    """
    p = np.where(values >= 0, power, 2 - np.asarray(power))
    size = np.log1p(np.abs(values))
    return np.sign(values) * np.where(p > 0, np.expm1(p * size) / np.where(p > 0, p, 1), size)


def _unpowered(values: Array, power: Array | float) -> Array:
    """The inverse of `_powered`."""
    p = np.where(values >= 0, power, 2 - np.asarray(power))
    size = np.abs(values)
    return np.sign(values) * np.expm1(np.where(p > 0, np.log1p(p * size) / np.where(p > 0, p, 1), size))


def yeo_johnson_power(values: Array) -> float:
    """The power in [0, 2] that makes values (n,) most like normal ones, by maximum likelihood (Yeo
    and Johnson 2000); 1 where they do not vary.

    Outside of [0, 2] the function is bounded on one side: a forecast beyond the bound would have no
    inverse.
    """
    from scipy.optimize import minimize_scalar

    seen = values[~np.isnan(values)]
    if len(seen) > MOST:
        seen = seen[
            np.random.default_rng(0).integers(0, len(seen), MOST)
        ]  # evenly spaced ones could all be of the same hour
    if not len(seen) or np.ptp(seen) <= 1e-12 * max(1.0, float(np.abs(seen).max())):
        return 1.0
    growth = np.mean(np.sign(seen) * np.log1p(np.abs(seen)))

    def unlikely(power: float) -> float:
        return float(0.5 * np.log(np.var(_powered(seen, power))) - (power - 1) * growth)

    return float(minimize_scalar(unlikely, bounds=(0, 2), method="bounded").x)


@dataclass(frozen=True)
class Transform:
    """A strictly increasing function of the target and its inverse, each of (values, power); values
    above `least` have one.

    learn: the power from the observed past of a series (n,); 1, and not used, where the function
    has none.
    """

    forward: Callable[[Array, Array | float], Array]
    inverse: Callable[[Array, Array | float], Array]
    least: float = -np.inf
    learn: Callable[[Array], float] = _untaught


AUTO = "auto"  # chosen by `usual_transform` from rows before a test
TRANSFORMS: dict[str, Transform] = {
    "none": Transform(lambda values, _: values, lambda values, _: values),
    "log": Transform(lambda values, _: np.log(values), lambda values, _: np.exp(values), 0.0),
    "log1p": Transform(lambda values, _: np.log1p(values), lambda values, _: np.expm1(values), -1.0),
    "asinh": Transform(lambda values, _: np.arcsinh(values), lambda values, _: np.sinh(values)),
    "yeo-johnson": Transform(_powered, _unpowered, learn=yeo_johnson_power),
}


def usual_transform(past: Panel) -> tuple[str, str]:
    """The transform that makes the spread of the target the same at all levels, and why: log where
    it grows with the level, log1p where some values are 0, else none.

    A series is cut into blocks of a season, and the log of each block's mean absolute change is regressed on
    that of its mean, as Guerrero (1993) does for the power; a slope near 1 asks for logs.
    """
    if past.names:
        return "none", ""
    levels = []
    spreads = []
    length = max(min(past.clock.seasons, default=LEAST_BLOCK), LEAST_BLOCK)
    for i in range(len(past.ids)):
        level, spread = _blocks(past.values[past.rows(i), 0], length)
        if len(level) >= BLOCKS:
            levels.append(level - level.mean())
            spreads.append(spread - spread.mean())
    lowest = min(
        (float(np.fmin.reduce(past.values[past.rows(i), 0])) for i in range(len(past.ids))), default=-1.0
    )
    if not levels or not lowest >= 0:
        return "none", ""
    level = np.concatenate(levels)
    spread = np.concatenate(spreads)
    power = float((level**2).sum())
    if np.ptp(level) < WIDE or power == 0 or not (spread**2).any():
        return "none", ""
    slope = float(level @ spread) / power
    strength = float(level @ spread) / float(np.sqrt(power * (spread**2).sum()))
    if slope < STEEP or strength < STRONG:
        return "none", ""
    name = "log" if lowest > 0 else "log1p"
    return name, f"the spread of {past.target} grows with its level (as its power {slope:.1f})"


def _blocks(values: Array, length: int) -> tuple[Array, Array]:
    """The logs of the mean and of the mean absolute change of each whole block of a series (n,);
    of those blocks in which both can be formed.
    """
    count = len(values) // length
    blocks = values[: count * length].reshape(count, length)
    seen = (~np.isnan(blocks)).sum(1)
    changes = np.abs(np.diff(blocks, axis=1))
    known = (~np.isnan(changes)).sum(1)
    level = np.nansum(blocks, axis=1) / np.maximum(seen, 1)
    spread = np.nansum(changes, axis=1) / np.maximum(known, 1)
    kept = (2 * known >= length) & (level > 0) & (spread > 0)
    return np.log(level[kept]), np.log(spread[kept])


def standard(values: Array) -> tuple[Array, Array]:
    """Mean and population standard deviation."""
    seen = ~np.isnan(values)
    count = np.maximum(seen.sum(0), 1)
    loc = np.where(seen, values, 0).sum(0) / count
    return loc, np.sqrt((np.where(seen, values - loc, 0) ** 2).sum(0) / count)


def robust(values: Array) -> tuple[Array, Array]:
    """Median and interquartile range / 1.349, which of normal values is the standard deviation;
    that itself where more than half are equal.
    """
    low, middle, high = np.nanquantile(values, (0.25, 0.5, 0.75), axis=0)
    return middle, np.where(high > low, (high - low) / 1.349, standard(values)[1])


def minmax(values: Array) -> tuple[Array, Array]:
    """Lowest value and range: the past lies in [0, 1]."""
    low = np.nanmin(values, axis=0)
    return low, np.nanmax(values, axis=0) - low


def mean_abs(values: Array) -> tuple[Array, Array]:
    """Zero and the mean of absolute values: zero stays zero (Salinas et al. 2020, DeepAR)."""
    return np.zeros(values.shape[1]), np.nanmean(np.abs(values), axis=0)


def unscaled(values: Array) -> tuple[Array, Array]:
    """Zero and one: for columns that are scaled already, since nets cut past columns at 10 spreads."""
    return np.zeros(values.shape[1]), np.ones(values.shape[1])


def inputs(values: Array) -> tuple[Array, Array]:
    """Mean and standard deviation of each column but the target, which keeps its units (or those of its transform)."""
    loc, spread = standard(values)
    loc[0] = 0.0
    spread[0] = 1.0
    return loc, spread


SHARED = "shared"
SCALES: dict[
    str, Callable[[Array], tuple[Array, Array]]
] = {  # columns (n, C) without an empty one -> loc (C,), spread (C,)
    "standard": standard,
    SHARED: standard,  # each series its own mean, all of them the median of their spreads: series of one unit keep their proportions
    "robust": robust,
    "minmax": minmax,
    "mean-abs": mean_abs,
    "none": unscaled,
    "inputs": inputs,
}


@dataclass(frozen=True)
class Units:
    """In which units a model sees values: a transform of the target, then a scale of each column,
    by name in TRANSFORMS and SCALES.
    """

    transform: str = "none"
    scale: str = "standard"

    def __post_init__(self) -> None:
        for what, name, table in (("transform", self.transform, TRANSFORMS), ("scale", self.scale, SCALES)):
            if name not in table:
                raise ForecastError(f"There is no {what} {name!r}.{nearest(name, table)}")

    @property
    def plain_logs(self) -> bool:
        """Whether a model sees the log of the target itself."""
        return self.transform == "log" and self.scale in ("none", "inputs")

    def check(self, panel: Panel) -> None:
        """ForecastError, with the first such value, where a target has no transform."""
        least = TRANSFORMS[self.transform].least
        for i, name in enumerate(panel.ids if least > -np.inf else ()):
            target = panel.values[panel.rows(i), 0]
            outside = np.flatnonzero(target <= least)
            if len(outside):
                raise ForecastError(
                    f"transform={self.transform} needs values above {least:g}; {panel.target} of"
                    f" series {name!r} is {target[outside[0]]:g} at"
                    f" {panel.times[panel.rows(i)][outside[0]]}"
                    f" ({counted(len(outside), 'such value')}). Choose another transform, or none."
                )

    def learn(self, values: Array) -> tuple[Array, Array, float]:
        """loc (C,), spread (C,) and power of rows (n, C) of one series: 0 and 1 of an empty column,
        a spread of 1 where a scale finds none.
        """
        power = TRANSFORMS[self.transform].learn(values[:, 0])
        return *self.measure(self.curve(values, power)), power

    def measure(self, values: Array) -> tuple[Array, Array]:
        """loc (C,) and spread (C,) of transformed rows (n, C)."""
        loc, spread = SCALES[self.scale](np.where(np.isnan(values).all(0), 0.0, values))
        return loc, np.where(spread > 1e-12 * np.maximum(1, np.abs(loc)), spread, 1.0)

    def curve(self, values: Array, power: float) -> Array:
        """Rows (n, C) with the target transformed."""
        if self.transform == "none":
            return values
        return np.column_stack([TRANSFORMS[self.transform].forward(values[:, 0], power), values[:, 1:]])


@dataclass(frozen=True, eq=False)
class Scaling:
    """z = (x - loc) / spread for each fitted series and column, the target transformed first;
    strictly increasing, NaN stays NaN.

    ids (S,): the series that were fitted, those with an observed target · loc, spread float64 (S,
    C), spread > 0, of a static column those over the series, the same in all rows · power float64
    (S,), of transforms that have one · units: which transform and scale.
    """

    ids: tuple[str, ...]
    loc: Array
    spread: Array
    power: Array
    units: Units

    def fitted(self, ids: Sequence[str]) -> Array:
        """For each of the named series its row here, int64 (S,); -1 = cold, never fitted."""
        row = {name: i for i, name in enumerate(self.ids)}
        return np.array([row.get(name, -1) for name in ids], "int64")

    def apply(self, panel: Panel) -> Panel:
        """The panel in z; series that were not fitted are left NaN."""
        self.units.check(panel)
        values = np.full_like(panel.values, np.nan)
        fitted = self.fitted(panel.ids)
        for i, row in enumerate(fitted):
            if row >= 0:
                values[panel.rows(i)] = (
                    self.units.curve(panel.values[panel.rows(i)], self.power[row]) - self.loc[row]
                ) / self.spread[row]
        zeros = np.where(fitted >= 0, self.zeros[fitted], np.nan)
        return replace(panel, values=values, vintages=self._of_vintages(panel, fitted), zeros=zeros)

    def _of_vintages(self, panel: Panel, fitted: Array) -> Vintages | None:
        """The vintages of a panel in z, each as its column; fitted (S,): the row here of each series."""
        vintages = panel.vintages
        if vintages is None:
            return None
        place = vintages.of([column.name for column in panel.columns])
        seen = np.flatnonzero(place >= 0)
        loc = vintages.loc.copy()
        spread = vintages.spread.copy()
        for i, row in enumerate(fitted):
            rows = np.arange(panel.starts[i], panel.stops[i])
            at = np.ix_(rows, place[seen])
            loc[at] = self.loc[row, seen] if row >= 0 else np.nan
            spread[at] = self.spread[row, seen] if row >= 0 else 1.0
        return replace(vintages, loc=loc, spread=spread)

    @property
    def zeros(self) -> Array:
        """z (S,) of a target of 0; NaN where 0 has no transform."""
        transform = TRANSFORMS[self.units.transform]
        if transform.least >= 0:
            return np.full(len(self.ids), np.nan)
        zero = np.array([transform.forward(np.zeros(1), power)[0] for power in self.power])
        return (zero - self.loc[:, 0]) / self.spread[:, 0]

    def invert(self, z: Array, rows: Array) -> Array:
        """Target values of z (M, ...) that belong to the fitted rows (M,)."""
        loc, spread, power = self._target(rows, z.ndim)
        return TRANSFORMS[self.units.transform].inverse(z * spread + loc, power)

    def forward(self, values: Array, rows: Array) -> Array:
        """z of target values (M, ...) that belong to the fitted rows (M,); NaN where a value has no
        transform.
        """
        loc, spread, power = self._target(rows, values.ndim)
        transform = TRANSFORMS[self.units.transform]
        return (transform.forward(np.where(values > transform.least, values, np.nan), power) - loc) / spread

    def _target(self, rows: Array, axes: int) -> tuple[Array, Array, Array]:
        """loc, spread and power of the target of the fitted rows (M,), each (M, 1, ...)."""
        shape = (-1,) + (1,) * (axes - 1)
        return (
            self.loc[rows, 0].reshape(shape),
            self.spread[rows, 0].reshape(shape),
            self.power[rows].reshape(shape),
        )


def fit_scaling(past: Panel, units: Units | None = None) -> Scaling:
    """What the units ask to be learned of each series with an observed target, and of static
    columns over these, from the rows of `past` alone.
    """
    units = units or Units()
    units.check(past)
    rows = [i for i, known in enumerate(past.known()) if known]
    made = _scaling(
        tuple(past.ids[i] for i in rows),
        [units.learn(past.values[past.rows(i)]) for i in rows],
        len(past.columns),
        units,
    )
    if units.scale == SHARED and rows:
        made.spread[:] = np.median(made.spread, axis=0)
    _leave_names(past, made)
    if past.static and rows:
        made.loc[:, past.static], made.spread[:, past.static] = units.measure(
            past.values[past.starts[rows]][:, past.static]
        )
    return made


def _leave_names(panel: Panel, made: Scaling) -> None:
    """A target of names is not scaled, whatever is asked: its codes are no numbers."""
    if panel.names:
        made.loc[:, 0] = 0.0
        made.spread[:, 0] = 1.0


def _scaling(
    ids: tuple[str, ...], learned: list[tuple[Array, Array, float]], columns: int, units: Units
) -> Scaling:
    loc = np.array([one for one, _, _ in learned]).reshape(-1, columns)
    spread = np.array([one for _, one, _ in learned]).reshape(-1, columns)
    power = np.array([one for _, _, one in learned], "float64")
    return Scaling(ids, loc, spread, power, units)


def cold_panel(
    panel: Panel, origins: Array, context: int, fitted: Scaling, horizon: int = 0
) -> tuple[Panel, Array, Scaling]:
    """Series that were never fitted, one short series per origin, each scaled on all its own rows
    before that origin, its power too; static columns as in the fit.

    What all fitted series share, these share too.

    Returns the panel of M series of at most `context` rows, its origins (M, 2) at their ends, and
    the scaling of each (M rows). A series without an observed target in these rows begins with the
    last one before them. Where there are future columns a series goes on over the rows of the
    horizon that it has.
    """
    units = fitted.units
    units.check(panel)
    bare, ends = _own_series(panel, origins, context, horizon)
    learned: list[tuple[Array, Array, float]] = []
    for series, known in origins:
        begin = panel.starts[series]
        learned.append(units.learn(panel.values[begin : begin + known]))
    scaling = _scaling(bare.ids, learned, len(panel.columns), units)
    if units.scale == SHARED:
        scaling.spread[:] = fitted.spread[0]
    _leave_names(panel, scaling)
    scaling.loc[:, panel.static] = fitted.loc[0, panel.static]
    scaling.spread[:, panel.static] = fitted.spread[0, panel.static]
    return scaling.apply(bare), ends, scaling


def _own_series(panel: Panel, origins: Array, context: int, horizon: int) -> tuple[Panel, Array]:
    """The panel of one series per origin, of at most `context` rows before it and, where there are
    future columns, `horizon` rows after it; and its origins (M, 2).
    """
    row = origins[:, 1]
    at = panel.starts[origins[:, 0]] + row
    short = np.minimum(row, context)
    coming = horizon if panel.future else 0
    ahead = np.minimum(panel.lengths[origins[:, 0]] - row, coming)
    stops = np.cumsum(short + ahead)
    starts = stops - short - ahead
    runs = [np.arange(first, last) for first, last in zip(at - short, at + ahead, strict=True)]
    keep = np.concatenate(runs)
    values = panel.values[keep]
    latest = panel.latest(origins)
    empty = np.flatnonzero((latest >= 0) & (latest < at - short))
    values[starts[empty], 0] = panel.values[latest[empty], 0]
    ids = tuple(f"{panel.ids[i]}@{known}" for i, known in origins)
    bare = replace(
        panel,
        ids=ids,
        starts=starts,
        stops=stops,
        times=panel.times[keep],
        values=values,
        vintages=None if panel.vintages is None else panel.vintages.take(keep),
    )
    return bare, np.stack([np.arange(len(origins)), short], axis=1)
