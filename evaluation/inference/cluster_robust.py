"""Cluster-robust intervals by site, in closed form: CR1, and CR2 with Satterthwaite's df."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Literal
from weakref import WeakKeyDictionary

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from evaluation.errors import EstimationError
from evaluation.findings import Estimator, Fit, Interval, LinearFit, Procedure
from evaluation.inference.sandwich import Variance, bias_reduced, sandwich, scaled_sandwich
from evaluation.panel import Panel

__all__ = ["Kind", "covariance", "cr1", "cr2"]

Kind = Literal["cr0", "cr1", "cr2"]

_SANDWICHES: dict[Kind, Callable[[LinearFit], Variance]] = {
    "cr0": sandwich,
    "cr1": scaled_sandwich,
    "cr2": bias_reduced,
}
# What was made of a fit, as long as the fit lives. It holds nothing that could not be made again,
# so it can change no number.
_REMEMBERED: WeakKeyDictionary[LinearFit, dict[Kind, Variance]] = WeakKeyDictionary()

# Residuals this small beside what they are differences of are rounding, not evidence.
_ROUNDING = 1e-10
# Below this many pilot sites no cluster-robust procedure holds its size.
_ENOUGH_PILOT_SITES = 4

_CR1_CAVEAT = (
    "CR1 for comparison with other software: small-sample factor G/(G-1), G the number of sites, "
    "with t(G-1); fixest, Stata and linearmodels use others. With few pilot sites it rejects 8 to "
    "10% of true nulls at a nominal 5%."
)


def cr1(*, level: float) -> Procedure:
    """Return the cluster sandwich with G/(G-1) and t(G-1): for comparison with other software.

    Source: Liang and Zeger (1986), Biometrika 73; the factor is that of clubSandwich's "CR1".

    Parameters
    ----------
    level : float
        Confidence level, between 0 and 1.
    """
    return _procedure("cr1", level, (_CR1_CAVEAT,))


def cr2(*, level: float) -> Procedure:
    """Return the bias-reduced sandwich with Satterthwaite's degrees of freedom.

    Source: Bell and McCaffrey (2002), Survey Methodology 28; Pustejovsky and Tipton (2018), JBES
    36, sections 2.1 and 3.1, with the adjustment matrices of the full design.

    Parameters
    ----------
    level : float
        Confidence level, between 0 and 1.
    """
    return _procedure("cr2", level, ())


def covariance(linear: LinearFit, *, kind: Kind) -> NDArray[np.float64]:
    """Return the covariance of a fit's contrasts; shape (r, r), NaN where not identified.

    Parameters
    ----------
    linear : LinearFit
    kind : {"cr0", "cr1", "cr2"}
        The sandwich as it is; times G/(G-1); with bias-reduced scores.

    Raises
    ------
    EstimationError
        With fewer than two sites, or when the model fits every observation exactly.
    """
    return _variance(linear, kind).covariance


def _procedure(kind: Literal["cr1", "cr2"], level: float, caveats: tuple[str, ...]) -> Procedure:
    if not 0 < level < 1:
        raise EstimationError(
            f"the confidence level is {level:g}", allowed="a number between 0 and 1, such as 0.95"
        )

    def interval(_estimator: Estimator, _panel: Panel, fit: Fit, _draws: Generator) -> Interval:
        if fit.linear is None:
            raise EstimationError(
                f"{kind} needs estimating equations, and the estimator {fit.estimator} has none",
                remedy="Choose a procedure that refits, such as randomisation.",
            )
        if not np.isfinite(fit.effect.value):
            reason = "No interval: the effect is not identified."
            return Interval(procedure=kind, level=level, caveats=(reason,))
        variance = _variance(fit.linear, kind)
        square = float(variance.covariance[fit.focal, fit.focal])
        if not square > 0:
            reason = "No interval: each site's part in the effect is fitted exactly."
            return Interval(procedure=kind, level=level, caveats=(reason,))
        return _student(
            fit,
            std_error=float(np.sqrt(square)),
            df=float(variance.df[fit.focal]),
            blank=Interval(procedure=kind, level=level, caveats=(*caveats, *_few_sites(fit))),
        )

    return interval


def _student(fit: Fit, *, std_error: float, df: float, blank: Interval) -> Interval:
    """Fill in ``blank`` from Student's t around the fit's effect."""
    from scipy.special import stdtr, stdtrit

    value = fit.effect.value
    reach = float(stdtrit(df, 0.5 + blank.level / 2)) * std_error
    return dataclasses.replace(
        blank,
        std_error=std_error,
        df=df,
        low=value - reach,
        high=value + reach,
        p=2 * float(stdtr(df, -abs(value) / std_error)),
    )


def _few_sites(fit: Fit) -> tuple[str, ...]:
    own = fit.effect.n_pilot_sites
    sites = fit.n_pilot_sites if own is None else own
    if sites >= _ENOUGH_PILOT_SITES:
        return ()
    return (
        f"Rests on {sites} pilot {'site' if sites == 1 else 'sites'}: below "
        f"{_ENOUGH_PILOT_SITES} no cluster-robust interval holds its level.",
    )


def _variance(linear: LinearFit, kind: Kind) -> Variance:
    """Return all contrasts' variances at once, remembered for as long as the fit lives.

    An event study asks for each of its event times in turn; the adjustment matrices, which are
    nearly all of the work, are the same for all.
    """
    remembered = _REMEMBERED.setdefault(linear, {})
    if kind not in remembered:
        _refuse_exact(linear)
        remembered[kind] = _SANDWICHES[kind](linear)
    return remembered[kind]


def _refuse_exact(linear: LinearFit) -> None:
    if linear.n_clusters < 2:
        raise EstimationError(
            "there is one site only, and uncertainty is judged by how sites differ",
            remedy="Add comparison sites.",
        )
    fitted = linear.x @ linear.coef
    # A Poisson residual is a share of the mean already.
    size = 1.0 if linear.family == "poisson" else float(np.abs(fitted + linear.residual).max())
    if float(np.abs(linear.residual).max()) <= _ROUNDING * size:
        raise EstimationError(
            "the model fits every observation exactly, so nothing is left to judge uncertainty by",
            remedy="Add units or periods, or adjust for fewer covariates.",
        )
