"""M4 by its official metric: one global net over all series of a frequency, forecast once from their ends.

    python benchmarks/m4.py --train Hourly-train.csv --test Hourly-test.csv --season 24 --members 5

OWA = (sMAPE / that of Naive2 + MASE / that of Naive2) / 2, each averaged over the series (Makridakis et al. 2020). The settings are chosen on the
train part alone: each candidate is fitted on it without its last horizon and scored there (--settings skips that). The members of --members take
turns among those that score within 5 % of the best there; the first is the best. Finished fits are kept.
"""

import argparse
import hashlib
import json
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from report import code_of, machine, table

import forecast
from forecast.data.clock import Clock
from forecast.data.panel import Column, Panel, make_panel
from forecast.files import sha256
from forecast.models.nets.recurrent import CLOSE

COMMON: dict[str, Any] = {
    "scale": "shared",
    "weighting": "owa",
}  # of all candidates: the metric is relative and of all series alike
CANDIDATES: list[dict[str, Any]] = [
    {"anchor": "last"},
    {"anchor": "mean", "span": 1},
    {"anchor": "mean", "span": 7},
]  # span in seasons


def read(path: Path) -> list[np.ndarray]:
    """The series of a wide M4 file: an id, then the values of one series a row, empty after its end."""
    frame = pd.read_csv(path)
    return [row[~np.isnan(row)] for row in frame.iloc[:, 1:].to_numpy("float64")]


def panel_of(series: list[np.ndarray]) -> Panel:
    """Series without dates as a panel on the step clock."""
    ids = tuple(f"{i:05d}" for i in range(len(series)))
    columns = (Column("y", "target"),)
    return make_panel(
        ids, [np.arange(len(y)) for y in series], [y[:, None] for y in series], columns, Clock("step")
    )


def naive2(y: np.ndarray, season: int, horizon: int) -> np.ndarray:
    """The last value, seasonally adjusted by classical multiplicative decomposition where the season is significant (the M4 benchmark)."""
    if not seasonal(y, season):
        return np.full(horizon, y[-1])
    trend = pd.Series(y).rolling(season, center=True).mean()
    if season % 2 == 0:
        trend = trend.rolling(2).mean().shift(-1)
    ratio = y / trend.to_numpy()
    index = np.array([np.nanmean(ratio[phase::season]) for phase in range(season)])
    index /= index.mean()
    phases = np.arange(len(y)) % season
    return (y / index[phases])[-1] * index[(len(y) + np.arange(horizon)) % season]


def seasonal(y: np.ndarray, season: int) -> bool:
    """Whether the autocorrelation at the season is significant at 90 %, as M4 tested."""
    if season == 1 or len(y) < 3 * season:
        return False
    centred = y - y.mean()
    r = np.array([centred[k:] @ centred[: len(y) - k] for k in range(1, season + 1)]) / (centred @ centred)
    return bool(abs(r[-1]) > 1.645 * np.sqrt((1 + 2 * (r[:-1] ** 2).sum()) / len(y)))


def official(
    forecasts: np.ndarray, past: list[np.ndarray], truth: list[np.ndarray], season: int
) -> tuple[float, float]:
    """sMAPE and MASE, the mean over the series."""
    smape = [
        np.mean(200 * np.abs(y - f) / (np.abs(y) + np.abs(f))) for f, y in zip(forecasts, truth, strict=True)
    ]
    scale = [np.mean(np.abs(y[season:] - y[:-season])) for y in past]
    mase = [np.mean(np.abs(y - f)) / s for f, y, s in zip(forecasts, truth, scale, strict=True)]
    return float(np.mean(smape)), float(np.mean(mase))


class Bench:
    """The series of one frequency, and how a set of forecasts is scored."""

    def __init__(self, train: list[np.ndarray], test: list[np.ndarray], season: int) -> None:
        self.train, self.test, self.season, self.horizon = train, test, season, len(test[0])
        self.reference = self.official([naive2(y, season, self.horizon) for y in train])

    def official(self, forecasts: Iterable[np.ndarray]) -> tuple[float, float]:
        """sMAPE and MASE."""
        return official(np.array(list(forecasts)), self.train, self.test, self.season)

    def owa(self, scores: tuple[float, float]) -> float:
        """The overall weighted average of sMAPE and MASE against Naive2."""
        return (scores[0] / self.reference[0] + scores[1] / self.reference[1]) / 2

    def held(self) -> "Bench":
        """The same on the train part alone: its last horizon is the test."""
        return Bench(
            [y[: -self.horizon] for y in self.train], [y[-self.horizon :] for y in self.train], self.season
        )


def forecasts(
    bench: Bench, key: str, settings: dict[str, Any], seed: int, cache: Path
) -> tuple[np.ndarray, float]:
    """The forecasts (S, H) of one net and its CPU seconds, from the cache where they are there."""
    path = (
        cache / f"{hashlib.sha256(json.dumps([key, COMMON, settings, seed]).encode()).hexdigest()[:16]}.npz"
    )
    if path.exists():
        stored = np.load(path)
        return stored["values"], float(stored["seconds"])
    panel, begun = panel_of(bench.train), time.process_time()
    inside = {
        **COMMON,
        **settings,
        **({"span": settings["span"] * bench.season} if "span" in settings else {}),
    }
    positive = min(y.min() for y in bench.train) > 0
    fitted = forecast.fit(
        "gru", panel, bench.horizon, seed=seed, transform="log" if positive else "none", **inside
    )
    values = fitted.predict(panel).values
    seconds = time.process_time() - begun
    cache.mkdir(parents=True, exist_ok=True)
    np.savez(path, values=values, seconds=seconds)
    return values, seconds


def main() -> None:
    """Choose the settings on the train part, then score the fits and their median on the test part."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--train", type=Path, required=True)
    parser.add_argument("--test", type=Path, required=True)
    parser.add_argument("--season", type=int, required=True)
    parser.add_argument("--members", type=int, default=1)
    parser.add_argument(
        "--settings",
        type=json.loads,
        help='JSON, such as {"anchor": "mean", "span": 7}; without it they are chosen',
    )
    parser.add_argument(
        "--validate",
        action="store_true",
        help="score on the last horizon of the train part; the test part is not read",
    )
    parser.add_argument("--cache", type=Path, default=Path(__file__).parent / "cells")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    bench = Bench(read(options.train), read(options.test), options.season)
    key = f"{sha256(options.train)}{code_of('fitting', 'models.nets.recurrent')}"
    inner, rows = bench.held(), []
    candidates = [
        one for one in CANDIDATES if one.get("span", 0) * options.season != 1
    ]  # the mean of one value is the last
    tried = chosen = [options.settings] if options.settings is not None else candidates
    if options.settings is None or options.validate:
        owas = []
        for settings in tried:
            made, seconds = forecasts(inner, key + "held", settings, 0, options.cache)
            smape, mase = inner.official(made)
            owas.append(inner.owa((smape, mase)))
            rows.append(
                {
                    "part": "train",
                    "model": json.dumps(settings),
                    "smape": smape,
                    "mase": mase,
                    "owa": owas[-1],
                    "cpu_seconds": seconds,
                }
            )
        close = [(owa, i) for i, owa in enumerate(owas) if owa <= CLOSE * min(owas)]
        chosen = [tried[i] for _, i in sorted(close)]
    if not options.validate:
        made = [
            forecasts(bench, key, chosen[seed % len(chosen)], seed, options.cache)
            for seed in range(options.members)
        ]
        seasonal_naive = [np.resize(y[-options.season :], bench.horizon) for y in bench.train]
        scored = {
            "naive2": [naive2(y, options.season, bench.horizon) for y in bench.train],
            "seasonal": seasonal_naive,
        }
        scored |= {
            f"gru {json.dumps(chosen[seed % len(chosen)])} seed {seed}": values
            for seed, (values, _) in enumerate(made)
        }
        if options.members > 1:
            scored[f"gru x{options.members}"] = np.mean([values for values, _ in made], axis=0)
        for name, values in scored.items():
            smape, mase = bench.official(values)
            seconds = (
                sum(s for _, s in made)
                if " x" in name
                else made[int(name.split()[-1])][1]
                if "seed" in name
                else 0.0
            )
            rows.append(
                {
                    "part": "test",
                    "model": name,
                    "smape": smape,
                    "mase": mase,
                    "owa": bench.owa((smape, mase)),
                    "cpu_seconds": seconds,
                }
            )
    print(json.dumps(rows) if options.json else f"{table(rows)}\n\nchosen {chosen}; {machine()}")


if __name__ == "__main__":
    main()
