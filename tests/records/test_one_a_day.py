"""Of several admissions of one person and day, 2.3.i looks at the longest alone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from evaluation.records.build import build_panel
from evaluation.study import Study, parse_study

Opened = Callable[[Path], object]

STUDY = """version = 1
title = "A pilot"

[time]
frequency = "month"

[[sites]]
name = "Coventry"
units = ["QWU"]
starts = "2023-10"

[[outcomes]]
key = "admissions"
label = "Admissions"
files = ["panel.csv"]
measure = "count"
columns = { unit = "unit", period = "period", count = "emergency_admissions" }

[records]
files = ["hes.csv"]
residents = { rule = "everyone" }
definitions = ["nhsof_2_3_i", "su_19_acsc"]
"""
# Heart failure, which both lists hold, and pneumonia, which neither does by this code.
LISTED, OTHER = "I500", "J189"
PLAIN = {
    "PROVSPNOPS": "s1",
    "ADMIDATE": "2023-06-01",
    "EPISTART": "2023-06-01",
    "EPIORDER": "1",
    "EPISTAT": "3",
    "EPITYPE": "1",
    "CLASSPAT": "1",
    "ADMINCAT": "01",
    "ADMIMETH": "21",
    "ADMISORC": "19",
    "SEX": "1",
    "STARTAGE": "84",
    "CCG_RESIDENCE": "B2M3M",
    "OPERTN_01": "-",
}
# Person: his admissions of one day, as (last day, diagnosis, what differs), and how many count.
PEOPLE: dict[str, tuple[list[tuple[str, str, dict[str, str]]], int]] = {
    "one": ([("2023-06-03", LISTED, {})], 1),
    "two alike": ([("2023-06-03", LISTED, {}), ("2023-06-04", LISTED, {})], 1),
    "the longer is listed": ([("2023-06-03", OTHER, {}), ("2023-06-09", LISTED, {})], 1),
    "the longer is not listed": ([("2023-06-03", LISTED, {}), ("2023-06-09", OTHER, {})], 0),
    "an unknown end is the shortest": ([("", OTHER, {}), ("2023-06-01", LISTED, {})], 1),
    "the longer is no admission of the list": (
        [("2023-06-03", LISTED, {}), ("2023-06-09", OTHER, {"ADMISORC": "51"})],
        1,
    ),
    "another day": (
        [
            ("2023-06-03", LISTED, {}),
            ("2023-06-09", LISTED, {"ADMIDATE": "2023-06-04", "EPISTART": "2023-06-04"}),
        ],
        2,
    ),
    # The first episode stands for its spell, which ended with the second.
    "a stay of two episodes": (
        [
            ("", LISTED, {"DISDEST": "98"}),
            ("2023-06-20", OTHER, {"EPIORDER": "2", "EPISTART": "2023-06-02"}),
            ("2023-06-09", OTHER, {"PROVSPNOPS": "s2"}),
        ],
        1,
    ),
}


def records() -> pl.DataFrame:
    """Return all records; each admission of a person is at a provider of its own."""
    rows: list[dict[str, str]] = []
    for person, (admissions, _) in PEOPLE.items():
        for n, (last, code, cells) in enumerate(admissions):
            provider = "RX0" if person == "a stay of two episodes" else f"RX{n}"
            ends = {"DISDATE": last, "EPIEND": last, "DIAG_01": code}
            own = {"TOKEN_PERSON_ID": person, "PROCODET": provider, "EPIKEY": f"{len(rows):03d}"}
            rows.append({**PLAIN, **own, **ends, **cells})
    return pl.DataFrame(rows)


def study(admissions: str) -> Study:
    return parse_study(f'{STUDY}admissions = "{admissions}"\n', Path("study.toml"))


@pytest.mark.parametrize("admissions", ["spells", "first_episodes"])
def test_of_one_person_and_day_the_longest_is_looked_at(
    opened: Opened, tmp_path: Path, admissions: str
) -> None:
    records().write_parquet(tmp_path / "hes.parquet")
    made = build_panel(study(admissions), {"hes": opened(tmp_path / "hes.parquet")})
    expected = sum(count for _, count in PEOPLE.values())
    if admissions == "first_episodes":
        # The end of that spell is in its second episode, which is not looked at.
        expected -= PEOPLE["a stay of two episodes"][1]
    assert made.tables.panel["avoidable_nhsof_2_3_i"].sum() == expected
    # The rule is that list's own: the other counts each, and every admission is in the panel.
    firsts = records().filter(pl.col("EPIORDER") == "1")
    assert made.tables.panel["emergency_admissions"].sum() == firsts.height
    listed = firsts.filter(pl.col("DIAG_01") == LISTED)
    assert made.tables.panel["avoidable_su_19_acsc"].sum() == listed.height


def test_without_dates_of_discharge_the_rule_is_not_asked_and_it_says_so() -> None:
    undated = records().drop("DISDATE")
    made = build_panel(study("spells"), {"hes": undated})
    listed = undated.filter((pl.col("EPIORDER") == "1") & (pl.col("DIAG_01") == LISTED))
    assert made.tables.panel["avoidable_nhsof_2_3_i"].sum() == listed.height
    assert any("nhsof_2_3_i asks for discharged" in note for note in made.notes)
