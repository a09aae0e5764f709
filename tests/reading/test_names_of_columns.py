"""Names as they are in the file, columns that only count, and values that jump: what the reader makes of them."""

import numpy as np
import pandas as pd
import pytest

import forecast as fc
from forecast.data.options import as_list, split_names
from forecast.data.panel import natural_order
from forecast.reading.checks import jumps
from forecast.reading.door import read

TIMES = pd.date_range("2024-05-01", periods=120, freq="h")


def found(panel, code):
    return [finding for finding in panel.findings if finding.code == code]


@pytest.fixture
def commas(tmp_path):
    frame = pd.DataFrame({"time": TIMES, "Temp, degC": np.arange(120.0), "Wind, m/s": 1.0, "rain": 2.0})
    frame.to_csv(tmp_path / "x.csv", index=False)
    return tmp_path / "x.csv"


@pytest.mark.parametrize(
    ("target", "past", "columns"),
    [
        ("Temp, degC", "Wind, m/s", ["Temp, degC", "Wind, m/s"]),
        ("Temp, degC", 'rain,"Wind, m/s"', ["Temp, degC", "rain", "Wind, m/s"]),
        ("Temp, degC", ["rain", "Wind, m/s"], ["Temp, degC", "rain", "Wind, m/s"]),
        ("rain", "none", ["rain"]),
    ],
)
def test_a_comma_in_a_name_is_one_of_the_name(commas, target, past, columns):
    panel = read(commas, target=target, past=past)
    assert [column.name for column in panel.columns] == columns
    again = read(commas, panel.reading)
    assert [column.name for column in again.columns] == columns


def test_several_targets_with_commas_are_series(commas):
    panel = read(commas, target='"Temp, degC","Wind, m/s"')
    assert panel.ids == ("Temp, degC", "Wind, m/s")


def test_series_and_neighbours_with_commas(tmp_path):
    names = ["Paris, FR", "Rome, IT", "Bern"]
    frame = pd.concat(
        [pd.DataFrame({"time": TIMES, "city": name, "y": 1.0 + i}) for i, name in enumerate(names)]
    )
    panel = read(frame, series="Paris, FR", neighbours='"Rome, IT",Bern', id="city")
    assert panel.ids == ("Paris, FR",)
    assert [column.name for column in panel.columns] == ["y", "y@Rome, IT", "y@Bern"]
    assert panel.reading.neighbours == ("Rome, IT", "Bern")


def test_a_sign_for_missing_has_the_decimal_mark_of_the_file(tmp_path):
    rows = [f"{time};{'-99,9' if i == 7 else f'{i},5'};9" for i, time in enumerate(TIMES)]
    (tmp_path / "x.csv").write_text("\n".join(["time;y;x", *rows]))
    panel = read(tmp_path / "x.csv", target="y", missing="-99,9")
    assert np.flatnonzero(np.isnan(panel.values[:, 0])).tolist() == [7]
    assert not np.isnan(panel.values[:, 1]).any()
    points = pd.DataFrame({"time": TIMES, "y": np.arange(120.0)})
    assert np.isnan(read(points, missing="99,9").values[:, 0]).nonzero()[0].tolist() == [9, 99]


@pytest.mark.parametrize(
    ("text", "known", "names"),
    [
        ("a,b", (), ("a", "b")),
        ("a, b", ("a, b",), ("a, b",)),
        ('a, "b, c" ,d', (), ("a", "b, c", "d")),
        ("a,,b", (), ("a", "b")),
        (("a,b", "c"), ("c",), ("a", "b", "c")),
        (None, (), ()),
    ],
)
def test_names_between_commas(text, known, names):
    assert split_names(text, known) == names
    assert not names or split_names(as_list(names), ()) == names


@pytest.mark.parametrize("names", [["12E3", "45E3"], ["+1", "-1"], ["1.10", "1.1"], ["007", "7"]])
def test_ids_are_the_text_of_their_cells(tmp_path, names):
    rows = [
        f"{day:%Y-%m-%d},{name},{i}"
        for i, name in enumerate(names)
        for day in TIMES[:1].union(pd.date_range("2024-05-02", periods=20))
    ]
    for column in ("sku", "id"):
        (tmp_path / "x.csv").write_text("\n".join([f"ds,{column},y", *rows]))
        panel = read(tmp_path / "x.csv", id=column)
        assert set(panel.ids) == set(names)
    assert set(read(tmp_path / "x.csv").ids) == set(names)


def test_series_are_in_natural_order():
    names = ["s10", "s2", "s1", "a", "10", "9", "s2b"]
    assert [names[i] for i in natural_order(names)] == ["9", "10", "a", "s1", "s2", "s2b", "s10"]
    frame = pd.concat([pd.DataFrame({"ds": TIMES, "id": n, "y": float(n[1:])}) for n in ("s10", "s2", "s1")])
    panel = read(frame)
    assert panel.ids == ("s1", "s2", "s10")
    assert panel.values[panel.starts, 0].tolist() == [1, 2, 10]
    wide = read(frame.pivot(index="ds", columns="id", values="y").reset_index(), target="all")
    assert wide.ids == ("s1", "s2", "s10")


def counted(kind: str) -> pd.DataFrame:
    frames = [pd.DataFrame({"ds": TIMES, "id": name, "y": np.sin(np.arange(120.0))}) for name in "abc"]
    frame = pd.concat(frames, ignore_index=True)
    numbers = {
        "up": np.arange(360) + 1,
        "down": 360 - np.arange(360),
        "each": np.tile(np.arange(120), 3),
        "series": np.repeat([1, 2, 3], 120),
        "hour": np.tile(np.arange(120) % 24, 3),
        "height": np.repeat([1, 5, 7], 120),
        "gap": np.append(np.arange(359), 400),
    }
    return frame.assign(No=numbers[kind], wind=1.5 * np.cos(np.arange(360)))


@pytest.mark.parametrize(
    ("kind", "what"),
    [("up", "rows"), ("down", "rows"), ("each", "rows of each series"), ("series", "series")],
)
def test_a_column_that_only_counts_is_left_out_and_said(kind, what):
    panel = read(counted(kind), target="y", id="id")
    assert [column.name for column in panel.columns] == ["y", "wind"]
    assert found(panel, "index-column")[0].message.startswith(
        f"column 'No' only counts the {what}, and is left out"
    )
    kept = read(counted(kind), target="y", id="id", past="No,wind")
    assert [column.name for column in kept.columns] == ["y", "No", "wind"]
    assert panel.reading.past == ("wind",)


@pytest.mark.parametrize("kind", ["hour", "height", "gap"])
def test_a_column_that_does_more_than_count_is_kept(kind):
    panel = read(counted(kind), target="y", id="id")
    assert [column.name for column in panel.columns] == ["y", "No", "wind"]


def walk(count: int = 500) -> np.ndarray:
    return 350 * np.exp(np.cumsum(np.random.default_rng(5).normal(0, 0.012, count)))


def test_closes_in_pence_are_named_with_their_rows():
    close = walk()
    close[[100, 250]] /= 100
    close[300:303] *= 100
    frame = pd.DataFrame({"Date": pd.bdate_range("2022-01-03", periods=500), "Close": close})
    said = found(read(frame), "off-scale")
    assert [(one.rows, one.example) for one in said] == [
        ((100,), "1/100"),
        ((250,), "1/100"),
        ((300, 301, 302), "100"),
    ]
    assert "row 100 is 1/100 of the rows next to it" in said[0].message
    assert not found(read(frame), "level-shift")


@pytest.mark.parametrize(("factor", "words"), [(10, "1/10"), (2, "1/2"), (0.25, "4")])
def test_a_level_that_changes_for_good_is_named_with_its_row(factor, words):
    close = walk()
    close[400:] /= factor
    frame = pd.DataFrame({"Date": pd.bdate_range("2022-01-03", periods=500), "Close": close})
    said = found(read(frame), "level-shift")
    assert [(one.rows, one.example) for one in said] == [((400,), words)]
    assert "a split" in said[0].message


@pytest.mark.parametrize(
    "values",
    [
        walk(),
        np.exp(np.random.default_rng(1).normal(0, 1.5, 500)),
        np.abs(np.random.default_rng(1).normal(5, 4, 500)) + 0.1,
        np.repeat([1.0, 2.0, 4.0, 8.0], 50),
        np.where(np.arange(500) % 24 < 8, 1.0, 10.0) * np.exp(np.random.default_rng(1).normal(0, 0.02, 500)),
        np.append(walk(100), 0),
    ],
)
def test_what_moves_so_by_itself_is_no_jump(values):
    assert jumps(values) == []


def with_sky(names) -> pd.DataFrame:
    """A target whose last four rows are empty, with the names of the sky in all rows, the last of them in these."""
    sky = [*np.tile(["sun", "rain"], 58), *names]
    return pd.DataFrame({"ds": TIMES, "y": [*np.arange(116.0), *[np.nan] * 4], "sky": sky})


def test_a_name_that_the_past_never_had_is_a_warning():
    panel = read(with_sky(["hail", "hail", "sun", "rain"]), future="sky")
    said = found(panel, "unseen-name")
    assert [(one.severity, one.example) for one in said] == [("warning", "hail")]
    assert said[0].message.startswith("sky: hail, a name that the past does not have: no model has learned")
    assert not found(read(with_sky(["rain"] * 4), future="sky"), "unseen-name")


def test_a_new_name_in_newer_rows_is_a_warning(tmp_path):
    made = with_sky(["sun"] * 4).iloc[:116]
    made.to_csv(tmp_path / "made.csv", index=False)
    fc.run(
        str(tmp_path / "made.csv"),
        out=tmp_path / "run",
        models=["naive"],
        past="sky",
        target="y",
        set={"walk.horizon": 2},
    )
    newer = pd.DataFrame({"ds": TIMES[116:118], "y": [1.0, 2.0], "sky": ["hail", "sun"]})
    heard = []
    fc.predict_run(tmp_path / "run", newer, heard=heard.extend)
    assert [one.example for one in heard if one.code == "unseen-name"] == ["hail"]


def test_a_value_near_zero_among_values_that_change_as_much_is_no_jump():
    """A temperature of .1 next to 1.2 is a tenth of it, and usual."""
    values = np.abs(np.random.default_rng(0).normal(10, 4, 600)) + 0.5
    values[300] = 0.1
    assert jumps(values) == []
    closes = 100 + np.cumsum(np.random.default_rng(1).normal(0, 0.5, 600))
    closes[300] /= 100
    assert [jump.rows.tolist() for jump in jumps(closes)] == [[300]]
