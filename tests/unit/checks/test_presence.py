from __future__ import annotations

import tomllib
from collections.abc import Callable

import numpy as np
import polars as pl
from numpy.typing import NDArray

from evaluation.checks import (
    DATA_CHECKS,
    check_after,
    check_before,
    check_coverage,
    check_gaps,
    check_impossible,
    check_late_starts,
    check_missing,
    check_sites,
    check_stops,
)
from evaluation.findings import Check
from evaluation.panel import Adoption, Panel
from evaluation.periods import Calendar

FloatArray = NDArray[np.float64]
MakePanel = Callable[..., Panel]

# Columns that findings.Check names; they mean the same everywhere.
NAMED = {
    "unit",
    "period",
    "first",
    "last",
    "value",
    "problem",
    "effect_on_estimate",
    "remedy",
}


def _full(units: int = 6, months: int = 24) -> FloatArray:
    return np.tile(np.linspace(0.2, 0.6, months), (units, 1)) + np.arange(units)[:, None] / 100


def _rows(check: Check) -> list[dict[str, str]]:
    return check.table.to_dicts()


def test_a_full_panel_passes_every_check(make_panel: MakePanel) -> None:
    panel = make_panel(
        _full(12, 30), measure="share", starts={f"U{i:02d}": "2024-10" for i in range(6)}
    )
    for check in (make(panel) for make in DATA_CHECKS):
        assert check.passed is not False
        assert check.title
        assert check.detail.endswith(".")
        assert check.table.is_empty()


def test_names_are_distinct_and_findings_have_the_named_columns(make_panel: MakePanel) -> None:
    values = _full()
    values[1, 4:6] = np.nan
    values[2, 20:] = np.nan
    values[3, :3] = np.nan
    values[4, 7] = -1
    panel = make_panel(values, measure="share", starts={"U00": "2023-05", "U05": "2030-01"})
    checks = [make(panel) for make in DATA_CHECKS]
    assert len({c.name for c in checks}) == len(DATA_CHECKS)
    for check in checks:
        assert set(check.table.columns) <= NAMED
        if not check.table.is_empty():
            assert {"problem", "effect_on_estimate", "remedy"} <= set(check.table.columns)
            assert check.table.null_count().sum_horizontal().item() == 0


# ---------------------------------------------------------------- what is there


def test_missing_cells_are_counted_and_empty_months_named(make_panel: MakePanel) -> None:
    values = _full(5, 20)
    values[1, 4] = np.nan
    check = check_missing(make_panel(values))
    assert check.passed is None
    assert "1 of 100 values (1.0%)" in check.detail
    values[:, 10:12] = np.nan
    check = check_missing(make_panel(values))
    assert check.passed is False
    (found,) = _rows(check)
    assert (found["first"], found["last"]) == ("2024-02", "2024-03")
    assert "no unit has a value in February 2024 to March 2024" in found["problem"]


def test_figures_of_every_second_year_have_no_gaps() -> None:
    years = [2010, 2012, 2014, 2016]
    rows = pl.DataFrame(
        [(u, y, 1.0, 1.0) for u in "ab" for y in years if (u, y) != ("a", 2012)],
        schema=["unit", "period", "outcome", "weight"],
        orient="row",
    )
    panel = Panel(
        rows=rows,
        adoption=Adoption(site={"a": "a", "b": "b"}, first_treated={}),
        calendar=Calendar(frequency="year"),
    )
    assert "1 of 8 values" in check_missing(panel).detail
    assert check_missing(panel).table.is_empty()
    (gap,) = _rows(check_gaps(panel))
    assert (gap["unit"], gap["first"], gap["last"]) == ("a", "2012", "2012")


def test_gaps_are_runs_between_a_units_own_ends(make_panel: MakePanel) -> None:
    values = _full()
    values[1, 4:7] = np.nan
    values[1, 9] = np.nan
    values[2, :3] = np.nan
    values[3, 20:] = np.nan
    check = check_gaps(make_panel(values))
    assert check.passed is None
    assert [(r["unit"], r["first"], r["last"]) for r in _rows(check)] == [
        ("U01", "2023-08", "2023-10"),
        ("U01", "2024-01", "2024-01"),
    ]
    assert tomllib.loads(_rows(check)[0]["remedy"])["comparison"]["exclude"][0]["unit"] == "U01"


def test_units_that_stop_and_start_late(make_panel: MakePanel) -> None:
    values = _full()
    values[0, 20:] = np.nan
    values[2, :3] = np.nan
    values[3, 21:] = np.nan
    units = ("QF7", "b", "c", "QUE", "e", "f")
    panel = make_panel(values, units=units, starts={"QF7": "2024-06"})
    stops = check_stops(panel)
    assert stops.passed is False
    assert not stops.blocking
    assert [(r["unit"], r["first"], r["last"]) for r in _rows(stops)] == [
        ("QF7", "2024-12", "2025-03"),
        ("QUE", "2025-01", "2025-03"),
    ]
    assert "Pilot areas" in stops.detail
    assert "Cambridgeshire and Peterborough (QUE)" in stops.detail
    pilot, comparison = (tomllib.loads(r["remedy"]) for r in _rows(stops))
    assert pilot["exclude"][0]["unit"] == "QF7"
    assert comparison["comparison"]["exclude"] == [
        {"unit": "QUE", "reason": "no values after December 2024"}
    ]
    late = check_late_starts(panel)
    assert late.passed is None
    assert [(r["unit"], r["first"], r["last"]) for r in _rows(late)] == [
        ("c", "2023-04", "2023-06")
    ]


def test_coverage_looks_at_the_exposure(make_panel: MakePanel) -> None:
    exposure = np.full((6, 24), 30.0)
    exposure[1, 4:6] = 11.0
    exposure[2, 8] = 90.0
    check = check_coverage(make_panel(_full(), columns={"exposure": exposure}))
    assert check.passed is None
    low, high = _rows(check)
    assert (low["unit"], low["first"], low["last"], low["value"]) == (
        "U01",
        "2023-08",
        "2023-09",
        "37% of usual",
    )
    assert high["value"] == "300% of usual"
    assert tomllib.loads(low["remedy"])["exclude"][0]["last"] == "2023-09"
    assert check_coverage(make_panel(_full())).passed is None


# ---------------------------------------------------------------- what cannot be


def test_impossible_values_block(make_panel: MakePanel) -> None:
    values = _full()
    values[1, 3] = 1.2
    values[2, 4] = -0.1
    exposure = np.full(values.shape, 50.0)
    count = np.minimum(values * 50, 80)
    panel = make_panel(values, measure="share", columns={"count": count, "exposure": exposure})
    check = check_impossible(panel)
    assert check.blocking
    assert check.passed is False
    assert [(r["unit"], r["period"], r["value"]) for r in _rows(check)] == [
        ("U02", "2023-08", "-0.1"),
        ("U01", "2023-07", "1.2"),
    ]
    assert tomllib.loads(_rows(check)[1]["remedy"])["exclude"][0] == {
        "unit": "U01",
        "first": "2023-07",
        "last": "2023-07",
        "reason": "a share above 1 (more than all)",
    }


def test_negative_rates_and_exposures_block_and_means_may_be_negative(
    make_panel: MakePanel,
) -> None:
    values = _full()
    values[1, 3] = -1.0
    assert check_impossible(make_panel(values, measure="rate")).passed is False
    assert check_impossible(make_panel(values, measure="count")).passed is False
    assert check_impossible(make_panel(values, measure="mean")).passed is True
    exposure = np.full(values.shape, 50.0)
    exposure[0, 0] = 0.0
    check = check_impossible(make_panel(values, columns={"exposure": exposure}))
    assert "exposure that is not above 0" in _rows(check)[0]["problem"]


# ---------------------------------------------------------------- who adopted when


def test_a_pilot_without_any_period_before_blocks(make_panel: MakePanel) -> None:
    check = check_before(make_panel(_full(), starts={"U00": "2023-04"}))
    assert check.passed is False
    assert check.blocking
    assert "no value before its start in April 2023" in _rows(check)[0]["problem"]


def test_one_pilot_area_without_a_period_before_is_named_only(make_panel: MakePanel) -> None:
    panel = make_panel(_full(), starts={"U00": "2023-04", "U01": "2024-10", "U02": "2023-09"})
    check = check_before(panel)
    assert check.passed is False
    assert not check.blocking
    assert [(r["unit"], r["value"]) for r in _rows(check)] == [("U00", "0"), ("U02", "5")]
    assert tomllib.loads(_rows(check)[0]["remedy"])["exclude"][0]["unit"] == "U00"


def test_pilot_sites_without_a_period_after_are_named_and_block_when_they_are_all(
    make_panel: MakePanel,
) -> None:
    check = check_after(make_panel(_full(), starts={"U00": "2024-06", "U01": "2026-01"}))
    assert (check.passed, check.blocking) == (False, False)
    assert [r["unit"] for r in _rows(check)] == ["U01"]
    assert "data end in March 2025" in _rows(check)[0]["problem"]
    check = check_after(make_panel(_full(), starts={"U01": "2026-01"}))
    assert (check.passed, check.blocking) == (False, True)


def test_few_pilot_sites_are_said(make_panel: MakePanel) -> None:
    four = {f"U{i:02d}": "2024-06" for i in range(4)}
    assert check_sites(make_panel(_full(), starts=four)).passed is True
    three = check_sites(make_panel(_full(), starts={u: four[u] for u in sorted(four)[:3]}))
    assert three.passed is None
    assert "randomisation" in three.remedy
    one = check_sites(make_panel(_full(), starts={"U00": "2024-06"}))
    assert "1 in 6" in one.detail


def test_without_a_pilot_there_is_nothing_to_say_on_its_start(make_panel: MakePanel) -> None:
    for make in (check_before, check_after, check_sites):
        assert make(make_panel(_full())).passed is None
