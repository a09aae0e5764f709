"""What a fit and a forecast give back: plain values with `to_frame()`."""

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from forecast.data.panel import Panel
from forecast.data.scaling import Scaling
from forecast.files import Array

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Log:
    """What a fit tells about itself: its choices and mishaps in words, its loss history, its seconds.

    `history` holds rows (step, training loss, validation loss) in scaled units; `seconds` is CPU time of the fit and its forecasts.
    """

    notes: tuple[str, ...] = ()
    history: tuple[tuple[int, float, float], ...] = ()
    seconds: float = 0.0


@dataclass(frozen=True, eq=False)
class Forecast:
    """Forecasts at M origins, H steps each.

    model · ids (S,) · origins int64 (M, 2) · cutoffs (M,), the last known stamp · times (M, H) · values float64 (M, H).
    """

    model: str
    ids: tuple[str, ...]
    origins: Array
    cutoffs: Array
    times: Array
    values: Array

    def to_frame(self, cutoff: bool | None = None) -> "pd.DataFrame":
        """A long frame `unique_id, ds, <model>`; with `cutoff` (by default where a series has several origins) the last known stamp too."""
        import pandas as pd

        origins, horizon = self.values.shape
        series = self.origins[:, 0]
        names = np.array(self.ids, dtype=object)[series]
        frame = pd.DataFrame({"unique_id": np.repeat(names, horizon), "ds": self.times.ravel(), self.model: self.values.ravel()})
        if cutoff if cutoff is not None else len(np.unique(series)) < origins:
            frame.insert(2, "cutoff", np.repeat(self.cutoffs, horizon))
        return frame


@dataclass(frozen=True, eq=False)
class Outcome:
    """Forecasts of one model in one fold beside what came: all that a metric needs.

    forecast (M origins) · truth (M, H), NaN where nothing was observed · past: the panel that `fit` saw · scaling learned from it · log.
    """

    fold: int
    forecast: Forecast
    truth: Array
    past: Panel
    scaling: Scaling
    log: Log = field(default_factory=Log)

    def to_frame(self) -> "pd.DataFrame":
        """The forecast's frame with the truth as `y`."""
        frame = self.forecast.to_frame(cutoff=True)
        frame.insert(3, "y", self.truth.ravel())
        return frame


def with_seconds(log: Log, seconds: float) -> Log:
    """The log with its CPU seconds."""
    return replace(log, seconds=seconds)


def header(log: Log) -> dict[str, Any]:
    """A log as JSON values."""
    return {"notes": list(log.notes), "history": [list(row) for row in log.history], "seconds": log.seconds}


def log_of(values: dict[str, Any]) -> Log:
    """The log that `header` wrote down."""
    return Log(tuple(values["notes"]), tuple((int(s), float(a), float(b)) for s, a, b in values["history"]), float(values["seconds"]))
