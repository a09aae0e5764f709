import gzip

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from forecast.data.clock import Clock
from forecast.errors import ForecastError
from forecast.reading.door import read

HOURS = pd.date_range("2024-01-01", periods=48, freq="h")


def long_frame():
    a = pd.DataFrame({"station": "a", "time": HOURS, "temp": np.arange(48.0), "wind": 1.0, "note": "x"})
    b = pd.DataFrame({"station": "b", "time": HOURS[:30], "temp": -np.arange(30.0), "wind": 2.0, "note": "y"})
    return pd.concat([b, a])


def wide_frame():
    return pd.DataFrame({"date": HOURS, "one": np.arange(48.0), "two": np.arange(48) ** 2})


def test_long_parquet(tmp_path):
    path = tmp_path / "weather.parquet"
    long_frame().to_parquet(path)
    panel = read(path)
    assert panel.ids == ("a", "b")
    assert [column.name for column in panel.columns] == ["temp", "wind"]
    assert panel.clock == Clock("fixed", "1h")
    assert panel.lengths.tolist() == [48, 30]
    assert panel.values[panel.rows(1), 0].tolist() == (-np.arange(30.0)).tolist()
    said = " | ".join(str(finding) for finding in panel.findings)
    assert "stamps in time: hourly, 20" in said
    assert "past columns, known up to the origin: wind (`past=none` leaves them out)" in said
    assert "columns that are not numbers are left out: note" in said


def test_wide_csv(tmp_path):
    path = tmp_path / "load.csv"
    wide_frame().to_csv(path, index=False)
    panel = read(path, target="all")
    assert panel.ids == ("one", "two")
    assert panel.values[panel.rows(1), 0].tolist() == (np.arange(48.0) ** 2).tolist()
    assert [c.name for c in read(path, target="two", past="one").columns] == ["two", "one"]
    assert [c.name for c in read(path, target="two").columns] == ["two", "one"]
    doubled = wide_frame().assign(one=2 * wide_frame()["one"])
    assert [c.name for c in read(doubled, target="two").columns] == ["two", "one"]
    assert [c.name for c in read(path, target="two", past="none").columns] == ["two"]


def test_rows_without_dates_are_steps(tmp_path):
    path = tmp_path / "sine.csv"
    pd.DataFrame({"sine": np.sin(np.arange(30) / 10)}).to_csv(path, index=False)
    panel = read(path)
    assert panel.clock == Clock("step")
    assert panel.times.tolist() == list(range(30))
    assert "no time column" in str(panel.findings[0])


@pytest.mark.parametrize(
    "stamps",
    [
        HOURS.strftime("%Y-%m-%d %H:%M:%S"),
        HOURS.strftime("%m/%d/%Y %H:%M"),
        HOURS.strftime("%b %d %Y %H:%M"),
        HOURS.strftime("%Y/%m/%d %H:%M"),
        [f"{stamp:%Y-%m-%dT%H:%M}+00:00" for stamp in HOURS],
        [
            f"{stamp + pd.Timedelta('2h'):%Y-%m-%dT%H:%M}+02:00" if i % 2 else f"{stamp:%Y-%m-%dT%H:%M}Z"
            for i, stamp in enumerate(HOURS)
        ],
    ],
)
def test_stamps_in_many_forms_are_the_same_moments(tmp_path, stamps):
    path = tmp_path / "x.csv"
    pd.DataFrame({"when": stamps, "y": range(48)}).to_csv(path, index=False)
    assert (read(path).times == HOURS.to_numpy()).all()


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
@pytest.mark.parametrize("zone", [None, "Europe/Paris"])
def test_parquet_stamps_of_every_unit_and_zone(tmp_path, unit, zone):
    times = HOURS.tz_localize("UTC").tz_convert(zone).as_unit(unit) if zone else HOURS.as_unit(unit)
    pd.DataFrame({"ds": times, "y": range(48)}).to_parquet(tmp_path / "x.parquet")
    assert (read(tmp_path / "x.parquet").times == HOURS.to_numpy()).all()


def test_semicolons_and_gzip(tmp_path):
    path = tmp_path / "x.csv.gz"
    with gzip.open(path, "wt") as file:
        wide_frame().to_csv(file, sep=";", index=False)
    assert read(path, target="all").ids == ("one", "two")


def test_unsorted_rows_and_gaps(tmp_path):
    frame = wide_frame().drop(index=[5, 6, 20]).sample(frac=1, random_state=1)
    panel = read(frame, target="one", past="none")
    assert panel.lengths.tolist() == [48]
    assert np.isnan(panel.values[[5, 6, 20], 0]).all()
    assert np.nansum(panel.values) == np.arange(48).sum() - 31
    assert "one: 3 of 48 target values missing, at most 2 in a row" in [
        str(finding) for finding in panel.findings
    ]


def test_trading_days_are_not_filled():
    days = pd.bdate_range("2024-01-01", periods=60).delete([10, 11])
    panel = read(pd.DataFrame({"date": days, "close": range(58), "volume": 5}))
    assert panel.clock.kind == "sessions"
    assert panel.lengths.tolist() == [58]
    assert panel.target == "close"


def refused(frame, message, **flags):
    with pytest.raises(ForecastError, match=message):
        read(frame, **flags)


def test_no_such_file(tmp_path):
    long_frame().to_parquet(tmp_path / "weather.parquet")
    refused(tmp_path / "wether.parquet", "There is no file .*wether.parquet. Did you mean weather.parquet")


def test_not_a_table(tmp_path):
    (tmp_path / "x.parquet").write_bytes(b"no parquet")
    refused(tmp_path / "x.parquet", "x.parquet is not a table that can be read as parquet")
    (tmp_path / "x.csv").write_text("")
    refused(tmp_path / "x.csv", "x.csv is not a table")
    (tmp_path / "x.csv").write_bytes(b"a,b\n\xff\xfe\x00,1\n")
    refused(tmp_path / "x.csv", "x.csv is not a table")
    (tmp_path / "x.xlsx").write_bytes(b"")
    refused(tmp_path / "x.xlsx", "not a kind of file that is read here. There is: .csv")
    refused(tmp_path / "none", "There is no file")


def test_no_rows():
    refused(pd.DataFrame({"y": []}), "the frame holds no rows")


def test_no_numeric_column():
    refused(pd.DataFrame({"ds": HOURS, "y": "x"}), "has no numeric column")


def test_unknown_target_names_the_nearest():
    refused(
        long_frame(),
        r"There is no numeric column 'tmp' for `target`. Did you mean temp\? There is: temp, wind",
        target="tmp",
    )


def test_two_possible_targets_are_named():
    refused(
        wide_frame(),
        "several numeric columns and none has a target's usual name: one, two. Name one with `target`",
    )


def test_unknown_time_id_and_past():
    refused(long_frame(), "There is no column 'tme' for `time`. Did you mean time", time="tme")
    refused(long_frame(), "There is no column 'staton' for `id`. Did you mean station", id="staton")
    refused(
        long_frame(),
        "no numeric or text column 'win' for `past` beside the target. Did you mean wind",
        past="win",
    )


def test_duplicated_stamps_name_the_first_two_rows(tmp_path):
    frame = wide_frame()
    pd.concat([frame, frame.iloc[[7]].assign(one=5.0)]).to_csv(tmp_path / "x.csv", index=False)
    refused(
        tmp_path / "x.csv",
        r"Rows 9 and 50 of series 'one' have the same stamp 2024-01-01 07:00 and different values \(1 such",
        target="one",
    )


def test_a_stamp_off_the_grid_is_named(tmp_path):
    frame = wide_frame()
    frame.loc[3, "date"] += pd.Timedelta("10min")
    refused(
        frame,
        "Row 3 of series 'one' has the stamp 2024-01-01 03:10, which is not on the grid of this file: hourly",
        target="one",
    )


def test_an_unreadable_stamp_is_named(tmp_path):
    frame = wide_frame().astype({"date": str})
    frame.loc[4, "date"] = "yesterday"
    frame.to_csv(tmp_path / "x.csv", index=False)
    refused(
        tmp_path / "x.csv",
        r"Row 6 has no readable stamp in column 'date': found 'yesterday' \(1 such row\)",
        target="one",
    )


def test_an_infinite_value_is_named():
    frame = wide_frame()
    frame.loc[2, "one"] = np.inf
    refused(frame, "Row 2 is infinite in column 'one'", target="one")


def test_several_targets_need_a_wide_file():
    refused(long_frame(), "has a series column 'station', so it has one target", target=["temp", "wind"])


def test_two_time_columns_are_named():
    refused(
        long_frame().assign(made=HOURS[0], issued=HOURS[1]).drop(columns="time"),
        "Several columns hold stamps: made, issued. Name the one to use",
    )


def test_numbers_are_no_stamps():
    refused(wide_frame().assign(date=12), "holds numbers .12 first., not stamps", time="date", target="one")


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (
            {"tz": "Europe/Pariss"},
            "There is no time zone 'Europe/Pariss' for `tz`. Did you mean Europe/Paris",
        ),
        ({"every": "3 moons"}, "such as 15min or 1D; found '3 moons'"),
        (
            {"every": "1D", "how": "avg"},
            "There is no way `how=avg` to gather rows. There is: mean, max, min, sum, last",
        ),
        (
            {"how": "max"},
            "`how=max` says how readings become a longer step: give that too, such as `every=1D`.",
        ),
        ({"decimal": ";"}, "found `decimal=;`"),
        (
            {"circular": "to"},
            "There is no past, future or static column 'to' of numbers for `circular`. Did you mean two",
        ),
    ],
)
def test_a_way_of_reading_that_does_not_exist_is_refused(flags, message):
    refused(wide_frame(), message, target="one", **flags)


def test_bars_of_a_market_are_kept_as_they_are(tmp_path):
    """Nights, weekends and a holiday are no missing rows; the next bars are those of the next weekday; gathering keeps the sessions."""
    days = np.delete(np.busday_offset("2024-01-02", np.arange(12)), 5)
    times = (days[:, None] + np.timedelta64(570, "m") + np.arange(78) * np.timedelta64(5, "m")).ravel()
    pd.DataFrame({"time": times, "close": np.arange(len(times)) + 100.0}).to_csv(
        tmp_path / "bars.csv", index=False
    )
    panel = read(tmp_path / "bars.csv")
    assert panel.lengths.tolist() == [11 * 78]
    assert not np.isnan(panel.values).any()
    said = " | ".join(str(finding) for finding in panel.findings)
    assert (
        "stamps in time: every 5min of trading sessions, 78 a session, 2024-01-02 09:30 to 2024-01-17 15:55 UTC"
        in said
    )
    assert (
        "the dates of future sessions are assumed: every Mon Tue Wed Thu Fri 09:30 to 15:55, holidays are not known"
        in said
    )
    following = panel.stamps(panel.ends(), 2)[0]
    assert following.tolist() == np.array(["2024-01-18T09:30", "2024-01-18T09:35"], "datetime64[ns]").tolist()
    assert read(tmp_path / "bars.csv", every="30min", how="last").lengths.tolist() == [11 * 13]


def test_the_weekend_of_an_exchange_rate_is_no_gap(tmp_path):
    """Hours from Sunday 22:00 to Friday 21:00: Friday's last row and Sunday's first are neighbours, and so are they in the stamps to come."""
    hours = pd.date_range("2024-01-01", "2024-03-29 21:00", freq="h")
    hour = 24 * hours.day_of_week + hours.hour
    kept = hours[(hour < 4 * 24 + 22) | (hour >= 6 * 24 + 22)]
    file = tmp_path / "rate.csv"
    pd.DataFrame({"time": kept, "close": np.arange(len(kept)) + 100.0}).to_csv(file, index=False)
    panel = read(file)
    assert panel.lengths.tolist() == [len(kept)]
    said = {finding.code: finding.message for finding in panel.findings}
    assert "every 1h of trading weeks, 120 a week, 2024-01-01 to 2024-03-29 21:00 UTC" in said["clock"]
    assert "assumed: every week Sun 22:00 to Fri 21:00, holidays are not known" in said["assumed-stamps"]
    assert not {"gap", "missing", "missing-bar", "other-hours"} & set(said)
    following = panel.stamps(panel.ends(), 2)[0]
    assert following.tolist() == np.array(["2024-03-31T22:00", "2024-03-31T23:00"], "datetime64[ns]").tolist()
    assert read(file, every="4h", how="last").clock.words == "every 4h of trading weeks, 31 a week"
    refused(
        pd.read_csv(file),
        "`calendar=XNYS` is for trading days, one row a session, and for bars of trading hours; these rows are every 1h of trading weeks",
        calendar="XNYS",
    )


def test_the_hours_of_a_week_that_move_with_the_clocks_of_a_place_are_reported():
    """New York's Sunday 17:00 is 22:00 in winter and 21:00 in summer: in UTC that is said, and with the zone there is nothing to say."""
    hours = pd.date_range("2024-01-01", "2024-06-28 20:00", freq="h", tz="UTC")
    local = hours.tz_convert("America/New_York")
    hour = 24 * local.day_of_week + local.hour
    kept = hours[(hour < 4 * 24 + 17) | (hour >= 6 * 24 + 17)].tz_localize(None)
    frame = pd.DataFrame({"time": kept, "close": np.arange(len(kept)) + 100.0})
    (moved,) = [finding for finding in read(frame).findings if finding.code == "other-hours"]
    assert "lie outside of Sun 21:00 to Fri 20:00 UTC, the hours of sessions to come" in moved.message
    assert "`tz=America/New_York`" in moved.remedy
    assert "stamps in UTC then have to end in Z" in moved.remedy
    there = read(frame.assign(time=frame["time"].astype(str) + "Z"), tz="America/New_York")
    assert not {"gap", "missing", "missing-bar", "other-hours"} & {one.code for one in there.findings}


def test_anything_that_hands_over_arrow_columns_is_read():
    class Stream:
        """A frame of another library: a record batch at a time, names as string views, a dictionary that changes from batch to batch."""

        def __arrow_c_stream__(self, requested_schema=None):
            parts = []
            for name, first in (("a", 0), ("b", 100)):
                stamps = pa.array(np.arange(24) + 473_352, pa.int64())
                hours = pc.multiply(stamps, 3_600_000_000).cast(pa.timestamp("us"))
                names = pa.DictionaryArray.from_arrays(
                    pa.array(np.zeros(24, "uint32")), pa.array([name], pa.string_view())
                )
                parts.append(
                    pa.record_batch(
                        [hours, names, pa.array(np.arange(24) + first, pa.int16())], ["ds", "symbol", "y"]
                    )
                )
            return pa.RecordBatchReader.from_batches(parts[0].schema, parts).__arrow_c_stream__(
                requested_schema
            )

    panel = read(Stream())
    assert panel.ids == ("a", "b")
    assert panel.values[:, 0].tolist() == [*range(24), *range(100, 124)]
    assert str(panel.times[0]) == "2024-01-01T00:00:00.000000000"
    column = read(pa.chunked_array([[1.0, 2.0], [None, 4.0]]))
    assert np.array_equal(column.values[:, 0], [1, 2, np.nan, 4], equal_nan=True)


def test_a_lone_inch_mark_in_a_cell_of_a_large_file_is_text(tmp_path):
    """Such a quote opens no cell, however far the next one is away."""
    hours = pd.date_range("1990-01-01", periods=160_000, freq="h")
    rows = [f"{hour},pipe,{i % 24}" for i, hour in enumerate(hours)]
    rows[100] = f'{hours[100]},5" pipe,{100 % 24}'
    path = tmp_path / "pipes.csv"
    path.write_text("\n".join(["ds,note,y", *rows]) + "\n")
    assert path.stat().st_size > 4 << 20
    panel = read(path, target="y")
    assert np.array_equal(panel.values[:, 0], np.arange(160_000) % 24)
