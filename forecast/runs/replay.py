"""A finished run fitted again from its manifest, and compared bit by bit."""

import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from forecast.errors import ForecastError
from forecast.files import load_arrays
from forecast.models.own import sources_of
from forecast.records import to_json
from forecast.replacing import settle
from forecast.runs.checks import has_changed
from forecast.runs.files import Manifest, device_of, load_manifest
from forecast.runs.fits import MODEL, first_model
from forecast.runs.folder import ANSWERS, MANIFEST, PARTS, part_files, versions
from forecast.runs.plan import Run, make_run, settings_by_name
from forecast.runs.road import run


@dataclass(frozen=True)
class Replayed:
    """A finished run next to the same run made again.

    differs: what is not as it was before anything is fitted, such as data and versions · parts: of each model and fold,
    and of the final model, whether its bits are equal.
    """

    run: Path
    equal: bool
    differs: tuple[str, ...]
    parts: dict[str, bool]

    def to_json(self) -> dict[str, Any]:
        """One JSON object."""
        found: dict[str, Any] = to_json(self)
        return found

    def __str__(self) -> str:
        lines = [f"! {difference}" for difference in self.differs]
        wrong = [name for name, equal in self.parts.items() if not equal]
        if wrong:
            lines.append(f"{', '.join(wrong)}: not the same bits")
        else:
            lines.append(f"All {len(self.parts)} parts have the same bits.")
        return "\n".join(lines)


def replay_run(
    folder: str | Path, *, jobs: int = 0, progress: Any = None, specs: Sequence[Any] = ()
) -> Replayed:
    """Fit a finished run again from its manifest and compare every forecast of the walk and the final model, bit by bit.

    Of a run that was fitted again it is the first fit that is compared.

    specs: the classes of your own that its models name.
    Raises ForecastError where the folder holds no finished run, or its data is no longer where it was.
    """
    folder = Path(folder)
    settle(folder)
    if not (folder / MANIFEST).exists():
        raise ForecastError(f"{folder} holds no finished run, so there is nothing to replay.")
    manifest = load_manifest(folder)
    plan = make_run(config=folder / "run.toml", specs=specs)
    if not Path(plan.data).exists():
        raise ForecastError(
            f"The data of {folder} is no longer at {plan.data}. Put it back, or write its place into"
            f" {folder / 'run.toml'}."
        )
    differs = _differences(manifest, plan)
    return compared(
        folder, first_model(folder), differs, lambda again: run(plan, out=again, jobs=jobs, progress=progress)
    )


def compared(folder: Path, model: Path, differs: tuple[str, ...], make: Callable[[Path], Any]) -> Replayed:
    """A finished run next to the one that `make` makes in another folder; model: the file of its first final fit."""
    files = [Path(PARTS, path.name) for path in part_files(folder, ANSWERS)]
    with tempfile.TemporaryDirectory() as place:
        again = Path(place) / "run"
        make(again)
        parts = {path.stem: equal_arrays(folder / path, again / path) for path in files}
        parts[Path(MODEL).stem] = equal_arrays(model, again / MODEL)
    return Replayed(folder, all(parts.values()), differs, parts)


def no_longer(was: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    """In words, which versions, or other things that bits depend on, are not as they were."""
    return [
        f"{name} was {value}, is {now.get(name)}" for name, value in was.items() if now.get(name) != value
    ]


def _differences(manifest: Manifest, plan: Run) -> tuple[str, ...]:
    """In words, what a run depends on and is not as it was."""
    now = versions() | sources_of(plan.own) | {"device": device_of(plan.specs())}
    was = manifest.versions | manifest.own | {"device": manifest.device}
    found = no_longer(was, now)
    found += _other_settings(plan, manifest.run)
    if has_changed(Path(plan.data), manifest.data_sha256):
        found.insert(0, f"{plan.data} is not the file of the run")
    return tuple(found)


def _other_settings(plan: Run, before: Mapping[str, Any]) -> list[str]:
    """The settings in run.toml that are not those of the run, in words; but for the place of its data, which may move."""
    now = to_json(settings_by_name(plan), exact=True)
    names = [name for name in {**before, **now} if name != "data"]
    return [
        f"{name} was {before.get(name)}, is {now.get(name)} in run.toml"
        for name in names
        if now.get(name) != before.get(name)
    ]


def equal_arrays(one: Path, two: Path) -> bool:
    """Whether two files hold the same arrays, bit by bit."""
    if not two.exists():
        return False
    first, _ = load_arrays(one)
    second, _ = load_arrays(two)
    if first.keys() != second.keys():
        return False
    return all(np.array_equal(array, second[name], equal_nan=True) for name, array in first.items())
