"""The choice of an ARIMA: its regression on the calendar, its differences, its orders.

Three steps, each cheaper than the one it spares. The *form* (differences and cycles) is the one that forecasts best on a
hold-out, or on a short series that of the tests of Hyndman & Khandakar (Automatic Time Series Forecasting: The forecast
Package for R, JSS 27(3), 2008); the orders are screened by conditional sum of squares on a bounded stretch; the best get
the exact likelihood, and AICc decides among those.
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
TRIED = 8  # orders of the screening that are scored by their likelihood
KEPT = 3  # of these, the orders that get its maximum
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
        """Regressors (..., 2 + 2 pairs + K) of rows.

        They are a constant, their position, the waves of their stamps, their future columns (..., K). A missing value of a
        future column counts as its mean, which is 0, and one beyond FAR spreads as FAR.
        """
        trend = np.stack([np.ones(position.shape), position.astype("float64")], axis=-1)
        waves = [clock.harmonics(stamps, cycle, pairs) for cycle, pairs in self.used]
        known = np.clip(np.nan_to_num(future), -FAR, FAR)
        return np.concatenate([trend, *waves, known], axis=-1)


def find_waves(past: Panel, season: int) -> Waves:
    """The cycles that the longest series saw twice: two pairs where a cycle has over 12 steps, below that all there are."""
    stamps = past.times[past.rows(int(past.lengths.argmax()))].astype("int64")
    step = max(float(stamps[-1] - stamps[0]) / max(len(stamps) - 1, 1), 1.0)
    lengths = [round(CYCLES[name] / step) if name in past.clock.cycles else 0 for name in CYCLES]
    lengths.append(season if past.clock.kind == "step" and season > 1 else 0)
    pairs = []
    for length in lengths:
        usual = 2 if length > SEASON else length // 2
        seen_twice = 2 * length < len(stamps)
        pairs.append(usual if seen_twice else 0)
    return Waves(tuple(pairs), season)


class Series:
    """The rows of one series up to its last observed target: values (n,), design (n, 2 + 2 pairs + K).

    season: rows of a season that may be differenced and have orders; 1 = none. columns: places in the design of each
    cycle that this series saw twice, with three values a weight. future: those of the future columns.
    """

    def __init__(self, past: Panel, series: int, waves: Waves, stretch: int) -> None:
        rows = slice(past.starts[series], past.starts[series] + past.known()[series])
        self.values = past.values[rows, 0]
        self.stretch = stretch
        future = past.values[rows][:, past.future]
        self.design = waves.design(past.clock, past.times[rows], np.arange(len(self.values)), future)
        self.future = np.arange(self.design.shape[1] - future.shape[1], self.design.shape[1])
        is_known = self._is_season_known(waves.season)
        # sessions skip holidays: rows that are a season apart are not the same weekday
        may_differ = is_known and 2 <= waves.season <= SEASON and past.clock.kind != "sessions"
        self.season = waves.season if may_differ else 1
        span = int(past.times[rows][-1] - past.times[rows][0])
        self.columns = self._columns(waves, span) if is_known else []

    def _is_season_known(self, season: int) -> bool:
        """Whether a season is long, or each of its rows was observed three times."""
        if season > SEASON:
            return True
        counts = [int((~np.isnan(self.values[phase::season])).sum()) for phase in range(season)]
        return min(counts) >= 3

    def _columns(self, waves: Waves, span: int) -> list[Array]:
        """The places of each cycle in the design, up to the first that a series of so long a span did not see twice."""
        observed = int((~np.isnan(self.values)).sum())
        columns: list[Array] = []
        begin = 2
        for cycle, pairs in waves.used:
            end = begin + 2 * pairs
            length = CYCLES[cycle] if isinstance(cycle, str) else int(cycle)
            if 2 * length > span or 3 * (end - 1) > observed:
                break
            columns.append(np.arange(begin, end))
            begin = end
        return columns

    @property
    def held(self) -> int:
        """Rows of the hold-out: the last third of the stretch."""
        return -(-min(self.stretch, len(self.values)) // 3)

    def forms(self, max_d: int, max_D: int) -> list[Form]:
        """The forms that can be tried, the simple ones first.

        A seasonal difference takes the place of the first cycle, which is the season's own.
        """
        count = len(self.columns)
        found: list[Form] = []
        for d in range(max_d + 1):
            found += [Form(d, 0, tuple(range(end))) for end in range(count + 1)]
        if self.season == 1 or not max_D:
            return found
        for d in range(max_d + 1):
            found += [Form(d, 1, tuple(range(1, end))) for end in range(1, max(count, 1) + 1)]
        return found

    def allowed(self, form: Form) -> Form:
        """The form, or what is left of it where this series has no season or saw fewer cycles."""
        cycles = tuple(cycle for cycle in form.cycles if cycle < len(self.columns))
        return Form(form.d, form.D if self.season > 1 else 0, cycles)

    def order(self, largest: Order, form: Form) -> Order:
        """The largest order of a form: without seasonal ones where this series has no season."""
        order = largest._replace(d=form.d, D=form.D, season=self.season)
        return order if self.season > 1 else order._replace(P=0, Q=0)

    def regress(self, form: Form, held: int = 0) -> tuple[Array, Array]:
        """Least-squares weights (2 + 2 pairs + K,) on differenced values, and what they leave, undifferenced.

        That is of the last `stretch` rows, (m,). A constant stands where nothing is differenced, a drift where one
        difference is taken, nothing where two are. The last `held` rows are not learned from.
        """
        taken = form.d + form.D
        trend = np.array([taken] if taken < 2 else [], "int64")
        used = np.concatenate([trend, *(self.columns[cycle] for cycle in form.cycles), self.future])
        learned = slice(0, len(self.values) - held)
        changes = difference(self.values[learned], 0, form.D, self.season)
        regressors = difference(self.design[learned][:, used], 0, form.D, self.season)
        seen = np.flatnonzero(~np.isnan(changes))
        changes = np.diff(changes[seen], form.d)
        regressors = np.diff(regressors[seen], form.d, axis=0)
        weights = np.zeros(self.design.shape[1])
        weights[used] = np.linalg.lstsq(regressors, changes, rcond=1e-6)[0]
        if taken == 1:
            noise = changes - regressors @ weights[used]
            if not is_drift(weights[1] * regressors[:, 0], noise):
                weights[1] = 0.0
        return weights, (self.values - self.design @ weights)[-self.stretch :]


def is_drift(steps: Array, noise: Array) -> bool:
    """Whether the mean of constant steps (n,) is twice its standard error.

    That has the long-run variance of Newey & West (1987) of noise (n,).
    """
    if len(noise) < 2 * LAGS:
        return False
    covariance = autocovariance(noise, LAGS)
    weights = 1 - np.arange(1, LAGS + 1) / (LAGS + 1)
    variance = covariance[0] + 2 * weights @ covariance[1:]
    return bool(steps[0] ** 2 * len(noise) > 4 * variance)


@dataclass(frozen=True, eq=False)
class Model:
    """What was estimated for one series.

    Its form, order, weights (2 + 2 pairs + K,), parameters (order.size,), and how many fits failed before.
    """

    form: Form
    order: Order
    weights: Array
    parameters: Array
    failed: int


class Candidate(NamedTuple):
    """An order, its parameters (order.size,), and its AICc: by conditional sum of squares, or of the likelihood."""

    order: Order
    parameters: Array
    aicc: float


def candidates(largest: Order) -> list[Order]:
    """All orders up to the largest, whose differences they have."""
    sizes = product(range(largest.p + 1), range(largest.q + 1), range(largest.P + 1), range(largest.Q + 1))
    return [largest._replace(p=p, q=q, P=P, Q=Q) for p, q, P, Q in sizes]


def screen(noise: Array, orders: list[Order]) -> list[Candidate]:
    """The orders (all with the same differences) by AICc, the best first, each with start parameters.

    Only the last SCREENED rows are read. Each order starts from the regression of Hannan & Rissanen (1982) on past values
    and on the shocks of a long autoregression, and takes STEPS of Gauss and Newton towards the smallest conditional sum of
    squares (Box et al., section 7.1).
    """
    season = orders[0].season
    changes = difference(noise, orders[0].d, orders[0].D, season)[-SCREENED:]
    # what came before the first row is taken as 0: the first rows are not scored
    skipped = min(max(LAGS, season) + 1, len(changes) // 4)
    rows = skipped + np.flatnonzero(~np.isnan(changes[skipped:]))
    white = Candidate(white_noise(orders[0]), np.zeros(0), np.inf)
    if len(rows) < 4 or np.mean(changes[rows] ** 2) < 1e-20:
        return [white]
    values, shocks = complete(changes, rows, LAGS if season == 1 else 2 * season)
    lags = Lags(values, shocks, rows, orders)
    found = []
    for order in orders:
        if len(rows) > order.size + 2:
            start = inward(order, lags.regress(order))
            parameters, mean_square = conditional(values, rows, order, start)
            found.append(Candidate(order, parameters, _aicc(mean_square, len(rows), order.size + 1)))
    return sorted(found, key=lambda one: one.aicc) or [white]


def white_noise(order: Order) -> Order:
    """An order with the same differences and no parameter."""
    return order._replace(p=0, q=0, P=0, Q=0)


def _aicc(mean_square: float, count: int, free: int) -> float:
    """AICc of normal errors by their mean square; `free` parameters."""
    return count * np.log(max(mean_square, 1e-300)) + 2 * free * count / (count - free - 1)


class Lags:
    """Normal equations of values (n,) on their own lags and on those of the shocks (n,) of a long autoregression.

    They are of the scored rows, and made once for the largest order; each smaller one solves a part of them.
    place: (kind, lag) of each column; kinds are p, q, P and Q.
    """

    def __init__(self, values: Array, shocks: Array, rows: Array, orders: list[Order]) -> None:
        season = orders[0].season
        self.place: list[tuple[int, int]] = []
        columns: list[Array] = []
        kinds = (("p", values, 1), ("q", shocks, 1), ("P", values, season), ("Q", shocks, season))
        for kind, (name, source, apart) in enumerate(kinds):
            largest = max(getattr(order, name) for order in orders)
            self.place += [(kind, lag) for lag in range(1, largest + 1)]
            columns += [column[rows] for column in lagged(source, largest, apart)]
        matrix = np.stack(columns, axis=1) if columns else np.zeros((len(rows), 0))
        self.normal = matrix.T @ matrix
        self.right = matrix.T @ values[rows]

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

    parameters = start
    shocks, least = square(start)
    for _ in range(STEPS if order.size else 0):
        slope = slopes(values, shocks, order, parameters)[rows]
        step = np.linalg.lstsq(slope, -shocks[rows], rcond=1e-8)[0]
        for share in (1.0, 0.5, 0.1):
            trial = inward(order, parameters + share * step)
            left, mean_square = square(trial)
            if mean_square < least:
                break
        else:
            break
        gained = least - mean_square
        parameters, shocks, least = trial, left, mean_square
        if gained < 1e-4 * least / len(rows):
            break
    return parameters, least


def slopes(values: Array, shocks: Array, order: Order, parameters: Array) -> Array:
    """Derivatives (n, size) of the shocks by the parameters: each is a filtered series, some rows later.

    (Box et al., section 7.2.)
    """
    phi, theta, seasonal_phi, seasonal_theta = split(order, parameters)
    _, average = polynomials(order, parameters)
    season = order.season
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

    A missing value becomes its forecast from those before it: its shock is 0, and nothing later tells of it, so an
    observed value depends on its filled past as on an observed one. Autoregression and filling take turns.
    (Autocovariances of observed pairs would be quicker, but they are not positive definite, and their noise looks like a
    rich order.)
    """
    gaps = np.isnan(changes)
    bound = np.nanmax(np.abs(changes))
    values = np.where(gaps, 0.0, changes)
    for _ in range(TURNS if gaps.any() else 1):
        coefficients = autoregression(values, rows, most)
        values = fill(values, gaps, coefficients, bound)
    whitened = np.concatenate([[1.0], -coefficients])
    return values, lfilter(whitened, [1.0], values)


def autoregression(values: Array, rows: Array, most: int) -> Array:
    """Coefficients (k,), k <= most, of values (n,) on those before, by least squares at the scored rows; k by AICc."""
    matrix = np.stack([shift(values, lag)[rows] for lag in range(1, most + 1)], axis=1)
    normal = matrix.T @ matrix
    right = matrix.T @ values[rows]
    total = values[rows] @ values[rows]
    count = len(rows)
    best = np.zeros(0)
    least = count * np.log(total)
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
    """The statistic of Kwiatkowski, Phillips, Schmidt & Shin (1992) about a level, of the observed values.

    With int(3 sqrt(n) / 13) lags.
    """
    centred = values[~np.isnan(values)]
    centred = centred - centred.mean()
    n = len(centred)
    lags = int(3 * np.sqrt(n) / 13)
    products = np.array([centred[lag:] @ centred[: n - lag] for lag in range(lags + 1)]) / n
    weights = 1 - np.arange(1, lags + 1) / (lags + 1)
    variance = products[0] + 2 * weights @ products[1:]
    if variance <= 1e-20:
        return 0.0
    return float(np.sum(np.cumsum(centred) ** 2) / (n**2 * variance))


def seasonal_strength(values: Array, season: int) -> float:
    """1 - Var(remainder) / Var(season + remainder), at least 0, of values (n,); 0 on fewer than four seasons.

    After Wang, Smith-Miles & Hyndman, Characteristic-Based Clustering for Time Series Data, 2006. The trend is a centred
    moving average over a season; the season of each phase is the mean of YEARS neighbours, so that it may change as the
    season of an airline model does.
    """
    if len(values) < 4 * season:
        return 0.0
    window = np.ones(season) / season
    if season % 2 == 0:
        window = np.convolve(np.ones(season), [0.5, 0.5]) / season
    trend = observed_mean(values[:, None], window)[:, 0]
    detrended = (values - trend)[season // 2 : len(values) - season // 2]  # where the window is whole
    cycles = -(-len(detrended) // season)
    folded = np.full(cycles * season, np.nan)
    folded[: len(detrended)] = detrended
    profile = observed_mean(folded.reshape(cycles, season), np.ones(YEARS) / YEARS)
    remainder = folded - profile.ravel()
    if np.isnan(remainder).all() or np.nanvar(folded) < 1e-20:
        return 0.0
    unexplained = np.nanvar(remainder) / np.nanvar(folded)
    return float(max(0.0, 1 - unexplained))


def observed_mean(values: Array, window: Array) -> Array:
    """Weighted means (n, k) of the observed values (n, k) in a centred window (m,), cut at the ends.

    NaN where none is observed.
    """
    seen = ~np.isnan(values)
    sums = _windowed(np.where(seen, values, 0.0), window)
    weights = _windowed(seen.astype("float64"), window)
    return np.where(weights > 1e-12, sums / np.maximum(weights, 1e-12), np.nan)


def _windowed(values: Array, window: Array) -> Array:
    """Weighted sums (n, k) of values (n, k), 0 beyond the ends, in a centred window (m,)."""
    half = len(window) // 2
    padded = np.pad(values, ((half, len(window) - 1 - half), (0, 0)))
    sums: Array = np.lib.stride_tricks.sliding_window_view(padded, len(window), axis=0) @ window
    return sums


def choose(series: Series, largest: Order, horizon: int) -> Model:
    """The form with the smallest error over the horizon on a hold-out, the simpler one where it is as good; then estimated.

    Each is tried on the last third of the stretch, which its regression has not seen, with the order and the parameters of
    the screening: a likelihood for each would take ten times as long. Where fewer than TRUSTED horizons fit in that third,
    its error is mostly chance, and the tests propose the form.
    """
    chosen = Form(0, 0, ())
    least = np.inf
    if series.held < TRUSTED * horizon:
        chosen = proposed(series, largest)
    else:
        for form in series.forms(largest.d, largest.D):
            error = recent_error(series, form, candidates(series.order(largest, form)), horizon)
            if error < MARGIN * least:
                chosen = form
                least = error
    return estimate(series, candidates(series.order(largest, chosen)), chosen)


def adopt(series: Series, choices: list[tuple[Form, Order]], largest: Order, horizon: int) -> Model:
    """One of the choices of other series, the most frequent first, estimated.

    Of their forms it is the one with the smallest error on the hold-out, as in `choose`, or the nearest to what the tests
    propose; then the best of the orders that go with it.
    """
    orders: dict[Form, list[Order]] = {}
    for other, order in choices:
        form = series.allowed(other)
        own = orders.setdefault(form, [])
        if series.order(order, form) not in own:
            own.append(series.order(order, form))
    chosen = next(iter(orders))
    if len(orders) > 1 and series.held >= TRUSTED * horizon:
        chosen = min(orders, key=lambda form: recent_error(series, form, orders[form], horizon))
    elif len(orders) > 1:
        wanted = proposed(series, largest)
        chosen = min(orders, key=lambda form: _unlike(form, wanted))
    return estimate(series, orders[chosen], chosen)


def _unlike(form: Form, wanted: Form) -> tuple[bool, bool, bool]:
    """In which ways a form differs from a wanted one, the gravest first."""
    return form.D != wanted.D, form.d != wanted.d, form.cycles != wanted.cycles


def proposed(series: Series, largest: Order) -> Form:
    """All cycles, a seasonal difference where the season is strong, and a difference where the KPSS test asks for one.

    It does where it rejects a level of what is left.
    """
    D = 0
    if largest.D > 0 and series.season > 1:
        D = int(seasonal_strength(series.values[-series.stretch :], series.season) > STRENGTH)
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
    error = np.abs(truth - forecasts(noise, best.order, best.parameters, rows, horizon))
    return float(error[~np.isnan(error)].mean())  # the last row is observed


def estimate(series: Series, orders: list[Order], form: Form) -> Model:
    """The best model by AICc of a form.

    The KEPT orders that are likeliest at the parameters of the screening get the maximum of the likelihood. Where that
    fails, only orders with fewer parameters come next, in the end white noise, which cannot fail.
    """
    weights, noise = series.regress(form)
    ranked = screen(noise, orders)
    likeliest = sorted(ranked[:TRIED], key=lambda one: aicc_at(noise, one.order, one.parameters))
    queue = likeliest + ranked[TRIED:]
    kept: list[Candidate] = []
    failed = 0
    while queue and len(kept) < KEPT:
        one = queue.pop(0)
        fitted = likelihood(noise, one.order, one.parameters)
        if fitted:
            kept.append(fitted)
        else:
            failed += 1
            queue = [other for other in queue if other.order.size < one.order.size]
    white = Candidate(white_noise(orders[0]), np.zeros(0), np.inf)
    best = min(kept, key=lambda one: one.aicc, default=white)
    return Model(form, best.order, weights, best.parameters, failed)


def exact(noise: Array, order: Order) -> Any:
    """The state space of noise: of its differences, a few states, where no value is missing.

    Else that of the noise itself, which loses no value.
    """
    if np.isnan(noise).any():
        return state_space(noise, order)
    return state_space(difference(noise, order.d, order.D, order.season), order.stationary)


def aicc_at(noise: Array, order: Order, parameters: Array) -> float:
    """AICc of parameters (size,) by one filtering pass; infinite where the likelihood is not finite."""
    count = int((~np.isnan(noise)).sum()) - order.lost
    free = order.size + 1
    with np.errstate(all="ignore"):
        value = -2 * float(exact(noise, order).loglike(parameters))
    if not np.isfinite(value) or count <= free + 1:
        return np.inf
    return value + 2 * free * count / (count - free - 1)


def likelihood(noise: Array, order: Order, start: Array) -> Candidate | None:
    """The order with its parameters at the maximum of the likelihood; None where that fails.

    They are drawn inward where the past would fade too slowly.
    """
    if not len(start):
        return Candidate(order, start, aicc_at(noise, order, start))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # whether it converged is read from the result
        try:
            result = exact(noise, order).fit(
                start, disp=0, maxiter=50, low_memory=True, cov_type="none", optim_complex_step=False
            )
        except (np.linalg.LinAlgError, ValueError):
            return None
    found = np.asarray(result.params, "float64")
    parameters = inward(order, found, stationary=1.0)  # statsmodels keeps them below 1
    aicc = aicc_at(noise, order, parameters)
    if not result.mle_retvals["converged"] or not np.isfinite(aicc):
        return None
    return Candidate(order, parameters, aicc)
