"""Neighbours: the targets of other series of a file beside each series' own, stamp by stamp, and which of the series are forecast."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from forecast.data.findings import Report, listed
from forecast.data.panel import Column, Panel
from forecast.errors import nearest

MOST = 50  # neighbours that "all" takes


def choose_series(
    panel: Panel, series: Sequence[str], neighbours: Sequence[str], newer: bool, report: Report
) -> Panel:
    """The panel of the series that are forecast (all where none is named), each with its neighbours: series of the file, or "all" others.

    newer: a file of rows that follow others may lack some of the series, but none of the neighbours.
    """
    if not newer:
        _known(panel, series, "series", report)
    kept = [name for name in panel.ids if name in series] if series else list(panel.ids)
    every = list(neighbours) == ["all"] and "all" not in panel.ids
    beside = [name for name in panel.ids if kept != [name]] if every else list(dict.fromkeys(neighbours))
    _known(panel, beside, "neighbours", report)
    if every and len(beside) > MOST:
        report.refuse(
            "many-neighbours",
            f"--neighbours all would put {len(beside):,} past columns beside each of {len(kept):,} series, more than {MOST}.",
            remedy=f"Name the series that matter, such as --neighbours {','.join(beside[:2])}.",
        )
    if neighbours and set(beside) <= set(kept) and len(kept) == 1 and not newer:
        report.refuse(
            "no-such-series",
            f"{kept[0]!r} is the only series, and no neighbour of itself.",
            remedy="Name others with --neighbours.",
        )
    if beside:
        panel = with_neighbours(panel, beside)
        report.say(
            "neighbours",
            f"past columns of each series, from its neighbours: {listed([f'{panel.target}@{name}' for name in beside])}",
        )
    if len(kept) < len(panel.ids):
        report.say("series", f"series that are forecast: {listed(kept)}, of {len(panel.ids)}")
        panel = only(panel, kept)
    return panel


def _known(panel: Panel, names: Sequence[str], flag: str, report: Report) -> None:
    for name in names:
        if name not in panel.ids:
            report.refuse(
                "no-such-series", f"There is no series {name!r} for --{flag}.{nearest(name, panel.ids)}"
            )


def with_neighbours(panel: Panel, names: Sequence[str]) -> Panel:
    """The panel with the target of each named series as a past column, `temp@JFK`: NaN where that has no such stamp, and in that series itself."""
    columns = []
    for name in names:
        rows = panel.rows(panel.ids.index(name))
        times, target = panel.times[rows], panel.values[rows, 0]
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
