"""A study of the settings of a classifier: tried inside the training part, then judged once on the test part."""

import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import optuna
from optuna.trial import TrialState

from forecast.data.findings import Heard, counted
from forecast.errors import ForecastError
from forecast.evaluation.backtest import Keep
from forecast.evaluation.inference import LEVEL
from forecast.files import save_json, write_atomic
from forecast.models.base import Searches
from forecast.records import to_json
from forecast.runs.folder import run_folder
from forecast.sequences.base import Classifier
from forecast.sequences.parts import inner_folds
from forecast.sequences.plan import Naming
from forecast.sequences.road import Ready, prepare
from forecast.sequences.scores import Score, ranking
from forecast.sequences.splits import Fold
from forecast.sequences.table import settings_of
from forecast.sequences.trained import train
from forecast.sequences.values import Sequences
from forecast.sequences.verdict import compare, resampled
from forecast.sequences.walking import walk
from forecast.text import p_words
from forecast.tuning.journal import JOURNAL, mend_journal, study_of

STARTUP = 5  # trials at random before the sampler learns from them


@dataclass(frozen=True)
class Tuned:
    """What a study found, and what it bought on the test part, which it had not seen.

    default_score, tuned_score: by `metric` on the test part · p: of equal metrics; None where too little was tested.
    """

    folder: Path
    model: str
    params: dict[str, Any]
    trials: int
    metric: str
    inside: float
    default_score: float
    tuned_score: float
    p: float | None
    verdict: str

    def to_json(self) -> dict[str, Any]:
        """One object of plain numbers."""
        values = {
            "run": self.folder,
            "model": self.model,
            "trials": self.trials,
            "metric": self.metric,
            "best": {"params": self.params, "value": self.inside},
            "test": {"default": self.default_score, "tuned": self.tuned_score, "p": self.p},
            "verdict": self.verdict,
        }
        found: dict[str, Any] = to_json(values)
        return found

    def __str__(self) -> str:
        settings = ", ".join(f"{name} = {value}" for name, value in self.params.items()) or "its default"
        return f"{self.verdict}\n\nThe best of {counted(self.trials, 'trial')}: {settings}.\nAs settings: {self.folder}/tuned.toml"


def tune(
    plan: Naming,
    *,
    trials: int = 20,
    out: str | Path | None = None,
    overwrite: bool = False,
    heard: Heard | None = None,
) -> Tuned:
    """Search the settings of the one model of a Naming, the first trial being its default, then compare both on the test part.

    Trials are judged on held parts of the training part of the first fold, by the metric of the Naming. The journal of the
    study is kept in the run folder, so that one that was killed goes on. Raises ForecastError where the Naming has
    several models, or the model has nothing to tune.
    """
    if len(plan.models) != 1:
        raise ForecastError(f"One model is tuned at a time; found {', '.join(plan.models) or 'none'}.")
    ready = prepare(plan, heard)
    base = ready.models[0]
    if not isinstance(base, Searches):
        raise ForecastError(
            f"{base.name} has nothing to tune: its penalty is chosen in each fit. Choose another model."
        )
    with run_folder(
        plan, out, overwrite, what=f"tune-{base.name}", heard=heard, content=plan.content()
    ) as place:
        study = _searched(place.work / JOURNAL, base, plan, ready, trials)
        tuned = _judged(place.folder, base, study, plan, ready)
        best = replace(
            plan, settings={**plan.settings, base.name: {**plan.settings.get(base.name, {}), **tuned.params}}
        )
        write_atomic(place.work / "tuned.toml", best.toml())
        save_json(place.work / "tuned.json", tuned.to_json())
    return tuned


def _searched(journal: Path, base: Classifier, plan: Naming, ready: Ready, trials: int) -> optuna.Study:
    """The study with all of its trials, those that a killed one left among them."""
    mend_journal(journal)
    study = study_of(journal)
    past = ready.sequences.part(ready.folds[0].train)
    score = ranking(plan.metric)
    sign = -1.0 if score.higher else 1.0
    if not inner_folds(past.labels, past.groups, plan.seed):
        raise ForecastError(
            "A class has too few members in the training part to try settings on. Add members."
        )
    while True:
        done = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
        if len(done) >= trials:
            return study
        study.sampler = optuna.samplers.TPESampler(seed=plan.seed + len(done), n_startup_trials=STARTUP)
        trial = study.ask()
        made = base if not done else _varied(base, trial)
        study.tell(trial, sign * _inside(made, past, score, plan.seed))


def _varied(base: Classifier, trial: optuna.Trial) -> Classifier:
    """The model with the settings that a trial suggests."""
    return cast(Classifier, cast(Searches, base).space(trial))


def _inside(model: Classifier, past: Sequences, score: Score, seed: int) -> float:
    """The score of a model on held parts of a training part; infinite where it has none."""
    shares = []
    labels = []
    for learned, held in inner_folds(past.labels, past.groups, seed):
        trained = train(model, past.part(learned), seed=seed)
        shares.append(trained.shares(past.part(held)))
        labels.append(past.labels[held])
    truth = np.concatenate(labels)
    found = score.of(np.concatenate(shares), truth, np.ones(len(truth)))
    return found if math.isfinite(found) else math.inf


def _judged(folder: Path, base: Classifier, study: optuna.Study, plan: Naming, ready: Ready) -> Tuned:
    """The best trial next to the default, on the test part of the first fold."""
    score = ranking(plan.metric)
    trial = study.best_trial
    params = dict(trial.params)
    best = _varied(base, cast(Any, optuna.trial.FixedTrial(params))) if params else base
    inside = -float(trial.value or 0.0) if score.higher else float(trial.value or 0.0)
    fold: list[Fold] = ready.folds[:1]
    same = settings_of(best) == settings_of(base)
    named = cast(Classifier, replace(cast(Any, best), name=f"{base.name}-tuned"))
    models = [base] if same else [base, named]
    tested = walk(models, ready.sequences, fold, seed=plan.seed, jobs=1, keep=Keep()).tested
    drawn = resampled(tested, score, plan.seed)
    before = drawn.whole[base.name]
    if same:
        verdict = f"No trial was better than the default of {base.name} inside the training part."
        return Tuned(folder, base.name, {}, _count(study), plan.metric, inside, before, before, None, verdict)
    after = drawn.whole[named.name]
    found = compare(drawn, named.name, base.name, score)
    verdict = f"{base.name}: {score.label} {after:.4f} on the test part, {before:.4f} with its default"
    chance = found.p is None or found.p >= LEVEL
    words = "" if found.p is None else f" ({p_words(found.p)})"
    verdict += f"; that could be chance{words}." if chance else f"{words}."
    return Tuned(
        folder, base.name, params, _count(study), plan.metric, inside, before, after, found.p, verdict
    )


def _count(study: optuna.Study) -> int:
    """How many trials came to an end."""
    return len(study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,)))
