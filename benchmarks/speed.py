"""What a net costs: a GRU of the package beside torch's own, forwards and with gradients, and the forecasts of a whole test block.

    python benchmarks/speed.py --data ETTh1.csv         # nothing else should run on the machine meanwhile

One thread. Cells: the median of 30 turns, each of both, at sizes that `gru` has by default on daily and hourly files. Forecasts: every origin of the
last 4 of 20 months of 30 days of all series, 96 steps ahead, after a fit of a few steps (its length changes nothing here); the median of 5.
"""

import argparse
import statistics
import time
from collections.abc import Callable

import numpy as np
import torch
from longhorizon import blocks, load
from report import machine, table
from torch import nn

import forecast
from forecast.models.nets.cells import Gru

TURNS = 30
SIZES = {  # windows, segments, units, bfloat16
    "daily, few rows": (128, 28, 32, False),
    "daily": (128, 28, 64, False),
    "hourly, few rows": (128, 7, 64, False),
    "hourly": (256, 15, 128, True),
    "forecasts, hourly": (512, 15, 128, True),
}


def seconds(call: Callable[..., object], *arguments: object) -> float:
    """CPU seconds of one call."""
    begun = time.process_time()
    call(*arguments)
    return time.process_time() - begun


def run(cell: nn.Module, x: torch.Tensor, half: bool, learning: bool) -> None:
    """One forecast, or one step of training without that of the optimiser."""
    with torch.inference_mode(not learning), torch.autocast("cpu", torch.bfloat16, enabled=half):
        total = cell(x)[1].float().sum()
    if learning:
        total.backward()


def cells() -> list[dict[str, object]]:
    """A row a size: milliseconds of torch's GRU and of ours."""
    rows = []
    for name, (batch, steps, units, half) in SIZES.items():
        x = torch.randn(batch, steps, units, requires_grad=True)
        pair = {"torch": nn.GRU(units, units, batch_first=True), "ours": Gru(units, units)}
        spent = {(learning, whose): [] for learning in (False, True) for whose in pair}
        for _ in range(TURNS + 1):
            for (learning, whose), times in spent.items():
                times.append(seconds(run, pair[whose], x, half, learning))
        medians = {
            f"{'train' if learning else 'forecast'}, {whose}, ms": 1000 * statistics.median(times[1:])
            for (learning, whose), times in spent.items()
        }
        rows.append({"size": name, **medians})
    return rows


def forecasts(data: str) -> tuple[int, float]:
    """How many windows, and the CPU seconds of forecasting them all."""
    panel, train, test = load(data, "12,4,4")
    fitted = forecast.fit(
        "gru", panel.until(np.full(len(panel.ids), test)), 96, steps=12, validation=1 - train / test
    )
    origins = np.concatenate(blocks(panel, test, 96))
    return len(origins), statistics.median(seconds(fitted.predict, panel, origins) for _ in range(5))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", required=True)
    options = parser.parse_args()
    torch.set_num_threads(1)
    print(table(cells()))
    count, spent = forecasts(options.data)
    print(f"\n{count:,} windows forecast in {spent:.2f} CPU s; {machine()}")


if __name__ == "__main__":
    main()
