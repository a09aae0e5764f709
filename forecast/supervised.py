"""Supervised sequences as arrays, for a net of your own: views of the panel where one series holds
them all.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from forecast.arrays import Array
from forecast.data.panel import Panel
from forecast.errors import ForecastError
from forecast.reading.door import read


@dataclass(frozen=True, eq=False)
class Sequences:
    """W windows, series after series, each in order of time; values unscaled, missing ones NaN.

    x float64 (W, L, C), the rows before an origin, the target first · y float64 (W, H), the target
    after it · stamps (W, H), those of y · cutoffs (W,), the last stamp of x · ids (W,), whose
    window it is. Read-only.
    """

    x: Array
    y: Array
    stamps: Array
    cutoffs: Array
    ids: Array

    def __len__(self) -> int:
        return len(self.y)


def windows(data: "Panel | str | Path | Any", context: int, horizon: int, stride: int = 1) -> Sequences:
    """Supervised sequences of a panel, a file or a frame: every `stride`-th window of `context`
    rows and the `horizon` rows after them.

    Nothing is filled or left out: where readings are missing, x and y are NaN. No window crosses
    from one series into another. Of one series all arrays are views of the panel, and no memory is
    taken; of several they are copies, context + horizon times as large as the panel at stride 1. A
    file or frame is read as `read` reads it without being told more.
    Raises ForecastError where no series has context + horizon rows.
    """
    for name, value in (("context", context), ("horizon", horizon), ("stride", stride)):
        if value < 1:
            raise ForecastError(f"{name} is at least 1; found {name}={value}.")
    panel = data if isinstance(data, Panel) else read(data)
    long = np.flatnonzero(panel.lengths >= context + horizon)
    if not len(long):
        raise ForecastError(
            f"The longest series has {int(panel.lengths.max(initial=0))} rows; a window of"
            f" context={context} and horizon={horizon} needs"
            f" {context + horizon}. Take a shorter context or horizon."
        )
    parts = [_of_one(panel, int(i), context, horizon, stride) for i in long]
    if len(parts) == 1:
        return parts[0]
    return Sequences(**{one.name: _joined(parts, one.name) for one in fields(Sequences)})


def _joined(parts: Sequence[Sequences], name: str) -> Array:
    """One of the arrays of several series, one after the other."""
    return np.concatenate([getattr(part, name) for part in parts])


def _of_one(panel: Panel, series: int, context: int, horizon: int, stride: int) -> Sequences:
    """The windows of one series, as views."""
    times = panel.times[panel.rows(series)]
    values = panel.values[panel.rows(series)]
    x = sliding_window_view(values[: len(values) - horizon], context, axis=0)[::stride].swapaxes(1, 2)
    y, stamps = (sliding_window_view(array[context:], horizon)[::stride] for array in (values[:, 0], times))
    ids = np.broadcast_to(np.array(panel.ids[series], dtype=object), len(y))
    return Sequences(x, y, stamps, times[context - 1 : len(times) - horizon : stride], ids)
