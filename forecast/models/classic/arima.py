"""ARIMA around sines of the calendar: fitted once for each series, then asked at any number of origins by one filtering pass.

A series is weights times regressors (a constant, or a drift where one difference is taken, sines and cosines of the
stamps, and the K future columns) plus noise of ARIMA(p, d, q)(P, D, Q), as in Hyndman & Athanasopoulos, Forecasting:
Principles and Practice, 3rd ed., chapters 9 and 10. Seasonal orders stand for a season of up to 12 rows, waves for longer
ones and, where they forecast better, for that too. Missing values are left to the filter; a missing value of a future
column counts as its mean.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Annotated, Any, ClassVar, Self

import numpy as np
from pydantic import Field

from forecast.arrays import Array, spread_of
from forecast.data.panel import Panel
from forecast.models.answers import normal_quantiles, shortened
from forecast.models.base import Watch
from forecast.models.classic.arima_search import Model, Series, Waves, adopt, choose, find_waves
from forecast.models.classic.explaining import Regression, explained_row
from forecast.models.classic.naive import Naive, Repeated
from forecast.models.classic.sarima import Order, forecasts, growth, row_weights, rows_to_fade
from forecast.models.contributions import Contributions, nothing, put
from forecast.results import Log
from forecast.task import Goal

SHARED = (
    20  # a panel of more series searches a few of them; each of the others takes over one of their choices
)
SEARCHED = 5  # series, the longest, that it searches


@dataclass(frozen=True)
class Arima:
    """ARIMA with orders up to the given ones, chosen for each series on its last `stretch` rows.

    It has seasonal orders where a season has at most 12 rows.
    """

    reads: ClassVar[tuple[str, ...]] = ("future",)
    name: str = "arima"
    max_p: Annotated[int, Field(ge=0, le=9)] = 3
    max_q: Annotated[int, Field(ge=0, le=9)] = 2
    max_d: Annotated[int, Field(ge=0, le=1)] = 1
    max_seasonal_p: Annotated[int, Field(ge=0, le=2)] = 1
    max_seasonal_q: Annotated[int, Field(ge=0, le=2)] = 1
    max_seasonal_d: Annotated[int, Field(ge=0, le=1)] = 1
    stretch: Annotated[int, Field(ge=50)] = 3000  # rows

    def fit(self, past: Panel, goal: Goal, *, seed: int, watch: Watch) -> "Filtered":
        """Choose orders and cycles by the error over the horizon, and estimate them by maximum likelihood."""
        cold = Naive(kind="seasonal").fit(past, goal, seed=seed, watch=watch)
        waves = find_waves(past, cold.season)
        series = [Series(past, i, waves, self.stretch) for i in range(len(past.ids))]
        longest = np.argsort(-past.lengths, kind="stable")[: SEARCHED if len(series) > SHARED else None]
        found = {int(i): choose(series[i], self._largest, goal.horizon) for i in longest}
        frequent = Counter((model.form, model.order) for model in found.values()).most_common()
        choices = [choice for choice, _ in frequent]
        models: list[Model] = []
        for i, one in enumerate(series):
            models.append(found[i] if i in found else adopt(one, choices, self._largest, goal.horizon))
        parameters = np.zeros((len(models), max(model.order.size for model in models)))
        for i, model in enumerate(models):
            parameters[i, : model.order.size] = model.parameters
        return Filtered(
            goal,
            cold,
            waves,
            orders=np.array([model.order for model in models], "int64"),
            weights=np.stack([model.weights for model in models]),
            parameters=parameters,
            shocks=np.array([one_step_spread(*pair) for pair in zip(series, models, strict=True)]),
            log=Log(_notes(past.ids, models, waves, len(found))),
        )

    @property
    def _largest(self) -> Order:
        """The largest order that is tried."""
        seasonal = (self.max_seasonal_p, self.max_seasonal_d, self.max_seasonal_q)
        return Order(self.max_p, self.max_d, self.max_q, *seasonal)

    def restore(self, arrays: dict[str, Array], goal: Goal) -> "Filtered":
        """The Filtered whose `arrays()` these are."""
        cold = Naive(kind="seasonal").restore({"season": arrays["season"], "slopes": np.zeros(0)}, goal)
        waves = Waves(tuple(arrays["pairs"].tolist()), cold.season)
        learned = {name: arrays[name] for name in ("orders", "weights", "parameters", "shocks")}
        return Filtered(goal, cold, waves, **learned, log=Log())

    def space(self, trial: Any) -> Self:
        """This spec with the largest orders that the trial suggests."""
        p = trial.suggest_int("max_p", 1, 5)
        q = trial.suggest_int("max_q", 0, 3)
        return replace(self, max_p=p, max_q=q)


@dataclass(frozen=True, eq=False)
class Filtered:
    """orders int64 (S, 7), see Order · weights (S, 2 + 2 pairs + K) · parameters (S, the largest size) · shocks (S,), scaled.

    Parameters are padded with 0; shocks are the spreads of the errors one step ahead.
    """

    goal: Goal
    cold: Repeated
    waves: Waves
    orders: Array
    weights: Array
    parameters: Array
    shocks: Array
    log: Log

    @cached_property
    def context(self) -> int:
        """How many rows before an origin a forecast reads.

        So many that the filter has forgotten how it began, also where rows are missing.
        """
        faded = [rows_to_fade(self._order(model), own) for model, own in enumerate(self.parameters)]
        return max(self.cold.context, *faded)

    def _order(self, model: int) -> Order:
        return Order(*self.orders[model].tolist())

    def predict(self, panel: Panel, origins: Array, fitted: Array) -> Array:
        """Forecasts (M, H, P), scaled: one filtering pass a series; normal quantiles where levels are asked for.

        A series that was not fitted gets the seasonal naive forecast, without quantiles.
        """
        horizon = self.goal.horizon
        forecast = self.cold.predict(panel, origins, fitted)[..., 0]
        widths = np.full((len(origins), horizon), np.nan)
        for series, mine in _by_series(origins):
            model = int(fitted[series])
            if model < 0:
                continue
            order = self._order(model)
            answered = self._answered(panel, origins, mine, order)
            if len(answered):
                forecast[answered] = self._forecast(panel, series, origins[answered, 1], model)
                widths[answered] = self.shocks[model] * growth(order, self.parameters[model], horizon)
        return normal_quantiles(forecast, widths, self.goal.levels)

    def _answered(self, panel: Panel, origins: Array, mine: Array, order: Order) -> Array:
        """Which of the origins `mine` of one series the filter answers.

        Where the whole context is missing, a filter of differences has no level: the cold forecast has the last one.
        """
        if not order.lost:
            return mine
        own = origins[mine]
        first = panel.starts[own[:, 0]]
        seen = panel.latest(own) >= first + np.maximum(own[:, 1] - self.context, 0)
        return mine[seen]

    def explain(
        self, panel: Panel, origins: Array, fitted: Array, steps: Array, integration: int
    ) -> Contributions:
        """Exact: each forecast is a sum of weights times rows, which the filter gives, and of its regressors."""
        shape = (len(origins), len(steps), self.context, self.goal.horizon, len(panel.columns))
        made = nothing(*shape)
        put(made, np.arange(len(origins)), self.cold.explain(panel, origins, fitted, steps, integration))
        for series, mine in _by_series(origins):
            model = int(fitted[series])
            if model < 0:
                continue
            for place in self._answered(panel, origins, mine, self._order(model)):
                own = self._explain_one(panel, origins[[place]], model, steps)
                put(made, np.array([place]), own)
        return made

    def _explain_one(self, panel: Panel, origin: Array, model: int, steps: Array) -> Contributions:
        """What makes up the forecast at one origin (1, 2)."""
        series, row = (int(number) for number in origin[0])
        horizon = self.goal.horizon
        begin = max(row - self.context, 0)
        first = int(panel.starts[series])
        read = slice(first + begin, first + row)
        stamps = panel.clock.after(panel.times[[read.stop - 1]], np.arange(1, horizon + 1))[0]
        rows = Regression(
            values=panel.values[read, 0],
            known=self._design(panel, panel.times[read], np.arange(row - begin), panel.values[read]),
            ahead=self.waves.design(
                panel.clock, stamps, row - begin + np.arange(horizon), panel.ahead(origin, horizon)[0]
            ),
            weights=self.weights[model],
        )
        noise = rows.values - rows.known @ rows.weights
        shares = row_weights(noise, self._order(model), self.parameters[model], steps)
        return explained_row(rows, shares, steps, panel.future, len(panel.columns))

    def _forecast(self, panel: Panel, series: int, rows: Array, model: int) -> Array:
        """Forecasts (M, H) at rows (M,) of one series by one fitted model."""
        horizon = self.goal.horizon
        steps = np.arange(horizon)
        begin = max(int(rows.min()) - self.context, 0)
        first = int(panel.starts[series])
        read = slice(first + begin, first + int(rows.max()))
        position = np.arange(read.stop - read.start)
        known = self._design(panel, panel.times[read], position, panel.values[read])
        stamps = panel.clock.after(panel.times[first + rows - 1], steps + 1)
        origins = np.stack([np.full(len(rows), series), rows], axis=1)
        position = rows[:, None] - begin + steps
        ahead = self.waves.design(panel.clock, stamps, position, panel.ahead(origins, horizon))
        weights = self.weights[model]
        noise = panel.values[read, 0] - known @ weights
        expected: Array = ahead @ weights
        own = self.parameters[model]
        return expected + forecasts(noise, self._order(model), own, rows - begin, horizon)

    def _design(self, panel: Panel, times: Array, position: Array, values: Array) -> Array:
        """The regressors (n, 2 + 2 pairs + K) of rows of a panel with values (n, C)."""
        return self.waves.design(panel.clock, times, position, values[:, panel.future])

    def arrays(self) -> dict[str, Array]:
        """Orders, weights and parameters, the pairs of sines of each cycle int64 (4,) and the season int64 (1,)."""
        return {
            "orders": self.orders,
            "weights": self.weights,
            "parameters": self.parameters,
            "shocks": self.shocks,
            "pairs": np.array(self.waves.pairs, "int64"),
            "season": np.array([self.cold.season], "int64"),
        }


def one_step_spread(series: Series, model: Model) -> float:
    """The root mean square of the errors one step ahead over the stretch: the spread of the shocks.

    The first tenth, where the filter settles, is left out.
    """
    noise = (series.values - series.design @ model.weights)[-series.stretch :]
    rows = np.arange(len(noise) // 10 + model.order.lost, len(noise))
    if not len(rows):
        return 0.0
    error = noise[rows] - forecasts(noise, model.order, model.parameters, rows, 1)[:, 0]
    return spread_of(error)


def _by_series(origins: Array) -> Iterator[tuple[int, Array]]:
    """Each series with the places of its origins."""
    order = np.argsort(origins[:, 0], kind="stable")
    parts = np.split(order, np.flatnonzero(np.diff(origins[order, 0])) + 1)
    return ((int(origins[part[0], 0]), part) for part in parts if len(part))


def _notes(ids: tuple[str, ...], models: list[Model], waves: Waves, searched: int) -> tuple[str, ...]:
    names = [cycle if isinstance(cycle, str) else f"{cycle:.0f} steps" for cycle, _ in waves.used]
    chosen: dict[str, list[str]] = {}
    for name, model in zip(ids, models, strict=True):
        used = ", ".join(names[cycle] for cycle in model.form.cycles)
        words = f"{model.order} with the cycle {used}" if used else str(model.order)
        chosen.setdefault(words, []).append(name)
    notes = [f"{words}: {shortened(series)}" for words, series in chosen.items()]
    if searched < len(models):
        notes.append(f"orders searched on the {searched} longest of {len(models)} series")
    failed = sum(model.failed for model in models)
    if failed:
        notes.append(f"{failed} fits did not converge or were near a unit root; the next order was taken")
    return tuple(notes)
