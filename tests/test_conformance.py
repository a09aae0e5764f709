"""What every row of the model table must do. A new model gets all of this for free."""

import dataclasses
import hashlib
from dataclasses import replace

import numpy as np
import pytest
from conftest import single

from forecast import testing
from forecast.data.clock import Clock
from forecast.errors import ForecastError
from forecast.evaluation.backtest import backtest
from forecast.evaluation.folds import WalkForward
from forecast.fitting import fit
from forecast.models import MODELS, models_for, spec
from forecast.models.base import reads_of
from forecast.models.names import LEAST
from forecast.testing import LATE, LONG

H = testing.HORIZON
VARIANTS = {  # nets that are held to the same
    "stacked": ("lstm", {"units": [8, 6], "recurrent_dropout": 0.1}),
    "bidirectional": ("gru", {"bidirectional": True, "attention": True, "since": True}),
    "recursive": ("gru", {"head": "recursive", "segment": 6}),
}
COMBINED = ["ridge+theta", "theta+gru"]
NUMBERS = models_for("number")
NETS = [*(name for name, (module, _, _) in MODELS.items() if module.startswith("nets.")), *VARIANTS]
WITH_NETS = [*NETS, "theta+gru"]
READERS = [*(name for name in NUMBERS if "future" in reads_of(spec(name))), *VARIANTS, *COMBINED]
UNREAD = [name for name in NUMBERS if len(reads_of(spec(name))) < 3]


NAMED = [name for name in models_for("names") if name not in NETS]
KINDS = ["event", "names"]


def small(name, **settings):
    """The model of the table, the variant, or the combination, its net with these settings; a net has few units and steps, so that the suite stays
    quick."""
    few = {"units": 8, "steps": 48, "batch": 32, "context": 48}
    if name in COMBINED:
        return spec(name, **{part: {**few, **settings} for part in name.split("+") if part in NETS})
    model, own = VARIANTS.get(name, (name, {}))
    return spec(model, **{**(few if name in NETS else {}), **own, **settings})


def close(name):
    """How near forecasts must be that were computed side by side and one by one."""
    return 1e-5 if name in WITH_NETS else 1e-6 if name == "arima" else 1e-9


@pytest.fixture(scope="module", params=[*NUMBERS, *VARIANTS, *COMBINED])
def name(request):
    return request.param


@pytest.fixture(scope="module")
def fitted(name, panel):
    return fit(small(name), panel.until(np.array([330, 330])), H, seed=1, intervals=(80, 95))


@pytest.fixture(scope="module")
def rich():
    return testing.rich()


def test_poison(name, panel):
    """Rewriting every value after a moment moves no forecast whose origin is at or before it by a bit."""
    testing.held_to_the_past(small(name), panel)


@pytest.mark.parametrize("name", WITH_NETS)
def test_poison_with_warm_refits(name, panel):
    """No fold learns from a later one by way of the weights."""
    testing.held_to_the_past(small(name), panel, refit="warm")


@pytest.mark.parametrize("name", READERS)
def test_poison_with_future_and_static_columns_categories_and_neighbours(name, rich):
    """Of the rows after an origin a model may read the future columns over the horizon and what is static, and nothing else."""
    testing.held_to_the_past(small(name), rich)


def test_many_origins_equal_one_by_one(panel, fitted, name):
    testing.many_origins_equal_one_by_one(fitted, panel, close(name))


OWN_RULE = ("mean", "median", "climatology", "zero")  # their forecasts do not start from the last value
IN_PART = ("ridge", "har", "ridge+theta")  # whose weights draw the last value toward the mean


@pytest.fixture(scope="module")
def gapped():
    return testing.gapped()


@pytest.fixture(scope="module")
def fitted_before(name, gapped):
    settings = {"anchor": "last"} if name in WITH_NETS else {}
    return fit(small(name, **settings), gapped.history(), H, seed=1)


def test_in_a_gap_longer_than_the_context_what_is_stored_is_enough(gapped, fitted_before):
    assert fitted_before.context < LONG - H
    testing.the_stored_rows_are_enough_in_a_gap(fitted_before, gapped)


def test_in_a_gap_longer_than_the_context_forecasts_start_from_the_last_observed_value(
    name, gapped, fitted_before
):
    """They rise with it; older values of past columns stay missing."""
    before = fitted_before.predict(gapped, LATE).values
    values = gapped.values.copy()
    values[gapped.latest(LATE), 0] += 1.0
    values[:, 1] += 5.0
    rise = fitted_before.predict(replace(gapped, values=values), LATE).values - before
    if name in IN_PART:
        assert (np.abs(rise - 1.0) < 0.2).all()
    else:
        np.testing.assert_allclose(rise, 0.0 if name in OWN_RULE else 1.0, atol=1e-5)


def test_in_a_gap_longer_than_the_context_a_new_series_starts_from_its_last_observed_value(
    name, gapped, fitted_before
):
    """One with the values of a fitted series is forecast as that is, but for what was learned of the series alone."""
    fitted = fitted_before.predict(gapped, LATE).values
    cold = fitted_before.predict(replace(gapped, ids=("new", "other")), LATE).values
    if name == "drift":
        np.testing.assert_allclose(cold, np.repeat(gapped.last(LATE)[:, None], H, axis=1))
    elif name not in OWN_RULE:
        assert np.abs(cold - fitted).max() < 0.3


def test_the_context_is_enough(name, panel, fitted):
    testing.the_context_is_enough(fitted, panel, close(name))


def test_saved_and_loaded_forecast_the_same_bits(panel, fitted):
    testing.a_loaded_model_gives_the_same_bits(fitted, panel)


@pytest.mark.parametrize("name", READERS)
def test_a_rich_panel_is_forecast_one_by_one_from_its_context_and_from_a_file_alike(name, rich):
    fitted = testing.a_rich_panel_is_forecast(small(name), rich, close(name))
    tomorrow = testing.without_later_values(rich)
    before = fitted.predict(tomorrow).values
    moved = tomorrow.values.copy()
    for start in rich.starts:
        moved[start + 360 : start + 420, 2] += 1.0
    after = fitted.predict(replace(tomorrow, values=moved)).values
    assert np.abs(after - before).min() > 0  # each step reads the future column
    if (
        "static" in reads_of(fitted.spec) and name != "boosting"
    ):  # whose few trees may split on something else
        for place in rich.static:
            other = tomorrow.values.copy()
            other[:, place] = other[::-1, place]
            after = fitted.predict(replace(tomorrow, values=other)).values
            assert np.abs(after - before).min() > 0


def test_same_seed_same_bits_and_the_callers_random_state_is_left_alone(name, panel):
    testing.the_same_seed_gives_the_same_bits(small(name), panel)


def test_predict_changes_nothing(panel, fitted):
    testing.predict_changes_nothing(fitted, panel)


@pytest.mark.parametrize("name", UNREAD)
def test_what_a_model_does_not_say_it_reads_makes_no_difference(name, rich):
    testing.reads_only_what_it_says(small(name), rich)


def test_answers_have_their_shape(panel, fitted):
    testing.answers_have_their_shape(fitted, panel)


@pytest.mark.parametrize("kind", testing.NASTY)
def test_finite_on_nasty_panels(name, kind):
    settings = {"context": None} if name in WITH_NETS else {}
    testing.is_finite(small(name, **settings), testing.NASTY[kind]())


@pytest.mark.parametrize("kind", ["short", "a fifth missing", "last missing", "huge"])
def test_quantiles_are_ordered_around_the_point(name, kind):
    """A model's own quantiles, and those of the calibration."""
    settings = {"loss": "quantile", "context": None} if name in WITH_NETS else {}
    whole = testing.quantiles_are_ordered(small(name, **settings), testing.NASTY[kind]())
    assert whole or name in ("naive", "seasonal", "drift", "zero")


def test_a_constant_series_is_forecast_as_itself(name):
    level = 0.0 if name == "zero" else 7.0
    panel = single(np.full(200, level))
    settings = {"steps": 200} if name in WITH_NETS else {}
    values = fit(small(name, **settings), panel, 6).predict(panel).values
    assert np.abs(values - level).max() < 0.5


def test_a_missing_column_is_named(panel, fitted):
    without = replace(panel, values=panel.values[:, :1], columns=panel.columns[:1])
    with pytest.raises(
        ForecastError, match=r"was fitted on temp, lead; lead is missing here\. Add the column"
    ):
        fitted.predict(without)


def test_columns_are_found_by_name(panel, fitted):
    testing.columns_are_found_by_name(fitted, panel)


def test_another_clock_is_refused(panel, fitted):
    with pytest.raises(ForecastError, match="was fitted on hourly data; these are daily"):
        fitted.predict(replace(panel, clock=Clock("fixed", "1D")))


@pytest.mark.parametrize("origin", [(0, 0), (2, 5), (0, 421), (-1, 5)])
def test_an_impossible_origin_is_refused(panel, fitted, origin):
    with pytest.raises(ForecastError, match="There is no origin"):
        fitted.predict(panel, np.array([origin]))


def test_a_new_id_is_forecast_cold(name, panel, fitted):
    """A series never seen is scaled on its own rows; far away in level and spread, it is still forecast near its own level."""
    if name == "zero":  # which knows no level
        far = replace(panel, ids=("new", "other"), values=1000 * panel.values + 5000)
        np.testing.assert_allclose(fitted.predict(far).values, 0.0, atol=1e-9)
        return
    testing.a_new_series_is_forecast(fitted, panel)


@pytest.mark.parametrize(
    ("jobs", "models"),
    [(2, ("gru", "lstm", "arima", "seasonal")), (4, ("theta", "ridge", "seasonal", "theta+gru"))],
)
def test_side_by_side_in_processes_the_bits_are_the_same(panel, jobs, models):
    walk = WalkForward(horizon=H, folds=2, stride=5)
    alone, together = (
        [hashed(one) for one in backtest([small(name) for name in models], panel, walk, jobs=count)]
        for count in (1, jobs)
    )
    assert alone == together
    assert len({found for *_, found in alone}) == len(alone)


def hashed(outcome):
    """Who forecast, and a hash of all that an outcome holds."""
    forecast = outcome.forecast
    arrays = (
        forecast.origins,
        forecast.cutoffs,
        forecast.times,
        forecast.values,
        outcome.actual,
        outcome.truth.last,
    )
    return (
        forecast.model,
        outcome.fold,
        hashlib.sha256(b"".join(array.tobytes() for array in arrays)).hexdigest(),
    )


@pytest.mark.parametrize("name", NETS)
def test_the_first_step_sees_the_last_input(name, panel):
    """No decoding from stale states: d yhat[0] / d x[-1] is not zero, nor is that of the last step."""
    import torch

    learned = fit(small(name), panel, H).learned
    window = torch.zeros(1, learned.context, 2).requires_grad_()
    width = learned.nets[0].calendar.in_features if learned.nets[0].calendar is not None else 0
    calendar = torch.zeros(1, learned.nets[0].answers, width)
    for step in (0, H - 1):
        (gradient,) = torch.autograd.grad(
            learned.nets[0](window, torch.zeros(1, dtype=torch.int64), calendar)[0, step, 0], window
        )
        assert gradient[0, -1, 0].abs() > 1e-6
        assert gradient[0, 0, 0].abs() > 0  # and the first


@pytest.mark.parametrize("name", ["lstm", "gru"])
def test_a_random_walk_is_forecast_as_well_as_it_can_be(name):
    walk = single(np.cumsum(np.random.default_rng(4).normal(size=1500)))
    learned = fit(name, walk.until(np.array([1200])), H, units=16, steps=150)
    origins = testing.origins_from(walk, 1200, 1480)
    error = learned.predict(walk, origins).values[:, 0] - walk.truth(origins, H)[:, 0]
    assert np.sqrt(np.mean(error**2)) <= 1.1


@pytest.mark.parametrize("name", ["lstm", "gru"])
def test_a_sine_is_learned(name):
    wave = single(np.sin(0.1 * np.arange(1000)), Clock("step"))
    learned = fit(name, wave.until(np.array([800])), 1, units=16, steps=200)
    origins = testing.origins_from(wave, 800, 999)
    assert np.abs(learned.predict(wave, origins).values - wave.truth(origins, 1)).max() < 0.01


@pytest.mark.parametrize("model", [*NUMBERS, *COMBINED])
def test_a_spec_is_a_value(model):
    one = spec(model)
    assert one == spec(model)
    assert hash(one) == hash(spec(model))
    assert dataclasses.is_dataclass(one)
    if model not in COMBINED:
        testing.is_a_value(one)


# Of models whose target has names.


def of_names(name):
    """The model of the table, with few trees, so that the suite stays quick."""
    return spec(name, **({"trees": 25} if name == "boosting" else {}))


@pytest.fixture(scope="module")
def rich_named():
    return {kind: testing.rich_named(kind) for kind in KINDS}


@pytest.fixture(scope="module", params=[(name, kind) for name in NAMED for kind in KINDS], ids="-".join)
def fitted_names(request):
    """A model of names, and the panel that it was fitted on."""
    name, kind = request.param
    panel = testing.named(kind)
    return fit(of_names(name), panel.until(np.array([330, 330])), H, seed=1), panel


def test_of_names_many_origins_the_context_and_a_file_give_the_same_shares(fitted_names):
    fitted, panel = fitted_names
    testing.answers_have_their_shape(fitted, panel)
    testing.many_origins_equal_one_by_one(fitted, panel, 1e-9)
    testing.the_context_is_enough(fitted, panel, 1e-9)
    testing.a_loaded_model_gives_the_same_bits(fitted, panel)
    testing.predict_changes_nothing(fitted, panel)
    testing.columns_are_found_by_name(fitted, panel)


def test_shares_sum_to_one_and_none_is_zero(fitted_names):
    fitted, panel = fitted_names
    shares = fitted.predict(panel, testing.origins_from(panel, 1, 420)).shares
    assert shares.dtype == np.float64
    assert np.abs(shares.sum(-1) - 1).max() < 1e-12
    assert shares.min() >= 0.99 * LEAST


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", NAMED)
def test_poison_of_names_with_columns_of_every_role(name, kind, rich_named):
    testing.held_to_the_past(of_names(name), rich_named[kind])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", NAMED)
def test_a_rich_panel_of_names_is_forecast(name, kind, rich_named):
    testing.a_rich_panel_is_forecast(of_names(name), rich_named[kind], 1e-9)
    testing.reads_only_what_it_says(of_names(name), rich_named[kind])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", NAMED)
def test_names_may_be_missing(name, kind):
    testing.names_may_be_missing(of_names(name), testing.named(kind, missing=0.2), 1e-9)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", NAMED)
def test_of_names_the_stored_rows_are_enough_in_a_long_gap(name, kind):
    gaps = testing.gapped_named(kind)
    testing.the_stored_rows_are_enough_in_a_gap(fit(of_names(name), gaps.history(), H, seed=1), gaps)


@pytest.mark.parametrize("span", ["any", "all"])
@pytest.mark.parametrize("name", NAMED)
def test_any_and_all_steps_of_the_horizon_are_answered(name, span):
    testing.spans_are_answered(of_names(name), testing.named("event"), span, 1e-9)


@pytest.mark.parametrize("name", NAMED)
def test_of_names_the_same_seed_gives_the_same_bits(name):
    testing.the_same_seed_gives_the_same_bits(of_names(name), testing.named())
