"""The synthetic records: as many as asked, the same again, and everything odd among them."""

from __future__ import annotations

import polars as pl
import pytest

from evaluation.records.definitions import DEFINITION_KEYS
from records_generator import DEFINITIONS, Drawn, draw
from records_generator.stays import UNKNOWN_BIRTHS

FEW = 2000


def test_the_same_seed_gives_the_same_records() -> None:
    one, other, another = draw(FEW), draw(FEW), draw(FEW, seed=7)
    assert one.records.equals(other.records)
    assert one.truth.equals(other.truth)
    assert not one.records.equals(another.records)
    assert one.records.height == one.truth.height == FEW


def test_the_truth_is_about_every_definition() -> None:
    assert set(DEFINITIONS) == set(DEFINITION_KEYS)


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("DIAG_01", "R69X"),
        ("DIAG_01", "I10X"),
        ("DIAG_01", "N39.0"),
        ("DIAG_01", "E113D"),
        ("DISDATE", "1800-01-01"),
        ("DISDATE", "1801-01-01"),
        ("EPIEND", "1600-01-01"),
        ("EPIEND", "1582-10-15"),
        ("ADMIDATE", "1800-01-01"),
        *(("ADMIMETH", method) for method in ("2A", "2B", "2C", "2D", "28", "81", "99")),
        ("EPISTAT", "1"),
        *(("STARTAGE", str(age)) for age in range(7001, 7008)),
        ("LSOA11", "Z99999999"),
        ("CCG_RESIDENCE", "59898"),
        ("CCG_RESIDENCE", "59999"),
        ("ADMISORC", "51"),
        ("ADMISORC", "54"),
        ("DISDEST", "98"),
        ("DISDEST", "65"),
        ("ADMINCAT", "2"),
        ("SEX", "9"),
        *(("MYDOB", born) for born in UNKNOWN_BIRTHS),
        ("MYDOB", "61938"),
        ("OPERTN_01", "-"),
        ("OPERTN_01", "&"),
        ("EPIORDER", "4"),
        ("CLASSPAT", "3"),
    ],
)
def test_what_is_odd_is_there(drawn: Drawn, column: str, value: str) -> None:
    assert (drawn.records[column] == value).sum() > 0


def test_a_long_stay_is_in_the_files_of_two_years(drawn: Drawn) -> None:
    known = drawn.truth.with_columns(drawn.records["FYEAR"], drawn.records["EPIKEY"])
    again = known.filter(role="repeated").select("EPIKEY", "FYEAR")
    once = known.filter(pl.col("role").is_in(["first", "later"])).select("EPIKEY", "FYEAR")
    both = again.join(once, on="EPIKEY", suffix="_once")
    assert both.height == again.height
    assert both.filter(pl.col("FYEAR") > pl.col("FYEAR_once")).height > 100
    assert both.filter(pl.col("FYEAR") == pl.col("FYEAR_once")).height > 100


def test_each_stay_has_one_first_episode(drawn: Drawn) -> None:
    first = drawn.truth.filter(role="first")
    assert first["stay"].is_unique().all()
    assert first["stay"].n_unique() == drawn.truth["stay"].n_unique()
