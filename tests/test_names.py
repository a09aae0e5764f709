"""A target of names is forecast as shares: from the door to the board, the frames, the model file and the daily loop."""

import json

import numpy as np
import pandas as pd
import pytest
from test_cli import forecast as command

import forecast as fc
from forecast.errors import ForecastError
from forecast.evaluation.audit import poisoned
from forecast.evaluation.backtest import backtest
from forecast.evaluation.folds import WalkForward
from forecast.evaluation.metrics import score
from forecast.fitting import fit
from forecast.models import models_for
from forecast.saving import load, load_context, save, save_context

NAMES = ("fog", "rain", "sun")
WALK = WalkForward(horizon=2, folds=2, test=60)


def days(count=300, seed=0, stay=0.7):
    """Days of weather that mostly stays as it is, and a number next to it."""
    random = np.random.default_rng(seed)
    state, found = 0, []
    for _ in range(count):
        state = state if random.random() < stay else int(random.integers(3))
        found.append(NAMES[state])
    stamps = pd.date_range("2020-01-01", periods=count)
    return pd.DataFrame({"day": stamps, "weather": found, "wind": random.gamma(2, 2, count)})


def wet(count=300):
    """A column of two names."""
    frame = days(count)
    return frame.assign(rain=np.where(frame["weather"] == "rain", "yes", "no")).drop(columns="weather")


@pytest.fixture(scope="module")
def panel():
    return fc.read(days(), target="weather")


def codes_of(findings):
    return [finding.code for finding in findings]


def test_the_door_fixes_the_names_of_a_text_target_and_says_it(panel):
    assert panel.names == NAMES
    assert panel.kind == "names"
    assert panel.values[:5, 0].tolist() == [NAMES.index(name) for name in days()["weather"][:5]]
    assert "named-target" in codes_of(panel.findings)
    assert [column.name for column in panel.columns] == ["weather", "wind"]


def test_booleans_are_names_and_zeros_and_ones_stay_numbers_unless_a_category():
    frame = days().assign(wet=days()["weather"] == "rain", code=(days()["weather"] == "rain").astype(int))
    assert fc.read(frame, target="wet").names == ("false", "true")
    assert fc.read(frame, target="code").kind == "number"
    event = fc.read(frame, target="code", category="code")
    assert (event.names, event.kind) == (("0", "1"), "event")
    assert np.array_equal(event.values[:, 0], frame["code"])


def test_an_empty_cell_of_the_target_is_missing():
    frame = days()
    frame.loc[[3, 9], "weather"] = None
    panel = fc.read(frame, target="weather")
    assert panel.names == NAMES
    assert np.flatnonzero(np.isnan(panel.values[:, 0])).tolist() == [3, 9]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"weather": "sun"}, "only 'sun', so there is nothing to forecast"),
        ({"weather": [f"day {i}" for i in range(300)]}, "300 different names"),
    ],
)
def test_one_name_or_too_many_are_refused(change, words):
    with pytest.raises(ForecastError, match=words):
        fc.read(days().assign(**change), target="weather")


def test_a_broken_column_of_numbers_is_no_target_of_names():
    frame = days()
    cells = frame["wind"].astype(str).to_numpy(dtype=object)
    cells[7] = "oops"
    with pytest.raises(ForecastError, match=r"oops|no numbers"):
        fc.read(frame.assign(wind=cells).drop(columns="weather"), target="wind")


def test_a_target_of_names_is_forecast_alone():
    with pytest.raises(ForecastError, match="forecast alone; found wind next to it"):
        fc.read(days(), target=["weather", "wind"])


@pytest.mark.parametrize("name", ["rate", "persistence"])
@pytest.mark.parametrize("scale", ["standard", "none", "shared"])
def test_shares_sum_to_one_and_no_name_has_none(panel, name, scale):
    forecast = fit(name, panel, 2, scale=scale).predict(panel, np.array([[0, row] for row in range(1, 300)]))
    assert forecast.shares.shape == (299, 2, 3)
    assert forecast.shares.sum(-1) == pytest.approx(1)
    assert (forecast.shares > 0).all()
    assert forecast.quantiles is None


def test_rate_counts_and_persistence_repeats(panel):
    counts = np.array([(days()["weather"] == name).sum() for name in NAMES])
    rate = fit("rate", panel, 2).predict(panel)
    assert rate.shares[0, 0] == pytest.approx((counts + 0.5) / (300 + 1.5))
    last = fit("persistence", panel, 2).predict(panel)
    assert NAMES[int(last.values[0, 0])] == days()["weather"].iloc[-1]
    assert last.shares[0, 0].max() > 0.99


def test_persistence_reaches_the_last_name_however_old():
    frame = days()
    frame.loc[100:250, "weather"] = None
    panel = fc.read(frame, target="weather")
    forecast = fit("persistence", panel, 1).predict(panel, np.array([[0, 251]]))
    assert NAMES[int(forecast.values[0, 0])] == frame["weather"][99]


def test_a_name_that_the_past_never_had_keeps_a_share():
    frame = days()
    frame.loc[:239, "weather"] = np.where(
        frame.loc[:239, "weather"] == "fog", "sun", frame.loc[:239, "weather"]
    )
    panel = fc.read(frame, target="weather")
    assert panel.names == NAMES
    outcome = next(backtest("rate", panel, WALK))
    assert outcome.forecast.shares.shape[-1] == 3
    assert (outcome.forecast.shares[..., 0] > 0).all()
    assert "never seen in the past: fog" in outcome.log.notes
    assert np.isfinite(score([outcome], "log_loss"))


def test_metrics_of_shares_by_their_formulas(panel):
    outcome = next(backtest("rate", panel, WALK))
    actual = outcome.actual.astype(int)
    shares = outcome.forecast.shares
    hot = np.eye(3)[actual]
    assert score([outcome], "log_loss") == pytest.approx(-np.log((shares * hot).sum(-1)).mean())
    assert score([outcome], "brier") == pytest.approx(((shares - hot) ** 2).sum(-1).mean() / 2)
    assert score([outcome], "accuracy") == pytest.approx((shares.argmax(-1) == actual).mean())


def test_of_two_names_the_value_is_the_share_of_the_second():
    panel = fc.read(wet(), target="rain")
    outcome = next(backtest("rate", panel, WALK))
    assert panel.names == ("no", "yes")
    assert np.array_equal(outcome.forecast.values, outcome.forecast.shares[..., 1])
    assert score([outcome], "brier") == pytest.approx(
        ((outcome.forecast.values - outcome.actual) ** 2).mean()
    )
    frame = outcome.to_frame()
    assert {"y", "rate-p"} <= set(frame)
    assert set(frame["y"]) == {"no", "yes"}


def test_the_board_is_by_brier_of_two_names_and_by_log_loss_of_several(panel):
    board = fc.leaderboard(backtest(["rate", "persistence"], panel, WALK))
    assert (board.metric, list(board.rows[0].scores)) == ("log_loss", ["log_loss", "brier", "accuracy"])
    event = fc.leaderboard(backtest(["rate", "persistence"], fc.read(wet(), target="rain"), WALK))
    assert (event.metric, list(event.rows[0].scores)) == ("brier", ["brier", "log_loss", "accuracy"])


def test_metrics_of_numbers_do_not_rank_names_nor_the_other_way_round(panel):
    with pytest.raises(ForecastError, match=r"mae does not score names.*brier or log_loss"):
        next(backtest("rate", panel, WALK, metric="mae"))
    with pytest.raises(ForecastError, match="brier does not score numbers"):
        next(backtest("naive", fc.read(days(), target="wind"), WALK, metric="brier"))


def test_a_model_of_numbers_is_refused_with_those_that_can(panel):
    with pytest.raises(ForecastError, match=r"ridge cannot forecast weather.*rate or markov or persistence"):
        fit("ridge", panel, 2)
    with pytest.raises(ForecastError, match="rate cannot forecast wind, which is a number"):
        fit("rate", fc.read(days(), target="wind"), 2)
    assert {"climatology", "markov", "rate", "persistence"} <= set(models_for("names"))
    assert "ridge" not in models_for("names")


@pytest.mark.parametrize("field", [{"transform": "log1p"}, {"bounds": (0, None)}])
def test_what_only_numbers_have_is_refused(panel, field):
    with pytest.raises(ForecastError, match="so there is nothing to give it"):
        fit("rate", panel, 2, **field)


@pytest.mark.parametrize("name", ["rate", "persistence"])
def test_poison_saving_and_context(panel, name, tmp_path):
    fitted = fit(name, panel.until(np.array([200])), 2)
    origins = np.array([[0, row] for row in range(150, 220)])
    clean = fitted.predict(panel, origins).shares
    assert np.array_equal(fitted.predict(poisoned(panel, np.array([220]), 2), origins).shares, clean)
    save(fitted, tmp_path / "model.safetensors")
    again = load(tmp_path / "model.safetensors")
    assert again.goal.names == NAMES
    assert np.array_equal(again.predict(panel, origins).shares, clean)
    save_context(fitted, panel, tmp_path / "context.parquet")
    stored = load_context(again, tmp_path / "context.parquet")
    assert np.array_equal(again.predict(stored).shares, fitted.predict(panel).shares)
    one = np.concatenate([fitted.predict(panel, origin[None]).shares for origin in origins])
    assert np.array_equal(one, clean)


@pytest.mark.parametrize("name", ["rate", "persistence"])
def test_a_series_that_was_not_fitted_is_forecast(name):
    frames = [days(seed=seed).assign(place=place) for seed, place in ((0, "a"), (1, "b"))]
    both = fc.read(pd.concat(frames), target="weather", id="place")
    fitted = fit(name, both.until(np.array([300, 0])), 2)
    shares = fitted.predict(both, np.array([[1, 50]])).shares
    assert shares.sum(-1) == pytest.approx(1)


def test_newer_rows_are_known_by_name_and_a_new_name_is_refused(panel):
    fitted = fit("persistence", panel, 1)
    later = fc.read(days(40, seed=5).query("weather != 'fog'"), target="weather", every="1D", how="last")
    assert later.names == ("rain", "sun")
    forecast = fitted.predict(later)
    assert forecast.names == NAMES
    assert NAMES[int(forecast.values[0, 0])] == days(40, seed=5).query("weather != 'fog'")["weather"].iloc[-1]
    with pytest.raises(ForecastError, match="names here that it did not have in the fit: hail"):
        fitted.predict(fc.read(days(40).assign(weather=["hail", "sun"] * 20), target="weather"))


def test_a_run_of_names_on_the_command_line(tmp_path):
    file = tmp_path / "days.csv"
    days(304)[:300].to_csv(file, index=False)
    flags = ["--target", "weather", "--model", "rate,persistence", "--horizon", 2, "--test", 60]
    done = command(tmp_path, "fit", file, *flags, "--out", tmp_path / "run", "--json")
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert result["metric"] == "log_loss"
    assert {"brier", "log_loss", "accuracy", "skill", "p"} <= result["leaderboard"][0].keys()
    row = result["forecast"][0]
    assert row["label"] in NAMES
    assert sum(row[f"p_{name}"] for name in NAMES) == pytest.approx(1)
    table = command(tmp_path, "fit", file, *flags, "--out", tmp_path / "run")
    assert "p_fog" in table.stdout
    later = tmp_path / "later.csv"
    days(304).to_csv(later, index=False)
    kept = command(tmp_path, "predict", tmp_path / "run", "--keep")
    assert kept.returncode == 0, kept.stderr
    scored = command(tmp_path, "score", tmp_path / "run", later, "--json")
    assert scored.returncode == 0, scored.stderr
    steps = json.loads(scored.stdout)["steps"]
    assert {"log_loss", "walk_log_loss"} <= steps[0].keys()
    page = (tmp_path / "run" / "report.html").read_text()
    assert "log loss" in page
    refused = command(
        tmp_path, "fit", file, "--target", "weather", "--model", "arima", "--out", tmp_path / "other"
    )
    assert refused.returncode == 2
    assert "rate,markov,persistence" in refused.stderr
    assert not (tmp_path / "other").exists()


def test_an_event_on_the_command_line(tmp_path):
    file = tmp_path / "wet.csv"
    wet().to_csv(file, index=False)
    done = command(
        tmp_path,
        "backtest",
        file,
        "--target",
        "rain",
        "--model",
        "rate,persistence",
        "--horizon",
        1,
        "--json",
    )
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert result["metric"] == "brier"
    assert 0 < result["leaderboard"][0]["brier"] < 0.3
    refused = command(
        tmp_path, "backtest", file, "--target", "rain", "--model", "rate,persistence", "--price"
    )
    assert refused.returncode == 2
    assert "--price is for prices" in refused.stderr
