r"""The maximum of a Poisson likelihood with unit and period effects, by blocks of units.

Unit effects are at their own maximum throughout, :math:`e^{a_i} = y_{i\cdot} / s_{i\cdot}` with
:math:`s_{it} = m_{it} \exp(c_t + b D_{it} + x_{it}'g)`; what is left to maximise has as many
effects as there are periods and other columns, and its curvature is the two-way regression's with
the fitted means as weights. Newton's method on that.

Shapes: n rows, U units, T periods, m group columns, c covariates, p = T + m + c effects.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evaluation.estimators.absorbed import Absorbed, Solver, solver
from evaluation.estimators.site_equations import Solved, site_equations
from evaluation.findings import BlockFit
from evaluation.panel import Panel

__all__ = ["Maximum", "maximise"]

FloatArray = NDArray[np.float64]

_MOST_STEPS = 100
_MOST_HALVINGS = 40
# Twice the log-likelihood that the next step promises, in squared standard errors: Newton's error
# is squared at each step, so that the step which promises so little is exact to rounding.
_GAIN = 1e-10
# Linear predictors that would move further in one step are held back: exp() has its limits.
_FURTHEST = 8.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Maximum:
    """Where the likelihood is at its highest.

    Parameters
    ----------
    working : Absorbed
        The two-way regression with the fitted means as weights, 0 for rows that do not enter.
    residual : array, shape (n,)
        (count - mean) / mean, 0 for rows that do not enter.
    solved : Solver
        The curvature, inverted.
    effects : array, shape (p,)
    """

    working: Absorbed
    residual: FloatArray
    solved: Solver
    effects: FloatArray

    def blocks(self, panel: Panel, contrasts: FloatArray) -> BlockFit:
        """Return the estimating equations of contrasts, shape (r, p): the working regression.

        They are solved anew: ``solved`` is the curvature before the last step.
        """
        solved = Solved(
            model=self.working,
            outcome=self.residual,
            effects=np.zeros_like(self.effects),
        )
        return site_equations(panel, solved, contrasts, coef=self.effects, family="poisson")

    def unit_scores(self, directions: FloatArray) -> FloatArray:
        """Return each unit's part of the estimating equations, directions (p, r); (U, r)."""
        return self.working.unit_scores(self.residual, np.zeros_like(self.effects), directions)


def maximise(model: Absorbed, count: FloatArray) -> Maximum | None:
    """Maximise the likelihood; None where that does not converge.

    Parameters
    ----------
    model : Absorbed
        Its weights are the exposures, 0 for rows that do not enter; it has no own columns beside
        levels, and uses all its cells.
    count : array, shape (n,)
        0 or more, 0 for rows that do not enter; every unit that enters has an event.
    """
    effects = _start(model, count)
    state = _evaluate(model, count, effects)
    for _ in range(_MOST_STEPS):
        working = dataclasses.replace(model, weights=state.mean)
        solved = solver(*working.normal())
        step = solved.inverse @ state.gradient
        gain = float(step @ state.gradient)
        state, effects = _advance(model, count, (state, effects, step))
        if gain <= _GAIN:
            residual = np.divide(
                count - state.mean, state.mean, out=np.zeros_like(count), where=state.mean > 0
            )
            working = dataclasses.replace(model, weights=state.mean)
            return Maximum(working=working, residual=residual, solved=solved, effects=effects)
    return None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _State:
    """Fitted means (n,), gradient (p,), and log-likelihood up to a constant, at some effects."""

    mean: FloatArray
    gradient: FloatArray
    likelihood: float


def _start(model: Absorbed, count: FloatArray) -> FloatArray:
    """Return the logarithms of the periods' rates, and no other effect."""
    events, exposure = np.zeros(model.grid.n_periods), np.zeros(model.grid.n_periods)
    for _, units in model.grid.blocks(model.member):
        events += model.grid.table(count, units).sum(axis=0)
        exposure += model.grid.table(model.weights, units).sum(axis=0)
    effects = np.zeros(model.n_effects)
    seen = events > 0
    effects[: events.size][seen] = np.log(events[seen] / exposure[seen])
    return effects


def _evaluate(model: Absorbed, count: FloatArray, effects: FloatArray) -> _State:
    first = model.n_effects - len(model.covariates)
    mean, gradient, likelihood = np.zeros_like(count), np.zeros_like(effects), 0.0
    for group, units in model.grid.blocks(model.member):
        events = model.grid.table(count, units)
        predictor = np.broadcast_to(model.design(group) @ effects[:first], events.shape)
        columns = [model.grid.table(column, units) for column in model.covariates]
        for column, slope in zip(columns, effects[first:], strict=True):
            predictor = predictor + slope * column
        shape = model.grid.table(model.weights, units) * np.exp(predictor)
        total, expected = events.sum(axis=1), shape.sum(axis=1)
        level = np.divide(total, expected, out=np.zeros_like(total), where=expected > 0)
        fitted = shape * level[:, None]
        model.grid.put(fitted, units, mean)
        rest = events - fitted
        gradient[:first] += rest.sum(axis=0) @ model.design(group)
        gradient[first:] += [float(np.vdot(rest, column)) for column in columns]
        entering = total > 0
        likelihood += float(np.vdot(events, predictor))
        likelihood += float(total[entering] @ np.log(level[entering]))
    return _State(mean=mean, gradient=gradient, likelihood=likelihood)


def _advance(
    model: Absorbed, count: FloatArray, at: tuple[_State, FloatArray, FloatArray]
) -> tuple[_State, FloatArray]:
    """Take the step, or as much of it as does not lower the likelihood."""
    state, effects, step = at
    reach = np.abs(step).max(initial=0.0)
    share = min(1.0, _FURTHEST / reach) if reach > 0 else 1.0
    lowest = state.likelihood - 1e-12 * abs(state.likelihood)
    for _ in range(_MOST_HALVINGS):
        moved = effects + share * step
        with np.errstate(over="ignore", invalid="ignore"):
            new = _evaluate(model, count, moved)
        if new.likelihood >= lowest:
            return new, moved
        share /= 2
    return state, effects
