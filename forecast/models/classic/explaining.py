"""What makes up the forecast of a regression with ARIMA noise: all of it is linear, so all of it is exact.

Axes: n rows read, J steps of the horizon H, K future columns.
"""

from typing import NamedTuple

import numpy as np

from forecast.arrays import Array
from forecast.models.contributions import Contributions, nothing

TREND = 2  # the constant and the position, first among the regressors


class Regression(NamedTuple):
    """The rows behind one forecast: the target (n,), regressors of these rows (n, 2 + 2 pairs + K) and of the
    horizon (H, ...), and the weights of the regressors."""

    values: Array
    known: Array
    ahead: Array
    weights: Array


def explained_row(
    rows: Regression, shares: Array, steps: Array, future: list[int], columns: int
) -> Contributions:
    """The parts of one forecast, ahead w + shares (values - known w), with the shares (J, n) of the filter.

    future: places of the K future columns among so many columns.
    """
    count = len(rows.values)
    made = nothing(1, len(steps), count, len(rows.ahead), columns)
    observed = np.flatnonzero(~np.isnan(rows.values))
    last = rows.values[observed[-1]] if len(observed) else 0.0
    made.anchor[:] = last
    made.level[0, :, 0] = last * (shares.sum(1) - 1)
    departed = np.nan_to_num(rows.values - last)
    made.window[0, :, :, 0] = (shares * departed)[:, ::-1]
    said = _regressed(rows, shares, steps)
    waves = slice(TREND, rows.known.shape[1] - len(future))
    made.bias[0] = said[:, :TREND].sum(1)
    made.calendar[0] = said[:, waves].sum(1)
    for number, column in enumerate(future):
        _add_future(made, rows, shares, steps, waves.stop + number, column)
    return made


def _regressed(rows: Regression, shares: Array, steps: Array) -> Array:
    """What each regressor adds (J, R): its value ahead, less what the filter takes off its past rows."""
    said: Array = (rows.ahead[steps] - shares @ rows.known) * rows.weights
    return said


def _add_future(
    made: Contributions, rows: Regression, shares: Array, steps: Array, regressor: int, column: int
) -> None:
    """What one future column says: its last value, its rows before the origin, and the row of the step itself."""
    weight = rows.weights[regressor]
    past = rows.known[:, regressor]
    last = past[-1]
    made.level[0, :, column] += weight * last * (1 - shares.sum(1))
    made.window[0, :, :, column] -= (shares * (past - last) * weight)[:, ::-1]
    made.ahead[0, np.arange(len(steps)), steps, column] = weight * (rows.ahead[steps, regressor] - last)
