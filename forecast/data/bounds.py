"""Targets beyond the bounds that were asked for, and prices that are no prices."""

import numpy as np

from forecast.arrays import Array
from forecast.data.findings import counted
from forecast.data.panel import Panel

FEW = 30  # values that suggest nothing
FULL = 0.01  # share of values near 100 that a percentage has
MANY_ZEROS = 0.25  # share of zeros above which a target is mostly absent: said, scored by the CRPS, forecast with a hurdle


def share_of_zeros(panel: Panel) -> float:
    """The share of the observed values of the target that are 0; 0 where none is observed."""
    values = np.concatenate([panel.values[panel.rows(i), 0] for i in range(len(panel.ids))])
    seen = values[~np.isnan(values)]
    if not len(seen):
        return 0.0
    return float((seen == 0).mean())


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


def likely_bounds(panel: Panel) -> list[str]:
    """A sentence that offers the bounds which the target looks as if it had; none where it has
    names, or does not come near a bound.

    A share never leaves 0 to 1, or a percentage 0 to 100, and nearly fills that; what is never
    below 0 and lies within a spread of it may have intervals that cross it.
    """
    if panel.names:
        return []
    target = panel.history().compact().values[:, 0]
    seen = target[~np.isnan(target)]
    if len(seen) < FEW or seen.min() < 0:
        return []
    low, high = float(seen.min()), float(seen.max())
    never = f"{panel.target} is never below 0 or above"
    broken = bool((seen != np.floor(seen)).any())
    if low <= 0.1 and 0.9 <= high <= 1 and broken:
        return [f"{never} 1 ({low:g} to {high:g}): if it is a share, give `bounds=0,1`"]
    if low <= 10 and 95 <= high <= 100 and np.mean(seen >= 95) > FULL:
        return [f"{never} 100 ({low:g} to {high:g}): if it is a percentage, give `bounds=0,100`"]
    if low < float(seen.std()):
        return [
            f"{panel.target} is never below 0 (its lowest value is {low:g}): if it cannot be, give `bounds=0,`"
        ]
    return []


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
