"""What a fit and a forecast give back: plain values with `to_frame()`."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from enum import IntEnum
from typing import TYPE_CHECKING

import numpy as np

from forecast.arrays import Array
from forecast.copula import Templates, read_at, share_until
from forecast.data.clock import Clock
from forecast.data.panel import GIVE_ITS_PANEL, Panel, require_panel
from forecast.data.scaling import Scaling
from forecast.data.zones import placed
from forecast.errors import ForecastError
from forecast.records import Number
from forecast.task import Task, bands

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Log:
    """What a fit reports about itself: its choices and mishaps in words, its loss history, its seconds.

    `history` holds rows (step, training loss, validation loss) in scaled units; `seconds` is CPU time of the fit and its forecasts;
    `warm`: it continued from what an earlier fit had learned.
    """

    notes: tuple[str, ...] = ()
    history: tuple[tuple[int, Number, Number], ...] = ()
    seconds: float = 0.0
    warm: bool = False


def ordered(quantiles: Array, levels: tuple[float, ...], point: Array, shown: Iterable[float] = ()) -> Array:
    """Quantiles (..., Q) that never cross, with the point (...) at the median.

    From there outward each is at least as far as the one before.

    shown: levels that are put in order first, among themselves, so that they do not depend on what else is kept; the others then lie
    between them.
    """
    middle = levels.index(0.5)
    first = sorted({middle, *(levels.index(level) for level in shown)})
    made = quantiles.copy()
    made[..., middle] = point
    if len(first) == 1:
        return _outward(made, middle)
    made[..., first] = _outward(made[..., first], first.index(middle))
    for place in range(middle + 1, len(levels)):
        outer = [one for one in first if one >= place]
        made[..., place] = np.maximum(made[..., place], made[..., place - 1])
        made[..., place] = _no_farther(made, place, outer, np.minimum)
    for place in range(middle - 1, -1, -1):
        outer = [one for one in reversed(first) if one <= place]
        made[..., place] = np.minimum(made[..., place], made[..., place + 1])
        made[..., place] = _no_farther(made, place, outer, np.maximum)
    return made


def _outward(quantiles: Array, middle: int) -> Array:
    """Quantiles (..., Q) of which each is at least as far from the one in the middle as the one before."""
    made = quantiles.copy()
    made[..., middle:] = np.maximum.accumulate(made[..., middle:], axis=-1)
    made[..., middle::-1] = np.minimum.accumulate(made[..., middle::-1], axis=-1)
    return made


def _no_farther(
    quantiles: Array, place: int, shown: list[int], nearer: Callable[[Array, Array], Array]
) -> Array:
    """The quantile (...) at a place, no farther than the nearest of the shown ones on its outer side, if there is one."""
    own: Array = quantiles[..., place]
    if not shown:
        return own
    return nearer(own, quantiles[..., shown[0]])


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
    """What was learned from the errors of a walk: how far each quantile is moved, and how the steps hang together.

    levels (Q,) · shift (H, Q) in scaled units, 0 at the median, NaN where there is no interval · basis (H,), the Basis of
    each step as uint8 · templates: past windows, which join the steps of sample paths.
    in_levels: of a model with a mass at 0 nothing is added to its quantiles; shift (H, Q) holds the normal scores of the
    levels at which its distribution is read instead, so that 0 stays 0.
    """

    levels: tuple[float, ...]
    shift: Array
    basis: Array
    templates: Templates
    in_levels: bool = False

    @property
    def notes(self) -> tuple[str, ...]:
        """Which steps have no calibrated interval, and what they have instead: one sentence, without full stop, per kind."""
        others = [kind for kind in Basis if kind != Basis.CALIBRATED and (self.basis == kind).any()]
        return tuple(f"{_steps_in_words(self.basis == kind)} {kind.words}" for kind in others)

    def apply(self, z: Array, shown: Iterable[float] = ()) -> Array:
        """Quantiles (M, H, Q) of scaled forecasts (M, H, P): the model's own, or its point, moved and kept in order."""
        moved = self._read(z) if self.in_levels else z + self.shift
        return ordered(moved, self.levels, point_of(z, self.levels), shown)

    def _read(self, z: Array) -> Array:
        """The quantiles (M, H, Q) of z read at other levels; NaN where the model, fitted anew, has a point alone."""
        if z.shape[-1] != len(self.levels):
            return np.full((*z.shape[:-1], len(self.levels)), np.nan)
        return read_at(z, self.levels, self.shift)


@dataclass(frozen=True, eq=False)
class Tempering:
    """What was learned of shares of names from those of a walk: how sharp they are.

    sharpness (A,): the power to which the shares of each answer are raised, 1 = they stay. It is 1 over the temperature of
    Guo et al. (2017): below 1 shares are drawn toward each other, above 1 away from each other; their order stays.
    """

    sharpness: Array

    @property
    def notes(self) -> tuple[str, ...]:
        """How far the shares are changed, in a sentence without full stop; nothing where they are not."""
        low = float(self.sharpness.min())
        high = float(self.sharpness.max())
        if low == high == 1.0:
            return ()
        powers = f"{low:.2f}" if low == high else f"{low:.2f} to {high:.2f}"
        return (f"raised to the power {powers}, as the matured rows of the walk say",)

    def apply(self, shares: Array) -> Array:
        """Shares (M, A, K) made as sharp as the walk says; they sum to 1."""
        return tempered(shares, self.sharpness[:, None])


Taught = Calibration | Tempering  # what a walk teaches a model of its own errors


def tempered(shares: Array, sharpness: Array) -> Array:
    """Shares (..., K) to a power (..., 1), over their sum; those of a power of 1 stay to the bit."""
    raised = shares**sharpness
    made: Array = np.where(sharpness == 1.0, shares, raised / raised.sum(-1, keepdims=True))
    return made


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
    place = 0 if z.shape[-1] == 1 else levels.index(0.5)
    point: Array = z[..., place]
    return point


@dataclass(frozen=True, eq=False)
class Forecast:
    """Forecasts at M origins, H steps each.

    model · ids (S,) · origins int64 (M, 2) · cutoffs (M,), the last known stamp · times (M, H) · values float64 (M, H) ·
    levels (Q,), quantiles (M, H, Q): rising along Q, NaN where none can be given; the median is `values`. Without levels
    quantiles is None. intervals: the coverages in percent that are shown of them.
    zone: the place whose time frames show; cutoffs and times are UTC.
    mass: whether a quantile of 0 says that the target is exactly 0 with that chance.
    names (K,), shares (M, H, K): of a target of names, which sum to 1. `values` are then the share of the second of two
    names, and of several the code of the likeliest.
    over: the steps that each answer is about. It is 1, but where one answer is about any, or all, steps of the horizon:
    then that is H, each array has one step, and `times` is its last.
    """

    model: str
    ids: tuple[str, ...]
    origins: Array
    cutoffs: Array
    times: Array
    values: Array
    levels: tuple[float, ...] = ()
    quantiles: Array | None = None
    intervals: tuple[float, ...] = ()
    zone: str = ""
    names: tuple[str, ...] = ()
    shares: Array | None = None
    mass: bool = False
    over: int = 1

    @property
    def bands(self) -> list[tuple[float, Array, Array]]:
        """(coverage in percent, lower end (M, H), upper end (M, H)) of the shown intervals, narrowest first."""
        quantiles = self.quantiles
        if quantiles is None:
            return []
        shown = bands(self.intervals, self.levels)
        return [(coverage, quantiles[..., low], quantiles[..., high]) for coverage, low, high in shown]

    @property
    def at_zero(self) -> Array | None:
        """The chance (M, H) that the target is exactly 0, of a model with a mass there; None of any other."""
        if not self.mass or self.quantiles is None:
            return None
        return share_until(np.zeros(self.values.shape), self.quantiles, self.levels)

    def on(self, panel: Panel) -> "Forecast":
        """The same forecasts with the `ids` and `origins` of another panel, found by the names of the series and by the cutoffs.

        Origins count rows of the panel that a forecast was made from, which may begin later than the file: a run forecasts
        from its last rows. Whatever reads a forecast next to a panel goes through here. Raises ForecastError where the
        panel has no series of such a name, no row at a cutoff, or other steps after it.
        """
        require_panel(panel)
        names = np.array(self.ids, dtype=object)[self.origins[:, 0]]
        origins = panel.origins_at(names, self.cutoffs)
        if panel.clock.kind != "sessions":  # which sessions took place is known afterwards alone
            stamps = panel.stamps(origins, self.times.shape[1] * self.over)
            follows = (stamps[:, self.over - 1 :: self.over] == self.times).all()
            if not follows:
                raise ForecastError(
                    f"The panel is {panel.clock.words}, and the forecast by {self.model} has other steps. {GIVE_ITS_PANEL}"
                )
        return replace(self, ids=panel.ids, origins=origins)

    def to_frame(self, cutoff: bool | None = None) -> "pd.DataFrame":
        """A long frame `unique_id, ds, <model>, <model>-lo-80, <model>-hi-80 ...`.

        For an event it has `<model>-p`, the share of the second name; for several names `label`, the likeliest, and
        `p_<name>` for each.

        With `cutoff` (by default where a series has several origins) the last known stamp is a column too. Where a
        panel has a zone its stamps are local and know their offset from UTC.
        """
        import pandas as pd

        origins, horizon = self.values.shape
        series = self.origins[:, 0]
        names = np.array(self.ids, dtype=object)[series]
        stamps = placed(self.times.ravel(), self.zone)
        frame = pd.DataFrame({"unique_id": np.repeat(names, horizon), "ds": stamps, **self.answers()})
        several = len(np.unique(series)) < origins
        if several if cutoff is None else cutoff:
            frame.insert(2, "cutoff", placed(np.repeat(self.cutoffs, horizon), self.zone))
        return frame

    def answers(self) -> "dict[str, Array]":
        """The columns (M H,) of a frame that hold what was forecast, by name."""
        if self.shares is None:
            found = {self.model: self.values.ravel()}
            for coverage, low, high in self.bands:
                found[f"{self.model}-lo-{coverage:g}"] = low.ravel()
                found[f"{self.model}-hi-{coverage:g}"] = high.ravel()
            return found
        if len(self.names) == 2:
            return {f"{self.model}-p": self.values.ravel()}
        labels = labels_of(self.names, self.values.ravel())
        shares = {f"p_{name}": self.shares[..., code].ravel() for code, name in enumerate(self.names)}
        return {"label": labels, **shares}


def blank_forecast(model: str, panel: Panel, origins: Array, task: Task) -> Forecast:
    """A forecast without values: what a task asks of a panel at origins (M, 2), whichever model answers."""
    over = task.over
    return Forecast(
        model=model,
        ids=panel.ids,
        origins=origins,
        cutoffs=panel.cutoffs(origins),
        times=panel.stamps(origins, task.count)[:, over - 1 :: over],
        values=np.full((len(origins), task.answered), np.nan),
        zone=panel.clock.tz,
        names=panel.names,
        over=over,
    )


def with_shares(blank: Forecast, shares: Array) -> Forecast:
    """A forecast of names with its shares (M, A, K), and the values that stand for them."""
    value = shares[..., 1] if shares.shape[-1] == 2 else shares.argmax(-1).astype("float64")
    return replace(blank, values=value, shares=shares)


def labels_of(names: tuple[str, ...], codes: Array) -> Array:
    """The names (n,) that codes (n,) stand for; None where a code is missing."""
    table = np.array([*names, None], dtype=object)
    return table[np.where(np.isnan(codes), len(names), codes).astype("int64")]


@dataclass(frozen=True, eq=False)
class Truth:
    """What all models of one fold are measured against, each array once for all of them.

    values (M, H): the actual values, NaN where nothing was observed · last (M,): the last observed target before each
    origin · naive (S, 2): the mean absolute and the mean squared error of the seasonal naive forecast in the past of
    each series, NaN where it is 0 but for rounding or cannot be formed · scaling: what the fit learned of the target ·
    target: its name · clock · task: with its metric settled · why: the reason for that metric, in a sentence, empty
    where it was named · places (M,): where origins are counted from each series' end, the place of each on the grid of
    the walk; None where they are moments that all series share · ordered: whether the names of the target have an order.
    """

    values: Array
    last: Array
    naive: Array
    scaling: Scaling
    target: str
    clock: Clock
    task: Task
    why: str = ""
    places: Array | None = None
    ordered: bool = False


@dataclass(frozen=True, eq=False)
class Outcome:
    """Forecasts of one model in one fold (M origins) next to the actual values, and the log of the fit behind them.

    basis (M, H): the Basis of each interval as uint8; None where the forecasts were not calibrated.
    """

    fold: int
    forecast: Forecast
    truth: Truth
    log: Log = field(default_factory=Log)
    basis: Array | None = None

    @property
    def actual(self) -> Array:
        """The actual values (M, H), NaN where nothing was observed."""
        return self.truth.values

    @property
    def moments(self) -> Array:
        """When each origin is asked, and when the actual value of each step is known, (M, 1 + H): stamps, or places."""
        places = self.truth.places
        if places is None:
            return np.column_stack([self.forecast.cutoffs, self.forecast.times])
        over = self.forecast.over
        last = np.arange(1, self.actual.shape[1] + 1) * over - 1  # the last step that each answer is about
        return places[:, None] + np.append(-1, last)

    @property
    def fitted(self) -> Array:
        """The fitted row (M,) of each origin's series; -1 where it was not fitted, and is forecast cold."""
        return self.truth.scaling.fitted(self.forecast.ids)[self.forecast.origins[:, 0]]

    def to_frame(self) -> "pd.DataFrame":
        """The forecast's frame with the actual value as `y`, of a target of names its name.

        Columns for several names begin with the name of the model, so that frames of several models can be joined.
        """
        forecast = self.forecast
        frame = forecast.to_frame(cutoff=True)
        if len(forecast.names) > 2:
            frame = frame.rename(columns={name: f"{forecast.model}-{name}" for name in forecast.answers()})
        actual = self.actual.ravel()
        frame.insert(3, "y", labels_of(forecast.names, actual) if forecast.names else actual)
        return frame


def by_model(outcomes: Iterable[Outcome]) -> dict[str, list[Outcome]]:
    """The outcomes of each model, in the order in which models and folds come."""
    models: dict[str, list[Outcome]] = {}
    for outcome in outcomes:
        models.setdefault(outcome.forecast.model, []).append(outcome)
    return models
