"""Warm refits against cold ones: the same walk of a net, fitted anew before each fold, and going on from the fold before.

    OMP_NUM_THREADS=1 python benchmarks/refits.py

MAE, the gain over the cold walk with its 95 % interval, and CPU seconds of all fits and their forecasts, one after another on one thread.
"""

import argparse
from dataclasses import replace
from pathlib import Path

from report import machine

import forecast as fc
from forecast.results import Outcome

REFITS = ("cold", "warm")


def main() -> None:
    """Walk twice and print the leaderboard of both."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", default=str(Path(__file__).parent.parent / "data" / "weather.parquet"))
    parser.add_argument("--model", default="gru")
    parser.add_argument("--horizon", type=int, default=24)
    parser.add_argument("--folds", type=int, default=8)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    panel, outcomes = fc.read(options.data), list[Outcome]()
    for refit in REFITS:
        named = replace(fc.spec(options.model), name=f"{options.model} {refit}")  # type: ignore[type-var]
        walk = fc.WalkForward(horizon=options.horizon, folds=options.folds, refit=refit)
        outcomes += fc.backtest(named, panel, walk, seed=options.seed)
    print(
        f"{fc.leaderboard(outcomes, f'{options.model} cold')}\n\n{machine()}, one thread, seed {options.seed}"
    )


if __name__ == "__main__":
    main()
