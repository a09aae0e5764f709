"""A section of the report, and what all of them are made from."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import plotly.graph_objects as go
from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from forecast.data.findings import Finding
from forecast.data.panel import Panel
from forecast.evaluation.leaderboard import Leaderboard
from forecast.evaluation.market import Direction
from forecast.evaluation.probabilities import Probabilities
from forecast.insight.attribution import Explanation
from forecast.paths import Paths
from forecast.results import Forecast, Outcome
from forecast.show.axes import unit_of
from forecast.show.look import palette
from forecast.show.search import Search, in_script
from forecast.show.static import svg
from forecast.show.summary import Attended

# a value that is absent, or fails, is an error and no gap in the page
TEMPLATES = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=StrictUndefined)

# the table of scores: `head`, its columns after that of the model, and `lines` with `model`, `baseline` and `cells`, best first
SCORES = """\
<div class="scroll"><table class="wide" id="leaderboard">
  <thead><tr><th>model</th>{% for name in head %}<th>{{ name }}</th>{% endfor %}</tr></thead>
  <tbody>
  {% for line in lines %}
  <tr{% if loop.first %} class="best"{% endif %}>
    <td>{{ line.model }}{% if line.baseline %}<span class="tag">baseline</span>{% endif %}</td>
    {% for cell in line.cells %}<td>{{ cell }}</td>{% endfor %}
  </tr>
  {% endfor %}
  </tbody>
</table></div>
"""


@dataclass(frozen=True, eq=False)
class Material:
    """What a report is made from.

    models: the outcomes of each model of the board, best first · forecast: of one model, after the last known rows,
    with the ids and origins of the panel · notes: what the fit behind the forecast chose · explanation: why it is
    as it is, at some of its steps; None of a model that does not say it · attention: where a net with attention looks before
    the first forecast; None of any other · probabilities: what those of names are worth;
    None = they are computed where they are shown · paths: sample paths of the forecast, of its first origin at least; None of a
    model without them · market: of a price, what the direction of each model is worth, at a
    cost in basis points a side · span: whether an event was asked in each step, or in any or all of the horizon · now: the
    rows that the forecast was made from, where these are not those of the walk.
    """

    board: Leaderboard
    models: Mapping[str, Sequence[Outcome]]
    panel: Panel
    forecast: Forecast
    findings: Sequence[Finding] = ()
    notes: Sequence[str] = ()
    explanation: Explanation | None = None
    probabilities: Probabilities | None = None
    paths: Paths | None = None
    attention: Attended | None = None
    market: Sequence[Direction] = ()
    cost: float | None = None
    span: str = "each"
    now: Panel | None = None

    @property
    def present(self) -> Panel:
        """The rows that the forecast was made from."""
        return self.panel if self.now is None else self.now

    @property
    def unit(self) -> str:
        """The unit of the target; empty where it has none."""
        return unit_of(self.panel)

    @property
    def outcomes(self) -> list[Outcome]:
        """The outcomes of all models, those of the best first."""
        return [part for parts in self.models.values() for part in parts]

    @cached_property
    def colours(self) -> dict[str, str]:
        """The colour of each model, the same in all figures of the report."""
        return palette([*self.models, self.forecast.model])

    @property
    def drawable(self) -> bool:
        """Whether forecasts can be drawn as lines: there are some, and they are numbers or the share of one name.

        Codes of several names are no height of a line.
        """
        return len(self.forecast.origins) > 0 and self.panel.kind != "names"


@dataclass(frozen=True, eq=False)
class Section:
    """A part of the page: its heading, its figures, and below these its HTML.

    html: made by `filled`, or any Markup; a plain text is escaped. search: series that the first figure can show and its menu
    lacks.
    """

    title: str
    html: str = ""
    figures: tuple[go.Figure, ...] = ()
    search: Search | None = None

    @property
    def drawn(self) -> list["Drawn"]:
        """The figures as the page has them."""
        return [Drawn(in_script(figure.to_json()), svg(figure)) for figure in self.figures]


@dataclass(frozen=True)
class Drawn:
    """A figure as JSON that can stand in a <script>, and as a static picture; None where it has none."""

    script: Markup
    static: Markup | None


MakeSection = Callable[[Material], Section | None]


def filled(template: str, **values: Any) -> Markup:
    """A jinja template filled with values; text among them is escaped."""
    return Markup(TEMPLATES.from_string(template).render(**values))
