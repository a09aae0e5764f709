"""The net: a window of scaled values in, a forecast of the whole horizon out.

It reads k rows per recurrent step and answers all segments of the horizon in parallel from its
final state (after Lin et al. 2023, SegRNN), plus a linear skip from window to horizon, and one from
the future columns. Axes as in `settings.py`, P outputs per step: 1, or a quantile at each level,
K future columns and J static ones.
"""

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn

from forecast.models.nets.anchors import last_observed, last_season, rows_since, window_mean
from forecast.models.nets.hurdle import OUTPUTS
from forecast.models.nets.layers import Attention, Stack, State, cell_of, initialise
from forecast.models.nets.settings import Settings
from forecast.task import Goal

Carried = Tensor | tuple[Tensor, Tensor] | State  # the final state of a Gru, of nn.LSTM, of a Stack


class Ahead(NamedTuple):
    """The future columns of the rows that each of m answers is about.

    rows (B, m, r, K), NaN where missing · level (B, K), what was subtracted from them on reading ·
    features (B, m, r K + K + 1), what a net sees of both: the values, 0 where missing, the level,
    and the share that is known.
    """

    rows: Tensor
    level: Tensor
    features: Tensor


class Known(NamedTuple):
    """What is known of each series (B, D): added to what is read, and to what is asked; None = nothing."""

    reading: Tensor | None
    answering: Tensor | None


class Net(nn.Module):
    """Window of scaled values (B, L, C), NaN where missing, the target first -> (B, H, P).

    P: a point, or a quantile at each level; of a target of K names the K - 1 logits of the others over the first, in A
    answers: one per step, or one for the whole horizon.
    """

    def __init__(self, sized: Settings, goal: Goal, series: int, calendar: int) -> None:
        """sized: settled settings · series: how many get an embedding · calendar: features of an answer's first step.

        Parts are made in a fixed order: each draws its first weights from torch's random state.
        """
        super().__init__()
        self._describe(sized, goal)
        self._make_reader(sized)
        features = self._features_ahead()
        self._make_head(sized, features)
        self._make_questions(sized.widths[0], calendar, features)
        self._make_known(sized.widths[0], series, len(goal.static))
        self._make_skips(sized, series, features)
        self._make_trust(sized)
        self._make_prior(goal)
        initialise(self, sized.init, sized.forget_bias)
        self._clear_skips()

    def _describe(self, sized: Settings, goal: Goal) -> None:
        """What the net needs to know of its settings and of the goal, as numbers and names."""
        self.context = sized.sizes.context
        self.segment = sized.sizes.segment
        self.padding = -self.context % self.segment
        self.horizon = goal.horizon
        self.columns = len(goal.moving)
        self.future = [goal.moving.index(name) for name in goal.future]
        self.anchor = sized.anchor_chosen
        self.span = min(sized.span or self.context, self.context)
        self.noise = sized.noise
        self.target_noise = sized.target_noise
        self.scaling = sized.scaling
        self.since = sized.since
        self.recursive = sized.head == "recursive"
        self.answers = sized.answers(goal)
        self.steps = goal.answered
        one_answer = goal.task.reduce != "each"
        by_segment = (self.answers or self.recursive) and not one_answer
        self.rows = self.segment if by_segment else goal.horizon  # that one answer is about
        self.said = 1 if one_answer else self.rows  # steps of one answer
        self.middle = point_of(goal, sized.loss)
        self.coded = (
            len(goal.names) > 2
        )  # the target's codes are in no order, and its names are columns next to it
        self.outputs = OUTPUTS if sized.hurdle else 1
        if goal.names:
            self.outputs = len(goal.names) - 1
        elif sized.loss == "quantile" and goal.levels:
            self.outputs = len(goal.levels)

    def _features_ahead(self) -> int:
        """Features of the future columns of the rows that one answer is about: values, levels, the known share."""
        if not self.future:
            return 0
        return len(self.future) * (self.rows + 1) + 1

    def _make_reader(self, sized: Settings) -> None:
        """From segments of the window to the recurrent net's outputs."""
        past = self.columns - 1
        features = self.segment * (2 + past) + bool(past) + self.since
        self.enter = nn.Linear(features, sized.widths[0])
        self.rnn = _recurrent(sized)
        self.input_dropout = nn.Dropout(sized.input_dropout)
        self.dropout = nn.Dropout(sized.dropout)

    def _make_head(self, sized: Settings, ahead: int) -> None:
        """From the last layer's output, and what attention pooled, to a segment or to the whole horizon.

        Where answers are not asked for one by one, the head sees the features of the future columns.
        """
        units = sized.widths[-1]
        self.attention = Attention(units) if sized.attention else None
        entering = 2 * units if sized.attention else units
        if not self.answers:
            entering += ahead
        leaving = self.said * self.outputs
        self.head: nn.Module
        if sized.head == "dense":
            self.head = nn.Sequential(nn.Linear(entering, units), nn.ReLU(), nn.Linear(units, leaving))
        else:
            self.head = nn.Linear(entering, leaving)

    def _make_questions(self, units: int, calendar: int, ahead: int) -> None:
        """What asks for each answer: its position, its calendar, and the future columns of its rows."""
        self.calendar = None
        self.ahead = None
        if not self.answers:
            return
        self.position = nn.Parameter(torch.randn(self.answers, units) * 0.5)
        self.calendar = _linear(calendar, units)
        self.ahead = _linear(ahead, units)

    def _make_known(self, units: int, series: int, static: int) -> None:
        """What is known of each series, on reading and on answering: its embedding, and its static columns."""
        self.series = nn.Parameter(torch.randn(2, series, units) * 0.1) if series else None
        self.static = _linear(static, 2 * units)

    def _make_skips(self, sized: Settings, series: int, ahead: int) -> None:
        """The linear paths, and how far each series follows that from the window."""
        self.skip = None
        self.skip_ahead = None
        self.follow = None
        if not sized.skip:
            return
        self.skip = nn.Linear(self.context, self.steps)
        if ahead:
            self.skip_ahead = nn.Linear(ahead, self.said)
        if series:
            self.follow = nn.Parameter(torch.ones(series))

    def _make_trust(self, sized: Settings) -> None:
        """In use, the share of the departure from the anchor that is forecast; None = all of it."""
        self.trust: Tensor | None
        self.register_buffer("trust", torch.ones(1) if sized.shrink else None)

    def _make_prior(self, goal: Goal) -> None:
        """Of names, the logits of how often each was seen, from which every forecast departs."""
        self.prior: Tensor | None
        self.register_buffer("prior", torch.zeros(len(goal.names) - 1) if goal.names else None)

    def _clear_skips(self) -> None:
        """The linear paths say nothing at first."""
        for skip in (self.skip, self.skip_ahead):
            if skip is not None:
                nn.init.zeros_(skip.weight)
                nn.init.zeros_(skip.bias)

    def forward(
        self,
        window: Tensor,
        series: Tensor,
        calendar: Tensor,
        future: Tensor | None = None,
        static: Tensor | None = None,
    ) -> Tensor:
        """Forecast (B, H, P) from windows (B, L, C) of series (B,), -1 = cold.

        calendar (B, m, F): of each answer's first step · future (B, H, K) and static (B, J): of a net
        that has such columns.
        """
        seen, anchor, z = self.anchored(window)
        factor = self._augment(z, seen) if self.training else None
        known = self._known(series, static)
        output, state = self.rnn(self._enter(self._segments(z, seen), known.reading))
        pooled = None if self.attention is None else self.attention(output)[0]
        base = self._base(window, seen, anchor)
        ahead = self._ahead(future, anchor, factor)
        linear = self._linear(z, series, base - anchor[:, :1], ahead, factor)
        if self.recursive:
            answer = self._feed_back(_end(output, state), state, pooled, known.reading, linear, ahead)
            linear = torch.zeros_like(linear)
        elif self.answers:
            answer = self._answer(state, pooled, known.answering, calendar, ahead)
        else:
            answer = self._answer_at_once(_end(output, state), pooled, ahead)
        level = anchor[:, :1] + linear
        departures = answer.view(len(answer), -1, self.outputs)[:, : self.steps]
        forecast = level[..., None] + departures
        if self.prior is not None:
            return self._from_prior(forecast)
        if factor is not None:
            return _divided(forecast, anchor[:, :1, None], factor)
        return self._trusted(forecast, base)

    def example(self) -> tuple[Tensor, ...]:
        """Inputs of one window, empty but of the right shapes."""
        waves = 0 if self.calendar is None else self.calendar.in_features
        static = 0 if self.static is None else self.static.in_features
        with self.enter.weight.device:
            return (
                torch.zeros(1, self.context, self.columns),
                torch.zeros(1, dtype=torch.int64),
                torch.zeros(1, self.answers, waves),
                torch.zeros(1, self.horizon, len(self.future)),
                torch.zeros(1, static),
            )

    def attend(self, window: Tensor, series: Tensor, static: Tensor | None = None) -> Tensor:
        """The weights (B, n) that attention gives to the segments of windows (B, L, C)."""
        if self.attention is None:
            raise AssertionError("a net without attention has no weights of it")
        seen, _, z = self.anchored(window)
        known = self._known(series, static)
        output, _ = self.rnn(self._enter(self._segments(z, seen), known.reading))
        _, weights = self.attention(output)
        shares: Tensor = weights
        return shares

    def anchored(self, window: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Which readings were observed (B, L, C), the anchor (B, C), and the window minus the anchor, 0 where missing."""
        seen = ~torch.isnan(window)
        anchor = self._anchor(window, seen)
        z = torch.where(seen, window - anchor[:, None], 0.0)
        if self.coded:
            z[:, :, 0] = 0.0
        return seen, anchor, z

    def _anchor(self, window: Tensor, seen: Tensor) -> Tensor:
        """What is subtracted from each column of windows (B, L, C), (B, C); 0, the scaled mean, where nothing was observed."""
        if self.anchor == "none":
            return torch.zeros_like(window[:, 0])
        if self.anchor == "mean":
            return window_mean(window[:, -self.span :], seen[:, -self.span :])
        level = last_observed(window, seen)
        if self.anchor == "target":
            return torch.cat([level[:, :1], torch.zeros_like(level[:, 1:])], 1)
        return level

    def _base(self, window: Tensor, seen: Tensor, anchor: Tensor) -> Tensor:
        """What is forecast without any departure: the target's anchor (B, 1), or its last season again (B, H).

        The anchor stands where a value of the season is missing.
        """
        if self.anchor != "season":
            return anchor[:, :1]
        target = window[:, -self.span :, 0]
        season = torch.where(seen[:, -self.span :, 0], target, anchor[:, :1])
        return last_season(season, self.horizon)

    def _augment(self, z: Tensor, seen: Tensor) -> Tensor | None:
        """Disturb training windows (B, L, C) in place; the factor (B, 1, 1) that each was multiplied by, if any."""
        batch, rows, columns = z.shape
        if self.noise and columns > 1:
            offsets = torch.randn(batch, 1, columns - 1, device=z.device)
            z[:, :, 1:] += self.noise * seen[:, :, 1:] * offsets
        if self.target_noise:
            jitter = torch.randn((batch, rows), device=z.device)
            z[:, :, 0] += self.target_noise * seen[:, :, 0] * jitter
        if not self.scaling:
            return None
        factor = (self.scaling * torch.randn(batch, 1, 1, device=z.device)).exp()
        z *= factor
        return factor

    def _ahead(self, future: Tensor | None, anchor: Tensor, factor: Tensor | None) -> Ahead | None:
        """Future columns (B, H, K) cut to the rows of each answer, the end filled up with missing ones."""
        if not self.future or future is None:
            return None
        level = anchor[:, self.future]
        if factor is not None:  # the window was multiplied by it
            future = future * factor
            level = level * factor[:, 0]
        missing = -self.horizon % self.rows
        filled = nn.functional.pad(future, (0, 0, 0, missing), value=math.nan)
        rows = filled.view(len(filled), -1, self.rows, len(self.future))
        known = (~torch.isnan(rows)).float().mean((2, 3))[..., None]
        levels = level[:, None].expand(-1, rows.shape[1], -1)
        features = torch.cat([rows.nan_to_num().flatten(2), levels, known], 2)
        return Ahead(rows, level, features)

    def _linear(
        self, z: Tensor, series: Tensor, season: Tensor, ahead: Ahead | None, factor: Tensor | None
    ) -> Tensor:
        """What the linear paths and the season add to the target's anchor: (B, H), or (B, 1) where there is neither.

        season (B, H): by how far the last season departs from the anchor; zeros (B, 1) without one.
        """
        linear = z.new_zeros(len(z), 1)
        if self.skip is not None:
            linear = self.skip(z[:, :, 0])
        if self.follow is not None:
            linear = linear * self.followed(series)
        if self.anchor == "season":
            linear = linear + (season if factor is None else season * factor[:, 0])
        if self.skip_ahead is not None and ahead is not None:
            linear = linear + self.skip_ahead(ahead.features).flatten(1)[:, : self.steps]
        return linear

    def followed(self, series: Tensor) -> Tensor:
        """How far each of series (B,) follows the linear path from the window, (B, 1)."""
        if self.follow is None:
            return torch.ones(len(series), 1, device=series.device)
        return _embed(self.follow[:, None], series)

    def _trusted(self, forecast: Tensor, base: Tensor) -> Tensor:
        """In use, forecasts (B, H, P) drawn toward the base (B, 1 or H); all quantiles move as their middle does."""
        if self.trust is None or self.training:
            return forecast
        toward = (1 - self.trust) * (base - forecast[..., self.middle])
        return forecast + toward[..., None]

    def _from_prior(self, departure: Tensor) -> Tensor:
        """Logits (B, A, K - 1): those of how often each name was seen, and the departure from them, of which in use a share is forecast."""
        assert self.prior is not None
        if self.trust is not None and not self.training:
            departure = self.trust * departure
        return self.prior + departure

    def _segments(self, z: Tensor, seen: Tensor) -> Tensor:
        """What is read of each segment (B, n, features).

        k anchored targets and their mask, k readings of each past column, the share of them that was
        observed; and of a net with `since` log(1 + segments since the target was last observed) at the
        segment's end.
        """
        target = self._cut(z[:, :, 0])
        mask = self._cut(seen[:, :, 0].float())
        parts = [target, mask]
        if self.columns > 1:
            share = self._cut(seen[:, :, 1:].float()).mean((2, 3))
            parts += [self._cut(z[:, :, 1:]).flatten(2), share[..., None]]
        if self.since:
            rows = self._cut(rows_since(seen[:, :, 0]))[:, :, -1:]
            parts.append((rows / self.segment).log1p())
        return torch.cat(parts, 2)

    def _cut(self, x: Tensor) -> Tensor:
        """(B, L, ...) -> (B, n, k, ...), the front filled up with zeros."""
        if self.padding:
            zeros = x.new_zeros(len(x), self.padding, *x.shape[2:])
            x = torch.cat([zeros, x], 1)
        return x.view(len(x), -1, self.segment, *x.shape[2:])

    def _known(self, series: Tensor, static: Tensor | None) -> Known:
        """What is known of each series: its embedding, and what its static columns say."""
        reading = answering = None
        if self.series is not None:
            reading = _embed(self.series[0], series)
            answering = _embed(self.series[1], series)
        if self.static is None or static is None:
            return Known(reading, answering)
        on_reading, on_answering = self.static(static).chunk(2, 1)
        return Known(_sum(reading, on_reading), _sum(answering, on_answering))

    def _enter(self, segments: Tensor, known: Tensor | None) -> Tensor:
        """What the recurrent net reads (B, n, D) of segments (B, n, features) and what is known of each series (B, D)."""
        read = self.enter(self.input_dropout(segments)).relu()
        return read if known is None else read + known[:, None]

    def _speak(self, output: Tensor, pooled: Tensor | None, features: Tensor | None = None) -> Tensor:
        """The head on the recurrent net's output (B, D), what attention pooled (B, D) and features of future columns (B, F)."""
        if pooled is not None:
            output = torch.cat([output, pooled], 1)
        read = self.dropout(output)
        if features is not None:
            read = torch.cat([read, features], 1)
        answer: Tensor = self.head(read)
        return answer

    def _answer_at_once(self, output: Tensor, pooled: Tensor | None, ahead: Ahead | None) -> Tensor:
        """(B, H P) of a head that answers the whole horizon from the end of the context (B, D)."""
        if ahead is None:
            return self._speak(output, pooled)
        return self._speak(output, pooled, ahead.features[:, 0])

    def _answer(
        self,
        state: Carried,
        pooled: Tensor | None,
        known: Tensor | None,
        calendar: Tensor,
        ahead: Ahead | None,
    ) -> Tensor:
        """(B, m k P): one recurrent step per answered segment, each from the final state, all in parallel."""
        batch, m = len(calendar), self.answers
        ask = self.position.expand(batch, m, -1)
        if known is not None:
            ask = ask + known[:, None]
        if self.calendar is not None:
            ask = ask + self.calendar(calendar)
        if self.ahead is not None and ahead is not None:
            ask = ask + self.ahead(ahead.features)
        output, _ = self.rnn(ask.reshape(batch * m, 1, -1), _spread(state, m))
        if pooled is not None:
            pooled = pooled.repeat_interleave(m, dim=0)
        return self._speak(output[:, 0], pooled).view(batch, -1)

    def _feed_back(
        self,
        output: Tensor,
        state: Carried,
        pooled: Tensor | None,
        known: Tensor | None,
        linear: Tensor,
        ahead: Ahead | None,
    ) -> Tensor:
        """(B, m k, P): one segment at a time, each forecast read as if it had been observed.

        linear (B, H) or (B, 1): what the linear paths add is part of each forecast.
        """
        batch, k = len(output), self.segment
        m = math.ceil(self.horizon / k)
        added = output.new_zeros(batch, m * k)
        added[:, : self.horizon] += linear
        parts: list[Tensor] = []
        for j in range(m):
            if j:
                fed = self._as_read(parts[-1][..., self.middle], ahead, j - 1)
                read, state = self.rnn(self._enter(fed, known), state)
                output = read[:, -1]
            features = None if ahead is None else ahead.features[:, j]
            answer = self._speak(output, pooled, features).view(batch, k, -1)
            parts.append(answer + added[:, j * k : (j + 1) * k, None])
        return torch.cat(parts, 1)

    def _as_read(self, forecast: Tensor, ahead: Ahead | None, j: int) -> Tensor:
        """(B, 1, features) of the forecast targets (B, k) of answer j, as `_segments` makes them of observed ones.

        The targets count as observed, the past columns as missing, the future ones are as they are.
        """
        parts = [forecast, torch.ones_like(forecast)]
        if self.columns > 1:
            others = forecast.new_full((*forecast.shape, self.columns - 1), math.nan)
            if ahead is not None:
                places = [place - 1 for place in self.future]
                others[..., places] = ahead.rows[:, j] - ahead.level[:, None]
            share = (~torch.isnan(others)).float().mean((1, 2))
            parts += [others.nan_to_num().flatten(1), share[:, None]]
        if self.since:
            parts.append(forecast.new_zeros(len(forecast), 1))
        return torch.cat(parts, 1)[:, None]


def point_of(goal: Goal, loss: str) -> int:
    """Which of the outputs is the point: of quantiles the median."""
    return goal.levels.index(0.5) if loss == "quantile" and goal.levels else 0


def _linear(entering: int, leaving: int) -> nn.Linear | None:
    """A linear layer without bias; None where nothing enters."""
    return nn.Linear(entering, leaving, bias=False) if entering else None


def _recurrent(sized: Settings) -> nn.Module:
    """A plain LSTM or GRU, and where the settings ask for more than it can do, a Stack."""
    widths = sized.widths
    dropout = sized.dropout if len(widths) > 1 else 0.0
    extras = sized.residual or sized.bidirectional or sized.recurrent_dropout or sized.norm != "none"
    if not extras and len(set(widths)) == 1:
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
        hidden, cell = state
        return hidden.repeat_interleave(m, dim=1), cell.repeat_interleave(m, dim=1)
    return state.repeat_interleave(m, dim=1)


def _divided(forecast: Tensor, anchor: Tensor, factor: Tensor) -> Tensor:
    """The answer to a window that was multiplied by a factor (B, 1, 1), over that factor: (B, H, P)."""
    return anchor + (forecast - anchor) / factor


def _embed(table: Tensor, series: Tensor) -> Tensor:
    """(S, D), (B,) -> (B, D); a cold series, -1, has the mean embedding."""
    own = table[series.clamp(min=0)]
    return torch.where((series >= 0)[:, None], own, table.mean(0))


def _sum(first: Tensor | None, second: Tensor) -> Tensor:
    return second if first is None else first + second
