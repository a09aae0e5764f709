"""The folder of a run: how a run is known again, which folder it takes, and which files in it are those of runs."""

import json
import platform
import re
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import metadata, util
from pathlib import Path
from typing import Any

from forecast.data.findings import Heard, Report, listed
from forecast.errors import ForecastError
from forecast.files import (
    UNFINISHED,
    locked,
    sha256,
    sweep,
    write_atomic,
)
from forecast.runs.plan import Run, settings_by_name, to_toml
from forecast.saving import KEPT

LAST = ("run.json", "tuned.json")  # written last: where one is, the run is finished
IDENTITY, LOCK, PARTS = "identity.json", ".lock", "parts"
WRITTEN = {  # every file that a run of each kind writes into its folder, beside its lock and those in PARTS
    "any": (IDENTITY, "run.toml"),
    "fit": (
        "model.safetensors",
        "context.parquet",
        "forecast.csv",
        "scores.csv",
        "outcomes.parquet",
        "history.csv",
        "report.html",
        "run.json",
    ),
    "tune": ("study.journal", "study.journal.lock", "tuned.toml", "tuned.json"),
}
PROGRESS = "progress.jsonl"  # in PARTS, beside the answers and the checkpoints of each (model, fold)
ANSWERS = re.compile(r".+-(-1|\d+)\.safetensors")
CHECKPOINT = re.compile(r".+-(-1|\d+)\.checkpoint(\.\d+)*")


def versions() -> dict[str, str]:
    """What the bits of a result depend on beside data, settings and seed."""
    names = ("forecast-toolkit", "torch", "numpy", "pandas", "statsmodels", "scipy")
    extras = [name for name in ("arch", "exchange_calendars") if util.find_spec(name)]
    return {
        "python": platform.python_version(),
        **{name: metadata.version(name) for name in (*names, *extras)},
    }


def identity(run: Run) -> dict[str, Any]:
    """How a run is known again: its settings, the hash of its data and the versions."""
    values = settings_by_name(run)
    return json.loads(json.dumps({**values, "data": sha256(Path(run.data)), "versions": versions()}))


@contextmanager
def run_folder(
    run: Run, out: str | Path | None, overwrite: bool, what: str = "fit", heard: Heard | None = None
) -> Iterator[Path]:
    """The locked folder of a run: that of the same settings and data where there is one, else a new one, removed again if nothing came of it.

    Without `out` the names runs/STEM, runs/STEM-2 ... are looked through. With `overwrite` a finished run, or one of other settings, is begun
    anew; one of the same settings that was cut off goes on all the same. Only files that a run writes (WRITTEN) are removed; `heard` is told
    what else is there and stays. A folder in which forecasts were kept is left as it is: they are a record, and of the model that would go.
    """
    wanted = {"what": what, **identity(run)}
    folder, same = _choose(Path(run.data), wanted, None if out is None else Path(out), overwrite)
    created = not folder.exists()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ForecastError(
            f"The run folder {folder} cannot be made: {error.strerror}. Choose another with --out."
        ) from None
    with locked(folder):
        try:
            sweep(folder, folder / PARTS, folder / KEPT)
            if not same or (overwrite and any((folder / name).exists() for name in LAST)):
                _refuse_kept(folder)
                _refuse_in_the_way(folder, Path(run.data))
                _empty(folder)
                _say_others(folder, heard)
            if not (folder / "run.toml").exists():
                write_atomic(folder / IDENTITY, json.dumps(wanted, indent=1))
                write_atomic(
                    folder / "run.toml", to_toml(run, {"data_sha256": wanted["data"], **wanted["versions"]})
                )
            yield folder
        except ForecastError:
            if created:
                _remove(folder)
            raise


def _refuse_kept(folder: Path) -> None:
    """ForecastError where a folder has forecasts that were kept, which can be made by no later run."""
    if (folder / KEPT).exists():
        raise ForecastError(
            f"{folder} has forecasts that `forecast predict --keep` kept, in {folder / KEPT}; --overwrite would remove them with the model that made"
            f" them. Choose another --out, or move {folder / KEPT} away first."
        )


def _refuse_in_the_way(folder: Path, data: Path) -> None:
    """ForecastError where a folder has the name of a file that a run writes, or a file that of PARTS, or where the data is a file of the run."""
    blocked = [folder / name for name in _names() if _is_folder(folder / name)]
    inside = folder / PARTS
    if (inside.exists() or inside.is_symlink()) and not inside.is_dir():
        blocked.append(inside)
    if blocked:
        raise ForecastError(
            f"{blocked[0]} has the name of something that a run writes, but no run wrote it. Move it away, or choose another --out."
        )
    if data.resolve() in [path.resolve() for path in files_of_runs(folder)]:
        raise ForecastError(
            f"{data} is a file of the run in {folder}, and --overwrite would remove it. Choose another --out, or give a copy that lies elsewhere."
        )


def _names() -> list[str]:
    """The names in WRITTEN."""
    return [name for names in WRITTEN.values() for name in names]


def _is_folder(path: Path) -> bool:
    """Whether a path is a folder itself; a link to one is none."""
    return path.is_dir() and not path.is_symlink()


def part_files(folder: Path, pattern: re.Pattern[str]) -> list[Path]:
    """The files in PARTS of a run folder whose names match a pattern, such as ANSWERS, sorted."""
    return sorted(path for path in (folder / PARTS).glob("*") if pattern.fullmatch(path.name))


def files_of_runs(folder: Path) -> list[Path]:
    """The files in a folder that runs of any kind wrote, known by their names, sorted by path, but for the lock."""
    named = [folder / name for name in _names()]
    parts = [*part_files(folder, ANSWERS), *part_files(folder, CHECKPOINT), folder / PARTS / PROGRESS]
    there = [path for path in (*named, *parts) if path.is_symlink() or path.exists()]
    return sorted(path for path in there if not _is_folder(path))


def _empty(folder: Path) -> None:
    """Remove the files of runs, but the lock and the identity, which the next one replaces.

    First those that say that a run is finished; whose run it is stands there to the end, so that a kill in between does no harm.
    """
    for path in sorted(files_of_runs(folder), key=lambda path: path.name not in LAST):
        if path.name != IDENTITY:
            path.unlink()
    _remove_vacant(folder / PARTS)


def _remove(folder: Path) -> None:
    """Remove what a run that came to nothing left in the folder that it made, and the folder where nothing else is in it."""
    _empty(folder)
    (folder / IDENTITY).unlink(missing_ok=True)
    (folder / LOCK).unlink(missing_ok=True)
    _remove_vacant(folder)


def _remove_vacant(folder: Path) -> None:
    """Remove a folder that holds nothing; a link stays."""
    if _is_folder(folder) and not any(folder.iterdir()):
        folder.rmdir()


def _say_others(folder: Path, heard: Heard | None) -> None:
    """Tell `heard` what lies in an emptied run folder that no run wrote."""
    ours = (LOCK, IDENTITY, PARTS)
    others = [entry.name for entry in folder.iterdir() if entry.name not in ours]
    others += [f"{PARTS}/{entry.name}" for entry in (folder / PARTS).glob("*")]
    if not others or heard is None:
        return
    report = Report()
    verb = "was" if len(others) == 1 else "were"
    report.say(
        "others-kept", f"{folder}: {listed(sorted(others))} {verb} not written by a run, and {verb} kept"
    )
    heard(report.findings)


def _vacant(folder: Path) -> bool:
    """Whether a folder is not there, or holds nothing but what a run that was killed in its first moment leaves."""
    return not folder.exists() or (
        folder.is_dir()
        and all(entry.name == LOCK or entry.name.endswith(UNFINISHED) for entry in folder.iterdir())
    )


def _choose(data: Path, wanted: dict[str, Any], out: Path | None, overwrite: bool) -> tuple[Path, bool]:
    """The folder to use, and whether it holds the same run."""
    if out is not None:
        found = _identity_in(out)
        if found is None and not _vacant(out):
            what = (
                "holds files that are no run, and they are not removed"
                if out.is_dir()
                else "is a file, no run folder"
            )
            raise ForecastError(f"{out} {what}. Choose another --out.")
        if found is not None and found != wanted and not overwrite:
            raise ForecastError(
                f"{out} holds a run of other settings, data or versions. Choose another --out, or add --overwrite to replace it."
            )
        return out, found == wanted
    stem = data.name.split(".")[0] + ("" if wanted["what"] == "fit" else f"-{wanted['what']}")
    for number in range(1, 10_000):
        folder = Path("runs") / (stem if number == 1 else f"{stem}-{number}")
        if _vacant(folder):
            return folder, False
        if _identity_in(folder) == wanted:
            return folder, True
    raise ForecastError(f"runs/ holds 9,999 runs of {data.name}. Remove some, or choose a folder with --out.")


def _identity_in(folder: Path) -> dict[str, Any] | None:
    try:
        return json.loads((folder / IDENTITY).read_text())
    except (OSError, ValueError):
        return None
