"""Panels of this package from a table of the races, and figures of an interval."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import polars as pl

from benchmarks.worker import Table
from evaluation.findings import Interval
from evaluation.panel import Adoption, Measure, Panel
from evaluation.periods import Calendar

__all__ = ["DRAWS", "LEVEL", "figures", "new_random", "panel_of", "rows_of"]

LEVEL = 0.95
DRAWS = 9999
_SEED = 20260401


def rows_of(table: Table) -> tuple[pl.DataFrame, Adoption]:
    """Return what a panel is made of; names are padded, so that they are in the rows' order."""
    names = np.array([f"u{code:06d}" for code in range(int(table["unit"].max()) + 1)])
    unit, site, first = table["unit"], table["site"], table["first"]
    at = np.flatnonzero(np.diff(unit, prepend=-1))
    adoption = Adoption(
        site={names[unit[i]]: f"s{site[i]:06d}" for i in at},
        first_treated={names[unit[i]]: int(first[i]) for i in at if first[i] >= 0},
    )
    columns = {name: table[name] for name in ("count", "exposure") if name in table}
    weight = table["exposure"] if "exposure" in table else np.ones(unit.size)
    rows = pl.DataFrame(
        {"period": table["period"], "outcome": table["y"], "weight": weight, **columns}
    ).with_columns(unit=pl.Series(names)[unit])
    return rows, adoption


def panel_of(rows: pl.DataFrame, adoption: Adoption, measure: Measure = "mean") -> Panel:
    """Return the panel, checked and ordered as any other."""
    calendar = Calendar(frequency="index")
    return Panel(rows=rows, adoption=adoption, calendar=calendar, measure=measure)


def new_random() -> np.random.Generator:
    """Return the same stream at every call, so that every call does the same."""
    return np.random.default_rng(_SEED)


def figures(value: float, interval: Interval) -> Mapping[str, float]:
    """Return what an interval has, for the table."""
    found = {"estimate": value, "p": interval.p, "se": interval.std_error}
    found |= {"low": interval.low, "high": interval.high}
    return {name: figure for name, figure in found.items() if figure is not None}
