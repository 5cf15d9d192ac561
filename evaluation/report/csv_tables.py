"""The released tables as CSV files, with their schema beside them (CSV on the Web).

One row of headings, no other text, UTF-8; ``csv-metadata.json`` says of each column what it holds
(W3C, Model for Tabular Data and Metadata on the Web, 2015). Numbers read back to the same double.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import polars as pl

from evaluation.disclosure import Released
from evaluation.report.frame import run_identity
from evaluation.results.tables import (
    CHECK_SCHEMA,
    ESTIMATE_SCHEMA,
    EVENT_STUDY_SCHEMA,
    checks_frame,
    estimates_frame,
    event_study_frame,
)

__all__ = ["FOLDER", "SCHEMA", "csv_files", "csv_titles"]

FOLDER = "tables"
SCHEMA = "csv-metadata.json"  # the name that CSV on the Web looks for beside a file

Schema = dict[str, type[pl.DataType]]

_TYPES: dict[type[pl.DataType], str] = {
    pl.String: "string",
    pl.Int64: "integer",
    pl.Float64: "double",
    pl.Boolean: "boolean",
}
# Shorthands in place of a number, as in the workbook: suppressed, not reported, not applicable.
_CODES = ("[c]", "[x]", "[z]")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Table:
    """One file: ``coded`` are columns of numbers that may hold a shorthand."""

    name: str
    frame: pl.DataFrame
    schema: Schema
    coded: Schema


@cache
def _words() -> dict[str, Any]:
    text = files("evaluation.report").joinpath("csv_tables.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def csv_titles() -> dict[str, str]:
    """Return the name of each CSV file, with its folder, and what it holds; then of the schema."""
    titles = {f"{FOLDER}/{name}.csv": words["title"] for name, words in _words().items()}
    return {**titles, f"{FOLDER}/{SCHEMA}": "What each column holds (schema, CSV on the Web)"}


def csv_files(released: Released) -> Iterator[tuple[str, str]]:
    """Yield the name and the text of every CSV file, and of their schema."""
    tables = [*_tables(released)]
    for table in tables:
        yield f"{FOLDER}/{table.name}.csv", table.frame.select(list(table.schema)).write_csv()
    schema = json.dumps(_schema(released, tables), indent=2, ensure_ascii=False)
    yield f"{FOLDER}/{SCHEMA}", f"{schema}\n"


def _tables(released: Released) -> Iterator[_Table]:
    made: tuple[tuple[str, pl.DataFrame, Schema, Schema], ...] = (
        ("estimates", estimates_frame(released.estimates), ESTIMATE_SCHEMA, {}),
        ("event_study", event_study_frame(released.event_study), EVENT_STUDY_SCHEMA, {}),
        ("counts", released.counts, _COUNTS, dict.fromkeys(("count", "exposure"), pl.Float64)),
        ("trends", _trends(released), _TRENDS, {"value": pl.Float64}),
        ("checks", checks_frame(released.checks), CHECK_SCHEMA, {}),
        ("ledger", released.ledger, _LEDGER, {}),
    )
    for name, frame, schema, coded in made:
        yield _Table(name=name, frame=frame, schema=schema, coded=coded)


_COUNTS: Schema = dict.fromkeys(
    ("outcome", "group", "site", "phase", "count", "exposure"), pl.String
)
_TRENDS: Schema = dict.fromkeys(("outcome", "group", "site", "period", "value"), pl.String)
# Not its ranges of rows, which only who has the files can use.
_LEDGER: Schema = {
    **dict.fromkeys(("outcome", "file", "status", "reason"), pl.String),
    "rows": pl.Int64,
}


def _trends(released: Released) -> pl.DataFrame:
    code = released.study.calendar.code
    rows = [
        (trend.outcome, trend.group, trend.site, str(code(period)), _value(value, hidden=hidden))
        for trend in released.trends
        for period, value, hidden in zip(trend.periods, trend.values, trend.suppressed, strict=True)
    ]
    return pl.DataFrame(rows, schema=_TRENDS, orient="row")


def _value(value: float | None, *, hidden: bool) -> str:
    if hidden:
        return "[c]"
    return "[x]" if value is None else repr(value)


def _schema(released: Released, tables: list[_Table]) -> dict[str, Any]:
    study = released.study
    notes = [study.notice] if study.notice else []
    if not released.controlled:
        notes.append("Disclosure control was switched off for this study.")
    return {
        "@context": ["http://www.w3.org/ns/csvw", {"@language": "en"}],
        "dc:title": study.title,
        "dc:description": " ".join([*notes, "Tables behind the report."]),
        "dc:identifier": f"run {run_identity(released)}",
        "dialect": {"header": True, "encoding": "utf-8", "lineTerminators": ["\n"]},
        "tables": [_described(table) for table in tables],
    }


def _described(table: _Table) -> dict[str, Any]:
    words = _words()[table.name]
    columns = [
        {
            "name": name,
            "titles": name,
            "dc:description": words["columns"][name],
            "datatype": _TYPES[table.coded.get(name, kind)],
            **({"null": ["", *_CODES]} if name in table.coded else {}),
        }
        for name, kind in table.schema.items()
    ]
    return {
        "url": f"{table.name}.csv",
        "dc:title": words["title"],
        "tableSchema": {"columns": columns},
    }
