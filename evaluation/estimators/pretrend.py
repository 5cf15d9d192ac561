"""The test of trends that goes with imputation: leads, on untreated observations alone."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from evaluation.errors import EstimationError
from evaluation.estimators.design import (
    Design,
    assemble_fit,
    build_design,
    least_squares,
    no_comparison,
)
from evaluation.findings import Effect, Fit
from evaluation.panel import Panel

__all__ = ["pretrend_leads"]

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

_NO_LEAD = (
    "Not estimated: no comparison is observed that could tell it from the unit and period effects."
)


def pretrend_leads(panel: Panel, *, leads: int) -> Fit:
    """Estimate leads on untreated observations alone: the test of trends that goes with imputation.

    A regression of its own: unit and period effects, covariates and a dummy for each of the last
    ``leads`` periods before the start, all earlier ones being the reference. As no treated
    observation enters, passing the test does not bend the imputed effects.

    Parameters
    ----------
    panel : Panel
    leads : int
        How many periods before the start get a coefficient, 1 or more.

    Returns
    -------
    Fit
        One effect for each lead, ``event_time``, in ascending order; with its equations.

    Raises
    ------
    EstimationError
        When nobody adopts, no lead is identified, or the outcome does not vary.

    References
    ----------
    Borusyak, Jaravel and Spiess (2024), Rev. Econ. Studies 91, section 4.4 and proposition 9.
    """
    if leads < 1:
        raise EstimationError(f"there are no {leads} leads", allowed="a whole number of 1 or more")
    times = panel.event_time
    shown = np.arange(-leads, 0)
    focal = (times[:, None] == shown).astype(np.float64)
    if not focal.any():
        raise EstimationError(
            f"no pilot unit is observed in the {leads} periods before its start",
            place=f"outcome {panel.key!r}",
            remedy="Add earlier periods, or check `starts` in [[sites]].",
        )
    untreated = ~panel.treated
    outcome = panel.values("outcome")[untreated]
    design = build_design(panel, focal, weights=panel.values("weight"), kept=untreated)
    if not design.identified.any():
        raise no_comparison(panel)
    linear = least_squares(design, outcome)
    values = design.focal_values(linear.coef)
    return assemble_fit(
        design,
        estimator="imputation",
        effects=tuple(
            _lead(design, outcome, str(time), float(value), column)
            for time, value, column in zip(shown, values, focal[untreated].T > 0, strict=True)
        ),
        linear=linear,
        pilot=~np.isnan(times[untreated]),
        caveats=(),
    )


def _lead(design: Design, outcome: FloatArray, group: str, value: float, at: BoolArray) -> Effect:
    return Effect(
        estimand="event_time",
        group=group,
        value=value,
        scale="level",
        observed=float(np.average(outcome[at], weights=design.weights[at])) if at.any() else None,
        caveats=() if np.isfinite(value) else (_NO_LEAD,),
        n_pilot_sites=int(np.unique(design.cluster[at]).size),
    )
