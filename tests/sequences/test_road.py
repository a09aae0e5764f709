"""From a file to a run folder, through the command line and Python: verdict, files, resumption, new sequences, bad input."""

import json
import shutil

import numpy as np
import pandas as pd
import pytest
from optuna.trial import FixedTrial
from typer.testing import CliRunner

import forecast as fc
from forecast.cli import app, as_flags
from forecast.errors import ForecastError
from forecast.files import load_arrays
from forecast.sequences.checking import check_sequences
from forecast.sequences.plan import make_naming
from forecast.sequences.road import compared
from forecast.sequences.study import tune
from forecast.sequences.table import classifier
from forecast.tuning.journal import JOURNAL, study_of


def moods(count=80, seed=0):
    """Texts whose mood is in a pair of words."""
    random = np.random.default_rng(seed)
    words = np.array(["film", "plot", "actor", "scene", "music", "light"])
    said = [" ".join(random.choice(words, 8)) for _ in range(count)]
    ends = ["very good" if place % 2 else "not good" for place in range(count)]
    table = pd.DataFrame({"said": said, "mood": np.where(np.arange(count) % 2, "up", "down")})
    table["said"] += pd.Series(ends).radd(" ")
    return table


def waves(count=60, seed=0):
    """Rising and falling sequences, a row each, by ten people."""
    random = np.random.default_rng(seed)
    slope = np.where(np.arange(count) % 2, 1.0, -1.0)
    values = slope[:, None] * np.arange(6) + random.normal(0, 1, (count, 6))
    table = pd.DataFrame(values.round(3), columns=[f"x_{step}" for step in range(6)])
    table["way"] = np.where(slope > 0, "up", "down")
    table["who"] = [f"p{place // 2 % 10}" for place in range(count)]
    return table


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("classes")
    moods().to_csv(folder / "moods.csv", index=False)
    waves().to_csv(folder / "waves.csv", index=False)
    return folder


def invoke(*words):
    """The command in this process; what it refuses is raised as the library's error."""
    found = CliRunner().invoke(app, [str(word) for word in words], catch_exceptions=True)
    if isinstance(found.exception, ForecastError):
        return as_flags(str(found.exception))
    assert found.exit_code == 0, found.output
    return found.stdout


@pytest.fixture(scope="module")
def run(files):
    out = files / "run"
    text = invoke(
        "classify",
        files / "moods.csv",
        "--label",
        "mood",
        "--text",
        "said",
        "--model",
        "bag,majority",
        "--out",
        out,
        "--jobs",
        "1",
        "--quiet",
        "--json",
    )
    return out, json.loads(text)


def test_a_run_says_which_is_best_and_leaves_its_files(run):
    out, found = run
    assert found["best"] == "bag"
    assert "bag is best" in found["verdict"]
    first = found["leaderboard"][0]
    assert first["accuracy"] == 1.0
    assert {"log_loss", "auc", "brier", "ece", "mcc", "miscalibration", "p", "seconds"} <= set(first)
    outcomes = pd.read_parquet(out / "outcomes.parquet")
    assert len(outcomes) == found["tested"] == 16
    assert (outcomes["bag"] == outcomes["label"]).all()
    table = pd.read_csv(out / "confusion.csv", index_col="true")
    assert np.diag(table).sum() == 16
    page = (out / "report.html").read_text(encoding="utf-8")
    for heading in ("The models compared", "What bag takes for what", "Do the probabilities hold", "ROC"):
        assert heading in page


def test_a_second_run_is_there_already_and_goes_on_from_its_parts(run, files, tmp_path):
    out, found = run
    keywords = {"label": "mood", "text": "said", "models": ("bag", "majority")}
    again = fc.classify(files / "moods.csv", out=out, **keywords)
    assert again.resumed
    assert again.board.verdict == found["verdict"]
    cut = tmp_path / "cut"
    shutil.copytree(out, cut)
    for name in ("run.json", "report.html", "model.safetensors", "parts/majority-0.safetensors"):
        (cut / name).unlink()
    before = (cut / "parts/bag-0.safetensors").stat().st_mtime_ns
    resumed = fc.classify(files / "moods.csv", out=cut, jobs=1, **keywords)
    assert not resumed.resumed
    assert (cut / "parts/bag-0.safetensors").stat().st_mtime_ns == before
    assert (cut / "model.safetensors").read_bytes() == (out / "model.safetensors").read_bytes()
    assert resumed.board.verdict == found["verdict"]


def test_the_probability_of_the_backtest_comes_from_the_raw_text_of_a_loaded_model(run):
    out, _ = run
    arrays, _ = load_arrays(out / "parts/bag-0.safetensors")
    assert arrays["shares"].shape == (16, 2)
    named = json.loads(invoke("predict", out, "--text", "the plot is very good", "--text", "zzz", "--json"))[
        "named"
    ]
    assert named[0]["label"] == "up"
    assert named[0]["p_up"] == named[0]["probability"] > 0.5
    assert (named[0]["known"], named[0]["unknown"]) == (3, 2)
    assert (named[1]["known"], named[1]["unknown"]) == (0, 1)
    trained = fc.classify(make_naming(config=out / "run.toml"), out=out).trained
    table = fc.sequences(moods(5, seed=9).drop(columns="mood"), trained.layout)
    alone = [trained.name(table.part(np.array([place])))["p_up"][0] for place in range(5)]
    assert trained.name(table)["p_up"].tolist() == alone


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "\x00",
        "<br /><b>",
        "\U0001f600" * 3,
        "\u05e9\u05dc\u05d5\u05dd",
        "good " * 200_000,
        "\u6620\u753b",
    ],
)
def test_any_text_has_a_probability(run, text):
    from forecast.sequences.trained import load, texts

    out, _ = run
    frame = load(out).name(texts([text]))
    assert 0.5 <= frame["probability"][0] <= 1


def test_what_is_of_forecasts_alone_refuses_a_run_of_classes(run):
    out, _ = run
    assert "names sequences and forecasts nothing" in invoke("score", out)
    assert "names sequences: give a file or --text" in invoke("predict", out, "--keep")
    assert "one of them" in invoke("predict", out)


def test_replay_has_the_same_bits(run):
    out, _ = run
    assert "All 3 parts have the same bits" in invoke("replay", out, "--jobs", "1", "--quiet")


def test_numbers_by_folds_and_groups(files):
    out = files / "waves"
    found = json.loads(
        invoke(
            "classify",
            files / "waves.csv",
            "--label",
            "way",
            "--group",
            "who",
            "--split",
            "kfold:3",
            "--metric",
            "accuracy",
            "--model",
            "statistics,nearest,majority",
            "--out",
            out,
            "--jobs",
            "1",
            "--quiet",
            "--json",
        )
    )
    assert found["tested"] == 60
    assert found["metric"] == "accuracy"
    assert found["folds"] == 3
    new = files / "new.csv"
    waves(4, seed=3).drop(columns=["way", "who"]).to_csv(new, index=False)
    named = pd.read_csv(pd.io.common.StringIO(invoke("predict", out, new, "--csv")))
    assert named["label"].tolist() == ["down", "up", "down", "up"]
    said = invoke("predict", out, "--text", "hello")
    assert "was fitted on numbers and cannot read a text" in said


def test_what_is_wrong_is_one_sentence_in_flags(files, tmp_path):
    good = files / "moods.csv"
    lone = tmp_path / "lone.csv"
    moods(6).assign(mood=["a", "a", "a", "a", "a", "b"]).to_csv(lone, index=False)
    one = tmp_path / "one.csv"
    moods(6).assign(mood="a").to_csv(one, index=False)
    ask = ("classify", good, "--label", "mood")
    assert "--text said" in invoke(*ask)
    assert "Class b has one member" in invoke("classify", lone, "--label", "mood", "--text", "said")
    assert "of one class, 'a'" in invoke("classify", one, "--label", "mood", "--text", "said")
    assert "Give at most --split kfold:40" in invoke(*ask, "--text", "said", "--split", "kfold:50")
    assert "reads numbers, and these sequences are texts" in invoke(
        *ask, "--text", "said", "--model", "nearest"
    )
    assert "There is no metric 'acc'" in invoke(*ask, "--text", "said", "--metric", "acc")
    assert "give --label" in invoke("classify", good, "--text", "said")
    assert "no column 'tone'" in invoke("classify", good, "--text", "said", "--label", "tone")
    assert "There is no file" in invoke("classify", tmp_path / "none.csv", "--label", "mood")
    assert not (tmp_path / "runs").exists()


def test_check_counts_lengths_classes_copies_words_and_groups(files, tmp_path):
    text = invoke("check", files / "moods.csv", "--label", "mood", "--text", "said")
    assert "10 words each" in text
    assert "unknown to it" in text
    frame = waves()
    frame.loc[1, frame.columns[:6]] = frame.loc[0, frame.columns[:6]].to_numpy()
    frame.loc[2, "x_0"] = np.nan
    frame["day"] = pd.date_range("2024-01-01", periods=60)
    path = tmp_path / "odd.csv"
    frame.to_csv(path, index=False)
    found = check_sequences(
        make_naming(str(path), overrides={"label": "way", "group": "who", "time": "day", "split": "time"})
    )
    assert found.classes == {"down": 30, "up": 30}
    assert (found.copies, found.contradicting) == (2, 2)
    assert found.missing == pytest.approx(1 / 360)
    assert found.straddling > 0
    codes = {finding.code for finding in found.findings}
    assert {"copies", "contradicting-copies", "straddling", "lengths", "missing-values"} <= codes


def test_compare_and_tune_are_judged_on_sequences_that_no_trial_saw(files, tmp_path):
    asked = {"label": "mood", "text": "said"}
    plan = make_naming(str(files / "moods.csv"), overrides=asked)
    board = compared(plan, [("bag.least", 40)], jobs=1)
    assert {row.model for row in board.rows} == {"bag", "least=40"}
    with pytest.raises(ForecastError, match="already"):
        compared(plan, [("bag.least", 2)], jobs=1)
    one = make_naming(str(files / "moods.csv"), overrides={**asked, "models": ["bag"]})
    tuned = tune(one, trials=3, out=tmp_path / "tuned")
    assert tuned.trials == 3
    assert (tmp_path / "tuned/tuned.json").exists()
    again = make_naming(config=tmp_path / "tuned/tuned.toml")
    assert again.models == ("bag",)
    with pytest.raises(ForecastError, match="nothing to tune"):
        tune(
            make_naming(str(files / "moods.csv"), overrides={**asked, "models": ["majority"]}),
            out=tmp_path / "no",
        )


def test_a_study_of_a_net_varies_its_size_dropout_and_rate(files, tmp_path):
    asked = {"label": "way", "columns": [f"x_{k}" for k in range(6)], "models": ["gru"]}
    small = {"gru.steps": 4, "gru.members": 1, "gru.optimiser": "sgd", "gru.learning_rate": 0.9}
    plan = make_naming(str(files / "waves.csv"), overrides={**asked, **small})
    tuned = tune(plan, trials=3, out=tmp_path / "tuned")
    trials = study_of(tmp_path / "tuned" / JOURNAL).get_trials()
    assert trials[0].params == {}  # the default is the first
    for trial in trials[1:]:
        assert set(trial.params) == {"units", "layers", "dropout", "learning_rate"}
        assert (
            0.015 <= trial.params["learning_rate"] <= 0.9
        )  # the range is that of sgd, and holds the given rate
    assert tuned.inside == min(trial.value for trial in trials)
    again = make_naming(config=tmp_path / "tuned/tuned.toml")
    assert again.settings["gru"] == {**plan.settings["gru"], **tuned.params}


def test_widths_that_name_the_layers_are_not_varied():
    trial = FixedTrial({"dropout": 0.7, "learning_rate": 1e-3})
    made = classifier("lstm", units=[6, 4], dropout=0.8).space(trial)
    assert made == classifier("lstm", units=[6, 4], dropout=0.7, learning_rate=1e-3)


def test_nothing_of_the_test_part_reaches_a_fit(files):
    """Vocabulary, statistics and scaling are unchanged when the test part is rewritten."""
    from forecast.sequences.trained import train

    plan = make_naming(
        str(files / "waves.csv"), overrides={"label": "way", "columns": [f"x_{k}" for k in range(6)]}
    )
    prepared = plan.read()
    fold = plan.folds(prepared)[0]
    read = prepared.sequences
    other = read.values.copy()
    for place in fold.test:
        other[read.offsets[place] : read.offsets[place + 1]] = 1e6
    from dataclasses import replace

    rewritten = replace(read, values=other)
    for model in ("statistics", "boosting", "nearest", "majority"):
        one = train(model, read.part(fold.train)).learned.arrays()
        two = train(model, rewritten.part(fold.train)).learned.arrays()
        assert all(np.array_equal(one[name], two[name], equal_nan=True) for name in one)
    said = make_naming(str(files / "moods.csv"), overrides={"label": "mood", "text": "said"})
    words = said.read().sequences
    part = said.folds(said.read())[0]
    texts = list(words.texts)
    for place in part.test:
        texts[place] = "entirely other words"
    again = replace(words, texts=tuple(texts))
    one = train("bag", words.part(part.train)).learned
    two = train("bag", again.part(part.train)).learned
    assert one.values() == two.values()
    assert np.array_equal(one.arrays()["weight"], two.arrays()["weight"])


@pytest.mark.slow
def test_no_skill_is_claimed_where_labels_are_permuted():
    """Of 200 permutations at most 5 % may be called skill."""
    from forecast.sequences.parts import parts_of
    from forecast.sequences.trained import train
    from forecast.sequences.verdict import Answered, judge

    claimed = 0
    frame = waves(80)
    for seed in range(200):
        random = np.random.default_rng(seed)
        read = fc.sequences(
            frame.assign(way=random.permutation(frame["way"])),
            label="way",
            columns=[f"x_{k}" for k in range(6)],
        )
        test = parts_of(read.labels, None, np.array([0.6, 0.4]), seed) == 1
        train_part = np.flatnonzero(~test)
        places = np.flatnonzero(test)
        shares = {}
        for model in ("statistics", "nearest", "majority"):
            shares[model] = train(model, read.part(train_part), seed=seed).shares(read.part(places))
        asked = Answered(
            read.labels[places],
            read.classes,
            None,
            shares,
            dict.fromkeys(shares, 0.0),
            places,
            np.zeros(len(places), int),
        )
        verdict = judge(asked, "log_loss", seed).verdict
        claimed += "is best" in verdict and "could be chance" not in verdict
    assert claimed <= 10
