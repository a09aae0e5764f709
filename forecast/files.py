"""Files that are whole or absent: atomic writes, folder locks, content hashes, arrays with a JSON header."""

import contextlib
import functools
import hashlib
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from forecast.arrays import Array
from forecast.errors import ForecastError, of_system

if TYPE_CHECKING:
    import pandas as pd

UNFINISHED = ".unfinished"  # ends the name of a file that is being written


def write_atomic(path: Path, content: bytes | str) -> None:
    """Write beside, then rename: a reader sees the old file or the new one, never a half."""
    beside = path.with_name(f".{path.name}.{os.getpid()}{UNFINISHED}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with beside.open("wb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except BaseException as error:
        with contextlib.suppress(OSError):
            beside.unlink(missing_ok=True)
        if isinstance(error, OSError):
            error.filename = str(path)
            raise of_system(error) from None
        raise


@contextlib.contextmanager
def storing(path: Path) -> Iterator[None]:
    """What the system refuses inside is a StorageError that names the path, where the system names none."""
    try:
        yield
    except OSError as error:
        raise of_system(error, path) from None


def sweep(*folders: Path) -> None:
    """Remove what a process that was killed while it wrote has left in each of these folders; what lies below them is not looked at."""
    for folder in folders:
        for beside in folder.glob(f".*{UNFINISHED}"):
            beside.unlink(missing_ok=True)


def sha256(path: Path) -> str:
    """The SHA-256 of a file's bytes in hex; of a folder, that of the names and hashes of the files in it.

    A file that has not changed since is not read again.
    """
    if path.is_dir():
        inside = [
            (str(file.relative_to(path)), sha256(file)) for file in sorted(path.rglob("*")) if file.is_file()
        ]
        return hashlib.sha256(json.dumps(inside).encode()).hexdigest()
    found = path.stat()
    return _sha256(path, (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns))


@functools.lru_cache(maxsize=64)
def _sha256(path: Path, version: tuple[int, ...]) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold a folder for one process; another one that asks for it is refused at once."""
    if os.name == "nt":  # flock is not there; a Windows user is trusted not to start the same run twice
        yield
        return
    import fcntl

    try:
        lock = (folder / ".lock").open("w")
    except OSError as error:
        raise ForecastError(
            f"{folder} cannot be written to: {error.strerror}. Make it writable, or take a copy of it."
        ) from None
    with lock as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ForecastError(
                f"{folder} is in use by another forecast process. Wait for it, or choose another folder with --out."
            ) from None
        yield


def load_json(path: Path) -> Any:
    """The values of a JSON file; one that is absent or damaged is refused by name."""
    return _loaded(path, lambda: json.loads(path.read_text()))


def load_frame(path: Path) -> "pd.DataFrame":
    """The frame of a Parquet file; one that is absent or damaged is refused by name."""
    import pandas as pd

    return _loaded(path, lambda: pd.read_parquet(path))


def _loaded(path: Path, load: Callable[[], Any]) -> Any:
    try:
        return load()
    except (OSError, ValueError) as error:
        if isinstance(error, PermissionError):
            raise of_system(error, path) from None
        what = "is missing" if isinstance(error, FileNotFoundError) else f"is damaged ({error})"
        raise ForecastError(
            f"{path} {what}. Take the folder from a copy, or fit the run again with --overwrite."
        ) from None


def save_arrays(path: Path, arrays: dict[str, Array], header: dict[str, Any]) -> None:
    """Arrays and a JSON header in one safetensors file: no pickle, nothing that runs on loading."""
    from safetensors.numpy import save

    whole = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    write_atomic(path, save(whole, metadata={"forecast": json.dumps(header)}))


def load_arrays(path: Path) -> tuple[dict[str, Array], dict[str, Any]]:
    """What `save_arrays` wrote; a file that is not one of ours is refused by name."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as file:
            header = (file.metadata() or {}).get("forecast")
            if header is None:
                raise ForecastError(
                    f"{path} was not written by forecast: its header has no 'forecast' entry."
                )
            return {name: file.get_tensor(name) for name in file.keys()}, json.loads(header)  # noqa: SIM118 (not a dict)
    except SafetensorError as error:
        raise ForecastError(
            f"{path} is damaged or no model file ({error}). Write it again, or take a copy."
        ) from None
