"""The site-collapsed panel: one unit a site, as inference by site and reassignment need it.

The units of a site are summed (counts, exposures) or averaged by their weights (outcome,
covariates, treatment). With weights constant in time, and units of a site that start together, the
two-way coefficient is the same on the collapsed panel as on the panel.

Shapes: S sites, T periods.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from evaluation.panel import Adoption, Panel

__all__ = ["WHOLE", "Collapsed", "collapse"]

FloatArray = NDArray[np.float64]

# A mean over units that agree is what they agree on, whatever rounding made of it.
WHOLE = 1e-12


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Collapsed:
    """A panel whose units are sites, as tables of sites by periods.

    Parameters
    ----------
    panel : Panel
        Units are the sites, in order of name. Where the treatment of a site is not simply 0 and
        then 1 (units that start apart, a dose), it is the panel's ``dose``.
    treatment : array, shape (S, T)
        The treatment path of each site, also in periods in which the site was not observed.
    weight : array, shape (S, T)
        0 where a site was not observed.
    """

    panel: Panel
    treatment: FloatArray
    weight: FloatArray

    @property
    def is_dosed(self) -> bool:
        """Whether the treatment stands in the panel's ``dose``."""
        return "dose" in self.panel.rows.columns

    def reassigned(self, treatment: FloatArray) -> Panel:
        """Return the panel under other treatment paths; the slow form of every reassignment.

        Parameters
        ----------
        treatment : array, shape (S, T)
            Rows of :attr:`treatment` dealt out anew.
        """
        panel = self.panel.with_adoption(_adoption(self.panel, treatment))
        if not self.is_dosed:
            return panel
        dose = treatment[panel.unit_codes, panel.period_codes]
        rows = panel.rows.with_columns(dose=pl.Series(dose, dtype=pl.Float64))
        return dataclasses.replace(panel, rows=rows)


def collapse(panel: Panel) -> Collapsed:
    """Collapse a panel to its sites.

    A site's path is the average of its units' by their weights in the period, which is the
    treatment of the period's rows; where a unit was not observed its mean weight stands in, and
    for a dose its last value before (or its first).
    """
    rows = panel.rows.with_columns(
        site=pl.Series([panel.adoption.site[u] for u in panel.units])[panel.unit_codes],
        treatment=pl.Series(panel.treatment),
    )
    summed = [c for c in ("count", "exposure") if c in rows.columns]
    by_site = (
        rows.group_by("site", "period")
        .agg(
            *(_weighted_mean(c) for c in ("outcome", *panel.covariates)),
            _weighted_mean("treatment"),
            pl.col("weight").sum(),
            *(pl.col(c).sum() for c in summed),
        )
        .rename({"site": "unit"})
        .sort("unit", "period")
    )
    shape = (len(panel.sites), len(panel.periods))
    weight = np.zeros(shape)
    unit = np.searchsorted(np.array(panel.sites), by_site["unit"].to_numpy())
    period = np.searchsorted(np.array(panel.periods), by_site["period"].to_numpy())
    weight[unit, period] = by_site["weight"].to_numpy()
    treatment = _paths(panel)
    treatment[unit, period] = by_site["treatment"].to_numpy()
    whole = np.rint(treatment)
    treatment = np.where(np.abs(treatment - whole) < WHOLE, whole, treatment)
    rows = by_site.drop("treatment")
    if "dose" in panel.rows.columns or not _is_adoption(treatment):
        rows = rows.with_columns(dose=pl.Series(treatment[unit, period]))
    alone = Adoption(site={site: site for site in panel.sites}, first_treated={})
    collapsed = dataclasses.replace(panel, rows=rows, adoption=alone)
    collapsed = collapsed.with_adoption(_adoption(collapsed, treatment))
    return Collapsed(panel=collapsed, treatment=treatment, weight=weight)


def _weighted_mean(column: str) -> pl.Expr:
    return ((pl.col(column) * pl.col("weight")).sum() / pl.col("weight").sum()).alias(column)


def _paths(panel: Panel) -> FloatArray:
    """Return each site's treatment path from its units' mean weights; shape (S, T)."""
    units, periods = len(panel.units), np.array(panel.periods)
    mean_weight = np.bincount(panel.unit_codes, panel.values("weight")) / np.bincount(
        panel.unit_codes
    )
    site = np.zeros(units, dtype=np.int64)
    site[panel.unit_codes] = panel.site_codes
    first = np.full(units, np.inf)
    first[panel.unit_codes] = np.nan_to_num(panel.first_treated, nan=np.inf)
    treated = (periods >= first[:, None]).astype(np.float64)
    if "dose" in panel.rows.columns:
        treated = _carried_forward(panel, (units, periods.size))
    share = mean_weight / np.bincount(site, mean_weight)[site]
    paths = np.zeros((int(site.max()) + 1, periods.size))
    np.add.at(paths, site, treated * share[:, None])
    return paths


def _carried_forward(panel: Panel, shape: tuple[int, int]) -> FloatArray:
    dose = np.full(shape, np.nan)
    dose[panel.unit_codes, panel.period_codes] = panel.values("dose")
    for period in range(1, shape[1]):
        unknown = np.isnan(dose[:, period])
        dose[unknown, period] = dose[unknown, period - 1]
    for period in range(shape[1] - 2, -1, -1):
        unknown = np.isnan(dose[:, period])
        dose[unknown, period] = dose[unknown, period + 1]
    return dose


def _is_adoption(treatment: FloatArray) -> bool:
    """Whether every path is 0 and from some period on 1, exactly."""
    binary = ((treatment == 0) | (treatment == 1)).all()
    return bool(binary and (np.diff(treatment, axis=1) >= 0).all())


def _adoption(panel: Panel, treatment: FloatArray) -> Adoption:
    """Return each site's first period with any treatment as its adoption.

    A path that is 1 throughout started before the data; the first period says the same.
    """
    periods = panel.periods
    first = {
        site: periods[int(np.argmax(path > 0))]
        for site, path in zip(panel.sites, treatment, strict=True)
        if (path > 0).any()
    }
    return Adoption(site={site: site for site in panel.sites}, first_treated=first)
