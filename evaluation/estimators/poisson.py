"""Poisson quasi-likelihood with unit and period effects: the effect as a log rate ratio."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evaluation.errors import EstimationError
from evaluation.estimators.caveats import staggered_caveats
from evaluation.estimators.design import (
    Design,
    absorb,
    assemble_fit,
    build_design,
    no_comparison,
    refuse_untreated,
)
from evaluation.estimators.separation import informative_rows
from evaluation.findings import Effect, Fit, LinearFit
from evaluation.panel import Panel

__all__ = ["poisson"]

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

_MEASURES = ("rate", "count")
# Dense dummies of 1,000 units and 60 months are 64 million numbers, half a gigabyte.
_MOST_CELLS = 64_000_000
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
    :math:`m` the exposure (1 where the measure is a count), by statsmodels' GLM. Consistent
    whatever the variance of the counts; every person of the exposure weighs the same, so the
    panel's weights are not used.

    Parameters
    ----------
    panel : Panel
        Measure ``rate`` (columns ``count`` and ``exposure``) or ``count`` (column ``count``).

    Returns
    -------
    Fit
        One effect, ``overall``, on the log scale. Its equations are the working regression at the
        maximum: weights are the fitted means, residuals :math:`(n - \mu)/\mu`.

    Raises
    ------
    EstimationError
        For another measure; counts below 0 or exposures not above 0; when nobody is treated or
        nobody is a comparison; when all counts that carry the effect are zero; when the iterations
        do not converge; for more units than dense dummies can take.

    References
    ----------
    Wooldridge (1999), J. Econometrics 90, for the fixed-effects Poisson quasi-likelihood; Correia,
    Guimaraes and Zylkin (2019), arXiv:1903.01633, for the rows without a finite effect.
    """
    treatment = panel.treatment
    refuse_untreated(panel, treatment)
    counts = _counts(panel)
    kept = counts.kept
    weights = np.ones(kept.size)
    design = build_design(panel, treatment[:, None], weights=weights, kept=kept)
    if not design.identified[0]:
        raise no_comparison(panel) if kept.all() else _all_zero(panel)
    linear = _linear(design, counts, coef := _maximise(panel, design, counts))
    effect = Effect(
        estimand="overall",
        value=float(design.focal_values(coef)[0]),
        scale="log",
        observed=_observed(panel, counts, treatment[kept]),
        caveats=_dose(panel),
    )
    return assemble_fit(
        design,
        estimator="poisson",
        effects=(effect,),
        linear=linear,
        pilot=treatment[kept] != 0,
        caveats=(*staggered_caveats(panel), *counts.caveats),
    )


def _dose(panel: Panel) -> tuple[str, ...]:
    if "dose" not in panel.rows.columns:
        return ()
    return ("The log rate ratio is per unit of dose, not of taking part.",)


def _counts(panel: Panel) -> _Counts:
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
    kept, caveats = informative_rows(panel, count)
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
    import statsmodels.api as sm
    from statsmodels.tools.sm_exceptions import ModelWarning

    place = f"outcome {panel.key!r}"
    n_units = int(design.unit.max()) + 1
    if design.unit.size * (design.columns.shape[1] + n_units) > _MOST_CELLS:
        raise EstimationError(
            f"{n_units} units are too many for this form of the Poisson model",
            place=place,
            allowed="up to about 1,000 units of monthly data",
            remedy="Join units to larger ones (the site or the ICB).",
        )
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
        raise EstimationError(
            f"the Poisson model did not converge in {_MOST_STEPS} steps",
            place=place,
            remedy="Look for units or periods with hardly any events, and leave them out.",
        )
    return np.asarray(fitted.params, dtype=np.float64)[: design.columns.shape[1]]


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


def _observed(panel: Panel, counts: _Counts, treatment: FloatArray) -> float | None:
    """Return the outcome over all treated rows: per x events / exposure, or events a row."""
    if "dose" in panel.rows.columns:
        return None
    events = float(treatment @ counts.count)
    scale = panel.per if panel.measure == "rate" else 1.0
    return scale * events / float(treatment @ counts.exposure)
