"""The whole road, from a file to a verdict: run, backtest, compare, audit."""

import dataclasses
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from forecast.data.findings import Heard
from forecast.data.panel import Panel
from forecast.errors import ForecastError
from forecast.evaluation.ablation import ablations, bought
from forecast.evaluation.audit import Audit, audit
from forecast.evaluation.backtest import Part, start_of
from forecast.evaluation.folds import walk_forward
from forecast.files import (
    load_json,
)
from forecast.fitting import Fitted, check_ahead, fit
from forecast.models import changed, spec_of
from forecast.models.base import Spec, reads_of
from forecast.models.own import split_path
from forecast.replacing import settle
from forecast.results import Calibration
from forecast.runs.checks import read_run
from forecast.runs.files import write_files
from forecast.runs.folder import PARTS, PROGRESS, choose, identity, is_of, run_folder
from forecast.runs.keeping import FolderKeep, silent, workers
from forecast.runs.plan import Run, make_run, refuse_modelless
from forecast.runs.result import Result, plain_number
from forecast.runs.walking import calibrated, market_rows, ranked, unasked, walk_and_rank, walked
from forecast.saving import load, load_context, save, save_context


def run(
    data: str | Path | Run,
    *,
    out: str | Path | None = None,
    overwrite: bool = False,
    jobs: int = 0,
    progress: Any = None,
    heard: Heard | None = None,
    specs: Sequence[Any] = (),
    **settings: Any,
) -> Result:
    """From a file to a verdict, a fitted winner and a report, in a run folder: what `forecast fit` calls.

    Settings are those of Run, or by dotted path in a dict `set={"gru.units": 128}`. The same call goes on with a run that was cut off, and
    gives back one that is finished. jobs: fits side by side, 0 = one a core. progress: a context manager factory as in `show.progress`. heard:
    told what was found in the file, before anything is fitted. specs: classes of your own that the models name.
    """
    plan = (
        data
        if isinstance(data, Run)
        else make_run(str(data), overrides={**settings.pop("set", {}), **settings}, specs=specs)
    )
    named = plan.specs()
    panel = read_run(plan, named, heard)
    list(walk_forward(panel, plan.walk))  # too short a file is refused before a folder is made
    if any("future" in reads_of(one) for one in named):
        check_ahead(
            panel, panel.ends(), plan.walk.ahead(panel.clock)
        )  # and one that cannot be forecast from before anything is fitted
    specs = [*named, *unasked(plan, named, panel)]
    with run_folder(plan, out, overwrite, heard=heard) as place:
        work = place.work
        resumed = (work / "run.json").exists()
        keep = FolderKeep(work / PARTS, work / PARTS / PROGRESS)
        keep.folder.mkdir(exist_ok=True)
        with (progress or silent)(keep.tell, len(specs) * plan.walk.folds + 1), workers():
            outcomes, calibrations = calibrated(walked(plan, specs, panel, jobs, keep), named)
            board = ranked(plan, outcomes, plan.baseline, named)
            shown = {row.model for row in board.rows}
            outcomes = [outcome for outcome in outcomes if outcome.forecast.model in shown]
            chosen = next(one for one in specs if one.name == board.best)
            calibration = calibrations.get(board.best)
            fitted = _final(work, plan, chosen, panel, board.horizon, calibration, keep, jobs)
        context = work / "context.parquet"
        forecast = fitted.predict(
            load_context(fitted, context) if context.exists() else save_context(fitted, panel, context)
        )
        market = market_rows(plan, outcomes)
        result = Result(place.folder, panel, board, outcomes, fitted, forecast, resumed, market)
        if not resumed:
            write_files(result, plan, work)
    return result


def finished(plan: Run, out: str | Path | None = None) -> dict[str, Any] | None:
    """The result of a run that is there already, as `Result.to_json` gave it; None where it is not, or not finished."""
    if not Path(plan.data).is_file():
        return None  # reading it says why
    wanted = {"what": "fit", **identity(plan)}
    folder = choose(Path(plan.data), wanted, None if out is None else Path(out), overwrite=True)
    settle(folder)
    manifest = folder / "run.json"
    if not is_of(folder, wanted) or not manifest.exists():
        return None
    return load_json(manifest)["result"]


def _final(
    folder: Path,
    plan: Run,
    chosen: Spec,
    panel: Panel,
    horizon: int,
    calibration: Calibration | None,
    keep: FolderKeep,
    jobs: int,
) -> Fitted:
    """The winner fitted on all data, with the intervals that the walk taught, from its file where it is there.

    With warm refits it goes on from the last fold: it is the next of the fits that the walk judged.
    """
    path = folder / "model.safetensors"
    if path.exists():
        return load(path, specs=plan.own)
    part: Part = (chosen.name, -1)
    last = keep.load((chosen.name, plan.walk.folds - 1)) if plan.walk.refit == "warm" else None
    fitted = fit(
        chosen,
        plan.walk.past(panel),
        replace(plan.task, horizon=horizon),
        seed=plan.seed,
        jobs=jobs,
        watch=keep.watch(part),
        start=start_of(last[0]) if last else None,
    )
    fitted = _calibrated(fitted, calibration)
    save(fitted, path)
    keep.done(part, fitted.log.seconds)
    return fitted


def _calibrated(fitted: Fitted, calibration: Calibration | None) -> Fitted:
    """A fitted model with the intervals that the walk taught; its log says which steps have another kind of interval than a calibrated one."""
    if calibration is None:
        return fitted
    notes = (*fitted.log.notes, *(f"intervals: {note}" for note in calibration.notes))
    return replace(fitted, calibration=calibration, log=replace(fitted.log, notes=notes))


def backtest_run(
    plan: Run, *, jobs: int = 0, progress: Any = None, heard: Heard | None = None
) -> dict[str, Any]:
    """The walk and the leaderboard of a run as JSON values, without a folder: what `forecast backtest` prints."""
    named = plan.specs()
    panel = read_run(plan, named, heard)
    specs = [*named, *unasked(plan, named, panel)]
    return walk_and_rank(plan, specs, panel, plan.baseline, jobs, progress, named)[1]


def compare_run(
    plan: Run,
    tries: Sequence[tuple[str, Any]] = (),
    *,
    ablate: str | None = None,
    jobs: int = 0,
    progress: Any = None,
    heard: Heard | None = None,
) -> dict[str, Any]:
    """Changes of one model, each alone, against the model without it, on the same folds and with the same seed.

    tries: changes of a setting, `[("gru.layers", 2), ("gru.init", "he")]` · ablate: the model's name; it is run without each column, and
    `ablation` says what each bought. The leaderboard as JSON values, with the unchanged model as baseline: what `forecast compare` prints.
    """
    models = changed_models(tries, ablate)
    if len(models) != 1:
        found = ", ".join(models) or "none"
        raise ForecastError(
            f"Changes of one model are compared at a time; found {found}. Give --try gru.layers=2 or --ablate gru, and more of gru."
        )
    base = spec_of(models[0], plan.settings, plan.own)
    tried: list[Spec] = []
    for path, value in tries:
        setting = split_path(path)[1]
        one: Any = changed(base, setting, value)
        if one == base:
            raise ForecastError(
                f"{path} = {value} is what {base.name} has already: there is nothing to compare."
            )
        tried.append(dataclasses.replace(one, name=f"{setting}={value}"))
    panel = read_run(plan, [base], heard)
    if ablate:
        tried += ablations(base, panel)
    board, values = walk_and_rank(plan, [base, *tried], panel, base.name, jobs, progress)
    return (
        {**values, "ablation": [plain_number(dataclasses.asdict(row)) for row in bought(board)]}
        if ablate
        else values
    )


def changed_models(tries: Sequence[tuple[str, Any]], ablate: str | None) -> list[str]:
    """The models that changes are of, each once; ForecastError where one names none."""
    for path, value in tries:
        if not split_path(path)[1]:
            refuse_modelless({path: value})
            raise ForecastError(f"--try takes a model's setting, such as gru.layers=2; found {path}={value}.")
    models = [split_path(path)[0] for path, _ in tries]
    if ablate:
        models.insert(0, ablate)
    return list(dict.fromkeys(models))


def audit_run(plan: Run, *, heard: Heard | None = None) -> Audit:
    """The audit of a run's file and models: what `forecast audit` prints. heard: as in `run`."""
    specs = plan.specs()
    return audit(specs, read_run(plan, specs, heard), plan.walk, plan.task, seed=plan.seed)
