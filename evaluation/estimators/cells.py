"""Cells, a cohort in a period: averages over them, and their effects recentred for their error.

Shapes: K cohorts, T periods, r averages, S pairs of a pilot site and a cohort of its units.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evaluation.findings import Estimand
from evaluation.panel import Panel
from evaluation.periods import Calendar

__all__ = ["Average", "TreatedCells", "averages", "by_event_time", "no_cells"]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

# A site with all but this share of a group's squared weight leaves nobody to recentre it by
# (the threshold of the authors' did_imputation).
_NOBODY_ELSE = 1e-5


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Average:
    """An effect that is an average over cells, ``among``, shape (K, T)."""

    estimand: Estimand
    group: str
    among: BoolArray


def by_event_time(time: IntArray, seen: BoolArray) -> list[Average]:
    """Return an average for each event time, shape (K, T), among the cells that are seen."""
    return [
        Average(estimand="event_time", group=str(value), among=seen & (time == value))
        for value in np.unique(time[seen]).tolist()
    ]


def averages(
    starts: IntArray, periods: IntArray, seen: BoolArray, calendar: Calendar
) -> list[Average]:
    """Return the averages over treated cells: overall, by cohort, by period, by event time.

    Parameters
    ----------
    starts : int array, shape (K,)
        First treated period of each cohort.
    periods : int array, shape (T,)
    seen : bool array, shape (K, T)
        Treated cells with an observation.
    calendar : Calendar
        Names cohorts and periods.
    """
    time = periods[None, :] - starts[:, None]
    cohort = np.broadcast_to(starts[:, None], seen.shape)
    period = np.broadcast_to(periods[None, :], seen.shape)
    named: list[tuple[Estimand, IntArray]] = [("cohort", cohort), ("calendar", period)]
    found = [Average(estimand="overall", group="", among=seen)]
    for estimand, values in named:
        for value in np.unique(values[seen]).tolist():
            name = calendar.code(value)
            found.append(Average(estimand=estimand, group=name, among=seen & (values == value)))
    return [*found, *by_event_time(time, seen)]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TreatedCells:
    """Treated observations summed by pilot site, cohort and period.

    Parameters
    ----------
    site, cohort : int array, shape (S,)
        Each pair of a site and a cohort among its units; cohorts are 0 .. K-1.
    weight, gain : array, shape (S, T)
        Weight of the observations, and their effects times weight.
    time : int array, shape (K, T)
        Event time of each cell.
    """

    site: IntArray
    cohort: IntArray
    weight: FloatArray
    gain: FloatArray
    time: IntArray

    def add(self, pair: IntArray, weight: FloatArray, effect: FloatArray) -> None:
        """Add the treated observations of a block of units, shape (u, T), each of its pair."""
        n_periods = weight.shape[1]
        pairs, local = np.unique(pair, return_inverse=True)
        codes = (local[:, None] * n_periods + np.arange(n_periods)).ravel()
        for sums, values in ((self.weight, weight), (self.gain, weight * effect)):
            added = np.bincount(codes, values.ravel(), pairs.size * n_periods)
            sums[pairs] += added.reshape(-1, n_periods)

    def site_counts(self, among: Sequence[Average]) -> IntArray:
        """Return how many sites each average rests on; shape (r,)."""
        seen = (self.weight > 0).astype(np.float64)
        n_sites = int(self.site.max(initial=-1)) + 1
        return np.asarray((self.summed(seen, among, n_sites) > 0).sum(axis=0))

    def summed(self, values: FloatArray, among: Sequence[Average], n_sites: int) -> FloatArray:
        """Sum cell values, shape (S, T), by site over each average's cells; shape (G, r)."""
        sums = np.zeros((n_sites, len(among)))
        for cohort in np.unique(self.cohort):
            pairs = np.flatnonzero(self.cohort == cohort)
            chosen = np.array([average.among[cohort] for average in among], dtype=np.float64)
            # A site has a cohort once, so that no row is written twice.
            sums[self.site[pairs]] += values[pairs] @ chosen.T
        return sums

    def recentred(self, *, leave_out: bool) -> tuple[FloatArray, IntArray]:
        r"""Return each cell's effects times weight less the average that they are held against.

        Equation (8) of Borusyak, Jaravel and Spiess (2024) by site: the average of group g is
        :math:`\sum_s V_{sg} N_{sg} / \sum_s V_{sg}^2` with V the weight and N the effects times
        weight; with ``leave_out`` the site's own part is left out of both sums (section 4.3). The
        group is the cell; where one site alone is in it, the event time over all cohorts, and
        where one site alone has that, all treated observations: coarser groups are as valid, and
        more conservative where effects differ within them.

        Returns
        -------
        array, shape (S, T)
        int array
            Sites without any other to be held against: their part is 0.
        """
        seen = self.weight > 0
        held_against = np.zeros_like(self.weight)
        missing = seen.copy()
        for group in (self._cell, self._event, np.zeros_like(self._cell)):
            if not missing.any():
                break
            average, known = self._average_of_others(group, leave_out=leave_out)
            held_against = np.where(missing & known, average, held_against)
            missing &= ~known
        rest = np.where(missing, 0.0, self.gain - self.weight * held_against)
        return rest, np.unique(self.site[missing.any(axis=1)])

    @property
    def _cell(self) -> IntArray:
        n_periods = self.weight.shape[1]
        return np.asarray(self.cohort[:, None] * n_periods + np.arange(n_periods))

    @property
    def _event(self) -> IntArray:
        return np.asarray(self.time - self.time.min())[self.cohort]

    def _average_of_others(
        self, group: IntArray, *, leave_out: bool
    ) -> tuple[FloatArray, BoolArray]:
        """Return each cell's group average, and whether another site is in the group; (S, T)."""
        seen = self.weight > 0
        # Each site once in each group.
        n_sites = int(self.site.max()) + 1
        keys, pair = np.unique((group * n_sites + self.site[:, None])[seen], return_inverse=True)
        weight = np.bincount(pair, self.weight[seen])
        product = weight * np.bincount(pair, self.gain[seen])
        square, of_pair = weight**2, keys // n_sites
        squares, products = (np.bincount(of_pair, v)[of_pair] for v in (square, product))
        rest = squares - square
        known = rest > _NOBODY_ELSE * squares
        if leave_out:
            squares, products = np.where(known, rest, 1.0), products - product
        average, others = np.zeros_like(self.weight), np.zeros_like(seen)
        average[seen], others[seen] = (products / squares)[pair], known[pair]
        return average, others


def no_cells(panel: Panel, member: IntArray, starts: IntArray) -> tuple[TreatedCells, IntArray]:
    """Return empty sums, and for each unit its pair of site and cohort, -1 for none; shape (U,).

    Parameters
    ----------
    panel : Panel
    member : int array, shape (U,)
        Cohort of each unit; -1 for units that are no part of it.
    starts : int array, shape (K,)
    """
    periods = np.array(panel.periods)
    inside = np.flatnonzero(member >= 0)
    keys, found = np.unique(
        panel.unit_sites[inside] * starts.size + member[inside], return_inverse=True
    )
    pair = np.full(member.size, -1)
    pair[inside] = found
    shape = (keys.size, periods.size)
    cells = TreatedCells(
        site=keys // starts.size,
        cohort=keys % starts.size,
        weight=np.zeros(shape),
        gain=np.zeros(shape),
        time=periods[None, :] - starts[:, None],
    )
    return cells, pair
