from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from forecast.data.clock import Clock, bar_of, begin_of, in_hours, infer_clock, missing_bars
from forecast.errors import ForecastError


def stamps(*texts):
    return np.array(texts, "datetime64[ns]")


def every(first, count, step):
    return stamps(first) + (np.arange(count) * np.timedelta64(step[0], step[1])).astype("timedelta64[ns]")


@pytest.mark.parametrize(
    ("times", "clock"),
    [
        (every("2024-01-01", 50, (1, "h")), Clock("fixed", "1h")),
        (every("2024-01-01T00:07", 50, (15, "m")), Clock("fixed", "15min")),
        (every("2024-01-01", 50, (1, "D")), Clock("fixed", "1D")),
        (every("2024-01-03", 50, (7, "D")), Clock("fixed", "7D")),
        (every("2024-01-01T00:00:00", 50, (90, "s")), Clock("fixed", "90s")),
        (stamps("2023-11-01", "2023-12-01", "2024-01-01", "2024-02-01"), Clock("calendar", "MS")),
        (stamps("2023-11-30", "2023-12-31", "2024-01-31", "2024-02-29"), Clock("calendar", "ME")),
        (stamps("2023-03-31", "2023-06-30", "2023-09-30", "2023-12-31"), Clock("calendar", "QE")),
        (stamps("2020-01-01", "2021-01-01", "2022-01-01"), Clock("calendar", "YS")),
        (
            np.busday_offset("2024-01-01", np.arange(23)).astype("datetime64[ns]"),
            Clock("calendar", "B"),
        ),
        (
            stamps("2024-01-02", "2024-01-03", "2024-01-04", "2024-01-05", "2024-01-09", "2024-01-10"),
            Clock("sessions", "session"),
        ),
    ],
)
def test_the_clock_is_inferred_from_all_stamps(times, clock):
    assert infer_clock([times]) == clock


def test_the_majority_of_steps_decides_not_the_first():
    times = np.concatenate(
        [stamps("2024-01-01T00", "2024-01-01T05", "2024-01-01T09"), every("2024-01-02", 30, (1, "h"))]
    )
    assert infer_clock([times]) == Clock("fixed", "1h")


@pytest.mark.parametrize(
    ("clock", "last", "following"),
    [
        (Clock("fixed", "1h"), "2024-02-28T23", ("2024-02-29T00", "2024-02-29T01")),
        (Clock("calendar", "MS"), "2024-12-01", ("2025-01-01", "2025-02-01")),
        (Clock("calendar", "ME"), "2024-01-31", ("2024-02-29", "2024-03-31")),
        (Clock("calendar", "QE"), "2024-06-30", ("2024-09-30", "2024-12-31")),
        (Clock("calendar", "YS"), "2024-01-01", ("2025-01-01", "2026-01-01")),
        (Clock("calendar", "B"), "2024-03-01", ("2024-03-04", "2024-03-05")),
        (Clock("sessions", "session"), "2024-03-01", ("2024-03-04", "2024-03-05")),
    ],
)
def test_the_next_stamps(clock, last, following):
    assert (clock.after(stamps(last), np.array([1, 2]))[0] == stamps(*following)).all()


def test_position_is_the_inverse_of_after():
    for clock, first in (
        (Clock("fixed", "15min"), "2024-01-01T00:07"),
        (Clock("calendar", "ME"), "2023-01-31"),
        (Clock("calendar", "B"), "2024-01-05"),
    ):
        times = clock.after(stamps(first), np.arange(40))[0]
        assert (clock.position(times) == np.arange(40)).all()


def test_a_stamp_off_the_grid_has_no_position():
    assert Clock("fixed", "1h").position(stamps("2024-01-01T00", "2024-01-01T01:30"))[1] == -1
    assert Clock("calendar", "MS").position(stamps("2024-01-01", "2024-02-02"))[1] == -1


@pytest.mark.parametrize(
    ("clock", "horizon", "seasons"),
    [
        (Clock("fixed", "1h"), 24, (24, 168)),
        (Clock("fixed", "10min"), 144, (144, 1008)),
        (Clock("fixed", "1s"), 288, (86400, 604800)),
        (Clock("fixed", "1D"), 7, (7,)),
        (Clock("fixed", "7D"), 4, (52,)),
        (Clock("calendar", "MS"), 12, (12,)),
        (Clock("calendar", "QE"), 4, (4,)),
        (Clock("sessions", "session"), 5, (5,)),
        (Clock("step"), 10, ()),
    ],
)
def test_defaults_of_a_clock(clock, horizon, seasons):
    assert clock.horizon == horizon
    assert clock.seasons == seasons


@pytest.mark.parametrize(
    ("span", "steps"), [(None, 24), (5, 5), ("36", 36), ("48h", 48), ("2D", 48), ("7d", 168), ("12H", 12)]
)
def test_a_horizon_in_words(span, steps):
    assert Clock("fixed", "1h").steps(span) == steps


@pytest.mark.parametrize(
    ("clock", "span", "message"),
    [
        (Clock("fixed", "1h"), "90min", "no whole number of steps: these data are hourly"),
        (Clock("fixed", "1h"), "0", "a number of steps, 1 or more"),
        (Clock("fixed", "1h"), "soon", "such as 24h or 7d; found 'soon'"),
        (Clock("step"), "3h", "on rows in order, without dates give a number of steps"),
    ],
)
def test_a_horizon_that_makes_no_sense_is_refused(clock, span, message):
    with pytest.raises(ForecastError, match=message):
        clock.steps(span)


def test_harmonics_repeat_with_their_cycle():
    hours = every("2024-05-05", 60, (1, "h"))
    waves = Clock("fixed", "1h").harmonics(hours, "day", 2)
    assert waves.shape == (60, 4)
    assert np.allclose(waves[:24], waves[24:48])
    assert np.allclose(waves[6, 0], 1)  # six in the morning: a quarter of the day
    assert np.allclose(
        Clock("step").harmonics(np.arange(20), 10.0, 1)[:10],
        Clock("step").harmonics(np.arange(20), 10.0, 1)[10:],
    )


BARS = Clock("sessions", "5min", opens=570 * 60 * 10**9, bars=78)  # 09:30 to 15:55


def sessions(first="2024-01-02", days=15, opens="09:30", bars=78, minutes=5, skip=()):
    """Bars of every weekday from `first` on but those that are skipped."""
    dates = np.delete(np.busday_offset(first, np.arange(days)), list(skip))
    hour = np.timedelta64(int(opens[:2]) * 60 + int(opens[3:]), "m")
    return (
        (dates[:, None] + hour + np.arange(bars) * np.timedelta64(minutes, "m"))
        .ravel()
        .astype("datetime64[ns]")
    )


def test_bars_of_trading_hours_are_sessions_also_with_holidays_and_holes():
    assert infer_clock([sessions(skip=(4,))]) == BARS
    assert infer_clock([np.delete(sessions(), [5, 100, 333]), sessions("2024-01-03", 12)]) == BARS
    assert infer_clock([sessions(opens="10:00", bars=7, minutes=60)]) == Clock(
        "sessions", "1h", opens=10 * 3600 * 10**9, bars=7
    )


@pytest.mark.parametrize(
    "times",
    [
        every("2024-01-01T09:30", 2000, (5, "m")),  # day and night
        sessions(opens="00:00", bars=276),  # nearly all of a weekday: currencies
        np.concatenate(
            [sessions("2024-01-01", 10) + np.timedelta64(day, "D") for day in (0, 2)]
        ),  # weekends too
        sessions(days=4),  # too few to say
        np.delete(sessions(), np.arange(0, 1170, 3)),  # a third of the bars is not there
    ],
)
def test_what_is_no_session_keeps_its_fixed_step(times):
    assert infer_clock([np.unique(times)]) == Clock("fixed", "5min")


MINUTE = 60 * 10**9


def parts(*hours, first="2024-01-02", days=15, step=5):
    """Bars of weekdays in each of several parts of the day: ("09:00", "11:30"), each without the bar that begins at its end."""
    dates = np.busday_offset(first, np.arange(days))
    ends = [[np.timedelta64(int(hour[:2]) * 60 + int(hour[3:]), "m") for hour in part] for part in hours]
    minutes = np.concatenate([np.arange(start, end, np.timedelta64(step, "m")) for start, end in ends])
    return (dates[:, None] + minutes).ravel().astype("datetime64[ns]")


TOKYO, HONG_KONG, SHANGHAI = (
    (("09:00", "11:30"), ("12:30", "15:00")),
    (("09:30", "12:00"), ("13:00", "16:00")),
    (("09:30", "11:30"), ("13:00", "15:00")),
)


@pytest.mark.parametrize(
    ("hours", "step", "bars", "pauses"),
    [
        (TOKYO, 5, 60, ((30, 60),)),
        (TOKYO, 1, 300, ((150, 60),)),
        (HONG_KONG, 30, 11, ((5, 60),)),
        (HONG_KONG, 60, 6, ((3, 30),)),  # the third hour would end in the break: no bar is longer than a step
        (SHANGHAI, 60, 4, ((2, 90),)),
        (
            (("09:00", "11:31"), ("12:30", "15:25"), ("15:30", "15:31")),
            1,
            327,
            ((151, 59), (326, 5)),
        ),  # with both auctions that close a part
        (
            (("09:00", "15:20"), ("15:30", "15:31")),
            1,
            381,
            ((380, 10),),
        ),  # a tenth of the day is not needed where all days have it
    ],
)
def test_bars_with_a_break_are_sessions_that_leave_it_out(hours, step, bars, pauses):
    """Every bar is the next of the one before it, for a whole fortnight; so are those that come, one by one."""
    times = parts(*hours, step=step)
    clock = infer_clock([times[: -2 * bars]])
    opens = int(hours[0][0][:2]) * 60 + int(hours[0][0][3:])
    lasting = tuple((before, lasts * MINUTE) for before, lasts in pauses)
    assert clock == Clock(
        "sessions", "1h" if step == 60 else f"{step}min", opens=opens * MINUTE, bars=bars, pauses=lasting
    )
    assert (
        clock.after(times[-2 * bars - 1 : -2 * bars], np.arange(1, 2 * bars + 1))[0] == times[-2 * bars :]
    ).all()
    number = bar_of(times, clock)
    assert (number == np.tile(np.arange(bars), 15)).all()
    assert (times.astype("datetime64[D]") + begin_of(number, clock).astype("timedelta64[ns]") == times).all()
    assert in_hours(times, clock).all()
    assert not len(missing_bars(times, clock)[0])


def test_what_lies_in_a_break_comes_after_the_bar_before_it():
    clock = infer_clock([parts(*TOKYO)])
    noon = stamps("2024-01-03T11:25", "2024-01-03T11:30", "2024-01-03T12:29", "2024-01-03T12:30")
    assert bar_of(noon, clock).tolist() == [29, 29, 29, 30]
    assert in_hours(noon, clock).tolist() == [True, False, False, True]
    assert (
        clock.after(noon, np.array([1]))[:, 0].tolist()
        == stamps(*3 * ["2024-01-03T12:30"], "2024-01-03T12:35").tolist()
    )
    assert clock.words == "every 5min of trading sessions, 60 a session with a break"


def test_a_break_that_has_moved_or_was_dropped_leaves_sessions():
    """Hong Kong until 2012: 12:30 to 14:30, then 12:00 to 13:00; Singapore gave its break up in 2011."""
    moved = np.concatenate(
        [
            parts(("10:00", "12:30"), ("14:30", "16:00"), days=10),
            parts(*HONG_KONG, first="2024-01-16", days=14),
        ]
    )
    clock = infer_clock([moved])
    assert (clock.bars, clock.pauses) == (66, ((30, 60 * MINUTE),))
    assert np.count_nonzero(~in_hours(moved, clock)) == 10 * 6
    dropped = np.concatenate(
        [
            parts(("09:00", "12:30"), ("14:00", "17:00"), days=14),
            parts(("09:00", "17:00"), first="2024-01-22", days=10),
        ]
    )
    clock = infer_clock([dropped])
    assert (clock.bars, clock.pauses) == (78, ((42, 90 * MINUTE),))
    assert np.count_nonzero(~in_hours(dropped, clock)) == 10 * 18
    assert not len(missing_bars(dropped, clock)[0])


def test_a_bar_that_is_missing_on_most_days_is_no_break():
    times = sessions(days=10)
    assert infer_clock([np.delete(times, 40 + 78 * np.arange(8))]) == BARS
    assert infer_clock([np.delete(times, 40 + 78 * np.arange(10))]) == replace(
        BARS, bars=77, pauses=((40, 5 * MINUTE),)
    )


def test_the_bars_after_the_last_are_those_of_the_next_weekday():
    friday = stamps("2024-03-01T15:50")
    assert (
        BARS.after(friday, np.array([1, 2, 79]))[0]
        == stamps("2024-03-01T15:55", "2024-03-04T09:30", "2024-03-04T15:55")
    ).all()
    assert (
        BARS.after(stamps("2024-03-02T11:00"), np.array([1]))[0] == stamps("2024-03-04T09:30")
    ).all()  # a Saturday


def test_sessions_keep_the_hours_of_their_place():
    """New York puts its clocks forward on 10 March 2024: 09:30 is 14:30 UTC before it and 13:30 after."""
    utc = np.concatenate(
        [sessions("2024-02-26", 10, opens="14:30"), sessions("2024-03-11", 10, opens="13:30")]
    )
    clock = infer_clock([utc], "America/New_York")
    assert clock == Clock("sessions", "5min", "America/New_York", opens=BARS.opens, bars=78)
    assert (clock.after(stamps("2024-03-08T20:55"), np.array([1]))[0] == stamps("2024-03-11T13:30")).all()


def week(opens, closes, first="2024-01-01", days=120, step=60, zone="UTC", skip=()):
    """Bars of the hours of the week from `opens` to before `closes`, each (weekday from Monday = 0, hour), of a place, in UTC; without some dates."""
    times = pd.date_range(first, periods=days * 1440 // step, freq=f"{step}min", tz="UTC")
    local = times.tz_convert(zone)
    hour = 24 * local.day_of_week + local.hour
    since = (hour - 24 * opens[0] - opens[1]) % 168
    kept = (since < (24 * (closes[0] - opens[0]) + closes[1] - opens[1]) % 168) & ~local.normalize().isin(
        pd.to_datetime(list(skip)).tz_localize(zone)
    )
    return times[kept].tz_localize(None).to_numpy().astype("datetime64[ns]")


CURRENCIES = ((6, 22), (4, 22))  # Sunday 22:00 to Friday 22:00
HOUR = 60 * MINUTE


@pytest.mark.parametrize(
    ("times", "clock", "seasons"),
    [
        (week(*CURRENCIES), Clock("sessions", "1h", "", "1000000", 166 * HOUR, 120), (24, 120)),
        (
            week(*CURRENCIES, days=35, step=15),
            Clock("sessions", "15min", "", "1000000", 166 * HOUR, 480),
            (96, 480),
        ),
        (
            week((6, 20), (5, 0), step=240),
            Clock("sessions", "4h", "", "1000000", 164 * HOUR, 31),
            (6, 31),
        ),
        (week((0, 0), (5, 0)), Clock("sessions", "1h", "", "1000000", 0, 120), (24, 120)),
        (
            week(*CURRENCIES, days=364, skip=("2024-03-29", "2024-05-01")),
            Clock("sessions", "1h", "", "1000000", 166 * HOUR, 120),
            (24, 120),
        ),
    ],
)
def test_a_weekend_that_a_file_keeps_is_a_pause_of_its_sessions(times, clock, seasons):
    """Every bar is the next of the one before it, over weekends too; so are those that come."""
    assert infer_clock([times]) == clock
    assert (clock.seasons, clock.horizon) == (seasons, seasons[0])
    late = times[-3 * clock.bars :]
    assert (clock.after(late[:1], np.arange(len(late)))[0] == late).all()
    assert in_hours(times, clock).all()
    assert [clock.steps(span) for span in ("1 session", "1W", 7)] == [*seasons, 7]
    assert clock.words == f"every {clock.freq} of trading weeks, {clock.bars} a week"


def test_a_file_that_lacks_some_weekends_keeps_its_fixed_step():
    """Five weeks, of which all but one lack Saturday and Sunday; and a fortnight of ten series that lacks one weekend."""
    times = week((0, 0), (5, 0), days=35)
    weekend = every("2024-01-13T00", 48, (1, "h"))
    assert infer_clock([np.union1d(times, weekend)]) == Clock("fixed", "1h")
    assert infer_clock(10 * [week((0, 0), (5, 0), days=14)]) == Clock("fixed", "1h")


def test_a_week_with_a_break_every_night_keeps_the_hours_of_its_place():
    """Futures in Chicago: Sunday 17:00 to Friday 16:00 but for an hour each day; the clocks go forward on 10 March 2024."""
    times = week((6, 17), (4, 16), zone="America/Chicago")
    local = pd.DatetimeIndex(times).tz_localize("UTC").tz_convert("America/Chicago")
    times = times[local.hour != 16]
    clock = infer_clock([times], "America/Chicago")
    breaks = tuple((23 * day, HOUR) for day in (1, 2, 3, 4))
    assert clock == Clock(
        "sessions", "1h", "America/Chicago", "1000000", (6 * 24 + 17) * HOUR, 115, pauses=breaks
    )
    assert (clock.seasons, clock.horizon) == ((23, 115), 23)
    spring = times[times > np.datetime64("2024-03-01")][:400]
    assert (clock.after(spring[:1], np.arange(400))[0] == spring).all()
    assert not len(missing_bars(local.tz_localize(None).to_numpy()[local.hour != 16], clock)[0])


def test_a_week_that_opens_an_hour_earlier_in_summer():
    """In UTC the hours of New York move in March: the bars outside of the usual ones are known, and stand next to the first bar."""
    times = week((6, 17), (4, 17), zone="America/New_York", days=364)
    clock = infer_clock([times])
    assert (clock.bars, clock.opens) == (120, 165 * HOUR)  # most weeks are those of summer
    odd = times[~in_hours(times, clock)]
    assert {str(stamp)[11:16] for stamp in odd} == {"21:00"}
    assert len(odd) == 18  # Fridays in winter
    assert not len(missing_bars(times, clock)[0])
    winter = infer_clock([times[times < np.datetime64("2024-03-01")]])
    early = stamps("2024-07-07T21:00")  # before the hours of winter, in its week
    assert bar_of(early, winter).tolist() == [-1]
    assert winter.after(early, np.array([1]))[0] == stamps("2024-07-07T23:00")


def test_defaults_of_bars():
    assert (BARS.horizon, BARS.seasons, BARS.cycles) == (78, (78, 390), ("day", "week", "year"))
    assert not BARS.dated
    assert BARS.assumed
    assert [BARS.steps(span) for span in ("1h", "390min", "2 sessions", 12)] == [12, 78, 156, 12]
    with pytest.raises(
        ForecastError, match="on every 5min of trading sessions, 78 a session give a number of steps"
    ):
        BARS.steps("1D")
