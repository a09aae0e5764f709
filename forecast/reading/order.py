"""The order of the names of a target, as it is given at the door."""

from forecast.data.categories import ordered_target
from forecast.data.findings import Report, listed
from forecast.data.options import Names, names_of
from forecast.data.panel import Panel
from forecast.errors import ForecastError, nearest

BELOW = "<"  # between two names, the lower first


def order_of(option: Names) -> tuple[str, ...]:
    """The names that the option `ordered` gives, lowest first: () where it is not given.

    ForecastError where there are fewer than two, or one is there twice.
    """
    if option is None:
        return ()
    given = names_of(option)
    whole = given if len(given) > 1 else given[0].split(BELOW)
    names = tuple(name.strip() for name in whole)
    shown = BELOW.join(names)
    if len(names) < 2 or "" in names:
        raise ForecastError(
            f"`ordered={shown}` is no order: give two names or more, the lowest first, such as `ordered=calm<breeze<storm`."
        )
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise ForecastError(f"`ordered={shown}` has {twice[0]!r} twice: each name has one place.")
    return names


def in_order_of_names(panel: Panel, option: Names, newer: bool, report: Report) -> Panel:
    """The panel with the names of its target in their order, which is reported; unchanged where none is given.

    newer: these are rows that follow others, and need not have all names. ForecastError where the target holds numbers, or
    its names are not those of the order.
    """
    order = order_of(option)
    if not order:
        return panel
    shown = BELOW.join(order)
    if not panel.names:
        raise ForecastError(
            f"`ordered={shown}` is of names, and the target {panel.target} holds numbers, whose order is known. Read it as"
            f" names with `category={panel.target}`, or leave `ordered` out."
        )
    if not newer:
        _refuse_others(panel, order)
        report.say("ordered", f"the names of {panel.target} have an order: {shown}")
    return ordered_target(panel, order)


def _refuse_others(panel: Panel, order: tuple[str, ...]) -> None:
    """ForecastError where the names of the target are not those of its order."""
    shown = BELOW.join(order)
    unplaced = [name for name in panel.names if name not in order]
    unseen = [name for name in order if name not in panel.names]
    if unseen:
        raise ForecastError(
            f"`ordered={shown}`: {panel.target} is never {unseen[0]!r}.{nearest(unseen[0], unplaced or panel.names)}"
        )
    if unplaced:
        raise ForecastError(
            f"`ordered={shown}` has no place for {listed(unplaced)}, which {panel.target} holds too. Give all names."
        )
