"""The sessions of exchanges, as the package exchange_calendars knows them: which days were traded,
which will be, and which end early.
"""

import warnings
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd

from forecast.arrays import Array
from forecast.errors import ForecastError, nearest

YEARS = ("1970-01-01", "2049-12-31")  # of a calendar that has no bounds of its own


@lru_cache
def exchange(name: str) -> Any:
    """The calendar of an exchange such as XNYS, as far back and ahead as it is known."""
    try:
        import exchange_calendars
    except ImportError:
        raise ForecastError(
            "`calendar` needs the package exchange_calendars: pip install forecast-toolkit[market]."
        ) from None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it uses what pandas is about to take away
        try:
            known = exchange_calendars.get_calendar(name)
        except exchange_calendars.errors.InvalidCalendarName:
            names = exchange_calendars.get_calendar_names()
            hint = nearest(name, names).split(" There is:")[0]
            raise ForecastError(
                f"There is no exchange {name!r} for `calendar`.{hint} XNYS is New York, XLON"
                " London, XTKS Tokyo."
            ) from None
        low, high = known.bound_min(), known.bound_max()
        start = max(pd.Timestamp(YEARS[0]), low or pd.Timestamp.min)
        end = min(pd.Timestamp(YEARS[1]), high or pd.Timestamp.max)
        return exchange_calendars.get_calendar(name, start=start, end=end)


@lru_cache
def sessions_of(name: str) -> Array:
    """The sessions of an exchange, datetime64[D] (n,), rising."""
    return exchange(name).sessions.to_numpy().astype("datetime64[D]")


@lru_cache
def early_of(name: str) -> Array:
    """How much earlier than usual each session of an exchange ends, in ns, int64 (n,): 0 but for
    half days.
    """
    known = exchange(name)
    length = (known.closes - known.opens).to_numpy().astype("timedelta64[ns]").astype("int64")
    half = known.sessions.isin(known.early_closes)
    usual = pd.Series(np.where(half, np.nan, length)).ffill().bfill().to_numpy()
    return np.where(half, np.maximum(usual - length, 0), 0).astype("int64")


@lru_cache
def holidays_of(name: str) -> np.busdaycalendar:
    """The same as a calendar of NumPy in which each day that is no session is a holiday."""
    sessions = sessions_of(name)
    return np.busdaycalendar("1111111", np.setdiff1d(np.arange(sessions[0], sessions[-1]), sessions))


def sessions_after(name: str, days: Array, offsets: Array) -> Array:
    """The session `offsets` (m,) sessions after each day (..., 1), or after the last session before
    it.

    Raises ForecastError where the calendar does not reach so far.
    """
    sessions = sessions_of(name)
    ahead = np.busday_offset(
        np.maximum(days, sessions[0]), offsets, roll="backward", busdaycal=holidays_of(name)
    )
    if ahead.size and (ahead.max() > sessions[-1] or days.min() < sessions[0]):
        raise _beyond(name, days, ahead.max())
    return ahead


def bars_after(name: str, days: Array, bar: Array, offsets: Array, counts: Array) -> tuple[Array, Array]:
    """(sessions datetime64[D], bars in them) that lie `offsets` (m,) bars after bar number `bar`
    (..., 1) of `days` (..., 1).

    counts: how many bars each session of the exchange has. A day without a session stands for the
    end of the last one before it.
    Raises ForecastError where the calendar does not reach so far.
    """
    sessions = sessions_of(name)
    before = np.concatenate([[0], np.cumsum(counts)])
    last = np.searchsorted(sessions, days, side="right") - 1
    if days.size and last.min() < 0:
        raise _beyond(name, days, days.max())
    bar = np.where(sessions[last] == days, np.clip(bar, 0, counts[last] - 1), counts[last] - 1)
    place = before[last] + bar + offsets
    if place.size and place.max() >= before[-1]:
        raise _beyond(name, days, sessions[-1] + 1)
    found = np.searchsorted(before, place, side="right") - 1
    return sessions[found], place - before[found]


def _beyond(name: str, days: Array, end: Any) -> ForecastError:
    sessions = sessions_of(name)
    return ForecastError(
        f"The calendar {name} is known from {sessions[0]} to {sessions[-1]}; {days.min()} to"
        f" {end} is asked of it. Leave `calendar` out,"
        f" or take a newer exchange_calendars."
    )
