"""What moved the probability of a class: each piece of a sequence is taken away in turn, and the class asked for again.

It asks the classifier alone, so that all of them, nets, trees and mixtures, answer in one form: the probability without the
piece. How far the piece moved it is counted in log-odds, so that .9990 to .9900 is as far as .50 to .09. The pieces do not
sum to the whole: of two words that say the same, either may be missing.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import pandas as pd

from forecast.arrays import Array
from forecast.sequences.base import Named
from forecast.sequences.text import words_of
from forecast.sequences.values import UNKNOWN, Sequences, steps_in_words

PIECES = 40  # that a sequence is cut into, at most
SUREST = 10  # mistakes of a test part that are looked at
LEAST_SHARE = 1e-9  # below it a probability counts as this
SAID = 5  # pieces of a sequence that a summary names


@dataclass(frozen=True, eq=False)
class Moves:
    """What moved the probability of one class for one sequence.

    pieces (P,): words as they are read, or "steps 1 to 5" · edges (P + 1,): piece i has the words or rows edges[i] to
    edges[i + 1] · without (P,): the probability where the piece is taken away.
    """

    id: str
    label: str
    probability: float
    pieces: tuple[str, ...]
    edges: Array
    without: Array

    @property
    def shifts(self) -> Array:
        """How far each piece moved the log-odds of the class (P,), above 0 = towards it."""
        return _log_odds(np.array(self.probability)) - _log_odds(self.without)

    @property
    def strongest(self) -> Array:
        """The places of the pieces that moved it most, the most first, at most SAID; none that did not move it."""
        sizes = np.abs(self.shifts)
        order = np.argsort(-sizes, kind="stable")[:SAID]
        return order[sizes[order] > 0]

    def to_frame(self) -> pd.DataFrame:
        """A row per piece, in its order: id, label, probability, piece, first and last word or step (from 1), without, shift."""
        return pd.DataFrame(
            {
                "id": self.id,
                "label": self.label,
                "probability": self.probability,
                "piece": list(self.pieces),
                "first": self.edges[:-1] + 1,
                "last": self.edges[1:],
                "without": self.without,
                "shift": self.shifts,
            }
        )

    def __str__(self) -> str:
        """The class, its probability, and the pieces that moved it most."""
        lines = [f"{self.id}: {self.label} {self.probability:.3f}"]
        lines += [f"  without it {self.without[place]:.3f}: {self.pieces[place]}" for place in self.strongest]
        return "\n".join(lines)


def moves(learned: Named, classes: Sequence[str], read: Sequences, place: int, label: int) -> Moves:
    """What moved the probability of the class `label`, a place in the classes learned, of the sequence at `place`.

    A word is left out of its text. The values of a step are put on a straight line between the values next to the piece;
    at an end they stay at the nearest one, and what was missing stays missing.
    """
    edges = _edges(_length(read, place))
    variants = _without_each(read, place, edges)
    shares = learned.shares(variants)[:, label]
    return Moves(
        read.ids[place],
        classes[label],
        float(shares[0]),
        _pieces(read, place, edges),
        edges,
        shares[1:],
    )


def telling(shares: Array, labels: Array) -> Array:
    """Which of the tested sequences are looked at (J,): the surest mistakes, and of each class the surest that is right."""
    return np.concatenate([surest_mistakes(shares, labels), surest_right(shares, labels)])


def surest_mistakes(shares: Array, labels: Array) -> Array:
    """The sequences that were named wrongly and with the highest probability, the surest first, at most SUREST."""
    wrong = np.flatnonzero(shares.argmax(1) != labels)
    order = np.argsort(-shares.max(1)[wrong], kind="stable")
    return wrong[order][:SUREST]


def surest_right(shares: Array, labels: Array) -> Array:
    """Of each class, in their order, the sequence that was named rightly and with the highest probability."""
    named = shares.argmax(1)
    found = []
    for label in range(shares.shape[1]):
        right = np.flatnonzero((labels == label) & (named == label))
        if len(right):
            found.append(int(right[shares[right, label].argmax()]))
    return np.array(found, "int64")


def without_each(learned: Named, read: Sequences, places: Array, labels: Array) -> Array:
    """The probabilities (J, PIECES) without each piece of some sequences, each of its own class in `labels` (J,); NaN beyond their pieces."""
    made = np.full((len(places), PIECES), np.nan)
    for row, (place, label) in enumerate(zip(places, labels, strict=True)):
        own = moves(learned, read.classes, read, int(place), int(label)).without
        made[row, : len(own)] = own
    return made


def as_moves(read: Sequences, place: int, label: int, probability: float, without: Array) -> Moves:
    """The Moves of probabilities (PIECES,) that were kept."""
    edges = _edges(_length(read, place))
    pieces = _pieces(read, place, edges)
    return Moves(read.ids[place], read.classes[label], probability, pieces, edges, without[: len(pieces)])


def _log_odds(probability: Array) -> Array:
    """log(p / (1 - p)), of shares that are kept LEAST_SHARE away from 0 and 1."""
    kept = np.clip(probability, LEAST_SHARE, 1 - LEAST_SHARE)
    made: Array = np.log(kept / (1 - kept))
    return made


def _length(read: Sequences, place: int) -> int:
    """How many words or rows a sequence has."""
    if read.texts:
        return len(words_of(read.texts[place]))
    return int(read.lengths[place])


def _edges(length: int) -> Array:
    """Where the pieces of a sequence begin, and its end: pieces of like length, at most PIECES."""
    count = min(length, PIECES)
    if not count:
        return np.zeros(1, "int64")
    return np.arange(count + 1) * length // count


def _pieces(read: Sequences, place: int, edges: Array) -> tuple[str, ...]:
    """What each piece is called."""
    if read.texts:
        words = words_of(read.texts[place])
        return tuple(" ".join(words[begin:end]) for begin, end in pairwise(edges))
    return tuple(steps_in_words(begin, end) for begin, end in pairwise(edges))


def _without_each(read: Sequences, place: int, edges: Array) -> Sequences:
    """The sequence itself, and after it the sequence without each of its pieces."""
    count = len(edges)
    ids = (read.ids[place],) * count
    bare = replace(read, ids=ids, labels=np.full(count, UNKNOWN), groups=None, moments=None, findings=())
    if read.texts:
        words = words_of(read.texts[place])
        left = [" ".join(words[:begin] + words[end:]) for begin, end in pairwise(edges)]
        return replace(bare, offsets=np.zeros(count + 1, "int64"), texts=(read.texts[place], *left))
    rows = read.rows(place)
    made = [rows] + [_straight(rows, begin, end) for begin, end in pairwise(edges)]
    return replace(bare, values=np.concatenate(made), offsets=np.arange(count + 1) * len(rows))


def _straight(rows: Array, begin: int, end: int) -> Array:
    """Rows (n, C) with those from begin to end on a line between their neighbours; missing where there is no other value."""
    made = rows.copy()
    at = np.arange(len(rows))
    inside = (at >= begin) & (at < end)
    for column in range(rows.shape[1]):
        values = rows[:, column]
        seen = ~np.isnan(values)
        known = seen & ~inside
        if known.any():
            made[inside & seen, column] = np.interp(at[inside & seen], at[known], values[known])
        else:
            made[inside, column] = np.nan
    return made
