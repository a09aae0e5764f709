"""Rows in any order become series on their clock: sorted, without duplicates, a gap = rows of NaN. What was done is said with its rows."""

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from forecast.arrays import Array
from forecast.data.clock import DAY, Clock, even_step, infer_clock, majority, show, usual_step
from forecast.data.findings import Report, counted, listed
from forecast.data.zones import to_local
from forecast.reading.tables import Table

SPARSE = 50  # times more grid steps than rows: then the step found cannot be the clock of the file
LONGER = {"1D": DAY, "7D": 7 * DAY, "M": 31 * DAY}  # steps for series that are too sparse
SAID = 5  # series of which a gap is said one by one


@dataclass(frozen=True, eq=False)
class Rows:
    """Observations on their way to a panel.

    ids (S,) sorted · series int (n,): the series of each row · times datetime64[ns] (n,), None where rows are steps · values float64 (n, C) ·
    records int64 (n,): the record of the file that each row comes from, None = in order.
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
        """int64 (S + 1,): rows of series i are bounds[i]:bounds[i + 1], where rows are in order of their series."""
        return np.searchsorted(self.series, np.arange(len(self.ids) + 1))


def in_order(rows: Rows, table: Table, report: Report) -> Rows:
    """Rows sorted by series, then by stamp; an order that no sorted file has is said."""
    if rows.times is None:
        return rows if _ascending(rows.series) else rows.take(np.argsort(rows.series, kind="stable"))
    if rows.even:
        return rows
    whole = _ascending(rows.series)
    grouped = rows if whole else rows.take(np.argsort(rows.series, kind="stable"))
    times = grouped.times
    assert times is not None
    back = np.flatnonzero((times[1:] < times[:-1]) & (grouped.series[1:] == grouped.series[:-1])) + 1
    if not len(back):
        return grouped
    inside = int((grouped.series[1:] == grouped.series[:-1]).sum())
    if len(back) > 0.9 * inside:
        report.say("newest-first", "the newest row comes first in the file; rows are put in order of time")
    else:
        records = grouped.record(back)
        report.say(
            "unsorted",
            f"{table.at(records)} {'stand' if len(back) > 1 else 'stands'} before what came earlier; rows are put in order of time",
            rows=table.rows(records),
            example=show(times[back[0]]),
        )
    return grouped.take(np.lexsort((times, grouped.series)))


def without_duplicates(
    rows: Rows, zone: str, table: Table, report: Report, others: Mapping[int, str]
) -> Rows:
    """Sorted rows without exact duplicates; two rows of one stamp that differ are refused.

    zone: the place whose time is said; others: the columns of values beside the target, by their place.
    """
    times = rows.times
    if times is None or rows.even:
        return rows
    same = np.flatnonzero((times[1:] == times[:-1]) & (rows.series[1:] == rows.series[:-1])) + 1
    if not len(same):
        return rows
    equal = (
        (rows.values[same] == rows.values[same - 1])
        | (np.isnan(rows.values[same]) & np.isnan(rows.values[same - 1]))
    ).all(axis=1)
    if not equal.all():
        _refuse_conflicts(rows, same[~equal], zone, table, report, others)
    records, first = rows.record(same), rows.record(same - 1)
    report.say(
        "duplicate",
        f"{table.at(records)} {'repeat' if len(same) > 1 else 'repeats'} the stamp and the values of {table.at(first[:1]).lower()}"
        f"{' and others' if len(same) > 1 else ''}, and {'are' if len(same) > 1 else 'is'} left out",
        rows=table.rows(records),
        example=show(to_local(times[same[:1]], zone)[0]),
    )
    return rows.take(np.delete(np.arange(len(times)), same))


def _refuse_conflicts(
    rows: Rows, second: Array, zone: str, table: Table, report: Report, others: Mapping[int, str]
) -> None:
    """Say which rows have one stamp and different values, and what that usually means."""
    assert rows.times is not None
    times = to_local(rows.times, zone)
    one, two = rows.record(second[:1] - 1)[0], rows.record(second[:1])[0]
    stamp, series = times[second[0]], rows.ids[rows.series[second[0]]]
    hour = (times[second].astype("int64") // (3600 * 10**9)) % 24
    months = times[second].astype("datetime64[M]").astype("int64") % 12 + 1
    many = len(second) > 0.1 * len(times)
    autumn = not zone and not many and bool((hour < 4).all() and np.isin(months, (3, 4, 9, 10, 11)).all())
    autumn = autumn and majority(np.diff(np.unique(times)).astype("int64")) < DAY
    apart = None if autumn else _apart(rows, second, table, others)
    if autumn:
        remedy = "If this is the hour that clocks repeat in autumn, name the place, such as --tz Europe/Paris; else remove one of each."
    elif apart:
        name = shlex.quote(apart)
        remedy = f"Column {apart!r} tells such rows apart: --id {name}, or --id {shlex.quote(f'NAME,{apart}')} beside a column NAME of series;"
        remedy += f" --time {shlex.quote(f'DATE,{apart}')} if it holds the hour."
    elif many:
        remedy = (
            "Name the column that tells the series apart with --id, or the columns that make up the stamp, --time date,hour; or bring the file to"
            f" one step, such as --every {usual_step(np.unique(times))} --how mean."
        )
    else:
        remedy = "Remove one of each, or name the column that tells the series apart with --id."
    report.refuse(
        "conflicting-duplicate",
        f"{table.at([one, two])} of series {series!r} have the same stamp {show(stamp)} and different values ({counted(len(second), 'such pair')}).",
        rows=table.rows(rows.record(second)),
        example=show(stamp),
        remedy=remedy,
    )


def _apart(rows: Rows, second: Array, table: Table, others: Mapping[int, str]) -> str | None:
    """A column of text or of few whole numbers that differs between nearly all rows `second` and the rows before them."""
    some = second[:: max(1, len(second) // 1000)]
    for name, column in table.columns.items():
        one, two = (
            pc.fill_null(pc.cast(column.take(pa.array(rows.record(row))), pa.string()), "")
            for row in (some - 1, some)
        )
        if pc.mean(pc.not_equal(one, two)).as_py() > 0.9:
            return name
    for j, name in others.items():
        values = rows.values[:20_000, j]
        few = bool((values == np.floor(values)).all()) and 5 * len(np.unique(values)) < len(values)
        if few and (rows.values[some - 1, j] != rows.values[some, j]).mean() > 0.9:
            return name
    return None


def on_clock(
    rows: Rows, clock: Clock | None, zone: str, dates: bool, table: Table, report: Report
) -> tuple[Rows, Array, Clock]:
    """Rows with a gap filled by NaN, the bounds of the series in them, and their clock, inferred where it is None.

    Rows come in order and without duplicates. Stamps of months, quarters and years move to the first or last day. Refuses stamps off the grid.
    """
    bounds = rows.bounds()
    times = rows.times
    if times is None:
        steps = np.arange(len(rows.series)) - np.repeat(bounds[:-1], np.diff(bounds))
        return Rows(rows.ids, rows.series, steps, rows.values, rows.records), bounds, clock or Clock("step")
    if clock is None:
        place = "" if dates else zone
        clock = infer_clock([times[start:stop] for start, stop in pairwise(bounds)], place)
        clock = replace(clock, tz="" if clock.dated else place)
    if clock.kind == "calendar" and clock.freq != "B":
        labels = clock.after(times, np.array([0]))[..., 0]
        if (labels != times).any():
            end = "last" if clock.freq.endswith("E") else "first"
            report.say(
                "relabelled",
                f"{clock.words}: each stamp stands for its month, and is written as the {end} day of it",
                example=show(times[0]),
            )
            times = labels
            rows = without_duplicates(
                Rows(rows.ids, rows.series, times, rows.values, rows.records), "", table, report, {}
            )
            times, bounds = labels if rows.times is None else rows.times, rows.bounds()
    if clock.kind == "sessions":
        return Rows(rows.ids, rows.series, times, rows.values, rows.records), bounds, clock
    positions = [_position(i, rows, bounds, clock, table, report) for i in range(len(rows.ids))]
    report.stop()
    return _filled(rows, bounds, positions, clock, table, report)


def _position(i: int, rows: Rows, bounds: Array, clock: Clock, table: Table, report: Report) -> Array:
    """The steps of the rows of one series, counted from its first; rows that are not on the grid of most of them are an error."""
    assert rows.times is not None
    times = rows.times[bounds[i] : bounds[i + 1]]
    if not len(times):
        return np.zeros(0, "int64")
    position = clock.position(times)
    off = np.flatnonzero(position < 0)
    if len(off) and clock.kind == "fixed":
        phase = times.astype("int64") % clock.step
        usual = majority(phase)
        off = np.flatnonzero(phase != usual)
    if len(off):
        records, stamp = rows.record(bounds[i] + off), show(to_local(times[off[:1]], clock.tz)[0])
        unit = usual_step(times) if clock.kind == "fixed" else "1D"
        report.say(
            "off-grid",
            f"{table.at(records[:1])} of series {rows.ids[i]!r} has the stamp {stamp}, which is not on the grid of this file:"
            f" {clock.words} ({table.many(records)}).",
            rows=table.rows(records),
            example=stamp,
            remedy=f"Mend the stamps, or bring the file to one step with --every {unit} --how mean.",
        )
        return np.zeros(len(times), "int64")
    if position[-1] + 1 > SPARSE * len(times):
        hole = int(np.diff(position).argmax())
        report.say(
            "sparse",
            f"Series {rows.ids[i]!r} has {len(times):,} rows in {int(position[-1]) + 1:,} steps ({clock.words}): too few for one clock;"
            f" the longest gap, {show(times[hole])} to {show(times[hole + 1])}, is after {table.at(rows.record(bounds[i : i + 1] + hole)).lower()}.",
            example=show(times[0]),
            remedy=_mend_sparse(position, rows.record(bounds[i] + np.arange(len(times))), clock, table),
        )
    return position


def _mend_sparse(position: Array, records: Array, clock: Clock, table: Table) -> str:
    """What to do about rows that are few for their clock: a few that lie far from all others are wrong, else the step is."""
    after = int(np.diff(position).argmax()) + 1
    few = records[:after] if 2 * after < len(records) else records[after:]
    if len(few) <= max(1, len(records) // 50):
        return f"{table.at(few)} {'lies' if len(few) == 1 else 'lie'} far from all others: mend or remove {'it' if len(few) == 1 else 'them'}."
    longer = next((step for step, size in LONGER.items() if clock.kind == "fixed" and size > clock.step), "Y")
    return f"Bring it to a longer step, such as --every {longer} --how mean."


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
        if sizes[i]:
            values[ends[i] + position] = rows.values[bounds[i] : bounds[i + 1]]
            times[ends[i] : ends[i + 1]] = clock.after(
                rows.times[bounds[i] : bounds[i] + 1], np.arange(sizes[i])
            )[0]
    return Rows(rows.ids, np.repeat(np.arange(len(sizes)), sizes), times, values), ends, clock


def _say_gaps(
    rows: Rows, bounds: Array, positions: list[Array], clock: Clock, table: Table, report: Report
) -> None:
    """For each of the first series with gaps: how many, and after which row of the file the longest one begins."""
    assert rows.times is not None
    gapped = [i for i, position in enumerate(positions) if len(position) and position[-1] + 1 > len(position)]
    for i in gapped[:SAID]:
        holes = np.diff(positions[i]) - 1
        after = np.flatnonzero(holes)
        longest = int(after[holes[after].argmax()])
        records = rows.record(bounds[i] + after)
        many = (
            f"{len(after)} gaps, {int(holes.sum()):,} steps without a row; the longest"
            if len(after) > 1
            else "a gap"
        )
        stamps = to_local(rows.times[bounds[i] + longest : bounds[i] + longest + 2], clock.tz)
        report.say(
            "gap",
            f"{rows.ids[i]}: {many} after {table.at(rows.record(np.array([bounds[i] + longest]))).lower()}, {show(stamps[0])} to {show(stamps[1])},"
            f" {counted(holes[longest], 'step')}; counted as missing",
            rows=table.rows(records),
            example=show(stamps[0]),
        )
    if len(gapped) > SAID:
        report.say(
            "gap",
            f"gaps in {len(gapped) - SAID} more series, counted as missing: {listed([rows.ids[i] for i in gapped[SAID:]])}",
        )


def _ascending(values: Array) -> bool:
    return bool((values[1:] >= values[:-1]).all())
