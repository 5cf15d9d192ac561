"""Why a record is left out, in order, and the ledger: used + explained = read.

Each record has one fate: the first reason that holds, or none, and then it is an admission that
the panel counts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import narwhals as nw
import polars as pl

from evaluation.records.engines import Frame

__all__ = ["LEDGER", "STAGES", "Reason", "Stage", "fated", "first_reason", "ledger", "with_fate"]

Stage = Literal["records", "episodes", "spells", "admissions"]

# What is left when the reasons of a stage have been taken off.
STAGES: Mapping[Stage, str] = {
    "records": "finished episodes, each once",
    "episodes": "spells",
    "spells": "emergency admissions",
    "admissions": "used",
}
LEDGER = {
    "step": pl.Int64,
    "stage": pl.String,
    "status": pl.String,
    "reason": pl.String,
    "records": pl.Int64,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """One reason to leave a record out.

    Parameters
    ----------
    key : str
        Short name.
    stage : Stage
        What is counted when the reason is asked: records, episodes, spells or admissions.
    words : str
        As the ledger says it.
    holds : narwhals.Expr or None
        Whether it holds; None for one that is told after counting (places, gaps).
    """

    key: str
    stage: Stage
    words: str
    holds: nw.Expr | None = None


def with_fate(frame: Frame) -> Frame:
    """Return records, none of which has a fate yet: ``fate`` (String) and ``is_live``."""
    return frame.with_columns(
        nw.lit(None, dtype=nw.String).alias("fate"), nw.lit(value=True).alias("is_live")
    )


def first_reason(reasons: Iterable[Reason]) -> nw.Expr:
    """Return the key of the first of the reasons that holds, or null."""
    told: nw.Expr = nw.lit(None, dtype=nw.String)
    for reason in reversed(list(reasons)):
        if reason.holds is not None:
            holds = reason.holds.fill_null(value=False)
            told = nw.when(holds).then(nw.lit(reason.key)).otherwise(told)
    return told


def fated(frame: Frame, reasons: Iterable[Reason]) -> Frame:
    """Give each live record the first of the reasons that holds; the others stay live."""
    told = first_reason(reasons)
    fate = nw.when(nw.col("is_live")).then(told).otherwise(nw.col("fate"))
    frame = frame.with_columns(fate.alias("fate"))
    return frame.with_columns(nw.col("fate").is_null().alias("is_live"))


def ledger(reasons: Sequence[Reason], counts: Mapping[str | None, int]) -> pl.DataFrame:
    """Return the ledger.

    Parameters
    ----------
    reasons : sequence of Reason
        In the order in which they were asked.
    counts : mapping of str or None to int
        Records by the key of their reason; None for those used.

    Returns
    -------
    polars.DataFrame
        ``step``, ``stage``, ``status`` (``read``, ``left out``, ``left`` after a stage, ``used``),
        ``reason`` (what the count is of, for ``left``) and ``records``. The records left out and
        used add up to those read.
    """
    left = sum(counts.values())
    lines: list[tuple[str, str, str, int]] = [("records", "read", "records read", left)]
    for stage, kept in STAGES.items():
        for reason in reasons:
            if reason.stage == stage:
                gone = counts.get(reason.key, 0)
                left -= gone
                lines.append((stage, "left out", reason.words, gone))
        status = "used" if kept == "used" else "left"
        lines.append((stage, status, "counted in the panel" if status == "used" else kept, left))
    rows = [(step, *line) for step, line in enumerate(lines, start=1)]
    return pl.DataFrame(rows, schema=LEDGER, orient="row")
