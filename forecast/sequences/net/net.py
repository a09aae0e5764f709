"""The net: segments of rows or words -> LSTM or GRU, one cell for each direction -> pooling over the steps -> classes.

What is beyond the end of a sequence can touch none of its steps: a batch is filled up at the ends alone, the backward cell
reads each sequence turned round within its own length, and only valid steps are pooled.

Axes: B batch, L rows or tokens of the longest, n recurrent steps, F numbers a row or token, D units, K classes.
"""

from typing import Any

import torch
from torch import Tensor, nn

from forecast.models.nets.layers import Attention, cell_of, drawn_matrix, initialise, norm_of, run
from forecast.sequences.net.settings import NetSettings
from forecast.sequences.text import PADDING, UNKNOWN_WORD

SMALL = (
    0.1  # spread of the vectors of words before training, so that what is learned of a rare word outweighs it
)


class Net(nn.Module):
    """Logits (B, 1, K) of rows (B, L, C) or tokens (B, L).

    columns: C, 0 = tokens · words: different tokens · table (words, F): vectors of them from a file, None = drawn here ·
    classes: K · weights (K,): what the loss weighs each class by, which is taken back from the logits in use.
    """

    def __init__(
        self,
        sized: NetSettings,
        columns: int,
        words: int,
        classes: int,
        weights: Tensor,
        table: Tensor | None = None,
    ) -> None:
        super().__init__()
        self.enter: Numbers | Words = Numbers(sized, columns) if columns else Words(sized, words, table)
        self.segments = Segments(sized, self.enter.width)
        self.reader = Reader(sized)
        self.pooling = sized.pooling
        width = sized.widths[-1] * (2 if sized.bidirectional else 1)
        self.attention = Attention(width) if sized.pooling == "attention" else None
        self.dropout = nn.Dropout(sized.dropout or 0.0)
        self.head = _head(width, sized.dense, classes, sized.dropout or 0.0)
        initialise(self, sized.init, sized.forget_bias)
        self.trust: Tensor
        self.lift: Tensor
        self.register_buffer("trust", torch.ones(1))  # one over the temperature
        self.register_buffer("lift", weights.log())

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        """In training logits of weighted classes; in use of the classes as they are, over the temperature."""
        logits = self.head(self.dropout(self.pooled(x, lengths)))
        if not self.training:
            logits = (logits - self.lift) * self.trust
        return logits[:, None]

    def pooled(self, x: Tensor, lengths: Tensor) -> Tensor:
        """What is kept of each sequence (B, D or 2 D)."""
        states, ends = self.states(x, lengths)
        if self.pooling == "last":
            return _last(states, ends, self.reader.halves)
        valid = torch.arange(states.shape[1], device=states.device) < ends[:, None]
        if self.attention is not None:
            pooled, _ = self.attention(states, valid)
            return pooled
        if self.pooling == "mean":
            return (states * valid[..., None]).sum(1) / ends[:, None]
        highest: Tensor = states.masked_fill(~valid[..., None], -torch.inf).max(1).values
        return highest

    def states(self, x: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Outputs (B, n, D or 2 D) of the last layer, and how many steps of each sequence are its own (B,)."""
        read = self.segments(self.enter(x))
        ends = torch.div(lengths + self.segments.segment - 1, self.segments.segment, rounding_mode="floor")
        return self.reader(read, ends), ends


class Numbers(nn.Module):
    """Rows (B, L, C) as (B, L, 2 C): 0 where a value is missing, and which are not."""

    def __init__(self, sized: NetSettings, columns: int) -> None:
        super().__init__()
        self.width = 2 * columns
        self.noise = sized.noise
        self.scaling = sized.scaling

    def forward(self, x: Tensor) -> Tensor:
        """NaN where a value is missing, or beyond the end."""
        seen = ~torch.isnan(x)
        known = x.nan_to_num()
        if self.training and self.scaling:
            known = known * (self.scaling * torch.randn_like(known[:, :1])).exp()
        if self.training and self.noise:
            known = torch.where(seen, known + self.noise * torch.randn_like(known), known)
        return torch.cat([known, seen.to(known.dtype)], 2)


class Words(nn.Module):
    """Tokens (B, L) as vectors (B, L, F), zero beyond the end; in training some words are read as unknown."""

    def __init__(self, sized: NetSettings, words: int, table: Tensor | None) -> None:
        super().__init__()
        self.width = sized.chosen("embedding")
        self.share = sized.word_dropout
        self.frozen: Tensor | None = (
            None  # vectors that stay as a file has them: neither learned nor kept twice
        )
        if table is not None and not sized.tuned:
            self.frozen = table
            return
        self.embed = nn.Embedding(words, self.width, padding_idx=PADDING)
        with torch.no_grad():
            self.embed.weight.mul_(SMALL)
            if table is not None:
                self.embed.weight.copy_(table)
            self.embed.weight[PADDING] = 0.0

    def forward(self, tokens: Tensor) -> Tensor:
        """Look them up."""
        if self.training and self.share:
            left_out = (torch.rand(tokens.shape) < self.share).to(tokens.device) & (tokens != PADDING)
            tokens = tokens.masked_fill(left_out, UNKNOWN_WORD)
        if self.frozen is not None:
            return nn.functional.embedding(tokens, self.frozen)
        found: Tensor = self.embed(tokens)
        return found

    def _apply(self, fn: Any, recurse: bool = True) -> "Words":
        """Frozen vectors follow the net to another dtype or device."""
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        if self.frozen is not None:
            self.frozen = fn(self.frozen)
        return self


class Segments(nn.Module):
    """(B, L, F) as (B, n, filters): one linear layer and ReLU on `width` rows around each `segment`, a strided convolution."""

    def __init__(self, sized: NetSettings, entering: int) -> None:
        super().__init__()
        self.segment = sized.chosen("segment")
        self.width = sized.chosen("width")
        self.linear = nn.Linear(entering * self.width, sized.chosen("filters"))
        self.dropout = nn.Dropout(sized.input_dropout)

    def forward(self, x: Tensor) -> Tensor:
        """Filled up with zeros at both ends, as long as the overlap asks for."""
        steps = -(-x.shape[1] // self.segment)
        before = (self.width - self.segment) // 2
        after = (steps - 1) * self.segment + self.width - before - x.shape[1]
        filled = nn.functional.pad(self.dropout(x), (0, 0, before, after))
        cut = filled.unfold(1, self.width, self.segment).flatten(2)
        return self.linear(cut).relu()


class Reader(nn.Module):
    """Recurrent layers, each of one cell or, for both directions, of two."""

    def __init__(self, sized: NetSettings) -> None:
        super().__init__()
        self.halves = 2 if sized.bidirectional else 1
        widths = sized.widths
        entering = [sized.chosen("filters"), *(self.halves * width for width in widths[:-1])]
        self.layers = nn.ModuleList(
            Layer(sized, before, width) for before, width in zip(entering, widths, strict=True)
        )
        self.dropout = nn.Dropout(sized.dropout or 0.0)

    def forward(self, x: Tensor, ends: Tensor) -> Tensor:
        """(B, n, filters), ends (B,) -> (B, n, D), or (B, n, 2 D): forwards, then backwards."""
        turned = _turned(ends, x.shape[1])
        for place, layer in enumerate(self.layers):
            if place:
                x = self.dropout(x)
            x = layer(x, turned)
        return x


class Layer(nn.Module):
    """norm -> one cell, or two of which the second reads each sequence turned round within its own length."""

    def __init__(self, sized: NetSettings, entering: int, width: int) -> None:
        super().__init__()
        self.norm = norm_of(sized.norm, entering)
        self.cell = cell_of(sized.cell, entering, width)
        self.back = cell_of(sized.cell, entering, width) if sized.bidirectional else None
        self.share = sized.recurrent_dropout

    def forward(self, x: Tensor, turned: Tensor) -> Tensor:
        """(B, n, .) -> (B, n, D) or (B, n, 2 D). turned (B n,): as in `_turned`."""
        share = self.share if self.training else 0.0
        if self.norm is not None:
            x = self.norm(x)
        forwards, _ = run(self.cell, x, None, drawn_matrix(self.cell, share))
        if self.back is None:
            return forwards
        backwards, _ = run(self.back, turn(x, turned), None, drawn_matrix(self.back, share))
        return torch.cat([forwards, turn(backwards, turned)], 2)


def _turned(ends: Tensor, steps: int) -> Tensor:
    """The places (B n,) in (B n, .) that each step takes its row from where sequences are turned round within their lengths.

    What is beyond an end stays where it is. Turned twice a sequence is as before.
    """
    within = torch.arange(steps, device=ends.device)
    mirrored = ends[:, None] - 1 - within
    own = torch.where(mirrored >= 0, mirrored, within)
    first = steps * torch.arange(len(ends), device=ends.device)
    return (first[:, None] + own).flatten()


class _Turn(torch.autograd.Function):
    """Turning round is its own inverse, and its own gradient."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, turned: Tensor) -> Tensor:
        ctx.save_for_backward(turned)
        return x.flatten(0, 1).index_select(0, turned).view_as(x)

    @staticmethod
    def backward(ctx: Any, slope: Tensor) -> tuple[Tensor, None]:
        (turned,) = ctx.saved_tensors
        back = slope.flatten(0, 1).index_select(0, turned).view_as(slope)
        return back, None


def turn(x: Tensor, turned: Tensor) -> Tensor:
    """Each sequence of (B, n, D) turned round within its own length."""
    made: Tensor = _Turn.apply(x, turned)  # type: ignore[no-untyped-call]
    return made


def _last(states: Tensor, ends: Tensor, halves: int) -> Tensor:
    """Forwards the last valid step, backwards the first: the two that have read all. (B, n, halves D) -> (B, halves D)."""
    rows = torch.arange(len(ends), device=ends.device)
    end = states[rows, ends - 1]
    if halves == 1:
        return end
    half = states.shape[2] // 2
    return torch.cat([end[:, :half], states[:, 0, half:]], 1)


def _head(entering: int, hidden: tuple[int, ...], classes: int, dropout: float) -> nn.Sequential:
    """Hidden ReLU layers with dropout, and one linear layer to the classes."""
    parts: list[nn.Module] = []
    for width in hidden:
        parts += [nn.Linear(entering, width), nn.ReLU(), nn.Dropout(dropout)]
        entering = width
    return nn.Sequential(*parts, nn.Linear(entering, classes))
