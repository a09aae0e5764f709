"""The door for scikit-learn: the project's LSTM and GRU as a regressor over lag matrices and as a classifier of whole sequences and texts,
for pipelines and searches that are there already.

A lag matrix has no stamps, so this door has no calendar, no walk-forward and no intervals: who has a series goes through `forecast.fit`.
"""

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Self

import numpy as np
import torch
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.utils import assert_all_finite, check_random_state, column_or_1d
from sklearn.utils.class_weight import compute_class_weight
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_consistent_length, check_is_fitted, validate_data

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
from forecast.sequences.base import Classifier
from forecast.sequences.table import classifier
from forecast.sequences.values import UNKNOWN, Sequences
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


class RecurrentClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """An LSTM or GRU that names whole sequences: of numbers, of unequal lengths, or texts.

    X: 2-D (n, L), each row one sequence of one column · 3-D (n, L, C) · a list of arrays (L_i,) or (L_i, C) · a list of texts. A missing value
    is NaN. y (n,): labels of any kind that scikit-learn takes. Vocabulary, scaling and the sequences that judge are taken from X alone.

    cell: "lstm" or "gru". units, dropout, learning_rate, batch, steps, members: None = chosen from number and lengths of the sequences.
    class_weight: what an error in each class costs, as a dict of labels or "balanced": `predict` names the class of the highest probability
    times cost; probabilities stay those of the classes as they are. settings: a dict of any other setting of
    `forecast.sequences.net.settings`. random_state: an int makes fits repeat to the bit.
    """

    def __init__(
        self,
        cell: str = "lstm",
        *,
        units: int | tuple[int, ...] | None = None,
        layers: int = 1,
        bidirectional: bool = True,
        pooling: str = "max",
        dropout: float | None = None,
        learning_rate: float | None = None,
        batch: int | None = None,
        steps: int | None = None,
        members: int | None = None,
        class_weight: Any = None,
        settings: dict[str, Any] | None = None,
        random_state: Any = None,
    ) -> None:
        self.cell = cell
        self.units = units
        self.layers = layers
        self.bidirectional = bidirectional
        self.pooling = pooling
        self.dropout = dropout
        self.learning_rate = learning_rate
        self.batch = batch
        self.steps = steps
        self.members = members
        self.class_weight = class_weight
        self.settings = settings
        self.random_state = random_state

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.three_d_array = True
        return tags

    def fit(self, X: Any, y: Any, groups: Any = None) -> Self:
        """Train on sequences X and labels y (n,); groups (n,): what belongs together (a speaker, a film) judges together.

        ValueError where they are no such arrays or all labels are alike, ForecastError where a setting is wrong.
        """
        past = self._sequences(X, reset=True)
        check_consistent_length(past.ids, y)
        labels = column_or_1d(y, warn=True)
        assert_all_finite(labels, input_name="y")
        check_classification_targets(labels)
        self.classes_, codes = np.unique(labels, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError(
                f"All {len(codes)} labels are {self.classes_[0]!r}: one class alone, so there is nothing to tell apart."
            )
        self.costs_ = compute_class_weight(self.class_weight, classes=self.classes_, y=labels)
        number = None
        if groups is not None:
            check_consistent_length(past.ids, groups)
            _, number = np.unique(groups, return_inverse=True)
        past = replace(past, classes=tuple(map(str, range(len(self.classes_)))), labels=codes, groups=number)
        seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        self.learned_ = self._namer().fit(past, seed=seed, watch=Watch())
        self.log_ = self.learned_.log
        return self

    def predict_proba(self, X: Any) -> Array:
        """The probability (n, K) of each class, in the order of `classes_`."""
        check_is_fitted(self)
        return self.learned_.shares(self._sequences(X, reset=False))

    def predict(self, X: Any) -> Array:
        """The label (n,) whose probability, times what an error in its class costs, is the highest."""
        weighed = self.predict_proba(X) * self.costs_
        labels: Array = self.classes_[weighed.argmax(1)]
        return labels

    def _sequences(self, X: Any, reset: bool) -> Sequences:
        """X as sequences without labels."""
        if _is_texts(X):
            return _texts(X)
        if _is_ragged(X):
            return _rows([np.asarray(one, "float64") for one in X])
        table = validate_data(
            self,
            X,
            dtype="float64",
            allow_nd=True,
            ensure_all_finite="allow-nan",
            ensure_min_samples=2 if reset else 1,
            reset=reset,
        )
        return _rows(list(table))

    def _namer(self) -> Classifier:
        """The net of these settings."""
        own = self.get_params(deep=False)
        for name in ("settings", "random_state", "class_weight"):
            del own[name]
        del own["cell"]
        return classifier(self.cell, **own, **(self.settings or {}))


def _is_texts(X: Any) -> bool:
    """Whether X is a list, an array or a column of texts."""
    if isinstance(X, str) or getattr(X, "ndim", 1) != 1 or not hasattr(X, "__len__") or not len(X):
        return False
    return all(isinstance(one, str) for one in X)


def _is_ragged(X: Any) -> bool:
    """Whether X is a list, or an array of objects, of arrays."""
    if not isinstance(X, list | tuple) and getattr(X, "dtype", None) is not np.dtype(object):
        return False
    return getattr(X, "ndim", 1) == 1 and len(X) > 0 and all(isinstance(one, np.ndarray) for one in X)


def _texts(texts: Sequence[str]) -> Sequences:
    """Texts without labels."""
    count = len(texts)
    return Sequences(
        ids=tuple(map(str, range(count))),
        columns=(),
        values=np.empty((0, 0)),
        offsets=np.zeros(count + 1, "int64"),
        texts=tuple(map(str, texts)),
        classes=(),
        labels=np.full(count, UNKNOWN),
    )


def _rows(parts: list[Array]) -> Sequences:
    """Arrays (L,) or (L, C) of numbers without labels; ValueError where they differ in C or a value is infinite."""
    tables = [part[:, None] if part.ndim == 1 else part for part in parts]
    widths = sorted({table.shape[1:] for table in tables})
    if len(widths) > 1 or len(widths[0]) != 1:
        raise ValueError(
            f"Each sequence is an array (L,) or (L, C) with the same C; found shapes {widths} of a row."
        )
    values = np.concatenate(tables)
    if np.isinf(values).any():
        raise ValueError("Input X contains infinity: give NaN where a value is missing.")
    return Sequences(
        ids=tuple(map(str, range(len(parts)))),
        columns=tuple(f"x{column}" for column in range(values.shape[1])),
        values=values,
        offsets=np.concatenate([[0], np.cumsum([len(table) for table in tables])]).astype("int64"),
        texts=(),
        classes=(),
        labels=np.full(len(parts), UNKNOWN),
    )
