"""Files under the columns that a source declares, whatever the files call them.

A declared column is found by its name, or by the heading that the study gives it in ``headings``;
spaces, dashes and case do not matter. The header may stand below notes, in any row.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from difflib import get_close_matches
from pathlib import Path

import polars as pl

from evaluation.errors import SourceError
from evaluation.sources.csv_files import contents, decoded, read_csv, records
from evaluation.sources.declaration import Source
from evaluation.sources.files import chosen_sheet, read_sheet
from evaluation.sources.labels import even, listed
from evaluation.sources.sheets import Sheet
from evaluation.sources.workbook import Grid, is_blank, read_grid
from evaluation.sources.workbook_tables import table_below
from evaluation.study import Outcome

__all__ = ["declared_text", "headings_in", "read_below_notes", "require_declared"]


def _squeezed(heading: str) -> str:
    return even(heading).replace(" ", "")


def headings_in(there: Iterable[str], source: Source, outcome: Outcome) -> dict[str, str]:
    """Return the heading of each declared column that is among ``there``, by its declared name."""
    known: dict[str, str] = {}
    for heading in there:
        known.setdefault(_squeezed(heading), heading)
    called = {c.name: outcome.headings.get(c.name, c.name) for c in source.columns}
    return {name: known[_squeezed(h)] for name, h in called.items() if _squeezed(h) in known}


def require_declared(
    there: Sequence[str], needed: Iterable[str], source: Source, outcome: Outcome, place: str
) -> None:
    """Hold that declared columns are among the headings of a file.

    Raises
    ------
    SourceError
        Naming the file, the column, the columns that are there, and how to rename it.
    """
    found = headings_in(there, source, outcome)
    needed = list(needed)
    absent = [name for name in needed if name not in found]
    if not absent:
        return _refuse_twice(there, [found[name] for name in needed], place)
    name = absent[0]
    called = outcome.headings.get(name)
    near = get_close_matches(called or name, there, n=1, cutoff=0.6)
    guess = near[0] if near else "its heading"
    remedy = f'If the file calls it something else: headings = {{ "{name}" = "{guess}" }}.'
    if not source.takes_headings:
        remedy = f"Get the file anew from {source.publisher}."
    shown = f" ({name!r} in the study file's headings)" if called else ""
    raise SourceError(
        f"there is no column {called or name!r}{shown}",
        place=place,
        allowed=f"the columns that are there: {listed(there)}",
        remedy=remedy,
    )


def _refuse_twice(there: Sequence[str], found: Iterable[str], place: str) -> None:
    """Refuse a heading that stands twice, but for spaces, dashes and case."""
    times = Counter(map(_squeezed, there))
    twice = next((heading for heading in found if times[_squeezed(heading)] > 1), None)
    if twice is not None:
        raise SourceError(
            f"two columns are called {twice!r}",
            place=f"{place}, header",
            allowed="each column that is read under one heading",
            remedy="Which of them is meant is not known: rename or delete the other.",
        )


def declared_text(
    sheet: Sheet, needed: Iterable[str], source: Source, outcome: Outcome
) -> pl.DataFrame:
    """Return the declared columns of a file as text, under their declared names.

    Parameters
    ----------
    sheet : Sheet
        The file.
    needed : iterable of str
        Declared columns that must be there.
    source, outcome : Source, Outcome
        The declaration, and what the study calls its columns.

    Returns
    -------
    polars.DataFrame
        ``file``, ``row`` and every declared column, in the order of the declaration; null
        throughout where the file has no such column.

    Raises
    ------
    SourceError
        When a needed column is not there.
    """
    needed = list(needed)
    there = sheet.cells.columns
    require_declared(there, needed, source, outcome, sheet.name)
    found = headings_in(there, source, outcome)
    text = sheet.text(dict.fromkeys(found.values()), needed=[found[name] for name in needed])
    return text.select(
        "file",
        "row",
        *(
            (pl.col(found[c.name]) if c.name in found else pl.lit(None, pl.String)).alias(c.name)
            for c in source.columns
        ),
    )


def read_below_notes(
    path: Path, name: str, marks: Iterable[str], sheets: Iterable[str | None]
) -> Sheet:
    """Read a CSV, Parquet or XLSX file whose header may stand below notes.

    Parameters
    ----------
    path, name : Path, str
        The file, and what messages call it.
    marks : iterable of str
        Headings that tell the header row from the notes.
    sheets : iterable of str or None
        Names of the sheet of a workbook, the first that is there counts; None is the only one.

    Raises
    ------
    SourceError
        When the file cannot be read, or no row holds the headings.
    """
    kind = path.suffix.lower()
    if kind == ".xlsx":
        return table_below(_grid_of_workbook(path, name, list(sheets)), marks)
    if kind == ".csv":
        return _read_csv(path, name, list(marks))
    return read_sheet(path, name)


def _grid_of_workbook(path: Path, name: str, sheets: Sequence[str | None]) -> Grid:
    wanted = [even(sheet) for sheet in sheets if sheet is not None]

    def choose(titles: list[str]) -> str:
        there = {even(title): title for title in titles}
        found = next((there[title] for title in wanted if title in there), None)
        return found or chosen_sheet(titles, sheets[0] if sheets else None, name)

    return read_grid(path, name, choose)


def _read_csv(path: Path, name: str, marks: Sequence[str]) -> Sheet:
    text, encoding = decoded(contents(path, name), name)
    rows = tuple(tuple(cell if cell else None for cell in record) for record in records(text, name))
    grid = Grid(name=name, title=name, rows=rows)
    at = grid.find(marks)
    if at is None and len(rows) > 1 and len(rows[0]) < max(map(len, rows)):
        return table_below(grid, marks)
    if at is None or all(is_blank(row) for row in rows[:at]):
        sheet = read_csv(path, name)
        # A row of one cell is a note below the table.
        cut = {row: cells for row, cells in sheet.short.items() if cells > 1}
        return replace(sheet, short=cut)
    wide = len(rows[at])
    for number, row in enumerate(rows[at + 1 :], start=at + 2):
        if not is_blank(row[wide:]):
            raise SourceError(
                f"the row has {len(row)} cells, the header {wide}",
                place=f"{name}, row {number}",
                allowed="one cell a column",
                remedy='Put quotation marks around cells that hold a comma: "1,234".',
            )
    short = {
        number: len(row)
        for number, row in enumerate(rows[at + 1 :], start=at + 2)
        if 1 < len(row) < wide and not is_blank(row)
    }
    return replace(table_below(grid, marks), encoding=encoding, short=short)
