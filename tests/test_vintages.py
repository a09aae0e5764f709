"""What was known when: forecasts of others by the moment of their issue, and columns that are published late."""

import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import forecast as fc
from forecast import testing
from forecast.data.findings import ReadingError
from forecast.errors import ForecastError
from forecast.evaluation.audit import audit, poisoned
from forecast.evaluation.backtest import backtest
from forecast.evaluation.folds import WalkForward
from forecast.fitting import fit
from forecast.models import spec
from forecast.reading.door import read
from forecast.runs.daily import predict_run, rows
from forecast.runs.refit import refit_run
from forecast.runs.scenario import predict_scenarios
from forecast.saving import load_context, save_context

NAN = float("nan")
H = 6
NET = {"units": 8, "steps": 40, "batch": 32, "context": 24}


def issued_rows(count=600, noise=0.5):
    """A load that follows a wind without memory, and the wind as it was forecast every six hours, 18 hours ahead: the error
    grows with the lead, and the last issue before a row is exact.
    """
    random = np.random.default_rng(3)
    stamps = pd.date_range("2024-01-01", periods=count, freq="h")
    wind = random.normal(size=count)
    load = 10 * wind + random.normal(0, 0.1, count)
    found = []
    for first in range(0, count, 6):
        for lead in range(min(18, count - first)):
            said = wind[first + lead] + noise * (lead // 6) * random.normal()
            found.append((stamps[first], stamps[first + lead], said, load[first + lead]))
    return pd.DataFrame(found, columns=["issued", "time", "wind", "load"])


def tomorrow(frame, hours=12):
    """The rows without the last loads: their wind is forecast, their load is not known."""
    last = frame["time"].max() - pd.Timedelta(hours=hours)
    return frame.assign(load=frame["load"].where(frame["time"] <= last))


def by_issue(frame, **options):
    return read(frame, time="time", issued="issued", target="load", future="wind", **options)


def mae(panel, model="ridge"):
    walk = WalkForward(horizon=H, test=0.3, folds=1)
    outcomes = list(backtest(spec(model), panel, walk, intervals=()))
    return float(np.mean([np.nanmean(np.abs(one.forecast.values - one.truth.values)) for one in outcomes]))


TABLE = pd.DataFrame(
    [
        ("2024-01-01 00:00", "2024-01-01 02:00", 1.0, 20.0),
        ("2024-01-01 01:00", "2024-01-01 02:00", 2.0, 20.0),
        ("2024-01-01 03:00", "2024-01-01 02:00", 9.0, 20.0),
        ("2024-01-01 00:00", "2024-01-01 00:00", 0.5, 10.0),
        ("2024-01-01 00:00", "2024-01-01 01:00", 0.7, 11.0),
        ("2024-01-01 01:00", "2024-01-01 03:00", 5.0, NAN),
        ("2024-01-01 02:00", "2024-01-01 03:00", NAN, NAN),
        ("2024-01-01 03:00", "2024-01-01 03:00", 6.0, NAN),
    ],
    columns=["issued", "time", "wind", "load"],
)


def test_an_origin_sees_the_newest_issue_by_its_last_known_stamp_and_no_later_one():
    panel = by_issue(TABLE)
    assert panel.values[:, 0].tolist()[:3] == [10, 11, 20]
    assert panel.values[:, 1].tolist() == [0.5, 0.7, 2, 6]  # each by its own stamp
    ahead = panel.ahead(np.array([[0, 1], [0, 2], [0, 3]]), 2)[..., 0]
    # known to 00:00: nothing was issued for 01:00 but at 00:00; known to 01:00, to 02:00: an empty cell is no news
    assert np.array_equal(ahead, [[0.7, 1], [2, 5], [5, NAN]], equal_nan=True)
    issued = next(one for one in panel.findings if one.code == "issued")
    assert "wind: 7 forecasts, issued -1 hours to 2 hours before" in issued.message


def test_the_order_of_the_file_changes_nothing_and_two_series_have_their_own_issues():
    frame = pd.concat([TABLE.assign(place="a"), TABLE.assign(place="b", wind=TABLE["wind"] + 100)])
    panel = by_issue(frame.sample(frac=1, random_state=1), id="place")
    ahead = panel.ahead(np.array([[0, 2], [1, 2]]), 2)[..., 0]
    assert ahead.tolist() == [[2, 5], [102, 105]]


def test_days_have_issues_by_date_and_local_hours_are_those_of_the_zone():
    days = TABLE.assign(
        time=pd.to_datetime(TABLE["time"]).dt.hour.map(lambda day: f"2024-01-0{day + 1}"),
        issued=pd.to_datetime(TABLE["issued"]).dt.hour.map(lambda day: f"2024-01-0{day + 1}"),
    )
    assert by_issue(days).ahead(np.array([[0, 2]]), 2)[0, :, 0].tolist() == [2, 5]
    local = by_issue(TABLE, tz="Europe/Paris")
    assert str(local.vintages.issued.min()) == "2023-12-31T23:00:00.000000000"
    assert local.ahead(np.array([[0, 2]]), 2)[0, :, 0].tolist() == [2, 5]


def test_peeking_at_later_issues_would_halve_the_error_and_does_not_happen():
    panel = by_issue(issued_rows())
    honest = mae(panel)
    peeking = mae(replace(panel, vintages=None))  # the values of issues by each row's own stamp
    assert peeking < 0.5 * honest
    assert honest < 0.9 * mae(only_first(panel))  # and the newest of those it may see is used


def only_first(panel):
    """The panel with the oldest issue of each row alone."""
    vintages = panel.vintages
    return replace(panel, vintages=replace(vintages, stops=np.minimum(vintages.starts + 1, vintages.stops)))


@pytest.mark.parametrize("model", ["ridge", "arima"])
def test_the_audit_rewrites_what_was_issued_later_and_nothing_moves(model):
    panel = by_issue(issued_rows(400))
    walk = WalkForward(horizon=H, test=0.2, folds=1, stride=3)
    assert audit([model], panel, walk).moved == {model: 0}
    dirty = poisoned(panel, np.array([200]), H)
    changed = dirty.vintages.values != panel.vintages.values
    assert changed[panel.vintages.issued > panel.times[199]].mean() > 0.9
    assert not changed[panel.vintages.issued <= panel.times[199]].any()
    late = np.array([[0, 206]])
    assert (panel.ahead(late, H) != dirty.ahead(late, H)).any()  # an origin that may see them does


@pytest.mark.parametrize(
    ("model", "settings"), [("gru", NET), ("boosting", {}), ("ridge", {}), ("arima", {})]
)
def test_no_model_sees_what_was_issued_after_the_origin(model, settings):
    testing.held_to_the_past(spec(model, **settings), testing.issued())


def test_a_series_that_was_never_fitted_sees_no_later_issue_either():
    panel = testing.issued()
    first = replace(panel, ids=panel.ids[:1], starts=panel.starts[:1], stops=panel.stops[:1]).compact()
    fitted = fit("ridge", first.until(np.array([330])), H)
    stamp = panel.times[380]
    origins = np.array([[1, row] for row in range(340, 381)])
    clean = fitted.predict(panel, origins).values
    dirty = fitted.predict(testing.poisoned(panel, stamp), origins).values
    assert np.array_equal(clean, dirty)


def test_stored_rows_hold_their_issues_and_newer_rows_bring_theirs(tmp_path):
    whole = tomorrow(issued_rows(300), 18)
    cut = whole[whole["issued"] <= whole["time"].max() - pd.Timedelta(hours=48)]
    panel = by_issue(whole)
    before = by_issue(cut.assign(load=cut["load"].where(cut["time"] <= cut["issued"].max())))
    fitted = fit("ridge", before, H)
    save_context(fitted, before, tmp_path / "context.parquet")
    stored = load_context(fitted, tmp_path / "context.parquet")
    assert np.array_equal(fitted.predict(stored).values, fitted.predict(before).values)
    cut.assign(load=cut["load"].where(cut["time"] <= cut["issued"].max())).to_csv(
        tmp_path / "a.csv", index=False
    )
    whole.to_csv(tmp_path / "b.csv", index=False)
    options = {"time": "time", "issued": "issued", "target": "load", "future": "wind"}
    folder = tmp_path / "run"
    fc.run(
        tmp_path / "a.csv",
        out=folder,
        models=["ridge", "naive"],
        walk={"horizon": H, "folds": 1},
        jobs=1,
        **options,
    )
    newer = whole[whole["issued"] > whole["time"].max() - pd.Timedelta(hours=60)]
    joined = predict_run(folder, newer, keep=True)
    assert np.array_equal(joined.times, panel.stamps(panel.ends(), H))
    held = rows(folder)
    assert np.array_equal(held.ahead(held.ends(), H), panel.ahead(panel.ends(), H))
    early = np.array([[0, int(held.known()[0]) - 10]])
    same = panel.origins_at(np.array(["load"]), held.cutoffs(early))
    assert np.array_equal(held.ahead(early, H), panel.ahead(same, H))
    made = predict_scenarios(folder, what=["wind*2"]).forecasts
    assert np.array_equal(made["as given"].values, joined.values)
    assert not np.array_equal(made["wind*2"].values, joined.values)
    refitted = refit_run(folder, how="cold", take=True)
    assert refitted.taken
    held = rows(folder)
    assert np.array_equal(held.ahead(held.ends(), H), panel.ahead(panel.ends(), H))


def test_issues_that_cannot_be_placed_are_refused():
    with pytest.raises(ReadingError, match=r"has a forecast without the moment of its issue"):
        by_issue(TABLE.assign(issued=TABLE["issued"].where(TABLE.index != 3)))
    with pytest.raises(ReadingError, match=r"stamp 2024-01-01 02:00 have different values of load"):
        by_issue(TABLE.assign(load=np.arange(8.0)))
    with pytest.raises(ReadingError, match=r"Column 'wind' of `issued` must hold moments; Row"):
        read(TABLE.assign(wind="x", gust=1.0), time="time", issued="wind", target="load", future="gust")
    with pytest.raises(ForecastError, match=r"name their columns too, with `future`"):
        read(TABLE, time="time", issued="issued", target="load")
    with pytest.raises(ForecastError, match=r"`every` would gather several"):
        by_issue(TABLE, every="2h")
    with pytest.raises(ForecastError, match=r"numbers, and wind holds names"):
        by_issue(TABLE.assign(wind="high"))
    with pytest.raises(ReadingError, match=r"There is no column 'issue' for `issued`"):
        read(TABLE, time="time", issued="issue", target="load", future="wind")


DAYS = [f"2024-01-{day:02}" for day in range(1, 13)]
LATE = pd.DataFrame(
    {"ds": DAYS, "y": np.arange(12.0), "gdp": [1, NAN, NAN, 2, NAN, NAN, 3, NAN, NAN, 4, NAN, NAN]}
)


@pytest.mark.parametrize(
    ("lag", "expected"),
    [
        ({"gdp": "2D"}, [NAN, NAN, 1, 1, 1, 2, 2, 2, 3, 3, 3, 4]),
        (["gdp=48h"], [NAN, NAN, 1, 1, 1, 2, 2, 2, 3, 3, 3, 4]),
        ("gdp=4", [NAN, NAN, NAN, NAN, 1, 1, 1, 2, 2, 2, 3, 3]),
        ("gdp=1W", [NAN] * 7 + [1, 1, 1, 2, 2]),
        ("gdp=1M", [NAN] * 12),
    ],
)
def test_a_late_column_holds_what_had_been_published_by_each_row(lag, expected):
    panel = read(LATE, target="y", lag=lag)
    assert np.array_equal(panel.values[:, 1], expected, equal_nan=True)
    assert panel.columns[1].lag
    finding = next(one for one in panel.findings if one.code == "lag")
    assert "gdp is published" in finding.message
    assert "the latest value that was known by then" in finding.message


def test_months_later_is_a_date_of_the_calendar():
    months = pd.date_range("2020-01-01", periods=30, freq="MS")
    frame = pd.DataFrame({"ds": months, "y": np.arange(30.0), "gdp": np.arange(30.0)})
    assert read(frame, target="y", lag="gdp=1Q").values[3:6, 1].tolist() == [0, 1, 2]
    steps = pd.DataFrame({"y": np.arange(12.0), "gdp": np.arange(12.0)})
    assert read(steps, target="y", lag="gdp=2").values[2:5, 1].tolist() == [0, 1, 2]


def test_what_cannot_be_late_is_refused():
    for lag, words in {
        "gdp": "is not a column and a span",
        "gdp=soon": "a number of steps or a span",
        "gdp=2B": "a number of steps or a span",
        "y=2D": "y is the target, and only past columns are published late",
        "gpd=2D": "There is no past column 'gpd' for `lag`. Did you mean gdp?",
    }.items():
        with pytest.raises(ForecastError, match=words.replace("?", r"\?")):
            read(LATE, target="y", lag=lag)
    with pytest.raises(ForecastError, match="rows without stamps have no days"):
        read(LATE[["y", "gdp"]], target="y", lag="gdp=2D")


def test_newer_rows_go_on_with_what_was_published_before(tmp_path):
    random = np.random.default_rng(0)
    days = pd.date_range("2024-01-01", periods=120, freq="D")
    frame = pd.DataFrame(
        {
            "ds": days,
            "y": random.normal(size=120),
            "gdp": np.where(np.arange(120) % 30 == 0, 1.0 + np.arange(120), NAN),
        }
    )
    frame[:100].to_csv(tmp_path / "a.csv", index=False)
    folder = tmp_path / "run"
    settings = {"walk": {"horizon": 3, "folds": 1}, "target": "y", "lag": {"gdp": "5D"}}
    fc.run(tmp_path / "a.csv", out=folder, models=["ridge", "naive"], jobs=1, **settings)
    joined = rows(folder, frame[100:].assign(gdp=NAN))
    whole = read(frame, target="y", lag="gdp=5D")
    assert joined.values[-20:, 1].tolist() == whole.values[-20:, 1].tolist()


def test_the_command_line_has_both(tmp_path):
    tomorrow(issued_rows(200)).assign(gdp=1.0).to_csv(tmp_path / "a.csv", index=False)
    arguments = [
        "--time",
        "time",
        "--issued",
        "issued",
        "--target",
        "load",
        "--future",
        "wind",
        "--lag",
        "gdp=2D",
        "--json",
    ]
    command = [sys.executable, "-m", "forecast", "check", "a.csv", *arguments]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    codes = [one["code"] for one in json.loads(done.stdout)["findings"]]
    assert {"issued", "lag"} <= set(codes)
    assert "unsorted" not in codes
