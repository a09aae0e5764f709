"""Sample paths and events on simulated series, where the truth is known, and on the weather file.

    python benchmarks/events.py            # finished cells are kept in benchmarks/cells
    python benchmarks/events.py size corp any

Section `size`: pairs of equally good forecasts of an event, through the test of the leaderboard: how often chance alone is called a
difference. `corp`: a forecaster that knows every probability, and one that is too sure: is its miscalibration within chance, and its curve
within the consistency band? `any`: P(any of 24 steps above a threshold) by implied-arima, and by the process itself through the same
sample paths, against 20,000 futures of the process.

Section `paths`: a walk is calibrated as every walk is, paths are made at each origin from the quantiles and templates known there
(a quarter of the walk goes ahead of the first one). What is scored is the interval of the sum, the highest and the lowest of 24 steps;
and of an AR(1), by a model that knows the process, the probability that any of 24 steps falls below a threshold, next to that of 20,000
futures of the process itself.

Section `hurdle`: amounts that are mostly 0, by the same models with and without a hurdle. All tables go into benchmarks/README.md.
"""

import argparse
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from pathlib import Path

import numpy as np
from coverage import PROCESSES
from report import code_of, kept, machine, write_table
from scipy.signal import lfilter
from scipy.special import expit
from sklearn.isotonic import IsotonicRegression

from forecast.arrays import Array
from forecast.copula import Templates, seeds_of, values_at
from forecast.data.clock import Clock
from forecast.data.derived import with_event
from forecast.data.events import condition_of
from forecast.data.panel import Column, Panel, make_panel
from forecast.evaluation.backtest import backtest
from forecast.evaluation.calibration import calibrate, templates_of
from forecast.evaluation.corp import COVERAGE, corp, reliability
from forecast.evaluation.folds import WalkForward
from forecast.evaluation.inference import LEVEL, diebold_mariano
from forecast.evaluation.metrics import METRICS
from forecast.fitting import fit
from forecast.implied import implied
from forecast.models import spec
from forecast.models.answers import NormalAnswers
from forecast.models.base import Spec, Watch
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
PAIRS = 5000  # of forecasts that are equally good
WALKS = [(1, 200), (1, 1700), (24, 200), (24, 1700)]  # horizon, origins of stride 1
PHI = (
    0.8  # of the logit of a true probability, of the errors of forecasts, and of the AR(1) of the section any
)
RATES = {"30 %": -1.0, "5 %": -3.6}  # base rate: the mean logit that gives it
LOGIT_SPREAD, LOGIT_ERROR = (
    1.2,
    0.5,
)  # standard deviations of a true logit, and of the error of a forecast of it
SIMULATIONS = 200  # of a forecaster that knows every probability
CHANCES = 100  # draws of outcomes by which the chance of a miscalibration is known
TOO_SURE = 1.3  # what the logit of the forecaster that is too sure is multiplied with
FITS, FEW, PAST = 5, 4, 2000  # of the section any: fits, series of each, and rows of each before the fit
EVENTS = (1.5, 2.5, 3.5)  # thresholds of the section any


def simulated(process: str, series: int = SERIES, others: tuple[int, ...] = ()) -> Panel:
    """Hourly series of a process of `coverage.py`; others: numbers that make them other ones."""
    random = np.random.default_rng([SEED, list(PROCESSES).index(process), *others])
    values = [PROCESSES[process](random)[:ROWS, None] for _ in range(series)]
    clock = Clock("fixed", "1h")
    times = clock.after(np.array([np.datetime64("2024-01-01", "ns")]), np.arange(len(values[0])))[0]
    ids = tuple(f"{i:02}" for i in range(series))
    return make_panel(ids, [times] * series, values, (Column("y", "target"),), clock)


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


def logits(random: np.random.Generator, rows: int, count: int, spread: float) -> Array:
    """Stationary AR(1) series (rows, count) with a standard deviation."""
    shocks = random.normal(size=(rows, count)) * np.sqrt(1 - PHI**2)
    shocks[0] /= np.sqrt(1 - PHI**2)
    return np.asarray(spread * lfilter([1], [1, -PHI], shocks, axis=0))


def rejected(horizon: int, origins: int, mean: float) -> dict[str, float]:
    """Of PAIRS pairs of equally good forecasts: the shares that the test rejects by each loss, and the base rate, in percent.

    Both forecasts are the true logit with an error that has the same distribution, from all origins one forecast of a row.
    """
    random = np.random.default_rng([SEED, horizon, origins, round(-10 * mean)])
    rows = origins - 1 + horizon
    counts = {"brier": 0, "log_loss": 0}
    came = 0.0
    for _ in range(PAIRS):
        true = mean + logits(random, rows, 1, LOGIT_SPREAD)
        outcome = (random.random((rows, 1)) < expit(true)).astype(float)
        given = expit(true + logits(random, rows, 2, LOGIT_ERROR))
        came += outcome.mean() / PAIRS
        losses = {
            "brier": (given - outcome) ** 2,
            "log_loss": -np.log(np.where(outcome == 1, given, 1 - given)),
        }
        for name, cells in losses.items():
            of_origins = windowed_mean(cells, horizon)
            p = diebold_mariano(of_origins[:, 0] - of_origins[:, 1], origins / horizon)
            counts[name] += p is not None and p < LEVEL
    shares = {name: 100 * count / PAIRS for name, count in counts.items()}
    return {**shares, "came": 100 * float(came)}


def windowed_mean(cells: Array, horizon: int) -> Array:
    """The means (origins, n) over the horizon of each origin of losses (rows, n): what an origin adds to the test."""
    sums = np.cumsum(np.concatenate([np.zeros((1, cells.shape[1])), cells]), axis=0)
    return np.asarray((sums[horizon:] - sums[:-horizon]) / horizon)


def size_section() -> None:
    """How often the test of the leaderboard rejects pairs that are equally good."""
    lines = [
        "| came | steps | origins | Brier score: rejected, % | log loss: rejected, % |",
        "|---|---|---|---|---|",
    ]
    code = code_of("evaluation.inference")
    for mean in RATES.values():
        for horizon, origins in WALKS:
            key = ["size", PAIRS, horizon, origins, mean, PHI, LOGIT_SPREAD, LOGIT_ERROR, SEED]
            found = kept("events", key, partial(rejected, horizon, origins, mean), code)
            cell = f"{found['brier']:.2f} | {found['log_loss']:.2f}"
            lines.append(f"| {found['came']:.1f} % | {horizon} | {origins} | {cell} |")
            print(lines[-1], flush=True)
    lines += ["", f"{PAIRS} pairs a row; {machine()}; seed {SEED}."]
    write_table("size", lines)


def judged(count: int, mean: float, factor: float) -> dict[str, float]:
    """Of a forecaster whose logits are the true ones times a factor: its miscalibration and that of chance, 1e-4, and in percent the
    shares of simulations whose miscalibration lies within COVERAGE percent of chance, and of cases whose curve lies in the band."""
    random = np.random.default_rng([SEED, count, round(-10 * mean), round(10 * factor)])
    found, usual, within, held = [], [], [], []
    for simulation in range(SIMULATIONS):
        true = mean + LOGIT_SPREAD * random.normal(size=count)
        outcome = (random.random(count) < expit(true)).astype(float)
        given = expit(factor * true)
        own = corp(given, outcome).miscalibration
        drawn = np.array([by_chance(random, given) for _ in range(CHANCES)])
        found.append(own)
        usual.append(drawn.mean())
        within.append(own <= np.quantile(drawn, COVERAGE / 100))
        curve = reliability(given, outcome, seed=simulation)
        inside = (curve.observed >= curve.low) & (curve.observed <= curve.high)
        held.append(np.average(inside, weights=curve.count))
    return {
        "miscalibration": 1e4 * float(np.mean(found)),
        "chance": 1e4 * float(np.mean(usual)),
        "within": 100 * float(np.mean(within)),
        "held": 100 * float(np.mean(held)),
    }


def by_chance(random: np.random.Generator, given: Array) -> float:
    """The miscalibration of probabilities (n,) for outcomes that come as often as they say."""
    outcome = (random.random(len(given)) < given).astype(float)
    return corp(given, outcome).miscalibration


def corp_section() -> None:
    """The miscalibration of a forecaster that knows every probability, next to that of one that is too sure."""
    lines = [
        "| forecaster | base rate | forecasts | miscalibration, 1e-4 | of chance, 1e-4 | within 90 % of chance, % "
        "| curve in the 90 % band, % |",
        "|---|---|---|---|---|---|---|",
    ]
    code = code_of("evaluation.corp")
    for who, factor in {"perfect": 1.0, "too sure": TOO_SURE}.items():
        for rate, mean in RATES.items():
            for count in (300, 1000):
                key = ["corp", SIMULATIONS, CHANCES, count, mean, factor, LOGIT_SPREAD, SEED]
                found = kept("events", key, partial(judged, count, mean, factor), code)
                cell = f"{found['miscalibration']:.1f} | {found['chance']:.1f} | {found['within']:.1f} | {found['held']:.1f}"
                lines.append(f"| {who} | {rate} | {count} | {cell} |")
                print(lines[-1], flush=True)
    lines += ["", f"{SIMULATIONS} simulations a row; {machine()}; seed {SEED}."]
    write_table("corp", lines)


def of_any(model: str, threshold: float) -> dict[str, float]:
    """P(any of 24 steps above a threshold) of AR(1)s, in percent: by a model, in truth, their mean distance at an origin, and the
    lowest and the highest difference of the means of a fit."""
    parts = [of_one_fit(model, threshold, place) for place in range(FITS)]
    gaps = [float((given - true).mean()) for given, true in parts]
    given = np.concatenate([part[0] for part in parts])
    true = np.concatenate([part[1] for part in parts])
    found = {
        "model": given.mean(),
        "truth": true.mean(),
        "distance": np.abs(given - true).mean(),
        "lowest": min(gaps),
        "highest": max(gaps),
    }
    return {name: 100 * float(value) for name, value in found.items()}


def of_one_fit(model: str, threshold: float, place: int) -> tuple[Array, Array]:
    """P(any) (M,) by a model that is fitted on the first rows of some series, at origins after these, and in truth."""
    numbers = simulated("AR(1)", FEW, (place,))
    panel = with_event(numbers, condition_of(f"y > {threshold}"))
    task = Task(horizon=H, reduce="any", scale="none" if model == "process" else "standard")
    forecaster: Spec = Process() if model == "process" else spec(model)
    fitted = fit(implied(f"implied-{model}", forecaster), panel.until(np.full(FEW, PAST)), task, seed=SEED)
    rows = np.arange(PAST, ROWS - H, 2 * H)
    origins = np.stack([np.repeat(np.arange(FEW), len(rows)), np.tile(rows, FEW)], axis=1)
    forecast = fitted.predict(panel, origins)
    return forecast.values[:, 0], chance_of_any(numbers.last(origins), threshold)


def chance_of_any(last: Array, threshold: float) -> Array:
    """P(any of 24 steps above a threshold) after the last values (M,) of an AR(1), among FUTURES futures of the process."""
    shocks = np.random.default_rng(SEED).normal(size=(FUTURES, H))
    noise = lfilter([1], [1, -PHI], shocks, axis=1)
    decay = PHI ** np.arange(1, H + 1)
    highest = [(noise + value * decay).max(axis=1) for value in last]
    return np.array([(values > threshold).mean() for values in highest])


def any_section() -> None:
    """The probability of any of 24 steps of an AR(1), next to the truth."""
    lines = [
        "| any of 24 steps above | forecaster | told, % | truth, % | difference | of a fit, lowest .. highest "
        "| mean distance at an origin |",
        "|---|---|---|---|---|---|---|",
    ]
    code = code_of("implied", "models.classic.arima")
    for threshold in EVENTS:
        for model in ("arima", "process"):
            key = ["any", model, threshold, FITS, FEW, PAST, ROWS, H, SEED]
            found = kept("events", key, partial(of_any, model, threshold), code)
            difference = found["model"] - found["truth"]
            spread = f"{found['lowest']:+.2f} .. {found['highest']:+.2f}"
            cell = f"{found['model']:.2f} | {found['truth']:.2f} | {difference:+.2f} | {spread} | {found['distance']:.2f}"
            lines.append(f"| {threshold} | implied-{model} | {cell} |")
            print(lines[-1], flush=True)
    lines += ["", f"{FITS} fits of {FEW} series; {machine()}; seed {SEED}."]
    write_table("any", lines)


def main() -> None:
    """Run the sections that are named, or all."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seattle", help="Seattle's daily weather (vega_datasets), for the section hurdle.")
    parser.add_argument("section", nargs="*", help="size, corp, any, paths, hurdle; all where none is named.")
    asked = parser.parse_args()
    sections = {
        "size": size_section,
        "corp": corp_section,
        "any": any_section,
        "paths": paths_section,
        "hurdle": partial(hurdle_section, asked.seattle),
    }
    for section in asked.section or sections:
        sections[section]()


if __name__ == "__main__":
    main()
