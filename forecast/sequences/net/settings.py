"""Every setting of an LSTM or GRU that names sequences. A setting that a forecaster has too keeps its name and its meaning.

Axes: S sequences, B batch, L steps (rows or tokens), n = ceil(L / segment) recurrent steps, D units, K classes.
"""

import dataclasses
import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Annotated, Any, Literal, Self

import numpy as np
from pydantic import Field

from forecast.arrays import Array
from forecast.errors import ForecastError
from forecast.models.nets.optimiser import haste
from forecast.models.nets.settings import (
    RATES,
    Count,
    Finite,
    Layers,
    NotNegative,
    Positive,
    Rate,
    Settings,
    Share,
    Width,
    about_layers,
    about_steps,
    setting,
)
from forecast.sequences.text import End

FEW = 1_000  # sequences below which there are several members, each of which another part judges
MEMBERS = 5  # of them
READ = 50  # recurrent steps that a sequence of numbers of usual length is read in, about
EPOCHS = 60  # times that all sequences of numbers are seen, at most
STEPS = 400  # training steps that a small file of numbers gets at least
MOST_STEPS = 2_000  # and a large one at most
TEXT_EPOCHS = 3  # times that all texts are seen: after so many a net knows them by heart
BATCHES = 8  # batches of a file, so that a step is not all of it
LEAST_BATCH = 16  # sequences a step, however few there are
BATCH = 64  # and at most
SENTENCE = 60  # tokens that texts have on average, above which they are read three at a time
RATE = 2e-3  # of Adam
SENTENCE_RATE = 5e-3  # in few steps of few words each
SENTENCE_MEMBERS = 3

Filters = Annotated[int, Field(ge=1, le=8192)]
Pooling = Literal["last", "mean", "max", "attention"]

_FORECASTER = {one.name: one for one in dataclasses.fields(Settings)}
_size, _net, _head, _input = (partial(setting, group) for group in ("sizes", "net", "head", "input"))
_text, _rows = (partial(setting, group) for group in ("text", "rows"))


def same(name: str, default: Any = dataclasses.MISSING) -> Any:
    """The field of a setting that a forecaster has too: its name, group, meaning and source, maybe another default."""
    field = _FORECASTER[name]
    if default is dataclasses.MISSING:
        default = field.default
    return dataclasses.field(default=default, metadata=field.metadata)


@dataclass(frozen=True)
class NetSettings:
    """Settings of an LSTM or GRU that names sequences.

    None = chosen in `fit` from the number, the lengths and the kind of the sequences, and reported.
    """

    name: str = "lstm"
    cell: Literal["lstm", "gru"] = same("cell", "lstm")
    context: Count | None = _size(
        None, "rows or tokens read of a sequence; of a longer one an end is cut off"
    )
    keep: End = _size("last", "the end of a longer sequence that is read")
    segment: Count | None = _size(None, "rows or tokens that the net goes on by at each recurrent step")
    width: Count | None = _size(
        None,
        "rows or tokens that it sees at each of them: more than `segment` where these overlap",
        "Kim 2014",
    )
    filters: Filters | None = _size(None, "numbers that a recurrent step reads, made of these rows or tokens")
    units: Width | tuple[Width, ...] | None = _size(
        None, "width of the layers, of each direction; a list, [64, 32], stacks layers of these widths"
    )
    layers: Layers = same("layers")
    words: Count = _text(20_000, "words that are known at most, the most frequent of the training part")
    embedding: Filters | None = _text(None, "numbers that stand for a word", "Bengio et al. 2003")
    word_dropout: Share = _text(
        0.2, "share of the words of a training text that are read as unknown", "Iyyer et al. 2015"
    )
    vectors: str | None = _text(
        None, "a file of word vectors: a word and its numbers a line", "Pennington et al. 2014"
    )
    tuned: bool = _text(True, "whether such vectors are learned on, or stay as the file has them")
    dropout: Share | None = _net(
        None,
        "share of outputs zeroed before the head, and between layers; acts with one layer too",
        "Srivastava et al. 2014",
    )
    input_dropout: Share = same("input_dropout")
    recurrent_dropout: Share = same("recurrent_dropout")
    norm: Literal["none", "layer"] = _net("none", "normalises what enters each layer", "Ba et al. 2016")
    bidirectional: bool = _net(True, "reads each sequence from both of its ends", "Schuster and Paliwal 1997")
    init: Literal["default", "orthogonal", "glorot", "he"] = same("init")
    forget_bias: Finite | None = same("forget_bias")
    noise: NotNegative = _input(
        0.0, "spread of noise on each reading in training", "Um et al. 2017, jittering"
    )
    scaling: NotNegative = _input(
        0.0, "spread of the log of a random factor on each training sequence", "Um et al. 2017, scaling"
    )
    pooling: Pooling = _head(
        "max",
        "of the steps of a sequence: last is forwards the last joined with backwards the first, each of which has"
        " read all; mean, max or attention, a mean with learned weights, are over all steps",
        "Collobert and Weston 2008; Yang et al. 2016",
    )
    dense: tuple[Width, ...] = _head(
        (), "widths of hidden ReLU layers between the pooled states and the classes"
    )
    class_weight: Literal["none", "balanced"] = _head(
        "none",
        "of the loss: balanced lets each class weigh alike; the probabilities are brought back to the shares that"
        " the classes have",
        "King and Zeng 2001",
    )
    calibrated: bool = _head(
        True,
        "the sequences that judge the weights also choose a temperature, so that probabilities are as sure as they"
        " are right",
        "Guo et al. 2017",
    )
    optimiser: Literal["adamw", "adam", "rmsprop", "sgd"] = same("optimiser")
    learning_rate: Rate | None = same("learning_rate")
    momentum: Share | None = same("momentum")
    weight_decay: NotNegative = same("weight_decay")
    l1: NotNegative = same("l1")
    l2: NotNegative = same("l2")
    schedule: Literal["cosine", "constant", "exponential", "staircase", "plateau", "one-cycle"] = same(
        "schedule"
    )
    warmup: Share | None = same("warmup")
    batch: Count | None = _size(None, "sequences per step")
    steps: Count | None = same("steps")
    seconds: Positive | None = same("seconds")
    average: Share | None = same("average", None)
    clip: Positive = same("clip")
    clip_value: Positive | None = same("clip_value")
    patience: Count = same("patience")
    validation: Annotated[float, Field(gt=0, le=0.5)] = _rows(
        0.15,
        "share of the sequences that judges the weights: as many of each class, whole groups, or the last in time",
    )
    finish: Share = same("finish", 0.0)
    device: Literal["auto", "cpu", "cuda"] = same("device")
    members: Count | None = _rows(
        None,
        "nets of the seeds seed, seed + 1, ..., each judged by other sequences; the mean of their probabilities",
    )

    def __post_init__(self) -> None:
        """ForecastError where two settings contradict each other: nothing is accepted and then ignored."""
        for message in self._contradictions():
            raise ForecastError(f"{self.name}: {message}")

    def _contradictions(self) -> Iterator[str]:
        """What is wrong with each pair of settings that exclude each other, and what to do."""
        yield from about_layers(self.cell, self.units, self.layers, self.forget_bias)
        yield from about_steps(self.optimiser, self.weight_decay, self.momentum, self.schedule, self.warmup)
        if self.width is not None and self.width < (self.segment or 1):
            yield (
                f"width = {self.width}, but segment = {self.segment}: rows between would never be read."
                f" Take a width of at least {self.segment}."
            )
        if self.vectors is None and not self.tuned:
            yield "tuned is of word vectors from a file. Give `vectors`, or leave it out."

    def settle(self, lengths: Array, texts: bool) -> Self:
        """These settings with every size chosen.

        lengths (S,): rows or tokens that are read of each training sequence · texts: whether they are tokens.
        """
        if texts:
            return self._settled_for_texts(lengths)
        return self._settled_for_numbers(lengths)

    def _settled_for_texts(self, lengths: Array) -> Self:
        """A convolution of five words that goes on by three, as long as texts are long; each text is seen three times.

        Of sentences there is less to read: the net is smaller, faster, and one of several.
        """
        long = float(np.mean(lengths)) > SENTENCE
        segment = self.segment or (3 if long else 1)
        width = self.width or max(segment, 5 if long else 3)
        batch = self.batch or usual_batch(len(lengths))
        usual = max(STEPS, math.ceil(TEXT_EPOCHS * len(lengths) / batch))
        settled = self._sized(segment, width, batch, usual)
        return replace(
            settled,
            embedding=self.embedding or 64,
            filters=self.filters or (128 if long else 64),
            units=self.units or (128 if long else 64),
            dropout=0.5 if self.dropout is None else self.dropout,
            learning_rate=self.learning_rate or self._usual_rate(RATE if long else SENTENCE_RATE, usual),
            average=0.99 if self.average is None else self.average,
            members=self.members or (1 if long else SENTENCE_MEMBERS),
        )

    def _settled_for_numbers(self, lengths: Array) -> Self:
        """Segments so long that about READ of them are read; small files are seen more often, by several nets."""
        segment = self.segment or max(1, round(float(np.median(lengths)) / READ))
        width = self.width or segment
        batch = self.batch or usual_batch(len(lengths))
        steps = math.ceil(EPOCHS * len(lengths) / batch)
        usual = min(max(STEPS, steps), MOST_STEPS)
        settled = self._sized(segment, width, batch, usual)
        few = len(lengths) < FEW
        return replace(
            settled,
            filters=self.filters or 64,
            units=self.units or 64,
            dropout=0.3 if self.dropout is None else self.dropout,
            learning_rate=self.learning_rate or self._usual_rate(RATE, usual),
            average=0.98 if self.average is None else self.average,
            members=self.members or (MEMBERS if few else 1),
        )

    def _sized(self, segment: int, width: int, batch: int, steps: int) -> Self:
        """With sizes; steps: how many are usual."""
        return replace(self, segment=segment, width=width, batch=batch, steps=self.steps or steps)

    def _usual_rate(self, adams: float, usual: int) -> float:
        """The learning rate, where so many steps are usual. adams: that of Adam."""
        rate = adams * RATES[self.optimiser]
        if self.steps and self.hasty:
            rate *= haste(usual, self.steps)
        return rate

    @property
    def hasty(self) -> bool:
        """Whether fewer steps than usual take a higher rate: where it is open, and of an optimiser that norms its steps."""
        return self.learning_rate is None and self.optimiser != "sgd"

    @property
    def widths(self) -> tuple[int, ...]:
        """Units of each layer of settled settings."""
        if self.units is None:
            raise AssertionError("a size is read that `settle` has not chosen")
        if isinstance(self.units, tuple):
            return self.units
        return (self.units,) * self.layers

    def chosen(self, name: str) -> int:
        """A size of settled settings."""
        value = getattr(self, name)
        if value is None:
            raise AssertionError(f"`{name}` is read, and `settle` has not chosen it")
        return int(value)


def usual_batch(count: int) -> int:
    """Sequences a step: a power of two, so that all are read in BATCHES steps at least; LEAST_BATCH to BATCH."""
    part = max(LEAST_BATCH, count // BATCHES)
    return min(BATCH, 2 ** int(math.log2(part)))
