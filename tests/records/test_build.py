"""The whole way from records to a panel: every record accounted for, 0 and unknown kept apart."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from evaluation.errors import SourceError, StudyError
from evaluation.records.build import Built, build_panel
from evaluation.records.definitions import DEFINITION_KEYS
from evaluation.study import Study, parse_study
from records_generator import draw

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
columns = { care_home = "UPRN" }
"""
MATCH = 'residents = { rule = "match" }\n'
PLAIN = {
    "TOKEN_PERSON_ID": "a",
    "PROCODET": "RX1",
    "PROVSPNOPS": "s1",
    "ADMIDATE": "2023-06-01",
    "EPIORDER": "1",
    "EPISTAT": "3",
    "ADMINCAT": "01",
    "ADMIMETH": "21",
    "STARTAGE": "84",
    "LSOA11": "E01000001",
    "CCG_RESIDENCE": "B2M3M",
    "DIAG_01": "J189",
    "DIAG_02": "E119",
    "UPRN": "1",
}
RECORDS = 5_000


def study(*lines: str, folder: Path = Path(), frequency: str = "month") -> Study:
    text = STUDY + "".join(lines or (MATCH,))
    text = text.replace('"month"', f'"{frequency}"', 1)
    if frequency != "month":
        text = text.replace('"2023-10"', {"quarter": '"2023-Q4"', "year": '"2024"'}[frequency])
    return parse_study(text, folder / "study.toml")


def raw(*records: dict[str, str]) -> pl.DataFrame:
    rows = [{**PLAIN, "TOKEN_PERSON_ID": f"p{n}", **cells} for n, cells in enumerate(records)]
    return pl.DataFrame(rows)


def built(records: pl.DataFrame, how: Study) -> Built:
    return build_panel(how, {"hes": records})


def panel_of(records: pl.DataFrame, how: Study) -> dict[tuple[str, str], int]:
    panel = built(records, how).tables.panel
    return {(u, p): n for u, p, n in panel.select("unit", "period", panel.columns[2]).rows()}


def in_months(*months: str) -> list[dict[str, str]]:
    return [{"ADMIDATE": f"{month}-15"} for month in months]


# ------------------------------------------------------------------ the ledger


def assert_adds_up(made: Built, read: int) -> None:
    by_status = dict(made.ledger.group_by("status").agg(pl.col("records").sum()).rows())
    assert by_status["read"] == read
    assert by_status["used"] + by_status["left out"] == read
    assert made.tables.panel["emergency_admissions"].sum() == by_status["used"]
    left = made.ledger["records"][0]
    for status, records in made.ledger.select("status", "records").rows()[1:]:
        left -= records if status == "left out" else 0
        assert status == "left out" or records == left
    assert made.ledger["step"].to_list() == list(range(1, made.ledger.height + 1))


WAYS = {
    "spells": 'residents = { rule = "match_or_codes" }\n',
    "joined": 'transfers = "join"\nfirst = "2023-01"\n'
    'residents = { rule = "codes", at = "either" }\n',
    "first episodes": 'admissions = "first_episodes"\nleast_age = 65\n' + MATCH,
    "window": 'first = "2022-10"\nlast = "2023-03"\nunfinished = "keep"\n' + MATCH,
}


@pytest.fixture(scope="module")
def drawn() -> pl.DataFrame:
    """Return fewer synthetic records than other tests have: these go through whole builds."""
    return draw(RECORDS).records.rename({"CH_MATCH": "UPRN"})


@pytest.fixture(scope="module")
def expected(drawn: pl.DataFrame) -> dict[str, Built]:
    """Return what polars makes of the records, by each way of counting."""
    return {way: built(drawn, with_definitions(lines)) for way, lines in WAYS.items()}


def with_definitions(lines: str) -> Study:
    keys = ", ".join(f'"{key}"' for key in DEFINITION_KEYS)
    return study(f"definitions = [{keys}]\n", lines)


@pytest.mark.parametrize("way", WAYS)
def test_every_record_is_used_or_explained(expected: dict[str, Built], way: str) -> None:
    assert_adds_up(expected[way], RECORDS)


@pytest.mark.parametrize("way", ["joined", "first episodes"])
def test_every_engine_gives_the_same_panel_and_ledger(
    drawn: pl.DataFrame, way: str, opened: Opened, tmp_path: Path
) -> None:
    # Spells are compared on more records and all definitions in test_engines_truth.
    how = study(WAYS[way])
    drawn.write_parquet(tmp_path / "hes.parquet")
    made = build_panel(how, {"hes": opened(tmp_path / "hes.parquet")})
    same = built(drawn, how)
    assert_frame_equal(made.tables.panel, same.tables.panel)
    assert_frame_equal(made.ledger, same.ledger)
    assert_frame_equal(made.tables.gaps, same.tables.gaps)
    assert made.notes == same.notes


def test_records_in_several_extracts_are_as_in_one(drawn: pl.DataFrame) -> None:
    how = with_definitions(WAYS["spells"])
    parts = {f"part {n}": drawn.gather_every(3, n) for n in range(3)}
    # An extract may lack a column that nothing needs, or have one more.
    parts["part 1"] = parts["part 1"].drop("LSOA11").with_columns(pl.lit("x").alias("EXTRA"))
    together, apart = built(drawn, how), build_panel(how, dict(parts))
    assert_frame_equal(together.tables.panel, apart.tables.panel)
    assert_frame_equal(together.ledger, apart.ledger)


def test_the_order_of_records_moves_nothing(drawn: pl.DataFrame) -> None:
    how = with_definitions(WAYS["joined"])
    mixed = built(drawn.sample(fraction=1.0, shuffle=True, seed=7), how)
    assert_frame_equal(built(drawn, how).tables.panel, mixed.tables.panel)


# ------------------------------------------------------------------ 0 and unknown


def test_a_month_without_admissions_is_0_between_the_first_record_and_the_last() -> None:
    records = raw(*in_months("2023-04", "2023-07"), {"ADMIDATE": "2023-05-15", "ADMIMETH": "11"})
    found = panel_of(records, study('first = "2023-03"\nlast = "2023-08"\n', MATCH))
    # No record of anybody is from before April or after July: these months are not 0, but absent.
    assert found == {
        ("QWU", "2023-04"): 1,
        ("QWU", "2023-05"): 0,
        ("QWU", "2023-06"): 0,
        ("QWU", "2023-07"): 1,
    }


def monthly(provider: str, counts: dict[str, int], sub_icb: str = "B2M3M") -> list[dict[str, str]]:
    return [
        {
            "PROCODET": provider,
            "CCG_RESIDENCE": sub_icb,
            "ADMIDATE": f"{month}-{day % 28 + 1:02d}",
            "TOKEN_PERSON_ID": f"{provider} {sub_icb} {month} {day}",
        }
        for month, count in counts.items()
        for day in range(count)
    ]


def test_a_month_in_which_a_provider_sent_nothing_is_not_0() -> None:
    months = ("2023-04", "2023-05", "2023-06")
    silent = monthly("RX1", {"2023-04": 30, "2023-06": 30})
    other = monthly("RX2", dict.fromkeys(months, 25), sub_icb="02P")
    # A few of QWU's own admissions are at the other provider: they are in the ledger, not gone.
    some = monthly("RX2", {"2023-05": 2})
    made = built(raw(*silent, *other, *some), study())
    assert set(made.tables.panel.select("unit", "period").rows()) == {
        ("QWU", "2023-04"),
        ("QWU", "2023-06"),
        *(("QF7", month) for month in months),
    }
    assert made.tables.gaps.select("unit", "providers").rows() == [("QWU", "RX1")]
    gone = made.ledger.filter(pl.col("reason").str.contains("sent nothing"))["records"].sum()
    assert gone == 2
    assert_adds_up(made, 30 * 2 + 25 * 3 + 2)


def test_a_small_provider_may_have_a_month_of_none() -> None:
    large = monthly("RX2", dict.fromkeys(("2023-04", "2023-05", "2023-06"), 25))
    small = monthly("RX1", {"2023-04": 5, "2023-06": 5}, sub_icb="02P")
    found = panel_of(raw(*large, *small), study())
    assert found["QF7", "2023-05"] == 0


def test_a_provider_that_begins_or_ends_is_named_and_its_other_months_count() -> None:
    large = monthly("RX2", dict.fromkeys(("2023-04", "2023-05", "2023-06"), 25))
    closed = monthly("RX1", {"2023-04": 30, "2023-05": 30}, sub_icb="02P")
    made = built(raw(*large, *closed), study())
    (note,) = [n for n in made.notes if "in a part of the window" in n]
    assert "RX1 (2023-04 to 2023-05)" in note
    assert made.tables.panel.filter(unit="QF7", period="2023-06").height == 1


def test_a_quarter_known_in_part_is_absent_and_its_admissions_explained() -> None:
    records = raw(*in_months("2023-02", "2023-04", "2023-05", "2023-06"))
    made = built(records, study(frequency="quarter"))
    assert made.tables.panel.select("period", "emergency_admissions").rows() == [("2023-Q2", 3)]
    assert_adds_up(made, 4)


# ------------------------------------------------------------------ places


def reasons(made: Built) -> dict[str, int]:
    told = made.ledger.filter((pl.col("status") == "left out") & (pl.col("records") > 0))
    return dict(told.select("reason", "records").rows())


def test_sub_icbs_give_icbs_and_what_is_none_says_why() -> None:
    codes = ("B2M3M", "02P", "e38000006", "59898", "59999", "", "99Z", "99Z")
    made = built(raw(*({"CCG_RESIDENCE": code} for code in codes)), study())
    assert made.tables.panel.select("unit", "emergency_admissions").rows() == [
        ("QF7", 2),
        ("QWU", 1),
    ]
    assert reasons(made) == {
        "no sub-ICB of residence: the cell is blank": 1,
        "the sub-ICB of residence is not known (59999)": 1,
        "no sub-ICB of residence: not applicable (59898)": 1,
        "the sub-ICB of residence is not in the 106 sub-ICBs of April 2024": 2,
    }
    (note,) = [n for n in made.notes if n.startswith("1 codes are not")]
    assert "99Z (2)" in note


LOOKUP = 'place = { by = "lsoa", lookup = "lsoa.csv", lsoa = "LSOA21CD", icb = "ICB24CDH" }\n'


def test_lsoas_give_icbs_by_the_lookup_and_what_is_none_says_why(tmp_path: Path) -> None:
    lookup = "LSOA21CD,ICB24CDH,X\nE01000001,QWU,a\nE01000002,E54000061,b\nE01000001,QWU,c\n"
    (tmp_path / "lsoa.csv").write_text(lookup, encoding="utf-8")
    codes = ["E01000001", "E01000002", "E01999999", "Z99999999", "W01000001", "S01000001"]
    codes += ["95AA01S1", "L99999999", "M99999999", ""]
    records = raw(*({"LSOA11": code} for code in codes))
    made = built(records, study(LOOKUP, MATCH, folder=tmp_path))
    assert made.tables.panel.select("unit", "emergency_admissions").rows() == [
        ("QF7", 1),
        ("QWU", 1),
    ]
    assert reasons(made) == {
        "no LSOA of residence: the cell is blank": 1,
        "the LSOA of residence is not known (Z99999999)": 1,
        "lives outside England (LSOA of W, S, 95, N, L or M)": 5,
        "the LSOA of residence is not in the lookup lsoa.csv": 1,
    }


@pytest.mark.parametrize(
    ("lookup", "message"),
    [
        (
            "LSOA21CD,ICB24CDH\nE01000001,QWU\nE01000001,QF7\n",
            'lsoa.csv: LSOA "E01000001" is in two ICBs. Allowed: each LSOA in one ICB. Keep the '
            "rows of one date.",
        ),
        (
            "LSOA21CD,ICB24CDH\nE01000001,Coventry\n",
            'lsoa.csv: "Coventry" in column ICB24CDH is not the code of an ICB. Allowed: ODS codes '
            "(QWU) or ONS codes (E54000018) of ICBs. Name the column of ICB codes in [records] "
            "place.icb.",
        ),
        (
            "LSOA21CD,ICB\nE01000001,QWU\n",
            'lsoa.csv: there is no column "ICB24CDH". Allowed: the columns that are there: '
            "LSOA21CD, ICB. Correct the name in [records].",
        ),
    ],
)
def test_a_bad_lookup_is_refused(lookup: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "lsoa.csv").write_text(lookup, encoding="utf-8")
    with pytest.raises(SourceError) as caught:
        built(raw({}), study(LOOKUP, MATCH, folder=tmp_path))
    assert str(caught.value) == message


def test_an_icb_column_may_have_codes_of_any_vintage() -> None:
    codes = ("QWU", "E54000018", " qwu ", "QXU", "E54000052", "XYZ")
    records = raw(*({"ICB": code} for code in codes))
    how = study('place = { by = "icb" }\n', MATCH).model_copy()
    assert how.records is not None
    named = how.records.model_copy(update={"columns": {"icb": "ICB", "care_home": "UPRN"}})
    made = built(records, how.model_copy(update={"records": named}))
    assert made.tables.panel.select("unit", "emergency_admissions").rows() == [
        ("QWU", 3),
        ("QXU", 2),
    ]


# ------------------------------------------------------------------ what cannot be


def test_nothing_left_is_told_with_the_largest_reasons() -> None:
    with pytest.raises(SourceError) as caught:
        built(raw({"UPRN": "0"}, {"UPRN": "0"}, {"ADMIMETH": "11"}), study())
    assert str(caught.value).startswith(
        "[records]: no admission is left of the records (left out, most of them first: not matched "
        "to a care home; not an emergency admission"
    )


def test_a_definition_that_there_is_not_is_refused_before_any_record_is_read() -> None:
    with pytest.raises(StudyError) as caught:
        build_panel(study('definitions = ["acsc"]\n', MATCH))
    assert "there is no definition 'acsc'" in str(caught.value)


def test_codes_of_diagnoses_are_needed_and_other_columns_are_told_when_they_lack() -> None:
    with pytest.raises(SourceError, match=r"no column of primary .*by the definition cqc_2013_iau"):
        built(raw({}).drop("DIAG_01", "DIAG_02"), study())
    made = built(raw({}).drop("STARTAGE", "PROVSPNOPS", "PROCODET"), study())
    told = " ".join(made.notes)
    assert "cqc_2013_iau asks for age, which the extract does not have" in told
    assert "There is no column of provider" in told
    assert "There is no column of spell_number" in told


def test_a_study_without_records_is_told_so() -> None:
    how = study().model_copy(update={"records": None})
    with pytest.raises(StudyError) as caught:
        build_panel(how)
    assert str(caught.value) == (
        "study.toml: there is no section [records]. Allowed: a section [records] with files and "
        "residents. docs/records.md has a whole example."
    )
