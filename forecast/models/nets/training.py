"""The training loop of every net: random windows, steps counted, an average of the weights judged on the past's tail, the best restored
and finished on all rows."""

import contextlib
import copy
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from forecast.arrays import Array
from forecast.data.windows import Windows
from forecast.models.base import LOOKS, Watch
from forecast.models.nets.optimiser import MOMENTS, Flat, haste, penalty, plateau, rule_of, schedule
from forecast.models.nets.shrinkage import SHARES, borne_out

Inputs = tuple[Tensor, ...]
Unit = Tensor | None  # (B,): what the errors of each window are multiplied by before the loss; None = 1
Batch = Callable[
    [Windows, Array], tuple[Inputs, Tensor, Unit]
]  # windows, origins (B, 2) -> the net's inputs, targets (B, H), units
History = list[tuple[int, float, float]]

CHUNK = 512  # windows that are forecast at once: what is held of them fits into a cache
JUDGED = 2000  # validation windows at most, evenly spaced
LEAST, COST = (
    100,
    24,
)  # and no more than a 24th of the windows that train, so that all looks cost a sixth of the training; but these at least
TRIED, JUDGING = 10, 1.2  # steps that are timed; what all looks add to them

Loss = Callable[[Tensor, Tensor], Tensor]  # forecasts (B, H, P), targets (B, H) -> losses (B, H)
LOSSES: dict[str, Callable[[Tensor], Tensor]] = {  # of errors, target - forecast
    "mae": torch.abs,
    "mse": torch.square,
    "qlike": lambda error: (
        torch.expm1(error.clamp(max=20)) - error
    ),  # y / f - log(y / f) - 1 of values in logs (Patton 2011)
    "huber": lambda error: nn.functional.huber_loss(error, torch.zeros_like(error), reduction="none"),
}


def loss_of(name: str, levels: tuple[float, ...], point: int = 0) -> Loss:
    """A loss by name, of the output `point` of each step; "quantile" is twice the pinball loss, averaged over the levels (Koenker and Bassett
    1978): at the median, and so without levels, the absolute error."""
    if name == "quantile" and levels:
        steps = torch.tensor(levels)

        def pinball(forecast: Tensor, target: Tensor) -> Tensor:
            error, rise = target[..., None] - forecast, steps.to(forecast.device)
            return 2 * torch.maximum(rise * error, (rise - 1) * error).mean(-1)

        return pinball
    one = LOSSES["mae" if name == "quantile" else name]
    return lambda forecast, target: one(target - forecast[..., point])


@dataclass(frozen=True)
class Training:
    """How a net is trained: `steps` of `batch` windows drawn at random, a rate that follows `schedule`, clipped gradients, an average of weights.

    Training ends early after `patience` looks without a lower validation loss, or a lower value of `judge`. Then `finish` steps more, from the
    best weights, on all windows: the newest rows have judged and now teach. Without `steps` it is the finish alone, from the weights that the net
    has: a warm refit.
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
    half: bool  # products in bfloat16; weights, their average and losses stay float32
    optimiser: str = "adamw"
    momentum: float = 0.9  # of sgd
    l1: float = 0.0
    l2: float = 0.0
    clip_value: float | None = None
    schedule: str = "cosine"
    warmup: float | None = None  # share of the steps; None = a tenth, at most 100
    shrink: bool = False  # whether the validation windows choose the net's `trust`: the share of its departure from the anchor
    judge: Loss | None = (
        None  # of the validation windows: the lowest is the best, and what patience waits for; None = the loss
    )


@contextlib.contextmanager
def seeded(seed: int) -> Iterator[None]:
    """A random state of one's own; the caller's is given back untouched."""
    with torch.random.fork_rng(devices=range(torch.cuda.device_count())):
        torch.manual_seed(seed)
        yield


def train(
    net: nn.Module, batch_of: Batch, split: tuple[Windows, Windows, Windows], how: Training, watch: Watch
) -> History:
    """Train a net in place and return (step, training, validation) losses; split = windows for training, for validation, and all of both.

    The averaged weights of the lowest validation loss are restored, and finished on all windows. Call it within `seeded`. A checkpoint goes to
    `watch` at every look and at the end; a killed fit goes on from it, and one that had ended is taken up, in the same bits.
    """
    windows, validation, whole = split
    state = _State(net, how)
    saved = watch.load()
    if saved is not None:
        state.restore(*saved)
        for step, _, value in state.history[-1:]:
            watch.report(step, how.steps, value)
    most = min(JUDGED, max(LEAST, how.steps * how.batch // COST))
    judged = validation.origins(
        np.linspace(0, len(validation) - 1, min(most, len(validation))).astype("int64")
    )
    looks = {round((look + 1) * (how.steps or how.finish) / LOOKS) for look in range(LOOKS)}
    while not state.finishing and state.step < how.steps and not state.stale:
        state.advance(*batch_of(windows, _draw(windows, how.batch)))
        if state.step in looks:
            value = _judge(state.average, batch_of, validation, judged, how)
            state.look(value)
            watch.store(*state.pack())
            watch.report(state.step, how.steps, value)
    if not state.finishing:
        state.finish()
        if how.shrink:
            state.trust(_share(state.average, batch_of, validation, judged, how))
    while state.step < how.finish:
        state.advance(*batch_of(whole, _draw(whole, how.batch)))
        if state.step in looks or state.step == how.finish:
            watch.store(*state.pack())
    state.weights.write(state.averaged.read())
    net.eval()
    return state.history


def affordable(
    seconds: float, net: nn.Module, batch_of: Batch, windows: Windows, how: Training, hasty: bool = False
) -> Training:
    """The same training with as many steps as so many CPU seconds allow, judging included; a few steps of a copy of the net show what one costs.

    hasty: fewer steps take a higher rate.
    """
    state = _State(copy.deepcopy(net), how)
    state.advance(*batch_of(windows, _draw(windows, how.batch)))
    begun = time.process_time()
    for _ in range(TRIED):
        state.advance(*batch_of(windows, _draw(windows, how.batch)))
    each = JUDGING * (time.process_time() - begun) / TRIED
    share = min(1.0, seconds / (each * (how.steps + how.finish)))
    steps = max(LOOKS, int(share * how.steps))
    rate = how.learning_rate * (haste(how.steps, steps) if hasty else 1)
    return replace(how, steps=steps, finish=int(share * how.finish), learning_rate=rate)


def answer(net: nn.Module, inputs: Inputs, half: bool) -> Tensor:
    """The forecasts (B, H, P) of a net, float32; `half`: its products are in bfloat16."""
    with torch.autocast(inputs[0].device.type, torch.bfloat16, enabled=half):
        forecast: Tensor = net(*inputs)
    return forecast.float()


def _draw(windows: Windows, count: int) -> Array:
    return windows.origins(torch.randint(len(windows), (count,)).numpy())


def mean_loss(loss: Loss, forecast: Tensor, target: Tensor, unit: Unit) -> Tensor:
    """The mean of `unit_losses` over the observed targets."""
    return masked_mean(unit_losses(loss, forecast, target, unit), target)


def unit_losses(loss: Loss, forecast: Tensor, target: Tensor, unit: Unit) -> Tensor:
    """The losses (B, H) of forecasts (B, H, P) of targets (B, H), their errors in the units (B,) of their windows; where no target was observed
    of any size."""
    known = target.nan_to_num()
    if unit is not None:
        forecast, known = forecast * unit[:, None, None], known * unit[:, None]
    return loss(forecast, known)


def masked_mean(loss: Tensor, target: Tensor) -> Tensor:
    """The mean of losses (B, H) over the observed targets; zero where none was observed."""
    seen = ~torch.isnan(target)
    return torch.where(seen, loss, 0.0).sum() / seen.sum().clamp(min=1)


class _State:
    """All that changes while a net is trained, and so all that a checkpoint holds."""

    def __init__(self, net: nn.Module, how: Training) -> None:
        self.net, self.how = net.train(), how
        self.average = copy.deepcopy(net).eval()
        self.weights, self.averaged = Flat(self.net), Flat(self.average)
        self.rule = rule_of(how.optimiser, how.weight_decay, how.momentum)
        self.moments = self._still()
        self.finishing, self.steps = False, how.steps or how.finish
        self.step, self.running, self.since = 0, torch.zeros(()), 0
        self.lowest, self.best = math.inf, self.weights.read()
        self.history: History = []

    def _still(self) -> list[Tensor]:
        return [torch.zeros_like(self.weights.values) for _ in range(MOMENTS[self.how.optimiser])]

    @property
    def rate(self) -> float:
        """The learning rate of the next step; on a plateau's schedule halved after every look that was not the lowest so far."""
        share = schedule(self.step, self.steps, self.how.schedule, self.how.warmup)
        if self.how.schedule == "plateau":
            share *= plateau([value for _, _, value in self.history])
        return self.how.learning_rate * share

    def advance(self, inputs: Inputs, target: Tensor, unit: Unit = None) -> None:
        """One step on one batch."""
        how, weights = self.how, self.weights
        loss = mean_loss(how.loss, answer(self.net, inputs, how.half), target, unit)
        weights.gradient.zero_()
        whole = loss + penalty(self.net, how.l1, how.l2) if how.l1 or how.l2 else loss
        whole.backward()  # type: ignore[no-untyped-call]
        weights.clip(how.clip, how.clip_value)
        self.rule(weights.values, weights.gradient, self.moments, self.step + 1, self.rate)
        self.averaged.follow(weights, min(how.average, (1 + self.step) / (10 + self.step)))
        self.step, self.running, self.since = (
            self.step + 1,
            self.running + loss.detach().double(),
            self.since + 1,
        )

    @property
    def stale(self) -> bool:
        """Whether the validation loss has not fallen for `patience` looks."""
        losses = [value for _, _, value in self.history]
        return len(losses) - 1 - losses.index(min(losses)) >= self.how.patience if losses else False

    def look(self, value: float) -> None:
        """Record a validation loss and keep the averaged weights if they are the best so far."""
        self.history.append((self.step, float(self.running) / self.since, value))
        self.running, self.since = torch.zeros(()), 0
        if value < self.lowest:
            self.lowest, self.best = value, self.averaged.read()

    def finish(self) -> None:
        """From the best weights on, with the schedule of the finish."""
        self.weights.write(self.best)
        self.averaged.write(self.best)
        self.finishing, self.steps, self.step, self.moments = True, self.how.finish, 0, self._still()

    def trust(self, share: float) -> None:
        """Forecast this share of the departure from the anchor."""
        for net in (self.net, self.average):
            net.get_buffer("trust").fill_(share)

    def pack(self) -> tuple[dict[str, Array], dict[str, Any]]:
        """Arrays and JSON values of a checkpoint."""
        vectors = {
            "weights": self.weights.read(),
            "averaged": self.averaged.read(),
            "best": self.best,
            "random": torch.get_rng_state(),
        }
        if self.weights.values.is_cuda:
            vectors["random.cuda"] = torch.cuda.get_rng_state()
        vectors |= {f"moment.{i}": moment for i, moment in enumerate(self.moments)}
        values = {
            "finishing": self.finishing,
            "step": self.step,
            "lowest": self.lowest,
            "history": self.history,
        }
        return {name: vector.cpu().numpy() for name, vector in vectors.items()}, values

    def restore(self, arrays: dict[str, Array], values: dict[str, Any]) -> None:
        """Take up where `pack` left off."""
        if values["finishing"]:
            self.finishing, self.steps = True, self.how.finish
        self.weights.write(torch.tensor(arrays["weights"]))
        self.averaged.write(torch.tensor(arrays["averaged"]))
        device = self.weights.values.device
        self.best = torch.tensor(arrays["best"], device=device)
        self.moments = [torch.tensor(arrays[f"moment.{i}"], device=device) for i in range(len(self.moments))]
        torch.set_rng_state(torch.tensor(arrays["random"]))
        if "random.cuda" in arrays:
            torch.cuda.set_rng_state(torch.tensor(arrays["random.cuda"]))
        self.step, self.lowest = values["step"], values["lowest"]
        self.history = [(int(step), loss, value) for step, loss, value in values["history"]]


def _share(net: nn.Module, batch_of: Batch, windows: Windows, origins: Array, how: Training) -> float:
    """Which of SHARES windows at `origins` bear out."""
    losses, seen, loss = [], [], how.judge or how.loss
    with torch.inference_mode():
        for inputs, target, unit in _batches(batch_of, windows, origins):
            anchor, departed = (_with_trust(net, share, inputs, how.half) for share in (0.0, 1.0))
            made = [unit_losses(loss, torch.lerp(anchor, departed, share), target, unit) for share in SHARES]
            losses.append(torch.stack([torch.where(torch.isnan(target), 0.0, one).sum(1) for one in made], 1))
            seen.append((~torch.isnan(target)).sum(1))
    summed, count = (torch.cat(parts).double().cpu().numpy() for parts in (losses, seen))
    times = windows.panel.cutoffs(origins).astype("int64")
    return borne_out(summed, count, origins[:, 0], times, (windows.count.max() - 1) / windows.horizon)


def _with_trust(net: nn.Module, share: float, inputs: Inputs, half: bool) -> Tensor:
    net.get_buffer("trust").fill_(share)
    return answer(net, inputs, half)


def _batches(batch_of: Batch, windows: Windows, origins: Array) -> Iterator[tuple[Inputs, Tensor, Unit]]:
    """All windows at `origins`, some at a time."""
    for chunk in np.array_split(origins, math.ceil(len(origins) / CHUNK)):
        yield batch_of(windows, chunk)


def _judge(net: nn.Module, batch_of: Batch, windows: Windows, origins: Array, how: Training) -> float:
    """The mean loss over windows at `origins`, each observed target counted once."""
    total, count = 0.0, 0
    with torch.inference_mode():
        for inputs, target, unit in _batches(batch_of, windows, origins):
            seen = int((~torch.isnan(target)).sum())
            total += (
                float(mean_loss(how.judge or how.loss, answer(net, inputs, how.half), target, unit)) * seen
            )
            count += seen
    return total / max(count, 1)
