"""GARCH against arch, HAR against a plain regression, and what both do where little is known."""

import sys

import numpy as np
import pytest
from arch import arch_model
from conftest import single, weather

from forecast.data.clock import Clock
from forecast.data.panel import Column, make_panel
from forecast.errors import ForecastError
from forecast.fitting import fit
from forecast.models.market.garch import RISKMETRICS, ahead, estimate, variance_after
from forecast.models.market.har import regressors

STEP = Clock("step")


def clustered(rows: int, seed: int = 0) -> np.ndarray:
    """Steps of a GARCH(1,1) with omega .05, alpha .1, beta .85."""
    random = np.random.default_rng(seed)
    moves, variance = np.zeros(rows), 1.0
    for row in range(rows):
        moves[row] = np.sqrt(variance) * random.normal()
        variance = 0.05 + 0.1 * moves[row] ** 2 + 0.85 * variance
    return moves


def test_variances_ahead_are_those_of_arch() -> None:
    moves = clustered(1500)
    omega, alpha, beta = estimate(moves, arch_model)
    theirs = arch_model(moves, mean="Zero", vol="GARCH", p=1, q=1, rescale=False).fix([omega, alpha, beta])
    expected = theirs.forecast(horizon=10).variance.to_numpy()[-1]
    one = [np.array([value]) for value in (omega, alpha, beta)]
    np.testing.assert_allclose(
        ahead(variance_after(moves[None], *one), one[0], one[1] + one[2], 10)[0], expected, rtol=1e-8
    )
    np.testing.assert_allclose([omega, alpha, beta], [0.05, 0.1, 0.85], atol=0.05)


def test_the_point_is_the_last_value_and_the_interval_sums_the_variances() -> None:
    price = single(100 + np.cumsum(clustered(1200)), STEP)
    fitted = fit("garch", price, 5, intervals=(80,))
    forecast = fitted.predict(price)
    np.testing.assert_allclose(forecast.values[0], np.repeat(price.values[-1, 0], 5))
    _, omega, alpha, beta = fitted.learned.parameters[0]
    variance = [0.0]
    for square in np.diff(price.values[-512:, 0] / fitted.scaling.spread[0, 0]) ** 2:
        variance[0] = omega + alpha * square + beta * variance[0]
    for _ in range(4):
        variance.append(omega + (alpha + beta) * variance[-1])
    widths = fitted.scaling.spread[0, 0] * np.sqrt(np.cumsum(variance))
    np.testing.assert_allclose(
        forecast.quantiles[0, :, 2] - forecast.values[0], 1.2815515655446 * widths, rtol=1e-6
    )


def test_intervals_cover_what_they_say_on_clustered_steps() -> None:
    price = single(np.cumsum(clustered(6000, seed=2)), STEP)
    origins = np.array([[0, row] for row in range(2500, 5990)])
    forecast = fit("garch", price.until(np.array([2500])), 3, intervals=(80, 95)).predict(price, origins)
    truth = price.truth(origins, 3)
    for low, high, share in ((1, 3, 0.8), (0, 4, 0.95)):
        inside = (forecast.quantiles[..., low] <= truth) & (truth <= forecast.quantiles[..., high])
        np.testing.assert_allclose(inside.mean(0), share, atol=0.03)


def test_the_drift_goes_on_from_the_last_observed_value() -> None:
    values = np.cumsum(clustered(400) + 2)
    values[-3:] = np.nan
    mean = np.diff(values[:-3]).mean()
    forecast = fit("garch", single(values, STEP), 2, drift=True).predict(
        single(values, STEP), np.array([[0, 400]])
    )
    np.testing.assert_allclose(forecast.values[0], values[396] + mean * np.array([4, 5]))


def test_few_steps_have_a_constant_variance_and_that_is_said() -> None:
    values = np.cumsum(clustered(60))
    fitted = fit("garch", single(values, STEP), 4, intervals=(80,))
    assert fitted.log.notes[1] == "1 of 1 series have a constant variance: too few steps, or no convergence"
    forecast = fitted.predict(single(values, STEP))
    widths = np.sqrt(np.mean(np.diff(values) ** 2) * np.arange(1, 5))
    np.testing.assert_allclose(forecast.quantiles[0, :, 2] - forecast.values[0], 1.2815515655446 * widths)


def test_returns_are_taken_as_they_are() -> None:
    """Of values around 0 the point is their mean, and each step's interval is that of its own variance: arch says the same."""
    returns = 0.01 * clustered(1500)
    panel = single(returns, STEP)
    fitted = fit("garch", panel, 5, intervals=(80,))
    assert fitted.log.notes == (
        "GARCH(1,1)",
        "1 of 1 series are taken as returns, whose values are modelled and not their steps",
    )
    forecast = fitted.predict(panel)
    np.testing.assert_allclose(forecast.values[0], np.repeat(returns.mean(), 5))
    theirs = arch_model(
        (returns - returns.mean()) / returns.std(), mean="Zero", vol="GARCH", p=1, q=1, rescale=False
    ).fit(disp="off")
    variances = theirs.forecast(horizon=5).variance.to_numpy()[-1]
    widths = forecast.quantiles[0, :, 2] - forecast.values[0]
    np.testing.assert_allclose(widths, 1.2815515655446 * returns.std() * np.sqrt(variances), rtol=1e-3)


def test_a_level_is_differenced_as_ever_and_of_both_kinds_each_is_taken_as_its_own() -> None:
    moves = clustered(600)
    values = [np.cumsum(moves)[:, None], moves[:, None]]
    columns, stamps = (Column("y", "target"),), [np.arange(600)] * 2
    both = make_panel(("level", "returns"), stamps, values, columns, STEP)
    fitted = fit("garch", both, 3, intervals=(80,))
    assert fitted.learned.stepped.tolist() == [True, False, True]
    forecast = fitted.predict(both)
    np.testing.assert_allclose(forecast.values[0], np.repeat(values[0][-1], 3))
    alone = fit("garch", single(values[1][:, 0], STEP), 3, intervals=(80,))
    np.testing.assert_allclose(
        forecast.quantiles[1], alone.predict(single(values[1][:, 0], STEP)).quantiles[0]
    )


def test_intervals_of_returns_cover_what_they_say() -> None:
    returns = single(clustered(6000, seed=2), STEP)
    origins = np.array([[0, row] for row in range(2500, 5990)])
    forecast = fit("garch", returns.until(np.array([2500])), 3, intervals=(80, 95)).predict(returns, origins)
    truth = returns.truth(origins, 3)
    for low, high, share in ((1, 3, 0.8), (0, 4, 0.95)):
        inside = (forecast.quantiles[..., low] <= truth) & (truth <= forecast.quantiles[..., high])
        np.testing.assert_allclose(inside.mean(0), share, atol=0.03)


def test_har_says_in_its_log_that_a_target_looks_like_a_level() -> None:
    level, variance = np.cumsum(clustered(1500)) + 500, np.exp(clustered(1500))
    said = "1 of 1 series look like levels, not like volatilities or variances"
    assert said in fit("har", single(level, STEP), 2).log.notes
    assert said not in fit("har", single(variance, STEP), 2).log.notes
    assert said not in fit("har", single(np.full(200, 7.0), STEP), 2).log.notes


def test_values_beyond_the_bounds_stand_in_the_log_of_a_fit() -> None:
    values = np.arange(50.0)
    values[[10, 20]] = -3, -5
    notes = fit("naive", single(values, STEP), 2, bounds=(0, None)).log.notes
    assert notes == (
        "2 of 50 values of y lie below the bound 0, the first is -3 at step 10 in series 'y';"
        " forecasts and intervals are cut at the bound",
    )
    assert fit("naive", single(values, STEP), 2, bounds=(-5, 49)).log.notes == ()


def test_a_missing_step_counts_as_what_was_expected() -> None:
    omega, alpha, beta = (np.array([value]) for value in (0.1, 0.2, 0.7))
    before = variance_after(np.array([[1.0, 2.0]]), omega, alpha, beta)
    np.testing.assert_allclose(
        variance_after(np.array([[np.nan, 1.0, 2.0, np.nan]]), omega, alpha, beta), 0.1 + 0.9 * before
    )
    np.testing.assert_allclose(variance_after(np.full((1, 3), np.nan), omega, alpha, beta), [0.0])
    np.testing.assert_allclose(sum(RISKMETRICS), 1.0)


def test_without_arch_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "arch", None)
    with pytest.raises(ForecastError, match=r"pip install forecast-toolkit\[market\]"):
        fit("garch", single(np.arange(50.0)), 3)


def test_har_is_a_regression_on_three_means() -> None:
    values = np.exp(np.random.default_rng(0).normal(size=400)).cumsum() ** 0.5 + np.random.default_rng(
        1
    ).normal(size=400)
    x = np.array(
        [[1, values[r - 1], values[r - 5 : r].mean(), values[r - 22 : r].mean()] for r in range(22, 401)]
    )
    fitted = fit("har", single(values, STEP), 3)
    for step in range(3):
        weights = np.linalg.lstsq(x[: 378 - step], values[22 + step :], rcond=None)[0]
        np.testing.assert_allclose(fitted.predict(single(values, STEP)).values[0, step], x[-1] @ weights)


def test_an_unbiased_har_of_logs_is_the_mean_of_a_lognormal() -> None:
    """Noise alone: exp of a normal, whose mean is exp(mu + s^2 / 2)."""
    logs = np.random.default_rng(0).normal(1.0, 0.8, 20_000)
    panel = single(np.exp(logs), STEP)
    plain, unbiased = (
        fit("har", panel, 1, transform="log", scale="none", unbiased=one).predict(panel).values.item()
        for one in (False, True)
    )
    assert plain == pytest.approx(np.exp(1), rel=0.05)
    assert unbiased == pytest.approx(np.exp(logs).mean(), rel=0.05)
    assert unbiased / plain == pytest.approx(np.exp(0.8**2 / 2), rel=0.03)
    with pytest.raises(
        ForecastError, match=r"har\.unbiased is of logs: add `transform=log` and `scale=none`"
    ):
        fit("har", panel, 1, transform="log", unbiased=True)


def test_a_span_without_values_takes_the_next_longer_mean() -> None:
    panel = single(np.array([1.0, 3.0, np.nan, np.nan, np.nan]), STEP)
    made = regressors(panel, np.array([[0, 5], [0, 2], [0, 0]]), np.array([1, 4, 5]))
    np.testing.assert_allclose(made, [[1, 3, 3, 2], [1, 3, 2, 2], [1, 0, 0, 0]])


def test_short_series_take_the_weights_of_all() -> None:
    panel = weather((420, 30))
    fitted = fit("har", panel, 6)
    assert fitted.log.notes[1] == "1 of 2 series are too short: the weights of all series together"
    assert np.array_equal(fitted.learned.weights[1], fitted.learned.weights[2])
