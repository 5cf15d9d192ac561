"""Inference by the sites of a fit by blocks is the inference by rows, whatever the sizes."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from evaluation.errors import EstimationError
from evaluation.estimators import event_study, poisson, twfe
from evaluation.estimators.absorbed import Absorbed
from evaluation.estimators.by_blocks import regress, treatment_model
from evaluation.estimators.design import build_design, least_squares
from evaluation.estimators.grid import grid_of
from evaluation.estimators.leads_and_lags import lay_out
from evaluation.estimators.poisson_blocks import maximise
from evaluation.findings import BlockFit, Estimator, Fit, Interval, LinearFit
from evaluation.inference.cluster_robust import covariance, cr1, cr2
from evaluation.inference.jackknife import cr3, leave_one_out
from evaluation.inference.moments import moments, turned
from evaluation.inference.rational_root import root_nodes
from evaluation.inference.sandwich import bias_reduced
from evaluation.inference.wild_bootstrap import draw_signs, wild
from evaluation.inference.wild_scores import Scores, linear_flips
from evaluation.inference.wild_signs import Met
from evaluation.panel import Panel

# Two ways to the same number in double precision; the fits themselves agree to some 1e-13.
EQUAL = 1e-10
# The same for what a library's maximum, or a matrix with every dummy inverted, is compared with.
NEARLY = 1e-8
LEVEL = 0.95
KINDS: tuple[Scores, ...] = ("jackknifed", "plain")

SEEDS = st.integers(0, 10_000)
FEW = settings(max_examples=10, deadline=None)
FloatArray = NDArray[np.float64]
Draw = Callable[..., Panel]
Ask = Callable[..., Interval]
Dense = Callable[[LinearFit], tuple[FloatArray, FloatArray]]


def least_squares_blocks(panel: Panel) -> BlockFit:
    """Return the equations by blocks of ``twfe`` and its covariate."""
    model = treatment_model(panel, panel.values("weight"))
    return regress(model, panel.values("outcome")).blocks(panel, np.eye(2))


def poisson_blocks(panel: Panel) -> BlockFit:
    """Return the equations by blocks of ``poisson`` and its covariate."""
    maximum = maximise(treatment_model(panel, panel.values("exposure")), panel.values("count"))
    assert maximum is not None
    return maximum.blocks(panel, np.eye(2, maximum.effects.size, len(panel.periods)))


BY_BLOCKS: dict[Estimator, Callable[[Panel], BlockFit]] = {
    twfe: least_squares_blocks,
    poisson: poisson_blocks,
}


def both(estimator: Estimator, panel: Panel) -> tuple[Fit, Fit]:
    """Return a fit with its equations by rows, and with those by blocks; treatment, covariate."""
    fit = estimator(panel)
    assert fit.linear is not None
    effects = (fit.effect, dataclasses.replace(fit.effect, value=float(fit.linear.coef[1])))
    linear = dataclasses.replace(fit.linear, contrasts=np.eye(2, fit.linear.coef.size))
    whole = dataclasses.replace(fit, effects=effects, linear=linear)
    return whole, dataclasses.replace(whole, linear=None, blocks=BY_BLOCKS[estimator](panel))


def even(panel: Panel, *, weighted: bool) -> Panel:
    """Return the panel with weights that vary in time, or with none."""
    if weighted:
        return panel
    return dataclasses.replace(panel, rows=panel.rows.with_columns(weight=pl.lit(1.0)))


@FEW
# The last period of one site alone, and a site with hardly more rows than only it identifies.
@example(seed=3, per_site=1, missing=0.15, estimator=twfe, weighted=True)
@given(
    seed=SEEDS,
    per_site=st.sampled_from([1, 2, 3]),
    missing=st.sampled_from([0.0, 0.15]),
    estimator=st.sampled_from([twfe, poisson]),
    weighted=st.booleans(),
)
def test_sites_of_few_rows_are_adjusted_as_by_rows(
    draw: Draw, seed: int, per_site: int, missing: float, estimator: Estimator, weighted: bool
) -> None:
    panel = draw(seed, shape=(15, 6), per_site=per_site, missing=missing, measure="rate")
    rows, blocks = both(estimator, even(panel, weighted=weighted))
    for kind in ("cr0", "cr2"):
        wanted = covariance(rows, kind=kind)
        assert covariance(blocks, kind=kind) == pytest.approx(wanted, rel=NEARLY)
    assert rows.linear is not None
    assert blocks.blocks is not None
    assert bias_reduced(blocks.blocks).df == pytest.approx(bias_reduced(rows.linear).df, rel=NEARLY)


@pytest.mark.parametrize("estimator", [twfe, poisson])
@pytest.mark.parametrize("weighted", [True, False])
@pytest.mark.parametrize("missing", [0.0, 0.1])
def test_sites_of_many_rows_are_adjusted_by_definition(
    draw: Draw, dense_cr2: Dense, estimator: Estimator, weighted: bool, missing: float
) -> None:
    # 11 units by 22 periods a site: past 200 rows a site is adjusted by shifts of its blocks, in
    # equations by rows too. A period of its own is identified by one site alone.
    panel = draw(5, shape=(55, 22), per_site=11, starts=(9,), missing=missing, measure="rate")
    alone = (pl.col("period") == 20) & (pl.col("unit") > "u10")
    panel = even(dataclasses.replace(panel, rows=panel.rows.filter(~alone)), weighted=weighted)
    rows, blocks = both(estimator, panel)
    assert rows.linear is not None
    assert blocks.blocks is not None
    assert np.bincount(rows.linear.cluster).min() > 200
    squares, moments = dense_cr2(rows.linear)
    df = np.array([np.trace(m) ** 2 / np.trace(m @ m) for m in moments])
    for equations, close in ((rows.linear, EQUAL), (blocks.blocks, NEARLY)):
        found = bias_reduced(equations)
        assert found.covariance.diagonal() == pytest.approx(squares, rel=close)
        assert found.df == pytest.approx(df, rel=close)


def test_an_event_study_is_adjusted_as_by_rows(draw: Draw) -> None:
    panel = draw(9, shape=(54, 12), per_site=9, starts=(5, 7), missing=0.05)
    fit = event_study(panel, bin_ends=3)
    assert fit.linear is not None
    form = lay_out(panel, 3, apart=True)
    model = Absorbed(
        grid=grid_of(panel),
        weights=panel.values("weight"),
        covariates=(panel.values("x"),),
        member=form.member,
        columns=form.columns,
        used=form.used,
        own=np.ones((12, 1)),
    )
    regressed = regress(model, panel.values("outcome"))
    known = regressed.identified[:-1]
    shares = form.contrasts(form.averages(panel, overall=False), known)
    blocks = regressed.blocks(panel, np.column_stack([shares, np.zeros(shares.shape[0])]))
    found, wanted = bias_reduced(blocks), bias_reduced(fit.linear)
    assert found.covariance == pytest.approx(wanted.covariance, rel=1e-7, abs=1e-12)
    assert found.df == pytest.approx(wanted.df, rel=NEARLY)


SHAPES = [
    {"shape": (16, 6)},
    {"shape": (24, 7), "per_site": 3, "missing": 0.12},
    {"shape": (14, 9), "per_site": 2, "starts": (4,), "missing": 0.05},
]


@pytest.mark.parametrize("options", SHAPES)
@pytest.mark.parametrize("estimator", [twfe, poisson])
def test_procedures_give_what_they_give_by_rows(
    draw: Draw, estimator: Estimator, options: dict[str, object]
) -> None:
    panel = draw(21, measure="rate", **options)
    fits = both(estimator, panel)
    for focal in (0, 1):
        rows, blocks = (fit.focused(focal) for fit in fits)
        without = leave_one_out(estimator, panel, blocks)
        wanted = leave_one_out(estimator, panel, rows)
        assert list(without) == list(wanted)
        assert list(without.values()) == pytest.approx(list(wanted.values()), rel=1e-9)
        for procedure in (
            cr1(level=LEVEL),
            cr2(level=LEVEL),
            cr3(level=LEVEL),
            wild(level=LEVEL, draws=399),
            wild(level=LEVEL, draws=399, scores="plain"),
        ):
            one, other = (
                procedure(estimator, panel, fit, np.random.default_rng(4)) for fit in (rows, blocks)
            )
            for name in ("low", "high", "p", "std_error", "df"):
                value = getattr(one, name)
                assert getattr(other, name) == (
                    None if value is None else pytest.approx(value, rel=1e-6)
                )
            assert other.caveats == one.caveats


@pytest.mark.parametrize("estimator", [twfe, poisson])
def test_units_without_covariates_need_no_tables(draw: Draw, estimator: Estimator) -> None:
    # Predictors are then one course a group of units, and the leave-one-out maxima sums of these.
    panel = draw(23, shape=(24, 8), per_site=2, missing=0.1, measure="rate")
    panel = dataclasses.replace(panel, covariates=())
    fit = estimator(panel)
    if estimator is twfe:
        model = treatment_model(panel, panel.values("weight"))
        blocks = regress(model, panel.values("outcome")).blocks(panel, np.eye(1))
    else:
        maximum = maximise(treatment_model(panel, panel.values("exposure")), panel.values("count"))
        assert maximum is not None
        blocks = maximum.blocks(panel, np.eye(1, maximum.effects.size, 8))
    found = leave_one_out(estimator, panel, dataclasses.replace(fit, linear=None, blocks=blocks))
    wanted = leave_one_out(estimator, panel, fit)
    assert found == pytest.approx(wanted, rel=1e-9)


@pytest.mark.parametrize("estimator", [twfe, poisson])
def test_a_period_that_one_site_alone_has_is_no_loss(draw: Draw, estimator: Estimator) -> None:
    panel = draw(8, shape=(15, 6), per_site=3, starts=(3,), measure="rate")
    alone = (pl.col("period") == 5) & (pl.col("unit") > "u02")
    panel = dataclasses.replace(panel, rows=panel.rows.filter(~alone))
    rows, blocks = both(estimator, panel)
    wanted = leave_one_out(estimator, panel, rows)
    assert leave_one_out(estimator, panel, blocks) == pytest.approx(wanted, rel=1e-9)
    for procedure in (cr2(level=LEVEL), wild(level=LEVEL, draws=99)):
        one, other = (
            procedure(estimator, panel, fit, np.random.default_rng(4)) for fit in (rows, blocks)
        )
        assert other.p == pytest.approx(one.p, rel=1e-6)


@pytest.mark.parametrize("missing", [0.0, 0.02])
def test_fits_past_the_limit_have_every_procedure(draw: Draw, missing: float) -> None:
    # 1,200 units by 60 periods, 24 a site.
    panel = draw(41, shape=(1200, 60), per_site=24, starts=(30,), missing=missing, measure="rate")
    panel = dataclasses.replace(panel, covariates=())
    for estimator in (twfe, poisson):
        fit = estimator(panel)
        assert fit.linear is None
        for procedure in (cr2(level=LEVEL), cr3(level=LEVEL), wild(level=LEVEL, draws=199)):
            interval = procedure(estimator, panel, fit, np.random.default_rng(1))
            assert interval.low is not None
            assert interval.high is not None
            assert interval.low < fit.effect.value < interval.high
    # The same equations held as a matrix, every column a table of its own.
    design = build_design(panel, panel.treatment[:, None], weights=panel.values("weight"))
    linear, blocks = least_squares(design, panel.values("outcome")), twfe(panel).blocks
    assert blocks is not None
    found, wanted = bias_reduced(blocks), bias_reduced(linear)
    assert found.covariance == pytest.approx(wanted.covariance, rel=EQUAL)
    assert found.df == pytest.approx(wanted.df, rel=EQUAL)


def test_a_site_that_alone_identifies_the_effect_is_named(draw: Draw) -> None:
    panel = draw(2, measure="rate").site_alone("s01")
    for estimator in (twfe, poisson):
        _, blocks = both(estimator, panel)
        with pytest.raises(EstimationError, match="without the site 's01'"):
            leave_one_out(estimator, panel, blocks)


def test_an_exact_fit_is_refused(draw: Draw) -> None:
    panel = draw(1, starts=(3,), shape=(8, 6))
    exact = panel.rows.with_columns(outcome=pl.col("period") * 2.0 + pl.Series(panel.treatment))
    panel = dataclasses.replace(panel, rows=exact)
    fit = dataclasses.replace(twfe(panel), linear=None, blocks=least_squares_blocks(panel))
    for procedure in (cr2(level=LEVEL), cr3(level=LEVEL), wild(level=LEVEL, draws=99)):
        with pytest.raises(EstimationError, match="fits every observation exactly"):
            procedure(twfe, panel, fit, np.random.default_rng(0))


def test_more_than_memory_holds_is_refused_with_sizes(draw: Draw, ask: Ask) -> None:
    with pytest.raises(EstimationError, match=r"would take 7\.7 GB\. Allowed: 4\.0 GB"):
        ask(wild(level=LEVEL, draws=10**8), twfe, draw(1, shape=(13, 6)))


def test_many_sites_meet_columns_and_few_meet_one_another(draw: Draw) -> None:
    # 60 sites and 6 columns: what signs do is multiplied out, and no matrix of sites is formed.
    linear = twfe(draw(11, shape=(60, 5), missing=0.05)).linear
    assert linear is not None
    null = turned(moments(linear), 0)
    signs = draw_signs(60, draws=500, random=np.random.default_rng(3))
    for kind in KINDS:
        found = linear_flips(null, kind)
        assert found.residuals.shape[1] > 2 * found.projected.shape[1] + 1
        residuals = found.residuals
        for distance in (0.3, -2.0):
            scores = signs.values @ (residuals[0] + distance * residuals[1]).T
            moves = signs.values @ (found.moves @ [1.0, distance])
            far = moves**2 / (scores**2).sum(axis=1) >= distance**2 / found.square
            assert Met(found, signs).verdict(distance).p == (1 + far.sum()) / 501


@given(
    low=st.floats(1e-12, 1e6),
    ratio=st.floats(1.0, 1e18),
    at=st.floats(0.0, 1.0),
)
def test_the_inverse_root_is_a_sum_of_shifted_inverses(low: float, ratio: float, at: float) -> None:
    shifts, factors = root_nodes(low, low * ratio)
    value = low * ratio**at
    assert (factors / (value + shifts)).sum() == pytest.approx(value**-0.5, rel=1e-13)
    assert shifts.size <= 80
