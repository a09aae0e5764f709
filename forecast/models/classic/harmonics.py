"""Sines and cosines of the calendar, by cycle, as models of the calendar have them."""

import numpy as np

from forecast.arrays import Array
from forecast.data.clock import CYCLES, Clock
from forecast.data.panel import Panel
from forecast.data.seasons import cycles_seen, season_of

# (name in CYCLES, or steps of the step clock; pairs of sine and cosine), shortest first
Cycles = tuple[tuple[str | float, int], ...]


def cycles_of(past: Panel, names: tuple[str, ...]) -> tuple[str | float, ...]:
    """Those of the named cycles that the past has seen twice; on the step clock the season found in the values."""
    if past.clock.kind != "step":
        return tuple(name for name in cycles_seen(past) if name in names)
    season = season_of(past)
    return (float(season),) if season > 1 else ()


def waves(clock: Clock, stamps: Array, cycles: Cycles) -> Array:
    """A constant and the sines and cosines of each cycle at stamps (...): (..., 1 + 2 pairs)."""
    constant = np.ones((*stamps.shape, 1))
    parts = [clock.harmonics(stamps, cycle, pairs) for cycle, pairs in cycles]
    return np.concatenate([constant, *parts], axis=-1)


def called(cycle: str | float) -> str:
    """A cycle in words."""
    return cycle if isinstance(cycle, str) else f"{cycle:g} steps"


def cycles_to_arrays(cycles: Cycles) -> dict[str, Array]:
    """Cycles int64 (cycles, 2) as (place in CYCLES, pairs), and the season of the step clock, season (1,).

    The place of that season is the last.
    """
    place = {name: i for i, name in enumerate(CYCLES)}
    season = 1.0
    table = []
    for name, pairs in cycles:
        if isinstance(name, str):
            table.append((place[name], pairs))
        else:
            table.append((len(place), pairs))
            season = name
    return {
        "cycles": np.array(table, "int64").reshape(-1, 2),
        "season": np.array([season], "float64"),
    }


def cycles_from_arrays(arrays: dict[str, Array]) -> Cycles:
    """The cycles that `cycles_to_arrays` made arrays of."""
    names = [*CYCLES, float(arrays["season"][0])]
    return tuple((names[place], pairs) for place, pairs in arrays["cycles"].tolist())
