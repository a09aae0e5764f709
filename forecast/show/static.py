"""A figure as an SVG: the same traces without any script, for paper and for readers without JavaScript."""

import html
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go
from markupsafe import Markup

from forecast.arrays import Array
from forecast.show.axes import stamps_of
from forecast.show.look import TRUTH

WIDTH, HEIGHT = 640, 300  # of the drawing, in its own units
LEFT, RIGHT, TOP, BOTTOM = 62, 12, 10, 44  # between its edges and the axes
TICKS = 6  # of an axis, at most
LABELLED = 90  # units between two labels of the axis across, at least
ROOM = 0.04  # of the range of the values, above and below them
LEAST_ROOM = 1e-6  # of a single value across, on each side: less is lost in nanoseconds since 1970
BAR = 0.7  # of the distance between two bars
DASHES = {"dash": "7 4", "dot": "2 3", "dashdot": "7 3 2 3", "longdash": "11 4"}


@dataclass(frozen=True)
class _Axis:
    """Numbers between `low` and `high` as places between `begin` and `end`; ticks: where, and with which label."""

    low: float
    high: float
    begin: float
    end: float
    ticks: tuple[tuple[float, str], ...]

    def at(self, values: Any) -> Any:
        """The places of values."""
        share = (values - self.low) / (self.high - self.low)
        return self.begin + share * (self.end - self.begin)


def svg(figure: go.Figure) -> Markup | None:
    """What a figure shows at first, as an SVG with its title and legend; None where it has several panels or is a heat map.

    The numbers are those of the traces: lines, markers, filled outlines and bars.
    """
    traces = [trace for trace in figure.data if trace.visible is not False]
    if not traces or not all(_drawable(trace) for trace in traces):
        return None
    places, across = _across(figure, traces)
    up = _upward(figure, traces)
    drawn: list[str] = []
    bases = np.zeros(0)
    for trace, x in zip(traces, places, strict=True):
        if trace.type == "bar":
            bases = bases if len(bases) == len(x) else np.zeros(len(x))
            drawn += _bars(trace, x, bases, across, up)
            bases = bases + _numbers(trace.y) if figure.layout.barmode == "stack" else bases
        else:
            drawn += _line(trace, x, across, up)
    label = html.escape(figure.layout.title.text or "")
    inside = f'x="{LEFT}" width="{WIDTH - LEFT - RIGHT}" height="{HEIGHT - BOTTOM}"'
    window = f'viewBox="{LEFT} 0 {WIDTH - LEFT - RIGHT} {HEIGHT - BOTTOM}"'  # what lies outside is not drawn
    picture = (
        f'<svg class="drawing" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{label}">'
        f"{''.join(_grid(figure, across, up))}<svg {inside} {window}>{''.join(drawn)}</svg></svg>"
    )
    return Markup(
        f'<figure class="static"><figcaption>{label}</figcaption>{_legend(traces)}'
        f'<div class="scroll">{picture}</div></figure>'
    )


def _drawable(trace: Any) -> bool:
    """Whether a trace is a line or bars on the only pair of axes."""
    upright = trace.type == "scatter" or (trace.type == "bar" and trace.orientation != "h")
    alone = upright and trace.xaxis in (None, "x") and trace.yaxis in (None, "y")
    return bool(alone and trace.x is not None and len(trace.x))


def _numbers(values: Any) -> Array:
    return np.array(values, "float64")


def _across(figure: go.Figure, traces: Sequence[Any]) -> tuple[list[Array], _Axis]:
    """The places of all x on the axis across, as numbers, and that axis."""
    axis = figure.layout.xaxis
    columns = [np.array(trace.x) for trace in traces]
    bars = any(trace.type == "bar" for trace in traces)
    if axis.type == "category" or (bars and columns[0].dtype.kind in "UO"):
        names = list(dict.fromkeys(str(x) for column in columns for x in column))
        places = [np.array([names.index(str(x)) for x in column], "float64") for column in columns]
        labels = names
        found = np.arange(len(names), dtype="float64")
        low, high = -0.5, len(names) - 0.5
    else:
        stamps = columns[0].dtype.kind in "UO"
        places = [_moments(column) if stamps else column.astype("float64") for column in columns]
        found = np.unique(np.concatenate(places))
        labels = (
            stamps_of(found.astype("int64").view("datetime64[ns]")) if stamps else [f"{x:g}" for x in found]
        )
        low, high = _ends(axis.range, found, stamps)
    inside = np.flatnonzero((found >= low) & (found <= high))
    most = min(TICKS, int((WIDTH - LEFT - RIGHT) // max(LABELLED, 8 * max(map(len, map(str, labels))))))
    chosen = inside[np.unique(np.linspace(0, len(inside) - 1, min(most, len(inside))).round().astype(int))]
    ticks = tuple((float(found[place]), str(labels[place])) for place in chosen)
    return places, _Axis(low, high, LEFT, WIDTH - RIGHT, ticks)


def _moments(stamps: Array) -> Array:
    """Stamps as text (n,) as nanoseconds."""
    return np.array(stamps, "datetime64[ns]").astype("int64").astype("float64")


def _ends(given: Any, found: Array, stamps: bool) -> tuple[float, float]:
    """Both ends of the axis across: those that the figure names, or those of its values with a little room."""
    if given is not None:
        low, high = _moments(np.array(given)) if stamps else np.array(given, "float64")
        return float(low), float(high)
    room = 0.02 * (found[-1] - found[0]) or max(1.0, LEAST_ROOM * abs(found[0]))
    return float(found[0] - room), float(found[-1] + room)


def _upward(figure: go.Figure, traces: Sequence[Any]) -> _Axis:
    """The axis of the values."""
    axis = figure.layout.yaxis
    heights = [_numbers(trace.y) for trace in traces]
    seen = np.concatenate(heights)
    seen = seen[np.isfinite(seen)]
    if not len(seen):
        seen = np.zeros(1)
    low, high = float(seen.min()), float(seen.max())
    room = ROOM * (high - low) or abs(high) / 10 or 1.0
    low, high = low - room, high + room
    if axis.rangemode == "tozero" or any(trace.type == "bar" for trace in traces):
        low, high = min(low, 0.0) if seen.min() < 0 else 0.0, max(high, 0.0)
    if axis.range is not None:
        low, high = map(float, axis.range)
    percent = bool(axis.tickformat) and "%" in axis.tickformat
    ticks = _round_ticks(min(low, high), max(low, high), percent, axis.dtick)
    return _Axis(low, high, HEIGHT - BOTTOM, TOP, tuple(ticks))


def _round_ticks(
    low: float, high: float, percent: bool, given: float | None = None
) -> Iterable[tuple[float, str]]:
    """Round numbers between two, with their labels; given: the distance between them, where the figure names one."""
    rough = (high - low) / TICKS
    power = 10.0 ** math.floor(math.log10(rough))
    step = given or next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough)
    first = math.ceil(low / step)
    last = math.floor(high / step + 1e-9)
    decimals = max(0, -math.floor(math.log10(step * (100 if percent else 1)) + 1e-9))
    for place in range(first, last + 1):
        value = place * step
        label = f"{100 * value:.{decimals}f}%" if percent else f"{value:,.{decimals}f}"
        yield value, label.replace("-", "−")


def _grid(figure: go.Figure, across: _Axis, up: _Axis) -> Iterable[str]:
    """Lines at the ticks, their labels, and the titles of the axes."""
    for value, label in up.ticks:
        y = up.at(value)
        yield f'<path class="grid" d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}"/>'
        yield f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{label}</text>'
    yield f'<path class="edge" d="M{LEFT} {HEIGHT - BOTTOM}H{WIDTH - RIGHT}"/>'
    for value, label in across.ticks:
        x = across.at(value)
        anchor = "end" if x > WIDTH - LABELLED / 2 else "middle"
        yield f'<text x="{x:.1f}" y="{HEIGHT - BOTTOM + 16}" text-anchor="{anchor}">{html.escape(label)}</text>'
    middle = (LEFT + WIDTH - RIGHT) / 2
    if figure.layout.xaxis.title.text:
        yield f'<text x="{middle}" y="{HEIGHT - 8}" text-anchor="middle">{figure.layout.xaxis.title.text}</text>'
    if figure.layout.yaxis.title.text:
        turned = f"rotate(-90 12 {(HEIGHT - BOTTOM) / 2})"
        text = figure.layout.yaxis.title.text
        yield f'<text x="12" y="{(HEIGHT - BOTTOM) / 2}" text-anchor="middle" transform="{turned}">{text}</text>'


def ink(colour: str | None) -> str:
    """A colour as CSS: black follows the text of the page, others are lifted where the page is dark."""
    if not colour or colour == TRUTH:
        return "currentColor"
    return f"color-mix(in srgb, {colour} var(--keep), white)"


def _line(trace: Any, x: Array, across: _Axis, up: _Axis) -> Iterable[str]:
    """A line with gaps where values are missing, or a filled outline."""
    y = _numbers(trace.y)
    opacity = 1 if trace.opacity is None else trace.opacity
    name = html.escape(trace.name or "")
    if trace.fill == "toself":
        points = "L".join(_points(x, y, across, up))
        yield (
            f'<path d="M{points}Z" style="fill: {ink(trace.fillcolor)}" opacity="{opacity}">'
            f"<title>{name}</title></path>"
        )
        return
    mode = trace.mode or "lines"
    if "lines" in mode:
        seen = np.isfinite(y)
        runs = np.split(np.arange(len(y)), np.flatnonzero(~seen))
        parts = ["L".join(_points(x[run], y[run], across, up)) for run in runs if seen[run].any()]
        dash = DASHES.get(trace.line.dash or "", "")
        yield (
            f'<path d="M{"M".join(parts)}" fill="none" style="stroke: {ink(trace.line.color)}"'
            f' stroke-width="{trace.line.width or 1.5}" stroke-dasharray="{dash}" opacity="{opacity}"><title>{name}</title></path>'
        )
    if "markers" in mode:
        radius = (trace.marker.size or 5) / 2
        colour = ink(trace.marker.color or trace.line.color)
        for point in _points(x, y, across, up):
            left, top = point.split(" ")
            yield f'<circle cx="{left}" cy="{top}" r="{radius}" style="fill: {colour}" opacity="{opacity}"/>'


def _points(x: Array, y: Array, across: _Axis, up: _Axis) -> list[str]:
    """The observed points as places of the drawing."""
    seen = np.isfinite(y)
    pairs = zip(across.at(x[seen]), up.at(y[seen]), strict=True)
    return [f"{left:.1f} {top:.1f}" for left, top in pairs]


def _bars(trace: Any, x: Array, bases: Array, across: _Axis, up: _Axis) -> Iterable[str]:
    """Bars, each on its base."""
    steps = np.diff(np.unique(x))
    width = (
        BAR * (steps.min() if len(steps) else 0.6) / (across.high - across.low) * (across.end - across.begin)
    )
    y = _numbers(trace.y)
    opacity = 1 if trace.opacity is None else trace.opacity
    for place in np.flatnonzero(np.isfinite(y)):
        ends = up.at(np.array([bases[place], bases[place] + y[place]]))
        left = across.at(x[place]) - width / 2
        yield (
            f'<rect x="{left:.1f}" y="{ends.min():.1f}" width="{width:.1f}" height="{np.ptp(ends):.1f}"'
            f' style="fill: {ink(trace.marker.color)}" opacity="{opacity}"/>'
        )


def _legend(traces: Sequence[Any]) -> str:
    """The names of the traces next to their colours, each once."""
    entries: dict[str, str] = {}
    for trace in traces:
        if trace.name and trace.showlegend is not False:
            colour = trace.marker.color if trace.type == "bar" else trace.fillcolor or trace.line.color
            opacity = 1 if trace.opacity is None else trace.opacity
            key = f'<i style="background: {ink(colour)}; opacity: {opacity}"></i>'
            entries.setdefault(trace.name, f"<span>{key}{trace.name}</span>")
    return f'<p class="legend">{"".join(entries.values())}</p>' if entries else ""
