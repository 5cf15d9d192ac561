"""Rows that are given more than once: repeats are left out, contradictions are objected to."""

from __future__ import annotations

from collections.abc import Iterable

import polars as pl

from evaluation.sources.markers import number
from evaluation.sources.rules import Sifting

__all__ = ["settle_repeats"]

_KEYS = ["own", "period", "day"]
_ALL_DIGITS = 17
# Three digits: the smallest number that has them, counted in units of the last.
_FEWEST_DIGITS = 100
# Half a unit of the last digit, and what doubles add to it.
_HALF = 0.5 + 1e-6


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
    compared = list(compared)
    differ = pl.any_horizontal(_differ(c) for c in compared)
    first = several.group_by(_KEYS, maintain_order=True).agg(
        pl.col("file").first().alias("first_file"),
        pl.col("row").first().alias("first_row"),
        pl.col("file").last().alias("last_file"),
        pl.col("row").last().alias("last_row"),
        differ.alias("differ"),
    )
    rows = sifting.rows.join(first, on=_KEYS, how="left", nulls_equal=False, maintain_order="left")
    sifting = Sifting(rows=rows, found=sifting.found)
    is_first = (pl.col("file") == pl.col("first_file")) & (pl.col("row") == pl.col("first_row"))
    sifting = sifting.object_to(
        "conflicting_rows",
        pl.col("differ"),
        pl.format(
            "the unit and period are given again with other figures in row {} of {}",
            pl.when(is_first).then("last_row").otherwise("first_row"),
            pl.when(is_first).then("last_file").otherwise("first_file"),
        ),
        value=_first_figure(compared),
    )
    sifting = sifting.object_to(
        "repeated_rows",
        ~pl.col("differ") & ~is_first,
        pl.format("the row repeats row {} of {}", pl.col("first_row"), pl.col("first_file")),
        reason=pl.format("repeats a row of {}", pl.col("first_file")),
    )
    added = ["first_file", "first_row", "last_file", "last_row", "differ"]
    return Sifting(rows=sifting.rows.drop(added), found=sifting.found)


def _differ(column: str) -> pl.Expr:
    """Whether the cells of some rows differ: "1,234" and "1234" do not, and "-" and "" do.

    A figure that one file prints with fewer decimals than another is the same figure, where so few
    digits as it has could hardly agree by chance.
    """
    text = pl.col(column).fill_null("").str.strip_chars()
    figure = number(column)
    exact = pl.coalesce(figure.cast(pl.String), text).n_unique() > 1
    decimals = text.str.extract(r"^[^eE]*\.(\d*)$").str.len_chars().fill_null(0)
    # One that is written with an exponent has all its digits.
    decimals = pl.when(text.str.contains("[eE]")).then(_ALL_DIGITS).otherwise(decimals).min()
    unit = pl.lit(10.0) ** -decimals.cast(pl.Float64)
    is_long = (decimals > 0) & (figure.abs().min() >= _FEWEST_DIGITS * unit)
    is_apart = (figure.max() - figure.min()) > _HALF * unit
    return exact & ~(figure.is_not_null().all() & is_long & ~is_apart)


def _first_figure(compared: Iterable[str]) -> str | None:
    return next((c for c in compared if c in ("count", "value")), None)
