"""The published definitions: what their files hold is what was published."""

from __future__ import annotations

import csv
import re
import string
from itertools import product
from pathlib import Path

import pytest

from evaluation.errors import StudyError
from evaluation.records.definitions import (
    DEFINITION_KEYS,
    Codes,
    definition,
    definitions,
    describe,
    document,
    parse_definition,
    read_definition,
)
from evaluation.records.definitions.codes import spelt_out

ROOT = Path(__file__).resolve().parent.parent.parent
FOLDER = ROOT / "evaluation" / "records" / "definitions"
# Our keys for the lists of ../shared/data/definitions, which are in the same order.
PUBLISHED = {
    "NHSOF_2.3.i": "nhsof_2_3_i",
    "NHSOF_3a": "nhsof_3a",
    "SU_19ACSC": "su_19_acsc",
    "IIF_AC02": "iif_ac_02",
    "CQC2013_IAU": "cqc_2013_iau",
}
POSITIONS = {"primary", "any"}
# Categories without a fourth character, which some lists write with their padding: "I10X".
UNDIVIDED = ("E40", "E41", "E42", "E43", "E86", "I10", "L88", "R02")
# Every code that ICD-10 could have, padded as HES pads.
UNIVERSE = [
    f"{letter}{number:02d}{last}"
    for letter, number, last in product(string.ascii_uppercase, range(100), "0123456789X")
    if last == "X" or f"{letter}{number:02d}" not in UNDIVIDED
]

A_DEFINITION = """
title = "Ours"
short_title = "Ours"
population = "everybody"
mark = "V"
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
mark = "V"
"""


def parsed(text: str) -> str:
    """Return the message that a definition's text is refused with."""
    with pytest.raises(StudyError) as caught:
        parse_definition(text, key="ours", place="ours.toml")
    return str(caught.value)


# ------------------------------------------------------------------ what was published


def test_there_are_five_and_each_is_a_file() -> None:
    assert set(DEFINITION_KEYS) == set(definitions()) == {p.stem for p in FOLDER.glob("*.toml")}
    assert len(DEFINITION_KEYS) == 5
    assert all(found.key == key for key, found in definitions().items())


@pytest.mark.parametrize("published", PUBLISHED)
def test_codes_are_those_of_the_published_patterns(shared_data: Path, published: str) -> None:
    with (shared_data / "definitions" / "acsc_codes.csv").open(encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["list"] == published]
    conditions = definition(PUBLISHED[published]).conditions
    assert len(rows) == len(conditions)
    for row, condition in zip(rows, conditions, strict=True):
        pattern = re.compile(row["icd10_pattern"])
        beginnings = condition.diagnosis.codes.beginnings
        ours = {code for code in UNIVERSE if code.rstrip("X").startswith(beginnings)}
        assert ours == {code for code in UNIVERSE if pattern.match(code)}, row["condition"]
        assert condition.diagnosis.position == row["position_rule"]
        needs = row["exclusion_or_requirement"].startswith("REQUIRES")
        assert (condition.needs is not None) == needs
        assert (condition.without is not None) == ("D57" in row["exclusion_or_requirement"])
        operated = re.search(r"\bproc\b|as CHF", row["exclusion_or_requirement"])
        assert (condition.without_procedures is not None) == bool(operated)


def test_what_is_not_verified_says_so_wherever_it_is_described() -> None:
    acute = definition("nhsof_3a")
    assert acute.mark == "U"
    assert {condition.mark for condition in acute.conditions} == {"U"}
    assert acute.caveat.startswith("[U] The definition nhsof_3a is not verified.")
    assert "codes are not" in acute.caveat
    assert acute.name.endswith("[U, not verified]")
    assert f"**{acute.caveat}**" in describe(acute)


def test_what_is_verified_has_no_caveat() -> None:
    for key in ("su_19_acsc", "iif_ac_02"):
        assert definition(key).caveat == ""
        assert definition(key).name.endswith("[V]")


@pytest.mark.parametrize("key", ["cqc_2013_iau", "nhsof_2_3_i"])
def test_parts_that_are_not_verified_are_named_wherever_the_definition_is(key: str) -> None:
    found = definition(key)
    assert (found.mark, found.worst) == ("V", "P")
    assert found.name.endswith("[V, parts partly corroborated]")
    assert found.caveat == (
        f"[P] Only partly corroborated in the definition {key}: which admissions count."
    )
    assert f"**{found.caveat}**" in describe(found)


def test_every_part_that_is_not_verified_is_named_by_its_label() -> None:
    second = A_DEFINITION[A_DEFINITION.index("[[conditions]]") :].replace('"asthma"', '"other"')
    text = A_DEFINITION + second.replace("Asthma", "Other").replace('"V"', '"P"')
    found = parse_definition(text, key="ours", place="ours.toml")
    assert found.caveat == "[P] Only partly corroborated in the definition ours: Other."
    unsure = text.replace(
        'mark = "V"\nsource = "us"\nmethods', 'mark = "U"\nsource = "us"\nmethods'
    )
    assert parse_definition(unsure, key="ours", place="ours.toml").caveat == (
        "[U] Not verified in the definition ours: which admissions count. [P] Only partly "
        "corroborated in the definition ours: Other."
    )


def test_every_part_names_its_source_and_mark() -> None:
    for found in definitions().values():
        assert found.source
        assert found.admissions.source
        assert all(condition.label for condition in found.conditions)


def test_the_page_is_what_the_files_say() -> None:
    page = (ROOT / "docs" / "definitions.md").read_text(encoding="utf-8")
    assert page == document(), "run: python -m evaluation.records.definitions"
    for found in definitions().values():
        assert f"## `{found.key}`" in page
        assert all(f"`{condition.key}`" in page for condition in found.conditions)


def test_one_admission_a_day_is_the_rule_of_the_chronic_list_alone() -> None:
    asking = [key for key, found in definitions().items() if found.admissions.one_a_day]
    assert asking == ["nhsof_2_3_i"]
    rule = "Of several such admissions of one person on one day only that of the longest stay"
    assert document().count(rule) == 1
    assert rule in describe(definition("nhsof_2_3_i"))


def test_an_unknown_definition_is_refused_with_those_there_are() -> None:
    with pytest.raises(StudyError, match="there is no definition 'acsc'") as caught:
        definition("acsc")
    assert '"cqc_2013_iau"' in str(caught.value)


# ------------------------------------------------------------------ how codes are written


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("J45", ["J45"]),
        ("J4[56]", ["J45", "J46"]),
        ("E1[0-1][7-8]", ["E107", "E108", "E117", "E118"]),
        ("[A-BV]", ["A", "B", "V"]),
        ("2[2A-C]", ["22", "2A", "2B", "2C"]),
        ("S[0-9][23]", [f"S{n}{m}" for n in range(10) for m in "23"]),
    ],
)
def test_a_pattern_is_spelt_out(written: str, expected: list[str]) -> None:
    assert list(spelt_out(written)) == expected


@pytest.mark.parametrize(
    "written", ["", "J4*", "^J45", "J45.0", "j45", "J4[5", "J4[6-5]", "J4[8-B]", "J4[]", "J45012"]
)
def test_a_pattern_that_is_written_otherwise_is_refused(written: str) -> None:
    with pytest.raises(ValueError, match=r"^.*$"):
        spelt_out(written)


def test_a_longer_beginning_is_dropped_where_a_shorter_covers_it() -> None:
    assert Codes(written=("E1[01]", "E109", "I110")).beginnings == ("E10", "E11", "I110")


def test_whole_codes_are_all_that_begin_so() -> None:
    whole = Codes(written=("J45", "I110")).whole(3, 4)
    assert "J45" in whole
    assert {f"J45{last}" for last in string.digits + string.ascii_uppercase} <= set(whole)
    assert "I110" in whole
    assert "I11" not in whole
    assert len(whole) == 1 + 36 + 1


# ------------------------------------------------------------------ definitions of one's own


def test_a_definition_of_ones_own_is_read(tmp_path: Path) -> None:
    path = tmp_path / "ours.toml"
    path.write_text(A_DEFINITION, encoding="utf-8")
    found = read_definition(path)
    assert found.key == "ours"
    assert found.conditions[0].diagnosis.codes.beginnings == ("J45", "J46")


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="cannot be read as a definition"):
        read_definition(tmp_path / "none.toml")


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ('title = "Ours"', "", "ours.toml: title is missing"),
        ('title = "Ours"', "title = 3", "title is 3"),
        ('source = "us"\n\n', 'source = "us"\nsauce = "us"\n\n', "no key 'sauce'"),
        ('codes = ["J4[56]"]', 'codes = ["J4*"]', "conditions 1: codes is ['J4*']"),
        ('codes = ["J4[56]"]', "codes = []", "codes is []"),
        ('codes = ["J4[56]"]', 'codes = ["J"]', "codes is ['J']"),
        ('codes = ["J4[56]"]', 'codes = "J45"', "codes is 'J45'"),
        ('codes = ["J4[56]"]', "", "codes is missing"),
        ('position = "primary"', 'position = "first"', 'Allowed: "primary", "secondary", "any"'),
        ('position = "primary"', 'position = "any"\nneeds = 3', "needs is 3"),
        ('methods = ["2[1-5]"]', "", "admissions: methods is missing"),
        ('methods = ["2[1-5]"]', 'methods = ["2[1-5]"]\nleast_age = "65"', "least_age is '65'"),
        ('methods = ["2[1-5]"]', 'methods = ["2[1-5]"]\nfirst_episode = 1', "first_episode is 1"),
        ('methods = ["2[1-5]"]', 'methods = ["2[1-5]"]\none_a_day = "x"', "one_a_day is 'x'"),
        (
            'methods = ["2[1-5]"]',
            'methods = ["2[1-5]"]\nwithout_births = ["131900"]',
            "without_births is ['131900']",
        ),
        ('mark = "V"\nsource', 'mark = "W"\nsource', "mark is 'W'"),
        ("[[conditions]]", "[[condition]]", "conditions is missing"),
        ("[admissions]", "[admission]", "admissions is missing"),
        ("[admissions]", "[admissions", "is not TOML"),
    ],
)
def test_a_wrong_definition_is_refused_with_its_place(before: str, after: str, said: str) -> None:
    assert A_DEFINITION.count(before) >= 1
    assert said in parsed(A_DEFINITION.replace(before, after, 1))


def test_two_conditions_of_one_key_are_refused() -> None:
    condition = A_DEFINITION[A_DEFINITION.index("[[conditions]]") :]
    assert "two conditions have the key 'asthma'" in parsed(A_DEFINITION + condition)


def test_a_whole_is_no_better_than_its_parts() -> None:
    start, end = A_DEFINITION.rsplit('mark = "V"', 1)
    assert "codes are not verified" in parsed(f'{start}mark = "U"{end}')
