"""What moved a class: the pieces of a sequence, the probability without each, on the page and through the command line."""

import json
import re

import numpy as np
import pandas as pd
import pytest

import forecast as fc
from forecast.errors import ForecastError
from forecast.sequences.moving import PIECES, moves
from forecast.sequences.trained import texts, train
from tests.sequences.made import moods, numbers
from tests.sequences.test_road import files, invoke, run  # noqa: F401


@pytest.fixture(scope="module")
def bag():
    return train("bag", moods(80))


def test_without_each_word_is_what_the_text_without_it_is_given(bag):
    text = "A word3 lovely word5, and strong!"
    (made,) = bag.moves(texts([text]), "good")
    assert made.pieces == ("a", "word3", "lovely", "word5", "and", "strong", "!")
    left = ["a word3 word5 and strong !", "a word3 lovely word5 and !"]
    shares = bag.shares(texts([text, *left]))[:, bag.classes.index("good")]
    assert made.probability == shares[0]
    assert (made.without[[2, 5]] == shares[1:]).all()
    assert {made.pieces[place] for place in made.strongest[:2]} == {"lovely", "strong"}
    assert (made.shifts[[2, 5]] > 0.1).all()


def test_of_the_other_class_the_same_words_count_the_other_way(bag):
    (good,) = bag.moves(texts(["word1 great word2"]), "good")
    (bad,) = bag.moves(texts(["word1 great word2"]), "bad")
    assert np.allclose(good.shifts, -bad.shifts, atol=1e-9)


def test_a_long_text_is_cut_into_runs_of_words_that_hold_each_word_once(bag):
    words = [f"w{place}" for place in range(333)]
    (made,) = bag.moves(texts([" ".join(words)]))
    assert len(made.pieces) == PIECES
    assert " ".join(made.pieces).split() == words
    sizes = np.diff(made.edges)
    assert sizes.max() - sizes.min() <= 1


def test_an_empty_text_has_no_piece(bag):
    (made,) = bag.moves(texts(["..."]))
    assert made.pieces == ()
    assert len(made.to_frame()) == 0


def test_the_step_that_decides_is_found():
    random = np.random.default_rng(0)
    rows = random.normal(0, 1, (60, 30))
    labels = np.where(np.arange(60) % 2, "up", "down")
    rows[:, 0] = np.where(labels == "up", 2.0, -2.0)
    read = numbers(list(rows), list(labels))
    trained = train("statistics", read)
    for place in (0, 1):
        (made,) = trained.moves(read.part(np.array([place])))
        assert made.pieces[made.strongest[0]] == "step 1"
        assert made.shifts[0] > 1


def test_a_piece_is_put_on_the_line_between_its_neighbours_and_gaps_stay():
    class Sees:
        """A model that keeps what it is asked."""

        def shares(self, read):
            self.read = read
            return np.full((len(read), 2), 0.5)

    rows = np.array([[0.0, 1.0], [9.0, np.nan], [2.0, 7.0]])
    read = numbers([rows, rows], ["a", "b"])
    model = Sees()
    moves(model, read.classes, read, 0, 0)
    asked = [model.read.rows(place) for place in range(4)]
    assert np.array_equal(asked[0], rows, equal_nan=True)
    assert np.array_equal(
        asked[1], [[9, 7], [9, np.nan], [2, 7]], equal_nan=True
    )  # at an end the nearest value
    assert np.array_equal(asked[2], [[0, 1], [1, np.nan], [2, 7]], equal_nan=True)
    assert np.array_equal(asked[3], [[0, 1], [9, np.nan], [9, 1]], equal_nan=True)


def test_there_must_be_such_a_class(bag):
    with pytest.raises(ForecastError, match=r"There is no class 'goood'. Did you mean good"):
        bag.moves(texts(["great"]), "goood")


def test_the_page_shades_what_the_model_of_its_own_fold_says(run, files):  # noqa: F811
    page = (run[0] / "report.html").read_text(encoding="utf-8")
    table = page[page.index('id="convinced"') :]
    first = table[table.index("<td>") : table.index("</tr>", table.index("<td>"))]
    ident, true, named, probability = re.findall(r"<td>([^<]*)</td>", first)[:4]
    assert true == named
    read = fc.sequences(files / "moods.csv", label="mood", text="said")
    place = read.ids.index(ident)
    outcomes = pd.read_parquet(run[0] / "outcomes.parquet")
    tested = [read.ids.index(one) for one in outcomes["id"].astype(str)]
    learned = train("bag", read.part(np.setdiff1d(np.arange(len(read)), tested)))
    (made,) = learned.moves(read.part(np.array([place])))
    assert f"{made.probability:.3f}" == probability
    shown = re.findall(r'title="without it ([0-9.]+)">([^<]*)</span>', first)
    assert shown == [(f"{own:.3f}", word) for own, word in zip(made.without, made.pieces, strict=True)]


def test_the_command_says_what_moved_a_text(run):  # noqa: F811
    folder, _ = run
    said = invoke("explain", folder, "--text", "a very good film")
    assert re.match(r"1: up \d\.\d{3}\n  without it 0\.\d{3}: very\n", said)
    rows = json.loads(invoke("explain", folder, "--text", "a very good film", "--json"))["moves"]
    assert [row["piece"] for row in rows] == ["a", "very", "good", "film"]
    assert {"first", "last", "without", "shift", "probability", "label"} <= set(rows[0])
    assert "give a file or --text" in invoke("explain", folder, "--text", "good", "--step", "1")
    made = fc.moves_run(folder, said=["a very good film"], label="down")
    assert made[0].label == "down"
