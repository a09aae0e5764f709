"""A classifier that has learned, as a value: it names new sequences, and is saved as one file without pickle."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from forecast.arrays import Array
from forecast.data.findings import listed
from forecast.errors import ForecastError, nearest
from forecast.files import load_arrays, save_arrays
from forecast.models.base import Watch
from forecast.records import from_json, to_json
from forecast.replacing import settle
from forecast.results import Log
from forecast.sequences.base import Classifier, CountsWords, Named
from forecast.sequences.labels import refuse_unlearnable
from forecast.sequences.layout import Layout
from forecast.sequences.moving import Moves, moves
from forecast.sequences.states import SequenceStates, states_of
from forecast.sequences.table import classifier, classifier_from, settings_of
from forecast.sequences.values import UNKNOWN, Sequences
from forecast.workers import one_thread

FORMAT = "classes-1"  # of model files; changed when an older one can no longer be read


@dataclass(frozen=True)
class Header:
    """What stands in a model file beside its arrays.

    model: settings, and as "model" the name · values: everything learned that is no array · kind: numbers or texts ·
    classes, columns: as in Sequences · layout: how the file was read.
    """

    format: str
    model: dict[str, Any]
    values: dict[str, Any]
    kind: str
    classes: tuple[str, ...]
    columns: tuple[str, ...]
    layout: Layout
    log: Log


@dataclass(frozen=True, eq=False)
class Trained:
    """A classifier with what it learned: `name(sequences)` gives labels and probabilities."""

    classifier: Classifier
    learned: Named
    kind: str
    classes: tuple[str, ...]
    columns: tuple[str, ...]
    layout: Layout
    log: Log

    def shares(self, read: Sequences) -> Array:
        """The probability (S, K) of each class; ForecastError where the sequences are not of the kind it learned."""
        _refuse_other_kind(self, read)
        with one_thread():
            made = self.learned.shares(read)
        _refuse_no_shares(self.classifier.name, made)
        return made

    def name(self, read: Sequences) -> pd.DataFrame:
        """A row per sequence: id, label, probability of it, that of each class, p_<class>; of texts known and unknown words."""
        shares = self.shares(read)
        best = shares.argmax(1)
        frame = pd.DataFrame(
            {
                "id": list(read.ids),
                "label": [self.classes[place] for place in best],
                "probability": shares[np.arange(len(shares)), best],
            }
        )
        for place, name in enumerate(self.classes):
            frame[f"p_{name}"] = shares[:, place]
        if read.kind == "texts" and isinstance(self.learned, CountsWords):
            words = self.learned.tokens(read)
            frame["known"] = words[:, 0]
            frame["unknown"] = words[:, 1]
        return frame

    def moves(self, read: Sequences, label: str | None = None) -> list[Moves]:
        """What moved the probability of a class for each sequence, by default of the class that it is named.

        Raises ForecastError as `shares`, and where there is no such class.
        """
        if label is not None and label not in self.classes:
            raise ForecastError(f"There is no class {label!r}.{nearest(label, self.classes)}")
        named = self.shares(read).argmax(1)
        made = []
        for place in range(len(read)):
            wanted = int(named[place]) if label is None else self.classes.index(label)
            with one_thread():
                made.append(moves(self.learned, self.classes, read, place, wanted))
        return made

    def states(self, read: Sequences, *, member: int = 0) -> list[SequenceStates]:
        """Gates and states of a net over each sequence: `trained.states(read)[0].layer().read["forget"]`.

        member: which of its nets. Raises ForecastError as `shares`, for a model that is no net, and a member it has not.
        """
        _refuse_other_kind(self, read)
        name = self.classifier.name
        return [states_of(name, self.learned, read, place, member) for place in range(len(read))]


def train(model: str | Classifier, past: Sequences, *, seed: int = 0, watch: Watch | None = None) -> Trained:
    """Fit a classifier on labelled sequences; nothing else reaches it.

    Raises ForecastError where it cannot read their kind, and where they cannot be learned from.
    """
    made = classifier(model) if isinstance(model, str) else model
    refuse_unlearnable(past)
    if past.kind not in made.kinds:
        raise ForecastError(
            f"{made.name} reads {' and '.join(made.kinds)}, and these sequences are {past.kind}."
        )
    with one_thread():
        learned = made.fit(past, seed=seed, watch=watch or Watch())
    return Trained(made, learned, past.kind, past.classes, past.columns, past.layout, learned.log)


def save(trained: Trained, path: str | Path) -> None:
    """One safetensors file: arrays, and all else as a JSON header. No pickle, and nothing that runs on loading."""
    header = Header(
        format=FORMAT,
        model=settings_of(trained.classifier),
        values=trained.learned.values(),
        kind=trained.kind,
        classes=trained.classes,
        columns=trained.columns,
        layout=trained.layout,
        log=replace(trained.log, seconds=0.0),  # the file depends on the fit alone, not on how long it took
    )
    save_arrays(Path(path), trained.learned.arrays(), to_json(header, exact=True))


def load(path: str | Path) -> Trained:
    """A saved classifier, from its file or from the folder of a run; ForecastError where there is none, or it is damaged."""
    path = Path(path)
    settle(path)
    file = path / "model.safetensors" if path.is_dir() else path
    if not file.exists():
        raise ForecastError(f"There is no model {file}: the run is not finished, or it is no run folder.")
    arrays, values = load_arrays(file)
    if values.get("format") != FORMAT:
        raise ForecastError(f"{file} is no model of classes that this version reads. Fit it again.")
    header = from_json(Header, values, str(file))
    made = classifier_from(header.model)
    learned = made.restore(arrays, header.values, header.classes)
    return Trained(made, learned, header.kind, header.classes, header.columns, header.layout, header.log)


def texts(said: Sequence[str], layout: Layout | None = None) -> Sequences:
    """Texts as sequences without labels."""
    count = len(said)
    return Sequences(
        ids=tuple(str(place + 1) for place in range(count)),
        columns=(),
        values=np.zeros((0, 0)),
        offsets=np.zeros(count + 1, "int64"),
        texts=tuple(said),
        classes=(),
        labels=np.full(count, UNKNOWN),
        layout=layout or Layout(form="texts"),
    )


def _refuse_other_kind(trained: Trained, read: Sequences) -> None:
    """ForecastError where sequences are not of the kind or the columns that were learned."""
    if not len(read):
        raise ForecastError("There is no sequence to name.")
    name = trained.classifier.name
    if read.kind != trained.kind:
        raise ForecastError(f"{name} was fitted on {trained.kind}, and what is to be named is {read.kind}.")
    if read.columns != trained.columns:
        raise ForecastError(
            f"{name} was fitted on the columns {listed(trained.columns, 12)}, and what is to be named has"
            f" {listed(read.columns, 12)}."
        )


def _refuse_no_shares(name: str, shares: Array) -> None:
    """ForecastError where a model gives what is no probability."""
    if not np.isfinite(shares).all() or (shares < 0).any() or not np.allclose(shares.sum(1), 1, atol=1e-6):
        raise ForecastError(
            f"{name} gives shares that are no probabilities: look for extreme values in its columns, or leave it out."
        )
