"""The clock of a panel: what one step is, which stamps come next, which seasons it can have.

Stamps are `datetime64[ns]` (UTC) or, on the step clock, `int64` row numbers. Everything here is a function of stamps, never of values.
"""

import re
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from forecast.errors import ForecastError
from forecast.files import Array

DAY = 86_400 * 10**9
CYCLES = {"day": DAY, "week": 7 * DAY, "year": round(365.2425 * DAY)}  # ns; the year is the Gregorian mean
_SPANS = {"s": 10**9, "min": 60 * 10**9, "h": 3600 * 10**9, "d": DAY, "w": 7 * DAY}
_MONDAY = 4 * DAY  # 1970-01-01 was a Thursday: weeks are counted from Monday
_MONTHS = {"M": 1, "Q": 3, "Y": 12}


@dataclass(frozen=True)
class Clock:
    """What one step of a panel is.

    kind `step`: rows in order, no dates. `fixed`: a constant step, `freq` such as "1h" or "7D". `calendar`: `freq` is B (business days) or
    MS, ME, QS, QE, YS, YE (first or last day of month, quarter, year). `sessions`: trading days, each series has its own; only the row
    number counts, and future stamps are the next weekdays.
    """

    kind: Literal["step", "fixed", "calendar", "sessions"]
    freq: str = "1"

    @property
    def step(self) -> int:
        """Length of one fixed step in nanoseconds."""
        return int(pd.Timedelta(self.freq).as_unit("ns").value)

    @property
    def words(self) -> str:
        """The step in words, for what is said to the user."""
        if self.kind == "fixed":
            names = {DAY: "daily", 7 * DAY: "weekly", DAY // 24: "hourly"}
            return names.get(self.step, f"every {self.freq}")
        table = {"B": "business days", "M": "monthly", "Q": "quarterly", "Y": "yearly"}
        return {"step": "rows in order, without dates", "sessions": "trading days"}.get(self.kind) or table[self.freq[0]]

    @property
    def seasons(self) -> tuple[int, ...]:
        """Season lengths in steps that follow from the frequency alone, shortest first; none for rows without dates."""
        if self.kind == "fixed":
            if self.step < DAY:
                return tuple(period // self.step for period in (DAY, 7 * DAY) if period % self.step == 0)
            return {DAY: (7,), 7 * DAY: (52,)}.get(self.step, ())
        if self.kind == "calendar":
            return {"B": (5,), "M": (12,), "Q": (4,)}.get(self.freq[0], ())
        return (5,) if self.kind == "sessions" else ()

    @property
    def cycles(self) -> tuple[str, ...]:
        """The cycles of the calendar that are longer than one step, shortest first."""
        if self.kind == "step":
            return ()
        if self.kind == "fixed":
            return tuple(name for name, period in CYCLES.items() if period >= 2 * self.step)
        return ("week", "year") if self.kind == "sessions" or self.freq == "B" else () if self.freq[0] == "Y" else ("year",)

    @property
    def horizon(self) -> int:
        """The default horizon: one day (at most 288 steps) below a day, else 7 days, 5 sessions, 4 weeks, 12 months, 4 quarters, 10 steps."""
        if self.kind == "fixed":
            return min(DAY // self.step, 288) if self.step < DAY else {DAY: 7, 7 * DAY: 4}.get(self.step, 10)
        return {"B": 5, "M": 12, "Q": 4, "Y": 4}[self.freq[0]] if self.kind == "calendar" else {"step": 10, "sessions": 5}[self.kind]

    def steps(self, span: int | str | None) -> int:
        """A horizon in steps: a number, a span such as "24h" or "7d" of a fixed clock, or None for the default of this clock."""
        if span is None:
            return self.horizon
        text = str(span).strip()
        found = re.fullmatch(r"(\d+)\s*(|s|min|h|d|w)", text.lower())
        if not found or int(found[1]) < 1:
            raise ForecastError(f"A horizon is a number of steps, 1 or more, or a span such as 24h or 7d; found {text!r}.")
        if not found[2]:
            return int(found[1])
        if self.kind != "fixed":
            raise ForecastError(f"A horizon of {text!r} cannot be counted: on {self.words} give a number of steps, 1 or more.")
        length = int(found[1]) * _SPANS[found[2]]
        if length % self.step:
            raise ForecastError(f"A horizon of {text} is no whole number of steps: these data are {self.words}.")
        return length // self.step

    def after(self, stamps: Array, offsets: Array) -> Array:
        """Stamps (..., m) that lie `offsets` (m,) steps after `stamps` (...); on the sessions clock the next weekdays are assumed."""
        stamps, offsets = np.asarray(stamps)[..., None], np.asarray(offsets, "int64")
        if self.kind == "step":
            return stamps + offsets
        if self.kind == "fixed":
            return stamps + (offsets * self.step).astype("timedelta64[ns]")
        days = stamps.astype("datetime64[D]")
        if self.kind == "sessions" or self.freq == "B":
            return np.busday_offset(days, offsets, roll="backward").astype("datetime64[ns]") + (stamps - days.astype("datetime64[ns]"))
        months = days.astype("datetime64[M]") + _MONTHS[self.freq[0]] * offsets
        if self.freq.endswith("S"):
            return months.astype("datetime64[D]").astype("datetime64[ns]")
        return ((months + 1).astype("datetime64[D]") - 1).astype("datetime64[ns]")

    def position(self, stamps: Array) -> Array:
        """The number of each stamp on the grid of this clock, int64; -1 where a stamp is not on the grid of the first."""
        if self.kind == "fixed":
            nanoseconds = stamps.astype("int64") - stamps[0].astype("int64")
            return np.where(nanoseconds % self.step == 0, nanoseconds // self.step, -1)
        if self.kind == "calendar" and self.freq != "B":
            months = stamps.astype("datetime64[M]").astype("int64")
            on = self.after(stamps, np.array([0]))[..., 0] == stamps
            whole = (months - months[0]) % _MONTHS[self.freq[0]] == 0
            return np.where(on & whole, (months - months[0]) // _MONTHS[self.freq[0]], -1)
        if self.kind == "calendar":
            days = stamps.astype("datetime64[D]")
            return np.where(np.is_busday(days), np.busday_count(days[0], days), -1)
        return np.arange(len(stamps))

    def harmonics(self, stamps: Array, cycle: str | float, count: int) -> Array:
        """Sines and cosines (..., 2 count) of the first `count` multiples of a cycle: a name in CYCLES, or a number of steps of the step clock."""
        if isinstance(cycle, str):
            period = CYCLES[cycle]
            phase = ((stamps.astype("datetime64[ns]").astype("int64") - _MONDAY) % period) / period
        else:
            phase = (stamps % cycle) / cycle if self.kind == "step" else np.zeros(stamps.shape)
        angle = 2 * np.pi * phase[..., None] * np.arange(1, count + 1)
        return np.concatenate([np.sin(angle), np.cos(angle)], axis=-1)


def infer_clock(series: list[Array]) -> Clock:
    """The clock of stamps `datetime64[ns]` sorted within each series, by the majority of *all* steps, not of the first three."""
    steps = np.concatenate([np.diff(stamps.astype("int64")) for stamps in series if len(stamps) > 1] or [np.array([DAY])])
    lengths, counts = np.unique(steps, return_counts=True)
    common = int(lengths[counts.argmax()])
    stamps = np.concatenate(series)
    days = stamps.astype("datetime64[D]")
    if common == DAY and (days.astype("datetime64[ns]") == stamps).all() and np.is_busday(days).all() and counts.max() < len(steps):
        gaps = sum(int(np.busday_count(one[0].astype("datetime64[D]"), one[-1].astype("datetime64[D]"))) + 1 - len(one) for one in series)
        return Clock("sessions", "session") if gaps else Clock("calendar", "B")
    if common >= 28 * DAY and (days.astype("datetime64[ns]") == stamps).all():
        months = stamps.astype("datetime64[M]")
        first = (months.astype("datetime64[D]") == days).all()
        last = ((months + 1).astype("datetime64[D]") - 1 == days).all()
        if first or last:
            size = next(letter for letter, least in (("Y", 360), ("Q", 85), ("M", 28)) if common >= least * DAY)
            return Clock("calendar", size + ("S" if first else "E"))
    return Clock("fixed", _freq(common))


def _freq(step: int) -> str:
    """Nanoseconds as a pandas frequency in its largest whole unit."""
    for unit, length in (("D", DAY), ("h", 3600 * 10**9), ("min", 60 * 10**9), ("s", 10**9), ("ms", 10**6), ("us", 10**3)):
        if step % length == 0:
            return f"{step // length}{unit}"
    return f"{step}ns"
