"""Sequences: what a classifier learns from and names. Rows of numbers one after another, or texts.

Axes: S sequences, N rows of all sequences, C columns, K classes.
"""

from dataclasses import dataclass, field, replace

import numpy as np

from forecast.arrays import Array
from forecast.data.findings import Finding
from forecast.sequences.layout import Layout

UNKNOWN = -1  # the label of a sequence whose class nobody has given


def steps_in_words(begin: int, end: int) -> str:
    """The rows from place `begin` to place `end` of a sequence, in words: "step 5", "steps 5 to 8"."""
    return f"step {end}" if end == begin + 1 else f"steps {begin + 1} to {end}"


@dataclass(frozen=True, eq=False)
class Sequences:
    """Sequences of unequal length, with the class of each.

    ids (S,): the name of each · columns (C,), values (N, C) float64: rows of numbers, NaN where one is missing ·
    offsets (S + 1,): sequence i has the rows offsets[i] to offsets[i + 1] · texts (S,): instead of numbers, () = none;
    then N = C = 0 · classes (K,), sorted; labels (S,): places in it, UNKNOWN where none is given · groups (S,): number of
    the group (a speaker, a film, a station) that a sequence belongs to, None = each for itself · moments (S,)
    datetime64[ns] or numbers: when each ends, for a split by time, None = not known · group_names: those of the numbers
    in groups · findings: what the door found · layout: how the file was read, so that the next is read in the same way.
    """

    ids: tuple[str, ...]
    columns: tuple[str, ...]
    values: Array
    offsets: Array
    texts: tuple[str, ...]
    classes: tuple[str, ...]
    labels: Array
    groups: Array | None = None
    moments: Array | None = None
    group_names: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()
    layout: Layout = field(default_factory=Layout)

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def kind(self) -> str:
        """What they are made of: numbers or texts."""
        return "texts" if self.texts else "numbers"

    @property
    def named(self) -> Array:
        """Which sequences have a label, bool (S,)."""
        return self.labels != UNKNOWN

    @property
    def lengths(self) -> Array:
        """Rows of each sequence (S,)."""
        return np.diff(self.offsets)

    def rows(self, place: int) -> Array:
        """The values (n, C) of one sequence."""
        return self.values[self.offsets[place] : self.offsets[place + 1]]

    def part(self, places: Array) -> "Sequences":
        """Some of the sequences, in the order of `places`."""
        lengths = self.lengths[places]
        begins = np.repeat(self.offsets[:-1][places], lengths)
        offsets = np.concatenate([[0], np.cumsum(lengths)])
        within = np.arange(offsets[-1]) - np.repeat(offsets[:-1], lengths)
        groups = None if self.groups is None else self.groups[places]
        moments = None if self.moments is None else self.moments[places]
        texts = tuple(self.texts[place] for place in places) if self.texts else ()
        return replace(
            self,
            ids=tuple(self.ids[place] for place in places),
            values=self.values[begins + within],
            offsets=offsets,
            texts=texts,
            labels=self.labels[places],
            groups=groups,
            moments=moments,
        )
