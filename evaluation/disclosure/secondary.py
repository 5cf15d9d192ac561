"""Which figures of one outcome are hidden: for their own sake, and for the sake of others.

A reader is taken to know every denominator when he looks for a count, and every count when he looks
for a denominator: dividing a rate by its denominator gives him nothing then, as a rate that is
shown is taken to give its count away already.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import polars as pl
from numpy.typing import NDArray

from evaluation.disclosure.grid import FloatArray, Grid, ReasonArray, parts, totals
from evaluation.disclosure.network import Key, Need
from evaluation.disclosure.rule import Rule
from evaluation.disclosure.sums import Sums
from evaluation.panel import Measure

__all__ = ["Decision", "Moves", "decide"]

_ALIKE = 1e-9  # relative: weights are the exposures, or a multiple of them
_Span = Callable[[float, float], Need]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Moves:
    """Other tables that show the same: k differences from the true one, over all of them.

    Parameters
    ----------
    table, place : int arrays, shape (k,)
        In which table, and of which sum: its place in a flat array of shape (s, t, 2).
    by : array, shape (k,)
        By how much.
    loose : bool array, shape (k,)
        Whether a mean of several units differs even where its sum does not, because it is not
        weighted by the denominators.
    """

    table: NDArray[np.int64]
    place: NDArray[np.int64]
    by: FloatArray
    loose: NDArray[np.bool_]

    def tell(self, behind: NDArray[np.bool_], partly: NDArray[np.bool_]) -> bool:
        """Whether a mean at full precision differs in any of the tables, and so must not be shown.

        Parameters
        ----------
        behind, partly : bool arrays, shape (s, t, 2)
            The sums that it is a mean of, and those of which it takes some units only.
        """
        touched = behind.ravel()[self.place]
        if (touched & (self.loose | partly.ravel()[self.place])).any():
            return True
        net = np.bincount(self.table[touched], self.by[touched])
        return bool((np.abs(net) > _ALIKE).any())


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Decision:
    """What is hidden of one group (pilot or comparison) of one outcome: r lines, t periods.

    Parameters
    ----------
    by_period, by_phase : Grid
        What a chart's lines and the table of counts show.
    points : array of Reason or "", shape (r, t)
        Why a point of a trend is hidden.
    counts, exposures : array of Reason or "", shape (r, 2)
        Why a count and an exposure, before and after the start, is hidden.
    moves : Moves
        What shelters the hidden figures.
    """

    by_period: Grid
    by_phase: Grid
    points: ReasonArray
    counts: ReasonArray
    exposures: ReasonArray
    moves: Moves


def decide(
    rows: pl.DataFrame,
    sites: tuple[str, ...],
    periods: tuple[int, ...],
    task: tuple[Measure, Rule],
) -> Decision:
    """Return what is hidden of the rows of a group.

    Parameters
    ----------
    rows : polars.DataFrame
        As in ``Analysed.rows``.
    sites : tuple of str
        Lines that are shown beside their total; none for a total alone.
    periods : tuple of int
        Every period of the chart.
    task : (Measure, Rule)
        The outcome's measure and the study's rule.
    """
    measure, rule = task
    by_period = totals(rows.with_columns(slot="period"), sites, periods)
    by_phase = totals(rows.with_columns(slot="phase"), sites, (0, 1))
    first = Decision(
        by_period=by_period,
        by_phase=by_phase,
        points=_each(by_period, lambda c, e: next(iter(rule.reasons(measure, c, e)), "")),
        counts=_each(by_phase, lambda c, e: _why_count(measure, rule, c, e)),
        exposures=_each(by_phase, lambda _, e: "small_denominator" if rule.hides(e) else ""),
        moves=_flat([], (0, 0)),
    )
    if not any((why != "").any() for why in (first.points, first.counts, first.exposures)):
        return first
    return _Shelter(
        first=first,
        cells=parts(rows, sites, periods),
        measure=measure,
        rule=rule,
        has_total=bool(sites),
        uniform=measure == "mean" or _is_uniform(rows, measure),
    ).decision()


def _each(grid: Grid, why: Callable[[float, float], str]) -> ReasonArray:
    found = np.full(grid.count.shape, "", dtype=object)
    for i, j in np.argwhere(grid.reported):
        found[i, j] = why(float(grid.count[i, j]), float(grid.exposure[i, j]))
    return found


def _why_count(measure: Measure, rule: Rule, count: float, exposure: float) -> str:
    if rule.hides(count):
        return "small_count"
    # None of few: the few are hidden as the denominator, and 0 stands.
    few_left = measure == "share" and count > 0 and rule.hides(exposure - count)
    return "small_remainder" if few_left else ""


def _is_uniform(rows: pl.DataFrame, measure: Measure) -> bool:
    """Whether a mean over units is the sum of their counts over that of their denominators."""
    weights = rows["weight"].to_numpy()
    ratio = weights if measure == "count" else weights / rows["exposure"].to_numpy()
    return bool(np.ptp(ratio) <= _ALIKE * np.abs(ratio).max())


@dataclass(frozen=True, slots=True, kw_only=True)
class _Moved:
    """One difference of one of the other tables from the true one."""

    table: int
    place: tuple[int, int, int]
    by: float
    is_loose: bool


def _flat(found: Sequence[_Moved], shape: Sequence[int]) -> Moves:
    places = [
        site * shape[1] * 2 + period * 2 + phase for site, period, phase in (m.place for m in found)
    ]
    return Moves(
        table=np.array([m.table for m in found], dtype=np.int64),
        place=np.array(places, dtype=np.int64),
        by=np.array([m.by for m in found], dtype=np.float64),
        loose=np.array([m.is_loose for m in found], dtype=np.bool_),
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Shelter:
    """Finds what else must be hidden; ``cells`` as :func:`parts` returns them."""

    first: Decision
    cells: FloatArray
    measure: Measure
    rule: Rule
    has_total: bool
    uniform: bool
    found: list[_Moved] = field(default_factory=list, init=False)

    def decision(self) -> Decision:
        """Return the first decision with what else must be hidden."""
        first, is_mean = self.first, self.measure == "mean"
        counts, exposures = self._counts(), self._exposures()
        points = self._keys(first.points, counts.point)
        phases = first.exposures if is_mean else first.counts
        hidden = self._protect(
            counts,
            dict(self._needs(counts, phases, _any if is_mean else self._span_of_count)),
            points | self._keys(phases, counts.phase),
        )
        hidden_counts = frozenset[Key]() if is_mean else hidden
        hidden_exposures = frozenset[Key]()
        if np.isfinite(self.cells[1]).any():
            points |= {key for key in hidden if key[0] in ("cell", "column")}
            hidden_exposures = self._protect(
                exposures,
                dict(self._needs(exposures, first.exposures, self._span_of_exposure)),
                points | self._keys(first.exposures, exposures.phase),
            )
        return replace(
            first,
            points=_with(first.points, counts.point, hidden | hidden_exposures),
            counts=_with(first.counts, counts.phase, hidden_counts),
            exposures=_with(first.exposures, counts.phase, hidden_exposures),
            moves=_flat(self.found, self.cells.shape[1:]),
        )

    @staticmethod
    def _keys(why: ReasonArray, name: Callable[[int, int], Key]) -> frozenset[Key]:
        return frozenset(name(int(i), int(j)) for i, j in np.argwhere(why != ""))

    def _counts(self) -> Sums:
        """Return the sums of counts; of means, whose parts may be anything."""
        count, exposure, reported = self.cells
        n_sites = count.shape[0]
        is_mean = self.measure == "mean"
        free = np.full(count.shape, math.inf)
        hidden = self.first.points != ""
        shows_total = ~hidden[-1]
        # A count of 0 stands as 0, unless its rate is hidden for the sake of the denominator and
        # no total of it says 0.
        zero = np.nansum(count, axis=2) == 0
        told = (np.nansum(count, axis=(0, 2)) == 0) & shows_total & self.has_total
        fixed = zero & (~hidden[:n_sites] | told)
        most = np.nan_to_num(exposure, nan=math.inf) if self.measure == "share" else free
        by_row = np.nansum(count, axis=1, keepdims=True) == 0
        return Sums(
            cells=reported if is_mean else count,
            least=-free if is_mean else np.zeros(count.shape),
            most=free if is_mean else np.where(fixed[:, :, None] | by_row, 0.0, most),
            floor=-math.inf if is_mean else 1.0,
            has_total=self.has_total,
            shows_line=~hidden[:n_sites],
            shows_total=shows_total,
        )

    def _exposures(self) -> Sums:
        """Return the sums of denominators, which a rate above 0 gives away with its count."""
        count, exposure, _ = self.cells
        divides = self.measure in ("rate", "share")
        shared = self.measure == "share"
        return Sums(
            cells=exposure,
            least=np.nan_to_num(count) if shared else np.zeros(count.shape),
            most=np.full(count.shape, math.inf),
            floor=1.0,
            has_total=self.has_total,
            shows_line=(np.nansum(count, axis=2) > 0) & divides,
            shows_total=(np.nansum(count, axis=(0, 2)) > 0) & divides,
        )

    def _needs(self, sums: Sums, phases: ReasonArray, span: _Span) -> Iterator[tuple[Key, Need]]:
        first = self.first
        is_bounded = math.isfinite(sums.floor)
        limits = sums.limits()
        for grid, why, name in (
            (first.by_period, first.points, sums.point),
            (first.by_phase, phases, sums.phase),
        ):
            for i, j in np.argwhere(why != ""):
                key = name(int(i), int(j))
                count, exposure = float(grid.count[i, j]), float(grid.exposure[i, j])
                need = span(count, exposure)
                if is_bounded:
                    value = exposure if span == self._span_of_exposure else count
                    least, most = limits.of(key)
                    need = Need(down=min(need.down, value - least), up=min(need.up, most - value))
                if need.down > 0 or need.up > 0:
                    yield key, Need(down=max(0.0, need.down), up=max(0.0, need.up))

    def _span_of_count(self, count: float, exposure: float) -> Need:
        low, high = self.rule.widest
        shared = self.measure == "share"
        down = up = 0.0
        if self.rule.hides(count):
            down, up = count - low, high - count
        if shared and self.rule.hides(exposure - count):
            rest = exposure - count
            down, up = max(down, high - rest), max(up, rest - low)
        if shared:
            up = min(up, exposure - count)
        return Need(down=max(0.0, min(down, count - low)), up=max(0.0, up))

    def _span_of_exposure(self, count: float, exposure: float) -> Need:
        if not self.rule.hides(exposure):
            return Need(down=0.0, up=0.0)
        low, high = self.rule.widest
        least = max(low, count) if self.measure == "share" else low
        return Need(down=max(0.0, exposure - least), up=max(0.0, high - exposure))

    def _protect(
        self, sums: Sums, needs: dict[Key, Need], hidden: frozenset[Key]
    ) -> frozenset[Key]:
        """Return what must be hidden to protect ``needs``; note the moves that shelter them."""
        network = sums.network()
        shown = {edge.key: edge.cost > 0 for edge in network.edges}
        wanted = {key: need for key, need in needs.items() if key in shown}
        protection = network.protect(wanted, hidden)
        gone = {key for key in protection.hidden if shown[key]}
        # A mean that weighs by other things than these sums moves with any of them.
        loose = not self.uniform or (self.measure == "mean" and math.isfinite(sums.floor))
        first = self.found[-1].table + 1 if self.found else 0
        for table, move in enumerate(protection.moves, start=first):
            moved = [
                _Moved(table=table, place=place, by=by, is_loose=loose)
                for place, by in sums.moved(move)
            ]
            self.found.extend(moved)
            if loose and self.has_total:
                gone.update(("column", one.place[1], 0) for one in moved)
        return frozenset(gone)


def _any(_count: float, _exposure: float) -> Need:
    return Need(down=1.0, up=1.0)


def _with(why: ReasonArray, name: Callable[[int, int], Key], hidden: frozenset[Key]) -> ReasonArray:
    found = why.copy()
    for i, j in np.ndindex(*why.shape):
        if why[i, j] == "" and name(i, j) in hidden:
            found[i, j] = "by_subtraction"
    return found
