"""Two-way fixed effects: one coefficient on the treatment, unit and period effects beside it."""

from __future__ import annotations

import numpy as np

from evaluation.estimators.caveats import staggered_caveats
from evaluation.estimators.design import (
    assemble_fit,
    build_design,
    least_squares,
    no_comparison,
    refuse_untreated,
)
from evaluation.estimators.panel_ols import panel_ols
from evaluation.findings import Effect, Fit
from evaluation.panel import Panel

__all__ = ["twfe"]

_DOSE = "The effect is per unit of dose, not of taking part."


def twfe(panel: Panel) -> Fit:
    r"""Estimate the effect of treatment by least squares with unit and period effects.

    The coefficient :math:`b` of
    :math:`y_{it} = a_i + c_t + b D_{it} + x_{it}'g + e_{it}`, rows weighted by the panel's weight.
    ``D`` is 0 or 1, or the dose where the panel has one. The coefficient is linearmodels'; the
    estimating equations beside it absorb the unit effects and are held equal to it by a test.

    Parameters
    ----------
    panel : Panel
        Any measure; its ``outcome`` is what is explained.

    Returns
    -------
    Fit
        One effect, ``overall``, in the outcome's units.

    Raises
    ------
    EstimationError
        When nobody is treated, nobody is a comparison, or the outcome does not vary.

    References
    ----------
    Goodman-Bacon (2021), J. Econometrics 225, theorem 1: what the coefficient averages when starts
    are staggered.
    """
    treatment = panel.treatment
    outcome = panel.values("outcome")
    refuse_untreated(panel, treatment)
    design = build_design(panel, treatment[:, None], weights=panel.values("weight"))
    if not design.identified[0]:
        raise no_comparison(panel)
    linear = least_squares(design, outcome)
    is_dose = "dose" in panel.rows.columns
    effect = Effect(
        estimand="overall",
        value=float(panel_ols(design, outcome)[0]),
        scale="level",
        observed=None
        if is_dose
        else float(np.average(outcome, weights=design.weights * treatment)),
        caveats=(_DOSE,) if is_dose else (),
    )
    return assemble_fit(
        design,
        estimator="twfe",
        effects=(effect,),
        linear=linear,
        pilot=treatment != 0,
        caveats=staggered_caveats(panel),
    )
