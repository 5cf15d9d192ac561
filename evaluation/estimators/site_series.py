"""Each site as one complete series: what the synthetic methods compare.

A comparison site is one donor; the units of a pilot site that start together are one pilot series.
A series is the mean of its units, weighted by the rows' weights.

Shapes: U units, T periods, c covariates, s series.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evaluation.errors import EstimationError
from evaluation.estimators.design import no_comparison, refuse_untreated
from evaluation.panel import Panel

__all__ = ["SiteSeries", "Table", "site_series", "tabulate"]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

_NAMED = 5
# Donor weights need a table of donors by donors: 0.2 GB at this number.
_MOST_DONORS = 5_000
# A covariate that keeps no more than this share of its length is explained by what comes before.
_REDUNDANT = 1e-9
_DOSE = "The effect is of taking part: the dose is not used."


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Table:
    """A panel's rows as tables of units by periods, NaN where a unit was not observed.

    Parameters
    ----------
    outcome, weight : array, shape (U, T)
    covariates : array, shape (c, U, T)
    complete : bool array, shape (U,)
        Whether the unit is observed in every period.
    """

    outcome: FloatArray
    weight: FloatArray
    covariates: FloatArray
    complete: BoolArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SiteSeries:
    """Donor series and pilot series of one panel.

    Parameters
    ----------
    periods : int array, shape (T,)
    donors : tuple of str, length n0
        Comparison sites.
    donor_outcome : array, shape (n0, T)
        Adjusted for the covariates.
    pilots : tuple of str, length n1
        The site of each pilot series; twice where its units start at two dates.
    starts : int array, shape (n1,)
        First treated period; later than the first of ``periods``, and no later than the last.
    pilot_outcome : array, shape (n1, T)
        Adjusted for the covariates.
    pilot_observed : array, shape (n1, T)
        As it was observed.
    pilot_weight : array, shape (n1,)
        Mean over the periods of the units' summed weights.
    n_units : int
        Units that entered.
    caveats : tuple of str
        Units and covariates that were left out, and why.
    """

    periods: IntArray
    donors: tuple[str, ...]
    donor_outcome: FloatArray
    pilots: tuple[str, ...]
    starts: IntArray
    pilot_outcome: FloatArray
    pilot_observed: FloatArray
    pilot_weight: FloatArray
    n_units: int
    caveats: tuple[str, ...] = ()


def tabulate(panel: Panel) -> Table:
    """Lay the rows of a panel out; all of it is the same under another adoption."""
    shape = (len(panel.units), len(panel.periods))
    unit, period = panel.unit_codes, panel.period_codes

    def laid_out(column: str) -> FloatArray:
        table = np.full(shape, np.nan)
        table[unit, period] = panel.values(column)
        return table

    weight = laid_out("weight")
    covariates = [laid_out(name) for name in panel.covariates]
    return Table(
        outcome=laid_out("outcome"),
        weight=weight,
        covariates=np.stack(covariates) if covariates else np.empty((0, *shape)),
        complete=np.logical_and.reduce(np.isfinite(weight), axis=1),
    )


def site_series(panel: Panel, table: Table) -> SiteSeries:
    """Sort the units into donors and pilots, and pool them by site.

    Parameters
    ----------
    panel : Panel
    table : Table
        Of the same rows.

    Raises
    ------
    EstimationError
        When a pilot unit is not observed in every period, no pilot site is observed before and
        after its start, no comparison site is left, or there are more than 5,000.
    """
    periods = np.array(panel.periods)
    start, site = panel.unit_first_treated, panel.unit_sites
    adopts = ~np.isnan(start)
    in_pilot = np.zeros(len(panel.sites), dtype=np.bool_)
    in_pilot[site[adopts]] = True
    comparison = ~in_pilot[site]
    within = adopts & (start > periods[0]) & (start <= periods[-1])
    pilot, donor = np.flatnonzero(within), np.flatnonzero(comparison & table.complete)
    if not pilot.size:
        raise _no_pilot(panel)
    _refuse_gaps(panel, table, pilot)
    if not donor.size:
        raise _no_donor(panel, comparison)
    _refuse_many(panel, np.unique(site[donor]).size)
    caveats = _left_out(panel, comparison, within, table.complete)
    caveats += (_DOSE,) if "dose" in panel.rows.columns else ()
    donor_of = site[donor]
    group = site[pilot] * (periods[-1] + 1 - periods[0]) + start[pilot].astype(np.int64)
    first = _first_of_each(group)
    pools = [_pool(table, donor, donor_of), _pool(table, pilot, group)]
    slopes, unused = _slopes(pools[0][2], pools[0][0], panel.covariates)
    (donor_outcome, _, donor_x), (observed, weight, pilot_x) = pools
    return SiteSeries(
        periods=periods,
        donors=tuple(panel.sites[s] for s in np.unique(donor_of)),
        donor_outcome=donor_outcome - np.tensordot(slopes, donor_x, axes=1),
        pilots=tuple(panel.sites[s] for s in site[pilot][first]),
        starts=start[pilot][first].astype(np.int64),
        pilot_outcome=observed - np.tensordot(slopes, pilot_x, axes=1),
        pilot_observed=observed,
        pilot_weight=weight.mean(axis=1),
        n_units=donor.size + pilot.size,
        caveats=caveats + unused,
    )


def _first_of_each(group: IntArray) -> IntArray:
    return np.unique(group, return_index=True)[1]


def _pool(
    table: Table, units: IntArray, group: IntArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return weighted means of outcome, summed weights and weighted means of covariates by group.

    Shapes (s, T), (s, T) and (c, s, T); groups ascend.
    """
    order = np.argsort(group, kind="stable")
    units = units[order]
    starts = np.unique(group[order], return_index=True)[1]
    weight = table.weight[units]
    if starts.size == units.size:
        return table.outcome[units], weight, table.covariates[:, units]
    total = np.add.reduceat(weight, starts, axis=0)
    outcome = np.add.reduceat(weight * table.outcome[units], starts, axis=0) / total
    covariates = np.add.reduceat(weight * table.covariates[:, units], starts, axis=1) / total
    return outcome, total, covariates


def _slopes(
    covariates: FloatArray, outcome: FloatArray, names: tuple[str, ...]
) -> tuple[FloatArray, tuple[str, ...]]:
    """Return the covariates' coefficients among donors, with site and period effects; shape (c,).

    Least squares without weights on the complete table, so that both effects come out by
    subtracting means. A covariate that adds nothing to those before it has the coefficient 0.
    """
    slopes = np.zeros(len(names))
    if not names:
        return slopes, ()
    size = np.sqrt((covariates**2).sum(axis=(1, 2)))
    flat = _two_way(covariates).reshape(len(names), -1).T
    kept: list[int] = []
    for j in range(len(names)):
        rest = flat[:, j] - flat[:, kept] @ np.linalg.lstsq(flat[:, kept], flat[:, j])[0]
        if np.linalg.norm(rest) > _REDUNDANT * size[j]:
            kept.append(j)
    slopes[kept] = np.linalg.lstsq(flat[:, kept], _two_way(outcome).ravel())[0]
    unused = [name for j, name in enumerate(names) if j not in kept]
    return slopes, _unadjusted(unused)


def _two_way(table: FloatArray) -> FloatArray:
    by_site = table - table.mean(axis=-1, keepdims=True)
    both: FloatArray = by_site - by_site.mean(axis=-2, keepdims=True)
    return both


def _unadjusted(names: list[str]) -> tuple[str, ...]:
    if not names:
        return ()
    return (
        f"Not adjusted for {', '.join(names)}: among comparison sites the site and period effects "
        "and the other covariates already say all that it says.",
    )


# ------------------------------------------------------------------ what is left out, and refused


def _listed(names: list[str]) -> str:
    more = len(names) - _NAMED
    shown = ", ".join(names[:_NAMED])
    return f"{shown} and {more} more" if more > 0 else shown


def _count(units: list[str], what: str) -> str:
    return f"{len(units)} {what} {'unit' if len(units) == 1 else 'units'} ({_listed(units)})"


def _left_out(
    panel: Panel, comparison: BoolArray, within: BoolArray, complete: BoolArray
) -> tuple[str, ...]:
    """Return one caveat for each reason to leave units out."""
    if (within | comparison).all() and complete.all():
        return ()
    adopts = ~np.isnan(panel.unit_first_treated)
    reasons = (
        (comparison & ~complete, "comparison", "not observed in every period"),
        (adopts & ~within, "pilot", "not observed both before and after their start"),
        (~comparison & ~adopts, "untreated", "in a pilot site, so no comparison"),
    )
    caveats = []
    for chosen, what, why in reasons:
        names = [panel.units[u] for u in np.flatnonzero(chosen)]
        if names:
            caveats.append(f"Left out: {_count(names, what)}, {why}.")
    return tuple(caveats)


def _refuse_gaps(panel: Panel, table: Table, pilot: IntArray) -> None:
    broken = pilot[~table.complete[pilot]]
    if not broken.size:
        return
    gaps = np.isnan(table.weight[broken[0]])
    first = panel.calendar.label(panel.periods[int(gaps.argmax())])
    raise EstimationError(
        f"{_count([panel.units[u] for u in broken], 'pilot')} not observed in every period; "
        f"{panel.units[broken[0]]} lacks {int(gaps.sum())}, the first of them {first}",
        place=f"outcome {panel.key!r}",
        allowed="for synthetic methods, pilot units that are observed in every period",
        remedy="Shorten the study with first and last in [time], leave those periods out for all "
        "units with [[exclude]], or choose another estimator.",
    )


def _no_pilot(panel: Panel) -> EstimationError:
    """Return the error for a panel without a pilot series, or raise the plainer one that fits."""
    refuse_untreated(panel, panel.treated.astype(np.float64))
    return EstimationError(
        "no pilot unit is observed both before and after its start",
        place=f"outcome {panel.key!r}",
        remedy="Check `starts` in [[sites]] against the first and last period of the data.",
    )


def _refuse_many(panel: Panel, n_donors: int) -> None:
    if n_donors > _MOST_DONORS:
        raise EstimationError(
            f"there are {n_donors:,} comparison sites to choose weights for",
            place=f"outcome {panel.key!r}",
            allowed=f"for synthetic methods, up to {_MOST_DONORS:,} comparison sites",
            remedy="Name the site of each unit with columns.cluster, so that units are pooled, or "
            "choose another estimator.",
        )


def _no_donor(panel: Panel, comparison: BoolArray) -> EstimationError:
    if not comparison.any():
        return no_comparison(panel)
    return EstimationError(
        f"none of the {int(comparison.sum())} comparison units is observed in every one of the "
        f"{len(panel.periods)} periods",
        place=f"outcome {panel.key!r}",
        allowed="for synthetic methods, comparison units that are observed in every period",
        remedy="Shorten the study with first and last in [time], or choose another estimator.",
    )
