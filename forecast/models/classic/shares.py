"""Shares of names: how often each was seen, and the last one again. What every other forecast of names has to beat."""

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from forecast.arrays import Array
from forecast.data.panel import Panel
from forecast.models.answers import recent
from forecast.models.base import Watch
from forecast.models.names import names_of_windows
from forecast.results import Log
from forecast.task import Goal, reduced

PRIOR = 0.5  # sightings that each name has before any is counted, so that none has a share of 0 (Jeffreys)


@dataclass(frozen=True)
class Shares:
    """How often each name was seen in the past of a series (`rate`), or the last name again (`last`).

    Asked of any, or all, steps of the horizon, `rate` counts the windows of as many rows in which the event took place,
    and `last` repeats what the rows of the last such window say, as far as they were observed.
    A name that was never seen keeps a small share, that of half a sighting, and so do the names that `last` does not
    repeat: a share of 0 would be refuted for ever by a single row.
    """

    targets: ClassVar[tuple[str, ...]] = ("event", "names")
    name: str = "rate"
    kind: Literal["rate", "last"] = "rate"

    def fit(self, past: Panel, goal: Goal, *, seed: int, watch: Watch) -> "Counted":
        """Count the names of each series, and of all together for the series that come later."""
        codes = [names_of_windows(past.values[past.rows(i), 0], goal) for i in range(len(past.ids))]
        counts = np.stack([sightings(own, len(goal.names)) for own in codes])
        together = counts.sum(0)
        missing = [name for name, count in zip(goal.names, together, strict=True) if not count]
        notes = [f"never seen in the past: {', '.join(missing)}"] if missing else []
        counts = np.concatenate([counts, together[None]])
        return Counted(goal, counts, self.kind == "last", Log(tuple(notes)))

    def restore(self, arrays: dict[str, Array], goal: Goal) -> "Counted":
        """The Counted whose `arrays()` these are."""
        return Counted(goal, arrays["counts"], self.kind == "last", Log())


@dataclass(frozen=True, eq=False)
class Counted:
    """counts (S + 1, K): sightings of each name in each series; the last row is of all series. repeats: the last name again."""

    goal: Goal
    counts: Array
    repeats: bool
    log: Log

    @property
    def context(self) -> int:
        """How many rows before an origin a forecast reads: the last observed one is reached however old it is."""
        return self.goal.over

    def predict(self, panel: Panel, origins: Array, fitted: Array) -> Array:
        """Shares (M, A, K) of each name, the same in every answer."""
        counts = self.counts[fitted[origins[:, 0]]]
        shares = (counts + PRIOR) / (counts.sum(1, keepdims=True) + PRIOR * counts.shape[1])
        if self.repeats:
            last = self._last(panel, origins)
            shares = np.where(np.isnan(last)[:, None], shares, self._repeated(counts, last))
        return np.repeat(shares[:, None], self.goal.answered, axis=1)

    def _last(self, panel: Panel, origins: Array) -> Array:
        """The code (M,) of the last observed name, or of the event in the last window; NaN where nothing was observed."""
        rows = recent(panel, origins, self.context)
        known = ~np.isnan(rows)
        span = self.goal.task.reduce
        neutral = float(span == "all")  # a missing row decides nothing
        found = reduced(np.where(known, rows, neutral), span)[:, 0]
        return np.where(known.any(1), found, np.nan)

    def _repeated(self, counts: Array, last: Array) -> Array:
        """All of the share (M, K) to the last name (M,), but what a name has that was never seen."""
        total = counts.sum(1, keepdims=True)
        number = counts.shape[1]
        least = PRIOR / (total + PRIOR * number)
        is_last = np.arange(number) == last[:, None]
        return np.where(is_last, 1 - (number - 1) * least, least)

    def arrays(self) -> dict[str, Array]:
        """counts float64 (S + 1, K)."""
        return {"counts": self.counts}


def sightings(codes: Array, number: int) -> Array:
    """How often each of `number` names stands among codes (n,), NaN where missing."""
    seen = codes[~np.isnan(codes)].astype("int64")
    return np.bincount(seen, minlength=number).astype("float64")
