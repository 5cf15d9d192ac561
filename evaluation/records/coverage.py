"""Where 0 admissions are none, and where they are not known.

Inside the window that the extract covers a unit without admissions has 0 of them. A month in
which a provider that serves the unit sent nothing at all is not covered: the unit's figure is
absent then, not 0. So are months before the first record of all and after the last.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

__all__ = ["GAPS", "Coverage", "coverage"]

# A provider that sent so many records a month just before and after does not send none in between
# by chance (with 20 expected, once in 500 million).
LEAST_USUAL = 20
# How many of the nearest months with records say what was usual then.
NEAREST = 3
# A gap matters to a unit of whose admissions at least this share is the provider's.
LEAST_SHARE = 0.05
_LISTED = 5
GAPS = {
    "unit": pl.String,
    "month": pl.Int64,
    "providers": pl.String,
    "share": pl.Float64,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """What the extract covers.

    Parameters
    ----------
    months : tuple of int
        Months of the window (year * 12 + month - 1) that hold a record of anybody, and those
        between.
    gaps : polars.DataFrame
        One row a unit and month that is not known: ``unit``, ``month``, ``providers`` that sent
        nothing and the ``share`` of the unit's admissions that is usually theirs.
    notes : tuple of str
        What could not be told, in words.
    """

    months: tuple[int, ...]
    gaps: pl.DataFrame
    notes: tuple[str, ...]


def coverage(cells: pl.DataFrame, months: Sequence[int]) -> Coverage:
    """Find what an extract covers.

    Parameters
    ----------
    cells : polars.DataFrame
        ``provider``, ``month`` (null where not known), ``unit`` (null where not used) and
        ``records``: every record that was read, counted.
    months : sequence of int
        The window, in order.
    """
    inside = cells.filter(pl.col("month").is_in(list(months)))
    if inside.is_empty():
        return Coverage(months=(), gaps=pl.DataFrame(schema=GAPS), notes=())
    with_records = inside["month"].unique().sort().to_list()
    covered = tuple(month for month in months if with_records[0] <= month <= with_records[-1])
    known = inside.filter(pl.col("provider").is_not_null())
    sent = _sent(known)
    gaps = _gaps(known.filter(pl.col("unit").is_not_null()), _silences(sent, covered))
    notes = (*_short(months, covered), *_ended(sent, covered))
    return Coverage(months=covered, gaps=gaps, notes=notes)


def _sent(cells: pl.DataFrame) -> pl.DataFrame:
    """Return what each provider sent by month, with what was usual up to it and from it on."""
    sent = cells.group_by("provider", "month").agg(pl.col("records").sum())
    records = pl.col("records").cast(pl.Float64)
    return sent.sort("provider", "month").with_columns(
        records.rolling_mean(NEAREST, min_samples=1).over("provider").alias("up_to"),
        records.reverse()
        .rolling_mean(NEAREST, min_samples=1)
        .reverse()
        .over("provider")
        .alias("from_on"),
    )


def _silences(sent: pl.DataFrame, months: Sequence[int]) -> pl.DataFrame:
    """Return the months in which a provider fell silent that sent much just before and after."""
    window = pl.DataFrame({"month": list(months)}, schema={"month": pl.Int64})
    every = sent.select("provider").unique().join(window, how="cross")
    silent = every.join(sent, on=["provider", "month"], how="anti").sort("month")
    by_month = sent.sort("month")
    silent = silent.join_asof(
        by_month.select("provider", "month", "up_to"),
        on="month",
        by="provider",
        check_sortedness=False,
    ).join_asof(
        by_month.select("provider", "month", "from_on"),
        on="month",
        by="provider",
        strategy="forward",
        check_sortedness=False,
    )
    is_gap = (pl.col("up_to") >= LEAST_USUAL) & (pl.col("from_on") >= LEAST_USUAL)
    return silent.filter(is_gap).select("provider", "month")


def _gaps(served: pl.DataFrame, silent: pl.DataFrame) -> pl.DataFrame:
    shares = served.group_by("unit", "provider").agg(pl.col("records").sum())
    shares = shares.with_columns(
        (pl.col("records") / pl.col("records").sum().over("unit")).alias("share")
    )
    return (
        shares.join(silent, on="provider")
        .group_by("unit", "month")
        .agg(pl.col("provider").sort().str.join(", ").alias("providers"), pl.col("share").sum())
        .filter(pl.col("share") >= LEAST_SHARE)
        .sort("unit", "month")
        .select(pl.col(name).cast(dtype) for name, dtype in GAPS.items())
    )


def _short(months: Sequence[int], covered: Sequence[int]) -> tuple[str, ...]:
    if len(covered) == len(months):
        return ()
    return (
        f"The window has {len(months)} months, and the records reach from {_code(covered[0])} to "
        f"{_code(covered[-1])}: the others are absent from the panel, not 0.",
    )


def _ended(sent: pl.DataFrame, covered: Sequence[int]) -> tuple[str, ...]:
    """Name providers that sent much and began late, or stopped early, all at once."""
    spans = sent.group_by("provider").agg(
        pl.col("month").first().alias("first"),
        pl.col("month").last().alias("last"),
        pl.col("from_on").first().alias("began_with"),
        pl.col("up_to").last().alias("ended_with"),
    )
    late = (pl.col("first") > covered[0]) & (pl.col("began_with") >= LEAST_USUAL)
    early = (pl.col("last") < covered[-1]) & (pl.col("ended_with") >= LEAST_USUAL)
    found = spans.filter(late | early).sort("provider").select("provider", "first", "last").rows()
    if not found:
        return ()
    named = [f"{name} ({_code(first)} to {_code(last)})" for name, first, last in found[:_LISTED]]
    others = f" and {len(found) - _LISTED} more" if len(found) > _LISTED else ""
    return (
        f"Providers with records in a part of the window only: {', '.join(named)}{others}. Whether "
        "they opened, closed, merged or did not send is not in the records: their months without "
        "any count as covered. Where they did not send, leave the units that they serve out with "
        "[[exclude]].",
    )


def _code(month: int) -> str:
    return f"{month // 12:04d}-{month % 12 + 1:02d}"
