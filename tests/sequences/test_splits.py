"""Parts of sequences: stratified, by group, in time, by file; copies and straddling groups."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from forecast.errors import ForecastError
from forecast.sequences.door import sequences
from forecast.sequences.splits import Split, fingerprints, folds_of, joined, split_of


def table(count=50):
    """Sequences of two classes, in ten groups, a day apart."""
    random = np.random.default_rng(0)
    frame = pd.DataFrame(random.normal(size=(count, 4)).round(3), columns=[f"x_{step}" for step in range(4)])
    frame["kind"] = np.where(np.arange(count) % 2, "b", "a")
    frame["who"] = [f"s{place // 5}" for place in range(count)]
    frame["day"] = pd.date_range("2024-01-01", periods=count)
    return frame


def read(frame=None, **options):
    frame = table() if frame is None else frame
    columns = [name for name in frame if name.startswith("x")]
    return sequences(frame, label="kind", columns=columns, **options)


def test_what_a_split_says():
    assert split_of("0.3") == Split("share", share=0.3)
    assert split_of("kfold:5") == Split("kfold", folds=5)
    assert split_of("time") == Split("time")
    assert split_of("time:0.4") == Split("time", share=0.4)
    assert split_of("held/out.csv") == Split("file", file="held/out.csv")
    for wrong in ("1.5", "0", "kfold:1", "kfold:x", "time:2"):
        with pytest.raises(ForecastError, match=f"`split={wrong}`"):
            split_of(wrong)


def test_a_share_is_stratified_and_folds_test_each_sequence_once():
    one = folds_of(read(), split_of("0.2"), seed=1)[0]
    assert len(one.test) == 10
    assert read().labels[one.test].mean() == 0.5
    folds = folds_of(read(), split_of("kfold:5"), seed=1)
    assert sorted(np.concatenate([fold.test for fold in folds]).tolist()) == list(range(50))
    for fold in folds:
        assert not set(fold.train) & set(fold.test)


def test_groups_are_never_in_both_parts():
    grouped = read(group="who")
    for text in ("0.2", "kfold:4"):
        for fold in folds_of(grouped, split_of(text), seed=0):
            assert not set(grouped.groups[fold.train]) & set(grouped.groups[fold.test])


def test_a_split_by_time_tests_what_is_later_and_refuses_a_group_in_both_parts():
    later = read(time="day")
    fold = folds_of(later, split_of("time"), seed=0)[0]
    assert fold.test.tolist() == list(range(40, 50))
    torn = read(time="day", group="who")
    with pytest.raises(ForecastError, match=r"1 group of column 'who' is in both parts of this split \(s4\)"):
        folds_of(torn, split_of("time:0.55"), seed=0)
    allowed = folds_of(torn, split_of("time:0.55"), seed=0, straddle=True)[0]
    assert len(allowed.test) == 27
    with pytest.raises(ForecastError, match="name its column with `time`"):
        folds_of(read(), split_of("time"), seed=0)


def test_copies_are_counted_and_no_test():
    frame = table()
    frame.loc[49, ["x_0", "x_1", "x_2", "x_3"]] = frame.loc[0, ["x_0", "x_1", "x_2", "x_3"]]
    fold = folds_of(read(frame, time="day"), split_of("time"), seed=0)[0]
    assert fold.copies.tolist() == [49]
    assert 49 not in fold.test
    texts = sequences(pd.DataFrame({"t": ["So  Good", "so good ", "so bad"], "kind": list("aab")}), text="t")
    first, second, third = fingerprints(texts)
    assert first == second != third


def test_what_cannot_be_split_is_refused_in_a_sentence():
    few = read(table().iloc[:9])
    with pytest.raises(ForecastError, match=r"class b has members \(4\)\. Give at most `split=kfold:4`"):
        folds_of(few, split_of("kfold:5"), seed=0)
    with pytest.raises(ForecastError, match=r"than there are groups \(2\)"):
        folds_of(read(table().iloc[:10], group="who"), split_of("kfold:3"), seed=0)
    with pytest.raises(ForecastError, match="are of one group"):
        folds_of(read(table().iloc[:5], group="who"), split_of("0.2"), seed=0)
    late = table()
    late["kind"] = np.where(np.arange(50) >= 40, "new", "old")
    with pytest.raises(ForecastError, match="No sequence of class new is in the training part"):
        folds_of(read(late, time="day"), split_of("time"), seed=0)


def test_a_second_file_is_the_test_part_and_goes_by_names():
    whole = read(group="who")
    first = read(table().iloc[:30], group="who")
    last = read(table().iloc[[*range(31, 50, 2)]], group="who")
    both = joined(first, last)
    assert both.classes == ("a", "b")
    assert both.labels[30:].tolist() == [1] * 10
    assert np.array_equal(both.values[:120], whole.values[:120])
    fold = folds_of(both, split_of("other.csv"), seed=0, train=30)[0]
    assert fold.train.tolist() == list(range(30))
    with pytest.raises(ForecastError, match="has a class that the training file does not have: z"):
        joined(first, read(table().assign(kind="z")))
    with pytest.raises(ForecastError, match="files of one kind"):
        joined(first, replace(last, columns=("other",)))
