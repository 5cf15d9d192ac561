"""What the procedures that judge by site share: refusals, caveats, and Student's interval."""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import NDArray

from evaluation.errors import EstimationError
from evaluation.findings import Equations, Fit, Interval, LinearFit
from evaluation.inference.site_reads import SiteRead, absorbed, read_sites

__all__ = [
    "FITTED_EXACTLY",
    "estimating_equations",
    "few_sites",
    "one_site_only",
    "refuse_exact",
    "refuse_level",
    "student",
    "unidentified",
]

FITTED_EXACTLY = "No interval: each site's part in the effect is fitted exactly."

# Residuals this small beside what they are differences of are rounding, not evidence.
_ROUNDING = 1e-10
# Below this many pilot sites no cluster-robust procedure holds its size.
_ENOUGH_PILOT_SITES = 4


def refuse_level(level: float) -> None:
    """Raise an EstimationError for a confidence level that is none."""
    if not 0 < level < 1:
        raise EstimationError(
            f"the confidence level is {level:g}", allowed="a number between 0 and 1, such as 0.95"
        )


def estimating_equations(procedure: str, fit: Fit) -> Equations:
    """Return the estimating equations of a fit.

    Raises
    ------
    EstimationError
        When the estimator has none.
    """
    equations = fit.equations
    if equations is None:
        raise EstimationError(
            f"{procedure} needs estimating equations, and the estimator {fit.estimator} has none",
            remedy="Choose a procedure that refits, such as randomisation.",
        )
    return equations


def unidentified(procedure: str, level: float) -> Interval:
    """Return the empty interval of an effect that is not identified."""
    reason = "No interval: the effect is not identified."
    return Interval(procedure=procedure, level=level, caveats=(reason,))


def one_site_only() -> EstimationError:
    """Return the error for data of a single site."""
    return EstimationError(
        "there is one site only, and uncertainty is judged by how sites differ",
        remedy="Add comparison sites.",
    )


def refuse_exact(equations: Equations) -> None:
    """Refuse a fit that leaves nothing to judge uncertainty by.

    Raises
    ------
    EstimationError
        With fewer than two sites, or when the model fits every observation exactly.
    """
    if equations.n_clusters < 2:
        raise one_site_only()
    if isinstance(equations, LinearFit):
        largest = float(np.abs(equations.residual).max())
        size = float(np.abs(equations.x @ equations.coef + equations.residual).max())
    else:
        read = read_sites(equations)
        largest = max(float(np.abs(site.block.residual).max()) for site in read.sites)
        size = max(_varying(site, read.coef[site.columns.kept]) for site in read.sites)
    # A Poisson residual is a share of the mean already.
    if largest <= _ROUNDING * (1.0 if equations.family == "poisson" else size):
        raise EstimationError(
            "the model fits every observation exactly, so nothing is left to judge uncertainty by",
            remedy="Add units or periods, or adjust for fewer covariates.",
        )


def _varying(site: SiteRead, coef: NDArray[np.float64]) -> float:
    """Return the largest outcome of a site, unit effects absorbed."""
    fitted = absorbed(site.columns.predicted(coef[:, None]), site.block.weights)[0]
    return float(np.abs(fitted + site.block.residual).max())


def few_sites(fit: Fit) -> tuple[str, ...]:
    """Return the caveat of an effect that rests on fewer pilot sites than hold the size."""
    own = fit.effect.n_pilot_sites
    sites = fit.n_pilot_sites if own is None else own
    if sites >= _ENOUGH_PILOT_SITES:
        return ()
    return (
        f"Rests on {sites} pilot {'site' if sites == 1 else 'sites'}: below "
        f"{_ENOUGH_PILOT_SITES} no cluster-robust interval holds its level.",
    )


def student(fit: Fit, *, std_error: float, df: float, blank: Interval) -> Interval:
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
