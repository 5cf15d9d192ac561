"""Reassignment by refitting: for estimators that only a new fit can answer for, and as a test.

Each reassignment is one call of the estimator on the site-collapsed panel, or two where an interval
is had as well: an estimator that is linear in the outcome gives :math:`b(y - b_0 D)` as
:math:`b(y) - b_0 b(D)`, D the actual treatment. Its influence functions are linear too, so that the
statistic is the estimate over its standard error by site wherever a fit has equations or influence:
on the estimate alone reassignment fails where pilot sites are larger or smaller than the rest.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from evaluation.errors import EstimationError
from evaluation.findings import Estimator, Fit, LinearFit
from evaluation.inference.collapse import Collapsed
from evaluation.inference.engine import distinct_paths
from evaluation.inference.reassigned import Sums
from evaluation.inference.reassignment import Reassignments
from evaluation.panel import Panel

__all__ = ["Refits", "refit"]

FloatArray = NDArray[np.float64]

_MOST_FAILURES = 0.01
# An estimator is taken to be linear when adding the treatment moves its estimates as it must.
_LINEAR = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Refits:
    """The refits of every reassignment, in the order of the reassignments.

    Parameters
    ----------
    sums : Sums
        Two outcomes where the estimator is linear, else one. Without estimating equations or
        influence functions the spread is 1: the statistic is the estimate itself.
    dealt : Reassignments
        Those that could be refitted; the actual one is the first.
    failures : int
        Those that could not.
    is_studentised : bool
        Whether the statistic is the estimate over its standard error by site.
    """

    sums: Sums
    dealt: Reassignments
    failures: int
    is_studentised: bool


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _One:
    value: float
    influence: FloatArray | None


def refit(
    estimator: Estimator, collapsed: Collapsed, dealt: Reassignments, *, focal: int = 0
) -> Refits:
    """Refit the estimator under every reassignment.

    Parameters
    ----------
    estimator : Estimator
    collapsed : Collapsed
    dealt : Reassignments
        Of the collapsed panel's paths among its sites.
    focal : int
        Which of the estimator's effects.

    Raises
    ------
    EstimationError
        When the actual assignment, or more than 1% of all, cannot be fitted.
    """
    paths = distinct_paths(collapsed.treatment)[0]
    linear = _is_linear(estimator, collapsed, focal)
    found: list[list[_One]] = []
    fitted = []
    for row, chosen in enumerate(dealt.chosen):
        # Sites that are in no reassignment keep the path they have.
        treatment = collapsed.treatment.copy()
        treatment[dealt.chosen[0]] = 0.0
        treatment[chosen] = paths[dealt.path]
        panel = collapsed.reassigned(treatment)
        panels = [panel, _with_treatment(panel, collapsed)] if linear else [panel]
        try:
            found.append([_one(estimator, each, focal) for each in panels])
        except EstimationError:
            if row == 0:
                raise
            continue
        fitted.append(row)
    failures = len(dealt.chosen) - len(fitted)
    if failures > _MOST_FAILURES * len(dealt.chosen):
        raise EstimationError(
            f"{failures} of {len(dealt.chosen)} reassignments could not be estimated",
            allowed=f"at most {_MOST_FAILURES:.0%}",
            remedy="Leave out comparison sites that are observed in few periods.",
        )
    studentised = all(one.influence is not None for ones in found for one in ones)
    return Refits(
        sums=_sums(found, studentised=studentised),
        dealt=dataclasses.replace(dealt, chosen=dealt.chosen[fitted]),
        failures=failures,
        is_studentised=studentised,
    )


def _one(estimator: Estimator, panel: Panel, focal: int) -> _One:
    fit = estimator(panel)
    value = fit.effects[focal].value
    if not np.isfinite(value):
        raise EstimationError("the effect is not identified")
    return _One(value=value, influence=_site_influence(fit, focal))


def _site_influence(fit: Fit, focal: int) -> FloatArray | None:
    """Return each site's part of an effect's error, recentred where the fit has that form."""
    if fit.linear is not None:
        return _influence(fit.linear, focal)
    if fit.recentred is not None:
        return fit.recentred(focal)
    return None if fit.influence is None else fit.influence[:, focal]


def _influence(linear: LinearFit, focal: int) -> FloatArray:
    """Return each site's part of the estimate's error; their squares sum to CR0's variance."""
    weighted = linear.x * linear.weights[:, None]
    along = linear.x @ np.linalg.solve(weighted.T @ linear.x, linear.contrasts[focal])
    parts = linear.weights * along * linear.residual
    return np.bincount(linear.cluster, weights=parts).astype(np.float64)


def _sums(found: list[list[_One]], *, studentised: bool) -> Sums:
    product = np.array([[one.value for one in ones] for ones in found])
    draws, outcomes = product.shape
    spread = np.zeros((draws, outcomes, outcomes))
    spread[:, 0, 0] = 1.0
    if studentised:
        parts = np.array([[one.influence for one in ones] for ones in found])
        spread = np.einsum("bos,bzs->boz", parts, parts)
    return Sums(
        information=np.ones(draws),
        product=product,
        spread=spread,
        gross=np.abs(spread),
    )


def _with_treatment(panel: Panel, collapsed: Collapsed, times: float | None = None) -> Panel:
    """Return the panel with the actual treatment as its outcome, or ``times`` of it added."""
    at = collapsed.panel
    actual = collapsed.treatment[at.unit_codes, at.period_codes]
    outcome = actual if times is None else panel.values("outcome") + times * actual
    rows = panel.rows.with_columns(outcome=pl.Series(outcome, dtype=pl.Float64))
    return dataclasses.replace(panel, rows=rows)


def _is_linear(estimator: Estimator, collapsed: Collapsed, focal: int) -> bool:
    """Whether adding a multiple of the treatment moves the estimate by just that multiple."""
    effect = estimator(collapsed.panel).effects[focal]
    if effect.scale != "level":
        return False
    times = 1.0 + abs(effect.value)
    moved = estimator(_with_treatment(collapsed.panel, collapsed, times)).effects[focal].value
    return abs(moved - effect.value - times) <= _LINEAR * times
