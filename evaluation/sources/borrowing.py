"""Exposures and doses that an outcome takes from another outcome of the study."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from evaluation.errors import StudyError
from evaluation.panel import Panel
from evaluation.sources.rules import Sifting
from evaluation.study import Outcome

__all__ = ["leave_out_without", "lenders_of", "with_borrowed"]

_AT = ["unit", "period"]


def lenders_of(outcome: Outcome) -> tuple[str, ...]:
    """Return the keys of the outcomes that this one takes figures from."""
    named = (outcome.exposure_from, outcome.dose_from)
    return tuple(dict.fromkeys(key for key in named if key is not None))


def leave_out_without(
    sifting: Sifting, outcome: Outcome, lent: Mapping[str, Panel | None]
) -> Sifting:
    """Leave out rows of a unit and period for which the other outcome has no figure.

    Raises
    ------
    StudyError
        When the other outcome has no count that could be an exposure.
    """
    for figure, lender in _named(outcome):
        panel = lent[lender]
        there = _lent(figure, lender, panel, outcome).rename({figure: "lent"})
        rows = sifting.rows.join(
            there, on=_AT, how="left", nulls_equal=False, maintain_order="left"
        )
        sifting = Sifting(rows=rows, found=sifting.found).leave_out(
            pl.col("lent").is_null(),
            f"no {figure}: outcome {lender!r} has no figure for the unit and period",
        )
        if figure == "exposure":
            sifting = _refuse_impossible(sifting, outcome)
        sifting = Sifting(rows=sifting.rows.drop("lent"), found=sifting.found)
    return sifting


def with_borrowed(
    used: pl.DataFrame, outcome: Outcome, lent: Mapping[str, Panel | None]
) -> pl.DataFrame:
    """Return rows of units and periods with the figures that other outcomes lend."""
    for figure, lender in _named(outcome):
        there = _lent(figure, lender, lent[lender], outcome)
        used = used.join(there, on=_AT, how="left", maintain_order="left")
    return used


def _named(outcome: Outcome) -> list[tuple[str, str]]:
    named = (("exposure", outcome.exposure_from), ("dose", outcome.dose_from))
    return [(figure, lender) for figure, lender in named if lender is not None]


def _lent(figure: str, lender: str, panel: Panel | None, outcome: Outcome) -> pl.DataFrame:
    """Return ``unit``, ``period`` and the figure; nothing where the lender has no panel."""
    if panel is None:
        schema = {"unit": pl.String, "period": pl.Int64, figure: pl.Float64}
        return pl.DataFrame(schema=schema)
    if figure == "dose":
        return panel.rows.select(*_AT, pl.col("outcome").alias("dose"))
    if "count" not in panel.rows.columns:
        raise StudyError(
            f"outcome {lender!r} has no count, only a mean",
            place=f'[[outcomes]] "{outcome.key}", exposure_from',
            allowed="an outcome with a count",
            remedy=f'Read {lender!r} with measure = "count".',
        )
    return panel.rows.select(*_AT, pl.col("count").alias("exposure"))


def _refuse_impossible(sifting: Sifting, outcome: Outcome) -> Sifting:
    """Judge counts, over all the rows of a unit and period, by the exposure that is lent."""
    live = sifting.rows.filter(pl.col("left_out").is_null())
    counted = live.group_by(_AT).agg(pl.col("count").sum().alias("counted"))
    rows = sifting.rows.join(counted, on=_AT, how="left", maintain_order="left")
    sifting = Sifting(rows=rows, found=sifting.found)
    nobody = pl.col("lent") == 0
    sifting = sifting.leave_out(nobody & (pl.col("counted") == 0), "no exposure")
    sifting = sifting.object_to(
        "impossible_values",
        nobody,
        "something is counted although the exposure is 0",
        value="count",
    )
    if outcome.measure == "share":
        sifting = sifting.object_to(
            "impossible_values",
            pl.col("counted") > pl.col("lent"),
            "the numerator is over the denominator",
            value="count",
        )
    return Sifting(rows=sifting.rows.drop("counted"), found=sifting.found)
