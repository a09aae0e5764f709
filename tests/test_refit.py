"""A run's model fitted again: judged on the rows since, taken in one step, with its history."""

import json
import shutil
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from killing import in_a_child

import forecast as fc
from forecast import ForecastError
from forecast.files import load_frame, load_json, sha256
from forecast.replacing import READY, REFIT
from forecast.runs.daily import kept_forecasts, predict_run, score_run
from forecast.runs.refit import refit_run
from forecast.runs.replay import replay_run
from forecast.saving import load

KNOWN, WALK = 120, {"walk.horizon": 3, "walk.folds": 1}


def days(shift=0.0):
    """160 days of two series with a weekly wave; after the first 120 their level is another."""
    random, count = np.random.default_rng(3), np.arange(160)
    frames = []
    for name, level in (("a", 20.0), ("b", 50.0)):
        wave = level + 4 * np.sin(count * 2 * np.pi / 7) + random.normal(0, 1, 160) + shift * (count >= KNOWN)
        frames.append(pd.DataFrame({"ds": pd.date_range("2024-01-01", periods=160), "site": name, "y": wave}))
    return pd.concat(frames, ignore_index=True)


def part(frame, begin, count=1):
    """Some days after those that the run knows."""
    first = pd.Timestamp("2024-01-01") + pd.Timedelta(days=KNOWN + begin)
    return frame[(frame["ds"] >= first) & (frame["ds"] < first + pd.Timedelta(days=count))]


def begun(folder, models, **more):
    frame = days()
    frame[frame["ds"] < part(frame, 0)["ds"].min()].to_csv(folder / "days.csv", index=False)
    settings = {**WALK, **more}
    fc.run(folder / "days.csv", out=folder / "run" / "days", models=models, jobs=1, set=settings)
    return folder / "run" / "days"


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    return begun(tmp_path_factory.mktemp("refit"), ["mean"]).parent.parent


@pytest.fixture
def run(finished, tmp_path):
    """A copy of a run of the model `mean`, and of its file."""
    shutil.copytree(finished, tmp_path / "all")
    folder = tmp_path / "all" / "run" / "days"
    settings = (folder / "run.toml").read_text()
    (folder / "run.toml").write_text(settings.replace(str(finished), str(tmp_path / "all")))
    return folder


def keep(run, frame, begin, count):
    for number in range(begin, begin + count):
        predict_run(run, part(frame, number), keep=True)


def command(folder, *arguments):
    return subprocess.run(
        [sys.executable, "-m", "forecast", *map(str, arguments)],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_refit_that_is_better_is_taken_and_is_the_fit_on_all_rows(run):
    frame = days(shift=15.0)
    keep(run, frame, 0, 12)
    made_before, old = kept_forecasts(run), load(run)
    made = refit_run(run)
    assert made.taken
    assert made.better
    assert (made.number, made.how, made.rows, made.begin, made.end) == (
        1,
        "cold",
        12,
        "2024-04-30",
        "2024-05-11",
    )
    all_rows = frame[frame["ds"] < part(frame, 12)["ds"].min()]
    by_hand = fc.fit("mean", fc.read(all_rows), load(run).goal.task)
    assert np.array_equal(load(run).scaling.loc, by_hand.scaling.loc)
    assert load_json(run / "run.json")["model_sha256"] == sha256(run / "model.safetensors")
    pd.testing.assert_frame_equal(kept_forecasts(run), made_before)
    first = load(run / "fits" / "0" / "model.safetensors")
    assert np.array_equal(first.scaling.loc, old.scaling.loc)
    record = load_json(run / "fits" / "1" / "fit.json")
    assert record["verdict"] == made.verdict
    assert record["model_sha256"] == sha256(run / "model.safetensors")
    assert record["fitted_on"]["data_sha256"] == load_json(run / "run.json")["data_sha256"]
    assert not (run / REFIT).exists()
    assert replay_run(run, jobs=1).equal


def test_the_losses_are_those_of_forecasts_that_did_not_see_the_rows(run):
    """By hand: `mean` of all rows before the last six days, at each day with three to come."""
    frame = days(shift=15.0)
    keep(run, frame, 0, 12)
    made = refit_run(run)
    expected = {"old": [], "cold": []}
    for _, own in frame[frame["ds"] < part(frame, 12)["ds"].min()].groupby("site"):
        values = own["y"].to_numpy()
        for origin in range(126, 130):
            for name, until in (("old", 120), ("cold", 126)):
                expected[name].append(np.abs(values[origin : origin + 3] - values[:until].mean()))
    assert made.origins == 8
    assert made.before == pytest.approx(np.mean(expected["old"]))
    assert made.losses == {"cold": pytest.approx(np.mean(expected["cold"]))}
    judged = load_frame(run / "fits" / "1" / "outcomes.parquet")
    assert (judged["y"] - judged["mean"]).abs().mean() == pytest.approx(made.losses["cold"])


def test_one_that_is_not_better_stays_out_unless_it_is_taken(run):
    frame = days()
    wild = frame.assign(y=frame["y"] + np.where(part(frame, 0, 6)["ds"].min() == frame["ds"], 900, 0))
    keep(run, wild, 0, 12)
    before = sha256(run / "model.safetensors")
    made = refit_run(run)
    assert not made.taken
    assert made.verdict.endswith("The model in use stays; `take` takes the new one all the same.")
    assert "worse than the one in use" in made.verdict
    assert sha256(run / "model.safetensors") == before
    assert [path.name for path in sorted((run / "fits").iterdir())] == ["1"]
    forced = refit_run(run, take=True)
    assert forced.taken
    assert forced.number == 2
    assert forced.verdict.endswith("It is taken all the same.")
    assert sha256(run / "model.safetensors") != before


def test_through_the_command_line(run, tmp_path):
    frame = days(shift=15.0)
    folder = run.parent.parent
    nothing = command(folder, "refit", "run/days")
    assert nothing.returncode == 2
    assert "No row is newer than those run/days was fitted on" in nothing.stderr
    assert "Keep newer rows with --keep" in nothing.stderr
    keep(run, frame, 0, 2)
    few = command(folder, "refit", "run/days")
    assert few.stdout == (
        "2 rows since the last fit are too few to judge a new model. The model in use stays; --take takes the new one"
        " all the same.\n"
    )
    keep(run, frame, 2, 10)
    warm = command(folder, "refit", "run/days", "--how", "warm")
    assert warm.returncode == 2
    assert "mean cannot go on (warm) from its earlier fit" in warm.stderr
    assert "Take --how cold" in warm.stderr
    wrong = command(folder, "refit", "run/days", "--how", "hot")
    assert "--how hot is not known: a model is fitted again warm, cold or better." in wrong.stderr
    made = json.loads(command(folder, "refit", "run/days", "--json").stdout)
    assert made["taken"]
    assert made["verdict"].startswith("Fitted again (cold), the model is ")
    assert made["number"] == 2


def test_on_a_file_that_is_given(run, tmp_path):
    frame = days(shift=15.0)
    frame[frame["ds"] < part(frame, 10)["ds"].min()].to_csv(tmp_path / "all.csv", index=False)
    made = refit_run(run, tmp_path / "all.csv")
    assert made.taken
    assert made.fitted_on["data"] == str(tmp_path / "all.csv")
    assert made.fitted_on["data_sha256"] == sha256(tmp_path / "all.csv")
    made_next = predict_run(run).to_frame()
    assert made_next["ds"].min() == part(frame, 10)["ds"].min()  # it goes on from the rows of the file


def test_the_file_of_the_run_must_be_the_one_it_was_fitted_on(run):
    frame = days(shift=15.0)
    keep(run, frame, 0, 12)
    data = run.parent.parent / "days.csv"
    content = data.read_text()
    data.write_text(content + "\n")
    with pytest.raises(ForecastError, match="it has changed since"):
        refit_run(run)
    data.unlink()
    with pytest.raises(
        ForecastError, match=r"is no longer there, so the stored model goes on .* mean cannot go on"
    ):
        refit_run(run)
    data.write_text(content)
    assert refit_run(run).taken


def test_corrected_readings_are_what_is_fitted_on(run):
    frame = days(shift=15.0)
    keep(run, frame, 0, 12)
    mended = part(frame, 3, 1).assign(y=lambda rows: rows["y"] + 100)
    predict_run(run, mended, keep=True, revised=True)
    refit_run(run, take=True)
    whole = frame[frame["ds"] < part(frame, 12)["ds"].min()].copy()
    whole.loc[mended.index, "y"] = mended["y"]
    expected = fc.fit("mean", fc.read(whole), load(run).goal.task)
    assert np.array_equal(load(run).scaling.loc, expected.scaling.loc)


def test_score_is_on_the_refit_once_it_has_rows_of_its_own(run):
    frame = days(shift=15.0)
    keep(run, frame, 0, 12)
    assert score_run(run).due
    refit_run(run)
    waits = score_run(run)
    assert (waits.present, waits.fit, waits.against) == (1, 0, 0)
    assert waits.verdict.endswith("a refit is due. No forecast by refit 1 has come true yet.")
    keep(run, frame, 12, 5)
    scored = score_run(run)
    assert (scored.present, scored.fit, scored.moments) == (1, 1, 2)
    kept = kept_forecasts(run)
    assert kept.groupby("fit").size().to_dict() == {0: 72, 1: 30}
    truth = kept.merge(frame, left_on=["unique_id", "ds"], right_on=["site", "ds"])
    assert scored.steps["mae"].tolist() == pytest.approx(
        [
            (truth["y"] - truth["mean"])
            .abs()[(truth["ds"] - truth["cutoff"]).dt.days == step]
            .where(truth["ds"] < part(frame, 17)["ds"].min())
            .mean()
            for step in (1, 2, 3)
        ]
    )
    assert "by refit 1 had" in scored.verdict


def test_overwrite_knows_the_history(run):
    keep(run, days(shift=15.0), 0, 12)
    refit_run(run)
    (run / "kept").rename(run.parent / "kept")
    (run / "fits" / "notes.txt").write_text("mine")
    heard = []
    data = run.parent.parent / "days.csv"
    fc.run(data, out=run, models=["mean"], jobs=1, set=WALK, overwrite=True, heard=heard.extend)
    assert [path.name for path in (run / "fits").rglob("*")] == ["notes.txt"]
    said = [finding.message for finding in heard if finding.code == "others-kept"]
    assert said == [f"{run}: fits/notes.txt was not written by a run, and was kept"]


NET = {"gru-plain.units": 3, "gru-plain.steps": 12, "gru-plain.context": 8, "gru-plain.members": 1}


def test_a_net_goes_on_from_its_weights_also_without_the_file(tmp_path):
    run = begun(tmp_path, ["gru-plain"], **NET)
    frame = days(shift=3.0)
    keep(run, frame, 0, 30)
    both = refit_run(run)
    assert set(both.losses) == {"warm", "cold"}
    assert both.how == min(both.losses, key=both.losses.get)
    (tmp_path / "days.csv").unlink()
    keep(run, frame, 30, 8)
    with pytest.raises(ForecastError, match=r"`how=cold` needs all rows"):
        refit_run(run, how="cold")
    alone = refit_run(run, take=True)
    assert alone.how == "warm"
    assert "goes on (warm) from the kept rows alone" in str(alone)
    assert load(run).log.warm
    predict_run(run)


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
@pytest.mark.parametrize("moments", [8, pytest.param(60, marks=pytest.mark.slow)])
def test_killed_at_any_moment_of_a_refit_the_old_or_the_new_model_answers(run, tmp_path, moments):
    keep(run, days(shift=15.0), 0, 12)
    old, kept = predict_run(run).to_frame(), kept_forecasts(run)
    whole = shutil.copytree(run, tmp_path / "whole")
    touched = in_a_child(lambda: refit_run(run))
    new = predict_run(run).to_frame()
    assert not old.equals(new)
    assert touched > moments
    answers = []
    for at in np.linspace(1, touched, moments).astype(int):
        shutil.rmtree(run)
        shutil.copytree(whole, run)
        in_a_child(lambda: refit_run(run), at)
        answer = predict_run(run).to_frame()
        assert answer.equals(old) or answer.equals(new)
        answers.append(answer.equals(new))
        assert not (run / READY).exists()
        pd.testing.assert_frame_equal(kept_forecasts(run), kept)
        assert score_run(run).present == answers[-1]
        if not answers[-1]:
            assert refit_run(run).taken
        assert predict_run(run).to_frame().equals(new)
        assert not (run / REFIT).exists()
    assert answers == sorted(answers)
    assert {*answers} == {False, True}
