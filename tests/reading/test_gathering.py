"""Readings that are gathered into steps, and steps that are not those of a clock of hours: what people's files hold."""

import numpy as np
import pandas as pd
import pytest

from forecast.data.clock import Clock
from forecast.data.every import every_of
from forecast.data.findings import ReadingError
from forecast.errors import ForecastError
from forecast.reading.door import read


def found(panel, code):
    return [finding for finding in panel.findings if finding.code == code]


def daily(first: str, last: str) -> pd.DataFrame:
    days = pd.date_range(first, last, freq="D")
    return pd.DataFrame({"ds": days, "y": np.ones(len(days))})


@pytest.mark.parametrize("how", ["sum", "mean", "max", "min", "last"])
def test_the_step_in_progress_is_left_out_and_reported(how):
    panel = read(daily("2023-01-01", "2024-05-24"), every="M", how=how)
    assert str(panel.times[-1])[:10] == "2024-04-01"
    if how == "sum":
        assert panel.values[:, 0].tolist()[:3] == [31, 28, 31]
        assert panel.values[-1, 0] == 30
    said = found(panel, "in-progress")
    assert [(one.severity, one.rows, one.example) for one in said] == [("warning", (509,), "2024-05-01")]
    assert "2024-05-24" in said[0].message
    whole = read(daily("2023-01-01", "2024-05-31"), every="M", how=how)
    assert str(whole.times[-1])[:10] == "2024-05-01"
    assert not found(whole, "in-progress")


def test_each_series_ends_with_its_own_whole_step():
    one = daily("2023-01-01", "2023-06-30").assign(id="a")
    two = daily("2023-01-01", "2023-06-10").assign(id="b")
    panel = read(pd.concat([one, two]), every="M", how="sum", id="id")
    assert panel.lengths.tolist() == [6, 5]


def test_a_target_in_progress_is_left_out_where_columns_are_known_ahead():
    frame = daily("2023-01-01", "2023-06-30").assign(plan=1.0)
    frame.loc[frame.ds > "2023-05-24", "y"] = np.nan
    panel = read(frame, every="M", how="sum", future="plan")
    assert panel.values[:, 0].tolist()[:4] == [31, 28, 31, 30]
    assert np.isnan(panel.values[4:, 0]).all()
    assert panel.values[:, 1].tolist() == [31, 28, 31, 30, 31, 30]


def test_a_file_without_a_whole_step_is_refused():
    with pytest.raises(ReadingError, match=r"No step is over \(monthly\): .* Give the rows of a whole step"):
        read(daily("2023-01-01", "2023-01-20"), every="M", how="sum")


def test_two_steps_are_enough_to_see_that_the_last_one_is_in_progress():
    panel = read(daily("2023-01-20", "2023-03-10"), every="M", how="sum")
    assert str(panel.times[-1])[:10] == "2023-02-01"
    assert found(panel, "in-progress")
    two = read(daily("2023-01-05", "2023-02-20"), every="M", how="sum")
    assert len(two.times) == 1


def test_a_sum_of_fewer_readings_is_scaled_up_and_reported():
    hours = pd.date_range("2024-01-01", periods=24 * 20, freq="h")
    frame = pd.DataFrame({"ds": hours, "y": np.ones(len(hours))}).drop(index=range(48, 54))
    panel = read(frame, every="1D", how="sum")
    assert panel.values[:, 0].tolist() == [24] * 20
    assert "1 of 20 steps, the first 2024-01-03 with 18 of 24" in found(panel, "scaled-sum")[0].message
    assert not found(read(frame, every="1D", how="mean"), "scaled-sum")


def test_a_day_of_23_hours_is_whole():
    moments = pd.date_range("2024-03-25 23:00", "2024-04-05 21:00", freq="h", tz="UTC")
    frame = pd.DataFrame({"ds": moments, "y": np.ones(len(moments))})
    panel = read(frame, every="1D", how="sum", tz="Europe/Paris")
    days = dict(
        zip(panel.times.astype("datetime64[D]").astype(str).tolist(), panel.values[:, 0], strict=True)
    )
    assert days["2024-03-31"] == 23
    assert days["2024-03-30"] == days["2024-04-01"] == 24
    assert not found(panel, "scaled-sum")


def test_trading_days_of_a_month_are_no_missing_readings():
    days = pd.bdate_range("2022-01-03", "2023-12-29")
    panel = read(pd.DataFrame({"ds": days, "y": np.ones(len(days))}), every="M", how="sum")
    counts = pd.Series(1, days).groupby(days.to_period("M")).sum()
    assert panel.values[:, 0].tolist() == counts.tolist()
    assert not found(panel, "scaled-sum") + found(panel, "in-progress")


@pytest.mark.parametrize(
    ("every", "first", "kind"),
    [
        ("W", "2022-01-03", Clock("fixed", "7D")),
        ("W-SUN", "2022-01-03", Clock("fixed", "7D")),
        ("W-SAT", "2022-01-02", Clock("fixed", "7D")),
        ("w-sat", "2022-01-02", Clock("fixed", "7D")),
        ("2W-WED", "2021-12-30", Clock("fixed", "14D")),
        ("M", "2022-01-01", Clock("calendar", "MS")),
        ("ME", "2022-01-31", Clock("calendar", "ME")),
        ("Q-NOV", "2021-12-01", Clock("calendar", "QS")),
        ("QE-NOV", "2022-02-28", Clock("calendar", "QE")),
        ("QS-DEC", "2021-12-01", Clock("calendar", "QS")),
        ("QE", "2022-03-31", Clock("calendar", "QE")),
        ("6M", "2022-01-01", Clock("calendar", "HS")),
        ("YE-JUN", "2022-06-30", Clock("calendar", "YE")),
        ("YS-JUL", "2021-07-01", Clock("calendar", "YS")),
        ("A-JUN", "2021-07-01", Clock("calendar", "YS")),
    ],
)
def test_weeks_quarters_and_years_begin_where_they_are_said_to(every, first, kind):
    frame = daily("2022-01-03", "2024-12-31").assign(y=np.arange(1094.0))
    panel = read(frame, every=every)
    assert str(panel.times[0])[:10] == first
    assert panel.clock == kind
    assert (np.diff(panel.times) > np.timedelta64(0)).all()
    steps = every_of(every)
    begin = steps.begin(frame.ds.to_numpy())
    means = frame.groupby(begin).y.mean().iloc[1 : len(panel.times) - 1]
    assert panel.values[1 : 1 + len(means), 0].tolist() == means.tolist()
    assert steps.label(begin)[0] == panel.times[0]


@pytest.mark.parametrize(
    ("every", "words"),
    [
        ("W-XXX", r"`every=W-XXX` names no weekday.*: found 'XXX'\. There is: MON, TUE"),
        ("Q-FOO", r"`every=Q-FOO` names no month after the dash: found 'FOO'\. There is: JAN"),
        ("M-SAT", r"A step of 'M-SAT' is none that there is: a weekday stands after W alone"),
        ("1h-SAT", "A step of '1h-SAT' is none"),
        ("BM", "A span is a number and one of s, min, h, D, W, M"),
        ("5M", "A step of '5M' is none that a clock here has"),
    ],
)
def test_a_step_that_there_is_not_is_refused(every, words):
    with pytest.raises(ForecastError, match=words):
        read(daily("2022-01-03", "2024-12-31"), every=every)


def test_newer_rows_fall_into_the_same_weeks():
    first = read(daily("2022-01-03", "2022-12-31"), every="W-SAT", how="sum")
    newer = read(daily("2023-01-01", "2023-01-14"), first.reading, clock=first.clock)
    assert (newer.times[0] - first.times[-1]) == np.timedelta64(7, "D")
    assert newer.values[:, 0].tolist() == [7, 7]


def hours_of_days(hours, cells) -> pd.DataFrame:
    days = pd.date_range("2024-01-01", periods=30, freq="D")
    rows = [(day.date(), cell, day.day) for day in days for cell in cells(hours)]
    return pd.DataFrame(rows, columns=["date", "hour", "mwh"])


@pytest.mark.parametrize("cells", [list, lambda hours: [f"{hour:02}:00" for hour in hours]])
def test_hours_from_1_to_24_name_the_end(tmp_path, cells):
    hours_of_days(range(1, 25), cells).to_csv(tmp_path / "x.csv", index=False)
    panel = read(tmp_path / "x.csv", every="1D")
    assert panel.values[:, 0].tolist() == list(range(1, 31))
    assert "a stamp names the end of its reading" in found(panel, "every")[0].message
    started = read(tmp_path / "x.csv", every="1D", stamp="start")
    assert started.values[1, 0] != 2


def test_stamps_of_one_column_that_go_to_24_name_the_end(tmp_path):
    rows = [f"2024-01-{day:02} {hour:02}:00,{day}" for day in range(1, 31) for hour in range(1, 25)]
    (tmp_path / "x.csv").write_text("\n".join(["when,mwh", *rows]))
    assert read(tmp_path / "x.csv", every="1D").values[:, 0].tolist() == list(range(1, 31))


def test_the_user_can_say_that_a_stamp_names_the_end():
    times = pd.date_range("2024-01-01 01:00", periods=24 * 30, freq="h")
    frame = pd.DataFrame({"ds": times, "mwh": np.repeat(np.arange(1.0, 31), 24)})
    assert read(frame, every="1D", stamp="end").values[:, 0].tolist() == list(range(1, 31))
    assert read(frame, every="1D").values[1, 0] == pytest.approx(2 - 1 / 24)
    with pytest.raises(ForecastError, match=r"`stamp=end` says into which step .* such as `every=1D`"):
        read(frame, stamp="end")
    with pytest.raises(ForecastError, match="`stamp=middle`: a stamp names the `start` or the `end`"):
        read(frame, every="1D", stamp="middle")


def sixty_then_fifteen() -> pd.DataFrame:
    hours = pd.date_range("2025-09-01", periods=24 * 30, freq="h")
    quarters = pd.date_range("2025-10-01", periods=96 * 40, freq="15min")
    times = hours.append(quarters)
    return pd.DataFrame({"time": times, "price": np.arange(float(len(times)))})


def test_the_step_is_looked_for_part_by_part():
    frame = sixty_then_fifteen()
    panel = read(frame, every="1h")
    assert len(panel.times) == 24 * 70
    assert panel.values[: 24 * 30, 0].tolist() == list(range(24 * 30))
    assert panel.values[24 * 30, 0] == np.mean([720, 721, 722, 723])
    assert not found(panel, "few-readings")
    said = found(panel, "step-change")
    assert [(one.rows, one.example) for one in said] == [((720,), "2025-10-01")]
    assert "rows are 1h apart, and 15min from" in said[0].message
    assert found(read(frame), "step-change")[0].remedy == "(`every` brings them to one step)"


def test_too_few_readings_of_a_part_are_missing_still():
    frame = sixty_then_fifteen().drop(index=[2001, 2002, 2003])
    panel = read(frame, every="1h")
    assert np.isnan(panel.values[:, 0]).sum() == 1


def test_a_file_of_one_step_with_gaps_has_no_change_of_it():
    frame = sixty_then_fifteen().iloc[:720].drop(index=range(100, 140))
    assert not found(read(frame), "step-change")


def test_stamps_near_a_step_are_moved_to_it_on_request():
    early = pd.date_range("2024-11-19 23:59", periods=300, freq="h")
    late = pd.date_range("2024-12-02 12:00", periods=300, freq="h")
    frame = pd.DataFrame({"ds": early.append(late), "y": np.arange(600.0)})
    with pytest.raises(
        ReadingError, match=r"not on the grid .* move them to the nearest with `round=1h`, or mend"
    ):
        read(frame)
    panel = read(frame, round="1h")
    assert str(panel.times[0]) == "2024-11-20T00:00:00.000000000"
    assert len(panel.times) == 600
    assert panel.values[:, 0].tolist() == list(range(600))
    assert found(panel, "rounded")[0].message == "300 stamps moved to the nearest 1h, by 1min at most"
    with pytest.raises(ForecastError, match="`round=M`: stamps are moved to a number of s, min, h or D"):
        read(frame, round="M")


def test_days_are_rounded_in_the_time_of_their_place():
    times = pd.date_range("2024-03-01 00:02", periods=60, freq="D")
    panel = read(pd.DataFrame({"ds": times, "y": np.arange(60.0)}), round="1D", tz="Europe/Madrid")
    assert str(panel.times[0])[:16] == "2024-03-01T00:00"
    assert panel.clock.freq == "1D"


def dekads(days) -> list[pd.Timestamp]:
    months = pd.date_range("2015-01-01", periods=40, freq="MS")
    return [day for month in months for day in days(month)]


@pytest.mark.parametrize(
    ("days", "clock", "words", "ahead"),
    [
        (
            lambda m: [m, m + pd.Timedelta("10D"), m + pd.Timedelta("20D")],
            Clock("calendar", "TS"),
            "three times a month",
            ["2018-05-01", "2018-05-11", "2018-05-21", "2018-06-01"],
        ),
        (
            lambda m: [m + pd.Timedelta("9D"), m + pd.Timedelta("19D"), m + pd.offsets.MonthEnd(0)],
            Clock("calendar", "TE"),
            "three times a month",
            ["2018-05-10", "2018-05-20", "2018-05-31", "2018-06-10"],
        ),
        (
            lambda m: [m, m + pd.Timedelta("15D")],
            Clock("calendar", "FS"),
            "twice a month",
            ["2018-05-01", "2018-05-16", "2018-06-01", "2018-06-16"],
        ),
        (
            lambda m: [m + pd.Timedelta("14D"), m + pd.offsets.MonthEnd(0)],
            Clock("calendar", "FE"),
            "twice a month",
            ["2018-05-15", "2018-05-31", "2018-06-15", "2018-06-30"],
        ),
    ],
)
def test_parts_of_months_are_a_calendar(days, clock, words, ahead):
    times = pd.DatetimeIndex(dekads(days))
    panel = read(pd.DataFrame({"ds": times, "y": np.arange(float(len(times)))}))
    assert (panel.clock, panel.clock.words) == (clock, words)
    coming = panel.stamps(panel.ends(), 4)[0].astype("datetime64[D]")
    assert coming.astype(str).tolist() == ahead
    assert (panel.clock.position(panel.times) == np.arange(len(times))).all()
    assert panel.clock.steps("3M") == 3 * len(days(pd.Timestamp("2015-01-01")))
    gap = read(pd.DataFrame({"ds": times, "y": 1.0}).drop(index=50))
    assert len(gap.times) == len(times)
    assert (gap.times == times.to_numpy()).all()


def test_half_years_are_a_calendar():
    times = pd.DatetimeIndex([f"{year}-{day}" for year in range(2000, 2020) for day in ("06-30", "12-31")])
    panel = read(pd.DataFrame({"ds": times, "y": np.arange(40.0)}))
    assert (panel.clock, panel.clock.words) == (Clock("calendar", "HE"), "half-yearly")
    assert panel.stamps(panel.ends(), 2)[0].astype("datetime64[D]").astype(str).tolist() == [
        "2020-06-30",
        "2020-12-31",
    ]
    assert (panel.clock.seasons, panel.clock.steps("1Y")) == ((2,), 2)


@pytest.mark.parametrize(("days", "parts", "season"), [(8, 46, (46,)), (16, 23, (23,))])
def test_periods_of_satellites_begin_anew_each_year(days, parts, season):
    times = [
        pd.Timestamp(f"{year}-01-01") + pd.Timedelta(days=days * i)
        for year in (2022, 2023, 2024)
        for i in range(parts)
    ]
    frame = pd.DataFrame({"ds": times, "y": np.arange(float(len(times)))})
    panel = read(frame)
    assert panel.clock.words == f"every {days} days, anew each year"
    assert panel.clock.seasons == season
    assert panel.values[:, 0].tolist() == list(range(len(times)))
    ahead = panel.clock.after(panel.times[-1:], np.array([1, 2]))[0]
    expected = pd.DatetimeIndex(["2025-01-01", pd.Timestamp("2025-01-01") + pd.Timedelta(days=days)])
    assert np.array_equal(ahead, expected.to_numpy())
    assert panel.clock.steps("1Y") == parts
    gap = read(frame.drop(index=[parts + 3]))
    assert np.isnan(gap.values[parts + 3, 0])
    with pytest.raises(ForecastError, match="no whole number of steps"):
        panel.clock.steps("1M")
    short = read(frame[: parts - 2])  # of one year nobody can tell: a fixed step
    assert short.clock.freq == f"{days}D"
