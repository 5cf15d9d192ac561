"""From rows of measures to figures: parts added up, each with its exposure and coverage."""

from __future__ import annotations

import polars as pl

from evaluation.sources.discharge_ready_date_metrics import COVERAGE, Figure
from evaluation.sources.labels import even
from evaluation.sources.markers import SUPPRESSED, meaning, number
from evaluation.sources.selection import leave_out

__all__ = ["with_figures"]

_KEY = ("code", "Date")


def with_figures(rows: pl.DataFrame, figure: Figure) -> pl.DataFrame:
    """Give the rows of a metric their figures, and all others a reason.

    Parameters
    ----------
    rows : polars.DataFrame
        One file: ``code``, ``Date``, ``Measure``, ``Value`` as text, and ``left_out``.
    figure : Figure
        How the metric is had.

    Returns
    -------
    polars.DataFrame
        The rows with ``figure``, ``exposure`` and ``coverage`` as text: on the row of the metric's
        first label, which stands for all its parts; null elsewhere.
    """
    labelled = rows.with_columns(_labels(rows, figure).alias("label"))
    labelled = leave_out(
        labelled, pl.when(pl.col("label").is_null()).then(pl.lit("another measure"))
    )
    labelled = _told_apart(labelled, figure)
    given = labelled.filter(pl.col("left_out").is_null())
    by_label = given.group_by(*_KEY, "label", maintain_order=True).agg(
        pl.col("Value").first(), pl.col("Value").n_unique().alias("versions")
    )
    several = pl.format('"{}" is given {} times', "label", "versions")
    texts = by_label.with_columns(
        pl.when(pl.col("versions") > 1).then(several).otherwise("Value").alias("Value")
    )
    exposure = (
        _first(texts, figure.exposure, "exposure")
        if figure.is_of_all
        else _sum(texts, figure.exposure, "exposure")
    )
    together = labelled
    for part in (exposure, _first(texts, COVERAGE, "coverage"), _sum(texts, figure.labels, "sum")):
        together = together.join(part, on=_KEY, how="left", nulls_equal=True, maintain_order="left")
    single = len(figure.labels) == 1
    figures = together.with_columns(pl.col("Value" if single else "sum").alias("figure"))
    return leave_out(figures, _helps(figure))


def _labels(rows: pl.DataFrame, figure: Figure) -> pl.Expr:
    """Return the label of each row as declared, null where it is of no use to the metric."""
    used = {even(x): x for x in (*COVERAGE, *figure.exposure, *figure.labels)}
    written = rows["Measure"].drop_nulls().unique()
    known = {text: used[even(text)] for text in written if even(text) in used}
    return pl.col("Measure").replace_strict(known, default=None, return_dtype=pl.String)


def _told_apart(rows: pl.DataFrame, figure: Figure) -> pl.DataFrame:
    """Leave out numbers above 1 under a label that is a share as well."""
    if figure.kind != "mean":
        return rows
    is_live = pl.col("left_out").is_null()
    twice = (
        (is_live.sum().over(*_KEY, "label") > 1)
        & is_live
        & (number("Value").min().over(*_KEY, "label") <= 1)
    )
    counted = twice & (pl.col("label") == figure.labels[0]) & (number("Value") > 1)
    return leave_out(
        rows, pl.when(counted).then(pl.lit("a number of patients under the label of a share"))
    )


def _first(texts: pl.DataFrame, labels: tuple[str, ...], name: str) -> pl.DataFrame:
    """Return the figure of the first of the labels that each unit has."""
    order = {label: i for i, label in enumerate(labels)}
    place = pl.col("label").replace_strict(order, default=None, return_dtype=pl.Int64)
    own = texts.with_columns(place.alias("place")).drop_nulls("place").sort("place")
    return own.group_by(_KEY, maintain_order=True).agg(pl.col("Value").first().alias(name))


def _sum(texts: pl.DataFrame, labels: tuple[str, ...], name: str) -> pl.DataFrame:
    """Return the sum over the labels as text; a marker among them stands for the whole."""
    own = texts.filter(pl.col("label").is_in(labels)).with_columns(number("Value").alias("number"))
    sums = own.group_by(_KEY, maintain_order=True).agg(
        pl.col("number").sum(),
        pl.len().alias("parts"),
        pl.col("number").null_count().alias("without"),
        pl.col("Value").filter(pl.col("number").is_null()).first().alias("marker"),
    )
    is_part = (pl.col("parts") > 1) & (meaning("marker") == SUPPRESSED)
    whole = (
        pl.when((pl.col("without") > 0) & is_part)
        # The sum is not as small as its hidden part: it is refused, and not taken for suppressed.
        .then(pl.format("{} in one of its {} parts", "marker", "parts"))
        .when(pl.col("without") > 0)
        .then("marker")
        .when(pl.col("parts") == len(labels))
        .then(pl.col("number").cast(pl.String))
    )
    return sums.select(*_KEY, whole.alias(name))


def _helps(figure: Figure) -> pl.Expr:
    """Return why a row of use to the metric is not itself a figure, null for its first label."""
    first = figure.labels[0]
    is_live = pl.col("left_out").is_null()
    has_first = ((pl.col("label") == first) & is_live).any().over(*_KEY)
    reasons = {
        **dict.fromkeys(COVERAGE, "gives the coverage"),
        **dict.fromkeys(figure.exposure, "gives the exposure"),
        **dict.fromkeys(figure.labels, f'added to the row "{first}"'),
    }
    reason = pl.col("label").replace_strict(reasons, default=None, return_dtype=pl.String)
    return pl.when(pl.col("label") != first).then(
        pl.when(has_first).then(reason).otherwise(pl.lit(f'no row "{first}" for it'))
    )
