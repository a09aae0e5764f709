"""Series with fewer rows than a net reads: their season again, or the net, as the rows before the test say."""

import numpy as np
import pytest
import torch
from conftest import HOURLY, hours

import forecast as fc
from forecast.data.panel import Column, make_panel
from forecast.models.nets.shortage import season_again, without_first

SMALL = {"context": 48, "segment": 12, "units": 8, "steps": 60, "finish": 0, "members": 1}


def daily(lengths, seed=0, level=0.8):
    """Hourly series with a daily wave and persistent noise, all of which end in the same hour."""
    random = np.random.default_rng(seed)
    longest = max(lengths)
    stamps = hours(longest)
    values = []
    for length in lengths:
        noise = np.zeros(length)
        for row in range(1, length):
            noise[row] = level * noise[row - 1] + random.normal(0, 0.5)
        hour = np.arange(longest - length, longest)
        wave = random.uniform(3, 8) * np.sin(2 * np.pi * (hour + random.uniform(0, 24)) / 24)
        values.append((10 + wave + noise)[:, None])
    ids = tuple(f"s{place}" for place in range(len(lengths)))
    times = [stamps[longest - length :] for length in lengths]
    return make_panel(ids, times, values, (Column("y", "target"),), HOURLY)


@pytest.fixture(scope="module")
def mixed():
    panel = daily([600, 600, 30])
    return panel, fc.fit("gru", panel, horizon=24, **SMALL)


def test_a_short_series_is_forecast_as_its_last_season_and_this_is_said(mixed):
    panel, fitted = mixed
    made = fitted.predict(panel)
    short = panel.values[panel.rows(2), 0]
    assert np.allclose(made.values[2], short[-24:], atol=1e-5)
    assert not np.allclose(made.values[0], panel.values[panel.rows(0), 0][-24:], atol=0.1)
    said = "1 series with fewer rows than the 48 that are read: their last season of 24 rows again is their forecast"
    assert said in " ".join(fitted.log.notes)


def test_quantiles_of_a_short_series_keep_their_distance_from_its_point():
    panel = daily([600, 30])
    fitted = fc.fit("gru", panel, fc.Task(horizon=6, intervals=(80,)), loss="quantile", **SMALL)
    made = fitted.predict(panel)
    short = panel.values[panel.rows(1), 0]
    assert np.allclose(made.values[1], short[-24:-18], atol=1e-5)
    assert (made.quantiles[1][:, 0] <= made.values[1]).all()
    assert (made.values[1] <= made.quantiles[1][:, -1]).all()
    assert (made.quantiles[1][:, 0] < made.quantiles[1][:, -1]).any()


def test_what_makes_up_the_forecast_of_a_short_series_is_its_anchor(mixed):
    panel, fitted = mixed
    made = fc.explain(fitted, panel)
    assert np.allclose(made.total[2], fitted.predict(panel).values[2], atol=1e-5)
    frame = made.to_frame()
    own = frame[frame["unique_id"] == "s2"]
    assert (own.loc[own["part"] != "anchor", "value"].abs() < 1e-9).all()


def test_a_model_file_knows_it(mixed, tmp_path):
    panel, fitted = mixed
    fc.save(fitted, tmp_path / "model.safetensors")
    again = fc.load(tmp_path / "model.safetensors")
    assert np.array_equal(again.predict(panel).values, fitted.predict(panel).values)


def test_without_short_series_nothing_is_said_and_a_late_short_one_is_forecast_by_the_net():
    longs = daily([600, 600])
    fitted = fc.fit("gru", longs, horizon=24, **SMALL)
    assert not any("fewer rows" in note for note in fitted.log.notes)
    late = fitted.predict(daily([600, 600, 30])).values[2]
    assert np.isfinite(late).all()


def test_where_the_net_is_better_on_fewer_rows_it_forecasts_them():
    random = np.random.default_rng(1)
    lengths = [600, 600, 40]
    stamps = hours(600)
    values = []
    for length in lengths:
        row = np.zeros(length)
        for place in range(1, length):
            row[place] = -0.9 * row[place - 1] + random.normal(0, 0.3)
        values.append((row + 5)[:, None])
    times = [stamps[600 - length :] for length in lengths]
    panel = make_panel(("a", "b", "c"), times, values, (Column("y", "target"),), HOURLY)
    fitted = fc.fit("gru", panel, horizon=1, **{**SMALL, "segment": 1, "steps": 300})
    assert any("the net forecasts them too" in note for note in fitted.log.notes)
    short = panel.values[panel.rows(2), 0]
    assert abs(fitted.predict(panel).values[2, 0] - short[-24]) > 1e-3


def test_a_missing_value_of_the_season_is_the_last_observed():
    target = torch.tensor([[1.0, 2.0, torch.nan, 4.0], [torch.nan] * 4])
    made = season_again(target, 5, 3)
    assert made.tolist() == [[2.0, 4.0, 4.0, 2.0, 4.0], [0.0] * 5]
    window = torch.arange(8.0).reshape(1, 4, 2)
    left = without_first(window, 3)
    assert torch.isnan(left[0, 0]).all()
    assert torch.equal(left[0, 1:], window[0, 1:])
