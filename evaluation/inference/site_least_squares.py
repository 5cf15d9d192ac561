r"""The adjustment of CR2 for one site of a least-squares fit, by blocks.

Least squares has V = I. With :math:`N = I - S D^{-1} S'W` (weighted means of units taken out),
:math:`Z = N X B` and :math:`Y = N W Z`,

.. math:: F = N N' - Z Y' - Y Z' + Z (Z'W^2Z) Z' ,

the last product over all sites. In each unit :math:`N N'` is 0 along the weights w, 1 across w and
1, and :math:`\lambda = T \sum w^2 / (\sum w)^2` along the direction :math:`q` between them, which
is there only where weights vary in time. So F is a diagonal matrix with an entry of its own for
each unit, and a change of rank 2q, whatever the number of periods.

Shapes: u units (v of them with weights that vary), T periods, q columns, k directions, r contrasts.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evaluation.inference.rational_root import root_nodes
from evaluation.inference.site_adjustment import AdjustedSite, Bread, identified_here
from evaluation.inference.site_columns import SiteColumns
from evaluation.inference.site_reads import SiteRead

__all__ = ["least_squares_site", "squared_gram"]

FloatArray = NDArray[np.float64]

# Weights of a unit that vary less than this, squared and relative, are constant.
_CONSTANT = 1e-12
# Null directions' own directions below this share of the largest are redundant.
_NULL = 1e-12


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Inner:
    """Inner products of a site, columns being [N X, N W N X]: 2q of them.

    Parameters
    ----------
    gram : array, shape (2q, 2q)
        Of the columns, less their parts along the units' own directions.
    along_units : array, shape (v, 2q)
        Their parts along these.
    of_plain : array, shape (v, r)
        Parts of what is adjusted, W Z a; across these directions it is ``right`` of the columns.
    right : array, shape (2q, r)
    residual : array, shape (2q,)
        Of the columns and the residuals, less the parts along the units' directions.
    residual_along : array, shape (v,)
    value : array, shape (v,)
        What N N' is along the units' directions.
    change : array, shape (2q, 2q)
        F is N N' and the columns times this times the columns' transpose.
    """

    gram: FloatArray
    along_units: FloatArray
    of_plain: FloatArray
    right: FloatArray
    residual: FloatArray
    residual_along: FloatArray
    value: FloatArray
    change: FloatArray

    def norm_with(self, left: _Part, right: _Part) -> FloatArray:
        """Return inner products of two sets of vectors; shape (j, l)."""
        return np.asarray(left.across.T @ self.gram @ right.across + left.along.T @ right.along)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Part:
    """Vectors over the site's rows: of the columns, across, and along the units' directions."""

    across: FloatArray
    along: FloatArray

    def less(self, other: _Part, times: FloatArray) -> _Part:
        """Return these less combinations of others."""
        return _Part(
            across=self.across - other.across @ times, along=self.along - other.along @ times
        )


class _Weights:
    """A site's weights, and what N and N W N make of columns through them."""

    def __init__(self, site: SiteRead) -> None:
        self.columns: SiteColumns = site.columns
        self.weights = site.block.weights
        self.seen: FloatArray = (self.weights > 0).astype(np.float64)
        self.total = self.weights.sum(axis=1, keepdims=True)
        self.share = self.weights / self.total
        self.count = self.seen.sum(axis=1, keepdims=True)
        self.squares = (self.weights**2).sum(axis=1, keepdims=True)
        # W N's weighted mean: 0 where weights are constant.
        self.uneven = self.share * (self.weights - self.squares / self.total)
        excess = ((self.weights - self.total / self.count) ** 2 * self.seen).sum(axis=1)
        self.excess = self.count[:, 0] * excess / self.total[:, 0] ** 2

    def gram(self) -> FloatArray:
        """Return X' N' W N X, the normal equations' part; shape (q, q)."""
        columns = self.columns
        return np.asarray(columns.gram(self.weights) - columns.outer(self.weights, self.share))

    def squared(self) -> FloatArray:
        """Return X' N' W^2 N X; shape (q, q)."""
        half = self.weights**2 - self.squares / 2 * self.share
        beside = self.columns.outer(self.share, half)
        return np.asarray(self.columns.gram(self.weights**2) - beside - beside.T)

    def of_columns(self, gram: FloatArray) -> FloatArray:
        """Return the inner products of [N X, N W N X]; shape (2q, 2q)."""
        columns = self.columns
        beside = columns.outer(self.share, self.seen - self.count / 2 * self.share)
        first = columns.gram(self.seen) - beside - beside.T
        mixed = gram - columns.outer(self.seen - self.count * self.share, self.uneven)
        last = self.squared() + columns.outer(self.count * self.uneven, self.uneven)
        return np.block([[first, mixed], [mixed.T, last]])


def squared_gram(site: SiteRead) -> FloatArray:
    """Return a site's X' N' W^2 N X; shape (q, q)."""
    return _Weights(site).squared()


def least_squares_site(site: SiteRead, basis: FloatArray, bread: Bread) -> AdjustedSite:
    """Adjust a site of any number of rows.

    Parameters
    ----------
    site : SiteRead
    basis : array, shape (q, k)
    bread : Bread
    """
    weights = _Weights(site)
    gram = weights.gram()
    inner = _inner(site, weights, gram, basis=basis, bread=bread)
    found = _root(inner, weights, basis=basis, gram=gram, bread=bread)
    q = basis.shape[0]
    of_columns = inner.gram @ found.across + inner.along_units.T @ found.along
    along, by_hat = basis.T @ of_columns[:q], basis.T @ of_columns[q:]
    squared = (found.across * (inner.gram @ found.across)).sum(axis=0)
    return AdjustedSite(
        score=inner.residual @ found.across + inner.residual_along @ found.along,
        own=squared + (inner.value[:, None] * found.along**2).sum(axis=0),
        along=along.T,
        beside=(bread.among @ along / 2 - by_hat).T,
    )


def _inner(
    site: SiteRead, at: _Weights, gram: FloatArray, *, basis: FloatArray, bread: Bread
) -> _Inner:
    varying = at.excess > _CONSTANT
    excess = at.excess[varying][:, None]
    total, squares = at.total[varying], at.squares[varying]
    ratio = total**2 / squares
    # The direction is (1 - w W / sum w^2) / root, and 1 lies along it by as much as root.
    root = np.sqrt(ratio * excess)
    direction = at.seen[varying] - at.weights[varying] * total / squares
    table = np.zeros_like(at.weights)
    table[varying] = direction / root - root * at.share[varying]
    by_unit = at.columns.by_unit(table)[varying]
    of_uneven = at.columns.by_unit(at.uneven)[varying] / root
    along_units = np.hstack([by_unit, -at.count[varying] * of_uneven])
    right = basis @ bread.contrasts

    residual = site.block.residual
    sums = residual.sum(axis=1, keepdims=True)
    tables = np.stack([residual - at.share * sums, at.weights * residual - at.uneven * sums])
    of_residual = at.columns.products(tables).T.ravel()
    residual_along = sums[varying, 0] / root[:, 0]
    inverse = basis @ basis.T
    none = np.zeros_like(inverse)
    return _Inner(
        gram=at.of_columns(gram) - along_units.T @ along_units,
        along_units=along_units,
        of_plain=-ratio * of_uneven @ right,
        right=np.vstack([np.zeros_like(right), right]),
        residual=of_residual - along_units.T @ residual_along,
        residual_along=residual_along,
        value=1 + excess[:, 0],
        change=np.block([[basis @ bread.among @ basis.T, -inverse], [-inverse, none]]),
    )


def _root(
    inner: _Inner, weights: _Weights, *, basis: FloatArray, gram: FloatArray, bread: Bread
) -> _Part:
    """Return F^(+1/2) of what is adjusted, from inverses of F and shifts."""
    here, left = identified_here(basis.T @ gram @ basis)
    # F is 0 along W Z x for what only this site identifies.
    null = _of_plain(inner, weights, basis @ here)
    plain = _without(inner, _Part(across=inner.right, along=inner.of_plain), null)
    own = weights.weights[weights.weights > 0]
    lowest, highest = bread.weights
    shifts, factors = root_nodes(left * lowest / float(own.max()), highest / float(own.min()))
    across, along = np.zeros_like(plain.across), np.zeros_like(plain.along)
    size = inner.gram.shape[0]
    for shift, factor in zip(shifts, factors, strict=True):
        by_unit = 1 / (inner.value + shift)[:, None]
        weighed = (inner.along_units * by_unit).T
        among = inner.gram / (1 + shift) + weighed @ inner.along_units
        right = inner.gram @ plain.across / (1 + shift) + weighed @ plain.along
        moved = np.linalg.solve(np.eye(size) + inner.change @ among, inner.change @ right)
        across += factor / (1 + shift) * (plain.across - moved)
        along += factor * by_unit * (plain.along - inner.along_units @ moved)
    return _without(inner, _Part(across=across, along=along), null)


def _of_plain(inner: _Inner, weights: _Weights, effects: FloatArray) -> _Part:
    """Return W N X times effects, shape (q, j), its parts along the weights left out."""
    q = effects.shape[0]
    none = np.zeros_like(effects)
    # Along a unit's direction N W N X has -count / root of what W N X has -W^2 / sum w^2 / root.
    varying = weights.excess > _CONSTANT
    ratio = (weights.total**2 / weights.squares / weights.count)[varying]
    along = ratio * (inner.along_units[:, q:] @ effects)
    return _Part(across=np.vstack([none, effects]), along=along)


def _without(inner: _Inner, part: _Part, null: _Part) -> _Part:
    """Take out of vectors what they have of null directions."""
    if not null.across.shape[1]:
        return part
    products = inner.norm_with(null, null)
    found = np.linalg.lstsq(products, inner.norm_with(null, part), rcond=_NULL)[0]
    return part.less(null, np.asarray(found, dtype=np.float64))
