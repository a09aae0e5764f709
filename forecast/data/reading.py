"""The door: a file or frame becomes a Panel, or one sentence that says why not.

What is inferred (time, series, target, past columns, clock) is inferred from names and stamps, and said in the panel's findings.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from forecast.data.clock import Clock, infer_clock
from forecast.data.findings import Finding
from forecast.data.panel import Column, Panel, Roles, make_panel
from forecast.errors import ForecastError, nearest
from forecast.files import Array

TIME_NAMES = ("ds", "time", "date", "datetime", "date_time", "timestamp", "time_hour", "day", "month")
ID_NAMES = ("unique_id", "id", "series", "series_id", "station", "symbol", "ticker", "item_id", "name")
TARGET_NAMES = ("y", "target", "value", "close", "adj close", "price", "temperature", "temp", "temp_c")
SPARSE = 50  # times more grid steps than rows: then the step found cannot be the clock of the file


def read(
    source: "str | Path | pd.DataFrame",
    *,
    target: str | Sequence[str] | None = None,
    time: str | None = None,
    id: str | None = None,
    past: str | Sequence[str] | None = None,
    clock: Clock | None = None,
) -> Panel:
    """A panel from a CSV or Parquet file or a frame, long (a column of series names) or wide (a column a series).

    target: one column, or several (or "all") of a wide file, each a series of its own. time, id: the columns of stamps and of series names;
    found by name and type where absent. past: other columns the net may look back at; by default every other numeric column, "none" for none.
    clock: known beforehand (a file of a few new rows); else the step that most rows have.
    Raises ForecastError where the file cannot be read without guessing. What was inferred is in `panel.findings`.
    """
    frame, first_row = (_flat(source), 0) if isinstance(source, pd.DataFrame) else _load(Path(source))
    where = "the frame" if isinstance(source, pd.DataFrame) else Path(source).name
    if not len(frame.columns) or not len(frame):
        raise ForecastError(f"{where} holds no rows. A table with a header and at least some dozens of rows is needed.")
    frame = frame.rename(columns=str)
    findings: list[Finding] = []

    def say(code: str, message: str, *, warning: bool = False) -> None:
        findings.append(Finding(code, "warning" if warning else "info", message))

    time = _time_column(frame, time)
    stamps = None if time is None else _stamps(frame[time], time, first_row)
    if time is None:
        say("time", "no time column: rows are taken as steps in the order of the file")
    ident = _id_column(frame, id, time, stamps)
    numbers = [name for name in frame.columns if name not in (time, ident) and pd.api.types.is_numeric_dtype(frame[name])]
    targets = _targets(target, numbers, where)
    if ident is not None and len(targets) > 1:
        raise ForecastError(f"{where} has a series column {ident!r}, so it has one target; found {', '.join(targets)}. Name one with --target.")
    extra = _past_columns(past, numbers, targets, where)
    left = [name for name in frame.columns if name not in (time, ident, *numbers)]
    if left:
        say("text", f"columns that are not numbers are left out: {', '.join(left)}", warning=True)

    table = _numbers(frame, [*targets, *extra], first_row)
    names = frame[ident].astype(str).to_numpy() if ident is not None else np.full(len(frame), targets[0], dtype=object)
    series = _split(names, stamps, table, first_row)
    clock = clock or (Clock("step") if stamps is None else infer_clock([times for _, times, _, _ in series]))
    gridded = [(name, *_grid(name, times, values, rows, clock)) for name, times, values, rows in series]
    if len(targets) == 1:
        columns = (Column(targets[0], "target"), *(Column(name) for name in extra))
        panel = make_panel(tuple(g[0] for g in gridded), [g[1] for g in gridded], [g[2] for g in gridded], columns, clock)
    else:
        _, times, values = gridded[0]
        count = len(targets)
        panel = make_panel(tuple(targets), [times] * count, [values[:, [i]] for i in range(count)], (Column("value", "target"),), clock)
    _describe(panel, targets, extra, time, ident, say)
    return replace(panel, findings=tuple(findings), roles=Roles(time, ident, tuple(targets), tuple(extra)))


def _csv(path: Path) -> pd.DataFrame:
    """A CSV whose delimiter is the one its header uses most."""
    import gzip

    opener: Callable[..., Any] = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt", encoding="utf-8-sig") as file:
        head = file.readline()
    return pd.read_csv(path, sep=max(",;\t|", key=head.count), encoding="utf-8-sig", low_memory=False)


READERS: dict[str, tuple[Callable[[Path], pd.DataFrame], int]] = {  # suffix -> reader, number of the file row that holds the first values
    ".csv": (_csv, 2),
    ".csv.gz": (_csv, 2),
    ".parquet": (pd.read_parquet, 1),
}


def _load(path: Path) -> tuple[pd.DataFrame, int]:
    if not path.exists():
        beside = [file.name for file in path.parent.glob("*") if file.name.endswith(tuple(READERS))] if path.parent.is_dir() else []
        raise ForecastError(f"There is no file {path}.{nearest(path.name, sorted(beside))}")
    if path.is_dir():
        raise ForecastError(f"{path} is a folder; a CSV or Parquet file is needed.")
    suffix = next((ending for ending in READERS if path.name.lower().endswith(ending)), None)
    if suffix is None:
        raise ForecastError(f"{path.name} is not a kind of file that is read here. There is: {', '.join(READERS)}.")
    reader, first_row = READERS[suffix]
    try:
        frame = reader(path)
    except (ValueError, OSError, EOFError) as error:  # pandas and pyarrow raise children of these
        text = str(error).strip().splitlines() or [type(error).__name__]
        raise ForecastError(f"{path.name} is not a table that can be read as {suffix[1:]}: {text[0]}") from None
    return _flat(frame), first_row


def _flat(frame: pd.DataFrame) -> pd.DataFrame:
    """A frame whose index, where it means something (a name, stamps), has become columns."""
    means = any(name is not None for name in frame.index.names) or isinstance(frame.index, pd.DatetimeIndex)
    return frame.reset_index(drop=not means)


def _named(frame: pd.DataFrame, name: str, flag: str) -> str:
    if name not in frame.columns:
        raise ForecastError(f"There is no column {name!r} for --{flag}.{nearest(name, frame.columns)}")
    return name


def _time_column(frame: pd.DataFrame, time: str | None) -> str | None:
    """The column of stamps: named, else of a time type, else of a time's name and readable as such."""
    if time is not None:
        return _named(frame, time, "time")
    typed = [name for name in frame.columns if pd.api.types.is_datetime64_any_dtype(frame[name])]
    text = [name for name in frame.columns if not pd.api.types.is_numeric_dtype(frame[name]) and name not in typed]
    found = typed or [name for name in text if _like_stamps(frame[name])]
    known = [name for name in found if name.strip().lower() in TIME_NAMES]
    if len(found) > 1 and len(known) != 1:
        raise ForecastError(f"Several columns hold stamps: {', '.join(found)}. Name the one to use with --time.")
    return next(iter(known or found), None)


def _like_stamps(column: "pd.Series[Any]") -> bool:
    """Whether a column of text or objects reads as stamps, judged on a hundred values spread over it."""
    some = column.dropna()
    some = some.iloc[np.linspace(0, len(some) - 1, min(100, len(some))).astype(int)] if len(some) else some
    texts = some.astype(str)
    if not len(some) or not texts.str.contains(r"\d").mean() > 0.9:
        return False
    return bool(_parse(some).notna().mean() > 0.9)


def _parse(column: "pd.Series[Any]") -> "pd.Series[Any]":
    """Stamps in UTC, NaT where a cell is none. ISO 8601 first (mixed offsets allowed), then the format of the first cell."""
    import warnings

    parsed = pd.to_datetime(column, errors="coerce", utc=True, format="ISO8601")
    if parsed.notna().mean() < 0.5:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # pandas warns where it must guess cell by cell; the result is checked below
            parsed = pd.to_datetime(column, errors="coerce", utc=True)
    return parsed


def _stamps(column: "pd.Series[Any]", name: str, first_row: int) -> Array:
    """datetime64[ns], UTC; a cell that is no stamp is named by row."""
    if pd.api.types.is_datetime64_any_dtype(column):
        parsed = column.dt.tz_convert("UTC") if column.dt.tz is not None else column
    elif pd.api.types.is_numeric_dtype(column):
        raise ForecastError(f"Column {name!r} holds numbers ({column.iloc[0]} first), not stamps. Write them as 2013-01-31 or 2013-01-31 06:00.")
    else:
        parsed = _parse(column)
    bad = np.flatnonzero(parsed.isna().to_numpy())
    if len(bad):
        raise ForecastError(
            f"Row {bad[0] + first_row} has no readable stamp in column {name!r}: found {column.iloc[bad[0]]!r}"
            f" ({len(bad)} such rows). Mend or remove it."
        )
    naive = parsed.dt.tz_localize(None) if parsed.dt.tz is not None else parsed
    return naive.to_numpy().astype("datetime64[ns]")


def _id_column(frame: pd.DataFrame, ident: str | None, time: str | None, stamps: Array | None) -> str | None:
    """The column of series names: named, else by name, else the one text column that tells repeated stamps apart."""
    if ident is not None:
        return _named(frame, ident, "id")
    text = [name for name in frame.columns if name != time and not pd.api.types.is_numeric_dtype(frame[name])]
    text = [name for name in text if not pd.api.types.is_datetime64_any_dtype(frame[name])]
    repeated = stamps is not None and len(np.unique(stamps)) < len(stamps)
    if not repeated:
        return None
    known = [name for name in frame.columns if name.strip().lower() in ID_NAMES and name != time]
    choices = known or [name for name in text if not frame.duplicated([str(time), name]).any()]
    if len(choices) > 1:
        raise ForecastError(f"Several columns could name the series: {', '.join(choices)}. Name one with --id.")
    return choices[0] if choices else None


def _targets(target: str | Sequence[str] | None, numbers: list[str], where: str) -> list[str]:
    """The target columns: named, "all", or found by name."""
    if not numbers:
        raise ForecastError(f"{where} has no numeric column, so nothing can be forecast. Check the delimiter and the decimal mark.")
    if target is None:
        known = [name for wanted in TARGET_NAMES for name in numbers if name.strip().lower() == wanted]
        if len(numbers) > 1 and not known:
            raise ForecastError(
                f"{where} has several numeric columns and none has a target's usual name: {', '.join(numbers)}. Name one with --target"
                f" (the others help to forecast it), or take --target all to forecast each."
            )
        return (known or numbers)[:1]
    wanted = [target] if isinstance(target, str) else list(target)
    if wanted == ["all"] and "all" not in numbers:
        return numbers
    for name in wanted:
        if name not in numbers:
            raise ForecastError(f"There is no numeric column {name!r} for --target.{nearest(name, numbers)}")
    return wanted


def _past_columns(past: str | Sequence[str] | None, numbers: list[str], targets: list[str], where: str) -> list[str]:
    others = [name for name in numbers if name not in targets]
    if past is None:
        return others if len(targets) == 1 else []
    wanted = [past] if isinstance(past, str) else list(past)
    if wanted == ["none"] or not wanted:
        return []
    if len(targets) > 1:
        raise ForecastError(f"With several targets each column of {where} is a series of its own; --past goes with one target.")
    for name in wanted:
        if name not in others:
            raise ForecastError(f"There is no numeric column {name!r} for --past beside the target.{nearest(name, others)}")
    return wanted


def _numbers(frame: pd.DataFrame, names: list[str], first_row: int) -> Array:
    """float64 (n, C); an infinite cell is named by row."""
    table = np.column_stack([frame[name].to_numpy(dtype="float64", na_value=np.nan) for name in names])
    infinite = np.argwhere(np.isinf(table))
    if len(infinite):
        row, column = infinite[0]
        raise ForecastError(f"Row {row + first_row} is infinite in column {names[column]!r}. Leave the cell empty if the value is unknown.")
    return table


def _split(names: Array, stamps: Array | None, table: Array, first_row: int) -> list[tuple[str, Array, Array, Array]]:
    """(name, stamps, values, file rows) of each series, sorted by stamp; a repeated stamp is refused with its first two rows."""
    parts = []
    for name in np.unique(names):
        rows = np.flatnonzero(names == name)
        if stamps is None:
            parts.append((str(name), np.arange(len(rows)), table[rows], rows + first_row))
            continue
        rows = rows[np.argsort(stamps[rows], kind="stable")]
        times = stamps[rows]
        same = np.flatnonzero(times[1:] == times[:-1])
        if len(same):
            one, two = (int(row) + first_row for row in rows[same[0] : same[0] + 2])
            raise ForecastError(
                f"Rows {one} and {two} of series {name!r} have the same stamp {_show(times[same[0]])} ({len(same)} such pairs)."
                f" Remove one of each, or name the column that tells the series apart with --id."
            )
        parts.append((str(name), times, table[rows], rows + first_row))
    return parts


def _grid(name: str, times: Array, values: Array, rows: Array, clock: Clock) -> tuple[Array, Array]:
    """Stamps and values on the clock's grid: a gap becomes rows of NaN."""
    position = clock.position(times)
    off = np.flatnonzero(position < 0)
    if len(off):
        raise ForecastError(
            f"Row {rows[off[0]]} of series {name!r} has the stamp {_show(times[off[0]])}, which is not on the grid of this file: {clock.words}"
            f" from {_show(times[0])} ({len(off)} such rows). Mend the stamps, or bring the file to one step first."
        )
    size = int(position[-1]) + 1
    if size == len(times):
        return times, values
    if size > SPARSE * len(times):
        raise ForecastError(f"Series {name!r} has {len(times)} rows in {size} steps ({clock.words}): too few for one clock. Aggregate it first.")
    filled = np.full((size, values.shape[1]), np.nan)
    filled[position] = values
    return clock.after(times[:1], np.arange(size))[0], filled


def _describe(panel: Panel, targets: list[str], extra: list[str], time: str | None, ident: str | None, say: Callable[..., None]) -> None:
    """What was inferred and what is missing, in words."""
    if time is not None:
        span = f"{_show(panel.times.min())} to {_show(panel.times.max())}"
        zone = " UTC" if panel.clock.kind == "fixed" and panel.clock.step < 86_400 * 10**9 else ""
        say("clock", f"time {time}: {panel.clock.words}, {span}{zone}")
    chosen = f"target {targets[0]}" if len(targets) == 1 else f"targets {', '.join(targets)}: each a series"
    say("target", chosen)
    if ident is not None:
        say("series", f"series by {ident}: {len(panel.ids)} ({', '.join(panel.ids[:5])}{', ...' if len(panel.ids) > 5 else ''})")
    if extra:
        say("past", f"past columns, known up to the origin: {', '.join(extra)} (--past none leaves them out)")
    for i, name in enumerate(panel.ids):
        rows = panel.values[panel.rows(i)]
        gap, longest = _gaps(np.isnan(rows[:, 0]))
        if gap:
            say("missing", f"{name}: {gap} of {len(rows)} target values missing, at most {longest} in a row", warning=True)


def _gaps(missing: Array) -> tuple[int, int]:
    """How many are missing, and the longest run."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], missing.astype("int8"), [0]])))
    runs = edges[1::2] - edges[::2]
    return int(missing.sum()), int(runs.max(initial=0))


def _show(stamp: Any) -> str:
    """A stamp as short as it goes: the date alone at midnight."""
    text = str(pd.Timestamp(stamp))
    return text.removesuffix(" 00:00:00").removesuffix(":00") if text.endswith(":00") else text
