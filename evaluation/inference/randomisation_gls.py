"""Randomisation inference weighed by the noise: more power from the same reassignments."""

from __future__ import annotations

import math
from functools import cache

from numpy.random import Generator

from evaluation.errors import EstimationError
from evaluation.findings import Estimator, Fit, Interval, Procedure
from evaluation.inference.collapse import collapse
from evaluation.inference.gls_tests import GlsTest, gls_test
from evaluation.inference.inversion import FURTHEST, invert
from evaluation.inference.reassignment_tests import FEWEST_FOR_T, deal
from evaluation.inference.reassignment_words import SEPARATED, SHARP, about_ends, about_ways
from evaluation.inference.site_tables import Family, site_tables
from evaluation.inference.student import FITTED_EXACTLY, refuse_level, unidentified
from evaluation.inference.two_way_estimate import is_two_way
from evaluation.panel import Panel

__all__ = ["randomisation_gls"]

_KEY = "randomisation_gls"
# In standard errors; every tested value fits the noise anew.
_TOLERANCE = 1e-4
_POISSON_FURTHEST = 12.0
# The centre is where the statistic is 0: so near, in standard errors, after so many steps at most.
# The fitted noise moves in steps, and may step over it: then the nearest value stands, if so near.
_CENTRED = 1e-6
_MOST_STEPS = 30
_NEAR = 0.1

_WEIGHED = (
    "This interval is that of a test of its own: sites weigh by how little noise their size "
    "leads to expect, periods by how their noise lasts, and an effect that builds up over the "
    "first third of the pilot is looked for as well as one that is there at once. Its centre is "
    "{centre:.4g}, where the estimate is {estimate:.4g}; it need not hold the estimate."
)
_FEW = (
    f"No interval: with fewer than {FEWEST_FOR_T} pilot sites their own noise cannot be judged; "
    "choose randomisation."
)
_OFF_CENTRE = "No interval: no value of the effect brings this test's statistic to 0."


def randomisation_gls(*, level: float, draws: int) -> Procedure:
    """Return randomisation inference with a statistic weighed by the noise.

    As :func:`evaluation.inference.randomisation.randomisation`, with the test of
    :mod:`evaluation.inference.gls_tests`: the same reassignments and the same null of one effect
    everywhere, so that the same exactness; another statistic, so that its interval is not built
    around the estimate. A constant effect in the outcome's units (for rates, a constant ratio) is
    tested, whichever estimator it stands beside.

    Source: Ferman and Pinto (2019), Review of Economics and Statistics 101, who combine tests for
    few treated groups with feasible generalised least squares; the noise is fitted under the tested
    value here, so that weights cannot know who was treated.

    Parameters
    ----------
    level : float
        Confidence level, between 0 and 1.
    draws : int
        Assignments drawn where they are too many to take all, such as 9999.
    """
    refuse_level(level)
    if draws < 1:
        raise EstimationError(
            f"the number of draws is {draws}", allowed="a whole number above 0, such as 9999"
        )

    def interval(_estimator: Estimator, panel: Panel, fit: Fit, random: Generator) -> Interval:
        if not math.isfinite(fit.effect.value):
            return unidentified(_KEY, level)
        if fit.effect.estimand != "overall":
            reason = (
                "No interval: this test is of one effect in all pilot sites and periods, not of "
                f"each {fit.effect.estimand.replace('_', ' ')}."
            )
            return Interval(procedure=_KEY, level=level, caveats=(reason,))
        family: Family = "poisson" if fit.effect.scale == "log" else "gaussian"
        if family == "poisson" and fit.linear is not None and not is_two_way(panel, fit):
            return Interval(procedure=_KEY, level=level, caveats=(SEPARATED,))
        tables = site_tables(collapse(panel), family)
        dealt = deal(tables, draws=draws, random=random)
        if dealt.path.size < FEWEST_FOR_T:
            return Interval(procedure=_KEY, level=level, caveats=(_FEW,))
        return _interval(gls_test(tables, dealt), level, fit.effect.value)

    return interval


def _interval(test: GlsTest, level: float, estimate: float) -> Interval:
    dealt = test.dealt
    error = _error(test, estimate)
    if error == 0:
        return Interval(procedure=_KEY, level=level, caveats=(FITTED_EXACTLY,))
    centre = _centre(test, estimate)
    p = cache(test.p)
    low: float | None = -math.inf
    high: float | None = math.inf
    about: tuple[str, ...] = ()
    if centre is None:
        low = high = None
        about = (_OFF_CENTRE,)
    else:
        about = (_WEIGHED.format(centre=centre, estimate=estimate),)
        if dealt.smallest_p <= 1 - level:
            poisson = test.tables.family == "poisson"
            low, high = invert(
                p,
                estimate=centre,
                scale=error,
                level=level,
                tolerance=_TOLERANCE,
                furthest=_POISSON_FURTHEST / error if poisson else FURTHEST,
            )
    return Interval(
        procedure=_KEY,
        level=level,
        low=low,
        high=high,
        p=p(0.0),
        draws=len(dealt.chosen) - (not dealt.is_exact),
        caveats=(
            *about_ends(low, high, smallest=dealt.smallest_p, level=level),
            *about_ways(dealt, level=level),
            *about,
            SHARP,
        ),
    )


def _error(test: GlsTest, null: float) -> float:
    return math.sqrt(float(test.sums(null, actual_alone=True).variance()[0]))


def _centre(test: GlsTest, start: float) -> float | None:
    """Return the tested value at which the statistic is 0, by steps of secants; None if unfound."""

    def left(null: float) -> tuple[float, float]:
        sums = test.sums(null, actual_alone=True)
        return float(sums.coefficient()[0]), math.sqrt(float(sums.variance()[0]))

    value, slope = start, -1.0
    rest, error = left(start)
    nearest = (abs(rest) / error, value)
    for _ in range(_MOST_STEPS):
        if nearest[0] <= _CENTRED:
            break
        before, old = value, rest
        value -= rest / slope
        rest, error = left(value)
        nearest = min(nearest, (abs(rest) / error, value))
        if (rest - old) * (value - before) < 0:
            slope = (rest - old) / (value - before)
    return nearest[1] if nearest[0] <= _NEAR else None
