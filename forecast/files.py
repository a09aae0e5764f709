"""Files that are whole or absent: atomic writes, folder locks, and what is read again with a checksum in it: arrays, frames, JSON values."""

import contextlib
import functools
import hashlib
import io
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from forecast.arrays import Array
from forecast.errors import ForecastError, of_system

if TYPE_CHECKING:
    import pandas as pd

CHECKSUM = "sha256"  # the entry of a file that holds its checksum
MARK = b"sha256:"  # what stands before the checksum of a Parquet file
HEX = 64  # digits of a checksum
MISMATCH = "its content does not have its checksum"
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
                f"{folder} is in use by another forecast process. Wait for it, or choose another folder with `out`."
            ) from None
        yield


class DamagedError(ForecastError):
    """A file that does not hold what was written into it."""

    def __init__(self, path: Path, why: object) -> None:
        self.why = why
        super().__init__(
            f"{path} is damaged ({why}). Take it from a copy, or fit the run again with `overwrite`."
        )


def save_json(path: Path, values: Mapping[str, Any]) -> None:
    """JSON values with their checksum, for `load_json`."""
    checked = {CHECKSUM: _digest(json.dumps(values)), **values}
    write_atomic(path, json.dumps(checked, indent=1))


def load_json(path: Path) -> dict[str, Any]:
    """What `save_json` wrote; a file that is absent or damaged is refused by name."""
    try:
        values = json.loads(_content(path))
    except ValueError as error:
        raise DamagedError(path, error) from None
    expected = values.pop(CHECKSUM, None) if isinstance(values, dict) else None
    if expected != _digest(json.dumps(values)):
        raise DamagedError(path, MISMATCH)
    return values


def save_frame(path: Path, frame: "pd.DataFrame") -> None:
    """A frame as Parquet with its checksum, for `load_frame`; any reader of Parquet can read it.

    The checksum is an entry of the file's metadata: that of the file with zeros in its place.
    """
    import pyarrow as pa
    from pyarrow import parquet

    table = pa.Table.from_pandas(frame, preserve_index=False)
    blank = MARK + b"0" * HEX
    table = table.replace_schema_metadata({**table.schema.metadata, CHECKSUM: blank})
    sink = io.BytesIO()
    parquet.write_table(table, sink, compression="zstd")
    content = sink.getvalue()
    write_atomic(path, _marked(content, content.rfind(blank), _digest(content)))


def load_frame(path: Path) -> "pd.DataFrame":
    """What `save_frame` wrote; a file that is absent or damaged is refused by name."""
    import pandas as pd

    content = _content(path)
    place = content.rfind(MARK)
    begin = place + len(MARK)
    expected = content[begin : begin + HEX].decode("ascii", "replace")
    if place < 0 or expected != _digest(_marked(content, place, "0" * HEX)):
        raise DamagedError(path, MISMATCH)
    return pd.read_parquet(io.BytesIO(content))


def _marked(content: bytes, place: int, digest: str) -> bytes:
    """The bytes of a Parquet file with another checksum in the mark at `place`."""
    begin = place + len(MARK)
    return content[:begin] + digest.encode() + content[begin + HEX :]


def _content(path: Path) -> bytes:
    """The bytes of a file of a run; one that cannot be read is refused by name."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise _unreadable(path, error) from None


def _unreadable(path: Path, error: OSError) -> ForecastError:
    """What to say of a file of a run that the system does not give."""
    if isinstance(error, PermissionError):
        return of_system(error, path)
    if isinstance(error, FileNotFoundError):
        return ForecastError(
            f"{path} is missing. Take the folder from a copy, or fit the run again with `overwrite`."
        )
    return ForecastError(f"{path} cannot be read: {error.strerror or error}. Make it readable.")


def _digest(content: bytes | str) -> str:
    """The SHA-256 of bytes or text, in hex."""
    return hashlib.sha256(content.encode() if isinstance(content, str) else content).hexdigest()


def _digest_of(arrays: Mapping[str, Array], header: str) -> str:
    """The SHA-256 of arrays, with their names, types and shapes, and of the header next to them, in hex."""
    digest = hashlib.sha256(header.encode())
    for name in sorted(arrays):
        array = arrays[name]
        digest.update(f"{name} {array.dtype.str} {array.shape}".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()


def save_arrays(path: Path, arrays: dict[str, Array], header: dict[str, Any]) -> None:
    """Arrays and a JSON header in one safetensors file with a checksum: no pickle, nothing that runs on loading."""
    from safetensors.numpy import save

    whole = {name: np.asarray(array, order="C") for name, array in arrays.items()}
    digest = _digest_of(whole, json.dumps(header))
    text = json.dumps({CHECKSUM: digest, **header})  # one entry: the order of several is not always the same
    write_atomic(path, save(whole, metadata={"forecast": text}))


def load_arrays(path: Path) -> tuple[dict[str, Array], dict[str, Any]]:
    """What `save_arrays` wrote; a file that is not one of ours, or is damaged, is refused by name."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as file:
            metadata = file.metadata() or {}
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
    except (SafetensorError, ValueError, KeyError) as error:
        raise DamagedError(path, error) from None
    except OSError as error:
        raise _unreadable(path, error) from None
    if "forecast" not in metadata:
        raise ForecastError(f"{path} was not written by forecast: its header has no 'forecast' entry.")
    try:
        header = json.loads(metadata["forecast"])
    except ValueError as error:
        raise DamagedError(path, error) from None
    expected = header.pop(CHECKSUM, None) if isinstance(header, dict) else None
    if expected != _digest_of(arrays, json.dumps(header)):
        raise DamagedError(path, MISMATCH)
    return arrays, header
