"""The history of a run's fits: fits/0 is the model of the walk, fits/N the N-th refit, and the last one taken answers."""

import re
from pathlib import Path
from typing import Any

from forecast.files import load_json

FITS, RECORD, JUDGED, MODEL = "fits", "fit.json", "outcomes.parquet", "model.safetensors"
FIT_FILE = re.compile(r"\d+/(fit\.json|outcomes\.parquet|model\.safetensors|context\.parquet)")


def fit_folder(folder: Path, number: int) -> Path:
    """Where the files of a fit are."""
    return folder / FITS / str(number)


def fit_files(folder: Path) -> list[Path]:
    """Every file that refits wrote into the history of a run folder, sorted."""
    inside = folder / FITS
    return sorted(path for path in inside.glob("*/*") if FIT_FILE.fullmatch(str(path.relative_to(inside))))


def fit_records(folder: Path) -> dict[int, dict[str, Any]]:
    """The record of each fit by its number, rising; DamagedError where one cannot be read."""
    numbers = sorted(int(path.parent.name) for path in fit_files(folder) if path.name == RECORD)
    return {number: load_json(fit_folder(folder, number) / RECORD) for number in numbers}


def present_fit(folder: Path) -> int:
    """The number of the fit that answers: that of the last refit that was taken, 0 without any."""
    return max((number for number, record in fit_records(folder).items() if record["taken"]), default=0)


def first_model(folder: Path) -> Path:
    """The file of the model that the run itself fitted."""
    kept = fit_folder(folder, 0) / MODEL
    return kept if kept.exists() else folder / MODEL
