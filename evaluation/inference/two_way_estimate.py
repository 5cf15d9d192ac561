"""Whether a fit is that of two-way effects, and where its estimate lies on other tables."""

from __future__ import annotations

import numpy as np

from evaluation.findings import Fit
from evaluation.inference.poisson_null import null_table
from evaluation.inference.site_tables import SiteTables, panel_tables
from evaluation.inference.two_way import two_way
from evaluation.panel import Panel

__all__ = ["estimate_on", "is_two_way", "step_from"]

# An estimate is that of two-way effects when it is so to this share of it, or for Poisson to this
# difference of log rate ratios.
_SAME = 1e-6
# Newton steps, and how small the last one is.
_MOST_STEPS = 20
_EXACT = 1e-10


def is_two_way(panel: Panel, fit: Fit) -> bool:
    """Whether the focal effect is what two-way effects, the panel's weights and covariates give."""
    if fit.equations is None:
        return False
    family = fit.equations.family
    size = abs(fit.effect.value) if family == "gaussian" else 1.0
    return abs(step_from(panel_tables(panel, family), fit.effect.value)) <= _SAME * size


def estimate_on(tables: SiteTables, start: float) -> float:
    """Return the estimate on other tables, such as those of sites, from one nearby."""
    value = start
    for _ in range(_MOST_STEPS):
        step = step_from(tables, value)
        value += step
        if tables.family == "gaussian" or abs(step) <= _EXACT:
            break
    return value


def step_from(tables: SiteTables, value: float) -> float:
    """Return how far a value is from the estimate; for Poisson by one Newton step.

    Raises
    ------
    EstimationError
        When a Poisson fit does not converge.
    """
    mean, residual = tables.weight, tables.outcome - value * tables.treatment
    if tables.family == "poisson":
        exposure = tables.weight * np.exp(value * tables.treatment)
        mean = null_table(tables.outcome, exposure, covariates=tables.covariates)
        residual = (tables.outcome - mean) / np.where(mean > 0, mean, 1.0)
    treatment = two_way(mean, tables.covariates).residual(tables.treatment[None])[0]
    return float((treatment * residual * mean).sum() / (treatment**2 * mean).sum())
