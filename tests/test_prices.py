"""Prices: their returns and their volatility as targets."""

import json

import numpy as np
import pandas as pd
import pytest
from test_cli import forecast as command

import forecast as fc
from forecast.errors import ForecastError
from forecast.runs.plan import make_run
from forecast.runs.told import told
from forecast.saving import join


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
