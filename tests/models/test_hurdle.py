"""Amounts that are mostly 0: when a hurdle is chosen, that it has a mass at 0 which survives calibration, and what it may know."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from conftest import single

import forecast as fc
from forecast.copula import read_at
from forecast.evaluation.backtest import backtest
from forecast.evaluation.calibration import calibrate
from forecast.evaluation.folds import WalkForward
from forecast.evaluation.metrics import METRICS
from forecast.models import spec
from forecast.models.hurdle import CONDITIONAL, amounts, joined
from forecast.task import LEVELS, Task

H = 3
TASK = Task(horizon=H, intervals=(80, 95), levels=LEVELS)
SMALL = {"gru": {"units": 8, "steps": 60, "context": 12}, "boosting": {"trees": 25}, "ridge": {}}


def rain(rows=700, seed=0):
    """Wet spells of a Markov chain, 70 % dry, with lognormal amounts."""
    random = np.random.default_rng(seed)
    wet = np.zeros(rows, bool)
    for t in range(1, rows):
        wet[t] = random.uniform() < (0.6 if wet[t - 1] else 0.17)
    return np.where(wet, np.exp(random.normal(0, 0.8, rows)), 0.0)


def hurdled(model):
    return spec(model, hurdle=True, **SMALL[model])


@pytest.fixture(scope="module")
def panel():
    return single(rain())


@pytest.fixture(scope="module", params=list(SMALL))
def fitted(request, panel):
    return fc.fit(hurdled(request.param), panel, TASK)


def test_quantiles_of_a_known_hurdle():
    """70 % chance of none and else 1 at every level: 0 up to .7, then 1; the mean is .3."""
    sizes = np.full((1, 1, len(CONDITIONAL)), np.arcsinh(1.0))
    chance = np.array([[0.3]])
    made = joined(chance, sizes, np.array([-2.0]), (0.5, 0.7, 0.71, 0.9))
    assert made[0, 0] == pytest.approx([-2, -2, -1, -1])
    assert joined(chance, sizes, np.array([-2.0]), ())[0, 0, 0] == pytest.approx(-2 + 0.3, abs=0.01)


def test_levels_that_are_read_elsewhere_keep_the_mass():
    quantiles = np.maximum(np.array(LEVELS) - 0.7, 0.0)[None, None]
    from scipy.special import ndtri

    same = read_at(quantiles, LEVELS, ndtri(np.array([LEVELS])))
    assert same == pytest.approx(quantiles)
    further = read_at(quantiles, LEVELS, ndtri(np.array([LEVELS])) + 0.3)
    assert (further >= quantiles).all()
    assert (further[0, 0, :10] == 0).all()


def test_a_hurdle_answers_with_a_mass_of_exact_zeros_and_nothing_below(fitted, panel):
    found = fitted.predict(panel, np.array([[0, 300], [0, 500], [0, 700]]))
    assert found.mass
    assert (found.quantiles[..., 0] == 0).all()
    assert found.quantiles.min() == 0
    assert (np.diff(found.quantiles, axis=-1) >= 0).all()
    assert (found.quantiles[..., -1] > 0.5).all()
    assert any("hurdle: 7" in note or "hurdle: 6" in note for note in fitted.log.notes)


def test_a_hurdle_is_saved_forecasts_alone_as_with_others_and_reads_nothing_ahead(fitted, panel, tmp_path):
    origins = np.array([[0, 300], [0, 500]])
    found = fitted.predict(panel, origins).quantiles
    fc.save(fitted, tmp_path / "model.safetensors")
    again = fc.load(tmp_path / "model.safetensors")
    assert np.array_equal(again.predict(panel, origins).quantiles, found)
    assert again.predict(panel, origins[1:]).quantiles == pytest.approx(found[1:], abs=1e-5)
    values = panel.values.copy()
    values[300:] = values[300:] * 7 + 3
    poisoned = replace(panel, values=values)
    assert np.array_equal(
        again.predict(poisoned, origins[:1]).quantiles, again.predict(panel, origins[:1]).quantiles
    )


def test_calibration_keeps_the_mass_and_covers(panel):
    walk = WalkForward(test=0.5, folds=1, stride=1)
    (own,) = backtest(spec("ridge", hurdle=True), panel, walk, TASK)
    (made,), learned = calibrate([own])
    assert learned["ridge"].in_levels
    assert made.forecast.quantiles.min() == 0
    share = (made.forecast.quantiles == 0).mean((0, 1))
    assert abs((own.actual == 0).mean() - LEVELS[int((share > 0.5).sum()) - 2]) < 0.1
    held = np.nanmean(METRICS["crps"].cells(made))
    assert held <= 1.03 * np.nanmean(METRICS["crps"].cells(own))
    fitted = fc.fit(spec("ridge", hurdle=True), panel, TASK).calibrated(learned["ridge"])
    found = fitted.predict(panel)
    assert (found.quantiles[..., 0] == 0).all()
    paths = fitted.paths(panel, count=400)
    assert paths.min() == 0
    assert (paths == 0).mean((0, 1)) == pytest.approx(found.at_zero[0], abs=0.01)
    rate = (made.forecast.at_zero, own.actual == 0)
    assert rate[0].mean() == pytest.approx(rate[1].mean(), abs=0.06)


def test_folds_with_and_without_a_hurdle_are_calibrated_as_those_without(panel):
    """The past of the first fold has no zeros, so it has no hurdle; in that of the second over a quarter are zero."""
    values = rain(800)
    values[:350] += 0.5
    walk = WalkForward(test=0.5, folds=2, stride=1)
    outcomes = list(backtest("ridge", single(values), walk, TASK))
    assert [outcome.forecast.mass for outcome in outcomes] == [False, True]
    made, learned = calibrate(outcomes)
    assert not learned["ridge"].in_levels
    assert not any(outcome.forecast.mass for outcome in made)
    assert np.isfinite(made[1].forecast.quantiles).all()


@pytest.mark.parametrize("model", ["ridge", "boosting"])
def test_a_hurdle_has_a_lower_crps_than_the_same_model_without(model, panel):
    walk = WalkForward(test=0.5, folds=1, stride=2)
    scores = []
    for hurdle in (True, False):
        one = spec(model, **SMALL[model], hurdle=hurdle)
        outcomes, _ = calibrate(backtest(one, panel, walk, TASK))
        scores.append(float(np.nanmean(METRICS["crps"].cells(outcomes[0]))))
    assert scores[0] < 0.95 * scores[1]


def test_a_hurdle_is_chosen_where_over_a_quarter_is_zero_and_none_below():
    dry, wet = single(rain()), single(rain() + 1)
    assert fc.fit("ridge", dry, TASK).predict(dry).mass
    assert not fc.fit("ridge", wet, TASK).predict(wet).mass
    below = rain()
    below[5] = -1.0
    assert not fc.fit("ridge", single(below), TASK).predict(single(below)).mass
    assert not fc.fit("ridge", dry, TASK, hurdle=False).predict(dry).mass


def test_reading_reports_the_share_of_zeros():
    made = fc.read(pd.DataFrame({"ds": pd.date_range("2024-01-01", periods=700), "rain": rain()}))
    (found,) = [one for one in made.findings if one.code == "zeros"]
    assert f"{(rain() == 0).mean():.0%} of rain is 0" in found.message
    dense = fc.read(pd.DataFrame({"ds": pd.date_range("2024-01-01", periods=700), "rain": rain() + 1}))
    assert not [one for one in dense.findings if one.code == "zeros"]


def test_without_levels_the_point_is_the_mean():
    panel = single(rain())
    point = fc.fit("ridge", panel, horizon=H).predict(panel, np.array([[0, row] for row in range(300, 690)]))
    assert point.values.mean() == pytest.approx(rain()[300:].mean(), rel=0.2)


def test_what_excludes_a_hurdle_is_refused_by_name():
    below = rain()
    below[5] = -1.0
    with pytest.raises(fc.ForecastError, match=r"`ridge.hurdle=true`.*1 are below 0"):
        fc.fit("ridge", single(below), TASK, hurdle=True)
    with pytest.raises(fc.ForecastError, match=r"0 are above 0, and 20 are needed"):
        fc.fit("ridge", single(np.zeros(200)), TASK, hurdle=True)
    from forecast.sklearn import RecurrentRegressor

    with pytest.raises(fc.ForecastError, match="A hurdle is of a panel"):
        RecurrentRegressor(loss="mae", settings={"hurdle": True}).fit(np.ones((40, 6)), np.ones(40))
    for setting in ({"loss": "mse"}, {"anchor": "last"}, {"head": "recursive"}, {"judge": "mae"}):
        with pytest.raises(fc.ForecastError, match="hurdle has its own loss"):
            spec("gru", hurdle=True, **setting)


def test_amounts_are_zero_where_the_target_is_whatever_the_scale():
    panel = single(rain())
    task = Task(horizon=H, transform="log1p")
    seen = amounts(fc.fit("naive", panel, task).scaled(panel)).values[:, 0]
    assert np.array_equal(seen == 0, panel.values[:, 0] == 0)
    assert seen.min() == 0
