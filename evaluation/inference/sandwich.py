r"""The sandwiches: variances of a fit's contrasts from site scores, plain and bias-reduced.

Everything is read off a fit's equations. Their unit effects are absorbed, yet the bias reduction is
that of the full design with unit dummies: under weights with a homoskedastic working model the two
differ. As each unit lies in one site, a site's block of the full design's hat matrix needs only the
absorbed columns and the site's own units (:mod:`evaluation.inference.site_adjustment`).

Shapes: n rows, k columns, U units, G sites, r contrasts.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from evaluation.findings import BlockFit, Equations, LinearFit, SiteBlock
from evaluation.inference.moments import RowMoments, row_moments
from evaluation.inference.site_adjustment import AdjustedSite, Bread, SiteRows, dense_site
from evaluation.inference.site_columns import SiteColumns
from evaluation.inference.site_least_squares import least_squares_site, squared_gram
from evaluation.inference.site_poisson import poisson_site
from evaluation.inference.site_reads import SiteRead, SitesRead, absorbed, gross, read_sites

__all__ = ["Variance", "bias_reduced", "sandwich", "scaled_sandwich"]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
Family = Literal["gaussian", "poisson"]

# Scores this small beside the plain sandwich's terms, signs left out, are rounding.
_ROUNDING = 1e-10
# A site of more rows than this is adjusted by blocks: eigenvectors of its rows take longer.
_MOST_ROWS = 200


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Variance:
    """Covariance of the contrasts, shape (r, r), and each one's degrees of freedom, shape (r,)."""

    covariance: FloatArray
    df: FloatArray


def sandwich(equations: Equations) -> Variance:
    """Return the plain cluster sandwich (CR0), with G - 1 degrees of freedom."""
    if isinstance(equations, LinearFit):
        cut = row_moments(equations)
        scores, terms = cut.scores @ cut.contrasts, cut.gross
    else:
        scores, terms = _plain_scores(equations), _terms(equations)
    df = np.full(scores.shape[1], scores.shape[0] - 1.0)
    return _sum_squares(scores, terms, df)


def scaled_sandwich(equations: Equations) -> Variance:
    """Return the cluster sandwich times G/(G-1) (CR1), with G - 1 degrees of freedom."""
    plain, sites = sandwich(equations), equations.n_clusters
    return Variance(covariance=plain.covariance * (sites / (sites - 1)), df=plain.df)


def bias_reduced(equations: Equations) -> Variance:
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
    if isinstance(equations, LinearFit):
        terms, adjusted = row_moments(equations).gross, list(_adjust_rows(equations))
    else:
        terms, adjusted = _terms(equations), list(_adjust_blocks(equations))
    df = _satterthwaite(
        own=np.stack([site.own for site in adjusted]),
        along=np.stack([site.along for site in adjusted]),
        beside=np.stack([site.beside for site in adjusted]),
    )
    return _sum_squares(np.stack([site.score for site in adjusted]), terms, df)


def _adjust_rows(linear: LinearFit) -> Iterator[AdjustedSite]:
    cut = row_moments(linear)
    slope = _slope(cut.weights, linear.family)
    bread = Bread(
        contrasts=cut.contrasts,
        among=cut.basis.T @ ((cut.weights**2 / slope)[:, None] * cut.basis),
        weights=(float(cut.weights.min()), float(cut.weights.max())),
    )
    unit = np.searchsorted(cut.unit_start, np.arange(cut.weights.size), side="right") - 1
    for first, last in zip(cut.site_start, [*cut.site_start[1:], cut.weights.size], strict=True):
        rows = slice(int(first), int(last))
        if last - first > _MOST_ROWS:
            site = _as_block(cut, unit[rows], rows)
            yield _by_blocks(site, np.eye(bread.among.shape[0]), bread, linear.family)
            continue
        yield dense_site(
            SiteRows(
                z=slope[rows, None] * cut.basis[rows],
                weights=cut.weights[rows] / slope[rows] ** 2,
                variance=slope[rows],
                residual=slope[rows] * cut.residual[rows],
                dummy=slope[rows],
                unit=unit[rows] - unit[first],
            ),
            bread.contrasts,
            bread.among,
        )


def _adjust_blocks(blocks: BlockFit) -> Iterator[AdjustedSite]:
    read = read_sites(blocks)
    bread = _bread(read, blocks.family)
    for site in read.sites:
        basis, seen = read.basis[site.columns.kept], site.block.weights > 0
        if seen.sum() > _MOST_ROWS:
            yield _by_blocks(site, basis, bread, blocks.family)
            continue
        weights = site.block.weights[seen]
        slope = _slope(weights, blocks.family)
        z = absorbed(site.columns.predicted(basis), site.block.weights)[:, seen].T
        yield dense_site(
            SiteRows(
                z=slope[:, None] * z,
                weights=weights / slope**2,
                variance=slope,
                residual=slope * site.block.residual[seen],
                dummy=slope,
                unit=np.nonzero(seen)[0],
            ),
            bread.contrasts,
            bread.among,
        )


def _slope(weights: FloatArray, family: Family) -> FloatArray:
    """Return the rate of change of the mean with the linear predictor.

    A Poisson fit goes from the scale of the predictor, where least squares has its weights, to that
    of the count.
    """
    return weights if family == "poisson" else np.ones_like(weights)


def _bread(read: SitesRead, family: Family) -> Bread:
    k = read.basis.shape[1]
    if family == "poisson":
        return Bread(contrasts=read.contrasts, among=np.eye(k), weights=(1.0, 1.0))
    among = np.zeros((read.basis.shape[0], read.basis.shape[0]))
    lowest, highest = np.inf, 0.0
    for site in read.sites:
        kept, weights = site.columns.kept, site.block.weights
        among[np.ix_(kept, kept)] += squared_gram(site)
        lowest = min(lowest, float(weights[weights > 0].min()))
        highest = max(highest, float(weights.max()))
    among = read.basis.T @ among @ read.basis
    return Bread(contrasts=read.contrasts, among=among, weights=(lowest, highest))


def _by_blocks(site: SiteRead, basis: FloatArray, bread: Bread, family: Family) -> AdjustedSite:
    if family == "poisson":
        return poisson_site(site, basis, bread.contrasts)
    return least_squares_site(site, basis, bread)


def _as_block(cut: RowMoments, unit: IntArray, rows: slice) -> SiteRead:
    """Lay a site's rows out as tables, the columns of the basis as covariates of their own."""
    codes, position = np.unique(unit, return_index=True)
    lengths = np.diff(position, append=unit.size)
    at = np.arange(unit.size) - np.repeat(position, lengths)
    shape = (codes.size, int(lengths.max()))

    def table(values: FloatArray) -> FloatArray:
        made = np.zeros((*values.shape[1:], *shape))
        made[..., unit - codes[0], at] = values.T
        return made

    block = SiteBlock(
        weights=table(cut.weights[rows]),
        residual=table(cut.residual[rows]),
        groups=((codes.size, np.zeros((shape[1], 0))),),
        covariates=table(cut.basis[rows]),
    )
    return SiteRead(block=block, columns=SiteColumns(block, np.ones(cut.basis.shape[1])))


def _plain_scores(blocks: BlockFit) -> FloatArray:
    """Return each site's part of the contrasts' equations; shape (G, r)."""
    read = read_sites(blocks)
    within = read.basis @ read.contrasts
    return np.stack(
        [
            site.columns.products((site.block.weights * site.block.residual)[None])[:, 0]
            @ within[site.columns.kept]
            for site in read.sites
        ]
    )


def _terms(blocks: BlockFit) -> FloatArray:
    """Return the terms of these without their signs, summed; shape (r,)."""
    read = read_sites(blocks)
    within = read.basis @ read.contrasts
    sums: FloatArray = sum(
        (gross(site, within[site.columns.kept]) for site in read.sites),
        start=np.zeros(within.shape[1]),
    )
    return sums


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


def _sum_squares(scores: FloatArray, terms: FloatArray, df: FloatArray) -> Variance:
    """Sum the squared site scores, shape (G, r); one that is rounding of its terms, (r,), is 0."""
    # One treated site may fit itself exactly: its score is then zero, up to rounding.
    scores = np.where(np.abs(scores) <= _ROUNDING * terms, 0.0, scores)
    return Variance(covariance=scores.T @ scores, df=df)
