"""Counts of kinds of records, added up as they come, in little memory."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

__all__ = ["Sums"]

_PENDING = 200_000


class Sums:
    """Add up tables of counts.

    Parameters
    ----------
    schema : mapping of str to polars type
        The columns of every table: what makes a kind, and ``counted``.
    counted : tuple of str
        The columns that are added up.
    """

    def __init__(self, schema: Mapping[str, type[pl.DataType]], counted: tuple[str, ...]) -> None:
        self._schema = dict(schema)
        self._counted = counted
        # A text of a table refers to the memory of all that the table was made of.
        self._texts = [name for name, dtype in schema.items() if dtype == pl.String]
        self._tables = [self._compact(pl.DataFrame(schema=self._schema))]
        self._pending = 0

    def add(self, *tables: pl.DataFrame) -> None:
        """Add tables."""
        self._tables += map(self._compact, tables)
        self._pending += sum(table.height for table in tables)
        if self._pending > max(_PENDING, self._tables[0].height):
            self._tables = [self._summed()]
            self._pending = 0

    def table(self) -> pl.DataFrame:
        """Return the sums, one row a kind."""
        return self._summed().cast(dict.fromkeys(self._texts, pl.String))

    def _compact(self, table: pl.DataFrame) -> pl.DataFrame:
        return table.select(*self._schema).cast(dict.fromkeys(self._texts, pl.Categorical))

    def _summed(self) -> pl.DataFrame:
        kinds = [name for name in self._schema if name not in self._counted]
        tables = pl.concat(self._tables)
        return tables.group_by(kinds).agg(pl.col(self._counted).sum()).select(*self._schema)
