"""What may go wrong while a run is made: it is killed, interrupted, every trial fails. And the poison test from file to forecast."""

import hashlib
import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pandas as pd
import psutil
import pytest

import forecast as fc
from forecast.models.base import Watch
from forecast.models.classic.climatology import Climatology
from forecast.task import Goal
from forecast.tuning.journal import study_of

SMALL = ["--set", "gru.units=8", "--set", "gru.steps=240", "--set", "gru.batch=16", "--set", "gru.context=24"]


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    """400 hours that a net forecasts better than the last value does."""
    random = np.random.default_rng(0)
    temp = 5 * np.sin(np.arange(400) * 2 * np.pi / 24) + random.normal(0, 1, 400)
    frame = pd.DataFrame(
        {
            "time": pd.date_range("2024-01-01", periods=400, freq="h"),
            "temp": temp,
            "wind": random.normal(size=400),
        }
    )
    path = tmp_path_factory.mktemp("data") / "weather.csv"
    frame.to_csv(path, index=False)
    return path


def begin(folder, *arguments):
    """`forecast ...` as the head of a process group of its own."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "forecast", *map(str, arguments)]
    return subprocess.Popen(
        command,
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def end(process):
    """The stdout of a process that must succeed."""
    out, err = process.communicate()
    assert process.returncode == 0, err
    return out


def wait_for(process, moment):
    """Wait until the moment has come, and a little more."""
    limit = time.monotonic() + 120
    while not moment():
        assert process.poll() is None, f"it ended before its moment came: {process.communicate()[1]}"
        assert time.monotonic() < limit, "its moment never came"
        time.sleep(0.01)
    time.sleep(np.random.default_rng().uniform(0, 0.05))


def strike(process, number, moment):
    """Send a signal to the whole group once the moment has come; exit code and stderr."""
    wait_for(process, moment)
    os.killpg(process.pid, number)
    return process.wait(), process.communicate()[1]


def lines(path):
    return path.read_text().splitlines() if path.exists() else []


def fit(file, jobs):
    return [
        "fit",
        file,
        "--model",
        "gru,naive",
        "--horizon",
        12,
        "--folds",
        2,
        "--jobs",
        jobs,
        "--out",
        "run",
        "--json",
        *SMALL,
    ]


def bits(run):
    """What must not depend on how often a run was cut off."""
    hashes = {
        name: hashlib.sha256((run / name).read_bytes()).hexdigest()
        for name in ("model.safetensors", "forecast.csv", "history.csv")
    }
    outcomes = pd.read_parquet(run / "outcomes.parquet")
    return {
        **hashes,
        "outcomes": hashlib.sha256(pd.util.hash_pandas_object(outcomes).to_numpy().tobytes()).hexdigest(),
        "rows": outcomes.shape,
    }


@pytest.fixture(scope="module")
def unbroken(file, tmp_path_factory):
    """The bits of a run that nothing disturbed; the net wins, so the last fit is that of a net too."""
    folder = tmp_path_factory.mktemp("unbroken")
    assert json.loads(end(begin(folder, *fit(file, 1))))["best"] == "gru"
    return bits(folder / "run")


def litter(run):
    return [
        path.name
        for path in run.rglob("*")
        if ".checkpoint" in path.name or path.name.endswith(".unfinished")
    ]


def test_a_fit_that_was_killed_and_then_interrupted_goes_on_to_the_same_bits(file, unbroken, tmp_path):
    run, told = tmp_path / "run", tmp_path / "run" / "parts" / "progress.jsonl"
    assert (
        strike(begin(tmp_path, *fit(file, 1)), signal.SIGKILL, lambda: len(lines(told)) >= 4)[0]
        == -signal.SIGKILL
    )
    before = len(lines(told))

    def both_at_work():
        return any(json.loads(line)["part"] == ["gru", 1] for line in lines(told)[before:])

    code, said = strike(begin(tmp_path, *fit(file, 2), "--quiet"), signal.SIGINT, both_at_work)
    assert (code, said) == (
        130,
        "forecast: interrupted. Finished parts are kept: the same command goes on from here.\n",
    )
    assert not (run / "run.json").exists()
    end(begin(tmp_path, *fit(file, 1)))
    assert bits(run) == unbroken
    assert not litter(run)


def test_an_interrupted_backtest_promises_nothing(file, tmp_path):
    walk = begin(
        tmp_path,
        "backtest",
        file,
        "--model",
        "gru",
        "--horizon",
        12,
        "--jobs",
        1,
        "--set",
        "gru.steps=100000",
        "--set",
        "gru.patience=100000",
    )
    while "hourly" not in walk.stderr.readline():
        assert walk.poll() is None
    os.killpg(walk.pid, signal.SIGINT)
    assert (walk.wait(), walk.communicate()[1].splitlines()[-1]) == (130, "forecast: interrupted.")


def test_a_folder_that_cannot_be_written_to_is_one_message(file, tmp_path):
    run = tmp_path / "run"
    end(begin(tmp_path, "fit", file, "--model", "naive", "--horizon", 12, "--out", "run", "--quiet"))
    (run / ".lock").unlink()
    (run / ".lock").mkdir()  # refuses to be opened, also for a user who may write everywhere
    for arguments in (
        ["fit", file, "--model", "drift", "--out", "run", "--overwrite", "--quiet"],
        ["predict", "run", "--keep"],
    ):
        refused = begin(tmp_path, *arguments)
        _, said = refused.communicate()
        assert (refused.returncode, said) == (
            2,
            "forecast: run cannot be written to: Is a directory. Make it writable, or take a copy of it.\n",
        )
    assert (run / "run.json").exists()
    assert not (run / "kept").exists()


FIT_MOMENTS = {
    "a look": lambda run: len(lines(run / "parts" / "progress.jsonl")) >= 8,
    "first checkpoint": lambda run: any(run.glob("parts/*.checkpoint")),
    "a part is done": lambda run: any(run.glob("parts/gru-*.safetensors")),
    "last fit": lambda run: (run / "parts" / "gru--1.checkpoint").exists(),
    "model is there": lambda run: (run / "model.safetensors").exists(),
}


@pytest.mark.slow
@pytest.mark.parametrize("moment", FIT_MOMENTS)
def test_a_fit_can_be_killed_at_any_moment(file, unbroken, tmp_path, moment):
    run = tmp_path / "run"
    assert (
        strike(begin(tmp_path, *fit(file, 2)), signal.SIGKILL, lambda: FIT_MOMENTS[moment](run))[0]
        == -signal.SIGKILL
    )
    assert not (run / "run.json").exists()
    end(begin(tmp_path, *fit(file, 2)))
    assert bits(run) == unbroken
    assert not litter(run)


@pytest.fixture(scope="module")
def seconds(file, tmp_path_factory):
    """How long a fit takes that nothing disturbs."""
    begun = time.monotonic()
    end(begin(tmp_path_factory.mktemp("timed"), *fit(file, 2)))
    return time.monotonic() - begun


@pytest.mark.slow
@pytest.mark.parametrize("share", np.random.default_rng(0).uniform(0.1, 0.95, 20).round(3))
def test_a_fit_can_be_killed_after_any_share_of_its_time(file, unbroken, seconds, tmp_path, share):
    process = begin(tmp_path, *fit(file, 2))
    time.sleep(share * seconds)
    assert process.poll() is None, "it ended before its moment came"
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    end(begin(tmp_path, *fit(file, 2)))
    assert bits(tmp_path / "run") == unbroken
    assert not litter(tmp_path / "run")


@pytest.mark.slow
def test_a_walk_of_warm_refits_can_be_killed_in_each_of_them(file, tmp_path):
    """In the second fold, which goes on from a part that is kept, and in the fit on all rows, which goes on from the last."""
    warm = [*fit(file, 1), "--refit", "warm", "--set", "gru.finish=0.9"]
    (tmp_path / "whole").mkdir()
    end(begin(tmp_path / "whole", *warm))
    run = tmp_path / "run"
    for checkpoint in ("gru-1.checkpoint", "gru--1.checkpoint"):
        struck = begin(tmp_path, *warm)
        assert (
            strike(struck, signal.SIGKILL, lambda name=checkpoint: (run / "parts" / name).exists())[0]
            == -signal.SIGKILL
        )
        assert not (run / "run.json").exists()
    end(begin(tmp_path, *warm))
    assert bits(run) == bits(tmp_path / "whole" / "run")
    assert not litter(run)


TRIALS = 5
TUNE_MOMENTS = {
    "first trial": lambda run: len(lines(run / "study.journal")) >= 10,
    "later": lambda run: len(lines(run / "study.journal")) >= 30,
    "a trial is done": lambda run: len(ended(run)) >= 1,
    "three trials are done": lambda run: len(ended(run)) >= 3,
    "the test": lambda run: any(run.glob("parts/gru*-0.checkpoint")),
}


def ended(run):
    """The trials that progress says have ended."""
    events = [json.loads(line) for line in lines(run / "parts" / "progress.jsonl") if line.endswith("}")]
    return [event["part"][1] for event in events if event["part"][0] == "trial"]


def trials(run):
    return study_of(run / "study.journal").get_trials()


def tune(file):
    return [
        "tune",
        file,
        "--model",
        "gru",
        "--trials",
        TRIALS,
        "--horizon",
        12,
        "--folds",
        1,
        "--jobs",
        2,
        "--out",
        "run",
        "--json",
        *SMALL[2:],
    ]


@pytest.mark.slow
@pytest.mark.parametrize("moment", TUNE_MOMENTS)
def test_a_study_can_be_killed_at_any_moment(file, tmp_path, moment):
    """No trial is lost and none is run twice: what had ended keeps its value, what was running ends, and there are as many as asked for."""
    run = tmp_path / "run"
    assert (
        strike(begin(tmp_path, *tune(file)), signal.SIGKILL, lambda: TUNE_MOMENTS[moment](run))[0]
        == -signal.SIGKILL
    )
    assert not (run / "tuned.json").exists()
    before = [trial for trial in trials(run) if trial.state.is_finished()]
    result = json.loads(end(begin(tmp_path, *tune(file))))
    after = trials(run)
    assert [trial.number for trial in after] == list(range(TRIALS))
    assert all(trial.state.is_finished() for trial in after)
    assert [after[trial.number].value for trial in before] == [trial.value for trial in before]
    assert len(ended(run)) == len(set(ended(run)))
    assert (result["trials"], result["failed"]) == (TRIALS, 0)
    assert not litter(run)


@pytest.mark.slow
def test_workers_end_with_a_process_that_is_killed_alone(file, tmp_path):
    """They would go on with trials that the next process takes up."""
    run = tmp_path / "run"
    head = begin(tmp_path, *tune(file))
    wait_for(head, lambda: TUNE_MOMENTS["first trial"](run))
    assert len(alive(head.pid)) > 1
    head.kill()
    head.communicate()  # returns when no worker holds its pipes any more
    assert len(ended(run)) < TRIALS
    assert json.loads(end(begin(tmp_path, *tune(file))))["trials"] == TRIALS
    assert sorted(ended(run)) == list(range(TRIALS))


def alive(group):
    """The processes of a group."""
    return [
        one.pid
        for one in psutil.process_iter()
        if os.getpgid(one.pid) == group and one.status() != psutil.STATUS_ZOMBIE
    ]


def test_a_journal_whose_last_line_was_cut_off_is_read_on(panel, tmp_path):
    walk = fc.WalkForward(horizon=12, folds=1)
    fc.tune("climatology", panel, walk, trials=1, folder=tmp_path)
    with (tmp_path / "study.journal").open("a") as journal:
        journal.write('{"op_code": 4, "work')
    assert [
        trial.number
        for trial in fc.tune("climatology", panel, walk, trials=3, folder=tmp_path).study.get_trials()
    ] == [0, 1, 2]


class Hopeless(Climatology):
    """A Spec that can be fitted on nothing."""

    def fit(self, past: object, goal: Goal, *, seed: int, watch: Watch) -> object:
        raise fc.ForecastError("The moon is in the wrong house. Wait for it.")


def test_a_study_whose_every_trial_fails_says_so_and_why(panel):
    with pytest.raises(
        fc.ForecastError,
        match=r"None of 3 trials of climatology came to an end.* Trial 0: The moon .*\. Wait for it\.",
    ):
        fc.tune(Hopeless(), panel, fc.WalkForward(horizon=12), trials=3)


def test_poison_in_the_file(tmp_path):
    """Rewriting every value after a moment, in the file itself, moves no forecast whose origin is at or before that moment by a bit."""
    random = np.random.default_rng(3)
    hours = np.arange(300)
    wave = 3 * np.sin(hours * 2 * np.pi / 24)
    parts = [
        pd.DataFrame(
            {
                "time": pd.date_range("2024-01-01", periods=300, freq="h"),
                "station": name,
                "temp": wave + random.normal(level, 1, 300),
            }
        )
        for name, level in (("a", 0), ("b", 10))
    ]
    clean = pd.concat(parts).assign(wind=random.normal(size=600))
    clean.loc[random.random(600) < 0.05, "wind"] = np.nan
    moment = pd.Timestamp("2024-01-01") + pd.Timedelta(hours=270)
    later = clean["time"] > moment
    dirty = clean.copy()
    for name in ("temp", "wind"):
        dirty.loc[later, name] = np.where(
            random.random(later.sum()) < 0.2, np.nan, random.normal(1e4, 1e4, later.sum())
        )
    few = {"units": 8, "steps": 48, "batch": 16, "context": 24}
    models = [fc.spec("lstm", **few), fc.spec("gru", **few), "arima", "seasonal", "naive"]
    seen = []
    for frame in (clean, dirty):
        frame.to_csv(tmp_path / "file.csv", index=False)
        seen.append(
            list(fc.backtest(models, fc.read(tmp_path / "file.csv"), fc.WalkForward(horizon=6, stride=2)))
        )
    compared = 0
    for one, two in zip(*seen, strict=True):
        before = one.forecast.cutoffs <= np.datetime64(moment)
        assert np.array_equal(one.forecast.values[before], two.forecast.values[before])
        compared += int(before.sum())
    assert compared == len(models) * 2 * 16  # 16 origins a series
    assert not any(
        np.array_equal(one.forecast.values, two.forecast.values)
        for one, two in zip(*seen, strict=True)
        if one.fold == 2
    )
