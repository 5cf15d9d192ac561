"""Quantiles of Student's t, for a report that needs two of them.

scipy has them, and takes a tenth of a second to import, which is a tenth of what a report may take.
A test holds these to scipy's.
"""

from __future__ import annotations

import math
from statistics import NormalDist

__all__ = ["quantile"]

_SETTLED = 1e-14
_STEPS = 200


def quantile(chance: float, df: float | None) -> float:
    """Return the value that Student's t is below with this chance.

    By bisection on the upper tail, ``I_x(df / 2, 1 / 2) / 2`` with ``x = df / (df + t^2)`` (NIST
    Digital Library of Mathematical Functions, 8.17).

    Parameters
    ----------
    chance : float
        Above 0.5 and below 1.
    df : float or None
        Degrees of freedom; the normal distribution without any that are finite and above 0.
    """
    if df is None or not math.isfinite(df) or not df > 0:
        return NormalDist().inv_cdf(chance)
    low, high = 0.0, 1.0
    while _upper_tail(high, df) > 1 - chance:
        low, high = high, 2 * high
    while high - low > _SETTLED * high:
        middle = (low + high) / 2
        if middle in (low, high):
            break
        if _upper_tail(middle, df) > 1 - chance:
            low = middle
        else:
            high = middle
    return high


def _upper_tail(t: float, df: float) -> float:
    """Return the chance that Student's t exceeds ``t``, which is not negative."""
    a, b, x = df / 2, 0.5, df / (df + t * t)
    if x >= 1:  # t is 0, or beside the degrees of freedom as good as that
        return 0.5
    front = math.exp(
        math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)
    )
    if x < (a + 1) / (a + b + 2):
        return front * _fraction(a, b, x) / a / 2
    return (1 - front * _fraction(b, a, 1 - x) / b) / 2


def _fraction(a: float, b: float, x: float) -> float:
    """Return the continued fraction of the incomplete beta function, by Lentz's method.

    DLMF 8.17.22: ``1 / (1 + d1 / (1 + d2 / ...))``.
    """
    c, d = 1.0, 1.0 / (1.0 - (a + b) * x / (a + 1))
    total = d
    for m in range(1, _STEPS):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        for part in (even, odd):
            d = 1.0 / (1.0 + part * d)
            c = 1.0 + part / c
            total *= c * d
        if abs(c * d - 1) < _SETTLED:
            break
    return total
