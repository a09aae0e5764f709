"""The daily loop: newer rows join, forecasts are kept, scored, and a refit is asked for when the errors have left the range of the walk."""

import json
import os
import shutil
import subprocess
import sys
import time

import numpy as np
import pandas as pd
import pytest

import forecast as fc
from forecast import ForecastError
from forecast.runs.daily import FORECASTS, LIMIT, ROWS, bound_of, kept_forecasts, predict_run, score_run

DAYS = 10


def command(folder, *arguments):
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "COLUMNS": "200"}
    return subprocess.run(
        [sys.executable, "-m", "forecast", *map(str, arguments)],
        cwd=folder,
        capture_output=True,
        text=True,
        env=environment,
        check=False,
    )


def hourly(count, seed=0):
    """Two stations with a daily wave and noise, long."""
    random, hours = np.random.default_rng(seed), np.arange(count)
    frames = [
        pd.DataFrame(
            {
                "time": pd.date_range("2024-01-01", periods=count, freq="h"),
                "station": name,
                "temp": size * wave,
            }
        )
        for name, size in (("a", 1.0), ("b", 9.0))
        for wave in [10 + 3 * np.sin(hours * 2 * np.pi / 24) + random.normal(0, 1, count)]
    ]
    return pd.concat(frames, ignore_index=True)


def day(frame, number, days=1):
    """The rows of some days after the 60 that the run knows."""
    begin = pd.Timestamp("2024-03-01") + pd.Timedelta(days=number)
    return frame[(frame["time"] >= begin) & (frame["time"] < begin + pd.Timedelta(days=days))]


@pytest.fixture(scope="module")
def frame():
    return hourly(24 * (60 + DAYS))


@pytest.fixture(scope="module")
def finished(frame, tmp_path_factory):
    folder = tmp_path_factory.mktemp("daily")
    day(frame, -60, 60).to_csv(folder / "weather.csv", index=False)
    fc.run(folder / "weather.csv", out=folder / "run", models=["climatology", "naive"], jobs=1)
    return folder / "run"


@pytest.fixture
def run(finished, tmp_path):
    return shutil.copytree(finished, tmp_path / "runs" / "weather")


def keep(run, frame, numbers):
    for number in numbers:
        predict_run(run, day(frame, number), keep=True)


def test_the_loop_through_the_command_line(run, frame, tmp_path):
    day(frame, 0).to_csv(tmp_path / "one.csv", index=False)
    day(frame, 0, 2).to_csv(tmp_path / "two.csv", index=False)
    empty = command(tmp_path, "score", "runs/weather", "one.csv")
    assert (empty.returncode, empty.stdout) == (2, "")
    assert empty.stderr == (
        "forecast: runs/weather has no kept forecasts yet. `forecast predict runs/weather NEWFILE --keep` makes them.\n"
    )
    made = json.loads(command(tmp_path, "predict", "runs/weather", "one.csv", "--keep", "--json").stdout)
    assert made["forecast"][0]["ds"] == "2024-03-02T00:00:00"
    early = command(tmp_path, "score", "runs/weather")
    assert early.returncode == 2
    assert (
        "None of the kept forecasts of runs/weather has come true: they are for 2024-03-02 00:00:00 to 2024-03-02 23:00:00"
        in early.stderr
    )
    assert "Give a file with rows after 2024-03-01 23:00:00." in early.stderr
    again = json.loads(command(tmp_path, "predict", "runs/weather", "--json").stdout)  # from the kept rows
    assert again["forecast"] == made["forecast"]
    assert "short" not in [
        finding["code"] for finding in made["findings"]
    ]  # a day of rows is no short series
    assert again["findings"] == []
    scored = json.loads(command(tmp_path, "score", "runs/weather", "two.csv", "--json").stdout)
    assert [row["step"] for row in scored["steps"]] == list(range(1, 25))
    assert {row["count"] for row in scored["steps"]} == {2}
    judged = {"moments", "ratio", "bound", "due", "metric", "verdict", "present", "fit", "against"}
    assert set(scored) == {"run", "steps", "unusual", *judged}
    shown = command(tmp_path, "score", "runs/weather", "two.csv").stdout
    assert shown.endswith(f"{scored['verdict']}\n")
    assert "walk_coverage-80" in shown


def test_what_newer_rows_had_is_said(run, frame, tmp_path):
    rows = day(frame, 0)
    strange = rows[rows["station"] == "a"].assign(station="west")
    pd.concat([rows, rows.iloc[[3]], strange]).to_csv(tmp_path / "one.csv", index=False)
    made = command(tmp_path, "predict", "runs/weather", "one.csv", "--keep", "--json")
    assert {"duplicate", "cold"} <= {finding["code"] for finding in json.loads(made.stdout)["findings"]}
    assert "! the model was not fitted on west, so what it forecasts there is cold\n" in made.stderr
    assert "! Row 50 repeats the stamp and the values" in made.stderr
    assert "Kept in runs/weather: the rows of one.csv and this forecast." in made.stderr
    assert command(tmp_path, "predict", "runs/weather").stderr == ""
    later = day(frame, 0, 2)
    pd.concat([later, later.iloc[[3]]]).to_csv(tmp_path / "two.csv", index=False)
    scored = command(tmp_path, "score", "runs/weather", "two.csv", "--json")
    moved = "! Row 98 stands before what came earlier; rows are put in order of time\n"
    assert scored.stderr == f"{moved}! Row 98 repeats the stamp and the values of row 5, and is left out\n\n"
    assert json.loads(scored.stdout)["steps"]


def test_steps_that_are_missing_before_the_newer_rows_are_said_and_that_none_is_newer(run, frame):
    heard = []
    predict_run(run, day(frame, 0), keep=True, heard=heard.extend)
    assert not {"gap", "nothing-newer"} & {finding.code for finding in heard}
    predict_run(run, day(frame, 3), heard=heard.extend)
    said = [finding.message for finding in heard if finding.code == "gap"]
    begin, end = "2024-03-01 23:00", "2024-03-04"
    assert (
        said[0]
        == f"a: a gap between the rows of the run and the newer ones, {begin} to {end}, 48 steps; counted as missing"
    )
    assert len(said) == 2
    heard.clear()
    predict_run(run, day(frame, -1, 2), keep=True, heard=heard.extend)
    assert [finding.message for finding in heard if finding.code == "nothing-newer"] == [
        f"no row is newer than those that {run} has already"
    ]


def test_rows_so_far_ahead_that_no_known_one_would_be_read_are_refused(frame, tmp_path):
    """As by a year that is mistyped: nothing is kept."""
    day(frame, -60, 60).to_csv(tmp_path / "weather.csv", index=False)
    run = fc.run(tmp_path / "weather.csv", out=tmp_path / "run", models=["ridge"], jobs=1).folder
    far = day(frame, 0).assign(time=lambda rows: rows["time"] + pd.DateOffset(years=10))
    with pytest.raises(
        ForecastError,
        match=r"Series 'a': over 10,000 steps are missing between the rows of .* which end at 2024-02-29 23:00, and the newer",
    ):
        predict_run(run, far, keep=True)
    assert kept_forecasts(run).empty
    assert predict_run(run, day(frame, 2)).values.shape == (2, 24)


def test_a_score_is_the_mean_error_of_what_was_kept(run, frame):
    keep(run, frame, range(5))
    scored = score_run(run, day(frame, 5))
    kept = kept_forecasts(run)
    assert len(kept) == 5 * 2 * 24
    truth = kept.merge(frame, left_on=["unique_id", "ds"], right_on=["station", "time"])
    model = fc.load(run).spec.name
    error = (truth["temp"] - truth[model]).abs().to_numpy().reshape(-1, 24)
    assert scored.steps["mae"].to_numpy() == pytest.approx(error.mean(0))
    inside = (
        truth["temp"].between(truth[f"{model}-lo-80"], truth[f"{model}-hi-80"]).to_numpy().reshape(-1, 24)
    )
    assert scored.steps["coverage-80"].to_numpy() == pytest.approx(inside.mean(0))
    walk = pd.read_parquet(run / "outcomes.parquet")
    off = (walk["y"] - walk[model]).abs()
    assert scored.steps["walk_mae"].to_numpy() == pytest.approx(off.to_numpy().reshape(-1, 24).mean(0))
    base = {name: off[walk["unique_id"] == name].to_numpy().reshape(-1, 24).mean(0) for name in "ab"}
    latest = truth["cutoff"].to_numpy()[::24] > truth["cutoff"].max() - pd.Timedelta("3D")
    owner = truth["unique_id"].to_numpy()[::24]
    assert scored.moments == 3  # twelve days of walk hold four stretches of two days and a horizon
    assert scored.ratio == pytest.approx(
        np.mean([row / base[name] for row, name in zip(error[latest], owner[latest], strict=True)])
    )


def test_kept_twice_is_kept_once_and_what_was_there_stays(run, frame):
    keep(run, frame, [0])
    first = (run / FORECASTS).read_bytes(), (run / ROWS).read_bytes()
    keep(run, frame, [0])
    assert ((run / FORECASTS).read_bytes(), (run / ROWS).read_bytes()) == first
    before = kept_forecasts(run)
    keep(run, frame, [1])
    pd.testing.assert_frame_equal(kept_forecasts(run).iloc[: len(before)], before)
    predict_run(run, day(frame, 2))  # without keep nothing is written
    assert len(kept_forecasts(run)) == 2 * len(before)


def test_a_keep_that_was_killed_half_way_has_not_happened_and_can_be_done_again(run, frame):
    """Between its two files: the forecasts are there, the rows that they belong to are not."""
    keep(run, frame, [0])
    old, rows = kept_forecasts(run), (run / ROWS).read_bytes()
    keep(run, frame, [1])
    new = (run / FORECASTS).read_bytes(), (run / ROWS).read_bytes()
    (run / ROWS).write_bytes(rows)
    pd.testing.assert_frame_equal(kept_forecasts(run), old)
    keep(run, frame, [1])
    assert ((run / FORECASTS).read_bytes(), (run / ROWS).read_bytes()) == new
    (run / ROWS).unlink()  # the first keep of all
    assert not len(kept_forecasts(run))


def test_a_process_that_is_killed_while_it_keeps_leaves_all_or_nothing(run, frame, tmp_path):
    day(frame, 0).to_csv(tmp_path / "one.csv", index=False)
    arguments = [sys.executable, "-m", "forecast", "predict", str(run), str(tmp_path / "one.csv"), "--keep"]
    with subprocess.Popen(
        arguments, env={**os.environ, "OMP_NUM_THREADS": "1"}, stdout=subprocess.PIPE
    ) as process:
        while not (run / "kept").exists():
            assert process.poll() is None
            time.sleep(0.0005)
        process.kill()
    assert len(kept_forecasts(run)) in (0, 2 * 24)
    keep(run, frame, [0])
    assert len(kept_forecasts(run)) == 2 * 24
    assert {path.name for path in (run / "kept").iterdir()} == {"forecasts.parquet", "rows.parquet"}


def test_a_whole_file_scores_as_the_kept_rows_do(run, frame):
    keep(run, frame, range(DAYS))
    alone, beside = score_run(run), score_run(run, frame)
    assert set(alone.steps["count"]) == {2 * (DAYS - 1)}
    pd.testing.assert_frame_equal(alone.steps, beside.steps)


def test_errors_that_grew_ask_for_a_refit_and_usual_ones_do_not(run, frame):
    keep(run, frame, range(4))
    usual = score_run(run)
    assert usual.due is False
    assert usual.verdict.endswith(
        f"95 % of such stretches of it stay below {usual.bound:.2f}: within its range."
    )
    changed = frame.assign(
        temp=frame["temp"] + np.where(frame["station"] == "a", 8, 72) * (frame["time"] >= "2024-03-05")
    )
    late = score_run(run, day(changed, 4))
    assert late.moments == usual.moments
    assert late.due is True
    assert late.verdict.startswith(
        f"The latest {late.moments} forecasts had {late.ratio:.2f} times the MAE of the walk-forward, and"
    )
    assert late.verdict.endswith("a refit is due.")


def test_a_horizon_that_has_not_ended_has_no_verdict_but_its_steps_have_errors(run, frame):
    keep(run, frame, [0])
    part = score_run(run, day(frame, 1).head(5))
    assert part.steps["count"].tolist() == [1] * 5 + [0] * 19
    assert part.verdict == "No kept forecast has come true to its last step, so there is no verdict yet."
    assert (part.moments, part.due, part.to_json()["ratio"], part.to_json()["steps"][9]["mae"]) == (
        0,
        None,
        None,
        None,
    )


@pytest.mark.parametrize("days", [8, 60])
def test_while_nothing_changes_the_bound_is_passed_once_in_twenty_times(days):
    """Errors of a day ahead each hour: means of 24 hours that overlap. A walk of some days, then five days' forecasts."""
    random, passed = np.random.default_rng(0), []
    pattern, moments = 24 * np.arange(1 if days == 8 else 5), np.arange(24 * days)
    for _ in range(400):
        size = np.abs(random.normal(0, 1, 24 * (days + 7)))
        values = np.convolve(size, np.ones(24) / 24, "valid")
        late = values[24 * (days + 1) + pattern].mean()
        passed.append(late > bound_of(moments, values[: len(moments)], pattern, 24))
    assert 0.01 < np.mean(passed) < 0.1
    assert np.isnan(bound_of(np.arange(40), values[:40], pattern[:1], 24))  # two days hold too little


def test_a_bound_by_hand():
    """Every moment, and pairs of moments ten apart, of a walk long enough for quantiles."""
    values = np.random.default_rng(0).random(500)
    assert bound_of(np.arange(500), values, np.array([0]), 1) == np.quantile(values, LIMIT)
    pairs = (values[:-10] + values[10:]) / 2
    assert bound_of(np.arange(500), values, np.array([0, 10]), 1) == pytest.approx(np.quantile(pairs, LIMIT))


def test_what_is_no_run_names_the_runs_that_are_there(run, tmp_path):
    shutil.copytree(run, run.parent / "oil")
    for parent, said in (
        (
            "runs",
            "runs: it is no run folder, but the folder of oil, weather. Give one of them, such as runs/oil.",
        ),
        ("runs/oil/parts", "runs/oil/parts: it is no run folder."),
        (
            "runs/weather/forecast.csv",
            "runs/weather/forecast.csv is not the folder of a finished run. Give one",
        ),
        (
            "runs/weather/model.safetensors",
            "runs/weather/model.safetensors is not the folder of a finished run. Give one",
        ),
    ):
        refused = command(tmp_path, "predict", parent)
        assert refused.returncode == 2
        assert said in refused.stderr


def test_a_file_of_another_kind_is_refused_by_the_columns_of_the_run_and_what_can_be_done(run, tmp_path):
    pd.DataFrame({"date": ["2024-03-01"], "price": [3.0]}).to_csv(tmp_path / "oil.csv", index=False)
    for arguments in (["predict", run, "oil.csv"], ["predict", run, "oil.csv", "--json"]):
        refused = command(tmp_path, *arguments)
        assert refused.returncode == 2
        assert refused.stderr == (
            f"forecast: There is no column 'time' for --time. There is: date, price. Newer rows are read as those of {run} were,"
            " by the columns time, station, temp, and flags of `forecast fit` cannot be given here."
            " Give a file with these columns, written as that of the run, or fit a run on this one.\n"
        )
    assert [one["code"] for one in json.loads(refused.stdout)["findings"]] == ["no-such-column"]


@pytest.mark.parametrize("name", ["run.json", "context.parquet", "model.safetensors"])
@pytest.mark.parametrize("damage", ["missing", "damaged"])
def test_a_file_of_a_run_that_is_missing_or_damaged_is_named(run, frame, name, damage):
    (run / name).write_bytes(b"{")
    if damage == "missing":
        (run / name).unlink()
    with pytest.raises(fc.ForecastError) as refused:
        predict_run(run, day(frame, 0))
    assert str(run if damage == "missing" and name != "context.parquet" else run / name) in str(refused.value)


def unlike(kind):
    """A frame of 140 rows, the first 120 known: without dates, of trading days, of months, or of two columns that are series."""
    y = 50 + np.cumsum(np.random.default_rng(4).normal(0, 1, 140))
    if kind == "rows":
        return pd.DataFrame({"y": y})
    if kind == "columns":
        return pd.DataFrame({"ds": pd.date_range("2024-01-01", periods=140), "one": y, "two": 3 * y})
    if kind == "months":
        return pd.DataFrame({"ds": pd.date_range("2010-01-01", periods=140, freq="MS"), "y": y})
    days = pd.bdate_range("2024-01-01", periods=150)
    return pd.DataFrame({"ds": days[np.random.default_rng(5).permutation(150)[:140]].sort_values(), "y": y})


@pytest.mark.parametrize("kind", ["rows", "columns", "months", "sessions"])
def test_every_clock_can_be_kept_and_scored(kind, tmp_path):
    frame = unlike(kind)
    frame.head(120).to_csv(tmp_path / "file.csv", index=False)
    targets = {"target": ["one", "two"]} if kind == "columns" else {}
    done = fc.run(
        tmp_path / "file.csv",
        out=tmp_path / "run",
        models=["naive", "mean"],
        jobs=1,
        metric="mae",
        set={"walk.horizon": 3},
        **targets,
    )
    assert done.panel.clock.kind == {"rows": "step", "columns": "fixed", "months": "calendar"}.get(kind, kind)
    predict_run(tmp_path / "run", keep=True)
    for begin in (120, 125):
        predict_run(tmp_path / "run", frame.iloc[begin : begin + 5], keep=True)
    scored = score_run(tmp_path / "run", frame.iloc[130:])
    name = "one" if kind == "columns" else "y"
    known = frame[name].to_numpy()[[119, 124, 129]]
    model = fc.load(tmp_path / "run").spec.name
    assert model == "naive"
    truth = np.array([frame[name].to_numpy()[row : row + 3] for row in (120, 125, 130)])
    errors = np.abs(truth - known[:, None]).mean(0) * (
        2 if kind == "columns" else 1
    )  # the mean over one and three times it
    assert scored.steps["mae"].to_numpy() == pytest.approx(errors)


def test_what_a_killed_process_was_writing_is_swept_away(run, frame):
    (run / "kept").mkdir()
    (run / "kept" / ".forecasts.parquet.17.unfinished").write_bytes(b"half")
    keep(run, frame, [0])
    assert {path.name for path in (run / "kept").iterdir()} == {"forecasts.parquet", "rows.parquet"}


def test_rows_that_contradict_the_kept_ones_name_the_first_and_late_values_are_taken_over(run, frame):
    late = day(frame, 0).assign(temp=lambda f: f["temp"].where(f["time"] != "2024-03-01 05:00"))
    predict_run(run, late, keep=True)
    predict_run(run, day(frame, 0), keep=True)
    rows = pd.read_parquet(run / ROWS)
    assert rows["value.temp"].notna().all()
    wrong = day(frame, 0).assign(
        temp=lambda f: f["temp"] + (f["time"] >= "2024-03-01 07:00") * (f["station"] == "b")
    )
    with pytest.raises(
        fc.ForecastError,
        match=r"Series 'b' at 2024-03-01 07:00:00: the run knows temp = .* \(17 of 24 overlapping rows differ\)",
    ):
        predict_run(run, wrong, keep=True)
