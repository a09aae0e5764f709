"""The contract of a model: all that its author must know. Scaling, its inverse, dates and files are not his business."""

import contextlib
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Annotated, Any, Protocol, Self, runtime_checkable

import numpy as np
from pydantic import Field

from forecast.data.clock import CYCLES
from forecast.data.panel import Panel
from forecast.data.scaling import Units
from forecast.errors import ForecastError, validated
from forecast.files import Array
from forecast.results import Log
from forecast.task import Goal

Seed = Annotated[int, Field(ge=0, lt=2**32)]  # what NumPy, torch, scikit-learn and Optuna take
Jobs = Annotated[int, Field(ge=0)]
FAR = (
    10.0  # columns beside the target are cut at so many spreads, so one broken reading cannot rule a forecast
)
LOOKS = 12  # how often a net's averaged weights are judged, and so how often a fit reports


class OtherSettingsError(ForecastError):
    """What was learned is not of a model with the settings of the Spec that is to take it up."""


class Stop(Exception):  # noqa: N818 (a signal, not an error)
    """Raised by `Watch.report`: the study that asked for this fit does not want the rest of it."""


class Watch:
    """What a fit may tell and ask; this one does nothing. `value` is the validation loss in scaled units."""

    def report(self, step: int, of: int, value: float) -> None:
        """Progress; may raise Stop."""

    def load(self) -> tuple[dict[str, Array], dict[str, Any]] | None:
        """The checkpoint (arrays, JSON values) that a killed fit left, or None."""
        return None

    def store(self, arrays: dict[str, Array], values: dict[str, Any]) -> None:
        """Keep a checkpoint."""

    def inner(self, place: int, of: int) -> "Watch":
        """Who watches one of the fits that make up this one, such as a member of a net, maybe in a worker process; its checkpoints are its own."""
        return Listener(self)


@dataclass(frozen=True)
class Listener(Watch):
    """Tells another watch of progress, and keeps no checkpoint."""

    watch: Watch

    def report(self, step: int, of: int, value: float) -> None:
        """Progress, as it comes."""
        self.watch.report(step, of, value)


class Learned(Protocol):
    """What a fit learned: arrays, and forecasts from them."""

    @property
    def context(self) -> int:
        """How many rows before an origin a forecast reads; and, where it starts from the last value, the last observed target before them."""

    @property
    def log(self) -> Log:
        """Choices and mishaps in words, and the loss history."""

    def predict(self, panel: Panel, origins: Array, fitted: Array) -> Array:
        """Forecasts (M, H, P), scaled, at origins (M, 2) of a scaled panel; fitted (S,): the fitted row of each series, -1 = cold.

        P = Q, the quantiles at `goal.levels`, from a model that has a distribution; P = 1, the point, from any other.
        """

    def arrays(self) -> dict[str, Array]:
        """Everything learned, as arrays."""


class Spec(Protocol):
    """A frozen dataclass of hyper-parameters: equal, hashable, JSON; nothing learned in it."""

    @property
    def reads(self) -> tuple[str, ...]:
        """The roles of the columns that it reads beside the target; of the rows after an origin it reads the future columns alone."""

    @property
    def name(self) -> str:
        """The model's name in tables and files."""

    def settle(self, past: Panel, horizon: int) -> Self:
        """This spec with every size that it leaves open chosen from the past; itself where none is open."""

    def fit(self, past: Panel, goal: Goal, *, seed: int, watch: Watch) -> Learned:
        """Learn from a scaled panel."""

    def restore(self, arrays: dict[str, Array], goal: Goal) -> Learned:
        """The Learned whose `arrays()` these are; OtherSettingsError where they do not fit this spec."""

    def space(self, trial: Any) -> Self:
        """This spec with the settings that an Optuna trial suggests."""


@runtime_checkable
class Refits(Protocol):
    """What a Spec may have beside: a warm refit. A model without one is fitted cold, anew, on each longer past."""

    def refit(
        self, past: Panel, goal: Goal, start: dict[str, Array], *, seed: int, watch: Watch
    ) -> Learned | None:
        """Go on from `start`, the arrays learned of the same series for the same goal; None where that cannot be; raises as `restore`."""


@runtime_checkable
class Examines(Protocol):
    """What a Spec may have beside: a look at the target as it was read, before anything is fitted."""

    def examine(self, past: Panel, units: Units, price: bool) -> tuple[str, ...]:
        """Warnings where the target is not what the model is made for; ForecastError, with the models to take instead, where it cannot be.

        past: in the units of the file · units: in which the model will see it · price: whether the run is of a price.
        """


def processes(jobs: int) -> int:
    """How many processes `jobs` asks for, 0 = one a core; ForecastError below that."""
    return validated(Jobs, jobs, "jobs") or os.cpu_count() or 1


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """One thread for BLAS, OpenMP and torch, given back afterwards: bits depend on the number of threads, so a fit has always one."""
    from threadpoolctl import threadpool_limits

    torch = sys.modules.get("torch")
    before = torch.get_num_threads() if torch else 0
    with threadpool_limits(limits=1):
        if torch:
            torch.set_num_threads(1)
        try:
            yield
        finally:
            if torch:
                torch.set_num_threads(before)


def normal_quantiles(point: Array, widths: Array, levels: tuple[float, ...]) -> Array:
    """(M, H, Q): quantiles of normal distributions around points (M, H) with standard deviations (M, H); the points alone without levels."""
    if not levels:
        return point[..., None]
    from scipy.special import ndtri

    made = point[..., None] + widths[..., None] * ndtri(np.array(levels))
    made[..., levels.index(0.5)] = point
    return made


def mean_observed(values: Array, axis: int | None = None) -> Array:
    """The mean of the values that are not NaN along an axis; NaN, in silence, where there is none."""
    seen = ~np.isnan(values)
    count = seen.sum(axis)
    total = np.where(seen, values, 0.0).sum(axis)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def spread_of(errors: Array) -> float:
    """The root mean square of the errors that are not NaN; 0 where there is none."""
    seen = errors[~np.isnan(errors)]
    return float(np.sqrt(np.mean(seen**2))) if len(seen) else 0.0


def persists(values: Array, share: float = 1.0) -> bool:
    """Whether values (n,) are on average as close to the one before as to their median, as a level is and returns are not; False without any.

    share: how much closer to the one before, as the share of the distance to the median.
    """
    seen = values[~np.isnan(values)]
    if not len(seen):
        return False
    return bool(mean_observed(np.abs(np.diff(values))) <= share * np.abs(seen - np.median(seen)).mean())


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


def cycles_seen(past: Panel) -> tuple[str, ...]:
    """The cycles of the calendar that the past has seen twice: a season seen once is no season yet."""
    if not past.clock.cycles:
        return ()
    span = max(
        int((past.times[stop - 1] - past.times[start]).astype("int64"))
        for start, stop in zip(past.starts, past.stops, strict=True)
    )
    return tuple(name for name in past.clock.cycles if 2 * CYCLES[name] <= span)


def season_of(past: Panel) -> int:
    """The shortest season of a panel in steps: from the clock, or on the step clock found in the values; 1 where there is none."""
    fitting = [season for season in past.clock.seasons if 2 * season <= past.lengths.max(initial=0)]
    if past.clock.kind != "step":
        return fitting[0] if fitting else 1
    found = [find_season(past.values[past.rows(i), 0]) for i in range(len(past.ids))]
    return int(np.median(found)) if found else 1


def seasonal_errors(past: Panel, power: int = 1) -> Array:
    """The mean |y_t - y_(t - season)|^power of each series, (S,): the errors of its seasonal naive forecast; NaN where none can be formed."""
    season, targets = season_of(past), [past.values[past.rows(i), 0] for i in range(len(past.ids))]
    return np.array(
        [
            float(mean_observed(np.abs(y[season:] - y[:-season]) ** power)) if len(y) > season else np.nan
            for y in targets
        ]
    )


def find_season(values: Array, most: int = 2000) -> int:
    """The season of one series in steps: the highest peak of the autocorrelation of its last rows after it first falls below zero; else 1.

    A peak counts from .5 on; the linear trend is taken out first. Missing values count as the mean.
    """
    recent = values[-4 * most :]
    seen = ~np.isnan(recent)
    if seen.sum() < 8:
        return 1
    steps = np.arange(len(recent))
    line = np.polyfit(steps[seen], recent[seen], 1)
    centred = np.where(seen, recent - np.polyval(line, steps), 0.0)
    power = np.abs(np.fft.rfft(centred, 2 * len(recent))) ** 2
    correlation = np.fft.irfft(power)[: len(recent) // 2 + 1]
    if correlation[0] <= 1e-12:
        return 1
    # each lag is divided by its number of pairs, so a pure sine keeps its height at every multiple of its period
    correlation = correlation / correlation[0] * (len(recent) / (len(recent) - np.arange(len(correlation))))
    negative = np.flatnonzero(correlation < 0)
    if not len(negative):
        return 1
    later = correlation[negative[0] : most]
    peaks = np.flatnonzero((later[1:-1] > later[:-2]) & (later[1:-1] >= later[2:])) + 1
    high = peaks[later[peaks] > max(0.5, 0.9 * later[peaks].max())] if len(peaks) else peaks
    return int(negative[0] + high[0]) if len(high) else 1
