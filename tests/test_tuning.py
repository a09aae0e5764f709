import numpy as np
import optuna
import pytest
from conftest import HOURLY, hours, weather

from forecast.data.panel import Column, make_panel
from forecast.errors import ForecastError
from forecast.evaluation.folds import WalkForward
from forecast.models import models_for
from forecast.models.base import sized
from forecast.task import Task
from forecast.tuning.objective import Search, objective, tunable
from forecast.tuning.verdict import best_trial

SETTLED = {
    "theta",
    "ridge",
    "har",
    "mean",
    "median",
    "seasonal",
    "naive",
    "zero",
    "drift",
}  # nothing to try, or chosen in the fit


@pytest.mark.parametrize("name", models_for("number"))
def test_a_model_is_refused_in_words_or_its_default_is_a_trial_of_its_space(name):
    if name in SETTLED:
        with pytest.raises(
            ForecastError, match=f"{name} has no settings to tune: every trial would be the same"
        ):
            objective(name, weather())
        return
    space, search = tunable(name), Search.before_test(weather(), WalkForward(horizon=6), Task(), 0)
    found = space.default(sized(space.base, search.panel, 6))
    tried = space.candidate(optuna.trial.FixedTrial(found))  # refuses what is outside a range
    assert {name: getattr(tried, name) for name in found} == found


def test_a_study_sees_nothing_from_the_first_origin_of_a_series_on_also_counted_from_its_end():
    """Two series without a common hour: every row of the last 30 of each is rewritten, and the search finds the same."""
    random = np.random.default_rng(0)
    walk = WalkForward(horizon=4, test=30, folds=1, align="end")
    values = [np.cumsum(random.normal(size=(count, 1)), axis=0) for count in (160, 140)]

    def searched(later):
        own = [np.concatenate([series[:-30], later * series[-30:]]) for series in values]
        panel = make_panel(("a", "b"), [hours(160), hours(140, 1000)], own, (Column("y", "target"),), HOURLY)
        study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=0))
        study.optimize(objective("arima", panel, walk), n_trials=2)
        return [trial.value for trial in study.trials]

    assert searched(1.0) == searched(-7.0)
    assert np.isfinite(searched(1.0)).all()


def test_of_equal_trials_the_default_wins():
    """On a random walk every net is the last value; what rounding leaves between them chooses nothing."""
    study = optuna.create_study(direction="minimize")
    usual = {"units": optuna.distributions.CategoricalDistribution([16, 32])}
    for units, value, attributes in ((16, 1.0 + 1e-9, {"default": True}), (32, 1.0, {})):
        study.add_trial(
            optuna.trial.create_trial(
                params={"units": units}, distributions=usual, value=value, user_attrs=attributes
            )
        )
    assert best_trial(study).params == {"units": 16}
    study.add_trial(optuna.trial.create_trial(params={"units": 32}, distributions=usual, value=0.99))
    assert best_trial(study).params == {"units": 32}
