"""The figure of the next horizon in the report of real runs: history ends one step before the forecast begins, with the values of the file."""

import base64
import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import forecast as fc
from forecast.errors import ForecastError
from forecast.show import plots
from forecast.show.tables import forecast_table, most_tested

ROWS = 700  # more than naive models store


def walk(count: int = ROWS, seed: int = 0, level: float = 50.0) -> np.ndarray:
    """A random walk, written as the file writes it."""
    return np.round(level + np.cumsum(np.random.default_rng(seed).normal(0, 1, count)), 3)


def long_frame(names: list[str], lengths: list[int], freq: str = "D") -> pd.DataFrame:
    """Series of different lengths below each other, in the order of `names`."""
    parts = [
        pd.DataFrame(
            {"ds": pd.date_range("2022-01-01", periods=length, freq=freq), "id": name, "y": walk(length, i)}
        )
        for i, (name, length) in enumerate(zip(names, lengths, strict=True))
    ]
    return pd.concat(parts, ignore_index=True)


def single() -> pd.DataFrame:
    return long_frame(["only"], [ROWS])[["ds", "y"]]


def without_target() -> pd.DataFrame:
    """Series in another order than the panel's, of which the first by name has no target."""
    frame = long_frame(["c", "a", "b"], [ROWS, ROWS, ROWS - 40])
    frame.loc[frame["id"] == "a", "y"] = np.nan
    return frame


def sessions() -> pd.DataFrame:
    days = pd.bdate_range("2020-01-01", periods=ROWS + 40)
    holidays = np.random.default_rng(1).choice(np.arange(5, ROWS), 40, replace=False)
    return pd.DataFrame({"ds": days.delete(holidays), "y": walk()})


def zone(last: str) -> pd.DataFrame:
    """Hourly rows of Madrid that end at a moment of UTC, with the repeated hour of October written twice."""
    moments = pd.date_range(end=last, periods=ROWS, freq="h", tz="UTC").tz_convert("Europe/Madrid")
    return pd.DataFrame({"ds": moments.strftime("%Y-%m-%d %H:%M"), "y": walk()})


def future() -> pd.DataFrame:
    """A column that is known over the horizon, so that rows go on after the last target."""
    frame = single().assign(holiday=np.arange(ROWS) % 7 // 6)
    frame.loc[ROWS - 10 :, "y"] = np.nan
    return frame


KINDS = {  # of file: its rows, settings of the run, the stamps at the end of the history and at the beginning of the forecast
    "single": (single(), {}, "2023-12-01", "2023-12-02"),
    "three": (long_frame(["z", "k", "a"], [ROWS] * 3), {}, "2023-12-01", "2023-12-02"),
    "without-target": (without_target(), {}, "2023-12-01", "2023-12-02"),
    "one-step": (single(), {"walk.horizon": 1}, "2023-12-01", "2023-12-02"),
    "months": (
        single().head(144).assign(ds=pd.date_range("2010", periods=144, freq="MS")),
        {},
        "2021-12-01",
        "2022-01-01",
    ),
    "no-dates": (single()[["y"]], {}, ROWS - 1, ROWS),
    "sessions": (sessions(), {}, "2022-11-01", "2022-11-02"),
    "zone": (zone("2024-10-28 06:00"), {"tz": "Europe/Madrid"}, "2024-10-28 07:00", "2024-10-28 08:00"),
    "zone-repeated-hour": (
        zone("2024-10-27 00:00"),
        {"tz": "Europe/Madrid"},
        "2024-10-27 02:00",
        "2024-10-27 02:30",
    ),
    "zone-lost-hour": (
        zone("2024-03-31 00:00"),
        {"tz": "Europe/Madrid"},
        "2024-03-31 01:00",
        "2024-03-31 03:00",
    ),
    "future": (future(), {"future": ["holiday"]}, "2023-11-21", "2023-11-22"),
}


def made(folder: Path, frame: pd.DataFrame, settings: dict, models: tuple[str, ...] = ("seasonal", "naive")):
    """The finished run of a file with these rows."""
    frame.to_csv(folder / "rows.csv", index=False)
    return fc.run(folder / "rows.csv", out=folder / "run", models=list(models), jobs=1, set=settings)


def plain(value):
    """The numbers of a trace, as plotly writes them into a page."""
    if not isinstance(value, dict):
        return value
    return np.frombuffer(base64.b64decode(value["bdata"]), np.dtype(value["dtype"])).tolist()


def drawn(run: Path) -> dict:
    """The first figure of the report: the next horizon."""
    page = (run / "report.html").read_text(encoding="utf-8")
    return json.loads(re.search(r'class="drawn">(.*?)</script>', page, re.S)[1])


def entries(figure: dict) -> dict[str, tuple[list, list, list]]:
    """Of each entry of the menu: stamps and values of the observed line, and the stamps of the forecast."""
    observed = [trace for trace in figure["data"] if trace["name"] == "observed"]
    forecasts = [trace for trace in figure["data"] if trace["name"] in ("naive", "seasonal", "ridge")]
    menus = figure["layout"].get("updatemenus")
    labels = [button["label"] for button in menus[0]["buttons"]] if menus else [""]
    pairs = zip(labels, observed, forecasts, strict=True)
    return {name: (plain(known["x"]), plain(known["y"]), plain(ahead["x"])) for name, known, ahead in pairs}


@pytest.mark.parametrize("kind", KINDS)
def test_history_ends_one_step_before_the_forecast_with_the_values_of_the_file(tmp_path, kind):
    frame, settings, last, first = KINDS[kind]
    done = made(tmp_path, frame, settings)
    found = entries(drawn(done.folder))
    series = frame["id"] if "id" in frame else pd.Series("", frame.index)
    known = frame[frame["y"].notna()]
    assert set(found) == set(series[known.index])
    for name, (before, values, ahead) in found.items():
        if kind == "without-target" and name == "b":  # ends 40 days earlier
            assert (before[-1], ahead[0]) == ("2023-10-22", "2023-10-23")
        else:
            assert (before[-1], ahead[0]) == (last, first)
        own = known["y"][series[known.index] == name].to_numpy()
        assert values == own[-len(values) :].tolist()
        assert len(values) >= 60
        assert len(before) == len(values) == len(set(before))


def test_history_is_right_in_every_entry_of_two_hundred_series(tmp_path):
    names = [f"s{i:03d}" for i in range(200)]
    frame = long_frame(names, [560] * 200)
    done = made(tmp_path, frame, {"walk.folds": 1, "walk.stride": 50})
    assert done.forecast.origins[:, 1].max() < 560  # the run forecasts from fewer rows than the file has
    found = entries(drawn(done.folder))
    assert list(found) == names[: plots.SHOWN]
    for name, (before, values, ahead) in found.items():
        assert (before[-1], ahead[0]) == ("2023-07-14", "2023-07-15")
        assert values == frame["y"][frame["id"] == name].to_numpy()[-len(values) :].tolist()


def test_the_panel_of_a_run_and_the_whole_file_give_the_same_picture(tmp_path):
    done = made(tmp_path, KINDS["without-target"][0], {})
    forecast = fc.predict_run(done.folder)
    whole, stored = fc.read(tmp_path / "rows.csv"), fc.rows(done.folder)
    assert stored.ids == ("b", "c")  # the context has no series without a target
    assert whole.ids == ("a", "b", "c")
    assert stored.lengths.max() < whole.lengths.max()
    pictures = [plots.forecast_figure(panel, forecast, panel.ids.index("c")) for panel in (whole, stored)]
    assert pictures[0].to_json() == pictures[1].to_json()
    tables = [forecast_table(panel, forecast) for panel in (whole, stored)]
    assert tables[0].head == tables[1].head == ("date", "b")


def test_kept_rows_are_the_history_of_later_forecasts(tmp_path):
    frame = long_frame(["b", "a"], [ROWS + 20, ROWS + 20])
    before = pd.Timestamp("2023-12-02")
    run = made(tmp_path, frame[frame["ds"] < before], {}).folder
    newer = frame[frame["ds"] >= before]
    beside = fc.rows(run, newer)  # nothing is kept yet
    assert pd.Timestamp(beside.times[-1]) == frame["ds"].max()
    assert pd.Timestamp(fc.rows(run).times[-1]) == before - pd.Timedelta("1D")
    forecast = fc.predict_run(run, newer, keep=True)
    for panel in (beside, fc.rows(run), fc.read(frame)):
        found = entries(json.loads(plots.forecast_figure(panel, forecast).to_json()))
        assert set(found) == {"a", "b"}
        for name, (stamps, values, ahead) in found.items():
            assert (stamps[-1], ahead[0]) == ("2023-12-21", "2023-12-22")
            assert values == frame["y"][frame["id"] == name].to_numpy()[-len(values) :].tolist()


def test_rows_without_dates_that_were_kept_follow_the_file(tmp_path):
    frame = single()[["y"]]
    run = made(tmp_path, frame.head(600), {}).folder
    forecast = fc.predict_run(run, frame.tail(100), keep=True)
    ((before, values, ahead),) = entries(
        json.loads(plots.forecast_figure(fc.rows(run), forecast).to_json())
    ).values()
    assert (before[-1], ahead[0]) == (ROWS - 1, ROWS)
    assert values == frame["y"].tail(len(values)).tolist()


def test_rows_of_what_is_no_run_are_refused(tmp_path):
    with pytest.raises(ForecastError, match="No model can be loaded"):
        fc.rows(tmp_path)


@pytest.fixture(scope="module")
def forecast_of_days():
    panel = fc.read(long_frame(["a", "b"], [200, 200]))
    return fc.fit("naive", panel).predict(panel)


@pytest.mark.parametrize(
    ("panel", "said"),
    [
        (
            long_frame(["a", "c"], [200, 200]),
            r"The panel lacks series 'b' of a forecast; it has a, c\. Give the panel",
        ),
        (
            long_frame(["a", "b"], [200, 150]),
            r"no row of series 'b' at 2022-07-19, .* those from 2022-01-01 to 2022-05-30\.",
        ),
        (
            long_frame(["a", "b"], [9000, 9000], "h"),
            r"The panel is hourly, and the forecast by naive has other steps",
        ),
    ],
    ids=["series", "stamp", "step"],
)
def test_a_panel_that_lacks_what_was_forecast_is_refused(forecast_of_days, panel, said):
    with pytest.raises(ForecastError, match=said) as refused:
        plots.forecast_figure(fc.read(panel), forecast_of_days)
    assert "fc.rows(RUN)" in str(refused.value)
    with pytest.raises(ForecastError, match=said):
        forecast_table(fc.read(panel), forecast_of_days)


def test_a_forecast_of_dates_is_refused_beside_rows_without_dates(forecast_of_days):
    steps = fc.read(pd.DataFrame({"y": walk(200)}))
    forecast = replace(
        forecast_of_days,
        ids=("y", "b"),
        origins=forecast_of_days.origins[:1],
        cutoffs=forecast_of_days.cutoffs[:1],
    )
    with pytest.raises(
        ForecastError, match=r"no row of series 'y' at 2022-07-19, .* from step 0 to step 199"
    ):
        plots.forecast_figure(steps, forecast)


def test_every_origin_of_a_walk_is_found_in_any_panel_that_has_its_rows():
    frame = long_frame(["a", "b"], [200, 160])
    panel = fc.read(frame)
    outcomes = list(fc.backtest(["naive", "seasonal"], panel))
    more = fc.read(pd.concat([long_frame(["A"], [220]), frame]))  # one more series, which is the first
    for outcome in outcomes:
        found = outcome.forecast.on(more)
        np.testing.assert_array_equal(found.origins[:, 0], outcome.forecast.origins[:, 0] + 1)
        np.testing.assert_array_equal(more.cutoffs(found.origins), outcome.forecast.cutoffs)
        np.testing.assert_array_equal(more.truth(found.origins, 7), outcome.actual)
        np.testing.assert_array_equal(found.on(panel).origins, outcome.forecast.origins)
    assert (
        plots.backtest_figure(more, outcomes, 1).to_json()
        == plots.backtest_figure(panel, outcomes, 0).to_json()
    )
    assert most_tested(more, outcomes) == most_tested(panel, outcomes) + 1
    with pytest.raises(ForecastError, match=r"Series 0 \(A\) has no forecast here"):
        plots.backtest_figure(more, outcomes, 0)
    with pytest.raises(ForecastError, match="The panel has no row of series 'a'"):
        plots.backtest_figure(panel.tail(30), outcomes)


def test_a_horizon_of_one_step_shows_its_interval_and_counts_whole_steps(tmp_path):
    done = made(tmp_path, single(), {"walk.horizon": 1})
    figure = plots.forecast_figure(done.panel, done.forecast)
    bands = [trace for trace in figure.data if trace.name in ("80 %", "95 %")]
    assert [trace.mode for trace in bands] == ["lines", "lines"]
    for trace, (_, low, high) in zip(bands, reversed(done.forecast.bands), strict=True):
        assert trace.line.width > 1
        assert sorted(set(trace.y)) == [low[0, 0], high[0, 0]]
    axis = plots.error_by_step_figure(done.outcomes).layout.xaxis
    assert (axis.range, axis.dtick) == ((0.5, 1.5), 1)


def test_the_value_axis_follows_the_part_of_the_test_that_is_shown():
    high = np.concatenate(
        [walk(800), 1000 + walk(100), walk(100)]
    )  # a level that only the beginning of the test has
    panel = fc.read(pd.DataFrame({"ds": pd.date_range("2022-01-01", periods=1000), "y": high}))
    layout = plots.backtest_figure(
        panel, list(fc.backtest(["naive", "seasonal"], panel, fc.WalkForward(horizon=1)))
    ).layout
    begin = np.datetime64(layout.xaxis.range[0])
    shown = panel.values[panel.times >= begin, 0]
    low, top = layout.yaxis.range
    assert low <= shown.min() < shown.max() <= top < 500
    part, whole = (button.args[0] for button in layout.updatemenus[0].buttons)
    assert part == {"xaxis.range": list(layout.xaxis.range), "yaxis.range": [low, top]}
    assert whole == {"xaxis.autorange": True, "yaxis.autorange": True}
