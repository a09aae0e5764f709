"""Sample paths of fitted models: marginals, how steps hang together, what they may know, and what refuses them."""

import numpy as np
import pandas as pd
import pytest
from conftest import single, with_actual
from scipy.signal import lfilter
from scipy.special import ndtr, ndtri

import forecast as fc
from forecast.copula import Templates, kept_levels, levels_of, values_at
from forecast.evaluation.backtest import backtest
from forecast.evaluation.calibration import calibrate, templates_of
from forecast.evaluation.folds import WalkForward
from forecast.fitting import Fitted
from forecast.task import LEVELS, Task

H = 6
ROWS = 600
TASK = Task(horizon=H, intervals=(80, 95), levels=LEVELS)


def autoregression(rows=ROWS, seed=0):
    """y_t = .8 y_(t-1) + e_t."""
    made = np.zeros(rows)
    for t, shock in enumerate(np.random.default_rng(seed).normal(size=rows)):
        made[t] = 0.8 * made[t - 1] + shock
    return made


def walked(panel, model="naive", task=TASK):
    return list(backtest(model, panel, WalkForward(test=0.5, folds=1, stride=1), task))


@pytest.fixture(scope="module")
def panel():
    return single(autoregression())


@pytest.fixture(scope="module")
def fitted(panel) -> Fitted:
    """The naive model with what a walk taught."""
    _, learned = calibrate(walked(panel))
    return fc.fit("naive", panel, TASK).calibrated(learned["naive"])


def test_values_and_levels_are_inverse_and_exact_for_a_normal_distribution():
    quantiles = 3 + 2 * ndtri(np.array([LEVELS] * H))
    asked = np.random.default_rng(1).normal(size=(200, H)) * 1.5
    values = values_at(asked, quantiles, LEVELS)
    assert values == pytest.approx(3 + 2 * asked)
    found = levels_of(values, np.broadcast_to(quantiles, (200, H, len(LEVELS))), LEVELS)
    assert found == pytest.approx(ndtr(asked))


def test_the_level_of_an_atom_is_spread_over_its_mass():
    """70 % of an amount is 0: the levels of zeros are even on (0, .7), always the same ones."""
    quantiles = np.maximum(np.array(LEVELS) - 0.7, 0.0)
    shape = (4000, 1, len(LEVELS))
    zeros = levels_of(np.zeros((4000, 1)), np.broadcast_to(quantiles, shape), LEVELS)
    assert 0 < zeros.min() < 0.01
    assert 0.69 < zeros.max() <= 0.7 + 1e-9
    assert zeros.mean() == pytest.approx(0.35, abs=0.01)
    again = levels_of(np.zeros((4000, 1)), np.broadcast_to(quantiles, shape), LEVELS)
    assert np.array_equal(zeros, again)


def test_paths_have_the_calibrated_quantiles_at_every_step(fitted, panel):
    origins = np.array([[0, 400], [0, 500]])
    paths = fitted.paths(panel, origins, 1000)
    assert paths.shape == (2, 1000, H)
    found = fitted.predict(panel, origins)
    below = (paths[:, :, :, None] <= found.quantiles[:, None]).mean(1)
    expected = np.broadcast_to(TASK.levels, below.shape)
    assert below == pytest.approx(expected, abs=1.01e-3)


def test_paths_of_an_origin_depend_on_its_seed_and_on_no_other_origin(fitted, panel):
    all_of_them = fitted.paths(panel, np.array([[0, 400], [0, 450], [0, 500]]), 50)
    alone = fitted.paths(panel, np.array([[0, 450]]), 50)
    assert np.array_equal(alone[0], all_of_them[1])
    other = fitted.paths(panel, np.array([[0, 450]]), 50, seed=1)
    assert not np.array_equal(other, alone)
    assert not np.array_equal(all_of_them[0] - all_of_them[0].mean(), alone[0] - alone[0].mean())


@pytest.mark.parametrize("count", [30, 300])
def test_steps_are_joined_as_the_templates_are(count):
    """Windows that move as one give paths that do; independent ones give sums as narrow as independence has."""
    random = np.random.default_rng(2)
    together = kept_levels(np.repeat(random.uniform(size=(count, 1)), H, axis=1))
    apart = kept_levels(random.uniform(size=(count, H)))
    one = Templates(together, count).scores(2000, [0])
    assert np.corrcoef(one.T).min() > 0.98
    assert one.sum(1).std() == pytest.approx(H, rel=0.02)
    free = Templates(apart, count).scores(2000, [0])
    assert free.sum(1).std() == pytest.approx(np.sqrt(H), rel=0.2)


def test_few_overlapping_windows_keep_the_correlation_that_they_have_in_common():
    """50 windows of an AR(1) side by side are worth two or three: a rank among them would know half of the spread of a sum."""
    ratios = []
    for seed in range(40):
        shocks = np.random.default_rng(seed).normal(size=50 + 24)
        windows = np.array([lfilter([1], [1, -0.8], shocks[begin : begin + 24]) for begin in range(50)])
        spread = np.sqrt((1 - 0.8 ** (2 * np.arange(1, 25))) / (1 - 0.8**2))
        templates = Templates(kept_levels(ndtr(windows / spread)), 3.0)
        ratios.append(templates.scores(500, [0]).sum(1).std())
    steps = np.array([lfilter([1], [1, -0.8], one) for one in np.eye(24)]).T
    covariance = steps @ steps.T / np.outer(spread, spread)
    assert np.mean(ratios) / np.sqrt(covariance.sum()) > 0.85


def test_sums_of_an_autoregression_are_as_wide_as_they_are(fitted, panel):
    """The naive error's sum over six steps: its spread in the paths is that of the walk's own errors."""
    (outcome,) = walked(panel)
    errors = (outcome.actual - outcome.forecast.values).sum(1)
    origins = outcome.forecast.origins[::10]
    paths = fitted.paths(panel, origins, 200)
    spread = (paths - fitted.predict(panel, origins).values[:, None]).sum(2).std(1)
    assert spread.mean() == pytest.approx(errors.std(), rel=0.1)


def test_no_template_is_learned_from_an_origin_whose_horizon_has_not_passed(panel):
    (outcome,) = walked(panel)
    moment = outcome.forecast.cutoffs[150]
    later = outcome.forecast.times > moment
    poisoned = with_actual(outcome, np.where(later, 1e3 * outcome.actual + 50, outcome.actual))
    (clean,), (dirty,) = calibrate([outcome])[0], calibrate([poisoned])[0]
    before, after = templates_of([clean], until=moment), templates_of([dirty], until=moment)
    assert len(before.levels) > 100
    assert np.array_equal(before.levels, after.levels)
    assert before.independent == after.independent
    assert not np.array_equal(templates_of([clean]).levels, templates_of([dirty]).levels)


def test_a_window_whose_last_step_has_not_come_is_no_template(panel):
    (outcome,) = walked(panel)
    unknown = np.where(outcome.forecast.times > outcome.forecast.cutoffs[-1], np.nan, outcome.actual)
    (whole,), (cut,) = calibrate([outcome])[0], calibrate([with_actual(outcome, unknown)])[0]
    assert len(templates_of([whole]).levels) == len(templates_of([cut]).levels) + H


def test_missing_steps_take_the_level_of_the_nearest_step(panel):
    (outcome,) = walked(panel)
    holes = outcome.actual.copy()
    holes[:, 2] = np.nan
    (made,) = calibrate([with_actual(outcome, holes)])[0]
    found = templates_of([made]).levels
    assert len(found) > 200
    assert np.array_equal(found[:, 2], found[:, 3])


def test_a_saved_model_gives_the_same_paths(fitted, panel, tmp_path):
    fc.save(fitted, tmp_path / "model.safetensors")
    again = fc.load(tmp_path / "model.safetensors")
    assert np.array_equal(again.paths(panel, count=20), fitted.paths(panel, count=20))


def test_a_combination_has_paths_within_the_bounds():
    panel = single(np.abs(autoregression()))
    task = Task(horizon=H, intervals=(80, 95), levels=LEVELS, bounds=(0.0, None), transform="log1p")
    _, learned = calibrate(walked(panel, "naive+mean", task))
    paths = fc.fit("naive+mean", panel, task).calibrated(learned["naive+mean"]).paths(panel)
    assert np.isfinite(paths).all()
    assert paths.min() >= 0


def test_series_of_one_origin_each_are_templates_of_each_other():
    """A walk of one moment has no matured error before it, so what holds after it is taken."""
    series = np.concatenate([autoregression(60, seed)[:, None] for seed in range(40)], axis=1)
    long = pd.DataFrame(series).melt(var_name="id", value_name="y")
    long["ds"] = np.tile(pd.date_range("2024-01-01", periods=60), 40)
    panel = fc.read(long, id="id", target="y")
    walk = WalkForward(horizon=4, test=4, folds=1)
    task = Task(horizon=4, intervals=(80,))
    _, learned = calibrate(backtest("naive", panel, walk, task))
    assert learned["naive"].templates.levels.shape == (40, 4)


def test_paths_are_refused_without_a_walk_for_names_and_for_a_wrong_number(fitted, panel):
    with pytest.raises(fc.ForecastError, match=r"follow the errors of a walk.*`forecast fit`"):
        fc.fit("naive", panel, TASK).paths(panel)
    with pytest.raises(fc.ForecastError, match="`paths=1`"):
        fitted.paths(panel, count=1)
    with pytest.raises(fc.ForecastError, match="seed"):
        fitted.paths(panel, seed=-1)
    with pytest.raises(fc.ForecastError, match="fitted for 3 steps"):
        fc.fit("naive", panel, horizon=3, intervals=(80, 95)).calibrated(fitted.calibration)
    labels = fc.read(pd.DataFrame({"rain": ["no", "yes"] * 50}), target="rain")
    with pytest.raises(fc.ForecastError, match="rain has names"):
        fc.fit("rate", labels, horizon=2).paths(labels)


def test_paths_are_refused_where_too_few_horizons_have_passed():
    panel = single(autoregression(80))
    walk = WalkForward(horizon=12, test=13, folds=1, stride=1)
    task = Task(horizon=12, intervals=(80,))
    _, learned = calibrate(backtest("naive", panel, walk, task))
    fitted = fc.fit("naive", panel, task).calibrated(learned["naive"])
    with pytest.raises(fc.ForecastError, match=r"too few whole horizons.*test=0.4"):
        fitted.paths(panel)


def test_dry_steps_of_a_window_hang_together_as_wet_ones_do():
    """The chance of an amount in any of 24 steps of a censored AR(1), four fifths of which is 0, against that of the process."""
    random = np.random.default_rng(1)
    steps = np.arange(1, 25)
    share = 0.8
    edge = 1.5
    normal = ndtri(np.array(LEVELS))

    def quantiles(now):
        spread = np.sqrt((1 - share ** (2 * steps)) / (1 - share**2))
        return np.maximum((share**steps * now)[:, None] + spread[:, None] * normal - edge, 0)

    level = np.zeros(6000)
    for row in range(1, len(level)):
        level[row] = share * level[row - 1] + random.normal()
    origins = np.linspace(50, 5900, 400).astype(int)
    actual = np.stack([np.maximum(level[origin + steps] - edge, 0) for origin in origins])
    forecast = np.stack([quantiles(level[origin]) for origin in origins])
    templates = Templates(kept_levels(levels_of(actual, forecast, LEVELS)), 400.0)
    missed = []
    for place, now in enumerate(np.linspace(-2.5, 3.0, 8)):
        walked = np.full(20_000, now)
        wet = np.zeros(len(walked), bool)
        for _ in steps:
            walked = share * walked + random.normal(size=len(walked))
            wet |= walked > edge
        paths = values_at(templates.scores(4000, [0, place]), quantiles(now), LEVELS)
        missed.append((paths > 0).any(axis=1).mean() - wet.mean())
    assert np.abs(missed).mean() < 0.04  # .07, all of them too high, where each step draws for itself
