"""The sessions of exchanges, as the package exchange_calendars knows them: which days were traded, and which will be."""

import warnings
from functools import lru_cache

import numpy as np
import pandas as pd

from forecast.errors import ForecastError, nearest
from forecast.files import Array

YEARS = ("1970-01-01", "2049-12-31")  # of a calendar that has no bounds of its own


@lru_cache
def sessions_of(name: str) -> Array:
    """The sessions of an exchange such as XNYS, datetime64[D] (n,), rising: as far back and ahead as its calendar is known."""
    try:
        import exchange_calendars
    except ImportError:
        raise ForecastError("--calendar needs the package exchange_calendars: pip install forecast-toolkit[market].") from None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it uses what pandas is about to take away
        try:
            known = exchange_calendars.get_calendar(name)
        except exchange_calendars.errors.InvalidCalendarName:
            names = exchange_calendars.get_calendar_names()
            hint = nearest(name, names).split(" There is:")[0]
            raise ForecastError(f"There is no exchange {name!r} for --calendar.{hint} XNYS is New York, XLON London, XPAR Paris.") from None
        low, high = known.bound_min(), known.bound_max()
        start = max(pd.Timestamp(YEARS[0]), low or pd.Timestamp.min)
        end = min(pd.Timestamp(YEARS[1]), high or pd.Timestamp.max)
        found = exchange_calendars.get_calendar(name, start=start, end=end).sessions
    return found.to_numpy().astype("datetime64[D]")


@lru_cache
def holidays_of(name: str) -> np.busdaycalendar:
    """The same as a calendar of NumPy in which each day that is no session is a holiday."""
    sessions = sessions_of(name)
    return np.busdaycalendar("1111111", np.setdiff1d(np.arange(sessions[0], sessions[-1]), sessions))


def sessions_after(name: str, days: Array, offsets: Array) -> Array:
    """The session `offsets` (m,) sessions after each day (..., 1), or after the last session before it.

    Raises ForecastError where the calendar does not reach so far.
    """
    sessions = sessions_of(name)
    ahead = np.busday_offset(np.maximum(days, sessions[0]), offsets, roll="backward", busdaycal=holidays_of(name))
    if ahead.size and (ahead.max() > sessions[-1] or days.min() < sessions[0]):
        raise ForecastError(
            f"The calendar {name} is known from {sessions[0]} to {sessions[-1]}; {days.min()} to {ahead.max()} is asked of it. Leave --calendar out,"
            f" or take a newer exchange_calendars."
        )
    return ahead
