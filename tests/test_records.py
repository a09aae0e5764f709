"""Records: what is written down is read again as it was, and what is not a record is refused by name."""

import dataclasses
import json
import math

import numpy as np
import pandas as pd
import pytest
import torch

import forecast as fc
from forecast.data.clock import Clock
from forecast.data.findings import Finding
from forecast.data.options import Reading
from forecast.errors import ForecastError
from forecast.evaluation.rows import Row
from forecast.files import load_json, save_json
from forecast.records import from_json, to_json
from forecast.results import Forecast, Log
from forecast.runs.files import device_of, load_forecast, load_manifest, save_forecast
from forecast.runs.plan import make_run
from forecast.runs.road import finished

NAN = math.nan
ROW = Row("naive", {"mae": 1.5, "mase": NAN}, NAN, NAN, NAN, None, {"80": NAN}, None, 0.1, False)
VALUES = [
    Finding("gap", "warning", "a gap", rows=(1, 2), example="x"),
    Clock("sessions", "5min", tz="Europe/Paris", pauses=((3, 60), (9, 60))),
    Reading(target=("a", "b"), id="name", dayfirst=False),
    Log(("a note",), ((1, 2.0, NAN), (2, 1.5, math.inf)), 3.0, warm=True),
    ROW,
]


def same(one, two) -> bool:
    """Whether two values are equal, NaN with NaN."""
    return type(one) is type(two) and repr(one) == repr(two)


@pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
def test_a_record_is_read_again_as_it_was(value):
    text = json.dumps(to_json(value, exact=True), allow_nan=False)
    assert same(from_json(type(value), json.loads(text), "here"), value)


def test_what_is_not_finite_is_null_in_json():
    assert to_json({"a": (NAN, math.inf, np.float32(1.5), np.int64(2), None)}) == {
        "a": [None, None, 1.5, 2, None]
    }


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"more": 1}, "here: more is not what was written there: unexpected keyword argument"),
        ({"rows": ["x"]}, "here: rows.0 is not what was written there"),
        ({"severity": "loud"}, "here: severity is not what was written there"),
        ({"code": None}, "here: code is not what was written there"),
    ],
)
def test_what_is_no_record_is_refused_with_its_place(change, said):
    with pytest.raises(ForecastError) as refused:
        from_json(Finding, {**to_json(VALUES[0]), **change}, "here")
    assert str(refused.value).startswith(said)


def forecast_of(**more) -> Forecast:
    """A forecast of two series, two steps each, with some of its fields changed."""
    days = np.array(["2024-01-01", "2024-01-02", "2024-01-03"], "datetime64[ns]")
    fields = {
        "model": "naive",
        "ids": ("a", "b"),
        "origins": np.array([[0, 5], [1, 7]]),
        "cutoffs": days[[0, 0]],
        "times": days[[[1, 2], [1, 2]]],
        "values": np.array([[1.0, NAN], [3.0, 4.0]]),
    }
    return Forecast(**{**fields, **more})


QUANTILES = {"levels": (0.1, 0.5, 0.9), "intervals": (80.0,), "quantiles": np.arange(12.0).reshape(2, 2, 3)}
NAMES = {"names": ("sun", "rain"), "shares": np.full((2, 2, 2), 0.5), "zone": "Europe/Paris"}
ROWS = {"cutoffs": np.array([5, 7]), "times": np.array([[6, 7], [8, 9]])}


@pytest.mark.parametrize("more", [{}, QUANTILES, NAMES, ROWS], ids=["points", "quantiles", "names", "rows"])
def test_a_forecast_is_read_again_as_it_was(tmp_path, more):
    made = forecast_of(**more)
    save_forecast(made, tmp_path / "forecast.safetensors")
    again = load_forecast(tmp_path / "forecast.safetensors")
    for field in dataclasses.fields(Forecast):
        one, two = getattr(made, field.name), getattr(again, field.name)
        if isinstance(one, np.ndarray):
            assert one.dtype == two.dtype
            np.testing.assert_array_equal(one, two)
        else:
            assert one == two


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("records")
    prices = 100 * np.exp(np.cumsum(np.random.default_rng(0).normal(0, 0.01, 300)))
    frame = pd.DataFrame({"ds": pd.bdate_range("2024-01-01", periods=300), "close": prices})
    frame.to_csv(folder / "prices.csv", index=False)
    how = {"models": ["ridge", "naive"], "price": True, "cost": 2.0, "jobs": 1}
    return folder, how, fc.run(folder / "prices.csv", out=folder / "run", **how)


def test_a_finished_run_gives_back_the_same_result(run):
    folder, how, made = run
    again = fc.run(folder / "prices.csv", out=folder / "run", **how)
    assert (made.resumed, again.resumed) == (False, True)
    assert json.dumps(again.to_json()) == json.dumps(made.to_json())
    assert same(again.board, made.board)
    assert same(again.market, made.market)
    assert again.findings == made.findings
    assert str(again.walked) == str(made.walked)
    np.testing.assert_array_equal(again.forecast.quantiles, made.forecast.quantiles)
    np.testing.assert_array_equal(again.panel.values, made.panel.values)
    assert len(again.outcomes) == len(made.outcomes) == 6
    for one, two in zip(again.outcomes, made.outcomes, strict=True):
        pd.testing.assert_frame_equal(one.to_frame(), two.to_frame())
    assert again.fitted.spec == made.fitted.spec


def test_a_manifest_says_where_nets_were_trained(run):
    folder, _, _ = run
    assert load_manifest(folder / "run").device == "cpu"
    there = torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu"
    assert device_of([fc.spec("naive"), fc.spec("ridge+gru")]) == there
    assert device_of([fc.spec("gru", device="cpu")]) == "cpu"


def test_what_a_finished_run_holds_is_read_when_it_is_asked_for_and_nothing_is_fitted_again(run, tmp_path):
    folder, how, made = run
    plan = make_run(
        str(folder / "prices.csv"), overrides={key: how[key] for key in ("models", "price", "cost")}
    )
    again = finished(plan, folder / "run")
    part = folder / "run" / "parts" / "ridge-1.safetensors"
    moved = part.rename(tmp_path / part.name)
    assert again.board.best == made.board.best
    with pytest.raises(ForecastError, match=r"ridge-1.safetensors is missing. Take the folder from a copy"):
        again.outcomes  # noqa: B018 (it is read here)
    assert not part.exists()
    moved.rename(part)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            {"format": 1},
            r"run.json has format 1; this version of forecast reads format 2. Fit the run again with `overwrite`",
        ),
        ({"mine": 1}, r"run.json: mine is not what was written there"),
    ],
)
def test_a_manifest_of_another_format_is_refused(run, tmp_path, change, said):
    folder, _, _ = run
    values = load_json(folder / "run" / "run.json")
    save_json(tmp_path / "run.json", {**values, **change})
    with pytest.raises(ForecastError, match=said):
        load_manifest(tmp_path)
