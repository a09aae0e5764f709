"""Steps that rows are gathered into, as a user writes them: 1h, 15min, D, W-SAT, M, Q-NOV, YE-JUN."""

import re
from dataclasses import dataclass

import numpy as np

from forecast.arrays import Array
from forecast.data.clock import DAY, Clock, clock_of, parse_span
from forecast.errors import ForecastError

WEEK = 7 * DAY
MONDAY = 4 * DAY  # 1970-01-01 was a Thursday
WEEKDAYS = ("MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN")
MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
SIZES = {"M": 1, "Q": 3, "H": 6, "Y": 12}  # months, by the first letter of a calendar's frequency
SPELLED = re.compile(r"\s*(\d*\s*[A-Za-z]+)-([A-Za-z]{3})\s*")
AT_ITS_END = re.compile(r"\s*\d*\s*[MQYA]E?(-[A-Za-z]{3})?\s*")
NAMED_BY_END = re.compile(r"\s*\d*\s*[MQYA]E(-[A-Za-z]{3})?\s*")


@dataclass(frozen=True)
class Every:
    """The steps of `every`: their clock, and where in the calendar one begins.

    begins: the weekday of weeks (0 = Monday), the month of quarters, half years and years (0 =
    January). A step is named by its beginning, or by its last day where the clock says so (ME).
    """

    clock: Clock
    begins: int = 0

    @property
    def weekly(self) -> bool:
        """Whether a step is a number of weeks."""
        return self.clock.kind == "fixed" and self.clock.step % WEEK == 0

    @property
    def words(self) -> str:
        """The steps in words, with where they begin if that is not where all do."""
        if not self.begins:
            return self.clock.words
        if self.weekly:
            return f"{self.clock.words}, from {WEEKDAYS[self.begins].title()} on"
        return f"{self.clock.words}, from {MONTHS[self.begins].title()} on"

    def begin(self, times: Array) -> Array:
        """The beginning of the step that each stamp (n,) lies in, datetime64[ns]."""
        if self.clock.kind == "calendar":
            size = SIZES[self.clock.freq[0]]
            months = times.astype("datetime64[M]").astype("int64") - self.begins
            first = months // size * size + self.begins
            return first.astype("datetime64[M]").astype("datetime64[ns]")
        origin = 0
        if self.weekly:
            origin = MONDAY + self.begins * DAY
        nanoseconds = times.astype("datetime64[ns]").astype("int64") - origin
        return (nanoseconds - nanoseconds % self.clock.step + origin).view("datetime64[ns]")

    def end(self, begin: Array) -> Array:
        """Where the steps that begin at `begin` (n,) end: the beginning of the next ones."""
        if self.clock.kind == "calendar":
            months = begin.astype("datetime64[M]") + SIZES[self.clock.freq[0]]
            return months.astype("datetime64[ns]")
        return begin + np.timedelta64(self.clock.step, "ns")

    def label(self, begin: Array) -> Array:
        """The stamps of the steps that begin at `begin` (n,): that, or their last day."""
        if self.clock.kind == "calendar" and self.clock.freq.endswith("E"):
            return self.end(begin) - np.timedelta64(DAY, "ns")
        return begin


def every_of(text: str) -> Every:
    """The steps that a user writes. ForecastError where there are none such."""
    spelled = SPELLED.fullmatch(text)
    unit = spelled[1] if spelled else text
    clock = clock_of(unit)
    if NAMED_BY_END.fullmatch(text):
        clock = Clock("calendar", f"{clock.freq[0]}E")
    if spelled is None:
        return Every(clock)
    anchor = spelled[2].upper()
    letter = parse_span(unit)[1]
    if letter == "W":
        last = _place(anchor, WEEKDAYS, text, "weekday, on which its weeks end,")
        return Every(clock, (last + 1) % 7)
    if letter in ("Q", "Y"):
        month = _place(anchor, MONTHS, text, "month")
        ends = AT_ITS_END.fullmatch(text) is not None  # QS-DEC names the month that begins a quarter
        return Every(clock, (month + ends) % SIZES[clock.freq[0]])
    raise ForecastError(
        f"A step of {text!r} is none that there is: a weekday stands after W alone (W-SAT: weeks"
        " that end on"
        " Saturday), a month after Q or Y (Q-NOV, YE-JUN)."
    )


def _place(anchor: str, names: tuple[str, ...], text: str, what: str) -> int:
    """The place of a weekday or a month among all; ForecastError where it is none."""
    if anchor not in names:
        raise ForecastError(
            f"`every={text}` names no {what} after the dash: found {anchor!r}. There is: {', '.join(names)}."
        )
    return names.index(anchor)
