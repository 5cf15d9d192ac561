"""Which cells, a cohort in a period, share a coefficient of an event study, and its averages.

Shapes: U units, T periods, K cohorts, m coefficients, r averages.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from evaluation.estimators.cells import Average, TreatedCells, averages, by_event_time, no_cells
from evaluation.estimators.grid import grid_of
from evaluation.findings import Effect
from evaluation.panel import Panel

__all__ = ["REFERENCE", "Form", "lay_out"]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

REFERENCE = -1
_NOT_IDENTIFIED = (
    "Not estimated: no comparison is observed that could tell it from the unit and period effects."
)
_ONE_PERIOD = (
    "Held to the last period before the start alone: one unusual period there moves all of it."
)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Form:
    """The cells of an event study; a last row of ``used`` and ``label`` is for the never-treated.

    Parameters
    ----------
    starts : int array, shape (K,)
    member : int array, shape (U,)
        Cohort of each unit, K for never.
    used : bool array, shape (K + 1, T)
        Cells that enter.
    label : int array, shape (K + 1, T)
        Coefficient of each cell, 0 .. m-1; -1 for comparison and reference.
    time, joined : int array, shape (K, T)
        Event time, and the same with the ends joined.
    weight, observed : array, shape (K, T)
        Weight of each cell's observations, and their outcomes times weight.
    cells : TreatedCells
        The weight by site too; no gains.
    comparison : int or None
        The cohort that the others are compared with, where nobody is never treated.
    """

    starts: IntArray
    member: IntArray
    used: BoolArray
    label: IntArray
    time: IntArray
    joined: IntArray
    weight: FloatArray
    observed: FloatArray
    cells: TreatedCells
    comparison: int | None

    @property
    def columns(self) -> FloatArray:
        """A column for each coefficient, 1 in its cells; shape (K + 1, T, m)."""
        every = np.arange(self.label.max() + 1)
        return np.asarray(self.label[:, :, None] == every, dtype=np.float64)

    @property
    def pilots(self) -> BoolArray:
        """Whether each unit is asked about: it adopts, and is no comparison; shape (U,)."""
        compared = self.starts.size if self.comparison is None else self.comparison
        return np.asarray((self.member < self.starts.size) & (self.member != compared))

    def averages(self, panel: Panel, *, overall: bool) -> list[Average]:
        """Return the event times, behind the averages over treated cells if these are wanted."""
        seen = self.label[:-1] >= 0
        events = by_event_time(self.joined, seen)
        if not overall:
            return events
        periods = np.array(panel.periods)
        found = averages(self.starts, periods, seen & (self.time >= 0), panel.calendar)
        return [*(a for a in found if a.estimand != "event_time"), *events]

    def contrasts(self, among: list[Average], identified: BoolArray) -> FloatArray:
        """Return what each coefficient weighs in each average; NaN where there is none; (r, m)."""
        rows = np.full((len(among), identified.size), np.nan)
        for row, average in zip(rows, among, strict=True):
            cells = self._known(average, identified)
            if cells.any():
                weights = self.weight[cells]
                row[:] = np.bincount(self.label[:-1][cells], weights, row.size) / weights.sum()
        return rows

    def _known(self, average: Average, identified: BoolArray) -> BoolArray:
        return average.among & identified[self.label[:-1]]

    def effect(self, average: Average, value: float, identified: BoolArray) -> Effect:
        """Return an average as an effect, with what is left out of it."""
        known = self._known(average, identified)
        caveats = () if known.any() else (_NOT_IDENTIFIED,)
        lost = int((average.among & ~known).any(axis=1).sum()) if known.any() else 0
        if lost:
            caveats = (
                f"{lost} of {int(average.among.any(axis=1).sum())} starts {_are(lost)} left out "
                "of the average, at least in part: nothing tells them from the unit and period "
                "effects.",
            )
        cells = known if known.any() else average.among
        return Effect(
            estimand=average.estimand,
            group=average.group,
            value=value,
            scale="level",
            observed=float(self.observed[cells].sum() / self.weight[cells].sum()),
            caveats=(
                *self._joined_ends(average),
                *(() if average.estimand == "event_time" else (_ONE_PERIOD,)),
                *caveats,
            ),
            n_pilot_sites=int(self.cells.site_counts([replace(average, among=cells)])[0]),
        )

    def _joined_ends(self, average: Average) -> tuple[str, ...]:
        ends = int(np.abs(self.joined).max())
        if average.estimand != "event_time" or abs(time := int(average.group)) != ends:
            return ()
        if (self.joined == self.time).all():
            return ()
        return (f"All event times of {time} or {'earlier' if time < 0 else 'later'}, joined.",)


def _are(count: int) -> str:
    return "is" if count == 1 else "are"


def lay_out(panel: Panel, ends: int | None, *, apart: bool) -> Form:
    """Lay out the cells of an event study.

    Parameters
    ----------
    panel : Panel
    ends : int or None
        Where event times are joined.
    apart : bool
        Whether each start has coefficients of its own.
    """
    starts, periods = np.array(panel.adoption.cohorts, dtype=np.int64), np.array(panel.periods)
    first = panel.unit_first_treated
    never = np.isnan(first)
    member = np.where(never, starts.size, np.searchsorted(starts, np.where(never, 0, first)))
    cells, pair = no_cells(panel, np.where(never, -1, member), starts)
    weight, observed = (np.zeros((starts.size, periods.size)) for _ in range(2))
    grid, weights, outcome = grid_of(panel), panel.values("weight"), panel.values("outcome")
    for cohort, units in grid.blocks(np.where(never, -1, member)):
        table = grid.table(weights, units)
        weight[cohort] += table.sum(axis=0)
        observed[cohort] += (table * grid.table(outcome, units)).sum(axis=0)
        cells.add(pair[units], table, np.zeros_like(table))
    used = np.ones((starts.size + 1, periods.size), dtype=np.bool_)
    comparison = starts.size - 1 if apart and starts.size > 1 and not never.any() else None
    shown = weight > 0
    if comparison is not None:
        used[:, periods >= starts[comparison]] = False
        shown[comparison] = False
    joined = cells.time if ends is None else np.clip(cells.time, -ends, ends)
    return Form(
        starts=starts,
        member=member,
        used=used,
        label=_labels(joined, shown & used[:-1] & (joined != REFERENCE), apart=apart),
        time=cells.time,
        joined=joined,
        weight=weight,
        observed=observed,
        cells=cells,
        comparison=comparison,
    )


def _labels(joined: IntArray, shown: BoolArray, *, apart: bool) -> IntArray:
    """Return the coefficient of each cell, by event time and, apart, cohort; shape (K + 1, T)."""
    cohort = np.arange(joined.shape[0])[:, None] if apart else np.zeros((1, 1), dtype=np.int64)
    keys = (joined - joined.min()) + cohort * (np.ptp(joined) + 1)
    label = np.full((joined.shape[0] + 1, joined.shape[1]), -1, dtype=np.int64)
    label[:-1][shown] = np.unique(keys[shown], return_inverse=True)[1]
    return label
