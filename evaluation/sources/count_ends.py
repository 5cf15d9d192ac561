"""The two ends of counts that a publisher has suppressed or rounded."""

from __future__ import annotations

import polars as pl

from evaluation.sources.markers import SUPPRESSED, meaning, number
from evaluation.sources.rules import Sifting
from evaluation.sources.tidy import Tidy
from evaluation.study import Outcome

__all__ = ["COUNT_ENDS", "place_ends", "within_exposure"]

COUNT_ENDS = ("count_low", "count_high")


def place_ends(sifting: Sifting, tidy: Tidy, outcome: Outcome) -> Sifting:
    """Give suppressed and rounded counts the lowest and the highest figure that they may be.

    Rows gain ``count_low`` and ``count_high`` where any count of the outcome is uncertain; a
    suppressed count becomes the lowest that it may be, until the estimate puts it at its midpoint.
    An outcome that is not made from counts keeps its rows as they are.
    """
    is_counted = "count" in tidy.figures and (
        outcome.measure != "mean" or "value" not in tidy.figures
    )
    if not is_counted:
        return sifting
    hidden = meaning("count") == SUPPRESSED
    live = sifting.rows.filter(pl.col("left_out").is_null())
    any_hidden = bool(live.select(hidden.any()).item())
    if not any_hidden and outcome.rounded_to == 1:
        return sifting
    low, high = outcome.suppressed
    sifting = sifting.note(
        "suppressed_counts",
        hidden,
        f"the count is suppressed: it is from {low} to {high}, and not known",
        value="count",
    )
    if any_hidden:
        sifting = sifting.note(
            "shown_counts",
            number("count").is_between(max(low, 1), high),
            # Without the count itself: what is found is told in releases, too.
            f"a count from {low} to {high} is shown, and others of this size are hidden",
            value="count",
        )
    sifting = _refuse_unrounded(sifting, outcome)
    lowest, highest = _ends(outcome.rounded_to, high, any_hidden=any_hidden)
    rows = sifting.rows.with_columns(
        pl.when(hidden).then(float(low)).otherwise(lowest).alias("count_low"),
        pl.when(hidden).then(float(high)).otherwise(highest).alias("count_high"),
        pl.when(hidden).then(pl.lit(str(low))).otherwise("count").alias("count"),
    )
    return Sifting(rows=rows, found=sifting.found)


def within_exposure(used: pl.DataFrame, outcome: Outcome) -> pl.DataFrame:
    """Hold the ends of a numerator to its denominator, where the outcome is a share."""
    if outcome.measure != "share" or "count_high" not in used.columns:
        return used
    return used.with_columns(pl.min_horizontal(end, "exposure") for end in COUNT_ENDS)


def _ends(rounded_to: int, hidden: int, *, any_hidden: bool) -> tuple[pl.Expr, pl.Expr]:
    """Return the ends of a count that is written out; ``hidden`` is the highest that is not."""
    count = number("count")
    if rounded_to == 1:
        return count, count
    half = float(rounded_to // 2)
    top_of_zero = 0.0 if any_hidden else half
    # Where small counts are suppressed, a 0 is a 0 and a rounded count lies above the hidden ones.
    is_above = pl.lit(any_hidden) & (count > hidden)
    least = pl.when(is_above).then(float(hidden + 1)).otherwise(1.0)
    lowest = pl.when(count == 0).then(0.0).otherwise(pl.max_horizontal(count - half, least))
    highest = pl.when(count == 0).then(top_of_zero).otherwise(count + half)
    return pl.when(count.is_not_null()).then(lowest), pl.when(count.is_not_null()).then(highest)


def _refuse_unrounded(sifting: Sifting, outcome: Outcome) -> Sifting:
    base = outcome.rounded_to
    if base == 1:
        return sifting
    return sifting.object_to(
        "impossible_values",
        number("count") % base != 0,
        f"the count is no multiple of {base}, although rounded_to = {base}",
        value="count",
    )
