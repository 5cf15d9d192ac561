"""Panels of the published cases, straight from their CSV files."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from evaluation.panel import Adoption, Measure, Panel
from evaluation.periods import Calendar

MakePanel = Callable[..., Panel]


@pytest.fixture(scope="session")
def expected(cases: Path) -> Callable[[str], dict[str, Any]]:
    """Return a reader of a case's expected numbers, by the id of the estimate."""

    def read(case: str) -> dict[str, Any]:
        stored = json.loads((cases / case / "expected.json").read_text(encoding="utf-8"))
        return {estimate["id"]: estimate for estimate in stored["estimates"]}

    return read


@pytest.fixture(scope="session")
def as_panel() -> MakePanel:
    """Return a maker of panels from a table with ``unit``, ``time``, ``y``, ``first_treated``."""

    def make(
        table: pl.DataFrame,
        *,
        covariates: tuple[str, ...] = (),
        measure: Measure = "mean",
        per: float = 1.0,
    ) -> Panel:
        optional = [c for c in ("weight", "count", "exposure", "dose") if c in table.columns]
        rows = table.select(
            "unit",
            pl.col("time").alias("period"),
            pl.col("y").alias("outcome"),
            *optional,
            *covariates,
        ).with_columns(pl.col("unit").cast(pl.String))
        if "weight" not in optional:
            rows = rows.with_columns(weight=pl.lit(1.0))
        names = rows["unit"].to_list()
        starts = table["first_treated"].to_list()
        return Panel(
            rows=rows,
            adoption=Adoption(
                site={name: name for name in names},
                first_treated={n: int(g) for n, g in zip(names, starts, strict=True) if g},
            ),
            calendar=Calendar(frequency="index"),
            measure=measure,
            per=per,
            covariates=covariates,
        )

    return make
