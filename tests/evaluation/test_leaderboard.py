import re
from dataclasses import replace

import numpy as np
import pytest
from conftest import HOURLY, hours, single, weather

from forecast.data.panel import Column, make_panel
from forecast.errors import ForecastError
from forecast.evaluation.backtest import backtest
from forecast.evaluation.calibration import calibrate
from forecast.evaluation.folds import WalkForward
from forecast.evaluation.inference import confidence_set, diebold_mariano, holm, skill_interval
from forecast.evaluation.leaderboard import Leaderboard, horizons_of, leaderboard, loss_by_origin
from forecast.evaluation.rows import Row


def overlapping(random, horizon, count):
    """Loss differences of two equally good forecasts whose horizons overlap: a moving sum."""
    sums = np.cumsum(random.normal(size=count + horizon))
    return sums[horizon:] - sums[:-horizon]


def test_tests_do_not_depend_on_the_unit_of_the_losses():
    """Squared errors of a variance may be of 1e-18: no test takes them for nothing."""
    random = np.random.default_rng(3)
    losses = [random.normal(1, 0.3, 400) ** 2, random.normal(1.1, 0.3, 400) ** 2, np.full(400, 1.1)]
    for unit in (2.0**-60, 1.0, 2.0**40):
        own = [unit * one for one in losses]
        assert diebold_mariano(own[0] - own[1], 50) == diebold_mariano(losses[0] - losses[1], 50)
        assert confidence_set(own, 50) == confidence_set(losses, 50)
        assert diebold_mariano(own[2], 50) == 0.0
        assert diebold_mariano(0 * own[2], 50) == 1.0


@pytest.mark.parametrize(("horizon", "count"), [(1, 50), (1, 200), (24, 200), (24, 1700)])
def test_the_test_keeps_its_level(horizon, count):
    """1,000 equal pairs: 5 % are rejected, give or take two standard errors."""
    random = np.random.default_rng(7)
    rejected = np.mean(
        [diebold_mariano(overlapping(random, horizon, count), count / horizon) < 0.05 for _ in range(1000)]
    )
    assert 0.035 < rejected < 0.065


def test_the_test_keeps_its_level_where_series_come_and_go():
    """Sums over one series in the first half, over three in the second: 5 % of 1,000 equal pairs, give or take three standard errors."""
    random = np.random.default_rng(8)
    late = np.arange(1200) >= 600
    rejected = 0
    for _ in range(1000):
        one, two, three = (overlapping(random, 12, 1200) for _ in range(3))
        rejected += diebold_mariano(one + late * (two + three), 100) < 0.05
    assert 30 < rejected < 70


def test_a_clear_difference_is_found():
    assert diebold_mariano(np.random.default_rng(0).normal(0.5, 1, 200), 200) < 0.001


def test_equal_forecasts_are_equal():
    assert diebold_mariano(np.zeros(100), 100) == 1.0


def test_a_constant_difference_is_no_chance():
    assert diebold_mariano(np.full(100, 0.1), 100) == 0.0


def test_under_eight_horizons_there_is_no_verdict():
    assert diebold_mariano(np.random.default_rng(0).normal(size=150), 150 / 24) is None


def test_losses_are_averaged_over_the_series_of_a_moment():
    panel = weather((200, 200))
    outcomes = list(backtest("naive", panel, WalkForward(horizon=6)))
    losses = loss_by_origin(outcomes)
    stamps = np.unique(np.concatenate([o.forecast.times[:, 0] for o in outcomes]))
    assert len(losses) == len(stamps) == 35
    there = outcomes[0].forecast.times[:, 0] == stamps[0]
    first = np.abs(outcomes[0].forecast.values - outcomes[0].actual).mean(1)[there]
    assert losses[0] == pytest.approx(first.mean())
    assert horizons_of(outcomes) == pytest.approx(35 / 6)


def test_the_leaderboard_is_sorted_and_measured_against_the_best_baseline():
    wave = single(np.sin(np.arange(600) * 2 * np.pi / 24) + np.random.default_rng(0).normal(0, 0.1, 600))
    board = leaderboard(backtest(["naive", "seasonal", "drift"], wave, WalkForward(horizon=12)))
    assert board.best == board.baseline == "seasonal"
    assert [row.scores["mae"] for row in board.rows] == sorted(row.scores["mae"] for row in board.rows)
    assert board.rows[0].skill == 0
    assert board.rows[0].p is None
    assert board.rows[1].skill == pytest.approx(1 - board.rows[1].scores["mae"] / board.rows[0].scores["mae"])
    assert board.verdict.startswith("No model beats the baseline seasonal: the next, ")
    assert board.verdict in str(board)


def renamed(outcomes, name, factor):
    """Outcomes of another model whose errors are `factor` times as large."""
    for outcome in outcomes:
        values = outcome.actual + factor * (outcome.forecast.values - outcome.actual)
        yield replace(outcome, forecast=replace(outcome.forecast, model=name, values=values))


def test_the_verdict_says_whether_it_could_be_chance():
    walk = single(np.cumsum(np.random.default_rng(3).normal(size=400)))
    base = list(backtest("naive", walk, WalkForward(horizon=2)))
    better = leaderboard([*base, *renamed(base, "mine", 0.8)])
    assert better.verdict.startswith(
        "mine is best: its MAE is 20.0 % below that of naive, the best baseline, and that is hardly chance (p < .001"
    )
    noise = np.random.default_rng(1)
    shaken = [o.forecast.values + noise.normal(0, 0.1, o.forecast.values.shape) for o in base]
    luck = [
        replace(o, forecast=replace(o.forecast, model="luck", values=values))
        for o, values in zip(base, shaken, strict=True)
    ]
    verdict = leaderboard([*base, *luck]).verdict
    assert "could be chance" in verdict or verdict.startswith("No model beats the baseline")
    short = list(backtest("naive", walk, WalkForward(horizon=20)))
    assert "below 8 no verdict is given" in leaderboard([*short, *renamed(short, "mine", 0.8)]).verdict


def test_rounding_is_no_difference():
    """A model that says the last value in single precision is as good as the last value, and not worse with p < .001."""
    walk = single(100 + np.cumsum(np.random.default_rng(3).normal(size=400)) / 10)
    base = list(backtest("naive", walk, WalkForward(horizon=2)))
    board = leaderboard([*base, *renamed(base, "rounded", 1 + 1e-6)])
    assert board.verdict == "No model beats the baseline naive: the next, rounded, forecasts the same."
    assert board.notes[0] == "rounded forecasts the same as naive, but for rounding, at every origin."
    assert [row.p for row in board.rows] == [None, 1.0]
    assert "+0.0 %" in str(board)
    assert "-0.0 %" not in str(board)
    assert leaderboard([*base, *renamed(base, "worse", 1.01)]).rows[1].p < 1e-3


def test_of_equal_forecasts_the_baseline_stands_first():
    walk = single(100 + np.cumsum(np.random.default_rng(3).normal(size=400)) / 10)
    base = list(backtest("naive", walk, WalkForward(horizon=2)))
    board = leaderboard([*renamed(base, "below", 1 - 1e-9), *base])
    assert [row.model for row in board.rows] == ["naive", "below"]
    assert board.best == "naive"


def test_a_baseline_that_is_exact_is_not_measured_against():
    """A sine of 24 steps is its own last season but for rounding; shares of 1e-16 would be billions of percent, and so would be a MASE."""
    sine = single(np.sin(2 * np.pi * np.arange(600) / 24))
    board = leaderboard(backtest(["seasonal", "naive"], sine, WalkForward(horizon=12, folds=1)))
    assert board.verdict == "seasonal is exact but for rounding: nothing can be better."
    worse = board.rows[1]
    assert np.isnan([worse.skill, worse.skill_lo, worse.skill_hi, worse.scores["mase"]]).all()
    assert worse.scores["mae"] > 0.1


@pytest.mark.parametrize(
    ("factor", "said", "skill"),
    [
        (1.0002, "is as good by MAE.", " +0.0 %"),
        (1.5, "has an MAE 50.0 % higher.", " -50.0 %"),
        (3.2, "has 3.2 times its MAE.", " -220.0 %"),
        (5e5, "has 500,000 times its MAE.", " < -1,000 %"),
    ],
)
def test_how_far_the_next_is_behind_is_said_in_words_that_can_be_read(factor, said, skill):
    base = list(
        backtest(
            "naive", single(np.cumsum(np.random.default_rng(3).normal(size=400))), WalkForward(horizon=2)
        )
    )
    board = leaderboard([*base, *renamed(base, "far", factor)])
    assert board.verdict == f"No model beats the baseline naive: the next, far, {said}"
    assert skill in str(board)


def test_a_gain_that_rounds_to_nothing_is_not_said_to_be_nothing():
    base = list(
        backtest(
            "naive", single(np.cumsum(np.random.default_rng(3).normal(size=400))), WalkForward(horizon=2)
        )
    )
    assert leaderboard([*base, *renamed(base, "near", 1 - 2e-4)]).verdict.startswith(
        "near is best: its MAE is less than 0.1 % below that of naive"
    )


def test_nothing_to_compare_is_said():
    with pytest.raises(ForecastError, match="gave no outcome"):
        leaderboard([])
    gone = single(np.concatenate([np.arange(200.0), np.full(100, np.nan)]))
    with pytest.raises(ForecastError, match="no observed value in the test part"):
        leaderboard(backtest("naive", gone, WalkForward(horizon=5)))


def test_the_columns_of_a_printed_leaderboard_never_touch():
    def row(model, *numbers, p=None, seconds=0.0):
        scores = dict(zip(("mae", "rmse", "mase", "smape"), numbers[:4], strict=True))
        return Row(model, scores, *numbers[4:], p=p, coverage={"80": 0.8}, among_best=True, seconds=seconds)

    rows = (
        row("a-model-of-a-long-name", 1e-5, 1e-4, 0.1, 0.2, 0.999, 0.9, 1.0, p=1e-5, seconds=12345.6),
        row("naive", 1, 2, 1, 3, 0.0, 0.0, 0.0),
    )
    rows += (row("x", 12345.678, 123456.7, 1234.5, 199.9, -98765.4, -1e5, -9e4, p=0.5, seconds=0.1),)
    table = str(Leaderboard(rows, "mae", "naive", 100, 1, "verdict")).split("\n")[:4]
    assert len({len(line) for line in table}) == 1
    assert [line.split()[0] for line in table] == ["model", "a-model-of-a-long-name", "naive", "x"]
    numbers = [
        "1.235e+04",
        "1.235e+05",
        "1234.500",
        "199.9",
        "<",
        "-1,000",
        "%",
        "<",
        "-1,000",
        "%",
        "..",
        "<",
        "-1,000",
        "%",
        "0.500",
        "80.0",
        "0.1",
    ]
    assert table[3].split() == ["x", *numbers]
    assert all(len(re.split(r"\s{2,}", line.strip())) == 10 for line in table if "naive" not in line)


def test_holm_by_hand():
    assert holm([0.01, None, 0.04, 0.03, 0.005]) == pytest.approx([0.03, None, 0.06, 0.06, 0.02])
    assert holm([0.9, 0.6]) == [1.0, 1.0]
    assert holm([]) == []


def pair(random, horizon, count, skill=0.0):
    """Losses of two related forecasts with overlapping horizons; the first saves the share `skill` of the second."""
    steps = np.abs(random.normal(size=(count + horizon, 2)) + 0.6 * random.normal(size=(count + horizon, 1)))
    sums = np.cumsum(steps, axis=0)
    losses = (sums[horizon:] - sums[:-horizon]) / horizon
    return (1 - skill) * losses[:, 0], losses[:, 1]


@pytest.mark.parametrize(("horizon", "count", "skill"), [(1, 200, 0.0), (24, 1700, 0.1), (24, 400, 0.0)])
def test_the_interval_of_the_skill_holds_it(horizon, count, skill):
    """In 500 simulations 95 %, give or take three standard errors."""
    random = np.random.default_rng(5)
    intervals = [skill_interval(*pair(random, horizon, count, skill), count / horizon) for _ in range(500)]
    assert 0.92 < np.mean([low <= skill <= high for low, high in intervals]) < 0.98


def test_interval_and_test_say_the_same():
    random = np.random.default_rng(2)
    for skill in (0.0, 0.02, 0.05, 0.1):
        one, two = pair(random, 6, 600, skill)
        low, high = skill_interval(one, two, 100)
        significant = (
            diebold_mariano(one - two * np.mean(one) / np.mean(two) + (np.mean(one) - np.mean(two)), 100)
            < 0.05
        )
        assert significant == (low > 0 or high < 0)


def test_a_short_test_has_no_interval():
    assert np.isnan(skill_interval(np.ones(20), np.ones(20), 3)).all()


def test_the_confidence_set_keeps_the_best_and_drops_the_worse():
    random, kept, dropped = np.random.default_rng(3), 0, 0
    for _ in range(60):
        common = np.abs(random.normal(size=300))
        losses = [common + 0.3 * np.abs(random.normal(size=300)) + worse for worse in (0.0, 0.0, 0.5)]
        found = confidence_set(losses, 300)
        kept += {0, 1} <= found
        dropped += 2 not in found
    assert kept >= 54
    assert dropped == 60


def test_equal_forecasts_are_all_among_the_best():
    losses = np.abs(np.random.default_rng(0).normal(size=200))
    assert confidence_set([losses, losses, losses], 200) == {0, 1, 2}


def uneven(*spans):
    """Random walks named a, b, c ... of (first hour, rows), the errors of each 10 times those of the one before."""
    random = np.random.default_rng(4)
    values = [10.0**i * np.cumsum(random.normal(size=count))[:, None] for i, (_, count) in enumerate(spans)]
    times = [hours(count, begin) for begin, count in spans]
    return make_panel(tuple("abcdef"[: len(spans)]), times, values, (Column("y", "target"),), HOURLY)


def test_on_a_ragged_panel_the_skill_is_the_centre_of_its_interval():
    """Half of the moments have one series, half a second with errors ten times as large, and holes: each observed cell counts once in both."""
    panel = uneven((0, 400), (0, 360))
    values = panel.values.copy()
    values[np.random.default_rng(0).integers(0, 760, 60)] = np.nan
    outcomes = list(
        backtest(["naive", "drift", "mean"], replace(panel, values=values), WalkForward(horizon=4))
    )
    board = leaderboard(outcomes)
    for row in board.rows[1:]:
        assert row.skill == pytest.approx((row.skill_lo + row.skill_hi) / 2, rel=1e-9)
        assert row.skill_lo < row.skill < row.skill_hi
    own = [outcome for outcome in outcomes if outcome.forecast.model == "naive"]
    losses = loss_by_origin(own)
    assert np.nanmean(losses) == pytest.approx(
        next(row.scores["mae"] for row in board.rows if row.model == "naive")
    )
    assert np.nanmean(losses[:30]) > 5 * np.nanmean(losses[-30:])


def test_a_moment_weighs_by_its_observed_cells():
    """By hand: two series at 3 moments, then one series at 3; the loss of a moment is its sum over the mean number of cells, 1.5."""
    outcomes = list(backtest("naive", uneven((0, 106), (0, 103)), WalkForward(horizon=1, test=6, folds=1)))
    errors = np.abs(outcomes[0].forecast.values - outcomes[0].actual)[:, 0]
    by_hand = [(errors[i] + errors[6 + i]) / 1.5 for i in range(3)] + [errors[i] / 1.5 for i in (3, 4, 5)]
    assert loss_by_origin(outcomes) == pytest.approx(by_hand)


def test_from_the_end_losses_are_averaged_over_the_same_distance_to_it():
    """Two series that share no hour: their errors 6 ... 1 rows from the end stand together, in this order."""
    outcomes = list(
        backtest("naive", uneven((0, 100), (500, 80)), WalkForward(horizon=1, test=6, folds=2, align="end"))
    )
    errors = np.concatenate(
        [
            np.abs(o.forecast.values - o.actual)[o.forecast.origins[:, 0] == i, 0]
            for i in (0, 1)
            for o in outcomes
        ]
    )
    assert loss_by_origin(outcomes) == pytest.approx(errors.reshape(2, 6).mean(0))
    notes = leaderboard(outcomes).notes
    assert notes[0] == "Each model was fitted anew (cold) before each of 2 folds."
    assert notes[1].startswith(
        "Origins are counted back from the end of each series. A model of all series has seen later dates"
    )
    together = backtest(
        "naive", uneven((0, 100), (20, 80)), WalkForward(horizon=1, test=6, folds=1, align="end")
    )
    assert leaderboard(together).notes == ("Origins are counted back from the end of each series.",)


def test_series_that_are_cold_or_dropped_are_named():
    """Of 120 hours the last 24 are tested, in two folds of 11 and 10 origins: b is born in the first, c ended before, d has too few rows."""
    panel = uneven((0, 120), (100, 20), (0, 90), (117, 3), (10, 110))
    board = leaderboard(backtest(["naive", "mean"], panel, WalkForward(horizon=4, test=24, folds=2)))
    assert board.origins == 21 + 16 + 21
    assert board.cold == {
        "b": 6
    }  # origins at hours 101 ... 106 of the first fold; the second fit has seen 7 rows of it
    assert board.dropped == ("c", "d")
    assert (
        "1 series was forecast cold at 6 origins, where the fit had not seen them: b."
        in str(board).splitlines()
    )
    said = "2 series have no forecast to score: too short, or ended before the test: c, d. `align=end` counts back from the end of each."
    assert said in str(board).splitlines()


def test_a_series_without_an_observed_row_in_the_test_is_dropped():
    panel = uneven((0, 120), (0, 120))
    values = panel.values.copy()
    values[220:] = np.nan
    assert leaderboard(
        backtest("naive", replace(panel, values=values), WalkForward(horizon=4, test=18))
    ).dropped == ("b",)


@pytest.mark.parametrize("level", [0.0, 1e6, 1e11, 1e13, 1e15])
def test_a_high_level_makes_no_error_rounding(level):
    """At 1e11 an error of .24 is a hundred thousand units in the last place: it is measured like any other."""
    noise = np.random.default_rng(0).normal(0, 50, 400).round()
    walk = WalkForward(horizon=4, folds=1, test=100)
    board = leaderboard(backtest(["mean", "naive"], single(level + noise), walk))
    assert board.baseline == "mean"
    assert "exact" not in board.verdict
    assert board.rows[1].skill == pytest.approx(-0.4, abs=0.1)
    assert board.rows[1].scores["mase"] == pytest.approx(1.0, abs=0.1)


def test_errors_are_rounding_only_where_they_are_so_in_every_series():
    """One series of 1e15 that never changes, and one of noise: the mean of both levels says nothing of the second."""
    noise = np.random.default_rng(0).normal(size=300)
    values = [np.full((300, 1), 1e15), noise[:, None]]
    panel = make_panel(("a", "b"), [hours(300)] * 2, values, (Column("y", "target"),), HOURLY)
    board = leaderboard(backtest(["naive", "drift"], panel, WalkForward(horizon=4, folds=1, test=60)))
    assert "exact" not in board.verdict
    assert not np.isnan(board.rows[1].skill)


def test_a_straight_line_is_exact_at_any_level():
    for level in (0.0, 1e3, 1e9):
        line = single(level + np.arange(300.0))
        board = leaderboard(backtest(["drift", "naive"], line, WalkForward(horizon=4, folds=1, test=60)))
        assert board.verdict == "drift is exact but for rounding: nothing can be better."


def noted(values, **task):
    """The notes of a board of one positive or other target, calibrated, and its outcomes."""
    walk = WalkForward(horizon=2, folds=1, test=150)
    outcomes, _ = calibrate(backtest(["naive", "mean"], single(values), walk, intervals=(80, 95), **task))
    return leaderboard(outcomes).notes, outcomes


def test_bounds_are_offered_where_intervals_cross_what_no_value_does():
    random = np.random.default_rng(5)
    rain = random.exponential(1.0, 500).round(3) * 300
    offer = [note for note in noted(rain)[0] if "`bounds=" in note]
    assert len(offer) == 1
    assert re.fullmatch(
        r"No actual value is below 0, and \d+ % of the 95 % intervals go below it: if the target cannot, give `bounds=0,`\.",
        offer[0],
    )
    notes, outcomes = noted(rain, bounds=(0, None))  # what is offered does what it says
    assert not [note for note in notes if "`bounds=" in note]
    assert min(np.nanmin(low) for one in outcomes for _, low, _ in one.forecast.bands) == 0


@pytest.mark.parametrize("top", [1, 100])
def test_shares_are_offered_both_bounds(top):
    share = top * np.random.default_rng(5).beta(0.4, 0.4, 500).round(4)
    notes, _ = noted(share)
    assert [note.rpartition(" ")[2] for note in notes if "`bounds=" in note] == [f"`bounds=0,{top}`."]
    assert not [note for note in noted(share, bounds=(0, top))[0] if "`bounds=" in note]


def test_no_bounds_are_offered_to_what_goes_below_zero_or_stays_far_above():
    noise = np.random.default_rng(5).normal(size=500)
    for values in (noise, 1e3 + noise):
        assert not [note for note in noted(values)[0] if "`bounds=" in note]
