"""Forecasts that were kept, next to the actual values that came since."""

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from forecast.data.panel import Panel
from forecast.data.zones import unplaced
from forecast.show.axes import on_axis, time_title, unit_of, with_unit
from forecast.show.look import HEIGHT, LOOK, TRUTH, escaped, palette, title
from forecast.show.section import MakeSection, Material, Section, filled
from forecast.show.traces import line, marked

DRAWN = 12  # forecasts in the figure, the latest
BEFORE = 2  # horizons of observed values before the first of them


def kept_section(frame: pd.DataFrame, panel: Panel, verdict: str) -> MakeSection:
    """Makes the section of kept forecasts, a frame as of `kept_forecasts`; verdict: what they were worth, in a sentence."""

    def kept(material: Material) -> Section | None:
        model = material.forecast.model
        column = model if model in frame else f"{model}-p"
        if column not in frame:
            return None
        figure = kept_figure(panel, frame, column, material.colours.get(model, ""))
        return Section(
            "Kept forecasts next to the actual values", filled(VERDICT, verdict=verdict), (figure,)
        )

    return kept


VERDICT = "<p>{{ verdict }}</p>\n"


def kept_figure(panel: Panel, frame: pd.DataFrame, column: str, colour: str = "") -> go.Figure:
    """The latest kept forecasts of one series as lines, over the values that were observed; the series is that with most of them.

    frame: rows unique_id, ds, cutoff and the `column` of the forecast. The older a forecast, the paler it is.
    """
    counts = frame["unique_id"].value_counts()
    name = str(counts.index[0])
    own = frame[frame["unique_id"] == name]
    parts = [part for _, part in own.groupby("cutoff", sort=True)][-DRAWN:]
    series = panel.ids.index(name)
    rows = panel.rows(series)
    times = [unplaced(part["ds"]) for part in parts]
    horizon = len(times[-1])
    first = int(np.searchsorted(panel.times[rows], times[0][0])) - BEFORE * horizon
    begin = rows.start + max(first, 0)
    observed = slice(begin, rows.stop)
    before, *ahead = on_axis(panel.clock.tz, panel.times[observed], *times)
    colour = colour or palette([column])[column]
    figure = go.Figure(line(before, panel.values[observed, 0], "observed", TRUTH))
    for place, (part, local) in enumerate(zip(parts, ahead, strict=True)):
        values = part[column].to_numpy("float64")
        trace = line(local, values, "kept forecasts", colour, marked(horizon), width=1.6)
        latest = place == len(parts) - 1
        share = (place + 1) / len(parts)
        figure.add_trace(trace.update(opacity=0.35 + 0.65 * share, showlegend=latest))
    whose = f"{escaped(name)}: " if len(panel.ids) > 1 else ""
    figure.update_layout(
        template=LOOK,
        height=HEIGHT,
        title=title(f"{whose}the latest {len(parts)} kept forecasts, and the actual values"),
        xaxis_title=time_title(panel.clock),
        yaxis_title=escaped(with_unit(panel.target, unit_of(panel))),
    )
    return figure
