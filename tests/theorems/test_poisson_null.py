"""The Poisson fit without treatment against statsmodels, and what must hold of it anyhow."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from evaluation.inference.poisson_null import null_means
from evaluation.panel import Panel

# Both iterate to a maximum; statsmodels is asked for 1e-12 in its coefficients.
EQUAL = 1e-8

FEW = settings(max_examples=10, deadline=None)
FloatArray = NDArray[np.float64]
Draw = Callable[..., Panel]


def by_statsmodels(panel: Panel, count: FloatArray, covariates: FloatArray | None) -> FloatArray:
    import statsmodels.api as sm

    unit, period = panel.unit_codes, panel.period_codes
    columns = [
        (unit[:, None] == np.arange(unit.max() + 1)).astype(float),
        (period[:, None] == np.arange(1, period.max() + 1)).astype(float),
    ]
    if covariates is not None:
        columns.append(covariates)
    model = sm.GLM(
        count,
        np.column_stack(columns),
        family=sm.families.Poisson(),
        offset=np.log(panel.values("exposure")),
    )
    fitted = model.fit(tol=1e-12, tol_criterion="params", maxiter=200)
    return np.asarray(fitted.fittedvalues, dtype=np.float64)


def fitted(
    panel: Panel, count: FloatArray, covariates: FloatArray | None, start: FloatArray | None = None
) -> FloatArray:
    return null_means(
        count, panel.values("exposure"), panel.unit_codes, panel.period_codes, covariates, start
    )


@FEW
@given(
    seed=st.integers(0, 10_000),
    missing=st.sampled_from([0.0, 0.2]),
    adjusted=st.booleans(),
    null=st.floats(-0.5, 0.5),
)
def test_means_are_those_of_statsmodels(
    draw: Draw, seed: int, missing: float, adjusted: bool, null: float
) -> None:
    panel = draw(seed, measure="rate", missing=missing)
    covariates = panel.values("x")[:, None] if adjusted else None
    count = panel.values("count") * np.exp(-null * panel.treatment)
    found = fitted(panel, count, covariates)
    assert found == pytest.approx(by_statsmodels(panel, count, covariates), rel=EQUAL)


@FEW
@given(seed=st.integers(0, 10_000), adjusted=st.booleans())
def test_where_it_starts_does_not_matter(draw: Draw, seed: int, adjusted: bool) -> None:
    panel = draw(seed, measure="rate", missing=0.1)
    covariates = panel.values("x")[:, None] if adjusted else None
    count = panel.values("count")
    near = fitted(panel, count * np.exp(0.1 * panel.treatment), covariates)
    again = fitted(panel, count, covariates, start=near)
    assert again == pytest.approx(fitted(panel, count, covariates), rel=EQUAL)


@FEW
@given(seed=st.integers(0, 10_000))
def test_a_covariate_that_the_effects_explain_moves_nothing(draw: Draw, seed: int) -> None:
    panel = draw(seed, measure="rate", missing=0.1)
    count = panel.values("count")
    redundant = np.column_stack([panel.unit_codes**2.0, panel.values("x"), 2 * panel.values("x")])
    found = fitted(panel, count, redundant)
    assert found == pytest.approx(fitted(panel, count, redundant[:, 1:2]), rel=EQUAL)


def test_margins_are_kept_and_units_and_periods_without_events_have_none(draw: Draw) -> None:
    panel = draw(3, measure="rate", missing=0.1)
    unit, period = panel.unit_codes, panel.period_codes
    count = panel.values("count").copy()
    count[(unit == 2) | (period == 1)] = 0.0
    mean = fitted(panel, count, None)
    for codes in (unit, period):
        margin = np.bincount(codes, count)
        assert np.bincount(codes, mean) == pytest.approx(margin, rel=EQUAL, abs=EQUAL)
    assert (mean[(unit == 2) | (period == 1)] == 0).all()
