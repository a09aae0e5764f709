"""Models are ranked by any metric that is a mean of losses: board, skill, interval, test, set and words speak of it alone."""

import json
from dataclasses import fields, replace

import numpy as np
import pandas as pd
import pytest
from conftest import single, weather

import forecast as fc
from forecast.errors import ForecastError
from forecast.evaluation.backtest import backtest
from forecast.evaluation.calibration import calibrate
from forecast.evaluation.folds import WalkForward
from forecast.evaluation.inference import diebold_mariano, skill_interval
from forecast.evaluation.leaderboard import horizons_of, leaderboard, loss_by_origin
from forecast.evaluation.metrics import METRICS, Metric, cells_of, ranking, score
from forecast.evaluation.rows import Row
from forecast.models import spec
from forecast.text import with_article
from forecast.tuning.objective import Search, scored

RANKING = [name for name, metric in METRICS.items() if metric.ranks and not metric.names]
WALK = WalkForward(horizon=3, folds=2, test=120)
POSITIVE = single(20 + np.cumsum(np.random.default_rng(1).normal(size=400)) ** 2 / 40)


@pytest.fixture(scope="module")
def outcomes():
    """Three models over a positive target, calibrated."""
    return calibrate(backtest(["naive", "drift", "mean"], POSITIVE, WALK))[0]


def parts_of(outcomes, model):
    return [outcome for outcome in outcomes if outcome.forecast.model == model]


def by_name(board):
    return {row.model: row for row in board.rows}


@pytest.mark.parametrize("metric", RANKING)
def test_the_board_speaks_of_the_metric_that_ranks(outcomes, metric):
    board = leaderboard(outcomes, metric=metric)
    scores = [row.scores[metric] for row in board.rows]
    assert scores == sorted(scores)
    assert next(iter(board.rows[0].scores)) == metric
    assert board.metric == metric
    base = by_name(board)[board.baseline].scores[metric]
    shared = np.logical_and.reduce(
        [~np.isnan(cells_of(METRICS[metric], parts_of(outcomes, row.model))[0]) for row in board.rows]
    )
    for row in board.rows:
        parts = parts_of(outcomes, row.model)
        cells = cells_of(METRICS[metric], parts)[0][shared]
        assert row.scores[metric] == pytest.approx(METRICS[metric].finish(cells.mean()))
        assert row.skill == pytest.approx(1 - row.scores[metric] / base)
    assert METRICS[metric].label in board.verdict
    assert str(board).split("\n")[0].removeprefix("model").strip().startswith(METRICS[metric].label)


@pytest.mark.parametrize(("metric", "inner"), [("rmse", "mse"), ("rmsse", "rmsse"), ("rmse_log", "rmse_log")])
def test_skill_and_interval_of_a_root_are_those_of_the_squared_loss_through_the_root(outcomes, metric, inner):
    board = leaderboard(outcomes, metric=metric)
    base = loss_by_origin(parts_of(outcomes, board.baseline), inner)
    horizons = horizons_of(parts_of(outcomes, board.baseline))
    for row in board.rows:
        if row.model == board.baseline:
            continue
        losses = loss_by_origin(parts_of(outcomes, row.model), inner)
        low, high = skill_interval(losses, base, horizons)
        assert row.skill == pytest.approx(1 - np.sqrt(np.nanmean(losses) / np.nanmean(base)))
        assert row.skill_lo == pytest.approx(1 - np.sqrt(1 - low))
        assert row.skill_hi == pytest.approx(1 - np.sqrt(max(1 - high, 0)))
        assert row.skill_lo <= row.skill <= row.skill_hi


def test_p_is_that_of_the_losses_by_the_metric(outcomes):
    two = [one for one in outcomes if one.forecast.model != "drift"]
    for metric in ("mae", "mse", "crps"):
        board = leaderboard(two, "naive", metric)
        losses = [loss_by_origin(parts_of(two, name), metric) for name in ("mean", "naive")]
        p = diebold_mariano(losses[0] - losses[1], horizons_of(parts_of(two, "naive")))
        assert by_name(board)["mean"].p == pytest.approx(p)


@pytest.mark.parametrize("metric", ["coverage-80", "smape", "r2", "bias", "wql"])
def test_what_is_no_mean_of_losses_does_not_rank(metric):
    with pytest.raises(ForecastError, match=f"not ranked by {metric}"):
        ranking(metric)
    with pytest.raises(ForecastError, match=f"not ranked by {metric}"):
        next(backtest("naive", weather((200,)), WALK, metric=metric))


def test_an_unknown_metric_is_refused_with_the_nearest():
    with pytest.raises(ForecastError, match="Did you mean rmse"):
        next(backtest("naive", weather((200,)), WALK, metric="rmes"))


def test_a_quantile_metric_that_is_named_needs_quantiles():
    with pytest.raises(ForecastError, match="none are asked for"):
        next(backtest("naive", weather((200,)), WALK, metric="crps"))
    with pytest.raises(ForecastError, match="no forecast here has any"):
        leaderboard(backtest(["naive", "drift"], weather((200,)), WALK), metric="pinball")


def rain(count=500, share=0.2, seed=0):
    """Mostly zeros."""
    random = np.random.default_rng(seed)
    return single(np.where(random.random(count) < share, random.gamma(0.7, 3, count), 0.0))


def test_a_target_that_is_mostly_zero_is_ranked_by_crps_and_it_is_said():
    outcomes = calibrate(backtest(["naive", "mean"], rain(), WALK, intervals=(80,)))[0]
    board = leaderboard(outcomes)
    assert board.metric == "crps"
    assert board.notes[0].startswith("Ranked by CRPS: ")
    assert "% of y is 0 before the test" in board.notes[0]


def test_without_intervals_a_target_that_is_mostly_zero_is_ranked_by_rmse():
    board = leaderboard(backtest(["naive", "mean"], rain(), WALK))
    assert board.metric == "rmse"
    assert "without intervals there is no CRPS" in board.notes[0]


def test_the_default_metric_does_not_look_at_the_test():
    panel = rain()
    values = panel.values.copy()
    values[-120:] = np.random.default_rng(1).normal(5, 1, (120, 1))
    outcomes = calibrate(backtest(["naive", "mean"], replace(panel, values=values), WALK, intervals=(80,)))[0]
    assert leaderboard(outcomes).metric == "crps"


def test_several_columns_as_series_are_ranked_by_mase(tmp_path):
    table = np.random.default_rng(0).normal(size=(200, 2)) * [1, 1000]
    lines = [f"{i // 24 + 1:02d}.01.2024 {i % 24:02d}:00,{a},{b}" for i, (a, b) in enumerate(table)]
    file = tmp_path / "two.csv"
    file.write_text("time,a,b\n" + "\n".join(lines) + "\n")
    panel = fc.read(file, target="all", dayfirst=True)
    board = leaderboard(backtest(["naive", "mean"], panel, WalkForward(horizon=3, folds=1)))
    assert board.metric == "mase"
    assert "units may differ" in board.notes[0]


def holed(outcome, share):
    """The outcome without quantiles at its first origins."""
    quantiles = outcome.forecast.quantiles.copy()
    quantiles[: round(share * len(quantiles))] = np.nan
    return replace(outcome, forecast=replace(outcome.forecast, quantiles=quantiles))


def filled(outcomes):
    """Outcomes whose missing quantiles are the point: every cell can be scored."""
    made = []
    for one in outcomes:
        point = np.repeat(one.forecast.values[..., None], len(one.forecast.levels), axis=-1)
        quantiles = np.where(np.isnan(one.forecast.quantiles), point, one.forecast.quantiles)
        made.append(replace(one, forecast=replace(one.forecast, quantiles=quantiles)))
    return made


def test_scores_are_over_the_cells_that_all_models_have(outcomes):
    whole = filled(outcomes)
    less = [holed(one, 0.05) if one.forecast.model == "drift" else one for one in whole]
    board = leaderboard(less, metric="crps")
    assert any("which drift lacks" in note for note in board.notes)
    shared = np.concatenate([~np.isnan(METRICS["crps"].cells(one)) for one in parts_of(less, "drift")])
    naive = np.concatenate([METRICS["mae"].cells(one) for one in parts_of(less, "naive")])
    assert by_name(board)["naive"].scores["mae"] == pytest.approx(naive[shared].mean())


def test_a_model_that_lacks_over_a_tenth_is_not_ranked(outcomes):
    less = [holed(one, 0.3) if one.forecast.model == "drift" else one for one in filled(outcomes)]
    board = leaderboard(less, metric="crps")
    last = board.rows[-1]
    assert (last.model, last.p, last.among_best) == ("drift", None, None)
    assert np.isnan(last.skill)
    assert "drift is not ranked: it lacks" in " ".join(board.notes)


def test_an_infinite_loss_is_ranked_last_and_left_out_of_the_tests():
    panel = single(np.random.default_rng(2).gamma(2, 1, 400))
    outcomes = list(backtest(["naive", "mean", "drift"], panel, WALK))
    wrong = [
        replace(one, forecast=replace(one.forecast, values=one.forecast.values * 0 - 1))
        if one.forecast.model == "naive"
        else one
        for one in outcomes
    ]
    board = leaderboard(wrong, metric="qlike")
    two = leaderboard([one for one in wrong if one.forecast.model != "naive"], metric="qlike")
    last = board.rows[-1]
    assert (last.model, last.p, last.among_best) == ("naive", None, None)
    assert np.isinf(last.scores["qlike"])
    assert np.isnan(last.skill)
    assert board.baseline != "naive"
    assert [row.p for row in board.rows[:-1]] == [row.p for row in two.rows]
    assert "naive has an infinite QLIKE" in " ".join(board.notes)


def test_smape_is_empty_where_actual_values_are_not_all_positive(outcomes):
    board = leaderboard(outcomes)
    assert all(row.scores["smape"] > 0 for row in board.rows)
    signed = leaderboard(backtest(["naive", "mean"], single(np.random.default_rng(0).normal(size=300)), WALK))
    assert all(np.isnan(row.scores["smape"]) for row in signed.rows)
    assert signed.rows[0].to_dict().keys() >= {"mae", "rmse", "mase", "smape", "skill", "p"}


def test_models_of_other_origins_are_refused():
    panel = weather((300,))
    mixed = [*backtest("naive", panel, WALK), *backtest("mean", panel, replace(WALK, test=90))]
    with pytest.raises(ForecastError, match="not walked over the same origins"):
        leaderboard(mixed)


def test_a_winner_that_loses_by_rmse_or_lies_to_one_side_is_said():
    outcomes = calibrate(backtest(["median", "mean"], rain(), WALK, intervals=(80,)))[0]
    board = leaderboard(outcomes, metric="mae")
    assert board.best == "median"
    assert "By RMSE mean is better" in board.verdict
    assert "The forecasts of median are too low on the whole" in board.verdict


def test_the_median_that_nobody_named_is_shown_only_where_no_named_baseline_is_better():
    outcomes = calibrate(backtest(["naive", "mean", "median"], rain(), WALK, intervals=(80,)))[0]
    board = leaderboard(outcomes, metric="mae", unasked=["median"])
    assert board.rows[0].model == board.baseline == "median"
    assert not board.rows[0].asked
    assert board.best != "median"
    assert board.verdict.startswith("No named model beats the median of the past, which was tested as well")
    steady = calibrate(backtest(["naive", "mean", "median"], POSITIVE, WALK, intervals=(80,)))[0]
    assert "median" not in [row.model for row in leaderboard(steady, metric="mae", unasked=["median"]).rows]


def test_tuning_judges_by_the_metric():
    panel = rain(700)
    for metric, levels in (("mse", ()), ("crps", (0.1, 0.5, 0.9))):
        task = fc.Task(horizon=3, metric=metric, intervals=(80,))
        search = Search.before_test(panel, WalkForward(horizon=3, test=120), task, 0)
        assert search.task.levels == levels
        outcomes = list(backtest(spec("climatology"), search.panel, search.walk, search.task))
        expected = score(calibrate(outcomes)[0] if levels else outcomes, metric)
        assert scored(outcomes) == expected


@pytest.fixture
def asymmetric(monkeypatch):
    """A metric that is added in one place: too low counts double. One function and one row."""

    def cells(outcome):
        short = outcome.actual - outcome.forecast.values
        return np.where(short > 0, 2 * short, -short)

    row = Metric("asymmetric loss", "mean error, too low doubled", cells, unit="target", ranks=True)
    monkeypatch.setitem(METRICS, "asymmetric", replace(row, note="Twice as bad: too low.", usual=True))
    return "asymmetric"


def test_a_metric_that_is_added_ranks_and_is_shown_everywhere(asymmetric, tmp_path):
    file = tmp_path / "rows.csv"
    pd.DataFrame({"y": POSITIVE.values[:, 0].round(3)}).to_csv(file, index=False)
    done = fc.run(file, out=tmp_path / "run", models=["naive", "drift", "mean"], metric=asymmetric, jobs=1)
    board = done.board
    scores = [row.scores[asymmetric] for row in board.rows]
    assert scores == sorted(scores)
    assert str(board).split()[1:3] == ["asymmetric", "loss"]
    assert "an asymmetric loss" in board.verdict or "its asymmetric loss" in board.verdict
    assert board.to_frame().columns[0] == asymmetric
    written = json.loads((tmp_path / "run" / "run.json").read_text())["walked"]["board"]
    assert [row["scores"][asymmetric] for row in written["rows"]] == pytest.approx(scores)
    again = fc.run(file, out=tmp_path / "run", models=["naive", "drift", "mean"], metric=asymmetric, jobs=1)
    assert [row.scores[asymmetric] for row in again.board.rows] == pytest.approx(scores)
    page = (tmp_path / "run" / "report.html").read_text(encoding="utf-8")
    assert "<th>asymmetric loss, y</th>" in page
    assert "Best first by asymmetric loss (mean error, too low doubled)." in page
    assert "asymmetric loss, MAE and RMSE are errors in the units of y. Twice as bad: too low." in " ".join(
        page.split()
    )
    assert "Mean error, too low doubled by step ahead" in page
    assert fc.scores_by(done.outcomes[:1], asymmetric) == fc.scores_by(done.outcomes[:1])


def test_a_usual_metric_is_shown_whatever_ranks(asymmetric, outcomes):
    board = leaderboard(outcomes, metric="mse")
    assert board.shown == ["mse", "mae", "rmse", "mase", "smape", asymmetric]
    assert all(
        row.scores[asymmetric] == score(parts_of(outcomes, row.model), asymmetric) for row in board.rows
    )


def test_a_ratio_of_sums_is_shown_as_such_and_does_not_rank(outcomes, monkeypatch):
    monkeypatch.setitem(METRICS, "r2", replace(METRICS["r2"], usual=True))
    less = [one for one in outcomes if one.forecast.model == "mean"]
    row = leaderboard(less, metric="mae").rows[0]
    assert row.scores["r2"] == pytest.approx(score(less, "r2"))
    with pytest.raises(ForecastError, match="takes a mean over cells"):
        replace(METRICS["r2"], ranks=True)


def test_no_metric_has_the_name_of_another_value_of_a_row():
    others = {one.name for one in fields(Row)} - {"scores"}
    assert not others & set(METRICS)


@pytest.mark.parametrize(
    ("noun", "spoken"),
    [
        ("MAE", "an MAE"),
        ("RMSE of logs", "an RMSE of logs"),
        ("R2", "an R2"),
        ("accuracy", "an accuracy"),
        ("CRPS", "a CRPS"),
        ("QLIKE", "a QLIKE"),
        ("pinball loss", "a pinball loss"),
    ],
)
def test_the_article_of_a_label_is_that_which_is_spoken(noun, spoken):
    assert with_article(noun) == spoken
