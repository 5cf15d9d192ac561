r"""Imputation (Borusyak, Jaravel and Spiess 2024): what the treated would have had, and the rest.

Unit and period effects are fitted on untreated observations alone; each treated observation's
effect is what it has above its fitted value; effects are averaged. Everything after the fit happens
in cells, a cohort in a period: what is averaged, and what each average's error is made of.

Shapes: n rows, U units, T periods, K cohorts, p effects of the untreated model, r averages,
G sites.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from evaluation.errors import EstimationError
from evaluation.estimators.absorbed import Absorbed, Solver, solver
from evaluation.estimators.by_blocks import redundant, sum_by_site
from evaluation.estimators.caveats import left_out
from evaluation.estimators.cells import Average, TreatedCells, averages, no_cells
from evaluation.estimators.design import (
    no_comparison,
    refuse_constant,
    refuse_untreated,
)
from evaluation.estimators.grid import UnitPart, grid_of
from evaluation.findings import Effect, Fit
from evaluation.panel import Panel

__all__ = ["imputation"]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

# Influence this small beside the outcome is rounding.
_ROUNDING = 1e-12
_FEWEST_A_YEAR = 3
_NOT_IDENTIFIED = (
    "Not estimated: nothing untreated is observed that its treated observations could be held "
    "against."
)
_ALONE = (
    "The variance holds nothing of the pilot site's own part: no second pilot site is there to "
    "judge it by."
)
_DOSE = "Taking part counts, not the dose."


def imputation(
    panel: Panel,
    *,
    seasonality: int | None = None,
    leave_out: bool = True,
    by_cell: bool = False,
) -> Fit:
    r"""Estimate effects on the treated as what they have above an imputed untreated outcome.

    Least squares on untreated observations alone, :math:`y_{it} = a_i + c_t + x_{it}'g + e_{it}`,
    imputes :math:`\hat y_{it}(0)` for the treated ones; effects
    :math:`y_{it} - \hat y_{it}(0)` are averaged. Weights of the panel weigh both the regression and
    the averages. A dose is not used.

    Parameters
    ----------
    panel : Panel
        Any measure; its ``outcome`` is what is imputed.
    seasonality : int, optional
        Periods a year: each unit gets a season of its own, one harmonic pair,
        :math:`\cos(2\pi t/s)` and :math:`\sin(2\pi t/s)`. Without it, units share the period
        effects alone.
    leave_out : bool
        Whether a site's own effects are left out of the average that they are held against for
        its variance; without, few sites make errors too small.
    by_cell : bool
        Add ``group_time`` effects, of each start in each period from then on.

    Returns
    -------
    Fit
        Effects ``overall``, ``cohort``, ``calendar`` and ``event_time``, with their influence by
        site, the weights :math:`v_{it}` of equation (6) implied by the imputation applied to
        residuals whose treated part is recentred (equations (7) and (8)).

    Raises
    ------
    EstimationError
        When nobody is treated, nothing untreated can be held against the treated, the outcome does
        not vary, or seasons cannot be told apart.

    References
    ----------
    Borusyak, Jaravel and Spiess (2024), Rev. Econ. Studies 91: theorem 2 for the estimator, theorem
    3 and section 4.3 for the variance, conservative where effects differ within the groups that
    they are recentred by.
    """
    refuse_untreated(panel)
    outcome = panel.values("outcome")
    refuse_constant(outcome)
    model = _untreated_model(panel, seasonality)
    equations = model.normal()
    solved = solver(*equations)
    effects = solved.inverse @ model.right(outcome)
    imputed = _impute(panel, model, solved, effects)
    if not imputed.weight.any():
        raise no_comparison(panel)
    overall, *others = averages(
        _cohorts(panel), np.array(panel.periods), imputed.seen, panel.calendar
    )
    among = [overall, *(_every_cell(panel, imputed.seen) if by_cell else ()), *others]
    values = _Values(imputed, among)
    held, alone = imputed.cells.recentred(leave_out=leave_out)
    influence = values.per_weight(imputed.cells.summed(held, among, len(panel.sites)))
    directions = values.per_weight(-(solved.inverse @ values.sums(imputed.reach).T))
    influence += sum_by_site(panel, model.unit_scores(outcome, effects, directions))
    influence[:, np.abs(influence).max(axis=0) <= _ROUNDING * np.abs(outcome).max()] = 0.0
    return Fit(
        estimator="imputation",
        effects=values.effects(),
        influence=influence,
        recentred=(lambda j: influence[:, j]) if leave_out else None,
        n_obs=panel.rows.height - imputed.lost.total,
        n_units=len(panel.units) - len(imputed.lost.units),
        n_sites=np.unique(np.delete(panel.unit_sites, imputed.lost.units)).size,
        n_pilot_sites=int(imputed.cells.site_counts(among[:1])[0]),
        caveats=(
            *imputed.lost.caveats,
            *((_ALONE,) if alone.size else ()),
            *left_out(redundant(equations, panel.covariates, model.grid.n_periods)),
            *((_DOSE,) if "dose" in panel.rows.columns else ()),
        ),
    )


def _cohorts(panel: Panel) -> IntArray:
    return np.array(panel.adoption.cohorts, dtype=np.int64)


def _every_cell(panel: Panel, seen: BoolArray) -> Iterator[Average]:
    code = panel.calendar.code
    starts, periods = _cohorts(panel).tolist(), panel.periods
    for cohort, period in np.argwhere(seen).tolist():
        among = np.zeros_like(seen)
        among[cohort, period] = True
        group = f"{code(starts[cohort])}:{code(periods[period])}"
        yield Average(estimand="group_time", group=group, among=among)


def _untreated_model(panel: Panel, seasonality: int | None) -> Absorbed:
    """Return the regression on untreated observations; group k is cohort k, the last the others."""
    starts, periods = _cohorts(panel), np.array(panel.periods)
    first = panel.unit_first_treated
    never = np.isnan(first)
    own = [np.ones(periods.size)]
    if seasonality is not None:
        if seasonality < _FEWEST_A_YEAR:
            raise EstimationError(
                f"there is no season of {seasonality} periods a year",
                allowed=f"a whole number of {_FEWEST_A_YEAR} or more, such as 12 for months",
            )
        angle = 2 * np.pi * periods / seasonality
        own += [np.cos(angle), np.sin(angle)]
    untreated = np.vstack([periods < starts[:, None], np.ones((1, periods.size), dtype=np.bool_)])
    return Absorbed(
        grid=grid_of(panel),
        weights=panel.values("weight"),
        covariates=tuple(panel.values(name) for name in panel.covariates),
        member=np.where(never, starts.size, np.searchsorted(starts, np.where(never, 0, first))),
        columns=np.zeros((starts.size + 1, periods.size, 0)),
        used=untreated,
        own=np.column_stack(own),
    )


@dataclass(slots=True)
class _Lost:
    """Treated observations that nothing can be held against, counted by why."""

    own: int = 0
    other: int = 0
    units: list[int] = field(default_factory=list)

    def count(self, lost: BoolArray, part: UnitPart, units: IntArray) -> None:
        """Count the lost observations of a block, shape (u, T), and units lost wholly."""
        never = ~part.weights.any(axis=1)
        self.own += int(lost[never].sum())
        self.other += int(lost[~never].sum())
        self.units += units[never].tolist()

    @property
    def total(self) -> int:
        return self.own + self.other

    @property
    def caveats(self) -> tuple[str, ...]:
        why = (
            (self.own, "a unit that is never observed untreated has nothing to be held against"),
            (self.other, "nobody untreated is observed that they could be held against"),
        )
        return tuple(
            f"{count} treated observation{'s are' if count > 1 else ' is'} left out: {reason}."
            for count, reason in why
            if count
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Imputed:
    """What imputation leaves of the treated observations, by cell.

    Parameters
    ----------
    seen : bool array, shape (K, T)
        Cells with a treated observation, identified or not.
    weight, gain, observed : array, shape (K, T)
        Of identified observations: weight, and effect and outcome times weight.
    reach : array, shape (K, T, p)
        How each cell's gain falls with each effect of the untreated model.
    cells : TreatedCells
        Weight and gain by site too.
    lost : _Lost
    """

    seen: BoolArray
    weight: FloatArray
    gain: FloatArray
    observed: FloatArray
    reach: FloatArray
    cells: TreatedCells
    lost: _Lost


def _impute(panel: Panel, model: Absorbed, solved: Solver, effects: FloatArray) -> _Imputed:
    imputed, pair = _nothing_yet(panel, model)
    grid, outcome = model.grid, panel.values("outcome")
    first = grid.n_periods
    for group, units, part, gain in _adopters(model).left(outcome, effects):
        weights = grid.table(model.weights, units) * ~model.used[group]
        within = [part.without(grid.table(column, units)) for column in model.covariates]
        moved = solved.moved(part, within)
        imputed.lost.count((weights > 0) & moved, part, units)
        imputed.seen[group] |= (weights > 0).any(axis=0)
        weights = np.where(moved, 0.0, weights)
        imputed.weight[group] += weights.sum(axis=0)
        imputed.gain[group] += (weights * gain).sum(axis=0)
        imputed.observed[group] += (weights * grid.table(outcome, units)).sum(axis=0)
        imputed.reach[group][:, :first] -= part.spread(weights).T @ part.spread(part.weights)
        for j, column in enumerate(within):
            imputed.reach[group][:, first + j] += (weights * column).sum(axis=0)
        imputed.cells.add(pair[units], weights, gain)
    diagonal = np.arange(first)
    imputed.reach[:, diagonal, diagonal] += imputed.weight
    return imputed


def _adopters(model: Absorbed) -> Absorbed:
    """Return the model read for cohorts with a treated observation alone."""
    treated = ~np.asarray(model.used.all(axis=1))
    return dataclasses.replace(model, member=np.where(treated[model.member], model.member, -1))


def _nothing_yet(panel: Panel, model: Absorbed) -> tuple[_Imputed, IntArray]:
    """Return empty sums, and for each adopter its pair of site and cohort."""
    starts = _cohorts(panel)
    cells, pair = no_cells(panel, _adopters(model).member, starts)
    shape = (starts.size, model.grid.n_periods)
    imputed = _Imputed(
        seen=np.zeros(shape, dtype=np.bool_),
        weight=np.zeros(shape),
        gain=np.zeros(shape),
        observed=np.zeros(shape),
        reach=np.zeros((*shape, model.n_effects)),
        cells=cells,
        lost=_Lost(),
    )
    return imputed, pair


@dataclass(frozen=True, slots=True)
class _Values:
    """The averages of what was imputed."""

    imputed: _Imputed
    among: list[Average]

    def sums(self, cells: FloatArray) -> FloatArray:
        """Sum cell values, shape (K, T, ...), over each average's cells; shape (r, ...)."""
        chosen = np.array([average.among for average in self.among], dtype=np.float64)
        return np.tensordot(chosen, cells, axes=2)

    def per_weight(self, sums: FloatArray) -> FloatArray:
        """Divide sums, shape (..., r), by each average's weight; NaN where there is none."""
        total = self.sums(self.imputed.weight)
        return sums / np.where(total > 0, total, np.nan)

    def effects(self) -> tuple[Effect, ...]:
        """Return each average as an effect."""
        value = self.per_weight(self.sums(self.imputed.gain))
        observed = self.per_weight(self.sums(self.imputed.observed))
        sites = self.imputed.cells.site_counts(self.among)
        return tuple(
            Effect(
                estimand=average.estimand,
                group=average.group,
                value=float(value[j]),
                scale="level",
                observed=float(observed[j]) if np.isfinite(observed[j]) else None,
                caveats=() if np.isfinite(value[j]) else (_NOT_IDENTIFIED,),
                n_pilot_sites=int(sites[j]),
            )
            for j, average in enumerate(self.among)
        )
