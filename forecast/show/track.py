"""Figures of the test part: when errors are large, what the intervals held over time, how errors are spread, what was fitted on what."""

from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go

from forecast.arrays import Array, mean_observed
from forecast.data.clock import DAY
from forecast.data.panel import Panel
from forecast.data.zones import to_local
from forecast.evaluation.metrics import METRICS, asked_metric, cells_of
from forecast.results import Outcome
from forecast.show.axes import on_axis, stamps_of, time_title, with_unit
from forecast.show.look import HEIGHT, LOOK, TRUTH, capital, escaped, title
from forecast.show.plots import best_and_baseline
from forecast.show.traces import line

Models = Mapping[str, Sequence[Outcome]]

WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
HOURS = tuple(f"{hour:02d}" for hour in range(24))
STRETCHES = 24  # of the test, in each of which coverage is counted
LEAST = 20  # actual values in a stretch, on average
BINS = 40  # of the histogram of errors
TAIL = 0.1  # percent of the errors on each side that a histogram leaves out
WIDTH = 12  # pixels of a part in the strip of folds
TRAIN, TEST = "#8A8A8A", "#0072B2"


def _parts_of_time(panel: Panel) -> dict[str, tuple[str, ...]]:
    """The parts of the calendar that steps of a panel differ in, with the names of their values."""
    clock = panel.clock
    if clock.kind == "step":
        return {}
    found: dict[str, tuple[str, ...]] = {}
    fixed = clock.kind == "fixed"
    if fixed and clock.step < DAY:
        found["hour"] = HOURS
    if clock.kind == "sessions" or clock.freq == "B" or (fixed and clock.step <= DAY):
        found["weekday"] = WEEKDAYS
    found["month"] = MONTHS
    return found


def _place(local: Array, part: str) -> Array:
    """The hour, weekday (Monday is 0) or month (January is 0) of local stamps of any shape."""
    if part == "hour":
        return local.astype("datetime64[h]").astype("int64") % 24
    if part == "weekday":
        return (local.astype("datetime64[D]").astype("int64") + 3) % 7
    return local.astype("datetime64[M]").astype("int64") % 12


def calendar_figures(
    panel: Panel, models: Models, colours: Mapping[str, str], unit: str = ""
) -> list[go.Figure]:
    """The metric of the walk by hour, weekday and month of the actual value, of the best model and the best baseline.

    Only parts of the calendar in which the test has several values have a figure.
    """
    pair = best_and_baseline(list(models))
    chosen = METRICS[asked_metric(list(models[pair[0]]))]
    figures = []
    for part, names in _parts_of_time(panel).items():
        figure = go.Figure()
        for name in pair:
            cells, _ = cells_of(chosen, list(models[name]))
            local = to_local(np.concatenate([one.forecast.times for one in models[name]]), panel.clock.tz)
            places = _place(local, part)
            there = [place for place in range(len(names)) if (~np.isnan(cells[places == place])).any()]
            means = [chosen.finish(float(mean_observed(cells[places == place]))) for place in there]
            labels = np.array([names[place] for place in there])
            figure.add_trace(line(labels, np.array(means), name, colours[name], "lines+markers", width=2))
        if len(figure.data[0].x) < 2:
            continue
        target = escaped(with_unit(panel.target, unit if chosen.unit == "target" else chosen.unit))
        figure.update_layout(
            template=LOOK,
            height=HEIGHT,
            title=title(f"{capital(chosen.label)} by {part} of the actual value"),
            xaxis={"title": part, "type": "category"},
            yaxis={"title": f"{chosen.label} of {target}", "rangemode": "tozero"},
        )
        figures.append(figure)
    return figures


def coverage_figure(panel: Panel, parts: Sequence[Outcome], colour: str) -> go.Figure | None:
    """What share of the actual values each interval of one model held, stretch by stretch of the test; None without intervals."""
    times = np.concatenate([one.forecast.times.ravel() for one in parts])
    actual = np.concatenate([one.actual.ravel() for one in parts])
    bands = [one.forecast.bands for one in parts]
    count = min(STRETCHES, int((~np.isnan(actual)).sum()) // LEAST)
    if count < 2 or not all(bands):
        return None
    figure = go.Figure()
    starts, place = _stretches(times, count)
    (local,) = on_axis(panel.clock.tz, starts)
    for number, (coverage, _, _) in enumerate(bands[0]):
        low = np.concatenate([own[number][1].ravel() for own in bands])
        high = np.concatenate([own[number][2].ravel() for own in bands])
        inside = _inside(actual, low, high)
        shares = [float(mean_observed(inside[place == one])) for one in range(len(starts))]
        dash = "solid" if number == 0 else "dash"
        held = line(local, np.array(shares), f"in {coverage:g} %", colour, "lines+markers", width=2)
        figure.add_trace(held.update(line_dash=dash, hovertemplate="%{y:.1%}"))
        wanted = line(local, np.full(len(local), coverage / 100), f"{coverage:g} % wanted", TRUTH, width=1)
        figure.add_trace(wanted.update(line_dash="dot", showlegend=False, hoverinfo="skip"))
    figure.update_layout(
        template=LOOK,
        height=HEIGHT,
        title=title(f"What the intervals of {escaped(parts[0].forecast.model)} held over the test"),
        xaxis_title=time_title(panel.clock),
        yaxis={"title": "share of the actual values", "tickformat": ".0%"},
    )
    return figure


def _stretches(times: Array, count: int) -> tuple[Array, Array]:
    """The first stamp of each of about `count` stretches that hold as many stamps (n,) each, and the stretch of each stamp."""
    numbers = times.astype("int64")
    edges = np.unique(np.quantile(np.sort(numbers), np.linspace(0, 1, count + 1)).astype("int64"))
    place = np.clip(np.searchsorted(edges, numbers, "right") - 1, 0, len(edges) - 2)
    return edges[:-1].astype(times.dtype), place


def _inside(actual: Array, low: Array, high: Array) -> Array:
    """Whether each actual value lay in its interval, 0 or 1; NaN where one of them is missing."""
    known = ~(np.isnan(low) | np.isnan(high) | np.isnan(actual))
    return np.where(known, (actual >= low) & (actual <= high), np.nan)


def residual_figure(panel: Panel, parts: Sequence[Outcome], colour: str, unit: str = "") -> go.Figure | None:
    """How the errors of one model, forecast minus actual value, are spread, as a histogram; None where they are all alike."""
    errors = np.concatenate([(one.forecast.values - one.actual).ravel() for one in parts])
    errors = errors[~np.isnan(errors)]
    if not len(errors) or np.ptp(errors) == 0:
        return None
    low, high = np.percentile(errors, [TAIL, 100 - TAIL])
    if low == high:
        return None
    counts, edges = np.histogram(errors, bins=BINS, range=(low, high))
    bars = go.Bar(
        x=(edges[1:] + edges[:-1]) / 2,
        y=counts,
        width=edges[1] - edges[0],
        marker={"color": colour},
        hovertemplate="%{y:,}",
        showlegend=False,
    )
    figure = go.Figure(bars)
    model = escaped(parts[0].forecast.model)
    figure.update_layout(
        template=LOOK,
        height=HEIGHT,
        title=title(f"Errors of {model}: too low on the left of 0, too high on its right"),
        xaxis_title=escaped(with_unit(f"forecast minus actual {panel.target}", unit)),
        yaxis_title="how many forecasts",
        bargap=0.05,
    )
    return figure


def folds_figure(panel: Panel, parts: Sequence[Outcome]) -> go.Figure:
    """The rows that each fold was fitted on, and those that it was tested on, as a strip for each."""
    figure = go.Figure()
    begin = panel.times.min()
    for place, one in enumerate(sorted(parts, key=lambda part: part.fold)):
        forecast = one.forecast
        ends = np.array([begin, forecast.cutoffs.min(), forecast.times.min(), forecast.times.max()])
        local = stamps_of(to_local(ends, panel.clock.tz))
        for name, colour, edges in (("fitted on", TRAIN, local[:2]), ("tested on", TEST, local[2:])):
            strip = go.Scatter(
                x=edges,
                y=[one.fold + 1] * 2,
                name=name,
                mode="lines",
                line={"color": colour, "width": WIDTH},
                showlegend=place == 0,
                hovertemplate="%{x}",
            )
            figure.add_trace(strip)
    count = len(figure.data) // 2
    figure.update_layout(
        template=LOOK,
        height=180 + 30 * count,
        title=title("The rows that each fold was fitted and tested on"),
        xaxis_title=time_title(panel.clock),
        yaxis={"title": "fold", "dtick": 1, "range": [count + 0.6, 0.4]},
        hovermode="closest",
    )
    return figure
