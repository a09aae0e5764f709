"""The parts of a recurrent net that its settings can add: stacked layers with norms, residuals, two directions and recurrent dropout;
attention; initial weights. Axes: B batch, n steps read, D units, G gates of a cell (LSTM 4, GRU 3).
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from forecast.models.nets.cells import Gru, gru

Cell = nn.LSTM | Gru
Drawn = Tensor | None  # a recurrent matrix (G D, D) with some of its entries zeroed; None = the cell's own
Carried = tuple[Tensor, ...]
# what one layer carries to the next step: (h,) of a GRU, (h, c) of an LSTM, each (1, B, D)


@dataclass(frozen=True, eq=False)
class State:
    """Where a stack stands: what each layer carries, the recurrent matrices drawn for this batch, and
    the top layer's output at the end (B, D)."""

    carried: list[Carried]
    drawn: list[list[Drawn]]
    end: Tensor

    def spread(self, count: int) -> "State":
        """The same state `count` times for each window: (1, B, D) -> (1, B count, D)."""
        carried = [tuple(part.repeat_interleave(count, dim=1) for part in layer) for layer in self.carried]
        return State(carried, self.drawn, self.end.repeat_interleave(count, dim=0))


def cell_of(name: str, entering: int, width: int, layers: int = 1, dropout: float = 0.0) -> Cell:
    """An LSTM or GRU, one layer or several of one width with dropout between them."""
    if name == "lstm":
        return nn.LSTM(entering, width, layers, batch_first=True, dropout=dropout)
    return Gru(entering, width, layers, dropout=dropout)


class Layer(nn.Module):
    """norm -> cell, in one direction or two. What both directions found is brought back to D units by one linear layer."""

    def __init__(
        self, cell: str, entering: int, width: int, *, norm: str, bidirectional: bool, asked: bool
    ) -> None:
        super().__init__()
        self.cell = cell_of(cell, entering, width)
        self.back = cell_of(cell, entering, width) if bidirectional else None
        states = 2 if cell == "lstm" else 1
        self.joins = nn.ModuleList(nn.Linear(2 * width, width) for _ in range(states if bidirectional else 0))
        self.norm = norm_of(norm, entering)
        # what is asked is distributed otherwise than what is read
        self.norm_asked = norm_of(norm, entering) if asked else None

    def draw(self, share: float) -> list[Drawn]:
        """The recurrent matrix of each direction: in training with `share` of its entries zeroed
        (Merity et al. 2017), else None, its own."""
        cells = [self.cell] if self.back is None else [self.cell, self.back]
        if not self.training:
            share = 0.0
        return [drawn_matrix(cell, share) for cell in cells]

    def read(self, x: Tensor, drawn: list[Drawn]) -> tuple[Tensor, Carried]:
        """(B, n, entering) -> outputs (B, n, D), and what is carried from the true ends: the last step forwards, the first backwards."""
        x = _normed(self.norm, x)
        output, carried = run(self.cell, x, None, drawn[0])
        if self.back is None:
            return output, carried
        backward, other = run(self.back, x.flip(1), None, drawn[1])
        output = self.joins[0](torch.cat([output, backward.flip(1)], 2))
        joined = []
        for join, forth, back in zip(self.joins, carried, other, strict=True):
            joined.append(join(torch.cat([forth, back], 2)))
        return output, tuple(joined)

    def step(self, x: Tensor, carried: Carried, drawn: list[Drawn]) -> tuple[Tensor, Carried]:
        """On from a state, forwards alone."""
        return run(self.cell, _normed(self.norm_asked or self.norm, x), carried, drawn[0])


class Stack(nn.Module):
    """Layers one on another, called as nn.GRU is: `output, state = stack(x)` reads, `stack(x, state)` goes on from a state.

    asked: whether going on means to be asked, with norms of its own, or to read one's own forecasts.
    """

    def __init__(
        self,
        cell: str,
        widths: tuple[int, ...],
        *,
        dropout: float,
        recurrent_dropout: float,
        norm: str,
        residual: bool,
        bidirectional: bool,
        asked: bool,
    ) -> None:
        super().__init__()
        entering = (widths[0], *widths[:-1])
        self.layers = nn.ModuleList(
            Layer(cell, before, width, norm=norm, bidirectional=bidirectional, asked=asked)
            for before, width in zip(entering, widths, strict=True)
        )
        self.dropout = nn.Dropout(dropout)
        self.recurrent_dropout = recurrent_dropout
        self.residual = residual

    def forward(self, x: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """(B, n, D0) -> outputs (B, n, D), state.

        One mask for each call that reads; a call that goes on keeps it, so it is constant over time.
        """
        drawn = self._drawn(state)
        kept = []
        end = x[:, -1]
        for i, layer in enumerate(self._layers):
            if state is None:
                output, carried = layer.read(x, drawn[i])
            else:
                output, carried = layer.step(x, state.carried[i], drawn[i])
            if i + 1 < len(self.layers):
                output = self.dropout(output)
            end = carried[0][0]
            if self.residual:
                end = end + x[:, -1]
                output = x + output
            x = output
            kept.append(carried)
        return x, State(kept, drawn, end)

    def _drawn(self, state: State | None) -> list[list[Drawn]]:
        if state is not None:
            return state.drawn
        return [layer.draw(self.recurrent_dropout) for layer in self._layers]

    @property
    def _layers(self) -> list[Layer]:
        return [layer for layer in self.layers if isinstance(layer, Layer)]


def run(cell: Cell, x: Tensor, carried: Carried | None, recurrent: Drawn) -> tuple[Tensor, Carried]:
    """A one-layer nn.LSTM or Gru on (B, n, .), with another recurrent matrix than its own where one was drawn, at the cost of its own."""
    if recurrent is None:
        start = carried if carried is None or isinstance(cell, nn.LSTM) else carried[0]
        output, end = cell(x, start)
        return output, end if isinstance(end, tuple) else (end,)
    entering, _, *biases = cell.parameters()
    weights = [entering, recurrent, *biases]
    if isinstance(cell, Gru):
        output, h = gru(x, None if carried is None else carried[0][0], weights)
        return output, (h[None],)
    zeros = x.new_zeros(1, len(x), cell.hidden_size)
    has_biases, layers, dropout = True, 1, 0.0
    bidirectional, batch_first = False, True
    flags = (has_biases, layers, dropout, cell.training, bidirectional, batch_first)
    output, h, c = torch.lstm(x, carried or (zeros, zeros), weights, *flags)
    return output, (h, c)


def drawn_matrix(cell: Cell, share: float) -> Drawn:
    """The recurrent matrix of a one-layer cell, its second parameter, with a share of its entries
    zeroed (Merity et al. 2017); None where nothing is zeroed: its own."""
    if not share:
        return None
    _, matrix, *_ = cell.parameters()
    return nn.functional.dropout(matrix, share)


class BatchNorm(nn.Module):
    """Batch norm over windows and steps (sequence-wise: Laurent et al. 2016): (M, D) -> (M, D), in use by the running mean and variance."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.bias = nn.Parameter(torch.zeros(width))
        self.running_mean: Tensor
        self.running_var: Tensor
        self.register_buffer("running_mean", torch.zeros(width))
        self.register_buffer("running_var", torch.ones(width))

    def forward(self, x: Tensor) -> Tensor:
        """Normed by the batch in training."""
        return nn.functional.batch_norm(
            x, self.running_mean, self.running_var, self.weight, self.bias, self.training
        )


def norm_of(name: str, width: int) -> nn.Module | None:
    """Layer norm (Ba et al. 2016), batch norm, or none."""
    if name == "none":
        return None
    return nn.LayerNorm(width) if name == "layer" else BatchNorm(width)


def _normed(norm: nn.Module | None, x: Tensor) -> Tensor:
    return x if norm is None else norm(x.flatten(0, 1)).view_as(x)


class Attention(nn.Module):
    """Pooling by learned weights: states (B, n, D) -> their weighted mean (B, D) and the weights (B, n), which sum to 1.

    weights = softmax(v . tanh(W h + b)), the additive score of Bahdanau et al. 2015 with a learned query, as in Yang et al. 2016 (eq. 5-7).
    """

    def __init__(self, units: int) -> None:
        super().__init__()
        self.project = nn.Linear(units, units)
        self.score = nn.Linear(units, 1, bias=False)

    def forward(self, states: Tensor, valid: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """The pooled states and the weights. valid (B, n): the steps that count, None = all."""
        scores = self.score(self.project(states).tanh())[..., 0]
        scores = scores.to(torch.promote_types(scores.dtype, torch.float32))
        if valid is not None:
            scores = scores.masked_fill(~valid, -torch.inf)
        weights = scores.softmax(1)
        return (weights[..., None] * states).sum(1), weights


Fill = Callable[[Tensor], Tensor]
MATRICES: dict[str, Fill] = {
    "glorot": nn.init.xavier_uniform_,  # variance 2 / (in + out)
    "he": lambda matrix: nn.init.kaiming_normal_(matrix, nonlinearity="relu"),  # variance 2 / in
}


@torch.no_grad()
def initialise(module: nn.Module, init: str, forget_bias: float | None) -> None:
    """Draw the weights of all linear and recurrent layers anew, gate by gate, and set their biases to zero.

    orthogonal is of recurrent matrices alone; other matrices keep what they have. A forget bias is set on top of any of them.
    """
    for part in module.modules():
        if init != "default" and isinstance(part, nn.Linear | nn.LSTM | Gru):
            _fill(part, init)
        if forget_bias is not None and isinstance(part, nn.LSTM):
            _set_forget_bias(part, forget_bias)


def _fill(part: nn.Linear | Cell, init: str) -> None:
    """New matrices, (G D, .) of a cell as G of (D, .), and biases of zero."""
    linear = isinstance(part, nn.Linear)
    for name, weight in part.named_parameters(recurse=False):
        if "bias" in name:
            if init != "orthogonal" or not linear:
                weight.zero_()
            continue
        fill = MATRICES.get(init)
        if init == "orthogonal" and "weight_hh" in name:
            fill = nn.init.orthogonal_
        if fill is None:
            continue
        height = len(weight) if isinstance(part, nn.Linear) else part.hidden_size
        for gate in torch.split(weight, height):
            fill(gate)


def _set_forget_bias(cell: nn.LSTM, value: float) -> None:
    """The forget gate is the second of the four; its two biases are added, so one of them carries the value."""
    for name, bias in cell.named_parameters(recurse=False):
        if "bias" in name:
            bias[cell.hidden_size : 2 * cell.hidden_size] = value if "bias_ih" in name else 0.0
