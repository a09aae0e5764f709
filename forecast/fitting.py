"""fit: Spec + past -> Fitted, another type. Scaling lives here, inside the fold, so nothing outside can leak into it."""

import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from forecast.arrays import Array
from forecast.copula import FEW, seeds_of, share_until, values_at
from forecast.data.bounds import outside_bounds
from forecast.data.categories import indicators, recoded, told_apart
from forecast.data.clock import Clock, show
from forecast.data.findings import counted, listed
from forecast.data.panel import Column, Panel, require_panel
from forecast.data.scaling import Scaling, Units, cold_panel, fit_scaling
from forecast.data.zones import to_local
from forecast.errors import ForecastError, validated
from forecast.glance import Glance, few, public
from forecast.models import models_for, spec
from forecast.models.base import (
    Learned,
    OtherSettingsError,
    Seed,
    Spec,
    Watch,
    context_of,
    has_hurdle,
    is_unscaled,
    reads_of,
    refitted,
    report_of,
    targets_of,
)
from forecast.results import (
    Calibration,
    Forecast,
    Log,
    Taught,
    Tempering,
    blank_forecast,
    ordered,
    point_of,
    with_shares,
    within,
)
from forecast.task import FIELDS, Goal, Task, quantile_levels, reduced, task_of
from forecast.workers import one_thread, processes

if TYPE_CHECKING:
    import plotly.graph_objects as go

UNSCALED = Units("none", "none")  # what a model sees that scales its panel itself
LARGEST = 1e150  # values above have squares that are not finite
CHUNK = 512  # cold origins answered at once: each is a short series of its own
WHOSE = ("model", "series", "columns, horizon, units, intervals or bounds")  # what a start says that it is of


class NotFiniteError(ForecastError):
    """A model forecasts what is no number."""


@dataclass(frozen=True, eq=False)
class Answer:
    """What a model answers, z (m, H, P), for the forecasts `where` (m,); rows (m,) of the scaling that its series have."""

    where: Array
    z: Array
    scaling: Scaling
    rows: Array


@dataclass(frozen=True, eq=False)
class Question:
    """What is asked of what was learned: origins (m, 2) of a scaled panel.

    where (m,): which of all origins asked for these are · fitted (S,): the place of each series of the panel among those
    of the fit, -1 where it had none · scaling, rows (m,): what scaled each of their series, and its row there.
    """

    where: Array
    panel: Panel
    origins: Array
    fitted: Array
    scaling: Scaling
    rows: Array


@dataclass(frozen=True, eq=False, repr=False)
class Fitted(Glance):
    """A fitted model: a forecast at any origin of any panel with the same columns and clock.

    columns: those of the panels it is asked about, each category with the names that were told apart; goal.columns are
    those that the model sees.
    """

    spec: Spec
    goal: Goal
    columns: tuple[Column, ...]
    clock: Clock
    scaling: Scaling
    learned: Learned
    log: Log
    calibration: Taught | None = None

    def facts(self) -> dict[str, str]:
        """What is shown of it in place of what it learned."""
        return {
            "model": self.spec.name,
            "target": self.goal.columns[0],
            "steps": f"{self.goal.horizon:,}",
            "step": self.clock.words,
            "series": f"{len(self.scaling.ids):,} ({few(self.scaling.ids)})",
            "columns": few(self.goal.columns[1:]),
            "context": counted(self.context, "row"),
            "intervals": ", ".join(f"{coverage:g} %" for coverage in self.goal.task.intervals),
            "calibrated": "yes" if self.calibration is not None else "no",
            "seconds": f"{self.log.seconds:.2f}",
        }

    def plot_loss(self) -> "go.Figure":
        """Training and validation loss by step of this fit: `fc.plot(fitted)`.

        ForecastError for a model that is not trained in steps.
        """
        figure: go.Figure = public("plot")(self)
        return figure

    @cached_property
    def context(self) -> int:
        """Rows before an origin that a forecast reads."""
        return context_of(self.learned)

    @property
    def mass(self) -> bool:
        """Whether a quantile of 0 says that the target is exactly 0."""
        return has_hurdle(self.learned) and bool(self.goal.levels)

    @property
    def start(self) -> dict[str, Array]:
        """What `fit(start=)` goes on from: all that was learned, and whose it is, as arrays."""
        whose = json.dumps(_whose(self.spec, self.scaling, self.goal)).encode()
        return {**self.learned.arrays(), "whose": np.frombuffer(whose, "uint8")}

    def predict(self, panel: Panel, origins: Array | None = None) -> Forecast:
        """Forecasts of `horizon` steps at origins (M, 2) = (series, rows known).

        By default they are after the last observed target of each series.

        A series that was not fitted is forecast cold: scaled on its own rows before each origin. Raises ForecastError where
        a column is missing, the clock is another, nothing is known before an origin, or a future column is not known over
        the horizon (`check_ahead`); NotFiniteError where the model forecasts no finite value.
        """
        panel, origins = self.asked(panel, origins)
        blank = blank_forecast(self.spec.name, panel, origins, self.goal.task)
        answers = self._answers(panel, origins)
        answered = self._of_names if self.goal.names else self._of_numbers
        with one_thread():
            forecast = answered(blank, answers)
        _require_finite(forecast, panel)
        return forecast

    def paths(self, panel: Panel, origins: Array | None = None, count: int = 500, seed: int = 0) -> Array:
        """Sample paths (M, count, H) of the target, in its units, from origins (M, 2); those of `predict` by default.

        At each step the values of the paths are spread evenly over the calibrated distribution: linear in the normal score
        of the level between the levels of the task, with a normal tail beyond the outer ones, cut at the bounds. Over the
        steps they are joined as the errors of the walk were (`forecast.copula.Templates`). Paths of different series
        or origins are independent of each other.

        count: paths of each origin, at least 2 · seed: of every random choice. Paths of an origin depend on the seed, the
        name of its series and its cutoff, and on no other origin. Raises ForecastError where the model has no distribution
        that a walk taught, the target has names, or a step has no interval; and as `predict` does.
        """
        validated(Seed, seed, "seed")
        if not isinstance(count, int) or count < 2:
            raise ForecastError(
                f"`paths={count}` is no number of paths: give a whole number from 2 on, such as 500."
            )
        calibration = self.require_paths()
        panel, origins = self.asked(panel, origins)
        made = np.empty((len(origins), count, self.goal.horizon))
        seeds = seeds_of(seed, panel.ids, origins, panel.cutoffs(origins))
        shown = quantile_levels(self.goal.task.intervals)
        with one_thread():
            for one in self._answers(panel, origins):
                quantiles = calibration.apply(one.z, shown)
                none = self._none(one, quantiles)
                for place, own, below in zip(one.where, quantiles, none, strict=True):
                    scores = calibration.templates.scores(count, seeds[place])
                    values = values_at(scores, own, calibration.levels)
                    made[place] = np.where(scores <= below, own[:, 0], values)
                made[one.where] = self._inverted(one, made[one.where])
        return within(made, self.goal.bounds)

    def _none(self, answer: Answer, quantiles: Array) -> Array:
        """The normal scores (m, H) until which there is no amount, by scaled quantiles (m, H, Q); -inf without a mass at 0."""
        from scipy.special import ndtri

        if not self.mass:
            return np.full(quantiles.shape[:2], -np.inf)
        zeros = np.broadcast_to(answer.scaling.zeros[answer.rows, None], quantiles.shape[:2])
        share = share_until(zeros, quantiles, self.goal.levels)
        none: Array = np.where(quantiles[..., 0] <= zeros, ndtri(share), -np.inf)
        return none

    def calibrated(self, calibration: Taught) -> "Fitted":
        """This model with the intervals and the sample paths that a walk taught.

        `outcomes, learned = fc.calibrate(fc.backtest(...))` gives the Calibration of each model, `learned["gru"]`.
        ForecastError where it has other levels or another horizon.
        """
        if isinstance(calibration, Tempering):
            return self._tempered(calibration)
        found = (calibration.levels, len(calibration.shift))
        if found != (self.goal.levels, self.goal.horizon):
            raise ForecastError(
                f"{self.spec.name} was fitted for {counted(self.goal.horizon, 'step')} and {len(self.goal.levels)} quantile"
                f" levels, and the walk was of {counted(len(calibration.shift), 'step')} and {len(calibration.levels)}. Give"
                f" both the same task."
            )
        return replace(self, calibration=calibration)

    def _tempered(self, tempering: Tempering) -> "Fitted":
        """This model of names with shares as sharp as a walk taught."""
        answered = self.goal.answered if self.goal.names else 0
        if len(tempering.sharpness) != answered:
            raise ForecastError(
                f"{self.spec.name} gives {counted(answered, 'answer')} about names, and the walk was of"
                f" {counted(len(tempering.sharpness), 'answer')}. Give both the same task."
            )
        return replace(self, calibration=tempering)

    def require_paths(self) -> Calibration:
        """What a walk taught; ForecastError where it cannot give sample paths."""
        name = self.spec.name
        if self.goal.names:
            raise ForecastError(
                f"{self.columns[0].name} has names, and sample paths are of numbers: forecast a number."
            )
        if not isinstance(self.calibration, Calibration):
            raise ForecastError(
                f"{name} has no sample paths: they follow the errors of a walk, and none has calibrated it. Make it by"
                f" fc.run or `forecast fit` with intervals, or give it what a walk taught by fitted.calibrated(...)."
            )
        without = np.isnan(self.calibration.shift).any()
        if without or len(self.calibration.templates.levels) < FEW:
            raise ForecastError(
                f"{name} has no sample paths: too few whole horizons of its walk have passed to say how errors follow one"
                f" another. Walk a longer test, such as `test=0.4`, or take a shorter `horizon`."
            )
        return self.calibration

    def asked(self, panel: Panel, origins: Array | None = None) -> tuple[Panel, Array]:
        """The columns of the fit, categories as indicators, and the origins (M, 2), both found fit to be asked about.

        Raises as `predict`.
        """
        panel = self._checked(panel)
        origins = panel.ends() if origins is None else np.asarray(origins, "int64")
        self._check_origins(panel, origins)
        if "future" in reads_of(self.spec):
            check_ahead(panel, origins, self.goal.horizon)
        return indicators(panel), origins

    def questions(self, panel: Panel, origins: Array) -> Iterator[Question]:
        """What is to be asked of what was learned, for the origins (M, 2) of a panel as `asked` gives both.

        Series that were fitted are asked about at once, others in chunks.
        """
        fitted = self.scaling.fitted(panel.ids)
        row = fitted[origins[:, 0]]
        warm = row >= 0
        if warm.any():
            where = np.flatnonzero(warm)
            scaled = self.scaling.apply(panel)
            yield Question(where, scaled, origins[warm], fitted, self.scaling, row[warm])
        for chunk in _chunks(np.flatnonzero(~warm)):
            at = origins[chunk]
            cold, ends, scaling = cold_panel(panel, at, self.context, self.scaling, self.goal.horizon)
            yield Question(chunk, cold, ends, np.full(len(chunk), -1), scaling, np.arange(len(chunk)))

    def _answers(self, panel: Panel, origins: Array) -> Iterator[Answer]:
        """What was learned says at the origins (M, 2) of a panel of indicators."""
        for one in self.questions(panel, origins):
            z = self.learned.predict(one.panel, one.origins, one.fitted)
            yield Answer(one.where, z, one.scaling, one.rows)

    def _of_numbers(self, blank: Forecast, answers: Iterator[Answer]) -> Forecast:
        """The forecast with points and quantiles, in the units of the target."""
        levels, bounds = self.goal.levels, self.goal.bounds
        values = blank.values
        quantiles = np.full((*values.shape, len(levels)), np.nan) if levels else None
        for one in answers:
            values[one.where] = self._inverted(one, point_of(one.z, levels))
            moved = self._quantiles(one.z)
            if quantiles is not None and moved is not None:
                quantiles[one.where] = self._inverted(one, moved)
        if quantiles is not None:
            quantiles = within(quantiles, bounds)
        return replace(
            blank,
            values=within(values, bounds),
            levels=levels,
            quantiles=quantiles,
            intervals=self.goal.task.intervals,
            mass=self.mass,
        )

    def _inverted(self, answer: Answer, z: Array) -> Array:
        """What scaled answers (m, ...) are in units of the target; of a model with a mass at 0 none is below, and 0 is 0."""
        made = answer.scaling.invert(z, answer.rows)
        if not self.mass:
            return made
        zeros = answer.scaling.zeros[answer.rows].reshape(-1, *[1] * (z.ndim - 1))
        return np.where(z <= zeros, 0.0, made)

    def _quantiles(self, z: Array) -> Array | None:
        """Scaled quantiles (M, H, Q) of answers (M, H, P): moved as the walk taught, or the model's own.

        None where there are none.
        """
        levels = self.goal.levels
        shown = quantile_levels(self.goal.task.intervals)
        if isinstance(self.calibration, Calibration):
            return self.calibration.apply(z, shown)
        if levels and z.shape[2] == len(levels):
            return ordered(z, levels, point_of(z, levels), shown)
        return None

    def _of_names(self, blank: Forecast, answers: Iterator[Answer]) -> Forecast:
        """The forecast with the shares (M, H, K) of each name, and the value that stands for them."""
        names = self.goal.names
        shares = np.full((*blank.values.shape, len(names)), np.nan)
        for one in answers:
            shares[one.where] = one.z
        if isinstance(self.calibration, Tempering):
            shares = self.calibration.apply(shares)
        return with_shares(blank, shares)

    def scaled(self, panel: Panel) -> Panel:
        """What the model sees of a panel: the columns of the fit, categories as indicators, in z."""
        return self.scaling.apply(indicators(self._checked(panel)))

    def _checked(self, panel: Panel) -> Panel:
        """The panel with its columns in the order of the fit."""
        require_panel(panel)
        wanted = [column.name for column in self.columns]
        found = [column.name for column in panel.columns]
        absent = [name for name in wanted if name not in found]
        target = _known_as(self.columns[0], self.scaling.ids)
        if wanted[0] in absent or self.columns[0].made != panel.columns[0].made:
            raise ForecastError(
                f"{self.spec.name} was fitted to forecast {target}; the target of this panel is"
                f" {_known_as(panel.columns[0], panel.ids)}. Read the same target (fc.read(..., target=...)), or fit again."
            )
        if absent:
            raise ForecastError(
                f"{self.spec.name} was fitted on {', '.join([target, *wanted[1:]])}; {', '.join(absent)} is missing here."
                f" Add the column (it may be empty), or fit again without it."
            )
        if panel.clock != self.clock:
            raise ForecastError(
                f"{self.spec.name} was fitted on {self.clock.words} data; these are {panel.clock.words}."
            )
        return recoded(panel, self.columns)

    def _check_origins(self, panel: Panel, origins: Array) -> None:
        if origins.ndim != 2 or origins.shape[1] != 2:
            raise ForecastError(
                f"Origins are pairs (series, rows known), an array (M, 2); found shape {origins.shape}."
            )
        wrong = (origins[:, 0] < 0) | (origins[:, 0] >= len(panel.ids))
        if not wrong.any():
            wrong = (origins[:, 1] < 1) | (origins[:, 1] > panel.lengths[origins[:, 0]])
        if wrong.any():
            series, row = (int(number) for number in origins[wrong][0])
            raise ForecastError(
                f"There is no origin (series {series}, row {row}): the panel has {len(panel.ids)} series, and a forecast"
                f" needs between 1 and all rows of one to be known."
            )


def fit(
    model: str | Spec,
    past: Panel,
    task: Task | int | str | None = None,
    *,
    seed: int = 0,
    jobs: int = 1,
    watch: Watch | None = None,
    start: dict[str, Array] | None = None,
    **keywords: Any,
) -> Fitted:
    """Fit a model, named or a Spec, on a panel: `fit("gru", panel, horizon=24, units=64)`.

    task: what is asked (`Task`), or its horizon, which defaults to that of the clock.
    keywords: fields of a Task, such as horizon, intervals, bounds, transform, scale; all others are settings of a named
    model. Intervals are those of the models that know a distribution; a walk (`backtest`, `run`) gives them to all.
    seed: of every random choice, a whole number from 0 on.
    jobs: members of a net that are trained side by side, each on one thread in a process of its own (0 = one a core); the
    bits do not depend on it.
    start: `Fitted.start` of a fit on an earlier past. A net goes on from its weights (a warm refit); a model that cannot,
    or that had other series or columns, or a net of other shapes, is fitted anew, which its log notes.
    Raises ForecastError where no series has an observed target, or a keyword is neither.
    """
    asked = {name: value for name, value in keywords.items() if name in FIELDS}
    settings = {name: value for name, value in keywords.items() if name not in FIELDS}
    task = _task_of_fit(task, asked)
    chosen = _chosen(model, settings)
    require_panel(past)
    validated(Seed, seed, "seed")
    _check_start(start)
    past = past.history()
    task = task.with_transform(past)
    check_target(chosen, past, task)
    columns, notes = told_apart(past)
    notes = (*notes, *outside_bounds(past, task.bounds))
    past = indicators(recoded(past, columns))
    begun = time.process_time()
    scaling = fit_scaling(past, UNSCALED if is_unscaled(chosen) else task.units)
    if not scaling.ids:
        raise ForecastError(f"No series has an observed value of {past.target} to learn from.")
    fold = _Past(chosen, _only(scaling.apply(past), scaling), goal_of(task, past), scaling)
    learned, why = fold.learn(start, seed, jobs, watch or Watch())
    if why:
        notes = (*notes, f"{chosen.name}: fitted cold, {why}")
    found = report_of(learned)
    log = replace(
        found,
        notes=(*found.notes, *notes),
        seconds=found.seconds + time.process_time() - begun,
        warm=start is not None and not why,
    )
    return Fitted(chosen, fold.goal, columns, past.clock, scaling, learned, log)


@dataclass(frozen=True, eq=False)
class _Past:
    """What a model learns from: a scaled panel of the series that can be learned from, and what is asked."""

    chosen: Spec
    panel: Panel
    goal: Goal
    scaling: Scaling

    def learn(
        self, start: Mapping[str, Array] | None, seed: int, jobs: int, watch: Watch
    ) -> tuple[Learned, str]:
        """What the model learned, and the reason where it could not go on from a start; empty where it did, or had none."""
        from joblib import parallel_config

        why = ""
        with one_thread(), parallel_config(n_jobs=processes(jobs)):
            if start is not None:
                warm, why = self._warm(start, seed, watch)
                if warm is not None:
                    return warm, ""
            return self.chosen.fit(self.panel, self.goal, seed=seed, watch=watch), why

    def _warm(self, start: Mapping[str, Array], seed: int, watch: Watch) -> tuple[Learned | None, str]:
        """What the model learned going on from a start, or None and the reason why it cannot."""
        before = json.loads(start["whose"].tobytes())
        now = _whose(self.chosen, self.scaling, self.goal)
        differ = [what for what, was, new in zip(WHOSE, before, now, strict=True) if was != new]
        if differ:
            return None, f"the fit before had other {' and '.join(differ)}"
        try:
            learned = refitted(self.chosen, self.panel, self.goal, dict(start), seed=seed, watch=watch)
        except OtherSettingsError:
            return None, "the fit before had other settings"
        if learned is None:
            return None, "this model cannot continue from an earlier fit"
        return learned, ""


def _check_start(start: object) -> None:
    """ForecastError where what a fit is to go on from is not what an earlier one learned."""
    if start is not None and not (isinstance(start, Mapping) and "whose" in start):
        raise ForecastError(
            f"start takes what an earlier fit learned, and whose it is: start=fitted.start. Found a {type(start).__name__}."
        )


def check_target(chosen: Spec, panel: Panel, task: Task) -> None:
    """ForecastError where a model cannot forecast the target of a panel.

    And where the task asks of names what only numbers have.
    """
    if panel.kind not in targets_of(chosen):
        able = models_for(panel.kind)
        found = _kind_in_words(panel)
        raise ForecastError(
            f"{chosen.name} cannot forecast {panel.target}, which {found}. Take {' or '.join(able)}, which can"
            f" (`models={','.join(able)}`)."
        )
    if task.reduce != "each" and panel.kind != "event":
        raise ForecastError(
            f"`reduce={task.reduce}` asks whether an event takes place, and {panel.target} is none. Name one, such as"
            f' `event="{panel.target} > 0"`, or leave `reduce` out.'
        )
    if panel.names and (task.units.transform != "none" or task.bounds != (None, None)):
        what = "transform" if task.units.transform != "none" else "bounds"
        raise ForecastError(
            f"The target {panel.target} has names, so there is nothing to give it {what}. Leave {what} out."
        )


def _kind_in_words(panel: Panel) -> str:
    """What the target of a panel is."""
    if panel.columns[0].made == "event":
        return "is an event"
    return f"has the names {listed(panel.names)}" if panel.names else "is a number"


def _chosen(model: str | Spec, settings: Mapping[str, Any]) -> Spec:
    """The Spec that is fitted; ForecastError where settings are given next to one that has its own."""
    if isinstance(model, str):
        return spec(model, **settings)
    if settings:
        raise ForecastError(
            f"{model.name} is a Spec with settings of its own; {', '.join(settings)} cannot be given next to it."
            f" Change the Spec, or name the model."
        )
    return model


def _task_of_fit(task: Task | int | str | None, keywords: Mapping[str, Any]) -> Task:
    """What a fit is asked; ForecastError where a metric is named, for one model alone is not ranked."""
    if "metric" in keywords:
        raise ForecastError(
            "metric ranks models, and a fit ranks nothing. Give it to backtest, tune, run or leaderboard; what a net is"
            " trained on is its setting loss, what its weights are judged by is judge."
        )
    return replace(task_of(task, keywords), metric=None)


def goal_of(task: Task, past: Panel) -> Goal:
    """The goal of a fit on a panel whose categories are indicators already."""
    names = tuple(column.name for column in past.columns)
    future = tuple(names[place] for place in past.future)
    static = tuple(names[place] for place in past.static)
    read_as = tuple(column.read_as for column in past.columns)
    return Goal(task.steps(past.clock), names, future, static, past.names, read_as)


def _require_finite(forecast: Forecast, panel: Panel) -> None:
    """NotFiniteError with the first place where a forecast has no finite value, and what may help."""
    broken = np.argwhere(~np.isfinite(forecast.values))
    if not len(broken):
        return
    origin, step = broken[0]
    series = forecast.ids[forecast.origins[origin, 0]]
    value = forecast.values[origin, step]
    largest = float(np.nanmax(np.abs(panel.values[:, 0]), initial=0.0))
    helps = "Change its settings, or leave it out"
    if largest > LARGEST:
        helps = f"The values of {panel.target} reach {largest:.3g}, whose squares are no numbers: give them in a larger unit"
    raise NotFiniteError(
        f"{forecast.model} forecasts {value} for series {series!r} at step {step + 1} from origin row"
        f" {forecast.origins[origin, 1]}. {helps}."
    )


def actual_values(panel: Panel, origins: Array, task: Task) -> Array:
    """The target (M, A) after origins (M, 2), as a task asks for it; NaN where it is not known."""
    return reduced(panel.truth(origins, task.count), task.reduce)


def check_ahead(panel: Panel, origins: Array, horizon: int) -> None:
    """Refuse origins (M, 2) of tomorrow where a future column is not observed over the horizon.

    Of tomorrow are those whose horizon goes beyond the last observed target. A cell that is missing in the history is a
    missing value like any other, and masked.
    """
    if not panel.future:
        return
    index = origins[:, 1, None] + np.arange(horizon)
    is_tomorrow = index >= panel.known()[origins[:, 0], None]
    missing = np.isnan(panel.ahead(origins, horizon)) & is_tomorrow[..., None]
    if not missing.any():
        return
    place = int(missing.any((0, 1)).argmax())
    row = int(missing[..., place].any(1).argmax())
    column = panel.columns[panel.future[place]].name
    stamps = panel.stamps(origins[[row]], horizon)[0, missing[row, :, place]]
    raise ForecastError(
        f"The future column {column!r} must be known over the whole horizon of {counted(horizon, 'step')}; series"
        f" {panel.ids[origins[row, 0]]!r} has no value at {_first_stamps(panel, stamps)}. Add rows with it after the last"
        f" observed {panel.target}, whose cell stays empty there, or leave it out of `future`."
    )


def _first_stamps(panel: Panel, stamps: Array) -> str:
    """The first three of some stamps in words, and how many more there are."""
    first = [str(stamp) for stamp in stamps[:3]]
    if panel.clock.kind != "step":
        first = [show(stamp) for stamp in to_local(stamps[:3], panel.clock.tz)]
    more = f" and {len(stamps) - 3} more" if len(stamps) > 3 else ""
    return ", ".join(first) + more


def _whose(chosen: Spec, scaling: Scaling, goal: Goal) -> list[Any]:
    """By which model what was learned, of which series and for which goal, as JSON values; in the order of WHOSE."""
    return [chosen.name, list(scaling.ids), repr(goal)]


def _known_as(target: Column, ids: tuple[str, ...]) -> str:
    """A target as its user knows it: where each series was a column of the file, by these."""
    return listed(ids) if target.made == "stack" else target.name


def _only(panel: Panel, scaling: Scaling) -> Panel:
    """The series that can be learned from."""
    keep = scaling.fitted(panel.ids) >= 0
    if keep.all():
        return panel
    zeros = None if panel.zeros is None else panel.zeros[keep]
    starts, stops = panel.starts[keep], panel.stops[keep]
    return replace(panel, ids=scaling.ids, starts=starts, stops=stops, zeros=zeros)


def _chunks(index: Array) -> list[Array]:
    return [index[begin : begin + CHUNK] for begin in range(0, len(index), CHUNK)]
