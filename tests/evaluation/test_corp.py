"""CORP: the three parts of the Brier score, and the reliability curve with its band."""

import numpy as np
import pytest

from forecast.evaluation.corp import corp, reliability


def test_parts_add_up_to_the_brier_score_of_any_probabilities():
    random = np.random.default_rng(0)
    for rows in (1, 2, 500):
        probability = random.random(rows).round(2)
        outcome = (random.random(rows) < 0.3).astype(float)
        parts = corp(probability, outcome)
        assert parts.brier == pytest.approx(np.mean((probability - outcome) ** 2))
        assert parts.miscalibration >= -1e-15
        assert parts.discrimination >= -1e-15


def test_a_known_answer_with_ties():
    """Given .2 twice (once it came) and .8 twice (both came): recalibrated .5 and 1."""
    parts = corp(np.array([0.2, 0.2, 0.8, 0.8]), np.array([1.0, 0.0, 1.0, 1.0]))
    assert parts.uncertainty == pytest.approx(0.75 * 0.25)
    assert parts.discrimination == pytest.approx(0.1875 - (0.25 + 0.25) / 4)
    assert parts.miscalibration == pytest.approx((0.64 + 0.04 + 0.04 + 0.04) / 4 - 0.125)


def test_the_base_rate_has_neither_skill_nor_fault_and_a_falling_curve_is_pooled():
    outcome = np.array([1.0, 1, 0, 0, 0, 1])
    parts = corp(np.full(6, 0.5), outcome)
    assert (parts.miscalibration, parts.discrimination) == pytest.approx((0, 0))
    backwards = corp(1 - outcome, outcome)
    assert backwards.discrimination == pytest.approx(0)
    assert backwards.miscalibration == pytest.approx(0.75)
    assert np.isnan(corp(np.array([]), np.array([])).brier)


def test_a_right_forecaster_lies_in_the_band_and_an_overconfident_one_does_not():
    random = np.random.default_rng(1)
    truth = random.choice([0.1, 0.3, 0.5, 0.7, 0.9], 4000)
    outcome = (random.random(4000) < truth).astype(float)
    right = reliability(truth, outcome, seed=3)
    assert right.count.sum() == 4000
    assert np.diff(right.observed).min() >= 0
    assert ((right.low <= right.observed) & (right.observed <= right.high)).mean() >= 0.8
    sharpened = truth**3 / (truth**3 + (1 - truth) ** 3)
    wrong = reliability(sharpened, outcome, seed=3)
    assert wrong.observed[0] > wrong.high[0]
    assert wrong.observed[-1] < wrong.low[-1]


def test_the_same_seed_draws_the_same_band():
    probability = np.array([0.2, 0.4, 0.9])
    outcome = np.array([0.0, 1, 1])
    first = reliability(probability, outcome, seed=5)
    second = reliability(probability, outcome, seed=5)
    assert np.array_equal(first.low, second.low)
