"""One outcome's counts before and after, and its lines of a trend chart, under control."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import polars as pl

from evaluation.disclosure.parts import Entry, Trend
from evaluation.disclosure.rule import Reason, Rule
from evaluation.disclosure.secondary import Decision, decide
from evaluation.periods import Calendar
from evaluation.study import Outcome

__all__ = ["COUNTS", "Analysed", "counts", "decisions", "trends"]

COUNTS = {
    "outcome": pl.String,
    "group": pl.String,
    "site": pl.String,
    "phase": pl.String,
    "count": pl.String,
    "exposure": pl.String,
}
_PHASES = ("before", "after")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Analysed:
    """The analysed rows of one outcome, parted into pilot and comparison.

    Parameters
    ----------
    outcome : Outcome
        From the study file.
    rows : polars.DataFrame
        As in ``Result.panel``, this outcome's alone, with ``phase``: 0 before, 1 after a unit's
        own start, for comparison units the first start of any pilot unit.
    calendar : Calendar
        Names the periods.
    pilot, comparison : polars.DataFrame
        Rows of units that adopt, and of those that never do.
    sites : tuple of str
        The pilot sites, in order of name.
    periods : tuple of int
        Every period from the first analysed to the last, gaps too.
    """

    outcome: Outcome
    rows: pl.DataFrame
    calendar: Calendar
    pilot: pl.DataFrame
    comparison: pl.DataFrame
    sites: tuple[str, ...]
    periods: tuple[int, ...]

    @classmethod
    def of(cls, outcome: Outcome, panel: pl.DataFrame, calendar: Calendar) -> Analysed:
        """Take one outcome's rows from the stacked panel."""
        rows = panel.filter(pl.col("outcome_key") == outcome.key)
        absent = [c for c in ("count", "exposure") if c not in rows.columns]
        rows = rows.with_columns(pl.lit(None, dtype=pl.Float64).alias(c) for c in absent)
        if outcome.measure == "count":
            rows = rows.with_columns(pl.col("count").fill_null(pl.col("outcome")))
        start = pl.col("first_treated").fill_null(pl.col("first_treated").min())
        after = (pl.col("period") >= start).fill_null(value=False)
        rows = rows.with_columns(after.cast(pl.Int64).alias("phase"))
        pilot = rows.filter(pl.col("first_treated").is_not_null())
        seen = rows["period"].unique().sort()
        return cls(
            outcome=outcome,
            rows=rows,
            calendar=calendar,
            pilot=pilot,
            comparison=rows.filter(pl.col("first_treated").is_null()),
            sites=tuple(pilot["site"].unique().sort()),
            periods=tuple(range(seen[0], seen[-1] + 1)),
        )

    def starts(self, site: str = "") -> tuple[int, ...]:
        """Return the first treated periods of all pilot units, or of one site's, ascending."""
        units = self.pilot.filter(pl.col("site") == site) if site else self.pilot
        return tuple(units["first_treated"].unique().sort())


def decisions(analysed: Analysed, rule: Rule) -> dict[str, Decision]:
    """Return what is hidden of the pilot and of the comparison of one outcome."""
    groups = {"pilot": (analysed.pilot, analysed.sites), "comparison": (analysed.comparison, ())}
    task = (analysed.outcome.measure, rule)
    return {
        group: decide(rows, sites, analysed.periods, task)
        for group, (rows, sites) in groups.items()
        if not rows.is_empty()
    }


def counts(
    analysed: Analysed, decided: dict[str, Decision], rule: Rule
) -> tuple[list[dict[str, str]], list[Entry]]:
    """Return the rows of ``Released.counts`` for one outcome, and what was changed in them."""
    lines: list[dict[str, str]] = []
    entries: list[Entry] = []
    for group, decision in decided.items():
        grid = decision.by_phase
        last = len(grid.lines) - 1
        for i in (last, *range(last)):
            for j in np.flatnonzero(grid.reported[i]):
                names = (group if grid.lines[i] == "" else "site", grid.lines[i], _PHASES[j])
                figures = (
                    ("count", float(grid.count[i, j]), decision.counts[i, j]),
                    ("exposure", float(grid.exposure[i, j]), decision.exposures[i, j]),
                )
                line = dict(zip(COUNTS, (analysed.outcome.key, *names), strict=False))
                line |= {name: rule.text(value, hidden=why != "") for name, value, why in figures}
                lines.append(line)
                place = (analysed.outcome.key, f"counts, {names[1] or names[0]}, {names[2]}")
                entries += _count_entries(place, figures, rule)
    return lines, entries


def _count_entries(
    place: tuple[str, str], figures: tuple[tuple[str, float, Reason | Literal[""]], ...], rule: Rule
) -> list[Entry]:
    entries = [
        Entry(outcome=place[0], where=place[1], what=name, reason=why)
        for name, _, why in figures
        if why
    ]
    shown = [name for name, value, why in figures if not why and np.isfinite(value)]
    if shown and rule.round_to > 1:
        entries.append(
            Entry(
                outcome=place[0],
                where=place[1],
                what=", ".join(shown),
                reason="rounded",
                figures=len(shown),
            )
        )
    return entries


def trends(
    analysed: Analysed, decided: dict[str, Decision], rule: Rule
) -> tuple[list[Trend], list[Entry]]:
    """Return the lines of one outcome's trend chart, and what was changed in them."""
    lines: list[Trend] = []
    entries: list[Entry] = []
    for group, decision in decided.items():
        last = len(decision.by_period.lines) - 1
        for i in (last, *range(last)):
            trend = _trend(analysed, decision, (group, i), rule)
            lines.append(trend)
            entries += _point_entries(analysed, decision, trend, i)
            entries += _precision(analysed, trend, rule)
    return lines, entries


def _trend(analysed: Analysed, decision: Decision, place: tuple[str, int], rule: Rule) -> Trend:
    group, i = place
    grid, why = decision.by_period, decision.points[i]
    values: list[float | None] = []
    for j in range(len(grid.slots)):
        if why[j] or not grid.reported[i, j]:
            values.append(None)
        elif analysed.outcome.measure == "count":
            values.append(rule.rounded(float(grid.count[i, j])) / float(grid.units[i, j]))
        else:
            values.append(rule.figures(float(grid.mean[i, j])))
    return Trend(
        outcome=analysed.outcome.key,
        group="site" if grid.lines[i] else group,
        site=grid.lines[i],
        periods=grid.slots,
        values=tuple(values),
        suppressed=tuple(bool(reason) for reason in why),
        starts=analysed.starts(grid.lines[i]) if group == "pilot" else (),
    )


def _point_entries(analysed: Analysed, decision: Decision, trend: Trend, i: int) -> list[Entry]:
    return [
        Entry(
            outcome=trend.outcome,
            where=f"trend, {trend.site or trend.group}",
            what=analysed.calendar.label(trend.periods[j]),
            reason=reason,
        )
        for j, reason in enumerate(decision.points[i])
        if reason
    ]


def _precision(analysed: Analysed, trend: Trend, rule: Rule) -> list[Entry]:
    """Return that the points of a line are rounded, where they are."""
    shown = sum(value is not None for value in trend.values)
    counted = analysed.outcome.measure == "count"
    if not shown or (counted and rule.round_to <= 1) or not rule.controlled:
        return []
    return [
        Entry(
            outcome=trend.outcome,
            where=f"trend, {trend.site or trend.group}",
            what="every point that is shown",
            reason="rounded" if counted else "figures",
            figures=shown,
        )
    ]
