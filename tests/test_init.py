"""The way from a file to a run: `check` ends with a line to copy, and `init` writes settings that run."""

import json
import shlex

import numpy as np
import pandas as pd
import pytest
from commands import forecast

import forecast as fc
from forecast.data.panel import same
from forecast.runs.plan import make_run
from forecast.runs.road import backtest_run

FAST = ["--model", "seasonal,naive", "--quiet"]


@pytest.fixture
def weather(tmp_path):
    rng = np.random.default_rng(0)
    hours = pd.date_range("2024-01-01", periods=240, freq="h")
    frame = pd.DataFrame({"time": hours, "temp": np.sin(np.arange(240) / 4), "wind": rng.normal(size=240)})
    frame.to_csv(tmp_path / "my weather.csv", index=False)
    return tmp_path / "my weather.csv"


def last_command(text):
    """The arguments of the command that an output ends with."""
    line = text.strip().splitlines()[-1]
    assert line.startswith("Go on:")
    return shlex.split(line.removeprefix("Go on:"))[1:]


def test_check_ends_with_a_command_that_runs(weather, tmp_path):
    shown = forecast(tmp_path, "check", weather.name, "--target", "temp", "--tz", "Europe/Paris")
    command = last_command(shown.stdout)
    assert command == ["fit", weather.name, "--target", "temp", "--tz", "Europe/Paris"]
    fitted = forecast(tmp_path, *command, *FAST)
    assert fitted.returncode == 0, fitted.stderr


def test_check_of_a_file_with_many_number_columns_says_all_it_knows(tmp_path):
    frame = pd.DataFrame({"when": pd.date_range("2024-01-01", periods=90), "level": np.arange(90) % 7.0})
    frame["flow m3"] = frame["level"] * 2
    frame.drop(index=40).to_csv(tmp_path / "river.csv", index=False)
    shown = forecast(tmp_path, "check", "river.csv")
    assert shown.returncode == 2
    assert "level, flow m3" in shown.stdout
    assert "With --target level, as an example:" in shown.stdout
    assert "90 rows, 1 series" in shown.stdout
    command = last_command(shown.stdout)
    assert command == ["fit", "river.csv", "--target", "level"]
    assert forecast(tmp_path, *command, *FAST).returncode == 0
    refused = json.loads(forecast(tmp_path, "check", "river.csv", "--json").stdout)
    assert refused["findings"][-1]["code"] == "which-target"


def test_init_writes_settings_that_read_the_same_and_run(weather, tmp_path):
    shown = forecast(tmp_path, "init", weather.name, "--target", "temp", "--missing=-99")
    assert shown.returncode == 0, shown.stderr
    path = tmp_path / "my weather.toml"
    text = path.read_text()
    assert 'target = "temp"' in text or 'target = ["temp"]' in text
    assert "# What was found in the file" in text
    asked = {"target": "temp", "missing": "-99"}
    direct = fc.read(weather, **asked)
    assert same(make_run(config=path).read(), direct)
    assert make_run(config=path).walk.horizon == direct.clock.horizon
    command = last_command(shown.stdout)
    assert command == ["fit", "--config", "my weather.toml"]
    assert forecast(tmp_path, *command, *FAST).returncode == 0


def test_init_refuses_to_overwrite(weather, tmp_path):
    (tmp_path / "mine.toml").write_text("# mine\n")
    refused = forecast(tmp_path, "init", weather.name, "--target", "temp", "--out", "mine.toml")
    assert refused.returncode == 2
    assert "mine.toml is there already" in refused.stderr
    assert "--out other.toml" in refused.stderr
    assert (tmp_path / "mine.toml").read_text() == "# mine\n"


def test_paths_of_a_run_of_an_event_are_refused_before_a_file_is_asked_for(weather, tmp_path):
    made = forecast(
        tmp_path,
        "fit",
        weather.name,
        "--event",
        "temp > 0.5",
        "--model",
        "climatology",
        "--out",
        "run",
        "--quiet",
    )
    assert made.returncode == 0, made.stderr
    refused = forecast(tmp_path, "predict", "run", "--paths", "20")
    assert refused.returncode == 2
    assert "sample paths are of numbers" in refused.stderr
    assert "--out" not in refused.stderr


def test_a_gap_and_a_window_of_the_past_are_flags(weather, tmp_path):
    asked = ["--target", "temp", *FAST, "--horizon", "3", "--json"]
    by_flag = forecast(tmp_path, "backtest", weather.name, *asked, "--gap", "2", "--max-past", "72")
    settings = {"target": "temp", "models": ["seasonal", "naive"], "walk.horizon": 3}
    walked = backtest_run(make_run(str(weather), overrides={**settings, "walk.gap": 2, "walk.max_past": 72}))
    plain = backtest_run(make_run(str(weather), overrides=settings))
    score = json.loads(by_flag.stdout)["leaderboard"][0]["mae"]
    assert score == pytest.approx(walked.board.rows[0].scores["mae"], rel=1e-12)
    assert score != plain.board.rows[0].scores["mae"]
