from dataclasses import replace

import numpy as np
import pytest
from conftest import single, weather

from forecast.data.scaling import TRANSFORMS, cold_panel, fit_scaling, standard
from forecast.errors import ForecastError
from forecast.fitting import fit


def test_scaled_values_have_mean_0_and_spread_1_and_come_back():
    panel = weather((300, 200))
    scaling = fit_scaling(panel)
    z = scaling.apply(panel)
    for i in (0, 1):
        assert np.allclose(z.values[z.rows(i)].mean(0), 0)
        assert np.allclose(z.values[z.rows(i)].std(0), 1)
        back = scaling.invert(z.values[z.rows(i), 0][None], np.array([i]))[0]
        assert np.abs(back - panel.values[panel.rows(i), 0]).max() < 1e-9


def test_missing_stays_missing_and_is_not_counted():
    loc, spread = standard(np.array([[1.0, np.nan], [3.0, np.nan], [np.nan, np.nan]]))
    assert list(loc) == [2, 0]
    assert list(spread) == [1, 1]


def test_a_constant_has_spread_1():
    assert standard(np.full((5, 1), 1e9))[1][0] == 1


def test_only_the_past_is_read():
    panel = weather((300,))
    later = panel.values.copy()
    later[200:] += 1e6
    one, two = (fit_scaling(p.until(np.array([200]))) for p in (panel, replace(panel, values=later)))
    assert np.array_equal(one.loc, two.loc)
    assert np.array_equal(one.spread, two.spread)


def test_a_cold_origin_is_scaled_on_its_own_rows_before_it():
    panel = single(np.arange(100.0))
    cold, origins, scaling = cold_panel(panel, np.array([[0, 40], [0, 80]]), 10)
    assert scaling.loc[:, 0].tolist() == [np.arange(40).mean(), np.arange(80).mean()]
    assert origins.tolist() == [[0, 10], [1, 10]]
    assert np.allclose(cold.values[9, 0], (39 - scaling.loc[0, 0]) / scaling.spread[0, 0])


@pytest.mark.parametrize("transform", TRANSFORMS)
def test_a_transform_comes_back_and_keeps_the_order(transform):
    panel = single(np.exp(np.random.default_rng(0).normal(0, 2, 300)))
    scaling = fit_scaling(panel, transform)
    z = scaling.apply(panel).values[:, 0]
    assert np.abs(z.mean()) < 1e-9
    assert np.array_equal(np.argsort(z), np.argsort(panel.values[:, 0]))
    zero = np.zeros(1, "int64")
    assert np.abs(scaling.invert(z[None], zero) / panel.values[None, :, 0] - 1).max() < 1e-9
    assert np.allclose(scaling.forward(panel.values[None, :, 0], zero), z)


def test_a_transform_that_a_value_does_not_have_names_the_value():
    with pytest.raises(ForecastError, match=r"transform=log needs values above 0; y of series 'y' is 0 at 2024-01-01T02.* \(1 such values\)"):
        fit("naive", single(np.array([3.0, 2.0, 0.0, 4.0])), 1, transform="log")
    with pytest.raises(ForecastError, match=r"There is no transform 'lg'. Did you mean log"):
        fit("naive", single(np.ones(9)), 1, transform="lg")


def test_growth_is_a_line_in_logs():
    panel = single(np.exp(0.1 * np.arange(60)))
    forecast = fit("drift", panel.until(np.array([50])), 10, transform="log").predict(panel, np.array([[0, 50]]))
    assert forecast.values[0] == pytest.approx(panel.values[50:, 0], rel=1e-9)
