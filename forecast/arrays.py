"""The type of an array, and what is asked of arrays everywhere."""

from collections.abc import Mapping
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]


def under(arrays: Mapping[str, Array], prefix: str) -> dict[str, Array]:
    """The arrays whose names begin with a prefix, by what follows it."""
    return {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}


def mean_observed(values: Array, axis: int | None = None) -> Array:
    """The mean of the values that are not NaN along an axis; NaN, in silence, where there is none."""
    seen = ~np.isnan(values)
    count = seen.sum(axis)
    total = np.where(seen, values, 0.0).sum(axis)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def log_mean(logs: Array) -> float:
    """The log of the mean of the exponentials of values that are not NaN; 0 where there is none."""
    seen = logs[~np.isnan(logs)]
    if not len(seen):
        return 0.0
    highest = seen.max()
    return float(highest + np.log(np.exp(seen - highest).mean()))


def spread_of(errors: Array) -> float:
    """The root mean square of the errors that are not NaN; 0 where there is none."""
    seen = errors[~np.isnan(errors)]
    return float(np.sqrt(np.mean(seen**2))) if len(seen) else 0.0
