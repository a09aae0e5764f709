from dataclasses import replace

import numpy as np
import pytest
from conftest import HOURLY, hours, single, weather
from hypothesis import given, settings
from hypothesis import strategies as st

from forecast.data.panel import Column, make_panel
from forecast.data.scaling import SCALES, TRANSFORMS, Units, cold_panel, fit_scaling, yeo_johnson_power
from forecast.errors import ForecastError
from forecast.fitting import fit
from forecast.saving import load, save

ZERO = np.zeros(1, "int64")
PAIRS = [(transform, scale) for transform in TRANSFORMS for scale in SCALES]


def test_scaled_values_have_mean_0_and_spread_1_and_come_back():
    panel = weather((300, 200))
    scaling = fit_scaling(panel)
    z = scaling.apply(panel)
    for i in (0, 1):
        assert np.allclose(z.values[z.rows(i)].mean(0), 0)
        assert np.allclose(z.values[z.rows(i)].std(0), 1)
        back = scaling.invert(z.values[z.rows(i), 0][None], np.array([i]))[0]
        assert np.abs(back - panel.values[panel.rows(i), 0]).max() < 1e-9


SKEWED = np.array([0.0, 1.0, np.nan, 2.0, 3.0, 100.0])


@pytest.mark.parametrize(
    ("scale", "loc", "spread"),
    [
        ("standard", 21.2, np.std([0, 1, 2, 3, 100])),
        ("robust", 2, (3 - 1) / 1.349),
        ("minmax", 0, 100),
        ("mean-abs", 0, 21.2),
        ("none", 0, 1),
    ],
)
def test_each_scale_is_what_its_name_says(scale, loc, spread):
    found = Units(scale=scale).learn(SKEWED[:, None])
    assert found[0] == pytest.approx(loc)
    assert found[1] == pytest.approx(spread)


@pytest.mark.parametrize("scale", SCALES)
def test_an_empty_column_has_loc_0_and_spread_1_and_a_constant_one_comes_back(scale):
    loc, spread, _ = Units(scale=scale).learn(np.array([[1e9, np.nan, 0.0], [1e9, np.nan, 0.0]]))
    assert (loc[1], spread[1], spread[2]) == (0, 1, 1)
    assert (1e9 - loc[0]) / spread[0] in (0, 1, 1e9)  # the middle, the mean of the sizes, as it is
    assert spread[0] > 0


def test_the_robust_spread_of_values_of_which_most_are_equal_is_the_standard_one():
    rain = np.array([0.0] * 8 + [4.0, 8.0])[:, None]
    loc, spread, _ = Units(scale="robust").learn(rain)
    assert (loc[0], spread[0]) == (0, rain.std())


def test_only_the_past_is_read():
    panel = weather((300,))
    later = panel.values.copy()
    later[200:] += 1e6
    one, two = (fit_scaling(p.until(np.array([200]))) for p in (panel, replace(panel, values=later)))
    assert np.array_equal(one.loc, two.loc)
    assert np.array_equal(one.spread, two.spread)


def test_a_cold_origin_is_scaled_on_its_own_rows_before_it():
    panel = single(np.arange(100.0))
    cold, origins, scaling = cold_panel(panel, np.array([[0, 40], [0, 80]]), 10, fit_scaling(panel))
    assert scaling.loc[:, 0].tolist() == [np.arange(40).mean(), np.arange(80).mean()]
    assert origins.tolist() == [[0, 10], [1, 10]]
    assert np.allclose(cold.values[9, 0], (39 - scaling.loc[0, 0]) / scaling.spread[0, 0])


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.floats(1e-3, 1e6) | st.just(np.nan), min_size=3, max_size=40).filter(
        lambda values: not np.isnan(values).all()
    ),
    st.booleans(),
    st.sampled_from(PAIRS),
)
def test_every_pair_comes_back_keeps_the_order_and_leaves_missing_missing(values, mirrored, pair):
    signed = mirrored and TRANSFORMS[pair[0]].least == -np.inf
    y = np.array(values) * (np.where(np.arange(len(values)) % 2, -1, 1) if signed else 1)
    scaling = fit_scaling(single(y), Units(*pair))
    z = scaling.apply(single(y)).values[:, 0]
    assert np.array_equal(np.isnan(z), np.isnan(y))
    seen = ~np.isnan(y)
    assert np.array_equal(scaling.forward(y[None], ZERO)[0], z, equal_nan=True)
    back = scaling.invert(z[None], ZERO)[0]
    assert np.all(np.abs(back - y)[seen] <= 1e-9 * np.abs(y[seen]).max())
    apart = np.sort(y[seen])
    apart = apart[np.append(True, np.diff(apart) > 1e-9 * np.abs(apart).max())]
    assert (np.diff(scaling.forward(apart[None], ZERO)[0]) > 0).all()


@pytest.mark.parametrize(("transform", "scale"), PAIRS)
def test_quantiles_survive(transform, scale):
    """The quantiles of z, inverted, are the quantiles of the values: of an odd number of them, observed ones."""
    y = np.exp(np.random.default_rng(0).normal(0, 2, 201))
    scaling = fit_scaling(single(y), Units(transform, scale))
    z = scaling.apply(single(y)).values[:, 0]
    levels = (0.025, 0.1, 0.5, 0.9, 0.975)
    assert scaling.invert(np.quantile(z, levels)[None], ZERO)[0] == pytest.approx(
        np.quantile(y, levels), rel=1e-9
    )
    beyond = scaling.invert(np.array([[-50.0, 50.0]]), ZERO)[0]
    assert not np.isnan(beyond).any()  # nothing is without an inverse


def test_yeo_johnson_finds_the_power_and_makes_skewed_values_normal():
    """Against scipy: where its power lies within [0, 2] it is the same, and so are the values."""
    from scipy import stats

    y = np.random.default_rng(1).gamma(2.0, 3.0, 800) - 1
    curved, power = stats.yeojohnson(y)
    assert 0 < power < 1
    assert yeo_johnson_power(y) == pytest.approx(power, abs=1e-3)
    chosen = TRANSFORMS["yeo-johnson"]
    assert chosen.forward(y, power) == pytest.approx(curved, rel=1e-12)
    for edge in (0.0, 2.0):
        assert chosen.forward(y, edge) == pytest.approx(stats.yeojohnson(y, edge), rel=1e-12)
        assert chosen.inverse(chosen.forward(y, edge), edge) == pytest.approx(y, rel=1e-12)
    assert abs(stats.skew(chosen.forward(y, yeo_johnson_power(y)))) < 0.1 < stats.skew(y)
    assert yeo_johnson_power(np.full(9, 3.0)) == yeo_johnson_power(np.full(9, np.nan)) == 1
    assert (
        yeo_johnson_power(np.exp(np.random.default_rng(2).normal(0, 3, 5000))) < 0.01
    )  # at the edge, never beyond


def skewed(count, seed=0):
    """Two series of unlike skewness, with a past column."""
    random = np.random.default_rng(seed)
    values = [
        np.stack([random.gamma(shape, 2, count), random.normal(5, 2, count)], 1) for shape in (1.0, 9.0)
    ]
    return make_panel(("a", "b"), [hours(count)] * 2, values, (Column("y", "target"), Column("x")), HOURLY)


def test_each_series_has_a_power_of_its_own_which_is_saved(tmp_path):
    panel = skewed(300)
    fitted = fit("drift", panel, 4, transform="yeo-johnson", scale="robust", intervals=(80,))
    assert fitted.scaling.power[0] < fitted.scaling.power[1]
    save(fitted, tmp_path / "model.safetensors")
    loaded = load(tmp_path / "model.safetensors")
    assert loaded.scaling.units == Units("yeo-johnson", "robust")
    assert np.array_equal(loaded.scaling.power, fitted.scaling.power)
    assert np.array_equal(loaded.predict(panel).values, fitted.predict(panel).values)


def test_a_cold_origin_learns_its_power_on_its_own_rows_and_no_later_ones():
    panel = skewed(300)
    fitted = fit("naive", panel.until(np.array([300, 0])), 2, transform="yeo-johnson", scale="minmax")
    origins = np.array([[1, 100], [1, 200]])
    assert fitted.predict(panel, origins).values == pytest.approx(
        panel.values[300 + origins[:, 1] - 1, 0][:, None].repeat(2, 1), rel=1e-9
    )
    values = panel.values.copy()
    values[300 + 150 :, 0] **= 0.3
    learned = [
        cold_panel(one, origins, 10, fitted.scaling)[2] for one in (panel, replace(panel, values=values))
    ]
    assert learned[0].power[0] == learned[1].power[0] == yeo_johnson_power(panel.values[300:400, 0])
    assert learned[0].power[1] != learned[1].power[1]


@pytest.mark.parametrize("scale", SCALES)
def test_a_linear_forecast_does_not_depend_on_the_scale(scale):
    panel = weather((200, 150))
    assert fit("drift", panel, 5, scale=scale).predict(panel).values == pytest.approx(
        fit("drift", panel, 5).predict(panel).values, rel=1e-9
    )


def test_a_transform_that_a_value_does_not_have_names_the_value():
    with pytest.raises(
        ForecastError,
        match=r"transform=log needs values above 0; y of series 'y' is 0 at 2024-01-01T02.* \(1 such value\)",
    ):
        fit("naive", single(np.array([3.0, 2.0, 0.0, 4.0])), 1, transform="log")
    with pytest.raises(ForecastError, match=r"There is no transform 'lg'. Did you mean log"):
        fit("naive", single(np.ones(9)), 1, transform="lg")
    with pytest.raises(
        ForecastError,
        match=r"There is no scale 'robst'. Did you mean robust\? There is: standard, shared, robust, .*\.",
    ):
        fit("naive", single(np.ones(9)), 1, scale="robst")


def test_growth_is_a_line_in_logs():
    panel = single(np.exp(0.1 * np.arange(60)))
    forecast = fit("drift", panel.until(np.array([50])), 10, transform="log").predict(
        panel, np.array([[0, 50]])
    )
    assert forecast.values[0] == pytest.approx(panel.values[50:, 0], rel=1e-9)


def test_a_shared_scale_keeps_the_proportions_of_series_warm_and_cold():
    """Spreads of 1, 2 and 10 around means of their own: all are divided by the median of them, a series that was not fitted too."""
    wave = np.tile([-1.0, 1.0], 50)
    times = [hours(100)] * 4
    values = [(100 * i + size * wave)[:, None] for i, size in enumerate((1, 2, 10, 5))]
    panel = make_panel(tuple("abcd"), times, values, (Column("y", "target"),), HOURLY)
    past = panel.until(np.array([100, 100, 100, 0]))
    scaling = fit_scaling(past, Units(scale="shared"))
    assert scaling.spread[:, 0].tolist() == [2.0, 2.0, 2.0]
    assert scaling.loc[:, 0].tolist() == [0.0, 100.0, 200.0]
    cold, _, own = cold_panel(panel, np.array([[3, 100]]), 50, scaling)
    assert np.abs(cold.values).max() == 2.5
    assert own.loc[0, 0] == 300.0
