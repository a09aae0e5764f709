"""Tuning: an Optuna study over the walk-forward error, in one process or several."""

import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import optuna
from optuna.trial import TrialState

from forecast.data.findings import counted
from forecast.data.panel import Panel
from forecast.errors import ForecastError, nearest, validated
from forecast.evaluation.backtest import asked_of
from forecast.evaluation.folds import WalkForward
from forecast.models.base import Seed, Spec, sized
from forecast.runs.folder import PARTS, PROGRESS
from forecast.runs.keeping import FolderKeep, append, workers
from forecast.task import Task, task_of
from forecast.tuning.journal import mend_journal, refuse_another, study_of
from forecast.tuning.objective import Search, tunable
from forecast.tuning.pruning import STARTUP, LookPruner
from forecast.tuning.space import Space, Values
from forecast.tuning.verdict import Tuned, judge
from forecast.workers import processes

SAMPLERS: dict[str, Callable[[int], optuna.samplers.BaseSampler]] = {  # of a seed
    "tpe": lambda seed: optuna.samplers.TPESampler(seed=seed, n_startup_trials=STARTUP),
    "random": lambda seed: optuna.samplers.RandomSampler(seed=seed),
    "gp": lambda seed: optuna.samplers.GPSampler(seed=seed, n_startup_trials=STARTUP),
    "grid": lambda seed: optuna.samplers.RandomSampler(
        seed=seed
    ),  # has nothing to draw: each point is asked for by name
}


def tune(
    model: str | Spec,
    panel: Panel,
    walk: WalkForward | None = None,
    *,
    trials: int = 20,
    sampler: str = "tpe",
    space: Mapping[str, Any] | None = None,
    task: Task | int | str | None = None,
    seed: int = 0,
    jobs: int = 1,
    folder: str | Path | None = None,
    **keywords: Any,
) -> "Tuned":
    """Search a model's space for `trials` trials, the first of them the default, then compare default and best on the untouched test origins.

    sampler: tpe, random, gp (a Gaussian process), or grid, which ends when all of its points are tried. space: what settings are tried in place of
    the model's own ranges, or beside them: `{"units": [32, [64, 32]], "learning_rate": {"low": 1e-4, "high": 1e-2, "log": True}, "dropout": 0.2}`;
    the default is a trial where it lies in that. The study has a list of widths as its text, "[64, 32]".
    task, keywords: as in `backtest`; trials are judged by the metric of the task.
    folder: keeps the journal of the study and the finished fits, so that a killed study goes on; without it nothing is kept. jobs: trials side
    by side (0 = one a core); with one job the same seed gives the same study, with more the order in which trials end decides what is tried.
    """
    if trials < 1:
        raise ForecastError(f"A study has at least 1 trial; found {trials}.")
    validated(Seed, seed, "seed")
    if sampler not in SAMPLERS:
        raise ForecastError(f"There is no sampler {sampler!r}.{nearest(sampler, SAMPLERS)}")
    if folder is None:
        with tempfile.TemporaryDirectory() as made:
            how: dict[str, Any] = {"trials": trials, "sampler": sampler, "space": space}
            found = tune(model, panel, walk, **how, task=task, seed=seed, jobs=jobs, folder=made, **keywords)
            study = optuna.create_study(study_name="tune", direction="minimize", pruner=LookPruner())
            study.add_trials(found.study.get_trials())  # the journal ends with its folder
            return replace(found, folder=None, study=study)
    folder = Path(folder)
    walk, task = asked_of(walk, task_of(task, keywords))
    tried = tunable(model, space)
    search = Search.before_test(panel, walk, task, seed)
    settled = sized(tried.base, search.panel, search.walk.ahead(search.panel.clock))
    outside = tried.outside(settled)
    notes = (
        [f"The default has {', '.join(outside)}, outside of the space that is tried: it is no trial."]
        if outside
        else []
    )
    points = tried.grid(seed) if sampler == "grid" else None
    if points is not None:
        own = None if outside else tried.default(settled)
        beside = "" if outside else ", the default among them" if own in points else " beside the default"
        notes.append(
            f"The grid has {counted(len(points), 'point')}{beside}; {counted(trials, 'trial')} at most."
        )
        points = [point for point in points if point != own]
    journal = folder / "study.journal"
    mend_journal(journal)
    study = study_of(journal)
    refuse_another(
        study, folder, {"model": tried.base.name, "sampler": sampler, "space": repr(dict(tried.table))}
    )
    study.sampler = SAMPLERS[sampler](
        seed + len(study.get_trials(deepcopy=False))
    )  # one that goes on must not draw again what it drew
    if not outside and not study.get_trials(deepcopy=False):
        study.enqueue_trial(tried.default(settled), user_attrs={"default": True})
    from joblib import Parallel, delayed

    jobs = min(processes(jobs), trials)
    tell = folder / PARTS / PROGRESS
    tell.parent.mkdir(exist_ok=True)
    asked = _ask(study, tried, trials, points, 0 if outside else 1)
    with workers():
        for _ in Parallel(n_jobs=jobs, pre_dispatch=jobs, batch_size=1, return_as="generator_unordered")(
            delayed(_try)(journal, identity, candidate, search, tell) for identity, candidate in asked
        ):
            pass
        keep = FolderKeep(folder / PARTS, tell)
        found = judge(folder, tried, study, panel, walk, search.task, seed, jobs, keep)
    return replace(found, notes=tuple(notes))


def _ask(
    study: optuna.Study, tried: Space, trials: int, points: list[Values] | None, first: int
) -> Iterator[tuple[int, Spec]]:
    """Trials to run: first those that a killed process left running, which keep their number and settings; then new ones, of a grid its `points`
    in order after the `first` trial, the default, where it is one."""
    for left in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
        yield from _built(study, optuna.Trial(study, left._trial_id), tried)
    while True:
        there = study.get_trials(deepcopy=False)
        waiting = sum(trial.state == TrialState.WAITING for trial in there)
        if len(there) - waiting >= trials:  # a failed trial is one too
            return
        if points is not None and not waiting:
            if len(there) - first >= len(points):
                return
            study.enqueue_trial(points[len(there) - first])
        yield from _built(study, study.ask(), tried)


def _built(study: optuna.Study, trial: optuna.Trial, tried: Space) -> Iterator[tuple[int, Spec]]:
    """A trial and its candidate; none where its settings contradict each other: then it has failed."""
    try:
        candidate = tried.candidate(trial)
    except ForecastError as error:
        trial.set_user_attr("error", str(error))
        study.tell(trial, state=TrialState.FAIL)
        return
    yield trial._trial_id, candidate


def _try(journal: Path, identity: int, candidate: Spec, search: Search, tell: Path) -> None:
    """Run one trial and tell its study; in a worker process where there are several."""
    study = study_of(journal)
    trial = optuna.Trial(study, identity)
    begun = time.process_time()
    try:
        value = search.value(trial, candidate)
        state = TrialState.COMPLETE
    except optuna.TrialPruned:
        value, state = None, TrialState.PRUNED
    except ForecastError as error:
        value, state = None, TrialState.FAIL
        trial.set_user_attr("error", str(error))
    trial.set_user_attr("seconds", time.process_time() - begun)
    study.tell(trial, value, state=state)
    append(
        tell,
        {
            "part": ["trial", trial.number],
            "done": True,
            "seconds": time.process_time() - begun,
            "value": value,
            "state": state.name,
        },
    )
