"""Files under the columns that a source declares, whatever the files call them.

A declared column is found by its name, or by the heading that the study gives it in ``headings``;
spaces, dashes and case do not matter. The header may stand below notes, in any row.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import replace
from difflib import get_close_matches
from pathlib import Path

import polars as pl

from evaluation.errors import SourceError
from evaluation.sources.declaration import Source
from evaluation.sources.files import Sheet, chosen_sheet, decoded, read_csv, read_sheet
from evaluation.sources.labels import even
from evaluation.sources.workbook import Grid, is_blank, opened, read_grids
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
    absent = [name for name in needed if name not in found]
    if not absent:
        return
    name = absent[0]
    called = outcome.headings.get(name)
    near = get_close_matches(called or name, there, n=1, cutoff=0.6)
    guess = near[0] if near else "its heading"
    remedy = f'If the file calls it something else: headings = {{ "{name}" = "{guess}" }}.'
    separator = next((s for s in (";", "\t", "|") if len(there) == 1 and s in there[0]), None)
    if separator:
        remedy = f"The cells seem to be separated by {separator!r}; save the file with commas."
    elif not source.takes_headings:
        remedy = f"Get the file anew from {source.publisher}."
    shown = f" ({name!r} in the study file's headings)" if called else ""
    raise SourceError(
        f"there is no column {called or name!r}{shown}",
        place=place,
        allowed="the columns that are there: " + ", ".join(repr(c) for c in there),
        remedy=remedy,
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
    there = sheet.cells.columns
    require_declared(there, needed, source, outcome, sheet.name)
    found = headings_in(there, source, outcome)
    text = sheet.text(dict.fromkeys(found.values()))
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
    with opened(path, name) as workbook:
        titles = list(workbook.sheetnames)
    there = {even(title) for title in titles}
    wanted = next((s for s in sheets if s is not None and even(s) in there), None)
    asked_first = sheets[0] if sheets else None
    title = wanted if wanted is not None else chosen_sheet(titles, asked_first, name)
    return read_grids(path, name, [title])[title]


def _read_csv(path: Path, name: str, marks: Sequence[str]) -> Sheet:
    text, encoding = decoded(path.read_bytes(), name)
    rows = tuple(
        tuple(cell if cell else None for cell in record) for record in csv.reader(io.StringIO(text))
    )
    grid = Grid(name=name, title=name, rows=rows)
    at = grid.find(marks)
    if at is None or all(is_blank(row) for row in rows[:at]):
        return read_csv(path, name)
    wide = len(rows[at])
    for number, row in enumerate(rows[at + 1 :], start=at + 2):
        if not is_blank(row[wide:]):
            raise SourceError(
                f"the row has {len(row)} cells, the header {wide}",
                place=f"{name}, row {number}",
                allowed="one cell a column",
                remedy='Put quotation marks around cells that hold a comma: "1,234".',
            )
    return replace(table_below(grid, marks), encoding=encoding)
