"""The training loop of every net: random windows, steps counted, an average of the weights judged on
the past's tail, the best restored and finished on all rows."""

import contextlib
import copy
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from forecast.arrays import Array
from forecast.data.windows import Windows
from forecast.models.base import LOOKS, Watch
from forecast.models.nets.judging import Batch, Inputs, Judge, answer
from forecast.models.nets.losses import Loss, Unit, mean_loss
from forecast.models.nets.optimiser import MOMENTS, Flat, haste, penalty, plateau, rule_of, schedule

JUDGED = 2000  # validation windows at most, evenly spaced
LEAST = 100  # of them at least
COST = 24  # and no more than a 24th of the windows that train, so that all looks cost a sixth of the training
TRIED = 10  # steps that are timed
JUDGING = 1.2  # what all looks multiply the time of the steps by

History = list[tuple[int, float, float]]  # step, training loss, validation loss
Draw = Callable[[int], tuple[Inputs, Tensor, Unit]]  # from a step to its batch


@dataclass(frozen=True)
class Training:
    """How a net is trained: `steps` of `batch` windows drawn at random, a rate that follows `schedule`,
    clipped gradients, an average of weights.

    Training ends early after `patience` looks without a lower validation loss, or a lower value of
    `judge`. Then `finish` steps more, from the best weights, on all windows: the newest rows have
    judged and now teach. Without `steps` it is the finish alone, from the weights that the net has: a
    warm refit.
    shrink: whether the validation windows choose the net's `trust`, the share of its departure from
    the anchor · judge: of the validation windows, the lowest is the best, and what patience waits for;
    None = the loss · warmup: share of the steps, None = a tenth, at most 100 · momentum: of sgd · half:
    products in bfloat16; weights, their average and losses stay float32.
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
    half: bool
    optimiser: str = "adamw"
    momentum: float = 0.9
    l1: float = 0.0
    l2: float = 0.0
    clip_value: float | None = None
    schedule: str = "cosine"
    warmup: float | None = None
    shrink: bool = False
    judge: Loss | None = None


@contextlib.contextmanager
def seeded(seed: int) -> Iterator[None]:
    """A separate random state; the caller's is given back untouched."""
    with torch.random.fork_rng(devices=range(torch.cuda.device_count())):
        torch.manual_seed(seed)
        yield


class Lessons(Protocol):
    """What a net learns from, and what judges it."""

    def draw(self, step: int, finishing: bool) -> tuple[Inputs, Tensor, Unit]:
        """The batch of a step: of the training part, or where the training is finished, of all.

        A function of its arguments and of torch's random state alone, so that a killed fit goes on in
        the same bits.
        """

    def judge(self, net: nn.Module) -> float:
        """The loss of a net on what judges: the lowest is the best."""

    def share(self, net: nn.Module) -> float:
        """What the net's `trust` becomes: how much of what it says is borne out by what judges."""


class WindowLessons:
    """Windows drawn at random from a past, and some of its last that judge.

    split: windows for training, for validation, and all of both.
    """

    def __init__(self, batch_of: Batch, split: tuple[Windows, Windows, Windows], how: Training) -> None:
        self.windows, validation, self.whole = split
        self.batch_of = batch_of
        self.batch = how.batch
        self.by = _judge_of(batch_of, validation, how)

    def draw(self, step: int, finishing: bool) -> tuple[Inputs, Tensor, Unit]:
        """Windows of the training part, or of all."""
        windows = self.windows
        if finishing:
            windows = self.whole
        return self.batch_of(windows, _draw(windows, self.batch))

    def judge(self, net: nn.Module) -> float:
        """The mean loss on the windows that judge."""
        return self.by.mean(net)

    def share(self, net: nn.Module) -> float:
        """How much of the departure from the anchor they bear out."""
        return self.by.share(net)


def train(
    net: nn.Module, batch_of: Batch, split: tuple[Windows, Windows, Windows], how: Training, watch: Watch
) -> History:
    """Train a net on windows in place and return (step, training, validation) losses; as in `teach`."""
    return teach(net, WindowLessons(batch_of, split, how), how, watch)


def teach(net: nn.Module, lessons: Lessons, how: Training, watch: Watch) -> History:
    """Train a net in place and return (step, training, validation) losses.

    The averaged weights of the lowest validation loss are restored, and finished on all there is.
    Call it within `seeded`. A checkpoint goes to `watch` at every look and at the end; a killed fit
    goes on from it, and one that had ended is taken up, in the same bits.
    """
    state = _State(net, how)
    _take_up(state, how, watch)
    looks = _looks(how)
    while not state.finishing and state.step < how.steps and not state.stale:
        state.advance(*lessons.draw(state.step, finishing=False))
        if state.step in looks:
            value = lessons.judge(state.average)
            state.look(value)
            watch.store(*state.pack())
            watch.report(state.step, how.steps, value)
    if not state.finishing:
        state.finish()
        if how.shrink:
            state.trust(lessons.share(state.average))
    while state.step < how.finish:
        state.advance(*lessons.draw(state.step, finishing=True))
        if state.step in looks or state.step == how.finish:
            watch.store(*state.pack())
    state.weights.write(state.averaged.read())
    net.eval()
    return state.history


def affordable(
    seconds: float, net: nn.Module, batch_of: Batch, windows: Windows, how: Training, hasty: bool = False
) -> Training:
    """The same training on windows with as many steps as so many CPU seconds allow; as in `within`."""
    return within(seconds, net, lambda _: batch_of(windows, _draw(windows, how.batch)), how, hasty)


def within(seconds: float, net: nn.Module, draw: Draw, how: Training, hasty: bool = False) -> Training:
    """The same training with as many steps as so many CPU seconds allow, judging included.

    A few steps of a copy of the net show what one costs. draw: from a step to its batch. hasty: fewer
    steps take a higher rate.
    """
    state = _State(copy.deepcopy(net), how)
    state.advance(*draw(0))
    begun = time.process_time()
    for step in range(1, TRIED + 1):
        state.advance(*draw(step))
    each = JUDGING * (time.process_time() - begun) / TRIED
    share = min(1.0, seconds / (each * (how.steps + how.finish)))
    steps = max(LOOKS, int(share * how.steps))
    rate = how.learning_rate
    if hasty:
        rate *= haste(how.steps, steps)
    return replace(how, steps=steps, finish=int(share * how.finish), learning_rate=rate)


def _take_up(state: "_State", how: Training, watch: Watch) -> None:
    """Go on from the checkpoint of a fit that was killed, and report how far it had come."""
    saved = watch.load()
    if saved is None:
        return
    state.restore(*saved)
    if state.history:
        step, _, value = state.history[-1]
        watch.report(step, how.steps, value)


def _judge_of(batch_of: Batch, validation: Windows, how: Training) -> Judge:
    """Some of the validation windows, evenly spaced."""
    most = min(JUDGED, max(LEAST, how.steps * how.batch // COST))
    count = min(most, len(validation))
    places = np.linspace(0, len(validation) - 1, count).astype("int64")
    return Judge(batch_of, validation, validation.origins(places), how.judge or how.loss, how.half)


def _looks(how: Training) -> set[int]:
    """The steps after which the averaged weights are judged, or a warm refit keeps a checkpoint."""
    steps = how.steps or how.finish
    return {round((look + 1) * steps / LOOKS) for look in range(LOOKS)}


def _draw(windows: Windows, count: int) -> Array:
    return windows.origins(torch.randint(len(windows), (count,)).numpy())


class _State:
    """All that changes while a net is trained, and so all that a checkpoint holds."""

    def __init__(self, net: nn.Module, how: Training) -> None:
        self.net = net.train()
        self.how = how
        self.average = copy.deepcopy(net).eval()
        self.weights = Flat(self.net)
        self.averaged = Flat(self.average)
        self.rule = rule_of(how.optimiser, how.weight_decay, how.momentum)
        self.moments = self._still()
        self.finishing = False
        self.steps = how.steps or how.finish
        self.step = 0
        self.running = torch.zeros(())  # the sum of the training losses since the last look
        self.since = 0
        self.lowest = math.inf
        self.best = self.weights.read()
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
        how = self.how
        weights = self.weights
        loss = mean_loss(how.loss, answer(self.net, inputs, how.half), target, unit)
        whole = loss
        if how.l1 or how.l2:
            whole = loss + penalty(self.net, how.l1, how.l2)
        weights.gradient.zero_()
        whole.backward()  # type: ignore[no-untyped-call]
        weights.clip(how.clip, how.clip_value)
        self.rule(weights.values, weights.gradient, self.moments, self.step + 1, self.rate)
        keep = min(how.average, (1 + self.step) / (10 + self.step))
        self.averaged.follow(weights, keep)
        self.step += 1
        self.running = self.running + loss.detach().double()
        self.since += 1

    @property
    def stale(self) -> bool:
        """Whether the validation loss has not fallen for `patience` looks."""
        if not self.history:
            return False
        losses = [value for _, _, value in self.history]
        after = len(losses) - 1 - losses.index(min(losses))
        return after >= self.how.patience

    def look(self, value: float) -> None:
        """Record a validation loss and keep the averaged weights if they are the best so far."""
        self.history.append((self.step, float(self.running) / self.since, value))
        self.running = torch.zeros(())
        self.since = 0
        if value < self.lowest:
            self.lowest = value
            self.best = self.averaged.read()

    def finish(self) -> None:
        """From the best weights on, with the schedule of the finish."""
        self.weights.write(self.best)
        self.averaged.write(self.best)
        self.finishing = True
        self.steps = self.how.finish
        self.step = 0
        self.moments = self._still()

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
        for i, moment in enumerate(self.moments):
            vectors[f"moment.{i}"] = moment
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
            self.finishing = True
            self.steps = self.how.finish
        self.weights.write(torch.tensor(arrays["weights"]))
        self.averaged.write(torch.tensor(arrays["averaged"]))
        device = self.weights.values.device
        self.best = torch.tensor(arrays["best"], device=device)
        for i in range(len(self.moments)):
            self.moments[i] = torch.tensor(arrays[f"moment.{i}"], device=device)
        torch.set_rng_state(torch.tensor(arrays["random"]))
        if "random.cuda" in arrays:
            torch.cuda.set_rng_state(torch.tensor(arrays["random.cuda"]))
        self.step = values["step"]
        self.lowest = values["lowest"]
        self.history = [(int(step), loss, value) for step, loss, value in values["history"]]
