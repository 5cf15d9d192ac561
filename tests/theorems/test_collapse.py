"""Collapsing a panel to its sites."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evaluation.estimators import poisson, twfe
from evaluation.inference.cluster_robust import covariance
from evaluation.inference.collapse import collapse
from evaluation.panel import Adoption, Panel

# Two ways to the same sums in double precision.
EQUAL = 1e-9

FEW = settings(max_examples=10, deadline=None)
Draw = Callable[..., Panel]


def constant_weights(draw: Draw, seed: int, per_site: int) -> Panel:
    """Return a panel without covariates, its weights constant in time."""
    panel = draw(seed, per_site=per_site, shape=(12, 7))
    weight = np.random.default_rng(seed).uniform(0.5, 4, 12)[panel.unit_codes]
    rows = panel.rows.with_columns(weight=pl.Series(weight))
    return dataclasses.replace(panel, rows=rows, covariates=())


@FEW
@given(seed=st.integers(0, 10_000), per_site=st.sampled_from([1, 2, 3]))
def test_coefficient_and_cr1_survive_the_collapse(draw: Draw, seed: int, per_site: int) -> None:
    panel = constant_weights(draw, seed, per_site)
    before, after = twfe(panel), twfe(collapse(panel).panel)
    assert after.effect.value == pytest.approx(before.effect.value, rel=EQUAL, abs=EQUAL)
    assert before.linear is not None
    assert after.linear is not None
    assert covariance(after.linear, kind="cr1")[0, 0] == pytest.approx(
        covariance(before.linear, kind="cr1")[0, 0], rel=EQUAL
    )


@pytest.mark.parametrize("missing", [0.0, 0.2])
def test_one_unit_sites_stay_as_they_are(draw: Draw, missing: float) -> None:
    panel = draw(4, missing=missing, measure="rate")
    collapsed = collapse(panel).panel
    columns = ["period", "outcome", "weight", "x", "count", "exposure"]
    assert np.allclose(collapsed.rows.select(columns), panel.rows.select(columns), rtol=EQUAL)
    assert collapsed.treated.tolist() == panel.treated.tolist()
    assert poisson(collapsed).effect.value == pytest.approx(poisson(panel).effect.value, rel=EQUAL)


def test_counts_are_summed_and_rates_stay_rates(draw: Draw) -> None:
    panel = draw(5, per_site=2, measure="rate")
    rows = collapse(panel).panel.rows
    assert rows["count"].sum() == panel.rows["count"].sum()
    rate = panel.per * rows["count"] / rows["exposure"]
    assert rows["outcome"].to_numpy() == pytest.approx(rate.to_numpy(), rel=EQUAL)


def test_units_that_start_apart_make_a_site_treated_in_part(draw: Draw) -> None:
    panel = constant_weights(draw, 6, 2)
    adoption = Adoption(site=panel.adoption.site, first_treated={"u00": 2, "u01": 4})
    collapsed = collapse(panel.with_adoption(adoption))
    weight = panel.values("weight").reshape(12, 7)[:2, 0]
    share = weight[0] / weight.sum()
    assert collapsed.is_dosed
    assert collapsed.treatment[0] == pytest.approx([0, 0, share, share, 1, 1, 1])
    assert (collapsed.treatment[1:] == 0).all()
    assert collapsed.panel.adoption.first_treated == {"s00": 2}


def test_a_path_has_no_gap_where_its_site_was_not_observed(draw: Draw) -> None:
    panel = draw(7, starts=(3,))
    rows = panel.rows.filter(~((pl.col("unit") == "u00") & (pl.col("period") >= 4)))
    collapsed = collapse(dataclasses.replace(panel, rows=rows))
    assert collapsed.treatment[0].tolist() == [0, 0, 0, 1, 1, 1]
    assert collapsed.weight[0, 4:].tolist() == [0, 0]


def test_paths_dealt_out_anew_make_the_panel_of_that_adoption(draw: Draw) -> None:
    panel = draw(8, starts=(3, 4))
    collapsed = collapse(panel)
    moved = collapsed.reassigned(collapsed.treatment[::-1])
    assert moved.adoption.first_treated == {"s09": 3, "s08": 3, "s07": 4, "s06": 4}
    again = collapsed.reassigned(collapsed.treatment)
    assert again.treatment.tolist() == panel.treatment.tolist()


def test_a_dose_is_averaged_and_carried_forward(draw: Draw) -> None:
    panel = draw(9, starts=(3,))
    dose = np.where(panel.treated, panel.values("period") / 10, 0.0)
    rows = panel.rows.with_columns(dose=pl.Series(dose))
    rows = rows.filter(~((pl.col("unit") == "u01") & (pl.col("period") == 5)))
    collapsed = collapse(dataclasses.replace(panel, rows=rows))
    assert collapsed.treatment[0] == pytest.approx([0, 0, 0, 0.3, 0.4, 0.5])
    assert collapsed.treatment[1] == pytest.approx([0, 0, 0, 0.3, 0.4, 0.4])
    swapped = collapsed.reassigned(collapsed.treatment[[9, 8, 2, 3, 4, 5, 6, 7, 1, 0]])
    assert swapped.values("dose")[-6:] == pytest.approx([0, 0, 0, 0.3, 0.4, 0.5])
