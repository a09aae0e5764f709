"""LSTM and GRU: the hyper-parameters, the net, and what a fit learned.

A forecast is a function of the last L rows before the origin and of the calendar after it, and of nothing else: the same in training, in a
backtest and tomorrow. The net reads k rows per recurrent step and answers all segments of the horizon in parallel from its final state
(after Lin et al. 2023, SegRNN), plus a linear skip from window to horizon. Axes: B batch, L context, C columns, H horizon, k segment,
n = L / k segments read, m = H / k segments answered, D units.
"""

import math
from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal, NamedTuple, Self

import numpy as np
import torch
from pydantic import Field
from torch import Tensor, nn

from forecast.data.clock import CYCLES
from forecast.data.panel import Panel
from forecast.data.windows import Windows, make_windows, split_windows
from forecast.errors import ForecastError
from forecast.files import Array
from forecast.models.base import Goal, Watch, cycles_seen
from forecast.models.training import Ended, Training, Turn, loss_of, members_of, seeded, train
from forecast.results import Log

Count = Annotated[int, Field(ge=1)]
Share = Annotated[float, Field(ge=0, lt=1)]
Positive = Annotated[float, Field(gt=0)]

PAIRS = {"day": 3, "week": 2, "year": 2}  # harmonics of the calendar that the decoder sees
FAR = 10.0  # past columns are cut at so many spreads, so one broken reading cannot rule a window
FEW = 50_000  # target rows below which windows are shorter, nets smaller and batches half as large
WIDE = 128  # units from which products in bfloat16 are faster, on processors that have them
MANY = 1000  # a series with fewer rows than this gets no embedding of its own: too little to learn it from


class Sizes(NamedTuple):
    """What `Recurrent.settle` chooses: rows read, rows per recurrent step, units, windows per training step, training steps."""

    context: int
    segment: int
    units: int
    batch: int
    steps: int


@dataclass(frozen=True)
class Recurrent:
    """Settings of an LSTM or GRU forecaster; None = chosen in `fit` from the clock, the season and the length of the past, and said."""

    name: str = "gru"
    cell: Literal["lstm", "gru"] = "gru"
    context: Count | None = None  # rows read before an origin
    segment: Count | None = None  # rows read, and answered, per recurrent step
    units: Count | None = None
    layers: Count = 1
    dropout: Share = 0.3  # before the head, and between layers; acts with one layer too
    anchor: Literal["last", "target", "mean", "none"] = "last"  # subtracted from each column of the window, that of the target added to the forecast
    span: Count | None = None  # rows before the origin that the anchor `mean` is taken of; None = the whole context
    noise: Annotated[float, Field(ge=0)] = 0.3  # spread of a random offset to each past column of a training window: levels drift, so trust changes
    head: Literal["segments", "linear"] = "segments"
    skip: bool = True  # a linear layer from window to horizon beside the recurrent net
    loss: Literal["mae", "mse", "huber", "quantile"] = "mae"  # quantile: the pinball loss at every level that is asked for
    learning_rate: Positive | None = None
    weight_decay: Annotated[float, Field(ge=0)] = 0.0
    batch: Count | None = None  # windows per step
    steps: Count | None = None
    average: Share = 0.99  # of the weights, exponential
    clip: Positive = 1.0
    patience: Count = 5  # looks (12 a fit) without a lower validation loss after which training ends
    validation: Annotated[float, Field(gt=0, le=0.5)] = 0.15  # share of the past's tail that judges the weights
    finish: Share = 0.25  # further steps on all rows, the judging ones too, as a share of `steps`
    precision: Literal["auto", "float32", "bfloat16"] = "auto"  # of the products in training; auto: bfloat16 where the processor has it and it pays
    members: Count = 1  # nets of the seeds seed, seed + 1, ...; the forecast is their median

    def settle(self, past: Panel, horizon: int) -> Self:
        """This spec with every size chosen: a function of clock, lengths and observed cells of the past."""
        typical = _typical(past.lengths)
        rows = sum(int((~np.isnan(past.values[past.rows(i), 0])).sum()) for i in range(len(past.ids)))
        segment = self.segment or math.ceil(horizon / math.ceil(horizon / 48))
        season = min(past.clock.seasons, default=1)
        segments = 7 if rows < FEW else 15  # with few rows the linear skip learns a long window by heart
        reach = max(segments * segment, 28, min(2 * season, 60 * segment))  # and at least four weeks of days, and two seasons
        most = max(segment, (typical - 2 * horizon) // 2 // segment * segment)
        return replace(
            self,
            segment=segment,
            context=self.context or min(math.ceil(reach / segment) * segment, most),
            units=self.units or (32 if rows < 3_000 else 64 if rows < FEW else 128),
            batch=self.batch or (128 if rows < FEW else 256),
            learning_rate=self.learning_rate or (1e-3 if rows < FEW else 2e-3),
            steps=self.steps or max(400, round(3 * math.sqrt(rows * (1 - self.validation)))),
        )

    @property
    def sizes(self) -> "Sizes":
        """The sizes of a settled spec."""
        if self.context is None or self.segment is None or self.units is None or self.batch is None or self.steps is None:
            raise AssertionError("a size is read that `settle` has not chosen")
        return Sizes(self.context, self.segment, self.units, self.batch, self.steps)

    @property
    def rate(self) -> float:
        """The learning rate of a settled spec, and where it is open the usual one."""
        return self.learning_rate or 1e-3

    def fit(self, past: Panel, goal: Goal, *, seed: int, watch: Watch) -> "LearnedNet":
        """Train on a scaled panel; ForecastError where it is too short for one window."""
        sized = self.settle(past, goal.horizon)
        sizes, cycles = sized.sizes, cycles_seen(past)
        split = split_windows(past, sizes.context, goal.horizon, self.validation)
        feed = Feed(split[0], sized, cycles, np.arange(len(past.ids)))
        finish, loss = round(self.finish * sizes.steps), loss_of(self.loss, goal.levels)
        how = Training(
            sizes.steps, finish, sizes.batch, sized.rate, self.weight_decay, self.clip, self.average, loss, self.patience, self._half(sizes)
        )
        ended = Ended.of(watch)
        nets = []
        for member in range(self.members):
            with seeded(seed + member):
                net = Net(sized, goal, _embedded(past), _width(cycles))
                if member < len(ended.histories):
                    net.load_state_dict(members_of(ended.arrays, member))
                else:
                    history = train(net, feed, split, how, Turn(watch, member, self.members, ended))
                    ended = ended.with_one(net.state_dict(), history)
                nets.append(net.eval())
        kept = ", ".join(str(min(history, key=lambda row: row[2])[0]) for history in ended.histories)
        note = (
            f"{self.name}: reads {sizes.context} rows in segments of {sizes.segment}, {sizes.units} units, {len(split[0]):,} training windows,"
            f" weights of step {kept} of {sizes.steps} kept ({sizes.batch} windows a step), then {finish} steps on all rows"
        )
        history = [(member * sizes.steps + step, loss, value) for member, rows in enumerate(ended.histories) for step, loss, value in rows]
        return LearnedNet(sized, goal, tuple(nets), cycles, Log((note,), tuple(history)))

    def _half(self, sizes: Sizes) -> bool:
        """Whether training multiplies in bfloat16."""
        if self.precision == "auto":
            return sizes.units >= WIDE and torch.cpu._is_avx512_bf16_supported()
        return self.precision == "bfloat16"

    def restore(self, arrays: dict[str, Array], goal: Goal) -> "LearnedNet":
        """The net whose arrays these are: a fresh twin is built, and names, shapes and dtypes must agree before anything is copied."""
        sized = replace(self, **Sizes(*(int(size) for size in arrays["sizes"]))._asdict())
        cycles = tuple(name for name, used in zip(CYCLES, arrays["cycles"], strict=True) if used)
        nets = []
        for member in range(self.members):
            net = Net(sized, goal, int(arrays["series"][0]), _width(cycles))
            weights = members_of(arrays, member)
            twin = {name: (tuple(tensor.shape), tensor.dtype) for name, tensor in net.state_dict().items()}
            found = {name: (tuple(tensor.shape), tensor.dtype) for name, tensor in weights.items()}
            if twin != found:
                wrong = sorted(set(twin.items()) ^ set(found.items()))[0][0]
                raise ForecastError(f"The saved {self.name} does not fit its settings: {wrong} is {found.get(wrong)}, expected {twin.get(wrong)}.")
            net.load_state_dict(weights)
            nets.append(net.eval())
        return LearnedNet(sized, goal, tuple(nets), cycles, Log())

    def space(self, trial: Any) -> Self:
        """Units, layers, dropout and learning rate (log), as a study tries them; a setting outside the usual range widens it."""
        return replace(
            self,
            units=trial.suggest_categorical("units", sorted({32, 64, 128} | ({self.units} if self.units else set()))),
            layers=trial.suggest_int("layers", 1, max(2, self.layers)),
            dropout=trial.suggest_float("dropout", 0.0, max(0.6, self.dropout)),
            learning_rate=trial.suggest_float("learning_rate", min(3e-4, self.rate), max(1e-2, self.rate), log=True),
        )


class Net(nn.Module):
    """Window of scaled values (B, L, C), NaN where missing, the target first -> (B, H, P): a point, or a quantile at each level."""

    def __init__(self, sized: Recurrent, goal: Goal, series: int, calendar: int) -> None:
        super().__init__()
        sizes = sized.sizes
        past, k, units = len(goal.columns) - 1, sizes.segment, sizes.units
        self.horizon, self.segment, self.anchor, self.noise = goal.horizon, k, sized.anchor, sized.noise
        self.span = min(sized.span or sizes.context, sizes.context)
        self.padding = -sizes.context % k
        self.enter = nn.Linear(k * (2 + past) + bool(past), units)
        between = sized.dropout if sized.layers > 1 else 0.0
        self.rnn = {"lstm": nn.LSTM, "gru": nn.GRU}[sized.cell](units, units, sized.layers, batch_first=True, dropout=between)
        self.dropout = nn.Dropout(sized.dropout)
        self.answers = math.ceil(goal.horizon / k) if sized.head == "segments" else 0
        self.outputs = len(goal.levels) if sized.loss == "quantile" and goal.levels else 1
        self.head = nn.Linear(units, (k if self.answers else goal.horizon) * self.outputs)
        if self.answers:
            self.position = nn.Parameter(torch.randn(self.answers, units) * 0.5)
        self.calendar = nn.Linear(calendar, units, bias=False) if self.answers and calendar else None
        self.series = nn.Parameter(torch.randn(2, series, units) * 0.1) if series else None  # added on reading, on answering
        self.skip = nn.Linear(sizes.context, goal.horizon) if sized.skip else None
        if self.skip is not None:
            nn.init.zeros_(self.skip.weight)
            nn.init.zeros_(self.skip.bias)

    def forward(self, window: Tensor, series: Tensor, calendar: Tensor) -> Tensor:
        """Forecast (B, H, P) from windows (B, L, C), series (B,) with -1 = cold, calendar (B, m, F) of each answer's first step."""
        seen = ~torch.isnan(window)
        anchor = self._anchor(window, seen)
        z = torch.where(seen, window - anchor[:, None], 0.0)
        if self.training and self.noise and z.shape[2] > 1:
            z[:, :, 1:] += self.noise * seen[:, :, 1:] * torch.randn(len(z), 1, z.shape[2] - 1)
        read = self.enter(self._segments(z, seen)).relu()
        if self.series is not None:
            read = read + _embed(self.series[0], series)[:, None]
        output, state = self.rnn(read)
        answer = self._answer(state, series, calendar) if self.answers else self.head(self.dropout(output[:, -1]))
        level = anchor[:, :1] + (self.skip(z[:, :, 0]) if self.skip is not None else 0.0)
        return level[..., None] + answer.view(len(answer), -1, self.outputs)[:, : self.horizon]

    def _anchor(self, window: Tensor, seen: Tensor) -> Tensor:
        """What is subtracted from each column of windows (B, L, C), (B, C); 0, the scaled mean, where nothing was observed."""
        if self.anchor == "none":
            return torch.zeros_like(window[:, 0])
        if self.anchor == "mean":
            return window[:, -self.span :].nan_to_num().sum(1) / seen[:, -self.span :].sum(1).clamp(min=1)
        level = _last(window, seen)
        return level if self.anchor == "last" else torch.cat([level[:, :1], torch.zeros_like(level[:, 1:])], 1)

    def _segments(self, z: Tensor, seen: Tensor) -> Tensor:
        """(B, n, features): k anchored targets and their mask, k readings of each past column, the share of them that was observed."""

        def cut(x: Tensor) -> Tensor:  # (B, L, ...) -> (B, n, k, ...), the front filled up with zeros
            x = torch.cat([x.new_zeros(len(x), self.padding, *x.shape[2:]), x], 1) if self.padding else x
            return x.view(len(x), -1, self.segment, *x.shape[2:])

        parts = [cut(z[:, :, 0]), cut(seen[:, :, 0].float())]
        if z.shape[2] > 1:
            parts += [cut(z[:, :, 1:]).flatten(2), cut(seen[:, :, 1:].float()).mean((2, 3))[..., None]]
        return torch.cat(parts, 2)

    def _answer(self, state: Tensor | tuple[Tensor, Tensor], series: Tensor, calendar: Tensor) -> Tensor:
        """(B, m k P): one recurrent step per answered segment, each from the final state, all in parallel."""
        batch, m = len(series), self.answers
        ask = self.position.expand(batch, m, -1)
        if self.series is not None:
            ask = ask + _embed(self.series[1], series)[:, None]
        if self.calendar is not None:
            ask = ask + self.calendar(calendar)

        def spread(h: Tensor) -> Tensor:  # (layers, B, D) -> (layers, B m, D)
            return h.repeat_interleave(m, dim=1)

        start = tuple(spread(h) for h in state) if isinstance(state, tuple) else spread(state)
        answer, _ = self.rnn(ask.reshape(batch * m, 1, -1), start)
        return self.head(self.dropout(answer[:, 0])).view(batch, -1)


def _last(window: Tensor, seen: Tensor) -> Tensor:
    """The last observed value (B, C) of each column of windows (B, L, C); 0, the scaled mean, where nothing was observed."""
    if bool(seen[:, -1].all()):  # the usual case, without a search
        return window[:, -1]
    place = (seen * torch.arange(1, window.shape[1] + 1)[:, None]).amax(1)
    last = window.nan_to_num().gather(1, (place - 1).clamp(min=0)[:, None])[:, 0]
    return torch.where(place > 0, last, 0.0)


def _embed(table: Tensor, series: Tensor) -> Tensor:
    """(S, D), (B,) -> (B, D); a cold series, -1, has the mean embedding."""
    return torch.where((series >= 0)[:, None], table[series.clamp(min=0)], table.mean(0))


class Feed:
    """Batches by index arithmetic: one float32 tensor of the series, and the calendar computed from the last known stamp."""

    def __init__(self, windows: Windows, sized: Recurrent, cycles: tuple[str, ...], fitted: Array) -> None:
        values = torch.from_numpy(windows.values)
        self.values = torch.cat([values[:, :1], values[:, 1:].clamp(-FAR, FAR)], 1)
        self.fitted, self.cycles = fitted, cycles
        segment = sized.sizes.segment
        answers = math.ceil(windows.horizon / segment) if sized.head == "segments" else 0
        self.offsets = 1 + np.arange(answers) * segment

    def __call__(self, windows: Windows, origins: Array) -> tuple[tuple[Tensor, Tensor, Tensor], Tensor]:
        """((window (B, L, C), series (B,), calendar (B, m, F)), target (B, H)) of the windows at `origins` (B, 2)."""
        window = self.values[torch.from_numpy(windows.rows(origins))]
        series = torch.from_numpy(self.fitted[origins[:, 0]])
        inputs = window[:, : windows.context], series, self._calendar(windows.panel, origins)
        return inputs, window[:, windows.context :, 0]

    def _calendar(self, panel: Panel, origins: Array) -> Tensor:
        if not self.cycles or not len(self.offsets):
            return torch.zeros(len(origins), len(self.offsets), 0)
        stamps = panel.clock.after(panel.times[panel.starts[origins[:, 0]] + origins[:, 1] - 1], self.offsets)
        waves = [panel.clock.harmonics(stamps, cycle, PAIRS[cycle]) for cycle in self.cycles]
        return torch.from_numpy(np.concatenate(waves, axis=-1).astype("float32"))


@dataclass(frozen=True, eq=False)
class LearnedNet:
    """Trained nets, one a member: `predict` reads `context` rows before each origin."""

    sized: Recurrent
    goal: Goal
    nets: tuple[Net, ...]
    cycles: tuple[str, ...]
    log: Log

    @property
    def context(self) -> int:
        """Rows before an origin that a forecast reads."""
        return self.sized.sizes.context

    def predict(self, panel: Panel, origins: Array, fitted: Array) -> Array:
        """Forecasts (M, H, P), scaled, at origins (M, 2) of a scaled panel."""
        windows = make_windows(panel, self.context, self.goal.horizon)
        feed = Feed(windows, self.sized, self.cycles, fitted)
        values = np.empty((len(origins), self.goal.horizon, self.nets[0].outputs))
        with torch.inference_mode():
            for begin in range(0, len(origins), 1024):
                chunk = slice(begin, begin + 1024)
                inputs = feed(windows, origins[chunk])[0]
                values[chunk] = np.median([net(*inputs).numpy() for net in self.nets], axis=0)
        return values

    def arrays(self) -> dict[str, Array]:
        """Weights, sizes, number of embedded series, cycles of the calendar."""
        arrays = {f"member.{i}.{name}": tensor.numpy() for i, net in enumerate(self.nets) for name, tensor in net.state_dict().items()}
        arrays["sizes"] = np.array(self.sized.sizes, "int64")
        arrays["series"] = np.array([0 if self.nets[0].series is None else self.nets[0].series.shape[1]], "int64")
        arrays["cycles"] = np.array([name in self.cycles for name in CYCLES], "int64")
        return arrays


def _width(cycles: tuple[str, ...]) -> int:
    """Features of the calendar."""
    return sum(2 * PAIRS[name] for name in cycles)


def _typical(lengths: Array) -> int:
    """The length that half of all rows lie in series at least as long as: of one series its own, of many not that of the odd long one."""
    falling = np.sort(lengths)[::-1]
    return int(falling[np.searchsorted(np.cumsum(falling), falling.sum() / 2)])


def _embedded(past: Panel) -> int:
    """How many series get an embedding: all of a panel of several long ones, else none."""
    return len(past.ids) if len(past.ids) > 1 and past.lengths.mean() >= MANY else 0
