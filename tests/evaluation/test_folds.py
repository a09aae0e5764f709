import re

import numpy as np
import pytest
from conftest import BEGIN, hours, single, weather

from forecast.data.clock import Clock
from forecast.data.panel import Column, make_panel
from forecast.errors import ForecastError
from forecast.evaluation.folds import WalkForward, first_test_row, walk_forward
from forecast.runs.plan import make_run


def test_every_row_of_the_test_is_an_origin_once_and_all_lie_after_the_fit():
    panel = weather((500, 500))
    folds = list(walk_forward(panel, WalkForward(horizon=24)))
    assert len(folds) == 3
    rows = np.concatenate([fold.origins[fold.origins[:, 0] == 0, 1] for fold in folds])
    assert rows.tolist() == list(range(400, 500 - 24 + 1))
    for fold in folds:
        assert (fold.origins[:, 1] >= fold.until[fold.origins[:, 0]]).all()
        assert fold.origins[:, 1].min() == fold.until[0]  # fitted on all that is known at the first origin


@pytest.mark.parametrize(
    ("test", "first"), [(0.5, 250), (60, 440), (str(BEGIN + np.timedelta64(300, "h")), 300)]
)
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
    panel = make_panel(
        ("long", "late", "ended"),
        times,
        [np.zeros((len(t), 1)) for t in times],
        columns,
        Clock("fixed", "1h"),
    )
    folds = list(walk_forward(panel, WalkForward(horizon=12)))
    origins = folds[0].origins
    stamps = {
        name: panel.times[panel.starts[i] + origins[origins[:, 0] == i, 1] - 1]
        for i, name in enumerate(panel.ids)
    }
    assert (stamps["long"] == stamps["late"]).all()
    assert len(stamps["ended"]) == 0  # no row in the test part


def test_too_few_rows_say_how_many_are_needed():
    with pytest.raises(
        ForecastError,
        match=r"100 rows are too few for a horizon of 24 with 3 folds in the test part: at least 126 are needed",
    ):
        list(walk_forward(single(np.zeros(100)), WalkForward(horizon=24)))
    list(walk_forward(single(np.zeros(126)), WalkForward(horizon=24)))


def runs(count, **walk):
    """Whether a panel of `count` rows can be walked through, each fold with an origin."""
    try:
        return all(len(fold.origins) for fold in walk_forward(single(np.zeros(count)), WalkForward(**walk)))
    except ForecastError:
        return False


@pytest.mark.parametrize(
    ("count", "walk", "message"),
    [
        (
            1500,
            {"test": 2},
            "A test part of 2 of 1500 rows is too short for a horizon of 24 with 3 folds. Take `test=26` to 1402.",
        ),
        (
            1500,
            {"test": 1450},
            "A test part of 1450 of 1500 rows is too long for a horizon of 24 with 3 folds. Take `test=26` to 1402 or a shorter `horizon`.",
        ),
        (
            500,
            {"test": str(BEGIN + np.timedelta64(475, "h"))},
            "A test part of 25 of 500 rows is too short for a horizon of 24 with 3 folds."
            " Take `test=26` to 402, a shorter `horizon` or fewer `folds`.",
        ),
        (
            60,
            {"horizon": 12, "folds": 1},
            "60 rows are too few for a horizon of 12 with 1 fold in the test part: at least 63 are needed."
            " Take a shorter `horizon` or a longer file.",
        ),
        (
            60,
            {"horizon": 12, "folds": 1, "test": 24},
            "60 rows are too few for a horizon of 12 with 1 fold, wherever the test part begins: at least 62 are needed, with `test=12`."
            " Take a shorter `horizon` or a longer file.",
        ),
        (
            200,
            {"horizon": 2, "gap": 1, "stride": 40, "test": 80},
            "A test part of 80 of 200 rows is too short for a horizon of 3, its gap included, with 3 folds."
            " Take `test=83` to 186, fewer `folds` or a smaller `stride`.",
        ),
    ],
)
def test_what_would_do_is_said_and_nothing_that_would_not(count, walk, message):
    with pytest.raises(ForecastError) as raised:
        list(walk_forward(single(np.zeros(count)), WalkForward(**{"horizon": 24, **walk})))
    assert str(raised.value) == message


@pytest.mark.parametrize("seed", range(60))
def test_with_the_number_that_is_named_it_runs_and_with_one_less_it_does_not(seed):
    """Each way that is suggested is tried too: the shortest horizon, one fold, a stride of one."""
    random = np.random.default_rng(seed)
    walk = {
        "horizon": int(random.integers(1, 30)),
        "gap": int(random.integers(0, 3)),
        "folds": int(random.integers(1, 12)),
        "stride": [None, int(random.integers(1, 20))][seed % 2],
        "test": [float(random.uniform(0.02, 0.98)), int(random.integers(1, 200))][seed // 2 % 2],
    }
    count = int(random.integers(5, 250))
    try:
        list(walk_forward(single(np.zeros(count)), WalkForward(**walk)))
    except ForecastError as error:
        said = str(error)
    else:
        return
    tests = re.search(r"Take `test=(\d+)`(?: to (\d+))?", said)
    if tests:
        shortest, longest = int(tests[1]), int(tests[2] or tests[1])
        found = [
            runs(count, **{**walk, "test": test})
            for test in (max(shortest - 1, 0.5 / count), shortest, longest, longest + 1)
        ]
        assert found == [False, True, True, False]
    needed = re.search(r"at least (\d+) are needed(?:, with `test=(\d+)`)?", said)
    if needed:
        asked = {**walk, "test": int(needed[2])} if needed[2] else walk
        assert [runs(int(needed[1]) - less, **asked) for less in (1, 0)] == [False, True]
    assert tests or needed
    for way, change in {
        "a shorter `horizon`": {"horizon": 1},
        "fewer `folds`": {"folds": 1},
        "a smaller `stride`": {"stride": 1},
    }.items():
        assert (way in said) == (runs(count, **{**walk, **change}))


def test_many_folds_have_an_origin_each():
    for rows in (1501, 2600, 5000):
        assert (
            len(
                list(walk_forward(single(np.zeros(rows + 10)), WalkForward(horizon=1, folds=1500, test=rows)))
            )
            == 1500
        )


@pytest.mark.parametrize(
    ("field", "found", "allowed"),
    [
        ("refit", "hot", "input should be 'cold' or 'warm'"),
        ("align", "date", "input should be 'stamp' or 'end'"),
        ("stride", 0, "input should be greater than or equal to 1"),
        ("folds", 0, "input should be greater than or equal to 1"),
        ("folds", 2.5, "input should be a valid integer"),
        ("gap", -1, "input should be greater than or equal to 0"),
        ("max_past", 0, "input should be greater than or equal to 1"),
    ],
)
def test_a_walk_that_cannot_be_is_refused_when_it_is_made(field, found, allowed):
    message = f"walk.{field} = {found!r}: {allowed}"
    for make in (
        lambda: WalkForward(**{field: found}),
        lambda: make_run("file.csv", overrides={f"walk.{field}": found}),
    ):
        with pytest.raises(ForecastError, match=re.escape(message)):
            make()


def test_numbers_of_numpy_are_numbers():
    assert WalkForward(horizon=np.int64(6), test=np.float64(0.5), folds=np.int64(2)) == WalkForward(
        horizon=6, test=0.5, folds=2
    )


@pytest.mark.parametrize(
    ("panel", "test", "message"),
    [
        (single(np.zeros(200), Clock("step")), "2024-01-01", "is a date, but these rows have none"),
    ],
)
def test_a_test_part_that_makes_no_sense_is_refused(panel, test, message):
    with pytest.raises(ForecastError, match=message):
        list(walk_forward(panel, WalkForward(horizon=5, test=test)))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"test": "someday"}, "test='someday' is neither a share, a number of steps, nor a date."),
        ({"test": ""}, "test='' is neither a share, a number of steps, nor a date."),
        (
            {"test": 0},
            "test=0 leaves nothing to test on. Give a share such as 0.2, a number of steps, or a date.",
        ),
        ({"test": -1.0}, "test=-1.0 leaves nothing to test on."),
        (
            {"test": 2.5},
            "test=2.5 is no number of steps. Give a whole number of steps, a share below 1 such as 0.2, or a date.",
        ),
        ({"test": "2024-01-10", "align": "end"}, "is a date, but align=end counts rows from each end"),
        (
            {"horizon": "x"},
            "A horizon is a number of steps, 1 or more, or a span such as 24h or 7d; found 'x'.",
        ),
        (
            {"horizon": 0},
            "A horizon is a number of steps, 1 or more, or a span such as 24h or 7d; found '0'.",
        ),
    ],
)
def test_what_no_file_could_be_walked_by_is_refused_before_one_is_read(settings, message):
    with pytest.raises(ForecastError, match=re.escape(message)):
        WalkForward(**settings)


def ragged(*spans):
    """Hourly series named a, b, c ... of (first hour, rows), each y = its row number."""
    columns = (Column("y", "target"),)
    times = [hours(count, begin) for begin, count in spans]
    return make_panel(
        tuple("abcdef"[: len(spans)]),
        times,
        [np.arange(len(t))[:, None] for t in times],
        columns,
        Clock("fixed", "1h"),
    )


def test_origins_from_each_end_are_the_last_rows_of_every_series():
    """Series that end at different hours: 30 steps of test are the last 30 rows of each, in two folds of 10 and 9 origins of 12 steps."""
    panel = ragged((0, 300), (500, 200), (0, 20))
    folds = list(walk_forward(panel, WalkForward(horizon=12, test=30, folds=2, align="end")))
    rows = {
        name: np.concatenate([f.origins[f.origins[:, 0] == i, 1] for f in folds]).tolist()
        for i, name in enumerate(panel.ids)
    }
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
    for one, two in zip(
        *(walk_forward(panel, WalkForward(horizon=6, align=align)) for align in ("stamp", "end")), strict=True
    ):
        assert np.array_equal(one.origins, two.origins)
        assert np.array_equal(one.until, two.until)
        assert np.array_equal(one.places, two.places)
