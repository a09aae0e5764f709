"""The report: one HTML page that needs no network, for the person who asked and the one she shows it to."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from markupsafe import Markup
from plotly.offline import get_plotlyjs

from forecast.data.findings import Finding
from forecast.data.panel import Panel
from forecast.evaluation.leaderboard import Leaderboard
from forecast.evaluation.probabilities import Probabilities
from forecast.files import write_atomic
from forecast.insight.attribution import Explanation
from forecast.paths import Paths
from forecast.results import Forecast, Outcome
from forecast.show.axes import steps_of
from forecast.show.plots import ranked
from forecast.show.section import MakeSection, Material, Section, filled
from forecast.show.sections import SECTIONS


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
    explanation: Explanation | None = None,
    probabilities: Probabilities | None = None,
    paths: Paths | None = None,
    sections: Iterable[MakeSection] = SECTIONS,
) -> None:
    """Write the page: the verdict, and below it the sections, in their order.

    outcomes: those of the leaderboard · forecast: of one model, after the last known rows · notes: what the fit behind it
    chose · explanation: why the forecast is as it is, at some of its steps · probabilities: of a walk of names, what they
    are worth · paths: sample paths of the forecast · sections: functions that each make a part
    of the page, or None where they have nothing to show.
    The file is whole or absent.
    """
    material = Material(
        board=board,
        models=ranked(outcomes),
        panel=panel,
        forecast=forecast.on(panel),
        findings=list(findings),
        notes=notes,
        explanation=explanation,
        probabilities=probabilities,
        paths=paths,
    )
    made = [make(material) for make in sections]
    about = filled(
        ABOUT,
        board=board,
        target=panel.target,
        series=len(panel.ids),
        ahead=f"{board.horizon} {steps_of(panel.clock, board.horizon)}",
    )
    shown = [section for section in made if section is not None]
    write_page(path, title=title, verdict=board.verdict, about=about, sections=shown)


def write_page(path: Path, *, title: str, verdict: str, about: Markup, sections: Sequence[Section]) -> None:
    """Write a page of sections; about: what stands below the verdict. The file is whole or absent."""
    page = filled(
        PAGE,
        title=title,
        verdict=verdict,
        about=about,
        sections=sections,
        plotly=Markup(get_plotlyjs()),
    )
    write_atomic(path, page)


ABOUT = """\
<p class="small">
  Judged on {{ "{:,}".format(board.origins) }} forecasts of {{ target }}, {{ ahead }} ahead each
  {%- if series > 1 %}, for {{ series }} series{% endif %}; every model was fitted only on what came before.
  {% for note in board.notes %}{{ note }} {% endfor %}
</p>
"""

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
  .wide th, .wide td { padding: .35rem .5rem; }
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
<h1>{{ title }}</h1>
<p class="verdict">{{ verdict }}</p>
{{ about }}
<noscript><p>The figures of this page need JavaScript; the tables do not.</p></noscript>

{% for section in sections %}
<h2>{{ section.title }}</h2>
{% for script in section.scripts %}
<div class="figure"></div>
<script type="application/json" class="drawn">{{ script }}</script>
{% endfor %}
{{ section.html }}
{% endfor %}
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
