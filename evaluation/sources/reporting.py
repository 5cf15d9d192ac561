"""What a daily source leaves unreported: days, months in the middle, breaks of definition."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta

import polars as pl

from evaluation.findings import Check
from evaluation.sources.declaration import DefinitionBreak, Metric
from evaluation.sources.markers import NOT_REPORTED
from evaluation.study import Outcome, Study

__all__ = ["definition_breaks", "missing_months", "reporting"]

_NAMED = 12


def _in_study() -> pl.Expr:
    """Whether a row is of the metric and of a unit of the study, reported or not."""
    reason = pl.col("left_out")
    return reason.is_null() | reason.str.starts_with(NOT_REPORTED)


def _long(day: date) -> str:
    return f"{day.day} {day:%B %Y}"


def reporting(rows: pl.DataFrame, metric: Metric, study: Study, outcome: Outcome) -> Check:
    """Return how many rows of the study hold no figure, by unit, and which days nobody reported.

    Parameters
    ----------
    rows : polars.DataFrame
        Every row, with ``unit``, ``period``, ``date`` and ``left_out``.
    metric : Metric
        The metric read: says whether a row is a day.
    study, outcome : Study, Outcome
        Name the periods and the check.
    """
    asked = rows.filter(_in_study())
    silent = asked.filter(pl.col("left_out").is_not_null())
    noun = f"{metric.grain}s"
    by_date = asked.group_by("date").agg(pl.col("left_out").is_not_null().all().alias("silent"))
    empty = by_date.filter("silent")["date"].sort()
    # A day that nobody reported is said once, not once a unit.
    alone = silent.filter(~pl.col("date").is_in(empty.implode()))
    table = (
        alone.group_by("unit", "period")
        .agg(pl.len().alias("missing"))
        .join(asked.group_by("unit", "period").agg(pl.len().alias("rows")), on=["unit", "period"])
        .sort("unit", "period")
    )
    names = {p: study.calendar.code(p) for p in table["period"].unique()}
    nobody = f" Nobody reported on {', '.join(_long(d) for d in empty[:5])}." if len(empty) else ""
    share = f"{silent.height / asked.height:.1%}" if asked.height else "none"
    return Check(
        name=f"{noun}_not_reported",
        title=f"{noun.capitalize()} that were not reported",
        passed=None,
        detail=f"{silent.height:,} of {asked.height:,} rows of the study's units ({share}) hold no "
        f"figure.{nobody} They are left out, and never count as 0: a period's figure is the mean "
        "of what was reported.",
        outcome=outcome.key,
        table=table.select(
            "unit",
            pl.col("period").replace_strict(names, default=None, return_dtype=pl.String),
            pl.format("{} of {}", "missing", "rows").alias("value"),
            pl.format("{} of {} {} not reported", "missing", "rows", pl.lit(noun)).alias("problem"),
        ),
    )


def missing_months(rows: pl.DataFrame, outcome: Outcome) -> Check:
    """Return whether a month between the first and the last has no row at all."""
    asked = rows.filter(_in_study()).select(pl.col("date").dt.month_start()).unique()
    title = "No month is missing between the first and the last"
    if asked.is_empty():
        return Check(
            name="missing_months",
            title=title,
            passed=None,
            detail="There are no rows.",
            outcome=outcome.key,
        )
    every = pl.select(
        pl.date_range(pl.lit(asked["date"].min()), pl.lit(asked["date"].max()), "1mo").alias("date")
    )
    gone = every.join(asked, on="date", how="anti")["date"].sort()
    if gone.is_empty():
        return Check(
            name="missing_months",
            title=title,
            passed=True,
            detail="Every month from the first to the last has rows.",
            outcome=outcome.key,
        )
    effect = "The month is absent for every unit; trends and event times have a gap there."
    remedy = "Add the file of the month to files."
    return Check(
        name="missing_months",
        title=title,
        passed=False,
        detail=f"No file holds rows for {_named(gone.to_list())}. {effect}",
        remedy=remedy,
        outcome=outcome.key,
        table=pl.DataFrame({"period": [f"{d:%Y-%m}" for d in gone]}).with_columns(
            pl.lit("no file holds rows for the month").alias("problem"),
            pl.lit(effect).alias("effect_on_estimate"),
            pl.lit(remedy).alias("remedy"),
        ),
    )


def _named(months: list[date]) -> str:
    more = f" and {len(months) - _NAMED:,} more months" if len(months) > _NAMED else ""
    return ", ".join(f"{month:%B %Y}" for month in months[:_NAMED]) + more


def definition_breaks(
    rows: pl.DataFrame, metric: Metric, breaks: Iterable[DefinitionBreak], outcome: Outcome
) -> list[Check]:
    """Return a failed check for each change of definition of the metric within the data used."""
    used = rows.filter(pl.col("left_out").is_null())["date"]
    if used.is_empty():
        return []
    first = used.min()
    last_day = {"day": pl.col("date"), "week": pl.col("date").dt.offset_by("6d")}.get(
        metric.grain, pl.col("date").dt.month_end()
    )
    end = pl.DataFrame({"date": used}).select(last_day.max()).item()
    if not isinstance(first, date) or not isinstance(end, date):
        return []
    return [
        _broken(metric, item, outcome)
        for item in breaks
        if metric.key in item.metrics and first < item.on <= end
    ]


def _broken(metric: Metric, item: DefinitionBreak, outcome: Outcome) -> Check:
    day_before = _long(item.on - timedelta(days=1))
    return Check(
        name="definition_break",
        title="The metric means the same throughout",
        passed=False,
        detail=f"{metric.key} changed its definition on {_long(item.on)}: {item.detail} Figures "
        "before and after are not comparable, and an effect cannot be told from the change unless "
        "it hit pilot and comparison units alike.",
        remedy=f"End the study by {day_before} ([time] last), or begin it after.",
        outcome=outcome.key,
    )
