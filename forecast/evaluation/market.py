"""What a forecast of prices is worth: the direction of the next step, and R2 against the random walk. The R2 of a price level proves nothing."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from forecast.arrays import Array
from forecast.evaluation.inference import LEVEL
from forecast.evaluation.metrics import score
from forecast.records import Number
from forecast.results import Outcome, by_model
from forecast.text import plural, table

ROUNDING = 1e-6  # of a price, a hundredth of a basis point: what the last value of a net, which computes in single precision, may be off by


@dataclass(frozen=True)
class Direction:
    """One model on the next step of a price.

    moves: steps that were not 0 and forecast with a side · hits: share of sides that were right · majority: share of the commoner side, which
    needs no model · p: one-sided binomial chance of so many hits at the majority's rate · r2: 1 - MSE over that of the last value, all steps ·
    profit, hold: mean return a step in basis points of trading each forecast's side at a cost a side, and of holding; None without a cost.
    """

    model: str
    moves: int
    hits: Number
    majority: Number
    p: float
    r2: Number
    profit: float | None
    hold: float | None


def directions(outcomes: Iterable[Outcome], cost: float | None = None) -> list[Direction]:
    """The models of a walk, in their order; `cost` in basis points a side. A model that only repeats the last value takes no side: 0 moves."""
    return [_direction(name, parts, cost) for name, parts in by_model(outcomes).items()]


def _direction(name: str, parts: list[Outcome], cost: float | None) -> Direction:
    from scipy.stats import binomtest

    last = np.concatenate([part.truth.last for part in parts])
    truth = np.concatenate([part.actual[:, 0] for part in parts])
    said = _side(parts)
    moved = np.sign(truth - last)
    counted = (np.nan_to_num(moved) != 0) & (said != 0)
    moves = int(counted.sum())
    hits = int((moved[counted] == said[counted]).sum())
    up = float((moved[np.nan_to_num(moved) != 0] > 0).mean()) if (np.nan_to_num(moved) != 0).any() else np.nan
    majority = max(up, 1 - up)
    p = float(binomtest(hits, moves, majority, alternative="greater").pvalue) if moves else 1.0
    profit, hold = (None, None) if cost is None else _profit(parts, cost)
    return Direction(
        name, moves, hits / moves if moves else np.nan, majority, p, score(parts, "r2"), profit, hold
    )


def _side(parts: list[Outcome]) -> Array:
    """1 up, -1 down, 0 neither (M,): what the forecast of the next step says; a last value in single precision is neither."""
    last = np.concatenate([part.truth.last for part in parts])
    moved = np.concatenate([part.forecast.values[:, 0] for part in parts]) - last
    return np.where(np.abs(moved) > ROUNDING * np.abs(last), np.sign(moved), 0.0)


def _profit(parts: list[Outcome], cost: float) -> tuple[float, float]:
    """Mean return a step, in basis points, of the forecasts' sides after costs, and of holding: series by series, in order of time."""
    series = np.concatenate([part.forecast.origins[:, 0] for part in parts])
    gain = np.concatenate([part.actual[:, 0] / part.truth.last - 1 for part in parts])
    side = _side(parts)
    order = np.lexsort((np.concatenate([part.forecast.cutoffs for part in parts]), series))
    earned = [
        _earned(side[own], gain[own], cost)
        for own in (order[series[order] == one] for one in np.unique(series))
    ]
    return float(np.nanmean(np.concatenate(earned))), float(1e4 * np.nanmean(gain))


def _earned(side: Array, gain: Array, cost: float) -> Array:
    """Returns (T,) in basis points of holding `side` (T,) over moves `gain`, less `cost` for each side that is traded."""
    traded = np.abs(np.diff(side, prepend=0.0))
    earned: Array = 1e4 * side * gain - cost * traded
    return earned


def market_text(rows: list[Direction]) -> str:
    """A table of the models, and in words whether any finds the direction of the next step more often than chance."""
    gains = ["bp a step", "holding"] if rows[0].profit is not None else []
    head = ["model", "moves", "right", "commoner side", "p", "R2 on last value", *gains]
    shown = table(head, [_line(row) for row in rows])
    tested = [row for row in rows if row.moves]
    best = min(tested, key=lambda row: row.p, default=None)
    if best is None:
        return f"The direction of the next step:\n{shown}"
    p = min(1.0, best.p * len(tested))
    said = f"{best.model} finds the direction of the next step in {100 * best.hits:.1f} % of {best.moves:,} moves; the commoner side alone makes"
    chance = f"{100 * best.majority:.1f} % (p = {p:.3f}, binomial, {len(tested)} {plural('model', len(tested))} compared)"
    verdict = "that is hardly chance" if p < LEVEL else "that could be chance"
    return f"The direction of the next step:\n{shown}\n\n{said} {chance}: {verdict}."


def _line(row: Direction) -> list[str]:
    """One line of the table."""
    shares = ["" if np.isnan(share) else f"{100 * share:.1f} %" for share in (row.hits, row.majority)]
    p = f"{row.p:.3f}" if row.moves else ""
    gains = [f"{gain:+.2f}" for gain in (row.profit, row.hold) if gain is not None]
    return [row.model, str(row.moves), *shares, p, f"{row.r2:+.4f}", *gains]
