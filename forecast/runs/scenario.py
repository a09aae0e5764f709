"""What if: the next horizon of a run under several futures, side by side."""

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from forecast.arrays import Array
from forecast.data.findings import Heard, Report, listed
from forecast.data.options import Reading, names_of
from forecast.data.panel import Panel, make_panel
from forecast.data.zones import placed
from forecast.errors import ForecastError
from forecast.files import sha256
from forecast.fitting import Fitted
from forecast.models.base import reads_of
from forecast.reading.door import read
from forecast.reading.sources import load_table
from forecast.reading.tables import Request
from forecast.results import Forecast
from forecast.runs.daily import _fitted, rows
from forecast.runs.files import load_manifest
from forecast.runs.plan import make_run
from forecast.saving import join

OPERATORS = {"+": np.add, "-": np.subtract, "*": np.multiply, "/": np.divide}
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
GIVEN = "as given"  # the name of the future that the rows of the run and of the newer file hold


@dataclass(frozen=True, eq=False)
class Scenarios:
    """Forecasts of the same horizon under several futures, by the name of each: `as given`, a file's name, or what is changed."""

    folder: Path
    forecasts: dict[str, Forecast]

    def to_frame(self) -> pd.DataFrame:
        """A long frame `unique_id, ds`, then the columns of each future with its name behind them: `gru (A)`, `gru-lo-80 (A)`."""
        frames = {name: forecast.to_frame(cutoff=False) for name, forecast in self.forecasts.items()}
        first = next(iter(frames.values()))
        made = first[["unique_id", "ds"]]
        for name, frame in frames.items():
            own = frame.drop(columns=["unique_id", "ds"])
            made = pd.concat([made, own.add_suffix(f" ({name})")], axis=1)
        return made


@dataclass(frozen=True)
class Change:
    """One operation on a future column over the horizon."""

    column: str
    operator: str
    number: float

    def apply(self, values: Array) -> Array:
        """The changed values."""
        changed: Array = OPERATORS[self.operator](values, self.number)
        return changed


def predict_scenarios(
    folder: str | Path,
    source: "str | Path | pd.DataFrame | None" = None,
    *,
    scenarios: Sequence["str | Path | pd.DataFrame"] = (),
    what: Sequence[str] = (),
    revised: bool = False,
    heard: Heard | None = None,
    specs: Sequence[Any] = (),
) -> Scenarios:
    """The next horizon of a run under several futures, each a forecast; nothing is kept.

    scenarios: files or frames of future columns over the horizon, with the stamps and series names of the run's own
    file; where a file leaves a column out or a cell empty, what the run knows of it holds. what: changes of what the
    run knows, such as "price*1.1": a future column, one of + - * / and a number, which is read and never run as code.
    The future that the run knows is forecast first, as `as given`, where it covers the horizon.
    source, revised, heard, specs: as in `predict_run`; heard is also given the future values that the past never had.
    Raises ForecastError where the run has no future columns, where another column would be changed, or where a change
    cannot be read.
    """
    folder = Path(folder)
    fitted = _fitted(folder, specs)
    _refuse_without_future(folder, fitted)
    if not scenarios and not what:
        raise ForecastError(
            "No future is given. Name a file as `scenarios`, or a change as `what`, such as price*1.1."
        )
    panel = rows(folder, source, revised=revised, heard=heard, specs=specs).as_known()
    horizon = fitted.goal.horizon
    futures: dict[str, Panel] = {}
    if _covered(panel, horizon):
        futures[GIVEN] = panel
    for number, scenario in enumerate(scenarios, 1):
        name = Path(scenario).stem if isinstance(scenario, str | Path) else f"scenario {number}"
        if name in futures:
            name = f"{name} {number}"
        futures[name] = _with_future(panel, scenario, name, fitted, folder)
    for text in what:
        futures[text.strip()] = _changed(panel, parsed_change(text, panel), horizon)
    report = Report()
    for name, future in futures.items():
        if name != GIVEN:
            _say_unseen(report, name, future, fitted, folder, specs)
    if heard is not None:
        heard(report.findings)
    return Scenarios(folder, {name: fitted.predict(future) for name, future in futures.items()})


def _refuse_without_future(folder: Path, fitted: Fitted) -> None:
    """ForecastError where no future can change a forecast of a run."""
    if not any(column.role == "future" for column in fitted.columns):
        raise ForecastError(
            f"{folder} has no future columns, so there is no future to choose. Fit a run with `future`, the columns that"
            " are known over the horizon."
        )
    if "future" not in reads_of(fitted.spec):
        raise ForecastError(
            f"{fitted.spec.name}, the model of {folder}, reads no future columns, so every scenario would give the same"
            " forecast. Fit a run of a model that does, such as ridge, boosting, arima or gru."
        )


def parsed_change(text: str, panel: Panel) -> Change:
    """The change that a text says: `price*1.1`. The column may hold operators in its name itself."""
    found = []
    for place, mark in enumerate(text):
        number = text[place + 1 :].strip()
        if mark in OPERATORS and NUMBER.fullmatch(number):
            found.append(Change(text[:place].strip(), mark, float(number)))
    known = {column.name: column for column in panel.columns}
    named = [one for one in found if one.column in known]
    if not found:
        raise ForecastError(
            f"`what={text}` is no change of a column: it takes a future column, one of + - * / and a number, such as"
            " price*1.1."
        )
    if not named:
        raise _no_such_column(found[0].column, panel)
    change = named[0]
    column = known[change.column]
    if column.role != "future":
        raise _not_future(column.name, column.role, panel)
    if column.names is not None or column.made:
        kind = "holds names" if column.names is not None else f"is made from {column.of}"
        raise ForecastError(
            f"{column.name} {kind}, so it cannot be calculated with. Give a file as `scenarios`."
        )
    if change.operator == "/" and change.number == 0:
        raise ForecastError(f"`what={text}` divides by 0. Give another number.")
    if not math.isfinite(change.number):
        raise ForecastError(f"`what={text}`: the number is too large. Give another one.")
    return change


def _future_names(panel: Panel) -> list[str]:
    """The names of the future columns."""
    return [panel.columns[place].name for place in panel.future]


def _no_such_column(name: str, panel: Panel) -> ForecastError:
    """What to say of a column that there is not."""
    return ForecastError(
        f"There is no column {name!r} in the run. Its future columns are {listed(_future_names(panel), 20)}."
    )


def _not_future(name: str, role: str, panel: Panel) -> ForecastError:
    """What to say of a column that cannot be chosen."""
    kind = "the target" if role == "target" else f"a {role} column"
    return ForecastError(
        f"{name} is {kind} of the run, and nobody knows it over the horizon: only future columns can be changed,"
        f" {listed(_future_names(panel), 20)}."
    )


def _horizon_rows(panel: Panel, horizon: int) -> Array:
    """The rows (n,) of `panel` in which the horizon after the last observed target of each series lies."""
    begins, stops = panel.starts + panel.known(), panel.stops
    return np.concatenate(
        [np.arange(begin, min(begin + horizon, stop)) for begin, stop in zip(begins, stops, strict=True)]
    ).astype("int64")


def _covered(panel: Panel, horizon: int) -> bool:
    """Whether every future column is known over the horizon of each series."""
    return not np.isnan(panel.ahead(panel.ends(), horizon)).any()


def _changed(panel: Panel, change: Change, horizon: int) -> Panel:
    """The panel with one future column changed over the horizon."""
    place = [column.name for column in panel.columns].index(change.column)
    inside = _horizon_rows(panel, horizon)
    values = panel.values.copy()
    values[inside, place] = change.apply(values[inside, place])
    return replace(panel, values=values)


def _with_future(panel: Panel, source: Any, name: str, fitted: Fitted, folder: Path) -> Panel:
    """The panel with the future columns of a file or frame over the horizon."""
    reading = load_manifest(folder).reading
    given = _given(source, reading, panel, name)
    found = read(source, _of_future(reading, given), clock=fitted.clock)
    alone = len(found.ids) == len(panel.ids) == 1 and reading.id is None
    ends = dict(zip(panel.ids, panel.cutoffs(panel.ends()), strict=True))
    ids, times, values = [], [], []
    for i, own in enumerate(found.ids):
        series = panel.ids[0] if alone else own
        if series not in ends:
            raise ForecastError(f"{name}: the run has no series {own!r}; it has {listed(panel.ids)}.")
        stamps = found.times[found.rows(i)]
        later = np.ones(len(stamps), bool)  # rows without dates follow the last target
        if panel.clock.kind != "step":
            later = stamps > ends[series]
        if later.any():
            ids.append(series)
            times.append(stamps[later])
            values.append(_in_columns_of(panel, found, i)[later])
    if not ids:
        last = placed(np.array([max(ends.values())]), panel.clock.tz)[0]
        raise ForecastError(
            f"{name} has no row after the last target that the run knows, {last}. Give rows with the stamps of the"
            " horizon."
        )
    return join(panel, make_panel(tuple(ids), times, values, panel.columns, panel.clock))


def _of_future(reading: Reading, given: tuple[str, ...]) -> Reading:
    """How the future columns of a file are read alone: the first as its target, the others next to it."""
    return replace(
        reading,
        target=given[0],
        past=given[1:] or "none",
        future=None,
        static=None,
        neighbours=None,
        series=None,
        category=tuple(one for one in names_of(reading.category) if one in given) or None,
        circular=tuple(one for one in names_of(reading.circular) if one in given) or None,
    )


def _in_columns_of(panel: Panel, found: Panel, series: int) -> Array:
    """The rows (n, C) of a series of `found` in the columns of a panel; missing where it has no such column."""
    place = {column.name: i for i, column in enumerate(panel.columns)}
    own = found.values[found.rows(series)]
    wide = np.full((len(own), len(panel.columns)), np.nan)
    for number, column in enumerate(found.columns):
        where = place[column.name]
        wide[:, where] = _coded(own[:, number], column.names, panel.columns[where].names)
    return wide


def _coded(cells: Array, own: tuple[str, ...] | None, names: tuple[str, ...] | None) -> Array:
    """Cells (n,) of one file as the run has them: numbers, or the codes of its names; of a name that it never saw the number of names."""
    if (own is None) != (names is None):
        raise ForecastError(
            "A column of names in the run holds numbers in a scenario, or the other way round. Write it as in the file"
            " of the run."
        )
    if own is None or names is None:
        return cells
    code = {name: float(number) for number, name in enumerate(names)}
    return np.array(
        [np.nan if np.isnan(cell) else code.get(own[int(cell)], float(len(names))) for cell in cells]
    )


def _given(source: Any, reading: Reading, panel: Panel, name: str) -> tuple[str, ...]:
    """The future columns that a file holds; ForecastError where it holds values of another column, or none of these."""
    table = load_table(source, Report(), Request(_every_column))
    keys = {*names_of(reading.time), *names_of(reading.id)}
    roles = {column.name: column.role for column in panel.columns}
    roles |= {column.of: column.role for column in panel.columns if column.of}
    targets = {*names_of(reading.target)}
    found = []
    for column, cells in table.columns.items():
        role = "target" if column in targets else roles.get(column)
        if column in keys or (reading.id and column in reading.id.split(",")):
            continue
        if role == "future":
            found.append(column)
        elif _holds_values(cells):
            if role is None:
                raise _no_such_column(column, panel)
            if role != "static":
                raise _not_future(column, role, panel)
    if not found:
        raise ForecastError(
            f"{name} holds none of the future columns of the run, {listed(_future_names(panel), 20)}."
        )
    return tuple(found)


def _every_column(names: Iterable[str], *_: Any) -> set[str]:
    """All columns of a file are looked at."""
    return {*names}


def _holds_values(cells: Any) -> bool:
    """Whether a column has a cell that is not empty."""
    return any(cell is not None and cell != "" and cell == cell for cell in cells.to_pylist())


def _say_unseen(
    report: Report, name: str, future: Panel, fitted: Fitted, folder: Path, specs: Sequence[Any]
) -> None:
    """Report the future values of a scenario that lie outside of what the past had: the file of the run, or the stored rows."""
    past, where = _past(folder, future, specs)
    inside = _horizon_rows(future, fitted.goal.horizon)
    for place in future.future:
        column = future.columns[place]
        if column.names is not None:
            continue
        seen = past[column.name]
        values = future.values[inside, place]
        values = values[~np.isnan(values)]
        if not len(values) or not len(seen):
            continue
        low, high = float(seen.min()), float(seen.max())
        wrong = values[(values < low) | (values > high)]
        if len(wrong):
            report.say(
                "unseen-future",
                f"{name}: {column.name} is {wrong[0]:.6g} over the horizon, outside of {low:.6g} to {high:.6g}, all that"
                f" {where} had; the model never saw such a value",
                example=f"{wrong[0]:.6g}",
            )


def _past(folder: Path, panel: Panel, specs: Sequence[Any]) -> tuple[dict[str, Array], str]:
    """What each future column had before the horizon, all series together, and where it is from."""
    known = panel.history()
    found = {}
    for place in panel.future:
        cells = np.concatenate([known.values[known.rows(i), place] for i in range(len(known.ids))])
        found[panel.columns[place].name] = cells[~np.isnan(cells)]
    plan = make_run(config=folder / "run.toml", specs=specs)
    data = Path(plan.data)
    if not data.exists() or sha256(data) != load_manifest(folder).data_sha256:
        return found, f"the rows that {folder} stores"
    whole = plan.read().history()
    for place in whole.future:
        name = whole.columns[place].name
        cells = np.concatenate([whole.values[whole.rows(i), place] for i in range(len(whole.ids))])
        found[name] = np.concatenate([cells[~np.isnan(cells)], found.get(name, np.zeros(0))])
    return found, "the past"
