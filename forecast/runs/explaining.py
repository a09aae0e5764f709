"""Why the next horizon of a run is forecast as it is: what `forecast explain` prints."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from forecast.data.findings import Heard
from forecast.insight.attribution import INTEGRATION, Explanation, explain, telling_steps
from forecast.insight.words import explanation_text
from forecast.records import to_json
from forecast.runs.daily import _fitted, rows


@dataclass(frozen=True, eq=False)
class Explained:
    """The explanation of the next horizon of a run."""

    folder: Path
    explanation: Explanation

    def to_frame(self) -> pd.DataFrame:
        """That of the explanation, stamps with an offset in ISO 8601."""
        frame = self.explanation.to_frame()
        for name in ("cutoff", "ds"):
            if isinstance(frame[name].dtype, pd.DatetimeTZDtype):
                frame[name] = frame[name].map(lambda stamp: stamp.isoformat())
        return frame

    def to_json(self) -> dict[str, Any]:
        """One object of plain numbers; the values of each `ds` of a series sum to its forecast."""
        frame = self.to_frame()
        for name in ("cutoff", "ds"):
            if pd.api.types.is_datetime64_any_dtype(frame[name]):
                frame[name] = frame[name].map(lambda stamp: stamp.isoformat())
        lags = [None if pd.isna(lag) else int(lag) for lag in frame["lag"]]
        frame = frame.assign(lag=pd.Series(lags, dtype=object))
        made: dict[str, Any] = to_json(
            {
                "run": str(self.folder),
                "model": self.explanation.model,
                "units": self.explanation.units,
                "distance": self.explanation.distance,
                "explanation": frame.to_dict("records"),
            }
        )
        return made

    def __str__(self) -> str:
        return explanation_text(self.explanation)


def explain_run(
    folder: str | Path,
    source: "str | Path | pd.DataFrame | None" = None,
    *,
    horizons: Sequence[int] | None = None,
    integration: int = INTEGRATION,
    revised: bool = False,
    heard: Heard | None = None,
    specs: Sequence[Any] = (),
) -> Explained:
    """What makes up the forecast that `predict_run` gives of the same rows; nothing is kept.

    horizons: steps of the horizon, from 1; by default the first, the middle and the last. integration: as in `explain`.
    source, revised, heard, specs: as in `predict_run`. Raises ForecastError as both.
    """
    folder = Path(folder)
    fitted = _fitted(folder, specs)
    panel = rows(folder, source, revised=revised, heard=heard, specs=specs)
    steps = telling_steps(fitted.goal.horizon) if horizons is None else horizons
    return Explained(folder, explain(fitted, panel, horizons=steps, integration=integration))
