r"""Averages of group-time effects, with the influence of the weights, which are estimated.

An average :math:`\theta = \sum_k P_{g(k)} ATT_k / \sum_k P_{g(k)}` over cells k weights cohorts by
their size :math:`P_g`, the sum of the units' weights. Its influence function is that of the cells
with these weights, and for each unit of cohort g its weight times
:math:`\sum_{k: g(k) = g} (ATT_k - \theta) / \sum_k P_{g(k)}`.

Shapes: r cells, C cohorts, a averages, G sites.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from evaluation.errors import EstimationError
from evaluation.estimators.callaway_santanna.group_time import GroupTime
from evaluation.estimators.callaway_santanna.tables import UnitTables, by_block
from evaluation.findings import Estimand

__all__ = ["Averages", "Overall", "averages", "influence_of", "pilot_sites", "site_sizes"]

Overall = Literal["simple", "group", "dynamic", "calendar"]
FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Averages:
    """Averages of cells; the overall one first.

    Parameters
    ----------
    estimand : tuple of Estimand
    group : tuple of int
        Index of the cohort or the period, or the event time; 0 for the overall effect.
    members : bool array, shape (a, r)
        The cells that each stands for, with or without an effect.
    cells : array, shape (a, r)
        The weight of each cell; a row sums to 1, or to 0 where no member has an effect.
    sizes : array, shape (a, C)
        What one more unit of weight in a cohort adds to the average.
    """

    estimand: tuple[Estimand, ...]
    group: tuple[int, ...]
    members: BoolArray
    cells: FloatArray
    sizes: FloatArray

    @property
    def known(self) -> BoolArray:
        """Whether some member has an effect; shape (a,)."""
        return np.asarray(self.cells.any(axis=1), dtype=np.bool_)


def averages(
    tables: UnitTables, effects: GroupTime, *, overall: Overall, balance: int | None
) -> Averages:
    """Lay out all averages: Callaway and Sant'Anna (2021), section 3 and table 1.

    Parameters
    ----------
    tables : UnitTables
    effects : GroupTime
    overall : {"simple", "group", "dynamic", "calendar"}
        All cells from the start on, by size; the cohorts' averages, by size; the plain mean of the
        effects at event times of 0 or more; the plain mean of the calendar periods' effects.
    balance : int, optional
        Event times up to this one, of cohorts that have an effect at each from 0 on.

    Raises
    ------
    EstimationError
        When ``balance`` leaves no cohort.
    """
    cells = effects.cells
    since = cells.event_time >= 0
    size = site_sizes(tables).sum(axis=1)
    numbers = (
        np.unique(cells.cohort),
        np.unique(cells.period[since]),
        np.unique(cells.event_time),
    )
    cohort = (cells.cohort == numbers[0][:, None]) & since
    calendar = (cells.period == numbers[1][:, None]) & since
    event = cells.event_time == numbers[2][:, None]
    if balance is not None:
        event &= _balanced(effects, balance) & (cells.event_time <= balance)
        numbers = (*numbers[:2], numbers[2][event.any(axis=1)])
        event = event[event.any(axis=1)]
    parts = (
        _evenly(cohort, effects),
        _by_size(calendar, effects, size),
        _by_size(event, effects, size),
    )
    later = event[numbers[2] >= 0].any(axis=0) if overall == "dynamic" else since
    first = {
        "simple": lambda: _by_size(since[None], effects, size),
        "group": lambda: _cohorts_by_size(parts[0], effects, size[numbers[0]], numbers[0]),
        "dynamic": lambda: _mean(*parts[2], numbers[2] >= 0),
        "calendar": lambda: _mean(*parts[1], np.ones(numbers[1].size, dtype=np.bool_)),
    }[overall]()
    names: tuple[Estimand, ...] = ("cohort", "calendar", "event_time")
    repeated = [name for name, n in zip(names, numbers, strict=True) for _ in n]
    return Averages(
        estimand=("overall", *repeated),
        group=(0, *np.concatenate(numbers).tolist()),
        members=np.vstack([later[None], cohort, calendar, event]),
        cells=np.vstack([first[0], *(part[0] for part in parts)]),
        sizes=np.vstack([first[1], *(part[1] for part in parts)]),
    )


def influence_of(tables: UnitTables, effects: GroupTime, pooled: Averages) -> FloatArray:
    """Return the averages' influence functions summed by site; shape (a, G)."""
    from scipy.sparse import csr_array

    through_cells = csr_array(pooled.cells) @ effects.influence
    return np.asarray(through_cells + csr_array(pooled.sizes) @ site_sizes(tables))


def pilot_sites(tables: UnitTables, effects: GroupTime, members: BoolArray) -> tuple[int, ...]:
    """Return how many pilot sites the effects of some cells rest on; ``members`` is (a, r)."""
    from scipy.sparse import csr_array

    cell, block = np.nonzero(effects.present)
    site = tables.block_site[tables.block_bounds[effects.cells.cohort[cell]] + block]
    shape = (effects.present.shape[0], tables.n_sites)
    present = csr_array((np.ones(cell.size), (cell, site)), shape=shape)
    met = csr_array(members.astype(np.float64)) @ present
    return tuple(np.diff(met.indptr).tolist())


def site_sizes(tables: UnitTables) -> FloatArray:
    """Return cohorts' weights in their base period, by site; shape (C, G)."""
    sizes = np.zeros((tables.starts.size, tables.n_sites))
    for cohort, base in enumerate(tables.base):
        if base >= 0:
            own = (cohort, cohort + 1)
            weight = tables.weight[base : base + 1, tables.units(own)]
            sites = tables.block_site[tables.blocks(own)]
            sizes[cohort, sites] = by_block(tables, weight, own)[0]
    return sizes


def _balanced(effects: GroupTime, balance: int) -> BoolArray:
    """Return the cells of the cohorts that have an effect at every event time up to ``balance``."""
    cells, found = effects.cells, effects.found
    wanted = set(range(balance + 1))
    cohorts = [
        cohort
        for cohort in np.unique(cells.cohort)
        if wanted <= set(cells.event_time[found & (cells.cohort == cohort)].tolist())
    ]
    if not cohorts:
        raise EstimationError(
            f"no start has an effect at each event time from 0 to {balance}, so there is nothing "
            "to balance",
            allowed="a smaller number of periods after the start",
        )
    return np.isin(cells.cohort, cohorts)


def _by_size(
    members: BoolArray, effects: GroupTime, size: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Weight cells by their cohorts' size; (a, r), and the pull of the sizes, (a, C)."""
    entering = members & effects.found
    weight = entering * size[effects.cells.cohort]
    total = weight.sum(axis=1, keepdims=True)
    total[total == 0] = 1.0
    value = np.nan_to_num(effects.value)
    average = weight @ value[:, None] / total
    present, first = np.unique(effects.cells.cohort, return_index=True)
    pull = np.zeros((members.shape[0], size.size))
    pull[:, present] = np.add.reduceat(entering * (value - average), first, axis=1) / total
    return weight / total, pull


def _evenly(members: BoolArray, effects: GroupTime) -> tuple[FloatArray, FloatArray]:
    """Weight cells alike."""
    entering = (members & effects.found).astype(np.float64)
    count = np.maximum(entering.sum(axis=1, keepdims=True), 1.0)
    n_cohorts = int(effects.used.shape[0]) - 1
    return entering / count, np.zeros((members.shape[0], n_cohorts))


def _cohorts_by_size(
    cohorts: tuple[FloatArray, FloatArray],
    effects: GroupTime,
    size: FloatArray,
    number: NDArray[np.int64],
) -> tuple[FloatArray, FloatArray]:
    """Weight the cohorts' averages by size, those that have one."""
    cells, pull = cohorts
    weight = size * cells.any(axis=1)
    total = weight.sum()
    value = cells @ np.nan_to_num(effects.value)
    row = np.zeros((1, pull.shape[1]))
    row[0, number] = (weight > 0) * (value - weight @ value / total) / total
    return (weight / total) @ cells[None], row


def _mean(cells: FloatArray, pull: FloatArray, chosen: BoolArray) -> tuple[FloatArray, FloatArray]:
    """Weight averages alike, those chosen that have a cell with an effect."""
    entering = chosen & cells.any(axis=1)
    share = entering / max(int(entering.sum()), 1)
    return share[None] @ cells, share[None] @ pull
