"""What a fitted model loses when it is given another window's values of a column: permutation, without a refit."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from forecast.arrays import Array, mean_observed
from forecast.data.panel import Panel
from forecast.errors import ForecastError
from forecast.evaluation.ablation import Bought
from forecast.evaluation.inference import skill_interval
from forecast.fitting import Fitted
from forecast.insight.attribution import Explanation, source_of
from forecast.models.base import reads_of
from forecast.results import point_of
from forecast.workers import one_thread

if TYPE_CHECKING:
    import pandas as pd

REPEATS = 10  # permutations of each column
WINDOWS = 400  # that are looked at; of more, as many, evenly spaced
FEWEST = 8  # windows below which a permutation says nothing


@dataclass(frozen=True)
class Lost:
    """What permuting one column costs.

    loss: the share by which the mean absolute error grows; loss_lo and loss_hi its 95 % interval, NaN for a short stretch.
    """

    column: str
    loss: float
    loss_lo: float
    loss_hi: float


@dataclass(frozen=True, eq=False)
class Importance:
    """What each column next to the target is worth to a fitted model, by permutation, the largest loss first.

    model · windows: how many were looked at · error: the mean absolute error on these, in the units of the target.
    """

    model: str
    windows: int
    error: float
    columns: tuple[Lost, ...]

    def to_frame(
        self, explanation: Explanation | None = None, ablation: Sequence[Bought] = ()
    ) -> "pd.DataFrame":
        """One row per column: `column, loss, loss_lo, loss_hi`.

        Next to these stand what the model uses, where an explanation is given (`used`, the share of each column in all
        that columns say), and what a fit without the column loses, where `compare --ablate` is (`gain, gain_lo, gain_hi, p`).
        The three differ where columns repeat each other: a model uses one, permuting it hurts, and a fit without it takes
        the other.
        """
        import pandas as pd

        frame = pd.DataFrame(
            [vars(one) for one in self.columns], columns=["column", "loss", "loss_lo", "loss_hi"]
        )
        if explanation is not None:
            used = explanation.usage().set_index("column")["share"]
            frame["used"] = frame["column"].map(used)
        if ablation:
            bought = pd.DataFrame([vars(one) for one in ablation]).drop(columns="seconds")
            frame = frame.merge(bought, on="column", how="left")
        return frame


def importance(
    fitted: Fitted, panel: Panel, origins: Array | None = None, *, repeats: int = REPEATS, seed: int = 0
) -> Importance:
    """By how much the error of a fitted model grows when a column of each window is that of another window.

    A column is exchanged between whole windows, its rows before the origin and, of a future one, those of the horizon, so
    that it keeps its own course and loses what it has to do with the target. Indicators of a category and the two waves of
    an angle are exchanged together. The target itself is not: a forecast without its last value is another model.

    origins (M, 2): by default one horizon apart, wherever a window and its horizon lie within a series. Take rows that the
    model was not fitted on, or the loss is that of what it learned by heart too. repeats: exchanges of each column, whose
    mean counts. The interval is that of the difference of two losses whose horizons overlap (`evaluation/inference`).
    Raises ForecastError where no column stands next to the target, where names are forecast, for series that were not
    fitted, and where there are too few windows.
    """
    _refuse(fitted, panel)
    if repeats < 1:
        raise ForecastError(f"repeats takes a number of exchanges, at least 1; found {repeats}.")
    asked, origins = fitted.asked(panel, _origins(fitted, panel) if origins is None else origins)
    blocks = _Blocks.cut(fitted, asked, _whole(fitted, asked, origins))
    random = np.random.default_rng(seed)
    found = []
    with one_thread():
        usual = blocks.losses(blocks.values)
        for name, places in _groups(asked).items():
            if asked.columns[places[0]].role not in reads_of(fitted.spec):
                found.append(Lost(name, 0.0, 0.0, 0.0))
                continue
            drawn = [blocks.losses(blocks.exchanged(places, random)) for _ in range(repeats)]
            found.append(_lost(name, np.mean(drawn, axis=0), usual, blocks))
    found.sort(key=lambda one: -one.loss)
    return Importance(fitted.spec.name, len(usual), float(np.nanmean(usual)), tuple(found))


def _refuse(fitted: Fitted, panel: Panel) -> None:
    """ForecastError where there is nothing to exchange, or no error to measure."""
    if fitted.goal.names:
        raise ForecastError(
            f"{fitted.columns[0].name} has names: the importance of columns is measured for numbers alone."
        )
    if len(fitted.columns) == 1:
        raise ForecastError(
            f"There is no column next to {fitted.columns[0].name} whose importance could be measured."
        )
    new = [name for name in panel.ids if name not in fitted.scaling.ids]
    if new:
        raise ForecastError(
            f"{fitted.spec.name} was not fitted on {new[0]}: importance is measured on the series of the fit."
        )


def _origins(fitted: Fitted, panel: Panel) -> Array:
    """Origins (M, 2) one horizon apart, from the first whole window of each series to the last whole horizon."""
    found = []
    for series, length in enumerate(panel.history().lengths):
        rows = np.arange(fitted.context, length - fitted.goal.horizon + 1, fitted.goal.horizon)
        found.append(np.stack([np.full(len(rows), series), rows], axis=1))
    return np.concatenate(found).astype("int64")


def _whole(fitted: Fitted, panel: Panel, origins: Array) -> Array:
    """The origins whose window and horizon lie within their series, in order of time, at most WINDOWS."""
    enough = origins[:, 1] >= fitted.context
    within = origins[:, 1] + fitted.goal.horizon <= panel.lengths[origins[:, 0]]
    kept = origins[enough & within]
    if len(kept) < FEWEST:
        raise ForecastError(
            f"{len(kept)} windows of {fitted.context} rows with a whole horizon are too few to exchange columns between:"
            f" at least {FEWEST} are needed. Give more rows."
        )
    kept = kept[np.argsort(panel.cutoffs(kept), kind="stable")]
    if len(kept) <= WINDOWS:
        return kept
    return kept[np.linspace(0, len(kept) - 1, WINDOWS).astype("int64")]


def _groups(panel: Panel) -> dict[str, list[int]]:
    """The places of the columns that are exchanged together, by the column of the file that they were made from."""
    groups: dict[str, list[int]] = {}
    for place, column in enumerate(panel.columns[1:], 1):
        groups.setdefault(source_of(column), []).append(place)
    return groups


@dataclass(frozen=True, eq=False)
class _Blocks:
    """Windows and their horizons as a short series each: values (M, L + H, C), scaled; fitted (M,): the row of each series
    in the fit; truth (M, H), in units."""

    model: Fitted
    panel: Panel
    values: Array
    fitted: Array
    cutoffs: Array
    truth: Array

    @classmethod
    def cut(cls, model: Fitted, panel: Panel, origins: Array) -> "_Blocks":
        """The blocks at origins (M, 2); of the horizon only what is known ahead stays."""
        context, horizon = model.context, model.goal.horizon
        scaled = model.scaling.apply(panel)
        rows = (panel.starts[origins[:, 0]] + origins[:, 1])[:, None] + np.arange(-context, horizon)
        values = scaled.values[rows]
        unknown = [place for place in panel.moving if place not in panel.future]
        values[:, context:, unknown] = np.nan
        ends = np.arange(1, len(rows) + 1) * (context + horizon)
        blocks = replace(
            scaled,
            ids=tuple(str(number) for number in range(len(rows))),
            starts=ends - context - horizon,
            stops=ends,
            times=panel.times[rows].ravel(),
        )
        fitted = model.scaling.fitted(panel.ids)[origins[:, 0]]
        return cls(model, blocks, values, fitted, panel.cutoffs(origins), panel.truth(origins, horizon))

    def losses(self, values: Array) -> Array:
        """The mean absolute error (M,) of each window with such values (M, L + H, C)."""
        count, _, columns = values.shape
        panel = replace(self.panel, values=values.reshape(-1, columns))
        origins = np.stack([np.arange(count), np.full(count, self.model.context)], axis=1)
        z = self.model.learned.predict(panel, origins, self.fitted)
        point = self.model.scaling.invert(point_of(z, self.model.goal.levels), self.fitted)
        return mean_observed(np.abs(point - self.truth), 1)

    def exchanged(self, places: list[int], random: np.random.Generator) -> Array:
        """The values with some columns of each window those of another, drawn at random."""
        values = self.values.copy()
        order = random.permutation(len(values))
        values[..., places] = self.values[order][..., places]
        return values


def _lost(name: str, losses: Array, usual: Array, blocks: _Blocks) -> Lost:
    """What exchanging one column costs, with the interval over moments in time."""
    moments, member = np.unique(blocks.cutoffs, return_inverse=True)
    exchanged = _by_moment(losses, member)
    low, high = skill_interval(exchanged, _by_moment(usual, member), _horizons(moments, blocks))
    error = float(np.nanmean(usual))
    loss = float(np.nanmean(losses)) / error - 1 if error > 0 else 0.0
    return Lost(name, loss, -high, -low)


def _by_moment(losses: Array, member: Array) -> Array:
    """The mean losses (T,) of the windows (M,) of each moment; NaN where none has one."""
    seen = ~np.isnan(losses)
    moments = int(member.max()) + 1
    count = np.bincount(member[seen], minlength=moments)
    sums = np.bincount(member[seen], losses[seen], minlength=moments)
    return np.where(count > 0, sums / np.maximum(count, 1), np.nan)


def _horizons(moments: Array, blocks: _Blocks) -> float:
    """How many horizons moments (T,) span: their rows, counted where they are those of one series, over the horizon."""
    times = np.unique(blocks.panel.times)
    rows = np.searchsorted(times, moments[-1]) - np.searchsorted(times, moments[0])
    return float(rows / blocks.model.goal.horizon + 1)
