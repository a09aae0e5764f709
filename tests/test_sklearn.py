"""The regressor as scikit-learn sees it: its own checks, without an exception, and the places where it is used."""

import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.dummy import DummyRegressor
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import GridSearchCV, TimeSeriesSplit, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

import forecast as fc
from forecast.sklearn import RecurrentRegressor

FEW = {"units": 6, "steps": 30, "batch": 32, "learning_rate": 0.03, "dropout": 0.0}
ENOUGH = {**FEW, "steps": 120}


@parametrize_with_checks([RecurrentRegressor(**FEW)])
def test_scikit_learn_has_nothing_to_say(estimator, check):
    check(estimator)


def lags(y, count, horizon=1):
    """X (n, count), and y (n, horizon) or, of one step, (n,)."""
    made = fc.windows(pd.DataFrame({"y": y}), count, horizon)
    return made.x[:, :, 0], made.y[:, 0] if horizon == 1 else made.y


@pytest.fixture(scope="module")
def wave():
    """An autoregression that swings, of 700 values around 50: its next value is 1.6 y' - 0.9 y'' and noise."""
    noise, y = np.random.default_rng(0).normal(0, 1, 700), np.zeros(700)
    for t in range(2, 700):
        y[t] = 1.6 * y[t - 1] - 0.9 * y[t - 2] + noise[t]
    return 50 + y


def test_a_search_over_time_comes_near_to_least_squares_which_is_the_truth(wave):
    X, y = lags(wave, 6)
    cv = TimeSeriesSplit(3)
    search = GridSearchCV(
        RecurrentRegressor(**ENOUGH, random_state=0), {"cell": ["gru", "lstm"], "steps": [5, 120]}, cv=cv
    )
    search.fit(X, y)
    mean, linear = (
        cross_val_score(one, X, y, cv=cv).mean() for one in (DummyRegressor(), LinearRegression())
    )
    assert (
        mean < 0 < linear - 0.05 < search.best_score_ < linear + 0.01
    )  # nothing beats the truth by more than luck
    assert search.best_params_["steps"] == 120


def test_it_works_at_the_end_of_a_pipeline_and_knows_its_columns(wave):
    X, y = lags(wave, 4)
    frame = pd.DataFrame(X, columns=["lag4", "lag3", "lag2", "lag1"])
    piped = make_pipeline(StandardScaler(), RecurrentRegressor(**ENOUGH, random_state=0)).fit(
        frame[:500], y[:500]
    )
    assert piped.score(frame[500:], y[500:]) > 0.85
    alone = RecurrentRegressor(**FEW, random_state=0).fit(frame[:500], y[:500])
    assert list(alone.feature_names_in_) == list(frame)
    assert alone.n_features_in_ == 4
    with pytest.raises(ValueError, match="feature names should match"):
        alone.predict(frame.rename(columns={"lag4": "lag9"}))


def test_several_steps_ahead_of_what_wanders():
    """Of a random walk no forecast is much better than the last lag, and one that is anchored there is not much worse, also far from the fit."""
    walk = 100 + np.cumsum(np.random.default_rng(1).normal(0, 1, 800))
    X, y = lags(walk, 5, 3)
    made = (
        RecurrentRegressor(**FEW, anchor="last", random_state=0).fit(X[:500], y[:500]).predict(X[500:] + 1000)
        - 1000
    )
    assert made.shape == y[500:].shape
    rmse, naive = (np.sqrt(np.mean((one - y[500:]) ** 2)) for one in (made, X[500:, -1:]))
    assert rmse < 1.1 * naive


def test_the_same_state_gives_the_same_bits_also_after_a_pickle_and_row_by_row(wave):
    X, y = lags(wave, 4)
    one, two, other = (RecurrentRegressor(**FEW, random_state=state).fit(X, y) for state in (3, 3, 4))
    made = one.predict(X)
    assert np.array_equal(made, two.predict(X))
    assert not np.array_equal(made, other.predict(X))
    assert np.array_equal(made, pickle.loads(pickle.dumps(one)).predict(X))
    assert np.abs([one.predict(row[None])[0] for row in X[:20]] - made[:20]).max() < 1e-9


def test_a_missing_lag_is_allowed_and_an_infinite_one_is_not(wave):
    X, y = lags(wave, 6)
    X = X.copy()
    X[np.random.default_rng(2).random(X.shape) < 0.1] = np.nan
    assert RecurrentRegressor(**ENOUGH, random_state=0).fit(X[:500], y[:500]).score(X[500:], y[500:]) > 0.75
    with pytest.raises(ValueError, match="infinity"):
        RecurrentRegressor(**FEW).fit(np.where(np.isnan(X), np.inf, X), y)
    with pytest.raises(ValueError, match="NaN"):
        RecurrentRegressor(**FEW).fit(X, np.where(y > 50, np.nan, y))


def test_a_wrong_setting_is_named(wave):
    X, y = lags(wave[:60], 4)
    base = RecurrentRegressor(**FEW)
    with pytest.raises(fc.ForecastError, match=r"gru has no setting 'layer'\. Did you mean layers"):
        clone(base).set_params(settings={"layer": 2}).fit(X, y)
    with pytest.raises(fc.ForecastError, match=r"There is no model 'grru'\. Did you mean gru"):
        clone(base).set_params(cell="grru").fit(X, y)
    with pytest.raises(TypeError, match="'units'"):  # said twice
        clone(base).set_params(settings={"units": 9}).fit(X, y)
