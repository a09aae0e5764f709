"""The choice of an ARIMA: its regression on the calendar, its differences, its orders.

Three steps, each cheaper than the one it spares. The *form* (differences and cycles) is the one that forecasts best on a hold-out, or on a short
series that of the tests of Hyndman & Khandakar (Automatic Time Series Forecasting: The forecast Package for R, JSS 27(3), 2008); the orders are
screened by conditional sum of squares on a bounded stretch; the best get the exact likelihood, and AICc decides among those.
"""

import warnings
from dataclasses import dataclass
from itertools import product
from typing import Any, NamedTuple

import numpy as np
from scipy.signal import lfilter

from forecast.arrays import Array
from forecast.data.clock import CYCLES, Clock
from forecast.data.panel import Panel
from forecast.models.base import FAR
from forecast.models.classic.sarima import (
    Order,
    difference,
    forecasts,
    inward,
    polynomials,
    spaced,
    split,
    state_space,
)

TURNS = 5  # of filling gaps
STEPS = 4  # of Gauss and Newton for each order of the screening
TRIED, KEPT = (
    8,
    3,
)  # orders of the screening that are scored by their likelihood, and those that get its maximum
SCREENED = 1000  # rows of the screening
SEASON = 12  # the longest season of a seasonal order: waves stand for longer ones
MARGIN = 0.99  # a further cycle or difference must bring the error below this share
LAGS = 12  # of the long autoregression without a season, and of the variance of a drift
TRUSTED = 20  # horizons of a hold-out that choose a form better than tests do
YEARS = 7  # neighbours of a phase that share its season
STRENGTH = 0.64  # of a season that is differenced (Hyndman & Khandakar's forecast package, nsdiffs)
LEVEL = 0.463  # the 5 % point of the KPSS statistic about a level


class Form(NamedTuple):
    """What is done to a series before its noise is an ARMA: d differences, D seasonal ones, and the waves of some cycles, by number."""

    d: int
    D: int
    cycles: tuple[int, ...]


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

    def design(self, clock: Clock, stamps: Array, position: Array, future: Array) -> Array:
        """Regressors (..., 2 + 2 pairs + K) of rows: a constant, their position, the waves of their stamps, their future columns (..., K).

        A missing value of a future column counts as its mean, which is 0, and one beyond FAR spreads as FAR.
        """
        trend = np.stack([np.ones(position.shape), position.astype("float64")], axis=-1)
        known = np.clip(np.nan_to_num(future), -FAR, FAR)
        return np.concatenate(
            [trend, *(clock.harmonics(stamps, cycle, pairs) for cycle, pairs in self.used), known], axis=-1
        )


def find_waves(past: Panel, season: int) -> Waves:
    """The cycles that the longest series saw twice: two pairs where a cycle has over 12 steps, below that all there are."""
    stamps = past.times[past.rows(int(past.lengths.argmax()))].astype("int64")
    step = max(float(stamps[-1] - stamps[0]) / max(len(stamps) - 1, 1), 1.0)
    lengths = [round(CYCLES[name] / step) if name in past.clock.cycles else 0 for name in CYCLES]
    lengths.append(season if past.clock.kind == "step" and season > 1 else 0)
    return Waves(
        tuple(
            (2 if length > SEASON else length // 2) if 2 * length < len(stamps) else 0 for length in lengths
        ),
        season,
    )


class Series:
    """The rows of one series up to its last observed target: values (n,), design (n, 2 + 2 pairs + K), and the forms that it can be given.

    season: rows of a season that may be differenced and have orders; 1 = none.
    """

    def __init__(self, past: Panel, series: int, waves: Waves, stretch: int) -> None:
        rows = slice(past.starts[series], past.starts[series] + past.known()[series])
        self.values, self.stretch = past.values[rows, 0], stretch
        future = past.values[rows][:, past.future]
        self.design = waves.design(past.clock, past.times[rows], np.arange(len(self.values)), future)
        self.future = np.arange(self.design.shape[1] - future.shape[1], self.design.shape[1])
        observed, season = int((~np.isnan(self.values)).sum()), waves.season
        # a short season is known where each of its rows was observed three times
        known = (
            season > SEASON
            or min(int((~np.isnan(self.values[phase::season])).sum()) for phase in range(season)) >= 3
        )
        # sessions skip holidays: rows that are a season apart are not the same weekday
        self.season = season if known and 2 <= season <= SEASON and past.clock.kind != "sessions" else 1
        self.columns: list[
            Array
        ] = []  # of the design, by cycle: those that this series saw twice, with three values a weight
        begin = 2
        for cycle, pairs in waves.used if known else ():
            end, length = begin + 2 * pairs, CYCLES[cycle] if isinstance(cycle, str) else int(cycle)
            if not (
                2 * length <= int(past.times[rows][-1] - past.times[rows][0]) and 3 * (end - 1) <= observed
            ):
                break
            self.columns.append(np.arange(begin, end))
            begin = end

    @property
    def held(self) -> int:
        """Rows of the hold-out: the last third of the stretch."""
        return -(-min(self.stretch, len(self.values)) // 3)

    def forms(self, max_d: int, max_D: int) -> list[Form]:
        """The forms that can be tried, the simple ones first. A seasonal difference takes the place of the first cycle, which is the season's own."""
        ends = range(len(self.columns) + 1)
        plain = [Form(d, 0, tuple(range(end))) for d in range(max_d + 1) for end in ends]
        seasonal = [Form(d, 1, tuple(range(1, end))) for d in range(max_d + 1) for end in ends[1:] or [1]]
        return plain + (seasonal if self.season > 1 and max_D else [])

    def allowed(self, form: Form) -> Form:
        """The form, or what is left of it where this series has no season or saw fewer cycles."""
        return Form(
            form.d,
            form.D if self.season > 1 else 0,
            tuple(cycle for cycle in form.cycles if cycle < len(self.columns)),
        )

    def order(self, largest: Order, form: Form) -> Order:
        """The largest order of a form: without seasonal ones where this series has no season."""
        order = largest._replace(d=form.d, D=form.D, season=self.season)
        return order if self.season > 1 else order._replace(P=0, Q=0)

    def regress(self, form: Form, held: int = 0) -> tuple[Array, Array]:
        """Least-squares weights (2 + 2 pairs + K,) on differenced values, and what they leave (m,) of the last `stretch` rows, undifferenced.

        A constant stands where nothing is differenced, a drift where one difference is taken, nothing where two are. The last `held` rows are
        not learned from.
        """
        trend = np.array([form.d + form.D] if form.d + form.D < 2 else [], "int64")
        used = np.concatenate([trend, *(self.columns[cycle] for cycle in form.cycles), self.future])
        learned = slice(0, len(self.values) - held)
        changes = difference(self.values[learned], 0, form.D, self.season)
        regressors = difference(self.design[learned][:, used], 0, form.D, self.season)
        seen = np.flatnonzero(~np.isnan(changes))
        changes, regressors = np.diff(changes[seen], form.d), np.diff(regressors[seen], form.d, axis=0)
        weights = np.zeros(self.design.shape[1])
        weights[used] = np.linalg.lstsq(regressors, changes, rcond=1e-6)[0]
        if form.d + form.D == 1 and not is_drift(
            weights[1] * regressors[:, 0], changes - regressors @ weights[used]
        ):
            weights[1] = 0.0
        return weights, (self.values - self.design @ weights)[-self.stretch :]


def is_drift(steps: Array, noise: Array) -> bool:
    """Whether the mean of constant steps (n,) is twice its standard error, with the long-run variance of Newey & West (1987) of noise (n,)."""
    if len(noise) < 2 * LAGS:
        return False
    covariance = autocovariance(noise, LAGS)
    variance = covariance[0] + 2 * (1 - np.arange(1, LAGS + 1) / (LAGS + 1)) @ covariance[1:]
    return bool(steps[0] ** 2 * len(noise) > 4 * variance)


@dataclass(frozen=True, eq=False)
class Model:
    """What was estimated for one series: its form, order, weights (2 + 2 pairs + K,), parameters (order.size,), and how many fits failed before."""

    form: Form
    order: Order
    weights: Array
    parameters: Array
    failed: int


class Candidate(NamedTuple):
    """An order of the screening, its parameters (order.size,) there, and its AICc by conditional sum of squares."""

    order: Order
    start: Array
    aicc: float


def candidates(largest: Order) -> list[Order]:
    """All orders up to the largest, whose differences they have."""
    sizes = product(range(largest.p + 1), range(largest.q + 1), range(largest.P + 1), range(largest.Q + 1))
    return [largest._replace(p=p, q=q, P=P, Q=Q) for p, q, P, Q in sizes]


def screen(noise: Array, orders: list[Order]) -> list[Candidate]:
    """The orders (all with the same differences) by AICc, the best first, each with start parameters. Only the last SCREENED rows are read.

    Each starts from the regression of Hannan & Rissanen (1982) on past values and on the shocks of a long autoregression, and takes STEPS of
    Gauss and Newton towards the smallest conditional sum of squares (Box et al., section 7.1).
    """
    season = orders[0].season
    changes = difference(noise, orders[0].d, orders[0].D, season)[-SCREENED:]
    skipped = min(
        max(LAGS, season) + 1, len(changes) // 4
    )  # what came before the first row is taken as 0: the first rows are not scored
    rows = skipped + np.flatnonzero(~np.isnan(changes[skipped:]))
    white = Candidate(orders[0]._replace(p=0, q=0, P=0, Q=0), np.zeros(0), np.inf)
    if len(rows) < 4 or np.mean(changes[rows] ** 2) < 1e-20:
        return [white]
    values, shocks = complete(changes, rows, LAGS if season == 1 else 2 * season)
    lags = Lags(values, shocks, rows, orders)
    found = []
    for order in orders:
        free = order.size + 1
        if len(rows) > free + 1:
            parameters, mean_square = conditional(values, rows, order, inward(order, lags.regress(order)))
            aicc = len(rows) * np.log(max(mean_square, 1e-300)) + 2 * free * len(rows) / (
                len(rows) - free - 1
            )
            found.append(Candidate(order, parameters, aicc))
    return sorted(found, key=lambda one: one.aicc) or [white]


class Lags:
    """Normal equations of values (n,) on their own lags and on those of the shocks (n,) that a long autoregression leaves, from scored rows.

    They are made once for the largest order; each smaller one solves a part of them.
    """

    def __init__(self, values: Array, shocks: Array, rows: Array, orders: list[Order]) -> None:
        p, _, q, P, _, Q, season = (max(sizes) for sizes in zip(*orders, strict=True))
        self.place: list[tuple[int, int]] = [
            (kind, lag) for kind, size in enumerate((p, q, P, Q)) for lag in range(1, size + 1)
        ]
        sources = (values, shocks, values, shocks)
        columns = [shift(sources[kind], lag * (season if kind > 1 else 1))[rows] for kind, lag in self.place]
        matrix = np.stack(columns, axis=1) if columns else np.zeros((len(rows), 0))
        self.normal, self.right = matrix.T @ matrix, matrix.T @ values[rows]

    def regress(self, order: Order) -> Array:
        """Least-squares parameters (size,) of an order; the products of seasonal and other lags are left out."""
        sizes = (order.p, order.q, order.P, order.Q)
        use = np.array([i for i, (kind, lag) in enumerate(self.place) if lag <= sizes[kind]], "int64")
        return np.linalg.lstsq(self.normal[np.ix_(use, use)], self.right[use], rcond=1e-10)[0]


def shift(values: Array, rows: int) -> Array:
    """Values (n,) that many rows later, 0 before."""
    moved = np.zeros(len(values))
    moved[rows:] = values[: max(len(values) - rows, 0)]
    return moved


def conditional(values: Array, rows: Array, order: Order, start: Array) -> tuple[Array, float]:
    """Parameters (size,) after STEPS of Gauss and Newton from the start, and the mean square of the shocks at the scored rows."""

    def square(parameters: Array) -> tuple[Array, float]:
        shocks = lfilter(*polynomials(order, parameters), values)
        return shocks, float(np.mean(shocks[rows] ** 2))

    parameters, (shocks, least) = start, square(start)
    for _ in range(STEPS if order.size else 0):
        step = np.linalg.lstsq(slopes(values, shocks, order, parameters)[rows], -shocks[rows], rcond=1e-8)[0]
        for share in (1.0, 0.5, 0.1):
            trial = inward(order, parameters + share * step)
            left, mean_square = square(trial)
            if mean_square < least:
                break
        else:
            break
        gained, parameters, shocks, least = least - mean_square, trial, left, mean_square
        if gained < 1e-4 * least / len(rows):
            break
    return parameters, least


def slopes(values: Array, shocks: Array, order: Order, parameters: Array) -> Array:
    """Derivatives (n, size) of the shocks by the parameters: each is a filtered series, some rows later (Box et al., section 7.2)."""
    phi, theta, seasonal_phi, seasonal_theta = split(order, parameters)
    average, season = polynomials(order, parameters)[1], order.season
    columns: list[Array] = []
    if order.p:
        columns += lagged(-lfilter(spaced(-seasonal_phi, season), average, values), order.p, 1)
    if order.q:
        columns += lagged(-lfilter([1.0], spaced(theta, 1), shocks), order.q, 1)
    if order.P:
        columns += lagged(-lfilter(spaced(-phi, 1), average, values), order.P, season)
    if order.Q:
        columns += lagged(-lfilter([1.0], spaced(seasonal_theta, season), shocks), order.Q, season)
    return np.stack(columns, axis=1)


def lagged(values: Array, count: int, rows: int) -> list[Array]:
    """Values (n,) once, twice ... `count` times so many rows later."""
    return [shift(values, rows * times) for times in range(1, count + 1)]


def autocovariance(values: Array, lags: int) -> Array:
    """Autocovariances (lags + 1,) of values (n,) about 0, none missing."""
    return np.array([values[lag:] @ values[: len(values) - lag] / len(values) for lag in range(lags + 1)])


def complete(changes: Array, rows: Array, most: int) -> tuple[Array, Array]:
    """Values (n,) where none is missing, and the shocks (n,) of a long autoregression of at most `most` lags in them.

    A missing value becomes its forecast from those before it: its shock is 0, and nothing later tells of it, so an observed value depends on
    its filled past as on an observed one. Autoregression and filling take turns. (Autocovariances of observed pairs would be quicker, but they
    are not positive definite, and their noise looks like a rich order.)
    """
    gaps = np.isnan(changes)
    values, bound = np.where(gaps, 0.0, changes), np.nanmax(np.abs(changes))
    for _ in range(TURNS if gaps.any() else 1):
        coefficients = autoregression(values, rows, most)
        values = fill(values, gaps, coefficients, bound)
    return values, lfilter(np.concatenate([[1.0], -coefficients]), [1.0], values)


def autoregression(values: Array, rows: Array, most: int) -> Array:
    """Coefficients (k,), k <= most, of values (n,) on those before, by least squares at the scored rows; k by AICc."""
    matrix = np.stack([shift(values, lag)[rows] for lag in range(1, most + 1)], axis=1)
    normal, right, total, count = (
        matrix.T @ matrix,
        matrix.T @ values[rows],
        values[rows] @ values[rows],
        len(rows),
    )
    best, least = np.zeros(0), count * np.log(total)
    for k in range(1, min(most, count // 4) + 1):
        coefficients = np.linalg.lstsq(normal[:k, :k], right[:k], rcond=1e-10)[0]
        left = max(total - coefficients @ right[:k], 1e-12 * total)
        aicc = count * np.log(left) + 2 * k * count / (count - k - 2)
        if aicc < least:
            best, least = coefficients, aicc
    return best


def fill(values: Array, gaps: Array, coefficients: Array, bound: float) -> Array:
    """Values (n,) with those in the gaps (n,) forecast by an autoregression (k,) from the values before, within the bound."""
    back = len(coefficients)
    padded = np.concatenate([np.zeros(back), values])
    for row in back + np.flatnonzero(gaps):
        padded[row] = min(max(coefficients @ padded[row - back : row][::-1], -bound), bound)
    return padded[back:]


def kpss(values: Array) -> float:
    """The statistic of Kwiatkowski, Phillips, Schmidt & Shin (1992) about a level, of the observed values, with int(3 sqrt(n) / 13) lags."""
    centred = values[~np.isnan(values)]
    centred = centred - centred.mean()
    n, lags = len(centred), int(3 * np.sqrt(len(centred)) / 13)
    products = np.array([centred[lag:] @ centred[: n - lag] for lag in range(lags + 1)]) / n
    variance = products[0] + 2 * (1 - np.arange(1, lags + 1) / (lags + 1)) @ products[1:]
    return float(np.sum(np.cumsum(centred) ** 2) / (n**2 * variance)) if variance > 1e-20 else 0.0


def seasonal_strength(values: Array, season: int) -> float:
    """1 - Var(remainder) / Var(season + remainder), at least 0, of values (n,); 0 on fewer than four seasons.

    After Wang, Smith-Miles & Hyndman, Characteristic-Based Clustering for Time Series Data, 2006. The trend is a centred moving average over a
    season; the season of each phase is the mean of YEARS neighbours, so that it may change as the season of an airline model does.
    """
    if len(values) < 4 * season:
        return 0.0
    window = np.ones(season) / season if season % 2 else np.convolve(np.ones(season), [0.5, 0.5]) / season
    trend = observed_mean(values[:, None], window)[:, 0]
    detrended = (values - trend)[season // 2 : len(values) - season // 2]  # where the window is whole
    cycles = -(-len(detrended) // season)
    folded = np.full(cycles * season, np.nan)
    folded[: len(detrended)] = detrended
    remainder = folded - observed_mean(folded.reshape(cycles, season), np.ones(YEARS) / YEARS).ravel()
    if np.isnan(remainder).all() or np.nanvar(folded) < 1e-20:
        return 0.0
    return float(max(0.0, 1 - np.nanvar(remainder) / np.nanvar(folded)))


def observed_mean(values: Array, window: Array) -> Array:
    """Weighted means (n, k) of the observed values (n, k) in a centred window (m,), cut at the ends; NaN where none is observed."""
    half, seen = len(window) // 2, ~np.isnan(values)
    padded = [
        np.pad(one, ((half, len(window) - 1 - half), (0, 0)))
        for one in (np.where(seen, values, 0.0), seen.astype("float64"))
    ]
    sums, weights = (
        np.lib.stride_tricks.sliding_window_view(one, len(window), axis=0) @ window for one in padded
    )
    return np.where(weights > 1e-12, sums / np.maximum(weights, 1e-12), np.nan)


def choose(series: Series, largest: Order, horizon: int) -> Model:
    """The form with the smallest error over the horizon on a hold-out, the simpler one where it is as good; then estimated.

    Each is tried on the last third of the stretch, which its regression has not seen, with the order and the parameters of the screening:
    a likelihood for each would take ten times as long. Where fewer than TRUSTED horizons fit in that third, its error is mostly chance, and
    the tests propose the form.
    """
    chosen, least = Form(0, 0, ()), np.inf
    if series.held < TRUSTED * horizon:
        chosen = proposed(series, largest)
    else:
        for form in series.forms(largest.d, largest.D):
            error = recent_error(series, form, candidates(series.order(largest, form)), horizon)
            if error < MARGIN * least:
                chosen, least = form, error
    return estimate(series, candidates(series.order(largest, chosen)), chosen)


def adopt(series: Series, choices: list[tuple[Form, Order]], largest: Order, horizon: int) -> Model:
    """One of the choices of other series, the most frequent first. Of their forms the one with the smallest error on the hold-out, as in `choose`, or
    the nearest to what the tests propose; then the best of the orders that go with it, estimated."""
    orders: dict[Form, list[Order]] = {}
    for form, order in ((series.allowed(form), order) for form, order in choices):
        orders[form] = list(dict.fromkeys([*orders.get(form, []), series.order(order, form)]))
    chosen = next(iter(orders))
    if len(orders) > 1 and series.held >= TRUSTED * horizon:
        chosen = min(orders, key=lambda form: recent_error(series, form, orders[form], horizon))
    elif len(orders) > 1:
        wanted = proposed(series, largest)
        chosen = min(
            orders, key=lambda form: (form.D != wanted.D, form.d != wanted.d, form.cycles != wanted.cycles)
        )
    return estimate(series, orders[chosen], chosen)


def proposed(series: Series, largest: Order) -> Form:
    """All cycles, a seasonal difference where the season is strong, and a difference where the KPSS test rejects a level of what is left."""
    D = int(
        largest.D > 0
        and series.season > 1
        and seasonal_strength(series.values[-series.stretch :], series.season) > STRENGTH
    )
    form = Form(0, D, tuple(range(D, len(series.columns))))
    noise = difference(series.regress(form)[1], 0, D, series.season)
    return form._replace(d=int(largest.d > 0 and kpss(noise) > LEVEL))


def recent_error(series: Series, form: Form, orders: list[Order], horizon: int) -> float:
    """Mean absolute error over all steps of the forecasts at each row of the hold-out, by the best of the orders."""
    held = series.held
    _, noise = series.regress(form, held)
    best = screen(noise, orders)[0]
    rows = np.arange(len(noise) - held, len(noise))
    padded = np.concatenate([noise, np.full(horizon, np.nan)])
    truth = np.lib.stride_tricks.sliding_window_view(padded, horizon)[rows]
    error = np.abs(truth - forecasts(noise, best.order, best.start, rows, horizon))
    return float(error[~np.isnan(error)].mean())  # the last row is observed


def estimate(series: Series, orders: list[Order], form: Form) -> Model:
    """The best model by AICc of a form: the KEPT orders that are likeliest at the parameters of the screening get the maximum of the likelihood.

    Where that fails, only orders with fewer parameters come next, in the end white noise, which cannot fail.
    """
    weights, noise = series.regress(form)
    ranked = screen(noise, orders)
    queue = sorted(ranked[:TRIED], key=lambda one: aicc_at(noise, one.order, one.start)) + ranked[TRIED:]
    kept: list[tuple[float, Order, Array]] = []
    failed = 0
    while queue and len(kept) < KEPT:
        (order, start, _), queue = queue[0], queue[1:]
        fit = likelihood(noise, order, start)
        if fit:
            kept.append((fit[0], order, fit[1]))
        else:
            failed += 1
            queue = [one for one in queue if one.order.size < order.size]
    _, order, parameters = min(
        kept, key=lambda one: one[0], default=(0.0, orders[0]._replace(p=0, q=0, P=0, Q=0), np.zeros(0))
    )
    return Model(form, order, weights, parameters, failed)


def exact(noise: Array, order: Order) -> Any:
    """The state space of noise: of its differences, a few states, where no value is missing; else of the noise itself, which loses no value."""
    if np.isnan(noise).any():
        return state_space(noise, order)
    return state_space(difference(noise, order.d, order.D, order.season), order.stationary)


def aicc_at(noise: Array, order: Order, parameters: Array) -> float:
    """AICc of parameters (size,) by one filtering pass; infinite where the likelihood is not finite."""
    count, free = int((~np.isnan(noise)).sum()) - order.lost, order.size + 1
    with np.errstate(all="ignore"):
        value = -2 * float(exact(noise, order).loglike(parameters))
    return (
        value + 2 * free * count / (count - free - 1) if np.isfinite(value) and count > free + 1 else np.inf
    )


def likelihood(noise: Array, order: Order, start: Array) -> tuple[float, Array] | None:
    """AICc and parameters at the maximum of the likelihood, drawn inward where the past would fade too slowly; None where that fails."""
    if not len(start):
        return aicc_at(noise, order, start), start
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # whether it converged is read from the result
        try:
            result = exact(noise, order).fit(
                start, disp=0, maxiter=50, low_memory=True, cov_type="none", optim_complex_step=False
            )
        except (np.linalg.LinAlgError, ValueError):
            return None
    parameters = inward(
        order, np.asarray(result.params, "float64"), stationary=1.0
    )  # statsmodels keeps them below 1
    aicc = aicc_at(noise, order, parameters)
    return (aicc, parameters) if result.mle_retvals["converged"] and np.isfinite(aicc) else None
