"""How well prices are forecast: the direction of the next step, and R2 against the random walk. The R2 of a level proves nothing."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from forecast.arrays import Array
from forecast.evaluation.inference import LEVEL
from forecast.evaluation.metrics import squared, squared_of_last
from forecast.records import Number
from forecast.results import Outcome, by_model
from forecast.text import p_words, plural, table

ROUNDING = (
    1e-6  # of a price: the error that a net, which computes in single precision, may have in its last value
)


@dataclass(frozen=True)
class Direction:
    """One model on the next step of a price.

    moves: steps that were not 0 and forecast with a side · hits: share of sides that were right · majority: share of the
    more frequent side, which needs no model · p: one-sided binomial chance of as many hits at the majority's rate · r2: 1 -
    MSE over that of the last value, all steps · profit, hold: mean return per step in basis points of trading each
    forecast's side at a cost per side, and of holding; None without a cost.
    """

    model: str
    moves: int
    hits: Number
    majority: Number
    p: float
    r2: Number
    profit: float | None
    hold: float | None


def directions(
    outcomes: Iterable[Outcome], cost: float | None = None, *, returns: bool = False
) -> list[Direction]:
    """The models of a walk, in their order; `cost` in basis points per side.

    returns: what is forecast are the log returns of a price, not its level. A model that only repeats the last price takes
    no side: it has 0 moves.
    """
    steps = _of_returns if returns else _of_prices
    return [_direction(name, parts, steps(parts), cost) for name, parts in by_model(outcomes).items()]


@dataclass(frozen=True, eq=False)
class Steps:
    """The next step of a price from each of M origins, NaN where it is not known.

    side: that of the forecast, 1 up, -1 down, 0 neither · actual: that of the price, 0 also where it is missing · gain:
    the price over the one before, less 1 · squares, of_last (M, H): squared errors of the forecast and of the last price.
    """

    side: Array
    actual: Array
    gain: Array
    squares: Array
    of_last: Array

    @property
    def r2(self) -> float:
        """1 - MSE over that of the last price; NaN where nothing is known."""
        seen = ~np.isnan(self.squares) & ~np.isnan(self.of_last)
        below = self.of_last[seen].sum()
        return float(1 - self.squares[seen].sum() / below) if below > 0 else np.nan


def _of_prices(parts: list[Outcome]) -> Steps:
    """The next steps of a price that is forecast itself. A last value in single precision is no side."""
    last = np.concatenate([part.truth.last for part in parts])
    truth = np.concatenate([part.actual[:, 0] for part in parts])
    moved = np.concatenate([part.forecast.values[:, 0] for part in parts]) - last
    return Steps(
        side=np.where(np.abs(moved) > ROUNDING * np.abs(last), np.sign(moved), 0.0),
        actual=np.nan_to_num(np.sign(truth - last)),
        gain=truth / last - 1,
        squares=np.concatenate([squared(part) for part in parts]),
        of_last=np.concatenate([squared_of_last(part) for part in parts]),
    )


def _of_returns(parts: list[Outcome]) -> Steps:
    """The next steps of a price whose log returns are forecast: the last price says a return of 0."""
    truth = np.concatenate([part.actual[:, 0] for part in parts])
    forecast = np.concatenate([part.forecast.values[:, 0] for part in parts])
    return Steps(
        side=np.where(np.abs(forecast) > ROUNDING, np.sign(forecast), 0.0),
        actual=np.nan_to_num(np.sign(truth)),
        gain=np.expm1(truth),
        squares=np.concatenate([squared(part) for part in parts]),
        of_last=np.concatenate([part.actual**2 for part in parts]),
    )


def _direction(name: str, parts: list[Outcome], steps: Steps, cost: float | None) -> Direction:
    from scipy.stats import binomtest

    forecast = steps.side
    actual = steps.actual
    counted = (actual != 0) & (forecast != 0)
    moves = int(counted.sum())
    hits = int((actual[counted] == forecast[counted]).sum())
    majority = _majority(actual[actual != 0])
    p = 1.0
    if moves:
        p = float(binomtest(hits, moves, majority, alternative="greater").pvalue)
    profit = hold = None
    if cost is not None:
        profit, hold = _profit(parts, steps, cost)
    return Direction(
        model=name,
        moves=moves,
        hits=hits / moves if moves else np.nan,
        majority=majority,
        p=p,
        r2=steps.r2,
        profit=profit,
        hold=hold,
    )


def _majority(sides: Array) -> float:
    """The share of the more frequent of the sides (n,), 1 or -1; NaN where there is none."""
    if not len(sides):
        return np.nan
    up = float((sides > 0).mean())
    return max(up, 1 - up)


def _profit(parts: list[Outcome], steps: Steps, cost: float) -> tuple[float, float]:
    """Mean return per step, in basis points, of the forecasts' sides after costs, and of holding.

    Sides are traded series by series, in order of time.
    """
    series = np.concatenate([part.forecast.origins[:, 0] for part in parts])
    cutoffs = np.concatenate([part.forecast.cutoffs for part in parts])
    order = np.lexsort((cutoffs, series))
    earned = []
    for one in np.unique(series):
        own = order[series[order] == one]
        earned.append(_earned(steps.side[own], steps.gain[own], cost))
    return float(np.nanmean(np.concatenate(earned))), float(1e4 * np.nanmean(steps.gain))


def _earned(side: Array, gain: Array, cost: float) -> Array:
    """Returns (T,) in basis points of holding `side` (T,) over moves `gain`, less `cost` for each side that is traded."""
    traded = np.abs(np.diff(side, prepend=0.0))
    earned: Array = 1e4 * side * gain - cost * traded
    return earned


def market_text(rows: list[Direction]) -> str:
    """A table of the models, and in words whether any finds the direction of the next step more often than chance."""
    gains = [] if rows[0].profit is None else ["bp per step", "holding"]
    head = ["model", "moves", "right", "frequent side", "p", "R2 on last value", *gains]
    shown = f"The direction of the next step:\n{table(head, [_line(row) for row in rows])}"
    tested = [row for row in rows if row.moves]
    if not tested:
        return shown
    best = min(tested, key=lambda row: row.p)
    return f"{shown}\n\n{_of_best(best, len(tested))}"


def _of_best(best: Direction, compared: int) -> str:
    """Whether the model with the lowest p of those compared finds the direction more often than chance."""
    p = min(1.0, best.p * compared)
    verdict = "that is hardly chance" if p < LEVEL else "that could be chance"
    return (
        f"{best.model} finds the direction of the next step in {100 * best.hits:.1f} % of {best.moves:,} moves; always taking"
        f" the more frequent side is right in {100 * best.majority:.1f} % ({p_words(p)}, binomial, {compared}"
        f" {plural('model', compared)} compared): {verdict}."
    )


def _line(row: Direction) -> list[str]:
    """One line of the table."""
    shares = [_percent(share) for share in (row.hits, row.majority)]
    p = f"{row.p:.3f}" if row.moves else ""
    gains = [f"{gain:+.2f}" for gain in (row.profit, row.hold) if gain is not None]
    return [row.model, str(row.moves), *shares, p, f"{row.r2:+.4f}", *gains]


def _percent(share: float) -> str:
    return "" if np.isnan(share) else f"{100 * share:.1f} %"
