"""Totals by line and column, and which of them must go so that no other can be had."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from evaluation.disclosure.rule import Rule
from evaluation.panel import Measure

__all__ = ["BY_SITES", "BY_TIME", "FloatArray", "Grid", "ReasonArray", "complementary", "totals"]

BY_SITES = "could be had by subtracting the other sites from the pilot total"
BY_TIME = "could be had by subtracting the other periods from the total before or after the start"

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

    def size(self, measure: Measure) -> FloatArray:
        """How much a cell weighs when one more has to go (the smallest); shape (r, t)."""
        if measure != "mean":
            return self.count
        return np.where(np.isfinite(self.exposure), self.exposure, self.units)

    def reasons(self, rule: Rule, measure: Measure) -> ReasonArray:
        """Why each cell is hidden for its own sake, "" where it is not; shape (r, t)."""
        found = np.full(self.count.shape, "", dtype=object)
        for at in np.argwhere(self.reported):
            cell = (int(at[0]), int(at[1]))
            count, exposure = float(self.count[cell]), float(self.exposure[cell])
            found[cell] = rule.reason(measure, count, exposure)
        return found


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


def complementary(
    reasons: ReasonArray, size: FloatArray, phase: NDArray[np.int64] | None = None
) -> ReasonArray:
    """Return ``reasons`` with more cells hidden, until none can be had by one subtraction.

    In each column a single hidden site is the shown total less the other sites: the smallest
    other site goes too, or, where there is no other, the total. In each line a single hidden
    period of a phase is the phase's total less the other periods: the smallest other goes too.

    Parameters
    ----------
    reasons : array of str, shape (r, t)
        Why a cell is hidden for its own sake; the last line is the total of the others.
    size : array, shape (r, t)
        What the cells hold, NaN where nothing is.
    phase : int array, shape (r, t), optional
        Phase of each cell, whose totals are released too; None where the columns are phases.
    """
    found = reasons.copy()
    while True:
        hidden = (found != "").sum()
        for column in range(found.shape[1]):
            _across_sites(found[:, column], size[:, column])
        if phase is not None:
            for line in range(found.shape[0]):
                _across_time(found[line], size[line], phase[line])
        if (found != "").sum() == hidden:
            return found


def _across_sites(reasons: ReasonArray, size: FloatArray) -> None:
    sites = reasons[:-1]
    alone = int((sites != "").sum()) == 1 and reasons[-1] == ""
    # A total that went for another reason must not come back as the sum of its sites.
    undone = reasons[-1] != "" and not (sites != "").any()
    if len(sites) and (alone or undone):
        other = _smallest((sites == "") & (size[:-1] > 0), size[:-1])
        if other is not None:
            reasons[other] = BY_SITES
        elif alone and np.isfinite(size[-1]):
            reasons[-1] = BY_SITES


def _across_time(reasons: ReasonArray, size: FloatArray, phase: NDArray[np.int64]) -> None:
    for part in np.unique(phase):
        mine = phase == part
        if int(((reasons != "") & mine).sum()) == 1:
            other = _smallest((reasons == "") & mine & (size > 0), size)
            if other is not None:
                reasons[other] = BY_TIME


def _smallest(eligible: NDArray[np.bool_], size: FloatArray) -> int | None:
    where = np.flatnonzero(eligible)
    return int(where[np.argmin(size[where])]) if where.size else None
