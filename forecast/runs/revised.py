"""Corrected readings: which observed values newer rows changed, as a record of the run and in words."""

from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from forecast.data.clock import Clock
from forecast.data.findings import Report, counted
from forecast.data.panel import Panel
from forecast.data.zones import placed
from forecast.files import load_frame, save_frame, sha256
from forecast.saving import KEPT, Revision

REVISIONS, ROWS = Path(KEPT, "revisions.parquet"), Path(KEPT, "rows.parquet")
NAMED = 5  # corrections that are named in words


def kept_revisions(folder: str | Path) -> pd.DataFrame:
    """The corrections that a run took over: unique_id, ds, column, was, now, was_name, now_name, before.

    was, now: the values, NaN where they are names, which then stand in was_name and now_name. before: the SHA-256 of
    the kept rows that they changed, "" where none were kept. Empty where there are none. The last corrections are left
    out where the process that made them was killed before they were done: the kept rows are then still those before.
    """
    folder = Path(folder)
    if not (folder / REVISIONS).exists():
        return pd.DataFrame()
    frame = load_frame(folder / REVISIONS)
    last = frame["before"].iloc[-1]
    undone = last == _rows_hash(folder)
    return frame[frame["before"] != last] if undone else frame


def record_revisions(folder: Path, revisions: list[Revision], clock: Clock) -> None:
    """Add corrections to the record of a run; they count once the kept rows have changed."""
    before = kept_revisions(folder)
    made = _frame(revisions, clock).assign(before=_rows_hash(folder))
    save_frame(folder / REVISIONS, pd.concat([before, made]) if len(before) else made)


def say_revisions(report: Report, revisions: list[Revision], clock: Clock) -> None:
    """Report which values are corrected, from what to what."""
    if not revisions:
        return
    frame = _frame(revisions, clock)
    words = [_in_words(row) for row in frame.head(NAMED).to_dict("records")]
    more = f" and {len(frame) - NAMED} more" if len(frame) > NAMED else ""
    verb = "is" if len(frame) == 1 else "are"
    cells = counted(len(frame), "value")
    report.say("revised", f"{cells} that the run knew {verb} corrected: {', '.join(words)}{more}")


def _in_words(row: Mapping[Hashable, Any]) -> str:
    """One correction, a row of the frame, in words."""
    was, now = (_shown(row[when], row[f"{when}_name"]) for when in ("was", "now"))
    return f"{row['column']} of {row['unique_id']} at {row['ds']} from {was} to {now}"


def say_older(report: Report, known: Panel, newer: Panel) -> None:
    """Report rows that are older than all that a run stores: nothing is known there that could be corrected."""
    place = {name: i for i, name in enumerate(known.ids)}
    for i, name in enumerate(newer.ids):
        if name not in place:
            continue
        first = known.times[known.starts[place[name]]]
        older = int((newer.times[newer.rows(i)] < first).sum())
        if older:
            report.say(
                "older-rows",
                f"{name}: {counted(older, 'row')} of the file are older than those that the run stores, which begin at"
                f" {known.stamp(int(known.starts[place[name]]))}; corrections in them are not seen",
                remedy="(fit again on a file that holds them)",
            )


def _frame(revisions: list[Revision], clock: Clock) -> pd.DataFrame:
    """Corrections as a frame, one per row, without `before`."""
    rows = []
    for one in revisions:
        names = one.column.names
        numbers = (one.was, one.now) if names is None else (np.nan, np.nan)
        words = (None, None) if names is None else tuple(_name(names, code) for code in (one.was, one.now))
        rows.append((one.unique_id, one.ds, one.column.name, *numbers, *words))
    columns = ["unique_id", "ds", "column", "was", "now", "was_name", "now_name"]
    frame = pd.DataFrame(rows, columns=columns).astype({"was_name": object, "now_name": object})
    return frame.assign(ds=placed(frame["ds"].to_numpy(), clock.tz))


def _name(names: tuple[str, ...], code: float) -> str:
    """The name that a code stands for."""
    return names[int(code)] if code < len(names) else "a name it did not have"


def _shown(value: float, name: str | None) -> str:
    """A value in words."""
    return repr(name) if np.isnan(value) else f"{value:.8g}"


def _rows_hash(folder: Path) -> str:
    """The SHA-256 of the kept rows, "" where there are none."""
    path = folder / ROWS
    return sha256(path) if path.exists() else ""
