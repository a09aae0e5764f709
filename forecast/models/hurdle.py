"""Amounts that are mostly 0: the probability of an amount, and its distribution where there is one, as one with a mass at 0.

A hurdle model (Cragg 1971; Mullahy 1986). An amount is read, and answered, as asinh(z - zero) of its scaled value: 0 at 0,
linear for small amounts and a log for large ones. Axes: M origins, H horizon, K conditional levels, Q levels.
"""

from dataclasses import replace

import numpy as np

from forecast.arrays import Array
from forecast.copula import values_at
from forecast.data.bounds import MANY_ZEROS, share_of_zeros
from forecast.data.panel import Panel
from forecast.errors import ForecastError

LEAST = 20  # amounts that it is learned from
CONDITIONAL = (0.01, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99)  # levels given an amount
SMALLEST = 1e-6  # amount that is answered where there is one
MEANS = np.linspace(0.005, 0.995, 100)  # levels of which a mean is taken


def wanted(asked: bool | None, past: Panel, name: str) -> bool:
    """Whether a model called `name` is fitted with a hurdle: where that is asked, or nothing is and the past is mostly 0.

    Chosen where over a quarter of the observed target is 0 and none is below. ForecastError where it is asked of a past
    with values below 0, or with fewer than LEAST amounts.
    """
    if asked is False or (past.names and not asked):
        return False
    if past.names:
        raise ForecastError(f"`{name}.hurdle=true` is of amounts, and {past.target} has names. Leave it out.")
    sizes = amounts(past)
    rows = [sizes.values[past.rows(series), 0] for series in range(len(past.ids))]
    target = np.concatenate(rows)
    seen = target[~np.isnan(target)]
    below = int((seen < 0).sum())
    above = int((seen > 0).sum())
    if asked and (below or above < LEAST):
        found = f"{below} are below 0" if below else f"{above} are above 0, and {LEAST} are needed"
        raise ForecastError(
            f"`{name}.hurdle=true` is of amounts that are 0 or above; of the {len(seen):,} values of the past {found}. Leave"
            f" it out."
        )
    if asked:
        return True
    return not below and above >= LEAST and share_of_zeros(sizes) > MANY_ZEROS


def note_of(past: Panel) -> str:
    """One sentence on a fit with a hurdle. past: in amounts."""
    return f"hurdle: {share_of_zeros(past):.0%} of the past is 0, so the chance of an amount and its size are forecast apart"


def zeros_of(panel: Panel) -> Array:
    """What 0 is in the units of each series (S,) of a panel."""
    if panel.zeros is None:
        return np.zeros(len(panel.ids))
    return np.nan_to_num(panel.zeros)


def amounts(panel: Panel) -> Panel:
    """The panel with its target as amounts: 0 is 0, whatever the scale made of it."""
    values = panel.values.copy()
    for series, zero in enumerate(zeros_of(panel)):
        rows = panel.rows(series)
        values[rows, 0] = np.arcsinh(values[rows, 0] - zero)
    return replace(panel, values=values, zeros=None)


def share_of(logit: Array) -> Array:
    """1 / (1 + exp(-logit))."""
    from scipy.special import expit

    made: Array = expit(logit)
    return made


def joined(chance: Array, sizes: Array, zero: Array, levels: tuple[float, ...]) -> Array:
    """Quantiles (M, H, Q), scaled, of the chance (M, H) of an amount and its sizes (M, H, K) at the CONDITIONAL levels.

    zero (M,): the scaled 0. Without levels the mean (M, H, 1): a median would be 0 wherever an amount is less likely than
    not.
    """
    asked = np.array(levels) if levels else MEANS
    rising = np.maximum.accumulate(np.maximum(sizes, SMALLEST), axis=-1)
    flat = rising.reshape(-1, rising.shape[-1])
    none = 1 - chance.reshape(-1, 1)
    given = (asked - none) / np.maximum(1 - none, SMALLEST)
    inside = np.clip(given, 1e-4, 1 - 1e-4)
    from scipy.special import ndtri

    found = values_at(ndtri(inside).T, flat, CONDITIONAL).T
    made = np.where(given > 0, np.sinh(np.maximum(found, SMALLEST)), 0.0)
    made = made.reshape(*chance.shape, len(asked)) + zero[:, None, None]
    return made if levels else made.mean(-1, keepdims=True)
