"""Sequences of like length side by side: what a step of training or of an answer reads.

Axes: S sequences, N steps of all of them, B batch, L steps of the longest in it, F numbers a row.
"""

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from forecast.arrays import Array
from forecast.sequences.text import PADDING

Inputs = tuple[Tensor, Tensor]
# rows float (B, L, F), NaN where one is missing or beyond the end, or tokens int64 (B, L), PADDING beyond the end; and the
# length int64 (B,) of each
JITTERS = (
    0.05,
    0.02,
    0.01,
    0.0,
)  # of the log of a length: those of nearly equal length meet others in every epoch
FILLED = 1.14  # steps computed per real step, up to which there is such a jitter
TOGETHER = 256  # sequences that are answered at once
CELLS = 2**22  # and the numbers that may be read for them: long ones come fewer at a time


@dataclass(frozen=True, eq=False)
class Steps:
    """What a net reads of S sequences: values (N, F) float32, scaled, or tokens (N,) int64; offsets (S + 1,)."""

    values: Array
    offsets: Array

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def lengths(self) -> Array:
        """Steps of each (S,)."""
        return np.diff(self.offsets)

    def inputs(self, places: Array, device: torch.device | str = "cpu") -> Inputs:
        """Some of them side by side, filled up at their ends."""
        lengths = self.lengths[places]
        within = np.arange(lengths.max())
        valid = within < lengths[:, None]
        rows = self.offsets[places][:, None] + within
        fill = PADDING if self.values.ndim == 1 else np.nan
        made = np.full((*valid.shape, *self.values.shape[1:]), fill, self.values.dtype)
        made[valid] = self.values[rows[valid]]
        return torch.from_numpy(made).to(device), torch.from_numpy(lengths).to(device)


def joined(parts: list[Array]) -> Steps:
    """Sequences (n_i, ...) as one value."""
    lengths = [len(part) for part in parts]
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype("int64")
    return Steps(np.concatenate(parts), offsets)


def batches_of(count: int, size: int) -> int:
    """How many batches of about `size` so many sequences make."""
    return max(1, round(count / size))


def epoch(lengths: Array, places: Array, size: int, random: np.random.Generator) -> list[Array]:
    """All `places`, in batches of about `size` of like length, in random order.

    Lengths are compared with a little noise, so that it is not always the same sequences that meet: with so much that
    batches are hardly filled up.
    """
    count = batches_of(len(places), size)
    logs = np.log(lengths[places])
    noise = random.normal(0, 1, len(places))
    batches: list[Array] = []
    for jitter in JITTERS:
        ranked = places[np.argsort(logs + jitter * noise, kind="stable")]
        batches = np.array_split(ranked, count)
        if computed(lengths, batches) <= FILLED:
            break
    order = random.permutation(count)
    return [batches[place] for place in order]


def chunks(lengths: Array, places: Array, numbers: int) -> list[Array]:
    """All `places` from the shortest to the longest, so many together as are answered at once. numbers: read per step."""
    ranked = places[np.argsort(lengths[places], kind="stable")]
    made = []
    while len(ranked):
        count = min(TOGETHER, len(ranked))
        while count > 1 and count * lengths[ranked[count - 1]] * numbers > CELLS:
            count = math.ceil(count / 2)
        made.append(ranked[:count])
        ranked = ranked[count:]
    return made


def computed(lengths: Array, batches: list[Array]) -> float:
    """Steps computed per real step: 1 where no batch is filled up."""
    filled = sum(len(batch) * int(lengths[batch].max()) for batch in batches)
    real = sum(int(lengths[batch].sum()) for batch in batches)
    return filled / real
