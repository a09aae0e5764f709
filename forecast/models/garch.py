"""GARCH(1,1): the last value, and intervals around it that widen after large steps. Needs the extra `market` to fit, not to forecast."""

import warnings
from dataclasses import dataclass, replace
from functools import partial
from typing import Annotated, Any, ClassVar, Self

import numpy as np
from pydantic import Field

from forecast.data.panel import Panel
from forecast.errors import ForecastError
from forecast.files import Array
from forecast.models.base import Goal, Watch, in_chunks, normal_quantiles, recent
from forecast.results import Log

WINDOW = 512  # rows before an origin whose steps move the variance: beta^512 of what came before is left
FEWEST = 100  # observed steps from which on a GARCH is estimated
RISKMETRICS = (
    0.06,
    0.94,
)  # alpha and beta of J.P. Morgan (1996) for series that were not fitted: no mean variance is needed


@dataclass(frozen=True)
class Garch:
    """Bollerslev's (1986) GARCH(1,1) with normal innovations on the steps of the target, estimated by `arch` on the last `stretch` rows.

    drift: whether the mean step is added to the point forecast; without it the point is the last value.
    """

    reads: ClassVar[tuple[str, ...]] = ()
    name: str = "garch"
    drift: bool = False
    stretch: Annotated[int, Field(ge=100)] = 3000  # rows

    def settle(self, past: Panel, horizon: int) -> "Garch":
        """This spec: no size is left open."""
        return self

    def fit(self, past: Panel, goal: Goal, *, seed: int, watch: Watch) -> "Clustered":
        """Parameters of each series; a constant variance where the likelihood fails or fewer than 100 steps are observed, and that is said."""
        arch_model = _arch_model()
        table, failed = [], 0
        for i in range(len(past.ids)):
            steps = np.diff(past.values[past.rows(i), 0][-self.stretch :])
            steps = steps[~np.isnan(steps)]
            mean = float(steps.mean()) if self.drift and len(steps) else 0.0
            found = estimate(steps - mean, arch_model)
            failed += found is None
            variance = float(np.mean((steps - mean) ** 2)) if len(steps) else 0.0
            table.append((mean, *(found or (variance, 0.0, 0.0))))
        notes = (
            (
                f"{failed} of {len(past.ids)} series have a constant variance: too few steps, or no convergence",
            )
            if failed
            else ()
        )
        return Clustered(goal, np.array([*table, (0.0, 0.0, *RISKMETRICS)]), Log(("GARCH(1,1)", *notes)))

    def restore(self, arrays: dict[str, Array], goal: Goal) -> "Clustered":
        """The Clustered whose `arrays()` these are."""
        return Clustered(goal, arrays["parameters"], Log())

    def space(self, trial: Any) -> Self:
        """This spec with the drift and the stretch that the trial suggests."""
        drift = trial.suggest_categorical("drift", [False, True])
        return replace(self, drift=drift, stretch=trial.suggest_int("stretch", 250, 5000, log=True))


@dataclass(frozen=True, eq=False)
class Clustered:
    """parameters (S + 1, 4): mean step, omega, alpha, beta, scaled; the last row is that of the series that were not fitted."""

    goal: Goal
    parameters: Array
    log: Log

    @property
    def context(self) -> int:
        """How many rows before an origin a forecast reads."""
        return WINDOW

    def predict(self, panel: Panel, origins: Array, fitted: Array) -> Array:
        """Forecasts (M, H, P), scaled: the last observed value and the drift from there; normal quantiles by the summed variances."""
        return in_chunks(partial(self._answer, panel, fitted=fitted), origins)

    def _answer(self, panel: Panel, origins: Array, fitted: Array) -> Array:
        mean, omega, alpha, beta = self.parameters[fitted[origins[:, 0]]].T
        origin = panel.starts[origins[:, 0]] + origins[:, 1]
        latest = panel.latest(origins)
        steps = np.arange(self.goal.horizon) + (origin - latest)[:, None]  # from the last observed row
        last = np.where(latest >= 0, panel.values[latest, 0], 0.0)[:, None]
        point = np.where(latest[:, None] >= 0, last + mean[:, None] * steps, 0.0)
        moves = np.diff(recent(panel, origins, WINDOW), axis=1) - mean[:, None]
        variances = ahead(variance_after(moves, omega, alpha, beta), omega, alpha + beta, self.goal.horizon)
        return normal_quantiles(point, np.sqrt(np.cumsum(variances, axis=1)), self.goal.levels)

    def arrays(self) -> dict[str, Array]:
        """parameters."""
        return {"parameters": self.parameters}


def variance_after(moves: Array, omega: Array, alpha: Array, beta: Array) -> Array:
    """The variance (M,) of the step after moves (M, L): v = omega + alpha e^2 + beta v, from the mean square of the moves.

    Where a move is missing, its square is taken as the variance that was expected.
    """
    squares = moves.T**2
    seen = ~np.isnan(squares)
    variance = np.where(seen, squares, 0.0).sum(0) / np.maximum(seen.sum(0), 1)
    begun = np.logical_or.accumulate(seen, axis=0)
    for square, observed, counts in zip(np.nan_to_num(squares), seen, begun, strict=True):
        variance = np.where(
            counts, omega + alpha * np.where(observed, square, variance) + beta * variance, variance
        )
    return variance


def ahead(variance: Array, omega: Array, persistence: Array, horizon: int) -> Array:
    """Variances (M, H) of the next steps, the first of which is known (M,): v = omega + (alpha + beta) v."""
    made = [variance]
    for _ in range(1, horizon):
        made.append(omega + persistence * made[-1])
    return np.stack(made, axis=1)


def estimate(moves: Array, arch_model: Any) -> tuple[float, float, float] | None:
    """omega, alpha and beta by maximum likelihood of moves (n,) without mean; None where they are too few, constant, or it fails."""
    size = float(moves.std()) if len(moves) else 0.0
    if len(moves) < FEWEST or size < 1e-9:
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # whether it converged is read from the result
        try:
            result = arch_model(moves / size, mean="Zero", vol="GARCH", p=1, q=1, rescale=False).fit(
                disp="off", show_warning=False
            )
        except (np.linalg.LinAlgError, ValueError):
            return None
    omega, alpha, beta = (float(one) for one in result.params)
    good = result.convergence_flag == 0 and np.isfinite(result.params).all() and alpha + beta < 1
    return (omega * size**2, alpha, beta) if good else None


def _arch_model() -> Any:
    try:
        from arch import arch_model
    except ImportError:
        raise ForecastError(
            "garch needs the package arch: pip install forecast-toolkit[market], or choose another --model."
        ) from None
    return arch_model
