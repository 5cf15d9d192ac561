r"""Period effects and covariates fitted without each site, for the jackknife of reassignments.

Once unit effects are out, rows of site s have the hat matrix :math:`P_s` in period effects and
covariates (in units of the root of the weights). What the fit without the site leaves of its rows
is :math:`(I - P_s)^{-1}` times what the fit with it leaves: no assignment of treatment enters, so
that one inverse a site serves all of them.

Shapes: S sites, T periods.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evaluation.inference.two_way import TwoWay, share_of_total

__all__ = ["LeftOut", "left_out"]

FloatArray = NDArray[np.float64]

# A direction of which less is left without the site is one that the site alone identifies.
_ALONE = 1e-9
# Cells of inverses that are kept, 160 megabytes; and of design matrices at a time, 32.
_MOST_CELLS = 20_000_000
_AT_ONCE = 4_000_000


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LeftOut:
    """What turns residuals of a fit with a site into those of a fit without it.

    Parameters
    ----------
    inverse : array, shape (S, T, T) or (S, 1, 1)
        One factor a site where the matrices would not fit.
    """

    inverse: FloatArray

    def of(self, tables: FloatArray) -> FloatArray:
        """Return residual tables as they are without their own site.

        Parameters
        ----------
        tables : array, shape (S, m, T)
            In units of the root of the weights.
        """
        if self.inverse.shape[2] == 1:
            return tables * self.inverse
        return np.asarray(tables @ self.inverse)


def left_out(system: TwoWay) -> LeftOut:
    """Form the inverses.

    Directions that a site alone identifies have no residual, and stay 0. With so many sites that
    the matrices would not fit (thousands) each site has one factor, from the mean of its leverage:
    what a site moves is then a small share of 1 to begin with.

    Parameters
    ----------
    system : TwoWay
        Units are the sites.
    """
    n_sites, n_periods = system.weights.shape
    exact = n_sites * n_periods**2 <= _MOST_CELLS
    at_once = max(1, _AT_ONCE // (n_periods * max(system.kept.size, n_periods)))
    parts = []
    for at in range(0, n_sites, at_once):
        hat = _hat(system, slice(at, at + at_once))
        parts.append(_inverses(hat) if exact else _factors(system, hat, slice(at, at + at_once)))
    return LeftOut(inverse=np.concatenate(parts))


def _hat(system: TwoWay, sites: slice) -> FloatArray:
    """Return the hat matrices of some sites; shape (sites, T, T)."""
    weights = system.weights[sites]
    n_periods = weights.shape[1]
    seen = (weights > 0)[:, :, None]
    dummies = (np.eye(n_periods) - share_of_total(weights)[:, None, :]) * seen
    columns = np.concatenate([dummies, system.within[sites]], axis=2)[:, :, system.kept]
    rooted = columns * system.scale * np.sqrt(weights)[:, :, None]
    return np.asarray(rooted @ system.inverse @ rooted.transpose(0, 2, 1))


def _inverses(hat: FloatArray) -> FloatArray:
    left = np.eye(hat.shape[1]) - hat
    try:
        pivots = np.diagonal(np.linalg.cholesky(left), axis1=1, axis2=2)
    except np.linalg.LinAlgError:
        pivots = np.zeros((1, 1))
    if (pivots**2 > _ALONE).all():
        return np.asarray(np.linalg.inv(left), dtype=np.float64)
    values, vectors = np.linalg.eigh(left)
    found = values > _ALONE
    inverse = np.where(found, 1 / np.where(found, values, 1.0), 0.0)
    return np.asarray((vectors * inverse[:, None, :]) @ vectors.transpose(0, 2, 1))


def _factors(system: TwoWay, hat: FloatArray, sites: slice) -> FloatArray:
    free = np.maximum((system.weights[sites] > 0).sum(axis=1) - 1, 1)
    mean = np.trace(hat, axis1=1, axis2=2) / free
    return np.asarray(1 / np.maximum(1 - mean, _ALONE))[:, None, None]
