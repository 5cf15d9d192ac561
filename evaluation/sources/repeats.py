"""Rows that are given more than once: repeats are left out, contradictions are objected to."""

from __future__ import annotations

from collections.abc import Iterable

import polars as pl

from evaluation.sources.markers import number
from evaluation.sources.rules import Sifting

__all__ = ["settle_repeats"]

_KEYS = ["own", "period", "day"]


def settle_repeats(sifting: Sifting, compared: Iterable[str]) -> Sifting:
    """Use the first of several equal rows, and object to rows that differ.

    Parameters
    ----------
    sifting : Sifting
        Rows in the order of the files.
    compared : iterable of str
        Columns in which two rows of one unit and period must agree.
    """
    live = sifting.rows.filter(pl.col("left_out").is_null())
    several = live.filter(pl.struct(_KEYS).is_duplicated())
    if several.is_empty():
        return sifting
    written = pl.struct(_as_compared(c) for c in compared)
    first = several.group_by(_KEYS, maintain_order=True).agg(
        pl.col("file").first().alias("first_file"),
        pl.col("row").first().alias("first_row"),
        pl.col("file").last().alias("last_file"),
        pl.col("row").last().alias("last_row"),
        written.n_unique().alias("versions"),
    )
    rows = sifting.rows.join(first, on=_KEYS, how="left", nulls_equal=False, maintain_order="left")
    sifting = Sifting(rows=rows, found=sifting.found)
    is_first = (pl.col("file") == pl.col("first_file")) & (pl.col("row") == pl.col("first_row"))
    sifting = sifting.object_to(
        "conflicting_rows",
        pl.col("versions") > 1,
        pl.format(
            "the unit and period are given again with other figures in row {} of {}",
            pl.when(is_first).then("last_row").otherwise("first_row"),
            pl.when(is_first).then("last_file").otherwise("first_file"),
        ),
        value=_first_figure(compared),
    )
    sifting = sifting.object_to(
        "repeated_rows",
        (pl.col("versions") == 1) & ~is_first,
        pl.format("the row repeats row {} of {}", pl.col("first_row"), pl.col("first_file")),
        reason=pl.format("repeats row {} of {}", pl.col("first_row"), pl.col("first_file")),
    )
    added = ["first_file", "first_row", "last_file", "last_row", "versions"]
    return Sifting(rows=sifting.rows.drop(added), found=sifting.found)


def _as_compared(column: str) -> pl.Expr:
    """Return a cell so that "1,234" and "1234" are equal, and "-" and "" are not."""
    text = pl.col(column).fill_null("").str.strip_chars()
    return pl.coalesce(number(column).cast(pl.String), text).alias(column)


def _first_figure(compared: Iterable[str]) -> str | None:
    return next((c for c in compared if c in ("count", "value")), None)
