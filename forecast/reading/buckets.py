"""Readings of any step gathered into one: ticks into bars, hours into days. Bounds of a day are those of the place."""

from dataclasses import replace
from itertools import pairwise
from typing import Literal, get_args

import numpy as np

from forecast.arrays import Array
from forecast.data.clock import DAY, Clock, freq_of, infer_clock, majority, show
from forecast.data.findings import Report, counted
from forecast.data.zones import to_local
from forecast.reading.grid import Rows
from forecast.reading.tables import Table

How = Literal["mean", "max", "min", "sum", "last"]
HOWS = get_args(How)
ENOUGH = 0.75  # of the readings that a bucket of this length has in a regular file; with fewer it is missing


def gather(
    rows: Rows, clock: Clock, how: str, own: dict[int, How], zone: str, table: Table, report: Report
) -> Rows:
    """One row a bucket and series, of rows in order of time. A bucket is labelled by its beginning and holds what lies before the next one.

    how: mean, max, min, sum or last of the readings of each column, without missing ones; `own` says it for some columns by place.
    Where the file has a regular step, a bucket with under three quarters of the usual number of readings in a column is missing there.
    """
    times = rows.times
    if times is None:
        report.refuse(
            "which-time",
            f"--every {clock.freq} needs stamps, and {table.where} has no time column.",
            remedy="Name it with --time.",
        )
    local = to_local(times, zone) if clock.dated else times
    label = bucket(local, clock)
    first = np.flatnonzero(
        np.concatenate([[True], (label[1:] != label[:-1]) | (rows.series[1:] != rows.series[:-1])])
    )
    length = (clock.after(label[first], np.array([1]))[..., 0] - label[first]).astype("int64")
    step = _step(times, rows.series)
    if step > length.max():
        report.refuse(
            "too-fine",
            f"--every {clock.freq} is finer than the readings of {table.where}, most of which are {freq_of(step)} apart: most steps would have none.",
            remedy=f"Give --every {freq_of(step)} or more, or leave it out.",
        )
    usual = _usual(np.diff(np.append(first, len(times))), length) if step else np.ones(len(first), "int64")
    columns = [_reduced(rows.values[:, j], first, own.get(j, how)) for j in range(rows.values.shape[1])]
    counts = np.stack(
        [
            np.add.reduceat((~np.isnan(rows.values[:, j])).astype("int64"), first)
            for j in range(rows.values.shape[1])
        ],
        axis=1,
    )
    few = (counts < ENOUGH * usual[:, None]) & (counts > 0)
    values = np.where((counts == 0) | few, np.nan, np.stack(columns, axis=1))
    made = Rows(rows.ids, rows.series[first], label[first], values, rows.record(first))
    report.say(
        "every",
        f"{clock.words} by {how} of {counted(len(times), 'row')}{f', days as in {zone}' if zone and clock.dated else ''}",
    )
    short = np.flatnonzero(few[:, 0])
    if len(short):
        records = rows.record(first[short])
        report.say(
            "few-readings",
            f"missing, as under {ENOUGH:.0%} of the readings are there: {len(short):,} of {counted(len(first), 'step')}, the first"
            f" {show(label[first[short[0]]])} with {counts[short[0], 0]} of {usual[short[0]]}",
            rows=table.rows(records),
            example=show(label[first[short[0]]]),
        )
    return made


def clock_of_buckets(rows: Rows, wanted: Clock, zone: str) -> Clock:
    """The clock of gathered rows: the step that was asked for, but sessions where only some weekdays, or hours of them, have readings."""
    wanted = replace(wanted, tz="" if wanted.dated else zone)
    if wanted.kind != "fixed" or wanted.step > DAY:
        return wanted
    assert rows.times is not None
    bounds = rows.bounds()
    found = infer_clock([rows.times[start:stop] for start, stop in pairwise(bounds)], wanted.tz)
    same = (
        found.freq in ("session", "B")
        if wanted.dated
        else found.kind == "sessions" and found.freq == wanted.freq
    )
    return found if same else wanted


def bucket(times: Array, clock: Clock) -> Array:
    """The beginning of the bucket that each stamp lies in; weeks begin on Monday."""
    if clock.kind == "calendar":
        months = times.astype("datetime64[M]").astype("int64")
        size = {"M": 1, "Q": 3, "Y": 12}[clock.freq[0]]
        return (months // size * size).astype("datetime64[M]").astype("datetime64[ns]")
    origin = 4 * DAY if clock.step % (7 * DAY) == 0 else 0  # 1970-01-01 was a Thursday
    nanoseconds = times.astype("int64") - origin
    return (nanoseconds - nanoseconds % clock.step + origin).view("datetime64[ns]")


def _step(times: Array, series: Array) -> int:
    """Nanoseconds between most readings of a series and the next; 0 where they come at no step."""
    inside = np.diff(times.astype("int64"))[series[1:] == series[:-1]]
    inside = inside[inside > 0]
    return (
        majority(inside)
        if len(inside) and np.count_nonzero(inside == majority(inside)) > 0.5 * len(inside)
        else 0
    )


def _usual(sizes: Array, length: Array) -> Array:
    """How many readings each bucket of `sizes` rows and this length would have in the middle of this file, int64 (k,)."""
    return np.maximum(np.round(np.median(sizes / length) * length), 1).astype("int64")


def _reduced(values: Array, first: Array, how: str) -> Array:
    """One value a bucket, of the observed ones."""
    seen = ~np.isnan(values)
    if how == "max":
        return np.fmax.reduceat(values, first)
    if how == "min":
        return np.fmin.reduceat(values, first)
    if how == "last":
        index = np.maximum.reduceat(np.where(seen, np.arange(len(values)), 0), first)
        return values[index]
    total = np.add.reduceat(np.where(seen, values, 0.0), first)
    return total if how == "sum" else total / np.maximum(np.add.reduceat(seen.astype("int64"), first), 1)
