"""Sample paths: the distributions of single steps joined over the horizon, as the errors of a walk hang together."""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from forecast.arrays import Array

CELLS = 65536  # of the unit interval, in which a level is kept as uint16
NEAREST = 1e-12  # of a level to 0 or 1
MANY = (
    100  # independent windows from which on their own order is taken; with fewer, that of a Gaussian copula
)
FEW = 3  # templates below which nothing is known of how steps hang together
MOST = 400  # templates that are kept
FARTHEST = 10.0  # normal scores to which the lines beyond the outer levels are drawn


def values_at(scores: Array, quantiles: Array, levels: tuple[float, ...]) -> Array:
    """Values (N, H) at normal scores (N, H) of distributions given by quantiles (H, Q) at levels (Q,).

    A value is linear in the normal score of its level between two neighbouring levels, which is exact for a normal
    distribution, and beyond the outer levels it goes on along the line through the two outermost ones: a normal tail.
    """
    places, ends = _line(quantiles, levels)
    made = np.empty_like(scores)
    for step in range(scores.shape[1]):
        made[:, step] = np.interp(scores[:, step], places, ends[step])
    return made


def _line(quantiles: Array, levels: tuple[float, ...]) -> tuple[Array, Array]:
    """Normal scores (Q + 2,) and the values (H, Q + 2) there, with one far beyond each outer level."""
    from scipy.special import ndtri

    scores = ndtri(np.array(levels))
    low_slope = (quantiles[:, 1] - quantiles[:, 0]) / (scores[1] - scores[0])
    high_slope = (quantiles[:, -1] - quantiles[:, -2]) / (scores[-1] - scores[-2])
    lowest = quantiles[:, 0] - low_slope * (scores[0] + FARTHEST)
    highest = quantiles[:, -1] + high_slope * (FARTHEST - scores[-1])
    places = np.concatenate([[-FARTHEST], scores, [FARTHEST]])
    return places, np.column_stack([lowest, quantiles, highest])


def read_at(quantiles: Array, levels: tuple[float, ...], scores: Array) -> Array:
    """Quantiles (M, H, Q) of distributions given by quantiles (M, H, Q) at levels (Q,), at other normal scores: (H, Q), or (M, H, Q).

    As `values_at`; NaN where a score is. Between equal quantiles lies the same one.
    """
    shape = quantiles.shape
    places, lines = _line(quantiles.reshape(-1, len(levels)), levels)
    asked = np.broadcast_to(scores, shape).reshape(-1, len(levels))
    right = np.clip(np.searchsorted(places, asked), 1, len(places) - 1)
    share = (asked - places[right - 1]) / (places[right] - places[right - 1])
    low = np.take_along_axis(lines, right - 1, axis=1)
    high = np.take_along_axis(lines, right, axis=1)
    made: Array = (low + share * (high - low)).reshape(shape)
    return made


def share_until(value: Array, quantiles: Array, levels: tuple[float, ...]) -> Array:
    """The chance (...) of at most a value (...), by quantiles (..., Q): of a mass at 0, that of 0.

    The middle between the last level whose quantile is not above the value and the next.
    """
    edges = np.array([0.0, *levels, 1.0])
    count = (quantiles <= value[..., None]).sum(-1)
    made: Array = (edges[count] + edges[count + 1]) / 2
    return made


def levels_of(values: Array, quantiles: Array, levels: tuple[float, ...]) -> Array:
    """The level (M, H) in (0, 1) at which each of values (M, H) lies among quantiles (M, H, Q): the inverse of `values_at`.

    It is a probability integral transform. Where several quantiles equal the value, as of an amount that is mostly 0, the
    level is drawn evenly between theirs, always alike (Czado et al. 2009): at the same share of that range in all steps of a
    window. Draws of each step for itself would make dry steps independent of each other, and rain in any of them too
    likely. NaN where a value or a quantile is NaN.
    """
    from scipy.special import ndtr

    flat = quantiles.reshape(-1, len(levels))
    places, lines = _line(flat, levels)
    value = values.reshape(-1, 1)
    below = (flat < value).sum(1)
    until = (flat <= value).sum(1)
    row = np.arange(len(flat))
    low, high = lines[row, below], lines[row, below + 1]
    wide = high > low
    share = np.where(wide, (value[:, 0] - low) / np.where(wide, high - low, 1.0), 0.5)
    score = places[below] + np.clip(share, 0.0, 1.0) * (places[below + 1] - places[below])
    edges = np.concatenate([[0.0], levels, [1.0]])
    low_edge = np.where(below == 0, 0.0, edges[below + 1])
    high_edge = np.where(until == len(levels), 1.0, edges[until])
    drawn = np.repeat(np.random.default_rng(0).uniform(size=len(values)), values.shape[1])
    level = np.where(until - below > 1, low_edge + drawn * (high_edge - low_edge), ndtr(score))
    unknown = np.isnan(value[:, 0]) | np.isnan(flat).any(1)
    made: Array = np.where(unknown, np.nan, level).reshape(values.shape)
    return made


def kept_levels(levels: Array) -> Array:
    """Levels in (0, 1) as uint16, each the cell of the unit interval in which it lies."""
    return np.clip(np.floor(levels * CELLS), 0, CELLS - 1).astype("uint16")


def seeds_of(seed: int, ids: Sequence[str], origins: Array, cutoffs: Array) -> list[list[int]]:
    """What the random numbers of each of M origins begin with: the seed, the name of its series, its last known stamp."""
    names = [zlib.crc32(name.encode()) for name in ids]
    moments = cutoffs.astype("int64").astype("uint64").tolist()
    return [[seed, names[series], moment] for series, moment in zip(origins[:, 0], moments, strict=True)]


@dataclass(frozen=True, eq=False)
class Templates:
    """How the steps of a horizon hang together: what was seen of past windows.

    levels (T, H): where the actual values lay in what was forecast of them, in 65536ths as uint16 · independent: as how many
    independent windows they count, since horizons overlap and series move together.
    """

    levels: Array
    independent: float

    def scores(self, count: int, seed: list[int]) -> Array:
        """Normal scores (count, H) of one origin: at each step the same evenly spread ones, joined as these windows say.

        With MANY independent windows each path takes the order of one of them among all: the Schaake shuffle (Clark et al.
        2004). Fewer overlapping ones all lie on one side, of which an order knows nothing: their levels give the
        correlations of a Gaussian copula.
        """
        from scipy.special import ndtri

        random = np.random.default_rng(seed)
        if self.independent >= MANY:
            drawn = _drawn(self.levels, count, random)
        else:
            root = correlation_root(self.levels)
            drawn = random.standard_normal((count, len(root))) @ root.T
        order = np.argsort(np.argsort(drawn, axis=0), axis=0)
        within = random.uniform(size=drawn.shape)
        made: Array = ndtri(np.clip((order + within) / count, NEAREST, 1 - NEAREST))
        return made


def _drawn(templates: Array, count: int, random: np.random.Generator) -> Array:
    """The levels (count, H) of templates drawn without repetition while there are any; equal ones are put in any order."""
    turns = -(-count // len(templates))
    chosen = np.concatenate([random.permutation(len(templates)) for _ in range(turns)])[:count]
    return templates[chosen] + random.uniform(size=(count, templates.shape[1]))


def correlation_root(templates: Array) -> Array:
    """A matrix (H, H) whose product with its transpose is the correlation of the steps, learned from few templates (T, H).

    Their normal scores have mean 0 and spread 1 where forecasts are calibrated, so none is estimated: of overlapping
    windows, which have one error in common, a mean would take the correlation away. Correlations are shrunk towards their
    means at each distance between steps, the more the fewer windows there are.
    """
    from scipy.special import ndtri

    count, steps = templates.shape
    scores = ndtri((templates + 0.5) / CELLS)
    products = scores.T @ scores
    size = np.sqrt(np.diag(products))
    own = products / np.outer(size, size)
    apart = np.abs(np.subtract.outer(np.arange(steps), np.arange(steps)))
    usual = np.bincount(apart.ravel(), own.ravel()) / np.bincount(apart.ravel())
    weight = count / (count + steps)
    mixed = weight * own + (1 - weight) * usual[apart]
    size, vectors = np.linalg.eigh(mixed)
    root = vectors * np.sqrt(np.maximum(size, 0.0))
    made: Array = root / np.linalg.norm(root, axis=1, keepdims=True)
    return made
