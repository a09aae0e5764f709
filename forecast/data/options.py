"""Reading: every option of how a file is read, as one value. `read`, Panel, Run and the command
line's flags are made of its fields.
"""

import csv
import io
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any, get_type_hints

from forecast.errors import ForecastError, nearest, validated

Names = str | tuple[str, ...] | None  # one name, several, or none given


def option(
    meaning: str,
    help: str,
    default: Any = None,
    *,
    shown: str = "",
    many: bool = False,
    opposite: str = "",
    paired: bool = False,
) -> Any:
    """A field of Reading that says what it is for, and how the command line shows it.

    meaning: for `help(forecast.Reading)` · help: of its flag, in a few words · shown: what the
    flag's help gives as the default, "" = nothing ·
    many: the flag may be repeated and takes names with commas between them · opposite: the flag
    that says no, of an option that is true or false · paired: its names are pairs such as gdp=45D, which Python may
    give as a mapping.
    """
    metadata = {
        "meaning": meaning,
        "help": help,
        "shown": shown,
        "many": many,
        "opposite": opposite,
        "paired": paired,
    }
    return field(default=default, metadata=metadata)


@dataclass(frozen=True)
class Reading:
    """How a file is read: which column is what, and what its cells and stamps mean. None = found in
    the file, and reported.

    The Reading of a panel is the one by which its file was read, with all that was found: the next
    file of its kind is read by it in the same way.
    Raises ForecastError where an option is of another type.
    """

    target: Names = option(
        'one column, or several (or "all") of a wide file, each a series of its own',
        "Column to forecast; several, or all, of a wide file.",
        many=True,
    )
    event: str | None = option(
        'a condition whose probability is forecast in place of a number, such as "precip_mm > 0" or'
        ' "return(close) > 0"; two may be joined by `and` or `or`',
        "Event to forecast: 'precip_mm > 0'.",
    )
    time: Names = option(
        "the column of stamps, or several of which each holds a part; found by name and type",
        "Column of stamps, or its parts: date,hour.",
        shown="found",
    )
    id: str | None = option(
        'the column of series names ("latitude,longitude" joins two); found by name and type',
        "Column of series names.",
        shown="found",
    )
    past: Names = option(
        'other columns that are known up to the origin; by default every other numeric column, "none" for none',
        "Columns to look back at, or none.",
        shown="all numeric ones",
        many=True,
    )
    future: Names = option(
        "columns that are known over the horizon too, such as a holiday; rows after the last"
        " target may carry them alone",
        "Columns known over the horizon: holiday.",
        many=True,
    )
    category: Names = option(
        "those of past and future whose cells are names, as all text is; an empty cell is a name too",
        "Columns of names beside the target.",
        shown="text columns",
        many=True,
    )
    neighbours: Names = option(
        'series whose targets are past columns of every other one, or "all"',
        "Series to look at for each other, or all.",
        many=True,
    )
    series: Names = option(
        "those that are forecast, by default all",
        "Series to forecast: EWR,JFK.",
        shown="all",
        many=True,
    )
    static: Names = option(
        "columns that are the same in all rows of a series, numbers or names, such as the"
        " elevation of a station;"
        " an empty cell says nothing",
        "Columns that tell series apart: elevation.",
        many=True,
    )
    tz: str | None = option(
        'the zone of stamps without one, such as "Europe/Paris"; days are the days there',
        "Zone of stamps without one: Europe/Paris.",
        shown="UTC",
    )
    every: str | None = option(
        'the step to gather rows into, such as "1h", "1D", "M"',
        "Gather rows into steps: 1h, 1D, M.",
    )
    how: Names = option(
        'how rows are gathered: by mean, max, min, sum or last; or of some columns, "rain=sum,wind=max"',
        "Gather by mean, max, min, sum, last: rain=sum.",
        "mean",
        shown="mean",
        many=True,
    )
    missing: Names = option(
        "cells that mean missing, such as -9999",
        "Cells that mean missing: -9999,NA.",
        many=True,
    )
    circular: Names = option(
        "columns of angles in degrees, read as their sine and cosine",
        "Columns of degrees: wind_dir.",
        many=True,
    )
    stamp: str | None = option(
        "what a stamp names of its reading, `start` or `end`, where `every` gathers readings:"
        " with `end` one at midnight is of the day before",
        "What a stamp names of its reading: start, end.",
        shown="found, start",
    )
    round: str | None = option(
        'the step to whose nearest multiple stamps are moved, such as "1h" for 23:59',
        "Move stamps to the nearest step: 1h.",
    )
    dayfirst: bool | None = option(
        "the order of day and month where a file leaves it open (False: the year comes first"
        " where the month cannot, as in"
        " 24-01-31); a row that contradicts the order is refused",
        "Order of 1/2/2013.",
        shown="found",
        opposite="monthfirst",
    )
    decimal: str | None = option(
        'the decimal mark ("," or ".") where a file leaves it open',
        "Decimal mark of text: , or .",
        shown="found",
    )
    encoding: str | None = option(
        'the encoding of a text file, such as "gb18030" or "cp1252"',
        "Encoding of text: gb18030.",
        shown="found",
    )
    header: int | None = option(
        "the row of a text file, counted from 1, that holds the names of its columns",
        "Row that holds the names: 3.",
        shown="found",
    )
    calendar: str | None = option(
        "the exchange whose sessions trading days, or bars of trading hours, are, such as"
        ' "XNYS" (needs exchange_calendars): those to come are then known, and those of the file are compared with it',
        "Exchange of trading days: XNYS.",
        shown="none: weekdays",
    )
    profile: str | None = option(
        'the vendor whose files are laid out as this one, such as "ghcn-daily": it sets options that are not given; "none" for none',
        "Vendor of the file: ghcn-daily, or none.",
        shown="recognised",
    )
    names: Names = option(
        "names of all columns in their order, as of a file without a header, or new names of some of them, old=new",
        "Names of all columns, or of some: old=new.",
        many=True,
        paired=True,
    )
    leave: Names = option(
        "columns to leave out, such as flags of quality; * stands for any text",
        "Columns to leave out: QN_*,eor.",
        many=True,
    )
    factor: Names = option(
        'what the numbers of a column are multiplied by, such as "TMAX=0.1"; without a column those of all columns of numbers',
        "Multiply numbers: 0.1, or TMAX=0.1.",
        many=True,
        paired=True,
    )
    issued: str | None = option(
        "the column of the moments at which forecasts of others, the future columns, were issued: several rows may then be"
        " of one stamp, and at an origin only what had been issued by its last known stamp is seen",
        "Column of moments of issue.",
    )
    lag: Names = option(
        'after how long a past column is published, such as "gdp=45D", or "gdp=3" steps: each row then holds the latest'
        " value that had been published by its stamp, until the next one",
        "Published late: gdp=45D, or gdp=3 steps.",
        many=True,
        paired=True,
    )
    unit: Names = option(
        'the unit of a column, such as "TMAX=°C", which is reported and kept with the run; it changes no number',
        "Unit of a column: TMAX=°C.",
        many=True,
        paired=True,
    )
    returns: bool = option(
        "whether the log return of the target, which is a price, is forecast in its place; the price stays a past column",
        "Forecast the log returns of a price.",
        False,
    )
    volatility: str | None = option(
        "how the variance of a price's returns, which is forecast in place of the price, is measured in each row: `squared`, its"
        " squared log return, or `garman-klass`, from the columns open, high, low and close (the target) of that row",
        "Forecast a price's variance: squared, garman-klass.",
    )
    ordered: Names = option(
        'the names of a target of names in their order, lowest first, such as "calm<breeze<storm", where they have one: shares'
        " are then ranked by how many names they miss by",
        "Names of the target in their order: 'calm<breeze<storm'.",
    )

    def __post_init__(self) -> None:
        """ForecastError where an option is not of its type. Several names in any form, such as a
        list, become a tuple of text.
        """
        hints = get_type_hints(type(self))
        for one in fields(self):
            value = getattr(self, one.name)
            if value is one.default:
                continue
            if hints[one.name] == Names:
                value = _as_text(value, one.metadata["paired"])
            object.__setattr__(self, one.name, validated(hints[one.name], value, one.name))


OPTIONS = tuple(one.name for one in fields(Reading))
_MEANINGS = [f"{one.name}: {one.metadata['meaning']}." for one in fields(Reading)]
Reading.__doc__ = "\n    ".join([f"{Reading.__doc__}", *_MEANINGS])


def make_reading(reading: Reading | None, options: Mapping[str, Any]) -> Reading:
    """A Reading of options by name, which win over those of `reading`.

    Raises ForecastError where there is no such option, or where one is of another type.
    """
    if reading is None:
        reading = Reading()
    if not isinstance(reading, Reading):
        raise ForecastError(
            f"reading = {reading!r}: this is no Reading. Give forecast.Reading(target=...), or"
            " each option by its own name, such as target."
        )
    for name in options:
        if name not in OPTIONS:
            raise ForecastError(f"There is no option {name!r} of reading a file.{nearest(name, OPTIONS)}")
    return replace(reading, **options)


def names_of(value: Names) -> tuple[str, ...]:
    """The names that an option holds, () where none is given."""
    if value is None:
        return ()
    if isinstance(value, str):
        return (value,)
    return value


def split_names(value: Names, known: Collection[str]) -> tuple[str, ...]:
    """The names that an option holds: each unchanged where it is a known one, else its parts between
    commas, of which one in double quotes may hold a comma: 'wind,"Temp, degC"'.
    """
    found: list[str] = []
    for name in names_of(value):
        if name in known or "," not in name:
            found.append(name)
            continue
        parts = next(csv.reader([name], skipinitialspace=True))
        found += [part.strip() for part in parts if part.strip()]
    return tuple(found)


def as_list(names: Sequence[str]) -> str:
    """Names as one text that `split_names` takes apart."""
    written = io.StringIO()
    csv.writer(written, lineterminator="").writerow(names)
    return written.getvalue()


def _as_text(value: Any, paired: bool) -> Any:
    """Several names in any form as a tuple of text, of an option of pairs {"gdp": "45D"} as "gdp=45D"; anything else
    unchanged.
    """
    if paired and isinstance(value, Mapping):
        return tuple(f"{name}={one}" for name, one in value.items())
    if isinstance(value, str | bytes | Mapping) or not isinstance(value, Iterable):
        return value
    return tuple(str(one) for one in value)
