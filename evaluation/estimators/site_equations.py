"""The estimating equations of a regression by blocks, as tables of one site after the other.

Shapes: n rows, u units of a site, T periods, m group columns, c covariates, p = T + m + c effects,
r contrasts, G sites.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from evaluation.estimators.absorbed import Absorbed, Solver, solver
from evaluation.estimators.grid import unit_part
from evaluation.findings import BlockFit, SiteBlock
from evaluation.panel import Panel

__all__ = ["Solved", "site_equations"]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Solved:
    """A regression whose effects are known.

    Parameters
    ----------
    model : Absorbed
        With levels as the units' only own columns; weights of 0 for rows that do not enter.
    outcome : array, shape (n,)
    effects : array, shape (p,)
        Where residuals are taken.
    solver : Solver, optional
        Of the model's normal equations; without it these are solved when they are asked for.
    """

    model: Absorbed
    outcome: FloatArray
    effects: FloatArray
    solver: Solver | None = None


def site_equations(
    panel: Panel,
    solved: Solved,
    contrasts: FloatArray,
    *,
    coef: FloatArray | None = None,
    family: Literal["gaussian", "poisson"] = "gaussian",
) -> BlockFit:
    """Return the equations of contrasts, shape (r, p), NaN where these are not identified.

    Nothing is read before a procedure asks for it.

    Parameters
    ----------
    panel : Panel
    solved : Solved
        For Poisson the working regression: means as weights, (count - mean) / mean as outcome.
    contrasts : array, shape (r, p)
    coef : array, shape (p,), optional
        The effects that contrasts are taken of, where these are not those of ``solved``.
    family : {"gaussian", "poisson"}
    """
    entering = _entering(solved.model)
    return BlockFit(
        read=lambda: (tuple(_read(panel, solved, entering)), _basis(solved)),
        coef=solved.effects if coef is None else coef,
        contrasts=contrasts,
        n_clusters=np.unique(panel.unit_sites[entering]).size,
        family=family,
    )


def _basis(solved: Solved) -> FloatArray:
    found = solver(*solved.model.normal()) if solved.solver is None else solved.solver
    return found.basis


def _entering(model: Absorbed) -> BoolArray:
    """Return which units have a row that enters; shape (U,)."""
    member = model.member >= 0
    if model.used.all() and float(model.weights.min()) > 0:
        return np.asarray(member)
    enters = np.zeros(member.size, dtype=np.bool_)
    for _, units, part in model.parts():
        enters[units] = (part.weights > 0).any(axis=1)
    return enters


def _read(panel: Panel, solved: Solved, entering: BoolArray) -> Iterator[SiteBlock]:
    model = solved.model
    designs = [model.design(group) for group in range(model.used.shape[0])]
    units = np.flatnonzero(entering)
    order = units[np.lexsort((model.member[units], panel.unit_sites[units]))]
    starts = np.flatnonzero(np.diff(panel.unit_sites[order], prepend=-1))
    for mine in np.split(order, starts[1:]):
        groups, counts = np.unique(model.member[mine], return_counts=True)
        yield _block(solved, mine, designs, list(zip(groups, counts, strict=True)))


def _block(
    solved: Solved, units: IntArray, designs: list[FloatArray], groups: list[tuple[int, int]]
) -> SiteBlock:
    model = solved.model
    first = model.n_effects - len(model.covariates)
    weights = model.grid.table_of(model.weights, units) * model.used[model.member[units]]
    rest = model.grid.table_of(solved.outcome, units)
    covariates = np.zeros((len(model.covariates), *weights.shape))
    for table, column, slope in zip(
        covariates, model.covariates, solved.effects[first:], strict=True
    ):
        table[:] = model.grid.table_of(column, units)
        rest -= slope * table
    fitted = [designs[group] @ solved.effects[:first] for group, _ in groups]
    rest -= np.repeat(fitted, [count for _, count in groups], axis=0)
    residual = unit_part(model.own, weights).without(rest)
    seen = weights > 0
    return SiteBlock(
        weights=weights,
        residual=np.where(seen, residual, 0.0),
        groups=tuple((int(count), designs[group]) for group, count in groups),
        covariates=np.where(seen, covariates, 0.0),
    )
