from dataclasses import replace

import numpy as np
import pytest
from conftest import hours, single

from forecast.data.scaling import fit_scaling
from forecast.errors import ForecastError
from forecast.evaluation.metrics import METRICS, mae, naive_errors, scaled, score, scores_by, symmetric, zeros
from forecast.results import Forecast, Outcome, Truth
from forecast.task import Task, quantile_levels


def outcome(values, truth, past=None, last=0.0):
    values, truth = np.asarray(values, float), np.asarray(truth, float)
    past = past or single(np.arange(48.0))
    origins = np.stack([np.zeros(len(values), int), np.arange(len(values)) + 1], 1)
    stamps, last = hours(len(values)), np.full(len(values), last)
    return Outcome(
        0,
        Forecast("m", past.ids, origins, stamps, np.stack([stamps] * values.shape[1], 1), values),
        Truth(truth, last, naive_errors(past), fit_scaling(past), past.target, past.clock, Task()),
    )


def test_known_answers():
    one = outcome([[1, 2], [3, 5]], [[2, 4], [3, 1]])
    assert mae(one).tolist() == [1.5, 2.0]
    assert score([one], "mae") == 1.75
    assert score([one], "rmse") == pytest.approx(np.sqrt((1 + 4 + 0 + 16) / 4))
    assert symmetric(one) == pytest.approx(np.array([[200 / 3, 400 / 6], [0, 800 / 6]]))
    assert scores_by([one], "mae", "step") == {1: 0.5, 2: 3.0}


def test_mase_is_the_error_in_units_of_the_seasonal_naive_of_the_past():
    past = single(np.arange(48.0))  # a day apart the values differ by 24
    assert scaled(outcome([[0.0]], [[12.0]], past)).tolist() == [[0.5]]


def test_a_constant_past_has_no_mase():
    assert np.isnan(scaled(outcome([[0.0]], [[1.0]], single(np.ones(48)))))


def test_missing_truth_is_not_counted():
    one = outcome([[1, 2], [3, 5]], [[2, np.nan], [np.nan, np.nan]])
    assert score([one], "mae") == 1
    assert np.isnan(scores_by([one], "mae", "step")[2])


def test_zero_over_zero_is_no_error():
    assert symmetric(outcome([[0.0, 1.0]], [[0.0, 1.0]])).tolist() == [[0.0, 0.0]]


def test_metrics_do_not_depend_on_the_unit_where_they_should_not():
    random = np.random.default_rng(0)
    values, truth, past = random.normal(5, 1, (9, 4)), random.normal(5, 1, (9, 4)), random.normal(5, 1, 60)
    one, two = outcome(values, truth, single(past)), outcome(8 * values, 8 * truth, single(8 * past))
    assert score([two], "mae") == pytest.approx(8 * score([one], "mae"))
    assert score([two], "mase") == pytest.approx(score([one], "mase"))
    assert score([two], "smape") == pytest.approx(score([one], "smape"))


def with_quantiles(truth, low, middle, high):
    """One outcome with the 80 % interval low .. high."""
    one = outcome(middle, truth)
    quantiles = np.stack([np.asarray(part, float) for part in (low, middle, high)], axis=-1)
    return replace(
        one, forecast=replace(one.forecast, levels=(0.1, 0.5, 0.9), quantiles=quantiles, intervals=(80,))
    )


def test_every_metric_by_its_formula():
    """Against the formulas written out, as utilsforecast and M4 define them; the season of hours is a day."""
    random = np.random.default_rng(4)
    y, f, past = random.gamma(3, 2, (7, 5)), random.gamma(3, 2, (7, 5)), random.gamma(3, 2, 90)
    low, high = f - random.gamma(1, 1, f.shape), f + random.gamma(1, 1, f.shape)
    one = with_quantiles(y, low, f, high)
    truth = replace(one.truth, naive=naive_errors(single(past)), last=np.linspace(4, 6, 7))
    one = replace(one, truth=truth)
    seasonal = np.abs(past[24:] - past[:-24])
    losses = [
        np.maximum(level * (y - q), (level - 1) * (y - q)) for level, q in ((0.1, low), (0.5, f), (0.9, high))
    ]
    last = one.truth.last[:, None]
    expected = {
        "mae": np.abs(y - f).mean(),
        "mse": ((y - f) ** 2).mean(),
        "rmse": np.sqrt(((y - f) ** 2).mean()),
        "rmse_log": np.sqrt((np.log(y / f) ** 2).mean()),
        "mase": np.abs(y - f).mean() / seasonal.mean(),
        "rmsse": np.sqrt(((y - f) ** 2).mean() / (seasonal**2).mean()),
        "smape": (200 * np.abs(y - f) / (np.abs(y) + np.abs(f))).mean(),
        "mape": (100 * np.abs(y - f) / np.abs(y)).mean(),
        "bias": (f - y).mean(),
        "pinball": np.mean(losses),
        "crps": np.mean(
            0.1 * losses[0] + 0.4 * (losses[0] + losses[1]) + 0.4 * (losses[1] + losses[2]) + 0.1 * losses[2]
        ),
        "wql": 2 * np.mean([loss.sum() for loss in losses]) / np.abs(y).sum(),
        "qlike": (y / f - np.log(y / f) - 1).mean(),
        "hits": (np.sign(y - last) == np.sign(f - last)).mean(),
        "r2": 1 - ((y - f) ** 2).sum() / ((y - last) ** 2).sum(),
        "coverage-80": ((low <= y) & (y <= high)).mean(),
        "width-80": (high - low).mean(),
    }
    numbers = {name for name, metric in METRICS.items() if not metric.names}
    assert numbers <= set(expected)
    for name, value in expected.items():
        assert score([one], name) == pytest.approx(value, abs=1e-9), name
    assert scores_by([one], "coverage-80", "step") == pytest.approx(
        dict(enumerate(((low <= y) & (y <= high)).mean(0), 1))
    )


@pytest.mark.parametrize(
    ("levels", "below"), [(quantile_levels((80, 95)), 0.118), (tuple(np.arange(1, 20) / 20), 0.004)]
)
def test_the_crps_of_a_normal_forecast_is_near_its_closed_form(levels, below):
    """E CRPS of a true standard normal is 1 / sqrt(pi); trapezoids between few levels lie below it by what the docstring says."""
    from scipy.special import ndtri

    truth = ndtri((np.arange(20_000) + 0.5) / 20_000)[:, None]
    one = outcome(np.zeros_like(truth), truth)
    quantiles = np.broadcast_to(ndtri(np.array(levels)), (*truth.shape, len(levels)))
    found = score([replace(one, forecast=replace(one.forecast, levels=levels, quantiles=quantiles))], "crps")
    assert found * np.sqrt(np.pi) == pytest.approx(1 - below, abs=1e-3)


def test_mape_skips_zeros_and_says_how_many():
    one = outcome([[1.0, 5.0]], [[0.0, 4.0]])
    assert score([one], "mape") == 25
    assert zeros([one]) == 1


def test_a_metric_by_series_and_by_fold():
    first, second = outcome([[1.0], [2.0]], [[2.0], [4.0]]), replace(outcome([[1.0]], [[4.0]]), fold=1)
    assert scores_by([first, second], "mae", "fold") == {0: 1.5, 1: 3.0}
    assert scores_by([first, second], "mae", "series") == {"y": 2.0}


def test_without_quantiles_there_is_no_coverage():
    assert np.isnan(score([outcome([[1.0]], [[2.0]])], "coverage-80"))
    assert np.isnan(score([outcome([[1.0]], [[2.0]])], "wql"))


def test_an_unknown_metric_names_the_nearest():
    with pytest.raises(ForecastError, match=r"There is no metric 'maee'. Did you mean mae"):
        score([outcome([[1.0]], [[2.0]])], "maee")
