"""Check on values that cannot be, whatever the source let through."""

from __future__ import annotations

import polars as pl

from evaluation.checks.words import findings, keep_out_cells, listing, plural, unit_name
from evaluation.findings import Check
from evaluation.panel import Panel

__all__ = ["check_impossible"]


def _rules(panel: Panel) -> list[tuple[str, pl.Expr, str]]:
    """Return (column, condition, what is wrong) for what this measure cannot hold."""
    there = set(panel.rows.columns)
    rules = []
    if panel.measure in ("rate", "count"):
        rules.append(("outcome", pl.col("outcome") < 0, f"a {panel.measure} below 0"))
    if panel.measure == "share":
        rules.append(("outcome", pl.col("outcome") < 0, "a share below 0"))
        rules.append(("outcome", pl.col("outcome") > 1, "a share above 1 (more than all)"))
        if {"count", "exposure"} <= there:
            rules.append(
                ("count", pl.col("count") > pl.col("exposure"), "a count above what it is part of")
            )
    if "count" in there:
        rules.append(("count", pl.col("count") < 0, "a count below 0"))
    if "exposure" in there:
        rules.append(("exposure", pl.col("exposure") <= 0, "an exposure that is not above 0"))
    return rules


def check_impossible(panel: Panel) -> Check:
    """Find shares outside 0 to 1, negative counts and rates, exposures not above 0; blocking."""
    rows = []
    seen: set[tuple[str, int]] = set()
    for column, condition, problem in _rules(panel):
        bad = panel.rows.filter(condition).select("unit", "period", column)
        for unit, period, value in bad.iter_rows():
            # A share above 1 is a count above its whole: one finding, not two.
            if (unit, period) not in seen:
                seen.add((unit, period))
                rows.append(_row(panel, (unit, period), f"{value:.12g}", problem))
    if not rows:
        return Check(
            name="impossible_outcomes",
            title="Impossible values in the analysed figures",
            passed=True,
            detail="No value is outside what this measure can be.",
            blocking=True,
        )
    names = listing(unit_name(u) for u in dict.fromkeys(r["unit"] for r in rows))
    return Check(
        name="impossible_outcomes",
        title="Impossible values in the analysed figures",
        passed=False,
        detail=f"{plural(len(rows), 'value')} cannot be right, in {names}: for example "
        f"{rows[0]['problem']}. No estimate is made until this is put right.",
        remedy="Correct the file, or leave these values out of the study.",
        blocking=True,
        table=findings(rows),
    )


def _row(panel: Panel, cell: tuple[str, int], value: str, problem: str) -> dict[str, str]:
    unit, period = cell
    return {
        "unit": unit,
        "period": panel.calendar.code(period),
        "value": value,
        "problem": f"{unit_name(unit)}, {panel.calendar.label(period)}: {problem} ({value})",
        "effect_on_estimate": "not known: a wrong value can move it by any amount",
        "remedy": keep_out_cells(panel.calendar, unit, (period, period), problem),
    }
