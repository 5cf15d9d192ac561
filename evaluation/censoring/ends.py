"""Every uncertain count at one of its ends: how far an estimate can be moved by what is hidden."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from evaluation.censoring.completed import with_counts
from evaluation.panel import Panel

__all__ = ["ENDS", "End", "at_end", "how_many"]


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """One way of placing uncertain counts.

    Parameters
    ----------
    key : str
        The group of its estimate.
    words : str
        Where the counts are, in plain words.
    treated, others : {"low", "high"}
        The end for pilot units after their start, and for every other count.
    """

    key: str
    words: str
    treated: str
    others: str


# The first two are the ends themselves. A count that is low after the start lowers the estimate and
# any other that is low raises it, so the last two hold every estimate that the counts allow.
ENDS: tuple[End, ...] = (
    End(key="low", words="every uncertain count at its lowest", treated="low", others="low"),
    End(key="high", words="every uncertain count at its highest", treated="high", others="high"),
    End(
        key="pilot_low",
        words="lowest in pilot areas after the start, highest elsewhere",
        treated="low",
        others="high",
    ),
    End(
        key="pilot_high",
        words="highest in pilot areas after the start, lowest elsewhere",
        treated="high",
        others="low",
    ),
)


def how_many(panel: Panel) -> int:
    """Return the number of counts of a panel that are known only to lie between two ends."""
    if "count_low" not in panel.rows.columns:
        return 0
    return panel.rows.filter(pl.col("count_low") < pl.col("count_high")).height


def at_end(panel: Panel, end: End) -> Panel:
    """Return the panel with every uncertain count at ``end``."""
    at = {side: panel.values(f"count_{side}") for side in ("low", "high")}
    return with_counts(panel, np.where(panel.treated, at[end.treated], at[end.others]))
