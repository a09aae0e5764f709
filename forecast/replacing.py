"""How a run takes the place of a finished one: the old files stay whole until all new ones are there.

The new run is made in the folder NEXT within the old one. Once its last file (one of LAST) is there, the change is decided:
the old files are removed, NEXT becomes READY, and the new files move up, the last file last. A process that is killed
before the decision leaves the old run; one that is killed after it leaves a change that `settle` finishes, and every
reader of a run folder calls `settle` first.
"""

import time
from collections.abc import Iterable
from pathlib import Path

from forecast.errors import ForecastError
from forecast.files import load_json, locked, save_json

NEXT, READY = ".next", ".ready"
REFIT = ".refit"  # files that are to take the place of those of a run, while they are made
REPLACED = "replaced.json"  # in NEXT: the files of the old run
LAST = ("run.json", "tuned.json")  # written last: where one is, the run is finished
PATIENCE = 5.0  # seconds that a reader waits for a process that is changing runs


def is_finished(folder: Path) -> bool:
    """Whether a folder holds a finished run."""
    return any((folder / name).exists() for name in LAST)


def is_decided(folder: Path) -> bool:
    """Whether a change of runs in a folder is to be finished."""
    return is_finished(folder / NEXT) or (folder / READY).exists()


def settle(folder: Path) -> None:
    """Finish a change of runs that a killed process left; nothing where there is none.

    Raises ForecastError where another process holds the folder for longer than PATIENCE.
    """
    limit = time.monotonic() + PATIENCE
    while is_decided(folder):
        try:
            with locked(folder):
                conclude(folder)
        except ForecastError:
            if time.monotonic() > limit:
                raise
            time.sleep(0.05)


def record(folder: Path, old: Iterable[Path]) -> None:
    """Write into NEXT which files of the old run in `folder` are to go; before the last file of the new run is written."""
    names = [str(path.relative_to(folder)) for path in old]
    save_json(folder / NEXT / REPLACED, {"files": names})


def conclude(folder: Path) -> None:
    """Replace the old run by the one in NEXT, which is whole. The caller holds the lock of the folder.

    Each step can be done again, so it does not matter where a process was killed.
    """
    inside = folder / NEXT
    if is_finished(inside):
        for name in load_json(inside / REPLACED)["files"]:
            (folder / name).unlink(missing_ok=True)
            _remove_vacant(folder, (folder / name).parent)
        inside.rename(folder / READY)
    _move_up(folder)


def exchange(folder: Path) -> None:
    """Put the files in REFIT in the place of those of the run, which keeps its others. The caller holds the lock of the folder.

    It is decided by one rename: a process that is killed leaves all old files, or a change that `settle` finishes.
    """
    (folder / REFIT).rename(folder / READY)
    _move_up(folder)


def _move_up(folder: Path) -> None:
    """Move the files in READY to their places, the last file last."""
    ready = folder / READY
    if not ready.exists():
        return
    (ready / REPLACED).unlink(missing_ok=True)
    files = [path for path in ready.rglob("*") if path.is_file()]
    for path in sorted(files, key=lambda path: path.name in LAST):
        target = folder / path.relative_to(ready)
        target.parent.mkdir(parents=True, exist_ok=True)
        path.replace(target)
    remove_folders(ready)


def _remove_vacant(folder: Path, inside: Path) -> None:
    """Remove a folder below `folder` that holds nothing, and those around it; a link stays."""
    while inside != folder and inside.is_dir() and not inside.is_symlink() and not any(inside.iterdir()):
        inside.rmdir()
        inside = inside.parent


def remove_folders(folder: Path) -> None:
    """Remove a folder that holds nothing but empty folders."""
    for inside in sorted(folder.rglob("*"), reverse=True):
        inside.rmdir()
    folder.rmdir()
