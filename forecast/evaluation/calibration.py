"""Honest intervals for any model, from the errors that a walk has seen mature: conformal, step by step, adaptive. It never looks ahead."""

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from forecast.files import Array
from forecast.models.base import Bounds
from forecast.results import Calibration, Outcome, ordered, quantile_levels, within

BLOCKS = 100  # of the walk: the shifts are learned anew at the beginning of each
LEAST = 40  # matured errors of a step before it gets an interval
WINDOW = 1000  # moments that are remembered
MOST = 4000  # errors that a window may hold; of more, evenly spaced ones are taken
PACE = 0.005  # of the adaptation, per moment (gamma in Gibbs and Candes 2021)


def calibrate(
    outcomes: Iterable[Outcome], intervals: Iterable[float] = (80, 95), bounds: Bounds = (None, None)
) -> tuple[list[Outcome], dict[str, Calibration]]:
    """Outcomes with quantiles, and for each model the Calibration that holds after the walk.

    Each quantile of a model (its point, where it has none) is moved by the empirical quantile of its own errors at that step of the horizon, in
    units of the series' spread, over the latest WINDOW moments (conformal prediction; Vovk et al. 2005). The level that is asked of those
    errors is corrected as they miss too often or too seldom (adaptive conformal inference; Gibbs and Candes 2021). An error of step h counts
    from the moment on whose cutoff its stamp has reached. NaN where fewer than LEAST errors have matured, and for series that were not fitted.
    """
    levels = quantile_levels(intervals)
    models: dict[str, list[Outcome]] = {}
    for outcome in outcomes:
        models.setdefault(outcome.forecast.model, []).append(outcome)
    if not levels:
        return [outcome for parts in models.values() for outcome in parts], {}
    pairs = {model: _calibrate(parts, levels, bounds) for model, parts in models.items()}
    return [outcome for parts, _ in pairs.values() for outcome in parts], {model: learned for model, (_, learned) in pairs.items()}


def _calibrate(parts: list[Outcome], levels: tuple[float, ...], bounds: Bounds) -> tuple[list[Outcome], Calibration]:
    """The parts of one model."""
    base = np.concatenate([_answers(part) for part in parts])
    spread = np.concatenate([_spread(part) for part in parts])
    stamps = np.concatenate([part.forecast.times for part in parts])
    errors = (np.concatenate([part.truth for part in parts])[..., None] - base) / spread[:, None, None]
    cutoffs = np.concatenate([part.forecast.cutoffs for part in parts])
    moments, moment = np.unique(cutoffs, return_inverse=True)
    starts = np.array([block[0] for block in np.array_split(np.arange(len(moments)), min(BLOCKS, len(moments)))])
    block = np.searchsorted(starts, moment, side="right") - 1
    known = np.append(moments[starts], stamps.max())  # when each block begins; and after the walk
    series = len(errors) / len(moments)  # a moment
    shift = np.stack([_shifts(stamps[:, h], errors[:, h], block, known, levels, series) for h in range(stamps.shape[1])], axis=1)
    moved = base + shift[block] * spread[:, None, None]
    values = np.concatenate([part.forecast.values for part in parts])
    quantiles = within(ordered(moved, levels, values), bounds)
    cuts = np.cumsum([len(part.truth) for part in parts])[:-1]
    made = [
        replace(part, forecast=replace(part.forecast, levels=levels, quantiles=own))
        for part, own in zip(parts, np.split(quantiles, cuts), strict=True)
    ]
    return made, Calibration(levels, shift[-1])


def _shifts(stamps: Array, errors: Array, block: Array, known: Array, levels: tuple[float, ...], series: float) -> Array:
    """Shifts (blocks + 1, Q) of one step: stamps (M,) at which errors (M, P) mature, the block (M,) each belongs to, when blocks begin."""
    seen = np.flatnonzero(~np.isnan(errors[:, 0]))
    order = seen[np.argsort(stamps[seen], kind="stable")]
    stamps, errors, block = stamps[order], errors[order], block[order]
    asked = np.array(levels)
    edge = np.minimum(asked, 1 - asked) / 5
    level = asked.copy()
    shifts = np.full((len(known), len(levels)), np.nan)
    reached = np.searchsorted(stamps, known, side="right")
    before = 0
    for number, now in enumerate(reached):
        fresh = slice(before, now)
        below = errors[fresh] <= shifts[block[fresh]]
        scored = ~np.isnan(shifts[block[fresh], 0])
        if scored.any():
            level += PACE * scored.sum() / series * (asked - below[scored].mean(0))
            level = np.clip(level, edge, 1 - edge)
        before = now
        if now >= LEAST:
            first = max(0, now - round(WINDOW * series))
            shifts[number] = _quantiles(errors[first : now : max(1, -(-(now - first) // MOST))], level)
    shifts[:, levels.index(0.5)] = np.where(np.isnan(shifts[:, 0]), np.nan, 0.0)
    return shifts


def _quantiles(errors: Array, level: Array) -> Array:
    """Quantiles (Q,) of errors (n, P) at place (n + 1) level of their order: with n errors, the next lies below with that chance."""
    held = np.sort(errors, axis=0)
    place = np.clip((len(held) + 1) * level - 1, 0, len(held) - 1)
    column = np.arange(len(level)) if held.shape[1] > 1 else 0
    low = np.floor(place).astype("int64")
    high = np.minimum(low + 1, len(held) - 1)
    made: Array = held[low, column] + (place - low) * (held[high, column] - held[low, column])
    return made


def _answers(part: Outcome) -> Array:
    """What the model said, (M, H, P): its quantiles, with its point where it has none."""
    forecast = part.forecast
    if forecast.quantiles is None:
        return forecast.values[..., None]
    return np.where(np.isnan(forecast.quantiles), forecast.values[..., None], forecast.quantiles)


def _spread(part: Outcome) -> Array:
    """The spread (M,) of the target of each origin's series; NaN where the series was not fitted."""
    fitted = {name: i for i, name in enumerate(part.scaling.ids)}
    row = np.array([fitted.get(name, -1) for name in part.forecast.ids])[part.forecast.origins[:, 0]]
    return np.where(row >= 0, part.scaling.spread[row, 0], np.nan)
