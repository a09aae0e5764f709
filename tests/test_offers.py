"""What the values of a target suggest is offered by `check`, and set only where it is asked for."""

import json
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

import forecast as fc
from forecast.cli.printing import plain, without_formulas
from forecast.data.bounds import likely_bounds
from forecast.data.scaling import usual_transform
from forecast.fitting import fit
from forecast.reading.door import read
from forecast.runs.checks import with_offers

RANDOM = np.random.default_rng(4)
WAVE = 1 + np.sin(np.arange(400) / 9)
GROWING = np.exp(np.arange(400) / 80 + 0.2 * RANDOM.normal(size=400))
STEADY = 1000 + np.arange(400) + RANDOM.normal(size=400)


def series(values):
    return read(pd.DataFrame({"ds": pd.date_range("2024-01-01", periods=len(values), freq="D"), "y": values}))


@pytest.mark.parametrize(
    ("values", "bounds"),
    [
        (WAVE / 2, "`bounds=0,1`"),
        (50 * WAVE, "`bounds=0,100`"),
        (np.round(30 * RANDOM.gamma(0.5, size=400), 1), "`bounds=0,`"),
        (GROWING, "`bounds=0,`"),
        (STEADY, ""),
        (WAVE - 0.5, ""),
        (np.where(WAVE > 1, 1.0, 0.0), "`bounds=0,`"),
    ],
)
def test_bounds_are_offered_where_the_target_looks_like_it(values, bounds):
    found = likely_bounds(series(values))
    assert bool(found) == bool(bounds)
    assert not found or bounds in found[0]


@pytest.mark.parametrize(
    ("values", "name"),
    [
        (GROWING, "log"),
        (np.where(np.arange(400) % 50 == 0, 0, GROWING), "log1p"),
        (STEADY, "none"),
        (GROWING - 5, "none"),
        (100 * WAVE + RANDOM.normal(size=400), "none"),
    ],
)
def test_logs_are_chosen_where_the_spread_grows_with_the_level(values, name):
    assert usual_transform(series(values))[0] == name


def test_auto_is_settled_on_the_rows_before_the_test_and_said(tmp_path):
    values = np.concatenate([STEADY[:320], GROWING[320:]])  # only the test would ask for logs
    frame = pd.DataFrame({"ds": pd.date_range("2024-01-01", periods=400, freq="D"), "y": values})
    for name, content in (("none", frame), ("log", frame.assign(y=GROWING))):
        content.to_csv(tmp_path / f"{name}.csv", index=False)
        made = fc.run(
            tmp_path / f"{name}.csv", out=tmp_path / name, models=["ridge", "naive"], transform="auto", jobs=1
        )
        assert made.parts.fitted.goal.task.transform == name
        assert [one.message.split(":")[0] for one in made.findings if one.code == "transform"] == [
            f"the transform is {name}"
        ]
    assert fit("naive", series(GROWING), horizon=3, transform="auto").goal.task.transform == "log"


def check(folder, name, *arguments):
    command = [sys.executable, "-m", "forecast", "check", name, *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True).stdout


def test_check_offers_and_a_fit_sets_nothing(tmp_path):
    frame = pd.DataFrame({"ds": pd.date_range("2024-01-01", periods=400, freq="D"), "y": GROWING})
    frame.to_csv(tmp_path / "a.csv", index=False)
    said = check(tmp_path, "a.csv")
    assert "if it cannot be, give --bounds 0," in said
    assert "--transform log is worth a try" in said
    assert {one["code"] for one in json.loads(check(tmp_path, "a.csv", "--json"))["findings"]} >= {"offered"}
    assert not [one for one in read(tmp_path / "a.csv").findings if one.code == "offered"]
    assert not [one for one in with_offers(series(STEADY)).findings if one.code == "offered"]


def test_a_boolean_target_is_said():
    frame = pd.DataFrame(
        {"ds": pd.date_range("2024-01-01", periods=20, freq="D"), "y": np.arange(20) % 3 == 0}
    )
    panel = read(frame)
    assert panel.values[:4, 0].tolist() == [1, 0, 0, 1]
    [finding] = [one for one in panel.findings if one.code == "boolean-target"]
    assert "y is true or false, and is read as 1 and 0" in finding.message
    assert read(frame, category="y", target="y").names == ("false", "true")


def test_a_column_that_one_file_of_a_folder_calls_otherwise_is_a_warning(tmp_path):
    for place, name in enumerate(("temp", "temperature")):
        days = pd.date_range(f"2024-0{place + 1}-01", periods=20, freq="D")
        frame = pd.DataFrame({"ds": days, "y": np.arange(20.0), name: np.arange(20.0)})
        frame.to_csv(tmp_path / f"part-{place}.csv", index=False)
    [finding] = [one for one in read(tmp_path, target="y").findings if one.code == "partial-column"]
    assert finding.severity == "warning"
    assert "temp, temperature" in finding.message


def test_tiny_and_huge_numbers_are_printed_as_such():
    assert plain(np.array([1e-300, 2e-300]))(1e-300) == "1e-300"
    assert plain(np.array([1e-9, 2e-9]))(1.5e-9) == "0.000000001500"
    assert plain(np.array([1e300, 2e300]))(1e300) == "1e+300"
    assert plain(np.array([38000.0, 38100.0]))(38012.3) == "38012.3"


def test_text_that_a_spreadsheet_would_run_is_quoted():
    frame = pd.DataFrame(
        {"unique_id": ["=cmd|' /C calc'!A0", "+1", "@x", "plain"], "=SUM(A1)": [-1.0, 2.0, 3.0, 4.0]}
    )
    safe = without_formulas(frame)
    assert safe["unique_id"].tolist() == ["'=cmd|' /C calc'!A0", "'+1", "'@x", "plain"]
    assert list(safe.columns) == ["unique_id", "'=SUM(A1)"]
    assert safe.iloc[:, 1].tolist() == [-1, 2, 3, 4]
    board = pd.DataFrame({"mae": [1.0]}, index=pd.Index(["-x"], name="model"))
    assert without_formulas(board).index.tolist() == ["'-x"]


def test_names_that_first_stand_in_the_test_are_said(tmp_path):
    sky = np.where(np.arange(200) < 180, "sun", "fog")
    frame = pd.DataFrame(
        {"ds": pd.date_range("2024-01-01", periods=200, freq="D"), "y": WAVE[:200], "sky": sky}
    )
    frame.to_csv(tmp_path / "a.csv", index=False)
    heard = []
    settings = {"target": "y", "past": "sky", "models": ["ridge", "naive"]}
    fc.run(tmp_path / "a.csv", out=tmp_path / "run", heard=heard.extend, jobs=1, **settings)
    assert [one.example for one in heard if one.code == "unseen-name"] == ["fog"]


def test_a_disk_that_fails_while_a_file_is_read_is_named(tmp_path):
    path = tmp_path / "x.csv"
    path.symlink_to("/proc/self/mem")  # whose first bytes cannot be read: an error of input and output
    done = subprocess.run(
        [sys.executable, "-m", "forecast", "check", "x.csv"], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode in (2, 74)
    assert "x.csv cannot be read or written" in done.stderr
    assert "The disk may be failing: take the file from a copy." in done.stderr
    assert "Traceback" not in done.stderr


def test_names_of_series_cannot_steer_a_terminal(tmp_path):
    frame = pd.DataFrame({"ds": pd.date_range("2024-01-01", periods=60, freq="D"), "y": WAVE[:60]})
    both = pd.concat([frame.assign(unique_id="a\x1b[2Jb"), frame.assign(unique_id="c")])
    both.to_csv(tmp_path / "a.csv", index=False)
    fc.run(tmp_path / "a.csv", out=tmp_path / "run", models=["naive", "seasonal"], jobs=1)
    done = subprocess.run(
        [sys.executable, "-m", "forecast", "predict", "run"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "a\\x1b[2Jb" in done.stdout
    assert "\x1b" not in done.stdout
    safe = subprocess.run(
        [sys.executable, "-m", "forecast", "predict", "run", "--csv-safe"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert safe.stdout.startswith("unique_id,ds,")
