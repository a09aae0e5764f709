"""What --overwrite and a run that came to nothing remove: the files of runs, and nothing else."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import forecast as fc
from forecast.errors import ForecastError
from forecast.replacing import is_decided, is_finished
from forecast.runs.folder import ANSWERS, CHECKPOINT, WRITTEN, files_of_runs, part_files, run_folder
from forecast.runs.plan import make_run
from forecast.runs.replay import replay_run
from forecast.tuning.road import tune_run

FIT = ["fit", "rows.csv", "--model", "seasonal,naive", "--jobs", "1", "--out", "run", "--overwrite"]
SPACE = "tune.ridge.validation=[0.15, 0.2]"
TUNE = [
    "tune",
    "rows.csv",
    "--model",
    "ridge",
    "--set",
    SPACE,
    "--trials",
    "1",
    "--jobs",
    "1",
    "--out",
    "run",
    "--overwrite",
]


def command(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """A command as a process."""
    return subprocess.run(
        [sys.executable, "-m", "forecast", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        check=False,
    )


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "rows.csv"
    days = pd.date_range("2024-01-01", periods=300)
    pd.DataFrame({"ds": days, "y": np.random.default_rng(0).normal(size=300)}).to_csv(path, index=False)
    return path


def fitted(file: Path, run: Path, **more) -> None:
    fc.run(file, out=run, models=["naive", "seasonal"], jobs=1, **more)


def tuned(file: Path, run: Path, **more) -> None:
    plan = make_run(str(file), overrides={"models": ["ridge"], "tune.ridge.validation": [0.15, 0.2]})
    tune_run(plan, trials=1, out=run, jobs=1, **more)


def add_files(run: Path) -> dict[Path, bytes]:
    """Files of a user in a run folder, with their contents."""
    (run / "notes.txt").write_text("mine")
    (run / "figures" / "old").mkdir(parents=True)
    (run / "figures" / "old" / "run.json").write_text("{}")
    (run / "figures" / ".draft.1.unfinished").write_text("half a page")
    for name in ("gru.safetensors", "gru-1.checkpoint.txt", "todo-1.md"):
        (run / "parts" / name).write_text(name)
    (run / "link").symlink_to(run.parent / "elsewhere")
    (run.parent / "elsewhere").mkdir()
    (run.parent / "elsewhere" / "thesis.txt").write_text("years of work")
    return contents(run, files_of_runs(run)) | contents(run.parent / "elsewhere")


def contents(folder: Path, without: list[Path] | None = None) -> dict[Path, bytes]:
    """Every file below a folder but the lock and those of runs."""
    ours = {*(without or []), folder / ".lock"}
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file() and path not in ours}


OTHERS = "figures, link, notes.txt, parts/gru-1.checkpoint.txt, parts/gru.safetensors and 1 more"


@pytest.mark.parametrize("make", [fitted, tuned])
def test_every_file_of_a_run_is_in_the_list(file, tmp_path, make):
    make(file, tmp_path / "run")
    assert contents(tmp_path / "run", files_of_runs(tmp_path / "run")) == {}
    kind = "fit" if make is fitted else "tune"
    assert {*WRITTEN["any"], *WRITTEN[kind]} == {
        path.name for path in (tmp_path / "run").iterdir() if path.name not in (".lock", "parts")
    }


@pytest.mark.parametrize("arguments", [FIT, TUNE], ids=["fit", "tune"])
def test_overwrite_keeps_what_no_run_wrote_and_names_it(file, tmp_path, arguments):
    run = tmp_path / "run"
    assert command(tmp_path, *arguments).returncode == 0
    mine = add_files(run)
    assert len(mine) == 7
    (run / "parts" / "gru-7.safetensors").write_text("of an earlier run")
    (run / "parts" / "gru-7.checkpoint.0.1").write_text("of an earlier run")
    again = command(tmp_path, *arguments, "--quiet")
    assert again.returncode == 0
    assert again.stderr.splitlines()[0] == f"! run: {OTHERS} were not written by a run, and were kept"
    assert contents(run, files_of_runs(run)) | contents(tmp_path / "elsewhere") == mine
    assert (run / "link").is_symlink()
    assert not list((run / "parts").glob("gru-7*"))


@pytest.mark.parametrize("make", [fitted, tuned])
def test_a_python_user_hears_of_what_was_kept(file, tmp_path, make):
    make(file, tmp_path / "run")
    heard = []
    make(file, tmp_path / "run", overwrite=True, heard=heard.extend)
    assert "others-kept" not in [finding.code for finding in heard]
    (tmp_path / "run" / "notes.txt").write_text("mine")
    make(file, tmp_path / "run", overwrite=True, heard=heard.extend)
    said = [finding.message for finding in heard if finding.code == "others-kept"]
    assert said == [f"{tmp_path / 'run'}: notes.txt was not written by a run, and was kept"]
    assert (tmp_path / "run" / "notes.txt").read_text() == "mine"


def test_a_fit_takes_the_place_of_a_study_and_leaves_none_of_its_files(file, tmp_path):
    run = tmp_path / "run"
    tuned(file, run)
    fitted(file, run, overwrite=True)
    names = {path.name for path in run.iterdir()}
    assert names == {*WRITTEN["any"], *WRITTEN["fit"], ".lock", "parts"}
    assert {path.name.split("-")[0] for path in part_files(run, ANSWERS)} == {"median", "naive", "seasonal"}


def test_parts_on_another_disk_stay_there(file, tmp_path):
    """The folder `parts` was moved away, and a link stands in its place."""
    run, disk = tmp_path / "run", tmp_path / "disk"
    fitted(file, run)
    (run / "parts").rename(disk)
    (disk / "mine.txt").write_text("mine")
    (run / "parts").symlink_to(disk)
    fitted(file, run, overwrite=True, set={"walk.folds": 2})
    assert (run / "parts").is_symlink()
    assert [path.name for path in part_files(run, ANSWERS)] == [
        "median-0.safetensors",
        "median-1.safetensors",
        "naive-0.safetensors",
        "naive-1.safetensors",
        "seasonal-0.safetensors",
        "seasonal-1.safetensors",
    ]
    assert (disk / "mine.txt").read_text() == "mine"


def test_a_file_of_a_run_that_is_a_link_goes_and_what_it_leads_to_stays(file, tmp_path):
    run, kept = tmp_path / "run", tmp_path / "archive.json"
    fitted(file, run)
    (run / "run.json").rename(kept)
    (run / "run.json").symlink_to(kept)
    before = kept.read_bytes()
    fitted(file, run, overwrite=True)
    assert kept.read_bytes() == before
    assert not (run / "run.json").is_symlink()


def test_what_is_in_the_way_of_a_run_is_refused_before_anything_is_removed(file, tmp_path):
    run = tmp_path / "run"
    fitted(file, run)
    (run / "history.csv").unlink()
    (run / "history.csv").mkdir()
    (run / "history.csv" / "mine.txt").write_text("mine")
    before = contents(run)
    with pytest.raises(ForecastError, match=r"run/history.csv has the name of something that a run writes"):
        fitted(file, run, overwrite=True)
    assert contents(run) == before
    (run / "history.csv").rename(tmp_path / "moved")
    fitted(file, run, overwrite=True)
    assert (run / "history.csv").is_file()


def test_data_that_overwrite_would_remove_is_refused(file, tmp_path):
    run = tmp_path / "run"
    fitted(file, run)
    (run / "history.csv").write_bytes(file.read_bytes())
    before = contents(run)
    with pytest.raises(
        ForecastError, match=r"history.csv is a file of the run in .*run, and `overwrite` would remove it"
    ):
        fitted(run / "history.csv", run, overwrite=True)
    assert contents(run) == before


def test_data_that_lies_in_a_run_folder_stays(file, tmp_path):
    run = tmp_path / "run"
    fitted(file, run)
    (run / "rows.csv").write_bytes(file.read_bytes())
    fitted(run / "rows.csv", run, overwrite=True)
    assert (run / "rows.csv").read_bytes() == file.read_bytes()


def killed(make, file: Path, run: Path, many: int, monkeypatch) -> None:
    """Begin a run anew, and end as by a kill before the file after `many` is removed."""
    left = [many]
    unlink = Path.unlink

    def counted(self: Path, missing_ok: bool = False) -> None:
        if not left[0]:
            raise SystemExit("killed")
        left[0] -= 1
        unlink(self, missing_ok=missing_ok)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", counted)
        make(file, run, overwrite=True)


@pytest.mark.parametrize("make", [fitted, tuned])
@pytest.mark.parametrize("many", [0, 1, 4, 7])
def test_a_kill_while_a_run_is_emptied_does_no_harm(file, tmp_path, monkeypatch, make, many):
    """The run is finished, or one is there that takes its place; the same command goes on from there."""
    run = tmp_path / "run"
    make(file, run)
    (run / "notes.txt").write_text("mine")
    with pytest.raises(SystemExit, match="killed"):
        killed(make, file, run, many, monkeypatch)
    assert is_finished(run) or is_decided(run)
    make(file, run)
    assert is_finished(run)
    assert not is_decided(run)
    assert contents(run, files_of_runs(run)) == {run / "notes.txt": b"mine"}


def nothing(file: Path, run: Path, mine: str) -> None:
    """A run that ends in an error after it wrote some files, while a user added one."""
    with run_folder(make_run(str(file)), run, False) as place:
        folder = place.work
        (folder / "parts").mkdir()
        for name in ("parts/naive-0.safetensors", "model.safetensors", *filter(None, [mine])):
            (folder / name).write_text(name)
        raise ForecastError("It came to nothing.")


@pytest.mark.parametrize("mine", ["", "notes.txt", "parts/notes.txt"])
def test_a_run_that_came_to_nothing_removes_its_folder_but_no_file_of_a_user(file, tmp_path, mine):
    run = tmp_path / "run"
    with pytest.raises(ForecastError, match="It came to nothing"):
        nothing(file, run, mine)
    assert run.exists() == bool(mine)
    left = [path.relative_to(run).as_posix() for path in run.rglob("*") if path.is_file()]
    assert left == list(filter(None, [mine]))


def test_a_replay_compares_the_parts_of_the_run_alone(file, tmp_path):
    fitted(file, tmp_path / "run")
    (tmp_path / "run" / "parts" / "backup.safetensors").write_text("mine")
    replayed = replay_run(tmp_path / "run", jobs=1)
    assert replayed.equal
    assert "backup" not in replayed.parts


@pytest.mark.parametrize(
    ("name", "ours"),
    [
        ("gru-0.checkpoint", True),
        ("gru--1.checkpoint.2.0", True),
        ("har+lstm-11.checkpoint", True),
        ("gru-0.checkpoint.bak", False),
        ("my.checkpoint", False),
    ],
)
def test_checkpoints_are_known_by_their_whole_name(name, ours):
    assert bool(CHECKPOINT.fullmatch(name)) == ours
