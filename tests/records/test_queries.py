"""How queries are run: what goes wrong is told as what it is, the environment is left alone."""

from __future__ import annotations

import gzip
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import duckdb
import narwhals as nw
import polars as pl
import pytest

from evaluation.errors import SourceError, UsageError
from evaluation.records.build import build_panel, open_records
from evaluation.records.engines import collected, frugal, lazy
from evaluation.study import Study, parse_study
from records_generator import draw

STUDY = """version = 1
title = "A pilot"
time = { frequency = "month" }
sites = [{ name = "Coventry", units = ["QWU"], starts = "2023-06" }]

[[outcomes]]
key = "admissions"
label = "Admissions"
files = ["panel.csv"]
measure = "count"
columns = { unit = "unit", period = "period", count = "emergency_admissions" }

[records]
files = ["hes.*"]
residents = { rule = "everyone" }
"""
RECORDS = 4_000
OURS = ("POLARS_IDEAL_MORSEL_SIZE", "POLARS_ROW_GROUP_PREFETCH_SIZE")


def study(folder: Path, admissions: str = "spells") -> Study:
    return parse_study(f'{STUDY}admissions = "{admissions}"\n', folder / "study.toml")


@pytest.mark.parametrize("admissions", ["spells", "first_episodes"])
def test_a_file_that_ends_early_or_has_gone_is_told(tmp_path: Path, admissions: str) -> None:
    whole = gzip.compress(draw(RECORDS).records.write_csv().encode())
    (tmp_path / "hes.csv.gz").write_bytes(whole[:-2000])
    with pytest.raises(SourceError, match="cannot be read to the end") as caught:
        build_panel(study(tmp_path, admissions))
    assert "cut off" in caught.value.remedy
    assert caught.value.place == "hes.csv.gz"
    (tmp_path / "hes.csv.gz").unlink()
    draw(RECORDS).records.write_parquet(tmp_path / "hes.parquet")
    how = study(tmp_path, admissions)
    opened = open_records(how)
    (tmp_path / "hes.parquet").unlink()
    with pytest.raises(SourceError, match="cannot be read to the end"):
        build_panel(how, opened)


def test_an_error_of_the_program_is_not_told_as_a_bad_file() -> None:
    frame = lazy(pl.DataFrame({"a": ["x"]}).lazy()).with_columns(b=nw.col("a").cast(nw.Int64))
    with pytest.raises(pl.exceptions.InvalidOperationError):
        collected(frame, {"b": pl.Int64})


def test_extracts_of_two_engines_are_refused_and_none_is_not_the_files(tmp_path: Path) -> None:
    records = draw(RECORDS).records
    records.write_csv(tmp_path / "hes.csv")
    with duckdb.connect() as connection:
        relation = connection.read_csv(str(tmp_path / "hes.csv"), all_varchar=True)
        with pytest.raises(UsageError, match="frames of duckdb and polars"):
            build_panel(study(tmp_path), {"one": records, "two": relation})
    with pytest.raises(SourceError, match="there are no records"):
        build_panel(study(tmp_path), {})


def test_the_environment_is_as_before_when_the_last_query_has_ended(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(OURS[0], "12345")
    monkeypatch.delenv(OURS[1], raising=False)
    others = 8
    together = Barrier(others)

    def one(_: int) -> bool:
        for _ in range(20):
            with frugal():
                seen = os.environ[OURS[0]] == "12345" and OURS[1] in os.environ
            if not seen:
                return False
        together.wait()
        return True

    with ThreadPoolExecutor(others) as threads:
        assert all(threads.map(one, range(others)))
    assert (os.environ[OURS[0]], os.environ.get(OURS[1])) == ("12345", None)
