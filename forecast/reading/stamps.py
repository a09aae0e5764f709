"""Cells that mean moments: text in many forms, integers, typed columns, several columns together; the form is decided over the whole column.

What is read here is the time as written (`wall`) and, where the cells say it, the offset from UTC. `zones` makes moments of both.
"""

import calendar
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from forecast.arrays import Array

DAY = 86_400 * 10**9  # ns
NAT = np.datetime64("NaT", "ns")
Order = Literal["day", "month", "year"]  # which of the three numbers of a date comes first
YEAR_FIRST = "yy-month-day"
ACROSS = 10  # columns that a table with stamps across them has at least
YEARS = (1678, 2261)  # whole years that datetime64[ns] can hold
_CLOCK = r"(?:[Tt _,-]+(?P<H>\d{1,2})(?:[:.h]?(?P<M>\d{2})(?:[:.]?(?P<S>\d{2})(?:[.,](?P<f>\d{1,9}))?)?)?(?:[\s-]*(?P<ap>[AaPp])\.?[Mm]\.?)?)?"
_ZONE = (  # the name behind an offset, UTC or in brackets, repeats what it says
    r"\s*(?P<z>[Zz]|(?:UTC|GMT)[+-]\d{1,2}(?::?\d{2})?|UTC|GMT|[+-](?:0\d|1[0-4])(?::?\d{2})?(?:\s*UTC)?)?(?:\[[A-Za-z_/+-]+\])?"
)
_UNTIL = r"(?:\s+[-\x{2013}]\s+(?:\S+\s+)?\d{1,2}:\d{2}(?::\d{2})?)?\s*$"  # 00:00 - 01:00, an interval, stands for its beginning
_TIME_OF_DAY = re.compile(  # also 00:00 - 01:00, which stands for its beginning
    r"\s*(?P<H>\d{1,2})(?::(?P<M>\d{2})(?::(?P<S>\d{2})(?:[.,]\d+)?)?|\.(?P<m>\d{2})\.(?P<s>\d{2})|\s?[hH]\s?(?P<n>\d{2})?|(?=\s*(?:[AaPp]\.?[Mm]|Uhr)))"
    r"(?:\s*Uhr)?\s*(?P<ap>[AaPp])?\.?[Mm]?\.?(?:\s*[-\u2013]\s*\d{1,2}:\d{2}(?::\d{2})?)?\s*"
)
_HOUR = re.compile(r"\s*(\d{1,2})\s*[-\u2013]\s*(\d{1,2})\s*")  # 00 - 01
_WEEKDAY = r"^\s*(?:(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*\.?,?\s+)?"
_YEAR, _DAY = r"(?P<y>\d{4}|\d{2})", r"(?P<d>\d{1,2})(?:st|nd|rd|th)?"
_MON = r"(?P<mon>[^0-9\s./,:;_+-]{3,9})\.?"  # a class of all letters would take 6 ms to compile
_DATES = {
    "year-month-day": r"(?P<y>\d{4})[-/. ](?P<m>\d{1,2})[-/. ](?P<d>\d{1,2})",
    "yyyymmdd": r"(?P<y>\d{4})(?P<m>\d{2})(?P<d>\d{2})",
    "day and month": rf"(?P<a>\d{{1,2}})[-/. ](?P<b>\d{{1,2}})[-/. ]{_YEAR}",
    YEAR_FIRST: r"(?P<y>\d{2})[-/.](?P<m>\d{1,2})[-/.](?P<d>\d{2})",
    "year-day of year": r"(?P<y>\d{4})[-/. ](?P<j>\d{3})",
    "year, month and day in Chinese": r"(?P<y>\d{4})年\s?(?P<m>\d{1,2})月\s?(?P<d>\d{1,2})日",
    "day month-name year": rf"{_DAY}[-/. ]*{_MON},?[-/. ]*{_YEAR}",
    "month-name day year": rf"{_MON}[-/. ]*{_DAY},?[-/. ]+{_YEAR}",
    "year month-name day": rf"(?P<y>\d{{4}})[-/. ]*{_MON}[-/. ]*{_DAY}",
    "year-month": r"(?P<y>\d{4})[-/ M]+(?P<m>\d{1,2})",  # no point: 2013.1 is a number
    "month-year": r"(?P<m>\d{1,2})[-/.](?P<y>\d{4})",
    "month-name year": rf"{_MON}[-/. ]*{_YEAR}",
    "year month-name": rf"(?P<y>\d{{4}})[-/. ]*{_MON}",
    "year-quarter": r"(?P<y>\d{4})[-/. ]*[Qq](?P<q>[1-4])",
    "quarter-year": r"[Qq](?P<q>[1-4])[-/. ']*(?P<y>\d{4}|\d{2})",
    "quarter by number, year": r"(?P<q>[1-4])[Qq][-/. ']*(?P<y>\d{4}|\d{2})",
    "year-week": r"(?P<y>\d{4})[-/. ]*[Ww](?P<w>\d{1,2})(?:-(?P<wd>[1-7]))?",
    "week-year": r"[Ww](?P<w>\d{1,2})[-/. ]*(?P<y>\d{4})",
}
_PATTERNS = {
    name: f"{_WEEKDAY}{date}{'' if name in _DATES and name.startswith(('year-w', 'year-q')) else _CLOCK}{_ZONE}{_UNTIL}"
    for name, date in _DATES.items()
}
_COMPACT_CLOCK = r"(?:(?:[Tt_:-]|\s+)?(?P<H>\d{2}):?(?P<M>\d{2})?:?(?P<S>\d{2})?(?:[.,](?P<f>\d{1,9}))?)?"
_PATTERNS["yyyymmdd"] = rf"^\s*(?P<y>\d{{4}})(?P<m>\d{{2}})(?P<d>\d{{2}}){_COMPACT_CLOCK}{_ZONE}\s*$"
_NAMES = (  # how months begin in English, German, French, Spanish, Italian, Dutch and Portuguese
    "jan ene gen",
    "feb fév fev",
    "mar mär mrz mrt",
    "apr avr abr",
    "may mai mei mag",
    "jun juin giu",
    "jul juil lug",
    "aug aoû aou ago",
    "sep set",
    "oct okt ott out",
    "nov",
    "dec dez déc dic",
)
_MONTHS = {name: i + 1 for i, names in enumerate(_NAMES) for name in names.split()}
_HOUR_NAME = re.compile(
    r"\s*(?:h|hr|he|hour|hora|heure|stunde|std|uur|ora|godz|godzina)[ _.-]?(\d{1,2})\s*", re.IGNORECASE
)
_YEAR_NAME = re.compile(r"((?:1[7-9]|20)\d\d)(?:\s*\[YR\1\])?")  # as the World Bank writes it, too
_ENGLISH = tuple(name.lower() for name in calendar.month_name[1:])
_Days = tuple[
    str, tuple[str, ...], float, tuple[int, int]
]  # what they are called, by which columns, which is 1970, and their range
EXCEL: _Days = ("Excel day numbers", (), 25_569, (20_000, 80_000))  # 1954 to 2119
MODIFIED: _Days = (
    "modified Julian days",
    ("mjd", "modified_julian_day", "modified_julian_date"),
    40_587,
    (0, 100_000),
)
JULIAN: _Days = ("Julian days", ("jd", "julian_date", "juliandate"), 2_440_587.5, (2_300_000, 2_600_000))
MATLAB: _Days = ("day numbers of MATLAB", ("datenum",), 719_529, (600_000, 800_000))
DAY_NUMBERS = (MODIFIED, JULIAN, MATLAB)  # that a column's name tells from others
_EPOCHS = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
PART_NAMES = {  # the names of columns that hold one part of a stamp
    "year": (
        "year",
        "yr",
        "yyyy",
        "jahr",
        "année",
        "annee",
        "año",
        "ano",
        "anno",
        "jaar",
        "rok",
        "vuosi",
        "år",
    ),
    "month": (
        "month",
        "mo",
        "mon",
        "mm",
        "mnth",
        "monat",
        "mois",
        "mes",
        "mese",
        "maand",
        "mês",
        "miesiąc",
        "kuukausi",
        "månad",
        "måned",
    ),
    "day": (
        "day",
        "dy",
        "dd",
        "dom",
        "day_of_month",
        "tag",
        "jour",
        "día",
        "dia",
        "giorno",
        "dag",
        "dzień",
        "päivä",
    ),
    "doy": ("doy", "day_of_year", "dayofyear", "julian_day"),
    "week": ("week", "wk", "week_of_year", "iso_week", "isoweek"),
    "quarter": ("quarter", "qtr"),
    "hour": (
        "hour",
        "hr",
        "hh",
        "hours",
        "hhmm",
        "hour_ending",
        "he",
        "stunde",
        "heure",
        "hora",
        "ora",
        "uur",
        "godzina",
    ),
    "minute": ("minute", "min", "mi", "minutes"),
    "second": ("second", "sec", "seconds"),
}


_DATE_PARTS = (("m", "month"), ("d", "day"), ("w", "week"), ("q", "quarter"), ("j", "doy"))
_DIGITS = (  # numbers that are a date written together: how many digits, and which parts they are
    (4, "y", "years"),
    (6, "ym", "yyyymm"),
    (6, "Ymd", "yymmdd"),
    (7, "yj", "year and day of year"),
    (8, "ymd", "yyyymmdd"),
    (9, "yjH", "year, day of year and hour"),
    (10, "ymdH", "yyyymmddHH"),
    (12, "ymdHM", "yyyymmddHHMM"),
    (14, "ymdHMS", "yyyymmddHHMMSS"),
)


def _no_rows() -> Array:
    return np.zeros(0, "int64")


@dataclass(frozen=True, eq=False)
class Stamps:
    """A column read as stamps.

    wall datetime64[ns] (n,): as written, NaT where nothing could be read · offset int64 ns (n,) from UTC where the cells say one, else None
    · zoned bool (n,): which cells say one · bad (k,), outside (k,): rows that hold no stamp, or one that datetime64[ns] cannot hold ·
    form in words · zone: of a typed column · first: day, month or year, as decided, empty where the form leaves no choice · rival
    datetime64[ns] (n,): as another order reads them, where that would do as well · clash: the rows that show that there is no order: one that can
    only be day-first and one that can only be month-first, or one that cannot be what was told.
    """

    wall: Array
    offset: Array | None = None
    zoned: Array | None = None
    bad: Array = field(default_factory=_no_rows)
    outside: Array = field(default_factory=_no_rows)
    form: str = ""
    zone: str = ""
    first: Order | Literal[""] = ""
    rival: Array | None = None
    clash: tuple[int, ...] = ()

    @property
    def dayfirst(self) -> bool | None:
        """Whether the day comes first, as the next file is told."""
        return self.first == "day" if self.first else None


def stampish(cells: Sequence[str]) -> float:
    """The share of cells that can be read as stamps; empty ones are not counted."""
    known = [cell for cell in cells if cell.strip()]
    if not known or not any(re.search(r"\d", cell) for cell in known):
        return 0.0
    read = parse_text(pa.chunked_array([pa.array(known, pa.string())]))
    return 1 - len(read.bad) / len(known)


def parse_stamps(column: pa.ChunkedArray, dayfirst: bool | None = None, name: str = "") -> Stamps:
    """Stamps of a column of any type: typed, text or numbers, of which some are told by the column's name."""
    kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        return _typed(column)
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        return parse_text(column, dayfirst)
    return parse_numbers_as_stamps(pc.cast(column, pa.float64(), safe=False).to_numpy(), name)


def _typed(column: pa.ChunkedArray) -> Stamps:
    """date32, date64 and timestamps of every unit, with or without a zone."""
    zone = column.type.tz or "" if pa.types.is_timestamp(column.type) else ""
    unit = (
        column.type.unit
        if pa.types.is_timestamp(column.type)
        else "D"
        if pa.types.is_date32(column.type)
        else "ms"
    )
    integers = pa.int32() if unit == "D" else pa.int64()
    number = pc.fill_null(
        column.cast(integers) if not pa.types.is_timestamp(column.type) else column.cast(pa.int64()),
        np.iinfo("int32" if unit == "D" else "int64").min,
    )
    raw = number.to_numpy().astype("int64", copy=False)
    raw = np.where(raw == np.iinfo("int32").min, np.iinfo("int64").min, raw) if unit == "D" else raw
    moments = raw.view(f"datetime64[{unit}]")
    if unit == "ns":
        return Stamps(moments, form="timestamps", zone=zone)
    wall, outside = _to_ns(moments)
    return Stamps(
        wall, outside=outside, form="dates" if pa.types.is_date(column.type) else "timestamps", zone=zone
    )


def _to_ns(moments: Array) -> tuple[Array, Array]:
    """Moments in ns, and the rows that lie outside of what ns can hold."""
    low, high = (np.datetime64(f"{year}-01-01").astype(moments.dtype) for year in (YEARS[0], YEARS[1] + 1))
    raw, unit = (
        moments.view("int64"),
        np.ones(1, "int64").view(moments.dtype).astype("datetime64[ns]").view("int64"),
    )
    if len(raw) and low.view("int64") <= raw.min() and raw.max() < high.view("int64"):
        return (raw * unit).view("datetime64[ns]"), _no_rows()
    wrong = (moments < low) | (moments >= high)
    outside = np.flatnonzero(wrong & ~np.isnat(moments))
    return (np.where(wrong, np.datetime64("NaT"), moments) if len(outside) else moments).astype(
        "datetime64[ns]"
    ), outside


def parse_numbers_as_stamps(values: Array, name: str = "") -> Stamps:
    """Numbers such as 20000101, 2000010112, 200001, 2000, numbers of days, or an epoch in s, ms, us or ns; `bad` holds all rows if none fits.

    name: of the column, which alone tells Julian days and those of MATLAB from others.
    """
    known = values[~np.isnan(values)]
    every = np.flatnonzero(~np.isnan(values))
    if not len(known):
        return Stamps(np.full(len(values), NAT), form="nothing")
    low, high = float(known.min()), float(known.max())
    if np.isinf([low, high]).any():
        return Stamps(np.full(len(values), NAT), bad=every, form="numbers")
    whole = bool((known == np.floor(known)).all())
    digits = {len(str(int(abs(edge)))) for edge in (low, high)}
    days = next((row for row in DAY_NUMBERS if name.lower() in row[1]), EXCEL)
    for width, parts, form in _DIGITS if whole and days == EXCEL else ():
        read = _compact(values, parts, form) if digits == {width} else None
        if read is not None:
            return read
    epoch = _epoch(np.where(np.isnan(values), known[0], values), whole) if low >= 10**8 else None
    if epoch is not None:
        return replace(epoch, wall=np.where(np.isnan(values), NAT, epoch.wall))
    form, _, first, (least, most) = days
    if least <= low and high < most:
        return Stamps(
            np.where(np.isnan(values), NAT, _since(np.where(np.isnan(values), first, values) - first)),
            form=form,
        )
    return Stamps(np.full(len(values), NAT), bad=every, form="numbers")


def _epoch(values: Array, whole: bool) -> Stamps | None:
    """Numbers (n,) since 1970 in s, ms, us or ns, each in the unit that brings it between 1973 and 2286; None where one has none."""
    place = np.full(len(values), -1)
    for i, per_second in enumerate(_EPOCHS.values()):
        place[(values >= 10**8 * per_second) & (values < 10**10 * per_second)] = i
    units = [unit for i, unit in enumerate(_EPOCHS) if (place == i).any()]
    if (place < 0).any() or not (whole or {*units} <= {"s", "ms"}):
        return None
    scale = np.array([10**9 // per_second for per_second in _EPOCHS.values()])[place]
    exact = (
        values.astype("int64") * scale if whole else np.round(values * 1e6).astype("int64") * (scale // 10**6)
    )
    return Stamps(exact.view("datetime64[ns]"), form=f"epoch in {' and '.join(units)}")


def _since(days: Array) -> Array:
    """Moments of days since 1970 that were written to a few digits: the hour, minute or second that each is nearest to, where none is far from it."""
    seconds = days * 86_400
    for step, off in (
        (3600, 45),
        (60, 5),
        (1, 1),
    ):  # half of what the third or the fourth digit of a day is worth
        near = np.round(seconds / step) * step
        if (np.abs(seconds - near) <= off).all():
            break
    return near.astype("int64").astype("datetime64[s]").astype("datetime64[ns]")


def _compact(values: Array, parts: str, form: str) -> Stamps | None:
    """Integers that are parts of a date written together, `ymd` or up to seconds (Y: a year of two digits); None where one of them is no date."""
    rest = np.where(np.isnan(values), 0, values).astype("int64")
    fields = {}
    for name in parts[:0:-1]:
        base = 1000 if name == "j" else 100
        fields[name] = rest % base
        rest = rest // base
    year = _century(rest) if parts[0] == "Y" else rest
    wall, wrong, outside = _assemble({"y": year, **fields}, len(values))
    seen = ~np.isnan(values)
    if ((wrong | outside) & seen).any() or (year[seen] < 1500).any():
        return None
    return Stamps(np.where(seen, wall, NAT), form=form)


def _century(year: Array) -> Array:
    """Years of two digits as POSIX has them: 69 and later are 19xx."""
    return np.where(year < 69, 2000, 1900) + year


def parse_text(column: pa.ChunkedArray, dayfirst: bool | None = None) -> Stamps:
    """Stamps of text: the form that most cells have is the form of the column, and a cell of another form is bad."""
    whole = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    if not pa.types.is_dictionary(whole.type):
        fast = _iso(whole)
        if fast is not None:
            return fast
        whole = whole.dictionary_encode()
    cells = pc.replace_substring(pc.cast(whole.dictionary, pa.string()), "\u2212", "-")
    codes = pc.fill_null(whole.indices, len(cells)).to_numpy(zero_copy_only=False).astype("int64")
    empty = np.append(
        pc.fill_null(pc.equal(pc.utf8_trim_whitespace(cells), ""), True).to_numpy(zero_copy_only=False), True
    )
    form, fields = _best(cells)
    if form is None:
        return Stamps(np.full(len(codes), NAT), bad=np.flatnonzero(~empty[codes]), form="text")
    first: Order | Literal[""] = "year" if form == YEAR_FIRST else ""
    rival: Array | None = None
    clash: tuple[int, ...] = ()
    if "a" in fields:
        orders = _orders(fields, cells)
        first, tie, clash = _first(orders, cells, dayfirst, codes)
        if tie:
            other = _first(orders, cells, first != "day", codes)[0]  # as the other flag has it
            turned, same = (_assemble(orders[order], len(cells))[0] for order in (other, first))
            rival = None if np.array_equal(turned, same, equal_nan=True) else np.append(turned, NAT)[codes]
        form, fields = YEAR_FIRST if first == "year" else form, orders[first]
    wall, wrong, outside = _assemble(fields, len(cells))
    wall, wrong, outside = np.append(wall, NAT), np.append(wrong, False), np.append(outside, False)
    read = Stamps(
        wall[codes],
        bad=np.flatnonzero((wrong & ~empty)[codes]),
        outside=np.flatnonzero(outside[codes]),
        form=form,
    )
    read = replace(read, first=first, rival=rival, clash=clash)
    if "z" in fields and (fields["z"] != "").any():
        zoned = np.append(fields["z"] != "", False)[codes]
        return replace(read, offset=np.append(_offsets(fields["z"]), 0)[codes], zoned=zoned)
    return read


def _iso(whole: pa.Array) -> Stamps | None:
    """The quick road for 2013-01-31 06:00:00, with nothing odd in any cell."""
    try:
        return Stamps(
            pc.cast(whole, pa.timestamp("ns"))
            .cast(pa.int64())
            .fill_null(np.iinfo("int64").min)
            .to_numpy()
            .view("datetime64[ns]"),
            form="year-month-day",
        )
    except pa.ArrowInvalid:
        return None


def _best(cells: pa.Array) -> tuple[str | None, dict[str, Array]]:
    """The name of the form that reads most of the cells, and its fields; None where none reads any."""
    some = (
        cells.take(pa.array(np.linspace(0, len(cells) - 1, min(len(cells), 500)).astype(int)))
        if len(cells)
        else cells
    )
    counts = {}
    for name, pattern in _PATTERNS.items():
        found = pc.extract_regex(some, pattern)
        fields = _fields(found)
        valid = ~_assemble(_either(fields), len(some))[1]
        counts[name] = int(valid.sum())
        if counts[name] == len(some):
            break
    best = max(counts, key=counts.__getitem__, default=None)
    if best is None or not counts[best]:
        return None, {}
    return best, _fields(pc.extract_regex(cells, _PATTERNS[best]))


def _either(fields: dict[str, Array]) -> dict[str, Array]:
    """Fields in which the larger of two numbers stands for the day, to ask whether a cell could be a date at all."""
    if "a" not in fields:
        return fields
    a, b = fields["a"], fields["b"]
    return {
        **{name: field for name, field in fields.items() if name not in "ab"},
        "d": np.maximum(a, b),
        "m": np.minimum(a, b),
    }


def _fields(found: pa.Array) -> dict[str, Array]:
    """The groups of a match as integers, -1 where the cell has none of it; `z` stays text, `mon` becomes the month."""
    fields: dict[str, Array] = {}
    for i in range(found.type.num_fields):
        name = found.type.field(i).name
        text = pc.fill_null(pc.struct_field(found, i), "")
        if name == "z":
            fields["z"] = text.to_numpy(zero_copy_only=False).astype(str)
        elif name == "mon":
            keys = pc.utf8_lower(pc.utf8_slice_codeunits(text, 0, 4)).to_pylist()
            fields["m"] = np.array([_MONTHS.get(key, _MONTHS.get(key[:3], -1)) for key in keys])
        elif name == "ap":
            fields["ap"] = np.array(
                [{"a": 0, "p": 1}.get(key, -1) for key in pc.utf8_lower(text).to_pylist()]
            )
        elif name == "f":
            padded = pc.utf8_rpad(text, 9, "0")
            fields["f"] = _integers(pc.if_else(pc.equal(text, ""), "0", padded))
        else:
            fields[name] = _integers(pc.if_else(pc.equal(text, ""), "-1", text))
    if "y" in fields and len(fields["y"]):
        year = fields["y"]
        fields["y"] = np.where((year >= 0) & (year < 100), _century(year), year)
    return fields


def _integers(text: pa.Array) -> Array:
    return pc.cast(text, pa.int64()).to_numpy(zero_copy_only=False)


def _assemble(fields: dict[str, Array], count: int) -> tuple[Array, Array, Array]:
    """(wall, wrong, outside) of each cell: wrong where a field is out of its range, outside where the year cannot be held in ns."""

    def part(name: str, default: int) -> Array:
        values = fields.get(name)
        return np.full(count, default) if values is None else np.where(values < 0, default, values)

    year, month, day = fields["y"], part("m", 1), part("d", 1)
    wrong = year < 0
    if "m" in fields:
        wrong = wrong | (fields["m"] < 0)
    if "q" in fields:
        month = 3 * part("q", 1) - 2
    hour, minute, second = part("H", 0), part("M", 0), part("S", 0)
    if "ap" in fields:
        half = fields["ap"]
        wrong = wrong | ((half >= 0) & ((hour < 1) | (hour > 12)))
        hour = np.where(half >= 0, hour % 12 + 12 * np.maximum(half, 0), hour)
    midnight = (hour == 24) & (minute == 0) & (second == 0)  # the end of a day
    wrong = (
        wrong
        | (month < 1)
        | (month > 12)
        | (day < 1)
        | ((hour > 23) & ~midnight)
        | (minute > 59)
        | (second > 59)
    )
    outside = ~wrong & ((year < YEARS[0]) | (year > YEARS[1]))
    months = np.where(wrong | outside, 0, (year - 1970) * 12 + month - 1).astype("datetime64[M]")
    first = months.astype("datetime64[D]")
    if "w" in fields:
        days, bad = _weeks(year, fields["w"], part("wd", 1))
        wrong = wrong | bad
    else:
        wrong = wrong | ~(wrong | outside) & (
            day > ((months + 1).astype("datetime64[D]") - first).astype("int64")
        )
        days = first.astype("int64") + day - 1
    if "j" in fields:
        leap = (year % 4 == 0) & ((year % 100 != 0) | (year % 400 == 0))
        wrong = wrong | (fields["j"] < 1) | (fields["j"] > 365 + leap)
        days = days + part("j", 1) - 1
    seconds = (days * 24 + hour) * 3600 + minute * 60 + second
    nanoseconds = np.where(wrong | outside, 0, seconds * 10**9 + part("f", 0))
    return np.where(wrong | outside, NAT, nanoseconds.astype("int64").view("datetime64[ns]")), wrong, outside


def _weeks(year: Array, week: Array, weekday: Array) -> tuple[Array, Array]:
    """Days since 1970 of ISO weeks, and which do not exist."""
    first, following = (_monday(np.clip(one, *YEARS)) for one in (year, year + 1))
    return first + 7 * (week - 1) + weekday - 1, (week < 1) | (first + 7 * (week - 1) >= following)


def _monday(year: Array) -> Array:
    """Days since 1970 of the Monday of the first ISO week of years, that of their fourth of January."""
    fourth = (year - 1970).astype("datetime64[Y]").astype("datetime64[D]").astype("int64") + 3
    return fourth - (fourth + 3) % 7


def _orders(fields: dict[str, Array], cells: pa.Array) -> dict[Order, dict[str, Array]]:
    """The fields of dates of three numbers, by which of these is taken to come first."""
    a, b = fields["a"], fields["b"]
    rest = {name: field for name, field in fields.items() if name not in ("a", "b")}
    year = _fields(pc.extract_regex(cells, _PATTERNS[YEAR_FIRST]))
    return {"day": {**rest, "d": a, "m": b}, "month": {**rest, "d": b, "m": a}, "year": year}


def _first(
    orders: dict[Order, dict[str, Array]], cells: pa.Array, dayfirst: bool | None, codes: Array
) -> tuple[Order, bool, tuple[int, ...]]:
    """(what comes first, tie, clash), found out over the whole column; dayfirst: as told, where the cells leave it open."""
    a, b, read = orders["day"]["d"], orders["day"]["m"], orders["day"]["y"] >= 0
    day, month = read & (a > 12) & (a <= 31), read & (b > 12) & (b <= 31)
    walls = {name: _assemble(fields, len(cells)) for name, fields in orders.items()}
    year = not (walls["year"][1] & ~(walls["day"][1] & walls["month"][1])).any()
    against = (
        [day, month]
        if day.any() and month.any()
        else [day]
        if dayfirst is False and not year
        else [month]
        if dayfirst
        else []
    )
    clash = tuple(
        int(np.flatnonzero(np.isin(codes, np.flatnonzero(which)))[0]) for which in against if which.any()
    )
    usual: Order = "day" if day.sum() >= max(month.sum(), 1) else "month"
    if clash:
        return usual, False, clash
    tie = False
    if not day.any() and not month.any():
        if dayfirst is not None:
            return "day" if dayfirst else "month", False, ()
        points = pc.sum(
            pc.count_substring_regex(cells, r"^\s*\d{1,2}\.\d{1,2}\.\d{2}")
        ).as_py()  # are written where the day comes first
        steady = _steps(walls["day"][0], codes)[:2] < _steps(walls["month"][0], codes)[:2]
        usual, tie = "day" if points or steady else "month", not points
    elif dayfirst is False and day.any():
        return "year", False, ()
    if dayfirst is None and year:
        turned, same = _steps(walls["year"][0], codes), _steps(walls[usual][0], codes)
        if (
            turned < same
        ):  # fewer steps are plain, and so is a shorter time where the first days of months do not speak for the other
            return "year", turned[0] == same[0] and (turned[2] >= same[2] or turned[1] > same[1]), ()
        return usual, tie or turned == same, ()
    return usual, tie, ()


def _steps(wall: Array, codes: Array) -> tuple[int, bool, int]:
    """Of different stamps how many different steps, whether they are other days than the first of months, and their span: less is likelier."""
    wall = np.append(wall, NAT)[codes]
    wall = wall[~np.isnat(wall)]
    if not len(wall):
        return 0, False, 0
    months = wall.astype("datetime64[M]")
    since = wall - months.astype("datetime64[ns]")
    until = (months + 1).astype("datetime64[ns]") - wall
    monthly = (
        len(np.unique(since)) == 1 or len(np.unique(until)) == 1
    )  # months are steps of one size, although not in days
    steps = np.diff((months if monthly else wall).astype("int64"))
    return (
        len(np.unique(steps)),
        bool((since >= np.timedelta64(1, "D")).any()),
        int((wall.max() - wall.min()).astype("int64")),
    )


def _offsets(zones: Array) -> Array:
    """Offsets from UTC in ns of texts such as +02:00, +0200, +02 or Z."""

    def offset(zone: str) -> int:
        found = re.match(r"(?:UTC|GMT)?([+-])(\d{1,2}):?(\d{2})?", zone)
        return (
            (-1 if found[1] == "-" else 1) * (int(found[2]) * 60 + int(found[3] or 0)) * 60 * 10**9
            if found
            else 0
        )

    table, place = np.unique(zones, return_inverse=True)
    return np.array([offset(str(zone)) for zone in table], "int64")[place]


def stamps_across(names: Sequence[str], dayfirst: bool | None = None) -> tuple[list[str], Array] | None:
    """The names of columns that are stamps, and these; None where hardly any is, or the order of their day and month is open."""
    years = {name: np.datetime64(found[1], "ns") for name in names if (found := _YEAR_NAME.fullmatch(name))}
    if len(years) >= ACROSS:
        return list(years), np.array(list(years.values()))
    read = parse_text(pa.chunked_array([pa.array(names, pa.string())]), dayfirst)
    good = ~np.isnat(read.wall)
    if good.sum() >= ACROSS and read.rival is None and not read.clash:
        return [name for name, kept in zip(names, good, strict=True) if kept], read.wall[good]
    return None


def hours_across(names: Sequence[str]) -> tuple[list[str], Array] | None:
    """The names of columns that are the parts of a day, and when each begins in ns since midnight; None where they are not the whole of it.

    H01 to H24, and h0 to h23, count its hours; 00:00 to 23:30, or 01:00 to 24:00, are times of day.
    """
    counted = {name: int(found[1]) for name in names if (found := _HOUR_NAME.fullmatch(name))}
    if list(counted.values()) in ([*range(24)], [*range(1, 25)]):
        return list(counted), np.arange(24) * (DAY // 24)
    told = {name: times[0] for name in names if (times := clock_times([name])) is not None}
    begins = np.array(list(told.values()), "float64").astype("int64")
    even = len(begins) >= ACROSS and (np.diff(begins) == DAY // len(begins)).all() and DAY % len(begins) == 0
    return (list(told), begins) if even else None


def month_of(name: str) -> int | None:
    """The month that a column is called by, in a short form, in English, or by its number as the BLS writes it: M01."""
    low = name.strip().strip(".").lower()
    if re.fullmatch(r"m(0[1-9]|1[0-2])", low):
        return int(low[1:])
    return _MONTHS.get(low) or (_MONTHS[low[:3]] if low in _ENGLISH else None)


def part_of(name: str) -> str | None:
    """The part of a stamp that a column holds, by its name: year, month, day, doy, week, quarter, hour, minute or second."""
    low = name.strip().lower().replace(" ", "_")
    return next((part for part, names in PART_NAMES.items() if low in names), None)


def join_parts(parts: dict[str, Array], date: Stamps | None = None) -> Stamps:
    """Stamps from columns that hold a part each, or from a column of dates and those of the time of day.

    parts: float64 (n,) by name as in PART_NAMES, NaN where missing; `clock` in ns since midnight, `half` 0 for AM and 1 for PM. Hours 1 to 24 end at
    midnight; hours such as 1330 are hours and minutes, 133000 with seconds.
    """
    count = len(next(iter(parts.values())))
    missing = np.any([np.isnan(values) for values in parts.values()], axis=0)
    wrong = np.any([np.abs(values) > DAY for values in parts.values()], axis=0)
    number = {name: np.where(missing | wrong, 0, values) for name, values in parts.items()}
    wrong |= np.any(
        [values != np.floor(values) for name, values in number.items() if name != "clock"]
        or [np.zeros(count, bool)],
        axis=0,
    )
    whole = {name: values.astype("int64") for name, values in number.items()}
    hour, minute = whole.get("hour", np.zeros(count, "int64")), whole.get("minute", np.zeros(count, "int64"))
    second = whole.get("second", np.zeros(count, "int64"))
    if "minute" not in whole and hour.max(initial=0) > 2400:
        hour, second = hour // 100, hour % 100
    if "minute" not in whole and hour.max(initial=0) >= 100:  # 1 to 48 number half hours
        hour, minute = hour // 100, hour % 100
    if "half" in whole:
        wrong |= (hour < 1) | (hour > 12)
        hour = hour % 12 + 12 * whole["half"]
    wrong |= (hour < 0) | (hour > 24) | (minute < 0) | (minute > 59) | (second < 0) | (second > 59)
    if date is None:
        fields = {"y": np.where(missing, 1970, whole["year"])}
        fields |= {short: np.where(missing, 1, whole[long]) for short, long in _DATE_PARTS if long in whole}
        base, bad, outside = _assemble(fields, count)
        wrong |= bad
        out = np.flatnonzero(outside & ~missing)
        form = " ".join(parts)
    else:
        base, form, out = date.wall, f"{date.form} and {' '.join(parts)}", date.outside
        wrong[date.bad] = True
    day = ((hour * 60 + minute) * 60 + second) * 10**9 + whole.get("clock", np.zeros(count, "int64"))
    wall = np.where(missing | wrong, NAT, base + day.astype("timedelta64[ns]"))
    made = Stamps(wall, bad=np.flatnonzero(wrong & ~missing), outside=out, form=form)
    if date is None:
        return made
    rival = None if date.rival is None else date.rival + day.astype("timedelta64[ns]")
    return replace(made, first=date.first, rival=rival, clash=date.clash)


def clock_times(cells: Sequence[str | None]) -> Array | None:
    """Times of day such as 13:30, 13.30.00, 1:30 PM, 13h30 or 13 - 14 in ns since midnight, float64 (n,), NaN where empty; None where one is none."""
    values = []
    for cell in cells:
        if not cell or not cell.strip():
            values.append(np.nan)
            continue
        whole, found = _HOUR.fullmatch(cell), _TIME_OF_DAY.fullmatch(cell)
        if whole and (int(whole[2]) - int(whole[1])) % 24 == 1:
            values.append(float(int(whole[1]) * DAY // 24))
        elif found:
            hour = (
                int(found["H"]) % 12 + 12 * (found["ap"].lower() == "p") if found["ap"] else int(found["H"])
            )
            minute, second = found["M"] or found["m"] or found["n"] or 0, found["S"] or found["s"] or 0
            values.append(float(((hour * 60 + int(minute)) * 60 + int(second)) * 10**9))
        else:
            return None
    return np.array(values)
