r"""Balanced panels reduced to what every statistic of them needs: Z, q and the weights.

A panel is reducible when it is balanced, has no covariates, and each row's weight is a product
:math:`a_i b_t` (constant in time: :math:`b = 1`; a Poisson fit with a constant exposure: the fitted
means). With :math:`\bar d_k = d_k - b'd_k / b'1` a treatment path with its own level taken out,

.. math:: z_{ik} = \sum_t b_t \ddot Y_{it} \bar d_{kt}, \qquad
    q_{kl} = \sum_t b_t \bar d_{kt} \bar d_{lt}

where :math:`\ddot Y` has the unit effects and, across units, the :math:`a`-weighted mean of each
period taken out. If unit i follows path k to the share :math:`B_{ik}` (0 or 1), and :math:`C` is
:math:`B` centred across units by :math:`a`, then the two-way residual of the treatment is
:math:`C \bar d`, and coefficient, scores and variances follow without touching the T periods again.

Shapes: U units, T periods, K distinct treatment paths, G sites.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evaluation.panel import Panel

__all__ = ["Reduced", "distinct_paths", "product_weights", "reduce_arrays", "reduce_panel"]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

# Weights this close to a product of unit and period parts are one, but for rounding.
_PRODUCT = 1e-12
# A path that varies less than this share of its size never changes.
_CONSTANT = 1e-12


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Reduced:
    """A balanced panel reduced to Z, q and the weights.

    Parameters
    ----------
    weights : array, shape (U,)
        The units' part of the weights, ``a``.
    z : array, shape (U, K)
        Centred across units: ``weights @ z`` is 0.
    q : array, shape (K, K)
        Inner products of the paths over time.
    assigned : array, shape (U, K)
        1 where the unit follows the path, else 0; a unit that never changes has no 1.
    site : int array, shape (U,)
        Site of each unit, 0 .. G-1.
    """

    weights: FloatArray
    z: FloatArray
    q: FloatArray
    assigned: FloatArray
    site: IntArray

    @property
    def centred(self) -> FloatArray:
        """The assignment centred across units, ``C``; shape (U, K)."""
        share: FloatArray = self.weights @ self.assigned / self.weights.sum()
        return self.assigned - share

    @property
    def moved(self) -> FloatArray:
        """What one unit of effect adds to ``z``, ``C q``; shape (U, K)."""
        return self.centred @ self.q

    @property
    def information(self) -> float:
        """The weighted sum of squares of the residual treatment, the coefficient's denominator."""
        return float(self.weights @ (self.moved * self.centred).sum(axis=1))

    @property
    def coefficient(self) -> float:
        """The coefficient on the treatment."""
        return float(self.weights @ (self.centred * self.z).sum(axis=1)) / self.information

    def scores(self, coefficient: float | None = None) -> FloatArray:
        """Return each unit's part of the estimating equation at a coefficient; shape (U,).

        Parameters
        ----------
        coefficient : float, optional
            Where the residuals are taken; at the estimate by default, and there they sum to 0.
        """
        at = self.coefficient if coefficient is None else coefficient
        residual: FloatArray = self.z - at * self.moved
        equation: FloatArray = (self.centred * residual).sum(axis=1)
        return self.weights * equation

    def imposing(self, null: float) -> Reduced:
        """Return the reduction of the outcome less ``null`` times the treatment."""
        return dataclasses.replace(self, z=self.z - null * self.moved)


def reduce_arrays(
    outcome: FloatArray,
    treatment: FloatArray,
    *,
    unit_weights: FloatArray,
    period_weights: FloatArray,
    site: IntArray,
) -> Reduced:
    """Reduce a balanced panel given as tables of units by periods.

    Parameters
    ----------
    outcome, treatment : array, shape (U, T)
    unit_weights, period_weights : array, shapes (U,) and (T,)
        A row's weight is their product.
    site : int array, shape (U,)
        Codes from 0 without gaps.
    """
    paths, member = distinct_paths(treatment)
    total = period_weights.sum()
    varying = paths - (paths @ period_weights / total)[:, None]
    spread = varying * period_weights
    # The unit means go first for the digits' sake: levels may be far larger than differences.
    within = outcome - (outcome @ period_weights / total)[:, None]
    z = within @ spread.T
    return Reduced(
        weights=unit_weights,
        z=z - unit_weights @ z / unit_weights.sum(),
        q=spread @ varying.T,
        assigned=(member[:, None] == np.arange(paths.shape[0])).astype(np.float64),
        site=site,
    )


def distinct_paths(treatment: FloatArray) -> tuple[FloatArray, IntArray]:
    """Return the distinct treatment paths that change, and which one each unit follows.

    Parameters
    ----------
    treatment : array, shape (U, T)

    Returns
    -------
    paths : array, shape (K, T)
    member : int array, shape (U,)
        -1 for a unit whose treatment never changes.
    """
    size = np.abs(treatment).max(axis=1)
    changes = np.ptp(treatment, axis=1) > _CONSTANT * np.maximum(size, 1.0)
    member = np.full(treatment.shape[0], -1, dtype=np.int64)
    paths, member[changes] = np.unique(treatment[changes], axis=0, return_inverse=True)
    return paths, member


def product_weights(weights: FloatArray) -> tuple[FloatArray, FloatArray] | None:
    """Return unit and period parts whose product the weights are, or None where they are not one.

    Parameters
    ----------
    weights : array, shape (U, T)

    Returns
    -------
    unit_weights, period_weights : array, shapes (U,) and (T,)
        The period part has mean 1; exactly 1 where the weights are constant in time.
    """
    if (weights == weights[:, :1]).all():
        return weights[:, 0].copy(), np.ones(weights.shape[1])
    unit_weights = weights.mean(axis=1)
    period_weights = weights.mean(axis=0) / weights.mean()
    product = np.outer(unit_weights, period_weights)
    if (np.abs(weights - product) > _PRODUCT * weights).any():
        return None
    return unit_weights, period_weights


def reduce_panel(panel: Panel) -> Reduced | None:
    """Reduce a panel's outcome, treatment and weights; None where the panel is not reducible."""
    if panel.covariates or not panel.is_balanced:
        return None
    shape = (len(panel.units), len(panel.periods))
    parts = product_weights(panel.values("weight").reshape(shape))
    if parts is None:
        return None
    return reduce_arrays(
        panel.values("outcome").reshape(shape),
        panel.treatment.reshape(shape),
        unit_weights=parts[0],
        period_weights=parts[1],
        site=panel.site_codes.reshape(shape)[:, 0],
    )
