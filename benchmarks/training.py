"""Time to accuracy: CPU seconds of one thread until a net forecasts ETTh1 24 steps ahead as well as asked, ours and the textbook's.

    python benchmarks/training.py --data ETTh1.csv --budget 128

Each learns from the first 12 months of 30 days and is judged by its MAE over every window of the 4 months after (standardised units, all series).
textbook: LSTM of 64 units over single steps of a window of 168, linear head, Adam, batches of 128 by a DataLoader, judged as it goes (judging is
not counted). textbook + anchor: the same with the window's last value subtracted and added again. gru, lstm: whole fits of the package with so
many training steps, the finish left out, everything else at its default. Then what the textbook reached at the end of its budget, and after
how many seconds ours was there.
"""

import argparse
import json
import time
from collections.abc import Iterator

import numpy as np
import torch
from longhorizon import load
from report import machine, table
from torch import Tensor, nn

import forecast
from forecast.data.panel import Panel

HORIZON, WINDOW = 24, 168
STEPS = (10, 20, 40, 80, 160, 320, 796)  # the last is the default of this file
TIMES = (1, 2, 4, 8, 16, 32, 64, 128, 256)


class Textbook(nn.Module):
    """What most tutorials build."""

    def __init__(self, anchor: bool) -> None:
        super().__init__()
        self.rnn, self.head, self.anchor = nn.LSTM(1, 64, batch_first=True), nn.Linear(64, HORIZON), anchor

    def forward(self, window: Tensor) -> Tensor:
        """(B, L) -> (B, H)."""
        last = window[:, -1:] if self.anchor else 0.0
        output, _ = self.rnn((window - last)[..., None])
        return last + self.head(output[:, -1])


def windows(series: Tensor, first: int, last: int) -> tuple[Tensor, Tensor]:
    """Windows (W, L) and targets (W, H) of series (C, N) with origins first .. last."""
    cut = series[:, first - WINDOW : last + HORIZON].unfold(1, WINDOW + HORIZON, 1).reshape(-1, WINDOW + HORIZON)
    return cut[:, :WINDOW], cut[:, WINDOW:]


def textbook(panel: Panel, train: int, test: int, anchor: bool, budget: float, seed: int) -> Iterator[tuple[float, float]]:
    """(CPU seconds, validation MAE) while the textbook net is trained."""
    torch.manual_seed(seed)
    series = torch.tensor(panel.values[:, 0].reshape(len(panel.ids), -1), dtype=torch.float32)
    net = Textbook(anchor)
    optimiser = torch.optim.Adam(net.parameters(), 1e-3)
    data = torch.utils.data.TensorDataset(*windows(series, WINDOW, train - HORIZON))
    judged, spent, marks = windows(series, train, test - HORIZON), 0.0, [mark for mark in TIMES if mark <= budget]
    while marks:
        begun = time.process_time()
        for inputs, target in torch.utils.data.DataLoader(data, 128, shuffle=True):
            optimiser.zero_grad()
            nn.functional.l1_loss(net(inputs), target).backward()
            optimiser.step()
            if spent + time.process_time() - begun >= marks[0]:
                spent += time.process_time() - begun
                with torch.inference_mode():
                    error = torch.cat([(net(x) - y).abs() for x, y in zip(judged[0].split(2048), judged[1].split(2048), strict=True)]).mean()
                yield spent, float(error)
                marks = marks[1:]
                begun = time.process_time()
                if not marks:
                    return
        spent += time.process_time() - begun


def ours(panel: Panel, train: int, test: int, model: str, steps: int, seed: int) -> tuple[float, float]:
    """(CPU seconds, validation MAE) of a whole fit with so many steps."""
    begun = time.process_time()
    past = panel.until(np.full(len(panel.ids), test))
    fitted = forecast.fit(model, past, HORIZON, seed=seed, validation=1 - train / test, finish=0.0, steps=steps)
    spent = time.process_time() - begun
    rows = np.arange(train, test - HORIZON + 1)
    origins = np.stack([np.repeat(np.arange(len(panel.ids)), len(rows)), np.tile(rows, len(panel.ids))], axis=1)
    return spent, float(np.abs(fitted.predict(past, origins).values - panel.truth(origins, HORIZON)).mean())


def main() -> None:
    """Run all and print the table, and how many times sooner ours is where the textbook ends."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True)
    parser.add_argument("--budget", type=float, default=128, help="CPU seconds for each textbook net")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(1)
    panel, train, test = load(options.data, "12,4,4")
    ours(panel, train, test, "gru", 5, options.seed)  # imports and first calls are not counted
    rows = []
    for name, anchor in (("textbook", False), ("textbook + anchor", True)):
        for seconds, mae in textbook(panel, train, test, anchor, options.budget, options.seed):
            rows.append({"model": name, "steps": "", "cpu_seconds": seconds, "mae": mae})
    for model in ("gru", "lstm"):
        for steps in STEPS:
            seconds, mae = ours(panel, train, test, model, steps, options.seed)
            rows.append({"model": model, "steps": steps, "cpu_seconds": seconds, "mae": mae})
    print(json.dumps(rows) if options.json else f"{table(rows)}\n")
    for name in ("textbook", "textbook + anchor"):
        best = min((row for row in rows if row["model"] == name), key=lambda row: row["mae"])
        there = [row for row in rows if row["steps"] and row["mae"] <= best["mae"]]
        first = min(there, key=lambda row: row["cpu_seconds"], default=None)
        if first and not options.json:
            print(f"{name}: {best['mae']:.3f} after {best['cpu_seconds']:.0f} s; {first['model']} after {first['cpu_seconds']:.1f} s, "
                  f"{best['cpu_seconds'] / first['cpu_seconds']:.0f} times sooner")  # fmt: skip
    print(f"\n{machine()}, one thread, seed {options.seed}")


if __name__ == "__main__":
    main()
