"""What this package does in the races of inference: functions that prepare what is timed."""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import polars as pl

from benchmarks.ours import DRAWS, LEVEL, figures, new_random, panel_of, rows_of
from benchmarks.worker import Call, Table
from evaluation import methods
from evaluation.estimators import twfe
from evaluation.findings import LinearFit
from evaluation.inference.collapse import collapse
from evaluation.inference.randomisation import randomisation
from evaluation.inference.reassignment_tests import deal, least_squares
from evaluation.inference.site_tables import site_tables
from evaluation.inference.wild_bootstrap import draw_signs, wild, wild_p_value
from evaluation.panel import Measure
from evaluation.pipeline import random_stream, run
from evaluation.study import Analysis, parse_study

_STUDY = """
version = 1
title = "Timed"
time = {{ frequency = "index" }}

[[outcomes]]
key = "timed"
label = "timed"
files = ["outcomes.csv"]
{measure}

[outcomes.columns]
unit = "unit"
period = "period"
first_treated = "first"
cluster = "site"
{columns}

[analysis]
primary = {{ estimator = "{key}", procedure = "wild" }}
estimators = ["{key}"]
procedures = ["cr2", "wild", "randomisation"]
draws = {draws}
"""


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


def _whole(table: Table, key: str, measure: Measure) -> Call:
    analysis = Analysis(draws=DRAWS)
    rows, adoption = rows_of(table)

    def call() -> Mapping[str, float]:
        panel = panel_of(rows, adoption, measure)
        estimator = methods.ESTIMATORS[key].make(analysis)
        fit = estimator(panel)
        found = {"estimate": fit.effect.value}
        for name in analysis.procedures:
            procedure = methods.PROCEDURES[name].make(analysis)
            stream = random_stream(analysis.seed, panel.key, key, name)
            interval = procedure(estimator, panel, fit, stream)
            for part, value in (("p", interval.p), ("low", interval.low), ("high", interval.high)):
                assert value is not None
                found[f"{name} {part}"] = value
        return found

    return call


def whole_of_a_mean(table: Table) -> Call:
    """Time one outcome by least squares: panel, estimate, cr2, wild, randomisation, intervals."""
    return _whole(table, "twfe", "mean")


def whole_of_a_rate(table: Table) -> Call:
    """Time one outcome by Poisson: panel, estimate, cr2, wild, randomisation, intervals."""
    return _whole(table, "poisson", "rate")


def run_of_a_mean(table: Table) -> Call:
    """Time the run of a study of this one outcome by least squares."""
    return _run(table, "twfe", 'measure = "mean"', 'value = "value"')


def run_of_a_rate(table: Table) -> Call:
    """Time the run of a study of this one outcome by Poisson."""
    return _run(table, "poisson", 'measure = "rate"', 'count = "count"\nexposure = "exposure"')


def _run(table: Table, key: str, measure: str, columns: str) -> Call:
    rows, adoption = rows_of(table)
    text = _STUDY.format(key=key, measure=measure, columns=columns, draws=DRAWS)
    folder = tempfile.TemporaryDirectory()
    rows.with_columns(
        site=pl.col("unit").replace_strict(dict(adoption.site)),
        first=pl.col("unit").replace_strict(dict(adoption.first_treated), default=None),
        value="outcome",
    ).write_csv(Path(folder.name) / "outcomes.csv")

    def call() -> Mapping[str, float]:
        found = run(parse_study(text, Path(folder.name) / "study.toml"))
        overall = next(e for e in found.estimates if e.is_primary)
        return {"estimate": overall.effect.value, "estimates": len(found.estimates)}

    return call
