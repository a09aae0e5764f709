"""Shares of names: how often each was seen, and the last one again. What every other forecast of names has to beat."""

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from forecast.arrays import Array
from forecast.data.panel import Panel
from forecast.models.base import Watch
from forecast.results import Log
from forecast.task import Goal

PRIOR = 0.5  # sightings that each name has before any is counted, so that none has a share of 0 (Jeffreys)


@dataclass(frozen=True)
class Shares:
    """How often each name was seen in the past of a series (`rate`), or the last name again (`last`).

    A name that was never seen keeps a small share, that of half a sighting, and so do the names that `last` does not
    repeat: a share of 0 would be refuted for ever by a single row.
    """

    targets: ClassVar[tuple[str, ...]] = ("event", "names")
    name: str = "rate"
    kind: Literal["rate", "last"] = "rate"

    def fit(self, past: Panel, goal: Goal, *, seed: int, watch: Watch) -> "Counted":
        """Count the names of each series, and of all together for the series that come later."""
        codes = [past.values[past.rows(i), 0] for i in range(len(past.ids))]
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
        return 1

    def predict(self, panel: Panel, origins: Array, fitted: Array) -> Array:
        """Shares (M, H, K) of each name, the same at every step."""
        counts = self.counts[fitted[origins[:, 0]]]
        shares = (counts + PRIOR) / (counts.sum(1, keepdims=True) + PRIOR * counts.shape[1])
        if self.repeats:
            latest = panel.latest(origins)
            last = np.where(latest >= 0, panel.values[latest, 0], np.nan)
            shares = np.where(np.isnan(last)[:, None], shares, self._repeated(counts, last))
        return np.repeat(shares[:, None], self.goal.horizon, axis=1)

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
