"""Poisson quasi-likelihood with unit and period effects: the effect as a log rate ratio."""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from evaluation.errors import EstimationError
from evaluation.estimators.absorbed import Absorbed, solver
from evaluation.estimators.by_blocks import (
    LARGE,
    is_large,
    redundant,
    sum_by_site,
    treatment_model,
)
from evaluation.estimators.by_group import Part, Split, TreatedParts, treated_parts, with_parts
from evaluation.estimators.caveats import NO_DOSE_BY_PART, left_out, staggered_caveats
from evaluation.estimators.counts import Counts, counts_of, per_exposure
from evaluation.estimators.design import (
    Design,
    absorb,
    assemble_fit,
    build_design,
    no_comparison,
    refuse_untreated,
)
from evaluation.estimators.poisson_blocks import Maximum, maximise
from evaluation.estimators.separation import without_separated
from evaluation.findings import Effect, Fit, LinearFit
from evaluation.panel import Panel

__all__ = ["poisson"]

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

# statsmodels is given dense dummies: of 300 units and 60 months these are 6.5 million numbers.
_MOST_CELLS = 8_000_000
_MOST_STEPS = 100
# Newton steps double the correct digits: once coefficients move less than this they are exact.
_STEP = 1e-9

_NO_EVENT = (
    "Not estimated: no event is observed among its treated observations, so the rate ratio is 0 or "
    "has no lower bound."
)
_NOT_CONVERGED = "Not estimated: the Poisson model did not converge."


def poisson(panel: Panel, *, by_part: bool = False) -> Fit:
    r"""Estimate the log rate ratio of treatment with unit and period effects.

    The maximum of the Poisson quasi-likelihood of
    :math:`E\,n_{it} = m_{it} \exp(a_i + c_t + b D_{it} + x_{it}'g)` with :math:`n` the count and
    :math:`m` the exposure (1 where the measure is a count), by statsmodels' GLM up to some hundred
    units and block by block above. Consistent whatever the variance of the counts; every person of
    the exposure weighs the same, so the panel's weights are not used.

    Parameters
    ----------
    panel : Panel
        Measure ``rate`` (columns ``count`` and ``exposure``) or ``count`` (column ``count``).
    by_part : bool
        Add ``cohort``, ``calendar`` and ``event_time`` effects: in three more models the treatment
        has a coefficient for each start, each calendar period or each time since the start. These
        are maximised with unit effects absorbed, which a test holds equal to statsmodels.

    Returns
    -------
    Fit
        The effect ``overall``, on the log scale; the others behind it. Equations are the working
        regression at the maximum: weights are the fitted means, residuals :math:`(n - \mu)/\mu`.
        Above some 1,000 units they come site by site, with influence summed by site.

    Raises
    ------
    EstimationError
        For another measure; counts below 0 or exposures not above 0; when nobody is treated or
        nobody is a comparison; when all counts that carry the effect are zero; when the iterations
        do not converge.

    References
    ----------
    Wooldridge (1999), J. Econometrics 90, for the fixed-effects Poisson quasi-likelihood; Correia,
    Guimaraes and Zylkin (2019), arXiv:1903.01633, for the rows without a finite effect.
    """
    refuse_untreated(panel, panel.treatment if "dose" in panel.rows.columns else None)
    large = is_large(panel, 1)
    counts = counts_of(panel, look_further=not large)
    fit = _by_blocks(panel, counts) if large else _by_columns(panel, counts)
    if not by_part:
        return fit
    if "dose" in panel.rows.columns:
        return dataclasses.replace(fit, caveats=(*fit.caveats, NO_DOSE_BY_PART))
    exposure, events = counts.spread(counts.exposure), counts.spread(counts.count)
    parts = treated_parts(panel, exposure, per_exposure(panel) * events)
    found = _parts_by_blocks if large else _parts_by_columns
    return with_parts(dataclasses.replace(fit, refit=poisson), tuple(found(panel, counts, parts)))


def _by_columns(panel: Panel, counts: Counts) -> Fit:
    """Fit with equations, the design held as a matrix."""
    treatment, kept = panel.treatment[:, None], counts.kept
    design = build_design(panel, treatment, weights=np.ones(kept.size), kept=kept)
    if not design.identified[0]:
        raise no_comparison(panel) if kept.all() else _all_zero(panel)
    coef = _maximise(panel, design, counts)
    return assemble_fit(
        design,
        estimator="poisson",
        effects=(_effect(panel, counts, float(design.focal_values(coef)[0])),),
        linear=_linear(design, counts, coef),
        pilot=treatment[kept, 0] != 0,
        caveats=(*staggered_caveats(panel), *counts.caveats),
    )


def _parts_by_columns(panel: Panel, counts: Counts, parts: TreatedParts) -> Iterator[Part]:
    events = counts.spread(counts.count)
    for split in parts.splits:
        focal, model = parts.rows(panel, split), _split_model(panel, counts, parts, split)
        kept = without_separated(panel, model, focal, events, counts.kept)
        entering = counts if kept is counts.kept else counts.without(kept)
        design = build_design(panel, focal, weights=np.ones(kept.size), kept=kept)
        model = dataclasses.replace(model, weights=entering.spread(entering.exposure))
        maximum = maximise(model, entering.spread(entering.count))
        if maximum is None:
            values = np.full(len(split), np.nan)
            yield Part(effects=parts.effects(split, values, "log", (_NOT_CONVERGED,) * len(split)))
            continue
        coef = _coefficients(design, entering, maximum)
        values = design.focal_values(coef)
        reasons = tuple("" if some else _NO_EVENT for some in (events @ focal > 0).tolist())
        yield Part(
            effects=parts.effects(split, values, "log", reasons),
            linear=_linear(design, entering, coef),
        )


def _parts_by_blocks(panel: Panel, counts: Counts, parts: TreatedParts) -> Iterator[Part]:
    events = counts.spread(counts.count)
    for split in parts.splits:
        model = _split_model(panel, counts, parts, split)
        focal = np.eye(len(split), model.n_effects, model.grid.n_periods)
        seen, told = (_identified(model, rows, focal) for rows in (model.weights, events > 0))
        reasons = tuple(_NO_EVENT if only else "" for only in (seen & ~told).tolist())
        maximum = maximise(model, events)
        if maximum is None:
            reasons = (_NOT_CONVERGED,) * len(split)
            values, blocks = np.full(len(split), np.nan), None
            influence = np.full((len(panel.sites), len(split)), np.nan)
        else:
            focal[~told] = np.nan
            values, blocks = focal @ maximum.effects, maximum.blocks(panel, focal)
            scores = maximum.unit_scores(maximum.solved.inverse @ focal.T)
            influence = sum_by_site(panel, scores)
        yield Part(
            effects=parts.effects(split, values, "log", reasons),
            linear=blocks,
            influence=influence,
        )


def _split_model(panel: Panel, counts: Counts, parts: TreatedParts, split: Split) -> Absorbed:
    """Return the regression with a treatment column for each part of a split."""
    model = treatment_model(panel, counts.spread(counts.exposure))
    return dataclasses.replace(model, columns=parts.columns(split), member=parts.member)


def _by_blocks(panel: Panel, counts: Counts) -> Fit:
    """Fit block by block, with equations by site, and influence."""
    model = treatment_model(panel, counts.spread(counts.exposure))
    count = counts.spread(counts.count)
    focal = np.eye(1, model.n_effects, model.grid.n_periods)
    _refuse_unidentified(panel, model, count, focal)
    maximum = _at_maximum(panel, model, count)
    treated = panel.treatment[counts.kept] != 0
    entering = panel.site_codes[counts.kept]
    return Fit(
        estimator="poisson",
        effects=(_effect(panel, counts, float(maximum.effects @ focal[0])),),
        blocks=maximum.blocks(panel, focal),
        influence=sum_by_site(panel, maximum.unit_scores(maximum.solved.inverse @ focal.T)),
        n_obs=int(counts.kept.sum()),
        n_units=int((np.bincount(panel.unit_codes, counts.kept) > 0).sum()),
        n_sites=np.unique(entering).size,
        n_pilot_sites=np.unique(entering[treated]).size,
        caveats=(
            *staggered_caveats(panel),
            *counts.caveats,
            *left_out(redundant(model.normal(), panel.covariates, len(panel.periods))),
            LARGE,
        ),
    )


def _refuse_unidentified(
    panel: Panel, model: Absorbed, count: FloatArray, focal: FloatArray
) -> None:
    """Refuse an effect that rows with events do not see: it has no finite maximum, or none."""
    for rows, error in ((model.weights, no_comparison), (count > 0, _all_zero)):
        if not _identified(model, rows, focal)[0]:
            raise error(panel)


def _identified(model: Absorbed, weights: FloatArray | BoolArray, focal: FloatArray) -> BoolArray:
    """Return which contrasts, shape (r, p), rows of these weights identify; shape (r,)."""
    weighed = dataclasses.replace(model, weights=weights.astype(np.float64))
    return solver(*weighed.normal()).identified(focal)


def _at_maximum(panel: Panel, model: Absorbed, count: FloatArray) -> Maximum:
    maximum = maximise(model, count)
    if maximum is None:
        raise _no_convergence(panel)
    return maximum


def _no_convergence(panel: Panel) -> EstimationError:
    return EstimationError(
        "the Poisson model did not converge",
        place=f"outcome {panel.key!r}",
        remedy="Look for units or periods with hardly any events, and leave them out.",
    )


def _effect(panel: Panel, counts: Counts, value: float) -> Effect:
    return Effect(
        estimand="overall",
        value=value,
        scale="log",
        observed=counts.observed(panel),
        caveats=_dose(panel),
    )


def _dose(panel: Panel) -> tuple[str, ...]:
    if "dose" not in panel.rows.columns:
        return ()
    return ("The log rate ratio is per unit of dose, not of taking part.",)


def _all_zero(panel: Panel) -> EstimationError:
    return EstimationError(
        "the counts that carry the effect are all zero, so the rate ratio is 0 or has no bound",
        place=f"outcome {panel.key!r}",
        remedy="Join periods to longer ones, or use an outcome that is less rare.",
    )


def _maximise(panel: Panel, design: Design, counts: Counts) -> FloatArray:
    """Return the coefficients of the design's columns at the maximum; shape (k,)."""
    n_units = int(design.unit.max()) + 1
    if design.unit.size * (design.columns.shape[1] + n_units) > _MOST_CELLS:
        return _maximise_absorbed(panel, design, counts)
    import statsmodels.api as sm
    from statsmodels.tools.sm_exceptions import ModelWarning

    dummies = (design.unit[:, None] == np.arange(n_units)).astype(np.float64)
    model = sm.GLM(
        counts.count,
        np.column_stack([design.columns, dummies]),
        family=sm.families.Poisson(),
        offset=np.log(counts.exposure),
    )
    with warnings.catch_warnings(), np.errstate(divide="ignore", invalid="ignore"):
        # Convergence is judged below, and an exact fit, which has no scale left, is no fault.
        warnings.simplefilter("ignore", ModelWarning)
        fitted = model.fit(maxiter=_MOST_STEPS, tol=_STEP, tol_criterion="params")
    if not fitted.converged:
        raise _no_convergence(panel)
    return np.asarray(fitted.params, dtype=np.float64)[: design.columns.shape[1]]


def _maximise_absorbed(panel: Panel, design: Design, counts: Counts) -> FloatArray:
    """Return the same from the maximum with unit effects absorbed."""
    model = treatment_model(panel, counts.spread(counts.exposure))
    return _coefficients(design, counts, _at_maximum(panel, model, counts.spread(counts.count)))


def _coefficients(design: Design, counts: Counts, maximum: Maximum) -> FloatArray:
    """Return the coefficients of the design's columns, from the predictor that they span."""
    mean = maximum.working.weights[counts.kept]
    even = np.ones(mean.size)
    predictor = absorb(np.log(mean / counts.exposure), design.unit, even)
    columns = absorb(design.columns, design.unit, even)
    return np.asarray(np.linalg.lstsq(columns, predictor, rcond=None)[0])


def _linear(design: Design, counts: Counts, coef: FloatArray) -> LinearFit:
    """Return the working regression at ``coef``, the unit effects at their own maximum."""
    shape = counts.exposure * np.exp(design.columns @ coef)
    totals = np.bincount(design.unit, counts.count) / np.bincount(design.unit, shape)
    mean = shape * totals[design.unit]
    return LinearFit(
        x=absorb(design.columns, design.unit, mean),
        residual=(counts.count - mean) / mean,
        weights=mean,
        cluster=design.cluster,
        unit=design.unit,
        coef=coef,
        contrasts=design.contrasts,
        family="poisson",
    )
