"""Figures: plain functions that give plotly Figures, for notebooks and for the report. A model has the same colour in all of them."""

import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from forecast.arrays import Array
from forecast.data.clock import Clock
from forecast.data.panel import Panel
from forecast.errors import ForecastError
from forecast.evaluation.metrics import METRICS, asked_metric, score, scores_by
from forecast.models import is_baseline
from forecast.results import Forecast, Outcome, by_model
from forecast.show.axes import along, on_axis, stamps_of, steps_of, time_title, unit_of, with_unit
from forecast.show.inside import (
    attention_figure,
    attribution_figure,
    contributions_figure,
    gates_figure,
    units_figure,
)
from forecast.show.look import COLOURS, HEIGHT, LOOK, TRUTH, capital, escaped, palette, title
from forecast.show.search import Search
from forecast.show.traces import POINTS, Curve, band, line, marked, menu, range_buttons, thinned, value_range

__all__ = [
    "COLOURS",
    "POINTS",
    "SHOWN",
    "along",
    "attention_figure",
    "attribution_figure",
    "backtest_figure",
    "contributions_figure",
    "error_by_step_figure",
    "forecast_figure",
    "gates_figure",
    "latest_origins",
    "loss_figure",
    "palette",
    "ranked",
    "searchable",
    "stamps_of",
    "steps_of",
    "time_title",
    "units_figure",
]

SHOWN = 20  # series in the menu of one figure
SEARCHED = 500  # series that are found by name
LONG_WORDS = 30  # characters of a metric in words from which on an axis has its short name
DOT = 9  # pixels: the forecast of a single step
COUNTED = 12  # steps of a horizon up to which an axis numbers each
STRETCH = 15  # horizons of the test part that are shown at first
DASHES = ("dash", "dot", "dashdot", "longdash")  # of the baselines: two that lie on each other are both seen
GREY = "#666666"  # of the legend that all panels of losses share
ACROSS = 3  # panels of losses in a row


def ranked(outcomes: Iterable[Outcome]) -> dict[str, list[Outcome]]:
    """The outcomes of each model, best first by the metric of their walk."""
    models = by_model(outcomes)
    scores = {name: score(parts) for name, parts in models.items()}
    order = sorted(models, key=lambda name: (math.isnan(scores[name]), scores[name]))
    return {name: models[name] for name in order}


def forecast_figure(
    panel: Panel,
    forecast: Forecast,
    series: int | str = 0,
    history: int | None = None,
    *,
    colours: Mapping[str, str] | None = None,
) -> go.Figure:
    """The last `history` rows of a series and its latest forecast, with a menu of all series.

    series: its name, or its place in `panel.ids`. history: by default five horizons, at least 60 rows. The rows are found by the
    names of the series and the cutoffs (`Forecast.on`), so a panel of more rows or series than the forecast was made
    from will do. More than 20 series: the first 20, and the chosen one. Raises ForecastError where the chosen series
    has no forecast, and where the panel lacks a series or a cutoff of the forecast.
    """
    forecast = forecast.on(panel)
    latest = latest_origins(forecast)
    series = panel.place(series) if isinstance(series, str) else series
    _check(panel, series, latest)
    horizon = forecast.values.shape[1]
    history = max(5 * horizon, 60) if history is None else history
    shown = _series_of_menu(list(latest), series)
    colour = (colours or palette([forecast.model]))[forecast.model]
    figure = go.Figure()
    for i in shown:
        for trace in _lines(panel, forecast, latest[i], history, colour):
            figure.add_trace(trace.update(visible=i == series))
    ahead = f"{horizon} {steps_of(panel.clock, horizon)} ahead by {escaped(forecast.model)}"
    figure.update_layout(
        template=LOOK,
        height=HEIGHT,
        title=title(f"{escaped(panel.target)}: {ahead}"),
        xaxis_title=time_title(panel.clock),
        yaxis_title=escaped(with_unit(panel.target, unit_of(panel))),
    )
    if len(shown) > 1:
        traces = len(figure.data) // len(shown)
        choice = menu([panel.ids[i] for i in shown], shown.index(series), traces)
        figure.update_layout(updatemenus=[choice])
    if 1 < len(shown) < len(latest):
        figure.update_layout(title_subtitle_text=f"The menu shows {len(shown)} of {len(latest)} series.")
    return figure


def searchable(panel: Panel, forecast: Forecast, history: int | None = None) -> Search | None:
    """What `forecast_figure` would draw of each series, also of those that its menu lacks; None where it lacks none.

    Of more than SEARCHED series the first ones.
    """
    forecast = forecast.on(panel)
    latest = latest_origins(forecast)
    if len(latest) <= SHOWN:
        return None
    horizon = forecast.values.shape[1]
    history = max(5 * horizon, 60) if history is None else history
    stamps: dict[tuple[Any, ...], int] = {}
    series = {}
    for i, m in itertools.islice(latest.items(), SEARCHED):
        traces = _lines(panel, forecast, m, history, TRUTH)
        places = [stamps.setdefault(tuple(np.asarray(trace.x).tolist()), len(stamps)) for trace in traces]
        values = [_in_json(np.asarray(trace.y, "float64")) for trace in traces]
        series[panel.ids[i]] = list(zip(places, values, strict=True))
    return Search([list(one) for one in stamps], series)


def _in_json(values: Array) -> list[float | None]:
    """Values (n,) with the digits that a picture shows; None where one is missing."""
    return [float(f"{value:.6g}") if math.isfinite(value) else None for value in values.tolist()]


def _series_of_menu(there: list[int], series: int) -> list[int]:
    """The first SHOWN of the series that have a forecast; the chosen one is always among them."""
    first = there[:SHOWN]
    if series not in first:
        first = [*there[: SHOWN - 1], series]
    return sorted(first)


def _lines(panel: Panel, forecast: Forecast, m: int, history: int, colour: str) -> list[go.Scatter]:
    """One of the M forecasts after the observed rows of its series, its intervals below its line, the widest lowest."""
    rows = _observed(panel, forecast.origins[m], history, forecast.values.shape[1])
    before, ahead = on_axis(panel.clock.tz, panel.times[rows], forecast.times[m])
    observed = panel.values[rows, 0]
    dotted = "lines+markers" if np.isnan(observed).any() else "lines"  # between two gaps a value has no line
    drawn = [line(before, observed, "observed", TRUTH, dotted).update(marker_size=4)]
    for rank, (coverage, low, high) in reversed(list(enumerate(forecast.bands))):
        drawn.append(band(ahead, low[m], high[m], f"{coverage:g} %", colour, rank))
    point = line(ahead, forecast.values[m], forecast.model, colour, marked(len(ahead)), width=2.2)
    if len(ahead) == 1:
        point.update(marker_size=DOT)
    return [*drawn, point]


def _observed(panel: Panel, origin: Array, history: int, horizon: int) -> slice:
    """The `history` rows before an origin (series, rows known) and those of the horizon after it.

    They end at the last with an observed target.
    """
    series = int(origin[0])
    known = int(origin[1])
    own = panel.rows(series)
    begin = own.start + max(0, known - history)
    end = min(own.start + known + horizon, own.stop)
    seen = np.flatnonzero(~np.isnan(panel.values[begin:end, 0]))
    last = int(seen[-1]) + 1 if len(seen) else 0
    return slice(begin, begin + last)


def error_by_step_figure(
    outcomes: Iterable[Outcome], *, colours: Mapping[str, str] | None = None, unit: str = ""
) -> go.Figure:
    """The metric of the walk at each step of the horizon, one line per model; the baselines are dashed.

    unit: of the target.
    """
    models = ranked(outcomes)
    if not models:
        raise ForecastError("There is nothing to draw: the backtest gave no outcome.")
    colours = colours or palette(models)
    first = next(iter(models.values()))
    truth = first[0].truth
    horizon = truth.values.shape[1]
    metric = METRICS[asked_metric(first)]
    measure = metric.words if len(metric.words) <= LONG_WORDS else metric.label
    target = escaped(with_unit(truth.target, unit if metric.unit == "target" else metric.unit))
    dashes = dict(zip(filter(is_baseline, models), itertools.cycle(DASHES), strict=False))
    figure = go.Figure()
    for name, parts in models.items():
        errors = np.array(list(scores_by(parts, by="step").values()))
        own = line(np.arange(1, horizon + 1), errors, name, colours[name], marked(horizon), width=2)
        figure.add_trace(own.update(line_dash=dashes.get(name, "solid")))
    figure.update_layout(
        template=LOOK,
        height=HEIGHT,
        title=title(f"{capital(measure)} by step ahead, over all test forecasts"),
        xaxis=ahead_axis(truth.clock, horizon),
        yaxis={"title": f"{measure} of {target}", "rangemode": "tozero"},
    )
    return figure


def ahead_axis(clock: Clock, horizon: int) -> dict[str, Any]:
    """The axis of the steps of a horizon, without half steps."""
    return {
        "title": f"{steps_of(clock)} ahead",
        "range": [0.5, horizon + 0.5],
        "dtick": 1 if horizon <= COUNTED else None,
    }


def backtest_figure(
    panel: Panel,
    outcomes: Iterable[Outcome],
    series: int | str = 0,
    *,
    colours: Mapping[str, str] | None = None,
) -> go.Figure:
    """The actual values of a series in the test, and what the best model and the best baseline had forecast for them.

    Each forecast is that of the last step of the horizon. series: its name, or its place in `panel.ids`; rows are found by the names
    of the series and the cutoffs, as in `forecast_figure`. Where a baseline is best, the next model is drawn too.
    Every k-th point is drawn, so that a line has at most about 2,000.
    """
    models = ranked(outcomes)
    forecasts = {name: _placed(parts, panel) for name, parts in models.items()}
    series = panel.place(series) if isinstance(series, str) else series
    _check(panel, series, _series_in(forecasts))
    pair = best_and_baseline(list(models))
    drawn = _test_curves(panel, series, {name: _at_last_step(forecasts[name], series) for name in pair})
    colours = colours or palette(models)
    figure = go.Figure(line(*thinned(*drawn.test), "observed", TRUTH, width=1.3))
    for name in reversed(pair):
        width = 1.6 if name == pair[0] else 1.1
        figure.add_trace(line(*thinned(*drawn.forecasts[name]), name, colours[name], width=width))
    horizon = models[pair[0]][0].forecast.values.shape[1]
    whose = f"{escaped(panel.ids[series])}: forecasts" if len(panel.ids) > 1 else "Forecasts"
    before = f"{horizon} {steps_of(panel.clock, horizon)} before"
    figure.update_layout(
        template=LOOK,
        height=HEIGHT,
        title=title(f"{whose} made {before}, next to the actual values"),
        xaxis_title=time_title(panel.clock),
        yaxis_title=escaped(with_unit(panel.target, unit_of(panel))),
    )
    span = STRETCH * horizon
    if len(drawn.test[0]) > 2 * span:
        _show_end(figure, drawn, span, f"last {span} {steps_of(panel.clock)}")
    return figure


@dataclass(frozen=True, eq=False)
class _TestCurves:
    """A series in the test on one local axis: all its observed values, those of the test, the forecasts of each model."""

    observed: Curve
    test: Curve
    forecasts: dict[str, Curve]


def _test_curves(panel: Panel, series: int, forecasts: dict[str, Curve]) -> _TestCurves:
    """The observed values next to forecasts at UTC moments: the test goes from the first of these to the last."""
    rows = panel.rows(series)
    moments = panel.times[rows]
    values = panel.values[rows, 0]
    first = min(times[0] for times, _ in forecasts.values())
    last = max(times[-1] for times, _ in forecasts.values())
    test = slice(np.searchsorted(moments, first), np.searchsorted(moments, last, "right"))
    local, *others = on_axis(panel.clock.tz, moments, *(times for times, _ in forecasts.values()))
    placed = {}
    for name, times in zip(forecasts, others, strict=True):
        placed[name] = (times, forecasts[name][1])
    return _TestCurves((local, values), (local[test], values[test]), placed)


def _show_end(figure: go.Figure, drawn: _TestCurves, span: int, label: str) -> None:
    """Show the last `span` steps of a test at first, with buttons for these and for the whole test."""
    edges = drawn.test[0][[-span, -1]]
    part = {
        "xaxis.range": stamps_of(edges),
        "yaxis.range": value_range([drawn.observed, *drawn.forecasts.values()], edges),
    }
    figure.update_layout(
        xaxis_range=part["xaxis.range"],
        yaxis_range=part["yaxis.range"],
        updatemenus=[range_buttons(label, part)],
    )


def best_and_baseline(names: Sequence[str]) -> list[str]:
    """The best model and the best baseline of names, best first; where that is one model, the next model too."""
    baseline = next(filter(is_baseline, names), names[0])
    if baseline == names[0]:
        return list(names[:2])
    return [names[0], baseline]


def _series_in(forecasts: Mapping[str, Iterable[Forecast]]) -> list[int]:
    """The series of which any model has a forecast."""
    found = [part.origins[:, 0] for parts in forecasts.values() for part in parts]
    series: list[int] = np.unique(np.concatenate(found)).tolist()
    return series


def loss_figure(outcomes: Iterable[Outcome], *, colours: Mapping[str, str] | None = None) -> go.Figure | None:
    """Training and validation loss by step, one panel per model and one line per fold; None without any history."""
    models = {}
    for name, parts in ranked(outcomes).items():
        trained = [part for part in parts if part.log.history]
        if trained:
            models[name] = trained
    if not models:
        return None
    colours = colours or palette(models)
    columns = min(len(models), ACROSS)
    rows = math.ceil(len(models) / columns)
    figure = make_subplots(
        rows,
        columns,
        subplot_titles=[escaped(name) for name in models],
        vertical_spacing=0.3 / rows,
        horizontal_spacing=0.08,
    )
    for place, (name, own) in enumerate(models.items()):
        for part in own:
            figure.add_traces(
                _losses(part, colours[name]), rows=place // columns + 1, cols=place % columns + 1
            )
    figure.update_traces(showlegend=False)
    figure.add_traces(_legend_of_losses())
    _lay_out_losses(figure, rows)
    return figure


def _losses(part: Outcome, colour: str) -> list[go.Scatter]:
    """The losses of one fit, and the step whose weights were kept."""
    steps, training, validation = np.array(part.log.history, "float64").T
    kept = 0 if np.isnan(validation).all() else int(np.nanargmin(validation))
    fold = f", fold {part.fold + 1}"
    dotted = line(steps, training, f"training{fold}", colour, width=1)
    solid = line(steps, validation, f"validation{fold}", colour, width=1.8)
    best = go.Scatter(
        x=steps[[kept]],
        y=validation[[kept]],
        mode="markers",
        marker={"color": colour, "size": 8, "line": {"color": "white", "width": 1}},
        hoverinfo="skip",
    )
    hover = "%{y:.4r}"
    return [dotted.update(line_dash="dot", hovertemplate=hover), solid.update(hovertemplate=hover), best]


def _legend_of_losses() -> list[go.Scatter]:
    """The entries of the legend that all panels of losses share."""
    styles: dict[str, dict[str, Any]] = {
        "training": {"mode": "lines", "line": {"color": GREY, "dash": "dot", "width": 1}},
        "validation": {"mode": "lines", "line": {"color": GREY, "width": 1.8}},
        "weights kept": {"mode": "markers", "marker": {"color": GREY, "size": 8}},
    }
    return [go.Scatter(x=[None], y=[None], name=name, **style) for name, style in styles.items()]


def _lay_out_losses(figure: go.Figure, rows: int) -> None:
    """Axes, title and legend of `rows` rows of panels."""
    figure.update_xaxes(rangemode="tozero")
    figure.update_xaxes(title_text="training step", row=rows)
    figure.update_yaxes(title_text="loss, scaled units", col=1)
    height = 150 + 260 * rows
    figure.update_layout(
        template=LOOK,
        height=height,
        title=title("Training and validation loss, one line per fold"),
        margin_t=104,
    )
    figure.update_layout(legend={"yref": "container", "y": 1 - 34 / height, "yanchor": "top"})


def latest_origins(forecast: Forecast) -> dict[int, int]:
    """Of each series that has a forecast, in order: which of the M forecasts is the latest."""
    order = np.lexsort((forecast.origins[:, 1], forecast.origins[:, 0]))
    return {int(forecast.origins[m, 0]): int(m) for m in order}


def _placed(outcomes: Iterable[Outcome], panel: Panel) -> list[Forecast]:
    """The forecasts of outcomes with the ids and origins of a panel."""
    return [outcome.forecast.on(panel) for outcome in outcomes]


def _at_last_step(forecasts: Iterable[Forecast], series: int) -> Curve:
    """Stamps and values of the last step of all forecasts of a series, in order of time."""
    own = [(forecast, forecast.origins[:, 0] == series) for forecast in forecasts]
    times = np.concatenate([forecast.times[rows, -1] for forecast, rows in own])
    values = np.concatenate([forecast.values[rows, -1] for forecast, rows in own])
    order = np.argsort(times, kind="stable")
    return times[order], values[order]


def _check(panel: Panel, series: int, there: Iterable[int]) -> None:
    """ForecastError where a series is not among those that have a forecast."""
    able = list(there)
    if series in able:
        return
    name = f" ({panel.ids[series]})" if 0 <= series < len(panel.ids) else ""
    some = ", ".join(map(str, able[:5]))
    raise ForecastError(
        f"Series {series}{name} has no forecast here. Choose one of the {len(able)} that have: {some} ..."
    )
