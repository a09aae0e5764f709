"""Which sequences are learned from, and which are tested: stratified, by whole groups, later in time, or as a file says."""

from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import Literal

import numpy as np

from forecast.arrays import Array
from forecast.data.findings import counted, listed
from forecast.errors import ForecastError
from forecast.sequences.labels import refuse_unlearnable
from forecast.sequences.parts import folds_by, parts_of
from forecast.sequences.values import UNKNOWN, Sequences

SHARE = 0.2  # of the sequences that are tested, unless another is given


@dataclass(frozen=True)
class Split:
    """How sequences become parts.

    kind: share, stratified at random, whole groups together; kfold, `folds` such parts, each tested once; time, the last
    `share` of the moments; file, the sequences of a second file.
    """

    kind: Literal["share", "kfold", "time", "file"] = "share"
    share: float = SHARE
    folds: int = 1
    file: str = ""

    @property
    def words(self) -> str:
        """How the test part was chosen."""
        if self.kind == "kfold":
            return f"{self.folds} parts, each tested once by what was learned from the others"
        if self.kind == "time":
            return f"the last {self.share:.0%} in time"
        if self.kind == "file":
            return f"the sequences of {self.file}"
        return f"a share of {self.share:.0%}, stratified"


@dataclass(frozen=True, eq=False)
class Fold:
    """Places of sequences: train (n,) are learned from, test (m,) are scored.

    copies (c,): places of sequences of the test part that are in the training part too, and so are no test; they are not
    among `test`.
    """

    index: int
    train: Array
    test: Array
    copies: Array


def split_of(text: str) -> Split:
    """What `split` says: a share (0.2), kfold:5, time, time:0.3, or the path of a file; ForecastError where it is none."""
    name, _, value = text.partition(":")
    if name == "kfold":
        return Split("kfold", folds=_whole(text, value))
    if name == "time":
        return Split("time", share=_share(text, value) if value else SHARE)
    try:
        float(text)
    except ValueError:
        return Split("file", file=text)
    return Split("share", share=_share(text, text))


def _whole(text: str, value: str) -> int:
    """A number of folds."""
    if not value.isdigit() or int(value) < 2:
        raise ForecastError(
            f"`split={text}` asks for no number of parts: give at least two, such as `split=kfold:5`."
        )
    return int(value)


def _share(text: str, value: str) -> float:
    """A share between 0 and 1."""
    try:
        share = float(value)
    except ValueError:
        share = 0.0
    if not 0 < share < 1:
        raise ForecastError(f"`split={text}` is no share between 0 and 1, such as `split=0.2`.")
    return share


def folds_of(
    read: Sequences, split: Split, *, seed: int, straddle: bool = False, train: int = 0
) -> list[Fold]:
    """The folds of labelled sequences, one unless `split` has several.

    train: of a split by file, how many sequences stand before those of the test file. straddle: a group may be in both
    parts. Raises ForecastError where there are no classes to learn, where one would not be learned from, where a group is
    in both parts, and where the split needs what the sequences do not have.
    """
    refuse_unlearnable(read)
    pairs = _pairs(read, split, seed, train)
    prints = fingerprints(read)
    folds = []
    for index, (learned, tested) in enumerate(pairs):
        _refuse_absent(read, learned, tested)
        if not straddle:
            _refuse_straddling(read, learned, tested)
        again = np.isin(prints[tested], prints[learned])
        if again.all():
            raise ForecastError(
                f"All {counted(len(tested), 'sequence')} of the test part are in the training part too: nothing is left"
                f" to test. Give another `split`, or remove the copies."
            )
        folds.append(Fold(index, learned, tested[~again], tested[again]))
    return folds


def _pairs(read: Sequences, split: Split, seed: int, train: int) -> list[tuple[Array, Array]]:
    """(training part, test part) of each fold, as places."""
    if split.kind == "file":
        return [(np.arange(train), np.arange(train, len(read)))]
    if split.kind == "time":
        return [_by_time(read, split.share)]
    units = read.labels if read.groups is None else read.groups
    if split.kind == "kfold":
        _refuse_too_many(read, split.folds)
        sizes = np.full(split.folds, 1 / split.folds)
    else:
        sizes = np.array([1 - split.share, split.share])
        if read.groups is not None and len(np.unique(units)) < 2:
            raise ForecastError(
                "All sequences are of one group, so no group is left to test. Name another column with `group`, or leave"
                " it out."
            )
    parts = parts_of(read.labels, read.groups, sizes, seed)
    held = np.arange(split.folds) if split.kind == "kfold" else np.array([1])
    folds = folds_by(parts, held)
    if any(not len(tested) or not len(learned) for learned, tested in folds):
        raise ForecastError(
            f"`split={split.kind}` leaves a part without a sequence: there are {counted(len(read), 'sequence')}"
            f"{_of_groups(read)}. Give a larger share, or fewer parts."
        )
    return folds


def _of_groups(read: Sequences) -> str:
    """How many groups there are, where there are some."""
    return "" if read.groups is None else f" in {counted(len(np.unique(read.groups)), 'group')}"


def _refuse_too_many(read: Sequences, folds: int) -> None:
    """ForecastError where there are more parts than members of the smallest class, or than groups."""
    counts = np.bincount(read.labels, minlength=len(read.classes))
    smallest = int(counts.argmin())
    if folds > counts[smallest]:
        raise ForecastError(
            f"`split=kfold:{folds}` asks for more parts than class {read.classes[smallest]} has members"
            f" ({counts[smallest]}). Give at most `split=kfold:{max(2, counts[smallest])}`."
        )
    if read.groups is not None and folds > len(np.unique(read.groups)):
        found = len(np.unique(read.groups))
        raise ForecastError(
            f"`split=kfold:{folds}` asks for more parts than there are groups ({found}). Give at most"
            f" `split=kfold:{found}`."
        )


def _by_time(read: Sequences, share: float) -> tuple[Array, Array]:
    """The sequences before a moment, and those from it on, about `share` of all; what ends at once stays together."""
    if read.moments is None:
        raise ForecastError(
            "A split by time needs to know when each sequence was: name its column with `time`."
        )
    order = np.sort(read.moments)
    cut = order[min(len(order) - 1, int(np.ceil(len(order) * (1 - share))))]
    later = read.moments >= cut
    if later.all():
        raise ForecastError(
            "All sequences end at one moment, so none is later than the others. Give another column with `time`, or"
            " another `split`."
        )
    return np.flatnonzero(~later), np.flatnonzero(later)


def _refuse_absent(read: Sequences, learned: Array, tested: Array) -> None:
    """ForecastError where a class is in no sequence that is learned from."""
    counts = np.bincount(read.labels[learned], minlength=len(read.classes))
    absent = [read.classes[place] for place in np.flatnonzero(counts == 0)]
    if absent:
        groups = " With groups a class must be in several of them." if read.groups is not None else ""
        raise ForecastError(
            f"No sequence of class {listed(absent)} is in the training part of this split, so it cannot be learned."
            f"{groups} Give another `split`."
        )


def _refuse_straddling(read: Sequences, learned: Array, tested: Array) -> None:
    """ForecastError where a group is in both parts."""
    both = straddling(read, learned, tested)
    if len(both):
        names = [read.group_names[place] if read.group_names else str(place) for place in both]
        raise ForecastError(
            f"{counted(len(both), 'group')} of column {read.layout.group!r} {'is' if len(both) == 1 else 'are'} in both"
            f" parts of this split ({listed(names)}), so the score would be that of known groups. Give another `split`,"
            f" or allow it with `straddle`."
        )


def straddling(read: Sequences, learned: Array, tested: Array) -> Array:
    """The groups (g,) that are in both parts."""
    if read.groups is None:
        return np.zeros(0, "int64")
    return np.intersect1d(read.groups[learned], read.groups[tested])


def fingerprints(read: Sequences) -> Array:
    """A hash (S,) of what each sequence holds; texts that differ in blanks and capitals alone have the same."""
    if read.kind == "texts":
        contents = [" ".join(text.casefold().split()).encode() for text in read.texts]
    else:
        values = np.where(np.isnan(read.values), np.nan, read.values + 0.0)  # one NaN and one zero
        contents = [np.ascontiguousarray(values[a:b]).tobytes() for a, b in _bounds(read)]
    return np.array(
        [int.from_bytes(blake2b(content, digest_size=8).digest(), "little") for content in contents]
    )


def _bounds(read: Sequences) -> list[tuple[int, int]]:
    """The first row and the one after the last of each sequence."""
    return list(zip(read.offsets[:-1].tolist(), read.offsets[1:].tolist(), strict=True))


def joined(train: Sequences, test: Sequences) -> Sequences:
    """The sequences of two files as one, those of the test file last; classes, groups and columns go by their names.

    Raises ForecastError where the files hold other columns, or the test file a class that the training file does not have.
    """
    if train.kind != test.kind or train.columns != test.columns:
        raise ForecastError(
            f"The test file of `split` holds {_held(test)}, and the training file {_held(train)}. Give files of one kind."
        )
    strange = [name for name in test.classes if name not in train.classes]
    if strange:
        raise ForecastError(
            f"The test file of `split` has a class that the training file does not have: {listed(strange)}. Nothing can"
            f" be learned of it."
        )
    places = np.array([*(train.classes.index(name) for name in test.classes), UNKNOWN])
    group_names, groups = _joined_groups(train, test)
    both = (train.moments, test.moments)
    moments = None if both[0] is None or both[1] is None else np.concatenate([both[0], both[1]])
    return replace(
        train,
        ids=train.ids + test.ids,
        values=np.concatenate([train.values, test.values]),
        offsets=np.concatenate([train.offsets, test.offsets[1:] + train.offsets[-1]]),
        texts=train.texts + test.texts,
        labels=np.concatenate([train.labels, places[test.labels]]),
        groups=groups,
        group_names=group_names,
        moments=moments,
    )


def _held(read: Sequences) -> str:
    """What sequences are made of, in words."""
    return "texts" if read.kind == "texts" else f"the columns {listed(read.columns, 12)}"


def _joined_groups(train: Sequences, test: Sequences) -> tuple[tuple[str, ...], Array | None]:
    """The names and numbers of the groups of two files."""
    if train.groups is None or test.groups is None:
        return (), None
    names = tuple(dict.fromkeys((*train.group_names, *test.group_names)))
    places = np.array([names.index(name) for name in test.group_names])
    return names, np.concatenate([train.groups, places[test.groups]])
