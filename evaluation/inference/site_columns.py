r"""The columns of one site's block, and what is asked of them: products, and sums of them by unit.

A column is either the same for all units of a group, such as a period dummy or a treatment path,
or a table of its own, such as a covariate. Sums over units of products of the former are had from
matrices of periods by periods, whatever the number of units.

Shapes: u units, T periods, q columns of the site (of the fit's p, those that are 0 in all its rows
left out), c covariates among them, the last.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from evaluation.findings import SiteBlock

__all__ = ["Made", "SiteColumns"]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
# Columns by their identity and which of them are kept: the columns (so that they live), and scaled.
Made = dict[tuple[int, bytes], tuple[FloatArray, FloatArray]]


class SiteColumns:
    """The columns of a site.

    Parameters
    ----------
    block : SiteBlock
    scale : array, shape (p,)
        What each column is multiplied by, so that all are of a size.
    made : dict, optional
        Shared columns that were scaled before, which sites have in common; these are added.
    """

    def __init__(self, block: SiteBlock, scale: FloatArray, made: Made | None = None) -> None:
        first = scale.size - block.covariates.shape[0]
        shown = np.zeros(scale.size, dtype=np.bool_)
        shown[first:] = True
        for _, columns in block.groups:
            shown[:first] |= columns.any(axis=0)
        self.kept: IntArray = np.flatnonzero(shown)
        common = self.kept[self.kept < first]
        known: Made = {} if made is None else made
        self._groups = []
        for count, columns in block.groups:
            key = (id(columns), common.tobytes())
            if key not in known:
                known[key] = (columns, columns[:, common] * scale[common])
            self._groups.append((count, known[key][1]))
        self._common = common.size
        self._own: FloatArray = block.covariates * scale[first:, None, None]

    @property
    def size(self) -> int:
        """The number of columns, q."""
        return self.kept.size

    @property
    def has_tables(self) -> bool:
        """Whether some columns have a value of their own in each row."""
        return self._own.size > 0

    def groups(self) -> Iterator[tuple[slice, FloatArray]]:
        """Yield the units that share columns, and these, shape (T, q - c)."""
        last = 0
        for count, columns in self._groups:
            yield slice(last, last + count), columns
            last += count

    def products(self, tables: FloatArray) -> FloatArray:
        """Return inner products with tables, shape (j, u, T); shape (q, j)."""
        found = np.zeros((self.size, tables.shape[0]))
        for units, columns in self.groups():
            found[: self._common] += columns.T @ tables[:, units].sum(axis=1).T
        if self.has_tables:
            flat = tables.reshape(tables.shape[0], -1)
            found[self._common :] = self._own.reshape(self._own.shape[0], -1) @ flat.T
        return found

    def by_unit(self, table: FloatArray) -> FloatArray:
        """Return each unit's inner products with its row of a table, shape (u, T); (u, q)."""
        found = np.empty((table.shape[0], self.size))
        for units, columns in self.groups():
            found[units, : self._common] = table[units] @ columns
        if self.has_tables:
            found[:, self._common :] = np.einsum("cut,ut->uc", self._own, table)
        return found

    def predicted(self, coefs: FloatArray) -> FloatArray:
        """Return the tables that coefficients, shape (q, j), make; shape (j, u, T)."""
        found = np.empty((coefs.shape[1], sum(n for n, _ in self._groups), self._periods))
        for units, columns in self.groups():
            found[:, units] = (columns @ coefs[: self._common]).T[:, None, :]
        if self.has_tables:
            flat = coefs[self._common :].T @ self._own.reshape(self._own.shape[0], -1)
            found += flat.reshape(found.shape)
        return found

    @property
    def _periods(self) -> int:
        return int(self._groups[0][1].shape[0])

    def gram(self, table: FloatArray) -> FloatArray:
        """Return inner products of the columns weighted by a table, shape (u, T); shape (q, q)."""
        found = np.zeros((self.size, self.size))
        common, own = slice(0, self._common), slice(self._common, None)
        for units, columns in self.groups():
            by_period = table[units].sum(axis=0)
            found[common, common] += columns.T @ (by_period[:, None] * columns)
            if self.has_tables:
                beside = np.einsum("cut,ut->tc", self._own[:, units], table[units])
                found[common, own] += columns.T @ beside
        if self.has_tables:
            flat = self._own.reshape(self._own.shape[0], -1)
            found[own, own] = (flat * table.ravel()) @ flat.T
            found[own, common] = found[common, own].T
        return found

    def outer(self, left: FloatArray, right: FloatArray) -> FloatArray:
        """Sum over units the outer products of their products with two tables; shape (q, q)."""
        if self.has_tables:
            return np.asarray(self.by_unit(left).T @ self.by_unit(right))
        found = np.zeros((self.size, self.size))
        for units, columns in self.groups():
            found += columns.T @ (left[units].T @ right[units]) @ columns
        return found
