from dataclasses import replace

import numpy as np
import pytest
from conftest import HOURLY, hours, single, weather, with_actual

from forecast.data.clock import Clock
from forecast.data.panel import Column, make_panel
from forecast.evaluation.backtest import backtest
from forecast.evaluation.blocks import independent
from forecast.evaluation.calibration import LEAST, calibrate, pooled, reach, runs_that_grow
from forecast.evaluation.folds import WalkForward
from forecast.evaluation.leaderboard import leaderboard
from forecast.evaluation.metrics import scores_by
from forecast.fitting import fit
from forecast.models.answers import normal_quantiles
from forecast.results import Basis, ordered
from forecast.task import LEVELS

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


def test_only_matured_errors_count_and_before_enough_of_them_no_interval_is_calibrated():
    """Step h of the origin at row r is known at row r + h: the first calibrated interval of step h comes LEAST + h - 1 origins after the first,
    and before it one of the few errors of all steps, from the FEW-th on and where one of this step or a later one has matured."""
    (one,), _ = calibrate(walked(autoregression(np.random.default_rng(2), 140), test=0.75))
    assert len(one.actual) <= 100  # so that every moment is a block of its own
    first = (one.basis == Basis.CALIBRATED).argmax(0)
    assert first.tolist() == [LEAST + h - 1 for h in range(1, H + 1)]
    pooled_first = (one.basis == Basis.POOLED).argmax(0)
    assert pooled_first.tolist() == [2, 2, 3, 4, 5, 6]
    assert np.array_equal(one.basis == Basis.NONE, np.isnan(one.forecast.quantiles[..., 0]))
    before = np.arange(len(one.basis))[:, None] < pooled_first
    assert np.array_equal(one.basis == Basis.NONE, before)


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


def test_what_the_intervals_rest_on_is_said():
    values = autoregression(np.random.default_rng(0), 600)
    some, _ = calibrate(walked(values, test=200))
    count = {kind: np.mean(some[0].basis == kind) for kind in Basis}
    assert leaderboard(some).notes == (
        f"{count[Basis.CALIBRATED]:.0%} of the forecasts have a calibrated interval; each step needs {LEAST} past errors first;"
        f" {count[Basis.POOLED]:.0%} have an interval from the few past errors of neighbouring steps together,"
        f" {count[Basis.NONE]:.0%} have no interval.".replace("%", " %"),
    )
    few, _ = calibrate(walked(values, test=40))
    own, _ = calibrate(with_own_quantiles(values, 40))
    notes = leaderboard([*few, *own]).notes
    assert notes[0].startswith(
        f"naive: no forecast has a calibrated interval; each step needs {LEAST} past errors first; "
    )
    assert notes[1] == (
        f"mean: no forecast has a calibrated interval; each step needs {LEAST} past errors first;"
        " all have the interval of the model's own distribution, unchanged."
    )
    assert leaderboard(walked(values, test=40)).notes == ()
    whole = replace(some[0], basis=np.full_like(some[0].basis, Basis.CALIBRATED))
    assert leaderboard([whole]).notes == ()


def with_own_quantiles(values, test, model="mean"):
    walk = WalkForward(horizon=H, test=test, folds=1, stride=1)
    return list(backtest(model, single(values), walk, intervals=(80, 95)))


@pytest.mark.parametrize("model", ["mean", "ets"])
def test_a_model_s_own_quantiles_stand_unmoved_where_errors_are_few(model):
    series = autoregression(np.random.default_rng(11), 300)
    (before,) = with_own_quantiles(series, 60, model)
    (after,), learned = calibrate([before])
    few = after.basis == Basis.OWN
    assert few.any()
    assert (~few).any()
    assert np.array_equal(after.forecast.quantiles[few], before.forecast.quantiles[few])
    assert (after.forecast.quantiles[~few] != before.forecast.quantiles[~few]).any()
    assert np.array_equal(after.basis == Basis.CALIBRATED, ~few)
    _, learned = calibrate(with_own_quantiles(series, 30, model))
    assert (learned[model].basis == Basis.OWN).all()
    assert (learned[model].shift == 0).all()
    panel = single(series)
    alone = fit(model, panel, H, intervals=(80, 95))
    taught = replace(alone, calibration=learned[model])
    assert np.array_equal(alone.predict(panel).quantiles, taught.predict(panel).quantiles)


def test_series_that_were_not_fitted_keep_a_model_s_own_quantiles():
    panel = weather((420, 150))
    walk = WalkForward(horizon=3, test=200, folds=2, align="stamp", max_past=60)
    late = replace(panel, times=np.concatenate([hours(420), hours(150, 270)]))
    before = list(backtest("climatology", late, walk, intervals=(80,)))
    after, _ = calibrate(before, (80,))
    cold = [one.fitted < 0 for one in after]
    assert any(rows.any() for rows in cold)
    for one, same, rows in zip(after, before, cold, strict=True):
        assert (one.basis[rows] == Basis.OWN).all()
        assert np.array_equal(one.forecast.quantiles[rows], same.forecast.quantiles[rows])


SHORT = {  # process, model, rows, steps of the test, horizon
    "AR(1), 60 rows": (autoregression, "naive", 60, 14, 8),
    "AR(1), 144 rows": (autoregression, "naive", 144, 29, 12),
    "random walk, 60 rows": (PROCESSES["random walk"], "naive", 60, 14, 8),
    "random walk, 144 rows": (PROCESSES["random walk"], "naive", 144, 29, 12),
    "monthly, 72 rows": (lambda random, count: monthly(random, count), "seasonal", 72, 16, 12),
    "monthly, 144 rows": (lambda random, count: monthly(random, count), "seasonal", 144, 29, 12),
}


def monthly(random, count):
    """A yearly wave and AR(1) noise."""
    return 5 * np.sin(np.arange(count) * 2 * np.pi / 12) + autoregression(random, count)


def few_errors(process, model, rows, test, horizon, seed):
    """The errors (M, H) of a walk through a short made series, the stamps (M, H) at which they mature, and those of the final forecast (H,)."""
    series = process(np.random.default_rng([17, seed]), rows + horizon)
    origins = np.arange(rows - test, rows - horizon + 1)
    ahead = np.arange(horizon)

    def errors(at):
        reached = at[:, None] + ahead
        place = reached - 12 if model == "seasonal" else np.broadcast_to(at[:, None] - 1, reached.shape)
        return series[reached] - series[place]

    return errors(origins), origins[:, None] + ahead, errors(np.array([rows]))[0]


@pytest.mark.parametrize("case", SHORT)
def test_the_final_intervals_of_short_series_hold_what_they_say(case):
    levels = (0.025, 0.1, 0.5, 0.9, 0.975)
    inside80, inside95 = [], []
    for seed in range(250):
        errors, stamps, final = few_errors(*SHORT[case], seed)
        shift = ordered(pooled(stamps, errors, levels), levels, np.zeros(len(final)))
        inside80.append((shift[:, 1] <= final) & (final <= shift[:, 3]))
        inside95.append((shift[:, 0] <= final) & (final <= shift[:, 4]))
    assert 0.75 <= np.mean(inside80) <= 0.90
    assert 0.90 <= np.mean(inside95) <= 0.99


@pytest.mark.parametrize("model", ["naive", "seasonal", "drift"])
def test_later_steps_have_no_narrower_interval_than_earlier_ones(model):
    for seed in range(10):
        values = autoregression(np.random.default_rng([18, seed]), 90)
        panel = single(values, Clock("calendar", "MS"))
        walk = WalkForward(horizon=12, folds=1, test=20)
        _, learned = calibrate(backtest(model, panel, walk))
        assert (learned[model].basis == Basis.POOLED).all()
        width = np.diff(learned[model].shift[:, [0, 4]], axis=1)[:, 0]
        assert (width > 0).all()
        assert (np.diff(width) >= 0).all()


def test_few_errors_of_several_series_and_steps_are_taken_together():
    """Steps whose errors do not grow share one interval; of 19 of them the ends at 80 % are places 2 and 18 of the order."""
    errors = np.arange(-9.0, 10)
    stamps = np.arange(19)[:, None] * np.ones((1, 2))
    both = np.stack([errors, errors[::-1]], axis=1)
    together = pooled(stamps, both, (0.1, 0.5, 0.9))
    assert np.array_equal(together[0], together[1])
    assert together[0].tolist() == pytest.approx([-together[0, 2], 0, together[0, 2]])
    growing = pooled(stamps, errors[:, None] * [1.0, 3.0], (0.1, 0.5, 0.9))
    assert growing[1] == pytest.approx(3 * growing[0])
    nothing = pooled(stamps[:1], both[:1], (0.1, 0.5, 0.9))
    assert np.isnan(nothing).all()


def test_steps_that_grow_are_told_apart_and_others_are_joined():
    totals, counts = np.array([1.0, 3.0, 2.0, 8.0]), np.ones(4)
    assert runs_that_grow(totals, counts) == [slice(0, 1), slice(1, 3), slice(3, 4)]
    assert runs_that_grow(np.array([4.0, 3.0, 2.0]), counts[:3]) == [slice(0, 3)]
    assert runs_that_grow(np.array([0.0, 3.0, 9.0]), counts[:3]) == [slice(0, 2), slice(2, 3)]
    assert runs_that_grow(np.zeros(3), counts[:3]) == [slice(0, 3)]


def test_a_step_that_is_never_scored_takes_the_interval_of_the_next():
    values = autoregression(np.random.default_rng(19), 600)
    _, learned = calibrate(backtest("naive", single(values), WalkForward(horizon=4, gap=2, folds=1)))
    shift, basis = learned["naive"].shift, learned["naive"].basis
    assert basis.tolist() == [Basis.POOLED] * 2 + [Basis.CALIBRATED] * 4
    assert np.array_equal(shift[0], shift[2])
    assert np.array_equal(shift[1], shift[2])
    assert learned["naive"].notes == (
        "steps 1 to 2 have an interval from the few past errors of neighbouring steps together",
    )


def test_rewriting_truth_after_a_moment_changes_no_earlier_interval_of_few_errors():
    (one,) = walked(autoregression(np.random.default_rng(2), 120), test=30)
    moment = one.forecast.cutoffs[12]
    later = one.forecast.times > moment
    poisoned = with_actual(one, np.where(later, 1e3 * one.actual + 50, one.actual))
    (clean,), (dirty,) = calibrate([one])[0], calibrate([poisoned])[0]
    early = one.forecast.cutoffs <= moment
    assert (clean.basis[early] == Basis.POOLED).any()
    assert np.array_equal(clean.forecast.quantiles[early], dirty.forecast.quantiles[early], equal_nan=True)
    assert not np.array_equal(clean.forecast.quantiles, dirty.forecast.quantiles, equal_nan=True)


def test_what_is_shown_does_not_depend_on_what_else_is_kept():
    """Levels that cross are put in order among the shown ones first; all others lie between them."""
    few = walked(autoregression(np.random.default_rng(7), 400))
    task = few[0].truth.task
    many = [
        replace(one, truth=replace(one.truth, task=replace(task, intervals=(80, 95), levels=LEVELS)))
        for one in few
    ]
    small = [outcome.forecast for outcome in calibrate(few)[0]]
    large = [outcome.forecast for outcome in calibrate(many)[0]]
    for one, two in zip(small, large, strict=True):
        assert len(two.levels) == 23
        for (_, *ends), (_, *others) in zip(one.bands, two.bands, strict=True):
            assert np.array_equal(ends, others, equal_nan=True)
        given = ~np.isnan(two.quantiles).any(-1)
        assert (np.diff(two.quantiles[given], axis=-1) >= 0).all()


def test_quantiles_that_cross_are_put_in_order_around_the_shown_ones():
    levels = (0.1, 0.2, 0.5, 0.8, 0.9)
    crossed = np.array([[3.0, -9.0, 0.0, 7.0, 2.0]])
    assert ordered(crossed, levels, np.array([0.0]), (0.1, 0.9)).tolist() == [[0.0, 0.0, 0.0, 2.0, 2.0]]
    assert ordered(crossed, levels, np.array([0.0])).tolist() == [[-9.0, -9.0, 0.0, 7.0, 7.0]]
