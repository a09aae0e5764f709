"""Figures of what is inside a model: why it forecasts as it does, its gates and states, where its attention lies."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from forecast.arrays import Array
from forecast.data.panel import Panel
from forecast.errors import ForecastError
from forecast.insight.attribution import Explanation, summed
from forecast.insight.states import States
from forecast.insight.words import Part, parts_of
from forecast.show.axes import along, stamps_of, time_title
from forecast.show.look import HEIGHT, LOOK, TRUTH, escaped, title
from forecast.show.traces import line

MASS = 0.999  # of all that rows say, which the drawn rows hold
DRAWN = 240  # rows of a heat map; of more, neighbours are added up
COLUMNS = 16  # of the file, in a heat map; those that say most
BARS = 12  # parts in a figure of bars
ORIGINS = 4  # that have a place in a menu
SIGNED = "RdBu_r"
GATES = {
    "input": "#0072B2",
    "forget": "#D55E00",
    "output": "#009E73",
    "reset": "#0072B2",
    "update": "#D55E00",
    "candidate": "#CC79A7",
    "cell": "#E69F00",
    "hidden": TRUTH,
}
STEPS = ("#0072B2", "#E69F00", "#D55E00", "#009E73", "#CC79A7", "#56B4E9")  # of the steps of a horizon
ROW = 26  # pixels of a line of a heat map


def attribution_figure(panel: Panel, made: Explanation) -> go.Figure:
    """What each column said in each row of the window, as a heat map of columns and rows under the target itself.

    A menu has the steps of the horizon, of the first few origins. Indicators of a category, and sine and cosine of an
    angle, are one column. Rows that together say less than a thousandth are not drawn, and of many rows neighbours are added
    up. panel: that of the explanation, or one with its rows. Raises ForecastError where no row says anything.
    """
    pictures = _pictures(made)
    if not pictures:
        raise ForecastError(
            f"No row of a column adds to these forecasts of {made.model}: there is nothing to draw."
        )
    origins = panel.origins_at(np.array(made.ids, dtype=object)[made.origins[:, 0]], made.cutoffs)
    figure = make_subplots(2, 1, shared_xaxes=True, row_heights=[0.4, 0.6], vertical_spacing=0.05)
    for number, picture in enumerate(pictures):
        shown = number == 0
        rows = _rows_of(panel, origins[picture.origin], picture.drawn)
        times = along(panel.times[rows], panel.clock.tz)
        target = line(times, panel.values[rows, 0], "observed", TRUTH).update(visible=shown, showlegend=False)
        figure.add_trace(target, row=1, col=1)
        figure.add_trace(_heat(picture, times).update(visible=shown), row=2, col=1)
    _lay_out_heat(figure, panel, made, pictures)
    return figure


class _Picture:
    """What the rows before one origin say at one step: values (columns, rows), oldest row first."""

    def __init__(self, made: Explanation, origin: int, step: int) -> None:
        cells = summed(made.cells[origin, step], made.of)
        sizes = np.abs(cells).sum(1)
        reached = np.cumsum(sizes) >= MASS * sizes.sum()
        self.origin = origin
        self.step = int(made.steps[step])
        self.drawn = int(reached.argmax()) + 1
        order = np.argsort(-np.abs(cells).sum(0), kind="stable")[:COLUMNS]
        self.names = [made.sources[place] for place in order]
        self.values = cells[: self.drawn, order][::-1].T
        self.label = f"step {self.step}"
        self.series = made.ids[made.origins[origin, 0]]


def _pictures(made: Explanation) -> list[_Picture]:
    """A picture for each step of the first few origins, but where no row says anything."""
    found = []
    for origin in range(min(ORIGINS, len(made.origins))):
        for step in range(len(made.steps)):
            if made.cells[origin, step].any():
                found.append(_Picture(made, origin, step))
    return found


def _rows_of(panel: Panel, origin: Array, drawn: int) -> slice:
    """The last rows before an origin, at most so many."""
    begin = int(panel.starts[origin[0]])
    end = begin + int(origin[1])
    return slice(max(begin, end - drawn), end)


def _heat(picture: _Picture, times: Array) -> go.Heatmap:
    """The heat map of a picture; times (n,): the stamps of its rows, fewer where the series begins within the window."""
    values = picture.values[:, picture.values.shape[1] - len(times) :]
    together = -(-len(times) // DRAWN)
    starts = np.arange(0, len(times), together)
    added = np.add.reduceat(values, starts, axis=1)
    largest = float(np.abs(added).max()) or 1.0
    return go.Heatmap(
        x=stamps_of(times[starts]),
        y=[escaped(name) for name in picture.names],
        z=added.astype("float32"),
        zmid=0,
        zmin=-largest,
        zmax=largest,
        colorscale=SIGNED,
        colorbar={"len": 0.55, "y": 0.27, "thickness": 12, "title": {"text": "adds"}},
        hovertemplate="%{y} at %{x}: %{z:+.3~g}<extra></extra>",
        name="",
    )


def _lay_out_heat(figure: go.Figure, panel: Panel, made: Explanation, pictures: Sequence[_Picture]) -> None:
    """Titles, axes and the menu of steps and series."""
    several = len({picture.origin for picture in pictures}) > 1
    buttons = []
    for number, picture in enumerate(pictures):
        label = f"{escaped(picture.series)}, {picture.label}" if several else picture.label
        shown = np.repeat(np.arange(len(pictures)) == number, 2)
        buttons.append({"label": label, "method": "restyle", "args": [{"visible": shown.tolist()}]})
    lines = max(len(picture.names) for picture in pictures)
    figure.update_layout(
        template=LOOK,
        height=260 + ROW * max(lines, 4),
        title=title(f"What each row of each column adds to the forecast of {escaped(made.units)}"),
        hovermode="closest",
        updatemenus=[{"buttons": buttons, "x": 1, "xanchor": "right", "y": 1.03, "yanchor": "bottom"}],
    )
    figure.update_yaxes(title_text=escaped(panel.target), row=1)
    figure.update_yaxes(autorange="reversed", automargin=True, row=2)
    figure.update_xaxes(title_text=time_title(panel.clock), row=2)


def contributions_figure(made: Explanation, origin: int = 0) -> go.Figure:
    """What each column, the calendar and the series add to what the forecast starts from, a bar for each step.

    origin: which of the M. The parts that say most stand first; the smallest are added up.
    """
    first, *others = parts_of(made, origin)
    shown = sorted(others, key=lambda part: -float(np.abs(part.values).sum()))[:BARS]
    left = [part for part in others if part not in shown]
    if left:
        shown.append(Part(f"{len(left)} others", np.sum([part.values for part in left], axis=0)))
    figure = go.Figure()
    for place, step in enumerate(made.steps):
        figure.add_trace(
            go.Bar(
                y=[escaped(part.name) for part in shown],
                x=[float(part.values[place]) for part in shown],
                name=f"step {step}",
                orientation="h",
                marker_color=STEPS[place % len(STEPS)],
                hovertemplate="%{x:+.4~g}",
            )
        )
    series = escaped(made.ids[made.origins[origin, 0]])
    start = f"{first.values[0]:,.4g}"
    figure.update_layout(
        template=LOOK,
        height=160 + ROW * max(len(shown), 3),
        title=title(f"{series}: what is added to {start}, from which the forecast starts"),
        barmode="group",
        hovermode="closest",
        xaxis={"title": escaped(made.units), "zeroline": True, "zerolinecolor": "#999999"},
        yaxis={"autorange": "reversed", "title": None, "automargin": True},
    )
    return figure


def gates_figure(
    found: States, unit: int | None = None, origin: int = 0, layer: str | None = None
) -> go.Figure:
    """The gates, the candidate and the states of one unit over the window.

    unit: by default the one that follows a column or the calendar most · origin: which of the M · layer: by its name, the
    last by default. Raises ForecastError where there is no such unit, or layer.
    """
    own = found.layer(layer)
    if unit is None:
        unit = int(found.units(layer)["unit"][0])
    if not 0 <= unit < own.units:
        raise ForecastError(f"{own.name} has units 0 to {own.units - 1}; found unit={unit}.")
    names = list(own.read)
    gates = [name for name in names if name not in ("candidate", "cell", "hidden")]
    figure = make_subplots(2, 1, shared_xaxes=True, vertical_spacing=0.08)
    seen = _seen(found, origin)
    times = along(found.stamps[origin][seen], found.zone)
    for name in names:
        values = own.read[name][origin, seen, unit].astype("float64")
        row = 1 if name in gates else 2
        figure.add_trace(line(times, values, name, GATES[name], width=1.8), row=row, col=1)
    figure.update_layout(
        template=LOOK, height=HEIGHT + 60, title=title(f"Unit {unit} of {own.name} of {escaped(found.model)}")
    )
    figure.update_yaxes(title_text="gates", range=[-0.03, 1.03], row=1)
    figure.update_yaxes(title_text="states", row=2)
    return figure


def units_figure(found: States, origin: int = 0, layer: str | None = None, what: str = "hidden") -> go.Figure:
    """All units over the window as a heat map, those that follow a column or the calendar most first.

    what: a gate or a state by its name. Raises ForecastError where the layer has none of that name.
    """
    own = found.layer(layer)
    if what not in own.read:
        raise ForecastError(f"{own.name} has no {what!r}. There is: {', '.join(own.read)}.")
    table = found.units(layer)
    seen = _seen(found, origin)
    values = own.read[what][origin, seen][:, table["unit"]].T
    is_gate = what not in ("candidate", "cell", "hidden")
    largest = 1.0 if is_gate else float(np.abs(values).max()) or 1.0
    labels = [
        f"{unit} follows {escaped(follows)}"
        for unit, follows in zip(table["unit"], table["follows"], strict=True)
    ]
    figure = go.Figure(
        go.Heatmap(
            x=stamps_of(along(found.stamps[origin][seen], found.zone)),
            y=list(range(len(labels))),
            z=values.astype("float32"),
            customdata=np.repeat(np.array(labels, dtype=object)[:, None], values.shape[1], axis=1),
            zmin=0.0 if is_gate else -largest,
            zmax=largest,
            colorscale="Viridis" if is_gate else SIGNED,
            colorbar={"thickness": 12},
            hovertemplate="unit %{customdata} at %{x}: %{z:.3f}<extra></extra>",
        )
    )
    figure.update_layout(
        template=LOOK,
        height=HEIGHT,
        hovermode="closest",
        title=title(
            f"The {what} {'gate' if is_gate else 'state'} of all units of {own.name} of {escaped(found.model)}"
        ),
        yaxis={"title": "units, those that follow most first", "autorange": "reversed"},
    )
    return figure


def attention_figure(panel: Panel, weights: Array, origin: Array, rows: int) -> go.Figure:
    """The weights (n,) that attention gives to the n segments of the window before an origin, over the series.

    weights: a row of `fc.attention` · origin: (series, rows known) · rows: of a segment.
    """
    window = _rows_of(panel, np.asarray(origin), rows * len(weights))
    times = along(panel.times[window], panel.clock.tz)
    shares = np.repeat(np.asarray(weights), rows)[-len(times) :]
    figure = make_subplots(specs=[[{"secondary_y": True}]])
    drawn = line(times, shares, "attention", "#D55E00").update(fill="tozeroy", line_shape="hv")
    figure.add_trace(drawn, secondary_y=True)
    figure.add_trace(line(times, panel.values[window, 0], "observed", TRUTH))
    figure.update_layout(
        template=LOOK,
        height=HEIGHT,
        title=title(f"Where attention lies in the window of {escaped(panel.ids[int(origin[0])])}"),
        xaxis_title=time_title(panel.clock),
        yaxis_title=escaped(panel.target),
    )
    figure.update_yaxes(
        title_text="weight of a segment", rangemode="tozero", showgrid=False, secondary_y=True
    )
    return figure


def _seen(found: States, origin: int) -> Any:
    """The steps of the window that lie within the series."""
    stamps = found.stamps[origin]
    if stamps.dtype.kind != "M":
        return slice(None)
    return ~np.isnat(stamps)
