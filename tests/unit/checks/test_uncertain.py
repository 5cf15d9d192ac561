"""What hidden counts could do: turn the answer at their ends, only at their worst, or not."""

from __future__ import annotations

import math

import pytest

from evaluation.checks import uncertain_counts
from evaluation.findings import Check, Effect, Estimate, Interval

HALF = 5.0


def _estimate(per_cent: float, group: str = "") -> Estimate:
    """Return an estimate in per cent, with a likely range of five points to either side."""
    value, low, high = (math.log1p(p / 100) for p in (per_cent, per_cent - HALF, per_cent + HALF))
    return Estimate(
        outcome="y",
        estimator="poisson",
        effect=Effect(
            estimand="bound" if group else "overall", value=value, scale="log", group=group
        ),
        interval=Interval(procedure="cr2", level=0.95, low=low, high=high),
        n_obs=9,
        n_units=9,
        n_sites=9,
        n_pilot_sites=4,
        is_primary=not group,
    )


def _checked(**ends: float) -> Check:
    estimates = [_estimate(-10), *(_estimate(value, group) for group, value in ends.items())]
    found = uncertain_counts("y", 3, 100, estimates)
    assert found is not None
    assert found.table.height == len(estimates)
    assert found.detail.startswith("3 of 100 counts are suppressed or rounded.")
    return found


def test_the_same_side_at_every_end_passes() -> None:
    found = _checked(low=-9, high=-11, lowest=-14, highest=-6)
    assert found.passed is True
    assert "between \N{MINUS SIGN}14.0% and \N{MINUS SIGN}6.0%" in found.detail
    assert not found.remedy


@pytest.mark.parametrize("turned", ["low", "high"])
def test_an_answer_that_all_low_or_all_high_turns_fails(turned: str) -> None:
    ends = {"low": -9.0, "high": -11.0, "lowest": -20.0, "highest": 2.0, turned: -2.0}
    found = _checked(**ends)
    assert found.passed is False
    assert "hangs on figures that nobody may see" in found.detail
    assert found.remedy


def test_what_only_the_worst_of_all_placings_turns_is_for_information() -> None:
    found = _checked(low=-9, high=-11, lowest=-20, highest=2)
    assert found.passed is None
    assert "Only each at its worst place, all at once, could turn it" in found.detail
    assert found.remedy


def test_without_a_primary_estimate_there_is_nothing_to_turn() -> None:
    assert uncertain_counts("y", 3, 100, [_estimate(-10, "low")]) is None
