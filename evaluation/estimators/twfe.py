"""Two-way fixed effects: one coefficient on the treatment, unit and period effects beside it."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from evaluation.estimators.absorbed import Absorbed
from evaluation.estimators.by_blocks import LARGE, is_large, redundant, regress, treatment_model
from evaluation.estimators.by_group import Part, TreatedParts, treated_parts, with_parts
from evaluation.estimators.caveats import NO_DOSE_BY_PART, left_out, staggered_caveats
from evaluation.estimators.design import (
    assemble_fit,
    build_design,
    least_squares,
    no_comparison,
    refuse_constant,
    refuse_untreated,
)
from evaluation.estimators.panel_ols import panel_ols
from evaluation.findings import Effect, Fit
from evaluation.panel import Panel

__all__ = ["twfe"]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

_DOSE = "The effect is per unit of dose, not of taking part."


def twfe(panel: Panel, *, by_part: bool = False) -> Fit:
    r"""Estimate the effect of treatment by least squares with unit and period effects.

    The coefficient :math:`b` of
    :math:`y_{it} = a_i + c_t + b D_{it} + x_{it}'g + e_{it}`, rows weighted by the panel's weight.
    ``D`` is 0 or 1, or the dose where the panel has one. The coefficient is linearmodels'; the
    estimating equations beside it absorb the unit effects and are held equal to it by a test. Above
    some 1,000 units both come block by block, with influence by site in place of equations.

    Parameters
    ----------
    panel : Panel
        Any measure; its ``outcome`` is what is explained.
    by_part : bool
        Add ``cohort``, ``calendar`` and ``event_time`` effects: in three more regressions the
        treatment has a coefficient for each start, each calendar period or each time since the
        start. These are the equations' own, which a test holds equal to linearmodels'.

    Returns
    -------
    Fit
        The effect ``overall``, in the outcome's units; the others behind it.

    Raises
    ------
    EstimationError
        When nobody is treated, nobody is a comparison, or the outcome does not vary.

    References
    ----------
    Goodman-Bacon (2021), J. Econometrics 225, theorem 1: what the coefficient averages when starts
    are staggered.
    """
    is_dose = "dose" in panel.rows.columns
    refuse_untreated(panel, panel.treatment if is_dose else None)
    refuse_constant(panel.values("outcome"))
    large = is_large(panel, 1)
    fit = _by_blocks(panel, is_dose=is_dose) if large else _by_columns(panel)
    if not by_part:
        return fit
    if is_dose:
        return dataclasses.replace(fit, caveats=(*fit.caveats, NO_DOSE_BY_PART))
    weights, outcome = panel.values("weight"), panel.values("outcome")
    parts = treated_parts(panel, weights, weights * outcome)
    found = _parts_by_blocks(panel, parts) if large else _parts_by_columns(panel, parts)
    return with_parts(dataclasses.replace(fit, refit=twfe), tuple(found))


def _by_columns(panel: Panel) -> Fit:
    """Fit with linearmodels, and equations beside it."""
    treatment, outcome = panel.treatment, panel.values("outcome")
    design = build_design(panel, treatment[:, None], weights=panel.values("weight"))
    if not design.identified[0]:
        raise no_comparison(panel)
    is_dose = "dose" in panel.rows.columns
    observed = None if is_dose else float(np.average(outcome, weights=design.weights * treatment))
    return assemble_fit(
        design,
        estimator="twfe",
        effects=(_effect(float(panel_ols(design, outcome)[0]), observed),),
        linear=least_squares(design, outcome),
        pilot=treatment != 0,
        caveats=staggered_caveats(panel),
    )


def _parts_by_columns(panel: Panel, parts: TreatedParts) -> Iterator[Part]:
    for split in parts.splits:
        design = build_design(panel, parts.rows(panel, split), weights=panel.values("weight"))
        linear = least_squares(design, panel.values("outcome"))
        values = design.focal_values(linear.coef)
        yield Part(effects=parts.effects(split, values, "level"), linear=linear)


def _parts_by_blocks(panel: Panel, parts: TreatedParts) -> Iterator[Part]:
    model = treatment_model(panel, panel.values("weight"))
    for split in parts.splits:
        columns = parts.columns(split)
        regressed = regress(
            dataclasses.replace(model, columns=columns, member=parts.member),
            panel.values("outcome"),
        )
        shares = np.eye(len(split), regressed.identified.size)
        shares[~regressed.identified[: len(split)]] = np.nan
        yield Part(
            effects=parts.effects(split, regressed.values(shares), "level"),
            linear=regressed.blocks(panel, shares),
            influence=regressed.influence(panel, shares),
        )


def _by_blocks(panel: Panel, *, is_dose: bool) -> Fit:
    """Fit block by block, with equations by site, and influence."""
    model = treatment_model(panel, panel.values("weight"))
    regressed = regress(model, panel.values("outcome"))
    if not regressed.identified[0]:
        raise no_comparison(panel)
    treatment = np.eye(1, regressed.identified.size)
    pilots, observed = _dosed(panel) if is_dose else _treated(model, panel.values("outcome"))
    return Fit(
        estimator="twfe",
        effects=(_effect(float(regressed.values(treatment)[0]), observed),),
        blocks=regressed.blocks(panel, treatment),
        influence=regressed.influence(panel, treatment),
        n_obs=panel.rows.height,
        n_units=len(panel.units),
        n_sites=len(panel.sites),
        n_pilot_sites=np.unique(panel.unit_sites[pilots]).size,
        caveats=(
            *staggered_caveats(panel),
            *left_out(redundant(regressed.equations, panel.covariates, len(panel.periods))),
            LARGE,
        ),
    )


def _treated(model: Absorbed, outcome: FloatArray) -> tuple[IntArray, float]:
    """Return the units seen treated, and the mean outcome of treated observations."""
    ever = np.asarray(model.columns[:, :, 0].any(axis=1))
    weight, total, found = 0.0, 0.0, []
    for group, units in model.grid.blocks(np.where(ever[model.member], model.member, -1)):
        weights = model.grid.table(model.weights, units) * model.columns[group, :, 0]
        weight += float(weights.sum())
        total += float(np.vdot(weights, model.grid.table(outcome, units)))
        found.append(units[weights.any(axis=1)])
    return np.concatenate(found), total / weight


def _dosed(panel: Panel) -> tuple[IntArray, None]:
    """Return the units that ever have a dose; a dose has no mean outcome."""
    return np.unique(panel.unit_codes[panel.treatment != 0]), None


def _effect(value: float, observed: float | None) -> Effect:
    return Effect(
        estimand="overall",
        value=value,
        scale="level",
        observed=observed,
        caveats=(_DOSE,) if observed is None else (),
    )
