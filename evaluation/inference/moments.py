r"""A fit cut into its sites: all that the jackknife and the wild bootstrap ask of the data.

In a basis :math:`B = X R^{-1}` with :math:`B'WB = I` the normal equations of everything are the
identity, and those without site g are :math:`I - B_g'W_gB_g`: small, well scaled, and singular
exactly when leaving g out loses something.

Shapes: n rows, k columns, G sites, U units, r contrasts.
"""

from __future__ import annotations

from dataclasses import dataclass
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from evaluation.errors import EstimationError
from evaluation.findings import BlockFit, Equations, LinearFit
from evaluation.inference.site_reads import SitesRead, absorbed_gram, gross, read_sites

__all__ = [
    "Moments",
    "Null",
    "RowMoments",
    "SiteMoments",
    "moments",
    "row_moments",
    "site_grams",
    "solve_without",
    "turned",
]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

# As share of what it was with the site: less is left by rounding alone.
_LOST = 1e-10
# Numbers that the sites' moments may hold together, 0.8 gigabytes.
_MOST_NUMBERS = 100_000_000

# What was made of a fit, as long as the fit lives: event times share it, and so do procedures.
_ROWS: WeakKeyDictionary[LinearFit, RowMoments] = WeakKeyDictionary()
_SITES: WeakKeyDictionary[BlockFit, SiteMoments] = WeakKeyDictionary()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Moments:
    """Site by site moments of a fit, in a basis of k columns orthonormal under its weights.

    Parameters
    ----------
    contrasts : array, shape (k, r)
        The fit's contrasts, of the coefficients of the basis.
    grams : array, shape (G, k, k)
        ``B_g' W_g B_g``; their sum is the identity.
    scores : array, shape (G, k)
        ``B_g' W_g residual_g``; their sum is zero.
    gross : array, shape (r,)
        Each contrast's terms of the scores without their signs, summed: what rounding is a share
        of.
    """

    contrasts: FloatArray
    grams: FloatArray
    scores: FloatArray
    gross: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RowMoments(Moments):
    """The same with the rows they are sums of, ordered by site and unit.

    Parameters
    ----------
    basis : array, shape (n, k)
        The absorbed columns made orthonormal under ``weights``.
    weights, residual : array, shape (n,)
    site_start, unit_start : int array, shapes (G,) and (U,)
        Where the rows of each site and of each unit begin.
    """

    basis: FloatArray
    weights: FloatArray
    residual: FloatArray
    site_start: IntArray
    unit_start: IntArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SiteMoments(Moments):
    """The same of a fit by blocks, with its sites as they were read."""

    read: SitesRead


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Null:
    """The moments turned so that one contrast is ``scale`` times the last coefficient.

    Parameters
    ----------
    mirror : array, shape (k,)
        Householder vector of the turn, ``I - mirror mirror'``.
    scale : float
    grams : array, shape (G, k, k)
    scores : array, shape (G, k)
    """

    mirror: FloatArray
    scale: float
    grams: FloatArray
    scores: FloatArray


def moments(equations: Equations) -> RowMoments | SiteMoments:
    """Return the moments of a fit, remembered for as long as the fit lives.

    Raises
    ------
    EstimationError
        When those of a fit by blocks are more than memory may hold.
    """
    if isinstance(equations, LinearFit):
        return row_moments(equations)
    found = _SITES.get(equations)
    if found is None:
        found = _SITES[equations] = _moments_of_blocks(read_sites(equations))
    return found


def row_moments(linear: LinearFit) -> RowMoments:
    """Return the moments of a fit with its rows, remembered for as long as the fit lives."""
    found = _ROWS.get(linear)
    if found is None:
        found = _ROWS[linear] = _moments_of_rows(linear)
    return found


def _moments_of_blocks(read: SitesRead) -> SiteMoments:
    k, r = read.contrasts.shape
    n_sites = len(read.sites)
    if n_sites * k * k > _MOST_NUMBERS:
        raise EstimationError(
            f"{n_sites:,} sites with {k} effects beside the units' own are too many: their moments "
            f"would take {8e-9 * n_sites * k * k:.1f} GB",
            allowed=f"{8e-9 * _MOST_NUMBERS:.1f} GB",
            remedy="Choose cr2, which takes one site at a time, or join periods.",
        )
    grams, scores = np.empty((n_sites, k, k)), np.empty((n_sites, k))
    sizes = np.zeros(r)
    for at, site in enumerate(read.sites):
        weights, columns = site.block.weights, site.columns
        basis = read.basis[columns.kept]
        grams[at] = basis.T @ absorbed_gram(columns, weights) @ basis
        weighed = weights * site.block.residual
        scores[at] = basis.T @ columns.products(weighed[None])[:, 0]
        sizes += gross(site, basis @ read.contrasts)
    return SiteMoments(contrasts=read.contrasts, grams=grams, scores=scores, gross=sizes, read=read)


def _moments_of_rows(linear: LinearFit) -> RowMoments:
    order = np.lexsort((linear.unit, linear.cluster))
    site, unit = linear.cluster[order], linear.unit[order]
    weights, residual = linear.weights[order], linear.residual[order]
    root = np.sqrt(weights)
    orthonormal, triangle = np.linalg.qr(linear.x[order] * root[:, None])
    contrasts = np.linalg.solve(triangle.T, linear.contrasts.T)
    new_site = np.r_[True, site[1:] != site[:-1]]
    new_unit = np.r_[True, unit[1:] != unit[:-1]] | new_site
    site_start = np.flatnonzero(new_site)
    parts = np.abs(orthonormal @ contrasts)
    return RowMoments(
        basis=orthonormal / root[:, None],
        contrasts=contrasts,
        weights=weights,
        residual=residual,
        site_start=site_start,
        unit_start=np.flatnonzero(new_unit),
        grams=site_grams(orthonormal, site_start),
        scores=np.add.reduceat(orthonormal * (root * residual)[:, None], site_start, axis=0),
        gross=(root * np.abs(residual)) @ parts,
    )


def site_grams(rows: FloatArray, site_start: IntArray) -> FloatArray:
    """Return each site's cross products; ``rows``, shape (n, k), hold the root of the weights."""
    n, k = rows.shape
    sites = site_start.size
    if n % sites == 0 and (np.diff(site_start) == n // sites).all():
        blocks = rows.reshape(sites, n // sites, k)
        return np.asarray(blocks.transpose(0, 2, 1) @ blocks)
    parts = np.split(rows, site_start[1:])
    return np.stack([part.T @ part for part in parts])


def turned(cut: Moments, focal: int) -> Null:
    """Turn the basis so that contrast ``focal`` is a multiple of its last coefficient."""
    contrast = cut.contrasts[:, focal]
    size = float(np.linalg.norm(contrast))
    mirror = contrast / size
    # Away from zero: the sign that loses no digits.
    sign = 1.0 if mirror[-1] >= 0 else -1.0
    mirror[-1] += sign
    mirror *= np.sqrt(2.0) / np.linalg.norm(mirror)
    along = cut.grams @ mirror
    inner = along @ mirror
    rank = along[:, :, None] - inner[:, None, None] / 2 * mirror[:, None]
    return Null(
        mirror=mirror,
        scale=-sign * size,
        grams=cut.grams - rank * mirror - mirror[:, None] * rank.transpose(0, 2, 1),
        scores=cut.scores - (cut.scores @ mirror)[:, None] * mirror,
    )


def solve_without(
    grams: FloatArray, right: FloatArray, *, total: FloatArray | None = None
) -> tuple[FloatArray, FloatArray | None]:
    """Solve the normal equations without each site in turn.

    Where they are singular the solution is the shortest one.

    Parameters
    ----------
    grams : array, shape (G, k, k)
    right : array, shape (G, k, j)
    total : array, shape (k, k), optional
        Sum of ``grams``, for a basis that is not orthonormal.

    Returns
    -------
    solution : array, shape (G, k, j)
    kept : array, shape (G, k, k), or None
        Projector on what is still identified without each site; None when everything is.
    """
    left = (np.eye(grams.shape[1]) if total is None else total) - grams
    try:
        pivots = np.diagonal(np.linalg.cholesky(left), axis1=1, axis2=2)
    except np.linalg.LinAlgError:
        pivots = np.zeros((1, 1))
    whole = np.ones(left.shape[1]) if total is None else np.diagonal(total)
    if (pivots**2 > _LOST * whole).all():
        return np.asarray(np.linalg.solve(left, right), dtype=np.float64), None
    values, vectors = np.linalg.eigh(left)
    found = values > _LOST * whole.max()
    inverse = np.where(found, 1 / np.where(found, values, 1.0), 0.0)
    across = vectors.transpose(0, 2, 1)
    solution = vectors @ (inverse[:, :, None] * (across @ right))
    return solution, (vectors * found[:, None, :]) @ across
