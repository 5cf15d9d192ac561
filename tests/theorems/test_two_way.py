"""Identities of the linear estimators."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evaluation.estimators import event_study, poisson, twfe
from evaluation.findings import Estimator
from evaluation.panel import Adoption, Panel

# Two ways to the same number in double precision on some hundred rows.
EQUAL = 1e-10
# The same after adding effects that are 1,000 times the noise.
SHIFTED = 1e-8

SEEDS = st.integers(0, 10_000)
FEW = settings(max_examples=12, deadline=None)
Draw = Callable[..., Panel]


def dense_coefficients(panel: Panel, focal: np.ndarray) -> np.ndarray:
    dummies = [
        (codes[:, None] == np.arange(first, codes.max() + 1)).astype(float)
        for codes, first in ((panel.unit_codes, 0), (panel.period_codes, 1))
    ]
    covariates = [panel.values(name) for name in panel.covariates]
    design = np.column_stack([focal, *covariates, *dummies])
    root = np.sqrt(panel.values("weight"))
    solved = np.linalg.lstsq(design * root[:, None], panel.values("outcome") * root, rcond=None)
    return np.asarray(solved[0])


@FEW
@given(seed=SEEDS, missing=st.sampled_from([0.0, 0.2]))
def test_twfe_is_least_squares_with_dummies(draw: Draw, seed: int, missing: float) -> None:
    panel = draw(seed, missing=missing)
    fit = twfe(panel)
    dense = dense_coefficients(panel, panel.treatment)
    assert fit.effect.value == pytest.approx(dense[0], abs=EQUAL)
    assert fit.linear is not None
    assert fit.linear.contrasts @ fit.linear.coef == pytest.approx([fit.effect.value], abs=EQUAL)
    assert fit.linear.coef[1] == pytest.approx(dense[1], abs=EQUAL)


@FEW
@given(seed=SEEDS, missing=st.sampled_from([0.0, 0.1]), ends=st.sampled_from([None, 1, 2]))
def test_event_study_is_least_squares_with_dummies(
    draw: Draw, seed: int, missing: float, ends: int | None
) -> None:
    panel = draw(seed, missing=missing)
    fit = event_study(panel, bin_ends=ends, interaction_weighted=False)
    bound = ends or 99
    times = np.clip(panel.event_time, -bound, bound)
    shown = [int(effect.group) for effect in fit.effects]
    dense = dense_coefficients(panel, (times[:, None] == np.array(shown)).astype(float))
    values = np.array([effect.value for effect in fit.effects])
    assert shown == sorted(shown)
    assert -1 not in shown
    assert values == pytest.approx(dense[: values.size], abs=EQUAL)
    assert fit.linear is not None
    assert fit.linear.contrasts @ fit.linear.coef == pytest.approx(values, abs=EQUAL)


@FEW
@given(seed=SEEDS, missing=st.sampled_from([0.0, 0.1]), ends=st.sampled_from([None, 1, 2]))
def test_interaction_weighting_averages_starts_by_their_share(
    draw: Draw, seed: int, missing: float, ends: int | None
) -> None:
    panel = draw(seed, missing=missing)
    fit = event_study(panel, bin_ends=ends, with_averages=True)
    bound = ends or 99
    times = np.clip(panel.event_time, -bound, bound)
    starts = panel.first_treated
    cells = sorted(
        {(g, e) for g, e in zip(starts, times, strict=True) if not np.isnan(g) and e != -1}
    )
    focal = np.array([(starts == g) & (times == e) for g, e in cells], dtype=float).T
    dense = dense_coefficients(panel, focal)[: len(cells)]
    by_row, weight = focal @ dense, panel.values("weight")
    period, after = panel.rows["period"].to_numpy(), panel.treated
    for effect in fit.effects:
        rows = {
            "overall": after,
            "cohort": after & (starts == float(effect.group or "nan")),
            "calendar": after & (period == float(effect.group or "nan")),
            "event_time": times == float(effect.group or "nan"),
        }[effect.estimand]
        assert effect.value == pytest.approx(
            np.average(by_row[rows], weights=weight[rows]), abs=EQUAL
        )
        assert effect.observed == pytest.approx(
            np.average(panel.values("outcome")[rows], weights=weight[rows])
        )
    values = [effect.value for effect in fit.effects]
    assert fit.linear is not None
    assert fit.linear.contrasts @ fit.linear.coef == pytest.approx(values, abs=EQUAL)


def test_one_start_needs_no_weighting(draw: Draw) -> None:
    panel = draw(2, starts=(3,))
    fits = [event_study(panel, interaction_weighted=apart) for apart in (None, True, False)]
    values = [[effect.value for effect in fit.effects] for fit in fits]
    assert values[0] == values[2]
    assert values[0] == pytest.approx(values[1], abs=EQUAL)


def test_effects_that_differ_between_starts_are_not_mixed(draw: Draw) -> None:
    # The earlier start has an effect that grows, the later one none.
    panel = draw(3, starts=(2, 4), shape=(12, 8))
    panel = dataclasses.replace(panel, covariates=())
    grows = np.where(panel.first_treated == 2, np.maximum(panel.event_time + 1, 0), 0.0)
    moved = dataclasses.replace(
        panel,
        rows=panel.rows.with_columns(
            outcome=pl.Series(5.0 * panel.unit_codes + panel.period_codes + grows),
            weight=pl.lit(1.0),
        ),
    )
    by_time = {e.group: e.value for e in event_study(moved).effects}
    assert [by_time[lead] for lead in ("-3", "-2")] == pytest.approx([0, 0], abs=EQUAL)
    assert [by_time[lag] for lag in ("0", "1", "4", "5")] == pytest.approx(
        [0.5, 1, 5, 6], abs=EQUAL
    )
    mixed = {e.group: e.value for e in event_study(moved, interaction_weighted=False).effects}
    assert abs(mixed["-3"]) > 0.1


def test_one_cohort_and_two_periods_is_the_difference_in_differences_of_means(draw: Draw) -> None:
    panel = draw(3, starts=(1,), shape=(10, 2))
    panel = dataclasses.replace(
        panel, rows=panel.rows.with_columns(weight=pl.lit(1.0)), covariates=()
    )
    pilot = ~np.isnan(panel.first_treated)
    outcome, period = panel.values("outcome"), panel.period_codes
    change = [
        outcome[rows & (period == 1)].mean() - outcome[rows & (period == 0)].mean()
        for rows in (pilot, ~pilot)
    ]
    assert twfe(panel).effect.value == pytest.approx(change[0] - change[1], abs=EQUAL)
    assert twfe(panel).effect.observed == pytest.approx(outcome[pilot & (period == 1)].mean())


def test_an_event_study_with_two_periods_is_twfe(draw: Draw) -> None:
    panel = draw(4, starts=(1,), shape=(10, 2))
    study = event_study(panel)
    assert [effect.group for effect in study.effects] == ["0"]
    assert study.effect.value == pytest.approx(twfe(panel).effect.value, abs=EQUAL)
    assert study.effect.observed == twfe(panel).effect.observed


@FEW
@given(seed=SEEDS)
def test_unit_and_period_effects_in_the_outcome_move_nothing(draw: Draw, seed: int) -> None:
    panel = draw(seed, missing=0.1)
    random = np.random.default_rng([seed, 1])
    shift = (
        random.normal(0, 1000, len(panel.units))[panel.unit_codes]
        + random.normal(0, 1000, len(panel.periods))[panel.period_codes]
    )
    moved = dataclasses.replace(
        panel, rows=panel.rows.with_columns(outcome=pl.col("outcome") + pl.Series(shift))
    )
    for estimator in (twfe, event_study):
        before, after = ([effect.value for effect in estimator(p).effects] for p in (panel, moved))
        assert after == pytest.approx(before, abs=SHIFTED)


@FEW
@given(seed=SEEDS, factor=st.floats(0.01, 100))
def test_scaling_the_outcome_scales_the_effect(draw: Draw, seed: int, factor: float) -> None:
    panel = draw(seed)
    scaled = dataclasses.replace(
        panel, rows=panel.rows.with_columns(outcome=factor * pl.col("outcome"))
    )
    assert twfe(scaled).effect.value == pytest.approx(factor * twfe(panel).effect.value, rel=1e-9)


@pytest.mark.parametrize("estimator", [twfe, event_study, poisson])
def test_names_and_the_order_of_rows_move_nothing(draw: Draw, estimator: Estimator) -> None:
    panel = draw(5, measure="rate", missing=0.1)
    renamed = {name: f"z{99 - i}" for i, name in enumerate(panel.units)}
    adoption = panel.adoption
    other = dataclasses.replace(
        panel,
        rows=panel.rows.sample(fraction=1, shuffle=True, seed=1).with_columns(
            unit=pl.col("unit").replace_strict(renamed)
        ),
        adoption=Adoption(
            site={renamed[u]: s[::-1] for u, s in adoption.site.items()},
            first_treated={renamed[u]: g for u, g in adoption.first_treated.items()},
        ),
    )
    fits = [estimator(p) for p in (panel, other)]
    values = [[effect.value for effect in fit.effects] for fit in fits]
    assert values[0] == pytest.approx(values[1], abs=EQUAL)


def test_a_unit_twice_in_its_site_changes_no_coefficient(draw: Draw) -> None:
    panel = draw(6)
    twin = {name: f"{name}b" for name in panel.units}
    adoption = panel.adoption
    doubled = dataclasses.replace(
        panel,
        rows=pl.concat([panel.rows, panel.rows.with_columns(unit=pl.col("unit").replace(twin))]),
        adoption=Adoption(
            site={**adoption.site, **{twin[u]: s for u, s in adoption.site.items()}},
            first_treated={
                **adoption.first_treated,
                **{twin[u]: g for u, g in adoption.first_treated.items()},
            },
        ),
    )
    assert twfe(doubled).effect.value == pytest.approx(twfe(panel).effect.value, abs=EQUAL)
    assert twfe(doubled).n_sites == twfe(panel).n_sites
    assert twfe(doubled).n_units == 2 * twfe(panel).n_units
