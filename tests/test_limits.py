"""Values and settings beyond what can be computed with are refused in a sentence that names them."""

import warnings

import numpy as np
import pytest
from conftest import single

from forecast.errors import ForecastError
from forecast.evaluation.backtest import backtest
from forecast.evaluation.folds import WalkForward
from forecast.fitting import NotFiniteError, fit
from forecast.models import spec
from forecast.task import Task


@pytest.mark.parametrize(
    ("model", "settings", "words"),
    [
        (
            "gru",
            {"learning_rate": np.inf},
            r"gru.learning_rate = inf: input should be less than or equal to 100",
        ),
        ("gru", {"learning_rate": np.nan}, r"gru.learning_rate = nan"),
        (
            "gru",
            {"units": 1_000_000_000},
            r"gru.units = 1000000000: input should be less than or equal to 8192",
        ),
        ("lstm", {"units": [8, 10_000]}, r"lstm.units = "),
        ("gru", {"layers": 1_000}, r"gru.layers = 1000: input should be less than or equal to 100"),
        ("gru", {"clip": np.inf}, r"gru.clip = inf: input should be a finite number"),
        ("gru", {"noise": np.nan}, r"gru.noise = nan"),
        ("lstm", {"forget_bias": np.inf}, r"lstm.forget_bias = inf: input should be a finite number"),
    ],
)
def test_settings_have_ranges(model, settings, words):
    with pytest.raises(ForecastError, match=words):
        spec(model, **settings)


@pytest.mark.parametrize("bounds", [(np.nan, np.nan), (0, np.nan), (5, 5), (9, 3), (np.inf, None)])
def test_bounds_are_a_range(bounds):
    with pytest.raises(ForecastError, match="is no range: the lowest value of the target is a number below"):
        Task(bounds=bounds)


@pytest.mark.parametrize("bounds", [(None, None), (0, None), (None, 3), (-1, 1), (0, np.inf)])
def test_a_side_may_be_open(bounds):
    assert Task(bounds=bounds).bounds == bounds


def test_a_forecast_that_is_not_finite_names_model_series_and_fold():
    panel = single(1e300 * (2 + np.sin(np.arange(200) / 4)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # NumPy says that the squares overflow
        with pytest.raises(
            NotFiniteError, match=r"^naive forecasts nan for series 'y' at step 1 .* reach 3e\+300"
        ):
            fit("naive", panel, 6).predict(panel)
        with pytest.raises(
            ForecastError, match=r"^Fold 0: seasonal forecasts nan .* give them in a larger unit"
        ):
            list(backtest("seasonal", panel, WalkForward(horizon=6, folds=2)))
