"""The door of sequences: forms of files, what they become, and what is refused in one sentence."""

import re

import numpy as np
import pandas as pd
import pytest

from forecast.data.findings import ReadingError
from forecast.errors import ForecastError
from forecast.sequences.door import sequences
from forecast.sequences.labels import refuse_unlearnable

LONG = pd.DataFrame(
    {
        "id": [7, 7, 3, 3, 3],
        "t": [2, 1, 1, 2, 3],
        "v": [1.0, 2.0, 3.0, np.nan, 5.0],
        "who": ["p", "p", "q", "q", "q"],
        "kind": ["b", "b", "a", "a", "a"],
    }
)


def codes(read):
    return {finding.code for finding in read.findings}


def test_a_long_table_is_ordered_by_time_and_keeps_its_gaps():
    read = sequences(LONG, label="kind", id="id", group="who")
    assert read.ids == ("7", "3")
    assert read.columns == ("v",)
    assert np.array_equal(read.values.ravel(), [2, 1, 3, np.nan, 5], equal_nan=True)
    assert read.offsets.tolist() == [0, 2, 5]
    assert (read.classes, read.labels.tolist()) == (("a", "b"), [1, 0])
    assert (read.group_names, read.groups.tolist()) == (("p", "q"), [0, 1])
    assert {"order", "sequences", "label", "group", "missing-values"} <= codes(read)


def test_stamps_order_rows_and_say_when_a_sequence_ends():
    table = LONG.assign(t=["2024-01-02", "2024-01-01", "2024-02-01", "2024-02-02", "2024-02-03"])
    read = sequences(table, label="kind", id="id", time="t", columns="v")
    assert read.values[:2].ravel().tolist() == [2, 1]
    assert read.moments.astype("datetime64[D]").astype(str).tolist() == ["2024-01-02", "2024-02-03"]


def test_an_id_is_found_by_its_name_where_it_repeats():
    read = sequences(LONG, label="kind")
    assert read.ids == ("7", "3")
    assert read.layout.id == "id"


def test_a_row_is_a_sequence_and_missing_cells_at_its_end_shorten_it():
    table = pd.DataFrame({"x_0": [1.0, 4], "x_1": [np.nan, 5], "x_10": [3.0, np.nan], "y": [True, False]})
    read = sequences(table, label="y")
    assert read.columns == ("x",)
    assert read.lengths.tolist() == [3, 2]
    assert np.isnan(read.values[1, 0])
    assert read.classes == ("false", "true")


def test_runs_of_one_length_are_columns_and_steps_go_by_their_numbers():
    table = pd.DataFrame({"a_10": [3.0], "a_2": [2.0], "b_2": [20.0], "b_10": [30.0], "y": ["k"]})
    read = sequences(table, label="y")
    assert read.columns == ("a", "b")
    assert read.values.tolist() == [[2, 20], [3, 30]]


def test_a_row_is_a_text(tmp_path):
    path = tmp_path / "reviews.csv"
    path.write_text('mood,said\ngood,"I did enjoy it, <br />really"\nbad,\n', encoding="utf-8")
    read = sequences(path, label="mood", text="said")
    assert read.texts == ("I did enjoy it, <br />really", "")
    assert read.kind == "texts"
    assert "empty-text" in codes(read)


def test_a_second_file_gives_the_labels_by_id_or_row_by_row():
    bare = LONG.drop(columns="kind")
    labels = pd.DataFrame({"id": [3, 7, 99], "kind": ["a", "b", "c"]})
    read = sequences((bare, labels), label="kind", id="id")
    assert read.labels.tolist() == [1, 0]
    assert read.classes == ("a", "b")
    assert "label-of-nothing" in codes(read)
    wide = pd.DataFrame({"x_0": [1.0, 2], "x_1": [3.0, 4]})
    side = sequences(wide, labels=pd.DataFrame({"c": ["q", "p"]}), label="c")
    assert side.labels.tolist() == [1, 0]


TS = """\
#made up
@problemName Two
@timeStamps false
@classLabel true up down
@data
1,2,3:10,20,30:up
4,?:40,50:down
"""


def test_a_ts_file_is_a_long_table_with_known_columns(tmp_path):
    path = tmp_path / "Two_TRAIN.ts"
    path.write_text(TS, encoding="utf-8")
    read = sequences(path)
    assert read.classes == ("down", "up")
    assert read.lengths.tolist() == [3, 2]
    assert np.array_equal(read.rows(1), [[4, 40], [np.nan, 50]], equal_nan=True)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (TS.replace("4,?:40,50:down", "4,x:40,50:down"), "Row 7 of wrong.ts holds no number"),
        (TS.replace("4,?:40,50:down", "4,5:down"), "Row 7 of wrong.ts has 1 columns"),
        (TS.replace("false", "true", 1), "a stamp before each value"),
        (TS.split("@data")[0] + "@data\n", "no line below @data"),
    ],
)
def test_a_ts_file_that_is_damaged_is_refused_by_its_row(tmp_path, wrong, words):
    path = tmp_path / "wrong.ts"
    path.write_text(wrong, encoding="utf-8")
    with pytest.raises(ReadingError, match=words):
        sequences(path)


@pytest.mark.parametrize(
    ("table", "options", "words"),
    [
        (LONG.assign(kind=list("ababa")), {"id": "id"}, "'7' has 2 labels in column 'kind': a, b"),
        (LONG.assign(kind=["a", None, None, None, None]), {"id": "id"}, "Sequence '3' has no label"),
        (LONG.assign(kind=np.arange(5) / 7), {}, None),
        (LONG.assign(who=list("pqqqq")), {"id": "id", "group": "who"}, "'7' is in two groups"),
        (LONG.assign(id=[7, None, 3, 3, 3]), {"id": "id"}, "has no id in column 'id'"),
        (LONG.assign(t=[2, None, 1, 2, 3]), {"id": "id", "time": "t"}, "neither a stamp nor a number"),
        (LONG.assign(t=["1", "?", "x", "2", "3"]), {"id": "id", "time": "t"}, "Row 2 has no number"),
        (pd.DataFrame({"said": ["a b", "c d"], "kind": ["p", "q"]}), {}, "`text=said`"),
        (LONG, {"id": "kind"}, "cannot be `label` and `id`"),
        (LONG, {"group": "speaker"}, "no column 'speaker' for `group`"),
        (LONG, {"id": "id", "texts": "v"}, "Did you mean text"),
    ],
)
def test_what_cannot_be_read_without_guessing_is_refused_in_a_sentence(table, options, words):
    if words is None:
        table = pd.DataFrame({"x_0": np.arange(900.0), "kind": np.arange(900) / 7})
        words = "holds 900 different numbers"
    with pytest.raises(ForecastError, match=re.escape(words)):
        sequences(table, label="kind", **options)


def test_one_class_and_a_class_of_one_are_refused():
    table = pd.DataFrame({"x_0": [1.0, 2, 3], "y": ["a", "a", "a"]})
    with pytest.raises(ForecastError, match="of one class, 'a'"):
        refuse_unlearnable(sequences(table, label="y"))
    with pytest.raises(ForecastError, match="Class b has one member"):
        refuse_unlearnable(sequences(table.assign(y=["a", "b", "a"]), label="y"))
    with pytest.raises(ForecastError, match="give `label`"):
        refuse_unlearnable(sequences(table.drop(columns="y")))


def test_the_layout_reads_the_next_file_which_needs_no_label():
    first = sequences(LONG, label="kind", id="id", group="who")
    newer = sequences(LONG.drop(columns=["kind", "who"]), first.layout)
    assert np.array_equal(newer.values, first.values, equal_nan=True)
    assert newer.labels.tolist() == [-1, -1]
