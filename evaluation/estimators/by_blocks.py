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
from evaluation.panel import Panel

__all__ = ["LARGE", "Regressed", "is_large", "redundant_covariates", "regress", "sum_by_site"]

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

# Above this many numbers, 32 megabytes (about 1,000 units of monthly data), the design is not held
# as a matrix, and linearmodels is not asked.
_MOST_CELLS = 4_000_000
# Influence this small beside the outcome is rounding.
_ROUNDING = 1e-12

LARGE = (
    "The data are too many to hold the design as a matrix: by blocks of units, with cr1 and the "
    "procedures that refit."
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
    normal, size : array, shape (p, p) and (p,)
        Normal equations, and the columns' squared lengths.
    solved : Solver
    effects : array, shape (p,)
    """

    model: Absorbed
    outcome: FloatArray
    normal: FloatArray
    size: FloatArray
    solved: Solver
    effects: FloatArray

    @property
    def identified(self) -> BoolArray:
        """Whether the data say anything about each group column and covariate; (m + c,)."""
        return self.solved.identified(np.eye(self.effects.size)[self.model.grid.n_periods :])

    def redundant(self, names: Sequence[str]) -> list[str]:
        """Return which of the covariates, by name, the effects say already."""
        n_periods, c = self.model.grid.n_periods, len(names)
        kept = np.r_[np.arange(n_periods), np.arange(self.size.size - c, self.size.size)]
        return redundant_covariates(names, self.normal[np.ix_(kept, kept)], self.size[kept])

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


def regress(model: Absorbed, outcome: FloatArray) -> Regressed:
    """Solve a regression by blocks."""
    normal, size = model.normal()
    solved = solver(normal, size)
    return Regressed(
        model=model,
        outcome=outcome,
        normal=normal,
        size=size,
        solved=solved,
        effects=solved.inverse @ model.right(outcome),
    )


def redundant_covariates(names: Sequence[str], normal: FloatArray, size: FloatArray) -> list[str]:
    """Return the covariates that the effects and the covariates before them say already.

    Parameters
    ----------
    names : sequence of str
        The covariates, the last effects of the normal equations.
    normal, size : array, shape (p, p) and (p,)
        Without group columns, which they must not be judged by.
    """
    first = normal.shape[0] - len(names)
    found = []
    for j, name in enumerate(names, start=first + 1):
        last = np.zeros((1, j))
        last[0, -1] = 1.0
        if not solver(normal[:j, :j], size[:j]).identified(last)[0]:
            found.append(name)
    return found


def sum_by_site(panel: Panel, scores: FloatArray) -> FloatArray:
    """Sum unit scores, shape (U, r), by site; shape (G, r)."""
    n_sites = len(panel.sites)
    return np.column_stack([np.bincount(panel.unit_sites, v, n_sites) for v in scores.T])
