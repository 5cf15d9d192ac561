"""Estimating equations, as a matrix or by blocks: what sandwiches and the wild bootstrap need.

Shapes: n observations, k columns of a design, r effects.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

__all__ = ["BlockFit", "Equations", "LinearFit", "SiteBlock"]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, weakref_slot=True)
class LinearFit:
    """The estimating equations of a linear or Poisson fit: what CR* and the wild bootstrap need.

    Unit effects are absorbed (weighted demeaning within units); period dummies stay as columns of
    ``x``: demeaning two ways first makes CR2 5% and CR3 11% too small. Compared by identity and
    open to weak references: a procedure may remember what it made of a fit while the fit lives.

    Parameters
    ----------
    x : array, shape (n, k)
        Design after absorbing unit effects with weights ``weights``: focal columns, covariates,
        period dummies. Full column rank.
    residual : array, shape (n,)
        Residuals on the scale of the (working) response.
    weights : array, shape (n,)
        Least-squares weights; for Poisson the working weights, which are the fitted means.
    cluster : int array, shape (n,)
        Site of each row, 0 .. G-1.
    unit : int array, shape (n,)
        Absorbed unit of each row; nested in ``cluster``.
    coef : array, shape (k,)
        Coefficients of ``x``.
    contrasts : array, shape (r, k)
        Row j gives effect j of the fit as ``contrasts[j] @ coef``; NaN for an effect that is not
        identified.
    family : {"gaussian", "poisson"}
        Whose estimating equations these are. The CR2 working model is homoskedastic for gaussian
        and inverse to ``weights`` (variance = mean) for poisson, as in clubSandwich.
    """

    x: FloatArray
    residual: FloatArray
    weights: FloatArray
    cluster: IntArray
    unit: IntArray
    coef: FloatArray
    contrasts: FloatArray
    family: Literal["gaussian", "poisson"] = "gaussian"

    @property
    def n_clusters(self) -> int:
        """The number of sites, G."""
        return int(self.cluster.max()) + 1


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SiteBlock:
    """One site of a :class:`BlockFit`: tables of its u units by T periods, 0 where there is no row.

    Parameters
    ----------
    weights, residual : array, shape (u, T)
        As in :class:`LinearFit`.
    groups : tuple of (int, array of shape (T, p - c))
        How many of the units, in their order, share columns, and these: period dummies and
        whatever else is the same for all of them.
    covariates : array, shape (c, u, T)
        Columns with a value of their own in each row.
    """

    weights: FloatArray
    residual: FloatArray
    groups: tuple[tuple[int, FloatArray], ...]
    covariates: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, weakref_slot=True)
class BlockFit:
    """The same equations as a :class:`LinearFit`, of data too many to hold the design as a matrix.

    Columns are as they were before unit effects were absorbed, and may be redundant: p effects that
    the data see in k directions. Compared by identity and open to weak references.

    Parameters
    ----------
    read : callable
        Makes the site blocks, sites in order, when they are asked for. Each of the p effects is a
        column of ``groups`` or, the last c, of ``covariates``. With them come directions of the
        effects in which the normal equations, unit effects absorbed, are the identity: an array of
        shape (p, k).
    coef : array, shape (p,)
        Effects; redundant ones in any of their values.
    contrasts : array, shape (r, p)
        Row j gives effect j of the fit as ``contrasts[j] @ coef``; NaN where not identified.
    n_clusters : int
        The number of sites, G.
    family : {"gaussian", "poisson"}
    """

    read: Callable[[], tuple[tuple[SiteBlock, ...], FloatArray]]
    coef: FloatArray
    contrasts: FloatArray
    n_clusters: int
    family: Literal["gaussian", "poisson"] = "gaussian"


Equations = LinearFit | BlockFit
