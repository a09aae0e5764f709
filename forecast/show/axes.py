"""Time on the axis of a figure: local stamps that never go back, stamps as text, and steps as a noun."""

import re
from typing import Any

import numpy as np

from forecast.arrays import Array
from forecast.data.clock import DAY, Clock
from forecast.data.options import names_of
from forecast.data.panel import Panel
from forecast.data.zones import to_local
from forecast.reading.columns import units_of

UNITS = (("D", DAY), ("m", 60 * 10**9), ("s", 10**9), ("ms", 10**6), ("ns", 1))  # of stamps, in nanoseconds
FIXED_STEPS = {DAY: "days", 7 * DAY: "weeks", DAY // 24: "hours", DAY // 1440: "minutes"}
CALENDAR_STEPS = {
    "B": "business days",
    "T": "dekads",
    "F": "half months",
    "O": "periods of 8 days",
    "X": "periods of 16 days",
    "M": "months",
    "Q": "quarters",
    "H": "half years",
    "Y": "years",
}
OTHER_STEPS = {"step": "steps", "sessions": "trading days"}


def along(times: Array, zone: str) -> Array:
    """Local stamps of sorted UTC moments (n,) for an axis.

    Where clocks go back, the two hours that have the same local stamps are spread over one.
    """
    local = to_local(times, zone)
    if not zone:
        return local
    offset = local - times
    for k in np.flatnonzero(local[1:] <= local[:-1]):
        back = offset[k] - offset[k + 1]
        begin = times[k + 1].astype("datetime64[h]") - back  # clocks go back on the hour
        twice = (times >= begin) & (times < begin + 2 * back)
        local[twice] = begin + offset[k] + (times[twice] - begin) // 2
    return local


def on_axis(zone: str, *times: Array) -> list[Array]:
    """Local stamps (n,) of several arrays of sorted UTC moments (n,), for the one axis that they share (`along`)."""
    every = np.unique(np.concatenate(times))
    local = along(every, zone)
    return [local[np.searchsorted(every, own)] for own in times]


def stamps_of(times: Array) -> list[Any]:
    """Stamps as text, no finer than they are, or step numbers unchanged."""
    if times.dtype.kind != "M":
        return [int(step) for step in times]
    stamps = times.astype("datetime64[ns]")
    written = np.datetime_as_string(stamps, unit=_unit_of(stamps))  # type: ignore[call-overload]
    return [text.replace("T", " ") for text in written.tolist()]


def _unit_of(stamps: Array) -> str:
    """The coarsest unit in which stamps (n,) can be written."""
    nanoseconds = stamps.astype("int64")
    fitting = [unit for unit, length in UNITS if (nanoseconds % length == 0).all()]
    return fitting[0]


def steps_of(clock: Clock, count: int = 2) -> str:
    """The steps of a clock as a noun: hours, trading days, steps of 10min."""
    noun = _steps_of(clock)
    return noun if count != 1 else re.sub("s( of|$)", r"\1", noun, count=1)


def _steps_of(clock: Clock) -> str:
    if clock.kind == "fixed" or clock.bars > 1:
        return FIXED_STEPS.get(clock.step, f"steps of {clock.freq}")
    if clock.kind == "calendar":
        return CALENDAR_STEPS[clock.freq[0]]
    return OTHER_STEPS[clock.kind]


def time_title(clock: Clock) -> str:
    """What the stamps of a clock are: a time of a place, a date, or a step."""
    if clock.kind == "step":
        return "step"
    return "date" if clock.dated else f"time ({clock.tz or 'UTC'})"


def unit_of(panel: Panel) -> str:
    """The unit of the target, as the file was read; empty where it has none."""
    return units_of(names_of(panel.reading.unit)).get(panel.target, "")


def with_unit(name: str, unit: str) -> str:
    """A name and its unit, as an axis or the head of a column has them."""
    return f"{name}, {unit}" if unit else name
