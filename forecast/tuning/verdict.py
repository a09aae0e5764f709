"""What a study found, and what that buys on the test origins, which it had not seen."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import optuna
from optuna.trial import FrozenTrial, TrialState

from forecast.data.findings import counted
from forecast.data.panel import Panel
from forecast.errors import ForecastError
from forecast.evaluation.backtest import Keep, backtest
from forecast.evaluation.calibration import calibrate
from forecast.evaluation.folds import WalkForward
from forecast.evaluation.inference import LEVEL
from forecast.evaluation.leaderboard import ROUNDING, Leaderboard, leaderboard
from forecast.evaluation.metrics import METRICS
from forecast.models import settings_of
from forecast.models.base import Spec
from forecast.records import to_json
from forecast.task import Task
from forecast.text import p_words, signed
from forecast.tuning.space import Space, Values


@dataclass(frozen=True, eq=False)
class Tuned:
    """What a study found, and what it bought on the test origins, which it had not seen.

    default_score, tuned_score: by `metric` on the test origins · p: of equal accuracy; None where the test is too short.
    """

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
        asked = best_trial(self.study).params
        return {name: getattr(self.spec, name, value) for name, value in asked.items()}

    @property
    def states(self) -> list[TrialState]:
        """How each trial ended."""
        return [trial.state for trial in self.study.get_trials(deepcopy=False)]

    @property
    def trials(self) -> int:
        """How many trials came to an end."""
        return sum(state.is_finished() and state != TrialState.FAIL for state in self.states)

    @property
    def gain(self) -> float | None:
        """How much lower the score is than that of the default, as a share; None where that is 0 or has no score."""
        if not np.isfinite(self.default_score) or self.default_score <= 0:
            return None
        return 1 - self.tuned_score / self.default_score

    def to_json(self) -> dict[str, Any]:
        """One object of plain numbers; missing is None."""
        best = {"params": self.params, "value": best_trial(self.study).value, "spec": settings_of(self.spec)}
        test = {"default": self.default_score, "tuned": self.tuned_score, "gain": self.gain, "p": self.p}
        values = {
            "run": str(self.folder) if self.folder else None,
            "trials": self.trials,
            "pruned": self.states.count(TrialState.PRUNED),
            "failed": self.states.count(TrialState.FAIL),
            "metric": self.metric,
            "best": best,
            "test": test,
            "verdict": self.verdict,
            "notes": self.notes,
        }
        found: dict[str, Any] = to_json(values)
        return found

    def __str__(self) -> str:
        pruned, failed = self.states.count(TrialState.PRUNED), self.states.count(TrialState.FAIL)
        tried = f"{counted(self.trials, 'trial')}, {pruned} pruned, {failed} failed"
        score = f"{METRICS[self.metric].label} {best_trial(self.study).value:.4g}"
        params = ", ".join(_setting(name, value) for name, value in self.params.items())
        lines = [f"{tried}; best before the test: {score}", f"  {params}", *self.notes, "", self.verdict]
        return "\n".join(lines)


def _setting(name: str, value: Any) -> str:
    """One setting as text."""
    return f"{name} {value:.4g}" if isinstance(value, float) else f"{name} {value}"


def judge(
    folder: Path,
    tried: Space,
    study: optuna.Study,
    panel: Panel,
    walk: WalkForward,
    task: Task,
    seed: int,
    jobs: int,
    keep: Keep,
) -> Tuned:
    """Default and best on the test origins, and what that says."""
    base = tried.base
    _refuse_unfinished(base, study.get_trials(deepcopy=False))
    won = best_trial(study)
    best = tried.candidate(optuna.trial.FixedTrial(won.params))
    models = [base]
    if not won.user_attrs.get("default"):
        models.append(replace(best, name=f"{base.name}-tuned"))  # type: ignore[type-var]
    outcomes = list(backtest(models, panel, walk, task, seed=seed, jobs=jobs, keep=keep))
    if task.levels:
        outcomes, _ = calibrate(outcomes)
    board = leaderboard(outcomes, base.name)
    before, _ = _scored(board, base.name)
    after, p = _scored(board, models[-1].name)
    verdict = _verdict(base.name, board.metric, before, after, p, same=len(models) == 1)
    return Tuned(folder, best, study, board.metric, before, after, p, verdict)


def _scored(board: Leaderboard, model: str) -> tuple[float, float | None]:
    """The score of a model of a leaderboard, and its p."""
    row = next(row for row in board.rows if row.model == model)
    return row.scores[board.metric], row.p


def _refuse_unfinished(base: Spec, trials: Sequence[FrozenTrial]) -> None:
    """ForecastError where no trial came to an end, with the first reason."""
    if any(trial.state == TrialState.COMPLETE for trial in trials):
        return
    reason = ""
    for trial in trials:
        if "error" in trial.user_attrs:
            reason = f" Trial {trial.number}: {trial.user_attrs['error']}"
            break
    raise ForecastError(
        f"None of {counted(len(trials), 'trial')} of {base.name} came to an end, so there is nothing to compare.{reason}"
    )


def best_trial(study: optuna.Study) -> FrozenTrial:
    """The trial of lowest error; the default where its error is the same but for rounding."""
    done = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    least = min(float(trial.value or 0.0) for trial in done)
    for trial in done:
        alike = float(trial.value or 0.0) <= least * (1 + ROUNDING)
        if alike and trial.user_attrs.get("default"):
            return trial
    return study.best_trial


def _verdict(name: str, metric: str, before: float, after: float, p: float | None, same: bool) -> str:
    """What the scores of the default and of the best trial on the test origins say."""
    if same:
        return f"Tuning bought nothing: no trial was better than the default {name} before the test. Keep the default."
    gain = 1 - after / before if before else 0.0
    scores = f"{after:.4g} for the tuned {name}, {before:.4g} for the default ({signed(-gain)})"
    found = f"On the test origins the {METRICS[metric].label} is {scores}"
    if gain <= 0:
        return f"{found}: tuning bought nothing. Keep the default."
    if p is None:
        return f"{found}; the test is too short to say whether that is chance."
    if p < LEVEL:
        return f"{found}, and that is hardly chance ({p_words(p)})."
    return f"{found}, which could be chance (p = {p:.2f}): tuning bought nothing that can be told from luck."
