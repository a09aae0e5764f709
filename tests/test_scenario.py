"""What if: forecasts under several futures, and what cannot be changed."""

import json
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

import forecast as fc
from forecast import ForecastError
from forecast.runs.daily import predict_run
from forecast.runs.scenario import parsed_change, predict_scenarios

KNOWN, HORIZON = 150, 4


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A run of days whose target falls with the price, which is known over the horizon, and a column that is not."""
    folder = tmp_path_factory.mktemp("what")
    random, count = np.random.default_rng(1), KNOWN + HORIZON
    price = 10 + random.normal(0, 1, count)
    frame = pd.DataFrame({"ds": pd.date_range("2024-01-01", periods=count), "site": "a", "price": price})
    frame["y"] = 100 - 3 * price + random.normal(0, 0.1, count)
    frame["wind"] = random.normal(0, 1, count)
    other = frame.assign(site="b", y=frame["y"] + 50)
    frame = pd.concat([frame, other])
    frame.loc[frame["ds"] >= frame["ds"].iloc[KNOWN], ["y", "wind"]] = np.nan
    frame.to_csv(folder / "days.csv", index=False)
    options = {"target": "y", "past": ["wind"], "future": ["price"]}
    walk = {"walk.horizon": HORIZON, "walk.folds": 1}
    fc.run(folder / "days.csv", out=folder / "run", models=["ridge"], jobs=1, set=walk, **options)
    coming(folder, 12.0).to_csv(folder / "high.csv", index=False)
    coming(folder, 8.0).to_csv(folder / "low.csv", index=False)
    return folder


def coming(folder, price):
    """The horizon of both series at a price, as a file of the future alone."""
    frame = pd.read_csv(folder / "days.csv")
    return frame[frame["y"].isna()][["ds", "site"]].assign(price=price)


def command(folder, *arguments):
    return subprocess.run(
        [sys.executable, "-m", "forecast", *map(str, arguments)],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


def test_futures_side_by_side_through_the_command_line(folder):
    arguments = ["predict", "run", "--scenario", "high.csv", "--scenario", "low.csv", "--what", "price*1.1"]
    made = json.loads(command(folder, *arguments, "--json").stdout)
    assert made["scenarios"] == ["as given", "high", "low", "price*1.1"]
    assert len(made["forecast"]) == 2 * HORIZON
    for row in made["forecast"]:
        assert row["ridge (low)"] - row["ridge (high)"] == pytest.approx(12, rel=0.05)  # 3 for each of four
        assert {"ridge-lo-80 (high)", "ridge-hi-95 (low)"} <= set(row)
    shown = command(folder, *arguments)
    assert "ridge (as given)" in shown.stdout
    assert "ridge (price*1.1)" in shown.stdout
    csv = command(folder, *arguments, "--csv").stdout.splitlines()
    assert csv[0].startswith("unique_id,ds,ridge (as given),")
    assert len(csv) == 1 + 2 * HORIZON
    refused = command(folder, *arguments, "--keep")
    assert refused.returncode == 2
    assert "leave --keep out" in refused.stderr


def test_each_future_is_the_forecast_of_a_panel_that_has_it(folder):
    made = predict_scenarios(folder / "run", scenarios=[folder / "high.csv"], what=["price - 2"])
    expected = {"high": lambda price: price * 0 + 12.0, "price - 2": lambda price: price - 2}
    frame = pd.read_csv(folder / "days.csv")
    fitted = fc.load(folder / "run")
    for name, change in expected.items():
        ahead = frame["y"].isna()
        mended = frame.assign(price=frame["price"].where(~ahead, change(frame["price"])))
        panel = fc.read(mended, target="y", past=["wind"], future=["price"])
        assert made.forecasts[name].values == pytest.approx(fitted.predict(panel).values)
    assert made.forecasts["as given"].values == pytest.approx(predict_run(folder / "run").values)


def test_a_value_that_the_past_never_had_is_reported(folder):
    heard = []
    predict_scenarios(folder / "run", scenarios=[coming(folder, 40.0)], what=["price*1"], heard=heard.extend)
    said = [finding.message for finding in heard if finding.code == "unseen-future"]
    assert len(said) == 1
    assert said[0].startswith("scenario 1: price is 40 over the horizon, outside of ")
    assert said[0].endswith("all that the past had; the model never saw such a value")


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ("y*2", "y is the target of the run, and nobody knows it over the horizon: only future columns"),
        ("wind+1", "wind is a past column of the run"),
        ("cost*2", "There is no column 'cost' in the run. Its future columns are price."),
        ("price/0", "divides by 0"),
        ("price**2", "There is no column 'price*'"),
        ("price", "it takes a future column, one of + - * / and a number, such as price*1.1."),
        ("price*__import__('os')", "it takes a future column"),
        ("price*1e999", "the number is too large"),
        ("price*nan", "it takes a future column"),
    ],
)
def test_what_cannot_be_changed_is_refused_by_name(folder, what, said):
    refused = command(folder, "predict", "run", "--what", what)
    assert refused.returncode == 2
    assert said in refused.stderr


@pytest.mark.parametrize(
    ("column", "said"),
    [
        ("y", "y is the target of the run"),
        ("wind", "wind is a past column"),
        ("cost", "There is no column 'cost'"),
    ],
)
def test_a_file_that_holds_other_columns_is_refused_unless_they_are_empty(folder, column, said):
    wrong = coming(folder, 12.0).assign(**{column: 1.5})
    with pytest.raises(ForecastError, match=said):
        predict_scenarios(folder / "run", scenarios=[wrong])
    empty = wrong.assign(**{column: None})
    assert predict_scenarios(folder / "run", scenarios=[empty]).forecasts["scenario 1"].values.shape == (2, 4)


def test_rows_before_the_horizon_and_files_without_any_future(folder):
    early = coming(folder, 12.0).assign(ds="2024-01-05").drop_duplicates("site")
    with pytest.raises(ForecastError, match="has no row after the last target that the run knows"):
        predict_scenarios(folder / "run", scenarios=[early])
    with pytest.raises(ForecastError, match="holds none of the future columns of the run, price"):
        predict_scenarios(folder / "run", scenarios=[early.drop(columns="price")])


def test_a_run_without_future_columns_says_so(folder, tmp_path):
    frame = pd.read_csv(folder / "days.csv").dropna()[["ds", "site", "y"]]
    frame.to_csv(tmp_path / "days.csv", index=False)
    walk = {"walk.horizon": HORIZON, "walk.folds": 1}
    fc.run(tmp_path / "days.csv", out=tmp_path / "run", models=["naive"], jobs=1, set=walk)
    refused = command(tmp_path, "predict", "run", "--what", "price*2")
    assert refused.returncode == 2
    assert (
        "run has no future columns, so there is no future to choose. Fit a run with --future"
        in refused.stderr
    )


def test_operators_in_the_name_of_a_column(folder):
    panel = fc.read(
        pd.read_csv(folder / "days.csv").rename(columns={"price": "price-net*2"}),
        target="y",
        past=["wind"],
        future=["price-net*2"],
    )
    change = parsed_change(" price-net*2 * -1.5e-1 ", panel)
    assert (change.column, change.operator, change.number) == ("price-net*2", "*", -0.15)
