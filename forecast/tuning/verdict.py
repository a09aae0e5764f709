"""What a study found, and what that buys on the test origins, which it had not seen."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import optuna
from optuna.trial import TrialState

from forecast.data.findings import counted
from forecast.data.panel import Panel
from forecast.errors import ForecastError
from forecast.evaluation.backtest import Keep, backtest
from forecast.evaluation.calibration import calibrate
from forecast.evaluation.folds import WalkForward
from forecast.evaluation.inference import LEVEL
from forecast.evaluation.leaderboard import ROUNDING, leaderboard
from forecast.evaluation.metrics import METRICS
from forecast.models import settings_of
from forecast.models.base import Spec
from forecast.task import Task
from forecast.text import p_words, signed
from forecast.tuning.space import Space, Values


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
