"""Small panels that every test can afford."""

import os
from dataclasses import replace

import numpy as np
import pytest

from forecast.data.panel import Panel
from forecast.evaluation.folds import WalkForward, walk_forward
from forecast.results import Outcome
from forecast.testing import BEGIN, HOURLY, hours, single, weather

CORES = sorted(os.sched_getaffinity(0))
WORKER = os.environ.get("PYTEST_XDIST_WORKER", "")
if WORKER:  # a core for each process that runs tests: `jobs=0` is one, and starts no processes next to them
    os.sched_setaffinity(0, {CORES[int(WORKER.removeprefix("gw")) % len(CORES)]})

__all__ = ["BEGIN", "HOURLY", "hours", "past_of", "single", "weather", "with_actual"]


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
