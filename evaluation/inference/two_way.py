r"""Weighted residuals from unit and period effects and covariates, on tables of units by periods.

Tables are full: a row that was not observed has weight 0. Unit effects are taken out by weighted
means; period effects and covariates solve normal equations that are formed from the tables, so that
weights may change (as a Poisson fit's do with the tested value) at the price of one small system.

Shapes: U units, T periods, c covariates.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["TwoWay", "share_of_total", "two_way"]

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

# A direction with less than this share of its own size left is explained by the others.
_REDUNDANT = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TwoWay:
    """Normal equations of period effects and covariates, the unit effects absorbed.

    Parameters
    ----------
    weights : array, shape (U, T)
        0 where there is no observation.
    covariates : array, shape (U, T, c)
        0 where there is no observation.
    within : array, shape (U, T, c)
        The covariates with the unit means taken out.
    kept : int array
        Which of the T + c effects take part: not the first period seen, nor periods without weight.
    scale : array, shape of ``kept``
        Brings the diagonal of the normal equations to 1.
    inverse : array, shape (kept, kept)
        Inverse of the scaled normal equations; pseudo-inverse where effects are redundant.
    """

    weights: FloatArray
    covariates: FloatArray
    within: FloatArray
    kept: NDArray[np.int64]
    scale: FloatArray
    inverse: FloatArray

    def effects(self, right: FloatArray) -> FloatArray:
        """Solve the normal equations.

        Parameters
        ----------
        right : array, shape (m, T + c)
            Inner products of m tables, unit means taken out, with period dummies and covariates.

        Returns
        -------
        array, shape (m, T + c)
            0 for effects that take no part.
        """
        solved = np.zeros_like(right)
        solved[:, self.kept] = ((right[:, self.kept] * self.scale) @ self.inverse) * self.scale
        return solved

    def fitted(self, effects: FloatArray) -> FloatArray:
        """Return period effects and covariates' parts, unit means taken out; shape (m, U, T)."""
        n_periods = self.weights.shape[1]
        by_period = effects[:, :n_periods]
        share = share_of_total(self.weights)
        table = by_period[:, None, :] - (by_period @ share.T)[:, :, None]
        if self.covariates.shape[2]:
            table = table + np.einsum("utc,mc->mut", self.within, effects[:, n_periods:])
        return table

    def products(self, tables: FloatArray) -> FloatArray:
        """Return weighted inner products of tables with dummies and covariates; (m, T + c)."""
        weighed = tables * self.weights
        by_period: FloatArray = weighed.sum(axis=1)
        if not self.covariates.shape[2]:
            return by_period
        return np.hstack([by_period, np.einsum("utc,mut->mc", self.covariates, weighed)])

    def residual(self, tables: FloatArray) -> FloatArray:
        """Return the residuals of m tables; shape (m, U, T), 0 where there is no weight."""
        share = share_of_total(self.weights)
        seen = self.weights > 0
        within: FloatArray = (tables - (tables * share).sum(axis=2)[:, :, None]) * seen
        return (within - self.fitted(self.effects(self.products(within)))) * seen


def share_of_total(weights: FloatArray) -> FloatArray:
    """Return each period's share of its unit's weight, 0 for units without any; shape (U, T)."""
    total: FloatArray = weights.sum(axis=1)
    return weights / np.where(total > 0, total, 1.0)[:, None]


def two_way(weights: FloatArray, covariates: FloatArray | None = None) -> TwoWay:
    """Form the normal equations.

    Parameters
    ----------
    weights : array, shape (U, T)
        0 where there is no observation.
    covariates : array, shape (U, T, c), optional
        Anything finite where there is no observation.
    """
    seen = weights > 0
    given = np.empty((*weights.shape, 0)) if covariates is None else covariates
    covariates = np.where(seen[:, :, None], given, 0.0)
    share = share_of_total(weights)
    means = (covariates * share[:, :, None]).sum(axis=1)
    within = np.where(seen[:, :, None], covariates - means[:, None, :], 0.0)
    normal = np.diag(weights.sum(axis=0)) - share.T @ weights
    if within.shape[2]:
        beside = (weights[:, :, None] * within).sum(axis=0)
        among = np.einsum("ut,utc,utd->cd", weights, within, within)
        normal = np.block([[normal, beside], [beside.T, among]])
    size = np.concatenate(
        [weights.sum(axis=0), (weights[:, :, None] * covariates**2).sum(axis=(0, 1))]
    )
    diagonal = normal.diagonal()
    kept = np.flatnonzero(diagonal > _REDUNDANT**2 * size)
    # One period's effect is a sum of the units': it can never be told from them.
    kept = kept[1:] if kept.size and kept[0] < weights.shape[1] else kept
    scale = 1 / np.sqrt(diagonal[kept])
    scaled = normal[np.ix_(kept, kept)] * scale[:, None] * scale
    return TwoWay(
        weights=weights,
        covariates=covariates,
        within=within,
        kept=kept,
        scale=scale,
        inverse=_inverse(scaled),
    )


def _inverse(scaled: FloatArray) -> FloatArray:
    """Invert a positive semi-definite matrix with a diagonal of 1; redundant directions give 0."""
    try:
        root = np.linalg.cholesky(scaled)
    except np.linalg.LinAlgError:
        root = np.zeros((1, 1))
    if root.size and root.diagonal().min() > np.sqrt(_REDUNDANT):
        return np.asarray(np.linalg.inv(scaled), dtype=np.float64)
    pseudo = np.linalg.pinv(scaled, rcond=_REDUNDANT, hermitian=True)
    return np.asarray(pseudo, dtype=np.float64)
