"""Randomisation weighed by the noise: identities, exactness, and what it refuses."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from evaluation.errors import EstimationError
from evaluation.estimators import event_study, imputation, poisson, twfe
from evaluation.findings import Estimator, Interval
from evaluation.inference.collapse import collapse
from evaluation.inference.engine import distinct_paths
from evaluation.inference.gls_tests import GlsTest, building_up, gls_test
from evaluation.inference.randomisation import randomisation
from evaluation.inference.randomisation_gls import randomisation_gls
from evaluation.inference.reassignment_tests import deal
from evaluation.inference.site_tables import SiteTables, collapse_arrays, site_tables
from evaluation.inference.working_noise import fit_noise
from evaluation.panel import Adoption, Panel
from evaluation.periods import Calendar

# Ways to the same sums in double precision.
EQUAL = 1e-7
# The search for an end stops at this share of a standard error.
END = 3e-4
LEVEL = 0.9
DRAWS = 499
FEW = settings(max_examples=6, deadline=None)
SEEDS = st.integers(0, 10_000)
FloatArray = NDArray[np.float64]
Draw = Callable[..., Panel]
Ask = Callable[..., Interval]


def lasting(periods: int, correlation: float, new: float = 0.0) -> FloatArray:
    apart = np.abs(np.subtract.outer(np.arange(periods), np.arange(periods)))
    return np.asarray((1 - new) * np.power(correlation, apart) + new * np.eye(periods))


def noisy(
    random: np.random.Generator, size: FloatArray, periods: int, correlation: float
) -> FloatArray:
    root = np.linalg.cholesky(lasting(periods, correlation))
    fresh = random.standard_normal((size.size, periods)) @ root.T
    return np.asarray(fresh / np.sqrt(size)[:, None])


def tables_of(outcome: FloatArray, size: FloatArray, starts: tuple[int, ...]) -> SiteTables:
    sites, periods = outcome.shape
    first = np.full(sites, periods)
    first[: len(starts)] = starts
    treatment = (np.arange(periods) >= first[:, None]).astype(np.float64)
    weight = np.repeat(size[:, None], periods, axis=1)
    return collapse_arrays(outcome, weight, treatment, np.arange(sites))


def drawn(seed: int, *, correlation: float = 0.6, sites: int = 16) -> SiteTables:
    random = np.random.default_rng(seed)
    size = random.uniform(0.5, 4, sites)
    return tables_of(noisy(random, size, 18, correlation), size, (9, 10, 9, 11))


def few_dealt(tables: SiteTables, draws: int = 4) -> GlsTest:
    return gls_test(tables, deal(tables, draws=draws, random=np.random.default_rng(0), fewest=2))


# ------------------------------------------------------------------ the noise


def test_the_fitted_noise_is_the_most_likely_of_the_grid() -> None:
    """By dense determinants and inverses, each site's level projected out."""
    random = np.random.default_rng(1)
    residual, periods = noisy(random, np.ones(30), 12, 0.6), 12
    residual -= residual.mean(axis=0)
    noise = fit_noise(residual, np.ones(30), np.full(30, float(periods)))
    contrasts = np.linalg.qr(np.column_stack([np.ones(periods), np.eye(periods)[:, 1:]]))[0][:, 1:]

    def less_likely(correlation: float, new: float) -> float:
        covariance = contrasts.T @ lasting(periods, correlation, new) @ contrasts
        turned = residual @ contrasts
        square = float((turned @ np.linalg.inv(covariance) * turned).sum()) / turned.size
        return (periods - 1) * math.log(square) + float(np.linalg.slogdet(covariance)[1])

    found = less_likely(noise.lasting, noise.new)
    for correlation in (0.2, 0.35, 0.5, 0.6, 0.7, 0.8, 0.95):
        for new in (0.0, 0.15, 0.3, 0.5, 0.85):
            assert found <= less_likely(correlation, new) + EQUAL
    whole = lasting(periods, noise.lasting, noise.new)
    inside = contrasts @ np.linalg.inv(contrasts.T @ whole @ contrasts) @ contrasts.T
    assert noise.precision == pytest.approx(inside, abs=EQUAL)
    assert noise.weights == pytest.approx(np.ones(30))


@pytest.mark.parametrize("correlation", [0.0, 0.5, 0.8])
def test_noise_that_lasts_and_falls_with_size_is_found(correlation: float) -> None:
    random = np.random.default_rng(2)
    size = random.uniform(0.5, 4, 300)
    residual = noisy(random, size, 40, correlation)
    noise = fit_noise(residual, size, np.full(300, 40.0))
    # One step of the grid is .05 to .2; without lasting noise its share is 0 or all but.
    assert noise.lasting * (1 - noise.new) == pytest.approx(correlation, abs=0.1)
    assert noise.weights == pytest.approx(size / size.mean(), rel=0.15)


def test_sites_that_do_not_count_weigh_nothing_and_no_noise_is_no_error() -> None:
    random = np.random.default_rng(3)
    size = np.array([1.0, 2, 0, 3, 1, 1])
    noise = fit_noise(noisy(random, np.ones(6), 8, 0.5), size, np.full(6, 8.0))
    assert noise.weights[2] == 0
    assert noise.weights[size > 0].mean() == pytest.approx(1)
    still = fit_noise(np.zeros((6, 8)), size, np.full(6, 8.0))
    assert still.weights[size > 0] == pytest.approx(np.ones(5))
    assert (still.lasting, still.new) == (0.0, 0.0)


# ------------------------------------------------------------------ the statistic


def test_a_third_is_sought_at_once_and_the_rest_over_a_third_of_the_time() -> None:
    path = (np.arange(12) >= 3).astype(np.float64)[None]
    expected = [0, 0, 0, 5 / 9, 7 / 9, 1, 1, 1, 1, 1, 1, 1]
    assert building_up(path)[0] == pytest.approx(np.array(expected))
    assert building_up(2.5 * path - 1)[0] == pytest.approx(2.5 * np.array(expected) - 1)
    short = (np.arange(4) >= 3).astype(np.float64)[None]
    assert building_up(short) == pytest.approx(short)


@pytest.mark.parametrize("null", [0.0, 0.7])
def test_coefficient_and_error_are_those_of_dense_generalised_least_squares(null: float) -> None:
    tables = drawn(4)
    test = few_dealt(tables)
    sums, noise = test.sums(null), test.noise(null)
    paths = distinct_paths(tables.treatment)[0]
    sought = building_up(paths)
    sites, periods = tables.outcome.shape
    outcome = tables.outcome - null * tables.treatment
    correlation = lasting(periods, noise.lasting, noise.new)

    def coefficient(treatment: FloatArray, kept: NDArray[np.int64]) -> float:
        weight = np.kron(np.diag(noise.weights[kept]), np.linalg.inv(correlation))
        effects = [
            np.kron(np.eye(kept.size), np.ones((periods, 1))),
            np.kron(np.ones((kept.size, 1)), np.eye(periods)[:, 1:]),
        ]
        x = np.column_stack([treatment[kept].ravel(), *effects])
        solved = np.linalg.solve(x.T @ weight @ x, x.T @ weight @ outcome[kept].ravel())
        return float(solved[0])

    for row, chosen in enumerate(test.dealt.chosen):
        treatment = np.zeros(tables.outcome.shape)
        treatment[chosen] = sought[test.dealt.path]
        everyone = np.arange(sites)
        whole = coefficient(treatment, everyone)
        moves = np.array([coefficient(treatment, np.delete(everyone, s)) for s in everyone]) - whole
        assert sums.coefficient()[row] == pytest.approx(whole, rel=EQUAL, abs=EQUAL)
        assert sums.variance()[row] == pytest.approx(
            (sites - 1) / sites * float(moves @ moves), rel=EQUAL
        )


def test_weights_do_not_know_who_was_the_pilot() -> None:
    """Whoever it was: the same outcome without an effect has the same noise."""
    tables = drawn(5)
    first = few_dealt(tables).noise(0.0)
    turned = dataclasses.replace(tables, treatment=tables.treatment[::-1])
    other = few_dealt(turned).noise(0.0)
    assert np.array_equal(first.weights, other.weights)
    assert np.array_equal(first.precision, other.precision)


def test_a_true_sharp_null_is_rejected_as_often_as_promised() -> None:
    """Exchangeable sites of unequal size: P(p <= a) is at most a, whatever a."""
    random = np.random.default_rng(8)
    repetitions, sites, periods = 400, 20, 12
    found = []
    for _ in range(repetitions):
        size = random.permutation(random.uniform(0.5, 4, sites))
        outcome = noisy(random, size, periods, 0.7)
        tables = tables_of(outcome, size, (6, 7, 6, 8, 6))
        dealt = deal(tables, draws=199, random=random)
        found.append(gls_test(tables, dealt).p(0.0))
    for wanted in (0.05, 0.1, 0.3, 0.5):
        rate = float(np.mean(np.array(found) <= wanted + 1e-12))
        assert abs(rate - wanted) <= 3 * math.sqrt(wanted * (1 - wanted) / repetitions)


# ------------------------------------------------------------------ the interval


@FEW
@given(
    seed=SEEDS,
    starts=st.sampled_from([(3, 4), (2, 3)]),
    kind=st.sampled_from(["balanced", "unbalanced", "sites of two"]),
    estimator=st.sampled_from([twfe, poisson, imputation]),
)
def test_the_interval_holds_what_is_not_rejected(
    draw: Draw, ask: Ask, seed: int, starts: tuple[int, ...], kind: str, estimator: Estimator
) -> None:
    per_site = 2 if kind == "sites of two" else 1
    panel = draw(
        seed,
        shape=(14 * per_site, 8),
        per_site=per_site,
        starts=starts,
        missing=0.1 if kind == "unbalanced" else 0.0,
        measure="rate",
    )
    found = ask(randomisation_gls(level=LEVEL, draws=DRAWS), estimator, panel)
    assert found.low is not None
    assert found.high is not None
    assert found.p is not None
    assert found.low < found.high
    assert (found.low < 0 < found.high) == (found.p > 1 - LEVEL)


@FEW
@given(seed=SEEDS, factor=st.floats(0.1, 10), shift=st.floats(-5, 5))
def test_scale_and_effects_of_the_outcome_carry_over(
    draw: Draw, ask: Ask, seed: int, factor: float, shift: float
) -> None:
    panel = draw(seed, shape=(14, 8))
    moved = (
        factor * panel.values("outcome")
        + panel.unit_codes**1.5
        - panel.period_codes**2
        + shift * panel.treatment
    )
    rows = panel.rows.with_columns(outcome=pl.Series(moved))
    before = ask(randomisation_gls(level=LEVEL, draws=DRAWS), twfe, panel)
    after = ask(
        randomisation_gls(level=LEVEL, draws=DRAWS), twfe, dataclasses.replace(panel, rows=rows)
    )
    reach = (before.high or 0) - (before.low or 0)
    for end, other in ((before.low, after.low), (before.high, after.high)):
        assert end is not None
        assert other == pytest.approx(factor * end + shift, abs=2 * END * factor * reach)


def test_it_gains_where_noise_lasts() -> None:
    """With a correlation of .8 its intervals are shorter, on the same reassignments."""
    shorter = []
    for seed in range(12):
        random = np.random.default_rng(seed)
        size = np.ones(30)
        outcome = noisy(random, size, 30, 0.8)
        panel = _panel(outcome)
        lengths = []
        for make in (randomisation_gls, randomisation):
            found = make(level=LEVEL, draws=DRAWS)(twfe, panel, twfe(panel), random)
            assert found.low is not None
            assert found.high is not None
            lengths.append(found.high - found.low)
        shorter.append(lengths[0] / lengths[1])
    assert float(np.mean(shorter)) < 0.9


def _panel(outcome: FloatArray) -> Panel:
    sites, periods = outcome.shape
    names = [f"u{i:02d}" for i in range(sites)]
    rows = pl.DataFrame(
        {
            "unit": np.repeat(names, periods),
            "period": np.tile(np.arange(periods), sites),
            "outcome": outcome.ravel(),
            "weight": np.ones(outcome.size),
        }
    )
    adoption = Adoption(
        site={name: name for name in names},
        first_treated=dict.fromkeys(names[:5], periods // 2),
    )
    return Panel(rows=rows, adoption=adoption, calendar=Calendar(frequency="index"), measure="mean")


def test_it_says_where_its_centre_is_and_what_is_tested(draw: Draw, ask: Ask) -> None:
    panel = draw(2, shape=(14, 8))
    found = ask(randomisation_gls(level=LEVEL, draws=DRAWS), twfe, panel)
    assert any("need not hold the estimate" in caveat for caveat in found.caveats)
    assert any("sharp null" in caveat for caveat in found.caveats)


# ------------------------------------------------------------------ refusals


def test_fewer_than_four_pilot_sites_have_no_interval(draw: Draw, ask: Ask) -> None:
    found = ask(randomisation_gls(level=LEVEL, draws=DRAWS), twfe, draw(2, starts=(3,)))
    assert (found.low, found.high, found.p) == (None, None, None)
    assert "fewer than 4 pilot sites" in found.caveats[0]


def test_effects_by_event_time_are_refused_with_the_reason(draw: Draw, ask: Ask) -> None:
    found = ask(randomisation_gls(level=LEVEL, draws=DRAWS), event_study, draw(2))
    assert (found.low, found.high, found.p) == (None, None, None)
    assert "not of each event time" in found.caveats[0]


def test_an_outcome_that_is_fitted_exactly_has_no_interval(draw: Draw, ask: Ask) -> None:
    panel = draw(2, shape=(14, 8))
    rows = panel.rows.with_columns(outcome=pl.Series(1.0 + panel.treatment))
    panel = dataclasses.replace(panel, rows=rows, covariates=())
    found = ask(randomisation_gls(level=LEVEL, draws=DRAWS), twfe, panel)
    assert (found.low, found.high) == (None, None)


@pytest.mark.parametrize(("level", "draws"), [(1.0, 9), (0.0, 9), (0.9, 0)])
def test_settings_that_are_none_are_refused(level: float, draws: int) -> None:
    with pytest.raises(EstimationError):
        randomisation_gls(level=level, draws=draws)


def test_covariates_are_taken_out(draw: Draw) -> None:
    """What a covariate explains is gone before the noise is fitted."""
    panel = draw(9, shape=(14, 8))
    tables = site_tables(collapse(panel), "gaussian")
    moved = dataclasses.replace(tables, outcome=tables.outcome + 5 * tables.covariates[:, :, 0])
    assert few_dealt(tables).p(0.0) == few_dealt(moved).p(0.0)
    assert few_dealt(moved).sums(0.0).coefficient() == pytest.approx(
        few_dealt(tables).sums(0.0).coefficient(), rel=EQUAL
    )
