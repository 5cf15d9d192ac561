"""A panel as tables of periods by units, the units ordered by cohort and site.

Shapes: T periods, U units, C cohorts that start within the panel's periods, G sites; B blocks: the
units of one site and one cohort, side by side.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evaluation.panel import Panel

__all__ = ["UnitTables", "by_block", "by_site", "unit_tables"]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class UnitTables:
    """Outcome, weight and covariates of each unit in each period.

    Parameters
    ----------
    outcome, weight : array, shape (T, U)
        0 where the unit is not observed.
    observed : bool array, shape (T, U)
    covariates : array, shape (k, T, U)
        0 where the unit is not observed.
    periods : int array, shape (T,)
        The observed periods, ascending.
    starts : int array, shape (C,)
        First treated period of each cohort, ascending.
    unit_bounds, block_bounds : int array, shape (C + 2,)
        Cohort c is the units, and the blocks, from entry c up to entry c + 1; entry C begins the
        units that no period of the panel sees treated.
    block_start : int array, shape (B,)
        First unit of each block.
    block_site : int array, shape (B,)
        Its site, 0 .. G-1 in the order of ``Panel.sites``.
    by_site : int array, shape (B,)
        The blocks in the order of their sites.
    unit : int array, shape (U,)
        Each unit's place in ``Panel.units``.
    n_sites : int
        G.
    gaps : bool
        Whether a unit is not observed in some period.
    steady : bool
        Whether no unit's weight or covariate changes over time.
    """

    outcome: FloatArray
    weight: FloatArray
    observed: BoolArray
    covariates: FloatArray
    periods: IntArray
    starts: IntArray
    unit_bounds: IntArray
    block_bounds: IntArray
    block_start: IntArray
    block_site: IntArray
    by_site: IntArray
    unit: IntArray
    n_sites: int
    gaps: bool
    steady: bool

    @property
    def base(self) -> IntArray:
        """For each cohort the index of the last period before its start, -1 for none; (C,)."""
        return np.searchsorted(self.periods, self.starts).astype(np.int64) - 1

    def units(self, cohorts: tuple[int, int]) -> slice:
        """Return the units of the cohorts from the first up to the second."""
        return slice(int(self.unit_bounds[cohorts[0]]), int(self.unit_bounds[cohorts[1]]))

    def blocks(self, cohorts: tuple[int, int]) -> slice:
        """Return the blocks of the cohorts from the first up to the second."""
        return slice(int(self.block_bounds[cohorts[0]]), int(self.block_bounds[cohorts[1]]))


def unit_tables(panel: Panel) -> UnitTables:
    """Lay a panel out as tables of periods by units."""
    periods = np.array(panel.periods, dtype=np.int64)
    first = panel.unit_first_treated
    seen = ~np.isnan(first) & (first <= periods[-1])
    starts = np.unique(first[seen]).astype(np.int64)
    cohort = np.where(seen, np.searchsorted(starts, np.nan_to_num(first)), starts.size)
    unit = np.lexsort((panel.unit_sites, cohort)).astype(np.int64)
    cohort, site = cohort[unit], panel.unit_sites[unit]
    new_block = np.r_[True, (np.diff(cohort) != 0) | (np.diff(site) != 0)]
    block_start = np.flatnonzero(new_block).astype(np.int64)
    cohorts = np.arange(starts.size + 2)
    place = _Places(panel, unit)
    names = ("outcome", "weight", *panel.covariates)
    outcome, weight, *covariates = (place.table(panel.values(name)) for name in names)
    stacked = np.array(covariates).reshape(len(covariates), *outcome.shape)
    return UnitTables(
        outcome=outcome,
        weight=weight,
        observed=place.observed(),
        covariates=stacked,
        periods=periods,
        starts=starts,
        unit_bounds=np.searchsorted(cohort, cohorts).astype(np.int64),
        block_bounds=np.searchsorted(cohort[block_start], cohorts).astype(np.int64),
        block_start=block_start,
        block_site=site[block_start],
        by_site=np.argsort(site[block_start], kind="stable").astype(np.int64),
        unit=unit,
        n_sites=len(panel.sites),
        gaps=not panel.is_balanced,
        steady=panel.is_balanced
        and bool((weight == weight[0]).all() and (stacked == stacked[:, :1]).all()),
    )


class _Places:
    """Where each row of a panel goes in a table of periods by units in a new order."""

    def __init__(self, panel: Panel, unit: IntArray) -> None:
        self._shape = (len(panel.periods), unit.size)
        self._unit = unit
        self._balanced = panel.is_balanced
        self._flat: IntArray | None = None
        if not self._balanced:
            rank = np.empty(unit.size, dtype=np.int64)
            rank[unit] = np.arange(unit.size)
            self._flat = panel.period_codes * unit.size + rank[panel.unit_codes]

    def table(self, column: FloatArray) -> FloatArray:
        """Return a column as a table; 0 where there is no row."""
        if self._flat is None:
            by_unit = column.reshape(self._shape[::-1])
            return np.ascontiguousarray(by_unit[self._unit].T)
        table = np.zeros(self._shape)
        table.reshape(-1)[self._flat] = column
        return table

    def observed(self) -> BoolArray:
        """Return which cells of the table have a row."""
        if self._flat is None:
            return np.ones(self._shape, dtype=np.bool_)
        table = np.zeros(self._shape, dtype=np.bool_)
        table.reshape(-1)[self._flat] = True
        return table


def by_block(tables: UnitTables, values: FloatArray, cohorts: tuple[int, int]) -> FloatArray:
    """Sum values of the units of some cohorts over blocks; (m, units) to (m, blocks)."""
    units, blocks = tables.units(cohorts), tables.blocks(cohorts)
    if units.stop - units.start == blocks.stop - blocks.start:
        return values
    return np.add.reduceat(values, tables.block_start[blocks] - units.start, axis=1)


def by_site(tables: UnitTables, values: FloatArray) -> FloatArray:
    """Sum values of all blocks over sites; (m, B) to (m, G)."""
    if tables.by_site.size == tables.n_sites:
        return values[:, tables.by_site]
    first = np.searchsorted(tables.block_site[tables.by_site], np.arange(tables.n_sites))
    return np.add.reduceat(values[:, tables.by_site], first, axis=1)
