"""The training loop of every net: random windows, steps counted, an average of the weights judged on the past's tail, the best restored
and finished on all rows."""

import contextlib
import copy
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from forecast.data.windows import Windows
from forecast.files import Array
from forecast.models.base import LOOKS, Watch

Inputs = tuple[Tensor, ...]
Batch = Callable[[Windows, Array], tuple[Inputs, Tensor]]  # windows, origins (B, 2) -> the net's inputs, targets (B, H)
History = list[tuple[int, float, float]]

JUDGED = 2000  # validation windows at most, evenly spaced

Loss = Callable[[Tensor, Tensor], Tensor]  # forecasts (B, H, P), targets (B, H) -> losses (B, H)
LOSSES: dict[str, Callable[[Tensor], Tensor]] = {  # of errors, target - forecast
    "mae": torch.abs,
    "mse": torch.square,
    "huber": lambda error: nn.functional.huber_loss(error, torch.zeros_like(error), reduction="none"),
}


def loss_of(name: str, levels: tuple[float, ...]) -> Loss:
    """A loss by name; "quantile" is twice the pinball loss, averaged over the levels (Koenker and Bassett 1978): at the median, and so without
    levels, the absolute error."""
    if name == "quantile" and levels:
        rise = torch.tensor(levels)

        def pinball(forecast: Tensor, target: Tensor) -> Tensor:
            error = target[..., None] - forecast
            return 2 * torch.maximum(rise * error, (rise - 1) * error).mean(-1)

        return pinball
    one = LOSSES["mae" if name == "quantile" else name]
    return lambda forecast, target: one(target - forecast[..., 0])


@dataclass(frozen=True)
class Training:
    """How a net is trained: `steps` of `batch` windows drawn at random, a rate that follows `schedule`, clipped gradients, an average of weights.

    Training ends early after `patience` looks without a lower validation loss. Then `finish` steps more, from the best weights, on all windows:
    the newest rows have judged and now teach.
    """

    steps: int
    finish: int
    batch: int
    learning_rate: float
    weight_decay: float
    clip: float
    average: float
    loss: Loss
    patience: int
    half: bool  # products of the forward and backward pass in bfloat16; weights, their average and every judgement stay float32
    optimiser: str = "adamw"
    momentum: float = 0.9  # of sgd
    l1: float = 0.0
    l2: float = 0.0
    clip_value: float | None = None
    schedule: str = "cosine"
    warmup: float | None = None  # share of the steps; None = a tenth, at most 100


@contextlib.contextmanager
def seeded(seed: int) -> Iterator[None]:
    """A random state of one's own; the caller's is given back untouched."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield


def train(net: nn.Module, batch_of: Batch, split: tuple[Windows, Windows, Windows], how: Training, watch: Watch) -> History:
    """Train a net in place and return (step, training, validation) losses; split = windows for training, for validation, and all of both.

    The averaged weights of the lowest validation loss are restored, and finished on all windows. Call it within `seeded`. A checkpoint goes to
    `watch` at every look; a killed fit goes on from it and ends in the same bits.
    """
    windows, validation, whole = split
    state = _State(net, how)
    saved = watch.load()
    if saved is not None:
        state.restore(*saved)
    judged = validation.origins(np.linspace(0, len(validation) - 1, min(JUDGED, len(validation))).astype("int64"))
    looks = {round((look + 1) * how.steps / LOOKS) for look in range(LOOKS)}
    while not state.finishing and state.step < how.steps and not state.stale:
        state.advance(*batch_of(windows, _draw(windows, how.batch)))
        if state.step in looks:
            value = _judge(state.average, batch_of, validation, judged, how.loss)
            state.look(value)
            watch.store(*state.pack())
            watch.report(state.step, how.steps, value)
    if not state.finishing:
        state.finish()
    while state.step < how.finish:
        state.advance(*batch_of(whole, _draw(whole, how.batch)))
        if state.step in looks:
            watch.store(*state.pack())
    net.load_state_dict(state.average.state_dict())
    net.eval()
    return state.history


def _draw(windows: Windows, count: int) -> Array:
    return windows.origins(torch.randint(len(windows), (count,)).numpy())


def masked_mean(loss: Tensor, target: Tensor) -> Tensor:
    """The mean of losses (B, H) over the observed targets; zero where none was observed."""
    seen = ~torch.isnan(target)
    return torch.where(seen, loss, 0.0).sum() / seen.sum().clamp(min=1)


class _State:
    """All that changes while a net is trained, and so all that a checkpoint holds."""

    def __init__(self, net: nn.Module, how: Training) -> None:
        self.net, self.how = net.train(), how
        self.average = copy.deepcopy(net).eval()
        self.pairs: tuple[list[Tensor], list[Tensor]] = (list(self.average.parameters()), list(net.parameters()))
        self.finishing, self.steps = False, how.steps
        self.step, self.running, self.since = 0, 0.0, 0
        self.lowest, self.best = math.inf, copy.deepcopy(net.state_dict())
        self.history: History = []
        self.optimiser = self._optimiser()

    def _optimiser(self) -> torch.optim.Optimizer:
        how, weights = self.how, self.net.parameters()
        match how.optimiser:
            case "adamw":
                return torch.optim.AdamW(weights, how.learning_rate, weight_decay=how.weight_decay, fused=True)
            case "adam":
                return torch.optim.Adam(weights, how.learning_rate, fused=True)
            case "rmsprop":
                return torch.optim.RMSprop(weights, how.learning_rate)
            case _:
                return torch.optim.SGD(weights, how.learning_rate, momentum=how.momentum)

    @property
    def rate(self) -> float:
        """The learning rate of the next step; on a plateau's schedule halved after every look that was not the lowest so far."""
        share = schedule(self.step, self.steps, self.how.schedule, self.how.warmup)
        if self.how.schedule == "plateau":
            share *= plateau([value for _, _, value in self.history])
        return self.how.learning_rate * share

    def advance(self, inputs: Inputs, target: Tensor) -> None:
        """One step on one batch."""
        for group in self.optimiser.param_groups:
            group["lr"] = self.rate
        with torch.autocast("cpu", torch.bfloat16, enabled=self.how.half):
            forecast = self.net(*inputs)
        loss = masked_mean(self.how.loss(forecast.float(), target.nan_to_num()), target)
        self.optimiser.zero_grad()
        whole = loss + penalty(self.net, self.how.l1, self.how.l2) if self.how.l1 or self.how.l2 else loss
        whole.backward()  # type: ignore[no-untyped-call]
        if self.how.clip_value is not None:
            nn.utils.clip_grad_value_(self.net.parameters(), self.how.clip_value)
        nn.utils.clip_grad_norm_(self.net.parameters(), self.how.clip)
        self.optimiser.step()
        self._follow(min(self.how.average, (1 + self.step) / (10 + self.step)))
        self.step, self.running, self.since = self.step + 1, self.running + loss.item(), self.since + 1

    @torch.no_grad()
    def _follow(self, keep: float) -> None:
        """Move the averaged weights; what a batch norm has counted is a running mean already."""
        torch._foreach_lerp_(self.pairs[0], self.pairs[1], 1 - keep)
        for ours, counted in zip(self.average.buffers(), self.net.buffers(), strict=True):
            ours.copy_(counted)

    @property
    def stale(self) -> bool:
        """Whether the validation loss has not fallen for `patience` looks."""
        losses = [value for _, _, value in self.history]
        return len(losses) - 1 - losses.index(min(losses)) >= self.how.patience if losses else False

    def look(self, value: float) -> None:
        """Record a validation loss and keep the averaged weights if they are the best so far."""
        self.history.append((self.step, self.running / self.since, value))
        self.running, self.since = 0.0, 0
        if value < self.lowest:
            self.lowest, self.best = value, copy.deepcopy(self.average.state_dict())

    def finish(self) -> None:
        """From the best weights on, with the schedule of the finish."""
        self.net.load_state_dict(self.best)
        self.average.load_state_dict(self.best)
        self.finishing, self.steps, self.step = True, self.how.finish, 0
        self.optimiser = self._optimiser()

    def pack(self) -> tuple[dict[str, Array], dict[str, Any]]:
        """Arrays and JSON values of a checkpoint."""
        parts = {"net": self.net.state_dict(), "average": self.average.state_dict(), "best": self.best}
        arrays = {f"{part}.{name}": tensor.numpy() for part, tensors in parts.items() for name, tensor in tensors.items()}
        for i, moments in self.optimiser.state_dict()["state"].items():
            arrays |= {f"optimiser.{i}.{name}": tensor.numpy() for name, tensor in moments.items() if tensor is not None}
        arrays["random"] = torch.get_rng_state().numpy()
        return arrays, {"finishing": self.finishing, "step": self.step, "lowest": self.lowest, "history": self.history}

    def restore(self, arrays: dict[str, Array], values: dict[str, Any]) -> None:
        """Take up where `pack` left off."""
        if values["finishing"]:
            self.finishing, self.steps = True, self.how.finish

        def tensors(part: str) -> dict[str, Tensor]:
            return {name.removeprefix(part + "."): torch.tensor(array) for name, array in arrays.items() if name.startswith(part + ".")}

        self.net.load_state_dict(tensors("net"))
        self.average.load_state_dict(tensors("average"))
        self.best = tensors("best")
        moments = self.optimiser.state_dict()
        found = {i: tensors(f"optimiser.{i}") for i in range(len(self.pairs[0]))}
        moments["state"] = {i: moment for i, moment in found.items() if moment}  # sgd without momentum has none
        self.optimiser.load_state_dict(moments)
        torch.set_rng_state(torch.tensor(arrays["random"]))
        self.step, self.lowest = values["step"], values["lowest"]
        self.history = [(int(step), loss, value) for step, loss, value in values["history"]]


def members_of(arrays: Mapping[str, Array], member: int) -> dict[str, Tensor]:
    """The weights of one member of several nets, as a checkpoint and a saved model name them: member.0.enter.weight."""
    prefix = f"member.{member}."
    return {name.removeprefix(prefix): torch.tensor(array) for name, array in arrays.items() if name.startswith(prefix)}


@dataclass(frozen=True)
class Ended:
    """The members of a fit that are trained already: their weights, member.0.enter.weight and so on, and their histories."""

    arrays: Mapping[str, Array]
    histories: tuple[History, ...]

    @staticmethod
    def of(watch: Watch) -> "Ended":
        """Those in the checkpoint of a killed fit; none without one."""
        arrays, values = watch.load() or ({}, {"ended": []})
        histories = tuple([(int(step), loss, value) for step, loss, value in history] for history in values["ended"])
        return Ended({name: array for name, array in arrays.items() if name.startswith("member.")}, histories)

    def with_one(self, weights: Mapping[str, Tensor], history: History) -> "Ended":
        """These and the next."""
        more = {f"member.{len(self.histories)}.{name}": tensor.numpy() for name, tensor in weights.items()}
        return Ended({**self.arrays, **more}, (*self.histories, history))


@dataclass(frozen=True)
class Turn(Watch):
    """The watch of one member: its checkpoints carry the members before it, its steps are counted through them."""

    watch: Watch
    member: int
    members: int
    ended: Ended

    def report(self, step: int, of: int, value: float) -> None:
        """Progress through all members."""
        self.watch.report(self.member * of + step, self.members * of, value)

    def load(self) -> tuple[dict[str, Array], dict[str, Any]] | None:
        """The checkpoint, where it is of this member."""
        saved = self.watch.load()
        return saved if saved is not None and len(saved[1]["ended"]) == self.member else None

    def store(self, arrays: dict[str, Array], values: dict[str, Any]) -> None:
        """A checkpoint with all that came before it."""
        self.watch.store({**self.ended.arrays, **arrays}, {**values, "ended": list(self.ended.histories)})


def schedule(step: int, steps: int, kind: str = "cosine", warmup: float | None = None) -> float:
    """The share of the learning rate at a step. Linear warm-up over a share of the steps (None: a tenth, at most 100) times a curve.

    cosine falls to 2 % (Loshchilov and Hutter 2017), exponential too, staircase in five stairs; constant and plateau stay at 1; one-cycle has
    its own warm-up: it rises from 4 % over three tenths of the steps and falls by a cosine to nothing (Smith and Topin 2018).
    """
    done = step / steps
    if kind == "one-cycle":
        return 0.04 + 0.96 * done / RISE if done < RISE else 0.5 * (1 + math.cos(math.pi * (done - RISE) / (1 - RISE)))
    warm = min(100, max(1, steps // 10)) if warmup is None else max(1, round(warmup * steps))
    return min(1.0, (step + 1) / warm) * CURVES[kind](done)


RISE = 0.3  # share of the steps in which one-cycle rises
FLOOR, STAIRS = 0.02, 5
CURVES: dict[str, Callable[[float], float]] = {  # of the share of the steps that is done
    "cosine": lambda done: 0.49 * (1 + math.cos(math.pi * done)) + 0.02,
    "exponential": lambda done: FLOOR**done,
    "staircase": lambda done: FLOOR ** (math.floor(STAIRS * done) / (STAIRS - 1)),
    "constant": lambda done: 1.0,
    "plateau": lambda done: 1.0,
}


def plateau(losses: list[float]) -> float:
    """A half to the power of the looks whose validation loss was not below all before it."""
    return 0.5 ** sum(value >= min(losses[:i]) for i, value in enumerate(losses) if i)


def penalty(net: nn.Module, l1: float, l2: float) -> Tensor:
    """l1 times the sum of absolute weights plus l2 times the sum of their squares; weights are matrices of layers, not biases or embeddings."""
    weights = [weight for name, weight in net.named_parameters() if weight.dim() > 1 and "weight" in name]
    return torch.stack([l1 * weight.abs().sum() + l2 * weight.square().sum() for weight in weights]).sum()


def _judge(net: nn.Module, batch_of: Batch, windows: Windows, origins: Array, loss: Loss) -> float:
    """The mean loss over windows at `origins`, each observed target counted once."""
    total, count = 0.0, 0
    with torch.inference_mode():
        for chunk in np.array_split(origins, math.ceil(len(origins) / 1024)):
            inputs, target = batch_of(windows, chunk)
            seen = int((~torch.isnan(target)).sum())
            total += float(masked_mean(loss(net(*inputs), target.nan_to_num()), target)) * seen
            count += seen
    return total / max(count, 1)
