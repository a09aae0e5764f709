"""A run's model fitted again on the rows that came since, judged against the one in use, and put in its place if it is better."""

import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from forecast.arrays import Array, mean_observed
from forecast.data.categories import recoded
from forecast.data.findings import Heard, counted
from forecast.data.panel import Panel, make_panel
from forecast.errors import ForecastError
from forecast.evaluation.folds import Fold, WalkForward, walk_forward
from forecast.evaluation.metrics import METRICS
from forecast.files import load_json, locked, save_frame, save_json, sha256, sweep
from forecast.fitting import Fitted, actual_values, fit
from forecast.models.base import Refits
from forecast.reading.door import read
from forecast.replacing import REFIT, conclude, exchange
from forecast.results import Outcome, Truth
from forecast.runs.daily import _fitted
from forecast.runs.files import load_manifest
from forecast.runs.fits import JUDGED, MODEL, RECORD, fit_folder, fit_records, present_fit
from forecast.runs.plan import Run, make_run
from forecast.runs.revised import REVISIONS, ROWS, kept_revisions
from forecast.saving import KEPT, join, load_context, on_clock, save, save_context, save_rows

WAYS = ("warm", "cold", "better")
CONTEXT, MANIFEST = "context.parquet", "run.json"


@dataclass(frozen=True)
class Refit:
    """What a refit came to.

    number: of the fit in the history of the run · how: warm or cold, the way that was judged best · taken: whether the
    new model answers now · losses: of each way, by the metric of the run, on the rows it was judged on; empty where
    they were too few · before: that of the model in use · origins: forecasts that each was judged on · begin, end: of
    the rows that were new · rows: how many were new · fitted_on: where the rows came from.
    """

    folder: Path
    number: int
    how: str
    taken: bool
    metric: str
    losses: dict[str, float]
    before: float
    origins: int
    begin: str
    end: str
    rows: int
    fitted_on: dict[str, Any]
    notes: tuple[str, ...] = ()

    @property
    def better(self) -> bool:
        """Whether the new model is better on the rows since the last fit."""
        return bool(self.losses) and self.losses[self.how] < self.before

    @property
    def verdict(self) -> str:
        """By how much it is better or worse, and which model answers now, in sentences."""
        kept = "The model in use stays; `take` takes the new one all the same."
        if not self.losses:
            few = f"{counted(self.rows, 'row')} since the last fit are too few to judge a new model"
            return f"{few}. {'It is taken all the same.' if self.taken else kept}"
        label = METRICS[self.metric].label
        new = self.losses[self.how]
        change = 100 * abs(new / self.before - 1) if self.before else np.nan
        side = "better" if self.better else "worse"
        said = (
            f"Fitted again ({self.how}), the model is {change:.1f} % {side} than the one in use: {label} {new:.4g} against"
            f" {self.before:.4g} in {counted(self.origins, 'forecast')} of the rows since the last fit"
        )
        if new == self.before:
            said = (
                f"Fitted again ({self.how}), the model is as good as the one in use: {label} {new:.4g} in"
                f" {counted(self.origins, 'forecast')} of the rows since the last fit"
            )
        if self.taken and self.better:
            return f"{said}. It is taken."
        return f"{said}. {'It is taken all the same.' if self.taken else kept}"

    def to_json(self) -> dict[str, Any]:
        """One object of plain numbers; missing is None."""
        values = {**asdict(self), "run": str(self.folder), "notes": list(self.notes), "verdict": self.verdict}
        del values["folder"]
        values["losses"] = {way: _plain(loss) for way, loss in self.losses.items()}
        return {**values, "before": _plain(self.before), "better": self.better}

    def __str__(self) -> str:
        others = [f"{way} {loss:.4g}" for way, loss in self.losses.items() if way != self.how]
        lines = [*self.notes, *(f"Also judged: {one}." for one in others)]
        return "\n".join([*lines, self.verdict])


@dataclass(frozen=True, eq=False)
class Rows:
    """The rows that a refit is made on, and what is said of them.

    only_warm: whether the rows of the first fit are not among them.
    """

    panel: Panel
    fitted_on: dict[str, Any]
    only_warm: bool = False
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Judged:
    """A model fitted without the last rows, and its forecasts of them."""

    fitted: Fitted
    outcome: Outcome
    loss: float


def refit_run(
    folder: str | Path,
    source: "str | Path | pd.DataFrame | None" = None,
    *,
    how: str = "better",
    take: bool = False,
    jobs: int = 0,
    heard: Heard | None = None,
    specs: Sequence[Any] = (),
) -> Refit:
    """Fit a run's model again, judge it on the rows since the last fit, and put it in the place of the one in use if it is better.

    source: the file to fit on; None = the file of the run, which must not have changed, and the kept rows after it.
    Where that file is no longer there, the stored model goes on from the kept rows alone (warm).
    how: warm (a net goes on from its weights), cold (fitted from nothing), or the better one of both.
    take: take the new model whatever the verdict is.
    jobs: members of a net that are trained side by side (0 = one a core).
    heard: is given what was found in a file that is given. specs: the classes of your own that the model may be of.

    A model is judged fitted without the second half of the rows since the last fit, on forecasts of these, against the
    model in use at the same origins, by the metric of the run; what is taken is then fitted on all rows. Its intervals
    are those that the walk taught. Everything is kept in `fits/N` of the run folder, whatever the verdict is. The
    exchange is one step: a process that is killed leaves the old model or the new one.
    Raises ForecastError where no row is newer than the last fit, where the file of the run has changed, or where a
    model cannot be fitted in the way that is asked for.
    """
    folder = Path(folder)
    if how not in WAYS:
        raise ForecastError(f"`how={how}` is not known: a model is fitted again warm, cold or better.")
    old = _fitted(folder, specs)
    plan = make_run(config=folder / "run.toml", specs=specs)
    with locked(folder):
        conclude(folder)
        old = _fitted(folder, specs)
        sweep(folder, folder / KEPT)
        shutil.rmtree(folder / REFIT, ignore_errors=True)
        rows = _rows(folder, plan, old, source, heard)
        context = load_context(old, folder / CONTEXT)
        since = _since(rows.panel, context)
        if not len(since):
            raise ForecastError(
                f"No row is newer than those {folder} was fitted on, so there is nothing to fit again on."
                " Keep newer rows with `keep`, or give a file that has some."
            )
        ways = _ways(how, rows, folder, old)
        fold = _fold(rows.panel, plan, old, len(since))
        judged = _judge_ways(folder, plan, old, rows.panel, fold, ways, jobs) if fold is not None else {}
        before = _outcome(folder, old, rows.panel, fold) if fold is not None else None
        made = _verdict(folder, rows, since, ways, judged, before, take)
        _write(folder, plan, old, rows, made, judged, jobs)
    return made


def _rows(
    folder: Path,
    plan: Run,
    old: Fitted,
    source: "str | Path | pd.DataFrame | None",
    heard: Heard | None,
) -> Rows:
    """The rows to fit on: of a file that is given, of the run's own file and the kept ones, or the kept ones alone."""
    if source is not None:
        panel = read(source, load_manifest(folder).reading, clock=old.clock)
        if heard is not None:
            heard(panel.findings)
        given = str(source) if isinstance(source, str | Path) else "a frame"
        digest = sha256(Path(source)) if isinstance(source, str | Path) else None
        return Rows(panel, {"data": given, "data_sha256": digest, "kept_rows": 0})
    kept = load_context(old, folder / ROWS) if (folder / ROWS).exists() else None
    count = 0 if kept is None else int(kept.lengths.sum())
    data = Path(plan.data)
    if not data.exists():
        note = f"{data} is no longer there, so the stored model goes on (warm) from the kept rows alone."
        panel = load_context(old, folder / CONTEXT) if kept is None else kept
        return Rows(panel, {"data": None, "data_sha256": None, "kept_rows": count}, True, (note,))
    digest = sha256(data)
    if digest != load_manifest(folder).data_sha256:
        raise ForecastError(
            f"{data} is not the file that {folder} was fitted on: it has changed since. To fit on it as it is now, name"
            " it as the file of the refit; else put the old one back."
        )
    panel = plan.read()
    if kept is not None:
        newer = _after(kept, panel) if panel.clock.kind == "step" else _comparable(kept, panel)
        panel = join(panel, newer, [])
    return Rows(panel, {"data": str(data), "data_sha256": digest, "kept_rows": count})


def _comparable(kept: Panel, panel: Panel) -> Panel:
    """Kept rows in which names that the fit did not tell apart are missing where the file of the run has the row too."""
    values = kept.values.copy()
    ends = dict(zip(panel.ids, panel.times[panel.stops - 1], strict=True))
    for i, name in enumerate(kept.ids):
        rows = kept.rows(i)
        known = kept.times[rows] <= ends[name] if name in ends else np.zeros(rows.stop - rows.start, bool)
        for place, column in enumerate(kept.columns):
            if column.names is not None:
                unseen = values[rows, place] >= len(column.names)
                values[rows, place] = np.where(known & unseen, np.nan, values[rows, place])
    return replace(kept, values=values)


def _after(kept: Panel, panel: Panel) -> Panel:
    """Kept rows without dates that follow those of a panel: they are counted on from there."""
    ends = dict(zip(panel.ids, panel.cutoffs(panel.ends()), strict=True))
    starts = kept.starts.copy()
    for i, name in enumerate(kept.ids):
        starts[i] += int((kept.times[kept.rows(i)] <= ends[name]).sum()) if name in ends else 0
    return replace(kept, starts=starts)


def _since(panel: Panel, context: Panel) -> Array:
    """The stamps (n,), rising, of the observed target after the rows of the last fit."""
    ends = dict(zip(context.ids, context.cutoffs(context.ends()), strict=True))
    history = panel.history()
    last = max(ends.values())
    found = [history.times[history.rows(i)] for i in range(len(history.ids))]
    stamps = np.unique(np.concatenate(found))
    newer: Array = stamps[stamps > last]
    return newer


def _ways(how: str, rows: Rows, folder: Path, old: Fitted) -> list[str]:
    """The ways of fitting that are tried; ForecastError where one that is asked for needs rows that are not there."""
    able = isinstance(old.spec, Refits)
    if not able and (how == "warm" or rows.only_warm):
        raise ForecastError(" ".join([*rows.notes, _cannot(old)]))
    if not rows.only_warm:
        if how == "better":
            return ["warm", "cold"] if able else ["cold"]
        return [how]
    if how == "cold":
        raise ForecastError(
            f"{rows.notes[0]} `how=cold` needs all rows: give a file that has them, or put the file of {folder} back."
        )
    return ["warm"]


def _fold(panel: Panel, plan: Run, old: Fitted, since: int) -> Fold | None:
    """The origins to judge at, in the second half of the rows since the last fit; None where these are too few."""
    horizon = old.goal.horizon
    tested = max(horizon, since // 2)
    gap = plan.walk.gap
    walk = WalkForward(horizon=horizon - gap, test=tested, folds=1, stride=plan.walk.stride, gap=gap)
    if tested >= since:
        return None
    try:
        fold = next(walk_forward(panel, walk))
    except ForecastError:  # too few rows before them
        return None
    return fold if len(fold.origins) else None


def _judge_ways(
    folder: Path, plan: Run, old: Fitted, panel: Panel, fold: Fold, ways: list[str], jobs: int
) -> dict[str, Judged]:
    """Each way of fitting, without the rows that it is judged on."""
    judged = {}
    for way in ways:
        fitted = _fit(plan, old, panel.until(fold.until), way, jobs)
        if fitted is None:
            continue
        outcome = _outcome(folder, fitted, panel, fold)
        judged[way] = Judged(fitted, outcome, _loss(folder, outcome))
    if not judged:
        raise ForecastError(_cannot(old))
    return judged


def _cannot(old: Fitted) -> str:
    """Why a model cannot be fitted warm, and what to do."""
    return (
        f"{old.spec.name} cannot go on (warm) from its earlier fit with these series and columns. Take `how=cold`, with"
        " a file that has all rows."
    )


def _fit(plan: Run, old: Fitted, panel: Panel, way: str, jobs: int) -> Fitted | None:
    """The run's model fitted on a panel, with the intervals of the one in use; None where it cannot go on from that."""
    start = old.start if way == "warm" else None
    made = fit(old.spec, plan.walk.past(panel), old.goal.task, seed=plan.seed, jobs=jobs, start=start)
    if way == "warm" and not made.log.warm:
        return None
    if old.calibration is None:
        return made
    notes = (*made.log.notes, "intervals: as the walk of the run taught them, in units of the new fit")
    return replace(made, calibration=old.calibration, log=replace(made.log, notes=notes))


def _outcome(folder: Path, fitted: Fitted, panel: Panel, fold: Fold) -> Outcome:
    """The forecasts of a model at the origins of a fold, next to the actual values."""
    manifest = load_manifest(folder)
    nothing = (np.nan, np.nan)
    errors = [manifest.naive_errors.get(name, nothing) for name in panel.ids]
    table = np.array(errors, "float64").reshape(-1, 2)
    task = replace(fitted.goal.task, metric=manifest.walked.board.metric)
    actual = actual_values(panel, fold.origins, fitted.goal.task)
    last = panel.last(fold.origins)
    truth = Truth(actual, last, table, fitted.scaling, panel.target, panel.clock, task)
    return Outcome(0, fitted.predict(panel, fold.origins), truth, fitted.log)


def _loss(folder: Path, outcome: Outcome) -> float:
    """The metric of the run, of one model at the origins it is judged at; infinite where it has no forecast."""
    metric = METRICS[load_manifest(folder).walked.board.metric]
    mean = float(mean_observed(metric.cells(outcome)))
    return float("inf") if np.isnan(mean) else float(metric.finish(mean))


def _verdict(
    folder: Path,
    rows: Rows,
    since: Array,
    ways: list[str],
    judged: dict[str, Judged],
    before: Outcome | None,
    take: bool,
) -> Refit:
    """What the losses say, and whether the new model is taken."""
    losses = {way: one.loss for way, one in judged.items()}
    how = min(losses, key=losses.__getitem__) if losses else ways[-1]
    known = rows.panel.times
    begin, end = (rows.panel.stamp(int(np.flatnonzero(known == stamp)[0])) for stamp in since[[0, -1]])
    made = Refit(
        folder=folder,
        number=max(fit_records(folder), default=0) + 1,
        how=how,
        taken=False,
        metric=load_manifest(folder).walked.board.metric,
        losses=losses,
        before=float("nan") if before is None else _loss(folder, before),
        origins=0 if before is None else len(before.actual),
        begin=begin,
        end=end,
        rows=len(since),
        fitted_on={**rows.fitted_on, "rows": int(rows.panel.lengths.sum())},
        notes=rows.notes,
    )
    return replace(made, taken=take or made.better)


def _write(
    folder: Path, plan: Run, old: Fitted, rows: Rows, made: Refit, judged: dict[str, Judged], jobs: int
) -> None:
    """Put the files of a refit into the run folder in one step: its history, and the new model where it is taken."""
    staged = folder / REFIT
    staged.mkdir()
    own = fit_folder(staged, made.number)
    new = _fit(plan, old, rows.panel, made.how, jobs) if made.taken else judged_model(judged, made.how)
    if made.taken and new is None:
        shutil.rmtree(staged)
        raise ForecastError(_cannot(old))
    if new is not None:
        save(new, own / MODEL)
    if judged:
        save_frame(own / JUDGED, judged[made.how].outcome.to_frame())
    record = {**made.to_json(), "fit": made.number}
    if new is not None:
        record["model_sha256"] = sha256(own / MODEL)
    save_json(own / RECORD, record)
    if made.taken and new is not None:
        _stage_exchange(folder, staged, old, new, rows.panel)
    exchange(folder)


def judged_model(judged: dict[str, Judged], how: str) -> Fitted | None:
    """The model that was judged; None where none was."""
    return judged[how].fitted if judged else None


def _stage_exchange(folder: Path, staged: Path, old: Fitted, new: Fitted, panel: Panel) -> None:
    """Write the files that take the place of those in use: the model, the rows beside it, run.json; and keep the first fit."""
    if present_fit(folder) == 0:
        first = fit_folder(staged, 0)
        first.mkdir(parents=True, exist_ok=True)
        shutil.copy(folder / MODEL, first / MODEL)
        shutil.copy(folder / CONTEXT, first / CONTEXT)
        manifest = load_json(folder / MANIFEST)
        data = {"data": manifest["run"]["data"], "data_sha256": manifest["data_sha256"]}
        save_json(
            first / RECORD,
            {
                "fit": 0,
                "how": "cold",
                "taken": True,
                "fitted_on": data,
                "model_sha256": manifest["model_sha256"],
            },
        )
    save(new, staged / MODEL)
    context = save_context(new, panel, staged / CONTEXT)
    if (folder / ROWS).exists():
        kept = recoded(load_context(old, folder / ROWS), new.columns)
        save_rows(_around(kept, context), staged / ROWS)
        done = kept_revisions(folder)
        if len(done):
            save_frame(staged / REVISIONS, done)
    manifest = load_json(folder / MANIFEST)
    save_json(staged / MANIFEST, {**manifest, "model_sha256": sha256(staged / MODEL)})


def _around(kept: Panel, context: Panel) -> Panel:
    """Kept rows with those of a context that lie before the first or after the last of them; no kept row changes."""
    parts: dict[str, tuple[Array, Array]] = {}
    for i, name in enumerate(kept.ids):
        rows = kept.rows(i)
        parts[name] = kept.times[rows], kept.values[rows]
    for i, name in enumerate(context.ids):
        rows = context.rows(i)
        times, values = context.times[rows], context.values[rows]
        if name in parts:
            own_times, own = parts[name]
            before, after = times < own_times[0], times > own_times[-1]
            times = np.concatenate([times[before], own_times, times[after]])
            values = np.concatenate([values[before], own, values[after]])
            times, values = on_clock(name, kept.clock, times, values)
        parts[name] = times, values
    names = tuple(parts)
    times_of, values_of = [parts[name][0] for name in names], [parts[name][1] for name in names]
    return make_panel(names, times_of, values_of, kept.columns, kept.clock)


def _plain(value: float) -> float | None:
    """A number as JSON has it."""
    return value if np.isfinite(value) else None
