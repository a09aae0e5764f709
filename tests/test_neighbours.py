"""Other series of a file beside each series' own: from the file to a forecast, and to the next file."""

import json
from dataclasses import asdict, replace

import numpy as np
import pandas as pd
import pytest

from forecast.errors import ForecastError
from forecast.evaluation.backtest import backtest
from forecast.evaluation.folds import WalkForward
from forecast.evaluation.leaderboard import leaderboard
from forecast.fitting import fit
from forecast.models import spec
from forecast.reading.door import read
from forecast.runs.daily import predict_run
from forecast.runs.plan import make_run
from forecast.runs.road import run

HOURS = pd.date_range("2024-01-01", periods=500, freq="h")
WALK = WalkForward(horizon=3, folds=2)
NET = {"units": 16, "steps": 200, "batch": 64, "context": 24, "learning_rate": 0.01}


def pair():
    """B, without memory, and A, which is what B was three hours before; C is a stranger with half of the hours."""
    random = np.random.default_rng(0)
    b, noise, c = random.normal(10, 3, 503), random.normal(0, 0.2, 500), random.normal(size=500)
    frames = [
        pd.DataFrame({"time": HOURS, "station": name, "temp": values})
        for name, values in (("A", b[:500] + noise), ("B", b[3:]), ("C", c))
    ]
    return pd.concat([*frames[:2], frames[2][::2]])


def values_of(panel, series, column):
    return panel.values[
        panel.rows(panel.ids.index(series)), [one.name for one in panel.columns].index(column)
    ]


def test_all_of_hundreds_of_series_is_refused():
    stamps = np.tile(np.arange("2024-01-01", "2024-01-11", dtype="datetime64[D]"), 60)
    frame = pd.DataFrame({"ds": stamps, "id": np.repeat([f"s{i:02}" for i in range(60)], 10), "y": 1.0})
    with pytest.raises(
        ForecastError,
        match=r"60 past columns next to each of 60 series, more than 50. Name .* `neighbours=s00,s01`",
    ):
        read(frame, neighbours="all")
    assert len(read(frame, neighbours=[f"s{i:02}" for i in range(52)]).columns) == 53


def test_neighbours_are_joined_by_stamp_and_nothing_is_filled():
    frame = pair()
    frame = frame[~((frame["station"] == "B") & (frame["time"] == HOURS[7]))]
    panel = read(frame, neighbours=["B", "C"])
    assert [(column.name, column.role) for column in panel.columns] == [
        ("temp", "target"),
        ("temp@B", "past"),
        ("temp@C", "past"),
    ]
    b = frame[frame["station"] == "B"].set_index("time")["temp"].reindex(HOURS)
    assert np.array_equal(values_of(panel, "A", "temp@B"), b, equal_nan=True)
    assert np.isnan(values_of(panel, "A", "temp@B")[7])
    assert np.isnan(values_of(panel, "A", "temp@C")[1::2]).all()
    assert not np.isnan(values_of(panel, "A", "temp@C")[::2]).any()
    assert np.isnan(values_of(panel, "B", "temp@B")).all()  # no neighbour of itself
    assert panel.ids == ("A", "B", "C")


def test_the_series_that_are_forecast_are_chosen_after_their_neighbours_are_joined():
    panel = read(pair(), neighbours="all", series="A")
    assert panel.ids == ("A",)
    assert [column.name for column in panel.columns] == ["temp", "temp@B", "temp@C"]
    assert np.array_equal(panel.values, read(pair(), neighbours=["B", "C"]).values[:500], equal_nan=True)
    assert [column.name for column in read(pair(), neighbours="all", series=["A", "B"]).columns] == [
        "temp",
        "temp@A",
        "temp@B",
        "temp@C",
    ]
    assert read(pair(), series=["C", "A"]).ids == ("A", "C")
    said = [str(finding) for finding in panel.findings]
    assert "past columns of each series, from its neighbours: temp@B, temp@C" in said
    assert "series that are forecast: A, of 3" in said


def test_columns_of_a_wide_file_are_neighbours():
    frame = pair().pivot(index="time", columns="station", values="temp").reset_index()
    panel = read(frame, target="all", neighbours="B", series="A")
    assert [column.name for column in panel.columns] == ["value", "value@B"]
    assert np.array_equal(panel.values[:, 1], frame["B"])


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ({"neighbours": ["D"]}, r"There is no series 'D' for `neighbours`\..* There is: A, B, C"),
        ({"series": ["AA"]}, r"There is no series 'AA' for `series`\. Did you mean A\?"),
        (
            {"series": ["A"], "neighbours": ["A"]},
            r"'A' is the only series, and no neighbour of itself\. Name others with `neighbours`",
        ),
    ],
)
def test_a_series_that_is_not_there_is_refused(flags, message):
    with pytest.raises(ForecastError, match=message):
        read(pair(), **flags)


def test_one_series_has_no_neighbours():
    alone = pair()[lambda f: f["station"] == "A"].drop(columns="station")
    with pytest.raises(ForecastError, match="'temp' is the only series, and no neighbour of itself"):
        read(alone, neighbours="all")


def test_a_neighbour_that_leads_is_worth_its_lead():
    """A is what B was: with B at hand the error three steps ahead is that of the noise, and the test says that this is no chance."""
    alone, beside = (read(pair(), series="A", **flags) for flags in ({}, {"neighbours": "B"}))
    outcomes = []
    for panel, name in ((alone, "alone"), (beside, "beside")):
        outcomes += [
            replace(one, forecast=replace(one.forecast, model=name)) for one in backtest("ridge", panel, WALK)
        ]
    board = leaderboard(outcomes, "alone")
    rows = {row.model: row for row in board.rows}
    assert rows["beside"].scores["mae"] < 0.2 * rows["alone"].scores["mae"]
    assert rows["beside"].p < 0.01
    last = {o.forecast.model: np.abs(o.forecast.values - o.actual)[:, 2].mean() for o in outcomes}
    assert last["beside"] < 0.3 < 2 < last["alone"]


def test_a_net_reads_its_neighbours():
    panel = read(pair(), series="A", neighbours="B")
    fitted = fit(spec("gru", **NET), panel.until(np.array([400])), 3)
    origins = np.array([[0, row] for row in range(400, 495)])
    assert (
        np.abs(fitted.predict(panel, origins).values - panel.truth(origins, 3)).mean() < 1.2
    )  # the mean of A is 2.4 off


@pytest.mark.parametrize("model", ["ridge", "gru"])
def test_poison_in_the_file_reaches_no_earlier_forecast(model):
    """Every cell of the file after a moment is rewritten, and names that nobody knew appear: earlier forecasts keep their bits."""
    frame = pair().assign(
        sky=lambda f: np.where(np.arange(len(f)) % 3, "grey", "blue"),
        plan=lambda f: np.where(f["time"].dt.hour < 6, "night", "day"),
    )
    stamp, ahead = HOURS[440], HOURS[440] + pd.Timedelta("3h")
    random = np.random.default_rng(1)
    dirty = frame.copy()
    later, beyond = (dirty["time"] >= stamp).to_numpy(), (dirty["time"] >= ahead).to_numpy()
    dirty.loc[later, "temp"] = random.normal(50, 30, later.sum())
    dirty.loc[later, "sky"] = random.choice(["blue", "aurora", "zebra"], later.sum())
    dirty.loc[beyond, "plan"] = random.choice(["night", "before", "zebra"], beyond.sum())
    settings = {**NET, "steps": 24, "shrink": False} if model == "gru" else {}
    asked = {"series": ["A", "C"], "neighbours": "all", "past": "sky", "future": "plan"}
    compared = 0
    for one, two in zip(
        *(backtest(spec(model, **settings), read(table, **asked), WALK) for table in (frame, dirty)),
        strict=True,
    ):
        early = one.forecast.cutoffs < stamp.to_datetime64()
        assert np.array_equal(one.forecast.values[early], two.forecast.values[early])
        assert not np.array_equal(one.forecast.values, two.forecast.values) or early.all()
        compared += early.sum()
    assert compared > 50


def test_the_next_file_is_joined_with_its_own_neighbours(tmp_path):
    frame = pair()
    frame[frame["time"] < HOURS[480]].to_csv(tmp_path / "x.csv", index=False)
    plan = make_run(
        str(tmp_path / "x.csv"),
        overrides={
            "models": ["ridge", "naive"],
            "neighbours": "all",
            "series": "A",
            "walk.horizon": 3,
            "walk.folds": 2,
        },
    )
    result = run(plan, out=tmp_path / "run", jobs=1)
    assert result.board.best == "ridge"
    a = frame[frame["station"] == "A"]["temp"].to_numpy()
    assert np.abs(result.forecast.values - a[480:483]).max() < 1
    frame[frame["time"] >= HOURS[478]].query("time < '2024-01-21 10:00'").to_csv(
        tmp_path / "next.csv", index=False
    )
    later = predict_run(tmp_path / "run", tmp_path / "next.csv")
    assert later.ids == ("A",)
    assert np.abs(later.values - a[490:493]).max() < 1
    frame[(frame["time"] >= HOURS[480]) & (frame["station"] != "B")].to_csv(
        tmp_path / "without.csv", index=False
    )
    with pytest.raises(ForecastError, match="There is no series 'B' for `neighbours`"):
        predict_run(tmp_path / "run", tmp_path / "without.csv")


def test_a_newer_file_may_lack_a_series_that_is_forecast():
    roles = json.loads(json.dumps(asdict(read(pair(), neighbours="B", series=["A", "C"]).reading)))
    panel = read(pair(), neighbours="B", series=["A", "C"])
    newer = pair()[lambda f: f["station"] != "C"]
    assert read(newer, **{**roles, "past": "none"}, clock=panel.clock).ids == ("A",)
