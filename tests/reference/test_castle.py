"""castle_doctrine: three codings of the same laws, and what each software's error is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from scipy.special import stdtrit

from evaluation.estimators import event_study, imputation, twfe
from evaluation.findings import Fit
from evaluation.inference.cluster_robust import covariance
from evaluation.panel import Panel

CASE = "castle_doctrine"
RECOMPUTED = 1e-7

STATES, ROWS, YEARS = 50, 550, 11
Expected = Callable[[str], dict[str, Any]]
MakePanel = Callable[..., Panel]


@pytest.fixture(scope="module")
def states(cases: Path) -> pl.DataFrame:
    """Return log homicide rates of 50 states, 2000 to 2010."""
    return pl.read_csv(cases / CASE / "data.csv").rename({"weight": "people"})


def nested_error(fit: Fit, columns: int) -> float:
    """Return the error of Stata's xtdidregress and of fixest.

    That is CR1 times sqrt((N-1)/(N-K)); K counts the treatment and the period effects, and leaves
    out the unit effects, which are nested in the clusters.
    """
    assert fit.linear is not None
    square = float(covariance(fit.linear, kind="cr1")[0, 0])
    return float(np.sqrt(square * (ROWS - 1) / (ROWS - columns)))


def test_treated_from_the_year_of_the_law(
    states: pl.DataFrame, as_panel: MakePanel, expected: Expected
) -> None:
    case = expected(CASE)["R_bacon_unw"]
    fit = twfe(as_panel(states))
    assert fit.effect.value == pytest.approx(
        case["published"]["weighted_sum"], abs=case["tol"]["estimate"]
    )
    wanted = case["recomputed"]["twfe"]
    assert fit.effect.value == pytest.approx(wanted["estimate"], rel=RECOMPUTED)
    assert nested_error(fit, 1 + YEARS) == pytest.approx(wanted["se_pyfixest"], rel=RECOMPUTED)
    assert (fit.n_obs, fit.n_units, fit.n_pilot_sites) == (ROWS, STATES, 21)


def test_treated_from_the_year_after(
    states: pl.DataFrame, as_panel: MakePanel, expected: Expected
) -> None:
    case = expected(CASE)["stata_xtdidregress_unw"]
    lagged = states.with_columns(
        first_treated=pl.when(pl.col("first_treated") > 0).then(pl.col("first_treated") + 1)
    )
    panel = as_panel(lagged)
    assert panel.treatment.sum() == states["post_lagged"].sum()
    fit = twfe(panel)
    published = case["published"]
    assert fit.effect.value == pytest.approx(published["estimate"], abs=case["tol"]["estimate"])
    stata = nested_error(fit, 1 + YEARS)
    assert stata == pytest.approx(published["se"], abs=1e-7)
    assert stata == pytest.approx(case["recomputed"]["CR1S_k_counts_timeFE_only"], rel=RECOMPUTED)
    every = nested_error(fit, 1 + YEARS + STATES - 1)
    assert every == pytest.approx(case["recomputed"]["CR1S_k_all"], rel=RECOMPUTED)
    assert fit.linear is not None
    plain = covariance(fit.linear, kind="cr0")[0, 0] ** 0.5
    assert plain == pytest.approx(case["recomputed"]["CR0"], rel=RECOMPUTED)
    # Its interval is that error with t of 49.
    reach = float(stdtrit(STATES - 1, 0.975)) * stata
    assert [fit.effect.value - reach, fit.effect.value + reach] == pytest.approx(
        published["ci"], abs=1e-6
    )


def test_share_of_the_year_by_population(
    states: pl.DataFrame, as_panel: MakePanel, expected: Expected
) -> None:
    case = expected(CASE)["CH_T_homicide_c1"]
    dosed = states.with_columns(dose=pl.col("exposure_cdl"), weight=pl.col("people"))
    fit = twfe(as_panel(dosed))
    assert fit.effect.value == pytest.approx(
        case["published"]["estimate"], abs=case["tol"]["estimate"]
    )
    assert fit.effect.value == pytest.approx(case["recomputed"]["estimate"], rel=RECOMPUTED)
    error = nested_error(fit, 1 + YEARS)
    assert error == pytest.approx(case["published"]["se"], abs=case["tol"]["se"])
    assert error == pytest.approx(case["recomputed"]["se_pyfixest"], rel=RECOMPUTED)


def test_region_by_year_effects_as_covariates(
    states: pl.DataFrame, as_panel: MakePanel, expected: Expected
) -> None:
    case = expected(CASE)["CH_T_homicide_c2"]
    dosed = states.with_columns(dose=pl.col("exposure_cdl"), weight=pl.col("people"))
    cells = sorted(dosed["region_year"].unique())
    columns = {
        f"cell{i}": (pl.col("region_year") == c).cast(pl.Float64) for i, c in enumerate(cells)
    }
    fit = twfe(as_panel(dosed.with_columns(**columns), covariates=tuple(columns)))
    # pyfixest iterates until its demeaning moves by 1e-8 or so; least squares with every dummy
    # gives .0945877557.
    assert fit.effect.value == pytest.approx(0.09458775571, abs=1e-10)
    assert fit.effect.value == pytest.approx(case["recomputed"]["estimate"], abs=2e-8)
    error = nested_error(fit, 1 + len(cells))
    assert error == pytest.approx(case["recomputed"]["se_pyfixest"], abs=2e-8)
    assert error == pytest.approx(case["published"]["se"], abs=case["tol"]["se"])
    # One cell of each year and one year of each region is already said by the effects.
    assert any("Not adjusted for" in caveat for caveat in fit.caveats)


def test_event_times_that_few_states_have_say_so(states: pl.DataFrame, as_panel: MakePanel) -> None:
    by_time = {int(e.group): e.n_pilot_sites for e in event_study(as_panel(states)).effects}
    assert by_time[5] == 1
    assert by_time[0] == 21
    assert min(by_time) == -9
    assert np.isfinite([e.value for e in event_study(as_panel(states)).effects]).all()


@pytest.mark.parametrize("weighted", [False, True])
def test_imputation(
    states: pl.DataFrame, as_panel: MakePanel, expected: Expected, weighted: bool
) -> None:
    case = expected(CASE)["BJS_imputation_weight" if weighted else "BJS_imputation_None"]
    table = states.with_columns(weight=pl.col("people")) if weighted else states
    fit = imputation(as_panel(table))
    assert fit.effect.value == pytest.approx(
        case["recomputed"]["estimate"], abs=case["tol"]["estimate"]
    )
    assert fit.n_pilot_sites == 21
    assert fit.caveats == ()
