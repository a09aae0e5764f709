"""The daily loop: newer rows join a run, forecasts are kept, and when their rows have come it is said what
they were worth.
"""

import shlex
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from forecast.arrays import Array, mean_observed
from forecast.data.categories import say_unseen
from forecast.data.clock import Clock, show
from forecast.data.findings import Heard, ReadingError, Report, counted, listed
from forecast.data.options import Reading, make_reading, names_of
from forecast.data.panel import Panel
from forecast.data.zones import placed, to_local, unplaced
from forecast.errors import ForecastError
from forecast.evaluation.metrics import METRICS, metric_of
from forecast.files import load_frame, load_json, locked, sweep, write_atomic
from forecast.fitting import Fitted
from forecast.reading.door import read
from forecast.results import Forecast, Outcome, Truth
from forecast.saving import KEPT, join, load, load_context, save_rows
from forecast.task import quantile_levels

RECENT = 20  # moments that a verdict looks back at
LIMIT = 0.95  # share of the walk's own stretches that stay below the bound
FEW, LEAST = (
    20,
    4,
)  # stretches side by side below which Student's t takes the place of their quantile; and below which nothing is said
COUNTED = 10_000  # steps before newer rows that are counted
FORECASTS, ROWS = Path(KEPT, "forecasts.parquet"), Path(KEPT, "rows.parquet")


def predict_run(
    folder: str | Path,
    source: "str | Path | pd.DataFrame | None" = None,
    *,
    keep: bool = False,
    heard: Heard | None = None,
) -> Forecast:
    """The next horizon from a run folder alone, or after the newest rows of another file.

    keep: the joined rows and the forecast stay in the folder `kept` of the run, and the next rows join those. Forecasts are only added, of one
    origin the first stays, so the same rows kept again change nothing (rows without dates cannot be known again: they follow those before).
    heard: told what was found in the file, and which series the model never saw. `rows` gives the panel that this forecasts from.
    """
    folder = Path(folder)
    fitted = _fitted(folder)
    if not keep:
        return fitted.predict(_known(folder, fitted, source, heard))
    with locked(folder):
        sweep(folder, folder / KEPT)
        panel = _known(folder, fitted, source, heard)
        forecast = fitted.predict(panel)
        made, before = forecast.to_frame(cutoff=True), kept_forecasts(folder)
        if len(before):
            made = pd.concat([before, made]).drop_duplicates(["unique_id", "cutoff", "ds"])
        write_atomic(folder / FORECASTS, made.to_parquet(index=False, compression="zstd"))
        save_rows(panel, folder / ROWS)  # last: only forecasts whose origin it reaches count as kept
    return forecast


def rows(
    folder: str | Path,
    source: "str | Path | pd.DataFrame | None" = None,
    *,
    heard: Heard | None = None,
) -> Panel:
    """The panel that `predict_run(folder, source)` forecasts from: the last rows that a run stored, or those that `keep` kept since, and those of a
    newer file joined to them. Nothing is written.

    It is what stands beside that forecast: `fc.plots.forecast_figure(fc.rows(folder), fc.predict_run(folder))`. heard: as in `predict_run`.
    """
    folder = Path(folder)
    return _known(folder, _fitted(folder), source, heard)


def kept_forecasts(folder: str | Path) -> pd.DataFrame:
    """The kept forecasts of a run, as `Forecast.to_frame(cutoff=True)` gave them; empty where there are none.

    A forecast whose origin lies after the last target of the kept rows is left out: the process that kept it
    was killed before it had done.
    """
    folder = Path(folder)
    if not (folder / ROWS).exists():
        return pd.DataFrame()
    frame, rows = load_frame(folder / FORECASTS), load_frame(folder / ROWS)
    ends = rows[rows.iloc[:, 2].notna()].groupby("unique_id")["ds"].max()
    return frame[unplaced(frame["cutoff"]) <= frame["unique_id"].map(ends).to_numpy()]


def _fitted(folder: Path) -> Fitted:
    """The model of a finished run."""
    fitted = None if folder.is_file() else load(folder)
    if fitted is None or not (folder / "run.json").exists():
        raise ForecastError(
            f"{folder} is not the folder of a finished run. Give one, or let the command that began it go on."
        )
    return fitted


def _known(
    folder: Path, fitted: Fitted, source: "str | Path | pd.DataFrame | None", heard: Heard | None = None
) -> Panel:
    """The stored rows of a run, and those of a newer file joined to them; `heard` is told what was found
    there.
    """
    kept = folder / ROWS
    panel = load_context(fitted, kept if kept.exists() else folder / "context.parquet")
    if source is None:
        return panel
    reading = make_reading(None, load_json(folder / "run.json")["roles"])
    report = Report()
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
    return join(panel, newer)


def _say_seams(folder: Path, fitted: Fitted, known: Panel, newer: Panel, report: Report) -> None:
    """Say where steps are missing between the rows of a run and the newer ones, and that none is newer.

    ForecastError where so many are missing that the model would read none of the rows that it knows, and of
    the newer ones too few.
    """
    ends, context, found = (
        dict(zip(known.ids, known.cutoffs(known.ends()), strict=True)),
        fitted.context,
        False,
    )
    for i, name in enumerate(newer.ids):
        times = newer.times[newer.rows(i)]
        times = times[times > ends[name]] if name in ends else times
        found |= bool(len(times))
        if (
            name not in ends or not len(times) or fitted.clock.assumed
        ):  # of assumed sessions nobody knows which were holidays
            continue
        missing = _between(fitted.clock, ends[name], times[0])
        begin, end = (show(stamp) for stamp in to_local(np.array([ends[name], times[0]]), fitted.clock.tz))
        many = counted(missing, "step") if missing <= COUNTED else f"over {COUNTED:,} steps"
        if missing > context > len(times):
            raise ForecastError(
                f"Series {name!r}: {many} are missing between the rows of {folder}, which end at {begin}, and the newer ones, which begin at {end}:"
                f" {fitted.spec.name} would read none that it knows. See whether the stamps are right; if so, fit again on a file with all rows."
            )
        if missing:
            report.say(
                "gap",
                f"{name}: a gap between the rows of the run and the newer ones, {begin} to {end}, {many}; counted as missing",
                example=end,
            )
    if not found:
        report.say("nothing-newer", f"no row is newer than those that {folder} has already")


def _between(clock: Clock, last: Any, first: Any) -> int:
    """How many steps lie between two stamps; of more than COUNTED only that they are more."""
    reach = 1
    while reach <= COUNTED and clock.after(last, np.array([reach]))[0] < first:
        reach *= 2
    return int(np.searchsorted(clock.after(last, np.arange(1, reach + 1)), first))


def _of_another_kind(error: ReadingError, folder: Path, reading: Reading) -> ReadingError:
    """What the reader says of a file that cannot be read as that of the run was; the flags that it may name can be given to `fit` alone."""
    if "--" not in str(error):
        return error
    columns: list[str] = []
    for names in (reading.time, reading.id, reading.target, reading.past, reading.future, reading.static):
        columns += names_of(names)
    why = f"Newer rows are read as those of {folder} were, by the columns {listed(columns, 20)}, and flags of `forecast fit` cannot be given here."
    helps = "Give a file with these columns, written as that of the run, or fit a run on this one."
    return ReadingError(
        [
            replace(one, message=f"{one} {why}", remedy=helps) if one.severity == "error" else one
            for one in error.findings
        ]
    )


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

    @property
    def verdict(self) -> str:
        """What that means, in a sentence."""
        if not self.moments:
            return "No kept forecast has come true to its last step, so there is no verdict yet."
        many = "The latest forecast had" if self.moments == 1 else f"The latest {self.moments} forecasts had"
        said = f"{many} {self.ratio:.2f} times the {METRICS[self.metric].label} of the walk-forward"
        if self.due is None:
            return f"{said}; the walk is too short to say whether that is unusual."
        held = f"{100 * LIMIT:g} % of such stretches of it stay below {self.bound:.2f}"
        return f"{said}, and {held}: {'a refit is due.' if self.due else 'within its range.'}"

    def to_json(self) -> dict[str, Any]:
        """One object of plain numbers; missing is None."""
        numbers = self.steps.astype(object).where(self.steps.notna(), None)
        judged = {"moments": self.moments, "ratio": self.ratio, "bound": self.bound}
        return {
            "run": str(self.folder),
            "steps": numbers.to_dict("records"),
            **{name: value if np.isfinite(value) else None for name, value in judged.items()},
            "due": self.due,
            "metric": self.metric,
            "verdict": self.verdict,
        }

    def __str__(self) -> str:
        shown = self.steps.set_index("step").to_string(float_format=lambda value: f"{value:.4g}", na_rep="")
        return f"{shown}\n\n{self.verdict}"


def score_run(
    folder: str | Path, source: "str | Path | pd.DataFrame | None" = None, *, heard: Heard | None = None
) -> Scored:
    """Kept forecasts against the rows that came, those kept in the run and those of a newer file, beside the
    walk-forward's own errors.

    A loss, by the metric of the run, is divided by the walk's mean of its series and step, so that all series
    and steps count alike; the mean over an origin's horizon and over the series of a moment is that moment's
    ratio, 1 as a rule. The verdict is on the latest moments whose whole horizon has come, RECENT of them at
    most: a refit is due where their mean ratio lies above `bound_of` the walk, which it does once in 20 times
    while nothing has changed.
    heard: as in `predict_run`.
    """
    folder = Path(folder)
    fitted, kept = _fitted(folder), kept_forecasts(folder)
    if not len(kept):
        raise ForecastError(
            f"{folder} has no kept forecasts yet. `forecast predict {shlex.quote(str(folder))} NEWFILE --keep` makes them."
        )
    panel, horizon = _known(folder, fitted, source, heard), fitted.goal.horizon
    truth, whole = _came(panel, kept, horizon)
    if np.isnan(truth).all():
        raise ForecastError(
            f"None of the kept forecasts of {folder} has come true: they are for {kept['ds'].min()} to {kept['ds'].max()}, and the target is known"
            f" until {pd.Index(placed(panel.cutoffs(panel.ends()), panel.clock.tz)).max()}. Give a file with rows after {kept['cutoff'].min()}."
        )
    walk = load_frame(folder / "outcomes.parquet")
    metric = _metric_of(folder)
    actual = _coded(walk["y"].to_numpy(), fitted.goal.names).reshape(-1, horizon)
    naive = load_json(folder / "run.json")["naive_errors"]
    recent, usual = _losses(fitted, kept, truth, metric, naive), _losses(fitted, walk, actual, metric, naive)
    moments, ratio, bound = _judge(recent, usual, whole)
    ratio, bound = METRICS[metric].finish(ratio), METRICS[metric].finish(bound)
    due = None if np.isnan(bound) else bool(ratio > bound)
    return Scored(folder, _by_step(recent, usual, metric), moments, ratio, bound, due, metric)


def _metric_of(folder: Path) -> str:
    """The metric by which the models of a run were ranked."""
    return str(load_json(folder / "run.json")["result"]["metric"])


def _came(panel: Panel, kept: pd.DataFrame, horizon: int) -> tuple[Array, Array]:
    """What came after each kept origin, (M, H), NaN where nothing is known; and whether its last row has
    come, (M,).
    """
    names, cutoffs = kept["unique_id"].to_numpy()[::horizon], unplaced(kept["cutoff"])[::horizon]
    origins = panel.origins_at(names, cutoffs)
    whole = origins[:, 1] + horizon <= panel.known()[origins[:, 0]]
    return panel.truth(origins, horizon), whole


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
    naive: dict[str, list[float | None]],
) -> Losses:
    """The losses of the forecasts in a frame of H rows per origin, next to the actual values (M, H)."""
    outcome = _outcome_of(fitted, frame, actual, naive)
    inside = {}
    for coverage, _, _ in outcome.forecast.bands:
        inside[f"{coverage:g}"] = metric_of(f"coverage-{coverage:g}").cells(outcome)
    ids = frame["unique_id"].to_numpy()[:: actual.shape[1]]
    lasts = outcome.forecast.times[:, -1]
    return Losses(ids, outcome.forecast.cutoffs, lasts, METRICS[metric].cells(outcome), inside)


def _outcome_of(
    fitted: Fitted, frame: pd.DataFrame, actual: Array, naive: dict[str, list[float | None]]
) -> Outcome:
    """The forecasts in a frame of H rows per origin as an Outcome; their quantiles are the ends of the
    intervals.
    """
    model, task, horizon = fitted.spec.name, fitted.goal.task, actual.shape[1]
    names = frame["unique_id"].to_numpy()[::horizon]
    ids = tuple(dict.fromkeys(names))
    place = {name: i for i, name in enumerate(ids)}
    series = np.array([place[name] for name in names], "int64")
    forecast = Forecast(
        model=model,
        ids=ids,
        origins=np.stack([series, np.zeros_like(series)], axis=1),
        cutoffs=unplaced(frame["cutoff"])[::horizon],
        times=unplaced(frame["ds"]).reshape(-1, horizon),
        values=np.full(actual.shape, np.nan),
        names=fitted.goal.names,
    )
    fill = _with_shares if fitted.goal.names else _with_numbers
    forecast = fill(forecast, frame, task.intervals)
    table = np.array([naive.get(name, [None, None]) for name in ids], "float64").reshape(-1, 2)
    nothing = np.full(len(series), np.nan)
    truth = Truth(actual, nothing, table, fitted.scaling, "", fitted.clock, task)
    return Outcome(0, forecast, truth)


def _with_numbers(blank: Forecast, frame: pd.DataFrame, intervals: tuple[float, ...]) -> Forecast:
    """The forecast with the points and the ends of the intervals of a frame."""
    levels = quantile_levels(intervals)
    columns = {0.5: blank.model}
    for coverage in intervals:
        low, high = quantile_levels([coverage])[::2]
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
    late, ratios = _ratios(recent, base, whole)
    if not len(late):
        return 0, np.nan, np.nan
    late, ratios = late[-RECENT:], ratios[-RECENT:]
    reach = np.max(usual.lasts - usual.cutoffs)
    near = late[-1] - late + reach <= np.maximum(
        reach, (walk[-1] - walk[0] + reach) // LEAST
    )  # as long a stretch as fits LEAST times into the walk
    late, ratios = late[near], ratios[near]
    return len(late), float(ratios.mean()), bound_of(walk, walked, late - late[0], reach)


def _ratios(errors: Losses, base: dict[str, Array], which: Array | None = None) -> tuple[Array, Array]:
    """Moments, rising, and the mean at each of the errors over the base of their series and step; moments
    without any are left out.
    """
    nothing = np.full(errors.losses.shape[1], np.nan)
    usual = np.array([base.get(name, nothing) for name in errors.ids]).reshape(errors.losses.shape)
    ratio = mean_observed(errors.losses / np.where(usual > 0, usual, np.nan), 1)
    seen = ~np.isnan(ratio) & (True if which is None else which)
    moments, place = np.unique(errors.cutoffs[seen], return_inverse=True)
    return moments, np.bincount(place, ratio[seen], len(moments)) / np.maximum(
        np.bincount(place, minlength=len(moments)), 1
    )


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
