"""Cluster-robust intervals by site, in closed form: CR1, and CR2 with Satterthwaite's df."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal
from weakref import WeakKeyDictionary

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from evaluation.errors import EstimationError
from evaluation.findings import Equations, Estimator, Fit, Interval, Procedure
from evaluation.inference.sandwich import Variance, bias_reduced, sandwich, scaled_sandwich
from evaluation.inference.student import (
    FITTED_EXACTLY,
    estimating_equations,
    few_sites,
    one_site_only,
    refuse_exact,
    refuse_level,
    student,
    unidentified,
)
from evaluation.panel import Panel

__all__ = ["Kind", "covariance", "cr1", "cr2", "judged_by"]

Kind = Literal["cr0", "cr1", "cr2"]

_SANDWICHES: dict[Kind, Callable[[Equations], Variance]] = {
    "cr0": sandwich,
    "cr1": scaled_sandwich,
    "cr2": bias_reduced,
}
# What was made of a fit, as long as the fit lives. It holds nothing that could not be made again,
# so it can change no number.
_REMEMBERED: WeakKeyDictionary[Equations, dict[Kind, Variance]] = WeakKeyDictionary()


_CR1_CAVEAT = (
    "CR1 for comparison with other software: small-sample factor G/(G-1), G the number of sites, "
    "with t(G-1); fixest, Stata and linearmodels use others. With few pilot sites it rejects 8 to "
    "10% of true nulls at a nominal 5%."
)
_RECENTRED_CAVEAT = (
    "CR1 from influence functions, each site's own part left out of the average that it is held "
    "against: small-sample factor G/(G-1), G the number of sites, with t(G-1). With six pilot "
    "sites it rejects 1 to 8% of true nulls at a nominal 5% (with the own part left in, as other "
    "software has it, 8 to 17%)."
)
# A standard error this small beside the effect, or what was observed, is rounding.
_ROUNDING = 1e-10


def cr1(*, level: float) -> Procedure:
    """Return the cluster sandwich with G/(G-1) and t(G-1): for comparison with other software.

    Of a fit that has influence functions in place of estimating equations: their sum of squares by
    site, recentred where the fit has that form, with the same factor and t. Source: Liang and Zeger
    (1986), Biometrika 73; the factor is that of clubSandwich's "CR1".

    Parameters
    ----------
    level : float
        Confidence level, between 0 and 1.
    """
    return _procedure("cr1", level)


def cr2(*, level: float) -> Procedure:
    """Return the bias-reduced sandwich with Satterthwaite's degrees of freedom.

    Source: Bell and McCaffrey (2002), Survey Methodology 28; Pustejovsky and Tipton (2018), JBES
    36, sections 2.1 and 3.1, with the adjustment matrices of the full design.

    Parameters
    ----------
    level : float
        Confidence level, between 0 and 1.
    """
    return _procedure("cr2", level)


def covariance(fit: Equations | Fit, *, kind: Kind) -> NDArray[np.float64]:
    """Return the covariance of a fit's effects; shape (r, r), NaN where not identified.

    Parameters
    ----------
    fit : LinearFit, BlockFit or Fit
        A Fit with estimating equations, or with influence functions summed by site.
    kind : {"cr0", "cr1", "cr2"}
        The sandwich as it is, which is what other software publishes for influence functions; times
        G/(G-1), of influence functions recentred where they can be; with bias-reduced scores, which
        influence functions do not have.

    Raises
    ------
    EstimationError
        With fewer than two sites, when the model fits every observation exactly, or when the fit
        has nothing of the kind.
    """
    if not isinstance(fit, Fit):
        return _variance(fit, kind).covariance
    if fit.linear is None and fit.influence is not None and kind != "cr2":
        if kind == "cr0":
            return np.asarray(fit.influence.T @ fit.influence)
        judged = judged_by(fit, range(len(fit.effects)))
        return np.asarray(_few_sites_factor(fit) * (judged.T @ judged))
    return _variance(estimating_equations(kind, fit), kind).covariance


def judged_by(fit: Fit, effects: Sequence[int]) -> NDArray[np.float64]:
    """Return what effects of a fit with influence functions are judged by; shape (G, k).

    Recentred where the fit has that form.

    Raises
    ------
    EstimationError
        When it has no influence functions.
    """
    if fit.influence is None:
        raise EstimationError(
            f"the estimator {fit.estimator} has no influence functions",
            remedy="Choose another procedure.",
        )
    if fit.recentred is None:
        return np.asarray(fit.influence[:, list(effects)])
    return np.column_stack([fit.recentred(j) for j in effects])


def _few_sites_factor(fit: Fit) -> float:
    if fit.n_sites < 2:
        raise one_site_only()
    return fit.n_sites / (fit.n_sites - 1)


def _caveats(kind: Literal["cr1", "cr2"], fit: Fit) -> tuple[str, ...]:
    if kind == "cr2":
        return few_sites(fit)
    return (_CR1_CAVEAT if fit.recentred is None else _RECENTRED_CAVEAT, *few_sites(fit))


def _procedure(kind: Literal["cr1", "cr2"], level: float) -> Procedure:
    refuse_level(level)

    def interval(_estimator: Estimator, _panel: Panel, fit: Fit, _draws: Generator) -> Interval:
        by_influence = kind == "cr1" and fit.linear is None and fit.influence is not None
        if not by_influence:
            estimating_equations(kind, fit)
        if not np.isfinite(fit.effect.value):
            return unidentified(kind, level)
        found = _of_influence(fit) if by_influence else _of_equations(kind, fit)
        if found is None:
            return Interval(procedure=kind, level=level, caveats=(FITTED_EXACTLY,))
        return student(
            fit,
            std_error=found[0],
            df=found[1],
            blank=Interval(procedure=kind, level=level, caveats=_caveats(kind, fit)),
        )

    return interval


def _of_equations(kind: Kind, fit: Fit) -> tuple[float, float] | None:
    """Return the focal effect's standard error and degrees of freedom; None when all is exact."""
    variance = _variance(estimating_equations(kind, fit), kind)
    square = float(variance.covariance[fit.focal, fit.focal])
    return (float(np.sqrt(square)), float(variance.df[fit.focal])) if square > 0 else None


def _of_influence(fit: Fit) -> tuple[float, float] | None:
    """Return the same from influence functions."""
    factor = _few_sites_factor(fit)
    column = judged_by(fit, (fit.focal,))[:, 0]
    std_error = float(np.sqrt(factor * (column @ column)))
    size = max(abs(fit.effect.value), abs(fit.effect.observed or 0.0))
    return (std_error, fit.n_sites - 1.0) if std_error > _ROUNDING * size else None


def _variance(equations: Equations, kind: Kind) -> Variance:
    """Return all contrasts' variances at once, remembered for as long as the fit lives.

    An event study asks for each of its event times in turn; the adjustment matrices, which are
    nearly all of the work, are the same for all.
    """
    remembered = _REMEMBERED.setdefault(equations, {})
    if kind not in remembered:
        refuse_exact(equations)
        remembered[kind] = _SANDWICHES[kind](equations)
    return remembered[kind]
