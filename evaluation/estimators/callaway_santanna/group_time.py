"""Every group-time effect of a panel, with its influence function summed by site.

Shapes: r effects, T periods, U units, B blocks, G sites, as in ``tables``; m effects at a time.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evaluation.estimators.callaway_santanna.layout import Cells, Run, runs
from evaluation.estimators.callaway_santanna.tables import UnitTables, by_block, by_site
from evaluation.estimators.callaway_santanna.two_periods import Method, Reason, compare

__all__ = ["GroupTime", "group_time"]

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

_OBSERVED: dict[bool, Reason] = {True: "", False: "not observed"}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GroupTime:
    """Group-time effects.

    Parameters
    ----------
    cells : Cells
    value, observed : array, shape (r,)
        The effects, and the cohort's mean outcome in the period; NaN where there is no effect.
    reasons : tuple of Reason
        Why there is no effect; empty where there is one.
    influence : array, shape (r, G)
        Influence functions summed by site; 0 where there is no effect.
    present : bool array, shape (r, most blocks of a cohort)
        Which of its cohort's blocks each effect rests on.
    used : bool array, shape (C + 1, T)
        Whether observations of a cohort in a period enter some effect; the last row is the units
        that stay untreated.
    """

    cells: Cells
    value: FloatArray
    observed: FloatArray
    reasons: tuple[Reason, ...]
    influence: FloatArray
    present: BoolArray
    used: BoolArray

    @property
    def found(self) -> BoolArray:
        """Which cells have an effect; shape (r,)."""
        return np.array([reason == "" for reason in self.reasons], dtype=np.bool_)


def group_time(
    tables: UnitTables, cells: Cells, *, method: Method, influence: FloatArray
) -> GroupTime:
    """Estimate all cells; without covariates the three methods are one difference of means.

    Parameters
    ----------
    tables : UnitTables
    cells : Cells
    method : {"dr", "reg", "ipw"}
    influence : array, shape (r, G)
        Room for the influence functions, which may be the largest array of all.
    """
    r, blocks = cells.cohort.size, np.diff(tables.block_bounds)
    value, observed = np.full(r, np.nan), np.full(r, np.nan)
    reasons: list[Reason] = []
    present = np.zeros((r, int(blocks[:-1].max(initial=0))), dtype=np.bool_)
    used = np.zeros((tables.starts.size + 1, tables.periods.size), dtype=np.bool_)
    for run in runs(tables, cells):
        part = _compared(tables, run, method)
        reasons += part.reasons
        found = np.array([not reason for reason in part.reasons])
        value[run.rows] = np.where(found, part.value, np.nan)
        observed[run.rows] = np.where(found, part.observed, np.nan)
        part.influence[~found] = 0.0
        influence[run.rows] = by_site(tables, part.influence)
        present[run.rows, : blocks[run.cohort]] = part.present & found[:, None]
        for first, after in (run.own, *run.controls):
            used[first:after, run.period] |= found
            used[first:after, run.base] |= found if run.moving else found.any()
    return GroupTime(
        cells=cells,
        value=value,
        observed=observed,
        reasons=tuple(reasons),
        influence=influence,
        present=present,
        used=used,
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Part:
    """What one run gives: as :class:`GroupTime`, influence by block, shape (m, B)."""

    value: FloatArray
    observed: FloatArray
    reasons: tuple[Reason, ...]
    influence: FloatArray
    present: BoolArray


def _compared(tables: UnitTables, run: Run, method: Method) -> _Part:
    if not run.controls:
        m, blocks = run.size, tables.blocks(run.own)
        alone: Reason = "no comparison"
        return _Part(
            value=np.full(m, np.nan),
            observed=np.full(m, np.nan),
            reasons=(alone,) * m,
            influence=np.zeros((m, tables.block_site.size)),
            present=np.zeros((m, blocks.stop - blocks.start), dtype=np.bool_),
        )
    return _adjusted(tables, run, method) if tables.covariates.size else _means(tables, run)


def _both(tables: UnitTables, run: Run, units: slice) -> tuple[FloatArray, FloatArray]:
    """Return changes and weights; weight 0 where a unit lacks a period; (m, n), (1 or m, n)."""
    change = tables.outcome[run.period, units] - tables.outcome[run.base, units]
    weight = tables.weight[run.base, units]
    if tables.gaps:
        weight = weight * (tables.observed[run.period, units] & tables.observed[run.base, units])
    return change, weight


def _means(tables: UnitTables, run: Run) -> _Part:
    """Compare weighted mean changes."""
    influence = np.zeros((run.size, tables.block_site.size))
    with np.errstate(invalid="ignore", divide="ignore"):
        own, present = _mean_change(tables, run, (run.own,), influence)
        control, _ = _mean_change(tables, run, run.controls, influence)
        for ranges in run.controls:
            influence[:, tables.blocks(ranges)] *= -1.0
        observed = _level(tables, run)
    value = own - control
    return _Part(
        value=value,
        observed=observed,
        reasons=tuple(_OBSERVED[v] for v in np.isfinite(value).tolist()),
        influence=influence,
        present=np.broadcast_to(present > 0, (run.size, present.shape[1])),
    )


def _mean_change(
    tables: UnitTables, run: Run, ranges: tuple[tuple[int, int], ...], influence: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return the mean change and the last range's weights; fill in the mean's influence."""
    parts = []
    for cohorts in ranges:
        change, weight = _both(tables, run, tables.units(cohorts))
        change *= weight
        parts.append(
            (cohorts, by_block(tables, change, cohorts), by_block(tables, weight, cohorts))
        )
    total = np.sum([weight.sum(axis=1) for _, _, weight in parts], axis=0)[:, None]
    mean = np.sum([change.sum(axis=1) for _, change, _ in parts], axis=0)[:, None] / total
    for cohorts, change, weight in parts:
        influence[:, tables.blocks(cohorts)] = (change - weight * mean) / total
    return mean[:, 0], parts[-1][2]


def _level(tables: UnitTables, run: Run) -> FloatArray:
    """Return the cohort's mean outcome in each period, of the units that enter; shape (m,)."""
    units = tables.units(run.own)
    _, weight = _both(tables, run, units)
    level: FloatArray = (weight * tables.outcome[run.period, units]).sum(axis=1)
    total: FloatArray = weight.sum(axis=1)
    return level / total


def _adjusted(tables: UnitTables, run: Run, method: Method) -> _Part:
    """Compare under covariates as they are in the base period."""
    parts = [tables.units(ranges) for ranges in (run.own, *run.controls)]
    n_own = parts[0].stop - parts[0].start
    change, weight = (
        np.concatenate(column, axis=1)
        for column in zip(*(_both(tables, run, units) for units in parts), strict=True)
    )
    weight = np.broadcast_to(weight, change.shape)
    covariates = np.concatenate([tables.covariates[:, run.base, u] for u in parts], axis=2)
    value = np.full(run.size, np.nan)
    influence = np.zeros(change.shape)
    reasons: list[Reason] = []
    for rows in _alike(tables, run):
        kept = np.flatnonzero(weight[rows.start] > 0)
        n_treated = int(np.searchsorted(kept, n_own))
        if n_treated in (0, kept.size):
            reasons += ["not observed"] * (rows.stop - rows.start)
            continue
        at = rows.start if run.moving else 0
        found = compare(
            change[rows, kept],
            treated=np.arange(kept.size) < n_treated,
            covariates=covariates[:, at, kept].T,
            weight=weight[rows.start, kept],
            method=method,
        )
        value[rows] = found.effect
        influence[rows, kept] = found.influence
        reasons += [found.reason] * (rows.stop - rows.start)
    with np.errstate(invalid="ignore", divide="ignore"):
        observed = _level(tables, run)
    own = by_block(tables, weight[:, :n_own], run.own)
    return _Part(
        value=value,
        observed=observed,
        reasons=tuple(reasons),
        influence=_blocks_of(tables, run, influence),
        present=own > 0,
    )


def _alike(tables: UnitTables, run: Run) -> list[slice]:
    """Return the periods of a run that share units, weights and covariates."""
    if tables.steady or (not tables.gaps and not run.moving):
        return [slice(0, run.size)]
    return [slice(i, i + 1) for i in range(run.size)]


def _blocks_of(tables: UnitTables, run: Run, values: FloatArray) -> FloatArray:
    """Sum what the units of a run have over blocks; (m, units of the run) to (m, B)."""
    sums = np.zeros((values.shape[0], tables.block_site.size))
    first = 0
    for ranges in (run.own, *run.controls):
        units = tables.units(ranges)
        after = first + units.stop - units.start
        sums[:, tables.blocks(ranges)] = by_block(tables, values[:, first:after], ranges)
        first = after
    return sums
