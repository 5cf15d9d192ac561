"""Callaway and Sant'Anna for few sites: a site's own part is left out of what judges it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import polars as pl
import pytest

from evaluation.estimators.callaway_santanna import callaway_santanna
from evaluation.findings import Fit
from evaluation.inference.cluster_robust import covariance, cr1
from evaluation.panel import Adoption, Panel

# Two ways to the same number in double precision.
EQUAL = 1e-10

Draw = Callable[..., Panel]
Ask = Callable[..., Any]
Array = np.ndarray


def plain(panel: Panel) -> Panel:
    """Return the panel without covariates, its weights as they are."""
    return dataclasses.replace(panel, covariates=())


def alone_too(panel: Panel, *units: tuple[str, int]) -> Panel:
    """Return the panel with more units that start, each at a time of its own."""
    first = dict(panel.adoption.first_treated) | dict(units)
    return panel.with_adoption(Adoption(site=panel.adoption.site, first_treated=first))


def place(fit: Fit, estimand: str, group: str = "") -> int:
    names: list[tuple[str, str]] = [(e.estimand, e.group) for e in fit.effects]
    return names.index((estimand, group))


class ByHand:
    """Group-time effects from their definitions, site by site; no covariates, no gaps."""

    def __init__(self, panel: Panel) -> None:
        shape = (len(panel.units), len(panel.periods))
        self.outcome = panel.values("outcome").reshape(shape)
        self.weight = panel.values("weight").reshape(shape)
        self.start, self.site = panel.unit_first_treated, panel.unit_sites
        self.n_sites = len(panel.sites)
        starts = np.unique(self.start[~np.isnan(self.start)]).astype(int)
        self.cells = [(int(g), t) for g in starts for t in range(g, shape[1])]

    def change(self, cell: tuple[int, int], units: Array) -> float:
        start, period = cell
        change = self.outcome[units, period] - self.outcome[units, start - 1]
        return float(np.average(change, weights=self.weight[units, start - 1]))

    def share(self, cell: tuple[int, int]) -> dict[int, float]:
        """Return each pilot site's share of the cell's weight."""
        units = np.flatnonzero(self.start == cell[0])
        weight = self.weight[units, cell[0] - 1]
        total = np.bincount(self.site[units], weight, self.n_sites)
        return {int(s): total[s] / total.sum() for s in np.flatnonzero(total)}

    def gain(self, cell: tuple[int, int], *sites: int) -> float:
        """Return the mean effect on the units of some sites."""
        own = np.flatnonzero((self.start == cell[0]) & np.isin(self.site, sites))
        return self.change(cell, own) - self.change(cell, np.flatnonzero(np.isnan(self.start)))

    def size(self, cell: tuple[int, int]) -> float:
        return float(self.weight[self.start == cell[0], cell[0] - 1].sum())

    def recentred(self, cell: tuple[int, int]) -> Array:
        """Return what each site is judged by in a cell."""
        found = np.zeros(self.n_sites)
        share = self.share(cell)
        for site, part in share.items():
            others = [s for s in share if s != site]
            if others:
                found[site] = part * (self.gain(cell, site) - self.gain(cell, *others))
                continue
            beside = [c for c in self.cells if c[1] - c[0] == cell[1] - cell[0] and c != cell]
            beside = beside or [c for c in self.cells if c[0] != cell[0]]
            gains = [self.gain(c, *self.share(c)) for c in beside]
            sizes = [self.size(c) for c in beside]
            found[site] = self.gain(cell, site) - np.average(gains, weights=sizes)
        never = np.flatnonzero(np.isnan(self.start))
        weight = self.weight[never, cell[0] - 1]
        change = self.outcome[never, cell[1]] - self.outcome[never, cell[0] - 1]
        centred = weight * (change - self.change(cell, never)) / weight.sum()
        np.subtract.at(found, self.site[never], centred)
        return found


@pytest.mark.parametrize("per_site", [1, 2])
def test_it_is_the_distance_from_the_other_sites(draw: Draw, per_site: int) -> None:
    panel = plain(draw(41, shape=(24, 7), starts=(2, 4), per_site=per_site))
    # One site alone at a start, and one whose last event time nobody else has.
    ends = {1: (("u10", 3), ("u11", 1)), 2: (("u10", 3), ("u11", 3), ("u20", 1), ("u21", 1))}
    panel = alone_too(panel, *ends[per_site])
    fit, hand = callaway_santanna()(panel), ByHand(panel)
    assert fit.recentred is not None
    by_cell = {cell: hand.recentred(cell) for cell in hand.cells}
    for (start, period), wanted in by_cell.items():
        found = fit.recentred(place(fit, "group_time", f"{start}:{period}"))
        assert found == pytest.approx(wanted, abs=EQUAL)
    averages: dict[tuple[str, str], list[tuple[int, int]]] = {
        ("overall", ""): hand.cells,
        ("calendar", "5"): [c for c in hand.cells if c[1] == 5],
        ("event_time", "2"): [c for c in hand.cells if c[1] - c[0] == 2],
    }
    for name, cells in averages.items():
        sizes = np.array([hand.size(cell) for cell in cells])
        wanted = sizes / sizes.sum() @ np.array([by_cell[cell] for cell in cells])
        assert fit.recentred(place(fit, *name)) == pytest.approx(wanted, abs=EQUAL)


@pytest.mark.parametrize("method", ["dr", "reg", "ipw"])
def test_under_covariates_a_site_moves_by_its_share(draw: Draw, method: str) -> None:
    panel = draw(42, shape=(40, 6), starts=(3,), missing=0.05)
    settings: dict[str, Any] = {"method": method}
    fit = callaway_santanna(**settings)(panel)
    assert fit.recentred is not None
    assert fit.influence is not None
    index = place(fit, "group_time", "3:4")
    pilots = [panel.sites.index(site) for site in panel.adoption.pilot_sites]
    found, raw = fit.recentred(index), fit.influence[:, index]
    factor = found[pilots] / raw[pilots]
    # Two sites of one unit: shares of 1 / factor, each left with the other.
    assert (1 - 1 / factor).sum() == pytest.approx(1.0)
    rest = np.setdiff1d(np.arange(len(panel.sites)), pilots)
    assert found[rest] == pytest.approx(raw[rest], abs=EQUAL)


def test_what_other_software_publishes_stays(draw: Draw, ask: Ask) -> None:
    panel = plain(draw(43, shape=(30, 6), starts=(2, 4)))
    fit = callaway_santanna()(panel)
    assert fit.influence is not None
    assert fit.recentred is not None
    assert covariance(fit, kind="cr0") == pytest.approx(fit.influence.T @ fit.influence, abs=EQUAL)
    every = np.column_stack([fit.recentred(j) for j in range(len(fit.effects))])
    sites = len(panel.sites)
    wanted = sites / (sites - 1) * every.T @ every
    assert covariance(fit, kind="cr1") == pytest.approx(wanted, abs=EQUAL)
    interval = ask(cr1(level=0.95), callaway_santanna(), panel)
    assert interval.std_error == pytest.approx(wanted[0, 0] ** 0.5, rel=EQUAL)
    assert "own part left out" in interval.caveats[0]


def test_with_one_pilot_site_its_own_part_is_not_known_and_it_says_so(draw: Draw) -> None:
    panel = plain(draw(44, shape=(30, 6), starts=(3,)))
    alone = panel.site_alone(panel.adoption.pilot_sites[0])
    fit = callaway_santanna()(alone)
    assert fit.recentred is not None
    pilot = alone.sites.index(alone.adoption.pilot_sites[0])
    assert fit.recentred(0)[pilot] == pytest.approx(0.0, abs=EQUAL)
    assert any("cr1 holds nothing of how that site varies" in text for text in fit.caveats)


def test_unit_effects_and_the_order_of_rows_move_nothing(draw: Draw) -> None:
    panel = alone_too(plain(draw(45, shape=(24, 6), starts=(2, 4))), ("u10", 3))
    level = np.random.default_rng(1).normal(0, 50, len(panel.units))[panel.unit_codes]
    rows = panel.rows.with_columns(outcome=pl.col("outcome") + pl.Series(level))
    moved = dataclasses.replace(panel, rows=rows.sample(fraction=1, shuffle=True, seed=1))
    one, other = (callaway_santanna()(p).recentred for p in (panel, moved))
    assert one is not None
    assert other is not None
    assert other(0) == pytest.approx(one(0), abs=1e-8)
