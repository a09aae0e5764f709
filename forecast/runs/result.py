"""What a run gives back: values that are printed, written down and read again."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import pandas as pd

from forecast.data.findings import Finding
from forecast.data.options import names_of
from forecast.data.panel import Panel
from forecast.evaluation.ablation import Bought, bought_text
from forecast.evaluation.leaderboard import Leaderboard
from forecast.evaluation.market import Direction, market_text
from forecast.evaluation.probabilities import Probabilities
from forecast.fitting import Fitted
from forecast.records import to_json
from forecast.results import Forecast, Outcome
from forecast.runs.told import Told, told

# fields of Worth that stand next to the scores of each model
OF_EVENTS = ("rate", "auc", "average_precision", "miscalibration", "discrimination", "uncertainty")


@dataclass(frozen=True)
class Summary:
    """A panel in short, and what was found in its file.

    clock: its kind · horizon: the default one, in steps · target: one column, or several that are a series each.
    """

    rows: int
    series: int
    freq: str
    clock: str
    horizon: int
    target: str | tuple[str, ...]
    past: tuple[str, ...]
    future: tuple[str, ...]
    static: tuple[str, ...]
    findings: tuple[Finding, ...]


def summary_of(panel: Panel) -> Summary:
    """The summary of a panel."""
    targets = names_of(panel.reading.target) or (panel.target,)
    return Summary(
        rows=int(panel.lengths.sum()),
        series=len(panel.ids),
        freq=panel.clock.freq,
        clock=panel.clock.kind,
        horizon=panel.clock.horizon,
        target=targets[0] if len(targets) == 1 else targets,
        past=_of_role(panel, "past"),
        future=_of_role(panel, "future"),
        static=_of_role(panel, "static"),
        findings=panel.findings,
    )


def _of_role(panel: Panel, role: str) -> tuple[str, ...]:
    """The names of the columns of one role."""
    return tuple(column.name for column in panel.columns if column.role == role)


@dataclass(frozen=True)
class Walked:
    """What a walk gives: its data in short, and the leaderboard with its verdict.

    market: of a price, what the direction of each model is worth · ablation: what each column bought, where that was asked ·
    probabilities: of a target of names, what the shares are worth.
    """

    data: Summary
    board: Leaderboard
    market: tuple[Direction, ...] = ()
    ablation: tuple[Bought, ...] = ()
    probabilities: Probabilities | None = None

    def to_json(self) -> dict[str, Any]:
        """One object of plain numbers; missing is None."""
        board = self.board
        values = {
            "data": self.data,
            "horizon": board.horizon,
            "origins": board.origins,
            "baseline": board.baseline,
            "metric": board.metric,
            "why": board.why,
            "leaderboard": [{**row.to_dict(), **self._of_event(row.model)} for row in board.rows],
            "best": board.best,
            "verdict": board.verdict,
            "cold": board.cold,
            "dropped": board.dropped,
            "notes": board.notes,
        }
        if self.market:
            values["market"] = self.market
        if self.ablation:
            values["ablation"] = self.ablation
        if self.probabilities:
            values["probabilities"] = self.probabilities.to_json()
        found: dict[str, Any] = to_json(values)
        return found

    def _of_event(self, model: str) -> dict[str, Any]:
        """What the probabilities of an event are worth by one model, by name; nothing of other targets."""
        if self.probabilities is None:
            return {}
        rows = self.probabilities.of_model(model)
        return {name: getattr(rows[0], name) for name in OF_EVENTS} if len(rows) == 1 else {}

    def __str__(self) -> str:
        parts = [str(self.board)]
        if self.probabilities:
            parts.append(self.probabilities.text(self.board.best))
        if self.market:
            parts.append(market_text(list(self.market)))
        if self.ablation:
            parts.append(bought_text(list(self.ablation), self.board.baseline, self.board.metric))
        return "\n\n".join(parts)


class Parts(Protocol):
    """What a Result is made of, beside what is printed: at hand in a new run, read from the folder of a finished one."""

    @property
    def panel(self) -> Panel:
        """The file as a panel."""

    @property
    def outcomes(self) -> list[Outcome]:
        """Every forecast of the walk, of the models of the leaderboard."""

    @property
    def fitted(self) -> Fitted:
        """The winner, fitted on all data."""


@dataclass(frozen=True, eq=False)
class Made:
    """The parts of a new run."""

    panel: Panel
    outcomes: list[Outcome]
    fitted: Fitted


@dataclass(frozen=True, eq=False)
class Result:
    """What a run gives: its folder, the leaderboard with its verdict, the forecast of the winner, the panel, the outcomes, the fitted winner.

    intervals: which steps of the forecast have no calibrated interval, in words · resumed: the folder held the finished
    run already; `panel`, `outcomes` and `fitted` are then read when they are first asked for.
    """

    folder: Path
    walked: Walked
    forecast: Forecast
    intervals: tuple[str, ...]
    resumed: bool
    parts: Parts

    @property
    def board(self) -> Leaderboard:
        """The leaderboard."""
        return self.walked.board

    @property
    def market(self) -> tuple[Direction, ...]:
        """Of a price: what each model's direction is worth."""
        return self.walked.market

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What was found in the file."""
        return self.walked.data.findings

    @property
    def panel(self) -> Panel:
        """The file as a panel."""
        return self.parts.panel

    @property
    def outcomes(self) -> list[Outcome]:
        """Every forecast of the walk, of the models of the leaderboard."""
        return self.parts.outcomes

    @property
    def fitted(self) -> Fitted:
        """The winner, fitted on all data."""
        return self.parts.fitted

    @cached_property
    def told(self) -> Told | None:
        """The forecast in the units that people speak of it in; None of a target that is a column of the file."""
        if not self.fitted.columns[0].made:
            return None
        return told(self.forecast, self.panel)

    def to_json(self) -> dict[str, Any]:
        """One object of plain numbers; missing is None."""
        values = {
            "run": str(self.folder),
            **self.walked.to_json(),
            "intervals": list(self.intervals),
            "forecast": frame_json(self.forecast.to_frame(cutoff=False)),
        }
        if self.told is not None:
            values["told"] = frame_json(self.told.frame)
        return values


def frame_json(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows of a frame as JSON values, stamps in ISO 8601, with their offset from UTC where they have one."""
    if pd.api.types.is_datetime64_any_dtype(frame["ds"]):
        frame = frame.assign(ds=frame["ds"].map(lambda stamp: stamp.isoformat()))
    return [to_json(row) for row in frame.to_dict("records")]


def stamped(frame: pd.DataFrame) -> pd.DataFrame:
    """A frame to be written as text: stamps with an offset in ISO 8601."""
    if isinstance(frame["ds"].dtype, pd.DatetimeTZDtype):
        return frame.assign(ds=frame["ds"].map(lambda stamp: stamp.isoformat()))
    return frame
