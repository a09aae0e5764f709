"""implied-gru, implied-arima ...: the probability of an event, by a forecaster of the number that it is about."""

import json
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self, cast

import numpy as np

from forecast.arrays import Array, under
from forecast.copula import CELLS, FEW, Templates, kept_levels, levels_of, seeds_of, values_at
from forecast.data.events import Comparison, Condition, changed, condition_of
from forecast.data.panel import Panel
from forecast.errors import ForecastError
from forecast.evaluation.blocks import independent_windows
from forecast.fitting import Fitted, fit
from forecast.models.answers import in_chunks
from forecast.models.base import Spec, Watch, reads_of, varied
from forecast.models.names import floored
from forecast.models.nets.settings import Settings
from forecast.results import Forecast, Log
from forecast.saving import packed, unpacked
from forecast.task import LEVELS, Goal, Task, reduced

PATHS = 400  # sample paths of each origin
TEMPLATES = 400  # windows of the past from which the joint order of the steps is taken, at most
AT_ONCE = 256  # origins whose sample paths are in memory together
HEADER = "header"  # what of the forecaster is no array, as JSON in bytes


@dataclass(frozen=True)
class Implied:
    """A forecaster of a number, asked how probable an event is that is a condition on that number.

    forecaster: it has a distribution: quantiles of its own, as ARIMA, or a net, which learns them (`loss=quantile`). An event
    of single steps is read from them. One that is about a change, a return, or any or all steps is counted among sample
    paths, whose steps are joined as the past windows of the same fit were (`forecast.copula`). Where returns are asked
    for and all values are above 0, logs are forecast.
    """

    targets: ClassVar[tuple[str, ...]] = ("event",)
    unscaled: ClassVar[bool] = True  # a condition is about the units of the file
    name: str
    forecaster: Spec

    @property
    def reads(self) -> tuple[str, ...]:
        """As the forecaster."""
        return reads_of(self.forecaster)

    def fit(self, past: Panel, goal: Goal, *, seed: int, watch: Watch) -> "Implication":
        """Fit the forecaster on the number; ForecastError where the condition is not about one number, or it has no distribution."""
        condition = condition_of(past.columns[0].of)
        numbers = numbers_of(past, condition)
        price = all(part.made == "return" for part in condition.parts) and _positive(numbers)
        task = Task(
            horizon=goal.horizon,
            levels=LEVELS,
            scale=goal.task.scale,
            transform="log" if price else "none",
        )
        fitted = fit(with_distribution(self.forecaster, numbers), numbers, task, seed=seed, watch=watch)
        edges = _edges(condition, numbers)
        templates = Templates(np.zeros((0, goal.horizon), "uint16"), 0.0)
        if _needs_paths(condition, goal):
            templates = _templates(fitted, numbers)
        elif not _has_quantiles(fitted, numbers):
            raise _without_distribution(self.name)
        return Implication(goal, condition, fitted, edges, templates, fitted.log)

    def restore(self, arrays: dict[str, Array], goal: Goal) -> "Implication":
        """The Implication whose `arrays()` these are."""
        values = json.loads(arrays[HEADER].tobytes())
        fitted = unpacked(under(arrays, "fitted."), values, self.name)
        condition = condition_of(goal.columns[0])
        templates = Templates(arrays["templates"], float(arrays["independent"][0]))
        return Implication(goal, condition, fitted, arrays["edges"], templates, Log())

    def space(self, trial: Any) -> Self:
        """This spec with the settings of the forecaster that a trial suggests."""
        return replace(self, forecaster=varied(self.forecaster, trial))


@dataclass(frozen=True, eq=False)
class Implication:
    """What was learned of the number.

    edges (parts,): the numbers that the comparisons of the condition are made with · templates: how its steps hang together.
    """

    goal: Goal
    condition: Condition
    fitted: Fitted
    edges: Array
    templates: Templates
    log: Log

    @property
    def context(self) -> int:
        """How many rows before an origin a forecast reads: those of the forecaster, and those that a change reaches back to."""
        return max(self.fitted.context, *(part.steps + 1 for part in self.condition.parts))

    def predict(self, panel: Panel, origins: Array, fitted: Array) -> Array:
        """Shares (M, A, 2) of no and yes."""
        numbers = numbers_of(panel, self.condition)

        def answer(part: Array) -> Array:
            yes = self._probability(numbers, self.fitted.predict(numbers, part))
            return floored(np.stack([1 - yes, yes], axis=-1))

        return in_chunks(answer, origins, AT_ONCE)

    def _probability(self, numbers: Panel, forecast: Forecast) -> Array:
        """The probability (M, A) of the event."""
        if _needs_paths(self.condition, self.goal):
            return self._counted(numbers, forecast)
        part = self.condition.parts[0]
        edge = np.full(forecast.values.shape, self.edges[0])
        below = levels_of(edge, _quantiles(forecast), forecast.levels)
        if part.sign in ("<", "<="):
            return below
        above: Array = 1 - below
        return above

    def _counted(self, numbers: Panel, forecast: Forecast) -> Array:
        """The probability (M, A) of the event, as the share of sample paths on which it takes place."""
        quantiles = _quantiles(forecast)
        seeds = seeds_of(0, forecast.ids, forecast.origins, forecast.cutoffs)
        before = _rows_before(numbers, forecast.origins, max(part.steps for part in self.condition.parts))
        yes = np.empty((len(quantiles), self.goal.answered))
        for place, own in enumerate(quantiles):
            scores = self.templates.scores(PATHS, seeds[place])
            paths = values_at(scores, own, forecast.levels)
            happens = self._met(paths, before[place])
            counted = reduced(happens, self.goal.task.reduce)
            yes[place] = (counted.sum(axis=0) + 0.5) / (PATHS + 1)
        return yes

    def _met(self, paths: Array, before: Array) -> Array:
        """Whether the event takes place at each step of paths (n, H) that follow on rows (k,): 1 or 0."""
        whole = np.concatenate([np.broadcast_to(before, (len(paths), len(before))), paths], axis=1)
        met = []
        for part, edge in zip(self.condition.parts, self.edges, strict=True):
            quantity = paths
            if part.made:
                begin = len(before) - part.steps
                quantity = changed(paths, whole[:, begin : begin + paths.shape[1]], part.made)
            answered = replace(part, value=float(edge)).met(quantity)
            met.append(np.nan_to_num(answered))
        return self.condition.joined(met)

    def arrays(self) -> dict[str, Array]:
        """Those of the forecaster, its header as bytes, edges and templates."""
        arrays, values = packed(self.fitted)
        found = {f"fitted.{name}": array for name, array in arrays.items()}
        header = np.frombuffer(json.dumps(values).encode(), "uint8")
        return {
            **found,
            HEADER: header,
            "edges": self.edges,
            "templates": self.templates.levels,
            "independent": np.array([self.templates.independent]),
        }


def implied(name: str, forecaster: Spec) -> Implied:
    """A model around a forecaster."""
    return Implied(name, forecaster)


def with_distribution(forecaster: Spec, numbers: Panel) -> Spec:
    """A forecaster that gives a distribution of a number: a net has one by its hurdle where the number is mostly 0, else it learns quantiles."""
    if not isinstance(forecaster, Settings) or forecaster.loss != "mae":
        return forecaster
    if forecaster.with_hurdle(numbers).hurdle:
        return forecaster
    return replace(forecaster, loss="quantile")


def numbers_of(panel: Panel, condition: Condition) -> Panel:
    """The panel whose target is the number that a condition is about, without the event.

    ForecastError where it is about several columns, or about names.
    """
    name = condition.columns[0]
    place = next((i for i, column in enumerate(panel.columns) if column.name == name), None)
    if (
        len(condition.columns) > 1
        or place is None
        or any(isinstance(part.value, str) for part in condition.parts)
    ):
        raise ForecastError(
            f"A forecaster of one number cannot imply the event {condition}, which is about"
            f" {' and '.join(condition.columns)}. Leave the models implied-... out."
        )
    others = [i for i in range(1, len(panel.columns)) if i != place]
    target = replace(panel.columns[place], role="target")
    columns = (target, *(panel.columns[i] for i in others))
    return replace(panel, values=panel.values[:, [place, *others]], columns=columns)


def _needs_paths(condition: Condition, goal: Goal) -> bool:
    """Whether an event depends on how several steps hang together, or on more than one comparison."""
    part = condition.parts[0]
    single = len(condition.parts) == 1 and not part.made and part.sign not in ("==", "!=")
    return not single or goal.task.reduce != "each"


def _edges(condition: Condition, numbers: Panel) -> Array:
    """What each comparison is made with (parts,): halfway to the next value that was seen beyond it.

    A number that is measured in steps, as rain in tenths of a millimetre, is above 0 where it is at least one step, and a
    distribution without steps is asked at half of one. Of a number without steps that changes nothing.
    """
    values = np.concatenate([numbers.values[numbers.rows(i), 0] for i in range(len(numbers.ids))])
    seen = np.unique(values[~np.isnan(values)])
    return np.array([_edge(part, seen) for part in condition.parts])


def _edge(part: Comparison, seen: Array) -> float:
    value = cast(float, part.value)
    if part.made or part.sign in ("==", "!="):
        return value
    upward = part.sign in (">", "<=")
    beyond = seen[seen > value] if upward else seen[seen < value]
    if not len(beyond):
        return value
    nearest = float(beyond.min() if upward else beyond.max())
    return (value + nearest) / 2


def _positive(numbers: Panel) -> bool:
    """Whether all observed values of the target are above 0."""
    return all(
        np.nanmin(numbers.values[numbers.rows(i), 0], initial=np.inf) > 0 for i in range(len(numbers.ids))
    )


def _has_quantiles(fitted: Fitted, numbers: Panel) -> bool:
    """Whether a forecaster has a distribution, by its forecast of one window."""
    known = np.flatnonzero(numbers.known() > 0)[:1]
    origins = np.stack([known, numbers.known()[known]], axis=1)
    horizon = fitted.goal.horizon
    inside = origins - [[0, min(horizon, int(origins[0, 1]) - 1)]]
    return fitted.predict(numbers, inside).quantiles is not None


def _quantiles(forecast: Forecast) -> Array:
    """The quantiles (M, H, Q) of a forecast."""
    if forecast.quantiles is None:
        raise _without_distribution(forecast.model)
    return forecast.quantiles


def _without_distribution(name: str) -> ForecastError:
    return ForecastError(
        f"{name}: its forecaster says a point alone, and no probability. Take one with a distribution, such as implied-gru,"
        f" implied-arima or implied-ridge."
    )


def _templates(fitted: Fitted, numbers: Panel) -> Templates:
    """Where past windows lay in what was forecast of them, evenly spaced over the past."""
    horizon = fitted.goal.horizon
    origins = []
    for series, length in enumerate(numbers.lengths.tolist()):
        first = max(1, min(fitted.context, length // 2))
        rows = np.arange(first, length - horizon + 1)
        origins.append(np.stack([np.full(len(rows), series), rows], axis=1))
    every = np.concatenate(origins)
    chosen = every[np.linspace(0, len(every) - 1, min(TEMPLATES, len(every))).astype("int64")]
    if len(chosen) < FEW:
        raise ForecastError(
            f"{fitted.spec.name}: the past has {len(chosen)} whole windows, too few to say how the steps of a horizon of"
            f" {horizon} hang together. Take a shorter horizon, or leave it out."
        )
    forecast = fitted.predict(numbers, chosen)
    actual = numbers.truth(chosen, horizon)
    levels = levels_of(actual, _quantiles(forecast), forecast.levels)
    whole = np.flatnonzero(~np.isnan(levels).any(axis=1))
    cutoffs = numbers.cutoffs(chosen[whole])
    order = np.argsort(cutoffs, kind="stable")
    kept = kept_levels(levels[whole[order]])
    if len(kept) < FEW:
        raise ForecastError(
            f"{fitted.spec.name}: only {len(kept)} windows of the past have no missing value, too few to say how the steps of"
            f" a horizon of {horizon} hang together. Take a shorter horizon, or leave it out."
        )
    return Templates(kept, independent_windows((kept + 0.5) / CELLS, cutoffs[order]))


def _rows_before(numbers: Panel, origins: Array, count: int) -> Array:
    """The last `count` values (M, count) of the number before origins (M, 2).

    A missing one is the last observed before it, and where there is none the last observed before the origin.
    """
    series, known = origins.T
    backs = range(count - 1, -1, -1)
    rows = [numbers.last(np.stack([series, np.maximum(known - back, 0)], axis=1)) for back in backs]
    before = np.stack(rows, axis=1)
    return np.where(np.isnan(before), before[:, -1:], before)
