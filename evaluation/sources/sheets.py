"""A file as read: its columns, the number of each row, and what to know of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import polars as pl

from evaluation.errors import SourceError

__all__ = ["Sheet"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sheet:
    """One file as read: ``cells`` has its columns (any type), ``rows`` the number of each row.

    ``encoding`` says how it was read: ``utf-8``, ``windows-1252``, ``parquet``, ``xlsx``.
    ``short`` has how many cells there are in each row that has fewer than the header, ``repeated``
    the headings that are given more than once, ``notes`` what a reader must know of the file.
    """

    name: str
    cells: pl.DataFrame
    rows: pl.Series
    encoding: str
    short: Mapping[int, int] = field(default_factory=dict)
    repeated: frozenset[str] = frozenset()
    notes: tuple[str, ...] = ()

    def text(self, columns: Iterable[str], *, needed: Iterable[str] | None = None) -> pl.DataFrame:
        """Return columns as text, with ``file`` and ``row``; whole numbers lose their ".0".

        Parameters
        ----------
        columns : iterable of str
            Headings.
        needed : iterable of str, optional
            Those of them that must be whole: given once, and with a cell in every row that is not
            blank. All of them by default.

        Raises
        ------
        SourceError
            When a column that is needed is given twice, ends before the rows do, or holds what is
            no single text, number or date.
        """
        wanted = list(columns)
        whole = wanted if needed is None else list(needed)
        self._refuse_repeated(whole)
        self._refuse_short(whole)
        return self.cells.select(
            pl.lit(self.name).alias("file"),
            self.rows.alias("row"),
            *(self._as_text(self.cells[column]) for column in wanted),
        )

    def _refuse_repeated(self, columns: Iterable[str]) -> None:
        twice = next((column for column in columns if column in self.repeated), None)
        if twice is not None:
            raise SourceError(
                f"two columns are called {twice!r}",
                place=f"{self.name}, header",
                allowed="each column that is read under one heading",
                remedy="Which of them is meant is not known: rename or delete the other.",
            )

    def _refuse_short(self, columns: Iterable[str]) -> None:
        there = self.cells.columns
        last = max((there.index(column) for column in columns), default=-1)
        cut = next((row for row, cells in self.short.items() if cells <= last), None)
        if cut is not None:
            raise SourceError(
                f"the row has {self.short[cut]} cells, the header {len(there)}",
                place=f"{self.name}, row {cut}",
                allowed=f"a cell for {there[last]!r} in every row, empty where there is none",
                remedy="The row is cut off, or is a note below the table. Get the file again, or "
                "delete the note.",
            )

    def _as_text(self, column: pl.Series) -> pl.Series:
        if column.dtype == pl.String:
            return column
        if column.dtype == pl.Boolean:
            return column.cast(pl.String)
        if isinstance(column.dtype, pl.Datetime):
            return column.dt.date().cast(pl.String)
        if column.dtype.is_float():
            whole = column.is_finite() & (column == column.round()) & (column.abs() < 2**53)
            as_whole = column.cast(pl.Int64, strict=False).cast(pl.String)
            return as_whole.zip_with(whole.fill_null(value=False), column.cast(pl.String))
        if _is_plain(column.dtype):
            return column.cast(pl.String)
        raise SourceError(
            f"column {column.name!r} holds {str(column.dtype).lower()}",
            place=self.name,
            allowed="text, numbers, dates, or true and false",
            remedy="Write the file again with one plain value in each cell.",
        )


def _is_plain(dtype: pl.DataType) -> bool:
    is_text = isinstance(dtype, (pl.Categorical, pl.Enum, pl.Null))
    return is_text or dtype.is_numeric() or dtype == pl.Date
