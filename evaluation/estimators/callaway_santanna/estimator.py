"""Callaway and Sant'Anna (2021): effects by cohort and period, and their averages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import get_args

import numpy as np
from numpy.typing import NDArray

from evaluation.errors import EstimationError
from evaluation.estimators.callaway_santanna.group_time import GroupTime, group_time
from evaluation.estimators.callaway_santanna.layout import Base, Cells, ControlGroup, cells_of
from evaluation.estimators.callaway_santanna.named import Named
from evaluation.estimators.callaway_santanna.pooling import (
    Averages,
    Overall,
    averages,
    influence_of,
    pilot_sites,
)
from evaluation.estimators.callaway_santanna.recentring import recentred
from evaluation.estimators.callaway_santanna.remarks import (
    fit_remarks,
    lead_remark,
    nothing_found,
    refuse,
)
from evaluation.estimators.callaway_santanna.tables import UnitTables, unit_tables
from evaluation.estimators.callaway_santanna.two_periods import Method
from evaluation.findings import Estimator, Fit
from evaluation.panel import Panel

__all__ = ["callaway_santanna"]

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Settings:
    control_group: ControlGroup
    method: Method
    base_period: Base
    overall: Overall
    balance: int | None


def callaway_santanna(
    *,
    control_group: ControlGroup = "never_treated",
    method: Method = "dr",
    base_period: Base = "varying",
    overall: Overall = "simple",
    balance: int | None = None,
) -> Estimator:
    r"""Return the estimator of group-time effects and their averages under these settings.

    The effect on the units that start in g, in period t, is their mean change since the last
    observed period before g, less that of units untreated in both periods. Units are weighted by
    the panel's weight in the base period, so that who is compared does not change with t. Without
    covariates the three methods are one difference of means; with them, covariates are taken as
    they are in the base period. No unit is left out for a missing period: each effect uses the
    units observed in both of its periods, and a caveat counts what that leaves out. Nobody is
    assumed to react before the start.

    Parameters
    ----------
    control_group : {"never_treated", "not_yet_treated"}
        Units that no period of the panel sees treated, or besides them those not treated yet.
    method : {"dr", "reg", "ipw"}
        How covariates are adjusted for: doubly robust, outcome regression, probability weighting.
    base_period : {"varying", "universal"}
        Before the start, change since the period before, or to the last period before the start.
    overall : {"simple", "group", "dynamic", "calendar"}
        What the overall effect averages: see ``pooling.averages``.
    balance : int, optional
        Effects by event time up to this one, of the starts that have all of them.

    Returns
    -------
    Estimator
        Its fit holds the overall effect, then ``group_time``, ``cohort``, ``calendar`` and
        ``event_time`` effects, with influence functions summed by site, shape (G, r). It raises
        EstimationError when there is no comparison unit, no pilot unit observed on both sides of
        its start, or no effect that the data identify.

    Raises
    ------
    EstimationError
        For a setting that is not there.

    References
    ----------
    Callaway and Sant'Anna (2021), J. Econometrics 225: section 2 (effects), 3 (averages), 4
    (influence functions); Sant'Anna and Zhao (2020), J. Econometrics 219.
    """
    for name, value, kind in (
        ("control_group", control_group, ControlGroup),
        ("method", method, Method),
        ("base_period", base_period, Base),
        ("overall", overall, Overall),
    ):
        if value not in get_args(kind):
            raise EstimationError(
                f"{name} is {value!r}", allowed=", ".join(map(repr, get_args(kind)))
            )
    if balance is not None and balance < 0:
        raise EstimationError(f"balance is {balance}", allowed="0 or more periods after the start")
    settings = _Settings(
        control_group=control_group,
        method=method,
        base_period=base_period,
        overall=overall,
        balance=balance,
    )
    return lambda panel: _fit(panel, settings)


def _fit(panel: Panel, settings: _Settings) -> Fit:
    tables = unit_tables(panel)
    refuse(panel, tables, control_group=settings.control_group)
    cells = cells_of(tables, control_group=settings.control_group, base=settings.base_period)
    influence = np.zeros((_most_effects(cells), tables.n_sites))
    room = influence[1 : 1 + cells.cohort.size]
    effects = group_time(tables, cells, method=settings.method, influence=room)
    if not (effects.found & (cells.event_time >= 0)).any():
        raise nothing_found(panel, effects)
    pooled = averages(tables, effects, overall=settings.overall, balance=settings.balance)
    since = (cells.event_time >= 0)[None]
    pilots, *of_averages = pilot_sites(tables, effects, np.vstack([since, pooled.members]))
    entering = effects.used.any(axis=1)
    sites = np.repeat(entering, np.diff(tables.block_bounds))
    named = Named(
        panel=panel,
        tables=tables,
        effects=effects,
        averages=pooled,
        sites=tuple(of_averages),
        lead=lead_remark(settings.base_period),
    )
    filled = _filled(influence, effects, pooled, influence_of(tables, effects, pooled))
    return Fit(
        estimator="callaway_santanna",
        effects=named.all(),
        influence=filled,
        recentred=recentred(tables, effects, pooled, filled),
        n_obs=int((effects.used * _counts(tables)).sum()),
        n_units=int(np.diff(tables.unit_bounds)[entering].sum()),
        n_sites=int(np.unique(tables.block_site[sites]).size),
        n_pilot_sites=pilots,
        caveats=fit_remarks(panel, tables, effects),
    )


def _counts(tables: UnitTables) -> FloatArray:
    """Return the observations of each cohort in each period; shape (C + 1, T)."""
    cohorts = range(tables.starts.size + 1)
    return np.array([tables.observed[:, tables.units((c, c + 1))].sum(axis=1) for c in cohorts])


def _most_effects(cells: Cells) -> int:
    """Return how many effects there are at most: overall, cells, and their averages."""
    labels = (cells.cohort, cells.period, cells.event_time)
    return 1 + cells.cohort.size + sum(np.unique(label).size for label in labels)


def _filled(
    influence: FloatArray, effects: GroupTime, pooled: Averages, of_averages: FloatArray
) -> FloatArray:
    """Put the averages around the cells, NaN where there is no effect; shape (G, effects)."""
    after = 1 + effects.value.size
    of_averages[~pooled.known] = np.nan
    influence[0] = of_averages[0]
    influence[1:after][~effects.found] = np.nan
    end = after + of_averages.shape[0] - 1
    influence[after:end] = of_averages[1:]
    return influence[:end].T
