"""What this package does in the races of estimators: functions that prepare what is timed.

What is timed starts from a table of rows and ends with an interval, so that what a Panel checks and
orders is in it; where a name says so, from the Panel.
"""

from __future__ import annotations

from collections.abc import Mapping

from benchmarks.ours import LEVEL, figures, new_random, panel_of, rows_of
from benchmarks.worker import Call, Table
from evaluation.estimators import callaway_santanna, imputation, poisson, synthetic_did, twfe
from evaluation.findings import Estimator, Procedure
from evaluation.inference.cluster_robust import cr1
from evaluation.inference.placebo import placebo
from evaluation.panel import Measure

_PLACEBOS = 500


def _from_rows(
    table: Table, estimator: Estimator, procedure: Procedure, measure: Measure = "mean"
) -> Call:
    rows, adoption = rows_of(table)

    def call() -> Mapping[str, float]:
        panel = panel_of(rows, adoption, measure)
        fit = estimator(panel)
        return figures(fit.effect.value, procedure(estimator, panel, fit, new_random()))

    return call


def twfe_cr1(table: Table) -> Call:
    """Time two-way fixed effects with ``cr1`` by site."""
    return _from_rows(table, twfe, cr1(level=LEVEL))


def twfe_cr1_from_panel(table: Table) -> Call:
    """Time the same from a Panel, as every estimator after the first has it."""
    rows, adoption = rows_of(table)
    panel = panel_of(rows, adoption)
    del rows
    procedure = cr1(level=LEVEL)

    def call() -> Mapping[str, float]:
        fit = twfe(panel)
        return figures(fit.effect.value, procedure(twfe, panel, fit, new_random()))

    return call


def callaway_santanna_cr1(table: Table) -> Call:
    """Time every group-time effect, all averages, ``cr1`` by site of the overall one."""
    return _from_rows(table, callaway_santanna(), cr1(level=LEVEL))


def imputation_cr1(table: Table) -> Call:
    """Time imputation: all averages, ``cr1`` by site of the overall one."""
    return _from_rows(table, imputation, cr1(level=LEVEL))


def poisson_cr1(table: Table) -> Call:
    """Time Poisson with both effects and ``cr1`` by site."""
    return _from_rows(table, poisson, cr1(level=LEVEL), "count")


def synthetic_did_placebos(table: Table) -> Call:
    """Time synthetic difference-in-differences with 500 placebos."""
    return _from_rows(table, synthetic_did(), placebo(level=LEVEL, draws=_PLACEBOS))
