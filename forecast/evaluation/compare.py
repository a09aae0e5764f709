"""The comparison of models: leaderboard, a test of equal accuracy, and the verdict in words."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from forecast.errors import ForecastError
from forecast.evaluation.metrics import METRICS, mae, score
from forecast.files import Array
from forecast.models import BASELINES
from forecast.results import Outcome

LEVEL = 0.05  # of the test behind the verdict
FEWEST = 8  # horizons of test below which no verdict is given


@dataclass(frozen=True)
class Row:
    """One model of a leaderboard. skill: the share of the baseline's MAE that it saves; p: of equal accuracy with the baseline."""

    model: str
    mae: float
    rmse: float
    mase: float
    smape: float
    skill: float
    p: float | None
    seconds: float


@dataclass(frozen=True)
class Leaderboard:
    """Models by MAE, best first, against the best of the baselines among them, with a verdict in words."""

    rows: tuple[Row, ...]
    baseline: str
    origins: int
    horizon: int
    verdict: str

    @property
    def best(self) -> str:
        """The model of lowest MAE."""
        return self.rows[0].model

    def to_frame(self) -> Any:
        """A frame, one row a model."""
        import pandas as pd

        return pd.DataFrame([vars(row) for row in self.rows]).set_index("model")

    def __str__(self) -> str:
        table = [("model", "MAE", "RMSE", "MASE", "sMAPE", "skill", "p", "CPU s"), *(self._cells(row) for row in self.rows)]
        widths = [max(len(cell) for cell in column) for column in zip(*table, strict=True)]
        lines = ["  ".join([name.ljust(widths[0]), *map(str.rjust, cells, widths[1:])]) for name, *cells in table]
        return "\n".join([*lines, "", self.verdict])

    def _cells(self, row: Row) -> tuple[str, ...]:
        """A row as text; a skill of thousands of percent has no decimals."""
        skill = "" if row.model == self.baseline else f"{100 * row.skill:+,.{0 if abs(row.skill) >= 10 else 1}f} %"
        p = "" if row.p is None else "< .001" if row.p < 0.001 else f"{row.p:.3f}"
        return (row.model, f"{row.mae:.4g}", f"{row.rmse:.4g}", f"{row.mase:.3f}", f"{row.smape:.1f}", skill, p, f"{row.seconds:.1f}")

    def _repr_html_(self) -> str:
        return f"{self.to_frame().to_html(float_format='{:.4g}'.format)}<p>{self.verdict}</p>"


def leaderboard(outcomes: Iterable[Outcome]) -> Leaderboard:
    """Score every model of a backtest against the baseline of lowest MAE (without baselines: against the best model)."""
    models: dict[str, list[Outcome]] = {}
    for outcome in outcomes:
        models.setdefault(outcome.forecast.model, []).append(outcome)
    if not models:
        raise ForecastError("There is nothing to compare: the backtest gave no outcome.")
    scores = {name: {metric: score(parts, metric) for metric in METRICS} for name, parts in models.items()}
    if all(math.isnan(values["mae"]) for values in scores.values()):
        raise ForecastError("The target has no observed value in the test part, so nothing can be scored. Test on another part (--test).")
    order = sorted(models, key=lambda name: scores[name]["mae"])
    baseline = next((name for name in order if name in BASELINES), order[0])
    losses = {name: loss_by_origin(parts) for name, parts in models.items()}
    horizon, horizons = models[baseline][0].forecast.values.shape[1], horizons_of(models[baseline])
    rows = []
    for name in order:
        seconds = sum(part.log.seconds for part in models[name])
        skill = 0.0 if name == baseline else 1 - scores[name]["mae"] / scores[baseline]["mae"] if scores[baseline]["mae"] else math.nan
        p = None if name == baseline else diebold_mariano(losses[name] - losses[baseline], horizons)
        rows.append(Row(name, **scores[name], skill=skill, p=p, seconds=seconds))
    origins = sum(len(part.forecast.origins) for part in models[baseline])
    return Leaderboard(tuple(rows), baseline, origins, horizon, _verdict(rows, baseline, horizons))


def loss_by_origin(outcomes: list[Outcome]) -> Array:
    """Mean absolute error of each moment over the series that have an origin there, (T,) in order of time; NaN where nothing was observed."""
    stamps = np.concatenate([outcome.forecast.times[:, 0] for outcome in outcomes])
    losses = np.concatenate([mae(outcome) for outcome in outcomes])
    moments, place = np.unique(stamps, return_inverse=True)
    seen = ~np.isnan(losses)
    total = np.bincount(place, np.where(seen, losses, 0.0), len(moments))
    count = np.bincount(place, seen, len(moments))
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def diebold_mariano(differences: Array, horizons: float) -> float | None:
    """Two-sided p of equal accuracy from loss differences (T,) in order of time; None where the test is too short, 1 where all are equal.

    The long-run variance is the mean square of B equal-weighted cosine transforms, with quantiles of t(B), B = min(12, horizons / 2), where
    `horizons` is the span of the test in horizons (Diebold and Mariano 1995; Lazarus, Lewis, Stock and Watson 2018).
    """
    differences = differences[~np.isnan(differences)]
    count = len(differences)
    cosines = min(12, int(horizons / 2), count - 1)
    if horizons < FEWEST or cosines < 1:
        return None
    mean = differences.mean()
    angles = np.pi * np.outer(np.arange(1, cosines + 1), (np.arange(count) + 0.5) / count)
    variance = np.mean((np.sqrt(2 / count) * np.cos(angles) @ (differences - mean)) ** 2)
    if variance <= 1e-24 * max(1.0, mean**2):
        return 1.0 if abs(mean) < 1e-12 else 0.0
    from scipy.stats import t

    return float(2 * t.sf(abs(mean) / np.sqrt(variance / count), cosines))


def horizons_of(outcomes: list[Outcome]) -> float:
    """How many horizons the origins of a test span."""
    rows = np.concatenate([outcome.forecast.origins for outcome in outcomes])
    rows = rows[rows[:, 0] == rows[0, 0], 1]
    step = int(np.min(np.diff(rows))) if len(rows) > 1 else 1
    return (int(rows.max() - rows.min()) + step) / outcomes[0].forecast.values.shape[1]


def _verdict(rows: list[Row], baseline: str, horizons: float) -> str:
    best = rows[0]
    if len(rows) == 1:
        return f"{best.model} alone was run: there is nothing to compare it with."
    if best.model == baseline:
        second = rows[1]
        return f"No model beats the baseline {baseline}: the next, {second.model}, has an MAE {_percent(-second.skill)} higher."
    gain = f"{best.model} is best: its MAE is {_percent(best.skill)} below that of {baseline}, the best baseline"
    if best.p is None:
        return f"{gain}; but the test spans {horizons:.1f} horizons, and below {FEWEST} no verdict is given on whether that is chance."
    if best.p < LEVEL:
        p = "p < .001" if best.p < 0.001 else f"p = {best.p:.3f}"
        return f"{gain}, and that is hardly chance ({p}, Diebold-Mariano, level {LEVEL:.0%})."
    return f"{gain}, but that could be chance (p = {best.p:.2f}): not distinguishable from {baseline} on this test."


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"
