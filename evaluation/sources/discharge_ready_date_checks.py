"""What Discharge Ready Date is checked for: coverage that jumps, months given twice, shares."""

from __future__ import annotations

import polars as pl

from evaluation.findings import Check
from evaluation.sources.declaration import Metric
from evaluation.sources.markers import number
from evaluation.study import Outcome, Study

__all__ = ["coverage", "coverage_in_order", "months_twice", "shares"]

# One provider among twenty; no ICB has as many, so any change of provider is found.
_JUMP = 0.05
_NAMED = 3


def coverage(rows: pl.DataFrame, study: Study, outcome: Outcome) -> Check:
    """Return whether the share of providers with acceptable data stays as it is.

    Parameters
    ----------
    rows : polars.DataFrame
        Every row, with ``unit``, ``period``, ``coverage`` (Float64) and ``left_out``.
    study, outcome : Study, Outcome
        Name the periods and the check.
    """
    name, title = "coverage", "The same providers have acceptable data throughout"
    used = rows.filter(pl.col("left_out").is_null() & pl.col("coverage").is_not_null())
    if used.is_empty():
        return Check(
            name=name,
            title=title,
            passed=None,
            detail="The files do not say which share of providers the figures are of.",
            outcome=outcome.key,
        )
    by_period = (
        used.group_by("unit", "period").agg(pl.col("coverage").mean()).sort("unit", "period")
    )
    before = pl.col("coverage").shift(1).over("unit")
    moves = by_period.with_columns(before.alias("before"))
    jumps = moves.filter((pl.col("coverage") - pl.col("before")).abs() > _JUMP)
    if jumps.is_empty():
        low = min(by_period["coverage"].to_list())
        return Check(
            name=name,
            title=title,
            passed=True,
            detail="No unit's share of providers with acceptable data changes by more than "
            f"{_JUMP:.0%} from one period to the next; the lowest is {low:.0%}.",
            outcome=outcome.key,
        )
    codes = {p: study.calendar.code(p) for p in jumps["period"].unique()}
    problems = [
        f"{unit} goes from {old:.0%} to {new:.0%} of its providers in {study.calendar.label(p)}"
        for unit, p, new, old in jumps.select("unit", "period", "coverage", "before").iter_rows()
    ]
    more = f" And {len(problems) - _NAMED} more." if len(problems) > _NAMED else ""
    effect = (
        "Figures are of other hospitals from then on: counts jump, and shares move without any "
        "change in care."
    )
    remedy = (
        'Adjust for it (covariates = ["coverage"]), leave out the unit or the months '
        "([[exclude]]), or ask for figures of the same providers throughout."
    )
    return Check(
        name=name,
        title=title,
        passed=False,
        detail=f"{'; '.join(problems[:_NAMED])}.{more} {effect}",
        remedy=remedy,
        outcome=outcome.key,
        table=jumps.select(
            "unit",
            pl.col("period").replace_strict(codes, return_dtype=pl.String),
            pl.format("{}", pl.col("coverage").round(3)).alias("value"),
            pl.Series("problem", problems),
            pl.lit(effect).alias("effect_on_estimate"),
            pl.lit(remedy).alias("remedy"),
        ),
    )


def coverage_in_order(rows: pl.DataFrame, outcome: Outcome) -> tuple[Check, ...]:
    """Return a failed check where the coverage of some rows is not known, or is no share of 1.

    It blocks where the coverage is a covariate and no share: it would be a hundred times too large
    beside the others.
    """
    used = rows.filter(pl.col("left_out").is_null())
    unknown = used.filter(pl.col("coverage").is_null())
    odd = used.filter(~pl.col("coverage").is_between(0, 1))
    if odd.is_empty() and unknown.height in (0, used.height):
        return ()
    bad = unknown if odd.is_empty() else odd
    file, row, share = bad.select("file", "row", "coverage").row(0)
    what = "is not known" if share is None else f"is {share:g}, and not from 0 to 1"
    effect = "Whether figures are of the same hospitals throughout cannot be seen there."
    remedy = "Correct it in the file, or get the file anew."
    return (
        Check(
            name="coverage_in_order",
            title="The coverage is known, and a share of 1",
            passed=False,
            blocking=bool(outcome.covariates) and not odd.is_empty(),
            detail=f"{file}, row {row}: the share of providers with acceptable data {what} "
            f"({bad.height:,} rows). {effect}",
            remedy=remedy,
            outcome=outcome.key,
            table=bad.select(
                "file",
                "row",
                "unit",
                pl.lit(f"the coverage {what}").alias("problem"),
                pl.lit(effect).alias("effect_on_estimate"),
                pl.lit(remedy).alias("remedy"),
            ),
        ),
    )


def months_twice(rows: pl.DataFrame, outcome: Outcome) -> tuple[Check, ...]:
    """Return a failed check where two files hold the same month, with how many units differ."""
    own = rows.filter(pl.col("left_out").is_null() & pl.col("date").is_not_null())
    figures = [c for c in ("value", "count", "exposure") if c in own.columns]
    written = pl.struct(pl.coalesce(number(c).cast(pl.String), c).alias(c) for c in figures)
    by_unit = own.group_by("date", "code").agg(
        pl.col("file").n_unique().alias("files"), written.n_unique().alias("versions")
    )
    twice = (
        by_unit.filter(pl.col("files") > 1)
        .group_by("date")
        .agg(pl.len().alias("units"), (pl.col("versions") > 1).sum().alias("differ"))
    )
    if twice.is_empty():
        return ()
    names = own.group_by("date").agg(pl.col("file").unique().sort().alias("names"))
    lines = twice.join(names, on="date").sort("date")
    problems = [
        f"{day:%B %Y} is in {' and in '.join(names)}, with other figures in {differ} of {n} units"
        for day, n, differ, names in lines.select("date", "units", "differ", "names").iter_rows()
    ]
    more = f" And {len(problems) - _NAMED} more months." if len(problems) > _NAMED else ""
    effect = "A revised file replaces the original; figures of both would count twice."
    remedy = "Take the older of the two files out of the study (files)."
    check = Check(
        name="months_given_twice",
        title="No month is in two files",
        passed=False,
        detail=f"{'; '.join(problems[:_NAMED])}.{more} {effect}",
        remedy=remedy,
        outcome=outcome.key,
        table=lines.select(
            pl.col("names").list.last().alias("file"),
            pl.col("date").dt.strftime("%Y-%m").alias("period"),
            pl.Series("problem", problems),
            pl.lit(effect).alias("effect_on_estimate"),
            pl.lit(remedy).alias("remedy"),
        ),
    )
    return (check,)


def shares(rows: pl.DataFrame, metric: Metric, outcome: Outcome) -> tuple[Check, ...]:
    """Return a failed check, which blocks, where a share is above 1: a file gives percentages."""
    if not metric.key.startswith("share_"):
        return ()
    over = rows.filter(pl.col("left_out").is_null() & (pl.col("value").cast(pl.Float64) > 1))
    if over.is_empty():
        return ()
    file, row, value = over.select("file", "row", "value").row(0)
    effect = "A share in per cent beside shares of 1 is a hundred times too large."
    remedy = "Divide the figures of that file by 100, or get the file anew."
    check = Check(
        name="shares",
        title="Every share is from 0 to 1",
        passed=False,
        blocking=True,
        detail=f"{file}, row {row}: the share is {float(value):g} ({over.height:,} rows). {effect}",
        remedy=remedy,
        outcome=outcome.key,
        table=over.select(
            "file",
            "row",
            "unit",
            pl.col("value").cast(pl.String),
            pl.lit("the share is above 1").alias("problem"),
            pl.lit(effect).alias("effect_on_estimate"),
            pl.lit(remedy).alias("remedy"),
        ),
    )
    return (check,)
