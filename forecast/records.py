"""Records: dataclasses as JSON values, and back. What was written down is read by its types, and no decoder is written by hand."""

import dataclasses
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, TypeVar

import numpy as np
from pydantic import BeforeValidator, ConfigDict, TypeAdapter, ValidationError

from forecast.errors import ForecastError

T = TypeVar("T")
STRICT = ConfigDict(extra="forbid")  # unknown keys are refused


def _number(value: Any) -> Any:
    """NaN where JSON has null."""
    return math.nan if value is None else value


Number = Annotated[float, BeforeValidator(_number)]  # a float that may be NaN, which is null in JSON


def to_json(value: Any, *, exact: bool = False) -> Any:
    """A value as JSON values: dataclasses and mappings as objects, NaN as null, paths as text.

    Infinity is null too; exact: it is "inf", so that `from_json` gives it back.
    """
    if isinstance(value, Mapping):
        return {str(key): to_json(inner, exact=exact) for key, inner in value.items()}
    if dataclasses.is_dataclass(value):
        fields = [field.name for field in dataclasses.fields(value)]
        return {name: to_json(getattr(value, name), exact=exact) for name in fields}
    if isinstance(value, list | tuple):
        return [to_json(inner, exact=exact) for inner in value]
    if isinstance(value, float | np.floating):
        return _written(float(value), exact)
    if isinstance(value, np.integer | np.bool_):
        return value.item()
    if isinstance(value, Path):
        return str(value)
    return value


def _written(value: float, exact: bool) -> float | str | None:
    """One number as JSON has it."""
    if math.isfinite(value):
        return value
    if exact and math.isinf(value):
        return str(value)
    return None


def from_json(kind: type[T], values: Any, where: str) -> T:
    """The value of a type that `to_json` wrote down.

    where: the file or setting that is named in the error. Raises ForecastError where a key is unknown or absent, or a
    value is not what its type allows.
    """
    try:
        (made,) = TypeAdapter(tuple[kind], config=STRICT).validate_python((values,))  # type: ignore[valid-type]
    except ValidationError as error:
        first = error.errors()[0]
    else:
        return made
    path = ".".join(str(key) for key in first["loc"][1:])
    raise ForecastError(
        f"{where}: {path or 'its content'} is not what was written there: {first['msg'].lower()}."
    )
