"""What a run reads again: a flipped byte is refused by name or harmless, and what is whole comes back to the bit."""

import numpy as np
import pandas as pd
import pytest

from forecast.errors import ForecastError
from forecast.files import load_arrays, load_frame, load_json, save_arrays, save_frame, save_json

ARRAYS = {
    "weights": np.linspace(-1, 1, 12, dtype="float32").reshape(3, 4),
    "seen": np.array([True, False, True]),
    "count": np.array([7]),
    "single": np.array(2.5),
    "empty": np.zeros((0, 2)),
}
VALUES = {"format": 9, "name": "Müller", "numbers": [0.1, 1e-300, float("nan"), None], "inner": {"a": [1, 2]}}
FRAME = pd.DataFrame(
    {
        "unique_id": ["north", "south", "north"],
        "ds": pd.to_datetime(["2024-01-01", "2024-01-02", "2024-01-03"]).tz_localize("Europe/Paris"),
        "y": [1.5, np.nan, -3.0],
        "n": [1, 2, 3],
    }
)


def whole_arrays(path):
    arrays, header = load_arrays(path)
    return {name: (array.dtype, array.shape, array.tobytes()) for name, array in arrays.items()}, header


def whole_frame(path):
    frame = load_frame(path)
    return frame.to_csv(), [str(kind) for kind in frame.dtypes]


KINDS = {
    "arrays": (lambda path: save_arrays(path, ARRAYS, VALUES), whole_arrays),
    "frame": (lambda path: save_frame(path, FRAME), whole_frame),
    "json": (lambda path: save_json(path, VALUES), load_json),
}


@pytest.mark.parametrize("kind", KINDS)
def test_one_flipped_bit_is_refused_by_name_or_harmless(kind, tmp_path):
    write, read = KINDS[kind]
    path = tmp_path / "file"
    write(path)
    content, expected = path.read_bytes(), repr(read(path))
    random = np.random.default_rng(0)
    places = random.choice(len(content), min(400, len(content)), replace=False)
    refused = 0
    for place in places:
        damaged = bytearray(content)
        damaged[place] ^= 1 << random.integers(8)
        path.write_bytes(damaged)
        try:
            found = repr(read(path))
        except ForecastError as error:
            refused += str(path) in str(error)
        else:
            assert found == expected
    assert refused > 0.9 * len(places)


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_that_is_cut_off_empty_or_absent_is_refused_by_name(kind, tmp_path):
    write, read = KINDS[kind]
    path = tmp_path / "file"
    write(path)
    content = path.read_bytes()
    for length in (len(content) - 1, len(content) // 2, 9, 0):
        path.write_bytes(content[:length])
        with pytest.raises(ForecastError, match=f"{path} is damaged"):
            read(path)
    path.unlink()
    with pytest.raises(ForecastError, match=f"{path} is missing"):
        read(path)


def test_what_is_whole_comes_back(tmp_path):
    save_frame(tmp_path / "frame", FRAME)
    pd.testing.assert_frame_equal(load_frame(tmp_path / "frame"), FRAME)
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "frame"), FRAME)
    save_arrays(tmp_path / "arrays", ARRAYS, VALUES)
    arrays, header = load_arrays(tmp_path / "arrays")
    assert repr(header) == repr(VALUES)
    for name, array in ARRAYS.items():
        np.testing.assert_array_equal(arrays[name], array, strict=True)


def test_the_same_arrays_are_the_same_bytes(tmp_path):
    for name in ("one", "two", "three"):
        save_arrays(tmp_path / name, ARRAYS, VALUES)
    assert len({(tmp_path / name).read_bytes() for name in ("one", "two", "three")}) == 1
