"""Ablation: how much each column of a file improves a model, measured by leaving it out."""

import math
from dataclasses import dataclass, replace
from typing import Any

from forecast.arrays import Array
from forecast.data.findings import listed
from forecast.data.panel import Panel
from forecast.errors import ForecastError
from forecast.evaluation.inference import LEVEL
from forecast.evaluation.leaderboard import Leaderboard
from forecast.evaluation.metrics import METRICS
from forecast.models.base import (
    Learned,
    Spec,
    Watch,
    context_of,
    is_unscaled,
    reads_of,
    refitted,
    report_of,
    sized,
    targets_of,
    varied,
)
from forecast.records import Number
from forecast.results import Log
from forecast.task import Goal
from forecast.text import p_words, signed

PREFIX = "without "


@dataclass(frozen=True)
class Without:
    """A model without some columns: the same Spec on a panel without them, walked and compared like any other model."""

    base: Spec
    left: tuple[str, ...]
    name: str

    @property
    def reads(self) -> tuple[str, ...]:
        """As the model."""
        return reads_of(self.base)

    @property
    def targets(self) -> tuple[str, ...]:
        """As the model."""
        return targets_of(self.base)

    @property
    def unscaled(self) -> bool:
        """As the model."""
        return is_unscaled(self.base)

    def settle(self, past: Panel, horizon: int) -> "Without":
        """Sizes chosen from the past without the columns."""
        return replace(self, base=sized(self.base, _less(past, self.left), horizon))

    def fit(self, past: Panel, goal: Goal, *, seed: int, watch: Watch) -> "Blind":
        """Learn from the panel without the columns."""
        return Blind(
            self.base.fit(_less(past, self.left), self._goal(goal), seed=seed, watch=watch), self.left
        )

    def refit(
        self, past: Panel, goal: Goal, start: dict[str, Array], *, seed: int, watch: Watch
    ) -> "Blind | None":
        """Go on from an earlier fit without the columns, where the model can."""
        seen = _less(past, self.left)
        learned = refitted(self.base, seen, self._goal(goal), start, seed=seed, watch=watch)
        return None if learned is None else Blind(learned, self.left)

    def restore(self, arrays: dict[str, Array], goal: Goal) -> "Blind":
        """The Blind whose `arrays()` these are."""
        return Blind(self.base.restore(arrays, self._goal(goal)), self.left)

    def space(self, trial: Any) -> "Without":
        """The space of the model."""
        return replace(self, base=varied(self.base, trial))

    def _goal(self, goal: Goal) -> Goal:
        """The goal without the columns: an indicator is left out with its category."""
        kept = [i for i, name in enumerate(goal.read_as) if name not in self.left]
        columns = tuple(goal.columns[i] for i in kept)
        return replace(
            goal,
            columns=columns,
            read_as=tuple(goal.read_as[i] for i in kept),
            future=tuple(name for name in goal.future if name in columns),
            static=tuple(name for name in goal.static if name in columns),
        )


@dataclass(frozen=True, eq=False)
class Blind:
    """What a model learned without the columns `left`."""

    learned: Learned
    left: tuple[str, ...]

    @property
    def context(self) -> int:
        """How many rows before an origin a forecast reads."""
        return context_of(self.learned)

    @property
    def log(self) -> Log:
        """That of the model."""
        return report_of(self.learned)

    def predict(self, panel: Panel, origins: Array, fitted: Array) -> Array:
        """Forecasts (M, H, P), scaled, from the panel without the columns."""
        return self.learned.predict(_less(panel, self.left), origins, fitted)

    def arrays(self) -> dict[str, Array]:
        """Everything learned."""
        return self.learned.arrays()


def _less(panel: Panel, left: tuple[str, ...]) -> Panel:
    """The panel without the columns `left`, and without the indicators of categories among them."""
    kept = [i for i, column in enumerate(panel.columns) if column.read_as not in left]
    return replace(panel, values=panel.values[:, kept], columns=tuple(panel.columns[i] for i in kept))


def ablations(model: Spec, panel: Panel) -> list[Spec]:
    """The model without each column next to the target alone; an angle, which is a sine and a cosine, is one column.

    ForecastError where there is none.
    """
    groups: dict[str, tuple[str, ...]] = {}
    for column in panel.columns[1:]:
        name = column.of if column.made == "angle" else column.name
        groups[name] = (*groups.get(name, ()), column.name)
    if not groups:
        raise ForecastError(
            f"There is no column next to {panel.target} to leave out. Name some with `past`, or give a file that has more."
        )
    return [Without(model, left, f"{PREFIX}{name}") for name, left in groups.items()]


@dataclass(frozen=True)
class Bought:
    """How much a column improves a model.

    gain: the share by which the loss grows without the column; gain_lo and gain_hi its 95 % interval · p: of no
    difference, corrected for the number of changes compared (Holm 1979); None for a short test · seconds: CPU time that
    the column cost.
    """

    column: str
    gain: Number
    gain_lo: Number
    gain_hi: Number
    p: float | None
    seconds: float


def bought(board: Leaderboard) -> list[Bought]:
    """The columns of a leaderboard of `ablations`, with the whole model as baseline: the largest gain first."""
    whole = next(row for row in board.rows if row.model == board.baseline)
    rows = [row for row in board.rows if row.model.startswith(PREFIX)]
    found = [
        Bought(
            column=row.model.removeprefix(PREFIX),
            gain=-row.skill,
            gain_lo=-row.skill_hi,
            gain_hi=-row.skill_lo,
            p=row.p,
            seconds=whole.seconds - row.seconds,
        )
        for row in rows
    ]
    return sorted(found, key=lambda one: -one.gain)


def bought_text(rows: list[Bought], model: str, metric: str) -> str:
    """In words how much each column improves a model, and whether that could be chance."""
    label = METRICS[metric].label
    width = max(len(row.column) for row in rows)
    lines = [
        f"By how much the {label} of {model} grows without each column (each interval alone, p of all together):",
        *(_line(row, width) for row in rows),
    ]
    if any(row.p is None for row in rows):
        return "\n".join([*lines, "The test is too short to say whether that is chance."])
    return "\n".join([*lines, " ".join(_verdict(rows))])


def _line(row: Bought, width: int) -> str:
    """One column in numbers; its name takes `width` characters."""
    interval = ""
    if not math.isnan(row.gain_lo):
        interval = f", 95 % interval {signed(row.gain_lo)} .. {signed(row.gain_hi)}"
    p = "" if row.p is None else f", {p_words(row.p)}"
    return f"  {row.column:{width}}  {signed(row.gain)}{interval}{p}; {row.seconds:+.1f} CPU s"


def _verdict(rows: list[Bought]) -> list[str]:
    """Which columns help, which harm, and of which that could be chance, a sentence each."""
    sure = [row for row in rows if row.p is not None and row.p < LEVEL]
    helping = [row.column for row in sure if row.gain > 0]
    harming = [row.column for row in sure if row.gain < 0]
    unsure = [row.column for row in rows if row not in sure]
    sentences = []
    if helping:
        verb = "helps" if len(helping) == 1 else "help"
        sentences.append(f"{listed(helping)} {verb}, and that is hardly chance.")
    if harming:
        verb = "harms" if len(harming) == 1 else "harm"
        sentences.append(f"{listed(harming)} {verb}, and that is hardly chance.")
    if unsure:
        sentences.append(f"The effect of {listed(unsure)} could be chance.")
    return sentences
