"""The restricted wild cluster bootstrap by site: whole sites' residuals change sign together."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache

import numpy as np
from numpy.random import Generator

from evaluation.errors import EstimationError
from evaluation.findings import Equations, Estimator, Fit, Interval, Procedure
from evaluation.inference.engine import Reduced
from evaluation.inference.inversion import FURTHEST, invert
from evaluation.inference.moments import moments, turned
from evaluation.inference.student import (
    FITTED_EXACTLY,
    estimating_equations,
    few_sites,
    refuse_exact,
    refuse_level,
    unidentified,
)
from evaluation.inference.wild_direct import reduced_flips
from evaluation.inference.wild_scores import Flips, Scores, linear_flips, poisson_flips
from evaluation.inference.wild_signs import Met, Signs, Verdict, Weights, draw_signs
from evaluation.panel import Panel

__all__ = [
    "Signs",
    "Verdict",
    "draw_signs",
    "flip_p_value",
    "wild",
    "wild_p_value",
    "wild_test",
]

_MOST_FAILURES = 0.01
# Standard errors. The steps of the p-value lie further apart.
_TOLERANCE = 1e-8
# Each tested value of a Poisson fit is a fit of its own, and 9,999 draws leave the ends uncertain
# by some hundredths; a rate ratio of exp(12) is past all bounds.
_POISSON_TOLERANCE = 1e-4
_POISSON_FURTHEST = 12.0
# Bytes that draws may take: of each a byte a site, and eight numbers.
_MOST_BYTES = 4_000_000_000


def wild(
    *, level: float, draws: int, weights: Weights = "rademacher", scores: Scores = "jackknifed"
) -> Procedure:
    """Return the restricted wild cluster bootstrap with its interval by inversion.

    The statistic is the t by CR1, two-sided and symmetric; the null is imposed; the bootstrap
    scores are jackknifed (WCR-S). For Poisson fits the score form, with all effects refitted at
    every tested value.

    Source: MacKinnon, Nielsen and Webb (2023), J. Applied Econometrics 38; Kline and Santos (2012)
    for Poisson; Webb (2023), Canadian J. Economics 56, for the six-point weights. The algebra is
    in ``wild_scores``.

    Parameters
    ----------
    level : float
        Confidence level, between 0 and 1.
    draws : int
        Sign vectors drawn, such as 9999; with 12 sites or fewer, and Rademacher weights, all of
        them are taken instead.
    weights : {"rademacher", "webb"}
        Signs, or Webb's six points: for few sites, where signs have few values.
    scores : {"jackknifed", "plain"}
        ``plain`` is WCR-C, the classic form that other software reports.
    """
    refuse_level(level)
    if draws < 1:
        raise EstimationError(
            f"the number of draws is {draws}", allowed="a whole number above 0, such as 9999"
        )

    def interval(_estimator: Estimator, _panel: Panel, fit: Fit, random: Generator) -> Interval:
        equations = estimating_equations("wild", fit)
        if not np.isfinite(fit.effect.value):
            return unidentified("wild", level)
        refuse_exact(equations)
        _refuse_size(equations.n_clusters, draws)
        signs = draw_signs(equations.n_clusters, draws=draws, weights=weights, random=random)
        return _inverted(equations, fit, signs, level=level, scores=scores)

    return interval


def _refuse_size(sites: int, draws: int) -> None:
    """Refuse more draws than memory holds."""
    size = draws * (sites + 64)
    if size > _MOST_BYTES:
        raise EstimationError(
            f"the wild bootstrap of {sites:,} sites by {draws:,} draws would take "
            f"{1e-9 * size:.1f} GB",
            allowed=f"{1e-9 * _MOST_BYTES:.1f} GB",
            remedy="Choose fewer draws.",
        )


def _inverted(
    linear: Equations, fit: Fit, signs: Signs, *, level: float, scores: Scores
) -> Interval:
    scale = _standard_error(linear, fit.focal)
    if scale == 0:
        return Interval(procedure="wild", level=level, caveats=(FITTED_EXACTLY,))
    test = cache(wild_test(linear, signs, focal=fit.focal, scores=scores))
    verdict = test(0.0)
    _refuse_failures(verdict, signs)
    is_poisson = linear.family == "poisson"
    low, high = invert(
        lambda value: test(value).p,
        # The equations' own estimate: another library's has another last digit.
        estimate=float(linear.contrasts[fit.focal] @ linear.coef),
        scale=scale,
        level=level,
        tolerance=_POISSON_TOLERANCE if is_poisson else _TOLERANCE,
        furthest=_POISSON_FURTHEST / scale if is_poisson else FURTHEST,
    )
    return Interval(
        procedure="wild",
        level=level,
        low=low,
        high=high,
        p=verdict.p,
        draws=signs.draws,
        failures=verdict.failures,
        caveats=(*few_sites(fit), *_about_signs(signs), *_about_ends(low, high)),
    )


def wild_p_value(
    equations: Equations | Reduced,
    signs: Signs,
    *,
    focal: int = 0,
    tested: float = 0.0,
    scores: Scores = "jackknifed",
) -> float:
    """Return the p-value of one tested value, without an interval.

    Parameters
    ----------
    equations : LinearFit, BlockFit or Reduced
        Of a fit; or, in simulations, a balanced panel reduced, with its one effect.
    signs : Signs
        From :func:`draw_signs`, for as many sites.
    focal : int
        Which contrast of a fit.
    tested : float
    scores : {"jackknifed", "plain"}
    """
    found, distance = _flips_at(equations, focal, scores)(tested)
    return flip_p_value(found.at(distance), signs)


def flip_p_value(found: Flips, signs: Signs) -> float:
    """Return the p-value of flips at their tested value, such as of ``poisson_null_flips``."""
    return Met(found, signs).verdict(found.contrast).p


def wild_test(
    equations: Equations | Reduced,
    signs: Signs,
    *,
    focal: int = 0,
    scores: Scores = "jackknifed",
) -> Callable[[float], Verdict]:
    """Return the test as a function of the tested value, the same signs at every call.

    For least squares the contrast is linear and the variance quadratic in the tested value: the
    signs meet the sites once, and a call costs three sums.

    Raises
    ------
    EstimationError
        By the function, where a Poisson fit has no maximum at a tested value.
    """
    flips_at = _flips_at(equations, focal, scores)
    if not isinstance(equations, Reduced) and equations.family == "poisson":
        return lambda tested: _verdict_at(*flips_at(tested), signs)
    met = Met(flips_at(0.0)[0], signs)
    return lambda tested: met.verdict(flips_at(tested)[1])


def _verdict_at(found: Flips, distance: float, signs: Signs) -> Verdict:
    return Met(found, signs).verdict(distance)


def _flips_at(
    equations: Equations | Reduced, focal: int, scores: Scores
) -> Callable[[float], tuple[Flips, float]]:
    """Return what gives a tested value's flips and its distance; linear flips are made once."""
    if isinstance(equations, Reduced):
        reduced, estimate = reduced_flips(equations, scores), equations.coefficient
        return lambda tested: (reduced, estimate - tested)
    cut = moments(equations)
    null = turned(cut, focal)
    estimate = float(equations.contrasts[focal] @ equations.coef)
    if equations.family == "gaussian":
        linear = linear_flips(null, scores)
        return lambda tested: (linear, (estimate - tested) / null.scale)

    def by_score(tested: float) -> tuple[Flips, float]:
        found = poisson_flips(cut, null, (estimate - tested) / null.scale, scores)
        if found is None:
            raise EstimationError(
                f"the Poisson model has no maximum with the effect held at {tested:g}",
                remedy="Look for units or periods with hardly any events, and leave them out.",
            )
        return found, found.contrast

    return by_score


def _standard_error(equations: Equations, focal: int) -> float:
    """Return the plain cluster-robust standard error; 0 where every site is fitted exactly."""
    cut = moments(equations)
    error = float(np.linalg.norm(cut.scores @ cut.contrasts[:, focal]))
    return error if error > 1e-10 * float(cut.gross[focal]) else 0.0


def _refuse_failures(verdict: Verdict, signs: Signs) -> None:
    if verdict.failures > _MOST_FAILURES * signs.draws:
        raise EstimationError(
            f"{verdict.failures} of {signs.draws} bootstrap samples have no variance by site",
            allowed=f"at most {_MOST_FAILURES:.0%}",
            remedy="Choose randomisation, or add comparison sites.",
        )


def _about_signs(signs: Signs) -> tuple[str, ...]:
    if not signs.enumerated:
        return ()
    return (
        f"All {signs.draws:,} ways to change the sites' signs were computed; the smallest "
        f"possible p-value is {2 / signs.draws:.2g}.",
    )


def _about_ends(low: float, high: float) -> tuple[str, ...]:
    caveats = []
    if math.isinf(low):
        caveats.append("The interval has no lower end: no value that low is rejected.")
    if math.isinf(high):
        caveats.append("The interval has no upper end: no value that high is rejected.")
    return tuple(caveats)
