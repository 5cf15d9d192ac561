"""CSV files as sheets of text: decoding with care, and rows that do not fit their header.

Row numbers are those a spreadsheet shows: 1 is the header line. A quoted cell may hold line
breaks; the number counts records, so such a record is one row, as in a spreadsheet.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from pathlib import Path

import polars as pl

from evaluation.errors import SourceError
from evaluation.sources.foreign import LOOKED_AT, not_opened, refuse_foreign
from evaluation.sources.sheets import Sheet
from evaluation.sources.workbook import headings, is_blank, repeated_headings

__all__ = ["contents", "decoded", "header_of", "read_csv", "records"]

# The largest monthly CSV of NHS England has 55 MB; the prescribing dataset is read in streams.
_MOST_BYTES = 2**30
_LONGEST_LINE = 2**20
# What a cell of a spreadsheet holds at most, and what a sheet has of columns.
_LONGEST_CELL = 32_767
_MOST_COLUMNS = 16_384
# Bytes that are one letter in UTF-8 and two or three odd ones in windows-1252.
_UTF8 = re.compile(
    rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}", re.DOTALL
)
_QUOTED = re.compile(r'"[^"]*(?:""[^"]*)*"')
_CELL = re.compile(rf'(?:{_QUOTED.pattern}|[^",\r\n]*)(,|\r\n|\n|\r|\Z)')
_UNQUOTED = 'Put quotation marks around cells that hold a comma: "1,234".'
_NAMED = 3


def contents(path: Path, name: str) -> bytes:
    """Return the bytes of a file.

    Raises
    ------
    SourceError
        When it cannot be opened, or is larger than any table of areas and periods.
    """
    try:
        size = path.stat().st_size
        if size > _MOST_BYTES:
            raise SourceError(
                f"the file has {size / 2**30:,.1f} GiB",
                place=name,
                allowed=f"at most {_MOST_BYTES // 2**30} GiB",
                remedy="Keep the rows and columns that the study needs.",
            )
        return path.read_bytes()
    except OSError as error:
        raise not_opened(error, name) from error


def read_csv(path: Path, name: str) -> Sheet:
    """Read a CSV file as text, in UTF-8 or else windows-1252.

    Raises
    ------
    SourceError
        When it is in neither, empty, no table, or a row has more cells than the header.
    """
    text, encoding = decoded(contents(path, name), name)
    body = text.lstrip("\r\n")
    above = text[: len(text) - len(body)].count("\n")
    header = header_of(body, name)
    try:
        cells = pl.read_csv(body.encode(), infer_schema=False)
    except pl.exceptions.PolarsError as error:
        raise _ragged(body, above, name) from error
    cells.columns = headings(header)
    _refuse_long_cell(cells, above, name)
    rows = pl.Series("row", range(above + 2, above + 2 + cells.height), dtype=pl.Int64)
    return Sheet(
        name=name,
        cells=cells,
        rows=rows,
        encoding=encoding,
        short=_short(cells, body, above, name),
        repeated=repeated_headings(header),
        notes=_notes(cells, rows, body),
    )


def decoded(raw: bytes, name: str) -> tuple[str, str]:
    """Return a file's text, with line ends of any kind as they are, and its encoding's name.

    Raises
    ------
    SourceError
        When it is a file of another kind, neither UTF-8 nor windows-1252 throughout, or has a
        line that is longer than any row.
    """
    refuse_foreign(raw[:LOOKED_AT], name, suffix=".csv")
    if b"\0" in raw:
        raise _no_text(raw, raw.index(b"\0"), "a NUL byte, which no text has", name)
    _refuse_long_line(raw, name)
    # A file that is valid UTF-8 and holds other than ASCII is hardly ever anything else;
    # windows-1252 takes nearly any bytes, so it must come second.
    try:
        text, title = raw.decode("utf-8-sig"), "utf-8"
    except UnicodeDecodeError:
        text, title = _as_windows(raw, name), "windows-1252"
    # Old programs of Apple end lines with a carriage return alone.
    return (text if "\n" in text else text.replace("\r", "\n")), title


def _as_windows(raw: bytes, name: str) -> str:
    try:
        text = raw.decode("cp1252")
    except UnicodeDecodeError as error:
        byte = f"the byte 0x{raw[error.start]:02X}, which is in neither encoding"
        raise _no_text(raw, error.start, byte, name) from error
    other = _UTF8.search(raw)
    if other is None:
        return text
    odd = next(m.start() for m in re.finditer(rb"[\x80-\xff]", _UTF8.sub(_blank, raw)))
    raise SourceError(
        f"line {_line(raw, other.start())} is written in UTF-8, and line {_line(raw, odd)} in "
        "windows-1252",
        place=name,
        allowed="one encoding in one file",
        remedy="Two files seem to be joined in it: save each as CSV UTF-8 and join them then.",
    )


def _blank(match: re.Match[bytes]) -> bytes:
    return b" " * len(match[0])


def _line(raw: bytes, at: int) -> int:
    return raw.count(b"\n", 0, at) + 1


def _no_text(raw: bytes, at: int, what: str, name: str) -> SourceError:
    return SourceError(
        f"the file is not text in a known encoding: it holds {what}",
        place=f"{name}, line {_line(raw, at)}",
        allowed="UTF-8 (with or without byte order mark) or windows-1252",
        remedy="Save it as CSV UTF-8, or get it again if it is damaged.",
    )


def _refuse_long_line(raw: bytes, name: str) -> None:
    """Refuse a line that would fill the memory when it is taken apart."""
    start, end = 0, b"\n" if b"\n" in raw else b"\r"
    # From the last line end within reach to the next: most lines are not looked at one by one.
    while len(raw) - start > _LONGEST_LINE:
        stop = raw.rfind(end, start, start + _LONGEST_LINE + 1)
        if stop < 0:
            stop = raw.find(end, start)
            stop = len(raw) if stop < 0 else stop
            raise SourceError(
                f"the line has {stop - start:,} characters",
                place=f"{name}, line {raw.count(end, 0, start) + 1}",
                allowed=f"at most {_LONGEST_LINE:,} in a line",
                remedy="It is no table of rows and columns, or its line ends are lost: get it "
                "again.",
            )
        start = stop + 1


def records(body: str, name: str, above: int = 0) -> Iterator[list[str]]:
    """Yield the records of a CSV text.

    Raises
    ------
    SourceError
        Where a record cannot be taken apart; ``above`` rows stand before the first.
    """
    number = above
    try:
        for record in csv.reader(io.StringIO(body)):
            number += 1
            yield record
    except csv.Error as error:
        is_return = str(error).startswith("new-line")
        limit = f"a cell has more than {csv.field_size_limit():,} characters"
        raise SourceError(
            "a carriage return stands within a cell without quotation marks"
            if is_return
            else limit,
            place=f"{name}, row {number + 1}",
            allowed=f"line ends between rows, and at most {_LONGEST_CELL:,} characters in a cell",
            remedy="Look for a quotation mark that is opened and not closed, or for line ends of "
            "two kinds.",
        ) from error


def header_of(body: str, name: str) -> list[str]:
    """Return the cells of the first record of a CSV text.

    Raises
    ------
    SourceError
        When there are none, too many, or they are separated by something else than commas.
    """
    # Only what may be its header is taken apart: a copy of all of a large file is slow.
    header = next(records(body[: 2 * _LONGEST_LINE], name), [])
    if not any(heading.strip() for heading in header):
        raise SourceError(
            "the file is empty",
            place=name,
            allowed="a header line and rows",
            remedy="Get it again, or take it out of files.",
        )
    if header[0].strip().lower().startswith("sep=") and len(header) <= len("x,"):
        raise SourceError(
            f"the first line tells a spreadsheet program the separator: {body.splitlines()[0]!r}",
            place=f"{name}, row 1",
            allowed="a header line and rows, with commas between cells",
            remedy="Delete that line.",
        )
    other = next((s for s in (";", "\t", "|") if len(header) == 1 and s in header[0]), None)
    if other is not None:
        raise SourceError(
            f"the cells seem to be separated by {other!r}",
            place=f"{name}, header",
            allowed="commas between cells, points in decimal numbers",
            remedy="Save the file with commas (CSV UTF-8).",
        )
    if len(header) > _MOST_COLUMNS:
        raise SourceError(
            f"the header has {len(header):,} cells",
            place=f"{name}, header",
            allowed=f"at most {_MOST_COLUMNS:,} columns",
            remedy="It is no table of rows and columns: get it again.",
        )
    return header


def _ragged(body: str, above: int, name: str) -> SourceError:
    wide = number = 0
    for number, record in enumerate(records(body, name, above), start=above + 1):
        wide = wide or len(record)
        if len(record) > wide:
            return SourceError(
                f"the row has {len(record)} cells, the header {wide}",
                place=f"{name}, row {number}",
                allowed="one cell a column",
                remedy=_UNQUOTED
                if wide > 1 and number > above + 2
                else f"If row {above + 1} is a title or a note, delete it. {_UNQUOTED}",
            )
    row, what = _stray_quote(body, above)
    return SourceError(
        f"the file is not well-formed CSV: a quotation mark {what}",
        place=f"{name}, row {row or number}",
        allowed='quotation marks around a whole cell, doubled within: "the ""old"" ward"',
        remedy="Look there and above for a stray quotation mark; get the file again if it is cut "
        "off.",
    )


def _stray_quote(body: str, above: int) -> tuple[int, str]:
    """Return the row in which cells can no longer be told apart, and what is wrong there."""
    at, row = 0, above + 1
    while at < len(body):
        cell = _CELL.match(body, at)
        if cell is None and body[at] == '"' and _QUOTED.match(body, at) is None:
            return row, "is opened and not closed"
        if cell is None:
            return row, "stands within a cell"
        row += cell[1] != ","
        at = cell.end()
    return 0, "is opened and not closed"


def _refuse_long_cell(cells: pl.DataFrame, above: int, name: str) -> None:
    longest = cells.select(pl.all().str.len_chars().max())
    for column in cells.columns:
        if (longest[column][0] or 0) > _LONGEST_CELL:
            at = cells[column].str.len_chars().arg_max() or 0
            raise SourceError(
                f"the cell of column {column!r} has {longest[column][0]:,} characters",
                place=f"{name}, row {above + 2 + at}",
                allowed=f"at most {_LONGEST_CELL:,} characters in a cell",
                remedy="Look for a quotation mark that is opened and not closed.",
            )


def _short(cells: pl.DataFrame, body: str, above: int, name: str) -> dict[int, int]:
    """Return how many cells there are in rows with fewer than the header, blank rows apart."""
    # Only a row whose last cell is empty can lack it: most files are not looked at twice.
    is_blank_row = pl.all_horizontal(pl.all().is_null())
    if not cells.select((pl.nth(-1).is_null() & ~is_blank_row).any()).item():
        return {}
    widths = enumerate(records(body, name, above), start=above + 1)
    return {row: len(r) for row, r in widths if len(r) < cells.width and not is_blank(r)}


def _notes(cells: pl.DataFrame, rows: pl.Series, body: str) -> tuple[str, ...]:
    """Return what is odd and may be right: an end without a line end, rows within a cell."""
    notes = []
    if not body.endswith(("\n", "\r")):
        notes.append("the last line has no line end: the file may be cut off")
    # A line within a cell that has as many commas as a row: a quotation mark may have taken it in.
    like_a_row = rf"\n(?:[^\n,]*,){{{max(cells.width - 1, 1)}}}"
    taken_in = pl.any_horizontal(pl.all().str.contains(like_a_row)).fill_null(value=False)
    held = rows.filter(cells.select(taken_in).to_series())
    if len(held):
        named = ", ".join(str(row) for row in held[:_NAMED])
        more = f" and {len(held) - _NAMED} more" if len(held) > _NAMED else ""
        notes.append(
            f"a cell in quotation marks holds what looks like whole rows: row {named}{more}"
        )
    return tuple(notes)
