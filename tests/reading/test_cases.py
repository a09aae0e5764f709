"""A table of files, good and bad: one row a case, made on the fly, with the panel to the last value or the code, the rows and the words expected."""

import calendar
import dataclasses
import datetime
import decimal
import gzip
import itertools

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from forecast.data.findings import CODES, ReadingError
from forecast.errors import ForecastError
from forecast.reading.door import read

NAN = float("nan")
DAYS = [f"2024-01-{day:02}" for day in range(1, 13)]
VALUES = [float(v) for v in range(12)]
AUTUMN = pd.date_range("2024-10-26", periods=60, freq="h", tz="Europe/Paris")
HOURS = pd.date_range("2024-01-01", periods=12, freq="h")
NOON = pd.Timestamp("2024-01-01 11:30")
LUNCH = pd.DatetimeIndex(
    [
        t
        for t in pd.date_range("2024-01-01 09:00", "2024-01-12 14:30", freq="30min")
        if t.weekday() < 5 and 9 <= t.hour < 15
    ]
)
LUNCH = LUNCH[
    ~LUNCH.strftime("%H:%M").isin(["11:30", "12:00"])
]  # 10 bars a session, 09:00 to 11:00 and 12:30 to 14:30


def csv(header="ds,y", rows=None, sep=",", end="\n"):
    rows = [f"{day}{sep}{value:g}" for day, value in zip(DAYS, VALUES, strict=True)] if rows is None else rows
    return end.join([header.replace(",", sep), *rows]) + end


def stamps(make):
    """Twelve days written by `make`, with the values 0 to 11."""
    return csv(rows=[f"{make(pd.Timestamp(day))},{value:g}" for day, value in zip(DAYS, VALUES, strict=True)])


def hours(make):
    return csv(rows=[f"{make(hour)},{value:g}" for hour, value in zip(HOURS, VALUES, strict=True)])


def numbers(cells, sep=",", quote='"'):
    """Twelve days with these cells as y, in quotes."""
    return csv(
        rows=[f"{day}{sep}{quote}{cell}{quote}" for day, cell in zip(DAYS, cells, strict=False)], sep=sep
    )


def replaced(row, text, base=None):
    """The file of twelve days with one of its lines (as an editor counts) replaced."""
    lines = (base or csv()).splitlines()
    lines[row - 1] = text
    return "\n".join(lines) + "\n"


def added(*lines, at=None):
    found = csv().splitlines()
    place = len(found) if at is None else at - 1
    return "\n".join([*found[:place], *lines, *found[place:]]) + "\n"


GERMAN = ["Jan", "Feb", "Mär", "Apr", "Mai", "Jun", "Jul", "Aug", "Sep", "Okt", "Nov", "Dez"]
FRENCH = ["janv.", "févr.", "mars", "avril", "mai", "juin", "juil.", "août", "sept.", "oct.", "nov.", "déc."]
PRICES = [1234.5 + i for i in range(12)]
# name: content (text, bytes or a frame), flags, expected values of the first series
GOOD = {
    "comma": (csv(), {}, VALUES),
    "semicolon": (csv(sep=";"), {}, VALUES),
    "tab": (csv(sep="\t"), {}, VALUES),
    "pipe": (csv(sep="|"), {}, VALUES),
    "crlf": (csv(end="\r\n"), {}, VALUES),
    "cr": (csv(end="\r"), {}, VALUES),
    "two carriage returns": (csv(end="\r\r\n"), {}, VALUES),
    "line ends of Unicode in a note": ("A\x85note\u2028of\x0cthree\n" + csv(), {}, VALUES),
    "carriage returns in a note": ("A note\rof three\rlines\n" + csv(), {}, VALUES),
    "bom": (b"\xef\xbb\xbf" + csv().encode(), {}, VALUES),
    "utf-16": (csv().encode("utf-16"), {}, VALUES),
    "utf-16 without a mark": (csv().encode("utf-16-le"), {}, VALUES),
    "windows-1252": (csv("ds,y°").encode("cp1252"), {}, VALUES),
    "no line end at the end": (csv().rstrip("\n"), {}, VALUES),
    "quoted": (
        "\n".join(f'"{a}","{b}"' for a, b in (line.split(",") for line in csv().splitlines())),
        {},
        VALUES,
    ),
    "comment lines first": ("# made by hand\n# in 2024\n" + csv(), {}, VALUES),
    "comment lines inside": (added("# sensor replaced", at=6), {}, VALUES),
    "header in a comment": ("# " + csv(), {}, VALUES),
    "preamble": ("Station 7\nJena, 155 m\n\n" + csv(), {}, VALUES),
    "blank lines": (csv().replace("\n2024-01-05", "\n\n2024-01-05"), {}, VALUES),
    "empty rows at the end": (csv() + ",\n,\n", {}, VALUES),
    "no header": ("\n".join(csv().splitlines()[1:]), {}, VALUES),
    "trailing separators": ("\n".join(line + "," for line in csv().splitlines()), {}, VALUES),
    "trailing separators under a plain header": (
        "ds,y\n" + "\n".join(line + "," for line in csv().splitlines()[1:]),
        {},
        VALUES,
    ),
    "row numbers": (
        ",ds,y\n" + "\n".join(f"{i},{line}" for i, line in enumerate(csv().splitlines()[1:])),
        {},
        VALUES,
    ),
    "row names of R": (
        '"ds","y"\n' + "\n".join(f'"{i + 1}",{line}' for i, line in enumerate(csv().splitlines()[1:])),
        {},
        VALUES,
    ),
    "spaces around cells": (csv().replace(",", " , "), {}, VALUES),
    "NA and empty": (
        numbers(["1", "NA", "", "nan", "null", "-", "7", "8"], quote=""),
        {},
        [1, NAN, NAN, NAN, NAN, NAN, 7, 8],
    ),
    "decimal comma": (numbers([f"{v:.1f}".replace(".", ",") for v in PRICES], sep=";", quote=""), {}, PRICES),
    "decimal comma in quotes": (numbers([f"{v:.2f}".replace(".", ",") for v in PRICES]), {}, PRICES),
    "thousands by comma": (numbers([f"{v:,.1f}" for v in PRICES]), {}, PRICES),
    "thousands by point": (
        numbers([f"{v:,.1f}".replace(",", " ").replace(".", ",").replace(" ", ".") for v in PRICES], sep=";"),
        {},
        PRICES,
    ),
    "thousands by space": (numbers([f"{v:,.1f}".replace(",", "\u00a0") for v in PRICES]), {}, PRICES),
    "whole thousands": (numbers([f"{v:,.0f}" for v in range(1000, 1012)]), {}, list(range(1000, 1012))),
    "decimal comma in quotes, as pressures have": (
        numbers([f"{10150 + v},{v % 5}" for v in range(12)]),
        {},
        [10150 + v + v % 5 / 10 for v in range(12)],
    ),
    "thousands of India": (
        numbers([f"{v + 1},23,456.5" for v in range(12)]),
        {},
        [100_000 * v + 123_456.5 for v in range(12)],
    ),
    "whole thousands of India": (
        numbers([*(f"{v},23,456" for v in range(1, 12)), "99,123"]),
        {},
        [*(100_000 * v + 23_456 for v in range(1, 12)), 99_123],
    ),
    "lone point of three digits, as told": (
        numbers([f"1.{v + 100}" for v in range(12)], ";", ""),
        {"decimal": ","},
        [1100.0 + v for v in range(12)],
    ),
    "lone comma of three digits, as told": (
        numbers(["1,234"] * 11 + ["2,345"]),
        {"decimal": ","},
        [1.234] * 11 + [2.345],
    ),
    "percent": (numbers([f"{v}%" for v in range(12)], quote=""), {}, VALUES),
    "millions": (numbers([f"{v}.5M" for v in range(12)], quote=""), {}, [v * 1e6 + 5e5 for v in range(12)]),
    "minus of typesetters": (numbers([f"\u2212{v}" for v in range(12)], quote=""), {}, [-v for v in VALUES]),
    "exponents": (numbers([f"{v}e2" for v in range(12)], quote=""), {}, [v * 100 for v in VALUES]),
    "named missing number": (
        replaced(5, "2024-01-04,-9999"),
        {"missing": ["-9999"]},
        [0, 1, 2, NAN, *VALUES[4:]],
    ),
    "named missing word": (
        replaced(5, "2024-01-04,broken"),
        {"missing": "broken"},
        [0, 1, 2, NAN, *VALUES[4:]],
    ),
    "named missing inf": (replaced(5, "2024-01-04,inf"), {"missing": "inf"}, [0, 1, 2, NAN, *VALUES[4:]]),
    "ISO with T": (stamps(lambda t: t.isoformat()), {}, VALUES),
    "slashes": (stamps(lambda t: f"{t.year}/{t.month}/{t.day} 0:00"), {}, VALUES),
    "ISO, day first in part": (
        csv(rows=[f"{d:02}/01/2024,{d - 1}" for d in range(1, 14)]),
        {},
        [*VALUES, 12],
    ),
    "month first": (csv(rows=[f"01/{d:02}/2024,{d - 1}" for d in range(1, 14)]), {}, [*VALUES, 12]),
    "points": (stamps(lambda t: f"{t:%d.%m.%Y}"), {}, VALUES),
    "month names": (stamps(lambda t: f'"{t:%b %d, %Y}"'), {}, VALUES),
    "day, month name": (stamps(lambda t: f"{t:%d-%b-%y}").replace(", ", " "), {}, VALUES),
    "weekday names": (stamps(lambda t: f'"{t:%a, %d %b %Y}"'), {}, VALUES),
    "yyyymmdd": (stamps(lambda t: f"{t:%Y%m%d}"), {}, VALUES),
    "yyyymmddHH": (hours(lambda t: f"{t:%Y%m%d%H}"), {}, VALUES),
    "yyyymmddTHHMM": (hours(lambda t: f"{t:%Y%m%dT%H%M}"), {}, VALUES),
    "twelve-hour clock": (hours(lambda t: f"{t:%m/%d/%Y %I:%M %p}"), {}, VALUES),
    "epoch s": (hours(lambda t: f"{t.timestamp():.0f}"), {}, VALUES),
    "epoch ms": (hours(lambda t: f"{t.timestamp() * 1e3:.0f}"), {}, VALUES),
    "epoch us": (hours(lambda t: f"{t.timestamp() * 1e6:.0f}"), {}, VALUES),
    "epoch ns": (hours(lambda t: f"{t.timestamp() * 1e9:.0f}"), {}, VALUES),
    "Excel days": (csv("date,y", rows=[f"{45292 + i},{i}" for i in range(12)]), {}, VALUES),
    "modified Julian days": (csv("MJD,y", rows=[f"{51544 + i}.0,{i}" for i in range(12)]), {}, VALUES),
    "hours of modified Julian days": (
        csv("mjd,y", rows=[f"{60310 + h / 24:.4f},{h}" for h in range(12)]),
        {},
        VALUES,
    ),
    "Julian days": (csv("JD,y", rows=[f"{2460310.5 + i},{i}" for i in range(12)]), {"time": "JD"}, VALUES),
    "day numbers of MATLAB": (
        csv("datenum,y", rows=[f"{739252 + h / 24:.6f},{h}" for h in range(12)]),
        {},
        VALUES,
    ),
    "epoch in ms and, later, in us": (
        hours(lambda t: f"{t.timestamp() * (1e6 if t.hour > 6 else 1e3):.0f}"),
        {},
        VALUES,
    ),
    "date:hhmm": (
        csv("time,y", [f"{t:%Y%m%d:%H%M},{v:g}" for t, v in zip(HOURS, VALUES, strict=True)]),
        {},
        VALUES,
    ),
    "parts with leading zeros": (
        csv("Year,Month,Day,y", [f'{d[:4]},"{d[5:7]}","{d[8:]}",{i}' for i, d in enumerate(DAYS)]),
        {},
        VALUES,
    ),
    "day on which the table was made": (
        csv("made,when,y", [f"2024-05-01,{d},{i}" for i, d in enumerate(DAYS)]),
        {},
        VALUES,
    ),
    "header in a comment further up": (
        "# of a station\n# STN,YYYYMMDD, HH,y\n#\n"
        + "".join(f" 1,20240101,{h + 1:3},{h:4}\n" for h in range(12)),
        {},
        VALUES,
    ),
    "French names of stamps": (
        csv("AAAAMMJJHH,y", [f"{t:%Y%m%d%H},{v:g}" for t, v in zip(HOURS, VALUES, strict=True)]),
        {},
        VALUES,
    ),
    "offsets": (hours(lambda t: f"{t.isoformat()}+01:00"), {}, VALUES),
    "mixed offsets": (
        hours(lambda t: f"{t.isoformat()}Z" if t.hour % 2 else f"{t + pd.Timedelta('2h')}+02:00"),
        {},
        VALUES,
    ),
    "24:00": (hours(lambda t: f"{t:%Y-%m-%d %H:%M}" if t.hour else "2023-12-31 24:00"), {}, VALUES),
    "year-month": (csv(rows=[f"2024-{m:02},{m - 1}" for m in range(1, 13)]), {}, VALUES),
    "month-end": (
        csv(
            rows=[
                f"{t:%Y-%m-%d},{i}" for i, t in enumerate(pd.date_range("2024-01-31", periods=12, freq="ME"))
            ]
        ),
        {},
        VALUES,
    ),
    "last business day": (
        csv(
            rows=[
                f"{t:%Y-%m-%d},{i}" for i, t in enumerate(pd.date_range("2024-01-31", periods=12, freq="BME"))
            ]
        ),
        {},
        VALUES,
    ),
    "mid-month": (csv(rows=[f"2024-{m:02}-15,{m - 1}" for m in range(1, 13)]), {}, VALUES),
    "quarters": (csv(rows=[f"{2020 + i // 4}Q{i % 4 + 1},{i}" for i in range(12)]), {}, VALUES),
    "years": (csv("year,y", rows=[f"{1990 + i},{i}" for i in range(12)]), {}, VALUES),
    "ISO weeks": (csv(rows=[f"2024-W{i + 1:02},{i}" for i in range(12)]), {}, VALUES),
    "date and hour": (csv("date,hour,y", rows=[f"2024-01-01,{h},{h}" for h in range(12)]), {}, VALUES),
    "date and hour 1 to 24": (
        csv("date,hour,y", rows=[f"2024-01-01,{h + 13},{h}" for h in range(12)]),
        {},
        VALUES,
    ),
    "date and time": (csv("date,time,y", rows=[f"2024-01-01,{h:02}:00,{h}" for h in range(12)]), {}, VALUES),
    "date and hhmm": (
        csv("date,hour,y", rows=[f"2024-01-01,{h}00,{h}" for h in range(12)]),
        {"time": "date,hour"},
        VALUES,
    ),
    "year month day hour": (
        csv("year,month,day,hour,y", rows=[f"2024,1,1,{h},{h}" for h in range(12)]),
        {},
        VALUES,
    ),
    "year and day of year": (csv("YEAR,DOY,y", rows=[f"2024,{d + 1},{d}" for d in range(12)]), {}, VALUES),
    "newest first": ("\n".join([csv().splitlines()[0], *csv().splitlines()[:0:-1]]), {}, VALUES),
    "unsorted": (csv(rows=[csv().splitlines()[i] for i in (2, 1, *range(3, 13))]), {}, VALUES),
    "gap": (
        csv(rows=[line for line in csv().splitlines()[1:] if "01-05" not in line]),
        {},
        [0, 1, 2, 3, NAN, *VALUES[5:]],
    ),
    "exact duplicate": (added("2024-01-05,4", at=7), {}, VALUES),
    "rows in order": ("y\n" + "\n".join(f"{v:g}" for v in VALUES), {}, VALUES),
    "text column beside": (
        csv("ds,y,sky", rows=[f"{d},{v:g},clear" for d, v in zip(DAYS, VALUES, strict=True)]),
        {},
        VALUES,
    ),
    "empty column beside": (
        csv("ds,y,note", rows=[f"{d},{v:g}," for d, v in zip(DAYS, VALUES, strict=True)]),
        {},
        VALUES,
    ),
    "same name twice": (
        csv("ds,y,y", rows=[f"{d},{v:g},9" for d, v in zip(DAYS, VALUES, strict=True)]),
        {},
        VALUES,
    ),
    "rows are series": (
        "id,"
        + ",".join(f"V{i}" for i in range(1, 13))
        + "\nb,"
        + ",".join("9" * 12)
        + "\na,"
        + ",".join(map(str, VALUES)),
        {},
        VALUES,
    ),
    "hourly to days": (
        csv(rows=[f"{t},{t.day}" for t in pd.date_range("2024-01-01", periods=72, freq="h")]),
        {"every": "1D", "how": "sum"},
        [24, 48, 72],
    ),
    "maximum of days": (
        csv(rows=[f"{t},{t.hour}" for t in pd.date_range("2024-01-01", periods=72, freq="h")]),
        {"every": "D", "how": "max"},
        [23, 23, 23],
    ),
    "ticks to minutes": (
        csv(rows=["2024-01-01 00:00:07,1", "2024-01-01 00:00:31,5", "2024-01-01 00:01:02,2"]),
        {"every": "1min", "how": "last"},
        [5, 2],
    ),
    "to months": (
        csv(rows=[f"{t:%Y-%m-%d},{t.month}" for t in pd.date_range("2024-01-01", "2024-03-31")]),
        {"every": "M"},
        [1, 2, 3],
    ),
    "row of units": (csv("date,temp", [",degC", *csv().splitlines()[1:]]), {}, VALUES),
    "row of units, also of the stamps": (
        csv("date,temp,wind", ["UTC,degC,m/s", *(f"{line},1" for line in csv().splitlines()[1:])]),
        {},
        VALUES,
    ),
    "three header rows": (
        csv(
            "Price,Close,Volume", ["Ticker,A,A", "Date,,", *(f"{line},7" for line in csv().splitlines()[1:])]
        ),
        {},
        VALUES,
    ),
    "two header rows that belong together": (
        csv(",JFK,JFK", ["date,temp,wind", *(f"{line},1" for line in csv().splitlines()[1:])]),
        {"target": "JFK temp"},
        VALUES,
    ),
    "a first row of words and no value": (
        csv("ds,y,sky", [f"{d},{'NA' if d == DAYS[0] else 3},clear" for d in DAYS]),
        {},
        [NAN, *[3] * 11],
    ),
    "delimiter after the header alone": (csv("ds,y,"), {"target": "y"}, VALUES),
    "first line for Excel": ("sep=;\n" + csv(sep=";"), {}, VALUES),
    "percent after a space": (numbers([f"{v}.5 %" for v in range(12)]), {}, [v + 0.5 for v in VALUES]),
    "negatives in parentheses": (numbers([f"(${v}.5)" for v in range(12)]), {}, [-v - 0.5 for v in VALUES]),
    "minus behind": (numbers([f"{v}-" for v in range(12)], quote=""), {}, [-v for v in VALUES]),
    "euro behind": (
        numbers([f"1.{200 + v},50 €" for v in range(12)], sep=";"),
        {},
        [1200.5 + v for v in VALUES],
    ),
    "currency code": (numbers([f"USD {v}" for v in range(12)]), {}, VALUES),
    "quoted line ends": (
        csv("ds,y,note", [f'{line},"one\ntwo"' for line in csv().splitlines()[1:]]),
        {},
        VALUES,
    ),
    "inches": (csv("ds,y,note", [f'{line},5" snow' for line in csv().splitlines()[1:]]), {}, VALUES),
    "month/year": (csv("month,y", rows=[f"{m:02}/2024,{m - 1}" for m in range(1, 13)]), {}, VALUES),
    "month-year by name": (
        csv(
            "month,y",
            rows=[f"{t:%b-%Y},{t.month - 1}" for t in pd.date_range("2024-01", periods=12, freq="MS")],
        ),
        {},
        VALUES,
    ),
    "first days of months, day first": (
        csv(rows=[f"01/{i % 12 + 1:02}/{2020 + i // 12},{i}" for i in range(24)]),
        {},
        list(range(24)),
    ),
    "first days of months, month first": (
        csv(rows=[f"{i % 12 + 1:02}/01/{2020 + i // 12},{i}" for i in range(24)]),
        {},
        list(range(24)),
    ),
    "German months": (
        csv(rows=[f"{m} 2024,{i}" for i, m in enumerate(GERMAN)]),
        {},
        VALUES,
    ),
    "French months": (
        csv(rows=[f"1 {m} 2024,{i}" for i, m in enumerate(FRENCH)]),
        {},
        VALUES,
    ),
    "intervals": (
        hours(lambda t: f"{t:%d.%m.%Y %H:%M} - {t + pd.Timedelta('1h'):%d.%m.%Y %H:%M}"),
        {},
        VALUES,
    ),
    "offset and the zone's name": (hours(lambda t: f"{t.isoformat()}+01:00[Europe/Paris]"), {}, VALUES),
    "Excel hours": (csv("timestamp,y", rows=[f"{45292 + h / 24:.5f},{h}" for h in range(12)]), {}, VALUES),
    "year and week": (csv("year,week,y", rows=[f"2024,{w + 1},{w}" for w in range(12)]), {}, VALUES),
    "year and quarter": (
        csv("year,quarter,y", rows=[f"{2020 + i // 4},{i % 4 + 1},{i}" for i in range(12)]),
        {},
        VALUES,
    ),
    "two digits of the year in front": (stamps(lambda t: f"{t:%y-%m-%d}"), {}, VALUES),
    "two digits of the year in front, hours": (hours(lambda t: f"{t:%y/%m/%d %H:%M}"), {}, VALUES),
    "two digits of the year in front, months": (
        csv(rows=[f"{24 + i // 12}-{i % 12 + 1:02}-01,{i}" for i in range(24)]),
        {},
        list(range(24)),
    ),
    "yymmdd": (
        csv("date,y", rows=[f"{t:%y%m%d},{v:g}" for t, v in zip(pd.to_datetime(DAYS), VALUES, strict=True)]),
        {},
        VALUES,
    ),
    "year and day of year together": (
        csv("date,y", rows=[f"2024{d + 1:03},{d}" for d in range(12)]),
        {},
        VALUES,
    ),
    "year and day of year, hours": (hours(lambda t: f"{t:%Y-%j %H:%M}"), {}, VALUES),
    "year, day of year and hour together": (
        csv("date,y", rows=[f"{t:%Y%j%H},{v:g}" for t, v in zip(HOURS, VALUES, strict=True)]),
        {},
        VALUES,
    ),
    "year and month name": (
        csv(
            "date,y",
            rows=[f"{t:%Y-%b},{t.month - 1}" for t in pd.date_range("2024-01", periods=12, freq="MS")],
        ),
        {},
        VALUES,
    ),
    "month.year": (csv("date,y", rows=[f"{m:02}.2024,{m - 1}" for m in range(1, 13)]), {}, VALUES),
    "Chinese dates": (stamps(lambda t: f"{t.year}年{t.month}月{t.day}日"), {}, VALUES),
    "offsets from GMT": (hours(lambda t: f"{t:%d/%m/%Y %H:%M} GMT+1"), {}, VALUES),
    "offset and UTC": (hours(lambda t: f"{t} +0000 UTC"), {}, VALUES),
    "Excel hours of four digits": (
        csv("date,y", rows=[f"{45292 + h / 24:.4f},{h}" for h in range(12)]),
        {},
        VALUES,
    ),
    "years called date": (csv("date,y", rows=[f"{1990 + i},{i}" for i in range(12)]), {}, VALUES),
    "time of day with points": (
        csv("Date;Time;y", [f"13/01/2024;{h:02}.00.00;{h}" for h in range(12)]),
        {},
        VALUES,
    ),
    "text of another width beside dates": (
        pa.table(
            {
                "date": [datetime.date(2024, 1, d) for d in (1, 2) for _ in range(6)],
                "at": pa.array([f"{4 * h:02}:00" for h in range(6)] * 2, pa.large_string()),
                "y": VALUES,
            }
        ),
        {},
        VALUES,
    ),
    "hours as categories beside dates": (
        pa.table(
            {
                "date": [datetime.date(2024, 1, d) for d in (1, 2) for _ in range(6)],
                "at": pa.array([f"{4 * h:02}:00" for h in range(6)] * 2).dictionary_encode(),
                "y": VALUES,
            }
        ),
        {},
        VALUES,
    ),
    "years of decimals as parts": (
        pa.table(
            {
                "year": [decimal.Decimal(2000)] * 12,
                "month": [decimal.Decimal(m) for m in range(1, 13)],
                "y": VALUES,
            }
        ),
        {"time": "year,month"},
        VALUES,
    ),
    "hhmmss": (csv("<DATE>,<TIME>,<CLOSE>", [f"20240101,{h:02}0000,{h}" for h in range(12)]), {}, VALUES),
    "points and a column of times, no header": (
        csv("2024.01.01,00:00,0", [f"2024.01.01,{h:02}:00,{h}" for h in range(1, 12)]),
        {},
        VALUES,
    ),
    "hours by their column, no header": (
        csv("2024-01-01,0,0,ok", [f"2024-01-01,{h},{h},ok" for h in range(1, 12)]),
        {"time": "column 1,column 2", "target": "column 3"},
        VALUES,
    ),
    "empty cells, no header": (
        csv("2024-01-01,,0,", [f"{d},,{i}," for i, d in enumerate(DAYS) if i]),
        {"target": "column 3"},
        VALUES,
    ),
    "epoch in the first column, no header": (
        csv(f"{1704067200000},0,7", [f"{1704067200000 + h * 3600000},{h},7" for h in range(1, 12)]),
        {"target": "column 2"},
        VALUES,
    ),
    "header once more": (added("ds,y", at=6), {}, VALUES),
    "header once more, first columns not read": (
        csv(
            "a,b,ds,y",
            [
                f"1,2,{line}" if line != "ds,y" else "a,b,ds,y"
                for line in added("ds,y", at=6).splitlines()[1:]
            ],
        ),
        {"target": "y", "past": "none"},
        VALUES,
    ),
    "first columns not read": (
        csv("a,b,ds,y", [f"1,2,{line}" for line in csv().splitlines()[1:]]),
        {"target": "y", "past": "none"},
        VALUES,
    ),
    "header once more with a mark of order": (added("\ufeffds,y", at=6), {}, VALUES),
    "words below": (csv() + "\nSource: a bank\nLast updated: 2024-02-01\n", {}, VALUES),
    "title as wide as the table": (
        "Prices,,\nof a bank,,\n,,\n"
        + csv("ds,y,z", [f"{d},{v:g},1" for d, v in zip(DAYS, VALUES, strict=True)]),
        {},
        VALUES,
    ),
    "row numbers of pandas": (
        "Unnamed: 0,"
        + "\n".join(f"{i - 1},{line}" if i else line for i, line in enumerate(csv().splitlines())),
        {},
        VALUES,
    ),
    "point for missing": (numbers(["1", ".", "3"], quote=""), {}, [1, NAN, 3]),
    "errors of a spreadsheet": (
        numbers(["1", "#DIV/0!", "#VALUE!", "(null)", "5"], quote=""),
        {},
        [1, NAN, NAN, NAN, 5],
    ),
    "years across": (
        '"Source","A bank",\n\n'
        + csv(
            "Name,Code," + ",".join(map(str, range(1990, 2002))),
            ["b,B" + ",9" * 12, "a,A," + ",".join(f"{v:g}" for v in VALUES)],
        ),
        {},
        VALUES,
    ),
    "dates across": (
        csv(
            "id,rank,region," + ",".join(DAYS),
            ["7,1,b" + ",9" * 12, "8,2,a," + ",".join("" if v == 3 else f"{v:g}" for v in VALUES)],
        ),
        {},
        [0, 1, 2, NAN, *VALUES[4:]],
    ),
    "dates across, two columns of names": (
        csv("state,country," + ",".join(DAYS), ["x,a" + ",9" * 12, "y,a" + ",8" * 12, "x,b" + ",7" * 12]),
        {},
        [9] * 12,
    ),
    "months across": (
        csv(
            "Year,Jan,Feb,Mar,Apr,May,Jun,Jul,Aug,Sep,Oct,Nov,Dec,J-D",
            [f"{2000 + y}," + ",".join(f"{12 * y + m}" for m in range(12)) + ",***" for y in (0, 1)],
        ),
        {},
        list(range(24)),
    ),
    "months across, stations": (
        csv(
            "station,kind,year," + ",".join(GERMAN),
            [f"{s},mean,{y}" + f",{v}" * 12 for s, v in (("b", 9), ("a", 5)) for y in (2000, 2001)],
        ),
        {},
        [5] * 24,
    ),
    "months across, stations by number": (
        csv(
            "nr,year," + ",".join(GERMAN),
            [f"{s},{y}" + f",{s}" * 12 for s in (102, 101) for y in (2000, 2001)],
        ),
        {"id": "nr"},
        [101] * 24,
    ),
    "months across, one of them the target": (
        csv("year," + ",".join(GERMAN), [f"{2000 + v:g},{v:g}" + ",7" * 11 for v in VALUES]),
        {"target": "Jan", "past": "none"},
        VALUES,
    ),
    "dates across, named by a number": (
        csv("code," + ",".join(DAYS), ["102" + ",9" * 12, "101" + ",5" * 12]),
        {"id": "code"},
        [5] * 12,
    ),
    "steps across, named by a number": (
        csv("nr," + ",".join(f"V{i}" for i in range(12)), ["2" + ",9" * 12, "1" + ",5" * 12]),
        {"id": "nr"},
        [5] * 12,
    ),
    "dates across, named by two columns": (
        csv(
            "state,county,note," + ",".join(DAYS),
            ["x,a,n" + ",9" * 12, "y,a,n" + ",8" * 12, "x,b,n" + ",7" * 12],
        ),
        {"id": "county,state"},
        [9] * 12,
    ),
    "sensors in steps, series by their names": (
        csv(
            "unit," + ",".join(f"s{i}" for i in range(12)),
            [f"{u},{v:g}" + ",7" * 11 for u in "ab" for v in VALUES],
        ),
        {"id": "unit", "target": "s0", "past": "none"},
        VALUES,
    ),
    "series by two columns": (
        csv(
            "ds,station,element,y",
            [
                f"{d},{s},{e},{v + 9 * (s + e != 'ap'):g}"
                for d, v in zip(DAYS, VALUES, strict=True)
                for s in "ab"
                for e in "pt"
            ],
        ),
        {"id": "station,element"},
        VALUES,
    ),
    "series whose names are signs of missing": (
        csv(
            "ds,id,y",
            [
                f"{d},{s},{v:g}"
                for s, values in (("ND", [9] * 12), ("NA", VALUES))
                for d, v in zip(DAYS, values, strict=True)
            ],
        ),
        {},
        VALUES,
    ),
    "points of a grid": (
        csv(
            "time,latitude,longitude,t2m",
            [
                f"{d},{a},{o},{v + a + o:g}"
                for d, v in zip(DAYS, VALUES, strict=True)
                for a in (0, 5)
                for o in (0, 9)
            ],
        ),
        {},
        VALUES,
    ),
    "categories of series, no stamps": (
        pa.table({"id": pa.array(list("ab") * 12).dictionary_encode(), "y": np.repeat(VALUES, 2)}),
        {},
        VALUES,
    ),
    "open dates across, as told": (
        csv(
            "id," + ",".join(f"{m:02}/01/2024" for m in range(1, 13)),
            ["x," + ",".join(f"{v:g}" for v in VALUES), "y" + ",8" * 12],
        ),
        {"dayfirst": True},
        VALUES,
    ),
    "week and year": (csv(rows=[f"W{i + 2:02}-2020,{i}" for i in range(12)]), {}, VALUES),
    "quarters by number": (csv(rows=[f"{i % 4 + 1}Q{20 + i // 4},{i}" for i in range(12)]), {}, VALUES),
    "quarters, an apostrophe": (
        csv(rows=[f"Q{i % 4 + 1} '{20 + i // 4},{i}" for i in range(12)]),
        {},
        VALUES,
    ),
    "last day of a leap year": (
        csv(
            rows=[
                f"{t:%Y-%j},{v:g}"
                for t, v in zip(pd.date_range("2020-12-20", periods=12), VALUES, strict=True)
            ]
        ),
        {},
        VALUES,
    ),
    "years and names of months": (
        csv(
            "year,month,y",
            [f"2024,{t:%B},{t.month - 1}" for t in pd.date_range("2024-01", periods=12, freq="MS")],
        ),
        {},
        VALUES,
    ),
    "years and names of months, as told": (
        csv("jahr,monat,y", [f"2024,{name},{i}" for i, name in enumerate(GERMAN)]),
        {"time": "jahr,monat", "target": "y"},
        VALUES,
    ),
    "currency before the parentheses": (
        numbers([f"$({v}.5)" for v in range(12)]),
        {},
        [-v - 0.5 for v in VALUES],
    ),
    "rupees": (numbers([f"₹1,{100 + v}.50" for v in range(12)]), {}, [1100.5 + v for v in VALUES]),
    "export of investing.com": (
        csv(
            "Date,Price,Vol.,Change %",
            [f'"{t:%b %d, %Y}","1,{100 + v}.5",{v}.2M,-{v}.5%' for v, t in enumerate(pd.to_datetime(DAYS))][
                ::-1
            ],
        ),
        {},
        [1100.5 + v for v in VALUES],
    ),
    "export of yfinance, several names": (
        csv(
            ",Close,Close,Volume",
            ["Ticker,A,B,A", "Date,,,", *(f"{d},7,{v:g},9" for d, v in zip(DAYS, VALUES, strict=True))],
        ),
        {"target": "Close B"},
        VALUES,
    ),
    "logger of Campbell": (
        '"TOA5","CR1000","CR1000","1234","OS","1","Table"\n"TIMESTAMP","RECORD","AirT","RH"\n"TS","RN","Deg C","%"\n"","","Avg","Smp"\n'
        + "".join(f'"{t}",{v:g},{v:g},"NAN"\n' for t, v in zip(HOURS, VALUES, strict=True)),
        {"target": "AirT"},
        VALUES,
    ),
    "station of the DWD": (
        csv(
            "STATIONS_ID;MESS_DATUM;QN_9;TT_TU;eor",
            [f"      1048;{t:%Y%m%d%H};    3;{v:8};eor" for t, v in zip(HOURS, VALUES, strict=True)],
        ),
        {"target": "TT_TU"},
        VALUES,
    ),
    "24:00 in a column of times": (
        csv("Datum;Zeit;y", [f"13.01.2024;{h + 13}:00;{h}" for h in range(12)]),
        {},
        VALUES,
    ),
    "hours from, hours to": (
        csv("Datum;von;bis;MW", [f"13.01.2024;{h:02}:00;{h + 1:02}:00;{h},5" for h in range(12)]),
        {},
        [v + 0.5 for v in VALUES],
    ),
    "Swiss thousands": (
        numbers([f"{v + 1}'234.50" for v in range(12)], ";"),
        {},
        [1000 * v + 1234.5 for v in VALUES],
    ),
    "dates of mail": (hours(lambda t: f'"{t:%a, %d %b %Y %H:%M:%S} +0100"'), {}, VALUES),
    "utf-16, the high byte first": (b"\xfe\xff" + csv(sep="\t").encode("utf-16-be"), {}, VALUES),
    "trailing empty columns and rows": (
        csv("ds,y,,,", [*(f"{line},,," for line in csv().splitlines()[1:]), ",,,,", ",,,,"]),
        {},
        VALUES,
    ),
    "two spaces before the time": (hours(lambda t: f"{t:%Y%m%d  %H:%M:%S}"), {}, VALUES),
    "hours that end": (csv("Date,HE,y", [f"01/13/2024,{h + 1},{h}" for h in range(12)]), {}, VALUES),
    "hours in German": (csv("Datum,Stunde,y", [f"13.01.2024,{h},{h}" for h in range(12)]), {}, VALUES),
    "date and hhmm by name": (csv("date,hhmm,y", [f"2024-01-01,{h}00,{h}" for h in range(12)]), {}, VALUES),
    "colon for missing": (numbers(["1", ":", "3"], quote=""), {}, [1, NAN, 3]),
    "yyyymmdd without a name, rows of one day together": (
        csv(
            "b,20240101,9",
            [
                f"{s},{t:%Y%m%d},{v:g}"
                for v, t in enumerate(pd.to_datetime(DAYS))
                for s in ("ba" if v else "a")
            ],
        ),
        {"id": "column 1", "target": "column 3"},
        VALUES,
    ),
    "two columns of one name that hold the same stamps": (
        csv("ds,y,ds,z", [f"{d},{v:g},{d},7" for d, v in zip(DAYS, VALUES, strict=True)]),
        {},
        VALUES,
    ),
    "one sign of missing in a whole column": (
        csv("ds,y,z", [f"{d},{v:g},-" for d, v in zip(DAYS, VALUES, strict=True)]),
        {},
        VALUES,
    ),
    "parts of a date and a time of day": (
        csv("Year,Month,Day,Time [UTC],y", [f"2024,1,1,{h:02}:00,{h}" for h in range(12)]),
        {},
        VALUES,
    ),
    "Polish parts of a date": (
        csv("Rok;Miesiąc;Dzień;Godzina;t", [f"2024;1;1;{h};{h},5" for h in range(12)]),
        {},
        [v + 0.5 for v in VALUES],
    ),
    "hours with AM and PM": (
        csv("date,time,y", [f"{t:%Y-%m-%d},{t:%I %p},{t.hour}" for t in HOURS]),
        {},
        VALUES,
    ),
    "hours and a column of AM and PM": (
        csv("date,hour,half,y", [f"2024-01-01,{h % 12 or 12},{'AP'[h > 11]}M,{h - 6}" for h in range(6, 18)]),
        {},
        VALUES,
    ),
    "hours in French": (
        csv("Date;Heure;y", [f"13/01/2024;{h // 2}h{h % 2 * 30:02};{h}" for h in range(12)]),
        {},
        VALUES,
    ),
    "hours in German words": (
        csv("Datum;Uhrzeit;y", [f"13.01.2024;{h} Uhr;{h}" for h in range(12)]),
        {},
        VALUES,
    ),
    "years and periods of the BLS": (
        csv("series_id,year,period,value", [f"CES,{2020 + i // 12},M{i % 12 + 1:02},{i}" for i in range(24)]),
        {},
        list(range(24)),
    ),
    "negatives by an en dash": (
        numbers([f"\u2013{v}.5" for v in range(12)], quote=""),
        {},
        [-v - 0.5 for v in VALUES],
    ),
    "lone en dash": (replaced(5, "2024-01-04,\u2013"), {}, [0, 1, 2, NAN, *VALUES[4:]]),
    "lone en dash, as told": (
        replaced(5, "2024-01-04,\u2013"),
        {"missing": "\u2013"},
        [0, 1, 2, NAN, *VALUES[4:]],
    ),
    "thin spaces": (
        numbers([f"{v + 1}\u2009234,5" for v in range(12)], ";"),
        {},
        [1000 * v + 1234.5 for v in VALUES],
    ),
    "colon and a flag for missing": (replaced(5, "2024-01-04,: c"), {}, [0, 1, 2, NAN, *VALUES[4:]]),
    "hours as intervals": (
        csv("Date;Hours;SYS", [f"13-01-2024;{h:02}\u00a0-\u00a0{h + 1:02};{h},5" for h in range(12)]),
        {},
        [v + 0.5 for v in VALUES],
    ),
    "hours as intervals, the last to midnight": (
        csv("Datum,Zeit,y", [f"13.01.2024,{h + 12:02}:00-{(h + 13) % 24:02}:00,{h}" for h in range(12)]),
        {},
        VALUES,
    ),
    "hours of a twelve-hour clock behind a dash": (
        csv("Date,y", [f"{t:%Y-%m-%d %I-%p},{t.hour}" for t in HOURS]),
        {},
        VALUES,
    ),
    "dates and typed times": (
        pa.table({"date": HOURS.date, "at": [t.time() for t in HOURS], "y": VALUES}),
        {},
        VALUES,
    ),
    "hours across": (
        csv(
            "Data;" + ";".join(f"H{h:02}" for h in range(1, 25)) + ";sum",
            [f"{d};" + ";".join(f"{24 * i + h},5" for h in range(24)) + ";9" for i, d in enumerate(DAYS)],
        ),
        {},
        [v + 0.5 for v in range(288)],
    ),
    "hours across, each with a flag, and parts of a date": (
        csv(
            "ESTACION,ANO,MES,DIA," + ",".join(f"h{h},v{h}" for h in range(24)),
            [
                f"{s},{d[:4]},{d[5:7]},{d[8:]}" + "".join(f",{24 * i + h + s},V" for h in range(24))
                for s in (0, 4)
                for i, d in enumerate(DAYS)
            ],
        ),
        {"id": "ESTACION"},
        list(range(288)),
    ),
    "half hours across that end at midnight": (
        csv(
            "date," + ",".join(f"{(h + 1) // 2}:{(h + 1) % 2 * 30:02}" for h in range(48)),
            [
                f"{d:%Y%m%d}," + ",".join(f"{48 * i + h}" for h in range(48))
                for i, d in enumerate(pd.to_datetime(DAYS))
            ],
        ),
        {},
        list(range(576)),
    ),
    "hours across, one of them the target": (
        csv(
            "date," + ",".join(f"Hour {h}" for h in range(1, 25)),
            [f"{d},{i}" + ",7" * 23 for i, d in enumerate(DAYS)],
        ),
        {"target": "Hour 1", "past": "none"},
        VALUES,
    ),
    "hours across, each a series": (
        csv(
            "date," + ",".join(f"H{h:02}" for h in range(1, 25)),
            [f"{d},{i}" + ",7" * 23 for i, d in enumerate(DAYS)],
        ),
        {"target": "all"},
        VALUES,
    ),
    "frame": (pd.DataFrame({"ds": HOURS, "y": VALUES}), {}, VALUES),
    "frame with two levels of rows": (
        pd.DataFrame({"y": VALUES * 2}, index=pd.MultiIndex.from_product([["a", "b"], HOURS])),
        {},
        VALUES,
    ),
    "frame with two levels of columns": (
        pd.DataFrame({("Close", "A"): VALUES, ("Volume", "A"): 1.0}, index=HOURS),
        {"target": "Close A"},
        VALUES,
    ),
    "stamps in string_view": (
        pa.table({"ds": pa.array([str(t) for t in HOURS], pa.string_view()), "y": VALUES}),
        {},
        VALUES,
    ),
    "stamps in bytes": (pa.table({"ds": [str(t).encode() for t in HOURS], "y": VALUES}), {}, VALUES),
    "dictionary of stamps": (pa.table({"ds": pa.array(HOURS).dictionary_encode(), "y": VALUES}), {}, VALUES),
    "dictionary of numbers": (pa.table({"ds": HOURS, "y": pa.array(VALUES).dictionary_encode()}), {}, VALUES),
    "uint64": (
        pa.table({"ds": HOURS, "y": pa.array([2**63 + (v << 40) for v in range(12)], pa.uint64())}),
        {},
        [2.0**63 + v * 2.0**40 for v in VALUES],
    ),
    "nested columns beside": (
        pa.table({"ds": HOURS, "y": VALUES, "s": [{"a": 1}] * 12, "l": [[1, 2]] * 12}),
        {},
        VALUES,
    ),
    "series": (pd.Series(VALUES, index=HOURS), {}, VALUES),
    "frame with a period index": (
        pd.DataFrame({"y": VALUES}, index=pd.period_range("2024-01", periods=12, freq="M")),
        {},
        VALUES,
    ),
    "arrow table": (pa.table({"ds": HOURS, "y": VALUES}), {}, VALUES),
    "date32": (
        pa.table(
            {"ds": pa.array([datetime.date(2024, 1, d) for d in range(1, 13)], pa.date32()), "y": VALUES}
        ),
        {},
        VALUES,
    ),
    "decimal128": (
        pa.table({"ds": HOURS, "y": pa.array([decimal.Decimal(v) for v in range(12)], pa.decimal128(9, 2))}),
        {},
        VALUES,
    ),
    "float16": (pa.table({"ds": HOURS, "y": pa.array(np.array(VALUES, "float16"))}), {}, VALUES),
    "dictionary of text": (
        pa.table({"ds": HOURS, "y": VALUES, "sky": pa.array(["clear"] * 12).dictionary_encode()}),
        {},
        VALUES,
    ),
    "stamps in large_string": (
        pa.table({"ds": pa.array([str(t) for t in HOURS], pa.large_string()), "y": VALUES}),
        {},
        VALUES,
    ),
    "booleans": (pa.table({"ds": HOURS, "y": [h % 2 == 0 for h in range(12)]}), {}, [1.0, 0.0] * 6),
    **{
        f"timestamp {unit} {zone}": (
            pa.table({"ds": pa.array(HOURS.tz_localize("UTC")).cast(pa.timestamp(unit, zone)), "y": VALUES}),
            {},
            VALUES,
        )
        for unit in ("s", "ms", "us", "ns")
        for zone in (None, "Europe/Paris")
    },
    "a name that is another in each row": (
        csv(
            "id;name;date;y",
            [f"{i + 1};event{i};{d:%d/%m/%Y};{i}" for i, d in enumerate(map(pd.Timestamp, DAYS))],
        ).replace(",", ";"),
        {"target": "y"},
        VALUES,
    ),
}

# name: content, flags, code, rows, words of the message
BAD = {
    "text in numbers": (
        replaced(6, "2024-01-05,4x"),
        {},
        "text-in-numbers",
        (6,),
        "Row 6 has no number in column 'y': found '4x'",
    ),
    "text in numbers after a comment": (
        replaced(7, "2024-01-05,4x", "# made\n" + csv()),
        {},
        "text-in-numbers",
        (7,),
        "Row 7 has no number",
    ),
    "text in a past column": (
        csv(
            "ds,y,wind",
            rows=[f"{d},1{v:g},{'calm' if v == 3 else v}" for d, v in zip(DAYS, VALUES, strict=True)],
        ),
        {},
        "text-in-numbers",
        (5,),
        "`missing=calm`",
    ),
    "trace of rain": (replaced(6, "2024-01-05,T"), {}, "text-in-numbers", (6,), "usually written as 0"),
    "open quote": (
        csv("ds,y,note", [f"{d},1,{chr(34) if d == DAYS[4] else ''}ok" for d in DAYS]),
        {},
        "open-quote",
        (6,),
        "the 8 rows after it",
    ),
    "row of a total": (csv() + "Total,66\n", {}, "unreadable-stamp", (14,), "found 'Total'"),
    "zone names": (
        hours(lambda t: f"{t} CET"),
        {},
        "unreadable-stamp",
        (),
        "found '2024-01-01 00:00:00 CET'. Write them as",
    ),
    "zone names in brackets": (
        hours(lambda t: f"{t} (CET/CEST)"),
        {},
        "unreadable-stamp",
        (),
        "left out and given by `tz`",
    ),
    "hours from-to": (
        hours(lambda t: f"{t:%Y-%m-%d %H:%M}-{t + pd.Timedelta('7h'):%H:%M}"),
        {},
        "unreadable-stamp",
        (10, 11, 12, 13),
        "found '2024-01-01 08:00-15:00'",
    ),
    "columns of spaces": (
        "\n".join(f"{d}   {v:g}" for d, v in zip(["ds", *DAYS], [0, *VALUES], strict=True)),
        {},
        "not-a-table",
        (),
        "spaces between",
    ),
    "columns of spaces and numbers alone": (
        "year month y\n" + "".join(f"2024 {m} {m}\n" for m in range(1, 13)),
        {},
        "not-a-table",
        (),
        "spaces between its columns: found '2024 12 12'",
    ),
    "columns of spaces under notes": (
        "Oxford\nLocation: 4509 2072, 63 metres\n"
        + "\n".join(f"  2024 {m:2}  {m}.1   ---" for m in range(1, 13))
        + "\n",
        {},
        "not-a-table",
        (),
        "found '2024 12  12.1   ---'. Write it with commas",
    ),
    "web page": ("<!DOCTYPE html>\n<p>Not found, sorry</p>\n", {}, "not-a-table", (), "It is a web page"),
    "JSON": ('{"Note": "at most 5 calls a minute"}\n', {}, "not-a-table", (), "It is JSON"),
    "value and flag in a cell": (
        csv("DATE,TMP", [f'{d},"+{i:04},1"' for i, d in enumerate(DAYS)]),
        {"target": "TMP"},
        "which-target",
        (),
        "column 'TMP' holds '+0000,1'",
    ),
    "target of value and flag": (
        csv("DATE,TMP,y", [f'{d},"-{i:04},1",2' for i, d in enumerate(DAYS)]),
        {"target": "TMP"},
        "no-such-column",
        (),
        "in tenths",
    ),
    "pressure and flag in a cell": (
        csv(
            "DATE,SLP",
            [
                f'{d},"{v:05},{1 if i else 5}"'
                for i, (d, v) in enumerate(zip(DAYS, [*range(9995, 10006), 99999], strict=True))
            ],
        ),
        {"target": "SLP"},
        "which-target",
        (),
        "column 'SLP' holds '09995,5'",
    ),
    "several words among numbers": (
        replaced(6, "2024-01-05,no data yet", replaced(4, "2024-01-03,Bad")),
        {},
        "text-in-numbers",
        (4, 6),
        "found 'Bad' (2 such rows). Mend the cells, or say with `missing='Bad,no data yet'` that they mean missing.",
    ),
    "numbers with marks": (
        numbers(["1", "2", "3*", "4", "5", "6", "7", "8", "9p", "10p"], quote=""),
        {},
        "text-in-numbers",
        (4, 10, 11),
        "Write the",
    ),
    "unit in each cell": (
        numbers([f"{v} mm" for v in range(12)]),
        {},
        "which-target",
        (),
        "column 'y' holds '0 mm'",
    ),
    "text in a past column with a blank": (
        csv("ds,y,z", [f"{d},1,{'no idea' if d == DAYS[2] else 4}" for d in DAYS]),
        {},
        "text-in-numbers",
        (4,),
        "`missing='no idea'`",
    ),
    "years and quarters in one column": (
        csv(
            "label,y",
            [
                *(f"{1990 + i},{i}" for i in range(8)),
                *(f"{1990 + i // 4} Q{i % 4 + 1},{i}" for i in range(12)),
            ],
        ),
        {},
        "unreadable-stamp",
        tuple(range(2, 10)),
        "Row 2 has no stamp in column 'label' as others there, year-quarter: found '1990' (8 such rows)",
    ),
    "no name of a month": (
        csv("year,month,y", [f"2024,{'Foo' if m == 4 else calendar.month_name[m]},1" for m in range(1, 13)]),
        {},
        "unreadable-stamp",
        (5,),
        "Row 5 has no month in column 'month', beside the year: found 'Foo' (1 such row). Mend it.",
    ),
    "open dates across": (
        csv("id," + ",".join(f"{m:02}/01/2024" for m in range(1, 13)), ["x" + ",9" * 12, "y" + ",8" * 12]),
        {},
        "which-time",
        (),
        "12 stamps across, 01/01/2024 to 12/01/2024, and none tells the order of day and month. Say it with `dayfirst=true` or `dayfirst=false`.",
    ),
    "day 366 of a common year": (
        csv(rows=[f"2019-{i},1" for i in range(355, 367)]),
        {},
        "unreadable-stamp",
        (13,),
        "found '2019-366'",
    ),
    "week 53 of a year of 52": (
        csv(rows=[f"2021-W{i},1" for i in range(42, 54)]),
        {},
        "unreadable-stamp",
        (13,),
        "found '2021-W53'",
    ),
    "dates too wide for their column": (
        replaced(6, "########,4"),
        {},
        "unreadable-stamp",
        (6,),
        "found '########'",
    ),
    "clock that was set back for good": (
        csv(rows=[f"{t if i < 8 else t - pd.Timedelta('7000D')},{i}" for i, t in enumerate(HOURS)]),
        {},
        "sparse",
        (),
        "the longest gap, 2004-11-01 11:00 to 2024-01-01, is after row 13.",
    ),
    "dates once a day": (
        csv("date,hour,y", [f"{DAYS[0] if h == 0 else ''},{h},{h}" for h in range(12)]),
        {},
        "missing-stamp",
        tuple(range(3, 13)),
        "Row 3",
    ),
    "stations once": (
        csv("station,ds,y", [f"{'a' if d == DAYS[0] else ''},{d},1" for d in DAYS * 2]),
        {"id": "station"},
        "missing-id",
        tuple(range(3, 13)),
        "Row 3",
    ),
    "split among prices": (
        replaced(6, "2024-01-05,2:1 Stock Split"),
        {},
        "text-in-numbers",
        (6,),
        "found '2:1 Stock Split'",
    ),
    "below a limit of detection": (
        replaced(6, "2024-01-05,<0.1"),
        {},
        "text-in-numbers",
        (6,),
        "Write the number alone.",
    ),
    "Fahrenheit in each cell": (
        numbers([f"{v} °F" for v in range(12)]),
        {},
        "which-target",
        (),
        "column 'y' holds '0 °F'",
    ),
    "ranges": (
        numbers([f"{v}-{v + 3}" for v in range(12)]),
        {},
        "which-target",
        (),
        "column 'y' holds '0-3'",
    ),
    "points and commas for both": (
        numbers(["1.234,5", "1,234.5"] * 6, ";"),
        {},
        "text-in-numbers",
        (2, 4, 6, 8, 10, 12),
        "found '1.234,5'",
    ),
    "zero dates of MySQL": (replaced(6, "0000-00-00,4"), {}, "unreadable-stamp", (6,), "found '0000-00-00'"),
    "revisions of rows": (
        csv("ds,y,version", [f"{d},{i + v},{v}" for v in (1, 2) for i, d in enumerate(DAYS)]),
        {"target": "y"},
        "conflicting-duplicate",
        tuple(range(14, 24)),
        "Column 'version' tells such rows apart",
    ),
    "two stations below each other": (
        "Station A\n" + csv() + "Station B\n" + csv(),
        {},
        "ragged-rows",
        (15,),
        "Row 15 of x.csv has 1 cell, the header 2",
    ),
    "dates without a year": (
        csv("date,y", [f"{i + 1}-Jan,{i}" for i in range(12)]),
        {},
        "unreadable-stamp",
        (),
        "found '1-Jan'",
    ),
    "column that tells rows apart": (
        csv("ds,id,element,y", [f"{d},a,{e},{i}" for d in DAYS for i, e in enumerate(("TMAX", "TMIN"))]),
        {},
        "conflicting-duplicate",
        tuple(range(3, 23, 2)),
        "Column 'element' tells such rows apart: `id=element`, with a comma behind the column",
    ),
    "column of two words that tells rows apart": (
        csv("ds,id,the element,y", [f"{d},a,{e},{i}" for d in DAYS for i, e in enumerate(("TMAX", "TMIN"))]),
        {},
        "conflicting-duplicate",
        tuple(range(3, 23, 2)),
        "`id='the element'`, with a comma behind the column",
    ),
    "number that tells rows apart": (
        csv("ds,store,y", [f"{d},{e},{i + 1}" for i, d in enumerate(DAYS) for e in (1, 2)]).replace(
            ",1,", ",1,1"
        ),
        {"target": "y"},
        "conflicting-duplicate",
        tuple(range(3, 23, 2)),
        "Column 'store' tells such rows apart: `id=store`",
    ),
    "one stamp far from all others": (
        replaced(6, "1904-01-05,4"),
        {},
        "sparse",
        (),
        "Row 6 lies far from all others: mend or remove it.",
    ),
    "carriage return in a row": (
        replaced(6, "2024-01-05,\r4"),
        {},
        "ragged-rows",
        (7,),
        "Row 7 of x.csv has 1 cell",
    ),
    "stamps never whole": (
        csv(rows=[f"{t + pd.Timedelta(seconds=i % 5)},{i}" for i, t in enumerate(HOURS)]),
        {},
        "off-grid",
        (2, 3, 4, 5, 6, 12, 13),
        "`round=1h`",
    ),
    "dates across and a number that names the rows": (
        csv("sensor," + ",".join(DAYS), ["102" + ",9" * 12, "101" + ",5" * 12]),
        {},
        "which-id",
        (),
        "12 columns that are stamps, 2024-01-01 to 2024-01-12, so each row seems to be a series, but no column of text names it. Name the column that"
        " does with `id=sensor`, or take `target=all`",
    ),
    "dates across and no names": (
        csv("state," + ",".join(DAYS), ["x" + ",9" * 12, "x" + ",8" * 12]),
        {},
        "which-id",
        (),
        "name some of them alike",
    ),
    "dates across and a name that is no name": (
        csv("state,county," + ",".join(DAYS), ["x,a" + ",9" * 12, "x,b" + ",8" * 12]),
        {"id": "state"},
        "which-id",
        (),
        "name the columns that do with `id`",
    ),
    "months across of years that are none": (
        csv("year," + ",".join(GERMAN), [f"{y}" + ",9" * 12 for y in (3000, 3001)]),
        {},
        "which-target",
        (),
        "year, Jan",
    ),
    "text in several cells of rows under dates across": (
        csv("id," + ",".join(DAYS), ["x" + ",9" * 12, "y" + ",7 p" * 12, "z,7 p" + ",7" * 11]),
        {},
        "text-in-numbers",
        (3, 4),
        "Row 3 has no number in column 'value': found '7 p' (2 such rows)",
    ),
    "text among dates across": (
        csv("id," + ",".join(DAYS), ["x" + ",9" * 12, "y,7 p" + ",8" * 11]),
        {},
        "text-in-numbers",
        (3,),
        "found '7 p'",
    ),
    "last row cut off": (csv()[:-6], {}, "ragged-rows", (13,), "Row 13 of x.csv has 1 cell"),
    "1e400": (replaced(6, "2024-01-05,1e400"), {}, "infinite", (6,), "`missing=inf`"),
    "gzip by another name": (gzip.compress(csv().encode()), {}, "not-a-table", (), "call it .csv.gz"),
    "Excel by another name": (b"PK\x03\x04" + bytes(200), {}, "not-a-table", (), "save the sheet as CSV"),
    "infinite": (replaced(6, "2024-01-05,inf"), {}, "infinite", (6,), "Row 6 is infinite in column 'y'"),
    "conflicting duplicate": (
        added("2024-01-05,99"),
        {},
        "conflicting-duplicate",
        (14,),
        "Rows 6 and 14 of series 'y' have the same stamp 2024-01-05",
    ),
    "repeated hour of autumn": (
        csv(rows=[f"{t:%Y-%m-%d %H:%M},{i}" for i, t in enumerate(AUTUMN)]),
        {},
        "conflicting-duplicate",
        (29,),
        "`tz=Europe/Paris`",
    ),
    "repeated hour of autumn, and columns that differ in it": (
        csv(
            "from,to,y",
            [f"{t:%Y-%m-%d %H:%M},x{t + pd.Timedelta('1h'):%H:%M},{i}" for i, t in enumerate(AUTUMN)],
        ),
        {"time": "from"},
        "conflicting-duplicate",
        (29,),
        "`tz=Europe/Paris`",
    ),
    "two columns of stamps in other forms": (
        csv("made,valid,y", [f"{d},{d[8:]}.{d[5:7]}.2023,{i}" for i, d in enumerate(DAYS)]),
        {},
        "which-time",
        (),
        "made, valid. Name the one to use with `time`",
    ),
    "tables side by side": (
        csv("Date,y,Date,z", [f"{d},1,{DAYS[i + (i > 4)]},2" for i, d in enumerate(DAYS[:11])]),
        {},
        "which-time",
        tuple(range(7, 13)),
        "called Date, and differ in 6 rows, first in row 7: 2024-01-06 and 2024-01-07",
    ),
    "two tables below each other": (
        "ds,y\n"
        + csv(header="ds,y,z", rows=[]).join(
            ["".join(f"{d},1\n" for d in DAYS), "".join(f"{d},1,2\n" for d in DAYS)]
        ),
        {},
        "ragged-rows",
        tuple(range(2, 12)),
        "Row 2 of x.csv has 2 cells, those below row 14 have 3 (12 such rows)",
    ),
    "hour twice, by a letter": (
        csv("Datum,Stunde,y", [f"27.10.2024,{h},1" for h in (0, 1, "2A", "2B", *range(3, 24))]),
        {"time": "Datum,Stunde"},
        "unreadable-stamp",
        (4,),
        "Row 4 has no number in column 'Stunde', a part of the stamp: found '2A' (1 such row)",
    ),
    "off the grid": (replaced(6, "2024-01-05 03:00,4"), {}, "off-grid", (6,), "`every=1D` `how=mean`"),
    "unreadable stamp": (
        replaced(6, "yesterday,4"),
        {},
        "unreadable-stamp",
        (6,),
        "found 'yesterday' (1 such row)",
    ),
    "30 February": (replaced(6, "2024-02-30,4"), {}, "unreadable-stamp", (6,), "found '2024-02-30'"),
    "missing stamp": (replaced(6, ",4"), {}, "missing-stamp", (6,), "Row 6 has no stamp"),
    "out of range": (
        replaced(6, "3024-01-05,4"),
        {},
        "out-of-range",
        (6,),
        "outside of the years 1678 to 2261",
    ),
    "both orders": (
        csv(rows=["13/01/2024,1", "14/01/2024,2", "01/15/2024,3"]),
        {},
        "mixed-day-first",
        (2, 4),
        "can only be day-first",
    ),
    "day first, told the month": (
        csv(rows=["01/02/2020,1", "13/02/2020,2", "02/03/2020,3"]),
        {"dayfirst": False},
        "mixed-day-first",
        (3,),
        "Row 3 can only be day-first (13/02/2020) in column 'ds', where the month comes first, as given by `dayfirst=False` or by the run."
        " Mend the row, or leave `dayfirst=False` out.",
    ),
    "month first, told the day": (
        csv(rows=["01/02/2020,1", ",", "02/13/2020,2", "02/14/2020,3"]),
        {"dayfirst": True},
        "mixed-day-first",
        (4,),
        "Row 4 can only be month-first (02/13/2020) in column 'ds', where the day comes first, as given by `dayfirst=True` or by the run."
        " Mend the row, or leave `dayfirst=True` out.",
    ),
    "both orders, told the day": (
        csv(rows=["13/01/2024,1", "14/01/2024,2", "01/15/2024,3"]),
        {"dayfirst": True},
        "mixed-day-first",
        (2, 4),
        "Row 2 can only be day-first (13/01/2024) and row 4 can only be month-first (01/15/2024) in column 'ds'. Write them in one order",
    ),
    "mixed zones": (
        replaced(6, "2024-01-05,4", stamps(lambda t: f"{t.isoformat()}+01:00")),
        {},
        "mixed-zones",
        (6,),
        "no offset from UTC",
    ),
    "longer row": (
        replaced(6, "2024-01-05,4,x"),
        {},
        "ragged-rows",
        (6,),
        "Row 6 of x.csv has 3 cells, the header 2",
    ),
    "shorter row": (
        replaced(6, "2024-01-05"),
        {},
        "ragged-rows",
        (6,),
        "Row 6 of x.csv has 1 cell, the header 2",
    ),
    "decimal comma in a comma file": (
        csv(rows=[f"{d},{v:g},5" for d, v in zip(DAYS, VALUES, strict=True)]),
        {},
        "decimal-comma-in-comma-file",
        (2,),
        "semicolons",
    ),
    "two time columns": (
        csv("made,issued,y", rows=[f"{d},{d},1" for d in DAYS]),
        {},
        "which-time",
        (),
        "made, issued. Name the one to use with `time`",
    ),
    "two targets, named by years of delivery": (
        csv("ds," + ",".join(str(year) for year in range(2025, 2036)), [d + ",9" * 11 for d in DAYS]),
        {},
        "which-target",
        (),
        "take `target=all` to forecast each",
    ),
    "two targets": (
        csv("ds,a,b", rows=[f"{d},1,2" for d in DAYS]),
        {},
        "which-target",
        (),
        "a, b. Name one with `target`",
    ),
    "no number": (csv(rows=[f"{d},clear" for d in DAYS]), {}, "which-target", (), "no numeric column"),
    "two ids": (
        csv("ds,station,name,y", rows=[f"{d},{s},{s},1" for s in "ab" for d in DAYS]),
        {},
        "which-id",
        (),
        "station, name. Name one with `id`",
    ),
    "number and a flag of Eurostat": (
        replaced(6, "2024-01-05,4.3 b"),
        {},
        "text-in-numbers",
        (6,),
        "a number and a flag, as cells of Eurostat",
    ),
    "half hours by number": (
        csv("date,hour,y", [f"{d},{h},{h}" for d in DAYS[:2] for h in range(1, 49)]),
        {"target": "y"},
        "conflicting-duplicate",
        tuple(range(3, 13)),
        "Name the column",
    ),
    "half hours by number, as told": (
        csv("date,hour,y", [f"{d},{h},{h}" for d in DAYS[:2] for h in range(1, 49)]),
        {"target": "y", "time": "date,hour"},
        "unreadable-stamp",
        (*range(26, 36),),
        "found '2024-01-01 00:00:00 25' (48 such rows)",
    ),
    "means of years among periods of the BLS": (
        csv("series_id,year,period,value", [f"CES,{2020 + i // 13},M{i % 13 + 1:02},{i}" for i in range(26)]),
        {},
        "unreadable-stamp",
        (14, 27),
        "Row 14 has no month in column 'period', beside the year: found 'M13' (2 such rows)",
    ),
    "metres in each cell": (
        numbers([f"{v} m" for v in range(12)], quote=""),
        {},
        "which-target",
        (),
        "column 'y' holds '0 m'",
    ),
    "structs alone": (
        pa.table({"ds": HOURS, "y": [{"a": v} for v in VALUES]}),
        {},
        "which-target",
        (),
        "column 'y' is of type struct<a: double>. Write what is in it as columns of numbers, one value a cell.",
    ),
    "lists as the target": (
        pa.table({"ds": HOURS, "y": [[v] for v in VALUES]}),
        {"target": "y"},
        "no-such-column",
        (),
        "of type list<",
    ),
    "second table below": (
        csv() + "\nds,rain\n" + "".join(f"{d},1\n" for d in DAYS[:3]),
        {},
        "second-table",
        (15,),
        "Row 15 of x.csv holds other names than the header, ds, rain: a second table begins there. Give each table a separate file.",
    ),
    "steps ahead across, beside hours": (
        csv("issued," + ",".join(f"h{h}" for h in range(24)), [f"{t}" + ",7" * 24 for t in HOURS]),
        {},
        "which-target",
        (),
        "h0, h1, h2",
    ),
    "text among hours across": (
        csv(
            "date," + ",".join(f"H{h:02}" for h in range(1, 25)),
            [f"{d},{'7 p' if i == 2 else i}" + ",7" * 23 for i, d in enumerate(DAYS)],
        ),
        {},
        "text-in-numbers",
        (4,),
        "Row 4 has no number in column 'value': found '7 p'",
    ),
    "nameless row": (
        csv("ds,id,y", rows=[f"{d},{'' if d == DAYS[3] else 'a'},1" for d in DAYS]),
        {"id": "id"},
        "missing-id",
        (5,),
        "Row 5 names no",
    ),
    "no such target": (
        csv("ds,temp", rows=[f"{d},1" for d in DAYS]),
        {"target": "tmp"},
        "no-such-column",
        (),
        "Did you mean temp?",
    ),
    "empty target": (
        csv("ds,y,z", rows=[f"{d},NA,1" for d in DAYS]),
        {"target": "y"},
        "no-target",
        (),
        "no value in any row",
    ),
    "empty file": ("", {}, "not-a-table", (), "it is empty"),
    "bytes": (b"\x00\x01\x02\x00\x00" * 40, {}, "not-a-table", (), "holds zero bytes"),
    "lists as names": (
        pa.table({"ds": HOURS, "y": VALUES, "l": [[1]] * 12}),
        {"id": "l"},
        "no-such-column",
        (),
        "type list<",
    ),
    "lists as categories": (
        pa.table({"ds": HOURS, "y": VALUES, "l": [[1]] * 12}),
        {"past": "l", "category": "l"},
        "no-such-column",
        (),
        "column 'l'",
    ),
    "bytes as stamps": (
        pa.table({"ds": [b"\xff"] * 12, "y": VALUES}),
        {"time": "ds"},
        "no-such-column",
        (),
        "type binary",
    ),
    "times of day alone": (
        pa.table({"t": pa.array([datetime.time(h) for h in range(12)]), "y": VALUES}),
        {"time": "t"},
        "which-time",
        (),
        "without a date",
    ),
    "lists beside rows of one stamp": (
        pa.table({"ds": [HOURS[0]] * 12, "y": VALUES, "l": [[1]] * 12, "station": [b"\xff"] * 12}),
        {},
        "conflicting-duplicate",
        tuple(range(1, 11)),
        "Name the column",
    ),
    "infinite angles": (
        pa.table({"ds": HOURS, "y": VALUES, "d": [np.inf] * 12}),
        {"circular": "d"},
        "infinite",
        tuple(range(10)),
        "column 'd'",
    ),
    "infinite hours": (
        pa.table({"date": HOURS.date, "hour": [np.inf] * 12, "y": VALUES}),
        {"time": "date,hour"},
        "unreadable-stamp",
        tuple(range(10)),
        "inf",
    ),
    "rows of nothing": (
        csv("ds,y", ["NA,NA"] * 9),
        {"time": "ds", "target": "y"},
        "no-rows",
        (),
        "no value in any",
    ),
    "header only": ("ds,y\n", {}, "no-rows", (), "holds no rows"),
    "too sparse": (
        csv(rows=["2024-01-01 00:00,1", "2024-01-01 00:01,2", "2024-06-01 00:00,3", "2024-06-01 00:01,4"]),
        {},
        "sparse",
        (),
        "`every=1D`",
    ),
    "angle of 999": (
        csv("ds,y,dir", rows=[f"{d},1,{999 if d == DAYS[2] else 90}" for d in DAYS]),
        {"circular": "dir"},
        "not-an-angle",
        (4,),
        "`missing=999`",
    ),
    "hour that does not exist": (
        csv(rows=[f"{t:%Y-%m-%d %H:%M},1" for t in pd.date_range("2024-03-31", periods=6, freq="h")]),
        {"tz": "Europe/Paris"},
        "nonexistent-time",
        (4,),
        "does not exist in Europe/Paris",
    ),
    "step finer than the readings": (
        hours(str),
        {"every": "7min"},
        "too-fine",
        (),
        "`every=7min` is finer than the readings of",
    ),
    "stamps of which a third are broken": (
        csv(
            "start,y",
            [
                f"{d},{i}"
                for i, d in enumerate(
                    ["04/10/96", "15/07/97", "10/12/97", "06/03/99", "//1994", "/02/1967"] * 3
                )
            ],
        ),
        {},
        "unreadable-stamp",
        (6, 7, 12, 13, 18, 19),
        "in column 'start', where most cells are stamps: found '//1994'",
    ),
    "step without stamps": ("y\n1\n2\n3\n", {"every": "1h"}, "which-time", (), "`every=1h` needs stamps"),
}

# name: content, flags, code, rows: what is read all the same, and said
SAID = {
    "windows-1252": (csv("ds,y°").encode("cp1252"), {}, "encoding", ()),
    "preamble": ("Station 7\n" + csv(), {}, "preamble", (1,)),
    "row of units": (csv("date,temp", [",degC", *csv().splitlines()[1:]]), {}, "second-header", (2,)),
    "comments": (added("# replaced", at=6), {}, "comments", ()),
    "header once more": (added("ds,y", at=6), {}, "repeated-header", (6,)),
    "words below": (csv() + "Source: a bank\n", {}, "footer", (14,)),
    "infinite numbers called date": (
        pa.table({"date": [np.inf, *range(20240101, 20240112)], "y": VALUES}),
        {"past": "none"},
        "unread-time",
        (),
    ),
    "numbers of orders": (
        csv("order,y", rows=[f"{1234567890 + i},{i}" for i in range(12)]),
        {"target": "y"},
        "time",
        (),
    ),
    "numbers of orders by year": (
        csv("order,y", rows=[f"{2024001 + i},{i}" for i in range(12)]),
        {"target": "y"},
        "time",
        (),
    ),
    "whole numbers beyond 2^53 as parts": (
        pa.table({"y": VALUES, "time": pa.array([-(10**17) - i for i in range(12)])}),
        {"past": "none"},
        "time",
        (),
    ),
    "parts of a year called time": (
        csv("time,y", rows=[f"{1949 + i / 12:.3f},{i}" for i in range(12)]),
        {"past": "none"},
        "unread-time",
        (),
    ),
    "lone point of three digits": (
        numbers([f"1.{v + 100}" for v in range(12)], ";", ""),
        {},
        "ambiguous-decimal",
        (),
    ),
    "title over two columns": ("A price,\n" + csv(), {}, "preamble", (1,)),
    "row numbers of pandas, kept twice": (
        GOOD["row numbers of pandas"][0].replace(": 0", ": 0.1"),
        {},
        "index-column",
        (),
    ),
    "numbers called date": (
        csv("date,y", rows=[f"{i / 7:.3f},{i}" for i in range(12)]),
        {},
        "unread-time",
        (),
    ),
    "currency": (numbers([f"$ {v}" for v in range(12)]), {}, "number-format", ()),
    "negatives in parentheses": (numbers([f"({v})" for v in range(12)]), {}, "number-format", ()),
    "no header": ("\n".join(csv().splitlines()[1:]), {}, "no-header", ()),
    "empty rows": (csv() + ",\n", {}, "empty-rows", ()),
    "spaces in names": (csv("ds, y"), {}, "column-names", ()),
    "same name twice": (csv("ds,y,y", rows=[f"{d},1,9" for d in DAYS]), {}, "duplicate-column", ()),
    "trailing separators": ("\n".join(line + "," for line in csv().splitlines()), {}, "empty-column", ()),
    "row numbers": (
        ",ds,y\n" + "\n".join(f"{i},{line}" for i, line in enumerate(csv().splitlines()[1:])),
        {},
        "index-column",
        (),
    ),
    "text column": (csv("ds,y,sky", rows=[f"{d},1,clear" for d in DAYS]), {}, "text", ()),
    "thousands": (numbers([f"{v:,.1f}" for v in PRICES]), {}, "number-format", ()),
    "big integers of 64 bits": (
        pa.table({"ds": HOURS, "y": pa.array([2**60 + i for i in range(12)])}),
        {},
        "int-overflow",
        tuple(range(10)),
    ),
    "big integers": (csv(rows=[f"{d},{2**60 + 1}" for d in DAYS]), {}, "int-overflow", tuple(range(2, 12))),
    "sentinel": (replaced(5, "2024-01-04,-9999"), {}, "sentinel", (5,)),
    "named missing": (replaced(5, "2024-01-04,-9999"), {"missing": "-9999"}, "named-missing", ()),
    "named missing word": (replaced(5, "2024-01-04,broken"), {"missing": "broken"}, "named-missing", ()),
    "lone en dash": (replaced(5, "2024-01-04,\u2013"), {}, "assumed-missing", (5,)),
    "colon and a flag": (replaced(5, "2024-01-04,: c"), {}, "assumed-missing", (5,)),
    "zone above the table": (
        "lat,timezone,name\n52.5,Europe/Berlin,CET\n\n" + hours(str),
        {},
        "zone-in-name",
        (),
    ),
    "Central Europe in the name": (
        hours(lambda t: f"{t:%d.%m.%Y %H:%M}").replace("ds,", "MTU (CET/CEST),"),
        {},
        "zone-in-name",
        (),
    ),
    "lone dash": (replaced(5, "2024-01-04,-"), {}, "assumed-missing", (5,)),
    "error of a spreadsheet": (replaced(5, "2024-01-04,#DIV/0!"), {}, "assumed-missing", (5,)),
    "one sign of missing in a whole column": (
        csv("ds,y,z", [f"{d},1,-" for d in DAYS]),
        {},
        "empty-column",
        (),
    ),
    "numbers that could be stamps": (
        csv("a,20240101,9", [f"{s},{t:%Y%m%d},9" for s in "ab" for t in pd.to_datetime(DAYS)][1:]),
        {"target": "column 3"},
        "unread-time",
        (),
    ),
    "outlier": (replaced(5, "2024-01-04,4321"), {}, "outlier", (5,)),
    "row numbers of pandas": (GOOD["row numbers of pandas"][0], {}, "index-column", ()),
    "angle": (csv("ds,y,dir", rows=[f"{d},1,90" for d in DAYS]), {"circular": "dir"}, "circular", ()),
    "day first": (csv(rows=[f"{d:02}/01/2024,{d}" for d in range(1, 14)]), {}, "day-first", ()),
    "year or day, both of two digits": (
        csv(rows=[f"{d}-01-01,{d}" for d in range(15, 27)]),
        {},
        "ambiguous-day-first",
        tuple(range(2, 12)),
    ),
    "several currencies": (numbers([f"{'$€'[v % 2]}{v}" for v in range(12)]), {}, "mixed-units", ()),
    "percent and bare numbers": (
        numbers([f"{v}%" if v % 2 else f"0.0{v}" for v in range(12)]),
        {},
        "mixed-units",
        (),
    ),
    "offset in the name": (hours(str).replace("ds,", "Time (UTC+01:00),"), {}, "zone-in-name", ()),
    "order of day and month open": (
        csv(rows=[f"{m:02}/01/2024,{m}" for m in range(1, 13)]),
        {},
        "ambiguous-day-first",
        tuple(range(3, 13)),
    ),
    "form of stamps": (stamps(lambda t: f"{t:%Y%m%d}"), {}, "time-format", ()),
    "days since 1970": (
        csv("date,y", rows=[f"{20089 + i},{i}" for i in range(12)]),
        {},
        "ambiguous-day-numbers",
        (13,),
    ),
    "column of one zone": (
        csv("time,tz,y", [f"{t},Europe/Paris,{t.hour}" for t in HOURS]),
        {},
        "zone-in-name",
        (),
    ),
    "column of one offset": (
        csv("time,utc_offset,y", [f"{t},+01:00,{t.hour}" for t in HOURS]),
        {},
        "zone-in-name",
        (),
    ),
    "line end in a name": (
        'ds,"y\r\n(mm)"\r\n' + csv(end="\r\n").partition("\r\n")[2],
        {},
        "column-names",
        (),
    ),
    "day numbers that lie ahead": (
        csv("date,y", rows=[f"{60310 + i},{i}" for i in range(12)]),
        {},
        "ambiguous-day-numbers",
        (13,),
    ),
    "zone": (hours(lambda t: f"{t}"), {"tz": "Europe/Paris"}, "zone", ()),
    "trading days": (
        csv(rows=[f"{t:%Y-%m-%d},1" for t in pd.bdate_range("2024-01-01", periods=30).delete([7])]),
        {},
        "assumed-stamps",
        (),
    ),
    "bars with a lunch break": (
        csv(rows=[f"{t},1" for t in LUNCH]),
        {"tz": "Asia/Tokyo"},
        "assumed-stamps",
        (),
    ),
    "a bar in the lunch break": (
        csv(rows=[f"{t},1" for t in LUNCH.union([NOON])]),
        {"tz": "Asia/Tokyo"},
        "other-hours",
        (7,),
    ),
    "no bar after the lunch break": (
        csv(rows=[f"{t},1" for t in LUNCH.drop(LUNCH[15])]),
        {"tz": "Asia/Tokyo"},
        "missing-bar",
        (16,),
    ),
    "mid-month": (csv(rows=[f"2024-{m:02}-15,1" for m in range(1, 13)]), {}, "relabelled", ()),
    "newest first": ("\n".join([csv().splitlines()[0], *csv().splitlines()[:0:-1]]), {}, "newest-first", ()),
    "unsorted": (csv(rows=[csv().splitlines()[i] for i in (2, 1, *range(3, 13))]), {}, "unsorted", (3,)),
    "duplicate": (added("2024-01-05,4", at=7), {}, "duplicate", (7,)),
    "gap": (csv(rows=[line for line in csv().splitlines()[1:] if "01-05" not in line]), {}, "gap", (5,)),
    "gathered": (hours(str), {"every": "6h"}, "every", ()),
    "few readings": (
        csv(rows=[f"{t},1" for t in pd.date_range("2024-01-01", periods=96, freq="h").delete(range(27, 48))]),
        {"every": "1D"},
        "few-readings",
        (26,),
    ),
    "a day that is not over": (
        csv(rows=[f"{t},1" for t in pd.date_range("2024-01-01", periods=75, freq="h")]),
        {"every": "1D"},
        "in-progress",
        (76,),
    ),
    "sentinels under dates across": (
        csv("id," + ",".join(DAYS), ["x,9,-9999,-9999" + ",8" * 9, "y,-9999" + ",7" * 11]),
        {},
        "sentinel",
        (2, 3),
    ),
    "missing values": (replaced(5, "2024-01-04,"), {}, "missing", ()),
    "constant": (csv(rows=[f"{d},1" for d in DAYS]), {}, "constant", ()),
    "short": (csv(), {}, "short", ()),
    "ragged ends": (
        csv("ds,id,y", rows=[f"{d},a,1" for d in DAYS] + [f"{d},b,2" for d in DAYS[:9]]),
        {},
        "ragged-ends",
        (),
    ),
    "rows are series": (
        "id," + ",".join(f"V{i}" for i in range(1, 13)) + "\na," + ",".join(map(str, VALUES)),
        {},
        "row-series",
        (),
    ),
}


def made(content, folder):
    """The content as a file, where it is not a frame."""
    if not isinstance(content, str | bytes):
        return content
    path = folder / "x.csv"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


@pytest.mark.parametrize("name", GOOD)
def test_a_file_gives_the_panel_it_was_made_from(name, tmp_path):
    content, flags, expected = GOOD[name]
    panel = read(made(content, tmp_path), **flags)
    assert np.array_equal(panel.values[panel.rows(0), 0], np.array(expected, float), equal_nan=True)
    assert not [finding for finding in panel.findings if finding.severity == "error"]
    if isinstance(content, pa.Table):
        pq.write_table(content, tmp_path / "x.parquet")
        assert np.array_equal(read(tmp_path / "x.parquet", **flags).values, panel.values, equal_nan=True)


@pytest.mark.parametrize("name", BAD)
def test_a_bad_file_is_refused_by_code_row_and_words(name, tmp_path):
    content, flags, code, rows, words = BAD[name]
    with pytest.raises(ReadingError) as refused:
        read(made(content, tmp_path), **flags)
    finding = next(one for one in refused.value.findings if one.severity == "error")
    assert (finding.code, finding.rows) == (code, rows)
    assert words in str(refused.value)


@pytest.mark.parametrize("name", SAID)
def test_what_is_noticed_or_repaired_is_said(name, tmp_path):
    content, flags, code, rows = SAID[name]
    found = [finding for finding in read(made(content, tmp_path), **flags).findings if finding.code == code]
    assert [finding.rows for finding in found] == [rows]
    assert found[0].severity == CODES[code]


def test_stamps_across_are_stamps(tmp_path):
    for name, freq, first in (
        ("years across", "YS", "1990-01-01"),
        ("dates across", "1D", "2024-01-01"),
        ("months across", "MS", "2000-01-01"),
    ):
        panel = read(made(GOOD[name][0], tmp_path))
        assert (panel.clock.freq, str(panel.times[0])[:10]) == (freq, first)
        following = read(made(GOOD[name][0], tmp_path), panel.reading, clock=panel.clock)
        assert (following.times == panel.times).all()
        assert following.ids == panel.ids


def test_times_of_day_in_columns_of_their_own_are_joined_to_the_date(tmp_path):
    for name, freq in {
        "parts of a date and a time of day": "h",
        "Polish parts of a date": "h",
        "hours with AM and PM": "h",
        "hours and a column of AM and PM": "h",
        "hours in French": "30min",
        "hours in German words": "h",
        "hours as intervals": "h",
        "dates and typed times": "h",
    }.items():
        path = made(GOOD[name][0], tmp_path)
        panel = read(path)
        assert (np.diff(panel.times) == np.timedelta64(60 if freq == "h" else 30, "m")).all(), name
        following = read(path, panel.reading, clock=panel.clock)
        assert (following.times == panel.times).all()


def test_hours_across_are_hours_and_the_next_file_is_read_in_the_same_way(tmp_path):
    content, flags, _ = GOOD["hours across, each with a flag, and parts of a date"]
    panel = read(made(content, tmp_path), **flags)
    assert (panel.ids, panel.clock.freq, panel.reading.time) == (
        ("0", "4"),
        "1h",
        ("ANO", "MES", "DIA", "hour"),
    )
    assert (panel.times[:288] == pd.date_range("2024-01-01", periods=288, freq="h").to_numpy()).all()
    said = next(one.message for one in panel.findings if one.code == "row-series")
    assert (
        said
        == "each row is a day, and each of 24 columns an hour of it: h0 is read as what begins at 00:00, h23 at 23:00"
    )
    following = read(tmp_path / "x.csv", panel.reading, clock=panel.clock)
    assert np.array_equal(following.values, panel.values)
    halves = read(made(GOOD["half hours across that end at midnight"][0], tmp_path))
    assert (halves.times == pd.date_range("2024-01-01 00:30", periods=576, freq="30min").to_numpy()).all()
    across, flags, expected = GOOD["dates across, named by a number"]
    dates = read(made(across, tmp_path), **flags)
    assert read(tmp_path / "x.csv", dates.reading, clock=dates.clock).values[:12, 0].tolist() == expected


def test_what_is_text_beside_stamps_across_is_static(tmp_path):
    content = csv("code,region," + ",".join(DAYS), ["A,n" + ",9" * 12, "B,s" + ",8" * 12])
    panel = read(made(content, tmp_path), static="region")
    assert panel.ids == ("A", "B")
    assert panel.values[:, 1].tolist() == [0] * 12 + [1] * 12
    assert panel.columns[1].names == ("n", "s")


def test_two_digits_of_the_year_in_front_are_years(tmp_path):
    """Daily rows of one month could be the same day of many years as well."""
    for count in (2, 12, 31, 40):
        days = pd.date_range("2024-01-01", periods=count)
        for form in ("%y-%m-%d", "%y/%m/%d"):
            content = csv(rows=[f"{day:{form}},{i}" for i, day in enumerate(days)])
            panel = read(made(content, tmp_path))
            assert (panel.times == days.to_numpy()).all()
            assert "the year first" in next(one.message for one in panel.findings if one.code == "day-first")
        following = csv(rows=["24-02-10,1"])  # a row alone leaves it open, but the run knows
        assert str(read(made(following, tmp_path), panel.reading).times[0])[:10] == "2024-02-10"
    alone = read(made(following, tmp_path)).findings
    assert "24-02-10 is 2010-02-24" in next(one.message for one in alone if one.code == "ambiguous-day-first")
    months = csv(
        rows=[f"{day:%d-%m-%y},{i}" for i, day in enumerate(pd.date_range("2013-01-13", periods=14))]
    )
    assert (read(made(months, tmp_path)).times == pd.date_range("2013-01-13", periods=14).to_numpy()).all()


@pytest.mark.parametrize("form", ["%d-%m-%y", "%d.%m.%y", "%m/%d/%y", "%d/%m/%Y", "%m/%d/%Y"])
@pytest.mark.parametrize("freq", ["D", "MS", "ME"])
def test_a_date_that_is_not_read_as_it_was_meant_is_said_to_be_open(form, freq, tmp_path):
    """In a few rows several orders may be as likely; none is taken in silence, and a flag that is named brings the right one."""
    for count, start in itertools.product(
        (2, 3, 8, 12), ("2001-01-15", "2012-05-01", "2020-02-28", "2024-11-30")
    ):
        meant = pd.date_range(start, periods=count, freq=freq)
        path = made(csv(rows=[f"{day:{form}},{i}" for i, day in enumerate(meant)]), tmp_path)
        panel = read(path)
        said = [one for one in panel.findings if one.code == "ambiguous-day-first"]
        if not np.array_equal(panel.times, meant.to_numpy()):
            assert "(`dayfirst=True` if that is wrong, `dayfirst=False` if it is right)" in str(
                said[0]
            ) or "(`dayfirst=False` if that is wrong" in str(said[0])
            assert f"{meant[0]:%Y-%m-%d}" in said[0].message or f"{meant[1]:%Y-%m-%d}" in said[0].message
            assert np.array_equal(read(path, dayfirst=form.startswith("%d")).times, meant.to_numpy())


def test_numbers_of_days_and_epochs_are_the_moments_they_mean(tmp_path):
    days, first = pd.to_datetime(DAYS), "2024-01-01"
    for name, freq, begins in (
        ("modified Julian days", "D", "2000-01-01"),
        ("hours of modified Julian days", "h", first),
        ("Julian days", "D", first),
        ("day numbers of MATLAB", "h", first),
        ("epoch in ms and, later, in us", "h", first),
    ):
        panel = read(made(GOOD[name][0], tmp_path), time=GOOD[name][1].get("time"))
        assert (panel.times == pd.date_range(begins, periods=12, freq=freq).to_numpy()).all()
    ahead = read(made(SAID["day numbers that lie ahead"][0], tmp_path))
    assert str(next(one for one in ahead.findings if one.code == "ambiguous-day-numbers")) == (
        "stamps in date: read as Excel day numbers, 60321 is 2065-02-23; as modified Julian days it is 2024-01-12"
        " (call the column mjd if they are those)"
    )
    (tmp_path / "x.csv").write_text((tmp_path / "x.csv").read_text().replace("date", "mjd"))
    assert (read(tmp_path / "x.csv").times == days.to_numpy()).all()


def test_an_open_order_of_day_and_month_is_said_with_both_readings_and_flags(tmp_path):
    content = csv(
        rows=[f"{day:%d-%m-%y},{i}" for i, day in enumerate(pd.date_range("2024-03-01", periods=8))]
    )
    said = next(one for one in read(made(content, tmp_path)).findings if one.code == "ambiguous-day-first")
    assert said.rows == (2, 3, 5, 6, 7, 8, 9)  # 03-03-24 is the same day in both
    assert "01-03-24 is 2024-01-03 and not 2024-03-01 (rows 2, 3, 5 and 4 more)" in said.message
    assert said.remedy == "(`dayfirst=True` if that is wrong, `dayfirst=False` if it is right)"
    for dayfirst, first in ((True, "2024-03-01"), (False, "2024-01-01")):
        panel = read(made(content, tmp_path), dayfirst=dayfirst)
        assert str(panel.times[0])[:10] == first
        assert not [one for one in panel.findings if one.code == "ambiguous-day-first"]


def test_an_offset_in_a_name_is_said_until_a_zone_is_told(tmp_path):
    path = made('"Date Time, GMT-05:00",y\n' + hours(str).partition("\n")[2], tmp_path)
    said = next(one for one in read(path).findings if one.code == "zone-in-name")
    assert str(said) == (
        "column 'Date Time, GMT-05:00' seems to say that stamps are of -05:00; they are read as UTC (`tz=-05:00` if they are local time there)"
    )
    told = read(path, tz="-05:00")
    assert not [one for one in told.findings if one.code == "zone-in-name"]
    assert (told.times == (HOURS + pd.Timedelta("5h")).to_numpy()).all()
    assert not [
        one for one in read(made(csv("Date (UTC+1),y"), tmp_path)).findings if one.code == "zone-in-name"
    ]
    above = "lat,timezone\n52.5,Europe/Berlin\n\n"
    said = next(
        one for one in read(made(above + hours(str), tmp_path)).findings if one.code == "zone-in-name"
    )
    assert str(said).startswith(
        "the lines above the table seem to say that stamps are of Europe/Berlin; they are read as UTC (`tz=Europe/Berlin`"
    )
    assert not [
        one for one in read(made(above + csv(), tmp_path)).findings if one.code == "zone-in-name"
    ]  # days are days anywhere
    for name in ("Time (UTC)", "Time (UTC+00:00)", "GMT+0"):
        plain = read(made(hours(str).replace("ds,", f"{name},"), tmp_path)).findings
        assert not [one for one in plain if one.code == "zone-in-name"]


def test_a_folder_whose_files_write_dates_in_two_ways_is_read_as_told(tmp_path):
    (tmp_path / "a.csv").write_text(csv())
    (tmp_path / "b.csv").write_text(
        csv(rows=[f"{t:%d/%m/%Y},1" for t in pd.date_range("2024-03-01", periods=9)])
    )
    said = next(one for one in read(tmp_path).findings if one.code == "ambiguous-day-first")
    assert "01/03/2024 is read as 2024-01-03 and not 2024-03-01" in said.message
    assert said.remedy == "(`dayfirst=True` if that is wrong, `dayfirst=False` if it is right)"
    told = read(tmp_path, dayfirst=True)
    assert str(told.times[-1])[:10] == "2024-03-09"
    assert not [one for one in told.findings if one.code == "ambiguous-day-first"]


def test_columns_of_several_levels_keep_their_names_in_parquet(tmp_path):
    frame = pd.DataFrame(
        1.0, index=HOURS, columns=pd.MultiIndex.from_product([["Close", "Volume"], ["A", "B"]])
    )
    frame.to_parquet(tmp_path / "x.parquet")
    assert [one.name for one in read(tmp_path / "x.parquet", target="Close B").columns] == [
        "Close B",
        "Close A",
        "Volume A",
        "Volume B",
    ]


def test_a_sign_that_may_mean_missing_is_said_until_it_is_named(tmp_path):
    content = replaced(5, "2024-01-04,-")
    said = next(one for one in read(made(content, tmp_path)).findings if one.code == "assumed-missing")
    assert (said.severity, said.rows, said.remedy) == (
        "warning",
        (5,),
        "(`missing=-` says so; if it means zero, write 0)",
    )
    told = read(made(content, tmp_path), missing="-")
    assert not [one for one in told.findings if one.code == "assumed-missing"]
    assert np.isnan(told.values[3, 0])


def test_names_that_are_signs_of_missing_are_names(tmp_path):
    rows = [
        f"{d},{i},{'.-'[i % 2]},{'none' if i % 3 else 'missing'},{'MF'[i % 2]}" for i, d in enumerate(DAYS)
    ]
    panel = read(made(csv("ds,y,rain,alarm,sex", rows), tmp_path), past=["rain", "alarm", "sex"])
    assert [column.names for column in panel.columns[1:]] == [("-", "."), ("missing", "none"), ("F", "M")]
    assert panel.values[:, 1].tolist() == [1, 0] * 6


def test_every_row_is_a_case_of_its_own():
    assert len(GOOD) + len(BAD) + len(SAID) >= 100


@pytest.mark.parametrize("ending", [".gz", ".zst"])
def test_packed_files(ending, tmp_path):
    path = tmp_path / f"x.csv{ending}"
    content = csv().encode()
    path.write_bytes(
        gzip.compress(content) if ending == ".gz" else pa.Codec("zstd").compress(content, asbytes=True)
    )
    assert read(path).values[:, 0].tolist() == VALUES


def test_packed_files_that_are_cut_off_or_empty(tmp_path):
    packed = gzip.compress(csv().encode())
    for name, content, words in (
        ("a", gzip.compress(b""), "it is empty"),
        ("b", packed[:40], "Truncated"),
        ("c", csv().encode(), "header check"),
    ):
        (tmp_path / f"{name}.csv.gz").write_bytes(content)
        with pytest.raises(ReadingError, match=words):
            read(tmp_path / f"{name}.csv.gz")


def test_a_parquet_file_that_pandas_wrote_keeps_its_index(tmp_path):
    index = pd.period_range("2024-01", periods=12, freq="M")
    for i, made_of in enumerate(
        (index, index.to_timestamp(), index.to_timestamp().tz_localize("UTC").rename("when"))
    ):
        pd.DataFrame({"y": VALUES}, index=made_of).to_parquet(tmp_path / f"{i}.parquet")
        panel = read(tmp_path / f"{i}.parquet")
        assert (panel.times == index.to_timestamp().to_numpy()).all()
    (tmp_path / "cut.parquet").write_bytes((tmp_path / "0.parquet").read_bytes()[:-100])
    with pytest.raises(ReadingError, match=r"cut\.parquet is not a table that can be read as parquet"):
        read(tmp_path / "cut.parquet")


def test_folders(tmp_path):
    for name in ("AAPL", "MSFT"):
        (tmp_path / f"{name}.csv").write_text(csv())
    panel = read(tmp_path)
    assert panel.ids == ("AAPL", "MSFT")
    (tmp_path / "MSFT.csv").write_text(replaced(6, "2024-01-05,4x"))
    with pytest.raises(ReadingError, match=r"Row 6 of MSFT.csv has no number in column 'y': found '4x'"):
        read(tmp_path)
    (tmp_path / "MSFT.csv").write_text(csv("DS,Y"))
    assert [column.name for column in read(tmp_path).columns] == ["y"]
    (tmp_path / "MSFT.csv").write_text(stamps(lambda t: f"{t + pd.Timedelta('9D'):%m/%d/%Y}"))
    other = read(tmp_path)
    assert str(other.times[-1])[:10] == "2024-01-21"
    assert "01/10/2024 is read as day and month" in next(
        one.message for one in other.findings if one.code == "time-format"
    )
    (tmp_path / "MSFT.csv").write_text("ds,y\n")
    one = read(tmp_path)
    assert one.ids == ("AAPL",)
    assert "MSFT.csv" in next(one.message for one in one.findings if one.code == "empty-file")
    (tmp_path / "MSFT.csv").write_text(csv("Datum,Wert"))
    with pytest.raises(
        ReadingError, match=r"AAPL.csv and MSFT.csv have no column in common: found ds, y and Datum, Wert"
    ):
        read(tmp_path)
    (tmp_path / "AAPL.csv").write_text("y\n1\n2\n")
    (tmp_path / "MSFT.csv").write_text("y\n1\n2\n")
    assert read(tmp_path).ids == ("AAPL", "MSFT")
    frame = pd.DataFrame({"ds": list(HOURS) * 2, "symbol": ["a"] * 12 + ["b"] * 12, "y": VALUES * 2})
    frame.to_parquet(tmp_path / "set", partition_cols=["symbol"])
    assert read(tmp_path / "set").ids == ("a", "b")
    (tmp_path / "set" / "readme.txt").write_text("Made in May,\nby hand\n")
    for name, content in (
        ("c%20d", csv("y,ds", [f"{v + 0.5},{t}" for t, v in zip(HOURS, VALUES, strict=True)])),
        ("e", ""),
    ):
        (tmp_path / "set" / f"symbol={name}").mkdir()
        (tmp_path / "set" / f"symbol={name}" / "x.csv").write_text(content)
    several = read(tmp_path / "set")
    assert several.ids == ("a", "b", "c d")
    assert several.values[several.rows(2), 0].tolist() == [v + 0.5 for v in VALUES]
    words = " ".join(map(str, several.findings))
    assert "outside of the folders of the data set are passed over: readme.txt" in words
    assert "without a row below their header are passed over: symbol=e/x.csv" in words


def test_a_folder_of_mixed_files(tmp_path):
    (tmp_path / "a.csv").write_text(csv())
    (tmp_path / ".DS_Store").write_bytes(bytes(9))
    (tmp_path / "b.csv").write_bytes(b"")
    panel = read(tmp_path)
    assert panel.ids == ("a",)
    assert "passed over: b.csv" in next(one.message for one in panel.findings if one.code == "empty-file")
    for name, content, words in (
        (
            "readme.txt",
            b"See the handbook.\n",
            r"readme\.txt has spaces between.*If it is none of the data, move it out of the folder\.",
        ),
        (
            "c.parquet",
            b"PAR1",
            r"c\.parquet is not a table that can be read as parquet.*move it out of the folder",
        ),
        (
            "d.csv",
            b"PK\x03\x04" + bytes(200),
            r"d\.csv is not a table of text\. It is a zip.*move it out of the folder",
        ),
    ):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(ReadingError, match=words):
            read(tmp_path)
        (tmp_path / name).unlink()
    for cells, words in (
        ([{"a": 1}] * 12, "struct<a: int64>"),
        (pd.to_timedelta(VALUES, unit="h"), "duration"),
    ):
        pd.DataFrame({"ds": DAYS, "y": cells}).to_parquet(tmp_path / "e.parquet")
        with pytest.raises(
            ReadingError,
            match=rf"Column 'y' is of type {words}.* in e\.parquet and of type double in a\.csv\. Write it in one type",
        ):
            read(tmp_path)
    pd.DataFrame({"ds": DAYS, "y": [v > 3 for v in VALUES]}).to_parquet(tmp_path / "e.parquet")
    assert read(tmp_path).values[12:, 0].tolist() == [float(v > 3) for v in VALUES]


def test_times_of_day_of_two_types_are_one_column(tmp_path):
    for name, kind, day in (("a", pa.time32("ms"), 1), ("b", pa.time64("us"), 2)):
        hours = pa.array([datetime.time(hour) for hour in range(24)], kind)
        pq.write_table(
            pa.table({"date": [datetime.date(2024, 1, day)] * 24, "time": hours, "y": np.arange(24.0)}),
            tmp_path / f"{name}.parquet",
        )
    panel = read(tmp_path)
    assert (panel.ids, panel.clock.freq) == (("a", "b"), "1h")
    assert (
        panel.times[[0, 47]].tolist() == np.array(["2024-01-01", "2024-01-02T23"], "datetime64[ns]").tolist()
    )


def test_an_index_of_text_without_a_name_is_read(tmp_path):
    for index, ids, times in ((DAYS, ("y",), DAYS), (list("ab") * 6, ("a", "b"), DAYS[::2])):
        frame = (
            pd.DataFrame({"y": VALUES}, index=index)
            if ids == ("y",)
            else pd.DataFrame({"ds": np.repeat(DAYS[::2], 2), "y": VALUES}, index=index)
        )
        frame.to_parquet(tmp_path / "x.parquet")
        for source in (frame, tmp_path / "x.parquet"):
            panel = read(source)
            assert panel.ids == ids
            assert (panel.times[panel.rows(0)] == np.array(times, "datetime64[ns]")).all()
    pd.DataFrame({"ds": DAYS, "y": VALUES}, index=np.arange(12) * 3).to_parquet(tmp_path / "x.parquet")
    assert "index-column" in {one.code for one in read(tmp_path / "x.parquet").findings}


def test_a_year_of_local_hours_keeps_its_short_and_its_long_day(tmp_path):
    moments = pd.date_range("2024-01-01", "2025-01-01", freq="h", tz="Europe/Paris", inclusive="left")
    (tmp_path / "x.csv").write_text(csv(rows=[f"{t:%Y-%m-%d %H:%M},{i}" for i, t in enumerate(moments)]))
    panel = read(tmp_path / "x.csv", tz="Europe/Paris")
    assert (panel.times == moments.tz_convert("UTC").tz_localize(None).to_numpy()).all()
    assert panel.clock.tz == "Europe/Paris"
    ahead = panel.clock.after(panel.times[-1:], np.arange(1, 5))[0]
    assert str(ahead[0]) == "2024-12-31T23:00:00.000000000"  # midnight in Paris
    days = read(tmp_path / "x.csv", tz="Europe/Paris", every="1D", how="sum")
    assert days.lengths.tolist() == [366]
    local = pd.Series(np.arange(len(moments)), index=moments)
    assert days.values[:, 0].tolist() == local.groupby(local.index.date).sum().tolist()


def test_two_exchanges_keep_their_own_days(tmp_path):
    days = pd.bdate_range("2024-01-01", "2024-12-31")
    own = {"NYSE": days.delete([0, 10, 100]), "XETRA": days.delete([0, 63, 64, 85])}
    pd.concat(
        [pd.DataFrame({"date": dates, "symbol": name, "close": 1.0}) for name, dates in own.items()]
    ).to_csv(tmp_path / "x.csv", index=False)
    panel = read(tmp_path / "x.csv")
    assert panel.clock.assumed
    for i, name in enumerate(panel.ids):
        assert (panel.times[panel.rows(i)] == own[name].to_numpy()).all()


def test_the_next_file_is_read_in_the_same_way(tmp_path):
    import json

    rows = [
        f"{t:%d/%m/%Y %H:%M};{t.hour};{t.hour * 10}"
        for t in pd.date_range("2024-01-01", periods=24 * 20, freq="h")
    ]
    (tmp_path / "x.csv").write_text(csv("when,y,dir", rows=rows, sep=";"))
    first = read(tmp_path / "x.csv", every="1D", how="max", circular="dir")
    roles = json.loads(json.dumps(dataclasses.asdict(first.reading)))
    (tmp_path / "next.csv").write_text(
        csv(
            "when,y,dir",
            rows=[f"{h:%d/%m/%Y %H:%M};7;90" for h in pd.date_range("2024-02-01", periods=24, freq="h")],
            sep=";",
        )
    )
    following = read(tmp_path / "next.csv", **roles, clock=first.clock)
    assert [column.name for column in following.columns] == ["y", "dir_sin", "dir_cos"]
    assert (
        str(following.times[0]) == "2024-02-01T00:00:00.000000000"
    )  # the order of day and month of the first file
    assert np.allclose(following.values, [[7, 1, 0]])


def half_of_day(hour):
    return f"{(hour - 1) % 12 + 1:02}:00 {'AP'[hour > 11]}M"


HOUR_CELLS = {  # the cell of an hour, the first moment of 2024-01-01, and the code that is said of it
    "0000 UTC": (lambda h: f"{h:02}00 UTC", "00:00", "zone"),
    "00:00 UTC": (lambda h: f"{h:02}:00 UTC", "00:00", "zone"),
    "00:00 (UTC)": (lambda h: f"{h:02}:00 (UTC)", "00:00", "zone"),
    "00Z": (lambda h: f"{h:02}Z", "00:00", "zone"),
    "0000Z": (lambda h: f"{h:02}00Z", "00:00", "zone"),
    "00:00+00": (lambda h: f"{h:02}:00+00", "00:00", "zone"),
    "00:00-03:00, the same in all": (lambda h: f"{h:02}:00-03:00", "03:00", "zone"),
    "00:00-01:00, an interval": (lambda h: f"{h:02}:00-{(h + 1) % 24:02}:00", "00:00", "time-format"),
    "00:00h": (lambda h: f"{h:02}:00h", "00:00", "time-format"),
    "0-1h": (lambda h: f"{h}-{h + 1}h", "00:00", "time-format"),
    "1 to 2": (lambda h: f"{h} to {h + 1}", "00:00", "time-format"),
    "12:00 AM EST": (lambda h: half_of_day(h) + " EST", "00:00", "zone-in-name"),
    "12a": (lambda h: f"{(h - 1) % 12 + 1}{'ap'[h > 11]}", "00:00", "time-format"),
    "H00": (lambda h: f"H{h:02}", "00:00", "time-format"),
    "T00": (lambda h: f"T{h:02}", "00:00", "time-format"),
    "HE01": (lambda h: f"HE{h + 1:02}", "01:00", "time-format"),
    "Hour 1": (lambda h: f"Hour {h + 1}", "01:00", "time-format"),
    "1. Stunde": (lambda h: f"{h + 1}. Stunde", "01:00", "time-format"),
    "P01": (lambda h: f"P{h + 1:02}", "01:00", "time-format"),
}


def by_hours(cell, name="Hora UTC"):
    """Ten days of hours, the hour in a column of text."""
    rows = [f"2024/01/{day + 1:02};{cell(hour)};{24 * day + hour}" for day in range(10) for hour in range(24)]
    return "\n".join([f"Data;{name};rain", *rows])


@pytest.mark.parametrize("name", HOUR_CELLS)
def test_hours_in_any_spelling_are_one_hourly_series(name, tmp_path):
    cell, begin, code = HOUR_CELLS[name]
    path = made(by_hours(cell), tmp_path)
    panel = read(path)
    assert (len(panel.ids), panel.clock.words) == (1, "hourly")
    assert panel.times[0] == np.datetime64(f"2024-01-01T{begin}")
    assert np.array_equal(panel.values[:, 0], np.arange(240.0))
    assert code in [finding.code for finding in panel.findings]
    assert np.array_equal(read(path, time=("Data", "Hora UTC")).times, panel.times)


@pytest.mark.parametrize("name", ["hour", "Time", "Hora UTC", "Stunde", "HourEnding"])
def test_hours_that_are_not_understood_are_refused_and_never_series(name, tmp_path):
    path = made(by_hours(lambda hour: f"slot {'abcdefghijklmnopqrstuvwx'[hour]}", name), tmp_path)
    with pytest.raises(ReadingError) as refused:
        read(path)
    assert refused.value.findings[-1].code == "unreadable-stamp"
    assert "found 'slot a'" in str(refused.value)
    assert len(read(path, id=name).ids) == 24


@pytest.mark.parametrize("cell", [lambda h: f"P{h + 1:02}", lambda h: f"{h + 1}Z", lambda h: f"line {h}"])
def test_codes_in_a_column_that_no_hour_names_are_series(cell, tmp_path):
    assert len(read(made(by_hours(cell, "plant"), tmp_path)).ids) == 24


def test_two_names_of_one_zone_tell_the_repeated_hour_apart(tmp_path):
    stamps = pd.date_range("2024-11-02 04:00", periods=60, freq="h", tz="UTC").tz_convert("America/New_York")
    rows = [f"{t:%Y-%m-%d},{half_of_day(t.hour)} {t:%Z},{i}" for i, t in enumerate(stamps)]
    panel = read(made(csv("date,hour,y", rows), tmp_path))
    assert np.array_equal(panel.times, stamps.tz_convert("UTC").tz_localize(None).to_numpy())


def since_1970(days):
    return pd.DataFrame({"time": days.as_unit("s").astype("int64"), "y": np.arange(float(len(days)))})


@pytest.mark.parametrize("kind", ["csv", "parquet", "frame"])
def test_numbers_since_1970_are_moments_and_a_zone_gives_its_days(kind, tmp_path):
    frame = since_1970(pd.date_range("2024-03-01", periods=60, freq="D", tz="Europe/Madrid"))
    source = frame if kind == "frame" else tmp_path / f"x.{kind}"
    if kind == "csv":
        frame.to_csv(source, index=False)
    elif kind == "parquet":
        frame.to_parquet(source, index=False)
    panel = read(source, tz="Europe/Madrid")
    assert panel.clock.words == "daily"
    assert np.array_equal(panel.times, pd.date_range("2024-03-01", periods=60).to_numpy())
    with pytest.raises(
        ReadingError, match=r"midnights of a place do whose clocks change.*`tz=Europe/Madrid`"
    ):
        read(source)


def test_hours_since_1970_do_not_move_with_a_zone():
    moments = pd.date_range("2024-03-30", periods=60, freq="h", tz="UTC")
    panel = read(since_1970(moments), tz="Europe/Madrid")
    assert np.array_equal(panel.times, moments.tz_localize(None).to_numpy())
    days = read(since_1970(moments), tz="Europe/Madrid", every="1D", how="sum")
    assert str(days.times[1])[:10] == "2024-03-31"


def test_midnights_of_a_place_at_one_hour_are_said():
    days = pd.date_range("2024-06-01", periods=30, freq="D", tz="Europe/Madrid")
    codes = [finding.code for finding in read(since_1970(days)).findings]
    assert "zone-in-name" in codes
    utc = pd.date_range("2024-06-01", periods=30, freq="D", tz="UTC")
    assert "zone-in-name" not in [finding.code for finding in read(since_1970(utc)).findings]


def named_rows(header, names):
    rows = [f"2024-01-{day:02},{name},{day}.5" for name in names for day in range(1, 21)]
    return "\n".join([header, *rows]) + "\n"


ENCODED = {  # the codec as found, the codecs that write it, the header and two names
    "gb18030": (("gbk", "gb18030"), "日期,名称,收盘", ["平安银行", "万科地产"]),
    "big5": (("big5",), "日期,名稱,收盤", ["台積電公司", "鴻海精密"]),
    "cp932": (("cp932",), "日付,銘柄,終値", ["トヨタ自動車", "ソニーグループ"]),
    "euc-jp": (("euc-jp",), "日付,銘柄,終値", ["トヨタ自動車", "ソニーグループ"]),
    "cp1251": (("cp1251",), "дата,город,температура", ["Москва", "Нижний Новгород"]),
    "cp949": (("cp949", "euc-kr"), "날짜,종목명,종가", ["삼성전자", "현대자동차"]),
}


@pytest.mark.parametrize("codec", ENCODED)
def test_text_of_two_byte_signs_is_recognised_and_said_with_its_names(codec, tmp_path):
    written, header, names = ENCODED[codec]
    for one in written:
        path = made(named_rows(header, names).encode(one), tmp_path)
        panel = read(path)
        assert set(panel.ids) == set(names)
        said = next(finding for finding in panel.findings if finding.code == "guessed-encoding")
        assert header.replace(",", ", ") in said.message
        assert f"`encoding={codec}`" in said.remedy
        given = read(path, encoding=codec)
        assert given.ids == panel.ids
        assert "guessed-encoding" not in [finding.code for finding in given.findings]


@pytest.mark.parametrize(
    ("codec", "header", "names"),
    [
        ("cp1252", "date,ville,température", ["Orléans", "Béziers"]),
        ("cp1252", "Datum,Ort,Höhe", ["München", "Düsseldorf"]),
        ("latin-1", "data,estação,precipitação", ["São João", "Brasília"]),
        ("cp1252", "Datum,Ort,Größe", ["Äöüß", "Müßiggang"]),
    ],
)
def test_text_of_western_europe_is_never_read_as_two_byte_signs(codec, header, names, tmp_path):
    panel = read(made(named_rows(header, names).encode(codec), tmp_path))
    assert set(panel.ids) == set(names)
    assert panel.target == header.split(",")[2]


def test_two_byte_signs_far_below_are_recognised_there(tmp_path):
    rows = [f"2024-01-{day:02},plant{i},{day}" for i in range(3500) for day in (1, 2, 3)]
    rows += [f"2024-01-{day:02},平安银行,{day}" for day in (1, 2, 3)]
    panel = read(made(csv("date,name,y", rows).encode("gbk"), tmp_path), series="平安银行")
    assert panel.ids == ("平安银行",)


def test_an_encoding_or_a_row_of_names_that_there_is_not_is_refused(tmp_path):
    path = made(csv("ds,y°").encode("cp1252"), tmp_path)
    with pytest.raises(ForecastError, match="There is no encoding 'gbq'"):
        read(path, encoding="gbq")
    with pytest.raises(ReadingError, match="no text in utf8"):
        read(path, encoding="utf-8")
    with pytest.raises(ReadingError, match="no row of names in row 99"):
        read(path, header=99)
    with pytest.raises(ForecastError, match="counted from 1"):
        read(path, header=0)
    with pytest.raises(ForecastError, match="`header=1` is for files of text"):
        read(pd.DataFrame({"ds": DAYS, "y": VALUES}), header=1)


PLACES = {  # lines about a place above a table that is as wide as they are, and the row of its names
    "two rows": ("Source,City,Lat,Lon\nNSRDB,-,39.7,-105.2\nYear,Month,Day,GHI\n", 3),
    "three rows": (
        "Station,Lat,Lon,Height\nJena,50.9,11.6,155\nWeimar,50.9,11.3,220\nYear,Month,Day,GHI\n",
        4,
    ),
    "one row": ("724666,DENVER,CO,-7.0\nYear,Month,Day,GHI\n", 2),
}


@pytest.mark.parametrize("name", PLACES)
def test_rows_about_a_place_are_no_header(name, tmp_path):
    above, row = PLACES[name]
    path = made(above + "".join(f"2024,1,{day},{day}.5\n" for day in range(1, 29)), tmp_path)
    panel = read(path, target="GHI")
    assert panel.values[0, 0] == 1.5
    assert str(panel.times[0])[:10] == "2024-01-01"
    said = next(finding for finding in panel.findings if finding.code == "header")
    assert f"row {row}" in said.message
    assert f"`header={row}`" in said.remedy
    given = read(path, target="GHI", header=row)
    assert np.array_equal(given.values, panel.values)
    assert "header" not in [finding.code for finding in given.findings]


def test_a_quote_that_is_never_closed_is_refused_in_a_large_file(tmp_path):
    line = "2024-01-01 00:00:00,12345.5,some words\n"
    text = "ds,y,note\n" + line * 50 + '2024-01-01,1,"open\n' + line * 400_000
    with pytest.raises(ReadingError, match=r"^Row 52 of x.csv opens a quote that is not closed") as refused:
        read(made(text, tmp_path), target="y")
    assert refused.value.findings[-1].code == "open-quote"


def test_a_line_without_end_is_refused_before_it_is_held(tmp_path):
    path = tmp_path / "x.csv.gz"
    with gzip.open(path, "wb", compresslevel=1) as packed:
        for _ in range(40):
            packed.write(b"1,2,3," * 200_000)
    with pytest.raises(ReadingError, match="hold no end of a line"):
        read(path)
    with gzip.open(path, "wb", compresslevel=1) as packed:
        packed.write(csv().encode() + b"1,2,3," * 2_000_000)
    with pytest.raises(ReadingError, match=r"Row 14 of x\.csv\.gz is longer than 4 MB"):
        read(path)


@pytest.mark.parametrize("unit", ["s", "ms", "us"])
def test_a_stamp_beyond_the_year_9999_is_refused_in_words(unit, tmp_path):
    far = np.datetime64("12000-01-01").astype(f"datetime64[{unit}]").astype("int64")
    days = [int(np.datetime64(day).astype(f"datetime64[{unit}]").astype("int64")) for day in DAYS[:-1]]
    stamps = pa.array([*days, int(far)], pa.timestamp(unit))
    pq.write_table(pa.table({"ds": stamps, "y": VALUES}), tmp_path / "x.parquet")
    with pytest.raises(ReadingError, match=f"outside of the years 1678 to 2261.*{far}"):
        read(tmp_path / "x.parquet")


def test_control_characters_of_names_are_written_out(tmp_path):
    rows = [f"{day},\x1b[31m{name}\x1b[0m,{i},1" for name in ("red", "tea") for i, day in enumerate(DAYS)]
    panel = read(made(csv("ds,id,y,\x1b]0;title\x07", rows), tmp_path), target="y")
    words = " ".join(
        [*panel.ids, *(str(one) for one in panel.findings), *(one.name for one in panel.columns)]
    )
    assert "\x1b" not in words
    assert "\\x1b[31mred" in panel.ids[0]


def local_hours(first, days, count):
    """Rows of local hours of Chicago, as `count` writes (day, hour that ends) of each moment; and the ends of these hours."""
    begins = pd.date_range(first, periods=days + 1, freq="D", tz="America/Chicago")
    begins = pd.date_range(begins[0], begins[-1], freq="h", inclusive="left")
    rows = []
    for i, begin in enumerate(begins):
        midnight = begin.normalize()
        elapsed = int((begin - midnight) / pd.Timedelta("1h")) + 1
        flag = "Y" if count == "flag" and begin.fold else "N"
        hour = elapsed if count == "midnight" else begin.hour + 1
        rows.append(f"{begin:%m/%d/%Y},{hour:02}{':00' if count == 'flag' else ''},{i},{flag}")
    ends = (begins + pd.Timedelta("1h")).tz_convert("UTC").tz_localize(None)
    return csv("DeliveryDate,HourEnding,price,DSTFlag", rows), ends.to_numpy()


@pytest.mark.parametrize("count", ["flag", "clock", "midnight"])
@pytest.mark.parametrize("first", ["2023-10-20", "2023-03-01"])
def test_hours_that_name_their_end_are_read_across_clock_changes(count, first, tmp_path):
    text, ends = local_hours(first, 30, count)
    panel = read(made(text, tmp_path), tz="America/Chicago", target="price", past="none")
    assert np.array_equal(panel.times, ends)
    assert np.array_equal(panel.values[:, 0], np.arange(float(len(ends))))


def test_a_zone_that_was_given_is_not_advised_again(tmp_path):
    rows = [f"{t:%Y-%m-%d %H:%M},{i}" for i, t in enumerate(AUTUMN)]
    text = csv(rows=[*rows, rows[26].rsplit(",", 1)[0] + ",99"])
    with pytest.raises(ReadingError) as refused:
        read(made(text, tmp_path), tz="Europe/Paris")
    assert refused.value.findings[-1].code == "conflicting-duplicate"
    assert "--tz" not in str(refused.value)
