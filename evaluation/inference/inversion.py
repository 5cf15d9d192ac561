"""Intervals by inversion: the values that a test does not reject.

For tests by resampling. The caller fixes the draws, so that ``p_value`` is a plain function of the
tested value: the same value, the same p.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from statistics import NormalDist

from evaluation.errors import EstimationError

__all__ = ["FURTHEST", "invert"]

PValue = Callable[[float], float]

# So many standard errors out, a test that still does not reject will not.
FURTHEST = 2.0**20
# The value of Interval.p. Its own verdict and the interval must never contradict each other.
_NO_EFFECT = 0.0
# The first guess of an end, in standard errors: a little beyond 1.96, as tests by few sites ask.
_FIRST_STEP = 2.5
# p-values below it are the same to the search, which only wants to know where they cross a level.
_LEAST_P = 1e-12


def invert(
    p_value: PValue,
    *,
    estimate: float,
    scale: float,
    level: float,
    tolerance: float = 1e-6,
    furthest: float = FURTHEST,
) -> tuple[float, float]:
    """Return the ends of the set of values that a test does not reject at ``1 - level``.

    From the estimate outwards on each side to the first rejected value, then a bracket of one
    value that is not rejected and one that is, halved or better (interpolation and truncation:
    Oliveira and Takahashi 2020, ACM TOMS 47; never more than one step above bisection). No effect,
    0, is always tested: it lies in the interval exactly when its p-value is above ``1 - level``.
    A p-value that fell and rose again between the values tried would go unseen.

    Parameters
    ----------
    p_value : Callable[[float], float]
        Two-sided p-value of a tested value, above 0, with the same draws at every call. A value
        with ``p_value(value) <= 1 - level`` is rejected.
    estimate : float
        Where the search starts; the test must not reject it.
    scale : float
        About a standard error; sets the first step and the precision.
    level : float
        Confidence level, between 0 and 1.
    tolerance : float
        Half the width of the last bracket, as a share of ``scale``.
    furthest : float
        How far from the estimate to look, as a multiple of ``scale``.

    Returns
    -------
    low, high : float
        The middles of the last brackets; infinite where nothing is rejected up to ``furthest``.

    Raises
    ------
    EstimationError
        When ``scale`` is not above 0, or the test rejects the estimate itself.
    """
    if not (scale > 0 and math.isfinite(scale) and math.isfinite(estimate)):
        raise EstimationError(
            f"an interval cannot be searched for from {estimate:g} in steps of {scale:g}",
            allowed="a finite estimate and a standard error above 0",
        )
    size, estimate = 1 - level, float(estimate)

    def margin(value: float) -> float:
        """Negative where not rejected; about linear in the distance from the estimate."""
        p = p_value(value)
        if p == size:
            return 0.0
        return NormalDist().inv_cdf(1 - max(p, _LEAST_P) / 2) - NormalDist().inv_cdf(1 - size / 2)

    at_estimate, at_zero = margin(estimate), margin(_NO_EFFECT)
    if at_estimate >= 0:
        raise EstimationError(
            f"the test rejects its own estimate, {estimate:g}, so its interval is empty",
            remedy="Choose another procedure.",
        )
    ends = []
    for outwards in (-1.0, 1.0):
        bracket = _bracket(
            margin,
            inside=(estimate, at_estimate),
            zero=(_NO_EFFECT, at_zero) if outwards * (_NO_EFFECT - estimate) > 0 else None,
            step=outwards * scale,
            furthest=furthest,
        )
        ends.append(
            outwards * math.inf if bracket is None else _narrow(margin, *bracket, tolerance * scale)
        )
    return ends[0], ends[1]


Point = tuple[float, float]


def _bracket(
    margin: Callable[[float], float],
    *,
    inside: Point,
    zero: Point | None,
    step: float,
    furthest: float,
) -> tuple[Point, Point] | None:
    """Return a value that is not rejected and one further out that is; each with its margin."""
    estimate = inside[0]
    outside = None
    if zero is not None and zero[1] >= 0:
        outside = zero
    elif zero is not None:
        inside = zero
    distance = _FIRST_STEP
    while distance <= furthest:
        value = estimate + distance * step
        distance *= 2
        if abs(value - estimate) <= abs(inside[0] - estimate):
            continue
        if outside is not None and abs(value - estimate) >= abs(outside[0] - estimate):
            break
        tried = (value, margin(value))
        if tried[1] >= 0:
            return inside, tried
        inside = tried
    return None if outside is None else (inside, outside)


def _narrow(
    margin: Callable[[float], float], inside: Point, outside: Point, tolerance: float
) -> float:
    """Return where the margin changes sign, by interpolation, truncation and projection."""
    start = abs(outside[0] - inside[0])
    most = max(0, math.ceil(math.log2(max(start / (2 * tolerance), 1.0)))) + 1
    for done in range(most):
        width = outside[0] - inside[0]
        if abs(width) <= 2 * tolerance:
            break
        middle = inside[0] + width / 2
        crossing = inside[0] - inside[1] * width / (outside[1] - inside[1])
        towards = math.copysign(1.0, middle - crossing)
        shift = 0.2 * width**2 / start
        guess = crossing + towards * shift if shift <= abs(middle - crossing) else middle
        room = max(tolerance * 2 ** (most - done) - abs(width) / 2, 0.0)
        value = guess if abs(guess - middle) <= room else middle - towards * room
        tried = (value, margin(value))
        if tried[1] >= 0:
            outside = tried
        else:
            inside = tried
    return inside[0] + (outside[0] - inside[0]) / 2
