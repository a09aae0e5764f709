"""Random files: a clean one gives the panel it was made from, an injected dirt is named, and nothing else than a sentence is ever raised."""

import io

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from forecast.data.findings import ReadingError
from forecast.data.reading import read

FREQS = ("1s", "1min", "10min", "h", "3h", "D", "7D", "MS", "ME", "QS")
FORMS = (
    "%Y-%m-%d %H:%M:%S",
    "%Y-%m-%dT%H:%M:%S",
    "%Y/%m/%d %H:%M:%S",
    "%d.%m.%Y %H:%M:%S",
    "%b %d %Y %H:%M:%S",
    "%Y%m%d%H%M%S",
    "%Y-%m-%dT%H:%M:%SZ",
)


def random_frame(random):
    """A clean frame: 20 to 200 stamps of one step, one to three columns of numbers, perhaps several series below each other."""
    count = int(random.integers(20, 200))
    begin = pd.Timestamp("2001-01-01") + pd.Timedelta(days=int(random.integers(0, 8000)))
    times = pd.date_range(begin, periods=count, freq=str(random.choice(FREQS)))
    names = list("abcdefg")[: random.integers(1, 4)]
    frames = []
    for name in names if random.random() < 0.4 else [None]:
        columns = {column: random.normal(random.integers(-50, 50), 3, count).round(int(random.integers(1, 5))) for column in ("y", *names[1:])}
        frames.append(pd.DataFrame({"ds": times, **({} if name is None else {"station": f"s{name}"}), **columns}))
    return pd.concat(frames, ignore_index=True)


def as_file(frame, random, folder):
    """The frame as a file in a random spelling, and its path."""
    if random.random() < 0.3:
        frame.to_parquet(folder / "x.parquet", index=False)
        return folder / "x.parquet"
    sep = str(random.choice([",", ";", "\t", "|"]))
    decimal = "," if sep == ";" and random.random() < 0.5 else "."
    text = io.StringIO()
    frame.assign(ds=frame["ds"].dt.strftime(str(random.choice(FORMS)))).to_csv(
        text, sep=sep, index=False, decimal=decimal, quoting=int(random.choice([0, 1])), lineterminator=str(random.choice(["\n", "\r\n"]))
    )
    head = str(random.choice(["", "# made at random\n", "\n"]))
    (folder / "x.csv").write_bytes((head + text.getvalue()).encode(str(random.choice(["utf-8", "utf-8-sig", "utf-16"]))))
    return folder / "x.csv"


def injected(frame, random):
    """The frame with one dirt, and the code that must name it."""
    row = int(random.integers(2, len(frame) - 2))
    match random.integers(6):
        case 0:
            return pd.concat([frame.iloc[: row + 1], frame.iloc[row:]], ignore_index=True), "duplicate"
        case 1:
            again = frame.iloc[[row]].assign(y=frame["y"].iloc[row] + 1)
            return pd.concat([frame.iloc[: row + 1], again, frame.iloc[row + 1 :]], ignore_index=True), "conflicting-duplicate"
        case 2:
            return frame.assign(y=frame["y"].where(frame.index != row, -9999.0)), "sentinel"
        case 3:
            return frame.assign(y=frame["y"].where(frame.index != row, np.inf)), "infinite"
        case 4:
            return frame.assign(y=frame["y"].where(frame.index != row, np.nan)), "missing"
        case _:
            order = [*range(row), row + 1, row, *range(row + 2, len(frame))]
            return (frame.iloc[order].reset_index(drop=True), "unsorted") if "station" not in frame else (frame.drop(columns="y").assign(y="x"), "")


def clean_and_dirty(seed, folder):
    random = np.random.default_rng(seed)
    frame = random_frame(random)
    panel = read(as_file(frame, random, folder), target="y")
    groups = [group for _, group in frame.groupby("station")] if "station" in frame else [frame]
    assert panel.lengths.tolist() == [len(group) for group in groups]
    for i, group in enumerate(groups):
        assert (panel.times[panel.rows(i)] == group["ds"].to_numpy()).all()
        assert np.array_equal(panel.values[panel.rows(i)], group[[column.name for column in panel.columns]].to_numpy())
    dirty, code = injected(frame, random)
    try:
        found = read(as_file(dirty, random, folder), target="y").findings
    except ReadingError as error:
        found = error.findings
    assert not code or code in {finding.code for finding in found}


@settings(max_examples=300, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 2**32))
def test_a_clean_file_is_itself_and_dirt_is_named(seed, tmp_path_factory):
    clean_and_dirty(seed, tmp_path_factory.mktemp("files"))


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2000))
def test_two_thousand_files(seed, tmp_path):
    clean_and_dirty(seed, tmp_path)
