"""Random files: a clean one gives the panel it was made from, an injected dirt is named, and nothing else than a sentence is ever raised."""

import io

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from forecast.data.findings import ReadingError
from forecast.reading.door import read

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
    place = str(random.choice(["s", "Zürich "]))
    frames = []
    for name in names if random.random() < 0.4 else [None]:
        columns = {
            column: random.normal(random.integers(-50, 50), 3, count).round(int(random.integers(1, 5)))
            for column in ("y", *names[1:])
        }
        frames.append(
            pd.DataFrame({"ds": times, **({} if name is None else {"station": f"{place}{name}"}), **columns})
        )
    return pd.concat(frames, ignore_index=True)


def as_file(frame, random, folder):
    """The frame as a file in a random spelling, its rows perhaps in any order, and its path."""
    if random.random() < 0.2:
        frame = frame.sample(frac=1, random_state=int(random.integers(1000)))
    return (
        as_parquet(frame, random, folder / "x.parquet")
        if random.random() < 0.3
        else as_csv(frame, random, folder / "x.csv")
    )


def as_parquet(frame, random, path):
    """Columns of any type that holds the values as they are."""
    texts = [pa.string(), pa.large_string(), pa.dictionary(pa.int32(), pa.string())]
    stamps = [pa.timestamp(unit, zone) for unit in ("s", "ms", "us", "ns") for zone in (None, "UTC")]
    if frame["ds"].dtype != object and (frame["ds"].dt.normalize() == frame["ds"]).all():
        stamps += [pa.date32(), pa.date64()]
    kinds = {"ds": texts if frame["ds"].dtype == object else stamps, "station": texts}
    numbers = [pa.float64(), pa.decimal128(18, 5)]
    columns = {}
    for name in frame:
        column = pa.array(
            frame[name].astype(str) if frame[name].dtype == object else frame[name], from_pandas=True
        )
        if name in kinds:
            column = column.cast(kinds[name][random.integers(len(kinds[name]))])
        elif pa.types.is_floating(column.type) and np.isfinite(frame[name].fillna(0)).all():
            column = column.cast(numbers[random.integers(2)], safe=False)
        columns[name] = column
    pq.write_table(pa.table(columns), path)
    return path


def as_csv(frame, random, path):
    """Any usual delimiter, decimal mark, form of stamps, quoting, ends of lines and encoding."""
    sep = str(random.choice([",", ";", "\t", "|"]))
    decimal = "," if sep == ";" and random.random() < 0.5 else "."
    form, text = str(random.choice(FORMS)), io.StringIO()
    written = frame.assign(
        ds=[stamp if isinstance(stamp, str) else stamp.strftime(form) for stamp in frame["ds"]]
    )
    if written["y"].dtype == object:
        written["y"] = [
            value if isinstance(value, str) else str(value).replace(".", decimal) for value in written["y"]
        ]
    written.to_csv(
        text,
        sep=sep,
        index=False,
        decimal=decimal,
        quoting=int(random.choice([0, 1])),
        lineterminator=str(random.choice(["\n", "\r\n"])),
    )
    head = str(random.choice(["", "# made at random\n", "\n"]))
    path.write_bytes(
        (head + text.getvalue()).encode(str(random.choice(["utf-8", "utf-8-sig", "utf-16", "cp1252"])))
    )
    return path


def injected(frame, random):
    """The frame with one dirt, and the code that must name it."""
    row = int(random.integers(2, len(frame) - 2))

    def cell(column, value):
        return frame.assign(
            **{
                column: frame[column]
                .astype(object if isinstance(value, str) else None)
                .where(frame.index != row, value)
            }
        )

    order = [*range(row), row + 1, row, *range(row + 2, len(frame))]
    again = frame.iloc[[row]].assign(y=frame["y"].iloc[row] + 1)
    inside = (
        "station" not in frame
        or frame["station"].iloc[row - 1] == frame["station"].iloc[row] == frame["station"].iloc[row + 1]
    )
    dirt = {
        "duplicate": pd.concat([frame.iloc[: row + 1], frame.iloc[row:]], ignore_index=True),
        "conflicting-duplicate": pd.concat(
            [frame.iloc[: row + 1], again, frame.iloc[row + 1 :]], ignore_index=True
        ),
        "sentinel": cell("y", -9999.0),
        "infinite": cell("y", np.inf),
        "missing": cell("y", np.nan),
        "outlier": cell("y", 1e6),
        "text-in-numbers": cell("y", "broken"),
        "unreadable-stamp": cell("ds", "yesterday"),
        **({"gap": frame.drop(index=row)} if inside else {}),
        **({"unsorted": frame.iloc[order].reset_index(drop=True)} if "station" not in frame else {}),
    }
    code = str(random.choice(list(dirt)))
    return dirt[code], code


def clean_and_dirty(seed, folder):
    random = np.random.default_rng(seed)
    frame = random_frame(random)
    panel = read(as_file(frame, random, folder), target="y")
    groups = [group for _, group in frame.groupby("station")] if "station" in frame else [frame]
    assert panel.lengths.tolist() == [len(group) for group in groups]
    for i, group in enumerate(groups):
        assert (panel.times[panel.rows(i)] == group["ds"].to_numpy()).all()
        assert np.array_equal(
            panel.values[panel.rows(i)], group[[column.name for column in panel.columns]].to_numpy()
        )
    dirty, code = injected(frame, random)
    try:
        found = read(as_file(dirty, random, folder), target="y").findings
    except ReadingError as error:
        found = error.findings
    assert code in {finding.code for finding in found}


@settings(
    max_examples=150, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
)
@given(seed=st.integers(0, 2**32))
def test_a_clean_file_is_itself_and_dirt_is_named(seed, tmp_path_factory):
    clean_and_dirty(seed, tmp_path_factory.mktemp("files"))


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2000))
def test_two_thousand_files(seed, tmp_path):
    clean_and_dirty(seed, tmp_path)
