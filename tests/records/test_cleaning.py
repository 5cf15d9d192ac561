"""Every oddity of HES and SUS+ cells, read on all three engines to the same value."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from evaluation.errors import SourceError, StudyError
from evaluation.records.cleaning import DateStyle
from evaluation.records.engines import collected, lazy
from evaluation.records.episodes import COLUMNS
from evaluation.records.layouts import LAYOUTS
from evaluation.records.reading import Episodes, to_episodes

Opened = Callable[[Path], object]

# Heading, cell as it is published, column of episodes, what is read.
CELLS: list[tuple[str, str | None, str, object]] = [
    # Null dates, and dates that are none.
    ("ADMIDATE", "2023-04-30", "admitted", date(2023, 4, 30)),
    ("ADMIDATE", "1800-01-01", "admitted", None),
    ("ADMIDATE", "1801-01-01", "admitted", None),
    ("ADMIDATE", "1600-01-01", "admitted", None),
    ("ADMIDATE", "1582-10-15", "admitted", None),
    ("ADMIDATE", "2023-02-29", "admitted", None),
    ("ADMIDATE", "2024-02-29", "admitted", date(2024, 2, 29)),
    ("ADMIDATE", "2000-02-29", "admitted", date(2000, 2, 29)),
    ("ADMIDATE", "1900-02-29", "admitted", None),
    ("ADMIDATE", "2023-13-01", "admitted", None),
    ("ADMIDATE", "2023-04-31", "admitted", None),
    ("ADMIDATE", "2023-04-30 00:00:00", "admitted", date(2023, 4, 30)),
    ("ADMIDATE", " ", "admitted", None),
    ("DISDATE", "1800-01-01", "discharged", None),
    ("EPIEND", "1801-01-01", "episode_end", None),
    # Methods of admission: letters in both sizes, and what a cast to integers makes of them.
    ("ADMIMETH", "2A", "method", "2A"),
    ("ADMIMETH", "2d", "method", "2D"),
    ("ADMIMETH", "66", "method", "2A"),
    ("ADMIMETH", "67", "method", "2B"),
    ("ADMIMETH", "68", "method", "2C"),
    ("ADMIMETH", "69", "method", "2D"),
    ("ADMIMETH", "28", "method", "28"),
    # Diagnoses: padding, dots, daggers, asterisks, R69 for not known.
    ("DIAG_01", "I10X", "primary", "I10"),
    ("DIAG_01", "J46X", "primary", "J46"),
    ("DIAG_01", "E86X", "primary", "E86"),
    ("DIAG_01", "X59X", "primary", "X59"),
    ("DIAG_01", "J18.9", "primary", "J189"),
    ("DIAG_01", "j189", "primary", "J189"),
    ("DIAG_01", " J189", "primary", "J189"),
    ("DIAG_01", "I10-", "primary", "I10"),
    ("DIAG_01", "G20X†", "primary", "G20"),
    ("DIAG_01", "M073A", "primary", "M073"),
    ("DIAG_01", "E103D", "primary", "E103"),
    ("DIAG_01", "R69X", "primary", None),
    ("DIAG_01", "R69X3", "primary", None),
    ("DIAG_01", "R69X6", "primary", None),
    ("DIAG_01", "R69X8", "primary", None),
    ("DIAG_01", "-", "primary", None),
    # Ages: babies, not known, decimals.
    ("STARTAGE", "84", "age", 84),
    ("STARTAGE", "7001", "age", 0),
    ("STARTAGE", "7007", "age", 0),
    ("STARTAGE", "120", "age", 120),
    ("STARTAGE", "999", "age", None),
    ("STARTAGE", "84.000", "age", 84),
    ("STARTAGE", "0.875", "age", 0),
    ("STARTAGE", "", "age", None),
    ("STARTAGE", "unknown", "age", None),
    # Order of the episode.
    ("EPIORDER", "1", "episode_order", 1),
    ("EPIORDER", "01", "episode_order", 1),
    ("EPIORDER", "98", "episode_order", None),
    ("EPIORDER", "99", "episode_order", None),
    # Codes that lost a leading zero, or are as published.
    ("ADMINCAT", "2", "category", "02"),
    ("ADMINCAT", "02", "category", "02"),
    ("DISDEST", "98", "destination", "98"),
    ("ADMISORC", "99", "source_of_admission", "99"),
    ("SEX", "0", "sex", "0"),
    ("SEX", "9", "sex", "9"),
    ("MYDOB", "061938", "birth_month", "061938"),
    ("MYDOB", "61938", "birth_month", "061938"),
    ("MYDOB", "11900", "birth_month", "011900"),
    ("MYDOB", "11900.0", "birth_month", "011900"),
    ("MYDOB", "01/1900", "birth_month", "011900"),
    ("MYDOB", "121938", "birth_month", "121938"),
    ("MYDOB", "", "birth_month", None),
    ("LSOA11", "Z99999999", "lsoa", "Z99999999"),
    ("CCG_RESIDENCE", "59898", "sub_icb", "59898"),
    # The match: a flag, or the id of the home.
    ("UPRN", "1", "care_home", True),
    ("UPRN", "0", "care_home", False),
    ("UPRN", "no", "care_home", False),
    ("UPRN", "1-109999999", "care_home", True),
    ("UPRN", "", "care_home", None),
]


def read(native: object, **columns: str) -> Episodes:
    return to_episodes(lazy(native), LAYOUTS["hes_apc"], columns=columns)


def rows_of(extract: Episodes, *columns: str) -> list[tuple[Any, ...]]:
    types = {kind.__name__: kind for kind in (pl.String, pl.Date, pl.Int64, pl.Boolean)}
    schema = {column: types[COLUMNS[column].__name__] for column in columns}
    return collected(extract.frame, schema).rows()


def test_every_cell_is_read_as_meant(opened: Opened, tmp_path: Path) -> None:
    headings = sorted({heading for heading, *_ in CELLS})
    raw = pl.DataFrame(
        [{"EPIKEY": str(n), heading: cell} for n, (heading, cell, *_) in enumerate(CELLS)],
        schema=dict.fromkeys(["EPIKEY", *headings], pl.String),
    )
    raw.write_parquet(tmp_path / "cells.parquet")
    extract = read(opened(tmp_path / "cells.parquet"), care_home="UPRN")
    columns = sorted({column for *_, column, _ in CELLS})
    found = {row[0]: row[1:] for row in rows_of(extract, "episode_key", *columns)}
    seen = {
        (heading, cell): found[str(n)][columns.index(column)]
        for n, (heading, cell, column, _) in enumerate(CELLS)
    }
    assert seen == {(heading, cell): value for heading, cell, _, value in CELLS}


CODES: list[tuple[dict[str, str], str | None, str | None]] = [
    ({"DIAG_01": "J189", "DIAG_02": "I10X", "DIAG_03": "E1140D"}, ",J189,I10,E114,", None),
    ({"DIAG_01": "R69X6", "DIAG_02": "J44.1", "DIAG_03": ""}, ",J441,", None),
    ({"DIAG_01": "R69X", "DIAG_02": "R69X8"}, None, None),
    ({"DIAG_01": "J200", "DIAG_03": "J449"}, ",J200,J449,", None),
    ({"DIAG_01": "-", "OPERTN_01": "-", "OPERTN_02": "&"}, None, None),
    ({"OPERTN_01": "W371", "OPERTN_02": "X997", "OPERTN_03": "Z941"}, None, ",W371,Z941,"),
    ({"OPERTN_01": "X998", "OPERTN_02": "X999"}, None, None),
]


def test_lists_of_codes_keep_their_order_and_lose_what_is_no_code(
    opened: Opened, tmp_path: Path
) -> None:
    names = [f"{stem}_{n:02d}" for stem in ("DIAG", "OPERTN") for n in (1, 2, 3)]
    raw = pl.DataFrame(
        [{"EPIKEY": str(n), **cells} for n, (cells, *_) in enumerate(CODES)],
        schema=dict.fromkeys(["EPIKEY", *names], pl.String),
    )
    raw.write_parquet(tmp_path / "codes.parquet")
    extract = read(opened(tmp_path / "codes.parquet"))
    rows = sorted(rows_of(extract, "episode_key", "diagnoses", "procedures"))
    assert rows == [(str(n), *expected) for n, (_, *expected) in enumerate(CODES)]


JOINED = [
    ("DIAG_4_CONCAT", "I10X,E119,R69X", "I10", ",I10,E119,"),
    ("DIAG_4_CONCAT", "R69X,J449", None, ",J449,"),
    ("DIAG_4_CONCAT", "J20,J449", "J20", ",J20,J449,"),
    ("DIAG_4_CONCAT", "", None, None),
]


@pytest.mark.parametrize(("heading", "cell", "primary", "codes"), JOINED)
def test_codes_in_one_text_are_read_as_those_in_columns(
    heading: str, cell: str, primary: str | None, codes: str | None
) -> None:
    extract = read(pl.DataFrame({heading: [cell], "EPIKEY": ["1"]}))
    assert rows_of(extract, "primary", "diagnoses") == [(primary, codes)]


@pytest.mark.parametrize("text", ["J18.9,I10X,E86X", "||J189,I10X||E86X", "J189; I10X; E86X"])
def test_sus_codes_are_read_whatever_separates_them(text: str) -> None:
    raw = pl.DataFrame(
        {
            "der_pseudo_nhs_number": ["a"],
            "Admission_Date": [date(2023, 4, 30)],
            "ADMISSION_METHOD": ["2A"],
            "Der_Primary_Diagnosis_Code": ["J18.9"],
            "Der_Diagnosis_All": [text],
            "Age_At_Start_of_Spell_SUS": [84],
        }
    )
    extract = to_episodes(lazy(raw), LAYOUTS["sus_apcs"], columns={})
    columns = ("person", "admitted", "method", "primary", "diagnoses", "age")
    row = ("a", date(2023, 4, 30), "2A", "J189", ",J189,I10,E86,", 84)
    assert rows_of(extract, *columns) == [row]
    # A row is a spell: the one finished episode of it.
    assert rows_of(extract, "episode_order", "episode_status", "episode_type") == [(1, "3", "1")]


def test_typed_columns_are_read_as_text_is() -> None:
    raw = pl.DataFrame(
        {
            "TOKEN_PERSON_ID": [1, 2],
            "ADMIDATE": [datetime(2023, 4, 30, 12), datetime(1800, 1, 1)],
            "DISDATE": [date(2023, 5, 2), None],
            "ADMIMETH": [66, 21],
            "ADMINCAT": [2.0, None],
            "EPIORDER": [1, 99],
            "STARTAGE": [7003.0, 84.0],
            "UPRN": [True, False],
        }
    )
    columns = ("person", "admitted", "discharged", "method", "category", "episode_order", "age")
    rows = rows_of(read(raw, care_home="UPRN"), *columns, "care_home")
    assert rows == [
        ("1", date(2023, 4, 30), date(2023, 5, 2), "2A", "02", 1, 0, True),
        ("2", None, None, "21", None, None, 84, False),
    ]


@pytest.mark.parametrize(
    ("style", "cell"), [("day_first", "30/04/2023"), ("compact", "20230430"), ("iso", "2023-04-30")]
)
def test_dates_are_read_as_the_study_says_they_are_written(style: DateStyle, cell: str) -> None:
    raw = pl.DataFrame({"ADMIDATE": [cell, "04/30/2023", ""]})
    extract = to_episodes(lazy(raw), LAYOUTS["hes_apc"], columns={}, dates=style)
    assert rows_of(extract, "admitted") == [(date(2023, 4, 30),), (None,), (None,)]
    told = collected(extract.frame, {"unreadable": pl.Boolean}).rows()
    assert told == [(False,), (True,), (False,)]


def test_headings_are_found_whatever_their_case_and_own_ones_come_first() -> None:
    raw = pl.DataFrame({"token_person_id": ["a"], "Pseudo": ["b"], "Encrypted_HESID": ["c"]})
    assert rows_of(read(raw), "person") == [("a",)]
    assert rows_of(read(raw, person="pseudo"), "person") == [("b",)]
    assert read(raw).found == {"person": "token_person_id"}


def test_lists_of_ones_own_follow_the_number_of_the_first() -> None:
    raw = pl.DataFrame({"DX1": ["I10X"], "DX2": ["J449"], "DX10": ["E119"], "DXX": ["K250"]})
    extract = read(raw, diagnoses="DX1")
    assert rows_of(extract, "primary", "diagnoses") == [("I10", ",I10,J449,E119,")]


def test_what_an_extract_lacks_is_null_and_told_where_it_is_needed() -> None:
    extract = read(pl.DataFrame({"ADMIDATE": ["2023-04-30"]}))
    lacking = [column for column in COLUMNS if column not in extract.found]
    assert rows_of(extract, *lacking) == [tuple(None for _ in lacking)]
    extract.need("admitted", "to say when")
    with pytest.raises(SourceError) as caught:
        extract.need("method", "to tell emergencies")
    assert str(caught.value) == (
        "the records: there is no column of method (headings looked for: ADMIMETH), and it is "
        'needed to tell emergencies. If it has another heading, write columns = { method = "..." } '
        "in [records]."
    )


def test_a_heading_that_is_not_there_is_told_with_the_nearest() -> None:
    with pytest.raises(SourceError) as caught:
        read(pl.DataFrame({"UPRN_MATCH": ["1"], "ADMIDATE": [""]}), care_home="UPRN_MACH")
    assert str(caught.value) == (
        'the records: there is no column "UPRN_MACH", which [records] columns names for '
        "care_home. Allowed: the columns that are there: UPRN_MATCH, ADMIDATE. Did you mean "
        '"UPRN_MATCH"?'
    )


def test_a_column_that_episodes_do_not_have_is_told_with_the_nearest() -> None:
    with pytest.raises(StudyError) as caught:
        read(pl.DataFrame({"UPRN": ["1"]}), carehome="UPRN")
    message = str(caught.value)
    assert message.startswith('[records], columns: "carehome" is not a column of episodes.')
    assert message.endswith('Did you mean "care_home"?')
