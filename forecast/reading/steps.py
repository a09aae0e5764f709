"""The step between readings, part by part: a file may change from hours to quarter hours."""

from itertools import pairwise

import numpy as np

from forecast.arrays import Array
from forecast.data.clock import freq_of, majority, show
from forecast.data.findings import Report
from forecast.data.zones import to_local
from forecast.reading.grid import SAID, Rows
from forecast.reading.tables import Table

AROUND = 21  # steps of whose middle one is taken to be that of the place
PART = 48  # steps that a part has at least
NEARLY_ALL = 0.99  # of the steps of a series: with more it has one part


def step_by_part(rows: Rows) -> Array:
    """Nanoseconds from each row to the next in the part of its series that it lies in, int64 (n,); 0
    where rows come at no step. Rows are in order.

    A part is a run of steps that hardly differ; a series that has but one, or is short, has the step
    that most rows of the file have.
    """
    assert rows.times is not None
    times = rows.times.astype("int64")
    inside = rows.series[1:] == rows.series[:-1]
    steps = np.full(len(times), _usual(np.diff(times)[inside]))
    if rows.even:
        return steps
    for start, stop in pairwise(rows.bounds()):
        parts = _parts(times[start:stop])
        if parts is not None:
            steps[start:stop] = parts
    return steps


def _parts(times: Array) -> Array | None:
    """The steps (n,) of one series at `times` (n,), in nanoseconds; None where it has no two parts."""
    from scipy.ndimage import median_filter

    between = np.diff(times)
    if len(between) < 2 * PART or np.mean(between == _usual(between)) > NEARLY_ALL:
        return None
    middle = median_filter(between, AROUND, mode="nearest")
    edges = np.flatnonzero(np.diff(middle)) + 1
    begins = np.append(0, edges)
    ends = np.append(edges, len(middle))
    begins = begins[(ends - begins >= PART) & (middle[begins] > 0)]
    if len(np.unique(middle[begins])) < 2:
        return None
    place = np.searchsorted(begins, np.arange(len(times)), side="right") - 1
    return middle[begins[np.maximum(place, 0)]]


def _usual(between: Array) -> int:
    """The step that most of these have; 0 where none is that of more than half."""
    steps = between[between > 0]
    if not len(steps):
        return 0
    usual = majority(steps)
    if 2 * np.count_nonzero(steps == usual) <= len(steps):
        return 0
    return usual


def say_changes(rows: Rows, steps: Array, zone: str, remedy: str, table: Table, report: Report) -> None:
    """Report where the step of a series changes, with the first row of the new one; the first changes alone."""
    assert rows.times is not None
    inside = rows.series[1:] == rows.series[:-1]
    changed = np.flatnonzero((steps[1:] != steps[:-1]) & inside) + 1
    for row in changed[:SAID]:
        records = rows.record(np.array([row]))
        stamp = show(to_local(rows.times[row : row + 1], zone)[0])
        name = rows.ids[rows.series[row]]
        report.say(
            "step-change",
            f"{name}: rows are {freq_of(int(steps[row - 1]))} apart, and"
            f" {freq_of(int(steps[row]))} from"
            f" {table.at(records).lower()} on, {stamp}",
            rows=table.rows(records),
            example=stamp,
            remedy=remedy,
        )
