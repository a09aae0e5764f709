"""What makes up a forecast: the parts sum to it, each has its owner, and two runs give the same bits."""

import functools
import re
from dataclasses import replace

import numpy as np
import pytest
from conftest import single

import forecast as fc
from forecast.data.panel import Column, make_panel
from forecast.errors import ForecastError
from forecast.insight.attribution import explain
from forecast.testing import HOURLY, hours, rich, weather

NET = {"units": 12, "steps": 60, "batch": 32, "context": 24, "segment": 6, "dropout": 0.0, "shrink": False}
SHAPES = {
    "lstm": ("lstm", {}),
    "gru": ("gru", {}),
    "plain": ("lstm-plain", {"segment": 1}),
    "stacked": ("lstm", {"layers": 2}),
    "list of units": ("gru", {"units": (12, 8)}),
    "bidirectional": ("gru", {"bidirectional": True}),
    "attention": ("lstm", {"attention": True}),
    "recursive": ("gru", {"head": "recursive"}),
    "linear head": ("gru", {"head": "linear"}),
    "dense head": ("lstm", {"head": "dense"}),
    "members": ("gru", {"members": 2}),
    "residual, norm": ("lstm", {"layers": 2, "residual": True, "norm": "layer"}),
    "since": ("gru", {"since": True}),
    "no anchor": ("lstm", {"anchor": "none"}),
    "anchor of the target": ("gru", {"anchor": "target"}),
    "mean anchor": ("gru", {"anchor": "mean"}),
    "season anchor": ("gru", {"anchor": "season"}),
    "no skip": ("gru", {"skip": False}),
    "quantiles": ("gru", {"loss": "quantile"}),
    "shrunk": ("gru", {"shrink": True, "steps": 300}),
}
EXACT = ("naive", "drift", "seasonal", "ridge", "arima", "boosting", "ridge+seasonal")


@pytest.fixture(scope="module")
def full():
    """Two series with past, future and static columns, a category, and missing values."""
    return rich()


@pytest.fixture(scope="module")
def origins():
    """A few origins of both series, one of them early: its window begins before the series does."""
    return np.array([[0, 10], [0, 200], [0, 333], [1, 250], [1, 301]])


@functools.cache
def fitted_on_rich(model):
    """One fit of each model, for all tests that ask it."""
    settings = NET if model in ("gru", "lstm") else {}
    return fc.fit(model, rich(), horizon=12, **settings)


def leads(rows=900, spread=0.05, seed=0):
    """A series that follows `lead` five rows later, next to noise that says nothing."""
    random = np.random.default_rng(seed)
    lead = random.normal(0, 1, rows)
    target = np.concatenate([np.zeros(5), lead[:-5]]) + random.normal(0, spread, rows)
    values = np.column_stack([target, lead, random.normal(0, 1, rows)])
    columns = (Column("y", "target"), Column("lead", "past"), Column("noise", "past"))
    return make_panel(("one",), [hours(rows)], [values], columns, HOURLY)


@pytest.mark.parametrize("shape", SHAPES)
def test_the_parts_of_a_net_sum_to_its_forecast(shape, full, origins):
    model, settings = SHAPES[shape]
    fitted = fc.fit(model, full, horizon=12, **{**NET, **settings})
    if shape == "members":
        other = fc.fit(model, full, horizon=12, seed=1, **NET)
        nets = (*fitted.learned.nets[:1], *other.learned.nets)
        fitted = replace(fitted, learned=replace(fitted.learned, nets=nets))
    made = explain(fitted, full, origins)
    assert np.array_equal(made.forecast, fitted.predict(full, origins).values)
    departed = np.abs(made.forecast - made.parts.held).mean()
    assert departed > 1e-3
    assert np.abs(made.total - made.forecast).mean() <= 0.01 * departed
    assert made.distance <= 0.01


@pytest.mark.parametrize("model", EXACT)
def test_the_parts_of_other_models_are_exact(model, full, origins):
    fitted = fitted_on_rich(model)
    made = explain(fitted, full, origins)
    size = np.abs(made.forecast).max()
    assert np.abs(made.forecast - fitted.predict(full, origins).values).max() <= 1e-9 * size
    assert np.abs(made.total - made.forecast).max() <= 1e-9 * size


@pytest.mark.parametrize("model", ["gru", "ridge", "arima", "boosting", "seasonal"])
def test_the_frame_of_one_forecast_sums_to_it(model, full, origins):
    fitted = fitted_on_rich(model)
    made = explain(fitted, full, origins, horizons=[1, 12])
    frame = made.to_frame()
    assert list(frame.columns) == ["unique_id", "cutoff", "ds", "column", "lag", "part", "value"]
    sums = frame.groupby(["unique_id", "cutoff", "ds"])["value"].sum()
    forecast = fitted.predict(full, origins).to_frame(cutoff=True)
    told = forecast.set_index(["unique_id", "cutoff", "ds"])[model].loc[sums.index]
    assert np.allclose(sums, told, rtol=0, atol=0.02 * np.abs(told).std())
    alone = frame[frame["lag"].isna()]
    assert set(alone["part"]) <= {"anchor", "bias", "series", "calendar", "level", "static"}
    assert (frame["part"] == "anchor").sum() == 10


@pytest.mark.parametrize("model", ["lstm", "gru", "ridge", "boosting"])
def test_a_new_series_is_explained_too(model):
    panel = weather()
    settings = NET if model in ("lstm", "gru") else {}
    first = replace(panel, ids=panel.ids[:1], starts=panel.starts[:1], stops=panel.stops[:1])
    fitted = fc.fit(model, first, horizon=6, **settings)
    origins = np.array([[1, 60], [0, 300], [1, 300]])
    made = explain(fitted, panel, origins)
    assert np.allclose(made.forecast, fitted.predict(panel, origins).values, rtol=1e-12)
    assert made.distance <= 0.01


@pytest.mark.parametrize("transform", ["log1p", "asinh", "yeo-johnson"])
def test_under_a_transform_the_sum_holds_in_transformed_units(transform):
    panel = single(5 + np.sin(np.arange(400) / 5) + np.random.default_rng(0).normal(0, 0.1, 400))
    fitted = fc.fit("ridge", panel, horizon=6, transform=transform)
    made = explain(fitted, panel)
    assert made.units == f"{transform} of y"
    z = fitted.scaling.forward(fitted.predict(panel).values, np.zeros(1, int))
    inside = z * fitted.scaling.spread[0, 0] + fitted.scaling.loc[0, 0]
    assert np.allclose(made.forecast, inside, rtol=1e-10)
    assert np.allclose(made.total, inside, rtol=1e-10)


def test_what_bounds_cut_off_is_a_part():
    panel = single(np.maximum(np.sin(np.arange(400) / 4), 0.0))
    fitted = fc.fit("ridge", panel, horizon=12, bounds=(0.1, 0.9), hurdle=False)
    made = explain(fitted, panel)
    forecast = fitted.predict(panel).values
    assert (forecast == 0.1).any()
    assert np.allclose(made.total, forecast, rtol=0, atol=1e-12)
    assert np.abs(made.bounds[forecast == 0.1]).max() > 1e-3
    assert not made.bounds[(forecast > 0.1) & (forecast < 0.9)].any()
    assert "bounds" in set(made.to_frame()["part"])


def test_a_chance_and_an_amount_are_no_sum_of_parts():
    panel = single(np.maximum(np.sin(np.arange(400) / 4), 0.0))
    fitted = fc.fit("ridge", panel, horizon=12)
    with pytest.raises(ForecastError, match=r"Fit it with `ridge.hurdle=false` to have it explained"):
        explain(fitted, panel)


def test_of_a_combination_each_part_is_named_that_has_a_hurdle():
    panel = single(np.maximum(np.sin(np.arange(400) / 4), 0.0))
    fitted = fc.fit("ridge+boosting", panel, horizon=3)
    both = "`ridge.hurdle=false` and `boosting.hurdle=false`"
    with pytest.raises(ForecastError, match=re.escape(f"Fit it with {both} to have it explained")):
        explain(fitted, panel)
    apart = fc.fit("ridge+boosting", panel, horizon=3, ridge={"hurdle": False}, boosting={"hurdle": False})
    assert np.allclose(explain(apart, panel).total, apart.predict(panel).values, rtol=0, atol=1e-9)


@pytest.mark.parametrize("model", ["gru", pytest.param("lstm", marks=pytest.mark.slow)])
def test_a_column_that_leads_gets_the_attribution_in_its_segment(model):
    """The five steps are the last five rows of `lead`, which are its last segment; the last of these has no departure."""
    panel = leads(20_000, 0.2)
    settings = {**NET, "units": 16, "steps": 600, "batch": 256, "learning_rate": 0.01, "noise": 0.0}
    fitted = fc.fit(model, panel, horizon=5, **{**settings, "segment": 5, "context": 10, "validation": 0.05})
    made = explain(fitted, panel, np.stack([np.zeros(60, int), np.arange(600, 660)], axis=1))
    sizes = np.abs(made.cells).sum((0, 1))
    said = sizes / sizes.sum()
    assert said[:5, 1].sum() >= 0.9
    assert said[:, 2].sum() < 0.02
    for step in range(4):
        assert np.abs(made.cells[:, step, :, 1]).sum(0).argmax() == 4 - step


@pytest.mark.parametrize("model", ["lstm", "gru", "ridge", "boosting"])
def test_a_column_without_spread_in_the_fit_gets_exactly_nothing(model):
    panel = leads()
    values = panel.values.copy()
    values[:700, 2] = 3.0
    moved = replace(panel, values=values)
    settings = NET if model in ("lstm", "gru") else {}
    fitted = fc.fit(model, moved.until(np.array([700])), horizon=5, **settings)
    made = explain(fitted, moved, np.array([[0, 800]]))
    assert not made.by_column[..., 2].any()
    assert not made.cells[..., 2].any()
    assert made.by_column[..., 1].any()


@pytest.mark.parametrize("model", ["arima", "seasonal", "naive"])
def test_columns_that_a_model_does_not_read_get_exactly_nothing(model):
    panel = leads()
    made = explain(fc.fit(model, panel, horizon=5), panel)
    assert not made.by_column[..., 1:].any()


def test_missing_cells_get_exactly_nothing():
    panel = leads()
    values = panel.values.copy()
    values[590:600, 1] = np.nan
    values[580:584, 0] = np.nan
    holed = replace(panel, values=values)
    made = explain(fc.fit("gru", holed, horizon=5, **NET), holed, np.array([[0, 600]]))
    assert not made.cells[0, :, :10, 1].any()
    assert not made.cells[0, :, 16:20, 0].any()
    assert made.cells[0, :, 10:, 1].any()
    assert np.isfinite(made.cells).all()


def test_the_linear_path_is_exact_and_named():
    panel = leads()
    fitted = fc.fit("gru", panel, horizon=5, **{**NET, "anchor": "last"})
    origin = np.array([[0, 600]])
    made = explain(fitted, panel, origin)
    window = fitted.scaled(panel).values[576:600, 0].astype("float32")
    net = fitted.learned.nets[0]
    weights = net.skip.weight.detach().numpy()
    expected = weights * (window - window[-1]) * fitted.scaling.spread[0, 0]
    assert np.allclose(made.parts.skip[0], expected[:, ::-1], rtol=1e-4, atol=1e-7)
    assert {"skip", "window"} <= set(made.to_frame()["part"])


def test_two_runs_give_the_same_bits(full, origins):
    fitted = fitted_on_rich("gru")
    one, two = explain(fitted, full, origins), explain(fitted, full, origins)
    for name, part in one.parts.parts().items():
        assert np.array_equal(part, two.parts.parts()[name]), name


def test_more_points_come_closer_to_the_forecast(full, origins):
    fitted = fitted_on_rich("gru")
    near, far = (explain(fitted, full, origins, integration=points).distance for points in (256, 2))
    assert near < far / 4


def test_many_origins_say_what_each_says_alone(full, origins):
    for model in ("gru", "boosting", "arima"):
        fitted = fitted_on_rich(model)
        together = explain(fitted, full, origins, horizons=[1, 7])
        for place, origin in enumerate(origins):
            alone = explain(fitted, full, origin[None], horizons=[1, 7])
            rows = min(alone.cells.shape[2], together.cells.shape[2])
            assert np.allclose(alone.cells[0, :, :rows], together.cells[place, :, :rows], atol=1e-5)


def test_usage_adds_the_parts_of_a_column_up():
    panel = leads()
    fitted = fc.fit("ridge", panel, horizon=5)
    made = explain(fitted, panel, np.stack([np.zeros(50, int), np.arange(600, 650)], axis=1))
    usage = made.usage()
    assert usage["column"][0] == "lead"
    assert usage["share"].sum() == pytest.approx(1)
    by_lag = made.usage_by_lag()
    assert by_lag.loc[by_lag["mean_abs"].idxmax(), "column"] == "lead"


@pytest.mark.parametrize(
    ("model", "horizons", "words"),
    [
        ("theta", None, "theta cannot be explained: .* Those that can are lstm, gru, ridge"),
        ("ridge+theta", None, r"ridge\+theta cannot be explained"),
        ("ridge", [6], "ridge forecasts steps 1 to 5; step 6 was asked for"),
        ("ridge", [0], "step 0 was asked for"),
        ("ridge", [], "no step was asked for"),
    ],
)
def test_what_cannot_be_explained_is_refused_in_a_sentence(model, horizons, words):
    panel = leads()
    fitted = fc.fit(model, panel, horizon=5)
    with pytest.raises(ForecastError, match=words):
        explain(fitted, panel, horizons=horizons)


def test_an_origin_that_is_not_there_is_refused():
    panel = leads()
    with pytest.raises(ForecastError, match=r"There is no origin \(series 0, row 901\)"):
        explain(fc.fit("naive", panel, horizon=5), panel, np.array([[0, 901]]))
    with pytest.raises(ForecastError, match="number of points, at least 1; found 0"):
        explain(fc.fit("naive", panel, horizon=5), panel, integration=0)
