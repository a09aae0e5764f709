"""The page of today: forecast report, and what forecast predict --keep leaves behind."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import forecast as fc
from forecast.runs.daily import kept_forecasts
from forecast.runs.reporting import report_run
from forecast.show.kept import kept_figure

FIRST = 300


def days(count: int) -> pd.DataFrame:
    values = 20 + np.cumsum(np.random.default_rng(2).normal(0, 1, count))
    return pd.DataFrame({"ds": pd.date_range("2023-01-01", periods=count), "y": values.round(2)})


@pytest.fixture
def run(tmp_path) -> Path:
    days(FIRST).to_csv(tmp_path / "rows.csv", index=False)
    return fc.run(tmp_path / "rows.csv", out=tmp_path / "run", models=["seasonal", "naive"], jobs=1).folder


def command(folder: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "forecast", *map(str, arguments)],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_report_of_newer_rows_forecasts_from_there_and_keeps_nothing(run, tmp_path):
    days(FIRST + 10).tail(10).to_csv(tmp_path / "newer.csv", index=False)
    done = command(tmp_path, "report", "run", "newer.csv", "--title", "Rows & more")
    assert done.returncode == 0, done.stderr
    assert done.stdout == "Report: run/report.html\n"
    page = (run / "report.html").read_text()
    assert "<h1>Rows &amp; more</h1>" in page
    written = pd.read_csv(run / "forecast.csv")
    wanted = fc.predict_run(run, tmp_path / "newer.csv").to_frame(cutoff=False)
    assert written["ds"].tolist() == wanted["ds"].dt.strftime("%Y-%m-%d").tolist()
    assert written.iloc[:, 2].tolist() == pytest.approx(wanted.iloc[:, 2].tolist())
    assert f"<td>{written['ds'][0]}</td>" in page
    assert "The forecast is from rows until 2023-11-06" in page
    assert "How the error grows" in page
    assert not (run / "kept").exists()


def test_a_light_page_is_small_and_has_no_script(run):
    report_run(run, light=True)
    page = (run / "report.html").read_text()
    assert len(page) < 300_000
    assert "<script" not in page
    assert page.count('<figure class="static">') >= 3


def test_predict_keep_refreshes_the_page_with_kept_forecasts_next_to_the_actual_values(run, tmp_path):
    for count in (FIRST + 5, FIRST + 12):
        fc.predict_run(run, days(count), keep=True)
    days(FIRST + 20).to_csv(tmp_path / "newer.csv", index=False)
    done = command(tmp_path, "predict", "run", "newer.csv", "--keep")
    assert done.returncode == 0, done.stderr
    page = (run / "report.html").read_text()
    heads = re.findall(r"<h2>(.*?)</h2>", page)
    assert heads[:2] == ["The next 7 days", "Kept forecasts next to the actual values"]
    panel, frame = fc.rows(run), kept_forecasts(run)
    observed, *kept = kept_figure(panel, frame, frame.columns[3]).data
    truth = days(FIRST + 20).set_index("ds")["y"]
    assert list(observed.y) == truth[pd.to_datetime(list(observed.x))].tolist()
    assert observed.x[-1] == "2023-11-16"
    assert [trace.x[0] for trace in kept] == ["2023-11-02", "2023-11-09", "2023-11-17"]
    for trace, (_, part) in zip(kept, frame.groupby("cutoff"), strict=True):
        assert list(trace.y) == part.iloc[:, 3].tolist()


def test_without_its_file_the_page_leaves_the_figures_of_the_test_out(run, tmp_path):
    (tmp_path / "rows.csv").unlink()
    heard = []
    report_run(run, heard=heard.extend)
    assert [one.code for one in heard] == ["walk-not-drawn"]
    page = (run / "report.html").read_text()
    assert re.findall(r"<h2>(.*?)</h2>", page)[:2] == ["The next 7 days", "The models compared"]
    assert "How the error grows" not in page
    assert "the figures of the test are left out" in page
