r"""One cohort against its comparison units over two periods, under covariates.

With :math:`\Delta` the change of the outcome, :math:`w` weights, :math:`D` the cohort,
:math:`m(x)` the change that a regression among the comparison units predicts and :math:`p(x)` the
probability of being in the cohort:

.. math:: \frac{\sum w D (\Delta - m)}{\sum w D}
    - \frac{\sum \omega (\Delta - m)}{\sum \omega}, \qquad \omega = w (1 - D) \frac{p}{1 - p}

is the doubly robust form; ``reg`` is its first part alone, ``ipw`` has :math:`m = 0`.

Shapes: n units, m outcomes (periods), k columns of covariates with the constant.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

__all__ = ["Comparison", "Method", "Reason", "compare"]

Method = Literal["reg", "ipw", "dr"]
Reason = Literal["", "no comparison", "not observed", "covariates", "overlap"]
FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

# As share of its size: what a covariate says beyond the others is rounding.
_REDUNDANT = 1e-9
# The probability of being in the cohort from which on nobody is like the unit (as R's did).
_CERTAIN = 0.999
_MOST_STEPS = 60
# exp() of more would overflow; a probability this far out is 0 or 1.
_FURTHEST = 500.0
# The score of the logit, in units of the mean weight, at which Newton's method has arrived.
_ARRIVED = 1e-12


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Comparison:
    """The effect in each outcome and its influence function, or why there is none.

    Parameters
    ----------
    effect : array, shape (m,)
    influence : array, shape (m, n)
        Each unit's part: the variance is the sum of squares.
    reason : Reason
        Empty when there is an effect.
    """

    effect: FloatArray
    influence: FloatArray
    reason: Reason = ""


def compare(
    change: FloatArray,
    *,
    treated: BoolArray,
    covariates: FloatArray,
    weight: FloatArray,
    method: Method,
) -> Comparison:
    """Compare the changes of treated and comparison units under covariates.

    Source: Sant'Anna and Zhao (2020), J. Econometrics 219: ``dr`` is their equation 3.1 with least
    squares and the logit's maximum likelihood, what ``drdid_panel`` in R and ``dripw`` in Stata
    compute, and not their "improved" fit of the two models; ``reg`` and ``ipw`` (weights that sum
    to 1) are its parts.

    Parameters
    ----------
    change : array, shape (m, n)
        Outcome less the outcome of the base period.
    treated : bool array, shape (n,)
        Has units of both kinds.
    covariates : array, shape (n, k - 1)
        Without the constant.
    weight : array, shape (n,)
        Above 0.
    method : {"reg", "ipw", "dr"}
    """
    weight = weight / weight.mean()
    x = _scaled(covariates, weight)
    cohort, controls = weight * treated, weight * ~treated
    judged = weight if method == "ipw" else controls
    regression = _inverse((x * judged[:, None]).T @ x)
    if regression is None:
        return _without(change.shape, "covariates")
    if method == "ipw":
        regression = np.zeros_like(regression)
    gap = change - (change @ (controls[:, None] * x) @ regression) @ x.T
    size = cohort.sum()
    own = gap @ cohort / size
    # What a unit's gap does to the mean: directly, and through the regression's coefficients.
    slope = (cohort - x @ (regression @ (cohort @ x)) * controls) / size
    if method == "reg":
        return Comparison(effect=own, influence=gap * slope - np.outer(own, cohort / size))
    fitted = _logit(x, treated, weight)
    if fitted is None:
        return _without(change.shape, "overlap")
    probability, information = fitted
    odds = controls * probability / (1 - probability)
    total = odds.sum()
    counter = gap @ odds / total
    slope -= (odds - x @ (regression @ (odds @ x)) * controls) / total
    pull = (gap @ (odds[:, None] * x) - np.outer(counter, odds @ x)) @ information
    score = (weight * (treated - probability)) * x.T
    influence = gap * slope
    influence += np.column_stack([-own, counter, -pull]) @ np.vstack(
        [cohort / size, odds / total, score / total]
    )
    return Comparison(effect=own - counter, influence=influence)


def _without(shape: tuple[int, ...], reason: Reason) -> Comparison:
    return Comparison(effect=np.full(shape[0], np.nan), influence=np.zeros(shape), reason=reason)


def _scaled(covariates: FloatArray, weight: FloatArray) -> FloatArray:
    """Return the constant and the covariates, centred and scaled: all forms are affine in them."""
    centred = covariates - weight @ covariates / weight.sum()
    size = np.sqrt(weight @ centred**2 / weight.sum())
    return np.column_stack([np.ones(weight.size), centred / np.where(size > 0, size, 1.0)])


def _inverse(gram: FloatArray) -> FloatArray | None:
    """Return the inverse of a Gram matrix, None where a column says nothing of its own."""
    values, vectors = np.linalg.eigh(gram)
    if values[0] <= _REDUNDANT * values[-1]:
        return None
    inverse: FloatArray = (vectors / values) @ vectors.T
    return inverse


def _logit(
    x: FloatArray, treated: BoolArray, weight: FloatArray
) -> tuple[FloatArray, FloatArray] | None:
    """Return fitted probabilities and the inverse information; None where groups do not overlap."""
    share = float(weight @ treated / weight.sum())
    coef = np.zeros(x.shape[1])
    coef[0] = np.log(share / (1 - share))
    reached, move = -np.inf, np.zeros_like(coef)
    for _ in range(_MOST_STEPS):
        index = x @ (coef + move)
        likelihood = float(weight @ (treated * index - np.logaddexp(0, index)))
        if likelihood < reached - _ARRIVED * abs(reached):
            move = move / 2
            continue
        reached, coef = likelihood, coef + move
        probability = 1 / (1 + np.exp(-np.clip(index, -_FURTHEST, _FURTHEST)))
        score = x.T @ (weight * (treated - probability))
        information = _inverse((x * (weight * probability * (1 - probability))[:, None]).T @ x)
        if information is None:
            return None
        if np.abs(score).max() <= _ARRIVED * weight.sum():
            return (probability, information) if probability.max() < _CERTAIN else None
        move = information @ score
    return None
