"""The models of a run walked through its panel, with intervals and a leaderboard."""

import tempfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from forecast.data.panel import Panel
from forecast.evaluation.backtest import Keep, backtest, settled
from forecast.evaluation.calibration import calibrate
from forecast.evaluation.leaderboard import Leaderboard, leaderboard, unneeded
from forecast.evaluation.market import Direction, directions
from forecast.evaluation.metrics import ranking
from forecast.models import spec
from forecast.models.base import Spec
from forecast.results import Calibration, Outcome, by_model
from forecast.runs.keeping import FolderKeep, silent, workers
from forecast.runs.plan import Run
from forecast.runs.result import board_json

MEDIAN = "median"  # walked unasked by `fit` and `backtest`


def unasked(plan: Run, named: Sequence[Spec], panel: Panel) -> list[Spec]:
    """The model that is walked without being named: the median, where a constant could win and models are compared."""
    task, _ = settled(plan.task, panel, plan.walk)
    names = [one.name for one in named]
    if ranking(str(task.metric)).median and len(names) > 1 and MEDIAN not in names:
        return [spec(MEDIAN)]
    return []


def calibrated(
    outcomes: Iterable[Outcome], named: Sequence[Spec]
) -> tuple[list[Outcome], dict[str, Calibration]]:
    """The outcomes of a walk with the levels of its task calibrated; unchanged where it asks for none.

    A model that nobody named is left out before, where points alone say that it is not needed.
    """
    models = by_model(outcomes)
    task = next(iter(models.values()))[0].truth.task
    metric = str(task.metric)
    if not ranking(metric).quantiles:
        for name in unneeded(models, metric, _unnamed(models, named)):
            del models[name]
    walked = [part for parts in models.values() for part in parts]
    return calibrate(walked) if task.levels else (walked, {})


def _unnamed(models: Iterable[str], named: Sequence[Spec]) -> list[str]:
    """The models that were walked without being named."""
    names = {one.name for one in named}
    return [model for model in models if model not in names]


def ranked(plan: Run, outcomes: list[Outcome], baseline: str | None, named: Sequence[Spec]) -> Leaderboard:
    """The leaderboard of a walk, of which some models may not have been named."""
    unasked = _unnamed(by_model(outcomes), named)
    return leaderboard(outcomes, baseline, unasked=unasked)


def walked(plan: Run, specs: list[Spec], panel: Panel, jobs: int, keep: Keep) -> Iterator[Outcome]:
    """The outcomes of some specs walked through the panel of a run."""
    return backtest(specs, panel, plan.walk, plan.task, seed=plan.seed, jobs=jobs, keep=keep)


def market_rows(plan: Run, outcomes: list[Outcome]) -> list[Direction]:
    """Of a price: what each model's direction is worth; else nothing."""
    return directions(outcomes, plan.cost) if plan.price else []


def walk_and_rank(
    plan: Run,
    specs: list[Spec],
    panel: Panel,
    baseline: str | None,
    jobs: int,
    progress: Any,
    named: Sequence[Spec] | None = None,
) -> tuple[Leaderboard, dict[str, Any]]:
    """The leaderboard of some specs, walked through the panel of a run, and all of it as JSON values.

    named: those among them that were asked for; None = all.
    """
    with tempfile.TemporaryDirectory() as folder:
        keep = FolderKeep(Path(folder), Path(folder) / "progress.jsonl")
        with (progress or silent)(keep.tell, len(specs) * plan.walk.folds), workers():
            outcomes, _ = calibrated(walked(plan, specs, panel, jobs, keep), named or specs)
            board = ranked(plan, outcomes, baseline, named or specs)
            return board, board_json(panel, board, market_rows(plan, outcomes))
