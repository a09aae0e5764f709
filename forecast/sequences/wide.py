"""A row is a sequence: its cells become steps, and runs such as x_0, x_1 ... columns."""

import re
from collections.abc import Sequence

import numpy as np

from forecast.arrays import Array
from forecast.data.findings import Report, counted, listed

NUMBERED = re.compile(r"(.*?)[ _.\-]?(\d+)")
ONE = "x"  # the name of the one column of sequences whose cells are no named run


def in_columns(names: Sequence[str], values: Array, report: Report) -> tuple[tuple[str, ...], Array, Array]:
    """The columns (C,), rows (N, C) and offsets (S + 1,) of sequences whose cells are values (S, n) in columns `names`.

    Several runs of one length, such as x_0 .. x_99 and y_0 .. y_99, are several columns; anything else is one. Missing
    cells at the end shorten a sequence; one of missing cells alone has one step.
    """
    columns, places = _runs(names)
    cube = values[:, places]
    seen = np.asarray(~np.isnan(cube).all(axis=2))
    steps = cube.shape[1]
    last = np.where(seen.any(1), steps - np.argmax(seen[:, ::-1], axis=1), 1)
    offsets = np.concatenate([[0], np.cumsum(last)])
    inside = np.arange(steps) < last[:, None]
    rows = cube[inside]
    _say(columns, names, last, rows, report)
    return columns, rows, offsets


def _runs(names: Sequence[str]) -> tuple[tuple[str, ...], Array]:
    """The columns (C,) of a sequence and the place (n, C) of each of their steps among the cells."""
    runs: dict[str, list[tuple[int, int]]] = {}
    for place, name in enumerate(names):
        found = NUMBERED.fullmatch(name)
        if found is None:
            return (ONE,), np.arange(len(names))[:, None]
        runs.setdefault(found[1] or ONE, []).append((int(found[2]), place))
    steps = [sorted(run) for run in runs.values()]
    numbers = [[number for number, _ in run] for run in steps]
    if any(own != numbers[0] for own in numbers) or len(numbers[0]) < 2:
        return (ONE,), np.arange(len(names))[:, None]
    places = [[place for _, place in run] for run in steps]
    return tuple(runs), np.array(places).T


def _say(columns: tuple[str, ...], names: Sequence[str], lengths: Array, rows: Array, report: Report) -> None:
    """Report how rows became sequences, and what is missing in them."""
    what = f"columns {listed(columns)}" if len(columns) > 1 else f"one column, {columns[0]}"
    report.say(
        "sequences",
        f"each row is a sequence of {what}, from {names[0]} to {names[-1]}: {counted(len(lengths), 'sequence')}",
    )
    shorter = int((lengths < lengths.max()).sum()) if len(lengths) else 0
    if shorter:
        ends = f"{shorter:,} of them end in missing cells, and are shorter"
        report.say("lengths", ends)
    gaps = np.isnan(rows).mean() if rows.size else 0.0
    if gaps:
        report.say("missing-values", f"{gaps:.1%} of the values are missing, and stay gaps")
