"""Sample paths as a value: as a table, and their sum, highest and lowest value over the horizon or over local days."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from forecast.arrays import Array
from forecast.data.clock import Clock
from forecast.data.panel import Panel
from forecast.data.zones import placed, to_local, to_utc
from forecast.errors import ForecastError, nearest
from forecast.fitting import Fitted
from forecast.task import quantile_levels

if TYPE_CHECKING:
    import pandas as pd

REDUCED: dict[str, Callable[..., Array]] = {"sum": np.sum, "max": np.max, "min": np.min}
PERIODS = ("horizon", "day")


def sample_paths(
    fitted: Fitted, panel: Panel, origins: Array | None = None, *, count: int = 500, seed: int = 0
) -> "Paths":
    """Sample paths of a fitted model, by default after the last observed target of each series.

    Arguments, and what is refused, are those of `Fitted.paths`.
    """
    values = fitted.paths(panel, origins, count, seed)
    asked = panel.ends() if origins is None else np.asarray(origins, "int64")
    return Paths(
        model=fitted.spec.name,
        ids=tuple(np.array(panel.ids, dtype=object)[asked[:, 0]]),
        cutoffs=panel.cutoffs(asked),
        times=panel.stamps(asked, values.shape[2]),
        values=values,
        intervals=fitted.goal.task.intervals,
        clock=panel.clock,
    )


@dataclass(frozen=True, eq=False)
class Paths:
    """Sample paths of one model at M origins, H steps each.

    ids (M,): the series of each origin · cutoffs (M,), its last known stamp · times (M, H) · values (M, count, H), in units
    of the target · intervals: the coverages in percent that are shown of sums. cutoffs and times are UTC; frames show the
    place of the clock.
    """

    model: str
    ids: tuple[str, ...]
    cutoffs: Array
    times: Array
    values: Array
    intervals: tuple[float, ...]
    clock: Clock

    def to_frame(self) -> "pd.DataFrame":
        """A long frame `unique_id, cutoff, ds, path, value`, one row per origin, path and step; paths count from 1."""
        import pandas as pd

        origins, count, horizon = self.values.shape
        each = count * horizon
        zone = self.clock.tz
        columns = {
            "unique_id": np.repeat(np.array(self.ids, dtype=object), each),
            "cutoff": placed(np.repeat(self.cutoffs, each), zone),
            "ds": placed(np.repeat(self.times, count, axis=0).ravel(), zone),
            "path": np.tile(np.repeat(np.arange(1, count + 1), horizon), origins),
            "value": self.values.ravel(),
        }
        return pd.DataFrame(columns)

    def sum(self, by: str = "horizon") -> "pd.DataFrame":
        """The distribution of the sum over the horizon, or over each local day of it (by="day"): see `reduced`."""
        return self.reduced(["sum"], by)

    def max(self, by: str = "horizon") -> "pd.DataFrame":
        """The distribution of the highest value over the horizon, or over each local day of it (by="day"): see `reduced`."""
        return self.reduced(["max"], by)

    def min(self, by: str = "horizon") -> "pd.DataFrame":
        """The distribution of the lowest value over the horizon, or over each local day of it (by="day"): see `reduced`."""
        return self.reduced(["min"], by)

    def reduced(self, how: Sequence[str], by: str = "horizon") -> "pd.DataFrame":
        """Medians and intervals of what paths are reduced to: `unique_id, cutoff, ds, steps`, then `<model>-sum`,
        `<model>-sum-lo-80`, `<model>-sum-hi-80` and so on.

        how: among sum, max, min · by: "horizon", or "day", the local days of the panel's zone. `ds` is the first stamp of
        the period (of a day its midnight), `steps` how many steps of the horizon lie in it: the first and the last day are
        seldom whole. Raises ForecastError where there is no such reduction, or where steps are not shorter than a day.
        """
        import pandas as pd

        for name in how:
            if name not in REDUCED:
                raise ForecastError(f"Paths cannot be reduced to {name!r}.{nearest(name, list(REDUCED))}")
        rows = []
        for place, name in enumerate(self.ids):
            for begin, steps in self._periods(place, by):
                row = {"unique_id": name, "cutoff": self.cutoffs[place], "ds": begin, "steps": len(steps)}
                own = self.values[place][:, steps]
                for one in how:
                    row |= self._spread(one, REDUCED[one](own, axis=1))
                rows.append(row)
        frame = pd.DataFrame(rows)
        for column in ("cutoff", "ds"):
            frame[column] = placed(frame[column].to_numpy(), self.clock.tz)
        return frame

    def _periods(self, place: int, by: str) -> "list[tuple[np.generic, Array]]":
        """The periods of the horizon of one origin: the first stamp of each, and the steps that lie in it."""
        times = self.times[place]
        if by == "horizon":
            return [(times[0], np.arange(len(times)))]
        if by != "day":
            raise ForecastError(f"Paths cannot be reduced by {by!r}.{nearest(by, PERIODS)}")
        if self.clock.kind == "step" or self.clock.dated:
            raise ForecastError(
                f"`by=day` is of steps shorter than a day, and these are {self.clock.words}. Leave `by` out: the reduction is"
                f" then over the whole horizon."
            )
        days = to_local(times, self.clock.tz).astype("datetime64[D]")
        found = []
        for day in np.unique(days):
            midnight = to_utc(np.array([day], "datetime64[ns]"), self.clock.tz)[0]
            found.append((midnight, np.flatnonzero(days == day)))
        return found

    def _spread(self, name: str, values: Array) -> dict[str, float]:
        """The median and the intervals of values (count,), by the names of their columns."""
        column = f"{self.model}-{name}"
        found = {column: float(np.median(values))}
        for coverage in self.intervals:
            low, _, high = quantile_levels([coverage])
            ends = np.quantile(values, [low, high], method="hazen")
            found[f"{column}-lo-{coverage:g}"] = float(ends[0])
            found[f"{column}-hi-{coverage:g}"] = float(ends[1])
        return found
