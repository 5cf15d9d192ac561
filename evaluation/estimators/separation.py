"""Rows that tell a Poisson model with effects nothing: their fitted mean is zero at the maximum."""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import NDArray

from evaluation.errors import EstimationError
from evaluation.estimators.absorbed import Absorbed, solver
from evaluation.estimators.by_blocks import treatment_model
from evaluation.panel import Panel

__all__ = ["informative_rows", "without_separated"]

BoolArray = NDArray[np.bool_]
FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

# The linear programme bounds the direction by 1; anything visibly below 0 is separated.
_BELOW_ZERO = -1e-6


def informative_rows(
    panel: Panel, count: FloatArray, *, look_further: bool = True
) -> tuple[BoolArray, tuple[str, ...]]:
    """Return which rows enter a Poisson likelihood, and a caveat for those that do not.

    Units and periods without any event have an effect of minus infinity, and so have further
    zero counts that some direction of the coefficients can send there without touching a row with
    events (Correia, Guimaraes and Zylkin 2019). Leaving them out changes neither
    the other coefficients nor the likelihood.

    Parameters
    ----------
    panel : Panel
        n rows.
    count : array, shape (n,)
        0 or more.
    look_further : bool
        Whether to look for zero counts beyond those of units and periods without any event; what is
        not looked for ends at a mean of zero too, and moves no other effect.

    Raises
    ------
    EstimationError
        When no event is left.
    """
    unit, period = panel.unit_codes, panel.period_codes
    if not count.any():
        raise EstimationError(
            "every count is zero, so there is no rate to compare",
            place=f"outcome {panel.key!r}",
            remedy="Check the columns that the study file names for this outcome.",
        )
    events = np.bincount(unit, weights=count).astype(np.float64)
    kept = (events[unit] > 0) & (np.bincount(period, weights=count)[period] > 0)
    if not look_further:
        return kept, _caveats(panel, events, kept)
    model = treatment_model(panel, np.ones(count.size))
    kept = without_separated(panel, model, panel.treatment[:, None], count, kept)
    return kept, _caveats(panel, events, kept)


def without_separated(
    panel: Panel, model: Absorbed, treatment: FloatArray, count: FloatArray, kept: BoolArray
) -> BoolArray:
    """Return which rows are left when separated zero counts are out too.

    Parameters
    ----------
    panel : Panel
        n rows.
    model : Absorbed
        The regression; its weights are not used.
    treatment : array, shape (n, m)
        Its treatment columns.
    count : array, shape (n,)
    kept : bool array, shape (n,)
        Rows that may enter.
    """
    if not _may_separate(model, count, kept):
        return kept
    unit, period, kept = panel.unit_codes, panel.period_codes, kept.copy()
    others = np.column_stack([treatment, *(panel.values(name) for name in panel.covariates)])
    while (count[kept] == 0).any():
        separated = _separated(count[kept], others[kept], unit[kept], period[kept])
        if not separated.any():
            break
        kept[np.flatnonzero(kept)[separated]] = False
    return kept


def _may_separate(model: Absorbed, count: FloatArray, kept: BoolArray) -> bool:
    """Return whether a direction of the coefficients could touch zero counts alone.

    Not where the rows with events leave as few directions unseen as all rows do.
    """
    unseen = [
        solver(*dataclasses.replace(model, weights=rows.astype(np.float64)).normal()).null.shape[1]
        for rows in (kept & (count > 0), kept)
    ]
    return bool(unseen[0] > unseen[1])


def _separated(
    count: FloatArray, others: FloatArray, unit: IntArray, period: IntArray
) -> BoolArray:
    """Find zero counts that one direction of the coefficients sends to minus infinity.

    Minimise the sum over zero counts of ``row @ g`` with ``row @ g`` 0 where there are events and
    between -1 and 0 elsewhere; without separation the minimum is 0.
    """
    from scipy import sparse
    from scipy.optimize import linprog

    n = count.size
    codes = [np.unique(code, return_inverse=True)[1] for code in (unit, period)]
    one = np.ones(n)
    parts = [sparse.csr_array((one, (np.arange(n), code))) for code in codes]
    columns = sparse.hstack([sparse.csr_array(others), *parts], format="csr")
    zero = count == 0
    among_zero = columns[zero]
    direction = linprog(
        np.asarray(among_zero.sum(axis=0)).ravel(),
        A_ub=sparse.vstack([among_zero, -among_zero]),
        b_ub=np.repeat([0.0, 1.0], int(zero.sum())),
        A_eq=columns[~zero],
        b_eq=np.zeros(int((~zero).sum())),
        bounds=(None, None),
        method="highs",
    )
    separated = np.zeros(n, dtype=np.bool_)
    if direction.x is not None:
        separated[zero] = among_zero @ direction.x < _BELOW_ZERO
    return separated


def _caveats(panel: Panel, events: FloatArray, kept: BoolArray) -> tuple[str, ...]:
    if kept.all():
        return ()
    empty = [name for name, total in zip(panel.units, events, strict=True) if total == 0]
    caveats = []
    if empty:
        shown = ", ".join(empty[:5]) + (" and others" if len(empty) > 5 else "")
        noun = "unit has" if len(empty) == 1 else "units have"
        caveats.append(
            f"{len(empty)} {noun} no event in any period and cannot enter a Poisson model with "
            f"unit effects: {shown}."
        )
    rest = int((~kept).sum()) - int((events[panel.unit_codes] == 0).sum())
    if rest:
        caveats.append(
            f"{rest} further observations with no event do not enter the Poisson model: the "
            "effects fit them exactly at zero."
        )
    return tuple(caveats)
