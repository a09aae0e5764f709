"""Parts of labelled things: stratified by class, whole groups together, the same for a seed. Index arithmetic alone."""

import numpy as np

from forecast.arrays import Array

INNER = 3  # parts of the training part by which a setting is chosen
MANY = 5_000  # sequences from which on one of INNER parts is held back alone

Fold = tuple[Array, Array]  # places that are learned from, places that are held


def parts_of(labels: Array, groups: Array | None, sizes: Array, seed: int) -> Array:
    """The part (n,) of each of n labelled things, so that part p has a share sizes[p] of each class, as near as can be.

    sizes (P,): shares, which sum to 1 · groups (n,): things of one group are in one part.
    """
    random = np.random.default_rng(seed)
    if groups is None:
        return _of_single(labels, sizes, random)
    return _of_groups(labels, groups, sizes, random)


def _of_single(labels: Array, sizes: Array, random: np.random.Generator) -> Array:
    """Parts of things that are drawn one by one.

    The members of all classes, shuffled within each, are dealt out in one row, so that rounding does not pile up.
    """
    shuffled = random.permutation(len(labels))
    order = shuffled[np.argsort(labels[shuffled], kind="stable")]
    parts = np.empty(len(labels), "int64")
    for one in np.unique(labels):
        members = order[labels[order] == one]
        parts[members] = _dealt(len(members), sizes, random)
    return parts


def _dealt(count: int, sizes: Array, random: np.random.Generator) -> Array:
    """Parts (count,) in numbers as near to `sizes` as whole numbers can be; who gets what rounding leaves is drawn."""
    wanted = sizes * count
    each = np.floor(wanted).astype("int64")
    left = count - int(each.sum())
    if left:
        rest = wanted - each + random.random(len(sizes)) * 1e-3
        each[np.argsort(-rest)[:left]] += 1
    return np.repeat(np.arange(len(sizes)), each)


def _of_groups(labels: Array, groups: Array, sizes: Array, random: np.random.Generator) -> Array:
    """Parts of whole groups: the largest first, each to the part where the classes then lie nearest to their shares."""
    _, members = np.unique(groups, return_inverse=True)
    classes = int(labels.max()) + 1
    counts = np.zeros((members.max() + 1, classes))
    np.add.at(counts, (members, labels), 1)
    total = np.maximum(counts.sum(0), 1)
    held = np.zeros((len(sizes), classes))
    part = np.zeros(len(counts), "int64")
    shuffled = random.permutation(len(counts))
    for group in shuffled[np.argsort(-counts[shuffled].sum(1), kind="stable")]:
        after = (held + counts[group]) / total / sizes[:, None]
        before = held / total / sizes[:, None]
        cost = ((after**2 - before**2) * sizes[:, None]).sum(1)
        part[group] = int(cost.argmin())
        held[part[group]] += counts[group]
    return part[members]


def folds_by(parts: Array, held: Array) -> list[Fold]:
    """One fold for each part in `held` (H,), which is then tested by what is learned from all others."""
    places = np.arange(len(parts))
    return [(places[parts != one], places[parts == one]) for one in held]


def inner_folds(labels: Array, groups: Array | None, seed: int) -> list[Fold]:
    """Folds of a training part by which a setting is chosen: INNER of them, one of many sequences.

    None where a class has one member, or where one would not be learned from in a fold.
    """
    _, counts = np.unique(labels, return_counts=True)
    if counts.min() < 2:
        return []
    parts = parts_of(labels, groups, np.full(INNER, 1 / INNER), seed)
    held = np.arange(1 if len(labels) >= MANY else INNER)
    folds = folds_by(parts, held)
    every = len(counts)
    whole = all(len(np.unique(labels[train])) == every and len(test) for train, test in folds)
    return folds if whole else []
