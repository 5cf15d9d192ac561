"""Identities of CR1 and CR2."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import polars as pl
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats

from evaluation.errors import EstimationError
from evaluation.estimators import event_study, poisson, twfe
from evaluation.findings import Estimator, Interval, LinearFit
from evaluation.inference.cluster_robust import covariance, cr1, cr2
from evaluation.panel import Adoption, Panel

# Two ways to the same variance in double precision; roots of small eigenvalues lose some digits.
EQUAL = 1e-8

LEVEL = 0.95
FEW = settings(max_examples=12, deadline=None)
SEEDS = st.integers(0, 10_000)
FloatArray = NDArray[np.float64]
Dense = Callable[[LinearFit], tuple[FloatArray, FloatArray]]
Draw = Callable[..., Panel]
Ask = Callable[..., Interval]


@FEW
# One pilot site is left with as many rows as only it identifies, and so is fitted exactly.
@example(seed=942, per_site=1, missing=0.15, asked=(event_study, False))
@given(
    seed=SEEDS,
    per_site=st.sampled_from([1, 2, 3]),
    missing=st.sampled_from([0.0, 0.15]),
    asked=st.tuples(st.sampled_from([twfe, event_study, poisson]), st.booleans()),
)
def test_cr2_is_its_definition_with_every_dummy(
    draw: Draw,
    dense_cr2: Dense,
    seed: int,
    per_site: int,
    missing: float,
    asked: tuple[Estimator, bool],
) -> None:
    estimator, weighted = asked
    panel = draw(
        seed, per_site=per_site, starts=(3,), missing=missing, measure="rate", shape=(14, 6)
    )
    if not weighted:
        panel = dataclasses.replace(panel, rows=panel.rows.with_columns(weight=pl.lit(1.0)))
    # No pilot unit may be left in the reference period: no event study then.
    assume((panel.event_time == -1).any())
    fit = estimator(panel)
    assert fit.linear is not None
    variances, moments = dense_cr2(fit.linear)
    df = np.trace(moments, axis1=1, axis2=2) ** 2 / (moments**2).sum(axis=(1, 2))
    for index in range(len(fit.effects)):
        found = cr2(level=LEVEL)(estimator, panel, fit.focused(index), np.random.default_rng(0))
        if np.isnan(fit.effects[index].value):
            assert found.std_error is None
            continue
        assert found.std_error == pytest.approx(variances[index] ** 0.5, rel=EQUAL)
        assert found.df == pytest.approx(df[index], rel=EQUAL)


def two_periods(draw: Draw, *, pilots: int, units: int) -> tuple[Panel, FloatArray, FloatArray]:
    """Return a panel of one-unit sites, and the changes of pilot and of comparison units."""
    panel = draw(units, starts=(), shape=(units, 2))
    names = panel.units[:pilots]
    panel = dataclasses.replace(
        panel,
        rows=panel.rows.with_columns(weight=pl.lit(1.0)),
        adoption=Adoption(site=panel.adoption.site, first_treated=dict.fromkeys(names, 1)),
        covariates=(),
    )
    change = np.diff(panel.values("outcome").reshape(units, 2), axis=1).ravel()
    return panel, change[:pilots], change[pilots:]


@pytest.mark.parametrize(("pilots", "units"), [(2, 5), (3, 12), (6, 39), (9, 42)])
def test_cr2_with_two_periods_is_welch(draw: Draw, ask: Ask, pilots: int, units: int) -> None:
    panel, treated, others = two_periods(draw, pilots=pilots, units=units)
    found = ask(cr2(level=LEVEL), twfe, panel)
    welch = stats.ttest_ind(treated, others, equal_var=False)
    value = twfe(panel).effect.value
    assert found.std_error is not None
    assert value / found.std_error == pytest.approx(welch.statistic, rel=EQUAL)
    # Welch's degrees of freedom with the two variances taken to be equal, the working model.
    shares = np.array([1 / treated.size, 1 / others.size])
    df = shares.sum() ** 2 / (shares**2 / (np.array([treated.size, others.size]) - 1)).sum()
    assert found.df == pytest.approx(df, rel=EQUAL)
    reach = stats.t.ppf(0.5 + LEVEL / 2, df) * found.std_error
    assert (found.low, found.high) == pytest.approx((value - reach, value + reach), rel=EQUAL)
    assert found.p == pytest.approx(2 * stats.t.sf(abs(welch.statistic), df), rel=1e-6)


@pytest.mark.parametrize("weighted", [False, True])
def test_cr1_is_the_clustered_covariance_of_linearmodels_up_to_its_factor(
    draw: Draw, weighted: bool
) -> None:
    import pandas as pd
    from linearmodels.panel import PanelOLS

    panel = draw(8, starts=(3,), missing=0.1, shape=(12, 7))
    if not weighted:
        panel = dataclasses.replace(panel, rows=panel.rows.with_columns(weight=pl.lit(1.0)))
    index = pd.MultiIndex.from_arrays([panel.unit_codes, panel.period_codes])
    slopes = np.column_stack([panel.treatment, panel.values("x")])
    other = PanelOLS(
        pd.DataFrame({"y": panel.values("outcome")}, index=index),
        pd.DataFrame(slopes, index=index, columns=["d", "x"]),
        weights=pd.DataFrame({"w": panel.values("weight")}, index=index),
        entity_effects=True,
        time_effects=True,
    ).fit(cov_type="clustered", cluster_entity=True)
    n, columns, sites = panel.rows.height, 2 + 12 + 6, 12
    # linearmodels: n / (n - every column, unit dummies too), and no G/(G-1).
    factor = (sites / (sites - 1)) / (n / (n - columns))
    linear = twfe(panel).linear
    assert linear is not None
    assert covariance(linear, kind="cr1")[0, 0] == pytest.approx(
        factor * other.cov.to_numpy()[0, 0], rel=EQUAL
    )


@FEW
@given(seed=SEEDS, factor=st.floats(0.01, 100))
def test_effects_are_absorbed_and_scale_carries_over(draw: Draw, seed: int, factor: float) -> None:
    panel = draw(seed, missing=0.1)
    random = np.random.default_rng([seed, 1])
    shift = random.normal(0, 50, len(panel.units))[panel.unit_codes]
    shift += random.normal(0, 50, len(panel.periods))[panel.period_codes]
    outcome = factor * panel.values("outcome") + shift
    moved = dataclasses.replace(panel, rows=panel.rows.with_columns(outcome=pl.Series(outcome)))
    fits = [twfe(p).linear for p in (panel, moved)]
    for kind in ("cr1", "cr2"):
        before, after = (covariance(fit, kind=kind)[0, 0] ** 0.5 for fit in fits if fit is not None)
        assert after == pytest.approx(factor * before, rel=1e-6)


@pytest.mark.parametrize("estimator", [twfe, event_study, poisson])
def test_the_order_of_rows_and_codes_moves_nothing(draw: Draw, estimator: Estimator) -> None:
    linear = estimator(draw(9, per_site=2, starts=(3,), measure="rate", shape=(14, 6))).linear
    assert linear is not None
    random = np.random.default_rng(0)
    order = random.permutation(linear.residual.size)
    new_site, new_unit = random.permutation(7), random.permutation(14)
    shuffled = dataclasses.replace(
        linear,
        x=linear.x[order],
        residual=linear.residual[order],
        weights=linear.weights[order],
        cluster=new_site[linear.cluster[order]],
        unit=new_unit[linear.unit[order]],
    )
    for kind in ("cr0", "cr1", "cr2"):
        assert covariance(shuffled, kind=kind) == pytest.approx(
            covariance(linear, kind=kind), rel=EQUAL
        )


def test_a_unit_twice_in_its_site_moves_no_interval(draw: Draw, ask: Ask) -> None:
    panel = draw(10)
    panel = dataclasses.replace(panel, rows=panel.rows.with_columns(weight=pl.lit(1.0)))
    twin = {name: f"{name}b" for name in panel.units}
    site, start = panel.adoption.site, panel.adoption.first_treated
    doubled = dataclasses.replace(
        panel,
        rows=pl.concat([panel.rows, panel.rows.with_columns(unit=pl.col("unit").replace(twin))]),
        adoption=Adoption(
            site={**site, **{twin[u]: s for u, s in site.items()}},
            first_treated={**start, **{twin[u]: g for u, g in start.items()}},
        ),
    )
    for procedure in (cr1(level=LEVEL), cr2(level=LEVEL)):
        once, twice = (ask(procedure, twfe, p) for p in (panel, doubled))
        assert twice.std_error == pytest.approx(once.std_error, rel=EQUAL)
        assert twice.df == pytest.approx(once.df, rel=EQUAL)


@FEW
@given(seed=SEEDS)
def test_cr2_is_unbiased_under_its_working_model(draw: Draw, dense_cr2: Dense, seed: int) -> None:
    # The expected variance is the trace of the moments; the true one is that of least squares.
    panel = draw(seed, missing=0.1)
    panel = dataclasses.replace(panel, rows=panel.rows.with_columns(weight=pl.lit(1.0)))
    fit = twfe(panel)
    assert fit.linear is not None
    truth = np.linalg.inv(fit.linear.x.T @ fit.linear.x)[0, 0]
    assert np.trace(dense_cr2(fit.linear)[1][0]) == pytest.approx(truth, rel=EQUAL)


def test_an_event_study_is_adjusted_once_for_all_its_event_times(draw: Draw) -> None:
    linear = event_study(draw(11)).linear
    assert linear is not None
    assert covariance(linear, kind="cr2") is covariance(linear, kind="cr2")


def test_an_event_time_that_is_not_identified_has_no_interval(draw: Draw, ask: Ask) -> None:
    panel = draw(1, starts=(3,))
    alone = (pl.col("period") == 5) & (pl.col("unit") != "u00")
    part = dataclasses.replace(panel, rows=panel.rows.filter(~alone))
    fit = event_study(part)
    where = [effect.group for effect in fit.effects].index("2")
    found = ask(cr2(level=LEVEL), event_study, part, where)
    assert (found.low, found.high, found.p, found.std_error) == (None, None, None, None)
    assert "not identified" in found.caveats[0]
    assert fit.linear is not None
    others = np.delete(np.arange(len(fit.effects)), where)
    assert np.isfinite(covariance(fit.linear, kind="cr2")[np.ix_(others, others)]).all()


def test_cr1_says_what_it_is_and_few_sites_are_named(draw: Draw, ask: Ask) -> None:
    many, few = draw(1, starts=(3, 4)), draw(1, starts=(3,))
    said = ask(cr1(level=LEVEL), twfe, many).caveats
    assert len(said) == 1
    assert "G/(G-1)" in said[0]
    assert "8 to 10%" in said[0]
    assert ask(cr2(level=LEVEL), twfe, many).caveats == ()
    assert "Rests on 2 pilot sites" in ask(cr2(level=LEVEL), twfe, few).caveats[0]


def test_one_pilot_and_one_comparison_site_have_no_interval(draw: Draw, ask: Ask) -> None:
    panel = draw(1, starts=(), shape=(2, 6))
    equal = panel.rows.with_columns(weight=pl.lit(1.0))
    panel = dataclasses.replace(panel, rows=equal, covariates=())
    one = Adoption(site=panel.adoption.site, first_treated={"u00": 3})
    found = ask(cr2(level=LEVEL), twfe, panel.with_adoption(one))
    assert (found.low, found.p) == (None, None)
    assert "fitted exactly" in found.caveats[0]


def test_an_exact_fit_and_a_single_site_are_errors(draw: Draw, ask: Ask) -> None:
    panel = draw(1, starts=(3,), shape=(4, 6))
    exact = panel.rows.with_columns(outcome=pl.col("period") * 2.0 + pl.Series(panel.treatment))
    with pytest.raises(EstimationError, match="fits every observation exactly"):
        ask(cr2(level=LEVEL), twfe, dataclasses.replace(panel, rows=exact))
    together = Adoption(
        site=dict.fromkeys(panel.units, "all"), first_treated=panel.adoption.first_treated
    )
    with pytest.raises(EstimationError, match="one site only"):
        ask(cr1(level=LEVEL), twfe, panel.with_adoption(together))


def test_levels_and_fits_that_cannot_be_used_are_refused(draw: Draw) -> None:
    with pytest.raises(EstimationError, match="between 0 and 1"):
        cr2(level=95)
    panel = draw(1)
    bare = dataclasses.replace(twfe(panel), linear=None)
    with pytest.raises(EstimationError, match="cr1 needs estimating equations"):
        cr1(level=LEVEL)(twfe, panel, bare, np.random.default_rng(0))


def test_a_wider_level_holds_a_narrower_one(draw: Draw, ask: Ask) -> None:
    panel = draw(12)
    wide, narrow = (ask(cr2(level=level), twfe, panel) for level in (0.99, 0.8))
    assert wide.p == narrow.p
    assert wide.low is not None
    assert narrow.low is not None
    assert wide.low < narrow.low


def test_linear_fits_can_be_remembered(draw: Draw) -> None:
    fits: list[LinearFit] = [fit for fit in (twfe(draw(1)).linear, twfe(draw(1)).linear) if fit]
    assert len({*fits}) == 2
