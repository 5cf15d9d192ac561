"""r_reference: fixest 0.12.2, clubSandwich 0.5.8 and sandwich on seeded panels, to 1e-6."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray

from evaluation.estimators import event_study, imputation, twfe
from evaluation.inference.cluster_robust import covariance, cr1, cr2
from evaluation.inference.jackknife import cr3, leave_one_out
from evaluation.panel import Panel

# Relative, as the case asks; what was measured is 1e-12 and better.
TOLERANCE = 1e-6

SITES, ROWS, PERIODS = 42, 2268, 54
MakePanel = Callable[..., Panel]
FloatArray = NDArray[np.float64]


class Reference(NamedTuple):
    """One block of R's numbers and the panel it was made on."""

    panel: Panel
    numbers: dict[str, Any]
    bare: Panel


@pytest.fixture(scope="module", params=["A_const", "B_dynamic", "C_null_hetero", "pop_weighted"])
def reference(request: pytest.FixtureRequest, cases: Path, as_panel: MakePanel) -> Reference:
    """Return each of the four blocks: three panels, and the first weighted by population."""
    weighted = request.param == "pop_weighted"
    name = "A_const" if weighted else request.param
    folder = cases / "r_reference"
    table = pl.read_csv(folder / f"panel_{name}.csv")
    numbers = json.loads((folder / f"reference_{name}.json").read_text(encoding="utf-8"))
    if weighted:
        table = table.with_columns(weight=pl.col("population").cast(pl.Float64))
        numbers = numbers["pop_weighted"]
    return Reference(
        panel=as_panel(table, covariates=("x",)), numbers=numbers, bare=as_panel(table)
    )


def fixest_factor(columns: int) -> float:
    """What turns the plain sandwich into fixest's: its K leaves out effects nested in sites."""
    return SITES / (SITES - 1) * (ROWS - 1) / (ROWS - columns)


def test_coefficient_and_cr1(reference: Reference) -> None:
    fit = twfe(reference.panel)
    wanted = reference.numbers["CR1"][0]
    found = cr1(level=0.95)(twfe, reference.panel, fit, np.random.default_rng(0))
    assert fit.effect.value == pytest.approx(reference.numbers["coef"], rel=TOLERANCE)
    assert found.std_error == pytest.approx(wanted["SE"], rel=TOLERANCE)
    assert found.df == wanted["df_t"]
    assert found.p == pytest.approx(wanted["p_t"], rel=TOLERANCE)


def test_cr2_with_satterthwaite(reference: Reference) -> None:
    fit = twfe(reference.panel)
    found = cr2(level=0.95)(twfe, reference.panel, fit, np.random.default_rng(0))
    wanted = reference.numbers["CR2"][0]
    ends = reference.numbers["CR2_conf"][0]
    assert found.std_error == pytest.approx(wanted["SE"], rel=TOLERANCE)
    assert found.df == pytest.approx(wanted["df_Satt"], rel=TOLERANCE)
    assert found.p == pytest.approx(wanted["p_Satt"], rel=TOLERANCE)
    assert found.low == pytest.approx(ends["CI_L"], rel=TOLERANCE)
    assert found.high == pytest.approx(ends["CI_U"], rel=TOLERANCE)


def test_the_jackknife_and_all_that_it_leaves_out(reference: Reference) -> None:
    fit = twfe(reference.panel)
    found = leave_one_out(twfe, reference.panel, fit)
    wanted = reference.numbers["loo_coef"]
    assert set(found) == set(wanted)
    assert [found[site] for site in wanted] == pytest.approx(list(wanted.values()), rel=TOLERANCE)
    jackknife = cr3(level=0.95)(twfe, reference.panel, fit, np.random.default_rng(0))
    assert jackknife.std_error == pytest.approx(reference.numbers["CV3_jackknife"], rel=TOLERANCE)
    assert jackknife.df == SITES - 1
    assert jackknife.p == pytest.approx(reference.numbers["CV3_p_t_Gm1"], rel=TOLERANCE)


def test_other_small_sample_factors(reference: Reference) -> None:
    linear = twfe(reference.panel).linear
    assert linear is not None
    plain = covariance(linear, kind="cr0")[0, 0] ** 0.5
    numbers = reference.numbers
    assert plain == pytest.approx(numbers["CR0"][0]["SE"], rel=TOLERANCE)
    assert plain == pytest.approx(numbers["fixest_noadj"]["Std. Error"], rel=TOLERANCE)
    # Treatment, x and 54 periods; with every effect counted, 41 units more (Stata's areg).
    nested, every = 2 + PERIODS, 2 + PERIODS + SITES - 1
    assert plain * fixest_factor(nested) ** 0.5 == pytest.approx(
        numbers["fixest_default"]["Std. Error"], rel=TOLERANCE
    )
    for stata in (numbers["CR1S"][0]["SE"], numbers["fixest_fixefK_full"]["Std. Error"]):
        assert plain * fixest_factor(every) ** 0.5 == pytest.approx(stata, rel=TOLERANCE)


def test_event_study_with_ends_joined_at_twelve(reference: Reference) -> None:
    fit = event_study(reference.panel, bin_ends=12, interaction_weighted=False)
    assert fit.linear is not None
    plain = np.sqrt(np.diag(covariance(fit.linear, kind="cr0")))
    rows = [r for r in reference.numbers["event_study_binned12"] if r["term"].startswith("relb")]
    assert [effect.group for effect in fit.effects] == [r["term"].split(":")[2] for r in rows]
    assert [effect.value for effect in fit.effects] == pytest.approx(
        [r["Estimate"] for r in rows], rel=TOLERANCE
    )
    # fixest's default errors: 24 event times, x and 54 periods are counted.
    factor = fixest_factor(24 + 1 + PERIODS) ** 0.5
    assert list(plain * factor) == pytest.approx([r["Std..Error"] for r in rows], rel=TOLERANCE)


def test_without_the_covariate(reference: Reference) -> None:
    if "pop_weighted" not in reference.numbers and reference.panel.values("weight").max() > 1:
        # The block repeats the unweighted figures under this name.
        reference = reference._replace(bare=_unweighted(reference.bare))
    fit = twfe(reference.bare)
    assert fit.linear is not None
    plain = covariance(fit.linear, kind="cr0")[0, 0] ** 0.5
    wanted = reference.numbers["nocov_fixest"]
    assert fit.effect.value == pytest.approx(wanted["Estimate"], rel=TOLERANCE)
    assert plain * fixest_factor(1 + PERIODS) ** 0.5 == pytest.approx(
        wanted["Std. Error"], rel=TOLERANCE
    )


def _unweighted(panel: Panel) -> Panel:
    import dataclasses

    return dataclasses.replace(panel, rows=panel.rows.with_columns(weight=pl.lit(1.0)))


def test_interaction_weighted_event_study(reference: Reference) -> None:
    fit = event_study(reference.panel, with_averages=True)
    assert fit.linear is not None
    plain = np.sqrt(np.diag(covariance(fit, kind="cr0")))
    columns = 3 * (PERIODS - 1) + 1 + PERIODS
    errors = plain * fixest_factor(columns) ** 0.5
    found = {f"{e.estimand} {e.group}": (e.value, errors[j]) for j, e in enumerate(fit.effects)}
    numbers = reference.numbers
    wanted = {"overall ": numbers["sunab_att"]}
    for row in (*numbers["sunab_event"], *numbers["sunab_cohort"]):
        kind, _, group = row["term"].partition("::")
        if group:
            wanted[f"{'event_time' if kind == 'time' else 'cohort'} {group}"] = row
    assert len(wanted) == 1 + len(numbers["sunab_event"]) - 1 + 3
    for key, row in wanted.items():
        assert found[key][0] == pytest.approx(row["Estimate"], rel=TOLERANCE)
        error = row.get("Std. Error", row.get("Std..Error"))
        assert found[key][1] == pytest.approx(error, rel=TOLERANCE)


def test_imputation(reference: Reference) -> None:
    fit = imputation(reference.panel)
    numbers = reference.numbers
    assert fit.effect.value == pytest.approx(numbers["imputation_att"], rel=TOLERANCE)
    by_cohort = {e.group: e.value for e in fit.effects if e.estimand == "cohort"}
    weighted = reference.panel.values("weight").max() > 1
    effects = _effects_by_dense_least_squares(reference.panel)
    for cohort, wanted in numbers["imputation_by_cohort"].items():
        rows = reference.panel.treated & (reference.panel.first_treated == float(cohort))
        # The weighted block averages a cohort's effects without weights; ours keep them.
        assert effects[rows].mean() == pytest.approx(wanted, rel=TOLERANCE)
        weights = reference.panel.values("weight")[rows]
        own = np.average(effects[rows], weights=weights) if weighted else wanted
        assert by_cohort[cohort] == pytest.approx(own, rel=TOLERANCE)


def _effects_by_dense_least_squares(panel: Panel) -> FloatArray:
    dummies = [
        (codes[:, None] == np.arange(first, codes.max() + 1)).astype(float)
        for codes, first in ((panel.unit_codes, 0), (panel.period_codes, 1))
    ]
    design = np.column_stack([*dummies, panel.values("x")])
    outcome, root = panel.values("outcome"), np.sqrt(panel.values("weight"))
    untreated = ~panel.treated
    fitted = np.linalg.lstsq(
        (design * root[:, None])[untreated], (outcome * root)[untreated], rcond=None
    )[0]
    return np.asarray(outcome - design @ fitted)
