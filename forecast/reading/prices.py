"""Prices at the door: what is to be known of one before its returns are forecast."""

from collections.abc import Iterable, Mapping

import numpy as np

from forecast.arrays import Array
from forecast.data.bounds import not_positive
from forecast.data.derived import GARMAN_KLASS, OF_BARS, SQUARED, VOLATILITIES, bars_of, place_of
from forecast.data.findings import Report, counted, listed
from forecast.data.options import Reading
from forecast.data.panel import Panel, Role
from forecast.errors import ForecastError, nearest

ROUNDED = 1e-3  # share of a price by which one may lie outside of its row's range
OUTSIDE = 0.01  # share of rows with such prices from which on they are not of the same kind
ADJUSTED = ("adj close", "adj_close", "adjclose", "adj. close", "adjusted close", "adjusted_close")


def refuse_two_targets(reading: Reading) -> None:
    """ForecastError where more than one of the options is given that make the target from other columns."""
    given = [name for name in ("event", "returns", "volatility") if getattr(reading, name)]
    if len(given) > 1:
        shown = " and ".join(f"`{name}`" for name in given)
        raise ForecastError(f"{shown} each say what is forecast. Give one of them.")
    if given and reading.ordered is not None:
        raise ForecastError(
            f"`ordered` is of a target of names, and `{given[0]}` makes another one. Leave one of them out."
        )
    how = reading.volatility
    if how is not None and how not in VOLATILITIES:
        raise ForecastError(f"There is no `volatility={how}`.{nearest(how, VOLATILITIES)}")
    if how == GARMAN_KLASS and reading.every is not None:
        raise ForecastError(
            f"`volatility={how}` reads open, high, low and close of each row, and `every={reading.every}` would gather rows."
            f" Leave `every` out, or take `volatility=squared`."
        )


def with_bars(roles: dict[str, Role], kinds: Mapping[str, str], report: Report) -> dict[str, Role]:
    """The roles with open, high and low as past columns next to a closing price; refused where one is not there.

    kinds: of the columns that hold neither stamps nor series.
    """
    targets = [name for name, role in roles.items() if role == "target"]
    names = [name for name, kind in kinds.items() if kind == "number"]
    found = bars_of(names, targets[0])
    absent = [name for name, own in zip(OF_BARS, found, strict=False) if not own]
    if absent or len(targets) > 1 or targets[0] in found[:3]:
        what = f"no column {' or '.join(absent)}" if absent else f"the target {', '.join(targets)}"
        report.refuse(
            "no-bars",
            f"`volatility={GARMAN_KLASS}` reads the columns open, high and low next to the closing price, which is the"
            f" target; found {what}.",
            remedy="Name them so with `names`, such as `names=Eröffnung=open`, name the closing price with `target`, or take"
            " `volatility=squared`.",
        )
    made = dict(roles)
    for name in found[:3]:
        made[name] = "past"
    return made


def look_at_bars(panel: Panel, report: Report) -> None:
    """Refuse rows whose high is below their low, or whose closes mostly lie outside of both.

    A few outside, as of rounded prices, are reported.
    """
    history = panel.history().compact()
    names = bars_of([column.name for column in history.columns], history.target)
    opened, high, low, close = (history.values[:, place_of(history, name)] for name in names)
    rows = np.flatnonzero(high < low)
    if len(rows):
        where = _first(history, rows)
        report.refuse(
            "no-bars",
            f"{names[1]} is below {names[2]} in {counted(len(rows), 'row')}, the first is {high[rows[0]]:g} below"
            f" {low[rows[0]]:g} at {where}.",
            remedy="Mend the file, or say what means missing (`missing`).",
        )
    known = ~np.isnan(opened + high + low + close)
    lowest, highest = np.minimum(opened, close), np.maximum(opened, close)
    rows = np.flatnonzero(known & ((highest > high * (1 + ROUNDED)) | (lowest < low * (1 - ROUNDED))))
    if len(rows) > OUTSIDE * known.sum():
        report.refuse(
            "no-bars",
            f"{names[0]} or {history.target} lies outside of {names[2]} to {names[1]} in {counted(len(rows), 'row')}, the first"
            f" is at {_first(history, rows)}: they are not prices of the same kind.",
            remedy="Take a closing price that is not adjusted apart from the others (`target`), or `volatility=squared`.",
        )
    if len(rows):
        report.say(
            "outside-bar",
            f"{names[0]} or {history.target} lies outside of {names[2]} to {names[1]} in {counted(len(rows), 'row')}, the first is"
            f" at {_first(history, rows)}",
        )


def _first(panel: Panel, rows: Array) -> str:
    """When and in which series the first of some rows of a compact panel is."""
    series = panel.ids[int(np.searchsorted(panel.stops, rows[0], side="right"))]
    return f"{panel.stamp(int(rows[0]))} in series {series!r}"


def look_at_variance(panel: Panel, report: Report) -> None:
    """Report what the target is, and in how many rows it is not known, or the price did not move."""
    history = panel.history()
    target = history.columns[0]
    price = target.of
    what = f"log({price} / {price} in the row before), squared"
    if target.part == GARMAN_KLASS:
        names = bars_of([column.name for column in history.columns], price)
        what = f"by Garman and Klass from {', '.join(names)}; what happens between close and open is no part of it"
    report.say("derived", f"target {history.target}, the variance of the log return of a row: {what}")
    values = history.values[:, 0]
    expected = len(values)
    if target.part == SQUARED:
        expected -= int((history.lengths > 0).sum())
    unknown = expected - int((~np.isnan(values)).sum())
    if unknown > 0:
        report.say(
            "missing",
            f"{counted(unknown, 'row')} of {len(values):,} {'has' if unknown == 1 else 'have'} no variance: a price is missing,"
            " or it did not move, and 0 has no log; they are neither learned from nor scored",
        )


def say_adjusted(targets: Iterable[str], names: Iterable[str], report: Report) -> None:
    """Report that the target is a closing price beside which an adjusted one stands.

    names: those of the columns of numbers.
    """
    if [name.lower() for name in targets] != ["close"]:
        return
    for name in names:
        if name.lower() in ADJUSTED:
            report.say(
                "adjusted",
                f"{name} stands next to {next(iter(targets))}, in which dividends, and splits where the vendor has not taken them out,"
                " are falls of the price",
                remedy=f"(`target={name}` is without them)",
            )


def look_at_price(panel: Panel, option: str, report: Report) -> None:
    """Refuse a target that is no price: it has names, or a value at 0 or below."""
    if panel.names:
        raise ForecastError(
            f"`{option}` is of a price, and the target {panel.target} has names ({listed(panel.names)}). Name the"
            f" column of a price with `target`, or leave `{option}` out."
        )
    low = not_positive(panel)
    if low:
        report.refuse(
            "no-price",
            f"`{option}` is of a price, which is above 0: {low}.",
            remedy="Say what means missing (`missing`), mend the file, or name the column of a price with `target`.",
        )


def look_at_returns(panel: Panel, report: Report) -> None:
    """Report what the target is, and in how many rows it is not known."""
    history = panel.history()
    price = panel.columns[0].of
    report.say("derived", f"target {panel.target}: log({price} / {price} in the row before)")
    values = history.values[:, 0]
    first = int((history.lengths > 0).sum())
    unknown = int(np.isnan(values).sum()) - first
    if unknown > 0:
        report.say(
            "missing",
            f"{counted(unknown, 'row')} of {len(values):,} {'has' if unknown == 1 else 'have'} no return:"
            f" {price} is missing there or in the row before",
        )
