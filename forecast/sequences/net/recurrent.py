"""LSTM and GRU as classifiers of sequences: the spec, and what a fit learned."""

import copy
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, ClassVar, Literal, Self

import numpy as np
import torch
from torch import Tensor, nn

from forecast.arrays import Array, under
from forecast.errors import ForecastError
from forecast.models.base import OtherSettingsError, Watch
from forecast.models.nets.members import train_members
from forecast.models.nets.recurrent import device_of
from forecast.models.nets.settings import RATES
from forecast.models.nets.space import suggested_rate, suggested_sizes
from forecast.models.nets.training import History, Training, seeded, teach, within
from forecast.results import Log
from forecast.sequences.base import Held
from forecast.sequences.calibrating import settled
from forecast.sequences.judges import folds_of
from forecast.sequences.net.batches import Steps
from forecast.sequences.net.lessons import SequenceLessons, Split, shares_of, weighted, whole_shares
from forecast.sequences.net.net import Net
from forecast.sequences.net.notes import about_fit, about_no_judge, about_texts, about_vectors
from forecast.sequences.net.reading import NumbersRead, Read, TextsRead, learn_numbers, read_of
from forecast.sequences.net.settings import RATE, NetSettings, same
from forecast.sequences.net.vectors import Vectors, read_vectors
from forecast.sequences.text import learn_vocabulary
from forecast.sequences.values import Sequences
from forecast.workers import one_thread

SIZES = ("segment", "width", "filters", "units", "embedding")  # what a net is built of, among the settings


@dataclass(frozen=True)
class Recurrent(NetSettings):
    """The spec of an LSTM or GRU that names sequences: its settings, how they are fitted and restored."""

    kinds: ClassVar[tuple[str, ...]] = ("numbers", "texts")

    def fit(self, past: Sequences, *, seed: int, watch: Watch) -> "LearnedNets":
        """Train on sequences all of which have a label.

        Vocabulary, scaling, sizes, the part that judges and the temperature are learned here, from `past` alone.
        """
        begun = time.process_time()
        with one_thread():
            made = self._prepared(past, seed).train(watch, self.hasty)
        spent = made.log.seconds + time.process_time() - begun
        return replace(made, log=replace(made.log, seconds=spent))

    def restore(
        self, arrays: dict[str, Array], values: dict[str, Any], classes: tuple[str, ...]
    ) -> "LearnedNets":
        """The nets whose `arrays()` and `values()` these are; OtherSettingsError where they do not fit these settings."""
        read = read_of(under(arrays, "read."), values["read"])
        sizes = {name: _size(size) for name, size in values["sizes"].items()}
        sized = replace(self, **{name: size for name, size in sizes.items() if getattr(self, name) is None})
        table = None
        if "vectors" in arrays:
            table = torch.from_numpy(arrays["vectors"])
        nets = []
        for member in range(values["members"]):
            saved = {
                name: torch.from_numpy(array) for name, array in under(arrays, f"member.{member}.").items()
            }
            net = sized.net(read, len(classes), torch.ones(len(classes)), table)
            sized.check_twin(net, saved)
            net.load_state_dict(saved)
            nets.append(net)
        device = device_of(self.name, self.device)
        return LearnedNets(sized, read, classes, _in_use(nets, device), Log(), table)

    def space(self, trial: Any) -> Self:
        """These settings with the units, layers, dropout and learning rate that an Optuna trial suggests."""
        tried = suggested_sizes(self.units, self.layers, trial)
        tried["dropout"] = trial.suggest_float("dropout", 0.0, max(0.6, self.dropout or 0.0))
        usual = RATE * RATES[self.optimiser]
        tried["learning_rate"] = suggested_rate(self.learning_rate or usual, self.optimiser, trial)
        return replace(self, **tried)

    def net(self, read: Read, classes: int, weights: Tensor, table: Tensor | None) -> Net:
        """A net of settled settings, with new weights."""
        columns = 0
        words = 0
        if isinstance(read, NumbersRead):
            columns = len(read.columns)
        else:
            words = len(read.vocabulary)
        return Net(self, columns, words, classes, weights, table)

    def check_twin(self, net: Net, saved: dict[str, Tensor]) -> None:
        """OtherSettingsError unless saved weights have the names and shapes of those of a net."""
        wanted = {name: tuple(weight.shape) for name, weight in net.state_dict().items()}
        found = {name: tuple(weight.shape) for name, weight in saved.items()}
        if wanted == found:
            return
        wrong, _ = sorted(set(wanted.items()) ^ set(found.items()))[0]
        raise OtherSettingsError(
            f"The saved {self.name} does not fit its settings: {wrong} is {found.get(wrong)}, not {wanted.get(wrong)}."
        )

    def _prepared(self, past: Sequences, seed: int) -> "_Prepared":
        """All that is known before a net is trained."""
        if past.kind == "numbers":
            numbers = learn_numbers(past, self.context, self.keep)
            steps = numbers.read(past)
            sized = self.settle(steps.lengths, texts=False)
            return _Prepared(sized, past, seed, numbers, steps)
        vocabulary, texts = learn_vocabulary(past.texts, self.words, self.context, self.keep)
        read = TextsRead(vocabulary)
        steps = read.read(past)
        sized = self.settle(steps.lengths, texts=True)
        notes = [about_texts(self.name, vocabulary, texts)]
        if self.vectors is None:
            return _Prepared(sized, past, seed, read, steps, notes=tuple(notes))
        vectors = read_vectors(self.vectors, vocabulary, seed)
        notes.append(about_vectors(self, vectors, len(vocabulary.words)))
        sized = replace(sized, embedding=self._width(vectors))
        table = torch.from_numpy(vectors.table)
        return _Prepared(sized, past, seed, read, steps, table, tuple(notes))

    def _width(self, vectors: Vectors) -> int:
        """How many numbers stand for a word, as the file has it."""
        width = vectors.table.shape[1]
        if self.embedding not in (None, width):
            raise ForecastError(
                f"`{self.name}.embedding={self.embedding}`, but {self.vectors} has {width} numbers a word."
                f" Leave `{self.name}.embedding` out."
            )
        return width


@dataclass(frozen=True)
class Lstm(Recurrent):
    """The row `lstm` of the table."""


@dataclass(frozen=True)
class Gru(Recurrent):
    """The row `gru` of the table."""

    name: str = "gru"
    cell: Literal["lstm", "gru"] = same("cell", "gru")


@dataclass(frozen=True, eq=False)
class _Prepared:
    """What a fit knows before a net is trained: settled settings, what is read and how, vectors of a file, notes."""

    sized: Recurrent
    past: Sequences
    seed: int
    read: Read
    steps: Steps
    table: Tensor | None = None
    notes: tuple[str, ...] = ()

    @cached_property
    def folds(self) -> Array:
        """Which sequences judge which members (S,)."""
        return folds_of(self.past, self.sized.validation, self.seed)

    @cached_property
    def weights(self) -> Tensor:
        """What the loss weighs each class by (K,)."""
        return _weights(self.past.labels, len(self.past.classes), self.sized.class_weight)

    @property
    def device(self) -> torch.device:
        """Where the nets compute."""
        return device_of(self.sized.name, self.sized.device)

    def net(self, member: int, first: list[float]) -> Net:
        """The net of a member, untrained."""
        made = self.sized.net(self.read, len(self.past.classes), self.weights, self.table)
        return made.to(self.device)

    def lessons(self, member: int) -> SequenceLessons:
        """What teaches a member, and what judges it."""
        split = _split(self.folds, member)
        size = self.sized.chosen("batch")
        seed = self.seed + member
        return SequenceLessons(self.steps, self.past.labels, split, size=size, seed=seed, device=self.device)

    def train(self, watch: Watch, hasty: bool) -> "LearnedNets":
        """Train the members, each judged by a fold of its own; hasty: as in `within`."""
        sized = self.sized
        how = self._affordable(self._how(), hasty)

        def trained(member: int, net: Net, inner: Watch) -> History:
            return teach(net, self.lessons(member), how, inner)

        made = train_members(self.net, sized.chosen("members"), trained, self.seed, watch)
        nets = _in_use(made.nets, self.device)
        notes = [*self.notes, about_fit(sized, nets, made.histories, how, self.lessons(0))]
        if self.folds.max() < 0:
            notes.append(about_no_judge(sized))
        log = Log(tuple(notes), _joined(made.histories, how.steps), made.seconds)
        held = None
        if not how.finish and self.folds.max() >= 0:
            held = self._held(nets)
        return LearnedNets(sized, self.read, self.past.classes, nets, log, self.table, held)

    def _affordable(self, how: Training, hasty: bool) -> Training:
        """With as many steps as the CPU seconds that are allowed suffice for, where there is such a limit."""
        if self.sized.seconds is None:
            return how
        each = self.sized.seconds / self.sized.chosen("members")
        with seeded(self.seed):
            lessons = self.lessons(0)
            return within(each, self.net(0, []), lambda step: lessons.draw(step, False), how, hasty)

    def _how(self) -> Training:
        """How the nets are trained."""
        sized = self.sized
        steps = sized.chosen("steps")
        return Training(
            steps=steps,
            finish=round(sized.finish * steps),
            batch=sized.chosen("batch"),
            learning_rate=sized.learning_rate or 0.0,
            weight_decay=sized.weight_decay,
            clip=sized.clip,
            average=sized.average or 0.0,
            loss=weighted(self.weights),
            patience=sized.patience,
            half=False,
            optimiser=sized.optimiser,
            momentum=0.9 if sized.momentum is None else sized.momentum,
            l1=sized.l1,
            l2=sized.l2,
            clip_value=sized.clip_value,
            schedule=sized.schedule,
            warmup=sized.warmup,
            shrink=sized.calibrated,
        )

    def _held(self, nets: Sequence[Net]) -> Held:
        """What each net gives the sequences that judged it, and that it has not learned from."""
        count = len(self.past)
        own = np.full(count, -1)
        shares = np.full((count, len(self.past.classes)), np.nan)
        for member, net in enumerate(nets):
            judged = _split(self.folds, member).judge
            fresh = judged[own[judged] < 0]
            own[fresh] = self.folds[fresh]
            if len(fresh):
                shares[fresh] = shares_of(net, self.steps, fresh, self.device)
        return Held(own, shares)


@dataclass(frozen=True, eq=False)
class LearnedNets:
    """Trained nets in double precision, in which a sequence's probability hardly depends on the others it is asked with.

    table: vectors from a file · held: what was given to the sequences that judged, None where they taught in the end.
    """

    sized: Recurrent
    read: Read
    classes: tuple[str, ...]
    nets: tuple[Net, ...]
    log: Log
    table: Tensor | None = None
    held: Held | None = None

    def shares(self, sequences: Sequences) -> Array:
        """Probabilities (S, K): the mean of the members, rounded so far that the company of a sequence does not count."""
        if not len(sequences):
            return np.empty((0, len(self.classes)))
        with one_thread():
            steps = self.read.read(sequences)
            device = device_of(self.sized.name, self.sized.device)
            return settled(whole_shares(self.nets, steps, device))

    def tokens(self, sequences: Sequences) -> Array:
        """How many of the words that are read of each text are known, and how many are not, int64 (S, 2)."""
        if not isinstance(self.read, TextsRead):
            return np.zeros((len(sequences), 2), "int64")
        found = [self.read.vocabulary.known(text) for text in sequences.texts]
        return np.array(found, "int64").reshape(-1, 2)

    def arrays(self) -> dict[str, Array]:
        """Weights, scaling, and vectors that stay as a file has them."""
        made = {f"read.{name}": array for name, array in self.read.arrays().items()}
        for member, net in enumerate(self.nets):
            for name, weight in net.state_dict().items():
                made[f"member.{member}.{name}"] = weight.float().cpu().numpy()
        if self.table is not None and not self.sized.tuned:
            made["vectors"] = self.table.numpy()
        return made

    def values(self) -> dict[str, Any]:
        """Sizes, vocabulary, columns, number of members."""
        sizes = {name: getattr(self.sized, name) for name in SIZES}
        return {"sizes": sizes, "members": len(self.nets), "read": self.read.values()}


def _split(folds: Array, member: int) -> Split:
    """The sequences that teach a member, and those that judge it: each member another fold, while there are enough.

    Where no fold may judge, as with two sequences of two classes, all do both.
    """
    count = int(folds.max()) + 1
    if not count:
        everyone = np.arange(len(folds))
        return Split(everyone, everyone)
    fold = member % count
    return Split(np.flatnonzero(folds != fold), np.flatnonzero(folds == fold))


def _weights(labels: Array, classes: int, kind: str) -> Tensor:
    """What the loss weighs each class by, (K,): 1, or so much that all classes weigh alike; over all labels 1 on average."""
    counts = np.bincount(labels, minlength=classes)
    weights = np.ones(classes)
    if kind == "balanced":
        weights = len(labels) / (classes * np.maximum(counts, 1))
    return torch.tensor(weights, dtype=torch.float32)


def _in_use(nets: Sequence[nn.Module], device: torch.device) -> tuple[Net, ...]:
    """Copies of nets that answer: in double precision, without dropout."""
    return tuple(copy.deepcopy(net).double().to(device).eval() for net in nets)  # type: ignore[misc]


def _size(value: Any) -> Any:
    """A size as JSON has it: a list of widths is a tuple."""
    return tuple(value) if isinstance(value, list) else value


def _joined(histories: Sequence[History], steps: int) -> tuple[tuple[int, float, float], ...]:
    """The histories of members one after another, each of which has so many steps."""
    rows = []
    for member, history in enumerate(histories):
        for step, loss, value in history:
            rows.append((member * steps + step, loss, value))
    return tuple(rows)
