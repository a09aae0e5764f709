"""The figure of one value: what `panel.plot()`, `forecast.plot()` and `fitted.plot_loss()` draw."""

import numpy as np
import plotly.graph_objects as go

from forecast.arrays import Array
from forecast.data.findings import listed
from forecast.data.panel import Panel
from forecast.errors import ForecastError, nearest
from forecast.fitting import Fitted
from forecast.results import Forecast
from forecast.show.axes import along, stamps_of, time_title
from forecast.show.chances import chances_figure, shares_figure
from forecast.show.look import HEIGHT, LOOK, TRUTH, escaped, palette, title
from forecast.show.plots import SHOWN, forecast_figure, latest_origins
from forecast.show.traces import band, line, marked, menu, thinned


def plot(
    value: Panel | Forecast | Fitted, panel: Panel | None = None, series: int | str | None = None
) -> go.Figure:
    """The figure of a panel, of a forecast, or of the losses of a fitted model.

    A panel: the target of a series over time, with a menu of all series; of more than 20 the first 20, and the chosen one.
    A forecast: the latest one of a series with its intervals, after the observed rows of `panel` where it is given; of
    names their probabilities, which need it. A fitted model: training and validation loss by step, in scaled units, and
    the step whose weights were kept.

    series: its name, or its place in the ids of the panel, and without one in those of the forecast; by default the first
    that there is. Raises ForecastError where there is no such series or forecast, where a model is not trained in steps,
    and as `Forecast.on`.
    """
    if isinstance(value, Fitted):
        return _of_losses(value)
    if isinstance(value, Panel):
        return _of_panel(value, 0 if series is None else series)
    if isinstance(value, Forecast):
        return _of_forecast(value, panel, series)
    raise ForecastError(
        f"A panel, a forecast or a fitted model is drawn here; found a {type(value).__name__}."
    )


def _of_panel(panel: Panel, series: int | str) -> go.Figure:
    """The target of a series over time. Every k-th point is drawn, so that a line has at most about 2,000."""
    chosen = panel.place(series)
    shown = list(range(len(panel.ids)))[:SHOWN]
    if chosen not in shown:
        shown[-1] = chosen
    figure = go.Figure()
    for i in shown:
        rows = panel.rows(i)
        times, values = thinned(along(panel.times[rows], panel.clock.tz), panel.values[rows, 0])
        figure.add_trace(line(times, values, panel.ids[i], TRUTH).update(visible=i == chosen))
    if panel.names:
        places = list(range(len(panel.names)))
        names = [escaped(name) for name in panel.names]
        figure.update_yaxes(tickvals=places, ticktext=names)
    figure.update_layout(
        template=LOOK,
        height=HEIGHT,
        title=title(escaped(panel.target)),
        xaxis_title=time_title(panel.clock),
        yaxis_title=escaped(panel.target),
        showlegend=False,
    )
    if len(shown) > 1:
        figure.update_layout(updatemenus=[menu([panel.ids[i] for i in shown], shown.index(chosen), 1)])
    return figure


def _of_forecast(forecast: Forecast, panel: Panel | None, series: int | str | None) -> go.Figure:
    """The latest forecast of a series, next to the rows of a panel where one is given."""
    if panel is None:
        if forecast.shares is not None:
            raise ForecastError(
                "Probabilities are drawn next to the past of their series: give the panel too, forecast.plot(panel); that of"
                " a run is result.panel."
            )
        return _alone(forecast, _chosen(forecast, series))
    placed = forecast.on(panel)
    chosen = _chosen(placed, series)
    if forecast.shares is None:
        return forecast_figure(panel, placed, chosen)
    if len(forecast.names) == 2:
        return chances_figure(panel, placed, chosen)
    return shares_figure(panel, placed, chosen)


def _chosen(forecast: Forecast, series: int | str | None) -> int:
    """The place of a series in the ids of a forecast; ForecastError where it has no forecast."""
    able = {forecast.ids[i]: i for i in latest_origins(forecast)}
    if not able:
        raise ForecastError("There is nothing to draw: no series has a forecast.")
    if series is None:
        return next(iter(able.values()))
    if isinstance(series, str):
        if series not in able:
            raise ForecastError(f"Series {series!r} has no forecast here.{nearest(series, able)}")
        return able[series]
    if series not in able.values():
        raise ForecastError(f"Series {series} has no forecast here. There is: {listed(list(able))}.")
    return series


def _alone(forecast: Forecast, series: int) -> go.Figure:
    """The latest forecast of a series without the rows before it."""
    m = latest_origins(forecast)[series]
    times = along(forecast.times[m], forecast.zone)
    colour = palette([forecast.model])[forecast.model]
    figure = go.Figure()
    for rank, (coverage, low, high) in reversed(list(enumerate(forecast.bands))):
        figure.add_trace(band(times, low[m], high[m], f"{coverage:g} %", colour, rank))
    figure.add_trace(line(times, forecast.values[m], forecast.model, colour, marked(len(times)), width=2.2))
    dated = times.dtype.kind == "M"
    where = f"time ({forecast.zone or 'UTC'})" if dated else "step"
    if dated and all(len(stamp) == len("2020-01-01") for stamp in stamps_of(times)):
        where = "date"
    figure.update_layout(
        template=LOOK,
        height=HEIGHT,
        title=title(
            f"{escaped(forecast.ids[series])}: {len(times)} steps ahead by {escaped(forecast.model)}"
        ),
        xaxis_title=where,
        yaxis_title=escaped(forecast.model),
    )
    return figure


def _of_losses(fitted: Fitted) -> go.Figure:
    """Training and validation loss of a fit by step."""
    name = fitted.spec.name
    history = fitted.log.history
    if not history:
        raise ForecastError(
            f"{name} is not trained in steps, so it has no losses to draw: nets and combinations with nets have."
        )
    steps, training, validation = np.array(history, "float64").T
    colour = palette([name])[name]
    figure = go.Figure()
    figure.add_trace(line(steps, training, "training", colour, width=1).update(line_dash="dot"))
    figure.add_trace(line(steps, validation, "validation", colour, width=1.8))
    figure.add_trace(_kept(steps, validation, colour))
    figure.update_layout(
        template=LOOK,
        height=HEIGHT,
        title=title(f"{escaped(name)}: training and validation loss"),
        xaxis_title="training step",
        yaxis_title="loss, scaled units",
    )
    return figure


def _kept(steps: Array, validation: Array, colour: str) -> go.Scatter:
    """The step (of n) whose weights were kept, as a dot on the validation loss."""
    kept = 0 if np.isnan(validation).all() else int(np.nanargmin(validation))
    dot = line(steps[[kept]], validation[[kept]], "weights kept", colour, "markers")
    return dot.update(marker_size=8)
