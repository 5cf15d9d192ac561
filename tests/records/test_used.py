"""What readers of an outcome are told of the definition that it counts by."""

from __future__ import annotations

from pathlib import Path

import pytest

from evaluation.findings import Check
from evaluation.records.definitions import DEFINITION_KEYS, avoidable_column, definition
from evaluation.records.used import definition_checks
from evaluation.study import load_study

STUDY = """version = 1
title = "A pilot"

[time]
frequency = "month"

[[sites]]
name = "Coventry"
units = ["QWU"]
starts = "2023-05"

[[outcomes]]
key = "avoidable"
label = "Avoidable admissions"
files = ["panel.csv"]
measure = "count"
columns = {{ unit = "unit", period = "period", count = "{column}" }}
"""
RECORDS = """
[records]
files = ["hes.csv"]
definitions = ["{name}"]
residents = {{ rule = "everyone" }}
"""
OURS = """
title = "Ours"
short_title = "Ours"
population = "everybody"
mark = "P"
source = "us"

[admissions]
mark = "V"
source = "us"
methods = ["2[1-5]"]

[[conditions]]
key = "asthma"
label = "Asthma"
codes = ["J4[56]"]
position = "primary"
mark = "P"
"""


def told(folder: Path, column: str, records: str = "") -> tuple[Check, ...]:
    (folder / "study.toml").write_text(STUDY.format(column=column) + records, encoding="utf-8")
    study = load_study(folder)
    return definition_checks(study, study.outcomes[0])


@pytest.mark.parametrize("key", DEFINITION_KEYS)
def test_what_a_definition_says_of_itself_is_told(tmp_path: Path, key: str) -> None:
    checks = told(tmp_path, avoidable_column(key))
    caveat = definition(key).caveat
    assert [caveat in check.detail for check in checks] == [True] * bool(caveat)
    assert all((check.outcome, check.blocking) == ("avoidable", False) for check in checks)
    assert all(check.remedy for check in checks)


def test_one_that_is_not_verified_does_not_pass_and_says_so_first(tmp_path: Path) -> None:
    (check,) = told(tmp_path, "avoidable_nhsof_3a")
    assert check.passed is False
    assert check.detail.startswith(
        "The definition of avoidable that is counted here is not verified (NHS Outcomes Framework "
        "3a (acute)). "
    )


def test_parts_that_are_partly_corroborated_are_for_information(tmp_path: Path) -> None:
    (check,) = told(tmp_path, "avoidable_nhsof_2_3_i")
    assert check.passed is None
    assert check.detail.startswith("Parts of the definition of avoidable that is counted here are")
    assert "which admissions count" in check.detail


@pytest.mark.parametrize("column", ["emergency_admissions", "avoidable", "avoidable_other"])
def test_nothing_is_told_of_what_no_definition_counts(tmp_path: Path, column: str) -> None:
    assert told(tmp_path, column) == ()


def test_a_definition_of_ones_own_is_read_beside_the_study(tmp_path: Path) -> None:
    records = RECORDS.format(name="ours.toml")
    (check,) = told(tmp_path, "avoidable_ours", records)
    assert check.detail.startswith("The definition ours cannot be read here")
    (tmp_path / "ours.toml").write_text(OURS, encoding="utf-8")
    (check,) = told(tmp_path, "avoidable_ours", records)
    assert check.detail == (
        "The definition of avoidable that is counted here is only partly corroborated (Ours). "
        "[P] The definition ours is only partly corroborated."
    )
