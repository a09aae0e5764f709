"""Readings of any step gathered into one: ticks into bars, hours into days. Bounds of a day are
those of the place.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Literal, get_args

import numpy as np

from forecast.arrays import Array
from forecast.data.clock import DAY, Clock, freq_of, infer_clock, show
from forecast.data.every import Every
from forecast.data.findings import Report, counted
from forecast.data.zones import to_local, to_utc
from forecast.errors import ForecastError, nearest
from forecast.reading.grid import Rows
from forecast.reading.steps import say_changes, step_by_part
from forecast.reading.tables import Table

How = Literal["mean", "max", "min", "sum", "last"]
HOWS: tuple[How, ...] = get_args(How)
WAYS: dict[str, How] = {way: way for way in HOWS}
ENOUGH = 0.75  # of the readings that a bucket has in a regular file; with fewer it is missing
REGULAR = 0.95  # of the readings that its step promises are there: then a bucket has as many as steps


def ways_of(given: Sequence[str]) -> tuple[How, dict[str, How]]:
    """How columns are gathered: all of them, and by name those that have their own way, of texts such as sum, or rain=sum.

    ForecastError where there is no such way, or where all columns are given two.
    """
    whole: How = "mean"
    own: dict[str, How] = {}
    for place, text in enumerate(given):
        name, _, asked = text.rpartition("=")
        way = WAYS.get(asked)
        if way is None:
            raise ForecastError(f"There is no way `how={text}` to gather rows.{nearest(asked, HOWS)}")
        if name:
            own[name] = way
        elif place:
            raise ForecastError(
                f"`how={','.join(given)}` gives all columns a way after others: give it first, then"
                " those of single columns, such as `how=mean,rain=sum`."
            )
        else:
            whole = way
    return whole, own


@dataclass(frozen=True)
class Gathering:
    """How rows become steps.

    how: mean, max, min, sum or last of the readings of each column, without missing ones; own: of
    some columns, by place; words: both, as they are reported · zone: the place whose days count · ends: a stamp names the end of its
    reading, so that a reading at midnight is of the day before · known: columns go on after the
    target, which are known ahead.
    """

    every: Every
    how: str
    own: dict[int, How]
    words: str
    zone: str
    ends: bool = False
    known: bool = False


@dataclass(frozen=True, eq=False)
class Buckets:
    """Steps that rows lie in, each a run of rows of one series.

    first int64 (k,): the first row of each · begin datetime64[ns] (k,): when it begins, local time
    for dates · length, step int64 (k,): nanoseconds that it lasts, and from one of its readings to
    the next, 0 where there is no step · usual, whole int64 (k,): how many readings it would have in
    the middle of this file, and how many it has when none is missing, 0 where that is not known.
    """

    first: Array
    begin: Array
    length: Array
    step: Array
    usual: Array
    whole: Array


def gather(rows: Rows, ways: Gathering, table: Table, report: Report) -> Rows:
    """One row per step and series, of rows in order of time, named by its beginning or its last
    day.

    A step in progress at the end of a series is left out. Where the file has a regular step, a step
    with under three quarters of the usual number of readings in a column is missing there, and a
    sum of fewer than all readings is scaled up to these. All of this is reported.
    """
    every = ways.every
    if rows.times is None:
        report.refuse(
            "which-time",
            f"`every={every.clock.freq}` needs stamps, and {table.where} has no time column.",
            remedy="Name it with `time`.",
        )
    steps = step_by_part(rows)
    say_changes(rows, steps, ways.zone, "", table, report)
    buckets = _buckets(rows, steps, ways)
    finest = int(buckets.step.min())
    if finest > buckets.length.max():
        report.refuse(
            "too-fine",
            f"`every={every.clock.freq}` is finer than the readings of {table.where}, most of which"
            f" are {freq_of(finest)} apart: most steps would have none.",
            remedy=f"Give `every={freq_of(finest)}` or more, or leave it out.",
        )
    _say_gathered(rows, ways, report)
    last = _in_progress(rows, buckets, ways)
    if len(last):
        rows, kept = _without_progress(rows, buckets, last, ways, table, report)
        buckets = _buckets(rows, steps[kept], ways)
    return Rows(
        rows.ids,
        rows.series[buckets.first],
        every.label(buckets.begin),
        _values(rows, buckets, ways, table, report),
        rows.record(buckets.first),
    )


def clock_of_buckets(rows: Rows, wanted: Clock, zone: str) -> Clock:
    """The clock of gathered rows: the step that was asked for, but sessions where only some
    weekdays, or hours of them, have readings.
    """
    wanted = replace(wanted, tz="" if wanted.dated else zone)
    if wanted.kind != "fixed" or wanted.step > DAY:
        return wanted
    assert rows.times is not None
    bounds = rows.bounds()
    found = infer_clock([rows.times[start:stop] for start, stop in pairwise(bounds)], wanted.tz)
    if wanted.dated and found.freq in ("session", "B"):
        return found
    if not wanted.dated and found.kind == "sessions" and found.freq == wanted.freq:
        return found
    return wanted


def _buckets(rows: Rows, steps: Array, ways: Gathering) -> Buckets:
    """The steps that rows in order lie in."""
    assert rows.times is not None
    clock = ways.every.clock
    zone = ways.zone if clock.dated else ""
    local = to_local(rows.times, zone)
    if ways.ends:
        local = local - np.timedelta64(1, "ns")
    begin = ways.every.begin(local)
    other = (begin[1:] != begin[:-1]) | (rows.series[1:] != rows.series[:-1])
    first = np.flatnonzero(np.concatenate([[True], other]))
    begin = begin[first]
    lasting = to_utc(ways.every.end(begin), zone) - to_utc(begin, zone)
    length = lasting.astype("int64")
    step = steps[first]
    seen = _seen_length(rows, local, first, begin, ways)
    sizes = np.diff(np.append(first, len(rows.times)))
    usual, whole = _readings(sizes, step, length, seen)
    return Buckets(first, begin, length, step, usual, whole)


def _readings(sizes: Array, step: Array, length: Array, seen: Array) -> tuple[Array, Array]:
    """How many readings buckets of these sizes, steps and lengths usually have, and how many when none is
    missing, both int64 (k,); seen: the part of the length that their series covers.
    """
    usual = np.ones(len(sizes), "int64")
    whole = np.zeros(len(sizes), "int64")
    for one in np.unique(step[step > 0]):
        part = np.flatnonzero(step == one)
        usual[part] = np.maximum(np.round(np.median(sizes[part] / length[part]) * length[part]), 1)
        some = part[seen[part] > 0]
        if len(some) and np.median(sizes[some] * one / seen[some]) >= REGULAR:
            whole[part] = np.round(length[part] / one)
    return usual, whole


def _seen_length(rows: Rows, local: Array, first: Array, begin: Array, ways: Gathering) -> Array:
    """Nanoseconds of each bucket (k,) in which its series has begun and is not over, int64; 0 for
    the first one and the last one of a series where they do not reach its end, or its beginning.
    """
    series = rows.series[first]
    end = ways.every.end(begin)
    last = np.append(first[1:], len(local)) - 1
    opens = np.append(True, series[1:] != series[:-1])
    closes = np.append(series[1:] != series[:-1], True)
    step = np.zeros(len(first), "timedelta64[ns]")
    several = last > first
    step[several] = local[last[several]] - local[last[several] - 1]
    from_begin = local[first] <= begin + step
    to_end = local[last] + step >= end
    bounded = (~opens | to_end | (closes & from_begin)) & (~closes | from_begin | (opens & to_end))
    starts = np.where(opens, local[first], begin)
    stops = np.where(closes, local[last] + step, end)
    return np.where(bounded, (stops - starts).astype("int64"), 0)


def _say_gathered(rows: Rows, ways: Gathering, report: Report) -> None:
    """Report the step, how it is made, and of which days."""
    days = ""
    if ways.zone and ways.every.clock.dated:
        days = f", days as in {ways.zone}"
    ends = ", a stamp names the end of its reading" if ways.ends else ""
    report.say(
        "every",
        f"{ways.every.words} by {ways.words} of {counted(len(rows.series), 'row')}{days}{ends}",
    )


def _in_progress(rows: Rows, buckets: Buckets, ways: Gathering) -> Array:
    """The last rows of series whose last step is not over then, int64; with columns that are known
    ahead the last rows with a target.
    """
    assert rows.times is not None
    observed = np.arange(len(rows.times))
    if ways.known:
        observed = np.flatnonzero(~np.isnan(rows.values[:, 0]))
    series = rows.series[observed]
    last = observed[np.append(series[1:] != series[:-1], np.ones(min(1, len(series)), bool))]
    place = np.searchsorted(buckets.first, last, side="right") - 1
    over = to_local(rows.times[last], ways.zone if ways.every.clock.dated else "")
    if not ways.ends:
        over = over + buckets.step[place].astype("timedelta64[ns]")
    going_on = (buckets.whole[place] > 0) & (over < ways.every.end(buckets.begin[place]))
    return last[going_on]


def _without_progress(
    rows: Rows, buckets: Buckets, last: Array, ways: Gathering, table: Table, report: Report
) -> tuple[Rows, Array]:
    """The rows without the steps in progress that `last` lie in, and which rows these are; with
    columns that are known ahead all rows, without the target in those steps.
    """
    assert rows.times is not None
    place = np.searchsorted(buckets.first, last, side="right") - 1
    label = show(ways.every.label(buckets.begin[place[:1]])[0])
    records = rows.record(last)
    stamp = show(to_local(rows.times[last[:1]], ways.zone)[0])
    if len(place) == len(buckets.first):
        report.refuse(
            "no-rows",
            f"No step is over ({ways.every.words}): the readings of {label} end in"
            f" {table.at(records[:1]).lower()}, {stamp}.",
            rows=table.rows(records),
            remedy="Give the rows of a whole step, from its first reading on.",
        )
    many = "" if len(place) == 1 else f" of {len(place)} series"
    report.say(
        "in-progress",
        f"the last step{many}, {label}, is not over: its readings end in"
        f" {table.at(records[:1]).lower()},"
        f" {stamp}; it is left out",
        rows=table.rows(records),
        example=label,
    )
    bucket = np.searchsorted(buckets.first, np.arange(len(rows.times)), side="right") - 1
    inside = np.isin(bucket, place)
    if not ways.known:
        kept = np.flatnonzero(~inside)
        return rows.take(kept), kept
    values = rows.values.copy()
    values[inside, 0] = np.nan
    return replace(rows, values=values), np.arange(len(rows.times))


def _values(rows: Rows, buckets: Buckets, ways: Gathering, table: Table, report: Report) -> Array:
    """The gathered columns (k, C), NaN where readings are too few."""
    columns: list[Array] = []
    for j in range(rows.values.shape[1]):
        how = ways.own.get(j, ways.how)
        cells = rows.values[:, j]
        seen = np.add.reduceat((~np.isnan(cells)).astype("int64"), buckets.first)
        few = (seen < ENOUGH * buckets.usual) & (seen > 0)
        values = _reduced(cells, buckets.first, how)
        values[few | (seen == 0)] = np.nan
        scaled = np.zeros(len(values), bool)
        if how == "sum":
            scaled = (seen < buckets.whole) & ~np.isnan(values)
            values[scaled] *= buckets.whole[scaled] / seen[scaled]
        if j == 0:
            _say_few(few, seen, rows, buckets, ways, table, report)
            _say_scaled(scaled, seen, rows, buckets, ways, table, report)
        columns.append(values)
    return np.stack(columns, axis=1)


def _say_scaled(
    scaled: Array, seen: Array, rows: Rows, buckets: Buckets, ways: Gathering, table: Table, report: Report
) -> None:
    """Report steps (k,) whose sum was scaled up, with how many readings they have, `seen` (k,)."""
    some = np.flatnonzero(scaled)
    if not len(some):
        return
    records = rows.record(buckets.first[some])
    label = show(ways.every.label(buckets.begin[some[:1]])[0])
    report.say(
        "scaled-sum",
        f"sums of fewer readings than a step has are scaled up to all of them: {len(some):,} of"
        f" {counted(len(scaled), 'step')}, the first {label} with {seen[some[0]]} of"
        f" {buckets.whole[some[0]]}",
        rows=table.rows(records),
        example=label,
    )


def _say_few(
    few: Array, seen: Array, rows: Rows, buckets: Buckets, ways: Gathering, table: Table, report: Report
) -> None:
    """Report steps (k,) whose target is missing, as they have too few readings, `seen` (k,)."""
    short = np.flatnonzero(few)
    if not len(short):
        return
    records = rows.record(buckets.first[short])
    label = show(ways.every.label(buckets.begin[short[:1]])[0])
    report.say(
        "few-readings",
        f"missing, as under {ENOUGH:.0%} of the readings are there: {len(short):,} of"
        f" {counted(len(few), 'step')}, the first {label} with {seen[short[0]]} of"
        f" {buckets.usual[short[0]]}",
        rows=table.rows(records),
        example=label,
    )


def _reduced(values: Array, first: Array, how: str) -> Array:
    """One value a bucket (k,), of the observed ones."""
    seen = ~np.isnan(values)
    if how == "max":
        return np.fmax.reduceat(values, first)
    if how == "min":
        return np.fmin.reduceat(values, first)
    if how == "last":
        index = np.maximum.reduceat(np.where(seen, np.arange(len(values)), 0), first)
        return values[index]
    total = np.add.reduceat(np.where(seen, values, 0.0), first)
    if how == "sum":
        return total
    return total / np.maximum(np.add.reduceat(seen.astype("int64"), first), 1)
