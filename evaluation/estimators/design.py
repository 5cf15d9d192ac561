"""The two-way design that the regression estimators share: columns, absorption, identification.

Shapes: n rows, U units, m focal columns (the effects asked about), k columns that are kept.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evaluation.errors import EstimationError
from evaluation.estimators.caveats import left_out
from evaluation.findings import Effect, Fit, LinearFit
from evaluation.panel import Panel

__all__ = [
    "Design",
    "absorb",
    "assemble_fit",
    "build_design",
    "least_squares",
    "no_comparison",
    "refuse_constant",
    "refuse_untreated",
]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

# A column whose norm, once what comes before it is taken out, is this small a share of what it was
# carries nothing but rounding (about 1e-13 on panels of some thousand rows).
_REDUNDANT = 1e-9
# A null vector's entry above this names a coefficient that can move without moving the fit.
_MOVES = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Design:
    """Columns of a regression with unit and period effects, redundant ones left out.

    Parameters
    ----------
    columns : array, shape (n, k)
        Before absorption: focal columns, covariates, period dummies; with the unit effects they
        have full column rank.
    n_slopes : int
        How many of ``columns`` are not period dummies; they come first.
    position : int array, shape (m,)
        Where each focal column is in ``columns``; -1 where it was redundant.
    identified : bool array, shape (m,)
        Whether the data say anything about the focal column's coefficient.
    unit, period, cluster : int array, shape (n,)
        Codes from 0 without gaps.
    weights : array, shape (n,)
        Least-squares weights.
    caveats : tuple of str
        Covariates that were left out, and why.
    """

    columns: FloatArray
    n_slopes: int
    position: IntArray
    identified: BoolArray
    unit: IntArray
    period: IntArray
    cluster: IntArray
    weights: FloatArray
    caveats: tuple[str, ...] = ()

    @property
    def contrasts(self) -> FloatArray:
        """For each focal column the row that picks its coefficient, or NaN; shape (m, k)."""
        rows = np.zeros((self.position.size, self.columns.shape[1]))
        kept = np.flatnonzero(self.identified)
        rows[kept, self.position[kept]] = 1.0
        rows[~self.identified] = np.nan
        return rows

    def focal_values(self, coef: FloatArray) -> FloatArray:
        """Return the focal coefficients, NaN where not identified; shape (m,)."""
        return np.where(self.identified, coef[self.position], np.nan)


def absorb(columns: FloatArray, unit: IntArray, weights: FloatArray) -> FloatArray:
    """Take the weighted mean of each unit out of each column.

    Parameters
    ----------
    columns : array, shape (n,) or (n, k)
    unit : int array, shape (n,)
        Codes from 0 without gaps, in any order.
    weights : array, shape (n,)
        Above 0.

    Returns
    -------
    array, shape as ``columns``
    """
    table = columns.reshape(columns.shape[0], -1)
    total = np.bincount(unit, weights)
    sums = [np.bincount(unit, weights * column) for column in table.T]
    means = np.column_stack(sums) / total[:, None] if sums else np.empty((total.size, 0))
    return (table - means[unit]).reshape(columns.shape)


def build_design(
    panel: Panel, focal: FloatArray, *, weights: FloatArray, kept: BoolArray | None = None
) -> Design:
    """Lay out the focal columns, the panel's covariates and the period dummies.

    Redundant columns are left out in this order of preference: focal columns, covariates, period
    dummies; so that a focal column is only kept when nothing else explains it.

    Parameters
    ----------
    panel : Panel
        n rows.
    focal : array, shape (n, m)
        Columns whose coefficients are the effects.
    weights : array, shape (n,)
        Least-squares weights.
    kept : bool array, shape (n,), optional
        Rows that enter; all of them by default.
    """
    rows = np.ones(panel.rows.height, dtype=np.bool_) if kept is None else kept
    unit, period, cluster = (
        np.unique(codes[rows], return_inverse=True)[1].astype(np.int64)
        for codes in (panel.unit_codes, panel.period_codes, panel.site_codes)
    )
    dummies = (period[:, None] == np.arange(1, period.max() + 1)).astype(np.float64)
    covariates = np.column_stack(
        [panel.values(name)[rows] for name in panel.covariates] or [np.empty((unit.size, 0))]
    )
    n_focal, n_periods, n_covariates = focal.shape[1], dummies.shape[1], covariates.shape[1]
    everything = np.column_stack([dummies, covariates, focal[rows]])
    needed, identified = _needed(everything, n_focal, unit=unit, weights=weights[rows])
    split = np.split(needed, [n_periods, n_periods + n_covariates])
    columns = np.column_stack(
        [focal[rows][:, split[2]], covariates[:, split[1]], dummies[:, split[0]]]
    )
    return Design(
        columns=columns,
        n_slopes=int(split[2].sum() + split[1].sum()),
        position=np.where(split[2], np.cumsum(split[2]) - 1, -1).astype(np.int64),
        identified=identified,
        unit=unit,
        period=period,
        cluster=cluster,
        weights=weights[rows],
        caveats=left_out([n for n, k in zip(panel.covariates, split[1], strict=True) if not k]),
    )


def _needed(
    everything: FloatArray, n_focal: int, *, unit: IntArray, weights: FloatArray
) -> tuple[BoolArray, BoolArray]:
    """Return which columns are not redundant, and which of the last ``n_focal`` are identified."""
    size = np.sqrt(weights @ everything**2)
    scaled = absorb(everything, unit, weights) * np.sqrt(weights)[:, None]
    scaled = scaled / np.where(size > 0, size, 1.0)
    needed, basis = _independent(scaled)
    first = scaled.shape[1] - n_focal
    if needed[first:].all():
        return needed, np.ones(n_focal, dtype=np.bool_)
    before = basis[:, : int(needed[:first].sum())]
    rest = scaled[:, first:] - before @ (before.T @ scaled[:, first:])
    _, values, directions = np.linalg.svd(rest, full_matrices=True)
    strength = np.zeros(n_focal)
    strength[: values.size] = values
    null = directions[strength <= _REDUNDANT]
    return needed, (np.abs(null) < _MOVES).all(axis=0)


def _independent(columns: FloatArray) -> tuple[BoolArray, FloatArray]:
    """Return which columns add to those before them, and an orthonormal basis of these."""
    n, k = columns.shape
    if k <= n:
        basis, triangle = np.linalg.qr(columns)
        if (np.abs(np.diagonal(triangle)) > _REDUNDANT).all():
            return np.ones(k, dtype=np.bool_), basis
    basis = np.empty((n, min(n, k)))
    needed = np.zeros(k, dtype=np.bool_)
    count = 0
    for j in range(k):
        rest = columns[:, j]
        for _ in range(2):  # once more: rounding of the first pass is not orthogonal
            rest = rest - basis[:, :count] @ (basis[:, :count].T @ rest)
        norm = float(np.linalg.norm(rest))
        if norm > _REDUNDANT and count < n:
            basis[:, count] = rest / norm
            needed[j] = True
            count += 1
    return needed, basis[:, :count]


def least_squares(design: Design, outcome: FloatArray) -> LinearFit:
    """Fit by weighted least squares after absorbing the unit effects.

    Parameters
    ----------
    design : Design
        n rows, k columns.
    outcome : array, shape (n,)

    Raises
    ------
    EstimationError
        When the outcome does not vary.
    """
    refuse_constant(outcome)
    x = absorb(design.columns, design.unit, design.weights)
    y = absorb(outcome, design.unit, design.weights)
    root = np.sqrt(design.weights)
    basis, triangle = np.linalg.qr(x * root[:, None])
    coef = np.linalg.solve(triangle, basis.T @ (y * root))
    return LinearFit(
        x=x,
        residual=y - x @ coef,
        weights=design.weights,
        cluster=design.cluster,
        unit=design.unit,
        coef=coef,
        contrasts=design.contrasts,
    )


def assemble_fit(
    design: Design,
    *,
    estimator: str,
    effects: tuple[Effect, ...],
    linear: LinearFit,
    pilot: BoolArray,
    caveats: tuple[str, ...],
) -> Fit:
    """Put a fit together, counting what entered it; ``pilot`` marks the treated sites' rows."""
    return Fit(
        estimator=estimator,
        effects=effects,
        linear=linear,
        n_obs=design.unit.size,
        n_units=int(design.unit.max()) + 1,
        n_sites=int(design.cluster.max()) + 1,
        n_pilot_sites=int(np.unique(design.cluster[pilot]).size),
        caveats=(*caveats, *design.caveats),
    )


def refuse_constant(outcome: FloatArray) -> None:
    """Refuse an outcome that does not vary.

    Raises
    ------
    EstimationError
        When it does not.
    """
    if np.ptp(outcome) == 0:
        raise EstimationError(
            f"the outcome is {outcome[0]:g} in every unit and period, so there is nothing to "
            "explain",
            remedy="Check the columns that the study file names for this outcome.",
        )


def refuse_untreated(panel: Panel, treatment: FloatArray | None = None) -> None:
    """Say in plain words why a treatment can have no effect estimated.

    Parameters
    ----------
    panel : Panel
    treatment : array, shape (n,), optional
        A dose; by default treatment is having adopted.

    Raises
    ------
    EstimationError
        When nobody is treated, or nobody's treatment changes while observed.
    """
    ever, changes = _adopting(panel) if treatment is None else _dosed(panel, treatment)
    place = f"outcome {panel.key!r}"
    if not panel.adoption.first_treated and not ever:
        raise EstimationError(
            "no unit of the panel adopts, so there is no effect to estimate",
            place=place,
            remedy="Check [[sites]] and that the pilot units are in the data.",
        )
    if not ever:
        raise EstimationError(
            "no pilot unit is observed after its start",
            place=place,
            remedy="Check `starts` in [[sites]] against the last period of the data.",
        )
    if not changes:
        raise EstimationError(
            "no unit's treatment changes while it is observed: pilot units have no period before "
            "their start in these data",
            place=place,
            remedy="Add earlier periods, or check `starts` in [[sites]].",
        )


def _adopting(panel: Panel) -> tuple[bool, bool]:
    """Return whether a unit is seen after its start, and whether one is seen before it too."""
    period, first_row = panel.rows["period"].to_numpy(), panel.unit_starts
    last_row = np.append(first_row[1:], period.size) - 1
    after = period[last_row] >= panel.unit_first_treated
    before = period[first_row] < panel.unit_first_treated
    return bool(after.any()), bool((after & before).any())


def _dosed(panel: Panel, treatment: FloatArray) -> tuple[bool, bool]:
    unit = panel.unit_codes
    within = absorb(treatment, unit, np.ones(unit.size))
    changes = np.abs(within).max() > _REDUNDANT * np.abs(treatment).max()
    return bool(treatment.any()), bool(changes)


def no_comparison(panel: Panel) -> EstimationError:
    """Return the error for a treatment that the unit and period effects explain wholly."""
    adopters, units = len(panel.adoption.first_treated), len(panel.units)
    why = (
        f"all {units} units adopt, and no unit is observed untreated while another is treated"
        if adopters == units
        else "the treatment cannot be told from the unit and period effects and the covariates"
    )
    return EstimationError(
        f"there is no comparison: {why}",
        place=f"outcome {panel.key!r}",
        remedy="Add comparison units in [comparison] that are observed in the same periods.",
    )
