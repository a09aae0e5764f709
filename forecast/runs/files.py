"""The files of a finished run."""

import dataclasses
from pathlib import Path

import pandas as pd

from forecast.arrays import Array
from forecast.files import (
    save_frame,
    save_json,
    sha256,
    write_atomic,
)
from forecast.models.own import sources_of
from forecast.results import Outcome
from forecast.runs.folder import CHECKPOINT, part_files, versions
from forecast.runs.plan import Run, settings_by_name
from forecast.runs.result import Result, plain_number, stamped

FORMAT = 1  # of run.json


def write_files(result: Result, plan: Run, folder: Path) -> None:
    """The files of a finished run, into a folder; run.json last, so that its presence says that all others are there."""
    from forecast.show.report import write_report

    panel, board = result.panel, result.board
    write_atomic(folder / "forecast.csv", stamped(result.forecast.to_frame(cutoff=False)).to_csv(index=False))
    write_atomic(folder / "scores.csv", board.to_frame().to_csv())
    save_frame(folder / "outcomes.parquet", _outcomes_frame(result.outcomes))
    history = [(o.forecast.model, o.fold, *row) for o in result.outcomes for row in o.log.history]
    write_atomic(
        folder / "history.csv",
        pd.DataFrame(history, columns=["model", "fold", "step", "train", "validation"]).to_csv(index=False),
    )
    write_report(
        folder / "report.html",
        title=Path(plan.data).name,
        findings=panel.findings,
        board=board,
        outcomes=result.outcomes,
        panel=panel,
        forecast=result.forecast,
        notes=result.fitted.log.notes,
    )
    for checkpoint in part_files(folder, CHECKPOINT):
        checkpoint.unlink()
    manifest = {
        "format": FORMAT,
        "run": settings_by_name(plan),
        "roles": dataclasses.asdict(panel.reading),
        "data_sha256": sha256(Path(plan.data)),
        "model_sha256": sha256(folder / "model.safetensors"),
        "versions": versions(),
        "own": sources_of(plan.own),
        "naive_errors": naive_of(result.outcomes),
        "result": result.to_json(),
    }
    save_json(folder / "run.json", manifest)


def _outcomes_frame(outcomes: list[Outcome]) -> pd.DataFrame:
    """Every forecast of the walk: unique_id, ds, cutoff, y, and the columns of each model."""
    folds: dict[int, pd.DataFrame] = {}
    for outcome in outcomes:
        own = outcome.to_frame()
        if outcome.fold in folds:
            own = pd.concat([folds[outcome.fold], own.iloc[:, 4:]], axis=1)
        folds[outcome.fold] = own
    return pd.concat(folds.values())


def naive_of(outcomes: list[Outcome]) -> dict[str, list[float | None]]:
    """Series -> mean absolute and mean squared error of its seasonal naive forecast, in the past of the last fold."""
    last = outcomes[-1]
    return {name: number_list(own) for name, own in zip(last.forecast.ids, last.truth.naive, strict=True)}


def number_list(values: Array) -> list[float | None]:
    """Numbers as JSON has them."""
    return [plain_number(value) for value in values]
