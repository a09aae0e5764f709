import numpy as np
import pytest
from conftest import hours, single

from forecast.data.scaling import fit_scaling
from forecast.evaluation.metrics import mae, scaled, score, scores_by, symmetric
from forecast.results import Forecast, Outcome


def outcome(values, truth, past=None, last=0.0):
    values, truth = np.asarray(values, float), np.asarray(truth, float)
    past = past or single(np.arange(48.0))
    origins = np.stack([np.zeros(len(values), int), np.arange(len(values)) + 1], 1)
    stamps, last = hours(len(values)), np.full(len(values), last)
    return Outcome(0, Forecast("m", past.ids, origins, stamps, np.stack([stamps] * values.shape[1], 1), values), truth, last, past, fit_scaling(past))


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
