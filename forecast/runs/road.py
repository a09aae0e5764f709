"""The whole road, from a file to a verdict, a fitted winner and its forecast in a run folder."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from forecast.data.findings import Heard, Report
from forecast.data.panel import Panel
from forecast.errors import ForecastError
from forecast.evaluation.audit import Audit, audit
from forecast.evaluation.backtest import Part, start_of
from forecast.evaluation.folds import walk_forward
from forecast.fitting import Fitted, check_ahead, fit
from forecast.models.base import Spec, reads_of
from forecast.results import Calibration, Forecast, Outcome, Taught
from forecast.runs.checks import read_with_models, say_changed
from forecast.runs.files import Manifest, device_of, load_forecast, load_manifest, write_files
from forecast.runs.folder import FORECAST, MANIFEST, PARTS, PROGRESS, folder_of, run_folder
from forecast.runs.keeping import FinishedKeep, FolderKeep, silent, workers
from forecast.runs.plan import Run, make_run
from forecast.runs.result import Made, Result, Walked
from forecast.runs.walking import (
    Entrants,
    entrants_of,
    outcomes_of,
    ranked,
    shown,
    walk_alone,
    walked_of,
)
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

    Settings are those of Run, or by dotted path in a dict `set={"gru.units": 128}`. The same call goes on with a run that
    was cut off, and gives back one that is finished. jobs: fits side by side, 0 = one a core. progress: a context manager
    factory as in `show.progress`. heard: is given what was found in the file, before anything is fitted. specs: classes of
    your own that the models name.
    """
    plan = data if isinstance(data, Run) else _plan_of(str(data), settings, specs)
    there = None if overwrite else finished(plan, out)
    if there is not None:
        if heard is not None:
            heard(there.findings)
        return there
    panel, named, content = read_with_models(plan, heard)
    _refuse_too_short(plan, named, panel)
    entrants = entrants_of(plan, named, panel)
    with run_folder(plan, out, overwrite, heard=heard, content=content) as place:
        work = place.work
        if (work / MANIFEST).exists():  # another process has finished it meanwhile
            return stored(plan, work)
        made, walked = _make(work, plan, entrants, panel, jobs, progress)
        walked = _with_change(plan, content, walked, heard)
        calibration = made.fitted.calibration
        result = Result(
            folder=place.folder,
            walked=walked,
            forecast=_forecast(work, made),
            intervals=calibration.notes if isinstance(calibration, Calibration) else (),
            resumed=False,
            parts=made,
        )
        write_files(result, plan, content, device_of(entrants.specs), work)
    return result


def _plan_of(data: str, settings: dict[str, Any], specs: Sequence[Any]) -> Run:
    """The Run of a file and keywords; those in `set` are named by path."""
    by_path = settings.pop("set", {})
    return make_run(data, overrides={**by_path, **settings}, specs=specs)


def _refuse_too_short(plan: Run, named: list[Spec], panel: Panel) -> None:
    """ForecastError where a file is too short for the walk, or cannot be forecast from, before a folder is made."""
    list(walk_forward(panel, plan.walk))
    if any("future" in reads_of(one) for one in named):
        check_ahead(panel, panel.ends(), plan.walk.ahead(panel.clock))


def _make(
    folder: Path, plan: Run, entrants: Entrants, panel: Panel, jobs: int, progress: Any
) -> tuple[Made, Walked]:
    """Walk the models through the panel, and fit the best on all data."""
    keep = FolderKeep(folder / PARTS, folder / PARTS / PROGRESS)
    keep.folder.mkdir(exist_ok=True)
    fits = len(entrants.specs) * plan.walk.folds + 1
    with (progress or silent)(keep.tell, fits), workers():
        outcomes, calibrations = outcomes_of(plan, entrants, panel, jobs, keep)
        board = ranked(outcomes, entrants, plan.baseline)
        chosen = next(one for one in entrants.specs if one.name == board.best)
        transform = outcomes[0].truth.task.transform
        settled = replace(plan, task=replace(plan.task, horizon=board.horizon, transform=transform))
        fitted = _final(folder, settled, chosen, panel, calibrations.get(board.best), keep, jobs)
    outcomes = shown(outcomes, board)
    return Made(panel, outcomes, fitted), walked_of(plan, panel, board, outcomes)


def _final(
    folder: Path,
    plan: Run,
    chosen: Spec,
    panel: Panel,
    calibration: Taught | None,
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
        plan.task,
        seed=plan.seed,
        jobs=jobs,
        watch=keep.watch(part),
        start=start_of(last[0]) if last else None,
    )
    fitted = _calibrated(fitted, calibration)
    save(fitted, path)
    keep.done(part, fitted.log.seconds)
    return fitted


def _calibrated(fitted: Fitted, calibration: Taught | None) -> Fitted:
    """A fitted model with the intervals that the walk taught.

    Its log says which steps have another kind of interval than a calibrated one.
    """
    if calibration is None:
        return fitted
    what = "intervals" if isinstance(calibration, Calibration) else "shares"
    notes = (*fitted.log.notes, *(f"{what}: {note}" for note in calibration.notes))
    return replace(fitted.calibrated(calibration), log=replace(fitted.log, notes=notes))


def _forecast(folder: Path, made: Made) -> Forecast:
    """The forecast of the winner from the rows that the run stores, as every later one is made."""
    path = folder / "context.parquet"
    if path.exists():
        return made.fitted.predict(load_context(made.fitted, path))
    return made.fitted.predict(save_context(made.fitted, made.panel, path))


def _with_change(plan: Run, content: str, walked: Walked, heard: Heard | None) -> Walked:
    """What a walk gave; where the data was changed since it was read, its findings say so, and `heard` is given it."""
    report = Report()
    say_changed(plan, content, report)
    if not report.findings:
        return walked
    if heard is not None:
        heard(report.findings)
    findings = (*walked.data.findings, *report.findings)
    return replace(walked, data=replace(walked.data, findings=findings))


def finished(plan: Run, out: str | Path | None = None) -> Result | None:
    """The result of a run that is there already; None where it is not, or not finished."""
    if not Path(plan.data).exists():
        return None  # reading it says why
    folder, same = folder_of(plan, out)
    if not same or not (folder / MANIFEST).exists():
        return None
    return stored(plan, folder)


def stored(plan: Run, folder: Path) -> Result:
    """The result of a finished run."""
    manifest = load_manifest(folder)
    return Result(
        folder=folder,
        walked=manifest.walked,
        forecast=load_forecast(folder / FORECAST),
        intervals=manifest.intervals,
        resumed=True,
        parts=_Stored(plan, folder, manifest),
    )


@dataclass(frozen=True, eq=False)
class _Stored:
    """The parts of a finished run, each read when it is first asked for. Nothing is fitted, and nothing written."""

    plan: Run
    folder: Path
    manifest: Manifest

    @cached_property
    def panel(self) -> Panel:
        """The file as a panel."""
        panel, _, content = read_with_models(self.plan)
        if content != self.manifest.data_sha256:
            raise ForecastError(f"{self.plan.data} is no longer the file that {self.folder} was made from.")
        return panel

    @cached_property
    def outcomes(self) -> list[Outcome]:
        """Every forecast of the walk, of the models of the leaderboard."""
        entrants = entrants_of(self.plan, self.plan.suited_to(self.panel).specs(), self.panel)
        keep = FinishedKeep(self.folder / PARTS, self.folder / PARTS / PROGRESS)
        outcomes, _ = outcomes_of(self.plan, entrants, self.panel, 1, keep)
        return shown(outcomes, self.manifest.walked.board)

    @cached_property
    def fitted(self) -> Fitted:
        """The winner, fitted on all data."""
        return load(self.folder, specs=self.plan.own)


def backtest_run(plan: Run, *, jobs: int = 0, progress: Any = None, heard: Heard | None = None) -> Walked:
    """The walk and the leaderboard of a run, without a folder: what `forecast backtest` prints."""
    panel, named, _ = read_with_models(plan, heard)
    return walk_alone(plan, entrants_of(plan, named, panel), panel, plan.baseline, jobs, progress)


def audit_run(plan: Run, *, heard: Heard | None = None) -> Audit:
    """The audit of a run's file and models: what `forecast audit` prints. heard: as in `run`."""
    panel, specs, _ = read_with_models(plan, heard)
    return audit(specs, panel, plan.walk, plan.task, seed=plan.seed)
