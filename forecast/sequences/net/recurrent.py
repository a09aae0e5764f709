"""LSTM and GRU as classifiers of sequences: the spec, and what a fit learned."""

import copy
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from forecast.arrays import Array, under
from forecast.errors import ForecastError
from forecast.models.base import OtherSettingsError, Watch
from forecast.models.nets.members import train_members
from forecast.models.nets.recurrent import device_of
from forecast.models.nets.training import History, Training, seeded, teach, within
from forecast.results import Log
from forecast.sequences.base import Held
from forecast.sequences.calibrating import settled
from forecast.sequences.judges import folds_of
from forecast.sequences.net.batches import Steps
from forecast.sequences.net.lessons import SequenceLessons, Split, shares_of, weighted, whole_shares
from forecast.sequences.net.net import Net
from forecast.sequences.net.notes import about_fit, about_texts, about_vectors
from forecast.sequences.net.reading import NumbersRead, Read, TextsRead, learn_numbers, read_of
from forecast.sequences.net.settings import NetSettings
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
            made = self._prepared(past, seed).train(seed, watch, self.hasty)
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
            return _Prepared(self.settle(steps.lengths, texts=False), past, numbers, steps, None, ())
        vocabulary, texts = learn_vocabulary(past.texts, self.words, self.context, self.keep)
        read = TextsRead(vocabulary)
        steps = read.read(past)
        sized = self.settle(steps.lengths, texts=True)
        notes = [about_texts(self.name, vocabulary, texts)]
        if self.vectors is None:
            return _Prepared(sized, past, read, steps, None, tuple(notes))
        vectors = read_vectors(self.vectors, vocabulary, seed)
        notes.append(about_vectors(self, vectors, len(vocabulary.words)))
        sized = replace(sized, embedding=self._width(vectors))
        return _Prepared(sized, past, read, steps, torch.from_numpy(vectors.table), tuple(notes))

    def _width(self, vectors: Vectors) -> int:
        """How many numbers stand for a word, as the file has it."""
        width = vectors.table.shape[1]
        if self.embedding not in (None, width):
            raise ForecastError(
                f"`{self.name}.embedding={self.embedding}`, but {self.vectors} has {width} numbers a word."
                f" Leave `{self.name}.embedding` out."
            )
        return width


@dataclass(frozen=True, eq=False)
class _Prepared:
    """What a fit knows before a net is trained: settled settings, what is read and how, vectors of a file, notes."""

    sized: Recurrent
    past: Sequences
    read: Read
    steps: Steps
    table: Tensor | None
    notes: tuple[str, ...]

    def train(self, seed: int, watch: Watch, hasty: bool) -> "LearnedNets":
        """Train the members, each judged by a fold of its own; hasty: as in `within`."""
        sized = self.sized
        past = self.past
        device = device_of(sized.name, sized.device)
        weights = _weights(past.labels, len(past.classes), sized.class_weight)
        folds = folds_of(past, sized.validation, seed)
        how = self._how(weights)

        def net_of(member: int, first: list[float]) -> Net:
            return sized.net(self.read, len(past.classes), weights, self.table).to(device)

        def lessons_of(member: int) -> SequenceLessons:
            split = _split(folds, member)
            size = sized.chosen("batch")
            return SequenceLessons(
                self.steps, past.labels, split, size=size, seed=seed + member, device=device
            )

        def trained(member: int, net: Net, inner: Watch) -> History:
            return teach(net, lessons_of(member), how, inner)

        members = sized.chosen("members")
        if sized.seconds is not None:
            with seeded(seed):
                lessons = lessons_of(0)
                each = sized.seconds / members
                how = within(each, net_of(0, []), lambda step: lessons.draw(step, False), how, hasty)
        made = train_members(net_of, members, trained, seed, watch)
        nets = _in_use(made.nets, device)
        note = about_fit(sized, nets, made.histories, how, lessons_of(0))
        log = Log((*self.notes, note), _joined(made.histories, how.steps), made.seconds)
        held = None
        if not how.finish:
            held = self._held(nets, folds, device)
        return LearnedNets(sized, self.read, past.classes, nets, log, self.table, held)

    def _how(self, weights: Tensor) -> Training:
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
            loss=weighted(weights),
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

    def _held(self, nets: Sequence[Net], folds: Array, device: torch.device) -> Held:
        """What each net gives the sequences that judged it, and that it has not learned from."""
        own = np.full(len(folds), -1)
        shares = np.full((len(folds), len(self.past.classes)), np.nan)
        for member, net in enumerate(nets):
            judged = _split(folds, member).judge
            fresh = judged[own[judged] < 0]
            own[fresh] = folds[fresh]
            if len(fresh):
                shares[fresh] = shares_of(net, self.steps, fresh, device)
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
    """The sequences that teach a member, and those that judge it: each member another fold, while there are enough."""
    fold = member % (int(folds.max()) + 1)
    judge = np.flatnonzero(folds == fold)
    if fold >= 0:
        return Split(np.flatnonzero(folds != fold), judge)
    everyone = np.arange(len(folds))
    return Split(everyone, everyone)


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
