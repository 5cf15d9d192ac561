"""Workbooks as grids of text: opening them with care, and finding a header by what it says.

Publishers move their header rows from month to month, so nothing here counts rows from the top: a
row is found by what stands in it. Row numbers are those that a spreadsheet shows, from 1.
"""

from __future__ import annotations

import warnings
import zipfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from evaluation.errors import SourceError
from evaluation.sources.foreign import look_at
from evaluation.sources.labels import even
from evaluation.sources.workbook_marks import Block, marks_of, no_workbook, whole_parts

if TYPE_CHECKING:
    from openpyxl import Workbook

__all__ = [
    "Grid",
    "cell_text",
    "headings",
    "is_blank",
    "opened",
    "read_grid",
    "read_grids",
    "repeated_headings",
]

Cells = tuple[str | None, ...]

# The largest monthly workbook of NHS England unpacks to some 60 MB; one that unpacks to more than
# this is damaged or made to fill the memory.
_MOST_UNPACKED = 2**29
# What a spreadsheet program can hold, and a sheet of 25 columns to the last of its rows.
_MOST_ROWS = 2**20
_FIRST_OF_MACINTOSH = 1904
_FROM_1904 = (
    "days are counted from 1904: a number that stands for a day means one four years later than it "
    "does elsewhere"
)
_MOST_CELLS = 25 * 2**20


class _Sheet(Protocol):
    """A sheet of a workbook that is read row by row."""

    title: str

    def reset_dimensions(self) -> None: ...

    def iter_rows(self, *, values_only: bool) -> Iterable[tuple[object, ...]]: ...


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Grid:
    """One sheet as text.

    Parameters
    ----------
    name : str
        ``file!sheet``, as messages and the ledger name it.
    title : str
        The name of the sheet without spaces around.
    rows : tuple of tuple of str or None
        Every row from the first; dates as 2024-04-01, whole numbers without ".0", None for an
        empty cell. Rows may differ in length. A formula whose value was not saved stands as text.
    merged : tuple of Block
        Blocks of cells that are merged into one.
    notes : tuple of str
        What a reader must know of the sheet.
    """

    name: str
    title: str
    rows: tuple[Cells, ...]
    merged: tuple[Block, ...] = ()
    notes: tuple[str, ...] = ()

    def below(self, at: int) -> list[Cells]:
        """Return the rows below the row ``at``, with words in cells that are merged into another.

        Only the first cell of a merged block holds its figure; that the others are empty does not
        mean that nothing was reported.
        """
        rows = list(self.rows[at + 1 :])
        # A row ends with its last figure: cells beyond it may be merged into another, too.
        wide = max(map(len, self.rows[at:]), default=0)
        for block in self.merged:
            for row in range(max(block.top, at + 1), min(block.bottom + 1, len(self.rows))):
                rows[row - at - 1] = block.told(row, rows[row - at - 1], wide)
        return rows

    def told(self, index: int) -> Cells:
        """Return a row with words in cells that are merged into another, as :meth:`below`."""
        cells = self.rows[index]
        wide = max((block.right + 1 for block in self.merged), default=0)
        for block in self.merged:
            if block.top <= index <= block.bottom:
                cells = block.told(index, cells, max(wide, len(cells)))
        return cells

    def find(self, wanted: Iterable[str], *, start: int = 0) -> int | None:
        """Return the index of the first row that holds all these headings, None where none does.

        Spaces, dashes and case do not matter; ``start`` is the index of the first row looked at.
        """
        needed = {even(heading) for heading in wanted}
        for index in range(start, len(self.rows)):
            if needed <= {even(cell) for cell in self.rows[index] if cell}:
                return index
        return None


@contextmanager
def opened(path: Path, name: str) -> Iterator[Workbook]:
    """Open a workbook to be read row by row.

    Raises
    ------
    SourceError
        When it is no workbook, a damaged one, or one that would fill the memory.
    """
    import openpyxl

    _refuse_large(path, name)
    with warnings.catch_warnings():
        # Workbooks that were not written by Excel lack a default style; nothing hangs on it. A
        # day that no calendar has is read as #VALUE!, and refused as such.
        warnings.filterwarnings("ignore", category=UserWarning, module="openpyxl")
        with whole_parts(name):
            workbook = openpyxl.load_workbook(path, read_only=True, data_only=True)
        try:
            yield workbook
        finally:
            workbook.close()


def _refuse_large(path: Path, name: str) -> None:
    look_at(path, name, suffix=".xlsx")
    try:
        with zipfile.ZipFile(path) as parts:
            unpacked = sum(part.file_size for part in parts.infolist())
            names = parts.namelist()
            is_locked = any(part.flag_bits & 1 for part in parts.infolist())
    except (zipfile.BadZipFile, OSError, NotImplementedError) as error:
        raise no_workbook(name) from error
    if len(set(names)) < len(names):
        raise no_workbook(name)
    if is_locked:
        raise SourceError(
            "the parts of the workbook are encrypted",
            place=name,
            allowed="a workbook that opens without a password",
            remedy="Open it in a spreadsheet program and save it as .xlsx without a password.",
        )
    if unpacked > _MOST_UNPACKED:
        raise SourceError(
            f"the workbook unpacks to {unpacked / 2**30:,.1f} GiB",
            place=name,
            allowed=f"at most {_MOST_UNPACKED / 2**30:.1f} GiB",
            remedy="Save the sheet that you need as CSV UTF-8.",
        )


def read_grids(path: Path, name: str, wanted: Iterable[str]) -> Mapping[str, Grid]:
    """Read sheets of a workbook.

    Parameters
    ----------
    path, name : Path, str
        The file, and what messages call it.
    wanted : iterable of str
        Names of sheets; spaces, dashes and case do not matter.

    Returns
    -------
    mapping of str to Grid
        The name as wanted to its sheet. Sheets that are absent are absent here.

    Raises
    ------
    SourceError
        When the file cannot be read as a workbook, or two of its sheets go by a wanted name.
    """
    names = {even(title): title for title in wanted}
    grids: dict[str, Grid] = {}
    with opened(path, name) as workbook:
        for sheet in workbook.worksheets:
            asked = names.get(even(sheet.title))
            if asked is None:
                continue
            if asked in grids:
                raise SourceError(
                    f"two sheets are called {asked!r}, but for spaces and capitals",
                    place=name,
                    allowed="one sheet of each name",
                    remedy="Which of them is meant is not known: rename or delete the other.",
                )
            grids[asked] = _grid(path, name, sheet, workbook)
    return grids


def read_grid(path: Path, name: str, choose: Callable[[list[str]], str]) -> Grid:
    """Read the sheet of a workbook that is chosen among the names of its sheets.

    Raises
    ------
    SourceError
        When the file cannot be read as a workbook.
    """
    with opened(path, name) as workbook:
        sheets = {sheet.title: sheet for sheet in workbook.worksheets}
        return _grid(path, name, sheets[choose(list(sheets))], workbook)


def _grid(path: Path, name: str, sheet: _Sheet, workbook: Workbook) -> Grid:
    with whole_parts(name):
        marks = marks_of(path, sheet.title, name)
        rows = list(_rows(sheet, name))
    for (row, column), formula in sorted(marks.formulas.items()):
        # Rows at the end that hold nothing but such formulas are not blank.
        rows += [()] * (row + 1 - len(rows))
        cells = rows[row] + (None,) * (column + 1 - len(rows[row]))
        if cells[column] is None:
            rows[row] = (*cells[:column], formula, *cells[column + 1 :])
    title = sheet.title.strip()
    is_of_1904 = workbook.epoch.year == _FIRST_OF_MACINTOSH
    notes = (*marks.notes, _FROM_1904) if is_of_1904 else marks.notes
    return Grid(
        name=f"{name}!{title}",
        title=title,
        rows=tuple(rows),
        merged=marks.merged,
        notes=notes,
    )


def _rows(sheet: _Sheet, name: str) -> Iterator[Cells]:
    """Yield the rows of a sheet as text, to the last that holds anything."""
    # Publishers' tools write extents that are too small, a stray format makes them huge: without
    # them every row is read, and no more than is there.
    sheet.reset_dimensions()
    blank = cells_read = 0
    for number, cells in enumerate(sheet.iter_rows(values_only=True), start=1):
        cells_read += len(cells)
        if number > _MOST_ROWS or cells_read > _MOST_CELLS:
            raise SourceError(
                f"the sheet {sheet.title!r} has over {number - 1:,} rows, {cells_read:,} cells",
                place=name,
                allowed=f"at most {_MOST_ROWS:,} rows and {_MOST_CELLS:,} cells",
                remedy="Save the rows and columns that you need as CSV UTF-8.",
            )
        if is_blank(cells):
            blank += 1
            continue
        yield from ((),) * blank
        blank = 0
        yield tuple(map(cell_text, cells))


def is_blank(cells: Iterable[object]) -> bool:
    """Whether a row holds nothing."""
    return all(cell is None or cell == "" for cell in cells)


def headings(cells: Iterable[object]) -> list[str]:
    """Return headings without spaces around, made unique: a repeat is told by its number."""
    taken: dict[str, int] = {}
    names = []
    for cell in cells:
        heading = " ".join(str("" if cell is None else cell).split())
        taken[heading] = taken.get(heading, 0) + 1
        names.append(heading if taken[heading] == 1 else f"{heading} ({taken[heading]})")
    return names


def repeated_headings(cells: Iterable[object]) -> frozenset[str]:
    """Return the headings that are given more than once, without spaces around."""
    times = Counter(" ".join(str("" if cell is None else cell).split()) for cell in cells)
    return frozenset(heading for heading, n in times.items() if heading and n > 1)


def cell_text(cell: object) -> str | None:
    """Return a cell as text: dates as 2024-04-01, 3 for 3.0, true or false, None when empty."""
    if cell is None:
        return None
    if isinstance(cell, bool):
        return str(cell).lower()
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() else repr(cell)
    if isinstance(cell, datetime):
        return cell.date().isoformat()
    return cell.isoformat() if isinstance(cell, date) else str(cell)
