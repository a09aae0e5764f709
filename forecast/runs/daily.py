"""The daily loop: newer rows join a run, forecasts are kept, and when their rows have come it is said what
they were worth.
"""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from forecast.arrays import Array, mean_observed
from forecast.data.categories import say_unseen
from forecast.data.clock import Clock, show
from forecast.data.findings import Finding, Heard, ReadingError, Report, counted, listed
from forecast.data.options import OPTIONS, Reading, names_of
from forecast.data.panel import Panel, same
from forecast.data.zones import placed, to_local, unplaced
from forecast.errors import ForecastError
from forecast.evaluation.metrics import METRICS, metric_of
from forecast.files import load_frame, locked, save_frame, sha256, sweep
from forecast.fitting import Fitted, actual_values
from forecast.reading.door import read
from forecast.records import to_json
from forecast.replacing import conclude
from forecast.results import Forecast, Outcome, Truth
from forecast.runs.files import load_manifest
from forecast.runs.fits import JUDGED, fit_folder, present_fit
from forecast.runs.folder import MANIFEST
from forecast.runs.revised import ROWS, record_revisions, say_older, say_revisions
from forecast.runs.told import Told, told
from forecast.runs.unusual import NOTHING_UNUSUAL, WIDE, Unusual, unusual
from forecast.saving import KEPT, Revision, join, load, load_context, save_rows
from forecast.task import Goal, quantile_levels

RECENT = 20  # moments that a verdict looks back at
LIMIT = 0.95  # share of the walk's own stretches that stay below the bound
FEW = 20  # stretches side by side below which Student's t takes the place of their quantile
LEAST = 4  # stretches side by side below which nothing is said
COUNTED = 10_000  # steps before newer rows that are counted
FORECASTS = Path(KEPT, "forecasts.parquet")


def predict_run(
    folder: str | Path,
    source: "str | Path | pd.DataFrame | None" = None,
    *,
    keep: bool = False,
    revised: bool = False,
    heard: Heard | None = None,
    specs: Sequence[Any] = (),
) -> Forecast:
    """The next horizon from a run folder alone, or after the newest rows of another file.

    keep: the joined rows and the forecast stay in the folder `kept` of the run, and the next rows join those. Forecasts are only added, of one
    origin the first stays, so the same rows kept again change nothing (rows without dates cannot be known again: they follow those before).
    revised: values of the file that contradict known ones are corrections, and take their place; without it they are a ForecastError. With `keep`
    they are recorded (`kept_revisions`). Forecasts that were kept before do not change.
    heard: told what was found in the file, which values are corrected, which series the model never saw, and that there was nothing new to keep.
    specs: the classes of your own that the model may be of, as in `load`. `rows` gives the panel that this forecasts from.
    """
    forecast, _ = predict_told(folder, source, keep=keep, revised=revised, heard=heard, specs=specs)
    return forecast


def predict_told(
    folder: str | Path,
    source: "str | Path | pd.DataFrame | None" = None,
    *,
    keep: bool = False,
    revised: bool = False,
    heard: Heard | None = None,
    specs: Sequence[Any] = (),
) -> tuple[Forecast, Told | None]:
    """What `predict_run` gives, and where the target is made from a price the same in other units (`runs.told`)."""
    folder = Path(folder)
    fitted = _fitted(folder, specs)
    corrected: list[Revision] | None = [] if revised else None
    if not keep:
        panel = _known(folder, fitted, source, heard, corrected)
        forecast = fitted.predict(panel)
        return forecast, told(forecast, panel)
    with locked(folder):
        conclude(folder)
        fitted = _fitted(folder, specs)  # again, for a refit may have been taken since
        sweep(folder, folder / KEPT)
        panel = _known(folder, fitted, source, heard, corrected)
        forecast = fitted.predict(panel)
        _keep(folder, fitted, panel, forecast, corrected or [], heard)
    return forecast, told(forecast, panel)


def _keep(
    folder: Path,
    fitted: Fitted,
    panel: Panel,
    forecast: Forecast,
    corrected: list[Revision],
    heard: Heard | None,
) -> None:
    """Store a forecast, the rows it was made from and the corrections in them; reported where all of it was there before."""
    before = kept_forecasts(folder)
    kept = replace(forecast, intervals=tuple(sorted({*forecast.intervals, WIDE})))
    made = kept.to_frame(cutoff=True).assign(fit=present_fit(folder))
    if len(before):
        made = pd.concat([before, made]).drop_duplicates(["unique_id", "cutoff", "ds"])
    same_rows = (folder / ROWS).exists() and same(load_context(fitted, folder / ROWS), panel)
    if same_rows and len(made) == len(before):
        if heard is not None:
            report = Report()
            report.say("nothing-new", f"{folder} has these rows and a forecast from them already")
            heard(report.findings)
        return
    if len(made) == len(before) and heard is not None:
        report = Report()
        report.say("kept-before", "a forecast from there was kept before, and stays as it was made")
        heard(report.findings)
    save_frame(folder / FORECASTS, made)
    if corrected:
        record_revisions(folder, corrected, panel.clock)
    save_rows(panel, folder / ROWS)  # last: only forecasts whose origin it reaches count as kept


def rows(
    folder: str | Path,
    source: "str | Path | pd.DataFrame | None" = None,
    *,
    revised: bool = False,
    heard: Heard | None = None,
    specs: Sequence[Any] = (),
) -> Panel:
    """The panel that `predict_run(folder, source)` forecasts from: the last rows that a run stored, or those that `keep` kept since, and those of a
    newer file joined to them. Nothing is written.

    It is what stands beside that forecast: `fc.plots.forecast_figure(fc.rows(folder), fc.predict_run(folder))`. revised, heard, specs: as in
    `predict_run`.
    """
    folder = Path(folder)
    return _known(folder, _fitted(folder, specs), source, heard, [] if revised else None)


def kept_forecasts(folder: str | Path) -> pd.DataFrame:
    """The kept forecasts of a run, as `Forecast.to_frame(cutoff=True)` gave them; empty where there are none.

    They have the interval of WIDE percent too, where the model had it, and `fit`: the number of the fit that made them.
    A forecast whose origin lies after the last target of the kept rows is left out: the process that kept it
    was killed before it had done.
    """
    folder = Path(folder)
    if not (folder / ROWS).exists():
        return pd.DataFrame()
    frame, rows = load_frame(folder / FORECASTS), load_frame(folder / ROWS)
    if "fit" not in frame:
        frame = frame.assign(fit=0)
    ends = rows[rows.iloc[:, 2].notna()].groupby("unique_id")["ds"].max()
    return frame[unplaced(frame["cutoff"]) <= frame["unique_id"].map(ends).to_numpy()]


def _fitted(folder: Path, specs: Sequence[Any]) -> Fitted:
    """The model of a finished run."""
    fitted = None if folder.is_file() else load(folder, specs=specs)
    if fitted is None or not (folder / MANIFEST).exists():
        raise ForecastError(
            f"{folder} is not the folder of a finished run. Give one, or let the command that began it go on."
        )
    wanted = load_manifest(folder).model_sha256
    if sha256(folder / "model.safetensors") != wanted:
        raise ForecastError(
            f"{folder / 'model.safetensors'} is not the model of the run: run.json names another."
            " Take the folder from a copy, or fit the run again with `overwrite`."
        )
    return fitted


def _known(
    folder: Path,
    fitted: Fitted,
    source: "str | Path | pd.DataFrame | None",
    heard: Heard | None = None,
    corrected: list[Revision] | None = None,
) -> Panel:
    """The stored rows of a run, and those of a newer file joined to them; `heard` is told what was found
    there. corrected: a list, which is given the values that the file corrects; without it these are a
    ForecastError.
    """
    kept = folder / ROWS
    panel = load_context(fitted, kept if kept.exists() else folder / "context.parquet")
    if source is None:
        return panel
    reading = load_manifest(folder).reading
    report = Report()
    if corrected is not None and fitted.clock.kind == "step":
        raise ForecastError(
            "Rows without dates follow those that the run has, so they cannot correct any. Leave `revised` out."
        )
    try:
        newer = read(source, reading, clock=fitted.clock)
    except ReadingError as error:
        raise _of_another_kind(error, folder, reading) from None
    unknown = [name for name in newer.ids if name not in fitted.scaling.ids]
    if unknown:
        report.say(
            "cold", f"the model was not fitted on {listed(unknown)}, so what it forecasts there is cold"
        )
    say_unseen(newer, fitted.columns, report)
    if fitted.clock.kind != "step":
        _say_seams(folder, fitted, panel, newer, report)
    if heard is not None:
        heard((*newer.findings, *report.findings))
    joined = join(panel, newer, corrected)
    if corrected is not None and heard is not None:
        report = Report()
        say_revisions(report, corrected, panel.clock)
        say_older(report, panel, newer)
        heard(report.findings)
    return joined


def _say_seams(folder: Path, fitted: Fitted, known: Panel, newer: Panel, report: Report) -> None:
    """Record where steps are missing between the rows of a run and the newer ones, and that none is newer.

    ForecastError where so many are missing that the model would read none of the rows that it knows, and of
    the newer ones too few.
    """
    ends = dict(zip(known.ids, known.cutoffs(known.ends()), strict=True))
    found = False
    for i, name in enumerate(newer.ids):
        times = newer.times[newer.rows(i)]
        if name not in ends:
            found |= bool(len(times))
            continue
        later = times[times > ends[name]]
        found |= bool(len(later))
        # of assumed sessions nobody knows which were holidays
        if len(later) and not fitted.clock.assumed:
            _say_seam(folder, fitted, name, ends[name], later, report)
    if not found:
        report.say("nothing-newer", f"no row is newer than those that {folder} has already")


def _say_seam(folder: Path, fitted: Fitted, name: str, last: Any, later: Array, report: Report) -> None:
    """Record how many steps are missing between the last row of a series in a run and its newer ones (n,)."""
    missing = _between(fitted.clock, last, later[0])
    if not missing:
        return
    begin, end = (show(stamp) for stamp in to_local(np.array([last, later[0]]), fitted.clock.tz))
    many = counted(missing, "step") if missing <= COUNTED else f"over {COUNTED:,} steps"
    if missing > fitted.context > len(later):
        raise ForecastError(
            f"Series {name!r}: {many} are missing between the rows of {folder}, which end at {begin}, and the newer ones,"
            f" which begin at {end}: {fitted.spec.name} would read none that it knows. See whether the stamps are right;"
            f" if so, fit again on a file with all rows."
        )
    report.say(
        "gap",
        f"{name}: a gap between the rows of the run and the newer ones, {begin} to {end}, {many}; counted as missing",
        example=end,
    )


def _between(clock: Clock, last: Any, first: Any) -> int:
    """How many steps lie between two stamps; of more than COUNTED only that they are more."""
    reach = 1
    while reach <= COUNTED and clock.after(last, np.array([reach]))[0] < first:
        reach *= 2
    return int(np.searchsorted(clock.after(last, np.arange(1, reach + 1)), first))


def _of_another_kind(error: ReadingError, folder: Path, reading: Reading) -> ReadingError:
    """What the reader says of a file that cannot be read as that of the run was.

    The settings that it may name can be given to `fit` alone.
    """
    if not _names_a_setting(str(error)):
        return error
    columns: list[str] = []
    for names in (reading.time, reading.id, reading.target, reading.past, reading.future, reading.static):
        columns += names_of(names)
    why = (
        f"Newer rows are read as those of {folder} were, by the columns {listed(columns, 20)}, and flags of `forecast fit`"
        f" cannot be given here."
    )
    helps = "Give a file with these columns, written as that of the run, or fit a run on this one."
    findings: list[Finding] = []
    for one in error.findings:
        if one.severity == "error":
            findings.append(replace(one, message=f"{one} {why}", remedy=helps))
        else:
            findings.append(one)
    return ReadingError(findings)


def _names_a_setting(message: str) -> bool:
    """Whether a message of the reader names an option of reading a file."""
    return "--" in message or any(f"`{name}" in message for name in OPTIONS)


@dataclass(frozen=True, eq=False)
class Scored:
    """What kept forecasts were worth.

    steps: a row a step of the horizon: `count` of actual values that are known, the `metric`, `walk_` and its
    name for that of the walk-forward, and for each interval the shares `coverage-80` and `walk_coverage-80`
    that it held · moments: how many of the latest the verdict is on · ratio: their error, as a multiple of
    the walk's · bound: what LIMIT of such stretches stay below · due: whether a refit is; None where that
    cannot be said.
    """

    folder: Path
    steps: pd.DataFrame
    moments: int
    ratio: float
    bound: float
    due: bool | None
    metric: str = "mae"
    unusual: Unusual = NOTHING_UNUSUAL
    present: int = 0
    fit: int = 0
    against: int = 0

    @property
    def verdict(self) -> str:
        """What that means, in a sentence."""
        if not self.moments:
            return "No kept forecast has come true to its last step, so there is no verdict yet."
        several = f"{self.moments} forecasts" if self.moments > 1 else "forecast"
        by = f" by refit {self.fit}" if self.fit else ""
        whose = f"refit {self.against} when it was judged" if self.against else "the walk-forward"
        label = METRICS[self.metric].label
        said = f"The latest {several}{by} had {self.ratio:.2f} times the {label} of {whose}"
        waits = f" No forecast by refit {self.present} has come true yet." if self.present > self.fit else ""
        if self.due is None:
            return f"{said}; the walk is too short to say whether that is unusual.{waits}"
        held = f"{100 * LIMIT:g} % of such stretches of it stay below {self.bound:.2f}"
        return f"{said}, and {held}: {'a refit is due.' if self.due else 'within its range.'}{waits}"

    def to_json(self) -> dict[str, Any]:
        """One object of plain numbers; missing is None."""
        values = {
            "run": str(self.folder),
            "steps": self.steps.to_dict("records"),
            "moments": self.moments,
            "ratio": self.ratio,
            "bound": self.bound,
            "due": self.due,
            "metric": self.metric,
            "verdict": self.verdict,
            "present": self.present,
            "fit": self.fit,
            "against": self.against,
            "unusual": self.unusual.to_json(),
        }
        found: dict[str, Any] = to_json(values)
        return found

    def __str__(self) -> str:
        shown = self.steps.set_index("step").to_string(float_format=lambda value: f"{value:.4g}", na_rep="")
        odd = f"\n\n{self.unusual}" if str(self.unusual) else ""
        return f"{shown}{odd}\n\n{self.verdict}"


def score_run(
    folder: str | Path,
    source: "str | Path | pd.DataFrame | None" = None,
    *,
    revised: bool = False,
    heard: Heard | None = None,
    specs: Sequence[Any] = (),
) -> Scored:
    """Kept forecasts against the rows that came, next to the walk-forward's own errors.

    The rows are those kept in the run and those of a newer file. A loss, by the metric of the run, is divided by the
    walk's mean of its series and step, so that all series and steps count alike; the mean over an origin's horizon and
    over the series of a moment is that moment's ratio, 1 as a rule. The verdict is on the latest moments whose whole
    horizon has come, RECENT of them at most: a refit is due where their mean ratio lies above `bound_of` the walk, which
    it does once in 20 times while nothing has changed. After a refit the verdict is on its forecasts once the first has
    come true, and compares them with the errors that it was judged by; until then, or where these are too few, with the
    walk. revised, heard, specs: as in `predict_run`.
    """
    folder = Path(folder)
    fitted = _fitted(folder, specs)
    kept = kept_forecasts(folder)
    if not len(kept):
        raise ForecastError(
            f"{folder} has no kept forecasts yet. `forecast predict {shlex.quote(str(folder))} NEWFILE --keep` makes them."
        )
    panel = rows(folder, source, revised=revised, heard=heard, specs=specs)
    truth, whole = _came(panel, kept, fitted.goal)
    _refuse_unknown_truth(folder, panel, kept, truth)
    manifest = load_manifest(folder)
    metric = manifest.walked.board.metric
    naive = manifest.naive_errors
    walk = load_frame(folder / "outcomes.parquet")
    recent = _losses(fitted, kept, truth, metric, naive)
    usual = _walked(fitted, walk, metric, naive)
    context = load_context(fitted, folder / "context.parquet")
    odd = unusual(fitted, kept, truth, panel, context, walk)
    present = present_fit(folder)
    fits = kept["fit"].to_numpy()[:: fitted.goal.answered]
    judged = _latest_fit(fits, recent, whole)
    against = 0
    verdict = _judge(recent, usual, judged)
    own = fit_folder(folder, present) / JUDGED
    if own.exists() and (fits[judged] == present).any():
        by_refit = _judge(recent, _walked(fitted, load_frame(own), metric, naive), judged)
        if not np.isnan(by_refit[2]):
            against = present
            verdict = by_refit
    moments, mean, limit = verdict
    finish = METRICS[metric].finish
    ratio = finish(mean)
    bound = finish(limit)
    due = None if np.isnan(bound) else bool(ratio > bound)
    fit = int(fits[judged].max()) if judged.any() else present
    steps = _by_step(recent, usual, metric)
    return Scored(folder, steps, moments, ratio, bound, due, metric, odd, present, fit, against)


def _refuse_unknown_truth(folder: Path, panel: Panel, kept: pd.DataFrame, truth: Array) -> None:
    """ForecastError where no actual value (M, H) of the kept forecasts is known."""
    if not np.isnan(truth).all():
        return
    known = pd.Index(placed(panel.cutoffs(panel.ends()), panel.clock.tz)).max()
    raise ForecastError(
        f"None of the kept forecasts of {folder} has come true: they are for {kept['ds'].min()} to {kept['ds'].max()}, and"
        f" the target is known until {known}. Give a file with rows after {kept['cutoff'].min()}."
    )


def _came(panel: Panel, kept: pd.DataFrame, goal: Goal) -> tuple[Array, Array]:
    """What came after each kept origin, (M, A), NaN where nothing is known; and whether its last row has
    come, (M,).
    """
    names = kept["unique_id"].to_numpy()[:: goal.answered]
    cutoffs = unplaced(kept["cutoff"])[:: goal.answered]
    origins = panel.origins_at(names, cutoffs)
    whole = origins[:, 1] + goal.horizon <= panel.known()[origins[:, 0]]
    return actual_values(panel, origins, goal.task), whole


@dataclass(frozen=True, eq=False)
class Losses:
    """Losses (M, H), NaN where nothing was observed, at M origins; ids, cutoffs and last stamps (M,).

    inside: coverage -> (M, H), 1 where the interval holds the actual value, 0 where not.
    """

    ids: Array
    cutoffs: Array
    lasts: Array
    losses: Array
    inside: dict[str, Array]


def _losses(
    fitted: Fitted,
    frame: pd.DataFrame,
    actual: Array,
    metric: str,
    naive: dict[str, tuple[float, float]],
) -> Losses:
    """The losses of the forecasts in a frame of H rows per origin, next to the actual values (M, H)."""
    outcome = _outcome_of(fitted, frame, actual, naive)
    inside = {}
    for coverage, _, _ in outcome.forecast.bands:
        inside[f"{coverage:g}"] = metric_of(f"coverage-{coverage:g}").cells(outcome)
    ids = frame["unique_id"].to_numpy()[:: actual.shape[1]]
    lasts = outcome.forecast.times[:, -1]
    return Losses(ids, outcome.forecast.cutoffs, lasts, METRICS[metric].cells(outcome), inside)


def _latest_fit(fits: Array, recent: Losses, whole: Array) -> Array:
    """Which origins (M,) a verdict is on.

    Of those whose horizon has come, these are the ones forecast by the latest fit that has any.
    """
    seen = whole & ~np.isnan(recent.losses).all(1)
    if not seen.any():
        return seen
    return seen & (fits == fits[seen].max())


def _walked(
    fitted: Fitted, frame: pd.DataFrame, metric: str, naive: dict[str, tuple[float, float]]
) -> Losses:
    """The losses of a frame that holds the actual values too, such as that of the walk."""
    actual = _coded(frame["y"].to_numpy(), fitted.goal.names).reshape(-1, fitted.goal.answered)
    return _losses(fitted, frame, actual, metric, naive)


def _outcome_of(
    fitted: Fitted, frame: pd.DataFrame, actual: Array, naive: dict[str, tuple[float, float]]
) -> Outcome:
    """The forecasts in a frame of H rows per origin as an Outcome.

    Their quantiles are the ends of the intervals.
    """
    task = fitted.goal.task
    blank = _blank(fitted, frame, actual.shape)
    fill = _with_shares if fitted.goal.names else _with_numbers
    errors = [naive.get(name, (np.nan, np.nan)) for name in blank.ids]
    truth = Truth(
        values=actual,
        last=np.full(len(actual), np.nan),
        naive=np.array(errors, "float64").reshape(-1, 2),
        scaling=fitted.scaling,
        target="",
        clock=fitted.clock,
        task=task,
    )
    return Outcome(0, fill(blank, frame, task.intervals), truth)


def _blank(fitted: Fitted, frame: pd.DataFrame, shape: tuple[int, ...]) -> Forecast:
    """The origins and stamps of a frame of H rows per origin as a Forecast (M, H) without values."""
    horizon = shape[1]
    names = frame["unique_id"].to_numpy()[::horizon]
    ids = tuple(dict.fromkeys(names))
    place = {name: i for i, name in enumerate(ids)}
    series = np.array([place[name] for name in names], "int64")
    return Forecast(
        model=fitted.spec.name,
        ids=ids,
        origins=np.stack([series, np.zeros_like(series)], axis=1),
        cutoffs=unplaced(frame["cutoff"])[::horizon],
        times=unplaced(frame["ds"]).reshape(-1, horizon),
        values=np.full(shape, np.nan),
        names=fitted.goal.names,
        over=fitted.goal.over,
    )


def _with_numbers(blank: Forecast, frame: pd.DataFrame, intervals: tuple[float, ...]) -> Forecast:
    """The forecast with the points and the ends of the intervals of a frame."""
    levels = quantile_levels(intervals)
    columns = {0.5: blank.model}
    for coverage in intervals:
        low, _, high = quantile_levels([coverage])
        columns |= {low: f"{blank.model}-lo-{coverage:g}", high: f"{blank.model}-hi-{coverage:g}"}
    shape = blank.values.shape
    cells = {level: frame[name].to_numpy("float64").reshape(shape) for level, name in columns.items()}
    quantiles = np.stack([cells[level] for level in levels], axis=-1) if levels else None
    return replace(blank, values=cells[0.5], levels=levels, quantiles=quantiles, intervals=intervals)


def _with_shares(blank: Forecast, frame: pd.DataFrame, intervals: tuple[float, ...]) -> Forecast:
    """The forecast with the shares of a frame; in that of a walk the model stands before the names of the columns."""
    shape = blank.values.shape
    if len(blank.names) == 2:
        second = frame[f"{blank.model}-p"].to_numpy("float64").reshape(shape)
        return replace(blank, values=second, shares=np.stack([1 - second, second], axis=-1))
    before = "" if f"p_{blank.names[0]}" in frame else f"{blank.model}-"
    parts = [frame[f"{before}p_{name}"].to_numpy("float64").reshape(shape) for name in blank.names]
    shares = np.stack(parts, axis=-1)
    return replace(blank, values=shares.argmax(-1).astype("float64"), shares=shares)


def _coded(actual: Array, names: tuple[str, ...]) -> Array:
    """Actual values (n,) as float64: numbers as they are, names as their codes."""
    if not names:
        return actual.astype("float64")
    code = {name: float(place) for place, name in enumerate(names)}
    return np.array([code.get(name, np.nan) for name in actual])


def _by_step(recent: Losses, usual: Losses, metric: str) -> pd.DataFrame:
    """`Scored.steps`."""
    finish = np.vectorize(METRICS[metric].finish, otypes=[float])
    columns = {
        "step": np.arange(1, recent.losses.shape[1] + 1),
        "count": (~np.isnan(recent.losses)).sum(0),
        metric: finish(mean_observed(recent.losses, 0)),
        f"walk_{metric}": finish(mean_observed(usual.losses, 0)),
    }
    for coverage, held in recent.inside.items():
        columns[f"coverage-{coverage}"] = mean_observed(held, 0)
        columns[f"walk_coverage-{coverage}"] = mean_observed(usual.inside[coverage], 0)
    return pd.DataFrame(columns)


def _judge(recent: Losses, usual: Losses, whole: Array) -> tuple[int, float, float]:
    """Moments judged, the mean of their ratios, and the bound of the walk's; NaN where there is none."""
    base = {name: mean_observed(usual.losses[usual.ids == name], 0) for name in np.unique(usual.ids)}
    walk, walked = _ratios(usual, base)
    moments, ratios = _ratios(recent, base, whole)
    if not len(moments):
        return 0, np.nan, np.nan
    latest = moments[-RECENT:]
    reach = np.max(usual.lasts - usual.cutoffs)
    longest = np.maximum(reach, (walk[-1] - walk[0] + reach) // LEAST)  # fits LEAST times into the walk
    near = latest[-1] - latest + reach <= longest
    judged = latest[near]
    mean = float(ratios[-RECENT:][near].mean())
    return len(judged), mean, bound_of(walk, walked, judged - judged[0], reach)


def _ratios(errors: Losses, base: dict[str, Array], which: Array | None = None) -> tuple[Array, Array]:
    """Moments, rising, and the mean at each of the errors over the base of their series and step.

    Moments without any are left out. which (M,): the origins that count; None = all.
    """
    nothing = np.full(errors.losses.shape[1], np.nan)
    usual = np.array([base.get(name, nothing) for name in errors.ids]).reshape(errors.losses.shape)
    ratio = mean_observed(errors.losses / np.where(usual > 0, usual, np.nan), 1)
    seen = ~np.isnan(ratio)
    if which is not None:
        seen &= which
    moments, place = np.unique(errors.cutoffs[seen], return_inverse=True)
    total = np.bincount(place, ratio[seen], len(moments))
    count = np.bincount(place, minlength=len(moments))
    return moments, total / np.maximum(count, 1)


def bound_of(moments: Array, values: Array, pattern: Array, reach: Any) -> float:
    """What the mean of the next values at moments apart as in `pattern` (n,), which begins with 0, stays
    below at LIMIT of times.

    moments (T,), rising, values (T,): those of the walk. reach: how long a forecast lasts, in units of the
    moments. Each copy of the pattern in the walk has a mean, and the bound is their LIMIT quantile. Copies
    overlap: where fewer than FEW fit side by side it is the prediction bound of Student's t for as many
    independent ones, and NaN, nothing, where fewer than LEAST do.
    """
    starts = moments[moments + pattern[-1] <= moments[-1]]
    means = values[np.searchsorted(moments, starts[:, None] + pattern)].mean(1)
    count = float((moments[-1] - moments[0] + reach) / (pattern[-1] + reach))
    if count < LEAST:
        return float("nan")
    if count >= FEW:
        return float(np.quantile(means, LIMIT))
    from scipy.special import stdtrit

    spread = means.std() * np.sqrt(count / (count - 1))
    return float(means.mean() + stdtrit(count - 1, LIMIT) * spread * np.sqrt(1 + 1 / count))
