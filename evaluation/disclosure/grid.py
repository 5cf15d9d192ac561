"""Totals by line and column, as tables and charts show them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

__all__ = ["FloatArray", "Grid", "ReasonArray", "parts", "totals"]

FloatArray = NDArray[np.float64]
ReasonArray = NDArray[np.object_]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Grid:
    """Totals of one outcome: r lines (sites, then all of them together) by t columns.

    Parameters
    ----------
    lines : tuple of str
        Names of the sites; the last line is their total and has the name "".
    slots : tuple of int
        What the columns are: periods, phases or event times.
    count, exposure, mean, units : arrays, shape (r, t)
        Sums of count and exposure, the weighted mean of the outcome and the number of units; NaN
        where nothing was reported.
    """

    lines: tuple[str, ...]
    slots: tuple[int, ...]
    count: FloatArray
    exposure: FloatArray
    mean: FloatArray
    units: FloatArray

    @property
    def reported(self) -> NDArray[np.bool_]:
        """Where anything was reported; shape (r, t)."""
        return np.isfinite(self.units)


def totals(rows: pl.DataFrame, sites: tuple[str, ...], slots: tuple[int, ...]) -> Grid:
    """Return the totals of ``rows`` by site and column, and over all the rows by column.

    Parameters
    ----------
    rows : polars.DataFrame
        ``site``, ``slot``, ``unit``, ``outcome``, ``weight``, ``count``, ``exposure``.
    sites : tuple of str
        Lines, in order; may be empty, for a total alone.
    slots : tuple of int
        Columns, in order.
    """
    amounts = [
        pl.col("count").fill_null(np.nan).sum(),
        pl.col("exposure").fill_null(np.nan).sum(),
        ((pl.col("outcome") * pl.col("weight")).sum() / pl.col("weight").sum()).alias("mean"),
        pl.col("unit").n_unique().cast(pl.Float64).alias("units"),
    ]
    together = rows.group_by(pl.lit("").alias("site"), "slot").agg(amounts)
    apart = rows.group_by("site", "slot").agg(amounts)
    line = {site: i for i, site in enumerate((*sites, ""))}
    column = {slot: j for j, slot in enumerate(slots)}
    cells = np.full((4, len(line), len(column)), np.nan)
    for site, slot, *found in pl.concat([apart, together]).iter_rows():
        if site in line:
            cells[:, line[site], column[slot]] = found
    return Grid(
        lines=tuple(line),
        slots=slots,
        count=cells[0],
        exposure=cells[1],
        mean=cells[2],
        units=cells[3],
    )


def parts(rows: pl.DataFrame, sites: tuple[str, ...], periods: tuple[int, ...]) -> FloatArray:
    """Return count and exposure of each site and period, before and after parted; NaN for none.

    A site whose units start at different times has both in one period.

    Parameters
    ----------
    rows : polars.DataFrame
        ``site``, ``period``, ``phase``, ``count``, ``exposure``.
    sites : tuple of str
        Lines, in order; none takes all rows as one line.
    periods : tuple of int
        Columns, in order.

    Returns
    -------
    array, shape (3, s, t, 2)
        Count, exposure, and 1 where anything was reported.
    """
    line = {site: i for i, site in enumerate(sites or ("",))}
    column = {period: j for j, period in enumerate(periods)}
    named = rows if sites else rows.with_columns(site=pl.lit(""))
    sums = named.group_by("site", "period", "phase").agg(
        pl.col("count", "exposure").fill_null(np.nan).sum(), pl.lit(1.0).alias("reported")
    )
    cells = np.full((3, len(line), len(column), 2), np.nan)
    for site, period, phase, *found in sums.iter_rows():
        cells[:, line[site], column[period], phase] = found
    return cells
