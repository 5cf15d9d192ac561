"""Leave one site out: the jackknife's standard error, CR3, and each site's pull on the effect."""

from __future__ import annotations

from weakref import WeakKeyDictionary

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from evaluation.errors import EstimationError
from evaluation.findings import Effect, Equations, Estimator, Fit, Interval, Procedure
from evaluation.inference.moments import RowMoments, SiteMoments, moments, solve_without
from evaluation.inference.site_likelihood import RowGradients, SiteGradients
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
IntArray = NDArray[np.int64]

# A contrast that keeps less than all but this share of its length without a site is lost.
_LOST = 1e-6
# Spread of the leave-one-out coefficients that is rounding, as share of the coefficient.
_ROUNDING = 1e-10
# Poisson: moves of a coefficient in units of its standard error; what is left is the next move's
# share of the last one, some tenths at most where it converges at all.
_STILL = 1e-11
_MOST_MOVES = 60
_MOST_CELLS = 16_000_000
# Sites whose maxima a fit by blocks seeks at once.
_MOST_SITES = 1_000

# What the refits gave, as long as the panel lives: by estimator and site each effect's value, or
# why there is none. All effects of a fit share them.
_Found = dict[tuple[str, str], float] | str
_REMEMBERED: WeakKeyDictionary[Panel, dict[tuple[Estimator, str], _Found]] = WeakKeyDictionary()


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
        if fit.equations is not None:
            refuse_exact(fit.equations)
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
    is_poisson = fit.equations is not None and fit.equations.family == "poisson"
    # A Poisson fit leaves out sites without any event: they move nothing.
    empty = _without_events(panel) if is_poisson else set()
    names = [name for name in panel.sites if name not in empty]
    if fit.equations is not None and fit.equations.n_clusters == len(names):
        shifts, lost = _shifts(fit.equations, fit.focal)
        if lost.any():
            raise _needed(names[int(np.flatnonzero(lost)[0])], "nothing else identifies it")
        found = fit.effect.value + shifts
        if np.isfinite(found).all():
            return dict(zip(names, found.tolist(), strict=True))
    return {name: refit_without(estimator, panel, fit, name) for name in names}


def refit_without(estimator: Estimator, panel: Panel, fit: Fit, site: str) -> float:
    """Return the fit's focal effect from a refit without one site.

    The refit is remembered for as long as the panel lives: its other effects cost nothing more.

    Raises
    ------
    EstimationError
        When the effect cannot be had without the site.
    """
    values = _refitted(estimator, panel, site)
    if isinstance(values, str):
        raise _needed(site, values)
    asked = fit.effect
    value = values.get((asked.estimand, asked.group), np.nan)
    if asked.estimand == "site" and not np.isfinite(value):
        # One pilot site's own effect is the overall effect of a panel without the other ones.
        value = values.get(("overall", ""), np.nan)
    if not np.isfinite(value):
        raise _needed(site, f"{_named(asked)} is not identified")
    return value


def _refitted(estimator: Estimator, panel: Panel, site: str) -> _Found:
    remembered = _REMEMBERED.setdefault(panel, {})
    found = remembered.get((estimator, site))
    if found is None:
        try:
            effects = estimator(panel.without([site])).effects
        except EstimationError as error:
            found = str(error)
        else:
            found = {(effect.estimand, effect.group): effect.value for effect in effects}
        remembered[estimator, site] = found
    return found


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


def _shifts(equations: Equations, focal: int) -> tuple[FloatArray, BoolArray]:
    """Return how far the effect moves without each site, and where it is lost; shape (G,) each."""
    cut = moments(equations)
    contrast = cut.contrasts[:, focal]
    solution, lost = _solved(cut, contrast)
    if equations.family == "gaussian" or lost.any():
        return -(solution @ contrast), lost
    sites = solution.shape[0]
    many = max(1, _MOST_CELLS // cut.weights.size) if isinstance(cut, RowMoments) else _MOST_SITES
    shifts = [
        _settle(cut, -solution[at : at + many], np.arange(at, min(at + many, sites))) @ contrast
        for at in range(0, sites, many)
    ]
    return np.concatenate(shifts), lost


def _solved(cut: RowMoments | SiteMoments, contrast: FloatArray) -> tuple[FloatArray, BoolArray]:
    """Solve the equations less each site's scores, and say where the contrast is lost; (G, k)."""
    sites, k = cut.scores.shape
    solution, lost = np.empty((sites, k)), np.zeros(sites, dtype=np.bool_)
    many = max(1, _MOST_CELLS // k**2)
    for at in range(0, sites, many):
        part = slice(at, at + many)
        found, kept = solve_without(cut.grams[part], cut.scores[part, :, None])
        solution[part] = found[:, :, 0]
        if kept is not None:
            rest = contrast - kept @ contrast
            lost[part] = np.linalg.norm(rest, axis=1) > _LOST * np.linalg.norm(contrast)
    return solution, lost


def _settle(cut: RowMoments | SiteMoments, first: FloatArray, sites: IntArray) -> FloatArray:
    """Return the coefficients of the refitted maxima without each of ``sites``; shape (g, k).

    Unit effects are at their own maximum throughout. Each move solves the curvature at the full
    maximum, which is at hand for all sites, for the exact gradient at the present coefficients: it
    ends at the same maximum as Newton's moves. NaN where the moves do not settle.
    """
    coefs = first.copy()
    gradients = (
        RowGradients(cut, sites) if isinstance(cut, RowMoments) else SiteGradients(cut.read, sites)
    )
    for _ in range(_MOST_MOVES):
        with np.errstate(over="ignore", invalid="ignore"):
            gradient = gradients.at(coefs)
        if not np.isfinite(gradient).all():
            break
        move = solve_without(cut.grams[sites], gradient[:, :, None])[0][:, :, 0]
        coefs += move
        if np.abs(move).max() <= _STILL * (1 + np.abs(coefs).max()):
            return coefs
    return np.full_like(coefs, np.nan)
