"""The tables of the report as text: scores, the forecast in numbers, and what each fit chose."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from forecast.arrays import Array
from forecast.data.panel import Panel
from forecast.data.zones import placed
from forecast.evaluation.leaderboard import Leaderboard
from forecast.evaluation.metrics import METRICS
from forecast.results import Forecast, Outcome, labels_of
from forecast.show.axes import stamps_of, time_title
from forecast.show.plots import latest_origins
from forecast.text import joined, p_cell, signed

TABULATED = 8  # series next to each other in the table of the forecast
MOST_DECIMALS = 8  # of a number in a table
DASH = "–"  # where a table has no value


@dataclass(frozen=True)
class ScoreLine:
    """One model in the table of scores: its cells are text."""

    model: str
    baseline: bool
    cells: tuple[str, ...]


def score_head(board: Leaderboard, target: str) -> list[str]:
    """The heads of the columns after that of the model; the metric that ranks has its unit."""
    first, *others = board.shown
    heads = [_head(first, target), *(_head(name, "") for name in others)]
    return [*heads, "skill", "p", "CPU s"]


def score_lines(board: Leaderboard) -> list[ScoreLine]:
    """One line per model, best first."""
    columns = [_column(name, [row.scores[name] for row in board.rows]) for name in board.shown]
    lines = []
    for row, *scores in zip(board.rows, *columns, strict=True):
        baseline = row.model == board.baseline
        skill = "" if baseline else signed(row.skill).replace("-", "−") or DASH
        p = "" if baseline else p_cell(row.p).replace("< .", "< 0.") or DASH
        lines.append(ScoreLine(row.model, baseline, (*scores, skill, p, number(row.seconds, 1))))
    return lines


def _column(metric: str, values: list[float]) -> list[str]:
    """The scores of one metric as text."""
    shown = METRICS[metric].shown
    if not shown.endswith("f"):
        return numbers(np.array(values))
    decimals = int(shown[1:-1])
    return [number(value, decimals) for value in values]


def _head(metric: str, target: str) -> str:
    """The head of a column of scores, with its unit where it has one; a target where that is its unit."""
    chosen = METRICS[metric]
    unit = target if chosen.unit == "target" else chosen.unit
    return f"{chosen.label}, {unit}" if unit else chosen.label


def metric_notes(shown: Sequence[str], target: str) -> list[str]:
    """What the shown metrics mean, in sentences: which are in the units of the target, and their own notes."""
    metrics = [METRICS[name] for name in shown]
    in_units = [metric.label for metric in metrics if metric.unit == "target"]
    own = [metric.note for metric in metrics if metric.note]
    if not in_units:
        return own
    verb = "are errors" if len(in_units) > 1 else "is an error"
    return [f"{joined(in_units)} {verb} in the units of {target}.", *own]


@dataclass(frozen=True)
class ForecastTable:
    """The latest forecasts as text: one row per step, one column per series; `shown` of the `all` series are in it."""

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    shown: int
    all: int


def forecast_table(panel: Panel, forecast: Forecast) -> ForecastTable | None:
    """The latest forecasts of the first series that share the stamps of the very first; None where there is no forecast."""
    forecast = forecast.on(panel)
    latest = latest_origins(forecast)
    if not latest:
        return None
    first = next(iter(latest.values()))
    times = forecast.times[first]
    alike = [(i, m) for i, m in latest.items() if (forecast.times[m] == times).all()]
    shown = alike[:TABULATED]
    columns = [_forecast_column(panel, forecast, i, m) for i, m in shown]
    several = len(panel.ids) > 1
    names = [panel.ids[i] if several else panel.target for i, _ in shown]
    return ForecastTable(
        head=(time_title(panel.clock), *names),
        rows=tuple(zip(_stamps(times, forecast.zone), *columns, strict=True)),
        shown=len(shown),
        all=len(latest),
    )


def _stamps(times: Array, zone: str) -> list[str]:
    """Stamps (H,) as text, with their offset from UTC where there is a zone."""
    local = placed(times, zone)
    if not zone:
        return stamps_of(local)
    return [f"{stamp:%Y-%m-%d %H:%M%z}" for stamp in local]


def _forecast_column(panel: Panel, forecast: Forecast, series: int, m: int) -> list[str]:
    """One of the M forecasts as text: numbers, the share of the second of two names, or the likeliest of several."""
    values = forecast.values[m]
    if panel.kind == "names":
        return [str(label) for label in labels_of(forecast.names, values)]
    scale = None if panel.names else spread(panel.values[panel.rows(series), 0])
    return numbers(values, scale)


def most_tested(panel: Panel, outcomes: Iterable[Outcome]) -> int:
    """The place in `panel.ids` of the series with most forecasts to compare with actual values; the first of equals."""
    counts = np.zeros(len(panel.ids), "int64")
    for outcome in outcomes:
        scored = ~np.isnan(outcome.actual).all(1)
        series = outcome.forecast.on(panel).origins[scored, 0]
        counts += np.bincount(series, minlength=len(counts))
    return int(counts.argmax())


@dataclass(frozen=True)
class Choice:
    """What a fit chose, and for which folds."""

    model: str
    folds: str
    note: str


def choices(models: Mapping[str, Sequence[Outcome]]) -> list[Choice]:
    """What the fits noted, model by model; a note that several folds share is given once."""
    found = []
    for name, parts in models.items():
        folds_of: dict[str, list[int]] = {}
        for part in parts:
            for note in part.log.notes:
                folds_of.setdefault(note, []).append(part.fold + 1)
        for note, folds in folds_of.items():
            which = "all" if len(folds) == len(parts) else ", ".join(map(str, folds))
            found.append(Choice(name, which, note.removeprefix(f"{name}: ")))
    return found


def choices_of_forecast(model: str, notes: Iterable[str]) -> list[Choice]:
    """What the fit behind the forecast noted."""
    return [Choice(model, "forecast", note.removeprefix(f"{model}: ")) for note in notes]


def numbers(values: Array, scale: float | None = None) -> list[str]:
    """Numbers (n,) of one column with the same decimals: four digits for the smallest, or about a hundredth of `scale`."""
    decimals = _decimals(values, scale)
    return [number(float(value), decimals) for value in values]


def _decimals(values: Array, scale: float | None) -> int:
    """The decimals that show about a hundredth of `scale`, or else four digits of the smallest value that is not 0."""
    if scale:
        wanted = 2 - round(math.log10(scale))
        return min(max(wanted, 0), MOST_DECIMALS)
    sizes = np.abs(values[np.isfinite(values) & (values != 0)])
    if not len(sizes):
        return 0
    wanted = 3 - math.floor(math.log10(sizes.min()))
    return min(max(wanted, 0), MOST_DECIMALS)


def number(value: float, decimals: int) -> str:
    """A number as a person reads it; a dash where there is none."""
    if not math.isfinite(value):
        return DASH
    rounded = round(value, decimals) + 0.0  # no minus before a zero
    return f"{rounded:,.{decimals}f}".replace("-", "−")


def spread(values: Array) -> float | None:
    """The standard deviation of the observed values; None where it is 0 or cannot be formed."""
    seen = values[np.isfinite(values)]
    if not len(seen):
        return None
    return float(seen.std()) or None
