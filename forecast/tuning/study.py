"""Tuning: an Optuna study over the walk-forward error, in one process or several."""

import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import optuna
from optuna.trial import TrialState

from forecast.data.findings import counted
from forecast.data.panel import Panel
from forecast.errors import ForecastError, nearest, validated
from forecast.evaluation.backtest import asked_of
from forecast.evaluation.folds import WalkForward
from forecast.files import storing
from forecast.models.base import Seed, Spec, sized
from forecast.runs.folder import PARTS, PROGRESS
from forecast.runs.keeping import FolderKeep, append, workers
from forecast.task import Task, task_of
from forecast.tuning.journal import JOURNAL, mend_journal, refuse_another, study_of
from forecast.tuning.objective import Search, tunable
from forecast.tuning.pruning import STARTUP, LookPruner
from forecast.tuning.space import Space, Values
from forecast.tuning.verdict import Tuned, judge
from forecast.workers import processes


def _random(seed: int) -> optuna.samplers.BaseSampler:
    """Draws at random; for a grid, whose points are asked for by name, there is nothing to draw."""
    return optuna.samplers.RandomSampler(seed=seed)


SAMPLERS: dict[str, Callable[[int], optuna.samplers.BaseSampler]] = {  # of a seed
    "tpe": lambda seed: optuna.samplers.TPESampler(seed=seed, n_startup_trials=STARTUP),
    "random": _random,
    "gp": lambda seed: optuna.samplers.GPSampler(seed=seed, n_startup_trials=STARTUP),
    "grid": _random,
}


@dataclass(frozen=True)
class Effort:
    """How long a study searches, and how: trials, the sampler, the seed, trials side by side."""

    trials: int
    sampler: str
    seed: int
    jobs: int


@dataclass(frozen=True)
class Agenda:
    """What a study tries beside what its sampler draws.

    default: the settled default as the parameters of a trial, the first one; None where it lies outside of the space ·
    points: those of a grid, but for the default; None of another sampler · notes: what there is to say of both.
    """

    default: Values | None
    points: list[Values] | None
    notes: tuple[str, ...]


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
) -> Tuned:
    """Search a model's space, the first trial being the default, then compare default and best on the untouched test origins.

    sampler: tpe, random, gp (a Gaussian process), or grid, which ends when all of its points are tried. space: what
    settings are tried in place of the model's own ranges, or beside them: `{"units": [32, [64, 32]], "learning_rate":
    {"low": 1e-4, "high": 1e-2, "log": True}, "dropout": 0.2}`; the default is a trial where it lies in that. The study has
    a list of widths as its text, "[64, 32]". task, keywords: as in `backtest`; trials are judged by the metric of the task.
    folder: keeps the journal of the study and the finished fits, so that a killed study goes on; without it nothing is
    kept. jobs: trials side by side (0 = one a core); with one job the same seed gives the same study, with more the order
    in which trials end decides what is tried.
    """
    if trials < 1:
        raise ForecastError(f"A study has at least 1 trial; found {trials}.")
    validated(Seed, seed, "seed")
    if sampler not in SAMPLERS:
        raise ForecastError(f"There is no sampler {sampler!r}.{nearest(sampler, SAMPLERS)}")
    walk, asked = asked_of(walk, task_of(task, keywords))
    tried = tunable(model, space)
    effort = Effort(trials, sampler, seed, jobs)
    if folder is not None:
        return _tuned_in(Path(folder), tried, panel, walk, asked, effort)
    with tempfile.TemporaryDirectory() as made:
        found = _tuned_in(Path(made), tried, panel, walk, asked, effort)
        study = optuna.create_study(study_name="tune", direction="minimize", pruner=LookPruner())
        study.add_trials(found.study.get_trials())  # the journal ends with its folder
        return replace(found, folder=None, study=study)


def _tuned_in(
    folder: Path, tried: Space, panel: Panel, walk: WalkForward, task: Task, effort: Effort
) -> Tuned:
    """The study of a folder: gone on with, and judged on the test origins."""
    search = Search.before_test(panel, walk, task, effort.seed)
    agenda = _agenda(tried, search, effort)
    with storing(folder / JOURNAL):
        return _searched(folder, tried, panel, walk, search, agenda, effort)


def _searched(
    folder: Path,
    tried: Space,
    panel: Panel,
    walk: WalkForward,
    search: Search,
    agenda: Agenda,
    effort: Effort,
) -> Tuned:
    """Run the trials of a study that are left, and judge the best on the test origins."""
    study = _opened(folder, tried, agenda, effort)
    jobs = min(processes(effort.jobs), effort.trials)
    tell = folder / PARTS / PROGRESS
    tell.parent.mkdir(exist_ok=True)
    keep = FolderKeep(folder / PARTS, tell)
    with workers():
        _run_trials(folder / JOURNAL, _ask(study, tried, effort.trials, agenda), search, tell, jobs)
        found = judge(folder, tried, study, panel, walk, search.task, effort.seed, jobs, keep)
    return replace(found, notes=agenda.notes)


def _agenda(tried: Space, search: Search, effort: Effort) -> Agenda:
    """The default of a model as a trial, and of a grid its points."""
    settled = sized(tried.base, search.panel, search.walk.ahead(search.panel.clock))
    outside = tried.outside(settled)
    notes: list[str] = []
    default = None
    if outside:
        notes.append(
            f"The default has {', '.join(outside)}, outside of the space that is tried: it is no trial."
        )
    else:
        default = tried.default(settled)
    if effort.sampler != "grid":
        return Agenda(default, None, tuple(notes))
    points = tried.grid(effort.seed)
    notes.append(_grid_note(points, default, effort.trials))
    return Agenda(default, [point for point in points if point != default], tuple(notes))


def _grid_note(points: list[Values], default: Values | None, trials: int) -> str:
    """How many points a grid has, and whether the default is one."""
    where = ""
    if default is not None:
        where = ", the default among them" if default in points else " beside the default"
    return f"The grid has {counted(len(points), 'point')}{where}; {counted(trials, 'trial')} at most."


def _opened(folder: Path, tried: Space, agenda: Agenda, effort: Effort) -> optuna.Study:
    """The study of a folder with its sampler, the default being its first trial."""
    journal = folder / JOURNAL
    mend_journal(journal)
    study = study_of(journal)
    asked = {"model": tried.base.name, "sampler": effort.sampler, "space": repr(dict(tried.table))}
    refuse_another(study, folder, asked)
    begun = len(study.get_trials(deepcopy=False))
    study.sampler = SAMPLERS[effort.sampler](
        effort.seed + begun
    )  # one that goes on draws what it has not drawn
    if agenda.default is not None and not begun:
        study.enqueue_trial(agenda.default, user_attrs={"default": True})
    return study


def _run_trials(
    journal: Path, asked: Iterator[tuple[int, Spec]], search: Search, tell: Path, jobs: int
) -> None:
    """Run trials as they are asked for, several side by side."""
    from joblib import Parallel, delayed

    pool = Parallel(n_jobs=jobs, pre_dispatch=jobs, batch_size=1, return_as="generator_unordered")
    tries = (delayed(_try)(journal, identity, candidate, search, tell) for identity, candidate in asked)
    for _ in pool(tries):
        pass


def _ask(study: optuna.Study, tried: Space, trials: int, agenda: Agenda) -> Iterator[tuple[int, Spec]]:
    """Trials to run: first those that a killed process left running, which keep their number and settings; then new ones.

    Of a grid these are its points in order, after the default where that is a trial.
    """
    for left in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
        yield from _built(study, optuna.Trial(study, left._trial_id), tried)
    before = 0 if agenda.default is None else 1
    while True:
        there = study.get_trials(deepcopy=False)
        waiting = sum(trial.state == TrialState.WAITING for trial in there)
        if len(there) - waiting >= trials:  # a failed trial is one too
            return
        if agenda.points is not None and not waiting:
            place = len(there) - before
            if place >= len(agenda.points):
                return
            study.enqueue_trial(agenda.points[place])
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
    value = None
    try:
        value = search.value(trial, candidate)
        state = TrialState.COMPLETE
    except optuna.TrialPruned:
        state = TrialState.PRUNED
    except ForecastError as error:
        state = TrialState.FAIL
        trial.set_user_attr("error", str(error))
    seconds = time.process_time() - begun
    trial.set_user_attr("seconds", seconds)
    study.tell(trial, value, state=state)
    part = ["trial", trial.number]
    append(tell, {"part": part, "done": True, "seconds": seconds, "value": value, "state": state.name})
