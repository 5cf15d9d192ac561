"""Workbooks made of the good table, and damage to their parts."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import openpyxl
from openpyxl import Workbook
from openpyxl.worksheet.worksheet import Worksheet

from faulty.edits import Build, rows_of, swap

__all__ = ["SHEET", "Change", "as_book", "bomb", "bookwise", "data", "partwise", "saved"]

Change = Callable[[Workbook], object]


SHEET = "xl/worksheets/sheet1.xml"
_BLOCK = 2**20


def saved(sheets: dict[str, list[list[object]]], change: Change | None = None) -> bytes:
    """Return a workbook of these sheets, changed before it is saved."""
    book = openpyxl.Workbook()
    book.remove(book.worksheets[0])
    for title, rows in sheets.items():
        sheet = book.create_sheet(title)
        for row in rows:
            sheet.append(row)
    if change is not None:
        change(book)
    stream = io.BytesIO()
    book.save(stream)
    return stream.getvalue()


def data(book: Workbook) -> Worksheet:
    """Return the sheet of the good table."""
    sheet = book["Data"]
    assert isinstance(sheet, Worksheet)
    return sheet


def _typed(cell: str) -> int | str | None:
    return int(cell) if cell.isdigit() else cell or None


def as_book(change: Change | None = None, title: str = "Data") -> Build:
    """Save the good table as a workbook, and name it in the study file."""

    def build(folder: Path) -> None:
        text = (folder / "outcomes.csv").read_text(encoding="utf-8")
        rows: list[list[object]] = [[_typed(cell) for cell in row] for row in rows_of(text)]
        (folder / "outcomes.xlsx").write_bytes(saved({title: rows}, change))
        (folder / "outcomes.csv").unlink()
        swap("study.toml", "outcomes.csv", "outcomes.xlsx")(folder)

    return build


def bookwise(change: Callable[[bytes], bytes]) -> Build:
    """Save the good table as a workbook, and change its bytes."""

    def build(folder: Path) -> None:
        as_book()(folder)
        path = folder / "outcomes.xlsx"
        path.write_bytes(change(path.read_bytes()))

    return build


def partwise(part: str, change: Callable[[bytes], bytes]) -> Build:
    """Save the good table as a workbook, and change one of its parts."""

    def rezip(raw: bytes) -> bytes:
        stream = io.BytesIO()
        with (
            zipfile.ZipFile(io.BytesIO(raw)) as old,
            zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as new,
        ):
            for item in old.infolist():
                content = old.read(item)
                if item.filename == part:
                    changed = change(content)
                    assert changed != content, "nothing was damaged"
                    content = changed
                new.writestr(item.filename, content)
        return stream.getvalue()

    return bookwise(rezip)


def bomb(blocks: int, *, declared: int | None = None) -> Callable[[bytes], bytes]:
    """Return a change that puts a sheet of so many MiB of spaces into a workbook.

    The stream is one compressed MiB over and over, so that it is made in no time. ``declared`` is
    the size that the workbook claims for it, the true one by default.
    """

    def fill(raw: bytes) -> bytes:
        maker = zlib.compressobj(9, zlib.DEFLATED, -15)
        block = maker.compress(b" " * _BLOCK) + maker.flush(zlib.Z_FULL_FLUSH)
        packed = block * blocks + maker.flush()
        size = blocks * _BLOCK if declared is None else declared
        stream = io.BytesIO()
        with (
            zipfile.ZipFile(io.BytesIO(raw)) as old,
            zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED) as new,
        ):
            for item in old.infolist():
                new.writestr(item.filename, packed if item.filename == SHEET else old.read(item))
        return _claimed(stream.getvalue(), len(packed), size)

    return fill


def _claimed(raw: bytes, packed: int, size: int) -> bytes:
    """Return an archive whose sheet says that it is deflated and unpacks to ``size``."""
    name = SHEET.encode()
    changed = bytearray(raw)
    for signature, method, sizes, names in ((b"PK\3\4", 8, 18, 30), (b"PK\1\2", 10, 20, 46)):
        at = -1
        while (at := raw.find(signature, at + 1)) >= 0:
            if raw[at + names : at + names + len(name)] == name:
                struct.pack_into("<H", changed, at + method, 8)
                struct.pack_into("<II", changed, at + sizes, packed, size)
    return bytes(changed)
