"""chicago_procedural_justice: 7,785 officers, all trained in the end.

The published ``simple``, ``cohort`` and ``calendar`` rows are Roth and Sant'Anna's efficient
estimators, which adjust for earlier outcomes under random timing: not this method. ``CS_simple``
and ``SA_simple`` are plain differences, and ours.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from evaluation.estimators.callaway_santanna import callaway_santanna
from evaluation.findings import Fit
from evaluation.panel import Adoption, Panel
from evaluation.periods import Calendar

CASE = "chicago_procedural_justice"
OFFICERS, MONTHS, LAST_START = 7785, 72, 72
# Printed to ten digits.
PRINTED = 1e-9

Expected = Callable[[str], dict[str, Any]]


@pytest.fixture(scope="module")
def officers(cases: Path) -> Panel:
    """Return complaints of each officer and month."""
    table = pl.read_parquet(cases / CASE / "data.parquet")
    rows = table.select(
        pl.col("unit").cast(pl.String),
        pl.col("time").alias("period"),
        pl.col("y").cast(pl.Float64).alias("outcome"),
        weight=pl.lit(1.0),
    )
    starts = dict(zip(rows["unit"], table["first_treated"], strict=True))
    adoption = Adoption(site={unit: unit for unit in starts}, first_treated=starts)
    return Panel(rows=rows, adoption=adoption, calendar=Calendar(frequency="index"))


def neyman(panel: Panel, fit: Fit) -> float:
    """Return the error under random timing with fixed weights: each cohort's own variance.

    From the cells' influence functions, centred within cohorts, with n/(n-1) for each.
    """
    assert fit.influence is not None
    first = [panel.adoption.first_treated.get(unit, 0) for unit in panel.units]
    starts, cohort, size = np.unique(first, return_inverse=True, return_counts=True)
    weights = np.zeros(len(fit.effects))
    for i, effect in enumerate(fit.effects):
        if effect.estimand == "group_time" and np.isfinite(effect.value):
            start, then = (int(part) for part in effect.group.split(":"))
            weights[i] = size[starts == start][0] if then >= start else 0.0
    used = weights > 0
    part = fit.influence[:, used] @ (weights[used] / weights.sum())
    centred = part - (np.bincount(cohort, part) / size)[cohort]
    return float(np.sqrt((size / (size - 1) * np.bincount(cohort, centred**2)).sum()))


def test_simple_with_the_not_yet_treated(officers: Panel, expected: Expected) -> None:
    case = expected(CASE)["CS_simple"]["published"]
    fit = callaway_santanna(control_group="not_yet_treated")(officers)
    assert fit.effect.value == pytest.approx(case["estimate"], abs=PRINTED)
    assert neyman(officers, fit) == pytest.approx(case["se_neyman"], abs=PRINTED)
    # Ours also counts that the cohorts' sizes are estimated, and pools the comparison officers.
    assert fit.influence is not None
    error = np.sqrt((fit.influence[:, 0] ** 2).sum())
    assert error == pytest.approx(0.003924737888891943, abs=PRINTED)
    assert "48 of the 1398 pairs of start and period" in fit.effect.caveats[0]
    # The month of the last start has no comparison, and enters nothing.
    assert fit.n_obs == OFFICERS * (MONTHS - 1)
    assert (fit.n_units, fit.n_pilot_sites) == (OFFICERS, OFFICERS - 13)


def test_the_last_starters_as_the_only_comparison(officers: Panel, expected: Expected) -> None:
    case = expected(CASE)["SA_simple"]["published"]
    # Before their start they are never treated.
    panel = officers.before(LAST_START)
    fit = callaway_santanna(control_group="never_treated")(panel)
    assert fit.effect.value == pytest.approx(case["estimate"], abs=10 * PRINTED)
    assert neyman(panel, fit) == pytest.approx(case["se_neyman"], abs=10 * PRINTED)
