"""What a fit and a forecast give back: plain values with `to_frame()`."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import IntEnum
from typing import TYPE_CHECKING, Any

import numpy as np

from forecast.data.panel import Panel
from forecast.data.scaling import Scaling
from forecast.data.zones import placed
from forecast.errors import ForecastError
from forecast.files import Array

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Log:
    """What a fit tells about itself: its choices and mishaps in words, its loss history, its seconds.

    `history` holds rows (step, training loss, validation loss) in scaled units; `seconds` is CPU time of the fit and its forecasts; `warm`: it went
    on from what an earlier fit had learned.
    """

    notes: tuple[str, ...] = ()
    history: tuple[tuple[int, float, float], ...] = ()
    seconds: float = 0.0
    warm: bool = False


def quantile_levels(coverages: Iterable[float]) -> tuple[float, ...]:
    """The quantile levels of central intervals in percent, rising, with the median: (80, 95) -> (.025, .1, .5, .9, .975); () -> ()."""
    shares = [coverage / 100 for coverage in coverages]
    if any(not 0 < share < 1 for share in shares):
        raise ForecastError(
            f"Intervals are percentages between 0 and 100, such as 80,95; found {', '.join(f'{100 * s:g}' for s in shares)}."
        )
    edges = {round(0.5 + sign * share / 2, 10) for share in shares for sign in (-1, 1)}
    return tuple(sorted(edges | {0.5})) if shares else ()


def intervals(levels: tuple[float, ...]) -> list[tuple[float, int, int]]:
    """(coverage in percent, index of the lower level, of the upper), widest last: what is reported of quantile levels."""
    pairs = [(i, len(levels) - 1 - i) for i in range(len(levels) // 2)]
    return [(round(100 * (levels[high] - levels[low]), 8), low, high) for low, high in reversed(pairs)]


def ordered(quantiles: Array, levels: tuple[float, ...], point: Array) -> Array:
    """Quantiles (..., Q) that never cross, with the point (...) at the median: from there outward each is at least as far as the one before."""
    middle = levels.index(0.5)
    made = quantiles.copy()
    made[..., middle] = point
    made[..., middle:] = np.maximum.accumulate(made[..., middle:], axis=-1)
    made[..., middle::-1] = np.minimum.accumulate(made[..., middle::-1], axis=-1)
    return made


def within(values: Array, bounds: tuple[float | None, float | None]) -> Array:
    """Values cut at the bounds that the target cannot cross: (0, None) for rain."""
    return values if bounds == (None, None) else np.clip(values, *bounds)


class Basis(IntEnum):
    """What an interval rests on; arrays of it are uint8."""

    NONE = 0  # there is no interval
    CALIBRATED = 1  # enough past errors of that step
    POOLED = 2  # the few past errors of neighbouring steps together
    OWN = 3  # the model's own distribution, unmoved
    EXACT = 4  # every past error was 0: an interval without width

    @property
    def words(self) -> str:
        """What a forecast of this kind has, in words."""
        return BASES[self]


BASES = {
    Basis.NONE: "no interval",
    Basis.CALIBRATED: "a calibrated interval",
    Basis.POOLED: "an interval from the few past errors of neighbouring steps together",
    Basis.OWN: "the interval of the model's own distribution, unchanged",
    Basis.EXACT: "an interval without width, as every past error was 0",
}


@dataclass(frozen=True, eq=False)
class Calibration:
    """What was learned from the errors of a walk: how far each quantile is moved.

    levels (Q,) · shift (H, Q) in scaled units, 0 at the median, NaN where there is no interval · basis (H,), the Basis of each step as uint8.
    """

    levels: tuple[float, ...]
    shift: Array
    basis: Array

    @property
    def notes(self) -> tuple[str, ...]:
        """Which steps have no calibrated interval, and what they have instead, a sentence without its full stop for each kind."""
        others = [kind for kind in Basis if kind != Basis.CALIBRATED and (self.basis == kind).any()]
        return tuple(f"{_steps_in_words(self.basis == kind)} {kind.words}" for kind in others)

    def apply(self, z: Array) -> Array:
        """Quantiles (M, H, Q) of scaled forecasts (M, H, P): the model's own, or its point, moved and kept in order."""
        return ordered(z + self.shift, self.levels, point_of(z, self.levels))


def _steps_in_words(chosen: Array) -> str:
    """The steps at which `chosen` (H,) is true, with their verb: every step has, step 3 has, steps 1 to 4 and 7 have."""
    if chosen.all():
        return "every step has"
    steps = np.flatnonzero(chosen) + 1
    runs = np.split(steps, np.flatnonzero(np.diff(steps) > 1) + 1)
    words = [f"{run[0]} to {run[-1]}" if len(run) > 1 else str(run[0]) for run in runs]
    listed = " and ".join(words)
    return f"steps {listed} have" if len(steps) > 1 else f"step {listed} has"


def point_of(z: Array, levels: tuple[float, ...]) -> Array:
    """The point forecast (...) of answers (..., P): the only one, or the median."""
    point: Array = z[..., 0] if z.shape[-1] == 1 else z[..., levels.index(0.5)]
    return point


@dataclass(frozen=True, eq=False)
class Forecast:
    """Forecasts at M origins, H steps each.

    model · ids (S,) · origins int64 (M, 2) · cutoffs (M,), the last known stamp · times (M, H) · values float64 (M, H) ·
    levels (Q,), quantiles (M, H, Q): rising along Q, NaN where none can be given; the median is `values`. Without levels quantiles is None.
    zone: the place whose time frames show; cutoffs and times are UTC.
    """

    model: str
    ids: tuple[str, ...]
    origins: Array
    cutoffs: Array
    times: Array
    values: Array
    levels: tuple[float, ...] = ()
    quantiles: Array | None = None
    zone: str = ""

    def to_frame(self, cutoff: bool | None = None) -> "pd.DataFrame":
        """A long frame `unique_id, ds, <model>, <model>-lo-80, <model>-hi-80 ...`.

        With `cutoff` (by default where a series has several origins) the last known stamp stands there too. Where a panel has a zone its stamps
        are local and know their offset from UTC.
        """
        import pandas as pd

        origins, horizon = self.values.shape
        series = self.origins[:, 0]
        names = np.array(self.ids, dtype=object)[series]
        frame = pd.DataFrame(
            {
                "unique_id": np.repeat(names, horizon),
                "ds": placed(self.times.ravel(), self.zone),
                self.model: self.values.ravel(),
            }
        )
        if self.quantiles is not None:
            for coverage, low, high in intervals(self.levels):
                frame[f"{self.model}-lo-{coverage:g}"] = self.quantiles[..., low].ravel()
                frame[f"{self.model}-hi-{coverage:g}"] = self.quantiles[..., high].ravel()
        if cutoff if cutoff is not None else len(np.unique(series)) < origins:
            frame.insert(2, "cutoff", placed(np.repeat(self.cutoffs, horizon), self.zone))
        return frame


@dataclass(frozen=True, eq=False)
class Outcome:
    """Forecasts of one model in one fold beside what came: all that a metric needs.

    forecast (M origins) · truth (M, H), NaN where nothing was observed · last (M,), the last observed target before each origin ·
    past: the panel that `fit` saw · scaling learned from it · log · places (M,): where origins are counted from each series' end, the place of
    each on the grid of the walk; None where they are moments that all series share · basis (M, H): the Basis of each interval as uint8; None where
    the forecasts were not calibrated.
    """

    fold: int
    forecast: Forecast
    truth: Array
    last: Array
    past: Panel
    scaling: Scaling
    log: Log = field(default_factory=Log)
    places: Array | None = None
    basis: Array | None = None

    @property
    def moments(self) -> Array:
        """When each origin is asked, and when the truth of each of its steps is known, (M, 1 + H): stamps, or places on the grid."""
        if self.places is None:
            return np.column_stack([self.forecast.cutoffs, self.forecast.times])
        return self.places[:, None] + np.arange(-1, self.truth.shape[1])

    @property
    def fitted(self) -> Array:
        """The fitted row (M,) of each origin's series; -1 where it was not fitted, and is forecast cold."""
        return self.scaling.fitted(self.forecast.ids)[self.forecast.origins[:, 0]]

    def to_frame(self) -> "pd.DataFrame":
        """The forecast's frame with the truth as `y`."""
        frame = self.forecast.to_frame(cutoff=True)
        frame.insert(3, "y", self.truth.ravel())
        return frame


def header(log: Log) -> dict[str, Any]:
    """A log as JSON values."""
    return {
        "notes": list(log.notes),
        "history": [list(row) for row in log.history],
        "seconds": log.seconds,
        "warm": log.warm,
    }


def log_of(values: dict[str, Any]) -> Log:
    """The log that `header` wrote down."""
    history = tuple(
        (int(step), float(train), float(validation)) for step, train, validation in values["history"]
    )
    return Log(tuple(values["notes"]), history, float(values["seconds"]), values.get("warm", False))
