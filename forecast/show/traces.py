"""What figures are put together from: lines, interval bands, menus and buttons."""

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from forecast.arrays import Array
from forecast.show.axes import stamps_of
from forecast.show.look import escaped

POINTS = 2000  # of one line
MARKED = 60  # points of a line below which each gets a marker
BARS = (14, 5, 2)  # pixels: the widths of the intervals of a single step, the narrowest first
SHADES = (
    0.42,
    0.2,
    0.12,
)  # opacity of the intervals, the narrowest first: each is seen on the wider one below it
MARGIN = 0.05  # of the range of the values, above and below them

Curve = tuple[Array, Array]  # times (n,) and values (n,)

_CORNER = {
    "x": 1,
    "xanchor": "right",
    "y": 1.03,
    "yanchor": "bottom",
    "showactive": True,
    "bgcolor": "white",
    "bordercolor": "#BBBBBB",
}


def line(
    x: Array,
    y: Array,
    name: str,
    colour: str,
    mode: str = "lines",
    *,
    width: float = 1.5,
) -> go.Scatter:
    """A line of values y (n,) at stamps or numbers x (n,)."""
    return go.Scatter(
        x=stamps_of(x) if x.dtype.kind == "M" else x,
        y=y,
        name=escaped(name),
        mode=mode,
        line={"color": colour, "width": width},
        marker={"color": colour, "size": 5},
        hovertemplate="%{y:,.6~r}",
    )


def marked(count: int) -> str:
    """The mode of a line of `count` points: a short one has a marker at each."""
    return "lines+markers" if count <= MARKED else "lines"


def band(x: Array, low: Array, high: Array, name: str, colour: str, rank: int = 0) -> go.Scatter:
    """An interval as a filled outline, of a single step as a bar; nothing where it is missing.

    rank: 0 of the narrowest, which is the darkest and has the widest bar.
    """
    seen = ~(np.isnan(low) | np.isnan(high))
    stamps = np.asarray(stamps_of(x[seen]) if x.dtype.kind == "M" else x[seen])
    trace = go.Scatter(
        x=np.concatenate([stamps, stamps[::-1]]),
        y=np.concatenate([high[seen], low[seen][::-1]]),
        name=name,
        opacity=SHADES[min(rank, len(SHADES) - 1)],
        hoverinfo="skip",
    )
    if len(stamps) == 1:  # an outline of one step has no area
        return trace.update(mode="lines", line={"color": colour, "width": BARS[min(rank, len(BARS) - 1)]})
    return trace.update(mode="none", fill="toself", fillcolor=colour)


def menu(ids: Sequence[str], active: int, traces: int) -> dict[str, Any]:
    """A menu that shows the `traces` traces of one series at a time."""
    owners = np.repeat(np.arange(len(ids)), traces)
    buttons = []
    for i, name in enumerate(ids):
        shown = {"visible": (owners == i).tolist()}
        buttons.append({"label": escaped(name), "method": "restyle", "args": [shown]})
    return {"buttons": buttons, "active": active, **_CORNER}


def range_buttons(label: str, part: dict[str, Any]) -> dict[str, Any]:
    """Two buttons: a part of both axes, by its ranges, or all of them."""
    whole = {"xaxis.autorange": True, "yaxis.autorange": True}
    buttons = [
        {"label": label, "method": "relayout", "args": [part]},
        {"label": "whole test", "method": "relayout", "args": [whole]},
    ]
    return {"buttons": buttons, "active": 0, "type": "buttons", "direction": "right", **_CORNER}


def value_range(curves: Iterable[Curve], edges: Array) -> list[float] | None:
    """The lowest and highest value of curves between two stamps, with a margin; None where there is no range."""
    inside = []
    for times, values in curves:
        between = (times >= edges[0]) & (times <= edges[1])
        inside.append(values[between & ~np.isnan(values)])
    seen = np.concatenate(inside)
    if not len(seen) or seen.min() == seen.max():
        return None
    margin = MARGIN * (seen.max() - seen.min())
    return [float(seen.min() - margin), float(seen.max() + margin)]


def thinned(times: Array, values: Array) -> Curve:
    """Every k-th point of a curve, so that it has at most POINTS."""
    every = max(1, math.ceil(len(times) / POINTS))
    return times[::every], values[::every]
