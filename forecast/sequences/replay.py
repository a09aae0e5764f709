"""A finished classification made again from its manifest, and compared bit by bit."""

import tempfile
from pathlib import Path
from typing import Any

from forecast.errors import ForecastError
from forecast.replacing import settle
from forecast.runs.folder import ANSWERS, MANIFEST, PARTS, part_files, versions
from forecast.runs.replay import Replayed, equal_arrays
from forecast.sequences.plan import make_naming
from forecast.sequences.road import classify, load_manifest

MODEL = "model.safetensors"


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
    now = versions()
    differs = [
        f"{name} was {value}, is {now.get(name)}"
        for name, value in manifest.versions.items()
        if now.get(name) != value
    ]
    if plan.content() != manifest.data_sha256:
        differs.insert(0, f"{plan.data} is not the file of the run")
    files = [Path(PARTS, path.name) for path in part_files(folder, ANSWERS)]
    with tempfile.TemporaryDirectory() as place:
        again = Path(place) / "run"
        classify(plan, out=again, jobs=jobs, progress=progress)
        parts = {path.stem: equal_arrays(folder / path, again / path) for path in files}
        parts[Path(MODEL).stem] = equal_arrays(folder / MODEL, again / MODEL)
    return Replayed(folder, all(parts.values()), tuple(differs), parts)
