"""What windows cost where rows are many: memory beyond the panel, and the time of a training step: `python benchmarks/windows.py`.

One series of 10 million rows (or as many as are asked for) beside one of 100,000, each in a process of its own. Windows as arrays (`fc.windows`)
are views; those of the nets are index arithmetic over one float32 copy. The table gives the memory that each adds to a process that holds the
panel, the most that was held until a net had trained, and the median seconds of 50 training steps of the same small net. Linux only.
"""

import json
import statistics
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path

import numpy as np

SIZES = (100_000, 10_000_000)
CONTEXT, HORIZON, STEPS = 168, 24, 50


def held(field: str) -> float:
    """MB that this process holds now (VmRSS) or has held at most (VmHWM)."""
    status = Path("/proc/self/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith(field)).split()[1]) / 1024


def once(rows: int) -> None:
    """One size, told as JSON."""
    import torch

    from forecast.data.clock import Clock
    from forecast.data.panel import Column, make_panel
    from forecast.data.windows import split_windows
    from forecast.models import spec
    from forecast.models.base import Watch
    from forecast.models.nets.feed import Feed
    from forecast.models.nets.losses import loss_of
    from forecast.models.nets.net import Net
    from forecast.models.nets.training import Training, seeded, train
    from forecast.supervised import windows
    from forecast.task import Goal, Task
    from forecast.workers import one_thread

    values = np.random.default_rng(0).normal(size=(rows, 1))
    panel = make_panel(("y",), [np.arange(rows)], [values], (Column("y", "target"),), Clock("step", "1"))
    del values
    before = held("VmRSS")
    made = windows(panel, CONTEXT, HORIZON)
    views = held("VmRSS") - before
    sized = spec("gru", context=CONTEXT, units=64, batch=256, steps=STEPS).settle(panel, HORIZON)
    split = split_windows(panel, CONTEXT, HORIZON, sized.validation)
    feed = Feed(split[0], sized, (), np.zeros(1, "int64"), torch.device("cpu"))
    indexed = held("VmRSS") - before - views
    marks = []

    def timed(windows, origins):  # noqa: ANN001, ANN202
        marks.append((len(origins), time.perf_counter()))
        return feed(windows, origins)

    how = Training(
        steps=STEPS,
        finish=0,
        batch=256,
        learning_rate=1e-3,
        weight_decay=0.0,
        clip=1.0,
        average=0.99,
        loss=loss_of("mae", ()),
        patience=STEPS,
        half=False,
    )
    with seeded(0), one_thread():
        train(Net(sized, Goal(Task(HORIZON), ("y",)), 0, 0), timed, split, how, Watch())
    between = [later - now for (size, now), (_, later) in pairwise(marks) if size == 256]
    result = {
        "rows": rows,
        "windows": len(made),
        "panel": panel.values.nbytes + panel.times.nbytes,
        "views": views,
        "indexed": indexed,
    }
    print(json.dumps({**result, "trained": held("VmHWM") - before, "step": statistics.median(between)}))


def main(sizes: tuple[int, ...]) -> None:
    print(
        f"{'rows':>12}{'windows':>12}{'panel MB':>10}{'fc.windows':>12}{'of the net':>12}{'at the peak':>13}{'step ms':>9}"
    )
    for rows in sizes:
        told = subprocess.run(
            [sys.executable, __file__, "once", str(rows)], capture_output=True, text=True, check=True
        ).stdout
        one = json.loads(told)
        memory = f"{one['panel'] / 2**20:>10,.1f}{one['views']:>12,.1f}{one['indexed']:>12,.1f}{one['trained']:>13,.1f}"
        print(f"{one['rows']:>12,}{one['windows']:>12,}{memory}{1000 * one['step']:>9.2f}")


if __name__ == "__main__":
    once(int(sys.argv[2])) if sys.argv[1:2] == ["once"] else main(tuple(map(int, sys.argv[1:])) or SIZES)
