"""Which sequences of a training part judge what was learned from the others."""

import numpy as np

from forecast.arrays import Array
from forecast.sequences.values import Sequences


def folds_of(past: Sequences, share: float, seed: int) -> Array:
    """The number (S,) of the fold of each sequence: those of a fold judge what was learned from all others; -1 = never judges.

    share: of the sequences in a fold, about. Where it is known when sequences end, the last `share` in time is the only
    fold. Else whole groups are dealt out, where there are several, or the members of each class by chance, so that all
    folds have nearly as many. A class that lies in one fold as a whole never judges, since nothing else teaches it.
    """
    count = max(2, round(1 / share))
    random = np.random.default_rng([seed, count])
    if past.moments is not None and not (past.moments == past.moments[0]).all():
        return _without_whole_classes(_later(past.moments, share), past.labels)
    if past.groups is not None and len(np.unique(past.groups)) > 1:
        dealt = _without_whole_classes(_dealt_groups(past.groups, past.labels, count, random), past.labels)
        if (dealt >= 0).any():
            return dealt
    return _without_whole_classes(_dealt_members(past.labels, count, random), past.labels)


def _without_whole_classes(folds: Array, labels: Array) -> Array:
    """The same folds, -1 for the members of a class which are all in one."""
    made = folds.copy()
    for label in np.unique(labels):
        own = labels == label
        if len(np.unique(folds[own])) == 1:
            made[own] = -1
    return made


def _later(moments: Array, share: float) -> Array:
    """0 for the last `share` in time, else -1; what ends at the same moment is on the same side."""
    ranked = np.sort(moments)
    first = min(len(ranked) - 1, len(ranked) - max(1, round(share * len(ranked))))
    limit = ranked[first]
    if limit == ranked[0]:
        limit = ranked[np.searchsorted(ranked, limit, side="right")]
    return np.where(moments >= limit, 0, -1)


def _dealt_members(labels: Array, count: int, random: np.random.Generator) -> Array:
    """Class by class, each in random order, on from the fold where the class before ended."""
    folds = np.empty(len(labels), "int64")
    dealt = 0
    for label in np.unique(labels):
        members = random.permutation(np.flatnonzero(labels == label))
        folds[members] = (dealt + np.arange(len(members))) % count
        dealt += len(members)
    return folds


def _dealt_groups(groups: Array, labels: Array, count: int, random: np.random.Generator) -> Array:
    """The largest groups first, each to the fold that it leaves nearest to an equal part of every class."""
    names, number = np.unique(groups, return_inverse=True)
    _, label = np.unique(labels, return_inverse=True)
    members = np.zeros((len(names), label.max() + 1))
    np.add.at(members, (number, label), 1)
    count = min(count, len(names))
    parts = members.sum(0) / count
    held = np.zeros((count, members.shape[1]))
    fold_of = np.empty(len(names), "int64")
    order = random.permutation(len(names))
    for group in order[np.argsort(-members[order].sum(1), kind="stable")]:
        shares = (held + members[group]) / parts
        over = (shares**2).sum(1) - ((held / parts) ** 2).sum(1)
        fold = int(np.argmin(over))
        held[fold] += members[group]
        fold_of[group] = fold
    return fold_of[number]
