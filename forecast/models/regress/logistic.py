"""Logistic regression straight to the horizon: for each step the logits of the names are linear in what a window says."""

from dataclasses import dataclass
from typing import Annotated, ClassVar, NamedTuple

import numpy as np
from pydantic import Field

from forecast.arrays import Array
from forecast.data.clock import cycle_flags, flagged_cycles
from forecast.data.panel import Panel
from forecast.data.seasons import cycles_seen
from forecast.data.windows import Windows, make_windows, split_windows
from forecast.models.answers import in_chunks
from forecast.models.base import Watch
from forecast.models.multinomial import Problem, Solution, chances, loss_of, solved
from forecast.models.names import floored, names_ahead
from forecast.models.regress.direct import Reach, harmonics, reach_of, some
from forecast.models.regress.named import (
    Features,
    aged,
    joined,
    of_columns,
    of_names,
    of_steps,
    read_window,
)
from forecast.results import Log
from forecast.task import Goal

# tried, in units of the rows: features have spread 1
PENALTIES = tuple(float(10**power) for power in np.arange(0.0, -4.5, -0.5))
PAIRS = 3  # harmonics of each cycle of the calendar
MOST = 60_000  # windows that are learned from, for two names; for more so many fewer as there are more logits
AT_ONCE = 4096  # windows that are read together
CHOOSING = 4  # steps of the horizon that choose their penalty; the others have that of the nearest
LIGHT = (
    0.1  # penalty of the constant: a name that was never seen keeps about the share of a tenth of a sighting
)


@dataclass(frozen=True)
class Logistic:
    """Multinomial logistic regression with a quadratic penalty (le Cessie & van Houwelingen 1992).

    Its features are the names at lags and their shares of late, the last values, lags and means of the other columns, the
    calendar, and the future columns. One model for all series, with weights for each step. The penalty of a feature is in
    proportion to the root of how old it is; None = chosen in `fit`, on the last `validation` share of the past by log loss (in units of
    the rows, for features with spread 1); then all rows are learned from.
    """

    reads: ClassVar[tuple[str, ...]] = ("past", "future", "static")
    targets: ClassVar[tuple[str, ...]] = ("event", "names")
    name: str = "logistic"
    penalty: Annotated[float, Field(gt=0)] | None = None
    validation: Annotated[float, Field(gt=0, le=0.5)] = 0.15

    def fit(self, past: Panel, goal: Goal, *, seed: int, watch: Watch) -> "Odds":
        """Weights for each answer, with the penalty that has the lowest log loss on the validation rows at that step."""
        look = Look(reach_of(past, goal.horizon), cycles_seen(past), len(goal.names))
        train, validation, whole = split_windows(past, look.reach.context, goal.horizon, self.validation)
        most = MOST // (look.number - 1)
        learned = sample(train, some(train, most, seed), look, goal)
        held = sample(validation, some(validation, most, seed), look, goal)
        penalties, near = self._chosen(learned, held, look.number)
        every = sample(whole, some(whole, most, seed), look, goal)
        scaling = scaling_of(every)
        design = scaled(every, scaling)
        weights = []
        for step in range(goal.answered):
            near = solved(problem_of(design, look.number, step, penalties[step]), near)
            weights.append(near.weights)
        spoken = " to ".join(f"{penalty:.1e}" for penalty in sorted({penalties.min(), penalties.max()}))
        read = f"reads {look.reach.context} rows, {len(scaling.mean)} features"
        log = Log((f"{read}, {len(every.names):,} windows, penalty {spoken}",))
        return Odds(goal, look, scaling, np.stack(weights), log)

    def restore(self, arrays: dict[str, Array], goal: Goal) -> "Odds":
        """The Odds whose `arrays()` these are."""
        cycles = flagged_cycles(arrays["cycles"])
        look = Look(Reach(*arrays["reach"].tolist()), cycles, len(goal.names))
        scaling = Scaling(*(arrays[name] for name in Scaling._fields))
        return Odds(goal, look, scaling, arrays["weights"], Log())

    def _chosen(self, learned: "Sample", held: "Sample", number: int) -> tuple[Array, Solution | None]:
        """The penalty of each step, (A,), that of the nearest step that was judged; and weights that are near."""
        answers = learned.names.shape[1]
        if self.penalty is not None:
            return np.full(answers, self.penalty), None
        scaling = scaling_of(learned)
        fitted_on = scaled(learned, scaling)
        judged_on = scaled(held, scaling)
        steps = np.unique(np.geomspace(1, answers, CHOOSING).round().astype("int64")) - 1
        paths: list[list[Solution]] = []
        best: list[int] = []
        for step in steps:
            start = paths[-1] if paths else []
            paths.append(path(fitted_on, number, step, start))
            judge = problem_of(judged_on, number, step, 1.0)
            losses = [loss_of(judge, one.weights) for one in paths[-1]]
            best.append(int(np.argmin(losses)))
        nearest = np.abs(np.log1p(np.arange(answers))[:, None] - np.log1p(steps)).argmin(1)
        return np.array(PENALTIES)[best][nearest], paths[0][best[0]]


class Look(NamedTuple):
    """What is read: rows, the cycles of the calendar, and how many names there are."""

    reach: Reach
    cycles: tuple[str, ...]
    number: int


class Sample(NamedTuple):
    """What was read at M origins, missing = NaN.

    window (M, F): features that all steps share · ahead (M, A, F): those of each step · age (F,): of all of them, in rows ·
    names (M, A): the codes that were to be forecast.
    """

    window: Array
    ahead: Array
    age: Array
    names: Array


class Scaling(NamedTuple):
    """The mean and the spread (F,) of features, those of all steps first, and how much each is penalised, cost (F,)."""

    mean: Array
    spread: Array
    cost: Array


class Design(NamedTuple):
    """A sample with scaled features, the constant first: window (M, 1 + F), ahead (M, A, F), missing = 0.

    names (M, A): the codes, NaN where missing · cost (F,) of the weights of all but the constant.
    """

    window: Array
    ahead: Array
    names: Array
    cost: Array

    def features(self, step: int) -> Array:
        """Those of one step."""
        if not self.ahead.shape[2]:
            return self.window
        return np.concatenate([self.window, self.ahead[:, step]], axis=1)


@dataclass(frozen=True, eq=False)
class Odds:
    """look: what is read · scaling of the features · weights (A, 1 + F, K - 1), the constant first."""

    goal: Goal
    look: Look
    scaling: Scaling
    weights: Array
    log: Log

    @property
    def context(self) -> int:
        """How many rows before an origin a forecast reads."""
        return self.look.reach.context

    def predict(self, panel: Panel, origins: Array, fitted: Array) -> Array:
        """Shares (M, A, K)."""
        windows = make_windows(panel, self.context, self.goal.horizon)

        def answer(part: Array) -> Array:
            read = scaled(sample(windows, part, self.look, self.goal), self.scaling)
            shares = []
            for step, weights in enumerate(self.weights):
                shares.append(chances(read.features(step), weights))
            return floored(np.stack(shares, axis=1))

        return in_chunks(answer, origins)

    def arrays(self) -> dict[str, Array]:
        """weights, mean, spread, cost, reach int64 (context, past rows), cycles int64 (CYCLES,) as 0 and 1."""
        cycles = cycle_flags(self.look.cycles)
        reach = np.array(self.look.reach, "int64")
        return {"weights": self.weights, **self.scaling._asdict(), "reach": reach, "cycles": cycles}


def sample(windows: Windows, origins: Array, look: Look, goal: Goal) -> Sample:
    """What windows at `origins` (M, 2) read, and the names that they are to forecast; read a part at a time."""
    begins = range(0, max(len(origins), 1), AT_ONCE)
    parts = [read_part(windows, origins[begin : begin + AT_ONCE], look, goal) for begin in begins]
    return Sample(
        window=np.concatenate([part.window for part in parts]),
        ahead=np.concatenate([part.ahead for part in parts]),
        age=parts[0].age,
        names=np.concatenate([part.names for part in parts]),
    )


def read_part(windows: Windows, origins: Array, look: Look, goal: Goal) -> Sample:
    """The same, read at once."""
    window = read_window(windows, origins, look.reach)
    names = of_names(window, look.number)
    first = windows.panel.stamps(origins, 1)[:, 0]
    shared = joined([names, of_columns(window), calendar(windows.panel, first, look, names)])
    ahead = of_steps(windows, origins, goal)
    age = np.concatenate([shared.age, np.ones(ahead.shape[2])])
    return Sample(shared.values, ahead, age, names_ahead(windows, origins, goal))


def calendar(panel: Panel, first: Array, look: Look, names: Features) -> Features:
    """The harmonics of the first step's stamps (M,), and the first of each cycle by the last name.

    Those of a later step are the same, turned: its weights can do as much with these.
    """
    waves = harmonics(panel, first, look.cycles, PAIRS)
    slow = harmonics(panel, first, look.cycles, 1)
    last = names.values[:, : look.number - 1]
    by_name = [last[:, [name]] * slow for name in range(look.number - 1)]
    return aged(np.concatenate([waves, *by_name], axis=1))


def scaling_of(read: Sample) -> Scaling:
    """The mean and the spread of the observed features; what never varied has a spread that makes it 0."""
    count, answers, width = read.ahead.shape
    moments = [_moments(read.window), _moments(read.ahead.reshape(count * answers, width))]
    mean = np.concatenate([one for one, _ in moments])
    spread = np.concatenate([one for _, one in moments])
    return Scaling(mean, spread, np.sqrt(read.age))


def _moments(values: Array) -> tuple[Array, Array]:
    """The mean and the spread (F,) of observed values (n, F); 0 and infinite where there are none, or all are equal."""
    seen = ~np.isnan(values)
    count = np.maximum(seen.sum(0), 1)
    mean = np.where(seen, values, 0.0).sum(0) / count
    spread = np.sqrt((np.where(seen, values - mean, 0.0) ** 2).sum(0) / count)
    return mean, np.where(spread > 1e-9, spread, np.inf)


def scaled(read: Sample, scaling: Scaling) -> Design:
    """A sample in units of the spreads; a missing feature is its mean."""
    width = read.window.shape[1]
    window = np.ones((len(read.window), 1 + width))
    window[:, 1:] = np.nan_to_num((read.window - scaling.mean[:width]) / scaling.spread[:width])
    ahead = np.nan_to_num((read.ahead - scaling.mean[width:]) / scaling.spread[width:])
    return Design(window, ahead, read.names, scaling.cost)


def problem_of(design: Design, number: int, step: int, penalty: float) -> Problem:
    """The problem of one step, of so many names. A window whose name is missing counts as none."""
    names = design.names[:, step]
    counts = (names[:, None] == np.arange(number)).astype("float64")
    costs = np.append(LIGHT, penalty * max(counts.sum(), 1.0) * design.cost)
    return Problem(design.features(step), counts, costs, np.zeros((len(costs), number - 1)))


def path(design: Design, number: int, step: int, start: list[Solution]) -> list[Solution]:
    """The weights of one step with each of PENALTIES; start: those of a step before, or none."""
    found: list[Solution] = []
    for place, penalty in enumerate(PENALTIES):
        near = found[-1] if found else None
        if start:
            near = start[place]
        found.append(solved(problem_of(design, number, step, penalty), near))
    return found
