import numpy as np
import pytest
from conftest import HOURLY, hours, single, weather

from forecast.data.panel import Column, make_panel
from forecast.data.windows import make_windows, split_windows
from forecast.errors import ForecastError


def test_no_window_crosses_a_series():
    panel = weather((30, 20))
    made = make_windows(panel, 5, 3)
    rows = made.rows(made.origins(np.arange(len(made))))
    owner = rows >= 30
    assert (owner.all(1) | ~owner.any(1)).all()


def test_before_the_first_row_is_missing():
    panel = single(np.arange(10.0))
    made = make_windows(panel, 4, 2)
    window = made.values[made.rows(np.array([[0, 1]]))][0, :, 0]
    assert np.isnan(window[:3]).all()
    assert list(window[3:]) == [0, 1, 2]


def test_no_target_of_training_is_a_target_of_validation():
    panel = weather((200, 150))
    train, validation, whole = split_windows(panel, 24, 6, 0.2)

    def targets(made):
        return set(made.rows(made.origins(np.arange(len(made))))[:, 24:].ravel().tolist())

    assert not targets(train) & targets(validation)
    assert targets(train) | targets(validation) == targets(whole)
    last = validation.origins(np.arange(len(validation)))[-1]
    assert tuple(last) == (1, 150 - 6)  # validation reaches the end


def test_too_short_a_series_is_refused_with_a_number():
    with pytest.raises(ForecastError, match=r"The longest series has 9 rows .* at least 26 are needed"):
        split_windows(single(np.arange(9.0)), 6, 6, 0.15)


def test_short_series_teach_too():
    panel = weather((2000, 60, 60))
    train, validation, _ = split_windows(panel, 24, 6, 0.15)
    for made in (train, validation):
        assert (made.count > 0).all()
    assert train.count[1] == 60 - 15 - 6 - 24 + 1


def test_windows_that_are_whole_begin_where_their_rows_do_and_no_others_do():
    panel = weather((9, 7))
    made = make_windows(panel, 3, 2)
    whole = np.array([[0, 3], [0, 7], [1, 3], [1, 5]])
    assert np.array_equal(made.begins(whole)[:, None] + np.arange(5), made.rows(whole))
    for beyond in (
        [0, 2],
        [0, 8],
        [1, 2],
        [1, 6],
    ):  # before a series, after it, into the one before, after the last
        assert made.begins(np.array([[0, 3], beyond])) is None


def test_a_window_without_a_target_knows_the_last_one_before_it_in_its_own_series():
    values = np.arange(20.0)
    values[[*range(4), *range(6, 16)]] = np.nan  # observed at 4, 5 and from 16 on
    panel = make_panel(
        ("a", "b"), [hours(20)] * 2, [values[:, None], values[:, None]], (Column("y", "target"),), HOURLY
    )
    made = make_windows(panel, 3, 2)
    origins = np.array([(series, row) for series in (0, 1) for row in range(21)])
    empty, rows = made.older(origins)
    found = [(*origins[place].tolist(), row) for place, row in zip(empty, rows.tolist(), strict=True)]
    expected = [(series, row, 20 * series + 5) for series in (0, 1) for row in range(9, 17)]
    assert found == expected
    assert panel.latest(origins[[0, 3, 5, 12, 20]]).tolist() == [-1, -1, 4, 5, 19]
    assert panel.latest(origins[[21, 25, 26, 41]]).tolist() == [-1, -1, 24, 39]
