r"""Coefficient and jackknife error of every reassignment at once, at any tested value.

One-unit sites (the panel is collapsed before). A reassignment's treatment is a sum of parts
:math:`v_{sk}`, path k on site s, so that everything about it is a sum over the few parts chosen of
arrays that are made once. Two routes: balanced panels with product weights through Z and q
(:mod:`evaluation.inference.engine`), all others through residuals of the parts, or, with very many
sites, of each reassignment's whole treatment.

The variance is CR3's, the jackknife by site, refitted nowhere. With :math:`n_s` and :math:`l_s` a
site's part of numerator N and information I, period effects and covariates fitted without it
(:mod:`evaluation.inference.left_out`), the coefficient without the site is
:math:`b_{-s} = (N - n_s) / (I - l_s)`, which differs from b by
:math:`-(n_s - b l_s) / (I - l_s)`.

At a tested value :math:`b_0` of least squares the outcome is :math:`y - b_0 D` with the actual
treatment D, so that numerators are linear and spreads quadratic in :math:`b_0`: the actual
treatment is carried beside the outcome as a second one, and inversion refits nothing.

Shapes: S sites, T periods, K paths, B reassignments of m paths, o outcomes (1, or 2 with the actual
treatment).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evaluation.inference.engine import Reduced
from evaluation.inference.left_out import LeftOut
from evaluation.inference.reassignment import Reassignments
from evaluation.inference.two_way import TwoWay

__all__ = ["Parts", "Sums", "make_parts", "sums_of_parts", "sums_of_reduced", "sums_of_tables"]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

# Squared differences this small beside the terms they are made of are rounding: zero.
_ROUNDING = 1e-18
# A site that leaves less than this share of the information behind leaves none.
_LOST = 1e-9
# Reassignments at a time: their site scores then stay in the processor's cache.
_CHUNK = 1024
# Cells of tables at a time: 16 megabytes each.
_MOST_CELLS = 2_000_000


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sums:
    """What coefficient and t of each reassignment are made of.

    Parameters
    ----------
    information : array, shape (B,)
        Weighted sum of squares of the residual treatment.
    product : array, shape (B, o)
        Its inner products with the outcomes.
    spread : array, shape (B, o, o)
        The information squared times what the jackknife makes of variances and covariances.
    gross : array, shape (B, o, o)
        The same with the terms of each difference taken as positive: what rounding is a share of.
    freedom : array, shape (B,), or None
        Degrees of freedom of the t; None where it is compared as it is.
    """

    information: FloatArray
    product: FloatArray
    spread: FloatArray
    gross: FloatArray
    freedom: FloatArray | None = None

    def coefficient(self, null: float = 0.0) -> FloatArray:
        """Return each coefficient of the outcome less ``null`` times the treatment; shape (B,)."""
        return self._along(null) / self.information

    def variance(self, null: float = 0.0) -> FloatArray:
        """Return the variances; shape (B,), 0 for rounding."""
        at = np.array([1.0, -null])[: self.product.shape[1]]
        spread = np.einsum("boz,o,z->b", self.spread, at, at)
        gross = np.einsum("boz,o,z->b", self.gross, np.abs(at), np.abs(at))
        return np.where(spread > _ROUNDING * gross, spread, 0.0) / self.information**2

    def _along(self, null: float) -> FloatArray:
        found: FloatArray = self.product[:, 0]
        return found if self.product.shape[1] == 1 else found - null * self.product[:, 1]


def sums_of_reduced(reduced: Reduced, dealt: Reassignments, *, with_actual: bool = True) -> Sums:
    """Return the sums of every reassignment from Z, q and the weights.

    Parameters
    ----------
    reduced : Reduced
        Of one-unit sites.
    dealt : Reassignments
    with_actual : bool
        Whether to carry the actual treatment as a second outcome.
    """
    tables = [reduced.z, reduced.moved] if with_actual else [reduced.z]
    weighed = np.stack(tables) * reduced.weights[:, None]
    chosen = dealt.chosen
    at_once = min(_CHUNK, max(1, _MOST_CELLS // reduced.weights.size))
    chunks = [
        _sums_of_reduced(
            reduced, weighed, np.ascontiguousarray(chosen[at : at + at_once].T), dealt.path
        )
        for at in range(0, len(chosen), at_once)
    ]
    return _joined(chunks)


def _sums_of_reduced(
    reduced: Reduced, weighed: FloatArray, sites: IntArray, paths: IntArray
) -> Sums:
    """Return the sums of some reassignments; ``weighed`` is (o, S, K), ``sites`` (m, B)."""
    a, q = reduced.weights, reduced.q
    each = a[sites]
    mean = (paths == np.arange(q.shape[0])[:, None]) @ each / a.sum()
    through = q @ mean
    height = (through * mean).sum(axis=0)
    extra = each * (q.diagonal()[paths][:, None] - 2 * through[paths])
    # Without a site, what it deviates by from the mean of all grows to a deviation from others.
    alone = 1 / np.maximum(1 - a / a.sum(), _LOST)
    grown = alone[sites]
    # All sites have the deviation of the mean path; those chosen their own path beside it.
    raw = -((weighed * alone[:, None]) @ mean)
    leverage = (a * alone)[:, None] * height
    own = weighed.reshape(len(weighed), -1)[:, sites * q.shape[0] + paths[:, None]]
    cell = sites * sites.shape[1] + np.arange(sites.shape[1])
    for table, score in zip(raw, own, strict=True):
        table.ravel()[cell] += score * grown
    leverage.ravel()[cell] += extra * grown
    return _sums(
        product=own.sum(axis=1),
        information=extra.sum(axis=0) + a.sum() * height,
        raw=raw,
        leverage=leverage,
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Parts:
    """Inner products of the parts: path k on site s is part ``s * K + k``, P = S K of them.

    Parameters
    ----------
    n_paths : int
        K.
    product : array, shape (o, P)
        Of the residual parts with the outcomes.
    information : array, shape (P, P)
        Of the residual parts with one another.
    score : array, shape (o, P, S)
        As ``product``, site by site, the site left out of the nuisance.
    overlap : array, shape (P, P, S)
        As ``information``, likewise.
    """

    n_paths: int
    product: FloatArray
    information: FloatArray
    score: FloatArray
    overlap: FloatArray


def make_parts(
    system: TwoWay,
    left_out: LeftOut,
    outcome: FloatArray,
    paths: FloatArray,
    actual: FloatArray | None,
) -> Parts:
    """Make the arrays of the general route.

    Parameters
    ----------
    system : TwoWay
        Weights, effects and covariates; units are the sites.
    left_out : LeftOut
        Of the same.
    outcome : array, shape (S, T)
        Its residual from the effects and covariates, 0 where there is no weight.
    paths : array, shape (K, T)
    actual : array, shape (S, K), optional
        1 where the site follows the path, to carry the actual treatment as a second outcome.
    """
    n_sites, n_periods = system.weights.shape
    n_paths = paths.shape[0]
    raw = np.zeros((n_sites, n_paths, n_sites, n_periods))
    raw[np.arange(n_sites), :, np.arange(n_sites)] = paths
    residual = system.residual(raw.reshape(-1, n_sites, n_periods))
    by_site = np.ascontiguousarray((residual * np.sqrt(system.weights)).transpose(1, 0, 2))
    rooted = (outcome * np.sqrt(system.weights))[:, :, None]
    across = by_site.transpose(0, 2, 1)
    without = left_out.of(by_site)
    overlap = np.ascontiguousarray((without @ across).transpose(1, 2, 0))
    score = (without @ rooted)[:, :, 0].T[None]
    information = (by_site @ across).sum(axis=0)
    product = (by_site @ rooted)[:, :, 0].sum(axis=0)[None]
    if actual is not None:
        score = np.concatenate([score, np.einsum("pqs,q->ps", overlap, actual.ravel())[None]])
        product = np.concatenate([product, (information @ actual.ravel())[None]])
    return Parts(
        n_paths=n_paths, product=product, information=information, score=score, overlap=overlap
    )


def sums_of_parts(parts: Parts, dealt: Reassignments) -> Sums:
    """Return the sums of every reassignment from the parts' inner products."""
    part = dealt.chosen * parts.n_paths + dealt.path
    chunks = [_sums_of_parts(parts, part[at : at + _CHUNK]) for at in range(0, len(part), _CHUNK)]
    return _joined(chunks)


def _sums_of_parts(parts: Parts, part: IntArray) -> Sums:
    n_parts, n_sites = parts.score.shape[1:]
    pairwise = parts.overlap.reshape(n_parts**2, n_sites)
    leverage = np.zeros((part.shape[0], n_sites))
    information = np.zeros(part.shape[0])
    for i in range(part.shape[1]):
        for j in range(i, part.shape[1]):
            times = 1 if i == j else 2
            pair = part[:, i] * n_parts + part[:, j]
            leverage += times * np.take(pairwise, pair, axis=0)
            information += times * parts.information.ravel()[pair]
    return _sums(
        product=parts.product[:, part].sum(axis=2),
        information=information,
        raw=parts.score[:, part].sum(axis=2).transpose(0, 2, 1),
        leverage=leverage.T,
    )


def sums_of_tables(
    system: TwoWay,
    left_out: LeftOut,
    outcomes: FloatArray,
    paths: FloatArray,
    dealt: Reassignments,
) -> Sums:
    """Return the sums of every reassignment from its own residual treatment, table by table.

    The form for so many sites that the parts' inner products would not fit, and the plain one that
    the others are tested by.

    Parameters
    ----------
    system : TwoWay
        Weights, effects and covariates; units are the sites.
    left_out : LeftOut
        Of the same.
    outcomes : array, shape (o, S, T)
        Residuals from the effects and covariates; the second, if any, of the actual treatment.
    paths : array, shape (K, T)
    dealt : Reassignments
    """
    at_once = max(1, _MOST_CELLS // system.weights.size)
    rooted = outcomes * np.sqrt(system.weights)
    chunks = [
        _sums_of_tables(
            system, left_out, rooted, (dealt.chosen[at : at + at_once], paths[dealt.path])
        )
        for at in range(0, len(dealt.chosen), at_once)
    ]
    return _joined(chunks)


def _sums_of_tables(
    system: TwoWay, left_out: LeftOut, rooted: FloatArray, dealt: tuple[IntArray, FloatArray]
) -> Sums:
    """Return the sums of some reassignments: the sites chosen, (B, m), and their paths, (m, T)."""
    chosen, paths = dealt
    treatment = np.zeros((len(chosen), *system.weights.shape))
    treatment[np.arange(len(chosen))[:, None], chosen] = paths
    residual = system.residual(treatment) * np.sqrt(system.weights)
    without = left_out.of(residual.transpose(1, 0, 2)).transpose(1, 0, 2)
    return _sums(
        product=np.einsum("bst,ost->ob", residual, rooted),
        information=np.einsum("bst,bst->b", residual, residual),
        raw=np.einsum("bst,ost->osb", without, rooted),
        leverage=np.einsum("bst,bst->sb", without, residual),
    )


def _sums(
    *, product: FloatArray, information: FloatArray, raw: FloatArray, leverage: FloatArray
) -> Sums:
    r"""Make sums from totals, and from sites' parts with the site left out of the nuisance.

    Degrees of freedom are how many sites the information comes from. Site s counts by how much
    larger the variance would be without it, :math:`\lambda_s = I / (I - l_s) - 1`, and
    :math:`\nu = (\sum \lambda_s)^2 / \sum \lambda_s^2`: m for m sites alike beside many.

    Parameters
    ----------
    product : array, shape (o, B)
    information : array, shape (B,)
    raw : array, shape (o, S, B)
    leverage : array, shape (S, B)
    """
    n_sites = leverage.shape[0]
    grown = 1 / np.maximum(1 - leverage / information, _LOST)
    # The common factor 1 / I is left out.
    larger = leverage * grown
    difference = raw * grown - (product / information)[:, None, :] * larger
    # Where differences are rounding, what is subtracted is as large as what it is taken from.
    size = np.sqrt(np.einsum("osb,osb->bo", raw, raw))
    return Sums(
        information=information,
        product=product.T,
        spread=np.einsum("osb,zsb->boz", difference, difference) * ((n_sites - 1) / n_sites),
        gross=size[:, :, None] * size[:, None, :],
        freedom=larger.sum(axis=0) ** 2 / np.einsum("sb,sb->b", larger, larger),
    )


def _joined(chunks: list[Sums]) -> Sums:
    freedom = [chunk.freedom for chunk in chunks if chunk.freedom is not None]
    return Sums(
        information=np.concatenate([chunk.information for chunk in chunks]),
        product=np.concatenate([chunk.product for chunk in chunks]),
        spread=np.concatenate([chunk.spread for chunk in chunks]),
        gross=np.concatenate([chunk.gross for chunk in chunks]),
        freedom=np.concatenate(freedom) if freedom else None,
    )
