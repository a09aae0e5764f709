"""Columns that hold the time of day: 13:30, 1:30 PM, 0000 UTC, 13 - 14, HE01 and other spellings."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from forecast.arrays import Array

DAY = 86_400 * 10**9  # ns
HOUR = DAY // 24
ZONE_OFFSETS = {  # hours from UTC of names of zones; a name without a number has more than one
    **{"UTC": 0, "GMT": 0, "Z": 0, "WET": 0, "WEST": 1, "CET": 1, "MEZ": 1, "CEST": 2, "MESZ": 2},
    **{"EET": 2, "EEST": 3, "MSK": 3, "BRT": -3, "BRST": -2, "ART": -3, "JST": 9, "KST": 9, "SAST": 2},
    **{"EST": -5, "EDT": -4, "CST": -6, "CDT": -5, "MST": -7, "MDT": -6, "PST": -8, "PDT": -7},
    **{"AKST": -9, "AKDT": -8, "HST": -10, "AEST": 10, "AEDT": 11, "NZST": 12, "NZDT": 13},
    **dict.fromkeys(("ET", "CT", "MT", "PT", "EPT", "CPT", "LST", "LT", "BST", "IST")),
}
PLACES = {  # what a zone's name usually means where a column has no other
    **dict.fromkeys(("CET", "CEST", "MEZ", "MESZ"), "Europe/Paris"),
    **dict.fromkeys(("ET", "EDT", "EPT"), "America/New_York"),
    **dict.fromkeys(("CT", "CDT", "CPT"), "America/Chicago"),
    **dict.fromkeys(("MT", "MDT"), "America/Denver"),
    **dict.fromkeys(("PT", "PDT"), "America/Los_Angeles"),
}
UTC_NAMES = ("UTC", "GMT", "Z")
_HOUR_WORDS = (  # that stand before or behind the number of an hour, or in the name of their column
    *("h", "hh", "hr", "hrs", "he", "hb", "hour", "hours", "hora", "horas", "heure", "stunde", "std"),
    *("uur", "ora", "ore", "godz", "godzina", "tid", "timme", "time", "uhr", "hourending", "hourbeginning"),
)
_NAME_WORDS = (*_HOUR_WORDS, "uhrzeit", "zeit", "clock", "tijd", "period", "periodo", "período", "interval")
_OTHER_WORDS = ("zone", "series", "tz", "timezone", "name", "type", "id", "unit", "source")
_ZONES = "|".join(sorted((name for name in ZONE_OFFSETS if name != "Z"), key=len, reverse=True))
_NUMERIC = r"[+\u2212-]\d{2}(?::?\d{2})?"
_ZONE = rf"(?P<zone>\s*(?:Z|\(?(?-i:(?:UTC|GMT){_NUMERIC}|{_ZONES})\)?|{_NUMERIC}))?"
_UNIT = r"(?:\s*(?:Uhr|hrs?\.?|hs\.?|h|o'clock))"
_TIME = re.compile(
    r"(?P<t>T)?(?P<H>\d{1,2})"
    r"(?::(?P<M>\d{2})(?::(?P<S>\d{2})(?:[.,]\d+)?)?"
    r"|\.(?P<m>\d{2})\.(?P<s>\d{2})"
    r"|(?P<h>\s?h\s?)(?P<n>\d{2})?(?:\s?min)?"
    r"|(?P<k>\d{2}))?"
    rf"(?P<unit>{_UNIT})?(?:\s*(?P<ap>[ap])\.?(?P<apm>m\.?)?)?{_ZONE}",
    re.IGNORECASE,
)
_TO = r"\s*(?:[-\u2013]|to|bis|a|à|até)\s*"
_INTERVAL = re.compile(  # of clock times, or of hours: 00:00 - 01:00, 0-1h
    rf"(?P<begin>\d{{1,2}}:\d{{2}}(?::\d{{2}})?(?:\s*[ap]\.?m\.?)?){_UNIT}?{_TO}\d{{1,2}}:\d{{2}}(?::\d{{2}})?"
    rf"(?:\s*[ap]\.?m\.?)?{_UNIT}?|(?P<from>\d{{1,2}}){_UNIT}?{_TO}(?P<to>\d{{1,2}}){_UNIT}?",
    re.IGNORECASE,
)
_COUNTED = re.compile(
    r"(?P<word>[^\W\d_]+(?:[ _][^\W\d_]+)?)[ _.-]*(?P<n>\d{1,2})|(?P<n2>\d{1,2})\.?\s*(?P<word2>[^\W\d_]{3,})"
)
_OFFSET = re.compile(r"(?:UTC|GMT)?([+-])(\d{1,2}):?(\d{2})?")


@dataclass(frozen=True, eq=False)
class TimesOfDay:
    """A column of times of day.

    since: float64 ns since midnight (n,), NaN where empty; an interval stands for its beginning · offset:
    int64 ns (n,) from UTC where cells say one, else None · zoned bool (n,): which cells say one · zone: the
    name of the one zone that cells have and that is no offset, such as EST; empty for none.
    """

    since: Array
    offset: Array | None = None
    zoned: Array | None = None
    zone: str = ""


@dataclass(frozen=True)
class _Time:
    """A time of day in ns since midnight. sure: whether a cell alone shows that it is one · word: before a number of hours."""

    since: int
    zone: str = ""
    sure: bool = True
    word: str = ""


def is_hour_name(name: str) -> bool:
    """Whether a column is called by the time of day, such as Hora UTC or HourEnding."""
    spaced = re.sub(r"(?<=[a-zà-ÿ])(?=[A-Z])", " ", name)
    words = [word for word in re.split(r"[\W\d_]+", spaced.lower()) if word]
    if not words or any(word in _OTHER_WORDS for word in words):
        return False
    return any(word in _NAME_WORDS or word.startswith(("hour", "stund")) for word in words)


def times_of_day(cells: Sequence[str | None], name: str = "") -> TimesOfDay | None:
    """The times of day of a column of text; None where a cell is none.

    Hours that are counted, as H00, HE01, Hour 1 or P01, and short forms such as 12a, are times of day where
    the column's name says so, or where they are all of a day's hours.
    """
    read: dict[str, _Time] = {}
    for cell in cells:
        if cell and cell.strip() and cell not in read:
            time = _time(cell.strip())
            if time is None:
                return None
            read[cell] = time
    if not _are_times(list(read.values()), is_hour_name(name)):
        return None
    read = _with_offsets(read)
    since = np.full(len(cells), np.nan)
    zones = [""] * len(cells)
    for place, cell in enumerate(cells):
        if cell in read:
            since[place] = read[cell].since
            zones[place] = read[cell].zone
    return _zoned(since, zones)


def clock_times(cells: Sequence[str | None], name: str = "") -> Array | None:
    """Times of day such as 13:30, 13.30.00, 1:30 PM, 13h30, 0000 UTC or 13 - 14 in ns since midnight.

    float64 (n,), NaN where empty; None where one is none. name: of the column.
    """
    times = times_of_day(cells, name)
    return None if times is None else times.since


def offset_of(zone: str) -> int:
    """The offset from UTC in ns of a text such as +02:00, +0200, UTC+2 or Z; 0 for a name."""
    found = _OFFSET.match(zone.replace("\u2212", "-"))
    if not found:
        return 0
    minutes = int(found[2]) * 60 + int(found[3] or 0)
    sign = -1 if found[1] == "-" else 1
    return sign * minutes * 60 * 10**9


def _time(cell: str) -> _Time | None:
    """The time of day of one cell; None where it is none."""
    interval = _INTERVAL.fullmatch(cell)
    if interval and interval["begin"]:
        begin = _clock(interval["begin"])
        suffix = re.search(rf"{_NUMERIC}$", cell)  # perhaps an offset from UTC
        return None if begin is None else _Time(begin.since, f"?{suffix[0]}" if suffix else "")
    if interval and (int(interval["to"]) - int(interval["from"])) % 24 == 1:
        return _Time(int(interval["from"]) * HOUR)
    return _clock(cell) or _counted(cell)


def _clock(cell: str) -> _Time | None:
    """A time of day that is one moment."""
    found = _TIME.fullmatch(cell)
    if not found:
        return None
    zone = (found["zone"] or "").strip().strip("()")
    colon = found["M"] or found["m"] or found["h"]
    half = found["ap"]
    marked = colon or found["unit"] or half or found["t"]
    if not marked and not zone:
        return None
    hour = int(found["H"])
    minute = int(found["M"] or found["m"] or found["n"] or found["k"] or 0)
    second = int(found["S"] or found["s"] or 0)
    if hour > 25 or minute > 59 or second > 59 or (half and not 1 <= hour <= 12):
        return None
    if half:
        hour = hour % 12 + 12 * (half.lower() == "p")
    in_utc = zone.upper() in UTC_NAMES and len(found["H"]) == 2
    sure = bool(colon or found["unit"] or found["apm"] or in_utc)
    return _Time(((hour * 60 + minute) * 60 + second) * 10**9, zone, sure)


def _counted(cell: str) -> _Time | None:
    """An hour by its number, as H00 or Hour 1."""
    found = _COUNTED.fullmatch(cell)
    if not found:
        return None
    number = int(found["n"] or found["n2"])
    word = (found["word"] or found["word2"]).lower()
    if number > 25 or word in ("m", "q", "w"):  # months, quarters and weeks
        return None
    return _Time(number * HOUR, sure=False, word=word)


def _are_times(times: Sequence[_Time], named: bool) -> bool:
    """Whether cells that may be times of day are, by what all of them show. named: whether the column says so."""
    words = {time.word for time in times if time.word}
    if len(words) > 1 or (words and any(not time.word for time in times)):
        return False
    if named or all(time.sure for time in times):
        return True
    if not words.issubset(_HOUR_WORDS):
        return False
    hours = {time.since // HOUR for time in times}
    if hours == {*range(24)}:
        return True
    return bool(words) and hours in ({*range(1, 25)}, {*range(1, 26)})


def _with_offsets(read: dict[str, _Time]) -> dict[str, _Time]:
    """Times whose 00:00-03:00 is an offset where all cells end alike, and else an interval."""
    ends = {time.zone for time in read.values()}
    open_end = any(end.startswith("?") for end in ends)
    offset = len(ends) == 1 and len(read) > 1
    if not open_end:
        return read
    made = {}
    for cell, time in read.items():
        zone = time.zone.removeprefix("?") if offset or not time.zone.startswith("?") else ""
        made[cell] = _Time(time.since, zone, time.sure, time.word)
    return made


def _zoned(since: Array, zones: list[str]) -> TimesOfDay:
    """Times with the offsets that their cells say; one name of a zone for all is a name, several are offsets."""
    names = {zone.upper() for zone in zones if zone}
    if not names:
        return TimesOfDay(since)
    words = {name for name in names if name not in UTC_NAMES and name in ZONE_OFFSETS}
    fixed = all(ZONE_OFFSETS[word] is not None for word in words)
    if words and (len(names) == 1 or not fixed):
        return TimesOfDay(since, zone=sorted(words)[0])
    offsets = []
    for zone in zones:
        hours = ZONE_OFFSETS.get(zone.upper())
        offsets.append(offset_of(zone) if hours is None else hours * HOUR)
    zoned = np.array([bool(zone) for zone in zones])
    return TimesOfDay(since, np.array(offsets, "int64"), zoned)
