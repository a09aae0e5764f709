"""Prices at the door: what is to be known of one before its returns are forecast."""

from collections.abc import Iterable

import numpy as np

from forecast.data.bounds import not_positive
from forecast.data.findings import Report, counted, listed
from forecast.data.options import Reading
from forecast.data.panel import Panel
from forecast.errors import ForecastError

ADJUSTED = ("adj close", "adj_close", "adjclose", "adj. close", "adjusted close", "adjusted_close")


def refuse_two_targets(reading: Reading) -> None:
    """ForecastError where more than one of the options is given that make the target from other columns."""
    given = [name for name in ("event", "returns") if getattr(reading, name)]
    if len(given) > 1:
        shown = " and ".join(f"`{name}`" for name in given)
        raise ForecastError(f"{shown} each say what is forecast. Give one of them.")


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
