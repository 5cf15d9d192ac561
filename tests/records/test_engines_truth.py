"""From 200,000 records to a panel and a ledger, held to what is true, on three engines."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from evaluation.records.build import Built, build_panel
from evaluation.records.disagreement import disagreement
from evaluation.study import Study, parse_study
from records_generator import DEFINITIONS, EMERGENCIES, Drawn, is_avoidable

Opened = Callable[[Path], object]

FIRST, LAST = "2022-06", "2023-07"
STUDY = f"""version = 1
title = "A pilot"

[time]
frequency = "month"
first = "{FIRST}"
last = "{LAST}"

[[sites]]
name = "Coventry"
units = ["QWU"]
starts = "2023-01"

[[outcomes]]
key = "admissions"
label = "Admissions"
files = ["panel.csv"]
measure = "count"
columns = {{ unit = "unit", period = "period", count = "emergency_admissions" }}

[records]
files = ["hes.parquet"]
columns = {{ care_home = "CH_MATCH" }}
definitions = [{", ".join(f'"{key}"' for key in DEFINITIONS)}]
residents = {{ rule = "match" }}
"""
UNKNOWN_METHODS = ("", "98", "99")
NOT_APPLICABLE, UNKNOWN = "59898", "59999"


def study(*lines: str) -> Study:
    return parse_study("".join((STUDY, *lines)), Path("study.toml"))


def with_fate(drawn: Drawn, *, joined: bool) -> pl.DataFrame:
    """Return the truth with the beginning of the reason for which each record is left out."""
    month = pl.col("admitted").dt.strftime("%Y-%m")
    in_place = drawn.records["CCG_RESIDENCE"].alias("sub_icb")
    within = {
        "admitted before the window": month < FIRST,
        "admitted after the window": month > LAST,
    }
    reasons = {
        "no date of admission": pl.col("undated"),
        **({} if joined else within),
        "the episode is unfinished": pl.col("role") == "unfinished",
        "the same episode again": pl.col("role") == "repeated",
        "a later episode": pl.col("role") == "later",
        "continues a stay": pl.col("continues") & joined,
        "how admitted is not known": pl.col("method").is_in(UNKNOWN_METHODS),
        "not an emergency admission": ~pl.col("method").is_in(EMERGENCIES),
        **(within if joined else {}),
        "not matched to a care home: the match is blank": pl.col("match") == "",
        "not matched to a care home": pl.col("match") == "0",
        "no sub-ICB of residence: not applicable": pl.col("sub_icb") == NOT_APPLICABLE,
        "the sub-ICB of residence is not known": pl.col("sub_icb") == UNKNOWN,
    }
    told: pl.Expr = pl.lit(None, pl.String)
    for words, holds in reversed(reasons.items()):
        told = pl.when(holds).then(pl.lit(words)).otherwise(told)
    return drawn.truth.with_columns(in_place, month.alias("period")).with_columns(fate=told)


def true_panel(drawn: Drawn, *, joined: bool) -> pl.DataFrame:
    """Return what the panel must be; units and months without admissions are not in it."""
    used = with_fate(drawn, joined=joined).filter(pl.col("fate").is_null())
    return (
        used.group_by(pl.col("icb").alias("unit"), "period")
        .agg(
            pl.len().cast(pl.Int64).alias("emergency_admissions"),
            *(
                is_avoidable(key).sum().cast(pl.Int64).alias(f"avoidable_{key}")
                for key in DEFINITIONS
            ),
        )
        .sort("unit", "period")
    )


def true_reasons(drawn: Drawn, *, joined: bool) -> dict[str, int]:
    fates = with_fate(drawn, joined=joined)["fate"].drop_nulls().value_counts()
    return dict(fates.rows())


def assert_true(made: Built, drawn: Drawn, *, joined: bool) -> None:
    found = made.tables.panel.filter(pl.col("emergency_admissions") > 0)
    expected = true_panel(drawn, joined=joined)
    assert_frame_equal(found, expected, check_dtypes=False)
    empty = made.tables.panel.filter(pl.col("emergency_admissions") == 0)
    assert empty.select(pl.sum_horizontal(pl.col("^avoidable_.*$"))).sum().item() == 0
    left_out = made.ledger.filter((pl.col("status") == "left out") & (pl.col("records") > 0))
    expected_reasons = true_reasons(drawn, joined=joined)
    assert left_out.height == len(expected_reasons)
    for words, records in left_out.select("reason", "records").rows():
        told = max((r for r in expected_reasons if words.startswith(r)), key=len)
        assert expected_reasons[told] == records, words
    by_status = dict(made.ledger.group_by("status").agg(pl.col("records").sum()).rows())
    assert by_status["read"] == drawn.records.height
    assert by_status["used"] == expected["emergency_admissions"].sum()
    assert by_status["used"] + by_status["left out"] == by_status["read"]


@pytest.fixture(scope="module")
def in_polars(records_file: Path) -> Built:
    """Return the panel and the ledger as polars counts them."""
    return build_panel(study(), {"hes": pl.scan_parquet(records_file)})


def test_panel_and_ledger_are_what_is_true(in_polars: Built, drawn: Drawn) -> None:
    assert_true(in_polars, drawn, joined=False)


def test_transfers_joined_are_what_is_true(records_file: Path, drawn: Drawn) -> None:
    made = build_panel(study('transfers = "join"\n'), {"hes": pl.scan_parquet(records_file)})
    assert_true(made, drawn, joined=True)


def test_every_cell_of_panel_and_ledger_is_the_same_on_every_engine(
    opened: Opened, records_file: Path, in_polars: Built
) -> None:
    made = build_panel(study(), {"hes": opened(records_file)})
    assert_frame_equal(made.tables.panel, in_polars.tables.panel)
    assert_frame_equal(made.ledger, in_polars.ledger)
    assert_frame_equal(made.disagreement, in_polars.disagreement)
    assert_frame_equal(made.tables.gaps, in_polars.tables.gaps)
    assert made.notes == in_polars.notes


def test_disagreement_is_what_is_true(in_polars: Built, drawn: Drawn) -> None:
    used = with_fate(drawn, joined=False).filter(pl.col("fate").is_null())
    cells = used.select(
        *(is_avoidable(key).alias(key) for key in DEFINITIONS),
        pl.lit(1, pl.Int64).alias("records"),
    )
    assert_frame_equal(in_polars.disagreement, disagreement(cells, DEFINITIONS))


def test_what_is_not_verified_says_so(in_polars: Built) -> None:
    assert any(note.startswith("[U] The definition nhsof_3a") for note in in_polars.notes)
