"""The report: one HTML page that needs no network, for the person who asked and the one she shows it to."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from forecast.data.findings import Finding
from forecast.data.panel import Panel
from forecast.evaluation.leaderboard import Leaderboard
from forecast.evaluation.market import Direction
from forecast.evaluation.probabilities import Probabilities
from forecast.insight.attribution import Explanation
from forecast.paths import Paths
from forecast.results import Forecast, Outcome
from forecast.show.headline import evidence, headline
from forecast.show.page import write_page
from forecast.show.plots import ranked
from forecast.show.section import MakeSection, Material, filled
from forecast.show.sections import SECTIONS
from forecast.show.summary import Attended

__all__ = ["write_page", "write_report"]


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
    attention: Attended | None = None,
    market: Sequence[Direction] = (),
    cost: float | None = None,
    span: str = "each",
    now: Panel | None = None,
    footer: str = "",
    light: bool = False,
    sections: Iterable[MakeSection] = SECTIONS,
) -> None:
    """Write the page: the headline and its evidence, and below them the sections, in their order.

    outcomes: those of the leaderboard; without any, what needs them is left out · forecast: of one model, after the last known
    rows · notes: what the fit behind it chose · explanation: why the forecast is as it is, at some of its steps ·
    probabilities: of a walk of names, what they are worth · paths: sample paths of it · attention: where a net with attention looks ·
    market, cost: of a price, what the direction of each model is
    worth at a cost in basis points a side · span: of an event, each step, or any or all of the horizon · now: the rows
    behind the forecast, where these are not the panel of the walk · footer: how the page was made · light: static pictures
    alone, under 300 KB · sections: functions that each make a part of the page, or None where they have nothing to show.
    The file is whole or absent.
    """
    present = panel if now is None else now
    material = Material(
        board=board,
        models=ranked(outcomes),
        panel=panel,
        forecast=forecast.on(present),
        findings=list(findings),
        notes=notes,
        explanation=explanation,
        probabilities=probabilities,
        paths=paths,
        attention=attention,
        market=market,
        cost=cost,
        span=span,
        now=now,
    )
    made = [make(material) for make in sections]
    shown = [section for section in made if section is not None]
    write_page(
        path,
        title=title,
        verdict=headline(board, bool(panel.names)),
        evidence=evidence(board, material.outcomes, panel.target, material.unit, len(panel.ids)),
        about=filled(ABOUT),
        sections=shown,
        footer=footer,
        light=light,
    )


ABOUT = '<p class="small">Every model was fitted only on what came before its test.</p>\n'
