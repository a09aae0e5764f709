"""ARIMA around sines of the calendar: fitted once for each series, then asked at any number of origins by one filtering pass.

A series is weights times regressors (a constant, or a drift where d = 1, and sines and cosines of the stamps) plus ARIMA(p, d, q)
noise, as in Hyndman & Athanasopoulos, Forecasting: Principles and Practice, 3rd ed., chapter 10. Missing values are left to the filter.
"""

import warnings
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import product
from typing import Annotated, Any, Self

import numpy as np
from pydantic import Field

from forecast.data.clock import CYCLES, Clock
from forecast.data.panel import Panel
from forecast.files import Array
from forecast.models.base import Goal, Watch, normal_quantiles
from forecast.models.naive import Naive, Repeated, last_observed
from forecast.results import Log

TRIED, KEPT = 6, 2  # orders of the screening that may get a full likelihood, until so many of them succeeded
SHARED, SEARCHED = 20, 5  # a panel of more series searches the longest ones only; the others take over their most frequent choice
MARGIN = 0.99  # a further cycle or difference must bring the error below this share
RADIUS = 0.99  # of the roots of a moving average: the past fades by at least this factor a row
FADED = 1e-9  # what may be left of the past before the context
LONGEST = 5000  # rows of context
LAGS = 12  # of the autocovariances that the screening reads

Order = tuple[int, int, int]


@dataclass(frozen=True)
class Arima:
    """ARIMA with orders up to the given ones, chosen for each series on its last `stretch` rows."""

    name: str = "arima"
    max_p: Annotated[int, Field(ge=0, le=9)] = 3
    max_q: Annotated[int, Field(ge=0, le=9)] = 2
    max_d: Annotated[int, Field(ge=0, le=1)] = 1
    stretch: Annotated[int, Field(ge=50)] = 3000  # rows

    def settle(self, past: Panel, horizon: int) -> "Arima":
        """This spec: no size is left open."""
        return self

    def fit(self, past: Panel, goal: Goal, *, seed: int, watch: Watch) -> "Filtered":
        """Choose orders and cycles by the error over the horizon, and estimate them by maximum likelihood, for each series."""
        cold = Naive(kind="seasonal").fit(past, goal, seed=seed, watch=watch)
        waves = find_waves(past, cold.season)
        series = [Series(past, i, waves, self.stretch) for i in range(len(past.ids))]
        longest = np.argsort(-past.lengths, kind="stable")[: SEARCHED if len(series) > SHARED else None]
        found = {int(i): search(series[i], self, goal.horizon) for i in longest}
        (p, d, q), cycles = Counter((model.order, model.cycles) for model in found.values()).most_common(1)[0][0]
        models = [found[i] if i in found else estimate(one, [(p, q)], d, min(cycles, len(one.columns) - 1)) for i, one in enumerate(series)]
        shocks = np.array([one_step_spread(one, model) for one, model in zip(series, models, strict=True)])
        weights = np.zeros((len(models), 1 + 2 * sum(waves.pairs)))
        parameters = np.zeros((len(models), self.max_p + self.max_q))
        for i, model in enumerate(models):
            weights[i, : len(model.weights)] = model.weights
            parameters[i, : len(model.parameters)] = model.parameters
        orders = np.array([model.order for model in models], "int64")
        return Filtered(goal, cold, waves, orders, weights, parameters, shocks, Log(_notes(past.ids, models, waves, len(found))))

    def restore(self, arrays: dict[str, Array], goal: Goal) -> "Filtered":
        """The Filtered whose `arrays()` these are."""
        cold = Naive(kind="seasonal").restore({"season": arrays["season"], "slopes": np.zeros(0)}, goal)
        waves = Waves(tuple(arrays["pairs"].tolist()), cold.season)
        return Filtered(goal, cold, waves, arrays["orders"], arrays["weights"], arrays["parameters"], arrays["shocks"], Log())

    def space(self, trial: Any) -> Self:
        """This spec with the largest orders that the trial suggests."""
        return replace(self, max_p=trial.suggest_int("max_p", 1, 5), max_q=trial.suggest_int("max_q", 0, 3))


@dataclass(frozen=True, eq=False)
class Filtered:
    """orders int64 (S, 3) · weights (S, 1 + 2 pairs) · parameters (S, max_p + max_q), autoregression first; padded with 0 · shocks (S,), scaled."""

    goal: Goal
    cold: Repeated
    waves: "Waves"
    orders: Array
    weights: Array
    parameters: Array
    shocks: Array
    log: Log

    @property
    def context(self) -> int:
        """How many rows before an origin a forecast reads: until the filter has forgotten how it began, also where rows are missing."""
        models = zip(self.orders.tolist(), self.parameters, strict=True)
        return max(self.cold.context, *(rows_to_fade(tuple(order), parameters) for order, parameters in models))

    def predict(self, panel: Panel, origins: Array, fitted: Array) -> Array:
        """Forecasts (M, H, P), scaled: one filtering pass a series; normal quantiles where levels are asked for.

        A series that was not fitted gets the seasonal naive forecast, without quantiles.
        """
        forecast, widths = self.cold.predict(panel, origins, fitted)[..., 0], np.full((len(origins), self.goal.horizon), np.nan)
        row = panel.starts[origins[:, 0]] + origins[:, 1]
        seen = last_observed(panel.values[:, 0], row, row - np.minimum(origins[:, 1], self.context)) >= 0
        for series, mine in _by_series(origins):
            model = int(fitted[series])
            if model >= 0 and self.orders[model, 1]:
                mine = mine[seen[mine]]  # where the whole context is missing, a differenced series has no level
            if model >= 0 and len(mine):
                forecast[mine] = self._forecast(panel, series, origins[mine, 1], model)
                widths[mine] = self.shocks[model] * growth(tuple(self.orders[model].tolist()), self.parameters[model], self.goal.horizon)
        return normal_quantiles(forecast, widths, self.goal.levels)

    def _forecast(self, panel: Panel, series: int, rows: Array, model: int) -> Array:
        """Forecasts (M, H) at rows (M,) of one series by one fitted model."""
        begin, steps = max(int(rows.min()) - self.context, 0), np.arange(self.goal.horizon)
        first, order, weights = int(panel.starts[series]), tuple(self.orders[model].tolist()), self.weights[model]
        read = slice(first + begin, first + int(rows.max()))
        known = self.waves.design(panel.clock, panel.times[read], np.arange(read.stop - read.start), order[1])
        stamps = panel.clock.after(panel.times[first + rows - 1], steps + 1)
        ahead = self.waves.design(panel.clock, stamps, rows[:, None] - begin + steps, order[1])
        noise = panel.values[read, 0] - known @ weights
        expected: Array = ahead @ weights
        return expected + forecasts(noise, order, self.parameters[model], rows - begin, self.goal.horizon)

    def arrays(self) -> dict[str, Array]:
        """Orders, weights and parameters, the pairs of sines of each cycle int64 (4,) and the season int64 (1,)."""
        pairs, season = np.array(self.waves.pairs, "int64"), np.array([self.cold.season], "int64")
        learned = {"orders": self.orders, "weights": self.weights, "parameters": self.parameters, "shocks": self.shocks}
        return {**learned, "pairs": pairs, "season": season}


@dataclass(frozen=True)
class Waves:
    """How many pairs of sine and cosine stand for each cycle: day, week, year, and a season of so many steps on the step clock."""

    pairs: tuple[int, ...]
    season: int

    @property
    def used(self) -> tuple[tuple[str | float, int], ...]:
        """The cycles that have pairs, shortest first, and their number of pairs."""
        cycles: tuple[str | float, ...] = (*CYCLES, float(self.season))
        return tuple((cycle, pairs) for cycle, pairs in zip(cycles, self.pairs, strict=True) if pairs)

    def design(self, clock: Clock, stamps: Array, position: Array, d: int) -> Array:
        """Regressors (..., 1 + 2 pairs) of rows: a constant, or their position where d = 1, then the waves of their stamps."""
        trend = (position.astype("float64") ** d)[..., None]
        return np.concatenate([trend, *(clock.harmonics(stamps, cycle, pairs) for cycle, pairs in self.used)], axis=-1)


def find_waves(past: Panel, season: int) -> Waves:
    """The cycles that the longest series saw twice: two pairs where a cycle has over 12 steps, below that all there are."""
    stamps = past.times[past.rows(int(past.lengths.argmax()))].astype("int64")
    step = max(float(stamps[-1] - stamps[0]) / max(len(stamps) - 1, 1), 1.0)
    lengths = [round(CYCLES[name] / step) if name in past.clock.cycles else 0 for name in CYCLES]
    lengths.append(season if past.clock.kind == "step" and season > 1 else 0)
    return Waves(tuple((2 if length > 12 else length // 2) if 2 * length < len(stamps) else 0 for length in lengths), season)


class Series:
    """The rows of one series up to its last observed target: values (n,), and designs (n, 1 + 2 pairs) for d = 0 and 1."""

    def __init__(self, past: Panel, series: int, waves: Waves, stretch: int) -> None:
        rows = slice(past.starts[series], past.starts[series] + past.known()[series])
        self.values, self.stretch = past.values[rows, 0], stretch
        self.designs = [waves.design(past.clock, past.times[rows], np.arange(len(self.values)), d) for d in (0, 1)]
        self.columns = [1]  # of a design, by the number of cycles: those that this series saw twice, with three values a weight
        for cycle, pairs in waves.used:
            columns, length = self.columns[-1] + 2 * pairs, CYCLES[cycle] if isinstance(cycle, str) else int(cycle)
            if 2 * length <= int(past.times[rows][-1] - past.times[rows][0]) and 3 * columns <= (~np.isnan(self.values)).sum():
                self.columns.append(columns)

    def regress(self, d: int, cycles: int, held: int = 0) -> tuple[Array, Array]:
        """Least-squares weights of the first cycles on values differenced d times, and what they leave of the last `stretch` rows.

        The last `held` rows are not learned from.
        """
        design = self.designs[d][:, : self.columns[cycles]]
        seen = np.flatnonzero(~np.isnan(self.values[: len(self.values) - held]))
        changes, regressors = np.diff(self.values[seen], d), np.diff(design[seen], d, axis=0)
        weights = np.linalg.lstsq(regressors, changes, rcond=1e-6)[0]
        if d:  # a drift must be twice its standard error, with the long-run variance of Newey & West (1987)
            covariance = autocovariance(changes - regressors @ weights)
            variance = covariance[0] + 2 * (1 - np.arange(1, LAGS + 1) / (LAGS + 1)) @ covariance[1:]
            weights[0] *= len(changes) >= 2 * LAGS and weights[0] ** 2 * len(changes) > 4 * variance
        return weights, (self.values - design @ weights)[-self.stretch :]


@dataclass(frozen=True, eq=False)
class Model:
    """What was estimated for one series: its order, number of cycles, weights, parameters (p + q,), and how many fits failed before."""

    order: Order
    cycles: int
    weights: Array
    parameters: Array
    failed: int


def search(series: Series, spec: Arima, horizon: int) -> Model:
    """The differences and cycles with the smallest error over the horizon, the simpler ones where they are as good; then estimated.

    Each is tried on the last third of the stretch, which its regression has not seen, with the order and the parameters of the screening:
    a likelihood for each would take ten times as long.
    """
    orders = list(product(range(spec.max_p + 1), range(spec.max_q + 1)))
    held = -(-min(spec.stretch, len(series.values)) // 3)
    chosen, least = (0, 0), np.inf
    for d, cycles in product(range(spec.max_d + 1), range(len(series.columns))):
        _, noise = series.regress(d, cycles, held)
        (p, q), start = screen(np.diff(noise, d), orders)[0]
        error = recent_error(noise, (p, d, q), start, held, horizon)
        if error < MARGIN * least:
            chosen, least = (d, cycles), error
    return estimate(series, orders, *chosen)


def recent_error(noise: Array, order: Order, parameters: Array, held: int, horizon: int) -> float:
    """Mean absolute error over all steps of the forecasts at each of the last `held` rows of the noise."""
    rows = np.arange(len(noise) - held, len(noise))
    padded = np.concatenate([noise, np.full(horizon, np.nan)])
    truth = np.lib.stride_tricks.sliding_window_view(padded, horizon)[rows]
    error = np.abs(truth - forecasts(noise, order, parameters, rows, horizon))
    return float(error[~np.isnan(error)].mean())  # the last row is observed


def estimate(series: Series, orders: list[tuple[int, int]], d: int, cycles: int) -> Model:
    """The best model by AICc with these differences and cycles, of the first orders (p, q) of the screening whose likelihood succeeds."""
    weights, noise = series.regress(d, cycles)
    kept: list[tuple[float, Order, Array]] = []
    failed = 0
    for (p, q), start in screen(np.diff(noise, d), orders):
        fit = likelihood(noise, (p, d, q), start)
        failed += fit is None
        if fit:
            kept.append((fit[0], (p, d, q), fit[1]))
        if len(kept) == KEPT:
            break
    _, order, parameters = min(kept, key=lambda one: one[0])
    return Model(order, cycles, weights, parameters, failed)


def screen(changes: Array, orders: list[tuple[int, int]]) -> list[tuple[tuple[int, int], Array]]:
    """The TRIED best orders (p, q) by AICc, each with start parameters, and white noise at the end, which cannot fail.

    After Hannan & Rissanen (1982), with their two regressions solved from autocovariances: those can be had where rows are missing.
    """
    gamma, count, white = autocovariance(changes), int((~np.isnan(changes)).sum()), ((0, 0), np.zeros(0))
    if gamma[0] < 1e-20:
        return [white]
    lag = np.arange(LAGS)  # first regression: a long autoregression; the shocks it leaves, and how the series responds to one
    long = np.linalg.lstsq(gamma[np.abs(lag[:, None] - lag)], gamma[1:], rcond=1e-10)[0]
    shock, response = max(gamma[0] - long @ gamma[1:], 1e-6 * gamma[0]), np.ones(LAGS + 1)
    for i in range(1, LAGS + 1):
        response[i] = long[:i][::-1] @ response[:i]
    scored = []
    for p, q in orders:  # second regression: on p values back and on the shocks of q rows ago
        back, ago = np.arange(1, p + 1), np.arange(1, q + 1)
        cross = shock * np.where(ago >= back[:, None], response[ago - back[:, None]], 0.0)
        normal = np.block([[gamma[np.abs(back[:, None] - back)], cross], [cross.T, shock * np.eye(q)]])
        right = np.concatenate([gamma[back], shock * response[ago]])
        start = np.linalg.lstsq(normal, right, rcond=1e-10)[0]
        variance, free = max(gamma[0] - right @ start, 1e-9 * gamma[0]), p + q + 1
        if count > free + 1:
            aicc = count * np.log(variance) + 2 * free * count / (count - free - 1)
            scored.append((aicc, (p, q), np.concatenate([inward(start[:p], -1), inward(start[p:], 1)])))
    return [one[1:] for one in sorted(scored, key=lambda one: one[0])[:TRIED]] + [white]


def autocovariance(values: Array) -> Array:
    """Autocovariances (LAGS + 1,) of values (n,) about 0, each the mean over the pairs that are observed."""
    seen = ~np.isnan(values)
    filled = np.concatenate([np.where(seen, values, 0.0), np.zeros(LAGS)])
    mask = np.concatenate([seen, np.zeros(LAGS)])
    n = len(values)
    return np.array([filled[lag : n + lag] @ filled[:n] / max(mask[lag : n + lag] @ mask[:n], 1) for lag in range(LAGS + 1)])


def radius(coefficients: Array, sign: int) -> float:
    """The largest root of z^k + sign c1 z^(k-1) + ... + sign ck: sign -1 for an autoregression, 1 for a moving average."""
    return float(np.abs(np.roots([1.0, *(sign * coefficients)])).max(initial=0.0))


def inward(coefficients: Array, sign: int) -> Array:
    """The coefficients with all roots drawn in so that none is above RADIUS: where a likelihood may start."""
    shrink = min(1.0, RADIUS / max(radius(coefficients, sign), 1e-9))
    drawn: Array = coefficients * shrink ** np.arange(1, len(coefficients) + 1)
    return drawn


def likelihood(noise: Array, order: Order, start: Array) -> tuple[float, Array] | None:
    """AICc and parameters by maximum likelihood; None where that fails, or where the past would fade too slowly."""
    model = state_space(noise, order)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # whether it converged is read from the result
        if not len(start):
            return float(model.filter(start, cov_type="none").aicc), start
        try:
            result = model.fit(start, disp=0, maxiter=50, low_memory=True, cov_type="none")
        except (np.linalg.LinAlgError, ValueError):
            return None
    aicc, parameters = float(result.aicc), np.asarray(result.params, "float64")
    good = result.mle_retvals["converged"] and np.isfinite(aicc) and radius(parameters[order[0] :], 1) <= RADIUS
    return (aicc, parameters) if good else None


def state_space(noise: Array, order: Order) -> Any:
    """statsmodels' state-space form of an ARIMA without mean whose variance is concentrated out: forecasts do not depend on it."""
    from statsmodels.tsa.statespace.kalman_filter import MEMORY_CONSERVE, MEMORY_NO_PREDICTED_MEAN
    from statsmodels.tsa.statespace.sarimax import SARIMAX

    model = SARIMAX(noise, order=order, concentrate_scale=True)
    model.ssm.set_conserve_memory(MEMORY_CONSERVE & ~MEMORY_NO_PREDICTED_MEAN)
    return model


def forecasts(noise: Array, order: Order, parameters: Array, rows: Array, horizon: int) -> Array:
    """Forecasts (M, H) of noise (n,) at rows (M,), each from the rows before it alone: the predicted states, stepped on together."""
    model = state_space(noise, order)
    with np.errstate(all="ignore"):  # the variance, which is not read, may be 0 / 0
        states = model.filter(parameters[: order[0] + order[2]], return_ssm=True).predicted_state[:, rows].T
    ahead = np.empty((len(rows), horizon))
    for step in range(horizon):
        ahead[:, step] = states @ model["design"][0]
        states = states @ model["transition"].T
    return ahead


def one_step_spread(series: Series, model: Model) -> float:
    """The root mean square of the errors one step ahead over the stretch: the spread of the shocks; the first tenth, where it settles, not."""
    noise = (series.values - series.designs[model.order[1]][:, : len(model.weights)] @ model.weights)[-series.stretch :]
    rows = np.arange(len(noise) // 10 + model.order[1], len(noise))
    if not len(rows):
        return 0.0
    error = noise[rows] - forecasts(noise, model.order, model.parameters, rows, 1)[:, 0]
    seen = ~np.isnan(error)
    return float(np.sqrt(np.mean(error[seen] ** 2))) if seen.any() else 0.0


def growth(order: Order, parameters: Array, horizon: int) -> Array:
    """Standard errors (H,) of the forecasts in units of the shocks' spread: the root of the summed squares of the response to one shock."""
    p, d, q = order
    lags = np.concatenate([[1.0], -parameters[:p]])
    for _ in range(d):
        lags = np.convolve(lags, [1.0, -1.0])
    shocks = np.concatenate([[1.0], parameters[p : p + q], np.zeros(horizon)])
    response = np.zeros(horizon)
    for step in range(horizon):
        back = min(step, len(lags) - 1)
        response[step] = shocks[step] - lags[1 : back + 1] @ response[step - back : step][::-1]
    return np.sqrt(np.cumsum(response**2))


def rows_to_fade(order: Order, parameters: Array) -> int:
    """Rows after which a filter has forgotten its past: by its moving average, twice as many as some are missing, or by the gaps alone."""
    p, d, q = order
    slowest = (2, radius(parameters[p : p + q], 1)), (1, 0.0 if d else radius(parameters[:p], -1))
    rows = [times * np.log(FADED) / np.log(root) if 0 < root < 1 else 0.0 for times, root in slowest]
    return min(LONGEST, int(np.ceil(max(rows))) + 2 * (p + q))


def _by_series(origins: Array) -> Iterator[tuple[int, Array]]:
    """Each series with the places of its origins."""
    order = np.argsort(origins[:, 0], kind="stable")
    parts = np.split(order, np.flatnonzero(np.diff(origins[order, 0])) + 1)
    return ((int(origins[part[0], 0]), part) for part in parts if len(part))


def _notes(ids: tuple[str, ...], models: list[Model], waves: Waves, searched: int) -> tuple[str, ...]:
    names = [cycle if isinstance(cycle, str) else f"{cycle:.0f} steps" for cycle, _ in waves.used]
    chosen: dict[str, list[str]] = {}
    for name, model in zip(ids, models, strict=True):
        used = f" with the cycle {', '.join(names[: model.cycles])}" if model.cycles else ""
        chosen.setdefault(f"ARIMA{model.order}{used}", []).append(name)
    notes = [f"{words}: {', '.join(of[:3])}{f' and {len(of) - 3} more' if len(of) > 3 else ''}" for words, of in chosen.items()]
    if searched < len(models):
        notes.append(f"orders searched on the {searched} longest of {len(models)} series")
    failed = sum(model.failed for model in models)
    return (*notes, f"{failed} fits did not converge or were near a unit root; the next order was taken") if failed else tuple(notes)
