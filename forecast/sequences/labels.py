"""Labels: cells become classes. A class is a name; numbers are names too where they are few and whole."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from forecast.arrays import Array
from forecast.data.findings import Report, counted, listed
from forecast.data.panel import natural_order
from forecast.errors import ForecastError, nearest
from forecast.reading.roles import codes_of
from forecast.reading.tables import Table, cell_type, is_number
from forecast.sequences.values import UNKNOWN, Sequences

FEW = 10  # classes that numbers with decimals may be
MOST_NUMBERS = 100  # classes that whole numbers may be


def labels_of_rows(
    table: Table, name: str, owner: Array, count: int, ids: Sequence[str], report: Report
) -> tuple[tuple[str, ...], Array]:
    """The classes (K,) of a column, sorted, and the label of each of `count` sequences with rows `owner` (n,).

    ids: names of the sequences for messages, () = each has one row. Raises ReadingError where the column is not there,
    holds measurements, has no label for a sequence, or two.
    """
    if name not in table.columns:
        report.refuse(
            "no-such-column", f"There is no column {name!r} for `label`.{nearest(name, table.columns)}"
        )
    column = table.columns[name]
    _refuse_measurements(name, column, table, report)
    codes, names = codes_of(_plain(column))
    empty = [place for place, one in enumerate(names) if not one]
    codes = np.where(np.isin(codes, empty), UNKNOWN, codes)
    labels, clash = one_each(codes, owner, count)
    if clash is not None:
        rows = np.flatnonzero(owner == clash)
        found = sorted({names[code] for code in codes[rows] if code >= 0})
        where = repr(ids[clash]) if len(ids) else f"of {table.at(rows[:1]).lower()}"
        report.refuse(
            "two-labels",
            f"Sequence {where} has {len(found)} labels in column {name!r}: {listed(found)}.",
            rows=table.rows(rows),
            remedy="Give it one, or an id for each part.",
        )
    _refuse_missing(name, table, labels, owner, ids, report)
    return _sorted(names, labels, report)


def _plain(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """A column of labels without the dictionary that may code it."""
    return pc.cast(column, column.type.value_type) if pa.types.is_dictionary(column.type) else column


def _refuse_measurements(name: str, column: pa.ChunkedArray, table: Table, report: Report) -> None:
    """Refuse numbers that measure something and name no class."""
    values = _as_numbers(column)
    if values is None:
        return
    known = values[~np.isnan(values)]
    different = len(np.unique(known))
    whole = bool((known == np.floor(known)).all())
    most = MOST_NUMBERS if whole else FEW
    if different > most:
        report.refuse(
            "number-as-label",
            f"Column {name!r} for `label` holds {different:,} different numbers, which name no classes.",
            example=f"{known[0]:g}",
            remedy="Cut it into a few classes, such as low and high, or name another column.",
        )


def _as_numbers(column: pa.ChunkedArray) -> Array | None:
    """The numbers of a column that holds nothing else, also where they are written as text; None of any other."""
    kind = cell_type(column)
    if is_number(kind):
        return pc.cast(_plain(column), pa.float64(), safe=False).to_numpy()
    if not pa.types.is_string(kind) and not pa.types.is_large_string(kind):
        return None
    try:
        return pc.cast(_plain(column), pa.float64()).to_numpy()
    except pa.ArrowInvalid:
        return None


def one_each(codes: Array, owner: Array, count: int) -> tuple[Array, int | None]:
    """The one code of each of `count` owners from codes (n,) of rows, -1 where none is known; the first with two, or None."""
    known = codes >= 0
    low = np.full(count, np.iinfo("int64").max)
    high = np.full(count, -1)
    np.minimum.at(low, owner[known], codes[known])
    np.maximum.at(high, owner[known], codes[known])
    clash = np.flatnonzero((high >= 0) & (low != high))
    return high, int(clash[0]) if len(clash) else None


def _refuse_missing(
    name: str, table: Table, labels: Array, owner: Array, ids: Sequence[str], report: Report
) -> None:
    """Refuse sequences without a label."""
    missing = np.flatnonzero(labels < 0)
    if not len(missing):
        return
    records = np.flatnonzero(np.isin(owner, missing))
    what = f"Sequence {ids[missing[0]]!r}" if len(ids) else table.at(records[:1])
    report.refuse(
        "missing-label",
        f"{what} has no label in column {name!r} ({counted(len(missing), 'such sequence')}).",
        rows=table.rows(records),
        remedy="Fill them in, or remove these rows: what is to be named is given to `forecast predict`.",
    )


def _sorted(names: Sequence[str], labels: Array, report: Report) -> tuple[tuple[str, ...], Array]:
    """The classes that occur in natural order, labels as places among them; what they are is reported."""
    used = np.unique(labels)
    present = [names[place] for place in used]
    order = natural_order(present)
    place_of = np.zeros(len(names), "int64")
    for place, one in enumerate(order):
        place_of[used[one]] = place
    classes = tuple(present[one] for one in order)
    made = place_of[labels]
    counts = np.bincount(made, minlength=len(classes))
    shares = [f"{one} {count / len(made):.0%}" for one, count in zip(classes, counts, strict=True)]
    report.say(
        "label", f"{counted(len(classes), 'class').replace('classs', 'classes')}: {listed(shares, 12)}"
    )
    return classes, made


def classes_of(read: Sequences, names: Sequence[str]) -> Sequences:
    """The same sequences with labels that are places in other classes; a label that is not among them is UNKNOWN."""
    place = {name: number for number, name in enumerate(names)}
    table = np.array([*(place.get(name, UNKNOWN) for name in read.classes), UNKNOWN])
    return replace(read, classes=tuple(names), labels=table[read.labels])


def refuse_unlearnable(read: Sequences) -> None:
    """ForecastError where no classifier can be learned: without labels, of one class, or with a class of one member."""
    if not read.classes:
        raise ForecastError("No column of classes is named: give `label`, such as `label=class`.")
    if len(read.classes) == 1:
        raise ForecastError(
            f"All sequences are of one class, {read.classes[0]!r}: there is nothing to tell apart. Look at the column"
            f" that `label` names."
        )
    counts = np.bincount(read.labels, minlength=len(read.classes))
    lone = [name for name, count in zip(read.classes, counts, strict=True) if count < 2]
    if lone:
        classes = "Class" if len(lone) == 1 else "Classes"
        verb = "has" if len(lone) == 1 else "have"
        raise ForecastError(
            f"{classes} {listed(lone)} {verb} one member, which cannot be learned from and tested on. Add members, or join"
            f" it with another class."
        )
