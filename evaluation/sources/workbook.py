"""Workbooks as grids of text: opening them with care, and finding a header by what it says.

Publishers move their header rows from month to month, so nothing here counts rows from the top: a
row is found by what stands in it. Row numbers are those that a spreadsheet shows, from 1.
"""

from __future__ import annotations

import warnings
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from evaluation.errors import SourceError
from evaluation.sources.labels import even

if TYPE_CHECKING:
    from openpyxl import Workbook

__all__ = ["Grid", "cell_text", "headings", "is_blank", "opened", "read_grids"]

Cells = tuple[str | None, ...]

# The largest monthly workbook of NHS England unpacks to some 60 MB; one that unpacks to more than
# this is damaged or made to fill the memory.
_MOST_UNPACKED = 2**30


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
        empty cell. Rows may differ in length.
    """

    name: str
    title: str
    rows: tuple[Cells, ...]

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
        When it is no workbook, or one that would fill the memory.
    """
    import openpyxl
    from openpyxl.utils.exceptions import InvalidFileException

    try:
        with zipfile.ZipFile(path) as parts:
            unpacked = sum(part.file_size for part in parts.infolist())
    except zipfile.BadZipFile as error:
        raise _no_workbook(name) from error
    if unpacked > _MOST_UNPACKED:
        raise SourceError(
            f"the workbook unpacks to {unpacked / 2**30:,.1f} GiB",
            place=name,
            allowed=f"at most {_MOST_UNPACKED / 2**30:.0f} GiB",
            remedy="Save the sheet that you need as CSV UTF-8.",
        )
    with warnings.catch_warnings():
        # Workbooks that were not written by Excel lack a default style; nothing hangs on it.
        warnings.filterwarnings("ignore", category=UserWarning, module="openpyxl")
        try:
            workbook = openpyxl.load_workbook(path, read_only=True, data_only=True)
        except (zipfile.BadZipFile, KeyError, ValueError, InvalidFileException) as error:
            raise _no_workbook(name) from error
        try:
            yield workbook
        finally:
            workbook.close()


def _no_workbook(name: str) -> SourceError:
    return SourceError(
        "the file cannot be read as a workbook", place=name, remedy="Save it as .xlsx."
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
        When the file cannot be read as a workbook.
    """
    names = {even(title): title for title in wanted}
    grids: dict[str, Grid] = {}
    with opened(path, name) as workbook:
        for sheet in workbook.worksheets:
            asked = names.get(even(sheet.title))
            if asked is None or asked in grids:
                continue
            # Publishers' tools write extents that are too small; without them every row is read.
            sheet.reset_dimensions()
            rows = [tuple(map(cell_text, cells)) for cells in sheet.iter_rows(values_only=True)]
            while rows and is_blank(rows[-1]):
                rows.pop()
            title = sheet.title.strip()
            grids[asked] = Grid(name=f"{name}!{title}", title=title, rows=tuple(rows))
    return grids


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


def cell_text(cell: object) -> str | None:
    """Return a cell as text: dates as 2024-04-01, whole numbers without ".0", None when empty."""
    if cell is None:
        return None
    if isinstance(cell, bool):
        return str(int(cell))
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() else repr(cell)
    if isinstance(cell, datetime):
        return cell.date().isoformat()
    return cell.isoformat() if isinstance(cell, date) else str(cell)
