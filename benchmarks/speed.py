"""What a net costs: a GRU of the package beside torch's own, forwards and with gradients, and the forecasts of a whole test block; a net that
names sequences, beside the same one through packed sequences.

    python benchmarks/speed.py --data ETTh1.csv         # nothing else should run on the machine meanwhile
    python benchmarks/speed.py                          # without the forecasts

One thread. Cells: the median of 30 turns, each of both, at sizes that `gru` has by default on daily and hourly files. Forecasts: every origin of the
last 4 of 20 months of 30 days of all series, 96 steps ahead, after a fit of a few steps (its length changes nothing here); the median of 5.
Sequences: a training step, without that of the optimiser, of 64 texts of like length, about 330 words, a convolution, both directions of 128 units;
packed is what `pack_padded_sequence` and a bidirectional nn.LSTM take for the same; the median of 5.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch
from longhorizon import blocks, load
from report import machine, table
from torch import nn

import forecast
from forecast.models.nets.cells import Gru
from forecast.sequences.net.net import Net
from forecast.sequences.net.recurrent import Recurrent

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


TEXTS = 64
WORDS = 330
RECIPE = {"embedding": 64, "filters": 128, "units": 128, "dropout": 0.0, "word_dropout": 0.0}


class Packed(nn.Module):
    """The layers of `Reader`, through packed sequences."""

    def __init__(self, sized: Recurrent) -> None:
        super().__init__()
        self.halves = 2
        self.lstm = nn.LSTM(sized.filters, sized.units, batch_first=True, bidirectional=True)

    def forward(self, x: torch.Tensor, ends: torch.Tensor) -> torch.Tensor:
        """(B, n, filters), ends (B,) -> (B, n, 2 D)."""
        packed = nn.utils.rnn.pack_padded_sequence(x, ends, batch_first=True, enforce_sorted=False)
        outputs, _ = nn.utils.rnn.pad_packed_sequence(self.lstm(packed)[0], batch_first=True)
        return outputs


def learn(net: nn.Module, tokens: torch.Tensor, lengths: torch.Tensor) -> None:
    """Forwards and backwards."""
    net(tokens, lengths).logsumexp(2).sum().backward()


def named() -> list[dict[str, object]]:
    """A row for every word read, and for every third: milliseconds of a step."""
    rows = []
    random = np.random.default_rng(0)
    lengths = torch.from_numpy(random.integers(WORDS - 30, WORDS + 1, TEXTS))
    tokens = torch.from_numpy(random.integers(2, 20_000, (TEXTS, WORDS)))
    tokens = tokens.masked_fill(torch.arange(WORDS) >= lengths[:, None], 0)
    for segment, width in ((1, 1), (3, 5)):
        sized = Recurrent(segment=segment, width=width, **RECIPE)
        ours = Net(sized, 0, 20_000, 2, torch.ones(2))
        dropped = Net(replace(sized, recurrent_dropout=0.2), 0, 20_000, 2, torch.ones(2))
        packed = Net(sized, 0, 20_000, 2, torch.ones(2))
        packed.reader = Packed(sized)
        row: dict[str, object] = {"words a recurrent step": segment}
        for name, net in (
            ("packed, ms", packed),
            ("ours, ms", ours),
            ("with recurrent dropout, ms", dropped),
        ):
            spent = [seconds(learn, net, tokens, lengths) for _ in range(6)]
            row[name] = 1000 * statistics.median(spent[1:])
        rows.append(row)
    return rows


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data")
    options = parser.parse_args()
    torch.set_num_threads(1)
    print(table(named()))
    print(table(cells()))
    if options.data is None:
        print(f"\n{machine()}")
        return
    count, spent = forecasts(options.data)
    print(f"\n{count:,} windows forecast in {spent:.2f} CPU s; {machine()}")


if __name__ == "__main__":
    main()
