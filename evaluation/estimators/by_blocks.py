"""Least squares on a panel of any size, with influence summed by site in place of equations.

Shapes: n rows, T periods, m group columns, c covariates, p = T + m + c effects, r contrasts,
G sites.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evaluation.estimators.absorbed import Absorbed, Solver, solver
from evaluation.estimators.grid import grid_of
from evaluation.estimators.site_equations import Solved, site_equations
from evaluation.findings import BlockFit
from evaluation.panel import Panel

__all__ = [
    "LARGE",
    "Regressed",
    "is_large",
    "redundant",
    "regress",
    "sum_by_site",
    "treatment_model",
]

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

# Above this many numbers, 32 megabytes (about 1,000 units of monthly data), the design is not held
# as a matrix, and linearmodels is not asked.
_MOST_CELLS = 4_000_000
# Influence this small beside the outcome is rounding.
_ROUNDING = 1e-12

LARGE = (
    "The data are too many to hold the design as a matrix: computed by blocks of units, which "
    "gives the same figures."
)


def is_large(panel: Panel, n_columns: int) -> bool:
    """Return whether a design of ``n_columns`` beside the period dummies is too large to hold."""
    columns = len(panel.periods) + n_columns + len(panel.covariates)
    return panel.rows.height * columns > _MOST_CELLS


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Regressed:
    """A regression that was solved by blocks.

    Parameters
    ----------
    model : Absorbed
    outcome : array, shape (n,)
    equations : array, shapes (p, p) and (p,)
        Normal equations, and the columns' squared lengths.
    solved : Solver
    effects : array, shape (p,)
    """

    model: Absorbed
    outcome: FloatArray
    equations: tuple[FloatArray, FloatArray]
    solved: Solver
    effects: FloatArray

    @property
    def identified(self) -> BoolArray:
        """Whether the data say anything about each group column and covariate; (m + c,)."""
        return self.solved.identified(np.eye(self.effects.size)[self.model.grid.n_periods :])

    def values(self, contrasts: FloatArray) -> FloatArray:
        """Return contrasts, shape (r, m + c), of the group columns and covariates; shape (r,)."""
        return np.asarray(contrasts @ self.effects[self.model.grid.n_periods :])

    def influence(self, panel: Panel, contrasts: FloatArray) -> FloatArray:
        """Return the contrasts' influence summed by site; shape (G, r), NaN as the contrasts."""
        within = self.solved.inverse[:, self.model.grid.n_periods :] @ contrasts.T
        influence = sum_by_site(panel, self.model.unit_scores(self.outcome, self.effects, within))
        size = float(np.abs(self.outcome).max())
        influence[:, np.abs(influence).max(axis=0) <= _ROUNDING * size] = 0.0
        return influence

    def blocks(self, panel: Panel, contrasts: FloatArray) -> BlockFit:
        """Return the estimating equations of contrasts, shape (r, m + c), NaN as the contrasts."""
        solved = Solved(
            model=self.model, outcome=self.outcome, effects=self.effects, solver=self.solved
        )
        periods = np.zeros((contrasts.shape[0], self.model.grid.n_periods))
        return site_equations(panel, solved, np.hstack([periods, contrasts]))


def regress(model: Absorbed, outcome: FloatArray) -> Regressed:
    """Solve a regression by blocks."""
    equations = model.normal()
    solved = solver(*equations)
    return Regressed(
        model=model,
        outcome=outcome,
        equations=equations,
        solved=solved,
        effects=solved.inverse @ model.right(outcome),
    )


def redundant(
    equations: tuple[FloatArray, FloatArray], names: Sequence[str], n_periods: int
) -> list[str]:
    """Return the covariates that the period effects and the covariates before them say already.

    Parameters
    ----------
    equations : array, shapes (p, p) and (p,)
        Normal equations, and the columns' squared lengths; the treatment is not judged by.
    names : sequence of str
        The covariates, the last effects.
    n_periods : int
        The periods are the first.
    """
    normal, size = equations
    kept = np.r_[np.arange(n_periods), np.arange(size.size - len(names), size.size)]
    found = []
    for last, name in enumerate(names, start=n_periods + 1):
        before = kept[:last]
        seen = solver(normal[np.ix_(before, before)], size[before])
        if not seen.identified(np.eye(1, last, last - 1))[0]:
            found.append(name)
    return found


def sum_by_site(panel: Panel, scores: FloatArray) -> FloatArray:
    """Sum unit scores, shape (U, r), by site; shape (G, r)."""
    n_sites = len(panel.sites)
    if n_sites == len(panel.units):
        return np.asarray(scores[np.argsort(panel.unit_sites)])
    return np.column_stack([np.bincount(panel.unit_sites, v, n_sites) for v in scores.T])


def treatment_model(panel: Panel, weights: FloatArray) -> Absorbed:
    """Return the regression on the treatment, its first slope, and the covariates.

    The treatment is a group column, a cohort being a group; a dose is a covariate.

    Parameters
    ----------
    panel : Panel
    weights : array, shape (n,)
        0 for rows that do not enter.
    """
    periods, starts = np.array(panel.periods), np.array(panel.adoption.cohorts, dtype=np.float64)
    first = np.nan_to_num(panel.unit_first_treated, nan=np.inf)
    names = panel.covariates
    if "dose" in panel.rows.columns:
        names, starts, first = ("dose", *names), np.empty(0), np.zeros_like(first)
    treated = np.vstack([periods >= starts[:, None], np.zeros((1, periods.size))])
    return Absorbed(
        grid=grid_of(panel),
        weights=weights,
        covariates=tuple(panel.values(name) for name in names),
        member=np.searchsorted(starts, first),
        columns=treated[:, :, None][:, :, : min(starts.size, 1)],
        used=np.ones(treated.shape, dtype=np.bool_),
        own=np.ones((periods.size, 1)),
    )
