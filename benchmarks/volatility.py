"""Realised variance of the S&P 500 one day ahead: log-HAR, and an LSTM over logs trained by QLIKE, on the last 3,074 days.

    python benchmarks/volatility.py --data SP500RM.csv.gz

log-HAR is fitted anew for each day on the 1,000 days before it, the protocol of Bollerslev, Patton and Quaedvlieg (2016); the LSTM every 250 days on
all days before, by the same rows of the file. QLIKE = mean(y / f - log(y / f) - 1). Settings of the LSTM were chosen on the days before the test
(--validate scores them there). p is of the Diebold-Mariano test of the QLIKE of both. Finished walks are kept.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
from report import kept, machine, table

import forecast as fc
from forecast.data.panel import Panel
from forecast.evaluation.inference import diebold_mariano
from forecast.files import sha256

TEST, ROLLING, EVERY = 3074, 1000, 250  # days: of the test, that a log-HAR sees, between fits of the nets
UNITS = {"transform": "log", "scale": "none"}
NETS: list[dict[str, Any]] = [
    {"context": 22, "segment": 1, "units": 16, "loss": "qlike", "anchor": anchor, **span}
    for anchor, span in (("last", {}), ("mean", {}), ("mean", {"span": 5}))
]


def walked(
    panel: Panel, model: str, settings: dict[str, Any], walk: fc.WalkForward, seed: int, key: str
) -> tuple[np.ndarray, float]:
    """The forecasts of a walk in order of time, and its CPU seconds; from the cache where they are there."""

    def made() -> dict[str, Any]:
        found = list(fc.backtest(fc.spec(model, **settings), panel, walk, seed=seed, **UNITS))
        values = np.concatenate([one.forecast.values[:, 0] for one in found])
        return {"values": values.tolist(), "seconds": sum(one.log.seconds for one in found)}

    answer = kept("volatility", [key, model, settings, walk.test, walk.folds, walk.max_past, seed], made)
    return np.array(answer["values"]), answer["seconds"]


def qlike(truth: np.ndarray, forecast: np.ndarray) -> np.ndarray:
    """The loss of each day."""
    return truth / forecast - np.log(truth / forecast) - 1


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument(
        "--validate",
        action="store_true",
        help="score the settings of the net on the 500 days before the test",
    )
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    panel, key = fc.read(options.data, target="RV", past="none"), sha256(options.data)
    before, walks = panel.until(panel.lengths - TEST), fc.WalkForward(horizon=1, test=500, folds=2, stride=1)
    judged = []
    for settings in NETS:
        values, seconds = walked(before, "lstm", settings, walks, 0, key)
        loss = qlike(before.compact().values[-500:, 0], values).mean()
        judged.append({"settings": json.dumps(settings), "QLIKE": float(loss), "CPU s": seconds})
    if options.validate:
        print(table(judged))
        return
    chosen = NETS[int(np.argmin([row["QLIKE"] for row in judged]))]
    truth = panel.values[-TEST:, 0]
    rolling = fc.WalkForward(horizon=1, test=TEST, folds=TEST, stride=1, max_past=ROLLING)
    growing = fc.WalkForward(horizon=1, test=TEST, folds=-(-TEST // EVERY), stride=1)
    har, seconds = walked(panel, "har", {"unbiased": True}, rolling, 0, key)
    nets = [walked(panel, "lstm", chosen, growing, seed, key) for seed in range(options.seeds)]
    made = {"log-HAR": (har, seconds)} | {f"lstm seed {seed}": one for seed, one in enumerate(nets)}
    made["lstm, mean of all"] = (
        np.mean([values for values, _ in nets], axis=0),
        sum(spent for _, spent in nets),
    )
    made["mean of log-HAR and lstm"] = (
        (har + made["lstm, mean of all"][0]) / 2,
        seconds + made["lstm, mean of all"][1],
    )
    rows = []
    for name, (values, spent) in made.items():
        loss = qlike(truth, values)
        p = None if name == "log-HAR" else diebold_mariano(loss - qlike(truth, har), TEST)
        rows.append(
            {
                "model": name,
                "QLIKE": float(loss.mean()),
                "MSE": float(((truth - values) ** 2).mean()),
                "p": p,
                "CPU s": spent,
            }
        )
    print(json.dumps(rows) if options.json else f"{table(rows)}\n\nchosen {chosen}; {machine()}")


if __name__ == "__main__":
    main()
