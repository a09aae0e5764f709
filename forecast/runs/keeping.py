"""What is kept of fits under way: finished parts, checkpoints and progress, and the processes that write them."""

import dataclasses
import glob
import json
import math
import os
import signal
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from forecast.arrays import Array
from forecast.evaluation.backtest import Answers, Keep, Part
from forecast.files import (
    load_arrays,
    save_arrays,
)
from forecast.models.base import Watch
from forecast.results import Log, header, log_of
from forecast.runs.folder import CHECKPOINT

PERIOD = 0.3  # seconds between two looks of a worker at its parent


@dataclass(frozen=True)
class FolderKeep(Keep):
    """Finished parts, and checkpoints of those under way, in a folder; progress as JSON lines in `tell`, a file that is only appended to."""

    folder: Path
    tell: Path

    def load(self, part: Part) -> tuple[Answers, Log] | None:
        """The forecasts and the log of a finished part, or None."""
        path = self._path(part, "safetensors")
        if not path.exists():
            return None
        arrays, log = load_arrays(path)
        return arrays, log_of(log)

    def store(self, part: Part, answers: Answers, log: Log) -> None:
        """Keep a finished part."""
        save_arrays(self._path(part, "safetensors"), answers, header(log))
        self.done(part, log.seconds)

    def done(self, part: Part, seconds: float) -> None:
        """A part is finished: its checkpoints have served."""
        for path in self.folder.glob(f"{glob.escape(self._path(part, 'checkpoint').name)}*"):
            if CHECKPOINT.fullmatch(path.name):
                path.unlink()
        append(self.tell, {"part": part, "done": True, "seconds": seconds})

    def watch(self, part: Part) -> Watch:
        """A watch that keeps checkpoints and tells progress."""
        return FolderWatch(self._path(part, "checkpoint"), self.tell, part)

    def _path(self, part: Part, ending: str) -> Path:
        return self.folder / f"{part[0].replace('/', '%2F')}-{part[1]}.{ending}"


@dataclass(frozen=True)
class FolderWatch(Watch):
    """Keeps the checkpoint of one fit in a file and appends its progress to another."""

    path: Path
    tell: Path
    part: Part
    place: tuple[int, ...] = ()  # of an inner fit
    fits: int = 1  # that the part is made of

    def report(self, step: int, of: int, value: float) -> None:
        """Progress as a JSON line."""
        shown = None if math.isnan(value) else value
        append(
            self.tell,
            {
                "part": self.part,
                "place": self.place,
                "fits": self.fits,
                "step": step,
                "of": of,
                "value": shown,
            },
        )

    def inner(self, place: int, of: int) -> "FolderWatch":
        """One that keeps the checkpoint of an inner fit in a file beside this one's."""
        path = self.path.with_name(f"{self.path.name}.{place}")
        return dataclasses.replace(self, path=path, place=(*self.place, place), fits=self.fits * of)

    def load(self) -> tuple[dict[str, Array], dict[str, Any]] | None:
        """The checkpoint that a killed fit left."""
        return load_arrays(self.path) if self.path.exists() else None

    def store(self, arrays: dict[str, Array], values: dict[str, Any]) -> None:
        """Keep a checkpoint: whole, or the one before."""
        save_arrays(self.path, arrays, values)


def append(path: Path, event: Mapping[str, Any]) -> None:
    """One JSON line at the end of a file that several processes write: a single short write, which the system keeps whole."""
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(event) + "\n")


def workers() -> AbstractContextManager[Any]:
    """A context in which worker processes end with the process that began them, also where that one is killed and cannot tell them."""
    from joblib import parallel_config

    return parallel_config(backend="loky", initializer=end_with, initargs=(os.getpid(),))


def end_with(parent: int) -> None:
    """In a worker: end soon after its parent, so that the run that goes on has the folder to itself; Ctrl-C is the parent's to hear."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(PERIOD)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


@contextmanager
def silent(tell: Path, parts: int) -> Iterator[None]:
    """No display."""
    yield
