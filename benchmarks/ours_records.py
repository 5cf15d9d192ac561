"""What this package does in the races of records: the same expressions that `panel` runs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import narwhals as nw
import polars as pl

from evaluation.records.avoidable import is_avoidable
from evaluation.records.build import build_panel
from evaluation.records.definitions import definition
from evaluation.records.engines import collected, lazy
from evaluation.study import parse_study

__all__ = ["STUDY", "care_homes", "conditions", "first_episodes", "panel"]

STUDY = """
version = 1
title = "Records to race on"
time = { frequency = "month" }
sites = [{ name = "Coventry", units = ["QWU"], starts = "2023-01" }]

[[outcomes]]
key = "admissions"
label = "Admissions"
files = ["panel.csv"]
measure = "count"
columns = { unit = "unit", period = "period", count = "emergency_admissions" }

[records]
files = ["raw/*.parquet"]
columns = { care_home = "CH_MATCH" }
least_age = 65
residents = { rule = "match" }
"""


def _counted(folder: Path, key: str) -> Mapping[str, float]:
    year, month = nw.col("admitted").dt.year(), nw.col("admitted").dt.month()
    cells = (
        lazy(pl.scan_parquet(folder / "episodes" / "*.parquet"))
        .filter(is_avoidable(definition(key)))
        .with_columns(month=year.cast(nw.Int64) * 12 + month.cast(nw.Int64))
        .group_by("sub_icb", "month")
        .agg(nw.len().cast(nw.Int64).alias("n"))
    )
    table = collected(cells, {"sub_icb": pl.String, "month": pl.Int64, "n": pl.Int64})
    return {"cells": table.height, "avoidable": float(table["n"].sum())}


def care_homes(folder: Path, _: int) -> Mapping[str, float]:
    """Count by the list for care homes: the one of the five that is quickest."""
    return _counted(folder, "cqc_2013_iau")


def conditions(folder: Path, _: int) -> Mapping[str, float]:
    """Count by the list of 19 conditions: the one that takes longest, for it searches all codes."""
    return _counted(folder, "su_19_acsc")


def panel(folder: Path, _: int) -> Mapping[str, float]:
    """Go from raw records to the panel and the ledger, each spell counted once."""
    return _panel(folder, STUDY)


def first_episodes(folder: Path, _: int) -> Mapping[str, float]:
    """Do the same, counting first episodes."""
    return _panel(folder, f'{STUDY}admissions = "first_episodes"\n')


def _panel(folder: Path, study: str) -> Mapping[str, float]:
    built = build_panel(parse_study(study, folder / "study.toml"))
    made, steps = built.tables.panel, built.ledger
    return {
        "records": float(steps.filter(status="read")["records"].sum()),
        "used": float(made["emergency_admissions"].sum()),
        "avoidable": float(made["avoidable_cqc_2013_iau"].sum()),
    }
