"""Event study: leads and lags of adoption, the last period before the start as reference."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from evaluation.errors import EstimationError
from evaluation.estimators.design import (
    Design,
    assemble_fit,
    build_design,
    least_squares,
    refuse_untreated,
)
from evaluation.estimators.panel_ols import panel_ols
from evaluation.findings import Effect, Fit
from evaluation.panel import Panel

__all__ = ["event_study"]

REFERENCE = -1
_NOT_IDENTIFIED = (
    "Not estimated: no comparison is observed that could tell it from the unit and period effects."
)


def event_study(panel: Panel, *, bin_ends: int | None = None) -> Fit:
    r"""Estimate the difference of pilot from comparison units at each event time.

    The coefficients :math:`b_e` of
    :math:`y_{it} = a_i + c_t + \sum_{e \ne -1} b_e 1\{t - g_i = e\} + x_{it}'g + e_{it}`, where
    :math:`g_i` is the unit's first treated period; never-treated units have no event time.

    Parameters
    ----------
    panel : Panel
        Its adoption gives the event times; a dose is not used.
    bin_ends : int, optional
        Join event times of ``-bin_ends`` or earlier, and of ``bin_ends`` or later. Without it there
        is one effect for every event time that the data hold.

    Returns
    -------
    Fit
        One effect for each event time, ``event_time``, in ascending order, -1 left out. There is
        no overall effect. NaN with the reason where an event time is not identified.

    Raises
    ------
    EstimationError
        When nobody is treated, no event time is identified (such as without never-treated units),
        or the outcome does not vary.

    References
    ----------
    Sun and Abraham (2021), J. Econometrics 225: the two-way form, and why it mixes cohorts.
    """
    if bin_ends is not None and bin_ends < 1:
        raise EstimationError(
            f"event times cannot be joined from {bin_ends}", allowed="a whole number of 1 or more"
        )
    refuse_untreated(panel, panel.treated.astype(np.float64))
    times = panel.event_time
    binned = times if bin_ends is None else np.clip(times, -bin_ends, bin_ends)
    held = np.unique(binned[~np.isnan(binned)]).astype(np.int64)
    shown = held[held != REFERENCE]
    focal = (binned[:, None] == shown).astype(np.float64)
    outcome = panel.values("outcome")
    design = build_design(panel, focal, weights=panel.values("weight"))
    _refuse_unidentified(panel, design, held)
    linear = least_squares(design, outcome)
    values = design.focal_values(panel_ols(design, outcome))
    return assemble_fit(
        design,
        estimator="event_study",
        effects=tuple(
            _effect(design, outcome, time=int(time), value=float(value), at=column, ends=bin_ends)
            for time, value, column in zip(shown, values, focal.T > 0, strict=True)
        ),
        linear=linear,
        pilot=~np.isnan(times),
        caveats=_caveats(panel),
    )


def _effect(
    design: Design,
    outcome: NDArray[np.float64],
    *,
    time: int,
    value: float,
    at: NDArray[np.bool_],
    ends: int | None,
) -> Effect:
    caveats: tuple[str, ...] = ()
    if ends is not None and abs(time) == ends:
        caveats = (f"All event times of {time} or {'earlier' if time < 0 else 'later'}, joined.",)
    if np.isnan(value):
        caveats = (*caveats, _NOT_IDENTIFIED)
    return Effect(
        estimand="event_time",
        group=str(time),
        value=value,
        scale="level",
        observed=float(np.average(outcome[at], weights=design.weights[at])),
        caveats=caveats,
        n_pilot_sites=int(np.unique(design.cluster[at]).size),
    )


def _refuse_unidentified(panel: Panel, design: Design, held: NDArray[np.int64]) -> None:
    if design.identified.any():
        return
    never = set(panel.units) - set(panel.adoption.first_treated)
    if REFERENCE not in held:
        why = "no pilot unit is observed in the period before its start, the reference"
        remedy = "Add that period, or check `starts` in [[sites]]."
    elif not never:
        why = (
            "every unit adopts, so leads and lags cannot be told from the period effects (a trend "
            "in event time fits as well)"
        )
        remedy = "Add units that never adopt in [comparison], or ask for another estimator."
    else:
        why = "leads and lags cannot be told from the unit and period effects"
        remedy = "Add comparison units that are observed in the same periods."
    raise EstimationError(why, place=f"outcome {panel.key!r}", remedy=remedy)


def _caveats(panel: Panel) -> tuple[str, ...]:
    caveats: list[str] = []
    if len(panel.adoption.cohorts) > 1:
        caveats.append(
            f"Adoption is staggered ({len(panel.adoption.cohorts)} starts): leads and lags pool "
            "the starts, and mix them if effects differ between starts (Sun and Abraham 2021)."
        )
    if "dose" in panel.rows.columns:
        caveats.append("By event time taking part counts, not the dose.")
    return tuple(caveats)
