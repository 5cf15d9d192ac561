"""What tests by reassignment ask of the data: full tables of sites by periods.

Shapes: S sites, T periods, c covariates.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from evaluation.inference.collapse import WHOLE, Collapsed
from evaluation.panel import Panel

__all__ = ["Family", "SiteTables", "collapse_arrays", "panel_tables", "site_tables"]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

Family = Literal["gaussian", "poisson"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SiteTables:
    """One outcome of the site-collapsed panel.

    Parameters
    ----------
    family : {"gaussian", "poisson"}
        Whether least squares of ``outcome`` or a Poisson model of it as counts is fitted.
    outcome : array, shape (S, T)
        The outcome, or the counts; 0 where not observed.
    weight : array, shape (S, T)
        Least-squares weights, or for counts the exposures; 0 where not observed.
    treatment : array, shape (S, T)
        Treatment paths, without gaps.
    covariates : array, shape (S, T, c)
    """

    family: Family
    outcome: FloatArray
    weight: FloatArray
    treatment: FloatArray
    covariates: FloatArray


def panel_tables(panel: Panel, family: Family) -> SiteTables:
    """Return the tables of a panel, each unit as a site of its own; for Poisson of its counts.

    A count without exposure has exposure 1.
    """
    shape = (len(panel.units), len(panel.periods))

    def table(values: FloatArray) -> FloatArray:
        full = np.zeros(shape)
        full[panel.unit_codes, panel.period_codes] = values
        return full

    outcome, weight = panel.values("outcome"), panel.values("weight")
    if family == "poisson":
        outcome = panel.values("count")
        weight = panel.values("exposure") if panel.measure == "rate" else np.ones(outcome.size)
    covariates = [table(panel.values(name)) for name in panel.covariates]
    return SiteTables(
        family=family,
        outcome=table(outcome),
        weight=table(weight),
        treatment=table(panel.treatment),
        covariates=np.stack(covariates, axis=2) if covariates else np.empty((*shape, 0)),
    )


def site_tables(collapsed: Collapsed, family: Family) -> SiteTables:
    """Return the tables of a collapsed panel, its treatment paths without gaps."""
    tables = panel_tables(collapsed.panel, family)
    return dataclasses.replace(tables, treatment=collapsed.treatment)


def collapse_arrays(
    outcome: FloatArray,
    weight: FloatArray,
    treatment: FloatArray,
    site: IntArray,
    family: Family = "gaussian",
) -> SiteTables:
    """Collapse a balanced panel without covariates, given as tables of units by periods.

    Parameters
    ----------
    outcome : array, shape (U, T)
        Averaged by ``weight``; counts are summed.
    weight : array, shape (U, T)
        Weights or exposures, above 0.
    treatment : array, shape (U, T)
        Averaged by ``weight``.
    site : int array, shape (U,)
        Codes from 0 without gaps.
    family : {"gaussian", "poisson"}
    """
    member = (site == np.arange(int(site.max()) + 1)[:, None]).astype(np.float64)
    total = member @ weight
    treated = member @ (weight * treatment) / total
    whole = np.rint(treated)
    treated = np.where(np.abs(treated - whole) < WHOLE, whole, treated)
    return SiteTables(
        family=family,
        outcome=member @ outcome if family == "poisson" else member @ (weight * outcome) / total,
        weight=total,
        treatment=treated,
        covariates=np.empty((*total.shape, 0)),
    )
