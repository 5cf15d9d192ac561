"""What is said of prescribing files: rows read and accounted for, half files, rows given twice."""

from __future__ import annotations

import polars as pl

from evaluation.findings import Check
from evaluation.study import Outcome

__all__ = ["files_scanned", "months_whole", "repeats", "rows_accounted"]

# The number of rows of a month moves by a few per cent with its working days.
_LESS_THAN_USUAL = 0.8


def files_scanned(lines: pl.DataFrame, outcome: Outcome) -> Check:
    """Return the check that says which files were read, how many rows and in which layout."""
    files = lines.group_by("file", maintain_order=True).agg(
        pl.col("layout", "rows_in_file").first()
    )
    kinds = " and ".join(sorted(files["layout"].unique()))
    count = f"{files.height} files" if files.height > 1 else "1 file"
    return Check(
        name="files_read",
        title="Files read",
        passed=None,
        detail=f"{count} with {files['rows_in_file'].sum():,} rows, of the {kinds} layout.",
        outcome=outcome.key,
        table=files.select(
            "file",
            pl.col("rows_in_file").alias("rows"),
            "layout",
            pl.format("{} rows, {} layout", "rows_in_file", "layout").alias("problem"),
        ),
    )


def rows_accounted(rows: pl.DataFrame, outcome: Outcome) -> Check:
    """Hold that the rows of each file are those used and those left out for a reason."""
    is_used = pl.col("left_out").is_null()
    files = rows.group_by("file", maintain_order=True).agg(
        pl.col("rows_in_file").first().alias("read"),
        pl.col("behind").filter(is_used).sum().alias("used"),
        pl.col("behind").filter(~is_used).sum().alias("explained"),
    )
    wrong = files.filter(pl.col("read") != pl.col("used") + pl.col("explained"))
    read, used, explained = (int(files[c].sum()) for c in ("read", "used", "explained"))
    return Check(
        name="rows_accounted",
        title="Every row is used or explained",
        passed=wrong.is_empty(),
        detail=f"{read:,} rows read = {used:,} used + {explained:,} left out with a reason, in "
        f"{files.height:,} files."
        if wrong.is_empty()
        else f"In {wrong['file'][0]} {wrong['read'][0]:,} rows were read, and "
        f"{wrong['used'][0] + wrong['explained'][0]:,} are accounted for.",
        remedy="" if wrong.is_empty() else "This is a fault of pilot-eval; please report it.",
        blocking=True,
        outcome=outcome.key,
        table=files.with_columns(
            pl.format("{} read = {} used + {} left out", "read", "used", "explained").alias(
                "problem"
            )
        ),
    )


def months_whole(rows: pl.DataFrame, outcome: Outcome) -> Check:
    """Return whether a file has far fewer rows than the others: half a file reads well."""
    files = rows.group_by("file", maintain_order=True).agg(
        pl.col("rows_in_file").first(), pl.col("period_text").drop_nulls().first()
    )
    usual = files["rows_in_file"].median()
    title = "No file has far fewer rows than the others"
    if files.height < 3 or not isinstance(usual, float):
        return Check(
            name="months_whole",
            title=title,
            passed=None,
            detail="Fewer than three files: there is nothing to compare them with.",
            outcome=outcome.key,
        )
    short = files.filter(pl.col("rows_in_file") < _LESS_THAN_USUAL * usual)
    if short.is_empty():
        return Check(
            name="months_whole",
            title=title,
            passed=True,
            detail=f"Each file has at least {_LESS_THAN_USUAL:.0%} of the usual {usual:,.0f} rows.",
            outcome=outcome.key,
        )
    told = ", ".join(f"{file} ({n:,})" for file, n in short["file", "rows_in_file"].iter_rows())
    effect = "Totals of the month would be too low for some areas or all."
    return Check(
        name="months_whole",
        title=title,
        passed=False,
        detail=f"Usual are {usual:,.0f} rows; fewer are in {told}. {effect}",
        remedy="Get the file again: it may have been cut off.",
        outcome=outcome.key,
        table=short.select(
            "file",
            pl.col("period_text").alias("period"),
            pl.col("rows_in_file").cast(pl.String).alias("value"),
            pl.lit("far fewer rows than the other files").alias("problem"),
            pl.lit(effect).alias("effect_on_estimate"),
        ),
    )


def repeats(rows: pl.DataFrame, outcome: Outcome) -> Check:
    """Return whether rows that are used came twice: paged downloads repeat some."""
    live = rows.filter(pl.col("left_out").is_null())
    used = live.filter(pl.col("behind") > pl.col("told_apart"))
    title = "No row that is used came twice within its file"
    if used.is_empty():
        return Check(
            name="rows_given_twice",
            title=title,
            passed=True,
            detail="No two rows used agree in practice, presentation, quantity and figure.",
            outcome=outcome.key,
        )
    more = used.with_columns((pl.col("behind") - pl.col("told_apart")).alias("more"))
    effect = "What came twice is counted twice."
    return Check(
        name="rows_given_twice",
        title=title,
        passed=False,
        detail=f"{more['more'].sum():,} of {live['behind'].sum():,} "
        "rows that are used agree with another in practice, presentation, quantity and figure. "
        f"{effect}",
        remedy="Get the whole file rather than pages of it, or delete the repeats.",
        outcome=outcome.key,
        table=more.select(
            "file",
            "unit",
            pl.col("period_text").alias("period"),
            pl.col("more").cast(pl.String).alias("value"),
            pl.format("{} rows agree with another", "more").alias("problem"),
            pl.lit(effect).alias("effect_on_estimate"),
        ),
    )
