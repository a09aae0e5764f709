"""The rows beside a net: what they learn, that they come back from arrays and JSON values, and that a sequence is named alone."""

import json

import numpy as np
import pandas as pd
import pytest

from forecast.errors import ForecastError
from forecast.models.base import Watch
from forecast.sequences.door import sequences
from forecast.sequences.features import statistics_of
from forecast.sequences.parts import inner_folds, parts_of
from forecast.sequences.table import MODELS, classifier, classifier_from, models_for, settings_of


def waves(count=60, seed=0):
    """Rising and falling sequences of unequal length, with gaps."""
    random = np.random.default_rng(seed)
    frames = []
    for place in range(count):
        steps = int(random.integers(3, 9))
        slope = 1 if place % 2 else -1
        values = slope * np.arange(steps) + random.normal(0, 0.3, steps)
        values[random.random(steps) < 0.1] = np.nan
        kind = "up" if place % 2 else "down"
        frames.append(pd.DataFrame({"id": place, "v": values, "w": random.normal(size=steps), "kind": kind}))
    return sequences(pd.concat(frames), id="id", label="kind")


def moods(count=60, seed=0):
    """Texts whose mood is in a pair of words."""
    random = np.random.default_rng(seed)
    words = np.array(["film", "plot", "actor", "scene", "music"])
    rows = []
    for place in range(count):
        said = " ".join(random.choice(words, 6))
        rows.append({"said": f"{said} {'very good' if place % 2 else 'not good'}", "mood": place % 2})
    return sequences(pd.DataFrame(rows), text="said", label="mood")


DATA = {"numbers": waves, "texts": moods}
FEW = {
    "units": 8,
    "filters": 8,
    "steps": 80,
    "members": 1,
    "learning_rate": 0.02,
}  # of nets, so that tests are fast
SETTINGS = {"lstm": FEW, "gru": FEW}
CASES = [(name, kind) for name in MODELS for kind in classifier(name).kinds if kind in DATA]


@pytest.mark.parametrize(("name", "kind"), CASES)
def test_a_row_names_each_sequence_alone_and_comes_back_from_arrays_and_json(name, kind):
    past = DATA[kind]()
    new = DATA[kind](20, seed=1)
    spec = classifier(name, **SETTINGS.get(name, {}))
    learned = spec.fit(past, seed=0, watch=Watch())
    shares = learned.shares(new)
    assert shares.shape == (20, 2)
    assert np.allclose(shares.sum(1), 1)
    for place in (0, 7):
        assert np.array_equal(learned.shares(new.part(np.array([place])))[0], shares[place])
    values = json.loads(json.dumps(learned.values()))
    again = classifier_from(settings_of(spec)).restore(learned.arrays(), values, past.classes)
    assert np.array_equal(again.shares(new), shares)
    if name != "majority":
        assert (shares.argmax(1) == new.labels).mean() >= 0.9


def test_majority_gives_the_shares_of_the_classes():
    learned = classifier("majority").fit(waves(10), seed=0, watch=Watch())
    assert learned.shares(waves(3)).tolist() == [[0.5, 0.5]] * 3


def test_statistics_of_a_known_sequence_do_not_count_gaps():
    table = pd.DataFrame({"id": [1] * 6 + [2], "v": [1.0, 2, 3, np.nan, 5, 6, 9]})
    found = statistics_of(sequences(table, id="id"))
    deviation = np.std([1, 2, 3, 5, 6])
    assert found[0] == pytest.approx([3.4, deviation, 1, 3, 6, 1.5, 3, 5.5])
    assert np.array_equal(found[1, :6], [9, 0, 9, 9, 9, 9])
    assert np.isnan(found[1, 6:]).all()


def test_classes_of_one_member_still_learn():
    past = waves(10).part(np.array([0, 1, 3, 5]))
    for name in models_for("numbers"):
        spec = classifier(name, **SETTINGS.get(name, {}))
        shares = spec.fit(past, seed=0, watch=Watch()).shares(past)
        assert np.isfinite(shares).all()


def test_unknown_models_and_settings_are_refused_with_the_nearest():
    with pytest.raises(ForecastError, match="Did you mean bag"):
        classifier("bags")
    with pytest.raises(ForecastError, match="Did you mean trees"):
        classifier("boosting", tree=3)
    with pytest.raises(ForecastError, match=r"boosting\.trees = 0"):
        classifier("boosting", trees=0)


def test_parts_are_stratified_keep_groups_together_and_follow_the_seed():
    random = np.random.default_rng(0)
    labels = random.choice(3, 1000, p=[0.6, 0.3, 0.1])
    part = parts_of(labels, None, np.array([0.8, 0.2]), 5)
    for one in range(3):
        assert abs((part[labels == one] == 1).mean() - 0.2) < 0.01
    assert np.array_equal(part, parts_of(labels, None, np.array([0.8, 0.2]), 5))
    groups = random.integers(0, 40, 1000)
    grouped = parts_of(labels, groups, np.full(4, 0.25), 0)
    for one in range(40):
        assert len(set(grouped[groups == one])) == 1
    assert np.bincount(grouped).min() > 200
    for train, test in inner_folds(labels, groups, 0):
        assert not set(groups[train]) & set(groups[test])
