r"""Effects on parts of the treated: by start, by calendar period and by time since the start.

In place of the one treatment column :math:`D_{it}` a regression gets a column for each part,
:math:`D_{it} 1\{g_i = g\}`, :math:`D_{it} 1\{t = s\}` or :math:`D_{it} 1\{t - g_i = e\}`: three
regressions beside the one of the overall effect, each with every treated observation in one of its
parts. Each part is held to all periods before the start, as the overall effect is.

Shapes: n rows, U units, T periods, K cohorts, m parts of a split, r effects, k columns of a design.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evaluation.estimators.cells import Average, TreatedCells, averages, no_cells
from evaluation.findings import BlockFit, Effect, Equations, Fit, LinearFit, Scale
from evaluation.panel import Panel

__all__ = ["Part", "Split", "TreatedParts", "treated_parts", "with_parts"]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

Split = tuple[Average, ...]

_NOT_IDENTIFIED = (
    "Not estimated: no comparison is observed that could tell it from the unit and period effects."
)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TreatedParts:
    """The treated observations of a panel, split in each of the three ways.

    Parameters
    ----------
    splits : tuple of Split
        By cohort, calendar period and event time; none of a panel with a dose.
    member : int array, shape (U,)
        Cohort of each unit, K for never.
    weight, observed : array, shape (K, T)
        Weight of each cell's treated observations, and their outcomes times weight.
    cells : TreatedCells
        The weight by site too; no gains.
    """

    splits: tuple[Split, ...]
    member: IntArray
    weight: FloatArray
    observed: FloatArray
    cells: TreatedCells

    def columns(self, split: Split) -> FloatArray:
        """Return a column for each part, 1 in its cells; shape (K + 1, T, m)."""
        among = np.stack([average.among for average in split], axis=2)
        return np.concatenate([among, np.zeros_like(among[:1])]).astype(np.float64)

    def rows(self, panel: Panel, split: Split) -> FloatArray:
        """Return the columns at each row of the panel; shape (n, m)."""
        return self.columns(split)[self.member[panel.unit_codes], panel.period_codes]

    def effects(
        self, split: Split, values: FloatArray, scale: Scale, reasons: Sequence[str] = ()
    ) -> tuple[Effect, ...]:
        """Return the parts' effects.

        Parameters
        ----------
        split : Split
        values : array, shape (m,)
            NaN where not identified.
        scale : Scale
        reasons : sequence of str, length m, optional
            Why not, where it is not for want of a comparison; else empty.
        """
        sites = self.cells.site_counts(split)
        found = []
        for j, average in enumerate(split):
            weight = float(self.weight[average.among].sum())
            total = float(self.observed[average.among].sum())
            why = (reasons[j] if reasons else "") or _NOT_IDENTIFIED
            found.append(
                Effect(
                    estimand=average.estimand,
                    group=average.group,
                    value=float(values[j]),
                    scale=scale,
                    observed=total / weight if weight > 0 else None,
                    caveats=() if np.isfinite(values[j]) else (why,),
                    n_pilot_sites=int(sites[j]),
                )
            )
        return tuple(found)


def treated_parts(panel: Panel, weights: FloatArray, totals: FloatArray) -> TreatedParts:
    """Split the treated observations.

    Parameters
    ----------
    panel : Panel
    weights : array, shape (n,)
        What a mean outcome is weighed by; 0 for rows that do not enter.
    totals : array, shape (n,)
        The outcomes times weight.
    """
    starts, periods = np.array(panel.adoption.cohorts, dtype=np.int64), np.array(panel.periods)
    first = panel.unit_first_treated
    never = np.isnan(first)
    member = np.where(never, starts.size, np.searchsorted(starts, np.where(never, 0, first)))
    empty, pair = no_cells(panel, np.where(never, -1, member), starts)
    adopts = ~never[panel.unit_codes]
    period = panel.period_codes[adopts]

    def summed(values: FloatArray, group: IntArray, n_groups: int) -> FloatArray:
        code = group[panel.unit_codes[adopts]] * periods.size + period
        sums = np.bincount(code, values[adopts], n_groups * periods.size)
        return np.asarray(sums.reshape(n_groups, -1), dtype=np.float64)

    weight = summed(weights, member, starts.size)
    seen = (weight > 0) & (empty.time >= 0)
    found = [] if "dose" in panel.rows.columns else averages(starts, periods, seen, panel.calendar)
    kinds = dict.fromkeys(average.estimand for average in found)
    return TreatedParts(
        splits=tuple(
            tuple(average for average in found if average.estimand == kind)
            for kind in kinds
            if kind != "overall"
        ),
        member=member,
        weight=weight,
        observed=summed(totals, member, starts.size),
        cells=dataclasses.replace(empty, weight=summed(weights, pair, empty.site.size)),
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Part:
    """The effects of one split, with equations or influence parallel to them.

    Parameters
    ----------
    effects : tuple of Effect, length m
    linear : LinearFit, BlockFit or None
    influence : array, shape (G, m), or None
    """

    effects: tuple[Effect, ...]
    linear: Equations | None = None
    influence: FloatArray | None = None


def with_parts(fit: Fit, parts: Sequence[Part]) -> Fit:
    """Put the effects of splits behind those of a fit, each with its own equations."""
    every = [Part(effects=fit.effects, linear=fit.equations, influence=fit.influence), *parts]
    effects = tuple(effect for part in every for effect in part.effects)
    designs: list[Equations] = []
    at = 0
    for part in every:
        if part.linear is not None:
            rows = np.full((len(effects), part.linear.contrasts.shape[1]), np.nan)
            rows[at : at + len(part.effects)] = part.linear.contrasts
            designs.append(dataclasses.replace(part.linear, contrasts=rows))
        at += len(part.effects)
    influence = [part.influence for part in every if part.influence is not None]
    first = designs[0] if designs else None
    return dataclasses.replace(
        fit,
        effects=effects,
        linear=first if isinstance(first, LinearFit) else None,
        blocks=first if isinstance(first, BlockFit) else None,
        designs=tuple(designs),
        influence=np.hstack(influence) if influence else None,
    )
