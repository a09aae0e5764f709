"""The tables of the report as text: scores, the forecast in numbers, and what each fit chose."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from forecast.arrays import Array
from forecast.data.panel import Panel
from forecast.data.zones import placed, to_local
from forecast.evaluation.leaderboard import Leaderboard, interval_words
from forecast.evaluation.metrics import METRICS
from forecast.evaluation.rows import Row
from forecast.results import Forecast, Outcome, labels_of
from forecast.show.axes import stamps_of, time_title, unit_of, with_unit
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
    inside = [f"in {coverage} %" for coverage in board.rows[0].coverage]
    return [*heads, "skill", "95 % interval", "p", *inside, "CPU s"]


def score_lines(board: Leaderboard) -> list[ScoreLine]:
    """One line per model, best first."""
    columns = [_column(name, [row.scores[name] for row in board.rows]) for name in board.shown]
    lines = []
    for row, *scores in zip(board.rows, *columns, strict=True):
        baseline = row.model == board.baseline
        compared = ("", "", "") if baseline else _compared(row)
        inside = [number(100 * share, 1) for share in row.coverage.values()]
        cells = (*scores, *compared, *inside, number(row.seconds, 1))
        lines.append(ScoreLine(row.model, baseline, cells))
    return lines


def _compared(row: Row) -> tuple[str, str, str]:
    """How a model compares with the baseline: its skill, the interval of that, and p."""
    skill = minus(signed(row.skill)) or DASH
    between = minus(interval_words(row)).replace("..", "to") or DASH
    p = p_cell(row.p).replace("< .", "< 0.") or DASH
    return skill, between, p


def minus(text: str) -> str:
    """Text of numbers with the sign of a minus in place of a hyphen."""
    return text.replace("-", "−")


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
    """The latest forecasts as text: one row per step. Of one series it has a column for each end of each interval; of several a
    column per series, whose cells have the narrowest interval too; `shown` of the `all` series are in it.

    days: lowest and highest value of each local day, one row per day under the heads `day_head`; empty where a step is a day
    or longer, or the horizon is within one day.
    """

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    shown: int
    all: int
    note: str = ""
    day_head: tuple[str, ...] = ()
    days: tuple[tuple[str, ...], ...] = ()


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
    one = len(panel.ids) == 1
    heads, columns = _of_one(panel, forecast, first) if one else _of_several(panel, forecast, shown)
    day_names = [panel.target] if one else heads
    days = _days(panel, forecast, shown)
    return ForecastTable(
        head=(time_title(panel.clock), *heads),
        rows=tuple(zip(_stamps(times, forecast.zone), *columns, strict=True)),
        shown=len(shown),
        all=len(latest),
        note="" if one else _note(forecast),
        day_head=("day", *day_names) if days else (),
        days=days,
    )


def _of_one(panel: Panel, forecast: Forecast, m: int) -> tuple[list[str], list[list[str]]]:
    """Heads and columns of the only series: the forecast, and both ends of each interval."""
    series = int(forecast.origins[m, 0])
    head = with_unit(panel.target, unit_of(panel))
    if panel.names:
        return [head], [_forecast_column(panel, forecast, series, m)]
    scale = spread(panel.values[panel.rows(series), 0])
    heads = [head]
    columns = [forecast.values[m]]
    for coverage, low, high in forecast.bands:
        heads += [f"{coverage:g} % from", "to"]
        columns += [low[m], high[m]]
    return heads, [numbers(column, scale) for column in columns]


def _of_several(
    panel: Panel, forecast: Forecast, shown: Sequence[tuple[int, int]]
) -> tuple[list[str], list[list[str]]]:
    """Heads and columns of several series: the forecast, with its narrowest interval where there is one."""
    heads = []
    columns = []
    for series, m in shown:
        heads.append(panel.ids[series])
        column = _forecast_column(panel, forecast, series, m)
        if forecast.bands and not panel.names:
            scale = spread(panel.values[panel.rows(series), 0])
            _, low, high = forecast.bands[0]
            ends = zip(numbers(low[m], scale), numbers(high[m], scale), strict=True)
            between = [f" ({below} to {above})" if below != DASH else "" for below, above in ends]
            column = [value + after for value, after in zip(column, between, strict=True)]
        columns.append(column)
    return heads, columns


def _note(forecast: Forecast) -> str:
    """What the brackets of a table of several series are."""
    if not forecast.bands or forecast.names:
        return ""
    return f"In brackets: the interval that should hold {forecast.bands[0][0]:g} % of the actual values."


def _days(panel: Panel, forecast: Forecast, shown: Sequence[tuple[int, int]]) -> tuple[tuple[str, ...], ...]:
    """The lowest and the highest forecast value of each local day, with their times, a column per series."""
    if panel.clock.kind == "step" or panel.clock.dated or panel.names:
        return ()
    local = to_local(forecast.times[shown[0][1]], forecast.zone)
    dates = local.astype("datetime64[D]")
    days = np.unique(dates)
    if len(days) == 1:
        return ()
    columns = [[str(day) for day in days]]
    for series, m in shown:
        scale = spread(panel.values[panel.rows(series), 0])
        values = forecast.values[m]
        columns.append([_ends(values[dates == day], local[dates == day], scale) for day in days])
    return tuple(zip(*columns, strict=True))


def _ends(values: Array, local: Array, scale: float | None) -> str:
    """The lowest and the highest of the values (n,) of a day, with their local times (n,)."""
    if np.isnan(values).all():
        return DASH
    places = [int(np.nanargmin(values)), int(np.nanargmax(values))]
    cells = numbers(values[places], scale)
    at = [str(local[place].astype("datetime64[m]"))[-5:] for place in places]
    return f"{cells[0]} ({at[0]}) to {cells[1]} ({at[1]})"


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
    if panel.names:
        return [f"{100 * share:.1f} %" if math.isfinite(share) else DASH for share in values]
    return numbers(values, spread(panel.values[panel.rows(series), 0]))


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
