"""Exponential smoothing and theta: against statsmodels, against their definitions, with missing rows, and from their window alone."""

import numpy as np
import pytest
from conftest import single
from statsmodels.tsa.exponential_smoothing.ets import ETSModel

from forecast.data.clock import Clock
from forecast.fitting import fit
from forecast.models.classic.ets import CANDIDATES, _design, estimate, growth
from forecast.models.classic.smoothing import OPENING, WINDOW, States, decompose, extend, first_states, smooth
from forecast.models.classic.theta import is_seasonal, less_trend, simple

STEP = Clock("step")
YES = np.array([True])


def wave(rows: int, season: int = 12, seed: int = 0) -> np.ndarray:
    random = np.random.default_rng(seed)
    return (
        0.05 * np.arange(rows)
        + 2 * np.sin(2 * np.pi * np.arange(rows) / season)
        + np.cumsum(random.normal(0, 0.3, rows))
    )


def test_the_filter_is_that_of_statsmodels() -> None:
    """Level, damped trend and season with given parameters and first states: errors, forecasts and variances."""
    values = wave(120)
    alpha, beta, gamma, phi, level, slope = 0.4, 0.1, 0.2, 0.9, 0.5, 0.1
    season = np.sin(np.arange(12.0))
    model = ETSModel(values, trend="add", damped_trend=True, seasonal="add", seasonal_periods=12, initialization_method="known",
                     initial_level=level, initial_trend=slope, initial_seasonal=season)  # fmt: skip
    theirs = model.smooth([alpha, beta, gamma, phi, level, slope, *season[::-1]])
    parameters = np.array([alpha, beta, gamma, phi])[:, None]
    start = States(np.array([level]), np.array([slope]), season[:, None])
    squares, states = smooth(values[:, None], parameters, start)
    np.testing.assert_allclose(squares, [theirs.sse])
    np.testing.assert_allclose(extend(states, parameters[3], 30)[0], theirs.forecast(30))
    shocked = values.copy()
    shocked[-1] += 1  # what one shock does to all later rows is what their variances are made of
    moved = extend(smooth(shocked[:, None], parameters, start)[1], parameters[3], 29)[0] - theirs.forecast(29)
    np.testing.assert_allclose(growth(parameters, 12, 30)[0, 1:] ** 2, 1 + np.cumsum(moved**2))


def test_the_search_is_as_good_as_maximum_likelihood() -> None:
    values = wave(240)
    _, squares, still = estimate(values[:, None], 12, CANDIDATES)
    for candidate, found in zip(CANDIDATES, squares[:, 0], strict=True):
        season = {"seasonal": "add", "seasonal_periods": 12} if candidate.season else {}
        model = ETSModel(
            values, trend="add" if candidate.trend else None, damped_trend=candidate.damped, **season
        )
        assert found < 1.05 * model.fit(disp=0, maxiter=200).sse
    assert (still < 1e-3).all()


def test_the_design_fills_the_cube() -> None:
    assert np.abs(_design()).max() <= 0.5
    assert (np.abs(_design()).max(1) > 0.4).all()
    assert (_design()[:, 0] == 0).all()


def test_a_line_and_its_season_are_told_apart() -> None:
    season = np.array([3.0, -1.0, 0.0, -2.0])
    values = 5 + 0.5 * np.arange(41) + np.tile(season, 11)[-41:]
    values[[7, 18, 30]] = np.nan
    slope, profile = decompose(values[:, None], 4, YES)
    np.testing.assert_allclose(slope, [0.5], atol=2e-3)
    np.testing.assert_allclose(profile[:, 0], season, atol=0.03)


def test_first_states_go_back_to_the_row_before_the_first_observed_one() -> None:
    values = np.concatenate([[np.nan] * 9, 3 + 0.5 * np.arange(30)])[:, None]
    start = first_states(values, 1, YES, YES)
    np.testing.assert_allclose([start.level[0], start.slope[0]], [2.5, 0.5])
    flat = first_states(values, 1, ~YES, YES)
    np.testing.assert_allclose([flat.level[0], flat.slope[0]], [values[9 : 9 + OPENING].mean(), 0])


@pytest.mark.parametrize(
    ("values", "form"),
    [
        (np.random.default_rng(0).normal(size=300), "level"),
        (np.cumsum(np.cumsum(np.random.default_rng(0).normal(size=300))), "level and trend"),
        (
            np.tile([4.0, -1, 0, -3, 1, -1], 50) + np.random.default_rng(0).normal(0, 0.2, 300),
            "level and season of 6 steps",
        ),
    ],
)
def test_the_form_is_found(values: np.ndarray, form: str) -> None:
    assert fit("ets", single(values, STEP), 6).log.notes[0].startswith(form)


def test_a_series_too_short_for_a_season_gets_a_simpler_form_and_that_is_said() -> None:
    values = np.where(np.arange(26) % 2, np.nan, np.arange(26.0) % 12)
    notes = fit("ets", single(values, Clock("calendar", "MS")), 3).log.notes
    assert notes[0].startswith("level")
    assert "candidates did not converge or had too few rows" in notes[1]


def test_one_pass_for_all_origins_reads_the_window_and_the_last_observed_value_before_it() -> None:
    random = np.random.default_rng(0)
    values = np.where(random.random(1500) < 0.2, np.nan, wave(1500, 24))
    values[700:1300] = np.nan  # longer than the window
    for name in ("ets", "theta"):
        fitted = fit(name, single(values).until(np.array([650])), 12)
        origins = np.array([[0, row] for row in range(1, 1501, 53)])
        many = fitted.predict(single(values), origins).values
        assert np.isfinite(many).all()
        late = (origins[:, 1] > 700 + WINDOW) & (origins[:, 1] <= 1300)
        np.testing.assert_allclose(
            many[late], np.full((late.sum(), 12), single(values).last(origins[late])[0])
        )
        for i, (_, row) in enumerate(origins):
            rows = WINDOW if row <= 700 else max(WINDOW, row - int(single(values).latest(origins[[i]])[0]))
            tail = single(values).until(np.array([row])).tail(rows)
            np.testing.assert_allclose(
                fitted.predict(tail, np.array([[0, tail.lengths[0]]])).values[0], many[i], atol=1e-9
            )


def test_theta_is_the_mean_of_its_two_lines() -> None:
    """A loop over the definition, on values without season."""
    values = np.cumsum(np.random.default_rng(3).normal(0.1, 1, 80))
    fitted = fit("theta", single(values, STEP), 7, alpha=0.4, intervals=(80,))
    slope, intercept = np.polyfit(np.arange(80), values, 1)
    line = intercept + slope * np.arange(87)
    level, errors = (2 * values - line[:80])[0], []
    for value in 2 * values - line[:80]:
        errors.append((value - level) / 2)
        level += 0.4 * (value - level)
    forecast = fitted.predict(single(values, STEP))
    np.testing.assert_allclose(forecast.values[0], (line[80:] + level) / 2)
    spread = np.sqrt(np.sum(np.square(errors)) / 78) * np.sqrt(
        1 + np.arange(7) * 0.4**2
    )  # Hyndman & Billah 2003
    np.testing.assert_allclose(forecast.quantiles[0, :, 2], forecast.values[0] + 1.2815515655446 * spread)


def test_theta_with_a_line_and_a_season_goes_on_with_the_season_and_half_the_slope() -> None:
    values = 0.25 * np.arange(240) + np.tile([1.0, -1, 2, -2], 60)
    fitted = fit("theta", single(values[:200], STEP), 8)
    np.testing.assert_allclose(
        fitted.predict(single(values[:221], STEP)).values[0],
        values[221:229] - 0.125 * np.arange(1, 9),
        atol=1e-2,
    )
    assert fitted.log.notes == ("season of 4 steps in 1 of 1 series",)


def test_noise_has_no_season_and_a_wave_has_one() -> None:
    noise = np.random.default_rng(0).normal(size=(200, 50))
    assert is_seasonal(noise, 7).mean() < 0.15
    assert is_seasonal(noise + 2 * np.sin(2 * np.pi * np.arange(200) / 7)[:, None], 7).all()
    assert not is_seasonal(noise[:20], 7).any()


@pytest.mark.parametrize("season", [5, 12])
def test_a_level_that_wanders_is_no_season(season: int) -> None:
    """Random walks, integrated ones, with a slope and with gaps: the test errs at its 5 %, and a season on top is found."""
    walks = np.cumsum(np.random.default_rng(1).normal(size=(300, 400)), axis=0)
    gappy = np.where(np.random.default_rng(2).random(walks.shape) < 0.2, np.nan, walks)
    for wandering in (walks, np.cumsum(walks, axis=0), walks + 0.5 * np.arange(300)[:, None], gappy):
        assert is_seasonal(wandering, season).mean() < 0.08
    assert is_seasonal(walks + 2 * np.sin(2 * np.pi * np.arange(300) / season)[:, None], season).mean() > 0.95


@pytest.mark.parametrize(("season", "left"), [(4, [1.0, -1, 2, -2]), (3, [1.0, 2, -3])])
def test_the_moving_average_over_a_season_takes_away_the_line_and_leaves_the_season(
    season: int, left: list[float]
) -> None:
    values = (7 + 0.25 * np.arange(24) + np.tile(left, 24 // season))[:, None]
    half = season // 2
    np.testing.assert_allclose(
        less_trend(values, season)[:, 0], np.tile(left, 24 // season)[half : 24 - half], atol=1e-12
    )
    values[9] = np.nan
    without = less_trend(values, season)[:, 0]
    assert np.flatnonzero(np.isnan(without)).tolist() == [9 - half]
    assert np.abs(without - np.tile(left, 24 // season)[half : 24 - half])[[0, -1]].max() < 1e-12


def test_theta_goes_on_from_the_last_value_of_a_random_walk() -> None:
    """Without a season, and with the smoothing at its highest, it adds half the slope of the window."""
    walk = np.cumsum(np.random.default_rng(0).normal(size=500))
    fitted = fit("theta", single(walk), 1, alpha=1.0)
    assert fitted.log.notes == ("no season found",)
    slope = np.polyfit(np.arange(500), walk, 1)[0]
    np.testing.assert_allclose(fitted.predict(single(walk)).values[0, 0], walk[-1] + slope / 2)


def test_simple_smoothing_skips_what_is_missing() -> None:
    values = np.array([np.nan, 1.0, np.nan, 3.0])[:, None]
    squares, level = simple(values, np.array([0.5]))
    np.testing.assert_allclose([squares[0], level[0]], [4.0, 2.0])
