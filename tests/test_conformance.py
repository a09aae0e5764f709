"""What every row of the model table must do. A new model gets all of this for free."""

import dataclasses
import hashlib
from dataclasses import replace

import numpy as np
import pytest
from conftest import single, weather

from forecast.data.clock import Clock
from forecast.data.panel import Column
from forecast.errors import ForecastError
from forecast.evaluation.backtest import backtest
from forecast.evaluation.calibration import calibrate
from forecast.evaluation.folds import WalkForward
from forecast.fitting import fit
from forecast.models import MODELS, models_for, spec
from forecast.models.base import reads_of
from forecast.reading.neighbours import with_neighbours
from forecast.saving import load, load_context, save, save_context

H = 12
VARIANTS = {  # nets that are held to the same
    "stacked": ("lstm", {"units": [8, 6], "recurrent_dropout": 0.1}),
    "bidirectional": ("gru", {"bidirectional": True, "attention": True, "since": True}),
    "recursive": ("gru", {"head": "recursive", "segment": 6}),
}
COMBINED = ["ridge+theta", "theta+gru"]
NUMBERS = models_for("number")  # test_names holds those of names to the same
NETS = [*(name for name, (module, _, _) in MODELS.items() if module.startswith("nets.")), *VARIANTS]
WITH_NETS = [*NETS, "theta+gru"]
READERS = [*(name for name in NUMBERS if "future" in reads_of(spec(name))), *VARIANTS, *COMBINED]


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


def origins_from(first, last, series=2):
    return np.array([(s, row) for s in range(series) for row in range(first, last)])


def poisoned(panel, stamp):
    """The panel with every value at or after a stamp replaced by noise, a few of them missing; of future columns what lies a horizon later,
    and of static ones nothing."""
    random = np.random.default_rng(9)
    values = panel.values.copy()
    later = panel.times >= stamp
    values[later] = random.normal(50, 30, values[later].shape)
    values[later & (random.random(len(values)) < 0.1)] = np.nan
    names = [place for place, column in enumerate(panel.columns) if column.names is not None]
    values[np.ix_(later, names)] = random.integers(3, size=(later.sum(), len(names)))
    future = [place for place, column in enumerate(panel.columns) if column.role == "future"]
    known = np.ix_(panel.times < stamp + np.timedelta64(H, "h"), future)
    values[known] = panel.values[known]
    values[:, panel.static] = panel.values[:, panel.static]
    return replace(panel, values=values)


@pytest.fixture(scope="module")
def rich():
    """Two series with a past column, numbers and names that are known ahead, names that are not, numbers and names that tell them apart, and each
    other as neighbours."""
    panel, random = weather(), np.random.default_rng(5)
    codes = random.integers(2, size=(len(panel.values), 2))  # the third name is in no past
    still = np.repeat([[120.0, 0], [40, 1]], panel.lengths, axis=0)
    values = np.column_stack([panel.values, random.normal(size=len(panel.values)), codes, still])
    values[:, 0] += 2 * values[:, 2] + codes[:, 0]
    values[random.random(len(values)) < 0.05, 3] = np.nan
    kinds = ("day", "night", "noon")
    made = (
        *panel.columns,
        Column("load", "future"),
        Column("plan", "future", kinds),
        Column("sky", "past", kinds),
        Column("height", "static"),
        Column("site", "static", kinds),
    )
    return with_neighbours(replace(panel, values=values, columns=made), panel.ids)


def test_poison(name, panel):
    """Rewriting every value after a moment moves no forecast whose origin is at or before it by a bit."""
    held_to_the_past(name, panel)


@pytest.mark.parametrize("name", WITH_NETS)
def test_poison_with_warm_refits(name, panel):
    """No fold learns from a later one by way of the weights."""
    held_to_the_past(name, panel, refit="warm")


@pytest.mark.parametrize("name", READERS)
def test_poison_with_future_and_static_columns_categories_and_neighbours(name, rich):
    """Of the rows after an origin a model may read the future columns over the horizon and what is static, and nothing else."""
    held_to_the_past(name, rich)


def held_to_the_past(name, panel, refit="cold"):
    walk = WalkForward(horizon=H, test=0.3, folds=2, stride=2, refit=refit)
    stamp = panel.times[380]
    clean = calibrate(backtest(small(name), panel, walk, intervals=(20,)), (20,))[0]
    dirty = calibrate(backtest(small(name), poisoned(panel, stamp), walk, intervals=(20,)), (20,))[0]
    compared, bounded = 0, 0
    for one, two in zip(clean, dirty, strict=True):
        early = panel.times[one.forecast.origins[:, 1] - 1] < stamp
        assert np.array_equal(one.forecast.values[early], two.forecast.values[early])
        assert np.array_equal(one.forecast.quantiles[early], two.forecast.quantiles[early], equal_nan=True)
        compared += early.sum()
        bounded += (~np.isnan(one.forecast.quantiles[early])).all((1, 2)).sum()
    assert bounded > 5
    assert 50 < compared < sum(len(one.forecast.origins) for one in clean)


def test_many_origins_equal_one_by_one(name, panel, fitted):
    origins = origins_from(360, 372)
    whole = fitted.predict(panel, origins)
    alone = [fitted.predict(panel, origins[[i]]) for i in range(len(origins))]
    quantiles = np.concatenate([one.quantiles for one in alone])
    assert np.array_equal(np.isnan(quantiles), np.isnan(whole.quantiles))
    assert np.nanmax(np.abs(quantiles - whole.quantiles), initial=0.0) < close(name)
    together, alone = whole.values, np.concatenate([one.values for one in alone])
    assert np.abs(together - alone).max() < close(name)


LONG = 700  # rows of a gap that is longer than any context here
OWN_RULE = ("mean", "median", "climatology")  # their forecasts do not start from the last value
IN_PART = ("ridge", "har", "ridge+theta")  # whose weights draw the last value toward the mean


@pytest.fixture(scope="module")
def gapped():
    """Two series of which nothing but a column known ahead was observed in the last rows."""
    panel = weather((300 + LONG, 300 + LONG))
    values = np.column_stack([panel.values, np.sin(np.arange(len(panel.values)) / 9)])
    for stop in panel.stops:
        values[stop - LONG : stop, :2] = np.nan
    return replace(panel, values=values, columns=(*panel.columns, Column("plan", "future")))


@pytest.fixture(scope="module")
def fitted_before(name, gapped):
    settings = {"anchor": "last"} if name in WITH_NETS else {}
    return fit(small(name, **settings), gapped.history(), H, seed=1)


LATE = np.array([[0, 300 + LONG - H], [1, 300 + LONG - H]])


def test_in_a_gap_longer_than_the_context_what_is_stored_is_enough(gapped, fitted_before, tmp_path):
    assert fitted_before.context < LONG - H
    save_context(fitted_before, gapped, tmp_path / "context.parquet")
    context = load_context(fitted_before, tmp_path / "context.parquet")
    assert context.lengths.tolist() == [min(fitted_before.context, 300) + LONG] * 2
    there = LATE - np.stack([np.zeros(2, "int64"), gapped.lengths - context.lengths], axis=1)
    whole = fitted_before.predict(gapped, LATE).values
    assert np.array_equal(whole, fitted_before.predict(context, there).values)


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
    short = panel.until(np.array([400, 400])).tail(fitted.context).compact()
    whole = fitted.predict(panel, np.array([[0, 400], [1, 400]])).values
    assert np.abs(whole - fitted.predict(short).values).max() < close(name)


def test_saved_and_loaded_forecast_the_same_bits(panel, fitted, tmp_path):
    save(fitted, tmp_path / "model.safetensors")
    save_context(fitted, panel, tmp_path / "context.parquet")
    loaded = load(tmp_path)
    assert loaded.spec == fitted.spec
    origins = origins_from(340, 350)
    assert np.array_equal(loaded.predict(panel, origins).values, fitted.predict(panel, origins).values)
    assert np.array_equal(
        loaded.predict(panel, origins).quantiles, fitted.predict(panel, origins).quantiles, equal_nan=True
    )
    context = load_context(loaded, tmp_path / "context.parquet")
    assert np.array_equal(
        loaded.predict(context).values,
        fitted.predict(load_context(fitted, tmp_path / "context.parquet")).values,
    )


@pytest.mark.parametrize("name", READERS)
def test_a_rich_panel_is_forecast_one_by_one_from_its_context_and_from_a_file_alike(name, rich, tmp_path):
    fitted = fit(small(name), rich.until(np.array([330, 330])), H, seed=1)
    origins = origins_from(360, 366)
    whole = fitted.predict(rich, origins).values
    alone = np.concatenate([fitted.predict(rich, origins[[i]]).values for i in range(len(origins))])
    assert np.abs(whole - alone).max() < close(name)
    values = rich.values.copy()
    ahead = np.concatenate(
        [np.arange(begin + 360, stop) for begin, stop in zip(rich.starts, rich.stops, strict=True)]
    )
    others = [place for place, column in enumerate(rich.columns) if column.role not in ("future", "static")]
    values[np.ix_(ahead, others)] = np.nan  # tomorrow: nothing but the future columns is known
    values[ahead, 3] = 1.0
    tomorrow = replace(rich, values=values)
    save(fitted, tmp_path / "model.safetensors")
    save_context(fitted, tomorrow, tmp_path / "context.parquet")
    loaded = load(tmp_path)
    context = load_context(loaded, tmp_path / "context.parquet")
    assert context.lengths.tolist() == [min(fitted.context, 360) + 60] * 2
    assert np.abs(loaded.predict(context).values - fitted.predict(tomorrow).values).max() < close(name)
    moved = values.copy()
    moved[ahead, 2] += 1.0
    assert (
        np.abs(fitted.predict(replace(rich, values=moved)).values - fitted.predict(tomorrow).values).min() > 0
    )  # each step reads them
    if (
        "static" in reads_of(fitted.spec) and name != "boosting"
    ):  # whose few trees may split on something else
        for place in rich.static:
            other = values.copy()
            other[:, place] = values[::-1, place]
            assert (
                np.abs(
                    fitted.predict(replace(rich, values=other)).values - fitted.predict(tomorrow).values
                ).min()
                > 0
            )
    new = replace(tomorrow, ids=("a", "new"))
    assert np.isfinite(fitted.predict(new).values).all()


def test_same_seed_same_bits_and_the_callers_random_state_is_left_alone(name, panel):
    import torch

    np.random.seed(3)
    torch.manual_seed(3)
    state, numpy_state = torch.get_rng_state(), np.random.get_state()
    threads = torch.get_num_threads()
    values = [fit(small(name), panel, H, seed=5).predict(panel).values for _ in range(2)]
    assert np.array_equal(*values)
    assert torch.equal(state, torch.get_rng_state())
    assert np.array_equal(numpy_state[1], np.random.get_state()[1])
    assert torch.get_num_threads() == threads


def test_predict_changes_nothing(panel, fitted):
    before = {key: array.copy() for key, array in fitted.learned.arrays().items()}
    values = panel.values.copy()
    one, two = fitted.predict(panel).values, fitted.predict(panel).values
    assert np.array_equal(one, two)
    assert np.array_equal(values, panel.values, equal_nan=True)
    assert all(np.array_equal(array, before[key]) for key, array in fitted.learned.arrays().items())


def missing_fifth():
    panel = weather()
    values = panel.values.copy()
    values[np.random.default_rng(2).random(values.shape) < 0.2] = np.nan
    return replace(panel, values=values)


def last_missing():
    panel = weather()
    values = panel.values.copy()
    values[panel.stops[0] - 3 : panel.stops[0], 0] = np.nan
    values[panel.stops - 1, 1] = np.nan
    return replace(panel, values=values)


NASTY = {
    "short": lambda: weather((60,)),
    "ragged": lambda: weather((420, 70, 7)),
    "constant": lambda: single(np.full(200, 7.0)),
    "trend": lambda: single(np.arange(200.0)),
    "a fifth missing": missing_fifth,
    "last missing": last_missing,
    "steps": lambda: single(np.sin(np.arange(300) / 5), Clock("step")),
    "months": lambda: single(np.arange(120) % 12 + 0.1 * np.arange(120), Clock("calendar", "MS")),
    "huge": lambda: single(1e12 + 1e9 * np.sin(np.arange(200) / 4)),
}


@pytest.mark.parametrize("kind", NASTY)
def test_finite_on_nasty_panels(name, kind):
    panel = NASTY[kind]()
    forecast = fit(small(name, **({"context": None} if name in WITH_NETS else {})), panel, 6).predict(panel)
    assert np.isfinite(forecast.values).all()
    assert forecast.values.shape == (len(panel.ids), 6)


@pytest.mark.parametrize("kind", ["short", "a fifth missing", "last missing", "huge"])
def test_quantiles_are_ordered_around_the_point(name, kind):
    """A model's own quantiles, and those of the calibration."""
    panel = NASTY[kind]()
    loss = {"loss": "quantile"} if name in WITH_NETS else {}
    settings = {**loss, **({"context": None} if name in WITH_NETS else {})}
    walk = WalkForward(horizon=6, folds=1)
    own = list(backtest(small(name, **settings), panel, walk, intervals=(50, 80)))
    for outcome in own + calibrate(own, (50, 80))[0]:
        forecast = outcome.forecast
        if forecast.quantiles is not None:
            assert forecast.levels == (0.1, 0.25, 0.5, 0.75, 0.9)
            assert np.array_equal(forecast.quantiles[..., 2], forecast.values)
            steps = np.diff(forecast.quantiles, axis=-1)
            assert (steps[~np.isnan(steps)] >= 0).all()
        else:
            assert name in ("naive", "seasonal", "drift")


def test_a_constant_series_is_forecast_as_itself(name):
    panel = single(np.full(200, 7.0))
    assert (
        np.abs(
            fit(small(name, **({"steps": 200} if name in WITH_NETS else {})), panel, 6).predict(panel).values
            - 7
        ).max()
        < 0.5
    )


def test_a_missing_column_is_named(panel, fitted):
    without = replace(panel, values=panel.values[:, :1], columns=panel.columns[:1])
    with pytest.raises(
        ForecastError, match=r"was fitted on temp, lead; lead is missing here\. Add the column"
    ):
        fitted.predict(without)


def test_columns_are_found_by_name(panel, fitted):
    swapped = replace(panel, values=panel.values[:, ::-1], columns=panel.columns[::-1])
    assert np.array_equal(
        fitted.predict(swapped, origins_from(350, 353)).values,
        fitted.predict(panel, origins_from(350, 353)).values,
    )


def test_another_clock_is_refused(panel, fitted):
    with pytest.raises(ForecastError, match="was fitted on hourly data; these are daily"):
        fitted.predict(replace(panel, clock=Clock("fixed", "1D")))


@pytest.mark.parametrize("origin", [(0, 0), (2, 5), (0, 421), (-1, 5)])
def test_an_impossible_origin_is_refused(panel, fitted, origin):
    with pytest.raises(ForecastError, match="There is no origin"):
        fitted.predict(panel, np.array([origin]))


def test_a_new_id_is_forecast_cold(panel, fitted):
    """A series never seen is scaled on its own rows; far away in level and spread, it is still forecast near its own level."""
    new = replace(
        panel,
        ids=("a", "new"),
        values=np.where(np.arange(len(panel.values))[:, None] >= 420, 1000 + 10 * panel.values, panel.values),
    )
    forecast = fitted.predict(new, np.array([[0, 380], [1, 380], [1, 30], [1, 1]]))
    assert np.isfinite(forecast.values).all()
    level = new.values[420 + 300 : 420 + 380, 0]
    assert abs(forecast.values[1].mean() - level.mean()) < 3 * (level.max() - level.min())
    assert np.array_equal(forecast.values[0], fitted.predict(panel, np.array([[0, 380]])).values[0])


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
    origins = origins_from(1200, 1480, 1)
    error = learned.predict(walk, origins).values[:, 0] - walk.truth(origins, H)[:, 0]
    assert np.sqrt(np.mean(error**2)) <= 1.1


@pytest.mark.parametrize("name", ["lstm", "gru"])
def test_a_sine_is_learned(name):
    wave = single(np.sin(0.1 * np.arange(1000)), Clock("step"))
    learned = fit(name, wave.until(np.array([800])), 1, units=16, steps=200)
    origins = origins_from(800, 999, 1)
    assert np.abs(learned.predict(wave, origins).values - wave.truth(origins, 1)).max() < 0.01


@pytest.mark.parametrize("model", [*NUMBERS, *COMBINED])
def test_a_spec_is_a_value(model):
    one = spec(model)
    assert one == spec(model)
    assert hash(one) == hash(spec(model))
    assert dataclasses.is_dataclass(one)
