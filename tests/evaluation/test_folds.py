import numpy as np
import pytest
from conftest import BEGIN, hours, single, weather

from forecast.data.clock import Clock
from forecast.data.panel import Column, make_panel
from forecast.errors import ForecastError
from forecast.evaluation.folds import WalkForward, first_test_row, walk_forward


def test_every_row_of_the_test_is_an_origin_once_and_all_lie_after_the_fit():
    panel = weather((500, 500))
    folds = list(walk_forward(panel, WalkForward(horizon=24)))
    assert len(folds) == 3
    rows = np.concatenate([fold.origins[fold.origins[:, 0] == 0, 1] for fold in folds])
    assert rows.tolist() == list(range(400, 500 - 24 + 1))
    for fold in folds:
        assert (fold.origins[:, 1] >= fold.until[fold.origins[:, 0]]).all()
        assert fold.origins[:, 1].min() == fold.until[0]  # fitted on all that is known at the first origin


@pytest.mark.parametrize(("test", "first"), [(0.5, 250), (60, 440), (str(BEGIN + np.timedelta64(300, "h")), 300)])
def test_the_test_part_is_a_share_a_number_of_steps_or_a_date(test, first):
    panel = single(np.arange(500.0))
    walk = WalkForward(horizon=12, test=test, folds=2)
    assert next(walk_forward(panel, walk)).origins[0, 1] == first
    assert first_test_row(panel, walk).tolist() == [first]


def test_the_stride_keeps_origins_below_2000():
    panel = single(np.zeros(30_000))
    rows = np.concatenate([fold.origins[:, 1] for fold in walk_forward(panel, WalkForward(horizon=10))])
    assert len(rows) <= 2000
    assert set(np.diff(rows)) == {3}


def test_ragged_series_share_the_moment_not_the_row():
    columns = (Column("y", "target"),)
    times = [hours(300), hours(200, begin=100), hours(150)]
    panel = make_panel(("long", "late", "ended"), times, [np.zeros((len(t), 1)) for t in times], columns, Clock("fixed", "1h"))
    folds = list(walk_forward(panel, WalkForward(horizon=12)))
    origins = folds[0].origins
    stamps = {name: panel.times[panel.starts[i] + origins[origins[:, 0] == i, 1] - 1] for i, name in enumerate(panel.ids)}
    assert (stamps["long"] == stamps["late"]).all()
    assert len(stamps["ended"]) == 0  # no row in the test part


def test_too_few_rows_say_how_many_are_needed():
    with pytest.raises(ForecastError, match=r"100 rows are too few for a horizon of 24 with 3 folds in the test part: at least 130 are needed"):
        list(walk_forward(single(np.zeros(100)), WalkForward(horizon=24)))
    list(walk_forward(single(np.zeros(130)), WalkForward(horizon=24)))


@pytest.mark.parametrize(
    ("panel", "test", "message"),
    [
        (single(np.zeros(200)), "someday", "neither a share, a number of steps, nor a date"),
        (single(np.zeros(200), Clock("step")), "2024-01-01", "is a date, but these rows have none"),
        (single(np.zeros(200)), 0, "leaves nothing to test on"),
    ],
)
def test_a_test_part_that_makes_no_sense_is_refused(panel, test, message):
    with pytest.raises(ForecastError, match=message):
        list(walk_forward(panel, WalkForward(horizon=5, test=test)))
