"""Neighbours: the targets of other series of a file beside each series' own, stamp by stamp, and
which of the series are forecast.
"""

import shlex
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from forecast.data.findings import Report, listed
from forecast.data.options import as_list
from forecast.data.panel import Column, Panel
from forecast.errors import nearest

MOST_NEIGHBOURS = 50  # that "all" takes


def choose_series(
    panel: Panel, series: Sequence[str], neighbours: Sequence[str], newer: bool, report: Report
) -> Panel:
    """The panel of the series that are forecast (all where none is named), each with its
    neighbours.

    neighbours: series of the file, or "all" others.
    newer: a file of rows that follow others may lack some of the series, but none of the
    neighbours.
    """
    if not newer:
        _known(panel, series, "series", report)
    kept = [name for name in panel.ids if not series or name in series]
    beside = _neighbours(panel, kept, neighbours, report)
    if neighbours and not newer and len(kept) == 1 and set(beside) <= set(kept):
        report.refuse(
            "no-such-series",
            f"{kept[0]!r} is the only series, and no neighbour of itself.",
            remedy="Name others with `neighbours`.",
        )
    if beside:
        panel = with_neighbours(panel, beside)
        names = listed([column.name for column in panel.columns if column.made == "neighbour"])
        report.say("neighbours", f"past columns of each series, from its neighbours: {names}")
    if len(kept) < len(panel.ids):
        report.say("series", f"series that are forecast: {listed(kept)}, of {len(panel.ids)}")
        panel = only(panel, kept)
    return panel


def _neighbours(panel: Panel, kept: Sequence[str], neighbours: Sequence[str], report: Report) -> list[str]:
    """The series whose targets become past columns: those that are named, or all but a lone one
    that is kept.
    """
    if list(neighbours) != ["all"] or "all" in panel.ids:
        named = list(dict.fromkeys(neighbours))
        _known(panel, named, "neighbours", report)
        return named
    others = [name for name in panel.ids if list(kept) != [name]]
    if len(others) > MOST_NEIGHBOURS:
        report.refuse(
            "many-neighbours",
            f"`neighbours=all` would put {len(others):,} past columns next to each of"
            f" {len(kept):,} series,"
            f" more than {MOST_NEIGHBOURS}.",
            remedy=f"Name the series that matter, such as `neighbours={shlex.quote(as_list(others[:2]))}`.",
        )
    return others


def _known(panel: Panel, names: Sequence[str], setting: str, report: Report) -> None:
    """Refuse names that are no series of the panel."""
    for name in names:
        if name not in panel.ids:
            report.refuse(
                "no-such-series", f"There is no series {name!r} for `{setting}`.{nearest(name, panel.ids)}"
            )


def with_neighbours(panel: Panel, names: Sequence[str]) -> Panel:
    """The panel with the target of each named series as a past column, `temp@JFK`: NaN where that
    has no such stamp, and in that series itself.
    """
    columns = []
    for name in names:
        rows = panel.rows(panel.ids.index(name))
        times = panel.times[rows]
        target = panel.values[rows, 0]
        place = np.minimum(np.searchsorted(times, panel.times), len(times) - 1)
        column = np.where(times[place] == panel.times, target[place], np.nan)
        column[rows] = np.nan
        columns.append(column)
    called = panel.target
    made = tuple(Column(f"{called}@{name}", made="neighbour", of=called, part=name) for name in names)
    return replace(panel, values=np.column_stack([panel.values, *columns]), columns=(*panel.columns, *made))


def only(panel: Panel, names: Sequence[str]) -> Panel:
    """The panel of the named series alone."""
    keep = np.isin(panel.ids, names)
    ids = tuple(name for name, kept in zip(panel.ids, keep, strict=True) if kept)
    return replace(panel, ids=ids, starts=panel.starts[keep], stops=panel.stops[keep]).compact()
