"""The page of a classification: sections of the report, for the person who asked and the one she shows it to."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from forecast.arrays import Array
from forecast.data.findings import counted
from forecast.evaluation.backtest import Part
from forecast.results import Log
from forecast.sequences import figures
from forecast.sequences.moving import SUREST, Moves, as_moves, surest_mistakes, surest_right
from forecast.sequences.scores import METRICS, confusion
from forecast.sequences.values import Sequences
from forecast.sequences.verdict import SHOWN, Answered, Board
from forecast.show.look import palette
from forecast.show.report import write_page
from forecast.show.section import SCORES, Section, filled
from forecast.text import p_cell

HEADS = {"balanced_accuracy": "balanced", "brier": "Brier", "ece": "ECE"}  # short enough for a column
IN_PARTS = ("brier", "miscalibration", "discrimination", "uncertainty")
CURVES = 6  # of these whose values are drawn
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

WHY = """\
<div class="scroll"><table class="text" id="{{ anchor }}">
  <thead><tr><th>sequence</th><th>true</th><th>named</th><th>probability</th>
  <th>{% if texts %}words, shaded by what they did{% else %}moved most by{% endif %}</th></tr></thead>
  <tbody>
  {% for row in rows %}
  <tr><td>{{ row.id }}</td><td>{{ row.true }}</td><td>{{ row.named }}</td><td>{{ row.probability }}</td>
  <td>{% for piece in row.pieces %}<span style="background: rgba({{ piece.tint }}, {{ piece.share }})"
  title="{{ piece.without }}">{{ piece.text }}</span> {% if not texts %}({{ piece.without }})<br>{% endif %}
  {% else %}no piece of it alone{% endfor %}</td></tr>
  {% endfor %}
  </tbody>
</table></div>
<p class="small">Blue raised the probability of the class that was named, orange lowered it; the darker, the more. Each
{{ piece }} was {{ taken }} in turn and {{ model }} asked again, as it was fitted without the test part; a pointer on it shows the
probability without it. Colours are by log-odds.</p>
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
    """What the page is made from.

    logs: of each (model, fold) · moved: of the best model, by the place of a tested sequence, as in Walked ·
    notes: what the fit of the winner on all sequences chose.
    """

    title: str
    board: Board
    tested: Answered
    sequences: Sequences
    logs: Mapping[Part, Log]
    moved: Mapping[int, Array]
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
            tint = figures.RAISED if column == place else figures.LOWERED
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
    """The mistakes that the best model was surest of, with what moved it."""
    tested = material.tested
    chosen = surest_mistakes(tested.shares[material.board.best], tested.labels)
    if not len(chosen):
        return None
    title = f"The mistakes that {material.board.best} was surest of, and what moved it"
    return _moved(material, title, "mistakes", chosen)


def convinced(material: Material) -> Section | None:
    """Of each class the sequence that the best model named rightly and was surest of, with what moved it."""
    tested = material.tested
    chosen = surest_right(tested.shares[material.board.best], tested.labels)
    if not len(chosen):
        return None
    title = (
        f"Of each class the one that {material.board.best} was surest of and named rightly, and what moved it"
    )
    return _moved(material, title, "convinced", chosen[:SUREST])


def _moved(material: Material, title: str, anchor: str, chosen: Array) -> Section:
    """Some tested sequences, with what moved the probability of the class that was named."""
    read = material.sequences
    tested = material.tested
    shares = tested.shares[material.board.best]
    told = []
    rows: list[dict[str, Any]] = []
    for place in chosen:
        label = int(shares[place].argmax())
        probability = float(shares[place, label])
        own = as_moves(read, int(tested.places[place]), label, probability, material.moved[int(place)])
        told.append(own)
        rows.append(
            {
                "id": own.id,
                "true": tested.classes[tested.labels[place]],
                "named": own.label,
                "probability": f"{probability:.3f}",
                "pieces": _shaded(own, np.arange(len(own.pieces)) if read.texts else own.strongest),
            }
        )
    html = filled(
        WHY,
        anchor=anchor,
        rows=rows,
        texts=bool(read.texts),
        piece="word or run of words" if read.texts else "piece",
        taken="left out" if read.texts else "replaced by a straight line between the values next to it",
        model=material.board.best,
    )
    if read.texts:
        return Section(title, html)
    figure = figures.curves_figure(read, tested, chosen[:CURVES], told[:CURVES])
    return Section(title, html, (figure,))


def _shaded(own: Moves, places: Array) -> list[dict[str, Any]]:
    """Pieces of a sequence in their order, each with the colour of what it did; the strongest is the darkest."""
    strongest = max(np.abs(own.shifts).max(initial=0.0), figures.LEAST_SHIFT)
    made = []
    for place in np.sort(places):
        shift = own.shifts[place]
        made.append(
            {
                "text": own.pieces[place],
                "without": f"without it {own.without[place]:.3f}",
                "tint": figures.RAISED if shift > 0 else figures.LOWERED,
                "share": f"{0.6 * abs(shift) / strongest:.2f}",
            }
        )
    return made


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
    convinced,
    surest,
    found,
)  # in the order of the page
