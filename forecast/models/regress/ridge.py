"""Ridge regression straight to the horizon: one linear map from the window to all steps, solved in closed form."""

from dataclasses import dataclass, replace
from typing import Annotated, ClassVar, NamedTuple, Self

import numpy as np
from pydantic import Field

from forecast.arrays import Array, mean_observed, spread_of
from forecast.data.clock import cycle_flags, flagged_cycles
from forecast.data.panel import Panel
from forecast.data.seasons import cycles_seen
from forecast.data.windows import Windows, make_windows, split_windows
from forecast.models.answers import in_chunks, normal_quantiles
from forecast.models.base import Watch
from forecast.models.contributions import Contributions, nothing
from forecast.models.hurdle import CONDITIONAL, amounts, joined, note_of, share_of, wanted, zeros_of
from forecast.models.regress.direct import (
    CELLS,
    Reach,
    ahead_of,
    harmonics,
    joined_spreads,
    reach_of,
    read,
    some,
    truth_of,
)
from forecast.results import Log
from forecast.task import Goal

# tried, in units of the rows: features have spread 1
PENALTIES = tuple(float(10**power) for power in np.arange(-5, 1.5, 0.5))
PAIRS = 3  # harmonics of each cycle of the calendar
MOST = 20_000  # windows that are learned from; more move the weights less than their standard errors
NEWTON = 25  # steps of a logistic fit
WHOLE = 0.9  # share of windows without a missing target from which on the others are not learned from

Count = Annotated[int, Field(ge=1)]


@dataclass(frozen=True)
class Ridge:
    """Least squares with a quadratic penalty (Hoerl & Kennard 1970).

    Its features are the anchored window, the last values, the calendar and the future columns. One model for all series.
    None = chosen in `fit`: rows from clock and horizon, the penalty (in units of the rows, for features with spread 1) on
    the last `validation` share of the past; then all rows are learned from.
    """

    reads: ClassVar[tuple[str, ...]] = ("past", "future", "static")
    name: str = "ridge"
    context: Count | None = None  # rows of the target
    past_rows: Count | None = None  # of the past columns
    penalty: Annotated[float, Field(gt=0)] | None = None
    validation: Annotated[float, Field(gt=0, le=0.5)] = 0.15
    hurdle: bool | None = (
        None  # the chance of an amount and its size apart; None = where the past is mostly 0
    )

    def settle(self, past: Panel, horizon: int) -> Self:
        """This spec with its rows chosen; the penalty is chosen in `fit`."""
        reach = reach_of(past, horizon)
        context = self.context or reach.context
        return replace(self, context=context, past_rows=min(self.past_rows or reach.past, context))

    def fit(self, past: Panel, goal: Goal, *, seed: int, watch: Watch) -> "Mapped | MappedHurdle":
        """Weights for all steps; the spread of each step is that of the errors on the validation rows."""
        if wanted(self.hurdle, past, self.name):
            return self._with_hurdle(amounts(past), goal, seed)
        reach, cycles = self._reach(past, goal.horizon), cycles_seen(past)
        train, validation, whole = split_windows(past, reach.context, goal.horizon, self.validation)
        x, y = sample(train, reach, cycles, seed)
        held, truth = sample(validation, reach, cycles, seed)
        penalty, errors = self._penalty(x, y, held, truth)
        weights = solve(normal_equations(*sample(whole, reach, cycles, seed)), penalty)
        spreads = joined_spreads(errors)
        learned = f"{len(weights) - 1} features, {len(x):,} training windows, penalty {penalty:.1e}"
        log = Log((f"reads {reach.context} rows, {learned}",))
        return Mapped(goal, reach, cycles, weights, spreads, log)

    def _penalty(self, x: Array, y: Array, held: Array, truth: Array) -> tuple[float, Array]:
        """The penalty with the smallest errors on held windows, and these errors."""
        equations = normal_equations(x, y)
        tried = (self.penalty,) if self.penalty else PENALTIES
        errors = [truth - answers(held, solve(equations, penalty)) for penalty in tried]
        best = int(np.argmin([spread_of(one) for one in errors]))
        return tried[best], errors[best]

    def _with_hurdle(self, past: Panel, goal: Goal, seed: int) -> "MappedHurdle":
        """Weights for the chance of an amount at each step, and for the size of one anywhere in the horizon. past: in amounts."""
        reach, cycles = self._reach(past, goal.horizon), cycles_seen(past)
        train, validation, whole = split_windows(past, reach.context, goal.horizon, self.validation)
        x, y = sample(train, reach, cycles, seed, anchored=False)
        held, truth = sample(validation, reach, cycles, seed, anchored=False)
        every, amount = sample(whole, reach, cycles, seed, anchored=False)
        penalty, missed = self._penalty(x, there_of(y), held, there_of(truth))
        chance = solve(normal_equations(every, there_of(amount)), penalty)
        curve = logistic(there_of(truth) - missed, there_of(truth))
        of_size, _ = self._penalty(x, size_of(y), held, size_of(truth))
        size = solve(normal_equations(every, size_of(amount)), of_size)
        wet = np.where(amount > 0, amount, np.nan)
        residuals = wet - answers(every, size)
        log = Log(
            (f"reads {reach.context} rows, {x.shape[1]} features, {len(x):,} training windows", note_of(past))
        )
        spread = np.nanquantile(residuals, CONDITIONAL)
        return MappedHurdle(goal, reach, cycles, chance, curve, size, spread, log)

    def restore(self, arrays: dict[str, Array], goal: Goal) -> "Mapped | MappedHurdle":
        """What was learned, whose `arrays()` these are."""
        cycles = flagged_cycles(arrays["cycles"])
        reach = Reach(*arrays["reach"].tolist())
        if "residuals" in arrays:
            chance, curve = arrays["chance"], arrays["curve"]
            size, residuals = arrays["size"], arrays["residuals"]
            return MappedHurdle(goal, reach, cycles, chance, curve, size, residuals, Log())
        return Mapped(goal, reach, cycles, arrays["weights"], arrays["spreads"], Log())

    def _reach(self, past: Panel, horizon: int) -> Reach:
        sized = self.settle(past, horizon)
        return Reach(sized.context or 1, sized.past_rows or 1)


class Blocks(NamedTuple):
    """What is read at M origins, in the order of the features: target (M, L), past (M, R, ...) and last (M, C), as in
    Reading, calendar (M, F) and ahead (M, T, K), means of the future columns over T parts of the horizon."""

    target: Array
    past: Array
    last: Array
    calendar: Array
    ahead: Array

    @property
    def joined(self) -> Array:
        """The features (M, L + R (C - 1) + C + F + T K): a missing value counts as the anchor, a last or a future one as
        the mean."""
        flat = [block.reshape(len(block), -1) for block in self]
        return np.nan_to_num(np.concatenate(flat, axis=1))


@dataclass(frozen=True, eq=False)
class Mapped:
    """reach, cycles: what is read · weights (1 + features, H), the constant first · spreads (H,), scaled."""

    goal: Goal
    reach: Reach
    cycles: tuple[str, ...]
    weights: Array
    spreads: Array
    log: Log

    @property
    def context(self) -> int:
        """How many rows before an origin a forecast reads."""
        return self.reach.context

    def predict(self, panel: Panel, origins: Array, fitted: Array) -> Array:
        """Forecasts (M, H, P), scaled; normal quantiles by the spread of each step."""
        windows = make_windows(panel, self.reach.context, self.goal.horizon)

        def answer(part: Array) -> Array:
            x, anchor = features(windows, part, self.reach, self.cycles)
            point = anchor[:, None] + answers(x, self.weights)
            return normal_quantiles(point, np.broadcast_to(self.spreads, point.shape), self.goal.levels)

        return in_chunks(answer, origins)

    def explain(
        self, panel: Panel, origins: Array, fitted: Array, steps: Array, integration: int
    ) -> Contributions:
        """Exact: each feature times its weight."""
        windows = make_windows(panel, self.reach.context, self.goal.horizon)
        read, anchor = blocks(windows, origins, self.reach, self.cycles)
        shape = (len(origins), len(steps), self.reach.context, self.goal.horizon, len(panel.columns))
        made = nothing(*shape)
        made.anchor[:] = anchor[:, None]
        made.bias[:] = self.weights[0, steps]
        said = self._said(read, steps)
        moving = panel.moving[1:]
        made.window[..., 0] = said.target[:, :, ::-1]
        made.window[:, :, : self.reach.past, moving] = said.past[:, :, ::-1]
        made.level[:] = said.last
        made.calendar[:] = said.calendar.sum(2)
        if panel.future:
            _add_ahead(made, windows, origins, read, self._split(read, steps).ahead)
        return made

    def _split(self, read: Blocks, steps: Array) -> Blocks:
        """The weights of each block of features at steps (J,): (J, ...)."""
        ends = np.cumsum([block[0].size for block in read])
        found = np.split(self.weights[1:, steps].T, ends[:-1], axis=1)
        shaped = [own.reshape(len(steps), *block.shape[1:]) for own, block in zip(found, read, strict=True)]
        return Blocks(*shaped)

    def _said(self, read: Blocks, steps: Array) -> Blocks:
        """What each feature says at each step: (M, J, ...)."""
        weights = self._split(read, steps)
        return Blocks(
            *(np.nan_to_num(block)[:, None] * own for block, own in zip(read, weights, strict=True))
        )

    def arrays(self) -> dict[str, Array]:
        """reach int64 (2,), cycles int64 (CYCLES,) as 0 and 1, weights, spreads."""
        used = cycle_flags(self.cycles)
        return {
            "reach": np.array(self.reach, "int64"),
            "cycles": used,
            "weights": self.weights,
            "spreads": self.spreads,
        }


@dataclass(frozen=True, eq=False)
class MappedHurdle:
    """reach, cycles: what is read · chance (1 + features, H): weights of a linear chance of an amount, of which curve (2,)
    makes a logit · size (1 + features, 1): weights of its size · residuals (K,): of sizes, at the CONDITIONAL levels.
    """

    goal: Goal
    reach: Reach
    cycles: tuple[str, ...]
    chance: Array
    curve: Array
    size: Array
    residuals: Array
    log: Log

    @property
    def context(self) -> int:
        """How many rows before an origin a forecast reads."""
        return self.reach.context

    @property
    def hurdle(self) -> bool:
        """A quantile of 0 says that the target is exactly 0."""
        return True

    def predict(self, panel: Panel, origins: Array, fitted: Array) -> Array:
        """Quantiles (M, H, Q), scaled, with a mass at 0; without levels the mean (M, H, 1)."""
        windows = make_windows(amounts(panel), self.reach.context, self.goal.horizon)
        zeros = zeros_of(panel)

        def answer(part: Array) -> Array:
            x, _ = features(windows, part, self.reach, self.cycles)
            logit = self.curve[0] + self.curve[1] * answers(x, self.chance)
            size = np.broadcast_to(answers(x, self.size), logit.shape)
            sizes = size[..., None] + self.residuals
            return joined(share_of(logit), sizes, zeros[part[:, 0]], self.goal.levels)

        return in_chunks(answer, origins)

    def arrays(self) -> dict[str, Array]:
        """reach int64 (2,), cycles int64 (CYCLES,) as 0 and 1, and all that was learned."""
        used = cycle_flags(self.cycles)
        return {
            "reach": np.array(self.reach, "int64"),
            "cycles": used,
            "chance": self.chance,
            "curve": self.curve,
            "size": self.size,
            "residuals": self.residuals,
        }


def there_of(amount: Array) -> Array:
    """1 where there is an amount (M, H), 0 where there is none, NaN where it is missing."""
    return np.where(np.isnan(amount), np.nan, amount > 0)


def size_of(amount: Array) -> Array:
    """The mean (M, 1) of the amounts (M, H) above 0 of each window; NaN where there is none."""
    return mean_observed(np.where(amount > 0, amount, np.nan), 1)[:, None]


def logistic(score: Array, there: Array) -> Array:
    """Intercept and slope (2,) of the logit of `there`, 0 or 1, on a score of the same shape, missing = NaN.

    Maximum likelihood by Newton's method, with a small penalty (Platt 1999).
    """
    seen = ~np.isnan(there) & ~np.isnan(score)
    x = np.column_stack([np.ones(seen.sum()), score[seen]])
    y = there[seen]
    weights = np.array([-2.0, 4.0])
    for _ in range(NEWTON):
        share = share_of(x @ weights)
        slope = x.T @ (y - share) - 1e-3 * weights
        curvature = (x * (share * (1 - share))[:, None]).T @ x + 1e-3 * np.eye(2)
        weights = weights + np.clip(np.linalg.solve(curvature, slope), -2.0, 2.0)
    return weights


def blocks(windows: Windows, origins: Array, reach: Reach, cycles: tuple[str, ...]) -> tuple[Blocks, Array]:
    """What is read at `origins` (M, 2), and the anchors (M,).

    T: the steps of the horizon, or as many equal parts of it, of which means are taken, as keep the future columns
    within CELLS values.
    """
    reading = read(windows, origins, reach)
    first = windows.panel.stamps(origins, 1)[:, 0]
    calendar = harmonics(windows.panel, first, cycles, PAIRS)
    means = np.zeros((len(origins), 0, 0))
    if windows.panel.future:
        ahead = np.nan_to_num(ahead_of(windows, origins))
        means = np.stack([part.mean(1) for part in parts_of(ahead)], axis=1)
    return Blocks(reading.target, reading.past, reading.last, calendar, means), reading.anchor


def parts_of(ahead: Array) -> list[Array]:
    """The future columns (M, H, K) cut along the horizon into the parts of which means are taken."""
    horizon, columns = ahead.shape[1:]
    count = min(horizon, max(1, CELLS // columns))
    return np.array_split(ahead, count, axis=1)


def features(windows: Windows, origins: Array, reach: Reach, cycles: tuple[str, ...]) -> tuple[Array, Array]:
    """The features (M, F) of `origins` (M, 2), and the anchors (M,)."""
    made, anchor = blocks(windows, origins, reach, cycles)
    return made.joined, anchor


def sample(
    windows: Windows, reach: Reach, cycles: tuple[str, ...], seed: int, anchored: bool = True
) -> tuple[Array, Array]:
    """Features (M, F) and targets less the anchor (M, H), missing = NaN, of at most MOST windows.

    anchored: whether the anchor is taken off the targets.
    """
    origins = some(windows, MOST, seed)
    x, anchor = features(windows, origins, reach, cycles)
    if not anchored:
        return x, truth_of(windows, origins)
    return x, truth_of(windows, origins) - anchor[:, None]


def _add_ahead(made: Contributions, windows: Windows, origins: Array, read: Blocks, weights: Array) -> None:
    """What the future columns say, with the weights (J, T, K) of their means: each row of a mean alike."""
    future = windows.panel.future
    ahead = np.nan_to_num(ahead_of(windows, origins))
    last = np.nan_to_num(read.last[:, future])
    rows = [part.shape[1] for part in parts_of(ahead)]
    each = np.repeat(weights / np.array(rows)[:, None], rows, axis=1)
    departed = ahead - last[:, None]
    made.ahead[..., future] = departed[:, None] * each
    made.level[..., future] += last[:, None] * weights.sum(1)


class Equations(NamedTuple):
    """The normal equations of the steps that were observed in the same n rows.

    They are in the eigenvectors of the centred and scaled features. steps (J,) · rows n · values (F,) · vectors (F, F) ·
    right (F, J) · mean (F,) of the features, in units of their spread (F,) · level (J,) of the targets.
    """

    steps: Array
    rows: int
    values: Array
    vectors: Array
    right: Array
    mean: Array
    spread: Array
    level: Array


def normal_equations(x: Array, y: Array) -> list[Equations]:
    """Those of targets (M, H), missing = NaN, on features (M, F), for each set of steps that lack the same rows.

    Where few rows lack anything, they are left out, and one decomposition does for all steps. Else what a step lacks is
    taken off the products of all rows: a few rows are quicker to multiply than all the others.
    """
    whole = ~np.isnan(y).any(1)
    if whole.mean() >= WHOLE:
        x, y = x[whole], y[whole]
    spread = x.std(0)
    spread = np.where(
        spread > 1e-9, spread, np.inf
    )  # what never varied has the weight 0, not one of rounding
    centre = x.mean(0)
    x = (x - centre) / spread
    products = x.T @ x
    sums = x.sum(0)
    absent = np.isnan(y)
    filled = np.where(absent, 0.0, y)
    patterns, member = np.unique(absent, axis=1, return_inverse=True)
    equations = []
    for place in range(patterns.shape[1]):
        steps = np.flatnonzero(member == place)
        lacking = x[patterns[:, place]]
        count = max(len(x) - len(lacking), 1)
        mean = (sums - lacking.sum(0)) / count
        level = filled[:, steps].sum(0) / count
        centred = products - lacking.T @ lacking - count * np.outer(mean, mean)
        values, vectors = np.linalg.eigh(centred)
        right = vectors.T @ (x.T @ filled[:, steps] - count * np.outer(mean, level))
        positive = np.maximum(values, 0.0)
        shifted = mean + centre / spread
        equations.append(Equations(steps, count, positive, vectors, right, shifted, spread, level))
    return equations


def solve(equations: list[Equations], penalty: float) -> Array:
    """Weights (1 + F, H) that minimise the mean squared error + penalty |w|^2, w for features of spread 1.

    The constant, first, is free.
    """
    horizon = sum(len(one.steps) for one in equations)
    made = np.empty((1 + len(equations[0].mean), horizon))
    for one in equations:
        weights = one.vectors @ (one.right / (one.values + penalty * one.rows)[:, None])
        made[0, one.steps] = one.level - one.mean @ weights
        made[1:, one.steps] = weights / one.spread[:, None]
    return made


def answers(x: Array, weights: Array) -> Array:
    """(M, H) of features (M, F) and weights (1 + F, H)."""
    made: Array = weights[0] + x @ weights[1:]
    return made
