import numpy as np
import pytest
from conftest import past_of, single, weather

from forecast.errors import ForecastError
from forecast.evaluation.backtest import Keep, backtest
from forecast.evaluation.folds import WalkForward
from forecast.fitting import fit
from forecast.models import spec

WALK = WalkForward(horizon=6, folds=2)


def test_a_fold_is_a_fit_on_its_past_and_forecasts_at_its_origins():
    panel = weather((300, 300))
    for outcome in backtest("drift", panel, WALK):
        until = past_of(panel, WALK, outcome).lengths
        fitted = fit("drift", panel.until(until), 6)
        assert np.array_equal(outcome.forecast.values, fitted.predict(panel, outcome.forecast.origins).values)
        assert np.array_equal(outcome.actual, panel.truth(outcome.forecast.origins, 6))


def test_outcomes_as_a_frame():
    outcome = next(backtest("naive", weather((300,)), WALK))
    frame = outcome.to_frame()
    assert list(frame.columns) == ["unique_id", "ds", "cutoff", "y", "naive"]
    assert (frame["ds"] > frame["cutoff"]).all()
    assert (frame.groupby("cutoff").size() == 6).all()


def test_a_part_that_is_kept_is_not_made_again():
    class Memory(Keep):
        def __init__(self):
            self.parts, self.stored = {}, 0

        def load(self, part):
            return self.parts.get(part)

        def store(self, part, answers, log):
            self.parts[part] = (answers, log)
            self.stored += 1

    panel, memory = weather((300,)), Memory()
    one = list(backtest(["naive", "seasonal"], panel, WALK, keep=memory))
    two = list(backtest(["naive", "seasonal"], panel, WALK, keep=memory))
    assert memory.stored == 4
    assert all(np.array_equal(a.forecast.values, b.forecast.values) for a, b in zip(one, two, strict=True))


def test_a_series_born_after_the_fit_is_forecast_cold():
    panel = weather((300, 40))
    times = panel.times.copy()
    times[300:] = panel.times[260:300]  # the second series begins when the first is nearly over
    late = type(panel)(panel.ids, panel.starts, panel.stops, times, panel.values, panel.columns, panel.clock)
    for outcome in backtest(["naive", "arima", "seasonal"], late, WALK):
        mine = outcome.forecast.origins[:, 0] == 1
        assert outcome.fold == 0 or mine.any()
        assert np.isfinite(outcome.forecast.values).all()
    assert "b" not in outcome.truth.scaling.ids or outcome.fold == 1


def test_models_are_named_apart():
    with pytest.raises(ForecastError, match="Two models have the same name: naive, naive"):
        list(backtest(["naive", spec("naive")], weather((300,)), WALK))


def test_an_unknown_model_names_the_nearest():
    with pytest.raises(
        ForecastError, match=r"There is no model 'ltsm'. Did you mean lstm\? There is: lstm, gru"
    ):
        list(backtest("ltsm", weather((300,)), WALK))


def test_a_setting_is_checked():
    with pytest.raises(ForecastError, match=r"gru has no setting 'unit'. Did you mean units"):
        spec("gru", unit=3)
    with pytest.raises(ForecastError, match=r"gru.units = 0: input should be greater than or equal to 1"):
        spec("gru", units=0)
    with pytest.raises(ForecastError, match=r"lstm.dropout = 1.5: input should be less than 1"):
        spec("lstm", dropout=1.5)


def test_a_user_s_own_spec_runs_beside_the_others():
    from dataclasses import dataclass
    from typing import ClassVar

    from forecast.results import Log

    @dataclass(frozen=True)
    class Mean:
        """Forecasts 0, the scaled mean."""

        reads: ClassVar = ()
        name: str = "mean"

        def settle(self, past, horizon):
            return self

        def fit(self, past, goal, *, seed, watch):
            return Zero(goal)

        def restore(self, arrays, goal):
            return Zero(goal)

        def space(self, trial):
            return self

    @dataclass(frozen=True)
    class Zero:
        goal: object
        context: int = 1
        log: Log = Log()  # noqa: RUF009 (a frozen value)

        def predict(self, panel, origins, fitted):
            return np.zeros((len(origins), self.goal.horizon, 1))

        def arrays(self):
            return {}

    panel = single(np.random.default_rng(0).normal(3, 1, 300))
    for outcome in backtest(Mean(), panel, WALK):
        past = past_of(panel, WALK, outcome)
        assert outcome.forecast.values == pytest.approx(past.values[past.rows(0), 0].mean())


def test_a_gap_is_forecast_but_not_scored():
    panel = weather((300,))
    for outcome in backtest("drift", panel, WalkForward(horizon=6, gap=3, folds=2)):
        assert outcome.forecast.values.shape[1] == 9
        assert np.isnan(outcome.actual[:, :3]).all()
        assert np.array_equal(outcome.actual[:, 3:], panel.truth(outcome.forecast.origins, 9)[:, 3:])


def test_a_sliding_past_is_all_that_a_fit_sees():
    panel = weather((300, 300))
    walk = WalkForward(horizon=6, folds=2, max_past=50)
    for outcome in backtest("drift", panel, walk):
        past = past_of(panel, walk, outcome)
        assert (past.lengths == 50).all()
        until = past.stops - panel.starts
        fitted = fit("drift", panel.until(until).tail(50).compact(), 6)
        assert np.allclose(outcome.forecast.values, fitted.predict(panel, outcome.forecast.origins).values)


def test_models_of_one_fold_share_what_came():
    parts = list(backtest(["naive", "seasonal", "drift"], weather((300,)), WALK))
    for first, *others in (parts[:3], parts[3:]):
        for other in others:
            assert other.truth is first.truth
            assert other.forecast.times is first.forecast.times
            assert other.forecast.cutoffs is first.forecast.cutoffs
