"""Time zones: their names, and UTC moments as local time and back."""

import datetime
import re
import zoneinfo
from typing import Any

import numpy as np
import pandas as pd

from forecast.arrays import Array
from forecast.errors import ForecastError, nearest


def timezone_of(name: str) -> datetime.tzinfo:
    """The zone of a name such as Europe/Paris, UTC or +02:00."""
    found = re.fullmatch(r"(?:UTC|GMT)?([+-])(\d{1,2}):?(\d{2})?", name)
    if found:
        minutes = int(found[2]) * 60 + int(found[3] or 0)
        return datetime.timezone(datetime.timedelta(minutes=-minutes if found[1] == "-" else minutes))
    try:
        return zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        known = sorted(zoneinfo.available_timezones())
        hint = nearest(name, known).split(" There is:")[0]
        raise ForecastError(
            f"There is no time zone {name!r} for `tz`.{hint} A zone is a name such as"
            " Europe/Paris, or an offset such as +02:00."
        ) from None


def to_local(times: Array, zone: str) -> Array:
    """Wall-clock time datetime64[ns] of UTC moments of any shape; unchanged where `zone` is ""."""
    if not zone:
        return times
    index = pd.DatetimeIndex(times.ravel()).tz_localize("UTC").tz_convert(timezone_of(zone)).tz_localize(None)
    return index.to_numpy().astype("datetime64[ns]").reshape(times.shape)


def placed(times: Array, zone: str) -> Any:
    """UTC moments (n,) as stamps of a place that know their offset, a DatetimeIndex; unchanged
    where `zone` is "".
    """
    return pd.DatetimeIndex(times).tz_localize("UTC").tz_convert(timezone_of(zone)) if zone else times


def unplaced(column: "pd.Series[Any]") -> Array:
    """UTC moments datetime64[ns] (n,) of what `placed` gave, or stamps and steps as they are."""
    if isinstance(column.dtype, pd.DatetimeTZDtype):
        column = column.dt.tz_convert("UTC").dt.tz_localize(None)
    return column.to_numpy()


def to_utc(wall: Array, zone: str) -> Array:
    """UTC moments datetime64[ns] of wall-clock time of any shape: of a repeated hour the first, of
    one that does not exist the next that does.
    """
    if not zone:
        return wall
    index = pd.DatetimeIndex(wall.ravel())
    found = index.tz_localize(
        timezone_of(zone), ambiguous=np.ones(len(index), bool), nonexistent="shift_forward"
    ).tz_convert("UTC")
    return found.tz_localize(None).to_numpy().astype("datetime64[ns]").reshape(wall.shape)
