"""Static columns: from the file to every model that reads them, to a series that was never fitted, and to the next file."""

import json
from dataclasses import asdict, replace

import numpy as np
import pandas as pd
import pytest
from conftest import HOURLY, hours, weather

from forecast.data.findings import ReadingError
from forecast.data.panel import Column, make_panel
from forecast.errors import ForecastError
from forecast.evaluation.ablation import ablations
from forecast.evaluation.audit import audit
from forecast.evaluation.folds import WalkForward
from forecast.fitting import fit
from forecast.models import spec
from forecast.reading.door import read
from forecast.runs.daily import predict_run
from forecast.runs.plan import make_run, to_toml
from forecast.runs.road import backtest_run, run
from forecast.saving import join, load, load_context, save, save_context

H = 6
NET = {
    "units": 16,
    "steps": 300,
    "batch": 64,
    "context": 6,
    "segment": 3,
    "learning_rate": 0.01,
    "dropout": 0.0,
}
READERS = {
    "segments": ("gru", NET),
    "linear": ("lstm", {**NET, "head": "linear"}),
    "dense": ("gru", {**NET, "head": "dense"}),
    "recursive": ("gru", {**NET, "head": "recursive"}),
    "boosting": ("boosting", {}),
}


def stations(series=30, length=200, seed=0):
    """Noise with a peak now and then, after which a station on the coast sinks for six hours and one inland rises: only its kind tells beforehand.

    Elevation says the kind too, but as a number among others.
    """
    random = np.random.default_rng(seed)
    frames = []
    for i in range(series):
        kind, y = i % 2, random.normal(0, 0.3, length)
        for peak in np.cumsum(random.integers(14, 24, length // 14)):
            if peak + 7 <= length:
                y[peak] += 6
                y[peak + 1 : peak + 7] += (2, -2)[kind]
        frames.append(np.column_stack([y, np.full(length, 100.0 + 400 * kind + i), np.full(length, kind)]))
    columns = (
        Column("temp", "target"),
        Column("elevation", "static"),
        Column("kind", "static", ("inland", "coast")),
    )
    return make_panel(
        tuple(f"s{i:02}" for i in range(series)), [hours(length)] * series, frames, columns, HOURLY
    )


def after_peaks(panel):
    """The origins right after a peak."""
    return np.array(
        [
            [i, row + 1]
            for i in range(len(panel.ids))
            for row in np.flatnonzero(panel.values[panel.rows(i), 0][:-H] > 4)
        ]
    )


def some(panel, names):
    keep = np.isin(panel.ids, names)
    return replace(
        panel,
        ids=tuple(np.array(panel.ids)[keep].tolist()),
        starts=panel.starts[keep],
        stops=panel.stops[keep],
    ).compact()


def without(panel):
    return replace(panel, values=panel.values[:, :1], columns=panel.columns[:1])


@pytest.mark.parametrize("reader", READERS)
def test_a_series_never_fitted_is_forecast_better_by_who_knows_its_kind(reader):
    model, settings = READERS[reader]
    panel = stations()
    known, cold = some(panel, panel.ids[:24]), some(panel, panel.ids[24:])
    origins, errors = after_peaks(cold), []
    for past, new in ((known, cold), (without(known), without(cold))):
        values = fit(spec(model, **settings), past, H).predict(new, origins).values
        errors.append(np.abs(values - cold.truth(origins, H)).mean())
    assert errors[0] < (0.65 if model == "boosting" else 0.3) * errors[1]


@pytest.mark.parametrize(
    ("scale", "loc", "spread"),
    [("standard", 15.0, 5.0), ("minmax", 10.0, 10.0), ("mean-abs", 0.0, 15.0), ("none", 0.0, 1.0)],
)
def test_static_columns_are_scaled_across_series_and_not_within(scale, loc, spread):
    values = np.repeat([[1.0, 10.0], [5.0, 20.0], [7.0, 999.0]], 40, axis=0)
    values[:, 0] += np.tile(np.arange(40.0), 3)
    values[80:, 0] = np.nan  # a series without a target is not fitted, and scales nothing
    panel = make_panel(
        ("a", "b", "c"),
        [hours(40)] * 3,
        list(values.reshape(3, 40, 2)),
        (Column("y", "target"), Column("x", "static")),
        HOURLY,
    )
    scaling = fit("naive", panel, H, scale=scale).scaling
    assert scaling.loc[:, 1].tolist() == [loc, loc]
    assert scaling.spread[:, 1].tolist() == [spread, spread]


def test_what_is_unknown_of_a_series_counts_as_the_mean():
    panel = weather((200, 200))
    values = np.column_stack([panel.values, np.repeat([10.0, 20.0], 200)])
    panel = replace(panel, values=values, columns=(*panel.columns, Column("height", "static")))
    fitted = fit(spec("gru", **{**NET, "steps": 24}), panel, H)
    forecasts = []
    for height in (15.0, np.nan):
        changed = values.copy()
        changed[:, 2] = height
        forecasts.append(fitted.predict(replace(panel, values=changed)).values)
    assert np.array_equal(*forecasts)


def test_a_net_without_static_columns_has_no_parameter_for_them():
    panel = stations(4)
    told, bare = (
        fit(spec("gru", **{**NET, "steps": 12}), one, H).learned.nets[0] for one in (panel, without(panel))
    )
    assert told.static.weight.shape == (32, 3)  # elevation, kind=coast, kind=inland
    assert told.columns == bare.columns == 1
    assert {name for name, _ in told.named_parameters()} - {name for name, _ in bare.named_parameters()} == {
        "static.weight"
    }


# --- the door


def table(count=60):
    """Three stations, hourly, with their height and kind in every row."""
    random = np.random.default_rng(0)
    times = pd.date_range("2024-01-01", periods=count, freq="h")
    frames = [
        pd.DataFrame(
            {
                "time": times,
                "station": name,
                "temp": random.normal(size=count),
                "height": height,
                "kind": kind,
            }
        )
        for name, height, kind in (("A", 12, "coast"), ("B", 340, "hill"), ("C", 80, "coast"))
    ]
    return pd.concat(frames, ignore_index=True)


def test_the_door_reads_numbers_and_names_and_fills_them_into_every_row():
    frame = table()
    frame = frame.drop(index=range(10, 20))  # a gap of station A
    frame.loc[frame.index[5:30], ["height", "kind"]] = None
    frame.loc[frame["station"] == "C", "kind"] = None
    panel = read(frame, static=["height", "kind"])
    assert panel.columns[1:] == (Column("height", "static"), Column("kind", "static", ("", "coast", "hill")))
    assert [np.unique(panel.values[panel.rows(i), 1]).tolist() for i in range(3)] == [[12], [340], [80]]
    assert [np.unique(panel.values[panel.rows(i), 2]).tolist()[0] for i in range(2)] == [1, 2]
    assert np.isnan(panel.values[panel.rows(2), 2]).all()  # nothing is said of C
    assert "static columns, the same in all rows of a series: height, kind" in [
        str(one) for one in panel.findings
    ]
    assert panel.reading.static == ("height", "kind")
    assert panel.reading.past == ()
    again = read(frame, **json.loads(json.dumps(asdict(panel.reading))))
    assert np.array_equal(again.values, panel.values, equal_nan=True)


def test_static_columns_of_gathered_rows_are_not_summed():
    panel = read(table(), static=["height", "kind"], every="1D", how="sum")
    assert np.unique(panel.values[:, 1]).tolist() == [12, 80, 340]
    assert np.unique(panel.values[:, 2]).tolist() == [0, 1]


def test_a_column_that_varies_within_a_series_is_refused_with_series_and_rows():
    frame = table()
    frame.loc[63, "height"] = 341
    frame.loc[130, "height"] = 81
    with pytest.raises(ReadingError) as refused:
        read(frame, static="height")
    assert str(refused.value) == (
        "Column 'height' of `static` varies within B, C: row 60 of 'B' says 340, row 63 341. Mend it, or read the column with `past` or `future`."
    )
    frame.loc[3, "kind"] = "hill"
    with pytest.raises(
        ReadingError,
        match="Column 'kind' of `static` varies within A: row 0 of 'A' says 'coast', row 3 'hill'",
    ):
        read(frame, static="kind", past="none")


@pytest.mark.parametrize("frame", [table().query("station == 'A'"), table().assign(height=7)])
def test_a_column_that_tells_no_series_apart_is_refused(frame):
    with pytest.raises(
        ReadingError,
        match=r"Column 'height' of `static` has the same value in every series, and tells none from another\. Leave",
    ):
        read(frame, static="height")


def test_a_column_that_is_not_there_is_named_with_the_nearest():
    with pytest.raises(
        ReadingError,
        match=r"There is no numeric or text column 'hight' for `static` beside the target\. Did you mean height",
    ):
        read(table(), static="hight")
    with pytest.raises(ReadingError, match="There is no numeric or text column 'kind' for `static`"):
        read(table(), static="kind", future="kind")


# --- a run, the next file, what is kept


def test_a_run_says_who_reads_them_and_the_next_file_is_read_in_the_same_way(tmp_path):
    frame = table(200)
    frame.to_csv(tmp_path / "air.csv", index=False)
    overrides = {
        "models": ["ridge", "naive", "seasonal"],
        "static": ["height", "kind"],
        "walk.horizon": 6,
        "walk.folds": 2,
    }
    plan = make_run(str(tmp_path / "air.csv"), overrides=overrides)
    (tmp_path / "again.toml").write_text(to_toml(plan))
    assert make_run(config=tmp_path / "again.toml").reading.static == ("height", "kind")
    result = run(plan, out=tmp_path / "run", jobs=1)
    assert "naive, seasonal do not read static columns: height, kind" in [
        str(one) for one in result.panel.findings
    ]
    assert result.to_json()["data"]["static"] == ["height", "kind"]
    later = table(203).groupby("station").tail(3)
    later.to_csv(tmp_path / "next.csv", index=False)
    assert str(predict_run(tmp_path / "run", tmp_path / "next.csv").times[0, 0]).startswith("2024-01-09T11")
    later.drop(columns="kind").to_csv(tmp_path / "bare.csv", index=False)
    with pytest.raises(ForecastError, match="There is no numeric or text column 'kind' for `static`"):
        predict_run(tmp_path / "run", tmp_path / "bare.csv")
    later.assign(height=lambda rows: rows["height"] + 1).to_csv(tmp_path / "moved.csv", index=False)
    with pytest.raises(
        ForecastError,
        match=r"Series 'A': the static column 'height' is 12 in the run, the new file says 13\. Mend the file",
    ):
        predict_run(tmp_path / "run", tmp_path / "moved.csv")
    later.assign(kind="lake").to_csv(tmp_path / "lake.csv", index=False)
    with pytest.raises(
        ForecastError,
        match="the static column 'kind' is 'coast' in the run, the new file says a name it did not have",
    ):
        predict_run(tmp_path / "run", tmp_path / "lake.csv")


def test_the_context_keeps_them_and_joined_rows_have_them_everywhere(tmp_path):
    panel = stations(6)
    fitted = fit(spec("gru", **{**NET, "steps": 24}, shrink=False), panel.until(np.full(6, 150)), H)
    save(fitted, tmp_path / "model.safetensors")
    loaded = load(tmp_path)
    stored = save_context(fitted, panel.until(np.full(6, 150)), tmp_path / "context.parquet")
    assert np.array_equal(
        loaded.predict(load_context(loaded, tmp_path / "context.parquet")).values,
        fitted.predict(stored).values,
    )
    newer = replace(panel, starts=panel.starts + 155).compact()  # a hole of five hours
    joined = join(stored, newer)
    for i in range(6):
        assert len(np.unique(joined.values[joined.rows(i), 1:], axis=0)) == 1
    values = panel.values.copy()
    values[np.concatenate([panel.starts[i] + np.arange(150, 155) for i in range(6)]), 0] = np.nan
    assert np.allclose(
        loaded.predict(joined).values, fitted.predict(replace(panel, values=values)).values, atol=1e-6
    )


def test_an_audit_moves_nothing_and_an_ablation_leaves_a_static_column_out():
    panel = stations(4)
    assert audit(
        [spec("gru", **{**NET, "steps": 24}), "ridge"], panel, WalkForward(horizon=H, stride=7)
    ).clean
    left = {
        one.name: fit(one, panel, H).learned.learned.nets[0]
        for one in ablations(spec("gru", **{**NET, "steps": 12}), panel)
    }
    assert left["without kind"].static.weight.shape[1] == 1
    assert left["without elevation"].static.weight.shape[1] == 2


def test_a_backtest_reads_them(tmp_path):
    table(120).to_csv(tmp_path / "air.csv", index=False)
    plan = make_run(
        str(tmp_path / "air.csv"),
        overrides={"models": ["ridge", "naive"], "static": "kind", "walk.horizon": 6, "walk.folds": 1},
    )
    assert backtest_run(plan, jobs=1).data.past == ("height",)
