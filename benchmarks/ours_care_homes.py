"""What this package does in the races of care homes: intervals from a fit by blocks of units."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from benchmarks.ours import DRAWS, LEVEL, figures, new_random, panel_of, rows_of
from benchmarks.worker import Call, Table
from evaluation.estimators import poisson, twfe
from evaluation.findings import Estimator, Procedure
from evaluation.inference.cluster_robust import cr2
from evaluation.inference.jackknife import cr3
from evaluation.inference.wild_bootstrap import wild


def _interval(table: Table, estimator: Estimator, procedure: Procedure) -> Call:
    panel = panel_of(*rows_of(table), measure="rate")
    fit = estimator(panel)
    assert fit.blocks is not None

    def call() -> Mapping[str, float]:
        assert fit.blocks is not None
        # What was made of a fit is remembered with it: a new one knows nothing.
        fresh = dataclasses.replace(fit, blocks=dataclasses.replace(fit.blocks))
        return figures(fit.effect.value, procedure(estimator, panel, fresh, new_random()))

    return call


def twfe_cr2(table: Table) -> Call:
    """Time CR2 with its degrees of freedom, of two-way fixed effects."""
    return _interval(table, twfe, cr2(level=LEVEL))


def twfe_cr3(table: Table) -> Call:
    """Time the leave-one-site-out jackknife of two-way fixed effects."""
    return _interval(table, twfe, cr3(level=LEVEL))


def twfe_wild(table: Table) -> Call:
    """Time the wild bootstrap of two-way fixed effects, with its interval by inversion."""
    return _interval(table, twfe, wild(level=LEVEL, draws=DRAWS))


def poisson_cr2(table: Table) -> Call:
    """Time CR2 with its degrees of freedom, of a Poisson model."""
    return _interval(table, poisson, cr2(level=LEVEL))


def poisson_cr3(table: Table) -> Call:
    """Time the leave-one-site-out jackknife of a Poisson model, every maximum found again."""
    return _interval(table, poisson, cr3(level=LEVEL))


def poisson_wild(table: Table) -> Call:
    """Time the wild bootstrap of a Poisson model, its effects refitted at every tested value."""
    return _interval(table, poisson, wild(level=LEVEL, draws=DRAWS))
