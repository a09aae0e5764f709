"""Gradient boosting straight to the horizon: one model over (window, step).

It is grown by scikit-learn, kept as plain arrays and walked here.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Annotated, Any, ClassVar, NamedTuple, Self

import numpy as np
from pydantic import Field

from forecast.arrays import Array, spread_of, under
from forecast.data.clock import cycle_flags, flagged_cycles
from forecast.data.panel import Panel
from forecast.data.seasons import cycles_seen, season_of
from forecast.data.windows import Windows, make_windows, split_windows
from forecast.models.answers import in_chunks, normal_quantiles
from forecast.models.base import Watch
from forecast.models.contributions import Contributions
from forecast.models.hurdle import (
    CONDITIONAL,
    LEAST,
    amounts,
    joined,
    note_of,
    share_of,
    wanted,
    zeros_of,
)
from forecast.models.regress.boosted_names import GrownNames, Recipe, grown_names, restored_names
from forecast.models.regress.direct import (
    Reach,
    Reading,
    ahead_of,
    harmonics,
    joined_spreads,
    phases_of,
    reach_of,
    read,
    some,
    truth_of,
)
from forecast.models.regress.forest import Forest, checked, walk
from forecast.results import Log
from forecast.task import Goal

MOST = 30_000  # pairs (window, step) that are learned from
STEPS = 4  # pairs of one window at most: its steps tell much the same
JUDGED = 5_000  # pairs that choose the number of trees
BLOCK = 25  # trees between two looks at these; growing ends at the first look without a lower error
DEPTH = 8  # of a tree
BACK = np.array([2, 3, 4, 6, 8, 12, 18, 24])  # rows ago of the target, as far as the window goes
PAST_BACK = np.array([2, 4, 8, 16])  # rows ago of the past columns
AT_ONCE = 256  # origins whose pairs are in memory together

Pairs = tuple[Array, Array]  # features (n, F) and targets (n,) of pairs (window, step)


@dataclass(frozen=True)
class Boosting:
    """Histogram gradient boosting (Friedman 2001; Ke et al. 2017) of squared errors on lags, means, the last seasons and the calendar.

    One model for all series and steps. The last `validation` share of the past chooses the number of trees; then all
    rows are learned from. Of names it grows logits by the log loss: one tree a round for two names, else one for each.
    """

    reads: ClassVar[tuple[str, ...]] = ("past", "future", "static")
    targets: ClassVar[tuple[str, ...]] = ("number", "event", "names")
    name: str = "boosting"
    trees: Annotated[int, Field(ge=BLOCK)] = 150  # at most
    leaves: Annotated[int, Field(ge=2, le=128)] = 15
    learning_rate: Annotated[float, Field(gt=0, le=1)] = 0.1
    validation: Annotated[float, Field(gt=0, le=0.5)] = 0.15
    hurdle: bool | None = (
        None  # the chance of an amount and its size apart; None = where the past is mostly 0
    )

    def fit(self, past: Panel, goal: Goal, *, seed: int, watch: Watch) -> "Grown | GrownHurdle | GrownNames":
        """Grow trees until the validation rows stop gaining, then as many on all rows.

        The spread of a step is that of its errors on the validation rows.
        """
        if goal.names:
            recipe = Recipe(self.trees, self.leaves, self.learning_rate, BLOCK, DEPTH)
            return grown_names(past, goal, recipe, self.validation, seed)
        if wanted(self.hurdle, past, self.name):
            return self._with_hurdle(amounts(past), goal, seed)
        look = Look(reach_of(past, goal.horizon), season_of(past), cycles_seen(past))
        context = look.reach.context
        train, validation, whole = split_windows(past, context, goal.horizon, self.validation)
        held = some(validation, max(1, JUDGED // goal.horizon), seed)
        every = np.tile(np.arange(goal.horizon), (len(held), 1))
        x, anchor = features(validation, held, every, look)
        truth = truth_of(validation, held) - anchor[:, None]
        trees, errors = self._grow(POINT, sample(train, look, seed), x, truth.ravel(), seed)
        model = self._model(POINT, trees, seed).fit(*sample(whole, look, seed))
        forest = checked(model, x, model.predict(x)[:, None])[0]
        spreads = joined_spreads(errors.reshape(truth.shape))
        grown = f"{trees} trees of at most {self.leaves} leaves"
        log = Log((f"reads {context} rows, {x.shape[1]} features, {grown}",))
        return Grown(goal, look, forest, spreads, log)

    def _with_hurdle(self, past: Panel, goal: Goal, seed: int) -> "GrownHurdle":
        """Trees for the chance of an amount, and trees for its size learned where there is one. past: in amounts."""
        look = Look(reach_of(past, goal.horizon), season_of(past), cycles_seen(past))
        train, validation, whole = split_windows(past, look.reach.context, goal.horizon, self.validation)
        held = some(validation, max(1, JUDGED // goal.horizon), seed)
        steps = np.tile(np.arange(goal.horizon), (len(held), 1))
        x, _ = features(validation, held, steps, look)
        judged = x, truth_of(validation, held).ravel()
        taught = sample(train, look, seed, anchored=False)
        every = sample(whole, look, seed, anchored=False)
        chance, chances = self._chance(taught, judged, every, seed)
        size, sizes, residuals = self._size(taught, judged, every, seed)
        grown = f"{chances} trees for the chance and {sizes} for the size"
        log = Log((f"reads {look.reach.context} rows, {x.shape[1]} features, {grown}", note_of(past)))
        return GrownHurdle(goal, look, chance, size, np.quantile(residuals, CONDITIONAL), log)

    def _chance(self, taught: Pairs, judged: Pairs, every: Pairs, seed: int) -> tuple["Forest", int]:
        """The trees for the chance of an amount, and their number: learned from pairs, judged on others, grown on all."""
        x, amount = judged
        there = np.where(np.isnan(amount), np.nan, amount > 0)
        trees, _ = self._grow(CHANCE, (taught[0], taught[1] > 0), x, there, seed)
        model = self._model(CHANCE, trees, seed).fit(every[0], every[1] > 0)
        return checked(model, x, CHANCE.raw(model, x)[:, None])[0], trees

    def _size(self, taught: Pairs, judged: Pairs, every: Pairs, seed: int) -> tuple["Forest", int, Array]:
        """The trees for the size of an amount, their number, and the errors (n,) of sizes on the judging pairs.

        With fewer than LEAST of these the errors are those of the pairs that were learned from.
        """
        x, amount = judged
        trees, errors = self._grow(POINT, _above(taught), x, np.where(amount > 0, amount, np.nan), seed)
        own, size = _above(every)
        model = self._model(POINT, trees, seed).fit(own, size)
        residuals = errors[~np.isnan(errors)]
        if len(residuals) < LEAST:
            residuals = size - model.predict(own)
        return checked(model, x, model.predict(x)[:, None])[0], trees, residuals

    def restore(self, arrays: dict[str, Array], goal: Goal) -> "Grown | GrownHurdle | GrownNames":
        """What was grown, whose `arrays()` these are."""
        if goal.names:
            return restored_names(arrays, goal)
        context, past, season = arrays["look"].tolist()
        cycles = flagged_cycles(arrays["cycles"])
        look = Look(Reach(context, past), season, cycles)
        if "residuals" in arrays:
            chance = Forest(**under(arrays, "chance."))
            size = Forest(**under(arrays, "size."))
            return GrownHurdle(goal, look, chance, size, arrays["residuals"], Log())
        forest = Forest(*(arrays[name] for name in Forest._fields))
        return Grown(goal, look, forest, arrays["spreads"], Log())

    def space(self, trial: Any) -> Self:
        """This spec with the leaves and the learning rate that the trial suggests."""
        rate = trial.suggest_float("learning_rate", 0.02, 0.2, log=True)
        return replace(self, leaves=trial.suggest_int("leaves", 7, 63, log=True), learning_rate=rate)

    def _model(self, kind: "Kind", trees: int, seed: int) -> Any:
        from sklearn import ensemble

        return getattr(ensemble, kind.estimator)(
            max_iter=trees,
            max_leaf_nodes=self.leaves,
            max_depth=DEPTH,
            learning_rate=self.learning_rate,
            early_stopping=False,
            warm_start=True,
            random_state=seed,
        )

    def _grow(
        self, kind: "Kind", learned: tuple[Array, Array], x: Array, truth: Array, seed: int
    ) -> tuple[int, Array]:
        """The number of trees with the lowest error on held pairs x (n, F), truth (n,), and the errors (n,) with so many.

        A missing truth is NaN.
        """
        model = self._model(kind, BLOCK, seed)
        least = np.inf
        for trees in range(BLOCK, self.trees + 1, BLOCK):
            model.set_params(max_iter=trees).fit(*learned)
            error = spread_of(truth - kind.answer(model, x))
            if error >= least:
                break
            least = error
        stages = [truth - answer for answer in kind.stages(model, x)]
        best = int(np.argmin([spread_of(errors) for errors in stages]))
        return best + 1, stages[best]


class Kind(NamedTuple):
    """What trees are grown for: a class of scikit-learn, what it answers, after each tree too, and what its trees add up to."""

    estimator: str
    answer: Callable[[Any, Array], Array]
    stages: Callable[[Any, Array], Iterable[Array]]
    raw: Callable[[Any, Array], Array]


POINT = Kind(
    "HistGradientBoostingRegressor",
    lambda model, x: model.predict(x),
    lambda model, x: model.staged_predict(x),
    lambda model, x: model.predict(x),
)
CHANCE = Kind(
    "HistGradientBoostingClassifier",
    lambda model, x: model.predict_proba(x)[:, 1],
    lambda model, x: (shares[:, 1] for shares in model.staged_predict_proba(x)),
    lambda model, x: model.decision_function(x),
)


class Look(NamedTuple):
    """What is read for a pair: rows, season in steps (1 = none), and the cycles of the calendar."""

    reach: Reach
    season: int
    cycles: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Grown:
    """look: what is read · forest · spreads (H,), scaled."""

    goal: Goal
    look: Look
    forest: Forest
    spreads: Array
    log: Log

    @property
    def context(self) -> int:
        """How many rows before an origin a forecast reads."""
        return self.look.reach.context

    def predict(self, panel: Panel, origins: Array, fitted: Array) -> Array:
        """Forecasts (M, H, P), scaled; normal quantiles by the spread of each step."""
        windows = make_windows(panel, self.context, self.goal.horizon)

        def answer(part: Array) -> Array:
            every = np.tile(np.arange(self.goal.horizon), (len(part), 1))
            x, anchor = features(windows, part, every, self.look)
            point = anchor[:, None] + walk(self.forest, x).reshape(every.shape)
            return normal_quantiles(point, np.broadcast_to(self.spreads, point.shape), self.goal.levels)

        return in_chunks(answer, origins, AT_ONCE)

    def explain(
        self, panel: Panel, origins: Array, fitted: Array, steps: Array, integration: int
    ) -> Contributions:
        """Shapley values of the trees, exact, between two windows (`regress/shapley`)."""
        from forecast.models.regress.shapley import explain

        windows = make_windows(panel, self.context, self.goal.horizon)
        return explain(windows, origins, steps, self.look, self.forest)

    def arrays(self) -> dict[str, Array]:
        """The forest's arrays, look int64 (context, past rows, season), cycles int64 (CYCLES,) as 0 and 1, spreads."""
        look = np.array([*self.look.reach, self.look.season], "int64")
        cycles = cycle_flags(self.look.cycles)
        return {**self.forest._asdict(), "look": look, "cycles": cycles, "spreads": self.spreads}


@dataclass(frozen=True, eq=False)
class GrownHurdle:
    """look: what is read · chance, size: forests · residuals (K,): of sizes, at the CONDITIONAL levels."""

    goal: Goal
    look: Look
    chance: Forest
    size: Forest
    residuals: Array
    log: Log

    @property
    def context(self) -> int:
        """How many rows before an origin a forecast reads."""
        return self.look.reach.context

    @property
    def hurdle(self) -> bool:
        """A quantile of 0 says that the target is exactly 0."""
        return True

    def predict(self, panel: Panel, origins: Array, fitted: Array) -> Array:
        """Quantiles (M, H, Q), scaled, with a mass at 0; without levels the mean (M, H, 1)."""
        windows = make_windows(amounts(panel), self.context, self.goal.horizon)
        zeros = zeros_of(panel)

        def answer(part: Array) -> Array:
            every = np.tile(np.arange(self.goal.horizon), (len(part), 1))
            x, _ = features(windows, part, every, self.look)
            chance = share_of(walk(self.chance, x)).reshape(every.shape)
            size = walk(self.size, x).reshape(every.shape)
            sizes = size[..., None] + self.residuals
            return joined(chance, sizes, zeros[part[:, 0]], self.goal.levels)

        return in_chunks(answer, origins, AT_ONCE)

    def arrays(self) -> dict[str, Array]:
        """Both forests' arrays, look and cycles as of Grown, residuals."""
        look = np.array([*self.look.reach, self.look.season], "int64")
        cycles = cycle_flags(self.look.cycles)
        chance = {f"chance.{name}": array for name, array in self.chance._asdict().items()}
        size = {f"size.{name}": array for name, array in self.size._asdict().items()}
        return {**chance, **size, "look": look, "cycles": cycles, "residuals": self.residuals}


def _above(pairs: Pairs) -> Pairs:
    """The pairs with an amount."""
    x, amount = pairs
    return x[amount > 0], amount[amount > 0]


def sample(windows: Windows, look: Look, seed: int, anchored: bool = True) -> tuple[Array, Array]:
    """Features (n, F) and targets less the anchor (n,) of at most MOST pairs, none missing.

    The steps of each window are drawn at random. anchored: whether the anchor is taken off the targets.
    """
    each = min(STEPS, windows.horizon)
    origins = some(windows, MOST // each, seed)
    steps = np.random.default_rng(seed).integers(windows.horizon, size=(len(origins), each))
    x, anchor = features(windows, origins, steps, look)
    y = np.take_along_axis(truth_of(windows, origins), steps, axis=1)
    if anchored:
        y = y - anchor[:, None]
    flat = y.ravel()
    seen = ~np.isnan(flat)
    return x[seen], flat[seen]


def features(windows: Windows, origins: Array, steps: Array, look: Look) -> tuple[Array, Array]:
    """(M J, F) of pairs of `origins` (M, 2) and steps (M, J) from 0, and the anchors (M,). Missing = NaN.

    Of a window: lags and means of the target less its anchor, the last values of all columns, lags of the past columns
    less these. Of a step: itself, the same phase in the last two seasons and in the mean over all of the window, the
    calendar, the future columns and what they differ from their last values.
    """
    reading = read(windows, origins, look.reach)
    return side_by_side(read_blocks(windows, origins, steps, look, reading)), reading.anchor


class Read(NamedTuple):
    """The features of M origins at J steps by what they are, in their order; (M, 1, ...) of a window, (M, J, ...) of a step.

    last (C): values of all columns · lags (B), means (3), past (R, ...): of the target less its anchor, and of the other
    columns · step (1) · phases (3 or 0) · calendar (F) · ahead (K) and change (K): future columns, and what they differ
    from their last values.
    """

    last: Array
    lags: Array
    means: Array
    past: Array
    step: Array
    phases: Array
    calendar: Array
    ahead: Array
    change: Array


def side_by_side(read: Read) -> Array:
    """The features (M J, F) of all pairs."""
    origins, steps = read.step.shape[:2]
    parts = [np.broadcast_to(part, (origins, steps, *part.shape[2:])) for part in read]
    flat = [part.reshape(origins * steps, -1) for part in parts]
    return np.concatenate(flat, axis=1)


def back_rows(rows: int) -> Array:
    """Which rows ago the target is read, of windows of so many rows."""
    return BACK[rows >= BACK]


def past_back_rows(rows: int) -> Array:
    """Which rows ago the past columns are read, of windows of so many rows."""
    return PAST_BACK[rows >= PAST_BACK]


def mean_rows(rows: int) -> tuple[int, ...]:
    """Of how many last rows of the target means are taken."""
    return (6, 24, rows)


def read_blocks(windows: Windows, origins: Array, steps: Array, look: Look, reading: Reading) -> Read:
    """What is read of pairs of `origins` (M, 2) and steps (M, J)."""
    target, past = reading.target, reading.past
    lags = target[:, -back_rows(target.shape[1])]
    means = np.stack([_mean(target[:, -rows:]) for rows in mean_rows(target.shape[1])], axis=1)
    past_lags = past[:, -past_back_rows(past.shape[1])]
    step, phases, calendar, ahead, change = _of_steps(windows, origins, steps, look, reading)
    return Read(
        last=reading.last[:, None],
        lags=lags[:, None],
        means=means[:, None],
        past=past_lags[:, None],
        step=step,
        phases=phases,
        calendar=calendar,
        ahead=ahead,
        change=change,
    )


def _of_steps(
    windows: Windows, origins: Array, steps: Array, look: Look, reading: Reading
) -> tuple[Array, Array, Array, Array, Array]:
    """Step, phases, calendar, future columns and their changes (M, J, ...)."""
    panel = windows.panel
    stamps = np.take_along_axis(panel.stamps(origins, windows.horizon), steps, axis=1)
    phases = phases_of(reading.target, steps, look.season)
    calendar = harmonics(panel, stamps, look.cycles, 1)
    ahead = np.zeros((*steps.shape, 0))
    change = ahead
    if panel.future:
        ahead = np.take_along_axis(ahead_of(windows, origins), steps[..., None], axis=1)
        change = ahead - reading.last[:, None, panel.future]
    return steps[..., None].astype(float), phases, calendar, ahead, change


def _mean(values: Array) -> Array:
    """The mean (M,) of the observed values in rows of (M, n); NaN where there is none."""
    seen = ~np.isnan(values)
    count = seen.sum(1)
    total = np.where(seen, values, 0.0).sum(1)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)
