"""What a net that names sequences learns from, and what judges it."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from forecast.arrays import Array
from forecast.models.nets.losses import Loss, Unit
from forecast.sequences.calibrating import log_loss, temperature_of
from forecast.sequences.net.batches import Steps, batches_of, chunks, epoch

JUDGED = 2_000  # sequences that judge at every look, at most


@dataclass(frozen=True, eq=False)
class Split:
    """Which sequences teach a net, and which judge it: places (A,), (B,) among S."""

    teach: Array
    judge: Array

    @property
    def all(self) -> Array:
        """Both."""
        return np.concatenate([self.teach, self.judge])


class SequenceLessons:
    """Batches of like length of the sequences that teach, epoch by epoch; the others judge by their log loss.

    labels (S,) · size: sequences a batch · seed: of their order, which is a function of it and of the step alone.
    """

    def __init__(
        self, steps: Steps, labels: Array, split: Split, *, size: int, seed: int, device: torch.device
    ) -> None:
        self.steps = steps
        self.labels = labels
        self.split = split
        self.size = size
        self.seed = seed
        self.device = device
        self.open: tuple[tuple[int, bool], list[Array]] = ((-1, False), [])  # the epoch that is under way
        count = min(JUDGED, len(split.judge))
        self.judged = split.judge[np.linspace(0, len(split.judge) - 1, count).astype("int64")]

    def draw(self, step: int, finishing: bool) -> tuple[tuple[Tensor, ...], Tensor, Unit]:
        """The inputs of a step, and labels (B, 1) as float: a batch of the sequences that teach, or at the end of all."""
        places = self.split.all if finishing else self.split.teach
        number, within = divmod(step, batches_of(len(places), self.size))
        batch = self.epoch(number, finishing)[within]
        target = torch.from_numpy(self.labels[batch]).float()[:, None]
        return self.steps.inputs(batch, self.device), target.to(self.device), None

    def epoch(self, number: int, finishing: bool) -> list[Array]:
        """The batches of an epoch."""
        if self.open[0] != (number, finishing):
            places = self.split.all if finishing else self.split.teach
            random = np.random.default_rng([self.seed, number, finishing])
            self.open = ((number, finishing), epoch(self.steps.lengths, places, self.size, random))
        return self.open[1]

    def judge(self, net: nn.Module) -> float:
        """The log loss of a net on the sequences that judge."""
        return log_loss(shares_of(net, self.steps, self.judged, self.device), self.labels[self.judged])

    def share(self, net: nn.Module) -> float:
        """One over the temperature at which the net is as sure as the sequences that judge bear out."""
        net.get_buffer("trust").fill_(1.0)
        shares = shares_of(net, self.steps, self.split.judge, self.device)
        return 1 / temperature_of(shares, self.labels[self.split.judge])


def weighted(weights: Tensor) -> Loss:
    """The cross-entropy (B, 1) of logits (B, 1, K) and labels (B, 1), times the weight (K,) of the label."""

    def loss(forecast: Tensor, target: Tensor) -> Tensor:
        return nn.functional.cross_entropy(
            forecast[:, 0], target[:, 0].long(), weight=weights.to(forecast.device), reduction="none"
        )[:, None]

    return loss


@torch.inference_mode()
def shares_of(net: nn.Module, steps: Steps, places: Array, device: torch.device) -> Array:
    """The probabilities (len(places), K) that a net gives sequences."""
    kind = next(net.parameters()).dtype
    numbers = steps.values.shape[1] if steps.values.ndim > 1 else 1
    batches = chunks(steps.lengths, places, numbers)
    found = []
    for batch in batches:
        x, lengths = steps.inputs(batch, device)
        if x.is_floating_point():
            x = x.to(kind)
        logits = net(x, lengths)[:, 0]
        found.append(logits.double().softmax(1).cpu().numpy())
    where = np.empty(len(steps), "int64")
    where[np.concatenate(batches)] = np.arange(len(places))
    shares: Array = np.concatenate(found)[where[places]]
    return shares


def whole_shares(nets: Iterable[nn.Module], steps: Steps, device: torch.device) -> Array:
    """The mean (S, K) of what several nets give all sequences."""
    places = np.arange(len(steps))
    each = [shares_of(net, steps, places, device) for net in nets]
    mean: Array = np.mean(each, axis=0)
    return mean
