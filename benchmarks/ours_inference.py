"""What this package does in the races of inference: functions that prepare what is timed."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import numpy as np

from benchmarks.ours import DRAWS, LEVEL, figures, new_random, panel_of, rows_of
from benchmarks.worker import Call, Table
from evaluation.estimators import poisson, twfe
from evaluation.findings import Estimator, LinearFit, Procedure
from evaluation.inference.cluster_robust import cr2
from evaluation.inference.collapse import collapse
from evaluation.inference.randomisation import randomisation
from evaluation.inference.reassignment_tests import deal, least_squares
from evaluation.inference.site_tables import site_tables
from evaluation.inference.wild_bootstrap import draw_signs, wild, wild_p_value
from evaluation.panel import Measure


def _linear(table: Table) -> LinearFit:
    fit = twfe(panel_of(*rows_of(table)))
    assert fit.linear is not None
    return fit.linear


def wild_p(table: Table) -> Call:
    """Time the wild bootstrap's p-value from a fit: preparation, draws and statistics."""
    linear = _linear(table)

    def call() -> Mapping[str, float]:
        # What was made of a fit is remembered with it: a new one knows nothing.
        fresh = dataclasses.replace(linear)
        signs = draw_signs(fresh.n_clusters, draws=DRAWS, random=new_random())
        return {"p": wild_p_value(fresh, signs)}

    return call


def wild_interval(table: Table) -> Call:
    """Time the same with the interval by inversion."""
    panel = panel_of(*rows_of(table))
    fit = twfe(panel)
    procedure = wild(level=LEVEL, draws=DRAWS)

    def call() -> Mapping[str, float]:
        assert fit.linear is not None
        fresh = dataclasses.replace(fit, linear=dataclasses.replace(fit.linear))
        return figures(fit.effect.value, procedure(twfe, panel, fresh, new_random()))

    return call


def reassignment(table: Table) -> Call:
    """Time coefficient and t of every reassignment, from the site-collapsed panel."""
    collapsed = collapse(panel_of(*rows_of(table)))

    def call() -> Mapping[str, float]:
        tables = site_tables(collapsed, "gaussian")
        dealt = deal(tables, draws=DRAWS, random=new_random())
        statistics = least_squares(tables, dealt, with_actual=False)
        size = np.abs(statistics.sums.coefficient())
        by_coefficient = float((size >= size[0] * (1 - 1e-9)).mean())
        return {"p": statistics.p(0.0), "p of coefficient": by_coefficient}

    return call


def reassignment_interval(table: Table) -> Call:
    """Time the whole procedure from a panel and its fit: collapse, draws, inverted interval."""
    panel = panel_of(*rows_of(table))
    fit = twfe(panel)
    procedure = randomisation(level=LEVEL, draws=DRAWS)
    return lambda: figures(fit.effect.value, procedure(twfe, panel, fit, new_random()))


def _whole(table: Table, estimator: Estimator, measure: Measure) -> Call:
    rows, adoption = rows_of(table)
    procedures: dict[str, Procedure] = {
        "cr2": cr2(level=LEVEL),
        "wild": wild(level=LEVEL, draws=DRAWS),
        "randomisation": randomisation(level=LEVEL, draws=DRAWS),
    }

    def call() -> Mapping[str, float]:
        panel = panel_of(rows, adoption, measure)
        fit = estimator(panel)
        found = {"estimate": fit.effect.value}
        for name, procedure in procedures.items():
            p = procedure(estimator, panel, fit, new_random()).p
            assert p is not None
            found[f"p {name}"] = p
        return found

    return call


def whole_of_a_mean(table: Table) -> Call:
    """Time one outcome by least squares: panel, estimate, cr2, wild, randomisation, intervals."""
    return _whole(table, twfe, "mean")


def whole_of_a_rate(table: Table) -> Call:
    """Time one outcome by Poisson: panel, estimate, cr2, wild, randomisation, intervals."""
    return _whole(table, poisson, "rate")
