"""What the system refuses: a full disk, no permission, a name too long, a closed output. One sentence, exit 2, nothing lost."""

import json
import os
import resource
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import forecast as fc
from forecast.errors import ForecastError
from forecast.runs.plan import make_run

FIT = ("fit", "rows.csv", "--model", "seasonal,naive", "--jobs", "1", "--quiet")
LONG = "n" * 300


def command(
    folder: Path, *arguments: str, before: tuple[str, ...] = (), **more
) -> subprocess.CompletedProcess:
    """A command as a process. before: a program that starts it."""
    call = [*before, sys.executable, "-m", "forecast", *arguments]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", **more.pop("env", {})}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **more}
    return subprocess.run(call, cwd=folder, text=True, env=environment, check=False, **pipes)


def refused(done: subprocess.CompletedProcess, *words: str) -> None:
    """Exit 2 and one sentence with some words, no traceback."""
    assert done.returncode == 2, done.stderr
    said = [line for line in done.stderr.splitlines() if line]
    assert len(said) == 1
    assert said[0].startswith("forecast: ")
    for word in words:
        assert word in said[0]


def without_rights() -> tuple[str, ...]:
    """A program that takes from a process what the superuser may do in spite of permissions."""
    if os.geteuid() != 0:
        return ()
    if shutil.which("setpriv") is None:
        pytest.skip("the superuser may read everything, and setpriv is not there to change that")
    return ("setpriv", "--bounding-set", "-dac_override,-dac_read_search")


def limited(size: int):
    """For a process: files of at most so many bytes."""
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "rows.csv"
    days = pd.date_range("2024-01-01", periods=200)
    pd.DataFrame({"ds": days, "y": np.random.default_rng(0).normal(size=200)}).to_csv(path, index=False)
    return path


def test_a_run_without_room_says_so_and_the_same_command_goes_on(file, tmp_path):
    full = command(tmp_path, *FIT, "--out", "run", preexec_fn=limited(100_000))
    refused(full, "run/report.html cannot be read or written: File too large")
    run = tmp_path / "run"
    assert not (run / "run.json").exists()
    parts = {path.name: path.stat().st_mtime_ns for path in (run / "parts").glob("*.safetensors")}
    assert len(parts) == 9
    assert not list(run.glob("*.unfinished"))
    assert command(tmp_path, *FIT, "--out", "run").returncode == 0
    assert {path.name: path.stat().st_mtime_ns for path in (run / "parts").glob("*.safetensors")} == parts


def test_kept_forecasts_are_whole_where_there_is_no_room_for_more(file, tmp_path):
    fc.run(file, out=tmp_path / "run", models=["naive", "seasonal"], jobs=1)
    fc.predict_run(tmp_path / "run", keep=True)
    kept = tmp_path / "run" / "kept"
    before = {path.name: path.read_bytes() for path in kept.iterdir()}
    days = pd.date_range("2024-07-19", periods=4)
    pd.DataFrame({"ds": days, "y": 0.5}).to_csv(tmp_path / "newer.csv", index=False)
    full = command(tmp_path, "predict", "run", "newer.csv", "--keep", preexec_fn=limited(1_000))
    refused(full, "kept/forecasts.parquet cannot be read or written: File too large")
    assert {path.name: path.read_bytes() for path in kept.iterdir()} == before


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
@pytest.mark.parametrize("arguments", [("models",), ("models", "--json"), ("check", "rows.csv")])
def test_an_output_that_is_full_is_one_sentence(file, tmp_path, arguments):
    with Path("/dev/full").open("w") as full:
        done = command(tmp_path, *arguments, stdout=full)
    refused(done, "The output cannot be read or written: No space left on device")


def test_a_reader_that_has_enough_ends_the_command_in_silence(tmp_path):
    reading, writing = os.pipe()
    os.close(reading)
    done = command(tmp_path, "models", stdout=writing)
    os.close(writing)
    assert (done.returncode, done.stderr) == (1, "")


def test_a_file_that_may_not_be_read_is_named(file, tmp_path):
    before = without_rights()
    file.chmod(0)
    refused(command(tmp_path, *FIT, before=before), "rows.csv", "Permission denied")
    assert [path.name for path in tmp_path.iterdir()] == ["rows.csv"]


def test_a_run_folder_that_may_not_be_read_is_named(file, tmp_path):
    before = without_rights()
    fc.run(file, out=tmp_path / "run", models=["naive", "seasonal"], jobs=1)
    (tmp_path / "run").chmod(0)
    try:
        fitted = command(tmp_path, *FIT, "--out", "run", before=before)
        predicted = command(tmp_path, "predict", "run", before=before)
    finally:
        (tmp_path / "run").chmod(0o755)
    refused(fitted, "run", "Permission denied")
    refused(predicted, "run", "Permission denied")


@pytest.mark.parametrize("what", ["file", "link"])
def test_something_else_called_parts_is_named(file, tmp_path, what):
    run = tmp_path / "run"
    fc.run(file, out=run, models=["naive", "seasonal"], jobs=1)
    (run / "run.json").unlink()
    shutil.rmtree(run / "parts")
    if what == "file":
        (run / "parts").write_text("mine")
    else:
        (run / "parts").symlink_to(tmp_path / "nowhere")
    with pytest.raises(ForecastError, match="run/parts has the name of something that a run writes"):
        fc.run(file, out=run, models=["naive", "seasonal"], jobs=1)
    assert os.path.lexists(run / "parts")
    assert (run / "model.safetensors").exists()


@pytest.mark.parametrize(
    "arguments",
    [(*FIT, "--out", LONG), ("fit", LONG), ("fit", "--config", LONG), ("predict", LONG), ("replay", LONG)],
)
def test_a_name_that_is_too_long_is_one_sentence(file, tmp_path, arguments):
    refused(command(tmp_path, *arguments), LONG, "File name too long")
    assert [path.name for path in tmp_path.iterdir()] == ["rows.csv"]


def test_a_terminal_without_the_characters_is_one_sentence(tmp_path):
    days = pd.date_range("2024-01-01", periods=200)
    frame = pd.DataFrame({"ds": days, "Zürich": np.arange(200.0)})
    frame.to_csv(tmp_path / "rows.csv", index=False)
    check = ("check", "rows.csv")
    done = command(tmp_path, *check, env={"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"})
    refused(done, "'\\xfc'", "the encoding ascii of this terminal", "Set PYTHONUTF8=1")
    assert "Z" in command(tmp_path, *check, "--json", env={"PYTHONIOENCODING": "ascii"}).stdout
    assert "Zürich" in command(tmp_path, *check, env={"PYTHONUTF8": "1"}).stdout


def test_a_date_in_a_config_is_the_same_as_its_text(file, tmp_path):
    config = tmp_path / "run.toml"
    config.write_text('data = "rows.csv"\n[walk]\ntest = 2024-06-01\n')
    assert make_run(config=config).walk.test == "2024-06-01"


def test_a_config_that_is_nested_too_deeply_is_refused(tmp_path):
    config = tmp_path / "deep.toml"
    config.write_text(f"data = {'[' * 5_000}{']' * 5_000}\n")
    refused(command(tmp_path, "fit", "--config", "deep.toml"), "deep.toml is nested too deeply")


def test_a_run_is_of_the_data_that_it_read_where_the_file_is_replaced_meanwhile(file, tmp_path):
    models = {"models": ["naive", "seasonal"], "jobs": 1}
    first = fc.run(file, out=tmp_path / "first", **models)
    heard = []

    def replaced(findings):
        heard.extend(findings)
        if len(heard) == len(findings):
            text = file.read_text()
            file.write_text(text[: text.rindex("2024-07-01")])

    run = fc.run(file, out=tmp_path / "run", heard=replaced, **models)
    assert [one.code for one in heard].count("data-changed") == 1
    assert run.findings[-1].message.endswith(
        "was changed after it was read: this run is of the file as it was before"
    )
    hashes = [
        json.loads((tmp_path / name / "run.json").read_text())["data_sha256"] for name in ("first", "run")
    ]
    assert hashes[0] == hashes[1]
    assert run.forecast.to_frame().equals(first.forecast.to_frame())
    with pytest.raises(ForecastError, match="holds a run of other settings, data or versions"):
        fc.run(file, out=tmp_path / "run", **models)
