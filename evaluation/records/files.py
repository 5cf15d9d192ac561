"""Finding and opening files: extracts lazily, small tables whole; every cell of a CSV is text."""

from __future__ import annotations

import csv
import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

import polars as pl

from evaluation.errors import SourceError
from evaluation.named_files import find_files

__all__ = ["BEYOND", "find", "read_small", "scan"]

# Heading of the cells that a row has beyond the header.
BEYOND = "(beyond the header)"
_TEXT = (".csv", ".txt", ".gz")
_SEPARATORS = (",", "|", "\t", ";")
_LISTED = 12
_SECOND = re.compile(r"(.+)_duplicated_\d+")
_LONGEST_HEADER = 65536


def find(folder: Path, patterns: Iterable[str]) -> tuple[Path, ...]:
    """Return the files that names and globs of a study file stand for, each once.

    Raises
    ------
    SourceError
        When one stands for no file.
    """
    return find_files(folder, patterns, place="[records]")


def scan(path: Path, name: str) -> pl.LazyFrame:
    """Open an extract without reading it: CSV (of any usual separator, gzipped too) or Parquet.

    Raises
    ------
    SourceError
        For another kind of file, or one that cannot be opened.
    """
    kind = path.suffix.lower()
    try:
        if kind == ".parquet":
            frame = pl.scan_parquet(path)
        elif kind in _TEXT:
            _refuse_no_table(path, name)
            frame = _scan_text(path, name)
        else:
            raise SourceError(
                f'a file of kind "{path.suffix}" cannot be read',
                place=name,
                allowed=".csv, .txt, .csv.gz, .parquet",
                remedy="Save it as CSV or Parquet",
            )
        frame.collect_schema()
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, EOFError, OSError) as error:
        raise SourceError(
            f"the file cannot be opened ({str(error).splitlines()[0]})",
            place=name,
            allowed="CSV with a header line, or Parquet",
            remedy="Save it again",
        ) from error
    return frame


def _scan_text(path: Path, name: str) -> pl.LazyFrame:
    """Open a CSV with one column more than its header has: cells that a row has beyond it.

    Where only some columns are read, polars does not tell rows that are too long; they would be
    read with every cell after a stray separator in the wrong column.
    """
    # Codes are plain letters and digits: what is not UTF-8 (a dagger) goes in cleaning.
    separator = _separator(path)
    headings = pl.scan_csv(path, separator=separator, encoding="utf8-lossy", infer_schema=False)
    names = headings.collect_schema().names()
    _refuse_twice(names, name)
    return pl.scan_csv(
        path,
        separator=separator,
        encoding="utf8-lossy",
        schema=dict.fromkeys([*names, BEYOND], pl.String),
        missing_columns="insert",
        truncate_ragged_lines=True,
    )


def _refuse_no_table(path: Path, name: str) -> None:
    """Refuse a file that begins like none of rows and columns, or ends within a row."""
    header = _header(path)
    text = header.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if b"\0" in header or header.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise SourceError(
            "the file is not text in UTF-8: it holds NUL bytes, or begins as UTF-16 does",
            place=name,
            allowed="CSV in UTF-8, or Parquet",
            remedy="Save it as CSV UTF-8",
        )
    if text.startswith((b"<!doctype html", b"<html", b"<?xml")):
        raise SourceError(
            "the file is a web page and no table",
            place=name,
            allowed="CSV with a header line, or Parquet",
            remedy="It may be the page where one signs in: get the file again",
        )
    if path.suffix.lower() != ".gz":
        _refuse_cut_off(path, header, name)


def _refuse_cut_off(path: Path, header: bytes, name: str) -> None:
    separator = _separator(path)
    with path.open("rb") as stream:
        stream.seek(0, os.SEEK_END)
        stream.seek(max(len(header), stream.tell() - _LONGEST_HEADER))
        last = stream.read().rstrip(b"\r\n").rpartition(b"\n")[2]
    there, wanted = (
        len(next(csv.reader([line.decode("utf-8", errors="replace")], delimiter=separator), []))
        for line in (last, header)
    )
    if 0 < there < wanted:
        raise SourceError(
            f"the last row has {there} cells, the header {wanted}",
            place=name,
            allowed="as many cells in every row",
            remedy="Get the file again: it may have been cut off",
        )


def _refuse_twice(names: Sequence[str], name: str) -> None:
    """Refuse a heading given twice: polars gives the second another name, and reads the first."""
    told = (_SECOND.fullmatch(heading) for heading in names)
    twice = next((match[1] for match in told if match and match[1] in names), None)
    if twice:
        raise SourceError(
            f'two columns are called "{twice}"',
            place=f"{name}, header",
            allowed="each heading once",
            remedy="Which of them is meant is not known: rename or delete the other",
        )


def _header(path: Path) -> bytes:
    if path.suffix.lower() == ".gz":
        import gzip

        with gzip.open(path, "rb") as stream:
            return stream.readline(_LONGEST_HEADER)
    with path.open("rb") as stream:
        return stream.readline(_LONGEST_HEADER)


def _separator(path: Path) -> str:
    text = _header(path).decode("utf-8", errors="replace")
    return max(_SEPARATORS, key=text.count)


def _known(headings: list[str]) -> list[str]:
    return [heading for heading in headings if heading != BEYOND]


def read_small(folder: Path, file: str, columns: Sequence[str]) -> pl.DataFrame:
    """Read columns of a small table as text, blanks as null, with ``row`` (the header is 1).

    Raises
    ------
    SourceError
        When the file or a column is not there.
    """
    (path, *others) = find(folder, [file])
    if others:
        raise SourceError(
            f"{len(others) + 1} files match", place=file, allowed="one file", remedy="Name one"
        )
    frame = scan(path, file)
    there = frame.collect_schema().names()
    for column in columns:
        if column not in there:
            raise SourceError(
                f'there is no column "{column}"',
                place=file,
                allowed=f"the columns that are there: {', '.join(_known(there)[:_LISTED])}",
                remedy="Correct the name in [records]",
            )
    text = [pl.col(c).cast(pl.String).str.strip_chars().replace("", None) for c in columns]
    beyond = pl.col(BEYOND) if BEYOND in there else pl.lit(None, dtype=pl.String)
    table = frame.select(*text, beyond.alias(BEYOND)).with_row_index("row", offset=2).collect()
    long = table.filter(pl.col(BEYOND).is_not_null())
    if not long.is_empty():
        raise SourceError(
            "the row has more cells than the header",
            place=f"{file}, row {long['row'][0]}",
            allowed="one cell a column",
            remedy='Put quotation marks around cells that hold a separator: "1,234"',
        )
    return table.drop(BEYOND)
