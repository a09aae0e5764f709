"""ARIMA around sines of the calendar: fitted once for each series, then asked at any number of origins by one filtering pass.

A series is weights times regressors (a constant, or a drift where one difference is taken, sines and cosines of the stamps, and the K future
columns) plus noise of ARIMA(p, d, q)(P, D, Q), as in Hyndman & Athanasopoulos, Forecasting: Principles and Practice, 3rd ed., chapters 9 and
10. Seasonal orders stand for a season of up to 12 rows, waves for longer ones and, where they forecast better, for that too. Missing values are
left to the filter; a missing value of a future column counts as its mean.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Annotated, Any, ClassVar, Self

import numpy as np
from pydantic import Field

from forecast.arrays import Array
from forecast.data.panel import Panel
from forecast.models.answers import normal_quantiles
from forecast.models.base import Watch
from forecast.models.classic.arima_search import Model, Series, Waves, adopt, choose, find_waves
from forecast.models.classic.naive import Naive, Repeated
from forecast.models.classic.sarima import Order, forecasts, growth, rows_to_fade
from forecast.results import Log
from forecast.task import Goal

SHARED, SEARCHED = (
    20,
    5,
)  # a panel of more series searches the longest ones only; each of the others takes over one of their choices


@dataclass(frozen=True)
class Arima:
    """ARIMA with orders up to the given ones, chosen for each series on its last `stretch` rows; seasonal ones where a season has <= 12 rows."""

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
        """Choose orders and cycles by the error over the horizon, and estimate them by maximum likelihood, for each series."""
        cold = Naive(kind="seasonal").fit(past, goal, seed=seed, watch=watch)
        waves = find_waves(past, cold.season)
        largest = Order(
            self.max_p, self.max_d, self.max_q, self.max_seasonal_p, self.max_seasonal_d, self.max_seasonal_q
        )
        series = [Series(past, i, waves, self.stretch) for i in range(len(past.ids))]
        longest = np.argsort(-past.lengths, kind="stable")[: SEARCHED if len(series) > SHARED else None]
        found = {int(i): choose(series[i], largest, goal.horizon) for i in longest}
        choices = [
            choice
            for choice, _ in Counter((model.form, model.order) for model in found.values()).most_common()
        ]
        models = [
            found[i] if i in found else adopt(one, choices, largest, goal.horizon)
            for i, one in enumerate(series)
        ]
        shocks = np.array([one_step_spread(one, model) for one, model in zip(series, models, strict=True)])
        parameters = np.zeros((len(models), max(model.order.size for model in models)))
        for i, model in enumerate(models):
            parameters[i, : model.order.size] = model.parameters
        orders, weights = (
            np.array([model.order for model in models], "int64"),
            np.stack([model.weights for model in models]),
        )
        return Filtered(
            goal,
            cold,
            waves,
            orders,
            weights,
            parameters,
            shocks,
            Log(_notes(past.ids, models, waves, len(found))),
        )

    def restore(self, arrays: dict[str, Array], goal: Goal) -> "Filtered":
        """The Filtered whose `arrays()` these are."""
        cold = Naive(kind="seasonal").restore({"season": arrays["season"], "slopes": np.zeros(0)}, goal)
        waves = Waves(tuple(arrays["pairs"].tolist()), cold.season)
        return Filtered(
            goal,
            cold,
            waves,
            arrays["orders"],
            arrays["weights"],
            arrays["parameters"],
            arrays["shocks"],
            Log(),
        )

    def space(self, trial: Any) -> Self:
        """This spec with the largest orders that the trial suggests."""
        return replace(self, max_p=trial.suggest_int("max_p", 1, 5), max_q=trial.suggest_int("max_q", 0, 3))


@dataclass(frozen=True, eq=False)
class Filtered:
    """orders int64 (S, 7), see Order · weights (S, 2 + 2 pairs + K) · parameters (S, the largest size), padded with 0 · shocks (S,), scaled."""

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
        """How many rows before an origin a forecast reads: until the filter has forgotten how it began, also where rows are missing."""
        models = zip(self.orders.tolist(), self.parameters, strict=True)
        return max(
            self.cold.context, *(rows_to_fade(Order(*order), parameters) for order, parameters in models)
        )

    def predict(self, panel: Panel, origins: Array, fitted: Array) -> Array:
        """Forecasts (M, H, P), scaled: one filtering pass a series; normal quantiles where levels are asked for.

        A series that was not fitted gets the seasonal naive forecast, without quantiles.
        """
        forecast, widths = (
            self.cold.predict(panel, origins, fitted)[..., 0],
            np.full((len(origins), self.goal.horizon), np.nan),
        )
        first = panel.starts[origins[:, 0]]
        seen = panel.latest(origins) >= first + np.maximum(origins[:, 1] - self.context, 0)
        for series, mine in _by_series(origins):
            model = int(fitted[series])
            if model >= 0 and Order(*self.orders[model].tolist()).lost:
                mine = mine[
                    seen[mine]
                ]  # where the whole context is missing, the filter has no level: the cold forecast has the last one
            if model >= 0 and len(mine):
                forecast[mine] = self._forecast(panel, series, origins[mine, 1], model)
                widths[mine] = self.shocks[model] * growth(
                    Order(*self.orders[model].tolist()), self.parameters[model], self.goal.horizon
                )
        return normal_quantiles(forecast, widths, self.goal.levels)

    def _forecast(self, panel: Panel, series: int, rows: Array, model: int) -> Array:
        """Forecasts (M, H) at rows (M,) of one series by one fitted model."""
        begin, steps = max(int(rows.min()) - self.context, 0), np.arange(self.goal.horizon)
        first, order, weights = (
            int(panel.starts[series]),
            Order(*self.orders[model].tolist()),
            self.weights[model],
        )
        read = slice(first + begin, first + int(rows.max()))
        known = self.waves.design(
            panel.clock,
            panel.times[read],
            np.arange(read.stop - read.start),
            panel.values[read][:, panel.future],
        )
        stamps = panel.clock.after(panel.times[first + rows - 1], steps + 1)
        future = panel.ahead(np.stack([np.full(len(rows), series), rows], axis=1), self.goal.horizon)
        ahead = self.waves.design(panel.clock, stamps, rows[:, None] - begin + steps, future)
        noise = panel.values[read, 0] - known @ weights
        expected: Array = ahead @ weights
        return expected + forecasts(noise, order, self.parameters[model], rows - begin, self.goal.horizon)

    def arrays(self) -> dict[str, Array]:
        """Orders, weights and parameters, the pairs of sines of each cycle int64 (4,) and the season int64 (1,)."""
        pairs, season = np.array(self.waves.pairs, "int64"), np.array([self.cold.season], "int64")
        learned = {
            "orders": self.orders,
            "weights": self.weights,
            "parameters": self.parameters,
            "shocks": self.shocks,
        }
        return {**learned, "pairs": pairs, "season": season}


def one_step_spread(series: Series, model: Model) -> float:
    """The root mean square of the errors one step ahead over the stretch: the spread of the shocks; the first tenth, where it settles, not."""
    noise = (series.values - series.design @ model.weights)[-series.stretch :]
    rows = np.arange(len(noise) // 10 + model.order.lost, len(noise))
    if not len(rows):
        return 0.0
    error = noise[rows] - forecasts(noise, model.order, model.parameters, rows, 1)[:, 0]
    seen = ~np.isnan(error)
    return float(np.sqrt(np.mean(error[seen] ** 2))) if seen.any() else 0.0


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
        chosen.setdefault(f"{model.order} with the cycle {used}" if used else str(model.order), []).append(
            name
        )
    notes = [
        f"{words}: {', '.join(of[:3])}{f' and {len(of) - 3} more' if len(of) > 3 else ''}"
        for words, of in chosen.items()
    ]
    if searched < len(models):
        notes.append(f"orders searched on the {searched} longest of {len(models)} series")
    failed = sum(model.failed for model in models)
    return (
        (*notes, f"{failed} fits did not converge or were near a unit root; the next order was taken")
        if failed
        else tuple(notes)
    )
