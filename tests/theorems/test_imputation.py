"""Identities of imputation, of its weights and of their variance, against brute force."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import polars as pl
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from evaluation.errors import EstimationError
from evaluation.estimators import imputation, twfe
from evaluation.estimators.pretrend import pretrend_leads
from evaluation.findings import Fit
from evaluation.panel import Adoption, Panel

# Two ways to the same number in double precision on some hundred rows.
EQUAL = 1e-9

SEEDS = st.integers(0, 10_000)
FEW = settings(max_examples=10, deadline=None)
Draw = Callable[..., Panel]
Array = np.ndarray


def untreated_design(panel: Panel, seasonality: int | None = None) -> Array:
    unit, period = panel.unit_codes, panel.period_codes
    units = (unit[:, None] == np.arange(len(panel.units))).astype(float)
    columns = [units, (period[:, None] == np.arange(1, len(panel.periods))).astype(float)]
    columns += [panel.values(name)[:, None] for name in panel.covariates]
    if seasonality is not None:
        angle = 2 * np.pi * panel.rows["period"].to_numpy() / seasonality
        columns += [units * np.cos(angle)[:, None], units * np.sin(angle)[:, None]]
    return np.hstack(columns)


def imputation_weights(panel: Panel, chosen: Array, seasonality: int | None = None) -> Array:
    """Return v: what each observation weighs in the average over the ``chosen`` treated ones."""
    z, weight = untreated_design(panel, seasonality), panel.values("weight")
    untreated = ~panel.treated
    own = weight * chosen / weight[chosen].sum()
    root = np.sqrt(weight[untreated])
    # Least squares' answer is linear in the untreated outcomes: the adjoint, by pseudo-inverse.
    reach = np.linalg.pinv(z[untreated] * root[:, None], rcond=1e-10).T @ (z.T @ own)
    weights = own.copy()
    weights[untreated] = -reach * root
    return np.asarray(weights)


def chosen_rows(panel: Panel, estimand: str, group: str) -> Array:
    treated = panel.treated
    if estimand == "group_time":
        start, period = group.split(":")
        cohort, calendar = (
            chosen_rows(panel, kind, name)
            for kind, name in (("cohort", start), ("calendar", period))
        )
        return np.asarray(cohort & calendar)
    if estimand == "cohort":
        return np.asarray(treated & (panel.first_treated == float(group)))
    if estimand == "calendar":
        return np.asarray(treated & (panel.rows["period"].to_numpy() == int(group)))
    if estimand == "event_time":
        return np.asarray(treated & (panel.event_time == float(group)))
    return treated


@FEW
@given(seed=SEEDS, missing=st.sampled_from([0.0, 0.15]))
def test_it_is_the_mean_of_outcomes_less_those_imputed_by_dense_least_squares(
    draw: Draw, seed: int, missing: float
) -> None:
    panel = draw(seed, missing=missing)
    fit = imputation(panel, by_cell=True)
    assume(not fit.caveats)  # a unit never seen untreated is left out: below
    for effect in fit.effects:
        rows = chosen_rows(panel, effect.estimand, effect.group)
        outcome = panel.values("outcome")
        dense = imputation_weights(panel, rows) @ outcome
        assert effect.value == pytest.approx(dense, abs=EQUAL)
        seen = np.average(outcome[rows], weights=panel.values("weight")[rows])
        assert effect.observed == pytest.approx(seen)
        assert effect.n_pilot_sites == np.unique(panel.site_codes[rows]).size


@FEW
@given(seed=SEEDS, missing=st.sampled_from([0.0, 0.1]))
def test_each_unit_may_have_a_season_of_its_own(draw: Draw, seed: int, missing: float) -> None:
    panel = draw(seed, shape=(9, 14), starts=(9, 11), missing=missing)
    fit = imputation(panel, seasonality=5)
    assume(not fit.caveats)
    for effect in fit.effects:
        rows = chosen_rows(panel, effect.estimand, effect.group)
        dense = imputation_weights(panel, rows, 5) @ panel.values("outcome")
        assert effect.value == pytest.approx(dense, abs=1e-8)


def test_seasons_in_the_outcome_move_nothing_once_units_have_their_own(draw: Draw) -> None:
    panel = draw(2, shape=(9, 30), starts=(18, 22))
    random = np.random.default_rng(2)
    angle = 2 * np.pi * panel.rows["period"].to_numpy() / 12
    cosine, sine = (random.normal(0, 5, 9)[panel.unit_codes] for _ in range(2))
    season = cosine * np.cos(angle) + sine * np.sin(angle)
    moved = dataclasses.replace(
        panel, rows=panel.rows.with_columns(outcome=pl.col("outcome") + pl.Series(season))
    )
    before, after = (imputation(p, seasonality=12).effect.value for p in (panel, moved))
    assert after == pytest.approx(before, abs=1e-8)
    assert abs(imputation(moved).effect.value - imputation(panel).effect.value) > 0.1


def test_one_cohort_on_a_balanced_panel_is_twfe(draw: Draw) -> None:
    panel = draw(4, starts=(3,))
    weight = pl.col("weight").first().over("unit")
    panel = dataclasses.replace(panel, rows=panel.rows.with_columns(weight=weight), covariates=())
    assert imputation(panel).effect.value == pytest.approx(twfe(panel).effect.value, abs=EQUAL)


# ------------------------------------------------------------------ the variance


def brute_force_scores(panel: Panel, rows: Array, *, leave_out: bool) -> Array:
    """Return each site's sum of v times recentred residual, by the definitions, site by site."""
    weights = imputation_weights(panel, rows)
    treated, site = panel.treated, panel.site_codes
    z, root = untreated_design(panel), np.sqrt(panel.values("weight"))
    fitted = np.linalg.lstsq(
        (z * root[:, None])[~treated], (panel.values("outcome") * root)[~treated], rcond=1e-10
    )[0]
    residual = panel.values("outcome") - z @ fitted
    recentred = residual.copy()
    for cohort in panel.adoption.cohorts:
        for time in np.unique(panel.event_time[treated]):
            group = treated & (panel.first_treated == cohort) & (panel.event_time == time)
            for own in np.unique(site[group]):
                others = np.setdiff1d(np.unique(site[group]), [own] if leave_out else [])
                sums = np.array(
                    [
                        [w.sum(), (w * residual[r]).sum()]
                        for r in (group & (site == s) for s in others)
                        for w in [panel.values("weight")[r]]
                    ]
                )
                average = (sums[:, 0] * sums[:, 1]).sum() / (sums[:, 0] ** 2).sum()
                recentred[group & (site == own)] -= average
    return np.bincount(site, weights * recentred)


@pytest.mark.parametrize("leave_out", [True, False])
@pytest.mark.parametrize("missing", [0.0, 0.1])
def test_influence_is_weight_times_recentred_residual(
    draw: Draw, leave_out: bool, missing: float
) -> None:
    panel = draw(11, shape=(24, 6), per_site=2, missing=missing)
    fit = imputation(panel, leave_out=leave_out)
    assert fit.influence is not None
    for j, effect in enumerate(fit.effects):
        rows = chosen_rows(panel, effect.estimand, effect.group)
        wanted = brute_force_scores(panel, rows, leave_out=leave_out)
        assert fit.influence[:, j] == pytest.approx(wanted, abs=EQUAL)


def test_effects_of_one_own_cell_are_held_against_the_same_event_time(draw: Draw) -> None:
    # Two sites of two cohorts: each cell has one site, each event time both.
    panel = draw(12, shape=(12, 8), starts=(4, 5))
    first = dict(zip(panel.units, [4, 5], strict=False))
    panel = panel.with_adoption(Adoption(site=panel.adoption.site, first_treated=first))
    fit = imputation(panel)
    assert fit.influence is not None
    influence = fit.influence[:, 0]
    assert np.abs(influence[:2]).min() > 0
    assert not any("no second pilot site" in text for text in fit.caveats)


def test_one_pilot_site_has_no_part_of_its_own_and_says_so(draw: Draw) -> None:
    panel = draw(12)
    alone = panel.site_alone(panel.adoption.pilot_sites[0])
    fit = imputation(alone)
    assert any("no second pilot site" in text for text in fit.caveats)
    assert fit.effect.n_pilot_sites == 1


def test_an_exact_fit_has_no_influence(draw: Draw) -> None:
    panel = draw(13)
    exact = panel.treated * 2.0 + panel.unit_codes + 0.5 * panel.period_codes
    fit = imputation(
        dataclasses.replace(panel, rows=panel.rows.with_columns(outcome=pl.Series(exact)))
    )
    assert fit.influence is not None
    assert (fit.influence == 0).all()


# ------------------------------------------------------------------ what cannot be had


def kept(panel: Panel, rows: pl.Expr) -> Panel:
    return dataclasses.replace(panel, rows=panel.rows.filter(rows), covariates=())


def test_a_unit_without_earlier_periods_is_left_out_and_counted(draw: Draw) -> None:
    panel = draw(14)
    part = kept(panel, (pl.col("unit") != "u00") | (pl.col("period") >= 3))
    without = kept(panel, pl.col("unit") != "u00")
    fit = imputation(part)
    assert fit.caveats[0].startswith("3 treated observations are left out: a unit that is never")
    assert fit.n_obs == without.rows.height
    assert (fit.n_units, fit.n_sites) == (9, 9)
    assert values_of(fit) == pytest.approx(values_of(imputation(without)), abs=EQUAL)


def test_a_period_without_untreated_observation_is_left_out_and_counted(draw: Draw) -> None:
    panel = draw(14)
    part = kept(panel, (pl.col("period") < 5) | pl.col("unit").is_in(["u00", "u01", "u02", "u03"]))
    fit = imputation(part)
    assert fit.caveats == (
        "4 treated observations are left out: nobody untreated is observed that they could be "
        "held against.",
    )
    by_name = {(e.estimand, e.group): e for e in fit.effects}
    assert np.isnan(by_name["calendar", "5"].value)
    assert by_name["calendar", "5"].observed is None
    assert "Not estimated" in by_name["calendar", "5"].caveats[0]
    before = imputation(kept(panel, pl.col("period") < 5))
    assert fit.effect.value == pytest.approx(before.effect.value, abs=EQUAL)


def test_units_that_no_period_connects_are_not_compared(draw: Draw) -> None:
    # Pilot units are seen untreated in periods 0 and 1 alone, where nobody else is.
    panel = draw(15, starts=(2,))
    pilot = pl.col("unit").is_in(["u00", "u01"])
    apart = kept(panel, pl.when(pilot).then(pl.lit(value=True)).otherwise(pl.col("period") >= 2))
    with pytest.raises(EstimationError, match="there is no comparison"):
        imputation(apart)


def test_everybody_treated_in_the_end_loses_the_end_alone(draw: Draw) -> None:
    panel = draw(16, shape=(6, 8))
    starts = {unit: 3 + i % 3 for i, unit in enumerate(panel.units)}
    panel = panel.with_adoption(Adoption(site=panel.adoption.site, first_treated=starts))
    fit = imputation(dataclasses.replace(panel, covariates=()))
    by_name = {(e.estimand, e.group): e.value for e in fit.effects}
    assert np.isfinite(by_name["calendar", "4"])
    assert np.isnan([by_name["calendar", str(t)] for t in (5, 6, 7)]).all()
    assert np.isnan(by_name["cohort", "5"])
    assert np.isfinite(fit.effect.value)


def test_a_covariate_that_says_nothing_new_is_named(draw: Draw) -> None:
    panel = draw(17)
    rows = panel.rows.with_columns(again=2 * pl.col("x") + pl.col("period").cast(pl.Float64))
    fit = imputation(dataclasses.replace(panel, rows=rows, covariates=("x", "again")))
    assert any("Not adjusted for again" in text for text in fit.caveats)
    assert fit.effect.value == pytest.approx(imputation(panel).effect.value, abs=EQUAL)


def test_two_periods_a_year_make_no_season(draw: Draw) -> None:
    with pytest.raises(EstimationError, match="no season of 2 periods"):
        imputation(draw(1), seasonality=2)


def values_of(fit: Fit) -> dict[tuple[str, str], float]:
    return {(e.estimand, e.group): e.value for e in fit.effects}


# ------------------------------------------------------------------ leads


def test_leads_are_least_squares_on_untreated_rows(draw: Draw) -> None:
    panel = draw(18, shape=(12, 8), starts=(4, 6), missing=0.05)
    fit = pretrend_leads(panel, leads=2)
    assert [effect.group for effect in fit.effects] == ["-2", "-1"]
    untreated = ~panel.treated
    focal = (panel.event_time[:, None] == np.array([-2, -1])).astype(float)
    design = np.hstack([focal, untreated_design(panel)])[untreated]
    root = np.sqrt(panel.values("weight"))[untreated]
    outcome = panel.values("outcome")[untreated]
    dense = np.linalg.lstsq(design * root[:, None], outcome * root, rcond=None)[0]
    assert [effect.value for effect in fit.effects] == pytest.approx(dense[:2], abs=EQUAL)
    assert fit.linear is not None
    assert fit.n_obs == untreated.sum()


def test_treated_outcomes_do_not_move_leads(draw: Draw) -> None:
    panel = draw(19)
    moved = dataclasses.replace(
        panel,
        rows=panel.rows.with_columns(outcome=pl.col("outcome") + pl.Series(99.0 * panel.treated)),
    )
    found = [values_of(pretrend_leads(p, leads=2)) for p in (panel, moved)]
    assert found[0] == found[1]


def test_no_leads_are_refused(draw: Draw) -> None:
    with pytest.raises(EstimationError, match="there are no 0 leads"):
        pretrend_leads(draw(1), leads=0)
