"""Metrics: tables of cells (M, H), one a forecast value, NaN where nothing was observed; a score is their mean over any grouping."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from forecast.errors import ForecastError, nearest
from forecast.files import Array
from forecast.models.base import mean_observed, seasonal_errors
from forecast.results import Outcome, intervals

Cells = Callable[[Outcome], Array]


def error(outcome: Outcome) -> Array:
    """Forecast minus truth; its mean is the bias."""
    return outcome.forecast.values - outcome.truth


def absolute(outcome: Outcome) -> Array:
    """Absolute errors."""
    return np.abs(error(outcome))


def squared(outcome: Outcome) -> Array:
    """Squared errors."""
    return error(outcome) ** 2


def mae(outcome: Outcome) -> Array:
    """Mean absolute error of each origin over the horizon, (M,)."""
    return mean_observed(absolute(outcome), 1)


def percentage(outcome: Outcome) -> Array:
    """Absolute errors in percent of the truth; NaN, and so not counted, where the truth is 0 (`zeros` says how many)."""
    size = np.abs(outcome.truth)
    return np.where(size > 0, 100 * absolute(outcome) / np.where(size > 0, size, 1), np.nan)


def symmetric(outcome: Outcome) -> Array:
    """200 |y - f| / (|y| + |f|) percent, 0 where both are 0 (Makridakis et al. 2020, M4)."""
    size = np.abs(outcome.truth) + np.abs(outcome.forecast.values)
    return np.where(
        size > 0, 200 * absolute(outcome) / np.where(size > 0, size, 1), np.where(np.isnan(size), np.nan, 0.0)
    )


def _seasonal_differences(outcome: Outcome, power: int) -> Array:
    """The mean |y_t - y_(t-season)|^power of the past of each origin's series, (M, 1); NaN where it is 0 but for rounding or cannot be formed.

    The season is the shortest of the clock (found in the past on the step clock).
    """
    naive = seasonal_errors(outcome.past, power)
    size = np.array(
        [
            float(mean_observed(np.abs(outcome.past.values[outcome.past.rows(i), 0])))
            for i in range(len(naive))
        ]
    )
    return np.where(naive > (1e-12 * size) ** power, naive, np.nan)[outcome.forecast.origins[:, 0]][:, None]


def scaled(outcome: Outcome) -> Array:
    """Absolute errors over the in-sample MAE of the seasonal naive, series by series (Hyndman and Koehler 2006)."""
    return absolute(outcome) / _seasonal_differences(outcome, 1)


def scaled_squared(outcome: Outcome) -> Array:
    """Squared errors over the in-sample MSE of the seasonal naive, series by series (Makridakis et al. 2022, M5)."""
    return squared(outcome) / _seasonal_differences(outcome, 2)


def pinballs(outcome: Outcome) -> Array:
    """The pinball loss at each quantile level, (M, H, Q) (Koenker and Bassett 1978); NaN, with Q = 1, where the forecast has none."""
    forecast = outcome.forecast
    if forecast.quantiles is None:
        return np.full((*outcome.truth.shape, 1), np.nan)
    rise = np.array(forecast.levels)
    short = outcome.truth[..., None] - forecast.quantiles
    return np.maximum(rise * short, (rise - 1) * short)


def pinball(outcome: Outcome) -> Array:
    """The pinball loss averaged over the quantile levels."""
    return pinballs(outcome).mean(-1)


def crps(outcome: Outcome) -> Array:
    """The continuous ranked probability score: the integral of twice the pinball loss over all levels (Gneiting and Ranjan 2011).

    By trapezoids between the levels at hand, which may be uneven, and to 0 at the levels 0 and 1. Coarse where levels are few: of a true normal
    forecast it is 11.8 % below the closed form with the five levels of the intervals 80 and 95, 0.4 % with .05, .10 ... .95; between models of
    the same levels it compares alike.
    """
    edges = (
        np.array([0.0, *outcome.forecast.levels, 1.0])
        if outcome.forecast.levels
        else np.array([0.0, 0.5, 1.0])
    )
    return 2 * (pinballs(outcome) * (edges[2:] - edges[:-2]) / 2).sum(-1)


def doubled(outcome: Outcome) -> Array:
    """Twice the mean pinball loss over the levels, each level alike: what the weighted quantile loss adds up."""
    return 2 * pinball(outcome)


def magnitude(outcome: Outcome) -> Array:
    """|y|: what the weighted quantile loss divides by; where there is no quantile it does not count."""
    return np.where(np.isnan(pinball(outcome)), np.nan, np.abs(outcome.truth))


def qlike(outcome: Outcome) -> Array:
    """y / f - log(y / f) - 1 of a positive target such as a variance (Patton 2011); NaN where either is not positive."""
    good = (outcome.truth > 0) & (outcome.forecast.values > 0)
    ratio = np.where(good, outcome.truth, 1.0) / np.where(good, outcome.forecast.values, 1.0)
    return np.where(good, ratio - np.log(ratio) - 1, np.nan)


def hits(outcome: Outcome) -> Array:
    """1 where the forecast moves from the last observed value to the side that the truth does, 0 where not; NaN where the truth stands still."""
    moved = np.sign(outcome.truth - outcome.last[:, None])
    said = np.sign(outcome.forecast.values - outcome.last[:, None])
    return np.where(np.isnan(moved) | (moved == 0), np.nan, (moved == said).astype(float))


def squared_of_last(outcome: Outcome) -> Array:
    """Squared errors of the last observed value, the random walk's forecast."""
    return (outcome.truth - outcome.last[:, None]) ** 2


def covered(coverage: float) -> Cells:
    """1 where the truth lies within the central interval of so many percent, 0 where not; NaN where there is no interval."""

    def cells(outcome: Outcome) -> Array:
        low, high = _interval(outcome, coverage)
        inside = (outcome.truth >= low) & (outcome.truth <= high)
        return np.where(
            np.isnan(outcome.truth) | np.isnan(low) | np.isnan(high), np.nan, inside.astype(float)
        )

    return cells


def width(coverage: float) -> Cells:
    """The width of the central interval of so many percent."""

    def cells(outcome: Outcome) -> Array:
        low, high = _interval(outcome, coverage)
        return high - low

    return cells


def _interval(outcome: Outcome, coverage: float) -> tuple[Array, Array]:
    forecast = outcome.forecast
    for found, low, high in intervals(forecast.levels):
        if forecast.quantiles is not None and abs(found - coverage) < 1e-6:
            return forecast.quantiles[..., low], forecast.quantiles[..., high]
    nothing = np.full(outcome.truth.shape, np.nan)
    return nothing, nothing


def zeros(outcomes: Iterable[Outcome]) -> int:
    """How many observed values are 0: those that MAPE skips."""
    return sum(int((outcome.truth == 0).sum()) for outcome in outcomes)


@dataclass(frozen=True)
class Metric:
    """A score: the mean of `cells`, or where `over` is given their sum over its sum, and then `finish`. words: for help and reports."""

    words: str
    cells: Cells
    over: Cells | None = None
    finish: Callable[[float], float] = float


METRICS: dict[str, Metric] = {
    "mae": Metric("mean absolute error", absolute),
    "rmse": Metric("root mean squared error", squared, finish=lambda value: float(np.sqrt(value))),
    "mase": Metric("MAE over that of the seasonal naive in the past", scaled),
    "smape": Metric("symmetric mean absolute percentage error, as in M4", symmetric),
    "mse": Metric("mean squared error", squared),
    "mape": Metric("mean absolute percentage error, zeros skipped", percentage),
    "rmsse": Metric(
        "RMSE over that of the seasonal naive in the past",
        scaled_squared,
        finish=lambda value: float(np.sqrt(value)),
    ),
    "bias": Metric("mean of forecast minus truth", error),
    "pinball": Metric("mean pinball loss over the quantile levels", pinball),
    "crps": Metric("continuous ranked probability score, by trapezoids between the quantile levels", crps),
    "wql": Metric(
        "weighted quantile loss: twice the mean pinball loss over the sum of |y|", doubled, over=magnitude
    ),
    "qlike": Metric("quasi-likelihood loss of a positive target", qlike),
    "hits": Metric("share of moves from the last value whose direction was right", hits),
    "r2": Metric(
        "1 - MSE over that of the random walk", squared, over=squared_of_last, finish=lambda value: 1 - value
    ),
}

By = Literal["series", "step", "fold"]


def metric_of(name: str) -> Metric:
    """A metric by name; coverage-80 and width-80 are those of the 80 % interval."""
    kind, _, percent = name.partition("-")
    if kind in ("coverage", "width") and percent.replace(".", "", 1).isdigit():
        return Metric(
            f"{kind} of the {percent} % interval", {"coverage": covered, "width": width}[kind](float(percent))
        )
    if name not in METRICS:
        raise ForecastError(
            f"There is no metric {name!r}.{nearest(name, [*METRICS, 'coverage-80', 'width-80'])}"
        )
    return METRICS[name]


def score(outcomes: Iterable[Outcome], metric: str) -> float:
    """A metric over all outcomes of one model, each observed cell counted once; NaN where nothing was observed."""
    return _total(metric_of(metric), *_cells(metric_of(metric), list(outcomes)))


def scores_by(outcomes: Iterable[Outcome], metric: str, by: By) -> dict[str | int, float]:
    """A metric over the outcomes of one model for each series (by id), step of the horizon (1 ... H) or fold (0 ...)."""
    chosen, parts = metric_of(metric), list(outcomes)
    cells, over = _cells(chosen, parts)
    groups = {"series": _series, "step": _steps, "fold": _folds}[by](parts)
    masks = (
        (label, np.broadcast_to(groups == label, cells.shape))
        for label in dict.fromkeys(groups.ravel().tolist())
    )
    return {label: _total(chosen, cells[mask], None if over is None else over[mask]) for label, mask in masks}


def _cells(metric: Metric, parts: list[Outcome]) -> tuple[Array, Array | None]:
    over = metric.over
    return np.concatenate([metric.cells(part) for part in parts]), None if over is None else np.concatenate(
        [over(part) for part in parts]
    )


def _total(metric: Metric, cells: Array, over: Array | None) -> float:
    if over is None:
        return metric.finish(float(mean_observed(cells)))
    seen = ~np.isnan(cells) & ~np.isnan(over)
    below = over[seen].sum()
    return metric.finish(float(cells[seen].sum() / below)) if below > 0 else float("nan")


def _series(parts: list[Outcome]) -> Array:
    return np.concatenate(
        [np.array(part.forecast.ids, dtype=object)[part.forecast.origins[:, 0]] for part in parts]
    )[:, None]


def _steps(parts: list[Outcome]) -> Array:
    return np.arange(1, parts[0].truth.shape[1] + 1)[None]


def _folds(parts: list[Outcome]) -> Array:
    return np.concatenate([np.full(len(part.truth), part.fold) for part in parts])[:, None]
