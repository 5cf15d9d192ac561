r"""Ferman and Pinto's residual bootstrap: few pilot sites, noise that depends on a site's size.

On site i the null-imposed residuals leave the slope :math:`W_i` on the treatment path (after the
start less before). Its variance is modelled as :math:`A + B / M_i`; slopes are put on a common
scale, resampled over all sites and put back on each site's own scale, and the coefficient that they
give is the bootstrap's. What is assumed: once its size is allowed for, a pilot site's noise is like
that of the comparison sites.

Shapes: S sites, T periods, B draws.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from evaluation.errors import EstimationError
from evaluation.findings import Estimator, Fit, Interval, Procedure
from evaluation.inference.collapse import collapse
from evaluation.inference.engine import distinct_paths
from evaluation.inference.inversion import FURTHEST, invert
from evaluation.inference.poisson_null import null_table
from evaluation.inference.site_slopes import model_variance, slopes_along
from evaluation.inference.site_tables import SiteTables, site_tables
from evaluation.inference.student import FITTED_EXACTLY, refuse_level, unidentified
from evaluation.inference.two_way import two_way
from evaluation.inference.two_way_estimate import estimate_on, is_two_way
from evaluation.panel import Panel

__all__ = [
    "FEWEST_COMPARISON_SITES",
    "Bootstrap",
    "Imposed",
    "Sources",
    "bootstrap",
    "draw_sources",
    "ferman_pinto",
    "p_value",
]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

_KEY = "ferman_pinto"
# With fewer to resample the tails are made of one or two sites.
FEWEST_COMPARISON_SITES = 8
# Coefficients this close are the same but for rounding: a tie, which counts.
_TIE = 1e-9
# A site this much beyond the smallest or largest comparison site is beyond their experience.
_BEYOND = 0.9
# In standard errors; see randomisation.
_TOLERANCE = 1e-4
_POISSON_FURTHEST = 12.0

_ASSUMES = (
    "Takes it that a pilot site's noise is like that of comparison sites once its size is allowed "
    "for (variance A + B / size, fitted to the comparison sites; Ferman and Pinto 2019)."
)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sources:
    """Whose residuals each site gets in each draw.

    Parameters
    ----------
    informed : int array, shape (I,)
        The sites whose residuals say something about an effect.
    pilot : int array, shape (m,)
        The pilot sites among them.
    path : int array, shape (m,)
        The treatment path of each.
    drawn : int array, shape (B, I)
        Places in ``informed``.
    """

    informed: IntArray
    pilot: IntArray
    path: IntArray
    drawn: NDArray[np.int32]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Imposed:
    """The model with a tested effect imposed.

    Parameters
    ----------
    weight, residual : array, shape (S, T)
        Residuals from unit and period effects and covariates under these weights.
    information, coefficient : float
        The treatment's denominator, and its coefficient on what is left.
    """

    weight: FloatArray
    residual: FloatArray
    information: float
    coefficient: float


def ferman_pinto(*, level: float, draws: int) -> Procedure:
    """Return Ferman and Pinto's residual bootstrap on the site-collapsed panel.

    The interval holds the effects that the test does not reject, with the same draws; the null is
    imposed at each. For Poisson models residuals and weights are those of the working regression
    with the tested effect divided out of the counts and all other effects refitted.

    Source: Ferman and Pinto (2019), Review of Economics and Statistics 101 (the algorithm and the
    variance as a function of size). Departures: the variance is fitted to the comparison sites
    alone, and residuals are scaled up by their leverage.

    Parameters
    ----------
    level : float
        Confidence level, between 0 and 1.
    draws : int
        Bootstrap draws, such as 9999.
    """
    refuse_level(level)
    if draws < 1:
        raise EstimationError(
            f"the number of draws is {draws}", allowed="a whole number above 0, such as 9999"
        )

    def interval(_estimator: Estimator, panel: Panel, fit: Fit, random: Generator) -> Interval:
        if not np.isfinite(fit.effect.value):
            return unidentified(_KEY, level)
        if fit.equations is None or not is_two_way(panel, fit):
            reason = (
                f"No interval: {_KEY} is for least squares and Poisson with area and period "
                "effects, on all of their observations, and for one effect."
            )
            return Interval(procedure=_KEY, level=level, caveats=(reason,))
        tables = site_tables(collapse(panel), fit.equations.family)
        sources = draw_sources(tables, draws=draws, random=random)
        comparisons = sources.informed.size - sources.pilot.size
        if comparisons < FEWEST_COMPARISON_SITES:
            reason = (
                f"No interval: {_KEY} learns the noise from the comparison sites, and needs "
                f"{FEWEST_COMPARISON_SITES} of them; there are {comparisons}."
            )
            return Interval(procedure=_KEY, level=level, caveats=(reason,))
        return _inverted(tables, sources, estimate_on(tables, fit.effect.value), level)

    return interval


def _inverted(tables: SiteTables, sources: Sources, estimate: float, level: float) -> Interval:
    test = bootstrap(tables, sources)
    scale = float(np.sqrt(np.mean(test.coefficients(estimate) ** 2)))
    if scale == 0:
        return Interval(procedure=_KEY, level=level, caveats=(FITTED_EXACTLY,))
    p = cache(test.p)
    low, high = invert(
        p,
        estimate=estimate,
        scale=scale,
        level=level,
        tolerance=_TOLERANCE,
        furthest=_POISSON_FURTHEST / scale if tables.family == "poisson" else FURTHEST,
    )
    unbounded = (
        ("The interval has an open end: no effect that far out is rejected.",)
        if math.isinf(low) or math.isinf(high)
        else ()
    )
    return Interval(
        procedure=_KEY,
        level=level,
        low=low,
        high=high,
        p=p(0.0),
        draws=len(sources.drawn),
        caveats=(*unbounded, *test.extrapolated(estimate), _ASSUMES),
    )


def draw_sources(tables: SiteTables, *, draws: int, random: Generator) -> Sources:
    """Draw whose residuals each site gets, with replacement.

    Raises
    ------
    EstimationError
        When no pilot site could tell an effect.
    """
    paths, member = distinct_paths(tables.treatment)
    weight = tables.weight
    if tables.family == "poisson":
        weight = weight * (tables.outcome.sum(axis=1, keepdims=True) > 0)
    none = np.zeros((1, *weight.shape))
    slopes = [slopes_along(path, weight, none).information for path in paths]
    informed = np.flatnonzero(np.min(slopes, axis=0) > 0)
    pilot = informed[member[informed] >= 0]
    if pilot.size == 0:
        raise EstimationError(
            "no pilot site is observed both before and after its start",
            remedy="Check `starts` in [[sites]] against the periods of the data.",
        )
    drawn = random.integers(0, informed.size, size=(draws, informed.size), dtype=np.int32)
    return Sources(informed=informed, pilot=pilot, path=member[pilot], drawn=drawn)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Bootstrap:
    """The bootstrap of any tested effect, the draws held fixed.

    Parameters
    ----------
    paths : array, shape (K, T)
    sources : Sources
    imposed : Callable[[float], Imposed]
        The model with a tested effect imposed.
    """

    paths: FloatArray
    sources: Sources
    imposed: Callable[[float], Imposed]

    def coefficients(self, null: float) -> FloatArray:
        """Return the bootstrap's coefficients, of a model in which ``null`` is true; shape (B,)."""
        return self._coefficients(self.imposed(null))

    def p(self, null: float) -> float:
        """Return the two-sided p-value of a tested effect."""
        imposed = self.imposed(null)
        far = np.abs(self._coefficients(imposed)) >= abs(imposed.coefficient) * (1 - _TIE)
        return (1 + int(far.sum())) / (1 + far.size)

    def extrapolated(self, null: float) -> tuple[str, ...]:
        """Say so where a pilot site is smaller or larger than every comparison site."""
        sources, weight = self.sources, self.imposed(null).weight
        found = []
        for pilot, path in zip(sources.pilot, sources.path, strict=True):
            none = np.zeros((1, *weight.shape))
            size = slopes_along(self.paths[path], weight, none).information
            others = size[np.setdiff1d(sources.informed, sources.pilot)]
            if size[pilot] < _BEYOND * others.min():
                found.append("smaller")
            elif size[pilot] * _BEYOND > others.max():
                found.append("larger")
        return tuple(
            f"A pilot site is {word} than every comparison site: how large its noise is has to be "
            "extrapolated from theirs."
            for word in dict.fromkeys(found)
        )

    def _coefficients(self, imposed: Imposed) -> FloatArray:
        sources = self.sources
        total = np.zeros(len(sources.drawn))
        is_pilot = np.isin(sources.informed, sources.pilot)
        for path in np.unique(sources.path):
            found = slopes_along(self.paths[path], imposed.weight, imposed.residual[None])
            slope = found.slope[sources.informed, 0]
            information = found.information[sources.informed]
            error = np.sqrt(model_variance(slope, information, ~is_pilot))
            share = information / information.sum()
            scaled = slope / np.sqrt(1 - share) / np.where(error > 0, error, 1.0)
            own = np.isin(sources.informed, sources.pilot[sources.path == path]) * information
            onto = error * (own - own.sum() * share) / imposed.information
            total += scaled[sources.drawn] @ onto
        return total


def bootstrap(tables: SiteTables, sources: Sources) -> Bootstrap:
    """Return the bootstrap of one outcome."""
    by_family = _poisson if tables.family == "poisson" else _least_squares
    return Bootstrap(
        paths=distinct_paths(tables.treatment)[0], sources=sources, imposed=by_family(tables)
    )


def _least_squares(tables: SiteTables) -> Callable[[float], Imposed]:
    system = two_way(tables.weight, tables.covariates)
    outcome, treatment = system.residual(np.stack([tables.outcome, tables.treatment]))
    information = float((tables.weight * treatment**2).sum())
    coefficient = float((tables.weight * treatment * outcome).sum()) / information
    return lambda null: Imposed(
        weight=tables.weight,
        residual=outcome - null * treatment,
        information=information,
        coefficient=coefficient - null,
    )


def _poisson(tables: SiteTables) -> Callable[[float], Imposed]:
    def imposed(null: float) -> Imposed:
        count = tables.outcome * np.exp(-null * tables.treatment)
        mean = null_table(count, tables.weight, covariates=tables.covariates)
        residual = (count - mean) / np.where(mean > 0, mean, 1.0)
        treatment = two_way(mean, tables.covariates).residual(tables.treatment[None])[0]
        information = float((mean * treatment**2).sum())
        coefficient = float((mean * treatment * residual).sum()) / information
        return Imposed(
            weight=mean, residual=residual, information=information, coefficient=coefficient
        )

    return imposed


def p_value(tables: SiteTables, sources: Sources) -> float:
    """Return the p-value of no effect, without an interval: for simulations."""
    return bootstrap(tables, sources).p(0.0)
