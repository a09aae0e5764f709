"""The sections of the report. Whoever has something to show adds one function and one row of SECTIONS."""

import numpy as np

from forecast.evaluation.inference import LEVEL
from forecast.evaluation.metrics import METRICS
from forecast.evaluation.probabilities import probabilities, three
from forecast.insight.words import SERIES as EXPLAINED
from forecast.insight.words import about_explanation, explanation_block
from forecast.show import chances, futures, plots, track
from forecast.show.axes import steps_of
from forecast.show.market import market
from forecast.show.section import SCORES, MakeSection, Material, Section, filled
from forecast.show.tables import (
    choices,
    choices_of_forecast,
    forecast_table,
    metric_notes,
    most_tested,
    numbers,
    score_head,
    score_lines,
    spread,
)
from forecast.task import quantile_levels

LEADERBOARD = (
    SCORES
    + """\
<p>{{ verdict }}</p>
<p class="small">
  Best first by {{ metric.label }} ({{ metric.words }}).
  {% for note in notes %}
  {{ note }}
  {% endfor %}
  Skill: how much lower the {{ metric.label }} of a model is than the baseline's.
  p: how likely a difference of this size from the baseline is if both were equally
  accurate (Diebold-Mariano); below {{ level }} it is hardly chance, and no p is given for a short test.
  {% if inside %}
  In {{ inside }} %: the share of the actual values, in percent, that these intervals held.
  {% endif %}
  {% for note in board %}{{ note }} {% endfor %}

</p>
"""
)

FORECAST = """\
{% if table.days %}
<h3>Lowest and highest of each day{% if zone %}, time of {{ zone }}{% endif %}</h3>
<div class="scroll"><table id="days">
  <thead><tr>{% for name in table.day_head %}<th>{{ name }}</th>{% endfor %}</tr></thead>
  <tbody>
  {% for row in table.days %}
  <tr>{% for cell in row %}<td>{{ cell }}</td>{% endfor %}</tr>
  {% endfor %}
  </tbody>
</table></div>
{% endif %}
<details id="forecast"{% if table.rows|length <= few %} open{% endif %}>
  <summary>The forecast in numbers{% if table.shown < table.all %}: {{ table.shown }} of {{ table.all }} series{% endif %}</summary>
  <div class="scroll"><table>
    <thead><tr>{% for name in table.head %}<th>{{ name }}</th>{% endfor %}</tr></thead>
    <tbody>
    {% for row in table.rows %}
    <tr>{% for cell in row %}<td>{{ cell }}</td>{% endfor %}</tr>
    {% endfor %}
    </tbody>
  </table></div>
  {% if table.note %}
  <p class="small">{{ table.note }}</p>
  {% endif %}
</details>
"""

WHY = """\
<p class="small">{{ about }}</p>
<details id="why">
  <summary>The parts in numbers</summary>
  {% for table in tables %}
  <div class="scroll"><pre class="small">{{ table }}</pre></div>
  {% endfor %}
</details>
"""

INFERRED = """\
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
"""


def leaderboard(material: Material) -> Section:
    """The scores of all models, and what the columns mean."""
    board = material.board
    html = filled(
        LEADERBOARD,
        head=score_head(board, material.panel.target),
        lines=score_lines(board),
        metric=METRICS[board.metric],
        notes=metric_notes(board.shown, material.panel.target),
        level=f"{LEVEL:.0%}",
        verdict=board.verdict,
        inside=" and ".join(board.rows[0].coverage),
        board=board.notes,
    )
    return Section("The models compared", html)


def next_horizon(material: Material) -> Section | None:
    """The forecast after the last known rows, as a figure and in numbers."""
    panel = material.present
    forecast = material.forecast
    table = forecast_table(panel, forecast)
    if table is None:
        return None
    horizon = forecast.values.shape[1] * forecast.over
    title = f"The next {horizon} {steps_of(panel.clock, horizon)}"
    if horizon == 1:
        title = f"The next {steps_of(panel.clock, horizon)}"
    html = filled(FORECAST, table=table, few=plots.COUNTED, zone=panel.clock.tz)
    first = next(iter(plots.latest_origins(forecast)))
    if panel.kind == "event":
        figure = chances.chances_figure(panel, forecast, first, span=material.span, colours=material.colours)
        return Section(title, html, (figure,))
    if panel.kind == "names":
        return Section(title, html, (chances.shares_figure(panel, forecast, first),))
    figure = plots.forecast_figure(panel, forecast, first, colours=material.colours)
    return Section(title, html, (figure,), plots.searchable(panel, forecast))


FUTURES = """\
<div class="scroll"><table class="wide" id="sum">
  <thead><tr><th>over the horizon</th><th>median</th>{% for one in ends %}<th>{{ one.coverage }} %</th>{% endfor %}</tr></thead>
  <tbody><tr><td>sum of {{ target }}</td><td>{{ median }}</td>
  {% for one in ends %}<td>{{ one.low }} to {{ one.high }}</td>{% endfor %}</tr></tbody>
</table></div>
<p class="small">
  Each of the {{ count }} paths is one future, as likely as any other; its steps are joined as the errors of the walk were. So
  the interval of the sum knows how errors follow one another, which intervals of single steps do not say. Other paths and
  sums: forecast predict RUN --paths 500 --out FILE.parquet, or --sum, --max, --min.
</p>
"""


def sample_futures(material: Material) -> Section | None:
    """A fan of sample paths of the first series, and the distribution of their sum; None without paths of several steps."""
    paths = material.paths
    if paths is None or paths.values.shape[2] < 2:
        return None
    colour = material.colours[paths.model]
    sums = paths.values[0].sum(axis=1)
    found = [float(np.median(sums))]
    for coverage in paths.intervals:
        low, _, high = quantile_levels([coverage])
        found += np.quantile(sums, [low, high], method="hazen").tolist()
    median, *shown = numbers(np.array(found), spread(sums))
    ends = []
    for place, coverage in enumerate(paths.intervals):
        ends.append({"coverage": f"{coverage:g}", "low": shown[2 * place], "high": shown[2 * place + 1]})
    html = filled(
        FUTURES,
        target=material.panel.target,
        median=median,
        ends=ends,
        count=f"{len(sums):,}",
    )
    figures = (
        futures.fan_figure(material.panel, paths, colour),
        futures.sum_figure(material.panel, paths, colour),
    )
    return Section("Sample paths and their sum", html, figures)


WORTH = """\
<div class="scroll"><table class="wide" id="probabilities">
  <thead><tr><th>{{ first }}</th><th>came</th><th>miscalibration</th><th>discrimination</th><th>uncertainty</th>
  <th>AUC</th><th>average precision</th></tr></thead>
  <tbody>
  {% for row in rows %}
  <tr><td>{{ row.name if several else row.model }}</td><td>{{ "%.1f %%" % (100 * row.rate) }}</td>
  <td>{{ "%.4f" % row.miscalibration }}</td><td>{{ "%.4f" % row.discrimination }}</td>
  <td>{{ "%.4f" % row.uncertainty }}</td><td>{{ three(row.auc) }}</td><td>{{ three(row.average_precision) }}</td></tr>
  {% endfor %}
  </tbody>
</table></div>
<p class="small">
  {{ identity }}. Miscalibration: what is lost because probabilities do not come
  true as often as they say. Discrimination: what is gained because cases are told apart. Uncertainty: the score of always
  giving the base rate. The band holds 90 % of the curves of probabilities that are all right.
</p>
{% for one in confusion %}
<h3>The likeliest names by {{ one.model }}</h3>
<div class="scroll"><table id="confusion">
  <thead><tr><th>actual</th>{% for name in one.names %}<th>{{ name }}</th>{% endfor %}</tr></thead>
  <tbody>
  {% for name in one.names %}{% set counts = one.counts[loop.index0] %}
  <tr><td>{{ name }}</td>{% for count in counts %}<td>{{ "{:,}".format(count) }}</td>{% endfor %}</tr>
  {% endfor %}
  </tbody>
</table></div>
{% endfor %}
{% if acting %}
<h3>Acting above a probability of {{ "%.3f" % acting[0].threshold }}, where it is cheaper</h3>
<div class="scroll"><table id="acting">
  <thead><tr><th>act by</th><th>mean cost</th></tr></thead>
  <tbody>
  {% for row in acting %}<tr><td>{{ row.model }}</td><td>{{ "%.4f" % row.cost }}</td></tr>{% endfor %}
  <tr><td>always act</td><td>{{ "%.4f" % acting[0].always }}</td></tr>
  <tr><td>never act</td><td>{{ "%.4f" % acting[0].never }}</td></tr>
  </tbody>
</table></div>
{% endif %}
"""


def probabilities_of_names(material: Material) -> Section | None:
    """Whether the probabilities of a target of names come true, and skill by step; None for a number."""
    if not material.panel.names or not material.models:
        return None
    found = material.probabilities or probabilities(material.outcomes)
    several = material.panel.kind == "names"
    rows = found.of_model(next(iter(material.models))) if several else list(found.rows)
    best = next(iter(material.models))
    html = filled(
        WORTH,
        rows=rows,
        several=several,
        first="name" if several else "model",
        identity=found.identity,
        three=three,
        confusion=[one for one in found.confusion if one.model == best],
        acting=found.acting,
    )
    figures = [chances.reliability_figure(material.outcomes, colours=material.colours)]
    skill = chances.skill_figure(material.outcomes, colours=material.colours)
    if skill is not None:
        figures.append(skill)
    return Section("What the probabilities are worth", html, tuple(figures))


def why(material: Material) -> Section | None:
    """Why the next horizon is forecast as it is, at its first, middle and last step; None without an explanation."""
    made = material.explanation
    if made is None or not len(made.origins):
        return None
    figures = [plots.contributions_figure(made)]
    if not any(len(trace.x) for trace in figures[0].data):  # the last value alone: there are no parts
        return None
    if made.cells.any():
        figures.append(plots.attribution_figure(material.present, made))
    if material.attention is not None:
        seen = material.attention
        figures.append(plots.attention_figure(material.present, seen.weights, seen.origin, seen.rows))
    tables = [explanation_block(made, origin) for origin in range(min(EXPLAINED, len(made.origins)))]
    html = filled(WHY, tables=tables, about=about_explanation(made))
    return Section("Why", html, tuple(figures))


def error_by_step(material: Material) -> Section | None:
    """How the error grows over the horizon; None of a single step, and where one answer is about all of it."""
    outcomes = material.outcomes
    if not outcomes or material.forecast.over > 1 or material.board.horizon == 1:
        return None
    figure = plots.error_by_step_figure(outcomes, colours=material.colours, unit=material.unit)
    return Section("How the error grows with the step ahead", figures=(figure,))


def actual_values(material: Material) -> Section | None:
    """Forecasts of the test next to the actual values of one series; None where an answer is about several rows."""
    outcomes = material.outcomes
    if not outcomes or not material.drawable or material.forecast.over > 1:
        return None
    series = most_tested(material.panel, outcomes)
    figure = plots.backtest_figure(material.panel, outcomes, series, colours=material.colours)
    return Section("Forecasts next to the actual values", figures=(figure,))


def errors_in_detail(material: Material) -> Section | None:
    """When errors are large, how they are spread, and what the intervals held over time; None of names, and of no test."""
    if not material.models or not material.drawable or material.forecast.over > 1:
        return None
    best = material.models[material.board.best]
    colour = material.colours[material.board.best]
    figures = track.calendar_figures(material.panel, material.models, material.colours, material.unit)
    if not material.panel.names:
        spread = track.residual_figure(material.panel, best, colour, material.unit)
        held = track.coverage_figure(material.panel, best, colour)
        figures += [figure for figure in (spread, held) if figure is not None]
    return Section("When and how the forecasts are wrong", figures=tuple(figures)) if figures else None


def folds(material: Material) -> Section | None:
    """What each fold was fitted and tested on; None without a test."""
    if not material.models:
        return None
    best = material.models[material.board.best]
    return Section("How the test was made", figures=(track.folds_figure(material.panel, best),))


def training(material: Material) -> Section | None:
    """The losses of the nets in training; None without a net."""
    figure = plots.loss_figure(material.outcomes, colours=material.colours)
    if figure is None:
        return None
    return Section("How the nets were trained", figures=(figure,))


def inferred(material: Material) -> Section:
    """What was found in the file, and what each fit chose."""
    chosen = [
        *choices(material.models),
        *choices_of_forecast(material.forecast.model, material.notes),
    ]
    html = filled(INFERRED, findings=material.findings, choices=chosen)
    return Section("What was inferred and chosen", html)


SECTIONS: tuple[MakeSection, ...] = (  # in the order of the page
    next_horizon,
    leaderboard,
    market,
    sample_futures,
    probabilities_of_names,
    why,
    error_by_step,
    actual_values,
    errors_in_detail,
    folds,
    training,
    inferred,
)
