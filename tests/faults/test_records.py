"""Extracts of hospital records that are damaged: each record keeps its fate, or nothing is made."""

from __future__ import annotations

import gzip
import io
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from faulty.edits import Build, both, bytewise, put, rows_of, swap, textwise
from faulty.fault import STUDY, Answer, Fault
from faulty.good import as_csv

Damaged = Callable[[str, Fault], Answer]

NAME = "hes.csv"


def _column(heading: str, change: Callable[[str], str]) -> Build:
    """Change every cell of a column."""

    def every(text: str) -> str:
        header, *rows = rows_of(text)
        at = header.index(heading)
        return as_csv(header, [[*row[:at], change(row[at]), *row[at + 1 :]] for row in rows])

    return textwise(NAME, every)


def _first(heading: str, value: str) -> Build:
    """Write a cell of the first record."""

    def one(text: str) -> str:
        header, *rows = rows_of(text)
        rows[0][header.index(heading)] = value
        return as_csv(header, rows)

    return textwise(NAME, one)


def _without(heading: str) -> Build:
    def drop(text: str) -> str:
        header, *rows = rows_of(text)
        at = header.index(heading)
        return as_csv(
            [*header[:at], *header[at + 1 :]], [[*row[:at], *row[at + 1 :]] for row in rows]
        )

    return textwise(NAME, drop)


def _again(name: str, change: Callable[[str], str] = str) -> Build:
    """Put a copy of the extract beside it."""
    return lambda folder: put(name, change((folder / NAME).read_text(encoding="utf-8")))(folder)


def _as(name: str, write: Callable[[str], bytes]) -> Build:
    """Write the extract in another form, in place of the CSV."""

    def build(folder: Path) -> None:
        (folder / name).write_bytes(write((folder / NAME).read_text(encoding="utf-8")))
        (folder / NAME).unlink()
        swap("study.toml", '"hes*.csv"', '"hes.*"')(folder)

    return build


def _parquet(text: str) -> bytes:
    stream = io.BytesIO()
    pl.read_csv(text.encode(), infer_schema=False).write_parquet(stream)
    return stream.getvalue()


def _lists(text: str) -> bytes:
    stream = io.BytesIO()
    table = pl.read_csv(text.encode(), infer_schema=False)
    table.with_columns(pl.concat_list("DIAG_01", "DIAG_02").alias("DIAG_01")).write_parquet(stream)
    return stream.getvalue()


FAULTS = (
    Fault(
        name="no column of persons",
        build=_without("TOKEN_PERSON_ID"),
        words=(NAME, "there is no column of person", "ENCRYPTED_HESID", "to tell people apart"),
    ),
    Fault(
        name="no column of diagnoses",
        build=both(_without("DIAG_01"), _without("DIAG_02")),
        words=(NAME, "there is no column of", "DIAG_01", "columns = { "),
    ),
    Fault(
        name="no column of admission dates",
        build=_without("ADMIDATE"),
        words=(NAME, "there is no column of admitted", "ADMIDATE", "to say when"),
    ),
    Fault(
        name="no column of places",
        build=_without("CCG_RESIDENCE"),
        words=(NAME, "there is no column of sub_icb", 'columns = { sub_icb = "..." }'),
    ),
    Fault(
        name="a person without an identifier",
        build=_first("TOKEN_PERSON_ID", ""),
        words=("1 left out: no identifier of the person",),
        code=0,
    ),
    Fault(
        name="a date that is none",
        build=_first("ADMIDATE", "2023-02-30"),
        words=("1 left out: the date of admission is not one of the calendar",),
        code=0,
    ),
    Fault(
        name="every date written otherwise",
        build=_column("ADMIDATE", lambda day: "/".join(reversed(day.split("-")))),
        words=(
            "no admission is left of the records",
            "most of them first: the date of admission",
            "[records] dates says",
        ),
    ),
    Fault(
        name="American dates, read day first",
        build=both(
            _column("ADMIDATE", lambda day: f"{day[5:7]}/{int(day[8:]) + 12}/{day[:4]}"),
            swap("study.toml", "[records]", '[records]\ndates = "day_first"'),
        ),
        words=("most of them first: the date of admission is not one",),
    ),
    Fault(
        name="no date of admission, as HES writes it",
        build=_first("ADMIDATE", "1801-01-01"),
        words=("1 left out: no date of admission",),
        code=0,
    ),
    Fault(
        name="methods of admission as numbers with a point",
        build=_column("ADMIMETH", lambda _: "21.0"),
        words=("In 30 records a program had made the method of admission a number", "21.0 as 21"),
        code=0,
    ),
    Fault(
        name="a method of admission that is not known",
        build=_first("ADMIMETH", "99"),
        words=("1 left out: how admitted is not known",),
        code=0,
    ),
    Fault(
        name="a method of admission made a number: 2A is 66",
        build=_first("ADMIMETH", "66"),
        words=("In 1 records a program had made the method of admission a number", "2A to 2D"),
        code=0,
    ),
    Fault(
        name="a year's file twice",
        build=_again("hes-copy.csv"),
        words=("60 records read", "30 left out: the same episode again"),
        code=0,
    ),
    Fault(
        name="one file with another heading for persons",
        build=_again("hes-2.csv", lambda text: text.replace("TOKEN_PERSON_ID", "PERSON", 1)),
        words=("hes-2.csv", "there is no column of person", "to tell people apart"),
    ),
    Fault(
        name="a definition that is none",
        build=swap("study.toml", '"nhsof_3a"', '"nhsof_3b"'),
        words=("[records], definitions", "'nhsof_3b'", "Did you mean 'nhsof_3a'?"),
        code=STUDY,
    ),
    Fault(
        name="a method of admission that is no code",
        build=_first("ADMIMETH", "A&E"),
        words=("1 left out: how admitted is told by no code of the dictionary",),
        code=0,
    ),
    Fault(
        name="an unfinished episode",
        build=_first("EPISTAT", "1"),
        words=("1 left out: the episode is unfinished",),
        code=0,
    ),
    Fault(
        name="a sub-ICB that is none",
        build=_first("CCG_RESIDENCE", "ZZZ"),
        words=("1 left out:", "ZZZ"),
        code=0,
    ),
    Fault(
        name="a sub-ICB of nowhere",
        build=_first("CCG_RESIDENCE", "59999"),
        words=("1 left out:", "sub-ICB of residence"),
        code=0,
    ),
    Fault(
        name="a stray comma",
        build=textwise(NAME, lambda text: text.replace("N390,E119", "N39,0,E119", 1)),
        words=("1 left out: ",),
        code=0,
    ),
    Fault(
        name="half a file: it ends within a row",
        build=bytewise(NAME, lambda raw: raw[:-25]),
        words=(NAME, "the last row has 16 cells, the header 22", "cut off"),
    ),
    Fault(
        name="a quotation mark that is never closed",
        build=textwise(NAME, lambda text: text.replace("N390", '"N390', 1)),
        words=("quotation marks",),
    ),
    Fault(name="an empty file", build=put(NAME, ""), words=(NAME, "empty")),
    Fault(
        name="a header and no rows",
        build=textwise(NAME, lambda text: text.partition("\n")[0] + "\n"),
        words=("no admission is left of the records (there are none)",),
    ),
    Fault(
        name="a heading given twice",
        build=swap(NAME, "DISDATE", "ADMIDATE"),
        words=(f"{NAME}, header", 'two columns are called "ADMIDATE"', "rename or delete"),
    ),
    Fault(
        name="UTF-16",
        build=bytewise(NAME, lambda raw: raw.decode().encode("utf-16")),
        words=(NAME, "UTF-16"),
    ),
    Fault(
        name="the page where one signs in",
        build=put(NAME, "<!DOCTYPE html>\n<html><body>Sign in</body></html>\n"),
        words=(NAME, "a web page", "where one signs in"),
    ),
    Fault(
        name="half a gzip file",
        build=_as("hes.csv.gz", lambda text: gzip.compress(text.encode())[:200]),
        words=("hes.csv.gz", "Save it again"),
    ),
    Fault(
        name="a gzip file that is none",
        build=_as("hes.csv.gz", lambda text: text.encode()),
        words=("hes.csv.gz", "Save it again"),
    ),
    Fault(
        name="half a Parquet file",
        build=_as("hes.parquet", lambda text: _parquet(text)[:500]),
        words=("hes.parquet", "the file cannot be opened", "Save it again"),
    ),
    Fault(
        name="lists in Parquet",
        build=_as("hes.parquet", _lists),
        words=("hes.parquet", 'column "DIAG_01" holds lists', "Write the file again"),
    ),
    Fault(
        name="a kind of file that is not read",
        build=_as("hes.sas7bdat", lambda text: text.encode()),
        words=("hes.sas7bdat", '".sas7bdat" cannot be read', ".csv, .txt, .csv.gz, .parquet"),
    ),
    Fault(
        name="a glob that matches nothing",
        build=swap("study.toml", '"hes*.csv"', '"apc*.csv"'),
        words=("no file matches 'apc*.csv'", "hes.csv", "Correct the name"),
    ),
    Fault(
        name="a folder in place of a file",
        build=both(lambda folder: (folder / NAME).unlink(), lambda folder: (folder / NAME).mkdir()),
        words=("no file matches 'hes*.csv'", "Correct the name"),
    ),
    Fault(
        name="a glob that is none",
        build=swap("study.toml", '"hes*.csv"', '"hes**.csv"'),
        words=("'hes**.csv' is not the name of a file or a glob", "** stands alone"),
    ),
)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_bad_extract_ends_in_one_clear_error_or_in_the_ledger(
    damaged: Damaged, fault: Fault
) -> None:
    damaged("HES", fault)
