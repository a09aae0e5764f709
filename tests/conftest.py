"""Small panels that every test can afford."""

from dataclasses import replace

import numpy as np
import pytest

from forecast.data.clock import Clock
from forecast.data.panel import Column, Panel, make_panel
from forecast.evaluation.folds import WalkForward, walk_forward
from forecast.results import Outcome

HOURLY = Clock("fixed", "1h")
BEGIN = np.datetime64("2024-01-01T00", "ns")


def hours(count: int, begin: int = 0) -> np.ndarray:
    """`count` hourly stamps."""
    return BEGIN + (np.arange(begin, begin + count) * 3600 * 10**9).astype("timedelta64[ns]")


def weather(lengths: tuple[int, ...] = (420, 420), seed: int = 0) -> Panel:
    """Series with a daily wave, slow wander and noise, and one past column that leads by an hour."""
    random = np.random.default_rng(seed)
    values = []
    for i, length in enumerate(lengths):
        wave = 3 * np.sin(2 * np.pi * (np.arange(length + 1) + 5 * i) / 24)
        y = 10 * i + wave + np.cumsum(random.normal(0, 0.2, length + 1)) + random.normal(0, 0.3, length + 1)
        values.append(np.stack([y[:-1], y[1:] + random.normal(0, 0.5, length)], 1))
    names = tuple("abcdefgh"[: len(lengths)])
    columns = (Column("temp", "target"), Column("lead"))
    return make_panel(names, [hours(length) for length in lengths], values, columns, HOURLY)


def single(values: np.ndarray, clock: Clock = HOURLY) -> Panel:
    """One series without past columns."""
    times = (
        np.arange(len(values))
        if clock.kind == "step"
        else clock.after(np.array([BEGIN]), np.arange(len(values)))[0]
    )
    return make_panel(("y",), [times], [np.asarray(values, float)[:, None]], (Column("y", "target"),), clock)


@pytest.fixture(scope="session")
def panel() -> Panel:
    """Two series of 420 hours."""
    return weather()


def past_of(panel: Panel, walk: WalkForward, outcome: Outcome) -> Panel:
    """What the fit behind an outcome saw of the panel."""
    fold = list(walk_forward(panel, walk))[outcome.fold]
    return walk.past(panel.until(fold.until))


def with_actual(outcome: Outcome, values: np.ndarray) -> Outcome:
    """The outcome with other actual values (M, H)."""
    return replace(outcome, truth=replace(outcome.truth, values=values))
