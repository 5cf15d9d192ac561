"""A table within a sheet: below notes, under a header that is found by what it says."""

from __future__ import annotations

from collections.abc import Iterable

import polars as pl

from evaluation.errors import SourceError
from evaluation.sources.sheets import Sheet
from evaluation.sources.workbook import Grid, headings, repeated_headings

__all__ = ["table_at", "table_below"]

_LOOKED_AT = 60


def table_below(grid: Grid, wanted: Iterable[str]) -> Sheet:
    """Return the rows below the first row that holds all the wanted headings.

    Parameters
    ----------
    grid : Grid
        A sheet.
    wanted : iterable of str
        Headings that tell the header row from the notes above it.

    Returns
    -------
    Sheet
        Cells as text under the headings of that row, with the row numbers of the sheet. A heading
        that is given twice gets a number: "Total", "Total (2)".

    Raises
    ------
    SourceError
        When no row holds them all.
    """
    needed = tuple(wanted)
    at = grid.find(needed)
    if at is None:
        told = [cell for row in grid.rows[:_LOOKED_AT] for cell in row if cell][:12]
        raise SourceError(
            "no row holds the headings " + ", ".join(repr(h) for h in needed),
            place=grid.name,
            allowed="a header row with all of them, in any row",
            remedy=f"The sheet begins with {', '.join(repr(t) for t in told) or 'nothing'}.",
        )
    return table_at(grid, at)


def table_at(grid: Grid, at: int) -> Sheet:
    """Return the rows below the row ``at`` (an index) under its headings, as `table_below` does.

    A cell that is merged into another one holds words that say so: no figure is guessed.
    """
    body = grid.below(at)
    names = headings(grid.rows[at])
    columns = {
        heading: [row[i] if i < len(row) else None for row in body]
        for i, heading in enumerate(names)
    }
    cells = pl.DataFrame(columns, schema=dict.fromkeys(names, pl.String))
    rows = pl.Series("row", range(at + 2, at + 2 + len(body)), dtype=pl.Int64)
    return Sheet(
        name=grid.name,
        cells=cells,
        rows=rows,
        encoding="xlsx",
        repeated=repeated_headings(grid.rows[at]),
        notes=grid.notes,
    )
