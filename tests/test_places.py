"""From a file of local time to a forecast, stamps counted one by one: both changes of the clocks, local days, exchanges with their own holidays."""

import json

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

import forecast as fc
from forecast.cli import app
from forecast.runs.daily import kept_forecasts, predict_run, score_run
from forecast.saving import save

HOURS = pd.date_range("2023-11-01", "2024-11-10", freq="h", tz="Europe/Paris", inclusive="left")
SPRING, AUTUMN = pd.Timestamp("2024-03-31", tz="Europe/Paris"), pd.Timestamp("2024-10-27", tz="Europe/Paris")


def local(moments, path):
    """A file of naive local stamps, the repeated hour twice, each value the number of its hour."""
    number = (moments - HOURS[0]) // pd.Timedelta("1h")
    pd.DataFrame({"time": moments.strftime("%Y-%m-%d %H:%M"), "temp": number.astype(float)}).to_csv(
        path, index=False
    )
    return path


@pytest.mark.parametrize(("change", "hours"), [(SPRING, 23), (AUTUMN, 25)])
@pytest.mark.parametrize("known", [-30, -3, 0, 2, 3, 4])
def test_a_horizon_across_a_change_of_the_clocks_has_every_hour_once(change, hours, known, tmp_path):
    upto = HOURS[: HOURS.get_loc(change) + known + 1]
    panel = fc.read(local(upto, tmp_path / "x.csv"), tz="Europe/Paris")
    frame = fc.fit("drift", panel, horizon=72).predict(panel).to_frame()
    assert (pd.DatetimeIndex(frame["ds"]) == pd.date_range(upto[-1], periods=73, freq="h")[1:]).all()
    assert np.allclose(
        frame["drift"], len(upto) + np.arange(72)
    )  # the line goes on hour by hour: none is lost or said twice
    whole = panel.values[:, 0]
    assert np.array_equal(whole, np.arange(len(upto)))
    assert (frame["ds"].dt.date == change.date()).sum() == hours - max(known + 1, 0)


def test_origins_of_a_walk_stand_on_every_hour_of_both_changes(tmp_path):
    panel = fc.read(local(HOURS, tmp_path / "x.csv"), tz="Europe/Paris")
    outcomes = list(fc.backtest("drift", panel, fc.WalkForward(horizon=24, test="2024-10-20", stride=1)))
    frame = pd.concat([outcome.to_frame() for outcome in outcomes])
    cutoffs = frame["cutoff"].drop_duplicates()
    assert cutoffs.iloc[0] == pd.Timestamp(
        "2024-10-19 23:00", tz="Europe/Paris"
    )  # the test begins at midnight in Paris
    assert (cutoffs.diff().dropna() == pd.Timedelta("1h")).all()
    assert (frame["ds"] > frame["cutoff"]).all()
    assert np.allclose(frame["drift"], frame["y"])
    assert len(cutoffs[cutoffs.dt.date == AUTUMN.date()]) == 25


def test_days_of_a_place_have_23_and_25_hours(tmp_path):
    days = fc.read(local(HOURS, tmp_path / "x.csv"), tz="Europe/Paris", every="1D", how="sum")
    expected = pd.Series(np.arange(len(HOURS), dtype=float), HOURS).groupby(HOURS.date).sum()
    assert days.values[:, 0].tolist() == expected.tolist()
    frame = fc.fit("naive", days, horizon=3).predict(days).to_frame()
    assert frame["ds"].tolist() == list(
        pd.date_range("2024-11-10", periods=3)
    )  # dates of the place, without an hour


def test_a_run_writes_local_time_everywhere_and_scores_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    begin, end = HOURS.get_loc(AUTUMN) - 24 * 40, HOURS.get_loc(AUTUMN) + 1
    local(HOURS[begin:end], tmp_path / "x.csv")
    command = [
        "fit",
        "x.csv",
        "--tz",
        "Europe/Paris",
        "--model",
        "drift",
        "--horizon",
        "6",
        "--jobs",
        "1",
        "--out",
        "run",
        "--quiet",
    ]
    made = CliRunner().invoke(app, [*command, "--json"])
    assert made.exit_code == 0, made.output
    wanted = [f"2024-10-27T0{h}:00:00+0{o}:00" for h, o in ((1, 2), (2, 2), (2, 1), (3, 1), (4, 1), (5, 1))]
    assert [row["ds"] for row in json.loads(made.stdout)["forecast"]] == wanted
    assert pd.read_csv("run/forecast.csv")["ds"].tolist() == wanted
    for flags in (["--csv"], []):
        assert all(stamp in CliRunner().invoke(app, ["predict", "run", *flags]).stdout for stamp in wanted)
    assert wanted[2] in CliRunner().invoke(app, command).stdout
    page = (tmp_path / "run" / "report.html").read_text()
    assert "time (Europe/Paris)" in page
    assert "2024-10-27 02:00+0100" in page
    outcomes = pd.read_parquet("run/outcomes.parquet")
    assert str(outcomes["ds"].dtype.tz) == "Europe/Paris"
    kept = predict_run("run", local(HOURS[end - 2 : end + 2], tmp_path / "two.csv"), keep=True).to_frame()
    assert (pd.DatetimeIndex(kept["ds"]) == HOURS[end + 2 : end + 8]).all()
    assert (kept_forecasts("run")["ds"] == kept["ds"]).all()
    scored = score_run("run", local(HOURS[end : end + 8], tmp_path / "came.csv"))
    assert scored.steps["count"].tolist() == [1] * 6
    assert scored.steps["mae"].max() < 1e-6


def test_what_has_no_zone_has_no_offset(tmp_path):
    panel = fc.read(local(HOURS[:500], tmp_path / "x.csv"))
    assert fc.fit("naive", panel, horizon=3).predict(panel).to_frame()["ds"].dt.tz is None


def test_two_exchanges_in_one_file_go_on_after_their_own_last_session(tmp_path):
    days = pd.bdate_range("2024-01-02", "2024-12-30")
    own = {
        "NYSE": days.difference(pd.to_datetime(["2024-01-15", "2024-07-04", "2024-12-25"])),
        "TSE": days.difference(days[[4, 80, 81, -1]]),
    }
    frames = [
        pd.DataFrame({"date": dates, "symbol": name, "close": np.arange(len(dates), dtype=float)})
        for name, dates in own.items()
    ]
    pd.concat(frames).to_csv(tmp_path / "x.csv", index=False)
    panel = fc.read(tmp_path / "x.csv")
    assert panel.lengths.tolist() == [len(dates) for dates in own.values()]
    frame = fc.fit("drift", panel, horizon=5).predict(panel).to_frame()
    for name, dates in own.items():
        mine = frame[frame["unique_id"] == name]
        assert mine["ds"].tolist() == list(pd.bdate_range(dates[-1], periods=6)[1:])
        assert np.allclose(mine["drift"], len(dates) + np.arange(5))
    for outcome in fc.backtest("naive", panel, fc.WalkForward(horizon=5, test=60)):
        frame = outcome.to_frame()
        for name, dates in own.items():
            assert frame.loc[frame["unique_id"] == name, "ds"].isin(dates).all()  # no holiday is asked for


def test_ticks_of_a_place_gathered_into_its_days(tmp_path):
    moments = pd.date_range("2024-03-29", "2024-04-03", freq="10min", tz="America/New_York", inclusive="left")
    pd.DataFrame({"time": moments.map(lambda t: t.isoformat()), "y": 1.0}).to_csv(
        tmp_path / "x.csv", index=False
    )
    panel = fc.read(tmp_path / "x.csv", tz="America/New_York", every="1D", how="sum")
    assert panel.values[:, 0].tolist() == [144.0] * 5
    assert str(panel.times[0])[:10] == "2024-03-29"


def test_the_sessions_to_come_are_those_of_the_exchange(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    closed = pd.to_datetime(
        ["2024-07-04", "2024-09-02", "2024-11-28", "2024-12-25", "2025-01-01", "2025-01-09", "2025-01-20"]
    )
    days = pd.bdate_range("2024-06-20", "2025-01-31").difference(closed)
    upto = days[days <= "2024-12-23"]
    frame = pd.DataFrame({"date": upto, "close": np.arange(len(upto), dtype=float)})
    frame.to_csv("x.csv", index=False)
    panel = fc.read("x.csv", calendar="XNYS")
    assert not {"assumed-stamps", "not-a-session", "missing-session"} & {
        finding.code for finding in panel.findings
    }
    wanted = days[days > "2024-12-23"][:15].tolist()
    assert fc.fit("drift", panel, horizon=15).predict(panel).to_frame()["ds"].tolist() == wanted
    made = CliRunner().invoke(
        app,
        [
            "fit",
            "x.csv",
            "--calendar",
            "XNYS",
            "--model",
            "drift",
            "--horizon",
            "5",
            "--jobs",
            "1",
            "--out",
            "run",
            "--json",
            "--quiet",
        ],
    )
    assert [row["ds"][:10] for row in json.loads(made.stdout)["forecast"]] == [
        f"{day:%Y-%m-%d}" for day in wanted[:5]
    ]
    pd.DataFrame({"date": wanted[:2], "close": [7.0, 8.0]}).to_csv("new.csv", index=False)
    assert predict_run("run", "new.csv").to_frame()["ds"].tolist() == wanted[2:7]


def test_a_file_is_compared_with_the_exchange(tmp_path):
    days = pd.bdate_range("2024-06-20", "2024-12-23").difference(
        pd.to_datetime(["2024-07-03", "2024-09-02", "2024-09-04", "2024-11-28"])
    )
    pd.DataFrame({"date": days, "close": 1.0}).to_csv(tmp_path / "x.csv", index=False)
    panel = fc.read(tmp_path / "x.csv", calendar="XNYS")
    found = {finding.code: finding for finding in panel.findings}
    assert found["not-a-session"].rows == (2 + days.get_loc(pd.Timestamp("2024-07-04")),)
    assert (
        "close: no row for 2 sessions of XNYS, the first 2024-07-03 after row 10"
        in found["missing-session"].message
    )
    assert panel.lengths.tolist() == [len(days)]


def bars(days, step, half):
    """Bars of New York from 09:30 to 16:00, on the days `half` to 13:00, in local time."""
    ends = ["13:00" if day in half else "16:00" for day in days]
    return pd.DatetimeIndex(
        [
            t
            for day, end in zip(days, ends, strict=True)
            for t in pd.date_range(f"{day} 09:30", f"{day} {end}", freq=step, inclusive="left")
        ]
    )


@pytest.mark.parametrize("step", ["5min", "30min", "1h"])
@pytest.mark.parametrize("cut", [0, 2])
def test_the_bars_to_come_are_those_of_the_exchange_also_of_half_days(step, cut, tmp_path):
    """Thanksgiving and Christmas 2024: closed on 28 November and 25 December, half days before Christmas and after Thanksgiving."""
    half, closed = ("2024-11-29", "2024-12-24"), pd.to_datetime(["2024-11-28", "2024-12-25"])
    days = pd.bdate_range("2024-11-01", "2024-12-31").difference(closed).strftime("%Y-%m-%d")
    every = bars(days, step, half)
    last = int(np.flatnonzero(every < "2024-11-28")[-1]) - cut
    pd.DataFrame({"time": every[: last + 1], "close": 1.0}).to_csv(tmp_path / "x.csv", index=False)
    panel = fc.read(tmp_path / "x.csv", tz="America/New_York", calendar="XNYS")
    assert {"calendar"} == {one.code for one in panel.findings} & {
        "calendar",
        "assumed-stamps",
        "not-a-session",
        "missing-session",
    }
    assert "of trading sessions of XNYS" in " ".join(map(str, panel.findings))
    ahead = panel.stamps(panel.ends(), len(every) - last - 1)[0]
    assert (
        ahead
        == every[last + 1 :].tz_localize("America/New_York").tz_convert("UTC").tz_localize(None).to_numpy()
    ).all()
    later = pd.DatetimeIndex(every[every > "2024-11-29 12:00"][:1])  # a row of the half day, alone
    pd.DataFrame({"time": later, "close": 2.0}).to_csv(tmp_path / "new.csv", index=False)
    newer = fc.read(tmp_path / "new.csv", panel.reading, clock=panel.clock)
    assert newer.clock == panel.clock


def schedule(name, first, last, step):
    """Local stamps of the bars of an exchange with a lunch break, part by part as exchange_calendars gives them."""
    from forecast.data.exchanges import exchange

    days = exchange(name).schedule.loc[first:last]
    half = days["break_start"].isna()
    starts = pd.concat([days["open"], days["break_end"][~half]]).sort_values()
    ends = pd.concat([days["break_start"].where(~half, days["close"]), days["close"][~half]]).sort_values()
    bars = [
        pd.date_range(start, end, freq=step, inclusive="left")
        for start, end in zip(starts, ends, strict=True)
    ]
    return bars[0].append(bars[1:])


NOISES = {"other-hours", "missing-bar", "missing-session", "not-a-session", "gap"}


@pytest.mark.parametrize(
    ("name", "zone", "step", "first", "last", "sizes"),
    [
        ("XTKS", "Asia/Tokyo", "5min", "2023-04-03", "2024-03-29", (60, 60)),
        (
            "XTKS",
            "Asia/Tokyo",
            "1min",
            "2024-11-05",
            "2024-12-30",
            (330, 330),
        ),  # the 31st to the 3rd have none, and afternoons end at 15:30
        ("XHKG", "Asia/Hong_Kong", "5min", "2023-12-27", "2024-12-23", (30, 66)),  # a half day, two holidays
        ("XHKG", "Asia/Hong_Kong", "30min", "2023-12-27", "2024-12-30", (5, 11)),
        ("XHKG", "Asia/Hong_Kong", "1h", "2023-12-27", "2024-12-31", (6, 6)),  # after a half day
        ("XSHG", "Asia/Shanghai", "15min", "2024-01-02", "2024-09-30", (16, 16)),  # a week of holidays
    ],
)
def test_a_year_of_bars_with_a_lunch_break_goes_on_as_the_exchange_does(
    name, zone, step, first, last, sizes, tmp_path
):
    every = schedule(name, first, "2025-01-31", step)
    known = int(np.count_nonzero(every < pd.Timestamp(last, tz=zone) + pd.Timedelta("1D")))
    ahead = every[known : known + sum(sizes)]
    assert tuple(ahead.tz_convert(zone).to_series().groupby(ahead.tz_convert(zone).date).size()) == sizes
    local = every[:known].tz_convert(zone).tz_localize(None)
    pd.DataFrame({"time": local, "close": np.arange(known) + 100.0}).to_csv(tmp_path / "x.csv", index=False)
    panel = fc.read(tmp_path / "x.csv", tz=zone, calendar=name)
    assert not NOISES & {one.code for one in panel.findings}
    fitted = fc.fit("drift", panel, horizon=sum(sizes))
    assert (pd.DatetimeIndex(fitted.predict(panel).to_frame()["ds"]) == ahead).all()
    save(fitted, tmp_path / "model.safetensors")
    assert fc.load(tmp_path / "model.safetensors").clock == panel.clock


@pytest.mark.parametrize(
    ("name", "zone", "step"), [("XTKS", "Asia/Tokyo", "5min"), ("XHKG", "Asia/Hong_Kong", "1min")]
)
def test_bars_with_a_lunch_break_go_on_without_a_calendar(name, zone, step, tmp_path):
    """Two series, of which one ends in the morning: Thursday and Friday come, then Monday; a bar that is missing is one, the break is not."""
    every = schedule(name, "2023-12-04", "2024-01-31", step).tz_convert(zone)
    known = every[every < pd.Timestamp("2024-01-18", tz=zone)]
    early, hole = (
        known[known < known[-1].normalize() + pd.Timedelta("10h")],
        pd.Timestamp("2024-01-17 14:10", tz=zone),
    )
    frames = [
        pd.DataFrame({"time": t.tz_localize(None), "id": i, "y": 1.0})
        for i, t in (("early", early), ("whole", known.drop(hole)))
    ]
    pd.concat(frames).to_csv(tmp_path / "x.csv", index=False)
    panel = fc.read(tmp_path / "x.csv", tz=zone)
    assert [one.code for one in panel.findings if one.code in NOISES] == ["missing-bar"]
    assert f"whole: a bar is missing in sessions, the first {hole:%Y-%m-%d %H:%M}" in " ".join(
        map(str, panel.findings)
    )
    assert (
        f"{'09:00 to 11:25 and 12:30 to 14:55' if name == 'XTKS' else '09:30 to 11:59 and 13:00 to 15:59'}, holidays"
        in " ".join(map(str, panel.findings))
    )
    ahead = panel.stamps(panel.ends(), 2 * panel.clock.bars)
    for mine, after in zip(ahead, (early, known), strict=True):
        wanted = every[len(after) : len(after) + 2 * panel.clock.bars]
        assert (pd.DatetimeIndex(mine, tz="UTC") == wanted).all()


@pytest.mark.parametrize("calendar", [None, "XNYS"])
def test_bars_in_utc_whose_exchange_changes_its_clocks_are_said(calendar, tmp_path):
    """Of 20 February to 29 March 2024 the 14 sessions before 10 March begin at 14:30 UTC, the 14 after it at 13:30."""
    days = pd.bdate_range("2024-02-20", "2024-03-28").strftime("%Y-%m-%d")
    utc = bars(days, "1h", ()).tz_localize("America/New_York").tz_convert("UTC")
    pd.DataFrame({"time": utc.strftime("%Y-%m-%dT%H:%MZ"), "close": 1.0}).to_csv(
        tmp_path / "x.csv", index=False
    )
    found = {one.code: one for one in fc.read(tmp_path / "x.csv", calendar=calendar).findings}
    assert found["other-hours"].rows[:2] == (2 + 6, 2 + 13)
    assert str(found["other-hours"]).endswith(
        "and 11 more lie outside of 13:30 to 19:30 UTC, the hours of sessions to come (`tz=America/New_York` if the clocks of the exchange change)"
    )
    assert "other-hours" not in {
        one.code for one in fc.read(tmp_path / "x.csv", tz="America/New_York", calendar=calendar).findings
    }


def test_bars_are_compared_with_the_exchange(tmp_path):
    days = (
        pd.bdate_range("2024-06-20", "2024-07-19")
        .difference(pd.to_datetime(["2024-07-10"]))
        .strftime("%Y-%m-%d")
    )
    pd.DataFrame({"time": bars(days, "1h", ()), "close": 1.0}).to_csv(tmp_path / "x.csv", index=False)
    found = {
        one.code: one for one in fc.read(tmp_path / "x.csv", tz="America/New_York", calendar="XNYS").findings
    }
    assert "have days on which XNYS was closed, the first 2024-07-04" in found["not-a-session"].message
    assert (
        "close: no row for 1 session of XNYS, the first 2024-07-10 after row 99;"
        in found["missing-session"].message
    )


@pytest.mark.parametrize("calendar", [None, "XNYS"])
def test_bars_that_are_missing_in_sessions_are_said(calendar, tmp_path):
    """The 3rd of July 2024 was a half day; how late another day ends is known by the calendar alone, and bars of a few days are not missed."""
    days = (
        pd.bdate_range("2024-06-20", "2024-07-19")
        .difference(pd.to_datetime(["2024-07-04"]))
        .strftime("%Y-%m-%d")
    )
    every = (
        bars(days, "5min", ("2024-07-03",))
        .append(pd.DatetimeIndex(["2024-06-21 16:00", "2024-06-21 16:10"]))
        .sort_values()
    )

    def said(times):
        frame = pd.concat(
            [pd.DataFrame({"time": times, "id": name, "y": 1.0}) for name, times in times.items()]
        )
        frame.to_csv(tmp_path / "x.csv", index=False)
        return [
            one
            for one in fc.read(tmp_path / "x.csv", tz="America/New_York", calendar=calendar).findings
            if one.code == "missing-bar"
        ]

    assert not said({"whole": every, "begins and ends within a day": every[3:-3]})
    dropped = pd.to_datetime(["2024-06-25 10:35", "2024-06-25 10:40", "2024-07-02 15:55", "2024-07-03 09:30"])
    (one,) = said({"whole": every, "holes": every.drop(dropped)})
    row = 2 + every.get_loc(
        pd.Timestamp("2024-06-25 10:30")
    )  # its series comes first in the panel, but second in the file
    assert (
        f"holes: {4 if calendar else 2} bars are missing in sessions, the first 2024-06-25 10:35 after row {len(every) + row};"
        in one.message
    )
    assert one.rows[:2] == (len(every) + row,) * 2


@pytest.mark.parametrize(
    ("freq", "calendar", "words"),
    [
        (
            "h",
            "XNYS",
            r"for trading days, one row a session, and for bars of trading hours; these rows are hourly\. Leave it out, or bring the rows to days",
        ),
        ("B", "XNYZ", "There is no exchange 'XNYZ' for `calendar`. Did you mean"),
    ],
)
def test_a_calendar_that_does_not_fit_is_refused(freq, calendar, words, tmp_path):
    pd.DataFrame({"ds": pd.date_range("2024-01-01", periods=60, freq=freq), "y": 1.0}).to_csv(
        tmp_path / "x.csv", index=False
    )
    with pytest.raises(fc.ForecastError, match=words):
        fc.read(tmp_path / "x.csv", calendar=calendar)


def test_a_horizon_beyond_what_is_known_of_an_exchange_is_refused():
    from forecast.data.clock import Clock
    from forecast.data.exchanges import sessions_of

    last = sessions_of("XSHG")[-1:]
    with pytest.raises(fc.ForecastError, match=f"The calendar XSHG is known from 1990-12-.* to {last[0]}"):
        Clock("sessions", "session", calendar="XSHG").after(last.astype("datetime64[ns]"), np.arange(1, 3))


def test_without_the_package_of_calendars_it_is_said_what_to_install(monkeypatch):
    import sys

    from forecast.data.exchanges import exchange

    monkeypatch.setitem(sys.modules, "exchange_calendars", None)
    with pytest.raises(fc.ForecastError, match=r"pip install forecast-toolkit\[market\]"):
        exchange.__wrapped__("XNYS")
