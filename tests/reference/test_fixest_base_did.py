"""fixest_base_did: fixest's simulated canonical difference-in-differences."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from evaluation.estimators import event_study, twfe
from evaluation.findings import LinearFit
from evaluation.inference.cluster_robust import covariance
from evaluation.panel import Panel

CASE = "fixest_base_did"
UNITS, ROWS, PERIODS = 108, 1080, 10

Expected = Callable[[str], dict[str, Any]]
MakePanel = Callable[..., Panel]


@pytest.fixture(scope="module")
def panel(cases: Path, as_panel: MakePanel) -> Panel:
    """Return 108 units over 10 periods, half of them treated from period 6, with x1."""
    return as_panel(pl.read_csv(cases / CASE / "data.csv"), covariates=("x1",))


def fixest_errors(linear: LinearFit | None, slopes: int) -> list[float]:
    """Turn CR1 into fixest's default: (N-1)/(N-K), K the slopes and the 10 period effects."""
    assert linear is not None
    factor = (ROWS - 1) / (ROWS - slopes - PERIODS)
    squares = factor * np.diag(covariance(linear, kind="cr1"))
    return [float(square) ** 0.5 for square in squares]


def test_two_by_two(panel: Panel, expected: Expected) -> None:
    case = expected(CASE)["did_2x2"]
    rows = {row["term"]: row for row in case["recomputed"]}
    fit = twfe(panel)
    wanted = rows["treat:post"]
    assert fit.effect.value == pytest.approx(wanted["Estimate"], abs=case["tol"]["estimate"])
    assert fixest_errors(fit.linear, 2) == pytest.approx(
        [wanted["Std. Error"]], abs=case["tol"]["se"]
    )
    assert fit.linear is not None
    assert fit.linear.coef[1] == pytest.approx(rows["x1"]["Estimate"], abs=case["tol"]["estimate"])


def test_event_study(panel: Panel, expected: Expected) -> None:
    case = expected(CASE)["did_es"]
    rows = [row for row in case["recomputed"] if row["term"].startswith("period")]
    fit = event_study(panel)
    # fixest names the period; the start is period 6, so that its reference 5 is event time -1.
    assert [str(int(row["term"].split(":")[2]) - 6) for row in rows] == [
        effect.group for effect in fit.effects
    ]
    assert [effect.value for effect in fit.effects] == pytest.approx(
        [row["Estimate"] for row in rows], abs=case["tol"]["estimate"]
    )
    assert fixest_errors(fit.linear, 10) == pytest.approx(
        [row["Std. Error"] for row in rows], abs=case["tol"]["se"]
    )
