"""Counts or denominators of sites by periods, with every total that is shown, as a network.

Of each site and period the parts before and after the start are nodes' inflow; the site's figure of
the period (a point of its chart) flows on to the period, and the period's figure (a point of the
pilot chart) to the whole. From the whole, the totals before and after flow to those of each site,
and these to its periods. A comparison group is one line without sites.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from evaluation.disclosure.grid import FloatArray
from evaluation.disclosure.network import Edge, Key, Move, Network

__all__ = ["Limits", "Sums"]

_PHASES = ("before", "after")

# What is lost when a figure is hidden, in points of a site's chart: of two the smaller goes.
_LINE, _TOTAL, _ROW, _ALL = 1.0, 12.0, 6.0, 40.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sums:
    """The sums of one group of one outcome.

    Parameters
    ----------
    cells, least, most : array, shape (s, t, 2)
        Of each site, period and phase: its value, NaN where nothing was reported, and the ends
        of what it could be.
    floor : float
        Below which no hidden figure can be: 1, as 0 is shown; minus infinity for means.
    has_total : bool
        Whether the lines have a total beside them.
    shows_line, shows_total : bool arrays, shapes (s, t) and (t,)
        Which points of charts give these sums away.
    """

    cells: FloatArray
    least: FloatArray
    most: FloatArray
    floor: float
    has_total: bool
    shows_line: NDArray[np.bool_]
    shows_total: NDArray[np.bool_]

    def point(self, line: int, period: int) -> Key:
        """Return the key of a point of a chart; the line after the last site is their total."""
        if self.has_total and line == len(self.cells):
            return ("column", period, 0)
        return ("cell", line, period)

    def phase(self, line: int, phase: int) -> Key:
        """Return the key of a total before or after the start."""
        if self.has_total and line == len(self.cells):
            return ("grand", phase, 0)
        return ("row", line, phase)

    def limits(self) -> Limits:
        """Return the least and the most that each sum can be."""
        reported = np.isfinite(self.cells)
        values = np.where(reported, self.cells, 0.0)
        least = np.where(reported, self.least, 0.0)
        # Of a point that has both, all of it could be before the start, or after.
        alone = reported & ~reported[:, :, ::-1] & (values > 0)
        by_row = np.maximum(least, np.where(alone, self.floor, 0.0)).sum(axis=1)
        return Limits(
            least_of_point=np.maximum(
                least.sum(axis=2), np.where(values.sum(axis=2) > 0, self.floor, 0.0)
            ),
            least_of_row=np.maximum(by_row, np.where(values.sum(axis=1) > 0, self.floor, 0.0)),
            most_of_part=np.where(reported, self.most, 0.0),
        )

    def network(self) -> Network:
        """Return the network of the sums; what is 0 and shown so cannot move and is left out."""
        return Network(tuple(edge for edge in self._edges() if edge is not None))

    def _edges(self) -> Iterator[Edge | None]:
        n_sites, n_periods, _ = self.cells.shape
        whole = 2 * n_sites + n_periods
        yield from self._points(n_sites, n_periods, whole)
        for site in range(n_sites):
            for phase in (0, 1):
                tail = whole + 1 + phase if self.has_total else whole
                total = self._sum(self.cells[site, :, phase])
                yield self._edge(("row", site, phase), (tail, 2 * site + phase), total, _ROW)
        if self.has_total:
            for period in range(n_periods):
                cost = _TOTAL if self.shows_total[period] else 0.0
                total = self._sum(self.cells[:, period])
                yield self._edge(("column", period, 0), (2 * n_sites + period, whole), total, cost)
            for phase in (0, 1):
                total = self._sum(self.cells[:, :, phase])
                yield self._edge(("grand", phase, 0), (whole, whole + 1 + phase), total, _ALL)

    def _points(self, n_sites: int, n_periods: int, whole: int) -> Iterator[Edge | None]:
        """Yield the site's figure of each period, after its parts where it has two."""
        biggest = float(np.nanmax(np.nansum(self.cells, axis=2), initial=1.0))
        for s, t in np.argwhere(np.isfinite(self.cells).any(axis=2)):
            site, period = int(s), int(t)
            total = self._sum(self.cells[site, period])
            cost = _LINE + total / biggest if self.shows_line[site, period] else 0.0
            head = 2 * n_sites + period if self.has_total else whole
            key = ("cell", site, period)
            phases = [p for p in (0, 1) if np.isfinite(self.cells[site, period, p])]
            if len(phases) == 1:
                edge = self._edge(key, (2 * site + phases[0], head), total, cost)
                least, most = (
                    float(end[site, period, phases[0]]) for end in (self.least, self.most)
                )
                yield edge and replace(edge, least=max(edge.least, least), most=most)
                continue
            point = whole + 3 + site * n_periods + period
            yield self._edge(key, (point, head), total, cost)
            for phase in phases:
                yield Edge(
                    key=(_PHASES[phase], site, period),
                    tail=2 * site + phase,
                    head=point,
                    value=float(self.cells[site, period, phase]),
                    least=float(self.least[site, period, phase]),
                    most=float(self.most[site, period, phase]),
                )

    def moved(self, move: Move) -> Iterator[tuple[tuple[int, int, int], float]]:
        """Yield site, period and phase of each part that a flow moves, and by how much."""
        for (kind, site, period), by in move.items():
            if kind in _PHASES:
                yield (site, period, _PHASES.index(kind)), by
            elif kind == "cell":
                alone = np.flatnonzero(np.isfinite(self.cells[site, period]))
                if alone.size == 1:
                    yield (site, period, int(alone[0])), by

    def _edge(self, key: Key, ends: tuple[int, int], value: float, cost: float) -> Edge | None:
        if value == 0 and np.isfinite(self.floor) and cost > 0:
            return None
        return Edge(
            key=key,
            tail=ends[0],
            head=ends[1],
            value=value,
            least=min(self.floor, value),
            cost=cost,
        )

    @staticmethod
    def _sum(cells: FloatArray) -> float:  # NaN is not reported
        return float(np.nansum(cells))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Limits:
    """What each sum can be: each of its parts that is not 0 is known to be 1 at least.

    Parameters
    ----------
    least_of_point : array, shape (s, t)
        Of each site and period.
    least_of_row : array, shape (s, 2)
        Of each site, before and after the start.
    most_of_part : array, shape (s, t, 2)
        Of each site and period, before and after the start.
    """

    least_of_point: FloatArray
    least_of_row: FloatArray
    most_of_part: FloatArray

    def of(self, key: Key) -> tuple[float, float]:
        """Return the least and the most of one sum."""
        kind, first, second = key
        most = self.most_of_part
        if kind == "cell":
            return float(self.least_of_point[first, second]), float(most[first, second].sum())
        if kind == "column":
            return float(self.least_of_point[:, first].sum()), float(most[:, first].sum())
        if kind == "row":
            return float(self.least_of_row[first, second]), float(most[first, :, second].sum())
        return float(self.least_of_row[:, first].sum()), float(most[:, :, first].sum())
