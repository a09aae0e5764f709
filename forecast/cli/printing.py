"""What is printed: messages in the words of flags, findings, tables, JSON."""

import json
import math
import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Literal

from forecast.cli.flags import FLAGS, OPPOSITES
from forecast.data.findings import counted, visible

if TYPE_CHECKING:
    import pandas as pd

    from forecast.arrays import Array
    from forecast.data.findings import Finding, Heard
    from forecast.models import Setting
    from forecast.runs.result import Result, Summary
    from forecast.runs.told import Told

Form = Literal["table", "json", "csv", "csv-safe"]

# a setting as messages of the library name one: `test=0.3`, `price`
SETTING = re.compile(r"`([A-Za-z_][\w.-]*)(?:=([^`]*))?`")
MARKS = {"info": "  ", "warning": "! ", "error": "x "}
FORMULAS = ("=", "+", "-", "@", "\t", "\r")  # with which a cell of text begins that a spreadsheet runs
MOST_DECIMALS = 12  # of a number in the table of a forecast
LARGEST_PLAIN = 1e15  # from which on a number is written as 1.234e+15
SIDE_BY_SIDE = 8  # series in the table of a forecast
NAME_WIDTH, DEFAULT_WIDTH = 18, 21  # of the columns of `forecast models`


def as_flags(text: str) -> str:
    """A message of the library in the words of the command line.

    `missing=-99` becomes --missing -99, and `gru.units=64` --set gru.units=64. What stands in backticks and is no
    setting is unchanged. Signs that a terminal would act on are written as \\x1b.
    """
    return visible(SETTING.sub(_as_flag, text))


def _as_flag(found: re.Match[str]) -> str:
    """One setting as a flag; a switch that is on has no value."""
    name, value = found[1], found[2]
    if "." in name and value is not None:
        return f"--set {name}={value}"
    if name not in FLAGS:
        return found[0]
    opposite = OPPOSITES.get(name)
    if opposite and value in ("False", "false"):
        return opposite
    if opposite or value in (None, "", "true"):
        return FLAGS[name]
    return f"{FLAGS[name]} {value}"


def print_json(values: Any) -> None:
    """One JSON object on stdout."""
    print(as_flags(json.dumps(values)))


def form_of(as_json: bool, csv: bool, csv_safe: bool) -> Form:
    """In which form a command prints what it made."""
    if as_json:
        return "json"
    if csv_safe:
        return "csv-safe"
    return "csv" if csv else "table"


def print_csv(frame: "pd.DataFrame", form: Form, index: bool = False) -> None:
    """A frame as CSV on stdout; in the form "csv-safe" text that a spreadsheet would take for a formula is quoted."""
    written = without_formulas(frame) if form == "csv-safe" else frame
    print(written.to_csv(index=index), end="")


def without_formulas(frame: "pd.DataFrame") -> "pd.DataFrame":
    """A frame whose names and cells of text that begin with = + - @, a tab or a carriage return have an apostrophe before
    them (OWASP, CSV Injection); numbers are unchanged.
    """
    safe = frame.copy()
    for place, kind in enumerate(frame.dtypes):
        if kind.kind not in "biufcmM":
            safe.isetitem(place, [_without_formula(cell) for cell in frame.iloc[:, place]])
    safe.columns = [_without_formula(name) for name in frame.columns]
    if frame.index.dtype.kind not in "biufcmM":
        safe.index = frame.index.map(_without_formula)
    return safe


def _without_formula(cell: Any) -> Any:
    """A cell that no spreadsheet takes for a formula."""
    begins = isinstance(cell, str) and cell.startswith(FORMULAS)
    return f"'{cell}" if begins else cell


def print_value(value: Any, as_json: bool) -> None:
    """A value that has words and JSON values, in the form that was asked for."""
    if as_json:
        print_json(value.to_json())
    else:
        print(as_flags(str(value)))


def heard_of(quiet: bool) -> "Heard":
    """Prints what was found in a file, before anything is fitted."""
    return lambda findings: say(findings, quiet)


def say(findings: "Sequence[Finding]", quiet: bool) -> None:
    """Findings on stderr; `quiet`: only what is more than information."""
    lines = [line_of(one) for one in findings if not quiet or one.severity != "info"]
    if lines:
        print(*lines, "", sep="\n", file=sys.stderr)


def line_of(finding: "Finding") -> str:
    """A finding in a line."""
    return as_flags(f"{MARKS[finding.severity]}{finding}")


def listed_line(finding: "Finding") -> str:
    """A finding with its code, rows and example, for `check`."""
    rows = ", ".join(map(str, finding.rows))
    where = ""
    if rows:
        noun = "rows" if len(finding.rows) > 1 else "row"
        where = f" [{noun} {rows}]"
    example = f" [example {finding.example}]" if finding.example else ""
    return f"{line_of(finding)} ({finding.code}){where}{example}"


def print_summary(found: "Summary", as_json: bool) -> None:
    """What `check` found in a file."""
    if as_json:
        print_json(asdict(found))
        return
    for finding in found.findings:
        print(listed_line(finding))
    default = counted(found.horizon, "step")
    print(f"{counted(found.rows, 'row')}, {found.series} series; the default horizon is {default}")


def print_result(result: "Result", again: str) -> None:
    """A run in words: leaderboard, verdict, forecast, and what can be done next. again: flags that this needs too."""
    import shlex

    from forecast.runs.result import stamped

    forecast = result.forecast
    print(as_flags(str(result.walked)))
    print(f"\n{_asked(result)} by {result.board.best}:")
    print(visible(forecast_table(stamped(forecast.to_frame(cutoff=False)))))
    for note in result.intervals:
        print(f"{note[0].upper()}{note[1:]}.")
    print_told(result.told)
    print(f"\nReport: {result.folder}/report.html")
    print(f"Go on:  forecast predict {shlex.quote(str(result.folder))} [NEWER_ROWS.csv]{again}")


def print_told(told: "Told | None") -> None:
    """A forecast in other units, where its target has such: without columns that say nothing of any step."""
    from forecast.runs.result import stamped

    if told is None:
        return
    frame = stamped(told.frame)
    first = frame.groupby("unique_id", sort=False).head(1)
    whole = [name for name in frame if frame[name].notna().all()]
    partly = ["unique_id", "ds", *(name for name in frame if name not in whole)]
    print(f"\n{told.words}:")
    print(visible(forecast_table(frame[whole])))
    if len(partly) > 2:
        print(visible(paths_table(first[partly])))


def _asked(result: "Result") -> str:
    """What the forecast of a run is about: the next steps, or any or all of them."""
    steps = counted(result.board.horizon, "step")
    if result.forecast.over == 1:
        return f"Next {steps}"
    whole = result.fitted.goal.task.reduce
    return f"{whole.capitalize()} of the next {steps}"


def scenario_table(frame: "pd.DataFrame") -> str:
    """Forecasts under several futures, side by side."""
    numbers = frame.select_dtypes("number").to_numpy()
    return str(frame.to_string(index=False, float_format=plain(numbers), na_rep=""))


def paths_table(frame: "pd.DataFrame") -> str:
    """What sample paths are reduced to, one row per period: each reduction has decimals that show it."""
    table = frame.drop(columns="unique_id") if frame["unique_id"].nunique() == 1 else frame
    names = [str(name) for name in table.select_dtypes("float")]
    formats: dict[str, Callable[..., str]] = {}
    for name in names:
        reduction = name.split("-lo-")[0].split("-hi-")[0]
        shared = [other for other in names if other.startswith(reduction)]
        formats[name] = plain(table[shared].to_numpy())
    return str(table.to_string(index=False, formatters=formats, na_rep=""))


def forecast_table(frame: "pd.DataFrame") -> str:
    """A forecast as a table: of one series with its intervals, of several a column for each of the first ones."""
    if frame["unique_id"].nunique() == 1:
        table = frame.drop(columns="unique_id").set_index("ds")
        table.index.name = None
        numbers = table.select_dtypes("number").to_numpy()
        return str(table.to_string(float_format=plain(numbers), na_rep=""))
    return _side_by_side(frame)


def _side_by_side(frame: "pd.DataFrame") -> str:
    """A forecast of several series as a table with a column for each of the first ones."""
    model = frame.columns[2]
    whole = frame.pivot(index="ds", columns="unique_id", values=model)
    table = whole.iloc[:, :SIDE_BY_SIDE]
    table.columns.name = None
    table.index.name = None
    formats = None
    if frame[model].dtype.kind == "f":
        formats = [plain(table[name].to_numpy()) for name in table]
    shown = str(table.to_string(formatters=formats, na_rep=""))
    left = whole.shape[1] - SIDE_BY_SIDE
    if left > 0:
        return f"{shown}\n... and {left} more series: --csv or --json gives all"
    return shown


def plain(values: "Array") -> Callable[[float], str]:
    """Writes numbers with as many decimals as show a thousandth of their range.

    So an index at 38,000 is seen to move. What would need more decimals than are read, or has too many digits before
    them, is written as 1.234e-300.
    """
    seen = values[values == values]  # without NaN
    decimals = _decimals(seen)
    largest = float(abs(seen).max(initial=0.0))
    if decimals > MOST_DECIMALS or largest >= LARGEST_PLAIN:
        return lambda value: f"{value:.4g}"
    return lambda value: f"{value:.{decimals}f}"


def _decimals(seen: "Array") -> int:
    """How many decimals show a thousandth of the range of some values."""
    if not len(seen):
        return 1
    largest = float(seen.max())
    reach = largest - float(seen.min()) or abs(largest)
    if not reach:
        return 1
    return max(3 - math.floor(math.log10(reach)), 0)


def print_settings(settings: "Sequence[Setting]") -> None:
    """The settings of a model, group by group."""
    width = max([NAME_WIDTH, *(len(one.name) for one in settings)])
    group = ""
    for one in settings:
        if one.group != group:
            group = one.group
            print(f"\n{group}")
        print(_setting_line(one, width))


def _setting_line(one: "Setting", width: int) -> str:
    """One setting: its name, default, choices, meaning, source, and what a full study tries."""
    parts = [f"{one.name:{width}}", f"{_default(one):{DEFAULT_WIDTH}}"]
    words = ": ".join(filter(None, [" | ".join(one.choices), one.meaning]))
    if words:
        parts.append(words)
    if one.source:
        parts.append(f"({one.source})")
    if one.tried:
        parts.append(f"[study: {one.tried}]")
    return " ".join(parts).rstrip()


def _default(one: "Setting") -> str:
    """The default of a setting in words."""
    if one.default is not None:
        return str(one.default)
    return "chosen from the data" if one.group == "sizes" else "none"
