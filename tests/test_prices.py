"""Prices: their returns and their volatility as targets."""

import json

import numpy as np
import pandas as pd
import pytest
from test_cli import forecast as command

import forecast as fc
from forecast.data.clock import Clock
from forecast.data.derived import garman_klass
from forecast.data.findings import ReadingError
from forecast.data.scaling import Units, fit_scaling
from forecast.errors import ForecastError
from forecast.models import spec
from forecast.models.market.garch import _arch_model as arch_model
from forecast.models.market.garch import estimate, variance_after
from forecast.runs.plan import make_run
from forecast.runs.told import steps_of_a_year, told
from forecast.saving import join, load, save


def bars(count=400, seed=0):
    """Daily bars of a price whose volatility comes in clusters: open, high, low, close of 40 moves a day."""
    random = np.random.default_rng(seed)
    size = 0.01 * np.exp(0.4 * np.sin(np.arange(count) / 20))
    moves = random.normal(size=(count, 40)) * size[:, None] / np.sqrt(40)
    inside = np.cumsum(moves.ravel()).reshape(count, 40)
    before = np.append(0.0, inside[:-1, -1])
    whole = 100 * np.exp(np.column_stack([before, inside]))
    stamps = pd.bdate_range("2020-01-01", periods=count)
    return pd.DataFrame(
        {
            "Date": stamps,
            "Open": whole[:, 0],
            "High": whole.max(1),
            "Low": whole.min(1),
            "Close": whole[:, -1],
        }
    )


def messages(panel, code):
    return [finding.message for finding in panel.findings if finding.code == code]


def test_returns_are_logs_of_ratios_and_the_price_stays_a_past_column():
    frame = bars()
    panel = fc.read(frame, target="Close", returns=True)
    close = frame.Close.to_numpy()
    assert panel.target == "return(Close)"
    assert panel.columns[1].name == "Close"
    assert panel.columns[1].role == "past"
    assert np.isnan(panel.values[0, 0])
    np.testing.assert_allclose(panel.values[1:, 0], np.log(close[1:] / close[:-1]), atol=1e-15)
    np.testing.assert_array_equal(panel.values[:, 1], close)


def test_each_series_begins_without_a_return():
    frame = pd.concat([bars(60).assign(name="a"), bars(50, seed=1).assign(name="b")])
    panel = fc.read(frame, target="Close", id="name", returns=True)
    assert np.flatnonzero(np.isnan(panel.values[:, 0])).tolist() == panel.starts.tolist()


def test_a_missing_price_leaves_two_returns_out_and_is_said():
    frame = bars()
    frame.loc[30, "Close"] = np.nan
    panel = fc.read(frame, target="Close", returns=True)
    assert np.flatnonzero(np.isnan(panel.values[:, 0])).tolist() == [0, 30, 31]
    assert any(
        "2 rows of 400 have no return: Close is missing" in text for text in messages(panel, "missing")
    )


def test_a_price_at_zero_is_refused_with_its_row(tmp_path):
    frame = bars()
    frame.loc[30, "Close"] = 0.0
    frame.to_csv(tmp_path / "bars.csv", index=False)
    done = command(tmp_path, "fit", "bars.csv", "--target", "Close", "--returns", "--model", "zero")
    assert done.returncode == 2
    assert (
        "--returns is of a price, which is above 0: 1 of 400 values of Close lies at 0 or below"
        in done.stderr
    )
    assert not (tmp_path / "runs").exists()
    mended = command(tmp_path, "check", "bars.csv", "--target", "Close", "--returns", "--missing", "0")
    assert mended.returncode == 0
    assert "target return(Close)" in mended.stdout


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"event": "Close > 1", "returns": True}, "`event` and `returns` each say what is forecast"),
        ({"returns": True, "price": True}, "`price` forecasts the level of a price"),
    ],
)
def test_two_questions_at_once_are_refused(options, words, tmp_path):
    bars().to_csv(tmp_path / "bars.csv", index=False)
    with pytest.raises(ForecastError, match=words):
        make_run(str(tmp_path / "bars.csv"), overrides={"target": "Close", **options}).read()


def test_returns_of_names_are_refused():
    frame = bars().assign(sky="sun")
    frame.loc[::2, "sky"] = "rain"
    with pytest.raises(ForecastError, match="`returns` is of a price, and the target sky has names"):
        fc.read(frame, target="sky", returns=True)


def test_gathered_prices_are_the_last_of_each_step():
    hours = pd.date_range("2024-01-01", periods=24 * 20, freq="h")
    frame = pd.DataFrame({"time": hours, "price": np.linspace(10, 20, len(hours))})
    panel = fc.read(frame, target="price", every="1D", returns=True)
    np.testing.assert_allclose(panel.values[:, 1], frame.price.to_numpy()[23::24])
    assert any("the price by last" in text for text in messages(panel, "every"))
    asked = fc.read(frame, target="price", every="1D", how="price=max", returns=True)
    np.testing.assert_allclose(asked.values[:, 1], frame.price.to_numpy()[23::24])


def test_newer_rows_have_the_return_from_the_last_row_before_them():
    frame = bars()
    whole = fc.read(frame, target="Close", returns=True)
    old = fc.read(frame[:300], target="Close", returns=True)
    new = fc.read(frame[300:], old.reading, clock=old.clock)
    assert np.isnan(new.values[0, 0])
    np.testing.assert_array_equal(join(old, new).values, whole.values)


def test_a_corrected_price_corrects_the_returns_on_both_sides_of_it():
    frame = bars()
    old = fc.read(frame, target="Close", returns=True)
    mended = frame.copy()
    mended.loc[390, "Close"] *= 1.01
    new = fc.read(mended[390:], old.reading, clock=old.clock)
    joined = join(old, new, revised=[])
    np.testing.assert_array_equal(joined.values, fc.read(mended, target="Close", returns=True).values)


def test_a_close_beside_an_adjusted_one_is_said_with_the_setting():
    frame = bars().assign(**{"Adj Close": lambda f: f.Close * 0.9})
    said = [one for one in fc.read(frame, target="Close").findings if one.code == "adjusted"]
    assert len(said) == 1
    assert said[0].remedy == "(`target=Adj Close` is without them)"
    assert not messages(fc.read(frame, target="Adj Close"), "adjusted")


def test_a_run_of_returns_tells_percent_and_the_next_price(tmp_path):
    frame = bars()
    frame.to_csv(tmp_path / "bars.csv", index=False)
    asked = ("--target", "Close", "--returns", "--horizon", "3", "--folds", "1", "--model", "mean,zero")
    done = command(tmp_path, "fit", "bars.csv", *asked, "--out", "run", "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["metric"] == "rmse"
    best = found["best"]
    for row, in_units in zip(found["forecast"], found["told"], strict=True):
        assert in_units[f"{best}-percent"] == pytest.approx(100 * np.expm1(row[best]))
    first = found["told"][0]
    assert first[f"{best}-price-hi-80"] == pytest.approx(
        frame.Close.iloc[-1] * np.exp(found["forecast"][0][f"{best}-hi-80"])
    )
    assert found["told"][1][f"{best}-price"] is None
    again = json.loads(command(tmp_path, "predict", "run", "--json").stdout)
    assert again["told"] == found["told"]
    shown = command(tmp_path, "predict", "run").stdout
    assert "The same in percent, and the next Close:" in shown
    moves = {row["model"]: row["moves"] for row in found["market"]}
    assert moves["zero"] == 0
    assert moves["mean"] > 0


def test_other_targets_are_told_in_their_own_units_alone():
    panel = fc.read(bars(), target="Close")
    assert told(fc.fit("naive", panel, horizon=2).predict(panel), panel) is None


def test_zero_forecasts_zero_and_has_no_log():
    panel = fc.read(bars(), target="Close", returns=True)
    fitted = fc.fit("zero", panel, horizon=3)
    assert np.abs(fitted.predict(panel).values).max() < 1e-12
    with pytest.raises(ForecastError, match="zero forecasts 0, which has no `transform=log`"):
        fc.fit("zero", fc.read(bars(), target="Close"), horizon=3, transform="log")


def test_the_usual_models_of_returns_have_the_constants_that_a_net_must_beat():
    assert {"gru", "lstm", "garch", "mean", "zero"} <= {
        *make_run("x.csv", overrides={"returns": True}).models
    }
    named = make_run("x.csv", overrides={"returns": True, "models": ["naive"], "metric": "mae"})
    assert (named.models, named.task.metric) == (("naive",), "mae")


def test_garman_klass_is_their_formula():
    frame = bars()
    panel = fc.read(frame, target="Close", volatility="garman-klass")
    wide = np.log(frame.High / frame.Low)
    inside = np.log(frame.Close / frame.Open)
    np.testing.assert_allclose(
        panel.values[:, 0], 0.5 * wide**2 - (2 * np.log(2) - 1) * inside**2, rtol=1e-10
    )
    assert panel.target == "variance(Close)"


def test_both_measures_are_unbiased_and_garman_klass_is_far_less_noisy():
    """Of a random walk of 400 moves a day, whose variance is known; the paper has an efficiency of 7.4 in continuous time."""
    random = np.random.default_rng(0)
    moves = random.normal(size=(4000, 400)) * 0.01 / 20
    inside = np.cumsum(moves, axis=1)
    ends = np.exp(np.column_stack([inside * 0.0, inside])[:, [0, -1]])
    whole = np.column_stack([np.zeros(len(moves)), inside])
    made = garman_klass(ends[:, 0], np.exp(whole.max(1)), np.exp(whole.min(1)), ends[:, 1])
    squares = inside[:, -1] ** 2
    assert made.mean() == pytest.approx(1e-4, rel=0.12)  # 400 moves find less of the range than all would
    assert squares.mean() == pytest.approx(1e-4, rel=0.07)
    assert squares.var() / made.var() > 6


def test_squared_returns_are_those_of_the_returns_and_a_price_that_rests_has_none():
    frame = bars()
    frame.loc[50, "Close"] = frame.loc[49, "Close"]
    panel = fc.read(frame, target="Close", volatility="squared")
    returns = fc.read(frame, target="Close", returns=True)
    expected = returns.values[:, 0] ** 2
    expected[50] = np.nan
    np.testing.assert_array_equal(panel.values[:, 0], expected)
    assert any("1 row of 400 has no variance" in text for text in messages(panel, "missing"))


def low_above_high(frame):
    high, low = frame.loc[30, ["High", "Low"]].tolist()
    frame.loc[30, ["High", "Low"]] = [low, high]
    return frame


@pytest.mark.parametrize(
    ("change", "options", "words"),
    [
        (low_above_high, (), "High is below Low in 1 row, the first is "),
        (lambda f: f.drop(columns="Open"), (), "found no column open"),
        (
            lambda f: f.assign(Close=0.5 * f.Close),
            (),
            "Open or Close lies outside of Low to High in 400 rows",
        ),
        (lambda f: f, ("--every", "W"), "Leave --every out, or take --volatility squared"),
        (lambda f: f, ("--returns",), "--returns and --volatility each say"),
        (lambda f: f, ("--price",), "--price forecasts the level of a price"),
    ],
)
def test_what_is_no_bar_is_refused_in_a_sentence(change, options, words, tmp_path):
    change(bars()).to_csv(tmp_path / "bars.csv", index=False)
    asked = ("--target", "Close", "--volatility", "garman-klass", "--model", "naive", *options)
    done = command(tmp_path, "fit", "bars.csv", *asked)
    assert done.returncode == 2
    assert words in done.stderr
    assert not (tmp_path / "runs").exists()


def test_other_names_of_bars_can_be_given(tmp_path):
    frame = bars().rename(columns={"Open": "Eröffnung"})
    frame.to_csv(tmp_path / "bars.csv", index=False)
    with pytest.raises(ReadingError, match="found no column open"):
        fc.read(tmp_path / "bars.csv", target="Close", volatility="garman-klass")
    named = fc.read(tmp_path / "bars.csv", target="Close", volatility="garman-klass", names="Eröffnung=open")
    plain = fc.read(bars(), target="Close", volatility="garman-klass")
    np.testing.assert_allclose(named.values[:, 0], plain.values[:, 0], rtol=1e-8)


def test_bars_are_read_where_past_columns_are_left_out():
    panel = fc.read(bars(), target="Close", past="none", volatility="garman-klass")
    assert [column.name for column in panel.columns] == ["variance(Close)", "Close", "Open", "High", "Low"]


def test_garch_of_squared_returns_is_that_of_returns_without_mean():
    frame = bars(1200)
    variances = fc.read(frame, target="Close", volatility="squared")
    returns = fc.read(frame, target="Close", returns=True)
    found = fc.fit("garch", variances, horizon=4, transform="log", scale="inputs")
    omega, alpha, beta = found.learned.parameters[0]
    moves = returns.values[1:, 0]
    whole = estimate(moves, arch_model())
    assert (omega, alpha, beta) == pytest.approx(whole, rel=0.02)
    expected = variance_after(moves[None, -512:], *np.array(whole)[:, None])[0]
    assert found.predict(variances).values[0, 0] == pytest.approx(expected, rel=0.02)


@pytest.mark.parametrize(
    "options", [{"returns": True}, {"volatility": "squared"}, {"volatility": "garman-klass"}]
)
def test_no_forecast_knows_a_later_price(options):
    """Each price of the file after a moment is rewritten: no forecast from there or before moves by a bit."""
    frame = bars(500)
    late = frame.copy()
    prices = ["Open", "High", "Low", "Close"]
    factors = np.exp(np.random.default_rng(1).normal(size=(120, 1)))
    late.loc[380:, prices] = frame.loc[380:, prices].to_numpy() * factors
    task = {} if "returns" in options else {"transform": "log", "scale": "inputs"}
    few = {"units": 4, "steps": 24, "batch": 16, "context": 24, "segment": 4}
    models = [spec("garch"), spec("mean"), spec("gru", **few)]
    if task:
        models = [
            *(spec("har", unbiased="smearing"), spec("mean", smeared=True), spec("garch")),
            spec("gru", loss="qlike", **few),
        ]
    walk = fc.WalkForward(horizon=3, test=0.3, folds=2, stride=7)
    walks = []
    for one in (frame, late):
        panel = fc.read(one, target="Close", **options)
        walks.append(list(fc.backtest(models, panel, walk, intervals=(80,), **task)))
    compared = 0
    for clean, dirty in zip(*walks, strict=True):
        early = clean.forecast.cutoffs < np.datetime64(frame.Date[380])
        np.testing.assert_array_equal(clean.forecast.values[early], dirty.forecast.values[early])
        compared += int(early.sum())
    assert compared > 0
    assert (walks[0][-1].forecast.values != walks[1][-1].forecast.values).any()


@pytest.mark.parametrize(
    ("name", "settings"),
    [("har", {"unbiased": "smearing", "spans": (1,)}), ("mean", {"smeared": True})],
)
def test_a_smeared_point_is_the_mean_of_what_is_not_normal_in_logs(name, settings, tmp_path):
    """Of squares of independent normal values, whose mean is 3.56 times the exponential of their mean log."""
    squares = np.random.default_rng(0).normal(size=4000) ** 2
    panel = fc.read(pd.DataFrame({"y": squares}), target="y")
    fitted = fc.fit(name, panel, 1, transform="log", scale="none", intervals=(80,), **settings)
    value = fitted.predict(panel).values.item()
    assert value == pytest.approx(squares.mean(), rel=0.05)
    assert value / np.exp(np.log(squares).mean()) == pytest.approx(3.56, rel=0.1)
    save(fitted, tmp_path / "model.safetensors")
    assert load(tmp_path / "model.safetensors").predict(panel).values.item() == value


def test_a_run_of_volatility_is_annualised_by_trading_days(tmp_path):
    bars().to_csv(tmp_path / "bars.csv", index=False)
    asked = ("--target", "Close", "--volatility", "garman-klass", "--horizon", "2", "--folds", "1")
    done = command(tmp_path, "fit", "bars.csv", *asked, "--model", "har,mean,garch", "--out", "run", "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert (found["metric"], found["baseline"]) == ("qlike", "har")
    for row, in_units in zip(found["forecast"], found["told"], strict=True):
        best = found["best"]
        assert in_units[f"{best}-volatility"] == pytest.approx(100 * np.sqrt(252 * row[best]))
    settings = (tmp_path / "run" / "run.toml").read_text()
    assert 'transform = "log"' in settings
    assert 'unbiased = "smearing"' in settings
    shown = command(tmp_path, "predict", "run").stdout
    assert "Annualised volatility in percent, 100 sqrt(252 variance), of 252 trading days a year" in shown


@pytest.mark.parametrize(
    ("clock", "count"),
    [
        (Clock("sessions"), 252),
        (Clock("sessions", "5min", bars=78), 252 * 78),
        (Clock("fixed", "1D"), 365),
        (Clock("fixed", "1h"), 8766),
        (Clock("fixed", "7D"), 52),
        (Clock("calendar", "B"), 252),
        (Clock("calendar", "ME"), 12),
        (Clock("calendar", "YE"), 1),
        (Clock("step"), 1),
    ],
)
def test_how_many_steps_a_year_has(clock, count):
    assert steps_of_a_year(clock)[0] == count


def test_nets_of_variances_learn_by_the_qlike_unless_told_otherwise():
    chosen = make_run("x.csv", overrides={"volatility": "squared", "models": ["lstm+har", "gru"]})
    assert chosen.settings == {
        "lstm": {"loss": "qlike"},
        "gru": {"loss": "qlike"},
        "har": {"unbiased": "smearing"},
    }
    assert (chosen.task.metric, chosen.task.transform, chosen.task.scale) == ("qlike", "log", "inputs")
    other = make_run("x.csv", overrides={"volatility": "squared", "models": ["gru"], "gru.loss": "mse"})
    assert other.settings == {"gru": {"loss": "mse"}}


def test_of_inputs_the_target_keeps_its_units():
    panel = fc.read(bars(), target="Close")
    scaling = fit_scaling(panel, Units("none", "inputs"))
    made = scaling.apply(panel).values
    np.testing.assert_array_equal(made[:, 0], panel.values[:, 0])
    np.testing.assert_allclose(made[:, 1:].std(0), 1.0)
