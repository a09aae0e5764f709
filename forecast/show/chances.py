"""Figures of probabilities: those of the next horizon with the climatological rate behind them, whether they come true, and skill by step."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from forecast.arrays import Array, mean_observed
from forecast.data.clock import DAY
from forecast.data.panel import Panel
from forecast.data.zones import to_local
from forecast.evaluation.corp import COVERAGE, reliability
from forecast.evaluation.metrics import METRICS, asked_metric, scores_by
from forecast.evaluation.probabilities import cases
from forecast.models import is_baseline
from forecast.results import Forecast, Outcome
from forecast.show.axes import on_axis, stamps_of, steps_of, time_title
from forecast.show.look import HEIGHT, LOOK, TRUTH, escaped, palette, title
from forecast.show.plots import COUNTED, ahead_axis, best_and_baseline, latest_origins, ranked
from forecast.show.traces import line, marked

NEAR = 15  # days to each side of a day of the year that count for its rate
BINS = 20  # of the histogram of probabilities
YEAR = 365.25
FLOOR = 0.25  # the least end of an axis of probabilities: small ones are seen to be small
PERCENT = {"range": [0, 1.02], "tickformat": ".0%"}


def chances_figure(
    panel: Panel,
    forecast: Forecast,
    series: int = 0,
    *,
    span: str = "each",
    colours: Mapping[str, str] | None = None,
) -> go.Figure:
    """The probability of an event over the next horizon of a series, as bars, and how often it took place at such times in the past.

    series: its place in `panel.ids` · span: as it was asked, `each`, `any` or `all`. An answer about the whole horizon is
    one bar.
    """
    forecast = forecast.on(panel)
    m = latest_origins(forecast)[series]
    colour = (colours or palette([forecast.model]))[forecast.model]
    stamps = panel.stamps(forecast.origins[[m]], forecast.values.shape[1] * forecast.over)[0]
    x = _on_axis(panel, forecast.times[m])
    highest = forecast.values[m]
    figure = go.Figure()
    bars = go.Bar(
        x=x,
        y=forecast.values[m],
        name=escaped(forecast.model),
        marker={"color": colour},
        hovertemplate="%{y:.1%}",
    )
    figure.add_trace(bars)
    if forecast.over == 1:
        rate = past_rate(panel, series, stamps)
        label = "how often at such times in the past"
        usual = line(np.arange(len(rate)), rate, label, TRUTH, marked(len(rate)))
        figure.add_trace(usual.update(x=x, line_dash="dot", hovertemplate="%{y:.1%}"))
        highest = np.append(highest, rate)
    whose = f"{escaped(panel.ids[series])}: " if len(panel.ids) > 1 else ""
    when = ""
    if forecast.over > 1:
        when = f" in {span} of the next {forecast.over} {steps_of(panel.clock, forecast.over)}"
    figure.update_layout(
        template=LOOK,
        height=HEIGHT,
        title=title(f"{whose}probability of {escaped(panel.target)}{when}, by {escaped(forecast.model)}"),
        xaxis=_ahead(panel, x),
        yaxis={"title": "probability", "range": [0, _high(highest)], "tickformat": ".0%"},
        bargap=0.25 if len(x) > 1 else 0.8,
    )
    return figure


def _on_axis(panel: Panel, times: Array) -> Array:
    """Stamps of bars, as an axis takes them."""
    (local,) = on_axis(panel.clock.tz, times)
    return np.asarray(stamps_of(local) if local.dtype.kind == "M" else local)


def _ahead(panel: Panel, x: Array) -> dict[str, Any]:
    """The axis of the steps ahead: a label under each of a few dates, and under a single bar."""
    axis: dict[str, Any] = {"title": time_title(panel.clock)}
    if len(x) == 1 or (panel.clock.dated and len(x) <= COUNTED):
        axis["type"] = "category"
    return axis


def _high(values: Array) -> float:
    """The end of an axis of probabilities: a tenth above the highest, but at least FLOOR."""
    return float(min(1.02, max(FLOOR, 1.1 * np.nanmax(values))))


def past_rate(panel: Panel, series: int, stamps: Array) -> Array:
    """How often the event of a series took place at times like `stamps` (H,) in its past.

    Alike are the same hour, and days within NEAR of the same day of the year; on the step clock all steps are.
    """
    history = panel.history()
    rows = history.rows(series)
    codes = history.values[rows, 0]
    if panel.clock.kind == "step":
        return np.full(len(stamps), mean_observed(codes))
    past_day, past_hour = _place_in_year(history.times[rows], panel.clock.tz)
    day, hour = _place_in_year(stamps, panel.clock.tz)
    rates = np.empty(len(stamps))
    for step in range(len(stamps)):
        apart = np.abs(past_day - day[step])
        near = np.minimum(apart, YEAR - apart) <= NEAR
        alike = near & (past_hour == hour[step])
        rates[step] = mean_observed(codes[alike]) if alike.any() else mean_observed(codes)
    return rates


def _place_in_year(times: Array, zone: str) -> tuple[Array, Array]:
    """The day of the year, and the nanoseconds since midnight, of moments (n,)."""
    local = to_local(times.astype("datetime64[ns]"), zone)
    days = local.astype("datetime64[D]")
    day = (days - local.astype("datetime64[Y]")).astype("float64")
    since = (local - days).astype("int64") % DAY
    return day, since


def reliability_figure(outcomes: Iterable[Outcome], *, colours: Mapping[str, str] | None = None) -> go.Figure:
    """Whether probabilities come true, in a panel for the best model and one for the best baseline; of several names one for each.

    Above: how often the name came where it was given a probability (isotonic, without bins; Dimitriadis et al. 2021), with
    the band in which that lies where every probability is right. Below: how often each probability was given.
    """
    models = ranked(outcomes)
    colours = colours or palette(models)
    panels = _panels(models)
    figure = make_subplots(
        2,
        len(panels),
        row_heights=[0.75, 0.25],
        shared_xaxes=True,
        vertical_spacing=0.06,
        horizontal_spacing=0.06,
        subplot_titles=[escaped(label) for label, *_ in panels],
    )
    for place, (_, model, given, came) in enumerate(panels):
        for trace in _curve(given, came, colours[model]):
            figure.add_trace(trace, row=1, col=place + 1)
        figure.add_trace(_histogram(given, colours[model]), row=2, col=place + 1)
    figure.update_xaxes(**PERCENT)
    figure.update_xaxes(title_text="probability", row=2)
    figure.update_yaxes(**PERCENT, row=1)
    figure.update_yaxes(title_text="how often it came", row=1, col=1)
    figure.update_yaxes(title_text="given", row=2, col=1)
    figure.update_layout(
        template=LOOK,
        height=HEIGHT + 160,
        title=title("Do the probabilities come true?"),
        showlegend=False,
        hovermode="closest",
        bargap=0.05,
    )
    return figure


def _panels(models: Mapping[str, Sequence[Outcome]]) -> list[tuple[str, str, Array, Array]]:
    """A label, the model, its probabilities (n,) and outcomes (n,), for each panel."""
    first = next(iter(models))
    names = models[first][0].forecast.names
    panels = []
    if len(names) > 2:
        shares, actual = cases(models[first])
        known = ~np.isnan(actual)
        for code, name in enumerate(names):
            came = (actual[known] == code).astype("float64")
            if came.any():
                panels.append((f"{name}, {first}", first, shares[known][:, code], came))
        return panels
    for model in best_and_baseline(list(models)):
        shares, actual = cases(models[model])
        known = ~np.isnan(actual)
        panels.append((model, model, shares[known][:, 1], actual[known]))
    return panels


def _curve(given: Array, came: Array, colour: str) -> list[go.Scatter]:
    """The band, the diagonal and the curve of one panel."""
    found = reliability(given, came)
    band = go.Scatter(
        x=np.concatenate([found.probability, found.probability[::-1]]),
        y=np.concatenate([found.high, found.low[::-1]]),
        mode="none",
        fill="toself",
        fillcolor="#999999",
        opacity=0.25,
        name=f"{COVERAGE:g} % band",
        hoverinfo="skip",
    )
    right = go.Scatter(
        x=[0, 1],
        y=[0, 1],
        mode="lines",
        line={"color": "#999999", "width": 1, "dash": "dot"},
        hoverinfo="skip",
    )
    curve = line(found.probability, found.observed, "came", colour, width=2.2)
    return [band, right, curve.update(hovertemplate="given %{x:.1%}: came in %{y:.1%}<extra></extra>")]


def _histogram(given: Array, colour: str) -> go.Bar:
    """How often probabilities of each of BINS sizes were given."""
    counts, edges = np.histogram(given, bins=BINS, range=(0, 1))
    middle = (edges[1:] + edges[:-1]) / 2
    return go.Bar(
        x=middle,
        y=counts,
        width=1 / BINS,
        marker={"color": colour},
        opacity=0.6,
        hovertemplate="%{y:,} times<extra></extra>",
    )


def skill_figure(
    outcomes: Iterable[Outcome], *, colours: Mapping[str, str] | None = None
) -> go.Figure | None:
    """How much lower the score of each model is than that of the best baseline, step by step; None for one step or one model."""
    models = ranked(outcomes)
    first = next(iter(models.values()))
    horizon = first[0].actual.shape[1]
    if horizon < 2 or len(models) < 2:
        return None
    baseline = next(filter(is_baseline, models), next(iter(models)))
    base = np.array(list(scores_by(models[baseline], by="step").values()))
    colours = colours or palette(models)
    clock = first[0].truth.clock
    figure = go.Figure()
    for name, parts in models.items():
        if name == baseline:
            continue
        skill = 1 - np.array(list(scores_by(parts, by="step").values())) / base
        own = line(np.arange(1, horizon + 1), skill, name, colours[name], marked(horizon), width=2)
        figure.add_trace(own.update(hovertemplate="%{y:.1%}"))
    figure.add_hline(y=0, line={"color": "#999999", "width": 1})
    metric = METRICS[asked_metric(first)]
    figure.update_layout(
        template=LOOK,
        height=HEIGHT,
        title=title(
            f"Skill by step ahead: {metric.label} against that of {escaped(baseline)}, the best baseline"
        ),
        xaxis=ahead_axis(clock, horizon),
        yaxis={"title": "skill", "tickformat": ".0%"},
    )
    return figure


def shares_figure(panel: Panel, forecast: Forecast, series: int = 0) -> go.Figure:
    """The shares of several names over the next horizon of a series, one bar per step."""
    forecast = forecast.on(panel)
    m = latest_origins(forecast)[series]
    x = _on_axis(panel, forecast.times[m])
    shares = forecast.shares
    assert shares is not None
    colours = palette(forecast.names)
    figure = go.Figure()
    for code, name in enumerate(forecast.names):
        figure.add_trace(
            go.Bar(
                x=x,
                y=shares[m, :, code],
                name=escaped(name),
                marker={"color": colours[name]},
                hovertemplate="%{y:.1%}",
            )
        )
    whose = f"{escaped(panel.ids[series])}: " if len(panel.ids) > 1 else ""
    figure.update_layout(
        template=LOOK,
        height=HEIGHT,
        barmode="stack",
        title=title(f"{whose}shares of {escaped(panel.target)}, by {escaped(forecast.model)}"),
        xaxis=_ahead(panel, x),
        yaxis={"title": "share", "range": [0, 1], "tickformat": ".0%"},
        bargap=0.25 if len(x) > 1 else 0.8,
    )
    return figure
