"""Metrics: tables of cells (M, H), one per forecast value, NaN where nothing was observed; a score is their mean."""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from forecast.arrays import Array, mean_observed
from forecast.data.panel import Panel
from forecast.data.seasons import seasonal_errors
from forecast.errors import ForecastError, nearest
from forecast.results import Outcome
from forecast.text import joined

ULPS = 8  # units in the last place of a number, to which a mean error of float64 arithmetic may come
OF_CHANGES = (
    1e-6,
    1e-2,
)  # shares of the changes of a series: below the first, an error is rounding; above the second, none
OF_LEVEL = 1e-9  # share of the level below which an error is rounding where nothing changes

Cells = Callable[[Outcome], Array]


def error(outcome: Outcome) -> Array:
    """Forecast minus actual value; its mean is the bias."""
    return outcome.forecast.values - outcome.actual


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
    """Absolute errors in percent of the actual value; NaN, and not counted, where that is 0 (`zeros` counts these)."""
    size = np.abs(outcome.actual)
    percent = 100 * absolute(outcome) / np.where(size > 0, size, 1)
    return np.where(size > 0, percent, np.nan)


def symmetric(outcome: Outcome) -> Array:
    """200 |y - f| / (|y| + |f|) percent, 0 where both are 0 (Makridakis et al. 2020, M4)."""
    size = np.abs(outcome.actual) + np.abs(outcome.forecast.values)
    percent = 200 * absolute(outcome) / np.where(size > 0, size, 1)
    of_zeros = np.where(np.isnan(size), np.nan, 0.0)
    return np.where(size > 0, percent, of_zeros)


def naive_errors(past: Panel) -> Array:
    """The mean |y_t - y_(t - season)| and its square of the past of each series, (S, 2).

    NaN where it is 0 but for rounding (`rounding_of`) or cannot be formed. The season is the shortest of the clock (found
    in the past on the step clock). A target of names has none.
    """
    if past.names:
        return np.full((len(past.ids), 2), np.nan)
    rounding = np.array([_rounding_of_series(past.values[past.rows(i), 0]) for i in range(len(past.ids))])
    columns = []
    for power in (1, 2):
        errors = seasonal_errors(past, power)
        columns.append(np.where(errors > rounding**power, errors, np.nan))
    return np.stack(columns, axis=1)


def _rounding_of_series(values: Array) -> float:
    """The mean error below which the errors of a series (n,) are rounding."""
    seen = values[~np.isnan(values)]
    level = mean_observed(np.abs(seen))
    change = mean_observed(np.abs(np.diff(seen)))
    return float(rounding_of(level, change))


def rounding_of(level: Array, change: Array) -> Array:
    """The mean error below which errors are rounding, for the mean size of values, and the mean size of their changes.

    It is that of float64 at this level, between a millionth and a hundredth of the changes; of values that never change
    a billionth of the level.
    """
    of_float64 = ULPS * np.finfo("float64").eps * level
    least, most = OF_CHANGES
    of_numbers = np.clip(of_float64, least * change, most * change)
    return np.where(change > 0, of_numbers, OF_LEVEL * level)


def _naive_of(outcome: Outcome, power: int) -> Array:
    """The naive error (M, 1) of each origin's series."""
    return outcome.truth.naive[outcome.forecast.origins[:, 0], power - 1][:, None]


def scaled(outcome: Outcome) -> Array:
    """Absolute errors over the in-sample MAE of the seasonal naive, series by series (Hyndman and Koehler 2006)."""
    return absolute(outcome) / _naive_of(outcome, 1)


def scaled_squared(outcome: Outcome) -> Array:
    """Squared errors over the in-sample MSE of the seasonal naive, series by series (Makridakis et al. 2022, M5)."""
    return squared(outcome) / _naive_of(outcome, 2)


def squared_log(outcome: Outcome) -> Array:
    """log(y / f)^2 of a positive target such as a price: infinite where f is not positive, NaN where y is not."""
    ratio = _ratio(outcome)
    finite = np.where(np.isinf(ratio), 1.0, ratio)
    return np.where(np.isinf(ratio), np.inf, np.log(finite) ** 2)


def _ratio(outcome: Outcome) -> Array:
    """y / f (M, H) of a positive target: infinite where f is not positive, NaN where y is not or either is missing."""
    actual = outcome.actual
    values = outcome.forecast.values
    known = (actual > 0) & ~np.isnan(values)
    ratio = np.where(known, actual, 1.0) / np.where(values > 0, values, 1.0)
    of_known = np.where(values > 0, ratio, np.inf)
    return np.where(known, of_known, np.nan)


def pinballs(outcome: Outcome) -> Array:
    """The pinball loss at each quantile level, (M, H, Q) (Koenker and Bassett 1978).

    NaN, with Q = 1, where the forecast has no quantiles.
    """
    forecast = outcome.forecast
    if forecast.quantiles is None:
        return np.full((*outcome.actual.shape, 1), np.nan)
    rise = np.array(forecast.levels)
    short = outcome.actual[..., None] - forecast.quantiles
    return np.maximum(rise * short, (rise - 1) * short)


def pinball(outcome: Outcome) -> Array:
    """The pinball loss averaged over the quantile levels."""
    return pinballs(outcome).mean(-1)


def crps(outcome: Outcome) -> Array:
    """The continuous ranked probability score: the integral of twice the pinball loss over all levels (Gneiting and Ranjan 2011).

    By trapezoids between the given levels, which may be uneven, and to 0 at the levels 0 and 1. Coarse where levels are
    few: of a true normal forecast it is 11.8 % below the closed form with the five levels of the intervals 80 and 95,
    0.4 % with .05, .10 ... .95. Models of the same levels are compared fairly all the same.
    """
    levels = outcome.forecast.levels or (0.5,)
    edges = np.array([0.0, *levels, 1.0])
    widths = edges[2:] - edges[:-2]
    return 2 * (pinballs(outcome) * widths / 2).sum(-1)


def doubled(outcome: Outcome) -> Array:
    """Twice the mean pinball loss over the levels, each level alike: what the weighted quantile loss adds up."""
    return 2 * pinball(outcome)


def magnitude(outcome: Outcome) -> Array:
    """|y|: what the weighted quantile loss divides by; where there is no quantile it does not count."""
    return np.where(np.isnan(pinball(outcome)), np.nan, np.abs(outcome.actual))


def qlike(outcome: Outcome) -> Array:
    """y / f - log(y / f) - 1 of a positive target such as a variance (Patton 2011).

    Infinite where the forecast is not positive, NaN where the actual value is not.
    """
    ratio = _ratio(outcome)
    finite = np.where(np.isinf(ratio), 1.0, ratio)
    return np.where(np.isinf(ratio), np.inf, finite - np.log(finite) - 1)


def share_of_actual(outcome: Outcome) -> Array:
    """The share (M, H) that the actual name was given; NaN where it is missing, or the target is a number."""
    shares, actual = outcome.forecast.shares, outcome.actual
    if shares is None:
        return np.full(actual.shape, np.nan)
    code = np.nan_to_num(actual).astype("int64")
    given = np.take_along_axis(shares, code[..., None], axis=-1)[..., 0]
    return np.where(np.isnan(actual), np.nan, given)


def log_loss(outcome: Outcome) -> Array:
    """-log of the share that the actual name was given (Good 1952); infinite where that is 0."""
    share = share_of_actual(outcome)
    with np.errstate(divide="ignore"):
        return -np.log(share)


def brier(outcome: Outcome) -> Array:
    """Half the sum over the names of (share - 1 or 0)^2, which of two names is (p - 1 or 0)^2 (Brier 1950)."""
    shares = outcome.forecast.shares
    share = share_of_actual(outcome)
    if shares is None:
        return share
    return ((shares**2).sum(-1) - 2 * share + 1) / 2


def ranked_probability(outcome: Outcome) -> Array:
    """The ranked probability score of names in their order (Epstein 1969, Journal of Applied Meteorology 8; Murphy 1971, ibid. 10).

    The sum over k = 1 ... K - 1 of (share of the first k names - 1 where the actual one is among them, else 0)^2, over K - 1:
    between 0 and 1, and of two names the Brier score. A share that misses by one name costs less than one that misses by two.
    """
    shares, actual = outcome.forecast.shares, outcome.actual
    if shares is None:
        return np.full(actual.shape, np.nan)
    below = shares.cumsum(-1)[..., :-1]
    came = actual[..., None] <= np.arange(below.shape[-1])
    return np.where(np.isnan(actual), np.nan, ((below - came) ** 2).mean(-1))


def right(outcome: Outcome) -> Array:
    """1 where the likeliest name is the actual one, 0 where not."""
    shares, actual = outcome.forecast.shares, outcome.actual
    if shares is None:
        return np.full(actual.shape, np.nan)
    return np.where(np.isnan(actual), np.nan, (shares.argmax(-1) == actual).astype("float64"))


def hits(outcome: Outcome) -> Array:
    """1 where the forecast moves from the last observed value to the side of the actual value, 0 where not.

    NaN where the actual value does not move.
    """
    last = outcome.truth.last[:, None]
    moved = np.sign(outcome.actual - last)
    forecast = np.sign(outcome.forecast.values - last)
    unmoved = np.isnan(moved) | (moved == 0)
    return np.where(unmoved, np.nan, (moved == forecast).astype(float))


def squared_of_last(outcome: Outcome) -> Array:
    """Squared errors of the last observed value, the random walk's forecast."""
    return (outcome.actual - outcome.truth.last[:, None]) ** 2


def covered(coverage: float) -> Cells:
    """1 where the actual value lies within the central interval of so many percent, 0 where not; NaN without interval."""

    def cells(outcome: Outcome) -> Array:
        low, high = _interval(outcome, coverage)
        inside = (outcome.actual >= low) & (outcome.actual <= high)
        missing = np.isnan(outcome.actual) | np.isnan(low) | np.isnan(high)
        return np.where(missing, np.nan, inside.astype(float))

    return cells


def width(coverage: float) -> Cells:
    """The width of the central interval of so many percent."""

    def cells(outcome: Outcome) -> Array:
        low, high = _interval(outcome, coverage)
        return high - low

    return cells


def _interval(outcome: Outcome, coverage: float) -> tuple[Array, Array]:
    for percent, low, high in outcome.forecast.bands:
        if abs(percent - coverage) < 1e-6:
            return low, high
    nothing = np.full(outcome.actual.shape, np.nan)
    return nothing, nothing


def zeros(outcomes: Iterable[Outcome]) -> int:
    """How many observed values are 0: those that MAPE skips."""
    return sum(int((outcome.actual == 0).sum()) for outcome in outcomes)


def root(value: float) -> float:
    """The square root of a mean; the ratio of two means has the ratio of their roots."""
    return math.sqrt(value) if value >= 0 else math.nan


@dataclass(frozen=True)
class Metric:
    """A score: the mean of `cells`, or where `over` is given their sum over its sum, and then `finish`.

    label: its name in tables and sentences · words: for help and reports · shown: the format of its values · unit: that
    of its values, "target" for that of the target · note: a sentence below the table of the page ·
    ranks: models can be ranked by it, as a mean of losses, smaller is better · quantiles: it scores quantiles, not points ·
    names: it scores shares of names, and no number · ordered: of names that have an order alone · usual: it is shown
    whatever models are ranked by · positive: it is shown only where all actual values are positive · median: the best
    constant by it is the median of the past.

    Raises ForecastError where it ranks and is no mean of its cells.
    """

    label: str
    words: str
    cells: Cells
    over: Cells | None = None
    finish: Callable[[float], float] = float
    shown: str = ".4g"
    unit: str = ""
    note: str = ""
    ranks: bool = False
    quantiles: bool = False
    names: bool = False
    ordered: bool = False
    usual: bool = False
    positive: bool = False
    median: bool = False

    def __post_init__(self) -> None:
        if self.ranks and self.over is not None:
            raise ForecastError(
                f"The metric {self.label} is to rank models, which takes a mean over cells; leave `over` out, or `ranks`."
            )


METRICS: dict[str, Metric] = {
    "mae": Metric(
        label="MAE",
        words="mean absolute error",
        cells=absolute,
        unit="target",
        ranks=True,
        usual=True,
        median=True,
    ),
    "rmse": Metric(
        label="RMSE",
        words="root mean squared error",
        cells=squared,
        finish=root,
        unit="target",
        ranks=True,
        usual=True,
    ),
    "rmse_log": Metric(
        label="RMSE of logs",
        words="root mean squared error of log(y / f)",
        cells=squared_log,
        finish=root,
        ranks=True,
    ),
    "mase": Metric(
        label="MASE",
        words="MAE over that of the seasonal naive in the past",
        cells=scaled,
        shown=".3f",
        note="MASE below 1: smaller than the error of repeating the last season in the past.",
        ranks=True,
        usual=True,
    ),
    "smape": Metric(
        label="sMAPE",
        words="symmetric mean absolute percentage error, as in M4",
        cells=symmetric,
        unit="%",
        shown=".1f",
        usual=True,
        positive=True,
    ),
    "mse": Metric(
        label="MSE",
        words="mean squared error",
        cells=squared,
        ranks=True,
    ),
    "mape": Metric(
        label="MAPE",
        words="mean absolute percentage error, zeros skipped",
        cells=percentage,
        unit="%",
        shown=".1f",
    ),
    "rmsse": Metric(
        label="RMSSE",
        words="RMSE over that of the seasonal naive in the past",
        cells=scaled_squared,
        finish=root,
        shown=".3f",
        ranks=True,
    ),
    "bias": Metric(
        label="bias",
        words="mean of forecast minus actual value",
        cells=error,
    ),
    "pinball": Metric(
        label="pinball loss",
        words="mean pinball loss over the quantile levels",
        cells=pinball,
        unit="target",
        ranks=True,
        quantiles=True,
        median=True,
    ),
    "crps": Metric(
        label="CRPS",
        words="continuous ranked probability score, by trapezoids between the quantile levels",
        cells=crps,
        unit="target",
        ranks=True,
        quantiles=True,
        median=True,
    ),
    "wql": Metric(
        label="WQL",
        words="weighted quantile loss: twice the mean pinball loss over the sum of |y|",
        cells=doubled,
        over=magnitude,
        quantiles=True,
    ),
    "qlike": Metric(
        label="QLIKE",
        words="quasi-likelihood loss of a positive target",
        cells=qlike,
        ranks=True,
    ),
    "brier": Metric(
        label="Brier score",
        words="mean squared error of the shares of names",
        cells=brier,
        shown=".4f",
        ranks=True,
        names=True,
        usual=True,
    ),
    "log_loss": Metric(
        label="log loss",
        words="mean of -log of the share of the actual name",
        cells=log_loss,
        shown=".4f",
        ranks=True,
        names=True,
        usual=True,
    ),
    "rps": Metric(
        label="RPS",
        words="ranked probability score of names in their order, between 0 and 1",
        cells=ranked_probability,
        shown=".4f",
        ranks=True,
        names=True,
        ordered=True,
    ),
    "accuracy": Metric(
        label="accuracy",
        words="share of steps whose likeliest name was right",
        cells=right,
        shown=".3f",
        names=True,
        usual=True,
    ),
    "hits": Metric(
        label="hits",
        words="share of moves from the last value whose direction was right",
        cells=hits,
    ),
    "r2": Metric(
        label="R2",
        words="1 - MSE over that of the random walk",
        cells=squared,
        over=squared_of_last,
        finish=lambda value: 1 - value,
    ),
}

By = Literal["series", "step", "fold"]


OF_INTERVALS: dict[str, Callable[[float], Cells]] = {"coverage": covered, "width": width}


def metric_of(name: str) -> Metric:
    """A metric by name; coverage-80 and width-80 are those of the 80 % interval."""
    if name in METRICS:
        return METRICS[name]
    kind, _, percent = name.partition("-")
    if kind in OF_INTERVALS and percent.replace(".", "", 1).isdigit():
        return Metric(name, f"{kind} of the {percent} % interval", OF_INTERVALS[kind](float(percent)))
    able = [*METRICS, "coverage-80", "width-80"]
    raise ForecastError(f"There is no metric {name!r}.{nearest(name, able)}")


def ranking(name: str) -> Metric:
    """A metric that models can be ranked by; ForecastError, with those that can, where it is none."""
    able = [other for other, metric in METRICS.items() if metric.ranks]
    metric = METRICS.get(name)
    if metric is not None and metric.ranks:
        return metric
    if metric is None and name.partition("-")[0] not in OF_INTERVALS:
        raise ForecastError(f"There is no metric {name!r}.{nearest(name, able)}")
    raise ForecastError(
        f"Models are not ranked by {name}: it is no mean of losses. Take one of {', '.join(able)}."
    )


def usual_metrics(of_names: bool) -> list[str]:
    """The metrics that are shown whatever models are ranked by: those of names, or those of numbers."""
    return [name for name, metric in METRICS.items() if metric.usual and metric.names == of_names]


def check_kind(name: str, target: str, names: tuple[str, ...], ordered: bool) -> None:
    """ForecastError where a metric that ranks scores names and the target is a number, or the other way round.

    Or where it scores names by their order, and they have none.
    """
    metric = ranking(name)
    if metric.ordered and names and not ordered:
        raise ForecastError(
            f"The metric {name} scores names by their order, and that of {target} is not known: give it, lowest first, such"
            f" as `ordered={'<'.join(names[:4])}`, or take another metric."
        )
    if metric.names == bool(names):
        return
    able = [
        other
        for other, one in METRICS.items()
        if one.ranks and one.names == bool(names) and (ordered or not one.ordered)
    ]
    kind = "names" if names else "numbers"
    raise ForecastError(
        f"The metric {name} does not score {kind}, and the target holds {kind}. Take {joined(able, 'or')}."
    )


def asked_metric(outcomes: list[Outcome]) -> str:
    """The metric that a walk settled on; mae of outcomes made without one."""
    return (outcomes[0].truth.task.metric if outcomes else None) or "mae"


def score(outcomes: Iterable[Outcome], metric: str | None = None) -> float:
    """A metric over all outcomes of one model, each observed cell counted once; NaN where nothing was observed.

    metric: a row of METRICS; None = the one that the walk settled on.
    """
    parts = list(outcomes)
    chosen = metric_of(metric or asked_metric(parts))
    cells, over = cells_of(chosen, parts)
    return total(chosen, cells, over)


def scores_by(
    outcomes: Iterable[Outcome], metric: str | None = None, by: By = "step"
) -> dict[str | int, float]:
    """A metric over the outcomes of one model for each group of cells.

    by: "series" (by id), "step" of the horizon (1 ... H) or "fold" (0 ...).
    """
    parts = list(outcomes)
    chosen = metric_of(metric or asked_metric(parts))
    cells, over = cells_of(chosen, parts)
    groups = GROUPS[by](parts)
    found = {}
    for label in dict.fromkeys(groups.ravel().tolist()):
        mask = np.broadcast_to(groups == label, cells.shape)
        below = None if over is None else over[mask]
        found[label] = total(chosen, cells[mask], below)
    return found


def cells_of(metric: Metric, parts: list[Outcome]) -> tuple[Array, Array | None]:
    """The cells (M, H) of all parts of one model, and what their sum is divided by where the metric has that."""
    cells = np.concatenate([metric.cells(part) for part in parts])
    if metric.over is None:
        return cells, None
    return cells, np.concatenate([metric.over(part) for part in parts])


def total(metric: Metric, cells: Array, over: Array | None = None) -> float:
    """The score of cells; NaN where none is observed."""
    if over is None:
        return metric.finish(float(mean_observed(cells)))
    seen = ~np.isnan(cells) & ~np.isnan(over)
    below = over[seen].sum()
    if not below > 0:
        return math.nan
    return metric.finish(float(cells[seen].sum() / below))


def _by_series(parts: list[Outcome]) -> Array:
    """The id of each origin's series, (M, 1)."""
    names = []
    for part in parts:
        ids = np.array(part.forecast.ids, dtype=object)
        names.append(ids[part.forecast.origins[:, 0]])
    return np.concatenate(names)[:, None]


def _by_step(parts: list[Outcome]) -> Array:
    """The steps of the horizon, (1, H)."""
    return np.arange(1, parts[0].actual.shape[1] + 1)[None]


def _by_fold(parts: list[Outcome]) -> Array:
    """The fold of each origin, (M, 1)."""
    folds = [np.full(len(part.actual), part.fold) for part in parts]
    return np.concatenate(folds)[:, None]


GROUPS: dict[str, Callable[[list[Outcome]], Array]] = {
    "series": _by_series,
    "step": _by_step,
    "fold": _by_fold,
}
