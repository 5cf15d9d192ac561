r"""The sandwiches: variances of a fit's contrasts from site scores, plain and bias-reduced.

Everything is read off a :class:`~evaluation.findings.LinearFit`. Its unit effects are absorbed, yet
the bias reduction is that of the full design with unit dummies: under weights with a homoskedastic
working model the two differ. In a basis that is orthonormal under the weights,
:math:`T = [Z, S D^{-1/2}]` with :math:`T'WT = I` (:math:`Z` spans the absorbed columns, :math:`S`
are the unit dummies, :math:`D = S'WS`), the hat matrix is :math:`H = T T' W`; and as each unit lies
in one site, a site's block of it needs only :math:`Z` and the site's own units.

Shapes: n rows, k columns, U units, G sites, r contrasts.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evaluation.findings import LinearFit

__all__ = ["Variance", "bias_reduced", "sandwich", "scaled_sandwich"]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

# Eigenvalues below this share of the largest are rounding: the working variance of residuals has
# none along the site's own unit dummies, nor along whatever only that site identifies.
_NULL = 1e-12
# Scores this small beside the plain sandwich's terms, signs left out, are rounding.
_ROUNDING = 1e-10


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Variance:
    """Covariance of the contrasts, shape (r, r), and each one's degrees of freedom, shape (r,)."""

    covariance: FloatArray
    df: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Basis:
    """A fit in the orthonormal basis, its rows ordered by site and unit.

    Parameters
    ----------
    z : array, shape (n, k)
        The absorbed columns made orthonormal: ``z' W z`` is the identity.
    contrasts : array, shape (k, r)
        The fit's contrasts, of the coefficients of ``z``.
    weights, variance, residual : array, shape (n,)
        ``variance`` is the working model's.
    dummy : array, shape (n,)
        The value of the row's own unit dummy, all others being 0.
    site_start, unit_start : int array, shapes (G,) and (U,)
        Where the rows of each site and of each unit begin.
    unit : int array, shape (n,)
        Codes from 0, rising with the rows.
    """

    z: FloatArray
    contrasts: FloatArray
    weights: FloatArray
    variance: FloatArray
    residual: FloatArray
    dummy: FloatArray
    site_start: IntArray
    unit_start: IntArray
    unit: IntArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Working:
    """What the working variance V makes of the basis, over all sites.

    Parameters
    ----------
    hat : array, shape (n,)
        The diagonal of W V.
    unit_root : array, shape (U,)
        The diagonal of D^(1/2).
    among : array, shape (k, k)
        Z' W V W Z; the identity when V is the inverse of W.
    across : array, shape (U, k)
        D^(-1/2) S' W V W Z; zero when W V is constant within units.
    within : array, shape (U,)
        The diagonal of D^(-1/2) S' W V W S D^(-1/2).
    """

    hat: FloatArray
    unit_root: FloatArray
    among: FloatArray
    across: FloatArray
    within: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Site:
    """One site's share: ``parts`` (rows, r) weigh its residuals; moments are (r,) and (r, k)."""

    parts: FloatArray
    own: FloatArray
    along: FloatArray
    beside: FloatArray


def sandwich(linear: LinearFit) -> Variance:
    """Return the plain cluster sandwich (CR0), with G - 1 degrees of freedom."""
    basis = _basis(linear)
    parts = basis.weights[:, None] * (basis.z @ basis.contrasts)
    return _sum_squares(basis, parts, np.full(parts.shape[1], basis.site_start.size - 1.0))


def scaled_sandwich(linear: LinearFit) -> Variance:
    """Return the cluster sandwich times G/(G-1) (CR1), with G - 1 degrees of freedom."""
    plain, sites = sandwich(linear), linear.n_clusters
    return Variance(covariance=plain.covariance * (sites / (sites - 1)), df=plain.df)


def bias_reduced(linear: LinearFit) -> Variance:
    """Return the bias-reduced sandwich (CR2) with Satterthwaite's degrees of freedom.

    Site j's residuals are multiplied by the symmetric
    ``A = R (R [(I-H) V (I-H)']_jj R)^(-1/2) R`` with ``R`` the root of ``V_jj`` (pseudo-inverse
    where a unit dummy leaves no variance), so that the sandwich is unbiased when V is right. V is
    the identity for least squares, weighted or not. For Poisson the equations are taken on the
    scale of the count: V is the fitted mean, and the columns are those of the mean's derivative.
    Both are clubSandwich's choices; A depends on the scale, so that the working regression of the
    same fit would give other figures.

    Source: Bell and McCaffrey (2002), Survey Methodology 28; Pustejovsky and Tipton (2018), JBES
    36, sections 2.1 (adjustment matrices) and 3.1 (degrees of freedom); their short cut past the
    unit dummies (section 2.2) is not taken: it holds for unweighted least squares alone, as their
    correction of 2023 says (doi 10.1080/07350015.2023.2174123).
    """
    basis = _basis(linear)
    working = _working(basis)
    ends = [*basis.site_start[1:].tolist(), basis.unit.size]
    sites = [
        _adjust(basis, working, slice(first, last))
        for first, last in zip(basis.site_start.tolist(), ends, strict=True)
    ]
    df = _satterthwaite(
        own=np.stack([site.own for site in sites]),
        along=np.stack([site.along for site in sites]),
        beside=np.stack([site.beside for site in sites]),
    )
    return _sum_squares(basis, np.concatenate([site.parts for site in sites]), df)


def _basis(linear: LinearFit) -> _Basis:
    order = np.lexsort((linear.unit, linear.cluster))
    site, unit = linear.cluster[order], linear.unit[order]
    working, residual = linear.weights[order], linear.residual[order]
    root = np.sqrt(working)[:, None]
    orthonormal, triangle = np.linalg.qr(linear.x[order] * root)
    # The rate of change of the mean with the linear predictor: a Poisson fit goes from the scale of
    # the predictor, where least squares has its weights, to that of the count.
    slope = working if linear.family == "poisson" else np.ones_like(working)
    weights = working / slope**2
    new_site = np.r_[True, site[1:] != site[:-1]]
    new_unit = np.r_[True, unit[1:] != unit[:-1]] | new_site
    return _Basis(
        z=orthonormal / root * slope[:, None],
        contrasts=np.linalg.solve(triangle.T, linear.contrasts.T),
        weights=weights,
        variance=slope,
        residual=slope * residual,
        dummy=slope,
        site_start=np.flatnonzero(new_site),
        unit_start=np.flatnonzero(new_unit),
        unit=np.cumsum(new_unit) - 1,
    )


def _working(basis: _Basis) -> _Working:
    hat = basis.weights * basis.variance
    spread = (basis.weights * hat)[:, None] * basis.z
    total = np.add.reduceat(basis.weights * basis.dummy**2, basis.unit_start)
    among_units = np.add.reduceat(basis.weights * hat * basis.dummy**2, basis.unit_start)
    across = np.add.reduceat(basis.dummy[:, None] * spread, basis.unit_start, axis=0)
    unit_root = np.sqrt(total)
    return _Working(
        hat=hat,
        unit_root=unit_root,
        among=basis.z.T @ spread,
        across=across / unit_root[:, None],
        within=among_units / total,
    )


def _adjust(basis: _Basis, working: _Working, rows: slice) -> _Site:
    z, hat, variance = basis.z[rows], working.hat[rows], basis.variance[rows]
    units = slice(int(basis.unit[rows.start]), int(basis.unit[rows.stop - 1]) + 1)
    codes = np.arange(units.start, units.stop)
    own_unit = basis.unit[rows, None] == codes
    dummies = own_unit * basis.dummy[rows, None] / working.unit_root[units]
    across, within = working.across[units], working.within[units]

    t = np.hstack([z, dummies])
    middle = np.block([[working.among, across.T], [across, np.diag(within)]])
    leverage = (t @ t.T) * hat
    left = np.diag(variance) - leverage - leverage.T + t @ middle @ t.T
    scale = np.sqrt(variance)
    root = _inverse_root(scale[:, None] * left * scale, float((variance**2).max()))
    adjustment = scale[:, None] * root * scale
    parts = adjustment @ (basis.weights[rows, None] * (z @ basis.contrasts))

    along, weighed = z.T @ parts, hat[:, None] * parts
    unit_along = dummies.T @ parts
    return _Site(
        parts=parts,
        own=(variance[:, None] * parts**2).sum(axis=0)
        - 2 * ((dummies.T @ weighed) * unit_along).sum(axis=0)
        + (within[:, None] * unit_along**2).sum(axis=0),
        along=along.T,
        beside=(working.among @ along / 2 + across.T @ unit_along - z.T @ weighed).T,
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


def _satterthwaite(*, own: FloatArray, along: FloatArray, beside: FloatArray) -> FloatArray:
    """Match a scaled chi-square to the variance's first two moments under the working model.

    For one contrast the variance is a quadratic form in normal errors whose site-by-site moments
    are ``P = diag(own) + along @ beside.T + beside @ along.T``; the degrees of freedom are
    ``trace(P)^2 / trace(P P)``, had from k-by-k products without forming P.

    Parameters
    ----------
    own : array, shape (G, r)
    along, beside : array, shape (G, r, k)

    Returns
    -------
    array, shape (r,)
        NaN where the variance is zero whatever the errors.
    """
    both = np.einsum("grk,grk->gr", along, beside)
    trace = (own + 2 * both).sum(axis=0)
    cross = np.einsum("grk,grl->rkl", along, beside)
    squares = (
        (own**2 + 4 * own * both).sum(axis=0)
        + 2 * np.einsum("rkl,rkl->r", *(np.einsum("grk,grl->rkl", a, a) for a in (along, beside)))
        + 2 * np.einsum("rkl,rlk->r", cross, cross)
    )
    df: FloatArray = np.full_like(trace, np.nan)
    np.divide(trace**2, squares, out=df, where=squares > 0)
    return df


def _sum_squares(basis: _Basis, parts: FloatArray, df: FloatArray) -> Variance:
    """Sum the squared site scores; ``parts``, shape (n, r), is what each residual counts for."""
    scores = np.add.reduceat(parts * basis.residual[:, None], basis.site_start, axis=0)
    # One treated site may fit itself exactly: its score is then zero, up to rounding.
    plain = np.abs(basis.weights[:, None] * (basis.z @ basis.contrasts))
    scores[np.abs(scores) <= _ROUNDING * (np.abs(basis.residual) @ plain)] = 0.0
    return Variance(covariance=scores.T @ scores, df=df)
