"""Units that the study names and the data lack, and units seen on one side of their start."""

from __future__ import annotations

from difflib import get_close_matches

import polars as pl

from evaluation.panel import Adoption
from evaluation.periods import Calendar
from evaluation.sources.adoption import Members
from evaluation.sources.rules import RULES, Sifting, finding
from evaluation.study import Study

__all__ = ["say_what_gives_nothing", "say_who_is_missing"]

_NAMED = 8
_REASONS = 3
# What leaves a row out because the study says so, or because another file has it as well.
_ASKED_FOR = r"^(outside the window|excluded: |repeats a row |not in the study|contradicts )"


def say_who_is_missing(
    sifting: Sifting, study: Study, members: Members, adoption: Adoption
) -> Sifting:
    """Add findings on units of the study without data, or without data before or after."""
    rows = sifting.rows.filter(pl.col("unit").is_not_null())
    there = set(rows["unit"].unique())
    used = rows.filter(pl.col("left_out").is_null())
    in_use = set(used["unit"].unique())
    # A unit whose every row the study itself excludes is absent on purpose.
    kept = rows.filter(~pl.col("left_out").fill_null("").str.starts_with("excluded: "))
    not_excluded = set(kept["unit"].unique())
    found = []
    named = [("pilot_units", unit) for unit in members.pilots]
    named += [("comparison_units", unit) for unit in members.listed or ()]
    for rule, unit in named:
        code = members.written.get(unit, unit)
        if unit not in there:
            found.append(_no_row(rule, unit, code, sorted(there)))
        elif unit in not_excluded and unit not in in_use:
            found.append(
                finding(rule, f"every row of unit {code!r} is left out; see the ledger", unit=unit)
            )
    return sifting.also(*found, *_one_sided(used, adoption, study.calendar))


def say_what_gives_nothing(sifting: Sifting) -> Sifting:
    """Add a finding for each file of which no row is used, where the study did not ask for that."""
    reason = pl.col("left_out").fill_null("")
    is_asked_for = reason.str.contains(_ASKED_FOR)
    files = sifting.rows.group_by("file", maintain_order=True).agg(
        (reason == "").any().alias("is_used"),
        is_asked_for.any().alias("is_asked_for"),
        reason.value_counts(sort=True).struct.field("left_out").alias("reasons"),
    )
    idle = files.filter(~pl.col("is_used") & ~pl.col("is_asked_for"))
    found = [
        finding("unused_files", f"no row of {file} is used: {_listed(reasons)}", file=file)
        for file, reasons in idle.select("file", "reasons").iter_rows()
    ]
    return sifting.also(*found)


def _listed(reasons: list[str]) -> str:
    more = f"; and {len(reasons) - _REASONS} more reasons" if len(reasons) > _REASONS else ""
    return "; ".join(reasons[:_REASONS]) + more


def _no_row(rule: str, unit: str, code: str, there: list[str]) -> pl.DataFrame:
    near = get_close_matches(code, there, n=1, cutoff=0.6)
    listed = ", ".join(there[:_NAMED]) + (" and more" if len(there) > _NAMED else "")
    meant = f"Did you mean {near[0]!r}? " if near else f"The data hold {listed or 'no unit'}. "
    problem = f"no row of the data is for unit {code!r}" + (f" ({unit})" if unit != code else "")
    return finding(rule, problem, unit=unit, remedy=meant + RULES[rule].remedy)


def _one_sided(used: pl.DataFrame, adoption: Adoption, calendar: Calendar) -> list[pl.DataFrame]:
    seen = used.group_by("unit").agg(
        pl.col("period").min().alias("low"), pl.col("period").max().alias("high")
    )
    found = []
    for unit, low, high in seen.sort("unit").iter_rows():
        start = adoption.first_treated.get(unit)
        if start is None or low < start <= high:
            continue
        began = calendar.label(start)
        side = (
            f"has no untreated period: it starts in {began}, and its data in {calendar.label(low)}"
            if start <= low
            else f"has no treated period: it starts in {began}, and its data end in "
            f"{calendar.label(high)}"
        )
        found.append(finding("untreated_periods", f"unit {unit} {side}", unit=unit))
    return found
