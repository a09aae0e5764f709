"""What a candidate is judged on: the walk-forward error over folds that end before the first test origin."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import optuna

from forecast.data.findings import listed
from forecast.data.panel import Panel, require_panel
from forecast.errors import ForecastError
from forecast.evaluation.backtest import asked_of, backtest, settled
from forecast.evaluation.calibration import calibrate
from forecast.evaluation.folds import WalkForward, first_test_row, grid_places, length_of, rows_needed
from forecast.evaluation.metrics import ranking, score
from forecast.models import Ranges, spec
from forecast.models.base import LOOKS, Spec, Stop
from forecast.models.combination import Combination
from forecast.results import Outcome
from forecast.task import Task, task_of
from forecast.tuning.pruning import TrialKeep, report_look
from forecast.tuning.space import Space, space_of

FOLDS = 2  # of the search: each candidate is fitted that often


def objective(
    model: str | Spec,
    panel: Panel,
    walk: WalkForward | None = None,
    task: Task | int | str | None = None,
    *,
    seed: int = 0,
    **keywords: Any,
) -> Callable[[optuna.Trial], float]:
    """An objective for a study of your own: the score of a walk forward through the rows before the first test origin.

    task, keywords: as in `backtest`; the metric is that of the task. It prunes inside training and between folds when the
    study's pruner says so (`forecast.tuning.pruning.LookPruner` is made for it).
    """
    tried = tunable(model)
    search = Search.before_test(panel, *asked_of(walk, task_of(task, keywords)), seed)
    return lambda trial: search.value(trial, tried.candidate(trial))


def tunable(model: str | Spec, table: Mapping[str, Any] | None = None) -> Space:
    """The space of a model, narrowed by a table; ForecastError where it is empty."""
    base = spec(model) if isinstance(model, str) else model
    if isinstance(base, Combination):
        names = listed([part.name for part in base.parts])
        raise ForecastError(
            f"{base.name} is no model of its own to tune. Tune {names} each by itself: what is found holds in the"
            f" combination too."
        )
    tried = space_of(base, table)
    ranges = Ranges()
    tried.ask(ranges)
    if not ranges.found:
        raise ForecastError(
            f"{base.name} has no settings to tune: every trial would be the same. Tune another model, such as gru."
        )
    return tried


@dataclass(frozen=True, eq=False)
class Search:
    """What a candidate is judged on: a walk through the rows before the first test origin.

    It is sent to worker processes.
    """

    panel: Panel
    walk: WalkForward
    task: Task  # its metric is settled
    seed: int

    @staticmethod
    def before_test(panel: Panel, walk: WalkForward, task: Task, seed: int) -> "Search":
        """The last fifth of what lies before the test, in two folds, at the same horizon, by the metric of the walk."""
        require_panel(panel)
        task = judged_by(task, panel, walk)
        before = panel.until(first_test_row(panel, walk))
        inner = replace(walk, test=0.2, folds=FOLDS)
        horizon = inner.ahead(panel.clock)
        count = length_of(grid_places(before, inner))
        needed = rows_needed(horizon, inner)
        if count < needed:
            raise ForecastError(
                f"{count} rows before the test are too few to tune on with a horizon of {horizon}: at least {needed} are"
                f" needed. Take a shorter `horizon`, a smaller `test` or a longer file."
            )
        return Search(before, inner, task, seed)

    def value(self, trial: optuna.Trial, candidate: Spec) -> float:
        """The candidate's score; raises TrialPruned where the study's pruner says so."""
        outcomes: list[Outcome] = []
        walked = backtest(candidate, self.panel, self.walk, self.task, seed=self.seed, keep=TrialKeep(trial))
        try:
            for outcome in walked:
                outcomes.append(outcome)
                if len(outcomes) < FOLDS:
                    report_look(trial, len(outcomes) * (LOOKS + 1), scored(outcomes))
        except Stop:
            raise optuna.TrialPruned from None
        return scored(outcomes)


def judged_by(task: Task, panel: Panel, walk: WalkForward) -> Task:
    """The task with its metric settled, and with quantiles only where the metric scores them."""
    task, _ = settled(task, panel, walk)
    if ranking(str(task.metric)).quantiles:
        return task
    return replace(task, intervals=(), levels=())


def scored(outcomes: list[Outcome]) -> float:
    """The score of one model by the metric of its walk, calibrated where that scores quantiles."""
    task = outcomes[0].truth.task
    if task.levels:
        outcomes, _ = calibrate(outcomes)
    return score(outcomes)
