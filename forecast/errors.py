"""The one error that a user can mend."""

import difflib
import errno
from collections.abc import Iterable, Mapping
from typing import Any


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
    close = difflib.get_close_matches(name.lower(), [choice.lower() for choice in known], n=1, cutoff=0.5)
    hint = ""
    if close:
        hint = f" Did you mean {next(choice for choice in known if choice.lower() == close[0])}?"
    shown = ", ".join(known[:20]) + (f" and {len(known) - 20} more" if len(known) > 20 else "")
    return f"{hint} There is: {shown}." if known else hint


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
