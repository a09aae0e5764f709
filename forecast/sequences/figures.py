"""Figures of a classification: plain functions that give plotly Figures."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from forecast.arrays import Array
from forecast.evaluation.backtest import Part
from forecast.evaluation.corp import COVERAGE, Reliability, reliability
from forecast.results import Log
from forecast.sequences.moving import Moves
from forecast.sequences.text import words_of
from forecast.sequences.values import Sequences
from forecast.sequences.verdict import Answered
from forecast.show.look import COLOURS, HEIGHT, LOOK, SPARE, TRUTH, escaped, title

ACROSS = 3  # panels in a row
PANEL = 260  # pixels: the height of a row of panels
POINTS = 400  # of a curve, at most
BARS = 40  # of a histogram of lengths, at most
GREY = "#999999"
RAISED = "0, 114, 178"  # blue, as red, green, blue: what raised a probability, or is right
LOWERED = "213, 94, 0"  # orange: what lowered it, or is wrong
LEAST_SHIFT = 0.1  # of log-odds: where nothing moved them by more, nothing is dark
SHADES = (*SPARE, *COLOURS.values())  # of classes


def _laid_out(figure: go.Figure, text: str, height: int = HEIGHT) -> go.Figure:
    """A figure with the look of the report."""
    figure.update_layout(template=LOOK, title=title(text), height=height, hovermode="closest")
    return figure


def _of_panels(figure: go.Figure, text: str, height: int, x: str, y: str) -> go.Figure:
    """A figure of panels: axes are named at its left and lower edges, and the legend stands above the names of the panels."""
    _laid_out(figure, text, height)
    cells = list(figure._get_subplot_coordinates())
    rows = max(row for row, _ in cells)
    for row, column in cells:
        if column == 1:
            figure.update_yaxes(title=y, row=row, col=column)
        if row == rows:
            figure.update_xaxes(title=x, row=row, col=column)
    figure.update_layout(margin={"t": 110}, legend={"y": 1 + 34 / max(height - 166, 1), "yanchor": "bottom"})
    return figure


def _panels(names: Sequence[str]) -> tuple[go.Figure, list[tuple[int, int]], int]:
    """A figure with a panel for each name, the row and column of each, and its height."""
    across = 2 if len(names) == 4 else min(ACROSS, len(names))
    rows = math.ceil(len(names) / across)
    figure = make_subplots(
        rows,
        across,
        subplot_titles=[escaped(name) for name in names],
        horizontal_spacing=0.08,
        vertical_spacing=0.3 / rows,
    )
    cells = [(place // across + 1, place % across + 1) for place in range(rows * across)]
    for row, column in cells[len(names) :]:  # panels without a name hold nothing
        figure.update_xaxes(visible=False, row=row, col=column)
        figure.update_yaxes(visible=False, row=row, col=column)
    return figure, cells[: len(names)], max(HEIGHT, 140 + PANEL * rows)


def _asked(tested: Answered) -> list[int]:
    """The classes that have curves: of two, the second."""
    return [1] if len(tested.classes) == 2 else list(range(len(tested.classes)))


def reliability_figure(tested: Answered, model: str) -> go.Figure:
    """How often each class came, for each probability it was given by a model, with the consistency band (CORP)."""
    places = _asked(tested)
    figure, cells, height = _panels([tested.classes[place] for place in places])
    for place, (row, column) in zip(places, cells, strict=True):
        share = tested.shares[model][:, place]
        curve = reliability(share, (tested.labels == place).astype("float64"))
        for trace in _reliable(curve, named=place == places[0]):
            figure.add_trace(trace, row=row, col=column)
    figure.update_xaxes(range=[0, 1])
    figure.update_yaxes(range=[0, 1])
    words = f"Probabilities of {escaped(model)} next to how often the class came"
    return _of_panels(figure, words, height, "probability", "how often it came")


def _reliable(curve: Reliability, named: bool) -> list[go.Scatter]:
    """The band, the diagonal and the curve of one class; named: whether they stand in the legend."""
    kept = _thinned(curve.probability)
    x = curve.probability[kept]
    quiet = {"mode": "lines", "hoverinfo": "skip"}
    edge = {"width": 0}
    low = go.Scatter(x=x, y=curve.low[kept], line=edge, showlegend=False, **quiet)
    high = go.Scatter(
        x=x,
        y=curve.high[kept],
        line=edge,
        fill="tonexty",
        fillcolor="rgba(153, 153, 153, 0.3)",
        name=f"{COVERAGE:g} % of draws if the probabilities were right",
        showlegend=named,
        **quiet,
    )
    diagonal = go.Scatter(x=[0, 1], y=[0, 1], line={"color": GREY, "dash": "dot"}, showlegend=False, **quiet)
    observed = go.Scatter(
        x=x,
        y=curve.observed[kept],
        mode="lines+markers",
        line={"color": "#0072B2"},
        marker={"size": 4},
        name="observed",
        showlegend=named,
    )
    return [low, high, diagonal, observed]


def _thinned(values: Array) -> Array:
    """The places of at most POINTS of some values, evenly."""
    return np.unique(np.linspace(0, len(values) - 1, min(len(values), POINTS)).astype("int64"))


def roc_figure(tested: Answered, models: Sequence[str], colours: Mapping[str, str]) -> go.Figure:
    """The share of a class that is found, by the share of others that is taken for it, over all thresholds."""
    return _threshold_figure(tested, models, colours, recall=False)


def recall_figure(tested: Answered, models: Sequence[str], colours: Mapping[str, str]) -> go.Figure:
    """Precision by recall, over all thresholds."""
    return _threshold_figure(tested, models, colours, recall=True)


def _threshold_figure(
    tested: Answered, models: Sequence[str], colours: Mapping[str, str], *, recall: bool
) -> go.Figure:
    """A panel for each class with a curve for each model."""
    places = _asked(tested)
    figure, cells, height = _panels([tested.classes[place] for place in places])
    for place, (row, column) in zip(places, cells, strict=True):
        member = tested.labels == place
        if not member.any() or member.all():
            continue
        for model in models:
            found, false, precision = thresholds(tested.shares[model][:, place], member)
            x, y = (found, precision) if recall else (false, found)
            figure.add_scatter(
                x=x,
                y=y,
                mode="lines",
                line={"color": colours[model]},
                name=escaped(model),
                legendgroup=model,
                showlegend=place == places[0],
                row=row,
                col=column,
            )
    figure.update_xaxes(range=[0, 1])
    figure.update_yaxes(range=[0, 1.02])
    if recall:
        return _of_panels(figure, "Precision and recall of each threshold", height, "recall", "precision")
    words = "ROC: what each threshold finds of a class, and takes of the others"
    return _of_panels(figure, words, height, "taken of the others", "found of it")


def thresholds(share: Array, member: Array) -> tuple[Array, Array, Array]:
    """Found of the members, taken of the others, and precision (t,), as the threshold on a share (n,) falls."""
    order = np.argsort(-share, kind="stable")
    ends = np.flatnonzero(np.diff(share[order], append=np.inf) != 0)
    true = np.cumsum(member[order])[ends]
    false = np.cumsum(~member[order])[ends]
    found = np.concatenate([[0.0], true / member.sum()])
    taken = np.concatenate([[0.0], false / (~member).sum()])
    precision = true / (true + false)
    kept = _thinned(found)
    return found[kept], taken[kept], np.concatenate([precision[:1], precision])[kept]


def loss_figure(logs: Mapping[Part, Log], colours: Mapping[str, str]) -> go.Figure | None:
    """Training and validation loss by step, a panel per model and a line per fold; None without any history."""
    models = list(dict.fromkeys(model for (model, _), log in logs.items() if log.history))
    if not models:
        return None
    figure, cells, height = _panels(models)
    for model, (row, column) in zip(models, cells, strict=True):
        for (name, fold), log in logs.items():
            if name != model or not log.history:
                continue
            steps, learned, judged = np.array(log.history, "float64").T
            first = model == models[0] and fold == 0
            colour = colours.get(model, TRUTH)
            for values, dash, words in ((learned, "dot", "training"), (judged, "solid", "validation")):
                figure.add_scatter(
                    x=steps,
                    y=values,
                    mode="lines",
                    line={"color": colour, "dash": dash},
                    name=words,
                    showlegend=first,
                    row=row,
                    col=column,
                )
    return _of_panels(figure, "Loss in training and on the sequences that judged", height, "step", "loss")


def length_figure(read: Sequences) -> go.Figure | None:
    """How many sequences have which length, by class; None where all have one length."""
    noun = "steps"
    lengths = read.lengths
    if read.texts:
        lengths = np.array([len(words_of(text)) for text in read.texts])
        noun = "words"
    low = int(lengths.min())
    high = int(lengths.max())
    if low == high:
        return None
    width = max(1, math.ceil((high - low + 1) / BARS))
    edges = np.arange(low, high + width + 1, width)
    figure = go.Figure()
    for place, name in enumerate(read.classes):
        counts, _ = np.histogram(lengths[read.labels == place], edges)
        colour = SHADES[place % len(SHADES)]
        figure.add_bar(x=edges[:-1] + (width - 1) / 2, y=counts, name=escaped(name), marker_color=colour)
    figure.update_layout(barmode="stack", bargap=0.05)
    figure.update_xaxes(title=noun)
    figure.update_yaxes(title="sequences")
    return _laid_out(
        figure, f"From {low:,} to {high:,} {noun}, half of them at most {int(np.median(lengths)):,}"
    )


def curves_figure(read: Sequences, tested: Answered, chosen: Array, told: Sequence[Moves]) -> go.Figure:
    """The values of some tested sequences, a panel each; shaded the steps that moved what was named most.

    chosen (J,): places among the tested · told (J,): what moved each.
    """
    names = []
    for place, own in zip(chosen, told, strict=True):
        names.append(f"{own.id}: {tested.classes[tested.labels[place]]}, named {own.label}")
    figure, cells, height = _panels(names)
    for place, own, (row, column) in zip(chosen, told, cells, strict=True):
        values = read.rows(int(tested.places[place]))
        for number, name in enumerate(read.columns[: len(SPARE)]):
            figure.add_scatter(
                x=np.arange(1, len(values) + 1),
                y=values[:, number],
                mode="lines",
                line={"color": SPARE[number], "width": 1.5},
                name=escaped(name),
                legendgroup=name,
                showlegend=bool(place == chosen[0]),
                row=row,
                col=column,
            )
        for piece in own.strongest:
            _shade(figure, own, int(piece), row, column)
    figure.update_annotations(font_size=12)
    text = "The values of these sequences; blue raised the probability of what was named, orange lowered it"
    return _of_panels(figure, text, height, "step", "")


def _shade(figure: go.Figure, own: Moves, piece: int, row: int, column: int) -> None:
    """Shade the steps of a piece by what it did to the probability."""
    shift = float(own.shifts[piece])
    strongest = max(float(np.abs(own.shifts).max()), LEAST_SHIFT)
    figure.add_vrect(
        x0=own.edges[piece] + 0.5,
        x1=own.edges[piece + 1] + 0.5,
        fillcolor=f"rgb({RAISED if shift > 0 else LOWERED})",
        opacity=0.5 * abs(shift) / strongest,
        line_width=0,
        layer="below",
        row=row,
        col=column,
    )
