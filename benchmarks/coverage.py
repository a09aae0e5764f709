"""Do calibrated intervals hold what they say? Simulated series, every model walked forward, each series calibrated on its own errors alone.

    python benchmarks/coverage.py            # about five minutes; finished cells are kept in benchmarks/cells

40 series a process, 1,000 rows of past, 2,000 origins each at a stride of 3 steps, horizon 24: of the 80,000 forecasts of a cell 10,000 are a
whole horizon apart. The horizons overlap eightfold, as in a walk through a file. The table goes into benchmarks/README.md.
"""

import argparse
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
from report import kept, machine, write_table
from scipy.signal import lfilter

from forecast.arrays import Array
from forecast.data.clock import Clock
from forecast.data.panel import Column, Panel, make_panel
from forecast.evaluation import calibration
from forecast.evaluation.backtest import backtest
from forecast.evaluation.calibration import calibrate
from forecast.evaluation.folds import WalkForward
from forecast.evaluation.metrics import scores_by
from forecast.files import sha256
from forecast.models import spec
from forecast.models.base import Spec
from forecast.results import Outcome

SERIES, PAST, ORIGINS, STRIDE, H = 40, 1000, 2000, 3, 24
ROWS = PAST + (ORIGINS - 1) * STRIDE + H
LEVELS = (80, 95)
SEED = 20
MODELS: dict[str, Spec] = {
    "arima": spec("arima"),
    "naive": spec("naive"),
    "seasonal": spec("seasonal"),
    "gru": spec("gru", units=16, steps=300, context=72),
}


def autoregression(random: np.random.Generator) -> Array:
    """y_t = .8 y_(t-1) + e_t."""
    return lfilter([1], [1, -0.8], random.normal(size=ROWS + 200))[200:]


def wander(random: np.random.Generator) -> Array:
    """A random walk with drift .05."""
    return np.cumsum(0.05 + random.normal(size=ROWS))


def days(random: np.random.Generator) -> Array:
    """A daily wave with AR(1) noise whose spread follows the hour and a slow volatility with a half-life of about six days."""
    hour = np.arange(ROWS)
    slow = lfilter([1], [1, -0.995], 0.4 * np.sqrt(1 - 0.995**2) * random.normal(size=ROWS + 1000))[1000:]
    spread = (1 + 0.5 * np.sin(2 * np.pi * hour / 24)) * np.exp(slow)
    return 5 * np.sin(2 * np.pi * (hour - 6) / 24) + lfilter(
        [1], [1, -0.7], spread * random.normal(size=ROWS)
    )


PROCESSES: dict[str, Callable[[np.random.Generator], Array]] = {
    "AR(1)": autoregression,
    "random walk with drift": wander,
    "daily, changing variance": days,
}


def panel_of(process: str) -> Panel:
    """The simulated series of a process as one hourly panel."""
    random = np.random.default_rng([SEED, list(PROCESSES).index(process)])
    clock = Clock("fixed", "1h")
    times = clock.after(np.array([np.datetime64("2024-01-01", "ns")]), np.arange(ROWS))[0]
    values = [PROCESSES[process](random)[:, None] for _ in range(SERIES)]
    return make_panel(
        tuple(f"{i:02}" for i in range(SERIES)), [times] * SERIES, values, (Column("y", "target"),), clock
    )


def alone(outcome: Outcome) -> list[Outcome]:
    """One outcome a series, so that no series is calibrated by the errors of another."""
    made = []
    for series in range(SERIES):
        f, mine = outcome.forecast, outcome.forecast.origins[:, 0] == series
        quantiles = None if f.quantiles is None else f.quantiles[mine]
        own = replace(
            f,
            origins=f.origins[mine],
            cutoffs=f.cutoffs[mine],
            times=f.times[mine],
            values=f.values[mine],
            quantiles=quantiles,
        )
        truth = replace(outcome.truth, values=outcome.actual[mine], last=outcome.truth.last[mine])
        made.append(replace(outcome, forecast=own, truth=truth))
    return made


def by_step(outcomes: list[Outcome]) -> dict[str, list[float]]:
    """Coverage in percent at each step of the horizon, by interval."""
    return {
        str(level): [100 * share for share in scores_by(outcomes, f"coverage-{level}", "step").values()]
        for level in LEVELS
    }


def cell(process: str, model: str) -> dict[str, dict[str, list[float]]]:
    """Coverage of one model on one process, as the model gave it (where it knows a distribution) and calibrated."""
    walk = WalkForward(horizon=H, test=ROWS - PAST, folds=1, stride=STRIDE)
    (whole,) = backtest(MODELS[model], panel_of(process), walk, intervals=LEVELS)
    parts = alone(whole)
    calibrated = [made for part in parts for made in calibrate([part], LEVELS)[0]]
    return {"own": by_step(parts) if whole.forecast.levels else {}, "calibrated": by_step(calibrated)}


def row(process: str, model: str, found: dict[str, dict[str, list[float]]]) -> str:
    """A line of the table: the mean over the steps, and the lowest and highest step."""
    columns = []
    for kind in ("own", "calibrated"):
        for level in map(str, LEVELS):
            shares = found[kind].get(level)
            columns.append(
                f"{np.mean(shares):.1f} ({min(shares):.1f} .. {max(shares):.1f})" if shares else ""
            )
    return f"| {process} | {model} | {' | '.join(columns)} |"


def main() -> None:
    """Measure what is missing, print the table and put it into the README."""
    argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    ).parse_args()
    lines = [
        "| process | model | own 80 % | own 95 % | calibrated 80 % | calibrated 95 % |",
        "|---|---|---|---|---|---|",
    ]
    for model in MODELS:
        for process in PROCESSES:
            key = [process, model, sha256(Path(calibration.__file__))]
            lines.append(row(process, model, kept("coverage", key, partial(cell, process, model))))
            print(lines[-1], flush=True)
    lines += ["", f"{machine()}; seed {SEED}. In brackets the lowest and the highest of the {H} steps."]
    write_table("coverage", lines)


if __name__ == "__main__":
    main()
