"""Inverting a test: the ends are where the p-value crosses the level, or there is none."""

from __future__ import annotations

import math
from collections.abc import Callable
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluation.errors import EstimationError
from evaluation.inference.inversion import invert

# What `invert` is asked for, in standard errors; the last bracket's half width.
TOLERANCE = 1e-6
Z = NormalDist().inv_cdf(0.975)


def normal_test(estimate: float, scale: float) -> Callable[[float], float]:
    return lambda value: 2 * NormalDist().cdf(-abs(value - estimate) / scale)


@pytest.mark.parametrize("estimate", [0.0, 0.3, -2.0, 40.0, -1e4])
@pytest.mark.parametrize("scale", [1e-3, 1.0, 50.0])
def test_normal_p_values_give_the_normal_interval(estimate: float, scale: float) -> None:
    ends = invert(normal_test(estimate, scale), estimate=estimate, scale=scale, level=0.95)
    wanted = (estimate - Z * scale, estimate + Z * scale)
    assert ends == pytest.approx(wanted, rel=1e-12, abs=TOLERANCE * scale)


def test_a_poor_guess_of_the_scale_does_no_harm() -> None:
    for guess in (1e-3, 0.1, 30.0, 1e4):
        ends = invert(normal_test(1.0, 1.0), estimate=1.0, scale=guess, level=0.95, tolerance=1e-9)
        assert ends == pytest.approx((1 - Z, 1 + Z), abs=1e-9 * guess)


@given(
    estimate=st.floats(-5, 5),
    jumps=st.lists(st.floats(0, 8), min_size=40, max_size=40),
    level=st.sampled_from([0.8, 0.9, 0.95]),
)
def test_zero_is_in_the_interval_exactly_when_it_is_not_rejected(
    estimate: float, jumps: list[float], level: float
) -> None:
    # A resampling p-value is a staircase: here the share of 41 fixed distances that are as far.
    distances = np.array(jumps)

    def p_value(value: float) -> float:
        return (1 + int((distances >= abs(value - estimate)).sum())) / 41

    low, high = invert(p_value, estimate=estimate, scale=1.0, level=level)
    assert low <= estimate <= high
    assert (low <= 0 <= high) == (p_value(0.0) > 1 - level)
    assert p_value(high + 2 * TOLERANCE) <= 1 - level
    assert p_value(high - 2 * TOLERANCE) > 1 - level or high - estimate <= 2 * TOLERANCE


def test_a_value_at_the_level_itself_is_rejected() -> None:
    # p is .05 from 3 on, and above it nearer in.
    ends = invert(
        lambda value: 1 - 0.95 if abs(value) >= 3 else 0.9, estimate=0.0, scale=1.0, level=0.95
    )
    assert ends == pytest.approx((-3, 3), abs=1.01 * TOLERANCE)


def test_an_end_is_infinite_where_nothing_is_rejected() -> None:
    def one_sided(value: float) -> float:
        return 1.0 if value > 0.5 else 2 * NormalDist().cdf(value - 0.5)

    low, high = invert(one_sided, estimate=0.5, scale=1.0, level=0.95)
    assert low == pytest.approx(0.5 - Z, abs=TOLERANCE)
    assert high == math.inf
    assert invert(lambda _: 0.06, estimate=1.0, scale=1.0, level=0.95) == (-math.inf, math.inf)


def test_the_search_stops_where_it_is_told_to() -> None:
    asked = []

    def p_value(value: float) -> float:
        asked.append(value)
        return 1.0

    assert invert(p_value, estimate=1.0, scale=0.5, level=0.95, furthest=60)[1] == math.inf
    assert max(asked) <= 1 + 60 * 0.5
    assert min(asked) >= 1 - 60 * 0.5


def test_smooth_p_values_need_few_calls() -> None:
    asked = []

    def p_value(value: float) -> float:
        asked.append(value)
        return normal_test(0.7, 1.0)(value)

    invert(p_value, estimate=0.7, scale=1.1, level=0.95, tolerance=1e-4)
    # Bisection needs 2 + 2 x 14.
    assert len(asked) <= 16


def test_an_empty_interval_and_a_senseless_scale_are_errors() -> None:
    with pytest.raises(EstimationError, match="rejects its own estimate"):
        invert(lambda _: 0.01, estimate=1.0, scale=1.0, level=0.95)
    for scale in (0.0, -1.0, math.nan, math.inf):
        with pytest.raises(EstimationError, match="standard error above 0"):
            invert(lambda _: 1.0, estimate=1.0, scale=scale, level=0.95)
