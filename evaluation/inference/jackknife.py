"""Leave one site out: the jackknife's standard error, CR3, and each site's pull on the effect."""

from __future__ import annotations

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from evaluation.errors import EstimationError
from evaluation.findings import Effect, Estimator, Fit, Interval, LinearFit, Procedure
from evaluation.inference.moments import Moments, moments, solve_without
from evaluation.inference.student import (
    FITTED_EXACTLY,
    few_sites,
    refuse_exact,
    refuse_level,
    student,
    unidentified,
)
from evaluation.panel import Panel

__all__ = ["cr3", "leave_one_out", "refit_without"]

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

# A contrast that keeps less than all but this share of its length without a site is lost.
_LOST = 1e-6
# Spread of the leave-one-out coefficients that is rounding, as share of the coefficient.
_ROUNDING = 1e-10
# Poisson: moves of a coefficient in units of its standard error; what is left is the next move's
# share of the last one, some tenths at most where it converges at all.
_STILL = 1e-11
_MOST_MOVES = 60
_MOST_CELLS = 16_000_000


def cr3(*, level: float) -> Procedure:
    r"""Return the leave-one-site-out jackknife with t(G-1).

    Standard error :math:`\sqrt{(G-1)/G \sum_g (b_{-g} - b)^2}`, by algebra where the fit has
    estimating equations, else by refitting without each site.

    Source: MacKinnon, Nielsen and Webb (2023), J. Applied Econometrics 38, "Fast and reliable
    jackknife and bootstrap methods for cluster-robust inference": the cluster jackknife around the
    full estimate, their CV3.

    Parameters
    ----------
    level : float
        Confidence level, between 0 and 1.
    """
    refuse_level(level)

    def interval(estimator: Estimator, panel: Panel, fit: Fit, _draws: Generator) -> Interval:
        if not np.isfinite(fit.effect.value):
            return unidentified("cr3", level)
        if fit.linear is not None:
            refuse_exact(fit.linear)
        moves = np.array(list(leave_one_out(estimator, panel, fit).values())) - fit.effect.value
        sites = moves.size
        std_error = float(np.sqrt((sites - 1) / sites * (moves @ moves)))
        if std_error <= _ROUNDING * abs(fit.effect.value):
            return Interval(procedure="cr3", level=level, caveats=(FITTED_EXACTLY,))
        blank = Interval(procedure="cr3", level=level, caveats=few_sites(fit))
        return student(fit, std_error=std_error, df=sites - 1.0, blank=blank)

    return interval


def leave_one_out(estimator: Estimator, panel: Panel, fit: Fit) -> dict[str, float]:
    """Return the fit's focal effect without each site in turn.

    Parameters
    ----------
    estimator : Estimator
        What made the fit.
    panel : Panel
        What it was made on.
    fit : Fit

    Returns
    -------
    dict of str to float
        Site to effect, for every site that entered the fit, in order of name.

    Raises
    ------
    EstimationError
        When the effect is not identified without some site; it is named.
    """
    names = panel.sites
    if fit.linear is not None and fit.linear.n_clusters == len(names):
        cut = moments(fit.linear)
        shifts, lost = _shifts(fit.linear, cut, fit.focal)
        if lost.any():
            raise _needed(names[int(np.flatnonzero(lost)[0])], "nothing else identifies it")
        found = fit.effect.value + shifts
        if np.isfinite(found).all():
            return dict(zip(names, found.tolist(), strict=True))
    # A Poisson fit leaves out sites without any event: they move nothing.
    empty = _without_events(panel) if fit.linear is not None else set()
    return {name: refit_without(estimator, panel, fit, name) for name in names if name not in empty}


def refit_without(estimator: Estimator, panel: Panel, fit: Fit, site: str) -> float:
    """Return the fit's focal effect from a refit without one site.

    Raises
    ------
    EstimationError
        When the effect cannot be had without the site.
    """
    try:
        effects = estimator(panel.without([site])).effects
    except EstimationError as error:
        raise _needed(site, str(error)) from error
    asked = fit.effect
    # One pilot site's own effect is the overall effect of a panel without the other pilot sites.
    same = [
        effect.value
        for effect in effects
        if (effect.estimand, effect.group) == (asked.estimand, asked.group)
        or (asked.estimand == "site" and effect.estimand == "overall")
    ]
    if not same or not np.isfinite(same[0]):
        raise _needed(site, f"{_named(asked)} is not identified")
    return same[0]


def _named(effect: Effect) -> str:
    return f"the effect {effect.estimand} {effect.group}".strip().replace("_", " ")


def _needed(site: str, why: str) -> EstimationError:
    return EstimationError(
        f"without the site {site!r} the effect cannot be estimated, so it has no jackknife: {why}",
        place=f"site {site!r}",
        remedy="Choose another procedure, or an effect that rests on more sites.",
    )


def _without_events(panel: Panel) -> set[str]:
    if "count" not in panel.rows.columns:
        return set()
    events = np.bincount(panel.site_codes, weights=panel.values("count"))
    return {name for name, total in zip(panel.sites, events, strict=True) if total == 0}


def _shifts(linear: LinearFit, cut: Moments, focal: int) -> tuple[FloatArray, BoolArray]:
    """Return how far the effect moves without each site, and where it is lost; shape (G,) each."""
    contrast = cut.contrasts[:, focal]
    solution, kept = solve_without(cut.grams, cut.scores[:, :, None])
    lost = np.zeros(cut.grams.shape[0], dtype=np.bool_)
    if kept is not None:
        rest = contrast - kept @ contrast
        lost = np.linalg.norm(rest, axis=1) > _LOST * np.linalg.norm(contrast)
    if linear.family == "gaussian" or lost.any():
        return -(solution[:, :, 0] @ contrast), lost
    return _poisson_shifts(cut, contrast, -solution[:, :, 0]), lost


def _poisson_shifts(cut: Moments, contrast: FloatArray, first: FloatArray) -> FloatArray:
    """Return the shifts of the refitted maxima, NaN where the moves do not settle; shape (G,).

    Unit effects are at their own maximum throughout. Each move solves the curvature at the full
    maximum, which is at hand for all sites, for the exact gradient at the present coefficients: it
    ends at the same maximum as Newton's moves.
    """
    sites, n = first.shape[0], cut.weights.size
    many = max(1, _MOST_CELLS // n)
    shifts = [
        _settle(cut, first[at : at + many], np.arange(at, min(at + many, sites))) @ contrast
        for at in range(0, sites, many)
    ]
    return np.concatenate(shifts)


def _settle(cut: Moments, first: FloatArray, sites: NDArray[np.int64]) -> FloatArray:
    """Return the coefficients without each of ``sites``, NaN where not found; shape (g, k)."""
    n = cut.weights.size
    ends = np.r_[cut.site_start[1:], n]
    row = np.arange(n)[:, None]
    others = (row < cut.site_start[sites]) | (row >= ends[sites])
    count = (cut.weights * (1 + cut.residual))[:, None]
    lengths = np.diff(np.r_[cut.unit_start, n])
    events = np.add.reduceat(count, cut.unit_start)
    coefs = first.copy()
    for _ in range(_MOST_MOVES):
        with np.errstate(over="ignore", invalid="ignore"):
            mean = cut.weights[:, None] * np.exp(cut.basis @ coefs.T)
            mean *= np.repeat(events / np.add.reduceat(mean, cut.unit_start), lengths, axis=0)
            gradient = ((count - mean) * others).T @ cut.basis
        if not np.isfinite(gradient).all():
            break
        move = solve_without(cut.grams[sites], gradient[:, :, None])[0][:, :, 0]
        coefs += move
        if np.abs(move).max() <= _STILL * (1 + np.abs(coefs).max()):
            return coefs
    return np.full_like(coefs, np.nan)
