"""Sample paths as tables, their sums over the horizon and local days, and the command that writes and prints them."""

import json
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

import forecast as fc
from forecast import ForecastError, Paths
from forecast.data.clock import Clock
from forecast.data.zones import to_utc

MADRID = Clock("fixed", "1h", tz="Europe/Madrid")


def paths_of(values, clock=MADRID, begin="2024-03-31"):
    """Paths (1, count, H) from midnight of a day in Madrid, whose clock goes forward in the first night."""
    values = np.asarray(values, float)
    first = to_utc(np.array([begin], "datetime64[ns]"), clock.tz)
    times = clock.after(first, np.arange(values.shape[2]))
    cutoffs = clock.after(first, np.array([-1]))[:, 0]
    return Paths("naive", ("a",), cutoffs, times, values, (80.0,), clock)


def test_a_frame_has_one_row_per_path_and_step():
    frame = paths_of([[[1, 2, 3], [4, 5, 6]]]).to_frame()
    assert frame.columns.tolist() == ["unique_id", "cutoff", "ds", "path", "value"]
    assert frame["value"].tolist() == [1, 2, 3, 4, 5, 6]
    assert frame["path"].tolist() == [1, 1, 1, 2, 2, 2]
    assert frame["ds"].astype(str).tolist()[:2] == ["2024-03-31 00:00:00+01:00", "2024-03-31 01:00:00+01:00"]
    assert (frame["cutoff"].astype(str) == "2024-03-30 23:00:00+01:00").all()


def test_sums_and_extremes_over_the_horizon_are_those_of_each_path():
    values = np.arange(1, 101)[None, :, None] * np.array([1.0, -1.0, 2.0])  # 100 paths k, -k, 2 k
    made = paths_of(values)
    total = made.sum().iloc[0]
    assert total["steps"] == 3
    assert total["naive-sum"] == pytest.approx(2 * 50.5)
    assert (total["naive-sum-lo-80"], total["naive-sum-hi-80"]) == pytest.approx((2 * 10.5, 2 * 90.5))
    assert made.max().iloc[0]["naive-max"] == pytest.approx(2 * 50.5)
    assert made.min().iloc[0]["naive-min"] == pytest.approx(-50.5)
    both = made.reduced(["sum", "min"])
    assert {"naive-sum-lo-80", "naive-min-hi-80"} <= set(both)


def test_days_are_those_of_the_place_also_where_its_clock_goes_forward():
    days = paths_of(np.ones((1, 4, 30))).sum(by="day")
    assert days["steps"].tolist() == [23, 7]
    assert days["naive-sum"].tolist() == [23, 7]
    assert days["ds"].astype(str).tolist() == ["2024-03-31 00:00:00+01:00", "2024-04-01 00:00:00+02:00"]


def test_reductions_that_cannot_be_are_refused_by_name():
    made = paths_of(np.ones((1, 4, 3)))
    with pytest.raises(ForecastError, match="'mean'"):
        made.reduced(["mean"])
    with pytest.raises(ForecastError, match="'month'"):
        made.sum(by="month")
    daily = paths_of(np.ones((1, 4, 3)), Clock("fixed", "1D"))
    with pytest.raises(ForecastError, match=r"`by=day`.*daily"):
        daily.sum(by="day")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A run of two hourly series, and one of the same file without intervals."""
    folder = tmp_path_factory.mktemp("paths")
    random = np.random.default_rng(0)
    parts = []
    for site in ("a", "b"):
        temp = 5 * np.sin(np.arange(500) * 2 * np.pi / 24) + random.normal(0, 1, 500)
        stamps = pd.date_range("2024-01-01", periods=500, freq="h")
        parts.append(pd.DataFrame({"time": stamps, "site": site, "temp": temp}))
    pd.concat(parts).to_csv(folder / "file.csv", index=False)
    settings = {"models": ["seasonal"], "jobs": 1, "set": {"walk.horizon": 12, "walk.folds": 1}}
    fc.run(folder / "file.csv", out=folder / "run", **settings)
    fc.run(folder / "file.csv", out=folder / "points", intervals=[], **settings)
    return folder


def command(folder, *arguments):
    return subprocess.run(
        [sys.executable, "-m", "forecast", "predict", *map(str, arguments)],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


def test_paths_are_written_and_sums_printed_by_the_command(folder):
    made = command(
        folder, "run", "--paths", 40, "--out", "p.parquet", "--sum", "--max", "--by", "day", "--json"
    )
    assert made.returncode == 0, made.stderr
    found = json.loads(made.stdout)
    assert found["paths"] == 40
    rows = pd.DataFrame(found["forecast"])
    assert rows.groupby("unique_id")["steps"].sum().tolist() == [12, 12]
    assert {"seasonal-sum", "seasonal-sum-lo-95", "seasonal-max-hi-80"} <= set(rows)
    written = pd.read_parquet(folder / "p.parquet")
    assert len(written) == 2 * 40 * 12
    again = fc.predict_paths(folder / "run", count=40)
    assert np.array_equal(written["value"], again.values.ravel())
    day = written[(written["unique_id"] == "a") & (written["ds"] < "2024-01-22")]
    assert day.groupby("path")["value"].sum().median() == pytest.approx(rows["seasonal-sum"][0])
    table = command(folder, "run", "--min")
    assert "seasonal-min-lo-80" in table.stdout
    assert len(table.stdout.splitlines()) == 3


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["run", "--paths", 40], "--out FILE.parquet"),
        (["run", "--by", "day"], "--by is of a sum"),
        (["run", "--paths", 40, "--out", "p.csv"], "'p.csv'"),
        (["run", "--paths", 1, "--out", "q.parquet"], "--paths 1 is no number of paths"),
        (["points", "--sum"], "follow the errors of a walk"),
    ],
)
def test_what_cannot_be_asked_of_paths_is_one_message(folder, arguments, words):
    made = command(folder, *arguments)
    assert made.returncode == 2
    assert made.stdout == ""
    assert words in made.stderr
    assert len(made.stderr.splitlines()) == 1
    assert not (folder / "q.parquet").exists()
