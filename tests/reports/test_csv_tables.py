"""The CSV files: what was released and nothing else, described by their schema, twice the same."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from evaluation.disclosure import Released, release
from evaluation.report import render
from evaluation.report.csv_tables import FOLDER, SCHEMA, csv_files, csv_titles
from evaluation.results.result import Result
from evaluation.results.tables import estimates_frame, event_study_frame

Rows = list[dict[str, str]]


@pytest.fixture(scope="module")
def written(released: Released) -> dict[str, str]:
    """Return every CSV file and the schema as text."""
    return dict(csv_files(released))


def _rows(written: dict[str, str], name: str) -> Rows:
    return list(csv.DictReader(io.StringIO(written[f"{FOLDER}/{name}.csv"])))


def _schema(written: dict[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(written[f"{FOLDER}/{SCHEMA}"])
    return found


def test_the_schema_describes_every_file_and_column(written: dict[str, str]) -> None:
    tables = _schema(written)["tables"]
    assert list(written) == list(csv_titles())
    assert [f"{FOLDER}/{table['url']}" for table in tables] == list(csv_titles())[:-1]
    for table in tables:
        header = written[f"{FOLDER}/{table['url']}"].split("\n", 1)[0].split(",")
        columns = table["tableSchema"]["columns"]
        assert [column["name"] for column in columns] == header
        assert all(column["dc:description"] for column in columns)


def test_every_value_is_of_the_type_that_the_schema_gives(written: dict[str, str]) -> None:
    read: dict[str, Callable[[str], object]] = {
        "string": str,
        "integer": int,
        "double": float,
        "boolean": {"true": 1, "false": 0}.get,
    }
    checked = 0
    for table in _schema(written)["tables"]:
        columns = {column["name"]: column for column in table["tableSchema"]["columns"]}
        for row in _rows(written, table["url"].removesuffix(".csv")):
            for name, text in row.items():
                if text not in columns[name].get("null", [""]):
                    assert read[columns[name]["datatype"]](text) is not None
                    checked += 1
    assert checked > 1000


def test_estimates_read_back_to_the_released_doubles(
    released: Released, written: dict[str, str]
) -> None:
    for name, frame in (
        ("estimates", estimates_frame(released.estimates)),
        ("event_study", event_study_frame(released.event_study)),
    ):
        rows = _rows(written, name)
        assert len(rows) == frame.height
        for column in ("estimate", "ci_low", "relative_effect", "p_value"):
            found = [float(row[column]) if row[column] else None for row in rows]
            assert found == frame[column].to_list()


def test_counts_and_trends_stand_as_they_were_released(
    released: Released, written: dict[str, str]
) -> None:
    counts = _rows(written, "counts")
    assert [row["count"] for row in counts] == released.counts["count"].to_list()
    values = [row["value"] for row in _rows(written, "trends")]
    expected = [
        "[c]" if hidden else "[x]" if value is None else repr(value)
        for trend in released.trends
        for value, hidden in zip(trend.values, trend.suppressed, strict=True)
    ]
    assert values == expected
    assert "[c]" in values


def test_no_small_count_is_in_the_files(written: dict[str, str]) -> None:
    for row in _rows(written, "counts"):
        for name in ("count", "exposure"):
            assert row[name].startswith("[") or not 0 < float(row[name]) < 8
    assert "3.0" not in [row["value"] for row in _rows(written, "checks")]


def test_the_same_released_gives_the_same_bytes_and_render_writes_them(
    released: Released, written: dict[str, str], tmp_path: Path
) -> None:
    assert dict(csv_files(released)) == written
    render(released, tmp_path)
    for name, text in written.items():
        assert (tmp_path / name).read_bytes() == text.encode()


def test_an_open_study_says_that_control_was_off(example_result: Result) -> None:
    settings = example_result.study.release.model_copy(update={"suppress_below": 0, "round_to": 1})
    study = example_result.study.model_copy(update={"release": settings})
    files = dict(csv_files(release(dataclasses.replace(example_result, study=study))))
    assert "switched off" in _schema(files)["dc:description"]
