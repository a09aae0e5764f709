"""Scores of class probabilities next to scikit-learn's, and what may be said of a board."""

import numpy as np
import pytest
from sklearn import metrics as known

from forecast.errors import ForecastError
from forecast.sequences.scores import METRICS, ece, ranking, scores_of
from forecast.sequences.verdict import Answered, judge


def drawn(classes, count=400, seed=0, skill=1.0):
    """Shares and labels that go together by `skill`."""
    random = np.random.default_rng(seed)
    labels = random.integers(0, classes, count)
    scores = random.normal(size=(count, classes)).round(1)
    scores[np.arange(count), labels] += skill
    powers = np.exp(scores)
    return powers / powers.sum(1, keepdims=True), labels


def answered(shares, labels, groups=None):
    classes = tuple(f"c{place}" for place in range(next(iter(shares.values())).shape[1]))
    places = np.arange(len(labels))
    return Answered(
        labels, classes, groups, shares, dict.fromkeys(shares, 0.0), places, np.zeros(len(labels), int)
    )


@pytest.mark.parametrize("classes", [2, 4])
def test_scores_are_those_of_scikit_learn(classes):
    shares, labels = drawn(classes)
    found = scores_of(shares, labels)
    named = shares.argmax(1)
    names = list(range(classes))
    area = shares[:, 1] if classes == 2 else shares
    assert found["log_loss"] == pytest.approx(known.log_loss(labels, shares, labels=names))
    assert found["accuracy"] == pytest.approx(known.accuracy_score(labels, named))
    assert found["balanced_accuracy"] == pytest.approx(known.balanced_accuracy_score(labels, named))
    assert found["f1_macro"] == pytest.approx(known.f1_score(labels, named, average="macro"))
    assert found["mcc"] == pytest.approx(known.matthews_corrcoef(labels, named))
    assert found["auc"] == pytest.approx(known.roc_auc_score(labels, area, multi_class="ovr"))
    parts = found["miscalibration"] - found["discrimination"] + found["uncertainty"]
    assert found["brier"] == pytest.approx(parts)


@pytest.mark.parametrize("name", list(METRICS))
def test_a_weight_of_two_is_a_sequence_twice(name):
    shares, labels = drawn(3, 60)
    weights = np.where(np.arange(60) < 20, 2.0, 1.0)
    twice = np.concatenate([np.arange(60), np.arange(20)])
    score = METRICS[name]
    assert score.of(shares, labels, weights) == pytest.approx(
        score.of(shares[twice], labels[twice], np.ones(80))
    )


def test_the_calibration_error_of_one_share_is_its_distance_to_what_came():
    shares = np.tile([0.3, 0.7], (10, 1))
    labels = np.array([1] * 5 + [0] * 5)
    assert ece(shares, labels, np.ones(10)) == pytest.approx(0.2)


def test_a_metric_that_does_not_rank_is_refused():
    with pytest.raises(ForecastError, match="ece does not rank"):
        ranking("ece")
    with pytest.raises(ForecastError, match="Did you mean log_loss"):
        ranking("logloss")


def test_a_net_that_is_not_ahead_of_a_plain_row_is_said_to_be_none():
    good, labels = drawn(2, 400, skill=2.0)
    weak = drawn(2, 400, skill=0.5)[0]
    prior = np.tile([0.5, 0.5], (400, 1))
    board = judge(answered({"majority": prior, "bag": good, "lstm": weak}, labels), "log_loss", 0)
    assert board.best == "bag"
    assert "lstm is not ahead of bag." in board.verdict
    assert board.row("bag").p < 0.01
    assert board.row("lstm").mcnemar is not None
    turned = judge(answered({"majority": prior, "bag": weak, "lstm": good}, labels), "accuracy", 0)
    assert turned.best == "lstm"
    assert "lstm is ahead of bag (p" in turned.verdict


def test_equal_models_are_told_apart_from_nothing_and_few_groups_make_no_test():
    shares, labels = drawn(2, 300, skill=1.5)
    prior = np.tile([0.5, 0.5], (300, 1))
    board = judge(answered({"majority": prior, "bag": shares, "lstm": shares}, labels), "brier", 0)
    assert board.row("bag").scores == board.row("lstm").scores
    assert "Not to be told apart from it: lstm." in board.verdict
    few = judge(
        answered({"majority": prior, "bag": shares}, labels, groups=np.arange(300) % 5), "log_loss", 0
    )
    assert few.row("bag").p is None
    assert "too short" in few.verdict


def test_groups_widen_the_interval_of_a_gain():
    """Thirty groups of ten that are right or wrong together say less than 300 sequences."""
    random = np.random.default_rng(0)
    labels = random.integers(0, 2, 300)
    right = np.repeat(random.random(30) < 0.6, 10)
    shares = np.full((300, 2), 0.4)
    shares[np.arange(300), np.where(right, labels, 1 - labels)] = 0.6
    prior = np.tile([0.5, 0.5], (300, 1))
    models = {"majority": prior, "bag": shares}
    alone = judge(answered(models, labels), "log_loss", 0).row("bag")
    grouped = judge(answered(models, labels, np.repeat(np.arange(30), 10)), "log_loss", 0).row("bag")
    assert grouped.high - grouped.low > 2 * (alone.high - alone.low)
    assert grouped.mcnemar is None


def test_noise_is_no_skill():
    labels = drawn(2, 200)[1]
    noise = drawn(2, 200, seed=5, skill=0.0)[0]
    prior = np.tile([0.5, 0.5], (200, 1))
    board = judge(answered({"majority": prior, "bag": noise}, labels), "log_loss", 0)
    assert board.verdict.startswith("Nothing was learned")
