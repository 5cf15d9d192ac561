"""From the names in a study file to sheets of text: finding, decoding and reading files.

Row numbers are those a spreadsheet shows: 1 is the header line. In a CSV file a quoted cell may
hold line breaks; the number counts records, so such a record is one row, as in a spreadsheet.
"""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from evaluation.errors import SourceError
from evaluation.sources.workbook import cell_text, headings, is_blank, opened

__all__ = [
    "Sheet",
    "chosen_sheet",
    "decoded",
    "find_files",
    "read_csv",
    "read_sheet",
    "relative_name",
]

_SUFFIXES = ("csv", "parquet", "xlsx")
_LISTED = 12


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sheet:
    """One file as read: ``cells`` has its columns (any type), ``rows`` the number of each row.

    ``encoding`` says how it was read: ``utf-8``, ``windows-1252``, ``parquet``, ``xlsx``.
    """

    name: str
    cells: pl.DataFrame
    rows: pl.Series
    encoding: str

    def text(self, columns: Iterable[str]) -> pl.DataFrame:
        """Return columns as text, with ``file`` and ``row``; whole numbers lose their ".0"."""
        return self.cells.select(
            pl.lit(self.name).alias("file"),
            self.rows.alias("row"),
            *(_as_text(self.cells[column]) for column in columns),
        )


def find_files(folder: Path, patterns: Iterable[str]) -> tuple[Path, ...]:
    """Return the files that the names and globs of a study file stand for, each once.

    Raises
    ------
    SourceError
        When a name or glob stands for no file; it says what is in the folder.
    """
    found: dict[Path, Path] = {}
    for pattern in patterns:
        absolute = Path(pattern).is_absolute()
        root = Path(Path(pattern).anchor) if absolute else folder
        parts = Path(pattern).relative_to(root) if absolute else Path(pattern)
        literal = root / parts
        hits = [literal] if literal.is_file() else sorted(root.glob(str(parts)))
        files = [path for path in hits if path.is_file()]
        if not files:
            raise _no_file(folder, literal, pattern)
        for path in files:
            found.setdefault(path.resolve(), path)
    return tuple(found.values())


def _no_file(folder: Path, literal: Path, pattern: str) -> SourceError:
    home = literal.parent
    if not home.is_dir():
        there = f"the folder {relative_name(home, folder)!r} does not exist"
    else:
        names = sorted(p.name + ("/" if p.is_dir() else "") for p in home.iterdir())
        more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
        where = relative_name(home, folder)
        there = f"in {where!r} there are: {', '.join(names[:_LISTED])}{more}"
        there = there if names else f"{where!r} is empty"
    return SourceError(
        f"no file matches {pattern!r}; {there}",
        place="[[outcomes]] files",
        allowed="names and globs relative to the folder of the study file",
        remedy="Correct the name, or put the file there.",
    )


def relative_name(path: Path, folder: Path) -> str:
    """Return the name of a file relative to the study's folder, with forward slashes."""
    return Path(os.path.relpath(path, folder)).as_posix()


def read_sheet(path: Path, name: str, sheet: str | None = None) -> Sheet:
    """Read a CSV, Parquet or XLSX file.

    Raises
    ------
    SourceError
        For another kind of file, and for a file that cannot be read.
    """
    kind = path.suffix.lower().lstrip(".")
    if kind == "csv":
        return read_csv(path, name)
    if kind == "parquet":
        return _read_parquet(path, name)
    if kind == "xlsx":
        return _read_xlsx(path, name, sheet)
    raise SourceError(
        f"a file of kind {path.suffix!r} cannot be read",
        place=name,
        allowed=", ".join(f".{suffix}" for suffix in _SUFFIXES),
        remedy="Save it as CSV UTF-8.",
    )


def read_csv(path: Path, name: str) -> Sheet:
    """Read a CSV file as text, in UTF-8 or else windows-1252.

    Raises
    ------
    SourceError
        When it is in neither, empty, or a row has more cells than the header.
    """
    text, encoding = decoded(path.read_bytes(), name)
    body = text.lstrip("\r\n")
    above = text[: len(text) - len(body)].count("\n")
    header = next(csv.reader(io.StringIO(body)), [])
    if not any(heading.strip() for heading in header):
        raise SourceError("the file is empty", place=name, allowed="a header line and rows")
    try:
        cells = pl.read_csv(body.encode(), infer_schema=False)
    except pl.exceptions.PolarsError as error:
        raise _ragged(body, above, name) from error
    cells.columns = headings(header)
    rows = pl.Series("row", range(above + 2, above + 2 + cells.height), dtype=pl.Int64)
    return Sheet(name=name, cells=cells, rows=rows, encoding=encoding)


def decoded(raw: bytes, name: str) -> tuple[str, str]:
    """Return a file's text, and the name of its encoding.

    Raises
    ------
    SourceError
        When it is neither UTF-8 nor windows-1252.
    """
    # A file that is valid UTF-8 and holds other than ASCII is hardly ever anything else;
    # windows-1252 takes nearly any bytes, so it must come second.
    for codec, title in (("utf-8-sig", "utf-8"), ("cp1252", "windows-1252")):
        try:
            text = raw.decode(codec)
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            return text, title
    raise SourceError(
        "the file is not text in a known encoding",
        place=name,
        allowed="UTF-8 (with or without byte order mark) or windows-1252",
        remedy="Save it as CSV UTF-8.",
    )


def _ragged(body: str, above: int, name: str) -> SourceError:
    wide = 0
    for number, record in enumerate(csv.reader(io.StringIO(body)), start=above + 1):
        wide = wide or len(record)
        if len(record) > wide:
            return SourceError(
                f"the row has {len(record)} cells, the header {wide}",
                place=f"{name}, row {number}",
                allowed="one cell a column",
                remedy='Put quotation marks around cells that hold a comma: "1,234".',
            )
    return SourceError(
        "the file is not well-formed CSV: a quotation mark is opened and not closed",
        place=name,
        remedy="Look for a stray quotation mark.",
    )


def _read_parquet(path: Path, name: str) -> Sheet:
    try:
        cells = pl.read_parquet(path)
    except (pl.exceptions.PolarsError, OSError) as error:
        raise SourceError(
            "the file cannot be read as Parquet", place=name, remedy="Write it again."
        ) from error
    rows = pl.Series("row", range(2, cells.height + 2), dtype=pl.Int64)
    return Sheet(name=name, cells=cells, rows=rows, encoding="parquet")


def _read_xlsx(path: Path, name: str, sheet: str | None) -> Sheet:
    with opened(path, name) as workbook:
        chosen = chosen_sheet(workbook.sheetnames, sheet, name)
        records = list(workbook[chosen].iter_rows(values_only=True))
    while records and is_blank(records[-1]):
        records.pop()
    above = next((i for i, record in enumerate(records) if not is_blank(record)), 0)
    records = records[above:]
    if not records:
        raise SourceError(f"the sheet {chosen!r} is empty", place=name, allowed="a header and rows")
    titles = headings(records[0])
    columns = {
        heading: [cell_text(record[i]) if i < len(record) else None for record in records[1:]]
        for i, heading in enumerate(titles)
    }
    cells = pl.DataFrame(columns, schema=dict.fromkeys(titles, pl.String))
    rows = pl.Series("row", range(above + 2, above + 2 + cells.height), dtype=pl.Int64)
    return Sheet(name=name, cells=cells, rows=rows, encoding="xlsx")


def chosen_sheet(names: list[str], wanted: str | None, place: str) -> str:
    """Return the sheet of a workbook that is wanted, or its only one.

    Raises
    ------
    SourceError
        When it is not there, or several are and none is wanted.
    """
    listed = ", ".join(repr(n) for n in names)
    if wanted is None and len(names) == 1:
        return names[0]
    if wanted is None:
        raise SourceError(
            f"the workbook has {len(names)} sheets",
            place=place,
            allowed=listed,
            remedy='Name one in the study file: sheet = "...".',
        )
    found = next((n for n in names if n.strip() == wanted.strip()), None)
    if found is None:
        raise SourceError(f"the workbook has no sheet {wanted!r}", place=place, allowed=listed)
    return found


def _as_text(column: pl.Series) -> pl.Series:
    if column.dtype == pl.String:
        return column
    if column.dtype == pl.Boolean:
        return column.cast(pl.Int8).cast(pl.String)
    if isinstance(column.dtype, pl.Datetime):
        return column.dt.date().cast(pl.String)
    if column.dtype.is_float():
        whole = column.is_finite() & (column == column.round()) & (column.abs() < 2**53)
        as_whole = column.cast(pl.Int64, strict=False).cast(pl.String)
        return as_whole.zip_with(whole.fill_null(value=False), column.cast(pl.String))
    return column.cast(pl.String)
