"""What a prompt and a notebook show of a value, and what can be asked of a panel by name."""

import re
import subprocess
import sys
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest

import forecast as fc
from forecast.errors import ForecastError

VOID = {"br", "hr", "img"}
HOSTILE = "<img src=x onerror=alert(1)>"


class Tags(HTMLParser):
    """Counts what is open, so that a table that does not close is found."""

    def __init__(self):
        super().__init__()
        self.open = []
        self.seen = []
        self.text = []

    def handle_starttag(self, tag, attrs):
        self.seen.append(tag)
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


def read_html(text):
    tags = Tags()
    tags.feed(text)
    assert tags.open == []
    return tags


def stations(names=("EWR", "JFK", "LGA"), rows=120):
    """Hourly temperatures of stations in New York, with a column that is known ahead."""
    stamps = pd.date_range("2021-01-01", periods=rows, freq="h")
    parts = []
    for place, name in enumerate(names):
        wave = np.sin(2 * np.pi * np.arange(rows) / 24) + place
        parts.append(pd.DataFrame({"station": name, "time": stamps, "temp": wave, "wind": wave * 2}))
    return fc.read(
        pd.concat(parts, ignore_index=True), id="station", time="time", target="temp", tz="America/New_York"
    )


@pytest.fixture(scope="module")
def made():
    """A panel, the outcomes of a walk, a fitted model, its forecast and its explanation."""
    panel = stations()
    walk = fc.WalkForward(horizon=6, folds=1, test=48)
    outcomes = list(fc.backtest("ridge", panel, walk))
    fitted = fc.fit("ridge", panel, horizon=6, intervals=(80,))
    forecast = fitted.predict(panel)
    return panel, outcomes[0], fitted, forecast, fc.explain(fitted, panel)


def test_each_value_is_one_line_and_a_small_table_without_its_arrays(made):
    for value in made:
        line = repr(value)
        assert line.startswith(f"<{type(value).__name__} ")
        assert "\n" not in line
        assert len(line) < 400
        assert "array(" not in line
        page = value._repr_html_()
        assert len(page) < 4000
        tags = read_html(page)
        assert tags.seen.count("table") == 1
        assert set(tags.seen) <= {"table", "thead", "tbody", "tr", "th", "td"}


def test_the_line_of_a_panel_says_what_it_holds(made):
    line = repr(made[0])
    for words in ("rows: 360", "series: 3 (EWR, JFK, LGA)", "step: hourly", "target: temp", "past: wind"):
        assert words in line
    assert "from: 2021-01-01; to: 2021-01-05 23:00" in line  # local time, not UTC
    assert "model: ridge" in repr(made[3])
    assert "intervals: 80 %" in repr(made[3])


def test_the_table_takes_its_colours_from_the_page_and_escapes_what_a_file_says():
    panel = stations(names=(HOSTILE, "b"))
    page = panel._repr_html_()
    assert HOSTILE not in page
    assert HOSTILE in "".join(read_html(page).text)
    assert "color: inherit" in page
    assert (
        re.findall(r"#[0-9a-fA-F]{3,6}\b", page) == []
    )  # a fixed colour is not seen on one of light and dark


def test_a_panel_is_asked_by_the_names_of_its_series(made):
    panel = made[0]
    assert len(panel) == 360
    one = panel["JFK"]
    assert one.ids == ("JFK",)
    assert len(one) == 120
    assert np.array_equal(one.values[one.rows("JFK")], panel.values[panel.rows(1)])
    assert "JFK" in panel
    assert "BOS" not in panel
    assert panel[2].ids == ("LGA",)
    with pytest.raises(ForecastError, match=r"no series 'JFQ'. Did you mean JFK\?"):
        panel["JFQ"]
    with pytest.raises(ForecastError, match="no series 3: the panel has 3 places"):
        panel[3]
    with pytest.raises(TypeError):
        iter(panel)


def test_one_series_of_a_panel_is_forecast_as_among_all(made):
    panel, fitted = made[0], made[2]
    alone = fitted.predict(panel["JFK"])
    np.testing.assert_allclose(alone.values[0], made[3].values[1], rtol=1e-12)


def test_a_panel_without_rows_is_a_panel():
    panel = stations()
    assert panel.until(np.zeros(3, "int64"))
    assert "rows: 0" in repr(panel.until(np.zeros(3, "int64")))


def test_the_frame_of_a_panel_is_read_again_to_the_same_panel():
    rows = 90
    stamps = pd.date_range("2021-03-20", periods=rows, freq="D")
    kinds = np.array(["sun", "rain", "fog"])[np.arange(rows) % 3]
    frame = pd.DataFrame({"date": stamps, "y": np.arange(rows) * 1.5, "sky": kinds})
    frame.loc[7, "y"] = np.nan
    frame.loc[9, "sky"] = None
    panel = fc.read(frame, target="y", time="date", past=["sky"])
    shown = panel.to_frame()
    assert shown.columns.tolist() == ["unique_id", "ds", "y", "sky"]
    assert shown["sky"].tolist()[:3] == ["sun", "rain", "fog"]
    assert shown["sky"].tolist() == frame["sky"].fillna("").tolist()  # an empty cell is a name too
    again = fc.read(shown.drop(columns="unique_id"), target="y", time="ds", past=["sky"])
    assert np.array_equal(again.times, panel.times)
    assert np.array_equal(again.values, panel.values, equal_nan=True)


def test_the_frame_of_a_panel_with_a_zone_has_local_stamps(made):
    frame = made[0].to_frame()
    assert str(frame["ds"].dt.tz) == "America/New_York"
    assert frame["ds"].iloc[0].isoformat() == "2021-01-01T00:00:00-05:00"
    assert frame["unique_id"].value_counts().to_dict() == {"EWR": 120, "JFK": 120, "LGA": 120}


def test_the_figure_of_a_panel_has_the_values_of_the_file(made):
    panel = made[0]
    figure = panel.plot("JFK")
    shown = [trace for trace in figure.data if trace.visible]
    assert [trace.name for trace in shown] == ["JFK"]
    assert np.array_equal(shown[0].y, panel.values[panel.rows(1), 0])
    assert shown[0].x[0] == "2021-01-01 00:00"
    assert [button.label for button in figure.layout.updatemenus[0].buttons] == ["EWR", "JFK", "LGA"]


def test_the_figure_of_a_forecast_begins_one_step_after_the_last_row(made):
    panel, forecast = made[0], made[3]
    alone = forecast.plot(series="JFK")
    point = next(trace for trace in alone.data if trace.name == "ridge")
    assert np.array_equal(point.y, forecast.values[1])
    beside = forecast.plot(panel, "JFK")
    traces = {trace.name: trace for trace in beside.data if trace.visible}
    observed, ahead = traces["observed"], traces["ridge"]
    assert pd.Timestamp(ahead.x[0]) - pd.Timestamp(observed.x[-1]) == pd.Timedelta("1h")
    assert ahead.x == point.x
    with pytest.raises(ForecastError, match="'BOS' has no forecast here"):
        forecast.plot(series="BOS")


def test_figures_of_a_walk_take_a_series_by_name(made):
    panel, outcome = made[0], made[1]
    by_name = fc.plots.backtest_figure(panel, [outcome], "LGA")
    assert by_name.to_json() == fc.plots.backtest_figure(panel, [outcome], 2).to_json()
    by_name = fc.plots.forecast_figure(panel, made[3], "LGA")
    assert by_name.to_json() == fc.plots.forecast_figure(panel, made[3], 2).to_json()


def test_probabilities_are_drawn_next_to_their_panel():
    frame = pd.DataFrame({"date": pd.date_range("2021-01-01", periods=80), "y": np.arange(80.0) % 3})
    panel = fc.read(frame, event="y > 1", time="date")
    forecast = fc.fit("climatology", panel, horizon=3).predict(panel)
    with pytest.raises(ForecastError, match=r"forecast.plot\(panel\)"):
        forecast.plot()
    bars = next(trace for trace in forecast.plot(panel).data if trace.type == "bar")
    assert np.array_equal(bars.y, forecast.values[0])


def test_the_losses_of_a_net_are_drawn_and_those_of_no_other(made):
    panel = stations(names=("a",))
    net = fc.spec("gru", units=4, steps=24, batch=16, context=24)
    fitted = fc.fit(net, panel, horizon=2)
    training, validation, kept = fitted.plot_loss().data
    history = np.array(fitted.log.history)
    assert np.array_equal(training.y, history[:, 1])
    assert np.array_equal(validation.y, history[:, 2])
    assert kept.y[0] == np.nanmin(history[:, 2])
    with pytest.raises(ForecastError, match="ridge is not trained in steps"):
        made[2].plot_loss()


def test_the_market_of_a_walk_is_the_one_of_a_run():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"date": pd.date_range("2021-01-01", periods=160, freq="B")})
    frame["close"] = 100 * np.exp(np.cumsum(rng.normal(0, 0.01, 160)))
    panel = fc.read(frame, target="close", time="date")
    outcomes = list(fc.backtest(["drift", "naive"], panel, fc.WalkForward(horizon=1, folds=1, test=60)))
    found = fc.market(outcomes, cost=5)
    table = found.to_frame().set_index("model")
    assert table.loc["naive", "moves"] == 0  # it takes no side
    assert table.loc["drift", "profit"] <= fc.market(outcomes, cost=0).to_frame()["profit"].iloc[0]
    assert str(found).startswith("The direction of the next step:")
    with pytest.raises(ForecastError, match="no outcome"):
        fc.market([])


def test_the_line_of_a_run_reads_nothing_from_its_folder(tmp_path):
    frame = pd.DataFrame({"date": pd.date_range("2021-01-01", periods=90), "y": np.arange(90.0) % 7})
    frame.to_csv(tmp_path / "y.csv", index=False)
    plan = fc.Run(data=str(tmp_path / "y.csv"), models=("naive", "seasonal"))
    result = fc.run(plan, out=tmp_path / "run", jobs=1)
    line = repr(result)
    assert line.startswith("<Result run: ")
    assert "best: seasonal" in line
    again = fc.run(plan, out=tmp_path / "run")
    for path in (tmp_path / "run").glob("*.parquet"):
        path.unlink()
    assert repr(again) == line
    read_html(result._repr_html_())


def test_completion_shows_the_public_names_and_the_version_is_that_of_the_package():
    from importlib.metadata import version

    assert fc.__version__ == version("forecast-toolkit")
    assert {"read", "plot", "market", "__version__"} <= set(dir(fc))
    for name in fc.__all__:
        assert getattr(fc, name) is not None
    code = "import sys, forecast; print('importlib.metadata' in sys.modules)"
    found = subprocess.run([sys.executable, "-S", "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout == "False\n"  # the version is found when it is asked for


@pytest.mark.parametrize(
    ("asked", "choices", "meant"),
    [
        ("rain", ["wind", "temp"], None),
        ("rain", ["rain_mm", "brain"], "brain"),
        ("temp", ["temperature", "tempo_of_the_song"], "temperature"),
        ("tmep", ["temp", "wind"], "temp"),
        ("precipitation_mm", ["precip", "temp"], "precip"),
        ("unit", ["units", "unitary"], "units"),
        ("y", ["yes", "x"], None),
    ],
)
def test_a_suggestion_is_near_and_else_the_choices_are_listed(asked, choices, meant):
    from forecast.errors import nearest

    said = nearest(asked, choices)
    assert said.endswith(f"There is: {', '.join(choices)}.")
    assert ("Did you mean" in said) == (meant is not None)
    if meant:
        assert f"Did you mean {meant}?" in said
