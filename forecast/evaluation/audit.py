"""The audit of a file and its models: the poison test on the user's own data, and columns that know too much."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from forecast.arrays import Array
from forecast.data.findings import counted
from forecast.data.panel import Panel, require_panel
from forecast.data.vintages import Vintages
from forecast.evaluation.backtest import asked_of, backtest
from forecast.evaluation.folds import WalkForward, grid_places, rows_before, walk_forward
from forecast.models.base import Spec
from forecast.results import Forecast
from forecast.task import Task, task_of

KNOWS = 0.9  # share of what the target's own past leaves unexplained from which on a column is named
OWN = 3  # lags of the target that explain first
FEWEST = 50  # rows that a column is judged on


@dataclass(frozen=True)
class Leak:
    """A column that explains later values of the target as nothing that was observed in time does.

    column · lead: how many steps ahead it shows the target · share: of the variance that the target's last values leave,
    what it explains.
    """

    column: str
    lead: int
    share: float


@dataclass(frozen=True)
class Audit:
    """What was found.

    moved: model -> how many of the `compared` forecasts, whose origins lie before the changed values, changed; it must be 0.
    """

    leaks: tuple[Leak, ...]
    moved: dict[str, int]
    compared: int

    @property
    def clean(self) -> bool:
        """Whether nothing was found."""
        return not self.leaks and not any(self.moved.values())

    def to_json(self) -> dict[str, Any]:
        """One object of plain numbers."""
        return {
            "clean": self.clean,
            "leaks": [vars(leak) for leak in self.leaks],
            "moved": self.moved,
            "compared": self.compared,
        }

    def __str__(self) -> str:
        lines = [_of_leak(leak) for leak in self.leaks]
        lines += [self._of_model(model, moved) for model, moved in self.moved.items()]
        end = "Nothing was found."
        if not self.clean:
            end = "This is not a fair test yet: see the lines marked with !."
        return "\n".join([*lines, "", end])

    def _of_model(self, model: str, moved: int) -> str:
        """How many forecasts of a model changed, in a line."""
        compared = counted(self.compared, "forecast")
        if moved:
            return f"! {model}: with every later value rewritten, {moved:,} of {compared} changed."
        return f"  {model}: with every later value rewritten, none of {compared} changed by a bit."


def _of_leak(leak: Leak) -> str:
    """What a column shows, in a line."""
    later = counted(leak.lead, "step")
    return (
        f"! {leak.column} looks like a leak: it explains {100 * leak.share:.1f} % of what the target's own past leaves of"
        f" its value {later} later. If it is not known by then, leave it out with `past`."
    )


def audit(
    models: Iterable[str | Spec],
    panel: Panel,
    walk: WalkForward | None = None,
    task: Task | int | str | None = None,
    *,
    seed: int = 0,
    **keywords: Any,
) -> Audit:
    """Rewrite the panel from the middle of its test on, count the earlier forecasts of each model that change, judge each past column.

    task, keywords: as in `backtest`.
    """
    require_panel(panel)
    walk, task = asked_of(walk, task_of(task, keywords))
    walk = replace(walk, folds=1)
    fold = next(walk_forward(panel, walk))
    middle = np.sort(fold.places)[len(fold.places) // 2]
    later = poisoned(panel, rows_before(grid_places(panel, walk), middle), walk.ahead(panel.clock), seed)
    early = fold.places <= middle
    several = list(models)
    unchanged = backtest(several, panel, walk, task, seed=seed)
    rewritten = backtest(several, later, walk, task, seed=seed)
    moved: dict[str, int] = {}
    for clean, dirty in zip(unchanged, rewritten, strict=True):
        same = _same(clean.forecast, dirty.forecast)
        moved[clean.forecast.model] = int((~same[early].all(1)).sum())
    return Audit(tuple(leaks(panel, walk.ahead(panel.clock))), moved, int(early.sum()))


def _same(one: Forecast, two: Forecast) -> Array:
    """Where two forecasts have the same bits, (M, H): of values, or of shares of names."""
    if one.shares is None or two.shares is None:
        return np.equal(one.values, two.values) | (np.isnan(one.values) & np.isnan(two.values))
    return np.asarray(np.equal(one.shares, two.shares).all(-1))


def poisoned(panel: Panel, known: Array, horizon: int, seed: int = 0) -> Panel:
    """The panel with every value after the first `known` (S,) rows taken from another, random, row of the same series.

    These are values that could be. Future columns keep theirs over the horizon after these rows, where they may be read;
    of those with vintages everything that was issued after these rows is rewritten.
    """
    random = np.random.default_rng(seed)
    values = panel.values.copy()
    for i in range(len(panel.ids)):
        rows = np.arange(panel.starts[i], panel.stops[i])
        after = rows[known[i] :]
        values[after] = panel.values[random.permuted(rows)[: len(after)]]
        allowed = np.ix_(after[:horizon], np.array(_always_known(panel), "int64"))
        values[allowed] = panel.values[allowed]
    return replace(panel, values=values, vintages=_reissued(panel, known, random))


def _always_known(panel: Panel) -> list[int]:
    """The places of the future columns that every origin knows alike: those without vintages."""
    if panel.vintages is None:
        return panel.future
    return [place for place in panel.future if panel.columns[place].name not in panel.vintages.names]


def _reissued(panel: Panel, known: Array, random: np.random.Generator) -> Vintages | None:
    """The vintages with all that was issued after the first `known` (S,) rows of its series taken from other issues."""
    vintages = panel.vintages
    if vintages is None:
        return None
    owner = vintages.owners()
    series = np.searchsorted(panel.starts, owner, side="right") - 1
    last = panel.times[np.maximum(panel.starts + known - 1, 0)]
    later = (owner >= 0) & (vintages.issued > last[series])
    drawn = random.integers(0, max(len(vintages.values), 1), int(later.sum()))
    return vintages.rewritten(later, vintages.values[drawn])


def leaks(panel: Panel, horizon: int) -> list[Leak]:
    """The past columns that explain more than KNOWS of what the last OWN targets leave of a target 1 ... horizon steps later.

    Each with the lead at which it explains most.
    """
    found = []
    for place, column in enumerate(panel.columns):
        if column.role != "past" or column.names is not None:
            continue
        shares = np.array([_partial(panel, place, lead) for lead in range(1, horizon + 1)])
        if len(shares) and np.nanmax(shares, initial=0.0) > KNOWS:
            lead = int(np.nanargmax(shares)) + 1
            found.append(Leak(column.name, lead, float(shares[lead - 1])))
    return found


def _partial(panel: Panel, place: int, lead: int) -> float:
    """The partial R2 of a column for the target `lead` steps later, given the target's last OWN values, over all series.

    NaN with too few rows, or where either is explained by these values.
    """
    tables = [_table(panel.values[panel.rows(i)], place, lead) for i in range(len(panel.ids))]
    table = np.concatenate(tables)
    table = table[~np.isnan(table).any(1)]
    if len(table) < FEWEST:
        return float("nan")
    truth = table[:, 0]
    column = table[:, 1]
    own = table[:, 2:]
    without = _unexplained(truth, own)
    beside = _unexplained(column, own)
    power = float(without @ without) * float(beside @ beside)
    least = 1e-12 * len(table) ** 2 * truth.var() * max(column.var(), 1e-300)
    if power <= least:
        return float("nan")
    return float((without @ beside) ** 2 / power)


def _table(values: Array, place: int, lead: int) -> Array:
    """Of one series (n, C), a row for each target `lead` steps later: it, the column, the last OWN targets, and 1."""
    y = values[:, 0]
    rows = np.arange(OWN - 1, len(y) - lead)
    lags = [y[rows - lag] for lag in range(OWN)]
    return np.column_stack([y[rows + lead], values[rows, place], *lags, np.ones(len(rows))])


def _unexplained(values: Array, by: Array) -> Array:
    """What a least-squares fit leaves."""
    left: Array = values - by @ np.linalg.lstsq(by, values, rcond=1e-10)[0]
    return left
