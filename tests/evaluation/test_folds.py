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


def ragged(*spans):
    """Hourly series named a, b, c ... of (first hour, rows), each y = its row number."""
    columns = (Column("y", "target"),)
    times = [hours(count, begin) for begin, count in spans]
    return make_panel(tuple("abcdef"[: len(spans)]), times, [np.arange(len(t))[:, None] for t in times], columns, Clock("fixed", "1h"))


def test_origins_from_each_end_are_the_last_rows_of_every_series():
    """Series that end at different hours: 30 steps of test are the last 30 rows of each, in two folds of 10 and 9 origins of 12 steps."""
    panel = ragged((0, 300), (500, 200), (0, 20))
    folds = list(walk_forward(panel, WalkForward(horizon=12, test=30, folds=2, align="end")))
    rows = {name: np.concatenate([f.origins[f.origins[:, 0] == i, 1] for f in folds]).tolist() for i, name in enumerate(panel.ids)}
    assert rows == {"a": list(range(270, 289)), "b": list(range(170, 189)), "c": list(range(1, 9))}
    assert [fold.until.tolist() for fold in folds] == [[270, 170, 0], [280, 180, 0]]
    assert folds[0].places[folds[0].origins[:, 0] == 1].tolist() == list(range(270, 280))


def test_from_the_end_no_fit_sees_a_row_of_a_series_from_its_first_origin_on():
    panel = ragged((0, 300), (40, 250), (90, 171))
    for fold in walk_forward(panel, WalkForward(horizon=6, align="end")):
        for i in range(3):
            assert fold.until[i] == fold.origins[fold.origins[:, 0] == i, 1].min()


def test_the_end_of_a_series_is_its_last_observed_target():
    values = np.arange(300.0)
    values[280:] = np.nan
    walk = WalkForward(horizon=6, test=20, folds=1, align="end")
    assert first_test_row(single(values), walk).tolist() == [260]
    assert next(walk_forward(single(values), walk)).origins[:, 1].tolist() == list(range(260, 275))


def test_for_series_of_one_span_both_alignments_are_the_same():
    panel = weather((300, 300))
    for one, two in zip(*(walk_forward(panel, WalkForward(horizon=6, align=align)) for align in ("stamp", "end")), strict=True):
        assert np.array_equal(one.origins, two.origins)
        assert np.array_equal(one.until, two.until)
        assert np.array_equal(one.places, two.places)


def test_a_date_and_the_ends_of_series_contradict_each_other():
    with pytest.raises(ForecastError, match="is a date, but align=end counts rows from each end"):
        list(walk_forward(ragged((0, 300), (50, 300)), WalkForward(horizon=5, test="2024-01-10", align="end")))
