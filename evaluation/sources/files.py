"""From files of a known kind to sheets of text.

Row numbers are those a spreadsheet shows: 1 is the header line.
"""

from __future__ import annotations

from dataclasses import replace
from difflib import get_close_matches
from pathlib import Path

import polars as pl

from evaluation.errors import SourceError
from evaluation.sources.csv_files import read_csv
from evaluation.sources.foreign import look_at
from evaluation.sources.sheets import Sheet
from evaluation.sources.workbook import is_blank, read_grid
from evaluation.sources.workbook_tables import table_at

__all__ = ["chosen_sheet", "opened_parquet", "read_sheet"]

_SUFFIXES = ("csv", "parquet", "xlsx")
# A Parquet file of some kilobytes may unpack to any number of rows.
_MOST_CELLS = 2**28


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


def _read_parquet(path: Path, name: str) -> Sheet:
    lazy = opened_parquet(path, name)
    try:
        height = int(lazy.select(pl.len()).collect().item())
        width = len(lazy.collect_schema())
        if height * width > _MOST_CELLS:
            raise SourceError(
                f"the file has {height:,} rows of {width} cells",
                place=name,
                allowed=f"at most {_MOST_CELLS:,} cells",
                remedy="Keep the rows and columns that the study needs.",
            )
        cells = lazy.collect()
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError) as error:
        raise _no_parquet(name) from error
    rows = pl.Series("row", range(2, cells.height + 2), dtype=pl.Int64)
    return Sheet(name=name, cells=cells, rows=rows, encoding="parquet")


def opened_parquet(path: Path, name: str) -> pl.LazyFrame:
    """Open a Parquet file without reading its rows.

    Raises
    ------
    SourceError
        When it cannot be opened, or is another kind of file.
    """
    look_at(path, name, suffix=".parquet")
    try:
        lazy = pl.scan_parquet(path, glob=False)
        lazy.collect_schema()
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError) as error:
        raise _no_parquet(name) from error
    return lazy


def _no_parquet(name: str) -> SourceError:
    return SourceError(
        "the file cannot be read as Parquet",
        place=name,
        allowed="a whole Parquet file",
        remedy="It may be cut off or damaged: write it again, or get it again.",
    )


def _read_xlsx(path: Path, name: str, sheet: str | None) -> Sheet:
    grid = read_grid(path, name, lambda titles: chosen_sheet(titles, sheet, name))
    above = next((i for i, record in enumerate(grid.rows) if not is_blank(record)), 0)
    if not grid.rows:
        raise SourceError(
            f"the sheet {grid.title!r} is empty",
            place=name,
            allowed="a header and rows",
            remedy='If the table is on another sheet, name it in the study file: sheet = "...".',
        )
    return replace(table_at(grid, above), name=name)


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
            f"the workbook has {len(names) or 'no'} sheets",
            place=place,
            allowed=listed,
            remedy='Name one in the study file: sheet = "...".' if names else "Get it again.",
        )
    found = next((n for n in names if n.strip() == wanted.strip()), None)
    if found is None:
        near = get_close_matches(wanted, names, n=1, cutoff=0.6)
        raise SourceError(
            f"the workbook has no sheet {wanted!r}",
            place=place,
            allowed=listed,
            remedy=f"Did you mean {near[0]!r}?" if near else "Correct sheet in the study file.",
        )
    return found
