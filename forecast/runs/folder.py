"""The folder of a run: how a run is known again, which folder it takes, and which files in it are those of runs."""

import json
import platform
import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import metadata, util
from itertools import chain
from pathlib import Path
from typing import Any, Protocol

from forecast.data.findings import Heard, Report, listed
from forecast.errors import ForecastError, StorageError
from forecast.files import (
    UNFINISHED,
    DamagedError,
    load_arrays,
    load_frame,
    load_json,
    locked,
    save_json,
    sha256,
    sweep,
    write_atomic,
)
from forecast.models.own import Kind, sources_of
from forecast.replacing import LAST, NEXT, REFIT, REPLACED, conclude, is_finished, record, settle
from forecast.runs.fits import FITS, fit_files
from forecast.saving import KEPT

MANIFEST = "run.json"
FORECAST = "forecast.safetensors"
IDENTITY = "identity.json"
LOCK = ".lock"
PARTS = "parts"
CLASSIFY = "classify"  # the kind of a run that names sequences
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
    CLASSIFY: ("confusion.csv",),
    "tune": ("study.journal", "study.journal.lock", "tuned.toml", "tuned.json"),
}
PROGRESS = "progress.jsonl"  # in PARTS, beside the answers and the checkpoints of each (model, fold)
ANSWERS = re.compile(r".+-(-1|\d+)\.safetensors")
CHECKPOINT = re.compile(r".+-(-1|\d+)\.checkpoint(\.\d+)*")
PACKAGES = ("forecast-toolkit", "torch", "numpy", "pandas", "statsmodels", "scipy")
EXTRAS = ("arch", "exchange_calendars")
MOST_RUNS = 9_999  # of one file without a name of their own

Identity = dict[str, Any]


class Experiment(Protocol):
    """What a run folder asks of that which is run: its data, its settings, and these as TOML."""

    @property
    def data(self) -> str:
        """The file or folder that is read."""

    @property
    def own(self) -> tuple[Kind, ...]:
        """Classes of one's own that its models name."""

    def by_name(self) -> dict[str, Any]:
        """Its settings by name, as JSON values."""

    def toml(self, made: Mapping[str, Any] | None = None) -> str:
        """The same as TOML; made: what is written down of its making."""


def versions() -> dict[str, str]:
    """What the bits of a result depend on beside data, settings and seed."""
    extras = [name for name in EXTRAS if util.find_spec(name)]
    packages = {name: metadata.version(name) for name in (*PACKAGES, *extras)}
    return {"python": platform.python_version(), **packages}


def identity(run: Experiment, what: str, content: str) -> Identity:
    """How a run is known again: its kind, its settings, the hash of its data and the versions."""
    values = {"what": what, **run.by_name(), "data": content, "versions": versions()}
    if run.own:
        values["own"] = sources_of(run.own)
    made: Identity = json.loads(json.dumps(values))
    return made


def folder_of(
    run: Experiment, out: str | Path | None = None, what: str = "fit", content: str = ""
) -> tuple[Path, bool]:
    """The folder that a run would take, and whether it holds the same run. No run is begun in it.

    content: as in `run_folder`.
    """
    wanted = identity(run, what, content or sha256(Path(run.data)))
    folder = _choose(Path(run.data), wanted, out, overwrite=True)
    settle(folder)
    return folder, is_of(folder, wanted)


@dataclass(frozen=True)
class Place:
    """Where a run is: its folder, and the folder in which its files are written until it is finished.

    These differ where the run takes the place of a finished one (see `replacing`).
    """

    folder: Path
    work: Path


@contextmanager
def run_folder(
    run: Experiment,
    out: str | Path | None,
    overwrite: bool,
    what: str = "fit",
    heard: Heard | None = None,
    content: str = "",
) -> Iterator[Place]:
    """The locked place of a run: that of the same settings and data where there is one, else a new one.

    A new folder is removed again if nothing came of the run. Without `out` the names runs/STEM, runs/STEM-2 ... are
    looked through. With `overwrite` a finished run, or one of other settings, is begun anew, and a finished one stays
    whole until the new one is; a run of the same settings that was cut off goes on. Only files that a run writes
    (WRITTEN) are removed, and files that are damaged; `heard` is given these, and what else is there and stays. A folder
    in which forecasts were kept is left unchanged: they are a record, and of the model that would go.

    content: the SHA-256 of the data as it was read; by default that of the file now.
    """
    wanted = identity(run, what, content or sha256(Path(run.data)))
    folder = _choose(Path(run.data), wanted, out, overwrite)
    created = not folder.exists()
    _make(folder)
    with locked(folder):
        conclude(folder)
        work = folder
        try:
            work = _work_in(folder, Path(run.data), wanted, overwrite, heard)
            if not (work / "run.toml").exists():
                _write_identity(work, run, wanted)
            _drop_damaged(work, heard)
            yield Place(folder, work)
        except StorageError:
            raise  # what was finished stays: the same command goes on from there
        except ForecastError:
            if created or work != folder:
                _remove(work)
            raise
        conclude(folder)


def _work_in(folder: Path, data: Path, wanted: Identity, overwrite: bool, heard: Heard | None) -> Path:
    """The folder in which the files of a run are written; empty but for what this run wrote there before."""
    _refuse_blocked(folder)
    sweep(folder, folder / PARTS, folder / KEPT, folder / NEXT, folder / NEXT / PARTS)
    shutil.rmtree(folder / REFIT, ignore_errors=True)  # of a refit that was killed
    replaces = is_finished(folder)
    if is_of(folder, wanted) and not (overwrite and replaces):
        return folder
    _refuse_kept(folder)
    _refuse_own_data(folder, data)
    _say_others(folder, heard)
    work = folder / NEXT if replaces else folder
    if replaces and is_of(work, wanted):
        return work
    _empty(work)
    if replaces:
        record(folder, files_of_runs(folder))
    return work


def _drop_damaged(work: Path, heard: Heard | None) -> None:
    """Remove parts and checkpoints that are damaged, so that they are made anew, and say so.

    The model and its rows are such parts too until the run is finished.
    """
    arrays = [*part_files(work, ANSWERS), *part_files(work, CHECKPOINT)]
    frames = []
    if not is_finished(work):
        arrays.append(work / "model.safetensors")
        frames.append(work / "context.parquet")
    report = Report()
    for path, load in [*((path, load_arrays) for path in arrays), *((path, load_frame) for path in frames)]:
        if not path.exists():
            continue
        try:
            load(path)
        except DamagedError as error:
            path.unlink()
            report.say("damaged-part", f"{path} was damaged ({error.why}), and is made anew")
    if report.findings and heard is not None:
        heard(report.findings)


def _make(folder: Path) -> None:
    """Make a run folder where it is not there."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(
            f"The run folder {folder} cannot be made: {error.strerror}. Choose another with `out`."
        ) from None


def _write_identity(folder: Path, run: Experiment, wanted: Identity) -> None:
    """Write down whose run a folder holds, for machines, then for people."""
    made = {"data_sha256": wanted["data"], **wanted["versions"]}
    save_json(folder / IDENTITY, wanted)
    write_atomic(folder / "run.toml", run.toml(made))


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
    there = [path for path in (*named, *parts, *fit_files(folder)) if path.is_symlink() or path.exists()]
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
    for inside in (folder / FITS).glob("*"):
        _remove_vacant(inside)
    _remove_vacant(folder / FITS)


def _remove(folder: Path) -> None:
    """Remove what a run that came to nothing left in the folder that it made.

    The folder goes too where nothing else is in it.
    """
    _empty(folder)
    for name in (IDENTITY, REPLACED, LOCK):
        (folder / name).unlink(missing_ok=True)
    _remove_vacant(folder)


def _remove_vacant(folder: Path) -> None:
    """Remove a folder that holds nothing; a link stays."""
    if _is_folder(folder) and not any(folder.iterdir()):
        folder.rmdir()


def _say_others(folder: Path, heard: Heard | None) -> None:
    """Give `heard` the names of what lies in a run folder and was not written by a run."""
    own = [folder / name for name in (LOCK, PARTS, NEXT, FITS)]
    ours = {*files_of_runs(folder), *own, *(path.parent for path in fit_files(folder))}
    entries = [*folder.iterdir(), *(folder / PARTS).glob("*"), *(folder / FITS).rglob("*")]
    others = [str(entry.relative_to(folder)) for entry in entries if entry not in ours]
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


def _choose(data: Path, wanted: Identity, out: str | Path | None, overwrite: bool) -> Path:
    """The folder of a run of the identity `wanted`: `out`, else the first in runs/ that is free or holds this run."""
    if out is not None:
        _refuse_out(Path(out), wanted, overwrite)
        return Path(out)
    stem = data.name.split(".")[0]
    if wanted["what"] != "fit":
        stem = f"{stem}-{wanted['what']}"
    for number in range(1, MOST_RUNS + 1):
        folder = Path("runs") / (stem if number == 1 else f"{stem}-{number}")
        if _vacant(folder) or is_of(folder, wanted) or is_of(folder / NEXT, wanted):
            return folder
    raise ForecastError(
        f"runs/ holds {MOST_RUNS:,} runs of {data.name}. Remove some, or choose a folder with `out`."
    )


def _refuse_out(out: Path, wanted: Identity, overwrite: bool) -> None:
    """ForecastError where a folder that was asked for holds something else than this run."""
    if overwrite and (out / IDENTITY).exists():
        return
    if is_of(out / NEXT, wanted):
        return
    found = _identity_in(out)
    if found is None and not _vacant(out):
        what = "holds files that are no run, and they are not removed"
        if not out.is_dir():
            what = "is a file, no run folder"
        raise ForecastError(f"{out} {what}. Choose another `out`.")
    if found not in (None, wanted):
        raise ForecastError(
            f"{out} holds a run of other settings, data or versions. Choose another `out`, or add `overwrite` to replace it."
        )


def kind_of(folder: str | Path) -> str | None:
    """The kind of the run that a folder holds, such as fit; None where it holds none."""
    found = _identity_in(Path(folder))
    return None if found is None else str(found.get("what"))


def is_of(folder: Path, wanted: Identity) -> bool:
    """Whether a folder holds the run of an identity."""
    try:
        return _identity_in(folder) == wanted
    except ForecastError:
        return False


def _identity_in(folder: Path) -> Identity | None:
    """The identity of the run that a folder holds, None where it holds none; DamagedError where it cannot be read."""
    path = folder / IDENTITY
    return load_json(path) if path.exists() else None
