"""Randomisation by refits is on the estimate over its error by site, wherever a fit has one."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from itertools import combinations

import numpy as np
import polars as pl
import pytest

from evaluation.estimators import callaway_santanna, imputation, synthetic_did, twfe
from evaluation.findings import Estimator, Fit, Interval
from evaluation.inference.collapse import collapse
from evaluation.inference.randomisation import randomisation
from evaluation.inference.reassigned_refit import refit
from evaluation.inference.reassignment_tests import deal
from evaluation.inference.site_tables import site_tables
from evaluation.panel import Adoption, Panel

# The search for an end stops at this share of a standard error.
END = 1e-6
# Two ways to the same number in double precision.
EQUAL = 1e-9

# Between two steps of a p-value from 35 ways.
LEVEL = 0.88
DRAWS = 499
Draw = Callable[..., Panel]
Ask = Callable[..., Interval]
CALLAWAY_SANTANNA = callaway_santanna()
STUDENTISED = [imputation, CALLAWAY_SANTANNA]


def seven_sites(draw: Draw, seed: int) -> Panel:
    """Return seven areas, four of them pilots from one period on: 35 ways to choose them."""
    panel = draw(seed, shape=(7, 6), starts=())
    return adopting(dataclasses.replace(panel, covariates=()), panel.units[:4])


def adopting(panel: Panel, units: tuple[str, ...]) -> Panel:
    site = panel.adoption.site
    return panel.with_adoption(Adoption(site=site, first_treated=dict.fromkeys(units, 3)))


def squared_t(fit: Fit) -> float:
    """Return the estimate over its standard error by site, squared."""
    assert fit.influence is not None
    parts = fit.influence[:, 0] if fit.recentred is None else fit.recentred(0)
    return float(fit.effects[0].value ** 2 / (parts @ parts))


@pytest.mark.parametrize("estimator", STUDENTISED)
def test_p_is_the_share_of_all_ways_with_as_large_a_t(
    draw: Draw, ask: Ask, estimator: Estimator
) -> None:
    panel = seven_sites(draw, 10)
    found = ask(randomisation(level=LEVEL, draws=DRAWS), estimator, panel)
    ways: list[tuple[str, ...]] = list(combinations(panel.units, 4))
    squares = [squared_t(estimator(adopting(panel, units))) for units in ways]
    actual = squares[ways.index(panel.units[:4])]
    assert found.p == np.mean([square >= actual * (1 - 1e-9) for square in squares])
    by_size = [abs(estimator(adopting(panel, u)).effects[0].value) for u in ways]
    assert found.p != np.mean([one >= by_size[ways.index(panel.units[:4])] for one in by_size])
    assert not any("larger or smaller" in caveat for caveat in found.caveats)


@pytest.mark.parametrize("estimator", STUDENTISED)
def test_ends_are_where_a_shifted_outcome_is_just_rejected(
    draw: Draw, ask: Ask, estimator: Estimator
) -> None:
    panel = seven_sites(draw, 7)
    procedure = randomisation(level=LEVEL, draws=DRAWS)
    found = ask(procedure, estimator, panel)
    assert found.low is not None
    assert found.high is not None
    assert found.low < estimator(panel).effects[0].value < found.high
    for end, outwards in ((found.low, -1), (found.high, 1)):
        for step, kept in ((-1, True), (1, False)):
            value = end + outwards * step * END * (found.high - found.low)
            shifted = panel.rows.with_columns(
                outcome=pl.col("outcome") - value * pl.Series(panel.treatment)
            )
            p = ask(procedure, estimator, dataclasses.replace(panel, rows=shifted)).p
            assert p is not None
            assert (p > 1 - LEVEL) == kept


def test_a_fit_with_influence_gives_what_its_equations_give(draw: Draw) -> None:
    """The estimate of two-way effects by either: the same t for every reassignment."""

    def by_influence(panel: Panel) -> Fit:
        fit = twfe(panel)
        assert fit.linear is not None
        linear = fit.linear
        weighted = linear.x * linear.weights[:, None]
        along = linear.x @ np.linalg.solve(weighted.T @ linear.x, linear.contrasts[0])
        parts = np.bincount(linear.cluster, linear.weights * along * linear.residual)
        return dataclasses.replace(
            fit, linear=None, influence=np.asarray(parts[:, None], dtype=np.float64)
        )

    collapsed = collapse(seven_sites(draw, 8))
    dealt = deal(site_tables(collapsed, "gaussian"), draws=DRAWS, random=np.random.default_rng(0))
    found, wanted = (refit(estimator, collapsed, dealt) for estimator in (by_influence, twfe))
    assert found.is_studentised
    assert wanted.is_studentised
    assert found.sums.product == pytest.approx(wanted.sums.product, rel=EQUAL)
    for null in (0.0, 1.5):
        wanted_variance = wanted.sums.variance(null)
        assert found.sums.variance(null) == pytest.approx(wanted_variance, rel=EQUAL)


def test_an_estimate_without_either_says_what_that_costs(draw: Draw, ask: Ask) -> None:
    panel = seven_sites(draw, 9)
    found = ask(randomisation(level=LEVEL, draws=99), synthetic_did(), panel)
    assert any("larger or smaller" in caveat for caveat in found.caveats)
