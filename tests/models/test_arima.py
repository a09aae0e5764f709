"""ARIMA: right parameters, forecasts equal to statsmodels' own, nothing read beyond the origin or before the context, and no failure."""

from dataclasses import replace

import numpy as np
import pytest
from conftest import single
from hypothesis import given
from hypothesis import strategies as st
from scipy.signal import lfilter
from statsmodels.tsa.arima.model import ARIMA
from statsmodels.tsa.statespace.sarimax import SARIMAX
from statsmodels.tsa.stattools import kpss

import forecast.models.classic.arima as module
import forecast.models.classic.arima_search as search
from forecast.data.clock import Clock
from forecast.data.panel import Column, Panel, make_panel
from forecast.fitting import Fitted, fit
from forecast.models import spec
from forecast.models.classic.arima import Arima
from forecast.models.classic.sarima import (
    Order,
    difference,
    forecasts,
    growth,
    inward,
    polynomials,
    radius,
    split,
)

STEP = Clock("step")
SHOCKS = np.random.default_rng(0).normal(size=4000)
AR2 = lfilter([1], [1, -1.2, 0.4], SHOCKS)
ARMA = lfilter([1, 0.5], [1, -0.8], SHOCKS)
WALK = np.cumsum(SHOCKS)
SMOOTHED = np.cumsum(
    lfilter([1, -0.8], [1], SHOCKS)
)  # ARIMA(0, 1, 1): what exponential smoothing is best for


def holes(values: np.ndarray, share: float = 0.2) -> np.ndarray:
    return np.where(np.random.default_rng(1).random(len(values)) < share, np.nan, values)


def parameters(fitted: Fitted) -> tuple[tuple[int, ...], np.ndarray]:
    order = Order(*fitted.learned.orders[0].tolist())
    return (order.p, order.d, order.q), fitted.learned.parameters[0, : order.size]


def ask(fitted: Fitted, panel: Panel, origins: np.ndarray) -> np.ndarray:
    """Scaled forecasts."""
    return fitted.learned.predict(fitted.scaling.apply(panel), origins, fitted.scaling.fitted(panel.ids))[
        ..., 0
    ]


@pytest.mark.parametrize(
    ("values", "order", "truth"),
    [
        (AR2, (2, 0, 0), [1.2, -0.4]),
        (holes(AR2), (2, 0, 0), [1.2, -0.4]),
        (ARMA, (1, 0, 1), [0.8, 0.5]),
        (WALK, (0, 1, 0), []),
        (SMOOTHED, (0, 1, 1), [-0.8]),
    ],
    ids=["ar2", "ar2 with holes", "arma", "walk", "smoothed"],
)
def test_parameters_are_those_simulated_and_those_of_statsmodels(values, order, truth) -> None:
    p, d, q = order
    panel = single(values[:2000], STEP)
    fitted = fit(Arima(max_p=p, max_q=q, max_d=d), panel, 10)
    found, estimate = parameters(fitted)
    assert found == order
    np.testing.assert_allclose(estimate, truth, atol=0.08)
    if truth:
        z = fitted.scaling.apply(panel).values[:, 0]
        theirs = ARIMA(z, order=order, trend="n").fit().params[:-1]  # the last one is the variance
        np.testing.assert_allclose(estimate, theirs, atol=2e-3)


@pytest.mark.parametrize("values", [AR2, ARMA, SMOOTHED, holes(AR2), holes(SMOOTHED)])
def test_forecasts_are_those_of_statsmodels(values) -> None:
    panel = single(values[:1500], STEP)
    fitted = fit(Arima(), panel.until(np.array([1000])), 12)
    (p, d, q), estimate = parameters(fitted)
    z, (level, slope) = fitted.scaling.apply(panel).values[:, 0], fitted.learned.weights[0]
    trend = level + slope * np.arange(1512.0)
    for row in (1000, 1233, 1500):
        theirs = (
            ARIMA(z[:row] - trend[:row], order=(p, d, q), trend="n").filter([*estimate, 1.0]).forecast(12)
        )
        np.testing.assert_allclose(
            ask(fitted, panel, np.array([[0, row]]))[0], theirs + trend[row : row + 12], atol=1e-8
        )


def test_the_search_finds_differences_and_cycles() -> None:
    assert parameters(fit("arima", single(WALK[:1500], STEP), 10))[0][1] == 1
    assert parameters(fit("arima", single(ARMA[:1500], STEP), 10))[0][1] == 0
    day = 5 * np.sin(2 * np.pi * np.arange(1000) / 24)
    fitted = fit("arima", single(ARMA[:1000] + day), 24)
    assert "with the cycle day" in fitted.log.notes[0]
    amplitude = (
        np.hypot(*fitted.learned.weights[0, [2, 4]]) * fitted.scaling.spread[0, 0]
    )  # sine and cosine of the first pair
    assert amplitude == pytest.approx(5, abs=0.5)


@pytest.mark.parametrize(("freq", "period"), [("1h", 24), ("1D", 7)])
def test_a_wave_of_the_clock_is_continued_with_its_phase(freq, period) -> None:
    wave = (
        np.abs(np.sin(np.pi * np.arange(900) / period))
        if period == 7
        else np.sin(2 * np.pi * np.arange(900) / period)
    )
    panel = single(wave, Clock("fixed", freq))
    fitted = fit("arima", panel.until(np.array([600])), 2 * period)
    origins = np.array([[0, row] for row in range(600, 870, 9)])
    truth = panel.truth(origins, 2 * period)
    np.testing.assert_allclose(
        fitted.predict(panel, origins).values[~np.isnan(truth)], truth[~np.isnan(truth)], atol=1e-6
    )


def test_a_line_is_continued() -> None:
    line = 2 + 0.3 * np.arange(300)
    panel = single(line, STEP)
    np.testing.assert_allclose(
        fit("arima", panel.until(np.array([250])), 20).predict(panel, np.array([[0, 280]])).values[0],
        line[280:300],
    )


@pytest.mark.parametrize(
    "values",
    [AR2, SMOOTHED, holes(SMOOTHED), holes(lfilter([1, -0.7], [1, -0.97], SHOCKS)), holes(WALK, 0.5)],
)
def test_many_origins_equal_single_ones_and_those_from_the_context(values) -> None:
    panel = single(values)
    fitted = fit("arima", panel.until(np.array([2000])), 24)
    assert fitted.context < 2000
    origins = np.array([[0, row] for row in (1, 2, 30, *range(fitted.context - 1, 4000, 397), 4000)])
    many = ask(fitted, panel, origins)
    for i, (_, row) in enumerate(origins):
        tail = panel.until(np.array([row])).tail(fitted.context)
        np.testing.assert_allclose(ask(fitted, panel, origins[i : i + 1])[0], many[i], atol=1e-6)
        np.testing.assert_allclose(ask(fitted, tail, np.array([[0, tail.lengths[0]]]))[0], many[i], atol=1e-6)


def test_in_a_gap_longer_than_the_context_the_level_is_the_last_observed_value() -> None:
    panel = single(np.where((np.arange(2000) > 500) & (np.arange(2000) < 1400), np.nan, WALK[:2000]), STEP)
    fitted = fit("arima", panel, 5)
    assert parameters(fitted)[0][1] == 1
    assert fitted.context < 800
    level = fitted.scaling.apply(panel).values[500, 0]
    tail = panel.until(np.array([1390])).tail(890)  # from row 500 on
    assert (ask(fitted, panel, np.array([[0, 100], [0, 1390]]))[1] == level).all()
    assert (ask(fitted, tail, np.array([[0, tail.lengths[0]]])) == level).all()


@pytest.mark.parametrize("poison", [1e6, np.nan])
@pytest.mark.parametrize("values", [AR2, holes(SMOOTHED)])
def test_nothing_after_the_origin_moves_a_bit(values, poison) -> None:
    panel = single(values[:1500])
    poisoned = replace(panel, values=np.where(np.arange(1500)[:, None] < 1000, panel.values, poison))
    one, other = (fit("arima", each.until(np.array([1000])), 12) for each in (panel, poisoned))
    for name, array in one.learned.arrays().items():
        np.testing.assert_array_equal(array, other.learned.arrays()[name])
    origins = np.array(
        [[0, row] for row in (*range(700, 1001, 20), 1400)]
    )  # asked together with a poisoned origin
    np.testing.assert_array_equal(ask(one, panel, origins)[:-1], ask(other, poisoned, origins)[:-1])


def test_restored_forecasts_are_the_same_bits() -> None:
    panel = single(ARMA[:800] + 3 * np.sin(2 * np.pi * np.arange(800) / 24))
    fitted = fit("arima", panel, 24)
    twin = replace(fitted, learned=fitted.spec.restore(fitted.learned.arrays(), fitted.goal))
    origins = np.array([[0, row] for row in range(300, 801, 50)])
    np.testing.assert_array_equal(ask(fitted, panel, origins), ask(twin, panel, origins))
    assert twin.learned.context == fitted.learned.context
    assert {array.dtype.name for array in fitted.learned.arrays().values()} == {"float64", "int64"}


def test_a_new_series_gets_the_seasonal_naive() -> None:
    fitted = fit("arima", single(ARMA[:300] + 3 * np.sin(2 * np.pi * np.arange(300) / 24)), 24)
    new = replace(single(np.tile(np.arange(24.0), 6)), ids=("new",))
    np.testing.assert_allclose(fitted.predict(new).values[0], np.arange(24.0), atol=1e-9)


SHORT = {
    "one row": [3.0],
    "two rows": [3.0, 4.0],
    "five rows": WALK[:5],
    "short": AR2[:30],
    "constant": np.full(200, 7.0),
    "20 % missing": holes(AR2[:200]),
    "90 % missing": holes(AR2[:60], 0.9),
    "last ones missing": [*AR2[:100], np.nan, np.nan],
    "every second missing": np.where(np.arange(200) % 2, np.nan, WALK[:200]),
    "one spike": (np.arange(300) == 150) * 1.0,
    "high level": 1e9 + AR2[:100],
    "tiny": 1e-9 * AR2[:100],
}


@pytest.mark.parametrize(
    "clock", [STEP, Clock("fixed", "1h"), Clock("calendar", "MS")], ids=["step", "hourly", "monthly"]
)
@pytest.mark.parametrize("values", SHORT.values(), ids=SHORT)
def test_forecasts_are_finite_and_near_the_data(values, clock) -> None:
    panel = single(np.asarray(values), clock)
    origins = np.array([[0, row] for row in range(1, len(values) + 1, max(1, len(values) // 20))])
    fitted = fit("arima", panel, 12)
    scaled = ask(fitted, panel, np.concatenate([origins, panel.ends()]))
    assert np.isfinite(scaled).all()
    assert np.abs(scaled).max() < 30


def test_many_series_share_the_orders_of_the_longest(monkeypatch) -> None:
    monkeypatch.setattr(module, "SHARED", 3)
    monkeypatch.setattr(module, "SEARCHED", 1)
    lengths = (1200, 300, 90, 30, 2)
    values = [SMOOTHED[:n] + 5 * np.sin(2 * np.pi * np.arange(n) / 24) for n in lengths]
    times = [single(one).times for one in values]
    panel = make_panel(
        tuple("abcde"),
        times,
        [one[:, None] for one in values],
        (Column("y", "target"),),
        Clock("fixed", "1h"),
    )
    fitted = fit("arima", panel, 6)
    assert fitted.log.notes[-1].startswith("orders searched on the 1 longest of 5 series")
    assert (fitted.learned.orders[:3] == fitted.learned.orders[0]).all()
    assert np.isfinite(fitted.predict(panel).values).all()


@pytest.mark.parametrize("horizon", [5, 12], ids=["by the hold-out", "by the tests"])
def test_each_of_many_series_takes_over_the_choice_that_is_like_it(monkeypatch, horizon) -> None:
    """Walks with a drift and levels that return in turn, two of eight searched: the others have the differences of their kind."""
    monkeypatch.setattr(module, "SHARED", 3)
    monkeypatch.setattr(module, "SEARCHED", 2)
    random = np.random.default_rng(5)
    values = [
        lfilter([1], [1, -0.5] if i % 2 else [1, -1], (1 - i % 2) + random.normal(size=400 - i))[100:]
        for i in range(8)
    ]
    panel = make_panel(
        tuple("abcdefgh"),
        [np.arange(len(one)) for one in values],
        [one[:, None] for one in values],
        (Column("y", "target"),),
        STEP,
    )
    fitted = fit("arima", panel, horizon)
    assert fitted.learned.orders[:, 1].tolist() == [1, 0] * 4
    assert fitted.log.notes[-1].startswith("orders searched on the 2 longest of 8 series")


def test_a_likelihood_that_fails_is_said_and_replaced(monkeypatch) -> None:
    likelihood = search.likelihood
    monkeypatch.setattr(
        search,
        "likelihood",
        lambda noise, order, start: None if len(start) else likelihood(noise, order, start),
    )
    fitted = fit("arima", single(AR2[:300], STEP), 5)
    assert parameters(fitted)[0] == (0, 0, 0)
    assert (
        fitted.log.notes[-1] == "2 fits did not converge or were near a unit root; the next order was taken"
    )


def test_settings_are_checked_and_tuned() -> None:
    class Trial:
        def suggest_int(self, name: str, low: int, high: int) -> int:
            return high

    assert spec("arima", max_p=2) == Arima(max_p=2)
    assert Arima().space(Trial()) == Arima(max_p=5, max_q=3)
    with pytest.raises(Exception, match=r"arima\.max_d = 2"):
        spec("arima", max_d=2)


AIRLINE = (Order(0, 1, 1, 0, 1, 1, 12), [-0.4, -0.6])
FIXED = [
    AIRLINE,
    (Order(2, 0, 1, 1, 0, 1, 4), [0.5, 0.2, 0.4, 0.6, -0.3]),
    (Order(1, 1, 0, 0, 0, 2, 7), [0.6, 0.3, 0.2]),
    (Order(1, 0, 1, 1, 1, 0, 12), [0.7, -0.2, 0.3]),
]


def simulated(order: Order, parameters: list[float], count: int, seed: int = 3) -> np.ndarray:
    """Noise of an ARIMA whose beginning is forgotten, or starts at 0 where it has a difference."""
    autoregression, average = polynomials(order, np.array(parameters))
    values = lfilter(average, autoregression, np.random.default_rng(seed).normal(size=count + 300))[300:]
    for lag in [1] * order.d + [order.season] * order.D:
        values = lfilter([1.0], [1.0] + [0.0] * (lag - 1) + [-1.0], values)
    return values


@pytest.mark.parametrize("missing", [0.0, 0.2])
@pytest.mark.parametrize(("order", "parameters"), FIXED, ids=str)
def test_seasonal_forecasts_and_their_spread_are_those_of_statsmodels(order, parameters, missing) -> None:
    values = holes(simulated(order, parameters, 240), missing)
    p, d, q, P, D, Q, season = order
    model = SARIMAX(values[:200], order=(p, d, q), seasonal_order=(P, D, Q, season))
    theirs = model.filter([*parameters, 4.0]).get_forecast(30)
    ours = forecasts(values, order, np.array(parameters), np.array([200]), 30)[0]
    np.testing.assert_allclose(ours, theirs.predicted_mean, atol=1e-7)
    if not missing:  # growth is that of a filter which knows its state
        np.testing.assert_allclose(2.0 * growth(order, np.array(parameters), 30), theirs.se_mean, rtol=1e-3)


@pytest.mark.parametrize("missing", [0.0, 0.2])
@pytest.mark.parametrize(
    ("order", "truth", "clock"),
    [(*AIRLINE, Clock("calendar", "MS")), (Order(1, 0, 0, 1, 0, 0, 7), [0.5, 0.6], Clock("fixed", "1D"))],
    ids=["airline", "weekdays"],
)
def test_a_seasonal_order_is_found_and_forecast_as_well_as_with_the_truth(
    order, truth, clock, missing
) -> None:
    panel = single(holes(simulated(order, truth, 600), missing), clock)
    fitted = fit("arima", panel.until(np.array([400])), order.season)
    found = Order(*fitted.learned.orders[0].tolist())
    assert (found.D, found.season) == (order.D, order.season)
    assert found.P + found.Q > 0
    origins = np.array([[0, row] for row in range(400, 560, 3)])
    expected = panel.truth(origins, order.season)
    best = forecasts(panel.values[:, 0], order, np.array(truth), origins[:, 1], order.season)
    ours = fitted.predict(panel, origins).values
    assert np.nanmean(np.abs(ours - expected)) < 1.1 * np.nanmean(np.abs(best - expected))


def test_a_fit_of_seasonal_orders_forecasts_the_same_from_its_context_and_restored() -> None:
    panel = single(simulated(*AIRLINE, 900), Clock("calendar", "MS"))
    fitted = fit("arima", panel.until(np.array([300])), 12, intervals=(80,))
    twin = replace(fitted, learned=fitted.spec.restore(fitted.learned.arrays(), fitted.goal))
    tail = panel.tail(max(fitted.context, 600))
    np.testing.assert_array_equal(twin.predict(panel).quantiles, fitted.predict(panel).quantiles)
    np.testing.assert_allclose(fitted.predict(tail).values, fitted.predict(panel).values, atol=1e-5)


@pytest.mark.parametrize("values", [AR2[:500], WALK[:500], SMOOTHED[:500]])
def test_kpss_is_that_of_statsmodels(values) -> None:
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a p-value beyond their table
        theirs = kpss(values, "c", nlags=int(3 * np.sqrt(500) / 13))[0]
    assert search.kpss(values) == pytest.approx(theirs, rel=1e-10)


def test_the_strength_of_a_season_is_between_none_and_all_of_it() -> None:
    season = np.tile([0.0, 1.0, 5.0, 2.0], 60)
    assert search.seasonal_strength(season, 4) > 0.999
    assert search.seasonal_strength(holes(season), 4) > 0.9
    assert search.seasonal_strength(SHOCKS[:240], 4) < 0.3
    assert search.seasonal_strength(np.full(240, 3.0), 4) == 0.0


def test_a_fifth_missing_buys_no_richer_orders() -> None:
    sizes = {0.0: 0, 0.2: 0}
    for seed in range(6):
        values = simulated(Order(2), [1.2, -0.4], 500, seed)
        for share in sizes:
            noise = holes(values, share)
            model = search.estimate(
                search.Series(single(noise, STEP), 0, search.Waves((0, 0, 0, 0), 1), 3000),
                search.candidates(Order(3, 0, 2)),
                PLAIN,
            )
            sizes[share] += model.order.size
    assert sizes[0.2] <= sizes[0.0] + 3


PLAIN = search.Form(0, 0, ())
COEFFICIENTS = st.lists(st.floats(-3, 3), min_size=6, max_size=6)


@given(COEFFICIENTS)
def test_what_is_drawn_inward_is_stationary_and_invertible(coefficients) -> None:
    order = Order(2, 0, 2, 1, 0, 1, 4)
    phi, theta, seasonal_phi, seasonal_theta = split(order, inward(order, np.array(coefficients)))
    assert radius(phi, -1) <= 0.99 + 1e-7
    assert radius(theta, 1) <= 0.99 + 1e-7
    assert radius(seasonal_phi, -1) <= 0.99**4 + 1e-7
    assert radius(seasonal_theta, 1) <= 0.99**4 + 1e-7


@given(COEFFICIENTS, st.integers(0, 1), st.integers(0, 1))
def test_the_spread_never_shrinks_along_the_horizon_and_starts_at_one(coefficients, d, D) -> None:
    order = Order(2, d, 2, 1, D, 1, 4)
    spread = growth(order, inward(order, np.array(coefficients)), 20)
    assert spread[0] == 1
    assert (np.diff(spread) >= 0).all()


def test_the_slopes_of_the_screening_are_derivatives() -> None:
    order, parameters = Order(2, 0, 1, 1, 0, 1, 4), np.array([0.5, 0.2, 0.4, 0.6, -0.3])

    def shocks(at: np.ndarray) -> np.ndarray:
        return lfilter(*polynomials(order, at), AR2[:200])

    slopes = search.slopes(AR2[:200], shocks(parameters), order, parameters)
    for i, step in enumerate(1e-6 * np.eye(5)):
        numeric = (shocks(parameters + step) - shocks(parameters - step)) / 2e-6
        np.testing.assert_allclose(slopes[:, i], numeric, atol=1e-6)


def test_differences_take_missing_values_along() -> None:
    values = np.array([1.0, 2.0, np.nan, 7.0, 5.0])
    np.testing.assert_array_equal(difference(values, 1, 1, 2), [np.nan, np.nan])
    np.testing.assert_array_equal(difference(np.arange(8.0) ** 2, 1, 1, 4), np.full(3, 8.0))
