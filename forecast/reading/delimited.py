"""CSV and its relatives: what is found in the first lines says how the file is streamed.

Encoding, preamble, delimiter, header and decimal mark are found there. Columns that a sample shows to be
plain numbers or ISO stamps become so block by block, and their text is never held whole.
"""

import codecs
import csv
import functools
import io
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv

from forecast.arrays import Array
from forecast.data.findings import Report, counted, listed
from forecast.reading.encodings import Encoding, decoded, detected
from forecast.reading.numbers import MISSING, SIGNS, WORDS, Decimal, grouped, numberish, parse_numbers, plain
from forecast.reading.stamps import stampish
from forecast.reading.tables import Needed, Origin, Request, Table, clean_names, nameless, without_empty

SAMPLE = 1 << 17  # bytes from which the form of a file is found
BLOCK = 1 << 22  # bytes that are parsed at a time
LINES_ABOVE = 10  # of a table in which its header is looked for
COMMENT = "#"
EXCEL = "sep="  # a first line that tells Excel the delimiter
_OTHER = {  # what other files begin with
    b"\x1f\x8b": "It is packed: call it .csv.gz.",
    b"\x28\xb5\x2f\xfd": "It is packed: call it .csv.zst.",
    b"PAR1": "It is Parquet: call it .parquet.",
    b"PK\x03\x04": "It is a zip or Excel file: save the sheet as CSV.",
    b"\xd0\xcf\x11\xe0": "It is an Excel file: save the sheet as CSV.",
    b"%PDF": "It is a PDF.",
    b"<!doctype": "It is a web page, perhaps an answer in place of the data: look into it.",
    b"<html": "It is a web page, perhaps an answer in place of the data: look into it.",
    b"<?xml": "It is XML: save it as CSV.",
    b"{": "It is JSON, perhaps an answer in place of the data: look into it.",
    b"[{": "It is JSON: save it as CSV.",
}
DELIMITERS = (",", ";", "\t", "|")
_BOMS = ((codecs.BOM_UTF8, "utf8"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_WORDS = pa.array(WORDS)
_WORDS_OF = {"cp1252": "Windows-1252", "latin-1": "Latin-1"}
Record = tuple[int, int, list[str]]  # first line, last line, cells


@dataclass(frozen=True)
class Dialect:
    """How a file is written.

    ending: of its lines · skip: lines before its first record · notes: what these say · kinds: what a
    sample shows of each column · decimal: its text's mark.
    """

    path: Path
    encoding: str
    delimiter: str
    ending: str
    names: list[str]
    unnamed: list[str]
    skip: int
    notes: str
    quoted: bool
    kinds: dict[str, str]
    decimal: str | None


def read_delimited(path: Path, report: Report, request: Request) -> Table:
    """A delimited text file, compressed or not, as a table.

    Raises ReadingError where its rows are not of one length.
    """
    dialect = sniff(path, report, request)
    for name in dialect.kinds:
        if name in request.names or name.lower() in request.names:
            dialect.kinds[name] = "text"
    try:
        return _read(dialect, report, request.columns)
    except pa.ArrowInvalid as error:
        if "UTF8" not in str(error) or request.encoding is not None:
            raise
    other = detected(_first_odd(dialect))
    if other is None:
        report.say("encoding", f"{path.name} is not UTF-8 throughout and is read as Windows-1252")
        return _read(replace(dialect, encoding="cp1252"), report, request.columns)
    _say_detected(path, other, dialect.names, report)
    return _read(replace(dialect, encoding=other.name), report, request.columns)


def _first_odd(dialect: Dialect) -> bytes:
    """The first lines of a file that are no UTF-8, with those before and after them."""
    for block in _blocks(dialect):
        try:
            block.decode()
        except UnicodeDecodeError as error:
            begin = block.rfind(b"\n", 0, error.start) + 1
            return block[begin : begin + SAMPLE]
    return b""


@dataclass(frozen=True)
class _Header:
    """What stands above the values. first: the record where these begin · width: cells of a record · names, None = none."""

    first: int
    width: int
    names: list[str] | None


def sniff(path: Path, report: Report, request: Request) -> Dialect:
    """The form of a file, from its first lines and from what is given of it."""
    text, found, whole = _head(path, request.encoding, report)
    ending = "\n" if "\n" in text else "\r"
    lines = _sample_lines(text, ending, whole, path, report)
    delimiter, records = _delimiter(lines)
    header = _header(records, delimiter, request.header, path, report)
    if header.width == 1:
        _refuse_spaces(path, [cells for _, _, cells in records], report)
    numbered = [f"column {i + 1}" for i in range(header.width)]
    names = clean_names(header.names or numbered, report)
    unnamed = [name for name, own in zip(names, header.names or names, strict=True) if nameless(own)]
    body = [cells for _, _, cells in records[header.first :] if len(cells) == header.width]
    samples = {name: [cells[i] for cells in body] for i, name in enumerate(names)}
    decimal = request.decimal or _decimal(samples, delimiter)
    if decimal is None and delimiter == ";":
        _say_open_points(samples, report)
    above = lines
    if header.first < len(records):
        above = lines[: records[header.first][0] - 1]
    return Dialect(
        path,
        _codec(found, path, names, report),
        delimiter,
        ending,
        names,
        unnamed,
        skip=sum(line.endswith(ending) for line in above),
        notes="".join(above),
        quoted='"' in text,
        kinds={name: _kind(cells, decimal) for name, cells in samples.items()},
        decimal=decimal,
    )


def _sample_lines(text: str, ending: str, whole: bool, path: Path, report: Report) -> list[str]:
    """The lines of the first part of a file, without the last one where it may be cut off.

    whole: whether this is all of the file. A file without any end of a line there is refused.
    """
    lines = list(_lines(io.StringIO(text, newline=ending)))
    if whole:
        return lines
    if len(lines) == 1:
        report.refuse(
            "not-a-table",
            f"{path.name} is not a table: its first {counted(len(text), 'character')} hold no end of a line.",
            remedy="Write one row per line.",
        )
    return lines[:-1]


def _codec(found: str | Encoding, path: Path, names: list[str], report: Report) -> str:
    """The name of an encoding; one that was found by trial is said with the names of the columns."""
    if isinstance(found, str):
        return found
    _say_detected(path, found, names, report)
    return found.name


def _head(path: Path, given: str | None, report: Report) -> tuple[str, str | Encoding, bool]:
    """(the text from which the form of a file is found, its encoding, whether this is all of the file).

    given: the encoding, where that is known; one that was found by trial is an Encoding.
    """
    with pa.input_stream(str(path)) as stream:
        head = stream.read(SAMPLE)
        if head.count(b"\n") < 5:  # a very wide table
            head += stream.read(15 * SAMPLE)
        following = stream.read(1)
    text, encoding = _decode(head, given, path, report)
    if not text.strip():
        report.refuse("not-a-table", f"{path.name} is not a table: it is empty.")
    return text, encoding, not following


def _refuse_spaces(path: Path, records: list[list[str]], report: Report) -> None:
    """Refuse a file with spaces between its columns."""
    row = _spaced(records)
    if row:
        report.refuse(
            "not-a-table",
            f"{path.name} has spaces between its columns: found {row!r}.",
            example=row,
            remedy="Write it with commas or tabs between them, and one row of names above.",
        )


def _lines(text: Iterable[str]) -> Iterator[str]:
    """The lines of a file.

    Those too that a carriage return alone marks off, which Arrow takes for the end of a row.
    """
    for line in text:
        if "\r" in line[:-2]:
            yield from re.split(r"(?<=\r)(?=[^\r\n])", line)
        else:
            yield line


def _spaced(records: list[list[str]]) -> str:
    """A record of the kind that most are, where these are one cell of several words; else empty.

    One number such as 12 345 is none.
    """
    texts = [cells[0] for cells in records if len(cells) == 1 and not _is_comment(cells)]
    words = Counter(len(text.split()) for text in texts).most_common(1)
    if not words:
        return ""
    count, often = words[0]
    if count < 2 or 2 * often <= len(records):
        return ""
    last = next(text.strip() for text in reversed(texts) if len(text.split()) == count)
    read = parse_numbers(pa.chunked_array([pa.array([last], pa.string())]))
    return last if len(read.bad) else ""


def _decode(head: bytes, given: str | None, path: Path, report: Report) -> tuple[str, str | Encoding]:
    """The text of the first bytes, and their encoding.

    By its mark, else UTF-8, else one of two-byte signs, else Windows-1252. given: the encoding, if known.
    """
    _refuse_other_kinds(head, path, report)
    encoding = given or next((name for mark, name in _BOMS if head.startswith(mark)), None)
    if encoding is None and b"\0" in head[:400]:
        encoding = _by_zeros(head[:400], path, report)
    if encoding not in (None, "utf8", given):
        report.say("encoding", f"{path.name} is read as {encoding.upper()}")
    text = decoded(head, encoding or "utf8")
    if text is not None:
        return text, encoding or "utf8"
    if encoding is not None:
        remedy = "Save it as UTF-8." if given is None else "Leave `encoding` out, or give another one."
        report.refuse(
            "not-a-table", f"{path.name} is not a table: it is no text in {encoding}.", remedy=remedy
        )
    other = detected(head)
    if other is not None:
        return decoded(head, other.name) or "", other
    name = "latin-1" if decoded(head, "cp1252") is None else "cp1252"
    report.say("encoding", f"{path.name} is not UTF-8 and is read as {_WORDS_OF[name]}")
    return decoded(head, name) or "", name


def _say_detected(path: Path, encoding: Encoding, names: list[str], report: Report) -> None:
    """Say which encoding was found by trial, with the names of the columns as read."""
    report.say(
        "guessed-encoding",
        f"{path.name} is not UTF-8 and is read as {encoding.words}: its columns are {listed(names, 8)}",
        example=names[0],
        remedy=f"(`encoding={encoding.name}` if that is right, `encoding=cp1252` or another one if it is not)",
    )


def _refuse_other_kinds(head: bytes, path: Path, report: Report) -> None:
    """Refuse a file that begins as one of another kind does."""
    begin = head[:100].removeprefix(codecs.BOM_UTF8).lstrip().lower()
    for mark, remedy in _OTHER.items():
        if begin.startswith(mark.lower()):
            report.refuse("not-a-table", f"{path.name} is not a table of text.", remedy=remedy)


def _by_zeros(begin: bytes, path: Path, report: Report) -> str:
    """UTF-16 by the place of the zero bytes; a file whose zeros stand elsewhere is refused."""
    even = begin[0::2].count(0)
    odd = begin[1::2].count(0)
    if min(even, odd) > 0 or max(even, odd) < 0.3 * len(begin) / 2:
        report.refuse(
            "not-a-table",
            f"{path.name} is not a table: it holds zero bytes, as no text does.",
            remedy="Export it as CSV or Parquet.",
        )
    return "utf-16-le" if odd > even else "utf-16-be"


def _records(lines: list[str] | Iterator[str], delimiter: str) -> Iterator[Record]:
    """Each record that is not blank."""
    reader = csv.reader(lines, delimiter=delimiter)
    first = 1
    for cells in reader:
        if cells and not (len(cells) == 1 and not cells[0].strip()):
            yield first, reader.line_num, cells
        first = reader.line_num + 1


def _is_comment(cells: list[str]) -> bool:
    return cells[0].lstrip().startswith((COMMENT, EXCEL))


def _delimiter(lines: list[str]) -> tuple[str, list[Record]]:
    """The delimiter whose records are most alike, and the records of the sample."""
    csv.field_size_limit(1 << 30)
    best = -1.0
    chosen = DELIMITERS[0]
    chosen_records: list[Record] = []
    for delimiter in DELIMITERS:
        try:
            records = list(_records(lines, delimiter))
        except csv.Error:
            continue
        score = _likeness(records)
        if score > best:
            best = score
            chosen = delimiter
            chosen_records = records
    assert best >= 0
    return chosen, chosen_records


def _likeness(records: list[Record]) -> float:
    """How much records look like a table: their share of one width, and whether a header has it too.

    Records above the header count against it: a decimal comma splits rows as evenly as a delimiter does, but
    not the header above them.
    """
    widths = Counter(len(cells) for _, _, cells in records if not _is_comment(cells))
    width, count = max(widths.items(), key=lambda item: (item[1], item[0]), default=(1, 0))
    if width == 1 or (count <= 1 and len(records) > 2):
        return 0.0
    begin = 0
    while begin < len(records) and len(records[begin][2]) not in (width, width - 1):
        begin += 1
    if begin == len(records):
        begin = 0
    after = [cells for _, _, cells in records[begin:] if not _is_comment(cells)]
    same = sum(len(cells) == width for cells in after) / max(len(after), 1)
    headed = bool(after) and len(after[0]) == width
    return same + headed - min(begin, 8) / 10 + min(width, 50) / 1000


def _header(records: list[Record], delimiter: str, row: int | None, path: Path, report: Report) -> _Header:
    """The names of the columns, and the first record of values; names None where the file has none.

    row: that of the names, where it is given.
    """
    if row is not None:
        return _given_header(records, row, path, report)
    width = _width(records, path, report)
    top = _doubted(records, _top(records, width), width, path, report)
    above = [cells for _, _, cells in records[:top]]
    body = [cells for _, _, cells in records[top:] if len(cells) == width]
    begin = top
    notes = above
    names = _names_of_other_width(records, top, width, delimiter, path, report)
    if names is not None:
        notes = above[:-1]
    elif not _like_values(body[0]) and not _among_stamps(body[0], body[1:]):
        names = body[0]
        begin = top + 1
    else:
        names = _commented(above, width)
    if names is None:
        report.say(
            "no-header",
            f"the first row holds values, so the columns are called column 1 to column {width}",
            example=body[0][0],
        )
        _say_notes(above, records, top, path, report)
        return _Header(top, width, None)
    names, first = _with_second_header(names, records, begin, report)
    _say_notes(notes, records, first, path, report)
    return _Header(first, width, names)


def _commented(above: list[list[str]], width: int) -> list[str] | None:
    """The names of a header that is marked as a comment; None where there is none."""
    for cells in reversed(above):
        if _is_comment(cells) and len(cells) == width:
            return [cells[0].lstrip(f"{COMMENT} "), *cells[1:]]
    return None


def _given_header(records: list[Record], row: int, path: Path, report: Report) -> _Header:
    """The names in a row that was given, and the first record of values below it."""
    found = [i for i, (line, last, _) in enumerate(records) if line <= row <= last]
    if not found or found[0] + 1 >= len(records):
        report.refuse(
            "no-such-row",
            f"{path.name} has no row of names in row {row}, with rows below it, among its first lines.",
            remedy="Give the row that an editor shows, counted from 1, as `header`.",
        )
    top = found[0]
    names = [records[top][2][0].lstrip(f"{COMMENT} "), *records[top][2][1:]]
    widths = Counter(len(cells) for _, _, cells in records[top + 1 :] if not _is_comment(cells))
    width = max(widths.items(), key=lambda item: (item[1], item[0]), default=(len(names), 0))[0]
    names = names[:width] if not any(names[width:]) else names
    if len(names) < width:
        names += [""] * (width - len(names))
    names, first = _with_second_header(names, records, top + 1, report)
    _say_notes([cells for _, _, cells in records[:top]], records, first, path, report)
    return _Header(first, len(names), names)


def _doubted(records: list[Record], top: int, width: int, path: Path, report: Report) -> int:
    """The record of the names, where the first one that could be it is doubted.

    Rows about a place may stand above a table and be as wide as it: a later row of different words is the
    header where values stand above it, and other ones, of another type, below it.
    """
    for i in range(top + 1, min(top + LINES_ABOVE, len(records) - 1)):
        cells = records[i][2]
        full = [place for place, cell in enumerate(cells) if cell.strip() not in MISSING]
        if len(cells) != width or len(full) < 2 or _values_share(cells) > 0:
            continue
        names = {cells[place].strip() for place in full}
        above = [record for _, _, record in records[top:i] if len(record) == width]
        if len(names) < len(full) or names == {cell.strip() for cell in above[0]}:
            continue
        below = [record for _, _, record in records[i + 1 : i + 50] if len(record) == width]
        if any(_values_share(record) > 0 for record in above) and _of_other_types(above, below, full):
            text = "; ".join(", ".join(cell.strip() for cell in record[:4]) for record in above)
            line = records[i][0]
            report.say(
                "header",
                f"the names of the columns are taken from row {line}, {', '.join(cells[:4])}, ...;"
                f" what stands above it is passed over: {text}",
                rows=[row for row, _, _ in records[top:i]],
                example=cells[0],
                remedy=f"(`header={records[top][0]}` if that is wrong, `header={line}` if it is right)",
            )
            return i
    return top


def _of_other_types(above: list[list[str]], below: list[list[str]], places: list[int]) -> bool:
    """Whether most columns hold values below a row, and words or nothing in some of them above it."""
    valued = [place for place in places if below and _values_share([row[place] for row in below]) > 0.8]
    if 2 * len(valued) <= len(places):
        return False
    last = above[-1]
    return any(not _values_share([last[place]]) for place in valued)


def _width(records: list[Record], path: Path, report: Report) -> int:
    """How many cells most records have, comments aside; of two records the wider one is the header."""
    widths = Counter(len(cells) for _, _, cells in records if not _is_comment(cells))
    if not widths:
        report.refuse("not-a-table", f"{path.name} is not a table: it holds comments only.")
    return max(widths.items(), key=lambda item: (item[1], item[0]))[0] if len(records) > 2 else max(widths)


def _top(records: list[Record], width: int) -> int:
    """The first record of the table, its header where it has one: past titles and notes that a blank line ends."""
    top = 0
    while len(records[top][2]) != width or _is_comment(records[top][2]):
        top += 1
    top = _past_titles(records, top, width)
    for i in range(top + 1, min(top + 4, len(records))):
        line, _, cells = records[i]
        blank_above = line > records[i - 1][1] + 1
        if blank_above and len(cells) == width:
            return top if any(_like_values([cell]) for cell in cells) else i
    return top


def _names_of_other_width(
    records: list[Record], top: int, width: int, delimiter: str, path: Path, report: Report
) -> list[str] | None:
    """The names where the header has a cell more or less than the rows below it.

    None where these do not begin with values.
    """
    body = [cells for _, _, cells in records[top:] if len(cells) == width]
    if not top or not _like_values(body[0]):
        return None
    names = records[top - 1][2]
    if len(names) == width + 1 and not names[-1].strip():  # the header alone ends with a delimiter
        return names[:-1]
    rows_end_so = not any(cells[-1].strip() for cells in body[1:] or body)
    if len(names) == width - 1 and rows_end_so:  # the rows alone end with one
        return [*names, ""]
    if delimiter == "," and 1 < len(names) < width and _decimal_commas(names, body):
        _refuse_decimal_commas(path, records[top][0], body[0], report)
    if width > 1 and len(names) == width - 1:  # the names of rows, as R writes them, have no name
        return ["", *names]
    return None


def _say_notes(above: list[list[str]], records: list[Record], first: int, path: Path, report: Report) -> None:
    """Say which lines stand before the table and are no comments; rows of stamps and numbers are no notes.

    first: the first record of values.
    """
    rows = []
    for i, cells in enumerate(above):
        if len(cells) > 1 and stampish(cells[:1]) and _like_values(cells):
            rows.append(records[i])
    if len(rows) > 1 and first < len(records):
        line, _, cells = rows[0]
        wide = counted(len(cells), "cell")
        below = f"those below row {records[first - 1][0]} have {len(records[first][2])}"
        report.refuse(
            "ragged-rows",
            f"Row {line} of {path.name} has {wide}, {below} ({counted(len(rows), 'such row')}).",
            rows=[line for line, *_ in rows],
            example=",".join(cells)[:80],
            remedy="Give each table a separate file, or mend the rows.",
        )
    notes = [cells for cells in above if not _is_comment(cells)]
    if notes:
        lines = records[first][0] - 1 if first < len(records) else len(above)
        report.say(
            "preamble",
            f"{len(notes)} lines before the table are passed over",
            rows=range(1, min(lines, len(notes)) + 1),
            example=notes[0][0],
        )


def _past_titles(records: list[Record], top: int, width: int) -> int:
    """The first record that can be a header.

    A title padded with delimiters has a few cells, and a row of names of every column below it.
    """
    for i in range(top, min(top + 10, len(records))):
        cells = records[i][2]
        full = sum(bool(cell.strip()) for cell in cells)
        if len(cells) == width > 1 and full == width and not _values_share(cells):
            return i
        if len(cells) != width or 2 * full > width:
            break
    return top


def _among_stamps(names: list[str], body: list[list[str]]) -> bool:
    """Whether a would-be header has a stamp in a column of stamps, so that it is a row like the others."""
    some = body[:20]
    return any(
        stampish([name]) == 1 and stampish([cells[i] for cells in some]) == 1
        for i, name in enumerate(names[:10])
        if name.strip()
    )


def _with_second_header(
    names: list[str], records: list[Record], first: int, report: Report
) -> tuple[list[str], int]:
    """The names and the first record of values, past rows under the header that hold units or more names.

    Those are text where all that follows is values. Where the header repeats a name the rows under it tell
    its columns apart.
    """
    width = len(names)
    values = first
    while values < first + 3 and _is_second_header(records, values, width):
        values += 1
    under = [(line, cells) for line, _, cells in records[first:values]]
    if not under or not any(_values_share([cell]) for cell in records[values][2]):
        return names, first
    rows_in_words = []
    for _, cells in under:
        rows_in_words.append(", ".join(cell.strip() for cell in cells[:8]))
    text = "; ".join(rows_in_words)
    report.say(
        "second-header",
        f"no values in {counted(len(under), 'row')} under the header, passed over: {text}",
        rows=[line for line, _ in under],
        example=text,
    )
    if len({*names}) == width:
        return names, values
    longer = []
    for i, name in enumerate(names):
        below = [cells[i].strip() for _, cells in under]
        longer.append(" ".join(dict.fromkeys([name, *below])).strip())
    return longer, values


def _is_second_header(records: list[Record], i: int, width: int) -> bool:
    """Whether a record holds no value, where the column of most of its cells holds values below it."""
    if i + 1 >= len(records) or len(records[i][2]) != width:
        return False
    cells = records[i][2]
    full = [place for place, cell in enumerate(cells) if cell.strip() not in MISSING]
    if not full or _values_share(cells) > 0:
        return False
    later = [record for _, _, record in records[i + 1 : i + 50] if len(record) == width]
    valued = 0
    for place in full:
        column = [record[place] for record in later]
        if later and _values_share(column) > 0.5:
            valued += 1
    return 2 * valued >= len(full)


def _values_share(cells: list[str]) -> float:
    """The share of cells, of those that are not missing, that are numbers or stamps."""
    full = [cell for cell in cells if cell.strip() not in MISSING]
    others = [cell for cell in full if not numberish([cell])]
    return 1 - len(others) * (1 - stampish(others)) / len(full) if full else 0.0


def _like_values(cells: list[str]) -> bool:
    """Whether a record holds values, not names: every cell is a number, a stamp or empty.

    Two of three are not empty.
    """
    cells = cells[:50]
    full = [cell for cell in cells if cell.strip()]
    values = sum(numberish([cell]) == 1 or stampish([cell]) == 1 for cell in full)
    return bool(full) and values == len(full) and values >= 0.6 * len(cells)


def _decimal_commas(names: list[str], body: list[list[str]]) -> bool:
    """Whether rows are longer than their header because each number holds a comma: 2013-01-31,12,5 under date,temp."""
    return all(map(_whole, body)) and len(body[0]) == 1 + 2 * (len(names) - 1)


def _whole(cells: list[str]) -> bool:
    """Whether all cells after the first are whole numbers or empty."""
    return all(cell.strip().lstrip("+-").isdigit() for cell in cells[1:] if cell.strip())


def _refuse_decimal_commas(path: Path, line: int, cells: list[str], report: Report) -> NoReturn:
    report.refuse(
        "decimal-comma-in-comma-file",
        f"Row {line} of {path.name} has {len(cells)} cells, more than the header names: its numbers seem to"
        " have decimal commas, in a file whose delimiter is a comma.",
        rows=[line],
        example=",".join(cells),
        remedy="Export it with semicolons between the columns, or with decimal points.",
    )


def _decimal(samples: dict[str, list[str]], delimiter: str) -> str | None:
    """The decimal mark of the columns in which a sample shows one beyond doubt.

    In a file of semicolons a lone comma is one.
    """
    hint: Decimal | None = "," if delimiter == ";" else None
    for cells in samples.values():
        if any("," in cell for cell in cells) and numberish(cells) > 0.5:
            read = parse_numbers(pa.chunked_array([pa.array(cells, pa.string())]), hint=hint)
            if read.decimal == ",":
                return ","
    return None


def _say_open_points(samples: dict[str, list[str]], report: Report) -> None:
    """Say where a point may as well be one between thousands, in a file of semicolons.

    Each stands before three digits, as in 1.234 and 12.345.
    """
    for name, cells in samples.items():
        bodies = {cell.strip().lstrip("+-") for cell in cells} - {*MISSING}
        pointed = sorted(body for body in bodies if "." in body)
        others = bodies - {*pointed}
        by_point = len(pointed) > 2 and all(body.count(".") == 1 and grouped(body, ".") for body in pointed)
        if by_point and all(body.isdigit() and len(body) < 4 for body in others):
            report.say(
                "ambiguous-decimal",
                f"{name}: each point stands before three digits, as between thousands; it is read as the"
                f" decimal mark ({pointed[0]} is {float(pointed[0]):g})",
                example=pointed[0],
                remedy="(`decimal=,` if that is wrong, `decimal=.` if it is right)",
            )


def _kind(cells: list[str], decimal: str | None) -> str:
    """number: plain ones · stamp: ISO 8601 without a zone · text: all else, to be looked at whole, also names such as NA and ND."""
    trimmed = {cell.strip() for cell in cells}
    if trimmed.intersection(SIGNS):
        return "text"
    full = [cell for cell in trimmed if cell not in MISSING]
    if not full:
        return "number" if cells and decimal is None and len(trimmed - {""}) < 2 else "text"
    if all(plain(cell) for cell in full) and not (decimal == "," and any("." in cell for cell in full)):
        return "number"
    return "stamp" if _is(pa.array(full), pa.timestamp("ns")) else "text"


def _read(dialect: Dialect, report: Report, needed: Needed) -> Table:
    """The columns of a file: each as a sample shows it, and as text where a later block shows otherwise."""
    wanted = needed(dialect.kinds)
    kinds = {name: dialect.kinds[name] for name in dialect.names if name in wanted}
    odd: list[str] = []
    try:
        columns = _stream(dialect, kinds, odd)
    except _EndlessRowError as endless:
        endless.refuse(dialect, report)
    again = {name: "text" for name, chunks in columns.items() if chunks is None}
    if again:
        columns |= _stream(dialect, again, [])
    made = {name: _column(columns[name] or []) for name in kinds}
    count = len(next(iter(made.values()))) if made else 0
    comments = [text for text in odd if text.lstrip().startswith(COMMENT)]
    ragged = [text for text in odd if text.strip() and text not in comments]
    _refuse_ragged(dialect, ragged, report)
    _refuse_open_quote(dialect, report)
    name = dialect.path.name
    origin = Origin(name, count, Lines(dialect))
    table = Table(name, made, count, (origin,), decimal=dialect.decimal, notes=dialect.notes)
    return without_empty(_without_asides(table, dialect, comments, report), dialect.unnamed, report)


def _stream(dialect: Dialect, kinds: dict[str, str], odd: list[str]) -> dict[str, list[pa.Array] | None]:
    """Chunks of the columns in `kinds`; None for one that is not what its kind says.

    Rows of another length go to `odd`.
    """

    def skip(row: Any) -> str:
        if row.text.strip():
            odd.append(row.text)
        return "skip"

    chunks: dict[str, list[pa.Array] | None] = {name: [] for name in kinds}
    read = pacsv.ReadOptions(column_names=dialect.names, block_size=2 * BLOCK, use_threads=False)
    parse = pacsv.ParseOptions(
        delimiter=dialect.delimiter, newlines_in_values=dialect.quoted, invalid_row_handler=skip
    )
    convert = pacsv.ConvertOptions(
        column_types=dict.fromkeys(dialect.names, pa.string()),
        include_columns=list(kinds),
        strings_can_be_null=True,
        null_values=[""],
    )
    for block in _blocks(dialect):
        buffer = pa.BufferReader(block)
        batch = pacsv.read_csv(buffer, read_options=read, parse_options=parse, convert_options=convert)
        for name, kind in kinds.items():
            made = chunks[name]
            if made is not None:
                more = _converted(batch.column(name), kind)
                chunks[name] = None if more is None else made + more
    return chunks


def _converted(column: pa.ChunkedArray, kind: str) -> list[pa.Array] | None:
    """The chunks of a column as their kind; None where one is not."""
    converted = []
    for chunk in column.chunks:
        made = _convert(chunk, kind)
        if made is None:
            return None
        converted.append(made)
    return converted


class _EndlessRowError(Exception):
    """A row that is longer than a block. line: where it begins · quoted: whether a quote is open in it."""

    def __init__(self, line: int, quoted: bool) -> None:
        super().__init__(line)
        self.line = line
        self.quoted = quoted

    def refuse(self, dialect: Dialect, report: Report) -> NoReturn:
        """Refuse the file, by what makes its row endless."""
        row = f"Row {self.line:,} of {dialect.path.name}"
        if self.quoted:
            report.refuse(
                "open-quote",
                f"{row} opens a quote that is not closed in the {BLOCK >> 20} MB after it,"
                " which would be one cell.",
                rows=[self.line],
                remedy="Close it, or remove it.",
            )
        report.refuse(
            "not-a-table",
            f"{row} is longer than {BLOCK >> 20} MB.",
            rows=[self.line],
            remedy="Write one row per line.",
        )


def _blocks(dialect: Dialect) -> Iterator[bytes]:
    """The records of a file as UTF-8, about BLOCK bytes at a time, each block ending with a whole line.

    Quoted text may hold line ends. Raises _EndlessRowError where a row is longer than a block.
    """
    line = dialect.skip + 1
    ending = dialect.ending.encode()
    decoder = None if dialect.encoding == "utf8" else codecs.getincrementaldecoder(dialect.encoding)()
    with pa.input_stream(str(dialect.path)) as stream:
        rest = b""
        skip = dialect.skip
        while True:
            raw = stream.read(BLOCK)
            text = raw if decoder is None else decoder.decode(raw, final=not raw).encode()
            block = rest + text
            while skip and (end := block.find(ending)) >= 0:
                block = block[end + 1 :]
                skip -= 1
            cut = len(block)
            if raw:
                cut = _last_line(block, ending, dialect)
            rest = block[cut:]
            line += block.count(ending, 0, cut)
            if len(rest) > BLOCK and not skip:
                raise _EndlessRowError(line, dialect.quoted and b'"' in rest)
            if not skip and block[:cut].strip():
                yield block[:cut]
            if not raw:
                return


def _last_line(block: bytes, ending: bytes, dialect: Dialect) -> int:
    """Where the last whole record of a block ends."""
    if dialect.quoted:
        return _outside_quotes(block, ending, dialect.delimiter.encode())
    return block.rfind(ending) + 1


def _outside_quotes(block: bytes, ending: bytes, delimiter: bytes) -> int:
    """Where the last line ends that no quoted text runs across; 0 where none does.

    The block begins outside of quotes. Where a quote stays open for longer than a row may be, quotes that
    open no cell, as inch marks, are not counted.
    """
    cut = block.rfind(ending) + 1
    quotes = block.count(b'"', 0, cut)
    while cut and quotes % 2:
        before = block.rfind(ending, 0, cut - 1) + 1
        quotes -= block.count(b'"', before, cut)
        cut = before
    if len(block) - cut <= BLOCK:
        return cut
    return max(cut, _outside_opened(block, ending, delimiter))


def _outside_opened(block: bytes, ending: bytes, delimiter: bytes) -> int:
    """Where the last line ends that no cell runs across which begins with a quote; 0 where none does."""
    opening = re.compile(rb'(?:^|%b) *"' % re.escape(delimiter))
    inside = False
    last = 0
    end = block.find(ending) + 1
    begin = 0
    while end:
        line = block[begin:end]
        if line.count(b'"') % 2:
            inside = not inside and opening.search(line) is not None
        if not inside:
            last = end
        begin = end
        end = block.find(ending, begin) + 1
    return last


def _convert(chunk: pa.Array, kind: str) -> pa.Array | None:
    """A block of text as its kind; None where it is not."""
    if kind == "text":
        return chunk
    wanted = pa.float64() if kind == "number" else pa.timestamp("ns")
    try:
        return pc.cast(chunk, wanted)
    except pa.ArrowInvalid:
        pass
    trimmed = pc.utf8_trim_whitespace(chunk)
    try:
        return pc.cast(pc.if_else(pc.is_in(trimmed, _WORDS), None, trimmed), wanted)
    except pa.ArrowInvalid:
        return None


def _is(cells: pa.Array, kind: pa.DataType) -> bool:
    """Whether all cells can be cast to a type."""
    try:
        pc.cast(cells, kind)
    except pa.ArrowInvalid:
        return False
    return True


def _column(chunks: list[pa.Array]) -> pa.ChunkedArray:
    return pa.chunked_array(chunks, pa.string() if not chunks else None)


def _without_asides(table: Table, dialect: Dialect, comments: list[str], report: Report) -> Table:
    """The table without lines of as many cells as a row that are comments, or the header once more.

    comments: those of other lengths.
    """
    marked = _comment_rows(table, dialect.names[0])
    headers = _header_rows(table, report)
    many = len(comments) + int(marked.sum())
    if many:
        report.say(
            "comments",
            f"{many} comment lines among the rows are passed over",
            example=(comments or [COMMENT])[0].strip(),
        )
    if headers.any():
        places = np.flatnonzero(headers)
        rows = table.rows(places)
        words = f"the header stands once more, which is passed over: {table.at(places).lower()}"
        report.say("repeated-header", words, rows=rows)
    asides = marked | headers
    return table.keep(~asides) if asides.any() else table


def _comment_rows(table: Table, first: str) -> Array:
    """Which records are comments, bool (n,), by their first cell; none where most are."""
    lone = f"^{COMMENT}(?:$|{COMMENT}*[^{COMMENT}])"  # Excel writes ### for a date that is too wide
    marked = _where(table, first, lambda text: pc.match_substring_regex(text, lone))
    return marked if 2 * marked.sum() <= table.count else np.zeros(table.count, bool)


def _header_rows(table: Table, report: Report) -> Array:
    """Which records are the header once more, bool (n,); that of a second table is refused."""
    names = [*table.columns][:2]
    again = [_where(table, name, functools.partial(pc.equal, name)) for name in names]
    if not again:
        return np.zeros(table.count, bool)
    headers = np.logical_and.reduce(again)
    _refuse_second_table(table, np.flatnonzero(again[0] & ~headers), report)
    return headers


def _where(table: Table, name: str, test: Callable[[pa.ChunkedArray], pa.ChunkedArray]) -> Array:
    """Which cells of a column of text pass a test, bool (n,); none of a column of another type."""
    column = table.columns.get(name)
    if column is None or not pa.types.is_string(column.type):
        return np.zeros(table.count, bool)
    return pc.fill_null(test(pc.utf8_trim(column, " \t\ufeff")), False).to_numpy()


def _refuse_second_table(table: Table, rows: Array, report: Report) -> None:
    """Refuse a row that begins as the header does and holds other names: that of a second table.

    It may stand among words.
    """
    for row in rows[:10]:
        cells = [str(column[int(row)].as_py() or "") for column in table.columns.values()]
        if any(cells[1:]) and not _values_share(cells) and 2 * len(rows) < table.count:
            text = ", ".join(cells)[:80]
            report.refuse(
                "second-table",
                f"{table.at([row])} of {table.where} holds other names than the header, {text}:"
                " a second table begins there.",
                rows=table.rows([row]),
                example=text,
                remedy="Give each table a separate file.",
            )


def _refuse_ragged(dialect: Dialect, odd: list[str], report: Report) -> None:
    """Rows that are shorter or longer than the header are named by line; words below the last row are no rows."""
    if not odd:
        return
    width = len(dialect.names)
    last = dialect.skip
    wrong = []
    for line, cells in _body(dialect):
        if len(cells) == width:
            last = line
        elif not _is_comment(cells):
            wrong.append((line, cells))
    rows = [line for line, _ in wrong]
    if wrong and rows[0] > last and all(_is_words(cells) for _, cells in wrong):
        words = dialect.delimiter.join(wrong[0][1])
        report.say(
            "footer",
            f"{len(wrong)} lines of words below the last row are passed over, the first row {rows[0]}:"
            f" {words[:80]}",
            rows=rows,
        )
        return
    line, cells = wrong[0] if wrong else (dialect.skip + 1, [odd[0]])
    if dialect.delimiter == "," and len(cells) > width and _whole(cells):
        _refuse_decimal_commas(dialect.path, line, cells, report)
    many = counted(len(odd), "such row")
    report.refuse(
        "ragged-rows",
        f"Row {line} of {dialect.path.name} has {counted(len(cells), 'cell')}, the header {width} ({many}).",
        rows=rows,
        example=dialect.delimiter.join(cells)[:80],
        remedy="Mend or remove them; put text that holds the delimiter in quotes.",
    )


def _is_words(cells: list[str]) -> bool:
    """Whether a record holds words, or a lone mark such as *, and no value."""
    marked = len(cells) == 1 and re.fullmatch(r"[^\w\s]+", cells[0]) is not None
    spoken = re.search(r"[^\W\d_]", "".join(cells)) is not None
    return not _values_share(cells) and (marked or spoken)


def _refuse_open_quote(dialect: Dialect, report: Report) -> None:
    """A quote that is never closed makes one cell of all rows after it."""
    if not dialect.quoted or sum(block.count(b'"') for block in _blocks(dialect)) % 2 == 0:
        return
    line, cells = max(_body(dialect), default=(0, [""]))
    lost = max(cell.count("\n") for cell in cells)
    if lost:
        report.refuse(
            "open-quote",
            f"Row {line} of {dialect.path.name} opens a quote that is not closed:"
            f" the {counted(lost, 'row')} after it would be one cell.",
            rows=[line],
            remedy="Close it, or remove it.",
        )


def _body(dialect: Dialect) -> Iterator[tuple[int, list[str]]]:
    """(line, cells) of every record after the header, comments too."""
    with pa.input_stream(str(dialect.path)) as stream:
        text = io.TextIOWrapper(
            stream,
            encoding="utf-8-sig" if dialect.encoding == "utf8" else dialect.encoding,
            errors="replace",
            newline=dialect.ending,
        )
        for _ in range(dialect.skip):
            text.readline()
        for line, _, cells in _records(_lines(text), dialect.delimiter):
            yield dialect.skip + line, cells


class Lines:
    """The line of each record of a file, found by reading it once more when a line is first asked for."""

    def __init__(self, dialect: Dialect) -> None:
        self.dialect = dialect
        self.lines: Array | None = None

    def __call__(self, records: Array) -> Array:
        """The lines of record numbers int64 (k,)."""
        if self.lines is None:
            width = len(self.dialect.names)
            self.lines = np.array(
                [line for line, cells in _body(self.dialect) if len(cells) == width], "int64"
            )
        return self.lines[records]
