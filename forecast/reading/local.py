"""From the time as written to moments: UTC where a day has hours, local dates where a step is a whole day or longer."""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from forecast.arrays import Array
from forecast.data.zones import timezone_of, to_local
from forecast.reading.clocks import DAY, HOUR
from forecast.reading.stamps import Stamps

UTC_NAMES = ("UTC", "GMT", "Z", "ETC/UTC")


@dataclass(frozen=True)
class Moments:
    """Times, and what local time leaves open.

    times datetime64[ns] (n,): UTC, or local dates · zone: the place of `times`, "" for UTC and for dates ·
    missing (k,): rows whose local time does not exist · single (k,): rows of a repeated hour that are there
    once, taken as its first.
    """

    times: Array
    zone: str = ""
    dates: bool = False
    missing: Array | None = None
    single: Array | None = None


def to_moments(stamps: Stamps, tz: str, series: Array, dated: bool | None) -> Moments:
    """Moments of stamps. tz: the zone of stamps that do not say theirs, and the place whose dates count.

    series int64 (n,): a repeated local hour is told apart within a series. dated: whether a step is a whole
    day or longer, None = look.
    """
    zone = tz or stamps.zone
    if zone.upper() in UTC_NAMES:
        zone = ""
    wall = stamps.wall
    if stamps.offset is not None:
        times = wall - stamps.offset.astype("timedelta64[ns]")
        return _of_moments(times, to_local(times, zone) if zone else wall, zone, dated)
    if stamps.zone:
        return _of_moments(wall, to_local(wall, zone), zone, dated)
    dates = _dated(wall, dated)
    if not zone or dates:
        return Moments(wall, dates=dates)
    if stamps.since is not None:
        return _of_ends(wall, stamps.since, zone, series)
    return _localised(wall, zone, series)


def _of_ends(wall: Array, since: Array, zone: str, series: Array) -> Moments:
    """UTC of local hours that are counted from 1 and name their end.

    Either by the clock, where an hour is left out in spring and stands twice in autumn; or from midnight on,
    1 to 23 and 1 to 25 on these days.
    """
    hour = np.timedelta64(HOUR, "ns")
    midnights = wall - since
    begins = wall - hour
    if _from_midnight(begins, midnights, since, zone):
        times = _as_utc(midnights, zone, summer=True) + since
        return Moments(times, zone, missing=np.flatnonzero(np.isnat(times) & ~np.isnat(wall)))
    moments = _localised(begins, zone, series)
    return replace(moments, times=moments.times + hour)


def _from_midnight(begins: Array, midnights: Array, since: Array, zone: str) -> bool:
    """Whether hours are counted from midnight on: up to 25, or up to 23 on a day of which the clock skips one."""
    known = ~np.isnat(begins)
    day = np.timedelta64(DAY, "ns")
    if (since[known] > day).any():
        return True
    skipped = known & np.isnat(_as_utc(begins, zone, summer=True))
    if not skipped.any():
        return False
    on_these_days = known & np.isin(midnights, midnights[skipped])
    return not bool((since[on_these_days] == day).any())


def _of_moments(times: Array, local: Array, zone: str, dated: bool | None) -> Moments:
    """Moments that are known; where a step is a day or longer, the dates of their place."""
    if _dated(local, dated):
        return Moments(local, dates=True)
    return Moments(times, zone)


def _dated(local: Array, dated: bool | None) -> bool:
    """Whether stamps are of one time of day, so that they mean days."""
    if dated is not None:
        return dated
    some = _times_of_day(local[:1000])
    if len(some) and (some != some[0]).any():
        return False
    every = _times_of_day(local)
    if len(every) < 2 or (every != every[0]).any():
        return False
    known = local[~np.isnat(local)]
    return bool((known != known[0]).any())


def _times_of_day(local: Array) -> Array:
    """Nanoseconds since midnight of the stamps that are known, int64 (k,)."""
    return local[~np.isnat(local)].astype("int64") % DAY


def _localised(wall: Array, zone: str, series: Array) -> Moments:
    """UTC of local time.

    Of an hour that the clocks repeat, a stamp's first row is taken as its first time, the next as its second.
    """
    first = _as_utc(wall, zone, summer=True)
    second = _as_utc(wall, zone, summer=False)
    missing = np.flatnonzero(np.isnat(first) & ~np.isnat(wall))
    twice = np.flatnonzero((first != second) & ~np.isnat(first))
    if not len(twice):
        return Moments(first, zone, missing=missing)
    known = wall[~np.isnat(wall)]
    pairs = pd.DataFrame({"series": series[twice], "wall": wall[twice]})
    same = pairs.groupby(["series", "wall"])
    number = same.cumcount(ascending=bool(known[0] <= known[-1])).to_numpy()
    size = same["wall"].transform("size").to_numpy()
    later = twice[number > 0]
    times = first.copy()
    times[later] = second[later]
    return Moments(times, zone, missing=missing, single=twice[size == 1])


def _as_utc(wall: Array, zone: str, summer: bool) -> Array:
    """UTC of local time, NaT where it does not exist. summer: an hour that is shown twice is its first."""
    repeated = np.full(len(wall), summer)
    index = pd.DatetimeIndex(wall)
    local = index.tz_localize(timezone_of(zone), ambiguous=repeated, nonexistent="NaT")
    moments = local.tz_convert("UTC").tz_localize(None)
    return moments.to_numpy().astype("datetime64[ns]")
