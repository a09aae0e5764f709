"""What a second fit costs on a second core: wall seconds of one fit, and of two side by side, in processes of their own.

    python benchmarks/jobs.py --data ETTh1.csv         # nothing else should run on the machine meanwhile

A gru at its defaults on the first 16 months of 30 days of all series, 24 steps ahead, walked through one fold; then two of them with jobs=2. The
medians of five runs in turns; a first run of each, which starts the processes, is not counted.
"""

import argparse
import statistics
import time
from dataclasses import replace

import numpy as np
from longhorizon import load
from report import machine

import forecast as fc


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", required=True)
    parser.add_argument("--repeat", type=int, default=5)
    options = parser.parse_args()
    panel, _, test = load(options.data, "12,4,4")
    past = panel.until(np.full(len(panel.ids), test))
    walk, gru = fc.WalkForward(horizon=24, folds=1), fc.spec("gru")

    def seconds(fits: int) -> float:
        begun = time.perf_counter()
        list(fc.backtest([replace(gru, name=f"gru {i}") for i in range(fits)], past, walk, jobs=fits))
        return time.perf_counter() - begun

    measured = [(seconds(1), seconds(2)) for _ in range(options.repeat + 1)][1:]
    one, two = (statistics.median(column) for column in zip(*measured, strict=True))
    print(f"one fit {one:.1f} s, two side by side {two:.1f} s: {two / one:.2f} times; {machine()}")


if __name__ == "__main__":
    main()
