r"""A Poisson fit's likelihood at other effects than its own, unit effects at their own maximum.

For a change :math:`\delta` of the effects, :math:`s_{it} = \mu_{it} \exp(x_{it}'\delta)`, and the
means are :math:`s_{it}` times their unit's events over its sum of s. Two forms, by rows and by the
sites of a fit by blocks, of what the wild bootstrap asks of a restricted maximum.

Shapes: n rows, u units of a site, T periods, q columns, p effects, k directions, G sites.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from evaluation.inference.moments import RowMoments, site_grams
from evaluation.inference.site_reads import SiteRead, SitesRead, absorbed_gram, in_parts, pools_of

__all__ = [
    "Counts",
    "Point",
    "RowCounts",
    "RowGradients",
    "SiteCounts",
    "SiteGradients",
    "SiteSums",
    "absorb_rows",
    "row_sums",
]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

# A site's tables, one for each coefficient vector, that are held at once.
_TABLES = 4


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Point:
    """Where a likelihood was looked at.

    Parameters
    ----------
    coefs : array, shape (k,)
    means : tuple of array
        Of all rows, shape (n,); or of each pool of units, shape (u, T).
    likelihood : float
        Its logarithm, up to a constant of the counts.
    gradient : array, shape (k,)
    """

    coefs: FloatArray
    means: tuple[FloatArray, ...]
    likelihood: float
    gradient: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SiteSums:
    """Site by site sums at a point: ``grams``, shape (G, k, k), and ``scores``, shape (G, k)."""

    grams: FloatArray
    scores: FloatArray


class Counts(Protocol):
    """The counts of a fit, as functions of k coefficients: changes from the full fit's."""

    def at(self, coefs: FloatArray) -> Point:
        """Return the means, likelihood and gradient at coefficients, shape (k,)."""

    def curvature(self, point: Point) -> FloatArray:
        """Return minus the second derivatives; shape (k, k)."""

    def reach(self, step: FloatArray) -> float:
        """Return how far a step, shape (k,), moves any row's linear predictor at most."""

    def sums(self, point: Point) -> SiteSums:
        """Return what the flips of the sites are made of."""


class RowCounts:
    """The counts of a fit by rows, in a basis of n rows and k columns."""

    def __init__(self, cut: RowMoments, basis: FloatArray) -> None:
        self._basis = basis
        self._full_mean = cut.weights
        self._count = cut.weights * (1 + cut.residual)
        self._unit_start, self._site_start = cut.unit_start, cut.site_start
        self._lengths = np.diff(np.r_[cut.unit_start, cut.weights.size])
        self._events = np.add.reduceat(self._count, cut.unit_start)

    def at(self, coefs: FloatArray) -> Point:
        """Return the means, likelihood and gradient at coefficients, shape (k,)."""
        shape = self._full_mean * np.exp(self._basis @ coefs)
        level = self._events / np.add.reduceat(shape, self._unit_start)
        mean = shape * np.repeat(level, self._lengths)
        return Point(
            coefs=coefs,
            means=(mean,),
            likelihood=_log_likelihood(self._count, mean),
            gradient=self._basis.T @ (self._count - mean),
        )

    def curvature(self, point: Point) -> FloatArray:
        """Return minus the second derivatives; shape (k, k)."""
        within = absorb_rows(self._basis, point.means[0], self._unit_start)
        return np.asarray((within * point.means[0][:, None]).T @ within)

    def reach(self, step: FloatArray) -> float:
        """Return how far a step, shape (k,), moves any row's linear predictor at most."""
        return float(np.abs(self._basis @ step).max())

    def sums(self, point: Point) -> SiteSums:
        """Return what the flips of the sites are made of."""
        return row_sums(
            self._basis,
            self._count,
            point.means[0],
            unit_start=self._unit_start,
            site_start=self._site_start,
        )


def row_sums(
    columns: FloatArray,
    count: FloatArray,
    mean: FloatArray,
    *,
    unit_start: IntArray,
    site_start: IntArray,
) -> SiteSums:
    """Return the same of columns, shape (n, k), and rows ordered by site and unit."""
    root = np.sqrt(mean)[:, None]
    within = absorb_rows(columns, mean, unit_start) * root
    parts = within * ((count - mean)[:, None] / root)
    return SiteSums(
        grams=site_grams(within, site_start), scores=np.add.reduceat(parts, site_start, axis=0)
    )


def absorb_rows(columns: FloatArray, mean: FloatArray, unit_start: IntArray) -> FloatArray:
    """Take each unit's weighted mean out of the columns."""
    sums = np.add.reduceat(columns * mean[:, None], unit_start, axis=0)
    total = np.add.reduceat(mean, unit_start)
    lengths = np.diff(np.r_[unit_start, mean.size])
    return columns - np.repeat(sums / total[:, None], lengths, axis=0)


class SiteCounts:
    """The counts of a fit by blocks, in a basis of its p effects and k columns."""

    def __init__(self, read: SitesRead, basis: FloatArray) -> None:
        self._sites, self._pools = read.sites, pools_of(read)
        self._basis = basis
        self._at_full = sum(_log_likelihood(_count(p), p.block.weights) for p in self._pools)

    def at(self, coefs: FloatArray) -> Point:
        """Return the means, likelihood and gradient at coefficients, shape (k,)."""
        effects = self._basis @ coefs
        gradient = np.zeros_like(effects)
        likelihood, means = self._at_full, []
        for pool in self._pools:
            kept, count = pool.columns.kept, _count(pool)
            predictor, level, mean = _fitted(pool, count, effects)
            likelihood += float(np.vdot(count, predictor) + count.sum(axis=1) @ np.log(level))
            gradient[kept] += pool.columns.products((count - mean)[None])[:, 0]
            means.append(mean)
        return Point(
            coefs=coefs,
            means=tuple(means),
            likelihood=likelihood,
            gradient=self._basis.T @ gradient,
        )

    def curvature(self, point: Point) -> FloatArray:
        """Return minus the second derivatives; shape (k, k)."""
        size = self._basis.shape[0]
        found = np.zeros((size, size))
        for pool, mean in zip(self._pools, point.means, strict=True):
            kept = pool.columns.kept
            found[np.ix_(kept, kept)] += absorbed_gram(pool.columns, mean)
        return np.asarray(self._basis.T @ found @ self._basis)

    def reach(self, step: FloatArray) -> float:
        """Return how far a step, shape (k,), moves any row's linear predictor at most."""
        effects = self._basis @ step
        return max(
            float(np.abs(pool.columns.predicted(effects[pool.columns.kept, None])).max())
            for pool in self._pools
        )

    def sums(self, point: Point) -> SiteSums:
        """Return what the flips of the sites are made of."""
        effects, k = self._basis @ point.coefs, self._basis.shape[1]
        grams, scores = np.empty((len(self._sites), k, k)), np.empty((len(self._sites), k))
        for at, site in enumerate(self._sites):
            basis, count = self._basis[site.columns.kept], _count(site)
            mean = _fitted(site, count, effects)[2]
            grams[at] = basis.T @ absorbed_gram(site.columns, mean) @ basis
            scores[at] = basis.T @ site.columns.products((count - mean)[None])[:, 0]
        return SiteSums(grams=grams, scores=scores)


def _log_likelihood(count: FloatArray, mean: FloatArray) -> float:
    """Return the log-likelihood up to a constant of the counts."""
    events = count > 0
    with np.errstate(divide="ignore"):
        return float(count[events] @ np.log(mean[events]))


def _fitted(
    site: SiteRead, count: FloatArray, effects: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return predictors, shape (u, T), what units' means are scaled by, (u,), and means, (u, T)."""
    predictor = site.columns.predicted(effects[site.columns.kept, None])[0]
    shape = site.block.weights * np.exp(predictor)
    level = count.sum(axis=1) / shape.sum(axis=1)
    return predictor, level, shape * level[:, None]


def _count(site: SiteRead) -> FloatArray:
    return np.asarray(site.block.weights * (1 + site.block.residual))


class RowGradients:
    """The gradients of the likelihoods without each of some sites, of a fit by rows.

    Parameters
    ----------
    cut : RowMoments
    sites : int array, shape (g,)
    """

    def __init__(self, cut: RowMoments, sites: IntArray) -> None:
        n = cut.weights.size
        ends, row = np.r_[cut.site_start[1:], n], np.arange(n)[:, None]
        self._cut = cut
        self._others = (row < cut.site_start[sites]) | (row >= ends[sites])
        self._count = (cut.weights * (1 + cut.residual))[:, None]
        self._lengths = np.diff(np.r_[cut.unit_start, n])
        self._events = np.add.reduceat(self._count, cut.unit_start)

    def at(self, coefs: FloatArray) -> FloatArray:
        """Return each site's gradient at its own coefficients; both of shape (g, k)."""
        cut = self._cut
        mean = cut.weights[:, None] * np.exp(cut.basis @ coefs.T)
        level = self._events / np.add.reduceat(mean, cut.unit_start)
        mean *= np.repeat(level, self._lengths, axis=0)
        return np.asarray(((self._count - mean) * self._others).T @ cut.basis)


class SiteGradients:
    """The same of a fit by blocks.

    Parameters
    ----------
    read : SitesRead
    sites : int array, shape (g,)
    """

    def __init__(self, read: SitesRead, sites: IntArray) -> None:
        self._read, self._sites = read, sites

    def at(self, coefs: FloatArray) -> FloatArray:
        """Return each site's gradient at its own coefficients; both of shape (g, k)."""
        effects = self._read.basis @ coefs.T
        found = np.zeros_like(effects)
        for pool in pools_of(self._read):
            found[pool.columns.kept] += _gradients(pool, effects[pool.columns.kept])
        for column, at in enumerate(self._sites.tolist()):
            own = self._read.sites[at]
            kept = own.columns.kept
            found[kept, column] -= _gradients(own, effects[kept, column, None])[:, 0]
        return np.asarray(found.T @ self._read.basis)


def _gradients(site: SiteRead, effects: FloatArray) -> FloatArray:
    """Return a site's part of the gradient at effects, shape (q, j); shape (q, j)."""
    count, weights, columns = _count(site), site.block.weights, site.columns
    events = count.sum(axis=1)
    found = np.empty_like(effects)
    if columns.has_tables:
        for part in in_parts(effects.shape[1], _TABLES * count.size):
            mean = weights * np.exp(columns.predicted(effects[:, part]))
            mean *= (events / mean.sum(axis=2))[:, :, None]
            found[:, part] = columns.products(count - mean)
        return found
    found[:] = 0.0
    for units, shared in columns.groups():
        # The predictor is one course for all units of the group: no table for each of the effects.
        course = np.exp(shared @ effects)
        level = events[units, None] / (weights[units] @ course)
        fitted = course * (weights[units].T @ level)
        found += shared.T @ (count[units].sum(axis=0)[:, None] - fitted)
    return found
