"""Regressions straight to the horizon: against plain solves, against scikit-learn, and with missing values."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from conftest import single, weather
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.linear_model import Ridge as Reference

from forecast.data.clock import Clock
from forecast.data.panel import Column, Panel
from forecast.data.windows import make_windows
from forecast.errors import ForecastError
from forecast.fitting import fit
from forecast.models.regress.boosting import Look, sample
from forecast.models.regress.boosting import features as asked
from forecast.models.regress.direct import Reach, joined_spreads, last_of, reach_of, read, some
from forecast.models.regress.forest import checked, exported, walk
from forecast.models.regress.ridge import features, normal_equations, solve

STEP = Clock("step")


def test_what_is_read_is_anchored_at_the_last_observed_value() -> None:
    panel = weather((60,))
    holed = panel.values.copy()
    holed[49, 0] = np.nan
    panel = replace(panel, values=holed)
    reading = read(make_windows(panel, 6, 2), np.array([[0, 50], [0, 2]]), Reach(6, 3))
    values = panel.values.astype("float32").astype(float)
    np.testing.assert_allclose(reading.anchor, values[[48, 1], 0])
    np.testing.assert_allclose(reading.target[0], values[44:50, 0] - values[48, 0])
    np.testing.assert_allclose(reading.past[0, :, 0], values[47:50, 1] - values[49, 1])
    np.testing.assert_allclose(reading.last, values[[[48, 49], [1, 1]], [0, 1]])
    assert np.isnan(reading.target[1, :4]).all()  # the series had not begun


def test_the_last_of_nothing_is_missing() -> None:
    np.testing.assert_array_equal(last_of(np.array([[1.0, np.nan], [np.nan, np.nan]])), [1, np.nan])


def test_the_reach_follows_the_clock_and_the_length() -> None:
    assert reach_of(weather((2000,)), 24) == Reach(168, 24)
    assert reach_of(weather((100,)), 24) == Reach(26, 24)
    assert reach_of(single(np.arange(500.0), STEP), 10) == Reach(70, 10)
    wide = replace(weather((2000,)), columns=tuple(Column(f"c{i}") for i in range(101)))
    assert reach_of(wide, 24) == Reach(168, 5)


def test_windows_are_drawn_once_each_and_in_order() -> None:
    windows = make_windows(weather((300, 300)), 24, 12)
    assert len(some(windows, 10_000, 0)) == len(windows)
    drawn = some(windows, 100, 0)
    assert len(np.unique(drawn, axis=0)) == 100
    np.testing.assert_array_equal(drawn, drawn[np.lexsort((drawn[:, 1], drawn[:, 0]))])


def test_a_step_without_errors_has_the_spread_of_all() -> None:
    np.testing.assert_allclose(
        joined_spreads(np.array([[1.0, np.nan, 3.0], [1.0, np.nan, np.nan]])), [1, np.sqrt(11 / 3), 3]
    )


def test_ridge_is_that_of_scikit_learn_step_by_step_where_rows_are_missing() -> None:
    random = np.random.default_rng(0)
    x = random.normal(5, [1.0, 20, 0.1, 3], (200, 4))
    y = x @ random.normal(size=(4, 5)) + random.normal(size=(200, 5)) + 7
    y[random.random(y.shape) < 0.2] = np.nan
    y[:, 1] = y[:, 0]  # two steps that lack the same rows
    found = solve(normal_equations(x, y), 0.3)
    for step in range(5):
        seen = ~np.isnan(y[:, step])
        theirs = Reference(alpha=0.3 * seen.sum()).fit(x[seen] / x.std(0), y[seen, step])
        np.testing.assert_allclose(found[1:, step], theirs.coef_ / x.std(0))
        np.testing.assert_allclose(found[0, step], theirs.intercept_)


def test_a_few_windows_with_holes_are_left_out() -> None:
    random = np.random.default_rng(0)
    x, y = random.normal(size=(100, 3)), random.normal(size=(100, 4))
    y[7, 2] = np.nan
    equations = normal_equations(x, y)
    assert len(equations) == 1
    np.testing.assert_allclose(
        solve(equations, 0.1), solve(normal_equations(np.delete(x, 7, 0), np.delete(y, 7, 0)), 0.1)
    )


def test_ridge_is_one_plain_solve_over_all_windows() -> None:
    panel = weather((400,))
    fitted = fit("ridge", panel, 4, context=30, past_rows=5, penalty=0.01)
    scaled, reach = fitted.scaling.apply(panel), Reach(30, 5)
    windows = make_windows(scaled, 30, 4)
    origins = np.array([[0, row] for row in range(30, 397)])
    x, anchor = features(windows, origins, reach, ("day", "week"))
    spread = np.where(x.std(0) > 1e-9, x.std(0), 1.0)  # what is anchored at itself is always 0
    x, y = x / spread, scaled.truth(origins, 4) - anchor[:, None]
    design = np.concatenate([np.ones((len(x), 1)), x], axis=1)
    penalty = np.diag([0.0, *np.full(x.shape[1], 0.01 * len(x))])
    plain = np.linalg.solve(design.T @ design + penalty, design.T @ y)
    newest, at = features(windows, np.array([[0, 400]]), reach, ("day", "week"))
    expected = at + plain[0] + newest[0] / spread @ plain[1:]
    np.testing.assert_allclose(
        fitted.predict(panel).values[0], fitted.scaling.invert(expected[None], np.array([0]))[0], rtol=1e-6
    )


def test_ridge_learns_a_wave_and_uses_what_leads() -> None:
    wave = single(np.sin(0.1 * np.arange(900)) + 5, STEP)
    origins = np.array([[0, row] for row in range(700, 880)])
    fitted = fit("ridge", wave.until(np.array([700])), 20)
    np.testing.assert_allclose(fitted.predict(wave, origins).values, wave.truth(origins, 20), atol=1e-3)
    panel = weather((900,))
    with_lead, without = (fit("ridge", one.until(np.array([700])), 1) for one in (panel, alone(panel)))
    origins = np.array([[0, row] for row in range(700, 899)])
    errors = [
        np.abs(one.predict(p, origins).values - panel.truth(origins, 1)).mean()
        for one, p in ((with_lead, panel), (without, alone(panel)))
    ]
    assert errors[0] < 0.95 * errors[1]


def alone(panel: Panel) -> Panel:
    return single(panel.values[:, 0])


def test_the_walk_is_that_of_scikit_learn_also_where_features_are_missing() -> None:
    random = np.random.default_rng(0)
    x = random.normal(size=(3000, 5))
    y = np.where(x[:, 0] > 0.5, x[:, 1], -x[:, 2]) + random.normal(0, 0.1, 3000)
    x[random.random(x.shape) < 0.2] = np.nan
    x[:, 4] = 1.0  # never split, and missing only later
    model = HistGradientBoostingRegressor(max_iter=30, max_leaf_nodes=9, random_state=0).fit(
        x[:2000], y[:2000]
    )
    x[2500:, 3:] = np.nan
    np.testing.assert_allclose(walk(exported(model), x), model.predict(x), rtol=1e-12)


def test_the_phase_of_a_step_is_found_one_and_two_seasons_back_and_on_average() -> None:
    look = Look(Reach(12, 3), 4, ())
    values = np.arange(40.0) ** 2
    values[14] = np.nan
    x, anchor = asked(make_windows(single(values), 12, 6), np.array([[0, 20]]), np.array([[0, 2, 5]]), look)
    step, last, before, mean = x[:, -4:].T
    np.testing.assert_array_equal(step, [0, 2, 5])
    np.testing.assert_allclose(last + anchor, values[[16, 18, 17]])
    np.testing.assert_allclose(before + anchor, [values[12], np.nan, values[13]])
    np.testing.assert_allclose(
        mean + anchor, [values[[8, 12, 16]].mean(), values[[10, 18]].mean(), values[[9, 13, 17]].mean()]
    )


def test_missing_targets_are_not_learned_from() -> None:
    values = np.random.default_rng(0).normal(size=300)
    values[::2] = np.nan
    x, y = sample(make_windows(single(values), 24, 8), Look(Reach(24, 3), 1, ()), 0)
    assert np.isfinite(y).all()
    assert len(x) == len(y)
    assert 400 < len(y) < 800  # half of four steps of 269 windows


def test_boosting_learns_what_no_line_can() -> None:
    """The next value is a parabola of the last one plus noise: no correlation, hence nothing for ridge."""
    random = np.random.default_rng(0)
    values = np.zeros(3000)
    for row in range(1, 3000):
        values[row] = 1 - 1.7 * np.clip(values[row - 1], -1, 1) ** 2 + random.normal(0, 0.1)
    panel = single(values, STEP)
    origins = np.array([[0, row] for row in range(2500, 2999)])
    errors = {}
    for name in ("ridge", "boosting"):
        answer = fit(name, panel.until(np.array([2500])), 1).predict(panel, origins).values
        errors[name] = np.sqrt(np.mean((answer - panel.truth(origins, 1)) ** 2))
    assert errors["boosting"] < 0.15 < 0.4 < errors["ridge"]


def test_trees_of_another_kind_are_refused() -> None:
    x = np.random.default_rng(0).normal(size=(200, 2))
    model = HistGradientBoostingRegressor(max_iter=5).fit(x, x[:, 0])
    own = model.predict(x)[:, None]
    assert len(checked(model, x, own)[0].roots) == 5
    without_trees = SimpleNamespace(predict=model.predict)
    for other, answers in ((model, x[:, [1]]), (without_trees, own)):  # trees that answer otherwise, and none
        with pytest.raises(ForecastError, match="cannot read the trees of this version of scikit-learn"):
            checked(other, x, answers)
