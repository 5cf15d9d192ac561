"""medicaid_ehec: the expansion of Medicaid, Callaway and Sant'Anna's part."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from evaluation.errors import EstimationError
from evaluation.estimators.callaway_santanna import callaway_santanna
from evaluation.inference.cluster_robust import covariance
from evaluation.panel import Panel

CASE = "medicaid_ehec_honestdid"
RECOMPUTED = 1e-12

Expected = Callable[[str], dict[str, Any]]
MakePanel = Callable[..., Panel]


@pytest.fixture(scope="module")
def states(cases: Path) -> pl.DataFrame:
    """Return the share of low-income childless adults insured in 46 states, 2008 to 2019."""
    return pl.read_csv(cases / CASE / "data.csv").drop("weight")


@pytest.mark.parametrize(("name", "never"), [("cs_simple_notyet", True), ("no_never_cs", False)])
def test_simple_with_the_not_yet_treated(
    states: pl.DataFrame, as_panel: MakePanel, expected: Expected, name: str, never: bool
) -> None:
    case = expected(CASE)[name]
    kept = states if never else states.filter(pl.col("first_treated") > 0)
    fit = callaway_santanna(control_group="not_yet_treated")(as_panel(kept))
    error = float(covariance(fit, kind="cr0")[0, 0] ** 0.5)
    wanted = case["recomputed"]["estimate_se"]
    assert [fit.effect.value, error] == pytest.approx(wanted, abs=RECOMPUTED)
    published = case["published"]
    assert fit.effect.value == pytest.approx(published["estimate"], abs=case["tol"]["estimate"])
    # Theirs is a bootstrap's.
    assert error == pytest.approx(published["se"], rel=case["tol"]["se_rel"])
    # Without the never-treated the last starters are the comparison, until they start in 2019.
    assert (len(fit.effect.caveats) > 0) is not never


def test_the_first_cell(states: pl.DataFrame, as_panel: MakePanel, expected: Expected) -> None:
    case = expected(CASE)["att_2014_2014"]
    fit = callaway_santanna(control_group="not_yet_treated")(as_panel(states))
    (cell,) = (effect for effect in fit.effects if effect.group == "2014:2014")
    assert cell.value == pytest.approx(case["recomputed"]["estimate"], abs=RECOMPUTED)
    assert abs(cell.value - case["published"]["estimate"]) < 2 * case["tol"]["estimate"]
    # By hand: 22 states of 2014 against those that start later or never.
    change = (
        states.filter(pl.col("time").is_in([2013, 2014]))
        .pivot(on="time", index=["unit", "first_treated"], values="y")
        .with_columns(change=pl.col("2014") - pl.col("2013"))
    )
    own = change.filter(first_treated=2014)["change"].mean()
    others = change.filter(pl.col("first_treated") != 2014)["change"].mean()
    assert isinstance(own, float)
    assert isinstance(others, float)
    assert cell.value == pytest.approx(own - others, abs=RECOMPUTED)


def test_one_cohort_against_the_never_treated_is_the_event_study(
    states: pl.DataFrame, as_panel: MakePanel, expected: Expected
) -> None:
    wanted = expected(CASE)["es_2014cohort"]["recomputed"]
    kept = states.filter((pl.col("time") < 2016) & (pl.col("first_treated") != 2015)).with_columns(
        first_treated=pl.when(pl.col("first_treated") == 2014).then(2014).otherwise(0)
    )
    fit = callaway_santanna(base_period="universal")(as_panel(kept))
    found = [effect.value for effect in fit.effects if effect.estimand == "event_time"]
    assert found == pytest.approx(wanted["beta"], abs=1e-10)


def test_sun_and_abraham_s_att_weights_the_same_cells(
    states: pl.DataFrame, as_panel: MakePanel, expected: Expected
) -> None:
    (wanted,) = expected(CASE)["sunab_att"]["recomputed"]
    # With never-treated comparisons the saturated regression has the same cells.
    fit = callaway_santanna()(as_panel(states))
    assert fit.effect.value == pytest.approx(wanted["Estimate"], abs=1e-10)


def test_without_never_treated_states_the_default_says_what_to_write(
    states: pl.DataFrame, as_panel: MakePanel
) -> None:
    adopting = as_panel(states.filter(pl.col("first_treated") > 0))
    with pytest.raises(EstimationError, match='Write control_group = "not_yet_treated"'):
        callaway_santanna()(adopting)
