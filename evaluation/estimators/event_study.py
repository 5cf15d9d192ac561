"""Event study: leads and lags of adoption, the last period before the start as reference."""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import NDArray

from evaluation.errors import EstimationError
from evaluation.estimators.absorbed import Absorbed
from evaluation.estimators.by_blocks import LARGE, is_large, redundant, regress
from evaluation.estimators.caveats import left_out
from evaluation.estimators.cells import Average
from evaluation.estimators.design import (
    assemble_fit,
    build_design,
    least_squares,
    refuse_constant,
    refuse_untreated,
)
from evaluation.estimators.grid import grid_of
from evaluation.estimators.leads_and_lags import REFERENCE, Form, lay_out
from evaluation.estimators.panel_ols import panel_ols
from evaluation.findings import Effect, Fit
from evaluation.panel import Panel

__all__ = ["event_study"]

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]


def event_study(
    panel: Panel,
    *,
    bin_ends: int | None = None,
    interaction_weighted: bool | None = None,
    with_averages: bool = False,
    by_library: bool = True,
) -> Fit:
    r"""Estimate the difference of pilot from comparison units at each event time.

    With one start, the coefficients :math:`b_e` of
    :math:`y_{it} = a_i + c_t + \sum_{e \ne -1} b_e 1\{t - g_i = e\} + x_{it}'g + e_{it}`, where
    :math:`g_i` is the unit's first treated period; never-treated units have no event time.

    With several starts, interaction-weighted: a coefficient :math:`b_{ge}` for each start and event
    time, averaged at each event time with the starts' shares of its (weighted) observations. The
    comparison is the never-treated units; without any, the last to start, in the periods before.

    Parameters
    ----------
    panel : Panel
        Its adoption gives the event times; a dose is not used.
    bin_ends : int, optional
        Join event times of ``-bin_ends`` or earlier, and of ``bin_ends`` or later. Without it there
        is one effect for every event time that the data hold.
    interaction_weighted : bool, optional
        False pools the starts, which mixes them if effects differ; True separates them. By default
        they are separated if there are several.
    with_averages : bool
        Put the averages over treated observations before the event times: ``overall``, ``cohort``
        and ``calendar``.
    by_library : bool
        Whether coefficients are linearmodels'. False takes those of the equations, which a test
        holds equal to them, at a thirtieth of the time: for fits that are made by the dozen.

    Returns
    -------
    Fit
        One effect for each event time, ``event_time``, in ascending order, -1 left out; NaN with
        the reason where an event time is not identified. The equations take the shares as given,
        as fixest does.

    Raises
    ------
    EstimationError
        When nobody is treated, no event time is identified (such as without a comparison), or the
        outcome does not vary.

    References
    ----------
    Sun and Abraham (2021), J. Econometrics 225: equation (5) for what the pooled form mixes,
    section 4 for the interaction-weighted form.
    """
    if bin_ends is not None and bin_ends < 1:
        raise EstimationError(
            f"event times cannot be joined from {bin_ends}", allowed="a whole number of 1 or more"
        )
    refuse_untreated(panel)
    refuse_constant(panel.values("outcome"))
    apart = interaction_weighted
    if apart is None:
        apart = len(panel.adoption.cohorts) > 1
    form = lay_out(panel, bin_ends, apart=apart)
    among = form.averages(panel, overall=with_averages)
    caveats = _caveats(panel, form, apart=apart)
    if is_large(panel, form.label.max() + 1):
        return _by_blocks(panel, form, among, caveats)
    return _by_columns(panel, form, among, caveats, by_library=by_library)


def _by_columns(
    panel: Panel, form: Form, among: list[Average], caveats: tuple[str, ...], *, by_library: bool
) -> Fit:
    """Fit with linearmodels, and equations beside it."""
    cohort = form.member[panel.unit_codes]
    rows = form.used[cohort, panel.period_codes]
    label = form.label[cohort, panel.period_codes]
    focal = (label[:, None] == np.arange(form.label.max() + 1)).astype(np.float64)
    outcome = panel.values("outcome")[rows]
    design = build_design(panel, focal, weights=panel.values("weight"), kept=rows)
    identified = design.identified
    _refuse_unidentified(panel, identified, form)
    linear = least_squares(design, outcome)
    shares = form.contrasts(among, identified)[:, identified]
    coef = panel_ols(design, outcome) if by_library else linear.coef
    values = shares @ design.focal_values(coef)[identified]
    return assemble_fit(
        design,
        estimator="event_study",
        effects=_effects(form, among, values, identified),
        linear=dataclasses.replace(linear, contrasts=shares @ design.contrasts[identified]),
        pilot=form.pilots[panel.unit_codes][rows],
        caveats=caveats,
    )


def _by_blocks(panel: Panel, form: Form, among: list[Average], caveats: tuple[str, ...]) -> Fit:
    """Fit block by block, with equations by site, and influence."""
    model = Absorbed(
        grid=grid_of(panel),
        weights=panel.values("weight"),
        covariates=tuple(panel.values(name) for name in panel.covariates),
        member=form.member,
        columns=form.columns,
        used=form.used,
        own=np.ones((len(panel.periods), 1)),
    )
    regressed = regress(model, panel.values("outcome"))
    identified = regressed.identified[: form.label.max() + 1]
    _refuse_unidentified(panel, identified, form)
    unneeded = redundant(regressed.equations, panel.covariates, len(panel.periods))
    shares = np.zeros((len(among), identified.size + len(panel.covariates)))
    shares[:, : identified.size] = form.contrasts(among, identified)
    return Fit(
        estimator="event_study",
        effects=_effects(form, among, regressed.values(shares), identified),
        blocks=regressed.blocks(panel, shares),
        influence=regressed.influence(panel, shares),
        n_obs=model.n_rows,
        n_units=len(panel.units),
        n_sites=len(panel.sites),
        n_pilot_sites=np.unique(panel.unit_sites[form.pilots]).size,
        caveats=(*caveats, *left_out(unneeded), LARGE),
    )


def _effects(
    form: Form, among: list[Average], values: FloatArray, identified: BoolArray
) -> tuple[Effect, ...]:
    return tuple(
        form.effect(average, float(value), identified)
        for average, value in zip(among, values, strict=True)
    )


def _refuse_unidentified(panel: Panel, identified: BoolArray, form: Form) -> None:
    if identified.any():
        return
    if not (form.joined[form.weight > 0] == REFERENCE).any():
        why = "no pilot unit is observed in the period before its start, the reference"
        remedy = "Add that period, or check `starts` in [[sites]]."
    elif len(panel.adoption.first_treated) == len(panel.units):
        why = (
            "every unit adopts, so leads and lags cannot be told from the period effects (a trend "
            "in event time fits as well)"
        )
        remedy = "Add units that never adopt in [comparison], or ask for another estimator."
    else:
        why = "leads and lags cannot be told from the unit and period effects"
        remedy = "Add comparison units that are observed in the same periods."
    raise EstimationError(why, place=f"outcome {panel.key!r}", remedy=remedy)


def _caveats(panel: Panel, form: Form, *, apart: bool) -> tuple[str, ...]:
    caveats: list[str] = []
    cohorts = panel.adoption.cohorts
    if len(cohorts) > 1 and not apart:
        caveats.append(
            f"Adoption is staggered ({len(cohorts)} starts): leads and lags pool "
            "the starts, and mix them if effects differ between starts (Sun and Abraham 2021)."
        )
    if len(cohorts) > 1 and apart:
        caveats.append(
            f"Each figure averages {len(cohorts)} starts by their share of its observations (Sun "
            "and Abraham 2021); its interval takes the shares as given."
        )
    if form.comparison is not None:
        last = panel.calendar.label(cohorts[-1])
        caveats.append(
            f"Every unit adopts: those that start last ({last}) are the comparison, and periods "
            "from then on are left out."
        )
    if "dose" in panel.rows.columns:
        caveats.append("By event time taking part counts, not the dose.")
    return tuple(caveats)
