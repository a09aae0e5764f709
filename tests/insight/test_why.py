"""Why, as people meet it: the command, the section of the report, the figures."""

import base64
import json
import re
import shutil
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

import forecast as fc
from forecast.errors import ForecastError
from forecast.insight.attribution import explain
from forecast.insight.states import states
from forecast.runs.reporting import report_run
from forecast.show import plots
from forecast.testing import weather
from tests.show.test_report import figures

WALK = {"walk.horizon": 12, "walk.folds": 1, "walk.stride": 12}
KEYWORDS = {"target": "temp", "tz": "Europe/Oslo", "set": WALK}
NET = {"units": 10, "steps": 30, "batch": 32, "context": 24, "segment": 6, "shrink": False}


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with a run of ridge on two stations, and newer rows."""
    folder = tmp_path_factory.mktemp("why")
    random = np.random.default_rng(0)
    frames = []
    for name in ("north", "south"):
        wind = random.normal(size=460)
        temp = 5 * np.sin(np.arange(460) * 2 * np.pi / 24) + np.concatenate([[0, 0], wind[:-2]])
        time = pd.date_range("2024-01-01", periods=460, freq="h", tz="Europe/Oslo").astype(str)
        frames.append(pd.DataFrame({"station": name, "time": time, "temp": temp, "wind": wind}))
    whole = pd.concat(frames)
    late = whole["time"] >= "2024-01-19"
    whole[~late].to_csv(folder / "a.csv", index=False)
    whole[late].to_csv(folder / "b.csv", index=False)
    run = fc.run(folder / "a.csv", models=["ridge", "naive"], out=folder / "run", jobs=1, **KEYWORDS)
    assert run.board.best == "ridge"
    return folder


def forecast(folder, *arguments):
    command = [sys.executable, "-m", "forecast", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def test_the_command_explains_what_predict_forecasts(place):
    shown = forecast(place, "explain", "run", "b.csv", "--step", "2", "--step", "12", "--csv")
    assert shown.returncode == 0, shown.stderr
    (place / "why.csv").write_text(shown.stdout)
    frame = pd.read_csv(place / "why.csv")
    sums = frame.groupby(["unique_id", "ds"])["value"].sum()
    (place / "next.csv").write_text(forecast(place, "predict", "run", "b.csv", "--csv").stdout)
    told = pd.read_csv(place / "next.csv").set_index(["unique_id", "ds"])["ridge"]
    assert len(sums) == 4
    assert np.allclose(sums, told.loc[sums.index], rtol=1e-9)
    assert frame["ds"].str.endswith("+01:00").all()
    wind = frame[(frame["column"] == "wind") & (frame["part"] == "window")]
    assert wind.loc[wind["value"].abs().idxmax(), "lag"] <= 24


def test_json_and_the_table_say_the_same(place):
    made = json.loads(forecast(place, "explain", "run", "--json").stdout)
    assert set(made) == {"run", "model", "units", "distance", "explanation"}
    assert made["model"] == "ridge"
    assert made["distance"] < 1e-9
    steps = {(row["unique_id"], row["ds"]) for row in made["explanation"]}
    assert len(steps) == 6  # the first, the middle and the last step of two series
    anchors = [row["value"] for row in made["explanation"] if row["part"] == "anchor"]
    text = str(fc.explain_run(place / "run"))
    assert "north: temp by ridge" in text
    assert re.search(r"step 1\s+step 6\s+step 12", text)
    first = re.search(r"starts from\s+(-?[\d.]+)", text)
    assert float(first[1]) == pytest.approx(anchors[0], abs=0.01)
    assert "The parts sum to the forecast." in text


def test_what_cannot_be_is_refused(place):
    shown = forecast(place, "explain", "run", "--step", "13")
    assert shown.returncode == 2
    assert (
        shown.stderr
        == "forecast: ridge forecasts steps 1 to 12; step 13 was asked for. Choose among these.\n"
    )
    with pytest.raises(ForecastError, match="step 0 was asked for"):
        fc.explain_run(place / "run", horizons=[0])
    with pytest.raises(ForecastError, match="nowhere"):
        fc.explain_run(place / "nowhere")


def test_the_report_says_why(place):
    page = (place / "run" / "report.html").read_text()
    assert (
        page.index("<h2>The next 12 hours</h2>")
        < page.index("<h2>Why</h2>")
        < page.index("How the error grows")
    )
    section = page[page.index("<h2>Why</h2>") : page.index("How the error grows")]
    assert section.count('class="drawn"') == 2
    assert "north: temp by ridge" in section
    assert "south: temp by ridge" in section
    assert "This says what the model uses, not what a column improves" in section
    assert len(section) < 300_000


def test_a_run_whose_model_cannot_be_explained_has_no_such_section(place):
    fc.run(place / "a.csv", models=["climatology"], out=place / "other", jobs=1, **KEYWORDS)
    assert "<h2>Why</h2>" not in (place / "other" / "report.html").read_text()
    with pytest.raises(
        ForecastError, match="cannot be explained: it does not say what its forecasts are made of"
    ):
        fc.explain_run(place / "other")


def test_the_heat_map_shows_each_step_over_the_rows_it_is_about():
    panel = weather()
    made = explain(fc.fit("ridge", panel, horizon=12), panel, horizons=[1, 12])
    figure = plots.attribution_figure(panel, made)
    assert len(figure.data) == 2 * 4
    assert len(figure.layout.updatemenus[0].buttons) == 4
    series, heat = figure.data[0], figure.data[1]
    rows = len(series.x)
    assert list(series.y) == list(panel.values[420 - rows : 420, 0])
    assert list(heat.x) == list(series.x)
    by_name = dict(zip(heat.y, np.asarray(heat.z), strict=True))
    assert np.allclose(by_name["lead"], made.cells[0, 0, :rows, 1][::-1], atol=1e-6)
    assert [trace.visible for trace in figure.data] == [True, True] + [False] * 6


def test_bars_hold_all_that_is_added():
    panel = weather()
    made = explain(fc.fit("ridge", panel, horizon=12), panel, horizons=[1, 6, 12])
    figure = plots.contributions_figure(made, origin=1)
    added = [sum(bar.x) for bar in figure.data]
    assert np.allclose(added, made.forecast[1] - made.parts.anchor[1])
    assert [bar.name for bar in figure.data] == ["step 1", "step 6", "step 12"]


def test_gates_and_units_are_drawn_as_they_are():
    panel = weather()
    fitted = fc.fit("lstm", panel, horizon=12, **NET)
    found = states(fitted, panel)
    figure = plots.gates_figure(found, unit=3)
    drawn = {trace.name: np.asarray(trace.y) for trace in figure.data}
    assert list(drawn) == ["input", "forget", "output", "candidate", "cell", "hidden"]
    for name, values in drawn.items():
        assert np.allclose(values, found.layer().read[name][0, :, 3])
    heat = plots.units_figure(found, what="forget").data[0]
    assert np.asarray(heat.z).shape == (10, 4)
    assert np.allclose(np.sort(heat.z, axis=0), np.sort(found.layer().read["forget"][0].T, axis=0))
    with pytest.raises(ForecastError, match="layer 1 has units 0 to 9; found unit=10"):
        plots.gates_figure(found, unit=10)
    with pytest.raises(ForecastError, match="layer 1 has no 'update'"):
        plots.units_figure(found, what="update")


def test_attention_is_drawn_over_the_series():
    panel = weather()
    fitted = fc.fit("gru", panel, horizon=12, attention=True, **NET)
    weights = fc.attention(fitted, panel)
    figure = plots.attention_figure(panel, weights[0], panel.ends()[0], rows=6)
    shares, observed = figure.data
    assert list(observed.y) == list(panel.values[396:420, 0])
    assert np.allclose(shares.y, np.repeat(weights[0], 6))


def test_a_naive_forecast_has_no_heat_map():
    panel = weather()
    made = explain(fc.fit("naive", panel, horizon=12), panel)
    with pytest.raises(ForecastError, match="No row of a column adds to these forecasts of naive"):
        plots.attribution_figure(panel, made)


def test_the_page_of_today_explains_the_forecast_from_the_newest_rows(place, tmp_path):
    shutil.copytree(place / "run", tmp_path / "run")
    report_run(tmp_path / "run", place / "b.csv")
    page = (tmp_path / "run" / "report.html").read_text(encoding="utf-8")
    drawn = [
        one for one in figures(page) if "What each row of each column adds" in str(one["layout"]["title"])
    ]
    (heat,) = [one for one in drawn[0]["data"] if one["type"] == "heatmap" and one.get("visible", True)][:1]
    newest = pd.read_csv(place / "b.csv")["time"].max()
    assert str(heat["x"][-1])[:13].replace("T", " ") == newest[:13].replace("T", " ")


def test_where_a_net_with_attention_looks_is_on_its_page(place, tmp_path):
    settings = {f"gru.{name}": value for name, value in {**NET, "attention": True}.items()}
    run = fc.run(
        place / "a.csv",
        models=["gru", "naive"],
        out=tmp_path / "run",
        jobs=1,
        target="temp",
        tz="Europe/Oslo",
        set={**WALK, **settings},
    )
    page = (run.folder / "report.html").read_text(encoding="utf-8")
    drawn = [one for one in figures(page) if "Where attention lies" in str(one["layout"]["title"])]
    assert run.board.best == "gru"
    trace = drawn[0]["data"][0]
    weights = fc.attention(run.fitted, run.panel, run.panel.ends()[:1])[0]
    shown = np.frombuffer(base64.b64decode(trace["y"]["bdata"]), trace["y"]["dtype"])
    assert np.allclose(shown, np.repeat(weights, 6)[-len(shown) :], atol=1e-6)
