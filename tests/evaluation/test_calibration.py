from dataclasses import replace

import numpy as np
import pytest
from conftest import HOURLY, hours, single, weather, with_actual

from forecast.data.panel import Column, make_panel
from forecast.evaluation.backtest import backtest
from forecast.evaluation.calibration import LEAST, calibrate, independent, reach
from forecast.evaluation.folds import WalkForward
from forecast.evaluation.leaderboard import leaderboard
from forecast.evaluation.metrics import scores_by
from forecast.fitting import fit
from forecast.models.base import normal_quantiles

H = 6


def autoregression(random, count):
    y = np.zeros(count)
    for t, shock in enumerate(random.normal(size=count)):
        y[t] = 0.8 * y[t - 1] + shock
    return y


def changing(random, count):
    """Noise whose spread follows the hour and a slow volatility."""
    slow = np.exp(0.05 * np.cumsum(random.normal(size=count)) - 0.001 * np.arange(count))
    return (
        random.normal(size=count)
        * (1 + 0.5 * np.sin(np.arange(count) * 2 * np.pi / 24))
        * np.clip(slow, 0.3, 3)
    )


PROCESSES = {
    "AR(1)": autoregression,
    "random walk": lambda random, count: np.cumsum(random.normal(size=count)),
    "changing variance": changing,
}


def walked(values, model="naive", horizon=H, test=0.8):
    return list(backtest(model, single(values), WalkForward(horizon=horizon, test=test, folds=1, stride=1)))


@pytest.mark.parametrize("process", PROCESSES)
def test_intervals_hold_what_they_say_at_every_step(process):
    """30,000 origins, of series that are each calibrated by their own errors: within 2 points of 80 % and 95 %."""
    made = []
    for i in range(20):
        series = PROCESSES[process](np.random.default_rng([3, i]), 1900)
        made += calibrate(walked(series))[0]
    for level in (80, 95):
        assert [
            100 * share for share in scores_by(made, f"coverage-{level}", "step").values()
        ] == pytest.approx([level] * H, abs=2)


def test_few_overlapping_horizons_get_wide_intervals_not_narrow_ones():
    """24 steps of a random walk at each of 476 origins are worth twenty errors: plain empirical quantiles hold 88 % there, not 95."""
    made = []
    for i in range(60):
        (one,) = walked(np.cumsum(np.random.default_rng([4, i]).normal(size=620)), horizon=24)
        made += calibrate([with_actual(one, np.where(np.arange(24) < 23, np.nan, one.actual))])[
            0
        ]  # the other steps would only take time
    last = scores_by(made, "coverage-95", "step")[24]
    assert 0.92 < last < 0.98


@pytest.mark.parametrize("model", ["naive", "arima"])
def test_quantiles_are_ordered_around_the_point(model):
    for outcome in calibrate(walked(autoregression(np.random.default_rng(0), 500), model), (20, 50, 80, 95))[
        0
    ]:
        given = ~np.isnan(outcome.forecast.quantiles).any(-1)
        assert given.sum() > 1000
        assert (np.diff(outcome.forecast.quantiles[given], axis=-1) >= 0).all()
        assert np.array_equal(outcome.forecast.quantiles[given][:, 4], outcome.forecast.values[given])


def test_a_model_s_own_quantiles_are_mended():
    """Quantiles twice as wide as they should be come out right; a shift is in scaled units."""
    series = np.random.default_rng(1).normal(5, 3, 3000)
    (one,) = walked(series, "naive", 1, 0.9)
    point = np.full_like(one.actual, 5)
    levels = (0.025, 0.1, 0.5, 0.9, 0.975)
    wide = replace(
        one,
        forecast=replace(
            one.forecast,
            values=point,
            levels=levels,
            intervals=(80, 95),
            quantiles=normal_quantiles(point, np.full_like(point, 6), levels),
        ),
    )
    (made,), learned = calibrate([wide])
    assert scores_by([wide], "coverage-80", "step")[1] > 0.97
    assert scores_by([made], "coverage-80", "step")[1] == pytest.approx(0.8, abs=0.02)
    assert learned["naive"].shift[0] * one.truth.scaling.spread[0, 0] == pytest.approx(
        np.array([1.96, 1.28, 0, -1.28, -1.96]) * 3, abs=0.6
    )


def test_rewriting_truth_after_a_moment_changes_no_earlier_interval():
    outcomes = walked(autoregression(np.random.default_rng(2), 600))
    (one,) = outcomes
    moment = one.forecast.cutoffs[300]
    later = one.forecast.times > moment
    poisoned = with_actual(one, np.where(later, 1e3 * one.actual + 50, one.actual))
    (clean,), (dirty,) = calibrate([one])[0], calibrate([poisoned])[0]
    early = one.forecast.cutoffs <= moment
    assert np.array_equal(clean.forecast.quantiles[early], dirty.forecast.quantiles[early], equal_nan=True)
    assert not np.array_equal(clean.forecast.quantiles, dirty.forecast.quantiles, equal_nan=True)


def test_only_matured_errors_count_and_before_enough_of_them_there_is_no_interval():
    """Step h of the origin at row r is known at row r + h: the first interval of step h comes LEAST + h - 1 origins after the first."""
    (one,), _ = calibrate(walked(autoregression(np.random.default_rng(2), 140), test=0.75))
    assert len(one.actual) <= 100  # so that every moment is a block of its own
    first = (~np.isnan(one.forecast.quantiles[..., 0])).argmax(0)
    assert first.tolist() == [LEAST + h - 1 for h in range(1, H + 1)]


def test_bounds_are_respected():
    rain = np.maximum(0, np.random.default_rng(5).normal(size=500))
    for outcome in calibrate(walked(rain), bounds=(0, 2))[0]:
        quantiles = outcome.forecast.quantiles[~np.isnan(outcome.forecast.quantiles)]
        assert quantiles.min() == 0
        assert quantiles.max() == 2


def test_missing_truth_teaches_nothing():
    values = autoregression(np.random.default_rng(6), 700)
    holes = values.copy()
    holes[np.random.default_rng(7).random(700) < 0.3] = np.nan
    (one,), _ = calibrate(walked(holes))
    assert np.isfinite(one.forecast.quantiles[-1]).all()


def test_a_part_without_quantiles_beside_one_with_some_gets_none():
    outcomes = list(
        backtest("arima", weather((300,)), WalkForward(horizon=2, folds=2, test=0.5), intervals=(80,))
    )
    bare = replace(outcomes[0], forecast=replace(outcomes[0].forecast, levels=(), quantiles=None))
    first, second = calibrate([bare, outcomes[1]], (80,))[0]
    assert np.isnan(first.forecast.quantiles[..., [0, 2]]).all()  # the median is the point
    assert np.isfinite(second.forecast.quantiles[-1]).all()


def test_how_many_independent_errors_some_are_worth():
    random, stamps = np.random.default_rng(8), np.arange(4000)
    noise = random.normal(size=4000)
    assert independent(noise, stamps) == pytest.approx(4000, rel=0.2)
    assert independent(np.repeat(noise[:400], 10), stamps) == pytest.approx(400, rel=0.3)
    twins = np.repeat(noise, 2)  # two equal series are worth one, two unrelated ones two
    assert independent(twins, np.repeat(stamps, 2)) == pytest.approx(4000, rel=0.2)
    assert independent(random.normal(size=8000), np.repeat(stamps, 2)) == pytest.approx(8000, rel=0.2)
    assert independent(np.ones(50), np.arange(50)) == 50


def test_the_reach_of_independent_errors_is_the_textbook_s_and_of_clumps_that_of_the_clumps():
    errors = np.arange(1.0, 100)[:, None]  # 99: the 10th and the 90th are the quantiles
    level = np.array([0.1, 0.5, 0.9])
    assert reach(errors, level, 99, level) == pytest.approx([10, 50, 90])
    clumps = np.repeat(errors, 9, axis=0)
    assert reach(clumps, level, 99, level) == pytest.approx([10, 50, 90], abs=0.5)
    assert reach(clumps, level, len(clumps), level)[2] <= 90


def test_what_the_walk_taught_holds_in_the_final_model_too_in_logs():
    """Tomorrow's interval of a price is as wide as the walk's last ones: the shifts are of the transformed target."""
    price = single(100 * np.exp(np.cumsum(np.random.default_rng(8).normal(0, 0.02, 800))))
    outcomes, calibrations = calibrate(
        backtest("naive", price, WalkForward(horizon=3), transform="log"), (80,)
    )
    last = outcomes[-1].forecast
    final = replace(
        fit("naive", price, 3, transform="log", intervals=(80,)), calibration=calibrations["naive"]
    ).predict(price)
    shares = [one.quantiles[-1] / one.values[-1][:, None] for one in (last, final)]
    assert np.abs(np.log(shares[0] / shares[1])).max() < 0.01
    assert (shares[1][:, 0] > 0.9).all()
    assert (shares[1][:, -1] < 1.1).all()


def test_from_the_end_an_error_counts_from_the_place_on_at_which_it_is_known():
    """Series of different centuries: with places for stamps the intervals are those of the same series side by side."""
    random = np.random.default_rng(0)
    values = [np.cumsum(random.normal(size=(400, 1)), axis=0) for _ in range(2)]
    columns, walk = (Column("y", "target"),), WalkForward(horizon=3, test=300, folds=2, align="end")
    apart, beside = (
        make_panel(("a", "b"), [hours(400), hours(400, begin)], values, columns, HOURLY)
        for begin in (10_000, 0)
    )
    one, two = (calibrate(backtest("naive", panel, walk), (80,))[0] for panel in (apart, beside))
    for part, same in zip(one, two, strict=True):
        assert np.array_equal(part.forecast.quantiles, same.forecast.quantiles, equal_nan=True)
    assert np.isfinite(one[1].forecast.quantiles).all()


def test_how_many_forecasts_have_no_interval_yet_is_said():
    values = autoregression(np.random.default_rng(0), 600)
    some, _ = calibrate(walked(values, test=200))
    share = np.mean(~np.isnan(some[0].forecast.quantiles[..., 0]))
    assert leaderboard(some).notes == (
        f"Intervals begin when {LEAST} errors of a step have matured: {share:.0%} of the forecasts have one.",
    )
    none, _ = calibrate(walked(values, test=40))
    assert leaderboard(none).notes == (
        f"Intervals begin when {LEAST} errors of a step have matured: here no forecast has one.",
    )
    assert leaderboard(walked(values, test=40)).notes == ()
