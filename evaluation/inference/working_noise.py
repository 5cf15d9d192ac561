r"""A working model of the noise: how it lasts from period to period, and how it falls with size.

Site s has noise of variance :math:`\sigma^2 v_s` and correlation
:math:`(1 - \kappa) \rho^{|t - u|}`, t and u apart: part of it lasts, part is new each period (as
counting is). :math:`v_s = A + B / M_s` with :math:`M_s` the site's size, A and B not negative. All
of it is fitted to residuals of every site alike, with nothing but a tested value taken out, so that
a test by reassignment that is weighed by it stays exact, however wrong the model.

Shapes: S sites, T periods.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from evaluation.inference.site_slopes import constrained_line

__all__ = ["WorkingNoise", "fit_noise"]

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

# Finer steps change the precision of an estimate by less than a hundredth.
_LASTING = (0.0, 0.2, 0.35, 0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95)
_NEW = np.array([0.0, 0.15, 0.3, 0.5, 0.7, 0.85])
# Sizes and correlations hang on each other: fitted in turn.
_ROUNDS = 2
# Variances that differ by more are held this far apart: no site may weigh next to nothing.
_LEAST = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class WorkingNoise:
    """The fitted model, as a test is weighed by it.

    Parameters
    ----------
    lasting, new : float
        The correlation from period to period of what lasts, and the share that does not.
    precision : array, shape (T, T)
        Inverse of the correlations with a level of its own taken out of every site.
    weights : array, shape (S,)
        Inverse of the sites' variances, mean 1 over sites of any size; 0 for the others.
    """

    lasting: float
    new: float
    precision: FloatArray
    weights: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Correlation:
    """Eigenvectors and values of one lasting correlation; the same for every share of new noise."""

    vectors: FloatArray
    values: FloatArray

    def precision(self, new: float) -> FloatArray:
        inverse = 1 / ((1 - new) * self.values + new)
        level = self.vectors.sum(axis=0) * inverse
        along = self.vectors @ level
        taken = np.outer(along, along) / (level @ self.vectors.sum(axis=0))
        return np.asarray((self.vectors * inverse) @ self.vectors.T - taken)

    def squares(self, residual: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return whitened sums of squares and log determinants, for each share of new noise.

        Shapes (S, shares) and (shares,); each site's level is taken out (restricted likelihood).
        """
        spectrum = (1 - _NEW) * self.values[:, None] + _NEW
        level = self.vectors.sum(axis=0)
        turned = residual @ self.vectors
        information = (level**2) @ (1 / spectrum)
        whole = turned**2 @ (1 / spectrum)
        squares = whole - ((turned * level) @ (1 / spectrum)) ** 2 / information
        return squares, np.log(spectrum).sum(axis=0) + np.log(information)


def fit_noise(residual: FloatArray, size: FloatArray, seen: FloatArray) -> WorkingNoise:
    """Fit the model by restricted maximum likelihood over a grid, sizes and correlations in turn.

    Parameters
    ----------
    residual : array, shape (S, T)
        From effects of sites and periods; 0 where not observed.
    size : array, shape (S,)
        What the noise may fall with: exposure, or expected events; 0 for sites that do not count.
    seen : array, shape (S,)
        Periods in which each site was observed.
    """
    n_periods = residual.shape[1]
    counted = size > 0
    rows = residual[counted] * np.sqrt(n_periods / seen[counted])[:, None]
    inverse = size[counted].mean() / size[counted]
    variance = np.ones(rows.shape[0])
    lasting = chosen = 0
    for _ in range(_ROUNDS):
        lasting, chosen, own = _most_likely(rows, variance)
        variance = _by_size(inverse, own / (n_periods - 1), variance)
    weights = np.zeros(size.size)
    weights[counted] = 1 / variance
    return WorkingNoise(
        lasting=_LASTING[lasting],
        new=float(_NEW[chosen]),
        precision=_correlations(n_periods)[lasting].precision(float(_NEW[chosen])),
        weights=weights / weights[counted].mean(),
    )


def _most_likely(rows: FloatArray, variance: FloatArray) -> tuple[int, int, FloatArray]:
    """Return the place in the grid, and each site's whitened sum of squares there."""
    free = rows.shape[1] - 1
    found = [each.squares(rows) for each in _correlations(rows.shape[1])]
    pooled = np.stack([(squares / variance[:, None]).mean(axis=0) / free for squares, _ in found])
    determinants = np.stack([determinant for _, determinant in found])
    if not (pooled > 0).all():
        return 0, 0, found[0][0][:, 0]
    # Without anything that lasts, the share of new noise says nothing: the first is taken.
    place = int(np.argmin(free * np.log(pooled) + determinants))
    lasting, new = divmod(place, _NEW.size)
    return lasting, new, found[lasting][0][:, new]


def _by_size(inverse: FloatArray, own: FloatArray, variance: FloatArray) -> FloatArray:
    """Return the line of sites' variances in 1 / size, weighted by what it was before."""
    if not own.any():
        return variance
    weight = variance**-2
    parts = (weight.sum(), weight @ inverse, weight @ inverse**2)
    sums = (*parts, weight @ own, weight @ (inverse * own))
    level, rise = constrained_line(*(np.array(part, dtype=np.float64) for part in sums))
    line: FloatArray = level + rise * inverse
    return np.asarray(np.maximum(line, _LEAST * line.max()) / line.mean())


@lru_cache(maxsize=4)
def _correlations(n_periods: int) -> tuple[_Correlation, ...]:
    apart = np.abs(np.subtract.outer(np.arange(n_periods), np.arange(n_periods)))
    found = []
    for lasting in _LASTING:
        values, vectors = np.linalg.eigh(np.power(lasting, apart, dtype=np.float64))
        found.append(_Correlation(vectors=vectors, values=values))
    return tuple(found)
