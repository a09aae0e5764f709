"""How all figures look: the template of plotly, and one colour for each model."""

import html
from collections.abc import Iterable
from typing import Any

import plotly.graph_objects as go

HEIGHT = 400  # pixels
TRUTH = "#222222"
COLOURS = {  # distinct for colour-blind readers too (Okabe and Ito 2008), and in grey where two lie close
    "gru": "#0072B2",
    "lstm": "#D55E00",
    "arima": "#009E73",
    "seasonal": "#E69F00",
    "naive": "#8A8A8A",
    "drift": "#CC79A7",
    "gru-plain": "#56B4E9",
    "lstm-plain": "#882255",
}
SPARE = (  # for models of other names (Tol 2021)
    "#332288",
    "#44AA99",
    "#999933",
    "#AA4499",
    "#661100",
    "#6699CC",
    "#117733",
)

_LINE = {
    "showgrid": True,
    "gridcolor": "#E8E8E8",
    "linecolor": "#999999",
    "ticks": "outside",
    "tickcolor": "#999999",
    "zeroline": False,
}
LOOK = go.layout.Template(
    layout={
        "font": {
            "family": "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif",
            "size": 13,
            "color": "#333333",
        },
        "title": {
            "font": {"size": 15},
            "x": 0,
            "xref": "container",
            "xanchor": "left",
            "y": 1,
            "yref": "container",
            "yanchor": "top",
        },
        "title_pad": {"l": 10, "t": 8},
        "paper_bgcolor": "white",
        "plot_bgcolor": "white",
        "margin": {"l": 70, "r": 20, "t": 84, "b": 56},
        "xaxis": {**_LINE, "showgrid": False, "showline": True},
        "yaxis": {**_LINE, "title": {"standoff": 12}},
        "legend": {"orientation": "h", "x": 0, "xanchor": "left", "y": 1.01, "yanchor": "bottom"},
        "hovermode": "x unified",
        "hoverlabel": {"bgcolor": "white"},
    }
)


def palette(models: Iterable[str]) -> dict[str, str]:
    """The colour of each model: that of its name, or a spare one, given out in alphabetical order."""
    own = sorted(set(models) - set(COLOURS))
    spare = {name: SPARE[i % len(SPARE)] for i, name in enumerate(own)}
    return COLOURS | spare


def title(text: str) -> dict[str, Any]:
    """The title of a figure, as plotly takes it."""
    return {"text": text}


def escaped(text: str) -> str:
    """User text for a label: labels of plotly are a small HTML, so that marks in the text must not be tags."""
    return html.escape(text, quote=False)


def capital(text: str) -> str:
    """A text that begins a line."""
    return text[:1].upper() + text[1:]
