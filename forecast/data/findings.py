"""What the reader saw, did or refused, as values: the same findings are printed by `check`,
recorded in a run, and raised where they stop it.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, NoReturn

from forecast.errors import ForecastError

Severity = Literal["info", "warning", "error"]
_CONTROLS = {  # what a terminal would act on, made visible
    place: f"\\x{place:02x}" for place in (*range(32), *range(127, 160)) if chr(place) not in "\n\t"
}
SHOWN = 10  # rows that a finding names at most

CODES: dict[
    str, Severity
] = {  # the stable names; info: what was inferred, warning: noticed or repaired as said, error: stops the reading
    # the file
    "no-such-file": "error",
    "not-a-table": "error",
    "no-rows": "error",
    "encoding": "info",
    "guessed-encoding": "warning",
    "header": "warning",
    "no-such-row": "error",
    "preamble": "info",
    "comments": "info",
    "repeated-header": "warning",
    "footer": "warning",
    "no-header": "info",
    "second-header": "info",
    "ragged-rows": "error",
    "second-table": "error",
    "open-quote": "error",
    "decimal-comma-in-comma-file": "error",
    "empty-rows": "info",
    "files": "info",
    "partial-column": "warning",
    "empty-file": "warning",
    "no-common-column": "error",
    "other-type": "error",
    "row-series": "info",
    "profile": "info",
    "no-such-profile": "error",
    # its columns
    "column-names": "info",
    "duplicate-column": "warning",
    "empty-column": "info",
    "index-column": "info",
    "text": "warning",
    "target": "info",
    "event": "info",
    "rare-event": "warning",
    "no-event": "error",
    "derived": "info",
    "ordered": "info",
    "adjusted": "info",
    "no-price": "error",
    "no-bars": "error",
    "outside-bar": "warning",
    "past": "info",
    "future": "info",
    "static": "info",
    "varying-static": "error",
    "equal-static": "error",
    "category": "info",
    "unseen-name": "warning",
    "unread": "info",
    "series": "info",
    "neighbours": "info",
    "cold": "warning",
    "many-neighbours": "error",
    "which-time": "error",
    "which-target": "error",
    "which-id": "error",
    "no-such-column": "error",
    "no-such-series": "error",
    "missing-id": "error",
    "unit": "info",
    "lag": "info",
    "issued": "info",
    # numbers
    "number-format": "info",
    "ambiguous-decimal": "warning",
    "mixed-units": "warning",
    "text-in-numbers": "error",
    "infinite": "error",
    "int-overflow": "warning",
    "sentinel": "warning",
    "named-missing": "info",
    "assumed-missing": "warning",
    "outlier": "warning",
    "circular": "info",
    "not-an-angle": "error",
    # stamps
    "time": "info",
    "unread-time": "warning",
    "time-format": "info",
    "day-first": "info",
    "ambiguous-day-first": "warning",
    "ambiguous-day-numbers": "warning",
    "mixed-day-first": "error",
    "unreadable-stamp": "error",
    "missing-stamp": "error",
    "out-of-range": "error",
    "mixed-zones": "error",
    "zone": "info",
    "zone-in-name": "warning",
    "ambiguous-time": "warning",
    "nonexistent-time": "error",
    "nonexistent-empty": "warning",
    # series on their clock
    "clock": "info",
    "assumed-stamps": "info",
    "calendar": "info",
    "no-trading-days": "error",
    "not-a-session": "warning",
    "missing-session": "warning",
    "missing-bar": "warning",
    "other-hours": "warning",
    "relabelled": "info",
    "newest-first": "info",
    "unsorted": "warning",
    "duplicate": "warning",
    "conflicting-duplicate": "error",
    "off-grid": "error",
    "gap": "warning",
    "nothing-newer": "warning",
    "nothing-new": "info",
    "kept-before": "info",
    "revised": "warning",
    "older-rows": "warning",
    "unseen-future": "warning",
    "sparse": "error",
    "every": "info",
    "too-fine": "error",
    "few-readings": "warning",
    "scaled-sum": "warning",
    "in-progress": "warning",
    "step-change": "warning",
    "rounded": "info",
    "off-scale": "warning",
    "level-shift": "warning",
    "missing": "warning",
    "named-target": "info",
    "boolean-target": "info",
    "offered": "info",
    "transform": "info",
    "no-target": "error",
    "constant": "warning",
    "zeros": "info",
    "short": "warning",
    "outside-bounds": "warning",
    "unsuited-target": "warning",
    "ragged-ends": "info",
    # sequences and their classes
    "sequences": "info",
    "order": "info",
    "label": "info",
    "group": "info",
    "no-column": "error",
    "which-text": "error",
    "missing-label": "error",
    "two-labels": "error",
    "two-groups": "error",
    "label-of-nothing": "warning",
    "number-as-label": "error",
    "lone-class": "error",
    "one-class": "error",
    "no-value": "warning",
    "missing-values": "info",
    "empty-text": "warning",
    "lengths": "info",
    "copies": "warning",
    "contradicting-copies": "warning",
    "straddling": "warning",
    "words": "info",
    # the run folder
    "others-kept": "warning",
    "damaged-part": "warning",
    "data-changed": "warning",
}


@dataclass(frozen=True)
class Finding:
    """One thing that was inferred, noticed, repaired or refused, in words, with a stable code for
    machines.

    rows: the first rows of the file that it is about, numbered as an editor shows them · example: a
    value found there · remedy: what to do.
    """

    code: str
    severity: Severity
    message: str
    rows: tuple[int, ...] = ()
    example: str = ""
    remedy: str = ""

    def __str__(self) -> str:
        return f"{self.message} {self.remedy}".strip()


Heard = Callable[[Sequence[Finding]], Any]  # who is told what was found, before anything is made of it


class ReadingError(ForecastError):
    """A file that cannot be read without guessing: the first error in words, and all findings up to
    it.
    """

    def __init__(self, findings: Sequence[Finding]) -> None:
        self.findings = tuple(findings)
        errors = [finding for finding in findings if finding.severity == "error"]
        others = ", ".join(dict.fromkeys(finding.code for finding in errors[1:]))
        super().__init__(
            str(errors[0]) + (f" (Also found: {others}; `forecast check` lists all.)" if others else "")
        )

    def to_json(self) -> dict[str, Any]:
        """The message and the findings as JSON values."""
        return {**super().to_json(), "findings": [asdict(finding) for finding in self.findings]}


class Report:
    """Findings as they are made. Errors may be gathered; `stop` raises where there are any."""

    def __init__(self) -> None:
        self.findings: list[Finding] = []

    def say(
        self, code: str, message: str, *, rows: Sequence[int] = (), example: object = "", remedy: str = ""
    ) -> None:
        """Record a finding; its severity is that of its code."""
        shown = tuple(int(row) for row in rows[:SHOWN])
        texts = [visible(text) for text in (message, str(example), remedy)]
        self.findings.append(Finding(code, CODES[code], texts[0], shown, texts[1], texts[2]))

    def stop(self) -> None:
        """Raise ReadingError where an error was recorded."""
        if any(finding.severity == "error" for finding in self.findings):
            raise ReadingError(self.findings)

    def refuse(
        self, code: str, message: str, *, rows: Sequence[int] = (), example: object = "", remedy: str = ""
    ) -> NoReturn:
        """Record an error and raise."""
        self.say(code, message, rows=rows, example=example, remedy=remedy)
        raise ReadingError(self.findings)


def visible(text: str) -> str:
    """A text whose control characters, which a terminal would act on, are written as \\x1b."""
    return text.translate(_CONTROLS)


def listed(names: Sequence[object], most: int = 5) -> str:
    """Names in a sentence, the first `most` of them."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(str(name) for name in names[:most]) + more


def counted(number: int, noun: str) -> str:
    """A number of things in words: 1 row, 1,234 rows."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
