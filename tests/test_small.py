"""Small files from the command line: every one ends with a table of finite numbers, and it is said what its intervals rest on."""

import io
import json
import sys

import numpy as np
import pandas as pd
import pytest

from forecast.cli import main

POINTS, OWN = "seasonal,naive", "ets,theta"  # models without, and with a distribution of their own


def noise(rows):
    return np.random.default_rng(rows).normal(size=rows)


def walk(rows, scale=1.0):
    return scale * np.cumsum(noise(rows))


def wave(rows, season):
    return 10 * np.sin(2 * np.pi * np.arange(rows) / season) + noise(rows)


def dated(values, freq):
    return pd.DataFrame({"ds": pd.date_range("2010-01-01", periods=len(values), freq=freq), "y": values})


def holes(frame):
    return frame.drop(index=[20, 21, 60]).assign(y=lambda f: f["y"].where(f.index != 90))


def two(frame):
    other = frame.assign(y=frame["y"] * 3 + 50, id="b")
    return pd.concat([frame.assign(id="a"), other])


FILES = {
    "monthly": (POINTS, dated(100 + wave(144, 12), "MS"), []),
    "monthly, by ets": (OWN, dated(100 + wave(144, 12), "MS"), []),
    "few months": (POINTS, dated(100 + wave(72, 12), "MS"), []),
    "quarterly": (POINTS, dated(50 + wave(80, 4), "QS"), []),
    "daily": (POINTS, dated(walk(150), "D"), []),
    "hourly": (POINTS, dated(wave(200, 24), "h"), []),
    "weekly": (OWN, dated(20 + walk(130), "W-SUN"), []),
    "yearly": (POINTS, pd.DataFrame({"year": np.arange(1980, 2020), "y": walk(40)}), []),
    "constant": (POINTS, dated(np.full(144, 7.0), "MS"), []),
    "constant, by ets": (OWN, dated(np.full(144, 7.0), "MS"), []),
    "constant of zeros": (POINTS, dated(np.zeros(144), "MS"), []),
    "gaps": (POINTS, holes(dated(100 + wave(150, 7), "D")), []),
    "no dates": (POINTS, pd.DataFrame({"y": walk(200)}), []),
    "whole numbers": (OWN, dated(np.random.default_rng(1).poisson(2, 144), "MS"), []),
    "negative": (POINTS, dated(-500 + wave(144, 12), "MS"), []),
    "two series": (OWN, two(dated(100 + wave(144, 12), "MS")), []),
    "price": (POINTS, dated(100 * np.exp(walk(150, 0.01)), "B"), ["--price"]),
}


@pytest.fixture
def call(tmp_path, monkeypatch, capsys):
    """Calls the command line as `forecast` does, in a folder of its own, and gives back its exit code and what it printed."""
    monkeypatch.chdir(tmp_path)

    def called(*arguments):
        monkeypatch.setattr(sys, "argv", ["forecast", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        shown = capsys.readouterr()
        return ended.value.code or 0, shown.out, shown.err

    return called


@pytest.mark.parametrize("kind", FILES)
def test_a_small_file_ends_with_finite_numbers_and_intervals(kind, call):
    models, frame, flags = FILES[kind]
    frame.to_csv("small.csv", index=False)
    arguments = ["fit", "small.csv", "--model", models, "--jobs", "1", *flags]
    code, shown, errors = call(*arguments)
    assert code == 0, errors
    table = shown.split("Next ")[1]
    code, quiet, _ = call(*arguments, "--quiet")
    assert code == 0
    assert quiet == shown
    cells = [row.split()[-(2 if kind == "two series" else 5) :] for row in rows_of(table)]
    assert np.isfinite(np.array(cells, dtype="float64")).all()
    numbers = pd.read_csv(io.StringIO(call(*arguments, "--csv")[1])).drop(columns=["unique_id", "ds"])
    assert numbers.shape[1] == 5
    assert np.isfinite(numbers.to_numpy("float64")).all()
    point, low, high = (numbers.iloc[:, place].to_numpy() for place in range(3))
    assert (low <= point).all()
    assert (point <= high).all()
    found = json.loads(call(*arguments, "--json")[1])
    assert [list(row.values())[2:] for row in found["forecast"]] == numbers.to_numpy().tolist()
    assert found["intervals"]
    for note in found["intervals"]:
        assert f"{note[0].upper()}{note[1:]}." in table
    own = "the interval of the model's own distribution, unchanged" in found["intervals"][0]
    assert own == (models == OWN)
    assert any("each step needs 40 past errors first" in note for note in found["notes"])


def rows_of(table):
    """The lines of a printed forecast that hold numbers."""
    lines = table.splitlines()[2:]
    return [line for line in lines[: lines.index("")] if line[0].isdigit()]


def test_a_constant_has_intervals_without_width_and_that_is_said(call):
    FILES["constant"][1].to_csv("small.csv", index=False)
    arguments = ["fit", "small.csv", "--model", "seasonal,naive", "--jobs", "1", "--json"]
    found = json.loads(call(*arguments)[1])
    assert {value for row in found["forecast"] for value in list(row.values())[2:]} == {7.0}
    assert found["intervals"] == ["every step has an interval without width, as every past error was 0"]
    assert any("63 % have an interval without width" in note for note in found["notes"])


def test_a_short_series_in_a_model_file_keeps_its_intervals(call):
    FILES["monthly"][1].to_csv("small.csv", index=False)
    for models in ("seasonal,naive", "ets,mean"):
        found = json.loads(call("fit", "small.csv", "--model", models, "--jobs", "1", "--json")[1])
        again = json.loads(call("predict", found["run"], "--json")[1])
        assert again["forecast"] == found["forecast"]
        code, shown, errors = call("replay", found["run"], "--jobs", "1", "--quiet")
        assert code == 0, errors
        assert "have the same bits" in shown


def test_where_a_walk_taught_too_few_errors_that_is_said_and_nothing_breaks(call):
    dated(walk(30), "D").to_csv("small.csv", index=False)
    arguments = ["--model", "naive", "--horizon", "1", "--folds", "1", "--test", "1", "--jobs", "1"]
    code, shown, errors = call("fit", "small.csv", *arguments)
    assert code == 0, errors
    assert "\nEvery step has no interval." in shown
    found = json.loads(call("fit", "small.csv", *arguments, "--json")[1])
    assert [row["naive-lo-80"] for row in found["forecast"]] == [None]


def test_values_beyond_the_bounds_are_a_warning_with_their_number_and_the_first(call):
    values = np.arange(60.0)
    values[[30, 40]] = -3, -5
    dated(values, "D").to_csv("small.csv", index=False)
    arguments = ["backtest", "small.csv", "--model", "naive", "--quiet", "--jobs", "1"]
    code, _, errors = call(*arguments, "--bounds", "0,50")
    assert code == 0
    assert errors.splitlines()[:2] == [
        "! 2 of 60 values of y lie below the bound 0, the first is -3 at 2010-01-31 in series 'y'; forecasts and intervals are cut at"
        " the bound (give bounds that hold every value that can be, or none)",
        "! 9 of 60 values of y lie above the bound 50, the first is 51 at 2010-02-21 in series 'y'; forecasts and intervals are cut at"
        " the bound (give bounds that hold every value that can be, or none)",
    ]
    assert "bound" not in call(*arguments, "--bounds", "-5,59")[2]
    assert "bound" not in call(*arguments)[2]


REFUSED = {
    "price": (100 * np.exp(walk(150, 0.01)), ["--price"], "this run is of a price"),
    "returns": (0.01 * noise(150), [], "never below 0; y of series 'y' is -"),
}


@pytest.mark.parametrize("models", ["har,naive", "har+naive,naive"])
@pytest.mark.parametrize("kind", REFUSED)
def test_har_refuses_what_is_no_variance_before_a_folder_is_made(kind, models, call, tmp_path):
    values, flags, reason = REFUSED[kind]
    dated(values, "B").to_csv("small.csv", index=False)
    code, shown, errors = call("fit", "small.csv", "--model", models, "--quiet", *flags)
    assert code == 2
    assert shown == ""
    assert reason in errors
    assert not (tmp_path / "runs").exists()
    instead = errors.split("Take ")[1].split()[0]
    assert instead == "garch"
    code, _, errors = call(
        "backtest", "small.csv", "--model", "garch,naive", "--quiet", "--jobs", "1", *flags
    )
    assert code == 0, errors


def test_garch_and_har_warn_where_the_target_looks_like_a_level(call):
    dated(100 * np.exp(walk(1500, 0.01)), "B").to_csv("price.csv", index=False)
    dated(0.01 * noise(400), "B").to_csv("returns.csv", index=False)
    dated(np.exp(noise(400)), "B").to_csv("variance.csv", index=False)

    def heard(file, model, *flags):
        code, _, errors = call(
            "backtest", file, "--model", model, "--quiet", "--jobs", "1", "--horizon", "2", *flags
        )
        assert code == 0, errors
        return errors

    assert heard("price.csv", "garch").startswith("! garch: y looks like a level, such as a price")
    assert heard("price.csv", "har").startswith("! har: y looks like a level, such as a price")
    assert heard("price.csv", "garch", "--price") == ""
    assert heard("returns.csv", "garch") == ""
    assert heard("variance.csv", "har") == ""


def test_a_price_that_is_not_above_zero_is_refused_with_what_helps(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    frame = dated(50 + walk(200), "D")
    frame.loc[[7, 90], "y"] = [0.0, -1.0]
    frame.to_csv("price.csv", index=False)
    monkeypatch.setattr(
        sys, "argv", ["forecast", "backtest", "price.csv", "--price", "--model", "naive,drift"]
    )
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert "2 of 200 values of y lie at 0 or below, the first is 0 at 2010-01-08 in series 'y'" in said
    assert "leave --price out" in said
    helped = [*sys.argv, "--missing", "0,-1.0", "--quiet"]
    monkeypatch.setattr(sys, "argv", helped)
    with pytest.raises(SystemExit) as done:
        main()
    assert done.value.code in (0, None)
