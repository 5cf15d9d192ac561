"""The reporting breaks of NHS England's Acute discharge sitrep, April 2022 to August 2025.

The files are read by a loader of this test's own, so that the check is held to the data as they
are published and not to how a source reads them.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from functools import cache
from pathlib import Path

import polars as pl
import pytest

from evaluation.checks import DATA_CHECKS, check_breaks, check_gaps, check_stops
from evaluation.findings import Check
from evaluation.geography import PILOT_SITES
from evaluation.panel import Adoption, Panel
from evaluation.periods import Calendar

MONTHS = Calendar(frequency="month")
PLACEBO_START = MONTHS.parse("2024-10")
PILOTS = {unit: site.name for site in PILOT_SITES for unit in site.units}
METRICS = {
    "nctr": "Number of patients who no longer meet the criteria to reside",
    "discharged": "Number of patients discharged",
}
KNOWN = {"QWU", "QUE"}

# Found on the other 40 ICBs, each looked at in the published figures (monthly means a day).
# They are jumps that can be seen by eye and that no other ICB shares, not false alarms.
REAL_JUMPS = {
    "nctr": {
        "QGH": "201 to 335 between September and October 2023, and stays",
        "QH8": "206 to 128 in July 2022, back up to 356 in November 2022",
        "QNQ": "not reported for five months of 2022; 147 to 346 up to February 2023",
        "QOQ": "726 to 584 in November 2024, and stays",
        "QOX": "459 to 210 in June 2024 for three months, back to 427",
        "QPM": "159 in October 2024 between 270 and 366",
        "QR1": "231 to 154 in May 2023, back to 253 in January 2024",
        "QRV": "477 to 598 in October 2022, and goes on rising",
    },
    "discharged": {
        "QGH": "8 to 42 in July 2022, 84 to 186 in October 2023",
        "QH8": "46 to 212 in November 2022, and stays",
        "QJM": "111 to 23 in June 2024 for three months, back to 62 to 88",
        "QKS": "277 to 151 in June 2024, then back in steps",
        "QNQ": "127 to 25 by December 2022, then 81 to 98 until October 2023",
        "QNX": "372 to 283 in June 2024 and 234 from August, and stays",
        "QUY": "150 to 166 in July 2022 and 185 after, and stays",
    },
}


@cache
def _monthly(folder: Path, metric: str) -> dict[tuple[str, int], float]:
    days: dict[tuple[str, int], list[float]] = defaultdict(list)
    for path in sorted((folder / "real" / "acute_discharge_sitrep").glob("*.csv")):
        raw = path.read_bytes()
        with_mark = raw.startswith(b"\xef\xbb\xbf")
        text = raw.decode("utf-8-sig" if with_mark else "windows-1252")
        for row in csv.DictReader(text.splitlines()):
            if row["Level"] == "ICB" and row["Metric"] == metric and row["Value"] != "-":
                cell = (row["Org Code"], MONTHS.parse(row["Period"]))
                days[cell].append(float(row["Value"]))
    return {cell: sum(values) / len(values) for cell, values in days.items()}


def _panel(folder: Path, metric: str, *, pilots: bool = True) -> Panel:
    cells = _monthly(folder, METRICS[metric])
    units = {unit for unit, _ in cells}
    return Panel(
        rows=pl.DataFrame(
            [(unit, month, value, 1.0) for (unit, month), value in cells.items()],
            schema=["unit", "period", "outcome", "weight"],
            orient="row",
        ),
        adoption=Adoption(
            site={unit: PILOTS.get(unit, unit) for unit in units},
            first_treated=dict.fromkeys(PILOTS, PLACEBO_START) if pilots else {},
        ),
        calendar=MONTHS,
        key=metric,
    )


def _of(check: Check, unit: str) -> list[dict[str, str]]:
    return check.table.filter(pl.col("unit") == unit).to_dicts()


@pytest.mark.parametrize("metric", METRICS)
def test_coventry_and_warwickshire_from_may_to_august_2024_is_found(
    shared_data: Path, metric: str
) -> None:
    check = check_breaks(_panel(shared_data, metric))
    assert check.passed is False
    assert not check.blocking
    assert "Coventry and Warwickshire (QWU)" in check.detail
    (found,) = _of(check, "QWU")
    assert (found["first"], found["last"]) == ("2024-05", "2024-08")
    assert found["remedy"].startswith(
        '[[exclude]]\nunit = "QWU"\nfirst = "2024-05"\nlast = "2024-08"\nreason = "'
    )
    assert "below the level before" in found["problem"]
    assert "makes the estimate" in found["effect_on_estimate"]


@pytest.mark.parametrize("metric", METRICS)
def test_it_is_found_without_a_pilot_too(shared_data: Path, metric: str) -> None:
    found = _of(check_breaks(_panel(shared_data, metric, pilots=False)), "QWU")
    assert any(row["first"] <= "2024-06" and row["last"] >= "2024-07" for row in found)


@pytest.mark.parametrize("metric", METRICS)
def test_the_end_of_cambridgeshire_and_peterborough_is_found(
    shared_data: Path, metric: str
) -> None:
    check = check_stops(_panel(shared_data, metric))
    assert check.table["unit"].to_list() == ["QUE"]
    (found,) = _of(check, "QUE")
    assert (found["first"], found["last"]) == ("2023-09", "2025-08")
    assert "Cambridgeshire and Peterborough (QUE)" in check.detail
    assert found["remedy"] == (
        '[comparison]\nexclude = [{ unit = "QUE", reason = "no values after August 2023" }]'
    )


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("pilots", [True, False])
def test_no_other_unit_is_named_but_those_that_jump_to_the_eye(
    shared_data: Path, metric: str, pilots: bool
) -> None:
    check = check_breaks(_panel(shared_data, metric, pilots=pilots))
    others = set(check.table["unit"]) - KNOWN
    assert others <= set(REAL_JUMPS[metric])
    assert len(others) <= 8


def test_no_other_pilot_area_is_named(shared_data: Path) -> None:
    for metric in METRICS:
        named = set(check_breaks(_panel(shared_data, metric)).table["unit"])
        assert named & set(PILOTS) == {"QWU"}


def test_gaps_are_those_of_the_files(shared_data: Path) -> None:
    found = {
        (r["unit"], r["first"], r["last"])
        for r in check_gaps(_panel(shared_data, "nctr")).table.to_dicts()
    }
    assert found == {("QNQ", "2022-05", "2022-09"), ("QJM", "2022-09", "2022-10")}


def test_nothing_blocks_a_real_study(shared_data: Path) -> None:
    for metric in METRICS:
        checks = [check(_panel(shared_data, metric)) for check in DATA_CHECKS]
        assert not [c.name for c in checks if c.blocking and c.passed is False]
        failed = {c.name for c in checks if c.passed is False}
        assert failed == {"reporting_break", "stops_reporting"}
