"""The layout that FingertipsNext takes in: one indicator a file, dates in place of periods."""

from __future__ import annotations

import polars as pl

from evaluation.errors import SourceError
from evaluation.sources.fingertips_periods import span
from evaluation.sources.sheets import Sheet
from evaluation.sources.table import require_columns

__all__ = ["UPLOAD", "as_download", "is_upload"]

# FingertipsNext, DataManagement service, UploadedIndicatorDataRow: read there, [V].
UPLOAD = (
    *("area_code", "date_from", "date_to", "period_type", "sex", "age_from_years_inclusive"),
    *("age_to_years_inclusive", "deprivation_decile", "deprivation_category", "count", "value"),
    *("denominator", "lower_ci_95", "upper_ci_95", "lower_ci_99_8", "upper_ci_99_8"),
)
_NEEDED = tuple(name for name in UPLOAD if "_ci_" not in name)
_SAME = {"Area Code": "area_code", "Sex": "sex", "Count": "count", "Value": "value"}


def is_upload(sheet: Sheet) -> bool:
    """Whether a file is laid out for upload rather than as downloaded."""
    return {"area_code", "date_from"} <= set(sheet.cells.columns)


def as_download(sheet: Sheet, indicator: str) -> pl.DataFrame:
    """Return the rows under the columns of a download.

    Parameters
    ----------
    sheet : Sheet
        The file.
    indicator : str
        What the study calls the indicator, for the file does not name it.

    Raises
    ------
    SourceError
        When a column is missing.
    """
    require_columns(sheet, dict.fromkeys(_NEEDED, "a column of the upload layout"))
    if "Indicator ID" in sheet.cells.columns:
        raise SourceError(
            "the file has columns of a download and of an upload",
            place=sheet.name,
            allowed="one of the two layouts",
            remedy='Read it as a table of your own: source = "table".',
        )
    text = sheet.text(_NEEDED)
    cells = {c: pl.col(c).fill_null("").str.strip_chars() for c in _NEEDED}
    periods = [span(a or "", b or "") for a, b in text.select("date_from", "date_to").iter_rows()]
    decile = cells["deprivation_decile"]
    return text.select(
        "file",
        "row",
        pl.lit(indicator).alias("Indicator ID"),
        pl.lit("").alias("Indicator Name"),
        pl.lit("").alias("Area Type"),
        _age(cells["age_from_years_inclusive"], cells["age_to_years_inclusive"]).alias("Age"),
        pl.when(decile != "")
        .then(pl.lit("Deprivation decile"))
        .otherwise(pl.lit(""))
        .alias("Category Type"),
        pl.when(decile != "")
        .then(pl.format("{} ({})", decile, cells["deprivation_category"]))
        .otherwise(pl.lit(""))
        .alias("Category"),
        pl.Series("Time period", periods, dtype=pl.String),
        pl.col("denominator").alias("Denominator"),
        pl.lit("").alias("Value note"),
        pl.lit("").alias("Time period range"),
        *(pl.col(own).alias(name) for name, own in _SAME.items()),
    )


def _age(low: pl.Expr, high: pl.Expr) -> pl.Expr:
    both = pl.format("{}-{} yrs", low, high)
    return (
        pl.when((low == "") & (high == ""))
        .then(pl.lit("All ages"))
        .when(high == "")
        .then(pl.format("{}+ yrs", low))
        .when(low == "")
        .then(pl.format("<={} yrs", high))
        .otherwise(both)
    )
