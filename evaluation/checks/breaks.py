"""Check on breaks in a unit's series: sudden changes of level that the other units do not share.

A unit that adopted is looked at only up to its adoption, so that an effect is no break.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from evaluation.checks.shifts import FEWEST_ROWS, Shift, find_shifts, median_polish
from evaluation.checks.words import (
    findings,
    keep_out_cells,
    keep_out_unit,
    listing,
    plural,
    span,
    stride,
    unit_name,
)
from evaluation.findings import Check
from evaluation.panel import Panel

__all__ = ["check_breaks"]

FloatArray = NDArray[np.float64]

# What is common cannot be told from what is a unit's own with fewer units than this.
_FEWEST_UNITS = 8
_FEWEST_PERIODS = 12
# Below this usual count, chance alone makes months halve and double.
_LEAST_COUNT = 10.0
# A comparison unit is one of many: a smaller shift moves the estimate by less than it can show.
_LEAST_SHIFT_PILOT, _LEAST_SHIFT_COMPARISON = 0.10, 0.20
# Rows that must remain before the start when the older side of a lasting shift is cut.
_ENOUGH_LEFT = 6
_LONGEST = {12: 12, 4: 4}
_NAME, _TITLE = "reporting_break", "Sudden changes in how an area reports"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Grid:
    """Outcomes before adoption on the scale of the search.

    ``values`` has shape (units, periods), NaN where not observed, adopted or too small to test.
    """

    units: tuple[str, ...]
    periods: NDArray[np.int64]
    values: FloatArray
    is_log: bool
    too_small: int

    def change(self, size: float) -> float:
        """Return a shift as a proportion of the level without it."""
        return float(np.expm1(size)) if self.is_log else size


def check_breaks(panel: Panel) -> Check:
    """Find temporary and lasting shifts of level in each unit's series before it adopted.

    Outcomes are searched on the logarithmic scale, or in proportion to the unit's median where
    some are 0 or below. Shifts under 20% (10% in pilot units) are not reported. Methods and
    sources are in :mod:`evaluation.checks.shifts`.
    """
    if len(panel.units) < _FEWEST_UNITS or len(panel.periods) < _FEWEST_PERIODS:
        return _untested(
            f"With {plural(len(panel.units), 'unit')} and {plural(len(panel.periods), 'period')} "
            "a break cannot be told from chance: this check needs at least "
            f"{_FEWEST_UNITS} units and {_FEWEST_PERIODS} periods."
        )
    grid = _grid(panel)
    testable = int((np.isfinite(grid.values).sum(axis=1) >= FEWEST_ROWS).sum())
    if testable < _FEWEST_UNITS:
        return _untested(
            "Too few areas have enough values, or large enough counts, for a break to be told "
            "from chance."
        )
    per_year = panel.calendar.per_year
    shifts = find_shifts(
        grid.values,
        grid.periods,
        per_year=per_year,
        longest=_LONGEST.get(per_year, max(2, len(grid.periods) // 4)),
    )
    kept = [s for s in shifts if abs(grid.change(s.size)) >= _least(panel, grid.units[s.unit])]
    small = (
        f"{plural(grid.too_small, 'area')} with a usual count under {_LEAST_COUNT:.0f} could not "
        "be tested."
        if grid.too_small
        else ""
    )
    if not kept:
        return Check(
            name=_NAME,
            title=_TITLE,
            passed=True,
            detail=f"No area's figures jump in a way that others do not share. {small}".strip(),
        )
    return _found(panel, grid, kept, small)


def _untested(why: str) -> Check:
    return Check(name=_NAME, title=_TITLE, passed=None, detail=why)


def _least(panel: Panel, unit: str) -> float:
    is_pilot = unit in panel.adoption.first_treated
    return _LEAST_SHIFT_PILOT if is_pilot else _LEAST_SHIFT_COMPARISON


def _grid(panel: Panel) -> _Grid:
    shape = (len(panel.units), len(panel.periods))
    raw = np.full(shape, np.nan)
    before = ~panel.treated
    raw[panel.unit_codes[before], panel.period_codes[before]] = panel.values("outcome")[before]
    small = np.zeros(shape[0], dtype=np.bool_)
    if "count" in panel.rows.columns:
        # By plain medians of each unit, for rows of a unit stand together.
        starts = np.flatnonzero(np.diff(panel.unit_codes, prepend=-1))
        parts = np.split(panel.values("count"), starts[1:])
        small = np.array([np.median(part) < _LEAST_COUNT for part in parts])
    is_log = bool((panel.values("outcome") > 0).all())
    if is_log:
        values = np.log(raw)
    else:
        typical = np.array([_median(row) for row in raw])
        unusable = ~(np.abs(typical) > 0)
        small |= unusable
        values = raw / np.where(unusable, 1.0, np.abs(typical))[:, None]
    values[small] = np.nan
    return _Grid(
        units=panel.units,
        periods=np.array(panel.periods, dtype=np.int64),
        values=values,
        is_log=is_log,
        too_small=int(small.sum()),
    )


def _median(row: FloatArray) -> float:
    seen = row[np.isfinite(row)]
    return float(np.median(seen)) if len(seen) else 0.0


def _found(panel: Panel, grid: _Grid, shifts: list[Shift], small: str) -> Check:
    rows = [_row(panel, grid, shift) for shift in shifts]
    units = list(dict.fromkeys(grid.units[s.unit] for s in shifts))
    pilots = [u for u in units if u in panel.adoption.first_treated]
    named = [*pilots, *(u for u in units if u not in pilots)]
    firsts = {u: next(r["problem"] for r in rows if r["unit"] == u) for u in named}
    told = ". ".join(firsts[u] for u in named[:2])
    more = f". Also: {listing(unit_name(u) for u in named[2:])}" if len(named) > 2 else ""
    moved = [abs(m) for m in (_moved(panel, grid, s) for s in shifts) if m is not None]
    parts = (
        f"The figures of {plural(len(units), 'area')} jump suddenly while those of most others do "
        "not, as happens when reporting changes.",
        f"{told}{more}.",
        "Pilot areas are among them, where it matters most." if pilots else "",
        f"Left in, the one that matters most moves the estimate by {_tenths(max(moved))}."
        if moved
        else "",
        small,
    )
    return Check(
        name=_NAME,
        title=_TITLE,
        passed=False,
        detail=" ".join(part for part in parts if part),
        remedy="Ask the area what changed. If it is how figures are reported, paste the lines of "
        "the table into the study file to leave the affected months, or the area, out.",
        table=findings(rows),
    )


def _row(panel: Panel, grid: _Grid, shift: Shift) -> dict[str, str]:
    calendar, unit = panel.calendar, grid.units[shift.unit]
    change = grid.change(shift.size)
    ends = _cut(panel, grid, shift)
    if shift.lasting:
        when = f"from {calendar.label(shift.first)}, which lasts"
    else:
        when = f"in {span(calendar, shift.first, shift.last)}, and {_since(grid, shift)}"
    return {
        "unit": unit,
        "first": calendar.code(ends[0]),
        "last": calendar.code(ends[1]),
        "value": f"{100 * change:+.0f}%",
        "problem": f"{unit_name(unit)}: {_jump(change)} {when}",
        "effect_on_estimate": _effect(panel, grid, shift),
        "remedy": _remedy(panel, grid, shift, ends),
    }


def _jump(change: float) -> str:
    if change >= 1:
        return f"a sudden rise to {1 + change:.1f} times the level before"
    return f"a sudden {'fall' if change < 0 else 'rise'} of {abs(100 * change):.0f}%"


def _cut(panel: Panel, grid: _Grid, shift: Shift) -> tuple[int, int]:
    """Return the periods that a break touches: one more on either side of a temporary one.

    Reporting seldom changes on the first of a month, so the months at both ends hold some of it.
    """
    if shift.lasting:
        return shift.first, shift.last
    step = stride(panel)
    seen = grid.periods[np.isfinite(grid.values[shift.unit])]
    return max(shift.first - step, int(seen[0])), min(shift.last + step, int(seen[-1]))


def _left(grid: _Grid, shift: Shift) -> float:
    """Return the change of level that a temporary shift left behind, from a year either side."""
    row = median_polish(grid.values)[shift.unit]
    ends = np.searchsorted(grid.periods, [shift.first, shift.last])
    before, after = row[: ends[0]], row[ends[1] + 1 :]
    before, after = before[np.isfinite(before)][-12:], after[np.isfinite(after)][:12]
    left = grid.change(float(np.median(after) - np.median(before)))
    return left if abs(left) >= _LEAST_SHIFT_PILOT else 0.0


def _since(grid: _Grid, shift: Shift) -> str:
    left = _left(grid, shift)
    if not left:
        return "back to about the level before"
    return f"{abs(100 * left):.0f}% {'below' if left < 0 else 'above'} the level before since"


def _moved(panel: Panel, grid: _Grid, shift: Shift) -> float | None:
    """Return by how much, to first order, the break moves the estimate; None where undefined.

    A shift of b in a share s0 of the periods before the start and s1 of those after changes the
    unit's own before-and-after difference by b (s1 - s0), times its weight among its own kind.
    What a pilot area reports at its start it is taken to report after it.
    """
    unit, starts = grid.units[shift.unit], panel.adoption.first_treated
    is_pilot = unit in starts
    if not starts:
        return None
    start = starts.get(unit, min(starts.values()))
    periods = panel.rows.filter(pl.col("unit") == unit)["period"].to_numpy()
    before = periods < start
    if not before.any() or before.all():
        return None
    course = np.where((periods >= shift.first) & (periods <= shift.last), shift.size, 0.0)
    if shift.lasting:
        course[periods > shift.last] = shift.size
    else:
        left = _left(grid, shift)
        course[periods > shift.last] = np.log1p(left) if grid.is_log else left
    change = grid.change(float(course[~before].mean() - course[before].mean()))
    weights = dict(panel.rows.group_by("unit").agg(pl.col("weight").mean()).iter_rows())
    kind = sum(weight for u, weight in weights.items() if (u in starts) == is_pilot)
    return change * float(weights[unit] / kind) * (1 if is_pilot else -1)


def _tenths(moved: float) -> str:
    size = abs(100 * moved)
    return "less than 0.1%" if size < 0.05 else f"about {size:.1f}%"


def _effect(panel: Panel, grid: _Grid, shift: Shift) -> str:
    moved = _moved(panel, grid, shift)
    if moved is None:
        return "it changes the level that other areas or later periods are compared with"
    side = "high" if moved > 0 else "low"
    return f"left in, with the level since, it makes the estimate {_tenths(moved)} too {side}"


def _remedy(panel: Panel, grid: _Grid, shift: Shift, ends: tuple[int, int]) -> str:
    if shift.lasting:
        return _remedy_lasting(panel, grid, shift, ends)
    calendar, unit = panel.calendar, grid.units[shift.unit]
    reason = f"{_jump(grid.change(shift.size))} that most areas do not share".removeprefix("a ")
    lines = keep_out_cells(calendar, unit, ends, reason)
    if not _left(grid, shift):
        return lines
    start = grid.periods[np.isfinite(grid.values[shift.unit])][0]
    return (
        f"{lines}\n# Since then it is {_since(grid, shift).removesuffix(' since')}. If reporting "
        f'changed for good, write first = "{calendar.code(int(start))}", so that only the new '
        "level is used."
    )


def _remedy_lasting(panel: Panel, grid: _Grid, shift: Shift, ends: tuple[int, int]) -> str:
    """Keep the side that is compared across the start; the whole area out where neither serves."""
    calendar, unit = panel.calendar, grid.units[shift.unit]
    jump = _jump(grid.change(shift.size)).removeprefix("a ")
    reason = f"{jump} from {calendar.label(shift.first)}, which lasts"
    seen = grid.periods[np.isfinite(grid.values[shift.unit])]
    older, newer = seen[seen < shift.first], seen[seen >= shift.first]
    old_side = keep_out_cells(calendar, unit, (int(older[0]), int(older[-1])), reason)
    if unit in panel.adoption.first_treated:
        if len(newer) >= _ENOUGH_LEFT:
            return old_side
        return (
            "# Too few values lie between the change and the start to go on without those before "
            "it.\n# Ask the area what changed; if it is reporting, leave the area out:\n"
            + keep_out_unit(panel, unit, reason)
        )
    longest = _LONGEST.get(calendar.per_year, 4)
    if len(older) <= longest:
        return old_side
    if len(newer) <= longest // 2:
        return keep_out_cells(calendar, unit, ends, reason)
    return keep_out_unit(panel, unit, reason)
