"""Our quantiles of Student's t are scipy's."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import ndtri, stdtrit

from evaluation.wording.student import quantile

# Both are worked out by series that end at the last bits of a double; heavy tails cost some more.
TOLERANCE = 1e-9


@given(df=st.floats(0.7, 5000), chance=st.floats(0.51, 0.9995))
def test_quantiles_are_those_of_scipy(df: float, chance: float) -> None:
    assert quantile(chance, df) == pytest.approx(float(stdtrit(df, chance)), rel=TOLERANCE)


@pytest.mark.parametrize("df", [None, math.nan, math.inf, 0.0, -1.0])
def test_without_degrees_of_freedom_they_are_the_normal_ones(df: float | None) -> None:
    assert quantile(0.975, df) == pytest.approx(float(ndtri(0.975)), rel=TOLERANCE)


@pytest.mark.parametrize(("df", "value"), [(1, 12.7062047361747), (5, 2.57058183563631)])
def test_they_are_those_of_printed_tables(df: float, value: float) -> None:
    assert quantile(0.975, df) == pytest.approx(value, rel=1e-12)
