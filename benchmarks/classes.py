"""Whole sequences and texts, named by the net and by the rows that it has to beat: accuracy, log loss and CPU seconds.

    python benchmarks/classes.py --sequences FOLDER           # NAME_TRAIN.ts and NAME_TEST.ts in it
    python benchmarks/classes.py --text rt-polarity.parquet   # columns label and text, in ten folds
    python benchmarks/classes.py --made                       # two bumps, and a label in the first of 200 steps

One thread, default settings, the mean of three seeds. The recipe of each kind was chosen on validation rows of the training
parts. Finished cells are kept in benchmarks/cells, so a measurement that was stopped goes on.
"""

import argparse
import time
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from report import code_of, kept, machine, table

from forecast.models.base import Watch
from forecast.sequences.calibrating import log_loss
from forecast.sequences.door import sequences
from forecast.sequences.judges import folds_of
from forecast.sequences.table import classifier
from forecast.sequences.values import Sequences
from forecast.workers import one_thread

SETS = ("JapaneseVowels", "BasicMotions", "ItalyPowerDemand", "GunPoint", "ArrowHead")
OF_NUMBERS = ("lstm", "gru", "statistics", "boosting", "nearest", "majority")
OF_TEXTS = ("lstm", "bag", "bag+lstm", "mix(bag,lstm)", "majority")
DRAWN = ("lstm", "gru", "bag+lstm", "mix(bag,lstm)", "boosting")  # what a seed changes
FOLDS = 10
TEXTBOOK: dict[str, Any] = {
    "words": 10_000,
    "context": 200,
    "segment": 1,
    "width": 1,
    "units": (128, 64),
    "bidirectional": False,
    "pooling": "last",
    "dropout": 0.2,
    "recurrent_dropout": 0.2,
    "word_dropout": 0.0,
    "dense": (64,),
    "members": 1,
}


def named(
    past: Sequences, new: Sequences, model: str, seed: int, settings: dict[str, Any]
) -> dict[str, float]:
    """Accuracy and log loss of one fit on new sequences, and the CPU seconds of fit and answers."""
    begun = time.process_time()
    with one_thread():
        made = classifier(model, **settings).fit(past, seed=seed, watch=Watch())
        shares = made.shares(new)
    spent = time.process_time() - begun
    accuracy = float(np.mean(shares.argmax(1) == new.labels))
    return {"accuracy": accuracy, "log loss": log_loss(shares, new.labels), "CPU s": spent}


def measured(
    name: str, past: Sequences, new: Sequences, model: str, seeds: int, settings: dict[str, Any] | None = None
) -> dict[str, Any]:
    """A row of the table: the means over seeds, and the lowest and highest accuracy."""
    code = code_of("sequences.net.recurrent", "sequences.mix", "sequences.bag", "sequences.statistics")
    cells = []
    for seed in range(seeds if model in DRAWN else 1):
        key = [name, model, seed, settings or {}]
        cells.append(kept("classes", key, partial(named, past, new, model, seed, settings or {}), code))
    row: dict[str, Any] = {"data": name, "model": f"{model}, textbook" if settings else model}
    for what in ("accuracy", "log loss", "CPU s"):
        row[what] = float(np.mean([cell[what] for cell in cells]))
    accuracies = [cell["accuracy"] for cell in cells]
    row["range"] = f"{min(accuracies):.3f} to {max(accuracies):.3f}"
    return row


def of_folder(folder: Path, names: list[str], models: list[str], seeds: int) -> list[dict[str, Any]]:
    """The published split of each set."""
    rows = []
    for name in names:
        past = sequences(folder / f"{name}_TRAIN.ts")
        new = sequences(folder / f"{name}_TEST.ts")
        assert past.classes == new.classes
        for model in models or OF_NUMBERS:
            rows.append(measured(name, past, new, model, seeds))
            print(rows[-1], flush=True)
    return rows


def of_texts(path: Path, models: list[str], folds: int, textbook: bool) -> list[dict[str, Any]]:
    """Folds of as many of each class; each row is the mean over the folds, and the seed is the number of the fold."""
    whole = sequences(path, label="label", text="text")
    fold_of = folds_of(whole, 1 / FOLDS, 0)
    asked: list[tuple[str, dict[str, Any]]] = [(model, {}) for model in models or OF_TEXTS]
    if textbook:
        asked.append(("lstm", TEXTBOOK))
    code = code_of("sequences.net.recurrent", "sequences.mix", "sequences.bag")
    rows = []
    for model, settings in asked:
        cells = []
        for fold in range(folds):
            past = whole.part(np.flatnonzero(fold_of != fold))
            new = whole.part(np.flatnonzero(fold_of == fold))
            key = [path.name, model, fold, settings]
            cells.append(kept("classes", key, partial(named, past, new, model, fold, settings), code))
        row: dict[str, Any] = {"data": path.stem, "model": f"{model}, textbook" if settings else model}
        for what in ("accuracy", "log loss", "CPU s"):
            row[what] = float(np.mean([cell[what] for cell in cells]))
        row["range"] = f"{len(cells)} folds"
        rows.append(row)
        print(row, flush=True)
    return rows


def bumps(count: int, seed: int) -> Sequences:
    """A wide and a narrow bump in noise, 50 to 200 steps; the class is which came first."""
    random = np.random.default_rng(seed)
    rows = []
    labels = random.integers(0, 2, count)
    for label in labels:
        length = int(random.integers(50, 201))
        first, second = np.sort(random.choice(np.arange(8, length - 8), 2, replace=False))
        while second - first < 16:
            first, second = np.sort(random.choice(np.arange(8, length - 8), 2, replace=False))
        at = np.arange(length)
        widths = (2.0, 5.0) if label else (5.0, 2.0)
        row = random.normal(0, 0.2, length)
        for place, width in zip((first, second), widths, strict=True):
            row += np.exp(-(((at - place) / width) ** 2))
        rows.append(row)
    return _of(rows, labels, ("narrow", "wide"))


def first_step(count: int, seed: int) -> Sequences:
    """200 steps of noise; the class is the sign of the first, which is 1 or -1."""
    random = np.random.default_rng(seed)
    labels = random.integers(0, 2, count)
    rows = []
    for label in labels:
        row = random.normal(0, 1, 200)
        row[0] = 2 * label - 1
        rows.append(row)
    return _of(rows, labels, ("minus", "plus"))


def _of(rows: list[Any], labels: Any, classes: tuple[str, ...]) -> Sequences:
    return Sequences(
        ids=tuple(map(str, range(len(rows)))),
        columns=("x",),
        values=np.concatenate(rows)[:, None],
        offsets=np.concatenate([[0], np.cumsum([len(row) for row in rows])]).astype("int64"),
        texts=(),
        classes=classes,
        labels=labels,
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sequences", type=Path)
    parser.add_argument("--sets", nargs="*", default=list(SETS))
    parser.add_argument("--text", type=Path)
    parser.add_argument("--made", action="store_true")
    parser.add_argument("--models", nargs="*", default=[])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--folds", type=int, default=FOLDS)
    parser.add_argument(
        "--textbook", action="store_true", help="the textbook net next to the default, of texts"
    )
    asked = parser.parse_args()
    rows = []
    if asked.sequences:
        rows += of_folder(asked.sequences, asked.sets, asked.models, asked.seeds)
    if asked.made:
        for name, make in (("two bumps", bumps), ("first of 200 steps", first_step)):
            for model in asked.models or ["lstm", "statistics"]:
                rows.append(measured(name, make(2000, 0), make(1000, 1), model, asked.seeds))
                print(rows[-1], flush=True)
    if asked.text:
        rows += of_texts(asked.text, asked.models, asked.folds, asked.textbook)
    print(table(rows))
    print(f"\n{machine()}")


if __name__ == "__main__":
    main()
