"""Profiles of vendors' files: a layout that is recognised by its header, its preamble and its cells, and the options of Reading that it sets.

A profile sets only what a user can set by an option, and an option that is given wins. The layouts are those of the vendors' own pages, which
docs/vendors.md names.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from typing import Any

from forecast.data.findings import Report
from forecast.data.options import Reading, names_of
from forecast.errors import ForecastError, nearest
from forecast.reading.columns import renamed, without
from forecast.reading.roles import distinct
from forecast.reading.sources import as_text
from forecast.reading.tables import Table

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

    title: the vendor and the product · licence: under which terms the data may be used · header: columns that all have to be there · preamble: a
    pattern that is found in the lines above the table · cells: a pattern that the first cells of a column match, all of them · fits: what else
    holds for the table · options: those of Reading, the same for each file · found: those that stand in the file · leave: patterns of columns to
    leave out · factor, unit: those of columns, where they are there · shaped: the table with one row per stamp and series · remark: what else a
    reader of the file should know.
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

    def recognises(self, table: Table) -> bool:
        """Whether a table is laid out as this vendor's."""
        if not set(self.header) <= set(table.columns):
            return False
        if self.preamble and not re.search(self.preamble, table.notes, re.MULTILINE):
            return False
        if not all(_all_match(table, name, pattern) for name, pattern in self.cells.items()):
            return False
        return self.fits(table)

    def options_of(self, table: Table, reading: Reading) -> dict[str, Any]:
        """The options that it sets for a table: those that are not given, of the columns that are there.

        A column that is named for something else is not left out.
        """
        columns = [name for name in table.columns if not _any_match(name, names_of(reading.leave))]
        options: dict[str, Any] = {
            "factor": [f"{name}={number}" for name, number in self.factor.items() if name in columns],
            "unit": [f"{name}={unit}" for name, unit in self.unit.items() if name in columns],
            **self.options,
            **self.found(table),
        }
        left = list(self.leave)
        if _needs_no_id(table, reading, options.get("id")):
            left.append(options.pop("id"))
        named = {*_named(reading)}
        options["leave"] = [name for name in columns if _any_match(name, left) and name not in named]
        return {name: value for name, value in options.items() if value and getattr(reading, name) is None}


def refuse_unknown(name: str | None) -> None:
    """ForecastError where there is no profile of a name."""
    if name not in (None, NONE, *PROFILES):
        raise ForecastError(f"There is no profile {name!r}.{nearest(str(name), [*PROFILES, NONE])}")


def may_match(names: Mapping[str, str], reading: Reading) -> bool:
    """Whether the columns of a file, by name, may be those of a profile, so that all of them are needed to tell."""
    if reading.profile == NONE:
        return False
    return any(set(profile.header) <= set(names) for profile in PROFILES.values())


def by_profile(table: Table, reading: Reading, newer: bool, report: Report) -> tuple[Table, Reading]:
    """The table with the names and columns that it is read by, and the reading with the options of its profile.

    newer: whether the rows are newer ones of a file that was read before. No profile is looked for then: `reading` holds what was decided.
    """
    name = _profile_of(table, reading, newer, report)
    if name != NONE:
        profile = PROFILES[name]
        options = profile.options_of(table, reading)
        _say(name, profile, options, profile.remark(table), report)
        if profile.recognises(table):
            table = profile.shaped(table)
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
        return next((name for name, profile in PROFILES.items() if profile.recognises(table)), NONE)
    if given != NONE and not newer and not PROFILES[given].recognises(table):
        profile = PROFILES[given]
        lacking = [name for name in profile.header if name not in table.columns]
        why = (
            f"it has no column {', '.join(lacking)}"
            if lacking
            else "its cells or the lines above it are others"
        )
        report.refuse(
            "no-such-profile",
            f"{table.where} is not laid out as a file of {profile.title}: {why}.",
            remedy="Leave `profile` out; what it would set can be given by options.",
        )
    return given


def _say(name: str, profile: Profile, options: Options, remark: str, report: Report) -> None:
    """Report which file was recognised, what is set for it, and its licence."""
    words = [f"`{option}={_written(value)}`" for option, value in options.items()]
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


def _written(value: Any) -> str:
    """The value of an option as a flag takes it."""
    return value if isinstance(value, str) else ",".join(value)


def _named(reading: Reading) -> list[str]:
    """The columns that the options give a role."""
    roles = (reading.target, reading.past, reading.future, reading.static, reading.category, reading.circular)
    keys = (reading.time, reading.id)
    columns = [name for role in roles for name in names_of(role)]
    return columns + [part.strip() for key in keys for name in names_of(key) for part in name.split(",")]


def _any_match(name: str, patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)


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
}
