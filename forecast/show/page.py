"""The page: one HTML file that needs no network, is read without a script, in the dark, on paper and on a phone."""

import base64
import gzip
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from markupsafe import Markup
from plotly.offline import get_plotlyjs

from forecast.files import write_atomic
from forecast.show.section import Section, filled

LIGHTEST = 9  # how hard the library of figures is compressed


def write_page(
    path: Path,
    *,
    title: str,
    verdict: str,
    about: Markup,
    sections: Sequence[Section],
    evidence: Sequence[str] = (),
    footer: str = "",
    light: bool = False,
) -> None:
    """Write a page of sections; the file is whole or absent.

    verdict: the sentence on top · evidence: what it rests on, in short pieces · about: what stands below these · footer: how the
    page was made · light: figures are static pictures alone, so that the page has no script and is small.
    """
    page = filled(
        PAGE,
        title=title,
        verdict=verdict,
        about=about,
        evidence=evidence,
        sections=sections,
        footer=footer,
        light=light,
        style=Markup(STYLE),
        script=Markup(SCRIPT),
        plotly="" if light else Markup(_library()),
    )
    write_atomic(path, page)


@cache
def _library() -> str:
    """The JavaScript that draws figures, gzipped and as base64: 1.9 MB in place of 4.8."""
    packed = gzip.compress(get_plotlyjs().encode(), LIGHTEST, mtime=0)
    return base64.b64encode(packed).decode()


# text colours have a contrast of at least 4.5 on both backgrounds (WCAG 2.2, 1.4.3)
STYLE = """\
  :root { color-scheme: light dark; --keep: 100%; --ground: #ffffff; --text: #222222; --soft: #555555; --line: #dddddd;
    --firm: #999999; --link: #0a5a8a; --warn: #9a3b00; --grid: #e8e8e8; --panel: #f6f6f6; }
  @media (prefers-color-scheme: dark) { :root { --keep: 60%; --ground: #16181b; --text: #e6e6e6; --soft: #b0b0b0;
    --line: #3a3d42; --firm: #777777; --link: #7cc4f0; --warn: #f0a070; --grid: #33363b; --panel: #22252a; } }
  @media print { :root { color-scheme: light; --keep: 100%; --ground: #ffffff; --text: #222222; --soft: #555555;
    --line: #dddddd; --firm: #999999; --link: #0a5a8a; --warn: #9a3b00; --grid: #e8e8e8; --panel: #ffffff; } }
  body { margin: 0 auto; max-width: 1000px; padding: 2rem 1.5rem 3rem; color: var(--text); background: var(--ground);
    font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; }
  h1 { font-size: 1.05rem; font-weight: 500; color: var(--soft); margin: 0 0 .5rem; overflow-wrap: anywhere; }
  h2 { font-size: 1.25rem; font-weight: 600; margin: 2.75rem 0 .6rem; padding-top: 1rem; border-top: 1px solid var(--line); }
  h3 { font-size: 1rem; font-weight: 600; margin: 1.5rem 0 .4rem; }
  .verdict { font-size: 1.7rem; line-height: 1.3; font-weight: 600; margin: 0 0 .6rem; text-wrap: balance; }
  .evidence { color: var(--soft); margin: 0 0 1rem; }
  p, li { overflow-wrap: anywhere; }
  p.small, li { max-width: 50rem; }
  .small, footer { font-size: .875rem; color: var(--soft); }
  footer { margin-top: 3rem; padding-top: 1rem; border-top: 1px solid var(--line); overflow-wrap: anywhere; }
  .scroll { overflow-x: auto; }
  table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
  .wide { width: 100%; }
  .wide th, .wide td { padding: .35rem .45rem; font-size: .9rem; }
  th, td { padding: .35rem .75rem; text-align: right; vertical-align: top; white-space: nowrap; border-bottom: 1px solid var(--line); }
  th { font-weight: 600; border-bottom: 2px solid var(--firm); vertical-align: bottom; }
  .wide th { white-space: normal; }
  th:first-child, td:first-child { text-align: left; padding-left: 0; }
  .text th, .text td { text-align: left; }
  .text td:last-child { white-space: normal; overflow-wrap: anywhere; }
  .best td { font-weight: 600; }
  .tag { font-size: .75rem; font-weight: 500; color: var(--soft); border: 1px solid var(--firm); border-radius: .6rem; padding: 0 .45rem; }
  td .tag { margin-left: .4rem; }
  .warning { color: var(--warn); border-color: var(--warn); margin-right: .4rem; }
  .figure { margin: .5rem 0; min-height: 100px; }
  .static { margin: .5rem 0 1rem; }
  .static figcaption { font-weight: 500; font-size: .95rem; }
  .static .drawing { display: block; width: 100%; min-width: 34rem; max-width: 50rem; color: var(--text); }
  .static text { font-size: 12px; fill: var(--soft); }
  .static .grid { stroke: var(--grid); } .static .edge { stroke: var(--firm); }
  .legend { margin: .1rem 0 .3rem; font-size: .85rem; color: var(--soft); }
  .legend span { margin-right: 1rem; white-space: nowrap; }
  .legend i { display: inline-block; width: 1.1rem; height: .6rem; margin-right: .35rem; }
  @media (prefers-color-scheme: dark) {  /* the button that plotly marks by a white of its own */
    .updatemenu-item-rect[style*="244, 250, 255"] { fill: #46505c !important; } }
  details { margin: .75rem 0; }
  summary { cursor: pointer; color: var(--link); }
  label { font-size: .9rem; color: var(--soft); }
  input { font: inherit; color: var(--text); background: var(--panel); border: 1px solid var(--firm); border-radius: .3rem; padding: .2rem .5rem; }
  .needs-script { display: none; }
  .scripted .needs-script { display: block; }
  @media (max-width: 600px) { body { padding: 1.25rem 1rem 2rem; } .verdict { font-size: 1.35rem; } }
  @media print {
    @page { margin: 14mm; }
    body { padding: 0; max-width: none; font-size: 11pt; }
    .figure, .static, tr, h2 { break-inside: avoid; }
    h2, h3 { break-after: avoid; margin-top: 1.5rem; }
    th, td { padding: .25rem .4rem; font-size: 10pt; }
    .scroll { overflow: visible; }
    .modebar, .needs-script { display: none !important; }
  }
"""

PAGE = """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{ title }}</title>
<style>
{{ style }}</style>
</head>
<body>
<h1>{{ title }}</h1>
<p class="verdict">{{ verdict }}</p>
{% if evidence %}
<p class="evidence">{{ evidence|join(" · ") }}</p>
{% endif %}
{{ about }}
{% for section in sections %}
<section>
<h2>{{ section.title }}</h2>
{% for figure in section.drawn %}
{% if light %}
{{ figure.static or "" }}
{% if not figure.static %}
<p class="small">A figure with several panels is on the full page.</p>
{% endif %}
{% else %}
<div class="figure">{{ figure.static or "" }}</div>
<script type="application/json" class="drawn">{{ figure.script }}</script>
{% endif %}
{% endfor %}
{% if section.search and not light %}
<p class="needs-script"><label>Any of the {{ "{:,}".format(section.search.ids|length) }} series:
  <input id="search" list="ids" placeholder="name of a series"></label></p>
<datalist id="ids">{% for id in section.search.ids %}<option>{{ id }}</option>{% endfor %}</datalist>
<script type="application/json" id="searched">{{ section.search.script }}</script>
{% endif %}
{{ section.html }}
</section>
{% endfor %}
{% if footer %}
<footer>{{ footer }}</footer>
{% endif %}
{% if not light %}
<noscript><p class="small">With JavaScript the figures have menus and can be enlarged.</p></noscript>
<script type="text/plain" id="plotly">{{ plotly }}</script>
<script>
{{ script }}</script>
{% endif %}
</body>
</html>
"""

SCRIPT = """\
  const figures = [], narrow = 560, line = 34;  // pixels; letters of a title that fit into a narrow line
  const dark = matchMedia("(prefers-color-scheme: dark)"), truth = "#222222", shade = { ground: "#16181b", text: "#e6e6e6",
    grid: "#33363b", panel: "#22252a" };
  async function unpack(id) {
    const bytes = Uint8Array.from(atob(document.getElementById(id).textContent), (letter) => letter.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    return new Response(stream).text();
  }
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
  function lifted(colour) {  // a colour that is seen on a dark ground
    if (colour === truth) return shade.text;
    if (!/^#[0-9a-f]{6}$/i.test(colour)) return colour;
    const parts = [1, 3, 5].map((place) => parseInt(colour.slice(place, place + 2), 16));
    return "#" + parts.map((part) => Math.round(0.6 * part + 102).toString(16).padStart(2, "0")).join("");
  }
  function lift(trace) {
    for (const place of [trace, trace.line, trace.marker, trace.marker?.line]) {
      for (const key of ["color", "fillcolor"]) {
        if (typeof place?.[key] === "string") place[key] = lifted(place[key]);
      }
    }
  }
  function fitDark(drawn) {
    const look = drawn.layout.template.layout;
    look.paper_bgcolor = look.plot_bgcolor = shade.ground;
    look.font.color = shade.text;
    look.hoverlabel = { bgcolor: shade.panel, font: { color: shade.text } };
    for (const axis of [look.xaxis, look.yaxis]) axis.gridcolor = shade.grid;
    for (const menu of drawn.layout.updatemenus ?? []) Object.assign(menu, { bgcolor: shade.panel, font: { color: shade.text } });
    drawn.data.forEach(lift);
  }
  function made(script, small, isDark) {
    const drawn = JSON.parse(script.textContent);
    if (small) fitNarrow(drawn.layout);
    if (isDark) fitDark(drawn);
    return drawn;
  }
  function draw() {
    for (const script of document.querySelectorAll("script.drawn")) {
      const figure = script.previousElementSibling, small = figure.clientWidth < narrow;
      const drawn = made(script, small, dark.matches), buttons = [["zoom2d", "pan2d", "resetScale2d", "toImage"]];
      figure.replaceChildren();
      Plotly.newPlot(figure, drawn.data, drawn.layout,
        { responsive: true, displaylogo: false, modeBarButtons: buttons, displayModeBar: small ? false : "hover" });
      figures.push(figure);
    }
    document.documentElement.classList.add("scripted");
  }
  function redraw(isDark, size) {  // paper is white, also where the screen is dark
    for (const figure of figures) {
      const drawn = made(figure.nextElementSibling, false, isDark);
      Plotly.react(figure, drawn.data, { ...drawn.layout, ...size });
    }
  }
  function offerSearch() {
    const box = document.getElementById("search");
    if (!box) return;
    const all = JSON.parse(document.getElementById("searched").textContent), figure = figures[0];
    const title = figure.layout.title.text, count = figure.data.length;
    const restore = () => {
      if (figure.data.length > count) Plotly.deleteTraces(figure, figure.data.slice(count).map((_, place) => count + place));
      Plotly.relayout(figure, { "title.text": title });
    };
    figure.on("plotly_buttonclicked", restore);
    box.addEventListener("input", () => {
      const found = all.series[box.value];
      if (!found) return;
      restore();
      const traces = found.map(([stamps, values], place) =>
        ({ ...structuredClone(figure.data[place]), x: all.stamps[stamps], y: values, visible: true }));
      Plotly.restyle(figure, { visible: false });
      Plotly.addTraces(figure, traces);
      Plotly.relayout(figure, { "title.text": `${fold(box.value)[0].replaceAll("<", "&lt;")}: ${title}`, "updatemenus[0].active": -1 });
    });
  }
  unpack("plotly").then((code) => {
    const script = document.createElement("script");
    script.text = code;
    document.head.append(script);
    draw();
    offerSearch();
  });
  addEventListener("beforeprint", () => {
    for (const details of document.querySelectorAll("details")) details.open = true;
    if (dark.matches) redraw(false, { width: 680, autosize: false });
    else for (const figure of figures) Plotly.relayout(figure, { width: 680, autosize: false });
  });
  addEventListener("afterprint", () => {
    if (dark.matches) redraw(true, {});
    for (const figure of figures) Plotly.relayout(figure, { width: null, autosize: true });
  });
"""
