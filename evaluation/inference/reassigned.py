r"""Coefficient and CR1 t of every reassignment at once, at any tested value.

One-unit sites (the panel is collapsed before). A reassignment's treatment is a sum of parts
:math:`v_{sk}`, path k on site s, so that everything about it is a sum over the few parts chosen of
arrays that are made once. Two routes: balanced panels with product weights through Z and q
(:mod:`evaluation.inference.engine`), all others through residuals of the parts, or, with very many
sites, of each reassignment's whole treatment.

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
from evaluation.inference.reassignment import Reassignments
from evaluation.inference.two_way import TwoWay

__all__ = ["Parts", "Sums", "make_parts", "sums_of_parts", "sums_of_reduced", "sums_of_tables"]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

# Squared scores this small beside the terms they are differences of are rounding: zero.
_ROUNDING = 1e-18
# Reassignments at a time: their site scores then stay in the processor's cache.
_CHUNK = 512
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
        Sums over sites of products of scores, residuals taken at the estimates.
    gross : array, shape (B, o, o)
        The same with the terms of each score taken as positive: what rounding is a share of.
    """

    information: FloatArray
    product: FloatArray
    spread: FloatArray
    gross: FloatArray

    def coefficient(self, null: float = 0.0) -> FloatArray:
        """Return each coefficient of the outcome less ``null`` times the treatment; shape (B,)."""
        return self._along(null) / self.information

    def variance(self, null: float = 0.0) -> FloatArray:
        """Return CR1's variances without the factor of sites; shape (B,), 0 for rounding."""
        at = np.array([1.0, -null])[: self.product.shape[1]]
        spread = np.einsum("boz,o,z->b", self.spread, at, at)
        gross = np.einsum("boz,o,z->b", self.gross, np.abs(at), np.abs(at))
        return np.where(spread > _ROUNDING * gross, spread, 0.0) / self.information**2

    def t_squared(self, null: float = 0.0) -> FloatArray:
        """Return the squares of CR1's t without its factor, infinite without spread; shape (B,)."""
        variance = self.variance(null)
        some = variance > 0
        squared: FloatArray = np.full(variance.size, np.inf)
        squared[some] = self.coefficient(null)[some] ** 2 / variance[some]
        return squared

    def _along(self, null: float) -> FloatArray:
        found: FloatArray = self.product[:, 0]
        return found if self.product.shape[1] == 1 else found - null * self.product[:, 1]


def sums_of_reduced(reduced: Reduced, dealt: Reassignments, *, with_actual: bool = True) -> Sums:
    """Return the sums of every reassignment from Z, q and the weights.

    Sites without treatment all have the score of the same form, so that their sums are those over
    all sites less those over the sites chosen.

    Parameters
    ----------
    reduced : Reduced
        Of one-unit sites.
    dealt : Reassignments
    with_actual : bool
        Whether to carry the actual treatment as a second outcome.
    """
    a, q = reduced.weights, reduced.q
    # Rows of draws, not draws of rows: sums over the few paths then run along memory.
    sites, paths = np.ascontiguousarray(dealt.chosen.T), dealt.path
    each = a[sites]
    mean = (paths == np.arange(q.shape[0])[:, None]) @ each / a.sum()
    through = q @ mean
    height = (through * mean).sum(axis=0)
    own_q = q.diagonal()[paths]
    information: FloatArray = own_q @ each - a.sum() * height
    extra = own_q[:, None] - 2 * through[paths]

    tables = [reduced.z, reduced.moved] if with_actual else [reduced.z]
    products, fixed, before, after = [], [], [], []
    for z in tables:
        own = each * z[sites, paths[:, None]]
        products.append(own.sum(axis=0))
        slope = products[-1] / information
        fixed.append(slope * height)
        common = sum(mean[k] * z[:, k][sites] for k in range(q.shape[0])) + fixed[-1]
        before.append(-each * common)
        after.append(before[-1] + own - each * (slope * extra))

    squares = a**2
    spread = np.empty((sites.shape[1], len(tables), len(tables)))
    gross = np.empty_like(spread)
    for i, j in [(0, 0), (0, 1), (1, 1)][: 2 * len(tables) - 1]:
        among = (tables[i] * squares[:, None]).T @ tables[j]
        everyone = (mean * (among.T @ mean)).sum(axis=0) + squares.sum() * fixed[i] * fixed[j]
        everyone += fixed[i] * (squares @ tables[j] @ mean)
        everyone += fixed[j] * (squares @ tables[i] @ mean)
        taken = (before[i] * before[j]).sum(axis=0)
        spread[:, i, j] = spread[:, j, i] = everyone - taken + (after[i] * after[j]).sum(axis=0)
        gross[:, i, j] = gross[:, j, i] = np.abs(everyone) + np.abs(taken)
    return Sums(
        information=information, product=np.stack(products, axis=1), spread=spread, gross=gross
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Parts:
    """Inner products of the parts: path k on site s is part ``s * K + k``, P = S K of them.

    Parameters
    ----------
    n_paths : int
        K.
    score : array, shape (o, P, S)
        Of the residual parts with the outcomes, site by site.
    overlap : array, shape (P, P, S)
        Of the residual parts with one another, site by site.
    """

    n_paths: int
    score: FloatArray
    overlap: FloatArray


def make_parts(
    system: TwoWay, outcome: FloatArray, paths: FloatArray, actual: FloatArray | None
) -> Parts:
    """Make the arrays of the general route.

    Parameters
    ----------
    system : TwoWay
        Weights, effects and covariates; units are the sites.
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
    by_site = np.ascontiguousarray(residual.transpose(1, 0, 2))
    weighed = by_site * system.weights[:, None, :]
    overlap = np.ascontiguousarray((weighed @ by_site.transpose(0, 2, 1)).transpose(1, 2, 0))
    score = (weighed @ outcome[:, :, None])[:, :, 0].T[None]
    if actual is not None:
        score = np.concatenate([score, np.einsum("pqs,q->ps", overlap, actual.ravel())[None]])
    return Parts(n_paths=n_paths, score=score, overlap=overlap)


def sums_of_parts(parts: Parts, dealt: Reassignments) -> Sums:
    """Return the sums of every reassignment from the parts' inner products."""
    part = dealt.chosen * parts.n_paths + dealt.path
    chunks = [_sums_of_parts(parts, part[at : at + _CHUNK]) for at in range(0, len(part), _CHUNK)]
    return _joined(chunks)


def _sums_of_parts(parts: Parts, part: IntArray) -> Sums:
    n_parts, n_sites = parts.score.shape[1:]
    pairwise = parts.overlap.reshape(n_parts**2, n_sites)
    leverage = np.zeros((part.shape[0], n_sites))
    for i in range(part.shape[1]):
        for j in range(i, part.shape[1]):
            pair = part[:, i] * n_parts + part[:, j]
            leverage += (1 if i == j else 2) * np.take(pairwise, pair, axis=0)
    return _sums(parts.score[:, part].sum(axis=2), leverage)


def sums_of_tables(
    system: TwoWay, outcomes: FloatArray, paths: FloatArray, dealt: Reassignments
) -> Sums:
    """Return the sums of every reassignment from its own residual treatment, table by table.

    The form for so many sites that the parts' inner products would not fit, and the plain one that
    the others are tested by.

    Parameters
    ----------
    system : TwoWay
        Weights, effects and covariates; units are the sites.
    outcomes : array, shape (o, S, T)
        Residuals from the effects and covariates; the second, if any, of the actual treatment.
    paths : array, shape (K, T)
    dealt : Reassignments
    """
    at_once = max(1, _MOST_CELLS // system.weights.size)
    chunks = [
        _sums_of_tables(system, outcomes, paths[dealt.path], dealt.chosen[at : at + at_once])
        for at in range(0, len(dealt.chosen), at_once)
    ]
    return _joined(chunks)


def _sums_of_tables(
    system: TwoWay, outcomes: FloatArray, paths: FloatArray, chosen: IntArray
) -> Sums:
    treatment = np.zeros((len(chosen), *system.weights.shape))
    treatment[np.arange(len(chosen))[:, None], chosen] = paths
    residual = system.residual(treatment)
    weighed = residual * system.weights
    leverage = (weighed * residual).sum(axis=2)
    raw = np.einsum("bst,ost->obs", weighed, outcomes)
    return _sums(raw, leverage)


def _sums(raw: FloatArray, leverage: FloatArray) -> Sums:
    """Make sums from site scores before the estimate is taken out, and from site information.

    Parameters
    ----------
    raw : array, shape (o, B, S)
    leverage : array, shape (B, S)
    """
    information = leverage.sum(axis=1)
    product = raw.sum(axis=2)
    moved = (product / information)[:, :, None] * leverage
    score = raw - moved
    size = np.sqrt((raw**2 + moved**2).sum(axis=2)).T
    return Sums(
        information=information,
        product=product.T,
        spread=np.einsum("obs,zbs->boz", score, score),
        gross=size[:, :, None] * size[:, None, :],
    )


def _joined(chunks: list[Sums]) -> Sums:
    return Sums(
        information=np.concatenate([chunk.information for chunk in chunks]),
        product=np.concatenate([chunk.product for chunk in chunks]),
        spread=np.concatenate([chunk.spread for chunk in chunks]),
        gross=np.concatenate([chunk.gross for chunk in chunks]),
    )
