"""Honest intervals for any model, from the errors that a walk has seen mature: conformal, step by step, adaptive. It never looks ahead.

Where a step has too few errors for that, a model's own distribution stands unchanged; a model without one takes the errors of
neighbouring steps together.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from forecast.arrays import Array
from forecast.results import Basis, Calibration, Outcome, by_model, ordered, within
from forecast.task import Bounds, Task, quantile_levels

BLOCKS = 100  # of the walk: the shifts are learned anew at the beginning of each
LEAST = 40  # matured errors of a step before its interval is calibrated
FEW = 3  # matured errors of all steps before any interval is given
WINDOW = 1000  # moments that are remembered
MOST = 4000  # errors that are sorted; of a window with more, so many are drawn
PACE = 0.005  # of the adaptation, per independent error (gamma in Gibbs and Candes 2021)


def calibrate(
    outcomes: Iterable[Outcome],
    intervals: Iterable[float] | None = None,
    bounds: Bounds | None = None,
) -> tuple[list[Outcome], dict[str, Calibration]]:
    """Outcomes with quantiles, and for each model the Calibration that holds after the walk.

    Each quantile of a model (its point, where it has none) is moved by the empirical quantile of its own errors at that step of the horizon, in
    units of the series' spread, over the latest WINDOW moments (conformal prediction; Vovk et al. 2005). Horizons overlap, so n errors are
    worth fewer independent ones, and their quantiles lie too far inside: the level that is asked of them is widened accordingly (`reach`).
    Where even their extremes are not far enough, Student's t takes their place. The level is corrected as errors miss too often or too seldom
    (adaptive conformal inference; Gibbs and Candes 2021). An error of step h counts from the moment on whose cutoff its stamp
    (or place, where origins are counted from each series' end) has reached.

    intervals, bounds: in place of those of the walk's task, whose levels are calibrated; without any, the intervals 80 and 95.

    Where fewer than LEAST errors of a step have matured, the model's own quantiles stand unmoved, or, where it has none, `pooled` takes the few
    errors of neighbouring steps together; `Outcome.basis` and `Calibration.basis` say which. So do own quantiles of series that were not fitted.
    NaN where fewer than FEW errors have matured or none of this step or a later one, where a series was not fitted by a model without quantiles,
    and where a model that has quantiles gave none.
    """
    models = by_model(outcomes)
    task = calibrated_task(next(iter(models.values()))[0].truth.task if models else Task(), intervals, bounds)
    names = any(parts[0].forecast.names for parts in models.values())
    if names or not task.levels:
        return [outcome for parts in models.values() for outcome in parts], {}
    pairs = {model: _calibrate(parts, task) for model, parts in models.items()}
    return [outcome for parts, _ in pairs.values() for outcome in parts], {
        model: learned for model, (_, learned) in pairs.items()
    }


def calibrated_task(task: Task, intervals: Iterable[float] | None, bounds: Bounds | None) -> Task:
    """A walk's task with other intervals and bounds where they are given; without any, 80 and 95 %."""
    if intervals is None and not task.levels:
        intervals = (80, 95)
    if intervals is not None:
        task = replace(task, intervals=tuple(intervals), levels=())
    return task if bounds is None else replace(task, bounds=bounds)


def _calibrate(parts: list[Outcome], task: Task) -> tuple[list[Outcome], Calibration]:
    """The parts of one model."""
    levels = task.levels
    cuts = np.cumsum([len(part.actual) for part in parts])[:-1]
    base = np.concatenate(
        [_scaled(part, own) for part, own in zip(parts, np.split(_answers(parts), cuts), strict=True)]
    )
    truth = np.concatenate([_scaled(part, part.actual[..., None]) for part in parts])
    asked, stamps = np.split(np.concatenate([part.moments for part in parts]), [1], axis=1)
    errors = truth - base
    moments, moment = np.unique(asked[:, 0], return_inverse=True)
    starts = np.array(
        [block[0] for block in np.array_split(np.arange(len(moments)), min(BLOCKS, len(moments)))]
    )
    block = np.searchsorted(starts, moment, side="right") - 1
    known = np.append(moments[starts], stamps.max())  # when each block begins; and after the walk
    series = len(errors) / len(moments)  # a moment
    shift = np.stack(
        [_shifts(stamps[:, h], errors[:, h], block, known, levels, series) for h in range(stamps.shape[1])],
        axis=1,
    )
    shift, basis = _completed(shift, stamps, errors, known, levels)
    made = []
    for part, own, blocks in zip(parts, np.split(base, cuts), np.split(block, cuts), strict=True):
        made.append(_moved(part, own, shift[blocks], basis[blocks], task))
    return made, Calibration(levels, shift[-1], basis[-1])


def _moved(part: Outcome, own: Array, shift: Array, basis: Array, task: Task) -> Outcome:
    """A part whose scaled answers (M, H, P) are moved by shifts (M, H, Q); where that gives nothing, its own quantiles stand."""
    point = part.forecast.values
    moved = part.truth.scaling.invert(own + shift, part.fitted)
    if part.forecast.quantiles is not None:
        unmoved = (basis == Basis.OWN)[..., None] | np.isnan(moved)
        moved = np.where(unmoved, part.forecast.quantiles, moved)
        basis = np.where(unmoved.any(-1), Basis.OWN, basis)
    quantiles = within(ordered(moved, task.levels, point, quantile_levels(task.intervals)), task.bounds)
    given = ~np.isnan(quantiles).any(-1)
    basis = np.where(given, basis, Basis.NONE).astype("uint8")
    forecast = replace(part.forecast, levels=task.levels, quantiles=quantiles, intervals=task.intervals)
    return replace(part, forecast=forecast, basis=basis)


def _completed(
    shift: Array, stamps: Array, errors: Array, known: Array, levels: tuple[float, ...]
) -> tuple[Array, Array]:
    """Shifts (blocks + 1, H, Q) without the blanks that can be filled, and the Basis of each as uint8.

    stamps (M, H) at which errors (M, H, P) mature; known (blocks + 1,): the moment until which each block may look.
    """
    blank = np.isnan(shift[..., 0])
    basis = np.where(blank, Basis.NONE, Basis.CALIBRATED)
    if errors.shape[-1] > 1:
        filled = np.where(blank[..., None], 0.0, shift)
        return filled, np.where(blank, Basis.OWN, basis).astype("uint8")
    filled = shift.copy()
    for number in np.flatnonzero(blank.any(1)):
        matured = (stamps <= known[number]) & blank[number]
        few = pooled(stamps, np.where(matured, errors[..., 0], np.nan), levels)
        filled[number] = _widening(shift[number], few, levels.index(0.5))
    given = ~np.isnan(filled[..., 0])
    basis = np.where(blank & given, Basis.POOLED, basis)
    exact = given & (filled == 0).all(-1)
    return filled, np.where(exact, Basis.EXACT, basis).astype("uint8")


def _widening(shift: Array, few: Array, middle: int) -> Array:
    """Calibrated shifts (H, Q) of one block; where they are NaN, `few` (H, Q), no nearer than any earlier step, and of steps that have
    neither the next step's."""
    made = np.where(np.isnan(shift), few, shift)
    reached = made.copy()
    reached[:, :middle] = np.fmin.accumulate(made[:, :middle], axis=0)
    reached[:, middle:] = np.fmax.accumulate(made[:, middle:], axis=0)
    made = np.where(np.isnan(shift) & ~np.isnan(made), reached, made)
    given = np.flatnonzero(~np.isnan(made[:, 0]))
    following = np.searchsorted(given, np.arange(len(made)))
    inside = following < len(given)
    made[inside] = made[given[following[inside]]]
    return made


def pooled(stamps: Array, errors: Array, levels: tuple[float, ...]) -> Array:
    """Shifts (H, Q) at levels (Q,) from the few errors (M, H), NaN where there is none, that matured at stamps (M, H); NaN for steps without any.

    Errors of neighbouring steps whose mean square does not grow from one to the next are taken together (isotonic regression by pooling adjacent
    violators; Barlow et al. 1972), and `reach` gives their quantiles. One is taken from the number of independent ones, as their mean size,
    around which they are counted, is estimated too. Nothing is given from fewer than FEW errors.
    """
    shifts = np.full((errors.shape[1], len(levels)), np.nan)
    seen = ~np.isnan(errors)
    steps = np.flatnonzero(seen.any(0))
    if seen.sum() < FEW:
        return shifts
    asked = np.array(levels)
    squares = np.where(seen, errors, 0.0)[:, steps] ** 2
    for run in runs_that_grow(squares.sum(0), seen.sum(0)[steps]):
        chosen = np.zeros_like(seen)
        chosen[:, steps[run]] = seen[:, steps[run]]
        order = np.argsort(stamps[chosen], kind="stable")
        own, when = errors[chosen][order], stamps[chosen][order]
        count = max(1.0, independent(own, when) - 1)
        shifts[steps[run]] = reach(own[:, None], asked, count, asked)
    shifts[steps, levels.index(0.5)] = 0.0
    return shifts


@dataclass
class Joined:
    """Neighbouring steps that are taken together: the sum of their values and the number of them."""

    stop: int
    total: float
    count: int

    @property
    def mean(self) -> float:
        """The mean value."""
        return self.total / self.count


def runs_that_grow(totals: Array, counts: Array) -> list[slice]:
    """The runs of neighbouring steps into which isotonic regression joins means, given as totals (n,) and counts (n,) of values from 0 on.

    Steps whose mean is 0 are joined to the next: that no error was seen yet says little while others are not 0.
    """
    runs: list[Joined] = []
    for step, (total, count) in enumerate(zip(totals, counts, strict=True)):
        runs.append(Joined(step + 1, float(total), int(count)))
        while len(runs) > 1 and (runs[-2].mean >= runs[-1].mean or runs[-2].mean == 0):
            last = runs.pop()
            runs[-1] = Joined(last.stop, runs[-1].total + last.total, runs[-1].count + last.count)
    stops = [run.stop for run in runs]
    return [slice(begin, stop) for begin, stop in zip([0, *stops[:-1]], stops, strict=True)]


def _shifts(
    stamps: Array, errors: Array, block: Array, known: Array, levels: tuple[float, ...], series: float
) -> Array:
    """Shifts (blocks + 1, Q) of one step: stamps (M,) at which errors (M, P) mature, the block (M,) each belongs to, when blocks begin."""
    seen = np.flatnonzero(~np.isnan(errors).any(1))
    order = seen[np.argsort(stamps[seen], kind="stable")]
    stamps, errors, block = stamps[order], errors[order], block[order]
    middle, asked = levels.index(0.5), np.array(levels)
    edge = np.minimum(asked, 1 - asked) / 5
    level = asked.copy()
    shifts = np.full((len(known), len(levels)), np.nan)
    before, worth = 0, 1.0  # worth: independent errors per moment
    for number, now in enumerate(np.searchsorted(stamps, known, side="right")):
        below = errors[before:now] <= shifts[block[before:now]]
        scored = ~np.isnan(shifts[block[before:now], 0])
        if scored.any():
            level = np.clip(
                level + PACE * worth * scored.sum() / series * (asked - below[scored].mean(0)), edge, 1 - edge
            )
        before = now
        if now >= LEAST:
            window = slice(max(0, now - round(WINDOW * series)), now)
            count = independent(errors[window, min(middle, errors.shape[1] - 1)], stamps[window])
            worth = min(1.0, count * series / (now - window.start))
            shifts[number] = reach(_drawn(errors[window]), level, count, asked)
    shifts[:, middle] = np.where(np.isnan(shifts[:, middle]), np.nan, 0.0)
    return shifts


def independent(errors: Array, stamps: Array) -> float:
    """How many independent errors the errors (n,) are worth that matured at stamps (n,), rising: between 1 and n.

    It is the number that would leave the mean size of an error as uncertain as it is, with the long-run variance of its mean at each stamp
    summed over lags until the autocovariance first falls to zero (the initial positive sequence of Geyer 1992). Errors of several series at
    one stamp count as many where they are unrelated, and as one where they are the same. Sizes, not signs: the ends of an interval depend on
    how large errors are.
    """
    size = np.abs(errors)
    moment = np.cumsum(np.append(0, stamps[1:] != stamps[:-1]))
    mean = np.bincount(moment, size) / np.bincount(moment)
    power = np.abs(np.fft.rfft(mean - mean.mean(), 2 * len(mean))) ** 2
    covariance = np.fft.irfft(power)[: len(mean)] / len(mean)
    ended = np.flatnonzero(covariance <= 0)
    long_run = covariance[0] + 2 * covariance[1 : ended[0] if len(ended) else None].sum()
    if long_run <= 1e-12 * max(float(mean.mean()) ** 2, 1e-300):
        return float(len(errors))
    return float(np.clip(size.var() * len(mean) / long_run, 1, len(errors)))


def reach(errors: Array, level: Array, count: float, asked: Array) -> Array:
    """Shifts (Q,) that errors (n, P), worth `count` independent ones, ask for at levels (Q,); asked (Q,) are the levels before adaptation.

    Of n independent errors the next lies below the one at place (n + 1) p of their order with chance p. Errors in clumps of b = n / count
    equal ones ask for place (n + b) p - (b - 1) / 2: the level is moved away from the median by (n + b) / (n + 1). That place does not exist
    where (count + 1) p < 1: the quantile then lies where Student's t with `count` degrees of freedom and the spread of the point's errors has it.
    """
    held = np.sort(errors, axis=0)
    n = len(held)
    widened = 0.5 + (level - 0.5) * (1 + 1 / min(count, n)) / (1 + 1 / n)
    place = np.clip((n + 1) * widened - 1, 0, n - 1)
    column = np.arange(len(level)) if held.shape[1] > 1 else 0
    low = np.floor(place).astype("int64")
    high = np.minimum(low + 1, n - 1)
    made: Array = held[low, column] + (place - low) * (held[high, column] - held[low, column])
    far = (count + 1) * np.minimum(asked, 1 - asked) < 1
    if not far.any():
        return made
    from scipy.special import stdtrit

    middle = int(np.abs(asked - 0.5).argmin()) if errors.shape[1] > 1 else 0
    point = errors[:, [middle]]
    tail = stdtrit(count, level) * np.sqrt(np.mean(point**2)) - (point - errors).mean(0)
    return np.where(far, tail, made)


def _drawn(errors: Array) -> Array:
    """All errors (n, P) of a window, or MOST of them: evenly spaced ones would be of the same few series."""
    return errors if len(errors) <= MOST else errors[np.random.default_rng(0).integers(0, len(errors), MOST)]


def _answers(parts: list[Outcome]) -> Array:
    """What the model said, (M, H, P): its quantiles, NaN in parts that have none, or where no part has any its point."""
    several = max(len(part.forecast.levels) for part in parts)
    if not several:
        return np.concatenate([part.forecast.values for part in parts])[..., None]
    nothing = [np.full((*part.actual.shape, several), np.nan) for part in parts]
    return np.concatenate(
        [
            empty if part.forecast.quantiles is None else part.forecast.quantiles
            for part, empty in zip(parts, nothing, strict=True)
        ]
    )


def _scaled(part: Outcome, values: Array) -> Array:
    """Values of the target (M, H, P) as its model saw them, transformed and scaled; NaN where the series was not fitted."""
    rows = part.fitted
    return np.where((rows >= 0)[:, None, None], part.truth.scaling.forward(values, rows), np.nan)
