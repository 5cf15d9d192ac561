"""Figures: markers of what is missing, text that is no number, values that cannot be."""

from __future__ import annotations

import dataframely as dy
import polars as pl

from evaluation.sources.markers import UNSEEN, blank, meaning, number, shown
from evaluation.sources.rules import Sifting
from evaluation.sources.tidy import Tidy

__all__ = ["SENTENCES", "Figures", "Shares", "read_figures", "refuse_impossible"]

_MAIN = ("count", "value")
# Above it a double does not tell neighbouring whole numbers apart, and products overflow.
_LARGEST = 2.0**53


class Figures(dy.Schema):
    """What holds for the figures of every row that is used."""

    file = dy.String(nullable=False)
    row = dy.Int64(nullable=False)
    day = dy.Int32(nullable=False)
    count = dy.Float64(nullable=True, min=0, allow_inf=True, allow_nan=True)
    exposure = dy.Float64(nullable=True, min=0, allow_inf=True, allow_nan=True)
    weight = dy.Float64(nullable=True, min=0, allow_inf=True, allow_nan=True)

    @dy.rule()
    def exposure_behind_a_count(cls) -> pl.Expr:
        """Hold that nothing is counted where nobody is exposed."""
        return ~((pl.col("exposure") == 0) & (pl.col("count") > 0))


class Shares(Figures):
    """What holds besides where the outcome is a share."""

    @dy.rule()
    def count_within_exposure(cls) -> pl.Expr:
        """Hold that the numerator does not exceed the denominator."""
        return pl.col("count") <= pl.col("exposure")


# The figure that a rule is about, and what is said when a row breaks it.
SENTENCES: dict[str, tuple[str, str]] = {
    "count|min": ("count", "the count is below 0"),
    "exposure|min": ("exposure", "the exposure is below 0"),
    "weight|min": ("weight", "the weight is below 0"),
    "exposure_behind_a_count": ("count", "something is counted although the exposure is 0"),
    "count_within_exposure": ("count", "the numerator is over the denominator"),
}


def read_figures(sifting: Sifting, tidy: Tidy) -> Sifting:
    """Leave out rows with a missing figure, object to text, and turn the rest into numbers."""
    for column in tidy.figures:
        heading = tidy.headings.get(column, column)
        rows = sifting.rows.with_columns(
            meaning(column).alias("missing"),
            number(column).alias("figure"),
            pl.col(column).alias("as_written"),
        )
        sifting = Sifting(rows=rows, found=sifting.found)
        prefix = "" if column in _MAIN else f"{heading} "
        # Markers of one meaning stay apart in the ledger: "not available (..)", "... ([x])".
        marker = pl.when(~blank("as_written")).then(pl.format(" ({})", shown("as_written")))
        sifting = sifting.leave_out(
            pl.col("missing").is_not_null(),
            pl.format("{}{}{}", pl.lit(prefix), "missing", marker.fill_null("")),
        )
        sifting = sifting.object_to(
            "numbers",
            pl.col("figure").is_null(),
            pl.format(
                'column "{}" holds "{}", which {}',
                pl.lit(heading),
                shown("as_written"),
                pl.when(pl.col("as_written").str.contains(UNSEEN))
                .then(pl.lit("has a character that cannot be seen, and is not a number"))
                .otherwise(pl.lit("is not a number")),
            ),
            value="as_written",
        )
        sifting = sifting.object_to(
            "impossible_values",
            pl.col("figure").abs() > _LARGEST,
            pl.format(
                'column "{}" holds "{}": no figure is larger than {}',
                pl.lit(heading),
                shown("as_written"),
                pl.lit(f"{_LARGEST:,.0f}"),
            ),
            value="as_written",
        )
        rows = sifting.rows.with_columns(pl.col("figure").alias(column))
        sifting = Sifting(rows=rows.drop("missing", "figure", "as_written"), found=sifting.found)
    return sifting


def refuse_impossible(sifting: Sifting, measure: str) -> Sifting:
    """Leave out rows without exposure or weight; object to figures that cannot be."""
    there = [c for c in ("count", "exposure", "weight") if c in sifting.rows.columns]
    if "exposure" in there:
        counted = pl.col("count") if "count" in there else pl.lit(0.0)
        sifting = sifting.leave_out((pl.col("exposure") == 0) & (counted == 0), "no exposure")
    if "weight" in there:
        sifting = sifting.leave_out(pl.col("weight") == 0, "weight is 0")
    absent = [
        pl.lit(None, pl.Float64).alias(c) for c in ("count", "exposure", "weight") if c not in there
    ]
    live = sifting.rows.filter(pl.col("left_out").is_null())
    schema = Shares if measure == "share" else Figures
    # In a wide sheet one row holds the figures of many days.
    place = ["file", "row", "day"]
    _, failures = schema.filter(live.select(*place, *there).with_columns(*absent))
    broken = [rule for rule in SENTENCES if rule in failures.counts()]
    if not broken:
        return sifting
    details = failures.details().select(*place, *broken)
    rows = sifting.rows.join(details, on=place, how="left", maintain_order="left")
    sifting = Sifting(rows=rows, found=sifting.found)
    for rule in broken:
        column, sentence = SENTENCES[rule]
        sifting = sifting.object_to(
            "impossible_values", pl.col(rule).cast(pl.String) == "invalid", sentence, value=column
        )
    return Sifting(rows=sifting.rows.drop(broken), found=sifting.found)
