"""Targets beyond the bounds that were asked for, and prices that are no prices."""

import numpy as np

from forecast.arrays import Array
from forecast.data.findings import counted
from forecast.data.panel import Panel


def outside_bounds(panel: Panel, bounds: tuple[float | None, float | None]) -> list[str]:
    """A sentence for each of the bounds (lowest, highest; None = open) that target values lie
    beyond: how many do, and the first of them.
    """
    panel = panel.history().compact()
    target = panel.values[:, 0]
    low, high = bounds
    said = []
    if low is not None:
        said.append(_beyond(panel, np.flatnonzero(target < low), f"below the bound {low:g}"))
    if high is not None:
        said.append(_beyond(panel, np.flatnonzero(target > high), f"above the bound {high:g}"))
    return [sentence for sentence in said if sentence]


def not_positive(panel: Panel) -> str:
    """How many target values are 0 or below, and the first of them, in a sentence; empty where none
    is.
    """
    panel = panel.history().compact()
    rows = np.flatnonzero(panel.values[:, 0] <= 0)
    return _lying(panel, rows, "at 0 or below") if len(rows) else ""


def _beyond(panel: Panel, rows: Array, where: str) -> str:
    """How many of the target values lie `where`, beyond a bound, and what follows; empty where no
    row does.
    """
    if not len(rows):
        return ""
    return f"{_lying(panel, rows, where)}; forecasts and intervals are cut at the bound"


def _lying(panel: Panel, rows: Array, where: str) -> str:
    """How many of the target values lie `where`, and which of these rows of a compact panel is the
    first.
    """
    known = int(np.count_nonzero(~np.isnan(panel.values[:, 0])))
    lie = "lies" if len(rows) == 1 else "lie"
    series = panel.ids[int(np.searchsorted(panel.stops, rows[0], side="right"))]
    first = f"{panel.values[rows[0], 0]:g} at {panel.stamp(int(rows[0]))} in series {series!r}"
    return f"{len(rows):,} of {counted(known, 'value')} of {panel.target} {lie} {where}, the first is {first}"
