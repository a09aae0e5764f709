"""The report: one HTML page that needs no network, for the person who asked and the one she shows it to."""

import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import plotly.graph_objects as go
from jinja2 import Environment
from markupsafe import Markup
from plotly.offline import get_plotlyjs

from forecast.arrays import Array
from forecast.data.findings import Finding
from forecast.data.panel import Panel
from forecast.data.zones import placed
from forecast.evaluation.inference import LEVEL
from forecast.evaluation.leaderboard import Leaderboard
from forecast.evaluation.metrics import METRICS
from forecast.files import write_atomic
from forecast.results import Forecast, Outcome, labels_of
from forecast.show import plots
from forecast.text import p_cell, signed

TABULATED = 8  # series side by side in the table of the forecast


def write_report(
    path: Path,
    *,
    title: str,
    findings: Iterable[Finding],
    board: Leaderboard,
    outcomes: Iterable[Outcome],
    panel: Panel,
    forecast: Forecast,
    notes: Sequence[str] = (),
) -> None:
    """Write the page: the verdict, the leaderboard, the next forecast, the errors behind it, and what was inferred and chosen.

    outcomes: those of the leaderboard · forecast: of one model, after the last known rows · notes: what the fit behind it chose.
    The file is whole or absent.
    """
    models = plots.ranked(outcomes)
    parts = [part for own in models.values() for part in own]
    colours = plots.palette([*models, forecast.model])
    forecast = forecast.on(panel)
    latest = plots.latest_origins(forecast)
    tested = most_tested(panel, parts)
    drawn = bool(latest) and panel.kind != "names"  # codes of several names are no height of a line
    page = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True).from_string(PAGE)
    html = page.render(
        title=title,
        board=board,
        scores=scores(board, panel.target),
        level=f"{LEVEL:.0%}",
        label=METRICS[board.metric].label,
        words=METRICS[board.metric].words,
        numbers=panel.kind == "number",
        target=panel.target,
        series=len(panel.ids),
        ahead=f"{board.horizon} {plots.steps_of(panel.clock, board.horizon)}",
        model=forecast.model,
        horizon=f"{forecast.values.shape[1]} {plots.steps_of(panel.clock, forecast.values.shape[1])}",
        next=figure(plots.forecast_figure(panel, forecast, next(iter(latest)), colours=colours))
        if drawn
        else None,
        table=forecast_table(panel, forecast),
        steps=figure(plots.error_by_step_figure(parts, colours=colours)),
        backtest=figure(plots.backtest_figure(panel, parts, tested, colours=colours)) if drawn else None,
        loss=figure(plots.loss_figure(parts, colours=colours)),
        findings=list(findings),
        choices=[*choices(models), *_of_forecast(forecast.model, notes)],
        plotly=Markup(get_plotlyjs()),
    )
    write_atomic(path, html)


def figure(drawn: go.Figure | None) -> Markup | None:
    """A figure as JSON that can stand in a <script>: no text in it can close the tag."""
    return (
        None
        if drawn is None
        else Markup(drawn.to_json().replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e"))
    )


def scores(board: Leaderboard, target: str) -> dict[str, Any]:
    """The leaderboard as a table of text: its head, and one row per model."""
    shown = board.shown
    columns = [_column(name, [row.scores[name] for row in board.rows]) for name in shown]
    rows = []
    for row, *cells in zip(board.rows, *columns, strict=True):
        base = row.model == board.baseline
        skill = "" if base else signed(row.skill).replace("-", "−") or "–"
        p = "" if base else p_cell(row.p).replace("< .", "< 0.") or "–"
        rows.append(
            {"model": row.model, "baseline": base, "cells": [*cells, skill, p, number(row.seconds, 1)]}
        )
    heads = [_head(name, target if place == 0 else "") for place, name in enumerate(shown)]
    return {"head": [*heads, "skill", "p", "CPU s"], "rows": rows}


def _column(metric: str, values: list[float]) -> list[str]:
    """The scores of one metric as text."""
    shown = METRICS[metric].shown
    if shown.endswith("f"):
        return [number(value, int(shown[1:-1])) for value in values]
    return numbers(np.array(values))


def _head(metric: str, target: str) -> str:
    """The head of a column of scores, with its unit where it has one; a target where that is its unit."""
    chosen = METRICS[metric]
    unit = target if chosen.unit == "target" else chosen.unit
    return f"{chosen.label}, {unit}" if unit else chosen.label


def most_tested(panel: Panel, outcomes: Iterable[Outcome]) -> int:
    """The place in `panel.ids` of the series with most forecasts to compare with actual values; of equals the first."""
    counts = np.zeros(len(panel.ids), "int64")
    for outcome in outcomes:
        scored = ~np.isnan(outcome.actual).all(1)
        series = outcome.forecast.on(panel).origins[scored, 0]
        counts += np.bincount(series, minlength=len(counts))
    return int(counts.argmax())


def forecast_table(panel: Panel, forecast: Forecast) -> dict[str, Any] | None:
    """The latest forecasts as a table of text: a row a step, and the first series that share the stamps of the very first as columns."""
    forecast = forecast.on(panel)
    latest = plots.latest_origins(forecast)
    if not latest:
        return None
    first = next(iter(latest.values()))
    shown = {i: m for i, m in latest.items() if (forecast.times[m] == forecast.times[first]).all()}
    shown = dict(list(shown.items())[:TABULATED])
    columns = [_forecast_column(panel, forecast, i, m) for i, m in shown.items()]
    local = placed(forecast.times[first], forecast.zone)
    stamps = [f"{stamp:%Y-%m-%d %H:%M%z}" for stamp in local] if forecast.zone else plots.stamps_of(local)
    head = [
        plots.time_title(panel.clock),
        *(panel.ids[i] if len(panel.ids) > 1 else panel.target for i in shown),
    ]
    return {
        "head": head,
        "rows": list(zip(stamps, *columns, strict=True)),
        "shown": len(shown),
        "all": len(latest),
    }


def _forecast_column(panel: Panel, forecast: Forecast, series: int, m: int) -> list[str]:
    """One of the M forecasts as text: numbers, the share of the second of two names, or the likeliest of several."""
    values = forecast.values[m]
    if panel.kind == "names":
        return [str(label) for label in labels_of(forecast.names, values)]
    scale = None if panel.names else spread(panel.values[panel.rows(series), 0])
    return numbers(values, scale)


def choices(models: dict[str, list[Outcome]]) -> list[dict[str, str]]:
    """What the fits said, model by model; a note that several folds share is said once."""
    rows = []
    for name, parts in models.items():
        said: dict[str, list[int]] = {}
        for part in parts:
            for note in part.log.notes:
                said.setdefault(note, []).append(part.fold + 1)
        for note, folds in said.items():
            which = "all" if len(folds) == len(parts) else ", ".join(map(str, folds))
            rows.append({"model": name, "folds": which, "note": note.removeprefix(f"{name}: ")})
    return rows


def _of_forecast(model: str, notes: Sequence[str]) -> list[dict[str, str]]:
    return [{"model": model, "folds": "forecast", "note": note.removeprefix(f"{model}: ")} for note in notes]


def numbers(values: Array, scale: float | None = None) -> list[str]:
    """Numbers of one column with the same decimals: four digits for the smallest, or about a hundredth of `scale`."""
    sizes = np.abs(values[np.isfinite(values) & (values != 0)])
    if not scale and not len(sizes):
        return [number(float(value), 0) for value in values]
    decimals = 2 - round(math.log10(scale)) if scale else 3 - math.floor(math.log10(sizes.min()))
    return [number(float(value), min(max(decimals, 0), 8)) for value in values]


def number(value: float, decimals: int) -> str:
    """A number as a person reads it; a dash where there is none."""
    rounded = (
        round(value, decimals) + 0.0 if math.isfinite(value) else math.nan
    )  # + 0.0: no minus before a zero
    return "–" if math.isnan(rounded) else f"{rounded:,.{decimals}f}".replace("-", "−")


def spread(values: Array) -> float | None:
    """The standard deviation of what was observed; None where it is 0 or cannot be formed."""
    seen = values[np.isfinite(values)]
    return float(seen.std()) or None if len(seen) else None


PAGE = """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{ title }}</title>
<style>
  :root { color-scheme: light; }
  body { margin: 0 auto; max-width: 1000px; padding: 2rem 1.5rem 4rem; color: #222; background: #fff;
    font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; }
  h1 { font-size: 1.15rem; font-weight: 500; color: #555; margin: 0 0 .5rem; overflow-wrap: anywhere; }
  h2 { font-size: 1.25rem; font-weight: 600; margin: 3rem 0 .6rem; padding-top: 1rem; border-top: 1px solid #ddd; }
  .verdict { font-size: 1.6rem; line-height: 1.35; font-weight: 600; margin: 0 0 1rem; }
  p, li { overflow-wrap: anywhere; }
  p.small, li { max-width: 50rem; }
  .small { font-size: .875rem; color: #555; }
  .scroll { overflow-x: auto; }
  table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
  .wide { width: 100%; }
  th, td { padding: .35rem .75rem; text-align: right; vertical-align: top; white-space: nowrap; border-bottom: 1px solid #e6e6e6; }
  th { font-weight: 600; border-bottom: 2px solid #999; }
  th:first-child, td:first-child { text-align: left; padding-left: 0; }
  .text th, .text td { text-align: left; }
  .text td:last-child { white-space: normal; overflow-wrap: anywhere; }
  .best td { font-weight: 600; }
  .tag { font-size: .75rem; font-weight: 500; color: #555; border: 1px solid #bbb; border-radius: .6rem; padding: 0 .45rem; }
  td .tag { margin-left: .4rem; }
  .warning { color: #9a3b00; border-color: #d9a07c; margin-right: .4rem; }
  .figure { margin: .5rem 0; min-height: 100px; }
  details { margin: .75rem 0; }
  summary { cursor: pointer; color: #0a5a8a; }
  @media print {
    @page { margin: 14mm; }
    body { padding: 0; max-width: none; font-size: 11pt; }
    .figure, tr, h2 { break-inside: avoid; }
    h2 { break-after: avoid; margin-top: 1.5rem; }
    th, td { padding: .25rem .4rem; font-size: 10pt; }
    .scroll { overflow: visible; }
    .modebar { display: none !important; }
  }
</style>
</head>
<body>
{% macro figure(data) %}
<div class="figure"></div>
<script type="application/json" class="drawn">{{ data }}</script>
{% endmacro %}
<h1>{{ title }}</h1>
<p class="verdict">{{ board.verdict }}</p>
<p class="small">
  Judged on {{ "{:,}".format(board.origins) }} forecasts of {{ target }}, {{ ahead }} ahead each
  {%- if series > 1 %}, for {{ series }} series{% endif %}; every model was fitted only on what came before.
  {% for note in board.notes %}{{ note }} {% endfor %}
</p>
<noscript><p>The figures of this page need JavaScript; the tables do not.</p></noscript>

<h2>The models compared</h2>
<div class="scroll"><table class="wide" id="leaderboard">
  <thead><tr><th>model</th>{% for name in scores.head %}<th>{{ name }}</th>{% endfor %}</tr></thead>
  <tbody>
  {% for row in scores.rows %}
  <tr{% if loop.first %} class="best"{% endif %}>
    <td>{{ row.model }}{% if row.baseline %}<span class="tag">baseline</span>{% endif %}</td>
    {% for cell in row.cells %}<td>{{ cell }}</td>{% endfor %}
  </tr>
  {% endfor %}
  </tbody>
</table></div>
<p class="small">
  Best first by {{ label }} ({{ words }}).
  {% if numbers %}MAE and RMSE are errors in the units of {{ target }}. MASE below 1: smaller than the error of repeating the last season in
  the past.{% endif %}

  Skill: how much lower the {{ label }} of a model is than the baseline's.
  p: how likely a difference of this size from the baseline is if both were equally
  accurate (Diebold-Mariano); below {{ level }} it is hardly chance, and no p is given for a short test.
</p>

{% if table %}
<h2>The next {{ horizon }}</h2>
{% if next %}{{ figure(next) }}{% endif %}
<details id="forecast">
  <summary>The forecast in numbers{% if table.shown < table.all %}: {{ table.shown }} of {{ table.all }} series{% endif %}</summary>
  <div class="scroll"><table>
    <thead><tr>{% for name in table.head %}<th>{{ name }}</th>{% endfor %}</tr></thead>
    <tbody>
    {% for row in table.rows %}
    <tr>{% for cell in row %}<td>{{ cell }}</td>{% endfor %}</tr>
    {% endfor %}
    </tbody>
  </table></div>
</details>
{% endif %}

<h2>How the error grows with the step ahead</h2>
{{ figure(steps) }}

{% if backtest %}
<h2>Forecasts next to the actual values</h2>
{{ figure(backtest) }}
{% endif %}

{% if loss %}
<h2>How the nets were trained</h2>
{{ figure(loss) }}
{% endif %}

<h2>What was inferred and chosen</h2>
{% if findings %}
<ul id="findings">
{% for finding in findings %}
  <li>{% if finding.severity == "warning" %}<span class="tag warning">warning</span>{% endif %}{{ finding.message }}</li>
{% endfor %}
</ul>
{% endif %}
{% if choices %}
<details id="choices">
  <summary>What each fit chose</summary>
  <div class="scroll"><table class="text">
    <thead><tr><th>model</th><th>fitted for fold</th><th>choice</th></tr></thead>
    <tbody>
    {% for row in choices %}
    <tr><td>{{ row.model }}</td><td>{{ row.folds }}</td><td>{{ row.note }}</td></tr>
    {% endfor %}
    </tbody>
  </table></div>
</details>
{% endif %}
<script>{{ plotly }}</script>
<script>
  const figures = [], narrow = 560, line = 34;  // pixels; letters of a title that fit into a narrow line
  function fold(title) {
    const lines = [""];
    for (const word of title.split(" ")) {
      if (lines.at(-1) && lines.at(-1).length + word.length > line) lines.push("");
      lines.push([lines.pop(), word].filter(Boolean).join(" "));
    }
    return lines;
  }
  function fitNarrow(layout) {
    const lines = fold(layout.title.text), more = 19 * (lines.length - 1), usual = layout.template.layout.margin;
    const top = layout.updatemenus ? usual.t : layout.margin?.t ?? 56;
    layout.title.text = lines.join("<br>");
    layout.title.pad = { l: 10, t: 8 + more };
    layout.margin = { l: 60, r: 12, t: top + more, b: 120 };
    layout.height += 120 - usual.b + more;
    layout.legend = { yref: "container", y: 0.01, yanchor: "bottom" };
  }
  for (const script of document.querySelectorAll("script.drawn")) {
    const figure = script.previousElementSibling, drawn = JSON.parse(script.textContent);
    const buttons = [["zoom2d", "pan2d", "resetScale2d", "toImage"]], small = figure.clientWidth < narrow;
    if (small) fitNarrow(drawn.layout);
    Plotly.newPlot(figure, drawn.data, drawn.layout,
      { responsive: true, displaylogo: false, modeBarButtons: buttons, displayModeBar: small ? false : "hover" });
    figures.push(figure);
  }
  addEventListener("beforeprint", () => {
    for (const details of document.querySelectorAll("details")) details.open = true;
    for (const figure of figures) Plotly.relayout(figure, { width: 680, autosize: false });
  });
  addEventListener("afterprint", () => {
    for (const figure of figures) Plotly.relayout(figure, { width: null, autosize: true });
  });
</script>
</body>
</html>
"""
