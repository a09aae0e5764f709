"""Cells that mean moments: text in many forms, integers, typed columns, several columns together.

The form is decided over the whole column. What is read here is the time as written (`wall`) and, where the
cells say it, the offset from UTC. `local` makes moments of both.
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
from forecast.reading.clocks import DAY, HOUR, clock_times, offset_of, times_of_day

NAT = np.datetime64("NaT", "ns")
Order = Literal["day", "month", "year"]  # which of the three numbers of a date comes first
YEAR_FIRST = "yy-month-day"
ACROSS = 10  # columns that a table with stamps across them has at least
YEARS = (1678, 2261)  # whole years that datetime64[ns] can hold
_CLOCK = (
    r"(?:[Tt _,-]+(?P<H>\d{1,2})(?:[:.h]?(?P<M>\d{2})(?:[:.]?(?P<S>\d{2})(?:[.,](?P<f>\d{1,9}))?)?)?"
    r"(?:[\s-]*(?P<ap>[AaPp])\.?[Mm]\.?)?)?"
)
_ZONE = (  # the name behind an offset, UTC or in brackets, repeats what it says
    r"\s*(?P<z>[Zz]|(?:UTC|GMT)[+-]\d{1,2}(?::?\d{2})?|UTC|GMT"
    r"|[+-](?:0\d|1[0-4])(?::?\d{2})?(?:\s*UTC)?)?(?:\[[A-Za-z_/+-]+\])?"
)
_UNTIL = (  # 00:00 - 01:00, an interval, stands for its beginning
    r"(?:\s+[-\x{2013}]\s+(?:\S+\s+)?\d{1,2}:\d{2}(?::\d{2})?)?\s*$"
)
_WEEKDAY = r"^\s*(?:(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*\.?,?\s+)?"
_YEAR = r"(?P<y>\d{4}|\d{2})"
_DAY = r"(?P<d>\d{1,2})(?:st|nd|rd|th)?"
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
_WITHOUT_CLOCK = ("year-week", "year-quarter")


def _pattern(name: str, date: str) -> str:
    """A form of dates with all that may stand around it: a weekday, a time of day, a zone."""
    clock = "" if name in _WITHOUT_CLOCK else _CLOCK
    return f"{_WEEKDAY}{date}{clock}{_ZONE}{_UNTIL}"


_PATTERNS = {name: _pattern(name, date) for name, date in _DATES.items()}
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
_HALVES = {"a": 0, "p": 1}  # of a day: AM and PM
_HOUR_NAME = re.compile(
    r"\s*(?:h|hr|he|hour|hora|heure|stunde|std|uur|ora|godz|godzina)[ _.-]?(\d{1,2})\s*", re.IGNORECASE
)
_YEAR_NAME = re.compile(r"((?:1[7-9]|20)\d\d)(?:\s*\[YR\1\])?")  # as the World Bank writes it, too
_ENGLISH = tuple(name.lower() for name in calendar.month_name[1:])
_Days = tuple[str, tuple[str, ...], float, tuple[int, int]]  # name, columns, number of 1970-01-01, range
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
_NEAR = ((3600, 45), (60, 5), (1, 1))  # seconds, and how far off the third or fourth digit of a day is
EPOCH = "epoch"  # what the form of numbers since 1970 begins with
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
        "hour_beginning",
        "hour_of_day",
        "hour_utc",
        "hora_utc",
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
    """No row at all, int64 (0,)."""
    return np.zeros(0, "int64")


@dataclass(frozen=True, eq=False)
class Stamps:
    """A column read as stamps.

    wall datetime64[ns] (n,): as written, NaT where nothing could be read · offset int64 ns (n,) from UTC
    where the cells say one, else None · zoned bool (n,): which cells say one · bad (k,), outside (k,):
    rows that hold no stamp, or one that datetime64[ns] cannot hold · form in words · zone: of a typed
    column · first: day, month or year, as decided, empty where the form leaves no choice · rival
    datetime64[ns] (n,): as another order reads them, where that would do as well · clash: the rows that
    show that there is no order: one that can only be day-first and one that can only be month-first, or
    one that cannot be what was given · since: timedelta64[ns] (n,) since midnight where hours are counted
    from 1 to 24, or to 25 on the long day of autumn, so that each names the end of its hour; else None.
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
    since: Array | None = None

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
    kind = column.type
    if pa.types.is_date32(kind):
        days = column.cast(pa.int32()).cast(pa.int64())
        return _in_ns(days, "D", "dates", "")
    whole = column.cast(pa.int64())
    if pa.types.is_date(kind):
        return _in_ns(whole, "ms", "dates", "")
    return _in_ns(whole, kind.unit, "timestamps", kind.tz or "")


def _in_ns(number: pa.ChunkedArray, unit: str, form: str, zone: str) -> Stamps:
    """Whole numbers of a unit since 1970 as stamps."""
    empty = np.iinfo("int64").min  # NaT
    raw = pc.fill_null(number, empty).to_numpy()
    moments = raw.view(f"datetime64[{unit}]")
    if unit == "ns":
        return Stamps(moments, form=form, zone=zone)
    wall, outside = _to_ns(moments)
    return Stamps(wall, outside=outside, form=form, zone=zone)


def _to_ns(moments: Array) -> tuple[Array, Array]:
    """Moments in ns, and the rows that lie outside of what ns can hold."""
    low = np.datetime64(f"{YEARS[0]}-01-01").astype(moments.dtype)
    high = np.datetime64(f"{YEARS[1] + 1}-01-01").astype(moments.dtype)
    raw = moments.view("int64")
    if len(raw) and low.view("int64") <= raw.min() and raw.max() < high.view("int64"):
        one = np.ones(1, "int64").view(moments.dtype)
        factor = one.astype("datetime64[ns]").view("int64")
        return (raw * factor).view("datetime64[ns]"), _no_rows()
    wrong = (moments < low) | (moments >= high)
    outside = np.flatnonzero(wrong & ~np.isnat(moments))
    if len(outside):
        moments = np.where(wrong, np.datetime64("NaT"), moments)
    return moments.astype("datetime64[ns]"), outside


def parse_numbers_as_stamps(values: Array, name: str = "") -> Stamps:
    """Numbers as dates written together, as numbers of days, or as an epoch; `bad` holds all rows if none fits.

    Dates such as 20000101, 2000010112, 200001, 2000; an epoch in s, ms, us or ns.
    name: of the column, which alone tells Julian days and those of MATLAB from others.
    """
    void = np.isnan(values)
    if void.all():
        return Stamps(np.full(len(values), NAT), form="nothing")
    known = values[~void]
    days = _days_called(name)
    if np.isfinite(known).all():
        read = _as_dates(values, known, days) or _as_epoch(values, known) or _as_days(values, known, days)
        if read is not None:
            return read
    return Stamps(np.full(len(values), NAT), bad=np.flatnonzero(~void), form="numbers")


def _days_called(name: str) -> _Days:
    """The numbers of days that a column holds by its name, else those of Excel."""
    for row in DAY_NUMBERS:
        if name.lower() in row[1]:
            return row
    return EXCEL


def _as_dates(values: Array, known: Array, days: _Days) -> Stamps | None:
    """Whole numbers of as many digits as a date written together; None where they are none.

    days: what the column holds by its name; only those that are called nothing may be dates.
    """
    if days != EXCEL or (known != np.floor(known)).any():
        return None
    digits = {len(str(int(abs(edge)))) for edge in (known.min(), known.max())}
    for width, parts, form in _DIGITS:
        if digits != {width}:
            continue
        read = _compact(values, parts, form)
        if read is not None:
            return read
    return None


def _as_epoch(values: Array, known: Array) -> Stamps | None:
    """Numbers since 1970; None where one of them is none."""
    if known.min() < 10**8:
        return None
    void = np.isnan(values)
    whole = bool((known == np.floor(known)).all())
    epoch = _epoch(np.where(void, known[0], values), whole)
    if epoch is None:
        return None
    return replace(epoch, wall=np.where(void, NAT, epoch.wall))


def _as_days(values: Array, known: Array, days: _Days) -> Stamps | None:
    """Numbers of days; None where one of them is out of their range."""
    form, _, first, (least, most) = days
    if known.min() < least or known.max() >= most:
        return None
    void = np.isnan(values)
    wall = _since(np.where(void, first, values) - first)
    return Stamps(np.where(void, NAT, wall), form=form)


def _epoch(values: Array, whole: bool) -> Stamps | None:
    """Numbers (n,) since 1970 in s, ms, us or ns; None where one has no unit.

    Each is in the unit that brings it between 1973 and 2286. Such a number is a moment: its offset is 0.
    """
    place = np.full(len(values), -1)
    for i, per_second in enumerate(_EPOCHS.values()):
        place[(values >= 10**8 * per_second) & (values < 10**10 * per_second)] = i
    units = [unit for i, unit in enumerate(_EPOCHS) if (place == i).any()]
    if (place < 0).any() or not (whole or {*units} <= {"s", "ms"}):
        return None
    factors = np.array([10**9 // per_second for per_second in _EPOCHS.values()])
    scale = factors[place]
    if whole:
        exact = values.astype("int64") * scale
    else:
        millionths = np.round(values * 1e6).astype("int64")
        exact = millionths * (scale // 10**6)
    return Stamps(
        exact.view("datetime64[ns]"),
        offset=np.zeros(len(values), "int64"),
        zoned=np.ones(len(values), bool),
        form=f"{EPOCH} in {' and '.join(units)}",
    )


def _since(days: Array) -> Array:
    """Moments of days since 1970 that were written to a few digits.

    The hour, minute or second that each is nearest to, where none is far from it.
    """
    seconds = days * 86_400
    for step, off in _NEAR:
        near = np.round(seconds / step) * step
        if (np.abs(seconds - near) <= off).all():
            break
    return near.astype("int64").astype("datetime64[s]").astype("datetime64[ns]")


def _compact(values: Array, parts: str, form: str) -> Stamps | None:
    """Integers that are parts of a date written together; None where one of them is no date.

    parts: `ymd` or up to seconds, with Y for a year of two digits.
    """
    rest = np.where(np.isnan(values), 0, values).astype("int64")
    fields = {}
    for name in parts[:0:-1]:
        base = 1000 if name == "j" else 100
        fields[name] = rest % base
        rest = rest // base
    year = _century(rest) if parts[0] == "Y" else rest
    read = _assemble({"y": year, **fields}, len(values))
    seen = ~np.isnan(values)
    if ((read.wrong | read.outside) & seen).any() or (year[seen] < 1500).any():
        return None
    return Stamps(np.where(seen, read.wall, NAT), form=form)


def _century(year: Array) -> Array:
    """Years of two digits as POSIX has them: 69 and later are 19xx."""
    return np.where(year < 69, 2000, 1900) + year


def parse_text(column: pa.ChunkedArray, dayfirst: bool | None = None) -> Stamps:
    """Stamps of text: the form that most cells have is the form of the column, and a cell of another form is bad.

    dayfirst: which of day and month comes first where the cells leave it open, as given.
    """
    whole = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    if not pa.types.is_dictionary(whole.type):
        fast = _iso(whole)
        if fast is not None:
            return fast
        whole = whole.dictionary_encode()
    cells = pc.replace_substring(pc.cast(whole.dictionary, pa.string()), "\u2212", "-")
    codes = pc.fill_null(whole.indices, len(cells)).to_numpy(zero_copy_only=False).astype("int64")
    blank = pc.equal(pc.utf8_trim_whitespace(cells), "")
    empty = pc.fill_null(blank, True).to_numpy(zero_copy_only=False)
    form, fields = _best(cells)
    if form is None:
        full = np.append(~empty, False)[codes]
        return Stamps(np.full(len(codes), NAT), bad=np.flatnonzero(full), form="text")
    order = _Order("year" if form == YEAR_FIRST else "")
    if "a" in fields:
        order, fields = _in_order(fields, cells, codes, dayfirst)
    if order.first == "year":
        form = YEAR_FIRST
    read = _assemble(fields, len(cells))
    wrong = np.append(read.wrong & ~empty, False)[codes]
    outside = np.append(read.outside, False)[codes]
    stamps = Stamps(
        np.append(read.wall, NAT)[codes],
        bad=np.flatnonzero(wrong),
        outside=np.flatnonzero(outside),
        form=form,
        first=order.first,
        rival=order.rival,
        clash=order.clash,
    )
    return _with_offsets(stamps, fields, codes)


def _with_offsets(stamps: Stamps, fields: dict[str, Array], codes: Array) -> Stamps:
    """The stamps with the offsets from UTC that their cells say, where one does."""
    if "z" not in fields:
        return stamps
    says = fields["z"] != ""
    if not says.any():
        return stamps
    offset = np.append(_offsets(fields["z"]), 0)[codes]
    return replace(stamps, offset=offset, zoned=np.append(says, False)[codes])


def _iso(whole: pa.Array) -> Stamps | None:
    """The quick road for 2013-01-31 06:00:00, with nothing odd in any cell."""
    try:
        moments = pc.cast(whole, pa.timestamp("ns"))
    except pa.ArrowInvalid:
        return None
    raw = moments.cast(pa.int64()).fill_null(np.iinfo("int64").min).to_numpy()
    return Stamps(raw.view("datetime64[ns]"), form="year-month-day")


def _best(cells: pa.Array) -> tuple[str | None, dict[str, Array]]:
    """The name of the form that reads most of the cells, and its fields; None where none reads any."""
    some = cells
    if len(cells):
        places = np.linspace(0, len(cells) - 1, min(len(cells), 500)).astype(int)
        some = cells.take(pa.array(places))
    best = None
    most = 0
    for name, pattern in _PATTERNS.items():
        fields = _fields(pc.extract_regex(some, pattern))
        wrong = _assemble(_either(fields), len(some)).wrong
        count = int((~wrong).sum())
        if count > most:
            best = name
            most = count
        if count == len(some):
            break
    if best is None:
        return None, {}
    return best, _fields(pc.extract_regex(cells, _PATTERNS[best]))


def _either(fields: dict[str, Array]) -> dict[str, Array]:
    """Fields in which the larger of two numbers stands for the day, to ask whether a cell could be a date."""
    if "a" not in fields:
        return fields
    others = {name: field for name, field in fields.items() if name not in "ab"}
    day = np.maximum(fields["a"], fields["b"])
    month = np.minimum(fields["a"], fields["b"])
    return {**others, "d": day, "m": month}


def _fields(found: pa.Array) -> dict[str, Array]:
    """The groups of a match as integers, -1 where the cell has none of it; `z` stays text, `mon` is `m`."""
    fields: dict[str, Array] = {}
    for i in range(found.type.num_fields):
        name = found.type.field(i).name
        text = pc.fill_null(pc.struct_field(found, i), "")
        fields["m" if name == "mon" else name] = _field(name, text)
    if "y" in fields:
        year = fields["y"]
        short = (year >= 0) & (year < 100)
        fields["y"] = np.where(short, _century(year), year)
    return fields


def _field(name: str, text: pa.Array) -> Array:
    """The values of one group: the offset as text, else integers, -1 where there is none."""
    if name == "z":
        return text.to_numpy(zero_copy_only=False).astype(str)
    if name == "mon":
        keys = pc.utf8_lower(pc.utf8_slice_codeunits(text, 0, 4)).to_pylist()
        return np.array([_month_called(key) for key in keys], "int64")
    if name == "ap":
        return np.array([_HALVES.get(key, -1) for key in pc.utf8_lower(text).to_pylist()], "int64")
    if name == "f":
        padded = pc.utf8_rpad(text, 9, "0")
        return _integers(pc.if_else(pc.equal(text, ""), "0", padded))
    return _integers(pc.if_else(pc.equal(text, ""), "-1", text))


def _month_called(key: str) -> int:
    """The month of the first four letters of its name, -1 where there is none."""
    return _MONTHS.get(key, _MONTHS.get(key[:3], -1))


def _integers(text: pa.Array) -> Array:
    return pc.cast(text, pa.int64()).to_numpy(zero_copy_only=False)


@dataclass(frozen=True, eq=False)
class _Read:
    """Dates and times of day made of fields.

    wall datetime64[ns] (n,) · wrong (n,): where a field is out of its range · outside (n,): where the year
    cannot be held in ns. Both have NaT.
    """

    wall: Array
    wrong: Array
    outside: Array


def _assemble(fields: dict[str, Array], count: int) -> _Read:
    """Moments of the fields of `count` cells: y, and m, d, q, w, wd, j, H, M, S, f, ap where there are some."""
    year = fields["y"]
    days, wrong = _days_of(fields, count)
    seconds, never = _seconds_of(fields, count)
    wrong = wrong | never
    outside = ~wrong & ((year < YEARS[0]) | (year > YEARS[1]))
    void = wrong | outside
    since = (days * 86_400 + seconds) * 10**9 + _part_or(fields, "f", 0, count)
    nanoseconds = np.where(void, 0, since).astype("int64")
    return _Read(np.where(void, NAT, nanoseconds.view("datetime64[ns]")), wrong, outside)


def _part_or(fields: dict[str, Array], name: str, default: int, count: int) -> Array:
    """A field, with `default` in cells without it."""
    values = fields.get(name)
    if values is None:
        return np.full(count, default)
    return np.where(values < 0, default, values)


def _days_of(fields: dict[str, Array], count: int) -> tuple[Array, Array]:
    """Days since 1970 of the date in fields, and which dates do not exist."""
    year = fields["y"]
    month = _part_or(fields, "m", 1, count)
    day = _part_or(fields, "d", 1, count)
    wrong = year < 0
    if "m" in fields:
        wrong = wrong | (fields["m"] < 0)
    if "q" in fields:
        month = 3 * _part_or(fields, "q", 1, count) - 2
    wrong = wrong | (month < 1) | (month > 12) | (day < 1)
    if "w" in fields:
        days, never = _weeks(year, fields["w"], _part_or(fields, "wd", 1, count))
        return days, wrong | never
    held = ~wrong & (year >= YEARS[0]) & (year <= YEARS[1])
    months = np.where(held, (year - 1970) * 12 + month - 1, 0).astype("datetime64[M]")
    first = months.astype("datetime64[D]").astype("int64")
    following = (months + 1).astype("datetime64[D]").astype("int64")
    wrong = wrong | (held & (day > following - first))
    days = first + day - 1
    if "j" in fields:
        leap = (year % 4 == 0) & ((year % 100 != 0) | (year % 400 == 0))
        wrong = wrong | (fields["j"] < 1) | (fields["j"] > 365 + leap)
        days = days + _part_or(fields, "j", 1, count) - 1
    return days, wrong


def _seconds_of(fields: dict[str, Array], count: int) -> tuple[Array, Array]:
    """Seconds since midnight of the time of day in fields, and which times do not exist; 24:00 does."""
    hour = _part_or(fields, "H", 0, count)
    minute = _part_or(fields, "M", 0, count)
    second = _part_or(fields, "S", 0, count)
    wrong = np.zeros(count, bool)
    if "ap" in fields:
        half = fields["ap"]
        twelve = (half >= 0) & ((hour < 1) | (hour > 12))
        wrong = wrong | twelve
        hour = np.where(half >= 0, hour % 12 + 12 * np.maximum(half, 0), hour)
    midnight = (hour == 24) & (minute == 0) & (second == 0)  # the end of a day
    wrong = wrong | ((hour > 23) & ~midnight) | (minute > 59) | (second > 59)
    return (hour * 60 + minute) * 60 + second, wrong


def _weeks(year: Array, week: Array, weekday: Array) -> tuple[Array, Array]:
    """Days since 1970 of ISO weeks, and which do not exist."""
    first = _monday(np.clip(year, *YEARS))
    following = _monday(np.clip(year + 1, *YEARS))
    monday = first + 7 * (week - 1)
    return monday + weekday - 1, (week < 1) | (monday >= following)


def _monday(year: Array) -> Array:
    """Days since 1970 of the Monday of the first ISO week of years, that of their fourth of January."""
    fourth = (year - 1970).astype("datetime64[Y]").astype("datetime64[D]").astype("int64") + 3
    return fourth - (fourth + 3) % 7


@dataclass(frozen=True, eq=False)
class _Order:
    """Which number of a date comes first, "" where the form leaves no choice; rival and clash as of Stamps."""

    first: Order | Literal[""]
    rival: Array | None = None
    clash: tuple[int, ...] = ()


@dataclass(frozen=True, eq=False)
class _Dates:
    """Dates of three numbers whose order is open, with all that speaks for one.

    fields: by which number is taken to come first · read: what each then says · codes (n,): the cell of
    each row · day, month (k,): the cells that can only be day-first, or month-first · year: whether the
    year may come first in all of them · pointed: whether some have points, as where the day comes first.
    """

    fields: dict[Order, dict[str, Array]]
    read: dict[Order, _Read]
    codes: Array
    day: Array
    month: Array
    year: bool
    pointed: bool


def _in_order(
    fields: dict[str, Array], cells: pa.Array, codes: Array, dayfirst: bool | None
) -> tuple[_Order, dict[str, Array]]:
    """The order of day, month and year, decided over the whole column, and the fields in that order."""
    dates = _dates(fields, cells, codes)
    first, tie, clash = _first(dates, dayfirst)
    rival = None
    if tie:
        other = _first(dates, first != "day")[0]  # as the other setting has it
        turned = dates.read[other].wall
        if not np.array_equal(turned, dates.read[first].wall, equal_nan=True):
            rival = np.append(turned, NAT)[codes]
    return _Order(first, rival, clash), dates.fields[first]


def _dates(fields: dict[str, Array], cells: pa.Array, codes: Array) -> _Dates:
    """Dates of three numbers, `a` and `b` and the year, by each order."""
    a = fields["a"]
    b = fields["b"]
    rest = {name: field for name, field in fields.items() if name not in ("a", "b")}
    year_first = _fields(pc.extract_regex(cells, _PATTERNS[YEAR_FIRST]))
    orders: dict[Order, dict[str, Array]] = {
        "day": {**rest, "d": a, "m": b},
        "month": {**rest, "d": b, "m": a},
        "year": year_first,
    }
    read = {name: _assemble(own, len(cells)) for name, own in orders.items()}
    known = rest["y"] >= 0
    lost = read["year"].wrong & ~(read["day"].wrong & read["month"].wrong)
    points = pc.sum(pc.count_substring_regex(cells, r"^\s*\d{1,2}\.\d{1,2}\.\d{2}")).as_py()
    return _Dates(
        orders,
        read,
        codes,
        day=known & (a > 12) & (a <= 31),
        month=known & (b > 12) & (b <= 31),
        year=not lost.any(),
        pointed=bool(points),
    )


def _first(dates: _Dates, dayfirst: bool | None) -> tuple[Order, bool, tuple[int, ...]]:
    """(what comes first, tie, clash): a cell that has but one order decides; then what was given; then the steps."""
    usual: Order = "day" if dates.day.sum() >= max(dates.month.sum(), 1) else "month"
    clash = _clash(dates, dayfirst)
    if clash:
        return usual, False, clash
    tie = False
    if not dates.day.any() and not dates.month.any():
        if dayfirst is not None:
            return "day" if dayfirst else "month", False, ()
        usual, tie = _day_or_month(dates)
    elif dayfirst is False and dates.day.any():
        return "year", False, ()
    if dayfirst is not None or not dates.year:
        return usual, tie, ()
    turned = _steps(dates.read["year"].wall, dates.codes)
    same = _steps(dates.read[usual].wall, dates.codes)
    if turned >= same:
        return usual, tie or turned == same, ()
    longer = turned[2] >= same[2] or turned[1] > same[1]
    return "year", turned[0] == same[0] and longer, ()


def _clash(dates: _Dates, dayfirst: bool | None) -> tuple[int, ...]:
    """The first row of each order where cells have both, or the first that cannot be as given; else none."""
    against: list[Array] = []
    if dates.day.any() and dates.month.any():
        against = [dates.day, dates.month]
    elif dayfirst is False and not dates.year:
        against = [dates.day]
    elif dayfirst:
        against = [dates.month]
    rows = []
    for which in against:
        if which.any():
            of_these = np.isin(dates.codes, np.flatnonzero(which))
            rows.append(int(np.flatnonzero(of_these)[0]))
    return tuple(rows)


def _day_or_month(dates: _Dates) -> tuple[Order, bool]:
    """Day or month first where each cell may be either, and whether that remains open.

    Points are written where the day comes first; else fewer steps are more likely.
    """
    if dates.pointed:
        return "day", False
    day = _steps(dates.read["day"].wall, dates.codes)
    month = _steps(dates.read["month"].wall, dates.codes)
    return "day" if day[:2] < month[:2] else "month", True


def _steps(wall: Array, codes: Array) -> tuple[int, bool, int]:
    """How plain stamps are, less is more likely: different steps, days other than the first of months, span.

    Fewer steps are plain, and so is a shorter time where the first days of months do not speak for another
    order. Months are steps of one size, although not in days.
    """
    wall = np.append(wall, NAT)[codes]
    wall = wall[~np.isnat(wall)]
    if not len(wall):
        return 0, False, 0
    months = wall.astype("datetime64[M]")
    since = wall - months.astype("datetime64[ns]")
    until = (months + 1).astype("datetime64[ns]") - wall
    monthly = len(np.unique(since)) == 1 or len(np.unique(until)) == 1
    steps = np.diff((months if monthly else wall).astype("int64"))
    later = bool((since >= np.timedelta64(1, "D")).any())
    span = int((wall.max() - wall.min()).astype("int64"))
    return len(np.unique(steps)), later, span


def _offsets(zones: Array) -> Array:
    """Offsets from UTC in ns of texts such as +02:00, +0200, +02 or Z."""
    table, place = np.unique(zones, return_inverse=True)
    return np.array([offset_of(str(zone)) for zone in table], "int64")[place]


def stamps_across(names: Sequence[str], dayfirst: bool | None = None) -> tuple[list[str], Array] | None:
    """The names of columns that are stamps, and these.

    None where hardly any is, or the order of their day and month is open.
    """
    years: dict[str, np.datetime64] = {}
    for name in names:
        year = _YEAR_NAME.fullmatch(name)
        if year:
            years[name] = np.datetime64(year[1], "ns")
    if len(years) >= ACROSS:
        return list(years), np.array(list(years.values()))
    read = parse_text(pa.chunked_array([pa.array(names, pa.string())]), dayfirst)
    good = ~np.isnat(read.wall)
    if good.sum() < ACROSS or read.rival is not None or read.clash:
        return None
    return [name for name, kept in zip(names, good, strict=True) if kept], read.wall[good]


def hours_across(names: Sequence[str]) -> tuple[list[str], Array] | None:
    """The names of columns that are the parts of a day, and when each begins in ns since midnight.

    H01 to H24, and h0 to h23, count its hours; 00:00 to 23:30, or 01:00 to 24:00, are times of day. None
    where the names are not the whole of a day.
    """
    counted: dict[str, int] = {}
    timed: dict[str, float] = {}
    for name in names:
        hour = _HOUR_NAME.fullmatch(name)
        if hour:
            counted[name] = int(hour[1])
        times = clock_times([name])
        if times is not None:
            timed[name] = times[0]
    if list(counted.values()) in ([*range(24)], [*range(1, 25)]):
        return list(counted), np.arange(24) * (DAY // 24)
    begins = np.array(list(timed.values()), "float64").astype("int64")
    if len(begins) < ACROSS or DAY % len(begins) or (np.diff(begins) != DAY // len(begins)).any():
        return None
    return list(timed), begins


def month_of(name: str) -> int | None:
    """The month of a name: a short form, the English one, or the number as the BLS writes it, M01."""
    low = name.strip().strip(".").lower()
    if re.fullmatch(r"m(0[1-9]|1[0-2])", low):
        return int(low[1:])
    if low in _MONTHS:
        return _MONTHS[low]
    return _MONTHS[low[:3]] if low in _ENGLISH else None


def part_of(name: str) -> str | None:
    """The part of a stamp that a column holds, by its name: one of PART_NAMES, such as year or hour."""
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name.strip())  # HourEnding
    low = spaced.lower().replace(" ", "_")
    for part, names in PART_NAMES.items():
        if low in names:
            return part
    return None


def join_parts(parts: dict[str, Array], date: Stamps | None = None) -> Stamps:
    """Stamps from columns that hold a part each, or from a column of dates and those of the time of day.

    parts: float64 (n,) by name as in PART_NAMES, NaN where missing; `clock` in ns since midnight, `half` 0
    for AM and 1 for PM. Hours 1 to 24 end at midnight; hours such as 1330 are hours and minutes, 133000
    with seconds.
    """
    whole, missing, wrong = _whole_parts(parts)
    since, never = _since_midnight(whole, len(missing))
    ends = not (never & ~missing).any() and _ends(since[~(missing | wrong)])
    wrong = wrong | never
    if not ends:
        wrong = wrong | (since > np.timedelta64(DAY, "ns"))
    counted = since if ends else None
    form = " ".join(parts)
    if date is None:
        base = _date_of(whole, missing)
        wrong = wrong | base.wrong
        outside = np.flatnonzero(base.outside & ~missing)
        wall = np.where(missing | wrong, NAT, base.wall + since)
        bad = np.flatnonzero(wrong & ~missing)
        return Stamps(wall, bad=bad, outside=outside, form=form, since=counted)
    wrong[date.bad] = True
    return Stamps(
        np.where(missing | wrong, NAT, date.wall + since),
        bad=np.flatnonzero(wrong & ~missing),
        outside=date.outside,
        form=f"{date.form} and {form}",
        first=date.first,
        rival=None if date.rival is None else date.rival + since,
        clash=date.clash,
        since=counted,
    )


def _ends(since: Array) -> bool:
    """Whether times of day are whole hours from 1 to 24, or 25: each names the end of its hour."""
    hours = np.unique(since.astype("int64"))
    if not len(hours) or (hours % HOUR).any():
        return False
    return bool(hours[0] >= HOUR and hours[-1] >= DAY)


def with_zone_of(stamps: Stamps, column: pa.ChunkedArray, name: str) -> Stamps:
    """Stamps of a date and a time of day with the offsets from UTC that the column of the latter says.

    name: of the column. Unchanged where its cells say none.
    """
    if not (pa.types.is_string(column.type) or pa.types.is_large_string(column.type)):
        return stamps
    coded = column.combine_chunks().dictionary_encode()
    times = times_of_day([*coded.dictionary.to_pylist(), None], name)
    if times is None or times.offset is None or times.zoned is None:
        return stamps
    codes = pc.fill_null(coded.indices, len(coded.dictionary)).to_numpy(zero_copy_only=False)
    return replace(stamps, offset=times.offset[codes], zoned=times.zoned[codes])


def _whole_parts(parts: dict[str, Array]) -> tuple[dict[str, Array], Array, Array]:
    """(int64 parts, missing (n,), wrong (n,)): parts are whole numbers, but a time of day may have decimals."""
    count = len(next(iter(parts.values())))
    missing = np.zeros(count, bool)
    wrong = np.zeros(count, bool)
    for values in parts.values():
        missing |= np.isnan(values)
        wrong |= np.abs(values) > DAY
    void = missing | wrong
    whole = {}
    for name, values in parts.items():
        known = np.where(void, 0, values)
        if name != "clock":
            wrong |= known != np.floor(known)
        whole[name] = known.astype("int64")
    return whole, missing, wrong


def _since_midnight(whole: dict[str, Array], count: int) -> tuple[Array, Array]:
    """timedelta64[ns] (n,) since midnight of hour, minute, second, half and clock, and which do not exist."""
    hour = whole.get("hour", np.zeros(count, "int64"))
    minute = whole.get("minute", np.zeros(count, "int64"))
    second = whole.get("second", np.zeros(count, "int64"))
    if "minute" not in whole and hour.max(initial=0) > 2400:
        second = hour % 100
        hour = hour // 100
    if "minute" not in whole and hour.max(initial=0) >= 100:  # 1 to 48 number half hours
        minute = hour % 100
        hour = hour // 100
    wrong = np.zeros(count, bool)
    if "half" in whole:
        wrong = (hour < 1) | (hour > 12)
        hour = hour % 12 + 12 * whole["half"]
    wrong = wrong | (hour < 0) | (hour > 25)
    wrong = wrong | (minute < 0) | (minute > 59)
    wrong = wrong | (second < 0) | (second > 59)
    clock = whole.get("clock", np.zeros(count, "int64"))
    since = ((hour * 60 + minute) * 60 + second) * 10**9 + clock
    return since.astype("timedelta64[ns]"), wrong


def _date_of(whole: dict[str, Array], missing: Array) -> _Read:
    """The dates of year, month, day and others; 1 January 1970 where one is missing."""
    fields = {"y": np.where(missing, 1970, whole["year"])}
    for short, long in _DATE_PARTS:
        if long in whole:
            fields[short] = np.where(missing, 1, whole[long])
    return _assemble(fields, len(missing))
