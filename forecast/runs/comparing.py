"""Changes of one model against the model without them."""

import dataclasses
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from forecast.data.findings import Heard
from forecast.errors import ForecastError
from forecast.evaluation.ablation import ablations, bought
from forecast.models import changed, spec_of
from forecast.models.base import Spec
from forecast.models.own import split_path
from forecast.runs.checks import read_run
from forecast.runs.plan import Run, refuse_modelless
from forecast.runs.result import Walked
from forecast.runs.walking import Entrants, walk_alone

Change = tuple[str, Any]  # the path of a setting and its value


def compare_run(
    plan: Run,
    tries: Sequence[Change] = (),
    *,
    ablate: str | None = None,
    jobs: int = 0,
    progress: Any = None,
    heard: Heard | None = None,
) -> Walked:
    """Changes of one model, each alone, against the model without it, on the same folds and with the same seed.

    tries: changes of a setting, `[("gru.layers", 2), ("gru.init", "he")]` · ablate: the model's name; it is run without
    each column, and `ablation` says what each bought. The unchanged model is the baseline of the leaderboard. What
    `forecast compare` prints.
    """
    base = spec_of(_one_model(tries, ablate), plan.settings, plan.own)
    specs = [base, *(_changed(base, path, value) for path, value in tries)]
    panel, _ = read_run(plan, [base], heard)
    if ablate:
        specs += ablations(base, panel)
    walked = walk_alone(plan, Entrants(tuple(specs)), panel, base.name, jobs, progress)
    if not ablate:
        return walked
    return replace(walked, ablation=tuple(bought(walked.board)))


def _one_model(tries: Sequence[Change], ablate: str | None) -> str:
    """The model that all changes are of; ForecastError where they are of none, or of several."""
    models = changed_models(tries, ablate)
    if len(models) == 1:
        return models[0]
    found = ", ".join(models) or "none"
    raise ForecastError(
        f"Changes of one model are compared at a time; found {found}. Give `tries=gru.layers=2` or `ablate=gru`, and more"
        f" of gru."
    )


def _changed(base: Spec, path: str, value: Any) -> Spec:
    """The model with one setting changed, named by the change; ForecastError where that changes nothing."""
    setting = split_path(path)[1]
    other: Any = changed(base, setting, value)
    if other == base:
        raise ForecastError(f"{path} = {value} is what {base.name} has already: there is nothing to compare.")
    named: Spec = dataclasses.replace(other, name=f"{setting}={value}")
    return named


def changed_models(tries: Sequence[Change], ablate: str | None) -> list[str]:
    """The models that changes are of, each once; ForecastError where a change names none."""
    models = [ablate] if ablate else []
    for path, value in tries:
        if not split_path(path)[1]:
            refuse_modelless({path: value})
            raise ForecastError(
                f"`tries` takes a model's setting, such as gru.layers=2; found {path}={value}."
            )
        models.append(split_path(path)[0])
    return list(dict.fromkeys(models))
