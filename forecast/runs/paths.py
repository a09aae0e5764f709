"""Sample paths of a run: many futures of the next horizon, each as likely as any other."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from forecast.data.findings import Heard
from forecast.paths import Paths, sample_paths
from forecast.runs.daily import _fitted, rows

if TYPE_CHECKING:
    import pandas as pd

SUMMED = 1000  # paths of a sum where no number is asked for


def refuse_without_paths(folder: str | Path, specs: Sequence[Any] = ()) -> None:
    """ForecastError where the model of a run has no sample paths; nothing of the data is read."""
    _fitted(Path(folder), specs).require_paths()


def predict_paths(
    folder: str | Path,
    source: "str | Path | pd.DataFrame | None" = None,
    *,
    count: int = 500,
    seed: int = 0,
    revised: bool = False,
    heard: Heard | None = None,
    specs: Sequence[Any] = (),
) -> Paths:
    """Sample paths over the next horizon of a run, or after the newest rows of another file; nothing is kept.

    count, seed: as in `Fitted.paths` · source, revised, heard, specs: as in `predict_run`. Raises ForecastError where the
    run was made without intervals.
    """
    folder = Path(folder)
    fitted = _fitted(folder, specs)
    panel = rows(folder, source, revised=revised, heard=heard, specs=specs)
    return sample_paths(fitted, panel, count=count, seed=seed)
