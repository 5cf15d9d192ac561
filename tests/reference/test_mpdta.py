"""mpdta: the minimum wage and teen employment, every form, control group and average."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import numpy as np
import polars as pl
import pytest

from evaluation.estimators.callaway_santanna import callaway_santanna
from evaluation.estimators.callaway_santanna.layout import ControlGroup
from evaluation.estimators.callaway_santanna.pooling import Overall
from evaluation.estimators.callaway_santanna.two_periods import Method
from evaluation.findings import Fit
from evaluation.inference.cluster_robust import covariance, cr1
from evaluation.inference.simultaneous import simultaneous_band
from evaluation.panel import Panel

CASE = "mpdta_callaway_santanna"
COUNTIES, ROWS = 500, 2500
# csdid's figures are stored in full, those of single cells to 8 decimals.
RECOMPUTED = 1e-12
EIGHT_DECIMALS = 1e-8

CONTROLS: dict[str, ControlGroup] = {
    "nevertreated": "never_treated",
    "notyettreated": "not_yet_treated",
}
Expected = Callable[[str], dict[str, Any]]
MakePanel = Callable[..., Panel]


@pytest.fixture(scope="module")
def counties(cases: Path) -> pl.DataFrame:
    """Return log employment and log population of 500 counties, 2003 to 2007."""
    return pl.read_csv(cases / CASE / "data.csv")


def without_factor(fit: Fit) -> np.ndarray:
    """Return the errors of all effects without a small-sample factor, as the packages print."""
    return np.asarray(np.sqrt(np.diag(covariance(fit, kind="cr0"))))


def by_group(fit: Fit, estimand: str) -> dict[str, tuple[float, float]]:
    errors = without_factor(fit)
    return {
        effect.group: (effect.value, float(error))
        for effect, error in zip(fit.effects, errors, strict=True)
        if effect.estimand == estimand
    }


@pytest.mark.parametrize("method", get_args(Method))
@pytest.mark.parametrize("control", list(CONTROLS))
@pytest.mark.parametrize("covariates", [(), ("lpop",)])
def test_the_grid(
    counties: pl.DataFrame,
    as_panel: MakePanel,
    expected: Expected,
    method: Method,
    control: str,
    covariates: tuple[str, ...],
) -> None:
    panel = as_panel(counties, covariates=covariates)
    name = f"grid_{method}_{control}_{covariates[0] if covariates else 'none'}"
    wanted = expected(CASE)[name]["recomputed"]
    for overall in get_args(Overall):
        estimator = callaway_santanna(
            control_group=CONTROLS[control], method=method, overall=overall
        )
        fit = estimator(panel)
        found = [fit.effect.value, without_factor(fit)[0]]
        assert found == pytest.approx(wanted[overall], abs=RECOMPUTED)


def test_stata_publishes_the_form_by_maximum_likelihood_and_least_squares(
    counties: pl.DataFrame, as_panel: MakePanel, expected: Expected
) -> None:
    published = expected(CASE)["grid_dr_nevertreated_lpop"]["published"]["simple"]
    fit = callaway_santanna()(as_panel(counties, covariates=("lpop",)))
    assert [fit.effect.value, without_factor(fit)[0]] == pytest.approx(published, abs=5e-8)


def test_every_cell(counties: pl.DataFrame, as_panel: MakePanel, expected: Expected) -> None:
    case = expected(CASE)["attgt_never_nocov"]
    fit = callaway_santanna()(as_panel(counties))
    found = {group.replace(":", "_"): v for group, v in by_group(fit, "group_time").items()}
    assert (fit.n_obs, fit.n_units, fit.n_pilot_sites) == (ROWS, COUNTIES, 191)
    assert found.keys() == case["published"]["att_se"].keys()
    for cell, value in found.items():
        wanted = case["recomputed"]["att_se_analytic"][cell]
        assert value == pytest.approx(wanted, abs=EIGHT_DECIMALS)
        published = case["published"]["att_se"][cell]
        assert value[0] == pytest.approx(published[0], abs=case["tol"]["estimate"])
        # Theirs is a bootstrap's.
        assert value[1] == pytest.approx(published[1], rel=0.1)


@pytest.mark.parametrize(
    ("name", "overall", "estimand"),
    [("group_never_nocov", "group", "cohort"), ("dynamic_never_nocov", "dynamic", "event_time")],
)
def test_averages_and_what_they_average(
    counties: pl.DataFrame,
    as_panel: MakePanel,
    expected: Expected,
    name: str,
    overall: Overall,
    estimand: str,
) -> None:
    case = expected(CASE)[name]
    fit = callaway_santanna(overall=overall)(as_panel(counties))
    found = by_group(fit, estimand)
    wanted = case["recomputed"]
    assert [fit.effect.value, without_factor(fit)[0]] == pytest.approx(
        [wanted["att"], wanted["se"]], abs=RECOMPUTED
    )
    assert found.keys() == wanted["by"].keys() == case["published"]["by"].keys()
    for group, value in found.items():
        assert value == pytest.approx(wanted["by"][group], abs=RECOMPUTED)
        published = case["published"]["by"][group]
        assert value[0] == pytest.approx(published[0], abs=case["tol"]["estimate"])
    assert fit.effect.value == pytest.approx(
        case["published"]["estimate"], abs=case["tol"]["estimate"]
    )


def test_balanced_event_times(
    counties: pl.DataFrame, as_panel: MakePanel, expected: Expected
) -> None:
    case = expected(CASE)["dynamic_balance_e1"]
    fit = callaway_santanna(overall="dynamic", balance=1)(as_panel(counties))
    published = case["published"]
    assert fit.effect.value == pytest.approx(published["estimate"], abs=case["tol"]["estimate"])
    # The published errors are a bootstrap's.
    assert without_factor(fit)[0] == pytest.approx(published["se"], rel=0.1)
    found = by_group(fit, "event_time")
    assert found.keys() == published["by"].keys()
    for time, (value, error) in found.items():
        assert value == pytest.approx(published["by"][time][0], abs=case["tol"]["estimate"])
        assert error == pytest.approx(published["by"][time][1], rel=0.1)


def test_cr1_leaves_each_county_s_own_part_out_which_matters_little_with_500(
    counties: pl.DataFrame, as_panel: MakePanel
) -> None:
    panel = as_panel(counties)
    estimator = callaway_santanna()
    fit = estimator(panel)
    interval = cr1(level=0.95)(estimator, panel, fit, np.random.default_rng(0))
    factor = np.sqrt(COUNTIES / (COUNTIES - 1))
    assert interval.std_error == pytest.approx(without_factor(fit)[0] * factor, rel=0.005)
    assert interval.df == COUNTIES - 1
    published = dataclasses.replace(fit, recentred=None)
    as_published = cr1(level=0.95)(estimator, panel, published, np.random.default_rng(0))
    assert as_published.std_error == pytest.approx(without_factor(fit)[0] * factor, rel=1e-12)


def test_a_band_by_county_is_wider_than_each_interval(
    counties: pl.DataFrame, as_panel: MakePanel
) -> None:
    fit = callaway_santanna()(as_panel(counties))
    cells = [i for i, effect in enumerate(fit.effects) if effect.estimand == "group_time"]
    band = simultaneous_band(fit, cells, level=0.95, draws=9999, random=np.random.default_rng(1))
    # Twelve independent effects would ask for 2.858 (Sidak); these are correlated.
    assert 2.6 < band.critical < 2.9
    # The start of 2004 has 20 counties: its effects reach as Student's with 19 degrees.
    assert band.reach[:4] == pytest.approx([3.2] * 4, abs=0.2)
    groups = np.array([fit.effects[i].group for i in cells])
    published = np.abs(band.values) > band.critical * band.std_error
    # All twelve together: the cohort of 2004, two and three years on.
    assert set(groups[published]) == {"2004:2006", "2004:2007"}
    ours = (band.low > 0) | (band.high < 0)
    assert set(groups[ours]) == {"2004:2006"}
