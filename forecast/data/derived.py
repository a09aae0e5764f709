"""Targets that are made from other columns, row by row: an event, the return of a price. What one is made from stays next to it as a past column."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from forecast.arrays import Array
from forecast.data.events import NAMES, Condition, before_steps, condition_of, happened
from forecast.data.panel import Column, Panel

SQUARED = "squared"
GARMAN_KLASS = "garman-klass"
VOLATILITIES = (SQUARED, GARMAN_KLASS)
OF_BARS = ("open", "high", "low")  # the columns that stand next to a closing price


def with_event(panel: Panel, condition: Condition) -> Panel:
    """The panel whose target is an event; what was the target is a past column next to it, as all others are."""
    event = Column(str(condition), "target", NAMES, made="event", of=str(condition))
    return _with_target(panel, event)


def with_returns(panel: Panel) -> Panel:
    """The panel whose target is the log return of what was the target, a price, which is a past column next to it."""
    price = panel.target
    return _with_target(panel, Column(f"return({price})", "target", made="return", of=price))


def with_variance(panel: Panel, how: str) -> Panel:
    """The panel whose target is the variance of the log returns of what was the target, a price, in each row.

    how: squared or garman-klass. A variance of 0, of a price that did not move, is missing: it has no log.
    """
    price = panel.target
    return _with_target(panel, Column(f"variance({price})", "target", made="variance", of=price, part=how))


def _with_target(panel: Panel, target: Column) -> Panel:
    """The panel with a derived target before its other columns."""
    old = replace(panel.columns[0], role="past")
    columns = (target, old, *panel.columns[1:])
    unknown = np.full((len(panel.values), 1), np.nan)
    wider = replace(panel, values=np.concatenate([unknown, panel.values], axis=1), columns=columns)
    return completed(wider)


def completed(panel: Panel) -> Panel:
    """The panel with its derived target in each row where that can be known, as newer rows follow on older ones.

    In the first rows, which may lack the one before them, it is what it was.
    """
    target = panel.columns[0]
    if target.made not in MAKERS:
        return panel
    made = MAKERS[target.made](panel)
    values = panel.values.copy()
    values[:, 0] = np.where(np.isnan(made), values[:, 0], made)
    return replace(panel, values=values)


def log_returns(panel: Panel, price: str) -> Array:
    """log(p_t / p_(t - 1)) of a price (N,): NaN where it, or that of the row before, is missing or not above 0."""
    values = panel.values[:, place_of(panel, price)]
    before = before_steps(panel, values, 1)
    known = (values > 0) & (before > 0)
    ratio = np.where(known, values, 1.0) / np.where(known, before, 1.0)
    return np.where(known, np.log(ratio), np.nan)


def garman_klass(opened: Array, high: Array, low: Array, close: Array) -> Array:
    """The variance of the log return from open to close, by the prices of each row (N,): Garman and Klass (1980), Journal of
    Business 53, their practical estimator.

    log(high / low)^2 / 2 - (2 log 2 - 1) log(close / open)^2. It knows nothing of what happens between close and open.
    NaN where a price is missing or not above 0.
    """
    prices = np.stack([opened, high, low, close])
    known = (prices > 0).all(axis=0)
    logs = np.log(np.where(known, prices, 1.0))
    made = (logs[1] - logs[2]) ** 2 / 2 - (2 * np.log(2) - 1) * (logs[3] - logs[0]) ** 2
    return np.where(known, made, np.nan)


def bars_of(names: Sequence[str], close: str) -> list[str]:
    """The columns open, high, low and close among names, whatever their case; the latter is known. "" where one is not there."""
    found = {name.lower(): name for name in names}
    return [*(found.get(name, "") for name in OF_BARS), close]


def place_of(panel: Panel, name: str) -> int:
    """The place of a column by its name."""
    return next(i for i, column in enumerate(panel.columns) if column.name == name)


def _event(panel: Panel) -> Array:
    return happened(condition_of(panel.columns[0].of), panel)


def _return(panel: Panel) -> Array:
    return log_returns(panel, panel.columns[0].of)


def _variance(panel: Panel) -> Array:
    target = panel.columns[0]
    if target.part == SQUARED:
        made = log_returns(panel, target.of) ** 2
    else:
        names = bars_of([column.name for column in panel.columns], target.of)
        made = garman_klass(*(panel.values[:, place_of(panel, name)] for name in names))
    return np.where(made > 0, made, np.nan)


MAKERS: dict[str, Callable[[Panel], Array]] = {  # how a target is made -> its values (N,) from the others
    "event": _event,
    "return": _return,
    "variance": _variance,
}
