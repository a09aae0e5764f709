"""What the reader saw and did, as values: the same findings are printed by `check` and recorded in a run."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Finding:
    """One thing that was inferred, noticed or repaired, in words, with a stable code for machines."""

    code: str
    severity: Literal["info", "warning"]
    message: str

    def __str__(self) -> str:
        return self.message
