"""Categories: columns of names. The door numbers the names of its file; a fit tells apart those that its past had, each by an indicator."""

from collections.abc import Collection, Sequence
from dataclasses import replace

import numpy as np

from forecast.arrays import Array
from forecast.data.panel import Column, Panel
from forecast.errors import ForecastError

MOST = 20  # names of one column that are told apart


def told_apart(past: Panel) -> tuple[tuple[Column, ...], tuple[str, ...]]:
    """The columns of a panel, each category with the MOST names that its rows have most often, in alphabetical order; and what was left out."""
    columns, notes = [], []
    for place, column in enumerate(past.columns):
        if column.names is None or column.role == "target":  # a target keeps all names of its file
            columns.append(column)
            continue
        codes = np.concatenate([past.values[past.rows(i), place] for i in range(len(past.ids))])
        counts = np.bincount(codes[~np.isnan(codes)].astype("int64"), minlength=len(column.names))[
            : len(column.names)
        ]
        seen = sorted((-count, name) for count, name in zip(counts, column.names, strict=True) if count)
        if len(seen) > MOST:
            notes.append(
                f"{column.name}: the {MOST} most frequent of {len(seen)} names are told apart, the others count as unseen"
            )
        columns.append(replace(column, names=tuple(sorted(name for _, name in seen[:MOST]))))
    return tuple(columns), tuple(notes)


def recoded(panel: Panel, columns: Sequence[Column]) -> Panel:
    """The panel with `columns`, which are found by name, in their order and roles.

    A name that a category does not tell apart, one that is unseen, gets the code len(names). Raises ForecastError where a column holds names on
    one side and numbers on the other, or a target has a name that it did not have.
    """
    if panel.columns == tuple(columns):
        return panel
    place = {column.name: i for i, column in enumerate(panel.columns)}
    order = [place[column.name] for column in columns]
    values = panel.values[:, order]
    for i, column in enumerate(columns):
        own = panel.columns[order[i]].names
        if (own is None) != (column.names is None):
            held, found = ("numbers", "names") if column.names is None else ("names", "numbers")
            raise ForecastError(
                f"Column {column.name!r} held {held} in the fit and holds {found} here. Read it as it was read then (--category)."
            )
        if own is not None and column.names is not None:
            if column.role == "target":
                _refuse_new_names(column, own)
            code = {name: number for number, name in enumerate(column.names)}
            table = np.array([*(code.get(name, len(code)) for name in own), len(code)], "float64")
            seen = ~np.isnan(values[:, i])
            values[seen, i] = table[values[seen, i].astype("int64")]
    return replace(panel, values=values, columns=tuple(columns))


def _refuse_new_names(column: Column, found: Sequence[str]) -> None:
    """ForecastError where a target has names that those of the fit do not hold: no share of them can be forecast."""
    new = [name for name in found if name not in (column.names or ())]
    if new:
        raise ForecastError(
            f"The target {column.name!r} has names here that it did not have in the fit: {', '.join(new[:5])}. It had"
            f" {', '.join((column.names or ())[:20])}. Mend them, or fit again on a file that has all."
        )


def indicators(panel: Panel) -> Panel:
    """The panel with a column for each name of each category: 1 where a row has that name, 0 where it has another, NaN where it is missing."""
    if all(column.names is None for column in panel.columns[1:]):
        return panel
    columns: list[Column] = []
    parts: list[Array] = []
    taken = {column.name for column in panel.columns}
    for place, column in enumerate(panel.columns):
        values = panel.values[:, [place]]
        if column.names is None or column.role == "target":
            columns.append(column)
            parts.append(values)
        else:
            columns += _indicators_of(column, taken)
            parts.append(np.where(np.isnan(values), np.nan, values == np.arange(len(column.names))))
    return replace(panel, values=np.concatenate(parts, axis=1), columns=tuple(columns))


def _indicators_of(column: Column, taken: Collection[str]) -> list[Column]:
    """A column for each name of a category, called `sky=rain`, with a mark where the panel has a column of that name."""
    made: list[Column] = []
    for part in column.names or ():
        name = f"{column.name}={part or '(empty)'}"
        while name in taken:
            name += "'"
        made.append(Column(name, column.role, made="indicator", of=column.name, part=part))
    return made
