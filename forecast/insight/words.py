"""An explanation in words and tables, for the terminal and the page."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from forecast.arrays import Array
from forecast.insight.attribution import ALONE, Explanation, summed
from forecast.text import table

SERIES = 3  # that are printed
LINES = 12  # columns in one table; the others together are one line more
CELLS = 3  # rows of a column that are named
TELLING = 0.02  # share of all departures that a row says, from which on it is named
NAMES = {"anchor": "starts from", "bias": "any window", "series": "this series", "calendar": "calendar"}


class Part(NamedTuple):
    """What a column, or a part that no column has, adds to the forecasts of one origin: values (J,)."""

    name: str
    values: Array
    source: int = -1


def parts_of(made: Explanation, origin: int) -> list[Part]:
    """The parts of the forecasts at one origin: the anchor, what no column says, and the columns, those that say most first."""
    found = []
    values = made.parts.parts()
    for name in ALONE:
        found.append(Part(NAMES[name], values[name][origin]))
    found.append(Part("bounds", made.bounds[origin]))
    alone = [found[0], *(part for part in found[1:] if part.values.any())]
    said = summed(made.by_column[origin], made.of)
    columns = [Part(name, said[:, place], place) for place, name in enumerate(made.sources)]
    columns.sort(key=lambda part: -float(np.abs(part.values).sum()))
    return [*alone, *(part for part in columns if part.values.any())]


def strongest(made: Explanation, origin: int, source: int) -> list[tuple[int, float]]:
    """The lags at which a column of the file says most over the steps of one origin, and the mean of what it says there."""
    cells = summed(made.cells[origin], made.of)[..., source]
    sizes = np.abs(cells).mean(0)
    departed = np.abs(made.forecast - made.parts.anchor)[origin].mean()
    best = np.argsort(-sizes, kind="stable")[:CELLS]
    told = [place for place in best if sizes[place] > TELLING * departed]
    return [(int(place) + 1, float(cells[:, place].mean())) for place in told]


def explanation_text(made: Explanation) -> str:
    """The explanation as tables: a line for each part and a column for each step, of the first few series."""
    blocks = [explanation_block(made, origin) for origin in range(min(SERIES, len(made.origins)))]
    notes = [_about_sum(made)]
    left = len(made.origins) - SERIES
    if left > 0:
        notes.append(f"... and {left} more series: `csv` or `json` gives all.")
    return "\n\n".join([*blocks, "\n".join(notes)])


def explanation_block(made: Explanation, origin: int) -> str:
    """The table of one origin, and below it at which lags each column says most."""
    shown = _shown(parts_of(made, origin))
    forecast = made.forecast[origin]
    write = written([forecast, *(part.values for part in shown)])
    series = made.ids[made.origins[origin, 0]]
    head = [f"{series}: {made.units} by {made.model}", *(f"step {step}" for step in made.steps)]
    lines = []
    for place, part in enumerate(shown):
        lines.append([part.name, *(write(value, place > 0) for value in part.values)])
    lines.append(["forecast", *(write(value, False) for value in forecast)])
    told = [_rows_line(made, origin, part, write) for part in shown]
    return "\n".join([table(head, lines), *filter(None, told)])


def _shown(parts: list[Part]) -> list[Part]:
    """The first LINES of the parts, and the sum of all others."""
    others = parts[LINES:]
    if not others:
        return parts
    rest = np.sum([part.values for part in others], axis=0)
    return [*parts[:LINES], Part(f"{len(others)} other columns", rest)]


def _rows_line(made: Explanation, origin: int, part: Part, write: "Write") -> str:
    """At which lags a column says most, in a line; empty where no row stands out."""
    if part.source < 0:
        return ""
    found = strongest(made, origin, part.source)
    if not found:
        return ""
    cells = ", ".join(f"lag {lag} ({write(value, True)})" for lag, value in found)
    return f"  {part.name}: most at {cells}"


class Write(NamedTuple):
    """Writes numbers with so many decimals."""

    decimals: int

    def __call__(self, value: float, signed: bool) -> str:
        """A number, with its sign where it is what a part adds."""
        return f"{value:+z.{self.decimals}f}" if signed else f"{value:.{self.decimals}f}"


def written(values: Sequence[Array]) -> Write:
    """Writes numbers so that a hundredth of the largest departure among forecasts and parts is seen."""
    forecast, _, *others = values
    sizes = [float(np.abs(one).max()) for one in others] or [float(np.abs(forecast).max())]
    largest = max(sizes) or float(np.abs(forecast).max()) or 1.0
    return Write(int(np.clip(2 - np.floor(np.log10(largest)), 0, 12)))


def about_explanation(made: Explanation) -> str:
    """What the figures of an explanation show, and what they do not."""
    return (
        f"A forecast of {made.units} by {made.model} starts from a value, mostly the last one, and is the sum of that and"
        " of what columns and calendar add, against a window in which every column stays at its last value."
        f" {_about_sum(made)} This says what the model uses, not what a column improves: where columns repeat each other, a"
        " model may use one that it could do without. What each improves is measured by fitting without it"
        " (forecast compare --ablate)."
    )


def _about_sum(made: Explanation) -> str:
    """What the parts sum to."""
    if made.distance < 1e-6:
        return "The parts sum to the forecast."
    return f"The parts sum to the forecast but for {made.distance:.2%} of its departure."
