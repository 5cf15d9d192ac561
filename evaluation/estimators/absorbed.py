r"""Least squares with unit and period effects at any size: unit effects come out in closed form.

Rows are read as tables of units by periods, a block of units at a time, with weight 0 where there
is no row. What a unit has of its own (a level; with seasonality also a harmonic) is projected out
of the block, and what is left is a system as small as the number of periods and of other columns.
No iteration, no n by T matrix, and balanced or not makes no difference.

Shapes: n rows, U units, T periods, K groups of units, q columns that each unit has of its own,
m columns that are the same for all units of a group, c covariates; p = T + m + c effects.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evaluation.estimators.grid import Grid, UnitPart, unit_part

__all__ = ["Absorbed", "Solver", "solver"]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

# What is left of a column, as share of its squared length, when it is nothing but rounding.
_REDUNDANT = 1e-18
# An eigenvalue of the scaled normal equations below this is 0: a direction the data do not see.
_UNSEEN = 1e-11
# A null direction's entry above this names an effect that can move without moving the fit.
_MOVES = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Solver:
    """Normal equations of what is left once the units' own columns are out; p effects.

    Parameters
    ----------
    inverse : array, shape (p, p)
        Pseudo-inverse.
    basis : array, shape (p, k)
        Directions in which the equations are the identity: ``basis @ basis.T`` is the inverse.
    null : array, shape (p, d)
        Directions along which the effects can move without moving the fit.
    unit : array, shape (p,)
        What is one step of each effect, so that columns of all sizes compare.
    """

    inverse: FloatArray
    basis: FloatArray
    null: FloatArray
    unit: FloatArray

    def identified(self, contrasts: FloatArray) -> BoolArray:
        """Return which contrasts, shape (r, p), no null direction moves; shape (r,)."""
        moved = np.abs(contrasts @ self.null).max(axis=1, initial=0.0)
        return np.asarray(moved <= _MOVES * np.linalg.norm(contrasts * self.unit, axis=1))

    def moved(self, part: UnitPart, within: Sequence[FloatArray]) -> BoolArray:
        """Return which predictions of a block some null direction moves; shape (u, T).

        Parameters
        ----------
        part : UnitPart
        within : sequence of array, shape (u, T)
            The covariates, the units' own parts taken out; no group columns.
        """
        shape = part.weights.shape
        n_periods = shape[1]
        size = np.broadcast_to(self.unit[:n_periods], shape)
        for column, unit in zip(within, self.unit[n_periods:], strict=True):
            size = size + np.abs(column) * unit
        moved = np.zeros(shape, dtype=np.bool_)
        for direction in self.null.T:
            change = part.without(np.broadcast_to(direction[:n_periods], shape))
            for column, along in zip(within, direction[n_periods:], strict=True):
                change += along * column
            moved |= np.abs(change) > _MOVES * size
        return moved


def solver(normal: FloatArray, size: FloatArray) -> Solver:
    """Invert normal equations, telling what the data do not see.

    Parameters
    ----------
    normal : array, shape (p, p)
        Inner products of the columns, the units' own parts taken out.
    size : array, shape (p,)
        Squared length of each column before that.
    """
    diagonal = normal.diagonal()
    seen = diagonal > _REDUNDANT * size
    length = np.where(seen, diagonal, size)
    unit = 1 / np.sqrt(np.where(length > 0, length, 1.0))
    scaled = np.where(seen[:, None] & seen, normal * unit[:, None] * unit, 0.0)
    values, vectors = np.linalg.eigh(scaled)
    large = values > _UNSEEN * values[-1]
    kept = unit[:, None] * vectors[:, large]
    return Solver(
        inverse=(kept / values[large]) @ kept.T,
        basis=kept / np.sqrt(values[large]),
        null=unit[:, None] * vectors[:, ~large],
        unit=unit,
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Absorbed:
    """A regression on unit and period effects, group columns and covariates, read by blocks.

    Effects are ordered: the T periods, the m group columns, the c covariates.

    Parameters
    ----------
    grid : Grid
    weights : array, shape (n,)
        Above 0.
    covariates : tuple of array, shape (n,)
    member : int array, shape (U,)
        Group of each unit, 0 .. K-1; -1 for a unit that does not enter.
    columns : array, shape (K, T, m)
    used : bool array, shape (K, T)
        Which rows of a group are fitted; for the others the fit is a prediction.
    own : array, shape (T, q)
        Columns that each unit has of its own; the first is constant.
    """

    grid: Grid
    weights: FloatArray
    covariates: tuple[FloatArray, ...]
    member: IntArray
    columns: FloatArray
    used: BoolArray
    own: FloatArray

    @property
    def n_effects(self) -> int:
        """The number of effects beside the units' own, p."""
        return self.grid.n_periods + int(self.columns.shape[2]) + len(self.covariates)

    @property
    def n_rows(self) -> int:
        """The number of rows that are fitted."""
        if self.used.all() and (self.member >= 0).all():
            return self.weights.size
        return sum(int((part.weights > 0).sum()) for *_, part in self.parts())

    def design(self, group: int) -> FloatArray:
        """Return period dummies and group columns of a group; shape (T, T + m)."""
        return np.hstack([np.eye(self.grid.n_periods), self.columns[group]])

    def parts(self) -> Iterator[tuple[int, IntArray, UnitPart]]:
        """Yield each block: its group, its units and what they have of their own."""
        for group, units in self.grid.blocks(self.member):
            table = self.grid.table(self.weights, units)
            fitted = table if self.used[group].all() else table * self.used[group]
            yield group, units, unit_part(self.own, fitted)

    def normal(self) -> tuple[FloatArray, FloatArray]:
        """Return the normal equations, shape (p, p), and the columns' squared lengths, (p,)."""
        first = self.n_effects - len(self.covariates)
        normal = np.zeros((self.n_effects, self.n_effects))
        size = np.zeros(self.n_effects)
        for group, periods, lengths, beside, among in self._by_group():
            design = self.design(group)
            normal[:first, :first] += design.T @ periods @ design
            normal[:first, first:] += design.T @ beside
            normal[first:, first:] += among
            size[:first] += lengths[: self.grid.n_periods] @ design**2
            size[first:] += lengths[self.grid.n_periods :]
        normal[first:, :first] = normal[:first, first:].T
        return normal, size

    def _by_group(self) -> Iterator[tuple[int, FloatArray, FloatArray, FloatArray, FloatArray]]:
        """Yield for each group the inner products among periods, and with and among covariates.

        Shapes: (T, T), squared lengths (T + c,), (T, c), (c, c).
        """
        n_periods, c = self.grid.n_periods, len(self.covariates)
        for group in range(self.used.shape[0]):
            only = dataclasses.replace(self, member=np.where(self.member == group, group, -1))
            periods, lengths = np.zeros((n_periods, n_periods)), np.zeros(n_periods + c)
            beside, among = np.zeros((n_periods, c)), np.zeros((c, c))
            for _, units, part in only.parts():
                spread = part.spread(part.weights)
                periods -= spread.T @ spread
                lengths[:n_periods] += part.weights.sum(axis=0)
                if not c:
                    continue
                tables = [self.grid.table(column, units) for column in self.covariates]
                lengths[n_periods:] += [(part.weights * table**2).sum() for table in tables]
                within = np.stack([part.without(table) for table in tables], axis=2)
                weighed = within * part.weights[:, :, None]
                beside += weighed.sum(axis=0)
                among += np.einsum("utc,utd->cd", weighed, within)
            periods[np.diag_indices(n_periods)] += lengths[:n_periods]
            yield group, periods, lengths, beside, among

    def right(self, outcome: FloatArray) -> FloatArray:
        """Return the inner products of the columns with an outcome; shape (p,)."""
        first = self.n_effects - len(self.covariates)
        right = np.zeros(self.n_effects)
        for group, units, part in self.parts():
            weighed = part.weights * part.without(self.grid.table(outcome, units))
            right[:first] += weighed.sum(axis=0) @ self.design(group)
            right[first:] += [
                float(np.einsum("ut,ut->", weighed, self.grid.table(column, units)))
                for column in self.covariates
            ]
        return right

    def left(
        self, outcome: FloatArray, effects: FloatArray
    ) -> Iterator[tuple[int, IntArray, UnitPart, FloatArray]]:
        """Yield each block with what is left of an outcome, fitted rows and predicted ones."""
        first = self.n_effects - len(self.covariates)
        for group, units, part in self.parts():
            rest = self.grid.table(outcome, units) - self.design(group) @ effects[:first]
            for column, slope in zip(self.covariates, effects[first:], strict=True):
                rest -= slope * self.grid.table(column, units)
            yield group, units, part, part.without(rest)

    def unit_scores(
        self, outcome: FloatArray, effects: FloatArray, directions: FloatArray
    ) -> FloatArray:
        """Return each unit's part of the estimating equations along directions.

        Parameters
        ----------
        outcome : array, shape (n,)
        effects : array, shape (p,)
            Where what is left is taken.
        directions : array, shape (p, r)

        Returns
        -------
        array, shape (U, r)
            0 for units that do not enter.
        """
        first = self.n_effects - len(self.covariates)
        scores = np.zeros((self.member.size, directions.shape[1]))
        for group, units, part, rest in self.left(outcome, effects):
            weighed = part.weights * rest
            scores[units] = weighed @ (self.design(group) @ directions[:first])
            for column, along in zip(self.covariates, directions[first:], strict=True):
                inner = np.einsum("ut,ut->u", weighed, self.grid.table(column, units))
                scores[units] += inner[:, None] * along
        return scores
