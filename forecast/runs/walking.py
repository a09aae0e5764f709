"""The models of a run walked through its panel, with intervals and a leaderboard."""

import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Any

from forecast.data.panel import Panel
from forecast.evaluation.backtest import Keep, backtest, settled
from forecast.evaluation.calibration import calibrate
from forecast.evaluation.leaderboard import Leaderboard, leaderboard, unneeded
from forecast.evaluation.market import directions
from forecast.evaluation.metrics import ranking
from forecast.evaluation.probabilities import probabilities
from forecast.models import spec
from forecast.models.base import Spec
from forecast.results import Outcome, Taught, by_model
from forecast.runs.keeping import FolderKeep, silent, workers
from forecast.runs.plan import Run
from forecast.runs.result import Walked, summary_of

MEDIAN = "median"  # walked unasked by `fit` and `backtest`


@dataclass(frozen=True)
class Entrants:
    """The models that meet in a walk: those that were named, and those that are walked without being named."""

    named: tuple[Spec, ...]
    unasked: tuple[Spec, ...] = ()

    @property
    def specs(self) -> list[Spec]:
        """All of them."""
        return [*self.named, *self.unasked]


def entrants_of(plan: Run, named: Sequence[Spec], panel: Panel) -> Entrants:
    """The named models of a run, and beside them the median, where a constant could win and models are compared."""
    task, _ = settled(plan.task, panel, plan.walk)
    names = [one.name for one in named]
    if ranking(str(task.metric)).median and len(names) > 1 and MEDIAN not in names:
        return Entrants(tuple(named), (spec(MEDIAN),))
    return Entrants(tuple(named))


def outcomes_of(
    plan: Run, entrants: Entrants, panel: Panel, jobs: int, keep: Keep
) -> tuple[list[Outcome], dict[str, Taught]]:
    """The outcomes of some models walked through the panel of a run, with the levels of its task calibrated.

    Where the task asks for none they are unchanged. A model that nobody named is left out where points alone say that
    it is not needed.
    """
    walk = backtest(entrants.specs, panel, plan.walk, plan.task, seed=plan.seed, jobs=jobs, keep=keep)
    models = by_model(walk)
    task = next(iter(models.values()))[0].truth.task
    metric = str(task.metric)
    if not ranking(metric).quantiles:
        for name in unneeded(models, metric, _unnamed(models, entrants)):
            del models[name]
    outcomes = list(chain.from_iterable(models.values()))
    if task.levels or panel.names:
        return calibrate(outcomes)
    return outcomes, {}


def ranked(outcomes: list[Outcome], entrants: Entrants, baseline: str | None) -> Leaderboard:
    """The leaderboard of a walk, of which some models may not have been named."""
    return leaderboard(outcomes, baseline, unasked=_unnamed(by_model(outcomes), entrants))


def _unnamed(models: Iterable[str], entrants: Entrants) -> list[str]:
    """The models that were walked without being named."""
    names = {one.name for one in entrants.named}
    return [model for model in models if model not in names]


def shown(outcomes: list[Outcome], board: Leaderboard) -> list[Outcome]:
    """The outcomes of the models of a leaderboard."""
    models = {row.model for row in board.rows}
    return [outcome for outcome in outcomes if outcome.forecast.model in models]


def walked_of(plan: Run, panel: Panel, board: Leaderboard, outcomes: list[Outcome]) -> Walked:
    """What a walk gives; of a price also what the direction of each model is worth, of names what their shares are."""
    found = Walked(summary_of(panel), board)
    if panel.names:
        return replace(found, probabilities=probabilities(outcomes, plan.costs))
    if plan.price or plan.reading.returns:
        found_out = directions(outcomes, plan.trading, returns=plan.reading.returns)
        return replace(found, market=tuple(found_out))
    return found


def walk_alone(
    plan: Run, entrants: Entrants, panel: Panel, baseline: str | None, jobs: int, progress: Any
) -> Walked:
    """Walk some models through the panel of a run without a run folder."""
    with tempfile.TemporaryDirectory() as folder:
        keep = FolderKeep(Path(folder), Path(folder) / "progress.jsonl")
        with (progress or silent)(keep.tell, len(entrants.specs) * plan.walk.folds), workers():
            outcomes, _ = outcomes_of(plan, entrants, panel, jobs, keep)
            board = ranked(outcomes, entrants, baseline)
            return walked_of(plan, panel, board, outcomes)
