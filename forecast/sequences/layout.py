"""Layout: every option of how a file of sequences is read, as one value."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Literal

from forecast.data.options import Names
from forecast.errors import ForecastError, nearest, validated

Form = Literal["long", "wide", "texts"]


@dataclass(frozen=True)
class Layout:
    """How a file of sequences is read: which column is what, and what its cells mean. None = not there, or found.

    label: the column of classes · id: names the sequence of each row of a long table, or each sequence · text: the
    column of texts, each a sequence · time: the order of rows within a sequence, or when each sequence was; never a
    feature · group: what sequences have in common that a split must not tear apart, such as a speaker; never a feature ·
    columns: those of numbers, by default all others · missing: cells that mean missing · decimal, dayfirst, encoding,
    header: as in `forecast.Reading` · form: found by the file: long (a row is a step), wide (a row is a sequence of
    numbers), texts.
    """

    label: str | None = None
    id: str | None = None
    text: str | None = None
    time: str | None = None
    group: str | None = None
    columns: Names = None
    missing: Names = None
    decimal: Literal[".", ","] | None = None
    dayfirst: bool | None = None
    encoding: str | None = None
    header: int | None = None
    form: Form | None = None


OPTIONS = tuple(field.name for field in fields(Layout) if field.name != "form")


def make_layout(layout: Layout | None, options: Mapping[str, Any]) -> Layout:
    """A Layout with some of its options; ForecastError where one is unknown, not of its type, or contradicts another."""
    for name in options:
        if name not in OPTIONS:
            raise ForecastError(f"There is no option `{name}` of sequences.{nearest(name, OPTIONS)}")
    base = layout or Layout()
    made: Layout = validated(Layout, {**vars(base), **options})
    _refuse_same_column(made)
    return made


def _refuse_same_column(layout: Layout) -> None:
    """ForecastError where one column is given two meanings."""
    roles: dict[str, str] = {}
    for role in ("label", "id", "text", "time", "group"):
        column = getattr(layout, role)
        if column is None:
            continue
        if column in roles and {roles[column], role} != {"id", "group"}:
            raise ForecastError(
                f"Column {column!r} cannot be `{roles[column]}` and `{role}` as well: name another for one."
            )
        roles.setdefault(column, role)
