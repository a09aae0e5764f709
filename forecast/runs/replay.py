"""A finished run fitted again from its manifest, and compared bit by bit."""

import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from forecast.errors import ForecastError
from forecast.files import (
    load_arrays,
    load_json,
    sha256,
)
from forecast.replacing import settle
from forecast.runs.fits import MODEL, first_model
from forecast.runs.folder import ANSWERS, PARTS, part_files, versions
from forecast.runs.plan import Run, make_run, settings_by_name
from forecast.runs.road import run


def replay_run(folder: str | Path, *, jobs: int = 0, progress: Any = None) -> dict[str, Any]:
    """Fit a finished run again from its manifest and compare every forecast of the walk and the final model, bit by bit, as JSON values.
    Of a run that was fitted again it is the first fit that is compared.

    `differs` names what is not as it was before anything is fitted: data, versions; `parts` says of each model and fold whether its bits are equal.
    """
    folder = Path(folder)
    settle(folder)
    if not (folder / "run.json").exists():
        raise ForecastError(f"{folder} holds no finished run, so there is nothing to replay.")
    manifest = load_json(folder / "run.json")
    plan = make_run(config=folder / "run.toml")
    if not Path(plan.data).exists():
        raise ForecastError(
            f"The data of {folder} is no longer at {plan.data}. Put it back, or write its place into {folder / 'run.toml'}."
        )
    now = versions()
    differs = [
        f"{name} was {was}, is {now.get(name)}"
        for name, was in manifest["versions"].items()
        if now.get(name) != was
    ]
    differs += _other_settings(plan, manifest["run"])
    if sha256(Path(plan.data)) != manifest["data_sha256"]:
        differs.insert(0, f"{plan.data} is not the file of the run")
    with tempfile.TemporaryDirectory() as again:
        run(plan, out=Path(again) / "run", jobs=jobs, progress=progress)
        second = Path(again) / "run"
        files = [Path(PARTS, path.name) for path in part_files(folder, ANSWERS)]
        parts = {path.stem: _equal_arrays(folder / path, second / path) for path in files}
        parts[Path(MODEL).stem] = _equal_arrays(first_model(folder), second / MODEL)
    return {"run": str(folder), "equal": all(parts.values()), "differs": differs, "parts": parts}


def _other_settings(plan: Run, before: Mapping[str, Any]) -> list[str]:
    """The settings of a plan that are not those of the run, in words; but for the place of its data, which may move."""
    now = json.loads(json.dumps(settings_by_name(plan)))
    names = [name for name in {**before, **now} if name != "data"]
    return [
        f"{name} was {before.get(name)}, is {now.get(name)} in run.toml"
        for name in names
        if now.get(name) != before.get(name)
    ]


def _equal_arrays(one: Path, two: Path) -> bool:
    """Whether two files hold the same arrays, bit by bit."""
    if not two.exists():
        return False
    first, second = load_arrays(one)[0], load_arrays(two)[0]
    return first.keys() == second.keys() and all(
        np.array_equal(array, second[name], equal_nan=True) for name, array in first.items()
    )
