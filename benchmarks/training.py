"""Time to accuracy: CPU seconds of one thread until a net forecasts ETTh1 24 steps ahead as well as asked: ours, the textbook's, other libraries'.

    python benchmarks/training.py --data ETTh1.csv --peers

Each learns from the first 12 months of 30 days and is judged by its MAE over every window of the 4 months after (standardised units, all series).
textbook: LSTM of 64 units over single steps of a window of 168, linear head, Adam, batches of 128 by a DataLoader, judged as it goes (judging is
not counted). textbook + anchor: the same with the window's last value subtracted and added again. --peers: nets of other libraries at the settings
of peer.py, trained for the MAE as all here, judged likewise. gru, lstm: whole fits of the package with so many training steps, the finish left out,
everything else at its default. Then the best that each of the others reached within its budget, and after how many seconds ours was there.
Finished nets are kept, each with all its rows.
"""

import argparse
import json
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from environments import elsewhere
from longhorizon import load
from report import code_of, kept, machine, table
from torch import Tensor, nn

import forecast
from forecast.data.panel import Panel
from forecast.files import sha256

HORIZON, WINDOW = 24, 168
STEPS = (10, 14, 20, 28, 40, 57, 80, 113, 160, 226, 320, 796)  # the last is the default of this file
TIMES = (
    4,
    8,
    16,
    32,
    64,
)  # CPU seconds at which the others are judged, and once more where their budget ends
PEERS = ("neuralforecast.LSTM", "darts.LSTM", "neuralforecast.GRU", "darts.GRU")


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
    cut = (
        series[:, first - WINDOW : last + HORIZON]
        .unfold(1, WINDOW + HORIZON, 1)
        .reshape(-1, WINDOW + HORIZON)
    )
    return cut[:, :WINDOW], cut[:, WINDOW:]


def textbook(
    panel: Panel, train: int, test: int, anchor: bool, marks: list[float], seed: int
) -> Iterator[tuple[float, float]]:
    """(CPU seconds, validation MAE) while the textbook net is trained."""
    torch.manual_seed(seed)
    series = torch.tensor(panel.values[:, 0].reshape(len(panel.ids), -1), dtype=torch.float32)
    net = Textbook(anchor)
    optimiser = torch.optim.Adam(net.parameters(), 1e-3)
    data = torch.utils.data.TensorDataset(*windows(series, WINDOW, train - HORIZON))
    judged, spent = windows(series, train, test - HORIZON), 0.0
    while marks:
        begun = time.process_time()
        for inputs, target in torch.utils.data.DataLoader(data, 128, shuffle=True):
            optimiser.zero_grad()
            nn.functional.l1_loss(net(inputs), target).backward()
            optimiser.step()
            if spent + time.process_time() - begun >= marks[0]:
                spent += time.process_time() - begun
                with torch.inference_mode():
                    error = torch.cat(
                        [
                            (net(x) - y).abs()
                            for x, y in zip(judged[0].split(2048), judged[1].split(2048), strict=True)
                        ]
                    ).mean()
                yield spent, float(error)
                marks = marks[1:]
                begun = time.process_time()
                if not marks:
                    return
        spent += time.process_time() - begun


def peer(
    panel: Panel, train: int, test: int, model: str, marks: list[float]
) -> Iterator[tuple[float, float]]:
    """(CPU seconds, validation MAE) while a net of another library is trained."""
    values, stamps = panel.values[:, 0].reshape(len(panel.ids), -1)[:, :test], panel.times[:test]
    task = {
        "values": values,
        "stamps": stamps,
        "freq": "h",
        "horizon": HORIZON,
        "context": WINDOW,
        "first": train,
        "marks": marks,
    }
    found = elsewhere("peer_training.py", {**task, "origins": np.arange(train, test - HORIZON + 1)}, model)
    truth = np.lib.stride_tricks.sliding_window_view(values[:, train:], HORIZON, axis=1)
    for seconds, made in zip(found["seconds"], found["values"], strict=True):
        yield float(seconds), float(np.abs(made - truth).mean())


def ours(
    panel: Panel, train: int, test: int, model: str, steps: int, seed: int
) -> Iterator[tuple[float, float]]:
    """(CPU seconds, validation MAE), once, of a whole fit with so many steps."""
    begun = time.process_time()
    past = panel.until(np.full(len(panel.ids), test))
    fitted = forecast.fit(
        model, past, HORIZON, seed=seed, validation=1 - train / test, finish=0.0, steps=steps
    )
    spent = time.process_time() - begun
    rows = np.arange(train, test - HORIZON + 1)
    origins = np.stack(
        [np.repeat(np.arange(len(panel.ids)), len(rows)), np.tile(rows, len(panel.ids))], axis=1
    )
    yield spent, float(np.abs(fitted.predict(past, origins).values - panel.truth(origins, HORIZON)).mean())


def points(curve: Callable[[], Iterator[tuple[float, float]]]) -> dict[str, Any]:
    """A curve as it is kept."""
    return {"points": list(curve())}


def main() -> None:
    """Run all and print the table, and how many times sooner ours is at the best of each other."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", required=True)
    parser.add_argument("--budget", type=float, default=120, help="CPU seconds for each net that is not ours")
    parser.add_argument(
        "--peers",
        action="store_true",
        help="other libraries too: environments are built for them, some minutes and GB",
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(1)
    panel, train, test = load(options.data, "12,4,4")
    marks, seed = [*(mark for mark in TIMES if mark < options.budget), options.budget], options.seed
    list(ours(panel, train, test, "gru", 5, seed))  # imports and first calls are not counted
    others = {
        "textbook": partial(textbook, anchor=False, seed=seed),
        "textbook + anchor": partial(textbook, anchor=True, seed=seed),
    }
    others |= {name: partial(peer, model=name) for name in PEERS if options.peers}
    net = code_of("fitting", "models.nets.recurrent")
    cells = [
        (model, steps, partial(ours, panel, train, test, model, steps, seed), net)
        for model in ("gru", "lstm")
        for steps in STEPS
    ]
    code = "".join(
        (Path(__file__).parent / name).read_text() for name in ("training.py", "peer.py", "peer_training.py")
    )
    cells += [
        (name, "", partial(other, panel, train, test, marks=marks), code) for name, other in others.items()
    ]
    rows = []
    for model, steps, curve, by in cells:
        known = kept(
            "training", [sha256(Path(options.data)), model, steps, marks, seed], partial(points, curve), by
        )
        rows += [
            {"model": model, "steps": steps, "cpu_seconds": seconds, "mae": mae}
            for seconds, mae in known["points"]
        ]
    print(json.dumps(rows) if options.json else f"{table(rows)}\n")
    for name in others:
        best = min((row for row in rows if row["model"] == name), key=lambda row: row["mae"])
        there = [row for row in rows if row["steps"] and row["mae"] <= best["mae"]]
        first = min(there, key=lambda row: row["cpu_seconds"], default=None)
        if first and not options.json:
            print(f"{name}: {best['mae']:.3f} after {best['cpu_seconds']:.0f} s; {first['model']} after {first['cpu_seconds']:.1f} s, "
                  f"{best['cpu_seconds'] / first['cpu_seconds']:.0f} times sooner")  # fmt: skip
    print(f"\n{machine()}, one thread, seed {seed}")


if __name__ == "__main__":
    main()
