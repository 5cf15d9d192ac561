"""Whether the homes behind an ICB's figure are the same from period to period."""

from __future__ import annotations

import polars as pl

from evaluation.findings import Check
from evaluation.study import Outcome, Study

__all__ = ["homes_in_one_unit", "homes_reporting"]

# Homes open and close; a total that moves by more than this is made by who reported.
_MOST_ABSENT = 0.05
_TITLE = "The homes behind a figure are the same throughout"


def homes_in_one_unit(rows: pl.DataFrame, study: Study, outcome: Outcome) -> tuple[Check, ...]:
    """Return a failed check where a home counts in several units in one period.

    Parameters are those of :func:`homes_reporting`.
    """
    used = rows.filter(pl.col("left_out").is_null(), pl.col("home") != "")
    twice = (
        used.group_by("home", "period")
        .agg(pl.col("unit").unique().sort().alias("units"), pl.col("file", "row").last())
        .filter(pl.col("units").list.len() > 1)
        .sort("home", "period")
    )
    if twice.is_empty():
        return ()
    told = [
        f"home {home} counts in {' and in '.join(units)} in {study.calendar.label(period)}"
        for home, period, units in twice.select("home", "period", "units").iter_rows()
    ]
    effect = "What is in the home counts twice."
    remedy = "Keep the row of the ICB that the home is in."
    more = f" And {len(told) - 1:,} more." if len(told) > 1 else ""
    return (
        Check(
            name="homes_in_one_unit",
            title="Each home counts in one unit",
            passed=False,
            detail=f"{told[0]}.{more} {effect}",
            remedy=remedy,
            outcome=outcome.key,
            table=twice.select(
                "file",
                "row",
                pl.Series("problem", told),
                pl.lit(effect).alias("effect_on_estimate"),
                pl.lit(remedy).alias("remedy"),
            ),
        ),
    )


def homes_reporting(rows: pl.DataFrame, study: Study, outcome: Outcome) -> Check:
    """Return how many homes stand behind each unit, and where some are missing.

    Parameters
    ----------
    rows : polars.DataFrame
        Every row, with ``unit``, ``period``, ``home`` and ``left_out``.
    study, outcome : Study, Outcome
        Name the periods; say whether homes are added up.
    """
    used = rows.filter(pl.col("left_out").is_null(), pl.col("home") != "")
    if used.is_empty() or study.geography.register_ == "none":
        return Check(
            name="homes_reporting",
            title=_TITLE,
            passed=None,
            detail="No homes are added up.",
            outcome=outcome.key,
        )
    found = used.group_by("unit", "period").agg(pl.col("home").n_unique().alias("homes"))
    most = found.with_columns(pl.col("homes").max().over("unit").alias("most"))
    short = most.filter(pl.col("homes") < (1 - _MOST_ABSENT) * pl.col("most")).sort(
        "unit", "period"
    )
    table = short.select(
        "unit",
        pl.col("period").map_elements(study.calendar.code, return_dtype=pl.String),
        pl.format("{} of {}", "homes", "most").alias("value"),
        pl.format("{} homes reported, at most {}", "homes", "most").alias("problem"),
    )
    there = f"{used['home'].n_unique():,} homes in {used['unit'].n_unique():,} units."
    if short.is_empty():
        detail = (
            f"{there} In every period at least {1 - _MOST_ABSENT:.0%} of a unit's homes are there."
        )
        return Check(
            name="homes_reporting", title=_TITLE, passed=True, detail=detail, outcome=outcome.key
        )
    adds_up = outcome.measure == "count"
    effect = (
        "A total of fewer homes is lower without cause."
        if adds_up
        else "A ratio stands for the homes that reported, which may differ from the others."
    )
    return Check(
        name="homes_reporting",
        title=_TITLE,
        passed=False if adds_up else None,
        detail=f"{there} In {short.height:,} of {found.height:,} units and periods more than "
        f"{_MOST_ABSENT:.0%} of the unit's homes are missing. {effect}",
        remedy='Analyse a ratio (measure = "rate" or "share"), or leave those periods out.'
        if adds_up
        else "",
        outcome=outcome.key,
        table=table.with_columns(pl.lit(effect).alias("effect_on_estimate")),
    )
