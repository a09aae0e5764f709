"""From the time as written to moments: UTC where a day has hours, local dates where a step is a whole day or longer."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from forecast.arrays import Array
from forecast.data.zones import timezone_of, to_local
from forecast.reading.stamps import Stamps


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
