"""medicaid_ehec: the expansion of Medicaid, two-way fixed effects and event studies."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from evaluation.estimators import event_study, twfe
from evaluation.findings import Fit
from evaluation.inference.cluster_robust import covariance
from evaluation.panel import Panel

CASE = "medicaid_ehec_honestdid"
PERIODS = 12
# What R computed is printed to 11 digits.
RECOMPUTED = 1e-10

Expected = Callable[[str], dict[str, Any]]
MakePanel = Callable[..., Panel]


@pytest.fixture(scope="module")
def states(cases: Path) -> pl.DataFrame:
    """Return the share of low-income childless adults insured in 46 states, 2008 to 2019."""
    return pl.read_csv(cases / CASE / "data.csv").drop("weight")


def as_fixest(fit: Fit, counted: int) -> np.ndarray:
    """Return the covariance by fixest's convention: G/(G-1) (N-1)/(N-K), units not counted."""
    return covariance(fit, kind="cr1") * (fit.n_obs - 1) / (fit.n_obs - counted)


@pytest.mark.parametrize(("name", "never"), [("twfe_static", True), ("no_never_twfe", False)])
def test_two_way_fixed_effects(
    states: pl.DataFrame, as_panel: MakePanel, expected: Expected, name: str, never: bool
) -> None:
    case = expected(CASE)[name]
    kept = states if never else states.filter(pl.col("first_treated") > 0)
    fit = twfe(as_panel(kept))
    error = float(as_fixest(fit, 1 + PERIODS)[0, 0] ** 0.5)
    published = case["published"]
    assert (fit.n_obs, fit.n_sites) == (published["N"], published["G"])
    assert fit.effect.value == pytest.approx(published["estimate"], abs=case["tol"]["estimate"])
    assert error == pytest.approx(published["se"], abs=case["tol"]["se"])
    recomputed = case["recomputed"]
    wanted = (
        [recomputed[0][column] for column in ("Estimate", "Std. Error")]
        if never
        else recomputed["value"][0][:2]
    )
    assert [fit.effect.value, error] == pytest.approx(wanted, abs=RECOMPUTED)


def test_sun_and_abraham(states: pl.DataFrame, as_panel: MakePanel, expected: Expected) -> None:
    (wanted,) = expected(CASE)["sunab_att"]["recomputed"]
    fit = event_study(as_panel(states), with_averages=True)
    cohorts = states.filter(pl.col("first_treated") > 0)["first_treated"].n_unique()
    # A coefficient for each start in each period but its reference, and the periods.
    error = float(as_fixest(fit, cohorts * (PERIODS - 1) + PERIODS)[0, 0] ** 0.5)
    assert fit.effect.estimand == "overall"
    assert fit.effect.value == pytest.approx(wanted["Estimate"], abs=RECOMPUTED)
    assert error == pytest.approx(wanted["Std. Error"], abs=RECOMPUTED)


def test_the_event_study_of_2014_with_its_covariance(
    states: pl.DataFrame, as_panel: MakePanel, expected: Expected
) -> None:
    case = expected(CASE)["es_2014cohort"]
    wanted, tolerance = case["recomputed"], case["tol"]["estimate"]
    kept = states.filter((pl.col("time") < 2016) & (pl.col("first_treated") != 2015)).with_columns(
        first_treated=pl.when(pl.col("first_treated") == 2014).then(2014).otherwise(0)
    )
    fit = event_study(as_panel(kept))
    assert [effect.group for effect in fit.effects] == ["-6", "-5", "-4", "-3", "-2", "0", "1"]
    values = [effect.value for effect in fit.effects]
    assert values == pytest.approx(wanted["beta"], abs=tolerance)
    assert values == pytest.approx(wanted["beta"], abs=RECOMPUTED)
    # Seven leads and lags, eight periods: what HonestDiD's README starts from.
    found = as_fixest(fit, len(values) + 8)
    sigma = np.array(wanted["sigma"])
    assert found == pytest.approx(sigma, rel=1e-9, abs=1e-14)
    errors = np.sqrt(np.diag(found))
    assert errors == pytest.approx(np.sqrt(np.diag(sigma)), abs=tolerance)
