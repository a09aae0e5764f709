import numpy as np
import pytest

from forecast.data.clock import Clock, infer_clock
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
        (stamps("2024-01-02", "2024-01-03", "2024-01-04", "2024-01-05", "2024-01-09", "2024-01-10"), Clock("sessions", "session")),
    ],
)
def test_the_clock_is_inferred_from_all_stamps(times, clock):
    assert infer_clock([times]) == clock


def test_the_majority_of_steps_decides_not_the_first():
    times = np.concatenate([stamps("2024-01-01T00", "2024-01-01T05", "2024-01-01T09"), every("2024-01-02", 30, (1, "h"))])
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


@pytest.mark.parametrize(("span", "steps"), [(None, 24), (5, 5), ("36", 36), ("48h", 48), ("2D", 48), ("7d", 168), ("12H", 12)])
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
    assert np.allclose(Clock("step").harmonics(np.arange(20), 10.0, 1)[:10], Clock("step").harmonics(np.arange(20), 10.0, 1)[10:])
