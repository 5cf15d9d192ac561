from __future__ import annotations

import tomllib
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from evaluation.checks import check_breaks
from evaluation.panel import Panel

FloatArray = NDArray[np.float64]
MakePanel = Callable[..., Panel]

UNITS, MONTHS = 20, 36
ICBS = ("QWU", "QF7", *(f"U{i:02d}" for i in range(UNITS - 2)))
STARTS = {"QWU": "2025-10", "QF7": "2025-10"}


def _steady(seed: int = 1, noise: float = 0.04) -> FloatArray:
    rng = np.random.default_rng(seed)
    table = np.log(rng.uniform(50, 500, (UNITS, 1))) + rng.normal(0, 0.05, MONTHS)
    return np.exp(table + noise * rng.normal(size=(UNITS, MONTHS)))


def test_a_temporary_dip_in_a_pilot_area_is_told_in_plain_words(make_panel: MakePanel) -> None:
    values = _steady()
    values[0, 14:16] *= 0.4  # June and July 2024
    check = check_breaks(make_panel(values, units=ICBS, starts=STARTS))
    assert check.passed is False
    assert not check.blocking
    (found,) = check.table.to_dicts()
    assert (found["unit"], found["first"], found["last"]) == ("QWU", "2024-05", "2024-08")
    assert found["problem"].startswith("Coventry and Warwickshire (QWU): a sudden fall of ")
    assert "in June 2024 to July 2024, and back to about the level before" in found["problem"]
    # Two of 30 months at 40%: the level before is 4% low, for one of two pilot areas.
    assert "too high" in found["effect_on_estimate"]
    (cut,) = tomllib.loads(found["remedy"])["exclude"]
    assert (cut["unit"], cut["first"], cut["last"]) == ("QWU", "2024-05", "2024-08")
    assert cut["reason"]
    assert "Coventry and Warwickshire" in check.detail
    assert "Pilot areas" in check.detail


def test_an_effect_of_the_pilot_is_no_break(make_panel: MakePanel) -> None:
    values = _steady()
    values[:2, 30:] *= 0.5
    assert check_breaks(make_panel(values, units=ICBS, starts=STARTS)).passed is True
    assert check_breaks(make_panel(values, units=ICBS)).passed is False


def test_a_level_that_stays_lower_after_a_dip_is_said(make_panel: MakePanel) -> None:
    values = _steady()
    values[5, 14:16] *= 0.3
    values[5, 16:] *= 0.8
    (found, *_) = check_breaks(make_panel(values, starts={"U00": "2025-10"})).table.to_dicts()
    assert "below the level before since" in found["problem"]
    assert "# Since then it is " in found["remedy"]
    assert tomllib.loads(found["remedy"])["exclude"][0]["unit"] == "U05"


def test_a_lasting_jump_of_a_comparison_area_leaves_it_out(make_panel: MakePanel) -> None:
    values = _steady()
    values[5, 18:] *= 2.5
    (found,) = check_breaks(make_panel(values, starts={"U00": "2025-10"})).table.to_dicts()
    assert "a sudden rise to 2." in found["problem"]
    assert "from October 2024, which lasts" in found["problem"]
    (left_out,) = tomllib.loads(found["remedy"])["comparison"]["exclude"]
    assert left_out["unit"] == "U05"


def test_a_lasting_jump_near_the_beginning_cuts_the_beginning(make_panel: MakePanel) -> None:
    values = _steady()
    values[[0, 5], :5] *= 0.4
    check = check_breaks(make_panel(values, starts={"U00": "2025-10"}))
    for found in check.table.to_dicts():
        (cut,) = tomllib.loads(found["remedy"])["exclude"]
        assert (cut["first"], cut["last"]) == ("2023-04", "2023-08")
    assert check.table["unit"].to_list() == ["U00", "U05"]


def test_a_jump_just_before_the_start_of_a_pilot_area_cannot_be_cut(make_panel: MakePanel) -> None:
    values = _steady()
    values[0, 27:] *= 0.4
    (found,) = check_breaks(make_panel(values, starts={"U00": "2025-10"})).table.to_dicts()
    assert "Too few values lie between" in found["remedy"]
    assert tomllib.loads(found["remedy"])["exclude"][0]["unit"] == "U00"


def test_a_report_of_zeros_is_found(make_panel: MakePanel) -> None:
    values = _steady()
    values[5, 14:17] = 0.0
    (found,) = check_breaks(make_panel(values)).table.to_dicts()
    assert found["value"].startswith("-")
    assert (found["first"], found["last"]) == ("2024-05", "2024-09")


def test_small_jumps_are_not_worth_a_finding(make_panel: MakePanel) -> None:
    values = _steady(noise=0.005)
    values[[0, 5], 14:18] *= 0.85
    found = check_breaks(make_panel(values, starts={"U00": "2025-10"})).table
    assert found["unit"].to_list() == ["U00"]  # 15% matters in a pilot area only


def test_small_counts_are_not_tested(make_panel: MakePanel) -> None:
    rng = np.random.default_rng(3)
    counts = rng.poisson(3, (UNITS, MONTHS)).astype(float)
    check = check_breaks(make_panel(counts, measure="count", columns={"count": counts}))
    assert check.passed is None
    assert "large enough counts" in check.detail
    counts[:15] = rng.poisson(200, (15, MONTHS))
    check = check_breaks(make_panel(counts, measure="count", columns={"count": counts}))
    assert check.passed is True
    assert "5 areas with a usual count under 10 could not be tested" in check.detail


def test_too_few_units_or_periods_is_said(make_panel: MakePanel) -> None:
    for part in (_steady()[:7], _steady()[:, :11]):
        check = check_breaks(make_panel(part))
        assert check.passed is None
        assert "at least 8 units and 12 periods" in check.detail


def test_steady_figures_pass(make_panel: MakePanel) -> None:
    check = check_breaks(make_panel(_steady(), starts={"U00": "2025-10"}))
    assert check.passed is True
    assert check.table.is_empty()
