"""Names that have an order: how they are read, and the score that counts by how many names a share misses."""

import json

import numpy as np
import pandas as pd
import pytest
from test_cli import forecast as command

import forecast as fc
from forecast.data.findings import ReadingError
from forecast.errors import ForecastError
from forecast.evaluation.metrics import score, scores_by
from forecast.saving import join

WIND = ("calm", "breeze", "storm")
WALK = fc.WalkForward(horizon=2, test=0.3, folds=1)


def weather(count=500, seed=0):
    """Days of wind that persists, in three names whose alphabet is not their order."""
    random = np.random.default_rng(seed)
    level = np.zeros(count)
    for day in range(1, count):
        level[day] = 0.8 * level[day - 1] + random.normal()
    names = np.select([level < -0.5, level < 1.0], WIND[:2], WIND[2])
    return pd.DataFrame({"day": pd.date_range("2020-01-01", periods=count), "wind": names})


@pytest.fixture(scope="module")
def panel():
    return fc.read(weather(), target="wind", ordered="calm<breeze<storm")


@pytest.fixture(scope="module")
def outcomes(panel):
    return list(fc.backtest(["markov", "rate"], panel, WALK))


@pytest.mark.parametrize("order", ["calm<breeze<storm", " calm < breeze <storm ", WIND, list(WIND)])
def test_codes_rise_with_the_order(order):
    panel = fc.read(weather(), target="wind", ordered=order)
    assert panel.names == WIND
    assert panel.columns[0].ordered
    assert [WIND[int(code)] for code in panel.values[:, 0]] == weather().wind.tolist()


def test_the_score_is_its_formula(outcomes):
    for one in outcomes:
        shares, actual = one.forecast.shares, one.actual
        total = 0.0
        for place in range(len(WIND) - 1):
            below = shares[..., : place + 1].sum(-1)
            total = total + (below - (actual <= place)) ** 2
        expected = float(np.nanmean(total / (len(WIND) - 1)))
        assert score([one], "rps") == pytest.approx(expected, abs=1e-12)


def test_a_miss_by_two_names_costs_more_than_one_by_one(panel):
    """All on one name: (2 - 1) / 2 a name that it is away."""
    (one,) = fc.backtest("rate", panel, WALK)
    sure = np.zeros_like(one.forecast.shares)
    sure[..., 0] = 1.0
    far = fc.evaluation.metrics.ranked_probability(
        type(one)(one.fold, type(one.forecast)(**{**vars(one.forecast), "shares": sure}), one.truth, one.log)
    )
    for code in range(3):
        np.testing.assert_allclose(far[one.actual == code], code / 2)


def test_of_two_names_it_is_the_brier_score():
    frame = weather().assign(windy=lambda f: np.where(f.wind == "storm", "yes", "no"))
    panel = fc.read(frame, target="windy", past="none", ordered="no<yes")
    outcomes = list(fc.backtest("rate", panel, WALK))
    assert outcomes[0].truth.task.metric == "brier"
    assert score(outcomes, "rps") == pytest.approx(score(outcomes, "brier"), abs=1e-12)


def test_names_with_an_order_are_ranked_by_it_and_others_are_not(panel, outcomes):
    assert outcomes[0].truth.task.metric == "rps"
    board = fc.leaderboard(outcomes)
    assert board.metric == "rps"
    assert {"rps", "log_loss", "accuracy"} <= {*board.rows[0].scores}
    assert board.rows[0].model == "markov"
    assert board.rows[1].skill < -0.1
    assert list(scores_by(outcomes[:1], by="step")) == [1, 2]
    plain = fc.read(weather(), target="wind")
    (other,) = fc.backtest("rate", plain, WALK)
    assert other.truth.task.metric == "log_loss"
    with pytest.raises(
        ForecastError, match=r"that of wind is not known: give it.*`ordered=breeze<calm<storm`"
    ):
        fc.leaderboard([other], metric="rps")
    with pytest.raises(ForecastError, match="The metric rps scores names by their order"):
        list(fc.backtest("rate", plain, WALK, metric="rps"))


def test_newer_rows_need_not_have_all_names(panel):
    frame = weather()
    old = fc.read(frame[:400], target="wind", ordered=WIND)
    late = frame[400:].assign(wind="breeze")
    new = fc.read(late, old.reading, clock=old.clock)
    joined = join(old, new)
    assert joined.names == WIND
    assert set(joined.values[400:, 0]) == {1.0}


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"ordered": "calm"}, "`ordered=calm` is no order: give two names or more"),
        ({"ordered": "calm<<storm"}, "is no order"),
        ({"ordered": "calm<storm<calm"}, "has 'calm' twice"),
        ({"ordered": "calm<breze<storm"}, "wind is never 'breze'. Did you mean breeze"),
        ({"ordered": "calm<storm"}, "has no place for breeze, which wind holds too"),
        ({"ordered": "1<2", "target": "force"}, "the target force holds numbers"),
        ({"ordered": "calm<storm", "event": "force > 1"}, "`event` makes another one"),
    ],
)
def test_a_wrong_order_is_refused_in_a_sentence(options, words):
    frame = weather().assign(force=lambda f: f.wind.map({"calm": 0.0, "breeze": 1.0, "storm": 2.0}))
    asked = {"target": "wind", "past": "none", **options}
    if "event" in options:
        del asked["target"]
    with pytest.raises((ForecastError, ReadingError), match=words):
        fc.read(frame, **asked)


def test_from_the_command_line_to_the_page_and_compare(tmp_path):
    weather().to_csv(tmp_path / "wind.csv", index=False)
    asked = ("--target", "wind", "--ordered", "calm<breeze<storm", "--horizon", "2", "--folds", "1")
    done = command(tmp_path, "fit", "wind.csv", *asked, "--model", "markov,rate", "--out", "run", "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["metric"] == "rps"
    assert found["best"] == "markov"
    assert 0 < found["leaderboard"][0]["rps"] < found["leaderboard"][1]["rps"]
    page = (tmp_path / "run" / "report.html").read_text()
    assert "<th>RPS</th>" in page
    assert "Skill by step ahead: RPS" in page
    frame = json.loads(command(tmp_path, "predict", "run", "--json").stdout)["forecast"]
    assert [name for name in frame[0] if name.startswith("p_")] == [f"p_{name}" for name in WIND]
    tried = command(tmp_path, "compare", "wind.csv", *asked, "--try", "markov.order=0")
    assert tried.returncode == 0, tried.stderr
    assert "RPS" in tried.stdout
