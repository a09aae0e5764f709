"""CSV and its relatives: encoding, preamble, delimiter, header and decimal mark are found in the first lines, then the file is streamed.

Columns that a sample shows to be plain numbers or ISO stamps become so block by block, and their text is never held whole.
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
from forecast.data.findings import Report, counted
from forecast.reading.numbers import MISSING, SIGNS, WORDS, Decimal, grouped, numberish, parse_numbers, plain
from forecast.reading.stamps import stampish
from forecast.reading.tables import Needed, Origin, Request, Table, clean_names, nameless, without_empty

SAMPLE = 1 << 17  # bytes from which the form of a file is found
BLOCK = 1 << 22  # bytes that are parsed at a time
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
Record = tuple[int, int, list[str]]  # first line, last line, cells


@dataclass(frozen=True)
class Dialect:
    """How a file is written.

    ending: of its lines · skip: lines before its first record · notes: what these say · kinds: what a sample shows of each column · decimal: its
    text's mark.
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
    """A delimited text file, compressed or not, as a table. Raises ReadingError where its rows are not of one length."""
    dialect = sniff(path, report, request.decimal)
    for name in dialect.kinds:
        if name in request.names or name.lower() in request.names:
            dialect.kinds[name] = "text"
    try:
        return _read(dialect, report, request.columns)
    except pa.ArrowInvalid as error:
        if "UTF8" not in str(error):
            raise
    report.say("encoding", f"{path.name} is not UTF-8 throughout and is read as Windows-1252")
    return _read(replace(dialect, encoding="cp1252"), report, request.columns)


def sniff(path: Path, report: Report, told: Decimal | None) -> Dialect:
    """The form of a file, from its first lines. told: its decimal mark, where that is known."""
    with pa.input_stream(str(path)) as stream:
        head = stream.read(SAMPLE)
        more = stream.read(15 * SAMPLE) if head.count(b"\n") < 5 else b""  # a very wide table
        following = stream.read(1)
    text, encoding = _decode(head + more, path, report)
    if not text.strip():
        report.refuse("not-a-table", f"{path.name} is not a table: it is empty.")
    ending = "\n" if "\n" in text else "\r"
    lines = list(_lines(io.StringIO(text, newline=ending)))
    lines = lines[:-1] if following and len(lines) > 1 else lines  # the last one may be cut off
    delimiter, records = _delimiter(lines)
    first, width, names = _header(records, delimiter, path, report)
    body = [cells for _, _, cells in records[first:] if len(cells) == width]
    row = _spaced([cells for _, _, cells in records]) if width == 1 else ""
    if row:
        report.refuse(
            "not-a-table",
            f"{path.name} has spaces between its columns: found {row!r}.",
            example=row,
            remedy="Write it with commas or tabs between them, and one row of names above.",
        )
    cleaned = clean_names(names if names is not None else [f"column {i + 1}" for i in range(width)], report)
    unnamed = [name for name, given in zip(cleaned, names or cleaned, strict=True) if nameless(given)]
    samples = {name: [cells[i] for cells in body] for i, name in enumerate(cleaned)}
    decimal = told or _decimal(samples, delimiter)
    if decimal is None and delimiter == ";":
        _say_open_points(samples, report)
    kinds = {name: _kind(cells, decimal) for name, cells in samples.items()}
    above = lines[: records[first][0] - 1] if first < len(records) else lines
    skip = sum(line.endswith(ending) for line in above)
    return Dialect(
        path, encoding, delimiter, ending, cleaned, unnamed, skip, "".join(above), '"' in text, kinds, decimal
    )


def _lines(text: Iterable[str]) -> Iterator[str]:
    """The lines of a file, those too that are marked off by a carriage return alone, which Arrow takes for the end of a row."""
    for line in text:
        yield from re.split(r"(?<=\r)(?=[^\r\n])", line) if "\r" in line[:-2] else [line]


def _spaced(records: list[list[str]]) -> str:
    """A record of the kind that most are, where these have one cell of as many words and it is no number; else empty."""
    texts = [cells[0] for cells in records if len(cells) == 1 and not _is_comment(cells)]
    words = Counter(len(text.split()) for text in texts).most_common(1)
    count, often = words[0] if words else (0, 0)
    same = next((text.strip() for text in reversed(texts) if len(text.split()) == count), "")
    one_number = not len(
        parse_numbers(pa.chunked_array([pa.array([same], pa.string())])).bad
    )  # such as 12 345
    return same if count > 1 and 2 * often > len(records) and not one_number else ""


def _decode(head: bytes, path: Path, report: Report) -> tuple[str, str]:
    """The text of the first bytes, and their encoding: by its mark, else UTF-8, else Windows-1252."""
    begin = head[:100].removeprefix(codecs.BOM_UTF8).lstrip().lower()
    other = next((remedy for mark, remedy in _OTHER.items() if begin.startswith(mark.lower())), None)
    if other:
        report.refuse("not-a-table", f"{path.name} is not a table of text.", remedy=other)
    encoding = next((name for mark, name in _BOMS if head.startswith(mark)), None)
    if encoding is None and b"\0" in head[:400]:
        even, odd = head[0:400:2].count(0), head[1:400:2].count(0)
        if min(even, odd) > 0 or max(even, odd) < 0.3 * len(head[:400]) / 2:
            report.refuse(
                "not-a-table",
                f"{path.name} is not a table: it holds zero bytes, as no text does.",
                remedy="Export it as CSV or Parquet.",
            )
        encoding = "utf-16-le" if odd > even else "utf-16-be"
    if encoding not in (None, "utf8"):
        report.say("encoding", f"{path.name} is read as {encoding.upper()}")
    for name in (encoding or "utf8", "cp1252", "latin-1"):
        try:
            text = codecs.getincrementaldecoder("utf-8-sig" if name == "utf8" else name)().decode(head)
        except UnicodeDecodeError:
            continue
        if encoding is None and name != "utf8":
            report.say(
                "encoding",
                f"{path.name} is not UTF-8 and is read as {'Windows-1252' if name == 'cp1252' else 'Latin-1'}",
            )
        return text, name
    report.refuse(
        "not-a-table", f"{path.name} is not a table: it is no text in {encoding}.", remedy="Save it as UTF-8."
    )


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
    best: tuple[float, str, list[Record]] | None = None
    csv.field_size_limit(1 << 30)
    for delimiter in DELIMITERS:
        try:
            records = list(_records(lines, delimiter))
        except csv.Error:
            continue
        widths = Counter(len(cells) for _, _, cells in records if not _is_comment(cells))
        width, count = max(widths.items(), key=lambda item: (item[1], item[0]), default=(1, 0))
        begin = next((i for i, (_, _, cells) in enumerate(records) if len(cells) in (width, width - 1)), 0)
        after = [cells for _, _, cells in records[begin:] if not _is_comment(cells)]
        same = sum(len(cells) == width for cells in after) / max(len(after), 1)
        headed = bool(after) and len(after[0]) == width
        passed = (
            min(begin, 8) / 10
        )  # a decimal comma splits rows as evenly as a delimiter does, but not the header above them
        score = (
            0.0
            if width == 1
            else same + headed - passed + min(width, 50) / 1000
            if count > 1 or len(records) < 3
            else 0.0
        )
        if best is None or score > best[0]:
            best = (score, delimiter, records)
    assert best is not None
    return best[1], best[2]


def _header(
    records: list[Record], delimiter: str, path: Path, report: Report
) -> tuple[int, int, list[str] | None]:
    """(index of the first record of values, cells a record, names); names None where the file has none."""
    width = _width(records, path, report)
    top = _top(records, width)
    above = [cells for _, _, cells in records[:top]]
    body = [cells for _, _, cells in records[top:] if len(cells) == width]
    beside = _names_of_other_width(records, top, width, delimiter, path, report)
    if beside is not None:
        names, first = _with_second_header(beside, records, top, report)
        _say_notes(above[:-1], records, first, path, report)
        return first, width, names
    if _like_values(body[0]) or _among_stamps(body[0], body[1:]):
        commented = next(
            (cells for cells in reversed(above) if _is_comment(cells) and len(cells) == width), None
        )
        if commented is None:
            report.say(
                "no-header",
                f"the first row holds values, so the columns are called column 1 to column {width}",
                example=body[0][0],
            )
            _say_notes(above, records, top, path, report)
            return top, width, None
        names, first = _with_second_header(
            [commented[0].lstrip(f"{COMMENT} "), *commented[1:]], records, top, report
        )
    else:
        names, first = _with_second_header(body[0], records, top + 1, report)
    _say_notes(above, records, first, path, report)
    return first, width, names


def _width(records: list[Record], path: Path, report: Report) -> int:
    """How many cells most records have, comments aside; of two records the wider one is the header."""
    widths = Counter(len(cells) for _, _, cells in records if not _is_comment(cells))
    if not widths:
        report.refuse("not-a-table", f"{path.name} is not a table: it holds comments only.")
    return max(widths.items(), key=lambda item: (item[1], item[0]))[0] if len(records) > 2 else max(widths)


def _top(records: list[Record], width: int) -> int:
    """The first record of the table, its header where it has one: past titles, and past notes that a blank line ends."""
    top = next(i for i, (_, _, cells) in enumerate(records) if len(cells) == width and not _is_comment(cells))
    top = _past_titles(records, top, width)
    follow = [
        i
        for i in range(top + 1, min(top + 4, len(records)))
        if records[i][0] > records[i - 1][1] + 1 and len(records[i][2]) == width
    ]
    return follow[0] if follow and not any(_like_values([cell]) for cell in records[follow[0]][2]) else top


def _names_of_other_width(
    records: list[Record], top: int, width: int, delimiter: str, path: Path, report: Report
) -> list[str] | None:
    """The names where the header has a cell more or less than the rows below it; None where these do not begin with values."""
    body = [cells for _, _, cells in records[top:] if len(cells) == width]
    if not top or not _like_values(body[0]):
        return None
    names = records[top - 1][2]
    if len(names) == width + 1 and not names[-1].strip():  # the header alone ends with a delimiter
        return names[:-1]
    if len(names) == width - 1 and not any(
        cells[-1].strip() for cells in body[1:] or body
    ):  # the rows alone end with one
        return [*names, ""]
    if delimiter == "," and 1 < len(names) < width and _decimal_commas(names, body):
        _refuse_decimal_commas(path, records[top][0], body[0], report)
    return (
        ["", *names] if width > 1 and len(names) == width - 1 else None
    )  # the names of rows, as R writes them, have no name


def _say_notes(above: list[list[str]], records: list[Record], first: int, path: Path, report: Report) -> None:
    """Say which lines stand before the table and are no comments; rows of stamps and numbers are no notes. first: the first record of values."""
    notes = [cells for cells in above if not _is_comment(cells)]
    rows = [
        records[i]
        for i, cells in enumerate(above)
        if len(cells) > 1 and stampish(cells[:1]) and _like_values(cells)
    ]
    if len(rows) > 1 and first < len(records):
        line, _, cells = rows[0]
        report.refuse(
            "ragged-rows",
            f"Row {line} of {path.name} has {counted(len(cells), 'cell')}, those below row {records[first - 1][0]} have {len(records[first][2])}"
            f" ({counted(len(rows), 'such row')}).",
            rows=[line for line, *_ in rows],
            example=",".join(cells)[:80],
            remedy="Give each table a file of its own, or mend the rows.",
        )
    if notes:
        lines = records[first][0] - 1 if first < len(records) else len(above)
        report.say(
            "preamble",
            f"{len(notes)} lines before the table are passed over",
            rows=range(1, min(lines, len(notes)) + 1),
            example=notes[0][0],
        )


def _past_titles(records: list[Record], top: int, width: int) -> int:
    """The first record that can be a header: a title padded with delimiters has a few cells, and a row of names of every column below it."""
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
    """The names and the first record of values, past rows under the header that hold units or more names: text where all that follows is values.

    Where the header repeats a name the rows under it tell its columns apart.
    """
    width = len(names)
    under: list[tuple[int, list[str]]] = []
    while first + 1 < len(records) and len(under) < 3 and len(records[first][2]) == width:
        cells = records[first][2]
        told = [i for i, cell in enumerate(cells) if cell.strip() not in MISSING]
        later = [record for _, _, record in records[first + 1 : first + 50] if len(record) == width]
        valued = [i for i in told if later and _values_share([record[i] for record in later]) > 0.5]
        if not told or _values_share(cells) > 0 or 2 * len(valued) < len(told):
            break
        under.append((records[first][0], cells))
        first += 1
    if under and any(_values_share([cell]) for cell in records[first][2]):
        text = "; ".join(", ".join(cell.strip() for cell in cells[:8]) for _, cells in under)
        rows = [line for line, _ in under]
        report.say(
            "second-header",
            f"no values in {counted(len(under), 'row')} under the header, passed over: {text}",
            rows=rows,
            example=text,
        )
        if len({*names}) < width:
            names = [
                " ".join(dict.fromkeys([name, *(cells[i].strip() for _, cells in under)])).strip()
                for i, name in enumerate(names)
            ]
        return names, first
    return names, first - len(under)


def _values_share(cells: list[str]) -> float:
    """The share of cells, of those that are not missing, that are numbers or stamps."""
    full = [cell for cell in cells if cell.strip() not in MISSING]
    others = [cell for cell in full if not numberish([cell])]
    return 1 - len(others) * (1 - stampish(others)) / len(full) if full else 0.0


def _like_values(cells: list[str]) -> bool:
    """Whether a record holds values, not names: every cell is a number, a stamp or empty, and two of three are not."""
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
        f"Row {line} of {path.name} has {len(cells)} cells, more than the header names: its numbers seem to have decimal commas, in a file whose"
        f" delimiter is a comma.",
        rows=[line],
        example=",".join(cells),
        remedy="Export it with semicolons between the columns, or with decimal points.",
    )


def _decimal(samples: dict[str, list[str]], delimiter: str) -> str | None:
    """The decimal mark of the columns in which a sample shows one beyond doubt; in a file of semicolons a lone comma is one."""
    found: str | None = None
    for cells in samples.values():
        if any("," in cell for cell in cells) and numberish(cells) > 0.5:
            read = parse_numbers(
                pa.chunked_array([pa.array(cells, pa.string())]), hint="," if delimiter == ";" else None
            )
            found = "," if read.decimal == "," else found
    return found


def _say_open_points(samples: dict[str, list[str]], report: Report) -> None:
    """Say where a point may as well be one between thousands, in a file of semicolons: each stands before three digits, as in 1.234 and 12.345."""
    for name, cells in samples.items():
        bodies = {cell.strip().lstrip("+-") for cell in cells} - {*MISSING}
        pointed = sorted(body for body in bodies if "." in body)
        others = bodies - {*pointed}
        by_point = len(pointed) > 2 and all(body.count(".") == 1 and grouped(body, ".") for body in pointed)
        if by_point and all(body.isdigit() and len(body) < 4 for body in others):
            report.say(
                "ambiguous-decimal",
                f"{name}: each point stands before three digits, as between thousands; it is read as the decimal mark ({pointed[0]} is"
                f" {float(pointed[0]):g})",
                example=pointed[0],
                remedy="(--decimal , if that is wrong, --decimal . if it is right)",
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
    """The columns of a file: each as a sample shows it, and once more as text where a later block shows otherwise."""
    wanted = needed(dialect.kinds)
    kinds = {name: dialect.kinds[name] for name in dialect.names if name in wanted}
    odd: list[str] = []
    columns = _stream(dialect, kinds, odd)
    again = {name: "text" for name, chunks in columns.items() if chunks is None}
    if again:
        columns |= _stream(dialect, again, [])
    made = {name: _column(columns[name] or []) for name in kinds}
    count = len(next(iter(made.values()))) if made else 0
    comments = [text for text in odd if text.lstrip().startswith(COMMENT)]
    _refuse_ragged(dialect, [text for text in odd if text.strip() and text not in comments], report)
    _refuse_open_quote(dialect, report)
    lines = Lines(dialect)
    table = Table(
        dialect.path.name,
        made,
        count,
        (Origin(dialect.path.name, count, lines),),
        decimal=dialect.decimal,
        notes=dialect.notes,
    )
    return without_empty(_without_asides(table, dialect, comments, report), dialect.unnamed, report)


def _stream(dialect: Dialect, kinds: dict[str, str], odd: list[str]) -> dict[str, list[pa.Array] | None]:
    """Chunks of the columns in `kinds`; None for one that is not what its kind says. Rows of another length go to `odd`."""

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
        batch = pacsv.read_csv(
            pa.BufferReader(block), read_options=read, parse_options=parse, convert_options=convert
        )
        for name, kind in kinds.items():
            made = chunks[name]
            if made is None:
                continue
            converted = [_convert(chunk, kind) for chunk in batch.column(name).chunks]
            chunks[name] = (
                None
                if any(chunk is None for chunk in converted)
                else [*made, *(chunk for chunk in converted if chunk is not None)]
            )
    return chunks


def _blocks(dialect: Dialect) -> Iterator[bytes]:
    """The records of a file as UTF-8, about BLOCK bytes at a time, each block ending with a whole line; quoted text may hold line ends."""
    with pa.input_stream(str(dialect.path)) as stream:
        decode = None if dialect.encoding == "utf8" else codecs.getincrementaldecoder(dialect.encoding)()
        rest, skip, ending = b"", dialect.skip, dialect.ending.encode()
        while True:
            raw = stream.read(BLOCK)
            text = raw if decode is None else decode.decode(raw, final=not raw).encode()
            block = rest + text
            while skip and (end := block.find(ending)) >= 0:
                block, skip = block[end + 1 :], skip - 1
            cut = block.rfind(ending) + 1 if raw else len(block)
            if raw and dialect.quoted:
                cut = _outside_quotes(block, ending)
            rest = block[cut:]
            if not skip and block[:cut].strip():
                yield block[:cut]
            if not raw:
                return


def _outside_quotes(block: bytes, ending: bytes) -> int:
    """Where the last line ends that no quoted text runs across, in a block that begins outside of quotes; 0 where none does."""
    cut = block.rfind(ending) + 1
    quotes = block.count(b'"', 0, cut)
    while cut and quotes % 2:
        before = block.rfind(ending, 0, cut - 1) + 1
        quotes -= block.count(b'"', before, cut)
        cut = before
    return cut


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
    """The table without lines of as many cells as a row that are comments, or the header once more. comments: those of other lengths."""

    def where(name: str, test: Callable[[pa.ChunkedArray], pa.ChunkedArray]) -> Array:
        column = table.columns.get(name)
        if column is None or not pa.types.is_string(column.type):
            return np.zeros(table.count, bool)
        return pc.fill_null(test(pc.utf8_trim(column, " \t\ufeff")), False).to_numpy()

    marked = where(
        dialect.names[0],
        lambda text: pc.match_substring_regex(text, f"^{COMMENT}(?:$|{COMMENT}*[^{COMMENT}])"),
    )  # Excel writes ### for a date that is too wide
    marked = marked if 2 * marked.sum() <= table.count else np.zeros(table.count, bool)
    again = [where(name, functools.partial(pc.equal, name)) for name in [*table.columns][:2]]
    headers = np.logical_and.reduce(again) if again else np.zeros(table.count, bool)
    if again:
        _refuse_second_table(table, np.flatnonzero(again[0] & ~headers), report)
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
        report.say(
            "repeated-header",
            f"the header stands once more, which is passed over: {table.at(places).lower()}",
            rows=rows,
        )
    return table.keep(~(marked | headers)) if (marked | headers).any() else table


def _refuse_second_table(table: Table, rows: Array, report: Report) -> None:
    """A row that begins as the header does and holds other names is that of a second table; it may stand among words."""
    for row in rows[:10]:
        cells = [str(column[int(row)].as_py() or "") for column in table.columns.values()]
        if any(cells[1:]) and not _values_share(cells) and 2 * len(rows) < table.count:
            report.refuse(
                "second-table",
                f"{table.at([row])} of {table.where} holds other names than the header, {', '.join(cells)[:80]}: a second table begins there.",
                rows=table.rows([row]),
                example=", ".join(cells)[:80],
                remedy="Give each table a file of its own.",
            )


def _refuse_ragged(dialect: Dialect, odd: list[str], report: Report) -> None:
    """Rows that are shorter or longer than the header are named by line; words below the last row are passed over."""
    if not odd:
        return
    width, last = len(dialect.names), dialect.skip
    wrong = []
    for line, cells in _body(dialect):
        if len(cells) == width:
            last = line
        elif not _is_comment(cells):
            wrong.append((line, cells))
    rows = [line for line, _ in wrong]
    if (
        wrong
        and rows[0] > last
        and not any(_values_share(cells) or not re.search(r"[^\W\d_]", "".join(cells)) for _, cells in wrong)
    ):
        words = dialect.delimiter.join(wrong[0][1])
        report.say(
            "footer",
            f"{len(wrong)} lines of words below the last row are passed over, the first row {rows[0]}: {words[:80]}",
            rows=rows,
        )
        return
    line, cells = wrong[0] if wrong else (dialect.skip + 1, [odd[0]])
    if dialect.delimiter == "," and len(cells) > width and _whole(cells):
        _refuse_decimal_commas(dialect.path, line, cells, report)
    report.refuse(
        "ragged-rows",
        f"Row {line} of {dialect.path.name} has {counted(len(cells), 'cell')}, the header {width} ({counted(len(odd), 'such row')}).",
        rows=rows,
        example=dialect.delimiter.join(cells)[:80],
        remedy="Mend or remove them; put text that holds the delimiter in quotes.",
    )


def _refuse_open_quote(dialect: Dialect, report: Report) -> None:
    """A quote that is never closed makes one cell of all rows after it."""
    if not dialect.quoted or sum(block.count(b'"') for block in _blocks(dialect)) % 2 == 0:
        return
    line, cells = max(_body(dialect), default=(0, [""]))
    lost = max(cell.count("\n") for cell in cells)
    if lost:
        report.refuse(
            "open-quote",
            f"Row {line} of {dialect.path.name} opens a quote that is not closed: the {counted(lost, 'row')} after it would be one cell.",
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
