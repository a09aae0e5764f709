"""Honest shares for any model of names, from the past of a walk: as sharp as matured rows say. It never looks ahead."""

from dataclasses import replace

import numpy as np

from forecast.arrays import Array
from forecast.evaluation.blocks import Blocks, blocks_of, independent
from forecast.results import Outcome, Taught, Tempering, tempered, with_shares

LEAST = 100  # matured rows of an answer before its shares are changed
WINDOW = 1000  # moments that are remembered
TRUST = 0.2  # the spread of the sharpness that is expected before any row has matured
ROUNDS = 20  # of Newton's method at most
BOUNDS = (0.25, 4.0)  # that a sharpness never leaves


def temper(models: dict[str, list[Outcome]]) -> tuple[list[Outcome], dict[str, Taught]]:
    """Outcomes whose shares are as sharp as those before them should have been, and for each model the Tempering after the walk.

    The shares of each answer are raised to the power that gives the lowest log loss on the latest WINDOW moments that had
    matured (temperature scaling; Guo et al. 2017), drawn toward 1 as far as these are few; with fewer than LEAST rows they
    stay as they are.
    """
    made: list[Outcome] = []
    learned: dict[str, Taught] = {}
    for model, parts in models.items():
        outcomes, learned[model] = _tempered(parts)
        made += outcomes
    return made, learned


def _tempered(parts: list[Outcome]) -> tuple[list[Outcome], Tempering]:
    """The parts of one model."""
    shares = np.concatenate([_shares_of(part) for part in parts])
    actual = np.concatenate([part.actual for part in parts])
    moments = np.concatenate([part.moments for part in parts])
    matured = moments[:, 1:]
    blocks = blocks_of(moments[:, 0], matured)
    columns = [
        _sharpness(shares[:, step], actual[:, step], matured[:, step], blocks)
        for step in range(shares.shape[1])
    ]
    sharpness = np.stack(columns, axis=1)
    ends = np.cumsum([len(part.actual) for part in parts])[:-1]
    made = []
    for part, number in zip(parts, np.split(blocks.number, ends), strict=True):
        own = tempered(_shares_of(part), sharpness[number][..., None])
        made.append(replace(part, forecast=with_shares(part.forecast, own)))
    return made, Tempering(sharpness[-1])


def _shares_of(part: Outcome) -> Array:
    """The shares (M, A, K) of an outcome of names."""
    shares = part.forecast.shares
    if shares is None:
        raise AssertionError("an outcome of names has shares")
    return shares


def _sharpness(shares: Array, actual: Array, matured: Array, blocks: Blocks) -> Array:
    """The sharpness (blocks + 1,) of one answer, from shares (M, K) of actual codes (M,) that are known at moments (M,)."""
    seen = np.flatnonzero(~np.isnan(actual))
    order = seen[np.argsort(matured[seen], kind="stable")]
    logs = np.log(shares[order])
    codes = actual[order].astype("int64")
    losses = -logs[np.arange(len(order)), codes]
    when = matured[order]
    longest = round(WINDOW * blocks.series)
    found = np.ones(len(blocks.known))
    for number, now in enumerate(np.searchsorted(when, blocks.known, side="right")):
        if now < LEAST:
            continue
        window = slice(max(0, now - longest), now)
        count = independent(losses[window], when[window])
        found[number] = sharpest(logs[window], codes[window], count)
    return found


def sharpest(logs: Array, codes: Array, count: float) -> float:
    """The power of shares whose log loss is lowest: logs (n, K) of shares, codes (n,) of the actual names.

    count: how many independent rows they count as. The mean log loss is convex in the power, and so is what is added for a
    power other than 1: half its square in units of TRUST, over `count`.
    """
    power = 1.0
    given = logs[np.arange(len(logs)), codes]
    weight = 1 / (TRUST**2 * count)
    for _ in range(ROUNDS):
        raised = power * logs
        shares = np.exp(raised - raised.max(1, keepdims=True))
        shares /= shares.sum(1, keepdims=True)
        mean = (shares * logs).sum(1)
        slope = (mean - given).mean() + weight * (power - 1)
        bend = ((shares * logs**2).sum(1) - mean**2).mean() + weight
        step = slope / bend
        power = float(np.clip(power - step, *BOUNDS))
        if abs(step) < 1e-6:
            break
    return power
