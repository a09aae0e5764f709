"""backtest: the one generator that walks a panel forward. Nets, ARIMA, tuning, the command line and notebooks all read it."""

import os
import time
from collections.abc import Iterable, Iterator
from dataclasses import replace

import numpy as np

from forecast.data.panel import Panel
from forecast.data.scaling import fit_scaling
from forecast.errors import ForecastError
from forecast.evaluation.folds import Fold, WalkForward, walk_forward
from forecast.fitting import fit
from forecast.models import spec
from forecast.models.base import Spec, Watch
from forecast.results import Forecast, Log, Outcome

Part = tuple[str, int]  # model, fold


class Keep:
    """Where finished parts are kept, and who watches the fit of one; this one keeps nothing. It is sent to worker processes."""

    def load(self, part: Part) -> tuple[np.ndarray, Log] | None:
        """The forecasts (M, H) and the log of a finished part, or None."""
        return None

    def store(self, part: Part, values: np.ndarray, log: Log) -> None:
        """Keep a finished part."""

    def watch(self, part: Part) -> Watch:
        """Who watches the fit of a part."""
        return Watch()


def backtest(
    models: str | Spec | Iterable[str | Spec],
    panel: Panel,
    walk: WalkForward | None = None,
    *,
    seed: int = 0,
    jobs: int = 1,
    keep: Keep | None = None,
) -> Iterator[Outcome]:
    """Fit each model before each fold and forecast at all of the fold's origins; yields Outcomes, fold by fold, model by model.

    jobs: fits that run side by side, each on one thread in a process of its own (0 = one a core); results do not depend on it by a bit.
    """
    walk = walk or WalkForward()
    horizon = panel.clock.steps(walk.horizon)
    several = models if isinstance(models, Iterable) and not isinstance(models, str) else [models]
    specs = [spec(model) if isinstance(model, str) else model for model in several]
    names = [one.name for one in specs]
    if len(set(names)) < len(names):
        raise ForecastError(f"Two models have the same name: {', '.join(names)}. Give each Spec a name of its own.")
    folds = list(walk_forward(panel, walk))
    keep = keep or Keep()
    parts = [(one, fold) for fold in folds for one in specs]
    jobs = min(jobs or os.cpu_count() or 1, len(parts))
    if jobs == 1:
        for one, fold in parts:
            yield outcome(panel, fold, one, *run_part(panel, fold, one, horizon, seed, keep))
        return
    from joblib import Parallel, delayed

    done = Parallel(n_jobs=jobs, return_as="generator")(delayed(run_part)(panel, fold, one, horizon, seed, keep) for one, fold in parts)
    for (one, fold), (values, log) in zip(parts, done, strict=True):
        yield outcome(panel, fold, one, values, log)


def run_part(panel: Panel, fold: Fold, one: Spec, horizon: int, seed: int, keep: Keep) -> tuple[np.ndarray, Log]:
    """Forecasts (M, H) of one model at the origins of one fold, and the log of its fit: taken from `keep`, or made and kept there."""
    part = (one.name, fold.index)
    kept = keep.load(part)
    if kept is not None:
        return kept
    begun = time.process_time()
    fitted = fit(one, panel.until(fold.until), horizon, seed=seed, watch=keep.watch(part))
    values = fitted.predict(panel, fold.origins).values
    log = replace(fitted.log, seconds=time.process_time() - begun)
    keep.store(part, values, log)
    return values, log


def outcome(panel: Panel, fold: Fold, one: Spec, values: np.ndarray, log: Log) -> Outcome:
    """Forecasts of one part beside what came."""
    horizon = values.shape[1]
    past = panel.until(fold.until)
    forecast = Forecast(one.name, panel.ids, fold.origins, panel.cutoffs(fold.origins), panel.stamps(fold.origins, horizon), values)
    return Outcome(fold.index, forecast, panel.truth(fold.origins, horizon), past, fit_scaling(past), log)
