"""The net: a window of scaled values in, a forecast of the whole horizon out.

It reads k rows per recurrent step and answers all segments of the horizon in parallel from its final state (after Lin et al. 2023, SegRNN),
plus a linear skip from window to horizon, and one from the future columns. Axes as in `settings.py`, P outputs per step: 1, or a quantile at
each level, K future columns and J static ones.
"""

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn

from forecast.models.nets.layers import Attention, Stack, State, cell_of, initialise
from forecast.models.nets.settings import Settings
from forecast.task import Goal

Carried = Tensor | tuple[Tensor, Tensor] | State  # the final state of a Gru, of nn.LSTM, of a Stack


class Ahead(NamedTuple):
    """The future columns of the rows that each of m answers is about (B, m, r, K), NaN where missing, what was subtracted from them on reading
    (B, K), and what a net sees of both: features (B, m, r K + K + 1), the values, 0 where missing, the level, and the share that is known."""

    rows: Tensor
    level: Tensor
    features: Tensor


class Net(nn.Module):
    """Window of scaled values (B, L, C), NaN where missing, the target first -> (B, H, P): a point, or a quantile at each level."""

    def __init__(self, sized: Settings, goal: Goal, series: int, calendar: int) -> None:
        super().__init__()
        sizes, widths = sized.sizes, sized.widths
        past, k, units = len(goal.moving) - 1, sizes.segment, widths[0]
        self.context, self.horizon, self.columns = sizes.context, goal.horizon, len(goal.moving)
        self.segment, self.anchor, self.noise = k, sized.anchor_chosen, sized.noise
        self.target_noise, self.scaling, self.recursive = (
            sized.target_noise,
            sized.scaling,
            sized.head == "recursive",
        )
        self.span = min(sized.span or sizes.context, sizes.context)
        self.padding = -sizes.context % k
        self.since = sized.since
        self.enter = nn.Linear(k * (2 + past) + bool(past) + self.since, units)
        self.rnn = _recurrent(sized)
        self.input_dropout, self.dropout = nn.Dropout(sized.input_dropout), nn.Dropout(sized.dropout)
        self.answers = sized.answers(goal.horizon)
        self.rows = k if self.answers or self.recursive else goal.horizon  # that one answer is about
        self.future = [goal.moving.index(name) for name in goal.future]
        ahead = len(self.future) * (self.rows + 1) + bool(
            self.future
        )  # features of the future columns of these rows
        self.outputs = len(goal.levels) if sized.loss == "quantile" and goal.levels else 1
        self.middle = point_of(goal, sized.loss)
        self.attention = Attention(widths[-1]) if sized.attention else None
        self.head = self._head(sized, widths[-1], 0 if self.answers else ahead)
        if self.answers:
            self.position = nn.Parameter(torch.randn(self.answers, units) * 0.5)
        self.calendar = nn.Linear(calendar, units, bias=False) if self.answers and calendar else None
        self.ahead = nn.Linear(ahead, units, bias=False) if self.answers and ahead else None
        self.series = (
            nn.Parameter(torch.randn(2, series, units) * 0.1) if series else None
        )  # added on reading, on answering
        self.static = (
            nn.Linear(len(goal.static), 2 * units, bias=False) if goal.static else None
        )  # added where the series' own are
        self.skip = nn.Linear(sizes.context, goal.horizon) if sized.skip else None
        self.skip_ahead = nn.Linear(ahead, self.rows) if sized.skip and ahead else None
        self.follow = (
            nn.Parameter(torch.ones(series)) if series and sized.skip else None
        )  # how far each series follows the skip
        self.trust: Tensor | None
        self.register_buffer(
            "trust", torch.ones(1) if sized.shrink else None
        )  # in use, the share of the departure from the anchor that is forecast
        initialise(self, sized.init, sized.forget_bias)
        for skip in (self.skip, self.skip_ahead):
            if skip is not None:
                nn.init.zeros_(skip.weight)
                nn.init.zeros_(skip.bias)

    def _head(self, sized: Settings, units: int, ahead: int) -> nn.Module:
        """From the last layer's output, what attention pooled and the features of the future columns to a segment or to the whole horizon."""
        features = units * (2 if sized.attention else 1) + ahead
        if sized.head == "dense":
            return nn.Sequential(
                nn.Linear(features, units), nn.ReLU(), nn.Linear(units, self.rows * self.outputs)
            )
        return nn.Linear(features, self.rows * self.outputs)

    def forward(
        self,
        window: Tensor,
        series: Tensor,
        calendar: Tensor,
        future: Tensor | None = None,
        static: Tensor | None = None,
    ) -> Tensor:
        """Forecast (B, H, P) from windows (B, L, C), series (B,) with -1 = cold, calendar (B, m, F) of each answer's first step, and the future
        columns (B, H, K) and static ones (B, J) of a net that has some."""
        seen, anchor, z = self._anchored(window)
        factor = self._augment(z, seen) if self.training else None
        reading, answering = self._told(series, static)
        output, state = self.rnn(self._enter(self._segments(z, seen), reading))
        pooled = self.attention(output)[0] if self.attention is not None else None
        skip = self.skip(z[:, :, 0]) if self.skip is not None else 0.0
        if self.follow is not None:
            skip = skip * _embed(self.follow[:, None], series)
        base = anchor[:, :1]
        if self.anchor == "season":
            base = self._season(window, seen, anchor)
            skip = skip + (base - anchor[:, :1]) * (1.0 if factor is None else factor[:, 0])
        ahead = self._ahead(future, anchor, factor) if self.future and future is not None else None
        if self.skip_ahead is not None and ahead is not None:
            skip = skip + self.skip_ahead(ahead.features).flatten(1)[:, : self.horizon]
        if self.recursive:
            answer, skip = self._feed_back(_end(output, state), state, pooled, reading, skip, ahead), 0.0
        elif self.answers:
            answer = self._answer(state, pooled, answering, calendar, ahead)
        else:
            answer = self._speak(_end(output, state), pooled, None if ahead is None else ahead.features[:, 0])
        level = anchor[:, :1] + skip
        forecast = level[..., None] + answer.view(len(answer), -1, self.outputs)[:, : self.horizon]
        if factor is not None:
            return (
                anchor[:, :1, None] + (forecast - anchor[:, :1, None]) / factor
            )  # the answer to a window times f, over f
        if self.trust is None or self.training:
            return forecast
        return (
            forecast + ((1 - self.trust) * (base - forecast[..., self.middle]))[..., None]
        )  # all quantiles as their middle

    def example(self) -> tuple[Tensor, ...]:
        """Inputs of one window, empty but of the right shapes."""
        with self.enter.weight.device:
            calendar = torch.zeros(
                1, self.answers, self.calendar.in_features if self.calendar is not None else 0
            )
            future = torch.zeros(1, self.horizon, len(self.future))
            static = torch.zeros(1, self.static.in_features if self.static is not None else 0)
            return (
                torch.zeros(1, self.context, self.columns),
                torch.zeros(1, dtype=torch.int64),
                calendar,
                future,
                static,
            )

    def attend(self, window: Tensor, series: Tensor, static: Tensor | None = None) -> Tensor:
        """The weights (B, n) that attention gives to the segments of windows (B, L, C)."""
        if self.attention is None:
            raise AssertionError("a net without attention has no weights of it")
        seen, _, z = self._anchored(window)
        weights: Tensor = self.attention(
            self.rnn(self._enter(self._segments(z, seen), self._told(series, static)[0]))[0]
        )[1]
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
        return (
            level
            if self.anchor in ("last", "season")
            else torch.cat([level[:, :1], torch.zeros_like(level[:, 1:])], 1)
        )

    def _season(self, window: Tensor, seen: Tensor, anchor: Tensor) -> Tensor:
        """The target's last `span` rows of windows (B, L, C) over and over, (B, H); the anchor where one is missing."""
        season = torch.where(seen[:, -self.span :, 0], window[:, -self.span :, 0], anchor[:, :1])
        return season[:, torch.arange(self.horizon, device=window.device) % self.span]

    def _augment(self, z: Tensor, seen: Tensor) -> Tensor | None:
        """Disturb training windows (B, L, C) in place; the factor (B, 1, 1) that each was multiplied by, if any."""
        if self.noise and z.shape[2] > 1:
            z[:, :, 1:] += (
                self.noise * seen[:, :, 1:] * torch.randn(len(z), 1, z.shape[2] - 1, device=z.device)
            )
        if self.target_noise:
            z[:, :, 0] += self.target_noise * seen[:, :, 0] * torch.randn(z.shape[:2], device=z.device)
        if not self.scaling:
            return None
        factor = (self.scaling * torch.randn(len(z), 1, 1, device=z.device)).exp()
        z *= factor
        return factor

    def _ahead(self, future: Tensor, anchor: Tensor, factor: Tensor | None) -> Ahead:
        """Future columns (B, H, K) cut to the rows of each answer, the end filled up with missing ones."""
        level = anchor[:, self.future]
        if factor is not None:  # the window was multiplied by it
            future, level = future * factor, level * factor[:, 0]
        filled = nn.functional.pad(future, (0, 0, 0, -self.horizon % self.rows), value=math.nan)
        rows = filled.view(len(filled), -1, self.rows, len(self.future))
        known = (~torch.isnan(rows)).float().mean((2, 3))[..., None]
        beside = level[:, None].expand(-1, rows.shape[1], -1)
        return Ahead(rows, level, torch.cat([rows.nan_to_num().flatten(2), beside, known], 2))

    def _segments(self, z: Tensor, seen: Tensor) -> Tensor:
        """(B, n, features): k anchored targets and their mask, k readings of each past column, the share of them that was observed; and of a net
        with `since` log(1 + segments since the target was last observed) at the segment's end."""

        def cut(x: Tensor) -> Tensor:  # (B, L, ...) -> (B, n, k, ...), the front filled up with zeros
            x = torch.cat([x.new_zeros(len(x), self.padding, *x.shape[2:]), x], 1) if self.padding else x
            return x.view(len(x), -1, self.segment, *x.shape[2:])

        parts = [cut(z[:, :, 0]), cut(seen[:, :, 0].float())]
        if z.shape[2] > 1:
            parts += [cut(z[:, :, 1:]).flatten(2), cut(seen[:, :, 1:].float()).mean((2, 3))[..., None]]
        if self.since:
            parts.append((cut(_since(seen[:, :, 0]))[:, :, -1:] / self.segment).log1p())
        return torch.cat(parts, 2)

    def _told(self, series: Tensor, static: Tensor | None) -> tuple[Tensor | None, Tensor | None]:
        """What is known of each series, added on reading and on answering (B, D): its embedding, and what its static columns say."""
        own = (
            None if self.series is None else (_embed(self.series[0], series), _embed(self.series[1], series))
        )
        if self.static is None or static is None:
            return own or (None, None)
        reading, answering = self.static(static).chunk(2, 1)
        return (reading, answering) if own is None else (own[0] + reading, own[1] + answering)

    def _enter(self, segments: Tensor, told: Tensor | None) -> Tensor:
        """What the recurrent net reads (B, n, D) of segments (B, n, features) and what is known of each series (B, D)."""
        read = self.enter(self.input_dropout(segments)).relu()
        return read if told is None else read + told[:, None]

    def _speak(self, output: Tensor, pooled: Tensor | None, ahead: Tensor | None = None) -> Tensor:
        """The head on the recurrent net's output (B, D), beside what attention pooled (B, D) and features of the future columns (B, F)."""
        read = self.dropout(output if pooled is None else torch.cat([output, pooled], 1))
        answer: Tensor = self.head(read if ahead is None else torch.cat([read, ahead], 1))
        return answer

    def _answer(
        self,
        state: Carried,
        pooled: Tensor | None,
        told: Tensor | None,
        calendar: Tensor,
        ahead: Ahead | None,
    ) -> Tensor:
        """(B, m k P): one recurrent step per answered segment, each from the final state, all in parallel."""
        batch, m = len(calendar), self.answers
        ask = self.position.expand(batch, m, -1)
        if told is not None:
            ask = ask + told[:, None]
        if self.calendar is not None:
            ask = ask + self.calendar(calendar)
        if self.ahead is not None and ahead is not None:
            ask = ask + self.ahead(ahead.features)
        answer, _ = self.rnn(ask.reshape(batch * m, 1, -1), _spread(state, m))
        return self._speak(
            answer[:, 0], pooled if pooled is None else pooled.repeat_interleave(m, dim=0)
        ).view(batch, -1)

    def _feed_back(
        self,
        output: Tensor,
        state: Carried,
        pooled: Tensor | None,
        told: Tensor | None,
        skip: Tensor | float,
        ahead: Ahead | None,
    ) -> Tensor:
        """(B, m k, P): a segment at a time, each forecast, the skip (B, H) within it, read as if it had been observed."""
        batch, k, m = len(output), self.segment, math.ceil(self.horizon / self.segment)
        linear = output.new_zeros(batch, m * k)
        linear[:, : self.horizon] += skip
        parts: list[Tensor] = []
        for j in range(m):
            if j:
                read, state = self.rnn(
                    self._enter(self._as_read(parts[-1][..., self.middle], ahead, j - 1), told), state
                )
                output = read[:, -1]
            answer = self._speak(output, pooled, None if ahead is None else ahead.features[:, j])
            parts.append(answer.view(batch, k, -1) + linear[:, j * k : (j + 1) * k, None])
        return torch.cat(parts, 1)

    def _as_read(self, forecast: Tensor, ahead: Ahead | None, j: int) -> Tensor:
        """(B, 1, features) of the forecast targets (B, k) of answer j: observed, the past columns missing, the future ones as they are."""
        parts = [forecast, torch.ones_like(forecast)]
        if self.columns > 1:
            others = forecast.new_full((*forecast.shape, self.columns - 1), math.nan)
            if ahead is not None:
                others[..., [place - 1 for place in self.future]] = ahead.rows[:, j] - ahead.level[:, None]
            parts += [others.nan_to_num().flatten(1), (~torch.isnan(others)).float().mean((1, 2))[:, None]]
        if self.since:
            parts.append(forecast.new_zeros(len(forecast), 1))
        return torch.cat(parts, 1)[:, None]


def point_of(goal: Goal, loss: str) -> int:
    """Which of the outputs is the point: of quantiles the median."""
    return goal.levels.index(0.5) if loss == "quantile" and goal.levels else 0


def _recurrent(sized: Settings) -> nn.Module:
    """A plain LSTM or GRU, and where the settings ask for more than it can do, a Stack."""
    widths = sized.widths
    dropout = sized.dropout if len(widths) > 1 else 0.0
    if (
        sized.norm == "none"
        and len(set(widths)) == 1
        and not (sized.residual or sized.bidirectional or sized.recurrent_dropout)
    ):
        return cell_of(sized.cell, widths[0], widths[0], len(widths), dropout)
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
    if window.device.type == "cpu" and bool(
        seen[:, -1].all()
    ):  # the usual case, without a search; a GPU would have to be waited for
        return window[:, -1]
    place = (seen * torch.arange(1, window.shape[1] + 1, device=window.device)[:, None]).amax(1)
    last = window.nan_to_num().gather(1, (place - 1).clamp(min=0)[:, None])[:, 0]
    return torch.where(place > 0, last, 0.0)


def _since(seen: Tensor) -> Tensor:
    """Rows since the last observation at each row of windows (B, L), 0 where it is one; before the first, since the window began."""
    place = torch.arange(1, seen.shape[1] + 1, device=seen.device)
    return (place - (seen * place).cummax(1).values).float()


def _embed(table: Tensor, series: Tensor) -> Tensor:
    """(S, D), (B,) -> (B, D); a cold series, -1, has the mean embedding."""
    return torch.where((series >= 0)[:, None], table[series.clamp(min=0)], table.mean(0))
