"""The restricted wild cluster bootstrap by site: whole sites' residuals change sign together."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Literal

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from evaluation.errors import EstimationError
from evaluation.findings import Estimator, Fit, Interval, LinearFit, Procedure
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
from evaluation.inference.wild_scores import Flips, Scores, linear_flips, poisson_flips
from evaluation.panel import Panel

__all__ = ["Signs", "Verdict", "draw_signs", "wild", "wild_p_value", "wild_test"]

Weights = Literal["rademacher", "webb"]
FloatArray = NDArray[np.float64]

# Up to so many sites all sign vectors are met: 2^12 = 4,096.
_MOST_ENUMERATED = 12
_WEBB: FloatArray = np.sqrt(np.array([0.5, 1.0, 1.5]))
# Squares of statistics this close are the same but for rounding: a tie, which counts.
_TIE = 1e-9
# A bootstrap variance this small beside its mean over all draws is rounding.
_NO_VARIANCE = 1e-12
_MOST_FAILURES = 0.01
# Standard errors. Each tested value of a Poisson fit is a fit of its own, and 9,999 draws leave
# the ends uncertain by some hundredths; a rate ratio of exp(12) is past all bounds.
_POISSON_TOLERANCE = 1e-4
_POISSON_FURTHEST = 12.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Signs:
    """Sign vectors of the sites.

    Parameters
    ----------
    values : array, shape (draws, G)
        All possible ones, up to sign, with the sample itself first; or drawn.
    enumerated : bool
    draws : int
        How many vectors they stand for.
    """

    values: FloatArray
    enumerated: bool
    draws: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """A tested value's p-value, with the draws whose statistic had no variance to be judged by.

    Such a draw counts as one at least as far out as the sample.
    """

    p: float
    failures: int


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
        linear = estimating_equations("wild", fit)
        if not np.isfinite(fit.effect.value):
            return unidentified("wild", level)
        refuse_exact(linear)
        scale = _standard_error(linear, fit.focal)
        if scale == 0:
            return Interval(procedure="wild", level=level, caveats=(FITTED_EXACTLY,))
        signs = draw_signs(linear.n_clusters, draws=draws, weights=weights, random=random)
        test = cache(wild_test(linear, signs, focal=fit.focal, scores=scores))
        # The equations' own estimate: another library's has another last digit.
        estimate = float(linear.contrasts[fit.focal] @ linear.coef)
        verdict = test(0.0)
        _refuse_failures(verdict, signs)
        is_poisson = linear.family == "poisson"
        low, high = invert(
            lambda value: test(value).p,
            estimate=estimate,
            scale=scale,
            level=level,
            tolerance=_POISSON_TOLERANCE if is_poisson else 1e-8,
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

    return interval


def draw_signs(
    sites: int, *, draws: int, weights: Weights = "rademacher", random: Generator
) -> Signs:
    """Return sign vectors: all of them with 12 sites or fewer, else ``draws`` at random.

    Parameters
    ----------
    sites : int
        G.
    draws : int
    weights : {"rademacher", "webb"}
        Webb's points are always drawn.
    random : numpy.random.Generator
    """
    if weights == "webb":
        points = np.r_[-_WEBB, _WEBB]
        drawn: FloatArray = points[random.integers(0, points.size, size=(draws, sites))]
        return Signs(values=drawn, enumerated=False, draws=draws)
    if sites <= _MOST_ENUMERATED:
        # A vector and its opposite have the same |t|: the first site keeps its sign.
        codes = np.arange(2 ** (sites - 1))[:, None] >> np.arange(sites)
        every = 1.0 - 2.0 * np.roll(codes & 1, 1, axis=1)
        return Signs(values=every, enumerated=True, draws=2**sites)
    size = draws * sites
    bits = np.unpackbits(np.frombuffer(random.bytes(-(-size // 8)), dtype=np.uint8), count=size)
    values = bits.reshape(draws, sites).astype(np.float64) * 2 - 1
    return Signs(values=values, enumerated=False, draws=draws)


def wild_p_value(
    linear: LinearFit,
    signs: Signs,
    *,
    focal: int = 0,
    tested: float = 0.0,
    scores: Scores = "jackknifed",
) -> float:
    """Return the p-value of one tested value, without an interval.

    Parameters
    ----------
    linear : LinearFit
    signs : Signs
        From :func:`draw_signs`, for as many sites.
    focal : int
        Which contrast.
    tested : float
    scores : {"jackknifed", "plain"}
    """
    return wild_test(linear, signs, focal=focal, scores=scores)(tested).p


def wild_test(
    linear: LinearFit, signs: Signs, *, focal: int = 0, scores: Scores = "jackknifed"
) -> Callable[[float], Verdict]:
    """Return the test as a function of the tested value, the same signs at every call.

    For least squares the contrast is linear and the variance quadratic in the tested value: the
    signs meet the sites once, and a call costs three sums.

    Raises
    ------
    EstimationError
        By the function, where a Poisson fit has no maximum at a tested value.
    """
    cut = moments(linear)
    null = turned(cut, focal)
    estimate = float(linear.contrasts[focal] @ linear.coef)
    if linear.family == "poisson":

        def by_score(tested: float) -> Verdict:
            found = poisson_flips(cut, null, (estimate - tested) / null.scale, scores)
            if found is None:
                raise EstimationError(
                    f"the Poisson model has no maximum with the effect held at {tested:g}",
                    remedy="Look for units or periods with hardly any events, and leave them out.",
                )
            return _Met(found, signs).verdict(found.contrast)

        return by_score
    met = _Met(linear_flips(null, scores), signs)
    return lambda tested: met.verdict((estimate - tested) / null.scale)


class _Met:
    """Signs that have met the sites: contrasts and variances by draw, up to the distance.

    Flips in one part stand for one tested value. Flips in two are added as 1 and the distance.
    """

    def __init__(self, found: Flips, signs: Signs) -> None:
        parts, sites = found.residuals.shape[:2]
        across = found.residuals.transpose(2, 0, 1).reshape(sites, parts * sites)
        met = signs.values @ np.hstack([found.moves, across])
        self._moves = met[:, :parts].T.copy()
        by_part = [met[:, parts + j * sites : parts + (j + 1) * sites] for j in range(parts)]
        self._squares = [
            [np.einsum("dg,dg->d", one, other) for other in by_part] for one in by_part
        ]
        self._typical = np.einsum("jgh,lgh->jl", found.residuals, found.residuals)
        self._square = found.square
        self._signs = signs

    def verdict(self, distance: float) -> Verdict:
        """Return the p-value of the tested value at this distance from the estimate."""
        weights = [1.0, distance][: len(self._squares)]
        moves = sum(w * one for w, one in zip(weights, self._moves, strict=True))
        square = sum(
            w * u * self._squares[j][i]
            for j, w in enumerate(weights)
            for i, u in enumerate(weights)
        )
        typical = np.array(weights) @ self._typical @ np.array(weights)
        none = square <= _NO_VARIANCE * typical
        # |t*| >= |t|, multiplied out.
        far = moves**2 * self._square >= (1 - _TIE) * distance**2 * square
        count = int((far | none).sum())
        failures = int(none.sum())
        if self._signs.enumerated:
            # The sample is one of the draws, whatever the jackknife makes of its own residuals.
            itself = bool(far[0] | none[0])
            return Verdict(
                p=(count + (not itself)) / far.size, failures=2 * (failures - int(none[0]))
            )
        return Verdict(p=(1 + count) / (1 + far.size), failures=failures)


def _standard_error(linear: LinearFit, focal: int) -> float:
    """Return the plain cluster-robust standard error; 0 where every site is fitted exactly."""
    cut = moments(linear)
    parts = cut.scores @ cut.contrasts[:, focal]
    terms = np.abs(cut.basis @ cut.contrasts[:, focal]) * cut.weights * np.abs(cut.residual)
    size = float(terms.sum())
    error = float(np.linalg.norm(parts))
    return error if error > 1e-10 * size else 0.0


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
