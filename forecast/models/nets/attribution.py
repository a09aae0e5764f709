"""What makes up a forecast of nets: integrated gradients against the window that is held at its last values.

The contributions of an input are its difference from a reference times the gradient by it, averaged
along the straight line between the two (Sundararajan, Taly and Yan 2017). They sum to the difference
of the two forecasts, but for the error of so many points. Two lines follow each other: from a window
at the mean of the past, at no time of the calendar, to the held window, and from this to the window
itself. Anchored columns have no level to a net, so the first line leaves them alone.

Gradients are of the net in float32, also where it forecasts in bfloat16. Axes as in `net.py`, and
M origins, J steps of the horizon.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from forecast.arrays import Array
from forecast.models.contributions import Contributions, chained, mean_of, nothing
from forecast.models.nets.anchors import last_observed
from forecast.models.nets.judging import CHUNK, Inputs
from forecast.models.nets.net import Net

Answer = Callable[[Sequence[Tensor]], Tensor]  # inputs of n windows, each (n, ...) -> forecasts (n, J)


class Place(NamedTuple):
    """Where the columns of a net lie among the C columns of the panel: those of its window, its future and static ones."""

    moving: list[int]
    future: list[int]
    static: list[int]

    @property
    def columns(self) -> int:
        """How many columns the panel has."""
        return len(self.moving) + len(self.static)


@dataclass(frozen=True, eq=False)
class Question:
    """One net, asked at the steps (J,) of the horizon, with so many points on each line."""

    net: Net
    steps: Array
    points: int

    def explain(self, inputs: Inputs, place: Place) -> Contributions:
        """What makes up its forecasts for the windows of `inputs`, some at a time."""
        size = max(1, CHUNK // self.points)
        found = []
        for begin in range(0, len(inputs[0]), size):
            part = tuple(one[begin : begin + size] for one in inputs)
            found.append(self._explain(part, place))
        return chained(found)

    def _explain(self, inputs: Inputs, place: Place) -> Contributions:
        window, series, calendar, future, static = inputs
        held, ahead = held_at_last(window, future, self.net.future)
        blank = self._blank(held)
        anchor = self._anchor(held)
        start = (blank, calendar * 0.0, ahead * 0.0, static * 0.0)
        middle = (held, calendar, ahead, static)
        end = (window, calendar, future, static)
        first = self._departure(start, anchor, torch.full_like(series, -1))
        own = self._departure(start, anchor, series)
        to_held = self._along(start, middle, series)
        to_window = self._along(middle, end, series)
        made = nothing(len(window), len(self.steps), self.net.context, self.net.horizon, place.columns)
        made.anchor[:] = _array(anchor)
        made.bias[:] = first
        made.series[:] = own - first
        made.calendar[:] = to_held[1].sum((2, 3))
        made.level[..., place.moving] = to_held[0].sum(2)
        made.level[..., place.future] += to_held[2].sum(2)
        made.level[..., place.static] = to_held[3]
        skip = self._skip(held, window, series)
        made.skip[:] = skip[..., ::-1]
        made.window[..., place.moving] = to_window[0][:, :, ::-1]
        made.window[..., 0] -= made.skip
        made.ahead[..., place.future] = to_window[2]
        return made

    def _anchor(self, held: Tensor) -> Tensor:
        """What the forecast of a held window starts from (M, 1)."""
        with torch.no_grad():
            return self.net.anchored(held)[1][:, :1]

    def _blank(self, held: Tensor) -> Tensor:
        """Held windows with the columns at 0 whose level the net sees: all that it does not anchor, and future ones."""
        seen_level = torch.zeros(held.shape[2], dtype=torch.bool, device=held.device)
        seen_level[self.net.future] = True
        if self.net.anchor in ("none", "target"):
            seen_level[1:] = True
        if self.net.anchor == "none":
            seen_level[0] = True
        return torch.where(seen_level & ~torch.isnan(held), 0.0, held)

    def _departure(self, inputs: Sequence[Tensor], anchor: Tensor, series: Tensor) -> Array:
        """By how much forecasts (M, J) depart from the anchor (M, 1)."""
        with torch.no_grad():
            return _array(self._forecast(inputs, series) - anchor)

    def _forecast(self, inputs: Sequence[Tensor], series: Tensor) -> Tensor:
        window, calendar, future, static = inputs
        answers: Tensor = self.net(window, series, calendar, future, static)
        steps = torch.from_numpy(self.steps).to(window.device)
        return answers[:, steps, self.net.middle]

    def _along(self, start: Sequence[Tensor], end: Sequence[Tensor], series: Tensor) -> list[Array]:
        """The contributions (M, J, ...) of each input on the line from start to end."""
        repeated = series.repeat(self.points)

        def answer(inputs: Sequence[Tensor]) -> Tensor:
            return self._forecast(inputs, repeated)

        return integrated(answer, start, end, self.points, len(self.steps))

    def _skip(self, held: Tensor, window: Tensor, series: Tensor) -> Array:
        """What the linear path from window to horizon says of each row of the target beyond the held window: (M, J, L), exact."""
        net = self.net
        if net.skip is None:
            return np.zeros((len(window), len(self.steps), net.context))
        with torch.no_grad():
            departed = (net.anchored(window)[2] - net.anchored(held)[2])[:, :, 0]
            weights = net.skip.weight[torch.from_numpy(self.steps).to(window.device)]
            share = net.followed(series)
            if net.trust is not None:
                share = share * net.trust
            return _array(departed[:, None] * weights * share[..., None])


def held_at_last(window: Tensor, future: Tensor, places: list[int]) -> tuple[Tensor, Tensor]:
    """Windows (B, L, C), and future columns (B, H, K) at `places` among their columns, that stay at the last observed
    values of the windows; what is missing stays missing."""
    seen = ~torch.isnan(window)
    last = last_observed(window, seen)
    held = torch.where(seen, last[:, None], window)
    ahead = torch.where(torch.isnan(future), future, last[:, None, places])
    return held, ahead


def integrated(
    answer: Answer, start: Sequence[Tensor], end: Sequence[Tensor], points: int, steps: int
) -> list[Array]:
    """Integrated gradients (M, steps, ...) of each input (M, ...), float64, by the midpoint rule.

    answer: from inputs of points x M windows to forecasts at so many steps. What is missing, NaN, and what does not
    differ between start and end gets exactly 0.
    """
    shares = (torch.arange(points, device=start[0].device) + 0.5) / points
    between = []
    for first, last in zip(start, end, strict=True):
        at = shares.view(-1, *([1] * first.dim()))
        line = first + at * (last - first)
        between.append(line.flatten(0, 1).requires_grad_())
    with torch.enable_grad(), torch.backends.cudnn.flags(enabled=False):
        answers = answer(between)
        slopes = [_slopes(answers[:, step], between, points, step + 1 < steps) for step in range(steps)]
    found = []
    for place, (first, last) in enumerate(zip(start, end, strict=True)):
        mean = np.stack([of_step[place] for of_step in slopes], axis=1)
        difference = _array((last - first).nan_to_num())
        found.append(mean * difference[:, None])
    return found


def _slopes(answers: Tensor, inputs: list[Tensor], points: int, again: bool) -> list[Array]:
    """The mean gradients (M, ...) over the points of each input (points x M, ...) of the sum of answers."""
    found = torch.autograd.grad(answers.sum(), inputs, retain_graph=again, allow_unused=True)
    means = []
    for gradient, given in zip(found, inputs, strict=True):
        if gradient is None:
            gradient = torch.zeros_like(given)
        slope = torch.where(torch.isnan(given), 0.0, gradient)
        of_points = slope.view(points, len(given) // points, *given.shape[1:])
        means.append(_array(of_points.double().mean(0)))
    return means


def explained(
    nets: Sequence[Net], chunks: Sequence[Inputs], place: Place, steps: Array, points: int
) -> Contributions:
    """What makes up the mean forecast of nets for the windows of all chunks."""
    found = []
    for inputs in chunks:
        found.append(mean_of([Question(net, steps, points).explain(inputs, place) for net in nets]))
    return chained(found)


def _array(tensor: Tensor) -> Array:
    made: Array = tensor.detach().cpu().double().numpy()
    return made
