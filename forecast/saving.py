"""A fitted model as one file, and the last rows it needs beside it: together enough for a forecast anywhere."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from forecast.arrays import Array, under
from forecast.copula import Templates
from forecast.data.categories import recoded
from forecast.data.clock import Clock
from forecast.data.derived import completed
from forecast.data.panel import Column, Panel, make_panel, with_vintages
from forecast.data.scaling import Scaling
from forecast.data.vintages import Vintages
from forecast.data.zones import placed
from forecast.errors import ForecastError
from forecast.files import load_arrays, load_frame, save_arrays, save_frame
from forecast.fitting import UNSCALED, Fitted
from forecast.models import settings_of, spec_from
from forecast.models.base import is_unscaled
from forecast.models.own import classes
from forecast.records import from_json, to_json
from forecast.replacing import settle
from forecast.results import Calibration, Log, Taught, Tempering
from forecast.task import Goal, Task

KEPT = "kept"  # the folder in that of a run for forecasts that were kept, and their rows
ISSUED = "issued"  # of stored rows with vintages: the moments of their issues
ISSUE = "issue."  # before the name of a column: what these said
CLASSES = "classes"  # begins the format of a model of sequences
FORMAT = 11  # of model files; raised when an older one can no longer be read


@dataclass(frozen=True)
class Header:
    """What stands in a model file beside its arrays.

    spec: settings, and as "model" the name · seen, read_as, future, static: columns of its Goal · ids: the series it was fitted on.
    """

    format: int
    spec: dict[str, Any]
    task: Task
    columns: tuple[Column, ...]
    seen: tuple[str, ...]
    read_as: tuple[str, ...]
    future: tuple[str, ...]
    static: tuple[str, ...]
    clock: Clock
    ids: tuple[str, ...]
    log: Log


def save(fitted: Fitted, path: str | Path) -> None:
    """A fitted model as one safetensors file: arrays and a JSON header. No training row, no pickle, no code.

    Of a Spec of your own the name of its class is kept, and `load` needs the class again.
    """
    save_arrays(Path(path), *packed(fitted))


def packed(fitted: Fitted) -> tuple[dict[str, Array], dict[str, Any]]:
    """A fitted model as arrays and JSON values, of which `unpacked` makes it again."""
    arrays = {f"learned.{name}": array for name, array in fitted.learned.arrays().items()}
    arrays |= {
        "scaling.loc": fitted.scaling.loc,
        "scaling.spread": fitted.scaling.spread,
        "scaling.power": fitted.scaling.power,
    }
    if isinstance(fitted.calibration, Tempering):
        arrays["calibration.sharpness"] = fitted.calibration.sharpness
    elif fitted.calibration is not None:
        arrays |= _calibration_arrays(fitted.calibration)
    goal = fitted.goal
    header = Header(
        format=FORMAT,
        spec=settings_of(fitted.spec),
        task=goal.task,
        columns=fitted.columns,
        seen=goal.columns,
        read_as=goal.read_as,
        future=goal.future,
        static=goal.static,
        clock=fitted.clock,
        ids=fitted.scaling.ids,
        log=replace(fitted.log, seconds=0.0),  # the file depends on the fit alone, not on how long it took
    )
    return arrays, to_json(header, exact=True)


def _calibration_arrays(calibration: Calibration) -> dict[str, Array]:
    """What a walk taught, as arrays."""
    templates = calibration.templates
    return {
        "calibration.shift": calibration.shift,
        "calibration.basis": calibration.basis,
        "calibration.templates": templates.levels,
        "calibration.independent": np.array([templates.independent]),
        "calibration.in_levels": np.array([calibration.in_levels], "int64"),
    }


def _calibration(taught: dict[str, Array], goal: Goal) -> Calibration:
    """The Calibration that `_calibration_arrays` wrote down."""
    templates = Templates(taught["templates"], float(taught["independent"][0]))
    in_levels = bool(taught["in_levels"][0])
    return Calibration(goal.levels, taught["shift"], taught["basis"], templates, in_levels)


def load(path: str | Path, *, specs: Sequence[Any] = ()) -> Fitted:
    """A saved model, from its file or from a run folder.

    specs: the classes of your own that it may be of, such as [MySpec]: a file names one, and never imports it.
    Raises ForecastError where there is no model, where it is damaged, and where its class is not given.
    """
    path = Path(path)
    settle(path)
    file = path / "model.safetensors" if path.is_dir() else path
    if not file.exists():
        raise ForecastError(f"No model can be loaded from {path}: {_absent(path)}.")
    arrays, values = load_arrays(file)
    if str(values.get("format")).startswith(CLASSES):
        raise ForecastError(
            f"{file} names sequences and forecasts nothing: use `forecast predict` with a file of sequences or a text, or"
            f" `fc.name_run`."
        )
    if values.get("format") != FORMAT:
        raise ForecastError(
            f"{file} has format {values.get('format')}; this version of forecast reads format {FORMAT}. Fit the model again."
        )
    return unpacked(arrays, values, str(file), specs)


def unpacked(
    arrays: dict[str, Array], values: dict[str, Any], where: str, specs: Sequence[Any] = ()
) -> Fitted:
    """The fitted model that `packed` took apart. where: the file that a message names."""
    header = from_json(Header, values, where)
    task, columns = header.task, header.columns
    goal = Goal(task, header.seen, header.future, header.static, columns[0].names or (), header.read_as)
    loc, spread, power = (arrays[f"scaling.{name}"] for name in ("loc", "spread", "power"))
    chosen = spec_from(header.spec, classes(specs))
    units = UNSCALED if is_unscaled(chosen) else task.units
    scaling = Scaling(header.ids, loc, spread, power, units)
    learned = chosen.restore(under(arrays, "learned."), goal)
    taught = under(arrays, "calibration.")
    return Fitted(chosen, goal, columns, header.clock, scaling, learned, header.log, _taught(taught, goal))


def _taught(arrays: dict[str, Array], goal: Goal) -> Taught | None:
    """What a walk had taught the model, from its arrays; None where there are none."""
    if not arrays:
        return None
    if goal.names:
        return Tempering(**arrays)
    return _calibration(arrays, goal)


def _absent(path: Path) -> str:
    """Why no model is where it was looked for, and where one is."""
    if not path.is_dir():
        return "there is no such file"
    if (path / "identity.json").exists():
        return "it holds no finished run: the command that began it goes on from there"
    runs = sorted(inside.name for inside in path.iterdir() if (inside / "model.safetensors").exists())
    return (
        f"it is no run folder, but the folder of {', '.join(runs)}. Give one of them, such as {path / runs[0]}"
        if runs
        else "it is no run folder"
    )


def save_context(fitted: Fitted, panel: Panel, path: Path) -> Panel:
    """Store the last rows of each series that the next forecast reads, and return them as the panel they make.

    With future columns the rows after the last observed target are among them.
    """
    panel, known = recoded(panel, fitted.columns), panel.known()
    begin = np.maximum(panel.starts, panel.starts + known - fitted.context)
    ends = np.where(known > 0, panel.stops, panel.starts) if panel.future else panel.starts + known
    context = replace(panel, starts=begin, stops=ends).compact()
    keep = context.lengths > 0
    save_rows(context, path)
    if keep.all():
        return context
    return replace(
        context,
        ids=tuple(np.array(context.ids)[keep]),
        starts=context.starts[keep],
        stops=context.stops[keep],
    )


def save_rows(panel: Panel, path: Path) -> None:
    """Store the rows of a panel as `load_context` reads them."""
    ids = np.repeat(np.array(panel.ids, dtype=object), panel.lengths)
    values = {f"value.{column.name}": panel.values[:, i] for i, column in enumerate(panel.columns)}
    issues: dict[str, list[Array]] = {}
    if panel.vintages is not None:
        issues = _as_lists(panel.vintages)
    save_frame(path, pd.DataFrame({"unique_id": ids, "ds": panel.times, **values, **issues}))


def _as_lists(vintages: Vintages) -> dict[str, list[Array]]:
    """For each row (N,) its issues as lists: the moments in nanoseconds since 1970, and the values of each column."""
    rows = [slice(start, stop) for start, stop in zip(vintages.starts, vintages.stops, strict=True)]
    moments = vintages.issued.astype("int64")
    lists = {ISSUED: [moments[row] for row in rows]}
    for place, name in enumerate(vintages.names):
        lists[f"{ISSUE}{name}"] = [vintages.values[row, place] for row in rows]
    return lists


def _of_lists(frame: pd.DataFrame) -> Vintages | None:
    """The vintages (N rows) of what `_as_lists` gave, None where there are none."""
    if ISSUED not in frame:
        return None
    names = [name for name in frame.columns if name.startswith(ISSUE)]
    counts = np.array([len(moments) for moments in frame[ISSUED]], "int64")
    stops = np.cumsum(counts)
    issued = np.concatenate([*frame[ISSUED], np.zeros(0, "int64")]).astype("int64")
    values = [np.concatenate([*frame[name], np.zeros(0)]) for name in names]
    shape = (len(frame), len(names))
    return Vintages(
        names=tuple(name.removeprefix(ISSUE) for name in names),
        starts=stops - counts,
        stops=stops,
        issued=issued.view("datetime64[ns]"),
        values=np.column_stack(values).astype("float64"),
        loc=np.zeros(shape),
        spread=np.ones(shape),
    )


def load_context(fitted: Fitted, path: Path) -> Panel:
    """The panel that `save_context` or `save_rows` stored."""
    frame = load_frame(path)
    names = [name for name in frame.columns[2:] if name.startswith("value.")]
    if [name.removeprefix("value.") for name in names] != [column.name for column in fitted.columns]:
        raise ForecastError(
            f"{path} does not belong to the model beside it: its columns are {', '.join(names)}."
        )
    times = frame["ds"].to_numpy().astype("int64" if fitted.clock.kind == "step" else "datetime64[ns]")
    values = frame[list(names)].to_numpy("float64", copy=True)
    ids = list(dict.fromkeys(frame["unique_id"]))
    owner = frame["unique_id"].to_numpy(dtype=object)
    parts = [owner == name for name in ids]
    panel = make_panel(
        tuple(ids),
        [times[part] for part in parts],
        [values[part] for part in parts],
        fitted.columns,
        fitted.clock,
    )
    vintages = _of_lists(frame)
    if vintages is None:
        return panel
    order = np.concatenate([np.flatnonzero(owner == name) for name in panel.ids])
    return replace(panel, vintages=vintages.take(order))


@dataclass(frozen=True)
class Revision:
    """One observed value that newer rows correct: a cell of a column, in the units of the file; of a category its code."""

    unique_id: str
    ds: Any
    column: Column
    was: float
    now: float


def join(context: Panel, new: Panel, revised: list[Revision] | None = None) -> Panel:
    """The stored context followed by new rows; a hole between them is missing values.

    Where both have a row no observed value may contradict another; one that only the new rows have is taken over.
    revised: a list, which is given each correction: observed values of the new rows then take the place of others.
    Without it a contradiction is a ForecastError. After the last observed target,
    where the context may know future columns already, each observed cell of the new rows counts. Rows without dates follow the last observed
    target. What is published late holds until the next value. A series that the context does not have stands on its own
    rows. What is static is so in the new rows too.
    """
    new = recoded(new, context.columns)
    place = {name: i for i, name in enumerate(new.ids)}
    ids, times, values = [], [], []
    for i, name in enumerate(context.ids):
        old_times, old = context.times[context.rows(i)], context.values[context.rows(i)]
        if name in place:
            rows = new.rows(place.pop(name))
            said = _still(name, context, old[:1], new.values[rows][:1])
            newer = new.times[rows], new.values[rows]
            old_times, old = _append(name, context, old_times, old, *newer, revised)
            old[:, context.static] = said
            _carry(old, context.columns)
        ids.append(name)
        times.append(old_times)
        values.append(old)
    for name, i in place.items():
        ids.append(name)
        times.append(new.times[new.rows(i)])
        values.append(new.values[new.rows(i)])
    joined = make_panel(tuple(ids), times, values, context.columns, context.clock)
    return completed(with_vintages(joined, (context, new)))


def _still(name: str, context: Panel, old: Array, new: Array) -> Array:
    """The static columns (1, K) of a series, of whose rows (1, C) one is old and one new; ForecastError where these contradict each other."""
    known, said = old[:, context.static], new[:, context.static]
    differ = np.flatnonzero((known != said)[0] & ~np.isnan(known)[0] & ~np.isnan(said)[0])
    if len(differ):
        column, place = context.columns[context.static[differ[0]]], differ[0]
        names = None if column.names is None else (*map(repr, column.names), "a name it did not have")
        was, now = (
            f"{value:.8g}" if names is None else names[int(value)]
            for value in (known[0, place], said[0, place])
        )
        raise ForecastError(
            f"Series {name!r}: the static column {column.name!r} is {was} in the run, the new file says {now}. Mend the file, or fit again on it."
        )
    return np.where(np.isnan(known), said, known)


def _append(
    name: str,
    context: Panel,
    times: Array,
    values: Array,
    new_times: Array,
    new: Array,
    revised: list[Revision] | None,
) -> tuple[Array, Array]:
    """The rows of a series followed by new ones, as `join` says: stamps (n,) and values (n, C)."""
    clock = context.clock
    count = int(np.flatnonzero(~np.isnan(values[:, 0]))[-1]) + 1  # a context has an observed target
    if clock.kind == "step":
        new_times = times[count - 1] + 1 + np.arange(len(new))
    times, values, ahead_times, ahead = times[:count], values[:count], times[count:], values[count:]
    both, here, there = np.intersect1d(times, new_times, return_indices=True)
    values = values.copy()
    values[here] = _reconciled(name, context, both, values[here], new[there], revised)
    later = new_times > times[-1]
    after = np.union1d(ahead_times, new_times[later])
    rows = np.full((len(after), values.shape[1]), np.nan)
    rows[np.searchsorted(after, ahead_times)] = ahead
    place = np.searchsorted(after, new_times[later])
    rows[place] = np.where(np.isnan(new[later]), rows[place], new[later])
    return on_clock(name, clock, np.concatenate([times, after]), np.concatenate([values, rows]))


def _carry(values: Array, columns: Sequence[Column]) -> None:
    """Of columns that are published late the latest value known holds until the next one: rows (n, C) of a series, in
    place.
    """
    numbers = np.arange(len(values))
    for place, column in enumerate(columns):
        if column.lag:
            seen = np.maximum.accumulate(np.where(np.isnan(values[:, place]), 0, numbers))
            values[:, place] = values[seen, place]


def _reconciled(
    name: str, context: Panel, stamps: Array, known: Array, said: Array, revised: list[Revision] | None
) -> Array:
    """What holds of rows (n, C) that are known and that new rows give too.

    Each correction is added to `revised`; without such a list the first one is a ForecastError.
    """
    apart = ~np.isclose(known, said, rtol=1e-6, atol=0) & ~np.isnan(known) & ~np.isnan(said)
    apart[:, context.static] = False  # which `_still` has compared
    if revised is None and apart.any():
        differ = np.flatnonzero(apart.any(1))
        k, column = differ[0], int(np.argmax(apart[differ[0]]))
        raise ForecastError(
            f"Series {name!r} at {pd.Index(placed(stamps[[k]], context.clock.tz))[0]}: the run knows"
            f" {context.columns[column].name} = {known[k, column]:.8g}, the new file says {said[k, column]:.8g}"
            f" ({len(differ)} of {len(stamps)} overlapping rows differ). Give only new rows, or take over the"
            f" corrected values with `revised`."
        )
    if revised is not None:
        for k, place in np.argwhere(apart):
            was, now = float(known[k, place]), float(said[k, place])
            revised.append(Revision(name, stamps[k], context.columns[place], was, now))
    return np.where(np.isnan(known) | apart, said, known)


def on_clock(name: str, clock: Clock, times: Array, values: Array) -> tuple[Array, Array]:
    """Rows of a series, stamps (n,) rising and values (n, C), with a row of missing values at each step between them."""
    position = clock.position(times)
    if (position < 0).any():
        raise ForecastError(
            f"Series {name!r}: the new stamp {pd.Index(placed(times[position < 0], clock.tz))[0]} is not on the clock of the run ({clock.words})."
        )
    filled = np.full((int(position[-1]) + 1, values.shape[1]), np.nan)
    filled[position] = values
    return times if len(filled) == len(times) else clock.after(times[:1], np.arange(len(filled)))[0], filled
