"""Every input row accounted for: used, or left out and why."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

__all__ = ["LEDGER", "ledger"]

LEDGER = {
    "outcome": pl.String,
    "file": pl.String,
    "status": pl.String,
    "reason": pl.String,
    "rows": pl.Int64,
    "row_ranges": pl.String,
}


def ledger(traces: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """Return one line for each outcome, file and fate, with the rows as ranges.

    Parameters
    ----------
    traces : mapping of str to polars.DataFrame
        Outcome key to the trace of its :class:`~evaluation.sources.Loaded`.

    Returns
    -------
    polars.DataFrame
        ``outcome``, ``file``, ``status`` ("used" or "left out"), ``reason`` (empty for used),
        ``rows`` (how many) and ``row_ranges`` ("2-40, 52"; 1 is the header line). Where a source
        added rows up while it read, ``row_ranges`` names the first of them only ("2 and on").
    """
    lines = [_of_one(key, trace) for key, trace in traces.items() if not trace.is_empty()]
    return pl.concat([pl.DataFrame(schema=LEDGER), *lines])


def _added_up(key: str, trace: pl.DataFrame) -> pl.DataFrame:
    order = trace.select("file").unique(maintain_order=True).with_row_index("order")
    return (
        trace.group_by(
            "file", pl.col("left_out").fill_null("").alias("reason"), maintain_order=True
        )
        .agg(pl.col("behind").sum().alias("rows"), pl.col("row").min())
        .join(order, on="file", how="left")
        .sort("order", "reason")
        .select(
            pl.lit(key).alias("outcome"),
            "file",
            _status().alias("status"),
            "reason",
            "rows",
            pl.when(pl.col("rows") == 1)
            .then(pl.col("row").cast(pl.String))
            .otherwise(pl.format("{} and on", "row"))
            .alias("row_ranges"),
        )
        .select(pl.col(name).cast(dtype) for name, dtype in LEDGER.items())
    )


def _status() -> pl.Expr:
    is_used = pl.col("reason") == ""
    return pl.when(is_used).then(pl.lit("used")).otherwise(pl.lit("left out"))


def _of_one(key: str, trace: pl.DataFrame) -> pl.DataFrame:
    fate = ["file", "reason"]
    added_up = trace.filter(pl.col("behind") > 1) if "behind" in trace.columns else trace.clear()
    if not added_up.is_empty():
        return _added_up(key, trace)
    order = trace.select("file").unique(maintain_order=True).with_row_index("order")
    runs = (
        trace.select("file", "row", pl.col("left_out").fill_null("").alias("reason"))
        .group_by("file", "reason", "row")
        .agg(pl.len().alias("figures"))
        .sort("file", "reason", "row")
        .with_columns((pl.col("row") - pl.int_range(pl.len()).over(fate)).alias("run"))
        .group_by(*fate, "run", maintain_order=True)
        .agg(
            pl.col("row").min().alias("low"),
            pl.col("row").max().alias("high"),
            pl.col("figures").sum(),
        )
    )
    shown = (
        pl.when(pl.col("low") == pl.col("high"))
        .then(pl.col("low").cast(pl.String))
        .otherwise(pl.format("{}-{}", pl.col("low"), pl.col("high")))
    )
    return (
        runs.with_columns(shown.alias("range"))
        .group_by(*fate, maintain_order=True)
        .agg(
            pl.col("figures").sum().alias("rows"),
            pl.col("range").str.join(", ").alias("row_ranges"),
        )
        .join(order, on="file", how="left")
        .sort("order", "reason")
        .with_columns(
            pl.lit(key).alias("outcome"),
            _status().alias("status"),
        )
        .select(pl.col(name).cast(dtype) for name, dtype in LEDGER.items())
    )
