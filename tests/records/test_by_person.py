"""Some persons after others: what is laid down and linked bin by bin is what is linked at once."""

from __future__ import annotations

import tempfile
from pathlib import Path

import narwhals as nw
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from evaluation.errors import SourceError
from evaluation.records.by_person import count_by_person
from evaluation.records.engines import Frame, collected, lazy
from evaluation.records.plan import make_plan
from evaluation.records.query import Query
from evaluation.records.reading import to_episodes
from evaluation.study import Study, parse_study
from records_generator import DEFINITIONS, Drawn, draw

STUDY = f"""version = 1
title = "A pilot"

[time]
frequency = "month"
first = "2022-06"
last = "2023-07"

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
"""
MATCH = 'residents = { rule = "match" }\n'
WAYS = {
    "spells": MATCH,
    "stays": f'{MATCH}transfers = "join"\n',
    "where spells end": 'residents = { rule = "match_or_codes", at = "either" }\n',
    "unfinished kept": f'{MATCH}unfinished = "keep"\n',
    "first episodes": f'{MATCH}admissions = "first_episodes"\n',
}
RECORDS = 30_000
BINS = 6
# Fewer than there are, so that they are laid down; and so few that bins are divided again.
SIZES = (20_000, 2_000)


def study(way: str) -> Study:
    return parse_study(STUDY + way, Path("study.toml"))


def settled(
    records: pl.DataFrame, how: Study, *, extracts: int = 1
) -> tuple[dict[str, Frame], Query]:
    """Return records in several extracts, as the query takes them."""
    plan = make_plan(how)
    query = Query(plan=plan)
    numbered = records.with_row_index("_row")
    parts = [numbered.filter(pl.col("_row") % extracts == k).drop("_row") for k in range(extracts)]
    episodes = [
        to_episodes(
            lazy(part), plan.layout, columns=plan.settings.columns, coded=query.could_count()
        )
        for part in parts
    ]
    return {f"file {n}": query.settled(each.frame) for n, each in enumerate(episodes)}, query


def summed(counts: pl.DataFrame) -> pl.DataFrame:
    keys = [name for name in counts.columns if name not in ("records", "recast")]
    sums = counts.group_by(keys).agg(pl.col("records", "recast").sum())
    return sums.sort(keys, nulls_last=True)


def at_once(frames: dict[str, Frame], query: Query) -> pl.DataFrame:
    (frame,) = frames.values()
    return collected(query.cells(query.finished(query.linked(frame))), query.schema)


@pytest.fixture(scope="module")
def some() -> Drawn:
    """Return synthetic records, with repeats, later episodes and transfers among them."""
    return draw(RECORDS)


@pytest.mark.parametrize("way", WAYS.values(), ids=list(WAYS))
def test_bin_by_bin_is_as_at_once(some: Drawn, way: str) -> None:
    whole = summed(at_once(*settled(some.records, study(way))))
    assert whole["records"].sum() == RECORDS
    frames, query = settled(some.records, study(way), extracts=3)
    for size in SIZES:
        assert_frame_equal(summed(count_by_person(frames, query, at_once=size, bins=BINS)), whole)


def test_nothing_stays_in_the_folder_and_little_is_not_laid_down(
    some: Drawn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    frames, query = settled(some.records, study(MATCH))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    count_by_person(frames, query, at_once=1000, bins=BINS)
    assert not list(tmp_path.iterdir())
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "absent"))
    count_by_person(frames, query, at_once=10 * RECORDS)
    with pytest.raises(SourceError, match="records cannot be laid down") as caught:
        count_by_person(frames, query, at_once=1000, bins=BINS)
    assert caught.value.place == str(tmp_path / "absent")
    assert "TMPDIR" in caught.value.remedy


def test_a_person_with_more_records_than_are_linked_at_once(some: Drawn) -> None:
    """One pseudonym that stands for everybody without one is common."""
    everybody = some.records.with_columns(pl.lit("0000").alias("TOKEN_PERSON_ID"))
    frames, query = settled(everybody, study(MATCH))
    found = summed(count_by_person(frames, query, at_once=1000, bins=BINS))
    assert_frame_equal(found, summed(at_once(frames, query)))


def test_what_goes_wrong_in_linking_leaves_nothing_and_is_told_as_it_is(
    some: Drawn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    frames, query = settled(some.records, study(MATCH))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    (frame,) = frames.values()
    broken = {"broken": frame.with_columns(nw.col("_year").cast(nw.String))}
    with pytest.raises(pl.exceptions.PolarsError):
        count_by_person(frames | broken, query, at_once=1000, bins=BINS)
    assert not list(tmp_path.iterdir())


def test_a_full_disk_is_told_and_nothing_is_left(
    some: Drawn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A limit on the size of files stands for a full disk: both end a write with OSError."""
    resource = pytest.importorskip("resource", reason="no limit on the size of files here")
    frames, query = settled(some.records, study(MATCH))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, hard))
    try:
        with pytest.raises(SourceError, match="cannot be laid down for a while \\(File too large"):
            count_by_person(frames, query, at_once=1000, bins=BINS)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert not list(tmp_path.iterdir())
