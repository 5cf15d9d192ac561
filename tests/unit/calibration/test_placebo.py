"""Placebo pilots have the real one's shape and touch nothing treated, or say what is needed."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from evaluation.calibration import design, placebo
from evaluation.calibration.placebo import untouched
from evaluation.errors import EstimationError
from evaluation.panel import Adoption, Panel
from evaluation.periods import Calendar, Frequency

FIRST = 24276  # January 2023


def panel(
    *,
    comparison: int = 20,
    before: int = 24,
    after: int = 6,
    sites: tuple[tuple[int, int], ...] = ((1, 0), (3, 2), (2, 1)),
    per_site: int = 1,
    frequency: Frequency = "month",
) -> Panel:
    """Return pilot sites of (units, later start), and comparison sites of ``per_site`` units."""
    site, first_treated = {}, {}
    for number, (units, late) in enumerate(sites):
        for unit in range(units):
            site[f"pilot {number}{unit}"] = f"site {number}"
            first_treated[f"pilot {number}{unit}"] = FIRST + before + late
    for unit in range(comparison):
        site[f"other {unit:02d}"] = f"group {unit // per_site:02d}"
    names, periods = sorted(site), range(FIRST, FIRST + before + after)
    values = np.random.default_rng(0).normal(size=len(names) * len(periods))
    rows = pl.DataFrame(
        {
            "unit": [name for name in names for _ in periods],
            "period": [period for _ in names for period in periods],
            "outcome": values,
            "weight": np.ones(values.size),
        }
    )
    return Panel(
        rows=rows,
        adoption=Adoption(site=site, first_treated=first_treated),
        calendar=Calendar(frequency=frequency),
        key="falls",
    )


def drawn(whole: Panel, seed: int) -> Panel:
    return placebo(untouched(whole), design(whole), np.random.default_rng(seed))


@pytest.mark.parametrize("seed", range(20))
def test_a_placebo_pilot_has_the_shape_of_the_real_one(seed: int) -> None:
    found = drawn(panel(), seed).adoption
    assert found.pilot_sites == ("placebo site 1", "placebo site 2", "placebo site 3")
    starts = {s: {found.first_treated[u] for u in found.units_of(s)} for s in found.pilot_sites}
    assert [len(found.units_of(s)) for s in found.pilot_sites] == [1, 3, 2]
    (first,) = starts["placebo site 1"]
    assert starts["placebo site 2"] == {first + 2}
    assert starts["placebo site 3"] == {first + 1}
    assert len(found.comparison_sites) == 20 - 6


@pytest.mark.parametrize("seed", range(20))
def test_nothing_treated_enters_and_there_is_time_before_and_after(seed: int) -> None:
    found = drawn(panel(), seed)
    assert all(unit.startswith("other") for unit in found.units)
    first = min(found.adoption.first_treated.values())
    before = [p for p in found.periods if p < first]
    assert len(before) >= 12
    assert len(found.periods) - len(before) == 6
    assert max(found.periods) < FIRST + 24


def test_every_admissible_date_and_unit_is_drawn() -> None:
    plan = design(panel())
    assert plan.dates == tuple(range(FIRST + 12, FIRST + 19))
    pilots = [drawn(panel(), seed).adoption for seed in range(200)]
    assert {min(p.first_treated.values()) for p in pilots} == set(plan.dates)
    assert {unit for p in pilots for unit in p.first_treated} == {
        f"other {unit:02d}" for unit in range(20)
    }


def test_comparison_sites_of_several_units_are_taken_whole() -> None:
    whole = panel(comparison=40, per_site=4)
    plan = design(whole)
    assert plan.whole_sites
    found = drawn(whole, 1).adoption
    assert [len(found.units_of(s)) for s in found.pilot_sites] == [4, 4, 4]
    assert len(found.comparison_sites) == 7


def test_a_long_follow_up_is_cut_to_what_there_is_and_said() -> None:
    plan = design(panel(before=20, after=18))
    assert (plan.follow_up, plan.real_follow_up) == (10, 18)
    assert "10 periods from the first start on, where the real study has 18" in plan.in_words(
        Calendar(frequency="month")
    )


def test_in_words_it_says_what_is_drawn_from_what() -> None:
    assert design(panel()).in_words(Calendar(frequency="month")) == (
        "sites of 1, 3 and 2 units drawn at random from 20 comparison units; first start from "
        "January 2024 to July 2024, the others as much later as in the pilot; 6 periods from the "
        "first start on"
    )


@pytest.mark.parametrize("comparison", [0, 1, 8])
def test_too_few_comparison_units_are_refused_with_the_number_needed(comparison: int) -> None:
    with pytest.raises(EstimationError) as refused:
        design(panel(comparison=comparison), place="falls")
    assert f"there are {comparison} comparison sites" in str(refused.value)
    assert "9 or more comparison sites: 6 to take and 3 to compare with" in str(refused.value)
    design(panel(comparison=9))


@pytest.mark.parametrize("frequency", ["month", "year", "index"])
def test_too_few_periods_are_refused_with_the_number_needed(frequency: Frequency) -> None:
    needed = 0
    for before in range(1, 12):
        if before == needed:
            design(panel(before=before, frequency=frequency))
            return
        with pytest.raises(EstimationError) as refused:
            design(panel(before=before, frequency=frequency))
        assert f"there are {before} periods before the first start" in str(refused.value)
        needed = int(refused.value.allowed.split()[0])
    pytest.fail("eleven periods are enough")


def test_without_a_pilot_there_is_nothing_to_imitate() -> None:
    with pytest.raises(EstimationError, match="no pilot to imitate"):
        design(panel(sites=()))
