"""Randomisation inference: who else could have been the pilot, and how far out is what was seen."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.random import Generator

from evaluation.errors import EstimationError
from evaluation.findings import Estimator, Fit, Interval, Procedure
from evaluation.inference.collapse import Collapsed, collapse
from evaluation.inference.inversion import FURTHEST, invert
from evaluation.inference.reassigned_refit import refit
from evaluation.inference.reassignment import Reassignments
from evaluation.inference.reassignment_tests import (
    FEWEST_FOR_T,
    Statistics,
    deal,
    least_squares,
    poisson_at,
    poisson_p,
)
from evaluation.inference.reassignment_words import SEPARATED, SHARP, about_ends, about_ways
from evaluation.inference.site_tables import SiteTables, site_tables
from evaluation.inference.student import FITTED_EXACTLY, refuse_level, unidentified
from evaluation.inference.two_way_estimate import estimate_on, is_two_way
from evaluation.panel import Panel

__all__ = ["randomisation"]

_KEY = "randomisation"
# In standard errors. The ends of intervals from 9,999 draws are uncertain by some hundredths; each
# tested value of a Poisson model is a fit of its own, and a rate ratio of exp(12) past all bounds.
_TOLERANCE = 1e-8
_POISSON_TOLERANCE = 1e-4
_POISSON_FURTHEST = 12.0
# Each refit takes milliseconds, where a draw by sums takes microseconds.
_MOST_REFITS = 999
# An estimate on site totals that differs by more than this share of its error is mentioned.
_APART = 0.05

_BY_SIZE = (
    "With fewer than four pilot sites the effect is compared with the error that sites of their "
    "size lead to expect (variance A + B / size), because a site cannot show its own."
)
_COEFFICIENT = (
    "The statistic is the estimate itself: where pilot sites are larger or smaller than others it "
    "calls a true zero an effect in 7 to 9% of studies."
)
_NOT_LINEAR = (
    "No interval: each value to be tested would need every reassignment to be estimated again."
)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Test:
    """A test of any effect, with the draws held fixed."""

    p: Callable[[float], float]
    estimate: float
    std_error: float
    dealt: Reassignments
    is_poisson: bool = False
    has_interval: bool = True
    failures: int = 0
    caveats: tuple[str, ...] = ()


def randomisation(*, level: float, draws: int) -> Procedure:
    """Return randomisation inference on the site-collapsed panel, its interval by inversion.

    The treatment paths of the pilot sites are dealt out anew among all sites, the actual assignment
    being one of them: all ways when there are fewer than 100,000, else ``draws`` at random. The
    p-value is the share of assignments with a statistic at least as far from 0; an interval holds
    the effects that are not rejected when taken out of the outcome (for Poisson: divided out of the
    counts). Statistics are those of :mod:`evaluation.inference.reassignment_tests`.

    Estimators other than least squares and Poisson with two-way effects are refitted for every
    assignment: twice where they are linear in the outcome; else they get a p-value alone.

    Source: MacKinnon and Webb (2020), J. Econometrics 218, randomisation on t; a statistic brought
    to its own distribution before it is compared: Cohen and Fogarty (2022), J. Royal Statistical
    Society B 84 (prepivoting). The actual assignment is counted, and so are ties.

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

    def interval(estimator: Estimator, panel: Panel, fit: Fit, random: Generator) -> Interval:
        if fit.effect.estimand not in ("overall", "site"):
            reason = (
                "No interval: randomisation deals out who was in the pilot and from when; it "
                f"answers for one effect, not for each {fit.effect.estimand.replace('_', ' ')}."
            )
            return Interval(procedure=_KEY, level=level, caveats=(reason,))
        if not np.isfinite(fit.effect.value):
            return unidentified(_KEY, level)
        collapsed = collapse(panel)
        if fit.linear is not None and is_two_way(panel, fit):
            tables = site_tables(collapsed, fit.linear.family)
            dealt = deal(tables, draws=draws, random=random)
            test = _by_algebra(tables, dealt, fit.effect.value)
        elif fit.linear is not None and fit.linear.family == "poisson":
            return Interval(procedure=_KEY, level=level, caveats=(SEPARATED,))
        else:
            test = _refitted(
                fit.refit or estimator, collapsed, fit.focal, draws=draws, random=random
            )
        return _interval(test, level, fit.effect.value)

    return interval


def _interval(test: _Test, level: float, value: float) -> Interval:
    if test.std_error == 0:
        return Interval(procedure=_KEY, level=level, caveats=(FITTED_EXACTLY,))
    p = cache(test.p)
    smallest = test.dealt.smallest_p
    low: float | None = -math.inf
    high: float | None = math.inf
    if not test.has_interval:
        low = high = None
    elif smallest <= 1 - level:
        low, high = invert(
            p,
            estimate=test.estimate,
            scale=test.std_error,
            level=level,
            tolerance=_POISSON_TOLERANCE if test.is_poisson else _TOLERANCE,
            furthest=_POISSON_FURTHEST / test.std_error if test.is_poisson else FURTHEST,
        )
    return Interval(
        procedure=_KEY,
        level=level,
        low=low,
        high=high,
        p=p(0.0),
        draws=len(test.dealt.chosen) - (not test.dealt.is_exact),
        failures=test.failures,
        caveats=(
            *about_ends(low, high, smallest=smallest, level=level),
            *about_ways(test.dealt, level=level),
            *test.caveats,
            *_about_collapse(test, value),
            SHARP,
        ),
    )


def _by_algebra(tables: SiteTables, dealt: Reassignments, value: float) -> _Test:
    """Return the test of least squares or Poisson; ``value`` is the estimate, by units."""
    caveats = (_BY_SIZE,) if dealt.path.size < FEWEST_FOR_T else ()
    if tables.family == "gaussian":
        statistics = least_squares(tables, dealt)
        estimate = float(statistics.sums.coefficient()[0])
        error = _error(statistics, estimate)
        return _Test(
            p=statistics.p, estimate=estimate, std_error=error, dealt=dealt, caveats=caveats
        )
    estimate = estimate_on(tables, value)
    error = _error(poisson_at(tables, dealt, estimate), 0.0)
    return _Test(
        p=poisson_p(tables, dealt, estimate=estimate, std_error=error),
        estimate=estimate,
        std_error=error,
        dealt=dealt,
        is_poisson=True,
        caveats=caveats,
    )


def _refitted(
    estimator: Estimator, collapsed: Collapsed, focal: int, *, draws: int, random: Generator
) -> _Test:
    tables = site_tables(collapsed, "gaussian")
    asked, draws = draws, min(draws, _MOST_REFITS)
    # All ways only where they are no more work than the draws asked for.
    dealt = deal(tables, draws=draws, random=random, fewest=draws + 2)
    refits = refit(estimator, collapsed, dealt, focal=focal)
    statistics = Statistics(sums=refits.sums, slopes=None, dealt=refits.dealt)
    estimate = float(refits.sums.coefficient()[0])
    linear = refits.sums.product.shape[1] == 2
    error = _error(statistics, estimate if linear else 0.0)
    if not refits.is_studentised:
        error = float(refits.sums.coefficient(estimate if linear else 0.0)[1:].std())
    return _Test(
        p=statistics.p,
        estimate=estimate,
        std_error=error,
        dealt=refits.dealt,
        has_interval=linear,
        failures=refits.failures,
        caveats=(
            *(() if linear else (_NOT_LINEAR,)),
            *(() if refits.is_studentised else (_COEFFICIENT,)),
            *(() if draws == asked else (f"{draws:,} of {asked:,} draws: each is an estimate.",)),
        ),
    )


def _error(statistics: Statistics, null: float) -> float:
    return float(np.sqrt(statistics.variance(null)[0]))


def _about_collapse(test: _Test, estimate: float) -> tuple[str, ...]:
    if abs(test.estimate - estimate) <= _APART * test.std_error:
        return ()
    return (
        f"Judged on site totals, where the estimate is {test.estimate:.4g} instead of "
        f"{estimate:.4g}: units of one site differ in start or in how their size changes.",
    )
