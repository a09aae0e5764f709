"""Rows in any order become series on their clock: sorted, without duplicates, a gap = rows of NaN.
What was done is said with its rows.
"""

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from forecast.arrays import Array
from forecast.data.clock import (
    DAY,
    Clock,
    clock_of,
    even_step,
    freq_of,
    infer_clock,
    majority,
    show,
    usual_step,
)
from forecast.data.findings import Report, counted, listed
from forecast.data.zones import to_local, to_utc
from forecast.reading.tables import Table

SPARSE = 50  # times more grid steps than rows: then the step found cannot be the clock of the file
LONGER = {"1D": DAY, "7D": 7 * DAY, "M": 31 * DAY}  # steps for series that are too sparse
NEAR = 0.1  # of a step that a stamp may lie away from it to be taken for it
SAID = 5  # series of which a gap is said one by one


@dataclass(frozen=True, eq=False)
class Rows:
    """Observations on their way to a panel.

    ids (S,) sorted · series int (n,): the series of each row · times datetime64[ns] (n,), None
    where rows are steps · values float64 (n, C) · records int64 (n,): the record of the file that
    each row comes from, None = in order.
    """

    ids: tuple[str, ...]
    series: Array
    times: Array | None
    values: Array
    records: Array | None = None

    def take(self, index: Array) -> "Rows":
        """The rows at `index`."""
        times = None if self.times is None else self.times[index]
        return Rows(
            self.ids,
            self.series[index],
            times,
            self.values[index],
            index if self.records is None else self.records[index],
        )

    def record(self, rows: Array) -> Array:
        """The records of the file that rows come from."""
        return rows if self.records is None else self.records[rows]

    @cached_property
    def even(self) -> bool:
        """Whether they are one series with one step forwards from each stamp to the next."""
        return len(self.ids) == 1 and self.times is not None and even_step(self.times) > 0

    def bounds(self) -> Array:
        """int64 (S + 1,): rows of series i are bounds[i]:bounds[i + 1], where rows are in order of
        their series.
        """
        return np.searchsorted(self.series, np.arange(len(self.ids) + 1))


def in_order(rows: Rows, table: Table, report: Report) -> Rows:
    """Rows sorted by series, then by stamp; an order that no sorted file has is reported."""
    if rows.times is not None and rows.even:
        return rows
    grouped = rows
    if not _ascending(rows.series):
        grouped = rows.take(np.argsort(rows.series, kind="stable"))
    times = grouped.times
    if times is None:
        return grouped
    together = grouped.series[1:] == grouped.series[:-1]
    back = np.flatnonzero((times[1:] < times[:-1]) & together) + 1
    if not len(back):
        return grouped
    if len(back) > 0.9 * np.count_nonzero(together):
        report.say("newest-first", "the newest row comes first in the file; rows are put in order of time")
    else:
        records = grouped.record(back)
        stand = "stand" if len(back) > 1 else "stands"
        report.say(
            "unsorted",
            f"{table.at(records)} {stand} before what came earlier; rows are put in order of time",
            rows=table.rows(records),
            example=show(times[back[0]]),
        )
    return grouped.take(np.lexsort((times, grouped.series)))


def without_duplicates(
    rows: Rows, zone: str, table: Table, report: Report, others: Mapping[int, str]
) -> Rows:
    """Sorted rows without exact duplicates; two rows of one stamp that differ are refused.

    zone: the place whose time is given in messages.
    others: the columns of values next to the target, by their place.
    """
    times = rows.times
    if times is None or rows.even:
        return rows
    same = np.flatnonzero((times[1:] == times[:-1]) & (rows.series[1:] == rows.series[:-1])) + 1
    if not len(same):
        return rows
    one = rows.values[same - 1]
    other = rows.values[same]
    equal = ((one == other) | (np.isnan(one) & np.isnan(other))).all(axis=1)
    if not equal.all():
        _refuse_conflicts(rows, same[~equal], zone, table, report, others)
    stamp = show(to_local(times[same[:1]], zone)[0])
    _say_duplicates(rows.record(same), rows.record(same - 1), stamp, table, report)
    return rows.take(np.delete(np.arange(len(times)), same))


def _say_duplicates(records: Array, first: Array, stamp: str, table: Table, report: Report) -> None:
    """Report records that repeat those before them, `first`; stamp: that of the first one."""
    repeat = "repeats"
    are = "is"
    and_others = ""
    if len(records) > 1:
        repeat = "repeat"
        are = "are"
        and_others = " and others"
    report.say(
        "duplicate",
        f"{table.at(records)} {repeat} the stamp and the values of"
        f" {table.at(first[:1]).lower()}{and_others},"
        f" and {are} left out",
        rows=table.rows(records),
        example=stamp,
    )


def _refuse_conflicts(
    rows: Rows, second: Array, zone: str, table: Table, report: Report, others: Mapping[int, str]
) -> None:
    """Say which rows have one stamp and different values, and what that usually means.

    second: the later row of each pair.
    """
    assert rows.times is not None
    times = to_local(rows.times, zone)
    pair = [int(rows.record(second[:1] - 1)[0]), int(rows.record(second[:1])[0])]
    series = rows.ids[rows.series[second[0]]]
    stamp = show(times[second[0]])
    report.refuse(
        "conflicting-duplicate",
        f"{table.at(pair)} of series {series!r} have the same stamp {stamp} and different values"
        f" ({counted(len(second), 'such pair')}).",
        rows=table.rows(rows.record(second)),
        example=stamp,
        remedy=_mend_conflicts(rows, second, zone, table, others),
    )


def _mend_conflicts(rows: Rows, second: Array, zone: str, table: Table, others: Mapping[int, str]) -> str:
    """What to do about rows of one stamp: name the zone, the series or the hour, gather them, or
    remove some.
    """
    assert rows.times is not None
    times = to_local(rows.times, zone)
    many = len(second) > 0.1 * len(times)
    if not zone and not many and _in_autumn(times, second):
        return (
            "If this is the hour that clocks repeat in autumn, name the place, such as"
            " `tz=Europe/Paris`; else remove one of each."
        )
    apart = _apart(rows, second, table, others)
    if apart:
        return (
            f"Column {apart!r} tells such rows apart: `id={shlex.quote(apart)}`, with a comma behind the column"
            " of series where there is one; if it holds the hour, give it to `time` behind the column of dates."
        )
    if many:
        return (
            "Name the column that tells the series apart with `id`, or all columns that make up"
            " the stamp with `time`; or bring the file to one step, such as"
            f" `every={usual_step(np.unique(times))}` `how=mean`."
        )
    return "Remove one of each, or name the column that tells the series apart with `id`."


def _in_autumn(times: Array, second: Array) -> bool:
    """Whether rows of steps under a day repeat at night in months in which clocks are put back."""
    hour = (times[second].astype("int64") // (3600 * 10**9)) % 24
    months = times[second].astype("datetime64[M]").astype("int64") % 12 + 1
    if (hour >= 4).any() or not np.isin(months, (3, 4, 9, 10, 11)).all():
        return False
    return majority(np.diff(np.unique(times)).astype("int64")) < DAY


def _apart(rows: Rows, second: Array, table: Table, others: Mapping[int, str]) -> str | None:
    """A column of text or of few whole numbers that differs between nearly all rows `second` and
    the rows before them.
    """
    some = second[:: max(1, len(second) // 1000)]
    for name, column in table.columns.items():
        before = _cells_of(column, rows.record(some - 1))
        after = _cells_of(column, rows.record(some))
        if pc.mean(pc.not_equal(before, after)).as_py() > 0.9:
            return name
    for j, name in others.items():
        values = rows.values[:20_000, j]
        whole = bool((values == np.floor(values)).all())
        few = whole and 5 * len(np.unique(values)) < len(values)
        if few and (rows.values[some - 1, j] != rows.values[some, j]).mean() > 0.9:
            return name
    return None


def _cells_of(column: pa.ChunkedArray, records: Array) -> pa.ChunkedArray:
    """The cells of some records as text, "" where they are empty."""
    return pc.fill_null(pc.cast(column.take(pa.array(records)), pa.string()), "")


def on_clock(
    rows: Rows, clock: Clock | None, zone: str, dates: bool, table: Table, report: Report
) -> tuple[Rows, Array, Clock]:
    """Rows with a gap filled by NaN, the bounds of the series in them, and their clock, inferred
    where it is None.

    Rows come in order and without duplicates. Stamps of months, quarters and years move to the
    first or last day. Refuses stamps off the grid.
    """
    if rows.times is None:
        bounds = rows.bounds()
        steps = np.arange(len(rows.series)) - np.repeat(bounds[:-1], np.diff(bounds))
        return replace(rows, times=steps), bounds, clock or Clock("step")
    if clock is None:
        clock = _found_clock(rows, "" if dates else zone)
    if clock.kind == "calendar" and clock.freq != "B":
        rows = _relabelled(rows, clock, table, report)
    bounds = rows.bounds()
    if clock.kind == "sessions":
        return rows, bounds, clock
    positions = [_position(i, rows, bounds, clock, table, report) for i in range(len(rows.ids))]
    report.stop()
    return _filled(rows, bounds, positions, clock, table, report)


def _found_clock(rows: Rows, zone: str) -> Clock:
    """The clock of rows in order; zone: the place whose hours of the day count."""
    assert rows.times is not None
    stamps = [rows.times[start:stop] for start, stop in pairwise(rows.bounds())]
    clock = infer_clock(stamps, zone)
    return replace(clock, tz="" if clock.dated else zone)


def _relabelled(rows: Rows, clock: Clock, table: Table, report: Report) -> Rows:
    """Rows of months, quarters or years with the first or the last day as their stamp."""
    times = rows.times
    assert times is not None
    labels = clock.after(times, np.array([0]))[..., 0]
    if (labels == times).all():
        return rows
    end = "last" if clock.freq.endswith("E") else "first"
    report.say(
        "relabelled",
        f"{clock.words}: each stamp stands for its month, and is written as the {end} day of it",
        example=show(times[0]),
    )
    return without_duplicates(replace(rows, times=labels), "", table, report, {})


def _position(i: int, rows: Rows, bounds: Array, clock: Clock, table: Table, report: Report) -> Array:
    """The steps of the rows of one series, counted from its first; rows that are not on the grid of
    most of them are an error.
    """
    assert rows.times is not None
    times = rows.times[bounds[i] : bounds[i + 1]]
    if not len(times):
        return np.zeros(0, "int64")
    position = clock.position(times)
    off = np.flatnonzero(position < 0)
    if len(off) and clock.kind == "fixed":
        phase = times.astype("int64") % clock.step
        off = np.flatnonzero(phase != majority(phase))
    far_apart = position[-1] + 1 > SPARSE * len(times)
    if not len(off) and not far_apart:
        return position
    records = rows.record(bounds[i] + np.arange(len(times)))
    if len(off):
        _say_off_grid(rows.ids[i], times, off, records, clock, table, report)
        return np.zeros(len(times), "int64")
    _say_sparse(rows.ids[i], times, position, records, clock, table, report)
    return position


def _say_off_grid(
    name: str, times: Array, off: Array, records: Array, clock: Clock, table: Table, report: Report
) -> None:
    """Report the rows `off` of a series, at `times` (n,), of these records (n,), that are not on
    the grid.
    """
    wrong = records[off]
    stamp = show(to_local(times[off[:1]], clock.tz)[0])
    unit = usual_step(times) if clock.kind == "fixed" else "1D"
    remedy = f"Mend the stamps, or bring the file to one step with `every={unit}` `how=mean`."
    if _one_a_step(times, unit):
        remedy = (
            f"Each lies near a step of its own: move them to the nearest with `round={unit}`, or mend them."
        )
    report.say(
        "off-grid",
        f"{table.at(wrong[:1])} of series {name!r} has the stamp {stamp}, which is not on the"
        f" grid of this file: {clock.words} ({table.many(wrong)}).",
        rows=table.rows(wrong),
        example=stamp,
        remedy=remedy,
    )


def _one_a_step(times: Array, unit: str) -> bool:
    """Whether stamps (n,) of one series lie within NEAR of a step from its multiples, each near
    another.
    """
    step = clock_of(unit).step
    numbers = (times.astype("int64") + step // 2) // step
    away = np.abs(times.astype("int64") - numbers * step)
    return bool((away <= NEAR * step).all() and (np.diff(numbers) > 0).all())


def rounded(times: Array, unit: str, zone: str, report: Report) -> tuple[Array, bool]:
    """Moments (n,) moved to the nearest multiple of a unit such as 1h, in the time of a place, and
    whether they are dates then.
    """
    clock = clock_of(unit)
    local = to_local(times, zone)
    missing = np.isnat(local)
    numbers = (local.astype("int64") + clock.step // 2) // clock.step
    nearest = (numbers * clock.step).view("datetime64[ns]")
    nearest[missing] = np.datetime64("NaT")
    moved = np.flatnonzero(~missing & (nearest != local))
    if len(moved):
        furthest = int(np.abs((nearest - local)[moved].astype("int64")).max())
        report.say(
            "rounded",
            f"{counted(len(moved), 'stamp')} moved to the nearest {unit}, by {freq_of(furthest)} at most",
            example=show(local[moved[0]]),
        )
    return (nearest if clock.dated else to_utc(nearest, zone)), clock.dated


def _say_sparse(
    name: str, times: Array, position: Array, records: Array, clock: Clock, table: Table, report: Report
) -> None:
    """Report a series that has far fewer rows than steps of the clock."""
    hole = int(np.diff(position).argmax())
    after = table.at(records[hole : hole + 1]).lower()
    report.say(
        "sparse",
        f"Series {name!r} has {len(times):,} rows in {int(position[-1]) + 1:,} steps"
        f" ({clock.words}): too few for one clock; the longest gap, {show(times[hole])} to"
        f" {show(times[hole + 1])}, is after {after}.",
        example=show(times[0]),
        remedy=_mend_sparse(position, records, clock, table),
    )


def _mend_sparse(position: Array, records: Array, clock: Clock, table: Table) -> str:
    """What to do about rows that are few for their clock: a few that lie far from all others are
    wrong, else the step is.
    """
    after = int(np.diff(position).argmax()) + 1
    few = records[after:]
    if 2 * after < len(records):
        few = records[:after]
    if len(few) == 1:
        return f"{table.at(few)} lies far from all others: mend or remove it."
    if len(few) <= len(records) // 50:
        return f"{table.at(few)} lie far from all others: mend or remove them."
    longer = [step for step, size in LONGER.items() if clock.kind == "fixed" and size > clock.step]
    return f"Bring it to a longer step, such as `every={[*longer, 'Y'][0]}` `how=mean`."


def _filled(
    rows: Rows, bounds: Array, positions: list[Array], clock: Clock, table: Table, report: Report
) -> tuple[Rows, Array, Clock]:
    """Rows of NaN where a series has none; nothing is copied where there is no gap."""
    assert rows.times is not None
    sizes = np.array([int(position[-1]) + 1 if len(position) else 0 for position in positions])
    if (sizes == np.diff(bounds)).all():
        return rows, bounds, clock
    _say_gaps(rows, bounds, positions, clock, table, report)
    ends = np.concatenate([[0], np.cumsum(sizes)])
    values = np.full((ends[-1], rows.values.shape[1]), np.nan)
    times = np.empty(ends[-1], "datetime64[ns]")
    for i, position in enumerate(positions):
        if not sizes[i]:
            continue
        first = rows.times[bounds[i] : bounds[i] + 1]
        values[ends[i] + position] = rows.values[bounds[i] : bounds[i + 1]]
        times[ends[i] : ends[i + 1]] = clock.after(first, np.arange(sizes[i]))[0]
    return Rows(rows.ids, np.repeat(np.arange(len(sizes)), sizes), times, values), ends, clock


def _say_gaps(
    rows: Rows, bounds: Array, positions: list[Array], clock: Clock, table: Table, report: Report
) -> None:
    """Report gaps, those of the first series one by one."""
    gapped = [i for i, position in enumerate(positions) if len(position) and position[-1] + 1 > len(position)]
    for i in gapped[:SAID]:
        _say_gaps_of(i, rows, int(bounds[i]), positions[i], clock, table, report)
    if len(gapped) > SAID:
        others = listed([rows.ids[i] for i in gapped[SAID:]])
        report.say("gap", f"gaps in {len(gapped) - SAID} more series, counted as missing: {others}")


def _say_gaps_of(
    i: int, rows: Rows, begin: int, position: Array, clock: Clock, table: Table, report: Report
) -> None:
    """Report how many gaps series i has, whose rows begin at `begin`, and after which row of the
    file the longest one is.
    """
    assert rows.times is not None
    holes = np.diff(position) - 1
    after = np.flatnonzero(holes)
    longest = int(after[holes[after].argmax()])
    records = rows.record(begin + after)
    many = "a gap"
    if len(after) > 1:
        many = f"{len(after)} gaps, {int(holes.sum()):,} steps without a row; the longest"
    row = table.at(rows.record(np.array([begin + longest]))).lower()
    stamps = to_local(rows.times[begin + longest : begin + longest + 2], clock.tz)
    report.say(
        "gap",
        f"{rows.ids[i]}: {many} after {row}, {show(stamps[0])} to {show(stamps[1])},"
        f" {counted(holes[longest], 'step')}; counted as missing",
        rows=table.rows(records),
        example=show(stamps[0]),
    )


def _ascending(values: Array) -> bool:
    return bool((values[1:] >= values[:-1]).all())
