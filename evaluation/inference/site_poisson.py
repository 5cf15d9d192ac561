r"""The adjustment of CR2 for one site of a Poisson fit, by blocks.

On the scale of the count the working variance is the fitted mean :math:`\mu`, and the weights are
its inverse; so that, with :math:`z` the absorbed columns (orthonormal under :math:`\mu`),

.. math:: F = \mu^2 - \mu^{3/2} (S D^{-1} S' + z z') \mu^{3/2}, \qquad D = S' \mu S .

Within a unit :math:`(F + s)^{-1}` without z is a diagonal matrix and a change of rank 1, so that
with :math:`d = 1 / (\mu^2 + s)`, across the direction :math:`\mu^{-1/2}` in which F is 0,

.. math:: z'\mu^{3/2} (\cdot)^{-1} \mu^{3/2} z = B'X' \left[\mu^3 d
    - \frac{\mu \mu'}{\sum \mu} + s \frac{(\mu d)(\mu d)'}{\sum \mu d} \right] X B ,

sums over the unit's periods: nothing is divided by a small s, and no column is absorbed.

Shapes: u units, T periods, q columns, k directions, r contrasts.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from evaluation.inference.rational_root import root_nodes
from evaluation.inference.site_adjustment import AdjustedSite, identified_here
from evaluation.inference.site_reads import SiteRead, absorbed, absorbed_gram, in_parts

__all__ = ["poisson_site"]

FloatArray = NDArray[np.float64]

# Means this small beside the site's largest are those of separated zeros.
_NO_MEAN = 1e-13
# Directions of null directions below this share of the largest are redundant.
_NULL = 1e-12
# Tables that are held at once for each contrast.
_TABLES = 6


class _Root:
    """F of a site, and its inverse root times tables that have nothing along its null directions.

    Parameters
    ----------
    site : SiteRead
    basis : array, shape (q, k)
    """

    def __init__(self, site: SiteRead, basis: FloatArray) -> None:
        mean = site.block.weights
        self.columns = site.columns
        self.inverse = basis @ basis.T
        self.mean: FloatArray = np.where(mean > _NO_MEAN * mean.max(), mean, 0.0)
        self.seen = self.mean > 0
        safe = np.where(self.seen, self.mean, 1.0)
        self.up: FloatArray = self.mean**1.5
        self.dummy: FloatArray = np.where(self.seen, safe**-0.5, 0.0)
        self.share = self.mean / self.mean.sum(axis=1, keepdims=True)
        self.between = self.columns.outer(self.mean, self.share)
        gram = absorbed_gram(self.columns, self.mean)
        here, left = identified_here(basis.T @ gram @ basis)
        tables = self.dummy * absorbed(self.columns.predicted(basis @ here), self.mean)
        self.null = self._off_dummies(tables)
        least = float(self.mean[self.seen].min())
        self.nodes = root_nodes(left * least**2, float(self.mean.max()) ** 2)

    def _off_dummies(self, tables: FloatArray) -> FloatArray:
        own = np.einsum("jut,ut->ju", tables, self.dummy) / (self.dummy**2).sum(axis=1)
        return np.asarray(tables - own[:, :, None] * self.dummy)

    def across_null(self, tables: FloatArray) -> FloatArray:
        """Return tables, shape (j, u, T), without what they have along null directions of F."""
        rest = self._off_dummies(tables)
        if not self.null.shape[0]:
            return rest
        null = self.null.reshape(self.null.shape[0], -1)
        flat = rest.reshape(rest.shape[0], -1)
        times = np.linalg.lstsq(null @ null.T, null @ flat.T, rcond=_NULL)[0]
        return (flat - times.T @ null).reshape(rest.shape)

    def times(self, tables: FloatArray) -> FloatArray:
        """Return F^(+1/2) times tables; shape (j, u, T)."""
        plain = self.across_null(tables)
        found = np.zeros_like(plain)
        for shift, factor in zip(*self.nodes, strict=True):
            found += factor * self._shifted(plain, float(shift))
        return self.across_null(found)

    def _shifted(self, plain: FloatArray, shift: float) -> FloatArray:
        """Return (F + shift)^-1 times tables without null directions."""
        inverse = np.where(self.seen, 1 / (self.mean**2 + shift), 0.0)
        damped = self.mean * inverse
        total = damped.sum(axis=1, keepdims=True)
        dummy = self.dummy * inverse
        matrix = self.columns.gram(self.mean**2 * damped) - self.between
        matrix += shift * self.columns.outer(damped, damped / total)
        level = np.einsum("jut,ut->ju", plain, dummy)[:, :, None] / total
        right = self.columns.products(self.up * inverse * plain + shift * level * damped)
        moved: FloatArray = np.asarray(
            np.linalg.solve(np.eye(matrix.shape[0]) - self.inverse @ matrix, self.inverse @ right),
            dtype=np.float64,
        )
        fitted: FloatArray = plain + self.up * absorbed(self.columns.predicted(moved), self.mean)
        level = np.einsum("jut,ut->ju", fitted, dummy)[:, :, None] / total
        return np.asarray(inverse * (fitted - self.up * level))


def poisson_site(site: SiteRead, basis: FloatArray, contrasts: FloatArray) -> AdjustedSite:
    """Adjust a site of any number of rows.

    Parameters
    ----------
    site : SiteRead
        Weights are the fitted means.
    basis : array, shape (q, k)
    contrasts : array, shape (k, r)
    """
    root = _Root(site, basis)
    found = [
        _adjusted(site, root, basis, contrasts[:, part])
        for part in in_parts(contrasts.shape[1], _TABLES * root.mean.size)
    ]
    return AdjustedSite(
        score=np.concatenate([one.score for one in found]),
        own=np.concatenate([one.own for one in found]),
        along=np.concatenate([one.along for one in found]),
        beside=np.concatenate([one.beside for one in found]),
    )


def _adjusted(
    site: SiteRead, root: _Root, basis: FloatArray, contrasts: FloatArray
) -> AdjustedSite:
    plain = absorbed(site.columns.predicted(basis @ contrasts), root.mean)
    parts = np.sqrt(root.mean) * root.times(np.sqrt(root.mean) * plain)
    weighed = root.mean * parts
    by_unit = weighed.sum(axis=2)
    total = root.mean.sum(axis=1)
    along = basis.T @ site.columns.products(weighed - root.share * by_unit[:, :, None])
    return AdjustedSite(
        score=np.einsum("jut,ut->j", weighed, site.block.residual),
        own=np.einsum("jut,jut->j", weighed, parts) - (by_unit**2 / total).sum(axis=1),
        along=along.T,
        beside=-along.T / 2,
    )
