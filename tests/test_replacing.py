"""A run that takes the place of another: killed at any moment, the old or the new model answers. And flipped bytes in a run folder."""

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from killing import in_a_child

import forecast as fc
from forecast.errors import ForecastError
from forecast.files import DamagedError
from forecast.replacing import NEXT, READY

WALK = {"walk.horizon": 6, "walk.folds": 2}


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    path = tmp_path_factory.mktemp("data") / "rows.csv"
    hours = pd.date_range("2024-01-01", periods=400, freq="h")
    wave = 5 * np.sin(np.arange(400) * 2 * np.pi / 24)
    values = wave + np.random.default_rng(0).normal(size=400)
    pd.DataFrame({"ds": hours, "y": values}).to_csv(path, index=False)
    return path


def fitted(file, folder, models, **more):
    """A run, its forecast as a frame."""
    fc.run(file, out=folder, models=models, jobs=1, set=WALK, **more)
    return forecast_of(folder)


def forecast_of(folder):
    return fc.predict_run(folder).to_frame().rename(columns={"seasonal": "y", "drift": "y"})


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
@pytest.mark.parametrize("moments", [6, pytest.param(20, marks=pytest.mark.slow)])
def test_killed_at_any_moment_of_an_overwrite_the_old_or_the_new_model_answers(file, tmp_path, moments):
    run = tmp_path / "run" / "weather"
    old = fitted(file, run, ["drift", "mean"])
    whole = tmp_path / "whole"
    shutil.copytree(run, whole)

    def overwrite():
        fitted(file, run, ["seasonal"], overwrite=True)

    touched = in_a_child(overwrite)
    new = forecast_of(run)
    assert touched > moments
    assert not old.equals(new)
    answers = []
    for at in np.linspace(1, touched, moments).astype(int):
        shutil.rmtree(run)
        shutil.copytree(whole, run)
        in_a_child(overwrite, at)
        answer = forecast_of(run)
        assert answer.equals(old) or answer.equals(new)
        assert not (run / READY).exists()
        answers.append(answer.equals(new))
        overwrite()
        assert forecast_of(run).equals(new)
        assert not (run / NEXT).exists()
        assert {path.name for path in (run / "parts").iterdir()} >= {"seasonal-0.safetensors"}
        assert not list((run / "parts").glob("drift*"))
    assert answers == sorted(answers)
    assert {*answers} == {False, True}


def test_an_overwrite_that_comes_to_nothing_leaves_the_old_run(file, tmp_path):
    run = tmp_path / "run"
    old = fitted(file, run, ["drift"])
    names = sorted(path.name for path in run.rglob("*"))
    with pytest.raises(ForecastError):
        fc.run(
            file, out=run, models=["arima"], horizon=6, overwrite=True, jobs=1, set={"arima.order": [9, 9, 9]}
        )
    assert sorted(path.name for path in run.rglob("*")) == names
    assert forecast_of(run).equals(old)


def flipped(path: Path, random: np.random.Generator) -> bytes:
    """Flip one bit of a file; what it was before."""
    content = path.read_bytes()
    damaged = bytearray(content)
    damaged[random.integers(len(content))] ^= 1 << random.integers(8)
    path.write_bytes(damaged)
    return content


KEPT = ("kept/forecasts.parquet", "kept/rows.parquet")
READ = {  # files of a run -> what reads them
    "model.safetensors": fc.predict_run,
    "context.parquet": fc.predict_run,
    "run.json": fc.score_run,
    "outcomes.parquet": fc.score_run,
    **dict.fromkeys(KEPT, fc.score_run),
}


@pytest.fixture(scope="module")
def loop(file, tmp_path_factory):
    """A run with a kept forecast, and the file of all rows, also those that followed."""
    folder = tmp_path_factory.mktemp("loop")
    frame = pd.read_csv(file)
    frame.head(380).to_csv(folder / "rows.csv", index=False)
    fitted(folder / "rows.csv", folder / "run", ["drift"])
    fc.predict_run(folder / "run", keep=True)
    frame.iloc[380:386].to_csv(folder / "newer.csv", index=False)
    fc.predict_run(folder / "run", folder / "newer.csv", keep=True)
    return folder / "run"


def answer(reader, folder):
    """What a reader says, as text."""
    found = reader(folder)
    return repr(found.to_json()) if reader is fc.score_run else found.to_frame().to_csv()


@pytest.mark.parametrize("name", READ)
def test_a_flipped_byte_in_a_file_of_a_run_is_refused_by_name_or_harmless(loop, name, tmp_path):
    random = np.random.default_rng(1)
    reader = READ[name]
    if reader is fc.predict_run:  # which reads kept rows in place of the context
        without_kept = shutil.ignore_patterns("kept")
        loop = shutil.copytree(loop, tmp_path / "run", ignore=without_kept)
    expected = answer(reader, loop)
    refused = 0
    for _ in range(20):
        whole = flipped(loop / name, random)
        try:
            found = answer(reader, loop)
        except ForecastError as error:
            refused += name.split("/")[-1] in str(error)
            found = expected
        finally:
            (loop / name).write_bytes(whole)
        assert found == expected
    assert refused > 15


def test_a_damaged_part_is_made_anew_and_said(file, tmp_path):
    run = tmp_path / "run"
    expected = fitted(file, run, ["drift", "mean"])
    (run / "run.json").unlink()
    random = np.random.default_rng(2)
    for _ in range(5):
        (run / "run.json").unlink(missing_ok=True)
        part = run / "parts" / "drift-1.safetensors"
        whole = flipped(part, random)
        if part.read_bytes() == whole:
            continue
        heard = []
        fc.run(file, out=run, models=["drift", "mean"], jobs=1, set=WALK, heard=heard.extend)
        said = [finding.message for finding in heard if finding.code == "damaged-part"]
        assert len(said) == 1
        assert str(part) in said[0]
        assert forecast_of(run).equals(expected)


def test_a_model_of_another_run_is_refused(file, tmp_path):
    fitted(file, tmp_path / "one", ["drift"])
    fitted(file, tmp_path / "two", ["seasonal"])
    shutil.copy(tmp_path / "two" / "model.safetensors", tmp_path / "one" / "model.safetensors")
    with pytest.raises(ForecastError, match=r"one/model.safetensors is not the model of the run"):
        fc.predict_run(tmp_path / "one")


def test_a_damaged_journal_names_its_line(panel, tmp_path):
    walk = fc.WalkForward(horizon=12, folds=1)
    fc.tune("climatology", panel, walk, trials=2, folder=tmp_path)
    journal = tmp_path / "study.journal"
    content = journal.read_bytes()
    place = content.index(b'"values":')
    for at in (place + 12, content.index(b'"sha256"') + 12, content.index(b"\n")):
        damaged = bytearray(content)
        damaged[at] ^= 1
        journal.write_bytes(damaged)
        with pytest.raises(DamagedError, match=r"study.journal is damaged \(line \d+"):
            fc.tune("climatology", panel, walk, trials=3, folder=tmp_path)
