"""Figures of sample paths: a fan of the next horizon, and the distribution of its sum."""

import numpy as np
import plotly.graph_objects as go

from forecast.arrays import Array
from forecast.data.panel import Panel
from forecast.paths import Paths
from forecast.show.axes import on_axis, steps_of, time_title
from forecast.show.look import HEIGHT, LOOK, TRUTH, escaped, title
from forecast.show.traces import band, line, marked
from forecast.task import quantile_levels

DRAWN = 40  # paths that are drawn as lines, of as many as there are
BINS = 40  # of the histogram of sums
THIN = 0.7  # pixels: the width of one path


def fan_figure(panel: Panel, paths: Paths, colour: str, origin: int = 0) -> go.Figure:
    """The first DRAWN sample paths from one origin, with their intervals and their median at each step.

    origin: its place among the paths.
    """
    x = _on_axis(paths, origin)
    values = paths.values[origin]
    figure = go.Figure()
    for rank, coverage in reversed(list(enumerate(sorted(paths.intervals)))):
        low, _, high = quantile_levels([coverage])
        ends = np.quantile(values, [low, high], axis=0)
        figure.add_trace(band(x, ends[0], ends[1], f"{coverage:g} % of the paths", colour, rank))
    for number, path in enumerate(values[:DRAWN]):
        one = line(x, path, "single paths", colour, width=THIN)
        own = one.update(opacity=0.5, showlegend=number == 0, legendgroup="paths", hoverinfo="skip")
        figure.add_trace(own)
    middle = np.median(values, axis=0)
    figure.add_trace(line(x, middle, "median of the paths", TRUTH, marked(len(x)), width=2))
    figure.update_layout(
        template=LOOK,
        height=HEIGHT,
        title=title(f"{_whose(panel, paths, origin)}sample paths of {escaped(panel.target)}"),
        xaxis_title=time_title(paths.clock),
        yaxis_title=escaped(panel.target),
    )
    return figure


def sum_figure(panel: Panel, paths: Paths, colour: str, origin: int = 0) -> go.Figure:
    """How the sums of the sample paths from one origin are distributed: shares of paths, the median, and the ends of the
    intervals.
    """
    sums = paths.values[origin].sum(axis=1)
    horizon = paths.values.shape[2]
    figure = go.Figure()
    bars = go.Histogram(
        x=sums,
        nbinsx=BINS,
        histnorm="probability",
        name="paths",
        marker={"color": colour},
        opacity=0.75,
        hovertemplate="%{x}: %{y:.1%}",
    )
    figure.add_trace(bars)
    figure.add_vline(x=float(np.median(sums)), line={"color": TRUTH, "width": 2})
    for coverage in paths.intervals:
        low, _, high = quantile_levels([coverage])
        for end in np.quantile(sums, [low, high], method="hazen"):
            figure.add_vline(x=float(end), line={"color": TRUTH, "width": 1, "dash": "dot"})
    figure.update_layout(
        template=LOOK,
        height=HEIGHT,
        title=title(
            f"{_whose(panel, paths, origin)}sum of {escaped(panel.target)} over {horizon} {steps_of(paths.clock, horizon)}"
        ),
        xaxis_title=f"sum of {escaped(panel.target)}",
        yaxis={"title": "share of the paths", "tickformat": ".0%"},
        bargap=0.05,
        showlegend=False,
    )
    return figure


def _on_axis(paths: Paths, origin: int) -> Array:
    """The stamps of one origin, as an axis takes them."""
    (local,) = on_axis(paths.clock.tz, paths.times[origin])
    return local


def _whose(panel: Panel, paths: Paths, origin: int) -> str:
    """The series of an origin, where there are several."""
    return f"{escaped(paths.ids[origin])}: " if len(panel.ids) > 1 else ""
