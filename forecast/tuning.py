"""Tuning: an Optuna study whose objective is the walk-forward error over folds that end before the first test origin."""

import json
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import optuna
from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock
from optuna.trial import FrozenTrial, TrialState

from forecast.data.findings import Heard, counted, listed
from forecast.data.panel import Panel, require_panel
from forecast.errors import ForecastError, nearest, validated
from forecast.evaluation.backtest import Keep, Part, asked_of, backtest, settled
from forecast.evaluation.calibration import calibrate
from forecast.evaluation.folds import WalkForward, first_test_row, grid_places, length_of, rows_needed
from forecast.evaluation.inference import LEVEL
from forecast.evaluation.leaderboard import ROUNDING, leaderboard
from forecast.evaluation.metrics import METRICS, ranking, score
from forecast.files import write_atomic
from forecast.models import Ranges, parts_of, settings_of, spec
from forecast.models.base import LOOKS, Seed, Spec, Stop, Watch, sized
from forecast.models.combination import Combination
from forecast.models.own import is_reference
from forecast.plan import DEFAULT_MODELS, Run, Study, to_toml
from forecast.results import Outcome
from forecast.runs import PARTS, PROGRESS, FolderKeep, append, read_run, run_folder, silent, workers
from forecast.space import Space, Values, space_of
from forecast.task import Task, task_of
from forecast.text import p_words, signed
from forecast.workers import processes

FOLDS = 2  # of the search: each candidate is fitted that often
STARTUP = 3  # trials that are never pruned
SAMPLERS: dict[str, Callable[[int], optuna.samplers.BaseSampler]] = {  # of a seed
    "tpe": lambda seed: optuna.samplers.TPESampler(seed=seed, n_startup_trials=STARTUP),
    "random": lambda seed: optuna.samplers.RandomSampler(seed=seed),
    "gp": lambda seed: optuna.samplers.GPSampler(seed=seed, n_startup_trials=STARTUP),
    "grid": lambda seed: optuna.samplers.RandomSampler(
        seed=seed
    ),  # has nothing to draw: each point is asked for by name
}


class LookPruner(optuna.pruners.BasePruner):
    """Prunes a trial whose validation loss at a look is above the median of the finished trials at the same look of the same fold.

    Optuna's median pruner compares the *best* value so far; here looks of several folds share one axis of steps, and only like is compared
    with like.
    """

    def prune(self, study: optuna.Study, trial: FrozenTrial) -> bool:
        """Whether the last reported value is worse than the median there."""
        step = trial.last_step
        if step is None:
            return False
        done = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
        values = [other.intermediate_values[step] for other in done if step in other.intermediate_values]
        return len(values) >= STARTUP and trial.intermediate_values[step] > float(np.median(values))


def _report(trial: optuna.Trial, step: int, value: float) -> None:
    """Report a value once (a trial that goes on after a kill repeats its first looks) and stop where the study's pruner says so."""
    if step not in trial.storage.get_trial(trial._trial_id).intermediate_values:
        trial.report(value, step)
    if trial.should_prune():
        raise Stop


@dataclass(frozen=True)
class TrialWatch(Watch):
    """Reports a fit's looks to a trial and stops the fit when the trial is pruned."""

    trial: optuna.Trial
    fold: int
    looks: list[int]

    def report(self, step: int, of: int, value: float) -> None:
        """One look of the fit."""
        self.looks.append(step)
        _report(self.trial, self.fold * (LOOKS + 1) + len(self.looks), value)

    def inner(self, place: int, of: int) -> Watch:
        """Of several members the first speaks for all."""
        return self if place == 0 else Watch()


@dataclass(frozen=True)
class TrialKeep(Keep):
    """Keeps nothing; watches each fit for a trial."""

    trial: optuna.Trial

    def watch(self, part: Part) -> Watch:
        """The watch of one fold."""
        return TrialWatch(self.trial, part[1], [])


def objective(
    model: str | Spec,
    panel: Panel,
    walk: WalkForward | None = None,
    task: Task | int | str | None = None,
    *,
    seed: int = 0,
    **keywords: Any,
) -> Callable[[optuna.Trial], float]:
    """An objective for a study of your own: the score of a walk forward through the rows before the first test origin of `walk`.

    task, keywords: as in `backtest`; the metric is that of the task. It prunes inside training and between folds when the study's pruner says so
    (`forecast.tuning.LookPruner` is made for it).
    """
    tried = _tunable(model)
    search = Search.before_test(panel, *asked_of(walk, task_of(task, keywords)), seed)
    return lambda trial: search.value(trial, tried.candidate(trial))


def _tunable(model: str | Spec, table: Mapping[str, Any] | None = None) -> Space:
    """The space of a model, narrowed by a table; ForecastError where it is empty."""
    base = spec(model) if isinstance(model, str) else model
    if isinstance(base, Combination):
        names = listed([part.name for part in base.parts])
        raise ForecastError(
            f"{base.name} is no model of its own to tune. Tune {names} each by itself: what is found holds in the combination too."
        )
    tried, ranges = space_of(base, table), Ranges()
    tried.ask(ranges)
    if not ranges.found:
        name = tried.base.name
        raise ForecastError(
            f"{name} has no settings to tune: every trial would be the same. Tune another model, such as gru."
        )
    return tried


@dataclass(frozen=True, eq=False)
class Search:
    """What a candidate is judged on: a walk through the rows before the first test origin. It is sent to worker processes."""

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
        horizon, count = inner.ahead(panel.clock), length_of(grid_places(before, inner))
        needed = rows_needed(horizon, inner)
        if count < needed:
            raise ForecastError(
                f"{count} rows before the test are too few to tune on with a horizon of {horizon}: at least {needed} are needed."
                f" Take a shorter --horizon, a smaller --test or a longer file."
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
                    _report(trial, len(outcomes) * (LOOKS + 1), scored(outcomes))
        except Stop:
            raise optuna.TrialPruned from None
        return scored(outcomes)


def judged_by(task: Task, panel: Panel, walk: WalkForward) -> Task:
    """The task with its metric settled, and with quantiles only where the metric scores them."""
    task, _ = settled(task, panel, walk)
    return task if ranking(str(task.metric)).quantiles else replace(task, intervals=(), levels=())


def scored(outcomes: list[Outcome]) -> float:
    """The score of one model by the metric of its walk, calibrated where that scores quantiles."""
    task = outcomes[0].truth.task
    if task.levels:
        outcomes, _ = calibrate(outcomes)
    return score(outcomes)


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
    tried = _tunable(model, space)
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
    _mend(journal)
    study = _study(journal)
    _refuse_another(
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
        found = _judge(folder, tried, study, panel, walk, search.task, seed, jobs, keep)
    return replace(found, notes=tuple(notes))


def _refuse_another(study: optuna.Study, folder: Path, asked: dict[str, str]) -> None:
    """ForecastError where a folder's study was of another model, sampler or space: its trials would be mixed up with those of this one."""
    found = study.user_attrs.get("asked")
    if found not in (None, asked):
        differ = ", ".join(
            f"{key} was {found[key]}, is {value}" for key, value in asked.items() if found[key] != value
        )
        raise ForecastError(f"{folder} holds another study: {differ}. Choose another folder.")
    study.set_user_attr("asked", asked)


class JournalLock(JournalFileOpenLock):
    """Optuna's lock of a journal, but kept by the system: it ends with its process, where a lock file outlives one that is killed."""

    def acquire(self) -> bool:
        """Wait until no other process writes."""
        import fcntl

        self.file = Path(self._lock_file).open("w")  # noqa: SIM115 (closed by release)
        fcntl.flock(self.file, fcntl.LOCK_EX)
        return True

    def release(self) -> None:
        """Let the next one write."""
        self.file.close()


def _mend(journal: Path) -> None:
    """Cut off a last line that a killed process left half written: what is appended to it could never be read again."""
    if journal.exists():
        content = journal.read_bytes()
        os.truncate(journal, content.rfind(b"\n") + 1)


def _study(journal: Path) -> optuna.Study:
    """The study of a journal file, made if it is not there."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    lock = (JournalFileOpenLock if os.name == "nt" else JournalLock)(str(journal))
    storage = optuna.storages.JournalStorage(JournalFileBackend(str(journal), lock))
    return optuna.create_study(
        study_name="tune", storage=storage, load_if_exists=True, direction="minimize", pruner=LookPruner()
    )


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
    study = _study(journal)
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


def _judge(
    folder: Path,
    tried: Space,
    study: optuna.Study,
    panel: Panel,
    walk: WalkForward,
    task: Task,
    seed: int,
    jobs: int,
    keep: Keep,
) -> "Tuned":
    """Default and best on the test origins, and what that says."""
    done, base = study.get_trials(deepcopy=False), tried.base
    if all(trial.state != TrialState.COMPLETE for trial in done):
        reason = next(
            (
                f" Trial {trial.number}: {trial.user_attrs['error']}"
                for trial in done
                if "error" in trial.user_attrs
            ),
            "",
        )
        raise ForecastError(
            f"None of {counted(len(done), 'trial')} of {base.name} came to an end, so there is nothing to compare.{reason}"
        )
    won = best_trial(study)
    best = tried.candidate(optuna.trial.FixedTrial(won.params))
    named = replace(best, name=f"{base.name}-tuned")  # type: ignore[type-var]
    models = [base] if won.user_attrs.get("default") else [base, named]
    outcomes = list(backtest(models, panel, walk, task, seed=seed, jobs=jobs, keep=keep))
    if task.levels:
        outcomes, _ = calibrate(outcomes)
    board = leaderboard(outcomes, base.name)
    rows = {row.model: row for row in board.rows}
    default, tuned = rows[base.name], rows[models[-1].name]
    before, after = (row.scores[board.metric] for row in (default, tuned))
    verdict = _verdict(base.name, board.metric, before, after, tuned.p, tuned is default)
    return Tuned(folder, best, study, board.metric, before, after, tuned.p, verdict)


def best_trial(study: optuna.Study) -> optuna.trial.FrozenTrial:
    """The trial of lowest error; the default where its error is the same but for rounding."""
    done = [trial for trial in study.get_trials(deepcopy=False) if trial.state == TrialState.COMPLETE]
    least = min(float(trial.value or 0.0) for trial in done)
    alike = [trial for trial in done if float(trial.value or 0.0) <= least * (1 + ROUNDING)]
    return next((trial for trial in alike if trial.user_attrs.get("default")), study.best_trial)


def _verdict(name: str, metric: str, before: float, after: float, p: float | None, same: bool) -> str:
    if same:
        return f"Tuning bought nothing: no trial was better than the default {name} before the test. Keep the default."
    gain = 1 - after / before if before else 0.0
    label = METRICS[metric].label
    scores = f"{after:.4g} for the tuned {name}, {before:.4g} for the default ({signed(-gain)})"
    found = f"On the test origins the {label} is {scores}"
    if gain <= 0:
        return f"{found}: tuning bought nothing. Keep the default."
    if p is None:
        return f"{found}; the test is too short to say whether that is chance."
    if p >= LEVEL:
        return (
            f"{found}, which could be chance (p = {p:.2f}): tuning bought nothing that can be told from luck."
        )
    return f"{found}, and that is hardly chance ({p_words(p)})."


@dataclass(frozen=True, eq=False)
class Tuned:
    """What a study found, and what it bought on the test origins, which it had not seen."""

    folder: Path | None
    spec: Spec
    study: optuna.Study
    metric: str
    default_score: float
    tuned_score: float
    p: float | None
    verdict: str
    notes: tuple[str, ...] = ()

    @property
    def params(self) -> Values:
        """What the best trial was given, as settings: of a list the study has the text."""
        return {
            name: getattr(self.spec, name, value) for name, value in best_trial(self.study).params.items()
        }

    def to_json(self) -> dict[str, Any]:
        """One object of plain numbers; missing is None."""
        states = [trial.state for trial in self.study.get_trials(deepcopy=False)]
        finite = np.isfinite(self.default_score) and self.default_score > 0
        return {
            "run": str(self.folder) if self.folder else None,
            "trials": sum(state.is_finished() and state != TrialState.FAIL for state in states),
            "pruned": states.count(TrialState.PRUNED),
            "failed": states.count(TrialState.FAIL),
            "metric": self.metric,
            "best": {
                "params": self.params,
                "value": best_trial(self.study).value,
                "spec": settings_of(self.spec),
            },
            "test": {
                "default": self.default_score,
                "tuned": self.tuned_score,
                "gain": 1 - self.tuned_score / self.default_score if finite else None,
                "p": self.p,
            },
            "verdict": self.verdict,
            "notes": list(self.notes),
        }


def searched(models: Sequence[str], space: str | None) -> dict[str, str]:
    """What a Run is told, by path, so that its models are searched in their small or full space; ForecastError where one has no such choice."""
    parts = [part for model in models if space for part in parts_of(model)]
    for part in parts:
        if is_reference(part) or "search" not in settings_of(spec(part)):
            raise ForecastError(f"--space is a choice that nets have; {part} has none. Leave --space out.")
    return {f"{part}.search": str(space) for part in parts}


def tune_run(
    plan: Run,
    *,
    trials: int = 20,
    out: str | Path | None = None,
    overwrite: bool = False,
    jobs: int = 0,
    progress: Any = None,
    heard: Heard | None = None,
) -> dict[str, Any]:
    """`tune` on a Run with one model, in a run folder, as JSON values; the best settings are left there as `tuned.toml`. heard: as in `run`."""
    if len(plan.models) != 1:
        raise ForecastError(f"One model is tuned at a time; found {', '.join(plan.models)}.")
    model, space = plan.specs()[0], plan.tune.space.get(plan.specs()[0].name)
    fixed, panel = _tunable(model, space).fixed, read_run(plan, [model], heard)
    with run_folder(plan, out, overwrite, what=f"tune-{model.name}", heard=heard) as folder:
        with (progress or silent)(folder / PARTS / PROGRESS, trials + 2 * plan.walk.folds):
            tuned = tune(
                model,
                panel,
                plan.walk,
                trials=trials,
                sampler=plan.tune.sampler,
                space=space,
                task=plan.task,
                seed=plan.seed,
                jobs=jobs,
                folder=folder,
            )
        settings = {model.name: {**plan.settings.get(model.name, {}), **fixed, **tuned.params}}
        models = DEFAULT_MODELS if model.name in DEFAULT_MODELS else (plan.models[0], *DEFAULT_MODELS)
        write_atomic(
            folder / "tuned.toml", to_toml(replace(plan, models=models, settings=settings, tune=Study()))
        )
        result = tuned.to_json()
        write_atomic(folder / "tuned.json", json.dumps(result, indent=1))
    return result
