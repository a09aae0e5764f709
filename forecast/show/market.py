"""What the direction of a price is worth: the table of the terminal, the trading rule in words, and what it would have earned."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go

from forecast.arrays import Array
from forecast.evaluation.market import ROUNDING, Direction, of_best
from forecast.results import Outcome
from forecast.show.axes import on_axis, time_title
from forecast.show.look import HEIGHT, LOOK, TRUTH, title
from forecast.show.section import Material, Section, filled
from forecast.show.tables import DASH, minus, number
from forecast.show.traces import line, thinned
from forecast.text import p_cell

BASIS_POINTS = 1e4  # of a whole
SAME = 1e-6  # basis points by which a mean return may differ from that of the table
HOLDING = "holding"

MARKET = """\
{% if sentence %}<p>{{ sentence }}</p>{% endif %}
<div class="scroll"><table class="wide" id="market">
  <thead><tr><th>model</th>{% for name in head %}<th>{{ name }}</th>{% endfor %}</tr></thead>
  <tbody>
  {% for row in rows %}
  <tr><td>{{ row.model }}</td>{% for cell in row.cells %}<td>{{ cell }}</td>{% endfor %}</tr>
  {% endfor %}
  </tbody>
</table></div>
<p class="small">
  {% if cost is not none %}
  The rule: after each close hold the price for one step where the forecast of the next step is above the last price, sell it
  short where it is below, stay out where it is the same; each side that is traded costs {{ "%g" % cost }} basis points (hundredths
  of a percent). Turnover: sides traded per step, 2 = from long to short each time. Drawdown: the deepest fall of the sum of
  returns from a peak before it.
  {% endif %}
  R2 compares the squared errors with those of the last price; above 0 is better than that. The R2 of a price level against its
  mean would be near 1 for any forecast, and is not given.
</p>
"""


@dataclass(frozen=True, eq=False)
class Traded:
    """What trading the sides of one model's forecasts of one series earned, in order of time.

    times (T,): when each step is known · earned, held (T,): returns in basis points of the rule after costs, and of holding;
    NaN where the price is missing · turnover: sides traded per step.
    """

    times: Array
    earned: Array
    held: Array
    turnover: float

    @property
    def drawdown(self) -> float:
        """The deepest fall of the sum of returns from a peak before it, in percent; 0 where it never fell."""
        total = np.nancumsum(self.earned)
        peak = np.maximum.accumulate(np.maximum(total, 0.0))
        return float((peak - total).max(initial=0.0)) / 100


def traded(parts: Sequence[Outcome], cost: float) -> list[Traded]:
    """The trades of one model, a value per series: it holds the side of each forecast of the next step at a cost in basis points."""
    series = np.concatenate([part.forecast.origins[:, 0] for part in parts])
    times = np.concatenate([part.forecast.times[:, 0] for part in parts])
    last = np.concatenate([part.truth.last for part in parts])
    gain = np.concatenate([part.actual[:, 0] for part in parts]) / last - 1
    moved = np.concatenate([part.forecast.values[:, 0] for part in parts]) - last
    side = np.where(np.abs(moved) > ROUNDING * np.abs(last), np.sign(moved), 0.0)
    order = np.lexsort((times, series))
    made = []
    for one in np.unique(series):
        own = order[series[order] == one]
        changes = np.abs(np.diff(side[own], prepend=0.0))
        earned = BASIS_POINTS * side[own] * gain[own] - cost * changes
        made.append(Traded(times[own], earned, BASIS_POINTS * gain[own], float(changes.mean())))
    return made


def market(material: Material) -> Section | None:
    """The table of directions, and the equity curves where there is a cost and one series; None where nothing is a price."""
    if not material.market:
        return None
    trades = _trades(material)
    head = ["moves", "right", "more frequent side", "p", "R2 on last value"]
    if material.market[0].profit is not None:
        head += ["bp per step", "holding, bp per step"]
    if trades:
        head += ["turnover", "drawdown, %"]
    rows = [{"model": row.model, "cells": _cells(row, trades)} for row in material.market]
    html = filled(MARKET, sentence=of_best(list(material.market)), head=head, rows=rows, cost=material.cost)
    figures = (equity_figure(material, trades),) if trades else ()
    return Section("What the direction is worth", html, figures)


def _trades(material: Material) -> dict[str, Traded]:
    """The trades of each model of one series, where their mean return is that of the table; else nothing."""
    cost = material.cost
    if cost is None or len(material.panel.ids) > 1 or not material.models:
        return {}
    found = {}
    for row in material.market:
        (own,) = traded(material.models[row.model], cost)
        if row.profit is None or abs(float(np.nanmean(own.earned)) - row.profit) > SAME:
            return {}
        found[row.model] = own
    return found


def _cells(row: Direction, trades: Mapping[str, Traded]) -> list[str]:
    """One line of the table."""
    cells = [f"{row.moves:,}", _percent(row.hits), _percent(row.majority)]
    cells.append(p_cell(row.p).replace("< .", "< 0.") if row.moves else DASH)
    cells.append(minus(f"{row.r2:+.4f}"))
    cells += [minus(f"{gain:+.2f}") for gain in (row.profit, row.hold) if gain is not None]
    if row.model in trades:
        own = trades[row.model]
        cells += [number(own.turnover, 2), number(own.drawdown, 1)]
    return cells


def _percent(share: float) -> str:
    return DASH if np.isnan(share) else f"{100 * share:.1f} %"


def equity_figure(material: Material, trades: Mapping[str, Traded]) -> go.Figure:
    """The sum of returns of each model's sides after costs over the test, and of holding the price."""
    figure = go.Figure()
    zone = material.panel.clock.tz
    first = next(iter(trades.values()))
    (local,) = on_axis(zone, first.times)
    held = line(*thinned(local, _summed(first.held)), HOLDING, TRUTH, width=1.3)
    for model, own in trades.items():
        (local,) = on_axis(zone, own.times)
        figure.add_trace(
            line(*thinned(local, _summed(own.earned)), model, material.colours[model], width=1.8)
        )
    figure.add_trace(held.update(line_dash="dot"))  # on top: a model that is always long lies on it
    figure.update_layout(
        template=LOOK,
        height=HEIGHT,
        title=title(f"Sum of returns over the test after {material.cost:g} basis points a side"),
        xaxis_title=time_title(material.panel.clock),
        yaxis_title="sum of returns, %",
    )
    return figure


def _summed(earned: Array) -> Array:
    """Returns (T,) in basis points, summed up, in percent."""
    total: Array = np.nancumsum(earned) / 100
    return total
