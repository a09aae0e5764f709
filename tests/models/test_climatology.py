"""Climatology: exact where the calendar explains everything, and only from cycles that were seen twice."""

import numpy as np
import pytest
from conftest import hours, single, weather

from forecast.data.clock import Clock
from forecast.data.panel import make_panel
from forecast.fitting import fit
from forecast.models import spec
from forecast.models.classic.climatology import seen_twice

DAY, YEAR = 24, 365.2425 * 24


def test_exact_on_a_daily_and_a_yearly_wave_also_with_holes() -> None:
    rows = np.arange(round(2.2 * YEAR))
    wave = 10 + 3 * np.sin(2 * np.pi * rows / DAY + 1) + 8 * np.cos(2 * np.pi * rows / YEAR)
    holes = np.where(np.random.default_rng(0).random(len(rows)) < 0.1, np.nan, wave)
    fitted = fit("climatology", single(holes).until(np.array([round(2.1 * YEAR)])), 48)
    origins = np.array([[0, row] for row in range(len(rows) - 400, len(rows) - 48, 7)])
    np.testing.assert_allclose(
        fitted.predict(single(holes), origins).values, single(wave).truth(origins, 48), atol=1e-6
    )
    assert fitted.log.notes == ("cycles: day, week, year",)


def test_a_cycle_seen_once_is_not_used() -> None:
    assert fit("climatology", single(np.arange(40.0)), 6).log.notes == ("the mean of the past",)
    cycles = (("day", 4), ("week", 3))
    assert seen_twice(cycles, hours(400)) == cycles
    assert seen_twice(cycles, hours(200)) == cycles[:1]
    assert seen_twice(cycles, hours(400)[::20]) == ()  # 20 values do not bear 9 weights


def test_the_step_clock_has_the_season_of_the_values() -> None:
    wave = np.sin(2 * np.pi * np.arange(300) / 20)
    fitted = fit("climatology", single(wave[:200], Clock("step")), 30)
    np.testing.assert_allclose(
        fitted.predict(single(wave[:211], Clock("step"))).values[0], wave[211:241], atol=1e-8
    )
    assert fitted.log.notes == ("cycles: 20 steps",)


def test_the_mean_is_the_mean_of_the_past_and_its_spread() -> None:
    values = np.random.default_rng(1).normal(5, 2, 300)
    forecast = fit("mean", single(values), 4, intervals=(80,)).predict(single(values))
    np.testing.assert_allclose(forecast.values, np.full((1, 4), values.mean()))
    np.testing.assert_allclose(
        forecast.quantiles[0, :, 2] - values.mean(), np.full(4, 1.2815515655446 * values.std())
    )


def test_a_later_series_has_the_mean_climate_at_its_own_level() -> None:
    panel = weather((700, 700))
    fitted = fit("climatology", panel, 24)
    other = make_panel(("new",), [hours(100)], [100 + 2 * panel.values[:100]], panel.columns, panel.clock)
    assert abs(fitted.predict(other).values.mean() - (100 + 2 * panel.values[:100, 0].mean())) < 4


@pytest.mark.parametrize("name", ["mean", "climatology"])
def test_a_study_leaves_out_what_was_left_out(name: str) -> None:
    class Trial:
        def suggest_int(self, name: str, low: int, high: int) -> int:
            return high

    tried = spec(name).space(Trial())
    assert (tried.day, tried.week, tried.year) == ((0, 0, 0) if name == "mean" else (6, 6, 6))
