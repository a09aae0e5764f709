"""The one error that a user can mend."""

import difflib
import errno
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

CLOSE, VERY_CLOSE = 0.6, 0.85  # of the letters of two names, the share that they have in common
FEWEST_LETTERS = 3  # of a part of a name that is taken for the whole


class ForecastError(Exception):
    """A mistake in data, settings or command that its maker can mend.

    The message names what, where, what was found and what to do. The command line prints it without a traceback and exits with 2.
    """

    def to_json(self) -> dict[str, Any]:
        """What `--json` prints of it."""
        return {"error": str(self)}


class StorageError(ForecastError):
    """What the system refused: no room, no permission, a name too long. Files that were there before are whole."""


HELPS = {
    errno.ENOSPC: "Make room on that disk and give the command again.",
    errno.EDQUOT: "Make room within your quota and give the command again.",
    errno.EFBIG: "It is larger than files may be there: raise the limit, or choose another place.",
    errno.EACCES: "Change its permissions, or choose another place.",
    errno.EPERM: "Change its permissions, or choose another place.",
    errno.EROFS: "Choose a place that can be written to.",
    errno.ENAMETOOLONG: "Give a shorter name.",
    errno.EIO: "The disk may be failing: take the file from a copy.",
}


def of_system(error: OSError, path: object = None) -> StorageError:
    """What the system refused as one sentence with the path, and what helps. path: where the error names none."""
    where = error.filename or path or "A file"
    reason = error.strerror or str(error)
    helps = HELPS.get(error.errno or 0, "")
    return StorageError(f"{where} cannot be read or written: {reason}. {helps}".rstrip())


def nearest(name: str, choices: Iterable[str]) -> str:
    """The end of a sentence about an unknown name: the nearest choice, and all choices while they are few."""
    known = list(choices)
    close = _nearest(name, known)
    hint = f" Did you mean {close}?" if close else ""
    shown = ", ".join(known[:20]) + (f" and {len(known) - 20} more" if len(known) > 20 else "")
    return f"{hint} There is: {shown}." if known else hint


def _nearest(name: str, known: Sequence[str]) -> str:
    """The choice that a name is likely to mean: one that holds it or begins it, else one that differs in few letters."""
    asked = name.lower()
    close = difflib.get_close_matches(asked, [choice.lower() for choice in known], n=1, cutoff=CLOSE)
    inside = [choice for choice in known if _holds(choice.lower(), asked)]
    if inside and not (close and difflib.SequenceMatcher(None, asked, close[0]).ratio() > VERY_CLOSE):
        return min(inside, key=lambda choice: abs(len(choice) - len(name)))
    return next((choice for choice in known if choice.lower() in close), "")


def _holds(one: str, two: str) -> bool:
    """Whether one of two names is a part of the other, and is long enough to say something."""
    short, long = sorted((one, two), key=len)
    return len(short) >= FEWEST_LETTERS and short in long


def validated(kind: Any, value: Any, where: str = "") -> Any:
    """The value as its type and annotations (Literal, Field) have it; ForecastError with the setting, what was found and what is allowed.

    where: the path of the value, such as "walk.folds"; of a mapping the keys that lead to what is wrong follow it.
    """
    from pydantic import TypeAdapter, ValidationError

    try:
        return TypeAdapter(kind).validate_python(value)
    except ValidationError as error:
        first = error.errors()[0]
    path, inner = [where] if where else [], value
    for key in first["loc"]:  # which also names the types that were tried
        if isinstance(inner, Mapping) and key in inner:
            path.append(str(key))
            inner = inner[key]
    wrong = (
        f"give a list, such as [{first['input']!r}]"
        if first["type"] == "tuple_type"
        else first["msg"].lower()
    )
    raise ForecastError(f"{'.'.join(path)} = {first['input']!r}: {wrong}.")
