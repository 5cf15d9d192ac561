"""Identities of the Poisson estimator."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evaluation.errors import EstimationError
from evaluation.estimators import poisson
from evaluation.inference.cluster_robust import covariance
from evaluation.panel import Panel

# Newton's method stops where coefficients move less than 1e-9, and by then moves far less.
EQUAL = 1e-9

FEW = settings(max_examples=12, deadline=None)
Draw = Callable[..., Panel]


def test_two_units_and_two_periods_give_the_log_ratio_of_ratios(draw: Draw) -> None:
    panel = draw(1, starts=(1,), measure="rate", shape=(2, 2))
    one = dataclasses.replace(panel.adoption, first_treated={"u00": 1})
    panel = dataclasses.replace(panel, adoption=one, covariates=())
    rate = (panel.values("count") / panel.values("exposure")).reshape(2, 2)
    fit = poisson(panel)
    expected = np.log(rate[0, 1] / rate[0, 0] / (rate[1, 1] / rate[1, 0]))
    assert fit.effect.value == pytest.approx(expected, abs=EQUAL)
    assert fit.effect.observed == pytest.approx(1000 * rate[0, 1])


@FEW
@given(seed=st.integers(0, 10_000))
def test_the_maximum_solves_the_score_equations(draw: Draw, seed: int) -> None:
    panel = draw(seed, measure="rate", missing=0.1)
    linear = poisson(panel).linear
    assert linear is not None
    scores = linear.x.T @ (linear.weights * linear.residual)
    assert scores == pytest.approx(np.zeros(scores.size), abs=1e-6 * linear.weights.sum())
    by_unit = np.bincount(linear.unit, linear.weights * linear.residual)
    assert by_unit == pytest.approx(np.zeros(by_unit.size), abs=1e-8)


def test_the_scale_of_counts_or_exposures_moves_neither_effect_nor_error(draw: Draw) -> None:
    panel = draw(2, measure="rate")
    first = poisson(panel)
    for column in ("count", "exposure"):
        scaled = panel.rows.with_columns(7 * pl.col(column))
        other = poisson(dataclasses.replace(panel, rows=scaled))
        assert other.effect.value == pytest.approx(first.effect.value, abs=EQUAL)
        assert first.linear is not None
        assert other.linear is not None
        for kind in ("cr1", "cr2"):
            assert covariance(other.linear, kind=kind) == pytest.approx(
                covariance(first.linear, kind=kind), rel=1e-6
            )


def test_a_count_is_a_rate_with_equal_exposures(draw: Draw) -> None:
    panel = draw(3, measure="rate")
    flat = dataclasses.replace(panel, rows=panel.rows.with_columns(exposure=pl.lit(500.0)))
    count = dataclasses.replace(panel, measure="count")
    assert poisson(flat).effect.value == pytest.approx(poisson(count).effect.value, abs=EQUAL)


def test_the_plain_sandwich_is_that_of_statsmodels(draw: Draw) -> None:
    import statsmodels.api as sm

    panel = draw(4, per_site=2, starts=(3,), measure="rate", shape=(12, 6))
    fit = poisson(panel)
    dummies = [
        codes[:, None] == np.arange(first, codes.max() + 1)
        for codes, first in ((panel.unit_codes, 0), (panel.period_codes, 1))
    ]
    design = np.column_stack([panel.treatment, panel.values("x"), *dummies]).astype(float)
    other = sm.GLM(
        panel.values("count"),
        design,
        family=sm.families.Poisson(),
        offset=np.log(panel.values("exposure")),
    ).fit(
        cov_type="cluster",
        cov_kwds={"groups": panel.site_codes, "use_correction": False},
        tol=1e-12,
    )
    assert fit.effect.value == pytest.approx(other.params[0], abs=EQUAL)
    assert fit.linear is not None
    assert covariance(fit.linear, kind="cr0")[0, 0] ** 0.5 == pytest.approx(other.bse[0], rel=1e-7)


def test_units_and_periods_without_events_leave_with_a_caveat_and_change_nothing(
    draw: Draw,
) -> None:
    panel = draw(5, measure="rate")
    empty = (pl.col("unit") == "u08") | (pl.col("period") == 5)
    silent = dataclasses.replace(
        panel, rows=panel.rows.with_columns(count=pl.when(empty).then(0.0).otherwise("count"))
    )
    without = dataclasses.replace(panel, rows=panel.rows.filter(~empty))
    one, other = poisson(silent), poisson(without)
    assert one.effect.value == pytest.approx(other.effect.value, abs=EQUAL)
    assert (one.n_obs, one.n_units, one.n_sites) == (other.n_obs, other.n_units, other.n_sites)
    assert any(
        "1 unit has no event in any period" in text and "u08" in text for text in one.caveats
    )
    assert any("9 further observations" in text for text in one.caveats)
    assert other.caveats == poisson(panel).caveats


def test_a_zero_that_only_its_own_effects_explain_is_found(draw: Draw) -> None:
    # Unit u09 has events in period 0 alone, and nobody else is observed there: the period's effect
    # is free to carry them, so that its later zeros can be fitted exactly.
    panel = draw(6, measure="rate")
    later_zero = (pl.col("unit") == "u09") & (pl.col("period") > 0)
    rows = panel.rows.filter((pl.col("unit") == "u09") | (pl.col("period") > 0)).with_columns(
        count=pl.when(later_zero).then(0.0).otherwise("count")
    )
    fit = poisson(dataclasses.replace(panel, rows=rows))
    rest = dataclasses.replace(
        panel, rows=panel.rows.filter((pl.col("unit") != "u09") & (pl.col("period") > 0))
    )
    assert fit.effect.value == pytest.approx(poisson(rest).effect.value, abs=EQUAL)
    assert any("5 further observations" in text for text in fit.caveats)


def test_pilot_sites_without_events_after_the_start_are_an_error(draw: Draw) -> None:
    panel = draw(7, measure="rate")
    silent = panel.rows.with_columns(
        count=pl.when(pl.Series(panel.treated)).then(0.0).otherwise("count")
    )
    with pytest.raises(EstimationError, match="counts that carry the effect are all zero"):
        poisson(dataclasses.replace(panel, rows=silent))
