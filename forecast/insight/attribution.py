"""Why this forecast: what each column said, in which row, in the units of the target."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from forecast.arrays import Array
from forecast.data.panel import Column, Panel
from forecast.data.zones import placed
from forecast.errors import ForecastError
from forecast.fitting import Fitted, Question
from forecast.glance import Glance, few
from forecast.models.base import explained, has_hurdle
from forecast.models.contributions import Contributions, chained
from forecast.results import Forecast, point_of
from forecast.workers import one_thread

if TYPE_CHECKING:
    import pandas as pd

INTEGRATION = 32  # points on the line between two windows
AT_ONCE = 64  # origins whose contributions are computed together
ROUNDING = 1e-12  # share of the size of forecasts below which nothing departs
ALONE = ("anchor", "bias", "series", "calendar")  # parts that no column has
ABLE = "lstm, gru, ridge, arima, boosting, naive, seasonal, drift and combinations of these"


class NotExplainedError(ForecastError):
    """A model does not say what its forecasts are made of."""


@dataclass(frozen=True, eq=False, repr=False)
class Explanation(Glance):
    """What makes up the forecasts at M origins, at J steps of the horizon: their sum is the forecast.

    model · ids (S,) · origins int64 (M, 2) · cutoffs (M,), the last known stamp · times (M, J), the stamps of the
    forecasts · steps (J,), from 1 · columns (C,) as the model sees them, the target first, and the role of each · of (C,),
    the column of the file behind each · forecast (M, J) and parts, in the units of the target, and where it is transformed
    in those of the transformed target: then the sum holds there, and `units` says so · bounds (M, J): what the bounds of
    the target took off or added.
    """

    model: str
    ids: tuple[str, ...]
    origins: Array
    cutoffs: Array
    times: Array
    steps: Array
    columns: tuple[str, ...]
    roles: tuple[str, ...]
    of: tuple[str, ...]
    units: str
    forecast: Array
    parts: Contributions
    bounds: Array
    zone: str = ""

    def facts(self) -> dict[str, str]:
        """What is shown of it in place of its arrays."""
        usage = self.usage().head(3)
        most = [f"{name} {share:.0%}" for name, share in zip(usage["column"], usage["share"], strict=True)]
        series = [self.ids[i] for i in dict.fromkeys(self.origins[:, 0].tolist())]
        return {
            "model": self.model,
            "units": self.units,
            "origins": f"{len(self.origins):,}",
            "steps": few(self.steps.tolist()),
            "series": few(series),
            "columns that say most": ", ".join(most),
            "distance of sum and forecast": f"{self.distance:.2g}",
        }

    @property
    def total(self) -> Array:
        """The sum of all parts (M, J)."""
        return self.parts.total + self.bounds

    @property
    def distance(self) -> float:
        """How far the sums are from the forecasts: the mean distance, as a share of the mean |forecast - forecast of the held
        window|. The whole distance where nothing departs from that."""
        missed = float(np.abs(self.total - self.forecast).mean())
        departed = float(np.abs(self.forecast - self.parts.held).mean())
        rounding = ROUNDING * float(np.abs(self.forecast).mean())
        return missed / departed if departed > rounding else missed

    @property
    def by_column(self) -> Array:
        """What each column said over all rows (M, J, C): of the target what it said beyond its last value."""
        parts = self.parts
        made: Array = parts.level + parts.window.sum(2) + parts.ahead.sum(2)
        made[..., 0] += parts.skip.sum(2)
        return made

    @property
    def cells(self) -> Array:
        """What each column said in each row before the origin (M, J, L, C), lag 1 first, by all paths."""
        made: Array = self.parts.window.copy()
        made[..., 0] += self.parts.skip
        return made

    def to_frame(self) -> "pd.DataFrame":
        """A long frame `unique_id, cutoff, ds, column, lag, part, value`; the values of one forecast, `ds`, sum to it.

        part: anchor, what the forecast starts from, mostly the last value; bias, what the model adds for any window;
        series; calendar; level, the last value of a column against its mean; static; window, what a column said in the row
        `lag` rows back, 1 being the last one before the origin; skip, the same of the linear path of a net; future, what a
        column that is known ahead says against its last value: lag 0 is the first row of the horizon, -1 the second;
        bounds. Rows of exactly 0 are left out, but for anchor and bias.
        """
        import pandas as pd

        frame = pd.concat(list(self._pieces()), ignore_index=True)
        order = frame.sort_values(["origin", "step"], kind="stable")
        names = np.array(self.ids, dtype=object)[self.origins[order["origin"], 0]]
        return pd.DataFrame(
            {
                "unique_id": names,
                "cutoff": placed(self.cutoffs[order["origin"]], self.zone),
                "ds": placed(self.times[order["origin"], order["step"]], self.zone),
                "column": order["column"].to_numpy(),
                "lag": order["lag"].astype("Int64").array,
                "part": order["part"].to_numpy(),
                "value": order["value"].to_numpy(),
            }
        )

    def _pieces(self) -> "Iterator[pd.DataFrame]":
        """The rows of each kind of part."""
        for name in ALONE:
            yield self._rows(name, self.parts.parts()[name], keep=name in ("anchor", "bias"))
        yield self._rows("bounds", self.bounds)
        yield self._rows("level", self.parts.level, column=2)
        yield self._rows("skip", self.parts.skip[..., None], lag=2, column=3)
        yield self._rows("window", self.parts.window, lag=2, column=3)
        yield self._rows("future", self.parts.ahead, lag=2, column=3, ahead=True)

    def _rows(
        self,
        part: str,
        values: Array,
        *,
        lag: int | None = None,
        column: int | None = None,
        keep: bool = False,
        ahead: bool = False,
    ) -> "pd.DataFrame":
        """The cells of one kind of part (M, J, ...) that are not 0; lag, column: the axes that say which."""
        import pandas as pd

        places = np.nonzero(np.ones_like(values) if keep else values)
        count = len(places[0])
        names = np.full(count, None, dtype=object)
        kinds = np.full(count, part, dtype=object)
        if column is not None:
            names = np.array(self.columns, dtype=object)[places[column]]
        if part == "level":
            is_static = np.array([role == "static" for role in self.roles])
            kinds[is_static[places[2]]] = "static"
        lags = np.full(count, np.nan)
        if lag is not None:
            lags = -places[lag].astype("float64") if ahead else places[lag] + 1.0
        return pd.DataFrame(
            {
                "origin": places[0],
                "step": places[1],
                "column": names,
                "lag": lags,
                "part": kinds,
                "value": values[places],
            }
        )

    def usage(self) -> "pd.DataFrame":
        """What the model uses: the mean absolute contribution of each column over all forecasts, and its share, most first.

        What the rows of a column say is summed before the absolute value is taken where columns are compared, so that what
        cancels out in a forecast does not count.
        """
        import pandas as pd

        sizes = np.abs(self._by_source()).mean((0, 1))
        total = sizes.sum()
        shares = sizes / total if total > 0 else sizes
        frame = pd.DataFrame({"column": self.sources, "mean_abs": sizes, "share": shares})
        return frame.sort_values("mean_abs", ascending=False, kind="stable", ignore_index=True)

    def usage_by_lag(self) -> "pd.DataFrame":
        """The mean absolute contribution of each column at each lag over all forecasts: `column, lag, mean_abs`."""
        import pandas as pd

        sizes = np.abs(self.cells).mean((0, 1))
        lag, column = np.nonzero(sizes)
        return pd.DataFrame(
            {
                "column": np.array(self.columns, dtype=object)[column],
                "lag": lag + 1,
                "mean_abs": sizes[lag, column],
            }
        )

    @property
    def sources(self) -> tuple[str, ...]:
        """The columns of the file, the target first: indicators of a category and sines of an angle are one."""
        return tuple(dict.fromkeys(self.of))

    def _by_source(self) -> Array:
        """What each column of the file said (M, J, ...)."""
        return summed(self.by_column, self.of)


def summed(values: Array, of: Sequence[str]) -> Array:
    """Values (..., C) summed over the columns of the same name (..., sources), in the order of their first column."""
    sources = list(dict.fromkeys(of))
    made = np.zeros((*values.shape[:-1], len(sources)))
    for place, name in enumerate(of):
        made[..., sources.index(name)] += values[..., place]
    return made


def explain(
    fitted: Fitted,
    panel: Panel,
    origins: Array | None = None,
    horizons: Sequence[int] | None = None,
    integration: int = INTEGRATION,
) -> Explanation:
    """What makes up the forecasts of a fitted model at origins (M, 2): `fc.explain(fitted, panel).to_frame()`.

    By default after the last observed target of each series, as `Fitted.predict`. horizons: steps of the horizon, from
    1, all by default. integration: points on the line between two windows, of nets alone; more points, a smaller distance
    between the sum of the parts and the forecast (`Explanation.distance`).

    Ridge, ARIMA and the naive forecasts are linear, and exact. Trees have Shapley values between the window and the one that
    is held at its last values, exact too. Nets have integrated gradients between the same two, and their linear path is
    exact. A combination has the means over its parts. Of quantiles it is the point that is explained.

    Raises ForecastError for a model that cannot be explained, a step beyond the horizon, and as `Fitted.predict`.
    """
    _refuse(fitted)
    steps = _steps(fitted, horizons)
    if integration < 1:
        raise ForecastError(f"integration takes a number of points, at least 1; found {integration}.")
    asked, origins = fitted.asked(panel, origins)
    if not len(origins):
        raise ForecastError("There is no origin to explain a forecast at: no series has an observed target.")
    forecast = fitted.predict(panel, origins)
    with one_thread():
        found = []
        for question in fitted.questions(asked, origins):
            found.append(_explained(fitted, question, forecast, steps, integration))
    back = np.argsort(np.concatenate([one.where for one in found]))
    parts = chained([one.parts for one in found])
    return Explanation(
        model=fitted.spec.name,
        ids=forecast.ids,
        origins=origins,
        cutoffs=forecast.cutoffs,
        times=forecast.times[:, steps],
        steps=steps + 1,
        columns=tuple(column.name for column in asked.columns),
        roles=tuple(column.role for column in asked.columns),
        of=tuple(source_of(column) for column in asked.columns),
        units=_units(fitted),
        forecast=np.concatenate([one.values for one in found])[back],
        parts=Contributions(**{name: part[back] for name, part in parts.parts().items()}),
        bounds=np.concatenate([one.bounds for one in found])[back],
        zone=forecast.zone,
    )


class _Explained(NamedTuple):
    """The answer to one question: where (m,), the forecasts (m, J) and their parts in units, what bounds did (m, J)."""

    where: Array
    values: Array
    parts: Contributions
    bounds: Array


def _explained(
    fitted: Fitted, question: Question, forecast: Forecast, steps: Array, integration: int
) -> _Explained:
    """What makes up the forecasts of one question, in the units of the target."""
    spread = question.scaling.spread[question.rows, 0][:, None]
    loc = question.scaling.loc[question.rows, 0][:, None]
    values = forecast.values[question.where][:, steps]
    is_cut = _is_cut(values, fitted.goal.bounds)
    if question.scaling.units.transform != "none":
        values = question.scaling.forward(values, question.rows) * spread + loc
    bounds = np.zeros(values.shape)
    if is_cut.any():
        z = fitted.learned.predict(question.panel, question.origins, question.fitted)
        uncut = point_of(z, fitted.goal.levels)[:, steps] * spread + loc
        bounds = np.where(is_cut, values - uncut, 0.0)
    parts = _contributions(fitted, question, steps, integration).times(spread[:, 0])
    parts.anchor[:] += loc
    return _Explained(question.where, values, parts, bounds)


def _contributions(fitted: Fitted, question: Question, steps: Array, integration: int) -> Contributions:
    """What was learned says about a question, some origins at a time."""
    found = []
    for begin in range(0, len(question.origins), AT_ONCE):
        origins = question.origins[begin : begin + AT_ONCE]
        own = explained(fitted.learned, question.panel, origins, question.fitted, steps, integration)
        if own is None:
            raise _cannot(fitted)
        found.append(own)
    return chained(found)


def _refuse(fitted: Fitted) -> None:
    """ForecastError where what was forecast is no number."""
    if fitted.goal.names:
        raise NotExplainedError(
            f"{fitted.columns[0].name} has names, and {fitted.spec.name} forecasts their shares: only forecasts of numbers"
            " are explained."
        )


def _cannot(fitted: Fitted) -> NotExplainedError:
    """The refusal of a model that does not say what its forecasts are made of."""
    name = fitted.spec.name
    if has_hurdle(fitted.learned):
        without = " and ".join(f"`{part}.hurdle=false`" for part in name.split("+"))
        return NotExplainedError(
            f"{name} forecasts amounts that are mostly 0 as a chance of any and the amount given that there is one"
            f" (hurdle), and the two are no sum of parts. Fit it with {without} to have it explained."
        )
    return NotExplainedError(
        f"{name} cannot be explained: it does not say what its forecasts are made of."
        f" Those that can are {ABLE}, where none has a hurdle."
    )


def telling_steps(horizon: int) -> list[int]:
    """The first, the middle and the last step of a horizon, from 1."""
    return sorted({1, (horizon + 1) // 2, horizon})


def _steps(fitted: Fitted, horizons: Sequence[int] | None) -> Array:
    """The chosen steps (J,), from 0; ForecastError where there is no such step."""
    horizon = fitted.goal.horizon
    if horizons is None:
        return np.arange(horizon)
    steps = np.asarray(horizons, "int64").ravel()
    wrong = steps[(steps < 1) | (steps > horizon)]
    if len(wrong) or not len(steps):
        found = f"step {wrong[0]}" if len(wrong) else "no step"
        raise ForecastError(
            f"{fitted.spec.name} forecasts steps 1 to {horizon}; {found} was asked for. Choose among these."
        )
    return steps - 1


def _is_cut(values: Array, bounds: tuple[float | None, float | None]) -> Array:
    """Which values lie on a bound."""
    cut = np.zeros(values.shape, bool)
    for bound in bounds:
        if bound is not None:
            cut |= values == bound
    return cut


def source_of(column: Column) -> str:
    """The column of the file that a column was made from; its own name where it was made from none, or from a neighbour."""
    return column.of if column.made in ("angle", "indicator") else column.name


def _units(fitted: Fitted) -> str:
    """In which units the sum holds, in words."""
    transform = fitted.scaling.units.transform
    target = fitted.columns[0].name
    return target if transform == "none" else f"{transform} of {target}"
