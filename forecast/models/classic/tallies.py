"""How often each name followed which others, at which time of day and year; and logits fitted to these counts.

Rows of one context and of nearly one phase of each cycle are one cell, so a fit costs what its cells do, however long the
past is. Axes: N cells, K names, C contexts, F sines and cosines, G groups of contexts that have their own, S series.
"""

from typing import NamedTuple

import numpy as np

from forecast.arrays import Array
from forecast.data.clock import Clock
from forecast.data.panel import Panel
from forecast.models.classic.harmonics import Cycles, called
from forecast.models.multinomial import Problem, chances, freedom, solved

BINS = 48  # phases of each cycle that are told apart when rows are counted
SATURATED = 16  # contexts up to which each has a logit of its own; of more it is the sum of one for each lag
LIGHT = 0.1  # penalty of any logit: a name that never followed keeps about the share of a tenth of a sighting
PULL = 4.0  # penalty of how far a series is from all series: logits that differ by a half are usual
ROUNDS = 3  # of the search for a shape at most

Kinds = tuple[str | float, ...]  # cycles without their pairs


class Tallies(NamedTuple):
    """Counts (N, K) of names in cells.

    key, context (N,) int64: which cell, and the code of the names before, the latest least significant · waves
    (N, cycles, 2, P): the first P sines and cosines of each cycle, their means over the rows of the cell.
    """

    key: Array
    context: Array
    waves: Array
    counts: Array


class Shape(NamedTuple):
    """The names that a share depends on, the pairs of harmonics of each cycle, and whether these depend on the last name."""

    order: int
    pairs: tuple[int, ...]
    depends: bool


class Logits(NamedTuple):
    """Logits of names: level (S + 1, C, K - 1) of each context, swing (S + 1, G, F, K - 1) with the calendar.

    The last row is that of the series that were not fitted. G is 1, or K where the calendar matters by the last name.
    """

    cycles: Cycles
    level: Array
    swing: Array

    def at(self, clock: Clock, stamps: Array, rows: Array) -> Array:
        """Shares (M, C, K) at stamps (M,), by rows (M,) of the series."""
        waves = _harmonics(clock, stamps, self.cycles)
        swings = np.einsum("mf,mgfk->mgk", waves, self.swing[rows])
        contexts, others = self.level.shape[1:]
        group = np.arange(contexts) % self.swing.shape[1]
        logits = self.level[rows] + swings[:, group]
        flat = chances(logits.reshape(-1, others), np.eye(others))
        return flat.reshape(len(stamps), contexts, others + 1)


def _harmonics(clock: Clock, stamps: Array, cycles: Cycles) -> Array:
    """(M, F), cycle by cycle, of each the sines and then the cosines."""
    parts = [clock.harmonics(stamps, cycle, pairs) for cycle, pairs in cycles]
    return np.concatenate([np.zeros((len(stamps), 0)), *parts], axis=1)


def contexts_of(codes: Array, order: int, number: int) -> Array:
    """The code (n,) of the `order` names before each row of one series (n,), the latest least significant.

    NaN where one of them is missing.
    """
    made = np.zeros(len(codes))
    for lag in range(1, order + 1):
        before = np.full(len(codes), np.nan)
        before[lag:] = codes[:-lag]
        made += before * number ** (lag - 1)
    return made


def tallies_of(
    past: Panel, names: list[Array], number: int, cycles: Kinds, most: int, order: int
) -> list[Tallies]:
    """The counts of what followed each context, or without an order of what there was, in each series.

    names: for each series the codes (n,) of its first n rows, NaN where missing, of `number` names · most: pairs of
    harmonics.
    """
    made = []
    for series, codes in enumerate(names):
        times = past.times[past.rows(series)][: len(codes)]
        context = contexts_of(codes, order, number)
        seen = ~np.isnan(codes + context)
        waves = _waves_by_cycle(past.clock, times[seen], cycles, most)
        before = context[seen].astype("int64")
        made.append(_tallied(before, waves, codes[seen].astype("int64"), number))
    return made


def _waves_by_cycle(clock: Clock, stamps: Array, cycles: Kinds, most: int) -> Array:
    """(n, cycles, 2, P): the sines and the cosines of each cycle."""
    parts = [clock.harmonics(stamps, cycle, most).reshape(-1, 2, most) for cycle in cycles]
    return np.stack(parts, axis=1) if parts else np.zeros((len(stamps), 0, 2, most))


def _tallied(context: Array, waves: Array, names: Array, number: int) -> Tallies:
    """The cells of rows (n,)."""
    key = context.copy()
    for cycle in range(waves.shape[1]):
        phase = np.arctan2(waves[:, cycle, 0, 0], waves[:, cycle, 1, 0]) / (2 * np.pi)
        bins = (
            np.floor((phase + 1 / (4 * BINS)) * BINS).astype("int64") % BINS
        )  # no regular phase is on an edge
        key = key * BINS + bins
    counts = np.zeros((len(names), number))
    counts[np.arange(len(names)), names] = 1.0
    return grouped(Tallies(key, context, waves, counts))


def grouped(rows: Tallies) -> Tallies:
    """The same counts with one row per cell."""
    keys, first, cell = np.unique(rows.key, return_index=True, return_inverse=True)
    weight = rows.counts.sum(1, keepdims=True)
    width = int(np.prod(rows.waves.shape[1:]))
    flat = rows.waves.reshape(len(rows.key), width)
    sums = _sums(weight * flat, cell, len(keys))
    means = sums / _sums(weight, cell, len(keys))
    waves = means.reshape(len(keys), *rows.waves.shape[1:])
    return Tallies(keys, rows.context[first], waves, _sums(rows.counts, cell, len(keys)))


def _sums(values: Array, cell: Array, number: int) -> Array:
    """The sums of values (n, F) over the rows of each of so many cells, (number, F)."""
    made = np.zeros((number, values.shape[1]))
    for place, column in enumerate(values.T):
        made[:, place] = np.bincount(cell, column, minlength=number)
    return made


def together(parts: list[Tallies]) -> Tallies:
    """The cells of several series as those of one."""
    return grouped(Tallies(*(np.concatenate(arrays) for arrays in zip(*parts, strict=True))))


def design(tallies: Tallies, shape: Shape) -> Array:
    """The features (N, ...) of cells: those of the context, and those of the calendar."""
    number = tallies.counts.shape[1]
    table = context_features(shape.order, number)
    context = tallies.context % len(table)
    waves = _kept(tallies.waves, shape.pairs)
    if not shape.depends:
        return np.concatenate([table[context], waves], axis=1)
    last = np.eye(number)[context % number]
    by_name = last[:, :, None] * waves[:, None]
    return np.concatenate([table[context], by_name.reshape(len(waves), -1)], axis=1)


def context_features(order: int, number: int) -> Array:
    """A constant, and which context it is, (C, ...): each by itself, or where there are many by its name at each lag."""
    contexts = np.arange(number**order)
    parts = [np.ones((len(contexts), 1))]
    if 1 < len(contexts) <= SATURATED:
        parts.append(np.eye(len(contexts)))
    elif order:
        digits = [contexts // number**lag % number for lag in range(order)]
        parts += [np.eye(number)[digit] for digit in digits]
    return np.concatenate(parts, axis=1)


def _kept(waves: Array, pairs: tuple[int, ...]) -> Array:
    """The first pairs of each cycle, (N, F)."""
    parts = [waves[:, place, :, :count].reshape(len(waves), -1) for place, count in enumerate(pairs)]
    return np.concatenate([np.zeros((len(waves), 0)), *parts], axis=1)


def criterion(tallies: Tallies, shape: Shape) -> float:
    """AICc of a shape (Hurvich & Tsai 1989); infinite where there are too few counts for its weights."""
    problem = _problem(tallies, shape)
    found = solved(problem)
    free = freedom(problem, found)
    count = float(tallies.counts.sum())
    left = count - free - 1
    if left <= 0:
        return np.inf
    return 2 * found.loss + 2 * free * count / left


def _problem(tallies: Tallies, shape: Shape) -> Problem:
    """That of all series together."""
    features = design(tallies, shape)
    weights = np.zeros((features.shape[1], tallies.counts.shape[1] - 1))
    return Problem(features, tallies.counts, np.full(len(weights), LIGHT), weights)


class Choices(NamedTuple):
    """What is tried: orders, numbers of pairs of each cycle, and whether these depend on the last name."""

    orders: list[int]
    pairs: list[list[int]]
    depends: list[bool]


def searched(tallies: Tallies, choices: Choices) -> Shape:
    """The shape of the lowest AICc: its order, dependence, and pairs of each cycle, one after another.

    The search begins with the second order and the second number of pairs, and ends where no one change helps.
    """
    second = [tried[min(1, len(tried) - 1)] for tried in (choices.orders, *choices.pairs)]
    best = Shape(second[0], tuple(second[1:]), choices.depends[0])
    found: dict[Shape, float] = {}
    for _ in range(ROUNDS):
        before = best
        for family in range(len(choices.pairs) + 2):
            for shape in _variants(best, family, choices):
                if shape not in found:
                    found[shape] = criterion(tallies, shape)
            best = min(found, key=lambda shape: found[shape])
        if best == before:
            break
    return best


def _variants(shape: Shape, family: int, choices: Choices) -> list[Shape]:
    """Shapes that differ in their order (family 0), their dependence (1), or the pairs of one cycle."""
    if family == 0:
        tried = [shape._replace(order=order) for order in choices.orders]
    elif family == 1:
        tried = [shape._replace(depends=each) for each in choices.depends]
    else:
        place = family - 2
        tried = []
        for count in choices.pairs[place]:
            pairs = (*shape.pairs[:place], count, *shape.pairs[place + 1 :])
            tried.append(shape._replace(pairs=pairs))
    return [one._replace(depends=one.depends and one.order > 0 and sum(one.pairs) > 0) for one in tried]


def fitted(parts: list[Tallies], shape: Shape, cycles: Kinds) -> Logits:
    """The logits of each series, and last those of all series together.

    Those of a series are drawn to those of all (a normal prior around these), so one with few counts has theirs.
    """
    whole = solved(_problem(together(parts), shape)).weights
    weights = [whole]
    if len(parts) > 1:
        penalty = np.full(len(whole), PULL)
        weights = []
        for one in parts:
            problem = Problem(design(one, shape), one.counts, penalty, whole)
            weights.append(solved(problem).weights)
    table = np.stack([*weights, whole])
    number = whole.shape[1] + 1
    contexts = context_features(shape.order, number)
    width = contexts.shape[1]
    level = np.einsum("cf,sfk->sck", contexts, table[:, :width])
    groups = number if shape.depends else 1
    swing = table[:, width:].reshape(len(table), groups, -1, number - 1)
    used = tuple((name, pairs) for name, pairs in zip(cycles, shape.pairs, strict=True))
    return Logits(used, level, swing)


def described(shape: Shape, cycles: Kinds) -> str:
    """The harmonics of a shape in words."""
    parts = []
    for name, pairs in zip(cycles, shape.pairs, strict=True):
        if pairs:
            noun = "pair" if pairs == 1 else "pairs"
            parts.append(f"{pairs} {noun} of harmonics of the {called(name)}")
    return " and ".join(parts) or "no harmonics"
