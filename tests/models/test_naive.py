"""The naive forecasts: exact where they must be, and never from more than their context."""

import numpy as np
import pytest
from conftest import single

from forecast.data.clock import Clock
from forecast.data.panel import Column, make_panel
from forecast.data.scaling import fit_scaling
from forecast.fitting import fit
from forecast.models.base import varied
from forecast.models.classic.naive import CONTEXT, Naive, mean_step
from forecast.task import Goal, Task

STEP = Clock("step")


def test_seasonal_is_exact_on_a_sine() -> None:
    panel = single(np.sin(2 * np.pi * np.arange(600) / 24))
    fitted = fit(Naive(kind="seasonal"), panel.until(np.array([400])), 60)
    origins = np.array([[0, row] for row in range(400, 541)])
    forecast = fitted.predict(panel, origins)
    np.testing.assert_allclose(forecast.values, panel.truth(origins, 60), atol=1e-12)
    assert fitted.log.notes == ("season of 24 steps",)


def test_seasonal_finds_its_season_on_the_step_clock() -> None:
    panel = single(np.tile(np.arange(15.0), 20), STEP)
    np.testing.assert_allclose(
        fit(Naive(kind="seasonal"), panel, 15).predict(panel).values[0], np.arange(15.0), atol=1e-12
    )


def test_seasonal_goes_back_season_by_season_and_then_to_the_last_value() -> None:
    values = np.tile(np.arange(24.0), 10)
    values[-24:-20] = np.nan  # hours 0 to 3 are missing yesterday: taken from the day before
    values[2::24] = np.nan  # hour 2 is always missing: the last observed value
    panel = single(values)
    expected = np.arange(24.0)
    expected[2] = 23.0
    np.testing.assert_allclose(
        fit(Naive(kind="seasonal"), panel, 24).predict(panel).values[0], expected, atol=1e-12
    )


def test_last_passes_over_missing_values() -> None:
    panel = single(np.array([1.0, 5.0, np.nan, np.nan, 2.0]), STEP)
    fitted = fit(Naive(kind="last"), panel, 2)
    forecast = fitted.predict(panel, np.array([[0, 1], [0, 2], [0, 4], [0, 5]]))
    np.testing.assert_allclose(forecast.values, [[1, 1], [5, 5], [5, 5], [2, 2]], atol=1e-12)


def test_drift_goes_on_along_a_line() -> None:
    line = 3.0 + 0.5 * np.arange(120)
    panel = single(np.where(np.arange(120) % 7 == 5, np.nan, line), STEP)
    origins = np.array([[0, 100], [0, 103], [0, 110]])
    forecast = fit(Naive(kind="drift"), panel.until(np.array([90])), 8).predict(panel, origins)
    np.testing.assert_allclose(forecast.values, line[origins[:, 1:] + np.arange(8)])


def test_mean_step_needs_two_values() -> None:
    assert mean_step(np.array([np.nan, 2.0, np.nan])) == 0.0
    assert mean_step(np.array([1.0, np.nan, 2.0])) == 0.5


@pytest.mark.parametrize("kind", ["last", "seasonal", "drift"])
def test_only_the_context_is_read_and_the_last_observed_value_before_it(kind: str) -> None:
    random = np.random.default_rng(0)
    values = np.where(random.random(1500) < 0.3, np.nan, random.normal(size=1500))
    values[:20] = np.nan  # before the first observed value there is only the scaled mean, 0
    values[699] = 7.0
    values[700:1300] = np.nan  # longer than the context: what was observed last is 7
    panel = single(values)
    fitted = fit(Naive(kind=kind), panel, 12)
    scaled = fitted.scaling.apply(panel)
    origins = np.array([[0, row] for row in range(1, 1501, 7)])
    many = fitted.learned.predict(scaled, origins, np.zeros(1, "int64"))
    for i, (_, row) in enumerate(origins):
        tail = scaled.until(np.array([row])).tail(max(fitted.context, row - 699 if 700 <= row <= 1300 else 0))
        np.testing.assert_array_equal(
            fitted.learned.predict(tail, np.array([[0, tail.lengths[0]]]), np.zeros(1, "int64"))[0], many[i]
        )
    empty = (origins[:, 1] > 700 + CONTEXT) & (origins[:, 1] <= 1300)
    steps = origins[empty, 1, None] + np.arange(12) - 699
    slope = fitted.learned.slopes[0] if kind == "drift" else 0.0
    np.testing.assert_allclose(many[empty][..., 0], scaled.values[699, 0] + slope * steps, rtol=1e-12)
    assert (many[origins[:, 1] <= 20] == 0).all()


@pytest.mark.parametrize("kind", ["last", "seasonal", "drift"])
def test_series_do_not_see_each_other_and_cold_ones_do_not_drift(kind: str) -> None:
    times = [np.arange(50), np.arange(40)]
    panel = make_panel(
        ("a", "b"),
        times,
        [np.full((50, 1), np.nan), np.arange(40.0)[:, None]],
        (Column("y", "target"),),
        STEP,
    )
    learned = Naive(kind=kind).fit(panel, Goal(Task(3), ("y",)), seed=0, watch=None)
    origins = np.array([[0, 50], [1, 0], [1, 1], [1, 40]])
    forecast = learned.predict(panel, origins, np.array([0, -1]))[..., 0]
    np.testing.assert_array_equal(forecast, [[0] * 3, [0] * 3, [0] * 3, [39] * 3])


def test_restored_forecasts_are_the_same() -> None:
    panel = single(np.arange(100.0) + np.tile(np.arange(4.0), 25))
    for kind in ("last", "seasonal", "drift"):
        fitted = fit(Naive(kind=kind), panel, 5)
        twin = fitted.spec.restore(fitted.learned.arrays(), fitted.goal)
        scaled, zero = fit_scaling(panel).apply(panel), np.zeros(1, "int64")
        np.testing.assert_array_equal(
            twin.predict(scaled, panel.ends(), zero), fitted.learned.predict(scaled, panel.ends(), zero)
        )
        assert varied(fitted.spec, None) == fitted.spec
