import numpy as np
import pandas as pd
import pytest
from conftest import hours, single, weather

import forecast as fc


def test_windows_are_the_rows_of_the_series_and_none_crosses_to_another():
    panel = weather((30, 20))
    made = fc.windows(panel, 5, 3)
    assert len(made) == (30 - 7) + (20 - 7)
    assert (made.x.shape, made.y.shape, made.stamps.shape) == ((36, 5, 2), (36, 3), (36, 3))
    second = 30 - 7  # the first window of the second series
    assert made.ids.tolist() == ["a"] * second + ["b"] * 13
    assert np.array_equal(made.x[second], panel.values[30:35])
    assert np.array_equal(made.y[second], panel.values[35:38, 0])
    assert np.array_equal(made.stamps[second], hours(3, 5))
    assert made.cutoffs[second] == hours(1, 4)[0]
    assert np.array_equal(made.y[second - 1], panel.values[27:30, 0])  # the last of the first ends with it


def test_every_stride_th_window_by_hand():
    made = fc.windows(single(np.arange(10.0)), 3, 2, stride=2)
    assert made.x[:, :, 0].tolist() == [[0, 1, 2], [2, 3, 4], [4, 5, 6]]
    assert made.y.tolist() == [[3, 4], [5, 6], [7, 8]]
    assert np.array_equal(made.cutoffs, hours(10)[[2, 4, 6]])
    whole = fc.windows(single(np.arange(10.0)), 3, 2)
    assert all(
        np.array_equal(getattr(whole, name)[::2], getattr(made, name))
        for name in ("x", "y", "stamps", "cutoffs", "ids")
    )


def test_the_windows_of_one_series_are_views_that_cannot_be_written():
    panel = single(np.arange(100.0))
    made = fc.windows(panel, 24, 6, stride=3)
    for array, source in (
        (made.x, panel.values),
        (made.y, panel.values),
        (made.stamps, panel.times),
        (made.cutoffs, panel.times),
    ):
        assert np.shares_memory(array, source)
    assert made.ids.strides == (0,)
    with pytest.raises(ValueError, match="read-only"):
        made.x[0, 0, 0] = 1
    several = weather((40, 12, 10))  # only the first is long enough
    assert np.shares_memory(fc.windows(several, 10, 5).x, several.values)
    assert not np.shares_memory(fc.windows(several, 5, 5).x, several.values)


def test_a_frame_and_a_file_are_read_on_the_way(tmp_path):
    frame = pd.DataFrame({"time": pd.date_range("2024-01-01", periods=30, freq="h"), "temp": np.arange(30.0)})
    frame.to_csv(tmp_path / "few.csv", index=False)
    for data in (frame, tmp_path / "few.csv", fc.read(frame)):
        assert fc.windows(data, 4, 2).y[0].tolist() == [4, 5]


def test_windows_need_sizes_and_enough_rows():
    with pytest.raises(fc.ForecastError, match="context is at least 1; found context=0"):
        fc.windows(weather((30,)), 0, 3)
    with pytest.raises(fc.ForecastError, match="stride is at least 1; found stride=-1"):
        fc.windows(weather((30,)), 4, 3, stride=-1)
    with pytest.raises(
        fc.ForecastError,
        match="The longest series has 30 rows; a window of context=28 and horizon=3 needs 31",
    ):
        fc.windows(weather((30, 20)), 28, 3)
