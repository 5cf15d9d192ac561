"""One outcome's counts before and after, and its lines of a trend chart, under control."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from evaluation.disclosure.grid import FloatArray, Grid, ReasonArray, complementary, totals
from evaluation.disclosure.parts import Hidden, Trend
from evaluation.disclosure.rule import Rule
from evaluation.periods import Calendar
from evaluation.study import Outcome

__all__ = ["COUNTS", "Analysed", "counts", "trends"]

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
    """

    outcome: Outcome
    rows: pl.DataFrame
    calendar: Calendar

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
        return cls(
            outcome=outcome,
            rows=rows.with_columns(after.cast(pl.Int64).alias("phase")),
            calendar=calendar,
        )

    @property
    def pilot(self) -> pl.DataFrame:
        """Rows of units that adopt."""
        return self.rows.filter(pl.col("first_treated").is_not_null())

    @property
    def comparison(self) -> pl.DataFrame:
        """Rows of units that never adopt."""
        return self.rows.filter(pl.col("first_treated").is_null())

    @property
    def sites(self) -> tuple[str, ...]:
        """The pilot sites, in order of name."""
        return tuple(self.pilot["site"].unique().sort())

    def starts(self, site: str = "") -> tuple[int, ...]:
        """Return the first treated periods of all pilot units, or of one site's, ascending."""
        units = self.pilot.filter((pl.col("site") == site) | pl.lit(site == ""))
        return tuple(units["first_treated"].unique().sort())

    @property
    def periods(self) -> tuple[int, ...]:
        """Every period from the first analysed to the last, gaps too."""
        seen = self.rows["period"].unique().sort()
        return tuple(range(seen[0], seen[-1] + 1))


def counts(analysed: Analysed, rule: Rule) -> tuple[list[dict[str, str]], list[Hidden]]:
    """Return the rows of ``Released.counts`` for one outcome, and what was hidden in them."""
    lines: list[dict[str, str]] = []
    hidden: list[Hidden] = []
    for group, part in (("pilot", analysed.pilot), ("comparison", analysed.comparison)):
        if part.is_empty():
            continue
        sites = analysed.sites if group == "pilot" else ()
        grid = totals(part.with_columns(slot="phase"), sites, (0, 1))
        why_count, why_exposure = _why_counts(grid, rule, analysed.outcome)
        for i in (len(sites), *range(len(sites))):
            for j in np.flatnonzero(grid.reported[i]):
                names = (group if grid.lines[i] == "" else "site", grid.lines[i], _PHASES[j])
                figures = (
                    ("count", float(grid.count[i, j]), str(why_count[i, j])),
                    ("exposure", float(grid.exposure[i, j]), str(why_exposure[i, j])),
                )
                line = dict(zip(COUNTS, (analysed.outcome.key, *names), strict=False))
                line |= {name: rule.text(value, hidden=why != "") for name, value, why in figures}
                lines.append(line)
                where = f"counts, {names[1] or names[0]}, {names[2]}"
                hidden += [
                    Hidden(outcome=analysed.outcome.key, where=where, what=name, why=why)
                    for name, _, why in figures
                    if why
                ]
    return lines, hidden


def _why_counts(grid: Grid, rule: Rule, outcome: Outcome) -> tuple[ReasonArray, ReasonArray]:
    """Why each count and each exposure is hidden; "" where it may stand."""
    small = f"a figure above 0 and below {rule.suppress_below}"
    why_count = np.where(_hides(grid.count, rule), small, "").astype(object)
    if outcome.measure == "share":
        # None of few: the few are hidden as the denominator, and 0 stands.
        few_left = _hides(grid.exposure - grid.count, rule) & (why_count == "") & (grid.count > 0)
        why_count[few_left] = f"all but fewer than {rule.suppress_below} of the denominator"
    why_exposure = np.where(_hides(grid.exposure, rule), small, "").astype(object)
    return complementary(why_count, grid.count), complementary(why_exposure, grid.exposure)


def _hides(figures: FloatArray, rule: Rule) -> NDArray[np.bool_]:
    return np.array([[rule.hides(float(f)) for f in line] for line in figures], dtype=np.bool_)


def trends(analysed: Analysed, rule: Rule) -> tuple[list[Trend], list[Hidden]]:
    """Return the lines of one outcome's trend chart, and what was hidden in them."""
    first_start = analysed.pilot["first_treated"].min()
    lines: list[Trend] = []
    hidden: list[Hidden] = []
    for group, part in (("pilot", analysed.pilot), ("comparison", analysed.comparison)):
        if part.is_empty():
            continue
        sites = analysed.sites if group == "pilot" else ()
        grid = totals(part.with_columns(slot="period"), sites, analysed.periods)
        measure = analysed.outcome.measure
        starts = _starts(part, grid.lines, first_start if isinstance(first_start, int) else None)
        phase = (np.array(grid.slots)[None, :] >= starts[:, None]).astype(np.int64)
        why = complementary(grid.reasons(rule, measure), grid.size(measure), phase)
        for i in (len(sites), *range(len(sites))):
            lines.append(_trend(analysed, grid, i, (group, why[i]), rule))
            hidden += _hidden_points(analysed, grid, i, (group, why[i]))
    return lines, hidden


def _starts(
    part: pl.DataFrame, lines: tuple[str, ...], first_start: int | None
) -> NDArray[np.float64]:
    """For each line the period from which it counts as after; infinite where nobody adopts."""
    never = np.inf if first_start is None else float(first_start)
    by_site = dict(part.group_by("site").agg(pl.col("first_treated").min()).iter_rows())
    return np.array([by_site.get(line) or never for line in lines], dtype=np.float64)


def _trend(
    analysed: Analysed, grid: Grid, i: int, shown: tuple[str, ReasonArray], rule: Rule
) -> Trend:
    group, why = shown
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


def _hidden_points(
    analysed: Analysed, grid: Grid, i: int, shown: tuple[str, ReasonArray]
) -> list[Hidden]:
    group, why = shown
    return [
        Hidden(
            outcome=analysed.outcome.key,
            where=f"trend, {grid.lines[i] or group}",
            what=analysed.calendar.label(grid.slots[j]),
            why=str(reason),
        )
        for j, reason in enumerate(why)
        if reason
    ]
