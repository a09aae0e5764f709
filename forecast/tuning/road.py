"""A Run with one model, tuned in a run folder: what `forecast tune` calls."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from forecast.data.findings import Heard
from forecast.errors import ForecastError
from forecast.files import save_json, write_atomic
from forecast.models import parts_of, settings_of, spec
from forecast.models.own import is_reference
from forecast.runs.checks import read_run
from forecast.runs.folder import PARTS, PROGRESS, run_folder
from forecast.runs.keeping import silent
from forecast.runs.plan import DEFAULT_MODELS, Run, Study, to_toml
from forecast.tuning.objective import tunable
from forecast.tuning.study import tune


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
    fixed, panel = tunable(model, space).fixed, read_run(plan, [model], heard)
    with run_folder(plan, out, overwrite, what=f"tune-{model.name}", heard=heard) as place:
        work = place.work
        with (progress or silent)(work / PARTS / PROGRESS, trials + 2 * plan.walk.folds):
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
                folder=work,
            )
        settings = {model.name: {**plan.settings.get(model.name, {}), **fixed, **tuned.params}}
        models = DEFAULT_MODELS if model.name in DEFAULT_MODELS else (plan.models[0], *DEFAULT_MODELS)
        write_atomic(
            work / "tuned.toml", to_toml(replace(plan, models=models, settings=settings, tune=Study()))
        )
        result = replace(tuned, folder=place.folder).to_json()
        save_json(work / "tuned.json", result)
    return result
