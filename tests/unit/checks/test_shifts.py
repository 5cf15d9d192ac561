from __future__ import annotations

import numpy as np
import pytest
from numpy.random import Generator
from numpy.typing import NDArray

from evaluation.checks.shifts import (
    FAMILY_LEVEL,
    find_shifts,
    median_polish,
    pooled_rho,
    qn_scale,
)

FloatArray = NDArray[np.float64]

UNITS, MONTHS, LONGEST = 42, 48, 12
EXACT = 1e-9  # the same numbers by another order of operations
PERIODS = np.arange(24279, 24279 + MONTHS)
PANELS = 40


def _ar1(rng: Generator, shape: tuple[int, int], rho: float) -> FloatArray:
    noise = rng.normal(size=shape)
    for t in range(1, shape[1]):
        noise[:, t] = rho * noise[:, t - 1] + np.sqrt(1 - rho**2) * noise[:, t]
    return noise


def _typical(rng: Generator, kind: str) -> FloatArray:
    """Return logs of a break-free panel: unit levels, own seasons, common shocks, noise."""
    level = rng.normal(5.5, 0.5, (UNITS, 1))
    angle = 2 * np.pi * PERIODS / 12
    season = rng.normal(0.08, 0.04, (UNITS, 1)) * np.cos(angle)
    expected = level + season + rng.normal(0, 0.05, MONTHS)
    if kind == "poisson":
        return np.log(rng.poisson(np.exp(expected)))
    rho = {"white": 0.0, "ar 0.5": 0.5, "ar 0.8": 0.8}[kind]
    return expected + 0.06 * _ar1(rng, (UNITS, MONTHS), rho)


def test_median_polish_leaves_nothing_of_an_additive_table() -> None:
    rng = np.random.default_rng(1)
    table = rng.normal(size=(7, 1)) + rng.normal(size=9)
    table[2, 4] = np.nan
    left = median_polish(table)
    assert np.isnan(left[2, 4])
    assert np.nanmax(np.abs(left)) < EXACT


def test_median_polish_keeps_what_is_one_units_own() -> None:
    table = np.tile(np.arange(9.0), (8, 1))
    table[3, 5] += 2
    left = median_polish(table)
    assert left[3, 5] == pytest.approx(2, abs=EXACT)
    assert np.abs(left).sum() == pytest.approx(2, abs=EXACT)


def test_qn_is_the_standard_deviation_of_normal_values_and_withstands_outliers() -> None:
    rng = np.random.default_rng(2)
    sample = 3 * rng.normal(size=2000)
    assert qn_scale(sample) == pytest.approx(3, rel=0.05)  # Monte Carlo error 1.8%
    sample[:400] += 100
    assert qn_scale(sample) < 3 * 1.6  # 20% of outliers; the standard deviation is 40


def test_qn_of_pairs_by_hand() -> None:
    # n = 4: h = 3, the third smallest of 1, 1, 2, 3, 4, 5 (differences of 0, 1, 2, 5).
    expected = 2.2219 * 4 / (4 + 3.8) * 2
    assert qn_scale(np.array([0.0, 1.0, 2.0, 5.0])) == pytest.approx(expected, abs=EXACT)


@pytest.mark.parametrize("rho", [0.0, 0.5, 0.8])
def test_rho_is_recovered_and_not_inflated_by_shifts(rho: float) -> None:
    noise = _ar1(np.random.default_rng(3), (400, 60), rho)
    noise[:, 30:] += 8
    # Medians of short series: a bias of some hundredths remains.
    assert pooled_rho(list(noise)) == pytest.approx(rho, abs=0.1)


def test_the_size_is_that_of_generalised_least_squares_across_a_gap() -> None:
    rng = np.random.default_rng(4)
    table = 0.05 * _ar1(rng, (UNITS, MONTHS), 0.5)
    table[0, 20:24] -= 0.9
    table[0, 10:13] = np.nan
    (found,) = find_shifts(table, PERIODS, per_year=1, longest=LONGEST)
    assert (found.unit, found.first, found.last) == (0, PERIODS[20], PERIODS[23])
    left = median_polish(table)
    rho = pooled_rho(list(left))
    seen = np.isfinite(left[0])
    at = PERIODS[seen]
    inverse = np.linalg.inv(rho ** np.abs(at[:, None] - at[None, :]))
    design = np.column_stack([np.ones(len(at)), (at >= found.first) & (at <= found.last)])
    dense = np.linalg.solve(design.T @ inverse @ design, design.T @ inverse @ left[0][seen])
    assert found.size == pytest.approx(dense[1], rel=1e-7)  # a dense inverse is less exact


@pytest.mark.parametrize("kind", ["white", "ar 0.5", "ar 0.8", "poisson"])
def test_false_alarms_on_break_free_panels_are_rare(kind: str) -> None:
    rng = np.random.default_rng(5)
    alarms = sum(
        bool(find_shifts(_typical(rng, kind), PERIODS, per_year=12, longest=LONGEST))
        for _ in range(PANELS)
    )
    # At 1% of panels more than 3 of 40 happen once in 2,500; counts of 100 and fewer a month
    # have longer tails (measured on 400 panels: white 0.6%, AR 0.5%, AR .8 1.3%, Poisson 2.8%).
    assert FAMILY_LEVEL == 0.01
    assert alarms <= 3


@pytest.mark.parametrize("length", [1, 4, 9])
def test_a_dip_of_two_fifths_is_found_where_it_is(length: int) -> None:
    rng = np.random.default_rng(6)
    right = 0
    for _ in range(PANELS):
        table = _typical(rng, "ar 0.5")
        table[7, 30 : 30 + length] += np.log(0.6)
        found = find_shifts(table, PERIODS, per_year=12, longest=LONGEST)
        right += any(
            s.unit == 7
            and not s.lasting
            and abs(s.first - PERIODS[30]) <= 1
            and abs(s.last - PERIODS[30 + length - 1]) <= 1
            for s in found
        )
    assert right >= 0.85 * PANELS


def test_a_lasting_fall_is_found_as_one() -> None:
    table = _typical(np.random.default_rng(7), "ar 0.5")
    table[5, 20:] += np.log(0.5)
    found = [s for s in find_shifts(table, PERIODS, per_year=12, longest=LONGEST) if s.unit == 5]
    assert [(s.first, s.last, s.lasting) for s in found] == [(PERIODS[20], PERIODS[-1], True)]
    assert found[0].statistic < -found[0].threshold


def test_what_all_units_share_is_no_break() -> None:
    table = _typical(np.random.default_rng(8), "ar 0.5")
    table[:, 25:30] += np.log(0.3)
    assert find_shifts(table, PERIODS, per_year=12, longest=LONGEST) == ()


def test_breaks_in_a_third_of_the_units_do_not_spread_to_the_rest() -> None:
    table = _typical(np.random.default_rng(9), "ar 0.5")
    table[:14, 25:30] += np.log(0.3)
    found = find_shifts(table, PERIODS, per_year=12, longest=LONGEST)
    assert {s.unit for s in found} == set(range(14))


def test_series_without_noise_are_left_alone() -> None:
    assert find_shifts(np.ones((10, 20)), PERIODS[:20], per_year=12, longest=LONGEST) == ()
    assert find_shifts(np.full((10, 20), np.nan), PERIODS[:20], per_year=12, longest=4) == ()
