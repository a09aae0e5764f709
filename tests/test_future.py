"""Columns that are known over the horizon, and columns of names: from the file to every model that reads them, and to the next file."""

import json
from dataclasses import asdict, replace

import numpy as np
import pandas as pd
import pytest
from conftest import HOURLY, hours, past_of

from forecast.data.categories import MOST_NAMES, indicators, recoded, told_apart
from forecast.data.clock import Clock
from forecast.data.panel import Column, make_panel
from forecast.errors import ForecastError
from forecast.evaluation.backtest import backtest
from forecast.evaluation.folds import WalkForward, walk_forward
from forecast.fitting import fit
from forecast.models import spec
from forecast.reading.door import read
from forecast.runs.daily import predict_run
from forecast.runs.plan import make_run
from forecast.runs.road import backtest_run, run
from forecast.saving import join, load, load_context, save, save_context
from forecast.show.summary import summary

H = 6
NET = {"units": 16, "steps": 250, "batch": 64, "context": 24, "learning_rate": 0.01}
READERS = {
    "ridge": ("ridge", {}),
    "boosting": ("boosting", {}),
    "arima": ("arima", {}),
    "segments": ("gru", NET),
    "linear": ("gru", {**NET, "head": "linear"}),
    "dense": ("lstm", {**NET, "head": "dense"}),
    "recursive": ("gru", {**NET, "head": "recursive", "segment": 3}),
    "scaled": ("gru", {**NET, "scaling": 0.2}),
}


def driven(role="future", count=700, more=0):
    """y = 2 x + a little noise, x without any memory: who knows x knows y, and nobody else does. `more` rows carry x alone."""
    random = np.random.default_rng(0)
    x = random.normal(size=800)
    y = 2 * x + random.normal(0, 0.1, 800)
    x, y = x[: count + more], np.where(np.arange(800) < count, y, np.nan)[: count + more]
    return make_panel(
        ("y",),
        [hours(count + more)],
        [np.stack([y, x], 1)],
        (Column("y", "target"), Column("x", role)),
        HOURLY,
    )


@pytest.mark.parametrize("reader", READERS)
def test_who_reads_a_future_column_knows_what_it_decides(reader):
    model, settings = READERS[reader]
    panel, origins = driven(), np.array([[0, row] for row in range(550, 690, 5)])
    fitted = fit(spec(model, **settings), panel.until(np.array([550])), H)
    error = np.abs(fitted.predict(panel, origins).values - panel.truth(origins, H)).mean()
    assert error < 0.4  # without it the best there is is the mean, with 1.6
    values = panel.values.copy()
    values[600 : 600 + H, 1] += 1
    moved = (
        fitted.predict(replace(panel, values=values), np.array([[0, 600]])).values
        - fitted.predict(panel, np.array([[0, 600]])).values
    )
    assert moved == pytest.approx(np.full((1, H), 2.0), abs=0.6)


def test_in_the_history_a_missing_future_value_is_masked():
    panel = driven()
    values = panel.values.copy()
    values[np.random.default_rng(1).random(len(values)) < 0.3, 1] = np.nan
    panel = replace(panel, values=values)
    for reader in ("ridge", "boosting", "arima", "segments"):
        model, settings = READERS[reader]
        fitted = fit(
            spec(model, **{**settings, **({"steps": 24} if model == "gru" else {})}),
            panel.until(np.array([550])),
            H,
        )
        assert np.isfinite(
            fitted.predict(panel, np.array([[0, row] for row in range(550, 600)])).values
        ).all()


def test_the_walk_and_the_fit_end_at_the_last_target():
    """Rows that carry a future column alone are no test and teach nothing."""
    long, short = driven(more=50), driven()
    for one, two in zip(
        walk_forward(long, WalkForward(horizon=H)), walk_forward(short, WalkForward(horizon=H)), strict=True
    ):
        assert np.array_equal(one.origins, two.origins)
        assert np.array_equal(one.until, two.until)
    walk = WalkForward(horizon=H, max_past=300)
    for model in ("ridge", "naive"):
        for one, two in zip(backtest(model, long, walk), backtest(model, short, walk), strict=True):
            assert np.array_equal(one.forecast.values, two.forecast.values)
            pasts = [past_of(long, walk, one), past_of(short, walk, two)]
            assert [past.lengths.tolist() for past in pasts] == [[300], [300]]
    origins = np.array([[0, 600]])
    assert np.array_equal(
        fit("ridge", long, H).predict(short, origins).values,
        fit("ridge", short, H).predict(short, origins).values,
    )


def test_tomorrow_needs_the_future_columns_over_the_whole_horizon():
    fitted = fit("ridge", driven(), H)
    with pytest.raises(ForecastError) as refused:
        fitted.predict(driven(more=2))
    assert str(refused.value) == (
        "The future column 'x' must be known over the whole horizon of 6 steps; series 'y' has no value at 2024-01-30 06:00, 2024-01-30 07:00,"
        " 2024-01-30 08:00 and 1 more. Add rows with it after the last observed y, whose cell stays empty there, or leave it out of `future`."
    )
    known = driven(more=H)
    assert np.abs(fitted.predict(known).values - 2 * known.values[700:, 1]).max() < 0.5
    values = known.values.copy()
    values[702, 1] = np.nan
    with pytest.raises(ForecastError, match=r"'y' has no value at 2024-01-30 06:00\. Add rows"):
        fitted.predict(replace(known, values=values))
    assert fit("naive", driven(), H).predict(driven()).values.shape == (
        1,
        H,
    )  # does not read it, and does not ask for it


def test_a_series_never_fitted_reads_its_future_too():
    other = replace(driven(more=H), ids=("new",))
    assert np.abs(fit("ridge", driven(), H).predict(other).values - 2 * other.values[700:, 1]).max() < 0.5


def test_the_context_keeps_what_is_known_ahead_and_newer_rows_replace_it(tmp_path):
    panel, whole = driven(count=690, more=H), driven()
    fitted = fit("ridge", panel, H)
    save(fitted, tmp_path / "model.safetensors")
    context = save_context(fitted, panel, tmp_path / "context.parquet")
    loaded = load(tmp_path)
    assert context.lengths.tolist() == [fitted.context + H]
    stored = load_context(loaded, tmp_path / "context.parquet")
    assert np.array_equal(loaded.predict(stored).values, fitted.predict(panel).values)
    newer = replace(
        whole, starts=np.array([688]), stops=np.array([693])
    ).compact()  # two old rows, three new ones, which x was known of
    joined = join(stored, newer)
    assert joined.known().tolist() == [fitted.context + 3]
    assert joined.lengths.tolist() == [fitted.context + H]  # what was known ahead still is
    with pytest.raises(ForecastError, match="'x' must be known over the whole horizon"):
        loaded.predict(joined)
    further = replace(driven(count=693, more=H), starts=np.array([693])).compact()  # x alone
    values = loaded.predict(join(joined, further)).values
    assert np.array_equal(values, fitted.predict(driven(count=693, more=H)).values)


def shop(count=400, more=12, seed=0):
    """Sales that a promotion doubles and a holiday stops; the rows after the last sale say which days these are."""
    random = np.random.default_rng(seed)
    total = count + more
    holiday = np.where(random.random(total) < 0.15, random.choice(["Easter", "Christmas"], total), None)
    promotion = random.random(total) < 0.3
    sales = (
        np.where(holiday == "Easter", 0.0, np.where(holiday == "Christmas", 5.0, 10.0))
        + 10 * promotion
        + random.normal(0, 0.2, total)
    )
    frame = pd.DataFrame(
        {
            "day": pd.date_range("2023-01-01", periods=total),
            "sales": sales,
            "promotion": promotion.astype(int),
            "holiday": holiday,
        }
    )
    frame.loc[count:, "sales"] = np.nan
    return frame, sales


def test_a_run_reads_future_columns_and_the_next_file_in_the_same_way(tmp_path):
    frame, sales = shop()
    frame.to_csv(tmp_path / "shop.csv", index=False)
    plan = make_run(
        str(tmp_path / "shop.csv"),
        overrides={
            "models": ["ridge", "seasonal", "naive"],
            "future": ["promotion", "holiday"],
            "walk.horizon": 6,
            "walk.folds": 2,
        },
    )
    result = run(plan, out=tmp_path / "run", jobs=1)
    said = [str(finding) for finding in result.panel.findings]
    assert (
        "future columns, known over the horizon: promotion, holiday; the file has them for 12 rows after the last target"
        in said
    )
    assert "holiday: a category of 3 names ((empty), Christmas, Easter)" in said
    assert "seasonal, naive do not read future columns: promotion, holiday" in said
    assert not any("missing" in finding.code or finding.code == "text" for finding in result.panel.findings)
    assert result.board.best == "ridge"
    assert np.abs(result.forecast.values - sales[400:406]).max() < 2.5
    assert str(result.forecast.times[0, 0]).startswith("2024-02-05")
    quiet = frame.iloc[400:409].assign(
        sales=[*sales[400:403], *[np.nan] * 6], holiday=None
    )  # a file without any holiday
    quiet["promotion"] = 0
    quiet.to_csv(tmp_path / "next.csv", index=False)
    later = predict_run(tmp_path / "run", tmp_path / "next.csv")
    assert str(later.times[0, 0]).startswith("2024-02-08")
    assert np.abs(later.values - 10).max() < 2.5
    frame.iloc[:400].to_csv(tmp_path / "short.csv", index=False)
    with pytest.raises(
        ForecastError, match="The future column 'promotion' must be known over the whole horizon of 6 steps"
    ):
        run(replace(plan, data=str(tmp_path / "short.csv")), out=tmp_path / "other", jobs=1)
    assert not (tmp_path / "other").exists()
    assert backtest_run(replace(plan, data=str(tmp_path / "short.csv")), jobs=1).board.best == "ridge"


def test_a_file_of_nothing_but_the_future_follows_a_run():
    frame, _ = shop()
    panel = read(frame, future="promotion", past="none")
    alone = read(
        frame.iloc[400:],
        **json.loads(json.dumps({**asdict(panel.reading), "past": "none"})),
        clock=panel.clock,
    )
    assert alone.known().tolist() == [0]
    with pytest.raises(ForecastError, match="The target has no value in any row"):
        read(frame.iloc[400:], target="sales", future="promotion")


def test_columns_of_a_wide_file_share_their_future():
    frame, _ = shop()
    frame = frame.assign(other=frame["sales"] + 1)
    panel = read(frame, target="all", past="none", future=["promotion", "holiday"])
    assert panel.ids == ("other", "sales")
    assert [column.name for column in panel.columns] == ["value", "promotion", "holiday"]
    for i in range(2):
        assert np.array_equal(panel.values[panel.rows(i), 1], frame["promotion"])
    assert panel.known().tolist() == [400, 400]


def test_rows_without_dates_follow_the_last_target():
    clock = {"clock": Clock("step"), "times": np.arange(696)}
    old, whole = (replace(panel, **clock) for panel in (driven(count=690, more=H), driven(count=694, more=2)))
    newer = replace(whole, starts=np.array([690]), values=whole.values, times=np.arange(696)).compact()
    joined = join(old, newer)
    assert joined.times.tolist() == list(range(696))
    assert np.array_equal(joined.values, whole.values, equal_nan=True)


def test_the_layers_that_read_the_future_are_in_the_summary():
    layers = {
        row.layer: row.shape for row in summary(fit(spec("gru", **{**NET, "steps": 12}), driven(), H)).rows
    }
    assert layers["ahead"] == (1, 16)
    assert layers["skip_ahead"] == (1, H)


def test_days_are_gathered_with_the_last_name():
    frame = pd.DataFrame(
        {
            "ds": pd.date_range("2024-01-01", periods=96, freq="h"),
            "y": 1.0,
            "sky": ["grey", "blue"] * 48,
            "rain": 1.0,
        }
    )
    panel = read(frame, target="y", past=["sky", "rain"], every="1D", how="sum")
    assert panel.columns[1] == Column("sky", "past", ("blue", "grey"))
    assert panel.values.tolist() == [[24, 0, 24]] * 4


def test_text_becomes_a_category_only_where_it_is_named():
    frame, _ = shop()
    assert "columns that are not numbers are left out: holiday" in [
        str(one) for one in read(frame, target="sales").findings
    ]
    named = read(frame, target="sales", past=["holiday", "promotion"], category="promotion", missing="Easter")
    assert named.columns[1:] == (
        Column("holiday", "past", ("", "Christmas", "Easter")),
        Column("promotion", "past", ("0", "1")),
    )
    assert np.array_equal(np.isnan(named.values[:, 1]), (frame["holiday"] == "Easter").to_numpy())
    with pytest.raises(
        ForecastError,
        match=r"There is no past, future or static column 'holiday' for `category`\. There is: promotion",
    ):
        read(frame, target="sales", category="holiday")


def named(codes, names):
    column = np.asarray(codes, float)
    return make_panel(
        ("y",),
        [hours(len(column))],
        [np.stack([column, column], 1)],
        (Column("y", "target"), Column("who", "past", names)),
        HOURLY,
    )


def test_a_fit_tells_apart_the_names_of_its_past_alone():
    panel = named([0, 2, 2, np.nan, 1], ("a", "b", "c"))
    columns, notes = told_apart(panel.until(np.array([4])))
    assert columns[1].names == ("a", "c")
    assert not notes
    made = indicators(recoded(panel, columns))
    assert [column.name for column in made.columns] == ["y", "who=a", "who=c"]
    np.testing.assert_array_equal(made.values[:, 1:], [[1, 0], [0, 1], [0, 1], [np.nan, np.nan], [0, 0]])
    other = indicators(
        recoded(named([1, 0, 2], ("c", "d", "a")), columns)
    )  # another file numbers the names in another way
    np.testing.assert_array_equal(other.values[:, 1:], [[0, 0], [0, 1], [1, 0]])


def test_only_the_most_frequent_names_are_told_apart_and_that_is_said():
    count = MOST_NAMES + 3
    codes = np.concatenate([np.repeat(np.arange(count), 5), [count - 1] * 5])
    panel = named(codes, tuple(f"n{i:02}" for i in range(count)))
    columns, notes = told_apart(panel)
    assert columns[1].names == (*(f"n{i:02}" for i in range(MOST_NAMES - 1)), f"n{count - 1:02}")
    assert notes == (
        f"who: the {MOST_NAMES} most frequent of {count} names are told apart, the others count as unseen",
    )
    assert notes[0] in fit("ridge", panel, 2).log.notes


def test_names_and_numbers_are_not_taken_for_each_other():
    panel = named(np.arange(60) % 2, ("a", "b"))
    numbers = replace(panel, columns=(panel.columns[0], Column("who")))
    with pytest.raises(
        ForecastError,
        match=r"Column 'who' held names in the fit and holds numbers here\. Read it as it was read then",
    ):
        fit("ridge", panel, 2).predict(numbers)
