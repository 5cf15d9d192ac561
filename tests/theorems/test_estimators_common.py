"""What holds for every estimator: one parametrised file, one line in the registry for each."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from functools import partial

import numpy as np
import polars as pl
import pytest

from evaluation.estimators import (
    callaway_santanna,
    event_study,
    imputation,
    synthetic_did,
    twfe,
)
from evaluation.findings import Effect, Estimator
from evaluation.panel import Adoption, Panel

# Estimator, and the name of the effect that two periods give it.
REGISTRY: dict[str, Estimator] = {
    "twfe": twfe,
    "twfe, by part": partial(twfe, by_part=True),
    "event_study": event_study,
    "event_study, with averages": partial(event_study, with_averages=True, by_library=False),
    "imputation": imputation,
    "imputation, by cell": partial(imputation, by_cell=True),
    "callaway_santanna": callaway_santanna(),
    "callaway_santanna, not yet treated, universal base": callaway_santanna(
        control_group="not_yet_treated", base_period="universal", overall="group"
    ),
    "synthetic_did": synthetic_did(),
    "synthetic_did, exact": synthetic_did(stopping="exact"),
    "synthetic_did, equal weights": synthetic_did(weights="uniform"),
}
# Its published noise level, and with it the ridge, takes any but a common trend for noise.
ONLY_TRENDS = {"synthetic_did", "synthetic_did, exact"}

# Two ways to the same number in double precision on some hundred rows.
EQUAL = 1e-9
# The same after adding effects that are 1,000 times the noise.
SHIFTED = 1e-7
CONSTANT = -1.75

Draw = Callable[..., Panel]
ALL = pytest.mark.parametrize("name", list(REGISTRY))


def plain(panel: Panel) -> Panel:
    """Return the panel without covariates, every row weighing the same."""
    return dataclasses.replace(
        panel, rows=panel.rows.with_columns(weight=pl.lit(1.0)), covariates=()
    )


def constant_weights(panel: Panel) -> Panel:
    """Return the panel without covariates, each unit weighing the same in all periods."""
    weight = pl.col("weight").first().over("unit")
    return dataclasses.replace(panel, rows=panel.rows.with_columns(weight=weight), covariates=())


def with_outcome(panel: Panel, outcome: np.ndarray) -> Panel:
    return dataclasses.replace(panel, rows=panel.rows.with_columns(outcome=pl.Series(outcome)))


def values(name: str, panel: Panel) -> dict[tuple[str, str], float]:
    effects: tuple[Effect, ...] = REGISTRY[name](panel).effects
    return {(effect.estimand, effect.group): effect.value for effect in effects}


@ALL
def test_one_cohort_and_two_periods_is_the_two_by_two(draw: Draw, name: str) -> None:
    panel = plain(draw(3, starts=(1,), shape=(10, 2)))
    pilot = ~np.isnan(panel.first_treated)
    outcome, period = panel.values("outcome"), panel.period_codes
    change = [
        outcome[rows & (period == 1)].mean() - outcome[rows & (period == 0)].mean()
        for rows in (pilot, ~pilot)
    ]
    found = values(name, panel)
    assert found
    for value in found.values():
        assert value == pytest.approx(change[0] - change[1], abs=EQUAL)


@ALL
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_unit_and_period_effects_in_the_outcome_move_nothing(
    draw: Draw, name: str, seed: int
) -> None:
    panel = constant_weights(draw(seed))
    random = np.random.default_rng([seed, 1])
    of_period = random.normal(0, 1000, len(panel.periods))
    if name in ONLY_TRENDS:
        of_period = np.linspace(0, 1000, of_period.size)
    shift = (
        random.normal(0, 1000, len(panel.units))[panel.unit_codes] + of_period[panel.period_codes]
    )
    moved = with_outcome(panel, panel.values("outcome") + shift)
    assert values(name, moved) == pytest.approx(values(name, panel), abs=SHIFTED)


@ALL
def test_names_and_the_order_of_rows_move_nothing(draw: Draw, name: str) -> None:
    panel = constant_weights(draw(5))
    renamed = {unit: f"z{99 - i}" for i, unit in enumerate(panel.units)}
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
    assert values(name, other) == pytest.approx(values(name, panel), abs=EQUAL)


@ALL
@pytest.mark.parametrize("factor", [0.01, -3.0, 1000.0])
def test_scaling_the_outcome_scales_every_effect(draw: Draw, name: str, factor: float) -> None:
    panel = constant_weights(draw(6))
    scaled = values(name, with_outcome(panel, factor * panel.values("outcome")))
    wanted = {key: factor * value for key, value in values(name, panel).items()}
    assert scaled == pytest.approx(wanted, abs=EQUAL * abs(factor))


def before_the_start(estimand: str, group: str) -> bool:
    if estimand == "group_time":
        start, period = (int(part) for part in group.split(":"))
        return period < start
    return estimand == "event_time" and int(group) < 0


@ALL
def test_a_constant_effect_without_noise_is_recovered(draw: Draw, name: str) -> None:
    panel = constant_weights(draw(7))
    random = np.random.default_rng(7)
    effects = (
        random.normal(0, 5, len(panel.units))[panel.unit_codes]
        + random.normal(0, 5, len(panel.periods))[panel.period_codes]
    )
    exact = with_outcome(panel, effects + CONSTANT * panel.treated)
    for (estimand, group), value in values(name, exact).items():
        is_lead = before_the_start(estimand, group)
        assert value == pytest.approx(0.0 if is_lead else CONSTANT, abs=EQUAL)


@ALL
def test_influence_has_a_row_a_site_and_a_column_an_effect(draw: Draw, name: str) -> None:
    panel = draw(8, per_site=2, shape=(20, 6))
    fit = REGISTRY[name](panel)
    if fit.influence is None:
        assert fit.linear is None or fit.linear.contrasts.shape[0] == len(fit.effects)
        return
    assert fit.influence.shape == (len(panel.sites), len(fit.effects))
    assert np.isfinite(fit.influence[:, [np.isfinite(e.value) for e in fit.effects]]).all()
