"""fixest_base_stagg: fixest's simulated staggered adoption, by Sun and Abraham."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from evaluation.estimators import event_study
from evaluation.findings import Fit
from evaluation.inference.cluster_robust import covariance
from evaluation.panel import Panel

CASE = "fixest_base_stagg"
UNITS, ROWS, PERIODS, COHORTS = 95, 950, 10, 9
# fixest counts 81 interactions (9 starts in 9 periods beside each start's reference), x1 and the
# periods; unit effects are nested in the clusters and left out.
COUNTED = COHORTS * (PERIODS - 1) + 1 + PERIODS
# What R computed here is printed to 11 digits.
RECOMPUTED = 1e-9

Expected = Callable[[str], dict[str, Any]]
MakePanel = Callable[..., Panel]


@pytest.fixture(scope="module")
def fit(cases: Path, as_panel: MakePanel) -> Fit:
    """Return the event study of 95 units over 10 periods, with x1."""
    table = pl.read_csv(cases / CASE / "data.csv")
    return event_study(as_panel(table, covariates=("x1",)), with_averages=True)


def named(fit: Fit, estimand: str) -> dict[str, tuple[float, float]]:
    """Return values and errors by fixest's convention, G/(G-1) (N-1)/(N-K), by group."""
    factor = (ROWS - 1) / (ROWS - COUNTED)
    errors = np.sqrt(factor * np.diag(covariance(fit, kind="cr1")))
    return {
        effect.group: (effect.value, float(errors[j]))
        for j, effect in enumerate(fit.effects)
        if effect.estimand == estimand
    }


def test_the_overall_effect(fit: Fit, expected: Expected) -> None:
    case = expected(CASE)["sunab_att"]
    value, error = named(fit, "overall")[""]
    assert value == pytest.approx(case["published"]["estimate"], abs=case["tol"]["estimate"])
    assert error == pytest.approx(case["published"]["se"], abs=case["tol"]["se"])
    row = next(row for row in case["recomputed"] if row["term"] == "ATT")
    assert (value, error) == pytest.approx((row["Estimate"], row["Std. Error"]), rel=RECOMPUTED)


@pytest.mark.parametrize(
    ("case_id", "estimand", "count"),
    [("sunab_es", "event_time", 17), ("sunab_cohort", "cohort", 9)],
)
def test_every_coefficient(
    fit: Fit, expected: Expected, case_id: str, estimand: str, count: int
) -> None:
    case = expected(CASE)[case_id]
    found = named(fit, estimand)
    assert found.keys() == case["published"]["by"].keys()
    assert len(found) == count
    for group, (value, error) in case["published"]["by"].items():
        assert found[group][0] == pytest.approx(value, abs=case["tol"]["estimate"])
        assert found[group][1] == pytest.approx(error, abs=case["tol"]["se"])
    rows = {row["term"].partition("::")[2]: row for row in case["recomputed"]}
    for group, pair in found.items():
        row = rows[group]
        assert pair == pytest.approx((row["Estimate"], row["Std. Error"]), rel=RECOMPUTED)


def test_what_was_simulated_is_within_reach(fit: Fit, expected: Expected) -> None:
    truth = expected(CASE)["true_att"]["recomputed"]["estimate"]
    value, error = named(fit, "overall")[""]
    assert abs(value - truth) < 2 * error
    assert (fit.n_obs, fit.n_units) == (ROWS, UNITS)
