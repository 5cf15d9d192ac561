"""Checks on what is there: missing periods, gaps, units that stop or start late, coverage."""

from __future__ import annotations

import polars as pl

from evaluation.checks.words import (
    findings,
    keep_out_cells,
    keep_out_unit,
    listing,
    plural,
    runs,
    span,
    stride,
    unit_name,
)
from evaluation.findings import Check
from evaluation.panel import Panel

__all__ = ["check_coverage", "check_gaps", "check_late_starts", "check_missing", "check_stops"]

# Exposure this far from a unit's usual one means that something else was counted.
_LOW_COVERAGE, _HIGH_COVERAGE = 0.5, 2.0


def _seen(panel: Panel) -> dict[str, set[int]]:
    grouped = panel.rows.group_by("unit", maintain_order=True).agg("period")
    return {unit: set(periods) for unit, periods in grouped.iter_rows()}


def check_missing(panel: Panel) -> Check:
    """Count the cells of the grid of units and periods that hold nothing.

    Periods in which no unit has a value are named: nothing can be estimated for them.
    """
    step = stride(panel)
    grid = range(panel.periods[0], panel.periods[-1] + 1, step)
    total = len(grid) * len(panel.units)
    missing = total - panel.rows.height
    empty = runs(set(grid) - set(panel.periods), step)
    rows = [
        {
            "first": panel.calendar.code(first),
            "last": panel.calendar.code(last),
            "problem": f"no unit has a value in {span(panel.calendar, first, last)}",
            "effect_on_estimate": "nothing can be said about these periods; the rest is unaffected",
            "remedy": "Check that the files of these periods are in the list of files.",
        }
        for first, last in empty
    ]
    if not missing:
        detail = (
            f"Each of the {plural(len(panel.units), 'unit')} has a value in each of the "
            f"{plural(len(grid), 'period')}."
        )
        return Check(name="missing_values", title="Missing values", passed=True, detail=detail)
    share = 100 * missing / total
    said = f"{share:.1f}%" if share >= 0.1 else "under 0.1%"
    detail = (
        f"{missing:,} of {total:,} values ({said}) are not there: not reported, or left out by the "
        "study file. The estimate uses the values that are there. That is fair as long as what is "
        "missing has nothing to do with the pilot."
    )
    return Check(
        name="missing_values",
        title="Missing values",
        passed=False if rows else None,
        detail=detail,
        remedy="See which units and periods they are in the checks on gaps and on units that stop.",
        table=findings(rows),
    )


def check_gaps(panel: Panel) -> Check:
    """Find runs of periods that a unit lacks between its first and its last value."""
    every, step = set(panel.periods), stride(panel)
    rows = []
    units = []
    for unit, seen in _seen(panel).items():
        inside = {p for p in every if min(seen) < p < max(seen)} - seen
        for first, last in runs(inside, step):
            units.append(unit)
            when = span(panel.calendar, first, last)
            rows.append(
                {
                    "unit": unit,
                    "first": panel.calendar.code(first),
                    "last": panel.calendar.code(last),
                    "problem": f"{unit_name(unit)} has no value in {when}",
                    "effect_on_estimate": "little, unless values are missing because they were "
                    "unusual; the other units' values of these periods are still used",
                    "remedy": "# Nothing, if the reason is known and has nothing to do with the "
                    "pilot. Else leave the unit out:\n" + keep_out_unit(panel, unit, "has gaps"),
                }
            )
    if not rows:
        return Check(
            name="gaps",
            title="Gaps in a unit's values",
            passed=True,
            detail="No unit has a gap between its first and its last value.",
        )
    names = listing(unit_name(u) for u in dict.fromkeys(units))
    return Check(
        name="gaps",
        title="Gaps in a unit's values",
        passed=None,
        detail=f"There are gaps in the values of {names}. They were not reported, or the study "
        "file leaves them out. The estimate uses the values on either side of a gap.",
        remedy="Find out why they are missing. If the reason could have to do with the pilot, "
        "leave the unit out.",
        table=findings(rows),
    )


def check_stops(panel: Panel) -> Check:
    """Find units whose values end before the panel does."""
    return _ends(panel, stops=True)


def check_late_starts(panel: Panel) -> Check:
    """Find units whose values begin after the panel does."""
    return _ends(panel, stops=False)


def _ends(panel: Panel, *, stops: bool) -> Check:
    first, last, step = panel.periods[0], panel.periods[-1], stride(panel)
    rows = []
    units = []
    for unit, seen in _seen(panel).items():
        low, high = min(seen), max(seen)
        if (high == last) if stops else (low == first):
            continue
        units.append(unit)
        ends = (high + step, last) if stops else (first, low - step)
        rows.append(_end_row(panel, unit, ends, stops=stops))
    title = "Units that stop reporting" if stops else "Units that start late"
    name = "stops_reporting" if stops else "starts_late"
    end = panel.calendar.label(last if stops else first)
    if not units:
        verb = "reports until the end" if stops else "reports from the start"
        return Check(name=name, title=title, passed=True, detail=f"Every unit {verb} ({end}).")
    names = listing(unit_name(u) for u in units)
    pilots = [u for u in units if u in panel.adoption.first_treated]
    has = "has" if len(units) == 1 else "have"
    if pilots:
        harm = "Pilot areas are among them: the effect there is measured over a shorter time."
    else:
        when = "Afterwards" if stops else "Before they start,"
        harm = f"{when} the pilot sites are compared with fewer areas."
    where = "at the end of the study" if stops else "at the start of the study"
    return Check(
        name=name,
        title=title,
        passed=False if stops or pilots else None,
        detail=f"{plural(len(units), 'area')} {has} no values {where} ({end}): {names}. {harm}",
        remedy="Leave them out with a reason, as the table shows, or get the missing values."
        if stops
        else "Leave them out with a reason, start the study later, or get the missing values.",
        table=findings(rows),
    )


def _end_row(panel: Panel, unit: str, ends: tuple[int, int], *, stops: bool) -> dict[str, str]:
    calendar = panel.calendar
    step = stride(panel)
    edge = calendar.label(ends[0] - step if stops else ends[1] + step)
    missing = plural((ends[1] - ends[0]) // step + 1, "period")
    if stops:
        problem = f"{unit_name(unit)} reports nothing after {edge} ({missing} missing)"
        reason = f"no values after {edge}"
    else:
        problem = f"{unit_name(unit)} reports nothing before {edge} ({missing} missing)"
        reason = f"no values before {edge}"
    if unit in panel.adoption.first_treated:
        effect = "the effect in this pilot area rests on fewer periods than in the others"
        remedy = "# Get the missing values, or leave the area out:\n"
    else:
        effect = (
            "the group that the pilot sites are compared with changes then; this can look like "
            "an effect if the area was on another course than the rest"
        )
        remedy = ""
    return {
        "unit": unit,
        "first": calendar.code(ends[0]),
        "last": calendar.code(ends[1]),
        "problem": problem,
        "effect_on_estimate": effect,
        "remedy": remedy + keep_out_unit(panel, unit, reason),
    }


def check_coverage(panel: Panel) -> Check:
    """Find periods whose exposure (days reported, residents) is far from the unit's usual one."""
    name, title = "coverage", "Changes in what was counted"
    if "exposure" not in panel.rows.columns:
        return Check(
            name=name,
            title=title,
            passed=None,
            detail="This outcome has no exposure (days reported, residents) to check.",
        )
    odd = (
        panel.rows.with_columns(usual=pl.col("exposure").median().over("unit"))
        .filter(pl.col("usual") > 0)
        .with_columns(ratio=pl.col("exposure") / pl.col("usual"))
        .filter((pl.col("ratio") < _LOW_COVERAGE) | (pl.col("ratio") > _HIGH_COVERAGE))
    )
    rows = []
    for unit, part in odd.group_by("unit", maintain_order=True):
        label = str(unit[0])
        for first, last in runs(part["period"], stride(panel)):
            inside = part.filter(pl.col("period").is_between(first, last))
            low = float(inside["ratio"].to_numpy().mean())
            rows.append(_coverage_row(panel, label, (first, last), low))
    if not rows:
        return Check(
            name=name,
            title=title,
            passed=True,
            detail="In every period each unit's exposure (what its outcome is counted over) is "
            "between half and twice its usual one.",
        )
    names = listing(unit_name(u) for u in dict.fromkeys(r["unit"] for r in rows))
    return Check(
        name=name,
        title=title,
        passed=None,
        detail=f"In some periods far less or more was counted than usual in {names}. A rate may "
        "still be right, but it stands for other people or other days than before.",
        remedy="Ask who supplied the figures; leave the periods out if the rest was not like them.",
        table=findings(rows),
    )


def _coverage_row(panel: Panel, unit: str, ends: tuple[int, int], ratio: float) -> dict[str, str]:
    when = span(panel.calendar, *ends)
    return {
        "unit": unit,
        "first": panel.calendar.code(ends[0]),
        "last": panel.calendar.code(ends[1]),
        "value": f"{100 * ratio:.0f}% of usual",
        "problem": f"{unit_name(unit)}: exposure in {when} is {100 * ratio:.0f}% of its usual one",
        "effect_on_estimate": "none, if those counted were like the rest; else the rate of these "
        "periods is off",
        "remedy": keep_out_cells(panel.calendar, unit, ends, "exposure far from its usual level"),
    }
