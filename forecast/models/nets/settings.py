"""Every setting of an LSTM or GRU forecaster: its default, what it means, where it comes from, and which of them contradict each other.

Axes: B batch, L context, C columns, H horizon, k segment, n = L / k segments read, m = H / k segments answered, D units.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Annotated, Any, Literal, NamedTuple, Self, get_args

import numpy as np
from pydantic import Field

from forecast.arrays import Array
from forecast.data.panel import Panel
from forecast.data.seasons import persists
from forecast.errors import ForecastError
from forecast.models.hurdle import wanted
from forecast.models.nets.optimiser import haste
from forecast.task import Goal

Count = Annotated[int, Field(ge=1)]
Share = Annotated[float, Field(ge=0, lt=1)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NotNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Finite = Annotated[float, Field(allow_inf_nan=False)]
Rate = Annotated[float, Field(gt=0, le=100)]
Width = Annotated[
    int, Field(ge=1, le=8192)
]  # a layer of more would not fit into memory next to its gradients
Layers = Annotated[int, Field(ge=1, le=100)]

VERY_FEW = 3_000  # target rows below which nets are smallest
FEW = 50_000  # target rows below which windows are shorter, nets smaller and batches half as large
MOST = 500_000  # target rows from which the learning rate is halved again: their many steps need no haste
LATEST = 1_000_000  # rows of a series that tell whether it persists
LONGEST_SEGMENT = 48  # rows per recurrent step at most
SEGMENTS = 15_000_000  # read and answered in all training steps at most: three minutes of a core at 128 units
MEMORY = (
    2**30
)  # bytes that the arrays of one training step may take, about: large windows come in smaller batches
COPIES = 8  # of a window's cells: values, mask, what is anchored, cut and multiplied, forwards and backwards
# usual learning rates, as multiples of Adam's: its steps are normed, SGD's are not
RATES = {"adamw": 1.0, "adam": 1.0, "rmsprop": 1.0, "sgd": 50.0}


Anchor = Literal["last", "season", "target", "mean", "none"]
ANCHORS: tuple[Anchor, ...] = get_args(Anchor)


class Sizes(NamedTuple):
    """What `Settings.settle` chooses: rows read, rows per recurrent step, units of the widest layer, windows per step, training steps."""

    context: int
    segment: int
    units: int
    batch: int
    steps: int


def setting(group: str, default: Any, meaning: str, source: str = "") -> Any:
    """A dataclass field that says what it is for: `forecast models gru` prints group, meaning and source."""
    return field(default=default, metadata={"group": group, "meaning": meaning, "source": source})


_size, _net, _head, _input = (partial(setting, group) for group in ("sizes", "net", "head", "input"))
_train, _rows, _tune = (partial(setting, group) for group in ("training", "rows", "tuning"))


def about_layers(
    cell: str, units: int | tuple[int, ...] | None, layers: int, forget_bias: float | None
) -> Iterator[str]:
    """What is wrong with settings of layers that exclude each other, and what to do."""
    if isinstance(units, tuple):
        listed = f"units = {list(units)}"
        if not units:
            yield f"{listed} names no layer. Give a width for each layer, such as [64, 32]."
        if layers not in (1, len(units)):
            yield f"layers = {layers}, but {listed} has {len(units)} widths. Leave layers out."
    if forget_bias is not None and cell != "lstm":
        yield "forget_bias is of the LSTM: a GRU has no forget gate. Leave it out, or take an LSTM."


def about_steps(
    optimiser: str, weight_decay: float, momentum: float | None, schedule: str, warmup: float | None
) -> Iterator[str]:
    """What is wrong with settings of training steps that exclude each other, and what to do."""
    if weight_decay > 0 and optimiser != "adamw":
        yield f"weight_decay is of adamw; with optimiser {optimiser} use l2."
    if momentum is not None and optimiser != "sgd":
        yield f"momentum is of sgd, not of {optimiser}. Leave it out."
    if warmup is not None and schedule == "one-cycle":
        yield "schedule one-cycle has a warm-up of its own. Leave warmup out."


@dataclass(frozen=True)
class Settings:
    """Settings of an LSTM or GRU forecaster; None = chosen in `fit` from the clock, the season and the length of the past, and said.

    A setting left at its default draws no random number and makes no parameter: the forecasts keep their bits.
    """

    name: str = "gru"
    cell: Literal["lstm", "gru"] = _net(
        "gru", "the recurrent cell", "Hochreiter and Schmidhuber 1997; Cho et al. 2014"
    )
    context: Count | None = _size(None, "rows read before an origin")
    segment: Count | None = _size(
        None, "rows read, and answered, per recurrent step", "Lin et al. 2023, SegRNN"
    )
    units: Width | tuple[Width, ...] | None = _size(
        None, "width of the layers; a list, [64, 32], stacks layers of these widths"
    )
    layers: Layers = _net(1, "recurrent layers, one on another")
    dropout: Share = _net(
        0.3,
        "share of outputs zeroed before the head, and between layers; acts with one layer too",
        "Srivastava et al. 2014",
    )
    input_dropout: Share = _net(
        0.0,
        "share of the readings zeroed before the recurrent net reads them; the skip sees all",
        "Srivastava et al. 2014",
    )
    recurrent_dropout: Share = _net(
        0.0,
        "share of the recurrent matrix zeroed, one mask a batch, constant over time",
        "Merity et al. 2017, AWD-LSTM",
    )
    norm: Literal["none", "layer", "batch"] = _net(
        "none", "normalises what enters each layer", "Ba et al. 2016; Laurent et al. 2016"
    )
    residual: bool = _net(False, "adds to each layer's output what entered it", "He et al. 2016")
    bidirectional: bool = _net(
        False, "reads the context from both ends and joins the two final states", "Schuster and Paliwal 1997"
    )
    attention: bool = _net(
        False,
        "the head sees a weighted mean of all the context's states too",
        "Bahdanau et al. 2015; Yang et al. 2016",
    )
    init: Literal["default", "orthogonal", "glorot", "he"] = _net(
        "default",
        "initial weights; orthogonal is of the recurrent matrices",
        "Saxe et al. 2014; Glorot and Bengio 2010; He et al. 2015",
    )
    forget_bias: Finite | None = _net(
        None,
        "initial bias of the forget gate of an LSTM; 1 is usual",
        "Gers et al. 2000; Jozefowicz et al. 2015",
    )
    anchor: Literal["auto"] | Anchor = _input(
        "auto",
        "subtracted from each column of the window, that of the target added again; season: the last season is added instead; auto: last, but none"
        " where the values of most series lie closer to their median than to each other, as returns do",
    )
    span: Count | None = _input(
        None,
        "rows before the origin that the anchors `mean`, within the context, and `season` are taken of; none = the context, the shortest season",
    )
    since: bool = _input(
        False, "beside the mask, how long ago the target was last observed", "Che et al. 2018, GRU-D"
    )
    noise: NotNegative = _input(
        0.3,
        "spread of a random offset to each past column of a training window: levels drift, so trust changes",
    )
    target_noise: NotNegative = _input(
        0.0, "spread of noise on each reading of the target in a training window", "Um et al. 2017, jittering"
    )
    scaling: NotNegative = _input(
        0.0,
        "spread of the log of a random factor on each training window and its answer",
        "Um et al. 2017, scaling",
    )
    head: Literal["segments", "linear", "dense", "recursive"] = _head(
        "segments",
        "parallel segments, which see the calendar ahead; one linear layer; one hidden ReLU layer; a segment (of 1 row) at a time, fed back",
        "Lin et al. 2023",
    )
    skip: bool = _head(
        True,
        "a linear layer from window to horizon beside the recurrent net, and one from the future columns",
    )
    shrink: bool = _head(
        True,
        "forecasts are drawn toward the anchor as the judging rows say: where they gain less than one standard error on it, they are the anchor",
        "Copas 1983; Breiman et al. 1984",
    )
    loss: Literal["mae", "mse", "huber", "quantile", "qlike"] = _head(
        "mae",
        "quantile: the pinball loss at every level asked for; qlike: of variances, in logs",
        "Koenker and Bassett 1978; Patton 2011",
    )
    hurdle: bool | None = _head(
        None,
        "for amounts that are mostly 0: the chance of an amount and its size as one distribution with a mass at 0; none = where over a quarter of"
        " the past is 0 and none below",
        "Cragg 1971; Mullahy 1986",
    )
    weighting: Literal["equal", "mase", "owa"] = _head(
        "equal",
        "of series in the loss: equal in scaled units; mase, over the error of their own seasonal naive forecast; owa, the mean of both",
        "Hyndman and Koehler 2006; Makridakis et al. 2020",
    )
    optimiser: Literal["adamw", "adam", "rmsprop", "sgd"] = _train(
        "adamw",
        "the rule of a step; sgd has momentum",
        "Loshchilov and Hutter 2019; Kingma and Ba 2015; Hinton 2012; Polyak 1964",
    )
    learning_rate: Rate | None = _train(
        None,
        "the highest rate of the schedule; none = chosen from the length of the past, the optimiser and the steps",
    )
    momentum: Share | None = _train(None, "of sgd; none = 0.9", "Polyak 1964; Sutskever et al. 2013")
    weight_decay: NotNegative = _train(
        0.0, "decay of all weights beside the gradient, of adamw alone", "Loshchilov and Hutter 2019"
    )
    l1: NotNegative = _train(
        0.0,
        "added to the loss per unit of the sum of absolute weights: drives weights to zero",
        "Tibshirani 1996",
    )
    l2: NotNegative = _train(
        0.0,
        "added to the loss per unit of the sum of squared weights",
        "Hoerl and Kennard 1970; Krogh and Hertz 1992",
    )
    schedule: Literal["cosine", "constant", "exponential", "staircase", "plateau", "one-cycle"] = _train(
        "cosine", "of the learning rate", "Loshchilov and Hutter 2017; Smith and Topin 2018 (one-cycle)"
    )
    warmup: Share | None = _train(
        None,
        "share of the steps in which the rate rises linearly; none = a tenth, at most 100 steps",
        "Goyal et al. 2017",
    )
    batch: Count | None = _size(None, "windows per step")
    steps: Count | None = _size(None, "training steps at most")
    seconds: Positive | None = _train(
        None,
        "CPU seconds of training, about: fewer steps where the first show that all take longer; measured again where a killed fit goes on",
    )
    average: Share = _train(
        0.99, "of the weights, exponential", "Polyak and Juditsky 1992; Izmailov et al. 2018"
    )
    clip: Positive = _train(1.0, "highest norm of a gradient; 1e9 cuts nothing", "Pascanu et al. 2013")
    clip_value: Positive | None = _train(
        None, "highest absolute value in a gradient, cut before the norm", "Mikolov 2012"
    )
    patience: Count = _rows(
        5, "looks (12 a fit) without a lower validation loss after which training ends", "Prechelt 1998"
    )
    judge: Literal["loss", "mae", "mse"] = _rows(
        "loss", "what judges the weights there, of point forecasts: which are kept, and when patience ends"
    )
    validation: Annotated[float, Field(gt=0, le=0.5)] = _rows(
        0.15, "share of the past's tail that judges the weights"
    )
    finish: Share = _rows(
        0.25,
        "further steps on all rows, the judging ones too, as a share of `steps`; all that a warm refit takes",
    )
    precision: Literal["auto", "float32", "bfloat16"] = _train(
        "auto", "of the products; auto: bfloat16 in wide nets where the processor has it"
    )
    device: Literal["auto", "cpu", "cuda"] = _train(
        "auto", "where the net computes; auto: a GPU where torch finds one"
    )
    members: Count = _rows(
        1,
        "nets of the seeds seed, seed + 1, ..., every second one without the skip where that judges well; their mean",
    )
    search: Literal["small", "full"] = _tune(
        "small", "what a study varies: units, layers, dropout and learning rate, or every group of settings"
    )

    def __post_init__(self) -> None:
        """ForecastError where two settings contradict each other: nothing is accepted and then ignored."""
        for message in self._contradictions():
            raise ForecastError(f"{self.name}: {message}")

    def _contradictions(self) -> Iterator[str]:
        """What is wrong with each pair of settings that exclude each other, and what to do."""
        yield from about_layers(self.cell, self.units, self.layers, self.forget_bias)
        widths = self.units if isinstance(self.units, tuple) else ()
        if self.residual and len(set(widths)) > 1:
            listed = f"units = {list(widths)}"
            yield f"residual adds a layer's input to its output, so all widths are equal; found {listed}."
        yield from about_steps(self.optimiser, self.weight_decay, self.momentum, self.schedule, self.warmup)
        if self.span is not None and self.anchor not in ("mean", "season"):
            yield f"span is of the anchors mean and season, not of {self.anchor}. Leave it out."
        if self.hurdle:
            for what in self._beside_hurdle():
                yield f"hurdle has its own loss and no anchor, so {what} cannot be given next to it. Leave one out."
        if self.norm == "batch" and self.batch == 1:
            yield "norm batch needs batches of at least 2 windows; found batch = 1."

    def _beside_hurdle(self) -> list[str]:
        """The settings that exclude a hurdle, as they are given."""
        usual = {"loss": "mae", "judge": "loss", "weighting": "equal", "scaling": 0.0}
        given = [
            f"{name} = {getattr(self, name)}" for name, value in usual.items() if getattr(self, name) != value
        ]
        if self.anchor not in ("auto", "none"):
            given.append(f"anchor = {self.anchor}")
        if self.head == "recursive":
            given.append("head = recursive")
        return given

    def with_hurdle(self, past: Panel) -> Self:
        """These settings with the hurdle chosen: with one, no anchor, and nothing drawn toward it."""
        asked = False if self.hurdle is None and self._beside_hurdle() else self.hurdle
        if not wanted(asked, past, self.name):
            return replace(self, hurdle=False)
        return replace(self, hurdle=True, anchor="none", shrink=False)

    def settle(self, past: Panel, horizon: int) -> Self:
        """These settings with every size chosen: a function of clock, lengths and observed cells of the past.

        ForecastError where the context is longer than every series, or shorter than the season that
        anchors it.
        """
        self._check_context(past)
        if past.names:
            self._check_names()
        rows = _observed(past)
        season = min(past.clock.seasons, default=1)
        segment = self.segment or self._usual_segment(horizon)
        context = self.context or _usual_context(_typical(past.lengths), rows, season, segment, horizon)
        span = self._settled_span(season, context)
        cells = (context + horizon) * len(past.columns)
        batch = self.batch or fitting_batch(usual_batch(past), cells)
        enough = max(400, round(3 * math.sqrt(rows * (1 - self.validation))))
        windows = SEGMENTS // (batch * math.ceil((context + horizon) / segment))
        steps = max(1, min(enough, windows))
        return replace(
            self,
            segment=segment,
            context=context,
            anchor=self._settled_anchor(past),
            span=span,
            units=self.units or _usual_units(rows),
            batch=batch,
            learning_rate=self.learning_rate or self._usual_rate(rows, steps),
            steps=self.steps or steps,
        )

    def _check_names(self) -> None:
        """ForecastError where a setting has no meaning for shares of names."""
        usual = {
            "loss": ("mae", "names are learned by their cross-entropy"),
            "judge": ("loss", "the weights are judged by the cross-entropy"),
            "weighting": ("equal", "names have no error to weight by"),
            "scaling": (0.0, "names have no size"),
        }
        for name, (value, why) in usual.items():
            if getattr(self, name) != value:
                raise ForecastError(
                    f"`{self.name}.{name}={getattr(self, name)}` is for numbers, and the target has names: {why}. Leave it out."
                )
        if self.anchor not in ("auto", "none"):
            raise ForecastError(
                f"`{self.name}.anchor={self.anchor}` is for numbers: names are forecast without. Leave it out."
            )
        if self.head == "recursive":
            raise ForecastError(
                f"`{self.name}.head=recursive` feeds numbers back, and the target has names. Take another head, or leave it out."
            )

    def _check_context(self, past: Panel) -> None:
        longest = int(past.lengths.max())
        if self.context is not None and self.context > longest:
            raise ForecastError(
                f"`{self.name}.context={self.context}`, but the longest series has {longest} rows to learn"
                f" from. Take a shorter context, or none: then it is chosen."
            )

    def _usual_segment(self, horizon: int) -> int:
        """The horizon in equal parts of at most LONGEST_SEGMENT rows; of what is fed back a row."""
        if self.head == "recursive":
            return 1
        return math.ceil(horizon / math.ceil(horizon / LONGEST_SEGMENT))

    def _settled_span(self, season: int, context: int) -> int | None:
        """Rows that the anchor is taken of, where it is of several."""
        if self.anchor != "season":
            return self.span
        span = self.span or season
        if span > context:
            raise ForecastError(
                f"{self.name}: the anchor season is the last {span} rows, but the net reads {context}."
                f" Take a context of at least {span}, a shorter span, or another anchor."
            )
        return span

    def _settled_anchor(self, past: Panel) -> Anchor:
        if past.names:
            return "none"
        if self.anchor != "auto":
            return self.anchor
        return "last" if _persists(past) else "none"

    def _usual_rate(self, rows: int, steps: int) -> float:
        """The learning rate for so many target rows; steps: how many are usual."""
        rate = 2e-3 if FEW <= rows < MOST else 1e-3
        faster = haste(steps, self.steps) if self.steps and self.hasty else 1
        return rate * RATES[self.optimiser] * faster

    @property
    def hasty(self) -> bool:
        """Whether fewer steps than usual take a higher rate: where it is open, and of an optimiser that norms its steps."""
        return self.learning_rate is None and self.optimiser != "sgd"

    @property
    def sizes(self) -> Sizes:
        """The sizes of settled settings."""
        if self.context is None or self.segment is None or self.batch is None or self.steps is None:
            raise AssertionError("a size is read that `settle` has not chosen")
        return Sizes(self.context, self.segment, max(self.widths), self.batch, self.steps)

    @property
    def anchor_chosen(self) -> Anchor:
        """The anchor of settled settings."""
        if self.anchor == "auto":
            raise AssertionError("an anchor is read that `settle` has not chosen")
        return self.anchor

    @property
    def widths(self) -> tuple[int, ...]:
        """Units of each layer of settled settings."""
        if self.units is None:
            raise AssertionError("a size is read that `settle` has not chosen")
        return self.units if isinstance(self.units, tuple) else (self.units,) * self.layers

    @property
    def rate(self) -> float:
        """The learning rate of settled settings, and where it is open the usual one."""
        return self.learning_rate or 1e-3 * RATES[self.optimiser]

    def answers(self, goal: Goal) -> int:
        """Segments answered in parallel, m; 0 for the heads that answer from the final state. An answer about the whole horizon is one."""
        if self.head != "segments":
            return 0
        return 1 if goal.task.reduce != "each" else math.ceil(goal.horizon / self.sizes.segment)


def _usual_context(typical: int, rows: int, season: int, segment: int, horizon: int) -> int:
    """Whole segments: some, at least four weeks of days and two seasons, and at most half of a typical series.

    With few rows the linear skip learns a long window by heart, so it is shorter.
    """
    segments = 7 if rows < FEW else 15
    reach = max(segments * segment, 28, min(2 * season, 60 * segment))
    most = max(segment, (typical - 2 * horizon) // 2 // segment * segment)
    return min(math.ceil(reach / segment) * segment, most)


def _usual_units(rows: int) -> int:
    """The width of nets that learn from so many target rows."""
    if rows < VERY_FEW:
        return 32
    return 64 if rows < FEW else 128


def _observed(past: Panel) -> int:
    """Observed cells of the target."""
    count = 0
    for series in range(len(past.ids)):
        target = past.values[past.rows(series), 0]
        count += int((~np.isnan(target)).sum())
    return count


def _persists(past: Panel) -> bool:
    """Whether the targets of most series, counted by rows, are on average as close to the one before as
    to their median; by their LATEST rows."""
    close = []
    for series in range(len(past.ids)):
        target = past.values[past.rows(series), 0]
        close.append(persists(target[-LATEST:]))
    return bool(np.average(close, weights=past.lengths) >= 0.5)


def usual_batch(past: Panel) -> int:
    """Windows a step, where memory does not ask for fewer."""
    return 128 if _observed(past) < FEW else 256


def fitting_batch(usual: int, cells: int) -> int:
    """The usual number of windows a step, halved until their `cells` each fit into MEMORY; 1 at least."""
    while usual > 1 and usual * cells * 4 * COPIES > MEMORY:
        usual //= 2
    return usual


def _typical(lengths: Array) -> int:
    """The length that half of all rows lie in series at least as long as: of one series its own, of many not that of the odd long one."""
    falling = np.sort(lengths)[::-1]
    return int(falling[np.searchsorted(np.cumsum(falling), falling.sum() / 2)])
