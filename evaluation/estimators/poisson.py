"""Poisson quasi-likelihood with unit and period effects: the effect as a log rate ratio."""

from __future__ import annotations

import dataclasses
import warnings
from dataclasses import dataclass

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
from evaluation.estimators.caveats import left_out, staggered_caveats
from evaluation.estimators.design import (
    Design,
    absorb,
    assemble_fit,
    build_design,
    no_comparison,
    refuse_untreated,
)
from evaluation.estimators.poisson_blocks import Maximum, maximise
from evaluation.estimators.separation import informative_rows
from evaluation.findings import Effect, Fit, LinearFit
from evaluation.panel import Panel

__all__ = ["poisson"]

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

_MEASURES = ("rate", "count")
# statsmodels is given dense dummies: of 300 units and 60 months these are 6.5 million numbers.
_MOST_CELLS = 8_000_000
_MOST_STEPS = 100
# Newton steps double the correct digits: once coefficients move less than this they are exact.
_STEP = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class _Counts:
    """The rows that enter: counts and exposures (1 for a count), shape (n,), and which they are."""

    count: FloatArray
    exposure: FloatArray
    kept: BoolArray
    caveats: tuple[str, ...]


def poisson(panel: Panel) -> Fit:
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

    Returns
    -------
    Fit
        One effect, ``overall``, on the log scale. Its equations are the working regression at the
        maximum: weights are the fitted means, residuals :math:`(n - \mu)/\mu`. Above some 1,000
        units it has influence by site in their place.

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
    counts = _counts(panel, look_further=not large)
    return _by_blocks(panel, counts) if large else _by_columns(panel, counts)


def _by_columns(panel: Panel, counts: _Counts) -> Fit:
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


def _by_blocks(panel: Panel, counts: _Counts) -> Fit:
    """Fit block by block, with influence by site in place of equations."""
    model = treatment_model(panel, _spread(counts.exposure, counts.kept))
    count = _spread(counts.count, counts.kept)
    focal = np.eye(1, model.n_effects, model.grid.n_periods)
    _refuse_unidentified(panel, model, count, focal)
    maximum = _at_maximum(panel, model, count)
    treated = panel.treatment[counts.kept] != 0
    entering = panel.site_codes[counts.kept]
    return Fit(
        estimator="poisson",
        effects=(_effect(panel, counts, float(maximum.effects @ focal[0])),),
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


def _spread(values: FloatArray, kept: BoolArray) -> FloatArray:
    """Return values of the kept rows among all rows, 0 for the others; shape (n,)."""
    spread = np.zeros(kept.size)
    spread[kept] = values
    return spread


def _refuse_unidentified(
    panel: Panel, model: Absorbed, count: FloatArray, focal: FloatArray
) -> None:
    """Refuse an effect that rows with events do not see: it has no finite maximum, or none."""
    for weights, error in (
        (model.weights, no_comparison),
        ((count > 0).astype(np.float64), _all_zero),
    ):
        seen = solver(*dataclasses.replace(model, weights=weights).normal())
        if not seen.identified(focal)[0]:
            raise error(panel)


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


def _effect(panel: Panel, counts: _Counts, value: float) -> Effect:
    return Effect(
        estimand="overall",
        value=value,
        scale="log",
        observed=_observed(panel, counts),
        caveats=_dose(panel),
    )


def _dose(panel: Panel) -> tuple[str, ...]:
    if "dose" not in panel.rows.columns:
        return ()
    return ("The log rate ratio is per unit of dose, not of taking part.",)


def _counts(panel: Panel, *, look_further: bool) -> _Counts:
    place = f"outcome {panel.key!r}"
    wanted = {"rate": ("count", "exposure"), "count": ("count",)}.get(panel.measure, ())
    if not wanted or not set(wanted) <= set(panel.rows.columns):
        raise EstimationError(
            f"a Poisson model needs a count, and this outcome is a {panel.measure}"
            if not wanted
            else f"the {panel.measure} comes without {' and '.join(wanted)}",
            place=place,
            allowed=f"measure = {' or '.join(repr(m) for m in _MEASURES)}, with its columns",
            remedy='Use estimator = "twfe" for shares and means.',
        )
    count = panel.values("count")
    exposure = panel.values("exposure") if "exposure" in wanted else np.ones(count.size)
    _refuse_values(panel, "count", count < 0, "0 or more")
    if "exposure" in wanted:
        _refuse_values(panel, "exposure", exposure <= 0, "above 0")
    kept, caveats = informative_rows(panel, count, look_further=look_further)
    return _Counts(count=count[kept], exposure=exposure[kept], kept=kept, caveats=caveats)


def _refuse_values(panel: Panel, column: str, bad: BoolArray, allowed: str) -> None:
    if not bad.any():
        return
    row = panel.rows.row(int(np.flatnonzero(bad)[0]), named=True)
    raise EstimationError(
        f"the {column} is {row[column]:g}",
        place=f"outcome {panel.key!r}, unit {row['unit']!r}, "
        f"{panel.calendar.label(int(row['period']))}",
        allowed=allowed,
        remedy="Correct the source, or exclude the unit, with the reason, in [comparison].",
    )


def _all_zero(panel: Panel) -> EstimationError:
    return EstimationError(
        "the counts that carry the effect are all zero, so the rate ratio is 0 or has no bound",
        place=f"outcome {panel.key!r}",
        remedy="Join periods to longer ones, or use an outcome that is less rare.",
    )


def _maximise(panel: Panel, design: Design, counts: _Counts) -> FloatArray:
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


def _maximise_absorbed(panel: Panel, design: Design, counts: _Counts) -> FloatArray:
    """Return the same from the maximum with unit effects absorbed, whose predictor they span."""
    model = treatment_model(panel, _spread(counts.exposure, counts.kept))
    maximum = _at_maximum(panel, model, _spread(counts.count, counts.kept))
    mean = maximum.working.weights[counts.kept]
    even = np.ones(mean.size)
    predictor = absorb(np.log(mean / counts.exposure), design.unit, even)
    columns = absorb(design.columns, design.unit, even)
    return np.asarray(np.linalg.lstsq(columns, predictor, rcond=None)[0])


def _linear(design: Design, counts: _Counts, coef: FloatArray) -> LinearFit:
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


def _observed(panel: Panel, counts: _Counts) -> float | None:
    """Return the outcome over all treated rows: per x events / exposure, or events a row."""
    if "dose" in panel.rows.columns:
        return None
    treatment = panel.treatment[counts.kept]
    events = float(treatment @ counts.count)
    scale = panel.per if panel.measure == "rate" else 1.0
    return scale * events / float(treatment @ counts.exposure)
