"""The net: a window of scaled values in, a forecast of the whole horizon out.

It reads k rows per recurrent step and answers all segments of the horizon in parallel from its final state (after Lin et al. 2023, SegRNN),
plus a linear skip from window to horizon. Axes as in `settings.py`, and P outputs per step: 1, or a quantile at each level.
"""

import math

import torch
from torch import Tensor, nn

from forecast.models.base import Goal
from forecast.models.layers import CELLS, Attention, Stack, State, initialise
from forecast.models.settings import Settings

Carried = Tensor | tuple[Tensor, Tensor] | State  # the final state of nn.GRU, of nn.LSTM, of a Stack


class Net(nn.Module):
    """Window of scaled values (B, L, C), NaN where missing, the target first -> (B, H, P): a point, or a quantile at each level."""

    def __init__(self, sized: Settings, goal: Goal, series: int, calendar: int) -> None:
        super().__init__()
        sizes, widths = sized.sizes, sized.widths
        past, k, units = len(goal.columns) - 1, sizes.segment, widths[0]
        self.context, self.horizon, self.columns = sizes.context, goal.horizon, len(goal.columns)
        self.segment, self.anchor, self.noise = k, sized.anchor, sized.noise
        self.target_noise, self.scaling, self.recursive = sized.target_noise, sized.scaling, sized.head == "recursive"
        self.span = min(sized.span or sizes.context, sizes.context)
        self.padding = -sizes.context % k
        self.enter = nn.Linear(k * (2 + past) + bool(past), units)
        self.rnn = _recurrent(sized)
        self.input_dropout, self.dropout = nn.Dropout(sized.input_dropout), nn.Dropout(sized.dropout)
        self.answers = sized.answers(goal.horizon)
        self.outputs = len(goal.levels) if sized.loss == "quantile" and goal.levels else 1
        self.middle = goal.levels.index(0.5) if self.outputs > 1 else 0  # of the outputs, the point
        self.attention = Attention(widths[-1]) if sized.attention else None
        self.head = self._head(sized, widths[-1])
        if self.answers:
            self.position = nn.Parameter(torch.randn(self.answers, units) * 0.5)
        self.calendar = nn.Linear(calendar, units, bias=False) if self.answers and calendar else None
        self.series = nn.Parameter(torch.randn(2, series, units) * 0.1) if series else None  # added on reading, on answering
        self.skip = nn.Linear(sizes.context, goal.horizon) if sized.skip else None
        initialise(self, sized.init, sized.forget_bias)
        if self.skip is not None:
            nn.init.zeros_(self.skip.weight)
            nn.init.zeros_(self.skip.bias)

    def _head(self, sized: Settings, units: int) -> nn.Module:
        """From the last layer's output, and what attention pooled, to a segment or to the whole horizon."""
        features = units * (2 if sized.attention else 1)
        steps = self.segment if self.answers or self.recursive else self.horizon
        if sized.head == "dense":
            return nn.Sequential(nn.Linear(features, units), nn.ReLU(), nn.Linear(units, steps * self.outputs))
        return nn.Linear(features, steps * self.outputs)

    def forward(self, window: Tensor, series: Tensor, calendar: Tensor) -> Tensor:
        """Forecast (B, H, P) from windows (B, L, C), series (B,) with -1 = cold, calendar (B, m, F) of each answer's first step."""
        seen, anchor, z = self._anchored(window)
        factor = self._augment(z, seen) if self.training else None
        output, state = self.rnn(self._enter(self._segments(z, seen), series))
        pooled = self.attention(output)[0] if self.attention is not None else None
        skip = self.skip(z[:, :, 0]) if self.skip is not None else 0.0
        if self.recursive:
            answer, skip = self._feed_back(_end(output, state), state, pooled, series, skip), 0.0
        elif self.answers:
            answer = self._answer(state, pooled, series, calendar)
        else:
            answer = self._speak(_end(output, state), pooled)
        level = anchor[:, :1] + skip
        forecast = level[..., None] + answer.view(len(answer), -1, self.outputs)[:, : self.horizon]
        if factor is None:
            return forecast
        return anchor[:, :1, None] + (forecast - anchor[:, :1, None]) / factor  # the answer to a window times f, over f

    def example(self) -> tuple[Tensor, Tensor, Tensor]:
        """Inputs of one window, empty but of the right shapes."""
        with self.enter.weight.device:
            calendar = torch.zeros(1, self.answers, self.calendar.in_features if self.calendar is not None else 0)
            return torch.zeros(1, self.context, self.columns), torch.zeros(1, dtype=torch.int64), calendar

    def attend(self, window: Tensor, series: Tensor) -> Tensor:
        """The weights (B, n) that attention gives to the segments of windows (B, L, C)."""
        if self.attention is None:
            raise AssertionError("a net without attention has no weights of it")
        seen, _, z = self._anchored(window)
        weights: Tensor = self.attention(self.rnn(self._enter(self._segments(z, seen), series))[0])[1]
        return weights

    def _anchored(self, window: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Which readings were observed (B, L, C), the anchor (B, C), and the window minus the anchor, 0 where missing."""
        seen = ~torch.isnan(window)
        anchor = self._anchor(window, seen)
        return seen, anchor, torch.where(seen, window - anchor[:, None], 0.0)

    def _anchor(self, window: Tensor, seen: Tensor) -> Tensor:
        """What is subtracted from each column of windows (B, L, C), (B, C); 0, the scaled mean, where nothing was observed."""
        if self.anchor == "none":
            return torch.zeros_like(window[:, 0])
        if self.anchor == "mean":
            return window[:, -self.span :].nan_to_num().sum(1) / seen[:, -self.span :].sum(1).clamp(min=1)
        level = _last(window, seen)
        return level if self.anchor == "last" else torch.cat([level[:, :1], torch.zeros_like(level[:, 1:])], 1)

    def _augment(self, z: Tensor, seen: Tensor) -> Tensor | None:
        """Disturb training windows (B, L, C) in place; the factor (B, 1, 1) that each was multiplied by, if any."""
        if self.noise and z.shape[2] > 1:
            z[:, :, 1:] += self.noise * seen[:, :, 1:] * torch.randn(len(z), 1, z.shape[2] - 1, device=z.device)
        if self.target_noise:
            z[:, :, 0] += self.target_noise * seen[:, :, 0] * torch.randn(z.shape[:2], device=z.device)
        if not self.scaling:
            return None
        factor = (self.scaling * torch.randn(len(z), 1, 1, device=z.device)).exp()
        z *= factor
        return factor

    def _segments(self, z: Tensor, seen: Tensor) -> Tensor:
        """(B, n, features): k anchored targets and their mask, k readings of each past column, the share of them that was observed."""

        def cut(x: Tensor) -> Tensor:  # (B, L, ...) -> (B, n, k, ...), the front filled up with zeros
            x = torch.cat([x.new_zeros(len(x), self.padding, *x.shape[2:]), x], 1) if self.padding else x
            return x.view(len(x), -1, self.segment, *x.shape[2:])

        parts = [cut(z[:, :, 0]), cut(seen[:, :, 0].float())]
        if z.shape[2] > 1:
            parts += [cut(z[:, :, 1:]).flatten(2), cut(seen[:, :, 1:].float()).mean((2, 3))[..., None]]
        return torch.cat(parts, 2)

    def _enter(self, segments: Tensor, series: Tensor) -> Tensor:
        """What the recurrent net reads (B, n, D) of segments (B, n, features)."""
        read = self.enter(self.input_dropout(segments)).relu()
        return read + _embed(self.series[0], series)[:, None] if self.series is not None else read

    def _speak(self, output: Tensor, pooled: Tensor | None) -> Tensor:
        """The head on the recurrent net's output (B, D), beside what attention pooled (B, D)."""
        answer: Tensor = self.head(self.dropout(output if pooled is None else torch.cat([output, pooled], 1)))
        return answer

    def _answer(self, state: Carried, pooled: Tensor | None, series: Tensor, calendar: Tensor) -> Tensor:
        """(B, m k P): one recurrent step per answered segment, each from the final state, all in parallel."""
        batch, m = len(series), self.answers
        ask = self.position.expand(batch, m, -1)
        if self.series is not None:
            ask = ask + _embed(self.series[1], series)[:, None]
        if self.calendar is not None:
            ask = ask + self.calendar(calendar)
        answer, _ = self.rnn(ask.reshape(batch * m, 1, -1), _spread(state, m))
        return self._speak(answer[:, 0], pooled if pooled is None else pooled.repeat_interleave(m, dim=0)).view(batch, -1)

    def _feed_back(self, output: Tensor, state: Carried, pooled: Tensor | None, series: Tensor, skip: Tensor | float) -> Tensor:
        """(B, m k, P): a segment at a time, each forecast, the skip (B, H) within it, read as if it had been observed."""
        batch, k, m = len(series), self.segment, math.ceil(self.horizon / self.segment)
        linear = output.new_zeros(batch, m * k)
        linear[:, : self.horizon] += skip
        parts: list[Tensor] = []
        for j in range(m):
            if j:
                read, state = self.rnn(self._enter(self._as_read(parts[-1][..., self.middle]), series), state)
                output = read[:, -1]
            parts.append(self._speak(output, pooled).view(batch, k, -1) + linear[:, j * k : (j + 1) * k, None])
        return torch.cat(parts, 1)

    def _as_read(self, forecast: Tensor) -> Tensor:
        """(B, 1, features) of forecast targets (B, k): observed, the past columns missing."""
        others = self.enter.in_features - 2 * self.segment
        return torch.cat([forecast, torch.ones_like(forecast), forecast.new_zeros(len(forecast), others)], 1)[:, None]


def _recurrent(sized: Settings) -> nn.Module:
    """torch's own LSTM or GRU, and where the settings ask for more than it can do, a Stack."""
    widths = sized.widths
    dropout = sized.dropout if len(widths) > 1 else 0.0
    if sized.norm == "none" and len(set(widths)) == 1 and not (sized.residual or sized.bidirectional or sized.recurrent_dropout):
        return CELLS[sized.cell](widths[0], widths[0], len(widths), batch_first=True, dropout=dropout)
    return Stack(
        sized.cell,
        widths,
        dropout=dropout,
        recurrent_dropout=sized.recurrent_dropout,
        norm=sized.norm,
        residual=sized.residual,
        bidirectional=sized.bidirectional,
        asked=sized.head == "segments",
    )


def _end(output: Tensor, state: Carried) -> Tensor:
    """The top layer's output (B, D) at the end of the context, in both directions at their own ends."""
    return state.end if isinstance(state, State) else output[:, -1]


def _spread(state: Carried, m: int) -> Carried:
    """Each window's state m times over: (layers, B, D) -> (layers, B m, D)."""
    if isinstance(state, State):
        return state.spread(m)
    if isinstance(state, tuple):
        return state[0].repeat_interleave(m, dim=1), state[1].repeat_interleave(m, dim=1)
    return state.repeat_interleave(m, dim=1)


def _last(window: Tensor, seen: Tensor) -> Tensor:
    """The last observed value (B, C) of each column of windows (B, L, C); 0, the scaled mean, where nothing was observed."""
    if window.device.type == "cpu" and bool(seen[:, -1].all()):  # the usual case, without a search; a GPU would have to be waited for
        return window[:, -1]
    place = (seen * torch.arange(1, window.shape[1] + 1, device=window.device)[:, None]).amax(1)
    last = window.nan_to_num().gather(1, (place - 1).clamp(min=0)[:, None])[:, 0]
    return torch.where(place > 0, last, 0.0)


def _embed(table: Tensor, series: Tensor) -> Tensor:
    """(S, D), (B,) -> (B, D); a cold series, -1, has the mean embedding."""
    return torch.where((series >= 0)[:, None], table[series.clamp(min=0)], table.mean(0))
