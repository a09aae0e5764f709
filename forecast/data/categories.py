"""Categories: columns of names. The door numbers the names of its file; a fit tells apart those
that its past had, each by an indicator.
"""

from collections.abc import Collection, Sequence
from dataclasses import replace

import numpy as np

from forecast.arrays import Array
from forecast.data.findings import Report, listed
from forecast.data.panel import Column, Panel
from forecast.errors import ForecastError

MOST_NAMES = 20  # of one column that are told apart


def told_apart(past: Panel) -> tuple[tuple[Column, ...], tuple[str, ...]]:
    """The columns of a panel, each category with the MOST_NAMES names that its rows have most
    often, in alphabetical order; and what was left out.
    """
    columns: list[Column] = []
    notes: list[str] = []
    for place, column in enumerate(past.columns):
        if column.names is None or column.role == "target":  # a target keeps all names of its file
            columns.append(column)
            continue
        seen = _by_frequency(past, place, column.names)
        if len(seen) > MOST_NAMES:
            notes.append(
                f"{column.name}: the {MOST_NAMES} most frequent of {len(seen)} names are told"
                " apart,"
                " the others count as unseen"
            )
        columns.append(replace(column, names=tuple(sorted(seen[:MOST_NAMES]))))
    return tuple(columns), tuple(notes)


def unseen(panel: Panel, columns: Sequence[Column]) -> dict[str, list[str]]:
    """By column the names that rows of a panel have and that `columns`, those of a fit, do not tell
    apart.
    """
    known = {column.name: column.names for column in columns if column.role != "target"}
    found: dict[str, list[str]] = {}
    for place, column in enumerate(panel.columns):
        names = known.get(column.name)
        if names is None or column.names is None or len(names) == MOST_NAMES:  # rare ones were seen too
            continue
        new = [name for name in _by_frequency(panel, place, column.names) if name not in names]
        if new:
            found[column.name] = new
    return found


def with_seen_names(past: Panel) -> tuple[Column, ...]:
    """The columns of a panel, each category with the names that its rows have."""
    columns: list[Column] = []
    for place, column in enumerate(past.columns):
        if column.names is not None:
            column = replace(column, names=tuple(_by_frequency(past, place, column.names)))
        columns.append(column)
    return tuple(columns)


def ordered_target(panel: Panel, order: Sequence[str]) -> Panel:
    """The panel whose target, of names, has these in an order; those that it lacks come after them."""
    target = panel.columns[0]
    others = [name for name in panel.names if name not in order]
    names = (*order, *others)
    values = panel.values.copy()
    values[:, 0] = _recoded_cells(values[:, 0], panel.names, names)
    columns = (replace(target, names=names, ordered=True), *panel.columns[1:])
    return replace(panel, values=values, columns=columns)


def say_unseen(panel: Panel, columns: Sequence[Column], report: Report) -> None:
    """Report names of categories that no past of a model has, those of `columns`."""
    for column, names in unseen(panel, columns).items():
        what = "a name" if len(names) == 1 else "names"
        report.say(
            "unseen-name",
            f"{column}: {listed([name or '(empty)' for name in names])}, {what} that the past"
            " does not have: no model has"
            " learned what it does, and it counts as none of the others",
            example=names[0],
        )


def _by_frequency(past: Panel, place: int, names: Sequence[str]) -> list[str]:
    """The names that the rows of a column have, the most frequent first."""
    codes = np.concatenate([past.values[past.rows(i), place] for i in range(len(past.ids))])
    known = codes[~np.isnan(codes)].astype("int64")
    counts = np.bincount(known, minlength=len(names))[: len(names)]
    seen = [(-count, name) for count, name in zip(counts, names, strict=True) if count]
    return [name for _, name in sorted(seen)]


def recoded(panel: Panel, columns: Sequence[Column]) -> Panel:
    """The panel with `columns`, which are found by name, in their order and roles.

    A name that a category does not tell apart, one that is unseen, gets the code len(names). Raises
    ForecastError where a column holds names on one side and numbers on the other, or a target has a
    name that it did not have.
    """
    if panel.columns == tuple(columns):
        return panel
    place = {column.name: i for i, column in enumerate(panel.columns)}
    order = [place[column.name] for column in columns]
    values = panel.values[:, order]
    for i, column in enumerate(columns):
        own = panel.columns[order[i]].names
        if (own is None) != (column.names is None):
            raise _other_kind(column)
        if own is None or column.names is None:
            continue
        if column.role == "target":
            _refuse_new_names(column, own)
        values[:, i] = _recoded_cells(values[:, i], own, column.names)
    return replace(panel, values=values, columns=tuple(columns))


def _recoded_cells(codes: Array, own: Sequence[str], names: Sequence[str]) -> Array:
    """Codes (N,) of the names `own` as those of `names`; len(names) where these lack a name, NaN
    stays NaN.
    """
    code = {name: number for number, name in enumerate(names)}
    table = np.array([*(code.get(name, len(code)) for name in own), len(code)], "float64")
    seen = ~np.isnan(codes)
    found = codes.copy()
    found[seen] = table[codes[seen].astype("int64")]
    return found


def _other_kind(column: Column) -> ForecastError:
    """The error of a column that held names in the fit and holds numbers now, or the other way
    round.
    """
    kinds = ["numbers", "names"]
    if column.names is not None:
        kinds.reverse()
    return ForecastError(
        f"Column {column.name!r} held {kinds[0]} in the fit and holds {kinds[1]} here. Read it"
        " as it was read then (`category`)."
    )


def _refuse_new_names(column: Column, found: Sequence[str]) -> None:
    """ForecastError where a target has names that those of the fit do not hold: no share of them
    can be forecast.
    """
    new = [name for name in found if name not in (column.names or ())]
    if new:
        raise ForecastError(
            f"The target {column.name!r} has names here that it did not have in the fit:"
            f" {', '.join(new[:5])}. It had"
            f" {', '.join((column.names or ())[:20])}. Mend them, or fit again on a file that"
            " has all."
        )


def indicators(panel: Panel) -> Panel:
    """The panel with a column for each name of each category: 1 where a row has that name, 0 where
    it has another, NaN where it is missing.

    A target of more than two names stays as it is, and has such past columns too: its codes are
    numbers in no order.
    """
    several = len(panel.names) > 2
    if not several and all(column.names is None for column in panel.columns[1:]):
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
            parts.append(_indicated(values, len(column.names)))
    if several:
        columns += _indicators_of(replace(panel.columns[0], role="past"), taken)
        parts.append(_indicated(panel.values[:, [0]], len(panel.names)))
    return replace(panel, values=np.concatenate(parts, axis=1), columns=tuple(columns))


def _indicated(codes: Array, number: int) -> Array:
    """1 where codes (N, 1) are those of each of so many names, 0 where not, NaN where missing: (N, number)."""
    return np.where(np.isnan(codes), np.nan, codes == np.arange(number))


def _indicators_of(column: Column, taken: Collection[str]) -> list[Column]:
    """A column for each name of a category, called `sky=rain`, with a mark where the panel has a
    column of that name.
    """
    made: list[Column] = []
    for part in column.names or ():
        name = f"{column.name}={part or '(empty)'}"
        while name in taken:
            name += "'"
        made.append(Column(name, column.role, made="indicator", of=column.name, part=part))
    return made
