"""Sample paths and events on simulated series, where the truth is known, and on the weather file.

    python benchmarks/events.py            # finished cells are kept in benchmarks/cells

Section `paths`: a walk is calibrated as every walk is, paths are made at each origin from the quantiles and templates known there
(a quarter of the walk goes ahead of the first one). What is scored is the interval of the sum, the highest and the lowest of 24 steps;
and of an AR(1), by a model that knows the process, the probability that any of 24 steps falls below a threshold, next to that of 20,000
futures of the process itself.

Section `hurdle`: amounts that are mostly 0, by the same models with and without a hurdle. The tables go into benchmarks/README.md.
"""

import argparse
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from pathlib import Path

import numpy as np
from coverage import PROCESSES
from report import kept, machine, write_table
from scipy.signal import lfilter
from sklearn.isotonic import IsotonicRegression

from forecast.arrays import Array
from forecast.copula import Templates, seeds_of, values_at
from forecast.data.clock import Clock
from forecast.data.panel import Column, Panel, make_panel
from forecast.evaluation.backtest import backtest
from forecast.evaluation.calibration import calibrate, templates_of
from forecast.evaluation.folds import WalkForward
from forecast.evaluation.metrics import METRICS
from forecast.models import spec
from forecast.models.answers import NormalAnswers
from forecast.models.base import Watch
from forecast.paths import REDUCED
from forecast.reading.door import read
from forecast.results import Outcome
from forecast.task import LEVELS, Goal, Task

SERIES, ROWS, TEST, STRIDE, H = 20, 7000, 6000, 12, 24
COUNT = 300  # paths of an origin
BLOCKS = 10  # of a walk, at whose beginnings templates are learned
THRESHOLDS = (-1.5, -2.5, -3.5)
FUTURES = 20_000
SEED = 25
TASK = Task(horizon=H, intervals=(80, 95), levels=LEVELS)
WEATHER = Path(__file__).parent.parent / "data" / "weather.parquet"


def simulated(process: str) -> Panel:
    """Hourly series of a process of `coverage.py`."""
    random = np.random.default_rng([SEED, list(PROCESSES).index(process)])
    values = [PROCESSES[process](random)[:ROWS, None] for _ in range(SERIES)]
    clock = Clock("fixed", "1h")
    times = clock.after(np.array([np.datetime64("2024-01-01", "ns")]), np.arange(len(values[0])))[0]
    ids = tuple(f"{i:02}" for i in range(SERIES))
    return make_panel(ids, [times] * SERIES, values, (Column("y", "target"),), clock)


PANELS: dict[str, tuple[Callable[[], Panel], WalkForward]] = {
    "AR(1)": (partial(simulated, "AR(1)"), WalkForward(test=TEST, folds=1, stride=STRIDE)),
    "daily, changing variance": (
        partial(simulated, "daily, changing variance"),
        WalkForward(test=TEST, folds=1, stride=STRIDE),
    ),
    "weather.parquet, temp_c": (partial(read, str(WEATHER)), WalkForward(test=0.6, folds=3)),
}


def paths_of_walk(outcomes: list[Outcome]) -> Iterator[tuple[Array, Array, Array]]:
    """Paths (M, COUNT, H) of a calibrated walk, actual values (M, H) and origins (M, 2), block by block after the first quarter."""
    moments = np.concatenate([outcome.forecast.cutoffs for outcome in outcomes])
    edges = np.quantile(moments.astype("int64"), np.linspace(0.25, 1, BLOCKS + 1))
    for begin, end in pairwise(edges):
        templates = templates_of(outcomes, until=np.int64(begin).astype(moments.dtype))
        for outcome in outcomes:
            stamps = outcome.forecast.cutoffs.astype("int64")
            chosen = np.flatnonzero((stamps > begin) & (stamps <= end))
            yield _paths(outcome, chosen, templates), outcome.actual[chosen], outcome.forecast.origins[chosen]


def _paths(outcome: Outcome, chosen: Array, templates: Templates) -> Array:
    """Paths (m, COUNT, H) at some origins (m,) of an outcome."""
    forecast = outcome.forecast
    made = np.empty((len(chosen), COUNT, H))
    seeds = seeds_of(0, forecast.ids, forecast.origins[chosen], forecast.cutoffs[chosen])
    for place, (origin, seed) in enumerate(zip(chosen, seeds, strict=True)):
        scores = templates.scores(COUNT, seed)
        made[place] = values_at(scores, forecast.quantiles[origin], forecast.levels)
    return made


def coverage(name: str, model: str) -> dict[str, float]:
    """Coverage in percent of the 80 and 95 % intervals of each reduction, and of single steps."""
    make, walk = PANELS[name]
    outcomes, _ = calibrate(backtest(model, make(), walk, TASK))
    held: dict[str, list[Array]] = {}
    for paths, actual, _ in paths_of_walk(outcomes):
        seen = ~np.isnan(actual).any(1)
        found = {how: (REDUCED[how](paths, axis=2), REDUCED[how](actual, axis=1)) for how in REDUCED}
        found["last step"] = (paths[:, :, -1], actual[:, -1])
        for how, (drawn, truth) in found.items():
            for level in (80, 95):
                ends = [0.5 - level / 200, 0.5 + level / 200]
                low, high = np.quantile(drawn, ends, axis=1, method="hazen")
                held.setdefault(f"{how} {level}", []).append(((truth >= low) & (truth <= high))[seen])
    return {key: 100 * float(np.concatenate(shares).mean()) for key, shares in held.items()}


@dataclass(frozen=True, eq=False)
class Known(NormalAnswers):
    """What is known of y_t = .8 y_(t-1) + e_t."""

    def normal(self, panel: Panel, origins: Array, rows: Array) -> tuple[Array, Array]:
        """Its conditional means and standard deviations (M, H)."""
        steps = np.arange(1, self.goal.horizon + 1)
        spread = np.sqrt((1 - 0.8 ** (2 * steps)) / (1 - 0.8**2))
        point = panel.last(origins)[:, None] * 0.8**steps
        return point, np.broadcast_to(spread, point.shape)


@dataclass(frozen=True)
class Process:
    """A model that knows the AR(1): what its paths miss is missed by the paths alone."""

    name: str = "process"

    def fit(self, past: Panel, goal: Goal, *, seed: int, watch: Watch) -> Known:
        """Nothing is learned."""
        return Known(goal)

    def restore(self, arrays: dict[str, Array], goal: Goal) -> Known:
        """Nothing was kept."""
        return Known(goal)


def any_below() -> dict[str, dict[str, float]]:
    """By threshold, in percent: P(any of 24 steps below) of an AR(1), of its paths and in truth, and their mean distance."""
    panel = simulated("AR(1)")
    outcomes, _ = calibrate(backtest(Process(), panel, PANELS["AR(1)"][1], replace(TASK, scale="none")))
    shocks = np.random.default_rng(SEED).normal(size=(FUTURES, H))
    noise = lfilter([1], [1, -0.8], shocks, axis=1)
    decay = 0.8 ** np.arange(1, H + 1)
    told: dict[float, list[Array]] = {threshold: [] for threshold in THRESHOLDS}
    true: dict[float, list[Array]] = {threshold: [] for threshold in THRESHOLDS}
    for paths, _, origins in paths_of_walk(outcomes):
        some = slice(None, None, 5)
        for path, last in zip(paths[some], panel.last(origins[some]), strict=True):
            lowest = (noise + last * decay).min(1)
            for threshold in THRESHOLDS:
                told[threshold].append((path.min(1) < threshold).mean())
                true[threshold].append((lowest < threshold).mean())
    made = {}
    for threshold in THRESHOLDS:
        of_paths, of_process = np.array(told[threshold]), np.array(true[threshold])
        made[f"{threshold}"] = {
            "paths": 100 * float(of_paths.mean()),
            "truth": 100 * float(of_process.mean()),
            "distance": 100 * float(np.abs(of_paths - of_process).mean()),
        }
    return made


def paths_section() -> None:
    """Measure what is missing, print the tables and put them into the README."""
    lines = [
        "| series | model | "
        + " | ".join(f"{how} {level} %" for how in (*REDUCED, "last step") for level in (80, 95))
        + " |"
    ]
    lines.append("|" + "---|" * 10)
    for name in PANELS:
        for model in ("ridge", "seasonal"):
            found = kept("events", ["paths", name, model, COUNT], partial(coverage, name, model))
            cells = [
                f"{found[f'{how} {level}']:.1f}" for how in (*REDUCED, "last step") for level in (80, 95)
            ]
            lines.append(f"| {name} | {model} | {' | '.join(cells)} |")
            print(lines[-1], flush=True)
    lines += [
        "",
        "| AR(1), any of 24 steps below | of paths, % | of the process, % | mean distance |",
        "|---|---|---|---|",
    ]
    for threshold, found in kept("events", ["any below", "process", THRESHOLDS, COUNT], any_below).items():
        lines.append(
            f"| {threshold} | {found['paths']:.2f} | {found['truth']:.2f} | {found['distance']:.2f} |"
        )
        print(lines[-1], flush=True)
    lines += ["", f"{machine()}; seed {SEED}."]
    write_table("paths", lines)


def miscalibration(chance: Array, there: Array) -> float:
    """What the Brier score of chances (n,) would lose by isotonic recalibration (CORP; Dimitriadis, Gneiting and Jordan 2021)."""
    best = IsotonicRegression(y_min=0, y_max=1).fit_transform(chance, there)
    return float(np.mean((chance - there) ** 2) - np.mean((best - there) ** 2))


def amounts(source: str, target: str, horizon: int, model: str, hurdle: bool) -> dict[str, float]:
    """CRPS of the calibrated forecasts of an amount by one model; with a hurdle also the miscalibration of its chance of none."""
    walk = WalkForward(horizon=horizon, test=0.4, folds=2, stride=max(1, horizon // 8))
    outcomes, _ = calibrate(
        backtest(
            spec(model, hurdle=hurdle), read(source, target=target), walk, replace(TASK, horizon=horizon)
        )
    )
    cells = np.concatenate([METRICS["crps"].cells(outcome) for outcome in outcomes])
    found = {"crps": float(np.nanmean(cells))}
    if hurdle:
        dry = np.concatenate([outcome.forecast.at_zero for outcome in outcomes])
        actual = np.concatenate([outcome.actual for outcome in outcomes])
        seen = ~np.isnan(actual)
        found["miscalibration"] = miscalibration(dry[seen], (actual == 0)[seen].astype(float))
    return found


def hurdle_section(seattle: str | None) -> None:
    """The same models with and without a hurdle, on amounts that are mostly 0."""
    lines = [
        "| series | model | CRPS without | with | less, % | miscalibration of P(0) |",
        "|---|---|---|---|---|---|",
    ]
    files = [(str(WEATHER), "precip_mm", H)]
    if seattle:
        files.append((seattle, "precipitation", 7))
    for source, target, horizon in files:
        for model in ("gru", "lstm", "boosting", "ridge"):
            cells = {}
            for hurdle in (False, True):
                make = partial(amounts, source, target, horizon, model, hurdle)
                cells[hurdle] = kept(
                    "events", ["hurdle", Path(source).name, target, horizon, model, hurdle], make
                )
            before, after = cells[False]["crps"], cells[True]["crps"]
            less = 100 * (1 - after / before)
            cell = f"{before:.4f} | {after:.4f} | {less:.1f} | {cells[True]['miscalibration']:.4f}"
            lines.append(f"| {target} | {model} | {cell} |")
            print(lines[-1], flush=True)
    lines += ["", f"{machine()}."]
    write_table("hurdle", lines)


def main() -> None:
    """Run the sections that are named, or all."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seattle", help="Seattle's daily weather (vega_datasets), for the section hurdle.")
    parser.add_argument("section", nargs="*", help="paths, hurdle; all where none is named.")
    asked = parser.parse_args()
    sections = {"paths": paths_section, "hurdle": partial(hurdle_section, asked.seattle)}
    for section in asked.section or sections:
        sections[section]()


if __name__ == "__main__":
    main()
