"""The naive forecasts: what every other model has to beat."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from forecast.arrays import Array
from forecast.data.panel import Panel
from forecast.data.seasons import season_of
from forecast.errors import ForecastError
from forecast.models.base import CONTEXT, Watch
from forecast.models.contributions import Contributions, nothing
from forecast.models.hurdle import zeros_of
from forecast.results import Log
from forecast.task import Goal

SEASONS = 4  # looked through, the newest first, for an observed value of the same phase


@dataclass(frozen=True)
class Naive:
    """The last observed value for ever, the last season again, or the last value and from there the mean step of the past.

    zero: 0 for ever, which of returns is what the last price says of the next.
    (Hyndman & Athanasopoulos, Forecasting: Principles and Practice, 3rd ed., section 5.2.)
    """

    name: str = "naive"
    kind: Literal["last", "seasonal", "drift", "zero"] = "last"

    def fit(self, past: Panel, goal: Goal, *, seed: int, watch: Watch) -> "Repeated":
        """Learn the season of the panel, or the drift of each series."""
        if self.kind == "zero":
            return _zero(past, goal)
        if self.kind == "seasonal":
            season = season_of(past)
            note = f"season of {season} steps" if season > 1 else "no season found"
            return Repeated(goal, season, np.zeros(0), Log((note,)))
        slopes = np.zeros(len(past.ids))
        if self.kind == "drift":
            slopes = np.array([mean_step(past.values[past.rows(i), 0]) for i in range(len(past.ids))])
        return Repeated(goal, 1, slopes, Log())

    def restore(self, arrays: dict[str, Array], goal: Goal) -> "Repeated":
        """The Repeated whose `arrays()` these are."""
        if self.kind == "zero":
            return Zero(goal, 1, np.zeros(0), Log())
        return Repeated(goal, int(arrays["season"][0]), arrays["slopes"], Log())


def _zero(past: Panel, goal: Goal) -> "Zero":
    """A Zero; ForecastError where 0 has no transform."""
    if past.zeros is not None and np.isnan(past.zeros).any():
        raise ForecastError(
            f"zero forecasts 0, which has no `transform={goal.units.transform}`: leave the transform or the model out."
        )
    return Zero(goal, 1, np.zeros(0), Log())


@dataclass(frozen=True, eq=False)
class Repeated:
    """season: in steps, 1 = none · slopes (S,): scaled units a step; none for the seasonal kind."""

    goal: Goal
    season: int
    slopes: Array
    log: Log

    @property
    def context(self) -> int:
        """How many rows before an origin a forecast reads."""
        return max(CONTEXT, SEASONS * self.season)

    def predict(self, panel: Panel, origins: Array, fitted: Array) -> Array:
        """Forecasts (M, H, 1), scaled, from the last observed value, however old; 0, the mean, where there is none.

        A series that was not fitted has no drift.
        """
        latest = panel.latest(origins)
        last = np.where(latest >= 0, panel.values[latest, 0], 0.0)
        forecast = np.repeat(last[:, None], self.goal.horizon, axis=1)
        if self.season > 1:
            forecast = self._seasonal(panel, origins, forecast)
        if len(self.slopes):
            forecast += self._drift(panel, origins, fitted, latest)
        return forecast[..., None]

    def _seasonal(self, panel: Panel, origins: Array, forecast: Array) -> Array:
        """The last observed values (M, H) of the same phase; the forecast where none of the last SEASONS has one."""
        row = self._same_phase(panel, origins)
        return np.where(row >= 0, panel.values[row, 0], forecast)

    def _same_phase(self, panel: Panel, origins: Array) -> Array:
        """The row of `values` (M, H) with the last observed value of the same phase; -1 where none of SEASONS has one."""
        first = panel.starts[origins[:, 0]]
        origin = first + origins[:, 1]
        phases = np.arange(self.goal.horizon) % self.season
        rows = np.full((len(origins), self.goal.horizon), -1)
        for back in range(SEASONS, 0, -1):  # the newest season is written last, over the older ones
            index = origin[:, None] - back * self.season + phases
            value = np.where(index >= first[:, None], panel.values[np.maximum(index, 0), 0], np.nan)
            rows = np.where(np.isnan(value), rows, index)
        return rows

    def explain(
        self, panel: Panel, origins: Array, fitted: Array, steps: Array, integration: int
    ) -> Contributions:
        """Exact: the last value, the drift, and what the same phase of the last season was above the last value."""
        columns = len(panel.columns)
        rows = SEASONS * self.season if self.season > 1 else 1
        made = nothing(len(origins), len(steps), rows, self.goal.horizon, columns)
        latest = panel.latest(origins)
        last = np.where(latest >= 0, panel.values[latest, 0], 0.0)
        made.anchor[:] = last[:, None]
        if len(self.slopes):
            made.bias[:] = self._drift(panel, origins, fitted, latest)[:, steps]
        if self.season > 1:
            row = self._same_phase(panel, origins)[:, steps]
            lag = (panel.starts[origins[:, 0]] + origins[:, 1])[:, None] - row
            origin, step = np.nonzero(row >= 0)
            said = panel.values[row[origin, step], 0] - last[origin]
            made.window[origin, step, lag[origin, step] - 1, 0] = said
        return made

    def _drift(self, panel: Panel, origins: Array, fitted: Array, latest: Array) -> Array:
        """What the mean step makes (M, H) from the last observed rows (M,) on."""
        row = fitted[origins[:, 0]]
        slope = np.where((row >= 0) & (latest >= 0), self.slopes[row], 0.0)
        origin = panel.starts[origins[:, 0]] + origins[:, 1]
        steps = origin[:, None] + np.arange(self.goal.horizon) - latest[:, None]
        return slope[:, None] * steps

    def arrays(self) -> dict[str, Array]:
        """season int64 (1,) and slopes float64 (S,)."""
        return {"season": np.array([self.season], "int64"), "slopes": self.slopes}


@dataclass(frozen=True, eq=False)
class Zero(Repeated):
    """0 in the units of the target, whatever was observed."""

    def predict(self, panel: Panel, origins: Array, fitted: Array) -> Array:
        """Forecasts (M, H, 1): what 0 is, scaled."""
        return np.repeat(self._zeros(panel, origins), self.goal.horizon, axis=1)[..., None]

    def explain(
        self, panel: Panel, origins: Array, fitted: Array, steps: Array, integration: int
    ) -> Contributions:
        """Exact: 0, from which nothing departs."""
        made = nothing(len(origins), len(steps), 1, self.goal.horizon, len(panel.columns))
        made.anchor[:] = self._zeros(panel, origins)
        return made

    def _zeros(self, panel: Panel, origins: Array) -> Array:
        """What 0 is (M, 1), scaled as the series of each origin."""
        return zeros_of(panel)[origins[:, 0]][:, None]


def mean_step(target: Array) -> float:
    """The mean step from the first to the last observed value of (n,); 0 where fewer than two are observed."""
    seen = np.flatnonzero(~np.isnan(target))
    if len(seen) < 2:
        return 0.0
    begin, end = seen[0], seen[-1]
    return float((target[end] - target[begin]) / (end - begin))
