r"""Poisson means under a tested value: unit and period effects (and covariates) refitted.

With the effect :math:`b_0` imposed the outcome is :math:`y e^{-b_0 D}`, and what is left to fit has
no treatment in it. When exposures are a product of unit and period parts, such as constant in
time, the fit is closed: :math:`\mu_{it} = y_{i\cdot} y_{\cdot t} / y_{\cdot\cdot}`. Else Newton's
method on the likelihood with the unit effects at their own maximum.

Shapes: n rows; U units, T periods, c covariates.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from evaluation.errors import EstimationError
from evaluation.inference.engine import product_weights
from evaluation.inference.two_way import two_way

__all__ = ["null_means", "null_table"]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

_MOST_STEPS = 100
_MOST_HALVINGS = 30
# Twice the log-likelihood still to be gained. Newton's error is squared at each step: the step that
# promises so little leaves effects exact to about 1e-12.
_GAIN = 1e-11
# Linear predictors that would move further in one step are held back: exp() has its limits.
_FURTHEST = 8.0


def null_means(
    count: FloatArray,
    exposure: FloatArray,
    unit: IntArray,
    period: IntArray,
    covariates: FloatArray | None = None,
    start: FloatArray | None = None,
) -> FloatArray:
    """Return the fitted means of a Poisson model with unit and period effects, no treatment.

    Parameters
    ----------
    count : array, shape (n,)
        0 or more, not necessarily whole.
    exposure : array, shape (n,)
        Above 0.
    unit, period : int array, shape (n,)
        Codes from 0 without gaps; at most one row a unit and period.
    covariates : array, shape (n, c), optional
    start : array, shape (n,), optional
        Fitted means of the same rows and covariates for another count, to start from.

    Returns
    -------
    array, shape (n,)
        0 for units and periods without events.

    Raises
    ------
    EstimationError
        When the iterations do not converge.
    """
    shape = (int(unit.max()) + 1, int(period.max()) + 1)
    at = unit * shape[1] + period

    def table(values: FloatArray) -> FloatArray:
        full = np.zeros((shape[0] * shape[1], *values.shape[1:]))
        full[at] = values
        return np.reshape(full, (*shape, *values.shape[1:]))

    mean = null_table(
        table(count),
        table(exposure),
        covariates=None if covariates is None else table(covariates),
        start=None if start is None else table(start),
    )
    by_row: FloatArray = mean.ravel()[at]
    return by_row


def null_table(
    count: FloatArray,
    exposure: FloatArray,
    *,
    covariates: FloatArray | None = None,
    start: FloatArray | None = None,
) -> FloatArray:
    """Return the same for full tables of units by periods, exposure 0 where nothing was observed.

    Parameters
    ----------
    count, exposure : array, shape (U, T)
    covariates : array, shape (U, T, c), optional
    start : array, shape (U, T), optional

    Raises
    ------
    EstimationError
        When the iterations do not converge.
    """
    by_unit, by_period = count.sum(axis=1), count.sum(axis=0)
    total = float(by_unit.sum())
    if total == 0:
        return np.zeros_like(count)
    plain = covariates is None or covariates.shape[2] == 0
    if plain and (exposure > 0).all() and product_weights(exposure) is not None:
        return np.outer(by_unit, by_period) / total
    if start is None:
        observed = exposure.sum(axis=0)
        start = exposure * (by_period / np.where(observed > 0, observed, 1.0))
    return _newton(count, start, covariates)


def _newton(count: FloatArray, start: FloatArray, covariates: FloatArray | None) -> FloatArray:
    mean = _to_unit_totals(start, count)
    level = _likelihood(count, mean)
    for _ in range(_MOST_STEPS):
        system = two_way(mean, covariates)
        gradient = _gradient(count - mean, system.covariates)
        effects = system.effects(gradient)
        gain = float((gradient * effects).sum())
        step = effects[0, : count.shape[1]] + system.covariates @ effects[0, count.shape[1] :]
        step = step * min(1.0, _FURTHEST / max(float(np.abs(step).max()), _FURTHEST))
        mean, level = _uphill(count, mean, step, level)
        if gain <= _GAIN:
            return mean
    raise EstimationError(
        f"the Poisson model without the treatment did not converge in {_MOST_STEPS} steps",
        remedy="Look for units or periods with hardly any events, and leave them out.",
    )


def _uphill(
    count: FloatArray, mean: FloatArray, step: FloatArray, level: float
) -> tuple[FloatArray, float]:
    """Take the step, or the half of it until the likelihood does not fall."""
    for halving in range(_MOST_HALVINGS):
        tried = _to_unit_totals(mean * np.exp(step / 2**halving), count)
        reached = _likelihood(count, tried)
        if reached >= level - abs(level) * np.finfo(np.float64).eps * count.size:
            return tried, reached
    return mean, level


def _to_unit_totals(shape: FloatArray, count: FloatArray) -> FloatArray:
    """Scale each unit's row to its number of events: the unit effect at its own maximum."""
    total = shape.sum(axis=1)
    factor: FloatArray = count.sum(axis=1) / np.where(total > 0, total, 1.0)
    return shape * factor[:, None]


def _gradient(difference: FloatArray, covariates: FloatArray) -> FloatArray:
    parts = np.einsum("utc,ut->c", covariates, difference)
    return np.concatenate([difference.sum(axis=0), parts])[None, :]


def _likelihood(count: FloatArray, mean: FloatArray) -> float:
    events = count > 0
    return float(count[events] @ np.log(mean[events]))
