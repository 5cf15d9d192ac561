"""The reduction of balanced panels against the estimators and sandwiches of the general route."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evaluation.estimators import twfe
from evaluation.inference.cluster_robust import covariance
from evaluation.inference.engine import product_weights, reduce_arrays, reduce_panel
from evaluation.panel import Panel

# Two ways to the same sums in double precision.
EQUAL = 1e-9

FEW = settings(max_examples=12, deadline=None)
Draw = Callable[..., Panel]


def reducible(draw: Draw, seed: int, *, per_site: int = 1, by_period: bool = False) -> Panel:
    """Return a panel without covariates whose weights are products of unit and period parts."""
    panel = draw(seed, per_site=per_site, shape=(12, 7))
    random = np.random.default_rng(seed)
    weight = random.uniform(0.5, 4, 12)[panel.unit_codes]
    if by_period:
        weight = weight * random.uniform(0.5, 2, 7)[panel.period_codes]
    rows = panel.rows.with_columns(weight=pl.Series(weight))
    return dataclasses.replace(panel, rows=rows, covariates=())


@FEW
@given(seed=st.integers(0, 10_000), per_site=st.sampled_from([1, 2, 3]), by_period=st.booleans())
def test_coefficient_and_cr1_are_those_of_the_general_route(
    draw: Draw, seed: int, per_site: int, by_period: bool
) -> None:
    panel = reducible(draw, seed, per_site=per_site, by_period=by_period)
    reduced = reduce_panel(panel)
    fit = twfe(panel)
    assert reduced is not None
    assert fit.linear is not None
    assert reduced.coefficient == pytest.approx(fit.effect.value, rel=EQUAL, abs=EQUAL)
    by_site = np.bincount(reduced.site, weights=reduced.scores())
    plain = (by_site**2).sum() / reduced.information**2
    assert plain == pytest.approx(covariance(fit.linear, kind="cr0")[0, 0], rel=EQUAL)


@FEW
@given(seed=st.integers(0, 10_000), null=st.floats(-5, 5))
def test_imposing_a_null_moves_the_coefficient_by_it(draw: Draw, seed: int, null: float) -> None:
    reduced = reduce_panel(reducible(draw, seed))
    assert reduced is not None
    moved = reduced.imposing(null)
    assert moved.coefficient == pytest.approx(reduced.coefficient - null, rel=EQUAL, abs=EQUAL)
    assert moved.scores() == pytest.approx(reduced.scores(), rel=EQUAL, abs=EQUAL)
    assert moved.scores(0.0) == pytest.approx(reduced.scores(null), rel=EQUAL, abs=EQUAL)
    assert reduced.scores().sum() == pytest.approx(0, abs=EQUAL * np.abs(reduced.scores()).max())


def test_what_cannot_be_reduced_is_left_to_the_general_route(draw: Draw) -> None:
    panel = reducible(draw, 1)
    rows = panel.rows
    adjusted = rows.with_columns(x=pl.col("outcome") ** 2)
    assert reduce_panel(dataclasses.replace(panel, rows=adjusted, covariates=("x",))) is None
    assert reduce_panel(dataclasses.replace(panel, rows=rows[1:])) is None
    uneven = rows.with_columns(weight=pl.int_range(1, rows.height + 1).cast(pl.Float64) ** 2)
    assert reduce_panel(dataclasses.replace(panel, rows=uneven)) is None


def test_weights_constant_in_time_keep_their_very_bytes() -> None:
    unit = np.array([1.1, 2.3, 0.7])
    parts = product_weights(np.repeat(unit[:, None], 4, axis=1))
    assert parts is not None
    assert (parts[0] == unit).all()
    assert (parts[1] == 1).all()


def test_a_dose_is_a_path_like_any_other() -> None:
    random = np.random.default_rng(5)
    treatment = np.zeros((5, 6))
    treatment[0] = [0, 0, 0.2, 0.4, 0.9, 1]
    treatment[1] = 3  # always the same: tells nothing
    reduced = reduce_arrays(
        random.normal(size=(5, 6)),
        treatment,
        unit_weights=np.ones(5),
        period_weights=np.ones(6),
        site=np.arange(5),
    )
    assert reduced.assigned.shape == (5, 1)
    assert reduced.assigned[:, 0].tolist() == [1, 0, 0, 0, 0]
