"""What the options names, leave, factor and unit do: columns get other names, are left out, and their numbers a factor or a unit."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

import numpy as np

from forecast.arrays import Array
from forecast.data.findings import Report, listed
from forecast.errors import ForecastError, nearest
from forecast.reading.tables import Table

ALL = ""  # the key of what holds for all columns of numbers


def renamed(table: Table, names: Sequence[str], newer: bool, report: Report) -> Table:
    """The table with new names: of all columns in their order, or of some as old=new.

    newer: whether the rows are newer ones of a file that was read before: these may lack columns, or have the new names already.
    """
    if not names:
        return table
    pairs = _pairs(names)
    if pairs and not newer:
        refuse_absent("names", pairs, table.columns, report)
    if not pairs and len(names) != len(table.columns):
        report.refuse(
            "no-such-column",
            f"`names` has {len(names)} names ({listed(names)}), and {table.where} has {len(table.columns)} columns: {listed([*table.columns], 20)}.",
            remedy="Name all of them in their order, or some as old=new.",
        )
    after = list(new_names(list(table.columns), names).values())
    twice = sorted({name for name in after if after.count(name) > 1})
    if twice:
        report.refuse(
            "no-such-column",
            f"After `names={','.join(names)}` several columns of {table.where} are called {listed(twice)}.",
            remedy="Give each column a name that no other has.",
        )
    return replace(table, columns=dict(zip(after, table.columns.values(), strict=True)))


def new_names(columns: Sequence[str], names: Sequence[str]) -> dict[str, str]:
    """What each column is called after `names`, by what it is called before."""
    pairs = _pairs(names)
    if pairs or len(names) != len(columns):
        return {name: pairs.get(name, name) for name in columns}
    return dict(zip(columns, names, strict=True))


def _pairs(names: Sequence[str]) -> dict[str, str]:
    """New names by old ones where all are written old=new, else none."""
    pairs = [text.rpartition("=") for text in names]
    if not all(old and new for old, _, new in pairs):
        return {}
    return {old: new for old, _, new in pairs}


def any_match(name: str, patterns: Sequence[str]) -> bool:
    """Whether a name is one of patterns, in which * stands for any text."""
    return any(_matches(name, pattern) for pattern in patterns)


def _matches(name: str, pattern: str) -> bool:
    parts = [re.escape(part) for part in pattern.split("*")]
    return re.fullmatch(".*".join(parts), name, re.DOTALL) is not None


def without(table: Table, leave: Sequence[str], newer: bool, report: Report) -> Table:
    """The table without the columns that `leave` names; in a name, * stands for any text.

    newer: whether the rows are newer ones of a file that was read before: these may lack what was to be left out there.
    """
    for pattern in leave:
        if not newer and not any(_matches(name, pattern) for name in table.columns):
            report.refuse(
                "no-such-column",
                f"There is no column {pattern!r} for `leave`.{nearest(pattern, table.columns)}",
            )
    kept = {name: column for name, column in table.columns.items() if not any_match(name, leave)}
    return replace(table, columns=kept)


def factors_of(given: Sequence[str]) -> dict[str, float]:
    """What each column's numbers are multiplied by, ALL for all others; ForecastError where that is no number, or 0."""
    factors = {}
    for text in given:
        name, _, number = text.rpartition("=")
        try:
            factor = float(number)
        except ValueError:
            factor = np.nan
        if not np.isfinite(factor) or factor == 0:
            raise ForecastError(f"`factor={text}` has no number to multiply by: write 0.1, or TMAX=0.1.")
        factors[name] = factor
    return factors


def units_of(given: Sequence[str]) -> dict[str, str]:
    """The unit of each column that has one; ForecastError where a column or its unit is not named."""
    units = {}
    for text in given:
        name, _, unit = text.rpartition("=")
        if not name or not unit:
            raise ForecastError(f"`unit={text}` is not a column and its unit: write TMAX=°C.")
        units[name] = unit
    return units


def refuse_absent(option: str, given: Collection[str], known: Collection[str], report: Report) -> None:
    """Refuse a column of an option that is not in the file."""
    for name in given:
        if name != ALL and name not in known:
            report.refuse(
                "no-such-column", f"There is no column {name!r} for `{option}`.{nearest(name, known)}"
            )


def scaled(values: Array, factor: float) -> Array:
    """Values float64 (n,) times a factor; tenths are divided by 10, so that 3 tenths are 0.3 and not the number after it."""
    if factor == 1:
        return values
    parts = round(1 / factor)
    if abs(factor) < 1 and 1 / parts == factor:
        return values / parts
    return values * factor


def say_units(units: Mapping[str, str], read: Collection[str], report: Report) -> None:
    """Report the units of the columns that are read."""
    known = [f"{name} in {unit}" for name, unit in units.items() if name in read]
    if known:
        report.say("unit", f"units: {listed(known, 20)}")
