"""HAR: a volatility from its means over the last day, week and month, straight to each step of the horizon."""

from dataclasses import dataclass
from functools import partial
from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from forecast.arrays import Array, log_mean, spread_of
from forecast.data.findings import counted, listed
from forecast.data.panel import Panel
from forecast.data.scaling import Units
from forecast.data.seasons import persists
from forecast.errors import ForecastError
from forecast.models.answers import NormalAnswers, in_chunks, recent
from forecast.models.base import Watch
from forecast.results import Log
from forecast.task import Goal

ROWS_A_WEIGHT = 10  # a series with fewer rows takes the weights of all series together
LEVEL = 0.15  # steps of a level are a smaller share of the distance to the median, those of a volatility a larger one
Rows = Annotated[int, Field(ge=1, le=1000)]


@dataclass(frozen=True)
class Har:
    """The heterogeneous autoregression of Corsi (2009, Journal of Financial Econometrics 7): least squares on means of the last rows.

    The target is a realised volatility or variance itself. Each step of the horizon has a regression of its own, so none is iterated.
    unbiased: of a target in logs the point is its mean, half the residual variance above the median of a lognormal (Corsi's log-HAR);
    smearing: by the log of the mean of the exponentials of the residuals above it, whatever they are distributed like (Duan 1983,
    Journal of the American Statistical Association 78).
    """

    name: str = "har"
    spans: Annotated[tuple[Rows, ...], Field(min_length=1)] = (1, 5, 22)  # a trading day, week and month
    unbiased: bool | Literal["smearing"] = False

    def examine(self, past: Panel, units: Units, price: bool) -> tuple[str, ...]:
        """A warning where series look like levels; ForecastError where the run is of a price, or where a value is below 0."""
        made_for = f"{self.name} forecasts a realised volatility or variance"
        if price:
            raise ForecastError(
                f"{made_for}, and this run is of a price (`price`)."
                f" Take garch or naive for a price, or leave {self.name} out."
            )
        found = _below_zero(past)
        if found:
            raise ForecastError(
                f"{made_for}, which is never below 0; {found}."
                f" Take garch for returns, arima or naive for other values, or leave {self.name} out."
            )
        targets = [past.values[past.rows(i), 0] for i in range(len(past.ids))]
        levels = [name for name, target in zip(past.ids, targets, strict=True) if _is_level(target)]
        if not levels:
            return ()
        look = "looks" if len(levels) == 1 else "look"
        words = f"{look} like a level, such as a price, and not like a volatility or variance"
        return (f"{listed(levels)} {words}",)

    def fit(self, past: Panel, goal: Goal, *, seed: int, watch: Watch) -> "Regressed":
        """Weights and spreads for each step of each series, and of all series together.

        The latter are those of short series and of those that come later. ForecastError where it is to be unbiased in
        other units than plain logs.
        """
        if self.unbiased and not goal.units.plain_logs:
            raise ForecastError(
                f"{self.name}.unbiased is of logs: add `transform=log` and `scale=none`, or leave it out."
            )
        pairs = [self._pairs(past, i, goal.horizon) for i in range(len(past.ids))]
        x, y = (np.concatenate(parts) for parts in zip(*pairs, strict=True))
        together = self._regressed(x, y)
        fits = []
        short = 0
        for own_x, own_y in pairs:
            is_short = (~np.isnan(own_y)).sum(0).min() < ROWS_A_WEIGHT * x.shape[1]
            short += int(is_short)
            fits.append(together if is_short else self._regressed(own_x, own_y))
        weights, spreads, lifts = (np.array(parts) for parts in zip(*fits, together, strict=True))
        levels = sum(_is_level(past.values[past.rows(i), 0]) for i in range(len(past.ids)))
        return Regressed(goal, self, weights, spreads, lifts, Log(self._notes(len(pairs), short, levels)))

    def _notes(self, count: int, short: int, levels: int) -> tuple[str, ...]:
        notes = [f"means of the last {', '.join(map(str, self.spans))} rows"]
        if short:
            notes.append(f"{short} of {count} series are too short: the weights of all series together")
        if levels:
            notes.append(f"{levels} of {count} series look like levels, not like volatilities or variances")
        return tuple(notes)

    def _regressed(self, x: Array, y: Array) -> tuple[Array, Array, Array]:
        """Weights, spreads, and by how much the mean lies above the point that is regressed, (H,)."""
        weights, spreads = regress(x, y)
        if self.unbiased == "smearing":
            return weights, spreads, np.array([log_mean(error) for error in (y - x @ weights.T).T])
        return weights, spreads, spreads**2 / 2 if self.unbiased else np.zeros(len(spreads))

    def restore(self, arrays: dict[str, Array], goal: Goal) -> "Regressed":
        """The Regressed whose `arrays()` these are."""
        spreads = arrays["spreads"]
        usual = spreads**2 / 2 if self.unbiased else np.zeros_like(spreads)
        lifts = arrays.get("lifts", usual)
        return Regressed(goal, self, arrays["weights"], spreads, lifts, Log())

    def _pairs(self, past: Panel, series: int, horizon: int) -> tuple[Array, Array]:
        """Regressors (n, 1 + spans) and targets (n, H) at each row of one series with whole spans before it.

        Of a short series at each row with any before it.
        """
        longest = max(self.spans)
        is_long = past.lengths[series] > 2 * longest + horizon
        rows = np.arange(longest if is_long else 1, past.lengths[series])
        origins = np.stack([np.full(len(rows), series), rows], axis=1)
        x = in_chunks(partial(regressors, past, spans=np.array(self.spans)), origins)
        return x, past.truth(origins, horizon)


@dataclass(frozen=True, eq=False)
class Regressed(NormalAnswers):
    """weights (S + 1, H, 1 + J), spreads, lifts (S + 1, H), scaled: the last row is that of the series that were not fitted.

    lifts: by how much the mean lies above what is regressed, where the point is to be the mean.
    """

    spec: Har
    weights: Array
    spreads: Array
    lifts: Array
    log: Log

    def arrays(self) -> dict[str, Array]:
        """weights, spreads, and lifts where these do not follow from the spreads."""
        found = super().arrays()
        if self.spec.unbiased != "smearing":
            del found["lifts"]
        return found

    @property
    def context(self) -> int:
        """How many rows before an origin a forecast reads."""
        return max(self.spec.spans)

    def normal(self, panel: Panel, origins: Array, rows: Array) -> tuple[Array, Array]:
        """Points and widths (M, H): of each step its own."""
        means = regressors(panel, origins, np.array(self.spec.spans))
        return np.einsum("mj,mhj->mh", means, self.weights[rows]), self.spreads[rows]

    def _answer(self, panel: Panel, fitted: Array, origins: Array) -> Array:
        made = super()._answer(panel, fitted, origins)
        if self.spec.unbiased:
            point = self.goal.levels.index(0.5) if self.goal.levels else 0
            made[..., point] += self.lifts[fitted[origins[:, 0]]]
        return made


def _below_zero(past: Panel) -> str:
    """The first target value below 0 in words, and how many there are; empty where there is none."""
    past = past.compact()
    rows = np.flatnonzero(past.values[:, 0] < 0)
    if not len(rows):
        return ""
    series = past.ids[int(np.searchsorted(past.stops, rows[0], side="right"))]
    value = f"{past.target} of series {series!r} is {past.values[rows[0], 0]:g}"
    return f"{value} at {past.stamp(int(rows[0]))} ({counted(len(rows), 'such value')})"


def _is_level(target: Array) -> bool:
    """Whether a target (n,) moves so little from row to row that it looks like a level; a constant does not."""
    low = np.nanmin(target, initial=np.inf)
    high = np.nanmax(target, initial=-np.inf)
    return bool(high > low) and persists(target, LEVEL)


def regressors(panel: Panel, origins: Array, spans: Array) -> Array:
    """A constant and the mean of the observed values in each span before `origins`: (M, 1 + J).

    A span without any takes the mean of the next longer one, and in the end 0, the scaled mean.
    """
    window = recent(panel, origins, int(spans.max()))
    seen = ~np.isnan(window)
    made = np.zeros((len(origins), len(spans)))
    longer = np.zeros(len(origins))
    for place in np.argsort(-spans, kind="stable"):
        tail = slice(window.shape[1] - int(spans[place]), None)
        count = seen[:, tail].sum(1)
        total = np.where(seen[:, tail], window[:, tail], 0.0).sum(1)
        longer = np.where(count > 0, total / np.maximum(count, 1), longer)
        made[:, place] = longer
    return np.concatenate([np.ones((len(origins), 1)), made], axis=1)


def regress(x: Array, y: Array) -> tuple[Array, Array]:
    """Least-squares weights (H, J) and root mean square residuals (H,) of targets (n, H) on regressors (n, J).

    A missing target is NaN.
    """
    weights = np.zeros((y.shape[1], x.shape[1]))
    spreads = np.zeros(y.shape[1])
    for step, target in enumerate(y.T):
        seen = ~np.isnan(target)
        weights[step] = np.linalg.lstsq(x[seen], target[seen], rcond=1e-8)[0]
        spreads[step] = spread_of(target[seen] - x[seen] @ weights[step])
    return weights, spreads
