import numpy as np
import pytest
from conftest import single, weather

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
