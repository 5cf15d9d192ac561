"""What the values of a sheet do not tell: formulas without one, merged cells, hidden rows.

A formula that no spreadsheet program has worked out has no value, and all but the first of merged
cells are empty. Neither means that nothing was reported, so they are found in the sheet's XML.
"""

from __future__ import annotations

import re
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO
from xml.etree import ElementTree as ET

from evaluation.errors import SourceError

__all__ = ["Block", "Marks", "marks_of", "no_workbook", "whole_parts"]

# What openpyxl and what it stands on raise when a part of a workbook is not what it should be.
_DAMAGES = (
    *(zipfile.BadZipFile, zlib.error, ET.ParseError, EOFError, OSError),
    *(ArithmeticError, AttributeError, LookupError, NotImplementedError, TypeError, ValueError),
)
_WORKBOOK = "xl/workbook.xml"
_RELATIONS = "xl/_rels/workbook.xml.rels"
_ID = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"
_TELLING = re.compile(rb'<(?:\w+:)?(?:f[ >/]|mergeCell )|hidden="(?:1|true)"')
_ROW = re.compile(rb'<(?:\w+:)?row\b[^>]*?\sr="(\d+)"')
_CHUNK = 2**20
_LONGEST_TAG = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """Cells that are merged into one: indices of rows and columns, both ends included."""

    top: int
    left: int
    bottom: int
    right: int
    name: str

    def told(self, row: int, cells: tuple[str | None, ...], wide: int) -> tuple[str | None, ...]:
        """Return a row of ``wide`` cells with words in those that are merged into another."""
        changed = [*cells, *(None,) * (min(self.right + 1, wide) - len(cells))]
        for column in range(self.left, min(self.right + 1, wide)):
            if (row, column) != (self.top, self.left) and changed[column] is None:
                changed[column] = f"merged with {self.name}"
        return tuple(changed)


@dataclass(frozen=True, slots=True, kw_only=True)
class Marks:
    """What is found: formulas without a value by row and column (indices), and merged blocks."""

    formulas: Mapping[tuple[int, int], str] = field(default_factory=dict)
    merged: tuple[Block, ...] = ()
    notes: tuple[str, ...] = ()


@contextmanager
def whole_parts(name: str) -> Iterator[None]:
    """Turn what a damaged part raises into an error that names the file.

    Raises
    ------
    SourceError
        When a part is cut off or is not what it should be.
    """
    try:
        yield
    except _DAMAGES as error:
        raise no_workbook(name) from error


def no_workbook(name: str) -> SourceError:
    """Return the error for a file that is no whole workbook."""
    return SourceError(
        "the file cannot be read as a workbook",
        place=name,
        allowed="a whole workbook (.xlsx)",
        remedy="It may be cut off or damaged: get it again, or open it in a spreadsheet program "
        "and save it as .xlsx.",
    )


def marks_of(path: Path, title: str, name: str) -> Marks:
    """Return what the values of a sheet do not tell; nothing where the sheet is not found.

    Raises
    ------
    SourceError
        When rows do not stand in their order, of which readers would lose some.
    """
    with zipfile.ZipFile(path) as parts:
        part = _part(parts, title)
        if part is None:
            return Marks()
        with parts.open(part) as stream:
            if not _has_any(stream, name):
                return Marks()
        with parts.open(part) as stream:
            return _found(stream)


def _part(parts: zipfile.ZipFile, title: str) -> str | None:
    there = set(parts.namelist())
    if not {_WORKBOOK, _RELATIONS} <= there:
        return None
    sheets = ET.fromstring(parts.read(_WORKBOOK)).iter()
    wanted = next((s.get(_ID) for s in sheets if s.get("name") == title and s.get(_ID)), None)
    for relation in ET.fromstring(parts.read(_RELATIONS)):
        target = (relation.get("Target") or "").removeprefix("/")
        path = target if target.startswith("xl/") else f"xl/{target}"
        if relation.get("Id") == wanted and path in there:
            return path
    return None


def _has_any(stream: IO[bytes], name: str) -> bool:
    """Whether anything is to be told of a sheet, whose rows must stand in their order."""
    found, last, rest = False, 0, b""
    while chunk := stream.read(_CHUNK):
        text = rest + chunk
        # A tag that is cut off is looked at with what follows.
        whole = text.rfind(b"<")
        for row in _ROW.finditer(text, 0, whole):
            number = int(row[1])
            if number <= last:
                raise _out_of_order(number, last, name)
            last = number
        found = found or _TELLING.search(text, 0, whole) is not None
        rest = text[whole:][:_LONGEST_TAG]
    return found


def _out_of_order(number: int, last: int, name: str) -> SourceError:
    return SourceError(
        f"row {number} follows row {last} in the file",
        place=name,
        allowed="rows in their order, each once",
        remedy="The workbook is damaged, or was not written by a spreadsheet program: open it in "
        "one and save it as .xlsx.",
    )


def _found(stream: IO[bytes]) -> Marks:
    formulas: dict[tuple[int, int], str] = {}
    merged: list[Block] = []
    hidden: list[str] = []
    for _, element in ET.iterparse(stream):
        kind = element.tag.rpartition("}")[2]
        if kind == "c":
            formulas |= _without_value(element)
        elif kind == "mergeCell":
            merged.append(_block(element.get("ref") or ""))
        elif kind == "row":
            if element.get("hidden") in ("1", "true"):
                hidden.append(element.get("r") or "?")
            element.clear()
    notes: tuple[str, ...] = ()
    if hidden:
        named = f"row {hidden[0]}" if len(hidden) == 1 else f"rows {hidden[0]} to {hidden[-1]}"
        notes = (f"{len(hidden):,} hidden in the sheet ({named}), read like the others",)
    return Marks(formulas=formulas, merged=tuple(merged), notes=notes)


def _without_value(cell: ET.Element) -> dict[tuple[int, int], str]:
    children = {child.tag.rpartition("}")[2]: child for child in cell}
    formula, value = children.get("f"), children.get("v")
    # A formula that gives an empty text has a value: nothing, as text.
    has_value = (value is not None and value.text) or cell.get("t") == "str"
    if formula is None or has_value:
        return {}
    place = _block(cell.get("r") or "")
    text = f"={formula.text or '...'} (a formula whose value was not saved)"
    return {(place.top, place.left): text}


def _block(reference: str) -> Block:
    """Return the block that a reference such as "C3" or "C3:D9" means."""
    from openpyxl.utils.cell import coordinate_to_tuple

    first, _, last = reference.partition(":")
    top, left = coordinate_to_tuple(first)
    bottom, right = coordinate_to_tuple(last or first)
    return Block(top=top - 1, left=left - 1, bottom=bottom - 1, right=right - 1, name=first)
