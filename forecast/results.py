"""What a fit and a forecast give back: plain values with `to_frame()`."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from forecast.data.panel import GIVE_ITS_PANEL, Panel, require_panel
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


@dataclass(frozen=True, eq=False)
class Calibration:
    """What was learned from the errors of a walk: how far each quantile is moved. levels (Q,) · shift (H, Q) in scaled units, 0 at the median."""

    levels: tuple[float, ...]
    shift: Array

    def apply(self, z: Array) -> Array:
        """Quantiles (M, H, Q) of scaled forecasts (M, H, P): the model's own, or its point, moved and kept in order."""
        return ordered(z + self.shift, self.levels, point_of(z, self.levels))


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

    def on(self, panel: Panel) -> "Forecast":
        """The same forecasts with the `ids` and `origins` of another panel, found by the names of the series and by the cutoffs.

        Origins count rows of the panel that a forecast was made from, which may begin later than the file: a run forecasts from its last rows.
        All that reads a forecast beside a panel goes through here. Raises ForecastError where the panel has no series of such a name, no row at
        a cutoff, or other steps after it.
        """
        require_panel(panel)
        names = np.array(self.ids, dtype=object)[self.origins[:, 0]]
        origins = panel.origins_at(names, self.cutoffs)
        if panel.clock.kind != "sessions":  # which sessions took place is known afterwards alone
            follows = (panel.stamps(origins, self.times.shape[1]) == self.times).all()
            if not follows:
                raise ForecastError(
                    f"The panel is {panel.clock.words}, and the forecast by {self.model} has other steps. {GIVE_ITS_PANEL}"
                )
        return replace(self, ids=panel.ids, origins=origins)

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
    each on the grid of the walk; None where they are moments that all series share.
    """

    fold: int
    forecast: Forecast
    truth: Array
    last: Array
    past: Panel
    scaling: Scaling
    log: Log = field(default_factory=Log)
    places: Array | None = None

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
