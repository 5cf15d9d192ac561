"""Every uncertain count at one of its ends: how far an estimate can be moved by what is hidden."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

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
    raising, lowering : {"low", "high"}
        The end for counts that raise the estimate where they are higher, and for all others.
    """

    key: str
    words: str
    raising: str
    lowering: str


# The first two are the ends themselves; the last two move the estimate as far as counts can.
ENDS: tuple[End, ...] = (
    End(key="low", words="every uncertain count at its lowest", raising="low", lowering="low"),
    End(key="high", words="every uncertain count at its highest", raising="high", lowering="high"),
    End(
        key="lowest",
        words="each where it makes the estimate lowest",
        raising="low",
        lowering="high",
    ),
    End(
        key="highest",
        words="each where it makes the estimate highest",
        raising="high",
        lowering="low",
    ),
)
# Of a share of a treated row; a pull that is smaller is one of rounding.
_SETTLED = 1e-9
_MOST_ROUNDS = 10_000


def how_many(panel: Panel) -> int:
    """Return the number of counts of a panel that are known only to lie between two ends."""
    if "count_low" not in panel.rows.columns:
        return 0
    return panel.rows.filter(pl.col("count_low") < pl.col("count_high")).height


def at_end(panel: Panel, end: End) -> Panel:
    """Return the panel with every uncertain count at ``end``."""
    at = {side: panel.values(f"count_{side}") for side in ("low", "high")}
    return with_counts(panel, np.where(_pull(panel) > 0, at[end.raising], at[end.lowering]))


def _pull(panel: Panel) -> NDArray[np.float64]:
    """Return what is left of the treatment without unit and period effects, shape (n,).

    A regression on treatment and these effects weighs each outcome by it (Frisch and Waugh 1933):
    an estimate rises with counts of pilot units after the start *and of others before it*, and
    falls with the rest. Weighted as the panel is; of a row that tells nothing it is 0.
    """
    weight = panel.values("weight")
    left = panel.treatment
    for _ in range(_MOST_ROUNDS):
        before = left
        for code in (panel.unit_codes, panel.period_codes):
            mean = np.bincount(code, weight * left) / np.bincount(code, weight)
            left = left - mean[code]
        if float(np.max(np.abs(left - before), initial=0.0)) < _SETTLED:
            break
    return np.where(np.abs(left) < np.sqrt(_SETTLED), 0.0, left)
