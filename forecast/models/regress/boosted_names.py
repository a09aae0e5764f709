"""Gradient boosting of names: the logits of shares, grown by the log loss, one model over (window, step)."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from forecast.arrays import Array, under
from forecast.data.clock import cycle_flags, flagged_cycles
from forecast.data.panel import Panel
from forecast.data.seasons import cycles_seen, season_of
from forecast.data.windows import Windows, make_windows, split_windows
from forecast.models.answers import in_chunks
from forecast.models.names import base_shares, floored, names_ahead, shares_of
from forecast.models.regress.direct import Reach, harmonics, phases_of, reach_of, some
from forecast.models.regress.forest import Forest, checked, walk
from forecast.models.regress.named import (
    Window,
    indicated,
    joined,
    of_columns,
    of_names,
    of_steps,
    read_window,
)
from forecast.results import Log
from forecast.task import Goal

MOST = 30_000  # pairs (window, answer) that are learned from
ANSWERS = 4  # pairs of one window at most: its steps tell much the same
JUDGED = 5_000  # pairs that choose the number of trees
LEAF = 60  # pairs of a leaf at least: the shares of fewer are noise
AT_ONCE = 256  # origins whose pairs are in memory together


class Recipe(NamedTuple):
    """How trees are grown: how many at most, their leaves and depth, the learning rate, and trees between two looks."""

    trees: int
    leaves: int
    learning_rate: float
    block: int
    depth: int

    def model(self, trees: int, seed: int) -> Any:
        """A model of so many trees that is not yet fitted."""
        from sklearn.ensemble import HistGradientBoostingClassifier

        return HistGradientBoostingClassifier(
            max_iter=trees,
            max_leaf_nodes=self.leaves,
            max_depth=self.depth,
            min_samples_leaf=LEAF,
            learning_rate=self.learning_rate,
            early_stopping=False,
            warm_start=True,
            random_state=seed,
        )


class Look(NamedTuple):
    """What is read for a pair: rows, season in steps (1 = none), the cycles of the calendar, and the goal."""

    reach: Reach
    season: int
    cycles: tuple[str, ...]
    goal: Goal

    @property
    def number(self) -> int:
        """How many names there are."""
        return len(self.goal.names)


def grown_names(past: Panel, goal: Goal, recipe: Recipe, validation: float, seed: int) -> "GrownNames":
    """Grow trees until the log loss of the last `validation` share stops falling, then as many on all rows."""
    look = Look(reach_of(past, goal.horizon), season_of(past), cycles_seen(past), goal)
    train, judge, whole = split_windows(past, look.reach.context, goal.horizon, validation)
    held = some(judge, max(1, JUDGED // goal.answered), seed)
    every = np.tile(np.arange(goal.answered), (len(held), 1))
    trees = best_number(recipe, sample(train, look, seed), pairs(judge, held, every, look), seed)
    learned = sample(whole, look, seed)
    classes = np.unique(learned.names).astype("int64")
    forests: list[Forest] = []
    if len(classes) > 1:
        model = recipe.model(trees, seed).fit(learned.features, learned.names)
        answers = model.decision_function(learned.features).reshape(len(learned.names), -1)
        forests = checked(model, learned.features, answers)
    base = base_shares(learned.names, look.number)
    read = f"reads {look.reach.context} rows, {learned.features.shape[1]} features"
    log = Log((f"{read}, {trees} rounds of trees of at most {recipe.leaves} leaves",))
    return GrownNames(goal, look, tuple(forests), classes, base, log)


class Pairs(NamedTuple):
    """features (n, F) of pairs (window, answer), missing = NaN · names (n,): the codes that were to be forecast."""

    features: Array
    names: Array

    def observed(self) -> "Pairs":
        """Those whose name was observed."""
        seen = ~np.isnan(self.names)
        return Pairs(self.features[seen], self.names[seen])


def sample(windows: Windows, look: Look, seed: int) -> Pairs:
    """At most MOST pairs, none without a name; the answers of each window are drawn at random."""
    each = min(ANSWERS, look.goal.answered)
    origins = some(windows, MOST // each, seed)
    answers = np.random.default_rng(seed).integers(look.goal.answered, size=(len(origins), each))
    return pairs(windows, origins, answers, look).observed()


def pairs(windows: Windows, origins: Array, answers: Array, look: Look) -> Pairs:
    """The pairs of `origins` (M, 2) and answers (M, J), counted from 0."""
    window = read_window(windows, origins, look.reach)
    shared = joined([of_names(window, look.number), of_columns(window)]).values
    own = _of_answers(windows, origins, answers, look, window)
    repeated = np.repeat(shared, answers.shape[1], axis=0)
    features = np.concatenate([repeated, own.reshape(len(repeated), own.shape[2])], axis=1)
    names = np.take_along_axis(names_ahead(windows, origins, look.goal), answers, axis=1)
    return Pairs(features, names.ravel())


def _of_answers(windows: Windows, origins: Array, answers: Array, look: Look, window: Window) -> Array:
    """The features (M, J, F) of each answer.

    Its number, which names stood at its phase of the last seasons, the calendar, and the future columns.
    """
    panel = windows.panel
    stamps = np.take_along_axis(panel.stamps(origins, windows.horizon), answers, axis=1)
    parts = [answers[..., None].astype("float64"), harmonics(panel, stamps, look.cycles, 1)]
    for name in np.moveaxis(indicated(window.codes, look.number), 2, 0):
        parts.append(phases_of(name, answers, look.season))
    ahead = of_steps(windows, origins, look.goal)
    parts.append(np.take_along_axis(ahead, answers[..., None], axis=1))
    return np.concatenate(parts, axis=2)


def best_number(recipe: Recipe, learned: Pairs, held: Pairs, seed: int) -> int:
    """The number of trees with the lowest log loss on held pairs, looked for until it does not fall any more."""
    held = held.observed()
    known = np.isin(
        held.names, learned.names
    )  # of a name that was not learned from no number of trees is better
    x = held.features[known]
    names = held.names[known]
    classes = np.unique(learned.names)
    if len(classes) < 2 or not len(names):
        return recipe.block
    place = np.searchsorted(classes, names)
    model = recipe.model(recipe.block, seed)
    least = np.inf
    for trees in range(recipe.block, recipe.trees + 1, recipe.block):
        model.set_params(max_iter=trees).fit(learned.features, learned.names)
        loss = _log_loss(model.predict_proba(x), place)
        if loss >= least:
            break
        least = loss
    losses = [_log_loss(shares, place) for shares in model.staged_predict_proba(x)]
    return int(np.argmin(losses)) + 1


def _log_loss(shares: Array, place: Array) -> float:
    """The mean of minus the log of the shares (n, K) at places (n,)."""
    own = shares[np.arange(len(place)), place]
    return -float(np.log(np.maximum(own, 1e-12)).mean())


@dataclass(frozen=True, eq=False)
class GrownNames:
    """look: what is read · forests: of the logit of the second name that was seen, or of each · classes (k,): the codes seen.

    base (K,): how often each name was seen, which is what those of no forest keep.
    """

    goal: Goal
    look: Look
    forests: tuple[Forest, ...]
    classes: Array
    base: Array
    log: Log

    @property
    def context(self) -> int:
        """How many rows before an origin a forecast reads."""
        return self.look.reach.context

    def predict(self, panel: Panel, origins: Array, fitted: Array) -> Array:
        """Shares (M, A, K)."""
        windows = make_windows(panel, self.context, self.goal.horizon)

        def answer(part: Array) -> Array:
            every = np.tile(np.arange(self.goal.answered), (len(part), 1))
            x = pairs(windows, part, every, self.look).features
            return self._shares(x).reshape(*every.shape, len(self.base))

        return in_chunks(answer, origins, AT_ONCE)

    def _shares(self, x: Array) -> Array:
        """Shares (n, K) at features x (n, F)."""
        made = np.tile(self.base, (len(x), 1))
        if self.forests:
            logits = np.stack([walk(forest, x) for forest in self.forests], axis=1)
            if len(self.forests) > 1:
                logits = logits[:, 1:] - logits[:, :1]
            made[:, self.classes] = shares_of(logits) * self.base[self.classes].sum()
        return floored(made)

    def arrays(self) -> dict[str, Array]:
        """The arrays of each forest, look int64 (context, past rows, season), cycles int64 (CYCLES,), classes, base."""
        made = {"classes": self.classes, "base": self.base}
        made["look"] = np.array([*self.look.reach, self.look.season], "int64")
        made["cycles"] = cycle_flags(self.look.cycles)
        for place, forest in enumerate(self.forests):
            for name, array in forest._asdict().items():
                made[f"{place}.{name}"] = array
        return made


def restored_names(arrays: dict[str, Array], goal: Goal) -> GrownNames:
    """The GrownNames whose `arrays()` these are."""
    context, past, season = arrays["look"].tolist()
    cycles = flagged_cycles(arrays["cycles"])
    look = Look(Reach(context, past), season, cycles, goal)
    forests: list[Forest] = []
    while f"{len(forests)}.base" in arrays:
        own = under(arrays, f"{len(forests)}.")
        forests.append(Forest(*(own[name] for name in Forest._fields)))
    return GrownNames(goal, look, tuple(forests), arrays["classes"], arrays["base"], Log())
