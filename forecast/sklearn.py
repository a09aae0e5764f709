"""The door for scikit-learn: the project's LSTM and GRU as a regressor over lag matrices, for pipelines and searches that are there already.

A lag matrix has no stamps, so this door has no calendar, no walk-forward and no intervals: who has a series goes through `forecast.fit`.
"""

import math
from dataclasses import replace
from typing import Any, Self

import numpy as np
import torch
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from forecast.arrays import Array
from forecast.data.clock import Clock
from forecast.data.panel import Column, Panel
from forecast.data.scaling import Units
from forecast.data.windows import Windows, make_windows
from forecast.errors import ForecastError
from forecast.models import spec
from forecast.models.base import Watch
from forecast.models.nets.net import Net
from forecast.models.nets.recurrent import Recurrent
from forecast.task import Goal, Task
from forecast.workers import one_thread

COLUMNS = (Column("y", "target"),)
STEPS = Clock("step", "1")


class RecurrentRegressor(RegressorMixin, BaseEstimator):  # type: ignore[misc]
    """An LSTM or GRU from lags to the next value, or to the next several.

    X (n, L): the values before each moment in one unit, the oldest first; a missing one is NaN. y (n,) or (n, H): what came after, in order of
    time, since the last rows of a fit judge its weights. Lags and targets are scaled by the mean and spread that each have in the fit.

    cell: "gru" or "lstm". units, learning_rate, batch, steps: None = chosen as for a series of as many rows. anchor: "last" for values that
    wander, as prices do: the net forecasts the change from the last lag, and targets are scaled as the lags are. settings: a dict of any other
    setting that `forecast models gru` lists. random_state: an int makes fits repeat to the bit.
    """

    def __init__(
        self,
        cell: str = "gru",
        *,
        units: int | tuple[int, ...] | None = None,
        layers: int = 1,
        dropout: float = 0.3,
        anchor: str = "none",
        loss: str = "mse",
        learning_rate: float | None = None,
        batch: int | None = None,
        steps: int | None = None,
        members: int = 1,
        settings: dict[str, Any] | None = None,
        random_state: Any = None,
    ) -> None:
        self.cell = cell
        self.units = units
        self.layers = layers
        self.dropout = dropout
        self.anchor = anchor
        self.loss = loss
        self.learning_rate = learning_rate
        self.batch = batch
        self.steps = steps
        self.members = members
        self.settings = settings
        self.random_state = random_state

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.target_tags.multi_output = True
        return tags

    def fit(self, X: Any, y: Any) -> Self:
        """Train on lags X (n, L) and targets y (n,) or (n, H); ValueError where they are no such arrays, ForecastError where a setting is wrong."""
        X, y = validate_data(
            self,
            X,
            y,
            dtype="float64",
            ensure_all_finite="allow-nan",
            ensure_min_samples=2,
            multi_output=True,
            y_numeric=True,
        )
        self.single_ = y.ndim == 1
        targets = y.reshape(len(y), -1).astype("float64")
        self.lags_scaling_ = _scaling(X)
        self.target_scaling_ = _scaling(targets) if self.anchor == "none" else self.lags_scaling_
        table = np.hstack([_z(X, self.lags_scaling_), _z(targets, self.target_scaling_)])
        horizon = targets.shape[1]
        series = _panel(
            np.zeros((1, len(table) + table.shape[1] - 1))
        )  # as long as one that such a table is cut from
        sized = self._spec(X.shape[1]).settle(series, horizon)
        split = _split(table, X.shape[1], horizon, sized.validation)
        seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        with one_thread():
            learned = sized.learn(split, Goal(Task(horizon), ("y",)), seed=seed, watch=Watch())
        # in single precision a row's forecast would depend on the rows next to it
        self.nets_ = [net.double() for net in learned.nets]
        self.log_ = learned.log
        return self

    def predict(self, X: Any) -> Array:
        """Forecasts (n,) or (n, H) after lags X (n, L)."""
        check_is_fitted(self)
        X = validate_data(self, X, dtype="float64", ensure_all_finite="allow-nan", reset=False)
        window = torch.from_numpy(_z(X, self.lags_scaling_))[..., None]
        parts = torch.tensor_split(window, math.ceil(len(window) / 1024))
        with torch.inference_mode(), one_thread():
            z = np.concatenate([self._mean_answer(part) for part in parts])
        loc, spread = self.target_scaling_
        values: Array = z * spread + loc
        return values[:, 0] if self.single_ else values

    def _mean_answer(self, window: torch.Tensor) -> Array:
        """The mean of what the nets forecast (B, H) of windows (B, L, 1)."""
        answers = [_answer(net, window) for net in self.nets_]
        mean: Array = np.mean(answers, axis=0)
        return mean

    def _spec(self, context: int) -> Recurrent:
        """The net of these settings for windows of so many lags."""
        own = self.get_params(deep=False)
        for name in ("cell", "settings", "random_state"):
            del own[name]
        settings = {"hurdle": False, **(self.settings or {})}
        made = spec(self.cell, context=context, **own, **settings)
        assert isinstance(made, Recurrent)
        if made.hurdle:
            raise ForecastError(
                f'A hurdle is of a panel, not of lags: take fc.fit("{self.cell}", panel, hurdle=True), or leave it out.'
            )
        return made


def _scaling(values: Array) -> tuple[float, float]:
    """Mean and spread of all cells: they are of one unit."""
    loc, spread, _ = Units().learn(values.reshape(-1, 1))
    return float(loc[0]), float(spread[0])


def _z(values: Array, scaling: tuple[float, float]) -> Array:
    """Values in scaled units."""
    return (values - scaling[0]) / scaling[1]


def _panel(table: Array) -> Panel:
    """Each row of a table (n, R) as a series of R steps."""
    n, rows = table.shape
    starts = rows * np.arange(n)
    return Panel(
        ids=tuple(map(str, range(n))),
        starts=starts,
        stops=starts + rows,
        times=np.tile(np.arange(rows), n),
        values=table.reshape(-1, 1),
        columns=COLUMNS,
        clock=STEPS,
    )


def _split(table: Array, context: int, horizon: int, share: float) -> tuple[Windows, Windows, Windows]:
    """One window a row of a table (n, L + H): for training the first rows, for validation the last `share`, and all.

    As many rows as a horizon less one between them teach only at the end: of a matrix cut from one series their targets
    are those of validation too.
    """
    whole = make_windows(_panel(table), context, horizon)
    row = np.arange(len(table))
    begin = len(table) - max(1, round(share * len(table)))
    train = np.where(row < max(1, begin - horizon + 1), whole.count, 0)
    validation = np.where(row >= begin, whole.count, 0)
    return replace(whole, count=train), replace(whole, count=validation), whole


def _answer(net: Net, window: torch.Tensor) -> Array:
    """The point forecast (B, H) of windows (B, L, 1)."""
    calendar = window.new_zeros(len(window), net.answers, 0)
    made: Array = net(window, torch.full((len(window),), -1), calendar)[..., 0].numpy()
    return made
