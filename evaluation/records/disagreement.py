"""How much definitions of avoidable admissions disagree on the records at hand.

Counts as they are, for the restricted file. What is printed of them comes from
``evaluation/disclosure/overlaps.py``.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import polars as pl

__all__ = ["DISAGREEMENT", "disagreement"]

DISAGREEMENT: dict[str, pl.DataType] = {
    "definition": pl.String(),
    "other": pl.String(),
    "both": pl.Int64(),
    "only_definition": pl.Int64(),
    "only_other": pl.Int64(),
    "neither": pl.Int64(),
    "agreement": pl.Float64(),
}


def disagreement(
    cells: pl.DataFrame, definitions: Sequence[str], *, records: str = "records"
) -> pl.DataFrame:
    """Count, for each pair, the admissions that both, one or neither calls avoidable.

    Parameters
    ----------
    cells : polars.DataFrame
        Emergency admissions, counted: a Boolean column for each definition (null is False), and
        how many admissions each row stands for.
    definitions : sequence of str
        The columns to compare, each pair once, in this order.
    records : str
        The column of counts.

    Returns
    -------
    polars.DataFrame
        Columns of :data:`DISAGREEMENT`. ``agreement`` is the share of the admissions that either
        calls avoidable which both do (Jaccard's index), null where neither calls any so: 1 is the
        same admissions, 0 no admission in common.
    """
    each = cells.select(
        *(pl.col(key).fill_null(value=False) for key in definitions),
        pl.col(records).cast(pl.Int64).alias("_n"),
    )
    rows = []
    for one, other in combinations(definitions, 2):
        first, second = pl.col(one), pl.col(other)
        quarters = (first & second, first & ~second, ~first & second, ~first & ~second)
        counts = each.select(
            pl.col("_n").filter(quarter).sum().alias(str(n)) for n, quarter in enumerate(quarters)
        ).row(0)
        either = sum(counts[:3])
        rows.append((one, other, *counts, counts[0] / either if either else None))
    return pl.DataFrame(rows, schema=DISAGREEMENT, orient="row")
