"""Rows that a study selects, and settings that a source would not use."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from evaluation.errors import SourceError, StudyError
from evaluation.sources import Loaded

Read = Callable[..., Loaded]

TABLE = """icb,month,admissions,residents,sex
A,2024-02,1,10,Persons
A,2024-02,9,10,Female
A,2024-03,2,10,persons
B,2024-02,3,10,Persons
B,2024-03,4,10, Persons
B,2024-03,5,10,
"""
SITREP = {"source": "acute_discharge_sitrep", "metric": "nctr", "columns": None}


def test_rows_that_are_not_selected_say_what_they_hold(read: Read) -> None:
    loaded = read({"o.csv": TABLE}, {"select": {"sex": "Persons"}})
    assert loaded.panel is not None
    assert loaded.panel.values("count").tolist() == [1, 2, 3, 4]
    assert loaded.trace["left_out"].to_list() == [
        None,
        'sex "Female": not selected',
        None,
        None,
        None,
        "no sex: not selected",
    ]


def test_several_values_may_be_selected(read: Read) -> None:
    loaded = read({"o.csv": TABLE}, {"select": {"sex": ("Female", "Persons")}})
    assert loaded.trace["left_out"].drop_nulls().to_list() == [
        "contradicts another row",
        "contradicts another row",
        "no sex: not selected",
    ]


def test_a_value_that_is_not_there_is_an_error_with_those_that_are(read: Read) -> None:
    with pytest.raises(SourceError) as caught:
        read({"o.csv": TABLE}, {"select": {"sex": "Male"}})
    assert str(caught.value) == (
        "[[outcomes]] \"admissions\", select: no row has sex 'Male'. Allowed: what stands there: "
        '" Persons", "Female", "Persons", "persons". Choose one of them.'
    )


def test_a_column_that_is_not_there_is_an_error(read: Read) -> None:
    with pytest.raises(SourceError, match=r"no column 'gender' .*select"):
        read({"o.csv": TABLE}, {"select": {"gender": "Persons"}})


@pytest.mark.parametrize(
    ("key", "allowed"),
    [
        ("select", "no select: what this source reads is settled. Delete select."),
        ("headings", '"Period", "Level", "Region"'),
    ],
)
def test_a_setting_that_the_source_would_not_use_is_refused(
    read: Read, key: str, allowed: str
) -> None:
    with pytest.raises(StudyError) as caught:
        read({"o.csv": TABLE}, {**SITREP, key: {"Sex": "Persons"}})
    assert str(caught.value).startswith(
        f"[[outcomes]] \"admissions\", {key}: the source 'acute_discharge_sitrep' knows no "
        f"'Sex' here. Allowed: {allowed}"
    )
