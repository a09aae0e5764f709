"""Made sequences that tests of this folder share."""

import numpy as np

from forecast.sequences.values import Sequences


def numbers(rows, labels, classes=None, **others):
    """Sequences of arrays (L,) or (L, C), labels by name."""
    arrays = [np.asarray(one, float) for one in rows]
    tables = [one[:, None] if one.ndim == 1 else one for one in arrays]
    names = classes or tuple(sorted(set(labels)))
    return Sequences(
        ids=tuple(map(str, range(len(tables)))),
        columns=tuple(f"x{column}" for column in range(tables[0].shape[1])),
        values=np.concatenate(tables),
        offsets=np.concatenate([[0], np.cumsum([len(table) for table in tables])]),
        texts=(),
        classes=names,
        labels=np.array([names.index(label) for label in labels]),
        **others,
    )


def texts(lines, labels, **others):
    """Texts, labels by name."""
    names = tuple(sorted(set(labels)))
    return Sequences(
        ids=tuple(map(str, range(len(lines)))),
        columns=(),
        values=np.empty((0, 0)),
        offsets=np.zeros(len(lines) + 1, "int64"),
        texts=tuple(lines),
        classes=names,
        labels=np.array([names.index(label) for label in labels]),
        **others,
    )


def waves(count, seed=0, classes=3, longest=40):
    """Noisy waves of unequal lengths; the class is the number of rows of a period."""
    random = np.random.default_rng(seed)
    rows = []
    labels = []
    for place in range(count):
        label = place % classes
        length = int(random.integers(10, longest))
        phase = random.uniform(0, 6)
        rows.append(np.sin(phase + np.arange(length) * (0.4 + 0.5 * label)) + random.normal(0, 0.1, length))
        labels.append("abcdef"[label])
    return numbers(rows, labels)


def moods(count, seed=0):
    """Short texts that praise or complain, among words that say nothing."""
    random = np.random.default_rng(seed)
    plain = [f"word{place}" for place in range(40)]
    telling = {"bad": ["awful", "boring", "weak"], "good": ["great", "lovely", "strong"]}
    lines = []
    labels = []
    for place in range(count):
        label = ("bad", "good")[place % 2]
        words = list(random.choice(plain, random.integers(3, 30)))
        words.insert(random.integers(len(words)), random.choice(telling[label]))
        lines.append(" ".join(words) + ".")
        labels.append(label)
    return texts(lines, labels)


def levels(count, seed=0):
    """Noise around one of two levels; the high one is seldom."""
    random = np.random.default_rng(seed)
    high = np.arange(count) % 4 == 0
    rows = [random.normal(one, 0.6, random.integers(5, 15)) for one in high]
    return numbers(rows, ["high" if one else "low" for one in high])
