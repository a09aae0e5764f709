"""Profiles of vendors' files: a layout that is recognised by its header, its preamble and its cells, and the options of Reading that it sets.

A profile sets only what a user can set by an option, and an option that is given wins. The layouts are those of the vendors' own pages, which
docs/vendors.md names.
"""

import csv
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from forecast.arrays import Array
from forecast.data.findings import Report, listed
from forecast.data.options import Names, Reading, names_of
from forecast.errors import ForecastError, nearest
from forecast.reading.columns import any_match, new_names, renamed, without
from forecast.reading.roles import distinct
from forecast.reading.sources import as_text
from forecast.reading.tables import Table, cell_type, is_number, is_text

NONE = "none"  # switches profiles off
SAMPLE = 200  # cells of a column by which a layout is recognised
TENTH = "0.1"
Options = Mapping[str, Any]


def _anything(table: Table) -> bool:
    return True


def _nothing(table: Table) -> Options:
    return {}


def _unchanged(table: Table) -> Table:
    return table


def _silence(table: Table) -> str:
    return ""


@dataclass(frozen=True)
class Profile:
    """How one vendor lays out a file, and the options that read it.

    title: the vendor and the product · licence: under which terms the data may be used · header: a pattern for each column that has to be there ·
    preamble: a pattern that is found in the lines above the table · cells: a pattern that the first cells of a column match, all of them · fits:
    what else holds for the table · options: those of Reading, the same for each file · found: those that stand in the file · leave: columns to
    leave out, * for any text · factor, unit: those of columns, where they are there · shaped: the table with one row per stamp and series ·
    remark: what else a reader of the file should know.
    """

    title: str
    licence: str
    header: tuple[str, ...] = ()
    preamble: str = ""
    cells: Mapping[str, str] = field(default_factory=dict)
    fits: Callable[[Table], bool] = _anything
    options: Options = field(default_factory=dict)
    found: Callable[[Table], Options] = _nothing
    leave: tuple[str, ...] = ()
    factor: Mapping[str, str] = field(default_factory=dict)
    unit: Mapping[str, str] = field(default_factory=dict)
    shaped: Callable[[Table], Table] = _unchanged
    remark: Callable[[Table], str] = _silence

    def has_header(self, names: Collection[str]) -> bool:
        """Whether all columns of its header are among names."""
        return all(any(re.fullmatch(pattern, name) for name in names) for pattern in self.header)

    def recognises(self, table: Table) -> bool:
        """Whether a table is laid out as this vendor's."""
        if not self.has_header(table.columns):
            return False
        if self.preamble and not re.search(self.preamble, table.notes, re.MULTILINE):
            return False
        if not all(_all_match(table, name, pattern) for name, pattern in self.cells.items()):
            return False
        return self.fits(table)

    def options_of(self, table: Table, reading: Reading) -> dict[str, Any]:
        """The options that it sets for a table: those that are not given, of the columns that are there.

        A column that is named for something else is not left out. Columns are called as the options `names` calls them.
        """
        options: dict[str, Any] = {**self.options, **self.found(table)}
        if _calls_as_the_file(table, reading, options):
            options.pop("names")
            options.pop("unit", None)
        names = names_of(reading.names) or options.get("names", ())
        called = new_names(list(table.columns), names)
        columns = [name for name in called.values() if not any_match(name, names_of(reading.leave))]
        options.setdefault("factor", _pairs(self.factor, called, columns))
        options.setdefault("unit", _pairs(self.unit, called, columns))
        left = list(self.leave)
        if _needs_no_id(table, reading, options.get("id")):
            left.append(options.pop("id"))
        for key in ("time", "id"):
            if not set(_parts(options.get(key))) <= set(columns):
                options.pop(key)
        named = {*_named(reading), *_parts(options.get("id")), *_parts(options.get("time"))}
        options["leave"] = [name for name in columns if any_match(name, left) and name not in named]
        return {name: value for name, value in options.items() if value and getattr(reading, name) is None}


def _calls_as_the_file(table: Table, reading: Reading, options: Options) -> bool:
    """Whether the user names a column as the file calls it, where the profile would call it otherwise."""
    called = new_names(list(table.columns), options.get("names", ()))
    replaced = set(called) - set(called.values())
    return bool(replaced & set(_named(reading)))


def _pairs(given: Mapping[str, str], called: Mapping[str, str], columns: Collection[str]) -> list[str]:
    """What is given for columns, as TMAX=0.1, of those that are there, as they are called."""
    known = {called[name]: text for name, text in given.items() if name in called}
    return [f"{name}={text}" for name, text in known.items() if name in columns]


def refuse_unknown(name: str | None) -> None:
    """ForecastError where there is no profile of a name."""
    if name not in (None, NONE, *PROFILES):
        raise ForecastError(f"There is no profile {name!r}.{nearest(str(name), [*PROFILES, NONE])}")


def may_match(names: Mapping[str, str], reading: Reading) -> bool:
    """Whether the columns of a file, by name, may be those of a profile, so that all of them are needed to tell."""
    if reading.profile == NONE:
        return False
    return any(profile.has_header(names) for profile in PROFILES.values())


def by_profile(table: Table, reading: Reading, newer: bool, report: Report) -> tuple[Table, Reading]:
    """The table with the names and columns that it is read by, and the reading with the options of its profile.

    newer: whether the rows are newer ones of a file that was read before. No profile is looked for then: `reading` holds what was decided.
    """
    name = _profile_of(table, reading, newer, report)
    if name != NONE:
        profile = PROFILES[name]
        remark = ""
        if profile.recognises(table):
            remark = profile.remark(table)
            table = profile.shaped(table)
        options = profile.options_of(table, reading)
        _say(name, profile, options, remark, report)
        reading = replace(reading, **options)
    table = renamed(table, names_of(reading.names), newer, report)
    table = without(table, names_of(reading.leave), newer, report)
    return table, replace(reading, profile=name)


def _profile_of(table: Table, reading: Reading, newer: bool, report: Report) -> str:
    """The name of the profile of a table: as given, else as recognised, else NONE."""
    given = reading.profile
    if given is None:
        if newer:
            return NONE
        return next((name for name, one in PROFILES.items() if _suits(one, table, reading)), NONE)
    if given != NONE and not newer and not PROFILES[given].recognises(table):
        report.refuse(
            "no-such-profile",
            f"{table.where} is not laid out as a file of {PROFILES[given].title}: its columns, its cells or the lines above it are others.",
            remedy="Leave `profile` out; what it would set can be given by options.",
        )
    return given


def _suits(profile: Profile, table: Table, reading: Reading) -> bool:
    """Whether a table is recognised, and no option names a column that is there only as long as the table has its own shape, as "all" does."""
    if not profile.recognises(table):
        return False
    if profile.shaped is _unchanged:
        return True
    named = {*_named(reading)}
    lost = set(table.columns) - set(profile.shaped(table).columns)
    return not (named & lost or "all" in names_of(reading.target))


def _say(name: str, profile: Profile, options: Options, remark: str, report: Report) -> None:
    """Report which file was recognised, what is set for it, and its licence."""
    words = [_written(option, value) for option, value in options.items()]
    sets = f"sets {', '.join(words)}" if words else "sets nothing that is not given"
    parts = [
        f"recognised as {profile.title}: {sets}; `profile={NONE}` switches it off",
        *filter(None, [remark]),
        f"Terms of use: {profile.licence}",
    ]
    report.say("profile", ". ".join(parts), example=name)


def _needs_no_id(table: Table, reading: Reading, ident: str | None) -> bool:
    """Whether several columns are each a series, so that a column with the one name of a station can name none."""
    targets = names_of(reading.target)
    several = len(targets) > 1 or targets == ("all",)
    return several and ident in table.columns and distinct(table.columns[ident]) == 1


def _written(option: str, value: Any) -> str:
    """An option and its value as messages name them."""
    if value is True:
        return f"`{option}`"
    text = value if isinstance(value, str) else ",".join(value)
    return f"`{option}={text}`"


def _named(reading: Reading) -> list[str]:
    """The columns that the options give a role."""
    roles = (reading.target, reading.past, reading.future, reading.static, reading.category, reading.circular)
    keys = (reading.time, reading.id)
    columns = [name for role in roles for name in names_of(role)]
    return columns + [part for key in keys for part in _parts(key)]


def _parts(key: Names) -> list[str]:
    """The columns that the option id or time names: one, several, or several with commas between them."""
    return [part.strip() for name in names_of(key) for part in name.split(",")]


def cells_of(table: Table, name: str) -> list[str]:
    """The first cells of a column that are not missing, as text without spaces around it."""
    column = table.columns[name].drop_null()[:SAMPLE]
    return [cell.strip() for cell in as_text(column).to_pylist()]


def _all_match(table: Table, name: str, pattern: str) -> bool:
    """Whether there are cells in a column and each of the first ones matches a pattern as a whole."""
    if name not in table.columns:
        return False
    cells = cells_of(table, name)
    return bool(cells) and all(re.fullmatch(pattern, cell) for cell in cells)


# NOAA GHCN-Daily, one file per station as under .../global-historical-climatology-network-daily/access/
_GHCN_TENTHS = {
    "mm": ("PRCP", "EVAP", "MDPR", "WESD", "WESF", "THIC"),
    "°C": ("TMAX", "TMIN", "TAVG", "TOBS", "ADPT", "AWBT", "MNPN", "MXPN"),
    "m/s": ("AWND", "WSF1", "WSF2", "WSF5", "WSFG", "WSFI", "WSFM"),
    "hPa": ("ASLP", "ASTP"),
}
_GHCN_UNITS = {name: unit for unit, names in _GHCN_TENTHS.items() for name in names}
_GHCN_FIRST = ("STATION", "DATE", "LATITUDE", "LONGITUDE", "ELEVATION", "NAME")


def _whole_tenths(table: Table) -> bool:
    """Whether the header begins as that of the files by station does, and all values that are in tenths are whole numbers.

    Files of other NOAA services have the same columns in degrees, inches or millimetres, with decimals.
    """
    known = [
        name for name in _GHCN_UNITS if name in table.columns and table.columns[name].null_count < table.count
    ]
    begins = tuple(table.columns)[: len(_GHCN_FIRST)] == _GHCN_FIRST
    return begins and bool(known) and all(_all_match(table, name, r"-?\d+") for name in known)


# Open-Meteo, "CSV" of its pages and format=csv of its API: a line of places above the table, which states one offset from UTC
_PLACES = re.compile(
    r"^((?:location_id,)?latitude,longitude,elevation,utc_offset_seconds,.*\n(?:.+\n)+)", re.MULTILINE
)
_NAME_AND_UNIT = r"(.+?) \((.*)\)"


def _places_of(table: Table) -> list[dict[str, str]]:
    """The places that the lines above an Open-Meteo table name, one dict each."""
    found = _PLACES.search(table.notes)
    return [] if found is None else list(csv.DictReader(found[1].splitlines()))


def _offset_words(seconds: str) -> str:
    """An offset in seconds as the option tz has it: UTC, or +01:00."""
    minutes = round(float(seconds)) // 60
    sign = "-" if minutes < 0 else "+"
    return f"{sign}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}" if minutes else "UTC"


def _has_hours(table: Table, name: str) -> bool:
    """Whether a stamp of a column has a time of day other than midnight."""
    midnight = r"[T ]00:00(?::00(?:\.0+)?)?"
    cells = [re.sub(midnight, "", cell) for cell in cells_of(table, name)]
    return any(":" in cell for cell in cells)


def _open_meteo(table: Table) -> Options:
    """The zone of the stamps, and names and units of columns such as temperature_2m (°C)."""
    columns = {name: re.fullmatch(_NAME_AND_UNIT, name) for name in table.columns}
    known = {name: (match[1], match[2]) for name, match in columns.items() if match}
    short = [name for name, _ in known.values()]
    unique = {name: both for name, both in known.items() if short.count(both[0]) == 1}
    options: dict[str, Any] = {
        "names": [f"{name}={new}" for name, (new, _) in unique.items()],
        "unit": [f"{new}={unit}" for new, unit in unique.values() if unit],
    }
    offsets = {_offset_words(place["utc_offset_seconds"]) for place in _places_of(table)}
    if len(offsets) == 1 and _has_hours(table, "time"):
        options["tz"] = offsets.pop()
    if "location_id" in table.columns:
        options["id"] = "location_id"
    return options


def _open_meteo_places(table: Table) -> str:
    """Where the places are, and that one offset from UTC holds for all stamps."""
    places = _places_of(table)
    where = listed([_place_words(place) for place in places])
    offsets = {place["utc_offset_seconds"] for place in places}
    if len(offsets) > 1:
        return f"It is of {where}. These have different offsets from UTC, so no `tz` is set: download it with timezone=GMT"
    return f"It is of {where}; that offset holds in summer and in winter"


def _place_words(place: Mapping[str, str]) -> str:
    """A place as 52.52 13.42 at +01:00, with its number where it has one."""
    number = f"location {place['location_id']}: " if "location_id" in place else ""
    return f"{number}{place['latitude']} {place['longitude']} at {_offset_words(place['utc_offset_seconds'])}"


# Deutscher Wetterdienst, Klimadaten of its open data server
_DWD_UNITS = {
    "TT_TU": "°C", "RF_TU": "%", "TT_10": "°C", "TM5_10": "°C", "TD_10": "°C", "RF_10": "%", "PP_10": "hPa",
    "TMK": "°C", "TXK": "°C", "TNK": "°C", "TGK": "°C", "RSK": "mm", "SDK": "h", "UPM": "%", "PM": "hPa", "VPM": "hPa",
    "FX": "m/s", "FM": "m/s", "F": "m/s", "D": "°", "R1": "mm", "RS": "mm", "P": "hPa", "P0": "hPa",
}  # fmt: skip


def _dwd(table: Table) -> Options:
    """UTC, where stamps have hours."""
    return {"tz": "UTC"} if len(cells_of(table, "MESS_DATUM")[0]) > 8 else {}


# KNMI, daggegevens and uurgegevens: what a column holds, in which unit, stands above the table
_KNMI_TENTHS = {
    "°C": ("TG", "TN", "TX", "T10N", "T", "TD"),
    "m/s": ("FHVEC", "FG", "FHX", "FHN", "FXX", "FH", "FF", "FX"),
    "h": ("SQ", "DR"),
    "mm": ("RH", "RHX", "EV24"),
    "hPa": ("PG", "PX", "PN", "P"),
}
_KNMI_UNITS = {name: unit for unit, names in _KNMI_TENTHS.items() for name in names}
_KNMI_LINE = r"^[#\s]*{name}\s*[=:].*?\bin \(?(0\.1 )?"
_BELOW_TENTH = ("RH", "RHX", "SQ")


def _knmi(table: Table) -> Options:
    """Tenths where the lines above the table say so, or, where they say nothing of a column, as KNMI documents it; the hours' time and zone."""
    options: dict[str, Any] = {"id": "STN", "time": "YYYYMMDD"}
    if "HH" in table.columns:
        options |= {"time": ("YYYYMMDD", "HH"), "tz": "UTC"}
    described = {
        name: re.search(_KNMI_LINE.format(name=re.escape(name)), table.notes, re.MULTILINE)
        for name in _KNMI_UNITS
        if name in table.columns
    }
    tenths = [name for name, line in described.items() if line is None or line[1]]
    options["factor"] = [f"{name}={TENTH}" for name in tenths]
    options["unit"] = [f"{name}={_KNMI_UNITS[name]}" for name in described]
    return options


def _knmi_remark(table: Table) -> str:
    below = [name for name in _BELOW_TENTH if name in table.columns and "-1" in cells_of(table, name)]
    words = []
    if below:
        words.append(f"-1 in {' and '.join(below)} means less than 0.05, and is read as -0.1")
    if "HH" in table.columns:
        words.append("HH names the end of its hour: 1 is the hour from 0:00 to 1:00 UTC")
    return ". ".join(words)


# ENTSO-E Transparency Platform, tables of its pages exported as CSV
_MTU = r"(?:MTU|Time) \((?:CET/CEST|UTC)\)"
_CLOCK_WORDS = r" \((?:CET|CEST|UTC)\)"
_ENTSOE_NAMES = ("Area", "Production Type", "Sequence")


def _mtu(table: Table) -> str:
    return next(name for name in table.columns if re.fullmatch(_MTU, name))


def _is_entsoe(table: Table) -> bool:
    """Whether each stamp is an interval, and there is a column of a price or a power in its unit."""
    moment = rf"\d\d[./]\d\d[./]\d{{4}} \d\d:\d\d(?::\d\d)?(?:{_CLOCK_WORDS})?"
    units = [name for name in table.columns if re.search(r"[\[(](?:[A-Z]{3}/)?MWh?[\])]", name)]
    return bool(units) and _all_match(table, _mtu(table), f"{moment} - {moment}")


def _entsoe(table: Table) -> Options:
    """The zone that the name of the column of stamps states, the columns that tell series apart, and units that stand in names."""
    time = _mtu(table)
    several = [name for name in _ENTSOE_NAMES if name in table.columns and distinct(table.columns[name]) > 1]
    found = {name: re.search(r"[\[(]([A-Z]{3}/MWh|MWh?)[\])]", name) for name in table.columns}
    return {
        "time": time,
        "tz": "UTC" if "UTC" in time else "Europe/Brussels",
        "id": ",".join(several),
        "unit": [f"{name}={match[1]}" for name, match in found.items() if match],
    }


def _without_clock_words(table: Table) -> Table:
    """The table with stamps that do not repeat which clock they are of, as some do in the hours of a change."""
    time = _mtu(table)
    text = pc.replace_substring_regex(pc.cast(table.columns[time], pa.string()), _CLOCK_WORDS, "")
    return replace(table, columns={**table.columns, time: text})


# FRED, "CSV (data)" of the page of a series, and fredgraph.csv?id=
def _is_fred(table: Table) -> bool:
    """Whether all columns but the first are called as series of FRED are; a table with the old name of the first one has a lone point somewhere."""
    first, *series = table.columns
    named = bool(series) and all(re.fullmatch(r"[A-Z][A-Z0-9_]*", name) for name in series)
    if not named or not _all_match(table, first, r"\d{4}-\d\d-\d\d.*"):
        return False
    if first == "observation_date":
        return True
    texts = [column for column in table.columns.values() if is_text(cell_type(column))]
    return first == "DATE" and any(
        pc.any(pc.equal(pc.utf8_trim_whitespace(one), ".")).as_py() for one in texts
    )


def _fred(table: Table) -> Options:
    return {"time": next(iter(table.columns))}


# yfinance, download(...).to_csv(): two or three rows of names, fields and tickers
_FIELDS = (
    "Open",
    "High",
    "Low",
    "Close",
    "Adj Close",
    "Volume",
    "Dividends",
    "Stock Splits",
    "Capital Gains",
)
_YFINANCE = r"^(?:Price|Ticker)?,.*\n(?:Price|Ticker)?,.*\n(?:Date|Datetime),*\s*\Z"


def _fields_and_tickers(table: Table) -> list[tuple[str, str]]:
    """The field and the ticker of each column after the first, none where the rows above the table do not name them."""
    rows = [line.split(",")[1:] for line in table.notes.split("\n")[-4:-2]]
    if len(rows) < 2 or any(len(row) != len(table.columns) - 1 for row in rows):
        return []
    first, second = ([cell.strip() for cell in row] for row in rows)
    if set(first) <= {*_FIELDS}:
        return list(zip(first, second, strict=True))
    if set(second) <= {*_FIELDS}:
        return list(zip(second, first, strict=True))
    return []


def _is_yfinance(table: Table) -> bool:
    return bool(_fields_and_tickers(table))


def _by_ticker(table: Table) -> Table:
    """The table with one row per stamp and ticker: Date, Ticker, and a column per field, without rows of a ticker that hold nothing."""
    time, *names = table.columns
    both = _fields_and_tickers(table)
    held = dict(zip(both, names, strict=True))
    fields = list(dict.fromkeys(field for field, _ in both))
    parts = []
    for ticker in dict.fromkeys(ticker for _, ticker in both):
        own = {name: table.columns[held[name, ticker]] for name in fields if (name, ticker) in held}
        known = np.logical_or.reduce([pc.is_valid(column).to_numpy() for column in own.values()])
        parts.append((ticker, own, np.flatnonzero(known)))
    columns = {
        "Date": _joined([table.columns[time].take(pa.array(rows)) for _, _, rows in parts]),
        "Ticker": _joined([pa.array([ticker] * len(rows), pa.string()) for ticker, _, rows in parts]),
    }
    for name in fields:
        columns[name] = _joined([_rows_of(own.get(name), rows) for _, own, rows in parts])
    places = np.concatenate([rows for _, _, rows in parts])
    kept = places if table.kept is None else table.kept[places]
    return replace(table, columns=columns, count=len(places), kept=kept)


def _rows_of(column: pa.ChunkedArray | None, rows: Array) -> pa.ChunkedArray | pa.Array:
    """Rows of a column; nothing where a ticker has no such field."""
    if column is None:
        return pa.nulls(len(rows), pa.float64())
    return column.take(pa.array(rows))


def _joined(parts: Sequence[pa.ChunkedArray | pa.Array]) -> pa.ChunkedArray:
    """Columns below each other, of text where they are not of one type."""
    kinds = {part.type for part in parts}
    kind = pa.string()
    if len(kinds) == 1:
        kind = kinds.pop()
    elif all(is_number(one) for one in kinds):
        kind = pa.float64()
    chunks = [pc.cast(part, kind) for part in parts]
    return pa.chunked_array([chunk for part in chunks for chunk in getattr(part, "chunks", [part])], kind)


# Binance, klines of data.binance.vision: twelve columns, in files of the spot market without names
_KLINES = (
    "open_time", "open", "high", "low", "close", "volume", "close_time", "quote_volume", "count",
    "taker_buy_volume", "taker_buy_quote_volume", "ignore",
)  # fmt: skip


def _is_klines(table: Table) -> bool:
    """Whether each row begins and ends at one time in ms or us, its high is not below its low, and nothing is in its last column."""
    if len(table.columns) != len(_KLINES):
        return False
    if not all(is_number(column.type) and not column.null_count for column in table.columns.values()):
        return False
    columns = [
        pc.cast(column[:SAMPLE], pa.float64(), safe=False).to_numpy() for column in table.columns.values()
    ]
    begin, opened, high, low, closed = columns[:5]
    end = columns[6]
    in_ms = (begin > 1e12) & (end < 1e13)
    in_us = (begin > 1e15) & (end < 1e16)
    timed = (in_ms | in_us) & (end > begin)
    inside = (low <= np.minimum(opened, closed)) & (high >= np.maximum(opened, closed))
    nothing = columns[11] == 0
    return bool((timed & inside & nothing).all())


def _klines(table: Table) -> Options:
    return {} if "open_time" in table.columns else {"names": _KLINES}


# NOAA ISD, global-hourly: a cell holds a value, its flag of quality and more, with commas between them
@dataclass(frozen=True)
class _Part:
    """A value inside the cells of a column: the name it gets, its place, its code of missing, and its unit, in tenths or whole."""

    column: str
    name: str
    place: int
    missing: str
    unit: str
    tenths: bool = False


_ISD = (
    _Part("TMP", "TMP", 0, "+9999", "°C", tenths=True),
    _Part("DEW", "DEW", 0, "+9999", "°C", tenths=True),
    _Part("SLP", "SLP", 0, "99999", "hPa", tenths=True),
    _Part("WND", "WND_DIRECTION", 0, "999", "°"),
    _Part("WND", "WND_SPEED", 3, "9999", "m/s", tenths=True),
    _Part("CIG", "CIG", 0, "99999", "m"),
    _Part("VIS", "VIS", 0, "999999", "m"),
)
_ISD_KEYS = ("STATION", "DATE")


def _isd_values(table: Table) -> Table:
    """The table with the values of its mandatory groups as numbers, each without its own code of missing; all other columns are left out."""
    columns = {name: table.columns[name] for name in _ISD_KEYS}
    for part in _ISD:
        if part.column not in table.columns:
            continue
        cells = pc.cast(table.columns[part.column], pa.string())
        group = pc.struct_field(pc.extract_regex(cells, "^" + "[^,]*," * part.place + "(?P<v>[^,]*)"), "v")
        known = pc.if_else(pc.is_in(group, pa.array([part.missing, ""])), None, group)
        columns[part.name] = pc.cast(pc.utf8_ltrim(known, "+"), pa.float64())
    return replace(table, columns=columns)


def _isd_remark(table: Table) -> str:
    return (
        "TMP, DEW, SLP, WND, CIG and VIS are split at their commas: values of any quality are read, without those that mean missing,"
        " and all other columns are left out"
    )


# ECA&D, files by station; the lines above say what a column holds
_ECAD_UNITS = {
    "TG": "°C", "TN": "°C", "TX": "°C", "RR": "mm", "PP": "hPa", "SS": "h", "FG": "m/s", "FX": "m/s",
}  # fmt: skip
_ECAD_WHOLE = {"HU": "%", "SD": "cm", "CC": "oktas", "DD": "°", "QQ": "W/m2"}


# NASA POWER, CSV: what a column holds stands above the table, in brackets its unit
def _power(table: Table) -> Options:
    """The columns of the time, UTC where the lines above say so, and the units that stand there."""
    time = [name for name in ("YEAR", "MO", "DY", "DOY", "HR") if name in table.columns]
    options: dict[str, Any] = {"time": time}
    if "HR" in time and re.search(r"\bin UTC\b", table.notes):
        options["tz"] = "UTC"
    if "LAT" in table.columns and "LON" in table.columns:
        options["id"] = "LAT,LON"
    lines = {
        name: re.search(rf"^{re.escape(name)}\s.*\(([^()]+)\)\s*$", table.notes, re.MULTILINE)
        for name in table.columns
    }
    options["unit"] = [f"{name}={line[1]}" for name, line in lines.items() if line]
    return options


def _power_remark(table: Table) -> str:
    if "HR" in table.columns and not re.search(r"\bin UTC\b", table.notes):
        return "Hours are local solar time (LST), as the lines above say, which is no zone: ask for time-standard=UTC to have one"
    return ""


# INMET, dados historicos: a station a file, hours in UTC
_INMET_DATE = r"Data|DATA \(YYYY-MM-DD\)"
_INMET_HOUR = r"Hora UTC|HORA \(UTC\)"


def _inmet(table: Table) -> Options:
    """The columns of the time, and the units that names end with."""
    time = [name for name in table.columns if re.fullmatch(f"{_INMET_DATE}|{_INMET_HOUR}", name)]
    found = {name: re.search(r"\(([^()]+)\)$", name) for name in table.columns if name not in time}
    return {"time": time, "unit": [f"{name}={match[1]}" for name, match in found.items() if match]}


def _inmet_hours(table: Table) -> Table:
    """The table with hours as 13:00 in place of 1300 UTC."""
    hour = next(name for name in table.columns if re.fullmatch(_INMET_HOUR, name))
    text = pc.cast(table.columns[hour], pa.string())
    clock = pc.replace_substring_regex(text, r"^(\d\d)(\d\d) UTC$", r"\1:\2")
    return replace(table, columns={**table.columns, hour: clock})


# Meteostat, data.meteostat.net: the parts of a stamp, and next to each column the one of its source
_METEOSTAT_UNITS = {
    "temp": "°C", "tmin": "°C", "tmax": "°C", "dwpt": "°C", "rhum": "%", "prcp": "mm", "snwd": "cm", "wdir": "°",
    "wspd": "km/h", "wpgt": "km/h", "pres": "hPa", "tsun": "min",
}  # fmt: skip


def _meteostat(table: Table) -> Options:
    """The parts of the stamp that there are; hours are in UTC."""
    time = [name for name in ("year", "month", "day", "hour") if name in table.columns]
    return {"time": time, **({"tz": "UTC"} if "hour" in time else {})}


# ERCOT, historical prices: a date, the hour that it ends, and a flag of the hour that clocks repeat
_ERCOT_DATE = r"Delivery ?Date"
_ERCOT_HOUR = r"Hour ?Ending|Delivery ?Hour"
_ERCOT_POINT = r"Settlement ?Point(?: ?Name)?"
_ERCOT_FLAG = r"DSTFlag|Repeated Hour Flag"
_QUARTER = r"Delivery ?Interval"


def _column_of(table: Table, pattern: str) -> str:
    """The column whose name is a pattern as a whole."""
    return next(name for name in table.columns if re.fullmatch(pattern, name))


def _is_hourly(table: Table) -> bool:
    """Whether the hours are whole ones: quarters of an hour have a column of their own."""
    return not any(re.fullmatch(_QUARTER, name) for name in table.columns)


def _ercot(table: Table) -> Options:
    return {
        "time": (_column_of(table, _ERCOT_DATE), _column_of(table, _ERCOT_HOUR)),
        "id": _column_of(table, _ERCOT_POINT),
    }


def _flagged_last(table: Table) -> Table:
    """The table in which the row of a repeated hour that carries the flag stands behind the one that does not."""
    flag = pc.equal(as_text(table.columns[_column_of(table, _ERCOT_FLAG)]), "Y").fill_null(False).to_numpy()
    if not flag.any():
        return table
    keys = [_column_of(table, pattern) for pattern in (_ERCOT_DATE, _ERCOT_HOUR, _ERCOT_POINT)]
    cells = [as_text(table.columns[name]).to_pylist() for name in keys]
    rows = list(zip(*cells, strict=True))
    first = {rows[place]: place for place in reversed(range(len(rows))) if not flag[place]}
    order = np.arange(len(rows), dtype="float64")
    for place in np.flatnonzero(flag):
        order[place] = max(place, first.get(rows[place], -1) + 0.5)
    return _reordered(table, np.argsort(order, kind="stable"))


def _reordered(table: Table, order: Array) -> Table:
    """The rows of a table in another order."""
    columns = {name: column.take(pa.array(order)) for name, column in table.columns.items()}
    kept = order if table.kept is None else table.kept[order]
    return replace(table, columns=columns, kept=kept)


# OMIE, marginalpdbc: year;month;day;hour;price of Portugal;price of Spain; below a line with the name of the file
_OMIE_NAMES = ("year", "month", "day", "hour", "portugal", "spain")


def _is_omie(table: Table) -> bool:
    """Whether its columns begin with the parts of a date and one of up to 25 hours."""
    if len(table.columns) > len(_OMIE_NAMES) + 1:
        return False
    patterns = (r"(?:19|20)\d\d", r"0?[1-9]|1[0-2]", r"0?[1-9]|[12]\d|3[01]", r"0?[1-9]|1\d|2[0-5]")
    return all(
        _all_match(table, name, pattern) for name, pattern in zip(table.columns, patterns, strict=False)
    )


def _omie(table: Table) -> Options:
    more = ("rest",) if len(table.columns) > len(_OMIE_NAMES) else ()
    units = [f"{name}=EUR/MWh" for name in _OMIE_NAMES[4:]]
    return {"names": _OMIE_NAMES + more, "time": _OMIE_NAMES[:4], "unit": units}


# AEMO: prices and demand of a region, and tables of its market system, whose rows begin with C, I or D
_NEM_STAMP = r"\d{4}/\d\d/\d\d \d\d:\d\d(?::\d\d)?"


def _aemo_remark(table: Table) -> str:
    return "SETTLEMENTDATE names the end of its interval, in the time of Brisbane all year: `stamp=end` where `every` gathers it"


def _nem(table: Table) -> Options:
    return {"id": next(name for name in ("REGIONID", "DUID", "INTERCONNECTORID") if name in table.columns)}


# M5: a row per item and store, a column per day
_M5_FIRST = pd.Timestamp("2011-01-29")  # the day d_1, as its calendar.csv has it
_M5_KEYS = ("id", "item_id", "dept_id", "cat_id", "store_id", "state_id")


def _is_m5(table: Table) -> bool:
    """Whether there is a column for each day, from d_1 on."""
    days = [name for name in table.columns if name not in _M5_KEYS]
    return [f"d_{i + 1}" for i in range(len(days))] == days


def _by_day(table: Table) -> Table:
    """The table with one row per item and day: id, date, sales."""
    days = [name for name in table.columns if name not in _M5_KEYS]
    dates = pd.date_range(_M5_FIRST, periods=len(days), freq="D").to_numpy()
    rows = np.arange(table.count)
    sales = np.column_stack([table.columns[name].to_numpy(zero_copy_only=False) for name in days])
    ids = table.columns["id"].combine_chunks().take(pa.array(np.repeat(rows, len(days))))
    columns = {
        "id": pa.chunked_array([ids]),
        "date": pa.chunked_array([pa.array(np.tile(dates.astype("datetime64[ns]"), table.count))]),
        "sales": pa.chunked_array([pa.array(sales.astype("float64").ravel(), from_pandas=True)]),
    }
    places = rows if table.kept is None else table.kept
    return replace(table, columns=columns, count=len(ids), kept=np.repeat(places, len(days)))


def _m5_remark(table: Table) -> str:
    return (
        "d_1 is 2011-01-29, as its calendar has it; item, department, category, store and state are left out"
    )


PROFILES: dict[str, Profile] = {
    "ghcn-daily": Profile(
        "NOAA GHCN-Daily",
        "data of NOAA, free to use; stations outside of the USA may be restricted to non-commercial use (WMO Resolution 40)",
        header=_GHCN_FIRST,
        cells={"STATION": r"[A-Z]{2}[A-Z0-9_-]{9}", "DATE": r"\d{4}-\d\d-\d\d.*"},
        fits=_whole_tenths,
        options={"time": "DATE", "id": "STATION", "missing": ("-9999",)},
        leave=("LATITUDE", "LONGITUDE", "ELEVATION", "NAME", "*_ATTRIBUTES"),
        factor=dict.fromkeys(_GHCN_UNITS, TENTH),
        unit={**_GHCN_UNITS, "SNOW": "mm", "SNWD": "mm"},
    ),
    "open-meteo": Profile(
        "Open-Meteo",
        "CC BY 4.0 (weather data by Open-Meteo.com); its free service is for non-commercial use",
        header=("time", _NAME_AND_UNIT),
        preamble=_PLACES.pattern,
        cells={"time": r"\d{4}-\d\d-\d\d.*"},
        options={"time": "time"},
        found=_open_meteo,
        remark=_open_meteo_places,
    ),
    "dwd": Profile(
        "Deutscher Wetterdienst, Klimadaten",
        "CC BY 4.0 (source: Deutscher Wetterdienst)",
        header=("STATIONS_ID", "MESS_DATUM", "QN.*", "eor"),
        cells={"STATIONS_ID": r"\d+", "MESS_DATUM": r"\d{8}(?:\d\d(?::?\d\d)?)?", "eor": "eor"},
        options={"time": "MESS_DATUM", "id": "STATIONS_ID", "missing": ("-999",)},
        found=_dwd,
        leave=("QN", "QN_*", "MESS_DATUM_WOZ", "eor"),
        unit=_DWD_UNITS,
    ),
    "knmi": Profile(
        "KNMI, daggegevens and uurgegevens",
        "CC BY 4.0 (source: KNMI)",
        header=("STN", "YYYYMMDD"),
        preamble="KNMI",
        cells={"STN": r"\d{3}", "YYYYMMDD": r"\d{8}"},
        found=_knmi,
        remark=_knmi_remark,
    ),
    "entso-e": Profile(
        "ENTSO-E Transparency Platform",
        "those of the Transparency Platform; most of its data are CC BY 4.0, its list of data says which",
        header=(_MTU,),
        fits=_is_entsoe,
        options={"dayfirst": True, "missing": ("n/e", "N/A", "-")},
        found=_entsoe,
        leave=("Area", "Sequence", "Production Type", "Currency", "Intraday Period*", "BZN|*"),
        shaped=_without_clock_words,
    ),
    "fred": Profile(
        "FRED",
        "each series has those of its source, and the terms of FRED restrict some uses, machine learning among them: read them first",
        header=("observation_date|DATE",),
        fits=_is_fred,
        options={"missing": (".",)},
        found=_fred,
    ),
    "yfinance": Profile(
        "yfinance, download().to_csv()",
        "data of Yahoo, for personal use only",
        header=(
            r"(?:Price|Ticker|Date|Datetime| )+",
            r"(?:.+ )?(?:Close|Adj Close|Open|High|Low|Volume)(?: .+)?",
        ),
        preamble=_YFINANCE,
        fits=_is_yfinance,
        options={"time": "Date", "id": "Ticker"},
        shaped=_by_ticker,
    ),
    "binance": Profile(
        "Binance klines",
        "those of Binance",
        header=tuple(f"column {i + 1}|{name}" for i, name in enumerate(_KLINES)),
        fits=_is_klines,
        options={"time": "open_time"},
        found=_klines,
        leave=("close_time", "ignore"),
    ),
    "isd": Profile(
        "NOAA ISD, global-hourly",
        "data of NOAA, free to use; stations outside of the USA may be restricted to non-commercial use (WMO Resolution 40)",
        header=("STATION", "DATE", "REPORT_TYPE", "QUALITY_CONTROL", "WND", "TMP"),
        cells={"DATE": r"\d{4}-\d\d-\d\d.*", "TMP": r"[+-]\d{4},\w", "WND": r"\d{3},\w,\w,\d{4},\w"},
        options={"time": "DATE", "id": "STATION", "tz": "UTC"},
        factor={part.name: TENTH for part in _ISD if part.tenths},
        unit={part.name: part.unit for part in _ISD},
        shaped=_isd_values,
        remark=_isd_remark,
    ),
    "eca-d": Profile(
        "ECA&D",
        "for non-commercial research and education, with its source named (Klein Tank and others, 2002)",
        header=("SOUID", "DATE", "Q_.+"),
        preamble=r"EUROPEAN CLIMATE ASSESSMENT|ECA&D",
        cells={"DATE": r"\d{8}"},
        options={"time": "DATE", "id": "STAID", "missing": ("-9999",)},
        leave=("SOUID", "Q_*"),
        factor=dict.fromkeys(_ECAD_UNITS, TENTH),
        unit=_ECAD_UNITS | _ECAD_WHOLE,
    ),
    "nasa-power": Profile(
        "NASA POWER",
        "free to use, with NASA POWER named as its source",
        header=("YEAR", "MO|DOY", ".+"),
        preamble=r"^-BEGIN HEADER-\s*\n.*NASA",
        options={"missing": ("-999",)},
        found=_power,
        remark=_power_remark,
    ),
    "inmet": Profile(
        "INMET, dados históricos",
        "free to use, with INMET named as its source",
        header=(_INMET_DATE, _INMET_HOUR),
        preamble=r"^CODIGO \(WMO\):;",
        options={"missing": ("-9999",), "tz": "UTC"},
        found=_inmet,
        shaped=_inmet_hours,
    ),
    "meteostat": Profile(
        "Meteostat",
        "CC BY 4.0 for most of its sources, which its column of sources names",
        header=("year", "month", r"(?:temp|tmin|tmax|prcp|pres)", r"(?:temp|tmin|tmax|prcp|pres)_source"),
        cells={"year": r"(?:1[789]|20)\d\d", "month": r"1?\d"},
        found=_meteostat,
        leave=("*_source", "coco", "cldc"),
        unit=_METEOSTAT_UNITS,
    ),
    "ercot": Profile(
        "ERCOT settlement point prices, by the hour",
        "those of ERCOT",
        header=(_ERCOT_DATE, _ERCOT_HOUR, _ERCOT_POINT, r"Settlement ?Point ?Price", _ERCOT_FLAG),
        fits=_is_hourly,
        options={"tz": "America/Chicago", "dayfirst": False},
        found=_ercot,
        leave=("DSTFlag", "Repeated Hour Flag", "SettlementPointType", "Settlement Point Type"),
        shaped=_flagged_last,
        unit=dict.fromkeys(("SettlementPointPrice", "Settlement Point Price"), "USD/MWh"),
    ),
    "omie": Profile(
        "OMIE marginal prices of the day-ahead market",
        "those of OMIE",
        header=tuple(f"column {i + 1}" for i in range(len(_OMIE_NAMES))),
        preamble=r"^MARGINALPDBC",
        fits=_is_omie,
        options={"tz": "Europe/Madrid"},
        found=_omie,
        leave=("rest",),
    ),
    "aemo": Profile(
        "AEMO aggregated price and demand",
        "those of AEMO, with AEMO named as the source",
        header=("REGION", "SETTLEMENTDATE", "TOTALDEMAND", "RRP", "PERIODTYPE"),
        cells={"SETTLEMENTDATE": _NEM_STAMP},
        options={"time": "SETTLEMENTDATE", "id": "REGION", "tz": "Australia/Brisbane"},
        leave=("PERIODTYPE",),
        unit={"TOTALDEMAND": "MW", "RRP": "AUD/MWh"},
        remark=_aemo_remark,
    ),
    "aemo-nem": Profile(
        "AEMO market data (NEMWEB), rows C, I and D",
        "those of AEMO, with AEMO named as the source",
        header=("SETTLEMENTDATE", "REGIONID|DUID|INTERCONNECTORID"),
        preamble=r"^C,",
        cells={"SETTLEMENTDATE": _NEM_STAMP},
        options={"time": "SETTLEMENTDATE", "tz": "Australia/Brisbane"},
        found=_nem,
        leave=("RUNNO", "DISPATCHINTERVAL", "INTERVENTION", "LASTCHANGED"),
        remark=_aemo_remark,
    ),
    "m5": Profile(
        "M5, sales by item and store",
        "those of the M5 competition",
        header=(*_M5_KEYS, "d_1", "d_2"),
        fits=_is_m5,
        options={"time": "date", "id": "id"},
        shaped=_by_day,
        remark=_m5_remark,
    ),
}
