"""The clock of a panel: what one step is, which stamps come next, which seasons it can have.

Stamps are `datetime64[ns]` (UTC) or, on the step clock, `int64` row numbers. Everything here is a
function of stamps, never of values.
"""

import re
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import pandas as pd

from forecast.arrays import Array
from forecast.data.exchanges import bars_after, early_of, sessions_after, sessions_of
from forecast.data.zones import to_local, to_utc
from forecast.errors import ForecastError

DAY = 86_400 * 10**9
CYCLES = {"day": DAY, "week": 7 * DAY, "year": round(365.2425 * DAY)}  # ns; the year is the Gregorian mean
_SPANS = {"s": 10**9, "min": 60 * 10**9, "h": 3600 * 10**9, "D": DAY, "W": 7 * DAY}
_WEEK = "1111100"  # Monday to Friday
WEEK = 7 * DAY
HOUR = DAY // 24
_MONDAY = 4 * DAY  # 1970-01-01 was a Thursday: weeks are counted from Monday
_MONDAYS = "1000000"  # the dates from which sessions that last for days are counted
_MONTHS = {"M": 1, "Q": 3, "H": 6, "Y": 12}
_BEGINS = {  # days with which the parts of a month begin: dekads, and halves; or of a year, as those of satellites
    "T": (1, 11, 21),
    "F": (1, 16),
    "X": tuple(range(1, 354, 16)),
    "O": tuple(range(1, 362, 8)),
}
_OF_A_YEAR = ("X", "O")  # parts that begin anew with each year, of which the last is shorter
STEPS = (
    "1s",
    "5s",
    "10s",
    "15s",
    "30s",
    "1min",
    "5min",
    "10min",
    "15min",
    "30min",
    "1h",
    "3h",
    "6h",
    "12h",
    "1D",
    "7D",
)  # that people use
SESSIONS = 5  # of several bars that a file must have to be read as such: days, or weeks with a weekend between any two
WHOLE = 0.9  # of the bars between the first and the last of a session are there, but for its pauses
MOST = 0.5  # of the sessions are as long as the clock says, and have its long pauses
PAUSES = 3  # that a session has at most, as those of futures in China; more are gaps of another kind
_CALENDARS = {  # in words, by the first letter of the frequency
    "B": "business days",
    "T": "three times a month",
    "F": "twice a month",
    "O": "every 8 days, anew each year",
    "X": "every 16 days, anew each year",
    "M": "monthly",
    "Q": "quarterly",
    "H": "half-yearly",
    "Y": "yearly",
}
_SEASONS = {
    "B": (5,),
    "T": (36,),
    "F": (24,),
    "O": (46,),
    "X": (23,),
    "M": (12,),
    "Q": (4,),
    "H": (2,),
}  # in steps of such a calendar
_HORIZONS = {
    "B": 5,
    "T": 9,
    "F": 6,
    "O": 6,
    "X": 4,
    "M": 12,
    "Q": 4,
    "H": 4,
    "Y": 4,
}  # steps ahead by default
_UNITS = {  # how people and other programs write a unit; M is a month and m a minute
    "s": ("s", "S", "sec", "second", "seconds"),
    "min": ("m", "min", "T", "minute", "minutes"),
    "h": ("h", "H", "hr", "hour", "hours"),
    "D": ("d", "D", "day", "days"),
    "W": ("w", "W", "week", "weeks"),
    "M": ("M", "MS", "ME", "mo", "month", "months"),
    "Q": ("q", "Q", "QS", "QE", "quarter", "quarters"),
    "Y": ("y", "Y", "YS", "YE", "a", "A", "year", "years"),
    "B": ("b", "B", "bd", "session", "sessions"),
}


@dataclass(frozen=True)
class Clock:
    """What one step of a panel is.

    kind `step`: rows in order, no dates. `fixed`: a constant step, `freq` such as "1h" or "7D".
    `calendar`: `freq` is B (business days) or MS, ME, QS, QE, YS, YE (first or last day of month,
    quarter, year; H half a year, T each of three dekads of a month, F each half of it).
    `sessions`: trading days, each series has its own; only the row number counts,
    and future stamps are those of the exchange `calendar`, or else the next days of `weekmask`
    (Monday first). Sessions may be of several `bars`, `freq` such as "5min" apart, the first one
    `opens` nanoseconds after midnight. pauses: such as a lunch break, each (bars of the session
    before it, nanoseconds that it lasts); no bar lies in them. A session of more than a day is that
    of a week, as of currencies: it opens so long after midnight of a Monday and pauses at the
    weekend. tz: the place whose hours of the day count, "" = UTC; stamps stay UTC.
    """

    kind: Literal["step", "fixed", "calendar", "sessions"]
    freq: str = "1"
    tz: str = ""
    weekmask: str = _WEEK
    opens: int = 0
    bars: int = 1
    calendar: str = ""
    pauses: tuple[tuple[int, int], ...] = ()

    @property
    def dated(self) -> bool:
        """Whether a step is a whole day or longer, so that stamps are dates."""
        if self.kind == "sessions":
            return self.bars == 1
        return self.kind == "calendar" or (self.kind == "fixed" and self.step % DAY == 0)

    @property
    def assumed(self) -> bool:
        """Whether future stamps are only the days on which a session is likely: holidays are not
        known.
        """
        return self.kind == "sessions" and not self.calendar

    @property
    def step(self) -> int:
        """Length of one fixed step, or of one bar of a session, in nanoseconds."""
        return int(pd.Timedelta(self.freq).as_unit("ns").value)

    @property
    def lasting(self) -> int:
        """Nanoseconds from the first bar of a session to the end of its last one, pauses included."""
        return self.bars * self.step + sum(lasts for _, lasts in self.pauses)

    @property
    def weekly(self) -> bool:
        """Whether a session is that of a week: it goes on over nights."""
        return self.bars > 1 and self.lasting > DAY

    @property
    def day(self) -> int:
        """Bars of one trading day: of a whole session, or of the first 24 hours of that of a week."""
        if not self.weekly:
            return self.bars
        return int(np.count_nonzero(begin_of(np.arange(self.bars), self) < self.opens + DAY))

    @property
    def words(self) -> str:
        """The step in words, for what is said to the user."""
        if self.kind == "fixed":
            names = {DAY: "daily", 7 * DAY: "weekly", DAY // 24: "hourly"}
            return names.get(self.step, f"every {self.freq}")
        place = f" of {self.calendar}" if self.calendar else ""
        if self.bars > 1:
            pauses = {0: "", 1: " with a break"}.get(len(self.pauses), f" with {len(self.pauses)} breaks")
            session = "week" if self.weekly else "session"
            return f"every {self.freq} of trading {session}s{place}, {self.bars} a {session}{pauses}"
        if self.kind == "step":
            return "rows in order, without dates"
        if self.kind == "sessions":
            return f"trading days{place}"
        return _CALENDARS[self.freq[0]]

    @property
    def seasons(self) -> tuple[int, ...]:
        """Season lengths in steps that follow from the frequency alone, shortest first; none for
        rows without dates.
        """
        if self.kind == "fixed":
            if self.step < DAY:
                return tuple(period // self.step for period in (DAY, 7 * DAY) if period % self.step == 0)
            return {DAY: (7,), 7 * DAY: (52,)}.get(self.step, ())
        if self.kind == "calendar":
            return _SEASONS.get(self.freq[0], ())
        if self.weekly:
            return (self.day, self.bars) if self.day > 1 else (self.bars,)
        if self.bars > 1:
            return (self.bars, 5 * self.bars)
        return (5,) if self.kind == "sessions" else ()

    @property
    def cycles(self) -> tuple[str, ...]:
        """The cycles of the calendar that are longer than one step, shortest first."""
        if self.kind == "step":
            return ()
        if self.kind == "fixed" or self.bars > 1:
            return tuple(name for name, period in CYCLES.items() if period >= 2 * self.step)
        if self.kind == "sessions" or self.freq == "B":
            return ("week", "year")
        if self.freq[0] == "Y":
            return ()
        return ("year",)

    @property
    def horizon(self) -> int:
        """The default horizon: below a day one day or session (at most 288 steps), 7 days, 5
        sessions, 4 weeks, 12 months, 4 quarters, 10 steps.
        """
        if self.kind == "fixed" and self.step < DAY:
            return min(DAY // self.step, 288)
        if self.kind == "fixed":
            return {DAY: 7, WEEK: 4}.get(self.step, 10)
        if self.bars > 1:
            return min(self.day, 288)
        if self.kind == "calendar":
            return _HORIZONS[self.freq[0]]
        return {"step": 10, "sessions": 5}[self.kind]

    def steps(self, span: int | str | None) -> int:
        """A horizon in steps: a number, a span such as "24h" or "7d" of a fixed clock, or None for
        the default of this clock.
        """
        if span is None:
            return self.horizon
        count, unit = parse_horizon(span)
        if not unit:
            return count
        length, step = self._lengths(count, unit)
        if not step:
            raise ForecastError(
                f"A horizon of {span!r} cannot be counted: on {self.words} give a number of steps, 1 or more."
            )
        if length % step:
            raise ForecastError(
                f"A horizon of {span} is no whole number of steps: these data are {self.words}."
            )
        return length // step

    def _lengths(self, count: int, unit: str) -> tuple[int, int]:
        """How long so many units are, and a step of this clock, in the same measure; 0 for a step
        where it has none in common with them.
        """
        if self.kind == "fixed" and unit in _SPANS:
            return count * _SPANS[unit], self.step
        if self.kind == "calendar" and unit in _MONTHS and self.freq[0] in _MONTHS:
            return count * _MONTHS[unit], _MONTHS[self.freq[0]]
        if self.kind == "calendar" and unit in _MONTHS and self.freq[0] in _BEGINS:
            months = 12 if self.freq[0] in _OF_A_YEAR else 1
            return count * _MONTHS[unit] * len(_BEGINS[self.freq[0]]), months
        if unit == "B" and (self.kind == "sessions" or self.freq == "B"):
            return count * self.day, 1
        if unit == "W" and self.weekly:
            return count * self.bars, 1
        within = self.bars > 1 and count * _SPANS.get(unit, DAY) <= self.bars * self.step
        if within:  # a longer span would have to leave out nights
            return count * _SPANS[unit], self.step
        return 0, 0

    def after(self, stamps: Array, offsets: Array) -> Array:
        """Stamps (..., m) that lie `offsets` (m,) steps after `stamps` (...); of sessions without a
        calendar the next weekdays.
        """
        stamps = np.asarray(stamps)[..., None]
        offsets = np.asarray(offsets, "int64")
        if self.kind == "step":
            return stamps + offsets
        if self.kind == "fixed":
            return stamps + (offsets * self.step).astype("timedelta64[ns]")
        if self.bars > 1:
            return self._after_bars(stamps, offsets)
        days = stamps.astype("datetime64[D]")
        if self.kind == "sessions" or self.freq == "B":
            hour = stamps - days.astype("datetime64[ns]")
            return self._after_days(days, offsets).astype("datetime64[ns]") + hour
        if self.freq[0] in _BEGINS:
            return self._part_at(self._part(days) + offsets)
        months = days.astype("datetime64[M]") + _MONTHS[self.freq[0]] * offsets
        if self.freq.endswith("S"):
            return months.astype("datetime64[D]").astype("datetime64[ns]")
        return ((months + 1).astype("datetime64[D]") - 1).astype("datetime64[ns]")

    def _after_days(self, days: Array, offsets: Array) -> Array:
        """The sessions `offsets` (m,) after days (..., 1): of the exchange, or else the next
        weekdays.
        """
        if self.calendar:
            return sessions_after(self.calendar, days, offsets)
        return np.busday_offset(days, offsets, roll="backward", weekmask=self.weekmask)

    def _part(self, days: Array) -> Array:
        """The number of the part of a month, or a year, that each day lies in, counted from 1970, int64."""
        begins = _BEGINS[self.freq[0]]
        whole = days.astype(self._whole)
        day = (days - whole.astype("datetime64[D]")).astype("int64") + 1
        within = np.searchsorted(np.array(begins), day, side="right") - 1
        return whole.astype("int64") * len(begins) + within

    @property
    def _whole(self) -> str:
        """The type of what the parts of this clock are parts of: months, or years."""
        return "datetime64[Y]" if self.freq[0] in _OF_A_YEAR else "datetime64[M]"

    def _part_at(self, part: Array) -> Array:
        """The stamps of parts of months or years by their number: the first or the last day, as
        the clock has it.
        """
        begins = np.array(_BEGINS[self.freq[0]])
        last = self.freq.endswith("E")
        number = part + last
        whole = (number // len(begins)).astype(self._whole)
        first = whole.astype("datetime64[D]") + (begins[number % len(begins)] - 1).astype("timedelta64[D]")
        return (first - np.timedelta64(int(last), "D")).astype("datetime64[ns]")

    def _after_bars(self, stamps: Array, offsets: Array) -> Array:
        """Stamps of the bars after `stamps` (..., 1): those of this session, then of the next ones;
        after a stamp of no session the next begins.
        """
        local = to_local(stamps, self.tz)
        days = session_of(local, self)
        bar = bar_of(local, self)
        if self.calendar:
            ahead, within = bars_after(self.calendar, days, bar, offsets, bars_of(self))
        else:
            last = self.bars - 1
            traded = np.is_busday(days, weekmask=self.weekmask)
            number = np.where(traded, np.clip(bar, 0, last), last) + offsets
            ahead = np.busday_offset(days, number // self.bars, roll="backward", weekmask=self.weekmask)
            within = number % self.bars
        begin = begin_of(within, self).astype("timedelta64[ns]")
        return to_utc(ahead.astype("datetime64[ns]") + begin, self.tz)

    def position(self, stamps: Array) -> Array:
        """The number of each stamp on the grid of this clock, int64; -1 where a stamp is not on the
        grid of the first.
        """
        if self.kind == "fixed":
            if even_step(stamps) == self.step or len(stamps) == 1:
                return np.arange(len(stamps))
            nanoseconds = stamps.astype("int64") - stamps[0].astype("int64")
            return np.where(nanoseconds % self.step == 0, nanoseconds // self.step, -1)
        if self.kind != "calendar":
            return np.arange(len(stamps))
        if self.freq == "B":
            days = stamps.astype("datetime64[D]")
            return np.where(np.is_busday(days), np.busday_count(days[0], days), -1)
        if self.freq[0] in _BEGINS:
            part = self._part(stamps.astype("datetime64[D]"))
            return np.where(self._part_at(part) == stamps, part - part[0], -1)
        size = _MONTHS[self.freq[0]]
        months = stamps.astype("datetime64[M]").astype("int64")
        since = months - months[0]
        on = self.after(stamps, np.array([0]))[..., 0] == stamps
        return np.where(on & (since % size == 0), since // size, -1)

    def harmonics(self, stamps: Array, cycle: str | float, count: int) -> Array:
        """Sines and cosines (..., 2 count) of the first `count` multiples of a cycle: a name in
        CYCLES, or a number of steps of the step clock.
        """
        if isinstance(cycle, str):
            period = CYCLES[cycle]
            local = to_local(stamps.astype("datetime64[ns]"), self.tz)
            phase = ((local.astype("int64") - _MONDAY) % period) / period
        elif self.kind == "step":
            phase = (stamps % cycle) / cycle
        else:
            phase = np.zeros(stamps.shape)
        angle = 2 * np.pi * phase[..., None] * np.arange(1, count + 1)
        return np.concatenate([np.sin(angle), np.cos(angle)], axis=-1)


def parse_span(text: str) -> tuple[int, str]:
    """A span such as 24h, 15min, 1D, M or 3 months as (count, unit), the unit one of s min h D W M
    Q Y B.
    """
    found = re.fullmatch(r"\s*(\d*)\s*([A-Za-z]+)\s*", text)
    word = found[2] if found else ""
    if len(word) > 2:
        word = word.lower()
    unit = next((name for name, spellings in _UNITS.items() if word in spellings), None)
    if not found or unit is None or (found[1] and int(found[1]) == 0):
        raise ForecastError(
            "A span is a number and one of s, min, h, D, W, M (months), Q, Y, such as 15min or"
            f" 1D; found {text!r}."
        )
    return int(found[1] or 1), unit


def nanoseconds_of(unit: str) -> int:
    """The length of a unit of `parse_span` in nanoseconds; 0 of one of months."""
    return _SPANS.get(unit, 0)


def months_of(unit: str) -> int:
    """The length of a unit of `parse_span` in months; 0 of a shorter one."""
    return _MONTHS.get(unit, 0)


def parse_horizon(span: int | str) -> tuple[int, str]:
    """A horizon as (count, unit): a number of steps, with no unit, or a span."""
    text = str(span).strip()
    if text.isdigit() and int(text) > 0:
        return int(text), ""
    try:
        return parse_span(text)
    except ForecastError:
        raise ForecastError(
            f"A horizon is a number of steps, 1 or more, or a span such as 24h or 7d; found {text!r}."
        ) from None


def cycle_flags(cycles: Collection[str]) -> Array:
    """Cycles of the calendar as int64 (CYCLES,), 1 for each that is there: how a model file holds them."""
    return np.array([name in cycles for name in CYCLES], "int64")


def flagged_cycles(flags: Array) -> tuple[str, ...]:
    """The cycles whose `cycle_flags` these are."""
    return tuple(name for name, used in zip(CYCLES, flags, strict=True) if used)


def clock_of(text: str) -> Clock:
    """The clock of a step that a user writes: 1h, 15min, D, W, M, Q, Y; months, quarters and years
    are labelled by their first day.
    """
    count, unit = parse_span(text)
    if unit in _SPANS:
        return Clock("fixed", freq_of(count * _SPANS[unit]))
    size = next(
        (letter for letter, months in _MONTHS.items() if unit in _MONTHS and count * _MONTHS[unit] == months),
        None,
    )
    if size is None:
        raise ForecastError(
            f"A step of {text!r} is none that a clock here has: give a number of s, min, h, D or"
            " W, or 1, 3, 6 or 12 months (M, Q, 6M, Y)."
        )
    return Clock("calendar", size + "S")


def infer_clock(series: list[Array], zone: str = "") -> Clock:
    """The clock of stamps `datetime64[ns]` sorted within each series, by the majority of *all*
    steps, not of the first three.

    zone: the place whose hours sessions keep.
    """
    even = {even_step(stamps) for stamps in series if len(stamps) > 1}
    if len(even) == 1 and 0 < max(even) <= 27 * DAY:
        return Clock("fixed", freq_of(max(even)))
    steps = np.concatenate(
        [np.diff(stamps.astype("int64")) for stamps in series if len(stamps) > 1] or [np.array([DAY])]
    )
    common = majority(steps)
    return _longer(series, steps, common) or _shorter(series, steps, common, zone) or _fixed(common)


def _fixed(step: int) -> Clock:
    """The clock of a constant step in nanoseconds."""
    return Clock("fixed", freq_of(step))


def _longer(series: list[Array], steps: Array, common: int) -> Clock | None:
    """A clock of days, of parts of months, or of months and longer; None where most steps are
    others.
    """
    if common == DAY:
        return _weekly(series, np.concatenate(series), steps)
    if 8 * DAY <= common <= 16 * DAY and (steps != common).any():
        return _parts_of_months(np.concatenate(series))
    if common > 27 * DAY:
        return _monthly(series, np.concatenate(series))
    return None


def _shorter(series: list[Array], steps: Array, common: int, zone: str) -> Clock | None:
    """A clock of bars of sessions, where not all steps are the same; None for anything else."""
    if common >= DAY or (steps == common).all():
        return None
    return _intraday(series, common, zone)


def majority(values: Array) -> int:
    """The most frequent of int64 values; a sample suggests it, and where it is more than half of
    all nothing needs to be sorted.
    """
    some = Counter(
        values[np.linspace(0, len(values) - 1, min(len(values), 2000)).astype(int)].tolist()
    ).most_common(1)[0][0]
    if 2 * np.count_nonzero(values == some) > len(values):
        return int(some)
    different, counts = np.unique(values, return_counts=True)
    return int(different[counts.argmax()])


def _weekly(series: list[Array], stamps: Array, steps: Array) -> Clock | None:
    """Business days or trading days, where some weekdays are (nearly) never there; None for plain
    days.
    """
    days = stamps.astype("datetime64[D]")
    clock = stamps - days.astype("datetime64[ns]")
    if (clock != clock[0]).any() or (steps == DAY).all():
        return None
    mask = _weekmask(series, days)
    if mask is None:
        return None
    gaps = sum(
        int(np.busday_count(one[0].astype("datetime64[D]"), one[-1].astype("datetime64[D]"))) + 1 - len(one)
        for one in series
    )
    return (
        Clock("calendar", "B")
        if mask == _WEEK and not gaps and np.is_busday(days).all()
        else Clock("sessions", "session", weekmask=mask)
    )


def _weekmask(series: list[Array], days: Array) -> str | None:
    """The weekdays that are there, Monday first, of days (n,), one a session; None where none is
    (nearly) never there.
    """
    weekday = (days.astype("int64") + 3) % 7  # Monday = 0
    counts = np.bincount(weekday, minlength=7)
    usual = counts >= 0.1 * counts.max()
    long = any(len(one) > 1 and one[-1] - one[0] >= np.timedelta64(14 * DAY, "ns") for one in series)
    if usual.all() or not (long or not counts[5:].any()):
        return None
    return "".join("1" if day else "0" for day in (usual if long else np.arange(7) < 5))


def _intraday(series: list[Array], step: int, zone: str) -> Clock | None:
    """Bars of trading sessions, of days or of weeks; None for anything else."""
    stamps = to_local(np.concatenate(series), zone)
    owner = np.repeat(np.arange(len(series)), [len(one) for one in series])
    clock = Clock("sessions", freq_of(step), zone)
    return _daily_sessions(series, stamps, owner, clock) or _weekly_sessions(stamps, owner, clock)


def _daily_sessions(series: list[Array], stamps: Array, owner: Array, clock: Clock) -> Clock | None:
    """The clock with the same hours of some weekdays, nearly whole but for pauses, and none at
    night; None for anything else.
    """
    days = stamps.astype("datetime64[D]")
    first = _edges(days, owner)[0]
    mask = _weekmask(series, days[first])
    if mask is None or len(first) < SESSIONS:
        return None
    made = _with_bars(replace(clock, weekmask=mask), _hour(stamps), *_edges(days, owner))
    return made if made is not None and made.lasting <= 0.75 * DAY else None


def _weekly_sessions(stamps: Array, owner: Array, clock: Clock) -> Clock | None:
    """The clock with the same hours of the week, nearly whole but for pauses, and a weekend that
    nearly all weeks keep; None for anything else.
    """
    cut = _weekend(stamps)
    if cut is None:
        return None
    hour = _after_cut(stamps, cut)
    mondays = (stamps - hour.astype("timedelta64[ns]")).astype("datetime64[D]")
    if len(np.unique(mondays)) < SESSIONS:
        return None
    made = _with_bars(replace(clock, weekmask=_MONDAYS), hour, *_edges(mondays, owner))
    if made is None or not made.weekly:
        return None
    return replace(made, opens=made.opens % WEEK)


def _weekend(stamps: Array) -> int | None:
    """Nanoseconds from Monday to the middle of the longest pause of the week, a day at least, that
    nearly all weeks keep; None without one.
    """
    hours = ((stamps.astype("int64") - _MONDAY) % WEEK) // HOUR
    counts = np.bincount(hours, minlength=WEEK // HOUR)
    open_hours = np.flatnonzero(counts > (1 - WHOLE) * counts.max())
    closed = np.diff(open_hours, append=open_hours[0] + WEEK // HOUR) - 1  # round the week
    longest = int(closed.argmax())
    if closed[longest] * HOUR < DAY:
        return None
    middle = int(open_hours[longest] + 1) * HOUR + int(closed[longest]) * HOUR // 2
    return middle % WEEK


def _edges(session: Array, owner: Array) -> tuple[Array, Array]:
    """The first and the last row of each session of each series; both (n,), a session named by its
    date.
    """
    edge = np.flatnonzero((session[1:] != session[:-1]) | (owner[1:] != owner[:-1])) + 1
    return np.append(0, edge), np.append(edge, len(session)) - 1


def _with_bars(clock: Clock, hour: Array, first: Array, last: Array) -> Clock | None:
    """The clock with the hours of most sessions, nearly whole but for pauses; None where they have
    none in common.

    hour: nanoseconds of rows (n,) since midnight of the date of their session; first, last: the
    rows that begin and end each session.
    """
    spans = hour[last] - hour[first]
    opens = majority(hour[first])
    span = majority(spans)
    if span < clock.step or (spans == span).mean() < MOST:
        return None
    clock = replace(clock, opens=opens, pauses=_pauses(hour, last, opens, span, clock.step))
    bar, past = _place(hour, clock)
    if (past % clock.step).any() or len(hour) < WHOLE * (bar[last] - bar[first] + 1).sum():
        return None
    return replace(clock, bars=int(_place(np.array(opens + span), clock)[0]) + 1)


def _pauses(hour: Array, last: Array, opens: int, span: int, step: int) -> tuple[tuple[int, int], ...]:
    """The pauses of a clock, of rows (n,) at these hours, the last of each day at `last`: waits
    between bars that nearly all days have.

    Of a long one it is enough that most days have it, for a break may have moved: a few missing
    bars at the same hour are no such wait.
    """
    wait = np.diff(hour, append=0)
    wait[last] = step
    before = np.flatnonzero(wait > step)
    starts, counts = np.unique(hour[before], return_counts=True)
    pauses: list[tuple[int, int]] = []
    for start in starts[
        (counts > MOST * len(last)) & (starts >= opens)
    ].tolist():  # more than half: some day has any two of them
        waits = wait[before[hour[before] == start]]
        usual = majority(waits)
        share = MOST if usual - step >= (1 - WHOLE) * span else WHOLE
        if np.count_nonzero(waits == usual) > share * len(last) and start + usual <= opens + span:
            traded = start - opens - sum(lasts for _, lasts in pauses)
            pauses.append((traded // step + 1, usual - step))
    days = 1 + span // DAY
    return tuple(pauses) if len(pauses) <= PAUSES * days else ()


def begin_of(bar: Array, clock: Clock) -> Array:
    """Nanoseconds after midnight of the date of their session at which bars of these numbers begin,
    int64: the inverse of `bar_of`.
    """
    return (
        clock.opens
        + bar * clock.step
        + sum(np.where(bar >= before, lasts, 0) for before, lasts in clock.pauses)
    )


def _place(hour: Array, clock: Clock) -> tuple[Array, Array]:
    """(the number of the last bar that has begun, nanoseconds since then) at each hour, in
    nanoseconds after midnight; a step or more in a pause.
    """
    traded = hour - clock.opens
    for before, lasts in clock.pauses:
        pause = before * clock.step
        traded = np.where(traded >= pause + lasts, traded - lasts, np.minimum(traded, pause - 1))
    bar = traded // clock.step
    return bar, hour - begin_of(bar, clock)


def _hour(local: Array) -> Array:
    """Nanoseconds after midnight, int64."""
    return (local - local.astype("datetime64[D]").astype("datetime64[ns]")).astype("int64")


def _after_cut(local: Array, cut: int) -> Array:
    """Nanoseconds after midnight of a Monday, int64, from `cut` on and for a week: what lies before
    it belongs to the week before.
    """
    return cut + (local.astype("int64") - _MONDAY - cut) % WEEK


def _hour_of_session(local: Array, clock: Clock) -> Array:
    """Nanoseconds since midnight of the date of its session, int64; a session of a week is cut in
    the middle of its weekend.
    """
    if not clock.weekly:
        return _hour(local)
    return _after_cut(local, clock.opens - (WEEK - clock.lasting) // 2)


def session_of(local: Array, clock: Clock) -> Array:
    """The date of the session of each local stamp, datetime64[D]: its day, or the Monday from which
    the hours of its week are counted.
    """
    if not clock.weekly:
        return local.astype("datetime64[D]")
    return (local - _hour_of_session(local, clock).astype("timedelta64[ns]")).astype("datetime64[D]")


def bar_of(local: Array, clock: Clock) -> Array:
    """The number of the last bar of its session that has begun at each local stamp, int64, 0 for
    the one that opens it.
    """
    return _place(_hour_of_session(local, clock), clock)[0]


def in_hours(local: Array, clock: Clock) -> Array:
    """Whether each local stamp lies in a bar of a session, so neither before nor after it nor in a
    pause.
    """
    bar, past = _place(_hour_of_session(local, clock), clock)
    return (bar >= 0) & (bar < clock.bars) & (past < clock.step)


def bars_of(clock: Clock) -> Array:
    """How many bars each session of the exchange of a clock has: a half day those that begin before
    it ends.
    """
    ends = begin_of(np.array(clock.bars - 1), clock) + clock.step - early_of(clock.calendar)
    return np.maximum(_place(ends - 1, clock)[0] + 1, 1)


def missing_bars(local: Array, clock: Clock) -> tuple[Array, Array]:
    """(stamps, rows before them) of bars that one series of sessions lacks, of those that most of
    its sessions have; local (n,) rises.

    Without a calendar a session is asked for what lies between its own first and last bar, for it
    may be a half day; with one for its whole session, where its bars keep the hours of the clock
    and it is not the first or the last day.
    """
    days, sizes = np.unique(session_of(local, clock), return_counts=True)
    bar = bar_of(local, clock)
    stops = np.cumsum(sizes)
    numbers, counts = np.unique(bar, return_counts=True)
    usual = numbers[2 * counts > len(days)]
    low = bar[stops - sizes]
    high = bar[stops - 1]
    if clock.calendar and len(days):
        sessions = sessions_of(clock.calendar)
        at = np.minimum(np.searchsorted(sessions, days), len(sessions) - 1)
        whole = (sessions[at] == days) & (low >= 0) & (high < clock.bars)
        low[1:] = np.where(whole, 0, low)[1:]
        high[:-1] = np.where(whole, np.maximum(high, bars_of(clock)[at] - 1), high)[:-1]
    day, column = np.nonzero((usual >= low[:, None]) & (usual <= high[:, None]))
    wanted = days[day].astype("datetime64[ns]") + begin_of(usual[column], clock).astype("timedelta64[ns]")
    absent = np.setdiff1d(wanted, local)
    return absent, np.maximum(np.searchsorted(local, absent) - 1, 0)


def _parts_of_months(stamps: Array) -> Clock | None:
    """Three or two stamps a month, or every 8 or 16 days anew each year, on the first or the last
    days of these parts; None for anything else.
    """
    different = np.unique(stamps)
    for letter in _BEGINS:
        for edge in ("S", "E"):
            clock = Clock("calendar", letter + edge)
            if (clock.position(different) >= 0).all():
                return clock
    return None


def _monthly(series: list[Array], stamps: Array) -> Clock | None:
    """Months, quarters or years: one stamp each, on the first or the last day, on the same day, or
    near an end; None where steps are days.
    """
    months = np.concatenate(
        [np.diff(one.astype("datetime64[M]").astype("int64")) for one in series if len(one) > 1]
    )
    size = {months: letter for letter, months in _MONTHS.items()}.get(majority(months))
    days = stamps.astype("datetime64[D]")
    first = stamps.astype("datetime64[M]").astype("datetime64[D]")
    since = (days - first).astype("int64")
    until = ((stamps.astype("datetime64[M]") + 1).astype("datetime64[D]") - days).astype("int64") - 1
    if size is None or (months < 1).any():
        return None
    if (until <= 3).all() and not (since <= 3).all():
        return Clock("calendar", size + "E")
    same = since.max() - since.min() == 0 or ((since == since.max()) | (until == 0)).all()
    return Clock("calendar", size + "S") if same or (since <= 3).all() else None


def even_step(times: Array) -> int:
    """The one step in ns that lies between all neighbours of datetime64[ns] (n,); 0 where there are
    several, or fewer than two stamps.
    """
    raw = times.view("int64")
    step = int(np.diff(raw[:2])[0]) if len(raw) > 1 else 0
    for start in range(
        0, len(raw) - 1, 1 << 15
    ):  # block by block, near in memory, and no further than the first other step
        block = raw[start : start + (1 << 15) + 1]
        if (block[1:] - block[:-1] != step).any():
            return 0
    return step


def freq_of(step: int) -> str:
    """Nanoseconds as a pandas frequency in its largest whole unit."""
    for unit, length in (
        ("D", DAY),
        ("h", 3600 * 10**9),
        ("min", 60 * 10**9),
        ("s", 10**9),
        ("ms", 10**6),
        ("us", 10**3),
    ):
        if step % length == 0:
            return f"{step // length}{unit}"
    return f"{step}ns"


def usual_step(stamps: Array) -> str:
    """The step that people use which irregular stamps, sorted, come nearest to: 1h for one of 3,603
    s; else the next longer one.
    """
    median = float(np.median(np.diff(stamps).astype("int64"))) if len(stamps) > 1 else DAY
    sizes = {step: int(pd.Timedelta(step).as_unit("ns").value) for step in STEPS}
    near = [step for step, size in sizes.items() if abs(size - median) <= 0.1 * size]
    return near[0] if near else next((step for step, size in sizes.items() if size >= median), STEPS[-1])


def show(stamp: Any) -> str:
    """A stamp as short as it goes: the date alone at midnight."""
    text = str(pd.Timestamp(stamp))
    return text.removesuffix(" 00:00:00").removesuffix(":00") if text.endswith(":00") else text
