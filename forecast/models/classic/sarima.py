"""Noise of ARIMA(p, d, q)(P, D, Q) with one season: its polynomials, its filter, its forecasts and how uncertain they are.

Notation and signs as in Box, Jenkins, Reinsel & Ljung, Time Series Analysis, chapter 9, with the moving average added, as
statsmodels has it: phi(B) Phi(B^s) (1 - B)^d (1 - B^s)^D x = theta(B) Theta(B^s) e, where phi(B) = 1 - phi_1 B - ... and
theta(B) = 1 + theta_1 B + ...
"""

from typing import Any, NamedTuple

import numpy as np

from forecast.arrays import Array

RADIUS = 0.99  # of the roots of a moving average: the past fades by at least this factor a row
FADED = 1e-9  # what may be left of the past before the context
LONGEST = 5000  # rows of context


class Order(NamedTuple):
    """Orders of one ARIMA; `season` in rows counts where P, D or Q do."""

    p: int = 0
    d: int = 0
    q: int = 0
    P: int = 0
    D: int = 0
    Q: int = 0
    season: int = 1

    @property
    def size(self) -> int:
        """The number of parameters; the variance is not one of them."""
        return self.p + self.q + self.P + self.Q

    @property
    def stationary(self) -> "Order":
        """The order of the differenced noise."""
        return self._replace(d=0, D=0)

    @property
    def lost(self) -> int:
        """Rows that differencing costs."""
        return self.d + self.season * self.D

    def __str__(self) -> str:
        name = f"ARIMA({self.p}, {self.d}, {self.q})"
        return f"{name}({self.P}, {self.D}, {self.Q}){self.season}" if self.P + self.D + self.Q else name


def split(order: Order, parameters: Array) -> list[Array]:
    """phi (p,), theta (q,), Phi (P,) and Theta (Q,) of parameters (size,), which stand in this order, that of statsmodels."""
    return np.split(parameters[: order.size], np.cumsum([order.p, order.q, order.P]))


def spaced(coefficients: Array, season: int) -> Array:
    """The polynomial 1 + c1 B^s + c2 B^2s ... as an array by powers of B."""
    made = np.zeros(1 + season * len(coefficients))
    made[0], made[season::season] = 1.0, coefficients
    return made


def polynomials(order: Order, parameters: Array) -> tuple[Array, Array]:
    """phi(B) Phi(B^s) and theta(B) Theta(B^s), by powers of B; the differences are not in them."""
    phi, theta, seasonal_phi, seasonal_theta = split(order, parameters)
    autoregression = np.convolve(spaced(-phi, 1), spaced(-seasonal_phi, order.season))
    return autoregression, np.convolve(spaced(theta, 1), spaced(seasonal_theta, order.season))


def difference(values: Array, d: int, D: int, season: int) -> Array:
    """Rows (n - d - s D, ...) of values (n, ...) differenced along the first axis; a difference with a missing value is missing."""
    for _ in range(D):
        values = values[season:] - values[: max(len(values) - season, 0)]
    return np.diff(values, d, axis=0)


def radius(coefficients: Array, sign: int) -> float:
    """The largest root of z^k + sign c1 z^(k-1) + ... + sign ck: sign -1 for an autoregression, 1 for a moving average."""
    if len(coefficients) < 2:
        return float(np.abs(coefficients).max(initial=0.0))
    return float(np.abs(np.roots([1.0, *(sign * coefficients)])).max())


def inward(order: Order, parameters: Array, stationary: float = RADIUS) -> Array:
    """The parameters with their roots drawn in so that none is above a bound per row.

    That of the autoregressions is `stationary`, that of the others RADIUS.
    """
    drawn = []
    bounds = ((-1, stationary), (1, RADIUS), (-1, stationary**order.season), (1, RADIUS**order.season))
    for coefficients, (sign, bound) in zip(split(order, parameters), bounds, strict=True):
        shrink = min(1.0, bound / max(radius(coefficients, sign), 1e-9))
        drawn.append(coefficients * shrink ** np.arange(1, len(coefficients) + 1))
    return np.concatenate(drawn)


def state_space(noise: Array, order: Order, *, gains: bool = False) -> Any:
    """statsmodels' state-space form of an ARIMA without mean whose variance is concentrated out: forecasts do not depend on it.

    gains: whether the filter keeps the gain of each row.
    """
    from statsmodels.tsa.statespace.kalman_filter import (
        MEMORY_CONSERVE,
        MEMORY_NO_GAIN,
        MEMORY_NO_PREDICTED_MEAN,
    )
    from statsmodels.tsa.statespace.sarimax import SARIMAX

    p, d, q, *seasonal, season = order
    seasonal_order = (*seasonal, season) if any(seasonal) else (0, 0, 0, 0)
    model = SARIMAX(noise, order=(p, d, q), seasonal_order=seasonal_order, concentrate_scale=True)
    kept = MEMORY_NO_PREDICTED_MEAN | MEMORY_NO_GAIN if gains else MEMORY_NO_PREDICTED_MEAN
    model.ssm.set_conserve_memory(MEMORY_CONSERVE & ~kept)
    return model


def forecasts(noise: Array, order: Order, parameters: Array, rows: Array, horizon: int) -> Array:
    """Forecasts (M, H) of noise (n,) at rows (M,), each from the rows before it alone: the predicted states, stepped on together."""
    model = state_space(noise, order)
    with np.errstate(all="ignore"):  # the variance, which is not read, may be 0 / 0
        states = model.filter(parameters[: order.size], return_ssm=True).predicted_state[:, rows].T
    ahead = np.empty((len(rows), horizon))
    for step in range(horizon):
        ahead[:, step] = states @ model["design"][0]
        states = states @ model["transition"].T
    return ahead


def row_weights(noise: Array, order: Order, parameters: Array, steps: Array) -> Array:
    """What each row of noise (n,) weighs in the forecasts of `forecasts` at steps (J,) after its last: (J, n).

    A forecast is Z T^h a, and the filter a' = (T - K Z) a + K x is linear in the rows x, so the weights
    are found backwards from the last row: that of a row is g K, and g' = g (T - K Z). (Harvey 1989,
    Forecasting, Structural Time Series Models and the Kalman Filter, section 3.2.) A missing row weighs 0.
    """
    model = state_space(noise, order, gains=True)
    with np.errstate(all="ignore"):
        gains = model.filter(parameters[: order.size], return_ssm=True).kalman_gain[:, 0]
    transition = model["transition"]
    design = model["design"][0]
    after = [design]
    for _ in range(int(steps.max())):
        after.append(after[-1] @ transition)
    reach = np.stack([after[step] for step in steps])
    weights = np.zeros((len(steps), len(noise)))
    seen = ~np.isnan(noise)
    for row in range(len(noise) - 1, -1, -1):
        before = reach @ transition
        if seen[row]:
            weights[:, row] = reach @ gains[:, row]
            before -= np.outer(weights[:, row], design)
        reach = before
    return weights


def growth(order: Order, parameters: Array, horizon: int) -> Array:
    """Standard errors (H,) of the forecasts in units of the shocks' spread.

    The root of the summed squares of the response to one shock. (Box et al., section 5.2: the psi weights.)
    """
    from scipy.signal import lfilter

    autoregression, average = polynomials(order, parameters)
    for lag, times in ((1, order.d), (order.season, order.D)):
        for _ in range(times):
            autoregression = np.convolve(autoregression, spaced(np.array([-1.0]), lag))
    response = lfilter(average, autoregression, np.eye(1, horizon)[0])
    return np.sqrt(np.cumsum(response**2))


def rows_to_fade(order: Order, parameters: Array) -> int:
    """Rows after which a filter has forgotten its past.

    By its moving average, twice as many as some are missing, or by the gaps alone.
    """
    phi, theta, seasonal_phi, seasonal_theta = split(order, parameters)
    average = max(radius(theta, 1), radius(seasonal_theta, 1) ** (1 / order.season))
    gaps = 0.0
    if order.d + order.D == 0:
        gaps = max(radius(phi, -1), radius(seasonal_phi, -1) ** (1 / order.season))
    faded = max(2 * _fading(average), _fading(gaps))
    lags = order.p + order.q + order.season * (order.P + order.Q + order.D)
    return min(LONGEST, int(np.ceil(faded)) + 2 * lags)


def _fading(root: float) -> float:
    """Rows after which FADED of a shock is left, by the largest root; 0 where there is none below 1."""
    return float(np.log(FADED) / np.log(root)) if 0 < root < 1 else 0.0
