"""The journal of a study: a file that several processes append to, and that outlives a kill."""

import hashlib
import json
import os
from collections.abc import Generator
from pathlib import Path
from typing import Any

import optuna
from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock

from forecast.errors import ForecastError
from forecast.files import CHECKSUM, DamagedError
from forecast.tuning.pruning import LookPruner

JOURNAL = "study.journal"


class JournalLock(JournalFileOpenLock):
    """Optuna's lock of a journal, but kept by the system.

    It ends with its process, where a lock file outlives one that is killed.
    """

    def acquire(self) -> bool:
        """Wait until no other process writes."""
        import fcntl

        self.file = Path(self._lock_file).open("w")  # noqa: SIM115 (closed by release)
        fcntl.flock(self.file, fcntl.LOCK_EX)
        return True

    def release(self) -> None:
        """Let the next one write."""
        self.file.close()


class CheckedJournal(JournalFileBackend):
    """Optuna's journal, each line of which holds its checksum."""

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        """Write lines at the end."""
        super().append_logs([{**log, CHECKSUM: _checksum(log)} for log in logs])

    def read_logs(self, log_number_from: int) -> Generator[dict[str, Any], None, None]:
        """The lines from a number on; DamagedError where one is not what was written."""
        path = Path(self._file_path)
        lines = super().read_logs(log_number_from)
        number = log_number_from
        while True:
            number += 1
            try:
                log = next(lines)
            except StopIteration:
                return
            except ValueError as error:
                raise DamagedError(path, f"line {number}: {error}") from None
            if not isinstance(log, dict) or log.pop(CHECKSUM, None) != _checksum(log):
                raise DamagedError(path, f"line {number} does not have its checksum")
            yield log


def _checksum(log: dict[str, Any]) -> str:
    """The checksum of a line of the journal."""
    return hashlib.sha256(json.dumps(log).encode()).hexdigest()[:16]


def mend_journal(journal: Path) -> None:
    """Cut off a last line that a killed process left half written: what is appended to it could never be read again."""
    if journal.exists():
        content = journal.read_bytes()
        os.truncate(journal, content.rfind(b"\n") + 1)


def study_of(journal: Path) -> optuna.Study:
    """The study of a journal file, made if it is not there."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    lock = (JournalFileOpenLock if os.name == "nt" else JournalLock)(str(journal))
    storage = optuna.storages.JournalStorage(CheckedJournal(str(journal), lock))
    return optuna.create_study(
        study_name="tune", storage=storage, load_if_exists=True, direction="minimize", pruner=LookPruner()
    )


def refuse_another(study: optuna.Study, folder: Path, asked: dict[str, str]) -> None:
    """ForecastError where a folder's study was of another model, sampler or space.

    Its trials would be mixed up with those of this one.
    """
    found = study.user_attrs.get("asked")
    if found not in (None, asked):
        differ = [
            f"{key} was {found[key]}, is {value}" for key, value in asked.items() if found[key] != value
        ]
        raise ForecastError(f"{folder} holds another study: {', '.join(differ)}. Choose another folder.")
    study.set_user_attr("asked", asked)
