"""Memory of the outcomes of 100,000 origins x 24 steps, calibrated and ranked, for 2 and for 5 models: `python benchmarks/memory.py`.

Models are cheap ones, so that nothing but outcomes takes memory. Each number of models runs in a process of its own; the table gives the most
memory above what the process held with its imports and the panel.
"""

import json
import subprocess
import sys
import time

import numpy as np
from reading import peak

SERIES, ROWS, HORIZON = 50, 3000, 24
MODELS = ["naive", "seasonal", "drift", "mean", "climatology"]


def once(count: int) -> None:
    """One leaderboard of `count` models, told as JSON: origins, seconds and MB."""
    import pandas as pd

    from forecast.evaluation.backtest import backtest
    from forecast.evaluation.calibration import calibrate
    from forecast.evaluation.folds import WalkForward
    from forecast.evaluation.leaderboard import leaderboard
    from forecast.reading.door import read

    values = np.random.default_rng(0).normal(size=(ROWS, SERIES)).cumsum(0)
    frame = pd.DataFrame(
        values, pd.date_range("2020-01-01", periods=ROWS, freq="h"), [f"s{i:02}" for i in range(SERIES)]
    )
    panel = read(frame, target="all")
    leaderboard(
        calibrate(backtest(MODELS[:count], panel, WalkForward(horizon=HORIZON, test=2 * HORIZON, folds=1)))[0]
    )  # imports are no outcomes
    before, begin = peak(), time.perf_counter()
    walk = WalkForward(horizon=HORIZON, test=ROWS * 2 // 3 + HORIZON, stride=1)
    board = leaderboard(calibrate(backtest(MODELS[:count], panel, walk))[0])
    print(
        json.dumps({"origins": board.origins, "seconds": time.perf_counter() - begin, "mb": peak() - before})
    )


def main() -> None:
    print(f"{'models':>6}{'origins':>10}{'s':>8}{'MB':>8}")
    for count in (2, 5):
        told = subprocess.run(
            [sys.executable, __file__, str(count)], capture_output=True, text=True, check=True
        ).stdout
        run = json.loads(told)
        print(f"{count:>6}{run['origins']:>10,}{run['seconds']:>8.1f}{run['mb']:>8,.0f}")


if __name__ == "__main__":
    once(int(sys.argv[1])) if len(sys.argv) == 2 else main()
