"""Which group-time effects there are, and which of them can be worked on together.

Shapes: r effects, as in ``tables``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from evaluation.estimators.callaway_santanna.tables import UnitTables

__all__ = ["Base", "Cells", "ControlGroup", "Run", "cells_of", "runs"]

ControlGroup = Literal["never_treated", "not_yet_treated"]
Base = Literal["varying", "universal"]
IntArray = NDArray[np.int64]

# Numbers worked on at a time: what fits the processor's cache (256 kB).
_AT_A_TIME = 32_768


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Cells:
    """Which group-time effects there are: a cohort, a period and the base period it is held to.

    Parameters
    ----------
    cohort, period, base : int array, shape (r,)
        Indices into ``starts`` and ``periods``; ordered by cohort and period.
    first_control : int array, shape (r,)
        Cohorts from this one on are comparison units, the cell's own cohort excepted; C for the
        never-treated alone.
    event_time : int array, shape (r,)
        Periods since the start.
    """

    cohort: IntArray
    period: IntArray
    base: IntArray
    first_control: IntArray
    event_time: IntArray


def cells_of(tables: UnitTables, *, control_group: ControlGroup, base: Base) -> Cells:
    """Lay out the cells of all cohorts that are observed before their start.

    A comparison unit is untreated in both periods of the comparison, which for the periods before
    the start is the rule of R's did.
    """
    rows = []
    periods = np.arange(tables.periods.size)
    for cohort, last in enumerate(tables.base):
        if last < 0:
            continue
        if base == "universal":
            period, held = periods[periods != last], np.full(periods.size - 1, last)
        else:
            period = periods[1:]
            held = np.minimum(period - 1, last)
        rows.append(np.column_stack([np.full(period.size, cohort), period, held]))
    cohort, period, held = np.concatenate(rows or [np.empty((0, 3), dtype=np.int64)]).T
    later = tables.periods[np.maximum(period, held)]
    first_control = np.searchsorted(tables.starts, later, side="right")
    if control_group == "never_treated":
        first_control = np.full_like(first_control, tables.starts.size)
    return Cells(
        cohort=cohort,
        period=period,
        base=held,
        first_control=first_control.astype(np.int64),
        event_time=tables.periods[period] - tables.starts[cohort],
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """Neighbouring periods of one cohort that have the same comparison cohorts.

    Parameters
    ----------
    rows : slice
        Its cells.
    cohort : int
    period, base : slice
        Indices of periods; ``base`` is one period, or moves along with ``period``.
    controls : tuple of (int, int)
        Ranges of comparison cohorts, from the first up to the second.
    """

    rows: slice
    cohort: int
    period: slice
    base: slice
    controls: tuple[tuple[int, int], ...]

    @property
    def own(self) -> tuple[int, int]:
        """The range of cohorts that is the run's own."""
        return self.cohort, self.cohort + 1

    @property
    def size(self) -> int:
        """The number of cells, m."""
        return int(self.rows.stop - self.rows.start)

    @property
    def moving(self) -> bool:
        """Whether each cell has a base period of its own."""
        return int(self.base.stop - self.base.start) == self.size


def runs(tables: UnitTables, cells: Cells) -> Iterator[Run]:
    """Cut the cells into runs of as many numbers as fit the cache; whole ones under covariates."""
    fixed = cells.base == tables.base[cells.cohort]
    kind = np.column_stack([cells.cohort, cells.first_control, fixed, cells.period])
    steps = np.diff(kind, axis=0)
    breaks = np.flatnonzero((steps[:, :3] != 0).any(axis=1) | (steps[:, 3] != 1)) + 1
    most = max(1, _AT_A_TIME // tables.unit.size) if not tables.covariates.size else fixed.size
    for start, stop in zip(np.r_[0, breaks], np.r_[breaks, fixed.size], strict=True):
        for first in range(int(start), int(stop), most):
            rows = slice(first, min(first + most, int(stop)))
            cohort, held = int(cells.cohort[first]), int(cells.base[first])
            period = int(cells.period[first])
            length = rows.stop - first
            yield Run(
                rows=rows,
                cohort=cohort,
                period=slice(period, period + length),
                base=slice(held, held + (1 if fixed[first] else length)),
                controls=_controls(tables, cohort, int(cells.first_control[first])),
            )


def _controls(tables: UnitTables, cohort: int, first: int) -> tuple[tuple[int, int], ...]:
    """Return the ranges of comparison cohorts that have units."""
    last = tables.starts.size + 1
    ranges = ((first, cohort), (cohort + 1, last)) if first <= cohort else ((first, last),)
    return tuple(
        (low, high)
        for low, high in ranges
        if low < high and tables.unit_bounds[low] < tables.unit_bounds[high]
    )
