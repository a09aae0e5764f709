"""ARIMA: right parameters, forecasts equal to statsmodels' own, nothing read beyond the origin or before the context, and no failure."""

from dataclasses import replace

import numpy as np
import pytest
from conftest import single
from scipy.signal import lfilter
from statsmodels.tsa.arima.model import ARIMA

import forecast.models.arima as module
from forecast.data.clock import Clock
from forecast.data.panel import Column, Panel, make_panel
from forecast.fitting import Fitted, fit
from forecast.models import spec
from forecast.models.arima import Arima

STEP = Clock("step")
SHOCKS = np.random.default_rng(0).normal(size=4000)
AR2 = lfilter([1], [1, -1.2, 0.4], SHOCKS)
ARMA = lfilter([1, 0.5], [1, -0.8], SHOCKS)
WALK = np.cumsum(SHOCKS)
SMOOTHED = np.cumsum(lfilter([1, -0.8], [1], SHOCKS))  # ARIMA(0, 1, 1): what exponential smoothing is best for


def holes(values: np.ndarray, share: float = 0.2) -> np.ndarray:
    return np.where(np.random.default_rng(1).random(len(values)) < share, np.nan, values)


def parameters(fitted: Fitted) -> tuple[tuple[int, ...], np.ndarray]:
    order = fitted.learned.orders[0]
    return tuple(order.tolist()), fitted.learned.parameters[0, : order[0] + order[2]]


def ask(fitted: Fitted, panel: Panel, origins: np.ndarray) -> np.ndarray:
    """Scaled forecasts."""
    return fitted.learned.predict(fitted.scaling.apply(panel), origins, fitted.scaling.fitted(panel))[..., 0]


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
    z, level = fitted.scaling.apply(panel).values[:, 0], fitted.learned.weights[0, 0]
    trend = level * np.arange(1512.0) ** d
    for row in (1000, 1233, 1500):
        theirs = ARIMA(z[:row] - trend[:row], order=(p, d, q), trend="n").filter([*estimate, 1.0]).forecast(12)
        np.testing.assert_allclose(ask(fitted, panel, np.array([[0, row]]))[0], theirs + trend[row : row + 12], atol=1e-8)


def test_the_search_finds_differences_and_cycles() -> None:
    assert parameters(fit("arima", single(WALK[:1500], STEP), 10))[0][1] == 1
    assert parameters(fit("arima", single(ARMA[:1500], STEP), 10))[0][1] == 0
    day = 5 * np.sin(2 * np.pi * np.arange(1000) / 24)
    fitted = fit("arima", single(ARMA[:1000] + day), 24)
    assert "with the cycle day" in fitted.log.notes[0]
    amplitude = np.hypot(*fitted.learned.weights[0, [1, 3]]) * fitted.scaling.spread[0, 0]  # sine and cosine of the first pair
    assert amplitude == pytest.approx(5, abs=0.5)


@pytest.mark.parametrize(("freq", "period"), [("1h", 24), ("1D", 7)])
def test_a_wave_of_the_clock_is_continued_with_its_phase(freq, period) -> None:
    wave = np.abs(np.sin(np.pi * np.arange(900) / period)) if period == 7 else np.sin(2 * np.pi * np.arange(900) / period)
    panel = single(wave, Clock("fixed", freq))
    fitted = fit("arima", panel.until(np.array([600])), 2 * period)
    origins = np.array([[0, row] for row in range(600, 870, 9)])
    truth = panel.truth(origins, 2 * period)
    np.testing.assert_allclose(fitted.predict(panel, origins).values[~np.isnan(truth)], truth[~np.isnan(truth)], atol=1e-6)


def test_a_line_is_continued() -> None:
    line = 2 + 0.3 * np.arange(300)
    panel = single(line, STEP)
    np.testing.assert_allclose(fit("arima", panel.until(np.array([250])), 20).predict(panel, np.array([[0, 280]])).values[0], line[280:300])


@pytest.mark.parametrize("values", [AR2, SMOOTHED, holes(SMOOTHED), holes(lfilter([1, -0.7], [1, -0.97], SHOCKS)), holes(WALK, 0.5)])
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


def test_a_gap_longer_than_the_context_leaves_no_level() -> None:
    panel = single(np.where((np.arange(2000) > 500) & (np.arange(2000) < 1400), np.nan, WALK[:2000]), STEP)
    fitted = fit("arima", panel, 5)
    assert parameters(fitted)[0][1] == 1
    assert fitted.context < 800
    tail = panel.until(np.array([1390])).tail(fitted.context)
    assert (ask(fitted, panel, np.array([[0, 100], [0, 1390]]))[1] == 0).all()
    assert (ask(fitted, tail, np.array([[0, tail.lengths[0]]])) == 0).all()


@pytest.mark.parametrize("poison", [1e6, np.nan])
@pytest.mark.parametrize("values", [AR2, holes(SMOOTHED)])
def test_nothing_after_the_origin_moves_a_bit(values, poison) -> None:
    panel = single(values[:1500])
    poisoned = replace(panel, values=np.where(np.arange(1500)[:, None] < 1000, panel.values, poison))
    one, other = (fit("arima", each.until(np.array([1000])), 12) for each in (panel, poisoned))
    for name, array in one.learned.arrays().items():
        np.testing.assert_array_equal(array, other.learned.arrays()[name])
    origins = np.array([[0, row] for row in (*range(700, 1001, 20), 1400)])  # asked together with a poisoned origin
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


@pytest.mark.parametrize("clock", [STEP, Clock("fixed", "1h"), Clock("calendar", "MS")], ids=["step", "hourly", "monthly"])
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
    panel = make_panel(tuple("abcde"), times, [one[:, None] for one in values], (Column("y", "target"),), Clock("fixed", "1h"))
    fitted = fit("arima", panel, 6)
    assert fitted.log.notes[-1].startswith("orders searched on the 1 longest of 5 series")
    assert (fitted.learned.orders[:3] == fitted.learned.orders[0]).all()
    assert np.isfinite(fitted.predict(panel).values).all()


def test_a_likelihood_that_fails_is_said_and_replaced(monkeypatch) -> None:
    likelihood = module.likelihood
    monkeypatch.setattr(module, "likelihood", lambda noise, order, start: None if len(start) else likelihood(noise, order, start))
    fitted = fit("arima", single(AR2[:300], STEP), 5)
    assert parameters(fitted)[0] == (0, 0, 0)
    assert fitted.log.notes[-1] == "6 fits did not converge or were near a unit root; the next order was taken"


def test_settings_are_checked_and_tuned() -> None:
    class Trial:
        def suggest_int(self, name: str, low: int, high: int) -> int:
            return high

    assert spec("arima", max_p=2) == Arima(max_p=2)
    assert Arima().space(Trial()) == Arima(max_p=5, max_q=3)
    with pytest.raises(Exception, match=r"arima\.max_d = 2"):
        spec("arima", max_d=2)
