"""Trials that are stopped early: what a fit reports to its trial, and when that ends."""

from dataclasses import dataclass

import numpy as np
import optuna
from optuna.trial import FrozenTrial, TrialState

from forecast.evaluation.backtest import Keep, Part
from forecast.models.base import LOOKS, Stop, Watch

STARTUP = 3  # trials that are never pruned


class LookPruner(optuna.pruners.BasePruner):
    """Prunes a trial whose validation loss at a look is above the median of the finished trials at that look of that fold.

    Optuna's median pruner compares the *best* value so far; here looks of several folds share one axis of steps, and only
    like is compared with like.
    """

    def prune(self, study: optuna.Study, trial: FrozenTrial) -> bool:
        """Whether the last reported value is worse than the median there."""
        step = trial.last_step
        if step is None:
            return False
        done = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
        values = [other.intermediate_values[step] for other in done if step in other.intermediate_values]
        return len(values) >= STARTUP and trial.intermediate_values[step] > float(np.median(values))


def report_look(trial: optuna.Trial, step: int, value: float) -> None:
    """Report a value once, and stop where the study's pruner says so.

    A trial that goes on after a kill repeats its first looks.
    """
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
        report_look(self.trial, self.fold * (LOOKS + 1) + len(self.looks), value)

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
