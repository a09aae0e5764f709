"""A finished classification made again from its manifest, and compared bit by bit."""

from pathlib import Path
from typing import Any

from forecast.errors import ForecastError
from forecast.replacing import settle
from forecast.runs.fits import MODEL
from forecast.runs.folder import MANIFEST, versions
from forecast.runs.replay import Replayed, compared, no_longer
from forecast.sequences.plan import make_naming
from forecast.sequences.road import classify, load_manifest


def replay(folder: str | Path, *, jobs: int = 0, progress: Any = None) -> Replayed:
    """Make a finished classification again and compare every answer of the test parts and the final model, bit by bit.

    Raises ForecastError where the folder holds no finished one, or its data is no longer where it was.
    """
    folder = Path(folder)
    settle(folder)
    if not (folder / MANIFEST).exists():
        raise ForecastError(f"{folder} holds no finished run, so there is nothing to replay.")
    manifest = load_manifest(folder)
    plan = make_naming(config=folder / "run.toml")
    absent = [path for path in plan.files if not path.exists()]
    if absent:
        raise ForecastError(
            f"The data of {folder} is no longer at {absent[0]}. Put it back, or write its place into"
            f" {folder / 'run.toml'}."
        )
    differs = no_longer(manifest.versions, versions())
    if plan.content() != manifest.data_sha256:
        differs.insert(0, f"{plan.data} is not the file of the run")
    return compared(
        folder,
        folder / MODEL,
        tuple(differs),
        lambda again: classify(plan, out=again, jobs=jobs, progress=progress),
    )
