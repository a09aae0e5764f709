"""One step of an optimiser: all weights of a net as one vector, the rules that move it, the schedule of the rate, clipping and penalties."""

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn

ALIGNED = 16  # float32s in a cache line: each parameter begins at a multiple of it


class Flat:
    """The parameters of a net as views of one vector, and their gradients of another: one operation
    moves, clips, averages or keeps them all.

    values, gradient float32 (W,); the buffers of a batch norm, which are counted and not learned, are
    kept next to them.
    """

    def __init__(self, net: nn.Module) -> None:
        parameters = list(net.parameters())
        begins = []
        size = 0
        for one in parameters:
            begins.append(size)
            size += -(-one.numel() // ALIGNED) * ALIGNED
        self.values = torch.zeros(size, device=parameters[0].device)
        self.gradient = torch.zeros_like(self.values)
        self.buffers = list(net.buffers())
        for one, begin in zip(parameters, begins, strict=True):
            part = slice(begin, begin + one.numel())
            self.values[part] = one.detach().flatten()
            one.data = self.values[part].view_as(one)
            one.grad = self.gradient[part].view_as(one)

    def read(self) -> Tensor:
        """A copy of all weights and buffers as one vector."""
        return torch.cat([self.values, *(buffer.flatten() for buffer in self.buffers)])

    def write(self, vector: Tensor) -> None:
        """Take the weights and buffers that `read` gave."""
        parts = torch.split(vector, [len(self.values), *(buffer.numel() for buffer in self.buffers)])
        self.values.copy_(parts[0])
        for buffer, part in zip(self.buffers, parts[1:], strict=True):
            buffer.copy_(part.view_as(buffer))

    @torch.no_grad()
    def follow(self, other: "Flat", keep: float) -> None:
        """Move as an exponential average of the other's weights; what a batch norm has counted is a running mean already."""
        self.values.lerp_(other.values, 1 - keep)
        for ours, theirs in zip(self.buffers, other.buffers, strict=True):
            ours.copy_(theirs)

    def clip(self, norm: float, value: float | None) -> None:
        """Cut the gradient's entries at an absolute value, then its norm."""
        if value is not None:
            self.gradient.clamp_(-value, value)
        length = self.gradient.norm()
        self.gradient.mul_((norm / (length + 1e-6)).clamp(max=1))


Rule = Callable[[Tensor, Tensor, list[Tensor], int, float], None]
# weights, gradient, moments, steps done with this one, rate: all in place
SMALL = 1e-8  # keeps quotients finite


def adam(weights: Tensor, gradient: Tensor, moments: list[Tensor], step: int, rate: float) -> None:
    """Kingma and Ba 2015, algorithm 1, with its usual .9 and .999."""
    first, second = moments
    first.lerp_(gradient, 0.1)
    second.mul_(0.999).addcmul_(gradient, gradient, value=0.001)
    width = second.sqrt().div_(math.sqrt(1 - 0.999**step)).add_(SMALL)
    weights.addcdiv_(first, width, value=-rate / (1 - 0.9**step))


def adamw(decay: float) -> Rule:
    """Adam, and all weights decayed beside the gradient (Loshchilov and Hutter 2019, algorithm 2)."""

    def rule(weights: Tensor, gradient: Tensor, moments: list[Tensor], step: int, rate: float) -> None:
        weights.mul_(1 - rate * decay)
        adam(weights, gradient, moments, step, rate)

    return rule


def rmsprop(weights: Tensor, gradient: Tensor, moments: list[Tensor], step: int, rate: float) -> None:
    """Hinton 2012, with its usual .99."""
    moments[0].mul_(0.99).addcmul_(gradient, gradient, value=0.01)
    weights.addcdiv_(gradient, moments[0].sqrt().add_(SMALL), value=-rate)


def sgd(momentum: float) -> Rule:
    """Gradient descent with momentum (Polyak 1964)."""

    def rule(weights: Tensor, gradient: Tensor, moments: list[Tensor], step: int, rate: float) -> None:
        moments[0].mul_(momentum).add_(gradient)
        weights.sub_(moments[0], alpha=rate)

    return rule


MOMENTS = {"adamw": 2, "adam": 2, "rmsprop": 1, "sgd": 1}  # vectors that a rule keeps


def rule_of(name: str, decay: float, momentum: float) -> Rule:
    """A rule by name; the decay is of adamw, the momentum of sgd."""
    return {"adamw": adamw(decay), "adam": adam, "rmsprop": rmsprop, "sgd": sgd(momentum)}[name]


def schedule(step: int, steps: int, kind: str = "cosine", warmup: float | None = None) -> float:
    """The share of the learning rate at a step. Linear warm-up over a share of the steps (None: a
    tenth, at most 100) times a curve.

    cosine falls to 2 % (Loshchilov and Hutter 2017), exponential too, staircase in five stairs;
    constant and plateau stay at 1; one-cycle has its own warm-up: it rises from 4 % over three tenths
    of the steps and falls by a cosine to nothing (Smith and Topin 2018).
    """
    done = step / steps
    if kind == "one-cycle":
        return one_cycle(done)
    warm = min(100, steps // 10)
    if warmup is not None:
        warm = round(warmup * steps)
    return min(1.0, (step + 1) / max(1, warm)) * CURVES[kind](done)


def one_cycle(done: float) -> float:
    """The share of the rate where a share of the steps is done: a rise from 4 %, then a cosine to nothing."""
    if done < RISE:
        return 0.04 + 0.96 * done / RISE
    fallen = (done - RISE) / (1 - RISE)
    return 0.5 * (1 + math.cos(math.pi * fallen))


def haste(usual: int, steps: int) -> float:
    """How many times its usual rate a training of `steps` takes that are fewer than usual: as many times as they are fewer, up to HASTE."""
    return min(HASTE, max(1.0, usual / steps))


HASTE = 3.0  # a short training does not come far enough to be unsettled by a high rate
# (four times were as good on some files and worse on others)
RISE = 0.3  # share of the steps in which one-cycle rises
FLOOR = 0.02
STAIRS = 5
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
