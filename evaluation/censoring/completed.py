"""A panel with its counts replaced, and its outcome with them."""

from __future__ import annotations

import dataclasses

import numpy as np
import polars as pl
from numpy.typing import NDArray

from evaluation.panel import Panel

__all__ = ["with_counts"]


def with_counts(panel: Panel, counts: NDArray[np.float64]) -> Panel:
    """Return a panel with other counts, shape (n,), and the outcomes that follow from them.

    The weights stay: they say how much a row matters, and do not come from what was counted.
    """
    outcome = counts
    if panel.measure != "count":
        outcome = panel.per * counts / panel.values("exposure")
    rows = panel.rows.with_columns(pl.Series("count", counts), pl.Series("outcome", outcome))
    return dataclasses.replace(panel, rows=rows)
