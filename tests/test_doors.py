"""What is said at the doors of the Python interface to who gives them something else."""

import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from conftest import weather

import forecast as fc
from forecast.data.panel import Column

FRAME = pd.DataFrame(
    {
        "time": pd.date_range("2024-01-01", periods=300, freq="h"),
        "a": np.arange(300.0),
        "b": np.arange(300.0) % 24,
    }
)
FITTED = fc.fit("naive", weather((60,)), 6)
DOORS = {
    "fit": lambda data: fc.fit("naive", data, horizon=6),
    "predict": FITTED.predict,
    "backtest": lambda data: list(fc.backtest("naive", data)),
    "audit": lambda data: fc.audit(["naive"], data),
    "tune": lambda data: fc.tune("climatology", data, trials=1),
    "objective": lambda data: fc.objective("climatology", data),
}


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (FRAME, "pandas DataFrame"),
        (FRAME["a"], "pandas Series"),
        (pa.table({"a": [1.0]}), "pyarrow Table"),
        ("file.csv", "str"),
    ],
)
def test_what_is_no_panel_is_refused_with_the_way_to_one(door, data, kind):
    with pytest.raises(
        fc.ForecastError,
        match=re.escape(f"A panel is needed here; found a {kind}. fc.read(...) makes a panel of a file"),
    ):
        DOORS[door](data)


def test_what_the_message_says_is_read(tmp_path):
    """A file, a frame, a series and an Arrow table make the same panel."""
    FRAME[["time", "a"]].to_csv(tmp_path / "file.csv", index=False)
    sources = [
        tmp_path / "file.csv",
        FRAME[["time", "a"]],
        FRAME.set_index("time")["a"],
        pa.Table.from_pandas(FRAME[["time", "a"]]),
    ]
    panels = [fc.read(source) for source in sources]
    assert all(
        np.array_equal(one.values, panels[0].values) and np.array_equal(one.times, panels[0].times)
        for one in panels
    )


@pytest.mark.parametrize("start", [FITTED, FITTED.learned.arrays(), "warm"])
def test_a_start_is_that_of_an_earlier_fit(start):
    with pytest.raises(fc.ForecastError, match=rf"start=fitted\.start\. Found a {type(start).__name__}\."):
        fc.fit("naive", weather((60,)), 6, start=start)


@pytest.mark.parametrize("door", ["fit", "backtest", "tune"])
@pytest.mark.parametrize(
    ("seed", "words"),
    [(-1, "greater than or equal to 0"), (2**32, "less than 4294967296"), (0.5, "a valid integer")],
)
def test_a_seed_is_a_whole_number_from_0_on(door, seed, words):
    doors = {
        "fit": lambda: fc.fit("naive", weather((60,)), 6, seed=seed),
        "backtest": lambda: list(fc.backtest("naive", weather((300,)), seed=seed)),
        "tune": lambda: fc.tune("climatology", weather((300,)), trials=1, seed=seed),
    }
    with pytest.raises(fc.ForecastError, match=rf"seed = {seed}: input should be .*{words}"):
        doors[door]()


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_backtest_of_no_model_is_refused(jobs):
    with pytest.raises(fc.ForecastError, match=r"No model is named\. Give one or several"):
        list(fc.backtest([], weather((300,)), fc.WalkForward(horizon=6), jobs=jobs))


def test_another_target_is_named_as_its_user_knows_it():
    wide, other = (
        fc.read(FRAME, target=["a", "b"]),
        fc.read(FRAME[["time", "a"]].rename(columns={"a": "temp"})),
    )
    for fitted, panel, was, now in ((wide, other, "a, b", "temp"), (other, wide, "temp", "a, b")):
        with pytest.raises(fc.ForecastError) as raised:
            fc.fit("naive", fitted, 6).predict(panel)
        assert str(raised.value) == (
            f"naive was fitted to forecast {was}; the target of this panel is {now}. Read the same target (fc.read(..., target=...)), or fit again."
        )


def test_a_target_called_value_is_no_stack_of_columns(tmp_path):
    """The target of a file with one series per column is called `value` too: only the panel's flag tells them apart."""
    rows = {"time": [*FRAME["time"], *FRAME["time"]], "id": ["A"] * 300 + ["B"] * 300}
    long = fc.read(pd.DataFrame({**rows, "value": [*FRAME["a"], *FRAME["b"]]}))
    wide = fc.read(FRAME, target=["a", "b"])
    other = fc.read(FRAME[["time", "a"]].rename(columns={"a": "temp"}))
    assert (long.wide, wide.wide, other.wide) == (False, True, False)
    assert long.target == wide.target == "value"
    fc.save(fc.fit("naive", long, 6), tmp_path / "long.model")
    fc.save(fc.fit("naive", wide, 6), tmp_path / "wide.model")
    for file, panel, was, now in (
        ("long", other, "value", "temp"),
        ("long", wide, "value", "a, b"),
        ("wide", long, "a, b", "value"),
    ):
        words = f"naive was fitted to forecast {was}; the target of this panel is {now}. "
        with pytest.raises(fc.ForecastError, match=re.escape(words)):
            fc.load(tmp_path / f"{file}.model").predict(panel)


def test_a_missing_column_beside_several_targets_names_these():
    wide = fc.read(FRAME, target=["a", "b"])
    beside = replace(wide, values=np.tile(wide.values, 2), columns=(*wide.columns, Column("wind")))
    with pytest.raises(
        fc.ForecastError, match=r"naive was fitted on a, b, wind; wind is missing here\. Add the column"
    ):
        fc.fit("naive", beside, 6).predict(wide)
