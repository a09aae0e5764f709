"""Figures: plain functions that give plotly Figures, for notebooks and for the report. A model has the same colour in all of them."""

import html
import itertools
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from forecast.arrays import Array
from forecast.data.clock import DAY, Clock
from forecast.data.panel import Panel
from forecast.data.zones import to_local
from forecast.errors import ForecastError
from forecast.evaluation.metrics import METRICS, asked_metric, score, scores_by
from forecast.models import is_baseline
from forecast.results import Forecast, Outcome, by_model

SHOWN = 20  # series in the menu of one figure
POINTS = 2000  # of one line
MARKED = 60  # points of a line below which each gets a marker
HEIGHT = 400  # pixels
LONG_WORDS = 30  # characters of a metric in words from which on an axis has its short name
BAR, DOT = 14, 9  # pixels: the width of the interval of a single step, and of its forecast
COUNTED = 12  # steps of a horizon up to which an axis numbers each
STRETCH = 15  # horizons of the test part that are shown at first
MARGIN = 0.05  # of the reach of the values, above and below them
DASHES = ("dash", "dot", "dashdot", "longdash")  # of the baselines: two that lie on each other are both seen
TRUTH = "#222222"
COLOURS = {  # told apart by colour-blind readers too (Okabe and Ito 2008), and in grey where two lie close
    "gru": "#0072B2",
    "lstm": "#D55E00",
    "arima": "#009E73",
    "seasonal": "#E69F00",
    "naive": "#8A8A8A",
    "drift": "#CC79A7",
    "gru-plain": "#56B4E9",
    "lstm-plain": "#882255",
}
SPARE = (
    "#332288",
    "#44AA99",
    "#999933",
    "#AA4499",
    "#661100",
    "#6699CC",
    "#117733",
)  # for models of other names (Tol 2021)

_LINE = {
    "showgrid": True,
    "gridcolor": "#E8E8E8",
    "linecolor": "#999999",
    "ticks": "outside",
    "tickcolor": "#999999",
    "zeroline": False,
}
_CORNER = {
    "x": 1,
    "xanchor": "right",
    "y": 1.03,
    "yanchor": "bottom",
    "showactive": True,
    "bgcolor": "white",
    "bordercolor": "#BBBBBB",
}
_LOOK = go.layout.Template(
    layout={
        "font": {
            "family": "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif",
            "size": 13,
            "color": "#333333",
        },
        "title": {
            "font": {"size": 15},
            "x": 0,
            "xref": "container",
            "xanchor": "left",
            "y": 1,
            "yref": "container",
            "yanchor": "top",
        },
        "title_pad": {"l": 10, "t": 8},
        "paper_bgcolor": "white",
        "plot_bgcolor": "white",
        "margin": {"l": 70, "r": 20, "t": 84, "b": 56},
        "xaxis": {**_LINE, "showgrid": False, "showline": True},
        "yaxis": {**_LINE, "title": {"standoff": 12}},
        "legend": {"orientation": "h", "x": 0, "xanchor": "left", "y": 1.01, "yanchor": "bottom"},
        "hovermode": "x unified",
        "hoverlabel": {"bgcolor": "white"},
    }
)


def palette(models: Iterable[str]) -> dict[str, str]:
    """The colour of each model: that of its name, or a spare one, given out in alphabetical order."""
    own = sorted(set(models) - set(COLOURS))
    return COLOURS | {name: SPARE[i % len(SPARE)] for i, name in enumerate(own)}


def ranked(outcomes: Iterable[Outcome]) -> dict[str, list[Outcome]]:
    """The outcomes of each model, best first by the metric of their walk."""
    models = by_model(outcomes)
    scores = {name: score(parts) for name, parts in models.items()}
    order = sorted(models, key=lambda name: (math.isnan(scores[name]), scores[name]))
    return {name: models[name] for name in order}


def forecast_figure(
    panel: Panel,
    forecast: Forecast,
    series: int = 0,
    history: int | None = None,
    *,
    colours: Mapping[str, str] | None = None,
) -> go.Figure:
    """The last `history` rows (by default five horizons, at least 60 rows) of a series and its latest forecast, with a menu of all series.

    series: its place in `panel.ids`. The rows are found by the names of the series and the cutoffs (`Forecast.on`), so a panel of more rows or
    series than the forecast was made from will do. More than 20 series: the first 20, and the chosen one. Raises ForecastError where the chosen
    series has no forecast, and where the panel lacks a series or a cutoff of the forecast.
    """
    forecast = forecast.on(panel)
    latest = latest_origins(forecast)
    _check(panel, series, latest)
    horizon = forecast.values.shape[1]
    history = max(5 * horizon, 60) if history is None else history
    shown = sorted({series, *list(latest)[: SHOWN if series in list(latest)[:SHOWN] else SHOWN - 1]})
    colour = (colours or palette([forecast.model]))[forecast.model]
    figure = go.Figure()
    for i in shown:
        lines = _lines(panel, forecast, latest[i], history, colour)
        figure.add_traces([line.update(visible=i == series) for line in lines])
    ahead = f"{horizon} {steps_of(panel.clock, horizon)} ahead by {_say(forecast.model)}"
    figure.update_layout(
        template=_LOOK,
        height=HEIGHT,
        title=_title(f"{_say(panel.target)}: {ahead}"),
        xaxis_title=time_title(panel.clock),
        yaxis_title=_say(panel.target),
    )
    if len(shown) > 1:
        traces = len(figure.data) // len(shown)
        menu = _menu([panel.ids[i] for i in shown], shown.index(series), traces)
        figure.update_layout(updatemenus=[menu])
        if len(shown) < len(latest):
            figure.update_layout(title_subtitle_text=f"The menu shows {len(shown)} of {len(latest)} series.")
    return figure


def _lines(panel: Panel, forecast: Forecast, m: int, history: int, colour: str) -> list[go.Scatter]:
    """One of the M forecasts after the observed rows of its series, its intervals below its line, the widest lowest."""
    rows = _observed(panel, forecast.origins[m], history, forecast.values.shape[1])
    before, ahead = on_axis(panel.clock.tz, panel.times[rows], forecast.times[m])
    observed = panel.values[rows, 0]
    dotted = "lines+markers" if np.isnan(observed).any() else "lines"  # between two gaps a value has no line
    drawn = [_line(before, observed, "observed", TRUTH, dotted).update(marker_size=4)]
    for coverage, low, high in reversed(forecast.bands):
        drawn.append(_band(ahead, low[m], high[m], f"{coverage:g} %", colour))
    mode = "lines+markers" if len(ahead) <= MARKED else "lines"
    line = _line(ahead, forecast.values[m], forecast.model, colour, mode, width=2.2)
    if len(ahead) == 1:
        line.update(marker_size=DOT)
    return [*drawn, line]


def _observed(panel: Panel, origin: Array, history: int, horizon: int) -> slice:
    """The `history` rows before an origin (series, rows known) and those of the horizon after it, up to the last with an observed target."""
    series, known = int(origin[0]), int(origin[1])
    own = panel.rows(series)
    begin = own.start + max(0, known - history)
    end = min(own.start + known + horizon, own.stop)
    seen = np.flatnonzero(~np.isnan(panel.values[begin:end, 0]))
    last = int(seen[-1]) + 1 if len(seen) else 0
    return slice(begin, begin + last)


def error_by_step_figure(
    outcomes: Iterable[Outcome], *, colours: Mapping[str, str] | None = None
) -> go.Figure:
    """The metric of the walk at each step of the horizon, one line per model; the baselines are dashed."""
    models = ranked(outcomes)
    if not models:
        raise ForecastError("There is nothing to draw: the backtest gave no outcome.")
    colours = colours or palette(models)
    first = next(iter(models.values()))
    truth = first[0].truth
    metric = METRICS[asked_metric(first)]
    measure = metric.words if len(metric.words) <= LONG_WORDS else metric.label
    figure = go.Figure()
    dashes = dict(zip(filter(is_baseline, models), itertools.cycle(DASHES), strict=False))
    for name, parts in models.items():
        errors = np.array(list(scores_by(parts, by="step").values()))
        mode = "lines+markers" if len(errors) <= MARKED else "lines"
        line = _line(np.arange(1, len(errors) + 1), errors, name, colours[name], mode, width=2)
        figure.add_trace(line.update(line_dash=dashes.get(name, "solid")))
    figure.update_layout(
        template=_LOOK,
        height=HEIGHT,
        title=_title(f"{capital(measure)} by step ahead, over all test forecasts"),
        xaxis={
            "title": f"{steps_of(truth.clock)} ahead",
            "range": [0.5, len(errors) + 0.5],
            "dtick": 1 if len(errors) <= COUNTED else None,  # no half steps
        },
        yaxis={"title": f"{measure} of {_say(truth.target)}", "rangemode": "tozero"},
    )
    return figure


def backtest_figure(
    panel: Panel, outcomes: Iterable[Outcome], series: int = 0, *, colours: Mapping[str, str] | None = None
) -> go.Figure:
    """What came in the test part of a series, and what the best model and the best baseline had forecast a whole horizon before.

    series: its place in `panel.ids`; rows are found by the names of the series and the cutoffs, as in `forecast_figure`. Where a baseline is
    best, the next model stands beside it. Every k-th point is drawn, so that a line has at most about 2,000.
    """
    models = ranked(outcomes)
    names = list(models)
    forecasts = {name: _placed(models[name], panel) for name in names}
    series_tested = [part.origins[:, 0] for parts in forecasts.values() for part in parts]
    _check(panel, series, np.unique(np.concatenate(series_tested)).tolist())
    baseline = next(filter(is_baseline, names), names[0])
    pair = [baseline, *names[1:2]] if baseline == names[0] else [names[0], baseline]
    colours = colours or palette(models)
    lines = {name: _at_last_step(forecasts[name], series) for name in pair}
    first, last = (pick(times[edge] for times, _ in lines.values()) for pick, edge in ((min, 0), (max, -1)))
    times, values = panel.times[panel.rows(series)], panel.values[panel.rows(series), 0]
    test = slice(int(np.searchsorted(times, first)), int(np.searchsorted(times, last, "right")))
    times, *placed = on_axis(panel.clock.tz, times, *(stamps for stamps, _ in lines.values()))
    lines = {name: (stamps, lines[name][1]) for name, stamps in zip(lines, placed, strict=True)}
    figure = go.Figure(_line(*_thin(times[test], values[test]), "observed", TRUTH, width=1.3))
    for name in reversed(pair):
        width = 1.6 if name == pair[0] else 1.1
        figure.add_trace(_line(*_thin(*lines[name]), name, colours[name], width=width))
    horizon = models[baseline][0].forecast.values.shape[1]
    whose = f"{_say(panel.ids[series])}: forecasts" if len(panel.ids) > 1 else "Forecasts"
    figure.update_layout(
        template=_LOOK,
        height=HEIGHT,
        title=_title(
            f"{whose} made {horizon} {steps_of(panel.clock, horizon)} before, next to the actual values"
        ),
        xaxis_title=time_title(panel.clock),
        yaxis_title=_say(panel.target),
    )
    span = STRETCH * horizon
    if len(times[test]) > 2 * span:
        edges = times[test][[-span, -1]]
        part = {
            "xaxis.range": stamps_of(edges),
            "yaxis.range": _reach([(times, values), *lines.values()], edges),
        }
        figure.update_layout(
            xaxis_range=part["xaxis.range"],
            yaxis_range=part["yaxis.range"],
            updatemenus=[_ranges(f"last {span} {steps_of(panel.clock)}", part)],
        )
    return figure


def loss_figure(outcomes: Iterable[Outcome], *, colours: Mapping[str, str] | None = None) -> go.Figure | None:
    """Training and validation loss by step, a panel a model and a line a fold; None where no model has a history."""
    models = {
        name: trained
        for name, parts in ranked(outcomes).items()
        if (trained := [part for part in parts if part.log.history])
    }
    if not models:
        return None
    colours = colours or palette(models)
    columns = min(len(models), 3)
    rows = math.ceil(len(models) / columns)
    figure = make_subplots(
        rows,
        columns,
        subplot_titles=[_say(name) for name in models],
        vertical_spacing=0.3 / rows,
        horizontal_spacing=0.08,
    )
    for place, (name, own) in enumerate(models.items()):
        where = {"row": place // columns + 1, "col": place % columns + 1}
        for part in own:
            steps, training, validation = np.array(part.log.history, "float64").T
            kept = int(np.nanargmin(validation)) if not np.isnan(validation).all() else 0
            fold = f", fold {part.fold + 1}"
            common = {"hovertemplate": "%{y:.4r}"}
            figure.add_trace(
                _line(steps, training, f"training{fold}", colours[name], width=1).update(
                    line_dash="dot", **common
                ),
                **where,
            )
            figure.add_trace(
                _line(steps, validation, f"validation{fold}", colours[name], width=1.8).update(**common),
                **where,
            )
            dot = {"color": colours[name], "size": 8, "line": {"color": "white", "width": 1}}
            figure.add_trace(
                go.Scatter(
                    x=steps[[kept]], y=validation[[kept]], mode="markers", marker=dot, hoverinfo="skip"
                ),
                **where,
            )
    figure.update_traces(showlegend=False)
    for key, style in (
        ("training", {"mode": "lines", "line": {"color": "#666666", "dash": "dot", "width": 1}}),
        ("validation", {"mode": "lines", "line": {"color": "#666666", "width": 1.8}}),
        ("weights kept", {"mode": "markers", "marker": {"color": "#666666", "size": 8}}),
    ):
        figure.add_trace(go.Scatter(x=[None], y=[None], name=key, **style))
    figure.update_xaxes(rangemode="tozero")
    figure.update_xaxes(title_text="training step", row=rows)
    figure.update_yaxes(title_text="loss, scaled units", col=1)
    height = 150 + 260 * rows
    figure.update_layout(
        template=_LOOK,
        height=height,
        title=_title("Training and validation loss, a line a fold"),
        margin_t=104,
    )
    figure.update_layout(legend={"yref": "container", "y": 1 - 34 / height, "yanchor": "top"})
    return figure


def latest_origins(forecast: Forecast) -> dict[int, int]:
    """Of each series that has a forecast, in order: which of the M forecasts is the latest."""
    order = np.lexsort((forecast.origins[:, 1], forecast.origins[:, 0]))
    return {int(forecast.origins[m, 0]): int(m) for m in order}


def along(times: Array, zone: str) -> Array:
    """Local stamps of sorted UTC moments (n,) for an axis: where clocks go back, what lies in the repeated hour is spread over it once."""
    local = to_local(times, zone)
    if not zone:
        return local
    offset = local - times
    for k in np.flatnonzero(local[1:] <= local[:-1]):
        back = offset[k] - offset[k + 1]
        begin = times[k + 1].astype("datetime64[h]") - back  # clocks go back on the hour
        twice = (times >= begin) & (times < begin + 2 * back)
        local[twice] = begin + offset[k] + (times[twice] - begin) // 2
    return local


def on_axis(zone: str, *times: Array) -> list[Array]:
    """Local stamps (n,) of each of several arrays of sorted UTC moments (n,) for the one axis that they share, as `along` gives them."""
    every = np.unique(np.concatenate(times))
    local = along(every, zone)
    return [local[np.searchsorted(every, own)] for own in times]


def stamps_of(times: Array) -> list[Any]:
    """Stamps as text, no finer than they are, or step numbers as they are."""
    if times.dtype.kind != "M":
        return [int(step) for step in times]
    units = (("D", DAY), ("m", 60 * 10**9), ("s", 10**9), ("ms", 10**6), ("ns", 1))
    unit = next(
        unit for unit, length in units if (times.astype("datetime64[ns]").astype("int64") % length == 0).all()
    )
    written = np.datetime_as_string(times.astype("datetime64[ns]"), unit=unit)  # type: ignore[call-overload]
    return [text.replace("T", " ") for text in written.tolist()]


def steps_of(clock: Clock, count: int = 2) -> str:
    """The steps of a clock as a noun: hours, trading days, steps of 10min."""
    if clock.kind == "fixed" or clock.bars > 1:
        names = {DAY: "days", 7 * DAY: "weeks", DAY // 24: "hours", DAY // 1440: "minutes"}
        noun = names.get(clock.step, f"steps of {clock.freq}")
    elif clock.kind == "calendar":
        noun = {
            "B": "business days",
            "T": "dekads",
            "F": "half months",
            "M": "months",
            "Q": "quarters",
            "H": "half years",
            "Y": "years",
        }[clock.freq[0]]
    else:
        noun = {"step": "steps", "sessions": "trading days"}[clock.kind]
    return noun if count != 1 else re.sub("s( of|$)", r"\1", noun, count=1)


def time_title(clock: Clock) -> str:
    """What the stamps of a clock are: a time of a place, a date, or a step."""
    if clock.kind == "step":
        return "step"
    return "date" if clock.dated else f"time ({clock.tz or 'UTC'})"


def _line(
    x: Array,
    y: Array,
    name: str,
    colour: str,
    mode: str = "lines",
    *,
    width: float = 1.5,
) -> go.Scatter:
    line, marker = {"color": colour, "width": width}, {"color": colour, "size": 5}
    stamps = stamps_of(x) if x.dtype.kind == "M" else x
    return go.Scatter(
        x=stamps,
        y=y,
        name=_say(name),
        mode=mode,
        line=line,
        marker=marker,
        hovertemplate="%{y:,.6~r}",
    )


def _band(x: Array, low: Array, high: Array, name: str, colour: str) -> go.Scatter:
    """An interval as a filled outline, of a single step as a bar; nothing where it is missing."""
    seen = ~(np.isnan(low) | np.isnan(high))
    stamps = np.asarray(stamps_of(x[seen]) if x.dtype.kind == "M" else x[seen])
    trace = go.Scatter(
        x=np.concatenate([stamps, stamps[::-1]]),
        y=np.concatenate([high[seen], low[seen][::-1]]),
        name=name,
        opacity=0.18,
        hoverinfo="skip",
    )
    if len(stamps) == 1:  # an outline of one step has no area
        return trace.update(mode="lines", line={"color": colour, "width": BAR})
    return trace.update(mode="none", fill="toself", fillcolor=colour)


def _menu(ids: Sequence[str], active: int, traces: int) -> dict[str, Any]:
    """A menu that shows one series' traces at a time."""
    buttons = [
        {
            "label": _say(name),
            "method": "restyle",
            "args": [{"visible": [place // traces == i for place in range(traces * len(ids))]}],
        }
        for i, name in enumerate(ids)
    ]
    return {"buttons": buttons, "active": active, **_CORNER}


def _ranges(label: str, part: dict[str, Any]) -> dict[str, Any]:
    """Two buttons: a part of both axes, by its ranges, or all of them."""
    whole = {"xaxis.autorange": True, "yaxis.autorange": True}
    buttons = [
        {"label": label, "method": "relayout", "args": [part]},
        {"label": "whole test", "method": "relayout", "args": [whole]},
    ]
    return {"buttons": buttons, "active": 0, "type": "buttons", "direction": "right", **_CORNER}


def _reach(lines: Iterable[tuple[Array, Array]], edges: Array) -> list[float] | None:
    """The lowest and highest value of lines (times, values) between two stamps, with a margin; None where nothing is seen."""
    inside = [values[(times >= edges[0]) & (times <= edges[1])] for times, values in lines]
    seen = np.concatenate(inside)
    seen = seen[~np.isnan(seen)]
    if not len(seen) or seen.min() == seen.max():
        return None
    margin = MARGIN * (seen.max() - seen.min())
    return [float(seen.min() - margin), float(seen.max() + margin)]


def _placed(outcomes: Iterable[Outcome], panel: Panel) -> list[Forecast]:
    """The forecasts of outcomes with the ids and origins of a panel."""
    return [outcome.forecast.on(panel) for outcome in outcomes]


def _at_last_step(forecasts: Iterable[Forecast], series: int) -> tuple[Array, Array]:
    """Stamps and values of the last step of all forecasts of a series, in order of time."""
    own = [(forecast, forecast.origins[:, 0] == series) for forecast in forecasts]
    times = np.concatenate([forecast.times[rows, -1] for forecast, rows in own])
    values = np.concatenate([forecast.values[rows, -1] for forecast, rows in own])
    order = np.argsort(times, kind="stable")
    return times[order], values[order]


def _thin(times: Array, values: Array) -> tuple[Array, Array]:
    every = max(1, math.ceil(len(times) / POINTS))
    return times[::every], values[::every]


def _check(panel: Panel, series: int, there: Iterable[int]) -> None:
    there = list(there)
    if series not in there:
        name = f" ({panel.ids[series]})" if 0 <= series < len(panel.ids) else ""
        raise ForecastError(
            f"Series {series}{name} has no forecast here. Choose one of the {len(there)} that have: {str(there[:5])[1:-1]} ..."
        )


def capital(text: str) -> str:
    """A text that begins a line."""
    return text[:1].upper() + text[1:]


def _title(text: str) -> dict[str, Any]:
    return {"text": text}


def _say(text: str) -> str:
    """User text as plotly takes it: its labels are a small HTML, so that marks in it must not be tags."""
    return html.escape(text, quote=False)
