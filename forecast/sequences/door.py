"""The door: a file or frame becomes Sequences, or one sentence that says why not.

Three forms: a long table (a row is a step of the sequence that `id` names), a wide one (a row is a sequence of numbers),
and texts (a row is a text). What is found is in `findings`. Neither the order nor the group is ever a feature.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from forecast.arrays import Array
from forecast.data.findings import Report, counted, listed
from forecast.data.options import names_of
from forecast.errors import ForecastError, nearest
from forecast.reading import ts
from forecast.reading.roles import ID_NAMES, TIME_NAMES, codes_of, kinds_of, named
from forecast.reading.sources import load_table
from forecast.reading.stamps import parse_stamps
from forecast.reading.tables import Request, Table
from forecast.reading.values import Choices, read_values
from forecast.sequences.labels import labels_of_rows, one_each
from forecast.sequences.layout import Form, Layout, make_layout
from forecast.sequences.values import UNKNOWN, Sequences
from forecast.sequences.wide import in_columns

ORDER_NAMES = (  # columns that number the rows of a sequence, next to those of stamps
    "step",
    "t",
    "timestep",
    "time_step",
    "frame",
    "tick",
    "position",
    "pos",
    "order",
    "seq",
    "index",
)


@dataclass(frozen=True, eq=False)
class Source:
    """A table with what each of its columns is: number, stamp, text, empty, by name."""

    table: Table
    kinds: Mapping[str, str]
    layout: Layout
    report: Report
    newer: bool = False  # read by the layout of another file: its sequences need no label

    def is_numeric(self, name: str) -> bool:
        """Whether a column holds numbers."""
        return self.kinds.get(name) == "number"


def sequences(
    source: "str | Path | Any",
    layout: Layout | None = None,
    *,
    labels: "str | Path | Any | None" = None,
    **options: Any,
) -> Sequences:
    """Sequences of numbers or texts from a file or frame, with the class of each where `label` names its column.

    source: a path (CSV, Parquet, `.ts`), a folder, or a frame (pandas, polars, Arrow) · labels: a second file or frame
    with the class of each `id`; where neither has an id, the rows of both go together · layout, options: which column is
    what (`help(forecast.Layout)`), such as label="class", id="id", text="review", time="t", group="speaker".

    A long table has a column `id`, whose rows are in the order of `time`, or in that of the file. Without one each row
    is a sequence: of the numbers in its columns (x_0, x_1 ..., several such runs are several columns of the sequence;
    missing cells at the end shorten it), or of `text`. Raises ReadingError where the file cannot be read without
    guessing, and ForecastError where an option is unknown.
    """
    if isinstance(source, tuple | list) and len(source) == 2 and labels is None:
        source, labels = source
    report = Report()
    made = make_layout(layout, options)
    of_source = made if labels is None else replace(made, label=None)
    found = _source(source, of_source, report)
    read = FORMS[_form(found)](found)
    if labels is not None:
        read = _with_labels(read, made.label, labels, report)
    return replace(read, findings=tuple(report.findings))


def _source(source: Any, layout: Layout, report: Report) -> Source:
    """The table of a source; the columns that a `.ts` file always has are known."""
    request = Request(
        columns=set,
        decimal=layout.decimal,
        dayfirst=layout.dayfirst,
        encoding=layout.encoding,
        header=layout.header,
    )
    table = load_table(source, report, request)
    if isinstance(source, str | Path) and str(source).lower().endswith(ts.ENDING):
        label = layout.label or (ts.LABEL if ts.LABEL in table.columns else None)
        layout = replace(layout, id=layout.id or ts.ID, label=label)
    newer = layout.form is not None
    for role in ("id", "text", "time", "group"):
        name = getattr(layout, role)
        needed = role != "group" or not newer
        if name is not None and needed:
            named(table, name, role, report)
    return Source(table, kinds_of(table), layout, report, newer)


def _form(found: Source) -> Form:
    """Which of the three forms a table has."""
    layout = found.layout
    if layout.form is not None:
        return layout.form
    if layout.text is not None:
        return "texts"
    if layout.id is not None:
        repeats = len(codes_of(found.table.columns[layout.id])[1]) < found.table.count
        return "long" if repeats else "wide"
    return "wide"


def _id_found(found: Source) -> str | None:
    """A column that is called as ids are, and repeats, in a table for which none was named."""
    for name, column in found.table.columns.items():
        usual = name.lower() in ID_NAMES and name != found.layout.label and found.kinds[name] != "empty"
        if usual and len(codes_of(column)[1]) < found.table.count:
            return name
    return None


def _texts(found: Source) -> Sequences:
    """A row is a text."""
    layout = found.layout
    column = found.table.columns[layout.text or ""]
    cells = [str(cell) if cell is not None else "" for cell in column.to_pylist()]
    void = [place for place, cell in enumerate(cells) if not cell.strip()]
    if void:
        found.report.say(
            "empty-text",
            f"{counted(len(void), 'text')} of {layout.text} {'is' if len(void) == 1 else 'are'} empty",
            rows=found.table.rows(void),
        )
    found.report.say("sequences", f"{counted(len(cells), 'text')} from column {layout.text}")
    return _by_row(found, np.zeros((0, 0)), (), np.zeros(len(cells) + 1, "int64"), tuple(cells))


def _wide(found: Source) -> Sequences:
    """A row is a sequence of the numbers in its columns."""
    other = _id_found(found) if found.layout.id is None and not found.newer else None
    if other is not None:
        return _as_found_long(found, other)
    names = _numeric(found)
    values = _numbers(
        replace(found, report=Report()), names
    )  # what looks wrong in one step of many is no finding
    columns, rows, offsets = in_columns(names, values, found.report)
    return _by_row(found, rows, columns, offsets, ())


def _as_found_long(found: Source, ident: str) -> Sequences:
    """A long table whose column of ids was found by its name."""
    found.report.say("sequences", f"column {ident} names the sequence of each row (`id`)")
    return _long(replace(found, layout=replace(found.layout, id=ident)))


def _by_row(
    found: Source, values: Array, columns: tuple[str, ...], offsets: Array, texts: tuple[str, ...]
) -> Sequences:
    """The sequences of a table with one row for each."""
    layout = found.layout
    count = found.table.count
    own = np.arange(count)
    classes, labels = _labels(found, own, count)
    names, groups = _groups(found, own, count)
    ids = tuple(str(place + 1) for place in range(count))
    if layout.id is not None:
        ids = _ids_of_rows(found, layout.id)
    moments = None if layout.time is None else _order(found, layout.time)
    form: Form = "texts" if texts else "wide"
    layout = replace(layout, form=form)
    return Sequences(
        ids, columns, values, offsets, texts, classes, labels, groups, moments, names, layout=layout
    )


def _ids_of_rows(found: Source, name: str) -> tuple[str, ...]:
    """The id of each row of a table with a row per sequence; ReadingError where one is missing, or there twice."""
    codes, names = codes_of(found.table.columns[name])
    _refuse_missing_ids(found, name, codes)
    order = np.argsort(codes, kind="stable")
    again = order[1:][np.diff(codes[order]) == 0]
    if len(again):
        found.report.refuse(
            "two-labels",
            f"{found.table.at(again[:1])} has the id {names[codes[again[0]]]!r} of a row before it.",
            rows=found.table.rows(np.sort(again)),
            remedy="Give each sequence an id that no other one has.",
        )
    return tuple(names[code] for code in codes)


def _refuse_missing_ids(found: Source, name: str, codes: Array) -> None:
    missing = np.flatnonzero(codes < 0)
    if len(missing):
        found.report.refuse(
            "missing-id",
            f"{found.table.at(missing[:1])} has no id in column {name!r} ({found.table.many(missing)}).",
            rows=found.table.rows(missing),
            remedy="Fill them in, or remove these rows.",
        )


@dataclass(frozen=True, eq=False)
class Steps:
    """The rows of a long table as steps of sequences.

    ids (S,), in the order in which they begin · owner (n,): the sequence of each row · stamps (n,): what orders them ·
    order (n,): the rows, sequence by sequence, in order.
    """

    ids: tuple[str, ...]
    owner: Array
    stamps: Array
    order: Array

    @property
    def offsets(self) -> Array:
        """Where each sequence begins among the ordered rows (S + 1,)."""
        counts = np.bincount(self.owner, minlength=len(self.ids))
        return np.concatenate([[0], np.cumsum(counts)])


def _long(found: Source) -> Sequences:
    """A row is a step of the sequence that `id` names."""
    by_time = _order_column(found)
    known = replace(found, layout=replace(found.layout, time=by_time, form="long"))
    steps = _steps(known)
    numeric = tuple(_numeric(known))
    values = _numbers(known, numeric)[steps.order]
    _say_long(known, steps, numeric, values)
    classes, labels = _labels(known, steps.owner, len(steps.ids), steps.ids)
    group_names, groups = _groups(known, steps.owner, len(steps.ids), steps.ids)
    moments = None
    if found.layout.time is not None or steps.stamps.dtype.kind == "M":
        moments = steps.stamps[steps.order][steps.offsets[1:] - 1]
    return Sequences(
        ids=steps.ids,
        columns=numeric,
        values=values,
        offsets=steps.offsets,
        texts=(),
        classes=classes,
        labels=labels,
        groups=groups,
        moments=moments,
        group_names=group_names,
        layout=replace(known.layout, columns=numeric),
    )


def _steps(found: Source) -> Steps:
    """Which rows belong to which sequence, and in which order; without a column of order in that of the file."""
    ident = found.layout.id or ""
    codes, names = codes_of(found.table.columns[ident])
    _refuse_missing_ids(found, ident, codes)
    owner, appeared = pd.factorize(codes)
    stamps = np.arange(found.table.count)
    if found.layout.time is not None:
        stamps = _order(found, found.layout.time)
    order = np.lexsort([stamps, owner])
    _say_ties(found, stamps[order], owner[order])
    return Steps(tuple(names[code] for code in appeared), owner, stamps, order)


def _say_long(found: Source, steps: Steps, columns: Sequence[str], values: Array) -> None:
    """Report what a long table holds, and in which order its rows are."""
    by_time = found.layout.time
    how = "in the order of the file" if by_time is None else f"in the order of {by_time}"
    found.report.say("order", f"the rows of a sequence are {how}; the order is no feature")
    sizes = f"{counted(len(steps.ids), 'sequence')} of {counted(len(steps.owner), 'row')}"
    found.report.say("sequences", f"{sizes}, columns {listed(columns)}")
    _say_gaps(values, found.report)


def _order_column(found: Source) -> str | None:
    """The column by which the rows of a sequence are ordered: named, else called by time or step."""
    if found.layout.time is not None:
        return found.layout.time
    taken = {found.layout.id, found.layout.label, found.layout.group, *names_of(found.layout.columns)}
    usual = (*TIME_NAMES, *ORDER_NAMES)
    for name, kind in found.kinds.items():
        if name.lower() in usual and name not in taken and kind in ("stamp", "number"):
            return name
    return None


def _order(found: Source, name: str) -> Array:
    """What orders rows (n,): stamps, or numbers as they are; ReadingError where a cell is neither."""
    column = found.table.columns[name]
    if found.is_numeric(name):
        order = _numbers(found, [name])[:, 0]
        wrong = np.flatnonzero(np.isnan(order))
    else:
        stamps = parse_stamps(column, found.layout.dayfirst, name)
        order = stamps.wall
        if stamps.offset is not None:
            order = order - stamps.offset.astype("timedelta64[ns]")
        wrong = np.flatnonzero(np.isnat(order))
    if len(wrong):
        found.report.refuse(
            "unreadable-stamp",
            f"{found.table.at(wrong[:1])} has neither a stamp nor a number in column {name!r}"
            f" ({found.table.many(wrong)}).",
            rows=found.table.rows(wrong),
            remedy="Mend them, or name another column with `time`.",
        )
    return order


def _say_ties(found: Source, stamps: Array, owner: Array) -> None:
    """Report rows of one sequence that have the same place in its order."""
    same = (stamps[1:] == stamps[:-1]) & (owner[1:] == owner[:-1])
    if same.any():
        found.report.say(
            "duplicate",
            f"{counted(int(same.sum()), 'row')} of a sequence have the {found.layout.time} of another; they keep the"
            " order of the file",
        )


def _numeric(found: Source) -> list[str]:
    """The columns of numbers that are read: those that were named, else all that have no other meaning."""
    layout = found.layout
    if layout.columns is not None:
        return [named(found.table, name, "columns", found.report) for name in names_of(layout.columns)]
    taken = {layout.label, layout.id, layout.text, layout.time, layout.group}
    free = [name for name in found.table.columns if name not in taken]
    numeric = [name for name in free if found.is_numeric(name) or found.kinds[name] == "empty"]
    left = [name for name in free if name not in numeric]
    if not any(found.is_numeric(name) for name in numeric):
        _refuse_no_numbers(found, left)
    if left:
        found.report.say("unread", f"no numbers, and so not read: {listed(left)}")
    return numeric


def _refuse_no_numbers(found: Source, left: Sequence[str]) -> None:
    """Refuse a table without a column of numbers; where it has words, say how they are read."""
    words = [name for name in left if found.kinds[name] == "text"]
    if words:
        found.report.refuse(
            "which-text",
            f"{found.table.where} has no column of numbers, but words in {listed(words)}.",
            remedy=f"Name the column of texts: `text={words[-1]}`.",
        )
    found.report.refuse(
        "no-column", f"{found.table.where} has no column of numbers next to the ones that were named."
    )


def _say_gaps(values: Array, report: Report) -> None:
    """Report how many values are missing."""
    share = np.isnan(values).mean() if values.size else 0.0
    if share:
        report.say("missing-values", f"{share:.1%} of the values are missing, and stay gaps")


def _numbers(found: Source, names: Sequence[str]) -> Array:
    """Cells of columns as numbers (n, C); what is no number is refused by its row."""
    layout = found.layout
    choices = Choices(names_of(layout.missing), (), (), layout.decimal)
    cells = {name: found.table.columns[name] for name in names}
    values, _, _ = read_values(found.table, cells, dict.fromkeys(names, "past"), choices, found.report)
    return values


def _labels(
    found: Source, owner: Array, count: int, ids: Sequence[str] = ()
) -> tuple[tuple[str, ...], Array]:
    """The classes, and the label of each of `count` sequences, whose rows are those of `owner` (n,)."""
    name = found.layout.label
    if name is None or (found.newer and name not in found.table.columns):
        return (), np.full(count, UNKNOWN)
    return labels_of_rows(found.table, name, owner, count, ids, found.report)


def _groups(
    found: Source, owner: Array, count: int, ids: Sequence[str] = ()
) -> tuple[tuple[str, ...], Array | None]:
    """The names of the groups and the group of each sequence, None where no column names them."""
    name = found.layout.group
    if name is None or name not in found.table.columns:
        return (), None
    codes, names = codes_of(found.table.columns[name])
    wrong = np.flatnonzero(codes < 0)
    if len(wrong):
        found.report.refuse(
            "missing-id",
            f"{found.table.at(wrong[:1])} has no group in column {name!r} ({found.table.many(wrong)}).",
            rows=found.table.rows(wrong),
            remedy="Fill them in: a sequence that belongs to nobody is a group by itself.",
        )
    groups, clash = one_each(codes, owner, count)
    if clash is not None:
        found.report.refuse(
            "two-groups",
            f"Sequence {ids[clash]!r} is in two groups of column {name!r}.",
            remedy="Give it one, or name another column with `group`.",
        )
    found.report.say("group", f"{counted(len(names), 'group')} from column {name}, which is no feature")
    return names, groups


def _with_labels(read: Sequences, label: str | None, source: Any, report: Report) -> Sequences:
    """Sequences with the classes that a second file gives by id, or row by row."""
    layout = read.layout
    table = load_table(source, report, Request(set, encoding=layout.encoding))
    if label is None:
        raise ForecastError(f"{table.where} has the labels: name their column, `label`.")
    if label not in table.columns:
        report.refuse(
            "no-such-column", f"There is no column {label!r} in {table.where}.{nearest(label, table.columns)}"
        )
    if layout.id is None or layout.id not in table.columns:
        if table.count != len(read):
            report.refuse(
                "missing-label",
                f"{table.where} has {counted(table.count, 'row')} for {counted(len(read), 'sequence')}, and no column"
                f" {layout.id or 'of ids'!r} that would join them.",
                remedy="Give both files a column of ids, and name it with `id`.",
            )
        owner = np.arange(table.count)
        ids = read.ids
    else:
        owner, ids, table = _joined(read, table, layout.id, report)
    classes, labels = labels_of_rows(table, label, owner, len(ids), ids, report)
    return replace(read, classes=classes, labels=labels, layout=replace(layout, label=label))


def _joined(read: Sequences, table: Table, name: str, report: Report) -> tuple[Array, tuple[str, ...], Table]:
    """The place of the sequence of each row of a table of labels, the ids, and the table without rows of no sequence."""
    codes, names = codes_of(table.columns[name])
    places = {ident: place for place, ident in enumerate(read.ids)}
    of_name = np.array([*(places.get(one, -1) for one in names), -1])
    owner = of_name[codes]
    strange = np.flatnonzero(owner < 0)
    if len(strange):
        report.say(
            "label-of-nothing",
            f"{counted(len(strange), 'label')} in {table.where} of ids that no sequence has are left out",
            rows=table.rows(strange),
        )
        table = table.keep(owner >= 0)
        owner = owner[owner >= 0]
    return owner, read.ids, table


FORMS: Mapping[Form, Callable[[Source], Sequences]] = {"long": _long, "wide": _wide, "texts": _texts}
