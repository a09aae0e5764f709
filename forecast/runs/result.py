"""What a run gives back, as a value and as JSON."""

import dataclasses
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from forecast.data.options import names_of
from forecast.data.panel import Panel
from forecast.evaluation.ablation import Bought, bought_text
from forecast.evaluation.leaderboard import Leaderboard
from forecast.evaluation.market import Direction, market_text
from forecast.evaluation.metrics import METRICS
from forecast.evaluation.rows import Row
from forecast.fitting import Fitted
from forecast.results import Forecast, Outcome


@dataclass(frozen=True, eq=False)
class Result:
    """What a run gives: its folder, its panel, the leaderboard with its verdict, the fitted winner and its forecast."""

    folder: Path
    panel: Panel
    board: Leaderboard
    outcomes: list[Outcome]
    fitted: Fitted
    forecast: Forecast
    resumed: bool  # the folder held the finished run already
    market: list[Direction]  # of a price: what each model's direction is worth

    def to_json(self) -> dict[str, Any]:
        """One object of plain numbers; missing is None."""
        board = board_json(self.panel, self.board, self.market)
        calibration = self.fitted.calibration
        return {
            "run": str(self.folder),
            **board,
            "intervals": list(calibration.notes) if calibration else [],
            "forecast": frame_json(self.forecast.to_frame(cutoff=False)),
        }


def panel_json(panel: Panel) -> dict[str, Any]:
    """What a panel is and what was found at the door, as JSON values."""
    targets = names_of(panel.reading.target) or (panel.target,)
    return {
        "rows": int(panel.lengths.sum()),
        "series": len(panel.ids),
        "freq": panel.clock.freq,
        "clock": panel.clock.kind,
        "horizon": panel.clock.horizon,
        "target": targets[0] if len(targets) == 1 else list(targets),
        "past": [column.name for column in panel.columns if column.role == "past"],
        "future": [column.name for column in panel.columns if column.role == "future"],
        "static": [column.name for column in panel.columns if column.role == "static"],
        "findings": [dataclasses.asdict(finding) for finding in panel.findings],
    }


def board_json(panel: Panel, board: Leaderboard, market: list[Direction]) -> dict[str, Any]:
    """Data, leaderboard and verdict as JSON values: numbers are numbers, missing is None."""
    return {
        "data": panel_json(panel),
        "horizon": board.horizon,
        "origins": board.origins,
        "baseline": board.baseline,
        "metric": board.metric,
        "why": board.why,
        "leaderboard": [plain_number(row.to_dict()) for row in board.rows],
        "best": board.best,
        "verdict": board.verdict,
        "cold": dict(board.cold),
        "dropped": list(board.dropped),
        "notes": list(board.notes),
        **({"market": [plain_number(dataclasses.asdict(row)) for row in market]} if market else {}),
    }


def market_of(values: dict[str, Any]) -> str:
    """What `board_json` wrote down of a price, in words; empty where the target is none."""

    def number(key: str, value: Any) -> Any:
        return np.nan if value is None and key in ("hits", "majority", "r2") else value

    rows = [
        Direction(**{key: number(key, value) for key, value in row.items()})
        for row in values.get("market", [])
    ]
    return market_text(rows) if rows else ""


def board_of(values: dict[str, Any]) -> Leaderboard:
    """The leaderboard that `board_json` wrote down."""
    return Leaderboard(
        rows=tuple(_row_of(row) for row in values["leaderboard"]),
        metric=values["metric"],
        baseline=values["baseline"],
        origins=values["origins"],
        horizon=values["horizon"],
        verdict=values["verdict"],
        why=values["why"],
        cold=values["cold"],
        dropped=tuple(values["dropped"]),
        notes=tuple(values["notes"]),
    )


def _row_of(values: dict[str, Any]) -> Row:
    """One row of it; a number that is None was not finite."""
    finite = {name: _finite(value) for name, value in values.items() if name in METRICS}
    others = {name: value for name, value in values.items() if name not in METRICS}
    for name in ("skill", "skill_lo", "skill_hi"):
        others[name] = _finite(others[name])
    others["coverage"] = {name: _finite(share) for name, share in others["coverage"].items()}
    return Row(scores=finite, **others)


def _finite(value: float | None) -> float:
    return math.nan if value is None else value


def frame_json(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows of a frame as JSON values, stamps in ISO 8601, with their offset from UTC where they have one."""
    if pd.api.types.is_datetime64_any_dtype(frame["ds"]):
        frame = frame.assign(ds=frame["ds"].map(lambda stamp: stamp.isoformat()))
    return [{str(key): plain_number(value) for key, value in row.items()} for row in frame.to_dict("records")]


def stamped(frame: pd.DataFrame) -> pd.DataFrame:
    """A frame to be written as text: stamps with an offset in ISO 8601."""
    return (
        frame.assign(ds=frame["ds"].map(lambda stamp: stamp.isoformat()))
        if isinstance(frame["ds"].dtype, pd.DatetimeTZDtype)
        else frame
    )


def plain_number(value: Any) -> Any:
    """A value as JSON has it: what is not finite is None."""
    if isinstance(value, dict):
        return {key: plain_number(inner) for key, inner in value.items()}
    if isinstance(value, float | np.floating):
        return float(value) if np.isfinite(value) else None
    return int(value) if isinstance(value, np.integer) else value


def ablation_of(values: dict[str, Any]) -> str:
    """What `compare_run` found of each column, in words; empty where nothing was left out."""

    def number(key: str, value: Any) -> Any:
        return np.nan if value is None and key != "p" else value

    rows = [
        Bought(**{key: number(key, value) for key, value in row.items()})
        for row in values.get("ablation", [])
    ]
    return bought_text(rows, values["baseline"], values["metric"]) if rows else ""
