"""backtest: the one generator that walks a panel forward. Nets, ARIMA, tuning, the command line and notebooks all read it."""

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from forecast.arrays import Array, under
from forecast.data.bounds import MANY_ZEROS, share_of_zeros
from forecast.data.panel import Panel, require_panel
from forecast.data.scaling import Scaling
from forecast.errors import ForecastError
from forecast.evaluation.folds import Fold, WalkForward, first_test_row, walk_forward
from forecast.evaluation.metrics import check_kind, naive_errors, ranking
from forecast.fitting import NotFiniteError, actual_values, fit
from forecast.models import spec
from forecast.models.base import Spec, Watch
from forecast.results import Forecast, Log, Outcome, Truth, blank_forecast
from forecast.task import Task, task_of
from forecast.workers import processes

Part = tuple[str, int]  # model, fold
# values (M, H), quantiles (M, H, Q) of a model that has some, the scale of the target, and what a warm refit starts from
Answers = dict[str, Array]
Result = tuple[Answers, Log]  # of one part
SCALING = "scaling."  # begins the names of what the fit learned of its target's scale
START = "start."  # begins the names of what the next fold starts from


class Keep:
    """Where finished parts are kept, and who watches the fit of one; this one keeps nothing. It is sent to worker processes."""

    def load(self, part: Part) -> Result | None:
        """The forecasts and the log of a finished part, or None."""
        return None

    def store(self, part: Part, answers: Answers, log: Log) -> None:
        """Keep a finished part."""

    def watch(self, part: Part) -> Watch:
        """Who watches the fit of a part."""
        return Watch()


def backtest(
    models: str | Spec | Iterable[str | Spec],
    panel: Panel,
    walk: WalkForward | None = None,
    task: Task | int | str | None = None,
    *,
    seed: int = 0,
    jobs: int = 1,
    keep: Keep | None = None,
    **keywords: Any,
) -> Iterator[Outcome]:
    """Fit each model before each fold and forecast at all of the fold's origins; yields Outcomes, fold by fold, model by model.

    task: what is asked (`Task`), or its horizon; its fields may be given by keyword too, such as intervals=(80, 95) or
    metric="rmse". Intervals are those of the models that know a distribution; `calibrate` gives them to all.
    jobs: fits that run side by side, each on one thread in a process of its own (0 = one per core); results do not depend
    on it by a bit. The warm refits of one model follow one another. A single fit trains the members of its net side by side.
    Raises ForecastError where a horizon is asked for twice, or a metric cannot rank what is asked.
    """
    require_panel(panel)
    specs = named_specs(models)
    walk, task = asked_of(walk, task_of(task, keywords))
    folds = list(walk_forward(panel, walk))
    task, why = settled(task.steps(panel.clock, walk.gap), panel, walk)
    blocks = independent_blocks(folds, walk)
    allowed = processes(jobs)
    beside = min(allowed, len(blocks) * len(specs))
    ask = Ask(panel, walk, task, seed, keep or Keep(), allowed if beside == 1 else 1)
    for fold, results in walked(ask, specs, blocks, beside):
        yield from outcomes_of(ask, fold, specs, results, why)


def independent_blocks(folds: list[Fold], walk: WalkForward) -> list[list[Fold]]:
    """The folds in blocks that do not depend on each other: with warm refits they all do."""
    if walk.refit == "warm":
        return [folds]
    return [[fold] for fold in folds]


def walked(
    ask: "Ask", specs: list[Spec], blocks: list[list[Fold]], jobs: int
) -> Iterator[tuple[Fold, list[Result]]]:
    """The results of all models, fold by fold, by `jobs` processes."""
    if jobs > 1:
        return side_by_side(ask, specs, blocks, jobs)
    folds = [fold for block in blocks for fold in block]
    return one_by_one(ask, specs, folds)


def one_by_one(ask: "Ask", specs: list[Spec], folds: list[Fold]) -> Iterator[tuple[Fold, list[Result]]]:
    """The results of all models, fold by fold, in this process: each from the start that the fold before left, if any."""
    starts: dict[str, Answers | None] = {}
    for fold in folds:
        results = []
        for one in specs:
            answers, log = run_part(ask, fold, one, starts.get(one.name))
            starts[one.name] = start_of(answers)
            results.append((answers, log))
        yield fold, results


def side_by_side(
    ask: "Ask", specs: list[Spec], blocks: list[list[Fold]], jobs: int
) -> Iterator[tuple[Fold, list[Result]]]:
    """The results of all models, fold by fold, from `jobs` processes; each model walks a block in one of them."""
    from joblib import Parallel, delayed

    calls = [delayed(run_chain)(ask, block, one) for block in blocks for one in specs]
    chains = Parallel(n_jobs=jobs, return_as="generator")(calls)
    for block in blocks:
        of_models = [next(chains) for _ in specs]
        for place, fold in enumerate(block):
            yield fold, [results[place] for results in of_models]


def outcomes_of(
    ask: "Ask", fold: Fold, specs: list[Spec], results: list[Result], why: str
) -> Iterator[Outcome]:
    """The results of all models in one fold as Outcomes, which share the truth and the stamps."""
    truth = truth_of(ask, fold, results[0][0], why)
    blank = blank_forecast("", ask.panel, fold.origins, ask.task)
    for one, (answers, log) in zip(specs, results, strict=True):
        yield Outcome(fold.index, filled(blank, one.name, answers, ask.task), truth, log)


def named_specs(models: str | Spec | Iterable[str | Spec]) -> list[Spec]:
    """The Specs of models that are named or given; ForecastError where there is none, or two have one name."""
    if isinstance(models, str) or not isinstance(models, Iterable):
        return named_specs([models])
    specs = [spec(model) if isinstance(model, str) else model for model in models]
    names = [one.name for one in specs]
    if not names:
        raise ForecastError('No model is named. Give one or several, such as ["gru", "arima", "naive"].')
    if len(set(names)) < len(names):
        raise ForecastError(
            f"Two models have the same name: {', '.join(names)}. Give each Spec another name."
        )
    return specs


def asked_of(walk: WalkForward | None, task: Task) -> tuple[WalkForward, Task]:
    """Walk and task with one horizon, that of the one which names it; ForecastError where both do and they differ."""
    walk = walk or WalkForward()
    if None not in (walk.horizon, task.horizon) and walk.horizon != task.horizon:
        raise ForecastError(
            f"The horizon is {walk.horizon} in the walk and {task.horizon} in the task. Give it once."
        )
    horizon = walk.horizon if task.horizon is None else task.horizon
    return replace(walk, horizon=horizon), replace(task, horizon=horizon)


def settled(task: Task, panel: Panel, walk: WalkForward) -> tuple[Task, str]:
    """The task with the metric by which its models are ranked, and the reason where it is not named and not the MAE; its
    transform settled too, where it is `auto`.

    Names are ranked by the Brier score where there are two, by the log loss of several, or where these have an order by the
    ranked probability score; they have no quantiles.
    Of a number it is chosen on the rows before the first test origin: the CRPS where over a quarter of the target is zero, else the
    MASE where several columns of a file are series of different units, else the MAE.
    """
    task = task.with_transform(panel.until(first_test_row(panel, walk)))
    if task.metric is not None:
        check_kind(task.metric, panel.target, panel.names, panel.columns[0].ordered)
    if task.reduce != "each" and walk.gap:
        raise ForecastError(
            f"`reduce={task.reduce}` is about all steps of the horizon, and `gap={walk.gap}` leaves some out. Leave one out."
        )
    if panel.names:
        usual = _usual_of_names(panel)
        return replace(task, metric=task.metric or usual, intervals=(), levels=()), ""
    if task.metric is None:
        name, why = usual_metric(task, panel, walk)
        return replace(task, metric=name), why
    if ranking(task.metric).quantiles and not task.levels:
        raise ForecastError(
            f"The metric {task.metric} scores quantiles, and none are asked for. Ask for intervals, such as 80,95,"
            f" or take a metric of points, such as mae or rmse."
        )
    return task, ""


def _usual_of_names(panel: Panel) -> str:
    """The metric of names where none is named."""
    if panel.kind == "event":
        return "brier"
    return "rps" if panel.columns[0].ordered else "log_loss"


def usual_metric(task: Task, panel: Panel, walk: WalkForward) -> tuple[str, str]:
    """The metric of numbers where none is named, and the reason where it is not the MAE."""
    zeros = share_of_zeros(panel.until(first_test_row(panel, walk)))
    if zeros > MANY_ZEROS:
        why = f"{zeros:.0%} of {panel.target} is 0 before the test, and the MAE would favour a constant 0"
        if task.levels:
            return "crps", why
        return "rmse", f"{why}; without intervals there is no CRPS"
    if panel.wide:
        return "mase", "the series are columns of a file, whose units may differ"
    return "mae", ""


@dataclass(frozen=True, eq=False)
class Ask:
    """What every part of a walk is asked: it is sent to the worker processes."""

    panel: Panel
    walk: WalkForward
    task: Task  # with its horizon in steps and its metric settled
    seed: int
    keep: Keep
    jobs: int  # of each fit


def run_chain(ask: Ask, folds: Sequence[Fold], one: Spec) -> list[Result]:
    """The parts of one model, each from the start that the one before left: what a worker process sends back."""
    return [results[0] for _, results in one_by_one(ask, [one], list(folds))]


def start_of(answers: Answers) -> Answers | None:
    """What the next fit can start from; None where nothing was left for it."""
    return under(answers, START) or None


def run_part(ask: Ask, fold: Fold, one: Spec, start: Answers | None = None) -> Result:
    """The forecasts of one model at the origins of one fold, and the log of its fit.

    They are taken from `keep`, or made and kept there.
    """
    part = (one.name, fold.index)
    kept = ask.keep.load(part)
    if kept is not None:
        return kept
    past = ask.walk.past(ask.panel.until(fold.until))
    watch = ask.keep.watch(part)
    fitted = fit(one, past, ask.task, seed=ask.seed, jobs=ask.jobs, watch=watch, start=start)
    begun = time.process_time()
    try:
        forecast = fitted.predict(ask.panel, fold.origins)
    except NotFiniteError as error:
        raise NotFiniteError(f"Fold {fold.index}: {error}") from None
    answers = {**arrays_of(forecast), **scaling_arrays(fitted.scaling, past)}
    if ask.walk.refit == "warm":
        answers |= {f"{START}{name}": array for name, array in fitted.start.items()}
    log = replace(fitted.log, seconds=fitted.log.seconds + time.process_time() - begun)
    ask.keep.store(part, answers, log)
    return answers, log


def arrays_of(forecast: Forecast) -> Answers:
    """The values of a forecast, and its shares or quantiles where it has some."""
    found = {"values": forecast.values}
    if forecast.shares is not None:
        found["shares"] = forecast.shares
    if forecast.quantiles is not None and not np.isnan(forecast.quantiles).all():
        found["quantiles"] = forecast.quantiles
    if forecast.mass:
        found["mass"] = np.ones(1, "int64")
    return found


def scaling_arrays(scaling: Scaling, past: Panel) -> Answers:
    """What a fit learned of the scale of its target, as arrays: the series of its past, and loc, spread, power of each."""
    rows = scaling.fitted(past.ids)
    target = np.stack([scaling.loc[:, 0], scaling.spread[:, 0], scaling.power], axis=1)
    return {f"{SCALING}series": np.flatnonzero(rows >= 0), f"{SCALING}target": target}


def scaling_of(ask: Ask, answers: Answers) -> Scaling:
    """The scaling of the target that `scaling_arrays` wrote down."""
    ids = tuple(ask.panel.ids[i] for i in answers[f"{SCALING}series"])
    target = answers[f"{SCALING}target"]
    return Scaling(ids, target[:, :1], target[:, 1:2], target[:, 2], ask.task.units)


def truth_of(ask: Ask, fold: Fold, answers: Answers, why: str) -> Truth:
    """The actual values after the origins of a fold, and what was known before; answers: those of any of its models."""
    panel, walk = ask.panel, ask.walk
    past = walk.past(panel.until(fold.until))
    values = actual_values(panel, fold.origins, ask.task)
    values[:, : walk.gap] = np.nan  # a gap is of a task that asks of each step
    return Truth(
        values=values,
        last=panel.last(fold.origins),
        naive=naive_errors(past),
        scaling=scaling_of(ask, answers),
        target=panel.target,
        ordered=panel.columns[0].ordered,
        clock=panel.clock,
        task=ask.task,
        why=why,
        places=fold.places if walk.align == "end" else None,
    )


def filled(blank: Forecast, model: str, answers: Answers, task: Task) -> Forecast:
    """The forecasts of one part."""
    made = replace(blank, model=model, values=answers["values"], shares=answers.get("shares"))
    if "quantiles" not in answers:
        return made
    return replace(
        made,
        levels=task.levels,
        quantiles=answers["quantiles"],
        intervals=task.intervals,
        mass="mass" in answers,
    )
