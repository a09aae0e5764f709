"""Metrics: functions of an Outcome that give one number per origin, (M,); NaN where nothing was observed."""

from collections.abc import Callable

import numpy as np

from forecast.files import Array
from forecast.models.base import season_of
from forecast.results import Outcome


def mean_observed(values: Array, axis: int | None = None) -> Array:
    """The mean of the values that are not NaN along an axis; NaN, in silence, where there is none."""
    seen = ~np.isnan(values)
    count = seen.sum(axis)
    total = np.where(seen, values, 0.0).sum(axis)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def absolute(outcome: Outcome) -> Array:
    """Absolute errors (M, H)."""
    return np.abs(outcome.forecast.values - outcome.truth)


def mae(outcome: Outcome) -> Array:
    """Mean absolute error over the horizon."""
    return mean_observed(absolute(outcome), 1)


def mse(outcome: Outcome) -> Array:
    """Mean squared error over the horizon; RMSE is the root of its mean."""
    return mean_observed(absolute(outcome) ** 2, 1)


def smape(outcome: Outcome) -> Array:
    """Symmetric MAPE in percent, 200 |y - f| / (|y| + |f|), 0 where both are 0 (Makridakis et al. 2020, M4)."""
    size = np.abs(outcome.truth) + np.abs(outcome.forecast.values)
    return mean_observed(np.where(size > 0, 200 * absolute(outcome) / np.where(size > 0, size, 1), np.where(np.isnan(size), np.nan, 0.0)), 1)


def mase(outcome: Outcome) -> Array:
    """Absolute error over the in-sample MAE of the seasonal naive, series by series (Hyndman and Koehler 2006).

    The season is the shortest of the clock (found in the past on the step clock). NaN where that MAE is 0 or cannot be formed.
    """
    season = season_of(outcome.past)
    past = outcome.past
    scale = np.full(len(past.ids), np.nan)
    for i in range(len(past.ids)):
        y = past.values[past.rows(i), 0]
        naive = float(mean_observed(np.abs(y[season:] - y[:-season]))) if len(y) > season else np.nan
        scale[i] = naive if naive > 0 else np.nan
    return mae(outcome) / scale[outcome.forecast.origins[:, 0]]


METRICS: dict[str, Callable[[Outcome], Array]] = {"mae": mae, "rmse": mse, "mase": mase, "smape": smape}
ROOTS = ("rmse",)  # the root is taken of the mean over origins


def score(outcomes: list[Outcome], metric: str) -> float:
    """A metric over all origins of a model's outcomes, each observed origin counted once; NaN where nothing was observed."""
    value = float(mean_observed(np.concatenate([METRICS[metric](outcome) for outcome in outcomes])))
    return float(np.sqrt(value)) if metric in ROOTS else value


def by_step(outcomes: list[Outcome]) -> Array:
    """Mean absolute error of each step of the horizon, (H,)."""
    return mean_observed(np.concatenate([absolute(outcome) for outcome in outcomes]), 0)
