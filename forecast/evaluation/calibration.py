"""Honest intervals for any model, from the past errors of a walk: conformal, step by step, adaptive. It never looks ahead.

Where a step has too few errors for that, the model's own distribution stays unchanged; a model without one takes the
errors of neighbouring steps together.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from forecast.arrays import Array
from forecast.copula import CELLS, Templates, kept_levels, levels_of, read_at
from forecast.copula import MOST as MOST_TEMPLATES
from forecast.evaluation.blocks import Blocks, blocks_of, independent, independent_windows
from forecast.evaluation.tempering import temper
from forecast.results import Basis, Calibration, Outcome, Taught, by_model, ordered, within
from forecast.task import Bounds, Task, quantile_levels

LEAST = 40  # matured errors of a step before its interval is calibrated
FEW = 3  # matured errors of all steps before any interval is given
WINDOW = 1000  # moments that are remembered
MOST = 4000  # errors that are sorted; of a window with more, this number is drawn
PACE = 0.005  # of the adaptation, per independent error (gamma in Gibbs and Candes 2021)


def calibrate(
    outcomes: Iterable[Outcome],
    intervals: Iterable[float] | None = None,
    bounds: Bounds | None = None,
) -> tuple[list[Outcome], dict[str, Taught]]:
    """Outcomes with quantiles, and for each model the Calibration that holds after the walk.

    Of a target of names the shares are made sharper or less sharp instead (`forecast.evaluation.tempering`).

    Each quantile of a model (its point, where it has none) is moved by the empirical quantile of its own errors at that
    step of the horizon, in units of the series' spread, over the latest WINDOW moments (conformal prediction; Vovk et al.
    2005). Horizons overlap, so n errors count as fewer independent ones, and their quantiles lie too far inside: the
    level that is asked of them is widened accordingly (`reach`). Where even their extremes are not far enough, Student's
    t takes their place. The level is corrected as errors miss too often or too seldom (adaptive conformal inference;
    Gibbs and Candes 2021). An error of step h counts from the moment on whose cutoff its stamp (or place, where origins
    are counted from each series' end) has reached.

    intervals, bounds: in place of those of the walk's task, whose levels are calibrated; without any, the intervals 80
    and 95.

    Where fewer than LEAST errors of a step have matured, the model's own quantiles stay unmoved, or, where it has none,
    `pooled` takes the few errors of neighbouring steps together; `Outcome.basis` and `Calibration.basis` say which. Own
    quantiles of series that were not fitted stay unmoved too. NaN where fewer than FEW errors have matured or none of
    this step or a later one, where a series was not fitted by a model without quantiles, and where a model that has
    quantiles gave none.
    """
    models = by_model(outcomes)
    parts_of_all = [part for parts in models.values() for part in parts]
    if not parts_of_all:
        return [], {}
    task = calibrated_task(parts_of_all[0].truth.task, intervals, bounds)
    if parts_of_all[0].forecast.names:
        return temper(models)
    if not task.levels:
        return parts_of_all, {}
    moved: list[Outcome] = []
    learned: dict[str, Taught] = {}
    for model, parts in models.items():
        made, learned[model] = _calibrate(parts, task)
        moved += made
    return moved, learned


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
    ends = np.cumsum([len(part.actual) for part in parts])[:-1]
    in_levels = all(part.forecast.mass for part in parts)
    if not in_levels:  # folds differ in whether they have a mass at 0: all are shifted alike
        parts = [replace(part, forecast=replace(part.forecast, mass=False)) for part in parts]
    base, errors = _errors_of(parts, ends, in_levels)
    moments = np.concatenate([part.moments for part in parts])
    stamps = moments[:, 1:]
    blocks = blocks_of(moments[:, 0], stamps)
    steps = range(stamps.shape[1])
    of_steps = [_shifts(stamps[:, step], errors[:, step], blocks, levels) for step in steps]
    shift = np.stack(of_steps, axis=1)
    if in_levels:
        shift, basis = _own_levels(shift, levels)
    else:
        shift, basis = _completed(shift, stamps, errors, blocks.known, levels)
    numbers = np.split(blocks.number, ends)
    made = _all_moved(parts, base, numbers, shift, basis, task)
    templates = templates_of(made)
    if not len(templates.levels):  # a walk of one moment has errors after it alone
        after = [np.full_like(number, -1) for number in numbers]
        templates = templates_of(_all_moved(parts, base, after, shift, basis, task))
    return made, Calibration(levels, shift[-1], basis[-1], templates, in_levels)


def _errors_of(parts: list[Outcome], ends: Array, in_levels: bool) -> tuple[list[Array], Array]:
    """What is moved of each part, and the errors (M, H, P) of all: in levels their normal scores, otherwise in scaled units."""
    if in_levels:
        quantiles = [_quantiles_of(part) for part in parts]
        return quantiles, np.concatenate([_scores_of(part) for part in parts])
    answers = np.split(_answers(parts), ends)
    base = [_scaled(part, own) for part, own in zip(parts, answers, strict=True)]
    truth = [_scaled(part, part.actual[..., None]) for part in parts]
    return base, np.concatenate(truth) - np.concatenate(base)


def _all_moved(
    parts: list[Outcome], base: list[Array], numbers: list[Array], shift: Array, basis: Array, task: Task
) -> list[Outcome]:
    """Each part moved by the shifts of the blocks numbered for its origins (M,)."""
    made = []
    for part, own, number in zip(parts, base, numbers, strict=True):
        made.append(_moved(part, own, shift[number], basis[number], task))
    return made


def _scores_of(part: Outcome) -> Array:
    """The normal scores (M, H, 1) of the levels at which the actual values lay; NaN where a series was not fitted."""
    from scipy.special import ndtri

    found = levels_of(part.actual, _quantiles_of(part), part.forecast.levels)
    fitted = (part.fitted >= 0)[:, None]
    inside = np.clip(found, 1 / (2 * CELLS), 1 - 1 / (2 * CELLS))
    return np.where(fitted, ndtri(inside), np.nan)[..., None]


def _own_levels(scores: Array, levels: tuple[float, ...]) -> tuple[Array, Array]:
    """Normal scores (blocks + 1, H, Q) with those of the levels themselves where none was learned, and the Basis of each."""
    from scipy.special import ndtri

    blank = np.isnan(scores[..., 0])
    made = np.where(blank[..., None], ndtri(np.array(levels)), scores)
    return made, np.where(blank, Basis.OWN, Basis.CALIBRATED).astype("uint8")


def templates_of(outcomes: list[Outcome], until: Any = None) -> Templates:
    """The templates of sample paths from calibrated outcomes of one model.

    Of every window whose last step has come, those that are observed in half of their steps or more count; a missing step
    takes the level of the nearest observed one. Of more than MOST_TEMPLATES, in order of time, one is drawn from each of as
    many stretches. until: the moment (stamp or place) whose knowledge counts, by default the end of the walk; an origin
    whose horizon has not passed by then never counts.
    """
    levels = outcomes[0].forecast.levels
    moments = np.concatenate([outcome.moments for outcome in outcomes])
    actual = np.concatenate([outcome.actual for outcome in outcomes])
    quantiles = np.concatenate([_quantiles_of(outcome) for outcome in outcomes])
    known = ~(np.isnan(actual) | np.isnan(quantiles[..., 0]))
    usable = known[:, -1] & (known.mean(1) >= 0.5)
    if until is not None:
        usable &= moments[:, -1] <= until
    windows = np.flatnonzero(usable)
    windows = _one_of_each_stretch(windows[np.argsort(moments[windows, 0], kind="stable")])
    found = _nearest_filled(levels_of(actual[windows], quantiles[windows], levels))
    if not len(found):
        return Templates(kept_levels(found), 0.0)
    kept = kept_levels(found)
    return Templates(kept, independent_windows((kept + 0.5) / CELLS, moments[windows, 0]))


def _quantiles_of(outcome: Outcome) -> Array:
    """The quantiles (M, H, Q) of an outcome that has some."""
    quantiles = outcome.forecast.quantiles
    if quantiles is None:
        raise AssertionError("an outcome that was calibrated, or has a mass at 0, has quantiles")
    return quantiles


def _one_of_each_stretch(windows: Array) -> Array:
    """All of some windows (n,), or one drawn from each of MOST_TEMPLATES stretches of them."""
    if len(windows) <= MOST_TEMPLATES:
        return windows
    random = np.random.default_rng(0)
    begins = np.linspace(0, len(windows), MOST_TEMPLATES, endpoint=False)
    drawn = begins + random.uniform(size=MOST_TEMPLATES) * len(windows) / MOST_TEMPLATES
    return windows[drawn.astype("int64")]


def _nearest_filled(levels: Array) -> Array:
    """Levels (T, H) in which a missing step has the level of the nearest step that has one, of two the later one."""
    steps = np.arange(levels.shape[1])
    filled = levels.copy()
    for row in np.flatnonzero(np.isnan(levels).any(1)):
        seen = np.flatnonzero(~np.isnan(levels[row]))
        distance = np.abs(np.subtract.outer(steps, seen[::-1]))
        filled[row] = levels[row, seen[::-1][distance.argmin(1)]]
    return filled


def _moved(part: Outcome, own: Array, shift: Array, basis: Array, task: Task) -> Outcome:
    """A part whose scaled answers (M, H, P) are moved by shifts (M, H, Q); where that gives nothing, its own quantiles stay."""
    point = part.forecast.values
    moved = _read_or_shifted(part, own, shift, task.levels)
    if part.forecast.quantiles is not None:
        unmoved = (basis == Basis.OWN)[..., None] | np.isnan(moved)
        moved = np.where(unmoved, part.forecast.quantiles, moved)
        basis = np.where(unmoved.any(-1), Basis.OWN, basis)
    quantiles = within(ordered(moved, task.levels, point, quantile_levels(task.intervals)), task.bounds)
    given = ~np.isnan(quantiles).any(-1)
    basis = np.where(given, basis, Basis.NONE).astype("uint8")
    forecast = replace(part.forecast, levels=task.levels, quantiles=quantiles, intervals=task.intervals)
    return replace(part, forecast=forecast, basis=basis)


def _read_or_shifted(part: Outcome, own: Array, shift: Array, levels: tuple[float, ...]) -> Array:
    """The moved quantiles (M, H, Q) in units of the target; with a mass at 0 read at other levels, and none below 0."""
    if part.forecast.mass:
        return np.maximum(read_at(own, levels, shift), 0.0)
    return part.truth.scaling.invert(own + shift, part.fitted)


def _completed(
    shift: Array, stamps: Array, errors: Array, known: Array, levels: tuple[float, ...]
) -> tuple[Array, Array]:
    """Shifts (blocks + 1, H, Q) without the blanks that can be filled, and the Basis of each as uint8.

    stamps (M, H) at which errors (M, H, P) mature; known (blocks + 1,): the moment until which each block may look.
    """
    blank = np.isnan(shift[..., 0])
    if errors.shape[-1] > 1:
        unmoved = np.where(blank[..., None], 0.0, shift)
        own = np.where(blank, Basis.OWN, Basis.CALIBRATED)
        return unmoved, own.astype("uint8")
    filled = shift.copy()
    for number in np.flatnonzero(blank.any(1)):
        matured = (stamps <= known[number]) & blank[number]
        few = pooled(stamps, np.where(matured, errors[..., 0], np.nan), levels)
        filled[number] = _widening(shift[number], few, levels.index(0.5))
    given = ~np.isnan(filled[..., 0])
    basis = np.where(blank, Basis.NONE, Basis.CALIBRATED)
    basis = np.where(blank & given, Basis.POOLED, basis)
    exact = given & (filled == 0).all(-1)
    return filled, np.where(exact, Basis.EXACT, basis).astype("uint8")


def _widening(shift: Array, few: Array, middle: int) -> Array:
    """Calibrated shifts (H, Q) of one block; where they are NaN, `few` (H, Q), no nearer than any earlier step.

    Steps that have neither take those of the next step.
    """
    blank = np.isnan(shift)
    made = np.where(blank, few, shift)
    reached = made.copy()
    reached[:, :middle] = np.fmin.accumulate(made[:, :middle], axis=0)
    reached[:, middle:] = np.fmax.accumulate(made[:, middle:], axis=0)
    made = np.where(blank & ~np.isnan(made), reached, made)
    given = np.flatnonzero(~np.isnan(made[:, 0]))
    following = np.searchsorted(given, np.arange(len(made)))
    inside = following < len(given)
    made[inside] = made[given[following[inside]]]
    return made


def pooled(stamps: Array, errors: Array, levels: tuple[float, ...]) -> Array:
    """Shifts (H, Q) at levels (Q,) from the few errors (M, H) that matured at stamps (M, H); NaN for steps without any.

    Errors are NaN where there is none. Those of neighbouring steps whose mean square does not grow from one to the next
    are taken together (isotonic regression by pooling adjacent violators; Barlow et al. 1972), and `reach` gives their
    quantiles. One is taken from the number of independent ones, as their mean size, around which they are counted, is
    estimated too. Nothing is given from fewer than FEW errors.
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
        own = errors[chosen][order]
        count = max(1.0, independent(own, stamps[chosen][order]) - 1)
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

    def grows_to(self, other: "Joined") -> bool:
        """Whether the mean of the next steps is larger; from a mean of 0 nothing grows."""
        return 0 < self.mean < other.mean

    def with_next(self, other: "Joined") -> "Joined":
        """These steps and the next ones together."""
        return Joined(other.stop, self.total + other.total, self.count + other.count)


def runs_that_grow(totals: Array, counts: Array) -> list[slice]:
    """The runs of neighbouring steps into which isotonic regression joins means.

    The means are given as totals (n,) and counts (n,) of values from 0 on. Steps whose mean is 0 are joined to the next:
    that no error was seen yet says little while others are not 0.
    """
    runs: list[Joined] = []
    for step, (total, count) in enumerate(zip(totals, counts, strict=True)):
        runs.append(Joined(step + 1, float(total), int(count)))
        while len(runs) > 1 and not runs[-2].grows_to(runs[-1]):
            last = runs.pop()
            runs[-1] = runs[-1].with_next(last)
    found = []
    begin = 0
    for run in runs:
        found.append(slice(begin, run.stop))
        begin = run.stop
    return found


def _shifts(stamps: Array, errors: Array, blocks: Blocks, levels: tuple[float, ...]) -> Array:
    """Shifts (blocks + 1, Q) of one step, from errors (M, P) that mature at stamps (M,)."""
    seen = np.flatnonzero(~np.isnan(errors).any(1))
    order = seen[np.argsort(stamps[seen], kind="stable")]
    stamps = stamps[order]
    errors = errors[order]
    block = blocks.number[order]
    asked = np.array(levels)
    middle = levels.index(0.5)
    point = min(middle, errors.shape[1] - 1)
    longest = round(WINDOW * blocks.series)  # errors in the window
    level = asked
    shifts = np.full((len(blocks.known), len(levels)), np.nan)
    before = 0
    worth = 1.0  # independent errors per moment
    for number, now in enumerate(np.searchsorted(stamps, blocks.known, side="right")):
        given = shifts[block[before:now]]
        level = _adapted(level, errors[before:now], given, asked, PACE * worth, blocks.series)
        before = now
        if now < LEAST:
            continue
        window = slice(max(0, now - longest), now)
        count = independent(errors[window, point], stamps[window])
        worth = min(1.0, count * blocks.series / (now - window.start))
        shifts[number] = reach(_drawn(errors[window]), level, count, asked)
    shifts[:, middle] = np.where(np.isnan(shifts[:, middle]), np.nan, 0.0)
    return shifts


def _adapted(level: Array, errors: Array, given: Array, asked: Array, pace: float, series: float) -> Array:
    """Levels (Q,) corrected by the share of new errors (n, P) that lie below the shifts (n, Q) that they were given.

    asked (Q,): the share that should lie below · pace: of the correction for one moment, which has `series` errors.
    """
    scored = ~np.isnan(given[:, 0])
    if not scored.any():
        return level
    below = (errors <= given)[scored].mean(0)
    weight = pace * scored.sum() / series
    edge = np.minimum(asked, 1 - asked) / 5
    return np.clip(level + weight * (asked - below), edge, 1 - edge)


def reach(errors: Array, level: Array, count: float, asked: Array) -> Array:
    """Shifts (Q,) at levels (Q,) from errors (n, P) that count as `count` independent ones.

    asked (Q,): the levels before adaptation. Where (count + 1) p < 1 the errors have no quantile p, and it lies where
    Student's t with `count` degrees of freedom and the spread of the point's errors has it.
    """
    made = _empirical(errors, level, count)
    far = (count + 1) * np.minimum(asked, 1 - asked) < 1
    if not far.any():
        return made
    return np.where(far, _student(errors, level, count, asked), made)


def _empirical(errors: Array, level: Array, count: float) -> Array:
    """Quantiles (Q,) of errors (n, P) at levels (Q,), between the two errors nearest to the place of each.

    Of n independent errors the next lies below the one at place (n + 1) p of their order with chance p. Errors in clumps
    of b = n / count equal ones ask for place (n + b) p - (b - 1) / 2: the level is moved away from the median by
    (n + b) / (n + 1).
    """
    rising = np.sort(errors, axis=0)
    n = len(rising)
    widened = 0.5 + (level - 0.5) * (1 + 1 / min(count, n)) / (1 + 1 / n)
    place = np.clip((n + 1) * widened - 1, 0, n - 1)
    low = np.floor(place).astype("int64")
    high = np.minimum(low + 1, n - 1)
    column = np.arange(len(level)) if rising.shape[1] > 1 else 0
    below = rising[low, column]
    made: Array = below + (place - low) * (rising[high, column] - below)
    return made


def _student(errors: Array, level: Array, count: float, asked: Array) -> Array:
    """Quantiles (Q,) of Student's t at levels (Q,) with the spread of the errors (n, P) of the point."""
    from scipy.special import stdtrit

    middle = int(np.abs(asked - 0.5).argmin()) if errors.shape[1] > 1 else 0
    point = errors[:, [middle]]
    spread = np.sqrt(np.mean(point**2))
    return np.asarray(stdtrit(count, level) * spread - (point - errors).mean(0))


def _drawn(errors: Array) -> Array:
    """All errors (n, P) of a window, or MOST of them: evenly spaced ones would be of the same few series."""
    if len(errors) <= MOST:
        return errors
    return errors[np.random.default_rng(0).integers(0, len(errors), MOST)]


def _answers(parts: list[Outcome]) -> Array:
    """The answers of a model, (M, H, P): its quantiles, NaN in parts without any, or where no part has any its point."""
    several = max(len(part.forecast.levels) for part in parts)
    if not several:
        return np.concatenate([part.forecast.values for part in parts])[..., None]
    answers = []
    for part in parts:
        if part.forecast.quantiles is None:
            answers.append(np.full((*part.actual.shape, several), np.nan))
        else:
            answers.append(part.forecast.quantiles)
    return np.concatenate(answers)


def _scaled(part: Outcome, values: Array) -> Array:
    """Values of the target (M, H, P) as its model saw them, transformed and scaled; NaN where the series was not fitted."""
    rows = part.fitted
    fitted = (rows >= 0)[:, None, None]
    return np.where(fitted, part.truth.scaling.forward(values, rows), np.nan)
