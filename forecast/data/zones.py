"""From the time as written to moments: UTC where a day has hours, the date of the place where a step is a whole day or longer."""

import datetime
import re
import zoneinfo
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from forecast.data.stamps import Stamps
from forecast.errors import ForecastError, nearest
from forecast.files import Array


@dataclass(frozen=True)
class Moments:
    """times datetime64[ns] (n,): UTC, or local dates · zone: the place of `times`, "" for UTC and for dates · what local time leaves open:
    missing (k,): rows whose local time does not exist · single (k,): rows of a repeated hour that are there once, taken as its first.
    """

    times: Array
    zone: str = ""
    dates: bool = False
    missing: Array | None = None
    single: Array | None = None


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
            f"There is no time zone {name!r} for --tz.{hint} A zone is a name such as Europe/Paris, or an offset such as +02:00."
        ) from None


def to_local(times: Array, zone: str) -> Array:
    """Wall-clock time datetime64[ns] of UTC moments of any shape; unchanged where `zone` is ""."""
    if not zone:
        return times
    index = pd.DatetimeIndex(times.ravel()).tz_localize("UTC").tz_convert(timezone_of(zone)).tz_localize(None)
    return index.to_numpy().astype("datetime64[ns]").reshape(times.shape)


def placed(times: Array, zone: str) -> Any:
    """UTC moments (n,) as stamps of a place that know their offset, a DatetimeIndex; unchanged where `zone` is ""."""
    return pd.DatetimeIndex(times).tz_localize("UTC").tz_convert(timezone_of(zone)) if zone else times


def unplaced(column: "pd.Series[Any]") -> Array:
    """UTC moments datetime64[ns] (n,) of what `placed` gave, or stamps and steps as they are."""
    if isinstance(column.dtype, pd.DatetimeTZDtype):
        column = column.dt.tz_convert("UTC").dt.tz_localize(None)
    return column.to_numpy()


def to_utc(wall: Array, zone: str) -> Array:
    """UTC moments datetime64[ns] of wall-clock time of any shape: of a repeated hour the first, of one that does not exist the next that does."""
    if not zone:
        return wall
    index = pd.DatetimeIndex(wall.ravel())
    found = index.tz_localize(
        timezone_of(zone), ambiguous=np.ones(len(index), bool), nonexistent="shift_forward"
    ).tz_convert("UTC")
    return found.tz_localize(None).to_numpy().astype("datetime64[ns]").reshape(wall.shape)


def to_moments(stamps: Stamps, tz: str, series: Array, dated: bool | None) -> Moments:
    """Moments of stamps. tz: the zone of stamps that do not say theirs, and the place whose dates count.

    series int64 (n,): a repeated local hour is told apart within a series. dated: whether a step is a whole day or longer, None = look.
    """
    zone = tz or stamps.zone
    zone = "" if zone.upper() in ("UTC", "GMT", "Z", "ETC/UTC") else zone
    if stamps.zone or stamps.offset is not None:
        times = (
            stamps.wall if stamps.offset is None else stamps.wall - stamps.offset.astype("timedelta64[ns]")
        )
        local = to_local(times, zone) if zone or stamps.offset is None else stamps.wall
        return Moments(local, dates=True) if _dated(local, dated) else Moments(times, zone)
    if not zone or _dated(stamps.wall, dated):
        return Moments(stamps.wall, dates=_dated(stamps.wall, dated))
    return _localised(stamps.wall, zone, series)


def _dated(local: Array, dated: bool | None) -> bool:
    """Whether stamps are of one time of day, so that they mean days."""
    if dated is not None:
        return dated
    day = 86_400 * 10**9
    some = local[:1000][~np.isnat(local[:1000])].astype("int64") % day
    if len(some) and (some != some[0]).any():
        return False
    known = local[~np.isnat(local)].astype("int64")
    return len(known) > 1 and bool((known % day == known[0] % day).all()) and bool((known != known[0]).any())


def _localised(wall: Array, zone: str, series: Array) -> Moments:
    """UTC of local time. Of an hour that the clocks repeat, a stamp's first row is taken as its first time and the next one as its second."""
    index, place = pd.DatetimeIndex(wall), timezone_of(zone)
    first, second = (
        index.tz_localize(place, ambiguous=np.full(len(wall), summer), nonexistent="NaT")
        .tz_convert("UTC")
        .tz_localize(None)
        .to_numpy()
        for summer in (True, False)
    )
    missing = np.flatnonzero(np.isnat(first) & ~np.isnat(wall))
    twice = np.flatnonzero((first != second) & ~np.isnat(first))
    times = first.astype("datetime64[ns]")
    if len(twice):
        known = wall[~np.isnat(wall)]
        pairs = pd.DataFrame({"series": series[twice], "wall": wall[twice]})
        number = pairs.groupby(["series", "wall"]).cumcount(ascending=bool(known[0] <= known[-1])).to_numpy()
        size = pairs.groupby(["series", "wall"])["wall"].transform("size").to_numpy()
        times = np.where(np.isin(np.arange(len(wall)), twice[number > 0]), second, times).astype(
            "datetime64[ns]"
        )
        return Moments(times, zone, missing=missing, single=twice[size == 1])
    return Moments(times, zone, missing=missing)
