"""Adding up the rows of a unit and period: ICBs that one unit joins, days of a month."""

from __future__ import annotations

import polars as pl

from evaluation.sources.count_ends import COUNT_ENDS
from evaluation.sources.tidy import COVARIATE, Tidy

__all__ = ["one_row_a_period"]


def one_row_a_period(used: pl.DataFrame, tidy: Tidy) -> pl.DataFrame:
    """Return one row a unit and period, with figures as numbers and covariates by their name.

    Counts, exposures and weights add up over the ICBs of a unit, and means are weighted by
    exposure, else by weight, else equally. For daily figures the exposure is the number of days
    on which the unit reported, so it adds up over days and not over ICBs.
    """
    figures = (*tidy.figures, *(c for c in COUNT_ENDS if c in used.columns))
    joined = used.group_by("unit", "period", "day", maintain_order=True).agg(
        _joined(name, figures, is_daily=tidy.is_daily) for name in figures
    )
    periods = joined.group_by("unit", "period", maintain_order=True).agg(
        _joined(name, figures, is_daily=False) for name in figures
    )
    return periods.rename({c: c.removeprefix(COVARIATE) for c in figures})


def _joined(name: str, figures: tuple[str, ...], *, is_daily: bool) -> pl.Expr:
    if name == "exposure" and is_daily:
        return pl.col(name).max()
    if name in ("count", *COUNT_ENDS, "exposure", "weight"):
        return pl.col(name).sum()
    by = next((c for c in ("exposure", "weight") if c in figures), None)
    if by is None:
        return pl.col(name).mean()
    # One row keeps its figure to the last bit: x * w / w need not be x.
    weighted = (pl.col(name) * pl.col(by)).sum() / pl.col(by).sum()
    return pl.when(pl.len() == 1).then(pl.col(name).first()).otherwise(weighted)
