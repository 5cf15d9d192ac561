"""Regression by blocks of units is the same regression: coefficients, influence, what is told."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import polars as pl
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from evaluation.errors import EstimationError
from evaluation.estimators import event_study, poisson, twfe
from evaluation.estimators.absorbed import Absorbed
from evaluation.estimators.by_blocks import (
    is_large,
    redundant,
    regress,
    sum_by_site,
    treatment_model,
)
from evaluation.estimators.design import build_design, least_squares
from evaluation.estimators.panel_ols import panel_ols
from evaluation.estimators.poisson_blocks import maximise
from evaluation.findings import Interval, LinearFit
from evaluation.inference.cluster_robust import covariance, cr1
from evaluation.panel import Adoption, Panel

# Two ways to the same number in double precision.
EQUAL = 1e-10

SEEDS = st.integers(0, 10_000)
FEW = settings(max_examples=12, deadline=None)
Draw = Callable[..., Panel]
Ask = Callable[..., Interval]
Array = np.ndarray


def two_way(panel: Panel) -> Absorbed:
    """Return the regression of ``twfe``."""
    return treatment_model(panel, panel.values("weight"))


@FEW
@given(seed=SEEDS, missing=st.sampled_from([0.0, 0.2]), per_site=st.sampled_from([1, 2]))
def test_small_panels_give_what_twfe_gives(
    draw: Draw, seed: int, missing: float, per_site: int
) -> None:
    panel = draw(seed, shape=(14, 6), missing=missing, per_site=per_site)
    regressed, fit = regress(two_way(panel), panel.values("outcome")), twfe(panel)
    contrast = np.eye(2)
    assert fit.linear is not None
    assert regressed.values(contrast) == pytest.approx(fit.linear.coef[:2], abs=EQUAL)
    assert regressed.identified.all()
    influence = regressed.influence(panel, contrast[:1])
    plain = covariance(fit, kind="cr0")
    assert influence.T @ influence == pytest.approx(plain, rel=1e-8)


@FEW
@given(seed=SEEDS)
def test_what_is_redundant_is_told(draw: Draw, seed: int) -> None:
    panel = draw(seed, missing=0.1)
    level = panel.unit_codes * 2.0 - panel.period_codes
    rows = panel.rows.with_columns(level=pl.Series(level), twice=2 * pl.col("x") + pl.Series(level))
    more = dataclasses.replace(panel, rows=rows, covariates=("level", "x", "twice"))
    regressed = regress(two_way(more), panel.values("outcome"))
    assert redundant(regressed.equations, more.covariates, 6) == ["level", "twice"]
    assert regressed.identified.tolist() == [True, False, False, False]
    assert regressed.values(np.eye(1, 4)) == pytest.approx([twfe(panel).effect.value], abs=EQUAL)


# ------------------------------------------------------------------ above the limit


@pytest.fixture(scope="module", params=[0.0, 0.03])
def large(request: pytest.FixtureRequest, draw: Draw) -> Panel:
    """Return 1,200 units in sites of two over 60 periods, with weights and a covariate."""
    panel = draw(
        31, shape=(1200, 60), per_site=2, starts=(30, 34) * 20, missing=float(request.param)
    )
    assert is_large(panel, 1)
    assert panel.is_balanced == (request.param == 0)
    return panel


def linear_of(panel: Panel, focal: Array) -> tuple[LinearFit, Array]:
    """Return the equations and linearmodels' coefficients of a design held as a matrix."""
    design = build_design(panel, focal, weights=panel.values("weight"))
    outcome = panel.values("outcome")
    return least_squares(design, outcome), panel_ols(design, outcome)


def test_twfe_is_linearmodels(large: Panel, ask: Ask) -> None:
    linear, slopes = linear_of(large, large.treatment[:, None])
    fit = twfe(large)
    assert fit.linear is None
    assert fit.effect.value == pytest.approx(slopes[0], abs=EQUAL)
    squares = covariance(dataclasses.replace(fit, linear=linear, influence=None), kind="cr1")
    found = ask(cr1(level=0.95), twfe, large)
    assert found.std_error == pytest.approx(squares[0, 0] ** 0.5, rel=1e-9)
    assert found.df == len(large.sites) - 1
    treated = large.treated
    mean = np.average(large.values("outcome")[treated], weights=large.values("weight")[treated])
    assert fit.effect.observed == pytest.approx(mean)
    assert (fit.n_obs, fit.n_sites, fit.n_pilot_sites) == (large.rows.height, 600, 80)
    assert "by blocks of units" in fit.caveats[-1]


def test_a_dose_is_linearmodels(large: Panel) -> None:
    dose = large.treatment * np.random.default_rng(1).uniform(1, 3, large.rows.height)
    panel = dataclasses.replace(large, rows=large.rows.with_columns(dose=pl.Series(dose)))
    _, slopes = linear_of(panel, dose[:, None])
    fit = twfe(panel)
    assert fit.effect.value == pytest.approx(slopes[0], abs=EQUAL)
    assert fit.effect.observed is None
    assert fit.n_pilot_sites == 80


def test_an_event_study_is_linearmodels(large: Panel) -> None:
    fit = event_study(large, bin_ends=3, with_averages=True)
    times, starts = np.clip(large.event_time, -3, 3), large.first_treated
    cells = [(g, e) for g in (30, 34) for e in range(-3, 4) if e != -1]
    focal = np.array([(starts == g) & (times == e) for g, e in cells], dtype=float).T
    linear, slopes = linear_of(large, focal)
    weight, shares = large.values("weight"), []
    for effect in fit.effects:
        rows = {
            "overall": large.treated,
            "cohort": large.treated & (starts == float(effect.group or "nan")),
            "calendar": large.treated & (large.rows["period"].to_numpy() == int(effect.group or 0)),
            "event_time": times == float(effect.group or "nan"),
        }[effect.estimand]
        shares.append(weight[rows] @ focal[rows] / weight[rows].sum())
    values = [effect.value for effect in fit.effects]
    assert values == pytest.approx(np.array(shares) @ slopes[: len(cells)], abs=EQUAL)
    contrasts = np.zeros((len(shares), linear.coef.size))
    contrasts[:, : len(cells)] = shares
    plain = covariance(
        dataclasses.replace(
            fit, linear=dataclasses.replace(linear, contrasts=contrasts), influence=None
        ),
        kind="cr0",
    )
    assert fit.influence is not None
    assert fit.influence.T @ fit.influence == pytest.approx(plain, rel=1e-7, abs=1e-12)


def test_no_comparison_is_refused_at_any_size(large: Panel) -> None:
    everybody = dataclasses.replace(
        large.adoption, first_treated=dict.fromkeys(large.adoption.site, 30)
    )
    with pytest.raises(EstimationError, match="there is no comparison"):
        twfe(large.with_adoption(everybody))
    with pytest.raises(EstimationError, match="every unit adopts"):
        event_study(large.with_adoption(everybody))


# ------------------------------------------------------------------ Poisson


@FEW
@given(seed=SEEDS, missing=st.sampled_from([0.0, 0.15]), per_site=st.sampled_from([1, 2]))
def test_the_poisson_maximum_is_that_of_statsmodels(
    draw: Draw, seed: int, missing: float, per_site: int
) -> None:
    panel = draw(seed, shape=(14, 6), measure="rate", missing=missing, per_site=per_site)
    fit = poisson(panel)
    assume(fit.n_obs == panel.rows.height)
    maximum = maximise(treatment_model(panel, panel.values("exposure")), panel.values("count"))
    assert maximum is not None
    assert fit.linear is not None
    slopes = np.eye(8)[6:]
    assert slopes @ maximum.effects == pytest.approx(fit.linear.coef[:2], abs=1e-8)
    scores = maximum.unit_scores(maximum.solved.inverse @ slopes[:1].T)
    influence = sum_by_site(panel, scores)
    assert influence.T @ influence == pytest.approx(covariance(fit, kind="cr0"), rel=1e-6)


@pytest.mark.parametrize("times", [15, 40])
@pytest.mark.parametrize("missing", [0.0, 0.03])
def test_units_that_are_there_many_times_change_no_poisson_fit(
    draw: Draw, ask: Ask, times: int, missing: float
) -> None:
    # Once for statsmodels, 15 times for the maximum by blocks with equations, 40 times without.
    panel = draw(32, shape=(30, 60), measure="rate", starts=(30, 40), missing=missing)
    often = repeated(panel, times)
    cells = often.rows.height * (len(often.units) + 60)
    assert cells > 8_000_000
    assert is_large(often, 1) == (times == 40)
    once, many = poisson(panel), poisson(often)
    assert many.effect.value == pytest.approx(once.effect.value, abs=1e-8)
    assert many.effect.observed == pytest.approx(once.effect.observed)
    assert (many.linear is None) == (times == 40)
    assert many.n_units == times * once.n_units
    assert many.n_pilot_sites == once.n_pilot_sites
    found, wanted = (ask(cr1(level=0.95), poisson, p) for p in (often, panel))
    assert found.std_error == pytest.approx(wanted.std_error, rel=1e-6)
    assert found.df == wanted.df


def repeated(panel: Panel, times: int) -> Panel:
    """Return the panel with every unit there many times, all in the unit's own site."""
    adoption = panel.adoption
    names = {unit: [f"{unit}x{i:02d}" for i in range(times)] for unit in panel.units}
    copies = [
        panel.rows.with_columns(unit=pl.col("unit") + pl.lit(f"x{i:02d}")) for i in range(times)
    ]
    starts = adoption.first_treated
    return dataclasses.replace(
        panel,
        rows=pl.concat(copies),
        adoption=Adoption(
            site={name: adoption.site[unit] for unit in names for name in names[unit]},
            first_treated={name: starts[unit] for unit in starts for name in names[unit]},
        ),
    )


def test_rare_events_are_counted_out_and_the_rest_is_fitted(draw: Draw, ask: Ask) -> None:
    panel = draw(33, shape=(40, 60), measure="rate", starts=(30, 40))
    silent = pl.col("unit").is_in(["u05", "u39"]) | (pl.col("period") == 7)
    rows = panel.rows.with_columns(count=pl.when(silent).then(0.0).otherwise("count"))
    panel = dataclasses.replace(panel, rows=rows, covariates=())
    once, many = poisson(panel), poisson(repeated(panel, 30))
    assert many.linear is None
    assert many.effect.value == pytest.approx(once.effect.value, abs=1e-8)
    assert many.n_obs == 30 * once.n_obs
    assert (many.n_units, many.n_sites) == (30 * once.n_units, once.n_sites)
    assert "60 units have no event" in many.caveats[1]
    found, wanted = (ask(cr1(level=0.95), poisson, p) for p in (repeated(panel, 30), panel))
    assert found.std_error == pytest.approx(wanted.std_error, rel=1e-6)


def test_no_events_among_the_treated_is_refused_at_any_size(draw: Draw) -> None:
    panel = draw(34, shape=(40, 60), measure="rate", starts=(30,))
    rows = panel.rows.with_columns(
        count=pl.when(pl.Series(panel.treated)).then(0.0).otherwise("count")
    )
    panel = dataclasses.replace(panel, rows=rows, covariates=())
    with pytest.raises(EstimationError, match="the counts that carry the effect are all zero"):
        poisson(repeated(panel, 30))
