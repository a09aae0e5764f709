"""A Run with one model, tuned in a run folder: what `forecast tune` calls."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from forecast.data.events import condition_of
from forecast.data.findings import Heard, Report
from forecast.errors import ForecastError
from forecast.files import save_json, write_atomic
from forecast.models import parts_of, settings_of, spec
from forecast.models.base import Spec
from forecast.models.own import is_reference
from forecast.runs.checks import read_run, say_changed
from forecast.runs.folder import PARTS, PROGRESS, run_folder
from forecast.runs.keeping import silent
from forecast.runs.plan import DEFAULT_MODELS, Run, Study, event_models, to_toml
from forecast.tuning.journal import JOURNAL, study_of
from forecast.tuning.objective import tunable
from forecast.tuning.study import tune
from forecast.tuning.verdict import Tuned


def searched(models: Sequence[str], space: str | None) -> dict[str, str]:
    """The settings, by path, with which the models of a Run are searched in their small or full space.

    Raises ForecastError where one has no such choice.
    """
    if not space:
        return {}
    found: dict[str, str] = {}
    for model in models:
        for part in parts_of(model):
            if is_reference(part) or "search" not in settings_of(spec(part)):
                raise ForecastError(
                    f"`space` is a choice that nets have; {part} has none. Leave `space` out."
                )
            found[f"{part}.search"] = space
    return found


def tune_run(
    plan: Run,
    *,
    trials: int = 20,
    out: str | Path | None = None,
    overwrite: bool = False,
    jobs: int = 0,
    progress: Any = None,
    heard: Heard | None = None,
) -> Tuned:
    """`tune` on a Run with one model, in a run folder; the best settings are left there as `tuned.toml`.

    heard: as in `run`. Raises ForecastError where the Run has several models, or the model has nothing to tune.
    """
    if len(plan.models) != 1:
        raise ForecastError(f"One model is tuned at a time; found {', '.join(plan.models)}.")
    model = plan.specs()[0]
    space = plan.tune.space.get(model.name)
    fixed = tunable(model, space).fixed
    panel, content = read_run(plan, [model], heard)
    kind = f"tune-{model.name}"
    with run_folder(plan, out, overwrite, what=kind, heard=heard, content=content) as place:
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
        best = _with_settings(plan, model, {**fixed, **tuned.params})
        write_atomic(work / "tuned.toml", to_toml(best))
        tuned = replace(tuned, folder=place.folder)
        save_json(work / "tuned.json", tuned.to_json())
        report = Report()
        say_changed(plan, content, report)
        if heard is not None and report.findings:
            heard(report.findings)
    return replace(tuned, study=study_of(place.folder / JOURNAL))  # its journal may have moved


def _with_settings(plan: Run, model: Spec, found: dict[str, Any]) -> Run:
    """The Run in which a model has the settings that were found, next to the models that a run has by default."""
    usual: tuple[str, ...] = DEFAULT_MODELS
    if plan.reading.event is not None:
        usual = event_models(condition_of(plan.reading.event), plan.price)
    models = usual if model.name in usual else (plan.models[0], *usual)
    own = {**plan.settings.get(model.name, {}), **found}
    return replace(plan, models=models, settings={model.name: own}, tune=Study())
