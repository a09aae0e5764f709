"""Corrected readings in the daily loop, and what is unusual in the rows that came."""

import json
import shutil
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

import forecast as fc
from forecast import ForecastError
from forecast.runs.daily import FORECASTS, kept_forecasts, predict_run, score_run
from forecast.runs.revised import REVISIONS, ROWS, kept_revisions
from forecast.runs.unusual import is_far, longest_run, rows_outside

KNOWN = 200


def daily(count=KNOWN + 60, seed=0):
    """Two series of days with a weekly wave, noise and a second column, long."""
    random, days = np.random.default_rng(seed), np.arange(count)
    frames = []
    for name, level in (("a", 20.0), ("b", 50.0)):
        wave = level + 4 * np.sin(days * 2 * np.pi / 7) + random.normal(0, 1, count)
        wind = 5 + random.normal(0, 1, count)
        stamps = pd.date_range("2024-01-01", periods=count)
        frames.append(pd.DataFrame({"ds": stamps, "site": name, "y": wave, "wind": wind}))
    return pd.concat(frames, ignore_index=True)


FRAME = daily()


def part(begin, days=1, frame=FRAME):
    """The rows of some days after those that the run knows."""
    first = pd.Timestamp("2024-01-01") + pd.Timedelta(days=KNOWN + begin)
    return frame[(frame["ds"] >= first) & (frame["ds"] < first + pd.Timedelta(days=days))]


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("revised")
    FRAME[FRAME["ds"] < part(0)["ds"].min()].to_csv(folder / "days.csv", index=False)
    walk = {"walk.horizon": 3, "walk.folds": 1}
    fc.run(folder / "days.csv", out=folder / "run", models=["climatology"], target="y", jobs=1, set=walk)
    return folder / "run"


@pytest.fixture
def run(finished, tmp_path):
    return shutil.copytree(finished, tmp_path / "run")


def command(folder, *arguments):
    return subprocess.run(
        [sys.executable, "-m", "forecast", *map(str, arguments)],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


def corrected(rows, by=1.0):
    """Rows in which the first value of series a is another."""
    first = rows.index[rows["site"] == "a"][0]
    return rows.assign(y=rows["y"].where(rows.index != first, rows["y"] + by))


def test_corrections_through_the_command_line(run, tmp_path):
    part(0, 2).to_csv(tmp_path / "new.csv", index=False)
    corrected(part(0, 2)).to_csv(tmp_path / "mended.csv", index=False)
    assert command(tmp_path, "predict", "run", "new.csv", "--keep").returncode == 0
    refused = command(tmp_path, "predict", "run", "mended.csv", "--keep")
    assert refused.returncode == 2
    assert refused.stderr.endswith("Give only new rows, or take over the corrected values with --revised.\n")
    taken = command(tmp_path, "predict", "run", "mended.csv", "--keep", "--revised", "--json")
    said = "! 1 value that the run knew is corrected: y of a at 2024-07-19 00:00:00 from"
    assert said in taken.stderr
    kept = "Kept in run: the rows of mended.csv; a forecast from there was kept before, and stays as it was made.\n"
    assert taken.stderr.endswith(kept)
    assert "revised" in [finding["code"] for finding in json.loads(taken.stdout)["findings"]]
    again = command(tmp_path, "predict", "run", "mended.csv", "--keep", "--revised")
    assert "Nothing new: run has these rows and a forecast from them already.\n" in again.stderr


def test_without_rows_that_are_newer_a_second_keep_is_nothing_new(run, tmp_path):
    part(0).to_csv(tmp_path / "new.csv", index=False)
    command(tmp_path, "predict", "run", "new.csv", "--keep")
    before = {path: path.read_bytes() for path in (run / "kept").iterdir()}
    again = command(tmp_path, "predict", "run", "new.csv", "--keep")
    assert "Nothing new: run has these rows" in again.stderr
    assert {path: path.read_bytes() for path in (run / "kept").iterdir()} == before


def test_a_correction_is_recorded_and_scored_and_changes_no_forecast(run):
    predict_run(run, part(0), keep=True)
    predict_run(run, part(1), keep=True)
    made = kept_forecasts(run)
    before = score_run(run)
    predict_run(run, corrected(part(1), by=2.5), keep=True, revised=True)
    record = kept_revisions(run)
    truth = part(1).set_index("site")["y"]["a"]
    assert record[["unique_id", "column"]].to_numpy().tolist() == [["a", "y"]]
    assert record["ds"].tolist() == [part(1)["ds"].iloc[0]]
    assert record[["was", "now"]].to_numpy().tolist() == [[truth, truth + 2.5]]
    pd.testing.assert_frame_equal(kept_forecasts(run).iloc[: len(made)], made)
    first = made[(made["unique_id"] == "a")].iloc[0]
    moved = abs(truth + 2.5 - first["climatology"]) - abs(truth - first["climatology"])
    after = score_run(run)
    assert after.steps["mae"][0] - before.steps["mae"][0] == pytest.approx(moved / 2)


def test_corrections_are_only_added_and_a_keep_that_was_killed_is_no_correction(run):
    predict_run(run, part(0), keep=True)
    rows = (run / ROWS).read_bytes()
    predict_run(run, corrected(part(0)), keep=True, revised=True)
    assert len(kept_revisions(run)) == 1
    done = (run / ROWS).read_bytes()
    (run / ROWS).write_bytes(rows)  # as by a kill before the rows were written
    assert len(kept_revisions(run)) == 0
    predict_run(run, corrected(part(0)), keep=True, revised=True)
    assert (run / ROWS).read_bytes() == done
    assert len(kept_revisions(run)) == 1
    predict_run(run, part(0), keep=True, revised=True)  # and back again
    record = kept_revisions(run)
    assert record["was"].tolist() == record["now"].tolist()[::-1]
    damaged = bytearray((run / REVISIONS).read_bytes())
    damaged[len(damaged) // 2] ^= 1
    (run / REVISIONS).write_bytes(damaged)
    with pytest.raises(ForecastError, match=r"revisions.parquet is damaged"):
        kept_revisions(run)


def test_a_forecast_and_a_score_take_corrections_that_are_not_kept(run):
    predict_run(run, part(0), keep=True)
    content = (run / ROWS).read_bytes(), (run / FORECASTS).read_bytes()
    wrong = corrected(part(0, 4))
    with pytest.raises(ForecastError, match="take over the corrected values with `revised`"):
        score_run(run, wrong)
    heard = []
    assert score_run(run, wrong, revised=True, heard=heard.extend).steps["count"].tolist() == [2, 2, 2]
    assert "revised" in [finding.code for finding in heard]
    predict_run(run, wrong, revised=True)
    assert ((run / ROWS).read_bytes(), (run / FORECASTS).read_bytes()) == content
    assert not (run / REVISIONS).exists()


def test_corrections_of_rows_that_the_run_no_longer_has_are_reported(run):
    heard = []
    predict_run(run, corrected(FRAME[FRAME["ds"] <= part(0)["ds"].max()]), revised=True, heard=heard.extend)
    said = [finding.message for finding in heard if finding.code == "older-rows"]
    assert len(said) == 2
    assert "of the file are older than those that the run stores" in said[0]


def test_rows_without_dates_cannot_be_corrected(tmp_path):
    values = np.random.default_rng(0).normal(size=120)
    pd.DataFrame({"y": values}).to_csv(tmp_path / "file.csv", index=False)
    run = fc.run(
        tmp_path / "file.csv", out=tmp_path / "run", models=["naive"], jobs=1, set={"walk.horizon": 3}
    )
    with pytest.raises(ForecastError, match=r"cannot correct any\. Leave `revised` out"):
        predict_run(run.folder, pd.DataFrame({"y": values[:3]}), revised=True)


def kept_days(run, frame, days):
    """The kept loop over some days of a frame, scored."""
    for number in range(days):
        predict_run(run, part(number, frame=frame), keep=True)
    return score_run(run)


def test_usual_rows_have_nothing_unusual(run):
    scored = kept_days(run, FRAME, 6)
    assert scored.unusual.to_json() == {"tested": 10, "outside": [], "far": [], "stuck": []}
    assert "!" not in str(scored)


def test_a_changed_unit_is_named_with_its_first_value(run, tmp_path):
    """From the third day on series b is in Fahrenheit, as it were, and wind in another unit."""
    late = (FRAME["ds"] >= part(3)["ds"].min()) & (FRAME["site"] == "b")
    frame = FRAME.assign(y=FRAME["y"].where(~late, 32 + 1.8 * FRAME["y"]))
    frame = frame.assign(wind=FRAME["wind"].where(~late, 3.6 * FRAME["wind"] + 20))
    scored = kept_days(run, frame, 6)
    far = scored.unusual.far
    assert [(one.unique_id, one.column, one.count) for one in far] == [("b", "y", 3), ("b", "wind", 3)]
    first = part(3, frame=frame).set_index("site")["y"]["b"]
    assert far[0].value == first
    assert far[0].begin == "2024-07-22"
    assert {one.ds for one in scored.unusual.outside} >= {"2024-07-22"}
    assert all(one.unique_id == "b" and one.p <= 0.05 for one in scored.unusual.outside)
    shown = command(tmp_path, "score", "run")
    assert "! b: y, 2024-07-22 to 2024-07-24, is far outside of all that the run knows" in shown.stdout
    assert "Has a unit changed?" in shown.stdout
    told = json.loads(command(tmp_path, "score", "run", "--json").stdout)["unusual"]
    assert told["far"][0]["column"] == "y"
    assert told["tested"] == 10


def test_a_stuck_sensor_is_named(run):
    late = (FRAME["ds"] >= part(2)["ds"].min()) & (FRAME["site"] == "a")
    frame = FRAME.assign(y=FRAME["y"].where(~late, 21.5))
    scored = kept_days(run, frame, 9)
    stuck = scored.unusual.stuck
    assert [(one.unique_id, one.column, one.count, one.value) for one in stuck] == [("a", "y", 7, 21.5)]
    assert (
        "is 21.5 in 7 rows in a row; the past had at most 1 equal value in a row. Is a sensor stuck?"
        in str(scored)
    )
    assert not kept_days(run, frame, 9).unusual.far


def test_rows_outside_by_hand():
    """Ten rows, one 2.5 half-widths away: p = 10 * 0.01^2.5; a second at 1.1 is not enough; the latest forecast counts."""
    kept = pd.DataFrame(
        {
            "unique_id": "a",
            "ds": [*pd.date_range("2024-01-02", periods=10), pd.Timestamp("2024-01-02")],
            "cutoff": [pd.Timestamp("2024-01-01")] * 10 + [pd.Timestamp("2023-12-31")],
            "m": 0.0,
            "m-lo-99": -2.0,
            "m-hi-99": 1.0,
        }
    )
    truth = np.zeros(11)
    truth[3], truth[5], truth[10] = 2.5, -2.2, 99.0
    tested, found = rows_outside("m", kept, truth, "")
    assert tested == 10
    assert [one.ds for one in found] == ["2024-01-05"]
    assert found[0].p == pytest.approx(10 * 0.01**2.5)
    assert rows_outside("m", kept.drop(columns=["m-lo-99", "m-hi-99"]), truth, "") == (0, ())


def test_what_is_far_by_hand():
    assert is_far(25.1, 10, 20)
    assert not is_far(24.9, 10, 20)
    assert is_far(4.9, 10, 20)
    assert is_far(0.04, 20, 60)  # a thousandth of what it was
    assert not is_far(0.0, 0, 30)
    assert not is_far(5.0, 3, 3)
    assert longest_run(np.array([1, 1, 2, 2, 2, 3])) == 3
    assert longest_run(np.array([])) == 0


def test_usual_noise_is_named_seldom(run):
    """Of fifty kept days of the same noise nothing is called far or stuck, and no row lies outside."""
    scored = kept_days(run, FRAME, 50)
    assert scored.unusual.tested == 98
    assert len(scored.unusual.outside) <= 1
    assert not scored.unusual.far
    assert not scored.unusual.stuck
