"""The contract asks for little: a Spec of `fit` and `restore`, and of what it learned `predict` and `arrays`, does everything that others do."""

from dataclasses import dataclass

import numpy as np
from conftest import weather

from forecast.data.scaling import Units
from forecast.evaluation.ablation import ablations
from forecast.evaluation.backtest import backtest
from forecast.evaluation.folds import WalkForward
from forecast.evaluation.leaderboard import leaderboard
from forecast.fitting import fit
from forecast.models import spec
from forecast.models.base import (
    CONTEXT,
    context_of,
    examined,
    reads_of,
    refitted,
    report_of,
    sized,
    targets_of,
    varied,
)
from forecast.models.combination import Combination
from forecast.results import Log


@dataclass(frozen=True)
class Level:
    """The mean of the past of all series, in z."""

    name: str = "level"

    def fit(self, past, goal, *, seed, watch):
        return Flat(goal.horizon, np.array([np.nanmean(past.values[:, 0])]))

    def restore(self, arrays, goal):
        return Flat(goal.horizon, arrays["level"])


@dataclass(frozen=True)
class Flat:
    horizon: int
    level: np.ndarray

    def predict(self, panel, origins, fitted):
        return np.full((len(origins), self.horizon, 1), self.level[0])

    def arrays(self):
        return {"level": self.level}


def test_what_a_model_leaves_out_has_a_default(panel):
    level, learned = Level(), Flat(6, np.zeros(1))
    assert (context_of(learned), report_of(learned)) == (CONTEXT, Log())
    assert (reads_of(level), targets_of(level)) == ((), ("number",))
    assert (sized(level, panel, 6), varied(level, None)) == (level, level)
    assert refitted(level, panel, None, {}, seed=0, watch=None) is None
    assert examined(level, panel, Units(), False) == ()


def test_what_a_model_has_is_asked():
    gru = spec("gru")
    assert sized(gru, weather((300,)), 6).units == 32
    assert reads_of(gru) == ("past", "future", "static")
    assert targets_of(spec("rate")) == ("event", "names")
    assert examined(spec("garch"), weather((300,)), Units(), False)[0].startswith("a looks like a level")


def test_a_model_of_four_functions_is_walked_ranked_combined_and_ablated(panel):
    walk = WalkForward(horizon=6, folds=2, stride=6)
    both = Combination("level+ridge", (Level(), spec("ridge")))
    models = [Level(), both, *ablations(Level(), panel), spec("naive")]
    board = leaderboard(list(backtest(models, panel, walk)))
    assert {row.model for row in board.rows} == {"level", "level+ridge", "without lead", "naive"}
    scores = {row.model: row.scores["mae"] for row in board.rows}
    assert scores["level"] == scores["without lead"]  # it reads the target alone
    assert fit(both, panel, 6).context == CONTEXT


def test_warm_refits_of_a_model_that_has_none_are_cold(panel):
    walk = WalkForward(horizon=6, folds=2, stride=6, refit="warm")
    assert not any(outcome.log.warm for outcome in backtest(Level(), panel, walk))
