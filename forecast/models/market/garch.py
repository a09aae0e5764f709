"""GARCH(1,1): the last value, or of returns their mean, and intervals around it that widen after large moves.

Needs the extra `market` to fit, not to forecast.
"""

import warnings
from dataclasses import dataclass, replace
from functools import partial
from typing import Annotated, Any, Self

import numpy as np
from pydantic import Field

from forecast.arrays import Array
from forecast.data.findings import listed
from forecast.data.panel import Panel
from forecast.data.scaling import Units
from forecast.data.seasons import persists
from forecast.errors import ForecastError
from forecast.models.answers import NormalAnswers, in_chunks, normal_quantiles, recent
from forecast.models.base import Watch
from forecast.results import Log
from forecast.task import Goal

WINDOW = 512  # rows before an origin whose steps move the variance: beta^512 of what came before is left
FEWEST = 100  # observed steps from which on a GARCH is estimated
# alpha and beta of J.P. Morgan (1996) for series that were not fitted: no mean variance is needed
RISKMETRICS = (0.06, 0.94)


@dataclass(frozen=True)
class Garch:
    """Bollerslev's (1986) GARCH(1,1) with normal innovations, estimated by `arch` on the last `stretch` rows.

    Its moves are the steps of a target that persists, such as a price or its log, and the values themselves of one that
    does not, such as returns. drift: whether the mean step is added to the point forecast; without it the point is the
    last value. Of returns the point is their mean.

    Of variances, in logs, it is the multiplicative error model of Engle (2002, Journal of Applied Econometrics 17): the
    expected variance follows the same recursion, with the variance of each row in place of a squared move, and is estimated by
    the same likelihood, of the roots. Of squared returns that is the GARCH of returns with mean 0.
    """

    name: str = "garch"
    drift: bool = False
    stretch: Annotated[int, Field(ge=100)] = 3000  # rows

    def examine(self, past: Panel, units: Units, price: bool) -> tuple[str, ...]:
        """A warning where series are levels, whose steps would be modelled in their own units and not as returns."""
        if past.columns[0].made == "variance" and not units.plain_logs:
            raise ForecastError(
                f"{self.name} forecasts variances by their logs: add `transform=log` and `scale=inputs`, or leave it out."
            )
        if units.transform != "none":
            return ()
        targets = [past.values[past.rows(i), 0] for i in range(len(past.ids))]
        levels = [name for name, target in zip(past.ids, targets, strict=True) if persists(target)]
        if not levels:
            return ()
        positive = all(np.nanmin(target, initial=np.inf) > 0 for target in targets)
        helps = "; `price` models the steps of logs, which are returns" if positive else ""
        look = "looks" if len(levels) == 1 else "look"
        words = f"{look} like a level, such as a price, so steps in units of the target are modelled"
        return (f"{listed(levels)} {words}{helps}",)

    def fit(self, past: Panel, goal: Goal, *, seed: int, watch: Watch) -> "Clustered | Expected":
        """Parameters of each series; a constant variance where no GARCH is found, which is reported."""
        arch_model = _arch_model()
        if past.columns[0].made == "variance":
            return self._of_variances(past, goal, arch_model)
        targets = [past.values[past.rows(i), 0] for i in range(len(past.ids))]
        stepped = np.array([_has_steps(target) for target in targets])
        table: list[tuple[float, ...]] = []
        failed = 0
        for target, steps in zip(targets, stepped, strict=True):
            parameters, found = self._estimated(target[-self.stretch :], steps, arch_model)
            table.append(parameters)
            failed += not found
        returns = len(table) - int(stepped.sum())
        usual = 2 * returns <= len(table)  # series that were not fitted are of the kind that most are
        notes = _notes(len(table), failed, returns)
        table.append((0.0, 0.0, *RISKMETRICS))
        return Clustered(goal, np.array(table), np.append(stepped, usual), Log(notes))

    def _estimated(self, values: Array, steps: bool, arch_model: Any) -> tuple[tuple[float, ...], bool]:
        """Mean, omega, alpha and beta of the moves of scaled values (n,), and whether a GARCH was found.

        Where none was, the variance is constant.
        """
        moves = np.diff(values) if steps else values
        moves = moves[~np.isnan(moves)]
        centred = len(moves) > 0 and (self.drift or not steps)
        mean = float(moves.mean()) if centred else 0.0
        found = estimate(moves - mean, arch_model)
        variance = float(np.mean((moves - mean) ** 2)) if len(moves) else 0.0
        return (mean, *(found or (variance, 0.0, 0.0))), found is not None

    def _of_variances(self, past: Panel, goal: Goal, arch_model: Any) -> "Expected":
        """Parameters of each series of logs of variances, and how these lie around what was expected.

        ForecastError where they are not the logs themselves.
        """
        self.examine(past, goal.units, False)
        table = []
        failed = 0
        for i in range(len(past.ids)):
            roots = np.exp(past.values[past.rows(i), 0][-self.stretch :] / 2)
            roots = roots[~np.isnan(roots)]
            found = estimate(roots, arch_model)
            failed += found is None
            variance = float(np.mean(roots**2)) if len(roots) else 1.0
            table.append(found or (variance, 0.0, 0.0))
        table.append((0.0, *RISKMETRICS))
        unspread = np.zeros(len(table))
        expected = Expected(goal, np.array(table), unspread, unspread, Log(_notes(len(past.ids), failed, 0)))
        return expected.around(past, self.stretch)

    def restore(self, arrays: dict[str, Array], goal: Goal) -> "Clustered | Expected":
        """The Clustered, or of variances the Expected, whose `arrays()` these are."""
        if "middles" in arrays:
            return Expected(goal, arrays["parameters"], arrays["middles"], arrays["widths"], Log())
        return Clustered(goal, arrays["parameters"], arrays["stepped"], Log())

    def space(self, trial: Any) -> Self:
        """This spec with the drift and the stretch that the trial suggests."""
        drift = trial.suggest_categorical("drift", [False, True])
        return replace(self, drift=drift, stretch=trial.suggest_int("stretch", 250, 5000, log=True))


@dataclass(frozen=True, eq=False)
class Clustered(NormalAnswers):
    """parameters (S + 1, 4): mean move, omega, alpha, beta, scaled · stepped bool (S + 1,): whether moves are steps.

    Else they are the values of a series. The last row is that of the series that were not fitted.
    """

    parameters: Array
    stepped: Array
    log: Log
    context = WINDOW  # rows before an origin that a forecast reads

    def normal(self, panel: Panel, origins: Array, rows: Array) -> tuple[Array, Array]:
        """Points and widths (M, H): the last observed value and the drift from there, or of returns their mean.

        The variance of a point is the sum of those of the steps until there, of returns that of its own step.
        """
        mean, omega, alpha, beta = self.parameters[rows].T
        stepped = self.stepped[rows][:, None]
        values = recent(panel, origins, WINDOW)
        moves = np.where(stepped, np.diff(values, axis=1), values[:, 1:]) - mean[:, None]
        last = variance_after(moves, omega, alpha, beta)
        each = ahead(last, omega, alpha + beta, self.goal.horizon)
        variances = np.where(stepped, np.cumsum(each, axis=1), each)
        point = np.where(stepped, self._walked(panel, origins, mean), mean[:, None])
        return point, np.sqrt(variances)

    def _walked(self, panel: Panel, origins: Array, mean: Array) -> Array:
        """The last observed value and the mean step (M,) from there, (M, H); 0 where none was observed."""
        origin = panel.starts[origins[:, 0]] + origins[:, 1]
        latest = panel.latest(origins)
        steps = np.arange(self.goal.horizon) + (origin - latest)[:, None]  # from the last observed row
        last = np.where(latest >= 0, panel.values[latest, 0], 0.0)[:, None]
        return np.where(latest[:, None] >= 0, last + mean[:, None] * steps, 0.0)


@dataclass(frozen=True, eq=False)
class Expected(NormalAnswers):
    """parameters (S + 1, 3): omega, alpha, beta of variances · middles, widths (S + 1,): mean and standard deviation of the log
    of a variance around that of the one expected. The last row is that of the series that were not fitted.
    """

    parameters: Array
    middles: Array
    widths: Array
    log: Log
    context = WINDOW  # rows before an origin that a forecast reads

    def normal(self, panel: Panel, origins: Array, rows: Array) -> tuple[Array, Array]:
        """Logs of expected variances (M, H), and the spread of logs around them."""
        omega, alpha, beta = self.parameters[rows].T
        moves = np.exp(recent(panel, origins, WINDOW) / 2)
        unseen = np.isnan(moves).all(axis=1)  # the usual variance, whose log the scale has at 0
        moves[unseen, -1] = 1.0
        each = ahead(variance_after(moves, omega, alpha, beta), omega, alpha + beta, self.goal.horizon)
        return np.log(each), np.broadcast_to(self.widths[rows][:, None], each.shape)

    def _answer(self, panel: Panel, fitted: Array, origins: Array) -> Array:
        rows = fitted[origins[:, 0]]
        point, widths = self.normal(panel, origins, rows)
        made = normal_quantiles(point + self.middles[rows][:, None], widths, self.goal.levels)
        made[..., self.goal.levels.index(0.5) if self.goal.levels else 0] = point
        return made

    def around(self, past: Panel, stretch: int) -> "Expected":
        """The same with the middles and widths that the last `stretch` rows of each series of a past say of one step."""
        middles = np.zeros(len(self.parameters))
        widths = np.zeros(len(self.parameters))
        for i, length in enumerate(past.lengths.tolist()):
            rows = np.arange(max(1, length - stretch), length)
            origins = np.stack([np.full(len(rows), i), rows], axis=1)
            if not len(rows):
                continue
            expected = in_chunks(partial(self._next, past, i), origins)
            error = past.values[past.starts[i] + rows, 0] - expected
            error = error[~np.isnan(error)]
            if len(error):
                middles[i] = error.mean()
                widths[i] = error.std()
        middles[-1] = middles[:-1].mean()
        widths[-1] = widths[:-1].mean()
        return replace(self, middles=middles, widths=widths)

    def _next(self, past: Panel, series: int, origins: Array) -> Array:
        """The log of the variance (M,) that is expected of the next row of one series."""
        return self.normal(past, origins, np.full(len(origins), series))[0][:, 0]


def _notes(count: int, failed: int, returns: int) -> tuple[str, ...]:
    notes = ["GARCH(1,1)"]
    if failed:
        notes.append(f"{failed} of {count} series have a constant variance: too few steps, or no convergence")
    if returns:
        values = "whose values are modelled and not their steps"
        notes.append(f"{returns} of {count} series are taken as returns, {values}")
    return tuple(notes)


def _has_steps(target: Array) -> bool:
    """Whether the moves of a target (n,) are its steps: where it persists, or no two values that follow each other were observed."""
    return persists(target) or bool(np.isnan(np.diff(target)).all())


def variance_after(moves: Array, omega: Array, alpha: Array, beta: Array) -> Array:
    """The variance (M,) of the step after moves (M, L): v = omega + alpha e^2 + beta v, from the mean square of the moves.

    Where a move is missing, its square is taken as the variance that was expected.
    """
    squares = moves.T**2
    seen = ~np.isnan(squares)
    variance = np.where(seen, squares, 0.0).sum(0) / np.maximum(seen.sum(0), 1)
    begun = np.logical_or.accumulate(seen, axis=0)
    for square, observed, counts in zip(np.nan_to_num(squares), seen, begun, strict=True):
        latest = np.where(observed, square, variance)
        variance = np.where(counts, omega + alpha * latest + beta * variance, variance)
    return variance


def ahead(variance: Array, omega: Array, persistence: Array, horizon: int) -> Array:
    """Variances (M, H) of the next steps, the first of which is known (M,): v = omega + (alpha + beta) v."""
    made = [variance]
    for _ in range(1, horizon):
        made.append(omega + persistence * made[-1])
    return np.stack(made, axis=1)


def estimate(moves: Array, arch_model: Any) -> tuple[float, float, float] | None:
    """omega, alpha and beta by maximum likelihood of moves (n,) without mean.

    None where they are too few, constant, or it fails.
    """
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
            "garch needs the package arch: pip install forecast-toolkit[market], or choose another model."
        ) from None
    return arch_model
