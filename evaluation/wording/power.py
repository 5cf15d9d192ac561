"""How small a change the evaluation could have seen."""

from __future__ import annotations

import math

from evaluation.findings import Estimate, Interval
from evaluation.wording.student import quantile

__all__ = ["detectable", "detectable_on_scale"]

_POWER = 0.8  # of ten real changes of this size, eight would give an interval without 0


def detectable_on_scale(interval: Interval) -> float | None:
    """Return the smallest effect seen with 80% power, on the interval's own scale.

    ``half x (1 + t(0.8) / t(1 - (1 - level) / 2))`` with the interval's degrees of freedom (normal
    quantiles without): half the interval's width is ``t(1 - alpha / 2)`` standard errors, and
    an effect is seen with power 0.8 when it is ``t(1 - alpha / 2) + t(0.8)`` of them (Bloom, H. S.
    1995, Minimum detectable effects, Evaluation Review 19(5), 547-556; the sum of two quantiles of
    t gives 78% with 3 degrees of freedom, 79% with 5). Taking the width in place of the standard
    error serves intervals that have no standard error too.

    None without two finite ends.
    """
    low, high = interval.low, interval.high
    if low is None or high is None or not math.isfinite(high - low) or high < low:
        return None
    tail = (1 + interval.level) / 2
    df = interval.df
    power, edge = (quantile(chance, df) for chance in (_POWER, tail))
    return (high - low) / 2 * (1 + power / edge)


def detectable(estimate: Estimate) -> float | None:
    """Return the change, in per cent, that this evaluation could reliably have seen.

    Parameters
    ----------
    estimate : Estimate
        Of the outcome's primary method.

    Returns
    -------
    float or None
        :func:`detectable_on_scale` as per cent of the counterfactual. On the log scale a rise of
        that size, which is the larger of the two directions, so that the statement holds for a
        fall as well. None without a finite interval or a positive counterfactual.
    """
    effect = estimate.effect
    smallest = detectable_on_scale(estimate.interval)
    if smallest is None:
        return None
    if effect.scale == "log":
        return 100.0 * math.expm1(smallest)
    if effect.observed is None or not effect.observed - effect.value > 0:
        return None
    return 100.0 * smallest / (effect.observed - effect.value)
