"""Events: from a condition in words to probabilities, their calibration, and what they are worth."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from test_cli import forecast as command

import forecast as fc
from forecast import testing
from forecast.data.derived import with_event
from forecast.data.events import condition_of, happened
from forecast.errors import ForecastError
from forecast.evaluation.calibration import calibrate
from forecast.evaluation.folds import WalkForward
from forecast.evaluation.probabilities import probabilities
from forecast.evaluation.tempering import sharpest
from forecast.models import spec
from forecast.results import tempered
from forecast.saving import join, load, save
from forecast.task import reduced

FEW = {"units": 8, "steps": 48, "batch": 32, "context": 24}


def days(count=400, seed=0):
    """Days with a temperature that persists, rain that is mostly 0, and a sky of three names."""
    random = np.random.default_rng(seed)
    temp = np.zeros(count)
    for i in range(1, count):
        temp[i] = 0.8 * temp[i - 1] + random.normal()
    wet = random.random(count) < 0.3
    sky = np.where(wet, "rain", np.where(temp > 0, "sun", "fog"))
    stamps = pd.date_range("2020-01-01", periods=count)
    rain = np.where(wet, random.gamma(1, 4, count).round(1) + 0.1, 0.0)
    return pd.DataFrame({"day": stamps, "temp": temp, "rain": rain, "sky": sky})


@pytest.fixture(scope="module")
def panel():
    return fc.read(days(), event="temp > 0.5")


def codes_of(found):
    return [finding.code for finding in found.findings]


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("rain > 0", lambda f: f.rain > 0),
        ("temp <= -0.5", lambda f: f.temp <= -0.5),
        ("sky == rain", lambda f: f.sky == "rain"),
        ('"sky" != "sun"', lambda f: f.sky != "sun"),
        ("rain > 0 and temp < 0", lambda f: (f.rain > 0) & (f.temp < 0)),
        ("rain > 5 or sky == fog", lambda f: (f.rain > 5) | (f.sky == "fog")),
        ("temp > 1e-1", lambda f: f.temp > 0.1),
    ],
)
def test_an_event_is_what_its_condition_says(condition, expected):
    frame = days()
    panel = fc.read(frame, event=condition)
    assert panel.kind == "event"
    assert panel.names == ("no", "yes")
    assert np.array_equal(panel.values[:, 0], expected(frame).to_numpy("float64"))
    read = [column.name for column in panel.columns[1:]]
    assert set(condition_of(condition).columns) <= set(read)


def test_changes_and_returns_look_back_within_their_series():
    stamps = pd.date_range("2020-01-01", periods=4)
    frame = pd.DataFrame({"close": [1.0, 2.0, 1.0, np.nan, 4.0, 5.0], "id": list("aaaabb")})
    frame["day"] = [*stamps, *stamps[:2]]
    panel = fc.read(frame, target="close", id="id", time="day")
    assert np.allclose(
        happened(condition_of("change(close) > 0"), panel), [np.nan, 1, 0, np.nan, np.nan, 1], equal_nan=True
    )
    assert np.allclose(
        happened(condition_of("return(close, 2) >= 0"), panel),
        [np.nan, np.nan, 1, np.nan, np.nan, np.nan],
        equal_nan=True,
    )


def test_a_missing_reading_gives_a_missing_event():
    frame = days()
    frame.loc[[5, 17], "rain"] = np.nan
    panel = fc.read(frame, event="rain > 0 or temp > 0")
    assert np.flatnonzero(np.isnan(panel.values[:, 0])).tolist() == [5, 17]
    assert "2 are missing" in next(str(one) for one in panel.findings if one.code == "event")


@pytest.mark.parametrize(
    ("condition", "words"),
    [
        ("rian > 0", "column 'rian' is not there. Did you mean rain?"),
        ("rain = 0", "equality is written =="),
        ("rain >", "it ends where a value is needed"),
        ("rain", "it ends where a sign such as > and a value is needed"),
        ("rain > 5mm", "is no number; give it without a unit"),
        ("rain > 5 mm", "5 mm has a unit; give the number alone"),
        ("rain == sun", "rain holds numbers, and 'sun' is none"),
        ("sky > 3", "sky holds names, which have no >"),
        ("sky == sunny", "sky is never 'sunny'. Did you mean sun?"),
        ("return(sky) > 0", "sky holds names"),
        ("rain > 0 and", "it ends where a column is needed"),
        ("rain > 0 and temp > 0 and temp < 9", "it joins more than two comparisons"),
        ("rain > 0 temp", "0 temp has a unit"),
        ("max(rain) > 0", "max() is not known: there is return(column) and change(column)"),
        ("change(rain, x) > 0", "over a whole number of steps; found 'x'"),
        ("change(rain > 0", "is not closed by ')'"),
        ("day > 3", "column 'day' is not there"),
        ("(rain > 0)", "it begins with '('"),
        ("__import__('os').system('true') > 0", "is no part of a condition"),
        ("rain > print(1)", "print() is no value"),
        ("temp > -100", "is always true in this file"),
        ("temp > 100", "is never true in this file"),
        ("", "it ends where a column is needed"),
    ],
)
def test_a_wrong_condition_is_refused_in_one_sentence(condition, words):
    with pytest.raises(ForecastError) as error:
        fc.read(days(), event=condition)
    assert words in str(error.value)
    assert "\n" not in str(error.value)


def test_future_and_static_columns_and_a_second_target_are_refused():
    with pytest.raises(ForecastError, match="temp is a future column, which is known ahead"):
        fc.read(days(), event="rain > 0 or temp > 0", future="temp")
    with pytest.raises(ForecastError, match="Leave `target` out"):
        fc.read(days(), event="rain > 0", target="temp")


def test_a_rare_event_is_reported():
    frame = days()
    limit = np.sort(frame["temp"])[-4]
    panel = fc.read(frame, event=f"temp > {limit:.6f}")
    assert "rare-event" in codes_of(panel)


def test_columns_are_gathered_each_in_its_own_way():
    hours = pd.date_range("2020-01-01", periods=24 * 30, freq="h")
    random = np.random.default_rng(1)
    frame = pd.DataFrame(
        {"time": hours, "rain": random.gamma(0.2, 1, len(hours)), "temp": random.normal(size=len(hours))}
    )
    panel = fc.read(frame, every="1D", how="rain=sum,temp=max", event="rain > 2")
    by_day = frame.groupby(frame["time"].dt.date)
    assert np.allclose(panel.values[:, 1], by_day["rain"].sum())
    assert np.allclose(panel.values[:, 2], by_day["temp"].max())
    assert np.array_equal(panel.values[:, 0], (by_day["rain"].sum() > 2).to_numpy("float64"))
    with pytest.raises(ForecastError, match="There is no way `how=rain=total`"):
        fc.read(frame, every="1D", how="rain=total")
    with pytest.raises(ForecastError, match="no column 'rian' for `how`"):
        fc.read(frame, every="1D", how="rian=sum", target="rain")


def test_newer_rows_continue_an_event_that_looks_back():
    frame = days().drop(columns="sky")
    whole = fc.read(frame, event="change(temp) > 0")
    old = fc.read(frame[:300], event="change(temp) > 0")
    new = fc.read(frame[300:], old.reading, clock=old.clock)
    assert np.isnan(new.values[0, 0])
    joined = join(old, new)
    assert np.array_equal(joined.values[:, 0], whole.values[:, 0], equal_nan=True)


def test_any_and_all_of_a_horizon():
    codes = np.array([[0, 0, 1], [0, 0, 0], [1, 1, 1], [np.nan, 1, 0]])
    assert np.allclose(reduced(codes, "any")[:, 0], [1, 0, 1, np.nan], equal_nan=True)
    assert np.allclose(reduced(codes, "all")[:, 0], [0, 0, 1, np.nan], equal_nan=True)
    assert reduced(codes, "each") is codes


@pytest.mark.parametrize("span", ["any", "all"])
def test_one_answer_is_about_the_whole_horizon(panel, span):
    outcomes = list(fc.backtest("markov", panel, horizon=3, reduce=span))
    first = outcomes[0]
    rows = panel.starts[0] + first.forecast.origins[:, 1]
    each = np.stack([panel.values[rows + step, 0] for step in range(3)], axis=1)
    wanted = each.max(1) if span == "any" else each.min(1)
    assert np.array_equal(first.actual[:, 0], wanted)
    assert first.forecast.over == 3
    assert np.array_equal(first.forecast.times[:, 0], panel.stamps(first.forecast.origins, 3)[:, -1])
    assert first.moments.shape == (len(rows), 2)


def test_a_span_of_a_number_is_refused():
    panel = fc.read(days(), target="temp")
    with pytest.raises(ForecastError, match="asks whether an event takes place, and temp is none"):
        fc.fit("naive", panel, horizon=3, reduce="any")


@pytest.mark.parametrize(
    ("name", "span"),
    [
        ("gru", "each"),
        ("lstm", "any"),
        ("implied-gru", "each"),
        ("implied-gru", "any"),
        ("implied-arima", "all"),
    ],
)
def test_no_answer_knows_what_comes_after_its_origin(name, span):
    """Rewriting every value after a moment, the event's own column too, moves no answer by a bit."""
    hours = testing.weather()
    event = with_event(hours, condition_of(f"{hours.target} > 0"))
    settings = FEW if name.endswith(("gru", "lstm")) else {}
    testing.held_to_the_past(spec(name, **settings), event, span=span)


@pytest.mark.parametrize("name", ["gru", "implied-arima", "implied-gru"])
def test_a_saved_model_gives_the_same_probabilities(panel, name, tmp_path):
    settings = FEW if name.endswith("gru") else {}
    fitted = fc.fit(name, panel, horizon=2, **settings)
    taught = calibrate(list(fc.backtest(spec(name, **settings), panel, horizon=2)))[1][name]
    fitted = fitted.calibrated(taught)
    save(fitted, tmp_path / "model")
    again = load(tmp_path / "model")
    assert np.array_equal(again.predict(panel).shares, fitted.predict(panel).shares)


def test_a_net_of_several_names_is_not_told_their_order():
    """It reads a column of 0 and 1 for each name, and not the codes."""
    panel = fc.read(days(300), target="sky")
    fitted = fc.fit("gru", panel, horizon=2, **FEW)
    assert [column for column in fitted.goal.columns if column.startswith("sky=")] == [
        "sky=fog",
        "sky=rain",
        "sky=sun",
    ]
    forecast = fitted.predict(panel)
    assert np.allclose(forecast.shares.sum(-1), 1)
    assert forecast.shares.shape == (1, 2, 3)


def test_implied_probabilities_are_those_of_the_process():
    """Of y(t) = .8 y(t-1) + e the probability of y > 0.5 is known; ARIMA implies it for each step and, by its paths, for any."""
    from scipy.stats import norm

    frame = days(3000, seed=3)[["day", "temp"]]
    panel = fc.read(frame, event="temp > 0.5")
    origins = np.stack([np.zeros(200, "int64"), np.arange(2000, 2800, 4)], axis=1)
    last = frame["temp"].to_numpy()[origins[:, 1] - 1]
    each = fc.fit("implied-arima", panel, horizon=4).predict(panel, origins).shares[..., 1]
    for step in range(4):
        spread = np.sqrt(sum(0.8 ** (2 * i) for i in range(step + 1)))
        truth = norm.sf(0.5, 0.8 ** (step + 1) * last, spread)
        assert np.abs(each[:, step] - truth).mean() < 0.03
    any_of = fc.fit("implied-arima", panel, horizon=4, reduce="any").predict(panel, origins).shares[:, 0, 1]
    random = np.random.default_rng(0)
    value = np.repeat(last[:, None], 4000, axis=1)
    happened_once = np.zeros_like(value, dtype=bool)
    for _ in range(4):
        value = 0.8 * value + random.normal(size=value.shape)
        happened_once |= value > 0.5
    assert np.abs(any_of - happened_once.mean(1)).mean() < 0.03


def test_an_implied_model_needs_one_number():
    panel = fc.read(days(), event="rain > 0 or temp > 0")
    with pytest.raises(ForecastError, match="cannot imply the event"):
        fc.fit("implied-arima", panel)
    panel = fc.read(days(), event="sky == rain")
    with pytest.raises(ForecastError, match="cannot imply the event"):
        fc.fit("implied-arima", panel)
    with pytest.raises(ForecastError, match="see values as they are"):
        spec("implied-arima+markov")


def test_shares_that_are_too_sharp_are_drawn_together():
    random = np.random.default_rng(0)
    logit = random.normal(0, 1, 20_000)
    right = 1 / (1 + np.exp(-logit))
    codes = (random.random(len(logit)) < right).astype("int64")
    sharp = 1 / (1 + np.exp(-2 * logit))
    logs = np.log(np.stack([1 - sharp, sharp], axis=-1))
    assert sharpest(logs, codes, 20_000) == pytest.approx(0.5, abs=0.03)
    assert sharpest(logs, codes, 1) > 0.9
    again = tempered(np.stack([1 - sharp, sharp], axis=-1), np.full((len(sharp), 1), 0.5))
    assert np.allclose(again[:, 1], right)


def test_how_sharp_shares_are_is_learned_from_matured_rows_alone():
    """Changing what came after a moment changes no share of an origin at or before it."""
    panel = fc.read(days(700), event="temp > 0.5")
    walk = WalkForward(horizon=2, folds=2, test=500)
    outcomes = list(fc.backtest("persistence", panel, walk))
    before, _ = calibrate(outcomes)
    cutoff = before[0].forecast.cutoffs[200]
    changed = []
    for one in outcomes:
        values = one.truth.values.copy()
        later = one.forecast.times > cutoff
        values[later] = 1 - values[later]
        changed.append(fc_replace(one, values))
    after, _ = calibrate(changed)
    moved = False
    for one, other in zip(before, after, strict=True):
        early = one.forecast.cutoffs <= cutoff
        assert np.array_equal(one.forecast.shares[early], other.forecast.shares[early])
        moved |= not np.array_equal(one.forecast.shares[~early], other.forecast.shares[~early])
    assert moved


def fc_replace(outcome, values):
    from dataclasses import replace

    return replace(outcome, truth=replace(outcome.truth, values=values))


def test_what_probabilities_are_worth(panel):
    from sklearn.metrics import average_precision_score, roc_auc_score

    outcomes = list(fc.backtest(["markov", "rate"], panel, horizon=2))
    found = probabilities(outcomes, (1.0, 4.0))
    given = np.concatenate(
        [one.forecast.shares[..., 1] for one in outcomes if one.forecast.model == "markov"]
    ).ravel()
    came = np.concatenate([one.actual for one in outcomes if one.forecast.model == "markov"]).ravel()
    (row,) = found.of_model("markov")
    assert row.auc == pytest.approx(roc_auc_score(came, given))
    assert row.average_precision == pytest.approx(average_precision_score(came, given))
    assert row.brier == pytest.approx(np.mean((given - came) ** 2))
    assert row.brier == pytest.approx(row.miscalibration - row.discrimination + row.uncertainty)
    assert row.uncertainty == pytest.approx(came.mean() * (1 - came.mean()))
    acts = given > 0.2
    acting = next(one for one in found.acting if one.model == "markov")
    assert acting.threshold == 0.2
    assert acting.cost == pytest.approx(np.where(acts, 1 - came, 4 * came).mean())
    assert (acting.always, acting.never) == pytest.approx((1 - came.mean(), 4 * came.mean()))
    assert [one.step for one in found.steps if one.model == "rate"] == [1, 2]


def test_the_likeliest_names_are_counted():
    outcomes = list(fc.backtest("markov", fc.read(days(), target="sky"), horizon=1))
    (counted,) = probabilities(outcomes).confusion
    shares = np.concatenate([one.forecast.shares[:, 0] for one in outcomes])
    actual = np.concatenate([one.actual[:, 0] for one in outcomes])
    assert sum(map(sum, counted.counts)) == len(actual)
    assert counted.counts[1][1] == int(((actual == 1) & (shares.argmax(-1) == 1)).sum())


def test_an_event_from_the_command_line_to_the_score(tmp_path):
    frame = days(420)
    frame[:400].to_csv(tmp_path / "days.csv", index=False)
    frame.to_csv(tmp_path / "more.csv", index=False)
    models = ["--model", "markov,climatology,rate", "--out", "run"]
    asked = [
        "fit",
        "days.csv",
        "--event",
        "temp > 0.5",
        "--horizon",
        3,
        "--span",
        "any",
        "--cost",
        "1:4",
        *models,
    ]
    fitted = command(tmp_path, *asked, "--json")
    assert fitted.returncode == 0, fitted.stderr
    found = json.loads(fitted.stdout)
    best = found["leaderboard"][0]
    assert {"brier", "log_loss", "auc", "average_precision", "miscalibration", "discrimination"} <= set(best)
    assert found["metric"] == "brier"
    assert found["probabilities"]["acting"][0]["threshold"] == 0.2
    assert len(found["forecast"]) == 1
    page = (tmp_path / "run" / "report.html").read_text()
    assert "What the probabilities are worth" in page
    assert "in any of the next 3 days" in page
    again = command(tmp_path, *asked)
    assert "This run is there already" in again.stderr
    for end in range(401, 405):
        frame[:end].to_csv(tmp_path / "now.csv", index=False)
        kept = command(tmp_path, "predict", "run", "now.csv", "--keep", "--json")
        assert kept.returncode == 0, kept.stderr
    scored = command(tmp_path, "score", "run", "more.csv", "--json")
    assert scored.returncode == 0, scored.stderr
    assert json.loads(scored.stdout)["metric"] == "brier"
    wrong = command(tmp_path, "fit", "days.csv", "--event", "temp = 0.5")
    assert wrong.returncode == 2
    assert "--event" in wrong.stderr
    assert "equality is written ==" in wrong.stderr


def test_the_usual_models_of_an_event_and_of_names():
    from forecast.runs.plan import NAMES_MODELS, make_run

    assert make_run("x.csv", overrides={"event": "rain > 0"}).models[:3] == ("gru", "lstm", "implied-gru")
    assert "implied-gru" not in make_run("x.csv", overrides={"event": "sky == rain"}).models
    assert make_run("x.csv", overrides={"event": "return(close) > 0", "price": True}).models[-1] == "rate"
    panel = fc.read(days(), target="sky")
    assert make_run("x.csv", overrides={"target": "sky"}).suited_to(panel).models == NAMES_MODELS


def test_the_pipeline_of_rain_runs(tmp_path):
    config = Path(__file__).parent.parent / "pipelines" / "rain.toml"
    done = command(tmp_path, "backtest", "--config", config, "--model", "markov,climatology", "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["metric"] == "brier"
    assert found["horizon"] == 3
    assert {one["model"] for one in found["probabilities"]["acting"]} == {"markov", "climatology"}


def test_the_page_of_an_event_has_its_sections(tmp_path):
    """The bars are the forecast's probabilities, the curve the isotonic one of the best model, and no number's section fails."""
    from forecast.evaluation.corp import reliability
    from forecast.show import chances

    panel = fc.read(days(), event="temp > 0.5")
    outcomes = list(fc.backtest(["markov", "rate"], panel, horizon=3))
    forecast = fc.fit("markov", panel, horizon=3).predict(panel)
    figure = chances.chances_figure(panel, forecast)
    bars, usual = figure.data
    assert np.allclose(bars.y, forecast.values[0])
    assert list(bars.x) == [str(day)[:10] for day in forecast.times[0]]
    assert np.allclose(usual.y, chances.past_rate(panel, 0, forecast.times[0]))
    curves = chances.reliability_figure(outcomes)
    given = np.concatenate(
        [one.forecast.shares[..., 1] for one in outcomes if one.forecast.model == "markov"]
    ).ravel()
    came = np.concatenate([one.actual for one in outcomes if one.forecast.model == "markov"]).ravel()
    wanted = reliability(given, came)
    assert np.allclose(curves.data[2].x, wanted.probability)
    assert np.allclose(curves.data[2].y, wanted.observed)
    assert sum(curves.data[3].y) == len(given)
    skill = chances.skill_figure(outcomes)
    assert [trace.name for trace in skill.data] == ["rate"]


def test_how_often_at_such_times_is_counted_by_hour_and_season():
    hours = pd.date_range("2019-01-01", periods=2 * 365 * 24, freq="h")
    frame = pd.DataFrame(
        {"time": hours, "x": np.where((hours.hour == 6) & hours.month.isin([6, 7, 8]), 1.0, 0.0)}
    )
    from forecast.show.chances import past_rate

    panel = fc.read(frame, event="x > 0")
    asked = np.array(["2021-07-15T06", "2021-07-15T07", "2021-01-15T06"], "datetime64[ns]")
    assert past_rate(panel, 0, asked).tolist() == [1.0, 0.0, 0.0]


def test_an_implied_net_has_a_hurdle_where_the_number_is_mostly_zero():
    """Quantiles alone would leave how probable none at all is to their interpolation."""
    from forecast.implied import with_distribution

    rain = fc.read(days(), target="rain")
    temp = fc.read(days(), target="temp")
    assert with_distribution(spec("gru"), rain).loss == "mae"
    assert with_distribution(spec("gru"), temp).loss == "quantile"
    assert with_distribution(spec("arima"), rain) == spec("arima")
    panel = fc.read(days(), event="rain > 0")
    notes = fc.fit("implied-gru", panel, horizon=1, **FEW).log.notes
    assert any("hurdle: " in note for note in notes)


def test_a_change_is_since_the_last_value_that_was_known_then():
    """A value that is missing in the row that a change looks back to is the one before it, never one after it."""
    from forecast.implied import _rows_before

    panel = fc.read(
        pd.DataFrame({"day": pd.date_range("2020-01-01", periods=6), "x": [1.0, 2.0, np.nan, 4.0, 5.0, 6.0]})
    )
    origins = np.array([[0, 4], [0, 5], [0, 1]])
    assert _rows_before(panel, origins, 2).tolist() == [[2.0, 4.0], [4.0, 5.0], [1.0, 1.0]]
