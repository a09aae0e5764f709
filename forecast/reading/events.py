"""Events at the door: the columns that a condition needs, and what is to be known of the event before it is forecast."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from forecast.arrays import Array
from forecast.data.events import Condition
from forecast.data.findings import Report, counted, listed
from forecast.data.options import Reading, split_names
from forecast.data.panel import Panel, Role
from forecast.errors import ForecastError, nearest

RARE = 10  # an event, or its absence, that was seen less often cannot be learned


def with_its_target(reading: Reading, condition: Condition) -> Reading:
    """The reading whose target is the first column of a condition: an event is made of it when all is read."""
    first = condition.columns[0]
    if reading.target is not None and split_names(reading.target, (first,)) != (first,):
        raise ForecastError(
            f"`event={condition}` is what is forecast, and it is of the column {first}. Leave `target` out."
        )
    return replace(reading, target=(first,), event=str(condition))


def with_its_columns(
    roles: dict[str, Role],
    categories: tuple[str, ...],
    condition: Condition,
    kinds: Mapping[str, str],
) -> tuple[dict[str, Role], tuple[str, ...]]:
    """The roles with the other columns of a condition, which are past columns, and the categories with those that hold names."""
    made = dict(roles)
    names = categories
    for name in condition.columns:
        if name in made or kinds.get(name) not in ("number", "text"):
            continue
        made[name] = "past"
        if kinds[name] == "text":
            names = (*names, name)
    return made, names


def refuse_absent_in_event(condition: Condition, kinds: Mapping[str, str], report: Report) -> None:
    """Refuse a condition on a column that is not in the file, or holds neither numbers nor names.

    kinds: of the columns that hold neither stamps nor series.
    """
    for name in condition.columns:
        if kinds.get(name) in ("number", "text"):
            continue
        known = [other for other, kind in kinds.items() if kind in ("number", "text")]
        what = "holds neither numbers nor names" if name in kinds else "is not there"
        report.refuse(
            "no-such-column",
            f"`event={condition}`: column {name!r} {what}.{nearest(name, known)}",
        )


def look_at_event(panel: Panel, report: Report, *, newer: bool) -> None:
    """Report how often an event took place; one that always did, or never, is refused.

    newer: these are rows that follow others, in which it may be so.
    """
    history = panel.history()
    codes = np.concatenate([history.values[history.rows(i), 0] for i in range(len(panel.ids))])
    seen = codes[~np.isnan(codes)]
    times = int(seen.sum())
    missing = len(codes) - len(seen)
    more = f", {missing:,} are missing" if missing else ""
    share = f" ({times / len(seen):.1%})" if len(seen) else ""
    report.say("event", f"event {panel.target}: in {times:,} of {counted(len(seen), 'row')}{share}{more}")
    if newer:
        return
    _say_open_end(history, report)
    if not len(seen) or times in (0, len(seen)):
        always = "always" if len(seen) and times else "never"
        report.refuse(
            "no-event",
            f"`event={panel.target}` is {always} true in this file, so there is nothing to forecast"
            f" ({_range(panel)}).",
            remedy="Give another value.",
        )
    if min(times, len(seen) - times) < RARE:
        fewer = counted(min(times, len(seen) - times), "row")
        what = "have the event" if times < RARE else "are without the event"
        report.say("rare-event", f"only {fewer} {what}: too few to learn from, or to test on")


def _say_open_end(history: Panel, report: Report) -> None:
    """Report that the event is not known in the last rows: a forecast begins there, before the end of the file."""
    ends = history.lengths - history.known()
    longest = int(ends.max())
    if longest:
        report.say(
            "missing",
            f"the event is not known in the last {counted(longest, 'row')} of {history.ids[int(ends.argmax())]}: a forecast begins"
            " after the last row in which it is",
        )


def _range(panel: Panel) -> str:
    """What the column of an event holds, in words."""
    column = panel.columns[1]
    if column.names is not None:
        return f"{column.name} holds {listed(column.names)}"
    values = panel.values[:, 1]
    low: Array = np.fmin.reduce(values)
    high: Array = np.fmax.reduce(values)
    return f"{column.name} lies between {low:g} and {high:g}"
