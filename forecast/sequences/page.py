"""The page of a classification: sections of the report, for the person who asked and the one she shows it to."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from forecast.data.findings import counted
from forecast.evaluation.backtest import Part
from forecast.results import Log
from forecast.sequences import figures
from forecast.sequences.scores import METRICS, confusion
from forecast.sequences.values import Sequences
from forecast.sequences.verdict import SHOWN, Answered, Board
from forecast.show.look import palette
from forecast.show.report import write_page
from forecast.show.section import SCORES, Section, filled
from forecast.text import p_cell

HEADS = {"balanced_accuracy": "balanced", "brier": "Brier", "ece": "ECE"}  # short enough for a column
IN_PARTS = ("brier", "miscalibration", "discrimination", "uncertainty")
MISTAKES = 10  # that are shown
LETTERS = 600  # of a text that is shown
MOST_CLASSES = 12  # for which there are curves of each

BOARD = (
    SCORES
    + """\
<p class="small">
  Best first by {{ metric }}. Log loss, Brier score and ECE (calibration error): less is better; all others: more is better.
  {% for note in notes %}{{ note }} {% endfor %}
</p>
"""
)

PARTS = """\
<details id="corp">
  <summary>The Brier scores in parts</summary>
  <div class="scroll"><table>
    <thead><tr><th>model</th><th>Brier</th><th>miscalibration</th><th>discrimination</th><th>uncertainty</th></tr></thead>
    <tbody>
    {% for line in lines %}
    <tr><td>{{ line.model }}</td>{% for cell in line.cells %}<td>{{ cell }}</td>{% endfor %}</tr>
    {% endfor %}
    </tbody>
  </table></div>
  <p class="small">Brier = miscalibration - discrimination + uncertainty (CORP, by isotonic regression of the outcomes): what
  recalibrating would gain, how much better than the base rate the recalibrated shares are, and the score of the base rate.</p>
</details>
"""

MATRIX = """\
<div class="scroll"><table id="confusion">
  <thead><tr><th>true class</th>{% for name in classes %}<th>{{ name }}</th>{% endfor %}<th>named rightly</th></tr></thead>
  <tbody>
  {% for line in lines %}
  <tr><td>{{ line.name }}</td>
  {% for cell in line.cells %}<td style="background: rgba({{ cell.tint }}, {{ cell.share }})">{{ cell.count }}</td>{% endfor %}
  <td>{{ line.right }}</td></tr>
  {% endfor %}
  </tbody>
</table></div>
<p class="small">A row per true class, a column per class that {{ model }} names: how many sequences. Blue is right, orange wrong;
the darker, the larger the share of the row.</p>
"""

SUREST = """\
<div class="scroll"><table class="text" id="mistakes">
  <thead><tr><th>sequence</th><th>true</th><th>named</th><th>probability</th>{% if texts %}<th>text</th>{% endif %}</tr></thead>
  <tbody>
  {% for row in rows %}
  <tr><td>{{ row.id }}</td><td>{{ row.true }}</td><td>{{ row.named }}</td><td>{{ row.probability }}</td>
  {% if texts %}<td>{{ row.text }}</td>{% endif %}</tr>
  {% endfor %}
  </tbody>
</table></div>
"""

FOUND = """\
<ul id="findings">
{% for finding in findings %}
  <li>{% if finding.severity == "warning" %}<span class="tag warning">warning</span>{% endif %}{{ finding.message }}</li>
{% endfor %}
</ul>
<details id="choices">
  <summary>What each fit chose</summary>
  <div class="scroll"><table class="text">
    <thead><tr><th>model</th><th>fitted for fold</th><th>choice</th></tr></thead>
    <tbody>
    {% for row in choices %}<tr><td>{{ row.model }}</td><td>{{ row.fold }}</td><td>{{ row.note }}</td></tr>
    {% endfor %}
    </tbody>
  </table></div>
</details>
"""

ABOUT = """\
<p class="small">
  Judged on {{ tested }} of {{ all }}: {{ split }}.
  {% for note in notes %}{{ note }} {% endfor %}
</p>
"""


@dataclass(frozen=True, eq=False)
class Material:
    """What the page is made from. logs: of each (model, fold) · notes: what the fit of the winner on all sequences chose."""

    title: str
    board: Board
    tested: Answered
    sequences: Sequences
    logs: Mapping[Part, Log]
    notes: Sequence[str]
    split: str

    @cached_property
    def colours(self) -> dict[str, str]:
        """The colour of each model, the same in all figures."""
        return palette(self.tested.shares)


def write(path: Path, material: Material) -> None:
    """Write the page; the file is whole or absent."""
    board = material.board
    about = filled(
        ABOUT,
        tested=counted(board.tested, "sequence"),
        all=f"{len(material.sequences):,}",
        split=material.split,
        notes=board.notes,
    )
    made = [make(material) for make in SECTIONS]
    shown = [section for section in made if section is not None]
    write_page(path, title=material.title, verdict=board.verdict, about=about, sections=shown)


def leaderboard(material: Material) -> Section:
    """The scores of all models."""
    board = material.board
    lines = []
    parts = []
    for row in board.rows:
        cells = [f"{row.scores[name]:.4f}" for name in SHOWN]
        cells += [p_cell(row.p), f"{row.seconds:.1f}"]
        lines.append({"model": row.model, "baseline": row.model == board.baseline, "cells": cells})
        own = [f"{row.scores[name]:.4f}" for name in IN_PARTS]
        parts.append({"model": row.model, "cells": own})
    labels = [HEADS.get(name, METRICS[name].label) for name in SHOWN]
    html = filled(
        BOARD,
        head=[*labels, "p", "CPU s"],
        lines=lines,
        metric=METRICS[board.metric].label,
        notes=board.tests,
    )
    return Section("The models compared", html + filled(PARTS, lines=parts))


def confused(material: Material) -> Section:
    """Which classes the best model takes for which."""
    tested = material.tested
    best = material.board.best
    counts = confusion(tested.shares[best], tested.labels, np.ones(len(tested.labels)))
    lines = []
    for place, name in enumerate(tested.classes):
        row = counts[place]
        total = max(row.sum(), 1)
        cells = []
        for column, count in enumerate(row):
            tint = "0, 114, 178" if column == place else "213, 94, 0"
            cells.append({"count": int(count), "tint": tint, "share": f"{0.6 * count / total:.2f}"})
        lines.append({"name": name, "cells": cells, "right": f"{row[place] / total:.1%}"})
    html = filled(MATRIX, classes=tested.classes, lines=lines, model=best)
    return Section(f"What {best} takes for what", html)


def reliable(material: Material) -> Section | None:
    """How often each class came, for each probability that it was given."""
    if len(material.tested.classes) > MOST_CLASSES:
        return None
    figure = figures.reliability_figure(material.tested, material.board.best)
    return Section("Do the probabilities hold", figures=(figure,))


def curves(material: Material) -> Section | None:
    """ROC and precision-recall."""
    if len(material.tested.classes) > MOST_CLASSES:
        return None
    order = [row.model for row in material.board.rows]
    roc = figures.roc_figure(material.tested, order, material.colours)
    recall = figures.recall_figure(material.tested, order, material.colours)
    return Section("What each threshold would give", figures=(roc, recall))


def training(material: Material) -> Section | None:
    """The losses of the nets in training; None without a net."""
    figure = figures.loss_figure(material.logs, material.colours)
    return None if figure is None else Section("How the nets were trained", figures=(figure,))


def long(material: Material) -> Section | None:
    """How long the sequences are."""
    figure = figures.length_figure(material.sequences)
    return None if figure is None else Section("How long the sequences are", figures=(figure,))


def surest(material: Material) -> Section | None:
    """The mistakes that the best model was surest of, with their text or curve."""
    tested = material.tested
    shares = tested.shares[material.board.best]
    named = shares.argmax(1)
    sure = shares.max(1)
    wrong = np.flatnonzero(named != tested.labels)
    chosen = wrong[np.argsort(-sure[wrong], kind="stable")][:MISTAKES]
    if not len(chosen):
        return None
    read = material.sequences
    rows: list[dict[str, Any]] = []
    for place in chosen:
        own = tested.places[place]
        rows.append(
            {
                "id": read.ids[own],
                "true": tested.classes[tested.labels[place]],
                "named": tested.classes[named[place]],
                "probability": f"{sure[place]:.3f}",
                "text": read.texts[own][:LETTERS] if read.texts else "",
            }
        )
    html = filled(SUREST, rows=rows, texts=bool(read.texts))
    title = f"The mistakes that {material.board.best} was surest of"
    if read.texts:
        return Section(title, html)
    return Section(title, html, (figures.curves_figure(read, tested, chosen[:6], named),))


def found(material: Material) -> Section:
    """What was found in the file, and what each fit chose."""
    choices = []
    for (model, fold), log in material.logs.items():
        choices += [{"model": model, "fold": fold + 1, "note": note} for note in log.notes]
    choices += [{"model": material.board.best, "fold": "all", "note": note} for note in material.notes]
    html = filled(FOUND, findings=material.sequences.findings, choices=choices)
    return Section("What was inferred and chosen", html)


SECTIONS = (
    leaderboard,
    confused,
    reliable,
    curves,
    training,
    long,
    surest,
    found,
)  # in the order of the page
