r"""One site's bias-reduced scores: the adjustment of CR2, by its definition or by blocks.

Everything is in a basis that is orthonormal under the weights, :math:`T = [Z, S D^{-1/2}]` with
:math:`T'WT = I` (:math:`Z` spans the absorbed columns, :math:`S` are the unit dummies,
:math:`D = S'WS`), so that the hat matrix is :math:`H = T T' W`. What is adjusted is
:math:`F = R [(I - H) V (I - H)']_{gg} R`, V the working variance and R the root of its block: the
site's scores are :math:`a' Z_g'W_g R F^{+1/2} R e_g`.

Sites of few rows have the eigenvectors of F, :func:`dense_site`. For sites of many, F is what it
would be without Z, which is simple within each unit, and a change of rank 2k; so that
:math:`(F + s)^{-1}` is had from systems as small as the columns, whatever the number of rows, and
the root from a sum of those over some 20 to 50 shifts s
(:mod:`evaluation.inference.rational_root`). Directions in which F is 0 are known in advance (unit
dummies, and what only this site identifies) and are taken out. The two forms of F are in
:mod:`evaluation.inference.site_least_squares` and :mod:`evaluation.inference.site_poisson`; both
are the definition to rounding, not nearly so.

Shapes: n rows of the site, u units, T periods, q columns, k directions, r contrasts.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["AdjustedSite", "Bread", "SiteRows", "dense_site", "identified_here"]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

# Eigenvalues below this share of the largest are rounding: the working variance of residuals has
# none along the site's own unit dummies, nor along whatever only that site identifies.
_NULL = 1e-12
# Of the normal equations less the site's own part: what only the site identifies.
_ONLY_HERE = 1e-10


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Bread:
    """What a site's adjustment takes from all sites together.

    Parameters
    ----------
    contrasts : array, shape (k, r)
    among : array, shape (k, k)
        Z' W V W Z; the identity when V is the inverse of W.
    weights : (float, float)
        The smallest and largest over all rows.
    """

    contrasts: FloatArray
    among: FloatArray
    weights: tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class AdjustedSite:
    """One site's share of a variance and of its moments.

    Parameters
    ----------
    score : array, shape (r,)
        Adjusted residuals times what they weigh.
    own : array, shape (r,)
    along, beside : array, shape (r, k)
        Site g's moment with site h is ``along_g @ beside_h + beside_g @ along_h``, and its own is
        more by ``own``.
    """

    score: FloatArray
    own: FloatArray
    along: FloatArray
    beside: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SiteRows:
    """One site's rows in the basis, ordered by unit.

    Parameters
    ----------
    z : array, shape (n, k)
    weights, variance, residual : array, shape (n,)
        ``variance`` is the working model's.
    dummy : array, shape (n,)
        The value of the row's own unit dummy, all others being 0.
    unit : int array, shape (n,)
        Codes from 0 without gaps.
    """

    z: FloatArray
    weights: FloatArray
    variance: FloatArray
    residual: FloatArray
    dummy: FloatArray
    unit: IntArray


def dense_site(rows: SiteRows, contrasts: FloatArray, among: FloatArray) -> AdjustedSite:
    """Adjust a site by the eigenvectors of its n by n matrix."""
    z, variance = rows.z, rows.variance
    hat = rows.weights * variance
    own_unit = rows.unit[:, None] == np.arange(rows.unit[-1] + 1)
    total = own_unit.T @ (rows.weights * rows.dummy**2)
    dummies = own_unit * rows.dummy[:, None] / np.sqrt(total)
    weighed = rows.weights * hat
    across = dummies.T @ (weighed[:, None] * z)
    within = own_unit.T @ (weighed * rows.dummy**2) / total

    t = np.hstack([z, dummies])
    middle = np.block([[among, across.T], [across, np.diag(within)]])
    leverage = (t @ t.T) * hat
    left = np.diag(variance) - leverage - leverage.T + t @ middle @ t.T
    scale = np.sqrt(variance)
    root = _inverse_root(scale[:, None] * left * scale, float((variance**2).max()))
    plain = rows.weights[:, None] * (z @ contrasts)
    parts = scale[:, None] * (root @ (scale[:, None] * plain))

    along, by_hat = z.T @ parts, hat[:, None] * parts
    unit_along = dummies.T @ parts
    return AdjustedSite(
        score=rows.residual @ parts,
        own=(variance[:, None] * parts**2).sum(axis=0)
        - 2 * ((dummies.T @ by_hat) * unit_along).sum(axis=0)
        + (within[:, None] * unit_along**2).sum(axis=0),
        along=along.T,
        beside=(among @ along / 2 + across.T @ unit_along - z.T @ by_hat).T,
    )


def _inverse_root(matrix: FloatArray, size: float) -> FloatArray:
    """Return the symmetric root of the pseudo-inverse of a positive semi-definite matrix.

    ``size`` is what its eigenvalues would be without any fitting: where the site is fitted exactly
    the largest of them is rounding too.
    """
    values, vectors = np.linalg.eigh(matrix)
    large = values > _NULL * max(float(values[-1]), size)
    vectors = vectors[:, large]
    return np.asarray((vectors / np.sqrt(values[large])) @ vectors.T)


def identified_here(gram: FloatArray) -> tuple[FloatArray, float]:
    """Return what only a site identifies, and how little of anything else is left without it.

    Parameters
    ----------
    gram : array, shape (k, k)
        The site's part of normal equations whose sum is the identity.

    Returns
    -------
    array, shape (k, d)
        Directions that are not identified without the site.
    float
        The smallest eigenvalue of what the other sites say of the other directions.
    """
    values, vectors = np.linalg.eigh(np.eye(gram.shape[0]) - gram)
    here = values <= _ONLY_HERE
    return vectors[:, here], float(values[~here].min(initial=1.0))
