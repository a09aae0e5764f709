"""Daily temperatures one day ahead: settings and baseline chosen on the years before the last, then scored once on the last year.

    python benchmarks/daily.py --data-folder DIR [--only baseline]

Melbourne's daily minima (test 1990) and Seattle's daily maxima (test 2015). Among the anchors and losses of the nets, and among the baselines and two
means of them, the one with the lowest RMSE over the three years before the last (of Seattle, which has four, the one) wins, each fitted on what lies
before; then it is fitted on all years but the last. There the nets are the mean of five members. Finished fits are kept.
"""

import argparse
import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
from report import kept, machine, table

import forecast as fc
from forecast.data.panel import Panel
from forecast.evaluation.metrics import score

FILES = {
    "Melbourne": ("daily-min-temperatures.csv", "Temp", 3),
    "Seattle": ("seattle-weather.csv", "temp_max", 1),
}  # years to choose by
BASELINES = [
    "ridge",
    "boosting",
    "arima",
    "ets",
    "theta",
    "climatology",
    "seasonal",
    "naive",
    "ridge+boosting",
    "arima+ridge+boosting",
]
NETS = [{"anchor": anchor, "loss": loss} for anchor in ("last", "target", "none") for loss in ("mae", "mse")]


def scored(panel: Panel, years: int, model: str, settings: dict[str, Any], seed: int) -> dict[str, float]:
    """Errors over the last years of a panel, a fit before each; from the cache where it is there."""

    def made() -> dict[str, float]:
        walk = fc.WalkForward(horizon=1, test=365 * years, folds=years)
        found = list(fc.backtest(fc.spec(model, **settings), panel, walk, seed=seed))
        return {"MAE": score(found, "mae"), "RMSE": score(found, "rmse"), "CPU s": found[0].log.seconds}

    known = hashlib.sha256(panel.compact().values.tobytes()).hexdigest()
    return kept("daily", [known, years, model, settings, seed], made)


def main() -> None:
    """Choose on the years before the last, score on the last, print both."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data-folder", type=Path, required=True)
    parser.add_argument("--only", choices=("baseline", "lstm", "gru"), help="one of the three rows of a file")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    rows, tried = [], []
    for name, (file, target, years) in FILES.items():
        panel = fc.read(options.data_folder / file, target=target)
        before = panel.until(panel.lengths - 365)
        asked = [("baseline", [(model, {}) for model in BASELINES])]
        asked += [(cell, [(cell, settings) for settings in NETS]) for cell in ("lstm", "gru")]
        for kind, candidates in [one for one in asked if options.only in (None, one[0])]:
            judged = [scored(before, years, model, settings, 0)["RMSE"] for model, settings in candidates]
            tried += [
                {"file": name, "candidate": f"{model} {json.dumps(settings)}", "years before": rmse}
                for (model, settings), rmse in zip(candidates, judged, strict=True)
            ]
            model, settings = candidates[int(np.argmin(judged))]
            many, seeds = ({**settings, "members": 5}, options.seeds) if settings else ({}, 1)
            found = [scored(panel, 1, model, many, 100 * seed) for seed in range(seeds)]
            mean = {what: float(np.mean([one[what] for one in found])) for what in found[0]}
            spread = float(np.std([one["RMSE"] for one in found]))
            rows.append(
                {
                    "file": name,
                    "what": kind,
                    "chosen": f"{model} {json.dumps(many)}",
                    "years before": min(judged),
                    **mean,
                    "sd": spread,
                }
            )
    print(
        json.dumps({"chosen": rows, "tried": tried})
        if options.json
        else f"{table(rows)}\n\n{table(tried)}\n\n{machine()}; seeds 0, 100, 200"
    )


if __name__ == "__main__":
    main()
