"""What the rows of Fingertips say beside their figures: value notes, and what the value is."""

from __future__ import annotations

import polars as pl

from evaluation.findings import Check
from evaluation.sources.markers import number
from evaluation.study import Outcome

__all__ = ["examine"]

# Published values are rounded to some five digits; standardised ones are off by far more.
_ROUNDING = 0.005


def examine(rows: pl.DataFrame, outcome: Outcome) -> tuple[Check, ...]:
    """Return what is to be known of the rows used.

    Parameters
    ----------
    rows : polars.DataFrame
        Every row, with ``left_out``, ``note`` and the figures as published.
    outcome : Outcome
        Says what is measured.
    """
    used = rows.filter(pl.col("left_out").is_null())
    checks = [_value_notes(used, outcome)]
    if outcome.measure in ("rate", "share") and outcome.exposure_from is None:
        checks.append(_published_value(used, outcome))
    return tuple(checks)


def _value_notes(used: pl.DataFrame, outcome: Outcome) -> Check:
    notes = (
        used.filter(pl.col("note") != "")
        .group_by("note")
        .agg(
            pl.len().alias("value"),
            pl.col("unit").unique().sort().str.join(", ").alias("unit"),
            pl.col("file").first(),
            pl.col("row").min(),
        )
        .sort("value", "note", descending=[True, False])
    )
    told = "; ".join(f"{n:,} rows: {note}" for note, n in notes["note", "value"].iter_rows())
    return Check(
        name="value_notes",
        title="What the publisher notes of the figures used",
        passed=None,
        detail=f"{told}." if told else "No figure that is used has a note.",
        outcome=outcome.key,
        table=notes.select(
            "file", "row", "unit", pl.col("value").cast(pl.String), pl.col("note").alias("problem")
        ),
    )


def _published_value(used: pl.DataFrame, outcome: Outcome) -> Check:
    """Say whether the published value is the count over the denominator, times a constant."""
    ratios = used.select(
        ratio=number("published value")
        / (number("published count") / number("published denominator"))
    ).filter(pl.col("ratio").is_finite() & (pl.col("ratio") > 0))["ratio"]
    title = "The published value is the count over the denominator"
    middle = ratios.median()
    if not isinstance(middle, float):
        return Check(
            name="published_value",
            title=title,
            passed=None,
            detail="No row that is used has a value, a count and a denominator to compare.",
            outcome=outcome.key,
        )
    apart = ratios.filter((ratios / middle - 1).abs() > _ROUNDING).len()
    if apart == 0:
        return Check(
            name="published_value",
            title=title,
            passed=True,
            detail=f"In each of {ratios.len():,} rows the value is {middle:,.6g} times the count "
            "over the denominator.",
            outcome=outcome.key,
        )
    return Check(
        name="published_value",
        title=title,
        passed=False,
        detail=f"In {apart:,} of {ratios.len():,} rows the published value is not the count over "
        "the denominator times a constant: it is standardised, or made in another way. The "
        "estimate is of the crude rate, and differs from one of the published value where the "
        "population's age or sex changed otherwise in pilot than in comparison areas.",
        remedy='To analyse the published value: measure = "mean".',
        outcome=outcome.key,
    )
