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
from forecast.errors import ForecastError
from forecast.evaluation.backtest import Answers, Keep, Part
from forecast.files import load_arrays, save_arrays, storing
from forecast.models.base import Watch
from forecast.records import from_json, to_json
from forecast.results import Log
from forecast.runs.folder import CHECKPOINT

PERIOD = 0.3  # seconds between two looks of a worker at its parent


@dataclass(frozen=True)
class FolderKeep(Keep):
    """Finished parts, and checkpoints of those under way, in a folder.

    tell: a file of JSON lines on their progress, which is only appended to.
    """

    folder: Path
    tell: Path

    def load(self, part: Part) -> tuple[Answers, Log] | None:
        """The forecasts and the log of a finished part, or None."""
        path = self.path(part, "safetensors")
        if not path.exists():
            return None
        arrays, log = load_arrays(path)
        return arrays, from_json(Log, log, str(path))

    def store(self, part: Part, answers: Answers, log: Log) -> None:
        """Keep a finished part."""
        save_arrays(self.path(part, "safetensors"), answers, to_json(log, exact=True))
        self.done(part, log.seconds)

    def done(self, part: Part, seconds: float) -> None:
        """A part is finished: its checkpoints have served."""
        for path in self.folder.glob(f"{glob.escape(self.path(part, 'checkpoint').name)}*"):
            if CHECKPOINT.fullmatch(path.name):
                path.unlink()
        append(self.tell, {"part": part, "done": True, "seconds": seconds})

    def watch(self, part: Part) -> Watch:
        """A watch that keeps checkpoints and tells progress."""
        return FolderWatch(self.path(part, "checkpoint"), self.tell, part)

    def path(self, part: Part, ending: str) -> Path:
        """The file of a part."""
        model, fold = part
        return self.folder / f"{model.replace('/', '%2F')}-{fold}.{ending}"


class FinishedKeep(FolderKeep):
    """The parts of a finished run: one that is missing is refused, and not fitted again."""

    def load(self, part: Part) -> tuple[Answers, Log]:
        """The forecasts and the log of a part."""
        found = super().load(part)
        if found is None:
            raise ForecastError(
                f"{self.path(part, 'safetensors')} is missing. Take the folder from a copy, or fit the run again with"
                f" `overwrite`."
            )
        return found


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
        event = {
            "part": self.part,
            "place": self.place,
            "fits": self.fits,
            "step": step,
            "of": of,
            "value": None if math.isnan(value) else value,
        }
        append(self.tell, event)

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
    """One JSON line at the end of a file that several processes write.

    It is a single short write, which the system keeps whole.
    """
    with storing(path), path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(event) + "\n")


@contextmanager
def silent(tell: Path, parts: int) -> Iterator[None]:
    """No display of progress."""
    yield


def workers() -> AbstractContextManager[Any]:
    """A context in which worker processes end with the process that began them, also where that one is killed."""
    from joblib import parallel_config

    return parallel_config(backend="loky", initializer=end_with, initargs=(os.getpid(),))


def end_with(parent: int) -> None:
    """In a worker: end soon after its parent, so that the run that goes on has the folder to itself.

    Ctrl-C is for the parent alone.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(PERIOD)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
