"""Tables of units by periods, read a block at a time, and what each unit has of its own.

Shapes: n rows, U units, u units of a block, T periods, q columns that each unit has of its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evaluation.panel import Panel

__all__ = ["Grid", "UnitPart", "grid_of", "unit_part"]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

# Cells of a block: half a megabyte a table, so that a block's few tables stay near the processor.
_BLOCK = 65_536
# An eigenvalue of a unit's own few columns below this share of the largest is 0.
_OWN_UNSEEN = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Grid:
    """Where the rows of an ordered panel lie in a table of units by periods.

    Parameters
    ----------
    starts, lengths : int array, shape (U,)
        First row and number of rows of each unit.
    period : int array, shape (n,), or None
        Period of each row; None where every unit has every period.
    n_periods : int
    """

    starts: IntArray
    lengths: IntArray
    period: IntArray | None
    n_periods: int

    def blocks(self, member: IntArray) -> Iterator[tuple[int, IntArray]]:
        """Yield the units in blocks of one group each: the group and the block's units.

        Parameters
        ----------
        member : int array, shape (U,)
            Group of each unit; units of group -1 are passed over.
        """
        most = max(1, _BLOCK // self.n_periods)
        for group in np.unique(member[member >= 0]).tolist():
            units = np.flatnonzero(member == group)
            for first in range(0, units.size, most):
                yield group, units[first : first + most]

    def table(self, values: FloatArray, units: IntArray) -> FloatArray:
        """Return the rows of some units as a table, 0 where there is none; shape (u, T).

        It may be a view of ``values``: not to be written to.
        """
        first, last = int(units[0]), int(units[-1]) + 1
        if self.period is None:
            every = values.reshape(-1, self.n_periods)
            return every[first:last] if last - first == units.size else every[units]
        rows, cells = self._rows(units)
        table = np.zeros(units.size * self.n_periods)
        table[cells] = values[rows]
        return table.reshape(units.size, self.n_periods)

    def table_of(self, values: FloatArray, units: IntArray) -> FloatArray:
        """Return the same of units in any order, as a copy of its own; shape (u, T)."""
        if self.period is None:
            return values.reshape(-1, self.n_periods)[units]
        return self.table(values, units)

    def put(self, table: FloatArray, units: IntArray, values: FloatArray) -> None:
        """Write a table of some units, shape (u, T), to their rows in ``values``, shape (n,)."""
        if self.period is None:
            values.reshape(-1, self.n_periods)[units] = table
            return
        rows, cells = self._rows(units)
        values[rows] = table.ravel()[cells]

    def _rows(self, units: IntArray) -> tuple[IntArray, IntArray]:
        """Return the rows of some units, and the cells of their table that these are in."""
        lengths = self.lengths[units]
        ends = np.cumsum(lengths)
        rows = np.repeat(self.starts[units] - ends + lengths, lengths) + np.arange(ends[-1])
        period = np.zeros(0, dtype=np.int64) if self.period is None else self.period[rows]
        return rows, np.repeat(np.arange(units.size) * self.n_periods, lengths) + period


def grid_of(panel: Panel) -> Grid:
    """Return the grid of a panel's rows."""
    starts = panel.unit_starts
    return Grid(
        starts=starts,
        lengths=np.diff(starts, append=panel.rows.height),
        period=None if panel.is_balanced else panel.period_codes,
        n_periods=len(panel.periods),
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class UnitPart:
    """What the units of a block have of their own, ready to be projected out.

    Parameters
    ----------
    basis : array, shape (u, T, q) or (u, 1, 1)
        Own columns of each unit, orthonormal under its weights; 0 for those its rows do not see.
        With levels alone they are constant over time, and one number a unit.
    weights : array, shape (u, T)
    """

    basis: FloatArray
    weights: FloatArray

    def without(self, table: FloatArray) -> FloatArray:
        """Return the table less its projection on the units' own columns; shape (u, T)."""
        if self.basis.shape[1] == 1:
            level = self.basis[:, 0, 0] ** 2 * np.einsum("ut,ut->u", self.weights, table)
            return np.asarray(table - level[:, None])
        inner = np.einsum("utq,ut->uq", self.basis, self.weights * table)
        return np.asarray(table - np.einsum("utq,uq->ut", self.basis, inner))

    def spread(self, weights: FloatArray) -> FloatArray:
        """Return the basis times weights, shape (u, T), a row an own column; shape (u q, T)."""
        if self.basis.shape[1] == 1:
            return np.asarray(weights * self.basis[:, :, 0])
        spread = self.basis * weights[:, :, None]
        return spread.transpose(0, 2, 1).reshape(-1, weights.shape[1])


def unit_part(own: FloatArray, weights: FloatArray) -> UnitPart:
    """Make the own columns of each unit orthonormal under its weights.

    Parameters
    ----------
    own : array, shape (T, q)
        The same for all units; the first is constant.
    weights : array, shape (u, T)
        0 where there is no row.
    """
    if own.shape[1] == 1:
        total = weights.sum(axis=1)
        seen = total > 0
        root = np.sqrt(np.where(seen, total, 1.0))
        return UnitPart(basis=np.where(seen, 1 / root, 0.0)[:, None, None], weights=weights)
    q = own.shape[1]
    products = (own[:, :, None] * own[:, None, :]).reshape(-1, q * q)
    values, vectors = np.linalg.eigh((weights @ products).reshape(-1, q, q))
    seen = values > _OWN_UNSEEN * np.maximum(values[:, -1:], 0)
    scale = np.where(seen, 1 / np.sqrt(np.where(seen, values, 1.0)), 0.0)
    return UnitPart(
        basis=np.einsum("tp,upq->utq", own, vectors * scale[:, None, :]), weights=weights
    )
