"""Dealing out treatment paths, and the statistics of every deal: fast forms against slow ones."""

from __future__ import annotations

import dataclasses
import math
from collections import Counter
from collections.abc import Callable

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.stats import norm
from scipy.stats import t as student

from evaluation.errors import EstimationError
from evaluation.estimators import poisson, twfe
from evaluation.inference.cluster_robust import covariance
from evaluation.inference.collapse import Collapsed, collapse
from evaluation.inference.engine import distinct_paths, reduce_panel
from evaluation.inference.jackknife import leave_one_out
from evaluation.inference.left_out import left_out
from evaluation.inference.poisson_null import null_table
from evaluation.inference.reassigned import Sums, sums_of_reduced, sums_of_tables
from evaluation.inference.reassigned_refit import refit
from evaluation.inference.reassignment import Reassignments, count_reassignments, reassign
from evaluation.inference.reassignment_tests import (
    deal,
    least_squares,
    p_value,
    poisson_at,
    poisson_p,
    share_as_far,
)
from evaluation.inference.site_tables import Family, SiteTables, collapse_arrays, site_tables
from evaluation.inference.two_way import two_way
from evaluation.inference.two_way_estimate import step_from
from evaluation.panel import Panel

# Ways to the same sums in double precision; squares of t lose some digits where spreads are small.
EQUAL = 1e-7
# What interpolation in the tested value may add to a squared t.
INTERPOLATED = 1e-5

FEW = settings(max_examples=8, deadline=None)
SEEDS = st.integers(0, 10_000)
FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
Draw = Callable[..., Panel]


def dealt(collapsed: Collapsed, draws: int = 3, seed: int = 0) -> Reassignments:
    """Return some drawn reassignments, few enough to refit."""
    tables = site_tables(collapsed, "gaussian")
    return deal(tables, draws=draws, random=np.random.default_rng(seed), fewest=2)


def plain(panel: Panel) -> Panel:
    """Return the panel without its covariate, its weights constant in time."""
    weight = np.random.default_rng(1).uniform(0.5, 4, len(panel.units))[panel.unit_codes]
    rows = panel.rows.with_columns(weight=pl.Series(weight))
    return dataclasses.replace(panel, rows=rows, covariates=())


# ------------------------------------------------------------------ dealing


@pytest.mark.parametrize(
    ("member", "ways"),
    [
        ([0, -1, -1, -1, 0], math.comb(5, 2)),
        ([1, -1, 0, -1, 0, -1], math.comb(6, 2) * 4),
        ([2, 0, 1, -1], 4 * 3 * 2),
        ([0, 0, 0], 1),
    ],
)
def test_every_way_is_listed_once_the_actual_one_first(member: list[int], ways: int) -> None:
    codes = np.array(member)
    every = reassign(codes, draws=5, random=np.random.default_rng(0))
    assert every.is_exact
    assert every.possible == ways == len(every.chosen) == count_reassignments(codes)
    assert every.smallest_p == 1 / ways
    assert codes[every.chosen[0]].tolist() == every.path.tolist() == sorted(every.path)
    kinds = {
        tuple(sorted(zip(row, every.path.tolist(), strict=True))) for row in every.chosen.tolist()
    }
    assert len(kinds) == ways
    assert all(len(set(row)) == len(row) for row in every.chosen.tolist())


def test_drawn_ways_are_without_replacement_and_all_as_likely() -> None:
    member = np.array([0, 0, -1, -1, -1])
    drawn = reassign(member, draws=20_000, random=np.random.default_rng(1), fewest=2)
    assert not drawn.is_exact
    assert len(drawn.chosen) == 20_001
    pairs = Counter(tuple(sorted(row)) for row in drawn.chosen[1:].tolist())
    assert len(pairs) == 10
    # 20,000 draws over 10 pairs: 2,000 each, standard deviation 42.
    assert all(abs(count - 2000) < 5 * 42 for count in pairs.values())


def test_a_site_that_could_not_tell_is_not_dealt_to(draw: Draw) -> None:
    panel = draw(3, starts=(3,))
    rows = panel.rows.filter(~((pl.col("unit") == "u07") & (pl.col("period") < 3)))
    tables = site_tables(collapse(dataclasses.replace(panel, rows=rows)), "gaussian")
    found = deal(tables, draws=5, random=np.random.default_rng(0))
    assert found.n_sites == 9
    assert 7 not in found.chosen
    only_after = rows.filter((pl.col("unit") > "u01") | (pl.col("period") >= 3))
    tables = site_tables(collapse(dataclasses.replace(panel, rows=only_after)), "gaussian")
    with pytest.raises(EstimationError, match="both before and after its start"):
        deal(tables, draws=5, random=np.random.default_rng(0))


# ------------------------------------------------------------------ least squares


def by_fit(panel: Panel) -> tuple[float, float, float]:
    """Return coefficient, CR3's variance and CR0's of two-way least squares."""
    fit = twfe(panel)
    assert fit.linear is not None
    moves = np.array(list(leave_one_out(twfe, panel, fit).values())) - fit.effect.value
    cr3 = (moves.size - 1) / moves.size * float(moves @ moves)
    return fit.effect.value, cr3, float(covariance(fit.linear, kind="cr0")[0, 0])


def under(
    collapsed: Collapsed, found: Reassignments, null: float
) -> list[tuple[float, float, float]]:
    """Refit every reassignment with the actual treatment times ``null`` taken out."""
    paths = distinct_paths(collapsed.treatment)[0]
    at = collapsed.panel
    actual = collapsed.treatment[at.unit_codes, at.period_codes]
    outcome = pl.Series(at.values("outcome") - null * actual)
    results = []
    for chosen in found.chosen:
        treatment = np.zeros_like(collapsed.treatment)
        treatment[chosen] = paths[found.path]
        panel = collapsed.reassigned(treatment)
        rows = panel.rows.with_columns(outcome=outcome)
        results.append(by_fit(dataclasses.replace(panel, rows=rows)))
    return results


def t_squared(sums: Sums, null: float = 0.0) -> FloatArray:
    squared: FloatArray = sums.coefficient(null) ** 2 / sums.variance(null)
    return squared


def freedom(tables: SiteTables, found: Reassignments) -> FloatArray:
    """Count sites by how much larger the variance would be without each of them."""
    paths = distinct_paths(tables.treatment)[0]

    def information(treatment: FloatArray, weight: FloatArray) -> float:
        residual = two_way(weight, tables.covariates).residual(treatment[None])[0]
        return float((weight * residual**2).sum())

    counts = []
    for chosen in found.chosen:
        treatment = np.zeros_like(tables.treatment)
        treatment[chosen] = paths[found.path]
        whole = information(treatment, tables.weight)
        larger = []
        for site in range(len(treatment)):
            weight = tables.weight.copy()
            weight[site] = 0
            larger.append(whole / information(treatment, weight) - 1)
        counts.append(np.sum(larger) ** 2 / np.square(larger).sum())
    return np.array(counts)


@FEW
@given(
    seed=SEEDS,
    per_site=st.sampled_from([1, 2]),
    null=st.floats(-3, 3),
    starts=st.sampled_from([(3,), (3, 4), (2, 3, 4)]),
    kind=st.sampled_from(["balanced", "weights vary", "covariate", "unbalanced"]),
)
def test_every_route_gives_the_t_of_its_own_refit(
    draw: Draw, seed: int, per_site: int, null: float, starts: tuple[int, ...], kind: str
) -> None:
    missing = 0.1 if kind == "unbalanced" else 0.0
    panel = draw(seed, shape=(9 * per_site, 7), per_site=per_site, starts=starts, missing=missing)
    if kind == "balanced":
        panel = plain(panel)
    elif kind == "weights vary":
        panel = dataclasses.replace(panel, covariates=())
    collapsed = collapse(panel)
    found = dealt(collapsed)
    tables = site_tables(collapsed, "gaussian")
    slow = np.array(under(collapsed, found, null))
    system = two_way(tables.weight, tables.covariates)
    residuals = system.residual(np.stack([tables.outcome, tables.treatment]))
    paths = distinct_paths(tables.treatment)[0]
    routes: list[Sums] = [
        least_squares(tables, found).sums,
        sums_of_tables(system, left_out(system), residuals, paths, found),
    ]
    reduced = reduce_panel(collapsed.panel)
    assert (reduced is not None) == (kind == "balanced")
    if reduced is not None:
        routes.append(sums_of_reduced(reduced, found))
    for sums in routes:
        assert sums.coefficient(null) == pytest.approx(slow[:, 0], rel=EQUAL, abs=EQUAL)
        assert sums.variance(null) == pytest.approx(slow[:, 1], rel=EQUAL, abs=EQUAL)
        assert sums.freedom == pytest.approx(freedom(tables, found), rel=EQUAL)
    without = least_squares(tables, found, with_actual=False).sums
    assert t_squared(without) == pytest.approx(t_squared(routes[0]), rel=EQUAL)
    # Estimators that are refitted have the t of CR1.
    refits = refit(twfe, collapsed, found).sums
    assert refits.coefficient(null) == pytest.approx(slow[:, 0], rel=EQUAL, abs=EQUAL)
    assert refits.variance(null) == pytest.approx(slow[:, 2], rel=EQUAL, abs=EQUAL)


def test_t_on_the_normal_scale_is_as_likely_as_on_its_own() -> None:
    """Wallace's transformation, read off where two statistics change places."""
    for freedom_of_first in (2.0, 5.0, 30.0):
        for t in (0.5, 2.0, 4.0):
            z = norm.isf(student.sf(t, freedom_of_first))
            squared = np.array([t, z * 1.02, z * 0.98]) ** 2
            many = np.array([freedom_of_first, 1e9, 1e9])
            assert share_as_far(squared, np.ones(3), many) == 2 / 3


@pytest.mark.parametrize("starts", [(3,), (3, 4)])
def test_units_that_start_apart_are_dealt_out_as_one_path(
    draw: Draw, starts: tuple[int, ...]
) -> None:
    panel = plain(draw(11, shape=(16, 7), per_site=2, starts=starts))
    first = dict(panel.adoption.first_treated) | {"u01": 5}
    panel = panel.with_adoption(dataclasses.replace(panel.adoption, first_treated=first))
    collapsed = collapse(panel)
    assert collapsed.is_dosed
    found = dealt(collapsed)
    slow = np.array(under(collapsed, found, 0.5))
    sums = least_squares(site_tables(collapsed, "gaussian"), found).sums
    assert sums.coefficient(0.5) == pytest.approx(slow[:, 0], rel=EQUAL, abs=EQUAL)
    assert sums.variance(0.5) == pytest.approx(slow[:, 1], rel=EQUAL, abs=EQUAL)
    assert sums.freedom == pytest.approx(
        freedom(site_tables(collapsed, "gaussian"), found), rel=EQUAL
    )


def test_so_many_sites_that_products_would_not_fit_take_the_plain_form(
    draw: Draw, monkeypatch: pytest.MonkeyPatch
) -> None:
    collapsed = collapse(draw(5, shape=(12, 7)))
    tables, found = site_tables(collapsed, "gaussian"), dealt(collapsed)
    expected = t_squared(least_squares(tables, found).sums, 0.3)
    monkeypatch.setattr("evaluation.inference.reassignment_tests._MOST_PRODUCTS", 10)
    monkeypatch.setattr("evaluation.inference.reassigned._MOST_CELLS", 200)
    assert t_squared(least_squares(tables, found).sums, 0.3) == pytest.approx(expected, rel=EQUAL)


def test_thousands_of_sites_have_one_factor_each_near_their_inverses(
    draw: Draw, monkeypatch: pytest.MonkeyPatch
) -> None:
    tables = site_tables(collapse(draw(5, shape=(300, 7), missing=0.1)), "gaussian")
    system = two_way(tables.weight, tables.covariates)
    residual = system.residual(tables.outcome[None])[0] * np.sqrt(tables.weight)
    exact = left_out(system).of(residual[:, None])
    monkeypatch.setattr("evaluation.inference.left_out._MOST_CELLS", 10)
    monkeypatch.setattr("evaluation.inference.left_out._AT_ONCE", 500)
    assert left_out(system).of(residual[:, None]) == pytest.approx(exact, rel=0.02, abs=0.02)


# ------------------------------------------------------------------ Poisson


def constant_exposure(panel: Panel) -> Panel:
    """Return the panel without covariate, its exposures constant in time."""
    exposure = np.random.default_rng(2).uniform(500, 3000, len(panel.units))[panel.unit_codes]
    rows = panel.rows.with_columns(exposure=pl.Series(exposure))
    return dataclasses.replace(panel, rows=rows, covariates=())


@FEW
@given(
    seed=SEEDS,
    null=st.floats(-0.5, 0.5),
    starts=st.sampled_from([(3,), (3, 4)]),
    kind=st.sampled_from(["constant", "varying", "covariate", "unbalanced"]),
)
def test_poisson_scores_are_those_of_the_working_regression(
    draw: Draw, seed: int, null: float, starts: tuple[int, ...], kind: str
) -> None:
    missing = 0.1 if kind == "unbalanced" else 0.0
    panel = draw(seed, shape=(9, 7), starts=starts, missing=missing, measure="rate")
    if kind == "constant":
        panel = constant_exposure(panel)
    elif kind == "varying":
        panel = dataclasses.replace(panel, covariates=())
    collapsed = collapse(panel)
    tables, found = site_tables(collapsed, "poisson"), dealt(collapsed)
    count = tables.outcome * np.exp(-null * tables.treatment)
    mean = null_table(count, tables.weight, covariates=tables.covariates)
    at = collapsed.panel
    mean_rows = mean[at.unit_codes, at.period_codes]
    count_rows = count[at.unit_codes, at.period_codes]
    rows = at.rows.with_columns(
        outcome=pl.Series((count_rows - mean_rows) / mean_rows), weight=pl.Series(mean_rows)
    )
    working = dataclasses.replace(collapsed, panel=dataclasses.replace(at, rows=rows))
    slow = np.array(under(working, found, 0.0))
    sums = poisson_at(tables, found, null).sums
    assert sums.coefficient() == pytest.approx(slow[:, 0], rel=EQUAL, abs=EQUAL)
    assert sums.variance() == pytest.approx(slow[:, 1], rel=EQUAL, abs=EQUAL)


@pytest.mark.parametrize("kind", ["varying", "covariate", "unbalanced"])
def test_interpolated_p_values_are_the_computed_ones(draw: Draw, kind: str) -> None:
    missing = 0.1 if kind == "unbalanced" else 0.0
    panel = draw(13, shape=(14, 9), starts=(4, 5), missing=missing, measure="rate")
    if kind == "varying":
        panel = dataclasses.replace(panel, covariates=())
    tables = site_tables(collapse(panel), "poisson")
    found = deal(tables, draws=499, random=np.random.default_rng(0))
    estimate = poisson(collapse(panel).panel).effect.value
    error = float(np.sqrt(poisson_at(tables, found, estimate).variance(0.0)[0]))
    p = poisson_p(tables, found, estimate=estimate, std_error=error)
    for null in (0.0, *(estimate + error * np.linspace(-5, 5, 11))):
        computed = poisson_at(tables, found, null).p(0.0)
        assert p(null) == pytest.approx(computed, abs=1.5 / len(found.chosen))


@pytest.mark.parametrize("measure", ["mean", "rate"])
@pytest.mark.parametrize("missing", [0.0, 0.15])
def test_a_step_from_the_estimate_leads_nowhere(draw: Draw, measure: str, missing: float) -> None:
    panel = draw(17, measure=measure, missing=missing, starts=(3,))
    estimator = poisson if measure == "rate" else twfe
    tables = site_tables(collapse(panel), "poisson" if measure == "rate" else "gaussian")
    value = estimator(collapse(panel).panel).effect.value
    assert step_from(tables, value) == pytest.approx(0, abs=1e-8)
    assert step_from(tables, value - 1e-3) == pytest.approx(1e-3, rel=1e-2)


@pytest.mark.parametrize("measure", ["mean", "rate"])
def test_arrays_collapse_as_panels_do(draw: Draw, measure: str) -> None:
    panel = draw(19, shape=(18, 7), per_site=2, starts=(3, 4), measure=measure)
    panel = dataclasses.replace(panel, covariates=())
    family: Family = "poisson" if measure == "rate" else "gaussian"
    names = ("count", "exposure") if measure == "rate" else ("outcome", "weight")
    outcome, weight = (panel.values(name).reshape(18, 7) for name in names)
    site = panel.site_codes.reshape(18, 7)[:, 0]
    arrays = collapse_arrays(outcome, weight, panel.treatment.reshape(18, 7), site, family)
    tables = site_tables(collapse(panel), family)
    for name in ("outcome", "weight", "treatment"):
        assert getattr(arrays, name) == pytest.approx(getattr(tables, name), rel=EQUAL)
    found = deal(arrays, draws=99, random=np.random.default_rng(0))
    statistics = least_squares(tables, found) if measure == "mean" else None
    expected = statistics.p(0.0) if statistics else poisson_at(tables, found, 0.0).p(0.0)
    assert p_value(arrays, found) == expected
