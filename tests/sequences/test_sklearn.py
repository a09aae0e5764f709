"""The classifier as scikit-learn sees it: its own checks, without an exception, and the places where it is used."""

import pickle

import numpy as np
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

import forecast as fc
from forecast.sklearn import RecurrentClassifier
from sequences.made import moods, waves

FEW = {
    "units": 6,
    "steps": 40,
    "batch": 32,
    "members": 1,
    "learning_rate": 0.03,
    "dropout": 0.0,
    "settings": {"filters": 8},
}


@parametrize_with_checks([RecurrentClassifier(**FEW)])
def test_scikit_learn_has_nothing_to_say(estimator, check):
    check(estimator)


@pytest.fixture(scope="module")
def table():
    """Rows of 20 values, rising or falling, with noise; labels by name."""
    random = np.random.default_rng(0)
    y = np.array(["falls", "rises"])[random.integers(0, 2, 120)]
    slope = np.where(y == "rises", 1, -1)[:, None]
    return random.normal(0, 0.5, (120, 20)) + slope * np.linspace(-1, 1, 20), y


def test_tables_three_axes_and_lists_are_the_same_sequences(table):
    X, y = table
    base = RecurrentClassifier(**FEW, random_state=0)
    made = [
        base.fit(form, y).predict_proba(form)
        for form in (X, X[:, :, None], list(X), [row[:, None] for row in X])
    ]
    for one in made[1:]:
        assert np.array_equal(one, made[0])
    assert base.classes_.tolist() == ["falls", "rises"]
    assert base.score(X, y) > 0.9


def test_sequences_of_unequal_lengths_and_texts():
    past = waves(90)
    rows = [past.rows(place) for place in range(90)]
    made = RecurrentClassifier(**{**FEW, "steps": 100}, random_state=0).fit(rows, past.labels)
    assert made.score(rows, past.labels) > 0.9
    spoken = moods(200)
    y = np.array(spoken.classes)[spoken.labels]
    of_texts = RecurrentClassifier(**{**FEW, "steps": 100}, random_state=0).fit(list(spoken.texts), y)
    assert of_texts.score(np.array(spoken.texts), y) > 0.9
    assert of_texts.predict(["great", "awful"]).tolist() == ["good", "bad"]


def test_in_a_pipeline_a_search_and_a_calibration(table):
    X, y = table
    base = RecurrentClassifier(**FEW, random_state=0)
    assert cross_val_score(make_pipeline(StandardScaler(), base), X, y, cv=2).mean() > 0.85
    search = GridSearchCV(base, {"cell": ["gru", "lstm"], "steps": [2, 40]}, cv=2).fit(list(X), y)
    assert search.best_params_["steps"] == 40
    calibrated = CalibratedClassifierCV(base, cv=2).fit(X, y)
    assert calibrated.score(X, y) > 0.9


def test_costs_move_the_decision_and_not_the_probability(table):
    X, y = table
    plain = RecurrentClassifier(**FEW, random_state=0).fit(X, y)
    dear = RecurrentClassifier(**FEW, class_weight={"rises": 1000.0, "falls": 0.001}, random_state=0).fit(
        X, y
    )
    assert np.array_equal(plain.predict_proba(X), dear.predict_proba(X))
    assert (dear.predict(X) == "rises").mean() > (plain.predict(X) == "rises").mean()


def test_groups_judge_as_a_whole(table):
    X, y = table
    groups = np.repeat([f"speaker {place}" for place in range(12)], 10)
    made = RecurrentClassifier(**FEW, random_state=0).fit(X, y, groups=groups)
    folds = made.learned_.held.folds
    for name in np.unique(groups):
        assert len(np.unique(folds[groups == name])) == 1


def test_the_same_state_gives_the_same_bits_also_after_a_pickle(table):
    X, y = table
    one, two, other = (RecurrentClassifier(**FEW, random_state=state).fit(X, y) for state in (3, 3, 4))
    made = one.predict_proba(X)
    assert np.array_equal(made, two.predict_proba(X))
    assert not np.array_equal(made, other.predict_proba(X))
    assert np.array_equal(made, pickle.loads(pickle.dumps(one)).predict_proba(X))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"settings": {"unit": 3}}, "lstm has no setting 'unit'. Did you mean units"),
        ({"pooling": "median"}, "lstm.pooling = 'median': input should be 'last'"),
        ({"cell": "rnn"}, "There is no model 'rnn' of sequences. There is: lstm, gru"),
    ],
)
def test_a_wrong_setting_is_named(table, change, message):
    X, y = table
    with pytest.raises(fc.ForecastError) as caught:
        RecurrentClassifier(**{**FEW, **change}).fit(X, y)
    assert message in str(caught.value)


def test_wrong_sequences_and_labels_are_refused(table):
    X, y = table
    base = RecurrentClassifier(**FEW)
    with pytest.raises(ValueError, match="one class alone"):
        base.fit(X, ["same"] * 120)
    with pytest.raises(ValueError, match="contains infinity"):
        base.fit([np.array([1.0, np.inf]), np.array([2.0])], ["a", "b"])
    with pytest.raises(ValueError, match="with the same C"):
        base.fit([np.ones((3, 2)), np.ones((3, 1))], ["a", "b"])
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        base.fit(X, y[:-1])
