"""A Markov chain of names whose transitions change with the calendar: what the last names and the time of year can tell."""

from dataclasses import dataclass
from functools import partial
from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field

from forecast.arrays import Array
from forecast.data.panel import Panel
from forecast.errors import ForecastError
from forecast.models.answers import in_chunks, recent
from forecast.models.base import Watch
from forecast.models.classic.harmonics import cycles_from_arrays, cycles_of, cycles_to_arrays
from forecast.models.classic.tallies import (
    Choices,
    Kinds,
    Logits,
    Tallies,
    contexts_of,
    described,
    fitted,
    searched,
    tallies_of,
    together,
)
from forecast.models.names import floored
from forecast.results import Log
from forecast.task import Goal

CYCLES = ("day", "year")  # whose harmonics are tried
HIGHEST = 3  # order that is tried
PAIRS = 4  # of harmonics of each cycle that are tried
CONTEXTS = 128  # at most: an order that has more is not tried
MEMORY = 48  # rows before the context that are read where a name of the context is missing
AT_ONCE = 2048  # origins that are answered together

Order = Annotated[int, Field(ge=0, le=HIGHEST)]
Pairs = Annotated[int, Field(ge=0, le=20)]


@dataclass(frozen=True)
class Markov:
    """A Markov chain whose transition logits have harmonics of the day and the year (Stern & Coe 1984).

    None = chosen by AICc: the order (how many of the last names count), the pairs of harmonics of each cycle that the past
    has seen twice, and whether these depend on the last name. One choice for all series; the logits of a series are drawn
    to those of all series, so that a short one has nearly theirs and a new one has theirs.
    """

    targets: ClassVar[tuple[str, ...]] = ("event", "names")
    name: str = "markov"
    order: Order | None = None
    day: Pairs | None = None
    year: Pairs | None = None
    depends: bool | None = None

    def fit(self, past: Panel, goal: Goal, *, seed: int, watch: Watch) -> "Chain":
        """Choose a shape on the rows whose last names are known, as far back as any order reads, and fit it on all rows."""
        cycles = cycles_of(past, CYCLES)
        choices = self._choices(past, goal, cycles)
        most = max((tried[-1] for tried in choices.pairs), default=1)
        count_after = partial(tallies_of, past, _codes(past), len(goal.names), cycles, max(most, 1))
        shape = searched(together(count_after(choices.orders[-1])), choices)
        parts = count_after(shape.order)
        whole = together(parts)
        by_name = ", each by the last name" if shape.depends else ""
        count = int(whole.counts.sum())
        series = f" of {len(parts)} series, each drawn to all" if len(parts) > 1 else ""
        note = f"order {shape.order}, {described(shape, cycles)}{by_name}, on {count:,} transitions{series}"
        base = _base(whole, len(goal.names) ** shape.order)
        return Chain(goal, shape.order, fitted(parts, shape, cycles), base, Log((note,)))

    def restore(self, arrays: dict[str, Array], goal: Goal) -> "Chain":
        """The Chain whose `arrays()` these are."""
        logits = Logits(cycles_from_arrays(arrays), arrays["level"], arrays["swing"])
        return Chain(goal, int(arrays["order"][0]), logits, arrays["base"], Log())

    def _choices(self, past: Panel, goal: Goal, cycles: Kinds) -> Choices:
        """What is asked for, and what is tried of all that is left open."""
        asked = {"day": self.day, "year": self.year}
        pairs = []
        for cycle in cycles:
            given = asked[cycle] if isinstance(cycle, str) else self.day
            pairs.append(list(range(PAIRS + 1)) if given is None else [given])
        depends = [False, True] if self.depends is None else [self.depends]
        return Choices(self._orders(past, goal), pairs, depends)

    def _orders(self, past: Panel, goal: Goal) -> list[int]:
        """The orders that are tried: those whose contexts are few, and known before half of the observed names."""
        number = len(goal.names)
        if self.order is not None:
            if number**self.order > CONTEXTS:
                raise ForecastError(
                    f"`{self.name}.order={self.order}` has {number**self.order:,} contexts of {number} names, more than"
                    f" {CONTEXTS}. Take a lower order."
                )
            return [self.order]
        codes = _codes(past)
        observed = sum(int((~np.isnan(own)).sum()) for own in codes)
        orders = [0]
        for order in range(1, HIGHEST + 1):
            contexts = [contexts_of(own, order, number) for own in codes]
            known = sum(
                int((~np.isnan(own + context)).sum()) for own, context in zip(codes, contexts, strict=True)
            )
            few = order == 1 or number**order <= CONTEXTS
            if few and 2 * known >= observed:
                orders.append(order)
        return orders


def _codes(past: Panel) -> list[Array]:
    """The codes (n,) of the names of each series."""
    return [past.values[past.rows(series), 0] for series in range(len(past.ids))]


def _base(tallies: Tallies, contexts: int) -> Array:
    """How often each context (C,) was seen, each half a time more."""
    weight = tallies.counts.sum(1)
    counts = np.bincount(tallies.context, weight, minlength=contexts) + 0.5
    made: Array = counts / counts.sum()
    return made


@dataclass(frozen=True, eq=False)
class Chain:
    """order: how many of the last names count, in C = K^order contexts · logits: of what follows each · base (C,): how often
    each was seen.
    """

    goal: Goal
    order: int
    logits: Logits
    base: Array
    log: Log

    @property
    def context(self) -> int:
        """How many rows before an origin a forecast reads, where names of its context are missing."""
        return self.order + MEMORY

    def predict(self, panel: Panel, origins: Array, fitted: Array) -> Array:
        """Shares (M, A, K): the distribution over the contexts goes on step by step, with the calendar of each."""
        return in_chunks(partial(self._answer, panel, fitted), origins, AT_ONCE)

    def _answer(self, panel: Panel, fitted: Array, origins: Array) -> Array:
        rows = fitted[origins[:, 0]]
        stamps = panel.stamps(origins, self.goal.horizon)
        now = self._known(panel, origins, rows)
        span = self.goal.task.reduce
        shares = []
        for step in range(self.goal.horizon):
            joint = now[:, :, None] * self.logits.at(panel.clock, stamps[:, step], rows)
            shares.append(joint.sum(1))
            if span != "each":
                joint[:, :, int(span == "any")] = 0.0  # what is left has had no event yet, or nothing else
            now = self._followed(joint)
        if span == "each":
            return floored(np.stack(shares, axis=1))
        left = now.sum(1)
        pair = [left, 1 - left] if span == "any" else [1 - left, left]
        return floored(np.stack(pair, axis=1)[:, None])

    def _followed(self, joint: Array) -> Array:
        """The distribution (M, C) over the next contexts, by that of contexts and names after them (M, C, K)."""
        count, contexts, number = joint.shape
        if not self.order:
            return joint.sum(2)
        oldest_first = joint.reshape(count, number, contexts // number, number)
        return oldest_first.sum(1).reshape(count, contexts)

    def _known(self, panel: Panel, origins: Array, rows: Array) -> Array:
        """The distribution (M, C) over the contexts before origins (M, 2), given the names that were observed."""
        if not self.order:
            return np.ones((len(origins), 1))
        codes = recent(panel, origins, self.context)
        powers = len(self.goal.names) ** np.arange(self.order)[::-1]
        found = codes[:, -self.order :] @ powers  # NaN where a name is missing
        whole = ~np.isnan(found)
        now = np.zeros((len(origins), len(self.base)))
        now[whole, found[whole].astype("int64")] = 1.0
        if not whole.all():
            now[~whole] = self._filtered(panel, origins[~whole], rows[~whole], codes[~whole])
        return now

    def _filtered(self, panel: Panel, origins: Array, rows: Array, codes: Array) -> Array:
        """The same where names (M, L) of the last rows are missing: there the chain goes on by itself.

        It begins with how often each context was seen.
        """
        begin = panel.starts[origins[:, 0]]
        index = (begin + origins[:, 1])[:, None] + np.arange(-self.context, 0)
        now = np.tile(self.base, (len(origins), 1))
        for place in range(self.context):
            inside = np.flatnonzero(index[:, place] >= begin)
            stamps = panel.times[index[inside, place]]
            joint = now[inside, :, None] * self.logits.at(panel.clock, stamps, rows[inside])
            observed = codes[inside, place]
            seen = np.flatnonzero(~np.isnan(observed))
            is_it = observed[seen, None] == np.arange(joint.shape[2])
            joint[seen] *= is_it[:, None]
            following = self._followed(joint)
            now[inside] = following / following.sum(1, keepdims=True)
        return now

    def arrays(self) -> dict[str, Array]:
        """order int64 (1,), base, level, swing, cycles, season."""
        arrays = {"order": np.array([self.order], "int64"), "base": self.base}
        arrays.update(level=self.logits.level, swing=self.logits.swing)
        return {**arrays, **cycles_to_arrays(self.logits.cycles)}
