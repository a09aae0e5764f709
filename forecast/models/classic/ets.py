"""Automatic exponential smoothing with additive errors.

It is fitted once for each series, then asked at any number of origins by one pass.
"""

from dataclasses import dataclass, replace
from functools import partial
from typing import Annotated, Any, NamedTuple, Self

import numpy as np
from pydantic import Field

from forecast.arrays import Array
from forecast.data.panel import Panel
from forecast.data.seasons import season_of
from forecast.models.answers import NormalAnswers, in_chunks, recent, shortened
from forecast.models.base import Watch
from forecast.models.classic.smoothing import WINDOW, States, extend, first_states, smooth
from forecast.results import Log
from forecast.task import Goal

LONGEST_SEASON = 24  # a longer one has too many states for a likelihood to choose
ALPHA = (0.02, 0.999)  # where each parameter is searched
BETA = (1e-4, 0.999)  # as a share of alpha
GAMMA = (1e-4, 0.999)  # as a share of 1 - alpha
PHI = (0.8, 0.98)
DESIGN = 32  # points of a round
ROUNDS = 14
SHRINK = 0.65  # of the cube around the best point from round to round: in the end to 0.2 % of its edge
CONVERGED = 1e-3  # the share of the squared error that the last three rounds may still have won
PERFECT = 1e-12  # a squared error, in units of the spread, that is none
TOGETHER = 64  # series that are searched at once


@dataclass(frozen=True)
class Candidate:
    """One form of the model: the components, and what the information criterion counts for them."""

    words: str
    trend: bool = False
    damped: bool = False
    season: bool = False

    def free(self, season: int) -> int:
        """Parameters, first states and the variance."""
        return 3 + 2 * self.trend + self.damped + self.season * season


CANDIDATES = (  # from the simplest on: ties go to the first
    Candidate("level"),
    Candidate("level and damped trend", trend=True, damped=True),
    Candidate("level and trend", trend=True),
    Candidate("level and season", season=True),
    Candidate("level, damped trend and season", trend=True, damped=True, season=True),
    Candidate("level, trend and season", trend=True, season=True),
)


@dataclass(frozen=True)
class Ets:
    """ETS(A, none or additive or damped trend, none or additive season), chosen for each series by AICc on its last `stretch` rows.

    (Hyndman, Koehler, Ord & Snyder, Forecasting with Exponential Smoothing, 2008: selection in chapter 7, the class 1 variances in chapter 6.)
    """

    name: str = "ets"
    stretch: Annotated[int, Field(ge=50)] = 1000  # rows

    def fit(self, past: Panel, goal: Goal, *, seed: int, watch: Watch) -> "Smoothed":
        """Choose and estimate a model for each series; those that come later get the medians of the most frequent one."""
        season = season_of(past)
        if season > LONGEST_SEASON:
            season = 1
        ends = np.stack([np.arange(len(past.ids)), past.lengths], axis=1)
        rows = min(self.stretch, int(past.lengths.max()))
        searched = in_chunks(partial(search, past, rows=rows, season=season), ends, TOGETHER)
        chosen = searched[:, 0].astype(int)
        parameters = searched[:, 1:5]
        spreads = searched[:, 5]
        failed = int(searched[:, 6].sum())
        usual = chosen == np.bincount(chosen).argmax()
        parameters = np.concatenate([parameters, np.median(parameters[usual], axis=0)[None]])
        spreads = np.append(spreads, np.median(spreads[usual]))
        log = Log(_notes(past.ids, chosen, failed, season))
        return Smoothed(goal, season, parameters, spreads, log)

    def restore(self, arrays: dict[str, Array], goal: Goal) -> "Smoothed":
        """The Smoothed whose `arrays()` these are."""
        return Smoothed(goal, int(arrays["season"][0]), arrays["parameters"], arrays["spreads"], Log())

    def space(self, trial: Any) -> Self:
        """This spec with the stretch that the trial suggests."""
        return replace(self, stretch=trial.suggest_int("stretch", 100, 4000, log=True))


@dataclass(frozen=True, eq=False)
class Smoothed(NormalAnswers):
    """season in steps, 1 = none · parameters (S + 1, 4): alpha, beta, gamma, phi · spreads (S + 1,), scaled.

    A parameter is 0 where the model has no such part. The last row of both is that of the series that were not fitted.
    """

    season: int
    parameters: Array
    spreads: Array
    log: Log
    context = WINDOW  # rows before an origin that a forecast reads

    def normal(self, panel: Panel, origins: Array, rows: Array) -> tuple[Array, Array]:
        """Points and widths (M, H): the filter over the rows before each origin, all origins at once."""
        parameters = self.parameters[rows].T
        _, _, gamma, phi = parameters
        values = recent(panel, origins, WINDOW).T
        start = first_states(values, self.season, phi > 0, gamma > 0)
        _, last = smooth(values, parameters, start)
        point = extend(last, phi, self.goal.horizon)
        growing = growth(parameters, self.season, self.goal.horizon)
        return point, self.spreads[rows][:, None] * growing


def growth(parameters: Array, season: int, horizon: int) -> Array:
    """Standard errors (K, H) in units of the one-step spread: the root of 1 + c_1^2 + ... + c_(h-1)^2 for parameters (4, K).

    c_j = alpha + beta (phi + ... + phi^j) + gamma where j is a multiple of the season (Hyndman et al. 2008, table 6.2).
    """
    alpha, beta, gamma, phi = (one[:, None] for one in parameters)
    steps = np.arange(1, horizon)
    trend = beta * np.cumsum(phi**steps, axis=1)
    response = alpha + trend + gamma * (steps % season == 0)
    first = np.ones((len(alpha), 1))
    later = 1 + np.cumsum(response**2, axis=1)
    return np.sqrt(np.concatenate([first, later], axis=1))


class Estimates(NamedTuple):
    """Of J candidates on K series: parameters (4, J, K), squared errors (J, K), and the share of these that the last
    rounds of the search still won (J, K).
    """

    parameters: Array
    squares: Array
    still: Array


def search(past: Panel, ends: Array, rows: int, season: int) -> Array:
    """(K, 7) of the series that end at `ends` (K, 2): candidate, four parameters, spread, how many candidates failed.

    A candidate fails where too few values are observed for its parameters, or where its search has not converged; the
    level alone cannot.
    """
    values = recent(past, ends, rows).T
    candidates = CANDIDATES if season > 1 else CANDIDATES[:3]
    found = estimate(values, season, candidates)
    count = (~np.isnan(values)).sum(0)
    free = np.array([one.free(season) for one in candidates])[:, None]
    # below a millionth of the spread a fit is perfect, and the simplest perfect one is taken
    likelihood = count * np.log(np.maximum(found.squares / np.maximum(count, 1), PERFECT))
    possible = count > free + 1
    aicc = likelihood + 2 * free * count / np.where(possible, count - free - 1, 1)
    failed = ~possible | (found.still > CONVERGED)
    chosen = np.where(failed & (free > free[0]), np.inf, aicc).argmin(0)
    series = np.arange(len(ends))
    left = np.maximum(count - free[chosen, 0] + 1, 1)
    spread = np.sqrt(found.squares[chosen, series] / left)
    table = [chosen, *found.parameters[:, chosen, series], spread, failed.sum(0)]
    return np.array(table).T


def estimate(values: Array, season: int, candidates: tuple[Candidate, ...]) -> Estimates:
    """The parameters of candidates on values (L, K) that have the smallest squared error one step ahead.

    All candidates of all series are searched together: each round tries a fixed design of points in a cube around the
    best point so far, and the cube shrinks.
    """
    start = _starts(values, season, candidates)
    forms = np.array([[True, one.trend, one.season, one.damped] for one in candidates]).T
    trends = np.array([one.trend for one in candidates])
    design = _design()[:, None, :, None]
    best = np.full((4, len(candidates), values.shape[1]), 0.5)
    history: list[Array] = []
    for turn in range(ROUNDS):
        tried = np.clip(best[:, :, None] + SHRINK**turn * design, 0, 1)  # (4, J, points, K)
        squares, _ = smooth(values, _parameters(tried, forms, trends), start)
        place = squares.argmin(1)[:, None]
        best = np.take_along_axis(tried, place[None], 2)[:, :, 0]
        history.append(np.take_along_axis(squares, place, 1)[:, 0])
    least = history[-1]
    still = 1 - least / np.maximum(history[-4], 1e-300)
    parameters = _parameters(best[:, :, None], forms, trends)[:, :, 0]
    return Estimates(parameters, least, np.where(least <= PERFECT, 0.0, still))


def _starts(values: Array, season: int, candidates: tuple[Candidate, ...]) -> States:
    """First states of each candidate: level and slope (J, 1, K), season (m, J, 1, K)."""
    ones = np.ones(values.shape[1], bool)
    each = [first_states(values, season, ones & one.trend, ones & one.season) for one in candidates]
    level = np.array([states.level for states in each])
    slope = np.array([states.slope for states in each])
    profile = np.stack([states.season for states in each], axis=1)
    return States(level[:, None], slope[:, None], profile[:, :, None])


def _design() -> Array:
    """The centre of the cube (-.5, .5)^4 and well-spread points around it (4, DESIGN): a Kronecker sequence of the plastic kind.

    (Roberts, The unreasonable effectiveness of quasirandom sequences, 2018.)
    """
    base = 1.16730397826142  # the root of x^5 = x + 1
    points = (0.5 + np.arange(DESIGN) * (1 / base) ** np.arange(1, 5)[:, None]) % 1 - 0.5
    points[:, 0] = 0.0
    return points


def _parameters(cube: Array, forms: Array, trends: Array) -> Array:
    """Points (4, J, P, K) of the unit cube as alpha, beta, gamma, phi.

    The parts that a candidate lacks are 0, and an undamped phi is 1.
    """
    ranges = (ALPHA, BETA, GAMMA, PHI)
    scaled = [low + (high - low) * one for (low, high), one in zip(ranges, cube, strict=True)]
    alpha, beta, gamma, phi = scaled
    _, trend, season, damped = forms[:, :, None, None]
    phi = np.where(damped, phi, trends[:, None, None].astype(float))
    return np.array([alpha, alpha * beta * trend, (1 - alpha) * gamma * season, phi])


def _notes(ids: tuple[str, ...], chosen: Array, failed: int, season: int) -> tuple[str, ...]:
    notes = []
    for place in np.unique(chosen):
        one = CANDIDATES[place]
        names = [ids[i] for i in np.flatnonzero(chosen == place)]
        steps = f" of {season} steps" if one.season else ""
        notes.append(f"{one.words}{steps}: {shortened(names)}")
    if failed:
        notes.append(f"{failed} candidates did not converge or had too few rows; the next best was taken")
    return tuple(notes)
