"""The page of today: the report of a finished run with the forecast from its newest rows."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from forecast.data.findings import Finding, Heard, Report
from forecast.data.panel import Panel
from forecast.data.zones import placed
from forecast.errors import ForecastError
from forecast.files import locked, write_atomic
from forecast.fitting import Fitted
from forecast.results import Forecast
from forecast.runs.daily import _fitted, kept_forecasts, rows, score_run
from forecast.runs.files import explained, footer_of, sampled
from forecast.runs.plan import Run, make_run
from forecast.runs.result import Result, stamped
from forecast.runs.road import stored


def report_run(
    folder: str | Path,
    source: "str | Path | pd.DataFrame | None" = None,
    *,
    title: str | None = None,
    light: bool = False,
    revised: bool = False,
    heard: Heard | None = None,
    specs: Sequence[Any] = (),
) -> Path:
    """Write `report.html` and `forecast.csv` of a run anew, with the forecast from its newest rows; the path of the page.

    The rows are those that the run stored, or kept since, and those of a newer file joined to them; nothing is kept. Kept
    forecasts are drawn next to the actual values. Where the file of the run is gone or was changed, the figures of its test
    are left out, and `heard` is given that.
    title: in place of the name of the file · light: static pictures alone, under 300 KB. source, revised, heard, specs: as in
    `predict_run`. Raises ForecastError as that.
    """
    folder = Path(folder)
    fitted = _fitted(folder, specs)
    now = rows(folder, source, revised=revised, heard=heard, specs=specs)
    forecast = fitted.predict(now)
    plan = make_run(config=folder / "run.toml", specs=specs)
    result, gone = _with_its_file(stored(plan, folder))
    if gone is not None and heard is not None:
        heard([gone])
    path = folder / "report.html"
    with locked(folder):
        _write(
            path, plan, result, fitted, now, forecast, gone, title, light, _kept(folder, source, now, specs)
        )
        frame = stamped(forecast.to_frame(cutoff=False))
        write_atomic(folder / "forecast.csv", frame.to_csv(index=False))
    return path


def _with_its_file(result: Result) -> tuple[Result, Finding | None]:
    """A finished run, and what keeps its file from being read again; None where nothing does."""
    try:
        _ = result.panel
    except ForecastError as error:
        report = Report()
        report.say("walk-not-drawn", f"the figures of the test are left out of the page: {error}")
        (gone,) = report.findings
        return result, gone
    return result, None


def _write(
    path: Path,
    plan: Run,
    result: Result,
    fitted: Fitted,
    now: Panel,
    forecast: Forecast,
    gone: Finding | None,
    title: str | None,
    light: bool,
    kept: Any,
) -> None:
    """The page, from the walk of the run where its file is there, and from the rows of today."""
    from forecast.show.report import write_report
    from forecast.show.sections import SECTIONS
    from forecast.show.summary import attended

    first, *others = SECTIONS
    last = placed(now.cutoffs(now.ends()), now.clock.tz).max()
    write_report(
        path,
        title=title or Path(plan.data).name,
        findings=(*result.findings, *([gone] if gone else [])),
        board=result.board,
        outcomes=[] if gone else result.outcomes,
        panel=now if gone else result.panel,
        forecast=forecast,
        notes=fitted.log.notes,
        explanation=explained(fitted, now),
        probabilities=result.walked.probabilities,
        market=result.market,
        cost=plan.trading,
        span=plan.task.reduce,
        now=now,
        paths=sampled(fitted, now, forecast),
        attention=attended(fitted, now),
        footer=f"The forecast is from rows until {last}. {footer_of(result.folder, plan)}",
        light=light,
        sections=[first, *([kept] if kept else []), *others],
    )


def _kept(folder: Path, source: "str | Path | pd.DataFrame | None", now: Panel, specs: Sequence[Any]) -> Any:
    """The section of the kept forecasts next to the actual values; None where none are kept."""
    from forecast.show.kept import kept_section

    frame = kept_forecasts(folder)
    if not len(frame):
        return None
    try:
        verdict = score_run(folder, source, specs=specs).verdict
    except ForecastError:
        verdict = "None of the kept forecasts has come true yet."
    return kept_section(frame, now, verdict)
