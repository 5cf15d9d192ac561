"""What a remedy says can be pasted into a study file, and is read as it is meant."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from evaluation.checks.words import keep_out_cells, keep_out_unit, listing, runs, span
from evaluation.panel import Adoption, Panel
from evaluation.periods import Calendar, Frequency
from evaluation.study import Study, parse_study

STUDY = """
version = 1
title = "A pilot"
[time]
frequency = "{frequency}"
[[sites]]
name = "One"
units = ["a"]
starts = {starts}
[[outcomes]]
key = "y"
label = "Y"
source = "table"
files = ["y.csv"]
measure = "mean"
columns = {{ unit = "u", period = "t", value = "y" }}
"""


def _read(frequency: str, starts: str, remedy: str) -> Study:
    return parse_study(
        STUDY.format(frequency=frequency, starts=starts) + "\n" + remedy, Path("study.toml")
    )


@pytest.mark.parametrize(
    ("frequency", "start"),
    [("month", '"2024-05"'), ("quarter", '"2024-Q2"'), ("year", '"2024"'), ("index", "17")],
)
def test_cells_are_left_out_in_every_frequency(frequency: Frequency, start: str) -> None:
    calendar = Calendar(frequency=frequency)
    at = calendar.parse(start.strip('"'))
    remedy = keep_out_cells(calendar, 'a "quoted" unit', (at - 2, at - 1), "moved \\ to SNOMED")
    (cut,) = _read(frequency, start, remedy).exclude
    assert (cut.unit, cut.first, cut.last) == ('a "quoted" unit', at - 2, at - 1)
    assert cut.reason == "moved \\ to SNOMED"


def test_whole_units_are_left_out_where_they_stand() -> None:
    panel = Panel(
        rows=pl.DataFrame({"unit": ["a", "b"], "period": [1, 1], "outcome": 1.0, "weight": 1.0}),
        adoption=Adoption(site={"a": "One", "b": "b"}, first_treated={"a": 17}),
        calendar=Calendar(frequency="index"),
    )
    pilot = _read("index", "17", keep_out_unit(panel, "a", "no values"))
    assert [(e.unit, e.first) for e in pilot.exclude] == [("a", None)]
    other = _read("index", "17", "# because\n" + keep_out_unit(panel, "b", "no values"))
    assert [(e.unit, e.reason) for e in other.comparison.exclude] == [("b", "no values")]


def test_runs_and_spans_and_lists() -> None:
    assert runs([5, 1, 2, 3, 9]) == [(1, 3), (5, 5), (9, 9)]
    assert runs([2, 4, 8], 2) == [(2, 4), (8, 8)]
    month = Calendar(frequency="month")
    at = month.parse("2024-05")
    assert span(month, at, at) == "May 2024"
    assert span(month, at, at + 2) == "May 2024 to July 2024"
    assert listing(["a", "b"]) == "a; b"
    assert listing("abcdef") == "a; b; c; d; and 2 more"
