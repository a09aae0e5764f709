"""What a page begins with: one plain sentence on which model is best, and one line of evidence for it."""

import math
from collections.abc import Iterable, Sequence

import numpy as np

from forecast.data.findings import counted
from forecast.data.zones import to_local
from forecast.evaluation.leaderboard import Leaderboard
from forecast.evaluation.metrics import METRICS
from forecast.evaluation.rows import Row
from forecast.evaluation.words import LEAST_SHARE, is_sure
from forecast.models import is_baseline
from forecast.results import Outcome
from forecast.show.axes import stamps_of, steps_of
from forecast.show.tables import minus, number
from forecast.text import p_words, signed

MEDIAN = "median"  # the baseline that nobody names, in words the median of the past
WHOLE_PERCENT = 10  # percent from which on a gain is given without decimals


def headline(board: Leaderboard, of_names: bool = False) -> str:
    """Which model is the most accurate, in one sentence that says where nothing wins, or where it could be chance.

    of_names: the forecasts are probabilities, which are not more or less accurate but better or worse.
    """
    best = _row(board, board.best)
    base = _row(board, board.baseline)
    if len(board.rows) == 1:
        return f"{best.model} alone was run: there is nothing to compare it with."
    if all(math.isnan(row.skill) for row in board.rows if row is not base):
        return f"Nothing can be more accurate than {_called(base)}."
    word = "better" if of_names else "more accurate"
    if not board.rows[0].asked:
        return f"No model that was named is {word} than {_called(board.rows[0])}."
    if best is base:
        return f"No model is {word} than {_called(base)}."
    gain = f"{best.model} is {_percent(best.skill)} {word} than {_called(base)}"
    if best.p is None:
        return f"{gain}, but the test is too short to say whether that is chance."
    return f"{gain}." if is_sure(best, base) else f"{gain}, but that could be chance."


def _row(board: Leaderboard, model: str) -> Row:
    return next(row for row in board.rows if row.model == model)


def _called(row: Row) -> str:
    """A model as the second one of a comparison."""
    if row.model == MEDIAN:
        return "the median of the past"
    return f"{row.model}, the best baseline" if is_baseline(row.model) else row.model


def _percent(skill: float) -> str:
    """A gain in percent, as it is said."""
    if skill < LEAST_SHARE:
        return "less than 0.1 %"
    percent = 100 * skill
    return f"{percent:.0f} %" if percent >= WHOLE_PERCENT else f"{percent:.1f} %"


def evidence(
    board: Leaderboard, outcomes: Sequence[Outcome], target: str, unit: str = "", series: int = 1
) -> list[str]:
    """What the headline rests on, in short pieces: scores, p, interval, the test from its first to its last stamp, folds, forecasts.

    outcomes: of the models of the board; without them the stamps and folds of the test are left out. unit: of the target.
    """
    best, other = _compared(board)
    pieces = [_scores(board, best, other, unit)]
    if best.p is not None:
        pieces.append(p_words(best.p).replace("< .", "< 0."))
    elif len(board.rows) > 1 and best.model != board.baseline:
        pieces.append("no p, as the test is too short")
    if not math.isnan(best.skill_lo) and best.model != board.baseline:
        low = minus(signed(best.skill_lo))
        high = minus(signed(best.skill_hi))
        pieces.append(f"95 % interval of the gain of {best.model} {low} to {high}")
    if outcomes:
        pieces.append(_tested(outcomes))
        folds = len({outcome.fold for outcome in outcomes})
        pieces.append(counted(folds, "fold"))
    whose = f" of {series:,} series" if series > 1 else ""
    steps = _ahead(board, outcomes)
    pieces.append(f"{counted(board.origins, 'forecast')} of {target}{whose}, {steps} ahead")
    return [piece for piece in pieces if piece]


def _ahead(board: Leaderboard, outcomes: Sequence[Outcome]) -> str:
    """The horizon in words."""
    if not outcomes:
        return counted(board.horizon, "step")
    return f"{board.horizon} {steps_of(outcomes[0].truth.clock, board.horizon)}"


def _compared(board: Leaderboard) -> tuple[Row, Row]:
    """The best model that was named and the baseline; where that is the best, the next model and it."""
    best = _row(board, board.best)
    base = _row(board, board.baseline)
    if best is not base:
        return best, base
    second = next((row for row in board.rows if row is not base), base)
    return second, base


def _scores(board: Leaderboard, one: Row, other: Row, unit: str) -> str:
    """The scores of two models by the metric that ranks, in its unit."""
    metric = METRICS[board.metric]
    own = unit if metric.unit == "target" else metric.unit
    after = f" {own}" if own else ""
    decimals = _decimals([one.scores[board.metric], other.scores[board.metric]])
    values = [f"{row.model} {number(row.scores[board.metric], decimals)}{after}" for row in (one, other)]
    if one is other:
        return f"{metric.label}: {values[0]}"
    return f"{metric.label}: {values[0]}, {values[1]}"


def _decimals(scores: Iterable[float]) -> int:
    """Decimals that show three digits of the smallest of some scores."""
    sizes = [abs(score) for score in scores if score and math.isfinite(score)]
    if not sizes:
        return 0
    return min(max(2 - math.floor(math.log10(min(sizes))), 0), 6)


def _tested(outcomes: Sequence[Outcome]) -> str:
    """The stamps of the first and the last forecast value of the test, in local time."""
    times = np.concatenate([outcome.forecast.times.ravel() for outcome in outcomes])
    ends = np.array([times.min(), times.max()])
    first, last = stamps_of(to_local(ends, outcomes[0].truth.clock.tz))
    return f"tested from {first} to {last}"
