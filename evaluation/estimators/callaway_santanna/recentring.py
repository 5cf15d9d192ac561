r"""Influence with each site's own part left out of what it is held against: for few sites.

A site's influence on a group-time effect is its share p of the cohort times its own effect's
distance from the cohort's, of which its own effect is a part. Held against the others of the cohort
alone, the distance is 1/(1 - p) times as long. A site that is alone in its cohort shows no distance
at all: its effect is held against those of other sites at the same event time, and where there is
none, against all others on the same side of the start. The weights of averages are taken as given.

It is section 4.3 of Borusyak, Jaravel and Spiess (2024) carried over; Callaway and Sant'Anna's own
influence functions, which the published errors are, stay as they are.

Shapes: r effects by cohort and period, a averages, C cohorts, G sites, B blocks, as in ``tables``.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from evaluation.estimators.callaway_santanna.group_time import GroupTime
from evaluation.estimators.callaway_santanna.pooling import Averages, site_sizes
from evaluation.estimators.callaway_santanna.tables import UnitTables, by_block

if TYPE_CHECKING:
    from scipy.sparse import csr_array

__all__ = ["recentred"]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

# A site with all but this share of its cohort has nobody beside it (as in ``cells``).
_NOBODY_ELSE = 1e-5


def recentred(
    tables: UnitTables, effects: GroupTime, pooled: Averages, influence: FloatArray
) -> Callable[[int], FloatArray]:
    """Return what gives the recentred influence of an effect of the fit; shape (G,).

    Parameters
    ----------
    tables : UnitTables
    effects : GroupTime
    pooled : Averages
    influence : array, shape (G, 1 + r + a - 1)
        Of the overall effect, the group-time effects and the other averages.
    """
    n_cells = effects.value.size

    @cache
    def moves() -> csr_array:
        return _moves(tables, effects)

    def column(index: int) -> FloatArray:
        if 0 < index <= n_cells:
            cell = np.zeros(n_cells)
            cell[index - 1] = 1.0
            return np.asarray(influence[:, index] + cell @ moves())
        row = index - n_cells if index else 0
        of_weights = pooled.sizes[row] @ site_sizes(tables)
        return np.asarray(influence[:, index] - of_weights + pooled.cells[row] @ moves())

    return column


def _moves(tables: UnitTables, effects: GroupTime) -> csr_array:
    """Return what recentring adds to each site's influence on each cell; shape (r, G)."""
    from scipy.sparse import csr_array

    cells, size = effects.cells, site_sizes(tables).sum(axis=1)
    parts, alone = [], np.full(effects.value.size, -1)
    for cohort in np.unique(cells.cohort):
        rows = np.flatnonzero((cells.cohort == cohort) & effects.found)
        site, share = _shares(tables, effects, rows, int(cohort))
        others = 1 - share > _NOBODY_ELSE
        alone[rows] = np.where(others.all(axis=1), -1, site[np.argmax(share, axis=1)])
        own = effects.influence[rows[:, None], site]
        moved = np.where(others, own * share / np.where(others, 1 - share, 1.0), 0.0)
        parts.append((np.repeat(rows, site.size), np.tile(site, rows.size), moved.ravel()))
    lone = np.flatnonzero(alone >= 0)
    held = np.array([_held_against(effects, alone, size, cell) for cell in lone.tolist()])
    parts.append((lone, alone[lone], effects.value[lone] - held))
    row, column, value = (np.concatenate(part) for part in zip(*parts, strict=True))
    return csr_array((value, (row, column)), shape=(effects.value.size, tables.n_sites))


def _shares(
    tables: UnitTables, effects: GroupTime, rows: IntArray, cohort: int
) -> tuple[IntArray, FloatArray]:
    """Return a cohort's sites and their shares of the weight in each of its cells; shape (m, B)."""
    own = (cohort, cohort + 1)
    units, base, period = tables.units(own), effects.cells.base[rows], effects.cells.period[rows]
    weight = tables.weight[base, units]
    if tables.gaps:
        weight = weight * (tables.observed[base, units] & tables.observed[period, units])
    sums = by_block(tables, weight, own)
    return tables.block_site[tables.blocks(own)], sums / sums.sum(axis=1, keepdims=True)


def _held_against(effects: GroupTime, alone: IntArray, size: FloatArray, cell: int) -> float:
    """Return what the effect of a site that is alone is held against; itself where nobody is."""
    cells, since = effects.cells, effects.cells.event_time >= 0
    others = effects.found & (alone != alone[cell]) & (cells.cohort != cells.cohort[cell])
    for group in (cells.event_time == cells.event_time[cell], since == since[cell]):
        chosen = others & group
        if chosen.any():
            weights = size[cells.cohort[chosen]]
            return float(np.average(effects.value[chosen], weights=weights))
    return float(effects.value[cell])
