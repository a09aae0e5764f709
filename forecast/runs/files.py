"""The files of a finished run: written in an order in which `run.json`, the last, says that all others are there."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from forecast.arrays import Array
from forecast.data.options import Reading
from forecast.data.panel import Panel
from forecast.errors import ForecastError
from forecast.files import load_arrays, load_json, save_arrays, save_frame, save_json, sha256, write_atomic
from forecast.fitting import Fitted
from forecast.insight.attribution import Explanation, NotExplainedError, explain, telling_steps
from forecast.insight.words import SERIES as EXPLAINED
from forecast.models import settings_of
from forecast.models.base import Spec
from forecast.models.own import sources_of
from forecast.paths import Paths, sample_paths
from forecast.records import Number, from_json, to_json
from forecast.results import Forecast, Outcome
from forecast.runs.folder import CHECKPOINT, FORECAST, MANIFEST, part_files, versions
from forecast.runs.plan import Run, settings_by_name
from forecast.runs.result import Result, Walked, stamped
from forecast.saving import load_context

ON_PAGE = 1000  # sample paths that the page of a run is made from
FORMAT = 2  # of run.json; raised when an older one can no longer be read


@dataclass(frozen=True)
class Manifest:
    """`run.json`: what a finished run was made from, and what it gave.

    data_sha256: of the file as it was read · own: class of your own -> hash of its source · device: where nets were
    trained · naive_errors: series -> mean absolute and mean squared error of its seasonal naive forecast, in the past of
    the last fold · reading: how the file was read, as found and decided.
    """

    format: int
    run: dict[str, Any]
    reading: Reading
    data_sha256: str
    model_sha256: str
    versions: dict[str, str]
    own: dict[str, str]
    device: str
    naive_errors: dict[str, tuple[Number, Number]]
    walked: Walked
    intervals: tuple[str, ...]


def write_files(result: Result, plan: Run, data_sha256: str, device: str, folder: Path) -> None:
    """The files of a finished run, into a folder; run.json last, so that its presence says that all others are there."""
    outcomes = result.outcomes
    frame = stamped(result.forecast.to_frame(cutoff=False))
    save_forecast(result.forecast, folder / FORECAST)
    write_atomic(folder / "forecast.csv", frame.to_csv(index=False))
    write_atomic(folder / "scores.csv", result.board.to_frame().to_csv())
    save_frame(folder / "outcomes.parquet", _outcomes_frame(outcomes))
    write_atomic(folder / "history.csv", _history_frame(outcomes).to_csv(index=False))
    _write_report(folder / "report.html", result, plan)
    for checkpoint in part_files(folder, CHECKPOINT):
        checkpoint.unlink()
    manifest = Manifest(
        format=FORMAT,
        run=settings_by_name(plan),
        reading=result.panel.reading,
        data_sha256=data_sha256,
        model_sha256=sha256(folder / "model.safetensors"),
        versions=versions(),
        own=sources_of(plan.own),
        device=device,
        naive_errors=naive_of(outcomes),
        walked=result.walked,
        intervals=result.intervals,
    )
    save_json(folder / MANIFEST, to_json(manifest, exact=True))


def load_manifest(folder: Path) -> Manifest:
    """What `run.json` says; ForecastError where it is absent, damaged or of another format."""
    path = folder / MANIFEST
    values = load_json(path)
    found = values.get("format")
    if found != FORMAT:
        raise ForecastError(
            f"{path} has format {found}; this version of forecast reads format {FORMAT}. Fit the run again with"
            f" `overwrite`."
        )
    return from_json(Manifest, values, str(path))


def save_forecast(forecast: Forecast, path: Path) -> None:
    """A forecast as one safetensors file: its arrays, and the rest as a JSON header. Stamps are kept as int64."""
    arrays: dict[str, Array] = {}
    header: dict[str, Any] = {}
    for name, value in vars(forecast).items():
        if isinstance(value, np.ndarray):
            arrays[name] = value
        elif value is not None:
            header[name] = value
    header["dated"] = forecast.times.dtype.kind == "M"
    for name in ("cutoffs", "times"):
        arrays[name] = arrays[name].view("int64")
    save_arrays(path, arrays, to_json(header, exact=True))


@dataclass(frozen=True)
class _Rest:
    """What a forecast holds beside its arrays; dated: whether its stamps are moments, and no numbers of rows."""

    model: str
    ids: tuple[str, ...]
    levels: tuple[float, ...]
    intervals: tuple[float, ...]
    zone: str
    names: tuple[str, ...]
    over: int
    dated: bool
    mass: bool = False


def load_forecast(path: Path) -> Forecast:
    """The forecast that `save_forecast` wrote."""
    if not path.exists():
        raise ForecastError(
            f"{path} is missing. Take the folder from a copy, or fit the run again with `overwrite`."
        )
    arrays, header = load_arrays(path)
    rest = from_json(_Rest, header, str(path))
    if rest.dated:
        for name in ("cutoffs", "times"):
            arrays[name] = arrays[name].view("datetime64[ns]")
    return Forecast(
        model=rest.model,
        ids=rest.ids,
        levels=rest.levels,
        intervals=rest.intervals,
        zone=rest.zone,
        names=rest.names,
        mass=rest.mass,
        over=rest.over,
        **arrays,
    )


def device_of(specs: Sequence[Spec]) -> str:
    """Where the nets among some models are trained: cpu, or the name of the GPU that is there."""
    asked: set[str] = set()
    for one in specs:
        asked.update(_devices(settings_of(one)))
    if not asked & {"auto", "cuda"}:
        return "cpu"
    import torch

    return str(torch.cuda.get_device_name()) if torch.cuda.is_available() else "cpu"


def _devices(settings: dict[str, Any]) -> list[str]:
    """What the settings of a model, or of the parts of a combination, say of the device."""
    found = [value for value in settings.values() if isinstance(value, dict)]
    return [str(table["device"]) for table in (settings, *found) if "device" in table]


def _write_report(path: Path, result: Result, plan: Run) -> None:
    """The page of a run."""
    from forecast.show.report import write_report
    from forecast.show.summary import attended

    write_report(
        path,
        title=Path(plan.data).name,
        findings=result.findings,
        board=result.board,
        outcomes=result.outcomes,
        panel=result.panel,
        forecast=result.forecast,
        notes=result.fitted.log.notes,
        explanation=explained(result.fitted, load_context(result.fitted, path.parent / "context.parquet")),
        probabilities=result.walked.probabilities,
        market=result.market,
        cost=plan.trading,
        span=plan.task.reduce,
        footer=footer_of(result.folder, plan),
        paths=sampled(result.fitted, result.panel, result.forecast),
        attention=attended(result.fitted, result.panel),
    )


def footer_of(folder: Path, plan: Run) -> str:
    """How a page was made: when, by which version, from which seed, and the command that makes the run again."""
    when = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    version = versions()["forecast-toolkit"]
    command = f"forecast fit --config {folder.name}/run.toml"
    return f"Made on {when} by forecast {version}, seed {plan.seed}. The same run again: {command}"


def sampled(fitted: Fitted, panel: Panel, forecast: Forecast) -> Paths | None:
    """Sample paths of the first of some forecasts, for a page; None where the model has none, or answers about one step."""
    if panel.names or not len(forecast.origins) or forecast.values.shape[1] < 2:
        return None
    first = forecast.on(panel).origins[:1]
    try:
        return sample_paths(fitted, panel, first, count=ON_PAGE)
    except ForecastError:  # no walk taught them, or too few windows did: `predict --paths` says which
        return None


def explained(fitted: Fitted, panel: Panel) -> Explanation | None:
    """Why the next horizon of the first few series is forecast as it is; None where the model does not say it."""
    origins = panel.ends()[:EXPLAINED]
    steps = telling_steps(fitted.goal.horizon)
    try:
        return explain(fitted, panel, origins, horizons=steps)
    except NotExplainedError:
        return None


def _outcomes_frame(outcomes: list[Outcome]) -> pd.DataFrame:
    """Every forecast of the walk: unique_id, ds, cutoff, y, and the columns of each model."""
    folds: dict[int, pd.DataFrame] = {}
    for outcome in outcomes:
        own = outcome.to_frame()
        if outcome.fold in folds:
            own = pd.concat([folds[outcome.fold], own.iloc[:, 4:]], axis=1)
        folds[outcome.fold] = own
    return pd.concat(folds.values())


def _history_frame(outcomes: list[Outcome]) -> pd.DataFrame:
    """The losses of every fit of the walk, a row for each look."""
    rows: list[tuple[Any, ...]] = []
    for outcome in outcomes:
        for look in outcome.log.history:
            rows.append((outcome.forecast.model, outcome.fold, *look))
    return pd.DataFrame(rows, columns=["model", "fold", "step", "train", "validation"])


def naive_of(outcomes: list[Outcome]) -> dict[str, tuple[float, float]]:
    """Series -> mean absolute and mean squared error of its seasonal naive forecast, in the past of the last fold."""
    last = outcomes[-1]
    errors = zip(last.forecast.ids, last.truth.naive, strict=True)
    return {name: (float(absolute), float(squared)) for name, (absolute, squared) in errors}
