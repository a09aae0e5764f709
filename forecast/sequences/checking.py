"""What is in a labelled file: lengths, classes, missing values, copies, words, and groups that a split would tear apart."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from forecast.arrays import Array
from forecast.data.findings import Finding, Report, counted, listed
from forecast.records import to_json
from forecast.sequences.plan import Naming
from forecast.sequences.splits import Fold, fingerprints, folds_of, straddling
from forecast.sequences.text import learn_vocabulary, words_of
from forecast.sequences.values import Sequences

WORDS = 20_000  # of a vocabulary by which unknown words are counted


@dataclass(frozen=True)
class Lengths:
    """Steps or words of the sequences: the shortest, half, 95 % and all have at most so many."""

    shortest: int
    median: int
    most: int
    longest: int


@dataclass(frozen=True)
class Words:
    """Of texts: the vocabulary of the training part next to the test part.

    words: that it has · length: words that are read of a text · cut: share of the texts that are longer · unknown: share
    of the words of the test part that it does not have.
    """

    words: int
    length: int
    cut: float
    unknown: float


@dataclass(frozen=True)
class Checked:
    """A labelled file in short, and what was found in it.

    classes: members of each · missing: share of the values · copies: sequences that are there more than once ·
    contradicting: of these, such with several labels · straddling: groups that the split would have in both parts ·
    train, test: sequences of each part (of several folds, the first).
    """

    sequences: int
    kind: str
    columns: tuple[str, ...]
    classes: dict[str, int]
    lengths: Lengths
    missing: float
    copies: int
    contradicting: int
    groups: int
    straddling: int
    train: int
    test: int
    words: Words | None
    findings: tuple[Finding, ...]

    def to_json(self) -> dict[str, Any]:
        """One object of plain numbers."""
        found: dict[str, Any] = to_json(self)
        return found

    def __str__(self) -> str:
        noun = "texts" if self.kind == "texts" else "sequences"
        return f"{self.sequences:,} {noun} of {len(self.classes)} classes; the split learns from {self.train:,} and tests {self.test:,}"


def check_sequences(plan: Naming) -> Checked:
    """What `forecast check FILE --label` says of the files of a Naming.

    Raises ForecastError where they cannot be read, learned from or split.
    """
    prepared = plan.read()
    read = prepared.sequences
    report = Report()
    fold = folds_of(read, plan.asked, seed=plan.seed, straddle=True, train=prepared.train)[0]
    prints = fingerprints(read)
    copies, contradicting = _copies(read, prints, report)
    both = straddling(read, fold.train, np.concatenate([fold.test, fold.copies]))
    if len(both):
        names = [read.group_names[place] for place in both]
        report.say(
            "straddling",
            f"{counted(len(both), 'group')} would be in both parts of the split: {listed(names)}",
            remedy="(give another `split`, or allow it with `straddle`)",
        )
    if len(fold.copies):
        report.say(
            "copies", f"{counted(len(fold.copies), 'sequence')} of the test part are in the training part too"
        )
    return Checked(
        sequences=len(read),
        kind=read.kind,
        columns=read.columns,
        classes=_members(read),
        lengths=_lengths(read, report),
        missing=float(np.isnan(read.values).mean()) if read.values.size else 0.0,
        copies=copies,
        contradicting=contradicting,
        groups=0 if read.groups is None else len(np.unique(read.groups)),
        straddling=len(both),
        train=len(fold.train),
        test=len(fold.test) + len(fold.copies),
        words=_words(read, fold, report),
        findings=(*read.findings, *report.findings),
    )


def _members(read: Sequences) -> dict[str, int]:
    """How many sequences each class has."""
    counts = np.bincount(read.labels, minlength=len(read.classes))
    return {name: int(count) for name, count in zip(read.classes, counts, strict=True)}


def _lengths(read: Sequences, report: Report) -> Lengths:
    """How long the sequences are."""
    lengths = read.lengths
    noun = "steps"
    if read.texts:
        lengths = np.array([len(words_of(text)) for text in read.texts])
        noun = "words"
    low, median, most, high = (int(np.quantile(lengths, level)) for level in (0, 0.5, 0.95, 1))
    words = f"{low:,} {noun} each"
    if low < high:
        words = f"from {low:,} to {high:,} {noun}, half at most {median:,}, 95 % at most {most:,}"
    report.say("lengths", words)
    return Lengths(low, median, most, high)


def _copies(read: Sequences, prints: Array, report: Report) -> tuple[int, int]:
    """How many sequences are there more than once, and how many of these with several labels."""
    _, first, inverse, count = np.unique(prints, return_index=True, return_inverse=True, return_counts=True)
    again = count[inverse] > 1
    if not again.any():
        return 0, 0
    example = read.ids[int(first[count > 1][0])]
    report.say("copies", f"{counted(int(again.sum()), 'sequence')} are there more than once", example=example)
    low = np.full(len(first), len(read.classes))
    high = np.full(len(first), -1)
    np.minimum.at(low, inverse, read.labels)
    np.maximum.at(high, inverse, read.labels)
    differ = (low < high)[inverse]
    if differ.any():
        report.say(
            "contradicting-copies",
            f"{counted(int(differ.sum()), 'copy').replace('copys', 'copies')} have several labels",
        )
    return int(again.sum()), int(differ.sum())


def _words(read: Sequences, fold: Fold, report: Report) -> Words | None:
    """The words of texts: how many are cut off, and how many of the test part the training part does not have."""
    if not read.texts:
        return None
    vocabulary, found = learn_vocabulary([read.texts[place] for place in fold.train], WORDS, None, "last")
    known = 0
    strange = 0
    for place in fold.test:
        ours, others = vocabulary.known(read.texts[place])
        known += ours
        strange += others
    unknown = strange / max(1, known + strange)
    report.say(
        "words",
        f"{found.different:,} different words in the training part, of which {found.words:,} make its vocabulary: {unknown:.1%} of"
        f" those in the test part are unknown to it; {found.cut:.1%} of the texts are longer than {vocabulary.length:,}",
    )
    return Words(found.words, vocabulary.length, found.cut, unknown)
