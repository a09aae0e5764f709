"""The folder of a run: how a run is known again, which folder it takes, and which files in it are those of runs."""

import json
import platform
import re
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import metadata, util
from itertools import chain
from pathlib import Path
from typing import Any

from forecast.data.findings import Heard, Report, listed
from forecast.errors import ForecastError, StorageError
from forecast.files import UNFINISHED, locked, sha256, sweep, write_atomic
from forecast.runs.plan import Run, settings_by_name, to_toml
from forecast.saving import KEPT

MANIFEST = "run.json"
FORECAST = "forecast.safetensors"
LAST = (MANIFEST, "tuned.json")  # written last: where one is, the run is finished
IDENTITY = "identity.json"
LOCK = ".lock"
PARTS = "parts"
WRITTEN = {  # every file that a run of each kind writes into its folder, beside its lock and those in PARTS
    "any": (IDENTITY, "run.toml"),
    "fit": (
        "model.safetensors",
        "context.parquet",
        FORECAST,
        "forecast.csv",
        "scores.csv",
        "outcomes.parquet",
        "history.csv",
        "report.html",
        MANIFEST,
    ),
    "tune": ("study.journal", "study.journal.lock", "tuned.toml", "tuned.json"),
}
PROGRESS = "progress.jsonl"  # in PARTS, beside the answers and the checkpoints of each (model, fold)
ANSWERS = re.compile(r".+-(-1|\d+)\.safetensors")
CHECKPOINT = re.compile(r".+-(-1|\d+)\.checkpoint(\.\d+)*")
PACKAGES = ("forecast-toolkit", "torch", "numpy", "pandas", "statsmodels", "scipy")
EXTRAS = ("arch", "exchange_calendars")
MOST_RUNS = 9_999  # of one file without a name of their own

Identity = dict[str, Any]


def versions() -> dict[str, str]:
    """What the bits of a result depend on beside data, settings and seed."""
    extras = [name for name in EXTRAS if util.find_spec(name)]
    packages = {name: metadata.version(name) for name in (*PACKAGES, *extras)}
    return {"python": platform.python_version(), **packages}


def identity(run: Run, what: str, content: str) -> Identity:
    """How a run is known again: its kind, its settings, the hash of its data and the versions."""
    values = {"what": what, **settings_by_name(run), "data": content, "versions": versions()}
    made: Identity = json.loads(json.dumps(values))
    return made


def folder_of(run: Run, out: str | Path | None = None, what: str = "fit") -> tuple[Path, bool]:
    """The folder that a run would take, and whether it holds the same run. Nothing is written."""
    wanted = identity(run, what, sha256(Path(run.data)))
    return _choose(Path(run.data), wanted, out, overwrite=True)


@contextmanager
def run_folder(
    run: Run,
    out: str | Path | None,
    overwrite: bool,
    what: str = "fit",
    heard: Heard | None = None,
    content: str = "",
) -> Iterator[Path]:
    """The locked folder of a run: that of the same settings and data where there is one, else a new one.

    A new one is removed again if nothing came of it. Without `out` the names runs/STEM, runs/STEM-2 ... are looked
    through. With `overwrite` a finished run, or one of other settings, is begun anew; one of the same settings that was
    cut off goes on all the same. Only files that a run writes (WRITTEN) are removed; `heard` is given what else is there
    and stays. A folder in which forecasts were kept is left unchanged: they are a record, and of the model that would go.

    content: the SHA-256 of the data as it was read; by default that of the file now.
    """
    wanted = identity(run, what, content or sha256(Path(run.data)))
    folder, same = _choose(Path(run.data), wanted, out, overwrite)
    created = not folder.exists()
    _make(folder)
    with locked(folder):
        try:
            _refuse_blocked(folder)
            sweep(folder, folder / PARTS, folder / KEPT)
            again = overwrite and any((folder / name).exists() for name in LAST)
            if again or not same:
                _begin_anew(folder, Path(run.data), heard)
            if not (folder / "run.toml").exists():
                _write_identity(folder, run, wanted)
            yield folder
        except StorageError:
            raise  # what was finished stays: the same command goes on from there
        except ForecastError:
            if created:
                _remove(folder)
            raise


def _make(folder: Path) -> None:
    """Make a run folder where it is not there."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(
            f"The run folder {folder} cannot be made: {error.strerror}. Choose another with `out`."
        ) from None


def _write_identity(folder: Path, run: Run, wanted: Identity) -> None:
    """Write down whose run a folder holds, for machines, then for people."""
    made = {"data_sha256": wanted["data"], **wanted["versions"]}
    write_atomic(folder / IDENTITY, json.dumps(wanted, indent=1))
    write_atomic(folder / "run.toml", to_toml(run, made))


def _begin_anew(folder: Path, data: Path, heard: Heard | None) -> None:
    """Remove the files of runs from a folder, once nothing in it speaks against that."""
    _refuse_kept(folder)
    _refuse_own_data(folder, data)
    _empty(folder)
    _say_others(folder, heard)


def _refuse_kept(folder: Path) -> None:
    """ForecastError where a folder has forecasts that were kept, which can be made by no later run."""
    kept = folder / KEPT
    if kept.exists():
        raise ForecastError(
            f"{folder} has forecasts that `forecast predict --keep` kept, in {kept}; `overwrite` would remove them with"
            f" the model that made them. Choose another `out`, or move {kept} away first."
        )


def _refuse_blocked(folder: Path) -> None:
    """ForecastError where something else has the name of a file that a run writes, or of PARTS."""
    blocked = [folder / name for name in _names() if _is_folder(folder / name)]
    inside = folder / PARTS
    if (inside.exists() or inside.is_symlink()) and not inside.is_dir():
        blocked.append(inside)
    if blocked:
        raise ForecastError(
            f"{blocked[0]} has the name of something that a run writes, but no run wrote it. Move it away, or choose"
            f" another `out`."
        )


def _refuse_own_data(folder: Path, data: Path) -> None:
    """ForecastError where the data is a file of the run."""
    if data.resolve() in [path.resolve() for path in files_of_runs(folder)]:
        raise ForecastError(
            f"{data} is a file of the run in {folder}, and `overwrite` would remove it. Choose another `out`, or give a"
            f" copy that lies elsewhere."
        )


def _names() -> list[str]:
    """The names in WRITTEN."""
    return list(chain.from_iterable(WRITTEN.values()))


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

    First those that say that a run is finished; whose run it is stands there to the end, so that a kill in between does
    no harm.
    """
    for path in sorted(files_of_runs(folder), key=lambda path: path.name not in LAST):
        if path.name != IDENTITY:
            path.unlink()
    _remove_vacant(folder / PARTS)


def _remove(folder: Path) -> None:
    """Remove what a run that came to nothing left in the folder that it made.

    The folder goes too where nothing else is in it.
    """
    _empty(folder)
    (folder / IDENTITY).unlink(missing_ok=True)
    (folder / LOCK).unlink(missing_ok=True)
    _remove_vacant(folder)


def _remove_vacant(folder: Path) -> None:
    """Remove a folder that holds nothing; a link stays."""
    if _is_folder(folder) and not any(folder.iterdir()):
        folder.rmdir()


def _say_others(folder: Path, heard: Heard | None) -> None:
    """Give `heard` what lies in an emptied run folder that no run wrote."""
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
    """Whether a folder is not there, or holds nothing but what a run leaves that was killed in its first moment."""
    if not folder.exists():
        return True
    if not folder.is_dir():
        return False
    return all(entry.name == LOCK or entry.name.endswith(UNFINISHED) for entry in folder.iterdir())


def _choose(data: Path, wanted: Identity, out: str | Path | None, overwrite: bool) -> tuple[Path, bool]:
    """The folder to use, and whether it holds the same run."""
    if out is not None:
        return _named(Path(out), wanted, overwrite)
    stem = data.name.split(".")[0]
    if wanted["what"] != "fit":
        stem = f"{stem}-{wanted['what']}"
    for number in range(1, MOST_RUNS + 1):
        folder = Path("runs") / (stem if number == 1 else f"{stem}-{number}")
        if _vacant(folder):
            return folder, False
        if _identity_in(folder) == wanted:
            return folder, True
    raise ForecastError(
        f"runs/ holds {MOST_RUNS:,} runs of {data.name}. Remove some, or choose a folder with `out`."
    )


def _named(out: Path, wanted: Identity, overwrite: bool) -> tuple[Path, bool]:
    """The folder that was named, and whether it holds the same run; ForecastError where a run cannot have it."""
    found = _identity_in(out)
    if found is None and not _vacant(out):
        what = "is a file, no run folder"
        if out.is_dir():
            what = "holds files that are no run, and they are not removed"
        raise ForecastError(f"{out} {what}. Choose another `out`.")
    if found is not None and found != wanted and not overwrite:
        raise ForecastError(
            f"{out} holds a run of other settings, data or versions. Choose another `out`, or add `overwrite` to replace"
            f" it."
        )
    return out, found == wanted


def _identity_in(folder: Path) -> Identity | None:
    """The identity of the run that a folder holds; None where there is none that can be read."""
    try:
        found: Identity = json.loads((folder / IDENTITY).read_text())
    except (OSError, ValueError):
        return None
    return found
