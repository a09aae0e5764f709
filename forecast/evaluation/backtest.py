"""backtest: the one generator that walks a panel forward. Nets, ARIMA, tuning, the command line and notebooks all read it."""

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from functools import lru_cache, partial

import numpy as np

from forecast.data.panel import Panel, require_panel
from forecast.data.scaling import Scaling, Units, fit_scaling
from forecast.errors import ForecastError
from forecast.evaluation.folds import Fold, WalkForward, walk_forward
from forecast.files import Array, under
from forecast.fitting import fit
from forecast.models import spec
from forecast.models.base import Bounds, Spec, Watch, processes
from forecast.results import Forecast, Log, Outcome, quantile_levels

Part = tuple[str, int]  # model, fold
Answers = dict[
    str, Array
]  # values (M, H), quantiles (M, H, Q) from a model that has some; of warm refits what the next starts from
START = "start."  # begins the names of what the next fold starts from


class Keep:
    """Where finished parts are kept, and who watches the fit of one; this one keeps nothing. It is sent to worker processes."""

    def load(self, part: Part) -> tuple[Answers, Log] | None:
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
    *,
    intervals: Iterable[float] = (),
    bounds: Bounds = (None, None),
    transform: str = "none",
    scale: str = "standard",
    seed: int = 0,
    jobs: int = 1,
    keep: Keep | None = None,
) -> Iterator[Outcome]:
    """Fit each model before each fold and forecast at all of the fold's origins; yields Outcomes, fold by fold, model by model.

    intervals: percentages, such as (80, 95), for the models that know a distribution; `calibrate` gives them to all.
    transform, scale: as in `fit`.
    jobs: fits that run side by side, each on one thread in a process of its own (0 = one a core); results do not depend on it by a bit. The warm
    refits of one model follow one another. Where there is one fit alone the members of its net run side by side.
    """
    require_panel(panel)
    walk = walk or WalkForward()
    several = models if isinstance(models, Iterable) and not isinstance(models, str) else [models]
    specs = [spec(model) if isinstance(model, str) else model for model in several]
    names = [one.name for one in specs]
    if not names:
        raise ForecastError('No model is named. Give one or several, such as ["gru", "arima", "naive"].')
    if len(set(names)) < len(names):
        raise ForecastError(
            f"Two models have the same name: {', '.join(names)}. Give each Spec a name of its own."
        )
    folds = list(walk_forward(panel, walk))
    keep = keep or Keep()
    blocks = (
        [folds] if walk.refit == "warm" else [[fold] for fold in folds]
    )  # parts of different blocks do not depend on each other
    chains = [(one, block) for block in blocks for one in specs]
    allowed = processes(jobs)
    jobs = min(allowed, len(chains))
    ask = Ask(
        panel,
        walk,
        tuple(intervals),
        bounds,
        Units(transform, scale),
        seed,
        keep,
        allowed if jobs == 1 else 1,
    )
    known = lru_cache(maxsize=1)(partial(facts, ask))  # parts come fold by fold
    done: Iterator[Iterator[tuple[Answers, Log]]]
    if jobs == 1:
        done = (run_chain(ask, block, one) for one, block in chains)
    else:
        from joblib import Parallel, delayed

        done = map(
            iter,
            Parallel(n_jobs=jobs, return_as="generator")(
                delayed(whole_chain)(ask, block, one) for one, block in chains
            ),
        )
    for block in blocks:
        parts = [next(done) for _ in specs]
        for fold in block:
            for one, made in zip(specs, parts, strict=True):
                yield outcome(ask, known(fold), one, *next(made))


@dataclass(frozen=True, eq=False)
class Ask:
    """What every part of a walk is asked: it is sent to the worker processes."""

    panel: Panel
    walk: WalkForward
    intervals: tuple[float, ...]
    bounds: Bounds
    units: Units
    seed: int
    keep: Keep
    jobs: int  # of each fit


def run_chain(ask: Ask, folds: Sequence[Fold], one: Spec) -> Iterator[tuple[Answers, Log]]:
    """The parts of one model, each from the start that the one before left, if it left any."""
    answers: Answers = {}
    for fold in folds:
        answers, log = run_part(ask, fold, one, start_of(answers))
        yield answers, log


def whole_chain(ask: Ask, folds: Sequence[Fold], one: Spec) -> list[tuple[Answers, Log]]:
    """All of a chain: what a worker process sends back."""
    return list(run_chain(ask, folds, one))


def start_of(answers: Answers) -> Answers | None:
    """What the next fit can start from; None where nothing was left for it."""
    return under(answers, START) or None


def run_part(ask: Ask, fold: Fold, one: Spec, start: dict[str, Array] | None = None) -> tuple[Answers, Log]:
    """The forecasts of one model at the origins of one fold, and the log of its fit: taken from `keep`, or made and kept there."""
    part = (one.name, fold.index)
    kept = ask.keep.load(part)
    if kept is not None:
        return kept
    past, horizon = ask.walk.past(ask.panel.until(fold.until)), ask.walk.ahead(ask.panel.clock)
    watch = ask.keep.watch(part)
    how = {
        **asdict(ask.units),
        "intervals": ask.intervals,
        "bounds": ask.bounds,
        "seed": ask.seed,
        "jobs": ask.jobs,
    }
    fitted = fit(one, past, horizon, **how, watch=watch, start=start)
    begun = time.process_time()
    forecast = fitted.predict(ask.panel, fold.origins)
    answers = {"values": forecast.values}
    if forecast.quantiles is not None and not np.isnan(forecast.quantiles).all():
        answers["quantiles"] = forecast.quantiles
    if ask.walk.refit == "warm":
        answers |= {f"{START}{name}": array for name, array in fitted.start.items()}
    log = replace(fitted.log, seconds=fitted.log.seconds + time.process_time() - begun)
    ask.keep.store(part, answers, log)
    return answers, log


@dataclass(frozen=True, eq=False)
class Facts:
    """What all models of one fold are measured against, each array once for all of them: as in Forecast and Outcome."""

    fold: Fold
    cutoffs: Array
    times: Array
    truth: Array
    last: Array
    past: Panel
    scaling: Scaling


def facts(ask: Ask, fold: Fold) -> Facts:
    """What came after the origins of a fold, and what was known before."""
    panel, horizon, origins = ask.panel, ask.walk.ahead(ask.panel.clock), fold.origins
    past, truth = ask.walk.past(panel.until(fold.until)), panel.truth(origins, horizon)
    truth[:, : ask.walk.gap] = np.nan
    return Facts(
        fold,
        panel.cutoffs(origins),
        panel.stamps(origins, horizon),
        truth,
        panel.last(origins),
        past,
        fit_scaling(past, ask.units),
    )


def outcome(ask: Ask, known: Facts, one: Spec, answers: Answers, log: Log) -> Outcome:
    """Forecasts of one part beside what came."""
    fold, quantiles = known.fold, answers.get("quantiles")
    levels = quantile_levels(ask.intervals) if quantiles is not None else ()
    panel, values = ask.panel, answers["values"]
    forecast = Forecast(
        one.name,
        panel.ids,
        fold.origins,
        known.cutoffs,
        known.times,
        values,
        levels,
        quantiles,
        panel.clock.tz,
    )
    places = fold.places if ask.walk.align == "end" else None
    return Outcome(fold.index, forecast, known.truth, known.last, known.past, known.scaling, log, places)
